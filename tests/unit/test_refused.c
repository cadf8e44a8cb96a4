/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory, random numbers and digests that are refused to base and model: each request in turn, and
 * each with all that follow. What was asked for says so and keeps nothing; asked again, it is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/block.h"
#include "relaudit/base/map.h"
#include "relaudit/model/drift.h"
#include "relaudit/model/facts.h"
#include "relaudit/model/git_url.h"
#include "relaudit/model/release.h"

#include "refuse.h"

#define KEY "0123456789abcdef"

/* --- requests --- */

static bool interrupted; /* the next random number is, once */

REFUSE_MEMORY
REFUSE(void *, aligned_alloc, (size_t align, size_t size), (align, size), NULL)
REFUSE(char *, json_dumps, (const json_t *value, size_t flags), (value, flags), NULL)
REFUSE(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
REFUSE(int, EVP_DigestInit_ex, (EVP_MD_CTX * ctx, const EVP_MD *md, ENGINE *e), (ctx, md, e), 0)
REFUSE(int, EVP_DigestUpdate, (EVP_MD_CTX * ctx, const void *p, size_t n), (ctx, p, n), 0)
REFUSE(int, EVP_DigestFinal_ex, (EVP_MD_CTX * ctx, uint8_t *out, unsigned *n), (ctx, out, n), 0)
REFUSE(int, EVP_Digest,
    (const void *p, size_t n, uint8_t *out, unsigned *len, const EVP_MD *md, ENGINE *e),
    (p, n, out, len, md, e), 0)
REFUSE(uint8_t *, HMAC,
    (const EVP_MD *md, const void *key, int size, const uint8_t *p, size_t n, uint8_t *out,
	unsigned *len),
    (md, key, size, p, n, out, len), NULL)
REFUSE(EVP_MAC *, EVP_MAC_fetch, (OSSL_LIB_CTX * lib, const char *name, const char *how),
    (lib, name, how), NULL)
REFUSE(EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC * mac), (mac), NULL)
REFUSE(int, EVP_MAC_init,
    (EVP_MAC_CTX * ctx, const uint8_t *key, size_t n, const OSSL_PARAM params[]),
    (ctx, key, n, params), 0)
REFUSE(int, EVP_MAC_update, (EVP_MAC_CTX * ctx, const uint8_t *p, size_t n), (ctx, p, n), 0)
REFUSE(int, EVP_MAC_final, (EVP_MAC_CTX * ctx, uint8_t *out, size_t *len, size_t room),
    (ctx, out, len, room), 0)

ssize_t __real_getrandom(void *p, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *p, size_t len, unsigned flags);

ssize_t
__wrap_getrandom(void *p, size_t len, unsigned flags)
{
	bool refuse = refused(), again = interrupted;

	interrupted = false;
	if (!refuse && !again)
		return __real_getrandom(p, len, flags);
	errno = refuse ? ENOSYS : EINTR;
	return -1;
}

/* Asks between arm() and disarm(). What the function said: 0, or a negative errno. */
typedef int scenario(void);

/* --- base --- */

static int
arena(void)
{
	struct ra_arena *a;
	bool done = false;

	arm();
	a = ra_arena_new();
	if (a != NULL)
		done = ra_arena_strdup(a, "text") != NULL && ra_arena_alloc(a, 100000) != NULL &&
		       ra_arena_memdup(a, KEY, 16) != NULL;
	disarm();
	ra_arena_free(a);
	return done ? 0 : -ENOMEM;
}

static void
count_call(void *arg)
{
	++*(int *)arg;
}

/* What cannot be deferred is done at once. */
static int
arena_defer(void)
{
	struct ra_arena *a = ra_arena_new();
	int calls = 0, r;

	assert_non_null(a);
	arm();
	r = ra_arena_defer(a, count_call, &calls);
	disarm();
	assert_int_equal(calls, r < 0 ? 1 : 0);
	ra_arena_free(a);
	assert_int_equal(calls, 1);
	return r;
}

