/* SPDX-License-Identifier: Apache-2.0 */
/* The kind version beside its repository: how far it is behind, and what it asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"

extern const struct ra_kind ra_kind_version;

#define COMMIT "8f4c1b2e9d0a8f4c1b2e9d0a8f4c1b2e9d0a8f4c"

/* 1.4.0, eight days and two releases behind 1.6.0 */
static const struct ra_git_answer behind = { .tag = (char *)"v1.4.0",
	.tag_commit = COMMIT,
	.commit = COMMIT,
	.tag_date = NOW - 10 * RA_DAY,
	.latest = (char *)"v1.6.0",
	.latest_date = NOW - 2 * RA_DAY,
	.relation = RA_RELATION_MATCHING,
	.behind_releases = 2 };

/* What differs from that. */
enum but {
	BUT_NOTHING = 0,
	BUT_NO_TAG = 1 << 0,
	BUT_NO_TAG_DATE = 1 << 1,
	BUT_NO_LATEST = 1 << 2,
	BUT_NO_LATEST_DATE = 1 << 3,
	BUT_NEWEST = 1 << 4,
	BUT_UNORDERED = 1 << 5,
	BUT_STALE = 1 << 6,
	BUT_NEVER_FETCHED = 1 << 7,
	BUT_LATEST_IS_OLDER = 1 << 8,
	BUT_AWAY = 1 << 9,
	BUT_WORDLESS = 1 << 10, /* there is a reason, and no words */
	BUT_MISSING = 1 << 11,
	BUT_NEAREST = 1 << 12,
	BUT_UNKNOWN = 1 << 13,
	BUT_AHEAD = 1 << 14,
	BUT_BEHIND = 1 << 15,
	BUT_UNTAGGED = 1 << 16,
	BUT_LOST = 1 << 17, /* its commit is */
	BUT_NO_ERROR = 1 << 18,
	BUT_UNCOUNTED = 1 << 19,
	BUT_NO_COMMIT = 1 << 20, /* its tag is at none */
	BUT_UNREADABLE = 1 << 21, /* what it says of its commit is none */
};

static struct ra_git_answer
answer(unsigned but)
{
	struct ra_git_answer a = behind;

	if (but & (BUT_NO_TAG | BUT_MISSING | BUT_UNTAGGED)) {
		a.tag = NULL;
		a.tag_commit[0] = '\0';
		a.tag_date = 0;
	}
	if (but & BUT_NO_TAG_DATE)
		a.tag_date = 0;
	if (but & BUT_NO_LATEST)
		a.latest = NULL;
	if (but & BUT_NO_LATEST_DATE)
		a.latest_date = 0;
	if (but & BUT_LATEST_IS_OLDER)
		a.latest_date = a.tag_date - RA_DAY;
	if (but & BUT_NEWEST)
		a.behind_releases = 0;
	if (but & BUT_UNORDERED)
		a.behind_releases = -1;
	if (but & (BUT_STALE | BUT_NEVER_FETCHED))
		a.remote = RA_R_REPO_TIMEOUT;
	if (but & BUT_STALE)
		a.fetched = NOW - (a.age = 7 * RA_MINUTE);
	if (but & BUT_AWAY)
		a.reason = RA_R_REPO_TIMEOUT;
	if (but & BUT_MISSING)
		a.reason = RA_R_TAG_MISSING;
	if (but & BUT_LOST)
		a.reason = RA_R_COMMIT_UNKNOWN;
	if (but & BUT_NO_COMMIT) {
		a.reason = RA_R_TAG_NO_COMMIT;
		a.tag_commit[0] = a.commit[0] = '\0';
	}
	if (but & BUT_UNREADABLE) {
		a.reason = RA_R_VERSION_UNREADABLE;
		a.commit[0] = '\0';
	}
	if (but & (BUT_AWAY | BUT_MISSING | BUT_LOST | BUT_NO_COMMIT | BUT_UNREADABLE))
		a.error = but & BUT_WORDLESS ? (char *)"" : (char *)"in its own words";
	if (but & BUT_NEAREST)
		a.nearest = (char *)"v1.3.0";
	if (but & BUT_UNKNOWN)
		a.relation = RA_RELATION_UNKNOWN;
	if (but & BUT_UNTAGGED)
		a.relation = RA_RELATION_UNTAGGED;
	if (but & (BUT_AHEAD | BUT_BEHIND))
		memset(a.commit, 'a', 40);
	if (but & BUT_NO_ERROR)
		a.error = NULL;
	a.ahead = but & BUT_AHEAD ? 3 : but & BUT_UNCOUNTED ? -1 : 0;
	a.behind = but & BUT_BEHIND ? 1 : 0;
	return a;
}

