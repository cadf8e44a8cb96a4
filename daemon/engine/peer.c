/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that are held against others: what is known of those, and what happens when it changes. */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define START_WAIT (30 * RA_SECOND)

bool
ra_peers_read(const struct ra_track *t, const struct ra_view *v)
{
	if (v->reason == RA_R_STALE || t->latest == NULL)
		return false;
	for (size_t i = 0; t->snapshots != NULL && i < t->check->instance_count; i++) {
		if (t->snapshots[i] == NULL)
			return false;
	}
	return t->snapshots != NULL || ra_view_all_read(v);
}

static const char *
why_unread(const struct ra_view *v)
{
	if (ra_view_instances_differ(v))
		return "its instances differ";
	if (v->verdict == RA_UNKNOWN || v->verdict == RA_PENDING)
		return v->summary;
	return v->instance_count > 0 && !ra_view_all_read(v) ? "not all of its instances were read"
							     : "not read since the start";
}

size_t
ra_peers_gather(struct ra_engine *e, const struct ra_check *c, struct ra_gathered *out)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		const struct ra_track *t = &e->tracks[c->peers[i].check->index];
		struct ra_baseline b = { 0 };
		struct ra_view v;

		ra_engine_view(e, t->check, &v);
		(void)ra_engine_baseline(e, t->check, &b); /* it may have none */
		out[i] = (struct ra_gathered){ .need = { .what = RA_NEED_PEER },
			.reason = ra_peers_read(t, &v) && !ra_view_instances_differ(&v)
				      ? RA_R_OK
				      : RA_R_PEER_UNREAD,
			.error = why_unread(&v),
			.peer = &c->peers[i],
			.facts = v.facts,
			.snapshot = t->snapshots != NULL ? t->snapshots[0] : NULL,
			.committed = b.snapshot,
			.commit = b.commit,
			.unread = b.snapshot == NULL ? b.error : NULL,
			.verdict = v.verdict,
			.checked = v.checked,
			.changed = t->changed };
	}
	return c->peer_count;
}

/* Else what is known of before the start has to do. */
static bool
comes_soon(const struct ra_engine *e, const struct ra_track *t)
{
	struct ra_view v;

	if (t->probe != NULL || t->due - ra_loop_now(e->io.loop) <= START_WAIT)
		return true;
	ra_engine_view(e, t->check, &v);
	return !ra_peers_read(t, &v);
}

/* What it told before the start still counts if it is not stale, but for configurations. */
static bool
is_awaited(const struct ra_engine *e, const struct ra_track *t)
{
	struct ra_view v;

	if (t->latest == NULL || t->latest->checked_boot != 0)
		return t->latest == NULL;
	ra_engine_view(e, t->check, &v);
	return t->snapshots != NULL || !ra_peers_read(t, &v);
}

/*
 * Right after a start a check waits for those it is held against, else it would be UNKNOWN for no
 * reason but the order in which they come. Of two that wait for each other the first goes ahead.
 */
bool
ra_peers_wait(const struct ra_engine *e, const struct ra_check *c)
{
	size_t i;

	if (ra_clock_wall() - e->started > START_WAIT || ra_clock_wall() < e->started)
		return false;
	for (i = 0; i < c->peer_count; i++) {
		const struct ra_check *peer = c->peers[i].check;
		const struct ra_track *t = &e->tracks[peer->index];

		if ((peer->peer_count == 0 || peer->index < c->index) && is_awaited(e, t) &&
		    comes_soon(e, t))
			return true;
	}
	return false;
}

bool
ra_engine_reads(const struct ra_check *check)
{
	return (ra_check_kind(check)->takes & RA_SHAPE_KEYS) != 0;
}

const struct ra_snapshot *
ra_engine_read(const struct ra_engine *e, const struct ra_check *check, int64_t *ret_checked)
{
	const struct ra_track *t = &e->tracks[check->index];
	struct ra_view v;

	if (t->snapshots == NULL)
		return NULL;
	ra_engine_view(e, check, &v);
	if (!ra_peers_read(t, &v))
		return NULL;
	*ret_checked = v.checked;
	return t->snapshots[0];
}

const void *
ra_engine_secret_key(const struct ra_engine *e)
{
	return e->secret_key;
}

/* Those that have no result yet meet it when they come by themselves. */
void
ra_peers_tell(struct ra_engine *e, const struct ra_track *t)
{
	for (size_t i = 0; i < t->check->dependent_count; i++) {
		struct ra_track *other = &e->tracks[t->check->dependents[i]->index];

		if (other->probe != NULL)
			other->again = true;
		else if (other->latest != NULL)
			ra_schedule_now(e, other);
	}
}
