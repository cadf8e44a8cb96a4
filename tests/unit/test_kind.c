/* SPDX-License-Identifier: Apache-2.0 */
/* Versions and backups; logs are in test_logs.c, several instances in test_combine.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"

#include "../../daemon/kind/judge.h"

extern const struct ra_kind ra_kind_backup, ra_kind_logs, ra_kind_version;

/* --- version --- */

static struct ra_result *
judge_version(const char *version, const char *commit, const char *expect, const char *warn)
{
	struct ra_data data = { .shape = RA_SHAPE_FIELDS };
	struct given g = { .expect = expect, .warn = warn, .data = &data };

	if (version != NULL)
		assert_int_equal(ra_data_add_field(&data, "version", version, strlen(version)), 0);
	if (commit != NULL)
		assert_int_equal(ra_data_add_field(&data, "commit", commit, strlen(commit)), 0);
	return judged(&ra_kind_version, &g);
}

/* Versions of the wild, as they come. */
static void
test_version_wild(void **state)
{
	static const char *const wild[] = { "v1.2.3", "1.2.3 (build 5)", "release-2026.11", "5",
		"8f4c1b2", "2026-11-23", "nginx/1.22.1", "2.39.2-0ubuntu1~22.04",
		"1:9.2p1-2+deb12u3", "main", "stable", "1.0.0+exp.sha.5114f85", "2026.11.1_rc2",
		"PostgreSQL 14.5 on x86_64", "true-north", "r1234M", "@2026" };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(wild); i++) {
		struct ra_result *r = judge_version(wild[i], NULL, NULL, NULL);

		if (r->verdict != RA_OK)
			fail_msg("%s: %s", wild[i], r->summary);
		assert_string_equal(ra_facts_text(&r->facts, "version"), wild[i]);
		ra_result_unref(r);
	}
}

#define LONG_COMMIT "8f4c1b2e9d0a8f4c1b2e9d0a8f4c1b2e9d0a1234"
#define UNREADABLE  RA_UNKNOWN, RA_R_VERSION_UNREADABLE
#define DIFFERS	    RA_R_VERSION_DIFFERS

