/* SPDX-License-Identifier: Apache-2.0 */
#include "exec.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPU_LIMIT   60 /* seconds of CPU */
#define SIZE_LIMIT  (UINT64_C(1) << 30) /* of any file it writes */
#define FILES_LIMIT 256

/* --- looking at the program --- */

/* Others than root and us may not write it. */
static bool
is_ours(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return false;
	return (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int
check_component(const char *path, enum ra_reason *ret_reason, struct ra_error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		*ret_reason = errno == EACCES ? RA_R_EXEC_DENIED : RA_R_EXEC_NOT_FOUND;
		return ra_error_set(err, -errno, "%s: %s", path, strerror(errno));
	}
	if (is_ours(&st))
		return 0;
	*ret_reason = RA_R_EXEC_UNSAFE;
	return ra_error_set(err, -EPERM,
	    "%s: others than root may change it (owner %u, mode %04o); `chown root` and `chmod "
	    "go-w` it, or move the command elsewhere",
	    path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
}

static int
check_components(char *path, enum ra_reason *ret_reason, struct ra_error *err)
{
	char *at = path;
	int r = check_component("/", ret_reason, err);

	while (r == 0 && (at = strchr(at + 1, '/')) != NULL) {
		*at = '\0';
		r = check_component(path, ret_reason, err);
		*at = '/';
	}
	return r < 0 ? r : check_component(path, ret_reason, err);
}

static bool
is_below(const char *path, const char *const *folders)
{
	char real[PATH_MAX];

	for (; folders != NULL && *folders != NULL; folders++) {
		size_t len;

		if (realpath(*folders, real) == NULL)
			continue;
		len = strcmp(real, "/") == 0 ? 0 : strlen(real);
		if (strncmp(path, real, len) == 0 && path[len] == '/')
			return true;
	}
	return false;
}

int
ra_exec_check(const char *path, const char *const *allow, char *ret_path,
    enum ra_reason *ret_reason, struct ra_error *err)
{
	struct stat st;
	int r;

	if (realpath(path, ret_path) == NULL) {
		*ret_reason = errno == EACCES ? RA_R_EXEC_DENIED : RA_R_EXEC_NOT_FOUND;
		return ra_error_set(err, -errno, "%s: %s", path, strerror(errno));
	}
	if (!is_below(ret_path, allow)) {
		*ret_reason = RA_R_EXEC_DENIED;
		if (strcmp(path, ret_path) == 0)
			return ra_error_set(
			    err, -EPERM, "%s is in no folder that is allowed", path);
		return ra_error_set(err, -EPERM,
		    "%s leads to %s, which is in no folder that is allowed", path, ret_path);
	}
	r = check_components(ret_path, ret_reason, err);
	if (r < 0)
		return r;
	*ret_reason = RA_R_EXEC_DENIED;
	if (stat(ret_path, &st) < 0 || !S_ISREG(st.st_mode) || access(ret_path, X_OK) < 0)
		return ra_error_set(err, -EACCES, "%s: not a program that we may run", ret_path);
	return 0;
}

/* --- the new process, up to its exec: nothing here but system calls --- */

static void
limit(int what, rlim_t value)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)what, &now) == 0 && value > now.rlim_max)
		value = now.rlim_max;
	(void)setrlimit((__rlimit_resource_t)what, &(struct rlimit){ value, value });
}

static void
set_limits(void)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, CPU_LIMIT);
	limit(RLIMIT_FSIZE, SIZE_LIMIT);
	limit(RLIMIT_NOFILE, FILES_LIMIT);
}

static void
reset_signals(void)
{
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The pipe that tells of a failure is moved out of the way of 0 to 2, then the rest is closed. */
static int
set_descriptors(const int fds[3], int *report)
{
	int moved[3], i;

	*report = fcntl(*report, F_DUPFD_CLOEXEC, 10);
	for (i = 0; i < 3; i++)
		if ((moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10)) < 0)
			return -1;
	for (i = 0; i < 3; i++)
		if (dup2(moved[i], i) < 0)
			return -1;
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	return *report;
}

static _Noreturn void
become(const char *path, const struct ra_child_request *request, const int fds[3], int report)
{
	ssize_t n;
	int error;

	(void)setsid();
	reset_signals();
	umask(022);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a helper that is killed takes it along */
	if (set_descriptors(fds, &report) >= 0 &&
	    chdir(request->folder != NULL ? request->folder : "/") == 0) {
		set_limits(); /* now that no descriptor is above the limit */
		(void)execve(path, (char *const *)(uintptr_t)request->argv,
		    (char *const *)(uintptr_t)request->environment);
	}
	error = errno;
	n = write(report, &error, sizeof(error));
	_exit(n > 0 ? 126 : 127);
}

/* What the pipe says before it closes: nothing, or why there was no exec. */
static int
await_exec(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? -error : 0;
}

static int
start(const char *path, const struct ra_child_request *request, const int fds[3], pid_t *ret_pid)
{
	int report[2], r;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(path, request, fds, report[1]);
	r = pid < 0 ? -errno : 0;
	close(report[1]);
	if (r == 0)
		r = await_exec(report[0]);
	close(report[0]);
	if (r < 0 && pid > 0)
		(void)waitpid(pid, NULL, 0);
	*ret_pid = pid;
	return r;
}

int
ra_exec(const struct ra_child_request *request, const int fds[3], pid_t *ret_pid,
    enum ra_reason *ret_reason, struct ra_error *err)
{
	char path[PATH_MAX];
	int r = ra_exec_check(request->argv[0], request->allow, path, ret_reason, err);

	if (r < 0)
		return r;
	r = start(path, request, fds, ret_pid);
	if (r == 0)
		return 0;
	switch (r) {
	case -ENOENT: /* it was there: the interpreter in its first line is not */
		*ret_reason = RA_R_EXEC_NOT_FOUND;
		return ra_error_set(
		    err, r, "%s: its interpreter does not exist (see its first line)", path);
	case -EACCES:
	case -ENOEXEC:
		*ret_reason = RA_R_EXEC_DENIED;
		break;
	case -EMFILE:
	case -ENFILE:
		*ret_reason = RA_R_NO_DESCRIPTORS;
		break;
	default:
		*ret_reason = RA_R_EXEC_START;
	}
	return ra_error_set(err, r, "%s: could not be started: %s", path, strerror(-r));
}
