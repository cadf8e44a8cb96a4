/* SPDX-License-Identifier: Apache-2.0 */
/* The program is its own helper, and for some tests an evil one. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../daemon/io/helper_wire.h"
#include "relaudit/base/clock.h"
#include "relaudit/io/helper.h"
#include "relaudit/io/loop.h"

static struct ra_loop *loop;
static struct ra_helper *helper;
static char folder[] = "/tmp/test_helper-XXXXXX";

#define SKIP_UNLESS_ROOT \
	if (geteuid() != 0) { \
		print_message("only root can do this\n"); \
		skip(); \
	}

/* --- asking --- */

struct answer {
	int done;
	enum ra_reason reason;
	char error[512];
	struct {
		char name[300];
		int64_t time, size;
	} items[20];
	size_t count, matched, others;
	char *bytes;
	size_t len;
	bool cut;
	int64_t at;
};

static unsigned pending;

static void
on_done(void *arg, struct ra_file_answer *r)
{
	struct answer *a = arg;

	assert_int_equal(a->done++, 0);
	a->at = ra_clock_mono();
	a->reason = r->reason;
	snprintf(a->error, sizeof(a->error), "%s", r->error != NULL ? r->error : "");
	a->count = r->item_count;
	a->matched = r->matched;
	a->others = r->others;
	for (size_t i = 0; i < r->item_count && i < RA_ARRAY_SIZE(a->items); i++) {
		snprintf(a->items[i].name, sizeof(a->items[i].name), "%s", r->items[i].name);
		a->items[i].time = r->items[i].time;
		a->items[i].size = r->items[i].size;
	}
	a->len = r->len;
	a->bytes = RA_TAKE(r->bytes);
	a->cut = r->cut;
	pending--;
	ra_loop_stop(loop);
}

static void
answer_clear(struct answer *a)
{
	free(a->bytes);
	memset(a, 0, sizeof(*a));
}

static struct ra_helper_job *
ask(struct ra_file_request q, struct answer *a, int64_t within)
{
	struct ra_helper_job *j;

	memset(a, 0, sizeof(*a));
	q.deadline = ra_clock_mono() + within;
	assert_int_equal(ra_helper_file(helper, &q, on_done, a, &j), 0);
	assert_int_equal(a->done, 0);
	pending++;
	return j;
}

static void
wait_all(void)
{
	while (pending > 0)
		ra_loop_run(loop);
}

static void
look(struct ra_file_request q, struct answer *a)
{
	ask(q, a, 20000);
	while (!a->done)
		ra_loop_run(loop);
	if (a->reason != RA_R_OK)
		assert_true(a->error[0] != '\0');
}

/* --- files --- */

static char *path_of(const char *fmt, ...) RA_PRINTF(1, 2);

static char *
path_of(const char *fmt, ...)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];
	int n = snprintf(path, PATH_MAX, "%s/", folder);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, PATH_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return path;
}

static char *
put(const char *name, const char *bytes, size_t len)
{
	char *path = path_of("%s", name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	return path;
}

static char *
put_at(const char *name, int64_t seconds)
{
	char *path = put(name, name, strlen(name));
	struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	return path;
}

static void
make_folder(const char *name)
{
	assert_int_equal(mkdir(path_of("%s", name), 0755), 0);
}

static void
expect(struct ra_file_request q, enum ra_reason reason, const char *words)
{
	struct answer a;

	look(q, &a);
	if (a.reason != reason || strstr(a.error, words) == NULL)
		fail_msg("%s: %s \"%s\", expected %s \"%s\"", q.path, ra_reason_code(a.reason),
		    a.error, ra_reason_code(reason), words);
	assert_null(strchr(a.error, '\n'));
	assert_int_equal(a.count, 0);
	answer_clear(&a);
}

static size_t
count_descriptors(int pid)
{
	char path[64];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2;
}

static void
restart_helper(const char *exe)
{
	ra_helper_free(helper);
	assert_int_equal(ra_helper_new(loop, exe, &helper, NULL), 0);
}

/* --- single files --- */

static void
test_stat(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .path = put_at("stat", 1700000000) };
	struct answer a;

	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.items[0].name, q.path);
	assert_true(a.items[0].time == INT64_C(1700000000000));
	assert_int_equal(a.items[0].size, 4);
	answer_clear(&a);
}

static void
test_read(void **state)
{
	struct ra_file_request q = {
		.want = RA_FILE_READ, .path = put("read", "one\0two\n", 8), .max_bytes = 8
	};
	struct answer a;

	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_int_equal(a.len, 8);
	assert_memory_equal(a.bytes, "one\0two\n", 9);
	assert_false(a.cut);
	answer_clear(&a);
	q.max_bytes = 7;
	expect(q, RA_R_BODY_TOO_LARGE, "larger than 7 bytes");
	q.path = put("read-empty", "", 0);
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_string_equal(a.bytes, "");
	answer_clear(&a);
}

