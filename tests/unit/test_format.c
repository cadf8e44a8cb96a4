/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/buf.h"
#include "relaudit/format/format.h"

#include "options.h"

extern const struct ra_format ra_format_json, ra_format_text;

static const char *const fields[] = { "version", "commit", NULL };

struct outcome {
	enum ra_reason reason;
	struct ra_data data;
	struct ra_error err;
};

static void
outcome_clear(struct outcome *o)
{
	ra_data_free(&o->data);
}

/* --- json --- */

static struct outcome
read_json(const char *text, size_t len, const char *version, const char *commit)
{
	struct ra_selector selectors[] = { { "version", version }, { "header", "X-Version" },
		{ "commit", commit } };
	struct ra_input in = { .bytes = len > 0 ? malloc(len) : NULL, .len = len };
	struct ra_format_call call = { .shape = RA_SHAPE_FIELDS,
		.selectors = selectors,
		.selector_count = commit != NULL ? 3 : 2,
		.fields = fields,
		.input = &in };
	struct outcome o = { 0 };

	if (version == NULL) {
		call.selectors++;
		call.selector_count--;
	}
	/* Without a NUL behind it, so that reading on is seen. */
	if (len > 0)
		memcpy(in.bytes, text, len);
	o.reason = ra_format_json.read(&call, &o.data, &o.err);
	assert_true((o.reason == RA_R_OK) == (o.data.shape == RA_SHAPE_FIELDS));
	assert_true((o.reason == RA_R_OK) == (o.err.text[0] == '\0'));
	free(in.bytes);
	return o;
}

static const char rfc6901[] =
    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
    "\"k\\\"l\":6,\" \":7,\"m~n\":8}";

