/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of configuration where their texts end, break off, or are more than is compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keys_rig.h"

extern const struct ra_format ra_format_ini, ra_format_json, ra_format_properties, ra_format_yaml;

static void
test_ini(void **state)
{
	static const struct row rows[] = {
		{ .text = "[s]\n \v\f\r\t\na\v=\f1 \n", .keys = "s.a=1" },
		{ .text = "[s]\nA_b.Cz-90Z\n", .keys = "s.A_b.Cz-90Z!" },
		{ .text = "[s]\na[b", .keys = "!line 2, column 1: neither" },
		{ .text = "[s]\na{b", .keys = "!line 2, column 1: neither" },
		{ .text = "[s]\na`b", .keys = "!line 2, column 1: neither" },
		{ .text = "[s]\na\"b", .keys = "!line 2, column 1: neither" },
	};

	(void)state;
	check(&ra_format_ini, RA_R_NOT_INI, rows, RA_ARRAY_SIZE(rows));
}

static void
test_properties(void **state)
{
	static const struct row rows[] = {
		{ .text = "\f a\f=\f1\r", .keys = "a=1" },
		{ .text = "a=1\r\r\n  ", .keys = "a=1" },
		{ .text = "a=1\n#", .keys = "a=1" },
		{ .text = "a=1\n# x", .keys = "a=1" },
		{ .text = "a=1\\\n  ", .keys = "a=1" },
		{ .text = "a=\\uD83D\\\r\n \\uDE00", .keys = "a=\xf0\x9f\x98\x80" },
		{ .text = "a=\\uABcd\\u00fF", .keys = "a=\xea\xaf\x8d\xc3\xbf" },
		/* a name that cannot be read ends the line's reading */
		{ .text = "a=1\n \\u12=1\n", .keys = "!line 2, column 2: not \\uXXXX" },
		{ .text = "a\\u004=1", .keys = "!line 1, column 2: not \\uXXXX" },
		{ .text = "a=\\u004G", .keys = "!not \\uXXXX" },
		{ .text = "a=\\u00`4", .keys = "!not \\uXXXX" },
		{ .text = "a=\\u00@4", .keys = "!not \\uXXXX" },
		{ .text = "a=\\u00/4", .keys = "!not \\uXXXX" },
		/* halves of pairs */
		{ .text = "a=\\ud83dx\\u0041", .keys = "!not \\uXXXX" },
		{ .text = "a=\\ud83d\\n0041", .keys = "!not \\uXXXX" },
		{ .text = "a=\\ud83d\\", .keys = "!not \\uXXXX" },
		{ .text = "a=\\ud83d\\u00", .keys = "!not \\uXXXX" },
		{ .text = "a=\\ud83d\\u0041", .keys = "!not \\uXXXX" },
		{ .text = "a=\\ud83d\\ue000", .keys = "!not \\uXXXX" },
		{ .text = "a=\\ue000", .keys = "a=\xee\x80\x80" },
	};

	(void)state;
	check(&ra_format_properties, RA_R_NOT_PROPERTIES, rows, RA_ARRAY_SIZE(rows));
}

static void
test_json(void **state)
{
	static const struct row rows[] = {
		{ .text = "[\"\\u00Ff\\uABcd\"]", .keys = "/0=\xc3\xbf\xea\xaf\x8d" },
		{ .text = "[\"\\uE000\\uDBFF\\uDFFF\"]",
		    .keys = "/0=\xee\x80\x80\xf4\x8f\xbf\xbf" },
		{ .text = "[-0.5e-1,10E5]", .keys = "/0=-0.5e-1|/1=10E5" },
		{ .text = "{\"a\":[{\"x\":1}],\"b\":{\"c\":2}}", .select = "/b", .keys = "/c=2" },
		{ .text = "{\"a\":{},\"b\":{\"c\":2}}", .select = "/b", .keys = "/c=2" },
		{ .text = "[\"\\u12", .keys = "!line 1, column 5: not an escape" },
		{ .text = "[\"\\u12\"]", .keys = "!not an escape" },
		{ .text = "[\"\\u12g4\"]", .keys = "!not an escape" },
		{ .text = "[\"\\u12G4\"]", .keys = "!not an escape" },
		{ .text = "[\"\\u12`4\"]", .keys = "!not an escape" },
		{ .text = "[\"\\u12@4\"]", .keys = "!not an escape" },
		{ .text = "[\"\\u12/4\"]", .keys = "!not an escape" },
		{ .text = "[\"\\uDC00\"]", .keys = "!not an escape" },
		{ .text = "[\"\\ud800x\"]", .keys = "!not an escape" },
		{ .text = "[\"\\ud800\\n\"]", .keys = "!not an escape" },
		{ .text = "[\"\\ud800\\u12\"]", .keys = "!not an escape" },
		{ .text = "[\"\\ud800\\ue000\"]", .keys = "!not an escape" },
		{ .text = "-", .keys = "!line 1, column 2: not a value" },
		{ .text = "[trux]", .keys = "!not a value" },
		{ .text = "[nul", .keys = "!not a value" },
		{ .text = "{\"a\nb\":1}", .keys = "!line 1, column 4: a control character" },
		{ .text = "{\"a", .keys = "!does not end" },
		{ .text = "{\"a\\", .keys = "!not an escape" },
	};

	(void)state;
	check(&ra_format_json, RA_R_NOT_JSON, rows, RA_ARRAY_SIZE(rows));
}

