/* SPDX-License-Identifier: Apache-2.0 */
/* A check's state: what was confirmed, out of results as they come. Pure; no allocation. */
#ifndef RELAUDIT_ENGINE_STATE_H
#define RELAUDIT_ENGINE_STATE_H

#include "relaudit/base/macro.h"
#include "relaudit/model/verdict.h"

/* All times are wall ms. Zeroed and state RA_PENDING is "no result yet" (ra_state_init). */
struct ra_state {
	enum ra_verdict state;		/* last confirmed; before any, the latest */
	enum ra_verdict latest;		/* of the latest result, after the severity cap */
	enum ra_reason reason;		/* of `state`, as confirmed last */
	bool confirmed;			/* `state` was confirmed once */
	bool hard;			/* false while the latest is unconfirmed */
	uint8_t run;	/* results in a row that are bad (or, while a problem stands, good) */
	int64_t since;			/* first result of the run of `state`, soft ones included */
	int64_t latest_since;		/* first result of the run of `latest` */
	int64_t bad_since;		/* first result of the present run of bad ones */
	uint64_t problem;		/* id of the problem announced and not recovered; 0: none */
	int64_t problem_since;
};

enum ra_change {
	RA_CHANGE_NONE,
	RA_CHANGE_FIRST,	/* first confirmation, OK: kept, not announced */
	RA_CHANGE_PROBLEM,	/* OK or nothing -> bad, hard */
	RA_CHANGE_WORSE,	/* another bad verdict while hard */
	RA_CHANGE_REASON,	/* same bad verdict, another reason */
	RA_CHANGE_RECOVERY,	/* bad -> OK, hard */
};

struct ra_transition {
	enum ra_change change;
	enum ra_verdict was, now;
	enum ra_reason reason;
	int64_t since;		/* of the new state */
	int64_t at;		/* the result that confirmed it */
	uint64_t id;		/* the problem's; a recovery has its problem's */
	int64_t lasted;		/* RECOVERY: ms since the problem's first bad result */
};

void ra_state_init(struct ra_state *s);
/*
 * Takes one result. confirm bad ones in a row make a problem hard, recover good ones end it;
 * a change among bad verdicts while hard is confirmed at once. new_id is used if a problem begins.
 * The transition to keep and announce is *ret; its change is RA_CHANGE_NONE mostly.
 */
void ra_state_apply(struct ra_state *s, enum ra_verdict verdict, enum ra_reason reason, int64_t at,
    unsigned confirm, unsigned recover, uint64_t new_id, struct ra_transition *ret);

#endif
