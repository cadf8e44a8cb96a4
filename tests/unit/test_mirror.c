/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mirrors say of a real repository of 5,000 commits with merges and 200 tags, made by git
 * itself. Distances are counted here, from sets of ancestors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "mirror_rig.h"

#define COMMITS 5000
#define TAGS	200
#define WORDS	(COMMITS / 64 + 1)
#define EPOCH	1700000000

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

		leap += 11 * RA_SECOND;
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
		leap += 11 * RA_SECOND;
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
	leap += 11 * RA_SECOND;
	g = identify(r, "v1.1.0", NULL);
	expect(&g, RA_R_TAG_MISSING);
	assert_non_null(strstr(g.error, "pattern"));
	leap += 11 * RA_SECOND;
	g = identify(r, "1.1.0", "ffffffffffffffffffffffffffffffffffffffff");
	expect(&g, RA_R_COMMIT_UNKNOWN);
	assert_int_equal(g.a.relation, RA_RELATION_UNKNOWN);
	assert_string_equal(g.tag[0], "v1.1.0"); /* what is known is told */
	g = identify(r, "1.1.0", "--output=/tmp/x");
	expect(&g, RA_R_VERSION_UNREADABLE);
	g = identify(r, NULL, NULL);
	expect(&g, RA_R_TAG_MISSING);
	assert_int_equal(fetches(), 3);
	ra_mirror_unref(r);
}

