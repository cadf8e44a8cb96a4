/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/buf.h"
#include "relaudit/base/clock.h"
#include "relaudit/base/digest.h"
#include "relaudit/base/error.h"
#include "relaudit/base/escape.h"
#include "relaudit/base/jsonw.h"
#include "relaudit/base/map.h"
#include "relaudit/base/units.h"

#define DAY INT64_C(86400000)

/* Under AddressSanitizer too, memory that cannot be had is NULL. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* macro */

struct inner {
	int a;
	int b;
};

static void
test_macro(void **state)
{
	struct inner thing = { 1, 2 };
	char *text = malloc(4);
	char *taken;
	RA_FREE char *freed = malloc(8);

	(void)state;
	assert_non_null(freed);
	assert_ptr_equal(RA_CONTAINER(&thing.b, struct inner, b), &thing);
	taken = RA_TAKE(text);
	assert_null(text);
	assert_non_null(taken);
	free(taken);
	assert_int_equal(RA_ARRAY_SIZE(((int[]){ 1, 2, 3 })), 3);
}

/* arena */

static void
test_arena_alloc(void **state)
{
	struct ra_arena *a = ra_arena_new();
	static const size_t sizes[] = { 0, 1, 7, 16, 17, 100, 1000, 4000, 5000, 70000, 300000, 1 };

	(void)state;
	assert_non_null(a);
	for (size_t round = 0; round < 20; round++) {
		for (size_t i = 0; i < RA_ARRAY_SIZE(sizes); i++) {
			uint8_t *p = ra_arena_alloc(a, sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (size_t j = 0; j < sizes[i]; j++)
				assert_int_equal(p[j], 0);
			if (sizes[i] > 0)
				memset(p, 0xff, sizes[i]);
		}
	}
	ra_arena_free(a);
	ra_arena_free(NULL);
}

static void
test_arena_size(void **state)
{
	struct ra_arena *a = ra_arena_new();
	size_t before;

	(void)state;
	assert_non_null(ra_arena_alloc(a, 1));
	assert_in_range(ra_arena_size(a), 4096, 8192);
	before = ra_arena_size(a);
	assert_non_null(ra_arena_alloc(a, 100));
	assert_int_equal(ra_arena_size(a), before);
	for (int i = 0; i < 100000; i++)
		assert_non_null(ra_arena_alloc(a, 32));
	assert_in_range(ra_arena_size(a), 3200000, 3200000 + 512 * 1024);
	ra_arena_free(a);
}

/* A large allocation must not end the block that is being filled. */
static void
test_arena_large(void **state)
{
	struct ra_arena *a = ra_arena_new();
	char *first = ra_arena_alloc(a, 16), *second;

	(void)state;
	assert_non_null(ra_arena_alloc(a, 1000000));
	second = ra_arena_alloc(a, 16);
	assert_ptr_equal(second, first + 16);
	assert_true(ra_arena_alloc(a, 0) != ra_arena_alloc(a, 0));
	ra_arena_free(a);
	a = ra_arena_new();
	assert_non_null(ra_arena_alloc(a, 1000000));
	assert_non_null(ra_arena_alloc(a, 16));
	ra_arena_free(a);
}

/* Blocks grow, so that a large configuration takes few of them, and not without end. */
static void
test_arena_blocks(void **state)
{
	struct ra_arena *a = ra_arena_new();
	size_t blocks = 0, last = ra_arena_size(a), step = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		assert_non_null(ra_arena_alloc(a, 32));
		if (ra_arena_size(a) == last)
			continue;
		assert_true(ra_arena_size(a) - last >= step);
		step = ra_arena_size(a) - last;
		last += step;
		blocks++;
	}
	assert_int_equal(step, 256 * 1024);
	assert_true(blocks < 20);
	ra_arena_free(a);
}

static void
test_arena_no_memory(void **state)
{
	struct ra_arena *a = ra_arena_new();
	size_t before = ra_arena_size(a);

	(void)state;
	assert_null(ra_arena_alloc(a, SIZE_MAX));
	assert_null(ra_arena_alloc(a, SIZE_MAX - 64));
	assert_null(ra_arena_alloc(a, PTRDIFF_MAX / 2));
	assert_int_equal(ra_arena_size(a), before);
	assert_non_null(ra_arena_alloc(a, 10));
	ra_arena_free(a);
}

static void
test_arena_copies(void **state)
{
	struct ra_arena *a = ra_arena_new();
	const char part[] = { 'a', 'b', 'c' };

	(void)state;
	assert_string_equal(ra_arena_strdup(a, "hello"), "hello");
	assert_string_equal(ra_arena_strdup(a, ""), "");
	assert_string_equal(ra_arena_strndup(a, part, 3), "abc");
	assert_string_equal(ra_arena_strndup(a, part, 0), "");
	assert_string_equal(ra_arena_strndup(a, "ab", 10), "ab");
	assert_memory_equal(ra_arena_memdup(a, "a\0b", 3), "a\0b", 3);
	assert_non_null(ra_arena_memdup(a, NULL, 0));
	ra_arena_free(a);
}

static char order[8];

static void
note(void *arg)
{
	order[strlen(order)] = *(char *)arg;
}

static void
test_arena_defer(void **state)
{
	struct ra_arena *a = ra_arena_new();

	(void)state;
	memset(order, 0, sizeof(order));
	assert_int_equal(ra_arena_defer(a, note, ra_arena_strdup(a, "1")), 0);
	assert_int_equal(ra_arena_defer(a, note, ra_arena_strdup(a, "2")), 0);
	assert_int_equal(ra_arena_defer(a, note, ra_arena_strdup(a, "3")), 0);
	assert_string_equal(order, "");
	ra_arena_free(a);
	assert_string_equal(order, "321");
}

/* buf */

static void
test_buf_add(void **state)
{
	RA_BUF_LOCAL b = RA_BUF(0);

	(void)state;
	assert_string_equal(ra_buf_text(&b), "");
	assert_int_equal(ra_buf_add(&b, NULL, 0), 0);
	assert_string_equal(ra_buf_text(&b), "");
	assert_int_equal(ra_buf_puts(&b, "ab"), 0);
	assert_int_equal(ra_buf_putc(&b, 'c'), 0);
	assert_int_equal(ra_buf_add(&b, "d\0e", 3), 0);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "abcd\0e", 7);
	ra_buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(ra_buf_text(&b), "");
	assert_int_equal(ra_buf_printf(&b, "%d-%s", 7, "x"), 0);
	assert_string_equal(ra_buf_text(&b), "7-x");
	ra_buf_free(NULL);
}

