/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each check, and how it comes from one configuration to the next: at once what
 * goes on, bit by bit what is let go, as ten thousand farewells would hold up the loop.
 */
#include <limits.h>
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define UNITS_A_TURN 2048 /* of work on what is let go */
#define UNITS_A_DROP 16 /* with lines and records, against one that is only freed */

static bool
wants_history(const struct ra_check *c)
{
	struct ra_need needs[RA_NEEDS_MAX] = { 0 };
	size_t n = ra_check_kind(c)->needs(c->kind_options, c->expect, needs), i;

	for (i = 0; i < n; i++)
		if (needs[i].what == RA_NEED_HISTORY)
			return true;
	return false;
}

static int
track_init(struct ra_track *t, const struct ra_check *c)
{
	memset(t, 0, sizeof(*t));
	t->check = c;
	t->heap = RA_NOT_QUEUED;
	ra_state_init(&t->state);
	if (ra_check_kind(c)->takes & RA_SHAPE_KEYS) {
		t->snapshots = calloc(c->instance_count, sizeof(struct ra_snapshot *));
		t->known = calloc(c->instance_count, sizeof(*t->known));
		if (t->snapshots == NULL || t->known == NULL) {
			free(RA_TAKE(t->snapshots));
			free(RA_TAKE(t->known));
			return -ENOMEM;
		}
	}
	if (!wants_history(c))
		return 0;
	t->history = calloc(c->instance_count, sizeof(*t->history));
	t->seen = calloc(c->instance_count, sizeof(*t->seen));
	if (t->history == NULL || t->seen == NULL) {
		free(RA_TAKE(t->history));
		free(RA_TAKE(t->seen));
		free(RA_TAKE(t->snapshots));
		free(RA_TAKE(t->known));
		return -ENOMEM;
	}
	t->history_count = (uint16_t)c->instance_count;
	return 0;
}

void
ra_runs_end(struct ra_track *t, int error)
{
	struct ra_run *run;

	while ((run = t->runs) != NULL) {
		t->runs = run->next;
		if (run->done != NULL)
			run->done(run->arg, error);
		free(run);
	}
}

static void
track_clear(struct ra_track *t)
{
	size_t i;

	ra_runs_end(t, -ECANCELED);
	ra_lines_drop(&t->lines);
	ra_result_unref(RA_TAKE(t->latest));
	for (i = 0; i < t->history_count; i++)
		ra_facts_free(&t->history[i]);
	free(RA_TAKE(t->history));
	free(RA_TAKE(t->seen));
	for (i = 0; t->snapshots != NULL && i < t->check->instance_count; i++)
		ra_snapshot_unref(t->snapshots[i]);
	free(RA_TAKE(t->snapshots));
	ra_committed_unref(RA_TAKE(t->committed));
	ra_known_clear(RA_TAKE(t->known), t->check->instance_count);
}

void
ra_tracks_free(struct ra_track *tracks, size_t count)
{
	size_t i;

	for (i = 0; tracks != NULL && i < count; i++)
		track_clear(&tracks[i]);
	free(tracks);
}

int
ra_tracks_new(const struct ra_config *config, struct ra_track **ret)
{
	struct ra_track *tracks = calloc(config->check_count + 1, sizeof(*tracks));
	int64_t now = ra_clock_mono();
	size_t i;

	if (tracks == NULL)
		return -ENOMEM;
	for (i = 0; i < config->check_count; i++) {
		if (track_init(&tracks[i], config->checks[i]) < 0) {
			ra_tracks_free(tracks, i);
			return -ENOMEM;
		}
		tracks[i].heard = now;
	}
	*ret = tracks;
	return 0;
}

/*
 * Moves what is known of a check to its new definition. A changed definition keeps the problem that
 * was announced, so that its end is announced too, but no result: that was judged by other words,
 * unless it is only run at other times.
 */
