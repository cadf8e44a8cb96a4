/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's insides. Three threads: the loop's hands over under `lock` and is called back; the
 * writer has records.db and history.db to itself; the reader answers queries and checkpoints
 * history.db, whose fsync is thus in nobody's way.
 */
#ifndef RELAUDIT_ENGINE_STORE_INTERNAL_H
#define RELAUDIT_ENGINE_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "relaudit/base/map.h"
#include "relaudit/engine/store.h"
#include "relaudit/io/loop.h"
#include "relaudit/model/snapshot.h"

#define RA_RECORDS_FILE	   "records.db"
#define RA_RECORDS_TMP	   "records.db.tmp" /* being written; garbage after a crash */
#define RA_RECORDS_NEW	   "records.db.new" /* whole and synced; takes over from records.db */
#define RA_RECORDS_LAST	   "records.db.last"
#define RA_RECORDS_VERSION 1
#define RA_HISTORY_FILE	   "history.db"
#define RA_HISTORY_VERSION 2
#define RA_STORE_PATH	   4096
#define RA_STORE_ERROR	   160

/* --- records in memory --- */

/* A row on disk. mark: the first bytes of its digest; generation 0: no row. */
struct ra_row {
	int64_t generation;
	uint64_t mark;
};

/* One value of a key, immutable; the key's present one and those on their way to disk. */
struct ra_record {
	atomic_uint refs;
	atomic_bool settled;	/* on disk, or no longer wanted there */
	struct ra_store_key *key;	/* a reference */
	int64_t generation;
	size_t len;
	char body[];
};

struct ra_store_key {
	atomic_uint refs;
	enum ra_record_type type;
	struct ra_record *now;	/* a reference; written by the loop, under lock */
	struct ra_row disk[2];	/* the writer's; newest first */
	char text[];
};

/* All records at one moment. */
struct ra_records_view {
	struct ra_record **items;	/* references */
	size_t count;
	int64_t generation;
};

const char *ra_record_type_name(enum ra_record_type type);
int ra_record_type_parse(const char *name, enum ra_record_type *ret);
struct ra_store_key *ra_key_new(enum ra_record_type type, const char *text);
void ra_key_unref(struct ra_store_key *k);
struct ra_record *ra_record_new(struct ra_store_key *k, const char *body, size_t len);
void ra_record_unref(struct ra_record *r);

/* --- what waits for the writer --- */

enum ra_item_kind {
	RA_ITEM_PUT,
	RA_ITEM_REMOVE,
	RA_ITEM_LATEST,
	RA_ITEM_SEEN,
	RA_ITEM_FORGET,
	RA_ITEM_EVENT,
	RA_ITEM_PRUNE,
	RA_ITEM_SNAPSHOT,
};

struct ra_store_item {
	struct ra_store_item *next;
	uint32_t size;			/* counted against the queue's bound */
	enum ra_item_kind kind;
};

struct ra_item_record {
	struct ra_store_item item;
	struct ra_record *record;	/* PUT: a reference */
	struct ra_store_key *key;		/* REMOVE: a reference */
	void (*done)(void *arg, int error);
	void *arg;
	int error;
};

struct ra_item_history {
	struct ra_store_item item;
	int64_t at;
	uint32_t what, body;		/* where they begin in text; the check is at 0 */
	uint32_t body_len;
	char text[];
};

struct ra_item_snapshot {
	struct ra_store_item item;
	struct ra_snapshot *snapshot;	/* a reference; NULL: there is none any more */
	uint8_t mark[RA_STORE_MARK];
	uint32_t instance;		/* where it begins in text; the check is at 0 */
	char text[];
};

struct ra_queue {
	struct ra_store_item *head, **tail;
	size_t count, bytes;
};

void ra_queue_init(struct ra_queue *q);
void ra_queue_add(struct ra_queue *q, struct ra_store_item *item);
/* Moves everything from one to the end of the other. */
void ra_queue_move(struct ra_queue *to, struct ra_queue *from);
struct ra_store_item *ra_queue_take(struct ra_queue *q);
void ra_item_free(struct ra_store_item *item);

struct ra_query {
	struct ra_query *next;
	struct ra_store *store;
	uint64_t after;			/* items of history that must be written first */
	char *environment, *check;
	int64_t since, until;
	int64_t around;			/* 0: since and until count */
	size_t limit;
	void (*done)(void *arg, int error, const struct ra_history_event *events, size_t count);
	void *arg;
	int error;
	struct ra_arena *arena;		/* of the texts of events */
	struct ra_history_event *events;
	size_t count, room, bytes;
};

void ra_query_free(struct ra_query *q);

/* --- the files --- */

enum ra_records_stmt {
	RA_RECORDS_BEGIN,
	RA_RECORDS_COMMIT,
	RA_RECORDS_INSERT,
	RA_RECORDS_DELETE,
	RA_RECORDS_ABOUT,
	RA_RECORDS_STMTS
};