static void
test_buf_grows(void **state)
{
	RA_BUF_LOCAL b = RA_BUF(0);

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(ra_buf_putc(&b, (char)('a' + i % 26)), 0);
	assert_int_equal(b.len, 100000);
	assert_int_equal(strlen(b.data), 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

/* vsnprintf's result that just fits, just does not, and is far longer. */
static void
test_buf_printf(void **state)
{
	(void)state;
	for (int width = 0; width < 300; width++) {
		RA_BUF_LOCAL b = RA_BUF(0);

		assert_int_equal(ra_buf_puts(&b, "<"), 0);
		assert_int_equal(ra_buf_printf(&b, "%*d>", width, 5), 0);
		assert_int_equal(b.len, (width == 0 ? 1 : width) + 2);
		assert_int_equal(strlen(b.data), b.len);
		assert_int_equal(b.data[b.len - 1], '>');
	}
}

/* A text that cannot be written in the locale leaves the buffer as it was. */
static void
test_buf_printf_fails(void **state)
{
	RA_BUF_LOCAL b = RA_BUF(0);

	(void)state;
	assert_int_equal(ra_buf_puts(&b, "before"), 0);
	assert_int_equal(ra_buf_printf(&b, "ab%ls", (const wchar_t[]){ 0x110000, 0 }), -EILSEQ);
	assert_string_equal(ra_buf_text(&b), "before");
	assert_int_equal(ra_buf_puts(&b, "x"), -EILSEQ);
}

static void
test_buf_cap(void **state)
{
	RA_BUF_LOCAL b = RA_BUF(5);

	(void)state;
	assert_int_equal(ra_buf_add(&b, "abcde", 5), 0);
	assert_int_equal(ra_buf_add(&b, "", 0), 0);
	assert_int_equal(ra_buf_putc(&b, 'f'), -EMSGSIZE);
	assert_string_equal(ra_buf_text(&b), "abcde");
	assert_int_equal(ra_buf_add(&b, "", 0), -EMSGSIZE);
	assert_int_equal(ra_buf_reserve(&b, 0), -EMSGSIZE);
	ra_buf_clear(&b);
	assert_int_equal(b.error, 0);
	assert_int_equal(ra_buf_puts(&b, "abc"), 0);
	assert_int_equal(ra_buf_printf(&b, "%s", "def"), -EMSGSIZE);
	assert_string_equal(ra_buf_text(&b), "abc");
	assert_int_equal(ra_buf_puts(&b, "d"), -EMSGSIZE);
	assert_int_equal(b.error, -EMSGSIZE);
	ra_buf_clear(&b);
	assert_int_equal(ra_buf_printf(&b, "%s", "abcde"), 0);
	assert_string_equal(ra_buf_text(&b), "abcde");
}

static void
test_buf_limits(void **state)
{
	RA_BUF_LOCAL usual = RA_BUF(0), endless = RA_BUF(SIZE_MAX);

	(void)state;
	assert_int_equal(ra_buf_reserve(&usual, 64 * 1024 * 1024 + 1), -EMSGSIZE);
	ra_buf_clear(&usual);
	assert_int_equal(ra_buf_reserve(&usual, SIZE_MAX), -EMSGSIZE);
	assert_int_equal(ra_buf_puts(&endless, "kept"), 0);
	assert_int_equal(ra_buf_reserve(&endless, SIZE_MAX - 8), -EMSGSIZE);
	ra_buf_clear(&endless);
	assert_int_equal(ra_buf_puts(&endless, "kept"), 0);
	assert_int_equal(ra_buf_reserve(&endless, PTRDIFF_MAX - 64), -ENOMEM);
	assert_string_equal(ra_buf_text(&endless), "kept");
	assert_int_equal(ra_buf_putc(&endless, 'x'), -ENOMEM);
}

static void
test_buf_take(void **state)
{
	struct ra_buf b = RA_BUF(4);
	char *text;

	(void)state;
	text = ra_buf_take(&b);
	assert_string_equal(text, "");
	free(text);
	ra_buf_puts(&b, "abcd");
	text = ra_buf_take(&b);
	assert_string_equal(text, "abcd");
	free(text);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 4);
	ra_buf_puts(&b, "abc");
	ra_buf_puts(&b, "de");
	assert_null(ra_buf_take(&b));
	assert_int_equal(b.error, 0);
	assert_null(b.data);
}

/* map */

static void
test_map_basic(void **state)
{
	struct ra_map m = { 0 };
	int one = 1, two = 2;
	void *old = &two;

	(void)state;
	assert_null(ra_map_get(&m, "a"));
	assert_null(ra_map_remove(&m, "a"));
	assert_int_equal(ra_map_put(&m, "a", &one, &old), 0);
	assert_null(old);
	assert_ptr_equal(ra_map_get(&m, "a"), &one);
	assert_null(ra_map_get(&m, "b"));
	assert_null(ra_map_get(&m, ""));
	assert_int_equal(ra_map_put(&m, "a", &two, &old), 0);
	assert_ptr_equal(old, &one);
	assert_int_equal(m.count, 1);
	assert_int_equal(ra_map_put(&m, "", &one, NULL), 0);
	assert_ptr_equal(ra_map_get(&m, ""), &one);
	assert_ptr_equal(ra_map_remove(&m, "a"), &two);
	assert_null(ra_map_remove(&m, "a"));
	assert_int_equal(m.count, 1);
	ra_map_free(&m);
	assert_int_equal(m.count, 0);
	assert_null(ra_map_get(&m, ""));
	ra_map_free(&m);
	ra_map_free(NULL);
}

/* A value often owns its key: the replaced one's key must not be looked at again. */
static void
test_map_new_key(void **state)
{
	struct ra_map m = { 0 };
	char *first = strdup("same"), *second = strdup("same");
	void *old = NULL;

	(void)state;
	assert_int_equal(ra_map_put(&m, first, first, NULL), 0);
	assert_int_equal(ra_map_put(&m, second, second, &old), 0);
	assert_ptr_equal(old, first);
	free(first);
	assert_ptr_equal(ra_map_get(&m, "same"), second);
	free(ra_map_remove(&m, "same"));
	ra_map_free(&m);
}

#define KEYS 5000

static void
test_map_many(void **state)
{
	static char keys[KEYS][16];
	struct ra_map m = { 0 };
	const char *key;
	void *value;
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%.*s%zu", (int)(i % 9), "xxxxxxxxx", i);
		assert_int_equal(ra_map_put(&m, keys[i], keys[i], NULL), 0);
	}
	assert_int_equal(m.count, KEYS);
	for (size_t i = 0; i < KEYS; i += 2)
		assert_ptr_equal(ra_map_remove(&m, keys[i]), keys[i]);
	for (size_t i = 0; i < KEYS; i++)
		assert_ptr_equal(ra_map_get(&m, keys[i]), i % 2 == 0 ? NULL : keys[i]);
	for (size_t i = 0; ra_map_next(&m, &i, &key, &value); seen++)
		assert_ptr_equal(key, value);
	assert_int_equal(seen, KEYS / 2);
	for (size_t i = 0; ra_map_next(&m, &i, &key, NULL);)
		assert_non_null(ra_map_remove(&m, key));
	assert_int_equal(m.count, 0);
	ra_map_free(&m);
}

/* Coming and going of keys must not make it grow. */
static void
test_map_churn(void **state)
{
	static char keys[64][8];
	struct ra_map m = { 0 };

	(void)state;
	for (size_t i = 0; i < 100000; i++) {
		char *key = keys[i % 64];

		if (i >= 8)
			assert_non_null(ra_map_remove(&m, keys[(i - 8) % 64]));
		snprintf(key, sizeof(keys[0]), "%zu", i % 1000);
		assert_int_equal(ra_map_put(&m, key, key, NULL), 0);
	}
	assert_int_equal(m.count, 8);
	assert_true(m.cap <= 64);
	ra_map_free(&m);
}

/* Computed apart: Python, FNV-1a 64 and the finaliser of MurmurHash3. */
static void
test_hash_stable(void **state)
{
	(void)state;
	assert_true(ra_hash_stable(NULL, 0) == UINT64_C(0xefd01f60ba992926));
	assert_true(ra_hash_stable("a", 1) == UINT64_C(0x82a2a958a9bece5b));
	assert_true(ra_hash_stable("https://example.net/", 20) == UINT64_C(0xfa966a1c384469ec));
}

/* clock */

static int64_t times[3];

static int64_t
fake_mono(void *arg)
{
	return ((int64_t *)arg)[0];
}

static int64_t
fake_wall(void *arg)
{
	return ((int64_t *)arg)[1];
}

static int64_t
fake_boot(void *arg)
{
	return ((int64_t *)arg)[2];
}

static const struct ra_clock fake = { fake_mono, fake_wall, fake_boot, times };

static void
test_clock(void **state)
{
	int64_t before = ra_clock_mono();

	(void)state;
	assert_true(before >= 0);
	assert_true(ra_clock_mono() >= before);
	assert_true(ra_clock_boot() >= before);
	assert_true(ra_clock_wall() > INT64_C(1700000000000));
	ra_clock_replace(&fake);
	times[0] = 1;
	times[1] = 2;
	times[2] = 3;
	assert_int_equal(ra_clock_mono(), 1);
	assert_int_equal(ra_clock_wall(), 2);
	assert_int_equal(ra_clock_boot(), 3);
	ra_clock_replace(NULL);
	assert_true(ra_clock_mono() >= before);
}

