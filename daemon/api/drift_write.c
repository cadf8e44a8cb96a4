/* SPDX-License-Identifier: Apache-2.0 */
/* Compares on a worker and writes the answer, straight into its buffer. */
#include <stdio.h>
#include <string.h>

#include "relaudit/base/escape.h"

#include "drift.h"

#define NOTED 8 /* keys in one note; more of them are counted */

struct writing {
	struct ra_drift_job *job;
	struct ra_jsonw w;
	struct ra_buf unused, suggested; /* texts, each with its NUL */
	struct ra_map told; /* of the unused, to themselves */
	bool *met; /* of the patterns of `ignore` that were asked for: some key did */
	struct ra_drift_suggestion suggestion;
	struct ra_buf hints, origins; /* comments, and entries of a map, of the same */
	struct ra_map hinted; /* keys that are in one of them */
	const struct ra_check *owner; /* whose that is */
	bool drift;
	size_t same, ignored, unverifiable, released, undecided, older, more;
};

/* --- rows --- */

static void
write_type(struct ra_jsonw *w, unsigned flags)
{
	if ((flags & RA_KEY_NULL) != 0)
		ra_jsonw_text(w, "type", "null");
	else if ((flags & RA_KEY_MAP) != 0)
		ra_jsonw_text(w, "type", "map");
	else if ((flags & RA_KEY_LIST) != 0)
		ra_jsonw_text(w, "type", "list");
}

static void
write_cell(struct ra_jsonw *w, const char *side, const struct ra_drift_row *row,
    const struct ra_drift_cell *cell, int64_t changed)
{
	if (!cell->present) {
		ra_jsonw_null(w, side);
		return;
	}
	ra_jsonw_object(w, side);
	if (row->secret) {
		ra_jsonw_bool(w, "secret", true);
		ra_jsonw_text(w, "digest", cell->value);
	} else {
		ra_jsonw_textn(w, "value", cell->value, cell->value_len);
		write_type(w, cell->flags);
	}
	if (cell->standing != RA_DRIFT_UNKNOWN)
		ra_jsonw_bool(w, "committed", cell->standing == RA_DRIFT_AS_COMMITTED);
	if (row->verdict == RA_DRIFT_OTHER_ORIGIN && cell->origin[0] != '\0')
		ra_jsonw_text(w, "origin", cell->origin);
	if (changed != 0)
		ra_jsonw_time(w, "changed", changed);
	ra_jsonw_object_end(w);
}

static void
write_wrong(struct ra_jsonw *w, const struct ra_drift_pairing *p, const struct ra_drift_row *row)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++)
		count += row->cells[i].standing == RA_DRIFT_NOT_AS_COMMITTED;
	if (count == 0)
		return;
	ra_jsonw_array(w, "wrong");
	for (size_t i = 0; i < p->count; i++) {
		if (row->cells[i].standing == RA_DRIFT_NOT_AS_COMMITTED)
			ra_jsonw_text(w, NULL, p->sides[i].name);
	}
	ra_jsonw_array_end(w);
}

static const char *
cause_of(const struct ra_drift_row *row)
{
	if (row->release)
		return "release";
	return "drift";
}

static void
write_row(struct writing *t, const struct ra_drift_pairing *p, const struct ra_drift_row *row)
{
	struct ra_jsonw *w = &t->w;
	int64_t latest = 0;

	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "check", p->name);
	ra_jsonw_text(w, "key", row->key);
	ra_jsonw_text(w, "verdict", ra_drift_verdict_name(row->verdict));
	if (!row->undecided)
		ra_jsonw_text(w, "cause", cause_of(row));
	ra_jsonw_object(w, "values");
	for (size_t i = 0; i < p->count; i++) {
		int64_t changed =
		    p->sides[i].baseline ? 0 : ra_drift_changed(t->job, p->checks[i], row->key);

		latest = changed > latest ? changed : latest;
		write_cell(w, p->sides[i].name, row, &row->cells[i], changed);
	}
	ra_jsonw_object_end(w);
	write_wrong(w, p, row);
	if (latest != 0)
		ra_jsonw_time(w, "changed", latest);
	ra_jsonw_object_end(w);
}

/* --- rules --- */

