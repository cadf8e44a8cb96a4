/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing the store: the only calls that wait. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "relaudit/io/thread.h"

#include "store_internal.h"

/* SQLite asks for little; what is not touched costs nothing. */
#define STACK ((size_t)512 << 10)

static struct ra_store *
new_store(struct ra_loop *loop)
{
	struct ra_store *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->folder.fd = s->folder.lock = -1;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->for_writer, &attr);
	pthread_cond_init(&s->for_reader, &attr);
	pthread_cond_init(&s->for_loop, &attr);
	pthread_condattr_destroy(&attr);
	ra_queue_init(&s->puts);
	ra_queue_init(&s->flying);
	ra_queue_init(&s->answered);
	ra_queue_init(&s->history);
	s->queries_tail = &s->queries;
	s->read_tail = &s->read;
	return s;
}

static void
free_queue(struct ra_queue *q)
{
	struct ra_store_item *item;

	while ((item = ra_queue_take(q)) != NULL)
		ra_item_free(item);
}

static void
free_store(struct ra_store *s)
{
	void *value;

	for (size_t i = 0; i < RA_RECORD_TYPES; i++) {
		for (size_t at = 0; ra_map_next(&s->maps[i], &at, NULL, &value);) {
			struct ra_store_key *k = value;

			ra_record_unref(RA_TAKE(k->now));
			ra_key_unref(k);
		}
		ra_map_free(&s->maps[i]);
	}
	free_queue(&s->puts);
	free_queue(&s->answered);
	free_queue(&s->history);
	ra_records_close(s);
	ra_history_close(s);
	ra_folder_close(&s->folder);
	ra_wake_free(s->wake);
	pthread_cond_destroy(&s->for_loop);
	pthread_cond_destroy(&s->for_reader);
	pthread_cond_destroy(&s->for_writer);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int
start_threads(struct ra_store *s)
{
	int r = ra_wake_new(s->loop, ra_store_on_wake, s, &s->wake);

	if (r < 0)
		return r;
	s->writer_runs = true;
	r = ra_thread_start(&s->writer, STACK, ra_store_writer, s);
	s->writer_started = s->writer_runs = r == 0;
	if (r < 0)
		return r;
	s->reader_runs = true;
	r = ra_thread_start(&s->reader, STACK, ra_store_reader, s);
	s->reader_started = s->reader_runs = r == 0;
	return r;
}

/* History is expendable: it begins when it can. */
static int
open_history(struct ra_store *s, struct ra_buf *notes, struct ra_error *err)
{
	int r = ra_history_open(s, notes);

	if (r < 0 && !ra_disk_is_unwritable(r))
		return ra_error_set(
		    err, r, "%s/" RA_HISTORY_FILE ": %s", s->folder.path, ra_disk_text(r));
	if (r == 0)
		return 0;
	s->history_closed = true;
	snprintf(
	    s->history_error, sizeof(s->history_error), "history not saved: %s", ra_disk_text(r));
	ra_buf_printf(notes, "%s\n", s->history_error);
	return 0;
}

int
ra_store_open(struct ra_loop *loop, const char *folder, struct ra_store **ret, struct ra_buf *notes,
    struct ra_error *err)
{
	struct ra_store *s = new_store(loop);
	struct ra_error why = { 0 };
	int r;

	if (s == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	r = ra_folder_open(&s->folder, folder, &why);
	if (r == 0)
		r = ra_records_load(s, notes, &why);
	if (r == 0)
		r = open_history(s, notes, &why);
	if (r < 0) {
		free_store(s);
		return ra_error_set(err, r, "%s", why.text);
	}
	r = start_threads(s);
	if (r < 0) {
		ra_store_close(s, 1000);
		return ra_error_set(err, r, "cannot start the store's threads: %s", strerror(-r));
	}
	*ret = s;
	return 0;
}

/* --- close --- */

static void
wait_until(struct ra_store *s, int64_t until)
{
	struct timespec ts = { .tv_sec = (time_t)(until / 1000),
		.tv_nsec = (long)(until % 1000) * 1000000 };

	pthread_cond_timedwait(&s->for_loop, &s->lock, &ts);
}

static bool
busy(const struct ra_store *s)
{
	return s->puts.head != NULL || s->flying.head != NULL || s->history.head != NULL ||
	       s->history_flying != 0;
}

/* Until nothing is on its way; call-backs may put more meanwhile, which counts too. */
static void
drain(struct ra_store *s, int64_t until)
{
	bool more = true;

	while (more) {
		ra_store_deliver(s, SIZE_MAX);
		pthread_mutex_lock(&s->lock);
		s->flush = s->leaving = true;
		pthread_cond_signal(&s->for_writer);
		if (busy(s) && s->answered.head == NULL && s->read == NULL)
			wait_until(s, until);
		more = (busy(s) || s->answered.head != NULL) && ra_store_mono() < until;
		pthread_mutex_unlock(&s->lock);
	}
}

static bool
stop_threads(struct ra_store *s, int64_t until)
{
	bool stopped;

	pthread_mutex_lock(&s->lock);
	s->closing = s->stop = true;
	if (s->reading_db != NULL)
		sqlite3_interrupt(s->reading_db);
	pthread_cond_signal(&s->for_writer);
	pthread_cond_signal(&s->for_reader);
	while ((s->writer_runs || s->reader_runs) && ra_store_mono() < until)
		wait_until(s, until);
	stopped = !s->writer_runs && !s->reader_runs;
	pthread_mutex_unlock(&s->lock);
	return stopped;
}

/* One call-back that is owed by a thread that is stuck. Called until there is none. */
static bool
deliver_stuck(struct ra_store *s)
{
	void (*done)(void *arg, int error) = NULL;
	void *arg = NULL;

	pthread_mutex_lock(&s->lock);
	for (struct ra_store_item *i = s->flying.head; i != NULL && done == NULL; i = i->next) {
		struct ra_item_record *p = RA_CONTAINER(i, struct ra_item_record, item);

		done = RA_TAKE(p->done);
		arg = p->arg;
	}
	pthread_mutex_unlock(&s->lock);
	if (done != NULL)
		done(arg, -ETIMEDOUT);
	return done != NULL;
}

static void
deliver_queries(struct ra_store *s)
{
	void (*done)(void *, int, const struct ra_history_event *, size_t) = NULL;
	struct ra_query *q, *next;
	void *arg = NULL;

	pthread_mutex_lock(&s->lock);
	q = RA_TAKE(s->queries);
	s->queries_tail = &s->queries;
	if (s->reading != NULL) {
		done = RA_TAKE(s->reading->done);
		arg = s->reading->arg;
	}
	pthread_mutex_unlock(&s->lock);
	if (done != NULL)
		done(arg, -ETIMEDOUT, NULL, 0);
	for (; q != NULL; q = next) {
		next = q->next;
		q->done(q->arg, -ECANCELED, NULL, 0);
		ra_query_free(q);
	}
}

/*
 * A thread is stuck in the file system. What it may still touch stays as it is, for ever; only the
 * call-backs are owed.
 */
static void
abandon(struct ra_store *s)
{
	struct ra_wake *wake;
	struct ra_store_item *item;

	pthread_mutex_lock(&s->lock);
	wake = RA_TAKE(s->wake);
	pthread_mutex_unlock(&s->lock);
	ra_wake_free(wake);
	ra_store_deliver(s, SIZE_MAX);
	while (deliver_stuck(s))
		;
	for (;;) {
		struct ra_item_record *p;

		pthread_mutex_lock(&s->lock);
		item = ra_queue_take(&s->puts);
		pthread_mutex_unlock(&s->lock);
		if (item == NULL)
			break;
		p = RA_CONTAINER(item, struct ra_item_record, item);
		if (p->done != NULL)
			p->done(p->arg, -ETIMEDOUT);
		ra_item_free(item);
	}
	deliver_queries(s);
	pthread_detach(s->writer);
	pthread_detach(s->reader);
}

bool
ra_store_close(struct ra_store *s, int64_t wait_ms)
{
	int64_t until = ra_store_mono() + wait_ms;

	if (s == NULL)
		return true;
	if (s->writer_started)
		drain(s, until);
	if (!stop_threads(s, until)) {
		abandon(s);
		return false;
	}
	if (s->writer_started)
		pthread_join(s->writer, NULL);
	if (s->reader_started)
		pthread_join(s->reader, NULL);
	ra_store_deliver(s, SIZE_MAX);
	deliver_queries(s);
	free_store(s);
	return true;
}
