/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Precedence and ranges, on vectors of our own and on those that node-semver publishes (where the
 * shared captures are beside the project).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "relaudit/model/semver.h"

static bool
is_version(const char *text)
{
	struct ra_semver v;

	return ra_semver_parse(text, strlen(text), &v) == 0;
}

static struct ra_semver
version(const char *text)
{
	struct ra_semver v = { 0 };

	if (ra_semver_parse(text, strlen(text), &v) < 0)
		fail_msg("'%s' should be a version", text);
	return v;
}

static bool
within(const char *range, const char *text)
{
	struct ra_semver v = version(text);
	struct ra_error err = { 0 };
	struct ra_range *r = NULL;
	bool is;

	if (ra_range_parse(range, &r, &err) < 0)
		fail_msg("'%s': %s", range, err.text);
	is = ra_range_contains(r, &v);
	ra_range_free(r);
	return is;
}

static bool
is_range(const char *text)
{
	struct ra_error err = { 0 };
	struct ra_range *r = NULL;
	int error = ra_range_parse(text, &r, &err);

	assert_int_equal(err.code, error);
	assert_true((error == 0) == (err.text[0] == '\0'));
	ra_range_free(r);
	return error == 0;
}

static void
test_parse(void **state)
{
	static const char *const good[] = { "0.0.0", "1.2.3", "10.20.30", "1.0.0-0",
		"1.0.0-alpha.1", "1.0.0--", "1.0.0-0a", "1.0.0-x.7.z.92+exp.sha.5114f85",
		"1.0.0+001", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "9007199254740991.0.0",
		"1.2.3----RC-SNAPSHOT.12" };
	static const char *const bad[] = { "", "1", "1.2", "1.2.3.4", "v1.2.3", "=1.2.3", " 1.2.3",
		"1.2.3 ", "01.2.3", "1.02.3", "1.2.03", "1.2.3-", "1.2.3-a..b", "1.2.3-01",
		"1.2.3-a.00", "1.2.3+", "1.2.3+a..b", "1.2.3+a+b", "1.2.3-\xc3\xa4", "-1.2.3",
		"1.-2.3", "1.2.x", "9007199254740992.0.0", "0.99999999999999999999999.0",
		"1.2.3 -a", "a.b.c", "1,2,3", "1.2,3", "1.2.3-a_b" };
	struct ra_semver v = version("1.2.3-rc.1+b.2");
	char longest[RA_SEMVER_MAX + 2];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(good); i++)
		assert_true(is_version(good[i]));
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		if (is_version(bad[i]))
			fail_msg("'%s' is no version", bad[i]);
	}
	assert_int_equal(v.major, 1);
	assert_int_equal(v.minor, 2);
	assert_int_equal(v.patch, 3);
	assert_int_equal(v.pre_len, 4);
	assert_memory_equal(v.pre, "rc.1", 4);
	assert_int_equal(v.build_len, 3);
	assert_memory_equal(v.build, "b.2", 3);
	v = version("1.2.3");
	assert_null(v.pre);
	assert_null(v.build);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "1.2.3-", 6);
	longest[RA_SEMVER_MAX] = '\0';
	assert_true(is_version(longest));
	longest[RA_SEMVER_MAX] = 'a';
	longest[RA_SEMVER_MAX + 1] = '\0';
	assert_false(is_version(longest));
}

/* In the order of precedence, from semver.org's point 11 and on. */
static void
test_order(void **state)
{
	static const char *const ladder[] = { "0.0.0-0", "0.0.0", "0.0.1", "0.1.0", "1.0.0-0",
		"1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999998", "1.0.0-99999999999999999999",
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.1.0", "1.0.0-alpha.beta", "1.0.0-beta",
		"1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-beta-", "1.0.0-rc.1", "1.0.0", "1.0.1",
		"1.9.0", "1.10.0", "2.0.0-A", "2.0.0-a", "2.0.0", "10.0.0" };
	struct ra_semver a, b;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(ladder); i++) {
		for (size_t j = 0; j < RA_ARRAY_SIZE(ladder); j++) {
			int order;

			a = version(ladder[i]);
			b = version(ladder[j]);
			order = ra_semver_compare(&a, &b);
			if ((order < 0) != (i < j) || (order > 0) != (i > j))
				fail_msg("%s and %s: %d", ladder[i], ladder[j], order);
		}
	}
	a = version("1.0.0-rc.1+5");
	b = version("1.0.0-rc.1+4");
	assert_int_equal(ra_semver_compare(&a, &b), 0);
}

