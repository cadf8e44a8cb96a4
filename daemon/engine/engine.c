/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's life: start, swap of configurations, stop; and asking for a probe now. */
#include "relaudit/engine/engine.h"

#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define RUNS_A_SECOND 10

static void
on_keep(void *arg)
{
	ra_keep_flush(arg, false);
}

int
ra_engine_new(struct ra_io *io, struct ra_store *store, struct ra_syslog *syslog,
    struct ra_engine **ret, struct ra_error *err)
{
	struct ra_engine *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	e->io = *io;
	e->store = store;
	e->syslog = syslog;
	e->started = ra_clock_wall();
	e->mono_to_wall = e->started - ra_clock_mono();
	if (ra_schedule_init(e) < 0 || ra_lines_init(e) < 0 ||
	    ra_timer_new(io->loop, on_keep, e, &e->keep_timer) < 0 ||
	    ra_timer_new(io->loop, ra_past_turn, e, &e->past.timer) < 0) {
		ra_engine_free(e);
		return ra_error_set(err, -ENOMEM, "out of memory");
	}
	*ret = e;
	return 0;
}

void
ra_engine_use_mirror(struct ra_engine *e, struct ra_mirror *mirror)
{
	e->mirror = mirror;
}

/* --- start --- */

int
ra_engine_start(struct ra_engine *e, struct ra_config *config, struct ra_error *err)
{
	size_t i;
	int r;

	if (ra_tracks_new(config, &e->tracks) < 0)
		return ra_error_set(err, -ENOMEM, "out of memory");
	e->track_count = config->check_count;
	e->config = ra_config_ref(config);
	if (ra_schedule_reserve(config->check_count, &e->heap) < 0 ||
	    ra_git_open(e, config, &e->repositories) < 0)
		return ra_error_set(err, -ENOMEM, "out of memory");
	r = ra_secret_key_load(e, err);
	if (r == 0)
		r = ra_keep_load(e, err);
	if (r < 0)
		return r;
	e->running = true;
	for (i = 0; i < e->track_count; i++) {
		e->pending += e->tracks[i].latest == NULL;
		ra_schedule_first(e, &e->tracks[i]);
	}
	e->seen_written = e->pruned = ra_clock_mono();
	e->pruned_stamp = ra_stamp_now();
	ra_timer_start(e->keep_timer, RA_SECOND, 0);
	ra_announce_gone(e);
	ra_lines_resend(e);
	if (e->mirror != NULL)
		ra_mirror_sweep(e->mirror);
	return 0;
}

void
ra_engine_catch_up(struct ra_engine *e)
{
	struct ra_view v;
	size_t i;

	for (i = 0; i < e->track_count; i++) {
		ra_engine_view(e, e->tracks[i].check, &v);
		if (v.reason == RA_R_STALE)
			ra_schedule_soon(e, &e->tracks[i]);
	}
}

/* --- swap --- */

/* Probes that wait for a repository which goes: they begin anew. */
static void
cancel_others(struct ra_engine *e, const struct ra_repositories *stay)
{
	size_t i;

	for (i = 0; i < e->track_count; i++) {
		struct ra_probe *p = e->tracks[i].probe;

		if (p != NULL && ra_git_asks_other(p, stay))
			ra_probe_cancel(p);
	}
	ra_baselines_end(e, stay);
}

static void
take_repositories(struct ra_engine *e, const struct ra_repositories *r)
{
	ra_git_close(&e->repositories);
	e->repositories = *r;
	if (e->mirror != NULL)
		ra_mirror_sweep(e->mirror);
}

int
ra_engine_swap(struct ra_engine *e, struct ra_config *config, struct ra_error *err)
{
	struct ra_repositories repositories;
	struct ra_track **heap, *tracks;
	size_t i;

	if (ra_tracks_new(config, &tracks) < 0)
		return ra_error_set(err, -ENOMEM, "out of memory; the old configuration stays");
	if (ra_schedule_reserve(config->check_count, &heap) < 0) {
		ra_tracks_free(tracks, config->check_count);
		return ra_error_set(err, -ENOMEM, "out of memory; the old configuration stays");
	}
	if (ra_git_open(e, config, &repositories) < 0) {
		free(heap);
		ra_tracks_free(tracks, config->check_count);
		return ra_error_set(err, -ENOMEM, "out of memory; the old configuration stays");
	}
	cancel_others(e, &repositories);
	ra_view_changed(e);
	free(e->heap);
	e->heap = heap;
	e->heap_count = 0;
	e->seen_next = 0;
	ra_tracks_take_over(e, config, tracks);
	ra_gone_return(e);
	for (i = e->pending = 0; i < e->track_count; i++) {
		e->pending += tracks[i].latest == NULL;
		if (tracks[i].probe == NULL)
			ra_schedule_again(e, &tracks[i]);
	}
	take_repositories(e, &repositories);
	ra_schedule_pump(e);
	ra_past_turn(e);
	return 0;
}

