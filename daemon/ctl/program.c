/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

static bool
is_program(const char *path)
{
	struct stat st;

	if (access(path, X_OK) < 0 || stat(path, &st) < 0)
		return false;
	errno = EACCES; /* a folder of that name */
	return S_ISREG(st.st_mode);
}

static bool
try_folder(char *out, size_t size, const char *folder, size_t len, const char *below)
{
	int n = snprintf(out, size, "%.*s%s/relauditd", (int)len, folder, below);

	return n > 0 && (size_t)n < size && is_program(out);
}

static bool
beside_us(char *out, size_t size)
{
	char self[4096], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	return slash != NULL &&
	       (try_folder(out, size, self, (size_t)(slash - self), "") ||
		   try_folder(out, size, self, (size_t)(slash - self), "/../sbin"));
}

static bool
on_path(char *out, size_t size)
{
	const char *path = getenv("PATH"), *end;

	for (; path != NULL && *path != '\0'; path = *end == ':' ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (*path == '/' && try_folder(out, size, path, (size_t)(end - path), ""))
			return true;
	}
	return false;
}

int
ra_ctl_program(char *out, size_t size, struct ra_error *err)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/sbin" };
	const char *named = getenv("RELAUDITD");
	size_t i;

	if (named != NULL && *named != '\0') {
		snprintf(out, size, "%s", named);
		if (is_program(out))
			return 0;
		ra_error_set(err, -errno, "cannot run %.200s, which RELAUDITD names: %s", named,
		    strerror(errno));
		return RA_CTL_UNAVAILABLE;
	}
	if (beside_us(out, size) || on_path(out, size))
		return 0;
	for (i = 0; i < RA_ARRAY_SIZE(folders); i++)
		if (try_folder(out, size, folders[i], strlen(folders[i]), ""))
			return 0;
	ra_error_set(err, -ENOENT,
	    "cannot find the program relauditd, beside relauditctl or on PATH; name it with "
	    "RELAUDITD");
	return RA_CTL_UNAVAILABLE;
}

/* --- running --- */

struct child {
	pid_t pid;
	int in, out; /* our ends; -1: closed */
};

static void
child_exec(const char *const *argv, int in, int out)
{
	(void)dup2(in, STDIN_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	execv(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "relauditctl: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(RA_CTL_UNAVAILABLE);
}

static int
child_start(const char *const *argv, struct child *ret)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		int r = -errno;

		close(in[0]);
		close(in[1]);
		return r;
	}
	(void)fflush(NULL);
	ret->pid = fork();
	if (ret->pid == 0)
		child_exec(argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	ret->in = in[1];
	ret->out = out[0];
	(void)fcntl(ret->in, F_SETFL, O_NONBLOCK);
	return ret->pid < 0 ? -errno : 0;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
feed(struct child *c, const struct ra_buf *input, size_t *at)
{
	ssize_t n = write(c->in, ra_buf_text(input) + *at, input->len - *at);

	if (n > 0)
		*at += (size_t)n;
	/* A child that reads no further has its own reasons, and says them. */
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || *at == input->len)
		close_end(&c->in);
}

static int
drain(struct child *c, struct ra_buf *output)
{
	char part[65536];
	ssize_t n = read(c->out, part, sizeof(part));

	if (n > 0)
		return ra_buf_add(output, part, (size_t)n);
	if (n == 0 || errno != EINTR)
		close_end(&c->out);
	return 0;
}

static int
converse(struct child *c, const struct ra_buf *input, struct ra_buf *output, int64_t deadline)
{
	size_t at = 0;
	int r = 0;

	while (c->out >= 0 && r == 0) {
		struct pollfd fds[] = { { .fd = c->out, .events = POLLIN },
			{ .fd = c->in, .events = POLLOUT } };
		int64_t left = deadline - ra_clock_mono();

		if (left <= 0 || poll(fds, 2, (int)left) == 0)
			return -ETIMEDOUT;
		if (fds[1].revents != 0)
			feed(c, input, &at);
		if (fds[0].revents != 0)
			r = drain(c, output);
	}
	return r;
}

int
ra_ctl_program_run(const char *const *argv, const struct ra_buf *input, struct ra_buf *output,
    int64_t timeout, int *ret_status, struct ra_error *err)
{
	struct child c = { .in = -1, .out = -1 };
	char text[RA_UNIT_TEXT];
	int status = 0, r = child_start(argv, &c);

	if (r == 0)
		r = converse(&c, input, output, ra_clock_mono() + timeout);
	close_end(&c.in);
	close_end(&c.out);
	if (c.pid > 0) {
		if (r < 0)
			(void)kill(c.pid, SIGKILL);
		while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (r == -ETIMEDOUT)
		ra_error_set(err, r, "%.200s did not end within %s", argv[0],
		    ra_duration_human(timeout, text));
	else if (r < 0)
		ra_error_set(err, r, "cannot run %.200s: %s", argv[0], strerror(-r));
	*ret_status = status;
	return r < 0 ? RA_CTL_UNAVAILABLE : 0;
}
