/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop and its handles; with http, dns, helper and syslog the only user of libuv. All
 * calls are for the loop's thread unless said otherwise. An object's memory goes in libuv's last
 * close callback; ra_x_free() may be called at any time, from its own callback too, and no callback
 * comes after it.
 */
#ifndef RELAUDIT_IO_LOOP_H
#define RELAUDIT_IO_LOOP_H

#include "relaudit/base/error.h"

struct ra_loop;
struct ra_timer;
struct ra_watch;
struct ra_wake;
struct ra_work;

int ra_loop_new(struct ra_loop **ret, struct ra_error *err);
/* Runs until ra_loop_stop. */
void ra_loop_run(struct ra_loop *l);
void ra_loop_stop(struct ra_loop *l);
/* One turn, waiting for something to happen; for stopping in order. */
void ra_loop_turn(struct ra_loop *l);
/*
 * Everything else must have been freed; runs out the close callbacks and asserts that nothing is
 * left.
 */
void ra_loop_free(struct ra_loop *l);
/* Monotonic ms, as of this turn of the loop. */
int64_t ra_loop_now(const struct ra_loop *l);
/* The uv_loop_t, for io/ only. */
void *ra_loop_uv(struct ra_loop *l);

/*
 * How long each turn of the loop kept it from polling: bucket i counts turns of at most
 * ra_loop_stall_limit(i) microseconds.
 */
#define RA_LOOP_BUCKETS	12
struct ra_loop_stats {
	uint64_t turns;
	uint64_t buckets[RA_LOOP_BUCKETS];	/* not cumulative; the last is everything longer */
	uint64_t busy_us;
	uint64_t worst_us;
};
void ra_loop_stats(const struct ra_loop *l, struct ra_loop_stats *ret);
uint64_t ra_loop_stall_limit(size_t bucket);	/* UINT64_MAX for the last */

/* A timer; starting it again moves it. after and repeat in ms; repeat 0: once. */
int ra_timer_new(struct ra_loop *l, void (*fn)(void *arg), void *arg, struct ra_timer **ret);
void ra_timer_start(struct ra_timer *t, int64_t after, int64_t repeat);
void ra_timer_stop(struct ra_timer *t);
void ra_timer_free(struct ra_timer *t);

/* A descriptor (owned by the caller, closed by it after free). events: POLLIN | POLLOUT. */
int ra_watch_new(struct ra_loop *l, int fd, void (*fn)(void *arg, int events), void *arg,
    struct ra_watch **ret);
int ra_watch_set(struct ra_watch *w, int events);	/* 0 stops */
void ra_watch_free(struct ra_watch *w);

/* ra_wake_send may be called from any thread and a signal handler; several may become one call. */
int ra_wake_new(struct ra_loop *l, void (*fn)(void *arg), void *arg, struct ra_wake **ret);
void ra_wake_send(struct ra_wake *w);
void ra_wake_free(struct ra_wake *w);

/*
 * Computation on libuv's pool: run(arg) there, then done(arg) on the loop. A work under way cannot
 * be taken back: arg must live until done. Never for file or network access that can hang.
 */
int ra_work_start(struct ra_loop *l, void (*run)(void *arg), void (*done)(void *arg), void *arg);

#endif
