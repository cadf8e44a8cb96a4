/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending the helper's process. The loop's process may be large: no fork. */
#include "helper_private.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXE	 "/proc/self/exe"
#define END_WAIT 250 /* ms, twice */

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
spawn(const char *exe, int fd, pid_t *ret)
{
	char *argv[] = { (char[]){ RA_HELPER_NAME }, NULL }, *envp[] = { NULL };
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

int
ra_helper_process_start(struct ra_helper *h, struct ra_error *err)
{
	const char *exe = h->exe != NULL ? h->exe : EXE;
	pid_t *dead = reallocarray(h->dead, h->dead_count + 1, sizeof(*dead));
	int fds[2], r;

	/* Room for it, so that it is reaped even if memory is short by then. */
	if (dead == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	h->dead = dead;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return ra_error_set(
		    err, -errno, "cannot make a socket for the helper: %s", strerror(errno));
	r = ra_watch_new(h->loop, fds[0], ra_helper_on_ready, h, &h->watch);
	if (r == 0) {
		r = -spawn(exe, fds[1], &h->pid);
		close(fds[1]);
	} else {
		close(fds[1]);
	}
	if (r < 0) {
		ra_watch_free(RA_TAKE(h->watch));
		close(fds[0]);
		h->pid = 0;
		return ra_error_set(err, r, "cannot start the helper %s: %s", exe, strerror(-r));
	}
	h->fd = fds[0];
	h->life++;
	h->started = ra_loop_now(h->loop);
	ra_helper_process_push(h);
	return 0;
}

bool
ra_helper_process_reap(struct ra_helper *h)
{
	size_t left = 0;

	for (size_t i = 0; i < h->dead_count; i++) {
		if (waitpid(h->dead[i], NULL, WNOHANG) == 0)
			h->dead[left++] = h->dead[i];
	}
	h->dead_count = left;
	return left == 0;
}

static void
forget(struct ra_helper *h)
{
	ra_watch_free(RA_TAKE(h->watch));
	h->watched = 0;
	h->resting = false;
	if (h->rest != NULL)
		ra_timer_stop(h->rest);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	ra_wire_reader_clear(&h->in);
	ra_buf_clear(&h->out);
	h->sent = 0;
}

void
ra_helper_process_lose(struct ra_helper *h)
{
	forget(h);
	if (h->pid == 0)
		return;
	(void)kill(h->pid, SIGKILL);
	h->dead[h->dead_count++] = h->pid;
	h->pid = 0;
	(void)ra_helper_process_reap(h);
}

/* True if it ended and was reaped. */
static bool
wait_for(pid_t pid)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	bool ended;

	if (p.fd >= 0) {
		(void)poll(&p, 1, END_WAIT);
		close(p.fd);
	}
	ended = waitpid(pid, NULL, WNOHANG) != 0;
	return ended;
}

void
ra_helper_process_end(struct ra_helper *h)
{
	forget(h);
	if (h->pid != 0 && !wait_for(h->pid)) {
		/* Stuck where even SIGKILL may not reach it: then it is init's. */
		(void)kill(h->pid, SIGKILL);
		(void)wait_for(h->pid);
	}
	h->pid = 0;
	(void)ra_helper_process_reap(h);
	free(RA_TAKE(h->dead));
}

void
ra_helper_process_push(struct ra_helper *h)
{
	int events = (h->resting ? 0 : POLLIN) | (h->out.len > h->sent ? POLLOUT : 0);

	/* libuv asks the kernel each time. */
	if (h->watch != NULL && h->watched != events && ra_watch_set(h->watch, events) == 0)
		h->watched = events;
}
