/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite with our settings, and its errors as ours. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"

#define HEADER	       100
#define MAGIC	       "SQLite format 3"
#define VERSION_OFFSET 60
#define MARK_OFFSET    68
/* A version of ours is small: more is a flipped bit, not the future. */
#define VERSION_MAX    9999
#define BUSY_MS	       2000
#define PAGE_MIN       512 /* bytes of a page, whatever SQLite was built with */
/* Before a file is first looked at, else its journal is shared. */
#define EXCLUSIVE      "PRAGMA locking_mode=EXCLUSIVE"

bool
ra_disk_is_newer(int64_t found, int64_t mark, int version)
{
	if (found <= version || found > VERSION_MAX)
		return false;
	return mark != RA_DISK_MARK + version ||
	       __builtin_popcountll((uint64_t)(found ^ version)) != 1;
}

static uint32_t
number_at(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return be32toh(n);
}

/*
 * The version is read from the file's header first, because opening a database with a journal
 * writes to it. (One that was changed in the journal only is seen later, by PRAGMA user_version.)
 */
enum ra_disk_look
ra_disk_look(const struct ra_folder *f, const char *name, int version, int *ret_version)
{
	int fd = openat(f->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t head[HEADER];
	uint32_t found;
	ssize_t n;

	*ret_version = 0;
	/* What is short or broken now says nothing of the file: opening it will tell. */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO))
		return RA_DISK_FINE;
	if (fd < 0)
		return errno == ENOENT ? RA_DISK_MISSING : RA_DISK_FOREIGN;
	n = pread(fd, head, sizeof(head), 0);
	close(fd);
	if (n < 0)
		return RA_DISK_FINE;
	if (n == 0)
		return RA_DISK_EMPTY;
	if (n < HEADER || memcmp(head, MAGIC, sizeof(MAGIC)) != 0)
		return RA_DISK_FOREIGN;
	found = number_at(head + VERSION_OFFSET);
	if (ra_disk_is_newer(found, number_at(head + MARK_OFFSET), version)) {
		*ret_version = (int)found;
		return RA_DISK_NEWER;
	}
	return RA_DISK_FINE;
}

int
ra_disk_error(sqlite3 *db)
{
	int rc = sqlite3_extended_errcode(db), sys = sqlite3_system_errno(db);

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_PROTOCOL: /* its shared memory could not be set up, in many tries */
		return -EIO;
	case SQLITE_INTERRUPT:
		return -ECANCELED;
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return -ENOMEM;
		if (rc == SQLITE_IOERR_SHORT_READ)
			return -EBADMSG;
		return sys > 0 ? -sys : -EIO;
	case SQLITE_CANTOPEN:
		/* Not the file, which is there: what SQLite keeps beside it can be neither made
		   nor, for it was not, be read. */
		if (sys == ENOENT)
			return -EROFS;
		return sys > 0 ? -sys : -EACCES;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return sys > 0 ? -sys : -EACCES;
	default:
		/* CORRUPT, NOTADB, and ERROR: statements that do not fit what the file calls its
		   schema. */
		return -EBADMSG;
	}
}

const char *
ra_disk_text(int error)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		return "disk full";
	case -EROFS:
		return "file system is read-only";
	case -EBADMSG:
		return "database is damaged";
	case -EBUSY:
		return "database is locked by another program";
	case -ESTALE:
		return "its files were removed, replaced or cut underneath";
	default:
		return strerror(-error);
	}
}

bool
ra_disk_is_unwritable(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EROFS || error == -EIO;
}

int
ra_disk_exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : ra_disk_error(db);
}

static int
open_path(const char *path, int flags, const char *vfs, const char *first, sqlite3 **ret)
{
	sqlite3 *db = NULL;
	int r;

	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, vfs) !=
	    SQLITE_OK) {
		r = db != NULL ? ra_disk_error(db) : -ENOMEM;
		sqlite3_close(db);
		return r;
	}
	if ((flags & SQLITE_OPEN_READWRITE) != 0 && sqlite3_db_readonly(db, "main") == 1) {
		sqlite3_close(db); /* it was content to read */
		return -EROFS;
	}
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_MS);
	/* A schema made by someone else must not make us call functions. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	r = ra_disk_exec(db, first);
	if (r == 0)
		r = ra_disk_exec(db,
		    "PRAGMA cache_size=-512; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
		    "PRAGMA cell_size_check=ON");
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

int
ra_disk_open(const struct ra_folder *f, const char *name, int flags, sqlite3 **ret)
{
	bool shared = strcmp(name, RA_HISTORY_FILE) == 0; /* the reader has it open too */
	char path[RA_STORE_PATH];
	int r;

	ra_folder_path(f, name, path);
	r = open_path(path, flags, NULL, shared ? "" : EXCLUSIVE, ret);
	return r == -EROFS && faccessat(f->fd, name, W_OK, AT_EACCESS) < 0 ? -errno : r;
}

