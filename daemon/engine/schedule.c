/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and how many: a heap of due times drained in slots, a cap on what is in flight in all and
 * per host, and a lane of its own for hosts that timed out, so that they cannot hold up the rest.
 * No step here depends on the number of checks but for the heap's logarithm.
 */
#include "relaudit/base/clock.h"

#include <string.h>

#include "internal.h"

#define PEER_WAIT     500 /* ms */
#define STARTS_A_TURN 128 /* more than this many are started in several turns of the loop */

static void on_slot(void *arg);

int
ra_schedule_init(struct ra_engine *e)
{
	return ra_timer_new(e->io.loop, on_slot, e, &e->slot_timer);
}

void
ra_schedule_free(struct ra_engine *e)
{
	const char *name;
	void *host;
	size_t i = 0;

	ra_timer_free(RA_TAKE(e->slot_timer));
	while (ra_map_next(&e->hosts, &i, &name, &host)) {
		free(((struct ra_host *)host)->name);
		free(host);
	}
	ra_map_free(&e->hosts);
	free(RA_TAKE(e->heap));
	e->heap_count = 0;
}

int
ra_schedule_reserve(size_t tracks, struct ra_track ***ret_heap)
{
	*ret_heap = calloc(tracks + 1, sizeof(**ret_heap));
	return *ret_heap == NULL ? -ENOMEM : 0;
}

/* --- the heap --- */

static void
place(struct ra_engine *e, size_t i, struct ra_track *t)
{
	e->heap[i] = t;
	t->heap = (uint32_t)i;
	e->stats.work++;
}

static void
sift_up(struct ra_engine *e, size_t i, struct ra_track *t)
{
	while (i > 0 && e->heap[(i - 1) / 2]->due > t->due) {
		place(e, i, e->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(e, i, t);
}

static void
sift_down(struct ra_engine *e, size_t i, struct ra_track *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= e->heap_count)
			break;
		if (child + 1 < e->heap_count && e->heap[child + 1]->due < e->heap[child]->due)
			child++;
		if (e->heap[child]->due >= t->due)
			break;
		place(e, i, e->heap[child]);
		i = child;
	}
	place(e, i, t);
}

void
ra_schedule_remove(struct ra_engine *e, struct ra_track *t)
{
	size_t i = t->heap;
	struct ra_track *last;

	if (i == RA_NOT_QUEUED)
		return;
	t->heap = RA_NOT_QUEUED;
	last = e->heap[--e->heap_count];
	if (last == t)
		return;
	if (i > 0 && e->heap[(i - 1) / 2]->due > last->due)
		sift_up(e, i, last);
	else
		sift_down(e, i, last);
}

/* Wakes for the slot in which the first is due, and each second while something is in flight. */
static void
set_timer(struct ra_engine *e)
{
	int64_t at = INT64_MAX, sweep_at = e->swept + RA_SECOND;

	if (!e->running)
		return;
	if (e->heap_count > 0)
		at = (e->heap[0]->due + RA_SLOT - 1) / RA_SLOT * RA_SLOT;
	if (e->probes != NULL && sweep_at < at)
		at = (sweep_at + RA_SLOT - 1) / RA_SLOT * RA_SLOT;
	if (at == INT64_MAX || (e->slot_at != 0 && e->slot_at <= at))
		return;
	e->slot_at = at;
	ra_timer_start(e->slot_timer, at - ra_loop_now(e->io.loop), 0);
}

static void
queue_at(struct ra_engine *e, struct ra_track *t, int64_t due)
{
	ra_schedule_remove(e, t);
	t->due = due;
	sift_up(e, e->heap_count++, t);
	set_timer(e);
}

/* --- due times --- */

static int64_t
interval(const struct ra_track *t)
{
	const struct ra_check *c = t->check;

	return t->state.hard || t->latest == NULL || c->retry > c->every ? c->every : c->retry;
}

/*
 * The first moment after `after` (monotonic) at the check's own phase in the wall clock's period.
 */
static int64_t
next_phase(const struct ra_engine *e, const struct ra_check *c, int64_t after)
{
	int64_t phase = (int64_t)(ra_hash_stable(c->id, strlen(c->id)) % (uint64_t)c->every);
	int64_t wall = after + e->mono_to_wall - phase;
	int64_t rest = wall % c->every;

	if (rest < 0)
		rest += c->every;
	return after + c->every - rest;
}

