/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.db as the writer keeps it: each put is a row with a new generation, and each key keeps
 * its last two rows, so that one bad row costs one step back and no key.
 *
 * The journal is a WAL with synchronous=FULL: one fsync a transaction makes it kept, where a
 * rollback journal takes three or four (and, deleted, one of the folder too). Locking is exclusive,
 * so there is no shared memory file. Soon after a burst the WAL is checkpointed and cut to nothing:
 * at rest everything is in records.db, under digests.
 */
#include <endian.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/digest.h"

#include "store_internal.h"

/* The generation is the rowid: appended, found again without an index. */
const char *const ra_records_schema[] = {
	"CREATE TABLE record(generation INTEGER PRIMARY KEY, type TEXT NOT NULL, key TEXT NOT "
	"NULL, "
	"digest BLOB NOT NULL, body BLOB NOT NULL)",
	"CREATE TABLE about(id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, marks INTEGER NOT NULL, "
	"generation INTEGER NOT NULL, written INTEGER NOT NULL)",
};
const size_t ra_records_schema_count = RA_ARRAY_SIZE(ra_records_schema);

static const char *const statements[RA_RECORDS_STMTS] = {
	[RA_RECORDS_BEGIN] = "BEGIN IMMEDIATE",
	[RA_RECORDS_COMMIT] = "COMMIT",
	[RA_RECORDS_INSERT] = "INSERT INTO record(generation, type, key, digest, body) "
			      "VALUES(?1, ?2, ?3, ?4, ?5)",
	[RA_RECORDS_DELETE] = "DELETE FROM record WHERE generation = ?1",
	[RA_RECORDS_ABOUT] = "INSERT OR REPLACE INTO about(id, rows, marks, generation, written) "
			     "VALUES(1, ?1, ?2, ?3, ?4)",
};

int
ra_records_digest(const char *type, const char *key, int64_t generation, const void *body,
    size_t len, uint8_t out[32], uint64_t *ret_mark)
{
	struct ra_digest *d = ra_digest_new();
	uint64_t number = htobe64((uint64_t)generation);
	int r;

	if (d == NULL)
		return -ENOMEM;
	/* With their NULs, so that no two sets of parts read the same. */
	ra_digest_add(d, type, strlen(type) + 1);
	ra_digest_add(d, key, strlen(key) + 1);
	ra_digest_add(d, &number, sizeof(number));
	ra_digest_add(d, body, len);
	r = ra_digest_end(d, out);
	if (r == 0)
		memcpy(ret_mark, out, sizeof(*ret_mark));
	return r;
}

/* --- rows --- */

static int
insert(struct ra_records *db, const struct ra_record *rec, struct ra_row *ret)
{
	sqlite3_stmt *stmt = db->stmts[RA_RECORDS_INSERT];
	const char *type = ra_record_type_name(rec->key->type);
	uint8_t digest[32];
	uint64_t mark = 0;
	int r;

	r = ra_records_digest(
	    type, rec->key->text, rec->generation, rec->body, rec->len, digest, &mark);
	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, rec->generation);
	sqlite3_bind_text(stmt, 2, type, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, rec->key->text, -1, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 4, digest, sizeof(digest), SQLITE_STATIC);
	sqlite3_bind_blob64(stmt, 5, rec->body, rec->len, SQLITE_STATIC);
	r = ra_disk_run(stmt);
	sqlite3_clear_bindings(stmt);
	if (r < 0)
		return r;
	db->rows++;
	db->marks += mark;
	if (rec->generation > db->generation)
		db->generation = rec->generation;
	*ret = (struct ra_row){ rec->generation, mark };
	return 0;
}

static int
drop(struct ra_records *db, struct ra_row *row)
{
	sqlite3_stmt *stmt = db->stmts[RA_RECORDS_DELETE];
	int r;

	if (row->generation == 0)
		return 0;
	sqlite3_bind_int64(stmt, 1, row->generation);
	r = ra_disk_run(stmt);
	if (r < 0)
		return r;
	db->rows--;
	db->marks -= row->mark;
	*row = (struct ra_row){ 0 };
	return 0;
}

static int
write_about(struct ra_records *db)
{
	sqlite3_stmt *stmt = db->stmts[RA_RECORDS_ABOUT];

	sqlite3_bind_int64(stmt, 1, db->rows);
	sqlite3_bind_int64(stmt, 2, (int64_t)db->marks);
	sqlite3_bind_int64(stmt, 3, db->generation);
	sqlite3_bind_int64(stmt, 4, ra_clock_wall());
	return ra_disk_run(stmt);
}

static int
put(struct ra_records *db, const struct ra_record *rec)
{
	struct ra_row *disk = rec->key->disk, row;
	int r = insert(db, rec, &row);

	if (r == 0)
		r = drop(db, &disk[1]);
	if (r < 0)
		return r;
	disk[1] = disk[0];
	disk[0] = row;
	return 0;
}

static int
begin(struct ra_records *db)
{
	return db->db != NULL ? ra_disk_run(db->stmts[RA_RECORDS_BEGIN]) : -EIO;
}

