/* SPDX-License-Identifier: Apache-2.0 */
/* The reader: queries of history, and the checkpoints of history.db. */
#include <string.h>

#include "relaudit/base/arena.h"

#include "store_internal.h"

#define ANSWER_BYTES ((size_t)64 << 20)

enum { BY_NONE, BY_ENVIRONMENT, BY_CHECK, QUERIES };

#define SELECT "SELECT id, at, what, check_id, body FROM event WHERE "
#define RANGE  "at BETWEEN ?2 AND ?3 ORDER BY at DESC, id DESC LIMIT ?4"

/* The numbers of events are in the order they came, which that of the clock need not be. */
#define AROUND(whose) \
	SELECT "id IN (SELECT max(id) FROM event WHERE " whose "at <= ?2 GROUP BY check_id, what " \
	       "UNION ALL SELECT min(id) FROM event WHERE " whose "at > ?2 " \
	       "GROUP BY check_id, what) ORDER BY id DESC"

static const char *const statements[2 * QUERIES] = {
	[BY_NONE] = SELECT RANGE,
	[BY_ENVIRONMENT] = SELECT "environment = ?1 AND " RANGE,
	[BY_CHECK] = SELECT "check_id = ?1 AND " RANGE,
	[QUERIES + BY_NONE] = AROUND(""),
	[QUERIES + BY_ENVIRONMENT] = AROUND("environment = ?1 AND "),
	[QUERIES + BY_CHECK] = AROUND("check_id = ?1 AND "),
};

struct reader {
	struct ra_store *s;
	sqlite3 *db;
	sqlite3_stmt *stmts[RA_ARRAY_SIZE(statements)];
	unsigned epoch;
	bool quiet; /* nothing can be written: the writer has no history open either */
};

static void
reader_close(struct reader *rd)
{
	ra_disk_close(RA_TAKE(rd->db), rd->stmts, RA_ARRAY_SIZE(statements));
}

static int
reader_open(struct reader *rd)
{
	const struct ra_folder *f = &rd->s->folder;
	int r = rd->quiet ? ra_disk_open_quietly(f, RA_HISTORY_FILE, &rd->db)
			  : ra_disk_open(f, RA_HISTORY_FILE, SQLITE_OPEN_READWRITE, &rd->db);

	if (r == 0) {
		sqlite3_wal_autocheckpoint(rd->db, 0);
		r = ra_disk_prepare(rd->db, statements, rd->stmts, RA_ARRAY_SIZE(statements));
		if (r < 0)
			reader_close(rd);
	}
	return r;
}

static int
add_event(struct ra_query *q, sqlite3_stmt *stmt)
{
	const char *what = (const char *)sqlite3_column_text(stmt, 2);
	const char *check = (const char *)sqlite3_column_text(stmt, 3);
	const char *body = (const char *)sqlite3_column_text(stmt, 4);
	struct ra_history_event *e;

	if (what == NULL || check == NULL || body == NULL)
		return -ENOMEM;
	q->bytes += strlen(body) + 256;
	if (q->bytes > ANSWER_BYTES)
		return -EMSGSIZE;
	if (q->count == q->room) {
		size_t room = q->room != 0 ? 2 * q->room : 32;

		e = realloc(q->events, room * sizeof(*e));
		if (e == NULL)
			return -ENOMEM;
		q->events = e;
		q->room = room;
	}
	e = &q->events[q->count];
	*e = (struct ra_history_event){
		.id = sqlite3_column_int64(stmt, 0),
		.at = sqlite3_column_int64(stmt, 1),
		.what = ra_arena_strdup(q->arena, what),
		.check = ra_arena_strdup(q->arena, check),
		.body = ra_arena_strdup(q->arena, body),
	};
	if (e->what == NULL || e->check == NULL || e->body == NULL)
		return -ENOMEM;
	q->count++;
	return 0;
}

static void
oldest_first(struct ra_query *q)
{
	for (size_t i = 0; i < q->count / 2; i++) {
		struct ra_history_event e = q->events[i];

		q->events[i] = q->events[q->count - 1 - i];
		q->events[q->count - 1 - i] = e;
	}
}

