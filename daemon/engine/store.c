/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop sees of the store: records in memory, hand-over to the threads, call-backs. Nothing
 * here waits, but open and close.
 */
#include "relaudit/engine/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store_internal.h"

#define QUEUE_BYTES   ((size_t)64 << 20)
#define HISTORY_EVERY 1000 /* ms: at most one transaction of history in it */
#define STUCK_AFTER   5000 /* ms of one job: the file system is frozen or gone */
#define CALLS_A_TURN  256 /* call-backs that one turn of the loop makes */
#define LIMIT_DEFAULT 1000
#define LIMIT_MAX     100000

int64_t
ra_store_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- records --- */

struct ra_store_key *
ra_store_find(const struct ra_store *s, enum ra_record_type type, const char *key)
{
	return ra_map_get(&s->maps[type], key);
}

/* Once a record: it is on disk, or a newer one or nothing shall be. */
void
ra_store_settle(struct ra_store *s, struct ra_record *r)
{
	if (!atomic_exchange(&r->settled, true))
		atomic_fetch_sub(&s->unsaved, 1);
}

/*
 * References to all records; `take`: what was put before is taken for the writer in the same
 * moment.
 */
int
ra_store_view(struct ra_store *s, bool take, struct ra_records_view *ret)
{
	struct ra_records_view v = { 0 };
	size_t total = 0, i, at;
	void *value;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < RA_RECORD_TYPES; i++)
		total += s->maps[i].count;
	v.items = malloc((total + 1) * sizeof(struct ra_record *));
	if (v.items == NULL) {
		pthread_mutex_unlock(&s->lock);
		return -ENOMEM;
	}
	for (i = 0; i < RA_RECORD_TYPES; i++) {
		for (at = 0; ra_map_next(&s->maps[i], &at, NULL, &value);) {
			struct ra_record *now = ((struct ra_store_key *)value)->now;

			atomic_fetch_add(&now->refs, 1);
			v.items[v.count++] = now;
		}
	}
	v.generation = s->generation;
	if (take)
		ra_queue_move(&s->flying, &s->puts);
	pthread_mutex_unlock(&s->lock);
	*ret = v;
	return 0;
}

void
ra_store_view_free(struct ra_records_view *v)
{
	for (size_t i = 0; i < v->count; i++)
		ra_record_unref(v->items[i]);
	free(v->items);
}

static bool
room_for(const struct ra_store *s, size_t size)
{
	return s->puts.bytes + s->flying.bytes + s->history.bytes + s->history_flying + size <=
	       QUEUE_BYTES;
}

/* What a full disk keeps from being written must not take the room of records. */
static bool
room_for_history(const struct ra_store *s, size_t size)
{
	return s->history.bytes + s->history_flying + size <= QUEUE_BYTES / 2 && room_for(s, size);
}

/* Under lock. A key that is new is put into the map, else its record is replaced. */
static int
replace(struct ra_store *s, struct ra_store_key *k, struct ra_record *rec)
{
	if (k->now == NULL) {
		int r = ra_map_put(&s->maps[k->type], k->text, k, NULL);

		if (r < 0)
			return r;
	} else {
		ra_store_settle(s, k->now);
		ra_record_unref(k->now);
	}
	atomic_fetch_add(&rec->refs, 1);
	k->now = rec;
	rec->generation = ++s->generation;
	atomic_fetch_add(&s->unsaved, 1);
	return 0;
}

/* Under lock. */
static void
forget(struct ra_store *s, struct ra_store_key *k)
{
	ra_map_remove(&s->maps[k->type], k->text);
	ra_store_settle(s, k->now);
	ra_record_unref(RA_TAKE(k->now));
	ra_key_unref(k);
}

/*
 * Memory and queue change in one moment, so that a view of the one knows what of the other it
 * has.
 */
