/* SPDX-License-Identifier: Apache-2.0 */
/* The store whose files or folder someone removes, replaces or cuts while it has them open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_rig.h"

static int
setup(void **state)
{
	struct rig *rig = malloc(sizeof(*rig));

	rig_init(rig);
	CHECK(rig_open(rig) == 0);
	CHECK(rig_put(rig, "a/one", "1") == 0);
	CHECK(rig_put(rig, "a/two", "2") == 0);
	*state = rig;
	return 0;
}

static int
teardown(void **state)
{
	rig_end(*state);
	free(*state);
	return 0;
}

static void
assert_failing(struct rig *rig, const char *says)
{
	struct ra_store_stats stats;

	ra_store_stats(rig->store, &stats);
	assert_true(stats.failing);
	if (strstr(stats.error, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", stats.error, says);
}

static void
recovers(struct rig *rig)
{
	int r;

	do {
		ra_store_retry(rig->store);
		r = rig_put(rig, "a/two", "4");
	} while (r < 0);
	assert_int_equal(r, 0);
}

/* After another start: nothing is lost, and the disk says it too. */
static void
assert_kept(struct rig *rig, const char *two)
{
	struct ra_store_stats stats;

	rig_close(rig);
	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(rig_notes(rig), "");
	assert_string_equal(rig_get(rig, "a/one"), "1");
	assert_string_equal(rig_get(rig, "a/two"), two);
	ra_store_stats(rig->store, &stats);
	assert_false(stats.failing);
	assert_int_equal(stats.unsaved, 0);
}

static void
on_history(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	*(int *)arg = error < 0 ? error : (int)count;
}

static int
count_events(struct rig *rig)
{
	struct ra_history_query query = { 0 };
	int count = INT32_MIN;

	assert_int_equal(ra_store_history(rig->store, &query, on_history, &count), 0);
	while (count == INT32_MIN)
		ra_loop_turn(rig->loop);
	return count;
}

static void
add_event(struct rig *rig, int64_t at)
{
	struct ra_history_event e = { .at = at, .what = "state", .check = "a/x", .body = "{}" };

	ra_store_event(rig->store, &e);
}

