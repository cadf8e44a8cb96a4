/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that hang, flood, ignore, escape or are not there. Real ones, run by /bin/sh. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/clock.h"

#include "../../daemon/io/children.h"

#define LONG_ENOUGH (20 * RA_SECOND)

static struct {
	bool done;
	uint64_t id;
	enum ra_reason reason;
	char error[600], output[8192], errors[RA_CHILD_ERRORS + 1];
	size_t len;
	int exit_code, answers;
} got;

static void
on_answer(void *arg, uint64_t id, struct ra_child_answer *a)
{
	got.done = true;
	got.answers++;
	got.id = id;
	got.reason = a->reason;
	got.exit_code = a->exit_code;
	got.len = a->len;
	(void)snprintf(got.error, sizeof(got.error), "%s", a->error);
	(void)snprintf(got.output, sizeof(got.output), "%s", a->output != NULL ? a->output : "");
	(void)snprintf(got.errors, sizeof(got.errors), "%s", a->errors);
}

static void
turn_until(struct ra_children *c, bool (*over)(void))
{
	struct pollfd fds[RA_CHILDREN_FDS];
	int64_t limit = ra_clock_mono() + LONG_ENOUGH;
	int wait;

	while (!over()) {
		size_t n = ra_children_poll(c, fds, &wait);

		assert_true(ra_clock_mono() < limit);
		(void)poll(fds, n, wait < 0 || wait > 1000 ? 1000 : wait);
		ra_children_turn(c);
	}
}

static bool
is_done(void)
{
	return got.done;
}

static const char *const allow[] = { "/usr/bin", NULL };
static const char *const environment[] = { "PATH=/usr/bin:/bin", "SECRET=s3cret", NULL };

static struct ra_child_request
request_of(const char *const *argv, int64_t timeout)
{
	return (struct ra_child_request){ .argv = argv,
		.environment = environment,
		.allow = allow,
		.max_output = 100000,
		.deadline = ra_clock_mono() + timeout };
}

static void
run(const struct ra_child_request *request)
{
	struct ra_children *c = ra_children_new(on_answer, NULL);

	assert_non_null(c);
	memset(&got, 0, sizeof(got));
	ra_children_start(c, 7, request);
	turn_until(c, is_done);
	assert_int_equal(got.id, 7);
	assert_int_equal(got.answers, 1);
	ra_children_free(c);
}

static void
shell(const char *script, int64_t timeout)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct ra_child_request request = request_of(argv, timeout);

	run(&request);
}

static size_t
count_in(const char *folder)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static size_t fds_before;

static int
remember(void **state)
{
	fds_before = count_in("/proc/self/fd");
	return 0;
}

/* Nothing is left behind: no descriptor, no child, no zombie. */
static int
nothing_left(void **state)
{
	char path[64], line[64] = "";
	FILE *f;

	assert_int_equal(count_in("/proc/self/fd"), fds_before);
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	assert_null(fgets(line, sizeof(line), f));
	fclose(f);
	return 0;
}

static void
test_ends(void **state)
{
	shell("echo out; echo err >&2", LONG_ENOUGH);
	assert_int_equal(got.reason, RA_R_OK);
	assert_int_equal(got.exit_code, 0);
	assert_string_equal(got.output, "out\n");
	assert_string_equal(got.errors, "err\n");
	shell("exit 127", LONG_ENOUGH);
	assert_int_equal(got.reason, RA_R_OK);
	assert_int_equal(got.exit_code, 127);
	shell("kill -SEGV $$", LONG_ENOUGH);
	assert_int_equal(got.reason, RA_R_EXEC_SIGNAL);
	assert_non_null(strstr(got.error, "signal 11"));
	shell("printf 'a\\000b'", LONG_ENOUGH);
	assert_int_equal(got.len, 3);
}

static void
test_input(void **state)
{
	static const char *const argv[] = { "/usr/bin/wc", "-c", NULL };
	struct ra_child_request request = request_of(argv, LONG_ENOUGH);
	char *big = malloc(1000000);

	assert_non_null(big);
	memset(big, 'x', 1000000);
	request.input = big;
	request.input_len = 1000000;
	run(&request);
	assert_string_equal(got.output, "1000000\n");
	request.argv = (const char *const[]){ "/usr/bin/true", NULL }; /* reads nothing: EPIPE */
	run(&request);
	assert_int_equal(got.reason, RA_R_OK);
	assert_int_equal(got.exit_code, 0);
	request.argv = argv;
	request.input = NULL;
	run(&request);
	assert_string_equal(got.output, "0\n");
	free(big);
}

static void
test_hangs(void **state)
{
	shell("echo before; exec sleep 1000", 200);
	assert_int_equal(got.reason, RA_R_TIMEOUT);
	shell("trap '' TERM; echo before; while :; do sleep 1000; done", 200);
	assert_int_equal(got.reason, RA_R_TIMEOUT);
	shell("kill -STOP $$", 200);
	assert_int_equal(got.reason, RA_R_TIMEOUT);
}

