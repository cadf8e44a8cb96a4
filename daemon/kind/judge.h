/* SPDX-License-Identifier: Apache-2.0 */
/* What judges share. */
#ifndef RA_KIND_JUDGE_H
#define RA_KIND_JUDGE_H

#include "relaudit/model/result.h"

/* Clocks of different machines may differ by so much. */
#define RA_JUDGE_SKEW (5 * INT64_C(60000))

/*
 * Whether a breach of this verdict is worse than what stands; if so, what was said along with that
 * is cleared, and the caller says its own.
 */
bool ra_judge_begin(struct ra_result *r, enum ra_verdict v);
void ra_judge_no_memory(struct ra_result *r);
/* now - then, at least 0. */
int64_t ra_judge_age(int64_t now, int64_t then);

#endif