static void
test_yaml(void **state)
{
	static const struct row rows[] = {
		/* a name that is given away inside of what it was of */
		{ .text = "a: &x {b: &x 1}\nc: *x", .keys = "/a/b=1|/c=1" },
		{ .text = "a: &x [&x [1]]\nc: *x", .keys = "/a/0/0=1|/c/0=1" },
		{ .text = "a: {b: 1}\nc: {d: {e: 2}}", .select = "/c", .keys = "/d/e=2" },
		/* where it stands is told of characters too that may not be in it at all */
		{ .text = "a: 1\nb: \x01", .keys = "!line 2, column 4: control characters" },
		{ .text = "\xef\xbb\xbf"
			  "a: \xc3\xa4\x7f",
		    .keys = "!line 1, column 5: control characters" },
		{ .text = "a: \"\x1b\"", .keys = "!line 1, column 5: control characters" },
	};

	(void)state;
	check(&ra_format_yaml, RA_R_NOT_YAML, rows, RA_ARRAY_SIZE(rows));
}

/* --- limits --- */

/* Fails unless the text is refused for this reason, and the error has these words. */
static void
check_refused(const struct ra_format *format, const char *select, const struct ra_buf *text,
    enum ra_reason reason, const char *says)
{
	struct outcome o = read_keys(format, select, text->data, text->len);

	assert_int_equal(text->error, 0);
	if (o.reason != reason || strstr(o.err.text, says) == NULL)
		fail_msg("%s: %s '%s'", format->type.name, ra_reason_code(o.reason), o.err.text);
	ra_data_free(&o.data);
}

static void
add_many(struct ra_buf *out, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		ra_buf_puts(out, text);
}

#define LEVELS 16

/* Maps in maps, with a pointer of so many bytes before what follows. */
static void
open_names(struct ra_buf *out, size_t len)
{
	for (size_t i = LEVELS; i > 0; i--) {
		size_t name = len / i;

		len -= name;
		ra_buf_puts(out, "{\"");
		add_many(out, "x", name - 1);
		ra_buf_puts(out, "\": ");
	}
}

static void
close_names(struct ra_buf *out)
{
	add_many(out, "}", LEVELS);
}

static void
test_long_pointers(void **state)
{
	static const struct ra_format *const formats[] = { &ra_format_json, &ra_format_yaml };
	static const char *const inner[] = { "[1]", "[[]]", "{\"a\": 1}" };

	(void)state;
	for (size_t f = 0; f < RA_ARRAY_SIZE(formats); f++) {
		for (size_t i = 0; i < RA_ARRAY_SIZE(inner); i++) {
			RA_BUF_LOCAL text = RA_BUF(0);

			open_names(&text, 2 * RA_KEY_NAME_MAX - 1);
			ra_buf_puts(&text, inner[i]);
			close_names(&text);
			check_refused(formats[f], NULL, &text, RA_R_TOO_MANY_KEYS,
			    "line 1: a pointer longer than 8192 bytes");
		}
	}
}

/* A name that only what is merged brings. */
static void
test_long_merged_name(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	ra_buf_puts(&text, "{\"m\": &m {\"abcd\": 1}, \"n\": ");
	open_names(&text, 2 * RA_KEY_NAME_MAX - 5);
	ra_buf_puts(&text, "{<<: *m}}");
	close_names(&text);
	check_refused(&ra_format_yaml, NULL, &text, RA_R_TOO_MANY_KEYS,
	    "line 1: a pointer longer than 8192 bytes");
}

