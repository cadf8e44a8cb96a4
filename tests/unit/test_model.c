/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/data.h"
#include "relaudit/model/facts.h"
#include "relaudit/model/name.h"
#include "relaudit/model/pattern.h"
#include "relaudit/model/result.h"
#include "relaudit/model/verdict.h"

/* names */

static void
test_name_valid(void **state)
{
	static const char *const good[] = { "a", "z9", "backup-db", "a-", "a--b", "x0",
		"abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz" };
	static const char *const bad[] = { "", "A", "aB", "9a", "-a", "a_b", "a.b", "a b",
		"\xc3\xa4", "a/b", "a\n", "{a", "~",
		"abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyzZ",
		"abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyza" };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(good); i++)
		assert_true(ra_name_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++)
		assert_false(ra_name_valid(bad[i], strlen(bad[i])));
	assert_false(ra_name_valid("ab\0c", 4));
}

static const char *
nearest(const char *wanted)
{
	static const char *const names[] = { "production", "staging", "max-age", "max-shrink",
		"min-size", "min-count", "url", "timeout", "format", "forbidden",
		"a-name-that-is-longer-than-any-name-may-be-and-that-is-nobody-s-slip" };
	struct ra_nearest n;

	ra_nearest_init(&n, wanted);
	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++)
		ra_nearest_try(&n, names[i]);
	return n.name != NULL ? n.name : "-";
}

static void
test_nearest(void **state)
{
	static const char *const rows[][2] = { { "prodution", "production" },
		{ "porduction", "production" }, { "production", "production" },
		{ "prod", "production" }, { "stagin", "staging" }, { "max_age", "max-age" },
		{ "maxage", "max-age" }, { "amx-age", "max-age" }, { "max-size", "min-size" },
		{ "uri", "url" }, { "ulr", "url" }, { "u", "url" }, { "x", "-" }, { "xyz", "-" },
		{ "", "-" }, { "zzzzzzzz", "-" }, { "fromat", "format" }, { "for", "format" },
		{ "a-name-that-is-longer-than-any-name-may-be-and-that-is-nobody-s-slip", "-" },
		{ "a-name", "-" } };
	struct ra_nearest n;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		assert_string_equal(nearest(rows[i][0]), rows[i][1]);
	/* Of one letter another is no slip, one more is. */
	ra_nearest_init(&n, "x");
	ra_nearest_try(&n, "y");
	assert_null(n.name);
	ra_nearest_try(&n, "xy");
	assert_string_equal(n.name, "xy");
}

/* verdicts and reasons */

static void
test_verdict(void **state)
{
	static const char *const names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN", "PENDING" };
	static const int exits[] = { 0, 1, 2, 3, 3 };
	/* from best to worst */
	static const enum ra_verdict order[] = { RA_OK, RA_WARNING, RA_UNKNOWN, RA_CRITICAL };
	enum ra_verdict v;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_string_equal(ra_verdict_name((enum ra_verdict)i), names[i]);
		assert_int_equal(ra_verdict_exit((enum ra_verdict)i), exits[i]);
		assert_int_equal(ra_verdict_parse(names[i], &v), 0);
		assert_int_equal(v, i);
	}
	assert_int_equal(ra_verdict_parse("critical", &v), 0);
	assert_int_equal(v, RA_CRITICAL);
	assert_int_equal(ra_verdict_parse("bad", &v), -EINVAL);
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 4; j++) {
			assert_int_equal(
			    ra_verdict_worst(order[i], order[j]), order[i > j ? i : j]);
			assert_int_equal(
			    ra_verdict_rank(order[i]) < ra_verdict_rank(order[j]), i < j);
		}
	}
	assert_int_equal(ra_verdict_rank(RA_PENDING), ra_verdict_rank(RA_UNKNOWN));
	assert_int_equal(ra_verdict_worst(RA_PENDING, RA_OK), RA_PENDING);
}

