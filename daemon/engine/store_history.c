/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.db: expendable, and fast. A damaged one is set aside and begun anew. Times of checking
 * are apart from the bodies, so that a round of them writes some pages and not all.
 */
#include <string.h>

#include "relaudit/base/clock.h"

#include "store_internal.h"

#define PRUNE_AT_ONCE 1000

static const char *const schema[] = {
	"CREATE TABLE latest(check_id TEXT PRIMARY KEY, body TEXT NOT NULL)",
	"CREATE TABLE seen(check_id TEXT PRIMARY KEY, checked INTEGER NOT NULL) WITHOUT ROWID",
	("CREATE TABLE event(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL, "
	 "environment TEXT NOT NULL, check_id TEXT NOT NULL, body TEXT NOT NULL)"),
	"CREATE INDEX event_at ON event(at)",
	"CREATE INDEX event_environment ON event(environment, at)",
	"CREATE INDEX event_check ON event(check_id, at)",
	("CREATE TABLE snapshot(check_id TEXT NOT NULL, instance TEXT NOT NULL, "
	 "mark BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY(check_id, instance)) WITHOUT ROWID"),
};

/* How many of them a file of an earlier version has. */
static const size_t schema_before[] = { [1] = 6 };

static const char *const statements[RA_HISTORY_STMTS] = {
	[RA_HISTORY_BEGIN] = "BEGIN IMMEDIATE",
	[RA_HISTORY_COMMIT] = "COMMIT",
	[RA_HISTORY_LATEST] = "INSERT INTO latest(check_id, body) VALUES(?1, ?2) "
			      "ON CONFLICT(check_id) DO UPDATE SET body = excluded.body",
	[RA_HISTORY_SEEN] = "INSERT OR REPLACE INTO seen(check_id, checked) VALUES(?1, ?2)",
	[RA_HISTORY_FORGET_LATEST] = "DELETE FROM latest WHERE check_id = ?1",
	[RA_HISTORY_FORGET_SEEN] = "DELETE FROM seen WHERE check_id = ?1",
	[RA_HISTORY_EVENT] = "INSERT INTO event(at, what, environment, check_id, body) "
			     "VALUES(?1, ?2, ?3, ?4, ?5)",
	[RA_HISTORY_PRUNE] = "DELETE FROM event WHERE id IN "
			     "(SELECT id FROM event WHERE at < ?1 LIMIT ?2)",
	[RA_HISTORY_SNAPSHOT] = "INSERT OR REPLACE INTO snapshot(check_id, instance, mark, body) "
				"VALUES(?1, ?2, ?3, ?4)",
	[RA_HISTORY_SNAPSHOT_DROP] = "DELETE FROM snapshot WHERE check_id = ?1 AND instance = ?2",
	[RA_HISTORY_FORGET_SNAPSHOTS] = "DELETE FROM snapshot WHERE check_id = ?1",
};

/* --- the writer's part --- */

int
ra_history_begin(struct ra_store *s)
{
	return s->hist.db != NULL ? ra_disk_run(s->hist.stmts[RA_HISTORY_BEGIN]) : -EBADMSG;
}

int
ra_history_commit(struct ra_store *s)
{
	return ra_disk_run(s->hist.stmts[RA_HISTORY_COMMIT]);
}

void
ra_history_cancel(struct ra_store *s)
{
	if (s->hist.db != NULL && !sqlite3_get_autocommit(s->hist.db))
		(void)ra_disk_exec(s->hist.db, "ROLLBACK");
}

static int
run_text(sqlite3_stmt *stmt, const char *check)
{
	sqlite3_bind_text(stmt, 1, check, -1, SQLITE_STATIC);
	return ra_disk_run(stmt);
}

static int
add_event(sqlite3_stmt *stmt, const struct ra_item_history *item)
{
	const char *slash = strchrnul(item->text, '/');

	sqlite3_bind_int64(stmt, 1, item->at);
	sqlite3_bind_text(stmt, 2, item->text + item->what, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, item->text, (int)(slash - item->text), SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, item->text, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, item->text + item->body, (int)item->body_len, SQLITE_STATIC);
	return ra_disk_run(stmt);
}

static int
prune(struct ra_store *s, int64_t before)
{
	sqlite3_stmt *stmt = s->hist.stmts[RA_HISTORY_PRUNE];
	int r;

	sqlite3_bind_int64(stmt, 1, before);
	sqlite3_bind_int(stmt, 2, PRUNE_AT_ONCE);
	do {
		r = ra_disk_run(stmt);
	} while (r == 0 && sqlite3_changes(s->hist.db) == PRUNE_AT_ONCE);
	return r;
}

