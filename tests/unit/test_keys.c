/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of configuration but dotenv and yaml: ini, properties and json as keys. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/escape.h"
#include "relaudit/format/format.h"

#include "keys_rig.h"

extern const struct ra_format ra_format_ini, ra_format_json, ra_format_properties, ra_format_yaml;

/* --- ini --- */

static void
test_ini(void **state)
{
	static const struct row rows[] = {
		{ .text = "", .keys = "" },
		{ .text = "a=1\nb = 2\nc: 3", .keys = "a=1|b=2|c=3" },
		{ .text = "[s]\na=1\n[t u]\na=2\n", .keys = "s.a=1|t u.a=2" },
		{ .text = "[s]\r\na = 1 \r\n", .keys = "s.a=1" },
		{ .text = "; x\n# y=1\n  ; z\na=1 ; w", .keys = "a=1 ; w" },
		{ .text = "[s]\na=\n", .keys = "s.a=" },
		{ .text = "A=1\na=2", .keys = "A=1|a=2" },
		{ .text = "a==1:2", .keys = "a==1:2" },
		{ .text = "a = \"1\"", .keys = "a=\"1\"" },
		{ .text = "a b = 1", .keys = "a b=1" },
		/* continued */
		{ .text = "a = 1\n  2\n\t3\nb=4", .keys = "a=1\n2\n3|b=4" },
		{ .text = "a =\n  2\n", .keys = "a=\n2" },
		{ .text = "a = 1\n\n  2\n\n\nb=3", .keys = "a=1\n\n2|b=3" },
		{ .text = "a = 1\n  # x\n  2", .keys = "a=1\n2" },
		{ .text = "[s]\n  a = 1\n  b = 2\n    c = 3", .keys = "s.a=1|s.b=2\nc = 3" },
		{ .text = "[s]\n\ta = 1\n[t]\n\tb = 2", .keys = "s.a=1|t.b=2" },
		/* names alone, as in my.cnf */
		{ .text = "[mysqld]\nskip-networking\nport=1",
		    .keys = "mysqld.skip-networking!|mysqld.port=1" },
		{ .text = "[DEFAULT]\na=1", .keys = "DEFAULT.a=1" },
		{ .text = "\xef\xbb\xbf[s]\na=1", .keys = "s.a=1" },
		{ .text = "[a]b] x\nc=1", .keys = "a]b.c=1" },
		/* refused */
		{ .text = "<html>", .keys = "!line 1, column 1: neither" },
		{ .text = "a=1\n[s]\nwhat is this", .keys = "!line 3, column 1: neither" },
		{ .text = "skip-networking", .keys = "!line 1, column 1: neither" },
		{ .text = "[s\na=1", .keys = "!line 1, column 1: not a section" },
		{ .text = "[]", .keys = "!line 1, column 1: not a section" },
		{ .text = "  = 1", .keys = "!line 1, column 3: no name" },
		{ .text = "a=\xff", .keys = "!line 1, column 3: a byte that is not UTF-8" },
	};
	struct outcome o;
	static char name[RA_KEY_NAME_MAX + 8];

	(void)state;
	check(&ra_format_ini, RA_R_NOT_INI, rows, RA_ARRAY_SIZE(rows));
	memset(name, 'x', sizeof(name));
	memcpy(name, "[s]\n", 4);
	memcpy(name + sizeof(name) - 2, "=1", 2);
	o = read_keys(&ra_format_ini, NULL, name, sizeof(name));
	assert_int_equal(o.reason, RA_R_TOO_MANY_KEYS);
	o = read_text(&ra_format_ini, "# x\n[s]\n\na=1\n 2\nb=3\nc\nd=4");
	assert_int_equal(o.data.keys.count, 4);
	assert_int_equal(o.data.keys.list[0].line, 4);
	assert_int_equal(o.data.keys.list[1].line, 6);
	assert_int_equal(o.data.keys.list[2].line, 7);
	assert_int_equal(o.data.keys.list[3].line, 8);
	ra_data_free(&o.data);
}

