/* SPDX-License-Identifier: Apache-2.0 */
/* The source `file`, with a real helper, which is this program. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "options.h"
#include "relaudit/base/clock.h"
#include "relaudit/source/source.h"

extern const struct ra_source ra_source_file;

static struct ra_loop *loop;
static struct ra_io io;
static struct ra_arena *arena;
static char folder[] = "/tmp/test_file-XXXXXX";

static const char *
path_of(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return path;
}

/* seconds: of its last change, since 1970. */
static const char *
put(const char *name, const char *text, int64_t seconds)
{
	const char *path = path_of(name);
	struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	return path;
}

static const void *
bind(const char *key, const char *path, const char *more)
{
	struct ra_conf_place place;
	char *text = ra_arena_alloc(arena, 2 * PATH_MAX);
	const void *options;

	snprintf(text, 2 * PATH_MAX, "%s: %s\nmax-size: 1M\ntail: 1k\n%s", key, path, more);
	options = options_bind(arena, &ra_source_file.type, text, &place);
	assert_string_equal(place.text, "");
	return options;
}

static void
on_done(struct ra_fetch *f)
{
	*(bool *)f->arg = true;
	ra_loop_stop(loop);
}

static void
start(struct ra_fetch *f, bool *done, const void *options, unsigned shape)
{
	*done = false;
	*f = (struct ra_fetch){ .io = &io,
		.options = options,
		.shape = shape,
		.deadline = ra_clock_mono() + 10000,
		.done = on_done,
		.arg = done };
	assert_int_equal(ra_source_file.start(f), 0);
	assert_false(*done);
}

static void
fetch(struct ra_fetch *f, const void *options, unsigned shape)
{
	bool done;

	start(f, &done, options, shape);
	while (!done)
		ra_loop_run(loop);
	assert_null(f->state);
	assert_true(f->input.fetched > 0 && f->input.latency_ms >= 0);
	assert_non_null(f->input.where);
}

static void
expect_failure(const void *options, unsigned shape, enum ra_reason reason, const char *words)
{
	struct ra_fetch f;

	fetch(&f, options, shape);
	if (f.input.reason != reason || strstr(f.input.error, words) == NULL)
		fail_msg("%s \"%s\"", ra_reason_code(f.input.reason), f.input.error);
	assert_null(f.input.bytes);
	ra_input_clear(&f.input);
}

static void
expect_lines(const void *options, const char *text, int64_t seconds, const char *where)
{
	struct ra_fetch f;

	fetch(&f, options, RA_SHAPE_LINES);
	assert_int_equal(f.input.reason, RA_R_OK);
	assert_string_equal(f.input.bytes, text);
	assert_int_equal(f.input.len, strlen(text));
	assert_true(f.input.modified == seconds * 1000);
	assert_string_equal(f.input.where, where);
	ra_input_clear(&f.input);
}

static void
test_options(void **state)
{
	struct ra_conf_place place;

	options_bind(arena, &ra_source_file.type, "follow: true\n", &place);
	assert_non_null(strstr(place.text, "Say `path:` or `glob:`"));
	options_bind(arena, &ra_source_file.type, "path: /a\nglob: /b/*\n", &place);
	assert_non_null(strstr(place.text, "glob: either"));
}

static void
test_where_is_known_before(void **state)
{
	struct ra_buf text = RA_BUF(100);

	ra_source_file.where(bind("glob", "/backups/*.dump", ""), &text);
	assert_string_equal(ra_buf_text(&text), "/backups/*.dump");
	ra_buf_free(&text);
	ra_source_file.where(NULL, &text);
	assert_int_equal(text.len, 0);
}

static void
test_content(void **state)
{
	const char *path = put("VERSION", "1.5.0\n", 1700000000);
	struct ra_fetch f;

	fetch(&f, bind("path", path, ""), RA_SHAPE_BYTES);
	assert_int_equal(f.input.reason, RA_R_OK);
	assert_string_equal(f.input.bytes, "1.5.0\n");
	assert_int_equal(f.input.len, 6);
	assert_string_equal(f.input.where, path);
	assert_true(f.input.modified == INT64_C(1700000000000));
	assert_false(f.input.cut);
	assert_int_equal(f.input.status, 0);
	ra_input_clear(&f.input);
}

