/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is refused, one request after the other, in everything that is pure: nothing crashes
 * or leaks, and what could not be done is never OK.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relaudit/format/format.h"
#include "relaudit/model/pattern.h"
#include "relaudit/model/semver.h"

#include "kinds.h"
#include "refuse_pcre2.h"

extern const struct ra_format ra_format_json, ra_format_text;
extern const struct ra_kind ra_kind_backup, ra_kind_logs, ra_kind_version;

/* --- requests --- */

REFUSE_MEMORY
REFUSE(
    pcre2_match_context_8 *, pcre2_match_context_create_8, (pcre2_general_context_8 * g), (g), NULL)
REFUSE(int, pthread_setspecific, (pthread_key_t key, const void *p), (key, p), ENOMEM)

static bool no_key;

int __real_pthread_key_create(pthread_key_t *key, void (*destroy)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destroy)(void *));

int
__wrap_pthread_key_create(pthread_key_t *key, void (*destroy)(void *))
{
	return no_key ? EAGAIN : __real_pthread_key_create(key, destroy);
}

/* --- running --- */

/* Does one thing between arm() and disarm(); true if it was done, false if memory was out. */
typedef bool scenario(void);

static void *
in_thread(void *arg)
{
	scenario *const *run = arg;

	return (*run)() ? arg : NULL;
}

/* In a thread of its own, as what is kept for a thread is asked for once. */
static bool
run_once(scenario *run, int at)
{
	pthread_t thread;
	void *done;

	fail_at = at;
	assert_int_equal(pthread_create(&thread, NULL, in_thread, &run), 0);
	assert_int_equal(pthread_join(thread, &done), 0);
	return done != NULL;
}

static void
run_all(scenario *run)
{
	int at = 0;

	assert_true(run_once(run, 0));
	do {
		run_once(run, ++at);
	} while (requests >= at);
	assert_true(at > 1);
}

/* A result that was not to be had says so; else it is what it would have been. */
static bool
was_judged(struct ra_result *r, enum ra_reason wanted)
{
	bool judged = r->reason == wanted;

	if (!judged && (r->verdict != RA_UNKNOWN || r->reason != RA_R_NO_MEMORY))
		abort();
	ra_result_unref(r);
	return judged;
}

/* --- model --- */

static const struct ra_fact_def defs[] = { { "text", RA_FACT_TEXT, "" }, { "int", RA_FACT_INT, "" },
	{ "time", RA_FACT_TIME, "" }, { "real", RA_FACT_REAL, "" }, { "more", RA_FACT_TEXT, "" },
	{ 0 } };

static bool
facts(void)
{
	static const char json[] = "{\"text\":\"x\",\"int\":1,\"time\":\"2026-11-23T12:00:00Z\","
				   "\"real\":1.5,\"more\":\"y\"}";
	struct ra_facts f = { 0 }, copy = { 0 }, back = { 0 };
	bool done;

	arm();
	done = ra_facts_set_text(&f, defs, "text", "x") == 0 &&
	       ra_facts_set_number(&f, defs, "int", 1) == 0 &&
	       ra_facts_set_number(&f, defs, "time", NOW) == 0 &&
	       ra_facts_set_real(&f, defs, "real", 1.5) == 0 &&
	       ra_facts_set_text(&f, defs, "more", "y") == 0 && ra_facts_copy(&f, &copy) == 0 &&
	       ra_facts_read(json, strlen(json), defs, &back) == 0;
	disarm();
	if (done && (!ra_facts_equal(&f, &copy) || !ra_facts_equal(&f, &back)))
		abort();
	ra_facts_free(&f);
	ra_facts_free(&copy);
	ra_facts_free(&back);
	return done;
}

static bool
data(void)
{
	struct ra_data fields = { 0 }, items = { 0 }, lines = { 0 };
	int r = 0;

	arm();
	for (int i = 0; i < 9 && r == 0; i++) {
		r = ra_data_add_field(&fields, "x", "value", 5);
		r = r == 0 ? ra_data_add_item(&items, "name", 1, 2) : r;
		r = r == 0 ? ra_data_add_line(&lines, "line", 4) : r;
	}
	disarm();
	if (r != 0 && r != -ENOMEM)
		abort();
	ra_data_free(&fields);
	ra_data_free(&items);
	ra_data_free(&lines);
	return r == 0;
}

