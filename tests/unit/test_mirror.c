/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mirrors of real repositories, made by git itself: 5,000 commits with merges, whose distances are
 * counted here, from sets of ancestors. Clocks go forward by themselves or by a leap; nothing waits
 * for a time to pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/engine/mirror.h"

#include "helper_rig.h"

#define COMMITS 5000
#define TAGS	200
#define WORDS	(COMMITS / 64 + 1)
#define EPOCH	1700000000

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

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void
remove_all(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Runs git in a folder, stdin from a file or nothing. */
static void
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

/* --- the repository: commit 0 is the first; its history is known here, not asked of git --- */

static struct {
	char commit[COMMITS][41];
	uint64_t ancestors[COMMITS][WORDS]; /* itself too */
	struct {
		char version[24];
		int at, major, minor, patch;
	} tags[TAGS];
	size_t tag_count;
} made;

static const char *
stream_path(void)
{
	return file("stream");
}

static void
inherit(int commit, int parent)
{
	for (size_t w = 0; w < WORDS; w++)
		made.ancestors[commit][w] |= made.ancestors[parent][w];
}

static int64_t
beyond(int a, int b) /* commits of a that b lacks */
{
	int64_t n = 0;

	for (size_t w = 0; w < WORDS; w++)
		n += __builtin_popcountll(made.ancestors[a][w] & ~made.ancestors[b][w]);
	return n;
}

/* Every 25th commit is a release: minor ones on main, patches of 1.0 on stable. Half annotated. */
static void
add_tag(FILE *f, int commit, bool stable)
{
	static int minor, patch;
	size_t n = made.tag_count++;
	int major = 1, own_minor = stable ? 0 : minor++, own_patch = stable ? ++patch : 0;

	(void)snprintf(made.tags[n].version, sizeof(made.tags[n].version), "%d.%d.%d", major,
	    own_minor, own_patch);
	made.tags[n].at = commit;
	made.tags[n].major = major;
	made.tags[n].minor = own_minor;
	made.tags[n].patch = own_patch;
	if (n % 2 == 0)
		fprintf(f, "reset refs/tags/v%s\nfrom :%d\n\n", made.tags[n].version, commit + 1);
	else
		fprintf(f, "tag v%s\nfrom :%d\ntagger a <a@example.com> %d +0000\ndata 1\nx\n",
		    made.tags[n].version, commit + 1, EPOCH + COMMITS * 60);
	if (n % 20 == 0)
		fprintf(f, "reset refs/tags/build/%c%zu\nfrom :%d\n\n", (char)('z' - n / 20), n,
		    commit + 1);
}

static void
add_commit(FILE *f, int i, int *main_tip, int *stable_tip)
{
	bool stable = i > 1000 && i % 5 == 0 && (i / 25) % 2 == 0;
	int *tip = stable ? stable_tip : main_tip;
	bool merge = !stable && i > 1000 && i % 500 == 1;

	fprintf(f,
	    "commit refs/heads/%s\nmark :%d\ncommitter a <a@example.com> %d +0000\ndata 1\nx\n",
	    stable ? "stable" : "main", i + 1, EPOCH + i * 60);
	made.ancestors[i][i / 64] |= UINT64_C(1) << (i % 64);
	if (*tip >= 0) {
		fprintf(f, "from :%d\n", *tip + 1);
		inherit(i, *tip);
	}
	if (merge) {
		fprintf(f, "merge :%d\n", *stable_tip + 1);
		inherit(i, *stable_tip);
	}
	fprintf(f, "M 644 inline number\ndata <<E\n%d\nE\n\n", i);
	*tip = i;
	if (i <= 1000)
		*stable_tip = i;
	if (i % 25 == 0 && made.tag_count < TAGS)
		add_tag(f, i, stable);
}

static void
read_marks(const char *path)
{
	FILE *f = fopen(path, "re");
	char commit[65];
	int mark;

	assert_non_null(f);
	while (fscanf(f, ":%d %64s\n", &mark, commit) == 2)
		memcpy(made.commit[mark - 1], commit, 41);
	fclose(f);
}

static void
make_repository(void)
{
	FILE *f = fopen(stream_path(), "we");
	int main_tip = -1, stable_tip = -1;
	char marks[128];

	assert_non_null(f);
	for (int i = 0; i < COMMITS; i++)
		add_commit(f, i, &main_tip, &stable_tip);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(made.tag_count, TAGS);
	GIT(scratch, "init", "--quiet", "--bare", "--initial-branch=main", "big.git");
	(void)snprintf(marks, sizeof(marks), "--export-marks=%s", file("marks"));
	git_in(file("big.git"), stream_path(),
	    (const char *const[]){ "fast-import", "--quiet", marks, NULL });
	read_marks(file("marks"));
}

/* Small: v1.0.0, v1.1.0 annotated, nested, at a blob, at a tree; files, a folder, a link. */
static void
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

static void
open_mirror(void)
{
	struct ra_error err = { 0 };

	assert_int_equal(ra_mirror_new(&rig.io, file("state"), &rig.setup, &rig.mirror, &err), 0);
}

static int
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

static int
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
static void
reopen(void)
{
	ra_mirror_free(rig.mirror);
	open_mirror();
}

static struct ra_mirror_repo *
repository(const char *url, const char *pattern)
{
	struct ra_mirror_repo *r = NULL;
	struct ra_error err = { 0 };

	if (ra_mirror_repo(rig.mirror, url, pattern, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

static uint64_t
fetches(void)
{
	struct ra_mirror_stats stats;

	ra_mirror_stats(rig.mirror, &stats);
	return stats.fetches;
}

static void
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

static void
keep(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text != NULL ? text : "");
}

static void
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

static bool
is_answered(void *arg)
{
	return ((struct got *)arg)->answers > 0;
}

static bool
is_idle(void *arg)
{
	struct ra_mirror_status status;

	ra_mirror_status(arg, &status);
	return !status.fetching;
}

static struct ra_mirror_query *
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

static struct got
ask(struct ra_mirror_repo *r, struct ra_mirror_question question)
{
	struct got g;

	(void)start_ask(r, question, &g);
	turn_until(is_answered, &g);
	assert_int_equal(g.answers, 1);
	return g;
}

static struct got
identify(struct ra_mirror_repo *r, const char *version, const char *commit)
{
	return ask(r, (struct ra_mirror_question){ .want = RA_MIRROR_IDENTIFY,
			  .side = { { .version = version, .commit = commit } } });
}

static struct got
blob(struct ra_mirror_repo *r, const char *ref, const char *path, size_t max)
{
	return ask(r, (struct ra_mirror_question){ .want = RA_MIRROR_BLOB,
			  .ref = ref,
			  .side = { { .version = ref == NULL ? "1.0.0" : NULL } },
			  .path = path,
			  .max_bytes = max });
}

static struct got
compare(struct ra_mirror_repo *r, const char *a, const char *b)
{
	return ask(r, (struct ra_mirror_question){ .want = RA_MIRROR_COMPARE,
			  .side = { { .version = a }, { .version = b } } });
}

static void
expect(const struct got *g, enum ra_reason reason)
{
	if (g->a.reason != reason)
		fail_msg("%s, not %s: %s", ra_reason_code(g->a.reason), ra_reason_code(reason),
		    g->error);
	assert_true((g->error[0] != '\0') == (reason != RA_R_OK));
}

static char url_text[256];

static const char *
file_url(const char *name)
{
	(void)snprintf(url_text, sizeof(url_text), "file://%s", file("%s", name));
	return url_text;
}

/* --- what runs --- */

static int64_t
newer_releases(size_t own)
{
	int64_t n = 0;

	for (size_t i = 0; i < TAGS; i++)
		n += made.tags[i].minor > made.tags[own].minor ||
		     (made.tags[i].minor == made.tags[own].minor &&
			 made.tags[i].patch > made.tags[own].patch);
	return n;
}

static enum ra_relation
expected_relation(int64_t behind, int64_t ahead)
{
	if (behind == 0)
		return ahead == 0 ? RA_RELATION_MATCHING : RA_RELATION_AHEAD;
	return ahead == 0 ? RA_RELATION_BEHIND : RA_RELATION_DIVERGED;
}

/* Every tag, with its own commit, with another, and with that abbreviated. */
static void
test_identify(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	size_t seen[RA_RELATION_UNKNOWN + 1] = { 0 }, newest = 0;

	while (newer_releases(newest) > 0)
		newest++;

	for (size_t i = 0; i < TAGS; i++) {
		int at = made.tags[i].at, other = (at + (int)i * 37 % 900 + 2400) % COMMITS;
		struct got g = identify(r, made.tags[i].version, made.commit[at]);
		char name[32], brief[13];

		expect(&g, RA_R_OK);
		(void)snprintf(name, sizeof(name), "v%s", made.tags[i].version);
		assert_string_equal(g.tag[0], name);
		assert_string_equal(g.tag_commit[0], made.commit[at]);
		assert_string_equal(g.a.side[0].commit, made.commit[at]);
		assert_int_equal(g.a.side[0].tag_date, (EPOCH + at * INT64_C(60)) * 1000);
		assert_int_equal(g.a.relation, RA_RELATION_MATCHING);
		assert_int_equal(g.a.behind_releases, newer_releases(i));
		assert_string_equal(g.latest + 1, made.tags[newest].version);

		(void)snprintf(brief, sizeof(brief), "%.12s", made.commit[other]);
		g = identify(r, made.tags[i].version, brief);
		expect(&g, RA_R_OK);
		assert_string_equal(g.a.side[0].commit, made.commit[other]);
		assert_int_equal(g.a.behind, beyond(at, other));
		assert_int_equal(g.a.ahead, beyond(other, at));
		assert_int_equal(
		    g.a.relation, expected_relation(beyond(at, other), beyond(other, at)));
		seen[g.a.relation]++;
	}
	assert_true(seen[RA_RELATION_BEHIND] > 10);
	assert_true(seen[RA_RELATION_AHEAD] > 10);
	assert_true(seen[RA_RELATION_DIVERGED] > 10);
	assert_int_equal(fetches(), 1);
	ra_mirror_unref(r);
}

static int64_t
nearest_tag(int commit)
{
	int64_t best = INT64_MAX;

	for (size_t i = 0; i < TAGS; i++) {
		int at = made.tags[i].at;

		if (beyond(at, commit) == 0 && beyond(commit, at) < best)
			best = beyond(commit, at);
	}
	return best;
}

static void
test_untagged(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");

	for (int i = 7; i < COMMITS; i += 613) {
		struct got g = identify(r, NULL, made.commit[i]);
		char described[64];

		expect(&g, RA_R_TAG_MISSING);
		assert_int_equal(g.a.relation, RA_RELATION_UNTAGGED);
		assert_int_equal(g.a.ahead, nearest_tag(i));
		assert_true(g.nearest[0] == 'v');
		assert_true(g.a.behind_releases >= 0);

		/* What git describe says is a commit too. */
		(void)snprintf(described, sizeof(described), "9.9.9-3-g%.10s", made.commit[i]);
		g = identify(r, described, NULL);
		expect(&g, RA_R_TAG_MISSING);
		assert_int_equal(g.a.relation, RA_RELATION_UNTAGGED);
		assert_string_equal(g.a.side[0].commit, made.commit[i]);
	}
	ra_mirror_unref(r);
}

static void
test_tag_of_commit(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	struct got g = identify(r, NULL, made.commit[made.tags[5].at]);

	expect(&g, RA_R_OK);
	assert_string_equal(g.tag[0] + 1, made.tags[5].version);
	assert_int_equal(g.a.relation, RA_RELATION_MATCHING);

	/* A version alone: there is nothing that could differ from the tag. */
	g = identify(r, made.tags[5].version, NULL);
	expect(&g, RA_R_OK);
	assert_int_equal(g.a.relation, RA_RELATION_NONE);
	assert_string_equal(g.a.side[0].commit, made.commit[made.tags[5].at]);
	ra_mirror_unref(r);
}

static void
test_unknown(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	struct got g = identify(r, "7.7.7", NULL);

	expect(&g, RA_R_TAG_MISSING);
	assert_int_equal(g.a.behind_releases, 0);
	g = identify(r, "v1.1.0", NULL);
	expect(&g, RA_R_TAG_MISSING);
	assert_non_null(strstr(g.error, "pattern"));
	g = identify(r, "1.1.0", "ffffffffffffffffffffffffffffffffffffffff");
	expect(&g, RA_R_COMMIT_UNKNOWN);
	assert_int_equal(g.a.relation, RA_RELATION_UNKNOWN);
	assert_string_equal(g.tag[0], "v1.1.0"); /* what is known is told */
	g = identify(r, "1.1.0", "--output=/tmp/x");
	expect(&g, RA_R_COMMIT_UNKNOWN);
	g = identify(r, NULL, NULL);
	expect(&g, RA_R_TAG_MISSING);
	/* One fetch, when the first was unknown; the rest came too soon after it. */
	assert_true(fetches() <= 2);
	ra_mirror_unref(r);
}

static void
test_ambiguous(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	char brief[5] = "";
	struct got g;

	/* Among 5,000 commits some share four digits. */
	for (int i = 0; brief[0] == '\0' && i < COMMITS; i++)
		for (int j = 0; brief[0] == '\0' && j < i; j++)
			if (memcmp(made.commit[i], made.commit[j], 4) == 0)
				memcpy(brief, made.commit[i], 4);
	assert_int_equal(strlen(brief), 4);
	g = identify(r, "1.1.0", brief);
	expect(&g, RA_R_COMMIT_AMBIGUOUS);
	assert_int_equal(g.a.relation, RA_RELATION_UNKNOWN);
	ra_mirror_unref(r);
}

static void
test_dirty(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	struct got g = identify(r, "1.1.0-dirty", NULL);

	expect(&g, RA_R_OK);
	assert_int_equal(g.a.relation, RA_RELATION_DIRTY);
	assert_string_equal(g.tag[0], "v1.1.0");
	g = identify(r, "1.1.0+dirty", NULL);
	assert_int_equal(g.a.relation, RA_RELATION_DIRTY);
	ra_mirror_unref(r);
}

static void
test_compare(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");

	for (size_t i = 3; i + 60 < TAGS; i += 17) {
		size_t j = i + 1 + i % 50;
		int a = made.tags[i].at, b = made.tags[j].at;
		int64_t lag = newer_releases(i) - newer_releases(j);
		struct got g = compare(r, made.tags[i].version, made.tags[j].version);

		expect(&g, RA_R_OK);
		assert_int_equal(g.a.behind, beyond(b, a));
		assert_int_equal(g.a.ahead, beyond(a, b));
		assert_true(g.a.ordered && g.a.lag_known);
		assert_int_equal(g.a.lag_releases, lag);
		assert_int_equal(g.a.order, lag > 0 ? -1 : 1);
		assert_int_equal(g.a.lag_ms, (b - a) * INT64_C(60000));
	}
	ra_mirror_unref(r);
}

/* build/z0, build/y20, ...: their names run against their history. */
static void
test_ancestry(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "build/{version}");
	struct got g = identify(r, "z0", NULL);

	expect(&g, RA_R_OK);
	assert_int_equal(g.a.behind_releases, 9);
	assert_string_equal(g.latest, "build/q180");
	g = compare(r, "y20", "w60");
	expect(&g, RA_R_OK);
	assert_true(g.a.ordered && g.a.order < 0);
	assert_int_equal(g.a.lag_releases, 2);
	ra_mirror_unref(r);
}

/* --- fetching as little as possible --- */

static void
test_one_fetch(void **state)
{
	static struct got got[300];
	struct ra_mirror_repo *a = repository(file_url("big.git"), "v{version}");
	struct ra_mirror_repo *b = repository(file_url("big.git"), "build/{version}");
	struct ra_mirror_stats stats;

	/* Two at once, with two patterns: one clone. */
	for (size_t i = 0; i < 300; i++)
		(void)start_ask(i % 2 == 0 ? a : b,
		    (struct ra_mirror_question){
			.side = { { .version =
					i % 2 == 0 ? made.tags[i % TAGS].version : "z0" } } },
		    &got[i]);
	for (size_t i = 0; i < 300; i++) {
		turn_until(is_answered, &got[i]);
		expect(&got[i], RA_R_OK);
	}
	assert_int_equal(fetches(), 1);
	turn_until(is_idle, a);
	for (size_t i = 0; i < 300; i++) {
		struct got g = identify(a, made.tags[i % TAGS].version, NULL);

		expect(&g, RA_R_OK);
	}
	assert_int_equal(fetches(), 1);
	/* And no run of git for what is in the list of refs. */
	ra_mirror_stats(rig.mirror, &stats);
	assert_true(stats.runs <= 1);
	assert_int_equal(stats.questions, 600);
	ra_mirror_unref(a);
	ra_mirror_unref(b);
}

static void
test_restart(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	struct got g = identify(r, "1.1.0", NULL);
	int64_t first = g.a.fetched;
	struct stat st;

	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	assert_int_equal(stat(file("state/mirrors"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	reopen();
	r = repository(file_url("big.git"), "v{version}");
	leap = 2 * RA_MINUTE;
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	assert_int_equal(fetches(), 0);
	assert_int_equal(g.a.fetched, first);
	assert_true(g.a.age >= 2 * RA_MINUTE);

	leap = 6 * RA_MINUTE;
	reopen();
	r = repository(file_url("big.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	assert_int_equal(fetches(), 1);
	assert_true(g.a.age < RA_MINUTE);
}

/* A tag that is pushed is found, one that is moved is said, and both survive a restart. */
static void
test_moved(void **state)
{
	struct ra_mirror_repo *r;
	struct ra_mirror_status status;
	struct got g;

	make_small("moving.git");
	r = repository(file_url("moving.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	GIT(file("moving.git"), "tag", "-f", "v1.1.0", "v1.0.0");
	GIT(file("moving.git"), "tag", "v1.3.0", "main");
	GIT(file("moving.git"), "tag", "-d", "vtree");

	/* Not known, but asked for just now. */
	g = identify(r, "1.3.0", NULL);
	expect(&g, RA_R_TAG_MISSING);
	leap = 31 * RA_SECOND;
	g = identify(r, "1.3.0", NULL);
	expect(&g, RA_R_OK);
	assert_int_equal(fetches(), 2);
	turn_until(is_idle, r);
	ra_mirror_status(r, &status);
	assert_int_equal(status.move_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct ra_mirror_move *move = &status.moves[i];

		if (strcmp(move->tag, "vtree") == 0) {
			assert_string_equal(move->to, "");
			continue;
		}
		assert_string_equal(move->tag, "v1.1.0");
		assert_string_equal(move->from, g.tag_commit[0]);
		g = identify(r, "1.0.0", NULL);
		assert_string_equal(move->to, g.tag_commit[0]);
	}
	reopen();
	r = repository(file_url("moving.git"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	ra_mirror_status(r, &status);
	assert_int_equal(status.move_count, 2);
	remove_all(file("moving.git"));
}

/* --- odd repositories --- */

static void
test_odd_tags(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
	struct got g = identify(r, "1.1.0", NULL), nested = identify(r, "1.2.0", NULL);

	expect(&nested, RA_R_OK);
	assert_string_equal(nested.tag_commit[0], g.tag_commit[0]);
	g = identify(r, "1,2", NULL);
	expect(&g, RA_R_OK);
	g = identify(r, "blob", NULL);
	expect(&g, RA_R_TAG_NO_COMMIT);
	g = identify(r, "tree", NULL);
	expect(&g, RA_R_TAG_NO_COMMIT);
	g = compare(r, "1.0.0", "tree");
	expect(&g, RA_R_TAG_NO_COMMIT);
	g = blob(r, "odd,\"'$name", "deploy/a.env", 100);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
}

static void
test_empty(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	GIT(scratch, "init", "--quiet", "--bare", "empty.git");
	r = repository(file_url("empty.git"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_EMPTY);
	assert_true(g.a.fetched != 0);
	ra_mirror_unref(r);
}

static void
test_shallow(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	GIT(scratch, "clone", "--quiet", "--bare", "--depth=1", file_url("big.git"), "shallow.git");
	r = repository(file_url("shallow.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_SHALLOW);
	ra_mirror_unref(r);
}

static void
test_too_large(void **state)
{
	struct ra_mirror_repo *r;
	struct ra_mirror_status status;
	struct got g;

	rig.setup.max_size = 100000;
	reopen();
	r = repository(file_url("big.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_TOO_LARGE);
	ra_mirror_status(r, &status);
	assert_int_equal(status.tags, 0);
	ra_mirror_unref(r);
}

static void
test_not_there(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("nowhere.git"), "v{version}");
	struct got g = identify(r, "1.0.0", NULL);

	expect(&g, RA_R_REPO_NOT_FOUND);
	assert_int_equal(g.a.fetched, 0);
	/* Not asked again before its time. */
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	assert_int_equal(fetches(), 1);
	leap = 31 * RA_SECOND;
	g = identify(r, "1.0.0", NULL);
	assert_int_equal(fetches(), 2);
	leap += 31 * RA_SECOND; /* the second time it takes longer */
	g = identify(r, "1.0.0", NULL);
	assert_int_equal(fetches(), 2);
	/* And it heals. */
	make_small("nowhere.git");
	leap += RA_MINUTE;
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
	remove_all(file("nowhere.git"));
}

static void
test_not_a_repository(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	(void)mkdir(file("plain"), 0700);
	r = repository(file("plain"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	ra_mirror_unref(r);
}

/* Out of reach it answers from what it has, says how old that is, and stops when it is too old. */
static void
test_vanished(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	make_small("going.git");
	r = repository(file_url("going.git"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	assert_int_equal(rename(file("going.git"), file("gone.git")), 0);
	leap = 10 * RA_MINUTE;
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	assert_true(g.a.age >= 10 * RA_MINUTE);
	assert_int_equal(g.a.remote, RA_R_REPO_NOT_FOUND);
	assert_true(g.remote_error[0] != '\0');
	/* It may have been pushed meanwhile: nobody knows. */
	g = identify(r, "4.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	leap = 61 * RA_MINUTE;
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	assert_non_null(strstr(g.error, "ago"));
	ra_mirror_unref(r);
	remove_all(file("gone.git"));
}

/* --- a mirror that is damaged is made anew --- */

static const char *
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

static int
cut_pack(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path);

	if (type == FTW_F && len > 5 && strcmp(path + len - 5, ".pack") == 0) {
		(void)chmod(path, 0600);
		return truncate(path, 40);
	}
	return 0;
}

static void
test_damaged(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	struct got g = identify(r, "1.1.0", NULL);
	char path[512];

	/* Before a start: there is nothing in it. */
	turn_until(is_idle, r);
	(void)snprintf(path, sizeof(path), "%s/HEAD", mirror_folder());
	assert_int_equal(unlink(path), 0);
	reopen();
	r = repository(file_url("big.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	assert_int_equal(fetches(), 1);

	/* At work: the objects are gone, the refs are known. */
	turn_until(is_idle, r);
	assert_int_equal(nftw(mirror_folder(), cut_pack, 16, FTW_PHYS), 0);
	leap = RA_MINUTE;
	g = identify(r, "1.1.0", made.commit[3000]);
	expect(&g, RA_R_OK);
	assert_int_equal(g.a.ahead, beyond(3000, made.tags[1].at));
	assert_int_equal(fetches(), 2);
	g = identify(r, "1.1.0", "ffffffffffffffffffffffffffffffffffffffff");
	expect(&g, RA_R_COMMIT_UNKNOWN);
}

/* A lock and a half-written pack, as a fetch leaves them that was killed. */
static void
test_left_behind(void **state)
{
	struct ra_mirror_repo *r;
	char path[512];
	struct got g;

	make_small("locked.git");
	r = repository(file_url("locked.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	(void)snprintf(path, sizeof(path), "%s/refs/tags/v2.0.0.lock", mirror_folder());
	write_file(path, "", 0);
	GIT(file("locked.git"), "tag", "v2.0.0", "main");
	leap = RA_MINUTE;
	g = identify(r, "2.0.0", NULL);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
	remove_all(file("locked.git"));
}

/* --- files --- */

static void
test_blob(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
	struct got g = blob(r, NULL, "deploy/a.env", 100);
	struct ra_mirror_stats before, after;

	expect(&g, RA_R_OK);
	assert_string_equal(g.bytes, "A=1\n");
	assert_int_equal(g.a.len, 4);
	g = blob(r, "main", "deploy/a.env", 100);
	assert_string_equal(g.bytes, "A=2\n");
	g = blob(r, "refs/tags/v1.0.0", "deploy/a.env", 4);
	assert_string_equal(g.bytes, "A=1\n");
	g = blob(r, g.a.ref_commit, "deploy/a.env", 100);
	expect(&g, RA_R_OK);
	g = blob(r, "main", "link.env", 100);
	assert_string_equal(g.bytes, "A=2\n");
	g = blob(r, "main", "empty", 100);
	expect(&g, RA_R_OK);
	assert_int_equal(g.a.len, 0);

	/* The same again costs nothing. */
	ra_mirror_stats(rig.mirror, &before);
	g = blob(r, NULL, "deploy/a.env", 100);
	ra_mirror_stats(rig.mirror, &after);
	assert_int_equal(before.runs, after.runs);
	ra_mirror_unref(r);
}

static void
test_no_blob(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
	static const struct {
		const char *ref, *path;
		size_t max;
		enum ra_reason reason;
	} cases[] = {
		{ "main", "deploy/none.env", 100, RA_R_PATH_MISSING },
		{ "main", "deploy/a.env/x", 100, RA_R_PATH_MISSING },
		{ "main", "deploy", 100, RA_R_PATH_TYPE },
		{ "main", "out.env", 100, RA_R_PATH_TYPE },
		{ "main", "deploy/a.env", 3, RA_R_BODY_TOO_LARGE },
		{ "none", "deploy/a.env", 100, RA_R_REF_MISSING },
		{ "--help", "deploy/a.env", 100, RA_R_REF_MISSING },
		{ "main~1", "deploy/a.env", 100, RA_R_REF_MISSING },
		{ "ffffffffffffffff", "deploy/a.env", 100, RA_R_COMMIT_UNKNOWN },
		{ "vtree", "deploy/a.env", 100, RA_R_TAG_NO_COMMIT },
	};
	static const char *const bad[] = { "", "/etc/passwd", "-x", "../x", "a/../b", "a//b", "a/",
		"./a", "a\nb" };
	struct ra_mirror_query *q;
	struct ra_error err;

	for (size_t i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		struct got g = blob(r, cases[i].ref, cases[i].path, cases[i].max);

		expect(&g, cases[i].reason);
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		struct ra_mirror_question question = {
			.want = RA_MIRROR_BLOB, .ref = "main", .path = bad[i], .max_bytes = 100
		};

		assert_int_equal(ra_mirror_ask(r, &question, on_answer, NULL, &q, &err), -EINVAL);
	}
	ra_mirror_unref(r);
}

/* --- servers: a thread that answers HTTP as it is told --- */

static struct {
	int fd, port;
	pthread_t thread;
	enum { SILENT, FILES, PAGE, FORBIDDEN, REDIRECT } mode;
	char seen[4096]; /* of the last request */
	unsigned requests, authorized;
	int redirect_port;
} web;

static void
send_text(int fd, const char *status, const char *more, const void *body, size_t len)
{
	char head[512];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status, len, more);

	(void)!send(fd, head, (size_t)n, MSG_NOSIGNAL);
	(void)!send(fd, body, len, MSG_NOSIGNAL);
}

/* The repository small.git, to whoever is user:s3cr%t (dXNlcjpzM2NyJXQ=). */
static void
serve_file(int fd, const char *request)
{
	char path[512], *end;
	FILE *f;
	static char body[1 << 20];
	size_t len;

	if (strstr(request, "Authorization: Basic dXNlcjpzM2NyJXQ=") == NULL) {
		send_text(
		    fd, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "no", 2);
		return;
	}
	web.authorized++;
	(void)snprintf(path, sizeof(path), "%s%.400s", scratch, request + strlen("GET "));
	end = strpbrk(path, " ?");
	if (end != NULL)
		*end = '\0';
	f = fopen(path, "re");
	if (f == NULL) {
		send_text(fd, "404 Not Found", "", "no", 2);
		return;
	}
	len = fread(body, 1, sizeof(body), f);
	fclose(f);
	send_text(fd, "200 OK", "Content-Type: text/plain\r\n", body, len);
}

static void
serve(int fd)
{
	char more[200];
	ssize_t n = recv(fd, web.seen, sizeof(web.seen) - 1, 0);

	web.seen[n > 0 ? n : 0] = '\0';
	web.requests++;
	switch (web.mode) {
	case FILES:
		serve_file(fd, web.seen);
		break;
	case PAGE:
		send_text(fd, "200 OK", "Content-Type: text/html\r\n", "<html>\n<body>\n", 14);
		break;
	case FORBIDDEN:
		send_text(fd, "403 Forbidden", "", "s3cr%t", 6);
		break;
	case REDIRECT:
		(void)snprintf(more, sizeof(more),
		    "Location: http://localhost:%d/small.git/info/refs?service=git-upload-pack\r\n",
		    web.port);
		if (strstr(web.seen, "Host: localhost") != NULL)
			serve_file(fd, web.seen);
		else
			send_text(fd, "302 Found", more, "", 0);
		break;
	case SILENT:
		(void)!recv(fd, web.seen, 1, 0); /* until it hangs up */
	}
}

static void *
serve_all(void *arg)
{
	int fd;

	while ((fd = accept(web.fd, NULL, NULL)) >= 0) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

static int
listen_any(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void
start_web(int mode)
{
	memset(&web, 0, sizeof(web));
	web.mode = (__typeof__(web.mode))mode;
	web.fd = listen_any(&web.port);
	assert_int_equal(pthread_create(&web.thread, NULL, serve_all, NULL), 0);
}

static void
stop_web(void)
{
	shutdown(web.fd, SHUT_RDWR);
	pthread_join(web.thread, NULL);
	close(web.fd);
}

static const char *
web_url(const char *credentials)
{
	(void)snprintf(
	    url_text, sizeof(url_text), "http://%s127.0.0.1:%d/small.git", credentials, web.port);
	return url_text;
}

static void
test_http(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	start_web(FILES);
	r = repository(web_url("user:s3cr%25t@"), "v{version}");
	assert_null(strstr(ra_mirror_url(r), "s3cr"));
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_OK);
	assert_true(web.authorized > 0);
	ra_mirror_unref(r);
}

static void
test_http_auth(void **state)
{
	static const char *const credentials[] = { "", "user:wrong-s3cr@", "wrong-s3cr@" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(credentials); i++) {
		struct ra_mirror_repo *r;
		struct got g;

		start_web(FILES);
		r = repository(web_url(credentials[i]), "v{version}");
		g = identify(r, "1.1.0", NULL);
		stop_web();
		expect(&g, RA_R_REPO_AUTH);
		assert_null(strstr(g.error, "wrong-s3cr"));
		ra_mirror_unref(r);
	}
	start_web(FORBIDDEN);
	{
		struct ra_mirror_repo *r = repository(web_url("user:s3cr%25t@"), "v{version}");
		struct got g = identify(r, "1.1.0", NULL);

		stop_web();
		expect(&g, RA_R_REPO_AUTH);
		assert_null(strstr(g.error, "s3cr%t"));
		ra_mirror_unref(r);
	}
}

/* Credentials are for the host that they were given for. */
static void
test_http_redirect(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	start_web(REDIRECT);
	r = repository(web_url("user:s3cr%25t@"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_REPO_AUTH);
	assert_int_equal(web.authorized, 0);
	ra_mirror_unref(r);
}

static void
test_http_page(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	start_web(PAGE);
	r = repository(web_url(""), "v{version}");
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_REPO_INVALID);
	ra_mirror_unref(r);
}

/* It hangs: who cannot wait is told so, then the fetch's own deadline ends it. */
static void
test_silent(void **state)
{
	struct ra_mirror_repo *r;
	struct got soon, late;

	rig.setup.clone_timeout = 700;
	reopen();
	start_web(SILENT);
	r = repository(web_url(""), "v{version}");
	(void)start_ask(r,
	    (struct ra_mirror_question){
		.side = { { .version = "1.1.0" } }, .deadline = mono(NULL) + 100 },
	    &soon);
	(void)start_ask(
	    r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &late);
	turn_until(is_answered, &soon);
	expect(&soon, RA_R_REPO_PENDING);
	assert_int_equal(late.answers, 0);
	turn_until(is_answered, &late);
	expect(&late, RA_R_REPO_TIMEOUT);
	stop_web();
	ra_mirror_unref(r);
}

static void
test_no_server(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:%d/x.git", "ssh://127.0.0.1:%d/x.git",
		"git://127.0.0.1:%d/x.git" };
	struct ra_mirror_repo *r;
	struct got g;
	char url[100];
	int port, fd = listen_any(&port);

	close(fd);
	for (size_t i = 0; i < RA_ARRAY_SIZE(urls); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(url, sizeof(url), urls[i], port);
#pragma GCC diagnostic pop
		r = repository(url, "v{version}");
		g = identify(r, "1.1.0", NULL);
		expect(&g, RA_R_REPO_REFUSED);
		ra_mirror_unref(r);
	}
	r = repository("http://nowhere.invalid/x.git", "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_DNS);
	ra_mirror_unref(r);
}

static void
on_daemon(void *arg, struct ra_child_answer *answer)
{
	fail_msg("git daemon ended: %s", answer->errors);
}

static bool
is_listening(void *arg)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t) * (int *)arg) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return is;
}

static void
test_git_daemon(void **state)
{
	char port_arg[32], base_arg[96], url[100];
	int port, fd = listen_any(&port);
	const char *const argv[] = { "/usr/lib/git-core/git-daemon", "--listen=127.0.0.1", port_arg,
		base_arg, "--export-all", "--reuseaddr", scratch, NULL };
	const char *const environment[] = { "PATH=/usr/bin:/bin", "HOME=/nonexistent", NULL };
	const char *const allow[] = { "/usr/lib/git-core", NULL };
	struct ra_child_request request = { .argv = argv,
		.environment = environment,
		.allow = allow,
		.max_output = 1000,
		.deadline = INT64_MAX };
	struct ra_helper_job *job;
	struct ra_mirror_repo *r;
	struct got g;

	close(fd);
	(void)snprintf(port_arg, sizeof(port_arg), "--port=%d", port);
	(void)snprintf(base_arg, sizeof(base_arg), "--base-path=%s", scratch);
	assert_int_equal(ra_helper_run(rig.io.helper, &request, on_daemon, NULL, &job), 0);
	turn_until(is_listening, &port);
	(void)snprintf(url, sizeof(url), "git://127.0.0.1:%d/small.git", port);
	r = repository(url, "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
	(void)snprintf(url, sizeof(url), "git://127.0.0.1:%d/none.git", port);
	r = repository(url, "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	ra_mirror_unref(r);
	ra_helper_cancel(job);
}

static void
test_no_git(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	rig.setup.git = "/usr/bin/no-such-git";
	reopen();
	r = repository(file_url("small.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_GIT_MISSING);
	ra_mirror_unref(r);
}

/* --- URLs --- */

static void
test_urls(void **state)
{
	static const char *const good[][2] = {
		{ "https://git.example.com/shop.git", "https://git.example.com/shop.git" },
		{ "https://u:p%40ss@git.example.com:8443/shop.git",
		    "https://git.example.com:8443/shop.git" },
		{ "https://token@git.example.com/a@b.git", "https://git.example.com/a@b.git" },
		{ "ssh://git@git.example.com:22/shop.git",
		    "ssh://git@git.example.com:22/shop.git" },
		{ "git@git.example.com:shop.git", "git@git.example.com:shop.git" },
		{ "/srv/git/shop.git", "/srv/git/shop.git" },
		{ "file:///srv/git/shop.git", "file:///srv/git/shop.git" },
		{ "http://[::1]:80/x.git", "http://[::1]:80/x.git" },
	};
	static const char *const bad[] = { "", "-x", "--upload-pack=s3cret", "ext::sh -c s3cret",
		"ext::s3cret", "fd::17", "ftp://h/s3cret", "shop.git", "../shop.git",
		"file://host/x", "https:///x", "ssh://-oProxyCommand=s3cret/x",
		"ssh://u:s3cret@h/x", "git://u:s3cret@h/x", "https://u:s3cret%0a@h/x", "git@-h:x",
		"https://h/x y", "https://h/x\n", "ssh://-u@h/x", "HTTPS://h/x" };
	struct ra_mirror_repo *r;
	struct ra_error err;

	for (size_t i = 0; i < RA_ARRAY_SIZE(good); i++) {
		r = repository(good[i][0], "v{version}");
		assert_string_equal(ra_mirror_url(r), good[i][1]);
		ra_mirror_unref(r);
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		if (ra_mirror_repo(rig.mirror, bad[i], "v{version}", &r, &err) == 0)
			fail_msg("'%s' should be refused", bad[i]);
		assert_null(strstr(err.text, "s3cret"));
	}
	rig.setup.protocols = "https:ssh";
	reopen();
	assert_int_equal(ra_mirror_repo(rig.mirror, "/srv/x", "v{version}", &r, &err), -EINVAL);
	assert_int_equal(ra_mirror_repo(rig.mirror, "https://h/x", "v", &r, &err), -EINVAL);
}

/* --- ending --- */

static void
test_cancel(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	struct ra_mirror_query *q;
	struct got a, b;

	q = start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &a);
	ra_mirror_cancel(q);
	q = start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &a);
	(void)start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &b);
	ra_loop_turn(rig.io.loop);
	ra_mirror_cancel(q);
	turn_until(is_answered, &b);
	expect(&b, RA_R_OK);
	assert_int_equal(a.answers, 0);
	/* And one that waits for a run of git. */
	q = start_ask(r,
	    (struct ra_mirror_question){
		.side = { { .version = "1.1.0", .commit = made.commit[77] } } },
	    &a);
	ra_loop_turn(rig.io.loop);
	ra_mirror_cancel(q);
	(void)start_ask(r,
	    (struct ra_mirror_question){
		.side = { { .version = "1.1.0", .commit = made.commit[78] } } },
	    &a);
	/* The mirror goes with questions and a fetch under way. */
	ra_loop_turn(rig.io.loop);
	reopen();
	assert_int_equal(a.answers, 0);
	r = repository(file_url("small.git"), "v{version}");
	(void)start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &a);
	ra_loop_turn(rig.io.loop);
}

static int
make_all(void **state)
{
	(void)snprintf(scratch, sizeof(scratch), "/tmp/relaudit-XXXXXX");
	if (mkdtemp(scratch) == NULL)
		return -1;
	make_repository();
	make_small("small.git");
	return 0;
}

static int
remove_everything(void **state)
{
	remove_all(scratch);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identify),
		TEST(test_untagged),
		TEST(test_tag_of_commit),
		TEST(test_unknown),
		TEST(test_ambiguous),
		TEST(test_dirty),
		TEST(test_compare),
		TEST(test_ancestry),
		TEST(test_one_fetch),
		TEST(test_restart),
		TEST(test_moved),
		TEST(test_odd_tags),
		TEST(test_empty),
		TEST(test_shallow),
		TEST(test_too_large),
		TEST(test_not_there),
		TEST(test_not_a_repository),
		TEST(test_vanished),
		TEST(test_damaged),
		TEST(test_left_behind),
		TEST(test_blob),
		TEST(test_no_blob),
		TEST(test_http),
		TEST(test_http_auth),
		TEST(test_http_redirect),
		TEST(test_http_page),
		TEST(test_silent),
		TEST(test_no_server),
		TEST(test_git_daemon),
		TEST(test_no_git),
		TEST(test_urls),
		TEST(test_cancel),
	};

	return cmocka_run_group_tests(tests, make_all, remove_everything);
}
