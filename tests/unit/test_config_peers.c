/* SPDX-License-Identifier: Apache-2.0 */
/* The kind config beside others: another environment, and what is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_rig.h"

/* Fails unless the rig is judged so; closes it. */
static void
check(size_t row, struct rig *rig, enum ra_verdict verdict, enum ra_reason reason,
    const char *summary, const char *expected)
{
	check_result(row, rig_judged(rig),
	    &(struct wanted){
		.verdict = verdict, .reason = reason, .summary = summary, .expected = expected });
}

/* --- another environment --- */

static void
test_same_as(void **state)
{
	static const struct {
		const char *options, *expect, *warn, *here, *there;
		enum ra_verdict verdict;
		enum ra_reason reason;
		const char *summary, *expected;
	} rows[] = {
		{ NULL, "same-as: staging", NULL, "A=1\n", "A=1\n", RA_OK, RA_R_OK,
		    "1 key, as in staging", "same-as staging" },
		{ NULL, "same-as: staging/config-api", NULL, "A=1\n", "A=1\n", RA_OK, RA_R_OK,
		    "1 key, as in staging/config-api", "same-as staging/config-api" },
		{ NULL, "same-as: staging", NULL, "A=1\nB=2\n", "A=2\nB=2\n", RA_CRITICAL,
		    RA_R_DRIFT, "1 key differs from staging: A", "same-as staging" },
		{ NULL, "same-as: staging", NULL, "A=1\nB=1\n", "A=2\nB=2\n", RA_CRITICAL,
		    RA_R_DRIFT, "2 keys differ from staging: A, B", "same-as staging" },
		{ NULL, "same-as: staging\ndiffer: H", NULL, "H=1\n", "H=1\n", RA_CRITICAL,
		    RA_R_DRIFT, "1 key must differ from staging and is equal: H",
		    "same-as staging; differ H" },
		{ NULL, "same-as: staging\ndiffer: H\ndiffer: I", NULL, "H=1\nI=1\n", "H=1\nI=1\n",
		    RA_CRITICAL, RA_R_DRIFT, "2 keys must differ from staging and are equal: H, I",
		    "same-as staging; differ H, I" },
		{ NULL, "same-as: staging\nmay-differ: H", NULL, "H=1\n", "H=2\n", RA_OK, RA_R_OK,
		    "1 key, as in staging", "same-as staging; may-differ H" },
		{ "ignore: H", "same-as: staging", NULL, "A=1\nH=1\n", "A=1\n", RA_OK, RA_R_OK,
		    "2 keys, as in staging, 1 ignored", "same-as staging" },
		{ "ignore: *", "same-as: staging", NULL, "A=1\nH=1\n", "A=2\n", RA_UNKNOWN,
		    RA_R_UNVERIFIABLE, "nothing was compared: 2 keys are ignored",
		    "same-as staging" },
		{ "ignore: *", "same-as: staging\nrequired: Z", NULL, "A=1\n", "A=2\n", RA_UNKNOWN,
		    RA_R_UNVERIFIABLE, "nothing was compared: 2 keys are ignored",
		    "same-as staging; required Z" },
		/* what is there in one environment alone */
		{ NULL, "same-as: staging", NULL, "A=1\n", "A=1\nB=1\n", RA_CRITICAL, RA_R_DRIFT,
		    "1 key differs from staging: B", "same-as staging" },
		{ NULL, "same-as: staging\nrequired: B", NULL, "A=1\n", "A=1\nB=1\n", RA_CRITICAL,
		    RA_R_KEY_MISSING, "1 required key is missing: B",
		    "same-as staging; required B" },
		{ NULL, "same-as: staging\nrequired: B", NULL, "A=1\nB=1\n", "A=1\n", RA_CRITICAL,
		    RA_R_DRIFT, "1 key differs from staging: B", "same-as staging; required B" },
		{ NULL, "same-as: staging\nforbidden: B", NULL, "A=1\n", "A=1\nB=1\n", RA_CRITICAL,
		    RA_R_DRIFT, "1 key differs from staging: B", "same-as staging; forbidden B" },
		/* under warn; what may differ there may under the other word too */
		{ NULL, NULL, "same-as: staging", "A=1\n", "A=2\n", RA_WARNING, RA_R_DRIFT,
		    "1 key differs from staging: A", "same-as staging" },
		{ NULL, NULL, "same-as: staging", "A=1\n", "A=1\n", RA_OK, RA_R_OK, "1 key", NULL },
		{ NULL, "may-differ: A", "same-as: staging", "A=1\n", "A=2\n", RA_OK, RA_R_OK,
		    "1 key", "may-differ A" },
		{ NULL, "same-as: staging", "may-differ: A", "A=1\n", "A=2\n", RA_OK, RA_R_OK,
		    "1 key, as in staging", "same-as staging" },
		/* what is to be warned of stands beside what is worse, once */
		{ NULL, "same-as: staging", "forbidden: B", "A=1\nB=1\n", "A=2\nB=1\n", RA_CRITICAL,
		    RA_R_DRIFT,
		    "1 key differs from staging: A; warning: 1 forbidden key is there: B",
		    "same-as staging" },
		{ NULL, "same-as: staging", "forbidden: A", "A=1\n", NULL, RA_UNKNOWN,
		    RA_R_PEER_UNREAD,
		    "not compared with staging: no answer; warning: 1 forbidden key is there: A",
		    "same-as staging" },
		{ NULL, "same-as: staging", "forbidden: A", "A=1\n", "A=1\n", RA_WARNING,
		    RA_R_KEY_FORBIDDEN, "1 forbidden key is there: A", "forbidden A" },
		/* not read: UNKNOWN, unless something is wrong by itself */
		{ NULL, "same-as: staging", NULL, "A=1\n", NULL, RA_UNKNOWN, RA_R_PEER_UNREAD,
		    "not compared with staging: no answer", "same-as staging" },
		{ NULL, NULL, "same-as: staging", "A=1\n", NULL, RA_UNKNOWN, RA_R_PEER_UNREAD,
		    "not compared with staging: no answer", "same-as staging" },
		{ NULL, "same-as: staging\nrequired: B", NULL, "A=1\n", NULL, RA_CRITICAL,
		    RA_R_KEY_MISSING,
		    "1 required key is missing: B; not compared with staging: no answer",
		    "same-as staging; required B" },
		{ NULL, "same-as: staging", NULL, "", NULL, RA_UNKNOWN, RA_R_EMPTY,
		    "not a single key", NULL },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		bool warn = rows[i].warn != NULL && strstr(rows[i].warn, "same-as") != NULL;
		struct rig rig;

		rig_open(&rig, rows[i].options, rows[i].expect, rows[i].warn);
		rig_here(&rig, rows[i].here);
		rig_peer(&rig, warn, rows[i].there);
		check(i, &rig, rows[i].verdict, rows[i].reason, rows[i].summary, rows[i].expected);
	}
}

