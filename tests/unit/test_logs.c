/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"

#include "../../daemon/kind/logtime.h"

extern const struct ra_kind ra_kind_logs;

/* --- times --- */

static void
test_time(void **state)
{
	/* now is 2026-11-23T12:00:00Z */
	static const struct {
		const char *text, *time; /* NULL: none */
	} rows[] = {
		/* what ra_time_parse reads */
		{ "2026-11-23T09:14:05Z", "2026-11-23T09:14:05.000Z" },
		{ "2026-11-23 09:14:05,123", "2026-11-23T09:14:05.123Z" },
		{ "2026-11-23T09:14:05.123456789+01:00", "2026-11-23T08:14:05.123Z" },
		{ "1795435200", "2026-11-23T12:00:00.000Z" },
		{ "1795435200123", "2026-11-23T12:00:00.123Z" },
		/* blanks, slashes, zones */
		{ "2026-11-23 09:14:05 +0100", "2026-11-23T08:14:05.000Z" },
		{ "2026/11/23 09:14:05", "2026-11-23T09:14:05.000Z" },
		{ "2026/11/23 09:14:05.5 -02:30", "2026-11-23T11:44:05.500Z" },
		{ "2026-11-23 09:14:05 UTC", "2026-11-23T09:14:05.000Z" },
		{ "2026-11-23 09:14:05 gmt", "2026-11-23T09:14:05.000Z" },
		{ "2026-11-23 09:14:05 CET", NULL },
		{ "2026-11-23 09:14:05 +01:00:00", NULL },
		{ "2026-11-23 09:14:05 +0100x", NULL },
		{ "2026-11-23 09:14:05 +2500", NULL },
		{ "2026/11/23", NULL },
		{ "2026/11/23 09:14", NULL },
		{ "2026/13/23 09:14:05", NULL },
		{ "2026/02/29 09:14:05", NULL },
		{ "2026/1/2 09:14:05", NULL },
		{ "2026.11.23 09:14:05", NULL },
		{ "2026/11.23 09:14:05", NULL },
		{ "2026/11/3 09:14:05", NULL },
		{ "2026/11/23x09:14:05", NULL },
		{ "2026/11/23 24:14:05", NULL },
		{ "2026/11/23 09:14:05.123456789012345678901234567890", NULL },
		/* Apache, mail */
		{ "23/Nov/2026:09:14:05 +0000", "2026-11-23T09:14:05.000Z" },
		{ "23/nov/2026:09:14:05 -0500", "2026-11-23T14:14:05.000Z" },
		{ "Mon, 23 Nov 2026 09:14:05 GMT", "2026-11-23T09:14:05.000Z" },
		{ "3 Nov 2026 09:14:05", "2026-11-03T09:14:05.000Z" },
		{ "03-Nov-2026 09:14:05.25", "2026-11-03T09:14:05.250Z" },
		{ "31/Nov/2026:09:14:05 +0000", NULL },
		{ "23/Nox/2026:09:14:05 +0000", NULL },
		{ "23/Nov/26:09:14:05 +0000", NULL },
		{ "123/Nov/2026:09:14:05", NULL },
		{ "23.Nov/2026:09:14:05", NULL },
		{ "23/Nov.2026:09:14:05", NULL },
		{ "23/Nov/2026T09:14:05", NULL },
		{ "23/Nov/2026:9:14", NULL },
		{ "23/Nov/2026:09:14:05 CET", NULL },
		/* syslog: without a year it is the last such day */
		{ "Nov 23 09:14:05", "2026-11-23T09:14:05.000Z" },
		{ "Nov  3 09:14:05", "2026-11-03T09:14:05.000Z" },
		{ "Nov\t3 09:14:05.5", "2026-11-03T09:14:05.500Z" },
		{ "Nov 24 11:59:59", "2026-11-24T11:59:59.000Z" },
		{ "Nov 24 12:00:01", "2025-11-24T12:00:01.000Z" },
		{ "Dec 31 23:59:59", "2025-12-31T23:59:59.000Z" },
		{ "Jan  1 00:00:00", "2026-01-01T00:00:00.000Z" },
		{ "Feb 29 00:00:00", "2024-02-29T00:00:00.000Z" },
		{ "Feb 30 00:00:00", NULL },
		{ "Nov 23 09:14:05 +0100", "2026-11-23T08:14:05.000Z" },
		{ "Nov 23 09:14:05 CET", NULL },
		{ "Nov 23", NULL },
		{ "Nov 09:14:05", NULL },
		{ "Nov x 09:14:05", NULL },
		{ "Nov 23 9:14", NULL },
		{ "Nov23 09:14:05", NULL },
		{ "Nov 23 09:14:61", NULL },
		{ "Nov 2309:14:05", NULL },
		/* ctime, with a year */
		{ "Mon Nov 23 09:14:05 2026", "2026-11-23T09:14:05.000Z" },
		{ "Mon Nov  3 09:14:05 2025 +0100", "2025-11-03T08:14:05.000Z" },
		{ "Thu Nov 23 09:14:05 2027", "2027-11-23T09:14:05.000Z" },
		{ "MonNov 23 09:14:05 2026", NULL },
		{ "Mon Nov 23 09:14:05 20266", NULL },
		/* seconds with a fraction */
		{ "1795435200.123", "2026-11-23T12:00:00.123Z" },
		{ "1795435200.123999", "2026-11-23T12:00:00.123Z" },
		{ "1795435200.", NULL },
		{ "1795435200.1x", NULL },
		{ "1795435200x", NULL },
		{ "1795435200.x", NULL },
		{ "179543520.123", NULL },
		{ "", NULL },
		{ "yesterday", NULL },
		{ "Nov 23 09:14:05                                                  2026", NULL },
	};
	char shown[RA_TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		int64_t time;
		int r = ra_logtime_parse(rows[i].text, strlen(rows[i].text), NOW, &time);
		const char *got = r == 0 ? ra_time_format(time, shown) : "none";

		if (strcmp(got, rows[i].time != NULL ? rows[i].time : "none") != 0)
			fail_msg("'%s': %s", rows[i].text, got);
	}
}

