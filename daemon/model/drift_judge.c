/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "drift_private.h"

#define WORD(w) (1U << (w))

static const char *const verdicts[] = {
	[RA_DRIFT_SAME] = "same",
	[RA_DRIFT_IGNORED] = "ignored",
	[RA_DRIFT_UNVERIFIABLE] = "unverifiable",
	[RA_DRIFT_MISSING] = "missing",
	[RA_DRIFT_DIFFERS] = "differs",
	[RA_DRIFT_MUST_DIFFER] = "must-differ",
	[RA_DRIFT_REQUIRED] = "required",
	[RA_DRIFT_FORBIDDEN] = "forbidden",
	[RA_DRIFT_OTHER_ORIGIN] = "origin",
};

const char *
ra_drift_verdict_name(enum ra_drift_verdict v)
{
	return verdicts[v];
}

/* --- values --- */

int
ra_drift_digest(struct ra_drift_walk *w, const char *text, size_t len, char out[RA_SECRET_TEXT])
{
	if (w->mac == NULL)
		w->mac = ra_mac_new(w->call->key, w->call->key_len);
	if (w->mac == NULL || ra_secret_digest(w->mac, text, len, out) < 0) {
		w->error = w->mac == NULL ? -ENOMEM : -EIO;
		return w->error;
	}
	return 0;
}

static bool
texts_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool
clear_equals_secret(struct ra_drift_walk *w, const char *clear, size_t len, const char *secret)
{
	char digest[RA_SECRET_TEXT];

	return ra_drift_digest(w, clear, len, digest) == 0 && strcmp(digest, secret) == 0;
}

/* As it is, or (compared) with placeholders. */
static bool
equal_as(struct ra_drift_walk *w, const struct ra_drift_cursor *a, const struct ra_drift_cursor *b,
    bool compared)
{
	const struct ra_slot *x = a->slot, *y = b->slot;
	const char *x_text = a->s->texts + (compared ? x->compared : x->value);
	const char *y_text = b->s->texts + (compared ? y->compared : y->value);
	size_t x_len = compared ? x->compared_len : x->value_len;
	size_t y_len = compared ? y->compared_len : y->value_len;
	bool x_secret = (x->flags & RA_SLOT_SECRET) != 0,
	     y_secret = (y->flags & RA_SLOT_SECRET) != 0;

	if (x_secret == y_secret)
		return texts_equal(x_text, x_len, y_text, y_len);
	return x_secret ? clear_equals_secret(w, y_text, y_len, x_text)
			: clear_equals_secret(w, x_text, x_len, y_text);
}

static bool
types_equal(
    const struct ra_drift_walk *w, const struct ra_drift_cursor *a, const struct ra_drift_cursor *b)
{
	return w->mixed || ((a->slot->flags ^ b->slot->flags) & RA_SLOT_TYPES) == 0;
}

/* The text of one environment in another is no equal: it points there. */
static bool
equal(struct ra_drift_walk *w, const struct ra_drift_cursor *a, const struct ra_drift_cursor *b)
{
	return types_equal(w, a, b) && equal_as(w, a, b, true);
}

/* --- verdicts --- */

bool
ra_drift_is_environment(const struct ra_drift_walk *w, size_t i)
{
	return !w->call->sides[i].baseline;
}

static bool
some_environment(const struct ra_drift_walk *w, bool present)
{
	for (size_t i = 0; i < w->n; i++) {
		if (ra_drift_is_environment(w, i) && (w->sides[i].slot != NULL) == present)
			return true;
	}
	return false;
}

static bool
some_absent(const struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->sides[i].slot == NULL)
			return true;
	}
	return false;
}

/* By what stands there: that it is each environment's own makes it differ. */
static bool
two_equal(struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		for (size_t j = i + 1; j < w->n; j++) {
			if (ra_drift_is_environment(w, i) && ra_drift_is_environment(w, j) &&
			    types_equal(w, &w->sides[i], &w->sides[j]) &&
			    equal_as(w, &w->sides[i], &w->sides[j], false))
				return true;
		}
	}
	return false;
}

static bool
is_opaque(const struct ra_drift_walk *w, size_t i)
{
	return !ra_drift_is_environment(w, i) && (w->sides[i].slot->flags & RA_SLOT_OPAQUE) != 0;
}

