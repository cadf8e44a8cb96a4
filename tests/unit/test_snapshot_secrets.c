/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a value of a snapshot a secret beside its own shape, and how much a snapshot takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/snapshot.h"

#define BUILD RA_CLEANUP(ra_snapshot_unrefp) struct ra_snapshot

static struct ra_snapshot_rules rules = { .key = "0123456789abcdef", .key_len = 16 };

static struct ra_snapshot_builder *
builder(void)
{
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);

	assert_non_null(b);
	return b;
}

static struct ra_snapshot *
sealed(struct ra_snapshot_builder *b)
{
	struct ra_snapshot *s = NULL;

	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

static int
add(struct ra_snapshot_builder *b, const char *key, const char *value)
{
	return ra_snapshot_add(b, key, strlen(key), value, strlen(value), 1, 0);
}

static bool
holds(const struct ra_snapshot *s, const char *text)
{
	return memmem(s, ra_snapshot_size(s), text, strlen(text)) != NULL;
}

/* A secret that is known is one under any name, and in a name too, which is then hidden. */
static void
test_known(void **state)
{
	static const char *const known[] = { "", "hunter2" }, *const open[] = { "OPEN" };
	static const struct {
		const char *key, *value;
		bool secret, hidden;
	} rows[] = {
		{ "A", "hunter2", true, false },
		{ "A", "see hunter2, there", true, false },
		{ "OPEN", "hunter2", true, false },
		{ "OPEN", "hunter", false, false },
		{ "OPEM", "hunter", false, false },
		{ "A", "", false, false },
		{ "hunter2", "1", false, true },
		{ "/users/hunter2/age", "1", false, true },
		{ "/users/hunter2/age", "hunter2", true, true },
		{ "/users/hunter/age", "1", false, false },
		{ "", "1", false, false },
	};

	(void)state;
	rules.known = known;
	rules.known_count = 2;
	rules.open = open;
	rules.open_count = 1;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_snapshot_builder *b = builder();
		size_t slash = rows[i].key[0] == '/' ? 1 : 0;
		BUILD *s = NULL;
		struct ra_entry e;

		assert_int_equal(add(b, rows[i].key, rows[i].value), 0);
		s = sealed(b);
		e = ra_snapshot_at(s, 0);
		assert_int_equal(e.secret, rows[i].secret);
		assert_false(holds(s, "hunter2"));
		assert_int_equal(strcmp(e.key, rows[i].key) != 0, rows[i].hidden);
		if (!rows[i].hidden)
			continue;
		assert_int_equal(e.key_len, slash + RA_SECRET_TEXT - 1);
		assert_memory_equal(e.key + slash, "k1:", 3);
		assert_int_equal(ra_snapshot_pointers(s), slash == 1);
	}
	rules.known_count = rules.open_count = 0;
}

/* Patterns of names are for the last part of a name as well. */
static void
test_patterns(void **state)
{
	static const char *const patterns[] = { "Spice", "/a/b", "x.*" };
	static const struct {
		const char *key;
		bool secret;
	} rows[] = { { "spice", true }, { "/db/SPICE", true }, { "db.spice", true },
		{ "/db.x/spice", true }, { "/db/spiced", false }, { "/spice/x", false },
		{ "/a/b", true }, { "/c/a/b", false }, { "x.y", true }, { "/", false },
		{ "spice/", false } };

	(void)state;
	rules.secret = patterns;
	rules.secret_count = 3;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_snapshot_builder *b = builder();
		BUILD *s = NULL;

		assert_int_equal(add(b, rows[i].key, "v"), 0);
		s = sealed(b);
		if (ra_snapshot_at(s, 0).secret != rows[i].secret)
			fail_msg("%s", rows[i].key);
	}
	rules.secret_count = 0;
}

