/* SPDX-License-Identifier: Apache-2.0 */
/* The source `exec`, with a real helper, which is this program. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "options.h"
#include "relaudit/base/clock.h"
#include "relaudit/source/source.h"

extern const struct ra_source ra_source_exec;

static struct ra_loop *loop;
static struct ra_io io;
static struct ra_arena *arena;
static struct ra_conf_place place;
static const char *const bin[] = { "/usr/bin", "/bin", NULL };

/* A script as a command: the lines of `more` are further options. */
static const void *
shell(const char *script, const char *more)
{
	char text[2000];

	(void)snprintf(text, sizeof(text),
	    "command: /bin/sh\ncommand: -c\ncommand: %s\nmax-size: 100k\n%s", script, more);
	return options_bind(arena, &ra_source_exec.type, text, &place);
}

static void
on_done(struct ra_fetch *f)
{
	*(bool *)f->arg = true;
	ra_loop_stop(loop);
}

static void
start(struct ra_fetch *f, bool *done, const void *options, unsigned shape, int64_t timeout)
{
	*done = false;
	*f = (struct ra_fetch){ .io = &io,
		.options = options,
		.shape = shape,
		.deadline = ra_clock_mono() + timeout,
		.done = on_done,
		.arg = done };
	assert_int_equal(ra_source_exec.start(f), 0);
	assert_false(*done);
}

static void
fetch(struct ra_fetch *f, const void *options, unsigned shape, int64_t timeout)
{
	bool done;

	assert_string_equal(place.text, "");
	start(f, &done, options, shape, timeout);
	while (!done)
		ra_loop_run(loop);
	assert_null(f->state);
	assert_true(f->input.fetched > 0 && f->input.latency_ms >= 0);
	assert_non_null(f->input.where);
}

static void
expect(const void *options, unsigned shape, enum ra_reason reason, const char *text, int status)
{
	struct ra_fetch f;

	fetch(&f, options, shape, 10000);
	if (f.input.reason != reason)
		fail_msg("%s \"%s\"", ra_reason_code(f.input.reason), f.input.error);
	if (reason == RA_R_OK)
		assert_string_equal(f.input.bytes, text);
	else if (strstr(f.input.error, text) == NULL)
		fail_msg("\"%s\"", f.input.error);
	assert_int_equal(f.input.status, status);
	ra_input_clear(&f.input);
}

static void
test_output(void **state)
{
	expect(shell("echo hello", ""), RA_SHAPE_BYTES, RA_R_OK, "hello\n", 0);
	expect(shell("true", ""), RA_SHAPE_BYTES, RA_R_OK, "", 0);
	expect(shell("cat", "input: some text"), RA_SHAPE_BYTES, RA_R_OK, "some text", 0);
	expect(shell("echo $A-$B; echo $HOME", "environment: A=1\nenvironment: B=x=y"),
	    RA_SHAPE_BYTES, RA_R_OK, "1-x=y\n/nonexistent\n", 0);
}

static void
test_failure(void **state)
{
	struct ra_fetch f;

	expect(shell("echo why >&2; exit 3", ""), RA_SHAPE_BYTES, RA_R_EXEC_EXIT,
	    "exit code 3: why", 3);
	expect(
	    shell("echo password=hunter2 https://u:hunter2@h/ token: hunter2 at 3 >&2; exit 3", ""),
	    RA_SHAPE_BYTES, RA_R_EXEC_EXIT, "exit code 3: password=*** *** token: *** at 3", 3);
	/* what it printed is what was to be read: it may be a secret */
	fetch(&f, shell("echo DB_PASSWORD=hunter2; exit 3", ""), RA_SHAPE_BYTES, 10000);
	assert_string_equal(f.input.error, "exit code 3");
	ra_input_clear(&f.input);
	expect(shell("exit 3", ""), RA_SHAPE_BYTES, RA_R_EXEC_EXIT, "exit code 3", 3);
	expect(shell("echo bad; exit 2", ""), RA_SHAPE_EXIT, RA_R_OK, "bad\n", 2);
	expect(shell("kill -9 $$", ""), RA_SHAPE_EXIT, RA_R_EXEC_SIGNAL, "signal 9", 0);
	expect(shell("yes", ""), RA_SHAPE_EXIT, RA_R_BODY_TOO_LARGE, "100000", 0);
	expect(options_bind(
		   arena, &ra_source_exec.type, "command: /usr/bin/no-such\nmax-size: 1k", &place),
	    RA_SHAPE_EXIT, RA_R_EXEC_NOT_FOUND, "/usr/bin/no-such", 0);
}

static void
test_time(void **state)
{
	struct ra_fetch f;
	bool done;

	fetch(&f, shell("sleep 1000", ""), RA_SHAPE_BYTES, 200);
	assert_int_equal(f.input.reason, RA_R_TIMEOUT);
	ra_input_clear(&f.input);
	start(&f, &done, shell("sleep 1000", ""), RA_SHAPE_BYTES, 10000);
	ra_source_exec.cancel(&f);
	assert_null(f.state);
	ra_source_exec.cancel(&f);
	expect(shell("echo next", ""), RA_SHAPE_BYTES, RA_R_OK, "next\n", 0);
	assert_false(done);
}

static void
test_helper_that_dies(void **state)
{
	struct ra_fetch f;
	bool done;
	int pid = ra_helper_pid(io.helper);

	start(&f, &done, shell("sleep 1000", ""), RA_SHAPE_BYTES, 10000);
	while (!done) {
		if (pid != 0)
			assert_int_equal(kill(pid, SIGKILL), 0);
		pid = 0;
		ra_loop_run(loop);
	}
	assert_int_equal(f.input.reason, RA_R_HELPER);
	ra_input_clear(&f.input);
	expect(shell("echo again", ""), RA_SHAPE_BYTES, RA_R_OK, "again\n", 0);
}

static void
test_refused(void **state)
{
	static const char *const elsewhere[] = { "/usr/lib/nagios/plugins", NULL };
	static const struct {
		const char *text, *complaint;
		const char *const *allow;
	} rows[] = {
		{ "command: sh", "command: 'sh' is not an absolute path", bin },
		{ "command: /usr/bin/../bin/sh", "command: ", bin },
		{ "command: /usr/bin/sh", "command: commands are off", NULL },
		{ "command: /usr/bin/sh", "command: '/usr/bin/sh' is not in a folder", elsewhere },
		{ "command: /usr/lib/nagios/plugins2/x", "command: ", elsewhere },
		{ "command: /bin/sh\nenvironment: a b=1", "environment/a b: ", bin },
		{ "command: /bin/sh\nenvironment: LD_PRELOAD=x", "environment/LD_PRELOAD: ", bin },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		options_exec_allow = rows[i].allow;
		options_bind(arena, &ra_source_exec.type, rows[i].text, &place);
		if (strstr(place.text, rows[i].complaint) != place.text)
			fail_msg("'%s' -> '%s'", rows[i].text, place.text);
	}
	options_exec_allow = bin;
}

static void
test_where(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(0);

	ra_source_exec.where(shell("echo", ""), &out);
	ra_source_exec.where(NULL, &out);
	assert_string_equal(out.data, "/bin/sh -c echo");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_helper_that_dies),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_where),
	};
	int r = ra_helper_main(argc, argv);

	if (r >= 0)
		return r;
	options_exec_allow = bin;
	arena = ra_arena_new();
	if (arena == NULL || ra_loop_new(&loop, NULL) < 0 ||
	    ra_helper_new(loop, NULL, &io.helper, NULL) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	ra_helper_free(io.helper);
	ra_loop_free(loop);
	ra_arena_free(arena);
	return r;
}