static void
test_reasons(void **state)
{
	enum ra_reason found;

	(void)state;
	for (int i = 0; i < RA_REASON_COUNT; i++) {
		const char *code = ra_reason_code((enum ra_reason)i);

		/* A code is a word that pipelines match on. */
		assert_true(ra_name_valid(code, strlen(code)));
		assert_true(strlen(ra_reason_meaning((enum ra_reason)i)) > 0);
		assert_true(i == RA_R_OK || strlen(ra_reason_next((enum ra_reason)i)) > 0);
		/* No two have the same. */
		assert_int_equal(ra_reason_parse(code, &found), 0);
		assert_int_equal(found, i);
	}
	assert_int_equal(ra_reason_parse("of-another-version", &found), -ENOENT);
	assert_string_equal(ra_reason_code(RA_R_BACKUP_TOO_OLD), "backup-too-old");
}

/* facts */

static const struct ra_fact_def defs[] = {
	{ "version", RA_FACT_TEXT, "" },
	{ "newest", RA_FACT_TIME, "" },
	{ "size", RA_FACT_INT, "" },
	{ "count", RA_FACT_INT, "" },
	{ "value", RA_FACT_REAL, "" },
	{ "list", RA_FACT_JSON, "" },
	{ 0 },
};

static const char *
written(const struct ra_facts *f, struct ra_buf *out)
{
	struct ra_jsonw w;

	ra_buf_clear(out);
	ra_jsonw_init(&w, out);
	ra_facts_write(f, &w, NULL);
	return ra_buf_text(out);
}

static void
test_facts(void **state)
{
	RA_CLEANUP(ra_facts_free) struct ra_facts f = { 0 }, copy = { 0 }, back = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);
	static const char all[] = "{\"version\":\"1.5.0\",\"newest\":\"2026-11-23T09:14:05.123Z\","
				  "\"size\":-7,\"count\":9,\"value\":0.5}";

	(void)state;
	assert_string_equal(written(&f, &out), "{}");
	/* In the table's order, whatever the order of setting. */
	assert_int_equal(ra_facts_set_real(&f, defs, "value", 0.5), 0);
	assert_int_equal(ra_facts_set_number(&f, defs, "count", 8), 0);
	assert_int_equal(ra_facts_set_number(&f, defs, "count", 9), 0);
	assert_int_equal(ra_facts_set_text(&f, defs, "version", "1.4.0"), 0);
	assert_int_equal(ra_facts_set_text(&f, defs, "version", "1.5.0"), 0);
	assert_int_equal(ra_facts_set_number(&f, defs, "size", -7), 0);
	assert_int_equal(ra_facts_set_number(&f, defs, "newest", INT64_C(1795425245123)), 0);
	assert_string_equal(written(&f, &out), all);
	assert_int_equal(ra_facts_set_text(&f, defs, "commit", "x"), -ENOENT);
	assert_int_equal(ra_facts_set_text(&f, defs, "size", "x"), -ENOENT);
	assert_int_equal(ra_facts_set_number(&f, defs, "version", 1), -ENOENT);
	assert_int_equal(ra_facts_set_real(&f, defs, "size", 1), -ENOENT);
	assert_string_equal(ra_facts_text(&f, "version"), "1.5.0");
	assert_null(ra_facts_text(&f, "size"));
	assert_null(ra_facts_text(&f, "commit"));
	assert_int_equal(ra_facts_number(&f, "size", 1), -7);
	assert_int_equal(ra_facts_number(&f, "newest", 1), INT64_C(1795425245123));
	assert_int_equal(ra_facts_number(&f, "version", 1), 1);
	assert_int_equal(ra_facts_number(&f, "commit", 1), 1);
	assert_ptr_equal(ra_facts_get(&f, "count")->def, &defs[3]);

	assert_int_equal(ra_facts_copy(&f, &copy), 0);
	assert_true(ra_facts_equal(&f, &copy));
	assert_int_equal(ra_facts_read(all, strlen(all), defs, &back), 0);
	assert_true(ra_facts_equal(&f, &back));
	assert_int_equal(ra_facts_set_text(&copy, defs, "version", "2"), 0);
	assert_false(ra_facts_equal(&f, &copy));
	assert_string_equal(ra_facts_text(&f, "version"), "1.5.0");
}

