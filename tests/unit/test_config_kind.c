/* SPDX-License-Identifier: Apache-2.0 */
/* The kind config: what must be there, what must not, and what is told of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "relaudit/model/git_url.h"

#include "config_rig.h"

#define SECRET "hunter2-correct-horse"

/* "A=1" of each line. */
static void
add_keys(struct ra_data *d, const char *text)
{
	uint32_t line = 1;

	assert_int_equal(ra_data_reserve_keys(d, strlen(text)), 0);
	for (const char *p = text, *end; *p != '\0'; p = end + 1, line++) {
		const char *equal = strchr(p, '=');

		end = strchr(p, '\n');
		assert_int_equal(ra_data_add_key(d, p, (size_t)(equal - p), equal + 1,
				     (size_t)(end - equal - 1), line, 0),
		    0);
	}
}

static struct ra_result *
judge_text(const char *text, const char *options, const char *expect, const char *warn)
{
	struct ra_data data = { 0 };
	struct given g = { .options = options, .expect = expect, .warn = warn, .data = &data };

	add_keys(&data, text);
	return judged(&ra_kind_config, &g);
}

#define FILE_TEXT "A=1\nB=2\nDATABASE_PASSWORD=" SECRET "\nDEBUG=on\n"

static void
test_required_and_forbidden(void **state)
{
	static const struct {
		const char *options, *expect, *warn;
		struct wanted wanted;
		const char *evidence;
		int64_t drifted;
	} rows[] = {
		{ NULL, NULL, NULL, { .verdict = RA_OK, .reason = RA_R_OK, .summary = "4 keys" },
		    WHERE, 0 },
		{ "ignore: B", NULL, NULL,
		    { .verdict = RA_OK, .reason = RA_R_OK, .summary = "4 keys, 1 ignored" }, WHERE,
		    0 },
		{ "ignore: HOST", NULL, NULL,
		    { .verdict = RA_OK,
			.reason = RA_R_OK,
			.summary = "4 keys; `ignore` meets no key in HOST" },
		    WHERE, 0 },
		{ NULL, "required: A", NULL,
		    { .verdict = RA_OK,
			.reason = RA_R_OK,
			.summary = "4 keys",
			.expected = "required A" },
		    WHERE, 0 },
		{ NULL, "required: X", NULL,
		    { .verdict = RA_CRITICAL,
			.reason = RA_R_KEY_MISSING,
			.summary = "1 required key is missing: X",
			.expected = "required X" },
		    WHERE, 1 },
		{ NULL, "required: Y\nrequired: X", NULL,
		    { .verdict = RA_CRITICAL,
			.reason = RA_R_KEY_MISSING,
			.summary = "2 required keys are missing: X, Y",
			.expected = "required Y, X" },
		    WHERE, 2 },
		{ NULL, "forbidden: DEBUG", NULL,
		    { .verdict = RA_CRITICAL,
			.reason = RA_R_KEY_FORBIDDEN,
			.summary = "1 forbidden key is there: DEBUG",
			.expected = "forbidden DEBUG" },
		    WHERE ":4", 1 },
		{ NULL, "forbidden: D*", NULL,
		    { .verdict = RA_CRITICAL,
			.reason = RA_R_KEY_FORBIDDEN,
			.summary = "2 forbidden keys are there: DATABASE_PASSWORD, DEBUG",
			.expected = "forbidden D*" },
		    WHERE ":3", 2 },
		{ NULL, "forbidden: DEBUG\nrequired: X", NULL,
		    { .verdict = RA_CRITICAL,
			.reason = RA_R_DRIFT,
			.summary = "1 required key is missing: X; 1 forbidden key is there: DEBUG",
			.expected = "required X; forbidden DEBUG" },
		    WHERE ":4", 2 },
		{ "ignore: D*", "forbidden: DEBUG", NULL,
		    { .verdict = RA_OK,
			.reason = RA_R_OK,
			.summary = "4 keys, 2 ignored",
			.expected = "forbidden DEBUG" },
		    WHERE, 0 },
		{ NULL, "required: A", "forbidden: DEBUG",
		    { .verdict = RA_WARNING,
			.reason = RA_R_KEY_FORBIDDEN,
			.summary = "1 forbidden key is there: DEBUG",
			.expected = "forbidden DEBUG" },
		    WHERE ":4", 1 },
		{ NULL, "required: X", "forbidden: DEBUG",
		    { .verdict = RA_CRITICAL,
			.reason = RA_R_KEY_MISSING,
			.summary =
			    "1 required key is missing: X; warning: 1 forbidden key is there: "
			    "DEBUG",
			.expected = "required X" },
		    WHERE, 1 },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_result *r =
		    judge_text(FILE_TEXT, rows[i].options, rows[i].expect, rows[i].warn);

		assert_string_equal(r->evidence, rows[i].evidence);
		assert_int_equal(ra_facts_number(&r->facts, "keys", -1), 4);
		assert_int_equal(ra_facts_number(&r->facts, "drifted", -1), rows[i].drifted);
		assert_null(strstr(r->summary, SECRET));
		check_result(i, r, &rows[i].wanted);
	}
}