struct row {
	const char *version, *commit, *expect, *warn;
	unsigned but;
	struct wanted wanted;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ra_git_answer git = answer(rows[i].but);
		struct ra_data data = { .shape = RA_SHAPE_FIELDS };
		struct given g = {
			.expect = rows[i].expect, .warn = rows[i].warn, .data = &data, .git = &git
		};

		if (rows[i].version != NULL)
			ra_data_add_field(
			    &data, "version", rows[i].version, strlen(rows[i].version));
		if (rows[i].commit != NULL)
			ra_data_add_field(&data, "commit", rows[i].commit, strlen(rows[i].commit));
		check_result(i, judged(&ra_kind_version, &g), &rows[i].wanted);
	}
}

#define BAD	   RA_CRITICAL, RA_R_VERSION_BEHIND
#define FINE	   RA_OK, RA_R_OK
#define UNORDERED  RA_UNKNOWN, RA_R_VERSION_UNORDERED
#define BY_COUNT   "max-lag: releases=1"
#define BY_AGE	   "max-lag: age=6d"
#define IS_COUNT   "max-lag 1 releases"
#define IS_AGE	   "max-lag 6d"
#define BEHIND_TWO "1.4.0 runs, 2 releases and 8 d behind v1.6.0"

static void
test_max_lag(void **state)
{
	static const struct row rows[] = {
		{ "1.4.0", NULL, BY_COUNT, NULL, 0, { BAD, BEHIND_TWO, IS_COUNT, NULL } },
		{ "1.4.0", NULL, "max-lag: releases=2", NULL, 0,
		    { FINE, "1.4.0 runs, tag v1.4.0", "max-lag 2 releases", NULL } },
		{ "1.4.0", NULL, BY_AGE, NULL, 0, { BAD, BEHIND_TWO, IS_AGE, NULL } },
		{ "1.4.0", NULL, "max-lag: age=8d", NULL, 0,
		    { FINE, "1.4.0 runs, tag v1.4.0", "max-lag 8d", NULL } },
		/* either limit breaches */
		{ "1.4.0", NULL, "max-lag: releases=5 age=6d", NULL, 0,
		    { BAD, BEHIND_TWO, "max-lag 5 releases or 6d", NULL } },
		{ "1.4.0", NULL, "max-lag: releases=1 age=30d", NULL, 0,
		    { BAD, BEHIND_TWO, "max-lag 1 releases or 30d", NULL } },
		{ "1.4.0", NULL, NULL, BY_COUNT, 0,
		    { RA_WARNING, RA_R_VERSION_BEHIND, BEHIND_TWO, IS_COUNT, NULL } },
		{ "1.4.0", NULL, "version: 1.4.0\ncommit: " COMMIT, BY_COUNT, 0,
		    { RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "no commit was read", "commit " COMMIT,
			NULL } },
		{ "1.4.0", NULL, "tagged: true\nmax-lag: releases=2 age=8d", NULL, 0,
		    { FINE, "tag v1.4.0", "tagged, max-lag 2 releases or 8d", NULL } },
		/* the newest is none behind, however old it is */
		{ "1.4.0", NULL, BY_AGE, NULL, BUT_NEWEST, { FINE, "tag v1.4.0", IS_AGE, NULL } },
		{ "1.4.0", NULL, BY_AGE, NULL, BUT_NEWEST | BUT_NO_TAG_DATE,
		    { FINE, "tag v1.4.0", IS_AGE, NULL } },
		/* what is not known */
		{ "1.4.0", NULL, BY_AGE, NULL, BUT_NO_TAG_DATE,
		    { UNORDERED, "1.4.0 runs, how old its tag is is not known", IS_AGE, NULL } },
		{ "1.4.0", NULL, BY_AGE, NULL, BUT_NO_LATEST_DATE,
		    { UNORDERED, "how old its tag is is not known", IS_AGE, NULL } },
		{ "1.4.0", NULL, BY_AGE, NULL, BUT_NO_TAG | BUT_NEWEST,
		    { UNORDERED, "how old its tag is is not known", IS_AGE, NULL } },
		{ "1.4.0", NULL, BY_AGE, NULL, BUT_MISSING,
		    { RA_UNKNOWN, RA_R_TAG_MISSING,
			"how old its tag is is not known: in its own words", IS_AGE, NULL } },
		{ "1.4.0", NULL, BY_COUNT, NULL, BUT_UNORDERED,
		    { UNORDERED, "1.4.0 runs, how far it is behind is not known", IS_COUNT,
			NULL } },
		{ "1.4.0", NULL, BY_COUNT, NULL, BUT_UNORDERED | BUT_MISSING | BUT_WORDLESS,
		    { RA_UNKNOWN, RA_R_TAG_MISSING, "how far it is behind is not known", IS_COUNT,
			NULL } },
		/* how it is told */
		{ "1.4.0", NULL, BY_COUNT, NULL, BUT_NO_TAG_DATE,
		    { BAD, "1.4.0 runs, 2 releases behind v1.6.0", IS_COUNT, NULL } },
		{ "1.4.0", NULL, BY_COUNT, NULL, BUT_LATEST_IS_OLDER,
		    { BAD, "1.4.0 runs, 2 releases behind v1.6.0", IS_COUNT, NULL } },
		{ "1.4.0", NULL, BY_COUNT, NULL, BUT_NO_LATEST | BUT_NO_TAG_DATE,
		    { BAD, "1.4.0 runs, 2 releases behind the newest", IS_COUNT, NULL } },
		{ "1.4.0", NULL, BY_COUNT, NULL, BUT_STALE,
		    { BAD, BEHIND_TWO ", as of 7 min ago (", IS_COUNT, NULL } },
		{ "1.4.0", NULL, "max-lag: releases=2", NULL, BUT_NEVER_FETCHED,
		    { FINE, "1.4.0 runs, tag v1.4.0", "max-lag 2 releases", NULL } },
		{ NULL, "abc1234", BY_COUNT, NULL, 0,
		    { BAD, "commit abc1234 runs, 2 releases", IS_COUNT, NULL } },
	};

	(void)state;
	check(rows, RA_ARRAY_SIZE(rows));
}

