/* SPDX-License-Identifier: Apache-2.0 */
/* The kind plugin, and performance data. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "relaudit/kind/kind.h"
#include "relaudit/model/perfdata.h"

extern const struct ra_kind ra_kind_plugin;

static const char *error; /* of stderr; NULL: nothing */

static struct ra_result *
judged(const char *output, size_t len, int code)
{
	struct ra_input input = { .where = (char *)"/usr/lib/nagios/plugins/check_x",
		.bytes = (char *)output,
		.len = len,
		.error = (char *)(uintptr_t)error,
		.status = code };
	struct ra_gathered self = { .reason = RA_R_OK, .input = &input };
	struct ra_judge_call call = { .inputs = &self, .input_count = 1 };
	struct ra_result *r = ra_result_new();

	assert_non_null(r);
	ra_kind_plugin.judge(&call, r);
	return r;
}

static void
test_exit_codes(void **state)
{
	static const struct {
		const char *output;
		int code;
		enum ra_verdict verdict;
		enum ra_reason reason;
		const char *summary;
	} cases[] = {
		{ "OK - all is well\n", 0, RA_OK, RA_R_OK, "OK - all is well" },
		{ "OK|a=1\n", 0, RA_OK, RA_R_OK, "OK" },
		{ "W \t| a=1", 1, RA_WARNING, RA_R_PLUGIN_WARNING, "W" },
		{ "C\r\nmore\n", 2, RA_CRITICAL, RA_R_PLUGIN_CRITICAL, "C" },
		{ "U", 3, RA_UNKNOWN, RA_R_PLUGIN_UNKNOWN, "U" },
		{ "OK", 4, RA_UNKNOWN, RA_R_PLUGIN_EXIT, "exit code 4 is not one of 0 to 3: OK" },
		{ "C https://u:canary@h token=canary | a=1", 2, RA_CRITICAL, RA_R_PLUGIN_CRITICAL,
		    "C https://***@h token=***" },
		{ "", 127, RA_UNKNOWN, RA_R_PLUGIN_EXIT, "exit code 127 is not one of 0 to 3" },
		{ "", 0, RA_UNKNOWN, RA_R_PLUGIN_SILENT,
		    "exit code 0 and no first line, not the answer of a plugin" },
		{ "\nOK in the second line", 0, RA_UNKNOWN, RA_R_PLUGIN_SILENT,
		    "exit code 0 and no first line, not the answer of a plugin" },
		{ " | a=1", 2, RA_UNKNOWN, RA_R_PLUGIN_SILENT,
		    "exit code 2 and no first line, not the answer of a plugin" },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		struct ra_result *r =
		    judged(cases[i].output, strlen(cases[i].output), cases[i].code);

		assert_int_equal(r->verdict, cases[i].verdict);
		assert_int_equal(r->reason, cases[i].reason);
		assert_string_equal(r->summary, cases[i].summary);
		assert_string_equal(r->evidence, "/usr/lib/nagios/plugins/check_x");
		assert_int_equal(ra_facts_number(&r->facts, "exit", -1), cases[i].code);
		ra_result_unref(r);
	}
}

/* What it said on stderr tells why it said nothing else. */
static void
test_errors(void **state)
{
	static const struct {
		const char *output;
		int code;
		const char *summary;
	} cases[] = {
		{ "", 0, "exit code 0 and no first line, not the answer of a plugin: no module x" },
		{ "", 127, "exit code 127 is not one of 0 to 3: no module x" },
		{ "OK", 4, "exit code 4 is not one of 0 to 3: OK" },
		{ "OK", 0, "OK" },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		struct ra_result *r;

		error = "no module x";
		r = judged(cases[i].output, strlen(cases[i].output), cases[i].code);
		error = NULL;
		assert_string_equal(r->summary, cases[i].summary);
		ra_result_unref(r);
	}
}

/* It wants what a program said and how it ended, and nothing beside. */
static void
test_needs(void **state)
{
	struct ra_need needs[RA_NEEDS_MAX];

	assert_int_equal(ra_kind_plugin.needs(NULL, NULL, needs), 1);
	assert_int_equal(needs[0].what, RA_NEED_SELF);
	assert_int_equal(needs[0].shapes, RA_SHAPE_EXIT);
}

/* A line that begins with a NUL would be shown as nothing: it is nothing, and never OK. */
static void
test_nul(void **state)
{
	struct ra_result *r = judged("\0OK\nmore", 8, 0);

	assert_int_equal(r->verdict, RA_UNKNOWN);
	assert_int_equal(r->reason, RA_R_PLUGIN_SILENT);
	ra_result_unref(r);
}