static void
test_version(void **state)
{
	static const struct {
		const char *version, *commit, *expect, *warn;
		struct wanted wanted;
	} rows[] = {
		/* nothing is expected: what runs is told */
		{ "1.5.0", NULL, NULL, NULL,
		    { RA_OK, RA_R_OK, "1.5.0 runs", NULL, "{\"version\":\"1.5.0\"}" } },
		{ " \t1.5.0\r\n", "abc1234", NULL, NULL,
		    { RA_OK, RA_R_OK, "1.5.0 runs", NULL,
			"{\"version\":\"1.5.0\",\"commit\":\"abc1234\"}" } },
		{ NULL, "abc1234", NULL, NULL,
		    { RA_OK, RA_R_OK, "commit abc1234 runs", NULL, "{\"commit\":\"abc1234\"}" } },
		{ "nightly", NULL, NULL, NULL, { RA_OK, RA_R_OK, "nightly runs", NULL, NULL } },
		/* one version, as text */
		{ "1.5.0", NULL, "version: 1.5.0", NULL,
		    { RA_OK, RA_R_OK, "1.5.0 runs", "version 1.5.0", NULL } },
		{ "1.5.1", NULL, "version: 1.5.0", NULL,
		    { RA_CRITICAL, DIFFERS, "1.5.1 runs, expected 1.5.0", "version 1.5.0",
			"{\"version\":\"1.5.1\"}" } },
		{ "1.5.1", NULL, NULL, "version: 1.5.0",
		    { RA_WARNING, DIFFERS, "1.5.1 runs, expected 1.5.0", "version 1.5.0", NULL } },
		{ "1.10", NULL, "version: 1.1", NULL,
		    { RA_CRITICAL, DIFFERS, "1.10 runs", "version 1.1", NULL } },
		{ "2026-11", NULL, "version: 2026-11", NULL,
		    { RA_OK, RA_R_OK, "2026-11 runs", "version 2026-11", NULL } },
		{ "1.5~rc1", NULL, "version: 1.5~rc1", NULL,
		    { RA_OK, RA_R_OK, "1.5~rc1 runs", "version 1.5~rc1", NULL } },
		{ "1.5.0-next", NULL, "version: 1.5.0-next", NULL,
		    { RA_OK, RA_R_OK, "runs", "version 1.5.0-next", NULL } },
		{ "1.xy", NULL, "version: 1.xy", NULL,
		    { RA_OK, RA_R_OK, "1.xy runs", "version 1.xy", NULL } },
		/* ranges */
		{ "1.5.0", NULL, "version: >=1.4 <2 || 3.x", NULL,
		    { RA_OK, RA_R_OK, "1.5.0 runs", "version >=1.4 <2 || 3.x", NULL } },
		{ "3.9.9", NULL, "version: >=1.4 <2 || 3.x", NULL,
		    { RA_OK, RA_R_OK, "3.9.9 runs", "version >=1.4 <2 || 3.x", NULL } },
		{ "2.0.0", NULL, "version: >=1.4 <2 || 3.x", NULL,
		    { RA_CRITICAL, DIFFERS, "2.0.0 runs, expected >=1.4 <2 || 3.x",
			"version >=1.4 <2 || 3.x", NULL } },
		{ "v1.5.0", NULL, "version: ^1.2", NULL,
		    { RA_OK, RA_R_OK, "v1.5.0 runs", "version ^1.2", "{\"version\":\"v1.5.0\"}" } },
		{ "1.5.0-rc.1", NULL, "version: >=1.4", NULL,
		    { RA_CRITICAL, DIFFERS, "1.5.0-rc.1 runs", "version >=1.4", NULL } },
		{ "1.2.9", NULL, "version: ~1.2.3", NULL,
		    { RA_OK, RA_R_OK, "runs", "version ~1.2.3", NULL } },
		{ "1.2.9", NULL, "version: x", NULL,
		    { RA_OK, RA_R_OK, "runs", "version x", NULL } },
		{ "1.2.9", NULL, "version: 1.X", NULL,
		    { RA_OK, RA_R_OK, "runs", "version 1.X", NULL } },
		{ "1.2.9", NULL, "version: =1.2.9", NULL,
		    { RA_OK, RA_R_OK, "runs", "version =1.2.9", NULL } },
		{ "nightly", NULL, "version: >=1", NULL,
		    { UNREADABLE, "nightly runs, which is not a semantic version", "version >=1",
			"{\"version\":\"nightly\"}" } },
		/* commits: either may be short */
		{ NULL, LONG_COMMIT, "commit: 8F4C1B2", NULL,
		    { RA_OK, RA_R_OK, "runs", "commit 8F4C1B2", NULL } },
		{ NULL, "8f4c1b2", "commit: " LONG_COMMIT, NULL,
		    { RA_OK, RA_R_OK, "runs", "commit " LONG_COMMIT, NULL } },
		{ "1.5.0", "abc1234", "version: 1.5.0\ncommit: abc1235", NULL,
		    { RA_CRITICAL, RA_R_COMMIT_DIFFERS, "commit abc1234 runs, expected abc1235",
			"commit abc1235", NULL } },
		{ "1.5.0", "abc1234", "version: 1.5.0", "commit: abc1235",
		    { RA_WARNING, RA_R_COMMIT_DIFFERS, "commit abc1234", "commit abc1235", NULL } },
		{ "1.5.0", "abc1234", "version: 1.5.0\ncommit: abc1234", NULL,
		    { RA_OK, RA_R_OK, "1.5.0 runs", "version 1.5.0, commit abc1234", NULL } },
		{ NULL, "abc123", "commit: abc1234", NULL,
		    { UNREADABLE, "abc123 runs, which is not 7 to 64 hexadecimal digits",
			"commit abc1234", NULL } },
		{ NULL, "abc1234-dirty", "commit: abc1234", NULL,
		    { UNREADABLE, "which is not", "commit abc1234", NULL } },
		{ NULL, "main", "commit: abc1234", NULL,
		    { UNREADABLE, "main runs", "commit abc1234", NULL } },
		{ "1.5.0", NULL, "commit: abc1234", NULL,
		    { UNREADABLE, "no commit was read", "commit abc1234",
			"{\"version\":\"1.5.0\"}" } },
		{ NULL, "abc1234", "version: 1.5.0", NULL,
		    { UNREADABLE, "no version was read", "version 1.5.0", NULL } },
		/* what is read and is none */
		{ NULL, NULL, NULL, NULL, { UNREADABLE, "no version was read", NULL, "{}" } },
		{ " \n", NULL, NULL, NULL, { UNREADABLE, "the version is empty", NULL, "{}" } },
		{ "1.5\n0", NULL, NULL, NULL,
		    { UNREADABLE, "the version (5 bytes) is not plain text", NULL, "{}" } },
		{ "1.5.\x1b[31m", NULL, NULL, NULL, { UNREADABLE, "not plain text", NULL, "{}" } },
		{ "1.5.\xff", NULL, NULL, NULL, { UNREADABLE, "not plain text", NULL, "{}" } },
		{ "1.5.\xe2\x80\xae", NULL, NULL, NULL,
		    { UNREADABLE, "not plain text", NULL, "{}" } },
		{ "<html>Login required</html>", NULL, NULL, NULL,
		    { UNREADABLE,
			"the version is markup: '<html>Login required</html>'; say where it stands "
			"with `version:`, or with `regex:` in a text",
			NULL, "{}" } },
		{ "{\"version\":\"1.5.0\"}", NULL, NULL, NULL,
		    { UNREADABLE, "the version is a whole document", NULL, "{}" } },
		{ "[1, 5]", NULL, NULL, NULL, { UNREADABLE, "is a whole document", NULL, "{}" } },
		{ "true", NULL, "version: 1.5.0", NULL,
		    { UNREADABLE, "the version is a boolean: 'true'", NULL, "{}" } },
		{ "False", NULL, NULL, NULL, { UNREADABLE, "is a boolean", NULL, "{}" } },
		{ "1.5.0  ready", NULL, NULL, NULL,
		    { UNREADABLE, "has several blanks in a row", NULL, "{}" } },
		{ "Service Unavailable", NULL, NULL, NULL,
		    { UNREADABLE, "is a sentence without a number", NULL, "{}" } },
		{ "${VERSION}", NULL, NULL, NULL,
		    { UNREADABLE, "the version is a placeholder: '${VERSION}'", NULL, "{}" } },
		{ "{{ version }}", NULL, NULL, NULL,
		    { UNREADABLE, "is a placeholder", NULL, "{}" } },
		{ "@VERSION@", NULL, NULL, NULL, { UNREADABLE, "is a placeholder", NULL, "{}" } },
		{ "NULL", NULL, NULL, NULL, { UNREADABLE, "is a placeholder", NULL, "{}" } },
		{ "undefined", NULL, NULL, NULL, { UNREADABLE, "is a placeholder", NULL, "{}" } },
		{ "Unknown", NULL, NULL, NULL, { UNREADABLE, "is a placeholder", NULL, "{}" } },
		{ "none", NULL, NULL, NULL, { UNREADABLE, "is a placeholder", NULL, "{}" } },
		{ "1.5.0", "N/A", NULL, NULL,
		    { UNREADABLE, "the commit is a placeholder: 'N/A'", NULL,
			"{\"version\":\"1.5.0\"}" } },
		{ "unknown-1", NULL, NULL, NULL, { RA_OK, RA_R_OK, "unknown-1 runs", NULL, NULL } },
		{ "1.5.0", "true", NULL, NULL,
		    { UNREADABLE, "the commit is a boolean", NULL, "{\"version\":\"1.5.0\"}" } },
		{ "1.5.0", "", "version: 1.5.0", NULL,
		    { UNREADABLE, "the commit is empty", NULL, "{\"version\":\"1.5.0\"}" } },
		{ "", "abc1234", NULL, "version: 1.5.0",
		    { UNREADABLE, "the version is empty", NULL, "{\"commit\":\"abc1234\"}" } },
		/* the worst speaks */
		{ "1.5.1", NULL, "version: 1.5.0", "version: 1.5.1",
		    { RA_CRITICAL, DIFFERS, "expected 1.5.0", "version 1.5.0", NULL } },
		{ "1.5.1", "", "version: 1.5.0", NULL,
		    { RA_CRITICAL, DIFFERS, "1.5.1 runs", "version 1.5.0", NULL } },
		{ "nightly", NULL, NULL, "version: >=1",
		    { UNREADABLE, "nightly", "version >=1", NULL } },
		{ "1.5.1", "12", "version: 1.5.0\ncommit: abc1234", NULL,
		    { RA_CRITICAL, DIFFERS, "1.5.1 runs", "version 1.5.0", NULL } },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_result(i,
		    judge_version(rows[i].version, rows[i].commit, rows[i].expect, rows[i].warn),
		    &rows[i].wanted);
}

static void
test_version_long(void **state)
{
	char text[130];
	struct ra_result *r;

	(void)state;
	memset(text, '1', sizeof(text));
	text[129] = '\0';
	r = judge_version(text, NULL, NULL, NULL);
	assert_int_equal(r->reason, RA_R_VERSION_UNREADABLE);
	assert_non_null(strstr(r->summary, "the version has 129 bytes, '1111"));
	assert_int_equal(r->facts.count, 0);
	ra_result_unref(r);
	text[128] = '\0';
	r = judge_version(text, NULL, NULL, NULL);
	assert_int_equal(r->verdict, RA_OK);
	ra_result_unref(r);
}

/* Only a leading v differs: the next step says how to write that. */
static void
test_version_next_step(void **state)
{
	struct ra_result *r = judge_version("v1.5.0", NULL, "version: 1.5.0", NULL);

	(void)state;
	assert_int_equal(r->reason, RA_R_VERSION_DIFFERS);
	assert_non_null(strstr(r->next_step, "`version: \"v1.5.0\"`"));
	assert_non_null(strstr(r->next_step, "`\"=1.5.0\"`"));
	ra_result_unref(r);
	r = judge_version("v1.5.0", NULL, "version: =1.5.0", NULL);
	assert_int_equal(r->verdict, RA_OK);
	ra_result_unref(r);
	r = judge_version("v1.5.0", NULL, "version: v1.5.1", NULL);
	assert_null(r->next_step);
	assert_string_equal(ra_result_next_step(r), ra_reason_next(RA_R_VERSION_DIFFERS));
	/* A worse breach does not keep the step of a lesser one. */
	ra_result_unref(r);
	r = judge_version("v1.5.0", "abc1234", "commit: abc1235", "version: 1.5.0");
	assert_int_equal(r->reason, RA_R_COMMIT_DIFFERS);
	assert_null(r->next_step);
	ra_result_unref(r);
}

/* --- version, with a repository --- */

static const struct ra_git_answer tagged = { .tag = (char *)"v1.4.0",
	.tag_commit = LONG_COMMIT,
	.commit = LONG_COMMIT,
	.tag_date = NOW - 10 * RA_DAY,
	.latest = (char *)"v1.5.0",
	.latest_date = NOW - 2 * RA_DAY,
	.relation = RA_RELATION_MATCHING,
	.behind_releases = 1 };

static struct ra_git_answer
but(enum ra_reason reason, const char *error, const char *tag, enum ra_relation relation,
    int64_t behind_releases)
{
	struct ra_git_answer a = tagged;

	a.reason = reason;
	a.error = (char *)(uintptr_t)error;
	a.tag = (char *)(uintptr_t)tag;
	a.relation = relation;
	a.dirty = relation == RA_RELATION_DIRTY;
	a.behind_releases = behind_releases;
	if (tag == NULL) {
		a.tag_commit[0] = '\0';
		a.tag_date = 0;
	}
	return a;
}

static void
check_git(size_t row, const char *version, const char *commit, const char *expect,
    const struct ra_git_answer *git, const struct wanted *wanted)
{
	struct ra_data data = { .shape = RA_SHAPE_FIELDS };
	struct given g = { .expect = expect, .data = &data, .git = git };

	if (version != NULL)
		assert_int_equal(ra_data_add_field(&data, "version", version, strlen(version)), 0);
	if (commit != NULL)
		assert_int_equal(ra_data_add_field(&data, "commit", commit, strlen(commit)), 0);
	check_result(row, judged(&ra_kind_version, &g), wanted);
}

#define TAG_FACTS \
	"\"tag\":\"v1.4.0\",\"tag_commit\":\"" LONG_COMMIT "\"," \
	"\"tag_date\":\"2026-11-13T12:00:00.000Z\",\"behind_releases\":1}"

static void
test_version_git(void **state)
{
	const struct ra_git_answer missing =
	    but(RA_R_TAG_MISSING, "no tag v1.4.0", NULL, RA_RELATION_NONE, 2);
	const struct ra_git_answer dirty = but(RA_R_OK, "", "v1.4.0", RA_RELATION_DIRTY, 0);
	const struct ra_git_answer untagged =
	    but(RA_R_TAG_MISSING, "no tag is there", NULL, RA_RELATION_UNTAGGED, 0);
	const struct ra_git_answer odd = but(RA_R_OK, "", "v1.4.0", RA_RELATION_MATCHING, -1);
	const struct ra_git_answer newest = but(RA_R_OK, "", "v1.5.0", RA_RELATION_MATCHING, 0);
	const struct ra_git_answer ambiguous =
	    but(RA_R_COMMIT_AMBIGUOUS, "several", "v1.4.0", RA_RELATION_UNKNOWN, 0);
	const struct ra_git_answer blob =
	    but(RA_R_TAG_NO_COMMIT, "a file", "v1.4.0", RA_RELATION_NONE, 0);
	const struct ra_git_answer away =
	    but(RA_R_REPO_TIMEOUT, "no answer in 10s", NULL, RA_RELATION_NONE, -1);
	struct ra_git_answer other = but(RA_R_OK, "", "v1.4.0", RA_RELATION_DIVERGED, 1);
	struct ra_git_answer stale = tagged;
	struct ra_git_answer none =
	    but(RA_R_TAG_MISSING, "no tag fits", NULL, RA_RELATION_NONE, -1);
	const struct {
		const char *version, *commit, *expect;
		const struct ra_git_answer *git;
		struct wanted wanted;
	} rows[] = {
		/* facts need no expectation */
		{ "1.4.0", NULL, NULL, &tagged,
		    { RA_OK, RA_R_OK, "1.4.0 runs", NULL, "{\"version\":\"1.4.0\"," TAG_FACTS } },
		{ "1.4.0", NULL, NULL, &away,
		    { RA_OK, RA_R_OK, "1.4.0 runs", NULL, "{\"version\":\"1.4.0\"}" } },
		{ NULL, "abc1234", NULL, &untagged,
		    { RA_OK, RA_R_OK, "runs, which has no tag", NULL, NULL } },
		{ "1.4.0", NULL, NULL, &dirty,
		    { RA_OK, RA_R_OK, "built with changes", NULL, NULL } },
		/* tagged */
		{ "1.4.0", "8f4c1b2", "tagged: true", &tagged,
		    { RA_OK, RA_R_OK, "1.4.0 runs, tag v1.4.0", "tagged", NULL } },
		{ "1.4.0", NULL, "tagged: false", &missing,
		    { RA_OK, RA_R_OK, "runs", NULL, NULL } },
		{ "1.4.0", NULL, "tagged: true", &missing,
		    { RA_CRITICAL, RA_R_TAG_MISSING, "1.4.0 runs, but no tag v1.4.0", "tagged",
			NULL } },
		{ "1.4.0", NULL, "tagged: true", &blob,
		    { RA_CRITICAL, RA_R_TAG_NO_COMMIT, "but a file", "tagged", NULL } },
		{ NULL, "abc1234", "tagged: true", &untagged,
		    { RA_CRITICAL, RA_R_VERSION_UNTAGGED, "commit abc1234 runs, which has no tag",
			"tagged", NULL } },
		{ "1.4.0", NULL, "tagged: true", &dirty,
		    { RA_CRITICAL, RA_R_VERSION_DIRTY, "1.4.0 runs, built", "tagged", NULL } },
		{ "1.4.0", "abc1234", "tagged: true", &other,
		    { RA_CRITICAL, RA_R_COMMIT_DIFFERS,
			"1.4.0 runs at commit abc1234, but tag v1.4.0 is at 8f4c1b2e9d0a: 1 commit "
			"behind, 2 commits ahead",
			"tagged", NULL } },
		{ "1.4.0", "abc1234", "tagged: true", &ambiguous,
		    { RA_UNKNOWN, RA_R_COMMIT_AMBIGUOUS, "but several", "tagged", NULL } },
		{ "1.4.0", NULL, "tagged: true", &away,
		    { RA_UNKNOWN, RA_R_REPO_TIMEOUT,
			"1.4.0 runs, its tag is not known: no answer in", "tagged", NULL } },
		{ "1.4.0", NULL, "tagged: true", NULL,
		    { RA_UNKNOWN, RA_R_REPO_NOT_FOUND, "no repository was asked", "tagged",
			NULL } },
		{ NULL, NULL, "tagged: true", NULL,
		    { UNREADABLE, "no version was read", NULL, NULL } },
		/* the rest is judged as ever */
		{ "1.4.0", NULL, "version: 1.5.0\ntagged: true", &away,
		    { RA_CRITICAL, DIFFERS, "1.4.0 runs, expected 1.5.0", "version 1.5.0", NULL } },
		{ "1.4.0", NULL, "tagged: true", &stale,
		    { RA_OK, RA_R_OK, "tag v1.4.0, as of 7 min ago (the repository did not answer",
			"tagged", NULL } },
		/* the newest */
		{ "1.5.0", NULL, "latest-tag: true", &newest,
		    { RA_OK, RA_R_OK, "1.5.0 runs, tag v1.5.0", "latest-tag", NULL } },
		{ "1.4.0", NULL, "latest-tag: true", &tagged,
		    { RA_CRITICAL, RA_R_VERSION_BEHIND,
			"1.4.0 runs, 1 release and 8 d behind v1.5.0", "latest-tag", NULL } },
		{ "1.4.0", NULL, "latest-tag: true", &dirty,
		    { RA_CRITICAL, RA_R_VERSION_DIRTY, "built", "latest-tag", NULL } },
		{ NULL, "abc1234", "latest-tag: true", &untagged,
		    { RA_CRITICAL, RA_R_VERSION_UNTAGGED, "no tag", "latest-tag", NULL } },
		{ "1.4.0", NULL, "latest-tag: true", &odd,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "how far it is behind is not known",
			"latest-tag", NULL } },
		/* no release is known, so none that is newer */
		{ "1.4.0", NULL, "latest-tag: true", &none,
		    { RA_UNKNOWN, RA_R_TAG_MISSING, "is not known: no tag fits", "latest-tag",
			"{\"version\":\"1.4.0\"}" } },
	};

	(void)state;
	none.latest = NULL;
	none.latest_date = 0;
	other.behind = 1;
	other.ahead = 2;
	memset(other.commit, 'a', 40);
	stale.remote = RA_R_REPO_TIMEOUT;
	stale.fetched = NOW - 7 * RA_MINUTE;
	stale.age = 7 * RA_MINUTE;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_git(i, rows[i].version, rows[i].commit, rows[i].expect, rows[i].git,
		    &rows[i].wanted);
}

