/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds whose memory is refused: what could be judged is judged as ever, else it is UNKNOWN for
 * want of memory, and the next call is as if nothing had been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/digest.h"

#include "config_rig.h"
#include "failing_formats.h"

extern const struct ra_kind ra_kind_backup, ra_kind_logs, ra_kind_plugin;

static bool no_digest; /* libcrypto fails */

int __real_ra_digest_end(struct ra_digest *d, uint8_t ret[RA_DIGEST_SIZE]);
int __wrap_ra_digest_end(struct ra_digest *d, uint8_t ret[RA_DIGEST_SIZE]);

int
__wrap_ra_digest_end(struct ra_digest *d, uint8_t ret[RA_DIGEST_SIZE])
{
	int r = __real_ra_digest_end(d, ret);

	return no_digest && armed ? -EIO : r;
}

/* --- running --- */

/* Judges one thing, between arm() and disarm() with refusals. NULL: there is no result. */
typedef struct ra_result *scenario(void);

static struct ra_result *
run_once(scenario *run, int at, bool on)
{
	fail_at = at;
	fail_on = on;
	return run();
}

static void
check_refused(const char *name, int at, const struct ra_result *r, const struct ra_result *fine)
{
	bool out = r == NULL || (r->verdict == RA_UNKNOWN && r->reason == RA_R_NO_MEMORY);

	if (out ? !was_refused() : r->verdict != fine->verdict || r->reason != fine->reason)
		fail_msg("%s, request %d: %s %s", name, at,
		    r != NULL ? ra_verdict_name(r->verdict) : "none",
		    r != NULL ? ra_reason_code(r->reason) : "");
	/* What is said to be fine was seen as a whole. */
	if (r != NULL && r->verdict == RA_OK)
		assert_true(ra_facts_equal(&r->facts, &fine->facts));
}

static void
check_scenario(const char *name, scenario *run, enum ra_reason wanted)
{
	struct ra_result *fine = run_once(run, 0, false), *r;

	assert_non_null(fine);
	if (fine->reason != wanted)
		fail_msg("%s: %s '%s'", name, ra_reason_code(fine->reason), fine->summary);
	for (int on = 0; on < 2; on++) {
		int at = 0, lacked = 0;
		bool refused;

		do {
			r = run_once(run, ++at, on);
			refused = was_refused();
			check_refused(name, at, r, fine);
			lacked += r == NULL || r->reason == RA_R_NO_MEMORY;
			ra_result_unref(r);
			r = run_once(run, 0, false);
			assert_true(ra_result_same(r, fine));
			ra_result_unref(r);
		} while (refused);
		assert_true(lacked > 0);
	}
	ra_result_unref(fine);
}

/* --- config --- */

static struct ra_result *
judge_rig(struct rig *rig)
{
	struct ra_result *r = ra_result_new();

	arm();
	ra_kind_config.judge(&rig->call, r);
	disarm();
	rig_close(rig);
	return r;
}

static struct ra_result *
config_fine(void)
{
	struct rig rig;

	rig_open(
	    &rig, "ignore: I", "same-as: staging\nrequired: A\nforbidden: Z\norigin: A=/*", NULL);
	rig_here(&rig, "A=1\nI=1\nN=1\n");
	rig_baseline(&rig, false, "main");
	rig_peer(&rig, false, "A=1\nI=2\n")->committed = rig_snapshot(&rig, "A=1\n", true);
	rig_answer(&rig, false, "A=1\nI=3\nN=1\n");
	return judge_rig(&rig);
}

static struct ra_result *
config_drift(void)
{
	struct rig rig;

	rig_open(&rig, "settle: 1m", "same-as: staging\ndiffer: E\nmay-differ: M\nrequired: X",
	    "forbidden: A");
	rig_here(&rig, "A=1\nB=1\nE=1\nM=1\nA_TOKEN=x\n");
	rig_baseline(&rig, false, "main");
	rig_peer(&rig, false, "A=1\nB=2\nE=1\nM=2\nA_TOKEN=y\n");
	rig_version(&rig, "v1", 0);
	rig_answer(&rig, false, "A=2\nB=1\nE=${E}\nM=1\nA_TOKEN=x\n");
	return judge_rig(&rig);
}

