/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/buf.h"
#include "relaudit/model/snapshot.h"

#define BUILD RA_CLEANUP(ra_snapshot_unrefp) struct ra_snapshot

static struct ra_snapshot_rules
rules_with_key(void)
{
	return (struct ra_snapshot_rules){ .key = "0123456789abcdef", .key_len = 16 };
}

static void
add(struct ra_snapshot_builder *b, const char *key, const char *value, uint32_t line)
{
	assert_int_equal(ra_snapshot_add(b, key, strlen(key), value, strlen(value), line, 0), 0);
}

/* `text` is KEY=VALUE lines; lines count from 1. */
static struct ra_snapshot *
build(const struct ra_snapshot_rules *rules, const char *text)
{
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(rules);
	struct ra_snapshot *s = NULL;
	uint32_t line = 1;

	assert_non_null(b);
	assert_int_equal(ra_snapshot_origin(b, "/etc/shop/env"), 0);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n"), key = strcspn(text, "=");

		assert_int_equal(
		    ra_snapshot_add(b, text, key, text + key + 1, len - key - 1, line++, 0), 0);
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

static struct ra_snapshot *
build_one(const struct ra_snapshot_rules *rules, const char *key, const char *value)
{
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(rules);
	struct ra_snapshot *s = NULL;

	assert_non_null(b);
	add(b, key, value, 1);
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

/* Whether the block of memory holds the text anywhere. */
static bool
holds(const struct ra_snapshot *s, const char *text)
{
	return memmem(s, ra_snapshot_size(s), text, strlen(text)) != NULL;
}

static void
test_sorted(void **state)
{
	struct ra_snapshot_rules rules = rules_with_key();
	BUILD *s =
	    build(&rules, "ZEBRA=1\nA=2\nAB=3\nA_LONG_NAME_OF_MORE_THAN_8=4\n"
			  "A_LONG_NAME_OF_MORE_THAN_9=5\nA_LONG_NAME=6\n\xc3\xa4=7\nA=8\nB=\n"
			  "A_LONG_NAME=9");
	static const struct {
		const char *key, *value;
		uint32_t line;
	} rows[] = {
		{ "A", "8", 8 },
		{ "AB", "3", 3 },
		{ "A_LONG_NAME", "9", 10 },
		{ "A_LONG_NAME_OF_MORE_THAN_8", "4", 4 },
		{ "A_LONG_NAME_OF_MORE_THAN_9", "5", 5 },
		{ "B", "", 9 },
		{ "ZEBRA", "1", 1 },
		{ "\xc3\xa4", "7", 7 },
	};
	struct ra_entry e;
	uint32_t line;

	(void)state;
	assert_int_equal(ra_snapshot_count(s), RA_ARRAY_SIZE(rows));
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		e = ra_snapshot_at(s, i);
		assert_string_equal(e.key, rows[i].key);
		assert_string_equal(e.value, rows[i].value);
		assert_int_equal(e.line, rows[i].line);
		assert_string_equal(e.origin, "/etc/shop/env");
		assert_false(e.secret);
		assert_true(ra_snapshot_find(s, rows[i].key, &e));
		assert_string_equal(e.value, rows[i].value);
	}
	assert_false(ra_snapshot_find(s, "", &e));
	assert_false(ra_snapshot_find(s, "A_LONG", &e));
	assert_false(ra_snapshot_find(s, "ZZ", &e));
	assert_int_equal(ra_snapshot_repeated(s, &line), 2);
	assert_int_equal(line, 2);
	assert_false(ra_snapshot_pointers(s));
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Against qsort, over names that share beginnings and repeat. */
static void
test_sorted_as_by_qsort(void **state)
{
	enum { N = 3000 };
	struct ra_snapshot_rules rules = rules_with_key();
	static char names[N][64];
	static char *sorted[N];
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 4; round++) {
		struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
		struct ra_snapshot *s;
		size_t at = 0;

		for (size_t i = 0; i < N; i++) {
			seed = seed * 1103515245U + 12345U;
			snprintf(names[i], sizeof(names[i]), "%.*s%u",
			    (int)(seed >> 16) % 3 * 8 + round, "SPRING_DATASOURCE_PROPERTIES_",
			    (seed >> 8) % (round == 3 ? 50U : 100000U));
			sorted[i] = names[i];
			add(b, names[i], "", (uint32_t)i + 1);
		}
		qsort(sorted, N, sizeof(*sorted), by_text);
		assert_int_equal(ra_snapshot_seal(b, &s), 0);
		for (size_t i = 0; i < N; i++) {
			struct ra_entry e = ra_snapshot_at(s, at);

			if (i + 1 < N && strcmp(sorted[i], sorted[i + 1]) == 0)
				continue;
			assert_string_equal(e.key, sorted[i]);
			/* the last of equal ones */
			for (size_t j = e.line; j < N; j++)
				assert_string_not_equal(names[j], e.key);
			at++;
		}
		assert_int_equal(at, ra_snapshot_count(s));
		ra_snapshot_unref(s);
	}
}

static void
test_digest(void **state)
{
	struct ra_snapshot_rules rules = rules_with_key();
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "A=1\nB=2", "B=2\nA=1", true },
		{ "A=1\nB=2", "B=2\nA=3", false },
		{ "A=1", "A=0\nA=1", true },
		{ "A=1", "A=2", false },
		{ "A=1", "A=", false },
		{ "A=12", "A1=2", false },
		{ "A=1\nB=2", "A=1", false },
		{ "PASSWORD=one", "PASSWORD=one", true },
		{ "PASSWORD=one", "PASSWORD=two", false },
		{ "", "", true },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		BUILD *a = build(&rules, rows[i].a);
		BUILD *b = build(&rules, rows[i].b);

		assert_int_equal(
		    memcmp(ra_snapshot_digest(a), ra_snapshot_digest(b), RA_DIGEST_SIZE) == 0,
		    rows[i].equal);
	}
}