/* Many long names neither burst the summary nor hide how many they are. */
static void
test_many_keys(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	struct ra_result *r;

	for (int i = 0; i < 1000; i++)
		ra_buf_printf(&text, "BAD_%04d_%0100d=x\n", i, i);
	r = judge_text(ra_buf_text(&text), NULL, "forbidden: BAD_*", NULL);
	assert_int_equal(r->verdict, RA_CRITICAL);
	assert_non_null(strstr(r->summary, "1000 forbidden keys are there: BAD_0000_"));
	assert_non_null(strstr(r->summary, " and 998 more"));
	ra_result_unref(r);
}

static char *
digest(const char *text, const char *options)
{
	struct ra_result *r = judge_text(text, options, NULL, NULL);
	char *copy = strdup(ra_facts_text(&r->facts, "digest"));

	assert_non_null(copy);
	ra_result_unref(r);
	return copy;
}

/* What instances must agree in: all that is looked at, in whatever order it stands. */
static void
test_digest(void **state)
{
	static const struct {
		const char *a, *b, *options;
		bool equal;
	} rows[] = {
		{ "A=1\nB=2\n", "B=2\nA=1\n", NULL, true },
		{ "A=1\nB=2\n", "A=1\nB=3\n", NULL, false },
		{ "A=1\nB=2\n", "A=1\n", NULL, false },
		{ "A=1\nHOST=a\n", "A=1\nHOST=b\n", "ignore: HOST", true },
		{ "A=1\nHOST=a\n", "A=2\nHOST=b\n", "ignore: HOST", false },
		{ "A_TOKEN=x\n", "A_TOKEN=y\n", NULL, false },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_FREE char *a = digest(rows[i].a, rows[i].options);
		RA_FREE char *b = digest(rows[i].b, rows[i].options);

		assert_int_equal(strncmp(a, "sha256:", 7), 0);
		assert_int_equal(strcmp(a, b) == 0, rows[i].equal);
	}
	assert_string_equal(ra_kind_config.agree[0], "digest");
	assert_null(ra_kind_config.agree[1]);
}

/* What is handed back for comparing has no secret in it, by name, by pattern, by shape. */
static void
test_snapshot_has_no_secret(void **state)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place = { 0 };
	struct ra_data data = { 0 };
	struct ra_snapshot *s = NULL;
	struct ra_judge_call call = { .secret_key = "k", .secret_key_len = 1 };
	struct ra_entry e;

	add_keys(&data, "URL=postgres://u:" SECRET "@db/x\nMY_PASSWORD=" SECRET "\nPIN=" SECRET
			"\nKEYBOARD=de\nPLAIN=seen\n");
	call.options =
	    options_bind(arena, &ra_kind_config.type, "secret: P?N\npublic: KEYBOARD", &place);
	assert_int_equal(ra_kind_config.snapshot(&call, &data, WHERE, &s), 0);
	assert_int_equal(ra_snapshot_count(s), 5);
	for (size_t i = 0; i < 5; i++)
		assert_null(strstr(ra_snapshot_at(s, i).value, SECRET));
	assert_true(ra_snapshot_find(s, "PIN", &e) && e.secret);
	assert_true(ra_snapshot_find(s, "URL", &e) && e.secret);
	assert_true(ra_snapshot_find(s, "KEYBOARD", &e) && !e.secret);
	assert_true(ra_snapshot_find(s, "PLAIN", &e) && strcmp(e.value, "seen") == 0);
	assert_string_equal(e.origin, WHERE);
	ra_snapshot_unref(s);
	ra_data_free(&data);
	ra_arena_free(arena);
}

static void
test_wrong_words(void **state)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place = { 0 };

	(void)options_bind(arena, &ra_kind_config.expectation, "required: A*", &place);
	assert_non_null(strstr(place.text, "required: 'A*' is a pattern"));
	(void)options_bind(arena, &ra_kind_config.type, "public: A*", &place);
	assert_non_null(strstr(place.text, "public: 'A*' is a pattern"));
	ra_arena_free(arena);
}