/* Files that say they have no size, and one of 16 MiB. */
static void
test_read_odd_sizes(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_READ,
		.path = "/proc/self/status",
		.follow = true,
		.max_bytes = 1 << 20 };
	size_t len = (size_t)16 << 20;
	char *big = malloc(len);
	struct answer a;

	q.path = "/proc/version";
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_non_null(strstr(a.bytes, "Linux"));
	answer_clear(&a);
	assert_non_null(big);
	for (size_t i = 0; i < len; i++)
		big[i] = (char)(i * 31 / 7);
	q.path = put("big", big, len);
	q.max_bytes = len;
	look(q, &a);
	assert_int_equal(a.len, len);
	assert_memory_equal(a.bytes, big, len);
	answer_clear(&a);
	free(big);
}

static void
test_what_is_no_regular_file(void **state)
{
	static const enum ra_file_want wants[] = { RA_FILE_STAT, RA_FILE_READ, RA_FILE_TAIL };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	make_folder("types");
	assert_int_equal(mkfifo(path_of("types/fifo"), 0644), 0);
	assert_int_equal(symlink("../stat", path_of("types/link")), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path_of("types/socket"));
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	for (size_t i = 0; i < RA_ARRAY_SIZE(wants); i++) {
		struct ra_file_request q = { .want = wants[i], .max_bytes = 100 };

		q.path = path_of("types/fifo");
		expect(q, RA_R_FILE_TYPE, "types/fifo is a FIFO");
		q.path = path_of("types/socket");
		expect(q, RA_R_FILE_TYPE, "is a socket");
		q.path = path_of("types");
		expect(q, RA_R_FILE_TYPE, "is a folder");
		q.path = "/dev/null";
		expect(q, RA_R_FILE_TYPE, "is a device");
		q.path = path_of("types/link");
		expect(q, RA_R_FILE_TYPE, "symbolic link");
		q.path = path_of("types/nothing");
		expect(q, RA_R_FILE_MISSING, "types/nothing does not exist");
		q.path = path_of("stat/below-a-file");
		expect(q, RA_R_FILE_MISSING, "does not exist");
	}
	close(s);
}

static void
test_links(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_READ, .max_bytes = 100, .follow = true };
	struct answer a;

	make_folder("links");
	make_folder("links/real");
	put("links/real/file", "content", 7);
	assert_int_equal(symlink("./real//../real", path_of("links/folder")), 0);
	assert_int_equal(symlink(path_of("links/folder/file"), path_of("links/file")), 0);
	assert_int_equal(symlink("round", path_of("links/round")), 0);
	q.path = path_of("links/file");
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_string_equal(a.bytes, "content");
	assert_string_equal(a.items[0].name, q.path);
	answer_clear(&a);
	/* Folders on the way may be links without being asked for. */
	q.path = path_of("links/folder/file");
	q.follow = false;
	look(q, &a);
	assert_string_equal(a.bytes, "content");
	answer_clear(&a);
	q.path = path_of("links/round/x");
	expect(q, RA_R_FILE_ERROR, "links/round/x: Too many levels of symbolic links");
}

static void
test_names_from_outside(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true };
	struct answer a;

	make_folder("odd");
	put("odd/a\nb\xff \x1b[31m", "x", 1);
	q.path = path_of("odd/*");
	look(q, &a);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.items[0].name, path_of("odd/a\nb\xff \x1b[31m"));
	answer_clear(&a);
	q.glob = false;
	q.path = path_of("odd/\n\x1b[31m");
	expect(q, RA_R_FILE_MISSING, "\\x0a\\x1b[31m does not exist");
}

/* --- tails --- */

static void
expect_tail(const char *path, size_t max, const char *bytes, size_t len, bool cut)
{
	struct ra_file_request q = { .want = RA_FILE_TAIL, .path = path, .max_bytes = max };
	struct answer a;

	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_int_equal(a.len, len);
	assert_memory_equal(a.bytes, bytes, len);
	assert_int_equal(a.bytes[len], 0);
	assert_int_equal(a.cut, cut);
	answer_clear(&a);
}

static void
test_tail(void **state)
{
	const char *path = put("tail", "one\ntwo\r\nthree", 14);

	expect_tail(path, 14, "one\ntwo\r\nthree", 14, false);
	expect_tail(path, 100, "one\ntwo\r\nthree", 14, false);
	expect_tail(path, 13, "two\r\nthree", 10, true);
	expect_tail(path, 10, "two\r\nthree", 10, true);
	expect_tail(path, 9, "three", 5, true);
	expect_tail(path, 5, "three", 5, true);
	/* A line longer than all that is wanted. */
	expect_tail(path, 3, "ree", 3, true);
	path = put("tail-long", "one\na very long line\n", 21);
	expect_tail(path, 5, "line\n", 5, true);
	path = put("tail-nul", "a\0b\n\0\0c\n", 8);
	expect_tail(path, 6, "\0\0c\n", 4, true);
	expect_tail(put("tail-empty", "", 0), 10, "", 0, false);
}

