/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading records at start. A row counts if its digest is right; a file is good if it is all that
 * it says it is. Of a damaged file what is good is used, with the last whole copy filling the gaps,
 * and every such step is a line in the notes.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/escape.h"
#include "relaudit/base/units.h"

#include "store_internal.h"

#define BAD_NAMED 20
#define SPARE	  (1 << 20) /* bytes; with that much left, memory is not short */

struct bad_row {
	char *type, *key;
	int64_t generation;
};

/* One file's reading. */
struct load {
	struct ra_store *s;
	const char *name;
	struct ra_buf *notes;
	struct ra_error *err;
	size_t rows, used;
	uint64_t marks;
	int64_t generation, written;
	struct bad_row bad[BAD_NAMED];
	size_t bad_count;
	bool damaged;
	char why[120];
};

static void
damaged(struct load *l, const char *why)
{
	if (!l->damaged)
		snprintf(l->why, sizeof(l->why), "%s", why);
	l->damaged = true;
}

static void
load_clear(struct load *l)
{
	for (size_t i = 0; i < BAD_NAMED; i++) {
		free(RA_TAKE(l->bad[i].type));
		free(RA_TAKE(l->bad[i].key));
	}
	l->bad_count = l->rows = 0;
	l->marks = 0;
}

static void
note_bad(struct load *l, const char *type, const char *key, int64_t generation)
{
	if (l->bad_count < BAD_NAMED && type != NULL && key != NULL)
		l->bad[l->bad_count] = (struct bad_row){ strdup(type), strdup(key), generation };
	l->bad_count++;
	damaged(l, "a row's digest is wrong");
}

/* --- rows --- */

static int
keep(struct load *l, enum ra_record_type type, const char *text, int64_t generation,
    const void *body, size_t len)
{
	struct ra_map *map = &l->s->maps[type];
	struct ra_store_key *k = ra_map_get(map, text);
	struct ra_record *rec;

	if (k != NULL && k->now->generation >= generation)
		return 0;
	if (k == NULL) {
		k = ra_key_new(type, text);
		rec = k != NULL ? ra_record_new(k, body, len) : NULL;
		if (rec == NULL || ra_map_put(map, k->text, k, NULL) < 0) {
			ra_record_unref(rec);
			ra_key_unref(k);
			return -ENOMEM;
		}
	} else {
		rec = ra_record_new(k, body, len);
		if (rec == NULL)
			return -ENOMEM;
		ra_record_unref(k->now);
	}
	rec->generation = generation;
	atomic_store(&rec->settled, true);
	k->now = rec;
	l->used++;
	return 0;
}

/* Rows on disk of a key, to know which one goes when the next comes. */
static void
keep_row(struct load *l, enum ra_record_type type, const char *text, struct ra_row row)
{
	struct ra_store_key *k = ra_map_get(&l->s->maps[type], text);
	struct ra_row *disk = k->disk;

	if (row.generation == disk[0].generation || row.generation == disk[1].generation)
		return; /* read again */
	if (row.generation > disk[0].generation) {
		disk[1] = disk[0];
		disk[0] = row;
	} else if (row.generation > disk[1].generation) {
		disk[1] = row;
	}
}

