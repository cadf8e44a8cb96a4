/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/drift.h"

#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/model/pattern.h"

#include "drift_private.h"

#define ROWS_FEW 32

/* --- rows --- */

static int
fill_cell(struct ra_drift_walk *w, size_t i, bool secret, struct ra_drift_cell *cell)
{
	const struct ra_drift_cursor *c = &w->sides[i];

	*cell = (struct ra_drift_cell){ .standing = ra_drift_standing_of(w, i) };
	if (c->slot == NULL)
		return w->error;
	cell->present = true;
	cell->flags = c->slot->flags & RA_SLOT_TYPES;
	cell->line = c->slot->line;
	cell->origin = c->s->texts + c->s->origins[c->slot->origin];
	cell->value = c->s->texts + c->slot->value;
	cell->value_len = c->slot->value_len;
	cell->own = c->slot->compared != c->slot->value;
	/* A secret on one side is one on the others: where it differs it may be what it was. */
	if (secret && (c->slot->flags & RA_SLOT_SECRET) == 0) {
		char digest[RA_SECRET_TEXT];

		if (ra_drift_digest(w, cell->value, cell->value_len, digest) < 0)
			return w->error;
		cell->value = ra_arena_strdup(w->d->arena, digest);
		cell->value_len = RA_SECRET_TEXT - 1;
		if (cell->value == NULL)
			return -ENOMEM;
	}
	return w->error;
}

static int
grow_rows(struct ra_drift_walk *w)
{
	size_t room = w->room == 0 ? ROWS_FEW : w->room * 2;
	void *rows, *cells;

	if (w->d->row_count < w->room)
		return 0;
	rows = reallocarray(w->d->rows, room, sizeof(*w->d->rows));
	if (rows == NULL)
		return -ENOMEM;
	w->d->rows = rows;
	cells = reallocarray(w->d->cells, room * w->n, sizeof(*w->d->cells));
	if (cells == NULL)
		return -ENOMEM;
	w->d->cells = cells;
	w->room = room;
	return 0;
}

static bool
has_flag(const struct ra_drift_cursor *c, unsigned flag)
{
	return c->slot != NULL && (c->slot->flags & flag) != 0;
}

/* By one of the sides, or as somebody encrypted what is committed. */
static bool
is_secret(const struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (has_flag(&w->sides[i], RA_SLOT_SECRET) ||
		    has_flag(&w->committed[i], RA_SLOT_ENCRYPTED) ||
		    (w->call->sides[i].baseline && has_flag(&w->sides[i], RA_SLOT_ENCRYPTED)))
			return true;
	}
	return false;
}

/* The key, secret and cells are filled in. */
static int
add_row(struct ra_drift_walk *w, struct ra_drift_row row)
{
	struct ra_drift *d = w->d;
	bool secret = is_secret(w);
	int r;

	if ((d->row_count + 1) * w->n > RA_DRIFT_CELLS_MAX) {
		d->more++;
		return 0;
	}
	r = grow_rows(w);
	for (size_t i = 0; i < w->n && r == 0; i++)
		r = fill_cell(w, i, secret, &d->cells[d->row_count * w->n + i]);
	if (r < 0)
		return r;
	row.key = w->key;
	row.key_len = w->key_len;
	row.secret = secret;
	d->rows[d->row_count++] = row;
	return 0;
}

static bool
is_wanted(const struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->call->only_count; i++) {
		if (ra_glob_match(w->call->only[i], w->key))
			return true;
	}
	return w->call->only_count == 0;
}