/* All sides have it. What is encrypted or a template tells nothing, nor does its own text. */
static enum ra_drift_verdict
compare_values(struct ra_drift_walk *w)
{
	const struct ra_drift_cursor *first = NULL;
	bool unverifiable = false;

	for (size_t i = 0; i < w->n; i++) {
		if (is_opaque(w, i))
			unverifiable = true;
		else if (first == NULL)
			first = &w->sides[i];
		else if (!equal(w, first, &w->sides[i]))
			return RA_DRIFT_DIFFERS;
	}
	return unverifiable ? RA_DRIFT_UNVERIFIABLE : RA_DRIFT_SAME;
}

bool
ra_drift_same_text(struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		for (size_t j = i + 1; j < w->n; j++) {
			const struct ra_drift_cursor *a = &w->sides[i], *b = &w->sides[j];

			if (types_equal(w, a, b) && equal_as(w, a, b, false) &&
			    !equal_as(w, a, b, true))
				return true;
		}
	}
	return false;
}

/* All sides have it. */
static bool
other_origin(const struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct ra_drift_cursor *c = &w->sides[i];

		if (ra_drift_is_environment(w, i) &&
		    !ra_drift_rules_origin(
			&w->rules, w->key, c->s->texts + c->s->origins[c->slot->origin]))
			return true;
	}
	return false;
}

enum ra_drift_verdict
ra_drift_judge(struct ra_drift_walk *w, unsigned words)
{
	enum ra_drift_verdict verdict = RA_DRIFT_SAME;

	if ((words & WORD(RA_DRIFT_IGNORE)) != 0)
		return RA_DRIFT_IGNORED;
	if ((words & WORD(RA_DRIFT_FORBID)) != 0 && some_environment(w, true))
		return RA_DRIFT_FORBIDDEN;
	if ((words & WORD(RA_DRIFT_REQUIRE)) != 0 && some_environment(w, false))
		return RA_DRIFT_REQUIRED;
	if (some_absent(w))
		return RA_DRIFT_MISSING;
	if (w->environments > 1 && (words & WORD(RA_DRIFT_DIFFER)) != 0)
		verdict = two_equal(w) ? RA_DRIFT_MUST_DIFFER : RA_DRIFT_SAME;
	else if (w->environments < 2 || (words & WORD(RA_DRIFT_MAY_DIFFER)) == 0)
		verdict = compare_values(w);
	if (verdict == RA_DRIFT_SAME && (words & WORD(RA_DRIFT_ORIGIN)) != 0 && other_origin(w))
		return RA_DRIFT_OTHER_ORIGIN;
	return verdict;
}

/* A side that has the key and one that lacks it are of one commit, which cannot declare both. */
static bool
one_version(const struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		for (size_t j = 0; j < w->n; j++) {
			if (w->sides[i].slot != NULL && w->sides[j].slot == NULL &&
			    w->committed[i].s != NULL && w->committed[j].s != NULL &&
			    strcmp(w->call->sides[i].commit, w->call->sides[j].commit) == 0)
				return true;
		}
	}
	return false;
}

/* One that is not as committed is brought by no release. */
enum ra_drift_cause
ra_drift_cause_of(struct ra_drift_walk *w)
{
	bool unread = false;

	for (size_t i = 0; i < w->n; i++) {
		const struct ra_drift_side *side = &w->call->sides[i];

		if ((side->committed == NULL && !side->unread) ||
		    ra_drift_standing_of(w, i) == RA_DRIFT_NOT_AS_COMMITTED)
			return RA_DRIFT_DRIFTED;
		unread = unread || side->committed == NULL;
	}
	if (one_version(w))
		return RA_DRIFT_DRIFTED;
	return unread ? RA_DRIFT_UNDECIDED : RA_DRIFT_RELEASED;
}

enum ra_drift_standing
ra_drift_standing_of(struct ra_drift_walk *w, size_t i)
{
	const struct ra_drift_cursor *own = &w->sides[i], *committed = &w->committed[i];

	if (committed->s == NULL)
		return RA_DRIFT_UNKNOWN;
	if (own->slot == NULL || committed->slot == NULL)
		return own->slot == committed->slot ? RA_DRIFT_AS_COMMITTED
						    : RA_DRIFT_NOT_AS_COMMITTED;
	if ((committed->slot->flags & RA_SLOT_OPAQUE) != 0)
		return RA_DRIFT_UNKNOWN;
	return equal(w, own, committed) ? RA_DRIFT_AS_COMMITTED : RA_DRIFT_NOT_AS_COMMITTED;
}