static void
test_stamp(void **state)
{
	static const struct {
		int64_t wall, boot, age;
	} rows[] = {
		{ 1000, 500, 0 },
		{ 1500, 500, 500 },
		{ 1000, 900, 400 }, /* the wall clock stood still */
		{ -9000, 700, 200 }, /* it was set back */
		{ 90000, 501, 89000 }, /* it was set ahead */
		{ 0, 0, 0 },
		{ INT64_MIN, 0, 0 },
		{ INT64_MAX, 0, INT64_MAX - 1000 },
	};
	struct ra_stamp stamp, old = { .wall = INT64_MIN, .boot = 0 };

	(void)state;
	ra_clock_replace(&fake);
	times[1] = 1000;
	times[2] = 500;
	stamp = ra_stamp_now();
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		times[1] = rows[i].wall;
		times[2] = rows[i].boot;
		assert_true(ra_stamp_age(stamp) == rows[i].age);
	}
	times[1] = INT64_MAX;
	assert_true(ra_stamp_age(old) == INT64_MAX);
	ra_clock_replace(NULL);
}

static void
test_time_format(void **state)
{
	static const struct {
		int64_t ms;
		const char *text, *seconds;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z", "2000-02-29T00:00:00Z" },
		{ 1795425245123, "2026-11-23T09:14:05.123Z", "2026-11-23T09:14:05Z" },
		{ 4107542399999, "2100-02-28T23:59:59.999Z", "2100-02-28T23:59:59Z" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z", "2100-03-01T00:00:00Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z" },
		{ 253402300800000, "-", "-" },
		{ -62167219200000, "0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00Z" },
		{ -62167219200001, "-", "-" },
		{ INT64_MIN, "-", "-" },
		{ INT64_MAX, "-", "-" },
	};
	char text[RA_TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		assert_string_equal(ra_time_format(rows[i].ms, text), rows[i].text);
		assert_string_equal(ra_time_format_s(rows[i].ms, text), rows[i].seconds);
	}
}

static void
test_time_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00", 0 },
		{ "1970-01-01 00:00:00", 0 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "0000-01-01T00:00:00Z", -62167219200000 },
		{ "2026-11-23T09:14:05.123Z", 1795425245123 },
		{ "2026-11-23T09:14:05,123Z", 1795425245123 },
		{ "2026-11-23T09:14:05.1239999999999999999Z", 1795425245123 },
		{ "2026-11-23T09:14:05.1Z", 1795425245100 },
		{ "2026-11-23 10:14:05.12+01:00", 1795425245120 },
		{ "2026-11-23T10:14:05+0100", 1795425245000 },
		{ "2026-11-23T03:44:05-05:30", 1795425245000 },
		{ "2026-11-23T09:14:05-00:00", 1795425245000 },
		{ "2024-02-29T00:00:00Z", 1709164800000 },
		{ "2000-02-29T00:00:00Z", 951782400000 },
		{ "2016-12-31T23:59:60Z", 1483228800000 },
		{ "2016-12-31T23:59:60.750Z", 1483228800000 },
		{ "2017-01-01T00:59:60+01:00", 1483228800000 },
		{ "9999-12-31T23:59:59.999Z", 253402300799999 },
		{ "1795425245", 1795425245000 },
		{ "1795425245123", 1795425245123 },
		{ "1795425245123456", 1795425245123 },
		{ "1795425245123456789", 1795425245123 },
		{ "9999999999999999999", 9999999999999 },
		{ "0000000000", 0 },
	};
	static const char *const bad[] = { "", " ", "2026", "2026-11-23", "2026-11-23T09:14",
		"2026-11-23T09:14Z", "2026-11-23T09:14:05.Z", "2026-11-23T09:14:05.",
		"2026-11-23T09:14:05 Z", "2026-11-23T09:14:05ZZ", "2026-11-23T09:14:05Z ",
		" 2026-11-23T09:14:05Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2024-02-30T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00+01",
		"2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+01:", "2026-01-01T00:00:00+",
		"2026-1-1T00:00:00Z", "2026/01/01T00:00:00Z", "-026-01-01T00:00:00Z",
		"+2026-01-01T00:00:00Z", "2026-01-01_00:00:00Z", "12345678901", "179542524",
		"17954252451234567890", "-795425245", "179542524x", "0x17954252" };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		int64_t ms = 4711;

		assert_int_equal(ra_time_parse(rows[i].text, strlen(rows[i].text), &ms), 0);
		assert_int_equal(ms, rows[i].ms);
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		int64_t ms = 4711;

		if (ra_time_parse(bad[i], strlen(bad[i]), &ms) != -EINVAL)
			fail_msg("accepted: '%s'", bad[i]);
		assert_int_equal(ms, 4711);
	}
}

/* The end is where len says, not at a NUL; a NUL inside is no end. */
static void
test_time_parse_bounds(void **state)
{
	const char exact[20] = "1970-01-01T00:00:01Z", nul[] = "1970-01-01T00:00:01\0Z";
	int64_t ms = 0;

	(void)state;
	assert_int_equal(ra_time_parse(exact, sizeof(exact), &ms), 0);
	assert_int_equal(ms, 1000);
	for (size_t len = 0; len < 19; len++) {
		char *copy = malloc(len + 1);

		memcpy(copy, exact, len);
		if (len != 10)
			assert_int_equal(ra_time_parse(copy, len, &ms), -EINVAL);
		free(copy);
	}
	assert_int_equal(ra_time_parse(nul, 20, &ms), -EINVAL);
	assert_int_equal(ra_time_parse(nul, 21, &ms), -EINVAL);
	assert_int_equal(ra_time_parse("1970-01-01\0"
				       "00:00:01Z",
			     20, &ms),
	    -EINVAL);
}

/* Every day of 10000 years: written, read again, and one day after the one before. */
static void
test_time_round_trip(void **state)
{
	char text[RA_TIME_TEXT];

	(void)state;
	for (int64_t ms = -62167219200000 + 12345678; ms < 253402300800000; ms += DAY) {
		int64_t again = 0;

		ra_time_format(ms, text);
		if (ra_time_parse(text, strlen(text), &again) != 0 || again != ms)
			fail_msg("%s", text);
	}
	assert_string_equal(text, "9999-12-31T03:25:45.678Z");
}

/* digest */

/* FIPS 180-2 appendix B, and the empty message. */
static void
test_digest(void **state)
{
	static const struct {
		const char *text, *hex;
	} rows[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t digest[RA_DIGEST_SIZE];
	char hex[RA_DIGEST_HEX];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].text);
		struct ra_digest *d = ra_digest_new();

		assert_int_equal(ra_digest_of(rows[i].text, len, digest), 0);
		assert_string_equal(ra_digest_hex(digest, hex), rows[i].hex);
		assert_non_null(d);
		for (size_t j = 0; j < len; j++)
			ra_digest_add(d, rows[i].text + j, 1);
		ra_digest_add(d, NULL, 0);
		memset(digest, 0, sizeof(digest));
		assert_int_equal(ra_digest_end(d, digest), 0);
		assert_string_equal(ra_digest_hex(digest, hex), rows[i].hex);
	}
	assert_int_equal(ra_digest_of(NULL, 0, digest), 0);
	assert_string_equal(ra_digest_hex(digest, hex), rows[0].hex);
	ra_digest_add(NULL, "x", 1);
	assert_int_equal(ra_digest_end(NULL, digest), -ENOMEM);
}

