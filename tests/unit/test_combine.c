/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of several instances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config_rig.h"

struct part {
	const char *name;
	enum ra_verdict verdict;
	enum ra_reason reason;
	const char *summary, *version, *commit; /* NULL: no such fact */
};

static struct ra_result *
make_part(const struct ra_kind *kind, const struct part *p)
{
	struct ra_result *r = ra_result_new();

	ra_result_say(r, p->verdict, p->reason, "%s", p->summary);
	ra_result_expected(r, "version %s", p->name);
	ra_result_evidence(r, p->name);
	ra_result_next(r, "see %s", p->name);
	if (p->version != NULL)
		ra_facts_set_text(&r->facts, kind->facts, "version", p->version);
	if (p->commit != NULL)
		ra_facts_set_text(&r->facts, kind->facts, "commit", p->commit);
	return r;
}

static struct ra_result *
combined(const struct ra_kind *kind, const struct part *parts, size_t count)
{
	struct ra_result *results[4] = { NULL }, *r;
	const char *names[4] = { NULL };

	for (size_t i = 0; i < count; i++) {
		names[i] = parts[i].name;
		results[i] = make_part(kind, &parts[i]);
	}
	r = ra_kind_combine(kind,
	    &(struct ra_combine_call){ names, results, count, NULL, NULL, NULL, NOW, NULL, NULL });
	assert_non_null(r);
	assert_int_equal(r->instance_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(r->instances[i].name, names[i]);
		assert_int_equal(r->instances[i].verdict, results[i]->verdict);
		assert_int_equal(r->instances[i].reason, results[i]->reason);
		assert_string_equal(r->instances[i].summary, results[i]->summary);
		assert_true(ra_facts_equal(&r->instances[i].facts, &results[i]->facts));
		ra_result_unref(results[i]);
	}
	return r;
}

#define FINE(name, version, commit) \
	{ \
		name, RA_OK, RA_R_OK, version " runs", version, commit \
	}
#define UNREAD(name) \
	{ \
		name, RA_UNKNOWN, RA_R_TIMEOUT, "no answer", NULL, NULL \
	}
#define WRONG(name, version) \
	{ \
		name, RA_CRITICAL, RA_R_VERSION_DIFFERS, version " runs", version, NULL \
	}
#define DIFFER RA_CRITICAL, RA_R_INSTANCES_DIFFER
#define SINCE  "\"differ_since\":\"2026-11-23T12:00:00.000Z\""

