/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: which keys there are, and whether they are as they ought to be. */
#include <string.h>

#include "relaudit/model/pattern.h"

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
	    .help = "variables of the environment (and `environment`) whose values, wherever they "
		    "stand, do not count as a difference" },
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
	    .help = "keys that must be there, of any value" },
	{ 0 },
};

static const struct ra_fact_def facts[] = {
	{ "keys", RA_FACT_INT, "how many keys there are" },
	{ "digest", RA_FACT_TEXT, "of all keys and values that are looked at" },
	{ "drifted", RA_FACT_INT, "how many keys are not as they ought to be" },
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

static int
words_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct config_words *w = bound;

	for (size_t i = 0; i < w->required.count; i++) {
		if (ra_drift_is_pattern(w->required.list[i].value))
			ra_conf_complain(place, "required",
			    "'%s' is a pattern; say each name that must be there",
			    w->required.list[i].shown);
	}
	return 0;
}

/* --- rules --- */

/* The rules of both apply to a pair. */
static void
collect_rules(struct config_case *c)
{
	const struct config_options *o = c->call->options;
	const struct config_words *warn = c->call->warn, *expect = c->call->expect;

	ra_config_rules_keys(&c->rules, RA_DRIFT_IGNORE, &o->ignore);
	ra_config_rules_words(&c->rules, c->words);
	if (c->peer != NULL && warn != NULL) { /* what may differ may under the other word too */
		const struct config_words *rest = c->words == warn ? expect : warn;

		ra_config_rules_keys(&c->rules, RA_DRIFT_DIFFER, &rest->differ);
		ra_config_rules_keys(&c->rules, RA_DRIFT_MAY_DIFFER, &rest->may_differ);
	}
	c->rules.own = c->rules.count;
	if (c->peer != NULL)
		ra_config_rules_add(&c->rules, c->peer->peer->check);
}

/* --- what was read --- */

