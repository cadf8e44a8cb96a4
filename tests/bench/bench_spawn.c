/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What starting a child costs: /bin/true from the request to its end, one at a time, through the
 * helper; beside it posix_spawn and fork in this process, whose memory grows. Prints medians and
 * ninth deciles in microseconds. usage: bench_spawn [children a round]
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "relaudit/io/helper.h"
#include "relaudit/io/loop.h"

extern char **environ;

#define CHILDREN_MAX 10000
#define PROGRAM	     "/usr/bin/true"

struct bench {
	struct ra_loop *loop;
	struct ra_helper *helper;
	double *us;
	size_t count, done;
	double began;
};

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_spawn: %s\n", what);
	exit(1);
}

/* --- through the helper --- */

static void next_child(struct bench *b);

static void
child_ended(void *arg, struct ra_child_answer *answer)
{
	struct bench *b = arg;

	if (answer->reason != RA_R_OK || answer->exit_code != 0)
		die(answer->error != NULL ? answer->error : "the child failed");
	b->us[b->done++] = now_us() - b->began;
	if (b->done < b->count)
		next_child(b);
	else
		ra_loop_stop(b->loop);
}

static void
next_child(struct bench *b)
{
	static const char *const argv[] = { PROGRAM, NULL }, *const none[] = { NULL },
				 *const allow[] = { "/usr/bin", NULL };
	struct ra_helper_job *job;
	struct ra_child_request request = { .argv = argv,
		.environment = none,
		.allow = allow,
		.max_output = 4096,
		.deadline = ra_loop_now(b->loop) + 60000 };

	b->began = now_us();
	if (ra_helper_run(b->helper, &request, child_ended, b, &job) < 0)
		die("out of memory");
}

static void
by_helper(struct bench *b)
{
	next_child(b);
	ra_loop_run(b->loop);
}

/* --- in this process --- */

static void
by_spawn(struct bench *b)
{
	char path[] = PROGRAM, *argv[] = { path, NULL };
	int status = 0;
	pid_t pid;

	for (b->done = 0; b->done < b->count; b->done++) {
		b->began = now_us();
		if (posix_spawn(&pid, path, NULL, NULL, argv, environ) != 0 ||
		    waitpid(pid, &status, 0) != pid || status != 0)
			die("posix_spawn failed");
		b->us[b->done] = now_us() - b->began;
	}
}

static void
by_fork(struct bench *b)
{
	int status = 0;

	for (b->done = 0; b->done < b->count; b->done++) {
		pid_t pid;

		b->began = now_us();
		pid = fork();
		if (pid == 0) {
			execl(PROGRAM, PROGRAM, (char *)NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			die("fork failed");
		b->us[b->done] = now_us() - b->began;
	}
}

/* --- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
measure(struct bench *b, void (*how)(struct bench *b), const char *name, size_t mib)
{
	b->done = 0;
	how(b);
	qsort(b->us, b->count, sizeof(*b->us), by_value);
	printf("%-12s with %3zu MiB more: median %6.0f us, 9 of 10 within %6.0f us\n", name, mib,
	    b->us[b->count / 2], b->us[b->count * 9 / 10]);
}

/* Every page of it is there, and small: that is what fork copies the tables of. */
static void
grow(size_t mib)
{
	size_t size = mib << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("out of memory");
	(void)madvise(p, size, MADV_NOHUGEPAGE);
	memset(p, 1, size);
}

int
main(int argc, char **argv)
{
	static const size_t steps[] = { 0, 50, 500 };
	struct bench b = { .count = argc > 1 ? strtoul(argv[1], NULL, 10) : 500 };
	int r = ra_helper_main(argc, argv);
	size_t has = 0;

	if (r >= 0)
		return r;
	if (b.count == 0 || b.count > CHILDREN_MAX)
		die("children a round: 1 to 10000");
	b.us = calloc(b.count, sizeof(*b.us));
	if (b.us == NULL || ra_loop_new(&b.loop, NULL) < 0 ||
	    ra_helper_new(b.loop, NULL, &b.helper, NULL) < 0)
		die("cannot start");
	for (size_t i = 0; i < RA_ARRAY_SIZE(steps); i++) {
		if (steps[i] > has)
			grow(steps[i] - has);
		has = steps[i];
		measure(&b, by_helper, "the helper", steps[i]);
		measure(&b, by_spawn, "posix_spawn", steps[i]);
		measure(&b, by_fork, "fork", steps[i]);
	}
	ra_helper_free(b.helper);
	ra_loop_free(b.loop);
	free(b.us);
	return 0;
}
