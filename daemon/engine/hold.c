/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a check that changes too often, or for which syslog has no room, are held back and made
 * less: what is sent at last begins where the last line sent left off, and ends with how things
 * are. A held line is in the record as any other that was not sent, so that a crash does not lose
 * it.
 */
#include "relaudit/base/clock.h"
#include "relaudit/engine/alert.h"

#include "internal.h"

#define CREDIT ((RA_HOLD_BURST - 1) * RA_HOLD_EACH)

bool
ra_hold_pay(struct ra_pace *p, int64_t now)
{
	int64_t from = p->paid > now ? p->paid : now;

	if (from - now > CREDIT)
		return false;
	p->paid = from + RA_HOLD_EACH;
	return true;
}

/* Takes out the held lines of a problem. True: one of them was its beginning. */
static bool
drop_held(struct ra_lines *l, uint64_t problem)
{
	struct ra_unsent **at = &l->unsent, *u;
	bool begins = false;

	while ((u = *at) != NULL) {
		if (!u->held || u->problem != problem) {
			at = &u->next;
			continue;
		}
		begins |= u->begins;
		*at = u->next;
		ra_unsent_free(u);
	}
	return begins;
}

/* Of what is of no state the newest stay, one an instance. */
static void
drop_oldest(struct ra_lines *l, size_t keep)
{
	struct ra_unsent **at = &l->unsent, *u;
	size_t n = 0;

	for (u = l->unsent; u != NULL; u = u->next)
		n += u->held && u->problem == 0;
	while (n > keep && (u = *at) != NULL) {
		if (!u->held || u->problem != 0) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		ra_unsent_free(u);
		n--;
	}
}

bool
ra_hold_merge(struct ra_track *t, const struct ra_transition *tr, bool *ret_begins)
{
	struct ra_pace *p = &t->lines.paces[tr != NULL ? RA_SAID_STATE : RA_SAID_OTHER];

	if (p->held < UINT32_MAX)
		p->held++;
	*ret_begins = false;
	if (tr == NULL) {
		drop_oldest(
		    &t->lines, t->check->instance_count > 1 ? t->check->instance_count - 1 : 0);
		return true;
	}
	*ret_begins = tr->change == RA_CHANGE_PROBLEM || drop_held(&t->lines, tr->id);
	return tr->change != RA_CHANGE_RECOVERY || !*ret_begins;
}

bool
ra_hold_forget(struct ra_track *t)
{
	return t->state.problem != 0 && drop_held(&t->lines, t->state.problem);
}

int64_t
ra_hold_until(const struct ra_pace *p)
{
	return p->held > 0 ? p->paid - CREDIT : INT64_MAX;
}

bool
ra_hold_end(struct ra_track *t, enum ra_said what, int64_t now, struct ra_buf *out)
{
	struct ra_pace *p = &t->lines.paces[what];
	uint32_t told = 0;

	for (struct ra_unsent *u = t->lines.unsent; u != NULL; u = u->next) {
		if (!u->held || (u->problem == 0) != (what == RA_SAID_OTHER))
			continue;
		u->held = false;
		u->deadline = now + RA_SECOND;
		told++;
	}
	if (told < p->held)
		ra_alert_flapping(out, t->check, t->state.state, p->held,
		    what == RA_SAID_STATE ? "state" : "what it reads");
	(void)ra_hold_pay(p, now);
	p->held = 0;
	return out->len > 0;
}