/* Nor is one that shows nothing, whatever bytes it has. */
static void
test_invisible(void **state)
{
	static const char *const silent[] = { "\xc2\xa0", "\xe2\x80\x8b",
		"\xc2\xa0 \xe2\x80\x83\t|a=1", "\x01\x02\x1b", "\xef\xbb\xbf", "\xe3\x80\x80",
		"\xff\xfe", "\x7f" };
	static const char *const spoken[] = { "\xc2\xa0.", "\xe2\x80\x8b\xc3\xa9", "\x1b[32mOK",
		"\xff\xe5\xa5\xbd", "\xf0\x9f\x91\x8d" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(silent) + RA_ARRAY_SIZE(spoken); i++) {
		bool speaks = i >= RA_ARRAY_SIZE(silent);
		const char *line = speaks ? spoken[i - RA_ARRAY_SIZE(silent)] : silent[i];
		struct ra_result *r = judged(line, strlen(line), 0);

		assert_int_equal(r->verdict, speaks ? RA_OK : RA_UNKNOWN);
		assert_int_equal(r->reason, speaks ? RA_R_OK : RA_R_PLUGIN_SILENT);
		ra_result_unref(r);
	}
}

static void
assert_fact(const char *output, size_t len, const char *expected)
{
	struct ra_result *r = judged(output, len, 0);
	const struct ra_fact *fact = ra_facts_get(&r->facts, "perfdata");

	if (expected == NULL) {
		assert_null(fact);
	} else {
		assert_non_null(fact);
		assert_string_equal(fact->text, expected);
	}
	ra_result_unref(r);
}

static void
test_perfdata_of_many_lines(void **state)
{
	static const char text[] = "DISK OK - free: 3326 MB | /=2643MB;5948;5958;0;5968\n"
				   "/ 15272 MB (77%);\n/boot 68 MB; | /boot=68MB;88;93;0;98\n"
				   "/home=69357MB;253404;253409;0;253414\n";

	assert_fact(text, sizeof(text) - 1,
	    "[{\"label\":\"/\",\"value\":2643,\"unit\":\"MB\",\"warn\":\"5948\",\"crit\":\"5958\","
	    "\"min\":0,\"max\":5968},{\"label\":\"/boot\",\"value\":68,\"unit\":\"MB\","
	    "\"warn\":\"88\",\"crit\":\"93\",\"min\":0,\"max\":98},{\"label\":\"/home\","
	    "\"value\":69357,\"unit\":\"MB\",\"warn\":\"253404\",\"crit\":\"253409\",\"min\":0,"
	    "\"max\":253414}]");
	assert_fact("OK", 2, NULL);
	assert_fact("OK | nothing of the sort", 24, NULL);
}

static void
test_perfdata(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{ "", "[]" },
		{ "a=1", "[{\"label\":\"a\",\"value\":1}]" },
		{ "time=0.012843s;;;0.000000;10.000000 size=10701B;;;0",
		    "[{\"label\":\"time\",\"value\":0.012843,\"unit\":\"s\",\"min\":0,\"max\":10},"
		    "{\"label\":\"size\",\"value\":10701,\"unit\":\"B\",\"min\":0}]" },
		{ "'a b''c'=-1.5%;@10:20;~:30",
		    "[{\"label\":\"a b'c\",\"value\":-1.5,\"unit\":\"%\",\"warn\":\"@10:20\","
		    "\"crit\":\"~:30\"}]" },
		{ "x=U y=1e3", "[{\"label\":\"x\"},{\"label\":\"y\",\"value\":1000}]" },
		{ "x=U2 y=2", "[{\"label\":\"y\",\"value\":2}]" },
		/* a decimal comma, where it can be nothing else */
		{ "a=1,5 b=-0,25s;1,5;2;0,5", "[{\"label\":\"a\",\"value\":1.5},{\"label\":\"b\","
					      "\"value\":-0.25,\"unit\":\"s\",\"warn\":\"1,5\","
					      "\"crit\":\"2\",\"min\":0.5}]" },
		{ "a=1,234,567 b=1,234.5 c=1.234,5 d=1, e=1,s f=1,/ g=1,: h=1,e5 i=1,-5", "[]" },
		{ "'at https://u:canary@h'=1", "[{\"label\":\"***\",\"value\":1}]" },
		{ "a=nan b=inf c=0x10 d=1e999 e= =5 f", "[]" },
		{ "a=1\tb=2\rc=3\nd=4\ve=5\ff=6 \xff",
		    "[{\"label\":\"a\",\"value\":1},{\"label\":\"b\",\"value\":2},"
		    "{\"label\":\"c\",\"value\":3},{\"label\":\"d\",\"value\":4},"
		    "{\"label\":\"e\",\"value\":5},{\"label\":\"f\",\"value\":6}]" },
		{ "'shut'", "[]" },
		{ "'shut' a=1", "[{\"label\":\"a\",\"value\":1}]" },
		{ "a=1;;;low;9e9999", "[{\"label\":\"a\",\"value\":1}]" },
		{ "a=00000000000000000000000000000000000000000000001 b=2",
		    "[{\"label\":\"b\",\"value\":2}]" },
		{ "'open=1", "[]" },
		{ "'open", "[]" },
		{ "''=1 '''=1", "[]" },
		{ "''''=1", "[{\"label\":\"'\",\"value\":1}]" },
		{ "a=1;;;;;;; \n b=2",
		    "[{\"label\":\"a\",\"value\":1},{\"label\":\"b\",\"value\":2}]" },
		{ "a\"\x01=1", "[{\"label\":\"a\\\"\\u0001\",\"value\":1}]" },
		{ "a=1;\xff", "[{\"label\":\"a\",\"value\":1}]" },
		{ "a=1\xc2\xb0\x43;2;3 b=1MB/s c=1%",
		    "[{\"label\":\"a\",\"value\":1,\"unit\":\"\xc2\xb0\x43\",\"warn\":\"2\","
		    "\"crit\":"
		    "\"3\"},{\"label\":\"b\",\"value\":1,\"unit\":\"MB/"
		    "s\"},{\"label\":\"c\",\"value\":1,"
		    "\"unit\":\"%\"}]" },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		struct ra_jsonw w;
		json_t *json;
		size_t count;

		ra_jsonw_init(&w, &out);
		count = ra_perfdata_write(cases[i].text, strlen(cases[i].text), &w, NULL);
		assert_string_equal(ra_buf_text(&out), cases[i].json);
		json = json_loads(ra_buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
		assert_int_equal(json_array_size(json), count);
		json_decref(json);
	}
}