static int
forget(sqlite3_stmt *const *stmts, const char *check)
{
	int r = run_text(stmts[RA_HISTORY_FORGET_LATEST], check);

	if (r == 0)
		r = run_text(stmts[RA_HISTORY_FORGET_SEEN], check);
	return r == 0 ? run_text(stmts[RA_HISTORY_FORGET_SNAPSHOTS], check) : r;
}

static int
apply_history(struct ra_store *s, const struct ra_item_history *item)
{
	sqlite3_stmt *const *stmts = s->hist.stmts;

	switch (item->item.kind) {
	case RA_ITEM_LATEST:
		sqlite3_bind_text(stmts[RA_HISTORY_LATEST], 2, item->text + item->body,
		    (int)item->body_len, SQLITE_STATIC);
		return run_text(stmts[RA_HISTORY_LATEST], item->text);
	case RA_ITEM_SEEN:
		sqlite3_bind_int64(stmts[RA_HISTORY_SEEN], 2, item->at);
		return run_text(stmts[RA_HISTORY_SEEN], item->text);
	case RA_ITEM_FORGET:
		return forget(stmts, item->text);
	case RA_ITEM_EVENT:
		return add_event(stmts[RA_HISTORY_EVENT], item);
	case RA_ITEM_PRUNE:
		return prune(s, item->at);
	case RA_ITEM_PUT:
	case RA_ITEM_REMOVE:
	case RA_ITEM_SNAPSHOT:
		break;
	}
	return 0;
}

int
ra_history_apply(struct ra_store *s, const struct ra_store_item *item)
{
	if (item->kind == RA_ITEM_SNAPSHOT)
		return ra_history_apply_snapshot(
		    s, RA_CONTAINER(item, const struct ra_item_snapshot, item));
	return apply_history(s, RA_CONTAINER(item, const struct ra_item_history, item));
}

/* --- opening --- */

static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	*(int *)arg = pages;
	return SQLITE_OK;
}

/* All of the schema from `from` on. */
static int
create(sqlite3 *db, size_t from)
{
	int r = ra_disk_exec(db, "BEGIN IMMEDIATE");

	for (size_t i = from; r == 0 && i < RA_ARRAY_SIZE(schema); i++)
		r = ra_disk_exec(db, schema[i]);
	if (r == 0)
		r = ra_disk_exec(db, "PRAGMA user_version=2; COMMIT");
	return r;
}

_Static_assert(RA_HISTORY_VERSION == 2, "user_version above");

/* A file of an earlier version gets what it lacks. */
static int
upgrade(sqlite3 *db, int64_t version)
{
	int r;

	if (version < 1 || version >= (int64_t)RA_ARRAY_SIZE(schema_before))
		return -EPROTONOSUPPORT;
	r = ra_disk_schema(db, schema, schema_before[version]);
	return r == 0 ? create(db, schema_before[version]) : r;
}

/* Events may be gigabytes: what they are like is seen when they are read, as with snapshots. */
static int
check(sqlite3 *db)
{
	static const char *const tables[] = { "PRAGMA quick_check('latest')",
		"PRAGMA quick_check('seen')" };
	int r = ra_disk_schema(db, schema, RA_ARRAY_SIZE(schema));

	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(tables); i++) {
		sqlite3_stmt *stmt = NULL;

		if (sqlite3_prepare_v2(db, tables[i], -1, &stmt, NULL) != SQLITE_OK ||
		    sqlite3_step(stmt) != SQLITE_ROW)
			r = ra_disk_error(db);
		else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
			r = -EBADMSG;
		sqlite3_finalize(stmt);
	}
	return r;
}

static int
open_file(struct ra_store *s, bool fresh)
{
	struct ra_history *h = &s->hist;
	int64_t version = 0, tables = 0;
	int r = ra_disk_open(&s->folder, RA_HISTORY_FILE, SQLITE_OPEN_READWRITE, &h->db);

	if (r < 0)
		return r;
	h->size = 0;
	r = ra_disk_exec(h->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA "
				"journal_size_limit=4194304");
	sqlite3_wal_hook(h->db, on_wal, &h->wal_pages);
	if (r == 0)
		r = ra_disk_number(h->db, "PRAGMA user_version", &version);
	/* One without tables: the power went before its first transaction was on disk. */
	if (r == 0 && version == 0 && !fresh)
		r = ra_disk_number(h->db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r == 0 && version == 0 && tables == 0)
		r = create(h->db, 0);
	else if (r == 0 && version != RA_HISTORY_VERSION)
		r = upgrade(h->db, version);
	if (r == 0)
		r = check(h->db);
	if (r == 0)
		r = ra_disk_prepare(h->db, statements, h->stmts, RA_HISTORY_STMTS);
	if (r < 0)
		ra_history_close(s);
	return r;
}

