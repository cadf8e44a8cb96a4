/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of kind config share. */
#ifndef RA_KIND_CONFIG_H
#define RA_KIND_CONFIG_H

#include "relaudit/kind/config.h"
#include "relaudit/kind/kind.h"

struct config_options {
	struct ra_texts ignore, secret, open, normalize;
	int64_t settle; /* RA_UNSET: not at all */
	const char *const *secrets, *const *opens;	/* the same as snapshots take them */
};

struct config_git {
	struct ra_text repository, ref, path;
};

struct config_baseline {
	struct ra_input_conf input; /* first: how it is read */
	struct config_git *git;
	struct ra_committed committed;
};

struct config_words {
	struct ra_texts required, forbidden, differ, may_differ;
	struct ra_pairs origin; /* key or pattern -> pattern of where it comes from */
	struct ra_text same_as;
	int64_t agree_within;
	struct config_baseline *baseline;
};

/* What one set of words says of what was read. */
struct config_case {
	const struct ra_judge_call *call;
	const struct config_words *words;
	bool warn;				/* they stand under `warn` */
	const char *warned;			/* by those, beside the others; NULL: none */
	const struct ra_snapshot *snapshot;
	const struct ra_gathered *peer;		/* of same-as; NULL: none */
	bool with_peer;				/* it was read */
	const struct ra_git_answer *answer;	/* of baseline; NULL: none, or not read */
	struct ra_config_rules rules, baseline_rules;
	struct ra_drift drift;			/* by itself or with the peer */
	struct ra_drift baseline;		/* with what is committed */
	struct ra_buf unread;			/* what was not compared, and why */
	enum ra_reason unread_reason;		/* of the first of those */
};

/* Adds the words that are rules. */
void ra_config_rules_words(struct ra_config_rules *r, const struct config_words *w);

/* The check that tells which version runs. NULL: not wanted. */
const struct ra_gathered *ra_config_version(const struct ra_judge_call *call);
/*
 * "{tag}" and "{version}" of a ref filled in with what runs; ref as it is, where there are none.
 * RA_R_OK, or why not, with why in words.
 */
enum ra_reason ra_config_fill_ref(const struct ra_judge_call *call, const char *ref,
    char out[RA_GIT_REF], const char **ret_why);
/* Whether it can be one; true where it has placeholders. */
bool ra_config_ref_fits(const char *ref, bool *ret_wants_version);

/* Names in a row, as many as fit; begins with RA_BUF(0). */
struct ra_config_names {
	struct ra_buf text;
	size_t count, left; /* in all; not in the text */
};
void ra_config_add_name(struct ra_config_names *n, const char *name);
/* "A, B and 3 more"; nothing can be added then. */
const char *ra_config_all_names(struct ra_config_names *n);

/* Of what is looked at, as text. 0, or what libcrypto says. */
int ra_config_digest(const struct ra_judge_call *call, const struct ra_snapshot *s,
    char out[RA_DIGEST_HEX]);
/* As tell_difference of struct ra_kind. */
int ra_config_tell_difference(const void *options, const struct ra_snapshot *const *snapshots,
    size_t count, struct ra_buf *out);

/* What staging/config-api is called here: as it is in the words. */
const char *ra_config_peer_name(const struct config_case *c);
/* How many keys are not as they ought to be. */
size_t ra_config_drifted(const struct config_case *c);
/* Says what is wrong, what was expected and where it stands. */
void ra_config_say_breach(struct ra_result *r, enum ra_verdict bad, const struct config_case *c);
/* Notes what could not be compared, and why. */
void ra_config_note_unread(
    struct config_case *c, const char *with, enum ra_reason reason, const char *error);
/* As well, after the comparison: what may come with a release, or not. */
void ra_config_note_undecided(struct config_case *c);
/* Says what was noted. */
void ra_config_say_unread(struct ra_result *r, const struct config_case *c);
/* What was not read as a key, and may be one that is forbidden. */
void ra_config_say_doubt(struct ra_result *r, const struct config_case *c);
void ra_config_say_fine(struct ra_result *r, const struct config_case *c);

#endif
