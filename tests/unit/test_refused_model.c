/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and digests that are refused to the model, as test_refused.c has it for base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "relaudit/model/drift.h"
#include "relaudit/model/facts.h"
#include "relaudit/model/git_url.h"
#include "relaudit/model/release.h"

#include "refuse.h"

#define KEY "0123456789abcdef"

REFUSE_MEMORY
REFUSE_LIBRARIES
REFUSE(char *, json_dumps, (const json_t *value, size_t flags), (value, flags), NULL)

static int
keys(void)
{
	struct ra_data d = { 0 };
	int r;

	arm();
	r = ra_data_reserve_keys(&d, 10);
	for (uint32_t i = 0; i < 100 && r == 0; i++)
		r = ra_data_add_key(
		    &d, "NAME_OF_A_KEY", 13, "a value of so many bytes, and so on", 35, i, 0);
	disarm();
	for (size_t i = 0; i < d.keys.count; i++)
		assert_string_equal(ra_data_key_name(&d, i), "NAME_OF_A_KEY");
	ra_data_free(&d);
	return r;
}

/* Without room that was asked for before. */
static int
first_key(void)
{
	struct ra_data d = { 0 };
	int r;

	arm();
	r = ra_data_add_key(&d, "A", 1, "1", 1, 1, 0);
	disarm();
	assert_int_equal(d.keys.count, r == 0 ? 1 : 0);
	ra_data_free(&d);
	return r;
}

static int
facts(void)
{
	static const struct ra_fact_def defs[] = { { "json", RA_FACT_JSON, "" },
		{ "text", RA_FACT_TEXT, "" }, { "int", RA_FACT_INT, "" },
		{ "real", RA_FACT_REAL, "" }, { "time", RA_FACT_TIME, "" }, { 0 } };
	static const char *const rows[] = { "{\"json\":[1],\"text\":\"x\"}",
		"{\"text\":\"x\",\"json\":[1]}", "{\"int\":1,\"text\":\"x\"}",
		"{\"real\":1,\"text\":\"x\"}",
		"{\"time\":\"2026-11-23T12:00:00Z\",\"text\":\"x\"}" };
	int r = 0;

	arm();
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows) && r == 0; i++) {
		struct ra_facts f = { 0 };

		r = ra_facts_read(rows[i], strlen(rows[i]), defs, &f);
		assert_int_equal(f.count, r == 0 ? 2 : 0);
		ra_facts_free(&f);
	}
	disarm();
	return r;
}

static int
git_url(const char *url)
{
	struct ra_git_url u = { 0 };
	struct ra_error err = { 0 };
	int r;

	arm();
	r = ra_git_url_parse(url, RA_GIT_PROTOCOLS, &u, &err);
	disarm();
	assert_int_equal(err.code, r);
	assert_int_equal(u.bare == NULL, r < 0);
	assert_null(strstr(err.text, "s3cret"));
	ra_git_url_clear(&u);
	return r;
}

static int
git_url_full(void)
{
	return git_url("https://user:s3cret@host/x.git");
}

static int
git_url_no_password(void)
{
	return git_url("https://user@host/x.git");
}

static int
git_url_short(void)
{
	return git_url("git@host:x.git");
}

static int
releases(void)
{
	struct ra_releases *r;
	int error = -ENOMEM;

	arm();
	r = ra_releases_new("v{version}");
	for (int i = 0; r != NULL && i < 70; i++) {
		error = ra_releases_add(r, "v1", "c", i);
		if (error < 0)
			break;
	}
	disarm();
	ra_releases_free(r);
	return error;
}

/* Versions without an order are not known to be behind. */
static int
releases_order(void)
{
	struct ra_releases *r = ra_releases_new("{version}");
	int64_t behind;

	assert_non_null(r);
	assert_int_equal(ra_releases_add(r, "a", "1", 0), 0);
	assert_int_equal(ra_releases_add(r, "b", "2", 0), 0);
	ra_releases_sort(r);
	arm();
	ra_releases_set_order(r, "1\n2\n");
	disarm();
	behind = ra_releases_behind(r, "a");
	ra_releases_free(r);
	if (behind == 1)
		return 0;
	assert_int_equal(behind, -1);
	return -ENOMEM;
}

/* --- snapshots --- */

static const char *const secrets[] = { "*SALT*", "pepper" };
static const char *const known[] = { "", "hunter2" };
static const struct ra_placeholder env[] = { { "env", "prod" } };