static bool
input(void)
{
	struct ra_input in = { 0 };
	bool done;

	arm();
	ra_input_fail(&in, RA_R_TIMEOUT, "no answer in %d s", 5);
	disarm();
	if (in.reason != RA_R_TIMEOUT)
		abort();
	done = in.error != NULL;
	ra_input_clear(&in);
	return done;
}

static bool
result(void)
{
	struct ra_result *r;

	arm();
	r = ra_result_new();
	if (r != NULL) {
		ra_result_say(r, RA_OK, RA_R_OK, "fine");
		ra_result_expected(r, "x");
		ra_result_evidence(r, "y");
		ra_result_next(r, "z");
	}
	disarm();
	return r != NULL && was_judged(r, RA_R_OK);
}

static bool
range(void)
{
	struct ra_range *r = NULL;
	struct ra_error err = { 0 };
	int error;

	arm();
	error = ra_range_parse("^1.2 || ~1 || 1.2 - 2.3 || >=1.4 <2 || x || 1.x", &r, &err);
	disarm();
	if ((error != 0 && error != -ENOMEM) || (error == 0) != (r != NULL))
		abort();
	ra_range_free(r);
	return error == 0;
}

static bool
pattern(void)
{
	struct ra_pattern *p = NULL;
	struct ra_error err = { 0 };
	const char *start;
	size_t len;
	int r;

	arm();
	r = ra_pattern_new("(?<x>b+)", &p, &err);
	if (r == 0)
		r = ra_pattern_match(p, "abbc", 4, "x", &start, &len);
	disarm();
	if (r != 1 && r != -ENOMEM)
		abort();
	ra_pattern_free(p);
	return r == 1;
}

/* --- formats --- */

static const char *const fields[] = { "version", "commit", NULL };

static bool
read_as(const struct ra_format *format, const char *bytes, const char *options, enum ra_shape shape)
{
	static const struct ra_selector selectors[] = { { "version", "/version" },
		{ "commit", "/commit" } };
	struct ra_arena *arena = ra_arena_new();
	struct ra_input in = { .bytes = strdup(bytes), .len = strlen(bytes) };
	struct ra_format_call call = { .shape = shape,
		.fields = fields,
		.selectors = selectors,
		.selector_count = 2,
		.input = &in };
	struct ra_data got = { 0 };
	struct ra_error err = { 0 };
	struct ra_conf_place place;
	enum ra_reason reason;

	if (format->type.size > 0)
		call.options = options_bind(arena, &format->type, options, &place);
	arm();
	reason = format->read(&call, &got, &err);
	disarm();
	if ((reason != RA_R_OK && reason != RA_R_NO_MEMORY) ||
	    (reason == RA_R_OK) != (got.shape != 0) || (reason == RA_R_OK) != (err.text[0] == '\0'))
		abort();
	ra_data_free(&got);
	ra_input_clear(&in);
	ra_arena_free(arena);
	return reason == RA_R_OK;
}

static bool
json(void)
{
	return read_as(
	    &ra_format_json, "{\"version\":\"1.5.0\",\"commit\":17}", NULL, RA_SHAPE_FIELDS);
}

static bool
text(void)
{
	return read_as(&ra_format_text, "1.5.0\n", NULL, RA_SHAPE_FIELDS);
}

static bool
text_groups(void)
{
	return read_as(&ra_format_text, "1.5.0 abc", "regex: (?<version>\\S+) (?<commit>\\S+)",
	    RA_SHAPE_FIELDS);
}

static bool
text_lines(void)
{
	return read_as(&ra_format_text, "a\nb\nc\nd\ne\n", "regex: [a-e]", RA_SHAPE_LINES);
}

/* --- kinds --- */

static struct ra_result *
judge_armed(const struct ra_kind *kind, const char *options, const char *expect,
    struct ra_data *self, const struct ra_facts *history)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place;
	struct ra_input in = { .where = (char *)WHERE, .status = 200 };
	struct ra_gathered inputs[2] = { { .input = &in, .data = self }, { .facts = history } };
	struct ra_judge_call call = { .inputs = inputs, .input_count = 2, .now = NOW };
	struct ra_result *r = ra_result_new();

	call.options = options_bind(arena, &kind->type, options, &place);
	call.expect = options_bind(arena, &kind->expectation, expect, &place);
	arm();
	kind->judge(&call, r);
	disarm();
	ra_arena_free(arena);
	ra_data_free(self);
	return r;
}

