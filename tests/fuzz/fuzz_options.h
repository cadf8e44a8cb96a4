/* SPDX-License-Identifier: Apache-2.0 */
/* The unit tests' binding of options, outside of cmocka. */
#ifndef RA_TESTS_FUZZ_OPTIONS_H
#define RA_TESTS_FUZZ_OPTIONS_H

#include <stdarg.h>

#include "fuzz.h"

#define fail_msg(...)		abort()
#define assert_int_equal(a, b)	FUZZ_CHECK((a) == (b))
#define assert_non_null(a)	FUZZ_CHECK((a) != NULL)

#include "../unit/options.h"

#include "relaudit/model/pattern.h"

/*
 * A pattern that needs too many steps runs into its limit, after some 300 ms of them: the unit
 * tests hold that, here it would leave time for nothing else.
 */
RA_UNUSED static bool
fuzz_is_slow(const char *regex, const char *text, size_t len)
{
	struct ra_pattern *p = NULL;
	int64_t budget = 5000;
	bool slow;

	if (regex[0] == '\0' || ra_pattern_new(regex, &p, NULL) < 0)
		return false;
	slow = ra_pattern_match_within(p, text, len, NULL, NULL, NULL, &budget) < 0;
	ra_pattern_free(p);
	return slow;
}

#endif
