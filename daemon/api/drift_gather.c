/* SPDX-License-Identifier: Apache-2.0 */
/* Which checks are compared with what, and references to what was read of them. */
#include <string.h>

#include "relaudit/model/name.h"

#include "drift.h"

/* --- sides --- */

static const struct ra_snapshot *
hold(const struct ra_snapshot *s)
{
	return ra_snapshot_ref((struct ra_snapshot *)(uintptr_t)s);
}

static void
let_go(const struct ra_snapshot *s)
{
	ra_snapshot_unref((struct ra_snapshot *)(uintptr_t)s);
}

static void
release_pairing(struct ra_drift_pairing *p)
{
	for (size_t i = 0; i < p->count; i++) {
		let_go(p->sides[i].snapshot);
		let_go(p->sides[i].committed);
	}
	p->count = 0;
}

void
ra_drift_release(struct ra_drift_job *j)
{
	for (struct ra_drift_pairing *p = j->pairings; p != NULL; p = p->next)
		release_pairing(p);
}

void
ra_drift_unread(struct ra_drift_job *j, const struct ra_check *c, const char *why)
{
	if (!j->told[c->index]) {
		ra_buf_add(&j->unread, c->id, strlen(c->id) + 1);
		ra_buf_add(&j->errors, c->id, strlen(c->id) + 1);
		ra_buf_add(&j->errors, why, strlen(why) + 1);
	}
	j->told[c->index] = true;
}

static const char *
why_unread(const struct ra_view *v)
{
	bool known = v->verdict == RA_UNKNOWN || v->reason == RA_R_STALE;

	if (v->verdict == RA_PENDING)
		return "not read yet";
	return known && v->summary != NULL ? v->summary : "not read since the start";
}

bool
ra_drift_add_side(struct ra_drift_job *j, struct ra_drift_pairing *p, const struct ra_check *c)
{
	const struct ra_engine *e = j->api->engine;
	struct ra_drift_side *side = &p->sides[p->count];
	const struct ra_snapshot *s;
	int64_t checked = 0;
	struct ra_view v;

	ra_engine_view(e, c, &v);
	s = ra_engine_read(e, c, &checked);
	if (s == NULL) {
		ra_drift_unread(j, c, why_unread(&v));
		return false;
	}
	if (ra_view_instances_differ(&v)) {
		/* In which keys they do is what it says. */
		ra_drift_unread(j, c, v.summary != NULL ? v.summary : "instances differ");
		return false;
	}
	*side = (struct ra_drift_side){ .name = c->environment->name, .snapshot = hold(s) };
	p->checks[p->count++] = c;
	ra_drift_take_committed(j, p, p->count - 1);
	return true;
}

/* --- pairings --- */

struct ra_drift_pairing *
ra_drift_pairing_new(struct ra_drift_job *j, const struct ra_check *owner, size_t sides)
{
	struct ra_drift_pairing *p = ra_arena_alloc(j->arena, sizeof(*p));

	if (p != NULL) {
		p->sides = ra_arena_alloc(j->arena, sides * sizeof(*p->sides));
		p->checks = ra_arena_alloc(j->arena, sides * sizeof(struct ra_check *));
		p->whys = ra_arena_alloc(j->arena, sides * sizeof(char *));
		p->name = owner->name;
		p->owner = owner;
	}
	if (p != NULL && p->sides != NULL && p->checks != NULL && p->whys != NULL)
		return p;
	j->error = -ENOMEM;
	return NULL;
}

static int64_t
checked_of(const struct ra_drift_job *j, const struct ra_check *c)
{
	struct ra_view v;

	ra_engine_view(j->api->engine, c, &v);
	return v.checked;
}

/* Nothing on any side, as where what writes them is broken, is not the same: it is told. */
static bool
say_empty(struct ra_drift_job *j, const struct ra_drift_pairing *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct ra_snapshot *s = p->sides[i].snapshot;

		if (s == NULL || ra_snapshot_count(s) > 0)
			return false;
	}
	for (size_t i = 0; i < p->count; i++)
		ra_drift_unread(j, p->checks[i], "there is not a single key in it");
	return true;
}

/* One side alone is nothing to compare. */
void
ra_drift_add_pairing(struct ra_drift_job *j, struct ra_drift_pairing *p)
{
	if (p->count < 2 || say_empty(j, p)) {
		release_pairing(p);
		return;
	}
	for (size_t i = 0; i < p->count; i++) {
		int64_t *known = &j->checked[p->checks[i]->environment->index];
		int64_t checked = checked_of(j, p->checks[i]);

		if (*known == 0 || checked < *known)
			*known = checked;
	}
	*j->last = p;
	j->last = &p->next;
	j->pairing_count += !p->skip;
}

static bool
is_wanted(const struct ra_drift_job *j, const struct ra_check *c)
{
	return ra_engine_reads(c) && (j->check == NULL || strcmp(j->check, c->name) == 0);
}

/* --- side by side --- */

static const struct ra_check *
check_of(const struct ra_environment *env, const char *name)
{
	for (size_t k = 0; k < env->check_count; k++) {
		const struct ra_check *check = env->checks[k];

		if (strcmp(check->name, name) == 0 && ra_engine_reads(check))
			return check;
	}
	return NULL;
}

/* A check that is held against another of them has the rules of the pair. */
static const struct ra_check *
owner_of(const struct ra_drift_pairing *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct ra_check *c = p->checks[i];

		for (size_t k = 0; k < c->peer_count; k++) {
			for (size_t other = 0; other < p->count; other++) {
				if (c->peers[k].check == p->checks[other])
					return c;
			}
		}
	}
	return p->checks[p->count - 1];
}