static int
read_row(struct load *l, sqlite3_stmt *stmt)
{
	struct ra_row row = { .generation = sqlite3_column_int64(stmt, 0) };
	const char *type = (const char *)sqlite3_column_text(stmt, 1);
	const char *key = (const char *)sqlite3_column_text(stmt, 2);
	const void *digest = sqlite3_column_blob(stmt, 3), *body = sqlite3_column_blob(stmt, 4);
	size_t digest_len = (size_t)sqlite3_column_bytes(stmt, 3);
	size_t len = (size_t)sqlite3_column_bytes(stmt, 4);
	enum ra_record_type t;
	uint8_t right[32];
	int r;

	if (sqlite3_errcode(sqlite3_db_handle(stmt)) == SQLITE_NOMEM)
		return -ENOMEM;
	if (type == NULL || key == NULL || digest_len != sizeof(right) || row.generation <= 0) {
		note_bad(l, type, key, row.generation);
		return 0;
	}
	r = ra_records_digest(
	    type, key, row.generation, body != NULL ? body : "", len, right, &row.mark);
	if (r < 0)
		return r;
	if (memcmp(digest, right, sizeof(right)) != 0) {
		note_bad(l, type, key, row.generation);
		return 0;
	}
	if (ra_record_type_parse(type, &t) < 0)
		return ra_error_set(l->err, -EPROTONOSUPPORT,
		    "%s/%s holds records of a newer relauditd (\"%.40s\"); run that one, nothing "
		    "was "
		    "changed",
		    l->s->folder.path, l->name, type);
	l->rows++;
	l->marks += row.mark;
	if (row.generation > l->generation)
		l->generation = row.generation;
	r = keep(l, t, key, row.generation, body != NULL ? body : "", len);
	if (r == 0 && strcmp(l->name, RA_RECORDS_FILE) == 0)
		keep_row(l, t, key, row);
	return r;
}

static bool
is_damage(int r)
{
	return r == -EBADMSG || r == -EIO;
}

static int
read_rows(struct load *l, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int rc, r = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return ra_disk_error(db);
	while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		r = read_row(l, stmt);
	if (r == 0 && rc != SQLITE_DONE)
		r = ra_disk_error(db);
	sqlite3_finalize(stmt);
	return r;
}

/* --- a file --- */

/* SQLite reads what lacks of the last page as zeros. Pages may be in the journal alone, though. */
static int
is_cut(const struct load *l, sqlite3 *db)
{
	const struct ra_folder *f = &l->s->folder;
	int64_t pages = 0, size = 0;
	struct stat st;
	char wal[80];
	int r;

	snprintf(wal, sizeof(wal), "%.60s-wal", l->name);
	if (fstatat(f->fd, wal, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0)
		return false;
	r = ra_disk_number(db, "PRAGMA page_count", &pages);
	if (r == 0)
		r = ra_disk_number(db, "PRAGMA page_size", &size);
	if (r == -ENOMEM)
		return r;
	return r < 0 || fstatat(f->fd, l->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       st.st_size < pages * size;
}

static int
check_pages(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	const char *said;
	int r;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) != SQLITE_OK)
		return ra_disk_error(db);
	if (sqlite3_step(stmt) != SQLITE_ROW ||
	    (said = (const char *)sqlite3_column_text(stmt, 0)) == NULL)
		r = ra_disk_error(db);
	else
		r = strcmp(said, "ok") == 0 ? 0 : -EBADMSG;
	sqlite3_finalize(stmt);
	return r;
}

/* SQLite finds what does not hang together; that all rows are there, it cannot know. */
static int
check_whole(struct load *l, sqlite3 *db)
{
	int64_t rows = -1, marks = 0, generation = -1;
	int schema = ra_disk_schema(db, ra_records_schema, ra_records_schema_count);
	int about = ra_disk_number(db, "SELECT rows FROM about WHERE id = 1", &rows);
	int pages = check_pages(db), cut = is_cut(l, db);

	if (about == 0)
		about = ra_disk_number(db, "SELECT marks FROM about WHERE id = 1", &marks);
	if (about == 0)
		about =
		    ra_disk_number(db, "SELECT generation FROM about WHERE id = 1", &generation);
	/* A check that could not be made has found nothing. */
	if (schema == -ENOMEM || about == -ENOMEM || pages == -ENOMEM || cut == -ENOMEM)
		return -ENOMEM;
	if (schema < 0)
		damaged(l, "its tables are not as they were made");
	if (about < 0 || (size_t)rows != l->rows || (uint64_t)marks != l->marks ||
	    generation < l->generation)
		damaged(l, "rows are missing or too many");
	if (cut != 0)
		damaged(l, "its end is missing");
	if (pages < 0)
		damaged(l, "its pages do not hang together");
	(void)ra_disk_number(db, "SELECT written FROM about WHERE id = 1", &l->written);
	if (!l->damaged)
		l->generation = generation;
	return 0;
}

