/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question of /v1/drift. The loop gathers what is compared, as references; a worker compares
 * and writes the answer; the loop drops the references.
 */
#ifndef RELAUDIT_API_DRIFT_H
#define RELAUDIT_API_DRIFT_H

#include "relaudit/base/arena.h"
#include "relaudit/kind/config.h"

#include "internal.h"

#define RA_DRIFT_BODY_MAX (64 * 1024 * 1024)

/* One comparison. */
struct ra_drift_pairing {
	struct ra_drift_pairing *next;
	const char *name; /* of the check */
	const struct ra_check *owner; /* whose rules would silence a row */
	struct ra_drift_side *sides; /* names are the keys of `values`; references */
	const struct ra_check **checks; /* of each side */
	const char **whys; /* of each side: why what is committed for it is not known */
	size_t count;
	bool skip; /* its baseline is not there (yet) */
};

/* A baseline that is read at another ref; sides[0] of the pairing is for it. */
struct ra_drift_asked {
	struct ra_drift_asked *next;
	struct ra_drift_job *job;
	struct ra_drift_pairing *pairing;
	struct ra_baseline_query *query; /* NULL: answered */
};

/* What of a check's keys changed since the time that was asked for. */
struct ra_drift_changes {
	struct ra_drift_job *job;
	const struct ra_check *check;
	char **bodies; /* of the events */
	int64_t *times;
	size_t count;
	bool partial; /* there were more than is known: all of the check's rows are told */
	struct ra_map keys; /* to int64_t, the time of the latest change; the worker's */
};

struct ra_drift_job {
	struct ra_request *request; /* NULL: left */
	struct ra_api *api; /* as long as there is a request */
	struct ra_config *config;
	struct ra_arena *arena;
	/* what is asked */
	const struct ra_environment **environments; /* those of the answer, in its order */
	size_t environment_count;
	const char *check, *ref; /* NULL: all; as its own version has it */
	const char **only, **ignore;
	size_t only_count, ignore_count;
	bool all, strict, suggest;
	bool by_time;
	int64_t since;
	uint8_t key[RA_DIGEST_SIZE];
	/* what is compared */
	struct ra_drift_pairing *pairings, **last;
	size_t pairing_count;
	int64_t *checked; /* by environment->index: the oldest of what takes part; 0: nothing */
	bool *told; /* by check->index: named among the unread */
	struct ra_buf unread; /* "A","B", each with its NUL */
	struct ra_buf errors; /* check, message, check ... */
	struct ra_buf baselines; /* check, ref, path, check ... */
	struct ra_buf notes;
	struct ra_drift_asked *asked;
	struct ra_drift_changes **changes; /* by check->index; NULL: not asked for */
	bool begun_later; /* the history begins after `since` */
	/* how it goes on */
	size_t waiting; /* for so many before the worker has its turn */
	struct ra_drift_job *next; /* in line for a worker */
	struct ra_buf body;
	int error;
};

/* --- drift.c --- */
/* One of those it waited for is there. May free the job. */
void ra_drift_pass(struct ra_drift_job *j);

/* --- drift_gather.c --- */
/* Names a check that is not compared, and why, once. */
void ra_drift_unread(struct ra_drift_job *j, const struct ra_check *c, const char *why);
/* NULL: no memory, which is the job's error. */
struct ra_drift_pairing *ra_drift_pairing_new(
    struct ra_drift_job *j, const struct ra_check *owner, size_t sides);
/* What was read of a check as it is now. False: named among the unread. */
bool ra_drift_add_side(
    struct ra_drift_job *j, struct ra_drift_pairing *p, const struct ra_check *c);
/* Takes the pairing if there are two sides to compare. */
void ra_drift_add_pairing(struct ra_drift_job *j, struct ra_drift_pairing *p);
/* Takes all that is compared. False: answered with an error. */
bool ra_drift_gather(struct ra_drift_job *j, struct ra_request *q);
void ra_drift_release(struct ra_drift_job *j);

/* --- drift_baseline.c --- */
/* Pairs the check with what is committed for it, if it has a baseline. */
void ra_drift_pair_baseline(struct ra_drift_job *j, const struct ra_check *c);
/* What is committed for the check, as last read, becomes known of side n, which is of it. */
void ra_drift_take_committed(struct ra_drift_job *j, struct ra_drift_pairing *p, size_t n);
/* Names the check among the unread, as its baseline is. */
void ra_drift_say_baseline(struct ra_drift_job *j, const struct ra_check *c, const char *why);
/* Takes back what was asked. Returns how many that were. */
size_t ra_drift_cancel(struct ra_drift_job *j);

/* --- drift_since.c --- */
/* Asks the history for what takes part. False: answered with an error. */
bool ra_drift_ask_changes(struct ra_drift_job *j, struct ra_request *q);
/* On the worker: reads what was answered. 0 or -ENOMEM. */
int ra_drift_read_changes(struct ra_drift_job *j);
/* When the key changed in the check's environment; 0: not since then. */
int64_t ra_drift_changed(
    const struct ra_drift_job *j, const struct ra_check *c, const char *key);
/* Leaves the rows whose key changed. Returns how many were taken out that are not fine. */
size_t ra_drift_keep_changed(
    const struct ra_drift_job *j, const struct ra_drift_pairing *p, struct ra_drift *d);
void ra_drift_changes_free(struct ra_drift_job *j);

/* --- drift_write.c --- */
/* On the worker: compares all and writes the answer into body; error says how it went. */
void ra_drift_run(void *job);

#endif