static void
test_tail_of_a_sparse_file(void **state)
{
	char *path = put("sparse", "", 0);
	int64_t started = ra_clock_mono();
	FILE *f;

	if (truncate(path, (off_t)10 << 30) < 0) {
		print_message("this file system has no files of 10 GB\n");
		skip();
	}
	f = fopen(path, "a");
	assert_non_null(f);
	fputs("\nthe end\n", f);
	fclose(f);
	expect_tail(path, 256000, "the end\n", 8, true);
	assert_true(ra_clock_mono() - started < 2000);
	assert_int_equal(unlink(path), 0);
}

/* --- patterns --- */

static void
expect_glob(const char *pattern, const char *names)
{
	struct ra_file_request q = {
		.want = RA_FILE_STAT, .path = path_of("%s", pattern), .glob = true
	};
	char got[2000] = "";
	struct answer a;

	look(q, &a);
	if (a.reason != RA_R_OK)
		fail_msg("%s: %s", pattern, a.error);
	for (size_t i = 0; i < a.count; i++) {
		size_t len = strlen(got);

		snprintf(got + len, sizeof(got) - len, "%s%s", len > 0 ? " " : "",
		    a.items[i].name + strlen(folder) + 6);
	}
	assert_string_equal(got, names);
	assert_int_equal(a.matched, a.count);
	answer_clear(&a);
}

static void
test_glob(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true };

	make_folder("glob");
	make_folder("glob/a");
	make_folder("glob/b");
	make_folder("glob/.c");
	make_folder("glob/a/folder.dump");
	put_at("glob/a/1.dump", 1000);
	put_at("glob/a/2.dump", 3000);
	put_at("glob/a/3.txt", 2000);
	put_at("glob/b/1.dump", 2000);
	put_at("glob/b/.hidden.dump", 500);
	put_at("glob/b/a[1].dump", 100);
	put_at("glob/.c/4.dump", 9000);
	assert_int_equal(symlink("../a/3.txt", path_of("glob/b/link.dump")), 0);
	assert_int_equal(symlink("a", path_of("glob/z")), 0);
	expect_glob("glob/a/*.dump", "a/2.dump a/1.dump");
	expect_glob("glob/[ab]/?.dump", "a/2.dump b/1.dump a/1.dump");
	expect_glob("glob/*/1.dump", "b/1.dump a/1.dump");
	expect_glob("glob/.[a-z]/*", ".c/4.dump");
	expect_glob("glob/b/.*", "b/.hidden.dump");
	expect_glob("glob/b/a\\[1\\].dump", "b/a[1].dump");
	expect_glob("glob/b/a\\[?].dump", "b/a[1].dump");
	expect_glob("glob//a//3*", "a/3.txt");
	expect_glob("glob/a/*.none", "");
	expect_glob("glob/*/nothing/*", "");
	expect_glob("glob/a/none", "");
	q.path = path_of("glob/nowhere/*.dump");
	expect(q, RA_R_FILE_MISSING, "glob/nowhere does not exist");
	q.path = path_of("glob/nowhere/*/x");
	expect(q, RA_R_FILE_MISSING, "glob/nowhere does not exist");
	q.path = path_of("glob/a/1.dump/*");
	expect(q, RA_R_FILE_MISSING, "glob/a/1.dump");
}

static void
test_glob_follows_links_if_asked(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true, .follow = true };
	struct answer a;

	q.path = path_of("glob/b/l*.dump");
	assert_int_equal(symlink("nowhere", path_of("glob/b/lost.dump")), 0);
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_int_equal(a.count, 1);
	assert_true(a.items[0].time == 2000000);
	answer_clear(&a);
}

/* Names that are no regular files are counted, for who finds nothing else. */
static void
test_glob_counts_others(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true };
	struct answer a;

	make_folder("odds");
	make_folder("odds/folder.dump");
	put_at("odds/file", 1000);
	assert_int_equal(mkfifo(path_of("odds/pipe.dump"), 0644), 0);
	assert_int_equal(symlink("file", path_of("odds/link.dump")), 0);
	assert_int_equal(symlink("nowhere", path_of("odds/lost.dump")), 0);
	for (int follow = 0; follow <= 1; follow++) {
		q.path = path_of("odds/*.dump");
		q.follow = follow != 0;
		look(q, &a);
		assert_int_equal(a.reason, RA_R_OK);
		assert_int_equal(a.count, follow);
		assert_int_equal(a.others, 4 - follow);
		answer_clear(&a);
		q.path = path_of("[o]dds/pipe.dump");
		look(q, &a);
		assert_int_equal(a.others, 1);
		answer_clear(&a);
	}
}