static void
test_content_that_cannot_be_had(void **state)
{
	const char *big = put("big", "", 0);

	assert_int_equal(truncate(big, 1000001), 0);
	expect_failure(bind("path", big, ""), RA_SHAPE_BYTES, RA_R_BODY_TOO_LARGE, "1000000");
	expect_failure(bind("path", folder, ""), RA_SHAPE_BYTES, RA_R_FILE_TYPE, "folder");
	expect_failure(bind("path", path_of("no"), ""), RA_SHAPE_LINES, RA_R_FILE_MISSING, "/no");
	expect_failure(
	    bind("glob", path_of("no*"), ""), RA_SHAPE_BYTES, RA_R_FILE_MISSING, "no file matches");
	expect_failure(
	    bind("glob", path_of("no/*"), ""), RA_SHAPE_ITEMS, RA_R_FILE_MISSING, "/no does");
	assert_int_equal(symlink("VERSION", path_of("link")), 0);
	expect_failure(
	    bind("path", path_of("link"), ""), RA_SHAPE_BYTES, RA_R_FILE_TYPE, "follow: true");
	{
		struct ra_fetch f;

		fetch(&f, bind("path", path_of("link"), "follow: true"), RA_SHAPE_BYTES);
		assert_string_equal(f.input.bytes, "1.5.0\n");
		ra_input_clear(&f.input);
	}
}

/* Bytes that the helper ever read from files; 0: that cannot be seen here. */
static uint64_t
bytes_read(void)
{
	char path[64];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/io", ra_helper_pid(io.helper));
	f = fopen(path, "re");
	if (f != NULL && fscanf(f, "rchar: %llu", &bytes) != 1)
		bytes = 0;
	if (f != NULL)
		fclose(f);
	return bytes;
}

static void
fetch_known(struct ra_fetch *f, const void *options, const char *known)
{
	bool done = false;

	*f = (struct ra_fetch){ .io = &io,
		.options = options,
		.shape = RA_SHAPE_BYTES,
		.known = known,
		.deadline = ra_clock_mono() + 10000,
		.done = on_done,
		.arg = &done };
	assert_int_equal(ra_source_file.start(f), 0);
	while (!done)
		ra_loop_run(loop);
	assert_int_equal(f->input.reason, RA_R_OK);
}

/* One that nobody writes to: of something newer no stamp is taken. */
#define OLD_FILE RA_SOURCE_ROOT "/LICENSE"

static void
test_what_did_not_change_is_not_read(void **state)
{
	const void *options = bind("path", OLD_FILE, "");
	char stamp[RA_VALIDATOR_MAX];
	struct ra_fetch f;
	uint64_t before;
	size_t len;

	fetch_known(&f, options, NULL);
	assert_string_equal(f.input.validator, "");
	ra_input_clear(&f.input);
	fetch_known(&f, options, "");
	assert_false(f.input.unchanged);
	len = f.input.len;
	assert_true(len > 1000);
	snprintf(stamp, sizeof(stamp), "%s", f.input.validator);
	ra_input_clear(&f.input);
	if (stamp[0] == '\0')
		skip(); /* a file system that is not trusted, or a file of this very moment */
	before = bytes_read();
	fetch_known(&f, options, stamp);
	assert_true(f.input.unchanged);
	assert_null(f.input.bytes);
	assert_int_equal(f.input.len, 0);
	assert_string_equal(f.input.validator, stamp);
	assert_string_equal(f.input.where, OLD_FILE);
	assert_true(f.input.modified > 0);
	assert_true(bytes_read() - before < len);
	ra_input_clear(&f.input);
	/* Any other inode, size or time: it is read. */
	for (size_t i = 0; i < strlen(stamp); i++) {
		char other[RA_VALIDATOR_MAX];

		memcpy(other, stamp, sizeof(other));
		if (other[i] == ' ')
			continue;
		other[i] = other[i] == '1' ? '2' : '1';
		fetch_known(&f, options, other);
		assert_false(f.input.unchanged);
		assert_int_equal(f.input.len, len);
		assert_string_equal(f.input.validator, stamp);
		ra_input_clear(&f.input);
	}
	fetch_known(&f, options, "\"an etag\"");
	assert_int_equal(f.input.len, len);
	ra_input_clear(&f.input);
}

static void
expect_no_stamp(const void *options)
{
	struct ra_fetch f;

	fetch_known(&f, options, "");
	assert_false(f.input.unchanged);
	assert_string_equal(f.input.validator, "");
	ra_input_clear(&f.input);
}

