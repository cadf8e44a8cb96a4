/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot's bytes, written by hand with a right checksum: only what could be one is taken. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/buf.h"
#include "relaudit/model/snapshot.h"

#define SAME   UINT32_MAX
#define SECRET 0x10
#define DIGEST "k1:0123456789abcdef0123456789abcdef"

/* As daemon/model/snapshot_write.c has it. */
struct made {
	uint32_t magic, version, count, origins;
	uint32_t slots[2][5]; /* lengths of key, value and compared, line, origin << 16 | flags */
	uint32_t origin_len;
	const char *texts; /* with its end */
	size_t texts_len;
};

#define TEXTS(text) .texts = (text), .texts_len = sizeof(text) - 1

static const struct made good = { .magic = 0x6e736172,
	.version = 1,
	.count = 2,
	.origins = 1,
	.slots = { { 1, 1, SAME, 7, 0 }, { 1, 35, 35, 8, SECRET } },
	.origin_len = 2,
	TEXTS("\0A\0001\0\x10"
	      "B\0" DIGEST "\0" DIGEST "\0"
	      "/x\0") };

static void
put(struct ra_buf *out, uint32_t word)
{
	word = htole32(word);
	assert_int_equal(ra_buf_add(out, &word, sizeof(word)), 0);
}

static int
read_made(const struct made *m, struct ra_snapshot **ret)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	const uint32_t head[] = { m->magic, m->version, m->count, 0, 0, 0, 0, m->origins };
	uint8_t digest[RA_DIGEST_SIZE];

	for (size_t i = 0; i < RA_ARRAY_SIZE(head); i++)
		put(&out, head[i]);
	for (size_t i = 0; i < m->count && i < 2; i++)
		for (size_t j = 0; j < 5; j++)
			put(&out, m->slots[i][j]);
	for (size_t i = 0; i < m->origins && i < 1; i++)
		put(&out, m->origin_len);
	ra_buf_add(&out, m->texts, m->texts_len);
	assert_int_equal(ra_digest_of(out.data, out.len, digest), 0);
	assert_int_equal(ra_buf_add(&out, digest, 16), 0);
	return ra_snapshot_read(out.data, out.len, ret);
}

static void
test_good(void **state)
{
	RA_CLEANUP(ra_snapshot_unrefp) struct ra_snapshot *s = NULL;
	struct ra_entry e;

	(void)state;
	assert_int_equal(read_made(&good, &s), 0);
	assert_int_equal(ra_snapshot_count(s), 2);
	e = ra_snapshot_at(s, 0);
	assert_string_equal(e.key, "A");
	assert_string_equal(e.value, "1");
	assert_string_equal(e.origin, "/x");
	assert_int_equal(e.line, 7);
	assert_false(e.secret);
	assert_true(ra_snapshot_at(s, 1).secret);
}

/* A change of the good one. */
#define CHANGED(name) static void name(struct made *m)

CHANGED(other_magic)
{
	m->magic++;
}

CHANGED(many_keys)
{
	m->count = RA_KEYS_MAX + 1;
}

CHANGED(keys_not_there)
{
	m->count = RA_KEYS_MAX;
}

CHANGED(no_origin)
{
	m->origins = 0;
}

CHANGED(many_origins)
{
	m->origins = UINT16_MAX + 2;
}

CHANGED(origin_not_there)
{
	m->slots[1][4] |= 1 << 16;
}

CHANGED(unknown_flag)
{
	m->slots[1][4] |= 0x200;
}

CHANGED(hidden_in_the_clear)
{
	m->slots[0][4] |= 0x80;
}

CHANGED(long_key)
{
	m->slots[0][0] = RA_KEY_NAME_MAX + 1;
}

CHANGED(other_flags)
{
	m->slots[1][4] = 0;
}

CHANGED(no_text)
{
	m->texts_len = 0;
}

CHANGED(key_beyond)
{
	m->slots[0][0] = 1000;
}

CHANGED(value_beyond)
{
	m->slots[1][1] = 1000;
}

CHANGED(compared_beyond)
{
	m->slots[1][2] = 1000;
}

CHANGED(compared_not_ended)
{
	m->slots[1][2] = 34;
}

CHANGED(nul_in_key)
{
	m->slots[0][0] = 3;
}

CHANGED(secret_compared_clear)
{
	*m = (struct made){ .magic = m->magic,
		.version = 1,
		.count = 1,
		.origins = 1,
		.slots = { { 1, 35, 1, 7, SECRET } },
		TEXTS("\x10"
		      "B\0" DIGEST "\0x\0\0") };
}

CHANGED(secret_clear)
{
	m->count = 1;
	m->slots[0][4] = SECRET;
	m->texts = "\x10"
		   "A\0001\0/x\0";
	m->texts_len = 8;
}

CHANGED(secret_of_other_mark)
{
	m->count = 1;
	memcpy(m->slots[0], (uint32_t[5]){ 1, 35, SAME, 1, SECRET }, sizeof(m->slots[0]));
	m->texts = "\x10"
		   "A\0k2:0123456789abcdef0123456789abcdef\0/x\0";
	m->texts_len = 42;
}

CHANGED(secret_not_hexadecimal)
{
	m->count = 1;
	memcpy(m->slots[0], (uint32_t[5]){ 1, 35, SAME, 1, SECRET }, sizeof(m->slots[0]));
	m->texts = "\x10"
		   "A\0k1:0123456789abcdef0123456789abcdeg\0/x\0";
	m->texts_len = 42;
}

CHANGED(not_in_order)
{
	m->slots[0][4] = m->slots[1][4] = 0;
	m->slots[1][1] = 1;
	m->slots[1][2] = SAME;
	m->texts = "\0B\0001\0\0A\0001\0/x\0";
	m->texts_len = 13;
}

CHANGED(twice)
{
	not_in_order(m);
	m->texts = "\0A\0001\0\0A\0001\0/x\0";
}

CHANGED(origin_beyond)
{
	m->origin_len = 3;
}

CHANGED(nul_in_origin)
{
	m->count = 1;
	m->texts = "\0A\0001\0/\0x\0";
	m->texts_len = 9;
	m->origin_len = 3;
}

CHANGED(more_text)
{
	m->origin_len = 1;
	m->texts = "\0A\0001\0/\0x\0";
	m->texts_len = 9;
	m->count = 1;
}

static void
test_refused(void **state)
{
	static void (*const changes[])(struct made *) = { other_magic, many_keys, keys_not_there,
		no_origin, many_origins, origin_not_there, unknown_flag, hidden_in_the_clear,
		long_key, other_flags, no_text, key_beyond, value_beyond, compared_beyond,
		compared_not_ended, nul_in_key, secret_compared_clear, secret_clear,
		secret_of_other_mark, secret_not_hexadecimal, not_in_order, twice, origin_beyond,
		nul_in_origin, more_text };
	struct ra_snapshot *s = NULL;
	struct made m;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(changes); i++) {
		m = good;
		changes[i](&m);
		if (read_made(&m, &s) != -EBADMSG)
			fail_msg("change %zu", i);
	}
	m = good;
	m.version = 2;
	assert_int_equal(read_made(&m, &s), -EPROTONOSUPPORT);
	assert_null(s);
}

/* One whose offsets would not fit is not even looked at. */
static void
test_too_long(void **state)
{
	struct ra_snapshot *s = NULL;

	(void)state;
	assert_int_equal(ra_snapshot_read("", (size_t)UINT32_MAX + 1, &s), -EBADMSG);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
