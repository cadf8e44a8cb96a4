/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory, random numbers and digests that are refused, each request in turn, and each with all that
 * follow: what was asked for says so and keeps nothing; asked again, it is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/block.h"
#include "relaudit/base/buf.h"
#include "relaudit/base/digest.h"
#include "relaudit/base/error.h"
#include "relaudit/base/map.h"

#include "refuse.h"

#define KEY "0123456789abcdef"

/* --- requests --- */

static bool interrupted; /* the next random number is, once */

REFUSE_MEMORY
REFUSE_LIBRARIES

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

/* --- what is asked for --- */

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
		all = all && list.items[i].source != NULL && strcmp(list.items[i].text, "no") == 0;
	}
	ra_errors_clear(&list);
	return all ? 0 : -ENOMEM;
}

/* --- */

static void
test_each(void **state)
{
	static const struct asked list[] = {
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
	};

	(void)state;
	refuse_all(list, RA_ARRAY_SIZE(list));
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
