/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mirror's files share. A clone is one URL's mirror; a repository is a clone with a tag
 * pattern; a query is a question under way.
 *
 * A query is looked at from its start each time (mirror_answer.c): what git said before is in the
 * clone's memo, and the first thing that is not there is what it waits for. So there is no state to
 * keep between the runs of git, and two that need the same wait for the same run.
 */
#ifndef RELAUDIT_ENGINE_MIRROR_INTERNAL_H
#define RELAUDIT_ENGINE_MIRROR_INTERNAL_H

#include "relaudit/base/arena.h"
#include "relaudit/base/buf.h"
#include "relaudit/base/clock.h"
#include "relaudit/base/digest.h"
#include "relaudit/base/map.h"
#include "relaudit/engine/mirror.h"
#include "relaudit/model/git_url.h"

#define RA_MIRROR_FETCHES 4 /* at once */
#define RA_MIRROR_RUNS	  4 /* of git at once, for questions */
#define RA_MIRROR_DEMAND  (10 * RA_SECOND) /* between fetches for what is unknown */
#define RA_MIRROR_LINE	  300

/* --- what git said (mirror_memo.c) --- */

struct ra_memo_item {
	struct ra_memo_item *newer, *older;
	char *key;
	char *output; /* NUL-terminated */
	size_t len;
	int exit_code;
};

struct ra_memo {
	struct ra_map items;
	struct ra_memo_item *newest, *oldest;
	size_t bytes;
};

const struct ra_memo_item *ra_memo_get(struct ra_memo *m, const char *key);
/* Takes output. 0 or -ENOMEM. The oldest go if it becomes too large. */
int ra_memo_put(struct ra_memo *m, const char *key, char *output, size_t len, int exit_code);
void ra_memo_clear(struct ra_memo *m);

/* --- refs (mirror_refs.c) --- */

struct ra_git_ref {
	const char *name; /* "refs/tags/v1" */
	const char *object;
	const char *commit; /* tags, peeled; "": not a commit. Branches: the object */
	int64_t date; /* tags, wall ms */
};

struct ra_git_refs {
	struct ra_arena *arena;
	struct ra_git_ref *list;
	size_t count, tags;
	struct ra_map names;
	uint8_t digest[RA_DIGEST_SIZE]; /* of what git listed */
};

/* list: "object refname" a line. 0, -ENOMEM, or -EINVAL: not what git lists. */
int ra_git_refs_parse(const char *list, size_t len, struct ra_git_refs **ret);
/* dates: "commit seconds decorations" a line. */
int ra_git_refs_add_dates(struct ra_git_refs *refs, const char *dates);
void ra_git_refs_free(struct ra_git_refs *refs);
const struct ra_git_ref *ra_git_refs_find(const struct ra_git_refs *refs, const char *name);

/* --- clones --- */

enum ra_clone_step {
	RA_CLONE_IDLE,
	RA_CLONE_QUEUED,
	RA_CLONE_OPEN, /* lists the refs of a mirror that was there */
	RA_CLONE_OPEN_DATES,
	RA_CLONE_REMOVE,
	RA_CLONE_INIT,
	RA_CLONE_FETCH,
	RA_CLONE_LIST,
	RA_CLONE_ASK, /* whether what has no refs is a repository at all */
	RA_CLONE_DATES,
	RA_CLONE_CHECK, /* whether it was the mirror that made the fetch fail */
	RA_CLONE_SIZE,
	RA_CLONE_REPACK,
};

struct ra_mirror_list {
	struct ra_mirror_query *first, *last;
};

