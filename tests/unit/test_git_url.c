/* SPDX-License-Identifier: Apache-2.0 */
/* Where repositories are, by tables: what git gets to see, and what it never gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/git_url.h"

static void
assert_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void
test_taken(void **state)
{
	static const struct {
		const char *url, *scheme, *bare, *scope, *user, *password;
	} rows[] = {
		{ "https://git.example/x.git", "https", "https://git.example/x.git",
		    "https://git.example", NULL, NULL },
		{ "http://git.example:8080/x?a@b", "http", "http://git.example:8080/x?a@b",
		    "http://git.example:8080", NULL, NULL },
		{ "https://u:p@git.example/x", "https", "https://git.example/x",
		    "https://git.example", "u", "p" },
		{ "https://token@git.example/x", "https", "https://git.example/x",
		    "https://git.example", "token", "" },
		{ "https://:p@git.example", "https", "https://git.example", "https://git.example",
		    "", "p" },
		{ "https://u:a@b@git.example/", "https", "https://git.example/",
		    "https://git.example", "u", "a@b" },
		/* percent-decoded, and what is no such code stands for itself */
		{ "https://a%40b:p%2fq%2F@h/x", "https", "https://h/x", "https://h", "a@b",
		    "p/q/" },
		{ "https://u:100%@h/", "https", "https://h/", "https://h", "u", "100%" },
		{ "https://u:%4@h/", "https", "https://h/", "https://h", "u", "%4" },
		{ "https://u:%zz%4z%:g%{1@h/", "https", "https://h/", "https://h", "u",
		    "%zz%4z%:g%{1" },
		{ "ssh://git@h:22/x.git", "ssh", "ssh://git@h:22/x.git", NULL, NULL, NULL },
		{ "git://h/x.git", "git", "git://h/x.git", NULL, NULL, NULL },
		{ "file:///srv/x.git", "file", "file:///srv/x.git", NULL, NULL, NULL },
		{ "/srv/git/x.git", "file", "/srv/git/x.git", NULL, NULL, NULL },
		{ "git@h:x.git", "ssh", "git@h:x.git", NULL, NULL, NULL },
		{ "git@git:x.git", "ssh", "git@git:x.git", NULL, NULL, NULL },
		{ "files:x", "ssh", "files:x", NULL, NULL, NULL },
		{ "h:x/y.git", "ssh", "h:x/y.git", NULL, NULL, NULL },
		{ "h:x/with://in/it", "ssh", "h:x/with://in/it", NULL, NULL, NULL },
		{ "https://[::1]/x", "https", "https://[::1]/x", "https://[::1]", NULL, NULL },
		{ "https://h/a::b", "https", "https://h/a::b", "https://h", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_git_url u = { 0 };
		struct ra_error err = { 0 };

		if (ra_git_url_parse(rows[i].url, RA_GIT_PROTOCOLS, &u, &err) != 0)
			fail_msg("%s: %s", rows[i].url, err.text);
		assert_string_equal(u.scheme, rows[i].scheme);
		assert_text(u.bare, rows[i].bare);
		assert_text(u.scope, rows[i].scope);
		assert_text(u.user, rows[i].user);
		assert_text(u.password, rows[i].password);
		ra_git_url_clear(&u);
		assert_int_equal(ra_git_url_check(rows[i].url, rows[i].url, &err), 0);
	}
}