static struct ra_result *
config_warning(void)
{
	struct rig rig;

	rig_open(&rig, "ignore: I", NULL, "forbidden: A\norigin: B=/x");
	rig_here(&rig, "A=1\nB=1\nI=1\n");
	return judge_rig(&rig);
}

static struct ra_result *
config_settling(void)
{
	struct rig rig;

	rig_open(&rig, "settle: 10m", "same-as: staging", NULL);
	rig_here(&rig, "A=1\n");
	rig_peer(&rig, false, "A=2\n");
	rig_version(&rig, "v1", NOW - RA_MINUTE);
	return judge_rig(&rig);
}

static struct ra_result *
config_unread(void)
{
	struct rig rig;

	rig_open(&rig, NULL, "same-as: staging", NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "{tag}");
	rig_peer(&rig, false, NULL);
	return judge_rig(&rig);
}

/* What may come with a release, and a warning that stands beside. */
static struct ra_result *
config_undecided(void)
{
	struct rig rig;

	rig_open(&rig, NULL, "same-as: staging", "forbidden: A");
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	rig_peer(&rig, false, "A=1\nNEW=1\n")->unread = "it has no tag";
	rig_answer(&rig, false, "A=1\n");
	return judge_rig(&rig);
}

/* --- version --- */

static const struct ra_git_answer newest = { .tag = (char *)"v1.5.0",
	.tag_commit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	.commit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	.tag_date = NOW - RA_DAY,
	.latest = (char *)"v1.5.0",
	.latest_date = NOW - RA_DAY,
	.relation = RA_RELATION_MATCHING };

static struct ra_result *
judge_version(
    const char *expect, const char *warn, const struct ra_git_answer *git, const char *other)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_check check = { .id = "staging/version-api" };
	struct ra_check_peer peer = { .option = "same-as", .check = &check };
	struct ra_input in = { .where = (char *)WHERE };
	struct ra_data self = { 0 };
	struct ra_facts facts = { 0 };
	struct ra_gathered inputs[] = { { .input = &in, .data = &self },
		{ .need = { .what = RA_NEED_HISTORY } },
		{ .need = { .what = RA_NEED_PEER }, .peer = &peer, .facts = &facts } };
	struct ra_judge_call call = { .inputs = inputs,
		.input_count = other != NULL ? 3 : 2,
		.now = NOW,
		.answers = git,
		.answer_count = git != NULL };
	struct ra_result *r = ra_result_new();
	struct ra_conf_place place;

	call.expect = options_bind(arena, &ra_kind_version.expectation, expect, &place);
	if (warn != NULL)
		call.warn = options_bind(arena, &ra_kind_version.expectation, warn, &place);
	ra_data_add_field(&self, "version", "1.5.0", 5);
	ra_data_add_field(&self, "commit", "aaaaaaa", 7);
	if (other != NULL)
		ra_facts_set_text(&facts, ra_kind_version.facts, "version", other);
	arm();
	ra_kind_version.judge(&call, r);
	disarm();
	ra_facts_free(&facts);
	ra_data_free(&self);
	ra_arena_free(arena);
	return r;
}

static struct ra_result *
version_fine(void)
{
	return judge_version("version: ^1\ncommit: aaaaaaa\ntagged: true\nlatest-tag: true\n"
			     "max-lag: releases=1 age=1d\nsame-as: staging",
	    NULL, &newest, "1.5.0");
}

static struct ra_result *
version_differs(void)
{
	return judge_version("same-as: staging", "version: v1.5.0", &newest, "1.4.0");
}

static struct ra_result *
version_also(void)
{
	return judge_version("version: ^2\nsame-as: staging", NULL, &newest, "1.4.0");
}

static struct ra_result *
version_away(void)
{
	struct ra_git_answer away = { .reason = RA_R_REPO_TIMEOUT };

	return judge_version("tagged: true", NULL, &away, NULL);
}