/* Written a moment ago it may be written again in the same tick; and /proc tells of nothing. */
static void
test_no_stamp(void **state)
{
	expect_no_stamp(bind("path", put("new", "text", 1000), ""));
	expect_no_stamp(bind("path", "/proc/version", ""));
	expect_no_stamp(bind("path", "/proc/self/status", "follow: true\n"));
}

static void
test_listing(void **state)
{
	struct ra_fetch f;

	assert_int_equal(mkdir(path_of("backups"), 0755), 0);
	put("backups/a.dump", "aaaa", 1000);
	put("backups/b.dump", "bb", 2000);
	put("backups/c.txt", "c", 3000);
	fetch(&f, bind("glob", path_of("backups/*.dump"), ""), RA_SHAPE_ITEMS);
	assert_int_equal(f.input.reason, RA_R_OK);
	assert_int_equal(f.input.listing.shape, RA_SHAPE_ITEMS);
	assert_int_equal(f.input.listing.items.count, 2);
	assert_string_equal(f.input.listing.items.list[0].name, path_of("backups/b.dump"));
	assert_true(f.input.listing.items.list[0].time == 2000000);
	assert_int_equal(f.input.listing.items.list[0].size, 2);
	assert_string_equal(f.input.listing.items.list[1].name, path_of("backups/a.dump"));
	assert_string_equal(f.input.where, path_of("backups/*.dump"));
	ra_input_clear(&f.input);
	/* A folder without any is read, and is no failure of the source. */
	fetch(&f, bind("glob", path_of("backups/*.none"), ""), RA_SHAPE_ITEMS);
	assert_int_equal(f.input.reason, RA_R_OK);
	assert_int_equal(f.input.listing.shape, RA_SHAPE_ITEMS);
	assert_int_equal(f.input.listing.items.count, 0);
	ra_input_clear(&f.input);
	fetch(&f, bind("path", path_of("backups/c.txt"), ""), RA_SHAPE_ITEMS);
	assert_int_equal(f.input.listing.items.count, 1);
	ra_input_clear(&f.input);
}

static void
test_lines(void **state)
{
	char text[3001];
	struct ra_fetch f;
	const char *path;

	for (int i = 0; i < 300; i++)
		snprintf(text + i * 10, 11, "line %04d\n", i);
	path = put("app.log", text, 5000);
	fetch(&f, bind("path", path, ""), RA_SHAPE_LINES);
	assert_int_equal(f.input.reason, RA_R_OK);
	assert_int_equal(f.input.len, 1000);
	assert_memory_equal(f.input.bytes, "line 0200\n", 10);
	assert_true(f.input.cut);
	assert_true(f.input.modified == 5000000);
	ra_input_clear(&f.input);
	put("day-1.log", "old\n", 1000);
	path = put("day-2.log", "new\n", 2000);
	expect_lines(bind("glob", path_of("day-*.log"), ""), "new\n", 2000, path);
}

/* --- rotation --- */

static void
test_rotated_and_still_empty(void **state)
{
	const void *options = bind("path", path_of("r.log"), "");
	char where[PATH_MAX];

	put("r.log", "", 9000);
	expect_lines(options, "", 9000, path_of("r.log"));
	put("r.log.2", "older\n", 7000);
	put("r.log.1", "before\n", 8000);
	put("r.log.3.gz", "\x1f\x8b", 8900);
	put("r.log-backup", "other\n", 8900);
	put("r.log.4", "", 8950);
	put("r.logs", "other\n", 8900);
	snprintf(where, sizeof(where), "%s (%s is empty)", path_of("r.log.1"), path_of("r.log"));
	expect_lines(options, "before\n", 8000, where);
	/* As soon as something is written it is that which counts. */
	put("r.log", "anew\n", 9500);
	expect_lines(options, "anew\n", 9500, path_of("r.log"));
}

static void
test_rotated_by_date(void **state)
{
	static const char *const names[] = { "d[x].log-20261123", "d[x].log.2026-11-23",
		"d[x].log-20261123_0400", "d[x].log.old" };
	const void *options = bind("path", path_of("d[x].log"), "");

	put("d[x].log", "", 9000);
	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++) {
		char where[PATH_MAX];

		put(names[i], names[i], 8000);
		snprintf(where, sizeof(where), "%s (%s is empty)", path_of(names[i]),
		    path_of("d[x].log"));
		expect_lines(options, names[i], 8000, where);
		assert_int_equal(unlink(path_of(names[i])), 0);
	}
}