static int
hand_over(struct ra_store *s, struct ra_item_record *item)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (s->closing)
		r = -ESHUTDOWN;
	else if (!room_for(s, item->item.size))
		r = -ENOMEM;
	else if (item->record != NULL)
		r = replace(s, item->record->key, item->record);
	if (r == 0 && item->record == NULL)
		forget(s, item->key);
	if (r == 0) {
		s->stats.puts++;
		ra_queue_add(&s->puts, &item->item);
		pthread_cond_signal(&s->for_writer);
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

int
ra_store_put(struct ra_store *s, enum ra_record_type type, const char *key, const char *body,
    size_t len, void (*done)(void *arg, int error), void *arg)
{
	struct ra_item_record *item = calloc(1, sizeof(*item));
	struct ra_store_key *known = ra_store_find(s, type, key);
	struct ra_store_key *k = known != NULL ? known : ra_key_new(type, key);
	int r = -ENOMEM;

	if (len > QUEUE_BYTES / 4)
		r = -EMSGSIZE;
	else if (item != NULL && k != NULL)
		item->record = ra_record_new(k, body, len);
	if (item == NULL || item->record == NULL) {
		free(item);
		if (known == NULL)
			ra_key_unref(k);
		return r;
	}
	item->item.kind = RA_ITEM_PUT;
	item->item.size = (uint32_t)(sizeof(*item) + sizeof(*item->record) + len);
	item->done = done;
	item->arg = arg;
	r = hand_over(s, item);
	if (r < 0) {
		ra_item_free(&item->item);
		if (known == NULL)
			ra_key_unref(k); /* the map's */
	}
	return r;
}

int
ra_store_remove(struct ra_store *s, enum ra_record_type type, const char *key)
{
	struct ra_store_key *k = ra_store_find(s, type, key);
	struct ra_item_record *item;
	int r;

	if (k == NULL)
		return 0;
	item = calloc(1, sizeof(*item));
	if (item == NULL)
		return -ENOMEM;
	item->item.kind = RA_ITEM_REMOVE;
	item->item.size = sizeof(*item);
	item->key = k;
	atomic_fetch_add(&k->refs, 1);
	r = hand_over(s, item);
	if (r < 0)
		ra_item_free(&item->item);
	return r;
}

const char *
ra_store_get(const struct ra_store *s, enum ra_record_type type, const char *key)
{
	const struct ra_store_key *k = ra_store_find(s, type, key);

	return k != NULL ? k->now->body : NULL;
}

void
ra_store_each(const struct ra_store *s, enum ra_record_type type,
    void (*fn)(void *arg, const char *key, const char *body), void *arg)
{
	size_t at = 0;
	void *value;

	while (ra_map_next(&s->maps[type], &at, NULL, &value)) {
		const struct ra_store_key *k = value;

		fn(arg, k->text, k->now->body);
	}
}

/* --- history --- */

/* NULL: there was no memory for it. */
bool
ra_store_queue(struct ra_store *s, struct ra_store_item *item)
{
	bool taken = false;

	pthread_mutex_lock(&s->lock);
	if (item != NULL && !s->closing && room_for_history(s, item->size)) {
		taken = true;
		if (s->history.head == NULL) {
			s->history_due = ra_store_mono() + HISTORY_EVERY;
			pthread_cond_signal(&s->for_writer);
		}
		ra_queue_add(&s->history, item);
		s->history_queued++;
	} else {
		s->stats.dropped++;
	}
	pthread_mutex_unlock(&s->lock);
	return taken;
}

static void
add_history(struct ra_store *s, enum ra_item_kind kind, int64_t at, const char *check,
    const char *what, const char *body, size_t body_len)
{
	size_t check_len = strlen(check) + 1, what_len = strlen(what) + 1;
	size_t size = sizeof(struct ra_item_history) + check_len + what_len + body_len + 1;
	struct ra_item_history *item = size <= QUEUE_BYTES ? malloc(size) : NULL;

	if (item != NULL) {
		item->item.kind = kind;
		item->item.size = (uint32_t)size;
		item->at = at;
		item->what = (uint32_t)check_len;
		item->body = (uint32_t)(check_len + what_len);
		item->body_len = (uint32_t)body_len;
		memcpy(item->text, check, check_len);
		memcpy(item->text + item->what, what, what_len);
		memcpy(item->text + item->body, body, body_len);
		item->text[item->body + body_len] = '\0';
	}
	if (!ra_store_queue(s, item != NULL ? &item->item : NULL))
		free(item);
}

void
ra_store_latest(struct ra_store *s, const char *check, const char *body, size_t len)
{
	add_history(s, RA_ITEM_LATEST, 0, check, "", body, len);
}

void
ra_store_seen(struct ra_store *s, const char *check, int64_t checked)
{
	add_history(s, RA_ITEM_SEEN, checked, check, "", "", 0);
}

void
ra_store_event(struct ra_store *s, const struct ra_history_event *event)
{
	add_history(s, RA_ITEM_EVENT, event->at, event->check != NULL ? event->check : "",
	    event->what, event->body, strlen(event->body));
}

void
ra_store_forget(struct ra_store *s, const char *check)
{
	add_history(s, RA_ITEM_FORGET, 0, check, "", "", 0);
}

void
ra_store_prune(struct ra_store *s, int64_t before)
{
	add_history(s, RA_ITEM_PRUNE, before, "", "", "", 0);
}

int
ra_store_history(struct ra_store *s, const struct ra_history_query *query,
    void (*done)(void *arg, int error, const struct ra_history_event *events, size_t count),
    void *arg)
{
	struct ra_query *q = calloc(1, sizeof(*q));
	int r = 0;

	if (q == NULL)
		return -ENOMEM;
	q->store = s;
	q->environment = query->environment != NULL ? strdup(query->environment) : NULL;
	q->check = query->check != NULL ? strdup(query->check) : NULL;
	if ((query->environment != NULL && q->environment == NULL) ||
	    (query->check != NULL && q->check == NULL)) {
		ra_query_free(q);
		return -ENOMEM;
	}
	q->since = query->since;
	q->around = query->around;
	q->until = query->until != 0 ? query->until : INT64_MAX;
	q->limit = query->limit == 0	      ? LIMIT_DEFAULT
		   : query->limit > LIMIT_MAX ? LIMIT_MAX
					      : query->limit;
	q->done = done;
	q->arg = arg;
	pthread_mutex_lock(&s->lock);
	if (s->closing) {
		r = -ESHUTDOWN;
	} else {
		q->after = s->history_queued;
		s->flush = s->flush || s->history.head != NULL;
		*s->queries_tail = q;
		s->queries_tail = &q->next;
		pthread_cond_signal(&s->for_writer);
		pthread_cond_signal(&s->for_reader);
	}
	pthread_mutex_unlock(&s->lock);
	if (r < 0)
		ra_query_free(q);
	return r;
}

/* --- call-backs --- */

static struct ra_query *
take_read(struct ra_store *s)
{
	struct ra_query *q = s->read;

	if (q != NULL) {
		s->read = q->next;
		if (s->read == NULL)
			s->read_tail = &s->read;
	}
	return q;
}

/* Calls back what is due, at most `most`. Returns whether more is due. */
bool
ra_store_deliver(struct ra_store *s, size_t most)
{
	bool more = true;

	for (size_t i = 0; more && i < most; i++) {
		struct ra_item_record *p = NULL;
		struct ra_query *q = NULL;
		struct ra_store_item *item;

		pthread_mutex_lock(&s->lock);
		item = ra_queue_take(&s->answered);
		if (item == NULL)
			q = take_read(s);
		more = s->answered.head != NULL || s->read != NULL;
		pthread_mutex_unlock(&s->lock);
		if (item != NULL) {
			p = RA_CONTAINER(item, struct ra_item_record, item);
			p->done(p->arg, p->error);
			ra_item_free(item);
		} else if (q != NULL) {
			q->done(q->arg, q->error, q->events, q->count);
			ra_query_free(q);
		}
	}
	return more;
}

void
ra_store_on_wake(void *arg)
{
	struct ra_store *s = arg;

	if (ra_store_deliver(s, CALLS_A_TURN))
		ra_wake_send(s->wake);
}

void
ra_store_retry(struct ra_store *s)
{
	pthread_mutex_lock(&s->lock);
	s->retry_now = true;
	pthread_cond_signal(&s->for_writer);
	pthread_mutex_unlock(&s->lock);
}

void
ra_store_stats(const struct ra_store *store, struct ra_store_stats *ret)
{
	struct ra_store *s = (struct ra_store *)(uintptr_t)store; /* for its lock */

	pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	ret->unsaved = atomic_load(&s->unsaved);
	ret->queued = s->puts.count + s->flying.count + s->history.count;
	if (s->busy_since != 0 && ra_store_mono() - s->busy_since > STUCK_AFTER) {
		ret->failing = true;
		snprintf(ret->error, sizeof(ret->error), "state not saved: disk does not answer");
	} else if (!ret->failing && s->history_error[0] != '\0') {
		ret->failing = true;
		snprintf(ret->error, sizeof(ret->error), "%s", s->history_error);
	}
	pthread_mutex_unlock(&s->lock);
}
