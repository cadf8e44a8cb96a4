/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, no allocation, a message at a time. */
#include "helper_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper_wire.h"

#define EXE	     "/proc/self/exe"
#define END_WAIT     250 /* ms */
#define STARVED_WAIT 50

/* --- starting a process --- */

static int
set_actions(posix_spawn_file_actions_t *actions, int fd)
{
	int r = posix_spawn_file_actions_adddup2(actions, fd, RA_WIRE_FD);

	if (r == 0)
		r = posix_spawn_file_actions_addopen(
		    actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(
		    actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	return r;
}

static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawnattr_setsigdefault(attr, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (r == 0)
		r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	return r;
}

/* With no environment at all. Positive errno. */
static int
spawn(const char *exe, const char *name, int fd, pid_t *ret)
{
	char *argv[] = { (char *)(uintptr_t)name, NULL }, *envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return r;
	r = posix_spawnattr_init(&attr);
	if (r != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return r;
	}
	r = set_actions(&actions, fd);
	if (r == 0)
		r = set_attributes(&attr);
	if (r == 0)
		r = posix_spawn(ret, exe, &actions, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* --- the loop's side --- */

int
ra_keeper_start(pid_t *ret_pid, int *ret_fd)
{
	int fds[2], r;

	/* Messages keep their bounds, and an end is seen as with a stream. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	r = -spawn(EXE, RA_KEEPER_NAME, fds[1], ret_pid);
	close(fds[1]);
	if (r < 0)
		close(fds[0]);
	else
		*ret_fd = fds[0];
	return r;
}

static int
send_fd(int keeper, const char *exe, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec text = { (char *)(uintptr_t)exe, strlen(exe) + 1 };
	struct msghdr message = { .msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(keeper, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int
ra_keeper_ask(int keeper, const char *exe, int fd)
{
	int answer, r;
	ssize_t n;

	/* What was asked before and answered too late. */
	while ((n = recv(keeper, &answer, sizeof(answer), MSG_DONTWAIT)) > 0)
		;
	if (n == 0)
		return -EPIPE;
	if (exe != NULL && strlen(exe) >= RA_KEEPER_EXE)
		return -ENAMETOOLONG;
	r = send_fd(keeper, exe != NULL ? exe : EXE, fd);
	return r == -ECONNRESET ? -EPIPE : r;
}

int
ra_keeper_answer(int keeper, int wait_ms, pid_t *ret_pid)
{
	struct pollfd p = { .fd = keeper, .events = POLLIN };
	int answer, r;
	ssize_t n;

	do
		r = poll(&p, 1, wait_ms);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return -ETIMEDOUT;
	n = recv(keeper, &answer, sizeof(answer), MSG_DONTWAIT);
	if (n != (ssize_t)sizeof(answer))
		return -EPIPE;
	if (answer < 0)
		return answer;
	*ret_pid = answer;
	return 0;
}

void
ra_keeper_kill(int keeper)
{
	(void)!send(keeper, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- the keeper itself --- */

/*
 * As the helper's; and the dead are reaped by the kernel, so that nobody must wait for them. But
 * the death of the daemon is no signal to us: the end of our stream is. With us the helper would be
 * killed, before it has ended what it runs, of which no child of a child would hear.
 */
static void
prepare(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD };

	for (size_t i = 0; i < RA_ARRAY_SIZE(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NAME, "relaudit-keeper");
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	(void)syscall(SYS_close_range, RA_WIRE_FD + 1, ~0U, 0);
	(void)fcntl(RA_WIRE_FD, F_SETFD, FD_CLOEXEC);
}

/* The length of the path, 0: the end. *ret_fd: -1 for none. */
static ssize_t
receive(char exe[RA_KEEPER_EXE], int *ret_fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec text = { exe, RA_KEEPER_EXE };
	struct msghdr message = { .msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	const struct cmsghdr *head;
	ssize_t n;

	*ret_fd = -1;
	/* Another keeper cannot be had: only the end of the stream is our end. */
	while ((n = recvmsg(RA_WIRE_FD, &message, MSG_CMSG_CLOEXEC)) < 0) {
		if (errno != EINTR && errno != ENOMEM && errno != ENOBUFS)
			return 0;
		if (errno != EINTR)
			(void)poll(NULL, 0, STARVED_WAIT);
	}
	if (n == 0)
		return 0;
	exe[n - 1] = '\0';
	head = CMSG_FIRSTHDR(&message);
	if (head != NULL && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(head), sizeof(*ret_fd));
	return n;
}

/* By its descriptor: its number may be another's by now. */
static void
end(int *helper)
{
	if (*helper < 0)
		return;
	(void)syscall(SYS_pidfd_send_signal, *helper, SIGKILL, NULL, 0);
	close(*helper);
	*helper = -1;
}

static int
start(const char *exe, int fd, int *helper)
{
	pid_t pid;
	int r = spawn(exe, RA_HELPER_NAME, fd, &pid);

	if (r != 0)
		return -r;
	*helper = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

int
ra_keeper_main(void)
{
	static char exe[RA_KEEPER_EXE];
	struct pollfd helper = { .fd = -1, .events = POLLIN };
	int fd, answer;

	prepare();
	while (receive(exe, &fd) > 0) {
		end(&helper.fd);
		if (fd < 0)
			continue;
		answer = start(exe, fd, &helper.fd);
		close(fd);
		(void)!send(RA_WIRE_FD, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	/* It was told to end, by the end of its own stream. */
	if (helper.fd >= 0)
		(void)poll(&helper, 1, END_WAIT);
	end(&helper.fd);
	return EXIT_SUCCESS;
}