static bool
version(void)
{
	struct ra_data self = { 0 };

	ra_data_add_field(&self, "version", "1.5.0", 5);
	ra_data_add_field(&self, "commit", "abc1234", 7);
	return was_judged(
	    judge_armed(&ra_kind_version, NULL, "version: ^1\ncommit: abc1234", &self, NULL),
	    RA_R_OK);
}

static bool
backup(void)
{
	struct ra_data self = { 0 };

	ra_data_add_item(&self, "a", NOW - RA_HOUR, 1000);
	ra_data_add_item(&self, "b", NOW - RA_DAY, 1000);
	return was_judged(
	    judge_armed(&ra_kind_backup, NULL, "max-age: 2h\nmax-shrink: 3%", &self, NULL),
	    RA_R_OK);
}

static bool
logs(void)
{
	struct ra_data self = { 0 };

	ra_data_add_line(&self, "2026-11-23T11:59:00Z fine", 25);
	return was_judged(judge_armed(&ra_kind_logs, "time: ^(?<time>\\S+)",
			      "max-age: 5m\nrequired: fine\nforbidden: bad", &self, NULL),
	    RA_R_OK);
}

static bool
combine(void)
{
	static const char *const names[] = { "a", "b" };
	struct ra_result *parts[2], *r;

	for (int i = 0; i < 2; i++) {
		parts[i] = ra_result_new();
		ra_result_say(parts[i], RA_OK, RA_R_OK, "fine");
		ra_result_expected(parts[i], "version 1");
		ra_result_evidence(parts[i], WHERE);
		ra_result_next(parts[i], "nothing");
		ra_facts_set_text(
		    &parts[i]->facts, ra_kind_version.facts, "version", i == 0 ? "1" : "2");
		ra_facts_set_text(&parts[i]->facts, ra_kind_version.facts, "commit", "abc1234");
	}
	arm();
	r = ra_kind_combine(&ra_kind_version,
	    &(struct ra_combine_call){ names, parts, 2, NULL, NULL, NULL, 1, NULL, NULL });
	disarm();
	ra_result_unref(parts[0]);
	ra_result_unref(parts[1]);
	return r != NULL && was_judged(r, RA_R_INSTANCES_DIFFER);
}

/* --- configuration --- */

static bool
prepare(const struct ra_conf_type *type, const char *options)
{
	struct ra_conf_type bare = *type;
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place;
	void *bound;
	int r;

	bare.prepare = NULL;
	bound = options_bind(arena, &bare, options, &place);
	arm();
	r = type->prepare(bound, arena, &place);
	disarm();
	if ((r != 0 && r != -ENOMEM) || place.text[0] != '\0')
		abort();
	ra_arena_free(arena);
	return r == 0;
}

static bool
prepare_logs(void)
{
	return prepare(&ra_kind_logs.type, "time: (?<time>\\S+)");
}

static bool
prepare_log_words(void)
{
	return prepare(&ra_kind_logs.expectation, "required: a\nrequired: b\nforbidden: c");
}

static bool
prepare_version_words(void)
{
	return prepare(&ra_kind_version.expectation, "version: >=1 <2");
}

static bool
prepare_text(void)
{
	return prepare(&ra_format_text.type, "regex: x");
}

/* --- */

/* Without the thread's key, which is made once in a process, no pattern ever matches. */
static void
test_no_key(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		struct ra_pattern *p = NULL;
		int r = ra_pattern_new("x", &p, NULL);

		no_key = true;
		r = r == 0 ? ra_pattern_match(p, "x", 1, NULL, NULL, NULL) : r;
		ra_pattern_free(p);
		exit(r == -ENOMEM ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_all(void **state)
{
	static const struct {
		const char *name;
		scenario *run;
	} rows[] = { { "facts", facts }, { "data", data }, { "input", input }, { "result", result },
		{ "range", range }, { "pattern", pattern }, { "json", json }, { "text", text },
		{ "groups", text_groups }, { "lines", text_lines }, { "version", version },
		{ "backup", backup }, { "logs", logs }, { "combine", combine },
		{ "prepare logs", prepare_logs }, { "prepare log words", prepare_log_words },
		{ "prepare version words", prepare_version_words },
		{ "prepare text", prepare_text } };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		print_message("%s\n", rows[i].name);
		run_all(rows[i].run);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
