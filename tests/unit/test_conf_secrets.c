/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that flow into a configuration, and when a check counts as changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf_rig.h"

#define CHECK(what) "environments: {e: {checks: {alpha: {" what "}}}}\n"

static bool
is_watched(const struct ra_config *c, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig_folder, name);
	for (size_t i = 0; i < c->watched_count; i++) {
		if (strcmp(c->watched[i].path, path) == 0)
			return true;
	}
	return false;
}

static void
check_text(const struct ra_text *t, const char *value, const char *shown)
{
	assert_string_equal(t->value, value);
	assert_string_equal(t->shown, shown);
}

/* From each of the three places: used as it is, shown as ***. */
static void
test_values(void **state)
{
	struct ra_config *c;
	const struct ra_check *check;
	const struct web *web;

	(void)state;
	assert_int_equal(setenv("RIG_SECRET", "of-env", 1), 0);
	rig_write("token", "of-the-file");
	rig_write("loki", "of-credential");
	c = rig_good("environments: {e: {vars: {t: '${file:@/token}'}, checks: {alpha: {web: {\n"
		     "  url: 'http://${env:RIG_SECRET}/x',\n"
		     "  bearer: '${t}',\n"
		     "  headers: {A: 'a ${credential:loki} b', B: plain}}}}}}\n");
	check = rig_check(c, "e/alpha");
	web = rig_web(c, "e/alpha");
	check_text(&web->url, "http://of-env/x", "http://***/x");
	check_text(&web->bearer, "of-the-file", "***");
	check_text(&web->headers.list[0].text, "a of-credential b", "a *** b");
	assert_ptr_equal(web->headers.list[1].text.value, web->headers.list[1].text.shown);
	/* the longest first, so that none hides a part of another */
	assert_int_equal(check->secret_count, 3);
	assert_string_equal(check->secrets[0], "of-credential");
	assert_string_equal(check->secrets[1], "of-the-file");
	assert_string_equal(check->secrets[2], "of-env");
	/* a change of a file calls for a reload */
	assert_true(is_watched(c, "token"));
	assert_true(is_watched(c, "loki"));
	assert_false(is_watched(c, "main.yaml"));
	ra_config_unref(c);
	unsetenv("RIG_SECRET");
}

/* A check knows its own secrets; what has none has none. */
static void
test_of_each_check(void **state)
{
	struct ra_config *c;

	(void)state;
	rig_write("one", "secret-one");
	rig_write("two", "secret-two");
	c = rig_good("environments: {e: {checks: {alpha: {web: {url: u}},\n"
		     "  alpha-one: {web: {url: u, bearer: '${file:@/one}'}},\n"
		     "  alpha-two: {web: {url: u, bearer: '${file:@/two}'}}}}}\n");
	assert_int_equal(rig_check(c, "e/alpha")->secret_count, 0);
	assert_int_equal(rig_check(c, "e/alpha-one")->secret_count, 1);
	assert_string_equal(rig_check(c, "e/alpha-one")->secrets[0], "secret-one");
	assert_string_equal(rig_check(c, "e/alpha-two")->secrets[0], "secret-two");
	ra_config_unref(c);
}

/* Editors end a file with a newline, which is no part of the secret. */
static void
test_newline(void **state)
{
	struct ra_config *c;

	(void)state;
	rig_write("token", "value\n");
	c = rig_good(CHECK("web: {url: u, bearer: '${file:@/token}'}"));
	assert_string_equal(rig_web(c, "e/alpha")->bearer.value, "value");
	ra_config_unref(c);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ CHECK("web: {url: '${env:RIG_NOT_SET}'}"), "RIG_NOT_SET" },
		{ CHECK("web: {url: '${file:@/nowhere}'}"), "nowhere" },
		{ CHECK("web: {url: '${file:relative}'}"), "relative" },
		{ CHECK("web: {url: '${credential:nowhere}'}"), "nowhere" },
		{ CHECK("web: {url: '${credential:../main.yaml}'}"), "credential" },
		{ CHECK("web: {url: '${file:@}'}"), "" },
		/* what is shown and compared may hold none */
		{ CHECK("web: {url: u}, note: '${file:@/token}'"), "secret" },
		{ CHECK("web: {url: u}, note: 'a ${file:@/token}'"), "secret" },
		{ CHECK("web: {url: u}, expect: {version: '${file:@/token}'}"), "secret" },
	};

	(void)state;
	unsetenv("RIG_NOT_SET");
	rig_write("token", "value");
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		rig_bad(rows[i].text, NULL, 1, 0, rows[i].words);
}