static void
test_combine(void **state)
{
	static const struct {
		struct part parts[4];
		size_t count;
		struct wanted wanted;
	} rows[] = {
		{ { FINE("p1", "1.5.0", NULL) }, 1,
		    { RA_OK, RA_R_OK, "p1: 1.5.0 runs", "version p1", "{\"version\":\"1.5.0\"}" } },
		{ { FINE("p1", "1.5.0", "abc1234"), FINE("p2", "1.5.0", "abc1234") }, 2,
		    { RA_OK, RA_R_OK, "1.5.0 runs (all 2)", "version p1",
			"{\"version\":\"1.5.0\",\"commit\":\"abc1234\"}" } },
		/* they must agree */
		{ { FINE("p1", "1.5.0", NULL), FINE("p2", "1.4.0", NULL),
		      FINE("p3", "1.5.0", NULL) },
		    3,
		    { DIFFER, "instances differ in version: 1.5.0 on p1, p3; 1.4.0 on p2",
			"all instances agree", "{" SINCE "}" } },
		{ { FINE("p1", "1.5.0", "abc1234"), FINE("p2", "1.5.0", "abc1235") }, 2,
		    { DIFFER, "differ in commit: abc1234 on p1; abc1235 on p2",
			"all instances agree", "{\"version\":\"1.5.0\"," SINCE "}" } },
		/* one unread is UNKNOWN, unless those that were read differ */
		{ { FINE("p1", "1.5.0", NULL), UNREAD("p2") }, 2,
		    { RA_UNKNOWN, RA_R_TIMEOUT, "p2: no answer", "version p2",
			"{\"version\":\"1.5.0\"}" } },
		{ { UNREAD("p1"), UNREAD("p2") }, 2,
		    { RA_UNKNOWN, RA_R_TIMEOUT, "no answer (all 2)", "version p1", "{}" } },
		{ { FINE("p1", "1.5.0", NULL), UNREAD("p2"), FINE("p3", "1.4.0", NULL) }, 3,
		    { DIFFER, "1.5.0 on p1; 1.4.0 on p3", "all instances agree", "{" SINCE "}" } },
		/* the first of the worst speaks; a breach that is as bad stands */
		{ { UNREAD("p1"), WRONG("p2", "1.3"), WRONG("p3", "1.2"),
		      FINE("p4", "1.5.0", NULL) },
		    4,
		    { RA_CRITICAL, RA_R_VERSION_DIFFERS, "p2: 1.3 runs (3 of 4 are not OK)",
			"version p2", "{" SINCE "}" } },
		{ { FINE("p1", "1.5.0", "abc1234"), FINE("p2", "1.5.0", NULL) }, 2,
		    { RA_OK, RA_R_OK, "1.5.0 runs (all 2)", "version p1",
			"{\"version\":\"1.5.0\",\"commit\":\"abc1234\"}" } },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_result(
		    i, combined(&ra_kind_version, rows[i].parts, rows[i].count), &rows[i].wanted);
}

/* What the repository knows of one version is not of all where several run. */
static void
test_combine_what_follows(void **state)
{
	static const struct part same[] = { FINE("p1", "1.5.0", NULL), FINE("p2", "1.5.0", NULL) };
	static const struct part differ[] = { FINE("p1", "1.5.0", NULL),
		FINE("p2", "1.4.0", NULL) };
	const struct ra_kind *kind = &ra_kind_version;
	const char *names[] = { "p1", "p2" };
	struct ra_result *parts[2], *r;

	(void)state;
	for (int row = 0; row < 3; row++) {
		for (int i = 0; i < 2; i++) {
			parts[i] = make_part(kind, row == 1 ? &differ[i] : &same[i]);
			ra_facts_set_text(&parts[i]->facts, kind->facts, "tag", "v1.5.0");
			ra_facts_set_number(
			    &parts[i]->facts, kind->facts, "behind_releases", row == 2 ? i : 0);
		}
		r = ra_kind_combine(kind, &(struct ra_combine_call){
					      names, parts, 2, NULL, NULL, NULL, NOW, NULL, NULL });
		assert_int_equal(ra_facts_get(&r->facts, "tag") != NULL, row != 1);
		assert_int_equal(ra_facts_get(&r->facts, "behind_releases") != NULL, row == 0);
		ra_result_unref(r);
		ra_result_unref(parts[0]);
		ra_result_unref(parts[1]);
	}
}

/* Evidence and next step are those of what is said. */
static void
test_combine_texts(void **state)
{
	static const struct part unread[] = { FINE("p1", "1", NULL), UNREAD("p2") };
	static const struct part differ[] = { FINE("p1", "1", NULL), FINE("p2", "2", NULL) };
	static const struct part differ_beside[] = { UNREAD("p1"), FINE("p2", "1", NULL),
		UNREAD("p3"), FINE("p4", "2", NULL) };
	struct ra_result *r = combined(&ra_kind_version, unread, 2);

	(void)state;
	assert_string_equal(r->evidence, "p2");
	assert_string_equal(r->next_step, "see p2");
	ra_result_unref(r);
	r = combined(&ra_kind_version, differ, 2);
	assert_string_equal(ra_result_next_step(r), ra_reason_next(RA_R_INSTANCES_DIFFER));
	assert_string_equal(r->evidence, "p2");
	ra_result_unref(r);
	r = combined(&ra_kind_version, differ_beside, 4);
	assert_int_equal(r->reason, RA_R_INSTANCES_DIFFER);
	assert_string_equal(r->evidence, "p4");
	ra_result_unref(r);
}

/* For want of memory an instance has no words of its own. */
static void
test_combine_without_words(void **state)
{
	const char *names[] = { "p1", "p2" };
	struct ra_result *parts[2], *r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		parts[i] = ra_result_new();
		parts[i]->verdict = RA_UNKNOWN;
		parts[i]->reason = RA_R_NO_MEMORY;
	}
	r = ra_kind_combine(&ra_kind_version,
	    &(struct ra_combine_call){ names, parts, 2, NULL, NULL, NULL, NOW, NULL, NULL });
	assert_int_equal(r->reason, RA_R_NO_MEMORY);
	assert_non_null(strstr(r->summary, ra_reason_meaning(RA_R_NO_MEMORY)));
	ra_result_unref(r);
	ra_result_unref(parts[0]);
	ra_result_unref(parts[1]);
}