static void
test_null_is_not_empty(void **state)
{
	struct ra_snapshot_rules rules = rules_with_key();
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	BUILD *with = NULL;
	BUILD *without = build(&rules, "/a=");

	(void)state;
	assert_int_equal(ra_snapshot_add(b, "/a", 2, "", 0, 3, RA_KEY_NULL), 0);
	assert_int_equal(ra_snapshot_seal(b, &with), 0);
	assert_int_equal(ra_snapshot_at(with, 0).flags, RA_KEY_NULL);
	assert_true(ra_snapshot_pointers(with));
	assert_int_not_equal(
	    memcmp(ra_snapshot_digest(with), ra_snapshot_digest(without), RA_DIGEST_SIZE), 0);
}

static void
test_secret_names(void **state)
{
	static const struct {
		const char *name;
		bool secret;
	} rows[] = {
		{ "DATABASE_PASSWORD", true },
		{ "db_passwd", true },
		{ "SSH_PASSPHRASE", true },
		{ "MyPwd", true },
		{ "client_secret", true },
		{ "/auth/token", true },
		{ "/secrets/a", true },
		{ "API_KEY", true },
		{ "apikey", true },
		{ "PUBLIC_KEY", true },
		{ "GOOGLE_APPLICATION_CREDENTIALS", true },
		{ "SENTRY_DSN", true },
		{ "PRIVATE_NETWORK", true },
		{ "bypass", true },
		{ "DATABASE_HOST", false },
		{ "PAS_SWORD", false },
		{ "PAS", false },
		{ "KE", false },
		{ "", false },
		{ "LOG_LEVEL", false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].name);
		/* at the end of a block, so that reading on is seen */
		char *name = malloc(len > 0 ? len : 1);

		memcpy(name, rows[i].name, len);
		if (ra_secret_name(name, len) != rows[i].secret)
			fail_msg("%s", rows[i].name);
		free(name);
	}
}

#define A20 "abcdefghij0123456789"
#define A40 A20 A20

