/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares snapshots key by key, any number side by side, by rules. Pure; 100,000 keys take some
 * milliseconds.
 */
#ifndef RELAUDIT_MODEL_DRIFT_H
#define RELAUDIT_MODEL_DRIFT_H

#include "relaudit/base/buf.h"
#include "relaudit/base/map.h"
#include "relaudit/model/snapshot.h"

#define RA_DRIFT_SIDES_MAX	64
#define RA_DRIFT_CELLS_MAX	4000000

/*
 * How keys ought to be. A rule's key is an exact name or a pattern (ra_glob_match), of
 * RA_DRIFT_REQUIRE always a name. Of JSON Pointers NAME is "/NAME".
 */
enum ra_drift_word {
	RA_DRIFT_IGNORE,	/* the key is left out, and counted */
	RA_DRIFT_DIFFER,	/* must be there and of another value in each environment */
	RA_DRIFT_MAY_DIFFER,	/* must be there, of any value */
	RA_DRIFT_REQUIRE,	/* must be there in each environment */
	RA_DRIFT_FORBID,	/* must be nowhere */
	RA_DRIFT_ORIGIN,	/* must come from an origin that the rule's pattern matches */
};

struct ra_drift_rule {
	enum ra_drift_word word;
	const char *key;
	const char *origin;	/* of RA_DRIFT_ORIGIN: a pattern */
};

/* Whether a rule's key is a pattern. */
bool ra_drift_is_pattern(const char *key);
/* As configuration has it: "ignore", "differ", "may-differ", "required", "forbidden", "origin". */
const char *ra_drift_word_name(enum ra_drift_word w);

struct ra_drift_side {
	const char *name;
	const struct ra_snapshot *snapshot;
	/* What is committed at the version that runs there: tells who is right, and the cause. */
	const struct ra_snapshot *committed;	/* NULL: none */
	/* The commit that it is of; never NULL beside `committed`. */
	const char *commit;
	/* It is asked for, and was not read: what is there on one side alone may be the release. */
	bool unread;
	/*
	 * This side itself is what is committed. Its encrypted and templated values are not
	 * compared, and the words differ and may-differ, which are between environments, say
	 * nothing here.
	 */
	bool baseline;
};

struct ra_drift_call {
	const struct ra_drift_side *sides;	/* 1 .. RA_DRIFT_SIDES_MAX; one: its rules only */
	size_t side_count;
	const struct ra_drift_rule *rules;	/* of all checks that take part */
	size_t rule_count;
	const void *key;		/* of the digests, for a value secret on one side only */
	size_t key_len;
	const char *const *only;	/* patterns: other keys are as if they were not there */
	size_t only_count;		/* 0: all keys */
	bool strict;			/* what a release brings is drift too */
	bool all;			/* rows for what is fine, ignored or unverifiable too */
};

enum ra_drift_verdict {
	RA_DRIFT_SAME,		/* fine by the rules; a row only with `all`, as the next two */
	RA_DRIFT_IGNORED,
	RA_DRIFT_UNVERIFIABLE,	/* the baseline's value is encrypted or templated, whatever runs */
	RA_DRIFT_MISSING,
	RA_DRIFT_DIFFERS,
	RA_DRIFT_MUST_DIFFER,	/* equal on two sides, as it stands there */
	RA_DRIFT_REQUIRED,
	RA_DRIFT_FORBIDDEN,
	RA_DRIFT_OTHER_ORIGIN,
};

/* "same", "ignored", "unverifiable", "missing", "differs", "must-differ", ..., "origin". */
const char *ra_drift_verdict_name(enum ra_drift_verdict v);

/* A value against what is committed for it. */
enum ra_drift_standing {
	RA_DRIFT_UNKNOWN,	/* nothing to hold it against, or that is encrypted or templated */
	RA_DRIFT_AS_COMMITTED,
	RA_DRIFT_NOT_AS_COMMITTED,
};

struct ra_drift_cell {
	bool present;
	enum ra_drift_standing standing;
	const char *value;	/* to be shown; of a row that is secret a digest. NULL: absent */
	size_t value_len;
	unsigned flags;		/* enum ra_key_flag */
	uint32_t line;
	const char *origin;
	bool own;		/* a placeholder stands in it */
};

struct ra_drift_row {
	const char *key;
	size_t key_len;
	enum ra_drift_verdict verdict;
	bool release;		/* cause: declared only at one side's version; else drift */
	bool undecided;		/* one of those: what is committed for a side was not read */
	bool counts;		/* is drift */
	bool same_text;		/* DIFFERS: two sides have one text, in which a placeholder
				   stands on one of them alone */
	bool secret;
	const struct ra_drift_cell *cells;	/* one for each side */
};

/* Texts are borrowed from snapshots and rules; it ends before they do. */
struct ra_drift {
	struct ra_drift_row *rows;	/* by key */
	size_t row_count;
	size_t more;			/* rows beyond RA_DRIFT_CELLS_MAX: counted, not kept */
	size_t side_count;
	bool drift;
	size_t same, ignored, unverifiable;
	size_t released, undecided;	/* rows that do not count */
	size_t *unused;			/* indexes of rules that met no key */
	size_t unused_count;
	struct ra_drift_cell *cells;
	struct ra_arena *arena;
};

/* 0, -ENOMEM, -EIO: libcrypto failed, -EINVAL: no side or too many. */
int ra_drift_compare(const struct ra_drift_call *call, struct ra_drift *ret);
void ra_drift_free(struct ra_drift *d);
/* Whether it differs though each side is as committed at the version that runs there. */
bool ra_drift_row_as_committed(const struct ra_drift_row *row, size_t side_count);

/*
 * The rules that would silence every row that counts, of one comparison or several of the same
 * check, as configuration to paste: "ignore: [A, B]" and, under "expect:", "may-differ: [C]".
 * Nothing is written where there is none. 0, or what a buffer failed with.
 */
struct ra_drift_suggestion {
	struct ra_buf ignore, may_differ;
	struct ra_map listed;		/* by key: which of the two has it, `ignore` if both do */
	struct ra_arena *keys;		/* copies, for that */
};
void ra_drift_suggest_add(struct ra_drift_suggestion *s, const struct ra_drift *d,
    const struct ra_drift_call *call);
int ra_drift_suggest_write(const struct ra_drift_suggestion *s, struct ra_buf *out);
void ra_drift_suggest_free(struct ra_drift_suggestion *s);

#endif