/* A version's check that told these facts; NULL: it was not read. */
static void
check_ref(
    const char *ref, const char *tag, const char *version, enum ra_reason wanted, const char *text)
{
	static const struct ra_fact_def defs[] = { { "tag", RA_FACT_TEXT, "" },
		{ "version", RA_FACT_TEXT, "" }, { 0 } };
	struct ra_check_peer peer = { .option = RA_PEER_VERSION };
	struct ra_facts facts = { 0 };
	struct ra_gathered g = { .need = { .what = RA_NEED_PEER },
		.peer = &peer,
		.facts = &facts,
		.error = "not read" };
	struct ra_judge_call call = { .inputs = &g, .input_count = 1 };
	char out[RA_GIT_REF] = "";
	const char *why = NULL;

	if (tag != NULL)
		assert_int_equal(ra_facts_set_text(&facts, defs, "tag", tag), 0);
	if (version != NULL)
		assert_int_equal(ra_facts_set_text(&facts, defs, "version", version), 0);
	g.reason = facts.count > 0 ? RA_R_OK : RA_R_PEER_UNREAD;
	assert_int_equal(ra_config_fill_ref(&call, ref, out, &why), wanted);
	if (wanted == RA_R_OK)
		assert_string_equal(out, text);
	else
		assert_string_equal(why, text);
	ra_facts_free(&facts);
}

static void
test_refs(void **state)
{
	RA_BUF_LOCAL large = RA_BUF(0);
	static const struct {
		const char *ref;
		bool fits, wants;
	} rows[] = { { "main", true, false }, { "{tag}", true, true },
		{ "release/{version}", true, true }, { "refs/tags/{tag}-x", true, true },
		{ "", false, false }, { "-x", false, false }, { "a b", false, false },
		{ "{tags}", false, false }, { "a:b", false, false }, { "a\nb", false, false },
		{ "HEAD^", false, false }, { "HEAD~1", false, false } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		bool wants;

		assert_int_equal(ra_config_ref_fits(rows[i].ref, &wants), rows[i].fits);
		assert_int_equal(wants, rows[i].wants);
	}
	check_ref("main", NULL, NULL, RA_R_OK, "main");
	/* A tag alone, never a branch of its name. */
	check_ref("{tag}", "v1.0.0", "1.0.0", RA_R_OK, "refs/tags/v1.0.0");
	check_ref("x-{tag}", "v1.0.0", "1.0.0", RA_R_OK, "x-v1.0.0");
	check_ref("release/{version}/x", "v1.0.0", "1.0.0", RA_R_OK, "release/1.0.0/x");
	check_ref(
	    "{tag}", NULL, "1.0.0", RA_R_TAG_MISSING, "no tag is known of the version that runs");
	check_ref(
	    "{version}", "v1", NULL, RA_R_VERSION_UNREADABLE, "the version that runs is not known");
	check_ref("{tag}", NULL, NULL, RA_R_PEER_UNREAD, "not read");
	for (int i = 0; i < 600; i++)
		ra_buf_putc(&large, 'x');
	check_ref("{tag}", ra_buf_text(&large), NULL, RA_R_REF_MISSING,
	    "the name of the ref is too long");
	assert_true(ra_git_path_fits("deploy/a.env"));
	assert_true(ra_git_path_fits("a"));
	for (size_t i = 0; i < 6; i++) {
		static const char *const bad[] = { "", "/a", "../a", "a//b", "a/./b", "-a" };

		assert_false(ra_git_path_fits(bad[i]));
	}
}

static void
test_baseline_refused(void **state)
{
	static const struct {
		const char *repository, *ref, *path;
		const char *complaint; /* "": none */
		unsigned wants;
	} rows[] = {
		{ NULL, "{tag}", "a.env", "", RA_OPT_VERSION | RA_OPT_REPOSITORY },
		{ "https://git.example.com/a", "main", "a.env", "", 0 },
		{ NULL, "main", "../a", "baseline/git/path: '../a' is not a path",
		    RA_OPT_REPOSITORY },
		{ NULL, "a b", "a", "baseline/git/ref: 'a b' cannot be a ref", RA_OPT_REPOSITORY },
		{ "ftp://x", "main", "a", "baseline/git/repository: ", 0 },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_arena *arena = ra_arena_new();
		struct ra_conf_place place = { 0 };
		struct config_git git = { .repository = { rows[i].repository, rows[i].repository },
			.ref = { rows[i].ref, rows[i].ref },
			.path = { rows[i].path, rows[i].path } };
		struct config_baseline baseline = { .git = &git };
		struct config_words words = { .baseline = &baseline };

		assert_int_equal(ra_kind_config.expectation.prepare(&words, arena, &place), 0);
		if ((place.text[0] == '\0') != (rows[i].complaint[0] == '\0') ||
		    strstr(place.text, rows[i].complaint) == NULL || place.wants != rows[i].wants)
			fail_msg("row %zu: '%s' %u", i, place.text, place.wants);
		assert_string_equal(baseline.committed.ref, rows[i].ref);
		ra_arena_free(arena);
	}
}