/* Only what was said, and no byte more; a year is guessed from a now that has one. */
static void
test_time_borders(void **state)
{
	static const char text[] = "1795435200.123456";
	char shown[RA_TIME_TEXT];
	int64_t time;

	(void)state;
	assert_int_equal(ra_logtime_parse(text, 14, NOW, &time), 0);
	assert_int_equal(time, NOW + 123);
	assert_int_equal(ra_logtime_parse("Nov 23 09:14:05", 15, INT64_MAX, &time), -EINVAL);
	assert_int_equal(ra_logtime_parse("Feb 29 09:14:05", 15, INT64_C(0), &time), 0);
	assert_string_equal(ra_time_format_s(time, shown), "1968-02-29T09:14:05Z");
	/* a day that no year has, in the first years there are */
	assert_int_equal(
	    ra_logtime_parse("Feb 30 09:14:05", 15, INT64_C(-62000000000000), &time), -EINVAL);
	/* New Year's Eve, the log's clock ahead */
	assert_int_equal(ra_logtime_parse("Jan 1 00:00:01", 14, INT64_C(1798761599000), &time), 0);
	assert_int_equal(time, INT64_C(1798761601000));
}

/* --- judging --- */

#define MODIFIED (NOW - 3 * RA_MINUTE)

/* `text` has a line each; modified 0: not known. */
static struct ra_result *
judge_logs(
    const char *text, int64_t modified, const char *options, const char *expect, const char *warn)
{
	struct ra_data data = { .shape = RA_SHAPE_LINES };
	struct given g = { .options = options,
		.expect = expect,
		.warn = warn,
		.data = &data,
		.input = { .modified = modified } };

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		assert_int_equal(ra_data_add_line(&data, text, len), 0);
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	return judged(&ra_kind_logs, &g);
}

