/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: which keys there are, and whether they are as they ought to be. */
#include <string.h>

#include "relaudit/model/git_url.h"

#include "config.h"
#include "judge.h"

static const struct ra_option options[] = {
	{ .name = "ignore",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_options, ignore),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "keys that are not looked at: names, or patterns with * and ?" },
	{ .name = "secret",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_options, secret),
	    .flags = RA_OPT_NO_SECRET | RA_OPT_READING,
	    .help = "more patterns of keys, in any case, whose values are secret" },
	{ .name = "public",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_options, open),
	    .flags = RA_OPT_NO_SECRET | RA_OPT_READING,
	    .help = "names of keys that look like a secret's and are none" },
	{ .name = "normalize",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_options, normalize),
	    .flags = RA_OPT_NO_SECRET | RA_OPT_VARIABLES,
	    .help = "variables of the environment (and `environment`): wherever their values "
		    "stand, each environment's own are equal" },
	{ .name = "settle",
	    .type = RA_OPT_DURATION,
	    .offset = offsetof(struct config_options, settle),
	    .flags = RA_OPT_VERSION,
	    .help = "for so long after a change of the version drift is shown and not alerted" },
	{ 0 },
};

static const struct ra_option git[] = {
	{ .name = "repository",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct config_git, repository),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "its URL, in place of the service's or the product's" },
	{ .name = "ref",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct config_git, ref),
	    .flags = RA_OPT_NO_SECRET,
	    .fallback = "{tag}",
	    .help =
		"a branch, tag or commit; `{tag}` and `{version}` are those of what runs here" },
	{ .name = "path",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct config_git, path),
	    .flags = RA_OPT_NO_SECRET | RA_OPT_REQUIRED,
	    .help = "the file, from the repository's top" },
	{ 0 },
};

static const struct ra_option baseline[] = {
	{ .name = "git",
	    .type = RA_OPT_TABLE,
	    .offset = offsetof(struct config_baseline, git),
	    .flags = RA_OPT_REQUIRED,
	    .table = git,
	    .table_size = sizeof(struct config_git),
	    .help = "where it is committed" },
	{ 0 },
};

static const struct ra_option words[] = {
	{ .name = "required",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_words, required),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "keys that must be there, by name" },
	{ .name = "forbidden",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_words, forbidden),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "keys that must not be there: names, or patterns with * and ?" },
	{ .name = "same-as",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct config_words, same_as),
	    .flags = RA_OPT_NO_SECRET | RA_OPT_PEER,
	    .help = "the environment, or ENVIRONMENT/CHECK, whose keys and values must be the "
		    "same" },
	{ .name = "differ",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_words, differ),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "keys that must be there and of another value in each environment" },
	{ .name = "may-differ",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_words, may_differ),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "keys of any value; where only one side has one, that is drift" },
	RA_OPTION_AGREE_WITHIN(struct config_words, agree_within),
	{ .name = "origin",
	    .type = RA_OPT_PAIRS,
	    .offset = offsetof(struct config_words, origin),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "where keys must come from: a name or pattern of keys, and a pattern of the "
		    "file or URL" },
	{ .name = "baseline",
	    .type = RA_OPT_INPUT,
	    .offset = offsetof(struct config_words, baseline),
	    .table = baseline,
	    .table_size = sizeof(struct config_baseline),
	    .help = "the file in version control whose keys and values must be the same; "
		    "`format:` and that format's options beside it, else as the check's" },
	{ 0 },
};

static const struct ra_fact_def facts[] = {
	{ "keys", RA_FACT_INT, "how many keys there are" },
	{ "digest", RA_FACT_TEXT, "of all keys and values that are looked at" },
	{ "drifted", RA_FACT_INT, "how many keys are not as they ought to be" },
	{ "unverifiable", RA_FACT_INT, "how many are encrypted or a template in the baseline" },
	RA_FACT_DIFFER_SINCE,
	{ 0 },
};

static const char *const agree[] = { "digest", NULL };

/* --- configuration --- */

static int
take_list(const struct ra_texts *texts, struct ra_arena *arena, const char *const **ret)
{
	const char **list = ra_arena_alloc(arena, (texts->count + 1) * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < texts->count; i++)
		list[i] = texts->list[i].value;
	*ret = list;
	return 0;
}

static int
options_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct config_options *o = bound;

	for (size_t i = 0; i < o->open.count; i++) {
		if (ra_drift_is_pattern(o->open.list[i].value))
			ra_conf_complain(place, "public",
			    "'%s' is a pattern; say each name that is no secret",
			    o->open.list[i].shown);
	}
	if (take_list(&o->secret, arena, &o->secrets) < 0)
		return -ENOMEM;
	return take_list(&o->open, arena, &o->opens);
}

