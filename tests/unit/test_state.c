/* SPDX-License-Identifier: Apache-2.0 */
/* Hysteresis as a table: a row of results in, states and transitions out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/macro.h"
#include "relaudit/engine/state.h"

struct row {
	const char *name;
	unsigned confirm, recover;
	const char *in; /* results: o w c u; upper case: another reason. One a second, from 1 */
	const char *state; /* state after each */
	const char *hard; /* h hard, s soft */
	const char *change; /* . none, f first, p problem, w worse, r reason, + recovery */
	const char *since; /* digits: `since` after each */
};

static const struct row rows[] = {
	{ "good from the start", 2, 1, "ooo", "ooo", "hhh", "f..", "111" },
	{ "bad from the start is soft, then hard", 2, 1, "ccc", "ccc", "shh", ".p.", "111" },
	{ "one bad result is not believed", 2, 1, "ooco", "oooo", "hhsh", "f...", "1111" },
	{ "two are", 2, 1, "oocc", "oooc", "hhsh", "f..p", "1113" },
	{ "confirm 1 believes at once", 1, 1, "oco", "oco", "hhh", "fp+", "123" },
	{ "bad ones of any sort count together", 3, 1, "owcu", "ooou", "hssh", "f..p", "1114" },
	{ "since is of the state's own run", 2, 1, "owcc", "oocc", "hshh", "f.p.", "1133" },
	{ "another bad verdict while hard counts at once", 2, 1, "occwc", "oocwc", "hshhh", "f.pww",
	    "11245" },
	{ "another reason is told", 2, 1, "occC", "oocc", "hshh", "f.pr", "1122" },
	{ "recovery at once", 2, 1, "occo", "ooco", "hshh", "f.p+", "1124" },
	{ "recovery in two", 2, 2, "occoo", "oocco", "hshsh", "f.p.+", "11224" },
	{ "a relapse before recovery stays the same problem", 1, 2, "ococoo", "occcco", "hhshsh",
	    "fp...+", "122225" },
	{ "never good: soft states follow the latest", 3, 1, "wcu", "wcu", "ssh", "..p", "123" },
	{ "good after soft bad at start", 2, 1, "co", "co", "sh", ".f", "12" },
};

static enum ra_verdict
verdict_of(char c)
{
	switch (c | 0x20) {
	case 'o':
		return RA_OK;
	case 'w':
		return RA_WARNING;
	case 'c':
		return RA_CRITICAL;
	default:
		return RA_UNKNOWN;
	}
}

static enum ra_reason
reason_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return RA_R_BACKUP_EMPTY;
	return verdict_of(c) == RA_OK ? RA_R_OK : RA_R_BACKUP_TOO_OLD;
}

static void
test_table(void **unused)
{
	static const char changes[] = ".fpwr+";
	size_t i, j;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct ra_transition t;
		struct ra_state s;

		ra_state_init(&s);
		for (j = 0; row->in[j] != '\0'; j++) {
			ra_state_apply(&s, verdict_of(row->in[j]), reason_of(row->in[j]),
			    (int64_t)j + 1, row->confirm, row->recover, 100 + j, &t);
			if (s.state != verdict_of(row->state[j]) ||
			    s.hard != (row->hard[j] == 'h') ||
			    changes[t.change] != row->change[j] || s.since != row->since[j] - '0')
				fail_msg("%s: result %zu: state %d hard %d change %c since %d",
				    row->name, j + 1, s.state, s.hard, changes[t.change],
				    (int)s.since);
		}
	}
}

static void
test_ids(void **unused)
{
	struct ra_transition t;
	struct ra_state s;

	ra_state_init(&s);
	ra_state_apply(&s, RA_OK, RA_R_OK, 1000, 2, 1, 7, &t);
	ra_state_apply(&s, RA_WARNING, RA_R_BACKUP_TOO_OLD, 2000, 2, 1, 7, &t);
	assert_int_equal(t.id, 0);
	ra_state_apply(&s, RA_CRITICAL, RA_R_BACKUP_TOO_OLD, 3000, 2, 1, 7, &t);
	assert_int_equal(t.change, RA_CHANGE_PROBLEM);
	assert_int_equal(t.was, RA_OK);
	assert_int_equal(t.id, 7);
	ra_state_apply(&s, RA_WARNING, RA_R_BACKUP_TOO_OLD, 4000, 2, 1, 8, &t);
	assert_int_equal(t.was, RA_CRITICAL);
	assert_int_equal(t.id, 7);
	ra_state_apply(&s, RA_OK, RA_R_OK, 9000, 2, 1, 9, &t);
	assert_int_equal(t.change, RA_CHANGE_RECOVERY);
	assert_int_equal(t.id, 7);
	assert_int_equal(t.lasted, 7000); /* since the first bad result, soft ones included */
	assert_int_equal(s.problem, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table),
		cmocka_unit_test(test_ids) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