static void
collect_rules(struct ra_drift_job *j, const struct ra_drift_pairing *p, struct ra_config_rules *r)
{
	for (size_t i = 0; i < p->count; i++) {
		if (i > 0 && p->checks[i] == p->checks[i - 1])
			continue;
		ra_config_rules_add(r, p->checks[i]);
		ra_config_rules_warn(r, p->checks[i]);
	}
	for (size_t i = 0; i < p->count; i++) {
		if (p->sides[i].baseline)
			ra_config_rules_sops(r);
	}
	for (size_t i = 0; i < j->ignore_count; i++)
		ra_config_rules_key(r, RA_DRIFT_IGNORE, j->ignore[i]);
}

/* A rule that several checks have, or several comparisons look at, is told once. */
static void
tell_unused(struct writing *t, const char *word, const char *key)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	char *kept;

	ra_buf_printf(&text, "%s %s", word, key);
	if (ra_map_get(&t->told, ra_buf_text(&text)) != NULL)
		return;
	kept = ra_arena_strdup(t->job->arena, ra_buf_text(&text));
	if (kept == NULL || ra_map_put(&t->told, kept, kept, NULL) < 0)
		t->unused.error = -ENOMEM;
	ra_buf_add(&t->unused, ra_buf_text(&text), text.len + 1);
}

/* Those that were asked for come last; they meet a key if they do in one of the comparisons. */
static void
note_unused(struct writing *t, const struct ra_drift *d, const struct ra_config_rules *rules)
{
	size_t asked = t->job->ignore_count, own = rules->count - asked, at = 0;

	for (size_t i = 0; i < asked; i++) {
		while (at < d->unused_count && d->unused[at] < own + i)
			at++;
		t->met[i] = t->met[i] || at == d->unused_count || d->unused[at] != own + i;
	}
	for (size_t i = 0; i < d->unused_count && d->unused[i] < own; i++) {
		const struct ra_drift_rule *rule = &rules->list[d->unused[i]];

		if ((rule->word == RA_DRIFT_IGNORE || rule->word == RA_DRIFT_ORIGIN) &&
		    !ra_config_rule_is_sops(rule))
			tell_unused(t, ra_drift_word_name(rule->word), rule->key);
	}
}

static void
note_unmet(struct writing *t)
{
	for (size_t i = 0; i < t->job->ignore_count && t->job->pairing_count > 0; i++) {
		if (!t->met[i])
			tell_unused(t, ra_drift_word_name(RA_DRIFT_IGNORE), t->job->ignore[i]);
	}
}

/* --- suggestions --- */

static void
add_quoted(struct ra_buf *out, const char *text)
{
	ra_buf_putc(out, '"');
	ra_escape_json(out, text, strlen(text));
	ra_buf_putc(out, '"');
}

/* As a pattern that meets the text and nothing else. */
static void
add_literal(struct ra_buf *out, const char *text)
{
	RA_BUF_LOCAL pattern = RA_BUF(0);

	for (; *text != '\0'; text++) {
		if (ra_drift_is_pattern((const char[]){ *text, '\0' }))
			ra_buf_putc(&pattern, '\\');
		ra_buf_putc(&pattern, *text);
	}
	if (pattern.error < 0)
		out->error = pattern.error;
	add_quoted(out, ra_buf_text(&pattern));
}

/* What is committed has no origin that a rule looks at. */
static bool
has_origin(const struct ra_drift_row *row, const struct ra_drift_call *call, size_t side)
{
	return row->cells[side].present && !call->sides[side].baseline;
}

/* Where the key stands on all sides that have it; NULL: not in one place. */
static const char *
origin_of(const struct ra_drift_row *row, const struct ra_drift_call *call)
{
	const char *origin = NULL;

	for (size_t i = 0; i < call->side_count; i++) {
		if (!has_origin(row, call, i))
			continue;
		if (origin != NULL && strcmp(origin, row->cells[i].origin) != 0)
			return NULL;
		origin = row->cells[i].origin;
	}
	return origin;
}