static int
arena_strndup(void)
{
	struct ra_arena *a = ra_arena_new();
	const char *text;

	assert_non_null(a);
	arm();
	text = ra_arena_strndup(a, "text", 2);
	disarm();
	if (text != NULL)
		assert_string_equal(text, "te");
	ra_arena_free(a);
	return text != NULL ? 0 : -ENOMEM;
}

/* Of small pages and of huge ones. */
static int
block(void)
{
	void *small, *big;

	arm();
	small = ra_block_new(1);
	big = ra_block_new((size_t)8 << 20);
	disarm();
	free(small);
	free(big);
	return small != NULL && big != NULL ? 0 : -ENOMEM;
}

static int
buf(void)
{
	struct ra_buf b = RA_BUF(0);
	RA_FREE char *text = NULL;
	int r;

	arm();
	(void)ra_buf_printf(&b, "%0200d", 1);
	r = b.error;
	text = ra_buf_take(&b);
	disarm();
	assert_int_equal(text == NULL, r < 0);
	return r;
}

/* What was in it is there still. */
static int
map(void)
{
	static const char *const keys[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a",
		"b", "c", "d", "e", "f" };
	struct ra_map m = { 0 };
	size_t put = 0;
	int r = 0;

	arm();
	for (; put < RA_ARRAY_SIZE(keys) && r == 0; put += r == 0 ? 1 : 0)
		r = ra_map_put(&m, keys[put], &m, NULL);
	disarm();
	assert_int_equal(m.count, put);
	for (size_t i = 0; i < RA_ARRAY_SIZE(keys); i++)
		assert_int_equal(ra_map_get(&m, keys[i]) != NULL, i < put);
	ra_map_free(&m);
	return r;
}

static int
digest(void)
{
	uint8_t out[RA_DIGEST_SIZE], whole[RA_DIGEST_SIZE];
	struct ra_digest *d;
	int r;

	arm();
	d = ra_digest_new();
	ra_digest_add(d, "ab", 2);
	ra_digest_add(d, "c", 1);
	r = ra_digest_end(d, out);
	if (r == 0)
		r = ra_digest_of("abc", 3, whole);
	disarm();
	if (r == 0)
		assert_memory_equal(out, whole, RA_DIGEST_SIZE);
	return r;
}

static int
mac(void)
{
	uint8_t out[RA_DIGEST_SIZE], whole[RA_DIGEST_SIZE];
	struct ra_mac *m;
	int r;

	arm();
	m = ra_mac_new(KEY, 16);
	r = m != NULL ? ra_mac_of(m, "abc", 3, out) : -ENOMEM;
	if (r == 0)
		r = ra_digest_keyed(KEY, 16, "abc", 3, whole);
	disarm();
	if (r == 0)
		assert_memory_equal(out, whole, RA_DIGEST_SIZE);
	ra_mac_free(m);
	return r;
}

static int
random_bytes(void)
{
	uint8_t out[16];
	int r;

	interrupted = true;
	arm();
	r = ra_random(out, sizeof(out));
	disarm();
	return r;
}

/* An error that could not be kept is counted, and no error is no configuration. */
static int
errors(void)
{
	enum { N = 5 };
	struct ra_errors list = { 0 };
	RA_BUF_LOCAL source = RA_BUF(0);
	bool all;

	for (int i = 0; i < 100; i++)
		ra_buf_puts(&source, "source: ");
	arm();
	for (uint32_t i = 1; i <= N; i++)
		ra_errors_add(&list, (struct ra_pos){ "a.yaml", i, 400 }, source.data, "no");
	disarm();
	assert_true(ra_errors_any(&list));
	assert_int_equal(list.count + list.more, N);
	all = list.count == N;
	for (size_t i = 0; i < list.count; i++) {
		assert_string_equal(list.items[i].pos.file, "a.yaml");
		assert_string_equal(list.items[i].text, "no");
		all = all && list.items[i].source != NULL;
	}
	ra_errors_clear(&list);
	return all ? 0 : -ENOMEM;
}