static void
test_away(void **state)
{
#define AWAY RA_UNKNOWN, RA_R_REPO_TIMEOUT
	static const struct row rows[] = {
		{ "1.4.0", NULL, "latest-tag: true", NULL, BUT_AWAY,
		    { AWAY, "1.4.0 runs, its tag is not known: in its own words", "latest-tag",
			NULL } },
		{ "1.4.0", NULL, BY_AGE, NULL, BUT_AWAY,
		    { AWAY, "its tag is not known: in its own words", IS_AGE, NULL } },
		{ "1.4.0", NULL, "tagged: true", NULL, BUT_AWAY | BUT_WORDLESS,
		    { AWAY, "its tag is not known: ", "tagged", NULL } },
		{ "1.4.0", NULL, "version: 1.5.0", "tagged: true", BUT_AWAY,
		    { RA_CRITICAL, RA_R_VERSION_DIFFERS, "1.4.0 runs, expected 1.5.0",
			"version 1.5.0", NULL } },
	};
	struct ra_data data = { .shape = RA_SHAPE_FIELDS };
	struct given g = { .expect = "version: 1.5.0", .warn = "tagged: true", .data = &data };

	(void)state;
	check(rows, RA_ARRAY_SIZE(rows));
	/* nobody was asked, which is no worse than what is wrong already */
	ra_data_add_field(&data, "version", "1.4.0", 5);
	check_result(0, judged(&ra_kind_version, &g),
	    &(struct wanted){ RA_CRITICAL, RA_R_VERSION_DIFFERS, "1.4.0 runs, expected 1.5.0",
		"version 1.5.0", NULL });
}