/* A file dated 1970 has a time; that of a year beyond four digits cannot be written. */
static void
test_facts_times(void **state)
{
	static const struct {
		int64_t time;
		const char *json;
	} rows[] = {
		{ 0, "{\"newest\":\"1970-01-01T00:00:00.000Z\"}" },
		{ -1, "{\"newest\":\"1969-12-31T23:59:59.999Z\"}" },
		{ INT64_MAX, "{\"newest\":null}" },
	};
	RA_BUF_LOCAL out = RA_BUF(0);

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_CLEANUP(ra_facts_free) struct ra_facts f = { 0 };

		assert_int_equal(ra_facts_set_number(&f, defs, "newest", rows[i].time), 0);
		assert_string_equal(written(&f, &out), rows[i].json);
	}
}

static void
test_facts_equal(void **state)
{
	RA_CLEANUP(ra_facts_free) struct ra_facts a = { 0 }, b = { 0 };

	(void)state;
	assert_true(ra_facts_equal(&a, &b));
	ra_facts_set_number(&a, defs, "size", 1);
	assert_false(ra_facts_equal(&a, &b));
	ra_facts_set_number(&b, defs, "count", 1);
	assert_false(ra_facts_equal(&a, &b));
	ra_facts_set_number(&b, defs, "size", 1);
	ra_facts_set_number(&a, defs, "count", 2);
	assert_false(ra_facts_equal(&a, &b));
	ra_facts_set_number(&a, defs, "count", 1);
	assert_true(ra_facts_equal(&a, &b));
	ra_facts_set_real(&a, defs, "value", (double)NAN);
	ra_facts_set_text(&b, defs, "version", "1");
	assert_false(ra_facts_equal(&a, &b));
	ra_facts_free(&a);
	ra_facts_free(&b);
	ra_facts_set_real(&a, defs, "value", (double)NAN);
	ra_facts_set_real(&b, defs, "value", (double)NAN);
	assert_true(ra_facts_equal(&a, &b));
	ra_facts_set_real(&b, defs, "value", 1);
	assert_false(ra_facts_equal(&a, &b));
}

/* What an older or newer version wrote is taken as far as it is known here. */
static void
test_facts_read(void **state)
{
	static const struct {
		const char *json;
		const char *back; /* NULL: refused */
	} rows[] = {
		{ "{}", "{}" },
		{ "{\"commit\":\"x\",\"count\":3}", "{\"count\":3}" },
		{ "{\"version\":3,\"newest\":4,\"size\":\"5\",\"count\":true,\"value\":[]}", "{}" },
		{ "{\"newest\":\"yesterday\",\"value\":2}", "{\"value\":2}" },
		{ "{\"newest\":null,\"size\":12345678901}", "{\"size\":12345678901}" },
		{ "{\"list\":[1, 0.5],\"value\":0.5}", "{\"value\":0.5,\"list\":[1,0.5]}" },
		{ "{\"list\":{\"a\": null}}", "{\"list\":{\"a\":null}}" },
		{ "{\"list\":\"[]\",\"value\":\"1\",\"size\":null}", "{}" },
		{ "{\"list\":5,\"version\":\"1\",\"newest\":\"2026-11-23T12:00:00Z\"}",
		    "{\"version\":\"1\",\"newest\":\"2026-11-23T12:00:00.000Z\"}" },
		{ "[]", NULL },
		{ "", NULL },
		{ "{\"size\":1", NULL },
		{ "{\"size\":1,\"size\":2}", NULL },
	};
	RA_BUF_LOCAL out = RA_BUF(0);

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_facts f = { 0 };
		int r = ra_facts_read(rows[i].json, strlen(rows[i].json), defs, &f);

		assert_int_equal(r, rows[i].back != NULL ? 0 : -EINVAL);
		assert_string_equal(written(&f, &out), rows[i].back != NULL ? rows[i].back : "{}");
		ra_facts_free(&f);
	}
}

/* data and input */