static struct ra_result *
version_asks(void)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_data self = { 0 };
	struct ra_gathered input = { .data = &self };
	struct ra_conf_place place;
	struct ra_judge_call call = { .inputs = &input, .input_count = 1 };
	struct ra_git_question q = { 0 };
	struct ra_result *r = ra_result_new();
	bool asks;

	call.expect = options_bind(arena, &ra_kind_version.expectation, "tagged: true", &place);
	ra_data_add_field(&self, "version", "", 0);
	ra_data_add_field(&self, "commit", "aaaaaaa", 7);
	arm();
	asks = ra_kind_version.ask(&call, 0, &q);
	disarm();
	ra_data_free(&self);
	ra_arena_free(arena);
	ra_result_say(r, asks ? RA_OK : RA_UNKNOWN, asks ? RA_R_OK : RA_R_NO_MEMORY, "asked");
	return r;
}

/* --- the others --- */

static struct ra_result *
judge_armed(const struct ra_kind *kind, const char *options, const char *expect,
    struct ra_input *in, struct ra_data *self, const struct ra_facts *history)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_gathered inputs[2] = { { .input = in, .data = self }, { .facts = history } };
	struct ra_judge_call call = { .inputs = inputs, .input_count = 2, .now = NOW };
	struct ra_result *r = ra_result_new();
	struct ra_conf_place place;

	if (kind->type.size > 0)
		call.options = options_bind(arena, &kind->type, options, &place);
	if (kind->expectation.size > 0)
		call.expect = options_bind(arena, &kind->expectation, expect, &place);
	arm();
	kind->judge(&call, r);
	disarm();
	ra_arena_free(arena);
	ra_data_free(self);
	return r;
}

static struct ra_result *
judge_backup(int64_t size)
{
	struct ra_input in = { .where = (char *)WHERE };
	struct ra_data self = { 0 };

	ra_data_add_item(&self, "a", NOW - RA_HOUR, size);
	ra_data_add_item(&self, "b", NOW - RA_DAY, 1000);
	return judge_armed(&ra_kind_backup, NULL,
	    "max-age: 2h\nmin-size: 5\nmax-shrink: 3%\nmin-count: 1", &in, &self, NULL);
}

static struct ra_result *
backup_fine(void)
{
	return judge_backup(1000);
}

static struct ra_result *
backup_shrunk(void)
{
	return judge_backup(100);
}

#define TIME "time: ^(?<time>\\S+)"

static struct ra_result *
judge_logs(const char *time, const char *expect, const char *where, const char *last)
{
	struct ra_input in = { .where = (char *)(uintptr_t)where, .status = 200 };
	struct ra_data self = { 0 };

	ra_data_add_line(&self, "2026-11-23T11:57:00Z fine", 25);
	ra_data_add_line(&self, "2026-11-23T11:59:00Z fine", 25);
	ra_data_add_line(&self, "2026-11-23T11:58:00Z fine", 25);
	ra_data_add_line(&self, last, strlen(last));
	return judge_armed(&ra_kind_logs, time, expect, &in, &self, NULL);
}

static struct ra_result *
logs_fine(void)
{
	return judge_logs(TIME, "max-age: 5m\nrequired: fine\nforbidden: bad", WHERE, "at x.y");
}

static struct ra_result *
logs_forbidden(void)
{
	return judge_logs(TIME, "max-age: 5m\nrequired: fine\nforbidden: x", NULL, "at x.y");
}

static struct ra_result *
logs_without_time(void)
{
	return judge_logs("time: ^(?<time>never)", "max-age: 5m", WHERE, "at x.y");
}

static struct ra_result *
plugin_fine(void)
{
	static char text[] = "OK | a=1s b=2\nmore\n | c=3\n";
	struct ra_input in = { .where = (char *)WHERE, .bytes = text, .len = sizeof(text) - 1 };
	struct ra_data none = { 0 };

	return judge_armed(&ra_kind_plugin, NULL, NULL, &in, &none, NULL);
}

static struct ra_result *
plugin_critical(void)
{
	static char text[] = "BAD | a=1s b=2\n";
	struct ra_input in = {
		.where = (char *)WHERE, .bytes = text, .len = sizeof(text) - 1, .status = 2
	};
	struct ra_data none = { 0 };

	return judge_armed(&ra_kind_plugin, NULL, NULL, &in, &none, NULL);
}

/* --- instances --- */

