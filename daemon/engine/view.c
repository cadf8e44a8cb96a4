/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown: a check as of now, and generations of all of them. */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

struct seen {
	struct ra_state state;
	struct ra_result *latest;
	int64_t next;
};

struct ra_generation {
	unsigned refs;
	struct ra_config *config;
	int64_t at;
	struct seen seen[];
};

static bool
is_stale(const struct ra_check *c, const struct ra_result *r)
{
	struct ra_stamp stamp = { .wall = r->checked,
		.boot = r->checked_boot != 0 ? r->checked_boot : ra_clock_boot() };

	return ra_stamp_age(stamp) > 2 * c->every + c->timeout;
}

static void
fill_latest(const struct ra_check *c, const struct ra_result *r, struct ra_view *v)
{
	v->verdict = r->verdict;
	v->reason = r->reason;
	v->summary = r->summary;
	v->expected = r->expected;
	v->evidence = r->evidence;
	v->next_step = ra_result_next_step(r);
	v->checked = r->checked;
	v->duration_ms = r->duration_ms;
	v->facts = &r->facts;
	v->instances = r->instances;
	v->instance_count = r->instance_count;
	if (is_stale(c, r)) {
		v->state = v->verdict = RA_UNKNOWN;
		v->reason = RA_R_STALE;
		v->summary = ra_reason_meaning(RA_R_STALE);
		v->next_step = ra_reason_next(RA_R_STALE);
	}
}

void
ra_view_fill(const struct ra_check *c, const struct ra_state *state, const struct ra_result *latest,
    int64_t next, struct ra_view *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->check = c;
	ret->kind = ra_check_kind(c)->type.name;
	ret->source = ra_check_source(c)->type.name;
	ret->duration_ms = -1;
	ret->next = next;
	if (latest == NULL) {
		ret->state = ret->verdict = RA_PENDING;
		ret->reason = RA_R_PENDING;
		ret->summary = ra_reason_meaning(RA_R_PENDING);
		ret->next_step = ra_reason_next(RA_R_PENDING);
		return;
	}
	ret->state = state->state;
	ret->hard = state->hard;
	ret->since = state->since;
	fill_latest(c, latest, ret);
}

void
ra_engine_view(const struct ra_engine *e, const struct ra_check *check, struct ra_view *ret)
{
	const struct ra_track *t = &e->tracks[check->index];

	ra_view_fill(check, &t->state, t->latest, ra_schedule_next_wall(e, t), ret);
}

/* --- snapshots --- */

void
ra_view_changed(struct ra_engine *e)
{
	ra_generation_unref(RA_TAKE(e->snapshot));
}

struct ra_generation *
ra_engine_generation(struct ra_engine *e)
{
	struct ra_generation *s;
	size_t i;

	if (e->snapshot != NULL && ra_clock_wall() - e->snapshot->at < RA_SECOND &&
	    ra_clock_wall() >= e->snapshot->at)
		return ra_generation_ref(e->snapshot);
	ra_view_changed(e);
	s = calloc(1, sizeof(*s) + e->track_count * sizeof(s->seen[0]));
	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->at = ra_clock_wall();
	s->config = ra_config_ref(e->config);
	for (i = 0; i < e->track_count; i++) {
		const struct ra_track *t = &e->tracks[i];

		s->seen[i].state = t->state;
		s->seen[i].latest = t->latest != NULL ? ra_result_ref(t->latest) : NULL;
		s->seen[i].next = ra_schedule_next_wall(e, t);
	}
	e->snapshot = s;
	return ra_generation_ref(s);
}

struct ra_generation *
ra_generation_ref(struct ra_generation *s)
{
	s->refs++;
	return s;
}

void
ra_generation_unref(struct ra_generation *s)
{
	size_t i;

	if (s == NULL || --s->refs > 0)
		return;
	for (i = 0; i < s->config->check_count; i++)
		ra_result_unref(s->seen[i].latest);
	ra_config_unref(s->config);
	free(s);
}

const struct ra_config *
ra_generation_config(const struct ra_generation *s)
{
	return s->config;
}

int64_t
ra_generation_at(const struct ra_generation *s)
{
	return s->at;
}

void
ra_generation_view(const struct ra_generation *s, const struct ra_check *check, struct ra_view *ret)
{
	const struct seen *seen = &s->seen[check->index];

	ra_view_fill(check, &seen->state, seen->latest, seen->next, ret);
}

enum ra_verdict
ra_generation_worst(const struct ra_generation *s, const struct ra_environment *env)
{
	enum ra_verdict worst = RA_OK;
	struct ra_view v;
	size_t i;

	for (i = 0; i < env->check_count; i++) {
		ra_generation_view(s, env->checks[i], &v);
		worst = ra_verdict_worst(worst, v.state);
	}
	return worst == RA_PENDING ? RA_UNKNOWN : worst;
}