static void
test_data_fields(void **state)
{
	struct ra_data d = { 0 };

	(void)state;
	assert_null(ra_data_field(&d, "version"));
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    ra_data_add_field(&d, i == 70 ? "commit" : "version", "1.5.0-x", 5), 0);
	assert_int_equal(d.shape, RA_SHAPE_FIELDS);
	assert_int_equal(d.fields.count, 100);
	assert_string_equal(ra_data_field(&d, "version"), "1.5.0");
	assert_string_equal(ra_data_field(&d, "commit"), "1.5.0");
	assert_null(ra_data_field(&d, "tag"));
	assert_int_equal(ra_data_add_item(&d, "x", 1, 2), -EINVAL);
	assert_int_equal(ra_data_add_line(&d, "x", 1), -EINVAL);
	ra_data_free(&d);
	assert_int_equal(d.shape, 0);
	ra_data_free(&d);
}

/* There is an end to them; from there on it may be any. */
static void
test_data_unread(void **state)
{
	struct ra_data d = { 0 };
	const struct ra_buf *b = &d.keys.unread;

	(void)state;
	assert_int_equal(ra_data_add_unread(&d, "NAME=1", 4, 7), 0);
	assert_int_equal(d.shape, RA_SHAPE_KEYS);
	assert_int_equal(b->len, 7);
	assert_memory_equal(b->data, "7 NAME", 7);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(ra_data_add_unread(&d, "another", 7, 100000 + i), 0);
	assert_in_range(b->len, 65536, 65536 + 32);
	assert_memory_equal(b->data + b->len - 2, " ", 2);
	ra_data_free(&d);
	assert_int_equal(d.shape, 0);
}

static void
test_data_items(void **state)
{
	struct ra_data d = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ra_data_add_item(&d, "dump", i, RA_UNSET), 0);
	assert_int_equal(d.items.count, 1000);
	assert_int_equal(d.items.list[999].time, 999);
	assert_int_equal(d.items.list[999].size, RA_UNSET);
	assert_string_equal(d.items.list[5].name, "dump");
	assert_null(ra_data_field(&d, "dump"));
	assert_int_equal(ra_data_add_field(&d, "a", "b", 1), -EINVAL);
	ra_data_free(&d);
}

static void
test_data_lines(void **state)
{
	static const char text[] = "one\ntwo";
	struct ra_data d = { 0 };

	(void)state;
	for (int i = 0; i < 17; i++) {
		assert_int_equal(ra_data_add_line(&d, text, 3), 0);
		assert_int_equal(ra_data_add_line(&d, text + 4, 3), 0);
	}
	assert_int_equal(ra_data_reserve_keys(&d, 10), -EINVAL);
	assert_int_equal(d.lines.count, 34);
	assert_ptr_equal(d.lines.list[33].text, text + 4);
	ra_data_free(&d);
}

/* All of one configuration's texts together, too. */
static void
test_data_keys(void **state)
{
	struct ra_data d = { 0 };
	RA_FREE char *value = calloc(1, RA_KEYS_TEXT_MAX);

	(void)state;
	assert_non_null(value);
	assert_int_equal(ra_data_reserve_keys(&d, SIZE_MAX), 0);
	assert_int_equal(ra_data_reserve_keys(&d, 1), 0);
	assert_int_equal(ra_data_add_key(&d, "A", 1, value, RA_KEYS_TEXT_MAX - 100, 1, 0), 0);
	assert_int_equal(ra_data_add_key(&d, "B", 1, value, 100, 2, 0), -EMSGSIZE);
	assert_int_equal(ra_data_add_key(&d, "B", 1, "1", 1, 2, 0), 0);
	assert_int_equal(d.keys.count, 2);
	assert_string_equal(ra_data_key_value(&d, 1), "1");
	ra_data_free(&d);
}

static void
test_input(void **state)
{
	struct ra_input in = { .where = strdup("http://a/"), .bytes = strdup("x"), .len = 1 };

	(void)state;
	assert_int_equal(ra_data_add_item(&in.listing, "a", 1, 2), 0);
	ra_input_fail(&in, RA_R_TIMEOUT, "no answer\r\nin %d s", 10);
	assert_int_equal(in.reason, RA_R_TIMEOUT);
	assert_string_equal(in.error, "no answer  in 10 s");
	assert_string_equal(in.where, "http://a/");
	/* its own text as an argument */
	ra_input_fail(&in, RA_R_REFUSED, "again: %s", in.error);
	assert_string_equal(in.error, "again: no answer  in 10 s");
	ra_input_clear(&in);
	assert_null(in.error);
	assert_null(in.where);
	assert_int_equal(in.reason, RA_R_OK);
	ra_input_clear(&in);
}

