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
};

struct ra_need {
	enum ra_need_what what;
	unsigned shapes;	/* SELF: any of these (enum ra_shape set) will do */
};

#define RA_NEEDS_MAX	8
#define RA_QUESTIONS_MAX 4
#define RA_GIT_TEXT	129
#define RA_GIT_REF	512

/* --- what repositories are asked --- */

enum ra_git_want {
	RA_GIT_IDENTIFY,	/* what is this version, or commit? */
	RA_GIT_COMPARE,		/* how far is it from the other one? */
	RA_GIT_BLOB,		/* a file's content, as a snapshot */
};

/* A file in version control that a check is held against. */
struct ra_committed {
	const char *repository;		/* its URL; NULL: that of the check's service, or product */
	const char *ref;		/* branch, tag or commit; `{tag}`, `{version}`: what runs */
	const char *path;
	const struct ra_input_conf *input;	/* how it is read */
};

/* Texts are what runs, as it says itself; "": not said. */
struct ra_git_question {
	enum ra_git_want want;
	char version[RA_GIT_TEXT], commit[RA_GIT_TEXT];
	char other_version[RA_GIT_TEXT], other_commit[RA_GIT_TEXT];	/* COMPARE */
	const struct ra_committed *committed;	/* BLOB */
	char ref[RA_GIT_REF];			/* BLOB: filled in */
	bool warn;				/* of the words under `warn` */
	bool fresh;	/* what is missing has to be looked for after the question */
};

/* As struct ra_mirror_answer; texts are owned, NULL: none. */
struct ra_git_answer {
	enum ra_reason reason, remote;
	char *error, *remote_error;
	int64_t fetched, age;
	bool warn;			/* as the question */
	char *tag, *nearest, *latest;
	char tag_commit[RA_COMMIT_TEXT], commit[RA_COMMIT_TEXT];
	int64_t tag_date, latest_date;	/* wall ms, 0: not known */
	enum ra_relation relation;
	bool dirty;
	int64_t behind, ahead;
	int64_t behind_releases;
	/* COMPARE */
	bool ordered, lag_known;
	int order;			/* < 0: what runs is older */
	int64_t lag_releases, lag_ms;
	/* BLOB; commit is the ref's */
	char *where;			/* "v1.4.2:deploy/production.env" */
	struct ra_snapshot *snapshot;
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
	/* SELF: of what was read, or still is so; PEER: of its first instance. NULL: none */
	const struct ra_snapshot *snapshot;
	const struct ra_snapshot *committed;	/* PEER: its baseline; NULL: none, not known */
	const char *commit;		/* PEER: of the baseline; NULL beside none */
	const char *unread;		/* PEER: why its baseline is not known; NULL: it is, or
					   there is none */
	enum ra_verdict verdict;
	int64_t checked;		/* wall ms */
	int64_t changed;		/* PEER: when its version last changed; 0: not known */
};

struct ra_judge_call {
	const void *options;		/* the kind's own options of the check */
	const void *expect;		/* never NULL */
	const void *warn;		/* NULL: none */
	const struct ra_gathered *inputs;	/* in the order of `needs` */
	size_t input_count;
	int64_t now;			/* wall ms */
	int64_t problem_since;		/* wall ms, since when the check is WARNING or CRITICAL, as
					   confirmed; 0: it is not */
	const char *service;		/* the check's; NULL: none */
	const struct ra_pairs *variables;	/* the check's; NULL: none */
	const char *const *secrets;	/* the check's own, which are not to be shown */
	size_t secret_count;
	bool committed;			/* for `snapshot`: the data is of version control */
	const void *secret_key;		/* of the digests that stand for secrets */
	size_t secret_key_len;
	/* To `ask`, in its order; fewer than it asks for where there is no repository. */
	const struct ra_git_answer *answers;
	size_t answer_count;
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
	 * speaks. Such a kind has RA_OPTION_AGREE_WITHIN among its words and RA_FACT_DIFFER_SINCE
	 * among its facts.
	 */
	const char *const *agree;
	/* Facts that follow from those: a difference leaves none of all. NULL: none do. */
	const char *const *follow;
	/*
	 * In what instances do not agree, where there is more to tell than the fact's name; adds
	 * nothing if there is not. Of what was read of each, NULL: nothing. 0 or -ENOMEM. NULL: the
	 * name has to do.
	 */
	int (*tell_difference)(const void *options, const struct ra_snapshot *const *snapshots,
	    size_t count, struct ra_buf *out);
	/* Fills at most RA_NEEDS_MAX, returns how many. */
	size_t (*needs)(const void *options, const void *expect,
	    struct ra_need needs[RA_NEEDS_MAX]);
	/*
	 * The nth thing to ask a repository, once SELF was read; the answers to those before it are
	 * in the call. False: nothing more. NULL: the kind asks nothing.
	 */
	bool (*ask)(const struct ra_judge_call *call, size_t nth, struct ra_git_question *ret);
	/* What words want of version control; NULL back: nothing. NULL: no word does. */
	const struct ra_committed *(*committed)(const void *words);
	/*
	 * For RA_SHAPE_KEYS: a snapshot of data that came from `where`, called on a worker with
	 * options, variables and keys alone. NULL: the kind keeps none.
	 */
	int (*snapshot)(const struct ra_judge_call *call, const struct ra_data *data,
	    const char *where, struct ra_snapshot **ret);
	/*
	 * Judges one instance into `ret` (fresh): verdict, reason, summary, expected, evidence,
	 * facts. A SELF input that failed never gets here: the engine says so, with the verdict of
	 * `failure`. Of many keys it is called on a worker.
	 */
	void (*judge)(const struct ra_judge_call *call, struct ra_result *ret);
	/* The verdict for a failed SELF input; NULL or RA_UNKNOWN back: UNKNOWN. */
	enum ra_verdict (*failure)(enum ra_reason reason);
};

extern const struct ra_kind *const ra_kinds[];	/* generated, NULL-ended */

/* For how long they may differ, as a rollout makes them; the member is an int64_t. */
#define RA_AGREE_WITHIN	"agree-within"
#define RA_OPTION_AGREE_WITHIN(words, member) \
	{ .name = RA_AGREE_WITHIN, \
	    .type = RA_OPT_DURATION, \
	    .offset = offsetof(words, member), \
	    .flags = RA_OPT_INSTANCES, \
	    .help = "for how long instances may differ, from when they began to; else not at all" }
#define RA_DIFFER_SINCE	"differ_since"
#define RA_FACT_DIFFER_SINCE \
	{ RA_DIFFER_SINCE, RA_FACT_TIME, "since when instances were seen to differ" }

struct ra_combine_call {
	const char *const *names;	/* names[i] belongs to results[i] */
	struct ra_result *const *results;
	size_t count;
	const void *expect, *warn;	/* as in struct ra_judge_call; both may be NULL */
	const struct ra_facts *before;	/* what the last call made; NULL: nothing */
	int64_t now;			/* wall ms */
	const void *options;		/* as in struct ra_judge_call */
	const struct ra_snapshot *const *snapshots;	/* snapshots[i]: results[i]; NULL: none */
};

/*
 * One result out of its instances' (kind/combine.c): the worst speaks; then, where the kind says
 * so, they must agree. Returns owned, NULL without memory.
 */
struct ra_result *ra_kind_combine(const struct ra_kind *kind, const struct ra_combine_call *call);

#endif