/* The rules of both checks count; a rule of the other's that meets nothing is its own business. */
static void
test_rules_of_the_other(void **state)
{
	struct rig rig;

	rig_open(&rig, "ignore: OWN", "same-as: staging\nmay-differ: M", NULL);
	rig.other.kind_options = rig_bind(&rig, &ra_kind_config.type, "ignore: X\nignore: Y");
	rig.other.warn = rig_bind(&rig, &ra_kind_config.expectation, "differ: D\nmay-differ: W");
	rig_here(&rig, "A=1\nD=1\nM=1\nW=1\nX=1\n");
	rig_peer(&rig, false, "A=1\nD=2\nM=1\nW=2\nX=2\n");
	check(0, &rig, RA_OK, RA_R_OK,
	    "5 keys, as in staging, 1 ignored; `ignore` meets no key in OWN",
	    "same-as staging; may-differ M");
	rig_open(&rig, NULL, "same-as: staging", NULL);
	rig.other.warn = rig_bind(&rig, &ra_kind_config.expectation, "differ: D");
	rig_here(&rig, "D=1\n");
	rig_peer(&rig, false, "D=1\n");
	check(1, &rig, RA_CRITICAL, RA_R_DRIFT, "1 key must differ from staging and is equal: D",
	    "same-as staging");
}

/* A peer of another word, or of none, is not what same-as names. */
static void
test_other_peers(void **state)
{
	struct rig rig;

	rig_open(&rig, NULL, "same-as: staging", "required: A");
	rig_here(&rig, "A=1\n");
	rig_version(&rig, "v1", 0);
	rig_peer(&rig, true, "A=2\n")->peer = &rig.peers[1];
	check(0, &rig, RA_OK, RA_R_OK, "1 key", NULL);
}

static void
test_origin(void **state)
{
	struct rig rig;

	rig_open(&rig, NULL, "origin: A=" WHERE "\norigin: B=/etc/*", NULL);
	rig_here(&rig, "A=1\nB=2\n");
	check(0, &rig, RA_CRITICAL, RA_R_DRIFT, "1 key has another origin: B",
	    "origin of A " WHERE "; origin of B /etc/*");
	rig_open(&rig, NULL, "origin: *=/etc/*", NULL);
	rig_here(&rig, "A=1\nB=2\n");
	check(1, &rig, RA_CRITICAL, RA_R_DRIFT, "2 keys have another origin: A, B",
	    "origin of * /etc/*");
}

/* --- what is committed --- */