static void
test_rotated_by_a_new_name(void **state)
{
	char where[PATH_MAX];

	put("n-1.log", "older\n", 7000);
	put("n-2.log", "before\n", 8000);
	put("n-2.log.gz", "\x1f\x8b", 8500);
	put("n-3.log", "", 9000);
	snprintf(where, sizeof(where), "%s (%s is empty)", path_of("n-2.log"), path_of("n-3.log"));
	expect_lines(bind("glob", path_of("n-*.log*"), ""), "before\n", 8000, where);
}

/* Whenever it is looked at while it is rotated, there are lines. */
static void
test_rotation_under_way(void **state)
{
	const void *options = bind("path", path_of("w.log"), "");
	char log[PATH_MAX], old[PATH_MAX];
	struct ra_fetch f;

	snprintf(log, sizeof(log), "%s", put("w.log", "one\n", 1000));
	snprintf(old, sizeof(old), "%s", path_of("w.log.1"));
	for (int i = 0; i < 50; i++) {
		bool done;

		start(&f, &done, options, RA_SHAPE_LINES);
		assert_int_equal(rename(log, old), 0);
		put("w.log", "", 1000 + i);
		while (!done)
			ra_loop_run(loop);
		if (f.input.reason == RA_R_OK)
			assert_true(f.input.len > 0);
		else
			assert_int_equal(f.input.reason, RA_R_FILE_MISSING);
		ra_input_clear(&f.input);
		put("w.log", "one\n", 1000 + i);
	}
}

/* --- ends --- */

static void
test_cancel(void **state)
{
	const void *options = bind("path", path_of("r.log"), "");
	struct ra_fetch f;
	bool done;

	start(&f, &done, options, RA_SHAPE_LINES);
	ra_source_file.cancel(&f);
	ra_source_file.cancel(&f);
	assert_null(f.state);
	/* In its later steps. */
	put("r.log", "", 9000);
	for (int turns = 1; turns < 8; turns++) {
		start(&f, &done, options, RA_SHAPE_LINES);
		for (int i = 0; i < turns && !done; i++)
			ra_loop_turn(loop);
		if (!done)
			ra_source_file.cancel(&f);
		else
			ra_input_clear(&f.input);
	}
	fetch(&f, options, RA_SHAPE_LINES);
	assert_string_equal(f.input.bytes, "before\n");
	ra_input_clear(&f.input);
}

static void
test_helper_lost(void **state)
{
	const void *options = bind("path", path_of("VERSION"), "");
	struct ra_fetch f;
	bool done;

	assert_int_equal(kill(ra_helper_pid(io.helper), SIGSTOP), 0);
	start(&f, &done, options, RA_SHAPE_BYTES);
	ra_loop_turn(loop);
	assert_int_equal(kill(ra_helper_pid(io.helper), SIGKILL), 0);
	while (!done)
		ra_loop_run(loop);
	assert_int_equal(f.input.reason, RA_R_HELPER);
	ra_input_clear(&f.input);
	fetch(&f, options, RA_SHAPE_BYTES);
	assert_int_equal(f.input.reason, RA_R_OK);
	ra_input_clear(&f.input);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_where_is_known_before),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_content_that_cannot_be_had),
		cmocka_unit_test(test_what_did_not_change_is_not_read),
		cmocka_unit_test(test_no_stamp),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_rotated_and_still_empty),
		cmocka_unit_test(test_rotated_by_date),
		cmocka_unit_test(test_rotated_by_a_new_name),
		cmocka_unit_test(test_rotation_under_way),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_helper_lost),
	};
	char command[PATH_MAX];
	int r = ra_helper_main(argc, argv);

	if (r >= 0)
		return r;
	arena = ra_arena_new();
	if (arena == NULL || mkdtemp(folder) == NULL || ra_loop_new(&loop, NULL) < 0 ||
	    ra_helper_new(loop, NULL, &io.helper, NULL) < 0)
		return 1;
	io.loop = loop;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	ra_helper_free(io.helper);
	ra_loop_free(loop);
	ra_arena_free(arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		r++;
	return r;
}