static void
test_version_refused(void **state)
{
	static const struct {
		const char *expect, *complaint;
	} rows[] = {
		{ "version: >>1", "version: " },
		{ "version: 1.x.y.z", "version: " },
		{ "commit: abc123", "commit: 'abc123' is not a commit" },
		{ "commit: abcdefg", "commit: 'abcdefg' is not a commit" },
		{ "commit: " LONG_COMMIT LONG_COMMIT, "is not a commit" },
		{ "version: 1.5.0\ncommit: abc1234", "" },
		{ NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_arena *arena = ra_arena_new();
		struct ra_conf_place place;

		options_bind(arena, &ra_kind_version.expectation, rows[i].expect, &place);
		if ((place.text[0] == '\0') != (rows[i].complaint[0] == '\0') ||
		    strstr(place.text, rows[i].complaint) == NULL)
			fail_msg("row %zu: '%s'", i, place.text);
		ra_arena_free(arena);
	}
}

/* --- backup --- */

/* "NAME AGE SIZE" by ';': an age with '+' is to come, size '?' is not known. */
static void
add_items(struct ra_data *data, const char *text)
{
	while (*text != '\0') {
		char name[64], age[16], size[16];
		int used = 0;
		int64_t ms, bytes = RA_UNSET;

		assert_int_equal(sscanf(text, "%63s %15s %15[^;]%n", name, age, size, &used), 3);
		assert_int_equal(ra_duration_parse(age + (age[0] == '+'), &ms, NULL), 0);
		if (size[0] != '?')
			assert_int_equal(ra_size_parse(size, &bytes, NULL), 0);
		ms = age[0] == '+' ? NOW + ms : NOW - ms;
		assert_int_equal(ra_data_add_item(data, name, ms, bytes), 0);
		text += used;
		text += *text == ';' ? 1 : 0;
	}
}

static struct ra_result *
judge_backup(const char *items, const char *options, const char *expect, const char *warn,
    const struct ra_facts *history)
{
	struct ra_data data = { .shape = RA_SHAPE_ITEMS };
	struct given g = { .options = options,
		.expect = expect,
		.warn = warn,
		.data = &data,
		.history = history };

	add_items(&data, items);
	return judged(&ra_kind_backup, &g);
}

#define TOO_OLD RA_R_BACKUP_TOO_OLD
#define NONE	RA_CRITICAL, RA_R_BACKUP_NONE
#define NEWEST_31H \
	"{\"newest\":\"2026-11-22T05:00:00.000Z\",\"age_s\":111600,\"size\":123456789," \
	"\"count\":1}"
#define FACTS_1H "{\"newest\":\"2026-11-23T11:00:00.000Z\",\"age_s\":3600,\"size\":100000000,"

static void
test_backup(void **state)
{
	static const struct {
		const char *items, *options, *expect, *warn;
		struct wanted wanted;
	} rows[] = {
		/* age; the limit itself is within */
		{ "a 31h 123456789", NULL, "max-age: 26h", NULL,
		    { RA_CRITICAL, TOO_OLD, "newest backup is 31 h old, limit 26 h", "max-age 26h",
			NEWEST_31H } },
		{ "a 31h 123456789", NULL, NULL, "max-age: 26h",
		    { RA_WARNING, TOO_OLD, "31 h old", "max-age 26h", NEWEST_31H } },
		{ "a 31h 123456789", NULL, "max-age: 31h", NULL,
		    { RA_OK, RA_R_OK, "newest backup is 31 h old, 123 MB, 1 in all", "max-age 31h",
			NEWEST_31H } },
		{ "a 31h 123456789", NULL, "max-age: 2d", "max-age: 30h",
		    { RA_WARNING, TOO_OLD, "limit 30 h", "max-age 30h", NULL } },
		{ "a 1h 100M", NULL, NULL, NULL,
		    { RA_OK, RA_R_OK, "newest backup is 1 h old", NULL, FACTS_1H "\"count\":1}" } },
		/* size judges the newest */
		{ "a 1h 100M;b 25h 1", NULL, "min-size: 100M", NULL,
		    { RA_OK, RA_R_OK, "100 MB, 2 in all", "min-size 100M",
			FACTS_1H "\"count\":2,\"previous_size\":1}" } },
		{ "a 1h 100M;b 25h 1G", NULL, "min-size: 100000001", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_TOO_SMALL, "newest backup has 100 MB, at least",
			"min-size 100000001",
			FACTS_1H "\"count\":2,\"previous_size\":1000000000}" } },
		{ "a 1h 1", NULL, NULL, "min-size: 2GiB",
		    { RA_WARNING, RA_R_BACKUP_TOO_SMALL, "has 1 B", "min-size 2GiB", NULL } },
		{ "a 1h ?", NULL, "min-size: 1", NULL,
		    { RA_UNKNOWN, RA_R_NO_SUCH_FIELD, "size of the newest backup is not known",
			"min-size 1",
			"{\"newest\":\"2026-11-23T11:00:00.000Z\",\"age_s\":3600,\"count\":1}" } },
		{ "a 1h ?", NULL, NULL, NULL, { RA_OK, RA_R_OK, "size not known", NULL, NULL } },
		{ "a 1h 1", NULL, "min-size: 5P", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_TOO_SMALL, "5 PB", "min-size 5P", NULL } },
		{ "a 1h 1", NULL, "min-size: 2PiB", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_TOO_SMALL, "2.3 PB", "min-size 2PiB", NULL } },
		/* shrinking, against the one before */
		{ "a 1h 700;b 25h 1000", NULL, "max-shrink: 30%", NULL,
		    { RA_OK, RA_R_OK, "700 B, 2 in all", "max-shrink 30%", NULL } },
		{ "a 1h 699;b 25h 1000;c 49h 1", NULL, "max-shrink: 30%", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_SHRUNK, "shrank by 30.1%", "max-shrink 30%",
			NULL } },
		{ "a 1h 699999999;b 25h 1G", NULL, "max-shrink: 30%", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_SHRUNK, "shrank by 30.01%, to 700 MB from 1 GB",
			"max-shrink 30%", NULL } },
		{ "a 1h 1000;b 25h 700", NULL, "max-shrink: 0%", NULL,
		    { RA_OK, RA_R_OK, "1 kB", "max-shrink 0%", NULL } },
		{ "a 1h 1000", NULL, "max-shrink: 0%", NULL,
		    { RA_OK, RA_R_OK, "1 kB, 1 in all; no earlier backup to compare with yet",
			"max-shrink 0%", NULL } },
		{ "a 1h 1000;b 1h 0", NULL, "max-age: 2h", "max-shrink: 0%",
		    { RA_OK, RA_R_OK,
			"1 in all; no earlier backup to compare with yet; not counted: 1 empty",
			"max-age 2h", NULL } },
		{ "a 1h 1000", NULL, "max-age: 2h", "min-count: 1",
		    { RA_OK, RA_R_OK, "newest backup is 1 h old, 1 kB, 1 in all", "max-age 2h",
			NULL } },
		{ "a 1h ?;b 25h 700", NULL, "max-shrink: 30%", NULL,
		    { RA_UNKNOWN, RA_R_NO_SUCH_FIELD, "size of the newest", "max-shrink 30%",
			NULL } },
		{ "a 1h 700;b 25h ?", NULL, "max-shrink: 30%", NULL,
		    { RA_UNKNOWN, RA_R_NO_SUCH_FIELD, "size of the previous", "max-shrink 30%",
			NULL } },
		/* count */
		{ "a 1h 1;b 2h 1;c 3h 1", NULL, "min-count: 3", NULL,
		    { RA_OK, RA_R_OK, "3 in all", "min-count 3", NULL } },
		{ "a 1h 1;b 2h 1;c 3h 0;d +1h 1", NULL, "min-count: 3", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_TOO_FEW,
			"2 backups, at least 3 expected; not counted: 1 empty, 1 dated in the "
			"future",
			"min-count 3", NULL } },
		{ "a 1h 1", NULL, NULL, "min-count: 2",
		    { RA_WARNING, RA_R_BACKUP_TOO_FEW, "1 backup, at least 2", "min-count 2",
			NULL } },
		/* what never counts, beside a good one only named */
		{ "a 1h 100M;b +1h 5G;c 1m 0;d.part 1m 1;e.tmp 1m 7", NULL, "max-age: 26h", NULL,
		    { RA_OK, RA_R_OK, "not counted: 2 partial, 1 empty, 1 dated in the future",
			"max-age 26h", FACTS_1H "\"count\":1}" } },
		{ "a 1h 100M;b +5m 5", "quiet: 0s", "max-age: 26h", NULL,
		    { RA_OK, RA_R_OK, "0 s old, 5 B", "max-age 26h",
			"{\"newest\":\"2026-11-23T12:05:00.000Z\",\"age_s\":0,\"size\":5,"
			"\"count\":2,\"previous_size\":100000000}" } },
		{ "a +301s 1", NULL, "max-age: 26h", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_FUTURE, "1 found, dated in the future",
			"max-age 26h", "{\"count\":0}" } },
		{ "a 1h 0;b 2h 0", NULL, "max-age: 26h", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_EMPTY, "2 found, empty", "max-age 26h",
			"{\"count\":0}" } },
		{ "a 1h 0;b +1d 7", NULL, NULL, NULL,
		    { NONE, "not counted: 1 empty, 1 dated in the future", NULL, NULL } },
		{ "a.tmp 1h 1", NULL, NULL, NULL, { NONE, "not counted: 1 partial", NULL, NULL } },
		{ "", NULL, "max-age: 26h", NULL,
		    { NONE, "there is no backup", "max-age 26h", "{\"count\":0}" } },
		{ "", NULL, NULL, "max-age: 26h", { NONE, "there is no backup", NULL, NULL } },
		/* what was written to a moment ago may not be whole */
		{ "a 1h 1000;b 2h 100M;c 0s 200M", "quiet: 1m", "max-shrink: 10%", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_SHRUNK,
			"by 100%, to 1 kB from 100 MB, limit 10%; not counted: 1 perhaps still "
			"being written",
			"max-shrink 10%", NULL } },
		{ "a 1h 100M;b 59s 5;c 3s 0;d +5m 7", "quiet: 1m", "max-age: 26h", NULL,
		    { RA_OK, RA_R_OK, "1 h old, 100 MB, 1 in all; not counted: 3 perhaps still",
			"max-age 26h", FACTS_1H "\"count\":1}" } },
		{ "a 1h 100M;b 1m 5", "quiet: 1m", NULL, NULL,
		    { RA_OK, RA_R_OK, "1 min old, 5 B, 2 in all", NULL, NULL } },
		{ "a 31h 9;b 2s 9", "quiet: 1m", "max-age: 26h", NULL,
		    { RA_CRITICAL, TOO_OLD, "limit 26 h; not counted: 1 perhaps still",
			"max-age 26h", NULL } },
		{ "b 10s 1;a 15s 1;c 20s 0;d 1h 0", "quiet: 1m", "max-age: 26h", NULL,
		    { RA_UNKNOWN, RA_R_BACKUP_UNFINISHED,
			"no finished backup yet: the newest was written to 10 s ago, and counts "
			"after 1 min without (`quiet:`), in 50 s; not counted: 3 perhaps still "
			"being written, 1 empty",
			"max-age 26h", "{\"count\":0}" } },
		{ "a 15s 1;b 10s 1", "quiet: 1m", NULL, NULL,
		    { RA_UNKNOWN, RA_R_BACKUP_UNFINISHED, "written to 10 s ago", NULL, NULL } },
		{ "a 10s 1", "quiet: 5s", NULL, NULL,
		    { RA_OK, RA_R_OK, "10 s old, 1 B, 1 in all", NULL, NULL } },
		{ "a 1h 1;b 10s 1", "quiet: 1m", "min-count: 2", NULL,
		    { RA_UNKNOWN, RA_R_BACKUP_UNFINISHED,
			"1 backup, at least 2 expected; not counted: 1 perhaps", "min-count 2",
			NULL } },
		{ "a 1h 1;b 10s 1", "quiet: 1m", "min-count: 3", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_TOO_FEW, "1 backup, at least 3", "min-count 3",
			NULL } },
		/* names of what is being written */
		{ "x/a.partial 1h 1;a.tmp 1h 1;/b/.a 1h 1;a~ 1h 1;a.temp 1h 1", NULL, NULL, NULL,
		    { NONE, "5 partial", NULL, NULL } },
		{ "a.filepart 1h 1;a.crdownload 1h 1;a.incomplete 1h 1;a.inprogress 1h 1", NULL,
		    NULL, NULL, { NONE, "4 partial", NULL, NULL } },
		{ "/b/.hidden/a.dump 1h 1", NULL, NULL, NULL,
		    { RA_OK, RA_R_OK, "1 in all", NULL, NULL } },
		{ "a.new 1h 1;b.part 2h 1", "partial: *.new\npartial: *.neu", NULL, NULL,
		    { RA_OK, RA_R_OK, "2 h old, 1 B, 1 in all; not counted: 1 partial", NULL,
			NULL } },
		/* the worst speaks; everything expected is told where all is well */
		{ "a 31h 1;b 40h 100", NULL, "max-age: 26h\nmin-size: 5\nmax-shrink: 10%", NULL,
		    { RA_CRITICAL, TOO_OLD, "31 h", "max-age 26h", NULL } },
		{ "a 31h ?", NULL, "min-size: 5\nmin-count: 2", NULL,
		    { RA_CRITICAL, RA_R_BACKUP_TOO_FEW, "1 backup,", "min-count 2", NULL } },
		{ "a 31h ?", NULL, "max-age: 26h\nmin-size: 5\nmin-count: 2", NULL,
		    { RA_CRITICAL, TOO_OLD, "31 h", "max-age 26h", NULL } },
		{ "a 31h ?", NULL, "min-size: 5", "max-age: 26h",
		    { RA_UNKNOWN, RA_R_NO_SUCH_FIELD, "size", "min-size 5", NULL } },
		{ "a 1h 100M;b 25h 100M", NULL,
		    "max-age: 26h\nmin-size: 1500k\nmax-shrink: 12.5%\nmin-count: 2", NULL,
		    { RA_OK, RA_R_OK, "100 MB",
			"max-age 26h, min-size 1500k, max-shrink 12.5%, min-count 2", NULL } },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_result(i,
		    judge_backup(
			rows[i].items, rows[i].options, rows[i].expect, rows[i].warn, NULL),
		    &rows[i].wanted);
}