static void
hint_origin(struct writing *t, const struct ra_drift_row *row, const struct ra_drift_call *call)
{
	const char *origin = origin_of(row, call);
	bool first = true;

	ra_buf_puts(&t->hints, "# ");
	add_quoted(&t->hints, row->key);
	if (origin != NULL) {
		ra_buf_puts(
		    &t->hints, ": the entry of `origin` below is in place of the one it has\n");
		ra_buf_puts(&t->origins, t->origins.len > 0 ? ", " : "");
		add_literal(&t->origins, row->key);
		ra_buf_puts(&t->origins, ": ");
		add_literal(&t->origins, origin);
		return;
	}
	ra_buf_puts(&t->hints, ": give its entry of `origin` a pattern that matches ");
	for (size_t i = 0; i < call->side_count; i++) {
		if (!has_origin(row, call, i))
			continue;
		ra_buf_puts(&t->hints, first ? "" : " and ");
		add_quoted(&t->hints, row->cells[i].origin);
		first = false;
	}
	ra_buf_putc(&t->hints, '\n');
}

/* What a key was hinted at for. */
static char hint_differ[] = "differ", hint_other[] = "origin";

/* Rows whose rule itself is what is to be changed: to ignore the key would end all its rules. */
static void
take_hints(struct writing *t, struct ra_drift *d, const struct ra_drift_call *call)
{
	for (size_t i = 0; i < d->row_count; i++) {
		struct ra_drift_row *row = &d->rows[i];
		bool differ = row->verdict == RA_DRIFT_MUST_DIFFER;

		if (!differ && row->verdict != RA_DRIFT_OTHER_ORIGIN) {
			/* Its own rule is what is to be changed. */
			if (ra_map_get(&t->hinted, row->key) == hint_differ)
				row->counts = false;
			continue;
		}
		row->counts = false;
		if (ra_map_get(&t->hinted, row->key) != NULL)
			continue;
		if (ra_map_put(&t->hinted, row->key, differ ? hint_differ : hint_other, NULL) < 0)
			t->hints.error = -ENOMEM;
		if (!differ) {
			hint_origin(t, row, call);
			continue;
		}
		ra_buf_puts(&t->hints, "# ");
		add_quoted(&t->hints, row->key);
		ra_buf_puts(&t->hints, ": take it out of `differ`\n");
	}
}

/* Comparisons of one owner follow each other: what is to be pasted is one piece. */
static void
end_suggestion(struct writing *t)
{
	RA_BUF_LOCAL text = RA_BUF(RA_DRIFT_BODY_MAX);

	ra_buf_add(&text, ra_buf_text(&t->hints), t->hints.len);
	if (ra_drift_suggest_write(&t->suggestion, &text) < 0)
		t->suggested.error = text.error;
	if (t->origins.len > 0)
		ra_buf_printf(&text, "%s  origin: {%s}\n",
		    t->suggestion.may_differ.len > 0 ? "" : "expect:\n", ra_buf_text(&t->origins));
	if (t->hints.error < 0 || t->origins.error < 0)
		t->suggested.error = t->hints.error < 0 ? t->hints.error : t->origins.error;
	if (text.len > 0) {
		ra_buf_add(&t->suggested, t->owner->id, strlen(t->owner->id) + 1);
		ra_buf_add(&t->suggested, text.data, text.len + 1);
	}
	ra_drift_suggest_free(&t->suggestion);
	ra_buf_free(&t->hints);
	ra_buf_free(&t->origins);
	ra_map_free(&t->hinted);
}

static void
suggest(struct writing *t, const struct ra_drift_pairing *p, struct ra_drift *d,
    const struct ra_drift_call *call)
{
	if (!t->job->suggest)
		return;
	if (t->owner != p->owner)
		end_suggestion(t);
	t->owner = p->owner;
	take_hints(t, d, call);
	ra_drift_suggest_add(&t->suggestion, d, call);
}

/* --- notes --- */

static bool
is_as_committed(const struct ra_drift_row *row, size_t sides, size_t which)
{
	return ra_drift_row_as_committed(row, sides);
}

/* The first side in whose text a value of its own stands. */
static bool
is_own_of(const struct ra_drift_row *row, size_t sides, size_t which)
{
	size_t own = 0;

	while (own < sides && !row->cells[own].own)
		own++;
	return row->same_text && own == which;
}