/* A kind without `agree`: the facts are the speaker's; facts of every type are kept. */
static void
test_combine_worst(void **state)
{
	static const struct ra_fact_def defs[] = { { "text", RA_FACT_TEXT, "" },
		{ "int", RA_FACT_INT, "" }, { "time", RA_FACT_TIME, "" },
		{ "real", RA_FACT_REAL, "" }, RA_FACT_DIFFER_SINCE, { 0 } };
	static const char *const agree[] = { "int", "real", NULL };
	struct ra_kind kind = { .facts = defs };
	const char *names[] = { "a", "b" };
	struct ra_result *parts[2], *r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		parts[i] = ra_result_new();
		ra_result_say(parts[i], i == 0 ? RA_OK : RA_WARNING, RA_R_OK, "%d", i);
		ra_facts_set_text(&parts[i]->facts, defs, "text", names[i]);
		ra_facts_set_number(&parts[i]->facts, defs, "int", i);
		ra_facts_set_number(&parts[i]->facts, defs, "time", NOW);
		ra_facts_set_real(&parts[i]->facts, defs, "real", 0.5);
	}
	r = ra_kind_combine(
	    &kind, &(struct ra_combine_call){ names, parts, 2, NULL, NULL, NULL, NOW, NULL, NULL });
	assert_int_equal(r->verdict, RA_WARNING);
	assert_string_equal(r->summary, "b: 1");
	assert_true(ra_facts_equal(&r->facts, &parts[1]->facts));
	ra_result_unref(r);
	kind.agree = agree;
	r = ra_kind_combine(
	    &kind, &(struct ra_combine_call){ names, parts, 2, NULL, NULL, NULL, NOW, NULL, NULL });
	assert_int_equal(r->reason, RA_R_INSTANCES_DIFFER);
	assert_string_equal(r->summary, "instances differ in int: a; b");
	assert_null(ra_facts_get(&r->facts, "int"));
	assert_non_null(ra_facts_get(&r->facts, "real"));
	ra_result_unref(r);
	ra_result_unref(parts[0]);
	ra_result_unref(parts[1]);
}

/* --- for how long they may differ --- */

#define MINUTE INT64_C(60000)
#define TWO \
	{ \
		FINE("p1", "1.5.0", NULL), FINE("p2", "1.4.0", NULL) \
	}
#define SAME \
	{ \
		FINE("p1", "1.5.0", NULL), FINE("p2", "1.5.0", NULL) \
	}
#define HALF \
	{ \
		FINE("p1", "1.5.0", NULL), UNREAD("p2") \
	}
#define DIFFERING "instances differ in version: 1.5.0 on p1; 1.4.0 on p2"

static const void *
words(struct ra_arena *arena, const char *text)
{
	struct ra_conf_place place;
	const void *w;

	if (text == NULL)
		return NULL;
	w = options_bind(arena, &ra_kind_version.expectation, text, &place);
	assert_string_equal(place.text, "");
	return w;
}

