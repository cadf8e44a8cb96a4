/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store for which memory runs out, its own or SQLite's, wherever it does: what was taken is on
 * disk once there is memory again, what was not is as it was, and nothing is called damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "relaudit/model/snapshot.h"

#include "store_rig.h"

#include "failing_conf.h"

#ifndef STEP
#define STEP 17
#endif

/* --- SQLite's requests --- */

static sqlite3_mem_methods sqlite_real;

static void *
sqlite_malloc(int size)
{
	return failing_own && failing_refused() ? NULL : sqlite_real.xMalloc(size);
}

static void *
sqlite_realloc(void *p, int size)
{
	return failing_own && failing_refused() ? NULL : sqlite_real.xRealloc(p, size);
}

static int
take_requests(void **state)
{
	sqlite3_mem_methods methods;

	(void)state;
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_real) != SQLITE_OK)
		return -1;
	methods = sqlite_real;
	methods.xMalloc = sqlite_malloc;
	methods.xRealloc = sqlite_realloc;
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK ? 0 : -1;
}

/* --- one life of a store --- */

struct life {
	struct rig rig;
	struct ra_snapshot *snapshot;
	uint8_t mark[RA_STORE_MARK];
	bool fresh; /* begins without a folder */
	int turn;
	char body[32], before[32]; /* what was put this time, what is known to be kept */
	size_t latest, snapshots; /* as read */
	size_t latest_kept, snapshots_kept; /* as read with memory */
};

static void
on_latest(void *arg, const char *check, const char *body, int64_t checked)
{
	struct life *l = arg;

	(void)check;
	(void)checked;
	l->latest += strcmp(body, "{}") == 0;
}

static void
on_snapshot(void *arg, const char *check, const char *instance, const uint8_t mark[RA_STORE_MARK],
    struct ra_snapshot *snapshot)
{
	struct life *l = arg;

	(void)check;
	(void)instance;
	l->snapshots += ra_snapshot_count(snapshot) == 1 && mark[0] == l->mark[0];
}

struct page {
	bool done;
	int error;
	size_t count;
};

static void
on_page(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	struct page *p = arg;

	CHECK(events != NULL || count == 0);
	*p = (struct page){ true, error, count };
}

static void
ask_history(struct rig *rig, struct page *p)
{
	*p = (struct page){ 0 };
	p->error =
	    ra_store_history(rig->store, &(struct ra_history_query){ .limit = 3 }, on_page, p);
	while (p->error == 0 && !p->done)
		ra_loop_turn(rig->loop);
}

/* Everything that a store does, once. True if the new body was taken. */
static bool
use(struct life *l, struct page *page)
{
	struct ra_history_event e = {
		.at = l->turn, .what = "state", .check = "e/a", .body = "{}"
	};
	struct answer a = { 0 }, b = { 0 };
	struct rig *rig = &l->rig;
	bool taken;

	l->latest = l->snapshots = 0;
	if (ra_store_load_latest(rig->store, on_latest, l, &rig->err) == 0)
		CHECK(l->latest == l->latest_kept);
	if (ra_store_load_snapshots(rig->store, on_snapshot, l, &rig->err) == 0)
		CHECK(l->snapshots == l->snapshots_kept);
	taken = ra_store_put(rig->store, RA_RECORD_STATE, "e/a", l->body, strlen(l->body),
		    on_answer, &a) == 0;
	(void)ra_store_remove(rig->store, RA_RECORD_STATE, "e/gone");
	if (ra_store_put(rig->store, RA_RECORD_META, "m", "x", 1, on_answer, &b) < 0)
		b.done = true;
	ra_store_latest(rig->store, "e/a", "{}", 2);
	ra_store_seen(rig->store, "e/a", 5);
	ra_store_event(rig->store, &e);
	ra_store_prune(rig->store, 0);
	(void)ra_store_snapshot(rig->store, "e/a", "i", l->mark, l->snapshot);
	ra_store_forget(rig->store, "e/none");
	ask_history(rig, page);
	while ((taken && !a.done) || !b.done)
		ra_loop_turn(rig->loop);
	return taken;
}

