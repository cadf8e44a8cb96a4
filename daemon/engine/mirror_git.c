/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How git is run: without a terminal, hooks, helpers of its own choice or background work; with the
 * configuration of the user only where it talks to the repository; and what its messages mean.
 */
#include <stdio.h>
#include <string.h>

#include "mirror_internal.h"
#include "relaudit/base/escape.h"
#include "relaudit/model/secret.h"

#define ARGS_MAX 40
#define ENV_MAX	 64
#define PACK_MAX 1073741824 /* the helper lets nobody write a larger file */

static const char *const allow[] = { "/usr/bin", "/usr/lib/git-core", NULL };

/* Given through the environment, which overrules every file. */
static const char *const config[][2] = {
	{ "core.hooksPath", "/dev/null" },
	{ "core.fsmonitor", "false" },
	{ "core.logAllRefUpdates", "false" },
	{ "gc.auto", "0" },
	{ "maintenance.auto", "false" },
	{ "fetch.recurseSubmodules", "false" },
	{ "fetch.writeCommitGraph", "true" },
	{ "fetch.unpackLimit", "1" }, /* always a pack, which has one size and one limit */
	{ "fetch.bundleURI", "" },
	{ "advice.fetchShowForcedUpdates", "false" },
};

/* Answers for one host only: what is redirected elsewhere takes no credentials along. */
static const char helper[] =
    "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$RA_GIT_USER\" "
    "\"$RA_GIT_PASSWORD\"; }; f";

struct environment {
	struct ra_arena *arena;
	const char *list[ENV_MAX];
	size_t count;
	unsigned pairs;
	bool failed;
};

static void add(struct environment *e, const char *fmt, ...) RA_PRINTF(2, 3);

static void
add(struct environment *e, const char *fmt, ...)
{
	RA_BUF_LOCAL b = RA_BUF(16384);
	va_list ap;
	char *text = NULL;

	va_start(ap, fmt);
	(void)ra_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (b.error == 0 && e->count + 1 < ENV_MAX)
		text = ra_arena_strdup(e->arena, ra_buf_text(&b));
	if (b.data != NULL)
		explicit_bzero(b.data, b.cap);
	if (text == NULL)
		e->failed = true;
	else
		e->list[e->count++] = text;
}

static void
add_config(struct environment *e, const char *key, const char *value)
{
	add(e, "GIT_CONFIG_KEY_%u=%s", e->pairs, key);
	add(e, "GIT_CONFIG_VALUE_%u=%s", e->pairs, value);
	e->pairs++;
}

static void
add_remote(struct environment *e, const struct ra_clone *c)
{
	const struct ra_git_url *url = &c->url;
	RA_BUF_LOCAL key = RA_BUF(4096);

	add(e, "GIT_SSH_COMMAND=ssh -oBatchMode=yes -oConnectTimeout=10");
	/* A server may redirect to https, never to anything else. */
	add(e, "GIT_ALLOW_PROTOCOL=%s%s", url->scheme,
	    strcmp(url->scheme, "http") == 0 ? ":https" : "");
	if (url->user == NULL)
		return;
	add(e, "RA_GIT_USER=%s", url->user);
	add(e, "RA_GIT_PASSWORD=%s", url->password);
	(void)ra_buf_printf(&key, "credential.%s.helper", url->scope);
	if (key.error != 0) {
		e->failed = true;
		return;
	}
	add_config(e, "credential.helper", "");
	add_config(e, ra_buf_text(&key), helper);
}

static void
make_environment(struct environment *e, const struct ra_clone *c, const struct ra_git_call *call)
{
	bool remote = call->remote;

	add(e, "PATH=/usr/bin:/bin");
	add(e, "LC_ALL=C");
	add(e, "HOME=%s", c->mirror->home);
	add(e, "GIT_TERMINAL_PROMPT=0");
	add(e, "GIT_ASKPASS=/bin/false");
	add(e, "SSH_ASKPASS=/bin/false");
	add(e, "GIT_CONFIG_NOSYSTEM=1");
	add(e, "GIT_NO_REPLACE_OBJECTS=1");
	add(e, "GIT_OPTIONAL_LOCKS=0");
	if (!remote)
		add(e, "GIT_CONFIG_GLOBAL=/dev/null");
	if (call->trace)
		add(e, "GIT_TRACE_PACKET=2");
	for (size_t i = 0; i < RA_ARRAY_SIZE(config); i++)
		add_config(e, config[i][0], config[i][1]);
	if (remote)
		add_remote(e, c);
	add(e, "GIT_CONFIG_COUNT=%u", e->pairs);
}