static int
build(const struct ra_judge_call *call, struct ra_snapshot **ret)
{
	const struct config_options *o = call->options;
	struct ra_snapshot_rules rules = { .key = call->secret_key,
		.key_len = call->secret_key_len,
		.secret = o->secrets,
		.secret_count = o->secret.count,
		.open = o->opens,
		.open_count = o->open.count };
	size_t count = call->variables != NULL ? call->variables->count : 0;
	RA_FREE struct ra_placeholder *variables = calloc(count + 1, sizeof(*variables));
	struct ra_snapshot_builder *b;
	int r;

	if (variables == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		variables[i] = (struct ra_placeholder){ .name = call->variables->list[i].name,
			.value = call->variables->list[i].text.value };
	rules.placeholders = variables;
	rules.placeholder_count = count;
	b = ra_snapshot_builder_new(&rules);
	r = b != NULL ? 0 : -ENOMEM;
	if (r == 0 && call->inputs[0].input->where != NULL)
		r = ra_snapshot_origin(b, call->inputs[0].input->where);
	if (r == 0)
		r = ra_snapshot_add_data(b, call->inputs[0].data);
	if (r == 0)
		return ra_snapshot_seal(b, ret);
	ra_snapshot_builder_free(b);
	return r;
}

/* What did not change need not be built again. */
static int
take(const struct ra_judge_call *call, struct ra_snapshot **ret)
{
	const struct ra_snapshot *known = call->inputs[0].snapshot;

	if (known == NULL)
		return build(call, ret);
	*ret = ra_snapshot_ref((struct ra_snapshot *)(uintptr_t)known);
	return 0;
}

static bool
is_ignored(const struct config_options *o, const char *key)
{
	for (size_t i = 0; i < o->ignore.count; i++) {
		if (ra_glob_match(o->ignore.list[i].value, key))
			return true;
	}
	return false;
}

/* Instances agree where nothing differs that is looked at. */
static int
digest_of(const struct ra_judge_call *call, const struct ra_snapshot *s, char out[RA_DIGEST_HEX])
{
	const struct config_options *o = call->options;
	uint8_t digest[RA_DIGEST_SIZE];
	struct ra_digest *d;

	if (o->ignore.count == 0 && (call->variables == NULL || call->variables->count == 0)) {
		ra_digest_hex(ra_snapshot_digest(s), out);
		return 0;
	}
	d = ra_digest_new();
	if (d == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ra_snapshot_count(s); i++) {
		struct ra_entry e = ra_snapshot_at(s, i);

		if (is_ignored(o, e.key))
			continue;
		ra_digest_add(d, e.key, e.key_len + 1);
		ra_digest_add(d, e.compared, e.compared_len + 1);
	}
	if (ra_digest_end(d, digest) < 0)
		return -EIO;
	ra_digest_hex(digest, out);
	return 0;
}

/* drifted: RA_UNSET where it is not known. */
static int
set_facts(const struct ra_judge_call *call, const struct ra_snapshot *s, int64_t drifted,
    struct ra_facts *f)
{
	char digest[sizeof("sha256:") + RA_DIGEST_HEX] = "sha256:";
	int r = digest_of(call, s, digest + strlen(digest));

	if (r == 0)
		r = ra_facts_set_number(f, facts, "keys", (int64_t)ra_snapshot_count(s));
	if (r == 0)
		r = ra_facts_set_text(f, facts, "digest", digest);
	if (r == 0 && drifted != RA_UNSET)
		r = ra_facts_set_number(f, facts, "drifted", drifted);
	return r;
}

/* --- judging --- */

static const struct ra_gathered *
find_peer(const struct ra_judge_call *call, bool warn)
{
	for (size_t i = 0; i < call->input_count; i++) {
		const struct ra_gathered *g = &call->inputs[i];

		if (g->need.what == RA_NEED_PEER && g->peer->warn == warn)
			return g;
	}
	return NULL;
}

static int
compare(struct config_case *c)
{
	struct ra_drift_side sides[2] = { { .name = "", .snapshot = c->snapshot } };
	struct ra_drift_call call = { .sides = sides,
		.side_count = 1,
		.key = c->call->secret_key,
		.key_len = c->call->secret_key_len };

	if (c->peer != NULL)
		sides[call.side_count++] =
		    (struct ra_drift_side){ .name = "", .snapshot = c->peer->snapshot };
	collect_rules(c);
	call.rules = c->rules.list;
	call.rule_count = c->rules.count;
	return c->rules.error == 0 ? ra_drift_compare(&call, &c->drift) : c->rules.error;
}

/* Words under `expect` or `warn`; *drifted is the most that either found. */
static int
judge_words(struct ra_result *result, const struct ra_judge_call *call, const struct ra_snapshot *s,
    bool warn, int64_t *drifted)
{
	struct config_case c = { .call = call,
		.words = warn ? call->warn : call->expect,
		.peer = find_peer(call, warn),
		.snapshot = s };
	bool unread = c.peer != NULL && c.peer->reason != RA_R_OK;
	int64_t count;
	int r;

	if (unread) {
		ra_config_say_unread(result, &c);
		c.peer = NULL;
	}
	r = compare(&c);
	if (r == 0) {
		count = (int64_t)(c.drift.row_count + c.drift.more);
		if (unread || *drifted == RA_UNSET)
			*drifted = RA_UNSET;
		else if (count > *drifted)
			*drifted = count;
		if (c.drift.drift)
			ra_config_say_breach(result, warn ? RA_WARNING : RA_CRITICAL, &c);
		else if (c.words == call->expect)
			ra_config_say_fine(result, &c);
		ra_drift_free(&c.drift);
	}
	free(c.rules.list);
	return r;
}

static int
judge_snapshot(
    const struct ra_judge_call *call, const struct ra_snapshot *s, struct ra_result *result)
{
	int64_t drifted = 0;
	int r = 0;

	if (call->warn != NULL)
		r = judge_words(result, call, s, true, &drifted);
	if (r == 0)
		r = judge_words(result, call, s, false, &drifted);
	return r == 0 ? set_facts(call, s, drifted, &result->facts) : r;
}

static void
say_failure(struct ra_result *r, int error)
{
	if (error == -EMSGSIZE)
		ra_result_say(
		    r, RA_UNKNOWN, RA_R_TOO_MANY_KEYS, "%s", ra_reason_meaning(RA_R_TOO_MANY_KEYS));
	else if (error == -ENOMEM)
		ra_judge_no_memory(r);
	else
		ra_result_say(r, RA_UNKNOWN, RA_R_INTERNAL, "not judged: %s", strerror(-error));
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
	struct ra_snapshot *s = NULL;
	int r;

	ra_result_evidence(ret, call->inputs[0].input->where);
	r = take(call, &s);
	if (r == 0)
		r = judge_snapshot(call, s, ret);
	if (r < 0)
		say_failure(ret, r);
	if (r == 0 && call->ret_snapshot != NULL)
		*call->ret_snapshot = RA_TAKE(s);
	ra_snapshot_unref(s);
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
	.needs = needs,
	.judge = judge,
};
