/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: schedule, probes, states, records, alerts. It holds one track per check of the
 * present configuration. Everything here is for the loop's thread.
 */
#ifndef RELAUDIT_ENGINE_ENGINE_H
#define RELAUDIT_ENGINE_ENGINE_H

#include "relaudit/conf/config.h"
#include "relaudit/engine/state.h"
#include "relaudit/engine/store.h"
#include "relaudit/io/io.h"
#include "relaudit/io/syslog.h"
#include "relaudit/model/result.h"

struct ra_engine;
struct ra_mirror;

/* store and syslog may be NULL (`try`): nothing is kept, nothing is sent. */
int ra_engine_new(struct ra_io *io, struct ra_store *store, struct ra_syslog *syslog,
    struct ra_engine **ret, struct ra_error *err);
/* Before the start; borrowed until the engine has stopped. Without it no repository is asked. */
void ra_engine_use_mirror(struct ra_engine *e, struct ra_mirror *mirror);
/* Takes a reference to the config, loads what was kept, and begins to probe. */
int ra_engine_start(struct ra_engine *e, struct ra_config *config, struct ra_error *err);
/*
 * Swaps the config: checks that did not change (fingerprint) keep schedule, state and what is in
 * flight; others end what is in flight. Cannot fail half-way: -ENOMEM changes nothing.
 */
int ra_engine_swap(struct ra_engine *e, struct ra_config *config, struct ra_error *err);
/*
 * The clock jumped ahead, or the machine slept: what is stale by now is probed again within
 * min(every, 10 s), each once.
 */
void ra_engine_catch_up(struct ra_engine *e);
/*
 * To be called every few seconds: checks whose results do not come any more, as probes wait in a
 * queue, become UNKNOWN (stale), which is announced. Seen twice, and by the monotonic clock: sleep
 * and a loop that stood still do not count.
 */
void ra_engine_watch_stale(struct ra_engine *e);
/* Cancels probes, writes last-checked times. */
void ra_engine_stop(struct ra_engine *e);
void ra_engine_free(struct ra_engine *e);

const struct ra_config *ra_engine_config(const struct ra_engine *e);
int64_t ra_engine_started(const struct ra_engine *e);		/* wall ms */

/* What is known of one check, as it is to be shown now: staleness counted. Pointers are borrowed
   until the loop turns, or as long as the generation they came from. */
struct ra_view {
	const struct ra_check *check;
	const char *kind, *source;
	enum ra_verdict state, verdict;		/* PENDING before a result */
	enum ra_verdict last;			/* the state, however old it is */
	bool hard;
	enum ra_reason reason;			/* of the latest; STALE, PENDING */
	const char *summary, *expected, *evidence, *next_step;	/* NULL: not known */
	int64_t since, checked, next;		/* wall ms, 0: not known */
	int64_t duration_ms;			/* -1: not known */
	const struct ra_facts *facts;		/* NULL: none */
	const struct ra_instance_result *instances;
	size_t instance_count;
};

/* Of a configuration: its instances do not agree, whatever else is said of them. */
bool ra_view_instances_differ(const struct ra_view *v);
/* Facts are known, of each instance: what they say is of all of them. */
bool ra_view_all_read(const struct ra_view *v);

/*
 * One generation: the states of all checks at one moment, immutable, shared by count. Taking one is
 * O(checks) at most once per change, else a reference.
 */
struct ra_generation;

/* Referenced; NULL: no memory. */
struct ra_generation *ra_engine_generation(struct ra_engine *e);
struct ra_generation *ra_generation_ref(struct ra_generation *s);
void ra_generation_unref(struct ra_generation *s);
const struct ra_config *ra_generation_config(const struct ra_generation *s);
int64_t ra_generation_at(const struct ra_generation *s);
void ra_generation_view(const struct ra_generation *s, const struct ra_check *check,
    struct ra_view *ret);
/* One check as of now, without a snapshot. */
void ra_engine_view(const struct ra_engine *e, const struct ra_check *check, struct ra_view *ret);
/* State and verdict of the view alone, for counting. */
void ra_generation_shown(const struct ra_generation *s, const struct ra_check *check,
    enum ra_verdict *ret_state, enum ra_verdict *ret_verdict);
/*
 * What was last read of the (first instance of the) check's configuration, borrowed until the loop
 * turns, and when. NULL: not read, or too old to go by.
 */