/* results */

static void
test_result_say(void **state)
{
	struct ra_result *r = ra_result_new();

	(void)state;
	assert_non_null(r);
	assert_int_equal(r->verdict, RA_PENDING);
	ra_result_say(r, RA_OK, RA_R_OK, "fine");
	assert_int_equal(r->verdict, RA_OK);
	assert_string_equal(r->summary, "fine");
	ra_result_say(r, RA_OK, RA_R_STALE, "fine again");
	assert_string_equal(r->summary, "fine");
	ra_result_say(r, RA_WARNING, RA_R_BACKUP_TOO_OLD, "%d h", 25);
	assert_int_equal(r->verdict, RA_WARNING);
	assert_int_equal(r->reason, RA_R_BACKUP_TOO_OLD);
	assert_string_equal(r->summary, "25 h");
	assert_string_equal(ra_result_next_step(r), ra_reason_next(RA_R_BACKUP_TOO_OLD));
	ra_result_say(r, RA_UNKNOWN, RA_R_TIMEOUT, "late");
	ra_result_say(r, RA_CRITICAL, RA_R_BACKUP_NONE, "none");
	ra_result_say(r, RA_UNKNOWN, RA_R_TIMEOUT, "late");
	ra_result_say(r, RA_CRITICAL, RA_R_BACKUP_EMPTY, "empty");
	assert_int_equal(r->verdict, RA_CRITICAL);
	assert_int_equal(r->reason, RA_R_BACKUP_NONE);
	assert_string_equal(r->summary, "none");
	ra_result_unref(r);
	ra_result_unref(NULL);
}

static void
test_result_texts(void **state)
{
	struct ra_result *r = ra_result_new();

	(void)state;
	ra_result_expected(r, "max-age %s", "26h");
	ra_result_evidence(r, "/backups/a");
	ra_result_next(r, "look at %s", "it");
	assert_string_equal(r->expected, "max-age 26h");
	assert_string_equal(r->evidence, "/backups/a");
	assert_string_equal(ra_result_next_step(r), "look at it");
	ra_result_expected(r, "%s, min-count 1", r->expected);
	assert_string_equal(r->expected, "max-age 26h, min-count 1");
	ra_result_expected(r, NULL);
	ra_result_evidence(r, NULL);
	ra_result_next(r, NULL);
	assert_null(r->expected);
	assert_null(r->evidence);
	assert_string_equal(ra_result_next_step(r), ra_reason_next(RA_R_PENDING));
	ra_result_unref(r);
}

/* At the length's border stands a character of 1 to 4 bytes, or something that is none. */
static void
test_result_cut(void **state)
{
	static const struct {
		const char *end;
		size_t before; /* bytes in front of it */
		size_t kept;
	} rows[] = {
		{ "abc", 398, 400 },
		{ "\xc3\xa4", 398, 400 },
		{ "\xc3\xa4z", 398, 400 },
		{ "\xc3\xa4z", 399, 399 },
		{ "\xe2\x82\xac", 397, 400 },
		{ "\xe2\x82\xacz", 398, 398 },
		{ "\xe2\x82\xacz", 399, 399 },
		{ "\xf0\x9f\x98\x80", 396, 400 },
		{ "\xf0\x9f\x98\x80z", 397, 397 },
		{ "\xf0\x9f\x98\x80z", 398, 398 },
		{ "\xf0\x9f\x98\x80z", 399, 399 },
		{ "\x80\x80\x80\x80z", 397, 400 },
		{ "\xff\xffz", 398, 399 },
		{ "", 400, 400 },
		{ "", 399, 399 },
	};
	char text[1200];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r = ra_result_new();

		memset(text, 'x', rows[i].before);
		strncpy(text + rows[i].before, rows[i].end, 8);
		ra_result_say(r, RA_OK, RA_R_OK, "%s", text);
		assert_int_equal(strlen(r->summary), rows[i].kept);
		assert_memory_equal(r->summary, text, rows[i].kept);
		ra_result_unref(r);
	}
	for (size_t n = 1020; n < 1030; n++) {
		struct ra_result *r = ra_result_new();

		memset(text, 'y', n);
		memcpy(text + n, "\xe2\x82\xac", 4);
		ra_result_evidence(r, text);
		assert_int_equal(strlen(r->evidence), n < 1021	  ? n + 3
						      : n > 1024  ? 1024
						      : n == 1021 ? 1024
								  : n);
		ra_result_unref(r);
	}
	/* nothing but the rest of a character */
	{
		struct ra_result *r = ra_result_new();

		memset(text, 0x80, 1100);
		text[1100] = '\0';
		ra_result_evidence(r, text);
		assert_int_equal(strlen(r->evidence), 1024);
		ra_result_unref(r);
	}
}

