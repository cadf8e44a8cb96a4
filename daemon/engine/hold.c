/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a check that changes its state too often are held back for a while, and made less: what
 * is sent at last begins where the last line sent left off, and ends with how things are. A held
 * line is in the record as any other that was not sent, so that a crash does not lose it.
 */
#include "relaudit/base/clock.h"
#include "relaudit/engine/alert.h"

#include "internal.h"

#define CREDIT ((RA_HOLD_BURST - 1) * RA_HOLD_EACH)

/* A line costs RA_HOLD_EACH; so much can be owed. */
static bool
pay(struct ra_track *t, int64_t now)
{
	int64_t from = t->pace > now ? t->pace : now;

	if (from - now > CREDIT)
		return false;
	t->pace = from + RA_HOLD_EACH;
	return true;
}

bool
ra_hold(struct ra_track *t, int64_t now)
{
	return t->held > 0 || !pay(t, now);
}

/* Takes out the held lines of a problem. True: one of them was its beginning. */
static bool
drop_held(struct ra_track *t, uint64_t problem)
{
	struct ra_unsent **at = &t->unsent, *u;
	bool begins = false;

	while ((u = *at) != NULL) {
		if (!u->held || u->problem != problem) {
			at = &u->next;
			continue;
		}
		begins |= u->begins;
		*at = u->next;
		ra_announce_free(u);
	}
	return begins;
}

bool
ra_hold_merge(struct ra_track *t, const struct ra_transition *tr, bool *ret_begins)
{
	bool begins = tr->change == RA_CHANGE_PROBLEM || drop_held(t, tr->id);

	if (t->held < UINT32_MAX)
		t->held++;
	*ret_begins = begins;
	return tr->change != RA_CHANGE_RECOVERY || !begins;
}

bool
ra_hold_hides(const struct ra_track *t)
{
	const struct ra_unsent *u = t->unsent;

	while (u != NULL && !(u->held && u->begins && u->problem == t->state.problem))
		u = u->next;
	return u != NULL;
}

int64_t
ra_hold_until(const struct ra_track *t)
{
	return t->held > 0 ? t->pace - CREDIT : INT64_MAX;
}

static void
write_line(struct ra_buf *out, const struct ra_track *t)
{
	const struct ra_check *c = t->check;

	ra_buf_puts(out, "flapping");
	ra_alert_pair(out, "check", c->id);
	ra_alert_pair(out, "environment", c->environment->name);
	ra_alert_pair(out, "now", ra_verdict_name(t->state.state));
	ra_buf_printf(out, " changes=%u", t->held);
	if (c->environment->owner != NULL)
		ra_alert_pair(out, "owner", c->environment->owner);
	if (c->service != NULL)
		ra_alert_pair(out, "service", c->service);
	ra_buf_printf(out,
	    " summary=\"its state changed %u time%s since its last line; the history has each\"",
	    t->held, t->held == 1 ? "" : "s");
}

void
ra_hold_end(struct ra_track *t, int64_t now, struct ra_buf *out)
{
	struct ra_unsent *u;

	write_line(out, t);
	t->held = 0;
	(void)pay(t, now);
	for (u = t->unsent; u != NULL; u = u->next) {
		if (!u->held)
			continue;
		u->held = false;
		u->deadline = now + RA_SECOND;
	}
}