/* -EPROTONOSUPPORT if it is newer; a version that is no version is damage. */
static int
check_version(struct load *l, sqlite3 *db)
{
	int64_t version = 0, mark = 0;
	int r = ra_disk_number(db, "PRAGMA user_version", &version);

	if (r == 0)
		r = ra_disk_number(db, "PRAGMA application_id", &mark);
	if (r < 0)
		return r;
	if (ra_disk_is_newer(version, mark, RA_RECORDS_VERSION))
		return ra_error_set(l->err, -EPROTONOSUPPORT,
		    "%s/%s is of a newer relauditd (version %" PRId64
		    ", this one knows %d); run that one, nothing was changed",
		    l->s->folder.path, l->name, version, RA_RECORDS_VERSION);
	if (version != RA_RECORDS_VERSION)
		damaged(l, "its version is none");
	return 0;
}

static const char from_the_end[] =
    "SELECT generation, type, key, digest, body FROM record ORDER BY generation DESC";

static int
read_open(struct load *l, sqlite3 *db)
{
	int r;

	/* Looking must not change the file: what is in the WAL stays there. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	r = check_version(l, db);
	if (ra_disk_is_unwritable(r)) /* not a row was read yet */
		return r;
	if (r == 0)
		r = read_rows(l, db,
		    "SELECT generation, type, key, digest, body FROM record ORDER BY generation");
	if (is_damage(r)) {
		/* What lies behind the bad place is reached from the other end. */
		damaged(l, r == -EIO ? "it cannot be read: input/output error"
				     : "its pages do not hang together");
		r = read_rows(l, db, from_the_end);
		return is_damage(r) ? 0 : r;
	}
	return r == 0 ? check_whole(l, db) : r;
}

static bool
has_memory(void)
{
	RA_FREE void *ours = malloc(SPARE);
	void *theirs = sqlite3_malloc(SPARE);

	sqlite3_free(theirs);
	return ours != NULL && theirs != NULL;
}

/* Memory may lack for a moment; for a size that is damaged none is ever enough. */
static int
read_twice(struct load *l, sqlite3 *db)
{
	for (int i = 0; i < 2; i++) {
		int r = read_open(l, db);

		if (r != -ENOMEM || !has_memory())
			return r;
		load_clear(l);
	}
	damaged(l, "it asks for more memory than there is");
	(void)read_rows(l, db, from_the_end);
	return 0;
}

/* -ENOENT: there is none. */
static int
read_file(struct load *l, int flags)
{
	const struct ra_folder *f = &l->s->folder;
	sqlite3 *db = NULL;
	int version, r;

	switch (ra_disk_look(f, l->name, RA_RECORDS_VERSION, &version)) {
	case RA_DISK_MISSING:
		return -ENOENT;
	case RA_DISK_EMPTY:
		damaged(l, "it is empty");
		return 0;
	case RA_DISK_FOREIGN:
		damaged(l, "it is not a database");
		return 0;
	case RA_DISK_NEWER:
		return ra_error_set(l->err, -EPROTONOSUPPORT,
		    "%s/%s is of a newer relauditd (version %d, this one knows %d); run that one, "
		    "nothing was changed",
		    f->path, l->name, version, RA_RECORDS_VERSION);
	case RA_DISK_FINE:
		break;
	}
	r = ra_disk_open(f, l->name, flags, &db);
	if (r == 0)
		r = read_twice(l, db);
	sqlite3_close(RA_TAKE(db));
	if (ra_disk_is_unwritable(r)) {
		r = ra_disk_open_quietly(f, l->name, &db);
		if (r == 0)
			r = read_twice(l, db);
		sqlite3_close(db);
	}
	if (is_damage(r)) {
		damaged(l, "it is not a database");
		return 0;
	}
	if (r < 0 && r != -EPROTONOSUPPORT)
		return ra_error_set(l->err, r, "%s/%s: %s", f->path, l->name, ra_disk_text(r));
	return r;
}

