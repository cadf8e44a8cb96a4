/* SPDX-License-Identifier: Apache-2.0 */
/* Versions held against others: by order, by those of other environments, by time of a rollout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/kind/version.h"

#include "kinds.h"

#define UNSET RA_UNSET

static void
test_order(void **state)
{
	static const struct {
		struct ra_version_place a, b;
		bool known;
		int order;
		int64_t ahead; /* UNSET: not known */
	} rows[] = {
		{ { "1.2.0", 0, NULL }, { "1.0.0", 2, NULL }, true, 1, 2 },
		{ { "1.0.0", 2, NULL }, { "1.2.0", 0, NULL }, true, -1, -2 },
		{ { "1.2.0", UNSET, NULL }, { "1.10.0", 3, NULL }, true, -1, UNSET },
		{ { "v1.2.0", 1, NULL }, { "1.2.0", 1, NULL }, true, 0, 0 },
		{ { "nightly", UNSET, NULL }, { "nightly", UNSET, NULL }, true, 0, 0 },
		/* what differs in its build alone may be of an older or a newer commit */
		{ { "1.2.0+a", 1, NULL }, { "1.2.0+b", 1, NULL }, false, 0, UNSET },
		{ { "1.2.0+a", 1, "abc1234" }, { "1.2.0+b", 1, "abc1235" }, false, 0, UNSET },
		{ { "1.2.0+a", 1, "abc1234" }, { "1.2.0+b", 1, "abc12345" }, true, 0, 0 },
		{ { "1.2.0+a-1-g6e32c77", 1, NULL }, { "1.2.0+b", 1, NULL }, false, 0, UNSET },
		{ { "1.0.0-0-gabcdef1", 1, NULL }, { "1.0.0-0-g1234567", 1, NULL }, false, 0,
		    UNSET },
		{ { "1.0.0-0-gabcdef1", 1, NULL }, { "1.0.0-0-gabcdef12", 1, NULL }, true, 0, 0 },
		{ { "1.0.0-0-gabcdef1", 1, "abc1234" }, { "1.0.0", 1, "abc1235" }, false, 0,
		    UNSET },
		/* what is no commit says nothing */
		{ { "1.2.0", 0, "main" }, { "1.2.0", 0, "main" }, false, 0, UNSET },
		{ { "1.2.0", 0, "abc1234-dirty" }, { "1.2.0", 0, "abc1234-dirty" }, false, 0,
		    UNSET },
		/* not of one release, and newer all the same */
		{ { "1.2.1", 0, NULL }, { "1.2.0", 0, NULL }, true, 1, 0 },
		/* counted with pre-releases and without */
		{ { "1.2.0-rc.1", 5, NULL }, { "1.1.0", 1, NULL }, true, 1, UNSET },
		{ { "1.2.0-rc.2", 0, NULL }, { "1.2.0-rc.1", 1, NULL }, true, 1, 1 },
		/* counted before and after a release was tagged */
		{ { "1.2.0", 3, NULL }, { "1.1.0", 1, NULL }, true, 1, UNSET },
		/* no semantic versions: only the repository knows */
		{ { "build-17", 0, NULL }, { "build-9", 3, NULL }, true, 1, 3 },
		{ { "build-17", 4, NULL }, { "build-9", 3, NULL }, true, -1, -1 },
		{ { "build-17", UNSET, NULL }, { "build-9", 3, NULL }, false, 0, UNSET },
		{ { "build-17", 0, NULL }, { "build-9", 0, NULL }, false, 0, UNSET },
		{ { "build-17", 0, NULL }, { "1.0.0", 1, NULL }, false, 0, UNSET },
		{ { "1.0.0", 1, NULL }, { "build-17", 0, NULL }, false, 0, UNSET },
		{ { "build-17", 0, NULL }, { "build-9", UNSET, NULL }, false, 0, UNSET },
		/* what git describe says is beyond its release, and no pre-release of it */
		{ { "1.2.0-1-g6e32c77", 0, NULL }, { "1.2.0", 0, NULL }, true, 1, UNSET },
		{ { "1.2.0", 0, NULL }, { "v1.2.0-1-g6e32c77", 0, NULL }, true, -1, UNSET },
		{ { "api/v1.2.0-12-g6e32c77-dirty", 0, NULL }, { "v1.2.0", 0, NULL }, true, 1,
		    UNSET },
		{ { "release-1.2.0-1-g6e32c77", 0, NULL }, { "1.2.0", 0, NULL }, true, 1, UNSET },
		{ { "1.2.0-9-g6e32c77", UNSET, NULL }, { "1.10.0", 0, NULL }, true, -1, UNSET },
		{ { "1.2.0-1-g6e32c77", 3, NULL }, { "1.1.0-7-g6e32c77", 4, NULL }, true, 1, 1 },
		{ { "1.2.0-1-g6e32c77", 0, NULL }, { "v1.2.0-1-g6e32c771", 0, NULL }, true, 0, 0 },
		{ { "1.2.0-1-g6e32c77", 0, NULL }, { "1.2.0-2-g6e32c78", 3, NULL }, false, 0,
		    UNSET },
		{ { "1.2.0-0-g6e32c77", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, 0, UNSET },
		{ { "build-17-2-g6e32c77", UNSET, NULL }, { "build-17", UNSET, NULL }, true, 1,
		    UNSET },
		{ { "build-17-2-g6e32c77", UNSET, NULL }, { "build-18", UNSET, NULL }, false, 0,
		    UNSET },
		{ { "1.2.0-rc.1-2-g6e32c77", UNSET, NULL }, { "1.2.0-rc.1", UNSET, NULL }, true, 1,
		    UNSET },
		/* what only looks like it */
		{ { "1.2.0-1-g6e3", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, -1, UNSET },
		{ { "1.2.0-1-x6e32c77", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, -1, UNSET },
		{ { "1.2.0-1.g6e32c77", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, -1, UNSET },
		{ { "1.2.0-a-g6e32c77", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, -1, UNSET },
		{ { "1.2.0-a1-g6e32c77", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, -1, UNSET },
		{ { "1-g6e32c77", UNSET, NULL }, { "1.2.0", UNSET, NULL }, false, 0, UNSET },
		{ { "-1-g6e32c77", UNSET, NULL }, { "1.2.0", UNSET, NULL }, false, 0, UNSET },
		{ { "g6e32c77", UNSET, NULL }, { "6e32c77", UNSET, NULL }, false, 0, UNSET },
		{ { "1.2.0-undirty", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, -1, UNSET },
		{ { "-dirty", UNSET, NULL }, { "1.2.0", UNSET, NULL }, false, 0, UNSET },
		/* built with changes: it has what its release has not */
		{ { "1.2.0-dirty", UNSET, NULL }, { "1.2.0", UNSET, NULL }, false, 0, UNSET },
		{ { "1.2.0", UNSET, NULL }, { "1.2.0-dirty", UNSET, NULL }, true, -1, UNSET },
		{ { "1.2.0+dirty", UNSET, NULL }, { "1.2.0-1-g6e32c77", UNSET, NULL }, false, 0,
		    UNSET },
		{ { "1.1.0-dirty", UNSET, NULL }, { "1.2.0", UNSET, NULL }, true, -1, UNSET },
		{ { "1.2.0", UNSET, NULL }, { "1.1.0-dirty", UNSET, NULL }, true, 1, UNSET },
		{ { "1.2.0-1-g6e32c77", UNSET, NULL }, { "1.2.0-1-g6e32c77-dirty", UNSET, NULL },
		    true, -1, UNSET },
		{ { "nightly-dirty", UNSET, NULL }, { "nightly", UNSET, NULL }, false, 0, UNSET },
		/* the same version of two commits */
		{ { "1.2.0", 0, "abc1234" }, { "1.2.0", 0, "abc1235" }, false, 0, UNSET },
		{ { "1.2.0", 0, "abc1234" }, { "1.2.0", 0, "ABC12345" }, true, 0, 0 },
		{ { "1.2.0", 0, "abc1234" }, { "1.2.0", 0, NULL }, true, 0, 0 },
		{ { "1.2.0", 0, NULL }, { "1.2.0", 0, "abc1234" }, true, 0, 0 },
		{ { NULL, 0, NULL }, { "1.0.0", 1, NULL }, false, 0, UNSET },
		{ { "1.0.0", 1, NULL }, { NULL, UNSET, NULL }, false, 0, UNSET },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_version_order o;
		int64_t ahead;

		ra_version_compare(&rows[i].a, &rows[i].b, &o);
		ahead = o.releases_known ? o.ahead_releases : UNSET;
		if (o.known != rows[i].known || o.order != rows[i].order || ahead != rows[i].ahead)
			fail_msg("row %zu: %d %d %lld", i, o.known, o.order, (long long)ahead);
	}
}

/* --- peers --- */

extern const struct ra_kind ra_kind_version;

struct side {
	const char *version, *commit; /* NULL: not reported */
	int64_t behind; /* releases; -1: not known */
};

struct peer_row {
	const char *expect, *warn;
	struct side here, there;
	const struct ra_git_answer *order; /* NULL: nobody was asked */
	bool elsewhere; /* it is another service */
	enum ra_reason unread; /* of the other */
	struct wanted wanted;
};

static void
fill_facts(const struct side *side, struct ra_facts *f)
{
	const struct ra_fact_def *defs = ra_kind_version.facts;

	if (side->version != NULL)
		ra_facts_set_text(f, defs, "version", side->version);
	if (side->commit != NULL)
		ra_facts_set_text(f, defs, "commit", side->commit);
	if (side->behind >= 0)
		ra_facts_set_number(f, defs, "behind_releases", side->behind);
}

/* What is not as it mostly is. */
struct tweak {
	const char *also; /* the words under `expect` where the peer is of `warn` */
	bool differ; /* the other's instances do */
	bool wordless; /* that it was not read has no words */
	bool no_facts; /* nor has it any facts */
	bool no_service, no_other_service;
	bool no_repository;
	bool order_of_other; /* what was asked is of the other words */
	const char *own_error; /* with that */
	enum ra_reason own; /* of what the repository says of what runs here */
};

/* As the engine brings it: the other's facts, and what the repository was asked. */
static struct ra_result *
judge_tweaked(const struct peer_row *row, const struct tweak *t)
{
	const char *words = row->expect != NULL ? row->expect : row->warn;
	struct ra_check check = { .id = "staging/version-api",
		.service = t->no_other_service ? NULL
			   : row->elsewhere    ? "web"
					       : "api" };
	struct ra_check_peer peer = { .option = *words == 's' ? "same-as" : "not-ahead-of",
		.warn = row->expect == NULL,
		.check = &check };
	struct ra_gathered other = { .need = { .what = RA_NEED_PEER },
		.reason = row->unread,
		.error = row->unread != RA_R_OK && !t->wordless ? "no answer" : NULL,
		.peer = &peer };
	struct ra_git_answer answers[2] = { { .reason = t->own,
	    .error = (char *)(uintptr_t)t->own_error,
	    .behind_releases = row->here.behind } };
	struct ra_data data = { .shape = RA_SHAPE_FIELDS };
	struct given g = { .expect = row->expect != NULL ? row->expect : t->also,
		.warn = row->warn,
		.data = &data,
		.git = t->no_repository ? NULL : answers,
		.git_count = row->order != NULL ? 2 : 1,
		.peers = &other,
		.peer_count = 1,
		.service = t->no_service ? NULL : "api" };
	struct ra_facts facts = { 0 };
	struct ra_result *r;

	fill_facts(&row->there, &facts);
	if (t->differ)
		ra_facts_set_number(&facts, ra_kind_version.facts, RA_DIFFER_SINCE, NOW);
	other.facts = row->unread == RA_R_OK && !t->no_facts ? &facts : NULL;
	if (row->order != NULL) {
		answers[1] = *row->order;
		answers[1].warn = t->order_of_other ? !peer.warn : peer.warn;
	}
	if (row->here.version != NULL)
		ra_data_add_field(&data, "version", row->here.version, strlen(row->here.version));
	if (row->here.commit != NULL)
		ra_data_add_field(&data, "commit", row->here.commit, strlen(row->here.commit));
	r = judged(&ra_kind_version, &g);
	ra_facts_free(&facts);
	return r;
}

static struct ra_result *
judge_peer(const struct peer_row *row)
{
	static const struct tweak none;

	return judge_tweaked(row, &none);
}

#define SAME	 "same-as: staging"
#define AHEAD	 "not-ahead-of: staging"
#define IS_SAME	 "same-as staging"
#define IS_AHEAD "not-ahead-of staging"
#define BAD	 RA_CRITICAL

static void
test_same_as(void **state)
{
	static const struct peer_row rows[] = {
		{ SAME, NULL, { "1.5.0", NULL, -1 }, { "1.5.0", NULL, -1 }, NULL, false, RA_R_OK,
		    { RA_OK, RA_R_OK, "1.5.0 runs", IS_SAME, NULL } },
		{ SAME, NULL, { "1.5.0", NULL, -1 }, { "v1.5.0", NULL, -1 }, NULL, false, RA_R_OK,
		    { RA_OK, RA_R_OK, "1.5.0 runs", IS_SAME, NULL } },
		{ SAME, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		    { BAD, RA_R_VERSION_DIFFERS,
			"1.5.0 runs, but 1.3.0 in staging: 2 releases ahead", IS_SAME, NULL } },
		{ SAME, NULL, { "1.3.0", NULL, 1 }, { "1.5.0", NULL, 0 }, NULL, false, RA_R_OK,
		    { BAD, RA_R_VERSION_DIFFERS, "1.5.0 in staging: 1 release behind", IS_SAME,
			NULL } },
		/* of another service the releases are not comparable */
		{ SAME, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, true, RA_R_OK,
		    { BAD, RA_R_VERSION_DIFFERS, "1.5.0 runs, but 1.3.0 in staging", IS_SAME,
			NULL } },
		{ NULL, SAME, { "1.5.0", NULL, -1 }, { "1.3.0", NULL, -1 }, NULL, false, RA_R_OK,
		    { RA_WARNING, RA_R_VERSION_DIFFERS, "but 1.3.0 in staging", IS_SAME, NULL } },
		/* what differs in its build is another version */
		{ SAME, NULL, { "1.5.0+a", NULL, -1 }, { "1.5.0+b", NULL, -1 }, NULL, false,
		    RA_R_OK,
		    { BAD, RA_R_VERSION_DIFFERS, "but 1.5.0+b in staging", IS_SAME, NULL } },
		/* commits, where both report one */
		{ SAME, NULL, { "1.5.0", "abc1234", -1 }, { "1.5.0", "ABC12345", -1 }, NULL, false,
		    RA_R_OK, { RA_OK, RA_R_OK, "1.5.0 runs", IS_SAME, NULL } },
		{ SAME, NULL, { "1.5.0", "abc1234", -1 }, { "1.5.0", NULL, -1 }, NULL, false,
		    RA_R_OK, { RA_OK, RA_R_OK, "1.5.0 runs", IS_SAME, NULL } },
		{ SAME, NULL, { "1.5.0", "abc1234", -1 }, { "1.5.0", "abc1235", -1 }, NULL, false,
		    RA_R_OK,
		    { BAD, RA_R_COMMIT_DIFFERS,
			"1.5.0 runs at commit abc1234, but commit abc1235 in staging", IS_SAME,
			NULL } },
		{ SAME, NULL, { "1.5.0", "abc1234-dirty", -1 }, { "1.5.0", "abc1234", -1 }, NULL,
		    false, RA_R_OK,
		    { BAD, RA_R_COMMIT_DIFFERS, "but commit abc1234 in staging", IS_SAME, NULL } },
		{ SAME, NULL, { NULL, "abc1234", -1 }, { NULL, "abc1234", -1 }, NULL, false,
		    RA_R_OK, { RA_OK, RA_R_OK, "commit abc1234 runs", IS_SAME, NULL } },
		/* not comparable, not known */
		{ SAME, NULL, { "1.5.0", NULL, -1 }, { NULL, "abc1234", -1 }, NULL, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "commit abc1234 runs in staging",
			IS_SAME, NULL } },
		{ SAME, NULL, { "1.5.0", NULL, -1 }, { NULL, NULL, 0 }, NULL, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_PEER_UNREAD, "the version of staging is not known", IS_SAME,
			NULL } },
		{ SAME, NULL, { "1.5.0", NULL, -1 }, { NULL, NULL, -1 }, NULL, false,
		    RA_R_PEER_UNREAD,
		    { RA_UNKNOWN, RA_R_PEER_UNREAD,
			"1.5.0 runs, but the version of staging is not known: no answer", IS_SAME,
			NULL } },
		{ NULL, SAME, { "1.5.0", NULL, -1 }, { NULL, NULL, -1 }, NULL, false,
		    RA_R_PEER_UNREAD,
		    { RA_UNKNOWN, RA_R_PEER_UNREAD, "no answer", IS_SAME, NULL } },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_result(i, judge_peer(&rows[i]), &rows[i].wanted);
}

static void
test_not_ahead_of(void **state)
{
	static const struct ra_git_answer older = {
		.ordered = true, .order = -1, .behind = 2, .lag_known = true, .lag_releases = 1
	};
	static const struct ra_git_answer newer = {
		.ordered = true, .order = 1, .ahead = 4, .lag_known = true, .lag_releases = -3
	};
	static const struct ra_git_answer commits = { .ordered = true, .order = 1, .ahead = 1 };
	static const struct ra_git_answer diverged = {
		.ordered = true, .order = 1, .ahead = 3, .behind = 2
	};
	static const struct ra_git_answer dirty = { .ordered = true, .dirty = true };
	static const struct ra_git_answer unordered = { .behind = -1, .ahead = -1 };
	static const struct ra_git_answer missing = { .reason = RA_R_TAG_MISSING,
		.error = (char *)"the repository has no tag b-2" };
	static const struct ra_git_answer away = { .reason = RA_R_REPO_DNS,
		.error = (char *)"no such host" };
	static const struct peer_row rows[] = {
		{ AHEAD, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD, "1.5.0 runs, 2 releases ahead of staging (1.3.0)",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "v1.5.0", NULL, -1 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD, "v1.5.0 runs, ahead of staging (1.3.0)", IS_AHEAD,
			NULL } },
		{ NULL, AHEAD, { "1.5.0", NULL, -1 }, { "1.5.0-rc.1", NULL, -1 }, NULL, false,
		    RA_R_OK,
		    { RA_WARNING, RA_R_VERSION_AHEAD, "ahead of staging", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.5.0", NULL, -1 }, { "1.10.0", NULL, -1 }, NULL, false, RA_R_OK,
		    { RA_OK, RA_R_OK, "1.5.0 runs", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.5.0+b", "abc1234", -1 }, { "1.5.0+a", "abc1235", -1 }, NULL,
		    false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "newer than 1.5.0+a of staging", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { "1.5.0+b", "abc1234", -1 }, { "1.5.0+a", "abc1235", -1 }, &commits,
		    false, RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD, "1 commit ahead of staging (1.5.0+a)", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { "1.5.0+b", "abc1234", -1 }, { "1.5.0+a", "abc1234", -1 }, NULL,
		    false, RA_R_OK, { RA_OK, RA_R_OK, "1.5.0+b runs", IS_AHEAD, NULL } },
		/* beside what is as bad it is told too; beside what is worse it is not */
		{ AHEAD "\nversion: 1.0.0", NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL,
		    false, RA_R_OK,
		    { BAD, RA_R_VERSION_DIFFERS,
			"1.5.0 runs, expected 1.0.0; also 2 releases ahead of staging (1.3.0)",
			"version 1.0.0", NULL } },
		{ SAME "\nversion: 1.0.0", NULL, { "1.5.0", NULL, -1 }, { "1.3.0", NULL, -1 }, NULL,
		    false, RA_R_OK,
		    { BAD, RA_R_VERSION_DIFFERS,
			"1.5.0 runs, expected 1.0.0; also 1.3.0 in staging", "version 1.0.0",
			NULL } },
		{ AHEAD "\nversion: 1.0.0", NULL, { "1.5.0", NULL, 0 }, { NULL, NULL, 2 }, NULL,
		    false, RA_R_PEER_UNREAD,
		    { BAD, RA_R_VERSION_DIFFERS, "1.5.0 runs, expected 1.0.0", "version 1.0.0",
			NULL } },
		{ SAME "\nversion: 1.0.0", NULL, { NULL, "abc1234", -1 }, { NULL, NULL, -1 }, NULL,
		    false, RA_R_PEER_UNREAD,
		    { RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "", "version 1.0.0", NULL } },
		/* equal ones need no order */
		{ AHEAD, NULL, { "b-2", NULL, -1 }, { "b-2", NULL, -1 }, NULL, false, RA_R_OK,
		    { RA_OK, RA_R_OK, "b-2 runs", IS_AHEAD, NULL } },
		/* by ancestry; counts alone would not tell a branch from the main line */
		{ AHEAD, NULL, { "b-1", NULL, 1 }, { "b-2", NULL, 0 }, &older, false, RA_R_OK,
		    { RA_OK, RA_R_OK, "b-1 runs", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "b-5", NULL, 0 }, { "b-2", NULL, 3 }, &newer, false, RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD, "b-5 runs, 3 releases ahead of staging (b-2)",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "b-5", "abc1234", 0 }, { "b-2", "abd1234", 3 }, &newer, false,
		    RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD, "3 releases ahead of staging (b-2)", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { NULL, "abc1234", 0 }, { NULL, "abd1234", 0 }, &commits, false,
		    RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD,
			"commit abc1234 runs, 1 commit ahead of staging (commit abd1234)", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &diverged, false, RA_R_OK,
		    { BAD, RA_R_VERSION_DIVERGED,
			"b-3 runs, which has diverged from b-2 of staging: 3 commits only here, 2 "
			"only "
			"there",
			IS_AHEAD, NULL } },
		/* the same version of another commit, and from the same release on */
		{ AHEAD, NULL, { "1.2.0", "abc1234", 0 }, { "1.2.0", "abd1234", 0 }, &commits,
		    false, RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD,
			"1.2.0 runs, 1 commit ahead of staging (1.2.0 at commit abd1234)", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { "1.2.0", "abc1234", 0 }, { "1.2.0", "abd1234", 0 }, &older, false,
		    RA_R_OK, { RA_OK, RA_R_OK, "1.2.0 runs", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.2.0", "abc1234", 0 }, { "1.2.0", "abd1234", 0 }, &diverged,
		    false, RA_R_OK,
		    { BAD, RA_R_VERSION_DIVERGED, "from 1.2.0 at commit abd1234 of staging",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.2.0", "abc1234", 0 }, { "1.2.0", "abd1234", 0 }, NULL, false,
		    RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED,
			"newer than 1.2.0 at commit abd1234 of staging is not known", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { "1.2.0", "abc1234", 0 }, { "1.2.0", "abd1234", 0 }, NULL, true,
		    RA_R_OK, { RA_OK, RA_R_OK, "1.2.0 runs", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.2.0-1-gabc1234", NULL, 0 }, { "1.2.0", NULL, 0 }, NULL, false,
		    RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD, "1.2.0-1-gabc1234 runs, ahead of staging (1.2.0)",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.2.0", NULL, 0 }, { "1.2.0-1-gabc1234", NULL, 0 }, NULL, false,
		    RA_R_OK, { RA_OK, RA_R_OK, "1.2.0 runs", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.2.0-2-gabc1234", NULL, 0 }, { "1.2.0-1-gabd1234", NULL, 0 },
		    &commits, false, RA_R_OK,
		    { BAD, RA_R_VERSION_AHEAD, "1 commit ahead of staging (1.2.0-1-gabd1234)",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.2.0-dirty", NULL, 0 }, { "1.2.0", NULL, 0 }, NULL, false,
		    RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "built with changes that no commit has",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.1.0", NULL, 0 }, { "1.1.0-dirty", NULL, 0 }, NULL, false,
		    RA_R_OK, { RA_OK, RA_R_OK, "1.1.0 runs", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { NULL, "abc1234-dirty", 0 }, { NULL, "abc1234", 0 }, &dirty, false,
		    RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "built with changes that no commit has",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &unordered, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED,
			"b-3 runs, and whether that is newer than b-2 of staging is not known",
			IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, -1 }, &missing, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "has no tag b-2", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &away, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_REPO_DNS, "is not known: no such host", IS_AHEAD, NULL } },
		{ NULL, AHEAD, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &away, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_REPO_DNS, "no such host", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "b-3", NULL, -1 }, { "b-2", NULL, -1 }, NULL, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "no repository was asked", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { "b-3", NULL, -1 }, { "b-2", NULL, -1 }, NULL, true, RA_R_OK,
		    { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "another service", IS_AHEAD, NULL } },
		{ AHEAD, NULL, { "1.5.0", NULL, -1 }, { NULL, NULL, 0 }, NULL, false, RA_R_OK,
		    { RA_UNKNOWN, RA_R_PEER_UNREAD, "the version of staging is not known", IS_AHEAD,
			NULL } },
		{ AHEAD, NULL, { "1.5.0", NULL, -1 }, { NULL, NULL, -1 }, NULL, false,
		    RA_R_PEER_UNREAD,
		    { RA_UNKNOWN, RA_R_PEER_UNREAD, "is not known: no answer", IS_AHEAD, NULL } },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_result(i, judge_peer(&rows[i]), &rows[i].wanted);
}

/* What the rows above do not tell: nothing worse is taken back, nothing is made up. */
static void
test_peers_otherwise(void **state)
{
	static const struct ra_git_answer odd = {
		.ordered = true, .order = 1, .ahead = 2, .lag_known = true, .lag_releases = 0
	};
	static const struct ra_git_answer unlagged = { .ordered = true, .order = 1, .ahead = 2 };
	static const struct ra_git_answer split = { .ahead = 2, .behind = 1 };
	static const struct ra_git_answer equal = { .ordered = true };
	static const struct ra_git_answer wordless = { .reason = RA_R_REPO_DNS };
	static const struct ra_git_answer empty = { .reason = RA_R_REPO_DNS, .error = (char *)"" };
	static const struct {
		struct peer_row row;
		struct tweak tweak;
	} rows[] = {
		/* worse words stand, finer ones are told */
		{ { NULL, SAME, { "1.5.0", NULL, -1 }, { "1.3.0", NULL, -1 }, NULL, false, RA_R_OK,
		      { BAD, RA_R_VERSION_DIFFERS, "expected 1.6.0", "version 1.6.0", NULL } },
		    { .also = "version: 1.6.0" } },
		{ { NULL, SAME, { "1.5.0", NULL, -1 }, { "1.5.0", NULL, -1 }, NULL, false, RA_R_OK,
		      { RA_OK, RA_R_OK, "1.5.0 runs", "version 1.5.0", NULL } },
		    { .also = "version: 1.5.0" } },
		{ { SAME "\nversion: 1.5.0", NULL, { "1.5.0", NULL, -1 }, { "1.5.0", NULL, -1 },
		      NULL, false, RA_R_OK,
		      { RA_OK, RA_R_OK, "1.5.0 runs", "version 1.5.0, " IS_SAME, NULL } },
		    { 0 } },
		/* not known */
		{ { SAME, NULL, { "1.5.0", NULL, -1 }, { NULL, NULL, -1 }, NULL, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_PEER_UNREAD, "is not known: its instances differ", IS_SAME,
			  NULL } },
		    { .differ = true } },
		{ { SAME, NULL, { "1.5.0", NULL, -1 }, { NULL, NULL, -1 }, NULL, false,
		      RA_R_PEER_UNREAD,
		      { RA_UNKNOWN, RA_R_PEER_UNREAD,
			  "the version of staging is not known: ", IS_SAME, NULL } },
		    { .wordless = true } },
		{ { SAME, NULL, { "1.5.0", NULL, -1 }, { NULL, NULL, -1 }, NULL, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_PEER_UNREAD, "reports none that could be compared",
			  IS_SAME, NULL } },
		    { .no_facts = true } },
		{ { SAME, NULL, { NULL, NULL, -1 }, { "1.5.0", NULL, -1 }, NULL, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "no version was read", NULL, NULL } },
		    { 0 } },
		{ { SAME, NULL, { NULL, "abc1234", -1 }, { "1.5.0", NULL, -1 }, NULL, false,
		      RA_R_OK,
		      { RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "1.5.0 runs in staging", IS_SAME,
			  NULL } },
		    { 0 } },
		/* commits alone, and what is none */
		{ { SAME, NULL, { NULL, "abc1234", -1 }, { NULL, "abc1235", -1 }, NULL, false,
		      RA_R_OK,
		      { BAD, RA_R_COMMIT_DIFFERS,
			  "commit abc1234 runs, but commit abc1235 in staging", IS_SAME, NULL } },
		    { 0 } },
		{ { SAME, NULL, { "1.5.0", "abc1234", -1 }, { "1.5.0", "main", -1 }, NULL, false,
		      RA_R_OK,
		      { RA_UNKNOWN, RA_R_VERSION_UNREADABLE,
			  "'main' is no commit; mend `commit:` there", IS_SAME, NULL } },
		    { 0 } },
		{ { SAME, NULL, { "1.5.0", "ge3dce647f", -1 }, { "1.5.0", "ge3dce647f", -1 }, NULL,
		      false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_VERSION_UNREADABLE,
			  "'ge3dce647f' is no commit; mend `commit:`", IS_SAME, NULL } },
		    { 0 } },
		/* releases are counted in one repository that answered, or not at all */
		{ { SAME, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		      { BAD, RA_R_VERSION_DIFFERS, "1.5.0 runs, but 1.3.0 in staging", IS_SAME,
			  NULL } },
		    { .no_repository = true } },
		{ { SAME, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		      { BAD, RA_R_VERSION_DIFFERS, "1.5.0 runs, but 1.3.0 in staging", IS_SAME,
			  NULL } },
		    { .own = RA_R_REPO_DNS } },
		{ { SAME, NULL, { "1.5.0+a", NULL, 1 }, { "1.5.0+b", NULL, 1 }, NULL, false,
		      RA_R_OK,
		      { BAD, RA_R_VERSION_DIFFERS, "1.5.0+a runs, but 1.5.0+b in staging", IS_SAME,
			  NULL } },
		    { 0 } },
		/* what is ahead has no tag */
		{ { AHEAD, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		      { BAD, RA_R_VERSION_AHEAD, "ahead of staging (1.3.0); no tag of the",
			  IS_AHEAD, NULL } },
		    { .own = RA_R_TAG_MISSING } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &split, false, RA_R_OK,
		      { BAD, RA_R_VERSION_DIVERGED, "1 only there; there is no tag b-3", IS_AHEAD,
			  NULL } },
		    { .own = RA_R_TAG_MISSING, .own_error = "there is no tag b-3" } },
		{ { AHEAD, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		      { BAD, RA_R_VERSION_AHEAD, "ahead of staging (1.3.0)", IS_AHEAD, NULL } },
		    { .no_repository = true } },
		/* without services both are of the product */
		{ { SAME, NULL, { "1.5.0", NULL, 0 }, { "1.3.0", NULL, 2 }, NULL, false, RA_R_OK,
		      { BAD, RA_R_VERSION_DIFFERS, "1.3.0 in staging: 2 releases ahead", IS_SAME,
			  NULL } },
		    { .no_service = true, .no_other_service = true } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, NULL, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "another service", IS_AHEAD, NULL } },
		    { .no_service = true } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, NULL, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "another service", IS_AHEAD, NULL } },
		    { .no_other_service = true } },
		/* by ancestry */
		{ { AHEAD, NULL, { "1.5.0", NULL, 0 }, { "b-2", NULL, 1 }, &odd, false, RA_R_OK,
		      { BAD, RA_R_VERSION_AHEAD, "1.5.0 runs, 2 commits ahead of staging (b-2)",
			  IS_AHEAD, NULL } },
		    { 0 } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &unlagged, false, RA_R_OK,
		      { BAD, RA_R_VERSION_AHEAD, "b-3 runs, 2 commits ahead of staging", IS_AHEAD,
			  NULL } },
		    { 0 } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &equal, false, RA_R_OK,
		      { RA_OK, RA_R_OK, "b-3 runs", IS_AHEAD, NULL } },
		    { 0 } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &equal, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_VERSION_UNORDERED, "no repository was asked", IS_AHEAD,
			  NULL } },
		    { .order_of_other = true } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &wordless, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_REPO_DNS, "of staging is not known: ", IS_AHEAD, NULL } },
		    { 0 } },
		{ { AHEAD, NULL, { "b-3", NULL, 0 }, { "b-2", NULL, 1 }, &empty, false, RA_R_OK,
		      { RA_UNKNOWN, RA_R_REPO_DNS, "of staging is not known: ", IS_AHEAD, NULL } },
		    { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_result(i, judge_tweaked(&rows[i].row, &rows[i].tweak), &rows[i].row.wanted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_same_as),
		cmocka_unit_test(test_not_ahead_of),
		cmocka_unit_test(test_peers_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