/* "config-api: TEXT: A, B and 3 more" */
static void
note_rows(struct ra_drift_job *j, const struct ra_drift_pairing *p, const struct ra_drift *d,
    bool (*is_one)(const struct ra_drift_row *row, size_t sides, size_t which), size_t which,
    const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < d->row_count; i++) {
		if (!d->rows[i].counts || !is_one(&d->rows[i], p->count, which))
			continue;
		if (count == 0)
			ra_buf_printf(&j->notes, "%s: %s: ", p->name, text);
		if (count < NOTED)
			ra_buf_printf(&j->notes, "%s%s", count > 0 ? ", " : "", d->rows[i].key);
		count++;
	}
	if (count > NOTED)
		ra_buf_printf(&j->notes, " and %zu more", count - NOTED);
	if (count > 0)
		ra_buf_putc(&j->notes, '\0');
}

/* What answers the next question: why, or who is right. */
static void
note_all(struct ra_drift_job *j, const struct ra_drift_pairing *p, const struct ra_drift *d)
{
	bool baseline = false;

	for (size_t i = 0; i < p->count; i++)
		baseline = baseline || p->sides[i].baseline;
	note_rows(j, p, d, is_as_committed, 0, "each side is as committed at its version");
	for (size_t i = 0; i < p->count; i++) {
		RA_BUF_LOCAL text = RA_BUF(0);

		ra_buf_printf(
		    &text, "the same text, but %s's own by `normalize`", p->sides[i].name);
		note_rows(j, p, d, is_own_of, i,
		    baseline ? "a template that nobody filled in" : ra_buf_text(&text));
	}
}

/* --- one comparison --- */

/* What is on one side alone may be drift, or the release: whose version was not read is named. */
static void
name_unread(struct ra_drift_job *j, const struct ra_drift_pairing *p, const struct ra_drift *d)
{
	for (size_t i = 0; i < p->count && d->undecided > 0; i++) {
		if (p->whys[i] != NULL)
			ra_drift_say_baseline(j, p->checks[i], p->whys[i]);
	}
}

static int
compare(struct writing *t, const struct ra_drift_pairing *p, const struct ra_config_rules *rules)
{
	const struct ra_drift_job *j = t->job;
	struct ra_drift_call call = { .sides = p->sides,
		.side_count = p->count,
		.rules = rules->list,
		.rule_count = rules->count,
		.key = j->key,
		.key_len = sizeof(j->key),
		.only = j->only,
		.only_count = j->only_count,
		.strict = j->strict,
		.all = j->all };
	struct ra_drift d;
	int r = ra_drift_compare(&call, &d);

	if (r < 0)
		return r;
	t->older += ra_drift_keep_changed(j, p, &d);
	name_unread(t->job, p, &d);
	note_all(t->job, p, &d);
	for (size_t i = 0; i < d.row_count && t->w.out->error == 0; i++)
		write_row(t, p, &d.rows[i]);
	note_unused(t, &d, rules);
	suggest(t, p, &d, &call);
	t->drift = t->drift || d.drift;
	t->same += d.same;
	t->ignored += d.ignored;
	t->unverifiable += d.unverifiable;
	t->released += d.released;
	t->undecided += d.undecided;
	t->more += d.more;
	ra_drift_free(&d);
	return t->w.out->error;
}

static int
compare_all(struct writing *t)
{
	int r = 0;

	for (const struct ra_drift_pairing *p = t->job->pairings; p != NULL && r == 0;
	     p = p->next) {
		struct ra_config_rules rules = { 0 };

		if (p->skip)
			continue;
		collect_rules(t->job, p, &rules);
		r = rules.error == 0 ? compare(t, p, &rules) : rules.error;
		free(rules.list);
	}
	return r;
}

/* --- the answer --- */

static void
write_texts(struct ra_jsonw *w, const char *key, const struct ra_buf *texts)
{
	ra_jsonw_array(w, key);
	for (size_t at = 0; at < texts->len; at += strlen(texts->data + at) + 1)
		ra_jsonw_text(w, NULL, texts->data + at);
	ra_jsonw_array_end(w);
}

/* Objects of a check and a text. */
static void
write_pairs(struct ra_jsonw *w, const char *key, const char *name, const struct ra_buf *texts)
{
	ra_jsonw_array(w, key);
	for (size_t at = 0; at < texts->len;) {
		const char *check = texts->data + at, *text = check + strlen(check) + 1;

		ra_jsonw_object(w, NULL);
		ra_jsonw_text(w, "check", check);
		ra_jsonw_text(w, name, text);
		ra_jsonw_object_end(w);
		at += strlen(check) + strlen(text) + 2;
	}
	ra_jsonw_array_end(w);
}

