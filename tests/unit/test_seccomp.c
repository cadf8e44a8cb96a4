/* SPDX-License-Identifier: Apache-2.0 */
/* The filter, each call in a child process of its own: a filter is for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relaudit/io/seccomp.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1 /* their reports take calls that are forbidden else */
#else
#define SANITIZED 0
#endif

#define UNFILTERED 77

struct call {
	const char *name; /* the kernel's */
	long (*make)(void);
};

static char *const nothing[] = { (char[]){ "/bin/true" }, NULL };

/* clang-format off */
#define CALL(name, ...) \
	__attribute__((unused)) static long do_##name(void) { return (long)(__VA_ARGS__); }
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)

CALL(execve, syscall(SYS_execve, nothing[0], nothing, nothing + 1))
CALL(execveat, syscall(SYS_execveat, -1, nothing[0], nothing, nothing + 1, 0))
CALL(fork, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
CALL(vfork, syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0))
CALL(ptrace, ptrace(PTRACE_TRACEME, 0, 0, 0))
CALL(mount, mount("none", "/nowhere", "tmpfs", 0, NULL))
CALL(unshare, syscall(SYS_unshare, CLONE_NEWUSER))
CALL(setuid, syscall(SYS_setuid, 0))
CALL(kill, kill(getppid(), 0))
CALL(tgkill, syscall(SYS_tgkill, getppid(), getppid(), 0))
CALL(chmod, syscall(SYS_fchmodat, AT_FDCWD, "/nowhere", 0777))
CALL(link, syscall(SYS_linkat, AT_FDCWD, "/a", AT_FDCWD, "/b", 0))
CALL(setrlimit, setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }))
CALL(bpf, syscall(SYS_bpf, 0, NULL, 0))
CALL(keyctl, syscall(SYS_keyctl, 0, 0))
CALL(io_uring, syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL))
CALL(packet, socket(AF_PACKET, SOCK_RAW, 0))
CALL(netlink, socket(AF_NETLINK, SOCK_RAW, 0))
CALL(vsock, socket(AF_VSOCK, SOCK_STREAM, 0))
CALL(tiocsti, ioctl(0, TIOCSTI, "x"))
CALL(dumpable, prctl(PR_SET_DUMPABLE, 1))
CALL(mmap, mmap(NULL, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
CALL(mprotect, mprotect(NULL, 4096, PROT_READ | PROT_EXEC))
/* clang-format on */

static const struct call forbidden[] = {
	{ "execve", do_execve },
	{ "execveat", do_execveat },
	{ "mount", do_mount },
	{ "unshare", do_unshare },
	{ "setuid", do_setuid },
	{ "kill", do_kill },
	{ "fchmodat", do_chmod },
	{ "linkat", do_link },
	{ "bpf", do_bpf },
	{ "keyctl", do_keyctl },
	{ "io_uring_enter", do_io_uring },
	{ "socket", do_packet },
	{ "socket", do_netlink },
	{ "socket", do_vsock },
	{ "ioctl", do_tiocsti },
	{ "mmap", do_mmap },
#if !SANITIZED
	{ "clone", do_fork },
	{ "clone", do_vfork },
	{ "ptrace", do_ptrace },
	{ "tgkill", do_tgkill },
	{ "prlimit64", do_setrlimit },
	{ "prctl", do_dumpable },
	{ "mprotect", do_mprotect },
#endif
};

/* The wait status of a child that starts the filter and then runs fn; what it said in text. */
static int
in_child(enum ra_seccomp how, int (*fn)(const void *arg), const void *arg, char text[256])
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		_exit(ra_seccomp_start(how, NULL) < 0 ? UNFILTERED : fn(arg));
	}
	close(fds[1]);
	n = read(fds[0], text, 255);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNFILTERED)
		skip(); /* a container that forbids it */
	return status;
}

static int
make(const void *arg)
{
	const struct call *call = arg;

	return call->make() == -1 && errno == EPERM ? 0 : 1;
}

static void
test_others_end_the_process(void **state)
{
	char text[256];

	for (size_t i = 0; i < RA_ARRAY_SIZE(forbidden); i++) {
		int status = in_child(RA_SECCOMP_KILL, make, &forbidden[i], text);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%zu %s: status %#x", i, forbidden[i].name, (unsigned)status);
	}
}

static void
test_others_are_named(void **state)
{
	char text[256], line[128];

	for (size_t i = 0; i < RA_ARRAY_SIZE(forbidden); i++) {
		assert_int_equal(in_child(RA_SECCOMP_LOG, make, &forbidden[i], text), 0);
		snprintf(line, sizeof(line), "relauditd: seccomp: forbidden system call %s (",
		    forbidden[i].name);
		if (strstr(text, line) != text)
			fail_msg("%s: %s", line, text);
	}
}

static void *
forbidden_in_a_thread(void *arg)
{
	pthread_barrier_t *filtered = arg;

	pthread_barrier_wait(filtered);
	(void)do_unshare();
	return NULL;
}

/* A thread that was there before is under it too. */
static void
test_all_threads(void **state)
{
	pthread_barrier_t filtered;
	pthread_t thread;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pthread_barrier_init(&filtered, NULL, 2);
		pthread_create(&thread, NULL, forbidden_in_a_thread, &filtered);
		if (ra_seccomp_start(RA_SECCOMP_KILL, NULL) < 0)
			_exit(UNFILTERED);
		pthread_barrier_wait(&filtered);
		pthread_join(thread, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNFILTERED)
		skip();
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void *
none(void *arg)
{
	return arg;
}

static int
use_what_is_needed(const void *arg)
{
	pthread_t thread;
	struct rlimit limit;
	int fds[2];

	if (pthread_create(&thread, NULL, none, fds) != 0 || pthread_join(thread, NULL) != 0)
		return 1;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || socket(AF_INET6, SOCK_DGRAM, 0) < 0)
		return 2;
	if (open("/dev/null", O_WRONLY | O_CLOEXEC) < 0 || getrlimit(RLIMIT_CORE, &limit) < 0)
		return 3;
	if (prctl(PR_SET_NAME, "still") < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return 4;
	return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? 0 : 5;
}

static void
test_what_is_needed(void **state)
{
	char text[256];

	assert_int_equal(in_child(RA_SECCOMP_KILL, use_what_is_needed, NULL, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(in_child(RA_SECCOMP_LOG, use_what_is_needed, NULL, text), 0);
	assert_string_equal(text, "");
}

static int
unfiltered(const void *arg)
{
	return prctl(PR_GET_SECCOMP) == 0 ? 0 : 1;
}

static void
test_wanted(void **state)
{
	char text[256];

	setenv("RELAUDIT_SECCOMP", "log", 1);
	assert_int_equal(ra_seccomp_wanted(), RA_SECCOMP_LOG);
	assert_null(getenv("RELAUDIT_SECCOMP"));
	assert_int_equal(ra_seccomp_wanted(), RA_SECCOMP_KILL);
	setenv("RELAUDIT_SECCOMP", "no", 1);
	assert_int_equal(ra_seccomp_wanted(), RA_SECCOMP_KILL);
	setenv("RELAUDIT_SECCOMP", "off", 1);
	assert_int_equal(ra_seccomp_wanted(), RA_SECCOMP_OFF);
	assert_int_equal(in_child(RA_SECCOMP_OFF, unfiltered, NULL, text), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_end_the_process),
		cmocka_unit_test(test_others_are_named),
		cmocka_unit_test(test_all_threads),
		cmocka_unit_test(test_what_is_needed),
		cmocka_unit_test(test_wanted),
	};

	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