static struct ra_result *
sample(void)
{
	struct ra_result *r = ra_result_new();

	ra_result_say(r, RA_WARNING, RA_R_LOGS_TOO_OLD, "old");
	ra_result_expected(r, "expected");
	ra_result_evidence(r, "evidence");
	ra_result_next(r, "next");
	ra_facts_set_number(&r->facts, defs, "size", 1);
	r->instances = calloc(2, sizeof(*r->instances));
	r->instance_count = 2;
	for (size_t i = 0; i < 2; i++) {
		r->instances[i].name = strdup("pr");
		r->instances[i].verdict = RA_OK;
		r->instances[i].summary = strdup("s");
		ra_facts_set_number(&r->instances[i].facts, defs, "size", 1);
	}
	return r;
}

static void
test_result_same(void **state)
{
	struct ra_result *a = sample(), *b;

	(void)state;
	for (int change = 0; change < 14; change++) {
		struct ra_instance_result *instance;

		b = sample();
		b->checked = 5;
		b->checked_boot = 6;
		b->duration_ms = 7;
		instance = &b->instances[1];
		switch (change) {
		case 0:
			break;
		case 1:
			b->verdict = RA_OK;
			break;
		case 2:
			b->reason = RA_R_OK;
			break;
		case 3:
			b->summary[0] = 'O';
			break;
		case 4:
			ra_result_expected(b, NULL);
			break;
		case 5:
			ra_result_evidence(b, "other");
			break;
		case 6:
			ra_result_next(b, "other");
			break;
		case 7:
			ra_facts_set_number(&b->facts, defs, "size", 2);
			break;
		case 8:
			instance->verdict = RA_CRITICAL;
			break;
		case 9:
			instance->reason = RA_R_DNS;
			break;
		case 10:
			instance->name[0] = 'q';
			break;
		case 11:
			instance->summary[0] = 't';
			break;
		case 12:
			ra_facts_set_number(&instance->facts, defs, "size", 2);
			break;
		case 13:
			b->instance_count = 1;
			free(instance->name);
			free(instance->summary);
			ra_facts_free(&instance->facts);
			break;
		}
		if (ra_result_same(a, b) != (change == 0) || ra_result_same(b, a) != (change == 0))
			fail_msg("change %d", change);
		ra_result_unref(b);
	}
	assert_ptr_equal(ra_result_ref(a), a);
	ra_result_unref(a);
	assert_string_equal(a->summary, "old");
	ra_result_unref(a);
	a = ra_result_new();
	b = ra_result_new();
	assert_true(ra_result_same(a, b));
	ra_result_unref(a);
	ra_result_unref(b);
}

/* patterns */