static void
test_agree_within(void **state)
{
	static const struct {
		struct part parts[2];
		const char *expect, *warn;
		int64_t before, since; /* minutes ago; -1: no such fact */
		enum ra_verdict verdict;
		enum ra_reason reason;
		const char *summary, *expected;
	} rows[] = {
		{ TWO, "agree-within: 15m", NULL, -1, 0, RA_OK, RA_R_OK,
		    "instances differ in version: 1.5.0 on 1 of 2, 1.4.0 on 1; tolerated for 15 "
		    "min "
		    "more",
		    "version p1, all instances agree within 15m" },
		{ TWO, "agree-within: 15m", NULL, 5, 5, RA_OK, RA_R_OK, "tolerated for 10 min more",
		    "version p1, all instances agree within 15m" },
		{ TWO, "agree-within: 15m", NULL, 14, 14, RA_OK, RA_R_OK, "for 1 min more",
		    "version p1, all instances agree within 15m" },
		{ TWO, "agree-within: 15m", NULL, 15, 15, DIFFER, DIFFERING,
		    "all instances agree within 15m" },
		{ TWO, "agree-within: 15m", "agree-within: 5m", 4, 4, RA_OK, RA_R_OK,
		    "tolerated for 11 min", "version p1, all instances agree within 15m" },
		{ TWO, "agree-within: 15m", "agree-within: 5m", 5, 5, RA_WARNING,
		    RA_R_INSTANCES_DIFFER, DIFFERING, "all instances agree within 5m" },
		{ TWO, "agree-within: 15m", "agree-within: 5m", 16, 16, DIFFER, DIFFERING,
		    "all instances agree within 15m" },
		/* without a word there is no tolerance, also not for a warning's sake */
		{ TWO, "commit: abc1234", NULL, -1, 0, DIFFER, DIFFERING, "all instances agree" },
		{ TWO, NULL, "agree-within: 5m", -1, 0, DIFFER, DIFFERING, "all instances agree" },
		/* a clock that was set back does not give more time */
		{ TWO, "agree-within: 15m", NULL, -60, 0, RA_OK, RA_R_OK, "for 15 min more",
		    "version p1, all instances agree within 15m" },
		/* all together end it, and nothing else does */
		{ SAME, "agree-within: 15m", NULL, 5, -1, RA_OK, RA_R_OK, "1.5.0 runs (all 2)",
		    "version p1" },
		{ HALF, "agree-within: 15m", NULL, 5, 5, RA_UNKNOWN, RA_R_TIMEOUT, "p2: no answer",
		    "version p2" },
		{ HALF, "agree-within: 15m", NULL, -1, -1, RA_UNKNOWN, RA_R_TIMEOUT,
		    "p2: no answer", "version p2" },
		/* what is wrong besides stays so */
		{ { FINE("p1", "1.5.0", NULL), WRONG("p2", "1.4.0") }, "agree-within: 15m", NULL,
		    -1, 0, RA_CRITICAL, RA_R_VERSION_DIFFERS, "p2: 1.4.0 runs", "version p2" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_arena *arena = ra_arena_new();
		struct ra_facts before = { 0 };
		const char *names[2] = { "p1", "p2" };
		struct ra_result *parts[2], *r;
		struct ra_combine_call call = { names, parts, 2, words(arena, rows[i].expect),
			words(arena, rows[i].warn), &before, NOW, NULL, NULL };
		int64_t since;

		for (int k = 0; k < 2; k++)
			parts[k] = make_part(&ra_kind_version, &rows[i].parts[k]);
		if (rows[i].before != -1)
			ra_facts_set_number(&before, ra_kind_version.facts, RA_DIFFER_SINCE,
			    NOW - rows[i].before * MINUTE);
		r = ra_kind_combine(&ra_kind_version, &call);
		assert_non_null(r);
		since = ra_facts_number(&r->facts, RA_DIFFER_SINCE, NOW + MINUTE);
		if ((NOW - since) / MINUTE != rows[i].since)
			fail_msg("row %zu: differ since %lld", i, (long long)since);
		ra_facts_free(&r->facts);
		check_result(i, r,
		    &(struct wanted){
			rows[i].verdict, rows[i].reason, rows[i].summary, rows[i].expected, NULL });
		for (int k = 0; k < 2; k++)
			ra_result_unref(parts[k]);
		ra_facts_free(&before);
		ra_arena_free(arena);
	}
}

/* Those without the fact, and with equal ones; what follows "on" is told for texts alone. */
static void
test_tolerated(void **state)
{
	static const struct part parts[] = { FINE("p0", "", NULL), FINE("p1", "1.5.0", "abc1234"),
		FINE("p2", "1.4.0", "abc1235"), FINE("p3", "1.5.0", NULL) };
	struct ra_arena *arena = ra_arena_new();
	const char *names[] = { "p0", "p1", "p2", "p3" };
	struct ra_result *results[4];
	struct ra_combine_call call = { names, results, 4, words(arena, "agree-within: 15m"), NULL,
		NULL, NOW, NULL, NULL };

	(void)state;
	for (int i = 0; i < 4; i++) {
		results[i] = make_part(&ra_kind_version, &parts[i]);
		ra_result_expected(results[i], NULL);
	}
	ra_facts_free(&results[0]->facts);
	check_result(0, ra_kind_combine(&ra_kind_version, &call),
	    &(struct wanted){ RA_OK, RA_R_OK,
		"instances differ in version: 1.5.0 on 2 of 4, 1.4.0 on 1; tolerated for 15 min",
		"all instances agree within 15m", "{" SINCE "}" });
	for (int i = 0; i < 4; i++)
		ra_result_unref(results[i]);
	ra_arena_free(arena);
}

/* Kinds without the word, without any words, without agreement, with numbers. */
static void
test_other_kinds(void **state)
{
	static const struct ra_fact_def defs[] = { { "int", RA_FACT_INT, "" }, RA_FACT_DIFFER_SINCE,
		{ 0 } };
	static const char *const agree[] = { "int", NULL };
	static const struct ra_option others[] = { { .name = "other" }, { 0 } };
	static const struct ra_option within[] = {
		{ .name = RA_AGREE_WITHIN, .type = RA_OPT_DURATION }, { 0 }
	};
	static const int64_t limit = 15 * MINUTE;
	static const struct {
		const struct ra_option *options;
		bool agrees;
		enum ra_verdict verdict;
		const char *summary;
		int64_t since; /* minutes ago, -1: no such fact */
	} rows[] = {
		{ NULL, true, RA_CRITICAL, "instances differ in int: a; b", 5 },
		{ others, true, RA_CRITICAL, "instances differ in int: a; b", 5 },
		{ within, true, RA_OK, "instances differ in int: one on 1 of 2, one on 1; ", 5 },
		{ within, false, RA_OK, "fine (all 2)", -1 },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_kind kind = { .facts = defs, .agree = rows[i].agrees ? agree : NULL };
		const char *names[] = { "a", "b" };
		struct ra_result *parts[2], *r;
		struct ra_facts before = { 0 };
		struct ra_combine_call call = { names, parts, 2, &limit, NULL, &before, NOW, NULL,
			NULL };

		kind.expectation.options = rows[i].options;
		ra_facts_set_number(&before, defs, RA_DIFFER_SINCE, NOW - 5 * MINUTE);
		for (int k = 0; k < 2; k++) {
			parts[k] = ra_result_new();
			ra_result_say(parts[k], RA_OK, RA_R_OK, "fine");
			ra_facts_set_number(&parts[k]->facts, defs, "int", k);
		}
		r = ra_kind_combine(&kind, &call);
		assert_int_equal(r->verdict, rows[i].verdict);
		assert_memory_equal(r->summary, rows[i].summary, strlen(rows[i].summary));
		assert_int_equal(ra_facts_number(&r->facts, RA_DIFFER_SINCE, NOW + MINUTE),
		    NOW - rows[i].since * MINUTE);
		ra_result_unref(r);
		ra_result_unref(parts[0]);
		ra_result_unref(parts[1]);
		ra_facts_free(&before);
	}
}

/* --- in which keys they differ --- */

/* One of each text, NULL: not read; words NULL: none; held: what was read is at hand. */
static struct ra_result *
combined_config(
    const char *options, const char *expect, const char *const *texts, size_t count, bool held)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	static const char *const wheres[] = { "/etc/a", "/etc/b", "/etc/c", NULL };
	const struct ra_snapshot *snapshots[4] = { NULL };
	struct ra_result *parts[4], *r;
	struct rig rig;

	rig_open(&rig, options, expect, NULL);
	for (size_t i = 0; i < count; i++) {
		parts[i] = ra_result_new();
		if (texts[i] == NULL) {
			ra_result_say(parts[i], RA_UNKNOWN, RA_R_TIMEOUT, "no answer");
			continue;
		}
		rig.input.where = (char *)(uintptr_t)wheres[i];
		rig.inputs[0].snapshot = snapshots[i] = rig_snapshot(&rig, texts[i], false);
		ra_kind_config.judge(&rig.call, parts[i]);
	}
	r = ra_kind_combine(&ra_kind_config, &(struct ra_combine_call){ .names = names,
						 .results = parts,
						 .count = count,
						 .expect = rig.expect,
						 .now = NOW,
						 .options = rig.options,
						 .snapshots = held ? snapshots : NULL });
	assert_non_null(r);
	for (size_t i = 0; i < count; i++) {
		ra_result_unref(parts[i]);
		ra_snapshot_unref((struct ra_snapshot *)(uintptr_t)snapshots[i]);
	}
	rig.inputs[0].snapshot = NULL;
	rig_close(&rig);
	return r;
}

