/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What survives: records.db (acknowledged means kept) and history.db (expendable). SQLite on a
 * writer thread and a reader thread of the store's own; the loop only hands over and is called
 * back. Bodies are texts (JSON) that the store does not look into.
 */
#ifndef RELAUDIT_ENGINE_STORE_H
#define RELAUDIT_ENGINE_STORE_H

#include "relaudit/base/buf.h"
#include "relaudit/base/error.h"

struct ra_loop;
struct ra_store;

/* Types of records; names are the file's. Sign-offs, waivers, acks and silences come later. */
enum ra_record_type {
	RA_RECORD_STATE,	/* key: check id; the state announced */
	RA_RECORD_META,		/* key: "instance", ...: things of the daemon's own */
	RA_RECORD_TYPES
};

/*
 * Opens or creates both files under folder (created 0750 if only its last part is missing) and
 * reads all records into memory. Takes a lock: -EBUSY with "already running, pid N" if another
 * holds it. records.db damaged: the last good generation is used, the bad file set aside and
 * named in `notes`; newer than we understand: -EPROTONOSUPPORT, nothing touched. history.db
 * damaged: set aside, begun anew, said in notes. A disk that is full, read-only or failing: what is
 * there is read, the store begins failing (stats) and catches up. notes: lines for the log.
 */
int ra_store_open(struct ra_loop *loop, const char *folder, struct ra_store **ret,
    struct ra_buf *notes, struct ra_error *err);
/*
 * Writes what is queued (waits at most wait_ms), calls back whatever is owed, closes. A thread that
 * is stuck in the file system is abandoned with its memory: false, and it may yet go on.
 */
bool ra_store_close(struct ra_store *s, int64_t wait_ms);

/* --- records --- */

/*
 * Puts one record. done(arg, 0) comes from the loop once it is synced to disk; a negative errno if
 * it could not be (it stays in memory and is retried; done is not called again). done may be NULL.
 * Order per key is kept. -ENOMEM: nothing was taken; -ESHUTDOWN: nor is it during close.
 */
int ra_store_put(struct ra_store *s, enum ra_record_type type, const char *key, const char *body,
    size_t len, void (*done)(void *arg, int error), void *arg);
int ra_store_remove(struct ra_store *s, enum ra_record_type type, const char *key);
/* From memory, borrowed until the key is put again; NULL: none. */
const char *ra_store_get(const struct ra_store *s, enum ra_record_type type, const char *key);
/* In no order; fn must not put new keys or remove any. */
void ra_store_each(const struct ra_store *s, enum ra_record_type type,
    void (*fn)(void *arg, const char *key, const char *body), void *arg);

/* --- history: batched, at most one transaction a second --- */

struct ra_history_event {
	int64_t id;		/* as read; 0 when adding */
	int64_t at;		/* wall ms */
	const char *what;	/* "state", "reload", "start", later "version-changed" ... */
	const char *check;	/* id, or "" */
	const char *body;	/* JSON object */
};

/* The latest result of a check, body as the engine wrote it; replaces the one before. */
void ra_store_latest(struct ra_store *s, const char *check, const char *body, size_t len);
/* When a check was last checked, where nothing else changed. */
void ra_store_seen(struct ra_store *s, const char *check, int64_t checked);
void ra_store_event(struct ra_store *s, const struct ra_history_event *event);

#define RA_STORE_MARK		16
#define RA_SNAPSHOT_KEPT_MAX	((size_t)8 << 20)	/* bytes of one as it is kept */

struct ra_snapshot;
/*
 * What was read of one instance ("": the only one) of a check, with a mark of the rules that it was
 * read by; replaces the one before. Takes a reference. Not kept, nor the one before it, if it is
 * larger than that; NULL: nothing is kept any more. 0, or -ENOMEM: nothing was taken.
 */
int ra_store_snapshot(struct ra_store *s, const char *check, const char *instance,
    const uint8_t mark[RA_STORE_MARK], struct ra_snapshot *snapshot);
/* Drops latest result, time and snapshots of a check that is gone; its events stay. */
void ra_store_forget(struct ra_store *s, const char *check);
/* Drops events older than `before`. */
void ra_store_prune(struct ra_store *s, int64_t before);

/* At start only, on the calling thread: every check's latest body and last checked time. */
int ra_store_load_latest(struct ra_store *s,
    void (*fn)(void *arg, const char *check, const char *body, int64_t checked), void *arg,
    struct ra_error *err);

/*
 * At start only, on the calling thread: every snapshot, borrowed. What is damaged is passed over.
 */
int ra_store_load_snapshots(struct ra_store *s,
    void (*fn)(void *arg, const char *check, const char *instance,
	const uint8_t mark[RA_STORE_MARK], struct ra_snapshot *snapshot),
    void *arg, struct ra_error *err);

struct ra_history_query {
	const char *environment;	/* NULL: all */
	const char *check;		/* id; NULL: all of the environment */
	int64_t since, until;		/* wall ms; until 0: now */
	size_t limit;			/* newest win; 0: 1000 */
	/*
	 * Not 0: of each sort of event of each check only the last until then and the first after,
	 * all of them or -EMSGSIZE; since, until and limit do not count.
	 */
	int64_t around;
};

/*
 * Reads on the reader thread; done comes from the loop once with the events, oldest first (valid
 * during the call), or a negative errno. What was added before the call is included.
 */
int ra_store_history(struct ra_store *s, const struct ra_history_query *query,
    void (*done)(void *arg, int error, const struct ra_history_event *events, size_t count),
    void *arg);

struct ra_store_stats {
	uint64_t puts, unsaved;		/* unsaved: records in memory that are not on disk */
	uint64_t queued;
	uint64_t dropped;		/* of history: no room in the queue, or damaged */
	bool failing;
	char error[160];	/* "state not saved: disk full", "history ..."; "" if all is well */
};
void ra_store_stats(const struct ra_store *s, struct ra_store_stats *ret);

#endif