static void
test_baseline(void **state)
{
	static const struct {
		const char *options, *expect, *here, *committed;
		enum ra_verdict verdict;
		enum ra_reason reason;
		const char *summary, *expected;
		int64_t drifted, unverifiable; /* -1: no such fact */
	} rows[] = {
		{ NULL, NULL, "A=1\n", "A=1\n", RA_OK, RA_R_OK, "1 key, as in v1:a.env",
		    "baseline main:a.env", 0, -1 },
		{ NULL, NULL, "A=1\nB=1\n", "A=2\nB=1\n", RA_CRITICAL, RA_R_DRIFT,
		    "1 key differs from v1:a.env: A", "baseline main:a.env", 1, -1 },
		{ NULL, "required: C\nrequired: A", "B=1\n", "A=2\nB=1\nC=1\n", RA_CRITICAL,
		    RA_R_DRIFT,
		    "2 required keys are missing: A, C; 2 keys differ from v1:a.env: A, C",
		    "baseline main:a.env; required C, A", 2, -1 },
		{ NULL, "forbidden: Z", "A=1\nZ=1\n", "B=1\n", RA_CRITICAL, RA_R_DRIFT,
		    "1 forbidden key is there: Z; 3 keys differ from v1:a.env: A, B, Z",
		    "baseline main:a.env; forbidden Z", 3, -1 },
		{ NULL, "required: Y\nforbidden: Z", "Z=1\n", "Z=1\n", RA_CRITICAL, RA_R_DRIFT,
		    "1 required key is missing: Y; 1 forbidden key is there: Z",
		    "baseline main:a.env; required Y; forbidden Z", 2, -1 },
		/* of what is encrypted or a template nothing can be told */
		{ NULL, NULL, "A=1\nB=1\n", "A=1\nB=ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\n",
		    RA_OK, RA_R_OK,
		    "2 keys, as in v1:a.env; 1 key is unverifiable: encrypted or a template in "
		    "v1:a.env",
		    "baseline main:a.env", 0, 1 },
		{ NULL, NULL, "A=1\nB=1\nC=1\n", "A=2\nB=${X}\nC={{ y }}\n", RA_CRITICAL,
		    RA_R_DRIFT,
		    "1 key differs from v1:a.env: A; 2 keys are unverifiable: encrypted or a",
		    "baseline main:a.env", 1, 2 },
		{ NULL, NULL, "A=1\nB=1\n", "A=${X}\nB=${Y}\n", RA_UNKNOWN, RA_R_UNVERIFIABLE,
		    "nothing was compared: 2 keys are encrypted or templates in v1:a.env",
		    "baseline main:a.env", 0, 2 },
		{ NULL, "required: Z", "A=1\n", "A=${X}\n", RA_CRITICAL, RA_R_KEY_MISSING,
		    "1 required key is missing: Z", "baseline main:a.env; required Z", 1, 1 },
		/* the repository did not answer */
		{ NULL, NULL, "A=1\n", NULL, RA_UNKNOWN, RA_R_REPO_TIMEOUT,
		    "not compared with its baseline: no answer in 10s", "baseline main:a.env", -1,
		    -1 },
		{ NULL, "required: Z", "A=1\n", NULL, RA_CRITICAL, RA_R_KEY_MISSING,
		    "1 required key is missing: Z; not compared with its baseline: no answer in "
		    "10s",
		    "baseline main:a.env; required Z", -1, -1 },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r;
		struct rig rig;

		rig_open(&rig, rows[i].options, rows[i].expect, NULL);
		rig_here(&rig, rows[i].here);
		rig_baseline(&rig, false, "main");
		rig_answer(&rig, false, rows[i].committed);
		r = rig_judged(&rig);
		if (ra_facts_number(&r->facts, "drifted", -1) != rows[i].drifted ||
		    ra_facts_number(&r->facts, "unverifiable", -1) != rows[i].unverifiable)
			fail_msg("row %zu: facts", i);
		check_result(i, r,
		    &(struct wanted){ .verdict = rows[i].verdict,
			.reason = rows[i].reason,
			.summary = rows[i].summary,
			.expected = rows[i].expected });
	}
}