/* --- stop --- */

void
ra_engine_stop(struct ra_engine *e)
{
	size_t i;

	e->running = false;
	ra_past_end(e);
	ra_timer_stop(e->slot_timer);
	ra_timer_stop(e->keep_timer);
	ra_lines_end(e);
	for (i = 0; i < e->track_count; i++) {
		if (e->tracks[i].probe != NULL)
			ra_probe_cancel(e->tracks[i].probe);
		ra_runs_end(&e->tracks[i], -ECANCELED);
	}
	ra_baselines_end(e, NULL);
	ra_git_close(&e->repositories);
	e->mirror = NULL;
	ra_keep_flush(e, true);
}

void
ra_engine_free(struct ra_engine *e)
{
	if (e == NULL)
		return;
	while (e->probes != NULL) /* what workers still read */
		ra_loop_turn(e->io.loop);
	ra_view_changed(e);
	ra_lines_end(e);
	ra_git_close(&e->repositories);
	ra_past_free(e);
	ra_tracks_free(e->tracks, e->track_count);
	ra_schedule_free(e);
	ra_lines_free(e);
	ra_timer_free(e->keep_timer);
	ra_config_unref(e->config);
	explicit_bzero(e->secret_key, sizeof(e->secret_key));
	free(e);
}

/* --- asking --- */

const struct ra_config *
ra_engine_config(const struct ra_engine *e)
{
	return e->config;
}

int64_t
ra_engine_started(const struct ra_engine *e)
{
	return e->started;
}

size_t
ra_engine_pending(const struct ra_engine *e)
{
	return e->pending;
}

struct ra_store *
ra_engine_store(const struct ra_engine *e)
{
	return e->store;
}

struct ra_syslog *
ra_engine_syslog(const struct ra_engine *e)
{
	return e->syslog;
}

const struct ra_io *
ra_engine_io(const struct ra_engine *e)
{
	return &e->io;
}

void
ra_engine_stats(const struct ra_engine *e, struct ra_engine_stats *ret)
{
	*ret = e->stats;
	ret->in_flight = e->in_flight;
	ret->slow_in_flight = e->slow_in_flight;
}

static bool
asked_too_often(struct ra_track *t, int64_t now)
{
	if (now - t->asked >= RA_SECOND) {
		t->asked = now;
		t->asked_count = 0;
	}
	return t->asked_count++ >= RUNS_A_SECOND;
}

int
ra_engine_run(struct ra_engine *e, const struct ra_check *check, void (*done)(void *arg, int error),
    void *arg, struct ra_run **ret)
{
	struct ra_track *t = &e->tracks[check->index];
	struct ra_run *run;

	if (asked_too_often(t, ra_loop_now(e->io.loop)))
		return -EBUSY;
	run = calloc(1, sizeof(*run));
	if (run == NULL)
		return -ENOMEM;
	if (t->probe == NULL)
		ra_schedule_now(e, t);
	run->done = done;
	run->arg = arg;
	run->next = t->runs;
	t->runs = run;
	*ret = run;
	return 0;
}

/* The probe goes on; its end finds nobody to call. */
void
ra_engine_run_cancel(struct ra_run *run)
{
	run->done = NULL;
}

/* --- listeners and events --- */

void
ra_engine_listen(struct ra_engine *e, struct ra_listener *l)
{
	l->next = e->listeners;
	e->listeners = l;
}

void
ra_engine_unlisten(struct ra_engine *e, struct ra_listener *l)
{
	struct ra_listener **at;

	for (at = &e->listeners; *at != NULL; at = &(*at)->next) {
		if (*at == l) {
			*at = l->next;
			return;
		}
	}
}

void
ra_engine_emit(
    struct ra_engine *e, int64_t at, const char *what, const char *check, const char *body)
{
	struct ra_history_event event = { .at = at, .what = what, .check = check, .body = body };
	struct ra_listener *l, *next;

	if (body == NULL)
		return;
	if (e->store != NULL)
		ra_store_event(e->store, &event);
	for (l = e->listeners; l != NULL; l = next) {
		next = l->next;
		if (l->event != NULL)
			l->event(l, &event);
	}
}

int64_t
ra_engine_last_checked(const struct ra_engine *e)
{
	return e->last_checked;
}

void
ra_engine_event(struct ra_engine *e, const char *what, const char *body)
{
	ra_engine_emit(e, ra_clock_wall(), what, "", body);
}
