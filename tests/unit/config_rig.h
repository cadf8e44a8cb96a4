/* SPDX-License-Identifier: Apache-2.0 */
/* A check of kind config with its peer, its baseline and the version that runs, to be judged. */
#ifndef RA_TESTS_CONFIG_RIG_H
#define RA_TESTS_CONFIG_RIG_H

#include "../../daemon/kind/config.h"

#include "kinds.h"

extern const struct ra_kind ra_kind_config, ra_kind_version;

#define RIG_MAX 4

struct rig {
	struct ra_arena *arena;
	struct config_options *options;
	struct config_words *expect, *warn; /* warn NULL: none */
	struct config_baseline baselines[2]; /* of expect, of warn */
	struct config_git git[2];
	struct ra_environment environment;
	struct ra_check other; /* whom same-as names */
	struct ra_pairs variables;
	struct ra_pair variable;
	struct ra_input input;
	struct ra_check_peer peers[RIG_MAX];
	struct ra_gathered inputs[RIG_MAX];
	struct ra_git_answer answers[RIG_MAX];
	struct ra_facts version;
	struct ra_judge_call call;
};

/* "A=1" of each line; keys with '/' are JSON Pointers. */
static void
rig_data(struct ra_data *d, const char *text)
{
	uint32_t line = 1;

	assert_int_equal(ra_data_reserve_keys(d, strlen(text) + 1), 0);
	d->keys.pointers = text[0] == '/';
	for (const char *p = text, *end; *p != '\0'; p = end + 1, line++) {
		const char *equal = strchr(p, '=');

		end = strchr(p, '\n');
		assert_int_equal(ra_data_add_key(d, p, (size_t)(equal - p), equal + 1,
				     (size_t)(end - equal - 1), line, 0),
		    0);
	}
}

static struct ra_snapshot *
rig_snapshot(struct rig *rig, const char *text, bool committed)
{
	struct ra_data data = { 0 };
	struct ra_snapshot *s = NULL;

	rig_data(&data, text);
	rig->call.committed = committed;
	assert_int_equal(ra_kind_config.snapshot(&rig->call, &data, rig->input.where, &s), 0);
	rig->call.committed = false;
	ra_data_free(&data);
	return s;
}

static void *
rig_bind(struct rig *rig, const struct ra_conf_type *type, const char *text)
{
	struct ra_conf_place place;
	void *bound = options_bind(rig->arena, type, text, &place);

	assert_string_equal(place.text, "");
	return bound;
}

/* Texts as options_bind takes them; warn NULL: none. */
static void
rig_open(struct rig *rig, const char *options, const char *expect, const char *warn)
{
	*rig = (struct rig){ .arena = ra_arena_new(),
		.environment = { .name = "staging" },
		.input = { .where = (char *)WHERE } };
	rig->options = rig_bind(rig, &ra_kind_config.type, options);
	rig->expect = rig_bind(rig, &ra_kind_config.expectation, expect);
	if (warn != NULL)
		rig->warn = rig_bind(rig, &ra_kind_config.expectation, warn);
	rig->other = (struct ra_check){ .id = "staging/config-api",
		.environment = &rig->environment,
		.kind_options = rig_bind(rig, &ra_kind_config.type, NULL),
		.expect = rig_bind(rig, &ra_kind_config.expectation, NULL) };
	rig->inputs[0] = (struct ra_gathered){ .input = &rig->input };
	rig->call = (struct ra_judge_call){ .options = rig->options,
		.expect = rig->expect,
		.warn = rig->warn,
		.inputs = rig->inputs,
		.input_count = 1,
		.answers = rig->answers,
		.now = NOW,
		.secret_key = "k",
		.secret_key_len = 1 };
}

/* What was read here. */
RA_UNUSED static void
rig_here(struct rig *rig, const char *text)
{
	rig->inputs[0].snapshot = rig_snapshot(rig, text, false);
}

/* Of same-as; text NULL: it was not read. */
RA_UNUSED static struct ra_gathered *
rig_peer(struct rig *rig, bool warn, const char *text)
{
	size_t at = rig->call.input_count++;

	rig->peers[at] = (struct ra_check_peer){
		.option = "same-as", .warn = warn, .check = &rig->other
	};
	rig->inputs[at] = (struct ra_gathered){ .need = { .what = RA_NEED_PEER },
		.reason = text != NULL ? RA_R_OK : RA_R_PEER_UNREAD,
		.error = text != NULL ? NULL : "no answer",
		.commit = "2",
		.peer = &rig->peers[at],
		.snapshot = text != NULL ? rig_snapshot(rig, text, false) : NULL };
	return &rig->inputs[at];
}

/* The words' baseline; ref and path as configuration has them. */
RA_UNUSED static struct config_baseline *
rig_baseline(struct rig *rig, bool warn, const char *ref)
{
	struct config_baseline *b = &rig->baselines[warn];
	struct config_git *g = &rig->git[warn];

	*g = (struct config_git){ .ref = { ref, ref }, .path = { "a.env", "a.env" } };
	*b = (struct config_baseline){ .git = g };
	(warn ? rig->warn : rig->expect)->baseline = b;
	b->committed = (struct ra_committed){ .ref = ref, .path = "a.env", .input = &b->input };
	return b;
}

/* What is committed for it; text NULL: the repository did not answer. */
RA_UNUSED static struct ra_git_answer *
rig_answer(struct rig *rig, bool warn, const char *text)
{
	struct ra_git_answer *a = &rig->answers[rig->call.answer_count++];

	*a = (struct ra_git_answer){ .warn = warn, .where = (char *)"v1:a.env", .commit = "1" };
	if (text != NULL) {
		a->snapshot = rig_snapshot(rig, text, true);
	} else {
		a->reason = RA_R_REPO_TIMEOUT;
		a->error = (char *)"no answer in 10s";
	}
	return a;
}

/* The check that tells which version runs; tag NULL: none. */
RA_UNUSED static struct ra_gathered *
rig_version(struct rig *rig, const char *tag, int64_t changed)
{
	size_t at = rig->call.input_count++;

	if (tag != NULL)
		assert_int_equal(
		    ra_facts_set_text(&rig->version, ra_kind_version.facts, "tag", tag), 0);
	rig->peers[at] = (struct ra_check_peer){ .option = RA_PEER_VERSION };
	rig->inputs[at] = (struct ra_gathered){ .need = { .what = RA_NEED_PEER },
		.peer = &rig->peers[at],
		.facts = &rig->version,
		.changed = changed };
	return &rig->inputs[at];
}

static void
rig_close(struct rig *rig)
{
	for (size_t i = 0; i < RIG_MAX; i++) {
		ra_snapshot_unref((struct ra_snapshot *)(uintptr_t)rig->inputs[i].snapshot);
		ra_snapshot_unref((struct ra_snapshot *)(uintptr_t)rig->inputs[i].committed);
		ra_snapshot_unref(rig->answers[i].snapshot);
	}
	ra_facts_free(&rig->version);
	ra_arena_free(rig->arena);
}

/* Closes it. */
RA_UNUSED static struct ra_result *
rig_judged(struct rig *rig)
{
	struct ra_result *r = ra_result_new();

	assert_non_null(r);
	ra_kind_config.judge(&rig->call, r);
	rig_close(rig);
	return r;
}

#endif
