/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite with our settings, and its errors as ours. */
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"

#define HEADER	       100
#define MAGIC	       "SQLite format 3"
#define VERSION_OFFSET 60
/* A version of ours is small: more is a flipped bit, not the future. */
#define VERSION_MAX    9999
#define BUSY_MS	       2000

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
	memcpy(&found, head + VERSION_OFFSET, sizeof(found));
	found = be32toh(found);
	if (found > (uint32_t)version && found <= VERSION_MAX) {
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
	case SQLITE_INTERRUPT:
		return -ECANCELED;
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return -ENOMEM;
		if (rc == SQLITE_IOERR_SHORT_READ)
			return -EBADMSG;
		return sys > 0 ? -sys : -EIO;
	case SQLITE_CANTOPEN:
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
	default:
		return strerror(-error);
	}
}

int
ra_disk_exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : ra_disk_error(db);
}

int
ra_disk_open(const struct ra_folder *f, const char *name, int flags, sqlite3 **ret)
{
	char path[RA_STORE_PATH];
	sqlite3 *db = NULL;
	int r;

	ra_folder_path(f, name, path);
	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) !=
	    SQLITE_OK) {
		r = db != NULL ? ra_disk_error(db) : -ENOMEM;
		sqlite3_close(db);
		return r;
	}
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_MS);
	/* A schema made by someone else must not make us call functions. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	r = ra_disk_exec(db, "PRAGMA cache_size=-512; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
			     "PRAGMA cell_size_check=ON");
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
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
	int rc, r = 0;

	if (sqlite3_prepare_v2(db,
		"SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", -1, &stmt,
		NULL) != SQLITE_OK)
		return ra_disk_error(db);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		if (i >= count || text == NULL || strcmp(text, sql[i++]) != 0)
			r = -EBADMSG;
	}
	if (rc != SQLITE_DONE)
		r = ra_disk_error(db);
	else if (i != count)
		r = -EBADMSG;
	sqlite3_finalize(stmt);
	return r;
}