static const struct {
	const char *value;
	bool secret;
} values[] = {
	{ "postgres://shop:s3cret@db/shop", true },
	{ "postgres://shop:s3/cret@db/shop", true },
	{ "redis://:s3cret@cache:6379/0", true },
	{ "https://token@git.example/x.git", true },
	{ "see amqp://u:p@mq:5672/ there", true },
	{ "jdbc:mysql://db/shop?user=u&password=s3cret", true },
	{ "Server=db;Database=shop;User Id=sa;Password=s3cret;", true },
	{ "shop:s3cret@tcp(db:3306)/shop", true },
	{ "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc==", true },
	{ "-----BEGIN RSA PRIVATE KEY-----\nMII", true },
	{ "x -----BEGIN CERTIFICATE-----\n", true },
	{ "AKIAIOSFODNN7EXAMPLE", true },
	{ "id=ASIAIOSFODNN7EXAMPLE,", true },
	{ "ghp_" A40, true },
	{ "github_pat_" A40, true },
	{ "glpat-" A20, true },
	{ "xoxb-1234567890-abcdef", true },
	{ "https://hooks.slack.com/services/T00000000/B00000000/XXXX", true },
	{ "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", true },
	{ "sk_live_" A20, true },
	{ "AIza" A40, true },
	{ "Bearer abcdefghijkl", true },
	{ "hvs." A20, true },
	{ "npm_" A40, true },
	{ "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQ", true },
	{ "{\"host\": \"db1\", \"tokens\": [\"s3cret\"]}", true },
	{ "{\"password\":\"s3cret\"}", true },
	{ "{host: db1, password: s3cret}", true },
	{ "{\\\"api_key\\\":1}", true },
	{ "/srv/keys:/etc/keys", false },
	{ "{\"host\": \"db1\"}", false },
	{ "password:", false },
	{ "https://shop.example/", false },
	{ "https://shop.example:8443/a?b=c", false },
	{ "https://cdn.example/npm/vue@3.2.1/dist", false },
	{ "https://cdn.example:8443/npm/vue@3.2.1/dist", false },
	{ "http://[::1]:8080/a@b", false },
	{ "someone@example.org", false },
	{ "a://b", false },
	{ "://", false },
	{ "AKIAIOSFODNN7EXAMPL", false },
	{ "XAKIAIOSFODNN7EXAMPLE", false },
	{ "akiaiosfodnn7example", false },
	{ "ghp_short", false },
	{ "eyJhbGciOiJIUzI1NiJ9", false },
	{ "task-queue-of-some-length-and-more", false },
	{ "-----BEGIN", false },
	{ "info", false },
	{ "", false },
};

static void
test_secret_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(values); i++) {
		size_t len = strlen(values[i].value);
		char *value = malloc(len > 0 ? len : 1);

		memcpy(value, values[i].value, len);
		if (ra_secret_value(value, len) != values[i].secret)
			fail_msg("%s", values[i].value);
		free(value);
	}
}

static void
test_no_secret_gets_in(void **state)
{
	static const char *const patterns[] = { "*_SPICE", "[xy]*" }, *const open[] = {
		"KEY_COUNT"
	};
	struct ra_snapshot_rules rules = rules_with_key();
	static const struct {
		const char *key, *value;
		bool secret;
	} rows[] = {
		{ "DATABASE_PASSWORD", "hunter22", true },
		{ "session_spice", "hunter22", true },
		{ "Xylo", "hunter22", true },
		{ "DATABASE_URL", "postgres://u:hunter22@db/shop", true },
		{ "KEY_COUNT", "hunter22", false },
		{ "KEY_COUNTS", "hunter22", true },
		{ "HOST", "hunter22", false },
	};

	(void)state;
	rules.secret = patterns;
	rules.secret_count = 2;
	rules.open = open;
	rules.open_count = 1;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		BUILD *s = build_one(&rules, rows[i].key, rows[i].value);
		struct ra_entry e = ra_snapshot_at(s, 0);

		assert_int_equal(e.secret, rows[i].secret);
		assert_int_equal(holds(s, "hunter22"), !rows[i].secret);
		if (rows[i].secret) {
			assert_int_equal(strlen(e.value), RA_SECRET_TEXT - 1);
			assert_memory_equal(e.value, "k1:", 3);
		}
	}
}

/* HMAC-SHA-256 of RFC 4231, test case 2. */
static void
test_digest_of_a_secret(void **state)
{
	struct ra_snapshot_rules rules = { .key = "Jefe", .key_len = 4 };
	BUILD *s = build(&rules, "PASSWORD=what do ya want for nothing?\n"
				 "SECRET=what do ya want for nothing?\nTOKEN=");
	BUILD *other = build(&(struct ra_snapshot_rules){ .key = "Jeff", .key_len = 4 },
	    "PASSWORD=what do ya want for nothing?");

	(void)state;
	assert_string_equal(ra_snapshot_at(s, 0).value, "k1:5bdcc146bf60754e6a042426089575c7");
	assert_string_equal(ra_snapshot_at(s, 1).value, "k1:5bdcc146bf60754e6a042426089575c7");
	assert_true(ra_snapshot_at(s, 2).secret);
	assert_string_not_equal(ra_snapshot_at(s, 0).value, ra_snapshot_at(other, 0).value);
}

