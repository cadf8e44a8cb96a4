/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each mistake is said to stand, to the column: a backtick in a text is the place. And what
 * is near a mistake and none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf_rig.h"
#include "own_registry.h"

struct row {
	const char *text; /* with a backtick before what is wrong */
	const char *words;
};

/* Fails unless main.yaml is refused at the backtick, with these words. */
static void
refused_at(const char *text, const char *words)
{
	const char *mark = strchr(text, '`');
	RA_BUF_LOCAL bare = RA_BUF(0);
	uint32_t line = 1, col = 1;

	assert_non_null(mark);
	for (const char *p = text; p < mark; p++) {
		col = *p == '\n' ? 1 : col + 1;
		line += *p == '\n';
	}
	ra_buf_add(&bare, text, (size_t)(mark - text));
	ra_buf_puts(&bare, mark + 1);
	rig_bad(ra_buf_text(&bare), NULL, line, col, words);
}

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		refused_at(rows[i].text, rows[i].words);
}

#define NONE	    "environments: {}\n"
#define CHECK(what) "environments: {e: {checks: {alpha: {" what "}}}}\n"
#define WEB(what)   CHECK("web: {url: u, " what "}")

/* --- values --- */

static void
test_shapes(void **state)
{
	static const struct row rows[] = {
		{ WEB("tries: `[1]"), "takes a number, not a list" },
		{ WEB("tls: {`zzzzzzzz: 1}"), "known here: ca, verify" },
		{ CHECK("web: {url: u}, service: `[api]"), "takes a text, not a list" },
		{ CHECK("web: {url: u}, format: `[text]"), "takes a name, not a list" },
		{ CHECK("web: {url: u}, kind: `[beta]"), "takes a text, not a list" },
		{ CHECK("web: {connection: `[hub]}"), "takes a name, not a list" },
		{ "environments: {e: {checks: {beta: {disk: {glob: g}, `regex: x}}}}\n",
		    "is a format's option, and there is no `format:`" },
		{ "environments: {e: {checks: {alpha: `[web]}}}\n",
		    "a check is a map, not a list" },
		{ "environments: {e: {checks: {`alpha: null}}}\n", "none has one" },
		{ "environments: {e: {vars: {`a.b: 1}, checks: {}}}\n",
		    "'a.b' is not a variable's name" },
		{ "environments: {e: {vars: {`"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 1}}}\n",
		    "is not a variable's name" },
		{ "environments: {e: {use: [`[t]], checks: {}}}\n", "is a list of templates" },
		{ "templates: {t: {checks: {}}}\nenvironments: {e: {use: [{t: `[1]}]}}\n",
		    "parameters are a map, not a list" },
		{ "templates: {t: {checks: {alpha: {`zzz: 1}}}}\n" NONE,
		    "unknown key 'zzz' for a check" },
		{ "templates: {t: {checks: {alpha: {web: {`ulr: 1}}}}}\n" NONE,
		    "did you mean 'url'" },
		{ NONE "connections: {`hub: [web]}\n", "a map of one source" },
		{ NONE "connections: {hub: {`wbe: {url: u}}}\n", "did you mean 'web'" },
		{ NONE "connections: {hub: {`zzzzzz: {url: u}}}\n", "there are web, disk" },
		{ NONE "defaults: {kinds: {`alfa: {every: 1m}}}\n", "did you mean 'alpha'" },
		{ NONE "defaults: {`evry: '${x}'}\n", "did you mean 'every'" },
		{ NONE "include: [`[a]]\n", "is a list of paths" },
		{ NONE "include: `''\n", "is a list of paths" },
		{ NONE "services: {api: `[x]}\n", "a map" },
		{ NONE "people: {ann: `x}\n", "a map" },
		{ CHECK("web: {url: u}, `list+: {a: b}"), "appends to a list" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

static void
test_for(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	static const struct row rows[] = {
		{ CHECK("web: {url: u}, for: {h: [`\"a\\e\"]}"), "without control characters" },
		{ CHECK("web: {url: u}, for: {h: [a, `'']}"), "without control characters" },
		{ CHECK("web: {url: u}, for: `{1h: [a]}"), "the name of a variable" },
		{ CHECK("web: {url: u}, for: {h: `'${x}'}"), "is not defined" },
		{ CHECK("web: {url: u}, for: {h: [a]}, note: `'${h}'"),
		    "only the source may hold it" },
		{ CHECK("web: {url: u}, `for: {h: [a, b]}"),
		    "`h` of `for:` is not used in `web:`" },
		{ CHECK("web: {url: 'u/$${h}'}, `for: {h: [a, b]}"), "use `${h}` there" },
		/* whatever was merged, it is the whole that counts */
		{ "templates: {t: {checks: {alpha: {web: {url: '${h}'}, `for: {h: [a, b]}}}}}\n"
		  "environments: {e: {use: [t], checks: {alpha: {web: {url: u}}}}}\n",
		    "is not used" },
		{ "templates: {t: {checks: {alpha: {web: {url: u}}}}}\n"
		  "environments: {e: {use: [t], checks: {alpha: {`for: {h: [a, b]}}}}}\n",
		    "is not used" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
	ra_buf_puts(&text, "environments:\n e:\n  checks:\n   alpha:\n    web: {url: u}\n    for:\n"
			   "     h: `[a0");
	for (int i = 1; i < 1001; i++)
		ra_buf_printf(&text, ", a%d", i);
	ra_buf_puts(&text, "]\n");
	refused_at(ra_buf_text(&text), "1000 values at most");
}

/* --- ${...} --- */

static void
test_holes(void **state)
{
	static const struct row rows[] = {
		{ CHECK("web: {url: u}, expect: `'${x}'"), "is not defined" },
		{ CHECK("web: {url: u}, kind: `'${x}'"), "is not defined" },
		{ CHECK("web: {url: u}, format: `'${x}'"), "is not defined" },
		{ CHECK("web: `'${x}'"), "a map of options, not a text" },
		{ CHECK("web: {connection: `'${x}'}"), "is not defined" },
		{ CHECK("web: {url: `'${service}'}"), "the check belongs to no service" },
		{ "environments: {e: {labels: {a: `'${service}'}}}\n", "give it as a parameter" },
		{ "environments: {e: {labels: {a: `'${env:PATH}'}}}\n",
		    "what stands here is shown" },
		{ CHECK("web: {url: u}, format: tree, where: `'${env:PATH}'"),
		    "may not hold a secret" },
		{ CHECK("web: {url: u}, note: `'${env:PATH}'"), "may not hold a secret" },
		{ CHECK("web: {url: u, tries: `'${env:PATH}'}"), "the secret that stands here" },
		{ CHECK("web: {url: `'${env:RA_TEST_NOT_SET}'}"), "is not set" },
		{ CHECK("web: {url: `'${credential:}'}"), "not the name of a credential" },
		{ CHECK("web: {url: `'${credential:a/b}'}"), "not the name of a credential" },
		{ CHECK("web: {url: `'${credential:.x}'}"), "not the name of a credential" },
		{ CHECK("web: {url: `'${file:x}'}"), "" },
		{ CHECK("web: {url: `'${file:@/nul}'}"), "holds a NUL byte" },
		{ CHECK("web: {url: `'${file:@/long}'}"), "too large" },
		{ "environments:\n  e:\n    vars: {k: [a]}\n    checks: {alpha: {web: {url: u,\n"
		  "      headers: {`'${k}': v}}}}\n",
		    "a key is a text, not a list" },
		{ "environments:\n  e:\n    vars: {k: ''}\n    checks: {alpha: {web: {url: u,\n"
		  "      headers: {`'${k}': v}}}}\n",
		    "a key is a text, not an empty one" },
		{ "environments:\n  e:\n    vars: {k: K}\n    checks: {alpha: {web: {url: u,\n"
		  "      headers: {K: u, `'${k}': v}}}}\n",
		    "is given twice" },
		{ CHECK("web: {url: u}, note: `'a ${x'"), "without `}`" },
	};

	(void)state;
	{
		char path[100];

		snprintf(path, sizeof(path), "%s/nul", rig_folder);
		FILE *f = fopen(path, "we");
		assert_non_null(f);
		assert_int_equal(fwrite("a\0b", 1, 3, f), 3);
		assert_int_equal(fclose(f), 0);
		snprintf(path, sizeof(path), "%s/long", rig_folder);
		f = fopen(path, "we");
		assert_non_null(f);
		assert_int_equal(ftruncate(fileno(f), 100000), 0);
		assert_int_equal(fclose(f), 0);
	}
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

/* Names and texts that are too long, and variables that refer to each other too deep. */
static void
test_limits(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	ra_buf_puts(&text, "environments: {e: {checks: {alpha: {web: {url: `'${");
	for (int i = 0; i < 5000; i++)
		ra_buf_putc(&text, 'x');
	ra_buf_puts(&text, "}'}}}}}\n");
	refused_at(ra_buf_text(&text), "too long");
	ra_buf_clear(&text);
	ra_buf_puts(&text, "environments:\n  e:\n    vars:\n      v0: x\n");
	for (int i = 1; i < 20; i++)
		ra_buf_printf(&text, "      v%d: %s'${v%d}'\n", i, i == 4 ? "`" : "", i - 1);
	ra_buf_puts(&text, "    checks: {alpha: {web: {url: '${v19}'}}}\n");
	refused_at(ra_buf_text(&text), "refer to each other more than 16 deep");
	ra_buf_clear(&text);
	ra_buf_puts(&text, "environments: {e: {checks: {disk-: {disk: {path: `/");
	for (int i = 0; i < 4200; i++)
		ra_buf_putc(&text, 'x');
	ra_buf_puts(&text, "}, kind: alpha}}}}\n");
	refused_at(ra_buf_text(&text), "too long for a path");
	ra_buf_clear(&text);
	ra_buf_puts(&text, NONE "include: [`");
	for (int i = 0; i < 4200; i++)
		ra_buf_putc(&text, 'x');
	ra_buf_puts(&text, "]\n");
	refused_at(ra_buf_text(&text), "the path is too long");
}

/* --- YAML --- */

static void
test_yaml(void **state)
{
	static const struct row rows[] = {
		{ NONE "`<<: {a: b}\n", "merge keys" },
		{ NONE "`&k x: y\n", "a key has no anchor" },
		{ "environments: `!!str x\n", "every scalar is text" },
		{ "environments: `!x {}\n", "tags (`!...`) are not supported" },
		{ "environments: `!x []\n", "tags (`!...`) are not supported" },
		{ "product: {name: &n shop}\n`*n : x\n", "a key is a text, not an alias" },
		{ NONE "`[a]: x\n", "a key is a text, not a list or map" },
		{ NONE "`{a: b}: x\n", "a key is a text, not a list or map" },
		{ NONE "`'': x\n", "a key is empty" },
		{ NONE "`---\n" NONE, "a second document" },
		{ "environments: `\"a\\0b\"\n", "a text holds a NUL" },
		{ "environments: {}`\xe2\x80\xa8\n", "a line separator" },
		{ "environments: {}`\xe2\x80\xa9\n", "a line separator" },
		{ "environments: {}`\xc2\x85\n", "a line separator" },
		{ "environments: {}`\xc2\x81\n", "a control character" },
		{ "environments: {}`\x7f\n", "a control character" },
		{ "environments: {}`\x01\n", "a control character" },
		{ "environments: {}`\rx\n", "a control character" },
		{ "environments: [1,\n  2\n\n`", "that began on line 1" },
		{ "a: &a [[[[[[[[[[x]]]]]]]]]]\n"
		  "b: "
		  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[`*a]]]]]]]]]]]]]]]]]]]]"
		  "]]]]]"
		  "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
		    "nested more than 64 deep by this alias" },
	};

	(void)state;
	check_rows(rows, RA_ARRAY_SIZE(rows));
}

/* --- files --- */

static void
test_includes(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/loop", rig_folder);
	assert_int_equal(symlink("loop", path), 0);
	rig_write("a.yaml", "services: {a: {}}\n");
	rig_write("list.yaml", "[a]\n");
	refused_at(NONE "include: [`'loop/*.yaml']\n", "cannot read the folder of");
	refused_at(NONE "include: [a.yaml, `a.yaml]\n", "is included twice");
	refused_at(NONE "include: [a.yaml, `'a*.yaml']\n", "is included twice");
	rig_bad(NONE "include: list.yaml\n", "list.yaml", 1, 1, "a map");
	snprintf(path, sizeof(path), "%s/large.yaml", rig_folder);
	rig_write("large.yaml", "");
	assert_int_equal(truncate(path, 5000000), 0);
	refused_at(NONE "include: `large.yaml\n", "too large");
}

static void
test_try_large(void **state)
{
	struct ra_conf_load load = rig_conf_load();
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;
	size_t len = 5000000;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', len);
	assert_int_equal(ra_config_load_check(&load, "alpha", text, len, &c, &errors), -EINVAL);
	assert_non_null(strstr(errors.items[0].text, "too large"));
	assert_string_equal(errors.items[0].pos.file, "<try>");
	ra_errors_clear(&errors);
	free(text);
}

/* --- near a mistake, and none --- */

static void
test_odd_but_good(void **state)
{
	struct ra_config *c;

	(void)state;
	rig_write("empty.yaml", "# nothing\n");
	rig_write("bom.yaml", "\xef\xbb\xbfservices: {x: {}}\r\n");
	c = rig_good("include: [empty.yaml, 'b*.yaml']\n"
		     "connections: {hub: {web: {url: 'http://hub/', bearer: b, headers: {X: x}}}}\n"
		     "templates:\n"
		     "  empty: null\n"
		     "  none: {checks: null}\n"
		     "  one: {checks: {alpha: {web: {connection: hub}, list: [a]},\n"
		     "    alpha-x: {web: {url: u}}}}\n"
		     "  two: {checks: {alpha: {web: {headers: {Y: y}}, list+: b},\n"
		     "    alpha-x: null}}\n"
		     "defaults: {kinds: {alpha: null}}\n"
		     "environments:\n"
		     "  nothing: null\n"
		     "  hollow: {vars: null, checks: {}}\n"
		     "  e:\n"
		     "    use: [empty, none, one, two]\n"
		     "    checks:\n"
		     "      alpha: {list: null, list+: [c]}\n"
		     "      alpha-x: {web: {url: v}, note: 'a$${b}'}\n"
		     "      gamma: {disk: {path: /var///}, kind: null}\n"
		     "  single: {use: one, checks: {alpha: {list+: d}}}\n");
	{
		RA_BUF_LOCAL joined = RA_BUF(0);
		const struct disk *disk = rig_check(c, "e/gamma")->instances[0].source_options;

		assert_string_equal(rig_join(&rig_alpha(c, "e/alpha")->list, &joined), "c");
		assert_string_equal(rig_web(c, "e/alpha")->url.value, "http://hub/");
		assert_string_equal(rig_pair(&rig_web(c, "e/alpha")->headers, "X"), "x");
		assert_string_equal(rig_pair(&rig_web(c, "e/alpha")->headers, "Y"), "y");
		assert_string_equal(rig_web(c, "e/alpha-x")->url.value, "v");
		assert_string_equal(rig_alpha(c, "e/alpha-x")->note.value, "a${b}");
		assert_string_equal(disk->path.value, "/var");
		assert_string_equal(rig_join(&rig_alpha(c, "single/alpha")->list, &joined), "a,d");
		assert_string_equal(rig_web(c, "single/alpha")->bearer.value, "b");
	}
	assert_int_equal(ra_config_environment(c, "nothing")->check_count, 0);
	assert_int_equal(ra_config_environment(c, "hollow")->check_count, 0);
	ra_config_unref(c);
}

/* A map of more than a few keys is looked up, and counted in the fingerprint, like any other. */
static void
test_many_keys(void **state)
{
	uint8_t prints[2][16];

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		RA_BUF_LOCAL text = RA_BUF(0);
		struct ra_config *c;

		ra_buf_puts(&text, "environments: {e: {checks: {alpha: {web: {url: u, headers: {");
		for (int i = 0; i < 60; i++) {
			int n = turn == 0 ? i : 59 - i;

			ra_buf_printf(&text, "K%02d: %d, ", n, n);
		}
		ra_buf_puts(&text, "Gone: null}}}}}}\n");
		c = rig_good(ra_buf_text(&text));
		assert_int_equal(rig_web(c, "e/alpha")->headers.count, 60);
		assert_string_equal(rig_pair(&rig_web(c, "e/alpha")->headers, "K47"), "47");
		memcpy(prints[turn], rig_check(c, "e/alpha")->fingerprint, 16);
		ra_config_unref(c);
	}
	assert_memory_equal(prints[0], prints[1], 16);
}

/* The lines of a key, and what HTTP makes of a user and password, are as secret as the whole. */
static void
test_secrets(void **state)
{
	struct ra_config *c;
	const struct ra_check *check;
	static const char *const wanted[] = { "line one of it", "line two of it",
		"user:p%2Fssword" };

	(void)state;
	rig_write("key", "line one of it\nx\nline two of it\r\n");
	rig_write("pass", "p%2Fssword\r\n");
	c = rig_good("environments: {e: {checks: {alpha: {web: {url: "
		     "\"http://user:${file:@/pass}\\x40h/\",\n"
		     "  bearer: '${file:@/key}'}}}}}\n");
	check = rig_check(c, "e/alpha");
	for (size_t i = 0; i < RA_ARRAY_SIZE(wanted); i++) {
		bool found = false;

		for (size_t k = 0; k < check->secret_count; k++)
			found = found || strcmp(check->secrets[k], wanted[i]) == 0;
		if (!found)
			fail_msg("'%s' would be shown", wanted[i]);
	}
	for (size_t k = 1; k < check->secret_count; k++)
		assert_true(strlen(check->secrets[k - 1]) >= strlen(check->secrets[k]));
	ra_config_unref(c);
}

static void
test_print(void **state)
{
	struct ra_conf_load load = rig_conf_load();
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);

	(void)state;
	rig_write("main.yaml",
	    "environments: {e: {aliases: [x, ee], checks: {alpha: {web: {url: u, headers: {}},\n"
	    "  list: [], note: 'a: b', format: tree}}}, ex: {checks: {alpha: {web: {url: v}}}}}\n");
	assert_int_equal(ra_config_print(&load, "ee/alpha", &out, &errors), 0);
	assert_non_null(strstr(ra_buf_text(&out), "headers: {}  # "));
	assert_non_null(strstr(ra_buf_text(&out), "list: []  # "));
	assert_non_null(strstr(ra_buf_text(&out), "note: \"a: b\"  # "));
	assert_null(strstr(ra_buf_text(&out), "url: v"));
	ra_buf_clear(&out);
	assert_int_equal(ra_config_print(&load, "alpha", &out, &errors), -ENOENT);
	assert_int_equal(ra_config_print(&load, "eee/alpha", &out, &errors), -ENOENT);
	assert_string_equal(ra_buf_text(&out), "");
	assert_non_null(strstr(errors.items[1].text, "did you mean 'e/alpha'"));
	ra_errors_clear(&errors);
}

/* Each thing that a reload takes over without a restart of checks. */
static void
test_diff(void **state)
{
	static const struct {
		const char *was, *now, *told;
	} rows[] = {
		{ "environments: {e: {}}", "environments: {f: {}}", "- e\n+ f\n" },
		{ "environments: {e: {rank: 1}}", "environments: {e: {rank: 2}}", "~ e:" },
		{ "environments: {e: {labels: {a: b}}}", "environments: {e: {labels: {a: c}}}",
		    "~ e:" },
		{ "environments: {e: {labels: {a: b}}}", "environments: {e: {labels: {b: b}}}",
		    "~ e:" },
		{ "environments: {e: {labels: {a: b}}}", "environments: {e: {}}", "~ e:" },
		{ "environments: {e: {aliases: [x]}}", "environments: {e: {aliases: [y]}}",
		    "~ e:" },
		{ "environments: {e: {owner: a}}", "environments: {e: {owner: b}}", "~ e:" },
		{ "environments: {e: {owner: a}}", "environments: {e: {}}", "~ e:" },
		{ "environments: {e: {}}", "environments: {e: {owner: a}}", "~ e:" },
		{ "environments: {e: {runbook: 'http://a/'}}",
		    "environments: {e: {runbook: 'http://b/'}}", "~ e:" },
		{ "environments: {e: {aliases: [x]}}", "environments: {x: {}}", "- e\n+ x\n" },
		{ "environments: {}", "environments: {}\naccess: {run: [root]}", "~ access\n" },
		{ "environments: {}", "environments: {}\naccess: {reload: [root]}", "~ access\n" },
		{ "environments: {}", "environments: {}\ndaemon: {in-flight: 5}", "~ daemon\n" },
		{ "environments: {}", "environments: {}\ndaemon: {per-host: 5}", "~ daemon\n" },
		{ "environments: {}", "environments: {}\ndaemon: {history: {keep: 30d}}",
		    "~ daemon\n" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_config *was = rig_good(rows[i].was), *now = rig_good(rows[i].now);
		RA_BUF_LOCAL out = RA_BUF(0);

		ra_config_diff(was, now, &out);
		if (strncmp(ra_buf_text(&out), rows[i].told, strlen(rows[i].told)) != 0)
			fail_msg("%s -> %s: %s", rows[i].was, rows[i].now, ra_buf_text(&out));
		ra_buf_clear(&out);
		ra_config_diff(now, now, &out);
		assert_string_equal(ra_buf_text(&out), "");
		ra_config_unref(was);
		ra_config_unref(now);
	}
}

/* --- the daemon's own --- */

#define FILE_OF(name) "file: {path: /etc/" name "}, format: dotenv"
#define STAGING	      "staging: {checks: {config-a: {" FILE_OF("s") "}}}, "
#define CONFIG(what) \
	"environments: {" STAGING "e: {vars: {l: [a], t: x}, checks: {" \
	"config-a: {" FILE_OF("a") ", " what "}}}}\n"
#define BASELINE(what) CONFIG("expect: {baseline: " what "}")
#define GIT_OF(url)    "git: {repository: '" url "', ref: m, path: p}"

static void
test_own(void **state)
{
	static const struct row rows[] = {
		{ BASELINE("`[x]"), "not a list" },
		{ BASELINE("{" GIT_OF("/srv/a.git") ", format: `[yaml]}"), "a name, not a list" },
		{ BASELINE("{" GIT_OF("/srv/a.git") ", format: `yml}"), "did you mean" },
		{ BASELINE("{" GIT_OF("/srv/a.git") ", format: `text}"), "keys and values" },
		{ BASELINE("{" GIT_OF("/srv/a.git") ", format: yaml, `selct: /a}"), "select" },
		{ BASELINE("{" GIT_OF("/srv/a.git") ", `dialect: node}"), "format" },
		{ BASELINE("{" GIT_OF("/srv/a.git") ", format: dotenv, dialect: `nod}"), "node" },
		{ CONFIG("normalize: [`a.b]"), "not the name of a variable" },
		{ CONFIG("normalize: [`l]"), "what is normalized is a text" },
		{ CONFIG("normalize: `l"), "what is normalized is a text" },
		{ CONFIG("normalize: [`none]"), "is not defined" },
		{ CONFIG("expect: {same-as: `stagin}"), "did you mean 'staging'" },
		{ CONFIG("expect: {same-as: `e}"), "against itself" },
		{ CONFIG("expect: {same-as: `staging/config-b}"), "config-b" },
	};
	struct ra_config *c;

	(void)state;
	rig_in_use = &own_registry;
	check_rows(rows, RA_ARRAY_SIZE(rows));
	c = rig_good(CONFIG("normalize: [t, t], expect: {same-as: staging}"));
	assert_int_equal(rig_check(c, "e/config-a")->variables.count, 1);
	assert_string_equal(rig_check(c, "e/config-a")->variables.list[0].text.value, "x");
	assert_int_equal(rig_check(c, "staging/config-a")->dependent_count, 1);
	assert_int_equal(rig_check(c, "staging/config-a")->variables.count, 0);
	ra_config_unref(c);
	rig_in_use = &rig_registry;
}

/* One that many are held against knows them all, and lends what is normalized. */
static void
test_peers(void **state)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	const struct ra_check *staging;
	struct ra_config *c;

	(void)state;
	rig_in_use = &own_registry;
	ra_buf_puts(&text, "environments:\n  staging:\n    vars: {t: y}\n"
			   "    checks: {config-a: {" FILE_OF("s") ", normalize: [t, check]}}\n");
	for (int i = 0; i < 20; i++)
		ra_buf_printf(&text,
		    "  e%d:\n    %s\n    checks: {config-a: {" FILE_OF(
			"a") ", expect: {same-as: staging}}}\n",
		    i, i % 2 == 0 ? "vars: {t: z}" : "rank: 1");
	c = rig_good(ra_buf_text(&text));
	staging = rig_check(c, "staging/config-a");
	assert_int_equal(staging->dependent_count, 20);
	assert_int_equal(rig_check(c, "e4/config-a")->variables.count, 2);
	assert_int_equal(rig_check(c, "e5/config-a")->variables.count, 1);
	ra_config_unref(c);
	rig_in_use = &rig_registry;
}

/* What is not read is not judged; what is written is. */
static void
test_offline(void **state)
{
	struct ra_conf_load load = rig_conf_load();
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;

	(void)state;
	load.offline = true;
	rig_write("main.yaml", CHECK("web: {url: '${file:/nowhere}', tries: '${env:RA_NOT_SET}', "
				     "tls: {ca: '${env:RA_NOT_SET}'}}"));
	assert_int_equal(ra_config_load(&load, &c, &errors), 0);
	assert_int_equal(c->watched_count, 0);
	ra_config_unref(RA_TAKE(c));
	rig_write("main.yaml", CHECK("web: {url: '${file:/nowhere}', tries: x}"));
	assert_int_equal(ra_config_load(&load, &c, &errors), -EINVAL);
	assert_int_equal(errors.count, 1);
	ra_errors_clear(&errors);
}

static void
test_nulls(void **state)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	(void)state;
	for (size_t i = 0; i < 2 * RA_ARRAY_SIZE(nulls) - 1; i++) {
		bool text = i >= RA_ARRAY_SIZE(nulls);
		const char *value = nulls[text ? i - RA_ARRAY_SIZE(nulls) + 1 : i];
		char yaml[100];
		struct ra_config *c;

		snprintf(yaml, sizeof(yaml),
		    text ? "environments: {e: {owner: '%s'}}\n"
			 : "environments:\n  e:\n    owner: %s\n",
		    value);
		c = rig_good(yaml);
		if (text)
			assert_string_equal(c->environments[0]->owner, value);
		else
			assert_null(c->environments[0]->owner);
		ra_config_unref(c);
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_shapes),
		CASE(test_for),
		CASE(test_holes),
		CASE(test_limits),
		CASE(test_yaml),
		CASE(test_includes),
		CASE(test_try_large),
		CASE(test_odd_but_good),
		CASE(test_many_keys),
		CASE(test_secrets),
		CASE(test_print),
		CASE(test_diff),
		CASE(test_own),
		CASE(test_peers),
		CASE(test_offline),
		CASE(test_nulls),
	};

	return cmocka_run_group_tests(tests, fill_registry, NULL);
}
