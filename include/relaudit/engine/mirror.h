/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of git repositories: one bare mirror per URL in STATE/mirrors, kept up by the
 * program git, which the helper runs. Questions are answered from the mirror; who asks for a tag
 * or commit that it lacks waits for a fetch. Loop thread only.
 *
 * A fetch is started when someone asks and the last is older than the interval; for what is unknown
 * at most every 10 s, for which questions wait as long as they can: nothing is missing by a fetch
 * before it was first asked for. After failures ever later, up to 15 min. A repository out of reach
 * answers from its mirror until that is older than max_age.
 *
 * Credentials: http(s) URLs may carry user:password@, which git gets through its environment, never
 * in argv or a file. Else git's and ssh's own: HOME/.gitconfig, HOME/.netrc, the user's ~/.ssh.
 */
#ifndef RELAUDIT_ENGINE_MIRROR_H
#define RELAUDIT_ENGINE_MIRROR_H

#include "relaudit/io/io.h"
#include "relaudit/model/release.h"
#include "relaudit/model/verdict.h"

struct ra_mirror;
struct ra_mirror_repo;
struct ra_mirror_query;

/* NULL or 0: the default. Times in ms. */
struct ra_mirror_setup {
	const char *git;	/* /usr/bin/git */
	const char *home;	/* HOME of git; the state folder */
	const char *protocols;	/* "https:http:ssh:git:file" */
	int64_t interval;	/* 5 min */
	int64_t max_age;	/* of a mirror that cannot be fetched and still answers: 1 h */
	int64_t clone_timeout;	/* of a repository's first fetch: 2 min */
	int64_t fetch_timeout;	/* 30 s */
	int64_t max_size;	/* of a mirror: 2 GB; of one pack never more than 1 GiB */
};

int ra_mirror_new(const struct ra_io *io, const char *state, const struct ra_mirror_setup *setup,
    struct ra_mirror **ret, struct ra_error *err);
/* Not from inside a callback. Repositories and queries go with it, unanswered. */
void ra_mirror_free(struct ra_mirror *m);

/*
 * url: https, http, ssh, git, file:///, user@host:path or an absolute path. pattern: as in
 * release.h. Takes a reference; the same of both is the same repository. Errors hold no secret.
 */
int ra_mirror_repo(struct ra_mirror *m, const char *url, const char *pattern,
    struct ra_mirror_repo **ret, struct ra_error *err);
/* Queries on it must have been answered or cancelled. */
void ra_mirror_unref(struct ra_mirror_repo *r);
/* Removes from disk what no repository uses; for when a configuration has been loaded. */
void ra_mirror_sweep(struct ra_mirror *m);
/* Without secrets. */
const char *ra_mirror_url(const struct ra_mirror_repo *r);

enum ra_mirror_want {
	RA_MIRROR_IDENTIFY,	/* what is side[0]? */
	RA_MIRROR_COMPARE,	/* how far is side[0] from side[1]? */
	RA_MIRROR_BLOB,		/* the file path at ref, or at the tag of side[0].version */
};

#define RA_MIRROR_BLOB_MAX	((size_t)16 << 20)

/* All copied. */
struct ra_mirror_question {
	enum ra_mirror_want want;
	struct {
		const char *version, *commit;	/* as reported; one may be NULL, the commit short */
	} side[2];
	const char *ref;	/* BLOB: branch, tag, refs/..., commit; NULL: side[0].version's */
	const char *path;	/* BLOB: within the repository; a link is followed within it */
	size_t max_bytes;	/* BLOB: 1 B to 16 MiB */
	int64_t since;		/* monotonic ms: what an older fetch lacks is fetched for; 0: now */
	/*
	 * Monotonic ms: what a fetch from then on lacks is missing, even if there is no time for a
	 * newer one; 0: as since; negative: whatever fetch was the last.
	 */
	int64_t settled;
	int64_t deadline;	/* monotonic ms; then it is answered with what hinders it */
};

struct ra_mirror_side {
	const char *tag;	/* of the version, else the highest at the commit; NULL: none */
	const char *version;	/* the tag's; NULL: none */
	const char *tag_commit;	/* peeled; "": none */
	int64_t tag_date;	/* wall ms, 0: not known */
	char commit[RA_COMMIT_TEXT];	/* the whole of the reported one, else the tag's, or "" */
	int64_t commit_date;	/* COMPARE only; 0: not known */
	bool dirty;
};

/*
 * All borrowed until done returns. Whatever was found is filled in, whatever the reason:
 * RA_R_OK, TAG_MISSING, TAG_NO_COMMIT, COMMIT_*, REF_*, PATH_*, BODY_TOO_LARGE: the mirror
 * answers; REPO_*, GIT_*, NO_MEMORY: it could not.
 */
struct ra_mirror_answer {
	enum ra_reason reason;
	const char *error;	/* one line, without secrets; with reason */
	int64_t fetched;	/* wall ms when it last agreed with the repository; 0: never */
	int64_t age;		/* ms since then */
	enum ra_reason remote;	/* how the last fetch ended */
	const char *remote_error;
	struct ra_mirror_side side[2];
	/* IDENTIFY */
	enum ra_relation relation;
	int64_t behind, ahead;	/* commits, against the tag; COMPARE: of side[0] against side[1];
				   -1: not known */
	const char *nearest;	/* UNTAGGED: nearest tag before, `ahead` commits away, or NULL */
	int64_t behind_releases;	/* newer releases; -1: not known */
	const char *latest;	/* the newest release's tag; NULL: none */
	int64_t latest_date;	/* wall ms, 0: not known */
	/* COMPARE */
	bool ordered;		/* order is known */
	int order;		/* of the versions, else by ancestry; <0: side[0] is older */
	int64_t lag_releases;	/* after side[0] up to side[1], negative the other way */
	bool lag_known;
	int64_t lag_ms;		/* side[1]'s commit date less side[0]'s; 0 if one is not known */
	/* BLOB */
	const char *bytes;	/* NUL-terminated */
	size_t len;
	char blob[RA_COMMIT_TEXT];	/* its object id */
	char ref_commit[RA_COMMIT_TEXT];
};

/*
 * done is called once, from the loop, never from inside this call. 0, -EINVAL (path, ref) with err,
 * or -ENOMEM.
 */
int ra_mirror_ask(struct ra_mirror_repo *r, const struct ra_mirror_question *question,
    void (*done)(void *arg, const struct ra_mirror_answer *answer), void *arg,
    struct ra_mirror_query **ret, struct ra_error *err);
void ra_mirror_cancel(struct ra_mirror_query *q);	/* NULL allowed */

/* A tag that was seen to move, newest last; old ones are forgotten after RA_MIRROR_MOVES. */
#define RA_MIRROR_MOVES	100
struct ra_mirror_move {
	char *tag;
	char from[RA_COMMIT_TEXT], to[RA_COMMIT_TEXT];	/* to "": it is gone */
	int64_t seen;	/* wall ms */
};

struct ra_mirror_status {
	int64_t fetched;	/* as above */
	enum ra_reason remote;
	const char *remote_error;
	bool fetching;
	size_t tags;
	int64_t size;		/* bytes, as of the last fetch that brought something, or 0 */
	const struct ra_mirror_move *moves;
	size_t move_count;
};

void ra_mirror_status(const struct ra_mirror_repo *r, struct ra_mirror_status *ret);

struct ra_mirror_stats {
	uint64_t fetches;	/* started */
	uint64_t runs;		/* of git, for questions */
	uint64_t questions;
};

void ra_mirror_stats(const struct ra_mirror *m, struct ra_mirror_stats *ret);

#endif