static void
test_pattern(void **state)
{
	static const struct {
		const char *pattern, *group, *text;
		int r;
		const char *found; /* NULL: took no part */
	} rows[] = {
		{ "b+", NULL, "abbc", 1, "bb" },
		{ "^b", NULL, "abbc", 0, NULL },
		{ "(?<version>\\d+\\.\\d+)", "version", "v 1.10 x", 1, "1.10" },
		{ "(?<version>\\d+)|x", "version", "x", 1, NULL },
		{ "(?<version>\\d+)", "commit", "1", 1, NULL },
		{ "(?<version>\\d*)", "version", "a", 1, "" },
		{ "\xc3\xa4.", NULL, "x\xc3\xa4\xe2\x82\xac!", 1, "\xc3\xa4\xe2\x82\xac" },
		{ "z", NULL, "\xff\xfe\x80z\xc3", 1, "z" },
		{ "^.z", NULL, "\xffz", 0, NULL },
		{ "", NULL, "", 1, "" },
		{ "(?i)FAILED", NULL, "it failed", 1, "failed" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_pattern *p = NULL;
		const char *start = "unset";
		size_t len = 99;
		int r;

		assert_int_equal(ra_pattern_new(rows[i].pattern, &p, NULL), 0);
		assert_string_equal(ra_pattern_text(p), rows[i].pattern);
		r = ra_pattern_match(
		    p, rows[i].text, strlen(rows[i].text), rows[i].group, &start, &len);
		assert_int_equal(r, rows[i].r);
		if (r == 1 && rows[i].found == NULL) {
			assert_null(start);
			assert_int_equal(len, 0);
		} else if (r == 1) {
			assert_int_equal(len, strlen(rows[i].found));
			assert_memory_equal(start, rows[i].found, len);
		}
		ra_pattern_free(p);
	}
	ra_pattern_free(NULL);
}

static void
test_pattern_refused(void **state)
{
	static const char *const bad[] = { "(", "[a", "a{2,1}", "(?<1a>x)", "\\C", "(?<=a+)b",
		"(?=ab\\K)", "*a", "\xff" };
	char many[1000] = "";
	RA_BUF_LOCAL longest = RA_BUF(0);
	struct ra_pattern *p = NULL;
	struct ra_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		assert_int_equal(ra_pattern_new(bad[i], &p, &err), -EINVAL);
		assert_non_null(strstr(err.text, "at offset"));
	}
	for (size_t i = 0; i < 65; i++)
		memcpy(many + 3 * i, "(a)", 4);
	assert_int_equal(ra_pattern_new(many, &p, &err), -E2BIG);
	assert_non_null(strstr(err.text, "65 groups"));
	assert_int_equal(ra_pattern_new(many + 3, &p, &err), 0);
	assert_false(ra_pattern_has_group(p, "version"));
	ra_pattern_free(p);
	for (size_t i = 0; i < 4097; i++)
		ra_buf_putc(&longest, 'a');
	assert_int_equal(ra_pattern_new(longest.data, &p, &err), -E2BIG);
	assert_int_equal(ra_pattern_new(longest.data + 1, &p, &err), 0);
	ra_pattern_free(p);
	assert_int_equal(ra_pattern_new("(?<version>a)", &p, &err), 0);
	assert_true(ra_pattern_has_group(p, "version"));
	assert_false(ra_pattern_has_group(p, "commit"));
	ra_pattern_free(p);
}

/* Neither exponential nor quadratic patterns hold whoever matches for long. */
static void
test_pattern_limit(void **state)
{
	static const char *const slow[] = { "(\\w+\\s?)*[:;]", "(a|aa)+[:;]", ".*.*.*[:;]",
		"[a-z]+[:;]", "\\w{1,40}\\w{1,40}[:;]", "(?:.*?a){20}[;:]", "(?:(?=(a+))a)*[:;]" };
	static char text[65536];
	int64_t budget = 100;
	struct ra_pattern *p;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < RA_ARRAY_SIZE(slow); i++) {
		assert_int_equal(ra_pattern_new(slow[i], &p, NULL), 0);
		assert_int_equal(ra_pattern_match(p, text, sizeof(text), NULL, NULL, NULL), -E2BIG);
		ra_pattern_free(p);
	}
	/* What is fine on a long text stays fine. */
	text[sizeof(text) - 1] = ';';
	assert_int_equal(ra_pattern_new("^\\w+;$", &p, NULL), 0);
	assert_int_equal(ra_pattern_match(p, text, sizeof(text), NULL, NULL, NULL), 1);
	ra_pattern_free(p);
	/* A budget is used up by many matches together. */
	assert_int_equal(ra_pattern_new("a+[;:]", &p, NULL), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    ra_pattern_match_within(p, "aaa", 3, NULL, NULL, NULL, &budget), 0);
	assert_true(budget >= 0 && budget < 100);
	budget = 5;
	assert_int_equal(
	    ra_pattern_match_within(p, "aaaaa;aaaaa", 11, NULL, NULL, NULL, &budget), 1);
	assert_int_equal(
	    ra_pattern_match_within(p, "aaaaaaaaa;b", 11, NULL, NULL, NULL, &budget), -E2BIG);
	ra_pattern_free(p);
}