/* --- model --- */

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
	static const struct ra_fact_def defs[] = { { "a", RA_FACT_JSON, "" },
		{ "b", RA_FACT_TEXT, "" }, { 0 } };
	struct ra_facts f = { 0 };
	int r;

	arm();
	r = ra_facts_read("{\"a\":[1],\"b\":\"x\"}", 17, defs, &f);
	disarm();
	assert_int_equal(f.count, r == 0 ? 2 : 0);
	ra_facts_free(&f);
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

/* --- drift --- */

/* A secret on one side, a name that no side has, rules of pointers, and rows. */
static int
drift(void)
{
	struct ra_snapshot *a = snapshot_of("/U", "http://u:p@h/", "/B");
	struct ra_snapshot *b = snapshot_of("/U", "http://h/", "/C");
	const struct ra_drift_rule rules[] = { { RA_DRIFT_REQUIRE, "A", NULL },
		{ RA_DRIFT_IGNORE, "/Q*", NULL } };
	const struct ra_drift_side sides[] = { { "a", a, a, false }, { "b", b, a, false } };
	struct ra_drift_call call = { .sides = sides,
		.side_count = 2,
		.rules = rules,
		.rule_count = 2,
		.key = KEY,
		.key_len = 16 };
	struct ra_drift d = { 0 };
	int r;

	arm();
	r = ra_drift_compare(&call, &d);
	disarm();
	if (r == 0)
		assert_int_equal(d.row_count, 4);
	else
		assert_int_equal(d.row_count, 0);
	ra_drift_free(&d);
	ra_snapshot_unref(a);
	ra_snapshot_unref(b);
	return r;
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

/* --- */

/* How often it was refused before it was done. */
static int
refuse_each(scenario *run, bool all_after, bool digests)
{
	int at = 0, r;

	fail_on = all_after;
	for (;;) {
		fail_at = ++at;
		r = run();
		if (requests < at)
			break;
		if (r != -ENOMEM && !(digests && r == -EIO))
			fail_msg("request %d refused: %d", at, r);
		fail_at = 0;
		assert_int_equal(run(), 0);
	}
	assert_int_equal(r, 0);
	return at - 1;
}

static void
test_each(void **state)
{
	static const struct {
		const char *name;
		scenario *run;
		bool digests; /* -EIO: libcrypto failed, or there are no random numbers */
	} rows[] = {
		{ "arena", arena, false },
		{ "arena, deferred", arena_defer, false },
		{ "arena, text", arena_strndup, false },
		{ "block", block, false },
		{ "buffer", buf, false },
		{ "map", map, false },
		{ "digest", digest, true },
		{ "keyed digest", mac, true },
		{ "random", random_bytes, true },
		{ "errors", errors, false },
		{ "keys", keys, false },
		{ "first key", first_key, false },
		{ "facts", facts, false },
		{ "URL", git_url_full, false },
		{ "URL without password", git_url_no_password, false },
		{ "short URL", git_url_short, false },
		{ "releases", releases, false },
		{ "order of releases", releases_order, false },
		{ "snapshot", snapshot, true },
		{ "snapshot as bytes", snapshot_bytes, true },
		{ "drift", drift, true },
		{ "suggestion", drift_suggestion, false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		print_message("%s\n", rows[i].name);
		assert_true(refuse_each(rows[i].run, false, rows[i].digests) > 0);
		assert_true(refuse_each(rows[i].run, true, rows[i].digests) > 0);
	}
}

/* The first map of a process, whose seed is then the clock's: it maps all the same. */
static void
test_map_without_random_numbers(void **state)
{
	struct ra_map m = { 0 };

	(void)state;
	fail_at = 1;
	arm();
	assert_int_equal(ra_map_put(&m, "a", &m, NULL), 0);
	disarm();
	assert_ptr_equal(ra_map_get(&m, "a"), &m);
	assert_null(ra_map_get(&m, "b"));
	ra_map_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_without_random_numbers),
		cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