/* Links, pipes and folders are named where nothing else is there, not beside files. */
static void
test_backup_others(void **state)
{
	static const struct {
		const char *items;
		size_t others;
		const char *summary;
	} rows[] = {
		{ "", 0, "there is no backup" },
		{ "", 1, "there is no backup: 1 name matches, none a regular file" },
		{ "", 2, "there is no backup: 2 names match, none a regular file" },
		{ "a.part 1h 1", 2, "there is no backup; not counted: 1 partial" },
		{ "a 1h 1", 2, "newest backup is 1 h old, 1 B, 1 in all" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_data data = { .shape = RA_SHAPE_ITEMS };
		struct given g = { .data = &data };
		struct ra_result *r;

		add_items(&data, rows[i].items);
		data.items.others = rows[i].others;
		r = judged(&ra_kind_backup, &g);
		assert_memory_equal(r->summary, rows[i].summary, strlen(rows[i].summary));
		assert_int_equal(strstr(r->summary, "follow: true") != NULL,
		    strstr(rows[i].summary, "none a") != NULL);
		ra_result_unref(r);
	}
}

/* The newest is told by time, then by name; it is the evidence. */
static void
test_backup_newest(void **state)
{
	struct ra_result *r = judge_backup("b 1h 1;c 1h 3;a 1h 5;d 2h 7", NULL, NULL, NULL, NULL);

	(void)state;
	assert_string_equal(r->evidence, "c");
	assert_int_equal(ra_facts_number(&r->facts, "size", 0), 3);
	assert_int_equal(ra_facts_number(&r->facts, "previous_size", 0), 1);
	ra_result_unref(r);
	r = judge_backup("", NULL, NULL, NULL, NULL);
	assert_string_equal(r->evidence, WHERE);
	ra_result_unref(r);
}

/* One backup that is replaced each time: the one before is known from the probe before. */
static void
test_backup_history(void **state)
{
	static const struct {
		const char *items;
		enum ra_reason reason;
		int64_t previous;
	} rows[] = {
		{ "a 50h 1000", RA_R_OK, -1 },
		{ "a 50h 1000", RA_R_OK, -1 },
		{ "a 26h 990", RA_R_OK, 1000 },
		{ "a 26h 990", RA_R_OK, 1000 },
		{ "a 2h 500", RA_R_BACKUP_SHRUNK, 990 },
		{ "a 2h 500", RA_R_BACKUP_SHRUNK, 990 },
		{ "a 90m 510", RA_R_OK, 500 },
		/* a gap between two does not hide that the second is smaller */
		{ "", RA_R_BACKUP_NONE, 510 },
		{ "a.part 1m 3", RA_R_BACKUP_NONE, 510 },
		{ "a 1h 100", RA_R_BACKUP_SHRUNK, 510 },
		{ "a 1h 0", RA_R_BACKUP_EMPTY, 100 },
		{ "a 30m 100", RA_R_OK, 100 },
		/* the newest is gone: the one that is left did not shrink */
		{ "a 40m 10", RA_R_OK, -1 },
		/* what lies there counts more than what was seen */
		{ "a 20m 100;b 30m 1000", RA_R_BACKUP_SHRUNK, 1000 },
	};
	struct ra_facts history = { 0 };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r = judge_backup(rows[i].items, NULL, "max-shrink: 30%", NULL,
		    history.count > 0 ? &history : NULL);
		int64_t previous = ra_facts_number(&r->facts, "previous_size", -1);

		/* It is said where there is nothing to compare with, and only there. */
		assert_int_equal(strstr(r->summary, "no earlier backup") != NULL,
		    rows[i].reason == RA_R_OK && rows[i].previous == -1);
		if (r->reason != rows[i].reason || previous != rows[i].previous)
			fail_msg("row %zu: %s, previous %d", i, ra_reason_code(r->reason),
			    (int)previous);
		ra_facts_free(&history);
		assert_int_equal(ra_facts_copy(&r->facts, &history), 0);
		ra_result_unref(r);
	}
	ra_facts_free(&history);
}