static void
test_ranges(void **state)
{
	static const struct {
		const char *range;
		const char *in; /* blank between */
		const char *out;
	} rows[] = {
		{ "1.5.0", "1.5.0 1.5.0+b", "1.5.1 1.4.9 1.5.0-rc.1" },
		{ "=1.5.0", "1.5.0", "1.5.1" },
		{ "v1.5.0", "1.5.0", "1.5.1" },
		{ "=v1.5.0", "1.5.0", "1.5.1" },
		{ ">=1.4 <2 || 3.x", "1.4.0 1.99.0 3.0.0 3.7.1", "1.3.9 2.0.0 4.0.0 1.5.0-rc.1" },
		{ ">1.4.0", "1.4.1 2.0.0", "1.4.0 1.4.0-rc.1 1.5.0-rc.1" },
		{ ">1.4", "1.5.0", "1.4.0 1.4.99" },
		{ ">1", "2.0.0", "1.99.99" },
		{ "\t>=1.4\n\v<2\r\f", "1.4.0", "2.0.0" },
		{ "<=1.4", "1.4.99 0.0.0", "1.5.0 1.5.0-rc.1" },
		{ "<=1.x", "1.4.99", "2.0.0" },
		{ "<=1.4.2", "1.4.2", "1.4.3" },
		{ "<1.4", "1.3.99", "1.4.0 1.4.0-0" },
		{ ">=1.4.2-rc.1", "1.4.2-rc.1 1.4.2-rc.2 1.4.2 2.0.0", "1.4.2-beta 1.5.0-rc.1" },
		{ "^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 2.0.0-0" },
		{ "^1.2.3-rc.2", "1.2.3-rc.2 1.2.3 1.9.0", "1.2.3-rc.1 1.2.4-rc.3 2.0.0" },
		{ "^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2" },
		{ "^0.0.3", "0.0.3", "0.0.4 0.0.2" },
		{ "^1", "1.0.0 1.9.9", "2.0.0 0.9.9" },
		{ "^1.2", "1.2.0 1.9.9", "1.1.9 2.0.0" },
		{ "^0", "0.0.0 0.9.9", "1.0.0" },
		{ "^0.0", "0.0.0 0.0.9", "0.1.0" },
		{ "^0.x", "0.0.0 0.9.9", "1.0.0" },
		{ "^ v1.2.3", "1.2.3", "2.0.0" },
		{ "~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2" },
		{ "~1.2.3-rc.1", "1.2.3-rc.1 1.2.3", "1.3.0 1.2.4-rc.1" },
		{ "~1.2", "1.2.0 1.2.9", "1.3.0" },
		{ "~1", "1.0.0 1.9.9", "2.0.0" },
		{ "~> 1.2", "1.2.0", "1.3.0" },
		{ "1.2 - 2.3", "1.2.0 2.3.99", "1.1.9 2.4.0 2.4.0-0" },
		{ "1.2.3 - 2.3.4", "1.2.3 2.3.4", "1.2.2 2.3.5" },
		{ "1 - 2", "1.0.0 2.9.9", "3.0.0" },
		{ "* - 2.0.0", "0.0.0 2.0.0", "2.0.1" },
		{ "1.2.3 - *", "1.2.3 99.0.0", "1.2.2" },
		{ "1.2.3-a - v2.0.0-b", "1.2.3-a 2.0.0-a", "2.0.0-c 1.2.4-a" },
		{ "1.2.x", "1.2.0 1.2.9", "1.3.0" },
		{ "1.X", "1.0.0", "2.0.0" },
		{ "1.x.x+b", "1.0.0 1.9.0", "2.0.0" },
		{ "~1.2+b", "1.2.9", "1.3.0" },
		{ "1.2.x-rc", "1.2.0", "1.2.0-rc" },
		{ "v=1.2", "1.2.9", "1.3.0" },
		{ "*", "0.0.0 9.9.9", "1.0.0-rc.1" },
		{ "", "0.0.0 9.9.9", "1.0.0-rc.1" },
		{ "1.2.3 || ", "0.0.0 9.9.9", "1.0.0-rc.1" },
		{ ">=*", "0.0.0", "1.0.0-rc.1" },
		{ "<=x", "0.0.0", "1.0.0-rc.1" },
		{ "^*", "0.0.0", "1.0.0-rc.1" },
		{ "~x", "0.0.0", "1.0.0-rc.1" },
		{ ">* || 1.0.0", "1.0.0", "0.0.0 2.0.0 0.0.0-0" },
		{ "<x || 1.0.0", "1.0.0", "0.0.0 2.0.0 0.0.0-0" },
		{ "  >=  1.2.3\t<  2.0.0  ", "1.2.3", "2.0.0" },
		{ "<2.0.0 >=1.0.0-rc.1", "1.0.0-rc.1 1.9.9", "1.0.0-beta 1.5.0-rc.1" },
	};
	static const char *const bad[] = { "a", "1.2.3.4", "1.2.3a", "01.2.3", "1..2", "1.", ">",
		">=", "<", "=", "^", "~", "~>", "1.2.3 - ", "1.2.3 -2.0.0", "- 2.0.0", "1.2.3 <",
		"==1.2.3", ">==1.2.3", "vv1.2.3", "v=1.2.3", "=1.2.3 - 2.0.0", "1.2.3 - =2.0.0",
		"| 1.2", "1.2 | 1.3", ">1.2.3<2.0.0", "1.2-rc.1", "1.x.3", "x.1", "1.2+",
		"1.2.3-01", "1.2.3+", "^9007199254740991.0.0", ">9007199254740991",
		"9007199254740992.0.0", "1.2.3 - 9007199254740991", "1.2.3 || b",
		"1.2.3 - 2.0.0 3.0.0", "!1.2.3", "1.2.3 - b", "~9007199254740991",
		"^0.0.9007199254740991", "1.9007199254740991.x" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		for (int side = 0; side < 2; side++) {
			const char *p = side == 0 ? rows[i].in : rows[i].out;

			for (size_t len; *p != '\0'; p += len + strspn(p + len, " ")) {
				len = strcspn(p, " ");
				snprintf(text, sizeof(text), "%.*s", (int)len, p);
				if (within(rows[i].range, text) != (side == 0))
					fail_msg("'%s' and %s", rows[i].range, text);
			}
		}
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		if (is_range(bad[i]))
			fail_msg("'%s' is no range", bad[i]);
	}
	ra_range_free(NULL);
}