/* Every way a key is taken. */
static int
build(struct ra_snapshot_builder *b, const struct ra_data *data, const struct ra_entry *entry,
    struct ra_snapshot **ret)
{
	static const char *const texts[][2] = { { "A", "1" }, { "PASSWORD", "x" },
		{ "TOKEN", "on prod" }, { "HOST", "db.prod" }, { "/my/hunter2/x", "1" },
		{ "X", "a hunter2" }, { "/db/salt", "1" }, { "E", "ENC[x]" } };
	int r = ra_snapshot_origin(b, "/etc/shop/env");

	for (size_t i = 0; i < RA_ARRAY_SIZE(texts) && r == 0; i++)
		r = ra_snapshot_add(
		    b, texts[i][0], strlen(texts[i][0]), texts[i][1], strlen(texts[i][1]), 1, 0);
	if (r == 0)
		r = ra_snapshot_add_data(b, data);
	if (r == 0)
		r = ra_snapshot_add_entry(b, entry);
	if (r == 0)
		return ra_snapshot_seal(b, ret);
	ra_snapshot_builder_free(b);
	return r;
}

static int
snapshot(void)
{
	struct ra_snapshot_rules rules = { .key = KEY,
		.key_len = 16,
		.secret = secrets,
		.secret_count = 2,
		.known = known,
		.known_count = 2,
		.placeholders = env,
		.placeholder_count = 1,
		.templates = true };
	struct ra_entry entry = { .key = "Z", .key_len = 1, .value = "", .compared = "" };
	struct ra_data data = { 0 };
	struct ra_snapshot_builder *b;
	struct ra_snapshot *s = NULL;
	int r = -ENOMEM;

	for (uint32_t i = 0; i < 70; i++)
		assert_int_equal(ra_data_add_key(&data, "DATA", 4, "prod/${env}", 11, i, 0), 0);
	arm();
	b = ra_snapshot_builder_new(&rules);
	if (b != NULL)
		r = build(b, &data, &entry, &s);
	disarm();
	assert_int_equal(s == NULL, r < 0);
	if (s != NULL) {
		assert_int_equal(ra_snapshot_count(s), 10);
		assert_null(memmem(s, ra_snapshot_size(s), "hunter2", 7));
	}
	ra_snapshot_unref(s);
	ra_data_free(&data);
	return r;
}

/* So many texts of all sizes that each kind of them is the one that needs more memory. */
static int
snapshot_large(void)
{
	static char key[2000], origin[4000];
	struct ra_snapshot_rules rules = { .key = KEY, .key_len = 16 };
	struct ra_snapshot_builder *b;
	struct ra_snapshot *s = NULL;
	int r = -ENOMEM;

	memset(key, 'k', sizeof(key) - 1);
	memset(origin, 'o', sizeof(origin) - 1);
	arm();
	b = ra_snapshot_builder_new(&rules);
	if (b != NULL)
		r = ra_snapshot_origin(b, origin);
	for (uint32_t i = 0; i < 200 && r == 0; i++)
		r = ra_snapshot_add(b, "PASSWORD", 8, "x", 1, i, 0);
	if (r == 0)
		r = ra_snapshot_add(b, key, sizeof(key) - 1, "x", 1, 1, 0);
	if (r == 0)
		r = ra_snapshot_add(b, "K", 1, key, sizeof(key) - 1, 1, 0);
	if (r == 0)
		r = ra_snapshot_seal(b, &s);
	else
		ra_snapshot_builder_free(b);
	disarm();
	assert_int_equal(s == NULL, r < 0);
	ra_snapshot_unref(s);
	return r;
}