static int
settle(struct ra_drift_walk *w, unsigned words)
{
	enum ra_drift_cause cause = RA_DRIFT_DRIFTED;
	struct ra_drift_row row = { 0 };
	struct ra_drift *d = w->d;
	bool bad;

	if (!is_wanted(w))
		return 0;
	row.verdict = ra_drift_judge(w, words);
	bad = row.verdict >= RA_DRIFT_MISSING;
	if (row.verdict == RA_DRIFT_MISSING)
		cause = ra_drift_cause_of(w);
	row.release = cause == RA_DRIFT_RELEASED;
	row.undecided = cause == RA_DRIFT_UNDECIDED;
	row.counts = bad && (cause == RA_DRIFT_DRIFTED || w->call->strict);
	row.same_text = row.verdict == RA_DRIFT_DIFFERS && ra_drift_same_text(w);
	if (w->error < 0)
		return w->error;
	d->same += row.verdict == RA_DRIFT_SAME;
	d->ignored += row.verdict == RA_DRIFT_IGNORED;
	d->unverifiable += row.verdict == RA_DRIFT_UNVERIFIABLE;
	d->released += row.release && !row.counts;
	d->undecided += row.undecided && !row.counts;
	d->drift = d->drift || row.counts;
	return bad || w->call->all ? add_row(w, row) : 0;
}

/* --- the walk --- */

static const char *
key_at(const struct ra_drift_cursor *c, size_t *ret_len)
{
	const struct ra_slot *slot = &c->s->slots[c->at];

	*ret_len = slot->key_len - c->skip;
	return c->s->texts + slot->key + c->skip;
}

/* The least key that a side has; its cursors' slots are set where they have it. False: the end. */
static bool
next_key(struct ra_drift_walk *w)
{
	w->key = NULL;
	for (size_t i = 0; i < w->n; i++) {
		struct ra_drift_cursor *c = &w->sides[i];
		size_t len;
		const char *key;
		int r;

		c->slot = NULL;
		if (c->at == c->s->count)
			continue;
		key = key_at(c, &len);
		r = w->key == NULL ? -1 : ra_text_compare(key, len, w->key, w->key_len);
		if (r < 0) {
			for (size_t j = 0; j < i; j++)
				w->sides[j].slot = NULL;
			w->key = key;
			w->key_len = len;
		}
		if (r <= 0)
			c->slot = &c->s->slots[c->at];
	}
	return w->key != NULL;
}

static void
advance(struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->sides[i].at += w->sides[i].slot != NULL;
}

static void
find_committed(struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct ra_drift_cursor *c = &w->committed[i];
		int r = -1;

		c->slot = NULL;
		for (; c->s != NULL && c->at < c->s->count; c->at++) {
			size_t len;
			const char *key = key_at(c, &len);

			r = ra_text_compare(key, len, w->key, w->key_len);
			if (r >= 0)
				break;
		}
		if (r == 0)
			c->slot = &c->s->slots[c->at];
	}
}

static int
settle_absent(struct ra_drift_walk *w, const char *name, unsigned words)
{
	struct ra_drift_cursor kept[RA_DRIFT_SIDES_MAX];
	const char *key = w->key;
	size_t len = w->key_len;
	int r;

	memcpy(kept, w->sides, w->n * sizeof(*kept));
	for (size_t i = 0; i < w->n; i++)
		w->sides[i].slot = NULL;
	w->key = name;
	w->key_len = strlen(name);
	find_committed(w);
	r = settle(w, words);
	memcpy(w->sides, kept, w->n * sizeof(*kept));
	w->key = key;
	w->key_len = len;
	return r;
}

static int
walk(struct ra_drift_walk *w)
{
	bool more;
	int r = 0;

	do {
		const char *name;
		unsigned words;

		more = next_key(w);
		while (r == 0 && (name = ra_drift_rules_absent(
				      &w->rules, w->key, w->key_len, &words)) != NULL)
			r = settle_absent(w, name, words);
		if (r < 0 || !more)
			break;
		words = ra_drift_rules_look(&w->rules, w->key, w->key_len);
		find_committed(w);
		r = settle(w, words);
		advance(w);
	} while (r == 0);
	return r;
}