/* Whatever field it stands in: only numbers and ranges are shown. */
static void
test_perfdata_hides_secrets(void **state)
{
#define TOKEN "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"
	static const char *const cases[] = {
		"a=1;" TOKEN ";postgres://u:hunter2secret@h/db;0;9",
		"a=1;;;" TOKEN ";postgres://u:hunter2secret@h/db",
		"a=1;1:2" TOKEN ";@5;31337hunter2secret;4",
		"a=1postgres://u:hunter2secret@h/db",
		"a=1x://u:hunter2@h",
		"a=1x://u:hunter@h",
		TOKEN "=1",
		"'disk " TOKEN "'=1",
		"'postgres://u:hunter2secret@h/db'=1",
		"'PASSWORD=hunter2secret'=1",
		"'--password hunter2secret'=1",
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		struct ra_jsonw w;

		ra_jsonw_init(&w, &out);
		(void)ra_perfdata_write(cases[i], strlen(cases[i]), &w, NULL);
		if (strstr(out.data, "hunter") != NULL || strstr(out.data, "ghp_") != NULL ||
		    strstr(out.data, "31337") != NULL)
			fail_msg("%s: %s", cases[i], out.data);
	}
#undef TOKEN
}

static void
test_perfdata_is_capped(void **state)
{
	RA_BUF_LOCAL in = RA_BUF(0);
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_jsonw w;

	/* A NUL is no part of a label. */
	ra_jsonw_init(&w, &out);
	assert_int_equal(ra_perfdata_write("a\0b=1 c=2", 9, &w, NULL), 1);
	ra_buf_clear(&out);
	for (int i = 0; i < 1000; i++)
		ra_buf_printf(&in, "label%d=%d ", i, i);
	ra_jsonw_init(&w, &out);
	assert_int_equal(ra_perfdata_write(in.data, in.len, &w, NULL), RA_PERFDATA_MAX);
	ra_buf_clear(&in);
	for (int i = 0; i < 500; i++)
		ra_buf_puts(&in, "x");
	ra_buf_puts(&in, "=1 b=2");
	ra_buf_clear(&out);
	ra_jsonw_init(&w, &out);
	assert_int_equal(ra_perfdata_write(in.data, in.len, &w, NULL), 1);
	assert_string_equal(out.data, "[{\"label\":\"b\",\"value\":2}]");
}

/* What cannot be kept as a whole is left out; the verdict stands. */
static void
test_too_much_perfdata(void **state)
{
	RA_BUF_LOCAL in = RA_BUF(0);
	struct ra_result *r;

	ra_buf_puts(&in, "CRITICAL | ");
	for (int i = 0; i < 10000; i++)
		ra_buf_printf(&in, "label%d=%d ", i, i);
	r = judged(in.data, in.len, 2);
	assert_int_equal(r->verdict, RA_CRITICAL);
	assert_string_equal(r->summary, "CRITICAL");
	ra_result_unref(r);
}

static void
test_facts_round_trip(void **state)
{
	struct ra_result *r = judged("OK | a=1s", 9, 0);
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_facts back = { 0 }, copy = { 0 };
	struct ra_jsonw w;

	ra_jsonw_init(&w, &out);
	ra_facts_write(&r->facts, &w, NULL);
	assert_string_equal(
	    out.data, "{\"exit\":0,\"perfdata\":[{\"label\":\"a\",\"value\":1,\"unit\":\"s\"}]}");
	assert_int_equal(ra_facts_read(out.data, out.len, ra_kind_plugin.facts, &back), 0);
	assert_true(ra_facts_equal(&r->facts, &back));
	assert_int_equal(ra_facts_copy(&back, &copy), 0);
	assert_true(ra_facts_equal(&copy, &back));
	ra_facts_free(&copy);
	ra_facts_free(&back);
	ra_result_unref(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_invisible),
		cmocka_unit_test(test_perfdata_of_many_lines),
		cmocka_unit_test(test_perfdata),
		cmocka_unit_test(test_perfdata_hides_secrets),
		cmocka_unit_test(test_perfdata_is_capped),
		cmocka_unit_test(test_too_much_perfdata),
		cmocka_unit_test(test_facts_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