/* However far apart, an age is a number that is not negative. */
static void
test_age(void **state)
{
	(void)state;
	assert_int_equal(ra_judge_age(NOW, NOW - 5), 5);
	assert_int_equal(ra_judge_age(NOW, NOW + 5), 0);
	assert_int_equal(ra_judge_age(NOW, INT64_MIN), INT64_MAX);
	assert_int_equal(ra_judge_age(-2, INT64_MAX), 0);
	assert_int_equal(ra_judge_age(INT64_MIN, INT64_MAX), 0);
}

/* What was not read is UNKNOWN; a path that does not exist is a finding for backups and logs. */
static void
test_failure(void **state)
{
	(void)state;
	for (int i = 0; i < RA_REASON_COUNT; i++) {
		enum ra_verdict v = i == RA_R_FILE_MISSING ? RA_CRITICAL : RA_UNKNOWN;

		assert_int_equal(ra_kind_backup.failure((enum ra_reason)i), v);
		assert_int_equal(ra_kind_logs.failure((enum ra_reason)i), v);
	}
	assert_null(ra_kind_version.failure);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_version_long),
		cmocka_unit_test(test_version_next_step),
		cmocka_unit_test(test_version_git),
		cmocka_unit_test(test_version_refused),
		cmocka_unit_test(test_version_wild),
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_backup_others),
		cmocka_unit_test(test_backup_newest),
		cmocka_unit_test(test_backup_history),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