static void
test_questions(void **state)
{
	struct ra_git_question q = { 0 };
	struct rig rig;

	rig_open(&rig, NULL, NULL, NULL);
	assert_null(ra_kind_config.committed(rig.expect));
	assert_false(ra_kind_config.ask(&rig.call, 0, &q));
	rig_close(&rig);
	rig_open(&rig, NULL, NULL, "required: A");
	rig_baseline(&rig, false, "{tag}");
	rig_baseline(&rig, true, "main");
	/* what runs is not known: the other can be asked all the same */
	assert_true(ra_kind_config.ask(&rig.call, 0, &q));
	assert_true(q.warn && q.fresh && q.want == RA_GIT_BLOB);
	assert_string_equal(q.ref, "main");
	assert_ptr_equal(q.committed, ra_kind_config.committed(rig.warn));
	assert_false(ra_kind_config.ask(&rig.call, 1, &q));
	rig_version(&rig, "v1", 0);
	assert_true(ra_kind_config.ask(&rig.call, 0, &q));
	assert_false(q.warn);
	assert_string_equal(q.ref, "refs/tags/v1");
	assert_true(ra_kind_config.ask(&rig.call, 1, &q));
	assert_string_equal(q.ref, "main");
	assert_false(ra_kind_config.ask(&rig.call, 2, &q));
	rig_close(&rig);
}

/* As a comparison of many environments asks for them. */
static void
test_rules(void **state)
{
	struct ra_config_rules r = { 0 };
	struct rig rig;

	rig_open(&rig, NULL, NULL, NULL);
	ra_config_rules_warn(&r, &rig.other);
	assert_int_equal(r.count, 0);
	rig.other.warn = rig_bind(&rig, &ra_kind_config.expectation,
	    "required: R\nforbidden: F\ndiffer: D\norigin: O=/x");
	ra_config_rules_warn(&r, &rig.other);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.list[0].word, RA_DRIFT_REQUIRE);
	assert_int_equal(r.list[1].word, RA_DRIFT_FORBID);
	assert_int_equal(r.list[2].word, RA_DRIFT_ORIGIN);
	assert_string_equal(r.list[2].origin, "/x");
	ra_config_rules_key(&r, RA_DRIFT_IGNORE, "K");
	assert_false(ra_config_rule_is_sops(&r.list[3]));
	ra_config_rules_sops(&r);
	assert_int_equal(r.count, 7);
	for (size_t i = 4; i < 7; i++)
		assert_true(ra_config_rule_is_sops(&r.list[i]));
	free(r.list);
	rig_close(&rig);
}

static void
test_long_ref(void **state)
{
	char ref[300];
	bool wants;

	memset(ref, 'x', sizeof(ref));
	ref[255] = '\0';
	assert_true(ra_config_ref_fits(ref, &wants));
	ref[255] = 'x';
	ref[256] = '\0';
	assert_false(ra_config_ref_fits(ref, &wants));
}

/* Of one instance values are hidden that are shown of another: they are the same all the same. */
static void
test_hidden_of_one(void **state)
{
	struct ra_veil by = { .unread = true, .key = "k", .key_len = 1 };
	char shown[RA_DIGEST_HEX], hidden[RA_DIGEST_HEX], other[RA_DIGEST_HEX];
	struct ra_snapshot *all[3];
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, NULL, NULL);
	rig_baseline(&rig, false, "main");
	all[0] = rig_snapshot(&rig, "A=1\nB_TOKEN=x\n", false);
	assert_int_equal(ra_snapshot_veil(all[0], &by, &all[1]), 0);
	assert_ptr_not_equal(all[0], all[1]);
	all[2] = rig_snapshot(&rig, "A=2\nB_TOKEN=x\n", false);
	assert_int_equal(ra_config_digest(&rig.call, all[0], shown), 0);
	assert_int_equal(ra_config_digest(&rig.call, all[1], hidden), 0);
	assert_int_equal(ra_config_digest(&rig.call, all[2], other), 0);
	assert_string_equal(shown, hidden);
	assert_string_not_equal(shown, other);
	for (int i = 0; i < 3; i++)
		ra_snapshot_unref(all[i]);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_required_and_forbidden),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_snapshot_has_no_secret),
		cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_refs),
		cmocka_unit_test(test_long_ref),
		cmocka_unit_test(test_baseline_refused),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_hidden_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
