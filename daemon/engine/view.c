/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown: a check as of now, and generations of all of them. */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

struct seen {
	struct ra_state state;
	struct ra_result *latest;
	int64_t next;
	uint8_t shown_state, shown_verdict; /* staleness counted */
};

struct ra_generation {
	unsigned refs;
	struct ra_config *config;
	struct ra_stamp now;
	struct seen seen[];
};

int64_t
ra_stale_after(const struct ra_check *c)
{
	return 2 * c->every + c->timeout;
}

/*
 * By wall clock or boot time, whichever says older. A result of before a restart whose time is
 * still to come (the clock went back) is of no known age.
 */
static bool
is_stale(const struct ra_check *c, const struct ra_result *r, struct ra_stamp now)
{
	int64_t limit = ra_stale_after(c);

	if (r->checked_boot == 0 && r->checked > now.wall + RA_MINUTE)
		return true;
	return now.wall - r->checked > limit ||
	       (r->checked_boot != 0 && now.boot - r->checked_boot > limit);
}

static void
fill_latest(
    const struct ra_check *c, const struct ra_result *r, struct ra_stamp now, struct ra_view *v)
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
	if (is_stale(c, r, now)) {
		v->state = v->verdict = RA_UNKNOWN;
		v->reason = RA_R_STALE;
		v->summary = ra_reason_meaning(RA_R_STALE);
		v->next_step = ra_reason_next(RA_R_STALE);
	}
}

static void
fill(const struct ra_check *c, const struct ra_state *state, const struct ra_result *latest,
    int64_t next, struct ra_stamp now, struct ra_view *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->check = c;
	ret->kind = ra_check_kind(c)->type.name;
	ret->source = ra_check_source(c)->type.name;
	ret->duration_ms = -1;
	ret->next = next;
	if (latest == NULL) {
		ret->state = ret->verdict = ret->last = RA_PENDING;
		ret->reason = RA_R_PENDING;
		ret->summary = ra_reason_meaning(RA_R_PENDING);
		ret->next_step = ra_reason_next(RA_R_PENDING);
		return;
	}
	ret->state = ret->last = state->state;
	ret->hard = state->hard;
	ret->since = state->since;
	fill_latest(c, latest, now, ret);
}

void
ra_engine_view(const struct ra_engine *e, const struct ra_check *check, struct ra_view *ret)
{
	const struct ra_track *t = &e->tracks[check->index];

	fill(check, &t->state, t->latest, ra_schedule_next_wall(t, ra_schedule_offset(e)),
	    ra_stamp_now(), ret);
}

bool
ra_view_instances_differ(const struct ra_view *v)
{
	const char *first = NULL;

	for (size_t i = 0; i < v->instance_count; i++) {
		const char *digest = ra_facts_text(&v->instances[i].facts, "digest");

		if (first == NULL)
			first = digest;
		else if (digest != NULL && strcmp(first, digest) != 0)
			return true;
	}
	return false;
}

bool
ra_view_all_read(const struct ra_view *v)
{
	for (size_t i = 0; i < v->instance_count; i++) {
		if (v->instances[i].facts.count == 0)
			return false;
	}
	return v->facts != NULL && v->facts->count > 0;
}

/* --- snapshots --- */

void
ra_view_changed(struct ra_engine *e)
{
	ra_generation_unref(RA_TAKE(e->snapshot));
}

static void
see(struct seen *seen, const struct ra_track *t, int64_t offset, struct ra_stamp now)
{
	seen->state = t->state;
	seen->next = ra_schedule_next_wall(t, offset);
	seen->shown_state = seen->shown_verdict = RA_PENDING;
	if (t->latest == NULL)
		return;
	seen->latest = ra_result_ref(t->latest);
	seen->shown_state = (uint8_t)t->state.state;
	seen->shown_verdict = (uint8_t)t->latest->verdict;
	if (is_stale(t->check, t->latest, now))
		seen->shown_state = seen->shown_verdict = RA_UNKNOWN;
}

struct ra_generation *
ra_engine_generation(struct ra_engine *e)
{
	struct ra_stamp now = ra_stamp_now();
	int64_t offset = ra_schedule_offset(e);
	struct ra_generation *s;
	size_t i;

	if (e->snapshot != NULL && now.wall - e->snapshot->now.wall < RA_SECOND &&
	    now.wall >= e->snapshot->now.wall)
		return ra_generation_ref(e->snapshot);
	ra_view_changed(e);
	s = calloc(1, sizeof(*s) + e->track_count * sizeof(s->seen[0]));
	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->now = now;
	s->config = ra_config_ref(e->config);
	for (i = 0; i < e->track_count; i++)
		see(&s->seen[i], &e->tracks[i], offset, now);
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
	return s->now.wall;
}

void
ra_generation_view(const struct ra_generation *s, const struct ra_check *check, struct ra_view *ret)
{
	const struct seen *seen = &s->seen[check->index];

	fill(check, &seen->state, seen->latest, seen->next, s->now, ret);
}

void
ra_generation_shown(const struct ra_generation *s, const struct ra_check *check,
    enum ra_verdict *ret_state, enum ra_verdict *ret_verdict)
{
	*ret_state = (enum ra_verdict)s->seen[check->index].shown_state;
	*ret_verdict = (enum ra_verdict)s->seen[check->index].shown_verdict;
}