/* Within min(every, RA_SPREAD) of now; the phase spreads the checks over that. */
static int64_t
soon(const struct ra_engine *e, const struct ra_check *c)
{
	int64_t now = ra_loop_now(e->io.loop), spread = c->every < RA_SPREAD ? c->every : RA_SPREAD;
	int64_t due = next_phase(e, c, now);

	return due - now > spread ? now + (due - now) % spread : due;
}

void
ra_schedule_first(struct ra_engine *e, struct ra_track *t)
{
	const struct ra_check *c = t->check;
	int64_t now = ra_loop_now(e->io.loop), due, last;

	/* A configuration is not kept, and others may be waiting to be held against it. */
	if (t->latest != NULL && t->snapshots == NULL) {
		last = t->latest->checked - e->mono_to_wall;
		due = t->state.hard ? next_phase(e, c, last) : last + interval(t);
		if (last <= now && due > now && now - last <= ra_stale_after(c)) {
			queue_at(e, t, due);
			return;
		}
	}
	queue_at(e, t, soon(e, c));
}

void
ra_schedule_soon(struct ra_engine *e, struct ra_track *t)
{
	int64_t due = soon(e, t->check);

	if (t->heap != RA_NOT_QUEUED && t->due > due)
		queue_at(e, t, due);
}

void
ra_schedule_next(struct ra_engine *e, struct ra_track *t)
{
	int64_t now = ra_loop_now(e->io.loop);

	if (t->again) {
		t->again = false;
		ra_schedule_now(e, t);
		return;
	}
	if (t->state.hard || t->check->retry >= t->check->every)
		queue_at(e, t, next_phase(e, t->check, now));
	else
		queue_at(e, t, now + interval(t));
}

/* An asked-for run; the phase is stable, so the schedule after it is as it was. */
void
ra_schedule_now(struct ra_engine *e, struct ra_track *t)
{
	queue_at(e, t, ra_loop_now(e->io.loop));
	e->slot_at = t->due;
	ra_timer_start(e->slot_timer, 0, 0);
}

void
ra_schedule_again(struct ra_engine *e, struct ra_track *t)
{
	if (t->due != 0)
		queue_at(e, t, t->due);
	else
		ra_schedule_first(e, t);
}

int64_t
ra_schedule_offset(const struct ra_engine *e)
{
	int64_t offset = ra_clock_wall() - ra_clock_mono(), off = offset - e->mono_to_wall;

	/* The two clocks are not read at once, so it would be another millisecond each time. */
	return off > RA_SECOND || off < -RA_SECOND ? offset : e->mono_to_wall;
}

int64_t
ra_schedule_next_wall(const struct ra_track *t, int64_t offset)
{
	return t->heap == RA_NOT_QUEUED ? 0 : t->due + offset;
}

/* --- slots --- */

static void
count_lateness(struct ra_engine *e, int64_t late)
{
	static const int64_t limits[] = { 10, 25, 50, 100, 150, 250, 500, 1000, 2500, 5000, 10000 };
	size_t i = 0;

	if (late < 0)
		late = 0;
	while (i < RA_ARRAY_SIZE(limits) && late > limits[i])
		i++;
	e->stats.late_buckets[i]++;
	e->stats.late_ms_sum += (uint64_t)late;
	if ((uint64_t)late > e->stats.late_ms_max)
		e->stats.late_ms_max = (uint64_t)late;
}

/* The second line behind the sources' own deadlines; once a second, O(in flight). */
static void
sweep(struct ra_engine *e, int64_t now)
{
	struct ra_probe *p, *next;

	if (now - e->swept < RA_SECOND)
		return;
	e->swept = now;
	for (p = e->probes; p != NULL; p = next) {
		next = p->next;
		if (p->limit < now)
			ra_probe_expire(p);
	}
}

static void
on_slot(void *arg)
{
	struct ra_engine *e = arg;
	int64_t now = ra_loop_now(e->io.loop);
	unsigned started = 0;

	e->slot_at = 0;
	while (e->heap_count > 0 && e->heap[0]->due <= now && started < STARTS_A_TURN) {
		struct ra_track *t = e->heap[0];

		ra_schedule_remove(e, t);
		if (t->check->peer_count > 0 && ra_peers_wait(e, t->check)) {
			queue_at(e, t, now + PEER_WAIT);
			continue;
		}
		count_lateness(e, now - t->due);
		started++;
		if (ra_probe_start(e, t) < 0)
			queue_at(e, t, now + RA_SECOND);
	}
	ra_schedule_pump(e);
	sweep(e, now);
	if (started == STARTS_A_TURN) {
		e->slot_at = now;
		ra_timer_start(e->slot_timer, 1, 0);
	} else {
		set_timer(e);
	}
}