/* Ends a transaction; r is how it went so far. Counts of rows are right again by the next sync. */
static int
end(struct ra_records *db, int r)
{
	if (r == 0)
		r = write_about(db);
	if (r == 0)
		r = ra_disk_run(db->stmts[RA_RECORDS_COMMIT]);
	if (r < 0 && db->db != NULL && !sqlite3_get_autocommit(db->db))
		(void)ra_disk_exec(db->db, "ROLLBACK");
	return r;
}

int
ra_records_commit(struct ra_store *s, const struct ra_queue *items)
{
	struct ra_records *db = &s->records;
	const struct ra_store_item *i;
	int r = begin(db);

	if (r < 0)
		return r;
	for (i = items->head; i != NULL && r == 0; i = i->next) {
		const struct ra_item_record *p = RA_CONTAINER(i, const struct ra_item_record, item);

		if (i->kind == RA_ITEM_PUT) {
			r = put(db, p->record);
			continue;
		}
		r = drop(db, &p->key->disk[0]);
		if (r == 0)
			r = drop(db, &p->key->disk[1]);
	}
	return end(db, r);
}

int
ra_records_checkpoint(struct ra_store *s)
{
	if (s->records.db == NULL)
		return 0;
	s->records.wal_pages = 0;
	return sqlite3_wal_checkpoint_v2(
		   s->records.db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK
		   ? 0
		   : ra_disk_error(s->records.db);
}

/* --- in place, after a disk was full --- */

struct doomed {
	struct ra_row *rows;
	size_t count, room;
};

static int
doom(struct doomed *d, struct ra_row row)
{
	if (row.generation == 0)
		return 0;
	if (d->count == d->room) {
		size_t room = d->room != 0 ? 2 * d->room : 64;
		struct ra_row *rows = realloc(d->rows, room * sizeof(*rows));

		if (rows == NULL)
			return -ENOMEM;
		d->rows = rows;
		d->room = room;
	}
	d->rows[d->count++] = row;
	return 0;
}

/* One row of the file goes to its key, unless there is none or it has two newer ones. */
static int
place_row(struct ra_store *s, sqlite3_stmt *stmt, struct doomed *d)
{
	struct ra_row row = { .generation = sqlite3_column_int64(stmt, 0) }, out;
	const char *type = (const char *)sqlite3_column_text(stmt, 1);
	const char *text = (const char *)sqlite3_column_text(stmt, 2);
	enum ra_record_type t = RA_RECORD_TYPES;
	struct ra_store_key *k = NULL;

	if (sqlite3_column_bytes(stmt, 3) >= (int)sizeof(row.mark))
		memcpy(&row.mark, sqlite3_column_blob(stmt, 3), sizeof(row.mark));
	s->records.rows++;
	s->records.marks += row.mark;
	if (type == NULL || text == NULL || ra_record_type_parse(type, &t) < 0)
		return -EBADMSG;
	pthread_mutex_lock(&s->lock);
	k = ra_store_find(s, t, text);
	if (k != NULL)
		atomic_fetch_add(&k->refs, 1);
	pthread_mutex_unlock(&s->lock);
	if (k == NULL)
		return doom(d, row);
	/* They come newest first. */
	out = row;
	if (k->disk[0].generation == 0)
		out = (k->disk[0] = row, (struct ra_row){ 0 });
	else if (k->disk[1].generation == 0)
		out = (k->disk[1] = row, (struct ra_row){ 0 });
	ra_key_unref(k);
	return doom(d, out);
}

static int
place_rows(struct ra_store *s, struct doomed *d)
{
	sqlite3_stmt *stmt = NULL;
	int rc, r = 0;

	s->records.rows = 0;
	s->records.marks = 0;
	if (sqlite3_prepare_v2(s->records.db,
		"SELECT generation, type, key, digest FROM record ORDER BY generation DESC", -1,
		&stmt, NULL) != SQLITE_OK)
		return ra_disk_error(s->records.db);
	while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		r = place_row(s, stmt, d);
	if (r == 0 && rc != SQLITE_DONE)
		r = ra_disk_error(s->records.db);
	sqlite3_finalize(stmt);
	return r;
}

int
ra_records_sync(struct ra_store *s, const struct ra_records_view *view)
{
	struct ra_records *db = &s->records;
	struct doomed d = { 0 };
	size_t i;
	int r = begin(db);

	if (r < 0)
		return r;
	for (i = 0; i < view->count; i++)
		memset(view->items[i]->key->disk, 0, sizeof(view->items[i]->key->disk));
	r = place_rows(s, &d);
	for (i = 0; r == 0 && i < d.count; i++)
		r = drop(db, &d.rows[i]);
	for (i = 0; r == 0 && i < view->count; i++) {
		if (view->items[i]->key->disk[0].generation != view->items[i]->generation)
			r = put(db, view->items[i]);
	}
	free(d.rows);
	return end(db, r);
}

/* --- a file as a whole --- */

/* Without journal or sync: until it is whole and synced it has another name. */
static int
fill(struct ra_records *db, const struct ra_records_view *view, bool placed)
{
	int r = ra_disk_exec(db->db, "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN");

	for (size_t i = 0; r == 0 && i < ra_records_schema_count; i++)
		r = ra_disk_exec(db->db, ra_records_schema[i]);
	if (r == 0)
		r = ra_disk_exec(db->db, "PRAGMA user_version=1; PRAGMA application_id=0x52410001");
	if (r == 0)
		r = ra_disk_prepare(db->db, statements, db->stmts, RA_RECORDS_STMTS);
	db->generation = view->generation;
	for (size_t i = 0; r == 0 && i < view->count; i++) {
		struct ra_row row;

		r = insert(db, view->items[i], &row);
		if (r == 0 && placed) {
			view->items[i]->key->disk[0] = row;
			view->items[i]->key->disk[1] = (struct ra_row){ 0 };
		}
	}
	return end(db, r);
}

_Static_assert(RA_RECORDS_VERSION == 1 && RA_DISK_MARK == 0x52410000, "both are above");

static int
write_whole(struct ra_store *s, const struct ra_records_view *view, const char *name, bool placed)
{
	const struct ra_folder *f = &s->folder;
	struct ra_records db = { 0 };
	int r = ra_folder_unlink(f, RA_RECORDS_TMP);

	if (r == 0)
		r = ra_folder_create(f, RA_RECORDS_TMP);
	if (r == 0)
		r = ra_disk_open(f, RA_RECORDS_TMP, SQLITE_OPEN_READWRITE, &db.db);
	if (r == 0)
		r = fill(&db, view, placed);
	ra_disk_close(db.db, db.stmts, RA_RECORDS_STMTS);
	if (r == 0)
		r = ra_folder_sync_file(f, RA_RECORDS_TMP);
	if (r == 0)
		r = ra_folder_rename(f, RA_RECORDS_TMP, name);
	if (r == 0)
		r = ra_folder_sync(f);
	if (r < 0)
		(void)ra_folder_unlink(f, RA_RECORDS_TMP);
	return r;
}

/*
 * records.db.new is whole and on disk before anything of the old file goes, its journal above all,
 * which would else be applied to the new one. A crash in between is finished by the next start.
 */
int
ra_records_rewrite(struct ra_store *s, const struct ra_records_view *view)
{
	const struct ra_folder *f = &s->folder;
	char name[80] = "";
	int r;

	ra_records_close(s);
	r = write_whole(s, view, RA_RECORDS_NEW, true);
	if (r == 0 && s->aside && ra_folder_has(f, RA_RECORDS_FILE)) {
		/* The filter of system calls, on by the time there is a writer, has no links. */
		r = ra_folder_set_aside(f, RA_RECORDS_FILE, !s->writer_started, name);
		if (r == 0) {
			memcpy(s->aside_name, name, sizeof(s->aside_name));
			s->aside = false;
		}
	}
	if (r == 0)
		r = ra_folder_drop_journals(f, RA_RECORDS_FILE);
	if (r == 0) /* not every file system keeps the order of names */
		r = ra_folder_sync(f);
	if (r == 0)
		r = ra_folder_rename(f, RA_RECORDS_NEW, RA_RECORDS_FILE);
	if (r == 0)
		r = ra_folder_sync(f);
	return r == 0 ? ra_records_open(s) : r;
}

int
ra_records_copy(struct ra_store *s, const struct ra_records_view *view)
{
	return write_whole(s, view, RA_RECORDS_LAST, false);
}

/* --- open and close --- */

static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	*(int *)arg = pages;
	return SQLITE_OK;
}

