/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "drift_private.h"

#define WORD(w) (1U << (w))
#define OPAQUE	(RA_SLOT_ENCRYPTED | RA_SLOT_TEMPLATE)

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
	return w->mixed || ((a->slot->flags ^ b->slot->flags) & RA_DRIFT_TYPES) == 0;
}

static bool
equal(struct ra_drift_walk *w, const struct ra_drift_cursor *a, const struct ra_drift_cursor *b)
{
	return types_equal(w, a, b) && (equal_as(w, a, b, false) || equal_as(w, a, b, true));
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
	return !ra_drift_is_environment(w, i) && (w->sides[i].slot->flags & OPAQUE) != 0;
}

/* All sides have it. What is encrypted or a template may still be equal, to another template. */
static enum ra_drift_verdict
compare_values(struct ra_drift_walk *w)
{
	size_t first = 0;
	bool unverifiable = false;

	while (first < w->n - 1 && is_opaque(w, first))
		first++;
	for (size_t i = 0; i < w->n; i++) {
		if (i == first || equal(w, &w->sides[first], &w->sides[i]))
			continue;
		if (!is_opaque(w, i)) /* nor is the first then, which is opaque where all are */
			return RA_DRIFT_DIFFERS;
		unverifiable = true;
	}
	return unverifiable ? RA_DRIFT_UNVERIFIABLE : RA_DRIFT_SAME;
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

/* Each side that has the key runs a version that declares it, and no other does. */
bool
ra_drift_is_release(const struct ra_drift_walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->committed[i].s == NULL ||
		    (w->committed[i].slot != NULL) != (w->sides[i].slot != NULL))
			return false;
	}
	return true;
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
	if (equal(w, own, committed))
		return RA_DRIFT_AS_COMMITTED;
	return (committed->slot->flags & OPAQUE) != 0 ? RA_DRIFT_UNKNOWN
						      : RA_DRIFT_NOT_AS_COMMITTED;
}