static void
test_long_range(void **state)
{
	char text[1100];
	struct ra_error err;
	struct ra_range *r;

	(void)state;
	memset(text, ' ', sizeof(text));
	text[0] = '1';
	text[1024] = '\0';
	assert_true(is_range(text));
	text[1024] = ' ';
	text[1025] = '\0';
	assert_int_equal(ra_range_parse(text, &r, &err), -E2BIG);
	assert_int_equal(ra_range_parse("b", &r, NULL), -EINVAL);
}

/* node-semver's own vectors; those for its loose mode and includePrerelease do not apply. */

static json_t *
vectors(const char *name)
{
	char path[256];
	json_t *list;

	snprintf(path, sizeof(path), "%s/../shared/data/node-semver/%s.json", RA_SOURCE_ROOT, name);
	list = json_load_file(path, 0, NULL);
	if (list == NULL) {
		print_message("SKIPPED: no %s\n", path);
		skip();
	}
	return list;
}

static bool
for_us(json_t *row, size_t columns)
{
	json_t *options = json_array_get(row, columns);

	return json_array_size(row) == columns || json_is_null(options) ||
	       (json_is_object(options) && json_object_size(options) == 0) ||
	       (json_is_object(options) && json_object_size(options) == 1 &&
		   json_is_false(json_object_get(options, "loose")));
}

static const char *
cell(json_t *row, size_t i)
{
	return json_string_value(json_array_get(row, i));
}

/* A "v" or "=" in front is stripped by node-semver's versions, and not by ours. */
static const char *
bare(const char *text)
{
	return text + strspn(text, " v=");
}

static void
check_ranges(const char *name, bool expected, size_t at_least)
{
	json_t *list = vectors(name), *row;
	size_t i, done = 0;

	json_array_foreach (list, i, row) {
		if (!for_us(row, 2) || json_string_value(json_array_get(row, 1)) == NULL ||
		    !is_version(bare(cell(row, 1))))
			continue;
		done++;
		if (within(cell(row, 0), bare(cell(row, 1))) != expected)
			fail_msg("%s: '%s' and %s", name, cell(row, 0), cell(row, 1));
	}
	print_message("%s: %zu of %zu rows\n", name, done, json_array_size(list));
	assert_true(done >= at_least);
	json_decref(list);
}