/* --- places --- */

static void
append(struct ra_part **first, struct ra_part **last, struct ra_part *part)
{
	part->queue_first = first;
	part->queue_last = last;
	part->next = NULL;
	part->prev = *last;
	if (*last != NULL)
		(*last)->next = part;
	else
		*first = part;
	*last = part;
	part->stage = RA_PART_WAITING;
}

static void
unqueue(struct ra_part *part)
{
	if (part->queue_first == NULL)
		return;
	if (part->prev != NULL)
		part->prev->next = part->next;
	else
		*part->queue_first = part->next;
	if (part->next != NULL)
		part->next->prev = part->prev;
	else
		*part->queue_last = part->prev;
	part->queue_first = part->queue_last = NULL;
	part->next = part->prev = NULL;
}

static struct ra_host *
host_of(struct ra_engine *e, struct ra_part *part)
{
	const struct ra_source *source = ra_check_source(part->probe->check);
	const char *name = source->host != NULL ? source->host(part->fetch.options) : NULL;
	struct ra_host *host;

	if (name == NULL)
		return NULL;
	host = ra_map_get(&e->hosts, name);
	if (host != NULL)
		return host;
	host = calloc(1, sizeof(*host));
	if (host == NULL)
		return NULL; /* uncapped rather than not probed */
	host->name = strdup(name);
	if (host->name == NULL || ra_map_put(&e->hosts, host->name, host, NULL) < 0) {
		free(host->name);
		free(host);
		return NULL;
	}
	return host;
}

static size_t
cap_all(const struct ra_engine *e)
{
	return (size_t)e->config->daemon.in_flight;
}

static size_t
cap_slow(const struct ra_engine *e)
{
	return (cap_all(e) + 1) / 2;
}

/* Starts the part, or puts it where it has to wait. */
static void
admit(struct ra_engine *e, struct ra_part *part)
{
	struct ra_host *host = part->host;

	if (host != NULL && host->in_flight >= (uint32_t)e->config->daemon.per_host) {
		append(&host->first, &host->last, part);
		return;
	}
	if (host != NULL && host->slow && e->slow_in_flight >= cap_slow(e)) {
		append(&e->waiting_slow.first, &e->waiting_slow.last, part);
		return;
	}
	if (e->in_flight >= cap_all(e)) {
		struct ra_queue *q = host != NULL && host->slow ? &e->waiting_slow : &e->waiting;

		append(&q->first, &q->last, part);
		return;
	}
	e->in_flight++;
	if (host != NULL) {
		host->in_flight++;
		part->slow = host->slow;
		e->slow_in_flight += part->slow;
	}
	part->stage = RA_PART_FETCHING;
	ra_probe_fetch(part);
}

void
ra_schedule_enter(struct ra_engine *e, struct ra_part *part)
{
	part->host = host_of(e, part);
	admit(e, part);
}

/* From the host's line to the end of the line of all, if the host has a place. */
static void
move_up(struct ra_engine *e, struct ra_host *host)
{
	struct ra_queue *q = host->slow ? &e->waiting_slow : &e->waiting;
	struct ra_part *next = host->first;

	if (next == NULL || host->in_flight >= (uint32_t)e->config->daemon.per_host)
		return;
	unqueue(next);
	append(&q->first, &q->last, next);
}

/* Gives up the part's place or its wait. timed_out only where it was fetched. */
void
ra_schedule_leave(struct ra_engine *e, struct ra_part *part, bool timed_out)
{
	struct ra_host *host = part->host;

	if (part->stage == RA_PART_WAITING || part->stage == RA_PART_NEW) {
		/* Who had been moved up leaves that to the next: nobody else would come for him. */
		bool up = part->queue_first == &e->waiting.first ||
			  part->queue_first == &e->waiting_slow.first;

		unqueue(part);
		if (up && host != NULL)
			move_up(e, host);
		return;
	}
	e->in_flight--;
	if (host == NULL)
		return;
	host->in_flight--;
	e->slow_in_flight -= part->slow;
	part->slow = false;
	host->slow = timed_out;
	move_up(e, host);
}

void
ra_schedule_pump(struct ra_engine *e)
{
	struct ra_part *part;

	if (e->pumping)
		return;
	e->pumping = true;
	while (e->in_flight < cap_all(e)) {
		if ((part = e->waiting.first) == NULL &&
		    (e->slow_in_flight >= cap_slow(e) || (part = e->waiting_slow.first) == NULL))
			break;
		unqueue(part);
		admit(e, part);
	}
	e->pumping = false;
}