/* What goes on with a value and looks like a key may be one to another reader. */
static void
test_ini_unread(void **state)
{
	static char text[RA_KEY_NAME_MAX + 64] = "[s]\na=\n ";
	struct outcome o;

	(void)state;
	o = read_text(&ra_format_ini,
	    "[a]\nx=1\n  debug=1\n  trace : on\ny=\n QgLEAKcc==\n plain text\n b c=1\n =1\n"
	    "  z>=1\n #n=1\n last.one_of-it = 9\n word\n w=\t\nz=3");
	assert_int_equal(o.data.keys.count, 3);
	assert_int_equal(o.data.keys.list[1].line, 5);
	check_unread(&o, "3 a.debug;4 a.trace;12 a.last.one_of-it");
	o = read_text(&ra_format_ini, "x=1\n y=2");
	check_unread(&o, "2 y");
	memset(text + 9, 'n', RA_KEY_NAME_MAX);
	memcpy(text + 9 + RA_KEY_NAME_MAX, "=1", 2);
	o = read_text(&ra_format_ini, text);
	check_unread(&o, "");
}

/* --- properties --- */

static void
test_properties(void **state)
{
	static const struct row rows[] = {
		{ .text = "", .keys = "" },
		{ .text = "a=1\nb:2\nc 3\nd\t=\t4", .keys = "a=1|b=2|c=3|d=4" },
		{ .text = "  a  =  1  \n", .keys = "a=1  " },
		{ .text = "a\nb=\nc:", .keys = "a=|b=|c=" },
		{ .text = "a = = 1", .keys = "a== 1" },
		{ .text = "a : = 1", .keys = "a== 1" },
		{ .text = "a b = 1", .keys = "a=b = 1" },
		{ .text = "=1", .keys = "=1" },
		{ .text = "# x\n ! y\na=1 # z", .keys = "a=1 # z" },
		{ .text = "# x \\\na=1", .keys = "a=1" },
		{ .text = "a=1\r\nb=2\rc=3", .keys = "a=1|b=2|c=3" },
		/* continued */
		{ .text = "a=1\\\n  2\\\r\n\t3\nb=4", .keys = "a=123|b=4" },
		{ .text = "a\\\n b\\\n=1", .keys = "ab=1" },
		{ .text = "a=1\\\\\nb=2", .keys = "a=1\\|b=2" },
		{ .text = "a=1\\\n\nb=2", .keys = "a=1|b=2" },
		{ .text = "a=1\\\n#b=2", .keys = "a=1#b=2" },
		{ .text = "a=1\\", .keys = "a=1" },
		{ .text = "\\\n\\\n\n#x\na=1", .keys = "a=1" },
		{ .text = "a \\\n = 1", .keys = "a=1" },
		/* escapes */
		{ .text = "a\\=b\\:c\\ d=1", .keys = "a=b:c d=1" },
		{ .text = "a=\\t\\n\\r\\f\\z\\\\", .keys = "a=\t\n\r\fz\\" },
		{ .text = "a=\\u00e4\\u20AC", .keys = "a=\xc3\xa4\xe2\x82\xac" },
		{ .text = "a=\\ud83d\\ude00", .keys = "a=\xf0\x9f\x98\x80" },
		{ .text = "a=\\u00\\\n  e4", .keys = "a=\xc3\xa4" },
		{ .text = "a=\\ 1", .keys = "a= 1" },
		{ .text = "\\#a=1", .keys = "#a=1" },
		{ .text = "<1=1", .keys = "<1=1" },
		{ .text = "<{=1", .keys = "<{=1" },
		{ .text = "<\x7f=1", .keys = "<\x7f=1" },
		{ .text = "\n \r\f", .keys = "" },
		{ .text = "<", .keys = "<=" },
		{ .text = "a=\xc3\xa4", .keys = "a=\xc3\xa4" },
		/* refused */
		{ .text = "a=1\nb=\\u12", .keys = "!line 2, column 3: not \\uXXXX" },
		{ .text = "b=\\u12g4", .keys = "!not \\uXXXX" },
		{ .text = "b=\\ud83d", .keys = "!not \\uXXXX" },
		{ .text = "b=\\ude00", .keys = "!not \\uXXXX" },
		{ .text = "b=\\u0000", .keys = "!not \\uXXXX" },
		{ .text = "<!DOCTYPE html>\n<title>x</title>",
		    .keys = "!line 1, column 1: it begins" },
		{ .text = "\n \r\f<html a=1>", .keys = "!it begins as HTML or XML does" },
		{ .text = "<?xml version=\"1.0\"?>", .keys = "!it begins as HTML or XML does" },
		{ .text = "<Z", .keys = "!it begins as HTML or XML does" },
		{ .text = "b=\xe4", .keys = "!line 1, column 3: a byte that is not UTF-8" },
	};

	(void)state;
	check(&ra_format_properties, RA_R_NOT_PROPERTIES, rows, RA_ARRAY_SIZE(rows));
}

/* --- json --- */