/* RFC 4231, cases 2 and 6; the empty key and message as in RFC-conforming implementations. */
static void
test_digest_keyed(void **state)
{
	uint8_t digest[RA_DIGEST_SIZE], key[131];
	const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
	struct ra_mac *mac;
	char hex[RA_DIGEST_HEX];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(ra_digest_keyed("Jefe", 4, "what do ya want for nothing?", 28, digest), 0);
	assert_string_equal(ra_digest_hex(digest, hex),
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(ra_digest_keyed(key, sizeof(key), text, strlen(text), digest), 0);
	assert_string_equal(ra_digest_hex(digest, hex),
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_int_equal(ra_digest_keyed(NULL, 0, NULL, 0, digest), 0);
	assert_string_equal(ra_digest_hex(digest, hex),
	    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	mac = ra_mac_new(NULL, 0);
	assert_int_equal(ra_mac_of(mac, NULL, 0, digest), 0);
	ra_mac_free(mac);
	assert_string_equal(ra_digest_hex(digest, hex),
	    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	/* a length that libcrypto cannot be told */
	assert_int_equal(ra_digest_keyed("k", (size_t)INT_MAX + 1, "", 0, digest), -EIO);
}

static void
test_random(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	(void)state;
	assert_int_equal(ra_random(a, sizeof(a)), 0);
	assert_int_equal(ra_random(b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(ra_random(NULL, 0), 0);
}

/* error */

static void
test_error(void **state)
{
	struct ra_error err = { 0 };

	(void)state;
	assert_int_equal(ra_error_set(NULL, -EINVAL, "x"), -EINVAL);
	ra_error_prefix(NULL, "x");
	ra_error_prefix(&err, "nothing");
	assert_string_equal(err.text, "");
	assert_int_equal(ra_error_set(&err, -ENOENT, "%s\nis\r\nmissing %d", "it", 3), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "it is  missing 3");
	ra_error_prefix(&err, "file '%s'", "a");
	assert_string_equal(err.text, "file 'a': it is  missing 3");
	assert_int_equal(err.code, -ENOENT);
	ra_error_set(&err, -EIO, "again: %s", err.text);
	assert_string_equal(err.text, "again: file 'a': it is  missing 3");
	assert_int_equal(ra_error_set(&err, -EIO, "%ls", (const wchar_t[]){ 0x110000, 0 }), -EIO);
	assert_string_equal(err.text, "error");
}

/* A text is cut between characters, wherever the limit falls. */
static void
test_error_long(void **state)
{
	static char text[2000];
	struct ra_error err;

	(void)state;
	for (size_t lead = 0; lead < 4; lead++) {
		memset(text, 'x', lead);
		for (size_t i = lead; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 4);
		ra_error_set(&err, -EINVAL, "%s", text);
		assert_int_equal(strlen(err.text), lead + (511 - lead) / 4 * 4);
		ra_error_prefix(&err, "p");
		assert_true(strlen(err.text) < RA_ERROR_TEXT);
		assert_int_equal((strlen(err.text) - lead - 3) % 4, 0);
	}
	memset(text, 'y', sizeof(text) - 1);
	ra_error_set(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), RA_ERROR_TEXT - 1);
}

static void
assert_printed(struct ra_errors *list, const char *expected)
{
	RA_BUF_LOCAL out = RA_BUF(0);

	ra_errors_print(list, &out);
	assert_string_equal(ra_buf_text(&out), expected);
	ra_errors_clear(list);
	assert_false(ra_errors_any(list));
}

static void
test_errors_print(void **state)
{
	static const struct {
		struct ra_pos pos;
		const char *source, *text, *expected;
	} rows[] = {
		{ { "a.yaml", 3, 5 }, "key: x", "bad", "a.yaml:3:5: error: bad\nkey: x\n    ^\n" },
		{ { "a.yaml", 3, 1 }, "key: x", "bad", "a.yaml:3:1: error: bad\nkey: x\n^\n" },
		{ { "a.yaml", 3, 7 }, "key: x", "end",
		    "a.yaml:3:7: error: end\nkey: x\n      ^\n" },
		{ { "a", 3, UINT32_MAX }, "ab", "far", "a:3:4294967295: error: far\nab\n  ^\n" },
		{ { "a", 3, 1 }, "", "none", "a:3:1: error: none\n\n^\n" },
		{ { "a", 3, 0 }, "ab", "line", "a:3: error: line\nab\n" },
		{ { "a", 3, 2 }, NULL, "text", "a:3:2: error: text\n" },
		{ { "a", 0, 0 }, NULL, "file", "a: error: file\n" },
		{ { "a", 0, 7 }, "ab", "file", "a: error: file\n" },
		{ { NULL, 0, 0 }, NULL, "x", "-: error: x\n" },
		{ { "a", 1, 4 }, "\tk\t: x", "tab", "a:1:4: error: tab\n\tk\t: x\n\t \t^\n" },
		{ { "a", 1, 3 }, "\t\tx\t", "tab", "a:1:3: error: tab\n\t\tx\t\n\t\t^\n" },
		{ { "a", 1, 3 }, "\xe6\x97\xa5\xcc\x81x", "wide",
		    "a:1:3: error: wide\n\xe6\x97\xa5\xcc\x81x\n  ^\n" },
		{ { "a", 1, 3 }, "\033\xffx", "control",
		    "a:1:3: error: control\n\\x1b\\xffx\n        ^\n" },
		{ { "a\nb", 1, 0 }, NULL, "\033[2J 'x\\'", "a\\x0ab:1: error: \\x1b[2J 'x\\\\'\n" },
		{ { "a", 1, 0 }, NULL, "two\nlines", "a:1: error: two lines\n" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_errors list = { 0 };

		assert_false(ra_errors_any(&list));
		ra_errors_add(&list, rows[i].pos, rows[i].source, "%s", rows[i].text);
		assert_true(ra_errors_any(&list));
		assert_printed(&list, rows[i].expected);
	}
}

/* Of a long line what is near the column is shown, and the caret is below that column. */
static void
test_errors_window(void **state)
{
	static const uint32_t cols[] = { 1, 79, 80, 81, 82, 500, 919, 920, 921, 1000, 1001, 99999 };
	static char source[1000 * 2 + 1];

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		memcpy(source + 2 * i, "\xc3\xa9", 2);
	for (size_t i = 0; i < RA_ARRAY_SIZE(cols); i++) {
		struct ra_errors list = { 0 };
		RA_BUF_LOCAL out = RA_BUF(0);
		const char *line, *caret;
		size_t col = cols[i] > 1000 ? 1001 : cols[i], at;

		if (col <= 1000)
			memcpy(source + 2 * (col - 1), "\xc3\xa0", 2);
		ra_errors_add(&list, (struct ra_pos){ "a", 1, cols[i] }, source, "x");
		if (col <= 1000)
			memcpy(source + 2 * (col - 1), "\xc3\xa9", 2);
		ra_errors_print(&list, &out);
		line = strchr(ra_buf_text(&out), '\n') + 1;
		caret = strchr(line, '\n') + 1;
		assert_in_range(ra_text_width(line, (size_t)(caret - line) - 1), 161, 162);
		at = strspn(caret, " ");
		assert_string_equal(caret + at, "^\n");
		if (col <= 1000)
			assert_int_equal(
			    at, ra_text_width(line, (size_t)(strstr(line, "\xc3\xa0") - line)));
		else
			assert_int_equal(at, 161);
		ra_errors_clear(&list);
	}
}

static void
test_errors_full(void **state)
{
	struct ra_errors list = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);

	(void)state;
	for (uint32_t i = 1; i <= RA_ERRORS_MAX + 1; i++)
		ra_errors_add(&list, (struct ra_pos){ "f", i, 0 }, NULL, "e%u", i);
	assert_int_equal(list.count, RA_ERRORS_MAX);
	assert_int_equal(list.more, 1);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.items[i].pos.line, i + 1);
	ra_errors_print(&list, &out);
	assert_non_null(strstr(ra_buf_text(&out), "f:200: error: e200\n1 more error\n"));
	ra_errors_add(&list, (struct ra_pos){ "f", 1, 0 }, NULL, "x");
	ra_buf_clear(&out);
	ra_errors_print(&list, &out);
	assert_non_null(strstr(ra_buf_text(&out), "\n2 more errors\n"));
	ra_errors_clear(&list);
	assert_int_equal(list.more, 0);
	ra_errors_clear(NULL);
}

/* The list keeps copies. */
static void
test_errors_copies(void **state)
{
	struct ra_errors list = { 0 };
	char file[] = "file", source[] = "source";

	(void)state;
	ra_errors_add(&list, (struct ra_pos){ file, 1, 1 }, source, "x");
	memset(file, 'z', 4);
	memset(source, 'z', 6);
	assert_printed(&list, "file:1:1: error: x\nsource\n^\n");
}

/* escape */

static void
test_utf8_decode(void **state)
{
	static const struct {
		const char *text;
		size_t len, taken;
		uint32_t c;
	} rows[] = {
		{ "", 0, 0, 0 },
		{ "\0", 1, 1, 0 },
		{ "a", 1, 1, 'a' },
		{ "\x7f", 1, 1, 0x7f },
		{ "\x80", 1, 0, 0 },
		{ "\xbf", 1, 0, 0 },
		{ "\xc0\x80", 2, 0, 0 },
		{ "\xc1\xbf", 2, 0, 0 },
		{ "\xc2\x80", 2, 2, 0x80 },
		{ "\xc2", 1, 0, 0 },
		{ "\xc2 ", 2, 0, 0 },
		{ "\xdf\xbf", 2, 2, 0x7ff },
		{ "\xe0\x9f\xbf", 3, 0, 0 },
		{ "\xe0\xa0\x80", 3, 3, 0x800 },
		{ "\xe0\xa0", 2, 0, 0 },
		{ "\xed\x9f\xbf", 3, 3, 0xd7ff },
		{ "\xed\xa0\x80", 3, 0, 0 },
		{ "\xed\xbf\xbf", 3, 0, 0 },
		{ "\xee\x80\x80", 3, 3, 0xe000 },
		{ "\xef\xbf\xbf", 3, 3, 0xffff },
		{ "\xf0\x8f\xbf\xbf", 4, 0, 0 },
		{ "\xf0\x90\x80\x80", 4, 4, 0x10000 },
		{ "\xf0\x90\x80", 3, 0, 0 },
		{ "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
		{ "\xf4\x90\x80\x80", 4, 0, 0 },
		{ "\xf5\x80\x80\x80", 4, 0, 0 },
		{ "\xff", 1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		uint32_t c = 0;

		assert_int_equal(ra_utf8_decode(rows[i].text, rows[i].len, &c), rows[i].taken);
		assert_int_equal(c, rows[i].c);
	}
}

static void
test_char_printable(void **state)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0, 0x1f },
		{ 0x7f, 0x9f },
		{ 0x61c, 0x61c },
		{ 0x180e, 0x180e },
		{ 0x200b, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2060, 0x206f },
		{ 0xd800, 0xf8ff }, /* surrogates, private use */
		{ 0xfdd0, 0xfdef },
		{ 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb },
		{ 0xfffe, 0xffff },
		{ 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a },
		{ 0x1fffe, 0x1ffff },
		{ 0x2fffe, 0x2ffff },
		{ 0xe0000, 0xe007f },
		{ 0xefffe, 0x10ffff },
		{ 0x110000, 0x110000 },
		{ UINT32_MAX, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(hidden); i++) {
		for (uint64_t c = hidden[i].first; c <= hidden[i].last; c++)
			assert_false(ra_char_printable((uint32_t)c));
		if (hidden[i].first > 0 && hidden[i].last < 0x10ffff) {
			if (hidden[i].first != 0xe0000)
				assert_true(ra_char_printable(hidden[i].first - 1));
			assert_true(ra_char_printable(hidden[i].last + 1));
		}
	}
	assert_true(ra_char_printable(0xfffd));
	assert_true(ra_char_printable(0x1f600));
}

static void
test_width(void **state)
{
	static const struct {
		uint32_t c;
		int width;
	} rows[] = { { 'a', 1 }, { ' ', 1 }, { 0, 0 }, { '\t', 0 }, { 0xe9, 1 }, { 0x2ff, 1 },
		{ 0x300, 0 }, { 0x36f, 0 }, { 0x370, 1 }, { 0x410, 1 }, { 0x5b0, 0 }, { 0x10ff, 1 },
		{ 0x1100, 2 }, { 0x115f, 2 }, { 0x1160, 0 }, { 0x2026, 1 }, { 0x200b, 0 },
		{ 0x231a, 2 }, { 0x3042, 2 }, { 0x3099, 0 }, { 0x65e5, 2 }, { 0xac00, 2 },
		{ 0xd7a3, 2 }, { 0xfe0f, 0 }, { 0xff21, 2 }, { 0xff61, 1 }, { 0x1f5ff, 2 },
		{ 0x1f600, 2 }, { 0x20000, 2 }, { 0x3fffd, 2 }, { 0xe0100, 0 }, { 0xe01ef, 0 },
		{ 0xe01f0, 1 }, { 0x110000, 0 } };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		assert_int_equal(ra_char_width(rows[i].c), rows[i].width);
	assert_int_equal(ra_text_width("", 0), 0);
	assert_int_equal(ra_text_width("abc", 3), 3);
	assert_int_equal(ra_text_width("a\xe6\x97\xa5\xcc\x81", 6), 3);
	assert_int_equal(ra_text_width("\xff\xfe", 2), 2);
}

static void
test_escape_line(void **state)
{
	static const struct {
		const char *text;
		size_t len, max;
		const char *expected;
	} rows[] = {
		{ "", 0, 0, "" },
		{ "", 0, 1, "" },
		{ "plain \"text\"", 12, 0, "plain \"text\"" },
		{ "a\\b", 3, 0, "a\\\\b" },
		{ "a\nb\0c\x1b\x7f", 7, 0, "a\\x0ab\\x00c\\x1b\\x7f" },
		{ "\xff\xc3", 2, 0, "\\xff\\xc3" },
		{ "\xc3\xa9", 2, 0, "\xc3\xa9" },
		{ "\xc2\x85", 2, 0, "\\u{0085}" },
		{ "\xe2\x80\xae", 3, 0, "\\u{202e}" },
		{ "\xf3\xa0\x81\x81", 4, 0, "\\u{e0041}" },
		{ "\xf4\x8f\xbf\xbf", 4, 0, "\\u{10ffff}" },
		{ "\xed\xa0\x80", 3, 0, "\\xed\\xa0\\x80" },
		{ "abcdef", 6, 6, "abcdef" },
		{ "abcdef", 6, 5, "abcde\xe2\x80\xa6" },
		{ "abcdefghijklmnopq", 17, 16, "abcdefghijklmnop\xe2\x80\xa6" },
		{ "\xc3\xa9\xc3\xa9\xc3\xa9", 6, 2, "\xc3\xa9\xc3\xa9\xe2\x80\xa6" },
		{ "ab\n", 3, 5, "ab\xe2\x80\xa6" }, /* an escape is not cut */
		{ "ab\n", 3, 6, "ab\\x0a" },
		{ "a\\", 2, 2, "a\xe2\x80\xa6" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);

		assert_int_equal(ra_escape_line(&out, rows[i].text, rows[i].len, rows[i].max), 0);
		assert_string_equal(ra_buf_text(&out), rows[i].expected);
	}
}

/* Whatever the bytes: what comes out is printable, and only so. */
static void
test_escape_any(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 20000; seed++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		uint32_t x = seed * 2654435761u + 1, c;
		char text[8];

		for (size_t i = 0; i < sizeof(text); i++) {
			x = x * 1664525u + 1013904223u;
			text[i] = (char)(x >> 24);
		}
		assert_int_equal(ra_escape_line(&out, text, sizeof(text), 0), 0);
		assert_int_equal(ra_escape_json(&out, text, sizeof(text)), 0);
		assert_int_equal(ra_escape_value(&out, text, sizeof(text), 0), 0);
		for (size_t at = 0; at < out.len;) {
			size_t n = ra_utf8_decode(out.data + at, out.len - at, &c);

			assert_true(n > 0 && ra_char_printable(c));
			at += n;
		}
	}
}

static void
test_escape_json(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *expected;
	} rows[] = {
		{ "", 0, "" },
		{ "plain", 5, "plain" },
		{ "a long plain text, longer than words", 36,
		    "a long plain text, longer than words" },
		{ "\"\\/", 3, "\\\"\\\\/" },
		{ "\b\f\n\r\t", 5, "\\b\\f\\n\\r\\t" },
		{ "\0\x1f\x7f", 3, "\\u0000\\u001f\\u007f" },
		{ "caf\xc3\xa9 \xf0\x9f\x98\x80", 10, "caf\xc3\xa9 \xf0\x9f\x98\x80" },
		{ "\xff-\xc3", 3, "\xef\xbf\xbd-\xef\xbf\xbd" },
		{ "\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x80\xa8\xc2\x9b", 5, "\\u2028\\u009b" },
		{ "\xf3\xa0\x81\x81", 4, "\\udb40\\udc41" },
		{ "\xf4\x8f\xbf\xbf", 4, "\\udbff\\udfff" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);

		assert_int_equal(ra_escape_json(&out, rows[i].text, rows[i].len), 0);
		assert_string_equal(ra_buf_text(&out), rows[i].expected);
	}
}

/* Eight bytes at a time must find every byte in every place, whatever its neighbours are. */
static void
test_escape_json_places(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < 17; at++) {
			char text[17];
			RA_BUF_LOCAL out = RA_BUF(0);
			bool same = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';

			memset(text, at % 2 == 0 ? '!' : '~', sizeof(text));
			text[at] = (char)byte;
			assert_int_equal(ra_escape_json(&out, text, sizeof(text)), 0);
			assert_int_equal(out.len == sizeof(text), same);
			assert_memory_equal(out.data, text, at);
			assert_memory_equal(out.data + out.len - (16 - at), text + at + 1, 16 - at);
		}
	}
}