static void
test_placeholders(void **state)
{
	static const struct ra_placeholder ph[] = {
		{ "environment", "staging" },
		{ "empty", "" },
		{ "domain", "staging.shop.example" },
		{ "twin", "staging" },
		{ "dot", "." },
	};
	static const struct {
		const char *value, *compared;
	} rows[] = {
		{ "https://staging.shop.example/", "https://\xff"
						   "domain\xff/" },
		{ "staging.shop.example.", "\xff"
					   "domain\xff\xff"
					   "dot\xff" },
		{ "staging", "\xff"
			     "environment\xff" },
		{ "a-staging-staging.b", "a-\xff"
					 "environment\xff-\xff"
					 "environment\xff\xff"
					 "dot\xff"
					 "b" },
		{ "${environment}", "${environment}" }, /* nobody filled it in */
		{ "stagin", "stagin" },
		{ "", "" },
		{ "none", "none" },
		{ "ststaging", "st\xff"
			       "environment\xff" },
	};
	struct ra_snapshot_rules rules = rules_with_key();

	(void)state;
	rules.placeholders = ph;
	rules.placeholder_count = RA_ARRAY_SIZE(ph);
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		BUILD *s = build_one(&rules, "A", rows[i].value);
		struct ra_entry e = ra_snapshot_at(s, 0);

		assert_string_equal(e.value, rows[i].value);
		assert_string_equal(e.compared, rows[i].compared);
		assert_int_equal(e.compared_len, strlen(rows[i].compared));
	}
}

/* A short value given before a long one is found in a text as short as itself. */
static void
test_short_placeholder_first(void **state)
{
	static const struct ra_placeholder ph[] = { { "a", "abc" }, { "b", "abcdefgh" } };
	struct ra_snapshot_rules rules = rules_with_key();
	BUILD *s;

	rules.placeholders = ph;
	rules.placeholder_count = RA_ARRAY_SIZE(ph);
	s = build_one(&rules, "A", "abc");
	assert_string_equal(ra_snapshot_at(s, 0).compared, "\xff"
							   "a\xff");
}

/* A password in a URL that also holds the domain: equal but for the domain. */
static void
test_placeholders_in_secrets(void **state)
{
	const struct ra_placeholder a = { "domain", "staging.example" },
				    b = { "domain", "example" };
	struct ra_snapshot_rules of_a = rules_with_key(), of_b = rules_with_key();

	(void)state;
	of_a.placeholders = &a;
	of_b.placeholders = &b;
	of_a.placeholder_count = of_b.placeholder_count = 1;
	{
		BUILD *x = build_one(&of_a, "U", "http://u:hunter22@db.staging.example/");
		BUILD *y = build_one(&of_b, "U", "http://u:hunter22@db.example/");
		struct ra_entry ex = ra_snapshot_at(x, 0), ey = ra_snapshot_at(y, 0);

		assert_string_not_equal(ex.value, ey.value);
		assert_string_equal(ex.compared, ey.compared);
		assert_memory_equal(ex.compared, "k1:", 3);
		assert_false(holds(x, "hunter22") || holds(y, "hunter22"));
	}
}

static void
test_opaque(void **state)
{
	static char sealed[701] = "AgBy";
	const struct {
		const char *value;
		enum ra_opaque opaque;
	} rows[] = {
		{ "ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]", RA_OPAQUE_ENCRYPTED },
		{ "$ANSIBLE_VAULT;1.1;AES256\n3462", RA_OPAQUE_ENCRYPTED },
		{ "age-encryption.org/v1\n", RA_OPAQUE_ENCRYPTED },
		{ "-----BEGIN AGE ENCRYPTED FILE-----\n", RA_OPAQUE_ENCRYPTED },
		{ sealed, RA_OPAQUE_ENCRYPTED },
		{ "https://${domain}/", RA_OPAQUE_TEMPLATE },
		{ "{{ .Values.host }}", RA_OPAQUE_TEMPLATE },
		{ "a {{b}} c", RA_OPAQUE_TEMPLATE },
		{ "${", RA_OPAQUE_NOT },
		{ "}} {{", RA_OPAQUE_NOT },
		{ "{{{", RA_OPAQUE_NOT },
		{ "$HOME/x", RA_OPAQUE_NOT },
		{ "ENC[", RA_OPAQUE_NOT },
		{ "AgBy", RA_OPAQUE_NOT },
		{ "", RA_OPAQUE_NOT },
	};
	struct ra_snapshot_rules rules = rules_with_key();

	(void)state;
	memset(sealed + 4, 'x', sizeof(sealed) - 5);
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		/* of a secret as well: what it is does not tell what it says */
		BUILD *s = build_one(&rules, "PASSWORD", rows[i].value);

		if (ra_snapshot_at(s, 0).opaque != rows[i].opaque)
			fail_msg("%s", rows[i].value);
	}
}

