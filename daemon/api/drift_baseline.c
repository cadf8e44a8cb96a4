/* SPDX-License-Identifier: Apache-2.0 */
/* What is committed for checks: as a side of its own, and to tell which other side is right. */
#include <string.h>

#include "relaudit/base/escape.h"

#include "drift.h"

static const struct ra_snapshot *
hold(const struct ra_snapshot *s)
{
	return ra_snapshot_ref((struct ra_snapshot *)(uintptr_t)s);
}

/* The engine's texts go when the loop turns: copies. */
void
ra_drift_take_committed(struct ra_drift_job *j, struct ra_drift_pairing *p, size_t n)
{
	struct ra_drift_side *side = &p->sides[n];
	struct ra_baseline b;

	if (ra_engine_baseline(j->api->engine, p->checks[n], &b) < 0)
		return;
	if (b.snapshot != NULL) {
		side->commit = ra_arena_strdup(j->arena, b.commit);
		side->committed = side->commit != NULL ? hold(b.snapshot) : NULL;
	} else {
		side->unread = true;
		p->whys[n] = ra_arena_strdup(j->arena, b.error != NULL ? b.error : "?");
	}
	if (side->commit == NULL && p->whys[n] == NULL)
		j->error = -ENOMEM;
}

void
ra_drift_say_baseline(struct ra_drift_job *j, const struct ra_check *c, const char *why)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	ra_buf_puts(&text, "its baseline is not read: ");
	ra_escape_line(&text, why != NULL ? why : "?", strlen(why != NULL ? why : "?"), 1000);
	ra_drift_unread(j, c, ra_buf_text(&text));
}

static void
name_baseline(struct ra_drift_job *j, const struct ra_check *c, const char *ref, const char *path)
{
	ra_buf_add(&j->baselines, c->id, strlen(c->id) + 1);
	ra_buf_add(&j->baselines, ref, strlen(ref) + 1);
	ra_buf_add(&j->baselines, path, strlen(path) + 1);
}

/* --- at another ref --- */

static void
on_baseline(void *arg, struct ra_snapshot *snapshot, enum ra_reason reason, const char *error)
{
	struct ra_drift_asked *a = arg;
	struct ra_drift_job *j = a->job;

	a->query = NULL;
	if (snapshot != NULL) {
		a->pairing->sides[0].snapshot = hold(snapshot);
		a->pairing->skip = false;
		j->pairing_count++;
	} else {
		ra_drift_say_baseline(j, a->pairing->owner, error);
	}
	ra_drift_pass(j);
}

static void
ask(struct ra_drift_job *j, struct ra_drift_pairing *p)
{
	struct ra_drift_asked *a = ra_arena_alloc(j->arena, sizeof(*a));
	struct ra_error err = { 0 };
	int r;

	if (a == NULL) {
		j->error = -ENOMEM;
		return;
	}
	a->job = j;
	a->pairing = p;
	r = ra_engine_baseline_at(
	    j->api->engine, p->owner, j->ref, on_baseline, a, &a->query, &err);
	if (r < 0) {
		ra_drift_say_baseline(j, p->owner, r == -ENOMEM ? "out of memory" : err.text);
		return;
	}
	a->next = j->asked;
	j->asked = a;
	j->waiting++;
}

size_t
ra_drift_cancel(struct ra_drift_job *j)
{
	size_t count = 0;

	for (struct ra_drift_asked *a = j->asked; a != NULL; a = a->next) {
		if (a->query == NULL)
			continue;
		ra_engine_baseline_cancel(RA_TAKE(a->query));
		count++;
	}
	return count;
}

/* --- pairs --- */

/* It comes first, as what the other is held against; whose it is says the other side. */
void
ra_drift_pair_baseline(struct ra_drift_job *j, const struct ra_check *c)
{
	static const char *const names[] = { "baseline", "committed" };
	bool taken = strcmp(c->environment->name, names[0]) == 0;
	struct ra_drift_pairing *p;
	struct ra_baseline b;

	if (ra_engine_baseline(j->api->engine, c, &b) < 0)
		return;
	if (j->ref == NULL && b.snapshot == NULL) {
		ra_drift_say_baseline(j, c, b.error);
		return;
	}
	p = ra_drift_pairing_new(j, c, 2);
	if (p == NULL)
		return;
	p->sides[0] = (struct ra_drift_side){ .name = names[taken],
		.snapshot = j->ref == NULL ? hold(b.snapshot) : NULL,
		.baseline = true };
	p->checks[p->count++] = c;
	p->skip = j->ref != NULL;
	if (ra_drift_add_side(j, p, c)) {
		ra_snapshot_unref((struct ra_snapshot *)(uintptr_t)p->sides[1].committed);
		p->sides[1].committed = NULL;
		p->sides[1].unread = false;
		name_baseline(j, c, j->ref != NULL ? j->ref : b.ref, b.path);
	}
	ra_drift_add_pairing(j, p);
	if (j->ref != NULL && p->count == 2)
		ask(j, p);
}