static void
add_uri(struct ra_buf *out, const char *path)
{
	for (; *path != '\0'; path++) {
		if (strchr("%?#", *path) != NULL)
			ra_buf_printf(out, "%%%02x", (unsigned char)*path);
		else
			ra_buf_putc(out, *path);
	}
}

/*
 * A journal is read with the file, which takes an exclusive lock (no shared memory) and one that
 * does not ask the kernel: it has none for files that may only be read. The folder's lock is ours.
 */
int
ra_disk_open_quietly(const struct ra_folder *f, const char *name, sqlite3 **ret)
{
	RA_BUF_LOCAL uri = RA_BUF(4 * RA_STORE_PATH);
	char path[RA_STORE_PATH], wal[80];
	struct stat st;
	int r;

	*ret = NULL;
	ra_folder_path(f, name, path);
	snprintf(wal, sizeof(wal), "%.60s-wal", name);
	if (fstatat(f->fd, wal, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		r = open_path(path, SQLITE_OPEN_READONLY, "unix-none", EXCLUSIVE, ret);
	} else {
		ra_buf_puts(&uri, "file:");
		add_uri(&uri, path);
		ra_buf_puts(&uri, "?immutable=1");
		if (uri.error < 0)
			return uri.error;
		r = open_path(ra_buf_text(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL,
		    EXCLUSIVE, ret);
	}
	return r;
}

void
ra_disk_close(sqlite3 *db, sqlite3_stmt **stmts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sqlite3_finalize(RA_TAKE(stmts[i]));
	sqlite3_close(db);
}

int
ra_disk_prepare(sqlite3 *db, const char *const *sql, sqlite3_stmt **stmts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (sqlite3_prepare_v3(
			db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &stmts[i], NULL) != SQLITE_OK)
			return ra_disk_error(db);
	}
	return 0;
}

int
ra_disk_run(sqlite3_stmt *stmt)
{
	int rc, r;

	do {
		rc = sqlite3_step(stmt);
	} while (rc == SQLITE_ROW);
	r = rc == SQLITE_DONE ? 0 : ra_disk_error(sqlite3_db_handle(stmt));
	sqlite3_reset(stmt);
	return r;
}

int
ra_disk_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	int rc, r;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return ra_disk_error(db);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*ret = sqlite3_column_int64(stmt, 0);
		r = 0;
	} else {
		r = rc == SQLITE_DONE ? -ENODATA : ra_disk_error(db);
	}
	sqlite3_finalize(stmt);
	return r;
}

int
ra_disk_schema(sqlite3 *db, const char *const *sql, size_t count)
{
	sqlite3_stmt *stmt = NULL;
	size_t i = 0;
	int rc = SQLITE_DONE, r = 0;

	if (sqlite3_prepare_v2(db,
		"SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", -1, &stmt,
		NULL) != SQLITE_OK)
		return ra_disk_error(db);
	while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		if (text == NULL)
			r = ra_disk_error(db);
		else if (i >= count || strcmp(text, sql[i++]) != 0)
			r = -EBADMSG;
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = ra_disk_error(db);
	else if (r == 0 && i != count)
		r = -EBADMSG;
	sqlite3_finalize(stmt);
	return r;
}

/* --- whether the files are still there --- */

static bool
has_moved(sqlite3_file *file)
{
	int moved = 0;

	return file->pMethods->xFileControl(file, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	       moved != 0;
}

/* -1: not known. */
static int64_t
size_of(sqlite3_file *file)
{
	sqlite3_int64 size = -1;

	return file->pMethods->xFileSize(file, &size) == SQLITE_OK ? size : -1;
}

/* A file that has lost its name takes whatever is written, and a shorter one too. */
bool
ra_disk_is_lost(sqlite3 *db, int64_t *size, int wal_pages)
{
	sqlite3_file *file = NULL, *wal = NULL;
	int64_t now;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK ||
	    file->pMethods == NULL || has_moved(file))
		return true;
	now = size_of(file);
	if (now >= 0 && now < *size)
		return true;
	*size = now;
	if (wal_pages == 0 || wal == NULL || wal->pMethods == NULL)
		return false;
	now = size_of(wal);
	return has_moved(wal) || (now >= 0 && now < (int64_t)wal_pages * PAGE_MIN);
}