static void
test_limits(void **state)
{
	struct ra_snapshot_rules rules = rules_with_key();
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	static char name[RA_KEY_NAME_MAX + 2];
	BUILD *s = NULL;

	(void)state;
	memset(name, 'x', RA_KEY_NAME_MAX + 1);
	assert_int_equal(ra_snapshot_add(b, name, RA_KEY_NAME_MAX + 1, "", 0, 1, 0), -EMSGSIZE);
	assert_int_equal(ra_snapshot_add(b, name, RA_KEY_NAME_MAX, "", 0, 1, 0), 0);
	name[RA_KEY_NAME_MAX - 1] = 'a';
	assert_int_equal(ra_snapshot_add(b, name, RA_KEY_NAME_MAX, "", 0, 1, 0), 0);
	assert_int_equal(ra_snapshot_add(b, "a\0b", 3, "", 0, 1, 0), -EINVAL);
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	assert_int_equal(ra_snapshot_count(s), 2);
	assert_int_equal(ra_snapshot_at(s, 0).key[RA_KEY_NAME_MAX - 1], 'a');
}

static void
test_too_many(void **state)
{
	struct ra_snapshot_rules rules = rules_with_key();
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);

	(void)state;
	for (size_t i = 0; i < RA_KEYS_MAX; i++)
		assert_int_equal(ra_snapshot_add(b, "a", 1, "", 0, 1, 0), 0);
	assert_int_equal(ra_snapshot_add(b, "a", 1, "", 0, 1, 0), -EMSGSIZE);
	ra_snapshot_builder_free(b);
}

/* What was kept of a snapshot makes the same one again. */
static void
test_made_again(void **state)
{
	const struct ra_placeholder ph = { "e", "prod" };
	struct ra_snapshot_rules rules = rules_with_key();

	(void)state;
	rules.placeholders = &ph;
	rules.placeholder_count = 1;
	{
		BUILD *s = build(&rules, "A=1\nPASSWORD=prod-x\nURL=${x}prod\nE=ENC[x]");
		struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
		BUILD *again = NULL;

		assert_int_equal(ra_snapshot_origin(b, "/etc/shop/env"), 0);
		for (size_t i = ra_snapshot_count(s); i-- > 0;) {
			struct ra_entry e = ra_snapshot_at(s, i);

			assert_int_equal(ra_snapshot_add_entry(b, &e), 0);
		}
		assert_int_equal(ra_snapshot_seal(b, &again), 0);
		assert_memory_equal(
		    ra_snapshot_digest(s), ra_snapshot_digest(again), RA_DIGEST_SIZE);
		for (size_t i = 0; i < ra_snapshot_count(s); i++) {
			struct ra_entry x = ra_snapshot_at(s, i), y = ra_snapshot_at(again, i);

			assert_string_equal(x.key, y.key);
			assert_string_equal(x.value, y.value);
			assert_string_equal(x.compared, y.compared);
			assert_string_equal(x.origin, y.origin);
			assert_int_equal(x.line, y.line);
			assert_int_equal(x.opaque, y.opaque);
			assert_int_equal(x.secret, y.secret);
		}
	}
}

