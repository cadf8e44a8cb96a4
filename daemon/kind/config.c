/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: which keys there are, and whether they are as they ought to be. */
#include <string.h>

#include "relaudit/base/buf.h"
#include "relaudit/kind/kind.h"
#include "relaudit/model/drift.h"
#include "relaudit/model/pattern.h"

#include "judge.h"

#define NAMES_ROOM 240 /* bytes of names in one text; more of them are counted */

struct config_options {
	struct ra_texts ignore, secret, open;
	const char *const *secrets, *const *opens; /* the same as snapshots take them */
};

struct config_words {
	struct ra_texts required, forbidden;
};

static const struct ra_option options[] = {
	{ .name = "ignore",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_options, ignore),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "keys that are not looked at: names, or patterns with * and ?" },
	{ .name = "secret",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_options, secret),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "more patterns of keys, in any case, whose values are secret" },
	{ .name = "public",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct config_options, open),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "names of keys that look like a secret's and are none" },
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

struct rules {
	struct ra_drift_rule *list;
	size_t count;
	int error;
};

static void
add_rules(struct rules *r, enum ra_drift_word word, const struct ra_texts *keys)
{
	struct ra_drift_rule *list;

	if (keys->count == 0 || r->error < 0)
		return;
	list = reallocarray(r->list, r->count + keys->count, sizeof(*list));
	if (list == NULL) {
		r->error = -ENOMEM;
		return;
	}
	r->list = list;
	for (size_t i = 0; i < keys->count; i++)
		list[r->count++] =
		    (struct ra_drift_rule){ .word = word, .key = keys->list[i].value };
}

static void
add_all_rules(struct rules *r, const struct config_options *o, const struct config_words *w)
{
	add_rules(r, RA_DRIFT_IGNORE, &o->ignore);
	add_rules(r, RA_DRIFT_REQUIRE, &w->required);
	add_rules(r, RA_DRIFT_FORBID, &w->forbidden);
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
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	int r = b != NULL ? 0 : -ENOMEM;

	if (r == 0 && call->inputs[0].input->where != NULL)
		r = ra_snapshot_origin(b, call->inputs[0].input->where);
	if (r == 0)
		r = ra_snapshot_add_data(b, call->inputs[0].data);
	if (r == 0)
		return ra_snapshot_seal(b, ret);
	ra_snapshot_builder_free(b);
	return r;
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
digest_of(const struct config_options *o, const struct ra_snapshot *s, char out[RA_DIGEST_HEX])
{
	uint8_t digest[RA_DIGEST_SIZE];
	struct ra_digest *d;

	if (o->ignore.count == 0) {
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
		ra_digest_add(d, e.value, e.value_len + 1);
	}
	if (ra_digest_end(d, digest) < 0)
		return -EIO;
	ra_digest_hex(digest, out);
	return 0;
}

static int
set_facts(const struct config_options *o, const struct ra_snapshot *s, int64_t drifted,
    struct ra_facts *f)
{
	char digest[sizeof("sha256:") + RA_DIGEST_HEX] = "sha256:";
	int r = digest_of(o, s, digest + strlen(digest));

	if (r == 0)
		r = ra_facts_set_number(f, facts, "keys", (int64_t)ra_snapshot_count(s));
	if (r == 0)
		r = ra_facts_set_text(f, facts, "digest", digest);
	return r == 0 ? ra_facts_set_number(f, facts, "drifted", drifted) : r;
}

/* --- saying --- */

/* Names in a row, as many as fit. */
struct names {
	struct ra_buf text;
	size_t count, left;
};

static void
add_name(struct names *n, const char *name)
{
	if (n->text.len + strlen(name) > NAMES_ROOM && n->count > 0)
		n->left++;
	else
		ra_buf_printf(&n->text, "%s%.*s", n->count > 0 ? ", " : "", NAMES_ROOM, name);
	n->count++;
}

static const char *
all_names(struct names *n)
{
	if (n->left > 0)
		ra_buf_printf(&n->text, " and %zu more", n->left);
	n->left = 0;
	return ra_buf_text(&n->text);
}

static const char *
plural(size_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

static void
tell_rows(struct ra_buf *out, const struct ra_drift *d, enum ra_drift_verdict verdict,
    const char *one, const char *many)
{
	struct names n = { .text = RA_BUF(0) };

	for (size_t i = 0; i < d->row_count; i++) {
		if (d->rows[i].counts && d->rows[i].verdict == verdict)
			add_name(&n, d->rows[i].key);
	}
	if (n.count > 0)
		ra_buf_printf(out, "%s%zu %s: %s", out->len > 0 ? "; " : "", n.count,
		    plural(n.count, one, many), all_names(&n));
	ra_buf_free(&n.text);
}

static void
tell_list(struct ra_buf *out, const char *word, const struct ra_texts *keys)
{
	struct names n = { .text = RA_BUF(0) };

	for (size_t i = 0; i < keys->count; i++)
		add_name(&n, keys->list[i].shown);
	if (n.count > 0)
		ra_buf_printf(out, "%s%s %s", out->len > 0 ? "; " : "", word, all_names(&n));
	ra_buf_free(&n.text);
}

static void
say_expected(struct ra_result *r, const struct config_words *w)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	tell_list(&text, "required", &w->required);
	tell_list(&text, "forbidden", &w->forbidden);
	if (text.len > 0)
		ra_result_expected(r, "%s", ra_buf_text(&text));
}

static size_t
count_rows(const struct ra_drift *d, enum ra_drift_verdict verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < d->row_count; i++)
		n += d->rows[i].counts && d->rows[i].verdict == verdict;
	return n;
}