#define TIME		"time: ^(?<time>\\S+)"
#define FRESH		"2026-11-23T11:00:00Z start\n2026-11-23T11:58:00Z order paid\n"
#define TRACE		FRESH "\tat shop.Order.pay\n\tat shop.main\n"
#define BAD		"2026-11-23T11:58:00Z FATAL out\n2026-11-23T11:59:00Z on\n"
#define FUTURE		"2026-11-23T12:05:01Z start\n"
#define AGE(n, s, time) "{\"newest\":\"" time "\",\"age_s\":" s ",\"entries\":" n "}"
#define AGE_2M(n)	AGE(n, "120", "2026-11-23T11:58:00.000Z")
#define AGE_3M(n)	AGE(n, "180", "2026-11-23T11:57:00.000Z")
#define OLD		RA_R_LOGS_TOO_OLD
#define NO_TIME		RA_UNKNOWN, RA_R_LOGS_NO_TIME

static void
test_logs(void **state)
{
	static const struct {
		const char *text;
		int64_t modified;
		const char *options, *expect, *warn;
		struct wanted wanted;
	} rows[] = {
		/* by the entries' own times; the limit itself is within */
		{ FRESH, 0, TIME, "max-age: 2m", NULL,
		    { RA_OK, RA_R_OK, "newest entry is 2 min old", "max-age 2m", AGE_2M("2") } },
		{ FRESH, NOW, TIME, "max-age: 119s", NULL,
		    { RA_CRITICAL, OLD, "newest entry is 2 min old, limit 119 s", "max-age 119s",
			AGE_2M("2") } },
		{ FRESH, 0, TIME, NULL, "max-age: 1m",
		    { RA_WARNING, OLD, "limit 1 min", "max-age 1m", AGE_2M("2") } },
		{ FRESH, 0, TIME, "max-age: 1h", "max-age: 1m",
		    { RA_WARNING, OLD, "limit 1 min", "max-age 1m", NULL } },
		{ TRACE, 0, TIME, "max-age: 5m", NULL,
		    { RA_OK, RA_R_OK, "2 min old", "max-age 5m", AGE_2M("4") } },
		{ "2026-11-23T13:58:00+0200 x", 0, TIME, "max-age: 5m", NULL,
		    { RA_OK, RA_R_OK, "2 min old", "max-age 5m", AGE_2M("1") } },
		{ "<1> Nov 23 11:58:00 host x", 0, "time: > (?<time>\\w+ +\\d+ \\S+)",
		    "max-age: 5m", NULL,
		    { RA_OK, RA_R_OK, "2 min old", "max-age 5m", AGE_2M("1") } },
		/* the latest, wherever it stands; of the future only the last counts */
		{ FRESH "2026-11-23T09:00:00Z late\n", 0, TIME, "max-age: 2m", NULL,
		    { RA_OK, RA_R_OK, "2 min old", "max-age 2m", AGE_2M("3") } },
		{ FUTURE FRESH, 0, TIME, "max-age: 2m", NULL,
		    { RA_OK, RA_R_OK, "2 min old", "max-age 2m", AGE_2M("3") } },
		{ FRESH FUTURE, 0, TIME, "max-age: 2m", NULL,
		    { RA_UNKNOWN, RA_R_LOGS_FUTURE, "dated 5 min 1 s", NULL, NULL } },
		/* by the file's last change */
		{ FRESH, MODIFIED, NULL, "max-age: 5m", NULL,
		    { RA_OK, RA_R_OK, "3 min old", "max-age 5m", AGE_3M("2") } },
		{ "x", MODIFIED, NULL, "max-age: 1m", NULL,
		    { RA_CRITICAL, OLD, "3 min old", "max-age 1m", AGE_3M("1") } },
		{ "x", 0, NULL, "max-age: 1m", NULL,
		    { NO_TIME, "the age of the log is not known", "max-age 1m",
			"{\"entries\":1}" } },
		{ "x", 0, NULL, NULL, NULL,
		    { RA_OK, RA_R_OK, "1 lines read", NULL, "{\"entries\":1}" } },
		{ "x", 0, NULL, NULL, "max-age: 1m", { NO_TIME, "not known", "max-age 1m", NULL } },
		/* no time in it */
		{ "no time\nnor here", MODIFIED, TIME, "max-age: 5m", NULL,
		    { NO_TIME, "none of 2 lines has a time", NULL, "{\"entries\":2}" } },
		{ "no time", 0, "time: ^(?<time>\\d+)", NULL, NULL,
		    { NO_TIME, "the last is 'no time'", NULL, NULL } },
		{ "no time", 0, "time: (?<time>\\d+)?", NULL, NULL,
		    { NO_TIME, "none of 1 lines", NULL, NULL } },
		{ "no time", 0, TIME, "max-age: 5m\nforbidden: no", NULL,
		    { RA_CRITICAL, RA_R_LOGS_FORBIDDEN, "'no' is in", "forbidden no", NULL } },
		/* the future, of more than clocks differ */
		{ FUTURE, 0, TIME, "max-age: 5m", NULL,
		    { RA_UNKNOWN, RA_R_LOGS_FUTURE, "dated 5 min 1 s in the future", NULL, NULL } },
		{ "2026-11-23T12:05:00Z start", 0, TIME, "max-age: 5m", NULL,
		    { RA_OK, RA_R_OK, "0 s old", "max-age 5m", NULL } },
		{ "x", NOW + RA_DAY, NULL, NULL, NULL,
		    { RA_UNKNOWN, RA_R_LOGS_FUTURE, "dated 1 d", NULL, NULL } },
		/* nothing in it */
		{ "", NOW, TIME, "max-age: 5m", NULL,
		    { RA_CRITICAL, RA_R_LOGS_EMPTY, "the log is empty", NULL, NULL } },
		{ "", NOW, NULL, NULL, NULL,
		    { RA_CRITICAL, RA_R_LOGS_EMPTY, "the log is empty", NULL, NULL } },
		{ "", 0, NULL, NULL, "required: x",
		    { RA_WARNING, RA_R_LOGS_EMPTY, "the log is empty", NULL, "{\"entries\":0}" } },
		{ "", 0, NULL, NULL, "max-age: 5m",
		    { RA_WARNING, RA_R_LOGS_EMPTY, "the log is empty", NULL, NULL } },
		{ "", 0, NULL, NULL, "forbidden: x",
		    { RA_WARNING, RA_R_LOGS_EMPTY, "the log is empty", NULL, NULL } },
		{ "", 0, NULL, "forbidden: x", "max-age: 5m",
		    { RA_CRITICAL, RA_R_LOGS_EMPTY, "the log is empty", NULL, NULL } },
		{ "", NOW + RA_DAY, NULL, NULL, "required: x",
		    { RA_UNKNOWN, RA_R_LOGS_FUTURE, "future", NULL, NULL } },
		{ "", NOW + RA_DAY, NULL, NULL, NULL,
		    { RA_CRITICAL, RA_R_LOGS_EMPTY, "the log is empty", NULL, NULL } },
		/* patterns */
		{ FRESH, MODIFIED, NULL, "required: order \\w+\nrequired: start$", NULL,
		    { RA_OK, RA_R_OK, "3 min old", "required order \\w+, required start$", NULL } },
		{ FRESH, MODIFIED, NULL, "required: start\nrequired: heartbeat", NULL,
		    { RA_CRITICAL, RA_R_LOGS_REQUIRED,
			"none of the newest 2 lines matches 'heartbeat'", "required heartbeat",
			NULL } },
		{ FRESH, MODIFIED, NULL, NULL, "required: heartbeat",
		    { RA_WARNING, RA_R_LOGS_REQUIRED, "heartbeat", "required heartbeat", NULL } },
		{ BAD, MODIFIED, NULL, "forbidden: PANIC\nforbidden: FATAL", NULL,
		    { RA_CRITICAL, RA_R_LOGS_FORBIDDEN,
			"'FATAL' is in the newest lines: 2026-11-23T11:58:00Z FATAL out",
			"forbidden FATAL", NULL } },
		{ BAD, MODIFIED, NULL, NULL, "forbidden: FATAL",
		    { RA_WARNING, RA_R_LOGS_FORBIDDEN, "FATAL", "forbidden FATAL", NULL } },
		{ FRESH, MODIFIED, NULL, "forbidden: FATAL", NULL,
		    { RA_OK, RA_R_OK, "3 min old", "forbidden FATAL", NULL } },
		/* the worst speaks, of equals the first */
		{ BAD, 0, TIME, "max-age: 1s\nforbidden: FATAL\nrequired: x", NULL,
		    { RA_CRITICAL, OLD, "limit 1 s", "max-age 1s", NULL } },
		{ BAD, 0, TIME, "forbidden: FATAL\nrequired: x", "max-age: 1s",
		    { RA_CRITICAL, RA_R_LOGS_FORBIDDEN, "FATAL", "forbidden FATAL", NULL } },
		{ FUTURE, 0, TIME, "required: x", NULL,
		    { RA_CRITICAL, RA_R_LOGS_REQUIRED, "'x'", "required x", NULL } },
		{ FUTURE, 0, TIME, NULL, "required: x",
		    { RA_UNKNOWN, RA_R_LOGS_FUTURE, "future", NULL, NULL } },
		{ "x", MODIFIED, NULL, "max-age: 5m\nrequired: x\nforbidden: y", NULL,
		    { RA_OK, RA_R_OK, "3 min", "max-age 5m, required x, forbidden y", NULL } },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_result(i,
		    judge_logs(rows[i].text, rows[i].modified, rows[i].options, rows[i].expect,
			rows[i].warn),
		    &rows[i].wanted);
}

/* The newest line that matches is the evidence, and where it stands. */
static void
test_logs_evidence(void **state)
{
	struct ra_result *r = judge_logs("bad 1\nbad 2\ngood", NOW, NULL, "forbidden: bad", NULL);

	(void)state;
	assert_string_equal(r->evidence, WHERE ": bad 2");
	ra_result_unref(r);
	r = judge_logs("good", NOW, NULL, "forbidden: bad", NULL);
	assert_string_equal(r->evidence, WHERE);
	ra_result_unref(r);
}

/* What looks like a secret stays in the log. */
static void
test_logs_secret(void **state)
{
	struct ra_result *r = judge_logs(
	    "bad token=hunter2 at https://u:hunter2@h/", NOW, NULL, "forbidden: bad", NULL);

	(void)state;
	assert_string_equal(
	    r->summary, "'bad' is in the newest lines: bad token=*** at https://***@h/");
	assert_string_equal(r->evidence, WHERE ": bad token=*** at https://***@h/");
	ra_result_unref(r);
	r = judge_logs("no password=hunter2", 0, TIME, NULL, NULL);
	assert_non_null(strstr(r->summary, "the last is 'no password=***'"));
	ra_result_unref(r);
}

/* A line of any length is told in part; what speaks next does not keep its evidence. */
static void
test_logs_long_line(void **state)
{
	char line[4000];
	struct ra_result *r;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	r = judge_logs(line, NOW, NULL, "forbidden: x", NULL);
	assert_int_equal(r->reason, RA_R_LOGS_FORBIDDEN);
	assert_int_equal(strlen(r->summary), strlen("'x' is in the newest lines: ") + 160);
	assert_int_equal(strlen(r->evidence), RA_EVIDENCE_MAX);
	ra_result_unref(r);
	r = judge_logs(line, 0, TIME, NULL, NULL);
	assert_int_equal(r->reason, RA_R_LOGS_NO_TIME);
	assert_non_null(strstr(r->summary, "xxx"));
	ra_result_unref(r);
}

/* A pattern that needs too much work leaves doubt, wherever it stands. */
static void
test_logs_limit(void **state)
{
	static const char slow[] = "(\\w+\\s?)*[:;]";
	static const struct {
		const char *options, *expect, *warn;
	} rows[] = {
		{ NULL, "required: (\\w+\\s?)*[:;]", NULL },
		{ NULL, "forbidden: (\\w+\\s?)*[:;]", NULL },
		{ NULL, NULL, "forbidden: (\\w+\\s?)*[:;]" },
		{ NULL, "forbidden: (\\w+\\s?)*[:;]", "max-age: 1s" },
		{ "time: (?<time>(\\w+\\s?)*[:;])", "max-age: 5m", NULL },
	};
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	for (int i = 0; i < 60; i++)
		ra_buf_puts(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r =
		    judge_logs(text.data, MODIFIED, rows[i].options, rows[i].expect, rows[i].warn);

		if (r->verdict != RA_UNKNOWN || r->reason != RA_R_REGEX_LIMIT)
			fail_msg("row %zu: %s", i, r->summary);
		assert_non_null(strstr(r->summary, slow));
		assert_string_equal(r->evidence, WHERE);
		ra_result_unref(r);
	}
}

/* Older lines that need too much work neither hide the newest time nor starve the words. */
static void
test_logs_limit_before_newest(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	struct ra_result *r;

	(void)state;
	for (int i = 0; i < 60; i++)
		ra_buf_puts(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	ra_buf_puts(&text, "\n2026-11-23T11:58:00Z;\n2026-11-23T11:00:00Z;");
	r = judge_logs(ra_buf_text(&text), 0, "time: ^(?=(\\w+\\s?)*[-:;])(?<time>[^;]+)",
	    "max-age: 2m\nrequired: 11:00", NULL);
	assert_int_equal(r->reason, RA_R_OK);
	assert_int_equal(ra_facts_number(&r->facts, "age_s", -1), 120);
	ra_result_unref(r);
}

/* Nor does it take back a breach that was seen. */
static void
test_logs_limit_after_breach(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	struct ra_result *r;

	(void)state;
	for (int i = 0; i < 60; i++)
		ra_buf_puts(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	r = judge_logs(text.data, NOW, NULL, "forbidden: aa\nrequired: (\\w+\\s?)*[:;]", NULL);
	assert_int_equal(r->verdict, RA_CRITICAL);
	assert_int_equal(r->reason, RA_R_LOGS_FORBIDDEN);
	assert_string_equal(r->expected, "forbidden aa");
	ra_result_unref(r);
}

/* How long the source took is told where it is a source that has a latency. */
static void
test_logs_latency(void **state)
{
	static const struct {
		int status;
		int64_t latency;
		int64_t fact;
	} rows[] = { { 200, 12, 12 }, { 200, 0, 0 }, { 0, 3, 3 }, { 0, 0, -1 } };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_data data = { .shape = RA_SHAPE_LINES };
		struct given g = { .data = &data,
			.input = { .status = rows[i].status, .latency_ms = rows[i].latency } };
		struct ra_result *r;

		assert_int_equal(ra_data_add_line(&data, "x", 1), 0);
		r = judged(&ra_kind_logs, &g);
		assert_int_equal(ra_facts_number(&r->facts, "latency_ms", -1), rows[i].fact);
		ra_result_unref(r);
	}
}

static void
test_logs_refused(void **state)
{
	static const struct {
		const char *options, *expect, *complaint;
	} rows[] = {
		{ "time: (", NULL, "time: '(': regular expression: " },
		{ "time: \\S+", NULL, "time: the pattern has no group (?<time>...)" },
		{ "time: (?<zeit>\\S+)", NULL, "no group" },
		{ NULL, "required: ok\nrequired: (", "required: '('" },
		{ NULL, "forbidden: [", "forbidden: '['" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		const struct ra_conf_type *type =
		    rows[i].options != NULL ? &ra_kind_logs.type : &ra_kind_logs.expectation;
		struct ra_arena *arena = ra_arena_new();
		struct ra_conf_place place;

		options_bind(arena, type,
		    rows[i].options != NULL ? rows[i].options : rows[i].expect, &place);
		if (strstr(place.text, rows[i].complaint) == NULL)
			fail_msg("row %zu: '%s'", i, place.text);
		ra_arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_time_borders),
		cmocka_unit_test(test_logs),
		cmocka_unit_test(test_logs_evidence),
		cmocka_unit_test(test_logs_secret),
		cmocka_unit_test(test_logs_long_line),
		cmocka_unit_test(test_logs_limit),
		cmocka_unit_test(test_logs_limit_before_newest),
		cmocka_unit_test(test_logs_limit_after_breach),
		cmocka_unit_test(test_logs_latency),
		cmocka_unit_test(test_logs_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