static void
test_node_include(void **state)
{
	(void)state;
	check_ranges("range-include", true, 80);
}

static void
test_node_exclude(void **state)
{
	(void)state;
	check_ranges("range-exclude", false, 50);
}

static void
test_node_gt_lt(void **state)
{
	(void)state;
	check_ranges("version-gt-range", false, 50);
	check_ranges("version-lt-range", false, 50);
}

static void
test_node_range_parse(void **state)
{
	static const char *const probes[] = { "0.0.0-0", "0.0.0", "0.0.1", "0.1.0", "0.1.1-a",
		"0.9.9", "1.0.0-0", "1.0.0", "1.0.1", "1.1.0", "1.2.0", "1.2.3-a", "1.2.3",
		"1.2.4-0", "1.2.4", "1.3.0-0", "1.3.0", "1.9.9", "2.0.0-0", "2.0.0", "2.0.1",
		"2.1.0", "2.3.4", "2.9.9", "3.0.0-0", "3.0.0", "4.5.6", "99.0.0" };
	json_t *list = vectors("range-parse"), *row;
	size_t i, done = 0;

	(void)state;
	json_array_foreach (list, i, row) {
		const char *range = cell(row, 0);

		if (!for_us(row, 2) || range == NULL)
			continue;
		done++;
		if (is_range(range) != (cell(row, 1) != NULL))
			fail_msg("'%s'", range);
		for (size_t j = 0; cell(row, 1) != NULL && j < RA_ARRAY_SIZE(probes); j++) {
			if (within(range, probes[j]) != within(cell(row, 1), probes[j]))
				fail_msg("'%s', '%s' and %s", range, cell(row, 1), probes[j]);
		}
	}
	print_message("range-parse: %zu rows\n", done);
	assert_true(done >= 50);
	json_decref(list);
}

static void
test_node_comparisons(void **state)
{
	json_t *list = vectors("comparisons"), *row;
	size_t i;

	(void)state;
	json_array_foreach (list, i, row) {
		const char *high = bare(cell(row, 0)), *low = bare(cell(row, 1));
		struct ra_semver a, b;

		if (!for_us(row, 2) && (!is_version(high) || !is_version(low)))
			continue;
		a = version(high);
		b = version(low);
		if (ra_semver_compare(&a, &b) <= 0 || ra_semver_compare(&b, &a) >= 0)
			fail_msg("%s should be above %s", high, low);
	}
	json_decref(list);
	list = vectors("equality");
	json_array_foreach (list, i, row) {
		const char *one = bare(cell(row, 0)), *two = bare(cell(row, 1));
		struct ra_semver a, b;

		if (!is_version(one) || !is_version(two))
			continue;
		a = version(one);
		b = version(two);
		assert_int_equal(ra_semver_compare(&a, &b), 0);
	}
	json_decref(list);
}

static void
test_node_versions(void **state)
{
	json_t *list = vectors("valid-versions"), *row;
	size_t i;

	(void)state;
	json_array_foreach (list, i, row) {
		struct ra_semver v = version(bare(cell(row, 0)));

		assert_int_equal(v.major, json_integer_value(json_array_get(row, 1)));
		assert_int_equal(v.minor, json_integer_value(json_array_get(row, 2)));
		assert_int_equal(v.patch, json_integer_value(json_array_get(row, 3)));
		assert_true((json_array_size(json_array_get(row, 4)) > 0) == (v.pre != NULL));
		assert_true((json_array_size(json_array_get(row, 5)) > 0) == (v.build != NULL));
	}
	json_decref(list);
	list = vectors("invalid-versions");
	json_array_foreach (list, i, row) {
		if (cell(row, 0) != NULL && is_version(cell(row, 0)))
			fail_msg("'%s' is no version: %s", cell(row, 0), cell(row, 1));
	}
	json_decref(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_long_range),
		cmocka_unit_test(test_node_include),
		cmocka_unit_test(test_node_exclude),
		cmocka_unit_test(test_node_gt_lt),
		cmocka_unit_test(test_node_range_parse),
		cmocka_unit_test(test_node_comparisons),
		cmocka_unit_test(test_node_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