/* --- the best that is there --- */

static void
say_bad_rows(struct load *l)
{
	for (size_t i = 0; i < l->bad_count && i < BAD_NAMED; i++) {
		const struct bad_row *b = &l->bad[i];
		enum ra_record_type t;
		const struct ra_store_key *k = NULL;

		if (b->type == NULL || b->key == NULL)
			continue;
		ra_buf_printf(l->notes, "%s: record ", l->name);
		ra_escape_value(l->notes, b->type, strlen(b->type), 40);
		ra_buf_putc(l->notes, ' ');
		ra_escape_value(l->notes, b->key, strlen(b->key), 200);
		ra_buf_printf(l->notes, " generation %" PRId64 " is damaged", b->generation);
		if (ra_record_type_parse(b->type, &t) == 0)
			k = ra_map_get(&l->s->maps[t], b->key);
		if (k != NULL)
			ra_buf_printf(
			    l->notes, ", generation %" PRId64 " is used\n", k->now->generation);
		else
			ra_buf_puts(l->notes, ", nothing is left of it\n");
	}
	if (l->bad_count > BAD_NAMED)
		ra_buf_printf(l->notes, "%s: %zu more records are damaged\n", l->name,
		    l->bad_count - BAD_NAMED);
}

static int
read_last(struct load *main, struct load *last)
{
	char age[RA_UNIT_TEXT];
	int64_t ms;
	int r = read_file(last, SQLITE_OPEN_READONLY);

	if (r == -ENOENT) {
		ra_buf_puts(
		    main->notes, RA_RECORDS_LAST " is missing too: no copy fills the gaps\n");
		return 0;
	}
	if (r < 0)
		return r;
	ms = last->written > 0 ? ra_clock_wall() - last->written
			       : ra_folder_age(&main->s->folder, RA_RECORDS_LAST);
	ra_buf_printf(main->notes, RA_RECORDS_LAST " (%s old%s%s) gave %zu records\n",
	    ra_duration_human(ms > 0 ? ms : 0, age), last->damaged ? ", damaged too: " : "",
	    last->damaged ? last->why : "", last->used);
	if (last->generation > main->generation)
		main->generation = last->generation;
	return 0;
}

/* What cannot be written yet is tried again; auditing does not wait for it. */
static int
begin_unsaved(struct ra_store *s, int error, struct ra_buf *notes)
{
	if (error == -ENOMEM)
		return error;
	s->failing = s->rewrite = true;
	s->last_error = error;
	s->stats.failing = true;
	snprintf(
	    s->stats.error, sizeof(s->stats.error), "state not saved: %s", ra_disk_text(error));
	ra_buf_printf(notes, "%s: it is kept in memory until it can be\n", s->stats.error);
	return 0;
}

/* Whatever memory holds now becomes a new file. */
static int
write_anew(struct ra_store *s, struct ra_buf *notes)
{
	struct ra_records_view view;
	int r = ra_store_view(s, false, &view);

	if (r < 0)
		return r;
	view.generation = s->generation;
	r = ra_records_rewrite(s, &view);
	ra_store_view_free(&view);
	s->rewrite = false;
	return r == 0 ? 0 : begin_unsaved(s, r, notes);
}

/* Nothing was wrong with it. */
static int
use_main(struct ra_store *s, struct ra_buf *notes)
{
	int r;

	if (s->rewrite)
		return write_anew(s, notes);
	r = ra_records_open(s);
	return ra_disk_is_unwritable(r) ? begin_unsaved(s, r, notes) : r;
}