static void
test_not_taken(void **state)
{
	static const struct {
		const char *url, *says;
	} rows[] = {
		{ "", "empty" },
		{ "--upload-pack=x", "begins with '-'" },
		{ "https://h/a b", "blank" },
		{ "https://h/a\x7f", "control character" },
		{ "ext::sh -c x", "blank" },
		{ "ext::sh", "remote helpers" },
		{ "ftp://h/x", "write https, http, ssh, git or file" },
		{ "https:///x", "no host" },
		{ "https://-x/y", "no host" },
		{ "https://:80/y", "no host" },
		{ "https://u:p@:80/y", "no host" },
		{ "file://h/x", "absolute path" },
		{ "https://u:%00@h/", "control character" },
		{ "https://u:%0a@h/", "control character" },
		{ "https://u:%0D@h/", "control character" },
		{ "https://u%0A:p@h/", "control character" },
		{ "git://u@h/x", "git takes no user" },
		{ "ssh://u:p@h/x", "ssh takes no password" },
		{ "ssh://@h/x", "not a user name" },
		{ "ssh://-u@h/x", "not a user name" },
		{ "x.git", "write https://" },
		{ "srv/x:y", "write https://" },
		{ "h:", "write https://" },
		{ ":x", "write https://" },
		{ "@h:x", "no host" },
		{ "u@-h:x", "no host" },
		{ "u@:x", "no host" },
		{ "file:/tmp/x", "two slashes follow file:" },
		{ "http:/h/x", "two slashes follow http:" },
		{ "https:h/x", "two slashes follow https:" },
		{ "ssh:/h/x", "two slashes follow ssh:" },
		{ "git:/h/x", "user@git:path" },
	};
	static char long_url[3000] = "https://h/";

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_git_url u;
		struct ra_error err = { 0 };

		assert_int_equal(
		    ra_git_url_parse(rows[i].url, RA_GIT_PROTOCOLS, &u, &err), -EINVAL);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].url, err.text);
		assert_int_equal(ra_git_url_check(rows[i].url, rows[i].url, NULL), -EINVAL);
	}
	memset(long_url + 10, 'x', 2038);
	assert_int_equal(ra_git_url_check(long_url, long_url, NULL), 0);
	long_url[2048] = 'x';
	assert_int_equal(ra_git_url_check(long_url, long_url, NULL), -EINVAL);
}

static void
test_protocols(void **state)
{
	static const struct {
		const char *protocols, *url;
		bool allowed;
	} rows[] = {
		{ "https", "https://h/x", true },
		{ "https", "http://h/x", false },
		{ "ssh:https", "https://h/x", true },
		{ "ssh:https", "h:x", true },
		{ "https:ssh", "/srv/x", false },
		{ "htt:httpsx:", "https://h/x", false },
		{ "xhttp:file", "http://h/x", false },
		{ "", "https://h/x", false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_git_url u = { 0 };
		struct ra_error err = { 0 };
		int r = ra_git_url_parse(rows[i].url, rows[i].protocols, &u, &err);

		assert_int_equal(r, rows[i].allowed ? 0 : -EINVAL);
		assert_int_equal(strstr(err.text, "protocols allowed") != NULL, !rows[i].allowed);
		assert_int_equal(u.bare != NULL, rows[i].allowed);
		ra_git_url_clear(&u);
	}
}

/* A secret anywhere but before the host would be in git's argv. */
static void
test_secrets(void **state)
{
	static const struct {
		const char *url, *shown;
		bool fits;
	} rows[] = {
		{ "https://u:s3cret@h/x", "https://u:***@h/x", true },
		{ "http://s3cret@h/x", "http://***@h/x", true },
		{ "https://s3cret/x", "https://***/x", false },
		{ "https://h/s3cret", "https://h/***", false },
		{ "https://u@h/x@s3cret", "https://u@h/x@***", false },
		{ "ssh://s3cret@h/x", "ssh://***@h/x", false },
		{ "s3cret@h:x", "***@h:x", false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_error err = { 0 };

		assert_int_equal(
		    ra_git_url_check(rows[i].url, rows[i].shown, &err), rows[i].fits ? 0 : -EINVAL);
		assert_null(strstr(err.text, "s3cret"));
	}
}

static void
test_paths(void **state)
{
	static const struct {
		const char *path;
		bool fits;
	} rows[] = {
		{ "a", true },
		{ "a/b.yaml", true },
		{ "a/.b/..c", true },
		{ "a/...", true },
		{ "a/b", true },
		{ "a/xy", true },
		{ "", false },
		{ "/a", false },
		{ "-a", false },
		{ "a\nb", false },
		{ "a\rb", false },
		{ ".", false },
		{ "..", false },
		{ "a/../b", false },
		{ "a/./b", false },
		{ "a//b", false },
		{ "a/", false },
	};
	static char path[RA_GIT_PATH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		if (ra_git_path_fits(rows[i].path) != rows[i].fits)
			fail_msg("%s", rows[i].path);
	}
	memset(path, 'x', RA_GIT_PATH_MAX);
	assert_true(ra_git_path_fits(path));
	path[RA_GIT_PATH_MAX] = 'x';
	assert_false(ra_git_path_fits(path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