static void
prepare_baseline(struct config_baseline *b, struct ra_conf_place *place)
{
	struct ra_error err = { 0 };
	bool wants_version;

	b->committed = (struct ra_committed){ .repository = b->git->repository.value,
		.ref = b->git->ref.value,
		.path = b->git->path.value,
		.input = &b->input };
	if (!ra_git_path_fits(b->committed.path))
		ra_conf_complain(place, "baseline/git/path",
		    "'%s' is not a path within a repository; write it from its top, without "
		    "leading '/' or '-' and without '.' or '..'",
		    b->git->path.shown);
	if (!ra_config_ref_fits(b->committed.ref, &wants_version))
		ra_conf_complain(place, "baseline/git/ref",
		    "'%s' cannot be a ref; of what runs there are {tag} and {version}",
		    b->git->ref.shown);
	if (b->committed.repository != NULL &&
	    ra_git_url_check(b->committed.repository, b->git->repository.shown, &err) == -EINVAL)
		ra_conf_complain(place, "baseline/git/repository", "%s", err.text);
	if (wants_version)
		ra_conf_want(place, "baseline", RA_OPT_VERSION);
	if (b->committed.repository == NULL)
		ra_conf_want(place, "baseline", RA_OPT_REPOSITORY);
}

static int
words_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct config_words *w = bound;

	if (w->baseline != NULL)
		prepare_baseline(w->baseline, place);
	for (size_t i = 0; i < w->required.count; i++) {
		if (ra_drift_is_pattern(w->required.list[i].value))
			ra_conf_complain(place, "required",
			    "'%s' is a pattern; say each name that must be there",
			    w->required.list[i].shown);
	}
	return 0;
}

/* --- rules --- */

/* The rules of both apply to a pair; only `ignore` to what is committed. */
static void
collect_rules(struct config_case *c)
{
	const struct config_options *o = c->call->options;
	const struct config_words *warn = c->call->warn, *expect = c->call->expect;

	ra_config_rules_keys(&c->baseline_rules, RA_DRIFT_IGNORE, &o->ignore);
	ra_config_rules_sops(&c->baseline_rules);
	ra_config_rules_keys(&c->rules, RA_DRIFT_IGNORE, &o->ignore);
	ra_config_rules_words(&c->rules, c->words);
	if (c->with_peer && warn != NULL) { /* what may differ may under the other word too */
		const struct config_words *rest = c->words == warn ? expect : warn;

		ra_config_rules_keys(&c->rules, RA_DRIFT_DIFFER, &rest->differ);
		ra_config_rules_keys(&c->rules, RA_DRIFT_MAY_DIFFER, &rest->may_differ);
	}
	c->rules.own = c->rules.count;
	if (c->with_peer)
		ra_config_rules_add(&c->rules, c->peer->peer->check);
}

/* --- what was read --- */

static int
build(struct ra_snapshot_builder *b, const struct ra_data *data, const char *where,
    struct ra_snapshot **ret)
{
	int r = where != NULL ? ra_snapshot_origin(b, where) : 0;

	if (r == 0)
		r = ra_snapshot_add_data(b, data);
	if (r == 0)
		return ra_snapshot_seal(b, ret);
	ra_snapshot_builder_free(b);
	return r;
}

static int
snapshot(const struct ra_judge_call *call, const struct ra_data *data, const char *where,
    struct ra_snapshot **ret)
{
	const struct config_options *o = call->options;
	struct ra_snapshot_rules rules = { .key = call->secret_key,
		.key_len = call->secret_key_len,
		.secret = o->secrets,
		.secret_count = o->secret.count,
		.open = o->opens,
		.open_count = o->open.count,
		.known = call->secrets,
		.known_count = call->secret_count,
		.templates = call->committed };
	size_t count = call->variables != NULL ? call->variables->count : 0;
	RA_FREE struct ra_placeholder *variables = calloc(count + 1, sizeof(*variables));
	struct ra_snapshot_builder *b;

	if (variables == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		variables[i] = (struct ra_placeholder){ .name = call->variables->list[i].name,
			.value = call->variables->list[i].text.value };
	rules.placeholders = variables;
	rules.placeholder_count = count;
	b = ra_snapshot_builder_new(&rules);
	return b != NULL ? build(b, data, where, ret) : -ENOMEM;
}

/* What the words of a check found. */
struct found {
	int64_t drifted; /* RA_UNSET: something was not compared */
	int64_t unverifiable;
};

static int
set_facts(const struct ra_judge_call *call, const struct ra_snapshot *s, const struct found *found,
    struct ra_facts *f)
{
	char digest[sizeof("sha256:") + RA_DIGEST_HEX] = "sha256:";
	int r = ra_config_digest(call, s, digest + strlen(digest));