static struct ra_snapshot *
snapshot_of(const char *key, const char *value, const char *more)
{
	struct ra_snapshot_rules rules = { .key = KEY, .key_len = 16 };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *s = NULL;

	assert_non_null(b);
	assert_int_equal(ra_snapshot_add(b, key, strlen(key), value, strlen(value), 1, 0), 0);
	assert_int_equal(ra_snapshot_add(b, more, strlen(more), "1", 1, 2, 0), 0);
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

static int
snapshot_bytes(void)
{
	struct ra_snapshot *s = snapshot_of("A", "1", "B"), *again = NULL;
	struct ra_buf bytes = RA_BUF(0);
	int r;

	arm();
	r = ra_snapshot_write(s, &bytes);
	if (r == 0)
		r = ra_snapshot_read(bytes.data, bytes.len, &again);
	disarm();
	assert_int_equal(again == NULL, r < 0);
	ra_snapshot_unref(again);
	ra_snapshot_unref(s);
	ra_buf_free(&bytes);
	return r;
}

static int
snapshot_veil(void)
{
	struct ra_snapshot *s = snapshot_of("A", "on prod", "B"), *veiled = NULL;
	struct ra_snapshot *committed = snapshot_of("A", "ENC[x]", "B");
	struct ra_veil by = { .committed = { committed }, .key = KEY, .key_len = 16 };
	int r;

	arm();
	r = ra_snapshot_veil(s, &by, &veiled);
	disarm();
	assert_int_equal(veiled == NULL, r < 0);
	ra_snapshot_unref(veiled);
	ra_snapshot_unref(s);
	ra_snapshot_unref(committed);
	return r;
}

/* --- drift --- */

/* A secret on one side and a key on one, and what rules make of it. Frees the snapshots. */
static int
drift(struct ra_snapshot *a, struct ra_snapshot *b, const struct ra_drift_rule *rules, size_t count,
    size_t rows)
{
	const struct ra_drift_side sides[] = {
		{ .name = "a", .snapshot = a, .committed = a, .commit = "1" },
		{ .name = "b", .snapshot = b, .committed = a, .commit = "1" }
	};
	struct ra_drift_call call = { .sides = sides,
		.side_count = 2,
		.rules = rules,
		.rule_count = count,
		.key = KEY,
		.key_len = 16 };
	struct ra_drift d = { 0 };
	int r;

	arm();
	r = ra_drift_compare(&call, &d);
	disarm();
	assert_int_equal(d.row_count, r == 0 ? rows : 0);
	ra_drift_free(&d);
	ra_snapshot_unref(a);
	ra_snapshot_unref(b);
	return r;
}

static int
drift_of_names(void)
{
	return drift(
	    snapshot_of("U", "http://u:p@h/", "B"), snapshot_of("U", "http://h/", "B"), NULL, 0, 1);
}

/* A name that no side has, and patterns. */
static int
drift_of_pointers(void)
{
	static const struct ra_drift_rule rules[] = { { RA_DRIFT_REQUIRE, "A", NULL },
		{ RA_DRIFT_IGNORE, "/Q*", NULL } };

	return drift(snapshot_of("/U", "http://u:p@h/", "/B"), snapshot_of("/U", "http://h/", "/C"),
	    rules, 2, 4);
}

static int
drift_suggestion(void)
{
	struct ra_drift_row rows[] = { { .key = "A*", .key_len = 2, .verdict = RA_DRIFT_MISSING },
		{ .key = "B", .key_len = 1, .verdict = RA_DRIFT_DIFFERS } };
	struct ra_drift d = { .rows = rows, .row_count = 2 };
	const struct ra_drift_side sides[2] = { 0 };
	struct ra_drift_call call = { .sides = sides, .side_count = 2 };
	struct ra_drift_suggestion s = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);
	int r;

	rows[0].counts = rows[1].counts = true;
	arm();
	ra_drift_suggest_add(&s, &d, &call);
	r = ra_drift_suggest_write(&s, &out);
	disarm();
	if (r == 0)
		assert_string_equal(
		    ra_buf_text(&out), "ignore: [\"A\\\\*\"]\nexpect:\n  may-differ: [B]\n");
	ra_drift_suggest_free(&s);
	return r;
}

/* A text in which secrets cannot be looked for is not shown. */
static int
blackened(void)
{
	static const char *const own[] = { "hunter2" };
	char text[] = "with hunter2 it";

	arm();
	ra_secret_blacken(text, own, 1, 4);
	disarm();
	if (text[0] == 'w') {
		assert_string_equal(text, "with ******* it");
		return 0;
	}
	assert_string_equal(text, "***************");
	return -ENOMEM;
}

/* --- */

static void
test_each(void **state)
{
	static const struct asked list[] = {
		{ "keys", keys, false },
		{ "first key", first_key, false },
		{ "facts", facts, false },
		{ "URL", git_url_full, false },
		{ "URL without password", git_url_no_password, false },
		{ "short URL", git_url_short, false },
		{ "releases", releases, false },
		{ "order of releases", releases_order, false },
		{ "snapshot", snapshot, true },
		{ "large snapshot", snapshot_large, true },
		{ "snapshot as bytes", snapshot_bytes, true },
		{ "veil", snapshot_veil, true },
		{ "drift of names", drift_of_names, true },
		{ "drift of pointers", drift_of_pointers, true },
		{ "suggestion", drift_suggestion, false },
		{ "secrets in a text", blackened, false },
	};

	(void)state;
	refuse_all(list, RA_ARRAY_SIZE(list));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
