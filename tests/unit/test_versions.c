/* SPDX-License-Identifier: Apache-2.0 */
/* Versions held against others: by order, by those of other environments, by time of a rollout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/kind/version.h"

#include "kinds.h"

#define UNSET RA_UNSET

static void
test_order(void **state)
{
	static const struct {
		struct ra_version_place a, b;
		bool known;
		int order;
		int64_t ahead; /* UNSET: not known */
	} rows[] = {
		{ { "1.2.0", 0 }, { "1.0.0", 2 }, true, 1, 2 },
		{ { "1.0.0", 2 }, { "1.2.0", 0 }, true, -1, -2 },
		{ { "1.2.0", UNSET }, { "1.10.0", 3 }, true, -1, UNSET },
		{ { "v1.2.0", 1 }, { "1.2.0", 1 }, true, 0, 0 },
		{ { "nightly", UNSET }, { "nightly", UNSET }, true, 0, 0 },
		/* what differs in its build alone is neither older nor newer */
		{ { "1.2.0+a", 1 }, { "1.2.0+b", 1 }, true, 0, 0 },
		/* not of one release, and newer all the same */
		{ { "1.2.1", 0 }, { "1.2.0", 0 }, true, 1, 0 },
		/* counted with pre-releases and without */
		{ { "1.2.0-rc.1", 5 }, { "1.1.0", 1 }, true, 1, UNSET },
		{ { "1.2.0-rc.2", 0 }, { "1.2.0-rc.1", 1 }, true, 1, 1 },
		/* counted before and after a release was tagged */
		{ { "1.2.0", 3 }, { "1.1.0", 1 }, true, 1, UNSET },
		/* no semantic versions: only the repository knows */
		{ { "build-17", 0 }, { "build-9", 3 }, true, 1, 3 },
		{ { "build-17", 4 }, { "build-9", 3 }, true, -1, -1 },
		{ { "build-17", UNSET }, { "build-9", 3 }, false, 0, UNSET },
		{ { "build-17", 0 }, { "build-9", 0 }, false, 0, UNSET },
		{ { "build-17", 0 }, { "1.0.0", 1 }, false, 0, UNSET },
		{ { NULL, 0 }, { "1.0.0", 1 }, false, 0, UNSET },
		{ { "1.0.0", 1 }, { NULL, UNSET }, false, 0, UNSET },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_version_order o;
		int64_t ahead;

		ra_version_compare(&rows[i].a, &rows[i].b, &o);
		ahead = o.releases_known ? o.ahead_releases : UNSET;
		if (o.known != rows[i].known || o.order != rows[i].order || ahead != rows[i].ahead)
			fail_msg("row %zu: %d %d %lld", i, o.known, o.order, (long long)ahead);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