/* Names and pointers side by side: the pointers' first slash goes. */
static void
set_skips(struct ra_drift_walk *w)
{
	bool names = false, pointers = false;

	for (size_t i = 0; i < w->n; i++) {
		const struct ra_snapshot *all[] = { w->sides[i].s, w->committed[i].s };

		for (size_t j = 0; j < RA_ARRAY_SIZE(all); j++) {
			if (all[j] == NULL || all[j]->count == 0)
				continue;
			names = names || !all[j]->pointers;
			pointers = pointers || all[j]->pointers;
		}
	}
	w->mixed = names && pointers;
	if (pointers)
		w->names = names ? RA_DRIFT_MIXED : RA_DRIFT_POINTERS;
	for (size_t i = 0; i < w->n && w->mixed; i++) {
		w->sides[i].skip = w->sides[i].s->pointers ? 1 : 0;
		w->committed[i].skip =
		    w->committed[i].s != NULL && w->committed[i].s->pointers ? 1 : 0;
	}
}

/* More is to be looked at than the digest covers. */
static bool
has_more(const struct ra_drift_walk *w, size_t side)
{
	const struct ra_snapshot *s = w->sides[side].s;

	for (size_t i = 0; i < s->count; i++) {
		const struct ra_slot *slot = &s->slots[i];

		if (slot->compared != slot->value ||
		    (!ra_drift_is_environment(w, side) && (slot->flags & RA_SLOT_OPAQUE) != 0))
			return true;
	}
	return false;
}

/* Equal digests end it where nothing but values is asked for. */
static bool
all_equal(const struct ra_drift_walk *w)
{
	if (w->call->rule_count > 0 || w->call->only_count > 0 || w->call->all)
		return false;
	for (size_t i = 1; i < w->n; i++) {
		if (memcmp(w->sides[0].s->digest, w->sides[i].s->digest, RA_DIGEST_SIZE) != 0)
			return false;
	}
	for (size_t i = 0; i < w->n; i++) {
		if (has_more(w, i))
			return false;
	}
	return true;
}

static int
list_unused(struct ra_drift_walk *w)
{
	struct ra_drift *d = w->d;

	d->unused = calloc(w->rules.count + 1, sizeof(*d->unused));
	if (d->unused == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < w->rules.count; i++) {
		/* That a forbidden key is nowhere is what the rule is for. */
		if (!w->rules.used[i] && w->rules.rules[i].word != RA_DRIFT_FORBID)
			d->unused[d->unused_count++] = i;
	}
	return 0;
}

static int
compare(struct ra_drift_walk *w)
{
	struct ra_drift *d = w->d;
	int r = 0;

	if (all_equal(w)) {
		d->same = w->sides[0].s->count;
		return 0;
	}
	r = walk(w);
	if (r == 0)
		r = list_unused(w);
	for (size_t i = 0; i < d->row_count; i++)
		d->rows[i].cells = d->cells + i * w->n;
	return r;
}

int
ra_drift_compare(const struct ra_drift_call *call, struct ra_drift *ret)
{
	struct ra_drift d = { .side_count = call->side_count };
	struct ra_drift_walk w = { .call = call, .d = &d, .n = call->side_count };
	int r;

	if (w.n == 0 || w.n > RA_DRIFT_SIDES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < w.n; i++) {
		w.sides[i].s = call->sides[i].snapshot;
		w.committed[i].s = call->sides[i].committed;
		w.environments += ra_drift_is_environment(&w, i);
	}
	set_skips(&w);
	d.arena = ra_arena_new();
	r = d.arena == NULL
		? -ENOMEM
		: ra_drift_rules_init(&w.rules, call->rules, call->rule_count, w.names, d.arena);
	w.rules.differ = w.environments > 1;
	if (r == 0)
		r = compare(&w);
	ra_drift_rules_free(&w.rules);
	ra_mac_free(w.mac);
	if (r < 0) {
		ra_drift_free(&d);
		return r;
	}
	*ret = d;
	return 0;
}

void
ra_drift_free(struct ra_drift *d)
{
	free(d->rows);
	free(d->cells);
	free(d->unused);
	ra_arena_free(d->arena);
	*d = (struct ra_drift){ 0 };
}

bool
ra_drift_row_as_committed(const struct ra_drift_row *row, size_t side_count)
{
	for (size_t i = 0; i < side_count; i++) {
		if (row->cells[i].standing != RA_DRIFT_AS_COMMITTED)
			return false;
	}
	return row->verdict == RA_DRIFT_DIFFERS;
}