static void
test_escape_capped(void **state)
{
	RA_BUF_LOCAL exact = RA_BUF(4), small = RA_BUF(3);

	(void)state;
	assert_int_equal(ra_escape_json(&exact, "ab\n", 3), 0);
	assert_string_equal(ra_buf_text(&exact), "ab\\n");
	assert_int_equal(ra_escape_json(&small, "ab\n", 3), -EMSGSIZE);
	assert_int_equal(ra_escape_line(&small, "x", 1, 0), -EMSGSIZE);
	assert_int_equal(ra_escape_value(&small, "", 0, 0), -EMSGSIZE);
	assert_int_equal(ra_escape_value(&small, "a b c d", 7, 5), -EMSGSIZE);
	assert_true(small.len <= 3);
}

static void
test_escape_value(void **state)
{
	static const struct {
		const char *text;
		size_t len, max;
		const char *expected;
	} rows[] = {
		{ "bare-._:/@+9Z", 13, 0, "bare-._:/@+9Z" },
		{ "bare", 4, 4, "bare" },
		{ "", 0, 0, "\"\"" },
		{ "a b", 3, 0, "\"a b\"" },
		{ "a=b", 3, 0, "\"a=b\"" },
		{ "a\"b\\c", 5, 0, "\"a\\\"b\\\\c\"" },
		{ "a\nb", 3, 0, "\"a\\x0ab\"" },
		{ "a\0b", 3, 0, "\"a\\x00b\"" },
		{ "\xc3\xa9", 2, 0, "\"\xc3\xa9\"" },
		{ "[", 1, 0, "\"[\"" },
		{ "a b", 3, 5, "\"a b\"" },
		{ "abcdefgh", 8, 7, "\"ab\xe2\x80\xa6\"" },
		{ "abcd efgh", 9, 10, "\"abcd \xe2\x80\xa6\"" },
		{ "ab\n\n\n", 5, 10, "\"ab\xe2\x80\xa6\"" },
		{ "a\xc3\xa9\xc3\xa9\xc3\xa9", 7, 8, "\"a\xc3\xa9\xe2\x80\xa6\"" },
		{ "abcdefgh", 8, 5, "\"\xe2\x80\xa6\"" },
		{ "abcdefgh", 8, 4, "\"ab\"" },
		{ "abcdefgh", 8, 2, "\"\"" },
		{ "abcdefgh", 8, 1, "" },
		{ "a", 1, 1, "a" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);

		assert_int_equal(ra_escape_value(&out, rows[i].text, rows[i].len, rows[i].max), 0);
		assert_string_equal(ra_buf_text(&out), rows[i].expected);
		assert_true(rows[i].max == 0 || out.len <= rows[i].max);
	}
}

