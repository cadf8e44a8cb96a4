/* SPDX-License-Identifier: Apache-2.0 */
#include "drift_private.h"

#include <string.h>

#include "relaudit/model/pattern.h"

static const char *const words[] = {
	[RA_DRIFT_IGNORE] = "ignore",
	[RA_DRIFT_DIFFER] = "differ",
	[RA_DRIFT_MAY_DIFFER] = "may-differ",
	[RA_DRIFT_REQUIRE] = "required",
	[RA_DRIFT_FORBID] = "forbidden",
	[RA_DRIFT_ORIGIN] = "origin",
};

const char *
ra_drift_word_name(enum ra_drift_word w)
{
	return words[w];
}

bool
ra_drift_is_pattern(const char *key)
{
	return strpbrk(key, "*?[\\") != NULL;
}

static int
by_key(const void *a, const void *b, void *arg)
{
	const struct ra_drift_rule *rules = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int r = strcmp(rules[x].key, rules[y].key);

	return r != 0 ? r : (x > y) - (x < y);
}

/* NULL: no memory. */
static const char *
fit(const char *key, enum ra_drift_names names, struct ra_arena *arena)
{
	size_t size = strlen(key) + 2;
	char *fitted;

	if (names == RA_DRIFT_MIXED && key[0] == '/')
		return key + 1;
	/* strchr() finds the end of "" too. */
	if (names != RA_DRIFT_POINTERS || strchr("/*?[", key[0]) != NULL)
		return key;
	fitted = ra_arena_alloc(arena, size);
	if (fitted == NULL)
		return NULL;
	fitted[0] = '/';
	memcpy(fitted + 1, key, size - 1);
	return fitted;
}

int
ra_drift_rules_init(struct ra_drift_rules *r, const struct ra_drift_rule *rules, size_t count,
    enum ra_drift_names names, struct ra_arena *arena)
{
	*r = (struct ra_drift_rules){ .count = count };
	r->rules = calloc(count + 1, sizeof(*r->rules));
	r->used = calloc(count + 1, sizeof(*r->used));
	r->exact = calloc(count + 1, sizeof(*r->exact));
	r->globs = calloc(count + 1, sizeof(*r->globs));
	r->trees = calloc(count + 1, sizeof(*r->trees));
	if (r->rules == NULL || r->used == NULL || r->exact == NULL || r->globs == NULL ||
	    r->trees == NULL) {
		ra_drift_rules_free(r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		r->rules[i] = rules[i];
		r->rules[i].key = fit(rules[i].key, names, arena);
		if (r->rules[i].key == NULL) {
			ra_drift_rules_free(r);
			return -ENOMEM;
		}
		if (rules[i].word != RA_DRIFT_REQUIRE && ra_drift_is_pattern(rules[i].key))
			r->globs[r->glob_count++] = i;
		else
			r->exact[r->exact_count++] = i;
		if (rules[i].word == RA_DRIFT_FORBID && names != RA_DRIFT_NAMES &&
		    !ra_drift_is_pattern(rules[i].key))
			r->trees[r->tree_count++] = i;
	}
	qsort_r(r->exact, r->exact_count, sizeof(*r->exact), by_key, r->rules);
	return 0;
}

void
ra_drift_rules_free(struct ra_drift_rules *r)
{
	free(r->rules);
	free(r->used);
	free(r->exact);
	free(r->globs);
	free(r->trees);
	*r = (struct ra_drift_rules){ 0 };
}

static unsigned
apply(struct ra_drift_rules *r, size_t index)
{
	r->used[index] = true;
	return 1U << r->rules[index].word;
}

static int
compare(const struct ra_drift_rules *r, size_t at, const char *key, size_t len)
{
	const char *own = r->rules[r->exact[at]].key;

	return ra_text_compare(own, strlen(own), key, len);
}

/* Of a map or list each value has a key of its own, and the map none. */
static bool
is_below(const char *key, size_t len, const char *tree)
{
	size_t n = strlen(tree);

	return len > n && key[n] == '/' && memcmp(key, tree, n) == 0;
}

unsigned
ra_drift_rules_look(struct ra_drift_rules *r, const char *key, size_t len)
{
	unsigned said = 0;

	/* ra_drift_rules_absent() passed what comes before. */
	for (; r->next < r->exact_count && compare(r, r->next, key, len) == 0; r->next++)
		said |= apply(r, r->exact[r->next]);
	for (size_t i = 0; i < r->glob_count; i++) {
		if (ra_glob_match(r->rules[r->globs[i]].key, key))
			said |= apply(r, r->globs[i]);
	}
	for (size_t i = 0; i < r->tree_count; i++) {
		if (is_below(key, len, r->rules[r->trees[i]].key))
			said |= apply(r, r->trees[i]);
	}
	return said;
}

/*
 * Whether a name that no side has is amiss: what is required, and what is to differ between
 * environments, has to be there.
 */
static bool
has_to_be(const struct ra_drift_rules *r, enum ra_drift_word word)
{
	return word == RA_DRIFT_REQUIRE || (word == RA_DRIFT_DIFFER && r->differ);
}

/* Rules of one exact name, which no side has: only whether it is wanted, and ignored, matters. */
static unsigned
take_absent(struct ra_drift_rules *r, const char *name)
{
	size_t first = r->next;
	bool wanted = false;
	unsigned said = 0;

	for (; r->next < r->exact_count; r->next++) {
		const struct ra_drift_rule *rule = &r->rules[r->exact[r->next]];

		if (strcmp(rule->key, name) != 0)
			break;
		said |= 1U << rule->word;
		wanted = wanted || has_to_be(r, rule->word);
	}
	if (!wanted)
		return 0;
	said |= 1U << RA_DRIFT_REQUIRE;
	for (size_t i = first; i < r->next; i++) {
		if (has_to_be(r, r->rules[r->exact[i]].word) ||
		    r->rules[r->exact[i]].word == RA_DRIFT_IGNORE)
			r->used[r->exact[i]] = true;
	}
	for (size_t i = 0; i < r->glob_count; i++) {
		const struct ra_drift_rule *rule = &r->rules[r->globs[i]];

		if (rule->word == RA_DRIFT_IGNORE && ra_glob_match(rule->key, name))
			said |= apply(r, r->globs[i]);
	}
	return said;
}

const char *
ra_drift_rules_absent(struct ra_drift_rules *r, const char *key, size_t len, unsigned *ret_words)
{
	while (r->next < r->exact_count && (key == NULL || compare(r, r->next, key, len) < 0)) {
		const char *name = r->rules[r->exact[r->next]].key;

		*ret_words = take_absent(r, name);
		if (*ret_words != 0)
			return name;
	}
	return NULL;
}

bool
ra_drift_rules_origin(const struct ra_drift_rules *r, const char *key, const char *origin)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct ra_drift_rule *rule = &r->rules[i];

		if (rule->word == RA_DRIFT_ORIGIN &&
		    (ra_drift_is_pattern(rule->key) ? ra_glob_match(rule->key, key)
						    : strcmp(rule->key, key) == 0) &&
		    !ra_glob_match(rule->origin, origin))
			return false;
	}
	return true;
}