static void
write_baselines(struct ra_jsonw *w, const struct ra_buf *texts)
{
	ra_jsonw_array(w, "baselines");
	for (size_t at = 0; at < texts->len;) {
		const char *check = texts->data + at, *ref = check + strlen(check) + 1;
		const char *path = ref + strlen(ref) + 1;

		ra_jsonw_object(w, NULL);
		ra_jsonw_text(w, "check", check);
		ra_jsonw_text(w, "ref", ref);
		ra_jsonw_text(w, "path", path);
		ra_jsonw_object_end(w);
		at = (size_t)(path - texts->data) + strlen(path) + 1;
	}
	ra_jsonw_array_end(w);
}

static void
write_head(struct writing *t)
{
	struct ra_jsonw *w = &t->w;

	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "schema", RA_API_SCHEMA);
	ra_jsonw_array(w, "environments");
	for (size_t i = 0; i < t->job->environment_count; i++)
		ra_jsonw_text(w, NULL, t->job->environments[i]->name);
	ra_jsonw_array_end(w);
	ra_jsonw_array(w, "rows");
}

static void
write_counts(struct writing *t)
{
	struct ra_jsonw *w = &t->w;

	ra_jsonw_int(w, "compared", (int64_t)t->job->pairing_count);
	ra_jsonw_int(w, "same", (int64_t)t->same);
	ra_jsonw_int(w, "ignored", (int64_t)t->ignored);
	ra_jsonw_int(w, "unverifiable", (int64_t)t->unverifiable);
	ra_jsonw_int(w, "released", (int64_t)t->released);
	if (t->undecided > 0)
		ra_jsonw_int(w, "undecided", (int64_t)t->undecided);
	if (t->job->changes != NULL)
		ra_jsonw_int(w, "older", (int64_t)t->older);
	if (t->more > 0)
		ra_jsonw_int(w, "more", (int64_t)t->more);
}

static void
write_tail(struct writing *t)
{
	struct ra_drift_job *j = t->job;
	struct ra_jsonw *w = &t->w;

	ra_jsonw_array_end(w);
	ra_jsonw_bool(w, "drift", t->drift);
	write_texts(w, "unread", &j->unread);
	write_pairs(w, "errors", "message", &j->errors);
	ra_jsonw_object(w, "checked");
	for (size_t i = 0; i < j->environment_count; i++) {
		if (j->checked[j->environments[i]->index] != 0)
			ra_jsonw_time(
			    w, j->environments[i]->name, j->checked[j->environments[i]->index]);
	}
	ra_jsonw_object_end(w);
	if (j->baselines.len > 0)
		write_baselines(w, &j->baselines);
	write_counts(t);
	write_texts(w, "unused_rules", &t->unused);
	write_texts(w, "notes", &j->notes);
	if (j->suggest)
		write_pairs(w, "suggest", "yaml", &t->suggested);
	ra_jsonw_object_end(w);
}

void
ra_drift_run(void *job)
{
	struct ra_drift_job *j = job;
	struct writing t = { .job = j,
		.unused = RA_BUF(RA_DRIFT_BODY_MAX),
		.suggested = RA_BUF(RA_DRIFT_BODY_MAX),
		.hints = RA_BUF(RA_DRIFT_BODY_MAX),
		.origins = RA_BUF(RA_DRIFT_BODY_MAX),
		.met = ra_arena_alloc(j->arena, j->ignore_count + 1) };
	const struct ra_buf *const all[] = { &j->body, &j->unread, &j->errors, &j->baselines,
		&j->notes, &t.unused, &t.suggested };
	int r;

	ra_jsonw_init(&t.w, &j->body);
	r = t.met != NULL ? ra_drift_read_changes(j) : -ENOMEM;
	write_head(&t);
	if (r == 0)
		r = compare_all(&t);
	end_suggestion(&t);
	if (r == 0)
		note_unmet(&t);
	/* Of a record that found no room half may be there: reading it would run past the end. */
	for (size_t i = 0; i < RA_ARRAY_SIZE(all); i++)
		r = r == 0 ? all[i]->error : r;
	if (r == 0) {
		write_tail(&t);
		r = j->body.error;
	}
	j->error = r;
	ra_buf_free(&t.unused);
	ra_buf_free(&t.suggested);
	ra_map_free(&t.told);
}