static int
read_main(struct load *l, struct load *last)
{
	struct ra_store *s = l->s;
	int r = read_file(l, SQLITE_OPEN_READWRITE);

	if (r == 0 && !l->damaged)
		return use_main(s, l->notes);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT) {
		if (!ra_folder_has(&s->folder, RA_RECORDS_LAST)) {
			if (ra_folder_has(&s->folder, RA_HISTORY_FILE))
				ra_buf_puts(l->notes,
				    RA_RECORDS_FILE " is missing: nothing is known of what was "
						    "announced before\n");
			return write_anew(s, l->notes);
		}
		ra_buf_puts(l->notes, RA_RECORDS_FILE " is missing\n");
	} else {
		ra_buf_printf(l->notes,
		    RA_RECORDS_FILE " is damaged (%s): %zu records read from it\n", l->why,
		    l->used);
		s->aside = true;
	}
	r = read_last(l, last);
	if (r < 0)
		return r;
	say_bad_rows(l);
	s->generation = l->generation;
	r = write_anew(s, l->notes);
	if (r == 0 && s->aside_name[0] != '\0')
		ra_buf_printf(
		    l->notes, "the damaged " RA_RECORDS_FILE " is kept as %s\n", s->aside_name);
	return r;
}

static int
switch_files(const struct ra_folder *f)
{
	int r = ra_folder_drop_journals(f, RA_RECORDS_FILE);

	if (r == 0)
		r = ra_folder_sync(f);
	if (r == 0)
		r = ra_folder_rename(f, RA_RECORDS_NEW, RA_RECORDS_FILE);
	return r == 0 ? ra_folder_sync(f) : r;
}

/*
 * A switch to a new file that a crash interrupted. That file is whole and newest, or it is damaged
 * and then only fit to fill gaps. Returns 1 if it is all there is to read.
 */
static int
finish_rewrite(struct ra_store *s, struct ra_buf *notes, struct ra_error *err)
{
	struct load l = { .s = s, .name = RA_RECORDS_NEW, .notes = notes, .err = err };
	char name[80];
	int r = read_file(&l, SQLITE_OPEN_READONLY);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && l.damaged) {
		s->rewrite = true; /* memory has what records.db has not */
		r = ra_folder_set_aside(&s->folder, RA_RECORDS_NEW, false, name);
		ra_buf_printf(notes,
		    RA_RECORDS_NEW " is damaged (%s): %zu records read from it%s%s\n", l.why,
		    l.used, r == 0 ? ", kept as " : "", r == 0 ? name : "");
		r = ra_disk_is_unwritable(r) ? 0 : r;
	} else if (r == 0) {
		r = switch_files(&s->folder);
		if (ra_disk_is_unwritable(r)) {
			s->generation = l.generation;
			r = begin_unsaved(s, r, notes);
			r = r == 0 ? 1 : r;
		}
	}
	load_clear(&l);
	if (r < 0 && r != -EPROTONOSUPPORT)
		return ra_error_set(
		    err, r, "%s/" RA_RECORDS_NEW ": %s", s->folder.path, ra_disk_text(r));
	return r;
}

int
ra_records_load(struct ra_store *s, struct ra_buf *notes, struct ra_error *err)
{
	struct load main = { .s = s, .name = RA_RECORDS_FILE, .notes = notes, .err = err };
	struct load last = { .s = s, .name = RA_RECORDS_LAST, .notes = notes, .err = err };
	int r = finish_rewrite(s, notes, err);

	if (r != 0)
		return r < 0 ? r : 0;
	(void)ra_folder_unlink(&s->folder, RA_RECORDS_TMP);
	r = read_main(&main, &last);
	if (main.generation > s->generation)
		s->generation = main.generation;
	load_clear(&main);
	load_clear(&last);
	if (r < 0 && (err == NULL || err->code == 0))
		return ra_error_set(
		    err, r, "%s/" RA_RECORDS_FILE ": %s", s->folder.path, ra_disk_text(r));
	return r;
}