/* Another name of a file is no other file; the one that is no link is told. */
static void
test_glob_counts_a_file_once(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true, .follow = true };
	struct answer a;

	make_folder("twin");
	put_at("twin/k.dump", 2000);
	put_at("twin/n.dump", 2000);
	assert_int_equal(symlink("k.dump", path_of("twin/a-latest.dump")), 0);
	assert_int_equal(symlink("a-latest.dump", path_of("twin/z-latest.dump")), 0);
	expect_glob("twin/*.dump", "n.dump k.dump");
	q.path = path_of("twin/*.dump");
	look(q, &a);
	assert_int_equal(a.count, 2);
	assert_int_equal(a.matched, 2);
	assert_string_equal(a.items[0].name, path_of("twin/n.dump"));
	assert_string_equal(a.items[1].name, path_of("twin/k.dump"));
	answer_clear(&a);
	q.path = path_of("twin/*-latest.dump");
	look(q, &a);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.items[0].name, path_of("twin/a-latest.dump"));
	answer_clear(&a);
	assert_int_equal(link(path_of("twin/n.dump"), path_of("twin/b.dump")), 0);
	assert_int_equal(link(path_of("twin/n.dump"), path_of("twin/x.dump")), 0);
	q.path = path_of("twin/?.dump");
	q.max_items = 1;
	look(q, &a);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.items[0].name, path_of("twin/k.dump"));
	answer_clear(&a);
}

static void
test_glob_reads_the_newest(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_READ, .glob = true, .max_bytes = 100 };
	struct answer a;

	q.path = path_of("glob/a/*");
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_string_equal(a.bytes, "glob/a/2.dump");
	assert_int_equal(a.count, 1);
	assert_string_equal(a.items[0].name, path_of("glob/a/2.dump"));
	assert_int_equal(a.matched, 3);
	answer_clear(&a);
	q.path = path_of("glob/a/*.none");
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_int_equal(a.count, 0);
	assert_int_equal(a.len, 0);
	answer_clear(&a);
}

static void
test_many_entries(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true, .max_entries = 20000 };
	struct answer a;
	int64_t started;

	make_folder("many");
	for (int i = 0; i < 20000; i++) {
		int fd = open(path_of("many/%d", i), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		struct timespec times[2] = { { .tv_sec = i }, { .tv_sec = i } };

		assert_int_equal(futimens(fd, times), 0);
		close(fd);
	}
	q.path = path_of("many/*");
	started = ra_clock_mono();
	look(q, &a);
	print_message("20,000 files: %d ms\n", (int)(ra_clock_mono() - started));
	assert_int_equal(a.reason, RA_R_OK);
	assert_int_equal(a.matched, 20000);
	assert_int_equal(a.count, 10000);
	assert_string_equal(a.items[0].name, path_of("many/19999"));
	assert_string_equal(a.items[19].name, path_of("many/19980"));
	answer_clear(&a);
	q.max_items = 1;
	look(q, &a);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.items[0].name, path_of("many/19999"));
	answer_clear(&a);
	put("many/one-too-many", "", 0);
	expect(q, RA_R_FILE_TOO_MANY, "many has more than 20000 entries");
}

/* --- permission --- */

static void
test_denied(void **state)
{
	struct ra_file_request q = { .want = RA_FILE_READ, .max_bytes = 100 };
	struct answer a;
	int r;

	SKIP_UNLESS_ROOT;
	put("works", "works", 5);
	make_folder("denied");
	make_folder("denied/shut");
	assert_int_equal(chmod(put("denied/file", "x", 1), 0640), 0);
	assert_int_equal(chmod(put("denied/own", "x", 1), 0600), 0);
	assert_int_equal(chown(path_of("denied/file"), 0, 4), 0);
	assert_int_equal(chown(path_of("denied/shut"), 0, 4), 0);
	assert_int_equal(chmod(path_of("denied/shut"), 0750), 0);
	make_folder("tight");
	assert_int_equal(chmod(path_of("tight"), 0700), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	ra_helper_free(helper);
	assert_int_equal(setegid(65534), 0);
	assert_int_equal(seteuid(65534), 0);
	r = ra_helper_new(loop, NULL, &helper, NULL);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	assert_int_equal(r, 0);
	q.path = path_of("denied/file");
	expect(q, RA_R_FILE_DENIED,
	    "denied/file: permission denied (mode 0640, owner 0, group adm)"
	    ": the group adm may");
	q.path = path_of("works");
	assert_int_equal(chmod(q.path, 0604), 0);
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	answer_clear(&a);
	q.path = path_of("denied/own");
	expect(q, RA_R_FILE_DENIED, "not even its group may, which `chmod g+r` would change");
	q.path = path_of("tight/below");
	expect(q, RA_R_FILE_DENIED, "not even its group may, which `chmod g+x` would change");
	q.path = path_of("denied/shut/below");
	expect(q, RA_R_FILE_DENIED, "denied/shut: permission denied (mode 0750");
	q.want = RA_FILE_STAT;
	q.glob = true;
	q.path = path_of("denied/shut/*.dump");
	expect(q, RA_R_FILE_DENIED, "the group adm may");
	q.path = path_of("tight/*.dump");
	expect(q, RA_R_FILE_DENIED, "not even its group may, which `chmod g+rx` would change");
	q.path = path_of("denied/*/*.dump");
	expect(q, RA_R_FILE_DENIED, "the group adm may");
	restart_helper(NULL);
}

/* --- the process --- */

/* Waits until the helper that was there is replaced. */
static void
wait_for_another(int pid)
{
	while (ra_helper_pid(helper) == pid || ra_helper_pid(helper) == 0)
		ra_loop_turn(loop);
}

static void
expect_it_works(void)
{
	struct ra_file_request q = { .want = RA_FILE_READ, .max_bytes = 100 };
	struct answer a;

	q.path = put("works", "works", 5);
	look(q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_string_equal(a.bytes, "works");
	answer_clear(&a);
}

/* A job that is surely under way: the helper does not move. */
static void
ask_a_stopped_helper(struct answer *a, int64_t within)
{
	struct ra_file_request q = { .want = RA_FILE_STAT, .path = path_of("works") };

	assert_int_equal(kill(ra_helper_pid(helper), SIGSTOP), 0);
	ask(q, a, within);
	ra_loop_turn(loop);
}

static void
test_killed_helper_is_started_again(void **state)
{
	struct ra_helper_stats before, after;
	struct answer a, b;
	int pid = ra_helper_pid(helper);

	expect_it_works();
	ra_helper_stats(helper, &before);
	ask_a_stopped_helper(&a, 10000);
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_all();
	assert_int_equal(a.reason, RA_R_HELPER);
	assert_string_equal(a.error, "the helper process ended");
	/* Before it is there again. */
	ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = path_of("works") }, &b, 10000);
	wait_all();
	assert_int_equal(b.reason, RA_R_OK);
	assert_int_not_equal(ra_helper_pid(helper), pid);
	ra_helper_stats(helper, &after);
	assert_int_equal(after.restarts, before.restarts + 1);
	assert_int_equal(after.jobs, before.jobs + 2);
	while (kill(pid, 0) == 0)
		ra_loop_turn(loop); /* no zombie stays */
}