/* With memory: what was taken is there, or else what was before. */
static void
look(struct life *l, bool taken)
{
	struct ra_error err = { 0 };
	struct page page;
	const char *kept;

	if (rig_open(&l->rig) < 0)
		fail_msg("%s", l->rig.err.text);
	assert_string_equal(rig_notes(&l->rig), "");
	assert_int_equal(rig_count(&l->rig, "records.db.damaged"), 0);
	assert_int_equal(rig_count(&l->rig, "history.db.damaged"), 0);
	l->latest = l->snapshots = 0;
	kept = rig_get(&l->rig, "e/a");
	assert_string_equal(kept, taken ? l->body : l->before);
	assert_int_equal(ra_store_load_latest(l->rig.store, on_latest, l, &err), 0);
	assert_int_equal(ra_store_load_snapshots(l->rig.store, on_snapshot, l, &err), 0);
	l->latest_kept = l->latest;
	l->snapshots_kept = l->snapshots;
	ask_history(&l->rig, &page);
	assert_int_equal(page.error, 0);
	rig_close(&l->rig);
	memcpy(l->before, kept != NULL && taken ? l->body : l->before, sizeof(l->before));
}

static bool
run_life(void *arg, int at, bool onward)
{
	struct life *l = arg;
	struct page page = { 0 };
	bool taken = false, refused;
	int r;

	if (l->fresh) {
		remove_folder(l->rig.folder);
		l->before[0] = '\0';
		l->latest_kept = l->snapshots_kept = 0;
	}
	snprintf(l->body, sizeof(l->body), "{\"turn\":%d}", ++l->turn);
	failing_arm(at, onward);
	r = rig_open(&l->rig);
	if (r == 0)
		taken = use(l, &page);
	refused = failing_disarm();
	if (r == 0) {
		assert_true(refused || (taken && page.error == 0 && page.done));
		ra_store_retry(l->rig.store);
		rig_close(&l->rig);
	} else {
		assert_true(refused);
		assert_true(l->rig.err.text[0] != '\0');
		assert_null(l->rig.store);
	}
	look(l, taken);
	return refused;
}

static void
life_begin(struct life *l, bool fresh)
{
	struct ra_snapshot_rules rules = { .key = "0123456789abcdef", .key_len = 16 };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);

	assert_non_null(b);
	assert_int_equal(ra_snapshot_add(b, "KEY", 3, "value", 5, 1, 0), 0);
	assert_int_equal(ra_snapshot_seal(b, &l->snapshot), 0);
	l->mark[0] = 7;
	l->fresh = fresh;
	rig_init(&l->rig);
}

static void
life_end(struct life *l)
{
	rig_end(&l->rig);
	ra_snapshot_unref(l->snapshot);
}

static void
each(bool fresh, bool sqlite, int step)
{
	struct life l = { 0 };

	life_begin(&l, fresh);
	failing_own = sqlite;
	failing_each(run_life, &l, step);
	failing_own = false;
	life_end(&l);
}

static void
test_first_start(void **state)
{
	(void)state;
	each(true, false, 1);
}

static void
test_later_start(void **state)
{
	(void)state;
	each(false, false, 1);
}

/* These are thousands: some of each part. */
static void
test_first_start_of_sqlite(void **state)
{
	(void)state;
	each(true, true, STEP);
}

static void
test_later_start_of_sqlite(void **state)
{
	(void)state;
	each(false, true, STEP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_start),
		cmocka_unit_test(test_later_start),
		cmocka_unit_test(test_first_start_of_sqlite),
		cmocka_unit_test(test_later_start_of_sqlite),
	};

	return cmocka_run_group_tests(tests, take_requests, NULL);
}
