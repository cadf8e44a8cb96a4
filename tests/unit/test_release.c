/* SPDX-License-Identifier: Apache-2.0 */
/* Tags and their order, by tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/release.h"

static const char A[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char B[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char C[] = "cccccccccccccccccccccccccccccccccccccccc";

static struct ra_releases *
releases(const char *pattern, const char *const *names)
{
	struct ra_releases *r = ra_releases_new(pattern);

	assert_non_null(r);
	for (int64_t date = 1; *names != NULL; names++, date++)
		assert_int_equal(ra_releases_add(r, *names, A, date), 0);
	ra_releases_sort(r);
	return r;
}

static void
test_pattern(void **state)
{
	static const struct {
		const char *pattern, *name, *version;
	} cases[] = {
		{ "v{version}", "v1.2.3", "1.2.3" },
		{ "v{version}", "1.2.3", NULL },
		{ "v{version}", "v", NULL },
		{ "v{version}", "vv1", "v1" },
		{ "{version}", "v1", "v1" },
		{ "api/v{version}", "api/v1.0", "1.0" },
		{ "api/v{version}", "web/v1.0", NULL },
		{ "release-{version}-final", "release-7-final", "7" },
		{ "release-{version}-final", "release--final", NULL },
		{ "release-{version}-final", "release-final", NULL },
		{ "release-{version}-final", "release-7-first", NULL },
		{ "a{version}a", "a", NULL },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		RA_BUF_LOCAL name = RA_BUF(100);
		size_t len = 0;
		const char *version = ra_tag_version(cases[i].pattern, cases[i].name, &len);

		if (cases[i].version == NULL) {
			assert_null(version);
			continue;
		}
		assert_non_null(version);
		assert_int_equal(len, strlen(cases[i].version));
		assert_memory_equal(version, cases[i].version, len);
		assert_int_equal(ra_tag_name(cases[i].pattern, cases[i].version, &name), 0);
		assert_string_equal(ra_buf_text(&name), cases[i].name);
	}
}

static void
test_pattern_check(void **state)
{
	struct ra_error err = { 0 };

	assert_int_equal(ra_tag_pattern_check("v{version}", &err), 0);
	assert_int_equal(ra_tag_pattern_check("v", &err), -EINVAL);
	assert_non_null(strstr(err.text, "{version}"));
	assert_int_equal(ra_tag_pattern_check("{version}{version}", &err), -EINVAL);
}

/* What is special in a glob stands for itself. */
static void
test_glob(void **state)
{
	RA_BUF_LOCAL glob = RA_BUF(100);

	assert_int_equal(ra_tag_glob("a[*]/{version}?", &glob), 0);
	assert_string_equal(ra_buf_text(&glob), "a\\[\\*\\]/*\\?");
}

static const char *const tags[] = { "v1.0.0", "v1.10.0", "v1.9.0", "v1.9.1-rc.1", "v2.0.0-rc.1",
	"v2.0.0-rc.2", "v1.9.0+build5", "vnext", "other-3.0.0", NULL };

static void
test_semver_order(void **state)
{
	static const struct {
		const char *version;
		int64_t behind;
		const char *latest;
	} cases[] = {
		{ "1.10.0", 0, "v1.10.0" },
		{ "1.9.0", 1, "v1.10.0" }, /* the same but for build metadata is not newer */
		{ "1.0.0", 3, "v1.10.0" }, /* pre-releases do not count */
		{ "1.9.1-rc.1", 3, "v2.0.0-rc.2" }, /* but for one they do */
		{ "2.0.0-rc.1", 1, "v2.0.0-rc.2" },
		{ "1.9.5", 1, "v1.10.0" }, /* a version that has no tag */
		{ "3.0.0", 0, "v1.10.0" },
		{ "next", -1, NULL }, /* not semantic, and no ancestry known */
		{ "nonsense", -1, NULL },
	};
	struct ra_releases *r = releases("v{version}", tags);

	assert_int_equal(ra_releases_count(r), 8);
	assert_true(ra_releases_want_order(r, NULL));
	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		const struct ra_tag *latest = ra_releases_latest(r, cases[i].version);

		assert_int_equal(ra_releases_behind(r, cases[i].version), cases[i].behind);
		if (cases[i].latest == NULL)
			assert_null(latest);
		else
			assert_string_equal(latest->name, cases[i].latest);
	}
	assert_string_equal(ra_releases_latest(r, NULL)->name, "v1.10.0");
	assert_string_equal(ra_releases_find(r, "1.9.1-rc.1")->name, "v1.9.1-rc.1");
	assert_null(ra_releases_find(r, "v1.0.0"));
	assert_string_equal(ra_releases_at(r, A)->name, "v2.0.0-rc.2");
	assert_null(ra_releases_at(r, B));
	ra_releases_free(r);
}