static void
test_leaves_something_behind(void **state)
{
	int64_t began = ra_clock_mono();

	shell("sleep 1000 & echo parent", LONG_ENOUGH); /* holds the pipe open */
	assert_int_equal(got.reason, RA_R_OK);
	assert_string_equal(got.output, "parent\n");
	shell("(setsid sleep 1000 &) ; echo parent", LONG_ENOUGH);
	assert_int_equal(got.reason, RA_R_OK);
	shell("(setsid sh -c 'setsid sleep 1000 & setsid sleep 1000 & sleep 1000' &) ; exec sleep "
	      "1000",
	    300);
	assert_int_equal(got.reason, RA_R_TIMEOUT);
	shell("exec >&- 2>&-; sleep 1000", 200); /* closes its output and lingers */
	assert_int_equal(got.reason, RA_R_TIMEOUT);
	assert_true(ra_clock_mono() - began < LONG_ENOUGH);
}

static void
test_floods(void **state)
{
	shell("yes", LONG_ENOUGH);
	assert_int_equal(got.reason, RA_R_BODY_TOO_LARGE);
	assert_non_null(strstr(got.error, "100000 bytes"));
	shell("yes | head -c 1000000 >&2; yes | head -c 50000", LONG_ENOUGH);
	assert_int_equal(got.reason, RA_R_OK);
	assert_int_equal(got.len, 50000);
	assert_int_equal(strlen(got.errors), RA_CHILD_ERRORS);
}

static void
test_what_it_gets(void **state)
{
	int stray = open("/dev/null", O_RDONLY);

	assert_true(stray >= 0);
	umask(077);
	shell("ls /proc/self/fd | tr '\\n' ' '; pwd; umask; env | sort | tr '\\n' ' '; ulimit -c; "
	      "ulimit -n; cat /proc/self/stat | cut -d' ' -f6 | grep -cx $$; "
	      "grep -E 'Sig(Blk|Ign)|NoNewPrivs' /proc/self/status | tr -d '\\t\\n'",
	    LONG_ENOUGH);
	close(stray);
	/* 3 is the folder that ls reads */
	assert_string_equal(got.output,
	    "0 1 2 3 /\n0022\n"
	    "PATH=/usr/bin:/bin PWD=/ SECRET=s3cret 0\n256\n1\n"
	    "SigBlk:0000000000000000SigIgn:0000000000000000NoNewPrivs:1");
}

static void
test_is_not_there(void **state)
{
	char folder[] = "/run/relaudit-test-XXXXXX", path[80], text[80];
	const char *allowed[] = { folder, NULL };
	const char *const argv[] = { path, NULL };
	struct ra_child_request request;
	int fd;

	if (mkdtemp(folder) == NULL)
		skip();
	request = request_of(argv, LONG_ENOUGH);
	request.allow = allowed;
	(void)snprintf(path, sizeof(path), "%s/program", folder);
	run(&request);
	assert_int_equal(got.reason, RA_R_EXEC_NOT_FOUND);
	(void)snprintf(text, sizeof(text), "#!%s/nowhere\n", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
	run(&request);
	assert_int_equal(got.reason, RA_R_EXEC_DENIED);
	assert_int_equal(chmod(path, 0755), 0);
	run(&request);
	assert_int_equal(got.reason, RA_R_EXEC_NOT_FOUND);
	assert_non_null(strstr(got.error, "interpreter"));
	assert_int_equal(chmod(path, 0777), 0);
	run(&request);
	assert_int_equal(got.reason, RA_R_EXEC_UNSAFE);
	assert_non_null(strstr(got.error, path));
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	run(&request);
	assert_int_equal(got.reason, RA_R_EXEC_UNSAFE);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/usr/bin/true", path), 0); /* leads out of what is allowed */
	run(&request);
	assert_int_equal(got.reason, RA_R_EXEC_DENIED);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	run(&request);
	assert_int_equal(got.reason, RA_R_EXEC_DENIED);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static int cancelled_turns;

static bool
some_turns(void)
{
	return ++cancelled_turns > 3;
}

static void
test_many_at_once_and_cancel(void **state)
{
	static const char *const quick[] = { "/bin/sh", "-c", "echo $$", NULL };
	static const char *const slow[] = { "/usr/bin/sleep", "1000", NULL };
	struct ra_children *c = ra_children_new(on_answer, NULL);
	struct ra_child_request request = request_of(slow, LONG_ENOUGH);

	memset(&got, 0, sizeof(got));
	for (uint64_t id = 0; id < RA_CHILDREN_MAX; id++)
		ra_children_start(c, id, &request);
	assert_int_equal(got.answers, 0);
	ra_children_start(c, 1000, &request);
	assert_int_equal(got.answers, 1);
	assert_int_equal(got.reason, RA_R_EXEC_START);
	ra_children_cancel(c, 5);
	cancelled_turns = 0;
	turn_until(c, some_turns);
	assert_int_equal(got.answers, 1);
	got.done = false;
	request = request_of(quick, LONG_ENOUGH);
	ra_children_start(c, 2000, &request);
	turn_until(c, is_done);
	assert_int_equal(got.id, 2000);
	assert_int_equal(got.reason, RA_R_OK);
	ra_children_free(c);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, remember, nothing_left)
	const struct CMUnitTest tests[] = {
		TEST(test_ends),
		TEST(test_input),
		TEST(test_hangs),
		TEST(test_leaves_something_behind),
		TEST(test_floods),
		TEST(test_what_it_gets),
		TEST(test_is_not_there),
		TEST(test_many_at_once_and_cancel),
	};

	struct rlimit files;

	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