static struct ra_result *
combine(const char *expect, const char *second_commit)
{
	static const char *const names[] = { "a", "b" };
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place;
	struct ra_result *parts[2], *r;
	struct ra_combine_call call = { names, parts, 2,
		options_bind(arena, &ra_kind_version.expectation, expect, &place), NULL, NULL, NOW,
		NULL, NULL };

	for (int i = 0; i < 2; i++) {
		parts[i] = ra_result_new();
		ra_result_say(parts[i], RA_OK, RA_R_OK, "fine");
		ra_result_expected(parts[i], "version 1");
		ra_result_evidence(parts[i], WHERE);
		ra_result_next(parts[i], "nothing");
		ra_facts_set_text(
		    &parts[i]->facts, ra_kind_version.facts, "version", i == 0 ? "1" : "2");
		ra_facts_set_text(&parts[i]->facts, ra_kind_version.facts, "commit",
		    i == 0 ? "abc1234" : second_commit);
		ra_facts_set_number(&parts[i]->facts, ra_kind_version.facts, "tag_date", NOW);
	}
	arm();
	r = ra_kind_combine(&ra_kind_version, &call);
	disarm();
	ra_result_unref(parts[0]);
	ra_result_unref(parts[1]);
	ra_arena_free(arena);
	return r;
}

static struct ra_result *
combine_differing(void)
{
	return combine(NULL, "abc1234");
}

static struct ra_result *
combine_tolerated(void)
{
	return combine("agree-within: 5m", "abc1235");
}

/* The keys in which they differ are told. */
static struct ra_result *
combine_config(void)
{
	static const char *const names[] = { "a", "b" };
	struct ra_snapshot *snapshots[2];
	struct ra_result *parts[2], *r;
	struct rig rig;

	rig_open(&rig, NULL, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		snapshots[i] = rig_snapshot(&rig, i == 0 ? "A=1\n" : "A=2\n", false);
		parts[i] = ra_result_new();
		ra_result_say(parts[i], RA_OK, RA_R_OK, "fine");
		ra_facts_set_text(&parts[i]->facts, ra_kind_config.facts, "digest", names[i]);
	}
	arm();
	r = ra_kind_combine(
	    &ra_kind_config, &(struct ra_combine_call){ .names = names,
				 .results = parts,
				 .count = 2,
				 .now = NOW,
				 .options = rig.options,
				 .snapshots = (const struct ra_snapshot *const *)snapshots });
	disarm();
	for (int i = 0; i < 2; i++) {
		ra_result_unref(parts[i]);
		ra_snapshot_unref(snapshots[i]);
	}
	rig_close(&rig);
	return r;
}

