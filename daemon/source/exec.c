/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program: an argv list, never a shell's line; only out of the folders that are allowed. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/model/secret.h"
#include "relaudit/source/source.h"

#define MAX_SIZE (16 * 1024 * 1024)
#define ARGS_MAX 100

struct options {
	struct ra_texts command;
	struct ra_pairs environment;
	struct ra_text input;
	int64_t max_size;
	/* by prepare */
	const char *const *argv;
	const char *const *envp;
	const char *const *allow;
	const char *shown;
};

#define OPTION(word, kind, member, ...) \
	{ \
		.name = word, .type = kind, .offset = offsetof(struct options, member), \
		__VA_ARGS__ \
	}

static const struct ra_option exec_options[] = {
	OPTION("command", RA_OPT_TEXTS, command,
	    .flags = RA_OPT_REQUIRED | RA_OPT_NO_SECRET | RA_OPT_MAIN,
	    .help = "the program, by its absolute path, and its arguments, a list; no shell looks "
		    "at it. `exec: [...]` is short for `exec: {command: [...]}`"),
	OPTION("environment", RA_OPT_PAIRS, environment,
	    .help = "variables beside PATH, LANG and HOME; the place for secrets"),
	OPTION("input", RA_OPT_TEXT, input, .flags = RA_OPT_EMPTY,
	    .help = "what it reads from its standard input; default: nothing"),
	OPTION("max-size", RA_OPT_SIZE, max_size, .fallback = "1M", .min = 1, .max = MAX_SIZE,
	    .help = "size of its output at most"),
	{ 0 },
};

/* --- configuration --- */

static const char *const base_environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
	"HOME=/nonexistent",
};

static bool
is_variable(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	size_t len = strlen(name);

	return len > 0 && len <= 200 && strchr(letters, name[0]) != NULL &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
		   len;
}

