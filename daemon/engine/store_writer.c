/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: puts at once and together, history once a second, the last good copy when there is
 * time. After a failure memory is ahead of the disk, and only a step that brings the whole file up
 * to it ends that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/clock.h"

#include "store_internal.h"

#define RETRY_EVERY	 5000
#define CHECKPOINT_AFTER 2000 /* ms of rest */
#define WAL_PAGES_MAX	 512 /* or this much, rest or no rest */
#define COPY_AFTER	 1000 /* after the start, then once a day */
#define HISTORY_WAL	 1000 /* pages, then the reader checkpoints */
#define PUTS_EVERY	 64 /* items of history between looks at the puts */
#define LOOK_EVERY	 5000 /* whether the files are still there, if nothing is written */

enum job {
	JOB_WAIT,
	JOB_PUTS,
	JOB_RETRY,
	JOB_HISTORY,
	JOB_CHECKPOINT,
	JOB_COPY,
	JOB_LOOK,
	JOB_STOP,
};

/* --- answers --- */

static bool
settles(const struct ra_item_record *p)
{
	return p->error == 0 && p->record != NULL;
}

/* The loop may have given up on them: then their `done` is NULL. */
static void
answer(struct ra_store *s, int error)
{
	struct ra_store_item *item;
	struct ra_queue silent;

	ra_queue_init(&silent);
	pthread_mutex_lock(&s->lock);
	while ((item = ra_queue_take(&s->flying)) != NULL) {
		struct ra_item_record *p = RA_CONTAINER(item, struct ra_item_record, item);

		p->error = error;
		if (settles(p))
			ra_store_settle(s, p->record);
		ra_queue_add(p->done != NULL && s->wake != NULL ? &s->answered : &silent, item);
	}
	if (s->wake != NULL && s->answered.head != NULL)
		ra_wake_send(s->wake);
	pthread_cond_signal(&s->for_loop);
	pthread_mutex_unlock(&s->lock);
	while ((item = ra_queue_take(&silent)) != NULL)
		ra_item_free(item);
}

/* Full and busy disks lie about nothing; after anything else the file is not believed. */
static bool
in_place(int error)
{
	return error == -ENOSPC || error == -ENOMEM || error == -EBUSY;
}

static void
fail(struct ra_store *s, int error, const char *text)
{
	s->failing = true;
	s->rewrite = s->rewrite || !in_place(error);
	s->retry_at = ra_store_mono() + RETRY_EVERY;
	pthread_mutex_lock(&s->lock);
	s->stats.failing = true;
	snprintf(s->stats.error, sizeof(s->stats.error), "state not saved: %.140s", text);
	s->last_error = error;
	pthread_mutex_unlock(&s->lock);
}

static void
recover(struct ra_store *s)
{
	s->failing = s->rewrite = false;
	pthread_mutex_lock(&s->lock);
	s->stats.failing = false;
	s->stats.error[0] = '\0';
	pthread_mutex_unlock(&s->lock);
}

static void
saved(struct ra_store *s)
{
	s->changed = true;
	if (s->checkpoint_at == 0)
		s->checkpoint_at = ra_store_mono() + CHECKPOINT_AFTER;
}

/*
 * What is written to a file without a name is gone at the next start, and no write fails. -ESTALE:
 * so it is; what lies there instead is someone's, and is kept.
 */
static int
look(struct ra_store *s)
{
	struct ra_records *db = &s->records;

	s->look_at = ra_store_mono() + LOOK_EVERY;
	if (db->db == NULL ||
	    (!ra_folder_is_lost(&s->folder) && !ra_disk_is_lost(db->db, &db->size, db->wal_pages)))
		return 0;
	s->aside = true;
	return -ESTALE;
}

/* --- jobs --- */

static void
do_look(struct ra_store *s)
{
	int r = look(s);

	if (r < 0)
		fail(s, r, ra_disk_text(r));
}

static void
do_puts(struct ra_store *s)
{
	struct ra_queue batch;
	int r;

	pthread_mutex_lock(&s->lock);
	ra_queue_move(&s->flying, &s->puts);
	batch = s->flying; /* nobody else adds to it or takes from it while items are read */
	pthread_mutex_unlock(&s->lock);
	if (batch.head == NULL)
		return;
	if (s->failing) {
		answer(s, s->last_error);
		return;
	}
	/* Before: the journal is written where it ended, which would hide that it was cut. */
	r = look(s);
	if (r == 0)
		r = ra_records_commit(s, &batch);
	if (r == 0)
		r = look(s);
	if (r == 0)
		saved(s);
	else
		fail(s, r, ra_disk_text(r));
	answer(s, r);
}