static void
wipe_environment(struct environment *e)
{
	for (size_t i = 0; i < e->count; i++)
		explicit_bzero((char *)(uintptr_t)e->list[i], strlen(e->list[i]));
	ra_arena_free(e->arena);
}

static size_t
make_argv(const struct ra_clone *c, const struct ra_git_call *call, const char *limit,
    const char *argv[ARGS_MAX])
{
	size_t n = 0;

	/* One pack cannot outgrow the mirror. */
	if (limit[0] != '\0') {
		argv[n++] = "/usr/bin/prlimit";
		argv[n++] = limit;
	}
	argv[n++] = c->mirror->git;
	argv[n++] = "--git-dir";
	argv[n++] = c->path;
	for (const char *const *arg = call->args; *arg != NULL && n + 1 < ARGS_MAX; arg++)
		argv[n++] = *arg;
	argv[n] = NULL;
	return n;
}

int64_t
ra_git_pack_limit(const struct ra_mirror *m)
{
	return m->setup.max_size < PACK_MAX ? m->setup.max_size : PACK_MAX;
}

int
ra_git_run(struct ra_clone *c, const struct ra_git_call *call,
    void (*done)(void *arg, struct ra_child_answer *answer), void *arg, struct ra_helper_job **ret)
{
	struct environment e = { .arena = ra_arena_new() };
	const char *argv[ARGS_MAX];
	char limit[48] = "";
	struct ra_child_request request = { .argv = argv,
		.environment = e.list,
		.allow = allow,
		.input = call->input,
		.input_len = call->input != NULL ? strlen(call->input) : 0,
		.max_output = call->max_output,
		.deadline = ra_clock_mono() + call->timeout };
	int r = -ENOMEM;

	if (e.arena == NULL)
		return -ENOMEM;
	make_environment(&e, c, call);
	if (call->remote && c->mirror->setup.max_size < PACK_MAX)
		(void)snprintf(
		    limit, sizeof(limit), "--fsize=%lld", (long long)c->mirror->setup.max_size);
	(void)make_argv(c, call, limit, argv);
	if (!e.failed)
		r = ra_helper_run(c->mirror->io.helper, &request, done, arg, ret);
	wipe_environment(&e);
	return r;
}

int
ra_git_remove(struct ra_mirror *m, char *const *paths, size_t count,
    void (*done)(void *arg, struct ra_child_answer *answer), void *arg, struct ra_helper_job **ret)
{
	const char *argv[RA_REMOVE_MAX + 4] = { "/usr/bin/rm", "-rf", "--" };
	const char *const environment[] = { "LC_ALL=C", NULL };
	struct ra_child_request request = { .argv = argv,
		.environment = environment,
		.allow = allow,
		.max_output = 4096,
		.deadline = ra_clock_mono() + RA_MINUTE };

	for (size_t i = 0; i < count && i < RA_REMOVE_MAX; i++)
		argv[i + 3] = paths[i];
	return ra_helper_run(m->io.helper, &request, done, arg, ret);
}

/* --- what its messages mean: the first that is found counts --- */

static const struct {
	const char *text;
	enum ra_reason reason;
} messages[] = {
	{ "shallow roots are not allowed", RA_R_REPO_SHALLOW },
	{ "died of signal 25", RA_R_REPO_TOO_LARGE }, /* SIGXFSZ */
	{ "File too large", RA_R_REPO_TOO_LARGE },
	{ "Could not resolve host", RA_R_REPO_DNS }, /* curl and ssh */
	{ "unable to look up", RA_R_REPO_DNS },
	{ "Host key verification failed", RA_R_REPO_HOST_KEY },
	{ "REMOTE HOST IDENTIFICATION HAS CHANGED", RA_R_REPO_HOST_KEY },
	{ "timed out", RA_R_REPO_TIMEOUT },
	{ "Timeout was reached", RA_R_REPO_TIMEOUT },
	{ "Connection refused", RA_R_REPO_REFUSED },
	{ "Couldn't connect to server", RA_R_REPO_REFUSED },
	{ "No route to host", RA_R_REPO_UNREACHABLE },
	{ "Network is unreachable", RA_R_REPO_UNREACHABLE },
	{ "repository not exported", RA_R_REPO_NOT_FOUND },
	{ "Authentication failed", RA_R_REPO_AUTH },
	{ "could not read Username", RA_R_REPO_AUTH },
	{ "could not read Password", RA_R_REPO_AUTH },
	{ "returned error: 401", RA_R_REPO_AUTH },
	{ "returned error: 403", RA_R_REPO_AUTH },
	{ "Permission denied", RA_R_REPO_AUTH },
	{ "access denied", RA_R_REPO_AUTH },
	{ "Access denied", RA_R_REPO_AUTH },
	{ "dubious ownership", RA_R_REPO_AUTH },
	{ "does not appear to be a git repository", RA_R_REPO_NOT_FOUND },
	{ "epository not found", RA_R_REPO_NOT_FOUND },
	{ "' not found", RA_R_REPO_NOT_FOUND },
	{ "' does not exist", RA_R_REPO_NOT_FOUND },
	{ "returned error: 404", RA_R_REPO_NOT_FOUND },
	{ "is this a git repository?", RA_R_REPO_INVALID },
	{ "protocol error", RA_R_REPO_INVALID },
	{ "bad line length", RA_R_REPO_INVALID },
	{ "SSL", RA_R_REPO_TLS },
	{ "certificate", RA_R_REPO_TLS },
	{ "gnutls", RA_R_REPO_TLS },
	{ "Connection reset", RA_R_REPO_UNREACHABLE },
	{ "Connection closed", RA_R_REPO_UNREACHABLE },
	{ "hung up unexpectedly", RA_R_REPO_UNREACHABLE },
	{ "RPC failed", RA_R_REPO_UNREACHABLE },
	{ "early EOF", RA_R_REPO_UNREACHABLE },
	{ "returned error:", RA_R_REPO_UNREACHABLE },
	{ "Could not read from remote repository", RA_R_REPO_UNREACHABLE },
	{ "Empty reply from server", RA_R_REPO_UNREACHABLE },
};