static void
test_origins(void **state)
{
	struct ra_snapshot_rules rules = rules_with_key();
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	BUILD *s = NULL;
	struct ra_snapshot *second;

	(void)state;
	add(b, "A", "1", 1);
	assert_int_equal(ra_snapshot_origin(b, "/etc/one"), 0);
	add(b, "B", "1", 1);
	assert_int_equal(ra_snapshot_origin(b, "/etc/two"), 0);
	add(b, "A", "2", 7);
	add(b, "C", "1", 8);
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	assert_string_equal(ra_snapshot_at(s, 0).origin, "/etc/two");
	assert_string_equal(ra_snapshot_at(s, 1).origin, "/etc/one");
	assert_string_equal(ra_snapshot_at(s, 2).origin, "/etc/two");
	second = ra_snapshot_ref(s);
	ra_snapshot_unref(second);
	assert_string_equal(ra_snapshot_at(s, 0).value, "2");
	ra_snapshot_unref(NULL);
}

/* With all that one can have: placeholders, secrets, opaque values, flags, lines passed over. */
static struct ra_snapshot *
build_rich(void)
{
	const struct ra_placeholder ph = { "e", "prod" };
	struct ra_snapshot_rules rules = rules_with_key();
	struct ra_data data = { 0 };
	struct ra_snapshot_builder *b;
	struct ra_snapshot *s = NULL;

	rules.placeholders = &ph;
	rules.placeholder_count = 1;
	b = ra_snapshot_builder_new(&rules);
	assert_non_null(b);
	assert_int_equal(ra_snapshot_origin(b, "/etc/shop/env"), 0);
	assert_int_equal(ra_data_reserve_keys(&data, 0), 0);
	assert_int_equal(ra_data_add_key(&data, "Z", 1, "1", 1, 3, 0), 0);
	assert_int_equal(ra_data_add_key(&data, "Z", 1, "2", 1, 4, 0), 0);
	assert_int_equal(ra_data_add_key(&data, "N", 1, "", 0, 5, RA_KEY_NULL), 0);
	assert_int_equal(ra_data_add_key(&data, "PASSWORD", 8, "prod-x", 6, 6, 0), 0);
	assert_int_equal(ra_data_add_key(&data, "URL", 3, "http://prod/", 12, 7, 0), 0);
	assert_int_equal(ra_data_add_key(&data, "NUL", 3, "a\0b", 3, 8, 0), 0);
	data.keys.skipped = 2;
	data.keys.skipped_line = 9;
	data.keys.marked = true;
	assert_int_equal(ra_data_add_unread(&data, "U", 1, 9), 0);
	assert_int_equal(ra_data_add_unread(&data, "V.W", 3, 10), 0);
	assert_int_equal(ra_snapshot_add_data(b, &data), 0);
	assert_int_equal(ra_snapshot_origin(b, "/etc/shop/more"), 0);
	add(b, "E", "ENC[x]", 1);
	add(b, "", "empty", 2);
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	ra_data_free(&data);
	return s;
}

static void
assert_same_snapshot(const struct ra_snapshot *a, const struct ra_snapshot *b)
{
	uint32_t x, y;

	assert_int_equal(ra_snapshot_count(a), ra_snapshot_count(b));
	assert_memory_equal(ra_snapshot_digest(a), ra_snapshot_digest(b), RA_DIGEST_SIZE);
	assert_int_equal(ra_snapshot_repeated(a, &x), ra_snapshot_repeated(b, &y));
	assert_int_equal(x, y);
	assert_int_equal(ra_snapshot_skipped(a, &x), ra_snapshot_skipped(b, &y));
	assert_int_equal(x, y);
	assert_int_equal(ra_snapshot_pointers(a), ra_snapshot_pointers(b));
	for (size_t i = 0; i < ra_snapshot_count(a); i++) {
		struct ra_entry e = ra_snapshot_at(a, i), f = ra_snapshot_at(b, i);

		assert_string_equal(e.key, f.key);
		assert_int_equal(e.value_len, f.value_len);
		assert_memory_equal(e.value, f.value, e.value_len + 1);
		assert_int_equal(e.compared_len, f.compared_len);
		assert_memory_equal(e.compared, f.compared, e.compared_len + 1);
		assert_int_equal(e.compared == e.value, f.compared == f.value);
		assert_string_equal(e.origin, f.origin);
		assert_int_equal(e.line, f.line);
		assert_int_equal(e.flags, f.flags);
		assert_int_equal(e.secret, f.secret);
		assert_int_equal(e.opaque, f.opaque);
	}
}