static void
test_lag(void **state)
{
	static const struct {
		const char *a, *b;
		int64_t lag;
	} cases[] = {
		{ "1.0.0", "1.10.0", 3 },
		{ "1.10.0", "1.0.0", -3 },
		{ "1.9.0", "1.9.0", 0 },
		{ "1.9.0", "2.0.0-rc.1", 1 }, /* 1.10.0 */
		{ "2.0.0-rc.1", "2.0.0-rc.2", 1 },
		{ "1.0.0", "1.9.5", 2 },
	};
	struct ra_releases *r = releases("v{version}", tags);
	int64_t lag;

	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		assert_int_equal(ra_releases_lag(r, cases[i].a, cases[i].b, &lag), 0);
		assert_int_equal(lag, cases[i].lag);
	}
	assert_int_equal(ra_releases_lag(r, "1.0.0", "next", &lag), -ENOENT);
	ra_releases_free(r);
}

/* Names of which none is semantic have the order that is handed in. */
static void
test_ancestry(void **state)
{
	struct ra_releases *r = ra_releases_new("{version}");
	RA_BUF_LOCAL order = RA_BUF(1000);
	int64_t lag;
	int way;

	assert_int_equal(ra_releases_add(r, "zebra", A, 30), 0);
	assert_int_equal(ra_releases_add(r, "2024.10", B, 20), 0);
	assert_int_equal(ra_releases_add(r, "2024.10-again", B, 20), 0);
	assert_int_equal(ra_releases_add(r, "apple", C, 10), 0);
	assert_int_equal(ra_releases_add(r, "tree", "", 0), 0);
	assert_int_equal(
	    ra_releases_add(r, "empty", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", 5), 0);
	ra_releases_sort(r);
	assert_true(ra_releases_want_order(r, NULL));
	assert_int_equal(ra_releases_behind(r, "zebra"), -1);
	assert_int_equal(ra_releases_compare(r, "zebra", "apple", &way), -ENOENT);

	assert_int_equal(ra_buf_printf(&order, "%s\n%s\n%s\n", A, B, C), 0);
	ra_releases_set_order(r, order.data);
	assert_int_equal(ra_releases_behind(r, "zebra"), 3);
	assert_int_equal(ra_releases_behind(r, "2024.10"), 1);
	assert_int_equal(ra_releases_behind(r, "apple"), 0);
	assert_int_equal(ra_releases_behind(r, "tree"), -1);
	assert_int_equal(ra_releases_behind(r, "empty"), 4);
	assert_string_equal(ra_releases_latest(r, "zebra")->name, "apple");
	assert_string_equal(ra_releases_latest(r, NULL)->name, "apple");
	assert_int_equal(ra_releases_compare(r, "zebra", "2024.10", &way), 0);
	assert_true(way < 0);
	assert_int_equal(ra_releases_compare(r, "2024.10-again", "2024.10", &way), 0);
	assert_int_equal(way, 0);
	assert_int_equal(ra_releases_lag(r, "zebra", "apple", &lag), 0);
	assert_int_equal(lag, 3);
	ra_releases_free(r);
}

/* Beside what is ordered by ancestry: lines that say nothing, a last one without its end. */
static void
test_ancestry_of_some(void **state)
{
	static char long_commit[RA_COMMIT_TEXT + 10];
	struct ra_releases *r = ra_releases_new("{version}");
	RA_BUF_LOCAL order = RA_BUF(1000);
	int64_t lag;
	int way;

	memset(long_commit, 'd', sizeof(long_commit) - 1);
	assert_int_equal(ra_releases_add(r, "first", A, 10), 0);
	assert_int_equal(ra_releases_add(r, "second", B, 20), 0);
	assert_int_equal(ra_releases_add(r, "2.0.0-rc.1", C, 30), 0);
	assert_int_equal(ra_releases_add(r, "tree", "", 0), 0);
	assert_int_equal(ra_releases_add(r, "long", long_commit, 0), 0);
	ra_releases_sort(r);
	assert_string_equal(ra_releases_find(r, "long")->commit, "");
	ra_buf_printf(&order, "%s\n\n%s\n%s\nbeef\n%s", A, long_commit, B, C);
	ra_releases_set_order(r, order.data);
	/* a pre-release is no news for a version that is none */
	assert_int_equal(ra_releases_behind(r, "first"), 1);
	assert_int_equal(ra_releases_behind(r, "second"), 0);
	assert_string_equal(ra_releases_latest(r, "first")->name, "second");
	assert_null(ra_releases_latest(r, "1.0.0"));
	assert_string_equal(ra_releases_latest(r, "1.0.0-rc.1")->name, "2.0.0-rc.1");
	assert_string_equal(ra_releases_at(r, A)->name, "first");
	assert_int_equal(ra_releases_compare(r, "first", "tree", &way), -ENOENT);
	assert_int_equal(ra_releases_compare(r, "tree", "first", &way), -ENOENT);
	assert_int_equal(ra_releases_compare(r, "nowhere", "first", &way), -ENOENT);
	assert_int_equal(ra_releases_compare(r, "first", "nowhere", &way), -ENOENT);
	assert_int_equal(ra_releases_compare(r, "nowhere", "nowhere", &way), 0);
	assert_int_equal(way, 0);
	assert_int_equal(ra_releases_compare(r, "1.0.0", "nowhere", &way), -ENOENT);
	assert_int_equal(ra_releases_lag(r, "second", "first", &lag), 0);
	assert_int_equal(lag, -1);
	/* a version without a tag has no place among those that are not semantic */
	assert_int_equal(ra_releases_lag(r, "2.0.0-rc.1", "2.0.0", &lag), 0);
	assert_int_equal(lag, 0);
	ra_releases_free(r);
}

/* One tag a commit, each the parent's of the next. */
static struct ra_releases *
line_of(const char *const *versions)
{
	struct ra_releases *r = ra_releases_new("v{version}");
	RA_BUF_LOCAL order = RA_BUF(1000);
	char name[64], commit[RA_COMMIT_TEXT];

	for (int n = 1; *versions != NULL; versions++, n++) {
		(void)snprintf(name, sizeof(name), "v%s", *versions);
		(void)snprintf(commit, sizeof(commit), "%040d", n);
		assert_int_equal(ra_releases_add(r, name, commit, n), 0);
		ra_buf_printf(&order, "%s\n", commit);
	}
	ra_releases_sort(r);
	ra_releases_set_order(r, ra_buf_text(&order));
	return r;
}

/* Releases that are numbered and not semantic, beside one that is, by chance or not. */
static void
test_numbered(void **state)
{
	static const struct {
		const char *tags[8];
		const char *version;
		int64_t behind;
		const char *latest; /* NULL: of no matter */
	} rows[] = {
		{ { "1.0.0", "2024.11.15", "2025.01.10", "2025.02.03" }, "2024.11.15", 2,
		    "v2025.02.03" },
		{ { "1.0.0", "2024.11.15", "2025.01.10", "2025.02.03" }, "1.0.0", 3,
		    "v2025.02.03" },
		{ { "1.9.0", "2.0", "2.1", "2.1.0.1", "3" }, "1.9.0", 4, "v3" },
		{ { "1.9.0", "2.0", "3", "3.1.0" }, "1.9.0", 3, "v3.1.0" },
		{ { "1.9.0", "2.0", "3", "3.1.0" }, "3.1.0", 0, "v3.1.0" },
		{ { "1.9.0", "2.0" }, "1.9.5", 1, "v2.0" }, /* without a tag: after 1.9.0 */
		{ { "1.9.0", "2.0" }, "2.1.0", -1, NULL }, /* may be before it */
		/* number and history say otherwise, or what follows may make it a pre-release */
		{ { "1.9.0", "1.8" }, "1.9.0", -1, NULL },
		{ { "20240115", "1.9.0" }, "1.9.0", -1, NULL },
		{ { "1.9.0", "2.0-rc1" }, "1.9.0", -1, NULL },
		{ { "1.9.0", "1.9" }, "1.9.0", -1, NULL },
		{ { "2.0", "1.0.0" }, "0.9.0", 2, "v2.0" },
		{ { "1.9-rc1", "1.9.0" }, "1.9.0", 0, "v1.9.0" },
		{ { "1.9.0", "next", "nightly-2" }, "1.9.0", 0, "v1.9.0" },
		{ { "1.9.0", "99999999999999999999.1" }, "1.9.0", 1, "v99999999999999999999.1" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_releases *r = line_of(rows[i].tags);
		const struct ra_tag *latest = ra_releases_latest(r, rows[i].version);
		int64_t behind = ra_releases_behind(r, rows[i].version);

		if (behind != rows[i].behind ||
		    (rows[i].latest != NULL && strcmp(latest->name, rows[i].latest) != 0))
			fail_msg("row %zu: %d, %s", i, (int)behind, latest->name);
		ra_releases_free(r);
	}
}

/* "v1" is moved along with the newest 1.x: it is no release of its own. */
static void
test_aliases(void **state)
{
	struct ra_releases *r = ra_releases_new("v{version}");
	RA_BUF_LOCAL order = RA_BUF(1000);

	(void)state;
	assert_int_equal(ra_releases_add(r, "v1.0.0", A, 1), 0);
	assert_int_equal(ra_releases_add(r, "v1.1.0", B, 2), 0);
	assert_int_equal(ra_releases_add(r, "v1", B, 2), 0);
	assert_int_equal(ra_releases_add(r, "v2.0.0-rc.1", C, 3), 0);
	ra_releases_sort(r);
	assert_true(ra_releases_want_order(r, "1.0.0"));
	assert_int_equal(ra_releases_behind(r, "1.1.0"), -1); /* no ancestry is known */
	(void)ra_buf_printf(&order, "%s\n%s\n%s\n", A, B, C);
	ra_releases_set_order(r, ra_buf_text(&order));
	assert_int_equal(ra_releases_behind(r, "1.0.0"), 1);
	assert_int_equal(ra_releases_behind(r, "1.1.0"), 0);
	/* a pre-release is none for 1.1.0, but what has a number of its own there is */
	assert_int_equal(ra_releases_add(r, "v2.0", C, 3), 0);
	ra_releases_sort(r);
	ra_releases_set_order(r, ra_buf_text(&order));
	assert_int_equal(ra_releases_behind(r, "1.1.0"), 1);
	ra_releases_free(r);
}

/* A tag that points at a blob, or at a tree, is no news for anybody. */
static void
test_no_commit(void **state)
{
	struct ra_releases *r = ra_releases_new("v{version}");

	(void)state;
	assert_int_equal(ra_releases_add(r, "v1.0.0", A, 10), 0);
	assert_int_equal(ra_releases_add(r, "v5.0.0", "", 0), 0);
	assert_int_equal(ra_releases_add(r, "v6.0.0-rc.1", "", 0), 0);
	ra_releases_sort(r);
	assert_false(ra_releases_want_order(r, NULL));
	assert_string_equal(ra_releases_latest(r, "1.0.0")->name, "v1.0.0");
	assert_string_equal(ra_releases_latest(r, "1.0.0-rc.1")->name, "v1.0.0");
	assert_int_equal(ra_releases_behind(r, "1.0.0"), 0);
	assert_int_equal(ra_releases_behind(r, "0.9.0-rc.1"), 1);
	assert_string_equal(ra_releases_find(r, "5.0.0")->name, "v5.0.0");
	ra_releases_free(r);
}

/* Versions that differ in build metadata alone, of one date: by name, whatever comes first. */
static void
test_build_metadata(void **state)
{
	static const char *const names[][2] = { { "v1.0.0+a", "v1.0.0+b" },
		{ "v1.0.0+b", "v1.0.0+a" } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++) {
		struct ra_releases *r = ra_releases_new("v{version}");

		assert_int_equal(ra_releases_add(r, names[i][0], A, 1), 0);
		assert_int_equal(ra_releases_add(r, names[i][1], A, 1), 0);
		ra_releases_sort(r);
		assert_string_equal(ra_releases_latest(r, "1.0.0")->name, "v1.0.0+b");
		assert_string_equal(ra_releases_at(r, A)->name, "v1.0.0+b");
		ra_releases_free(r);
	}
}

static void
test_none(void **state)
{
	struct ra_releases *r = ra_releases_new("v{version}");

	ra_releases_sort(r);
	assert_false(ra_releases_want_order(r, NULL));
	assert_null(ra_releases_find(r, "1.0.0"));
	assert_null(ra_releases_latest(r, "1.0.0"));
	assert_null(ra_releases_at(r, A));
	assert_int_equal(ra_releases_behind(r, "1.0.0"), 0);
	ra_releases_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_commit),
		cmocka_unit_test(test_numbered),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_pattern),
		cmocka_unit_test(test_pattern_check),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_semver_order),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_ancestry),
		cmocka_unit_test(test_ancestry_of_some),
		cmocka_unit_test(test_build_metadata),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