static void
test_helper_that_hangs_is_replaced(void **state)
{
	struct answer a;
	int pid = ra_helper_pid(helper);

	ask_a_stopped_helper(&a, 50);
	wait_all();
	assert_int_equal(a.reason, RA_R_HELPER);
	assert_non_null(strstr(a.error, "did not answer"));
	wait_for_another(pid);
	expect_it_works();
}

static pid_t
parent_of(int pid)
{
	char path[64], line[256];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL && sscanf(line, "PPid: %d", &parent) != 1)
		;
	fclose(f);
	assert_true(parent > 0);
	return parent;
}

/* Turns that took more than 50 ms. */
static uint64_t
slow_turns(void)
{
	struct ra_loop_stats stats;
	uint64_t n = 0;

	ra_loop_stats(loop, &stats);
	for (size_t i = 1; i < RA_LOOP_BUCKETS; i++)
		if (ra_loop_stall_limit(i - 1) >= 50000)
			n += stats.buckets[i];
	return n;
}

/* Nothing waits for it but what needs a helper, and that is there once it goes on. */
static void
test_keeper_that_stands_still(void **state)
{
	int pid = ra_helper_pid(helper), keeper = parent_of(pid);
	uint64_t slow = slow_turns();
	struct answer a, b;

	expect_it_works();
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = path_of("works") }, &a, 100);
	wait_all();
	assert_int_equal(a.reason, RA_R_HELPER);
	assert_int_equal(ra_helper_pid(helper), 0);
	/* One, for a machine that has more to do. */
	assert_true(slow_turns() - slow <= 1);
	assert_int_equal(kill(keeper, SIGCONT), 0);
	wait_for_another(0);
	ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = path_of("works") }, &b, 10000);
	wait_all();
	assert_int_equal(b.reason, RA_R_OK);
	assert_int_equal(parent_of(ra_helper_pid(helper)), keeper);
}

static void
test_helper_is_left_alone_by_signals_to_all(void **state)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };
	int pid = ra_helper_pid(helper);

	for (size_t i = 0; i < RA_ARRAY_SIZE(signals); i++)
		assert_int_equal(kill(pid, signals[i]), 0);
	expect_it_works();
	assert_int_equal(ra_helper_pid(helper), pid);
}

static void
test_helper_has_nothing_of_ours(void **state)
{
	char path[64], text[256];
	int inherited = open("/dev/null", O_RDONLY), fd;

	SKIP_UNLESS_ROOT;
	assert_true(inherited >= 0);
	restart_helper(NULL);
	expect_it_works();
	/* 0, 1, 2, the socket, mountinfo and the signals of children. */
	assert_int_equal(count_descriptors(ra_helper_pid(helper)), 6);
	close(inherited);
	snprintf(path, sizeof(path), "/proc/%d/environ", ra_helper_pid(helper));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 0);
	close(fd);
}

static void
test_no_descriptor_is_lost(void **state)
{
	size_t before, helpers;
	int64_t started;

	SKIP_UNLESS_ROOT;
	restart_helper(NULL);
	expect_it_works();
	ra_loop_turn(loop);
	before = count_descriptors(getpid());
	helpers = count_descriptors(ra_helper_pid(helper));
	for (int i = 0; i < 300; i++) {
		struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true };
		struct answer a;

		q.path = path_of(i % 3 == 0 ? "glob/*/*" : i % 3 == 1 ? "types/*" : "nowhere/*");
		look(q, &a);
		answer_clear(&a);
	}
	assert_int_equal(count_descriptors(ra_helper_pid(helper)), helpers);
	for (int i = 0; i < 10; i++) {
		struct answer a;

		ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = "/" }, &a, 1000);
		pending--;
		restart_helper(NULL);
	}
	started = ra_clock_mono();
	ra_helper_free(helper);
	assert_true(ra_clock_mono() - started < 1000);
	assert_int_equal(ra_helper_new(loop, NULL, &helper, NULL), 0);
	expect_it_works();
	assert_int_equal(count_descriptors(getpid()), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* the one that lives */
}

