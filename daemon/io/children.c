/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child is the leader of a session of its own. When it has ended, or must end, everything in its
 * session and its process group is killed; what left the session is an orphan of ours (we are its
 * subreaper) that belongs to no child, and is killed too. Nobody waits for pipes to close.
 */
#include "children.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/clock.h"

#include "exec.h"

#define GRACE	     RA_SECOND /* between TERM and KILL */
#define READ_AT_ONCE 65536

enum way { STDIN, STDOUT, STDERR };

struct child {
	struct child *next;
	uint64_t id;
	pid_t pid;
	int fds[3]; /* our ends, -1: closed */
	char *input;
	size_t input_len, input_sent;
	struct ra_buf output, errors;
	int64_t deadline, kill_at; /* kill_at 0: not told to end */
	enum ra_reason reason; /* why it was told to end */
	bool cancelled;
};

struct ra_children {
	void (*answer)(void *arg, uint64_t id, struct ra_child_answer *answer);
	void *arg;
	struct child *list;
	size_t count;
	int signals;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

struct ra_children *
ra_children_new(void (*answer)(void *arg, uint64_t id, struct ra_child_answer *answer), void *arg)
{
	struct ra_children *c = calloc(1, sizeof(*c));
	sigset_t set;

	if (c == NULL)
		return NULL;
	c->answer = answer;
	c->arg = arg;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
	    (c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

static void
child_free(struct child *child)
{
	int i;

	for (i = 0; i < 3; i++)
		close_fd(&child->fds[i]);
	/* Input and output may be secrets of somebody's. */
	if (child->input != NULL)
		explicit_bzero(child->input, child->input_len);
	free(child->input);
	ra_buf_free(&child->output);
	ra_buf_free(&child->errors);
	free(child);
}

/* --- ending --- */

static struct child *
find_session(const struct ra_children *c, pid_t sid)
{
	struct child *child;

	for (child = c->list; child != NULL; child = child->next)
		if (child->pid == sid)
			return child;
	return NULL;
}

/* Our own children as the kernel lists them, orphans that came to us included. */
static size_t
list_children(pid_t *pids, size_t max)
{
	char path[64];
	FILE *file;
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers fit */
	while (n < max && fscanf(file, "%d", &pids[n]) == 1)
		n++;
	(void)fclose(file);
	return n;
}

/*
 * Kills orphans that belong to no child that still runs, and reaps those that are dead. The death
 * of one is a SIGCHLD to us, which brings us here again for the orphans that it made.
 */
static bool
kill_orphans(const struct ra_children *c)
{
	pid_t pids[512];
	size_t n = list_children(pids, RA_ARRAY_SIZE(pids)), i;
	bool any = false;

	for (i = 0; i < n; i++) {
		pid_t sid = getsid(pids[i]);

		if (find_session(c, pids[i]) != NULL || find_session(c, sid) != NULL)
			continue;
		kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, WNOHANG);
		any = true;
	}
	return any;
}

/* A pid is the child's own until it has been waited for, and so is its session's number. */
static void
kill_all_of(const struct child *child, int signum)
{
	kill(-child->pid, signum);
}

static void
tell_end(struct child *child, enum ra_reason reason)
{
	if (child->kill_at != 0)
		return;
	child->reason = reason;
	child->kill_at = ra_clock_mono() + GRACE;
	kill_all_of(child, SIGTERM);
	kill_all_of(child, SIGCONT); /* a stopped one would not hear it */
}

/* --- answering --- */

static void
say(struct ra_child_answer *a, struct ra_error *err, int status)
{
	if (WIFSIGNALED(status)) {
		a->reason = RA_R_EXEC_SIGNAL;
		ra_error_set(err, -EIO, "ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	} else {
		a->exit_code = WEXITSTATUS(status);
	}
}

static void
say_told(const struct child *child, struct ra_child_answer *a, struct ra_error *err)
{
	a->reason = child->reason;
	if (child->reason == RA_R_TIMEOUT)
		ra_error_set(err, -ETIMEDOUT, "the command did not end in time and was ended");
	else if (child->reason == RA_R_BODY_TOO_LARGE)
		ra_error_set(err, -EMSGSIZE,
		    "the command printed more than %zu bytes and was ended", child->output.max);
	else
		ra_error_set(err, -ENOMEM, "out of memory");
}

static void
answer(struct ra_children *c, struct child *child, int status)
{
	struct ra_child_answer a = { .reason = RA_R_OK };
	struct ra_error err = { 0 };

	if (child->reason != RA_R_OK)
		say_told(child, &a, &err);
	else
		say(&a, &err, status);
	a.error = err.text;
	a.errors = ra_buf_text(&child->errors);
	if (a.reason == RA_R_OK) {
		a.len = child->output.len;
		a.output = a.len > 0 ? ra_buf_take(&child->output) : strdup("");
	}
	if (a.reason == RA_R_OK && a.output == NULL) {
		a.reason = RA_R_NO_MEMORY;
		a.error = "out of memory";
	}
	if (!child->cancelled)
		c->answer(c->arg, child->id, &a);
	free(a.output);
}

static void
answer_failed(struct ra_children *c, uint64_t id, enum ra_reason reason, const char *error)
{
	struct ra_child_answer a = { .reason = reason, .error = error, .errors = "" };

	c->answer(c->arg, id, &a);
}

/* --- reading and writing --- */

static void
add_output(struct child *child, const char *data, size_t len)
{
	if (child->output.error != 0)
		return;
	if (ra_buf_add(&child->output, data, len) == -EMSGSIZE)
		tell_end(child, RA_R_BODY_TOO_LARGE);
	else if (child->output.error != 0)
		tell_end(child, RA_R_NO_MEMORY);
}

/* Only so much at a time, so that one that floods does not starve the rest. */
static void
read_from(struct child *child, enum way way)
{
	char data[READ_AT_ONCE];
	ssize_t n;
	size_t room;

	n = read(child->fds[way], data, sizeof(data));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_fd(&child->fds[way]);
		return;
	}
	if (way == STDOUT) {
		add_output(child, data, (size_t)n);
		return;
	}
	room = RA_CHILD_ERRORS - child->errors.len;
	(void)ra_buf_add(&child->errors, data, (size_t)n < room ? (size_t)n : room);
}

static void
write_to(struct child *child)
{
	ssize_t n = write(child->fds[STDIN], child->input + child->input_sent,
	    child->input_len - child->input_sent);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		child->input_sent += (size_t)n;
	if (n < 0 || child->input_sent == child->input_len)
		close_fd(&child->fds[STDIN]);
}

/* What it wrote before it ended is in the pipes; a pipe holds 64 KiB, or what it was made. */
static void
drain(struct child *child)
{
	int turns;

	for (turns = 0; turns < 32 && child->fds[STDOUT] >= 0 && child->output.error == 0;
	     turns++) {
		struct pollfd p = { .fd = child->fds[STDOUT], .events = POLLIN };

		if (poll(&p, 1, 0) <= 0)
			break;
		read_from(child, STDOUT);
	}
	if (child->fds[STDERR] >= 0) {
		struct pollfd p = { .fd = child->fds[STDERR], .events = POLLIN };

		if (poll(&p, 1, 0) > 0)
			read_from(child, STDERR);
	}
}

/* --- starting --- */

static int
keep_input(struct child *child, const struct ra_child_request *request)
{
	if (request->input == NULL || request->input_len == 0)
		return 0;
	child->input = malloc(request->input_len);
	if (child->input == NULL)
		return -ENOMEM;
	memcpy(child->input, request->input, request->input_len);
	child->input_len = request->input_len;
	return 0;
}

/* theirs[i] becomes the child's descriptor i; ours are kept. Without input stdin is /dev/null. */
static int
open_pipes(struct child *child, int theirs[3])
{
	int pair[2], i;

	for (i = 0; i < 3; i++) {
		if (i == STDIN && child->input == NULL) {
			theirs[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
			if (theirs[i] < 0)
				return -errno;
			continue;
		}
		if (pipe2(pair, O_CLOEXEC) < 0)
			return -errno;
		theirs[i] = pair[i == STDIN ? 0 : 1];
		child->fds[i] = pair[i == STDIN ? 1 : 0];
		if (fcntl(child->fds[i], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

static int
launch(struct child *child, const struct ra_child_request *request, enum ra_reason *ret_reason,
    struct ra_error *err)
{
	int theirs[3] = { -1, -1, -1 }, r, i;

	*ret_reason = RA_R_EXEC_START;
	r = keep_input(child, request);
	if (r == 0)
		r = open_pipes(child, theirs);
	if (r == -EMFILE || r == -ENFILE)
		*ret_reason = RA_R_NO_DESCRIPTORS;
	else if (r == -ENOMEM)
		*ret_reason = RA_R_NO_MEMORY;
	if (r < 0)
		ra_error_set(err, r, "not run: %s", strerror(-r));
	else
		r = ra_exec(request, theirs, &child->pid, ret_reason, err);
	for (i = 0; i < 3; i++)
		close_fd(&theirs[i]);
	return r;
}

void
ra_children_start(struct ra_children *c, uint64_t id, const struct ra_child_request *request)
{
	struct ra_error err = { 0 };
	enum ra_reason reason = RA_R_NO_MEMORY;
	struct child *child;
	int r = -ENOMEM;

	if (c->count >= RA_CHILDREN_MAX) {
		answer_failed(c, id, RA_R_EXEC_START, "not run: too many commands at once");
		return;
	}
	child = calloc(1, sizeof(*child));
	if (child != NULL) {
		child->id = id;
		child->deadline = request->deadline;
		child->output = RA_BUF(request->max_output);
		child->errors = RA_BUF(RA_CHILD_ERRORS);
		child->fds[0] = child->fds[1] = child->fds[2] = -1;
		r = launch(child, request, &reason, &err);
	}
	if (r < 0) {
		if (child != NULL)
			child_free(child);
		answer_failed(c, id, reason, err.text[0] != '\0' ? err.text : "out of memory");
		return;
	}
	child->next = c->list;
	c->list = child;
	c->count++;
}

void
ra_children_cancel(struct ra_children *c, uint64_t id)
{
	struct child *child;

	for (child = c->list; child != NULL; child = child->next) {
		if (child->id == id && !child->cancelled) {
			child->cancelled = true;
			tell_end(child, RA_R_CANCELLED);
		}
	}
}

/* --- turning --- */

size_t
ra_children_poll(struct ra_children *c, struct pollfd *fds, int *ret_wait)
{
	int64_t now = ra_clock_mono(), next = INT64_MAX;
	struct child *child;
	size_t n = 0;
	int i;

	fds[n++] = (struct pollfd){ .fd = c->signals, .events = POLLIN };
	for (child = c->list; child != NULL; child = child->next) {
		int64_t at = child->kill_at != 0 ? child->kill_at : child->deadline;

		next = at < next ? at : next;
		for (i = 0; i < 3; i++)
			if (child->fds[i] >= 0)
				fds[n++] = (struct pollfd){ .fd = child->fds[i],
					.events = i == STDIN ? POLLOUT : POLLIN };
	}
	*ret_wait = -1;
	if (next != INT64_MAX)
		*ret_wait = next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
	return n;
}

static void
serve(struct child *child)
{
	struct pollfd p[3];
	int i;

	for (i = 0; i < 3; i++)
		p[i] =
		    (struct pollfd){ .fd = child->fds[i], .events = i == STDIN ? POLLOUT : POLLIN };
	if (poll(p, 3, 0) <= 0)
		return;
	if (p[STDIN].revents != 0)
		write_to(child);
	if (p[STDOUT].revents != 0)
		read_from(child, STDOUT);
	if (p[STDERR].revents != 0)
		read_from(child, STDERR);
}

static void
check_time(struct child *child, int64_t now)
{
	if (child->kill_at == 0 && child->deadline <= now)
		tell_end(child, RA_R_TIMEOUT);
	if (child->kill_at != 0 && child->kill_at <= now) {
		kill_all_of(child, SIGKILL);
		child->kill_at = now + GRACE;
	}
}

/*
 * True if it has ended. It is not reaped before its group is killed: till then its number is its.
 */
static bool
has_ended(const struct child *child)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == child->pid;
}

static void
finish(struct ra_children *c, struct child **at)
{
	struct child *child = *at;
	int status = 0;

	kill_all_of(child, SIGKILL);
	drain(child);
	(void)waitpid(child->pid, &status, 0);
	*at = child->next;
	c->count--;
	kill_orphans(c);
	answer(c, child, status);
	child_free(child);
}

void
ra_children_turn(struct ra_children *c)
{
	int64_t now = ra_clock_mono();
	struct signalfd_siginfo info;
	bool died = read(c->signals, &info, sizeof(info)) > 0;
	struct child **at = &c->list;

	while (*at != NULL) {
		serve(*at);
		check_time(*at, now);
		if (has_ended(*at))
			finish(c, at);
		else
			at = &(*at)->next;
	}
	if (died) /* perhaps an orphan's parent: it is ours now */
		kill_orphans(c);
}

void
ra_children_free(struct ra_children *c)
{
	struct child *child;
	int turns;

	if (c == NULL)
		return;
	while ((child = c->list) != NULL) {
		c->list = child->next;
		kill_all_of(child, SIGKILL);
		child_free(child);
	}
	/* One that does not die (it sits in a dead mount) is not waited for. */
	for (turns = 0; turns < 100 && kill_orphans(c); turns++) {
		struct pollfd p = { .fd = c->signals, .events = POLLIN };
		struct signalfd_siginfo info;

		if (poll(&p, 1, 10) > 0)
			(void)!read(c->signals, &info, sizeof(info));
	}
	close(c->signals);
	free(c);
}