	if (r == 0)
		r = ra_facts_set_number(f, facts, "keys", (int64_t)ra_snapshot_count(s));
	if (r == 0)
		r = ra_facts_set_text(f, facts, "digest", digest);
	if (r == 0 && found->drifted != RA_UNSET)
		r = ra_facts_set_number(f, facts, "drifted", found->drifted);
	if (r == 0 && found->unverifiable > 0)
		r = ra_facts_set_number(f, facts, "unverifiable", found->unverifiable);
	return r;
}

/* --- judging --- */

static const struct ra_gathered *
find_peer(const struct ra_judge_call *call, bool warn)
{
	for (size_t i = 0; i < call->input_count; i++) {
		const struct ra_gathered *g = &call->inputs[i];

		if (g->need.what == RA_NEED_PEER && g->peer->warn == warn &&
		    strcmp(g->peer->option, "same-as") == 0)
			return g;
	}
	return NULL;
}

static const struct ra_git_answer *
find_answer(const struct ra_judge_call *call, bool warn)
{
	for (size_t i = 0; i < call->answer_count; i++) {
		if (call->answers[i].warn == warn)
			return &call->answers[i];
	}
	return NULL;
}

/* What is committed for this check, whichever word asks for it. */
static void
take_committed(const struct ra_judge_call *call, struct ra_drift_side *side)
{
	const struct config_words *expect = call->expect, *warn = call->warn;

	for (size_t i = 0; side->committed == NULL && i < call->answer_count; i++) {
		side->committed = call->answers[i].snapshot;
		side->commit = call->answers[i].commit;
	}
	side->unread = side->committed == NULL &&
		       (expect->baseline != NULL || (warn != NULL && warn->baseline != NULL));
}

static int
compare_peer(struct config_case *c)
{
	struct ra_drift_side sides[2] = { { .name = "", .snapshot = c->snapshot } };
	struct ra_drift_call call = { .sides = sides,
		.side_count = 1,
		.rules = c->rules.list,
		.rule_count = c->rules.count,
		.key = c->call->secret_key,
		.key_len = c->call->secret_key_len };

	take_committed(c->call, &sides[0]);
	if (c->with_peer)
		sides[call.side_count++] = (struct ra_drift_side){ .name = "",
			.snapshot = c->peer->snapshot,
			.committed = c->peer->committed,
			.commit = c->peer->commit,
			.unread = c->peer->unread != NULL };
	return ra_drift_compare(&call, &c->drift);
}

static int
compare_baseline(struct config_case *c)
{
	struct ra_drift_side sides[2] = { { .name = "", .snapshot = c->snapshot },
		{ .name = "", .snapshot = c->answer->snapshot, .baseline = true } };
	struct ra_drift_call call = { .sides = sides,
		.side_count = 2,
		.rules = c->baseline_rules.list,
		.rule_count = c->baseline_rules.count,
		.key = c->call->secret_key,
		.key_len = c->call->secret_key_len };

	return ra_drift_compare(&call, &c->baseline);
}

static int
compare(struct config_case *c)
{
	int r;

	collect_rules(c);
	r = c->rules.error < 0 ? c->rules.error : c->baseline_rules.error;
	if (r == 0)
		r = compare_peer(c);
	if (r == 0 && c->answer != NULL)
		r = compare_baseline(c);
	return r;
}

/* What cannot be compared is noted. */
static void
take_others(struct config_case *c)
{
	const struct ra_git_answer *answer = find_answer(c->call, c->warn);
	const struct config_baseline *b = c->words->baseline;
	char ref[RA_GIT_REF];
	const char *why = NULL;
	enum ra_reason reason;

	c->peer = find_peer(c->call, c->warn);
	c->with_peer = c->peer != NULL && c->peer->reason == RA_R_OK;
	c->answer = answer != NULL && answer->snapshot != NULL ? answer : NULL;
	if (c->peer != NULL && !c->with_peer)
		ra_config_note_unread(c, ra_config_peer_name(c), RA_R_PEER_UNREAD, c->peer->error);
	if (b != NULL && c->answer == NULL) {
		reason = ra_config_fill_ref(c->call, b->committed.ref, ref, &why);
		if (answer != NULL)
			ra_config_note_unread(c, "its baseline", answer->reason, answer->error);
		else
			ra_config_note_unread(c, "its baseline",
			    reason != RA_R_OK ? reason : RA_R_REPO_NOT_FOUND, why);
	}
}

static void
conclude(struct ra_result *result, const struct config_case *c, struct found *found)
{
	int64_t count = (int64_t)ra_config_drifted(c);

	if (c->unread.len > 0 || found->drifted == RA_UNSET)
		found->drifted = RA_UNSET;
	else if (count > found->drifted)
		found->drifted = count;
	if ((int64_t)c->baseline.unverifiable > found->unverifiable)
		found->unverifiable = (int64_t)c->baseline.unverifiable;
	ra_config_say_unread(result, c);
	ra_config_say_doubt(result, c);
	if (c->drift.drift || c->baseline.drift)
		ra_config_say_breach(result, c->warn ? RA_WARNING : RA_CRITICAL, c);
	else if (!c->warn)
		ra_config_say_fine(result, c);
}

/* Of what is found the most of either words. */
static int
judge_words(struct ra_result *result, struct config_case *c, struct found *found)
{
	int r;

	c->words = c->warn ? c->call->warn : c->call->expect;
	c->unread = RA_BUF(0);
	take_others(c);
	r = compare(c);
	if (r == 0) {
		ra_config_note_undecided(c);
		r = c->unread.error; /* what is noted is what keeps it from being OK */
	}
	if (r == 0)
		conclude(result, c, found);
	ra_buf_free(&c->unread);
	ra_drift_free(&c->drift);
	ra_drift_free(&c->baseline);
	free(c->rules.list);
	free(c->baseline_rules.list);
	return r;
}

static int
judge_snapshot(
    const struct ra_judge_call *call, const struct ra_snapshot *s, struct ra_result *result)
{
	struct config_case warn = { .call = call, .snapshot = s, .warn = true };
	struct config_case expect = { .call = call, .snapshot = s };
	struct found found = { 0 };
	RA_FREE char *warned = NULL;
	int r = call->warn != NULL ? judge_words(result, &warn, &found) : 0;

	if (r < 0)
		return r;
	if (result->verdict == RA_WARNING) {
		expect.warned = warned = strdup(result->summary);
		if (warned == NULL)
			return -ENOMEM;
	}
	r = judge_words(result, &expect, &found);
	return r == 0 ? set_facts(call, s, &found, &result->facts) : r;
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
	int r;

	ra_result_evidence(ret, call->inputs[0].input->where);
	if (ra_snapshot_count(call->inputs[0].snapshot) == 0)
		ra_result_say(ret, RA_UNKNOWN, RA_R_EMPTY, "there is not a single key in it");
	r = judge_snapshot(call, call->inputs[0].snapshot, ret);
	if (r == -ENOMEM)
		ra_judge_no_memory(ret);
	else if (r < 0)
		ra_result_say(ret, RA_UNKNOWN, RA_R_INTERNAL, "not judged: %s", strerror(-r));
}

static const struct ra_committed *
committed(const void *bound)
{
	const struct config_words *w = bound;

	return w->baseline != NULL ? &w->baseline->committed : NULL;
}

/* What is committed for the words under `expect`, then under `warn`. */
static bool
ask(const struct ra_judge_call *call, size_t nth, struct ra_git_question *ret)
{
	const void *sets[] = { call->expect, call->warn };
	const char *why;

	for (size_t i = 0; i < RA_ARRAY_SIZE(sets); i++) {
		const struct ra_committed *c = sets[i] != NULL ? committed(sets[i]) : NULL;

		if (c == NULL || ra_config_fill_ref(call, c->ref, ret->ref, &why) != RA_R_OK ||
		    nth-- > 0)
			continue;
		ret->want = RA_GIT_BLOB;
		ret->committed = c;
		ret->warn = i > 0;
		ret->fresh = true;
		return true;
	}
	return false;
}

static size_t
needs(const void *bound, const void *expect, struct ra_need list[RA_NEEDS_MAX])
{
	list[0] = (struct ra_need){ .what = RA_NEED_SELF, .shapes = RA_SHAPE_KEYS };
	return 1;
}

const struct ra_kind ra_kind_config = {
	.type = {
		.name = "config",
		.help = "keys and values of a service's configuration",
		.options = options,
		.size = sizeof(struct config_options),
		.prepare = options_prepare,
	},
	.expectation = {
		.name = "config",
		.help = "how the keys must be",
		.options = words,
		.size = sizeof(struct config_words),
		.prepare = words_prepare,
	},
	.takes = RA_SHAPE_KEYS,
	.facts = facts,
	.agree = agree,
	.tell_difference = ra_config_tell_difference,
	.needs = needs,
	.ask = ask,
	.committed = committed,
	.snapshot = snapshot,
	.judge = judge,
};