/* The line of text that p is in. */
static void
take_line(const char *text, const char *p, struct ra_buf *out)
{
	const char *start = p;

	while (start > text && start[-1] != '\n')
		start--;
	(void)ra_buf_add(out, start, strcspn(start, "\n"));
}

static void
pick_line(const char *text, struct ra_buf *out)
{
	const char *p = strstr(text, "fatal: ");

	take_line(text, p != NULL ? p : text + strspn(text, "\n"), out);
}

#define CUT_MIN 4 /* of a secret at the end of what is kept of a program's words */

/* A server may say back what it was sent. */
static void
redact(struct ra_buf *line, const char *secret)
{
	if (secret != NULL && line->data != NULL)
		ra_secret_blacken(line->data, &secret, 1, CUT_MIN);
}

/* "fatal: unable to access 'URL': WHY": the URL is known, and may leave no room for why. */
static const char *
without_url(const char *line)
{
	const char *p = strstr(line, "unable to access '");
	const char *end = p != NULL ? strstr(p, "': ") : NULL;

	return end != NULL ? end + strlen("': ") : line;
}

static void
clean(const struct ra_clone *c, struct ra_buf *line, char out[RA_MIRROR_LINE])
{
	const char *text;

	RA_BUF_LOCAL escaped = RA_BUF(8192);

	redact(line, c->url.password);
	redact(line, c->url.password != NULL && c->url.password[0] == '\0' ? c->url.user : NULL);
	text = without_url(ra_buf_text(line));
	(void)ra_escape_line(&escaped, text, strlen(text), RA_MIRROR_LINE / 4 - 2);
	(void)snprintf(
	    out, RA_MIRROR_LINE, "%s", escaped.len > 0 ? ra_buf_text(&escaped) : "git failed");
}

static enum ra_reason
explain_run(const struct ra_child_answer *a)
{
	switch (a->reason) {
	case RA_R_EXEC_NOT_FOUND:
		return RA_R_GIT_MISSING;
	case RA_R_TIMEOUT:
		return RA_R_REPO_TIMEOUT;
	case RA_R_HELPER:
	case RA_R_NO_MEMORY:
	case RA_R_NO_DESCRIPTORS:
		return a->reason;
	default:
		return RA_R_GIT_FAILED;
	}
}

enum ra_reason
ra_git_explain(const struct ra_clone *c, const struct ra_child_answer *a, char line[RA_MIRROR_LINE])
{
	RA_BUF_LOCAL text = RA_BUF(RA_CHILD_ERRORS + RA_ERROR_TEXT);
	enum ra_reason reason = RA_R_GIT_FAILED;

	if (a->reason != RA_R_OK) {
		(void)ra_buf_puts(&text, a->error != NULL ? a->error : "git was not run");
		clean(c, &text, line);
		return explain_run(a);
	}
	for (size_t i = 0; reason == RA_R_GIT_FAILED && i < RA_ARRAY_SIZE(messages); i++) {
		const char *p = strstr(a->errors, messages[i].text);

		if (p == NULL)
			continue;
		reason = messages[i].reason;
		take_line(a->errors, p, &text);
	}
	if (reason == RA_R_GIT_FAILED)
		pick_line(a->errors, &text);
	if (text.len == 0)
		(void)ra_buf_printf(&text, "git ended with exit code %d", a->exit_code);
	clean(c, &text, line);
	return reason;
}
