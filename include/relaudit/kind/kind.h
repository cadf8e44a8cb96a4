/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kind: what a check judges. Pure: values in, a result out; no libuv, no clock, no I/O. One file
 * each; see docs/extending.md.
 *
 * `needs` names the inputs, the engine gathers each with its age or its failure, `judge` returns
 * the verdict. Inputs of further sorts (a peer's facts, a blob at a ref, a second source) come with
 * the issues that build them, as further values of ra_need_what.
 */
#ifndef RELAUDIT_KIND_KIND_H
#define RELAUDIT_KIND_KIND_H

#include "relaudit/conf/config.h"
#include "relaudit/model/data.h"
#include "relaudit/model/release.h"
#include "relaudit/model/result.h"
#include "relaudit/model/snapshot.h"

enum ra_need_what {
	RA_NEED_SELF,		/* the check's own source, for the instance being judged */
	RA_NEED_HISTORY,	/* the facts of the last probe of this instance that read them */
	RA_NEED_PEER,		/* another check as it is known now. Not for `needs` to list: one
				   for each of the check's peers follows what that lists */
	RA_NEED_GIT,		/* what the repository of the check's service knows of `ask` */
};

struct ra_need {
	enum ra_need_what what;
	unsigned shapes;	/* SELF: any of these (enum ra_shape set) will do */
};

#define RA_NEEDS_MAX	8
#define RA_GIT_TEXT	129

/* What runs, as it says itself; "": not said. */
struct ra_git_question {
	char version[RA_GIT_TEXT], commit[RA_GIT_TEXT];
};

/* As struct ra_mirror_answer; texts are owned, NULL: none. */
struct ra_git_answer {
	enum ra_reason reason, remote;
	char *error, *remote_error;
	char *tag, *nearest, *latest;
	char tag_commit[RA_COMMIT_TEXT], commit[RA_COMMIT_TEXT];
	int64_t tag_date, latest_date;	/* wall ms, 0: not known */
	enum ra_relation relation;
	bool dirty;
	int64_t behind, ahead;
	int64_t behind_releases;
	int64_t fetched, age;
};

struct ra_gathered {
	struct ra_need need;
	enum ra_reason reason;		/* RA_R_OK, or why it is not there */
	const char *error;		/* one line, with reason */
	const struct ra_input *input;	/* SELF: always there, where it is from */
	const struct ra_data *data;	/* SELF: read, in one of the shapes; NULL on failure */
	const struct ra_facts *facts;	/* HISTORY, PEER: NULL if there are none yet */
	/* PEER; reason is RA_R_PEER_UNREAD if it is not known what is there now */
	const struct ra_check_peer *peer;
	/* PEER: of its first instance; NULL: kind has none. SELF: of the bytes, which did not
	   change since and are not read again; NULL: data has them */
	const struct ra_snapshot *snapshot;
	enum ra_verdict verdict;
	int64_t checked;		/* wall ms */
	const struct ra_git_answer *git;	/* GIT: NULL if there is no repository */
};

struct ra_judge_call {
	const void *options;		/* the kind's own options of the check */
	const void *expect;		/* never NULL */
	const void *warn;		/* NULL: none */
	const struct ra_gathered *inputs;	/* in the order of `needs` */
	size_t input_count;
	int64_t now;			/* wall ms */
	const struct ra_pairs *variables;	/* the check's; NULL: none */
	const void *secret_key;		/* of the digests that stand for secrets */
	size_t secret_key_len;
	struct ra_snapshot **ret_snapshot;	/* takes what was read of RA_SHAPE_KEYS, one
						   reference; NULL: nobody wants it */
};

struct ra_kind {
	struct ra_conf_type type;	/* options beside `expect`: selectors and the like */
	struct ra_conf_type expectation;	/* words under `expect` and `warn` */
	unsigned takes;				/* enum ra_shape set */
	const char *format;			/* the default format, NULL: none */
	const char *const *fields;		/* RA_SHAPE_FIELDS: names it takes, the main one
						   first, NULL-ended; NULL: none */
	const struct ra_fact_def *facts;	/* ended by a NULL name */
	/*
	 * Names of facts in which instances must agree, NULL-ended; NULL: the worst instance
	 * speaks.
	 */
	const char *const *agree;
	/* Fills at most RA_NEEDS_MAX, returns how many. */
	size_t (*needs)(const void *options, const void *expect,
	    struct ra_need needs[RA_NEEDS_MAX]);
	/*
	 * What to ask the repository, once SELF was read; only where the check has one. False:
	 * nothing. NULL: the kind has no RA_NEED_GIT.
	 */
	bool (*ask)(const struct ra_judge_call *call, struct ra_git_question *ret);
	/*
	 * Judges one instance into `ret` (fresh): verdict, reason, summary, expected, evidence,
	 * facts. A SELF input that failed never gets here: the engine says so, with the verdict of
	 * `failure`.
	 */
	void (*judge)(const struct ra_judge_call *call, struct ra_result *ret);
	/* The verdict for a failed SELF input; NULL or RA_UNKNOWN back: UNKNOWN. */
	enum ra_verdict (*failure)(enum ra_reason reason);
};

extern const struct ra_kind *const ra_kinds[];	/* generated, NULL-ended */

/*
 * One result out of its instances' (kind/combine.c): the worst speaks; then, where the kind says
 * so, they must agree. names[i] belongs to results[i]. Returns owned, NULL without memory.
 */
struct ra_result *ra_kind_combine(const struct ra_kind *kind, const char *const *names,
    struct ra_result *const *results, size_t count);

#endif