/* records.db, open. rows and marks are what its `about` row says: none can vanish unnoticed. */
struct ra_records {
	sqlite3 *db;
	sqlite3_stmt *stmts[RA_RECORDS_STMTS];
	int64_t rows, generation;
	uint64_t marks;
	int wal_pages;			/* as of the last commit */
	int64_t size;			/* as of the last look */
};

enum ra_history_stmt {
	RA_HISTORY_BEGIN,
	RA_HISTORY_COMMIT,
	RA_HISTORY_LATEST,
	RA_HISTORY_SEEN,
	RA_HISTORY_FORGET_LATEST,
	RA_HISTORY_FORGET_SEEN,
	RA_HISTORY_EVENT,
	RA_HISTORY_PRUNE,
	RA_HISTORY_SNAPSHOT,
	RA_HISTORY_SNAPSHOT_DROP,
	RA_HISTORY_FORGET_SNAPSHOTS,
	RA_HISTORY_STMTS
};

struct ra_history {
	sqlite3 *db;
	sqlite3_stmt *stmts[RA_HISTORY_STMTS];
	int wal_pages;			/* as of the last commit */
	int64_t size;			/* as of the last look */
};

struct ra_folder {
	int fd, lock;			/* -1: none */
	char path[RA_STORE_PATH];	/* without symbolic links */
};

struct ra_store {
	struct ra_loop *loop;
	struct ra_folder folder;

	/* the loop's; changed under lock, so that the writer may look */
	struct ra_map maps[RA_RECORD_TYPES];
	int64_t generation;

	pthread_mutex_t lock;
	pthread_cond_t for_writer, for_reader, for_loop;
	pthread_t writer, reader;
	bool writer_started, reader_started;
	bool writer_runs, reader_runs;	/* until their threads' last step */
	struct ra_wake *wake;		/* NULL: nobody is to be called */
	struct ra_queue puts, history;
	struct ra_queue flying;		/* puts the writer has taken */
	struct ra_queue answered;	/* their done is due */
	size_t history_flying;
	uint64_t history_queued, history_written;	/* items ever */
	int64_t history_due;		/* real monotonic ms */
	int64_t busy_since;		/* the writer's job; 0: it waits */
	bool flush;			/* history need not wait for its second */
	bool closing;			/* no more puts */
	bool stop;
	bool leaving;			/* what of history cannot be written is not kept */
	bool retry_now;
	struct ra_query *queries, **queries_tail;
	struct ra_query *reading;	/* the reader has it */
	sqlite3 *reading_db;		/* to interrupt */
	struct ra_query *read, **read_tail;
	unsigned history_epoch;		/* another each time the file was opened or closed */
	bool history_closed;		/* it could not be opened to write, yet */
	bool checkpoint;		/* wanted of the reader */
	struct ra_store_stats stats;	/* error and failing: of the records */
	char history_error[RA_STORE_ERROR];
	atomic_uint_fast64_t unsaved;

	/* the writer's (and of open and close, while there is none) */
	struct ra_records records;
	struct ra_history hist;
	bool failing;			/* memory is ahead of the disk */
	int last_error;
	bool rewrite;			/* only a new file is to be trusted */
	bool aside;			/* the old file is evidence: set it aside */
	char aside_name[80];		/* where it went */
	int64_t retry_at, checkpoint_at, copy_at, look_at;
	bool changed;			/* since records.db.last was written */
};

/* Real, whatever the clock was replaced by: condition variables wait by it. */
int64_t ra_store_mono(void);

/* --- store_folder.c: the folder, its lock, files in it --- */

int ra_folder_open(struct ra_folder *f, const char *path, struct ra_error *err);
void ra_folder_close(struct ra_folder *f);
/* Another or none is where it was. */
bool ra_folder_is_lost(const struct ra_folder *f);
/* If it is lost: makes or opens and locks what is there now. The descriptors keep their numbers. */
int ra_folder_again(struct ra_folder *f, struct ra_error *err);
void ra_folder_path(const struct ra_folder *f, const char *name, char out[RA_STORE_PATH]);
bool ra_folder_has(const struct ra_folder *f, const char *name);
int64_t ra_folder_age(const struct ra_folder *f, const char *name);	/* ms since it was
									   written */
/* Empty, 0600, never over another. */
int ra_folder_create(const struct ra_folder *f, const char *name);
int ra_folder_sync_file(const struct ra_folder *f, const char *name);
int ra_folder_sync(const struct ra_folder *f);
int ra_folder_rename(const struct ra_folder *f, const char *from, const char *to);
int ra_folder_unlink(const struct ra_folder *f, const char *name);	/* 0 if there was none */
/*
 * Gives a database and its journals the name "name.damaged-<time>", never over another. keep: its
 * old name stays too, until something is renamed over it. *ret_name: the new name.
 */