static void
test_tags(void **state)
{
	static const struct row rows[] = {
		{ "1.4.0", "aaaaaaa", "tagged: true", NULL, BUT_AHEAD,
		    { RA_CRITICAL, RA_R_COMMIT_DIFFERS, "is at 8f4c1b2e9d0a: 3 commits ahead",
			"tagged", NULL } },
		{ "1.4.0", "aaaaaaa", "tagged: true", NULL, BUT_BEHIND,
		    { RA_CRITICAL, RA_R_COMMIT_DIFFERS, "is at 8f4c1b2e9d0a: 1 commit behind",
			"tagged", NULL } },
		{ "1.4.0", NULL, "tagged: true", NULL, BUT_MISSING | BUT_WORDLESS,
		    { RA_CRITICAL, RA_R_TAG_MISSING, "1.4.0 runs, but ", "tagged", NULL } },
		{ "1.4.0", NULL, "tagged: true", NULL, BUT_MISSING | BUT_NEAREST | BUT_AHEAD,
		    { RA_CRITICAL, RA_R_TAG_MISSING, "but in its own words, 3 commits after v1.3.0",
			"tagged", NULL } },
		/* digits that are too few to be told from others */
		{ "1.4.0", "8f4c", "tagged: true", NULL, 0,
		    { RA_UNKNOWN, RA_R_COMMIT_AMBIGUOUS,
			"1.4.0 runs at commit 8f4c, whose 4 digits do not tell it from others",
			"tagged", NULL } },
		{ "1.4.0", "8F4", "tagged: true", NULL, BUT_LOST,
		    { RA_UNKNOWN, RA_R_COMMIT_AMBIGUOUS, "whose 3 digits", "tagged", NULL } },
		{ "1.4.0", "8f4c", "version: 1.5.0", "tagged: true", 0,
		    { RA_CRITICAL, RA_R_VERSION_DIFFERS, "expected 1.5.0", "version 1.5.0",
			NULL } },
		{ "1.4.0", "aaaa", "tagged: true", NULL, BUT_AHEAD,
		    { RA_CRITICAL, RA_R_COMMIT_DIFFERS, "is at 8f4c1b2e9d0a", "tagged", NULL } },
		{ "1.4.0", "8f4c", "tagged: true", NULL, BUT_MISSING,
		    { RA_CRITICAL, RA_R_TAG_MISSING, "but in its own words", "tagged", NULL } },
		{ NULL, "abc1234", NULL, NULL, BUT_UNTAGGED | BUT_NEAREST | BUT_AHEAD,
		    { FINE, "runs, which has no tag, 3 commits after v1.3.0", NULL, NULL } },
		{ "1.4.0", NULL, "tagged: true", NULL,
		    BUT_MISSING | BUT_NO_ERROR | BUT_NEAREST | BUT_UNCOUNTED,
		    { RA_CRITICAL, RA_R_TAG_MISSING, "1.4.0 runs, but ", "tagged", NULL } },
		/* the newest, whose commit is known or not */
		{ "1.4.0", NULL, "latest-tag: true", NULL, BUT_NEWEST | BUT_MISSING,
		    { RA_CRITICAL, RA_R_TAG_MISSING, "1.4.0 runs, but in its own words",
			"latest-tag", NULL } },
		{ "1.4.0", "abc1234", "latest-tag: true", NULL, BUT_NEWEST | BUT_UNKNOWN | BUT_LOST,
		    { RA_CRITICAL, RA_R_COMMIT_UNKNOWN, "1.4.0 runs, but in its own words",
			"latest-tag", NULL } },
		/* how far its commit is from the tag's could not be counted, and is not asked */
		{ "1.4.0", "abc1234", "latest-tag: true", NULL, BUT_NEWEST | BUT_UNKNOWN,
		    { FINE, "1.4.0 runs, tag v1.4.0", "latest-tag", NULL } },
	};

	(void)state;
	check(rows, RA_ARRAY_SIZE(rows));
}