static int
read_about(struct ra_records *db)
{
	int64_t marks = 0;
	int r = ra_disk_number(db->db, "SELECT rows FROM about WHERE id = 1", &db->rows);

	if (r == 0)
		r = ra_disk_number(db->db, "SELECT marks FROM about WHERE id = 1", &marks);
	if (r == 0)
		r = ra_disk_number(
		    db->db, "SELECT generation FROM about WHERE id = 1", &db->generation);
	db->marks = (uint64_t)marks;
	return r == -ENODATA ? -EBADMSG : r;
}

int
ra_records_open(struct ra_store *s)
{
	struct ra_records *db = &s->records;
	int r = ra_disk_open(&s->folder, RA_RECORDS_FILE, SQLITE_OPEN_READWRITE, &db->db);

	if (r < 0)
		return r;
	db->size = db->wal_pages = 0;
	r = ra_disk_exec(db->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
	/* In place of SQLite's own, which checkpoints within a commit. */
	sqlite3_wal_hook(db->db, on_wal, &db->wal_pages);
	if (r == 0)
		r = ra_disk_prepare(db->db, statements, db->stmts, RA_RECORDS_STMTS);
	if (r == 0)
		r = read_about(db);
	if (r < 0)
		ra_records_close(s);
	return r;
}

void
ra_records_close(struct ra_store *s)
{
	struct ra_records *db = &s->records;

	/* What could not be written shall not be tried once more behind our back. */
	if (db->db != NULL && s->failing)
		sqlite3_db_config(db->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	ra_disk_close(RA_TAKE(db->db), db->stmts, RA_RECORDS_STMTS);
}
