/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mirrors for which memory runs out, wherever it does: each question is answered once, with what
 * the repository says or that it could not be asked, never with what is not so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "failing_conf.h"
#include "mirror_rig.h"

#define QUESTIONS 6

struct asked {
	struct ra_mirror_question q;
	enum ra_reason right;
};

static const struct asked questions[QUESTIONS] = {
	{ { .want = RA_MIRROR_IDENTIFY, .side = { { .version = "1.0.0" } } }, RA_R_OK },
	{ { .want = RA_MIRROR_IDENTIFY, .side = { { .version = "1.1.0-dirty" } } }, RA_R_OK },
	{ { .want = RA_MIRROR_IDENTIFY, .side = { { .version = "7.0.0" } } }, RA_R_TAG_MISSING },
	{ { .want = RA_MIRROR_COMPARE, .side = { { .version = "1.0.0" }, { .version = "1.1.0" } } },
	    RA_R_OK },
	{ { .want = RA_MIRROR_BLOB, .ref = "main", .path = "link.env", .max_bytes = 99 }, RA_R_OK },
	{ { .want = RA_MIRROR_BLOB, .ref = "main", .path = "none.env", .max_bytes = 99 },
	    RA_R_PATH_MISSING },
};

/* It could not be asked; of the repository nothing is said. */
static bool
says_nothing(enum ra_reason reason)
{
	return reason == RA_R_NO_MEMORY || reason == RA_R_REPO_PENDING ||
	       reason == RA_R_GIT_FAILED || reason == RA_R_INTERNAL;
}

static void
look(const struct asked *asked, const struct got *g)
{
	if (g->a.reason != asked->right) {
		if (!says_nothing(g->a.reason))
			fail_msg("request %d%s: %s: %s", (int)failing_at,
			    failing_onward ? " on" : "", ra_reason_code(g->a.reason), g->error);
		if (g->error[0] == '\0')
			fail_msg("request %d%s: %s without a word", (int)failing_at,
			    failing_onward ? " on" : "", ra_reason_code(g->a.reason));
		return;
	}
	if (g->a.reason != RA_R_OK)
		return;
	if (asked->q.want == RA_MIRROR_BLOB)
		assert_string_equal(g->bytes, "A=2\n");
	else
		assert_int_equal(strncmp(g->tag[0], "v1.", 3), 0);
	if (asked->q.want == RA_MIRROR_COMPARE)
		assert_int_equal(g->a.behind, 1);
}

static void
ask_all(struct ra_mirror_repo *r)
{
	for (size_t i = 0; i < QUESTIONS; i++) {
		struct ra_mirror_question q = questions[i].q;
		struct ra_mirror_query *query = NULL;
		struct ra_error err = { 0 };
		static struct got g;

		memset(&g, 0, sizeof(g));
		q.deadline = mono(NULL) + 20000;
		q.since = 1; /* what is missing was so at the last fetch */
		if (ra_mirror_ask(r, &q, on_answer, &g, &query, &err) < 0) {
			assert_true(failing_count >= failing_at);
			continue;
		}
		turn_until(is_answered, &g);
		if (failing_at == 0)
			assert_int_equal(g.a.reason, questions[i].right);
		look(&questions[i], &g);
	}
}

/* arg: as after a first start, with nothing on disk */
static bool
run_mirror(void *arg, int at, bool onward)
{
	struct ra_mirror_repo *r = NULL;
	struct ra_error err = { 0 };
	const char *url = file_url("small.git");
	const char *state_folder = file("state");
	bool refused;
	int error;

	if (arg != NULL) {
		remove_all(state_folder);
		assert_int_equal(mkdir(state_folder, 0700), 0);
	}
	rig.mirror = NULL;
	failing_arm(at, onward);
	error = ra_mirror_new(&rig.io, state_folder, &rig.setup, &rig.mirror, &err);
	if (error == 0)
		error = ra_mirror_repo(rig.mirror, url, "v{version}", &r, &err);
	if (error == 0)
		ask_all(r);
	refused = failing_disarm();
	if (error < 0) {
		assert_int_equal(error, -ENOMEM);
		assert_true(err.text[0] != '\0');
	}
	ra_mirror_unref(r);
	ra_mirror_free(RA_TAKE(rig.mirror));
	return refused;
}

/* Each run starts git several times, so only some are refused. */
static void
test_known(void **state)
{
	ra_mirror_free(RA_TAKE(rig.mirror));
	failing_sweep(run_mirror, NULL, 3, false);
	failing_sweep(run_mirror, NULL, 31, true);
}

static void
test_first_fetch(void **state)
{
	static int fresh;

	ra_mirror_free(RA_TAKE(rig.mirror));
	failing_sweep(run_mirror, &fresh, 13, false);
	failing_sweep(run_mirror, &fresh, 97, true);
}

static int
make_all(void **state)
{
	if (make_scratch() < 0)
		return -1;
	make_small("small.git");
	(void)signal(SIGPIPE, SIG_IGN); /* as in the helper */
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_known),
		TEST(test_first_fetch),
	};

	return cmocka_run_group_tests(tests, make_all, remove_scratch);
}
