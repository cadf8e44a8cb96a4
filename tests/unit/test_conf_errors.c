/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, where it stands, and that nothing however made does more than be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf_rig.h"

struct row {
	const char *text;
	uint32_t line, col; /* 0: any */
	const char *words;
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rig_bad(rows[i].text, NULL, rows[i].line, rows[i].col, rows[i].words);
}

#define CHECK(what) "environments: {e: {checks: {alpha: {" what "}}}}\n"
#define WEB(what)   CHECK("web: {url: u, " what "}")

static void
test_repositories(void **state)
{
#define PRODUCT(url) "environments: {}\nproduct: {repository: {url: \"" url "\"}}\n"
	static const struct row rows[] = {
		{ PRODUCT("ext::sh -c x"), 2, 24, "repository URL" },
		{ PRODUCT("ext::sh"), 2, 24, "remote helpers" },
		{ PRODUCT("--upload-pack=x"), 2, 24, "begins with" },
		{ PRODUCT("ssh://u:p\\x40h/x"), 2, 24, "give relauditd" },
		{ PRODUCT("ftp://h/x"), 2, 24, "https, http, ssh" },
		{ PRODUCT("shop.git"), 2, 24, "absolute path" },
		{ "environments: {}\nservices:\n  api: {repository: {url: x}}\n", 3, 22,
		    "absolute path" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

static void
test_keys(void **state)
{
	static const struct row rows[] = {
		{ "envronments: {}\n", 1, 1, "environments" },
		{ "environments: {}\ndaemon: {sokcet: x}\n", 2, 10, "socket" },
		{ "environments:\n  e:\n    chekcs: {}\n", 3, 5, "checks" },
		{ CHECK("web: {url: u}, expct: {}"), 1, 0, "expect" },
		{ CHECK("web: {url: u}, formt: tree"), 1, 0, "format" },
		{ CHECK("wbe: {url: u}"), 1, 0, "web" },
		{ WEB("methd: get"), 1, 0, "method" },
		{ WEB("tls: {verfy: true}"), 1, 0, "verify" },
		{ CHECK("web: {url: u}, expect: {max-agee: 1m}"), 1, 0, "max-age" },
		{ CHECK("web: {url: u}, format: tree, regex: x"), 1, 0, "regex" },
		{ "environments:\n  e: {checks: {}}\n  e: {checks: {}}\n", 3, 3, "e" },
		{ "environments: {}\nservices: {}\nenvironments: {}\n", 3, 1, "environments" },
		{ WEB("headers: {A: 1, A: 1}"), 1, 0, "A" },
		{ CHECK("web: {url: u}, list: [a], list+: [b], list: [c]"), 1, 0, "list" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

static void
test_values(void **state)
{
	static const struct row rows[] = {
		/* what is required, and what may not be empty */
		{ CHECK("web: {bearer: b}"), 1, 0, "url" },
		{ CHECK("web: {url: null}"), 1, 0, "url" },
		{ CHECK("web: {url: ''}"), 1, 0, "" },
		{ WEB("bearer: ''"), 1, 0, "" },
		/* shapes */
		{ CHECK("web: u"), 1, 0, "" },
		{ CHECK("web: [u]"), 1, 0, "" },
		{ CHECK("web: {url: [u]}"), 1, 0, "" },
		{ CHECK("web: {url: {a: b}}"), 1, 0, "" },
		{ WEB("headers: [A]"), 1, 0, "" },
		{ WEB("headers: A"), 1, 0, "" },
		{ WEB("headers: {A: [1]}"), 1, 0, "" },
		{ WEB("tls: true"), 1, 0, "" },
		{ CHECK("web: {url: u}, list: {a: b}"), 1, 0, "" },
		{ CHECK("web: {url: u}, list: [[a]]"), 1, 0, "" },
		{ CHECK("web: {url: u}, expect: x"), 1, 0, "" },
		{ "environments: [e]\n", 1, 0, "" },
		{ "environments: {e: {checks: [alpha]}}\n", 1, 0, "" },
		{ "- environments\n", 1, 1, "" },
		{ "environments\n", 1, 1, "" },
		/* numbers, units, ranges */
		{ WEB("tries: x"), 1, 58, "x" },
		{ WEB("tries: 0"), 1, 0, "" },
		{ WEB("tries: 10"), 1, 0, "" },
		{ WEB("tries: 1.5"), 1, 0, "1.5" },
		{ WEB("tries: -1"), 1, 0, "-1" },
		{ WEB("tries: 99999999999999999999"), 1, 0, "" },
		{ WEB("max-size: 1X"), 1, 0, "1X" },
		{ WEB("max-size: 2G"), 1, 0, "" },
		{ WEB("max-size: 0"), 1, 0, "" },
		{ WEB("ratio: 30"), 1, 0, "30%" },
		{ WEB("ratio: 101%"), 1, 0, "" },
		{ WEB("wait: 10"), 1, 0, "10" },
		{ WEB("wait: 999ms"), 1, 0, "" },
		{ WEB("wait: 61s"), 1, 0, "" },
		{ WEB("method: put"), 1, 0, "" },
		{ WEB("method: pots"), 1, 0, "post" },
		{ WEB("tls: {verify: maybe}"), 1, 0, "" },
		{ CHECK("web: {url: u}, every: 10"), 1, 0, "10" },
		{ CHECK("web: {url: u}, every: 0"), 1, 0, "" },
		{ CHECK("web: {url: u}, confirm: 0"), 1, 0, "" },
		{ CHECK("web: {url: u}, confirm: 300"), 1, 0, "" },
		{ CHECK("web: {url: u}, recover: x"), 1, 0, "x" },
		{ CHECK("web: {url: u}, severity: unknown"), 1, 0, "warning" },
		{ CHECK("web: {url: u}, expect: {max-age: 0}"), 1, 0, "" },
		{ "environments: {e: {rank: high, checks: {}}}\n", 1, 0, "high" },
		{ "defaults: {every: 10}\nenvironments: {}\n", 1, 19, "10" },
		{ "daemon: {syslog: {facility: nobody}}\nenvironments: {}\n", 1, 0, "nobody" },
		/* paths */
		{ WEB("tls: {ca: ca.pem}"), 1, 0, "absolute" },
		{ WEB("tls: {ca: /etc/../ca.pem}"), 1, 0, ".." },
		{ CHECK("disk: {path: f}"), 1, 0, "absolute" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

#define LETTERS_62 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij"

static void
test_names(void **state)
{
	static const struct row rows[] = {
		{ "environments: {Production: {checks: {}}}\n", 1, 16, "production" },
		{ "environments: {a_b: {checks: {}}}\n", 1, 16, "a_b" },
		{ "environments: {'a b': {checks: {}}}\n", 1, 16, "a b" },
		{ "environments: {'': {checks: {}}}\n", 1, 16, "" },
		{ "environments: {9a: {checks: {}}}\n", 1, 16, "9a" },
		{ "environments: {a/b: {checks: {}}}\n", 1, 16, "a/b" },
		{ "environments: {a" LETTERS_62 "z: {checks: {}}}\n", 1, 16, "" },
		{ "environments: {e: {checks: {Alpha: {web: {url: u}}}}}\n", 1, 29, "Alpha" },
		{ "environments: {e: {checks: {alpha_x: {web: {url: u}}}}}\n", 1, 29, "alpha_x" },
		{ "environments: {e: {aliases: [Prod], checks: {}}}\n", 1, 30, "Prod" },
		{ "services: {Api: {}}\nenvironments: {}\n", 1, 12, "Api" },
		{ "templates: {T: {checks: {}}}\nenvironments: {}\n", 1, 13, "T" },
		/* each name is one environment's */
		{ "environments: {e: {aliases: [f], checks: {}}, f: {checks: {}}}\n", 1, 0, "f" },
		{ "environments: {e: {aliases: [x], checks: {}}, f: {aliases: [x], checks: {}}}\n",
		    1, 0, "x" },
		/* names that are used must exist */
		{ "environments: {e: {checks: {alhpa: {web: {url: u}}}}}\n", 1, 29, "alpha" },
		{ "environments: {e: {checks: {x: {kind: alhpa, web: {url: u}}}}}\n", 1, 0,
		    "alpha" },
		{ "services: {api: {}}\n" CHECK("web: {url: u}, service: apl"), 2, 0, "api" },
		{ "templates: {web: {checks: {}}}\nenvironments: {e: {use: [wbe], checks: {}}}\n",
		    2, 26, "web" },
		{ CHECK("web: {url: u}, format: tere"), 1, 0, "tree" },
		{ "connections: {loki: {web: {url: u}}}\n" CHECK("web: {connection: lokki}"), 2, 0,
		    "loki" },
		{ "connections: {loki: {web: {url: u}}}\n" CHECK("disk: {connection: loki}"), 2, 0,
		    "" },
	};
	struct ra_config *c =
	    rig_good("environments: {a" LETTERS_62 ": {checks: {alpha: {web: {url: u}}}}}\n");

	(void)state;
	ra_config_unref(c);
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

static void
test_variables(void **state)
{
	static const struct row rows[] = {
		{ CHECK("web: {url: '${host}'}"), 1, 0, "host" },
		{ "environments: {e: {vars: {domain: d}, checks: {alpha: {web: "
		  "{url: '${domian}'}}}}}\n",
		    1, 0, "domain" },
		{ CHECK("web: {url: '${a'}"), 1, 0, "" },
		{ CHECK("web: {url: '${}'}"), 1, 0, "" },
		{ CHECK("web: {url: '${wrong:x}'}"), 1, 0, "wrong" },
		/* a list inside a longer text */
		{ "environments: {e: {vars: {l: [a]}, checks: {alpha: {web: {url: 'x${l}'}}}}}\n",
		    1, 0, "l" },
		{ "environments: {e: {vars: {m: {a: b}}, checks: {alpha: {web: {url: "
		  "'x${m}'}}}}}\n",
		    1, 0, "m" },
		{ "environments: {e: {vars: {l: [a]}, checks: {alpha: {web: {url: '${l}'}}}}}\n", 1,
		    0, "" },
		/* a parameter that nothing uses */
		{ "templates: {t: {checks: {alpha: {web: {url: '${p}'}}}}}\n"
		  "environments:\n"
		  "  e:\n"
		  "    use: [{t: {p: 1, q: 2}}]\n"
		  "    checks: {}\n",
		    4, 22, "q" },
		{ "environments: {e: {vars: {a: '${b}', b: '${a}'}, checks: {alpha: {web: "
		  "{url: '${a}'}}}}}\n",
		    1, 0, "" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

static void
test_checks(void **state)
{
	static const struct row rows[] = {
		{ CHECK(""), 1, 0, "source" },
		{ CHECK("web: {url: u}, disk: {path: /f}"), 1, 0, "source" },
		/* shapes: what the source brings, the format makes, the kind judges */
		{ "environments: {e: {checks: {beta: {web: {url: u}}}}}\n", 1, 0, "" },
		{ "environments: {e: {checks: {beta: {disk: {glob: g}, format: tree}}}}\n", 1, 0,
		    "tree" },
		{ "environments: {e: {checks: {gamma: {web: {url: u}, format: tree}}}}\n", 1, 0,
		    "tree" },
		/* selectors are the format's to check */
		{ CHECK("web: {url: u}, format: tree, where: v"), 1, 0, "has no slash" },
		{ CHECK("web: {url: u}, format: text, where: /v"), 1, 0, "where" },
		/* for */
		{ CHECK("web: {url: u}, for: {}"), 1, 0, "for" },
		{ CHECK("web: {url: u}, for: {h: []}"), 1, 0, "for" },
		{ CHECK("web: {url: u}, for: {h: [a], i: [b]}"), 1, 0, "for" },
		{ CHECK("web: {url: u}, for: {h: [a, b, a]}"), 1, 0, "a" },
		{ CHECK("web: {url: u}, for: [a]"), 1, 0, "for" },
		{ CHECK("web: {url: u}, for: {h: [{a: b}]}"), 1, 0, "" },
		/* what a source itself has to complain about stands at its key */
		{ "environments:\n  e:\n    checks:\n      alpha:\n        web:\n"
		  "          bearer: b\n          url: refuse\n",
		    7, 0, "refused by prepare" },
		{ "environments:\n  e:\n    checks:\n      alpha:\n        web:\n"
		  "          url: u\n          headers:\n            Good: 1\n            Bad: 2\n",
		    9, 0, "a bad header" },
		{ "environments:\n  e:\n    checks:\n      alpha:\n        web: {url: "
		  "refuse-all}\n",
		    5, 0, "all of it is refused" },
		/* a mistake in a template stands where it was made */
		{ "templates:\n  t:\n    checks:\n      alpha: {web: {url: u, tries: x}}\n"
		  "environments: {e: {use: [t]}}\n",
		    4, 36, "x" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

/* All of them in one go, in order. */
static void
test_all_at_once(void **state)
{
	static const uint32_t wanted[] = { 1, 4, 6, 10, 11, 13 };
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_config *c;

	(void)state;
	rig_write("main.yaml", "defaults: {every: 10}\n"
			       "environments:\n"
			       "  e:\n"
			       "    rank: high\n"
			       "    checks:\n"
			       "      alpha: {web: {url: u, tries: x}}\n"
			       "      alpha-good: {web: {url: u}}\n"
			       "      gamma:\n"
			       "        web:\n"
			       "          ulr: u\n"
			       "          method: put\n"
			       "          url: u\n"
			       "        expect: {max-age: soon}\n");
	assert_int_equal(rig_load_file(&c, &errors), -EINVAL);
	ra_errors_print(&errors, &out);
	if (errors.count != RA_ARRAY_SIZE(wanted))
		fail_msg("%s", ra_buf_text(&out));
	for (size_t i = 0; i < errors.count; i++) {
		assert_int_equal(errors.items[i].pos.line, wanted[i]);
		assert_non_null(errors.items[i].source);
	}
	assert_string_equal(errors.items[2].source, "      alpha: {web: {url: u, tries: x}}");
	assert_non_null(strstr(ra_buf_text(&out), "main.yaml:1:19: error: "));
	ra_errors_clear(&errors);
}

/* --- files --- */

static void
test_includes(void **state)
{
	(void)state;
	/* Sections unite, what is in them stands once. */
	rig_write("a.yaml", "environments: {e: {checks: {}}}\n");
	rig_write("bad.yaml", "services: {}\nenvironments: {f: {rank: x, checks: {}}}\n");
	rig_write("loop.yaml", "include: [loop.yaml]\n");
	rig_write("one.yaml", "include: [two.yaml]\n");
	rig_write("two.yaml", "include: [./one.yaml]\n");
	rig_bad("include: [nowhere.yaml]\nenvironments: {}\n", NULL, 1, 11, "nowhere.yaml");
	rig_bad("include: [a.yaml]\nenvironments: {e: {checks: {}}}\n", "a.yaml", 1, 16, "e");
	rig_bad("include: [bad.yaml]\n", "bad.yaml", 2, 0, "x");
	rig_bad("include: [loop.yaml]\nenvironments: {}\n", "loop.yaml", 1, 0, "loop.yaml");
	rig_bad("include: [one.yaml]\nenvironments: {}\n", "two.yaml", 1, 0, "one.yaml");
	rig_bad("include: [main.yaml]\nenvironments: {}\n", NULL, 1, 0, "main.yaml");
}

static void
check_main_refused(const char *words)
{
	struct ra_errors errors = { 0 };
	struct ra_config *c;

	assert_int_equal(rig_load_file(&c, &errors), -EINVAL);
	if (strcasestr(errors.items[0].text, words) == NULL)
		fail_msg("%s", errors.items[0].text);
	assert_string_equal(errors.items[0].pos.file, rig_path);
	ra_errors_clear(&errors);
}

/* What is not a file that only its owner writes. */
static void
test_files(void **state)
{
	(void)state;
	check_main_refused("No such file");
	assert_int_equal(mkdir(rig_path, 0700), 0);
	check_main_refused("");
	assert_int_equal(rmdir(rig_path), 0);
	assert_int_equal(mkfifo(rig_path, 0600), 0);
	check_main_refused("");
	assert_int_equal(unlink(rig_path), 0);
	rig_write("main.yaml", "environments: {}\n");
	assert_int_equal(chmod(rig_path, 0622), 0);
	check_main_refused("");
	assert_int_equal(chmod(rig_path, 0606), 0);
	check_main_refused("");
	assert_int_equal(chmod(rig_path, 0644), 0);
	ra_config_unref(rig_good("environments: {}\n"));
}

/* --- bytes --- */

static void
write_bytes(const void *data, size_t len)
{
	FILE *f = fopen(rig_path, "we");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
test_syntax(void **state)
{
	static const struct row rows[] = {
		{ "environments:\n  a:\n\tchecks: {}\n", 3, 0, "" },
		{ "environments: {a: {checks: {}}\n", 0, 0, "" },
		{ "environments: ]\n", 1, 0, "" },
		{ "environments: *nowhere\n", 1, 0, "nowhere" },
		{ "environments: 'open\n", 0, 0, "" },
		{ "environments: {a: {checks: {}}}\n  b: 1\n", 2, 0, "" },
		{ "environments: \xff\n", 0, 0, "" },
		{ "a: &a [*a]\nenvironments: {}\n", 1, 0, "" },
	};
	static const char nul[] = "environments:\n  a\0b: {checks: {}}\n";
	uint8_t binary[512];

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
	write_bytes(nul, sizeof(nul) - 1);
	check_main_refused("");
	for (size_t i = 0; i < sizeof(binary); i++)
		binary[i] = (uint8_t)(i * 167 + i / 256 + 127);
	write_bytes(binary, sizeof(binary));
	check_main_refused("");
	write_bytes("", 0);
	{
		struct ra_errors errors = { 0 };
		struct ra_config *c;

		/* Nothing at all: refused or empty, but said. */
		if (rig_load_file(&c, &errors) == 0)
			assert_int_equal(c->check_count, 0);
		ra_config_unref(c);
		ra_errors_clear(&errors);
	}
}

/* Each of these is refused, and soon. */
static void
test_bombs(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	/* nested deeper than 64 */
	ra_buf_puts(&text, "x: ");
	for (int i = 0; i < 65; i++)
		ra_buf_putc(&text, '[');
	for (int i = 0; i < 65; i++)
		ra_buf_putc(&text, ']');
	write_bytes(text.data, text.len);
	check_main_refused("");
	ra_buf_clear(&text);
	for (int i = 0; i < 1000000; i++)
		ra_buf_putc(&text, '[');
	write_bytes(text.data, text.len);
	check_main_refused("");
	/* aliases of aliases: 9^9 of them */
	ra_buf_clear(&text);
	ra_buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 9; i++) {
		ra_buf_printf(&text, "a%d: &a%d [*a%d", i, i, i - 1);
		for (int k = 1; k < 9; k++)
			ra_buf_printf(&text, ", *a%d", i - 1);
		ra_buf_puts(&text, "]\n");
	}
	ra_buf_puts(&text, "environments: *a8\n");
	write_bytes(text.data, text.len);
	check_main_refused("");
	/* variables of variables */
	ra_buf_clear(&text);
	ra_buf_puts(&text, "environments:\n  e:\n    vars:\n      v0: xxxxxxxxxx\n");
	for (int i = 1; i < 12; i++)
		ra_buf_printf(&text,
		    "      v%d: '${v%d}${v%d}${v%d}${v%d}${v%d}${v%d}${v%d}${v%d}'\n", i, i - 1,
		    i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	ra_buf_puts(&text, "    checks: {alpha: {web: {url: '${v11}'}}}\n");
	write_bytes(text.data, text.len);
	check_main_refused("");
}

/* 5 MB of text: loaded or refused, but not by more than a moment's work. */
static void
test_large(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	struct ra_errors errors = { 0 };
	struct ra_config *c;

	(void)state;
	ra_buf_puts(&text, "environments:\n");
	for (int i = 0; text.len < 5000000; i++)
		ra_buf_printf(
		    &text, "  e%d: {checks: {alpha: {web: {url: 'http://h%d/'}}}}\n", i, i);
	write_bytes(text.data, text.len);
	if (rig_load_file(&c, &errors) == 0) {
		assert_true(c->check_count > 80000);
		assert_non_null(ra_config_check(c, "e7/alpha"));
	}
	ra_config_unref(c);
	ra_errors_clear(&errors);
	/* as many errors as there are lines: the list has its cap */
	for (char *p = text.data; (p = strstr(p, "url")) != NULL;)
		memcpy(p, "ulr", 3);
	write_bytes(text.data, text.len);
	assert_int_equal(rig_load_file(&c, &errors), -EINVAL);
	assert_true(errors.count <= RA_ERRORS_MAX);
	ra_errors_clear(&errors);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_repositories),
		CASE(test_keys),
		CASE(test_values),
		CASE(test_names),
		CASE(test_variables),
		CASE(test_checks),
		CASE(test_all_at_once),
		CASE(test_includes),
		CASE(test_files),
		CASE(test_syntax),
		CASE(test_bombs),
		CASE(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
