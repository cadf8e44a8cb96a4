/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

bool
ra_judge_begin(struct ra_result *r, enum ra_verdict v)
{
	if (r->verdict != RA_PENDING && ra_verdict_rank(v) <= ra_verdict_rank(r->verdict))
		return false;
	ra_result_expected(r, NULL);
	ra_result_next(r, NULL);
	return true;
}

void
ra_judge_no_memory(struct ra_result *r)
{
	if (ra_judge_begin(r, RA_UNKNOWN))
		ra_result_say(r, RA_UNKNOWN, RA_R_NO_MEMORY, "not judged: out of memory");
}

int64_t
ra_judge_age(int64_t now, int64_t then)
{
	int64_t age;

	if (__builtin_sub_overflow(now, then, &age))
		return now > then ? INT64_MAX : 0;
	return age > 0 ? age : 0;
}
