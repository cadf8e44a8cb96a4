/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/engine/state.h"

#include <string.h>

void
ra_state_init(struct ra_state *s)
{
	memset(s, 0, sizeof(*s));
	s->state = RA_PENDING;
	s->latest = RA_PENDING;
	s->reason = RA_R_PENDING;
}

static void
confirm_as(struct ra_state *s, enum ra_verdict verdict, enum ra_reason reason)
{
	s->state = verdict;
	s->reason = reason;
	s->since = s->latest_since;
	s->confirmed = true;
	s->hard = true;
	s->run = 0;
}

static void
begin_problem(struct ra_state *s, enum ra_verdict verdict, enum ra_reason reason, uint64_t new_id,
    struct ra_transition *t)
{
	confirm_as(s, verdict, reason);
	s->problem = new_id;
	s->problem_since = s->bad_since;
	t->change = RA_CHANGE_PROBLEM;
}

/* No problem stands: OK is believed at once, bad ones are counted. */
static void
apply_calm(struct ra_state *s, enum ra_verdict verdict, enum ra_reason reason, unsigned confirm,
    uint64_t new_id, struct ra_transition *t)
{
	if (verdict == RA_OK) {
		if (!s->confirmed) {
			confirm_as(s, verdict, reason);
			t->change = RA_CHANGE_FIRST;
		}
		s->hard = true;
		s->run = 0;
		return;
	}
	if (s->run < UINT8_MAX)
		s->run++;
	if (s->run >= confirm) {
		begin_problem(s, verdict, reason, new_id, t);
		return;
	}
	s->hard = false;
	if (!s->confirmed) {
		s->state = verdict;
		s->reason = reason;
		s->since = s->latest_since;
	}
}

/* A problem stands: other bad verdicts count at once, good ones are counted. */
static void
apply_problem(struct ra_state *s, enum ra_verdict verdict, enum ra_reason reason, int64_t at,
    unsigned recover, struct ra_transition *t)
{
	if (verdict != RA_OK) {
		if (verdict != s->state) {
			confirm_as(s, verdict, reason);
			t->change = RA_CHANGE_WORSE;
		} else if (reason != s->reason) {
			s->reason = reason;
			t->change = RA_CHANGE_REASON;
		}
		s->hard = true;
		s->run = 0;
		return;
	}
	if (s->run < UINT8_MAX)
		s->run++;
	s->hard = false;
	if (s->run < recover)
		return;
	confirm_as(s, verdict, reason);
	t->change = RA_CHANGE_RECOVERY;
	t->lasted = at > s->problem_since ? at - s->problem_since : 0;
	s->problem = 0;
	s->problem_since = 0;
}

void
ra_state_apply(struct ra_state *s, enum ra_verdict verdict, enum ra_reason reason, int64_t at,
    unsigned confirm, unsigned recover, uint64_t new_id, struct ra_transition *ret)
{
	uint64_t problem = s->problem;

	memset(ret, 0, sizeof(*ret));
	ret->was = s->confirmed ? s->state : RA_PENDING;
	if (s->latest != verdict)
		s->latest_since = at;
	if (verdict != RA_OK && (s->latest == RA_OK || s->latest == RA_PENDING))
		s->bad_since = at;
	s->latest = verdict;
	if (problem == 0)
		apply_calm(s, verdict, reason, confirm, new_id, ret);
	else
		apply_problem(s, verdict, reason, at, recover, ret);
	ret->now = s->state;
	ret->reason = s->reason;
	ret->since = s->since;
	ret->at = at;
	ret->id = problem != 0 ? problem : s->problem;
}