static void
test_json_values(void **state)
{
	static const struct {
		const char *json;
		const char *pointer;
		const char *value;
	} rows[] = {
		{ "{\"version\":\"1.5.0\"}", "/version", "1.5.0" },
		{ " \r\n\t{\"git\":{\"commit\":\"abc\"}} \n", "/git/commit", "abc" },
		{ "\"1.10\"", "", "1.10" },
		{ "7", "", "7" },
		{ "-7", "", "-7" },
		{ "[1,[2,{\"a\":3}]]", "/1/1/a", "3" },
		{ "[0,1,2,3,4,5,6,7,8,9,10]", "/10", "10" },
		{ "true", "", "true" },
		{ "{\"a\":false}", "/a", "false" },
		{ "{\"a\":\"\"}", "/a", "" },
		{ "{\"a\":\"\\u00e4\\n\\\"\"}", "/a", "\xc3\xa4\n\"" },
		{ "{\"a\":9223372036854775807}", "/a", "9223372036854775807" },
		{ "{\"01\":1,\"-\":2}", "/01", "1" },
		{ "{\"01\":1,\"-\":2}", "/-", "2" },
		/* brackets inside strings are no nesting */
		{ "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[{{\"}", "/a",
		    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[{{" },
		/* RFC 6901, 5 */
		{ rfc6901, "/foo/0", "bar" },
		{ rfc6901, "/", "0" },
		{ rfc6901, "/a~1b", "1" },
		{ rfc6901, "/c%d", "2" },
		{ rfc6901, "/e^f", "3" },
		{ rfc6901, "/g|h", "4" },
		{ rfc6901, "/i\\j", "5" },
		{ rfc6901, "/k\"l", "6" },
		{ rfc6901, "/ ", "7" },
		{ rfc6901, "/m~0n", "8" },
		{ "{\"~1\":9,\"/\":8}", "/~01", "9" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct outcome o =
		    read_json(rows[i].json, strlen(rows[i].json), rows[i].pointer, NULL);

		if (o.reason != RA_R_OK)
			fail_msg("%s: %s", rows[i].pointer, o.err.text);
		assert_int_equal(o.data.fields.count, 1);
		assert_string_equal(ra_data_field(&o.data, "version"), rows[i].value);
		assert_int_equal(ra_format_json.selector(rows[i].pointer, NULL), 0);
		outcome_clear(&o);
	}
}

static void
test_json_refused(void **state)
{
	static const struct {
		const char *json;
		const char *pointer;
		enum ra_reason reason;
		const char *says;
	} rows[] = {
		{ "", "/v", RA_R_EMPTY, "empty" },
		{ " \n\t", "/v", RA_R_EMPTY, "empty" },
		{ "<html><body>502 Bad Gateway</body></html>", "/v", RA_R_NOT_JSON,
		    "line 1, column 1: not JSON but '<html><body>502 Bad Gateway</body></html>'" },
		{ "\n  OK, this is a line that is a good deal longer than what is shown of it here",
		    "/v", RA_R_NOT_JSON,
		    "but 'OK, this is a line that is a good deal longer than what is s...'" },
		{ "\xff\xfe{", "/v", RA_R_NOT_JSON, "not JSON but '\xff\xfe{'" },
		{ "\xef\xbb\xbf{\"v\":1}", "/v", RA_R_NOT_JSON,
		    "line 1, column 1: a byte order mark" },
		{ "{\"v\":1}\n x", "/v", RA_R_NOT_JSON, "line 2, column 2: end of file expected" },
		{ "{\"v\":1", "/v", RA_R_NOT_JSON,
		    "line 1, column 6: '}' expected near end of file" },
		{ "{\n\"v\":,1}", "/v", RA_R_NOT_JSON, "line 2, column 5" },
		{ "{\"v\":1,\"v\":2}", "/v", RA_R_NOT_JSON, "duplicate object key" },
		{ "{\"v\":01}", "/v", RA_R_NOT_JSON, "invalid token" },
		{ "{\"v\":99999999999999999999}", "/v", RA_R_NOT_JSON, "too big integer" },
		{ "{\"v\":1e999}", "/v", RA_R_NOT_JSON, "real number overflow" },
		{ "{\"v\":\"\xff\"}", "/v", RA_R_NOT_JSON, "unable to decode" },
		{ "{\"v\":\"a\nb\"}", "/v", RA_R_NOT_JSON, "unexpected newline" },
		{ "{v:1}", "/v", RA_R_NOT_JSON, "line 1, column 2" },
		{ "{\"v\":1}", "/version", RA_R_NO_SUCH_FIELD,
		    "the answer has no 'version', it has v" },
		{ "{\"Version\":1}", "/version", RA_R_NO_SUCH_FIELD, "did you mean 'Version'?" },
		{ "{}", "/version", RA_R_NO_SUCH_FIELD,
		    "the answer has no 'version', it is empty" },
		{ "{\"aa\":1,\"bb\":1,\"cc\":1,\"dd\":1,\"ee\":1,\"ff\":1}", "/version",
		    RA_R_NO_SUCH_FIELD, ", ..." },
		{ "{\"git\":{\"id\":1}}", "/git/commit", RA_R_NO_SUCH_FIELD,
		    "'/git' has no 'commit', it has id" },
		{ "{\"git\":\"x\"}", "/git/commit", RA_R_NO_SUCH_FIELD,
		    "'/git' is a text, it has no" },
		{ "{\"git\":1}", "/git/commit", RA_R_NO_SUCH_FIELD, "'/git' is a number" },
		{ "{\"git\":1.5}", "/git/commit", RA_R_NO_SUCH_FIELD, "'/git' is a number" },
		{ "{\"git\":true}", "/git/commit", RA_R_NO_SUCH_FIELD, "'/git' is a boolean" },
		{ "{\"git\":false}", "/git/commit", RA_R_NO_SUCH_FIELD, "'/git' is a boolean" },
		{ "{\"git\":null}", "/git/commit", RA_R_NO_SUCH_FIELD, "'/git' is null" },
		{ "[1,2]", "/2", RA_R_NO_SUCH_FIELD, "the answer has no element '2', it has 2" },
		{ "[1,2]", "/01", RA_R_NO_SUCH_FIELD, "no element '01'" },
		{ "[1,2]", "/-", RA_R_NO_SUCH_FIELD, "no element '-'" },
		{ "[1,2]", "/1a", RA_R_NO_SUCH_FIELD, "no element '1a'" },
		{ "[1,2]", "/", RA_R_NO_SUCH_FIELD, "no element ''" },
		{ "[1,2]", "/18446744073709551616", RA_R_NO_SUCH_FIELD, "no element" },
		{ "{\"v\":null}", "/v", RA_R_NO_SUCH_FIELD, "'/v' (version) is null" },
		{ "{\"v\":{}}", "/v", RA_R_FIELD_TYPE, "is an object, not a single value" },
		{ "{\"v\":[]}", "/v", RA_R_FIELD_TYPE, "is an array, not a single value" },
		{ "{\"v\":1.10}", "/v", RA_R_FIELD_TYPE, "let the service send a text" },
		{ "{\"v\":\"a\\u0000b\"}", "/v", RA_R_FIELD_TYPE, "holds a NUL" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct outcome o =
		    read_json(rows[i].json, strlen(rows[i].json), rows[i].pointer, NULL);

		if (o.reason != rows[i].reason || strstr(o.err.text, rows[i].says) == NULL)
			fail_msg("%s: %s: %s", rows[i].json, ra_reason_code(o.reason), o.err.text);
	}
}

static void
test_json_bytes(void **state)
{
	struct outcome o = read_json("\0\0", 2, "/v", NULL);

	(void)state;
	assert_int_equal(o.reason, RA_R_NOT_JSON);
	o = read_json("{\"v\":1}\0{\"v\":2}", 15, "/v", NULL);
	assert_int_equal(o.reason, RA_R_NOT_JSON);
	assert_string_equal(o.err.text, "line 1, column 8: a NUL byte");
	o = read_json("\xef\xbb", 2, "/v", NULL);
	assert_int_equal(o.reason, RA_R_NOT_JSON);
	o = read_json("{\"v\\", 4, "/v", NULL);
	assert_int_equal(o.reason, RA_R_NOT_JSON);
}

static void
test_json_fields(void **state)
{
	static const char text[] = "{\"version\":\"1.5.0\",\"git\":{\"commit\":\"abc\"}}";
	struct ra_selector other = { "other", "/version" };
	struct ra_input in = { .bytes = strdup(text), .len = strlen(text) };
	struct ra_format_call call = {
		.shape = RA_SHAPE_FIELDS, .selectors = &other, .selector_count = 1, .input = &in
	};
	struct outcome o = read_json(text, strlen(text), "/version", "/git/commit");
	struct ra_data data = { 0 };
	struct ra_error err;
	char pointer[700];

	(void)state;
	assert_int_equal(o.data.fields.count, 2);
	assert_string_equal(ra_data_field(&o.data, "version"), "1.5.0");
	assert_string_equal(ra_data_field(&o.data, "commit"), "abc");
	outcome_clear(&o);
	/* All or nothing. */
	o = read_json(text, strlen(text), "/version", "/commit");
	assert_int_equal(o.reason, RA_R_NO_SUCH_FIELD);
	/* Only the source's selector. */
	o = read_json(text, strlen(text), NULL, NULL);
	assert_int_equal(o.reason, RA_R_NO_SUCH_FIELD);
	assert_non_null(strstr(o.err.text, "write `version: /version`"));
	/* A kind without fields. */
	assert_int_equal(ra_format_json.read(&call, &data, &err), RA_R_NO_SUCH_FIELD);
	assert_non_null(strstr(err.text, "no field is selected"));
	/* A pointer that is too long does not get here; if it does, it finds nothing. */
	memset(pointer, 'x', sizeof(pointer));
	pointer[0] = '/';
	pointer[sizeof(pointer) - 1] = '\0';
	call.fields = fields;
	other = (struct ra_selector){ "version", pointer };
	assert_int_equal(ra_format_json.read(&call, &data, &err), RA_R_NO_SUCH_FIELD);
	free(in.bytes);
}

static void
test_json_depth(void **state)
{
	char deep[1000];
	struct outcome o;

	(void)state;
	for (size_t depth = 31; depth <= 34; depth++) {
		for (int closed = 0; closed < 2; closed++) {
			size_t len = 0;

			deep[len++] = '\n';
			memset(deep + len, '[', depth);
			len += depth;
			deep[len++] = '7';
			memset(deep + len, ']', closed ? depth : 0);
			len += closed ? depth : 0;
			o = read_json(deep, len, "/0", NULL);
			if (depth > 32) {
				assert_int_equal(o.reason, RA_R_TOO_DEEP);
				assert_non_null(strstr(o.err.text, "line 2, column 33: "));
			} else {
				assert_int_equal(
				    o.reason, closed ? RA_R_FIELD_TYPE : RA_R_NOT_JSON);
			}
		}
	}
	/* Columns count characters, and depth counts down again. */
	memset(deep, 0, sizeof(deep));
	memcpy(deep, "[\"\xc3\xa4\",[],{}", 12);
	for (size_t i = 0; i < 32; i++)
		memcpy(deep + 11 + 2 * i, ",[", 3);
	o = read_json(deep, strlen(deep), "/0", NULL);
	assert_int_equal(o.reason, RA_R_TOO_DEEP);
	assert_non_null(strstr(o.err.text, "line 1, column 74: "));
}

static void
test_json_selector(void **state)
{
	static const struct {
		const char *text;
		const char *says; /* NULL: fine */
	} rows[] = {
		{ "", NULL },
		{ "/", NULL },
		{ "/a/b~0c~1d", NULL },
		{ "version", "did you mean '/version'?" },
		{ ".version", "begins with '/'" },
		{ "/a~", "written '~0'" },
		{ "/a~2", "written '~0'" },
	};
	char longest[514];
	struct ra_error err;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		err.text[0] = '\0';
		assert_int_equal(ra_format_json.selector(rows[i].text, &err),
		    rows[i].says == NULL ? 0 : -EINVAL);
		assert_non_null(strstr(err.text, rows[i].says != NULL ? rows[i].says : ""));
	}
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[513] = '\0';
	assert_int_equal(ra_format_json.selector(longest, &err), -EINVAL);
	longest[512] = '\0';
	assert_int_equal(ra_format_json.selector(longest, &err), 0);
}

/* Nicolas Seriot's JSONTestSuite, where the shared captures are beside the project. */

static char *
slurp(const char *path, size_t *ret_len)
{
	RA_BUF_LOCAL all = RA_BUF(0);
	char block[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		ra_buf_add(&all, block, n);
	fclose(f);
	*ret_len = all.len;
	return ra_buf_take(&all);
}

/* Keys twice are refused by design; a NUL in a key by jansson. */
static bool
refused_by_design(const char *name)
{
	return strcmp(name, "y_object_duplicated_key.json") == 0 ||
	       strcmp(name, "y_object_duplicated_key_and_value.json") == 0 ||
	       strcmp(name, "y_object_escaped_null_in_key.json") == 0;
}

static void
test_json_suite(void **state)
{
	static const char folder[] = RA_SOURCE_ROOT "/../shared/data/JSONTestSuite/test_parsing";
	DIR *d = opendir(folder);
	struct dirent *entry;
	size_t good = 0, bad = 0;

	(void)state;
	if (d == NULL) {
		print_message("SKIPPED: no %s\n", folder);
		skip();
	}
	while ((entry = readdir(d)) != NULL) {
		char path[1024];
		struct outcome o;
		bool parsed;
		size_t len;
		char *text;

		if (strstr(entry->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		text = slurp(path, &len);
		o = read_json(text, len, "", NULL);
		parsed = o.reason == RA_R_OK || o.reason == RA_R_FIELD_TYPE ||
			 o.reason == RA_R_NO_SUCH_FIELD;
		good += parsed;
		bad += !parsed;
		/* i_ may be either, as long as it ends. */
		if ((entry->d_name[0] == 'n' && parsed) ||
		    (entry->d_name[0] == 'y' && !parsed && !refused_by_design(entry->d_name)))
			fail_msg("%s: %s: %s", entry->d_name, ra_reason_code(o.reason), o.err.text);
		outcome_clear(&o);
		free(text);
	}
	closedir(d);
	print_message("JSONTestSuite: %zu read, %zu refused\n", good, bad);
	assert_true(good > 90 && bad > 180);
}

/* --- text --- */

static struct outcome
read_text(const char *text, size_t len, const char *regex, enum ra_shape shape, struct ra_input *in)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place;
	char option[256];
	struct ra_format_call call = { .shape = shape, .fields = fields, .input = in };
	struct outcome o = { 0 };

	*in = (struct ra_input){ .bytes = malloc(len + 1), .len = len };
	memcpy(in->bytes, text, len);
	in->bytes[len] = '\0';
	snprintf(option, sizeof(option), "regex: %s", regex != NULL ? regex : "");
	call.options =
	    options_bind(arena, &ra_format_text.type, regex != NULL ? option : NULL, &place);
	assert_string_equal(place.text, "");
	o.reason = ra_format_text.read(&call, &o.data, &o.err);
	assert_true((o.reason == RA_R_OK) == (o.err.text[0] == '\0'));
	ra_arena_free(arena);
	return o;
}

static void
test_text_fields(void **state)
{
	char long_line[300], at_limit[257];
	const struct {
		const char *text;
		size_t len; /* 0: strlen */
		const char *regex;
		enum ra_reason reason;
		const char *version; /* or what the error says */
		const char *commit;
	} rows[] = {
		{ "1.5.0\n", 0, NULL, RA_R_OK, "1.5.0", NULL },
		{ " \t\r\n\v\f1.5.0 b\n\n", 0, NULL, RA_R_OK, "1.5.0 b", NULL },
		{ "\xef\xbb\xbf"
		  "1.5.0",
		    0, NULL, RA_R_OK, "1.5.0", NULL },
		{ at_limit, 256, NULL, RA_R_OK, at_limit, NULL },
		{ "", 0, NULL, RA_R_EMPTY, "empty", NULL },
		{ "\n \n", 0, NULL, RA_R_EMPTY, "empty", NULL },
		{ long_line, 257, NULL, RA_R_NOT_TEXT, "not one short line of text but 'xxx",
		    NULL },
		{ "<html>\n<body>", 0, NULL, RA_R_NOT_TEXT,
		    "not one short line of text but '<html>'; say what to take of it with `regex:`",
		    NULL },
		{ "a\rb", 0, NULL, RA_R_NOT_TEXT, "but 'a'", NULL },
		{ "a\xff"
		  "b",
		    0, NULL, RA_R_NOT_TEXT,
		    "line 1, column 2: a byte that is not UTF-8, behind 'a'", NULL },
		{ "\n1.2.3\0b", 8, NULL, RA_R_NOT_TEXT,
		    "line 2, column 6: a NUL byte, behind '1.2.3'", NULL },
		{ "v 1.5.0 abc", 0, "(?<version>[\\d.]+) (?<commit>\\w+)", RA_R_OK, "1.5.0",
		    "abc" },
		{ "v 1.5.0", 0, "(?<version>[\\d.]+)( (?<commit>\\w+))?", RA_R_OK, "1.5.0", NULL },
		{ "v 1.5.0", 0, "[\\d.]+", RA_R_OK, "1.5.0", NULL },
		{ "v 1.5.0", 0, "(?<other>v) [\\d.]+", RA_R_OK, "v 1.5.0", NULL },
		{ "\xff\xfe v=1.5.0 \xff", 0, "v=(?<version>\\S+)", RA_R_OK, "1.5.0", NULL },
		{ "x", 0, "x|(?<version>y)", RA_R_NO_MATCH, "none of its named groups", NULL },
		{ "abc", 0, "(?<version>\\d+)", RA_R_NO_MATCH, "matches nothing in 'abc'", NULL },
		{ "", 0, "(?<version>\\d+)", RA_R_NO_MATCH, "matches nothing in ''", NULL },
		{ "abc", 0, "\\d+", RA_R_NO_MATCH, "matches nothing", NULL },
		{ "v=\x01\0;", 5, "v=(?<version>[^;]+)", RA_R_NOT_TEXT, "column 4: a NUL", NULL },
		{ long_line, 299, "(\\w+\\s?)*[:;]", RA_R_REGEX_LIMIT, "too many steps", NULL },
	};

	(void)state;
	memset(long_line, 'x', sizeof(long_line));
	memset(at_limit, 'y', sizeof(at_limit));
	at_limit[256] = '\0';
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_input in;
		struct outcome o =
		    read_text(rows[i].text, rows[i].len > 0 ? rows[i].len : strlen(rows[i].text),
			rows[i].regex, RA_SHAPE_FIELDS, &in);

		if (o.reason != rows[i].reason)
			fail_msg("row %zu: %s: %s", i, ra_reason_code(o.reason), o.err.text);
		if (o.reason != RA_R_OK) {
			if (strstr(o.err.text, rows[i].version) == NULL)
				fail_msg("row %zu: %s", i, o.err.text);
		} else {
			const char *commit = ra_data_field(&o.data, "commit");

			assert_string_equal(ra_data_field(&o.data, "version"), rows[i].version);
			assert_string_equal(commit != NULL ? commit : "-",
			    rows[i].commit != NULL ? rows[i].commit : "-");
		}
		outcome_clear(&o);
		ra_input_clear(&in);
	}
}

/* As an answer without a body is: there are no bytes at all. */
static void
test_text_nothing(void **state)
{
	static const char *const regexes[] = { NULL, "regex: \\d+", "regex: (?<version>x)" };
	struct ra_input in = { 0 };
	struct ra_format_call call = { .shape = RA_SHAPE_FIELDS, .fields = fields, .input = &in };
	struct ra_data data = { 0 };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(regexes); i++) {
		struct ra_arena *arena = ra_arena_new();
		struct ra_conf_place place;
		struct ra_error err = { 0 };

		call.options = options_bind(arena, &ra_format_text.type, regexes[i], &place);
		assert_int_equal(
		    ra_format_text.read(&call, &data, &err), i == 0 ? RA_R_EMPTY : RA_R_NO_MATCH);
		assert_string_equal(
		    err.text, i == 0 ? "the answer is empty" : "`regex:` matches nothing in ''");
		ra_arena_free(arena);
	}
}

static void
test_text_prepare(void **state)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place;

	(void)state;
	options_bind(arena, &ra_format_text.type, "regex: (a", &place);
	assert_non_null(strstr(place.text, "regex: regular expression: missing"));
	ra_arena_free(arena);
	assert_null(ra_format_text.selector);
}

/* The lines read, joined by '|'. */
static const char *
lines_of(const char *text, size_t len, const char *regex, struct ra_buf *out)
{
	struct ra_input in;
	struct outcome o = read_text(text, len, regex, RA_SHAPE_LINES, &in);

	ra_buf_clear(out);
	if (o.reason != RA_R_OK)
		ra_buf_puts(out, ra_reason_code(o.reason));
	else
		assert_int_equal(o.data.shape, RA_SHAPE_LINES);
	for (size_t i = 0; o.reason == RA_R_OK && i < o.data.lines.count; i++) {
		ra_buf_puts(out, i > 0 ? "|" : "");
		ra_buf_add(out, o.data.lines.list[i].text, o.data.lines.list[i].len);
	}
	outcome_clear(&o);
	ra_input_clear(&in);
	return ra_buf_text(out);
}

static void
test_text_lines(void **state)
{
	static const struct {
		const char *text;
		const char *regex;
		const char *lines;
	} rows[] = {
		{ "", NULL, "" },
		{ "\n", NULL, "" },
		{ "\r\n\n", NULL, "" },
		{ "a", NULL, "a" },
		{ "a\n", NULL, "a" },
		{ "a\nb", NULL, "a|b" },
		{ "a\r\n\r\nb\r\n", NULL, "a|b" },
		{ "\xff\n\xc3", NULL, "\xff|\xc3" },
		{ "GET /a\nPOST /b\nGET /c\n", "^GET", "GET /a|GET /c" },
		{ "GET /a\n", "^POST", "" },
	};
	RA_BUF_LOCAL out = RA_BUF(0), many = RA_BUF(0);
	struct ra_input in;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		assert_string_equal(
		    lines_of(rows[i].text, strlen(rows[i].text), rows[i].regex, &out),
		    rows[i].lines);
	/* The newest 10,000. */
	for (int i = 0; i < 10003; i++)
		ra_buf_printf(&many, "line %d\n", i);
	for (size_t cut = 0; cut < 2; cut++) {
		o = read_text(many.data, many.len - cut, NULL, RA_SHAPE_LINES, &in);
		assert_int_equal(o.data.lines.count, 10000);
		assert_memory_equal(o.data.lines.list[0].text, "line 3\n", 7);
		assert_int_equal(o.data.lines.list[9999].len, strlen("line 10002"));
		outcome_clear(&o);
		ra_input_clear(&in);
	}
}

static void
test_text_lines_limit(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(0), slow = RA_BUF(0);

	(void)state;
	for (int i = 0; i < 60; i++)
		ra_buf_puts(&slow, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_string_equal(lines_of(slow.data, slow.len, "(\\w+\\s?)*[:;]", &out), "regex-limit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_values),
		cmocka_unit_test(test_json_refused),
		cmocka_unit_test(test_json_bytes),
		cmocka_unit_test(test_json_fields),
		cmocka_unit_test(test_json_depth),
		cmocka_unit_test(test_json_selector),
		cmocka_unit_test(test_json_suite),
		cmocka_unit_test(test_text_fields),
		cmocka_unit_test(test_text_nothing),
		cmocka_unit_test(test_text_prepare),
		cmocka_unit_test(test_text_lines),
		cmocka_unit_test(test_text_lines_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
