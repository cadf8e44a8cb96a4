/* SPDX-License-Identifier: Apache-2.0 */
/* The source http: what it refuses in a configuration, whom it asks, and what it shows of that. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "relaudit/source/source.h"

#include "options.h"

extern const struct ra_source ra_source_http;

static struct ra_arena *arena;
static struct ra_conf_place place;

static void *
bound(const char *text)
{
	return options_bind(arena, &ra_source_http.type, text, &place);
}

static int
begin(void **state)
{
	arena = ra_arena_new();
	return arena == NULL ? -1 : 0;
}

static int
end(void **state)
{
	ra_arena_free(arena);
	return 0;
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *key;
	} rows[] = {
		{ "url: ftp://host/", "url: " },
		{ "url: host/path", "url: " },
		{ "url: http://user:secret@host/", "url: " },
		{ "url: http://ho st/", "url: " },
		{ "url: http://host:70000/", "url: " },
		{ "url: http://host/\npath: version", "path: " },
		{ "url: http://host/?a=b\npath: /version", "url: " },
		{ "url: http://host/\nconnect: other", "connect: " },
		{ "url: http://host/\nca: /ca.pem", "ca: " },
		{ "url: http://host/\nbearer: a b", "bearer: " },
		{ "url: http://host/\nmethod: GET /", "method: " },
		{ "url: http://host/\nmethod: CONNECT", "method: " },
		{ "url: http://host/\nproxy: socks5://host", "proxy: " },
		{ "url: http://host/\ninterface: a/b", "interface: " },
		{ "url: http://host/\nunix: /s\nconnect: a:1", "unix: " },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		bound(rows[i].text);
		if (strstr(place.text, rows[i].key) != place.text)
			fail_msg("'%s' -> '%s'", rows[i].text, place.text);
		assert_null(strstr(place.text, "secret"));
	}
}

static void
test_whom_it_asks(void **state)
{
	static const struct {
		const char *text, *host, *where;
	} rows[] = {
		{ "url: http://Host/version", "host:80", "http://Host/version" },
		{ "url: https://host/", "host:443", "https://host/" },
		{ "url: https://host/\npath: /a?b", "host:443", "https://host/a?b" },
		{ "url: https://host\npath: ?b", "host:443", "https://host?b" },
		{ "url: http://[::1]:8080/", "[::1]:8080", "http://[::1]:8080/" },
		{ "url: https://host/\nconnect: 10.0.0.1:8443", "10.0.0.1:8443",
		    "https://host/ at 10.0.0.1:8443" },
		{ "url: http://host/\nunix: /run/x.sock", "/run/x.sock",
		    "http://host/ on /run/x.sock" },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		void *o = bound(rows[i].text);

		assert_string_equal(place.text, "");
		assert_string_equal(ra_source_http.host(o), rows[i].host);
		ra_source_http.where(o, &out);
		assert_string_equal(out.data, rows[i].where);
	}
}

static void
test_secrets_are_not_shown(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	char *o = bound("url: http://host/?key=s3cret\npath: /x");
	struct ra_text *url = NULL;

	/* As configuration binds a text into which a secret flowed. */
	for (const struct ra_option *p = ra_source_http.type.options; p->name != NULL; p++)
		if (strcmp(p->name, "url") == 0)
			url = (struct ra_text *)(void *)(o + p->offset);
	assert_non_null(url);
	*url = (struct ra_text){ "http://host/s3cret", "http://host/***" };
	assert_int_equal(ra_source_http.type.prepare(o, arena, &place), 0);
	ra_source_http.where(o, &out);
	assert_string_equal(out.data, "http://host/***/x");
	ra_source_http.where(NULL, &out);
	assert_string_equal(out.data, "http://host/***/x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_whom_it_asks, begin, end),
		cmocka_unit_test_setup_teardown(test_secrets_are_not_shown, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