static void
test_json(void **state)
{
	static const struct row rows[] = {
		{ .text = "{}", .keys = "" },
		{ .text = "[]", .keys = "" },
		{ .text = "{\"a\":\"1\",\"b\":{\"c\":[true,false,null]}}",
		    .keys = "/a=1|/b/c/0=true|/b/c/1=false|/b/c/2!" },
		{ .text = "[1.10, -0, 1E+2, 12345678901234567890123]",
		    .keys = "/0=1.10|/1=-0|/2=1E+2|/3=12345678901234567890123" },
		{ .text = "{\"a/b\":1,\"m~n\":2,\"\":3,\" \":4}",
		    .keys = "/a~1b=1|/m~0n=2|/=3|/ =4" },
		{ .text = "{\"a\":{},\"b\":[],\"c\":[[]]}", .keys = "/a#{}|/b#[]|/c/0#[]" },
		{ .text = "{\"\\u0061\\n\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\ud83d\\ude00\"}",
		    .keys = "/a\n=\"\\/\b\f\n\r\t\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ .text = " \r\n\t{ \"a\" : [ 1 , 2 ] } ", .keys = "/a/0=1|/a/1=2" },
		{ .text = "{\"a\":{\"x\":1},\"b\":{\"x\":2}}", .keys = "/a/x=1|/b/x=2" },
		/* select */
		{ .text = "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"ab\":3}",
		    .select = "/a",
		    .keys = "/b=1|/c/d=2" },
		{ .text = "{\"a\":[{\"b\":1},{\"b\":2}]}", .select = "/a/1", .keys = "/b=2" },
		{ .text = "{\"a/b\":{\"c\":1}}", .select = "/a~1b", .keys = "/c=1" },
		{ .text = "{\"a\":{}}", .select = "/a", .keys = "" },
		{ .text = "{\"a\":{\"b\":1}}",
		    .select = "/c",
		    .reason = RA_R_NO_SUCH_FIELD,
		    .keys = "!there is nothing at '/c'" },
		{ .text = "{\n\"a\":1}",
		    .select = "/a",
		    .reason = RA_R_FIELD_TYPE,
		    .keys = "!line 2: /a (select) is a single value" },
		/* refused */
		{ .text = "", .reason = RA_R_EMPTY, .keys = "!empty" },
		{ .text = " \n", .reason = RA_R_EMPTY, .keys = "!empty" },
		{ .text = "1",
		    .reason = RA_R_FIELD_TYPE,
		    .keys = "!line 1: the document is a single" },
		{ .text = "{\"a\":1,\n\"a\":2}",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!line 2: '/a' stands twice" },
		{ .text = "{\"password=x\":1,\n\"password=x\":2}",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!line 2: '***' stands twice" },
		{ .text = "{\"a\":{\"x\":1},\"a\":{\"y\":1}}",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!'/a' stands twice" },
		{ .text = "{\"a\":1,\"\\u0061\":2}",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!'/a' stands twice" },
		{ .text = "{\"a\":1}\nx", .keys = "!line 2, column 1: the end was expected" },
		{ .text = "{\"a\" 1}", .keys = "!line 1, column 6: ':' was expected" },
		{ .text = "{\"a\":1 \"b\"}", .keys = "!',' or '}' was expected" },
		{ .text = "[1 2]", .keys = "!',' or ']' was expected" },
		{ .text = "[1,]", .keys = "!line 1, column 4: not a value" },
		{ .text = "{\"a\":1,}", .keys = "!a name in quotes was expected" },
		{ .text = "{a:1}", .keys = "!a name in quotes was expected" },
		{ .text = "[01]", .keys = "!',' or ']' was expected" },
		{ .text = "[1.]", .keys = "!without digits behind the point" },
		{ .text = "[1e]", .keys = "!without digits in its exponent" },
		{ .text = "[-]", .keys = "!not a value" },
		{ .text = "[tru", .keys = "!not a value" },
		{ .text = "[\"a\nb\"]", .keys = "!a control character" },
		{ .text = "[\"a", .keys = "!does not end" },
		{ .text = "[\"\\x\"]", .keys = "!not an escape" },
		{ .text = "[\"\\ud800\"]", .keys = "!not an escape" },
		{ .text = "[\"\\ud800\\u0041\"]", .keys = "!not an escape" },
		{ .text = "[\"\\", .keys = "!not an escape" },
		{ .text = "[\"\\u0000\"]", .keys = "!line 1: '/0' holds a NUL" },
		{ .text = "{\"\\u0000\":1}", .keys = "!a name holds a NUL" },
		{ .text = "[\"\xff\"]", .keys = "!line 1, column 3: a byte that is not UTF-8" },
		{ .text = "\xef\xbb\xbf{}", .keys = "!byte order mark" },
		{ .text = "{\"a\":", .keys = "!a value was expected, but here it ends" },
		{ .text = "<html>", .keys = "!line 1, column 1: not a value" },
	};
	struct outcome o;

	(void)state;
	check(&ra_format_json, RA_R_NOT_JSON, rows, RA_ARRAY_SIZE(rows));
	o = read_text(&ra_format_json, "{\n\"a\":\n1,\"b\":[\n\n2]}");
	assert_int_equal(o.reason, RA_R_OK);
	assert_int_equal(o.data.keys.list[0].line, 3);
	assert_int_equal(o.data.keys.list[1].line, 5);
	assert_true(o.data.keys.pointers);
	ra_data_free(&o.data);
}

/* As fields, from the part that is selected. */
static void
test_json_fields_of_a_part(void **state)
{
	static const char text[] = "{\"app\":{\"version\":\"1.5.0\"},\"version\":\"9\"}";
	static const char *const fields[] = { "version", NULL };
	struct ra_selector selector = { "version", "/version" };
	struct ra_input in = { .bytes = (char *)text, .len = sizeof(text) - 1 };
	struct ra_format_call call = { .shape = RA_SHAPE_FIELDS,
		.selectors = &selector,
		.selector_count = 1,
		.fields = fields,
		.input = &in };
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place = { 0 };
	struct ra_data d = { 0 };
	struct ra_error err = { 0 };

	(void)state;
	call.options = options_bind(arena, &ra_format_json.type, "select: /app", &place);
	assert_int_equal(ra_format_json.read(&call, &d, &err), RA_R_OK);
	assert_string_equal(ra_data_field(&d, "version"), "1.5.0");
	ra_data_free(&d);
	/* Where there is no such part. */
	call.options = options_bind(arena, &ra_format_json.type, "select: /api", &place);
	assert_int_equal(ra_format_json.read(&call, &d, &err), RA_R_NO_SUCH_FIELD);
	assert_string_equal(err.text, "the answer has no 'api'; did you mean 'app'?");
	options_bind(arena, &ra_format_json.type, "select: app", &place);
	assert_non_null(strstr(place.text, "did you mean '/app'"));
	options_bind(arena, &ra_format_yaml.type, "select: app", &place);
	assert_non_null(strstr(place.text, "did you mean '/app'"));
	ra_arena_free(arena);
}

static void
test_deep(void **state)
{
	static const struct ra_format *const formats[] = { &ra_format_json, &ra_format_yaml };
	char text[200];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(formats); i++) {
		struct outcome o;

		memset(text, '[', 100);
		memset(text + 100, ']', 100);
		o = read_keys(formats[i], NULL, text + 36, 128);
		assert_int_equal(o.reason, RA_R_OK);
		ra_data_free(&o.data);
		o = read_keys(formats[i], NULL, text + 35, 130);
		assert_int_equal(o.reason, RA_R_TOO_DEEP);
	}
}

/* As programs write JSON: everything in one line, which must not cost its length for each key. */
static void
test_one_long_line(void **state)
{
	static const struct ra_format *const formats[] = { &ra_format_json, &ra_format_yaml };
	const size_t count = 300000;
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	ra_buf_puts(&text, "\n{");
	for (size_t i = 0; i < count; i++)
		ra_buf_printf(&text, "%s\"name-%zu\": \"value\"", i > 0 ? ", " : "", i);
	ra_buf_puts(&text, "\n}");
	for (size_t f = 0; f < RA_ARRAY_SIZE(formats); f++) {
		struct outcome o = read_keys(formats[f], NULL, text.data, text.len);

		assert_int_equal(o.reason, RA_R_OK);
		assert_int_equal(o.data.keys.count, count);
		assert_int_equal(o.data.keys.list[0].line, 2);
		assert_int_equal(o.data.keys.list[count - 1].line, 2);
		ra_data_free(&o.data);
	}
}

/* What is refused may hold a secret: errors show names and places alone. */
static void
test_errors_show_nothing(void **state)
{
	static const struct ra_format *const formats[] = { &ra_format_ini, &ra_format_json,
		&ra_format_properties, &ra_format_yaml };
	static const char *const texts[] = { "hunter22", "hunter22 hunter22", "a: [hunter22",
		"a: @hunter22", "[\"hunter22\" \"hunter22\"]", "{\"a\": hunter22}",
		"{\"a\": \"hunter22\\x\"}", "a=hunter22\\u12", "a: \"hunter22\\q\"", "[hunter22",
		"a: *hunter22", "\"hunter22", "a: &hunter22 &hunter22", "hunter22:\n- a\n b" };

	(void)state;
	for (size_t f = 0; f < RA_ARRAY_SIZE(formats); f++) {
		for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
			struct outcome o = read_keys(formats[f], NULL, texts[i], strlen(texts[i]));

			if (strstr(o.err.text, "hunter22") != NULL)
				fail_msg("%s: %s", formats[f]->type.name, o.err.text);
			ra_data_free(&o.data);
		}
	}
}

/* --- against what others made --- */

static char *
read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *text;

	if (f == NULL)
		return NULL;
	text = malloc(1 << 20);
	*ret_len = fread(text, 1, 1 << 20, f);
	fclose(f);
	return text;
}

/* Of y_ files: those that repeat a name, hold a NUL or are a single value are not taken as keys. */
static void
check_suite_file(const char *name, const struct outcome *o)
{
	bool other = o->reason == RA_R_DUPLICATE_KEY || o->reason == RA_R_FIELD_TYPE ||
		     strstr(o->err.text, "NUL") != NULL;

	if (name[0] == 'y' && o->reason != RA_R_OK && !other)
		fail_msg("%s: %s", name, o->err.text);
	if (name[0] == 'n' && o->reason == RA_R_OK)
		fail_msg("%s was taken", name);
}

static void
test_json_suite(void **state)
{
	static const char folder[] = RA_SOURCE_ROOT "/../shared/data/JSONTestSuite/test_parsing";
	DIR *dir = opendir(folder);
	size_t count = 0;

	(void)state;
	if (dir == NULL) {
		print_message("%s is not here\n", folder);
		skip();
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char path[1024];
		size_t len = 0;
		char *text;
		struct outcome o;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		text = read_file(path, &len);
		assert_non_null(text);
		o = read_keys(&ra_format_json, NULL, text, len);
		free(text);
		check_suite_file(e->d_name, &o);
		ra_data_free(&o.data);
		count++;
	}
	closedir(dir);
	assert_true(count > 300);
}

/* Recorded answers, read as JSON and as the YAML that JSON is: the same comes of it. */
static void
check_recorded(const char *text, size_t len, const char *select, size_t least)
{
	struct outcome json = read_keys(&ra_format_json, select, text, len);
	struct outcome yaml = read_keys(&ra_format_yaml, select, text, len);

	if (json.reason != RA_R_OK || yaml.reason != RA_R_OK)
		fail_msg("%s %s", json.err.text, yaml.err.text);
	assert_int_equal(json.data.keys.count, yaml.data.keys.count);
	assert_true(json.data.keys.count >= least);
	for (size_t i = 0; i < json.data.keys.count; i++) {
		assert_string_equal(
		    ra_data_key_name(&json.data, i), ra_data_key_name(&yaml.data, i));
		assert_string_equal(
		    ra_data_key_value(&json.data, i), ra_data_key_value(&yaml.data, i));
		assert_int_equal(json.data.keys.list[i].flags, yaml.data.keys.list[i].flags);
	}
	ra_data_free(&json.data);
	ra_data_free(&yaml.data);
}

static void
test_recorded(void **state)
{
	static const struct {
		const char *file, *select;
		size_t least;
	} files[] = {
		{ "docker/inspect-staging.out", NULL, 100 },
		{ "docker/inspect-production.out", "/Config", 10 },
		{ "kubernetes/cm-staging.out", "/data", 1 },
		{ "kubernetes/deploy-production.out", NULL, 50 },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(files); i++) {
		char path[512], *text, *start;
		size_t len = 0;

		snprintf(path, sizeof(path), RA_SOURCE_ROOT "/../shared/data/%s", files[i].file);
		text = read_file(path, &len);
		if (text == NULL) {
			print_message("%s is not here\n", path);
			skip();
		}
		/* behind the headers */
		start = memchr(text, '{', len);
		assert_non_null(start);
		check_recorded(
		    start, len - (size_t)(start - text), files[i].select, files[i].least);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ini),
		cmocka_unit_test(test_ini_unread),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_fields_of_a_part),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_one_long_line),
		cmocka_unit_test(test_errors_show_nothing),
		cmocka_unit_test(test_json_suite),
		cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