static void
test_cancel(void **state)
{
	struct answer a[40];
	struct ra_helper_job *jobs[40];

	for (size_t i = 0; i < RA_ARRAY_SIZE(a); i++)
		jobs[i] = ask((struct ra_file_request){ .want = RA_FILE_STAT,
				  .path = path_of("many/*"),
				  .glob = true,
				  .max_items = 1 },
		    &a[i], 20000);
	for (size_t i = 0; i < RA_ARRAY_SIZE(a); i++) {
		if (i == RA_ARRAY_SIZE(a) / 2)
			ra_loop_turn(loop);
		if (i % 8 != 0 && !a[i].done) {
			ra_helper_cancel(jobs[i]);
			pending--;
		}
	}
	wait_all();
	for (size_t i = 0; i < RA_ARRAY_SIZE(a); i += 8)
		assert_int_equal(a[i].reason, RA_R_OK);
	expect_it_works();
	for (size_t i = 0; i < RA_ARRAY_SIZE(a); i++)
		answer_clear(&a[i]);
}

static void
on_done_free(void *arg, struct ra_file_answer *r)
{
	*(enum ra_reason *)arg = r->reason;
	ra_helper_free(RA_TAKE(helper));
	ra_loop_stop(loop);
}

static void
test_free_from_its_callback(void **state)
{
	struct ra_file_request q = {
		.want = RA_FILE_STAT, .path = path_of("works"), .deadline = ra_clock_mono() + 10000
	};
	enum ra_reason reason = RA_R_INTERNAL;
	struct ra_helper_job *j;

	assert_int_equal(ra_helper_file(helper, &q, on_done_free, &reason, &j), 0);
	assert_int_equal(ra_helper_file(helper, &q, on_done_free, &reason, &j), 0);
	while (helper != NULL)
		ra_loop_run(loop);
	assert_int_equal(reason, RA_R_OK);
	/* The same when it is lost. */
	assert_int_equal(ra_helper_new(loop, NULL, &helper, NULL), 0);
	assert_int_equal(kill(ra_helper_pid(helper), SIGSTOP), 0);
	assert_int_equal(ra_helper_file(helper, &q, on_done_free, &reason, &j), 0);
	assert_int_equal(ra_helper_file(helper, &q, on_done_free, &reason, &j), 0);
	ra_loop_turn(loop);
	assert_int_equal(kill(ra_helper_pid(helper), SIGKILL), 0);
	while (helper != NULL)
		ra_loop_run(loop);
	assert_int_equal(reason, RA_R_HELPER);
	assert_int_equal(ra_helper_new(loop, NULL, &helper, NULL), 0);
}

/* --- helpers that lie --- */

static int
evil(const char *how)
{
	struct ra_wire_head head;
	struct ra_wire_answer answer = { .len = 1 << 20, .item_count = 7 };
	char request[4096];

	/* It answers the first request, whose id stands in its head. */
	if (read(RA_WIRE_FD, request, sizeof(request)) < (ssize_t)sizeof(head))
		return 1;
	memcpy(&head, request, sizeof(head));
	if (strcmp(how, "garbage") == 0) {
		memset(request, 'x', sizeof(request));
		return write(RA_WIRE_FD, request, sizeof(request)) < 0 || pause();
	}
	head.type = RA_WIRE_ANSWER;
	if (strcmp(how, "oversized") == 0)
		head.len = RA_WIRE_FRAME_MAX + 1;
	else
		head.len = sizeof(answer) + 2;
	if (strcmp(how, "type") == 0)
		head.type = 77;
	if (write(RA_WIRE_FD, &head, sizeof(head)) < 0)
		return 1;
	if (head.len == sizeof(answer) + 2 &&
	    (write(RA_WIRE_FD, "\0", 2) < 0 || write(RA_WIRE_FD, &answer, sizeof(answer)) < 0))
		return 1;
	return pause();
}

static void
test_helper_that_lies_is_ended(void **state)
{
	static const char *const ways[] = { "garbage", "oversized", "type", "lengths" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(ways); i++) {
		struct ra_helper_stats stats;
		char self[PATH_MAX] = "", script[PATH_MAX + 100];
		struct answer a;
		char *exe;
		int pid;

		assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
		snprintf(script, sizeof(script), "#!/bin/sh\nexec %s evil %s\n", self, ways[i]);
		exe = put(ways[i], script, strlen(script));
		assert_int_equal(chmod(exe, 0755), 0);
		restart_helper(exe);
		pid = ra_helper_pid(helper);
		ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = "/etc/passwd" }, &a,
		    20000);
		wait_all();
		assert_int_equal(a.reason, RA_R_HELPER);
		assert_string_equal(
		    a.error, "the helper process sent what is no answer, and was ended");
		wait_for_another(pid);
		ra_helper_stats(helper, &stats);
		assert_int_equal(stats.restarts, 1);
		while (kill(pid, 0) == 0)
			ra_loop_turn(loop);
	}
	restart_helper(NULL);
}

