/* SPDX-License-Identifier: Apache-2.0 */
/* What is older than `daemon: history: keep:` is dropped, but by no clock that is off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "relaudit/base/clock.h"
#include "relaudit/engine/engine.h"
#include "relaudit/format/format.h"
#include "relaudit/kind/kind.h"
#include "relaudit/source/source.h"

#include "store_rig.h"

/* The engine's turn to keep and drop, which a timer brings otherwise. */
void ra_keep_flush(struct ra_engine *e, bool all);

/* --- one check that comes to nothing --- */

static const char *
host(const void *options)
{
	return NULL;
}

static int
start(struct ra_fetch *f)
{
	return -EMFILE;
}

static void
cancel(struct ra_fetch *f)
{
}

static size_t
needs(const void *options, const void *expect, struct ra_need list[RA_NEEDS_MAX])
{
	list[0] = (struct ra_need){ RA_NEED_SELF, RA_SHAPE_BYTES };
	return 1;
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
}

static const struct ra_fact_def facts[] = { { .name = NULL } };
static const struct ra_source source = { .type = { .name = "none" },
	.serves = RA_SHAPE_BYTES,
	.host = host,
	.start = start,
	.cancel = cancel };
static const struct ra_kind kind = { .type = { .name = "none" },
	.takes = RA_SHAPE_BYTES,
	.facts = facts,
	.needs = needs,
	.judge = judge };
const struct ra_source *const ra_sources[] = { &source, NULL };
const struct ra_format *const ra_formats[] = { NULL };
const struct ra_kind *const ra_kinds[] = { &kind, NULL };

static struct ra_environment environment = { .name = "test" };
static struct ra_instance_conf instance;
static struct ra_check check = { .id = "test/c",
	.name = "c",
	.environment = &environment,
	.confirm = 1,
	.recover = 1,
	.severity = RA_CRITICAL,
	.format = RA_NO_FORMAT,
	.instances = &instance,
	.instance_count = 1,
	.every = RA_DAY,
	.timeout = RA_SECOND,
	.retry = RA_DAY };
static const struct ra_check *checks[] = { &check };
static struct ra_config config = { .refs = 1000,
	.daemon = { .in_flight = 1, .per_host = 1, .history_keep = 400 * RA_DAY },
	.checks = checks,
	.check_count = 1 };

/* --- clocks --- */

/* By how much the clocks are ahead of the system's; the store's thread reads them too. */
static _Atomic int64_t wall_ahead, boot_ahead, mono_ahead;

static int64_t
now_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * RA_SECOND;
}

static int64_t
mono(void *arg)
{
	return now_of(CLOCK_MONOTONIC) + mono_ahead;
}

static int64_t
wall(void *arg)
{
	return now_of(CLOCK_REALTIME) + wall_ahead;
}

static int64_t
boot(void *arg)
{
	return now_of(CLOCK_BOOTTIME) + boot_ahead;
}

static void
pass(int64_t ms)
{
	wall_ahead += ms;
	boot_ahead += ms;
	mono_ahead += ms;
}

/* --- an engine with a history --- */

struct events {
	bool done;
	size_t count;
};

static void
on_events(void *arg, int error, const struct ra_history_event *list, size_t count)
{
	assert_int_equal(error, 0);
	*(struct events *)arg = (struct events){ true, count };
}

/* How many events there are after the engine's turn. */
static size_t
left(struct rig *rig, struct ra_engine *e)
{
	struct ra_history_query all = { .environment = "old", .check = "old/c" };
	struct events got = { 0 };

	ra_keep_flush(e, false);
	assert_int_equal(ra_store_history(rig->store, &all, on_events, &got), 0);
	while (!got.done)
		ra_loop_turn(rig->loop);
	return got.count;
}

static void
put_event(struct rig *rig, int64_t at)
{
	ra_store_event(rig->store, &(struct ra_history_event){
				       .at = at, .what = "state", .check = "old/c", .body = "{}" });
}

static struct ra_engine *engine;

static struct ra_engine *
begin(struct rig *rig)
{
	struct ra_io io = { .loop = rig->loop };

	assert_int_equal(rig_open(rig), 0);
	assert_int_equal(ra_engine_new(&io, rig->store, NULL, &engine, NULL), 0);
	assert_int_equal(ra_engine_start(engine, &config, NULL), 0);
	return engine;
}

static int
set_up(void **state)
{
	static const struct ra_clock moved = { .mono = mono, .wall = wall, .boot = boot };
	static struct rig rig;

	wall_ahead = boot_ahead = mono_ahead = 0;
	ra_clock_replace(&moved);
	rig_init(&rig);
	assert_int_equal(ra_map_put(&config.checks_by_id, check.id, &check, NULL), 0);
	*state = &rig;
	return 0;
}

static int
tear_down(void **state)
{
	ra_engine_stop(engine);
	ra_engine_free(engine);
	rig_end(*state);
	ra_clock_replace(NULL);
	ra_map_free(&config.checks_by_id);
	return 0;
}

/* --- tests --- */

static void
test_a_start_by_a_clock_that_is_ahead(void **state)
{
	const int64_t now = ra_clock_wall(), years = 20 * 365 * RA_DAY;
	struct rig *rig = *state;
	struct ra_engine *e;

	wall_ahead = years;
	e = begin(rig);
	put_event(rig, now);
	put_event(rig, now - 401 * RA_DAY);
	assert_int_equal(left(rig, e), 2);
	wall_ahead = 0;
	pass(59 * RA_MINUTE);
	assert_int_equal(left(rig, e), 2);
	pass(2 * RA_MINUTE);
	assert_int_equal(left(rig, e), 1);
}

static void
test_the_clock_jumps(void **state)
{
	const int64_t now = ra_clock_wall(), years = 20 * 365 * RA_DAY;
	struct rig *rig = *state;
	struct ra_engine *e = begin(rig);

	put_event(rig, now);
	wall_ahead += years; /* and is ahead just when the hour is over */
	pass(61 * RA_MINUTE);
	assert_int_equal(left(rig, e), 1);
	wall_ahead -= years;
	put_event(rig, now - 401 * RA_DAY);
	pass(61 * RA_MINUTE); /* that it went back is no reason not to */
	assert_int_equal(left(rig, e), 1);
}

static void
test_the_machine_slept(void **state)
{
	const int64_t now = ra_clock_wall();
	struct rig *rig = *state;
	struct ra_engine *e = begin(rig);

	put_event(rig, now);
	wall_ahead += 402 * RA_DAY;
	boot_ahead += 402 * RA_DAY;
	pass(61 * RA_MINUTE);
	assert_int_equal(left(rig, e), 0);
}

/* A machine without a battery begins in 1970, until it has asked for the time. */
static void
test_the_clock_was_set_right(void **state)
{
	const int64_t now = ra_clock_wall();
	struct rig *rig = *state;
	struct ra_engine *e;

	wall_ahead = -now;
	e = begin(rig);
	put_event(rig, now - 401 * RA_DAY);
	wall_ahead = 0;
	pass(61 * RA_MINUTE);
	assert_int_equal(left(rig, e), 1);
	pass(61 * RA_MINUTE);
	assert_int_equal(left(rig, e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_start_by_a_clock_that_is_ahead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_clock_jumps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_machine_slept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_clock_was_set_right, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