/* The newest by its version, and not what its tag has. */
static void
test_not_the_tag(void **state)
{
#define LATEST	   "latest-tag: true"
#define NO_COMMIT  RA_CRITICAL, RA_R_TAG_NO_COMMIT, "1.4.0 runs, but in its own words"
#define OTHER	   RA_R_COMMIT_DIFFERS, "at commit aaaaaaa, but tag v1.4.0 is at 8f4c1b2e9d0a"
#define UNREADABLE RA_UNKNOWN, RA_R_VERSION_UNREADABLE
	static const struct row rows[] = {
		{ "1.4.0", NULL, LATEST, NULL, BUT_NEWEST | BUT_NO_COMMIT,
		    { NO_COMMIT, "latest-tag", NULL } },
		{ "1.4.0", NULL, BY_COUNT, NULL, BUT_NEWEST | BUT_NO_COMMIT,
		    { NO_COMMIT, IS_COUNT, NULL } },
		{ "1.4.0", "aaaaaaa", LATEST, NULL, BUT_NEWEST | BUT_BEHIND,
		    { RA_CRITICAL, OTHER ": 1 commit behind", "latest-tag", NULL } },
		{ "1.4.0", "aaaaaaa", NULL, LATEST, BUT_NEWEST | BUT_AHEAD,
		    { RA_WARNING, OTHER, "latest-tag", NULL } },
		{ "1.4.0-0-gaaaaaaa", NULL, LATEST, NULL, BUT_NEWEST | BUT_AHEAD,
		    { RA_CRITICAL, RA_R_COMMIT_DIFFERS, "at commit aaaaaaaaaaaa, but tag v1.4.0",
			"latest-tag", NULL } },
		{ "1.4.0", COMMIT, LATEST, NULL, BUT_NEWEST, { FINE, "", "latest-tag", NULL } },
		{ "1.4.0", "aaaaaaa", BY_COUNT, NULL, BUT_NEWEST | BUT_BEHIND,
		    { RA_UNKNOWN, RA_R_COMMIT_DIFFERS, "how far its commit is behind is not known",
			IS_COUNT, NULL } },
		{ "1.4.0", "aaaaaaa", BY_COUNT, NULL, BUT_NEWEST | BUT_AHEAD,
		    { FINE, "", IS_COUNT, NULL } },
		{ "1.4.0", "main", "tagged: true", NULL, BUT_UNREADABLE,
		    { UNREADABLE, "1.4.0 runs, but in its own words", "tagged", NULL } },
		{ "1.4.0", "main", LATEST, NULL, BUT_NEWEST | BUT_UNREADABLE,
		    { UNREADABLE, "1.4.0 runs, but in its own words", "latest-tag", NULL } },
		{ "1.4.0", "main", BY_COUNT, NULL, BUT_NEWEST | BUT_UNREADABLE,
		    { UNREADABLE, "not known: in its own words", IS_COUNT, NULL } },
		{ "1.4.0", "main", NULL, NULL, BUT_UNREADABLE, { FINE, "1.4.0 runs", NULL, NULL } },
	};

	(void)state;
	check(rows, RA_ARRAY_SIZE(rows));
}

static void
test_too_few_digits(void **state)
{
	struct ra_git_answer git = answer(BUT_NOTHING);
	struct ra_data data = { .shape = RA_SHAPE_FIELDS };
	struct given g = { .expect = "tagged: true", .data = &data, .git = &git };
	struct ra_result *r;

	(void)state;
	ra_data_add_field(&data, "version", "1.4.0", 5);
	ra_data_add_field(&data, "commit", "8f4c", 4);
	r = judged(&ra_kind_version, &g);
	assert_string_equal(
	    ra_result_next_step(r), "let the service report the whole commit, or 7 digits of it");
	ra_result_unref(r);
}

static void
test_lag_refused(void **state)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place;

	(void)state;
	options_bind(arena, &ra_kind_version.expectation, "max-lag: ", &place);
	assert_string_equal(place.text, "max-lag: write `releases:`, `age:` or both");
	ra_arena_free(arena);
}

/* --- questions --- */

static const struct ra_check_peer peers[] = {
	{ .option = "same-as" },
	{ .option = "not-ahead-of" },
	{ .option = "not-ahead-of", .warn = true },
};

/* The nth thing that is asked of what runs here beside those; warn: under the third word. */
static bool
ask(const char *expect, const char *warn, const char *version, const char *commit, size_t nth,
    const struct ra_gathered *others, size_t count, struct ra_git_question *ret)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_gathered inputs[8] = { 0 };
	struct ra_data data = { .shape = RA_SHAPE_FIELDS };
	struct ra_conf_place place;
	struct ra_judge_call call = { .inputs = inputs,
		.input_count = count + 1,
		.service = "api",
		.expect = options_bind(arena, &ra_kind_version.expectation, expect, &place) };
	bool asks;

	if (warn != NULL)
		call.warn = options_bind(arena, &ra_kind_version.expectation, warn, &place);
	inputs[0].data = &data;
	for (size_t i = 0; i < count; i++)
		inputs[i + 1] = others[i];
	if (version != NULL)
		ra_data_add_field(&data, "version", version, strlen(version));
	if (commit != NULL)
		ra_data_add_field(&data, "commit", commit, strlen(commit));
	*ret = (struct ra_git_question){ 0 };
	asks = ra_kind_version.ask(&call, nth, ret);
	ra_data_free(&data);
	ra_arena_free(arena);
	return asks;
}