/* One that ends at once is not started again in a tight loop. */
static void
test_helper_that_cannot_run(void **state)
{
	struct ra_helper_stats stats;
	struct answer a;
	int64_t until;

	restart_helper("/bin/false");
	ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = "/etc/passwd" }, &a, 300);
	wait_all();
	assert_int_equal(a.reason, RA_R_HELPER);
	for (until = ra_clock_mono() + 500; ra_clock_mono() < until;)
		ra_loop_turn(loop);
	ra_helper_stats(helper, &stats);
	assert_in_range(stats.restarts, 2, 8);
	restart_helper(NULL);
	{
		struct ra_helper *none;
		struct ra_error err = { 0 };

		assert_true(ra_helper_new(loop, "/nonexistent/helper", &none, &err) < 0);
		assert_non_null(strstr(err.text, "/nonexistent/helper"));
	}
}

/* --- file systems that hang --- */

static int
mount_hung(const char *name)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[100];

	if (fd < 0)
		return -1;
	make_folder(name);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	/* Nobody reads from fd: whoever looks waits. */
	if (mount("hung", path_of("%s", name), "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		assert_int_equal(rmdir(path_of("%s", name)), 0);
		close(fd);
		return -1;
	}
	return fd;
}

static void
release(const char *name, int fd)
{
	assert_int_equal(umount2(path_of("%s", name), MNT_DETACH), 0);
	close(fd);
	assert_int_equal(rmdir(path_of("%s", name)), 0);
}

#define SKIP_WITHOUT_FUSE(fd) \
	if ((fd) < 0) { \
		print_message("no /dev/fuse, or it may not be mounted here\n"); \
		skip(); \
	}

static struct ra_file_request
hung_request(size_t i, const char *name)
{
	struct ra_file_request q = { .want = (enum ra_file_want)(i % 3), .max_bytes = 100 };

	q.glob = i % 2 == 0;
	q.path = path_of(q.glob ? "%s/*" : "%s/file", name);
	return q;
}

static void
test_hung_file_system(void **state)
{
	struct ra_helper_stats stats;
	struct answer hung[12], a;
	int fd = mount_hung("hung");
	int64_t started;

	SKIP_WITHOUT_FUSE(fd);
	restart_helper(NULL);
	started = ra_clock_mono();
	for (size_t i = 0; i < RA_ARRAY_SIZE(hung); i++)
		ask(hung_request(i, "hung"), &hung[i], 400);
	/* Others are not touched by it. */
	for (int i = 0; i < 20; i++) {
		ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = path_of("works") }, &a,
		    10000);
		while (!a.done)
			ra_loop_run(loop);
		assert_int_equal(a.reason, RA_R_OK);
		assert_true(a.at - started < 350);
	}
	wait_all();
	for (size_t i = 0; i < RA_ARRAY_SIZE(hung); i++) {
		assert_int_equal(hung[i].reason, RA_R_FILE_HUNG);
		assert_non_null(strstr(hung[i].error, "hung"));
		assert_in_range(hung[i].at - started, 390, 900);
	}
	ra_helper_stats(helper, &stats);
	assert_in_range(stats.abandoned, 1, 2);
	expect_it_works();
	/* By way of a link, and of a pattern that leads there. */
	assert_int_equal(symlink("hung", path_of("to-hung")), 0);
	ask(hung_request(1, "to-hung"), &hung[0], 200);
	ask((struct ra_file_request){ .want = RA_FILE_STAT, .path = path_of("h*/*"), .glob = true },
	    &hung[1], 200);
	wait_all();
	assert_int_equal(hung[0].reason, RA_R_FILE_HUNG);
	assert_int_equal(hung[1].reason, RA_R_FILE_HUNG);
	assert_int_equal(unlink(path_of("to-hung")), 0);
	ra_helper_stats(helper, &stats);
	assert_in_range(stats.abandoned, 1, 2);
	expect_it_works();
	/* When it no longer hangs, its workers are back. */
	release("hung", fd);
	do {
		expect_it_works();
		ra_helper_stats(helper, &stats);
	} while (stats.workers < 2);
	assert_int_equal(stats.restarts, 0);
}