struct ra_clone {
	struct ra_mirror *mirror;
	struct ra_git_url url;
	char *path;
	unsigned repos;
	enum ra_clone_step step;
	struct ra_clone *queue; /* next one that waits for its turn to fetch */
	struct ra_helper_job *job;
	struct ra_git_refs *refs; /* NULL: nothing is known yet */
	struct ra_git_refs *coming; /* listed, dates still to come */
	uint64_t generation; /* of refs */
	uint64_t epoch; /* of the folder: it was removed so many times */
	bool opened; /* what was on disk has been looked at */
	bool damaged; /* to be made anew */
	bool rebuilt; /* in this attempt */
	bool doomed; /* too large: it goes, and is not made anew */
	bool wanted; /* a fetch, even if what is on disk is fresh */
	struct ra_stamp fetched; /* wall 0: never */
	char agreed[RA_DIGEST_HEX]; /* digest of the refs at that time */
	struct ra_stamp started; /* the fetch under way */
	int64_t began; /* monotonic, of the fetch under way */
	int64_t looked; /* monotonic start of the last one that agreed; 0: none by this process */
	int64_t tried; /* monotonic end of the last attempt; 0: none */
	int64_t due; /* monotonic: a fetch for what is not known; 0: none */
	int64_t retry; /* monotonic, not before */
	unsigned failures;
	enum ra_reason remote;
	char remote_error[RA_MIRROR_LINE];
	char local_error[RA_MIRROR_LINE]; /* what git says of the mirror itself */
	int64_t doubted; /* monotonic; 0: never */
	int64_t size;
	struct ra_mirror_move *moves;
	size_t move_count;
	struct ra_memo memo;
	struct ra_mirror_list waiting; /* for the fetch or a run */
};

struct ra_mirror_repo {
	struct ra_clone *clone;
	char *pattern, *key;
	unsigned refs;
	struct ra_releases *releases; /* of generation */
	uint64_t generation;
	bool ordered; /* ancestry was handed to releases */
};

/* A run of git for queries. */
struct ra_run_git {
	struct ra_run_git *next;
	struct ra_clone *clone;
	struct ra_helper_job *job;
	uint64_t epoch; /* of the clone, when it was started */
	bool may_fail;
	char key[];
};

struct ra_mirror_query {
	struct ra_mirror_query *prev, *next;
	struct ra_mirror_list *list;
	struct ra_mirror_repo *repo;
	enum ra_mirror_want want;
	struct {
		char *version, *commit; /* without "-dirty" */
		bool dirty;
	} side[2];
	char *ref, *path;
	size_t max_bytes;
	int64_t since, settled, deadline;
	void (*done)(void *arg, const struct ra_mirror_answer *answer);
	void *arg;
	struct ra_run_git *run; /* it waits for; NULL in waiting: the fetch */
	bool waited; /* for a fetch, once; not for what is missing */
	bool late; /* its deadline is over: it gets what is there */
	bool failed; /* its run could not be; answer and error say why */
	const struct ra_tag *nearest;
	unsigned turns;
	struct ra_mirror_answer answer;
	char error[RA_MIRROR_LINE];
};

struct ra_mirror {
	struct ra_io io;
	char *folder; /* STATE/mirrors */
	char *git, *home, *protocols;
	struct ra_mirror_setup setup;
	struct ra_map clones; /* by URL without credentials */
	struct ra_map repos; /* by pattern and URL */
	struct ra_clone *queue; /* for their turn to fetch */
	unsigned fetching;
	struct ra_run_git *runs;
	unsigned running;
	struct ra_mirror_list ready, held; /* to be looked at; waiting for a run to be free */
	struct ra_mirror_list turning;
	struct ra_timer *timer;
	int64_t timer_at; /* 0: not running */
	struct ra_helper_job *sweep;
	struct ra_mirror_stats stats;
};

/* mirror.c */
void ra_mirror_arm(struct ra_mirror *m, int64_t at);
void ra_query_move(struct ra_mirror_query *q, struct ra_mirror_list *to);
void ra_query_answer(struct ra_mirror_query *q);

/* --- running git (mirror_git.c) --- */

struct ra_git_call {
	const char *const *args; /* NULL-ended, after `git --git-dir PATH` */
	const char *input;
	size_t max_output;
	int64_t timeout;
	bool remote; /* it talks to the repository: credentials, the user's own configuration */
	bool trace; /* stderr has what git's protocol said */
};