static void
test_glob(void **state)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool match;
	} rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "*", "", true },
		{ "*", "abc", true },
		{ "**", "abc", true },
		{ "a*", "abc", true },
		{ "*c", "abc", true },
		{ "a*c", "abbc", true },
		{ "a*c", "abcb", false },
		{ "*b*", "abc", true },
		{ "*.dump.zst", "shop.dump.zst", true },
		{ "*.part", "x.partial", false },
		{ "a*b*c", "a-b-b-c", true },
		{ "a*b*c", "a-c-b", false },
		{ "*aab", "aaaab", true },
		{ "?", "a", true },
		{ "?", "", false },
		{ "?", "ab", false },
		{ "?", "\xc3\xa4", true },
		{ "??", "\xc3\xa4", false },
		{ "?", "\xff", true },
		{ "a?c", "abc", true },
		{ "[abc]", "b", true },
		{ "[abc]", "d", false },
		{ "[a-c]x", "bx", true },
		{ "[a-c]", "d", false },
		{ "[!a-c]", "d", true },
		{ "[!a-c]", "b", false },
		{ "[^a-c]", "d", true },
		{ "[]]", "]", true },
		{ "[!]]", "]", false },
		{ "[!]]", "a", true },
		{ "[a-]", "-", true },
		{ "[a-]", "b", false },
		{ "[-a]", "-", true },
		{ "[\\]]", "]", true },
		{ "[a\\-c]", "b", false },
		{ "[a\\-c]", "-", true },
		{ "[", "[", true },
		{ "[a", "[a", true },
		{ "[a", "a", false },
		{ "[!", "[!", true },
		{ "[]", "[]", true },
		{ "[\xc3\xa4-\xc3\xb6]", "\xc3\xa5", true },
		{ "[\xc3\xa4-\xc3\xb6]", "a", false },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "\\a", "a", true },
		{ "\\", "\\", true },
		{ "a\\", "a\\", true },
		{ "\\[a]", "[a]", true },
		{ ".*", ".hidden", true },
		{ ".*", "shown", false },
		{ "*~", "x~", true },
		{ "2026-?\?-?\?", "2026-11-23", true },
		{ "*\xff", "a\xff", true },
		{ "\xff", "\xfe", false },
		{ "a/*", "a/b/c", true },
		{ "*[0-9]", "a1b2", true },
		{ "A", "a", false },
	};
	char stars[200], text[200];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		if (ra_glob_match(rows[i].pattern, rows[i].text) != rows[i].match)
			fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].text);
	}
	/* Many stars do not multiply. */
	for (size_t i = 0; i + 2 < sizeof(stars); i += 2)
		memcpy(stars + i, "*a", 3);
	memset(text, 'a', sizeof(text) - 2);
	memcpy(text + sizeof(text) - 2, "b", 2);
	assert_false(ra_glob_match(stars, text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_valid),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_facts_times),
		cmocka_unit_test(test_facts_equal),
		cmocka_unit_test(test_facts_read),
		cmocka_unit_test(test_data_fields),
		cmocka_unit_test(test_data_unread),
		cmocka_unit_test(test_data_items),
		cmocka_unit_test(test_data_lines),
		cmocka_unit_test(test_data_keys),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_result_say),
		cmocka_unit_test(test_result_texts),
		cmocka_unit_test(test_result_cut),
		cmocka_unit_test(test_result_same),
		cmocka_unit_test(test_pattern),
		cmocka_unit_test(test_pattern_refused),
		cmocka_unit_test(test_pattern_limit),
		cmocka_unit_test(test_glob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