/* Names are kept also where they are not selected. */
static void
test_many_long_names(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	open_names(&text, 2 * RA_KEY_NAME_MAX - 8);
	for (size_t i = 0; i < 17000; i++)
		ra_buf_printf(&text, "%c\"%zu\": 1", i == 0 ? '{' : ',', i);
	ra_buf_puts(&text, "}");
	close_names(&text);
	check_refused(&ra_format_json, "/z", &text, RA_R_TOO_MANY_KEYS,
	    "line 1: more names than are compared");
}

static void
test_yaml_limits(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	ra_buf_puts(&text, "a: &");
	add_many(&text, "x", 128);
	check_refused(
	    &ra_format_yaml, NULL, &text, RA_R_NOT_YAML, "line 1, column 4: an anchor's name");
	ra_buf_clear(&text);
	for (int i = 0; i < 1001; i++)
		ra_buf_printf(&text, "- &a%d x\n", i);
	check_refused(&ra_format_yaml, NULL, &text, RA_R_TOO_MANY_KEYS,
	    "line 1001, column 3: too many anchors");
	/* as many nodes as would be four for each key */
	ra_buf_clear(&text);
	ra_buf_puts(&text, "[&a x");
	add_many(&text, ",*a", 4 * RA_KEYS_MAX);
	ra_buf_puts(&text, "]");
	check_refused(&ra_format_yaml, NULL, &text, RA_R_TOO_MANY_KEYS, "more than is compared");
	/* more text than is kept */
	ra_buf_clear(&text);
	text.max = RA_KEYS_TEXT_MAX + 100;
	ra_buf_puts(&text, "a: x\nb: ");
	assert_int_equal(ra_buf_reserve(&text, RA_KEYS_TEXT_MAX), 0);
	memset(text.data + text.len, 'x', RA_KEYS_TEXT_MAX);
	text.len += RA_KEYS_TEXT_MAX;
	check_refused(&ra_format_yaml, NULL, &text, RA_R_TOO_MANY_KEYS,
	    "line 2, column 4: more than is compared");
}

/* Maps merged by maps that are merged: as deep as maps may stand in maps. */
static void
test_yaml_merges_deep(void **state)
{
	for (int depth = 60; depth < 80; depth += 10) {
		RA_BUF_LOCAL text = RA_BUF(0);
		struct outcome o;

		ra_buf_puts(&text, "m0: &m0 {x: 1}\n");
		for (int i = 1; i <= depth; i++)
			ra_buf_printf(&text, "m%d: &m%d {<<: *m%d}\n", i, i, i - 1);
		o = read_keys(&ra_format_yaml, NULL, text.data, text.len);
		if (depth < 64)
			assert_int_equal(o.reason, RA_R_OK);
		else
			assert_non_null(strstr(o.err.text, "'<<' takes a map or a list of maps"));
		ra_data_free(&o.data);
	}
}

/* Wherever in the walk the last node comes that is looked at. */
static void
test_yaml_visits(void **state)
{
	static const char says[] = "aliases make it larger than what is compared";

	(void)state;
	for (size_t more = 0; more < 3; more++) {
		RA_BUF_LOCAL text = RA_BUF(0);

		ra_buf_puts(&text, "{m: &m {}, l: &l [x");
		add_many(&text, ",{<<: *m}", 1000);
		ra_buf_puts(&text, "], n: [x");
		add_many(&text, ",x", more);
		add_many(&text, ",*l", 700);
		ra_buf_puts(&text, "]}");
		check_refused(&ra_format_yaml, "/z", &text, RA_R_TOO_MANY_KEYS, says);
	}
	for (size_t more = 0; more < 2; more++) {
		RA_BUF_LOCAL text = RA_BUF(0);

		ra_buf_puts(&text, "{m: &m {a: x");
		for (int i = 0; i < 1000; i++)
			ra_buf_printf(&text, ", %d: x", i);
		ra_buf_puts(&text, "}, n: [x");
		add_many(&text, ",x", more);
		add_many(&text, ",*m", 1000);
		ra_buf_puts(&text, "]}");
		check_refused(&ra_format_yaml, "/z", &text, RA_R_TOO_MANY_KEYS, says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ini),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_yaml),
		cmocka_unit_test(test_long_pointers),
		cmocka_unit_test(test_long_merged_name),
		cmocka_unit_test(test_many_long_names),
		cmocka_unit_test(test_yaml_limits),
		cmocka_unit_test(test_yaml_merges_deep),
		cmocka_unit_test(test_yaml_visits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
