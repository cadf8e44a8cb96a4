/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/io/loop.h"

#include <assert.h>
#include <poll.h>
#include <uv.h>

#include "relaudit/base/clock.h"

struct ra_loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uint64_t turn_started; /* ns */
	uint64_t turn_idle; /* ns spent polling until then */
	struct ra_loop_stats stats;
};

static const uint64_t stall_limits[RA_LOOP_BUCKETS] = { 100, 250, 500, 1000, 2500, 5000, 10000,
	25000, 50000, 100000, 1000000, UINT64_MAX };

uint64_t
ra_loop_stall_limit(size_t bucket)
{
	return bucket < RA_LOOP_BUCKETS ? stall_limits[bucket] : UINT64_MAX;
}

/* Once a turn, just before polling: all of the turn that was not spent polling was busy. */
static void
on_prepare(uv_prepare_t *p)
{
	struct ra_loop *l = p->data;
	uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(&l->uv);
	uint64_t whole = now - l->turn_started, polled = idle - l->turn_idle;
	uint64_t busy = (whole > polled ? whole - polled : 0) / 1000;
	size_t i = 0;

	l->turn_started = now;
	l->turn_idle = idle;
	while (busy > stall_limits[i])
		i++;
	l->stats.buckets[i]++;
	l->stats.turns++;
	l->stats.busy_us += busy;
	if (busy > l->stats.worst_us)
		l->stats.worst_us = busy;
}

int
ra_loop_new(struct ra_loop **ret, struct ra_error *err)
{
	RA_FREE struct ra_loop *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	r = uv_loop_init(&l->uv);
	if (r < 0)
		return ra_error_set(err, r, "cannot make an event loop: %s", uv_strerror(r));
	(void)uv_loop_configure(&l->uv, UV_METRICS_IDLE_TIME);
	uv_prepare_init(&l->uv, &l->prepare);
	l->prepare.data = l;
	*ret = RA_TAKE(l);
	return 0;
}

void
ra_loop_run(struct ra_loop *l)
{
	l->turn_started = uv_hrtime();
	l->turn_idle = uv_metrics_idle_time(&l->uv);
	uv_prepare_start(&l->prepare, on_prepare);
	uv_unref((uv_handle_t *)&l->prepare);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	uv_prepare_stop(&l->prepare);
}

void
ra_loop_stop(struct ra_loop *l)
{
	uv_stop(&l->uv);
}

void
ra_loop_turn(struct ra_loop *l)
{
	uv_run(&l->uv, UV_RUN_ONCE);
}

void
ra_loop_free(struct ra_loop *l)
{
	int r;

	if (l == NULL)
		return;
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	r = uv_loop_close(&l->uv);
	assert(r == 0);
	(void)r;
	free(l);
}

int64_t
ra_loop_now(const struct ra_loop *l)
{
	return (int64_t)uv_now(&l->uv);
}

void *
ra_loop_uv(struct ra_loop *l)
{
	return &l->uv;
}

void
ra_loop_stats(const struct ra_loop *l, struct ra_loop_stats *ret)
{
	*ret = l->stats;
}

/*
 * Timers, watches, wakes and signals are alike: a libuv handle, a function, and memory that goes
 * in the close callback.
 */
struct ra_timer {
	uv_timer_t uv;
	void (*fn)(void *arg);
	void *arg;
};

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
on_timer(uv_timer_t *h)
{
	struct ra_timer *t = h->data;

	t->fn(t->arg);
}

int
ra_timer_new(struct ra_loop *l, void (*fn)(void *arg), void *arg, struct ra_timer **ret)
{
	struct ra_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->fn = fn;
	t->arg = arg;
	t->uv.data = t;
	uv_timer_init(&l->uv, &t->uv);
	*ret = t;
	return 0;
}

void
ra_timer_start(struct ra_timer *t, int64_t after, int64_t repeat)
{
	uv_timer_start(&t->uv, on_timer, after > 0 ? (uint64_t)after : 0, (uint64_t)repeat);
}

void
ra_timer_stop(struct ra_timer *t)
{
	uv_timer_stop(&t->uv);
}

void
ra_timer_free(struct ra_timer *t)
{
	if (t != NULL)
		uv_close((uv_handle_t *)&t->uv, on_closed);
}

struct ra_watch {
	uv_poll_t uv;
	void (*fn)(void *arg, int events);
	void *arg;
};

static void
on_watch(uv_poll_t *h, int status, int events)
{
	struct ra_watch *w = h->data;
	int e = 0;

	/* A descriptor in error is both: whoever reads or writes it learns the cause. */
	if (status < 0)
		e = POLLIN | POLLOUT;
	if (events & UV_READABLE)
		e |= POLLIN;
	if (events & UV_WRITABLE)
		e |= POLLOUT;
	w->fn(w->arg, e);
}

int
ra_watch_new(
    struct ra_loop *l, int fd, void (*fn)(void *arg, int events), void *arg, struct ra_watch **ret)
{
	struct ra_watch *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return -ENOMEM;
	w->fn = fn;
	w->arg = arg;
	w->uv.data = w;
	r = uv_poll_init(&l->uv, &w->uv, fd);
	if (r < 0) {
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

int
ra_watch_set(struct ra_watch *w, int events)
{
	int e = 0;

	if (events & POLLIN)
		e |= UV_READABLE;
	if (events & POLLOUT)
		e |= UV_WRITABLE;
	return e == 0 ? uv_poll_stop(&w->uv) : uv_poll_start(&w->uv, e, on_watch);
}

void
ra_watch_free(struct ra_watch *w)
{
	if (w != NULL)
		uv_close((uv_handle_t *)&w->uv, on_closed);
}

struct ra_wake {
	uv_async_t uv;
	void (*fn)(void *arg);
	void *arg;
};

static void
on_wake(uv_async_t *h)
{
	struct ra_wake *w = h->data;

	w->fn(w->arg);
}

int
ra_wake_new(struct ra_loop *l, void (*fn)(void *arg), void *arg, struct ra_wake **ret)
{
	struct ra_wake *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return -ENOMEM;
	w->fn = fn;
	w->arg = arg;
	w->uv.data = w;
	r = uv_async_init(&l->uv, &w->uv, on_wake);
	if (r < 0) {
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void
ra_wake_send(struct ra_wake *w)
{
	uv_async_send(&w->uv);
}

void
ra_wake_free(struct ra_wake *w)
{
	if (w != NULL)
		uv_close((uv_handle_t *)&w->uv, on_closed);
}

struct ra_work {
	uv_work_t uv;
	void (*run)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void
work_run(uv_work_t *h)
{
	struct ra_work *w = h->data;

	w->run(w->arg);
}

static void
work_done(uv_work_t *h, int status)
{
	struct ra_work *w = h->data;

	w->done(w->arg);
	free(w);
}

int
ra_work_start(struct ra_loop *l, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
	struct ra_work *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return -ENOMEM;
	w->run = run;
	w->done = done;
	w->arg = arg;
	w->uv.data = w;
	r = uv_queue_work(&l->uv, &w->uv, work_run, work_done);
	if (r < 0)
		free(w);
	return r;
}