#define NEXT(a, b) "compare " a " with " b ", make them the same, or `ignore` keys that may differ"
#define LONG	   "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void
test_differing_keys(void **state)
{
	static const struct {
		const char *options, *texts[4];
		size_t count;
		const char *summary, *next;
	} rows[] = {
		{ NULL, { "A=1\n", "A=2\n" }, 2, "instances differ in 1 key (A): a against b",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
		/* a key that one lacks; what is as in the others; a secret's value is not told */
		{ NULL, { "A=1\nPASSWORD=canary-1\n", "A=1\nB=2\nPASSWORD=canary-2\n", "A=1\n" }, 3,
		    "instances differ in 2 keys (B, PASSWORD): a against b against c",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
		{ NULL, { NULL, "A=1\nB=1\n", "A=1\nB=1\n", "A=1\n" }, 4,
		    "instances differ in 1 key (B): b, c against d",
		    NEXT("/etc/b (b)", "what was read (d)") },
		{ NULL, { "A=1\n", "A=12\n" }, 2, "instances differ in 1 key (A): a against b",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
		{ "ignore: [A]", { "A=1\nB=1\n", "A=2\nB=2\n" }, 2,
		    "instances differ in 1 key (B): a against b",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
		{ NULL, { "/=1\n", "/a=1\n" }, 2, "instances differ in 2 keys (/, /a): a against b",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
		/* a secret in one, none in the other */
		{ NULL, { "A=1\nURL=http://a:canary@b\n", "A=1\nURL=http://a\n" }, 2,
		    "instances differ in 1 key (URL): a against b",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
		/* what is no name is not told, and of many the first few are */
		{ NULL, { "\"canary=1\n", "A=1\n" }, 2,
		    "instances differ in 2 keys (A and 1 more): a against b",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
		{ NULL, { "\"canary=1\n", "\"canary=2\n" }, 2,
		    "instances differ in 1 key: a against b", NEXT("/etc/a (a)", "/etc/b (b)") },
		{ NULL, { "A=1\n", LONG "1=1\n" LONG "2=1\n" LONG "3=1\n" LONG "4=1\nA=1\n" }, 2,
		    "instances differ in 4 keys (" LONG "1, " LONG "2, " LONG "3 and 1 more): "
		    "a against b",
		    NEXT("/etc/a (a)", "/etc/b (b)") },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r =
		    combined_config(rows[i].options, NULL, rows[i].texts, rows[i].count, true);

		assert_int_equal(r->reason, RA_R_INSTANCES_DIFFER);
		assert_string_equal(r->summary, rows[i].summary);
		assert_string_equal(ra_result_next_step(r), rows[i].next);
		ra_result_unref(r);
	}
}

static void
test_differing_keys_tolerated(void **state)
{
	static const char *const texts[] = { "A=1\nB=1\n", "A=2\nB=1\n" };
	struct ra_result *r = combined_config(NULL, "agree-within: 15m", texts, 2, true);

	(void)state;
	assert_int_equal(r->verdict, RA_OK);
	assert_string_equal(
	    r->summary, "instances differ in 1 key (A): a against b; tolerated for 15 min more");
	ra_result_unref(r);
}

/* Then the fact's name has to do. */
static void
test_no_keys_to_tell(void **state)
{
	static const char *const texts[] = { "A=1\nB=1\n", "A=2\nB=1\n" };
	const struct ra_snapshot *snapshots[2];
	struct ra_result *r = combined_config(NULL, NULL, texts, 2, false);
	struct ra_buf out = RA_BUF(0);
	struct rig rig;

	(void)state;
	assert_int_equal(r->reason, RA_R_INSTANCES_DIFFER);
	assert_ptr_equal(strstr(r->summary, "instances differ in digest: sha256:"), r->summary);
	ra_result_unref(r);
	rig_open(&rig, "ignore: [A]", NULL, NULL);
	for (int i = 0; i < 2; i++)
		snapshots[i] = rig_snapshot(&rig, texts[i], false);
	assert_int_equal(ra_config_tell_difference(rig.options, snapshots, 2, &out), 0);
	assert_int_equal(out.len, 0);
	for (int i = 0; i < 2; i++)
		ra_snapshot_unref((struct ra_snapshot *)(uintptr_t)snapshots[i]);
	rig_close(&rig);
}

/* What combining needs of a kind whose instances must agree. */
static void
test_every_kind_that_agrees(void **state)
{
	(void)state;
	for (size_t i = 0; ra_kinds[i] != NULL; i++) {
		const struct ra_kind *kind = ra_kinds[i];
		const struct ra_option *o = kind->expectation.options;
		const struct ra_fact_def *fact = kind->facts;

		if (kind->agree == NULL)
			continue;
		while (o->name != NULL && strcmp(o->name, RA_AGREE_WITHIN) != 0)
			o++;
		while (fact->name != NULL && strcmp(fact->name, RA_DIFFER_SINCE) != 0)
			fact++;
		if (o->name == NULL || fact->name == NULL)
			fail_msg("%s", kind->type.name);
		assert_true((o->flags & RA_OPT_INSTANCES) != 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_combine),
		cmocka_unit_test(test_combine_what_follows),
		cmocka_unit_test(test_combine_texts),
		cmocka_unit_test(test_combine_without_words),
		cmocka_unit_test(test_combine_worst),
		cmocka_unit_test(test_agree_within),
		cmocka_unit_test(test_tolerated),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_differing_keys),
		cmocka_unit_test(test_differing_keys_tolerated),
		cmocka_unit_test(test_no_keys_to_tell),
		cmocka_unit_test(test_every_kind_that_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