/* Lists as of Kubernetes: NAME=VALUE per line, of pointers unless `names`. */
static struct ra_snapshot *
listed(const char *text, bool names)
{
	struct ra_snapshot_builder *b = builder();
	struct ra_snapshot *s;
	struct ra_data d = { 0 };

	while (*text != '\0') {
		size_t len = strcspn(text, "\n"), key = strcspn(text, "=");

		assert_int_equal(
		    ra_data_add_key(&d, text, key, text + key + 1, len - key - 1, 1, 0), 0);
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	d.keys.pointers = !names;
	assert_int_equal(ra_snapshot_add_data(b, &d), 0);
	s = sealed(b);
	ra_data_free(&d);
	return s;
}

#define FAR "/e/0/a=1\n/e/0/b=1\n/e/0/c=1\n/e/0/d=1\n/e/0/f=1\n/e/0/g=1\n/e/0/h=1\n"

/* The name of a variable stands beside its value. */
static void
test_named(void **state)
{
	static const struct {
		const char *text;
		bool names, secret;
	} rows[] = {
		{ "/e/0/name=DB_PASSWORD\n/e/0/value=hunter2", false, true },
		{ "/e/0/value=hunter2\n/e/0/name=DB_PASSWORD", false, true },
		{ "/name=TOKEN\n/value=hunter2", false, true },
		{ "/e/0/name=HOST\n/e/0/value=hunter2", false, false },
		{ "/e/1/name=TOKEN\n/e/0/value=hunter2", false, false },
		{ "/e/0/nama=TOKEN\n/e/0/value=hunter2", false, false },
		{ "/e/0/name/x=TOKEN\n/e/0/value=hunter2", false, false },
		{ "/e/0/name=TOKEN\n/e/0/walue=hunter2", false, false },
		{ "/e/0/name=TOKEN\n/e/0/v=hunter2", false, false },
		{ "/v=hunter2\n/name=TOKEN", false, false },
		{ "/e/0/name=TOKEN\n/e/0/value=hunter2", true, false },
		{ "/e/0/value=hunter2", false, false },
		{ "/e/0/Name=TOKEN\n/e/0/Value=hunter2", false, true },
		{ "/e/0/key=DB_PASSWORD\n/e/0/value=hunter2", false, true },
		{ "/e/0/ParameterKey=DbPassword\n/e/0/ParameterValue=hunter2", false, true },
		{ "/e/0/variable=TOKEN\n/e/0/default=hunter2", false, true },
		/* arguments, one by one */
		{ "/c/0=mysqld\n/c/1=--password\n/c/2=hunter2", false, true },
		{ "/0=--token\n/1=hunter2", false, true },
		{ "/c/0=curl\n/c/1=-u\n/c/2=admin:hunter2", false, true },
		{ "/c/0=curl\n/c/1=-u\n/c/2=hunter2", false, false },
		{ "/c/0=--password\n/d/1=hunter2", false, false },
		{ "/c/0=--password\n/c/x=hunter2", false, false },
		{ "/c/0=--verbose\n/c/1=hunter2", false, false },
		{ "/c/0=-\n/c/1=hunter2", false, false },
		{ "/c/a=--password\n/c/1=hunter2", false, false },
		{ "/c/0=--password\n/c/1=hunter2", true, false },
		/* Kubernetes */
		{ "/data/app.conf=hunter2\n/kind=Secret", false, true },
		{ "/kind=Secret\n/stringData/app.conf=hunter2", false, true },
		{ "/items/0/kind=Secret\n/items/0/data/a=hunter2", false, true },
		{ "/items/0/kind=Secret\n/items/1/data/a=hunter2", false, false },
		{ "/kind=ConfigMap\n/data/app.conf=hunter2", false, false },
		{ "/kind=Secret\n/type=hunter2", false, false },
		{ "/kinds=Secret\n/data/a=hunter2", false, false },
		/* whatever stands between, while it is of the map */
		{ "/e/0/name=TOKEN\n" FAR "/e/0/value=hunter2", false, true },
		{ "/e/0/value=hunter2\n" FAR "/e/0/name=TOKEN", false, true },
		{ "/e/0/name=TOKEN\n/x=1\n" FAR "/e/0/value=hunter2", false, false },
		{ "/e/0/value=hunter2\n/x=1\n" FAR "/e/0/name=TOKEN", false, false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		BUILD *s = listed(rows[i].text, rows[i].names);

		if (holds(s, "hunter2") == rows[i].secret)
			fail_msg("row %zu: %s", i, rows[i].text);
	}
}

/* A key that has a secret in it has a digest for a name, and no error quotes it. */
static void
test_keys_that_tell(void **state)
{
	static const struct {
		const char *key;
		bool pointer, hidden;
	} rows[] = {
		{ "https://u:hunter2@h/", false, true },
		{ "password=hunter2", false, true },
		{ "ghp_0123456789abcdefghijklmnopqrstuvwxyz", false, true },
		{ "/https:~1~1u:hunter2@h~1", true, true },
		{ "/a/password=hunter2/b", true, true },
		{ "/a/ghp_0123456789abcdefghijklmnopqrstuvwxyz", true, true },
		{ "/a/https:~1~1h~1", true, false },
		{ "/db/password", true, false },
		{ "DATABASE_PASSWORD", false, false },
		{ "/a~0b/c~1d", true, false },
		{ "spring.datasource.password", false, false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_snapshot_builder *b = builder();
		struct ra_entry e;
		BUILD *s = NULL;
		bool hidden;

		assert_int_equal(add(b, rows[i].key, "v"), 0);
		s = sealed(b);
		e = ra_snapshot_at(s, 0);
		hidden =
		    strncmp(e.key, rows[i].pointer ? "/k1:" : "k1:", rows[i].pointer ? 4 : 3) == 0;
		if (hidden != rows[i].hidden || (!hidden && strcmp(e.key, rows[i].key) != 0))
			fail_msg("%s: %s", rows[i].key, e.key);
	}
}

/* --- limits --- */

static void
test_origins(void **state)
{
	static char path[RA_KEY_NAME_MAX + 2];
	struct ra_snapshot_builder *b = builder();
	BUILD *s = NULL;

	(void)state;
	ra_snapshot_builder_free(NULL);
	memset(path, 'x', RA_KEY_NAME_MAX + 1);
	assert_int_equal(ra_snapshot_origin(b, path), -EMSGSIZE);
	path[RA_KEY_NAME_MAX] = '\0';
	assert_int_equal(ra_snapshot_origin(b, path), 0);
	for (int i = 2; i < UINT16_MAX; i++)
		assert_int_equal(ra_snapshot_origin(b, "o"), 0);
	assert_int_equal(ra_snapshot_origin(b, "too many"), -EMSGSIZE);
	assert_int_equal(add(b, "A", "1"), 0);
	s = sealed(b);
	assert_string_equal(ra_snapshot_at(s, 0).origin, "o");
}

/* What placeholders make of a value is held to the limits too, and room for it is used again. */
static void
test_placeholders(void **state)
{
	enum { NAME = 8192, TIMES = 9000 };
	RA_FREE char *name = malloc(NAME + 1), *value = malloc(TIMES + 1);
	struct ra_placeholder p = { .name = name, .value = "." };
	struct ra_snapshot_builder *b;
	BUILD *s = NULL;

	(void)state;
	memset(name, 'n', NAME);
	name[NAME] = '\0';
	memset(value, '.', TIMES);
	value[TIMES] = '\0';
	rules.placeholders = &p;
	rules.placeholder_count = 1;
	b = builder();
	assert_int_equal(add(b, "A", value), -EMSGSIZE);
	assert_int_equal(add(b, "A", "a.b.c"), 0);
	assert_int_equal(add(b, "B", "d.e"), 0);
	assert_int_equal(add(b, "C", ".f.g.h."), 0);
	s = sealed(b);
	rules.placeholder_count = 0;
	assert_int_equal(ra_snapshot_count(s), 3);
	assert_int_equal(ra_snapshot_at(s, 0).compared_len, 2 * (NAME + 2) + 3);
	assert_int_equal(ra_snapshot_at(s, 1).compared_len, NAME + 2 + 2);
	assert_int_equal(ra_snapshot_at(s, 2).compared_len, 4 * (NAME + 2) + 3);
	assert_string_equal(ra_snapshot_at(s, 1).value, "d.e");
}

/* Texts of one snapshot, however they come. */
static void
test_texts(void **state)
{
	RA_FREE char *value = calloc(1, RA_KEYS_TEXT_MAX);
	struct ra_entry e = { .key = "A", .key_len = 1, .value = value, .compared = value };
	struct ra_snapshot_builder *b = builder();

	(void)state;
	assert_non_null(value);
	e.value_len = e.compared_len = RA_KEYS_TEXT_MAX - 3;
	assert_int_equal(ra_snapshot_add_entry(b, &e), 0);
	assert_int_equal(ra_snapshot_add_entry(b, &e), -EMSGSIZE); /* the origin takes a byte */
	e.value_len--;
	assert_int_equal(ra_snapshot_add_entry(b, &e), 0);
	e.value_len = e.compared_len = 0;
	assert_int_equal(ra_snapshot_add_entry(b, &e), -EMSGSIZE);
	assert_int_equal(ra_snapshot_add(b, "A", 1, value, RA_KEYS_TEXT_MAX + 1, 1, 0), -EMSGSIZE);
	ra_snapshot_builder_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_keys_that_tell),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_placeholders),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
