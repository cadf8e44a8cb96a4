/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON as jansson does, and without memory: never another value, never an end. */
/* clang-format off: cmocka wants them before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format on */
#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relaudit/base/jsonr.h"
#include "relaudit/base/macro.h"

#include "refuse.h"

REFUSE_MEMORY

static const size_t flags[] = { 0, JSON_REJECT_DUPLICATES,
	JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL };

static const char *const texts[] = {
	"{\"state\": {\"since\": 1764057227226, \"reason\": \"version-differs\"}}",
	"[1234567890123456, -12345678901234567, 123456789012345.125e-3, true, null]",
	"\"fifteen letters\"", "\"sixteen letters.\"",
	"\"a text that is longer than thirty-two bytes\"",
	"{\"a key that is longer than sixteen\": \"\\u00e4\\u00f6\\ud83d\\ude00, and "
	"\\\"more\\\"\"}",
	"[[[[[[[[[[[[[[[[{\"a\":[{},{},{\"b\":{}}]}]]]]]]]]]]]]]]]]",
	"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":"
	"11}",
	"\"\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80 in UTF-8, of one to four bytes\"",
	/* and what is none */
	"", "{", "[1,", "{\"a\": 1, \"a\": 2}", "\"no end, and longer than sixteen",
	"nulll nulll nulll", "{\"a\": 1} and something that is too much",
	"[123456789012345678901234567890]", "\"\\ud83d is half a character\"", "[1e999999999]",
	"\"a line\nfeed in a long text\"", "[\"\\q is no escape, of sixteen\"]", "[\"\xff\xfe\"]",
	"12345678901234567x"
};

static void
expect_same(const char *text, size_t len, size_t how)
{
	json_error_t why, other;
	json_t *value, *wanted = json_loadb(text, len, how, &other);
	int r = ra_json_load(text, len, how, &value, &why);

	assert_int_equal(r, wanted != NULL ? 0 : -EINVAL);
	assert_true(wanted == NULL ? value == NULL : json_equal(value, wanted));
	if (wanted == NULL) {
		assert_string_equal(why.text, other.text);
		assert_int_equal(why.line, other.line);
		assert_int_equal(why.column, other.column);
		assert_int_equal(why.position, other.position);
		assert_int_equal(json_error_code(&why), json_error_code(&other));
	}
	json_decref(value);
	json_decref(wanted);
}

static void
test_as_jansson(void **state)
{
	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++)
		for (size_t f = 0; f < RA_ARRAY_SIZE(flags); f++)
			expect_same(texts[i], strlen(texts[i]), flags[f]);
	expect_same("\"a\0b\"", 5, JSON_DECODE_ANY | JSON_ALLOW_NUL);
	expect_same("[1]\0", 4, 0);
}

/* True if nothing was refused: all have had their turn. */
static bool
expect_no_other(const char *text, size_t len, size_t how, const json_t *wanted)
{
	json_error_t why;
	json_t *value;
	int r;

	arm();
	r = ra_json_load(text, len, how, &value, &why);
	disarm();
	if (requests >= fail_at) {
		assert_int_equal(r, -ENOMEM);
		assert_null(value);
		assert_string_equal(why.text, "out of memory");
		return false;
	}
	assert_int_equal(r, wanted != NULL ? 0 : -EINVAL);
	assert_true(wanted == NULL || json_equal(value, wanted));
	json_decref(value);
	return true;
}

static int
without_each(const char *text, size_t len, size_t how)
{
	json_t *wanted = json_loadb(text, len, how, NULL);
	int all = 0;

	for (int on = 0; on < 2; on++) {
		fail_on = on != 0;
		for (fail_at = 1; !expect_no_other(text, len, how, wanted); fail_at++)
			all++;
	}
	json_decref(wanted);
	return all;
}

static void
test_without_memory(void **state)
{
	int all = 0;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++)
		for (size_t f = 0; f < RA_ARRAY_SIZE(flags); f++)
			all += without_each(texts[i], strlen(texts[i]), flags[f]);
	assert_true(all > 500);
}

/* A text of a megabyte, many members, many depths: buffers and tables that grow often. */
static void
test_large_without_memory(void **state)
{
	enum { TEXT = 1 << 20, MEMBERS = 300 };
	char *text = malloc(TEXT + MEMBERS * 64 + 64);
	size_t len;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', TEXT);
	text[0] = text[TEXT - 1] = '"';
	assert_true(without_each(text, TEXT, JSON_DECODE_ANY) > 20);
	len = (size_t)sprintf(text, "{");
	for (int i = 0; i < MEMBERS; i++)
		len += (size_t)sprintf(
		    text + len, "%s\"a-long-enough-key-%d\":[%d,\"\"]", i > 0 ? "," : "", i, i);
	len += (size_t)sprintf(text + len, "}");
	assert_true(without_each(text, len, JSON_REJECT_DUPLICATES) > 2 * MEMBERS);
	free(text);
}

/* As large as no text is: nothing of it is read. */
static void
test_too_large(void **state)
{
	json_error_t why;
	json_t *value;

	(void)state;
	assert_int_equal(ra_json_load("[]", SIZE_MAX / 2, 0, &value, &why), -ENOMEM);
	assert_null(value);
	assert_int_equal(ra_json_load("[]", SIZE_MAX / 4, 0, &value, &why), -ENOMEM);
	assert_null(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_jansson),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_large_without_memory),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