static void
test_baseline_not_asked(void **state)
{
	struct rig rig;

	/* nobody was asked, as there is no repository */
	rig_open(&rig, NULL, NULL, NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	check(0, &rig, RA_UNKNOWN, RA_R_REPO_NOT_FOUND, ra_reason_meaning(RA_R_REPO_NOT_FOUND),
	    "baseline main:a.env");
	/* or as nobody knows what runs */
	rig_open(&rig, NULL, NULL, NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "{tag}");
	rig_version(&rig, NULL, 0);
	check(1, &rig, RA_UNKNOWN, RA_R_TAG_MISSING, "no tag is known of the version that runs",
	    "baseline {tag}:a.env");
	rig_open(&rig, NULL, NULL, NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "{version}");
	rig_version(&rig, NULL, 0)->facts = NULL;
	check(2, &rig, RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "the version that runs is not known",
	    "baseline {version}:a.env");
	rig_open(&rig, NULL, NULL, NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "{tag}");
	check(3, &rig, RA_UNKNOWN, RA_R_PEER_UNREAD, ra_reason_meaning(RA_R_PEER_UNREAD),
	    "baseline {tag}:a.env");
	/* an answer without words has those of its reason */
	rig_open(&rig, NULL, NULL, NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	rig_answer(&rig, false, NULL)->error = (char *)"";
	check(4, &rig, RA_UNKNOWN, RA_R_REPO_TIMEOUT, ra_reason_meaning(RA_R_REPO_TIMEOUT),
	    "baseline main:a.env");
}

/* A mirror that cannot be fetched still answers: with its age. */
static void
test_baseline_stale(void **state)
{
	static const struct {
		enum ra_reason remote;
		int64_t fetched;
		const char *summary;
	} rows[] = { { RA_R_REPO_TIMEOUT, NOW - 7 * RA_MINUTE, "v1:a.env, as of 7 min ago (" },
		{ RA_R_REPO_TIMEOUT, 0, "1 key, as in v1:a.env" },
		{ RA_R_OK, NOW - 7 * RA_MINUTE, "1 key, as in v1:a.env" } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_git_answer *a;
		struct rig rig;

		rig_open(&rig, NULL, NULL, NULL);
		rig_here(&rig, "A=1\n");
		rig_baseline(&rig, false, "main");
		a = rig_answer(&rig, false, "A=1\n");
		a->remote = rows[i].remote;
		a->fetched = rows[i].fetched;
		a->age = 7 * RA_MINUTE;
		check(i, &rig, RA_OK, RA_R_OK, rows[i].summary, "baseline main:a.env");
	}
}

/* Both words have one; and with a peer what the release brings is no drift. */
static void
test_baseline_and_peer(void **state)
{
	struct ra_result *r;
	struct rig rig;

	rig_open(&rig, NULL, NULL, "required: A");
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	rig_baseline(&rig, true, "next");
	rig_answer(&rig, true, "A=2\n");
	rig_answer(&rig, false, "A=1\n");
	check(0, &rig, RA_WARNING, RA_R_DRIFT, "1 key differs from v1:a.env: A",
	    "baseline next:a.env; required A");
	rig_open(&rig, NULL, NULL, "required: A");
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	rig_baseline(&rig, true, "next");
	rig_answer(&rig, true, NULL);
	rig_answer(&rig, false, "A=1\n");
	check(1, &rig, RA_UNKNOWN, RA_R_REPO_TIMEOUT, "not compared with its baseline",
	    "baseline next:a.env; required A");
	/* a value that the version here brings */
	rig_open(&rig, NULL, "same-as: staging", NULL);
	rig_here(&rig, "A=1\nNEW=1\n");
	rig_baseline(&rig, false, "main");
	rig_peer(&rig, false, "A=1\n")->committed = rig_snapshot(&rig, "A=1\n", true);
	rig_answer(&rig, false, "A=1\nNEW=1\n");
	check(2, &rig, RA_OK, RA_R_OK,
	    "2 keys, as in staging and v1:a.env, 1 that the release brings",
	    "same-as staging; baseline main:a.env");
	/* which hides nothing else, nor is counted with it */
	rig_open(&rig, NULL, "same-as: staging", NULL);
	rig_here(&rig, "A=1\nAB=1\nB=1\nNEW=1\n");
	rig_baseline(&rig, false, "main");
	rig_peer(&rig, false, "A=1\nB=2\n")->committed = rig_snapshot(&rig, "A=1\nB=1\n", true);
	rig_answer(&rig, false, "A=1\nAB=1\nB=1\nNEW=2\n");
	r = rig_judged(&rig);
	assert_string_equal(r->evidence, WHERE ":3");
	assert_int_equal(ra_facts_number(&r->facts, "drifted", -1), 2);
	check_result(3, r,
	    &(struct wanted){ .verdict = RA_CRITICAL,
		.reason = RA_R_DRIFT,
		.summary = "2 keys differ from staging: B, NEW; 1 key differs from v1:a.env: NEW",
		.expected = "same-as staging; baseline main:a.env" });
}

/* Who is right, where either side is as committed. */
static void
test_each_as_committed(void **state)
{
	static const struct {
		const char *here, *there;
		bool told;
	} rows[] = { { "A=1\nB=1\n", "A=2\nB=1\n", true }, { "A=1\nB=1\n", "A=3\nB=1\n", false },
		{ "A=3\nB=1\n", "A=2\nB=1\n", false }, { "A=1\nB=1\n", "A=2\n", true } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r;
		struct rig rig;

		rig_open(&rig, NULL, "same-as: staging", NULL);
		rig_here(&rig, rows[i].here);
		rig_baseline(&rig, false, "main");
		rig_peer(&rig, false, rows[i].there)->committed =
		    rig_snapshot(&rig, "A=2\nB=1\n", true);
		rig_answer(&rig, false, "A=1\nB=1\n");
		r = rig_judged(&rig);
		assert_int_equal(r->verdict, RA_CRITICAL);
		assert_int_equal(
		    strstr(r->summary, "; each side is as committed at its version: A") != NULL,
		    rows[i].told);
		ra_result_unref(r);
	}
}

/* A key on one side alone, where it is not known which versions declare it. */
static void
test_undecided(void **state)
{
	static const struct {
		const char *here, *own, *theirs; /* own NULL: its baseline is not read */
		enum ra_verdict verdict;
		enum ra_reason reason;
		const char *summary;
		int64_t drifted;
	} rows[] = {
		{ "A=1\n", "A=1\n", NULL, RA_UNKNOWN, RA_R_PEER_UNREAD,
		    "1 key is on one side alone, by drift or by the release: NEW; the baseline of "
		    "staging is not read: it has no tag",
		    -1 },
		{ "A=1\nB=1\n", "A=1\nB=1\n", NULL, RA_UNKNOWN, RA_R_PEER_UNREAD,
		    "2 keys are on one side alone, by drift or by the release: B, NEW; the "
		    "baseline of",
		    -1 },
		{ "A=1\n", NULL, "A=1\nNEW=1\n", RA_UNKNOWN, RA_R_REPO_TIMEOUT,
		    "not compared with its baseline: no answer in 10s; 1 key is on one side alone, "
		    "by "
		    "drift or by the release: NEW",
		    -1 },
		/* other drift stands, and names what was not read */
		{ "A=2\n", "A=2\n", NULL, RA_CRITICAL, RA_R_DRIFT,
		    "1 key differs from staging: A; 1 key is on one side alone, by drift or by the "
		    "release: NEW; the baseline of staging is not read: it has no tag",
		    -1 },
		{ "A=1\nNEW=1\n", "A=1\nNEW=1\n", NULL, RA_OK, RA_R_OK, "2 keys, as in staging",
		    0 },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_gathered *peer;
		struct ra_result *r;
		struct rig rig;

		rig_open(&rig, NULL, "same-as: staging", NULL);
		rig_here(&rig, rows[i].here);
		rig_baseline(&rig, false, "main");
		peer = rig_peer(&rig, false, "A=1\nNEW=1\n");
		if (rows[i].theirs != NULL)
			peer->committed = rig_snapshot(&rig, rows[i].theirs, true);
		else
			peer->unread = "it has no tag";
		rig_answer(&rig, false, rows[i].own);
		r = rig_judged(&rig);
		assert_int_equal(ra_facts_number(&r->facts, "drifted", -1), rows[i].drifted);
		check_result(i, r,
		    &(struct wanted){ .verdict = rows[i].verdict,
			.reason = rows[i].reason,
			.summary = rows[i].summary,
			.expected = "same-as staging; baseline main:a.env" });
	}
	/* a baseline under `warn` is one too */
	{
		struct rig rig;

		rig_open(&rig, NULL, "same-as: staging", "required: A");
		rig_here(&rig, "A=1\n");
		rig_baseline(&rig, true, "main");
		rig_peer(&rig, false, "A=1\nNEW=1\n")->unread = "it has no tag";
		rig_answer(&rig, true, NULL);
		check(9, &rig, RA_UNKNOWN, RA_R_REPO_TIMEOUT, "not compared with its baseline",
		    "baseline main:a.env; required A");
	}
}

/* The text of one environment in the other, and a template that runs as it is. */
static void
test_same_text(void **state)
{
	struct rig rig;

	rig_open(&rig, NULL, "same-as: staging", NULL);
	rig_here(&rig, "U=db.one\n");
	rig.variable = (struct ra_pair){ .name = "name", .text = { "one", "" } };
	rig.variables = (struct ra_pairs){ .list = &rig.variable, .count = 1 };
	rig.call.variables = &rig.variables;
	rig_peer(&rig, false, "U=db.one\n");
	check(0, &rig, RA_CRITICAL, RA_R_DRIFT,
	    "1 key differs from staging: U; the same text, but one environment's own by "
	    "`normalize`: U",
	    "same-as staging");
	rig_open(&rig, NULL, NULL, NULL);
	rig.variable = (struct ra_pair){ .name = "name", .text = { "one", "" } };
	rig.variables = (struct ra_pairs){ .list = &rig.variable, .count = 1 };
	rig.call.variables = &rig.variables;
	rig_here(&rig, "U=db.${name}\n");
	rig_baseline(&rig, false, "main");
	rig_answer(&rig, false, "U=db.${name}\n");
	check(1, &rig, RA_CRITICAL, RA_R_DRIFT,
	    "1 key differs from v1:a.env: U; a template that nobody filled in: U",
	    "baseline main:a.env");
}

/* Of several that cannot be told the first speaks; of a warning beside it nothing is said. */
static void
test_unread_beside(void **state)
{
	struct rig rig;

	rig_open(&rig, NULL, NULL, "same-as: staging\nrequired: X");
	rig_here(&rig, "A=1\n");
	rig_peer(&rig, true, NULL);
	check(0, &rig, RA_UNKNOWN, RA_R_PEER_UNREAD, "not compared with staging: no answer",
	    "same-as staging; required X");
	rig_open(&rig, NULL, "same-as: staging", NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	rig_peer(&rig, false, NULL)->error = NULL;
	rig_answer(&rig, false, "A=${X}\n");
	check(1, &rig, RA_UNKNOWN, RA_R_PEER_UNREAD,
	    "not compared with staging: ", "same-as staging; baseline main:a.env");
	rig_open(&rig, NULL, "same-as: staging", NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	rig_peer(&rig, false, NULL);
	rig_answer(&rig, false, NULL);
	check(2, &rig, RA_UNKNOWN, RA_R_PEER_UNREAD, "not compared with staging: no answer",
	    "same-as staging; baseline main:a.env");
	/* where nothing is looked at, nothing is known */
	rig_open(&rig, "ignore: *", NULL, NULL);
	rig_here(&rig, "A=1\n");
	rig_baseline(&rig, false, "main");
	rig_answer(&rig, false, "A=${X}\n");
	check(3, &rig, RA_UNKNOWN, RA_R_UNVERIFIABLE, "nothing was compared: 1 key is ignored",
	    "baseline main:a.env");
}

/* A key that must differ has to be there; that no version declares it is no excuse. */
static void
test_must_be_there(void **state)
{
	static const struct {
		const char *expect;
		bool peer, baseline, breach;
		const char *summary, *expected;
	} rows[] = {
		{ "may-differ: X", false, false, false, "1 key", "may-differ X" },
		{ "differ: X", false, false, false, "1 key", "differ X" },
		{ "same-as: staging\nmay-differ: X", true, false, false, "1 key, as in staging",
		    "same-as staging; may-differ X" },
		{ "same-as: staging\ndiffer: X", true, false, true, "1 required key is missing: X",
		    "same-as staging; differ X" },
		{ "same-as: staging\ndiffer: X", true, true, true, "1 required key is missing: X",
		    "same-as staging; baseline main:a.env; differ X" },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct rig rig;

		rig_open(&rig, NULL, rows[i].expect, NULL);
		rig_here(&rig, "A=1\n");
		if (rows[i].peer)
			rig_peer(&rig, false, "A=1\n")->committed =
			    rig_snapshot(&rig, "A=1\n", true);
		if (rows[i].baseline) {
			rig_baseline(&rig, false, "main");
			rig_answer(&rig, false, "A=1\n");
		}
		check(i, &rig, rows[i].breach ? RA_CRITICAL : RA_OK,
		    rows[i].breach ? RA_R_KEY_MISSING : RA_R_OK, rows[i].summary, rows[i].expected);
	}
}

/* --- what settles after a rollout --- */

static void
test_settle(void **state)
{
	static const struct {
		const char *options, *expect;
		int64_t changed; /* 0: not known */
		const char *there;
		enum ra_verdict verdict;
		enum ra_reason reason;
		const char *summary;
		int64_t problem; /* 0: none */
	} rows[] = {
		/* what was wrong before stays so; what is wrong since then settles */
		{ "settle: 10m", "same-as: staging", NOW - 4 * RA_MINUTE, "A=2\n", RA_CRITICAL,
		    RA_R_DRIFT, "1 key differs", NOW - 5 * RA_MINUTE },
		{ "settle: 10m", "same-as: staging", NOW - 4 * RA_MINUTE, "A=2\n", RA_OK,
		    RA_R_SETTLING, "1 key differs", NOW - 3 * RA_MINUTE },
		{ "settle: 10m", "same-as: staging", NOW - 4 * RA_MINUTE, "A=2\n", RA_OK,
		    RA_R_SETTLING,
		    "the version changed 4 min ago, for 6 min more no alert: 1 key differs", 0 },
		{ "settle: 10m", "same-as: staging", NOW - 10 * RA_MINUTE, "A=2\n", RA_CRITICAL,
		    RA_R_DRIFT, "1 key differs", 0 },
		{ "settle: 10m", "same-as: staging", NOW + RA_MINUTE, "A=2\n", RA_CRITICAL,
		    RA_R_DRIFT, "1 key differs", 0 },
		{ "settle: 10m", "same-as: staging", 0, "A=2\n", RA_CRITICAL, RA_R_DRIFT,
		    "1 key differs", 0 },
		{ "settle: 10m", "same-as: staging", -1, "A=2\n", RA_CRITICAL, RA_R_DRIFT,
		    "1 key differs", 0 },
		{ NULL, "same-as: staging", NOW - RA_MINUTE, "A=2\n", RA_CRITICAL, RA_R_DRIFT,
		    "1 key differs", 0 },
		/* what is wrong by itself does not settle */
		{ "settle: 10m", "same-as: staging\nrequired: X", NOW - RA_MINUTE, "A=2\n",
		    RA_CRITICAL, RA_R_DRIFT, "1 required key is missing: X", 0 },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r;
		struct rig rig;

		rig_open(&rig, rows[i].options, rows[i].expect, NULL);
		rig_here(&rig, "A=1\n");
		rig_peer(&rig, false, rows[i].there);
		rig.call.problem_since = rows[i].problem;
		if (rows[i].changed >= 0)
			rig_version(&rig, "v1", rows[i].changed);
		r = rig_judged(&rig);
		if (r->verdict != rows[i].verdict || r->reason != rows[i].reason ||
		    strstr(r->summary, rows[i].summary) == NULL)
			fail_msg("row %zu: '%s'", i, r->summary);
		ra_result_unref(r);
	}
}

/* It takes back nothing that is worse: a warning that stands, a peer that was not read. */
static void
test_settle_beside(void **state)
{
	struct rig rig;

	rig_open(&rig, "settle: 10m", "same-as: staging", "required: X");
	rig_here(&rig, "A=1\n");
	rig_peer(&rig, false, "A=2\n");
	rig_version(&rig, "v1", NOW - RA_MINUTE);
	check(0, &rig, RA_WARNING, RA_R_KEY_MISSING, "1 required key is missing: X", "required X");
	/* and under either word it is said once */
	rig_open(&rig, "settle: 10m", "same-as: staging", "same-as: staging");
	rig_here(&rig, "A=1\n");
	rig_peer(&rig, false, "A=2\n");
	rig_peer(&rig, true, "A=2\n");
	rig_version(&rig, "v1", NOW - RA_MINUTE);
	check(1, &rig, RA_OK, RA_R_SETTLING, "1 key differs from staging: A", "same-as staging");
}

/* --- what is told --- */

/* Of a path with its line, of an address in words. */
static void
test_evidence(void **state)
{
	static const struct {
		const char *where, *evidence;
		bool baseline;
	} rows[] = { { "/etc/a.env", "/etc/a.env:2", false },
		{ "http://a/env", "http://a/env, line 2", false },
		{ "/etc/a.env", "/etc/a.env:2", true }, { NULL, NULL, false } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r;
		struct rig rig;

		rig_open(&rig, NULL, rows[i].baseline ? NULL : "forbidden: B", NULL);
		rig.input.where = (char *)(uintptr_t)rows[i].where;
		rig_here(&rig, "A=1\nB=2\n");
		if (rows[i].baseline) {
			rig_baseline(&rig, false, "main");
			rig_answer(&rig, false, "A=1\nB=1\n");
		}
		r = rig_judged(&rig);
		assert_int_equal(r->verdict, RA_CRITICAL);
		if (rows[i].evidence != NULL)
			assert_string_equal(r->evidence, rows[i].evidence);
		else
			assert_null(r->evidence);
		ra_result_unref(r);
	}
}

static void
test_skipped(void **state)
{
	for (uint32_t skipped = 1; skipped < 4; skipped++) {
		struct ra_data data = { 0 };
		struct ra_snapshot *s = NULL;
		struct rig rig;

		rig_open(&rig, NULL, NULL, NULL);
		rig_data(&data, "A=1\n");
		data.keys.skipped = skipped;
		data.keys.skipped_line = 7;
		data.keys.marked = skipped == 3;
		assert_int_equal(ra_kind_config.snapshot(&rig.call, &data, WHERE, &s), 0);
		ra_data_free(&data);
		rig.inputs[0].snapshot = s;
		check(skipped, &rig, RA_OK, RA_R_OK,
		    skipped == 1 ? "1 key; 1 line is not read, the first is line 7"
		    : skipped == 2
			? "1 key; 2 lines are not read, the first is line 7"
			: "1 key; 3 lines are not read, the first is line 7, before which a byte "
			  "order mark stands",
		    NULL);
	}
}

/* A forbidden key in a line that is not read as one: nobody knows, unless something is worse. */
static void
test_unread(void **state)
{
	static const struct {
		const char *name, *options, *expect, *warn;
		enum ra_verdict verdict;
		const char *summary;
	} rows[] = {
		{ "DEBUG", NULL, "forbidden: DEBUG", NULL, RA_UNKNOWN,
		    "line 3 is not read as a key, and may set one that is forbidden: DEBUG" },
		{ "s.debug", NULL, "forbidden: X\nforbidden: *debug*", NULL, RA_UNKNOWN,
		    "line 3 is not read as a key, and may set one that is forbidden: *debug*" },
		{ "DEBUG", NULL, NULL, "forbidden: DEBUG", RA_UNKNOWN,
		    "line 3 is not read as a key, and may set one that is forbidden: DEBUG" },
		{ "DEBUG", NULL, "forbidden: DEBUG", "forbidden: DEB*", RA_UNKNOWN,
		    "line 3 is not read as a key, and may set one that is forbidden: DEB*" },
		{ "", "ignore: *", "forbidden: DEBUG", NULL, RA_UNKNOWN,
		    "line 3 is not read as a key, and may set one that is forbidden: DEBUG" },
		{ "DEBUG", "ignore: DEB*", "forbidden: DEBUG", NULL, RA_OK, "1 key" },
		{ "DEBUG", NULL, "required: A\nforbidden: TRACE", NULL, RA_OK, "1 key" },
		{ "", NULL, "required: A", NULL, RA_OK, "1 key" },
		{ "DEBUG", NULL, "forbidden: A\nforbidden: DEBUG", NULL, RA_CRITICAL,
		    "1 forbidden key is there: A" },
		{ "DEBUG", NULL, "forbidden: DEBUG\nrequired: B", NULL, RA_CRITICAL,
		    "1 required key is missing: B" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * RA_ARRAY_SIZE(rows); i++) {
		bool marked = i >= RA_ARRAY_SIZE(rows);
		size_t n = marked ? i - RA_ARRAY_SIZE(rows) : i;
		struct ra_data data = { 0 };
		struct ra_snapshot *s = NULL;
		struct ra_result *r;
		struct rig rig;

		rig_open(&rig, rows[n].options, rows[n].expect, rows[n].warn);
		rig_data(&data, "A=1\n");
		data.keys.marked = marked;
		assert_int_equal(ra_data_add_unread(&data, "Z", 1, 2), 0);
		assert_int_equal(
		    ra_data_add_unread(&data, rows[n].name, strlen(rows[n].name), 3), 0);
		assert_int_equal(ra_kind_config.snapshot(&rig.call, &data, WHERE, &s), 0);
		ra_data_free(&data);
		rig.inputs[0].snapshot = s;
		r = rig_judged(&rig);
		if (r->verdict != rows[n].verdict ||
		    strncmp(r->summary, rows[n].summary, strlen(rows[n].summary)) != 0)
			fail_msg("row %zu: %s", n, r->summary);
		assert_int_equal(r->reason == RA_R_KEY_UNREAD, r->verdict == RA_UNKNOWN);
		assert_int_equal(strstr(r->summary, "byte order mark") != NULL,
		    marked && r->verdict == RA_UNKNOWN);
		ra_result_unref(r);
	}
}

/* A name that alone is more than there is room for is cut, and counted still. */
static void
test_long_names(void **state)
{
	char text[700] = "";
	struct ra_result *r;
	struct rig rig;

	memset(text, 'A', 300);
	memcpy(text + 300, "=1\n", 3);
	memset(text + 303, 'B', 300);
	memcpy(text + 603, "=1\n", 4);
	rig_open(&rig, NULL, "forbidden: *", NULL);
	rig_here(&rig, text);
	r = rig_judged(&rig);
	assert_non_null(strstr(r->summary, "2 forbidden keys are there: AAAA"));
	assert_non_null(strstr(r->summary, "A and 1 more"));
	ra_result_unref(r);
}

/* Of JSON Pointers a name of `ignore` is one too; of variables their values do not count. */
static void
test_digest(void **state)
{
	static const struct {
		const char *options, *a, *b;
		bool variable, equal;
	} rows[] = {
		{ "ignore: H", "/A=1\n/H=1\n", "/A=1\n/H=2\n", false, true },
		{ "ignore: /H", "/A=1\n/H=1\n", "/A=1\n/H=2\n", false, true },
		{ "ignore: *H", "/A=1\n/H=1\n", "/A=1\n/H=2\n", false, true },
		{ "ignore: A", "/A=1\n/H=1\n", "/A=1\n/H=2\n", false, false },
		{ "ignore: A\nignore: H", "A=1\nH=1\n", "A=2\nH=2\n", false, true },
		{ NULL, "A=1\n", "A=1\n", false, true },
		{ NULL, "A=x.one.y\n", "A=x.two.y\n", true, true },
		{ NULL, "A=x.one.y\n", "A=x.three.y\n", true, false },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		const char *texts[] = { rows[i].a, rows[i].b };
		struct ra_result *r[2];

		for (int k = 0; k < 2; k++) {
			struct rig rig;

			rig_open(&rig, rows[i].options, NULL, NULL);
			rig.variable = (struct ra_pair){ .name = "name",
				.text = { k == 0 ? "one" : "two", "" } };
			rig.variables =
			    (struct ra_pairs){ .list = &rig.variable, .count = rows[i].variable };
			rig.call.variables = &rig.variables;
			rig_here(&rig, texts[k]);
			r[k] = rig_judged(&rig);
		}
		if ((strcmp(ra_facts_text(&r[0]->facts, "digest"),
			 ra_facts_text(&r[1]->facts, "digest")) == 0) != rows[i].equal)
			fail_msg("row %zu", i);
		ra_result_unref(r[0]);
		ra_result_unref(r[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as),
		cmocka_unit_test(test_rules_of_the_other),
		cmocka_unit_test(test_other_peers),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_baseline),
		cmocka_unit_test(test_baseline_not_asked),
		cmocka_unit_test(test_baseline_stale),
		cmocka_unit_test(test_baseline_and_peer),
		cmocka_unit_test(test_each_as_committed),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_same_text),
		cmocka_unit_test(test_must_be_there),
		cmocka_unit_test(test_unread_beside),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_beside),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