static void
track_move(struct ra_engine *e, struct ra_track *from, struct ra_track *to)
{
	const struct ra_check *c = to->check;
	bool same = memcmp(from->check->fingerprint, c->fingerprint, sizeof(c->fingerprint)) == 0;
	bool judged = same || memcmp(from->check->judged, c->judged, sizeof(c->judged)) == 0;
	struct ra_facts *empty = to->history;
	int64_t *unseen = to->seen;
	struct ra_snapshot **none = to->snapshots;
	struct ra_known *unknown = to->known;
	int64_t now = to->heard;

	if (!same && from->probe != NULL)
		ra_probe_cancel(from->probe);
	if (judged) {
		*to = *from;
		to->check = c;
		from->history = empty;
		from->seen = unseen;
		from->snapshots = none;
		from->committed = NULL;
		from->known = unknown;
		if (to->probe != NULL)
			to->probe->track = to;
		if (!same) {
			to->due = 0;
			to->heard = now; /* by the new times it may be old already */
			to->overdue = false;
			ra_runs_end(to, -ECANCELED);
		}
	} else {
		to->state = from->state;
		to->state.latest = RA_PENDING;
		to->lines = from->lines;
		to->runs = from->runs;
		ra_runs_end(to, -ECANCELED);
		ra_known_move(e, from, to);
		ra_versions_move(from, to);
	}
	to->heap = RA_NOT_QUEUED;
	from->probe = NULL;
	from->runs = NULL;
	from->lines = (struct ra_lines){ 0 };
	if (judged) {
		from->latest = NULL;
		from->history_count = 0;
		free(RA_TAKE(from->history));
		free(RA_TAKE(from->seen));
	}
}

/* --- what is let go --- */

/* Returns whether something is left. */
static bool
let_go(struct ra_engine *e, unsigned units)
{
	struct ra_past *past = &e->past;

	while (past->next < past->count && units > 0) {
		struct ra_track *t = &past->tracks[past->next++];
		unsigned cost = t->leaves ? UNITS_A_DROP : 1;

		if (t->leaves)
			ra_announce_removed(e, t);
		track_clear(t);
		units -= cost < units ? cost : units;
	}
	if (past->next < past->count)
		return true;
	free(RA_TAKE(past->tracks));
	ra_config_unref(RA_TAKE(past->config));
	past->count = past->next = 0;
	return false;
}

void
ra_past_turn(void *arg)
{
	struct ra_engine *e = arg;

	if (let_go(e, UNITS_A_TURN))
		ra_timer_start(e->past.timer, 1, 0);
}

void
ra_past_end(struct ra_engine *e)
{
	while (let_go(e, UINT_MAX))
		;
	if (e->past.timer != NULL)
		ra_timer_stop(e->past.timer);
}

void
ra_past_free(struct ra_engine *e)
{
	/* Their records are removed by the next start. */
	for (size_t i = e->past.next; i < e->past.count; i++)
		e->past.tracks[i].leaves = false;
	ra_past_end(e);
	ra_timer_free(RA_TAKE(e->past.timer));
}

void
ra_tracks_take_over(struct ra_engine *e, struct ra_config *config, struct ra_track *tracks)
{
	struct ra_track *old = e->tracks;
	size_t old_count = e->track_count, i;

	/* What left may come back: then it begins anew, and nothing of it is removed later. */
	ra_past_end(e);
	e->past.tracks = old;
	e->past.count = old_count;
	e->past.config = e->config;
	e->config = ra_config_ref(config);
	e->tracks = tracks;
	e->track_count = config->check_count;
	for (i = 0; i < old_count; i++) {
		const struct ra_check *c = ra_map_get(&config->checks_by_id, old[i].check->id);

		old[i].heap = RA_NOT_QUEUED;
		old[i].leaves = c == NULL;
		if (c != NULL) {
			track_move(e, &old[i], &tracks[c->index]);
			continue;
		}
		if (old[i].probe != NULL)
			ra_probe_cancel(old[i].probe);
		ra_runs_end(&old[i], -ECANCELED);
	}
}