/* jsonw */

static void
test_jsonw_structure(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_jsonw w;

	(void)state;
	ra_jsonw_init(&w, &out);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_object(&w, "empty");
	ra_jsonw_object_end(&w);
	ra_jsonw_array(&w, "none");
	ra_jsonw_array_end(&w);
	ra_jsonw_array(&w, "list");
	ra_jsonw_int(&w, NULL, 1);
	ra_jsonw_text(&w, NULL, "a");
	ra_jsonw_object(&w, NULL);
	ra_jsonw_bool(&w, "yes", true);
	ra_jsonw_bool(&w, "no", false);
	ra_jsonw_object_end(&w);
	ra_jsonw_array(&w, NULL);
	ra_jsonw_null(&w, NULL);
	ra_jsonw_array_end(&w);
	ra_jsonw_array_end(&w);
	ra_jsonw_text(&w, "k\"\n", "v\"");
	ra_jsonw_text(&w, "null", NULL);
	ra_jsonw_textn(&w, "n", "abc", 2);
	ra_jsonw_textn(&w, "e", NULL, 0);
	ra_jsonw_object_end(&w);
	assert_int_equal(out.error, 0);
	assert_string_equal(ra_buf_text(&out),
	    "{\"empty\":{},\"none\":[],\"list\":[1,\"a\",{\"yes\":true,\"no\":false},[null]],"
	    "\"k\\\"\\n\":\"v\\\"\",\"null\":null,\"n\":\"ab\",\"e\":\"\"}");
}

static void
test_jsonw_int(void **state)
{
	static const struct {
		int64_t value;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 9, "9" },
		{ 10, "10" },
		{ -1, "-1" },
		{ 1234567890123, "1234567890123" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		struct ra_jsonw w;

		ra_jsonw_init(&w, &out);
		ra_jsonw_int(&w, NULL, rows[i].value);
		assert_string_equal(ra_buf_text(&out), rows[i].text);
	}
}

static void
test_jsonw_real(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = { { 0, "0" }, { 1, "1" }, { -3, "-3" }, { 0.1, "0.1" }, { 0.5, "0.5" },
		{ 99.95, "99.95" }, { 1.0 / 3, "0.33333333333333331" }, { 1e300, "1e+300" },
		{ 123456789012345680.0, "1.2345678901234568e+17" }, { -2.5e-7, "-2.5e-07" },
		{ (double)NAN, "null" }, { (double)INFINITY, "null" },
		{ -(double)INFINITY, "null" } };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		struct ra_jsonw w;

		ra_jsonw_init(&w, &out);
		ra_jsonw_real(&w, NULL, rows[i].value);
		assert_string_equal(ra_buf_text(&out), rows[i].text);
	}
}

/* Every finite number is read back as it was. */
static void
test_jsonw_real_exact(void **state)
{
	static const double values[] = { DBL_MAX, DBL_MIN, DBL_EPSILON, 5e-324, 1e15, 1e15 - 1,
		1e15 + 0.5, 9007199254740993.0, 0.1 + 0.2, -1e-310, 1e22, 1e23 };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(values); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		struct ra_jsonw w;

		ra_jsonw_init(&w, &out);
		ra_jsonw_real(&w, NULL, values[i]);
		assert_true(strtod(ra_buf_text(&out), NULL) == values[i]);
	}
}