/* What git gets in argv everybody can read. */
static void
test_of_repositories(void **state)
{
	static const struct {
		const char *url;
		bool good;
	} rows[] = {
		{ "https://u:${file:@/token}\\x40h/x.git", true },
		{ "https://${file:@/token}\\x40h/x.git", true },
		{ "http://h/x.git?token=${file:@/token}", false },
		{ "http://h/${file:@/token}/x.git", false },
		{ "https://u:p\\x40${file:@/token}/x.git", false },
		{ "https://u:${file:@/slash}\\x40h/x.git", false }, /* it would end the host */
		{ "ssh://${file:@/token}\\x40h/x.git", false },
		{ "${file:@/token}\\x40h:x.git", false },
		{ "${file:@/whole}", false },
	};

	(void)state;
	rig_write("token", "value");
	rig_write("slash", "sl/ash");
	rig_write("whole", "https://h/x.git");
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL text = RA_BUF(4096);

		ra_buf_printf(
		    &text, "environments: {}\nproduct: {repository: {url: \"%s\"}}\n", rows[i].url);
		if (rows[i].good)
			ra_config_unref(rig_good(ra_buf_text(&text)));
		else
			rig_bad(ra_buf_text(&text), NULL, 2, 24, "only before the host");
	}
}

/* An error never shows the secret it is about. */
static void
test_errors_keep_it(void **state)
{
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL shown = RA_BUF(0);
	struct ra_config *c;

	(void)state;
	rig_write("token", "s3cr3t-value");
	rig_write("main.yaml", CHECK("web: {url: u, tries: '${file:@/token}',"
				     " method: '${file:@/token}', wait: '${file:@/token}'}"));
	assert_int_equal(rig_load_file(&c, &errors), -EINVAL);
	ra_errors_print(&errors, &shown);
	assert_null(strstr(ra_buf_text(&shown), "s3cr3t"));
	ra_errors_clear(&errors);
}

/* Offline nothing is read, and everything else is checked. */
static void
test_offline(void **state)
{
	struct ra_conf_load load = rig_conf_load();
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;

	(void)state;
	load.offline = true;
	rig_write(
	    "main.yaml", CHECK("web: {url: '${env:RIG_NOT_SET}', bearer: '${file:/nowhere/x}',"
			       " headers: {A: '${credential:nowhere}'}}"));
	assert_int_equal(ra_config_load(&load, &c, &errors), 0);
	check_text(&rig_web(c, "e/alpha")->bearer, "offline", "***");
	ra_config_unref(c);
	c = NULL;
	rig_write("main.yaml", CHECK("web: {url: '${file:/nowhere}', tries: x}"));
	assert_int_equal(ra_config_load(&load, &c, &errors), -EINVAL);
	assert_int_equal(errors.count, 1);
	ra_errors_clear(&errors);
}

/* --- fingerprints --- */

static void
fingerprint(const char *text, uint8_t ret[16])
{
	struct ra_config *c = rig_good(text);

	memcpy(ret, rig_check(c, "e/alpha")->fingerprint, 16);
	ra_config_unref(c);
}

#define SAME  "web: {url: u, bearer: '${file:@/token}', headers: {A: 1, B: 2}}, every: 1m"
#define FIRST "environments: {e: {checks: {alpha: {" SAME "}}}}\n"