static int
run_query(struct reader *rd, struct ra_query *q)
{
	int which = q->check != NULL ? BY_CHECK : q->environment != NULL ? BY_ENVIRONMENT : BY_NONE;
	sqlite3_stmt *stmt = rd->stmts[which + (q->around != 0 ? QUERIES : 0)];
	int rc, r = 0;

	q->arena = ra_arena_new();
	if (q->arena == NULL)
		return -ENOMEM;
	if (which != BY_NONE)
		sqlite3_bind_text(
		    stmt, 1, which == BY_CHECK ? q->check : q->environment, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, q->around != 0 ? q->around : q->since);
	sqlite3_bind_int64(stmt, 3, q->until);
	sqlite3_bind_int64(stmt, 4, (int64_t)q->limit);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && r == 0)
		r = add_event(q, stmt);
	if (r == 0 && rc != SQLITE_DONE)
		r = ra_disk_error(rd->db);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	/* The newest were read first; of an answer that grew too large they are what is told. */
	if (r == -EMSGSIZE && q->around == 0)
		r = 0;
	oldest_first(q);
	return r;
}

static void
answer(struct reader *rd, struct ra_query *q, int error)
{
	struct ra_store *s = rd->s;

	q->error = error;
	if (error < 0)
		q->count = 0;
	q->next = NULL;
	pthread_mutex_lock(&s->lock);
	s->reading = NULL;
	s->reading_db = NULL;
	if (q->done == NULL) { /* given up on */
		pthread_mutex_unlock(&s->lock);
		ra_query_free(q);
		return;
	}
	*s->read_tail = q;
	s->read_tail = &q->next;
	if (s->wake != NULL)
		ra_wake_send(s->wake);
	pthread_cond_signal(&s->for_loop);
	pthread_mutex_unlock(&s->lock);
}

/* A query, once what was added before it is written. Under lock. */
static struct ra_query *
take_query(struct ra_store *s)
{
	struct ra_query *q = s->queries;

	if (q == NULL || (q->after > s->history_written && !s->stop))
		return NULL;
	s->queries = q->next;
	if (s->queries == NULL)
		s->queries_tail = &s->queries;
	s->reading = q;
	return q;
}

static void
do_query(struct reader *rd, struct ra_query *q, bool cancel)
{
	int r = cancel ? -ECANCELED : 0;

	if (r == 0 && rd->db == NULL)
		r = reader_open(rd);
	if (r == 0) {
		pthread_mutex_lock(&rd->s->lock);
		rd->s->reading_db = rd->db;
		pthread_mutex_unlock(&rd->s->lock);
		r = run_query(rd, q);
	}
	answer(rd, q, r);
}

static void
do_checkpoint(struct reader *rd)
{
	if (rd->db == NULL && reader_open(rd) < 0)
		return;
	/* Passive: waits for nobody, and the writer waits for nothing. */
	sqlite3_wal_checkpoint_v2(rd->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void *
ra_store_reader(void *arg)
{
	struct ra_store *s = arg;
	struct reader rd = { .s = s };
	bool stop, checkpoint, other;
	struct ra_query *q;

	pthread_setname_np(pthread_self(), "relauditd-read");
	do {
		pthread_mutex_lock(&s->lock);
		while ((q = take_query(s)) == NULL && !s->checkpoint && !s->stop)
			pthread_cond_wait(&s->for_reader, &s->lock);
		other = rd.epoch != s->history_epoch;
		rd.epoch = s->history_epoch;
		rd.quiet = s->history_closed;
		checkpoint = s->checkpoint;
		stop = s->stop;
		if (q == NULL)
			s->checkpoint = false;
		pthread_mutex_unlock(&s->lock);
		if (other) {
			/* As the last to close it, it would remove the journal of the new one. */
			if (rd.db != NULL)
				sqlite3_db_config(rd.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
			reader_close(&rd);
		}
		if (q != NULL)
			do_query(&rd, q, stop);
		else if (checkpoint && !stop)
			do_checkpoint(&rd);
	} while (!stop || q != NULL);
	reader_close(&rd);
	pthread_mutex_lock(&s->lock);
	s->reader_runs = false;
	pthread_cond_signal(&s->for_loop);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}
