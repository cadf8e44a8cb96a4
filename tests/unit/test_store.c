/* SPDX-License-Identifier: Apache-2.0 */
/* The store when nothing goes wrong, and who may use it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "relaudit/base/clock.h"

#include "store_rig.h"

static int
setup(void **state)
{
	struct rig *rig = malloc(sizeof(*rig));

	rig_init(rig);
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

/* --- records --- */

static void
test_kept(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(rig_notes(rig), "");
	assert_null(ra_store_get(rig->store, RA_RECORD_STATE, "a/b"));
	assert_int_equal(rig_put(rig, "a/b", "one"), 0);
	assert_int_equal(rig_put(rig, "a/b", "two"), 0);
	assert_int_equal(rig_put(rig, "a/c", ""), 0);
	assert_string_equal(rig_get(rig, "a/b"), "two");
	assert_int_equal(ra_store_put(rig->store, RA_RECORD_META, "a/b", "meta", 4, NULL, NULL), 0);
	assert_int_equal(ra_store_remove(rig->store, RA_RECORD_STATE, "a/c"), 0);
	assert_null(ra_store_get(rig->store, RA_RECORD_STATE, "a/c"));
	rig_close(rig);

	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(rig_notes(rig), "");
	assert_string_equal(rig_get(rig, "a/b"), "two");
	assert_string_equal(ra_store_get(rig->store, RA_RECORD_META, "a/b"), "meta");
	assert_null(ra_store_get(rig->store, RA_RECORD_STATE, "a/c"));
}

static void
count_each(void *arg, const char *key, const char *body)
{
	assert_string_equal(key, body);
	++*(int *)arg;
}

static void
on_counted(void *arg, int error)
{
	assert_int_equal(error, 0);
	--*(int *)arg;
}

/* Many at once: every one is answered, in memory at once, on disk afterwards. */
static void
test_many(void **state)
{
	struct rig *rig = *state;
	int left = 0, seen = 0;
	struct ra_store_stats stats;
	char key[32];

	assert_int_equal(rig_open(rig), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "env/%d", i % 2000);
		left++;
		assert_int_equal(ra_store_put(rig->store, RA_RECORD_STATE, key, key, strlen(key),
				     on_counted, &left),
		    0);
	}
	while (left > 0)
		ra_loop_turn(rig->loop);
	ra_store_stats(rig->store, &stats);
	assert_int_equal(stats.puts, 5000);
	assert_int_equal(stats.unsaved, 0);
	assert_false(stats.failing);
	rig_close(rig);
	assert_int_equal(rig_open(rig), 0);
	ra_store_each(rig->store, RA_RECORD_STATE, count_each, &seen);
	assert_int_equal(seen, 2000);
}

/* What is called back during close may put more, which counts too. */
struct chain {
	struct rig *rig;
	int left;
};

static void
put_next(void *arg, int error)
{
	struct chain *c = arg;
	char body[16];

	assert_int_equal(error, 0);
	snprintf(body, sizeof(body), "%d", c->left);
	if (--c->left >= 0)
		assert_int_equal(ra_store_put(c->rig->store, RA_RECORD_STATE, "chain", body,
				     strlen(body), put_next, c),
		    0);
}

static void
test_put_from_answers_while_closing(void **state)
{
	struct rig *rig = *state;
	struct chain c = { rig, 5 };
	struct ra_store *s;

	assert_int_equal(rig_open(rig), 0);
	put_next(&c, 0);
	s = rig->store;
	ra_store_close(s, 20000);
	rig->store = NULL;
	assert_int_equal(c.left, -1);
	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(rig_get(rig, "chain"), "1");
}

static void
test_generations(void **state)
{
	struct rig *rig = *state;
	int64_t rows = 0, oldest = 0;
	sqlite3 *db = NULL;

	assert_int_equal(rig_open(rig), 0);
	for (int i = 0; i < 7; i++)
		assert_int_equal(rig_put(rig, "k", i % 2 == 0 ? "even" : "odd"), 0);
	rig_close(rig);
	assert_int_equal(sqlite3_open(rig_path(rig, "records.db"), &db), SQLITE_OK);
	assert_int_equal(ra_disk_number(db, "SELECT count(*) FROM record", &rows), 0);
	assert_int_equal(ra_disk_number(db, "SELECT min(generation) FROM record", &oldest), 0);
	sqlite3_close(db);
	assert_int_equal(rows, 2);
	assert_int_equal(oldest, 6);
}

/* --- who may --- */

