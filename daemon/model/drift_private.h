/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over all sides in the order of their keys, and the rules, looked up on the way. */
#ifndef RA_MODEL_DRIFT_PRIVATE_H
#define RA_MODEL_DRIFT_PRIVATE_H

#include "relaudit/base/arena.h"
#include "relaudit/model/drift.h"

#include "snapshot_private.h"

/* How keys are written, so that rules meet them: "/NAME" and NAME are one. */
enum ra_drift_names {
	RA_DRIFT_NAMES, /* as they are */
	RA_DRIFT_POINTERS, /* rules get the slash that they lack */
	RA_DRIFT_MIXED, /* keys lose theirs, and rules too */
};

struct ra_drift_rules {
	struct ra_drift_rule *rules; /* fitted; texts are the caller's or the arena's */
	bool differ; /* differ is between environments that are there */
	size_t count;
	bool *used;
	size_t *exact; /* indexes of rules without a pattern, by key */
	size_t exact_count;
	size_t *globs; /* the others, as they come */
	size_t glob_count;
	size_t *trees; /* of exact: forbidden pointers, and so is all that is below */
	size_t tree_count;
	size_t next; /* of exact: the first whose key was not passed */
};

int ra_drift_rules_init(struct ra_drift_rules *r, const struct ra_drift_rule *rules, size_t count,
    enum ra_drift_names names, struct ra_arena *arena);
void ra_drift_rules_free(struct ra_drift_rules *r);
/* What they say of a key, as a set of 1 << enum ra_drift_word. Keys come in order, each once. */
unsigned ra_drift_rules_look(struct ra_drift_rules *r, const char *key, size_t len);
/*
 * The next required name before key (NULL: any), which no side has: it has no turn of its own.
 * NULL: none. *ret_words is what the rules say of it.
 */
const char *ra_drift_rules_absent(
    struct ra_drift_rules *r, const char *key, size_t len, unsigned *ret_words);
/* Whether every origin rule of the key takes this one. */
bool ra_drift_rules_origin(const struct ra_drift_rules *r, const char *key, const char *origin);

/* Where in a snapshot the walk is. */
struct ra_drift_cursor {
	const struct ra_snapshot *s; /* NULL: none */
	size_t at;
	size_t skip; /* bytes of each key that are passed over: the slash of a pointer */
	const struct ra_slot *slot; /* of the key that is judged, NULL: it has none */
};

struct ra_drift_walk {
	const struct ra_drift_call *call;
	struct ra_drift_rules rules;
	struct ra_drift *d;
	struct ra_mac *mac; /* made when it is needed */
	size_t n, environments;
	enum ra_drift_names names;
	bool mixed; /* names and pointers: types are not compared */
	size_t room; /* rows there is memory for */
	const char *key;
	size_t key_len;
	int error;
	struct ra_drift_cursor sides[RA_DRIFT_SIDES_MAX], committed[RA_DRIFT_SIDES_MAX];
};

/* The verdict on the key, words being what the rules say of it. */
enum ra_drift_verdict ra_drift_judge(struct ra_drift_walk *w, unsigned words);
/* Why some sides have a key and others do not. */
enum ra_drift_cause {
	RA_DRIFT_DRIFTED,
	RA_DRIFT_RELEASED, /* the versions that have it declare it, the others do not */
	RA_DRIFT_UNDECIDED,
};
enum ra_drift_cause ra_drift_cause_of(struct ra_drift_walk *w);
/* Two sides have the same text, which counts as another on each. */
bool ra_drift_same_text(struct ra_drift_walk *w);
enum ra_drift_standing ra_drift_standing_of(struct ra_drift_walk *w, size_t i);
bool ra_drift_is_environment(const struct ra_drift_walk *w, size_t i);
/* The text for a secret; w->error says why not. */
int ra_drift_digest(
    struct ra_drift_walk *w, const char *text, size_t len, char out[RA_SECRET_TEXT]);

#endif
