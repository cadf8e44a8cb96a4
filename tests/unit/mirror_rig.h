/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mirror on a state folder of its own, small repositories made by git, and questions that are
 * waited for. Clocks go forward by themselves or by a leap; nothing waits for a time to pass.
 */
#ifndef RELAUDIT_TESTS_UNIT_MIRROR_RIG_H
#define RELAUDIT_TESTS_UNIT_MIRROR_RIG_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/digest.h"
#include "relaudit/engine/mirror.h"

#include "helper_rig.h"

/* --- time --- */

static int64_t leap;

static int64_t
mono(void *arg)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000 + leap;
}

static int64_t
wall(void *arg)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000 + leap;
}

static const struct ra_clock leaping = { .mono = mono, .wall = wall, .boot = mono };

/* --- files and programs --- */

static char scratch[64];

static const char *file(const char *fmt, ...) RA_PRINTF(1, 2);

static const char *
file(const char *fmt, ...)
{
	static char paths[16][512];
	static unsigned next;
	char *path = paths[next++ % 16];
	size_t len = (size_t)snprintf(path, sizeof(paths[0]), "%s/", scratch);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(path + len, sizeof(paths[0]) - len, fmt, ap);
	va_end(ap);
	return path;
}

static RA_UNUSED int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static RA_UNUSED void
remove_all(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static RA_UNUSED void
write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Runs git in a folder, stdin from a file or nothing. */
static RA_UNUSED void
git_in(const char *folder, const char *input, const char *const *args)
{
	const char *argv[24] = { "git", "-C", folder };
	size_t n = 3;
	int status;
	pid_t pid;

	while (*args != NULL)
		argv[n++] = *args++;
	argv[n] = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		int in = input != NULL ? open(input, O_RDONLY) : null;
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(in, 0);
		dup2(null, 1);
		dup2(null, 2);
		setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
		setenv("GIT_AUTHOR_NAME", "a", 1);
		setenv("GIT_AUTHOR_EMAIL", "a@example.com", 1);
		setenv("GIT_COMMITTER_NAME", "a", 1);
		setenv("GIT_COMMITTER_EMAIL", "a@example.com", 1);
		execv("/usr/bin/git", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define GIT(folder, ...) git_in(folder, NULL, (const char *const[]){ __VA_ARGS__, NULL })

static const char *
stream_path(void)
{
	return file("stream");
}

/* Small: v1.0.0, v1.1.0 annotated, nested, at a blob, at a tree; files, a folder, a link. */
static RA_UNUSED void
make_small(const char *name)
{
	static const char stream[] =
	    "commit refs/heads/main\ncommitter a <a@example.com> 1700000000 +0000\ndata 1\nx\n"
	    "M 644 inline deploy/a.env\ndata 4\nA=1\n\nM 120000 inline link.env\ndata 12\n"
	    "deploy/a.env\nM 120000 inline out.env\ndata 11\n/etc/passwd\n"
	    "M 644 inline empty\ndata 0\n\n\n"
	    "reset refs/tags/v1.0.0\nfrom refs/heads/main\n\n"
	    "commit refs/heads/main\ncommitter a <a@example.com> 1700086400 +0000\ndata 1\ny\n"
	    "from refs/tags/v1.0.0\nM 644 inline deploy/a.env\ndata 4\nA=2\n\n"
	    "tag v1.1.0\nfrom refs/heads/main\ntagger a <a@example.com> 1 +0000\ndata 1\nx\n"
	    "reset refs/heads/odd,\"'$name\nfrom refs/heads/main\n\n"
	    "reset refs/tags/v1,2\nfrom refs/heads/main\n\n";
	const char *path = file("%s", name);

	write_file(stream_path(), stream, sizeof(stream) - 1);
	GIT(scratch, "init", "--quiet", "--bare", "--initial-branch=main", name);
	git_in(path, stream_path(), (const char *const[]){ "fast-import", "--quiet", NULL });
	GIT(path, "tag", "-a", "-m", "x", "v1.2.0", "v1.1.0");
	GIT(path, "tag", "vblob", "main:deploy/a.env");
	GIT(path, "tag", "vtree", "main^{tree}");
	GIT(path, "update-server-info");
}

/* --- the mirror --- */

static struct {
	struct ra_io io;
	struct ra_mirror *mirror;
	struct ra_mirror_setup setup;
} rig;

static RA_UNUSED void
open_mirror(void)
{
	struct ra_error err = { 0 };

	assert_int_equal(ra_mirror_new(&rig.io, file("state"), &rig.setup, &rig.mirror, &err), 0);
}

static RA_UNUSED int
set_up(void **state)
{
	struct ra_error err = { 0 };

	leap = 0;
	ra_clock_replace(&leaping);
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(mkdir(file("state"), 0700), 0);
	assert_int_equal(ra_loop_new(&rig.io.loop, &err), 0);
	rig.io.helper = rig_open(rig.io.loop);
	open_mirror();
	return 0;
}

static RA_UNUSED int
tear_down(void **state)
{
	ra_mirror_free(rig.mirror);
	rig_close(rig.io.helper);
	ra_loop_free(rig.io.loop);
	ra_clock_replace(NULL);
	remove_all(file("state"));
	return 0;
}

/* A mirror anew on the same state folder, as after a restart. */
static RA_UNUSED void
reopen(void)
{
	ra_mirror_free(rig.mirror);
	open_mirror();
}

static RA_UNUSED struct ra_mirror_repo *
repository(const char *url, const char *pattern)
{
	struct ra_mirror_repo *r = NULL;
	struct ra_error err = { 0 };

	if (ra_mirror_repo(rig.mirror, url, pattern, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

static RA_UNUSED uint64_t
fetches(void)
{
	struct ra_mirror_stats stats;

	ra_mirror_stats(rig.mirror, &stats);
	return stats.fetches;
}

static RA_UNUSED void
turn_until(bool (*over)(void *arg), void *arg)
{
	int64_t limit = mono(NULL) + 60000;

	while (!over(arg)) {
		assert_true(mono(NULL) < limit);
		ra_loop_turn(rig.io.loop);
	}
}

/* An answer, with texts of its own. */
struct got {
	int answers;
	struct ra_mirror_answer a;
	char error[300], tag[2][100], nearest[100], latest[100], bytes[100];
	char tag_commit[2][RA_COMMIT_TEXT], remote_error[300];
};

static RA_UNUSED void
keep(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text != NULL ? text : "");
}

static RA_UNUSED void
on_answer(void *arg, const struct ra_mirror_answer *a)
{
	struct got *g = arg;

	g->answers++;
	g->a = *a;
	keep(g->error, sizeof(g->error), a->error);
	keep(g->remote_error, sizeof(g->remote_error), a->remote_error);
	keep(g->nearest, sizeof(g->nearest), a->nearest);
	keep(g->latest, sizeof(g->latest), a->latest);
	for (int i = 0; i < 2; i++) {
		keep(g->tag[i], sizeof(g->tag[i]), a->side[i].tag);
		keep(g->tag_commit[i], sizeof(g->tag_commit[i]), a->side[i].tag_commit);
	}
	if (a->bytes != NULL)
		memcpy(g->bytes, a->bytes, a->len < 99 ? a->len + 1 : 99);
}

static RA_UNUSED bool
is_answered(void *arg)
{
	return ((struct got *)arg)->answers > 0;
}

static RA_UNUSED bool
is_idle(void *arg)
{
	struct ra_mirror_status status;

	ra_mirror_status(arg, &status);
	return !status.fetching;
}

static RA_UNUSED struct ra_mirror_query *
start_ask(struct ra_mirror_repo *r, struct ra_mirror_question question, struct got *g)
{
	struct ra_mirror_query *q = NULL;
	struct ra_error err = { 0 };

	memset(g, 0, sizeof(*g));
	if (question.deadline == 0)
		question.deadline = mono(NULL) + 50000;
	if (ra_mirror_ask(r, &question, on_answer, g, &q, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(g->answers, 0);
	return q;
}

static RA_UNUSED struct got
ask(struct ra_mirror_repo *r, struct ra_mirror_question question)
{
	struct got g;

	(void)start_ask(r, question, &g);
	turn_until(is_answered, &g);
	assert_int_equal(g.answers, 1);
	return g;
}

static RA_UNUSED struct got
identify(struct ra_mirror_repo *r, const char *version, const char *commit)
{
	return ask(r, (struct ra_mirror_question){ .want = RA_MIRROR_IDENTIFY,
			  .side = { { .version = version, .commit = commit } } });
}

static RA_UNUSED struct got
blob(struct ra_mirror_repo *r, const char *ref, const char *path, size_t max)
{
	return ask(r, (struct ra_mirror_question){ .want = RA_MIRROR_BLOB,
			  .ref = ref,
			  .side = { { .version = ref == NULL ? "1.0.0" : NULL } },
			  .path = path,
			  .max_bytes = max });
}

static RA_UNUSED struct got
compare(struct ra_mirror_repo *r, const char *a, const char *b)
{
	return ask(r, (struct ra_mirror_question){ .want = RA_MIRROR_COMPARE,
			  .side = { { .version = a }, { .version = b } } });
}

static RA_UNUSED void
expect(const struct got *g, enum ra_reason reason)
{
	if (g->a.reason != reason)
		fail_msg("%s, not %s: %s", ra_reason_code(g->a.reason), ra_reason_code(reason),
		    g->error);
	assert_true((g->error[0] != '\0') == (reason != RA_R_OK));
}

static char url_text[256];

static RA_UNUSED const char *
file_url(const char *name)
{
	(void)snprintf(url_text, sizeof(url_text), "file://%s", file("%s", name));
	return url_text;
}

static RA_UNUSED const char *
mirror_folder(void)
{
	DIR *d = opendir(file("state/mirrors"));
	struct dirent *entry;
	const char *path = NULL;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			path = file("state/mirrors/%s", entry->d_name);
	closedir(d);
	assert_non_null(path);
	return path;
}

/* --- the folder that all is in --- */

static RA_UNUSED int
make_scratch(void)
{
	(void)snprintf(scratch, sizeof(scratch), "/tmp/relaudit-XXXXXX");
	return mkdtemp(scratch) == NULL ? -1 : 0;
}

static RA_UNUSED int
remove_scratch(void **state)
{
	remove_all(scratch);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