static void
test_written_and_read(void **state)
{
	struct ra_snapshot_rules rules = rules_with_key();
	struct ra_snapshot *list[] = { build_rich(), build(&rules, ""),
		build(&rules, "/a=1\n/b=") };
	const char *unread;
	uint32_t line;

	(void)state;
	assert_int_equal(ra_snapshot_skipped(list[0], &line), 2);
	assert_int_equal(line, 9);
	assert_true(ra_snapshot_marked(list[0]) && !ra_snapshot_marked(list[1]));
	unread = ra_snapshot_unread(list[0], NULL, &line);
	assert_string_equal(unread, "U");
	unread = ra_snapshot_unread(list[0], unread, &line);
	assert_string_equal(unread, "V.W");
	assert_int_equal(line, 10);
	assert_null(ra_snapshot_unread(list[0], unread, &line));
	assert_null(ra_snapshot_unread(list[1], NULL, &line));
	for (size_t i = 0; i < RA_ARRAY_SIZE(list); i++) {
		RA_BUF_LOCAL bytes = RA_BUF(0);
		RA_BUF_LOCAL small = RA_BUF(100);
		BUILD *again = NULL;

		assert_int_equal(ra_snapshot_write(list[i], &bytes), 0);
		assert_int_equal(ra_snapshot_read(bytes.data, bytes.len, &again), 0);
		assert_same_snapshot(list[i], again);
		assert_null(memmem(bytes.data, bytes.len, "prod-x", 6));
		if (i == 0)
			assert_int_equal(ra_snapshot_write(list[i], &small), -EMSGSIZE);
		ra_snapshot_unref(list[i]);
	}
}

/* Bytes in memory of exactly their size, so that reading on is seen. */
static int
read_exactly(const void *bytes, size_t len, struct ra_snapshot **ret)
{
	RA_FREE char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return ra_snapshot_read(copy, len, ret);
}

static void
test_damage_is_seen(void **state)
{
	RA_BUF_LOCAL bytes = RA_BUF(0);
	BUILD *s = build_rich();
	struct ra_snapshot *none = NULL;

	(void)state;
	assert_int_equal(ra_snapshot_write(s, &bytes), 0);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(read_exactly(bytes.data, len, &none), -EBADMSG);
	for (size_t i = 0; i < bytes.len * 8; i++) {
		bytes.data[i / 8] ^= (char)(1 << i % 8);
		assert_int_equal(read_exactly(bytes.data, bytes.len, &none), -EBADMSG);
		bytes.data[i / 8] ^= (char)(1 << i % 8);
	}
	assert_null(none);
}

/* A right checksum over anything: it is what it says, or it is refused. */
static void
test_lies_are_seen(void **state)
{
	RA_BUF_LOCAL bytes = RA_BUF(0);
	uint8_t digest[RA_DIGEST_SIZE];
	BUILD *s = build_rich();
	size_t body, taken = 0;

	(void)state;
	assert_int_equal(ra_snapshot_write(s, &bytes), 0);
	body = bytes.len - 16;
	for (size_t i = 0; i < body * 8; i++) {
		RA_BUF_LOCAL again = RA_BUF(0);
		BUILD *read = NULL;

		bytes.data[i / 8] ^= (char)(1 << i % 8);
		assert_int_equal(ra_digest_of(bytes.data, body, digest), 0);
		memcpy(bytes.data + body, digest, 16);
		if (read_exactly(bytes.data, bytes.len, &read) == 0) {
			taken++;
			assert_int_equal(ra_snapshot_write(read, &again), 0);
			assert_int_equal(again.len, bytes.len);
			assert_memory_equal(again.data, bytes.data, bytes.len);
		}
		bytes.data[i / 8] ^= (char)(1 << i % 8);
	}
	assert_true(taken > 0); /* a bit of a value is as good as another */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_sorted_as_by_qsort),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_null_is_not_empty),
		cmocka_unit_test(test_secret_names),
		cmocka_unit_test(test_secret_values),
		cmocka_unit_test(test_no_secret_gets_in),
		cmocka_unit_test(test_digest_of_a_secret),
		cmocka_unit_test(test_placeholders),
		cmocka_unit_test(test_short_placeholder_first),
		cmocka_unit_test(test_placeholders_in_secrets),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_made_again),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_written_and_read),
		cmocka_unit_test(test_damage_is_seen),
		cmocka_unit_test(test_lies_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
