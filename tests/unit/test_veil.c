/* SPDX-License-Identifier: Apache-2.0 */
/* What is encrypted in version control is a secret where it runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/drift.h"
#include "relaudit/model/snapshot.h"

#define KEY "0123456789abcdef"
#define ENC "=ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,type:str]\n"

static const struct ra_placeholder env[] = { { "env", "prod" } };

/* "A=1" of each line, at "/etc/a"; "N" is null. NULL: none. */
static struct ra_snapshot *
snapshot(const char *text)
{
	struct ra_snapshot_rules rules = {
		.key = KEY, .key_len = 16, .placeholders = env, .placeholder_count = 1
	};
	struct ra_snapshot_builder *b;
	struct ra_snapshot *s = NULL;
	uint32_t line = 1;

	if (text == NULL)
		return NULL;
	b = ra_snapshot_builder_new(&rules);
	assert_non_null(b);
	assert_int_equal(ra_snapshot_origin(b, "/etc/a"), 0);
	for (const char *p = text, *end; *p != '\0'; p = end + 1, line++) {
		const char *equal = strchr(p, '=');
		unsigned flags = *p == 'N' ? RA_KEY_NULL : 0;

		end = strchr(p, '\n');
		assert_int_equal(ra_snapshot_add(b, p, (size_t)(equal - p), equal + 1,
				     (size_t)(end - equal - 1), line, flags),
		    0);
	}
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

static struct ra_snapshot *
veiled(struct ra_snapshot *s, const struct ra_snapshot *committed, const struct ra_snapshot *warn,
    const struct ra_snapshot *before)
{
	struct ra_veil by = { .committed = { committed, warn },
		.unread = committed == NULL && warn == NULL,
		.before = before,
		.key = KEY,
		.key_len = 16 };
	struct ra_snapshot *ret = NULL;

	assert_int_equal(ra_snapshot_veil(s, &by, &ret), 0);
	return ret;
}

/* The keys that became secrets: "A,B". */
static void
list_hidden(const struct ra_snapshot *was, const struct ra_snapshot *now, char *out)
{
	*out = '\0';
	assert_int_equal(ra_snapshot_count(was), ra_snapshot_count(now));
	for (size_t i = 0; i < ra_snapshot_count(was); i++) {
		struct ra_entry a = ra_snapshot_at(was, i), b = ra_snapshot_at(now, i);

		assert_string_equal(a.key, b.key);
		assert_string_equal(a.origin, b.origin);
		assert_int_equal(a.line, b.line);
		assert_int_equal(a.flags, b.flags);
		assert_int_equal(a.opaque, b.opaque);
		assert_int_equal(strlen(b.value), b.value_len);
		assert_int_equal(strlen(b.compared), b.compared_len);
		assert_int_equal(a.compared == a.value, b.compared == b.value);
		if (a.secret == b.secret) {
			assert_string_equal(a.value, b.value);
			assert_string_equal(a.compared, b.compared);
			continue;
		}
		assert_true(b.secret && strncmp(b.value, "k1:", 3) == 0);
		assert_true(strncmp(b.compared, "k1:", 3) == 0);
		sprintf(out + strlen(out), "%s%s", *out != '\0' ? "," : "", b.key);
	}
}

/* No difference between them, as they stand and as they are compared. */
static void
expect_equal(const struct ra_snapshot *a, const struct ra_snapshot *b)
{
	const struct ra_drift_side sides[] = { { .name = "a", .snapshot = a },
		{ .name = "b", .snapshot = b } };
	const struct ra_drift_call call = {
		.sides = sides, .side_count = 2, .key = KEY, .key_len = 16
	};
	struct ra_drift d;

	assert_int_equal(ra_drift_compare(&call, &d), 0);
	assert_int_equal(d.row_count, 0);
	assert_int_equal(d.same, ra_snapshot_count(a));
	ra_drift_free(&d);
}

static void
expect_kept(const struct ra_snapshot *s)
{
	struct ra_buf bytes = RA_BUF(0);
	struct ra_snapshot *again = NULL, *still;

	assert_int_equal(ra_snapshot_write(s, &bytes), 0);
	assert_int_equal(ra_snapshot_read(bytes.data, bytes.len, &again), 0);
	assert_memory_equal(ra_snapshot_digest(again), ra_snapshot_digest(s), RA_DIGEST_SIZE);
	/* A secret already: nothing to be done, whoever asks. */
	still = veiled(again, s, NULL, again);
	assert_ptr_equal(still, again);
	ra_snapshot_unref(still);
	ra_snapshot_unref(again);
	ra_buf_free(&bytes);
}

static void
test_hidden(void **state)
{
	static const struct {
		const char *runs, *committed, *warn, *hidden;
	} rows[] = {
		{ "A=canary\nB=1\n", "A" ENC "B=1\n", NULL, "A" },
		{ "A=canary\nB=1\n", NULL, "A" ENC "B=1\n", "A" },
		{ "A=canary\nB=canary\nC=1\n", "A" ENC, "B" ENC "C=2\n", "A,B" },
		/* longer and shorter than a digest, and with each environment's own in it */
		{ "A=\nB=canary-of-prod\nC=canary canary canary canary canary canary\n",
		    "A" ENC "B" ENC "C" ENC, NULL, "A,B,C" },
		{ "A=on prod\nB=canary\n", "A=1\nB" ENC, NULL, "B" },
		/* names beside pointers */
		{ "/A=canary\n/B=1\n/C/D=1\n", "A" ENC "B=1\nC/D=1\n", NULL, "/A" },
		{ "A=canary\nB=1\nC/D=canary\n", "/A" ENC "/B=1\n/C/D" ENC, NULL, "A,C/D" },
		{ "/A=canary\n/B=1\n", "/A" ENC "/B=1\n", NULL, "/A" },
		/* what is none, what is not there, what is a secret already, and null */
		{ "A=1\nB=1\n", "A=1\nB=${B}\n", NULL, NULL },
		/* what may be one: nothing was read, or others are encrypted there */
		{ "A=canary\n", NULL, NULL, "A" },
		{ "B=canary\n", "A" ENC "C" ENC, NULL, "B" },
		{ "B=1\n", "A=1\n", NULL, NULL },
		{ "A_TOKEN=canary\nN=\n", "A_TOKEN" ENC "N" ENC, NULL, NULL },
		{ "A=1\nA_TOKEN=x\nB=canary\nN=\n", "A=2\nA_TOKEN" ENC "B" ENC "N" ENC, NULL, "B" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_snapshot *s = snapshot(rows[i].runs), *now;
		struct ra_snapshot *committed = snapshot(rows[i].committed);
		struct ra_snapshot *warn = snapshot(rows[i].warn);
		char hidden[200];

		now = veiled(s, committed, warn, NULL);
		list_hidden(s, now, hidden);
		assert_string_equal(hidden, rows[i].hidden != NULL ? rows[i].hidden : "");
		assert_int_equal(now == s, rows[i].hidden == NULL);
		assert_null(memmem(now, ra_snapshot_size(now), "canary", 6));
		expect_equal(s, now);
		expect_kept(now);
		ra_snapshot_unref(now);
		ra_snapshot_unref(s);
		ra_snapshot_unref(committed);
		ra_snapshot_unref(warn);
	}
}

/* What was hidden before still is until it stands there in the clear; what was shown, too. */
static void
test_before(void **state)
{
	struct ra_snapshot *committed = snapshot("A" ENC "B=1\n"), *plain = snapshot("A=1\n");
	struct ra_snapshot *other = snapshot("B=1\n"), *s = snapshot("A=canary\nB=1\n");
	struct ra_snapshot *before = veiled(s, committed, NULL, NULL);
	struct ra_snapshot *doubt = veiled(s, NULL, NULL, NULL);
	struct ra_snapshot *next = snapshot("A=canary-2\nB=2\nC=canary\n");
	const struct {
		const struct ra_snapshot *committed, *before;
		const char *hidden;
	} rows[] = {
		{ NULL, before, "A,C" }, /* C is new, and nobody knows what it is */
		{ NULL, s, "C" },
		{ NULL, doubt, "A,B,C" },
		{ committed, before, "A,C" },
		{ committed, doubt, "A,C" },
		{ plain, before, "" }, /* nothing is encrypted any more */
		{ other, before, "A" }, /* removed there, and still runs here */
		{ other, doubt, "" },
		{ other, s, "" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_snapshot *now = veiled(next, rows[i].committed, NULL, rows[i].before);
		char hidden[200];

		list_hidden(next, now, hidden);
		if (strcmp(hidden, rows[i].hidden) != 0)
			fail_msg("row %zu: %s", i, hidden);
		ra_snapshot_unref(now);
	}
	ra_snapshot_unref(next);
	ra_snapshot_unref(doubt);
	ra_snapshot_unref(before);
	ra_snapshot_unref(s);
	ra_snapshot_unref(other);
	ra_snapshot_unref(plain);
	ra_snapshot_unref(committed);
}

/* What else is known of a file. */
static void
test_rest(void **state)
{
	struct ra_snapshot_rules rules = { .key = KEY, .key_len = 16 };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *committed = snapshot("A" ENC), *s = NULL, *now;
	struct ra_data data = { .keys = { .skipped = 2, .skipped_line = 7, .marked = true } };
	uint32_t line = 0;

	(void)state;
	assert_int_equal(ra_data_add_key(&data, "A", 1, "canary", 6, 3, 0), 0);
	assert_int_equal(ra_data_add_key(&data, "A", 1, "canary-2", 8, 5, 0), 0);
	assert_int_equal(ra_data_add_unread(&data, "U", 1, 9), 0);
	assert_int_equal(ra_snapshot_add_data(b, &data), 0);
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	now = veiled(s, committed, NULL, NULL);
	assert_ptr_not_equal(now, s);
	assert_int_equal(ra_snapshot_repeated(now, &line), 1);
	assert_int_equal(line, 3);
	assert_int_equal(ra_snapshot_skipped(now, &line), 2);
	assert_int_equal(line, 7);
	assert_true(ra_snapshot_marked(now));
	assert_string_equal(ra_snapshot_unread(now, NULL, &line), "U");
	assert_int_equal(line, 9);
	assert_null(memmem(now, ra_snapshot_size(now), "canary", 6));
	ra_snapshot_unref(now);
	ra_snapshot_unref(s);
	ra_snapshot_unref(committed);
	ra_data_free(&data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