static int
prepare_environment(struct options *o, struct ra_arena *arena, struct ra_conf_place *place)
{
	size_t n = RA_ARRAY_SIZE(base_environment), i;
	const char **list = ra_arena_alloc(arena, (n + o->environment.count + 1) * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	memcpy(list, base_environment, sizeof(base_environment));
	for (i = 0; i < o->environment.count; i++) {
		const struct ra_pair *pair = &o->environment.list[i];
		size_t size = strlen(pair->name) + strlen(pair->text.value) + 2;
		char key[260], *text = ra_arena_alloc(arena, size);

		if (text == NULL)
			return -ENOMEM;
		(void)snprintf(key, sizeof(key), "environment/%s", pair->name);
		if (!is_variable(pair->name))
			ra_conf_complain(place, key, "not a variable's name");
		else if (strncmp(pair->name, "LD_", 3) == 0)
			ra_conf_complain(place, key, "the loader's variables are not set");
		(void)snprintf(text, size, "%s=%s", pair->name, pair->text.value);
		list[n++] = text;
	}
	o->envp = list;
	return 0;
}

static int
prepare_argv(struct options *o, struct ra_arena *arena)
{
	size_t size = 1, i, at = 0;
	const char **list = ra_arena_alloc(arena, (o->command.count + 1) * sizeof(*list));
	char *shown;

	for (i = 0; i < o->command.count; i++)
		size += strlen(o->command.list[i].value) + 1;
	shown = ra_arena_alloc(arena, size);
	if (list == NULL || shown == NULL)
		return -ENOMEM;
	for (i = 0; i < o->command.count; i++) {
		list[i] = o->command.list[i].value;
		at += (size_t)snprintf(shown + at, size - at, "%s%s", i > 0 ? " " : "", list[i]);
	}
	o->argv = list;
	o->shown = shown;
	return 0;
}

static bool
is_allowed(const char *path, const char *const *allow)
{
	for (; *allow != NULL; allow++) {
		size_t len = strlen(*allow);

		while (len > 0 && (*allow)[len - 1] == '/')
			len--;
		if (strncmp(path, *allow, len) == 0 && path[len] == '/')
			return true;
	}
	return false;
}

static bool
has_parent(const char *path)
{
	while ((path = strstr(path, "/..")) != NULL) {
		path += 3;
		if (*path == '/' || *path == '\0')
			return true;
	}
	return false;
}

/*
 * As it will be at each run. What is not there, or not to be seen by whoever loads this, is passed
 * over: it may be another machine's, or a package that is just being upgraded.
 */
static void
check_safe(const struct options *o, struct ra_conf_place *place)
{
	char real[PATH_MAX];
	struct ra_error err = { 0 };
	enum ra_reason reason = RA_R_OK;

	if (ra_exec_check(o->command.list[0].value, o->allow, real, &reason, &err) == -EPERM)
		ra_conf_complain(place, "command", "%s%s", err.text,
		    reason == RA_R_EXEC_DENIED ? " by `daemon: {exec: {allow: [...]}}`" : "");
}

static void
check_program(const struct options *o, struct ra_conf_place *place)
{
	const char *path = o->command.list[0].value;

	if (path[0] != '/')
		ra_conf_complain(place, "command",
		    "'%.200s' is not an absolute path; a program is named by one", path);
	else if (has_parent(path))
		ra_conf_complain(place, "command",
		    "'%.200s' has a '..' in it: write the path that is meant", path);
	else if (o->allow == NULL)
		ra_conf_complain(place, "command",
		    "commands are off; name the folders they may be in with `daemon: {exec: "
		    "{allow: "
		    "[/usr/lib/nagios/plugins]}}`");
	else if (!is_allowed(path, o->allow))
		ra_conf_complain(place, "command",
		    "'%.200s' is not in a folder of `daemon: {exec: {allow: [...]}}`", path);
	else
		check_safe(o, place);
	if (o->command.count > ARGS_MAX)
		ra_conf_complain(place, "command", "more than %d arguments", ARGS_MAX);
}

static int
prepare(void *options, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct options *o = options;
	int r;

	if (o->command.count == 0)
		return 0;
	o->allow = ra_conf_exec_allow(place);
	check_program(o, place);
	r = prepare_argv(o, arena);
	return r < 0 ? r : prepare_environment(o, arena, place);
}

/* --- running --- */

struct state {
	struct ra_fetch *fetch;
	struct ra_helper_job *job;
	int64_t started;
};

static void
where(const void *options, struct ra_buf *out)
{
	const struct options *o = options;

	if (o != NULL && o->shown != NULL)
		(void)ra_buf_puts(out, o->shown);
}

/*
 * What it said of its failure: the first line of stderr, without what looks like a secret. Never
 * stdout, which is what was to be read.
 */
static void
take_why(const struct ra_child_answer *a, struct ra_buf *out)
{
	const char *text = a->errors != NULL ? a->errors : "";

	text += strspn(text, " \t\r\n");
	(void)ra_secret_scrub_text(text, strcspn(text, "\r\n"), out);
}

static void
take(struct ra_fetch *f, struct ra_child_answer *a)
{
	RA_BUF_LOCAL why = RA_BUF(0);

	f->input.status = a->exit_code;
	take_why(a, &why);
	if (a->exit_code != 0 && f->shape != RA_SHAPE_EXIT) {
		ra_input_fail(&f->input, RA_R_EXEC_EXIT, "exit code %d%s%s", a->exit_code,
		    why.len > 0 ? ": " : "", ra_buf_text(&why));
		return;
	}
	if (why.len > 0) /* a plugin's exit code is an answer; this may say more of it */
		f->input.error = ra_buf_take(&why);
	f->input.len = a->len;
	f->input.bytes = RA_TAKE(a->output);
}

static void
on_done(void *arg, struct ra_child_answer *a)
{
	struct state *s = arg;
	struct ra_fetch *f = s->fetch;
	RA_BUF_LOCAL text = RA_BUF(16 * 1024);

	where(f->options, &text);
	f->input.where = ra_buf_take(&text);
	f->input.fetched = ra_clock_wall();
	f->input.latency_ms = ra_clock_mono() - s->started;
	if (a->reason != RA_R_OK)
		ra_input_fail(&f->input, a->reason, "%s", a->error);
	else
		take(f, a);
	f->state = NULL;
	free(s);
	f->done(f);
}

static int
start(struct ra_fetch *f)
{
	const struct options *o = f->options;
	struct ra_child_request request = { .argv = o->argv,
		.environment = o->envp,
		.allow = o->allow,
		.input = o->input.value,
		.input_len = o->input.value != NULL ? strlen(o->input.value) : 0,
		.max_output = (size_t)o->max_size,
		.deadline = f->deadline };
	struct state *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->fetch = f;
	s->started = ra_clock_mono();
	r = ra_helper_run(f->io->helper, &request, on_done, s, &s->job);
	if (r < 0) {
		free(s);
		return r;
	}
	f->state = s;
	return 0;
}

static void
cancel(struct ra_fetch *f)
{
	struct state *s = f->state;

	if (s == NULL)
		return;
	ra_helper_cancel(s->job);
	f->state = NULL;
	free(s);
}

const struct ra_source ra_source_exec = {
	.type = { .name = "exec",
	    .help = "runs a program",
	    .options = exec_options,
	    .size = sizeof(struct options),
	    .prepare = prepare },
	.serves = RA_SHAPE_BYTES | RA_SHAPE_LINES | RA_SHAPE_EXIT,
	.start = start,
	.cancel = cancel,
	.where = where,
};