static void
test_many_hung_file_systems(void **state)
{
	struct answer hung[18];
	char names[6][20];
	int fds[6];

	restart_helper(NULL);
	for (size_t i = 0; i < 6; i++) {
		snprintf(names[i], sizeof(names[i]), "hung-%zu", i);
		fds[i] = mount_hung(names[i]);
		SKIP_WITHOUT_FUSE(fds[i]);
		for (size_t k = 0; k < 3; k++)
			ask(hung_request(k, names[i]), &hung[i * 3 + k], 300);
	}
	expect_it_works();
	wait_all();
	for (size_t i = 0; i < RA_ARRAY_SIZE(hung); i++)
		assert_int_equal(hung[i].reason, RA_R_FILE_HUNG);
	expect_it_works();
	/* With all of them stuck. */
	{
		int64_t started = ra_clock_mono();

		restart_helper(NULL);
		assert_true(ra_clock_mono() - started < 1000);
	}
	for (size_t i = 0; i < 6; i++)
		release(names[i], fds[i]);
}

static void
test_cancel_of_what_hangs(void **state)
{
	struct ra_helper_job *jobs[4];
	struct answer a[4];
	int fd = mount_hung("hung");

	SKIP_WITHOUT_FUSE(fd);
	for (size_t i = 0; i < RA_ARRAY_SIZE(jobs); i++)
		jobs[i] = ask(hung_request(1, "hung"), &a[i], 200);
	expect_it_works();
	for (size_t i = 0; i < RA_ARRAY_SIZE(jobs); i++)
		ra_helper_cancel(jobs[i]);
	pending = 0;
	ask(hung_request(1, "hung"), &a[0], 300);
	wait_all();
	assert_int_equal(a[0].reason, RA_R_FILE_HUNG);
	for (size_t i = 1; i < RA_ARRAY_SIZE(a); i++)
		assert_int_equal(a[i].done, 0);
	release("hung", fd);
	expect_it_works();
}

/* --- what changes under our hands --- */

static void
test_changed_while_read(void **state)
{
	char *path = put("changing", "", 0);
	size_t changed = 0, whole = 0;
	pid_t pid;

	assert_int_equal(truncate(path, 8 << 20), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		while (fd >= 0 && pwrite(fd, "x", 1, 0) == 1)
			;
		_exit(1);
	}
	for (int i = 0; i < 200 && (changed == 0 || i < 5); i++) {
		struct ra_file_request q = {
			.want = RA_FILE_READ, .path = path, .max_bytes = 16 << 20
		};
		struct answer a;

		look(q, &a);
		if (a.reason == RA_R_FILE_CHANGED)
			changed++;
		else if (a.reason == RA_R_OK)
			whole++;
		else
			fail_msg("%s", a.error);
		answer_clear(&a);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(changed > 0);
}

/* Entries that go between the reading of a folder and the look at them are no failure. */
static void
test_folder_that_changes(void **state)
{
	pid_t pid;

	make_folder("moving");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (unsigned i = 0;; i++) {
			char *path = path_of("moving/%u", i % 50);

			if (i % 100 < 50)
				close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
			else
				unlink(path);
		}
	}
	for (int i = 0; i < 300; i++) {
		struct ra_file_request q = { .want = RA_FILE_STAT, .glob = true };
		struct answer a;

		q.path = path_of("moving/*");
		look(q, &a);
		assert_int_equal(a.reason, RA_R_OK);
		answer_clear(&a);
		q.want = RA_FILE_READ;
		q.max_bytes = 10;
		look(q, &a);
		if (a.reason != RA_R_OK && a.reason != RA_R_FILE_MISSING &&
		    a.reason != RA_R_FILE_CHANGED)
			fail_msg("%s", a.error);
		answer_clear(&a);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_odd_sizes),
		cmocka_unit_test(test_what_is_no_regular_file),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_names_from_outside),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_tail_of_a_sparse_file),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_glob_follows_links_if_asked),
		cmocka_unit_test(test_glob_counts_others),
		cmocka_unit_test(test_glob_counts_a_file_once),
		cmocka_unit_test(test_glob_reads_the_newest),
		cmocka_unit_test(test_many_entries),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_killed_helper_is_started_again),
		cmocka_unit_test(test_keeper_that_stands_still),
		cmocka_unit_test(test_helper_that_hangs_is_replaced),
		cmocka_unit_test(test_helper_is_left_alone_by_signals_to_all),
		cmocka_unit_test(test_helper_has_nothing_of_ours),
		cmocka_unit_test(test_no_descriptor_is_lost),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_free_from_its_callback),
		cmocka_unit_test(test_helper_that_lies_is_ended),
		cmocka_unit_test(test_helper_that_cannot_run),
		cmocka_unit_test(test_hung_file_system),
		cmocka_unit_test(test_many_hung_file_systems),
		cmocka_unit_test(test_cancel_of_what_hangs),
		cmocka_unit_test(test_changed_while_read),
		cmocka_unit_test(test_folder_that_changes),
	};
	char command[PATH_MAX];
	int r = ra_helper_main(argc, argv);

	if (r >= 0)
		return r;
	if (argc == 3 && strcmp(argv[1], "evil") == 0)
		return evil(argv[2]);
	/* Mounts of our own, which go with us. */
	if (unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (mkdtemp(folder) == NULL || ra_loop_new(&loop, NULL) < 0 ||
	    ra_helper_new(loop, NULL, &helper, NULL) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	ra_helper_free(helper);
	ra_loop_free(loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		r++;
	return r;
}