void
ra_history_close(struct ra_store *s)
{
	ra_disk_close(RA_TAKE(s->hist.db), s->hist.stmts, RA_HISTORY_STMTS);
}

static int
open_fresh(struct ra_store *s)
{
	int r = ra_folder_drop_journals(&s->folder, RA_HISTORY_FILE);

	if (r == 0)
		r = ra_folder_create(&s->folder, RA_HISTORY_FILE);
	return r == 0 || r == -EEXIST ? open_file(s, true) : r;
}

int
ra_history_anew(struct ra_store *s, char ret_name[80])
{
	int r;

	ra_history_close(s);
	r = ra_folder_set_aside(&s->folder, RA_HISTORY_FILE, false, ret_name);
	return r == 0 ? open_fresh(s) : r;
}

/*
 * Empty as it is where a start was cut short before its first transaction: was there more? (Later,
 * beside the writer, what was lost underneath was said.)
 */
static bool
had_content(const struct ra_store *s)
{
	size_t records = 0;

	if (s->writer_started)
		return false;
	for (size_t i = 0; i < RA_RECORD_TYPES; i++)
		records += s->maps[i].count;
	return records > 0 || ra_folder_has(&s->folder, RA_HISTORY_FILE "-wal");
}

int
ra_history_open(struct ra_store *s, struct ra_buf *notes)
{
	char name[80];
	int version, r;

	switch (ra_disk_look(&s->folder, RA_HISTORY_FILE, RA_HISTORY_VERSION, &version)) {
	case RA_DISK_EMPTY:
		if (had_content(s))
			ra_buf_puts(notes,
			    RA_HISTORY_FILE " is empty, what was in it is lost: history begins "
					    "anew\n");
		return open_fresh(s);
	case RA_DISK_MISSING:
		return open_fresh(s);
	case RA_DISK_FINE:
		r = open_file(s, false);
		break;
	case RA_DISK_NEWER:
		r = -EPROTONOSUPPORT;
		break;
	default:
		r = -EBADMSG;
	}
	/* At the start one that cannot be read is as good as damaged; later it may be the disk. */
	if (r != -EBADMSG && r != -EPROTONOSUPPORT && (r != -EIO || s->writer_started))
		return r;
	ra_buf_printf(notes, RA_HISTORY_FILE " is %s",
	    r == -EPROTONOSUPPORT ? "of another version" : "damaged");
	r = ra_history_anew(s, name);
	if (r == 0)
		ra_buf_printf(notes, ": kept as %s, history begins anew\n", name);
	else
		ra_buf_printf(notes, " and cannot be begun anew: %s\n", ra_disk_text(r));
	return r;
}

/* --- what the engine reads at start --- */

int
ra_store_load_latest(struct ra_store *s,
    void (*fn)(void *arg, const char *check, const char *body, int64_t checked), void *arg,
    struct ra_error *err)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int rc = SQLITE_OK, r;
	bool closed;

	pthread_mutex_lock(&s->lock);
	closed = s->history_closed;
	pthread_mutex_unlock(&s->lock);
	/* A connection of its own: the writer's is the writer's. */
	r = closed ? ra_disk_open_quietly(&s->folder, RA_HISTORY_FILE, &db)
		   : ra_disk_open(&s->folder, RA_HISTORY_FILE, SQLITE_OPEN_READWRITE, &db);
	if (r == 0 && sqlite3_prepare_v2(db,
			  "SELECT check_id, body, coalesce(checked, 0) FROM latest LEFT JOIN seen "
			  "USING(check_id)",
			  -1, &stmt, NULL) != SQLITE_OK)
		r = ra_disk_error(db);
	while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(stmt, 0);
		const char *body = (const char *)sqlite3_column_text(stmt, 1);

		if (id != NULL && body != NULL)
			fn(arg, id, body, sqlite3_column_int64(stmt, 2));
		else if (sqlite3_errcode(db) == SQLITE_NOMEM)
			r = -ENOMEM;
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = ra_disk_error(db);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	/* History is expendable: what could be read was, and the writer will find what is wrong. */
	if (r == -ENOMEM)
		return ra_error_set(err, r, "out of memory");
	return 0;
}