static enum ra_reason
reason_of(const struct ra_drift *d)
{
	size_t missing = count_rows(d, RA_DRIFT_REQUIRED);
	size_t forbidden = count_rows(d, RA_DRIFT_FORBIDDEN);

	if (missing == d->row_count)
		return RA_R_KEY_MISSING;
	return forbidden == d->row_count ? RA_R_KEY_FORBIDDEN : RA_R_DRIFT;
}

/* The file, with the line of the first key that is wrong. */
static void
say_evidence(struct ra_result *r, const struct ra_drift *d, const char *where)
{
	RA_BUF_LOCAL text = RA_BUF(RA_EVIDENCE_MAX);
	uint32_t line = 0;

	for (size_t i = 0; line == 0 && i < d->row_count; i++) {
		const struct ra_drift_row *row = &d->rows[i];

		line = row->counts && row->cells[0].present ? row->cells[0].line : 0;
	}
	if (line == 0 || where == NULL)
		return;
	ra_buf_printf(&text, where[0] == '/' ? "%s:%u" : "%s, line %u", where, line);
	ra_result_evidence(r, ra_buf_text(&text));
}

static void
tell_unused(struct ra_buf *out, const struct ra_drift *d, const struct rules *rules)
{
	struct names n = { .text = RA_BUF(0) };

	for (size_t i = 0; i < d->unused_count; i++) {
		if (rules->list[d->unused[i]].word == RA_DRIFT_IGNORE)
			add_name(&n, rules->list[d->unused[i]].key);
	}
	if (n.count > 0)
		ra_buf_printf(out, "; `ignore` meets no key in %s", all_names(&n));
	ra_buf_free(&n.text);
}

/* --- judging --- */

struct judging {
	const struct ra_judge_call *call;
	struct ra_result *result;
	const struct ra_snapshot *snapshot;
	size_t drifted;
};

static void
say_breach(struct judging *j, enum ra_verdict bad, const struct config_words *w,
    const struct ra_drift *d, const struct rules *rules)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	if (!ra_judge_begin(j->result, bad))
		return;
	tell_rows(
	    &text, d, RA_DRIFT_REQUIRED, "required key is missing", "required keys are missing");
	tell_rows(
	    &text, d, RA_DRIFT_FORBIDDEN, "forbidden key is there", "forbidden keys are there");
	tell_unused(&text, d, rules);
	ra_result_say(j->result, bad, reason_of(d), "%s", ra_buf_text(&text));
	say_expected(j->result, w);
	say_evidence(j->result, d, j->call->inputs[0].input->where);
}

static void
say_fine(struct judging *j, const struct config_words *w, const struct ra_drift *d,
    const struct rules *rules)
{
	const struct ra_data *data = j->call->inputs[0].data;
	size_t count = ra_snapshot_count(j->snapshot);
	RA_BUF_LOCAL text = RA_BUF(0);

	ra_buf_printf(&text, "%zu %s", count, plural(count, "key", "keys"));
	if (d->ignored > 0)
		ra_buf_printf(&text, ", %zu ignored", d->ignored);
	if (data->keys.skipped > 0)
		ra_buf_printf(&text, "; %u %s not read, the first is line %u", data->keys.skipped,
		    plural(data->keys.skipped, "line is", "lines are"), data->keys.skipped_line);
	tell_unused(&text, d, rules);
	ra_result_say(j->result, RA_OK, RA_R_OK, "%s", ra_buf_text(&text));
	say_expected(j->result, w);
}

static int
judge_words(struct judging *j, enum ra_verdict bad, const struct config_words *w)
{
	struct ra_drift_side side = { .name = "", .snapshot = j->snapshot };
	struct rules rules = { 0 };
	struct ra_drift_call call = { .sides = &side,
		.side_count = 1,
		.key = j->call->secret_key,
		.key_len = j->call->secret_key_len };
	struct ra_drift d;
	int r;

	add_all_rules(&rules, j->call->options, w);
	call.rules = rules.list;
	call.rule_count = rules.count;
	r = rules.error == 0 ? ra_drift_compare(&call, &d) : rules.error;
	if (r < 0) {
		free(rules.list);
		return r;
	}
	if (d.row_count + d.more > j->drifted)
		j->drifted = d.row_count + d.more;
	if (d.drift)
		say_breach(j, bad, w, &d, &rules);
	else if (bad == RA_CRITICAL && j->call->warn == NULL)
		say_fine(j, w, &d, &rules);
	else if (bad == RA_WARNING && j->result->verdict == RA_PENDING)
		say_fine(j, j->call->expect, &d, &rules);
	ra_drift_free(&d);
	free(rules.list);
	return 0;
}

static int
judge_snapshot(struct judging *j)
{
	int r = judge_words(j, RA_CRITICAL, j->call->expect);

	if (r == 0 && j->call->warn != NULL)
		r = judge_words(j, RA_WARNING, j->call->warn);
	if (r == 0)
		r = set_facts(
		    j->call->options, j->snapshot, (int64_t)j->drifted, &j->result->facts);
	return r;
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
	struct judging j = { .call = call, .result = ret };
	struct ra_snapshot *s = NULL;
	int r;

	ra_result_evidence(ret, call->inputs[0].input->where);
	r = build(call, &s);
	j.snapshot = s;
	if (r == 0)
		r = judge_snapshot(&j);
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