static void
do_retry(struct ra_store *s)
{
	struct ra_records_view view;
	struct ra_error err = { 0 };
	int r;

	s->retry_at = ra_store_mono() + RETRY_EVERY;
	pthread_mutex_lock(&s->lock);
	s->retry_now = false;
	pthread_mutex_unlock(&s->lock);
	if (ra_store_view(s, true, &view) < 0)
		return;
	r = s->rewrite ? ra_folder_again(&s->folder, &err) : 0;
	if (r == 0)
		r = s->rewrite || s->records.db == NULL ? ra_records_rewrite(s, &view)
							: ra_records_sync(s, &view);
	if (r == 0) {
		for (size_t i = 0; i < view.count; i++)
			ra_store_settle(s, view.items[i]);
		if (s->rewrite) /* records.db.last may have gone the same way */
			s->copy_at = ra_store_mono() + COPY_AFTER;
		s->aside = s->aside && !s->rewrite;
		recover(s);
		saved(s);
	} else {
		fail(s, r, err.text[0] != '\0' ? err.text : ra_disk_text(r));
	}
	ra_store_view_free(&view);
	answer(s, r);
}

static void
do_copy(struct ra_store *s)
{
	struct ra_records_view view;

	s->copy_at = ra_store_mono() + RA_DAY;
	if (ra_store_view(s, false, &view) < 0)
		return;
	/* One that fails leaves the older copy; it is tried again in a day or at the end. */
	if (ra_records_copy(s, &view) == 0)
		s->changed = false;
	ra_store_view_free(&view);
}

static void
do_checkpoint(struct ra_store *s)
{
	int r = look(s);

	if (r == 0)
		r = ra_records_checkpoint(s);
	s->checkpoint_at = 0;
	/* What is committed is in the WAL still, unless the disk dropped what it said it had. */
	if (r < 0 && !in_place(r))
		fail(s, r, ra_disk_text(r));
}

/* --- history --- */

/* The reader opens the file anew, as the writer has it now. */
static void
history_opened(struct ra_store *s, bool open)
{
	pthread_mutex_lock(&s->lock);
	s->history_epoch++;
	s->history_closed = !open;
	pthread_mutex_unlock(&s->lock);
}

static int
history_ready(struct ra_store *s)
{
	RA_BUF_LOCAL notes = RA_BUF(4096);
	int r;

	if (s->hist.db != NULL)
		return 0;
	r = ra_history_open(s, &notes);
	if (r == 0)
		history_opened(s, true);
	return r;
}

/*
 * Under lock. What could not be written is first again when there is room; but of when a check was
 * last checked, the next time says more.
 */
static void
keep_history(struct ra_store *s, struct ra_queue *batch)
{
	struct ra_queue kept;
	struct ra_store_item *item;

	ra_queue_init(&kept);
	while ((item = ra_queue_take(batch)) != NULL) {
		if (item->kind == RA_ITEM_SEEN)
			ra_item_free(item);
		else
			ra_queue_add(&kept, item);
	}
	s->history_queued += kept.count;
	ra_queue_move(&kept, &s->history);
	ra_queue_move(&s->history, &kept);
	s->history_due = ra_store_mono() + RETRY_EVERY;
}

static void
history_failed(struct ra_store *s, int error, struct ra_queue *batch)
{
	char name[80] = "";
	bool lost = error == -EBADMSG;

	ra_history_cancel(s);
	if (lost && ra_history_anew(s, name) == 0)
		history_opened(s, true);
	else if (error != -ENOSPC && error != -ENOMEM)
		ra_history_close(s); /* what it has open may never be written again */
	if (s->hist.db == NULL)
		history_opened(s, false);
	pthread_mutex_lock(&s->lock);
	if (name[0] != '\0')
		snprintf(s->history_error, sizeof(s->history_error),
		    "history.db was damaged: kept as %s, begun anew", name);
	else
		snprintf(s->history_error, sizeof(s->history_error), "history not saved: %s",
		    ra_disk_text(error));
	if (lost || s->leaving)
		s->stats.dropped += batch->count;
	else
		keep_history(s, batch);
	pthread_mutex_unlock(&s->lock);
}

/* Of `count` items that were taken, some may wait again by now. */
static void
history_done(struct ra_store *s, size_t count)
{
	pthread_mutex_lock(&s->lock);
	s->history_written += count;
	s->history_flying = 0;
	if (s->hist.wal_pages > HISTORY_WAL)
		s->checkpoint = true;
	pthread_cond_signal(&s->for_reader);
	pthread_cond_signal(&s->for_loop);
	pthread_mutex_unlock(&s->lock);
}

static bool
puts_wait(struct ra_store *s)
{
	bool waits;

	pthread_mutex_lock(&s->lock);
	waits = s->puts.head != NULL;
	pthread_mutex_unlock(&s->lock);
	return waits;
}

