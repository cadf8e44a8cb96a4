/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests/run --valgrind only, preloaded: what valgrind 3.19 does otherwise than the kernel when
 * a process starts or ends another. To it /proc/self/exe is valgrind itself; argv[0] is lost; and
 * as it makes a fork of a vfork, glibc does not hear that a program could not be executed. It knows
 * no pidfd.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int spawner(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);

#define NAME "RELAUDIT_ARGV0"

/* glibc gives main the same array. It stays set: valgrind's launcher comes through here first. */
__attribute__((constructor)) static void
restore_name(int argc, char *argv[])
{
	static char name[256];

	if (getenv(NAME) == NULL)
		return;
	(void)snprintf(name, sizeof(name), "%s", getenv(NAME));
	argv[0] = name;
}

int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	spawner *next = (spawner *)(uintptr_t)dlsym(RTLD_NEXT, "posix_spawn");
	char own[4096], preload[4200], name[256];
	char *with[] = { preload, name, NULL };
	Dl_info here;
	ssize_t n;

	if (strcmp(path, "/proc/self/exe") != 0)
		return access(path, X_OK) < 0 ? errno : next(pid, path, actions, attr, argv, envp);
	/* Of this link valgrind tells the truth. */
	n = readlink(path, own, sizeof(own) - 1);
	if (n < 0 || dladdr((void *)(uintptr_t)posix_spawn, &here) == 0)
		return ENOENT;
	own[n] = '\0';
	/* The keeper starts helpers: it needs this too, and is given no environment. */
	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", here.dli_fname);
	(void)snprintf(name, sizeof(name), NAME "=%s", argv[0]);
	return next(pid, own, actions, attr, argv, with);
}

/* --- descriptors of processes --- */

static pid_t pid_of[256];

/* It never tells that the process has ended: who polls it waits as long as he would at most. */
static long
pidfd_open(pid_t pid)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd >= 0 && fd < (int)(sizeof(pid_of) / sizeof(pid_of[0])))
		pid_of[fd] = pid;
	return fd;
}

/* A child that is about to end is left the time to look for leaks, which is more than its parent
   would wait. */
static long
pidfd_kill(pid_t pid, int signum)
{
	for (int i = 0; signum == SIGKILL && i < 250; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return 0;
		(void)poll(NULL, 0, 20);
	}
	return kill(pid, signum);
}

long
syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_pidfd_open)
		return pidfd_open((pid_t)a[0]);
	if (number == SYS_pidfd_send_signal)
		return pidfd_kill(pid_of[a[0] & 255], (int)a[1]);
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