/* What a fetch before the question lacks may be there: it is not missing before one after it. */
static void
test_pushed(void **state)
{
	static struct got storm[50];
	struct ra_mirror_question question = { .side = { { .version = "1.3.0" } } };
	struct ra_mirror_repo *r;
	struct got g, found, last;

	make_small("pushed.git");
	r = repository(file_url("pushed.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	GIT(file("pushed.git"), "tag", "v1.3.0", "main");

	/* It is too soon for a fetch, and too late for waiting. */
	question.deadline = mono(NULL) + 5 * RA_SECOND;
	(void)start_ask(r, question, &g);
	turn_until(is_answered, &g);
	expect(&g, RA_R_REPO_LATE);
	assert_non_null(strstr(g.error, "before it was asked for; it is looked for again in "));
	assert_int_equal(fetches(), 1);

	/* All that wait, whatever for, wait for one. */
	question.deadline = 0;
	(void)start_ask(r, question, &found);
	for (size_t i = 0; i < RA_ARRAY_SIZE(storm); i++) {
		char version[16];

		(void)snprintf(version, sizeof(version), "7.0.%zu", i);
		question.side[0].version = version;
		(void)start_ask(r, question, &storm[i]);
	}
	ra_loop_turn(rig.io.loop);
	assert_int_equal(found.answers, 0);
	leap = 11 * RA_SECOND;
	question.side[0].version = "1.0.0";
	(void)start_ask(r, question, &last); /* so that it looks at the clock */
	turn_until(is_answered, &found);
	expect(&found, RA_R_OK);
	for (size_t i = 0; i < RA_ARRAY_SIZE(storm); i++) {
		turn_until(is_answered, &storm[i]);
		expect(&storm[i], RA_R_TAG_MISSING);
	}
	assert_int_equal(fetches(), 2);
	ra_mirror_unref(r);
	remove_all(file("pushed.git"));
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

/* A mirror that lost refs in the meantime does not tell of what it has left. */
static void
test_refs_lost_between(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	make_small("lost.git");
	r = repository(file_url("lost.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	assert_string_equal(g.latest, "v1.2.0");
	turn_until(is_idle, r);
	GIT(mirror_folder(), "update-ref", "-d", "refs/tags/v1.2.0");
	reopen();
	r = repository(file_url("lost.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	assert_string_equal(g.latest, "v1.2.0");
	assert_int_equal(fetches(), 1);

	/* Nor where it cannot be fetched. */
	turn_until(is_idle, r);
	GIT(mirror_folder(), "update-ref", "-d", "refs/tags/v1.2.0");
	remove_all(file("lost.git"));
	reopen();
	r = repository(file_url("lost.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
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
		leap += 11 * RA_SECOND;
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		struct ra_mirror_question question = {
			.want = RA_MIRROR_BLOB, .ref = "main", .path = bad[i], .max_bytes = 100
		};

		assert_int_equal(ra_mirror_ask(r, &question, on_answer, NULL, &q, &err), -EINVAL);
	}
	ra_mirror_unref(r);
}

/* The mirror's objects become loose ones, and this one is gone. */
static void
lose(const char *what)
{
	const char
	    *mirror = mirror_folder(),
	    *script =
		"cd \"$1\" && mkdir -p lost && mv objects/pack/* lost/ && "
		"for p in lost/*.pack; do git unpack-objects -q <$p; done && "
		"o=$(git rev-parse \"$2\") && rm -f \"objects/${o%${o#??}}/${o#??}\" && rm -r lost "
		"objects/info/commit-graph*";
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", script, "sh", mirror, what, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What the mirror lost is not blamed on the repository, and comes back. */
static void
test_lost_objects(void **state)
{
	static const char *const lost[] = { "main:deploy/a.env", "main:deploy", "main^{tree}" };
	static const char *const paths[] = { "deploy/a.env", "link.env" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(lost) * RA_ARRAY_SIZE(paths); i++) {
		struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
		struct got g = identify(r, "1.0.0", NULL);

		expect(&g, RA_R_OK);
		turn_until(is_idle, r);
		lose(lost[i % 3]);
		g = blob(r, "main", paths[i / 3], 100);
		expect(&g, RA_R_OK);
		assert_string_equal(g.bytes, "A=2\n");
		g = blob(r, "main", "deploy/none", 100);
		expect(&g, RA_R_PATH_MISSING);
		turn_until(is_idle, r);
		ra_mirror_unref(r);
		reopen();
	}
}

static void
test_submodule(void **state)
{
	static const char stream[] =
	    "commit refs/heads/main\ncommitter a <a@example.com> 1700000000 +0000\ndata 1\nx\n"
	    "M 160000 0123456789012345678901234567890123456789 sub\n\n";
	struct ra_mirror_repo *r;
	struct got g;

	write_file(stream_path(), stream, sizeof(stream) - 1);
	GIT(scratch, "init", "--quiet", "--bare", "--initial-branch=main", "sub.git");
	git_in(file("sub.git"), stream_path(),
	    (const char *const[]){ "fast-import", "--quiet", NULL });
	r = repository(file_url("sub.git"), "v{version}");
	g = blob(r, "main", "sub", 100);
	expect(&g, RA_R_PATH_TYPE);
	assert_non_null(strstr(g.error, "sub is a submodule"));
	ra_mirror_unref(r);
	remove_all(file("sub.git"));
}

/* What is named like a baseline and pushed later does not pass for it. */
static void
test_ref_ambiguous(void **state)
{
	struct ra_mirror_repo *r;
	char first[RA_COMMIT_TEXT], name[RA_COMMIT_TEXT + 16];
	struct got g;

	make_small("twice.git");
	GIT(file("twice.git"), "tag", "main", "v1.0.0");
	GIT(file("twice.git"), "branch", "same", "v1.0.0");
	GIT(file("twice.git"), "tag", "same", "v1.0.0");
	GIT(file("twice.git"), "branch", "v1.2.0", "v1.0.0");
	GIT(file("twice.git"), "branch", "refs/tags/main", "refs/heads/main");
	GIT(file("twice.git"), "branch", "refs/tags/gone", "refs/heads/main");
	r = repository(file_url("twice.git"), "v{version}");
	g = blob(r, "main", "deploy/a.env", 100);
	expect(&g, RA_R_REF_AMBIGUOUS);
	assert_non_null(strstr(g.error, "write refs/heads/main or refs/tags/main"));
	g = blob(r, "refs/heads/main", "deploy/a.env", 100);
	assert_string_equal(g.bytes, "A=2\n");
	g = blob(r, "refs/tags/main", "deploy/a.env", 100);
	assert_string_equal(g.bytes, "A=1\n");
	g = blob(r, "same", "deploy/a.env", 100);
	assert_string_equal(g.bytes, "A=1\n");
	g = blob(r, "v1.2.0", "deploy/a.env", 100);
	expect(&g, RA_R_REF_AMBIGUOUS);
	leap += 11 * RA_SECOND;
	g = blob(r, "refs/tags/gone", "deploy/a.env", 100);
	expect(&g, RA_R_REF_MISSING);

	/* Nor does a branch that is named like a commit. */
	memcpy(first, blob(r, "refs/tags/v1.0.0", "deploy/a.env", 100).a.ref_commit, sizeof(first));
	(void)snprintf(name, sizeof(name), "refs/heads/%s", first);
	GIT(file("twice.git"), "update-ref", name, "refs/heads/main");
	leap += 6 * RA_MINUTE;
	g = identify(r, "1.3.0", NULL);
	g = blob(r, first, "deploy/a.env", 100);
	expect(&g, RA_R_COMMIT_AMBIGUOUS);
	ra_mirror_unref(r);
	remove_all(file("twice.git"));
}

/* --- ending --- */

/* Within one turn of the loop git may have run and answered, too: then nothing is to cancel. */
static void
cancel_under_way(struct ra_mirror_query *q, const struct got *g)
{
	ra_loop_turn(rig.io.loop);
	if (g->answers == 0)
		ra_mirror_cancel(q);
}

static void
test_cancel(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("big.git"), "v{version}");
	struct ra_mirror_query *q;
	struct got a, b;
	int answers;

	q = start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &a);
	ra_mirror_cancel(q);
	q = start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &a);
	(void)start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &b);
	cancel_under_way(q, &a);
	answers = a.answers;
	turn_until(is_answered, &b);
	expect(&b, RA_R_OK);
	assert_int_equal(a.answers, answers);
	/* And one that waits for a run of git. */
	q = start_ask(r,
	    (struct ra_mirror_question){
		.side = { { .version = "1.1.0", .commit = made.commit[77] } } },
	    &a);
	cancel_under_way(q, &a);
	(void)start_ask(r,
	    (struct ra_mirror_question){
		.side = { { .version = "1.1.0", .commit = made.commit[78] } } },
	    &a);
	/* The mirror goes with questions and a fetch under way. */
	ra_loop_turn(rig.io.loop);
	answers = a.answers;
	reopen();
	assert_int_equal(a.answers, answers);
	r = repository(file_url("small.git"), "v{version}");
	(void)start_ask(r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &a);
	ra_loop_turn(rig.io.loop);
}

static int
make_all(void **state)
{
	if (make_scratch() < 0)
		return -1;
	make_repository();
	make_small("small.git");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identify),
		TEST(test_untagged),
		TEST(test_tag_of_commit),
		TEST(test_unknown),
		TEST(test_pushed),
		TEST(test_ambiguous),
		TEST(test_dirty),
		TEST(test_compare),
		TEST(test_ancestry),
		TEST(test_one_fetch),
		TEST(test_restart),
		TEST(test_refs_lost_between),
		TEST(test_moved),
		TEST(test_blob),
		TEST(test_no_blob),
		TEST(test_lost_objects),
		TEST(test_submodule),
		TEST(test_ref_ambiguous),
		TEST(test_cancel),
	};

	return cmocka_run_group_tests(tests, make_all, remove_scratch);
}