static void
test_modes(void **state)
{
	struct rig *rig = *state;
	static const char *const files[] = { "records.db", "records.db-wal", "history.db", "lock" };
	struct stat st;
	mode_t was = umask(0);

	assert_int_equal(rig_open(rig), 0);
	assert_int_equal(rig_put(rig, "k", "v"), 0);
	umask(was);
	assert_int_equal(stat(rig->folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	for (size_t i = 0; i < RA_ARRAY_SIZE(files); i++) {
		assert_int_equal(stat(rig_path(rig, files[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

static void
test_second_opener(void **state)
{
	struct rig *rig = *state;
	struct ra_store *second = NULL;
	char expected[64];

	assert_int_equal(rig_open(rig), 0);
	snprintf(expected, sizeof(expected), "already running, pid %ld", (long)getpid());
	assert_int_equal(
	    ra_store_open(rig->loop, rig->folder, &second, &rig->notes, &rig->err), -EBUSY);
	assert_non_null(strstr(rig->err.text, expected));
	assert_int_equal(rig_put(rig, "k", "v"), 0); /* the first is unharmed */
}

static void
test_lock_goes_with_its_process(void **state)
{
	struct rig *rig = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		CHECK(rig_open(rig) == 0);
		CHECK(rig_put(rig, "k", "v") == 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(rig_get(rig, "k"), "v");
}

static void
refused(struct rig *rig, int error, const char *says)
{
	assert_int_equal(rig_open(rig), error);
	if (strstr(rig->err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", rig->err.text, says);
	assert_non_null(strstr(rig->err.text, rig->folder));
}

static void
test_refused_folders(void **state)
{
	struct rig *rig = *state;
	char real[160];

	snprintf(real, sizeof(real), "%s.real", rig->folder);
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink(real, rig->folder), 0);
	assert_int_not_equal(rig_open(rig), 0);
	assert_non_null(strstr(rig->err.text, "symbolic link"));
	strcat(rig->folder, "/"); /* would follow it */
	assert_int_not_equal(rig_open(rig), 0);
	rig->folder[strlen(rig->folder) - 1] = '\0';
	assert_int_equal(rig_count(rig, "records"), 0);
	unlink(rig->folder);
	rmdir(real);

	assert_int_equal(mkfifo(rig->folder, 0600), 0);
	assert_int_not_equal(rig_open(rig), 0);
	unlink(rig->folder);

	assert_int_equal(mkdir(rig->folder, 0700), 0);
	assert_int_equal(chmod(rig->folder, 0777), 0);
	refused(rig, -EPERM, "may be written by others");
	assert_int_equal(chmod(rig->folder, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(rig->folder, 12345, 0), 0);
		refused(rig, -EPERM, "belongs to uid 12345");
	}
}

static void
test_refused_files(void **state)
{
	struct rig *rig = *state;
	static const char *const names[] = { "records.db", "records.db-wal", "records.db.last",
		"history.db", "history.db-journal", "lock" };

	assert_int_equal(mkdir(rig->folder, 0700), 0);
	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++) {
		const char *path = rig_path(rig, names[i]);

		assert_int_equal(symlink("/etc/passwd", path), 0);
		refused(rig, -EPERM, "symbolic link");
		assert_non_null(strstr(rig->err.text, names[i]));
		unlink(path);
		assert_int_equal(mkfifo(path, 0600), 0);
		refused(rig, -EPERM, "FIFO");
		unlink(path);
		assert_int_equal(mkdir(path, 0700), 0);
		refused(rig, -EPERM, "folder");
		rmdir(path);
		file_write(path, "", 0);
		assert_int_equal(chmod(path, 0666), 0);
		refused(rig, -EPERM, "may be written by others");
		if (geteuid() == 0) {
			assert_int_equal(chmod(path, 0600), 0);
			assert_int_equal(chown(path, 12345, 0), 0);
			refused(rig, -EPERM, "belongs to uid 12345");
		}
		unlink(path);
	}
	assert_int_equal(rig_open(rig), 0);
}

static void
test_no_such_parent(void **state)
{
	struct rig *rig = *state;

	strcat(rig->folder, "/deeper");
	assert_int_equal(rig_open(rig), -ENOENT);
}

/* --- history --- */

struct page {
	bool done;
	int error;
	size_t count;
	char text[4096]; /* "what:check:body " each */
};

static void
on_page(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	struct page *p = arg;
	int64_t last = 0;
	size_t used = 0;

	assert_false(p->done);
	p->done = true;
	p->error = error;
	p->count = count;
	for (size_t i = 0; i < count; i++) {
		assert_true(events[i].at >= last);
		assert_true(events[i].id > 0);
		last = events[i].at;
		if (used < sizeof(p->text) - 100)
			used += (size_t)snprintf(p->text + used, sizeof(p->text) - used,
			    "%s:%s:%s ", events[i].what, events[i].check, events[i].body);
	}
}

static const char *
ask(struct rig *rig, struct ra_history_query query, struct page *page)
{
	memset(page, 0, sizeof(*page));
	assert_int_equal(ra_store_history(rig->store, &query, on_page, page), 0);
	while (!page->done)
		ra_loop_turn(rig->loop);
	assert_int_equal(page->error, 0);
	return page->text;
}

static void
add(struct rig *rig, int64_t at, const char *check, const char *body)
{
	struct ra_history_event e = {
		.at = at, .what = *check != '\0' ? "state" : "start", .check = check, .body = body
	};

	ra_store_event(rig->store, &e);
}

static void
test_history(void **state)
{
	struct rig *rig = *state;
	struct page page;

	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(ask(rig, (struct ra_history_query){ 0 }, &page), "");
	add(rig, 1000, "", "0");
	add(rig, 2000, "a/x", "1");
	add(rig, 3000, "b/x", "2");
	add(rig, 4000, "a/y", "3");
	add(rig, 5000, "ab/y", "4");
	/* What was added before the question is in the answer. */
	assert_string_equal(ask(rig, (struct ra_history_query){ 0 }, &page),
	    "start::0 state:a/x:1 state:b/x:2 state:a/y:3 state:ab/y:4 ");
	assert_string_equal(ask(rig, (struct ra_history_query){ .environment = "a" }, &page),
	    "state:a/x:1 state:a/y:3 ");
	assert_string_equal(
	    ask(rig, (struct ra_history_query){ .environment = "a", .check = "a/y" }, &page),
	    "state:a/y:3 ");
	assert_string_equal(
	    ask(rig, (struct ra_history_query){ .since = 2000, .until = 4000 }, &page),
	    "state:a/x:1 state:b/x:2 state:a/y:3 ");
	/* The newest win, oldest first. */
	assert_string_equal(
	    ask(rig, (struct ra_history_query){ .limit = 2 }, &page), "state:a/y:3 state:ab/y:4 ");
	assert_string_equal(
	    ask(rig, (struct ra_history_query){ .environment = "none" }, &page), "");

	ra_store_prune(rig->store, 4000);
	assert_string_equal(
	    ask(rig, (struct ra_history_query){ 0 }, &page), "state:a/y:3 state:ab/y:4 ");
	rig_close(rig);
	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(
	    ask(rig, (struct ra_history_query){ 0 }, &page), "state:a/y:3 state:ab/y:4 ");
}

/* Of each sort and check what was last, and what comes next. */
static void
test_history_around(void **state)
{
	static const struct {
		int64_t at;
		const char *environment, *check, *wanted;
	} rows[] = {
		{ 1, NULL, NULL, "state:a/x:1 state:a/y:3 state:ab/y:6 " },
		{ 1000, NULL, NULL, "state:a/x:1 state:a/x:2 state:a/y:3 state:ab/y:6 " },
		{ 2999, NULL, NULL, "state:a/x:1 state:a/x:2 state:a/y:3 state:ab/y:6 " },
		{ 4000, NULL, NULL, "state:a/x:2 state:a/y:4 state:a/x:5 state:ab/y:6 " },
		{ 9000, NULL, NULL, "state:a/y:4 state:a/x:5 state:ab/y:6 " },
		{ 4000, "a", NULL, "state:a/x:2 state:a/y:4 state:a/x:5 " },
		{ 3000, "a", "a/y", "state:a/y:3 state:a/y:4 " },
		{ 4000, "none", NULL, "" },
	};
	struct rig *rig = *state;
	struct page page;

	assert_int_equal(rig_open(rig), 0);
	add(rig, 1000, "a/x", "1");
	add(rig, 3000, "a/x", "2");
	add(rig, 3000, "a/y", "3");
	add(rig, 4000, "a/y", "4");
	add(rig, 5000, "a/x", "5");
	add(rig, 6000, "ab/y", "6");
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		assert_string_equal(ask(rig,
					(struct ra_history_query){ .around = rows[i].at,
					    .limit = 1,
					    .environment = rows[i].environment,
					    .check = rows[i].check },
					&page),
		    rows[i].wanted);
}

static void
test_prune_many(void **state)
{
	struct rig *rig = *state;
	struct page page;

	assert_int_equal(rig_open(rig), 0);
	for (int i = 0; i < 3500; i++)
		add(rig, i, "a/x", "1");
	ra_store_prune(rig->store, 3499);
	ask(rig, (struct ra_history_query){ .limit = 5000 }, &page);
	assert_int_equal(page.count, 1);
}

static void
on_latest(void *arg, const char *check, const char *body, int64_t checked)
{
	struct ra_buf *out = arg;

	ra_buf_printf(out, "%s=%s@%lld ", check, body, (long long)checked);
}

static void
test_latest(void **state)
{
	struct rig *rig = *state;
	RA_BUF_LOCAL text = RA_BUF(65536);

	assert_int_equal(rig_open(rig), 0);
	ra_store_latest(rig->store, "a/x", "old", 3);
	ra_store_seen(rig->store, "a/x", 5);
	ra_store_latest(rig->store, "a/x", "new", 3);
	ra_store_seen(rig->store, "a/x", 7);
	ra_store_latest(rig->store, "b/x", "other", 5);
	ra_store_latest(rig->store, "gone/x", "?", 1);
	ra_store_seen(rig->store, "gone/x", 9);
	ra_store_forget(rig->store, "gone/x");
	rig_close(rig);
	assert_int_equal(rig_open(rig), 0);
	assert_int_equal(ra_store_load_latest(rig->store, on_latest, &text, NULL), 0);
	assert_true(strcmp(ra_buf_text(&text), "a/x=new@7 b/x=other@0 ") == 0 ||
		    strcmp(ra_buf_text(&text), "b/x=other@0 a/x=new@7 ") == 0);
}

/* A round of times over many checks is a transaction, not one each. */
static void
test_seen_many(void **state)
{
	struct rig *rig = *state;
	struct page page;
	struct ra_store_stats stats;
	char check[32];

	assert_int_equal(rig_open(rig), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(check, sizeof(check), "env-%d/version", i);
			ra_store_seen(rig->store, check, round);
		}
	}
	ask(rig, (struct ra_history_query){ 0 }, &page);
	ra_store_stats(rig->store, &stats);
	assert_int_equal(stats.dropped, 0);
	assert_int_equal(stats.queued, 0);
}

/*
 * A bounded queue: history beyond it is dropped and counted, a put is refused; the loop never
 * waits.
 */
static void
test_queue_is_bounded(void **state)
{
	struct rig *rig = *state;
	const size_t size = 1 << 20;
	char *body = malloc(size);
	struct ra_store_stats stats;
	int r = 0, i;

	memset(body, 'x', size);
	assert_int_equal(rig_open(rig), 0);
	for (i = 0; i < 200; i++)
		ra_store_latest(rig->store, "a/x", body, size);
	ra_store_stats(rig->store, &stats);
	assert_true(stats.dropped > 0 || stats.queued < 200);
	assert_true(stats.queued <= 64);
	/* Bodies of sixteen MiB and more are no records. */
	for (i = 0; i < 200 && r == 0; i++)
		r = ra_store_put(rig->store, RA_RECORD_STATE, "k", body, size, NULL, NULL);
	assert_true(r == 0 || r == -ENOMEM);
	free(body);
}

static void
expect_cancelled(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	*(int *)arg = error;
}

/* A question under way at the end is answered, if only with an error. */
static void
test_close_answers_questions(void **state)
{
	struct rig *rig = *state;
	int answers[20];

	assert_int_equal(rig_open(rig), 0);
	for (int i = 0; i < 20; i++) {
		answers[i] = 1;
		assert_int_equal(ra_store_history(rig->store, &(struct ra_history_query){ 0 },
				     expect_cancelled, &answers[i]),
		    0);
	}
	rig_close(rig);
	for (int i = 0; i < 20; i++)
		assert_true(answers[i] == 0 || answers[i] == -ECANCELED);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* --- snapshots --- */

static struct ra_snapshot *
new_snapshot(const char *value, size_t count)
{
	struct ra_snapshot_rules rules = { .key = "k", .key_len = 1 };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *s = NULL;
	char key[32];

	assert_non_null(b);
	for (size_t i = 0; i < count; i++) {
		int n = snprintf(key, sizeof(key), "A%zu", i);

		assert_int_equal(ra_snapshot_add(b, key, (size_t)n, value, strlen(value), 1, 0), 0);
	}
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

static void
keep_snapshot(
    struct rig *rig, const char *check, const char *instance, char mark, struct ra_snapshot *s)
{
	uint8_t marks[RA_STORE_MARK];

	memset(marks, mark, sizeof(marks));
	assert_int_equal(ra_store_snapshot(rig->store, check, instance, marks, s), 0);
	ra_snapshot_unref(s);
}

static void
on_snapshot(void *arg, const char *check, const char *instance, const uint8_t mark[RA_STORE_MARK],
    struct ra_snapshot *s)
{
	ra_buf_printf(arg, "%s(%s)%c=%s ", check, instance, mark[RA_STORE_MARK - 1],
	    ra_snapshot_at(s, 0).value);
}

static void
assert_snapshots(struct rig *rig, const char *expected)
{
	RA_BUF_LOCAL text = RA_BUF(65536);

	assert_int_equal(ra_store_load_snapshots(rig->store, on_snapshot, &text, NULL), 0);
	assert_string_equal(ra_buf_text(&text), expected);
}

static void
test_snapshots(void **state)
{
	struct rig *rig = *state;
	RA_FREE char *big = calloc(1, 100001);

	assert_int_equal(rig_open(rig), 0);
	memset(big, 'x', 100000);
	keep_snapshot(rig, "a/x", "", '1', new_snapshot("old", 1));
	keep_snapshot(rig, "a/x", "", '2', new_snapshot("new", 1));
	keep_snapshot(rig, "b/x", "h1", '1', new_snapshot("one", 1));
	keep_snapshot(rig, "b/x", "h2", '1', new_snapshot("two", 1));
	keep_snapshot(rig, "b/x", "h3", '1', new_snapshot("three", 1));
	keep_snapshot(rig, "big/x", "", '1', new_snapshot("small", 1));
	keep_snapshot(rig, "gone/x", "h1", '1', new_snapshot("gone", 1));
	keep_snapshot(rig, "gone/x", "h2", '1', new_snapshot("gone", 1));
	rig_close(rig);
	assert_int_equal(rig_open(rig), 0);
	assert_snapshots(rig, "a/x()2=new b/x(h1)1=one b/x(h2)1=two b/x(h3)1=three "
			      "big/x()1=small gone/x(h1)1=gone gone/x(h2)1=gone ");
	keep_snapshot(rig, "b/x", "h3", '1', NULL);
	/* One that is too large leaves nothing, not the one before. */
	keep_snapshot(rig, "big/x", "", '1', new_snapshot(big, 100));
	ra_store_forget(rig->store, "gone/x");
	rig_close(rig);
	assert_int_equal(rig_open(rig), 0);
	assert_snapshots(rig, "a/x()2=new b/x(h1)1=one b/x(h2)1=two ");
}

static void
history_exec(const struct rig *rig, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(rig_path(rig, RA_HISTORY_FILE), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A file of a relaudit that kept none keeps what is in it, and gets the table. */
static void
test_snapshots_of_an_older_file(void **state)
{
	struct rig *rig = *state;
	RA_BUF_LOCAL text = RA_BUF(65536);

	assert_int_equal(rig_open(rig), 0);
	ra_store_latest(rig->store, "a/x", "body", 4);
	rig_close(rig);
	history_exec(rig, "DROP TABLE snapshot; PRAGMA user_version=1");
	assert_int_equal(rig_open(rig), 0);
	assert_string_equal(rig_notes(rig), "");
	assert_int_equal(ra_store_load_latest(rig->store, on_latest, &text, NULL), 0);
	assert_string_equal(ra_buf_text(&text), "a/x=body@0 ");
	keep_snapshot(rig, "a/x", "", '1', new_snapshot("v", 1));
	rig_close(rig);
	assert_int_equal(rig_open(rig), 0);
	assert_snapshots(rig, "a/x()1=v ");
}

static void
test_damaged_snapshots(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_open(rig), 0);
	keep_snapshot(rig, "a/x", "", '1', new_snapshot("a", 1));
	keep_snapshot(rig, "b/x", "", '1', new_snapshot("b", 1));
	keep_snapshot(rig, "c/x", "", '1', new_snapshot("c", 1));
	rig_close(rig);
	history_exec(rig, "UPDATE snapshot SET body = x'00' WHERE check_id = 'a/x';"
			  "UPDATE snapshot SET mark = x'00' WHERE check_id = 'b/x'");
	assert_int_equal(rig_open(rig), 0);
	assert_snapshots(rig, "c/x()1=c ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lock_goes_with_its_process), /* forks: before there are threads */
		TEST(test_kept),
		TEST(test_many),
		TEST(test_put_from_answers_while_closing),
		TEST(test_generations),
		TEST(test_modes),
		TEST(test_second_opener),
		TEST(test_refused_folders),
		TEST(test_refused_files),
		TEST(test_no_such_parent),
		TEST(test_history),
		TEST(test_history_around),
		TEST(test_prune_many),
		TEST(test_latest),
		TEST(test_seen_many),
		TEST(test_queue_is_bounded),
		TEST(test_close_answers_questions),
		TEST(test_snapshots),
		TEST(test_snapshots_of_an_older_file),
		TEST(test_damaged_snapshots),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