struct ra_snapshot;
const struct ra_snapshot *ra_engine_read(const struct ra_engine *e, const struct ra_check *check,
    int64_t *ret_checked);
/* Whether it is of a kind that reads configurations. */
bool ra_engine_reads(const struct ra_check *check);
/*
 * What is committed for a check, as its last probe read it: the baseline under `expect`. Borrowed
 * until the loop turns. -ENOENT: the check has no baseline.
 */
struct ra_baseline {
	const struct ra_snapshot *snapshot;	/* NULL: not read, or too old to go by */
	const char *error;			/* why, one line */
	const char *ref;	/* the tag or ref it was read at; "": not known */
	const char *commit;	/* that is; with snapshot */
	const char *path;	/* within the repository */
	int64_t checked;	/* wall ms, of the probe; 0: none */
};
int ra_engine_baseline(const struct ra_engine *e, const struct ra_check *check,
    struct ra_baseline *ret);
/*
 * Reads the baseline at another ref (branch, tag, commit). done is called once, from the loop,
 * never from inside this call; snapshot is borrowed until it returns and NULL with a reason and an
 * error. 0, -ENOENT as above, -EINVAL: no ref can be called so (err), -ENOMEM.
 */
struct ra_baseline_query;
int ra_engine_baseline_at(struct ra_engine *e, const struct ra_check *check, const char *ref,
    void (*done)(void *arg, struct ra_snapshot *snapshot, enum ra_reason reason,
	const char *error), void *arg, struct ra_baseline_query **ret, struct ra_error *err);
void ra_engine_baseline_cancel(struct ra_baseline_query *q);	/* NULL allowed */

/* The key of the digests in it, RA_DIGEST_SIZE bytes. */
const void *ra_engine_secret_key(const struct ra_engine *e);

/* Checks without any result yet: in all, and (environment or check may be NULL) of a selection. */
size_t ra_engine_pending(const struct ra_engine *e);

/*
 * Probes now. A probe under way is joined. done(arg, 0) once there is a fresh result;
 * -ECANCELED if the check went away, -EBUSY if asked more than 10 times a second for one check.
 * The token cancels the call-back, not the probe.
 */
struct ra_run;
int ra_engine_run(struct ra_engine *e, const struct ra_check *check,
    void (*done)(void *arg, int error), void *arg, struct ra_run **ret);
void ra_engine_run_cancel(struct ra_run *run);

/* What happens, as it happens. `body` is the JSON object of /v1/events, one line. */
struct ra_listener {
	/* A result came in (changed or not). NULL: not interested. */
	void (*result)(struct ra_listener *l, const struct ra_check *check);
	/* An event: "state", "reload", ... */
	void (*event)(struct ra_listener *l, const struct ra_history_event *event);
	struct ra_listener *next;
};
void ra_engine_listen(struct ra_engine *e, struct ra_listener *l);
void ra_engine_unlisten(struct ra_engine *e, struct ra_listener *l);
/*
 * Puts an event of the daemon's own (start, reload) into history and to the listeners; NULL (there
 * was no memory for its text) is left out.
 */
void ra_engine_event(struct ra_engine *e, const char *what, const char *body);

/*
 * When the daemon before this one last looked, as far as that was kept (it may be a minute later),
 * wall ms; 0: not known.
 */
int64_t ra_engine_last_checked(const struct ra_engine *e);
/* How old a result may get: two intervals and the timeout. */
int64_t ra_stale_after(const struct ra_check *c);

struct ra_store *ra_engine_store(const struct ra_engine *e);
struct ra_syslog *ra_engine_syslog(const struct ra_engine *e);	/* NULL: none */
const struct ra_io *ra_engine_io(const struct ra_engine *e);

struct ra_engine_stats {
	uint64_t probes[4];		/* ended, by verdict */
	uint64_t started, cancelled;
	uint64_t in_flight, slow_in_flight;
	uint64_t late_ms_sum, late_ms_max;	/* start against due */
	uint64_t late_buckets[12];	/* <= 10 25 50 100 150 250 500 1000 2500 5000 10000 ms,
					   more */
	uint64_t unchanged;		/* fetches that found what was known unchanged */
	uint64_t alerts;
	uint64_t work;			/* steps of the schedule's own work, for the O(1) test */
};
void ra_engine_stats(const struct ra_engine *e, struct ra_engine_stats *ret);

#endif
