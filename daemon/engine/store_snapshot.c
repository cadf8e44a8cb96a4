/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of configurations in history.db. The loop hands over a reference; the writer turns it
 * into bytes, which of a large one takes longer than the loop may.
 */
#include <string.h>

#include "store_internal.h"

int
ra_store_snapshot(struct ra_store *s, const char *check, const char *instance,
    const uint8_t mark[RA_STORE_MARK], struct ra_snapshot *snapshot)
{
	size_t check_len = strlen(check) + 1, instance_len = strlen(instance) + 1;
	size_t size = sizeof(struct ra_item_snapshot) + check_len + instance_len;
	struct ra_item_snapshot *item = malloc(size);

	if (snapshot != NULL)
		size += ra_snapshot_size(snapshot);
	if (item == NULL || size > UINT32_MAX) {
		free(item);
		return -ENOMEM;
	}
	item->item.kind = RA_ITEM_SNAPSHOT;
	item->item.size = (uint32_t)size;
	item->snapshot = snapshot != NULL ? ra_snapshot_ref(snapshot) : NULL;
	memcpy(item->mark, mark, sizeof(item->mark));
	item->instance = (uint32_t)check_len;
	memcpy(item->text, check, check_len);
	memcpy(item->text + check_len, instance, instance_len);
	if (ra_store_queue(s, &item->item))
		return 0;
	ra_item_free(&item->item);
	return -ENOMEM;
}

static int
put(sqlite3_stmt *stmt, const struct ra_item_snapshot *item, const struct ra_buf *body)
{
	int r;

	sqlite3_bind_blob(stmt, 3, item->mark, sizeof(item->mark), SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 4, body->data, (int)body->len, SQLITE_STATIC);
	r = ra_disk_run(stmt);
	sqlite3_clear_bindings(stmt); /* the bytes are gone */
	return r;
}

int
ra_history_apply_snapshot(struct ra_store *s, const struct ra_item_snapshot *item)
{
	RA_BUF_LOCAL body = RA_BUF(RA_SNAPSHOT_KEPT_MAX);
	bool kept = item->snapshot != NULL && ra_snapshot_write(item->snapshot, &body) == 0;
	sqlite3_stmt *stmt = s->hist.stmts[kept ? RA_HISTORY_SNAPSHOT : RA_HISTORY_SNAPSHOT_DROP];

	/* What is not kept must not leave an older one in its place. */
	sqlite3_bind_text(stmt, 1, item->text, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, item->text + item->instance, -1, SQLITE_STATIC);
	return kept ? put(stmt, item, &body) : ra_disk_run(stmt);
}

/* --- at start --- */

/* -ENOMEM alone ends it: a damaged one is as good as none. */
static int
load_row(sqlite3_stmt *stmt,
    void (*fn)(void *arg, const char *check, const char *instance,
	const uint8_t mark[RA_STORE_MARK], struct ra_snapshot *snapshot),
    void *arg)
{
	const char *check = (const char *)sqlite3_column_text(stmt, 0);
	const char *instance = (const char *)sqlite3_column_text(stmt, 1);
	const uint8_t *mark = sqlite3_column_blob(stmt, 2);
	int mark_len = sqlite3_column_bytes(stmt, 2);
	const void *body = sqlite3_column_blob(stmt, 3);
	size_t len = (size_t)sqlite3_column_bytes(stmt, 3);
	struct ra_snapshot *snapshot = NULL;
	int r;

	if (check == NULL || instance == NULL || mark_len != RA_STORE_MARK || body == NULL ||
	    len > RA_SNAPSHOT_KEPT_MAX)
		return sqlite3_errcode(sqlite3_db_handle(stmt)) == SQLITE_NOMEM ? -ENOMEM : 0;
	r = ra_snapshot_read(body, len, &snapshot);
	if (r == 0)
		fn(arg, check, instance, mark, snapshot);
	ra_snapshot_unref(snapshot);
	return r == -ENOMEM ? r : 0;
}

int
ra_store_load_snapshots(struct ra_store *s,
    void (*fn)(void *arg, const char *check, const char *instance,
	const uint8_t mark[RA_STORE_MARK], struct ra_snapshot *snapshot),
    void *arg, struct ra_error *err)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int rc = SQLITE_DONE;
	int r = s->hist.db != NULL
		    ? ra_disk_open(&s->folder, RA_HISTORY_FILE, SQLITE_OPEN_READWRITE, &db)
		    : ra_disk_open_quietly(&s->folder, RA_HISTORY_FILE, &db);

	if (r == 0 && sqlite3_prepare_v2(db, "SELECT check_id, instance, mark, body FROM snapshot",
			  -1, &stmt, NULL) != SQLITE_OK)
		r = ra_disk_error(db);
	while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		r = load_row(stmt, fn, arg);
	if (r == 0 && rc != SQLITE_DONE)
		r = ra_disk_error(db);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	/* History is expendable: what could be read was. */
	return r == -ENOMEM ? ra_error_set(err, r, "out of memory") : 0;
}