int ra_git_run(struct ra_clone *c, const struct ra_git_call *call,
    void (*done)(void *arg, struct ra_child_answer *answer), void *arg,
    struct ra_helper_job **ret);
/* A fetch can write no more than this into one pack. */
int64_t ra_git_pack_limit(const struct ra_mirror *m);
#define RA_REMOVE_MAX 64
/* rm -rf of so many paths at most. */
int ra_git_remove(struct ra_mirror *m, char *const *paths, size_t count,
    void (*done)(void *arg, struct ra_child_answer *answer), void *arg,
    struct ra_helper_job **ret);
/* Why it failed, and the line of stderr that says so, cleaned of control characters and secrets. */
enum ra_reason ra_git_explain(
    const struct ra_clone *c, const struct ra_child_answer *a, char line[RA_MIRROR_LINE]);

/* --- fetching (mirror_fetch.c) --- */

/* Starts what is needed to bring it up to date, unless that is under way or too early. */
void ra_clone_refresh(struct ra_clone *c, bool wanted);
/* Git cannot read the mirror: true if it is made anew, false if it just was. */
bool ra_clone_doubt(struct ra_clone *c, const char *why);
bool ra_clone_may_refresh(const struct ra_clone *c);
/* Ends what is under way, without telling anyone. */
void ra_clone_stop(struct ra_clone *c);

/* --- what is kept beside the objects (mirror_file.c) --- */

/* Makes the folders; *ret_new if the clone's was not there. */
int ra_clone_make_folder(struct ra_clone *c, bool *ret_new, struct ra_error *err);
bool ra_clone_has_folder(const struct ra_clone *c);
/* When it was fetched, and its moved tags; nothing if the file is not there or not ours. */
void ra_clone_load(struct ra_clone *c);
int ra_clone_save(const struct ra_clone *c);
/* Removes what a fetch that was killed leaves behind. The size of the largest. */
int64_t ra_clone_tidy(const struct ra_clone *c);
int ra_clone_add_move(
    struct ra_clone *c, const char *tag, const char *from, const char *to, int64_t seen);

/* --- what a query knows (mirror_know.c); a query that waits has been put where it does --- */

enum ra_turn { RA_TURN_DONE, RA_TURN_WAIT };

/* Sets the answer's reason and error. */
enum ra_turn ra_query_say(struct ra_mirror_query *q, enum ra_reason reason, const char *fmt, ...)
    RA_PRINTF(3, 4);
/* It is not there: waits for a fetch if that is sensible, or says so. */
enum ra_turn ra_query_missing(
    struct ra_mirror_query *q, enum ra_reason reason, const char *fmt, ...) RA_PRINTF(3, 4);
enum ra_turn ra_query_wait_fetch(struct ra_mirror_query *q, bool wanted);
/* What git says; NULL: it waits for that. may_fail: so that a failure is an answer too. */
const struct ra_memo_item *ra_query_know(struct ra_mirror_query *q, const char *key,
    const struct ra_git_call *call, bool may_fail);
/* An object is not there that must be: the mirror is damaged, which is waited for or said. */
enum ra_turn ra_query_lost(struct ra_mirror_query *q);
bool ra_is_commit(const char *text);
/* The whole of a commit given by its first digits. NULL: *ret is what comes of it. */
const char *ra_query_commit(
    struct ra_mirror_query *q, const char *text, char out[RA_COMMIT_TEXT], enum ra_turn *ret);
/* Commits of b that a lacks, and of a that b lacks; -1: not known. False: it waits. */
bool ra_query_count(struct ra_mirror_query *q, const char *a, const char *b, int64_t *ret_behind,
    int64_t *ret_ahead);
/* A commit's date; 0: it has none that makes sense. False: it waits. */
bool ra_query_date(struct ra_mirror_query *q, const char *commit, int64_t *ret);

/* --- answering (mirror_answer.c, mirror_blob.c) --- */

/* Looks at it anew: answers it, or puts it where it waits. */
void ra_query_turn(struct ra_mirror_query *q);
enum ra_turn ra_query_blob(struct ra_mirror_query *q);

#endif