static void
test_jsonw_time(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_jsonw w;

	(void)state;
	ra_jsonw_init(&w, &out);
	ra_jsonw_array(&w, NULL);
	ra_jsonw_time(&w, NULL, 0);
	ra_jsonw_time(&w, NULL, 1795425245123);
	ra_jsonw_time(&w, NULL, INT64_MAX);
	ra_jsonw_array_end(&w);
	assert_string_equal(ra_buf_text(&out), "[null,\"2026-11-23T09:14:05.123Z\",null]");
}

static void
test_jsonw_capped(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(10);
	struct ra_jsonw w;

	(void)state;
	ra_jsonw_init(&w, &out);
	ra_jsonw_array(&w, NULL);
	for (int i = 0; i < 100; i++)
		ra_jsonw_int(&w, NULL, 12345);
	ra_jsonw_array_end(&w);
	assert_int_equal(out.error, -EMSGSIZE);
	assert_true(out.len <= 10);
}

/* units */

struct parse_row {
	const char *text;
	int64_t value; /* or a negative errno */
};

typedef int parse_fn(const char *text, int64_t *ret, struct ra_error *err);

static void
parse_all(parse_fn *fn, const struct parse_row *rows, size_t count, const char *hint)
{
	for (size_t i = 0; i < count; i++) {
		struct ra_error err = { 0 };
		int64_t value = -4711;
		int r = fn(rows[i].text, &value, &err);

		if (r != (rows[i].value < 0 ? (int)rows[i].value : 0))
			fail_msg("'%s': %d", rows[i].text, r);
		assert_int_equal(fn(rows[i].text, &(int64_t){ 0 }, NULL), r);
		assert_int_equal(err.code, r);
		if (r < 0) {
			assert_int_equal(value, -4711);
			assert_non_null(strstr(err.text, hint));
		} else {
			assert_string_equal(err.text, "");
			assert_int_equal(value, rows[i].value);
		}
	}
}

static void
test_duration_parse(void **state)
{
	static const struct parse_row rows[] = { { "0", 0 }, { "0s", 0 }, { "90s", 90000 },
		{ "5m", 300000 }, { "26h", 26 * 3600000 }, { "14d", 14 * DAY }, { "1w", 7 * DAY },
		{ "250ms", 250 }, { "1h30m", 5400000 }, { "1w1d1h1m1s1ms", 8 * DAY + 3661001 },
		{ "007s", 7000 }, { "9223372036854775807ms", INT64_MAX },
		{ "9223372036854775s807ms", INT64_MAX }, { "9223372036854775s808ms", -ERANGE },
		{ "9223372036854775808ms", -ERANGE }, { "15250284453w", -ERANGE },
		{ "99999999999999999999s", -ERANGE }, { "99999999999999999999", -EINVAL },
		{ "", -EINVAL }, { "5", -EINVAL }, { "00", -EINVAL }, { "s", -EINVAL },
		{ "5x", -EINVAL }, { "5S", -EINVAL }, { "5sec", -EINVAL }, { "5 s", -EINVAL },
		{ " 5s", -EINVAL }, { "5s ", -EINVAL }, { "-5s", -EINVAL }, { "+5s", -EINVAL },
		{ "1.5h", -EINVAL }, { "30m1h", -EINVAL }, { "1h1h", -EINVAL }, { "1hm", -EINVAL },
		{ "1h5", -EINVAL }, { "1mss", -EINVAL }, { "1h0", -EINVAL } };
	struct ra_error err;
	int64_t ms;

	(void)state;
	parse_all(
	    ra_duration_parse, rows, RA_ARRAY_SIZE(rows), "duration; write 90s, 5m, 26h, 14d");
	ra_duration_parse("5x", &ms, &err);
	assert_string_equal(err.text, "'5x' is not a duration; write 90s, 5m, 26h, 14d");
	ra_duration_parse("99999999999w", &ms, &err);
	assert_string_equal(
	    err.text, "'99999999999w' is too large a duration; write 90s, 5m, 26h, 14d");
}

static void
test_size_parse(void **state)
{
	static const struct parse_row rows[] = { { "0", 0 }, { "100", 100 }, { "100B", 100 },
		{ "100k", 100000 }, { "100kB", 100000 }, { "100K", 100000 }, { "100M", 100000000 },
		{ "2GiB", INT64_C(1) << 31 }, { "2Gi", INT64_C(1) << 31 }, { "1KiB", 1024 },
		{ "1kiB", 1024 }, { "10TB", 10000000000000 }, { "8P", 8000000000000000 },
		{ "1.5G", 1500000000 }, { "1.5GiB", 1610612736 }, { "0.1GiB", 107374182 },
		{ "1.0005k", 1000 }, { "1.999999999999999999999999k", 1999 },
		{ "9223372036854775807", INT64_MAX }, { "8191.9PiB", 0x7fff999999999999 },
		{ "9223372036854775808", -ERANGE }, { "8192PiB", -ERANGE }, { "9223.4P", -ERANGE },
		{ "99999999999999999999k", -ERANGE }, { "", -EINVAL }, { "k", -EINVAL },
		{ "1.5", -EINVAL }, { "1.5B", -EINVAL }, { "1.G", -EINVAL }, { ".5G", -EINVAL },
		{ "1.5.5G", -EINVAL }, { "1,5G", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL },
		{ "10 TB", -EINVAL }, { "10TB ", -EINVAL }, { "10TBB", -EINVAL },
		{ "10iB", -EINVAL }, { "10m", -EINVAL }, { "10kb", -EINVAL }, { "10x", -EINVAL },
		{ "0x10", -EINVAL } };

	(void)state;
	parse_all(ra_size_parse, rows, RA_ARRAY_SIZE(rows), "size; write 512, 100k, 1.5G, 2GiB");
}

static void
test_percent_parse(void **state)
{
	static const struct parse_row rows[] = { { "0%", 0 }, { "30%", 3000 }, { "12.5%", 1250 },
		{ "12.50%", 1250 }, { "0.05%", 5 }, { "100.00%", 10000 }, { "1000000%", 100000000 },
		{ "1000000.00%", 100000000 }, { "1000000.01%", -ERANGE }, { "1000001%", -ERANGE },
		{ "99999999999999999999%", -ERANGE }, { "", -EINVAL }, { "%", -EINVAL },
		{ "30", -EINVAL }, { "30%%", -EINVAL }, { "30 %", -EINVAL }, { "-1%", -EINVAL },
		{ "1.%", -EINVAL }, { ".5%", -EINVAL }, { "1.234%", -EINVAL }, { "1,5%", -EINVAL },
		{ "1.5.5%", -EINVAL }, { "x%", -EINVAL } };

	(void)state;
	parse_all(ra_percent_parse, rows, RA_ARRAY_SIZE(rows), "percentage; write 30%, 12.5%");
}

/* However long the text, the error says what to write. */
static void
test_units_long_text(void **state)
{
	static char text[5000];
	struct ra_error err;
	int64_t value;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(ra_duration_parse(text, &value, &err), -EINVAL);
	assert_non_null(strstr(err.text, "x...' is not a duration; write"));
	memset(text, '9', sizeof(text) - 2);
	text[sizeof(text) - 2] = 'w';
	assert_int_equal(ra_duration_parse(text, &value, &err), -ERANGE);
}

struct format_row {
	int64_t value;
	const char *text;
};

static void
format_all(const char *(*fn)(int64_t, char *), const struct format_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char out[RA_UNIT_TEXT];

		assert_ptr_equal(fn(rows[i].value, out), out);
		assert_string_equal(out, rows[i].text);
	}
}