static int
look_at_history(struct ra_store *s)
{
	struct ra_history *h = &s->hist;

	if (h->db == NULL ||
	    (!ra_folder_is_lost(&s->folder) && !ra_disk_is_lost(h->db, &h->size, 0)))
		return 0;
	/* Closing it must not touch what has its name now. */
	sqlite3_db_config(h->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return -ESTALE;
}

static int
write_history(struct ra_store *s, const struct ra_queue *batch)
{
	const struct ra_store_item *i;
	size_t n = 0;
	int r = look_at_history(s);

	if (r == 0)
		r = history_ready(s);
	if (r == 0)
		r = ra_history_begin(s);
	for (i = batch->head; i != NULL && r == 0; i = i->next) {
		r = ra_history_apply(s, i);
		if (++n % PUTS_EVERY == 0 && puts_wait(s))
			do_puts(s);
	}
	if (r == 0)
		r = ra_history_commit(s);
	return r == 0 ? look_at_history(s) : r;
}

static void
do_history(struct ra_store *s)
{
	struct ra_queue batch;
	struct ra_store_item *item;
	size_t count;
	int r;

	ra_queue_init(&batch);
	pthread_mutex_lock(&s->lock);
	ra_queue_move(&batch, &s->history);
	s->history_flying = batch.bytes;
	s->flush = false;
	pthread_mutex_unlock(&s->lock);
	count = batch.count;
	r = write_history(s, &batch);
	if (r < 0) {
		history_failed(s, r, &batch);
	} else if (s->history_error[0] != '\0') {
		pthread_mutex_lock(&s->lock);
		s->history_error[0] = '\0';
		pthread_mutex_unlock(&s->lock);
	}
	while ((item = ra_queue_take(&batch)) != NULL)
		ra_item_free(item);
	history_done(s, count);
}

/* --- what is next --- */

static void
sooner(int64_t *until, int64_t at)
{
	if (at < *until)
		*until = at;
}

/* Under lock. *ret_until: when to look again if nothing is put meanwhile. */
static enum job
next_job(struct ra_store *s, int64_t *ret_until)
{
	int64_t now = ra_store_mono(), until = INT64_MAX;

	if (s->puts.head != NULL)
		return JOB_PUTS;
	if (s->failing) {
		if (now >= s->retry_at || s->retry_now)
			return JOB_RETRY;
		sooner(&until, s->retry_at);
	}
	if (s->history.head != NULL) {
		if (now >= s->history_due || s->flush || s->stop)
			return JOB_HISTORY;
		sooner(&until, s->history_due);
	}
	if (s->stop)
		return JOB_STOP;
	if (s->checkpoint_at != 0 && !s->failing) {
		if (now >= s->checkpoint_at || s->records.wal_pages > WAL_PAGES_MAX)
			return JOB_CHECKPOINT;
		sooner(&until, s->checkpoint_at);
	}
	if (s->changed && !s->failing) {
		if (now >= s->copy_at)
			return JOB_COPY;
		sooner(&until, s->copy_at);
	}
	if (!s->failing) {
		if (now >= s->look_at)
			return JOB_LOOK;
		sooner(&until, s->look_at);
	}
	*ret_until = until;
	return JOB_WAIT;
}

static enum job
wait_for_job(struct ra_store *s)
{
	int64_t until = 0;
	enum job job;

	pthread_mutex_lock(&s->lock);
	s->busy_since = 0;
	while ((job = next_job(s, &until)) == JOB_WAIT) {
		struct timespec ts = { .tv_sec = (time_t)(until / 1000),
			.tv_nsec = (long)(until % 1000) * 1000000 };

		pthread_cond_signal(&s->for_loop);
		if (until == INT64_MAX)
			pthread_cond_wait(&s->for_writer, &s->lock);
		else
			pthread_cond_timedwait(&s->for_writer, &s->lock, &ts);
	}
	s->busy_since = ra_store_mono();
	pthread_mutex_unlock(&s->lock);
	return job;
}

static void
finish(struct ra_store *s)
{
	if (!s->failing)
		do_look(s);
	if (s->failing)
		do_retry(s);
	if (!s->failing)
		do_checkpoint(s);
	ra_records_close(s);
	ra_history_close(s);
	if (!s->failing && s->changed)
		do_copy(s);
}

void *
ra_store_writer(void *arg)
{
	struct ra_store *s = arg;
	enum job job;

	pthread_setname_np(pthread_self(), "relauditd-store");
	s->copy_at = ra_store_mono() + COPY_AFTER;
	s->changed = true; /* what was read at the start was verified: worth a copy */
	while ((job = wait_for_job(s)) != JOB_STOP) {
		if (job == JOB_PUTS)
			do_puts(s);
		else if (job == JOB_RETRY)
			do_retry(s);
		else if (job == JOB_HISTORY)
			do_history(s);
		else if (job == JOB_CHECKPOINT)
			do_checkpoint(s);
		else if (job == JOB_COPY)
			do_copy(s);
		else if (job == JOB_LOOK)
			do_look(s);
	}
	finish(s);
	pthread_mutex_lock(&s->lock);
	s->writer_runs = false;
	pthread_cond_signal(&s->for_loop);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}