static void
test_what_runs_is_asked(void **state)
{
	struct ra_git_question q;

	(void)state;
	assert_true(ask(NULL, NULL, "1.5.0", "abc1234", 0, NULL, 0, &q));
	assert_int_equal(q.want, RA_GIT_IDENTIFY);
	assert_false(q.fresh);
	assert_string_equal(q.version, "1.5.0");
	assert_string_equal(q.commit, "abc1234");
	assert_false(ask(NULL, NULL, "1.5.0", NULL, 1, NULL, 0, &q));
	assert_true(ask("tagged: true", NULL, NULL, "abc1234", 0, NULL, 0, &q));
	assert_true(q.fresh && q.version[0] == '\0');
	assert_true(ask(NULL, "latest-tag: true", "1.5.0", NULL, 0, NULL, 0, &q));
	assert_true(q.fresh && q.commit[0] == '\0');
	assert_true(ask(NULL, "version: 1.5.0", "1.5.0", NULL, 0, NULL, 0, &q));
	assert_false(q.fresh);
	/* of what was not read nothing is asked */
	assert_false(ask(NULL, NULL, NULL, NULL, 0, NULL, 0, &q));
	assert_false(ask(NULL, NULL, "", NULL, 0, NULL, 0, &q));
}

static void
test_order_is_asked(void **state)
{
	const struct ra_fact_def *defs = ra_kind_version.facts;
	struct ra_check api = { .service = "api" }, web = { .service = "web" };
	struct ra_facts build = { 0 }, semver = { 0 }, commit = { 0 }, none = { 0 };
	struct ra_check_peer own[3], strange;
	struct ra_gathered others[6];
	struct ra_git_question q;

	(void)state;
	ra_facts_set_text(&build, defs, "version", "b-1");
	ra_facts_set_text(&semver, defs, "version", "1.4.0");
	ra_facts_set_text(&commit, defs, "commit", "abd1234");
	for (size_t i = 0; i < 3; i++) {
		own[i] = peers[i];
		own[i].check = &api;
	}
	strange = own[1];
	strange.check = &web;
	for (size_t i = 0; i < 6; i++)
		others[i] = (struct ra_gathered){
			.need = { .what = RA_NEED_PEER }, .peer = &own[1], .facts = &build
		};
	others[0].peer = &own[0]; /* same-as needs no order */
	others[1].reason = RA_R_PEER_UNREAD;
	others[2].facts = NULL;
	others[3].peer = &strange;
	others[4].facts = &none;
	assert_true(ask(NULL, NULL, "b-2", NULL, 1, others, 6, &q));
	assert_int_equal(q.want, RA_GIT_COMPARE);
	assert_true(q.fresh && !q.warn);
	assert_string_equal(q.other_version, "b-1");
	assert_string_equal(q.other_commit, "");
	assert_false(ask(NULL, NULL, "b-2", NULL, 2, others, 6, &q));
	others[4].facts = &commit;
	others[4].peer = &own[2];
	assert_true(ask(NULL, NULL, NULL, "abc1234", 1, others, 6, &q));
	assert_true(q.warn);
	assert_string_equal(q.other_version, "");
	assert_string_equal(q.other_commit, "abd1234");
	assert_true(ask(NULL, NULL, NULL, "abc1234", 2, others, 6, &q));
	assert_string_equal(q.other_version, "b-1");
	/* what has an order of its own is not asked for */
	others[4].facts = others[5].facts = &semver;
	assert_false(ask(NULL, NULL, "1.5.0", NULL, 1, others, 6, &q));
	assert_true(ask(NULL, NULL, "b-2", NULL, 1, others, 6, &q));
	ra_facts_free(&build);
	ra_facts_free(&semver);
	ra_facts_free(&commit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max_lag),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_not_the_tag),
		cmocka_unit_test(test_too_few_digits),
		cmocka_unit_test(test_lag_refused),
		cmocka_unit_test(test_what_runs_is_asked),
		cmocka_unit_test(test_order_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