int ra_folder_set_aside(const struct ra_folder *f, const char *name, bool keep, char ret_name[80]);
/* Removes what SQLite keeps beside a database. */
int ra_folder_drop_journals(const struct ra_folder *f, const char *name);

/* --- store_disk.c: SQLite with our settings --- */

/* How a database file looks before SQLite touches it. */
enum ra_disk_look {
	RA_DISK_MISSING,
	RA_DISK_EMPTY,
	RA_DISK_FOREIGN,	/* not a database */
	RA_DISK_NEWER,
	RA_DISK_FINE,
};

/*
 * Whether a file is of a newer version than ours, by its user_version and its application_id, which
 * tells the version again: one flipped bit is not the future.
 */
#define RA_DISK_MARK 0x52410000
bool ra_disk_is_newer(int64_t found, int64_t mark, int version);
enum ra_disk_look ra_disk_look(const struct ra_folder *f, const char *name, int version,
    int *ret_version);
int ra_disk_open(const struct ra_folder *f, const char *name, int flags, sqlite3 **ret);
/* To read only, where nothing can be written, not even what SQLite keeps beside a file. */
int ra_disk_open_quietly(const struct ra_folder *f, const char *name, sqlite3 **ret);
void ra_disk_close(sqlite3 *db, sqlite3_stmt **stmts, size_t count);
int ra_disk_exec(sqlite3 *db, const char *sql);
int ra_disk_prepare(sqlite3 *db, const char *const *sql, sqlite3_stmt **stmts, size_t count);
/* Steps to the end and resets. */
int ra_disk_run(sqlite3_stmt *stmt);
/* A single number; -ENODATA if there is none. */
int ra_disk_number(sqlite3 *db, const char *sql, int64_t *ret);
/* Negative errno of the last failure: -EBADMSG is damage, -ENOSPC a full disk. */
int ra_disk_error(sqlite3 *db);
const char *ra_disk_text(int error);
/* The disk is full, read-only or broken: what is there may be read all the same. */
bool ra_disk_is_unwritable(int error);
/*
 * The open file or its journal has no name any more, or another's, or is shorter than it was at the
 * last look (*size) or than this many pages of journal. Files of ours never shrink.
 */
bool ra_disk_is_lost(sqlite3 *db, int64_t *size, int wal_pages);
/* -EBADMSG unless tables and indexes are exactly these, in order of creation. */
int ra_disk_schema(sqlite3 *db, const char *const *sql, size_t count);

/* --- store_records.c: records.db as the writer keeps it --- */

extern const char *const ra_records_schema[];
extern const size_t ra_records_schema_count;

int ra_records_digest(const char *type, const char *key, int64_t generation, const void *body,
    size_t len, uint8_t out[32], uint64_t *ret_mark);
/* Opens records.db, which is known to be good. */
int ra_records_open(struct ra_store *s);
void ra_records_close(struct ra_store *s);
/* One transaction. Whatever fails, nothing of it counts. */
int ra_records_commit(struct ra_store *s, const struct ra_queue *items);
/* Brings the file to what the view says, in place. */
int ra_records_sync(struct ra_store *s, const struct ra_records_view *view);
/* A new file takes over from the old one, which is set aside if s->aside. */
int ra_records_rewrite(struct ra_store *s, const struct ra_records_view *view);
int ra_records_copy(struct ra_store *s, const struct ra_records_view *view);
int ra_records_checkpoint(struct ra_store *s);

/* --- store_load.c --- */

/* Fills the maps from the best that is there. */
int ra_records_load(struct ra_store *s, struct ra_buf *notes, struct ra_error *err);

/* --- store.c --- */

int ra_store_view(struct ra_store *s, bool take, struct ra_records_view *ret);
void ra_store_view_free(struct ra_records_view *v);
struct ra_store_key *ra_store_find(const struct ra_store *s, enum ra_record_type type,
    const char *key);
void ra_store_settle(struct ra_store *s, struct ra_record *r);
/* Into the queue of history, unless it is full. */
bool ra_store_queue(struct ra_store *s, struct ra_store_item *item);
bool ra_store_deliver(struct ra_store *s, size_t most);
void ra_store_on_wake(void *arg);
/* For tests: as if the time to try again had come. */
void ra_store_retry(struct ra_store *s);

/* --- store_history.c --- */

int ra_history_open(struct ra_store *s, struct ra_buf *notes);
void ra_history_close(struct ra_store *s);
int ra_history_begin(struct ra_store *s);
int ra_history_apply(struct ra_store *s, const struct ra_store_item *item);
int ra_history_commit(struct ra_store *s);
void ra_history_cancel(struct ra_store *s);
int ra_history_anew(struct ra_store *s, char ret_name[80]);

/* --- store_snapshot.c --- */

int ra_history_apply_snapshot(struct ra_store *s, const struct ra_item_snapshot *item);

/* --- store_writer.c, store_reader.c --- */

void *ra_store_writer(void *arg);
void *ra_store_reader(void *arg);

#endif