static void
test_folder_removed(void **state)
{
	struct rig *rig = *state;
	struct stat st;

	add_event(rig, 1000);
	assert_int_equal(count_events(rig), 1);
	remove_folder(rig->folder);
	assert_int_equal(rig_put(rig, "a/two", "3"), -ESTALE);
	assert_failing(rig, "state not saved: its files were removed");
	recovers(rig);
	assert_int_equal(stat(rig->folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	/* What was in the old file is gone; what comes is kept. */
	while (add_event(rig, 2000), count_events(rig) < 1)
		;
	assert_kept(rig, "4");
	assert_true(count_events(rig) >= 1);
}

/* The lock goes with the folder. */
static void
test_folder_is_locked_again(void **state)
{
	struct rig *rig = *state;
	struct ra_store *second = NULL;

	remove_folder(rig->folder);
	assert_int_equal(rig_put(rig, "a/two", "3"), -ESTALE);
	recovers(rig);
	assert_int_equal(
	    ra_store_open(rig->loop, rig->folder, &second, &rig->notes, &rig->err), -EBUSY);
	assert_int_equal(rig_put(rig, "a/two", "5"), 0);
	assert_kept(rig, "5");
}

static void
test_folder_moved_away(void **state)
{
	struct rig *rig = *state;
	char other[160];

	snprintf(other, sizeof(other), "%s-moved", rig->folder);
	assert_int_equal(rename(rig->folder, other), 0);
	assert_int_equal(rig_put(rig, "a/two", "3"), -ESTALE);
	recovers(rig);
	assert_kept(rig, "4");
	remove_folder(other);
}

/* Nobody may make it: said with its name, and it goes on once somebody has. */
static void
test_folder_cannot_be_made(void **state)
{
	struct rig *rig = *state;

	remove_folder(rig->folder);
	file_write(rig->folder, "", 0);
	assert_int_equal(rig_put(rig, "a/two", "3"), -ESTALE);
	ra_store_retry(rig->store);
	while (rig_put(rig, "a/two", "3") == -ESTALE)
		ra_store_retry(rig->store);
	assert_failing(rig, rig->folder);
	assert_int_equal(unlink(rig->folder), 0);
	recovers(rig);
	assert_kept(rig, "4");
}

/* Nor may what it is in, which is the service manager's, as a rule. */
static void
test_folder_and_what_it_is_in_removed(void **state)
{
	struct rig *rig = *state;
	char outer[sizeof(rig->folder)];

	rig_close(rig);
	memcpy(outer, rig->folder, sizeof(outer));
	remove_folder(outer);
	assert_int_equal(mkdir(outer, 0755), 0);
	strncat(rig->folder, "/in", sizeof(rig->folder) - strlen(rig->folder) - 1);
	assert_int_equal(rig_open(rig), 0);
	assert_int_equal(rig_put(rig, "a/one", "1"), 0);
	remove_folder(rig->folder);
	remove_folder(outer);
	while (rig_put(rig, "a/two", "3") == -ESTALE)
		ra_store_retry(rig->store);
	assert_failing(rig, "is gone and cannot be made (No such file or directory): make it");
	assert_int_equal(mkdir(outer, 0755), 0);
	recovers(rig);
	assert_kept(rig, "4");
	rig_close(rig);
	remove_folder(rig->folder);
	remove_folder(outer);
}

/* Nothing was put since: it is seen when the store is closed, at the latest. */
static void
test_folder_removed_before_the_end(void **state)
{
	struct rig *rig = *state;

	remove_folder(rig->folder);
	assert_kept(rig, "2");
}

static void
test_records_cut(void **state)
{
	static const char *const names[] = { RA_RECORDS_FILE, RA_RECORDS_FILE "-wal" };
	struct rig *rig = *state;

	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++) {
		if (i == 0) { /* a file of some size */
			rig_close(rig);
			assert_int_equal(rig_open(rig), 0);
		}
		assert_int_equal(rig_put(rig, "a/two", "before"), 0);
		file_write(rig_path(rig, names[i]), "", 0);
		assert_int_equal(rig_put(rig, "a/two", "3"), -ESTALE);
		recovers(rig);
		assert_kept(rig, "4");
	}
}

/* A copy from elsewhere may be wanted: it is kept, but not read over what is newer. */
static void
test_records_replaced(void **state)
{
	static const char text[] = "a backup, it seems";
	struct rig *rig = *state;

	assert_int_equal(unlink(rig_path(rig, RA_RECORDS_FILE)), 0);
	file_write(rig_path(rig, RA_RECORDS_FILE), text, strlen(text));
	assert_int_equal(rig_put(rig, "a/two", "3"), -ESTALE);
	recovers(rig);
	assert_true(rig_count(rig, RA_RECORDS_FILE ".damaged-") >= 1);
	assert_kept(rig, "4");
}

static void
test_history_removed(void **state)
{
	struct rig *rig = *state;

	add_event(rig, 1000);
	assert_int_equal(count_events(rig), 1);
	assert_int_equal(unlink(rig_path(rig, RA_HISTORY_FILE)), 0);
	add_event(rig, 2000);
	(void)count_events(rig);
	assert_failing(rig, "history not saved: its files were removed");
	assert_int_equal(rig_put(rig, "a/two", "4"), 0); /* records are none the worse */
	while (add_event(rig, 3000), count_events(rig) < 1)
		;
	assert_kept(rig, "4");
	assert_true(count_events(rig) >= 1);
}

static void
test_history_emptied(void **state)
{
	struct rig *rig = *state;

	rig_close(rig);
	file_write(rig_path(rig, RA_HISTORY_FILE), "", 0);
	assert_int_equal(rig_open(rig), 0);
	assert_non_null(strstr(rig_notes(rig), "history.db is empty, what was in it is lost"));
	assert_kept(rig, "2");
	/* As the first start leaves it that is cut short. */
	rig_close(rig);
	remove_folder(rig->folder);
	assert_int_equal(rig_open(rig), 0);
	rig_close(rig);
	file_write(rig_path(rig, RA_HISTORY_FILE), "", 0);
	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(rig_notes(rig), "");
	/* Of a journal there was a file. */
	rig_close(rig);
	file_write(rig_path(rig, RA_HISTORY_FILE), "", 0);
	file_write(rig_path(rig, RA_HISTORY_FILE "-wal"), "x", 1);
	assert_int_equal(rig_open(rig), 0);
	assert_non_null(strstr(rig_notes(rig), "history.db is empty"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_folder_removed),
		TEST(test_folder_is_locked_again),
		TEST(test_folder_moved_away),
		TEST(test_folder_cannot_be_made),
		TEST(test_folder_and_what_it_is_in_removed),
		TEST(test_folder_removed_before_the_end),
		TEST(test_records_cut),
		TEST(test_records_replaced),
		TEST(test_history_removed),
		TEST(test_history_emptied),
	};

	return cmocka_run_group_tests_name("store_lost", tests, NULL, NULL);
}