static void
test_judges(void **state)
{
	static const struct {
		const char *name;
		scenario *run;
		enum ra_reason reason;
	} rows[] = {
		{ "config", config_fine, RA_R_OK },
		{ "config, drift", config_drift, RA_R_DRIFT },
		{ "config, warning", config_warning, RA_R_DRIFT },
		{ "config, settling", config_settling, RA_R_SETTLING },
		{ "config, unread", config_unread, RA_R_PEER_UNREAD },
		{ "config, undecided", config_undecided, RA_R_PEER_UNREAD },
		{ "version", version_fine, RA_R_OK },
		{ "version, differs", version_differs, RA_R_VERSION_DIFFERS },
		{ "version, two breaches", version_also, RA_R_VERSION_DIFFERS },
		{ "version, away", version_away, RA_R_REPO_TIMEOUT },
		{ "version, asks", version_asks, RA_R_OK },
		{ "backup", backup_fine, RA_R_OK },
		{ "backup, shrunk", backup_shrunk, RA_R_BACKUP_SHRUNK },
		{ "logs", logs_fine, RA_R_OK },
		{ "logs, forbidden", logs_forbidden, RA_R_LOGS_FORBIDDEN },
		{ "logs, no time", logs_without_time, RA_R_LOGS_NO_TIME },
		{ "plugin", plugin_fine, RA_R_OK },
		{ "plugin, critical", plugin_critical, RA_R_PLUGIN_CRITICAL },
		{ "instances, differing", combine_differing, RA_R_INSTANCES_DIFFER },
		{ "instances, tolerated", combine_tolerated, RA_R_OK },
		{ "instances, differing keys", combine_config, RA_R_INSTANCES_DIFFER },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_scenario(rows[i].name, rows[i].run, rows[i].reason);
}

/* What libcrypto cannot do is said, and never OK. */
static void
test_no_digest(void **state)
{
	struct ra_result *r;

	no_digest = true;
	r = run_once(config_fine, 0, false);
	no_digest = false;
	assert_int_equal(r->verdict, RA_UNKNOWN);
	assert_int_equal(r->reason, RA_R_INTERNAL);
	assert_non_null(strstr(r->summary, "not judged: "));
	ra_result_unref(r);
}

/* --- what is made beforehand --- */

/* 0 or -ENOMEM; between arm() and disarm(). */
typedef int maker(void);

/* Returns how often memory was out. */
static int
check_maker(const char *name, maker *make)
{
	int lacked = 0;

	for (int on = 0; on < 2; on++) {
		int at = 0, r;

		do {
			fail_at = ++at;
			fail_on = on;
			r = make();
			if (r != 0 && (r != -ENOMEM || !was_refused()))
				fail_msg("%s, request %d: %d", name, at, r);
			lacked += r < 0;
		} while (was_refused());
		assert_int_equal(r, 0);
	}
	return lacked;
}

static int
make_snapshot(void)
{
	struct ra_snapshot *s = NULL;
	struct ra_data data = { 0 };
	struct rig rig;
	int r;

	rig_open(&rig, "secret: P*", NULL, NULL);
	rig.variable = (struct ra_pair){ .name = "name", .text = { "one", "" } };
	rig.variables = (struct ra_pairs){ .list = &rig.variable, .count = 1 };
	rig.call.variables = &rig.variables;
	rig_data(&data, "A=x.one.y\nPIN=1234\nA_TOKEN=x\n");
	arm();
	r = ra_kind_config.snapshot(&rig.call, &data, WHERE, &s);
	disarm();
	assert_true((r == 0) == (s != NULL));
	ra_snapshot_unref(s);
	ra_data_free(&data);
	rig_close(&rig);
	return r;
}

static int
make_rules(void)
{
	struct ra_config_rules r = { 0 };
	struct rig rig;

	rig_open(&rig, NULL, NULL, NULL);
	rig.other.warn = rig_bind(&rig, &ra_kind_config.expectation, "required: R\norigin: O=/x");
	arm();
	ra_config_rules_key(&r, RA_DRIFT_IGNORE, "A");
	ra_config_rules_warn(&r, &rig.other);
	ra_config_rules_key(&r, RA_DRIFT_IGNORE, "B");
	disarm();
	free(r.list);
	rig_close(&rig);
	return r.error;
}

static size_t taken; /* of the first block of the arena that is prepared in */

static int
prepare(const struct ra_conf_type *type, const char *options)
{
	struct ra_conf_type bare = *type;
	struct ra_arena *arena = ra_arena_new(), *own = ra_arena_new();
	struct ra_conf_place place;
	void *bound;
	int r;

	bare.prepare = NULL;
	bound = options_bind(arena, &bare, options, &place);
	assert_non_null(ra_arena_alloc(own, taken));
	arm();
	r = type->prepare(bound, own, &place);
	disarm();
	assert_string_equal(place.text, "");
	ra_arena_free(own);
	ra_arena_free(arena);
	return r;
}

static int
prepare_config(void)
{
	return prepare(&ra_kind_config.type, "secret: S1\nsecret: S2\npublic: P1\npublic: P2");
}

static int
prepare_logs(void)
{
	return prepare(&ra_kind_logs.type, "time: (?<time>\\S+)");
}

static int
prepare_log_words(void)
{
	return prepare(&ra_kind_logs.expectation, "required: a\nrequired: b\nforbidden: c");
}

static int
prepare_version_words(void)
{
	return prepare(&ra_kind_version.expectation, "version: >=1 <2");
}

/* Each piece of an arena in turn is the one for which there is no room. */
static void
test_makers(void **state)
{
	static const struct {
		const char *name;
		maker *make;
	} rows[] = { { "config", prepare_config }, { "logs", prepare_logs },
		{ "logs, words", prepare_log_words }, { "version, words", prepare_version_words } };

	assert_true(check_maker("snapshot", make_snapshot) > 0);
	assert_true(check_maker("rules", make_rules) > 0);
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		int lacked = 0;

		for (taken = 3840; taken < 4096; taken += 16)
			lacked += check_maker(rows[i].name, rows[i].make);
		assert_true(lacked > 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judges),
		cmocka_unit_test(test_no_digest),
		cmocka_unit_test(test_makers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