/* What only some of them have is compared in those, which is no fault and worth a word. */
static void
note_absent(struct ra_drift_job *j, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < j->environment_count; i++) {
		if (check_of(j->environments[i], name) != NULL)
			continue;
		if (count++ == 0)
			ra_buf_printf(&j->notes, "%s: no such check in ", name);
		ra_buf_printf(&j->notes, "%s%s", count > 1 ? ", " : "", j->environments[i]->name);
	}
	if (count > 0)
		ra_buf_putc(&j->notes, '\0');
}

static void
pair_environments(struct ra_drift_job *j, const struct ra_check *first)
{
	struct ra_drift_pairing *p = ra_drift_pairing_new(j, first, j->environment_count);

	for (size_t i = 0; p != NULL && i < j->environment_count; i++) {
		const struct ra_check *c = check_of(j->environments[i], first->name);

		if (c != NULL)
			ra_drift_add_side(j, p, c);
	}
	note_absent(j, first->name);
	if (p == NULL)
		return;
	if (p->count > 1)
		p->owner = owner_of(p);
	ra_drift_add_pairing(j, p);
}

/* In the order in which the environments have them. */
static void
gather_side_by_side(struct ra_drift_job *j)
{
	for (size_t i = 0; i < j->environment_count; i++) {
		const struct ra_environment *env = j->environments[i];

		for (size_t k = 0; k < env->check_count; k++) {
			const struct ra_check *c = env->checks[k];
			bool before = false;

			for (size_t b = 0; b < i && !before; b++)
				before = check_of(j->environments[b], c->name) != NULL;
			if (!before && is_wanted(j, c))
				pair_environments(j, c);
		}
	}
}

/* --- same-as --- */

static bool
has_same_as(const struct ra_check *c, const struct ra_check *other, size_t before)
{
	for (size_t k = 0; k < before; k++) {
		if (c->peers[k].check == other && strcmp(c->peers[k].option, "same-as") == 0)
			return true;
	}
	return false;
}

/* What it is held against comes first. */
static void
pair_same_as(struct ra_drift_job *j, const struct ra_check *c, const struct ra_check *peer)
{
	struct ra_drift_pairing *p = ra_drift_pairing_new(j, c, 2);

	if (p == NULL)
		return;
	ra_drift_add_side(j, p, peer);
	ra_drift_add_side(j, p, c);
	if (p->count == 2 && peer->environment == c->environment) {
		p->sides[0].name = peer->id;
		p->sides[1].name = c->id;
	}
	ra_drift_add_pairing(j, p);
}

static void
gather_peers(struct ra_drift_job *j, const struct ra_check *c)
{
	for (size_t k = 0; k < c->peer_count; k++) {
		const struct ra_check *peer = c->peers[k].check;

		if (strcmp(c->peers[k].option, "same-as") != 0 || has_same_as(c, peer, k))
			continue;
		/* Two that are held against each other are one comparison. */
		if (peer->index > c->index || !has_same_as(peer, c, peer->peer_count))
			pair_same_as(j, c, peer);
	}
}

/* --- all --- */

static void
gather_configured(struct ra_drift_job *j, const struct ra_environment *env)
{
	for (size_t k = 0; k < env->check_count; k++) {
		const struct ra_check *c = env->checks[k];

		if (!is_wanted(j, c))
			continue;
		if (j->environment_count == 0)
			gather_peers(j, c);
		ra_drift_pair_baseline(j, c);
	}
}

/* Those that take part, in the order of the configuration. */
static void
name_environments(struct ra_drift_job *j)
{
	for (size_t i = 0; i < j->config->environment_count; i++) {
		const struct ra_environment *env = j->config->environments[i];

		if (j->checked[env->index] != 0)
			j->environments[j->environment_count++] = env;
	}
}

/* A name that no check has is a mistake, not a comparison of nothing. */
static bool
check_known(const struct ra_drift_job *j, struct ra_request *q)
{
	size_t count =
	    j->environment_count > 0 ? j->environment_count : j->config->environment_count;
	const struct ra_environment *const *list =
	    j->environment_count > 0 ? j->environments : j->config->environments;
	struct ra_nearest near;

	if (j->check == NULL)
		return true;
	ra_nearest_init(&near, j->check);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < list[i]->check_count; k++) {
			if (is_wanted(j, list[i]->checks[k]))
				return true;
			if (ra_engine_reads(list[i]->checks[k]))
				ra_nearest_try(&near, list[i]->checks[k]->name);
		}
	}
	ra_request_error(q, MHD_HTTP_NOT_FOUND, "no-such-check",
	    "no check of a configuration is called '%.63s'%s%s%s", j->check,
	    near.name != NULL ? "; did you mean '" : "", near.name != NULL ? near.name : "",
	    near.name != NULL ? "'?" : "");
	return false;
}

bool
ra_drift_gather(struct ra_drift_job *j, struct ra_request *q)
{
	if (!check_known(j, q))
		return false;
	if (j->environment_count > 1) {
		gather_side_by_side(j);
	} else if (j->environment_count == 1) {
		gather_configured(j, j->environments[0]);
	} else {
		for (size_t i = 0; i < j->config->environment_count; i++)
			gather_configured(j, j->config->environments[i]);
		name_environments(j);
	}
	if (j->error == 0)
		return true;
	ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
	return false;
}