static void
test_unchanged(void **state)
{
	static const char *const texts[] = {
		FIRST,
		/* places and comments are no change */
		("# moved\n\n" FIRST),
		/* nor is another environment, check, template or service */
		("services: {api: {}}\n"
		 "templates: {t: {checks: {alpha: {" SAME "}}}}\n"
		 "environments: {d: {rank: 3, checks: {gamma: {web: {url: u}}}},"
		 " e: {owner: me, use: [t], checks: {alpha-b: {web: {url: x}}}}}\n"),
		/* nor where a value comes from */
		("environments: {e: {vars: {u: u}, checks: {alpha: {web: {url: '${u}',"
		 " bearer: '${file:@/token}', headers: {A: 1, B: 2}}, every: 1m}}}}\n"),
	};
	uint8_t first[16], other[16];

	(void)state;
	rig_write("token", "value");
	fingerprint(FIRST, first);
	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
		fingerprint(texts[i], other);
		if (memcmp(first, other, 16) != 0)
			fail_msg("changed by:\n%s", texts[i]);
	}
}

static void
test_changed(void **state)
{
	static const char *const rows[] = {
		"web: {url: w, bearer: '${file:@/token}', headers: {A: 1, B: 2}}, every: 1m",
		"web: {url: u, bearer: '${file:@/token}', headers: {A: 1, B: 3}}, every: 1m",
		"web: {url: u, bearer: '${file:@/token}', headers: {A: 1}}, every: 1m",
		"web: {url: u, headers: {A: 1, B: 2}}, every: 1m",
		SAME ", format: tree, where: /v",
		SAME ", regex: x",
		SAME ", list: [a]",
		SAME ", expect: {count: 1}",
		SAME ", warn: {count: 1}",
		SAME ", expect: {need: [a, b]}",
		SAME ", expect: {need: ['a, b']}",
		SAME ", severity: warning",
		SAME ", timeout: 3s",
		SAME ", confirm: 7",
		"web: {url: '${h}'}, for: {h: [a]}",
		"web: {url: '${h}'}, for: {h: [a, b]}",
		"web: {url: '${h}'}, for: {h: [ab]}",
		"disk: {path: /u}, every: 1m",
		"web: {url: u, bearer: '${file:@/token}', headers: {A: 1, B: 2}}, every: 2m",
	};
	uint8_t seen[RA_ARRAY_SIZE(rows) + 1][16];

	(void)state;
	rig_write("token", "value");
	fingerprint(FIRST, seen[0]);
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char text[512];

		snprintf(text, sizeof(text), CHECK("%s"), rows[i]);
		fingerprint(text, seen[i + 1]);
		for (size_t k = 0; k <= i; k++) {
			if (memcmp(seen[k], seen[i + 1], 16) == 0)
				fail_msg("row %zu is as row %zu", i, k);
		}
	}
}

/* The same text, another content. */
static void
test_changed_secret(void **state)
{
	uint8_t first[16], second[16], third[16];

	(void)state;
	rig_write("token", "value");
	fingerprint(FIRST, first);
	rig_write("token", "eulav");
	fingerprint(FIRST, second);
	assert_memory_not_equal(first, second, 16);
	rig_write("token", "value");
	fingerprint(FIRST, third);
	assert_memory_equal(first, third, 16);
}

/* Of a secret a keyed digest counts: without the key nothing is to be learned of it. */
static void
test_key(void **state)
{
	static const uint8_t other_key[32] = { 8 };
	struct ra_conf_load load = rig_conf_load();
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;
	uint8_t first[16];

	(void)state;
	rig_write("token", "value");
	fingerprint(FIRST, first);
	load.fingerprint_key = other_key;
	assert_int_equal(ra_config_load(&load, &c, &errors), 0);
	assert_memory_not_equal(first, rig_check(c, "e/alpha")->fingerprint, 16);
	ra_config_unref(c);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_values),
		CASE(test_of_each_check),
		CASE(test_newline),
		CASE(test_refused),
		CASE(test_of_repositories),
		CASE(test_errors_keep_it),
		CASE(test_offline),
		CASE(test_unchanged),
		CASE(test_changed),
		CASE(test_changed_secret),
		CASE(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