static void
test_duration_format(void **state)
{
	static const struct format_row rows[] = { { 0, "0" }, { 1, "1ms" }, { 250, "250ms" },
		{ 1000, "1s" }, { 1500, "1500ms" }, { 2500, "2s500ms" }, { 60000, "1m" },
		{ 90000, "90s" }, { 150000, "2m30s" }, { 300000, "5m" }, { 3600000, "1h" },
		{ 5400000, "1h30m" }, { 119 * 60000, "1h59m" }, { 3690000, "1h1m30s" },
		{ 9000000, "2h30m" }, { 26 * 3600000, "26h" }, { DAY, "1d" },
		{ 50 * 3600000, "2d2h" }, { 7 * DAY, "1w" }, { 10 * DAY, "10d" },
		{ 14 * DAY, "2w" }, { -90000, "-90s" }, { INT64_MAX, "106751991167d7h12m55s807ms" },
		{ INT64_MIN, "-106751991167d7h12m55s808ms" } };

	(void)state;
	format_all(ra_duration_format, rows, RA_ARRAY_SIZE(rows));
}

/* What is written is read as the same. */
static void
test_duration_round_trip(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < INT64_MAX / 3; ms = ms * 3 / 2 + 1) {
		char text[RA_UNIT_TEXT];
		int64_t again = -1;

		assert_int_equal(ra_duration_parse(ra_duration_format(ms, text), &again, NULL), 0);
		assert_int_equal(again, ms);
		again = -1;
		ra_duration_format(ms / 1000 * 1000, text);
		assert_int_equal(ra_duration_parse(text, &again, NULL), 0);
		assert_int_equal(again, ms / 1000 * 1000);
	}
}

static void
test_duration_human(void **state)
{
	static const struct format_row rows[] = { { 0, "0 s" }, { 1, "1 ms" }, { 300, "300 ms" },
		{ 1000, "1 s" }, { 1500, "1500 ms" }, { 2500, "2 s 500 ms" }, { 12000, "12 s" },
		{ 12345, "12 s" }, { 60000, "1 min" }, { 60999, "1 min" }, { 90000, "90 s" },
		{ 150000, "2 min 30 s" }, { 300000, "5 min" }, { 3600000, "1 h" },
		{ 5400000, "1 h 30 min" }, { 3600000 + 59999, "1 h" }, { 31 * 3600000, "31 h" },
		{ 31 * 3600000 + 60000, "31 h" }, { DAY, "1 d" },
		{ 3 * DAY + 4 * 3600000, "3 d 4 h" }, { 14 * DAY, "14 d" },
		{ 400 * DAY + 1, "400 d" }, { -300000, "-5 min" }, { INT64_MAX, "106751991167 d" },
		{ INT64_MIN, "-106751991167 d" } };

	(void)state;
	format_all(ra_duration_human, rows, RA_ARRAY_SIZE(rows));
}

static void
test_size_human(void **state)
{
	static const struct format_row rows[] = { { 0, "0 B" }, { 512, "512 B" }, { 999, "999 B" },
		{ 1000, "1 kB" }, { 1049, "1 kB" }, { 1050, "1.1 kB" }, { 1500, "1.5 kB" },
		{ 99949, "99.9 kB" }, { 99950, "100 kB" }, { 123456789, "123 MB" },
		{ 999499, "999 kB" }, { 999500, "1 MB" }, { 1500000000, "1.5 GB" },
		{ 2000000000, "2 GB" }, { 10000000000000, "10 TB" }, { -512, "-512 B" },
		{ INT64_MAX, "9.2 EB" }, { INT64_MIN, "-9.2 EB" } };

	(void)state;
	format_all(ra_size_human, rows, RA_ARRAY_SIZE(rows));
}

static void
test_percent_format(void **state)
{
	static const struct format_row rows[] = { { 0, "0%" }, { 3000, "30%" }, { 1250, "12.5%" },
		{ 1255, "12.55%" }, { 5, "0.05%" }, { 50, "0.5%" }, { 100000000, "1000000%" },
		{ -1250, "-12.5%" }, { INT64_MAX, "92233720368547758.07%" },
		{ INT64_MIN, "-92233720368547758.08%" } };

	(void)state;
	format_all(ra_percent_format, rows, RA_ARRAY_SIZE(rows));
}

static void
test_int_parse(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int r;
		int64_t value;
	} rows[] = {
		{ "0", 1, 0, 0 },
		{ "0012", 4, 0, 12 },
		{ "123456", 3, 0, 123 },
		{ "9223372036854775807", 19, 0, INT64_MAX },
		{ "9223372036854775808", 19, -ERANGE, 0 },
		{ "18446744073709551617", 20, -ERANGE, 0 },
		{ "99999999999999999999999", 23, -ERANGE, 0 },
		{ "9999999999999999999999x", 23, -EINVAL, 0 },
		{ "", 0, -EINVAL, 0 },
		{ "-1", 2, -EINVAL, 0 },
		{ "+1", 2, -EINVAL, 0 },
		{ " 1", 2, -EINVAL, 0 },
		{ "1 ", 2, -EINVAL, 0 },
		{ "1\0", 2, -EINVAL, 0 },
		{ "0x1", 3, -EINVAL, 0 },
		{ "1.0", 3, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		int64_t value = -4711;

		assert_int_equal(ra_int_parse(rows[i].text, rows[i].len, &value), rows[i].r);
		assert_int_equal(value, rows[i].r == 0 ? rows[i].value : -4711);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_macro),
		cmocka_unit_test(test_arena_alloc),
		cmocka_unit_test(test_arena_size),
		cmocka_unit_test(test_arena_large),
		cmocka_unit_test(test_arena_blocks),
		cmocka_unit_test(test_arena_no_memory),
		cmocka_unit_test(test_arena_copies),
		cmocka_unit_test(test_arena_defer),
		cmocka_unit_test(test_buf_add),
		cmocka_unit_test(test_buf_grows),
		cmocka_unit_test(test_buf_printf),
		cmocka_unit_test(test_buf_printf_fails),
		cmocka_unit_test(test_buf_cap),
		cmocka_unit_test(test_buf_limits),
		cmocka_unit_test(test_buf_take),
		cmocka_unit_test(test_map_basic),
		cmocka_unit_test(test_map_new_key),
		cmocka_unit_test(test_map_many),
		cmocka_unit_test(test_map_churn),
		cmocka_unit_test(test_hash_stable),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_time_format),
		cmocka_unit_test(test_time_parse),
		cmocka_unit_test(test_time_parse_bounds),
		cmocka_unit_test(test_time_round_trip),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_digest_keyed),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_error_long),
		cmocka_unit_test(test_errors_print),
		cmocka_unit_test(test_errors_window),
		cmocka_unit_test(test_errors_full),
		cmocka_unit_test(test_errors_copies),
		cmocka_unit_test(test_utf8_decode),
		cmocka_unit_test(test_char_printable),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_escape_line),
		cmocka_unit_test(test_escape_any),
		cmocka_unit_test(test_escape_json),
		cmocka_unit_test(test_escape_json_places),
		cmocka_unit_test(test_escape_capped),
		cmocka_unit_test(test_escape_value),
		cmocka_unit_test(test_jsonw_structure),
		cmocka_unit_test(test_jsonw_int),
		cmocka_unit_test(test_jsonw_real),
		cmocka_unit_test(test_jsonw_real_exact),
		cmocka_unit_test(test_jsonw_time),
		cmocka_unit_test(test_jsonw_capped),
		cmocka_unit_test(test_duration_parse),
		cmocka_unit_test(test_size_parse),
		cmocka_unit_test(test_percent_parse),
		cmocka_unit_test(test_units_long_text),
		cmocka_unit_test(test_duration_format),
		cmocka_unit_test(test_duration_round_trip),
		cmocka_unit_test(test_duration_human),
		cmocka_unit_test(test_size_human),
		cmocka_unit_test(test_percent_format),
		cmocka_unit_test(test_int_parse),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
