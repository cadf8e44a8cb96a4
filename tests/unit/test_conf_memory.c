/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration for which memory runs out, wherever it does: it is refused with a word of it,
 * never taken in part, and the next load is as if nothing had been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>
#include <yaml.h>

#include "conf_rig.h"
#include "failing_conf.h"
#include "own_registry.h"

int __real_yaml_parser_initialize(yaml_parser_t *parser);
int __wrap_yaml_parser_initialize(yaml_parser_t *parser);

int
__wrap_yaml_parser_initialize(yaml_parser_t *parser)
{
	return failing_refused() ? 0 : __real_yaml_parser_initialize(parser);
}

int __real_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);
int __wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);

int
__wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event)
{
	if (!failing_refused())
		return __real_yaml_parser_parse(parser, event);
	memset(event, 0, sizeof(*event));
	parser->error = YAML_MEMORY_ERROR;
	return 0;
}

int __real_glob(const char *pattern, int flags, int (*on_error)(const char *, int), glob_t *found);
int __wrap_glob(const char *pattern, int flags, int (*on_error)(const char *, int), glob_t *found);

int
__wrap_glob(const char *pattern, int flags, int (*on_error)(const char *, int), glob_t *found)
{
	return failing_refused() ? GLOB_NOSPACE : __real_glob(pattern, flags, on_error, found);
}

/* --- one load --- */

struct loading_case {
	const struct ra_registry *registry;
	const char *print; /* NULL: load */
	const char *check; /* NULL: a whole configuration; else the text of one check */
	bool bad;
	/* of the first, unhindered one */
	char *said;
	size_t said_count;
};

static bool
speaks_of_memory(const struct ra_errors *errors)
{
	bool found = errors->more > 0;

	for (size_t i = 0; i < errors->count; i++)
		found = found || strcasestr(errors->items[i].text, "memory") != NULL;
	return found;
}

/* All that is to be seen of a load that was done. */
static void
look(const struct ra_config *c, const struct ra_errors *errors, struct ra_buf *out)
{
	ra_errors_print(errors, out);
	if (c == NULL)
		return;
	ra_buf_puts(out, c->digest);
	for (size_t i = 0; i < c->check_count; i++) {
		const struct ra_check *check = c->checks[i];

		ra_buf_printf(out, "\n%s %zu %zu %zu", check->id, check->instance_count,
		    check->secret_count, check->peer_count + check->dependent_count);
		for (size_t j = 0; j < sizeof(check->fingerprint); j++)
			ra_buf_printf(out, "%02x", check->fingerprint[j]);
		assert_ptr_equal(ra_config_check(c, check->id), check);
	}
}

static int
load_once(const struct loading_case *lc, struct ra_config **ret, struct ra_buf *shown,
    struct ra_errors *errors)
{
	struct ra_conf_load load = rig_conf_load();

	load.registry = lc->registry;
	if (lc->check != NULL)
		return ra_config_load_check(
		    &load, "alpha", lc->check, strlen(lc->check), ret, errors);
	if (lc->print != NULL)
		return ra_config_print(&load, lc->print, shown, errors);
	return ra_config_load(&load, ret, errors);
}

static bool
run_load(void *arg, int at, bool onward)
{
	struct loading_case *lc = arg;
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL shown = RA_BUF(0);
	struct ra_config *c = NULL;
	bool refused;
	int r;

	failing_arm(at, onward);
	r = load_once(lc, &c, &shown, &errors);
	refused = failing_disarm();
	if (r < 0 && refused && speaks_of_memory(&errors)) {
		assert_null(c);
		assert_int_equal(shown.len, 0);
	} else {
		if ((r < 0) != lc->bad) {
			ra_errors_print(&errors, &shown);
			fail_msg("request %d: %d\n%s", at, r, ra_buf_text(&shown));
		}
		look(c, &errors, &shown);
		if (lc->said == NULL)
			lc->said = strdup(ra_buf_text(&shown));
		/* The source line under an error may lack. */
		if (!lc->bad || !refused)
			assert_string_equal(ra_buf_text(&shown), lc->said);
		assert_true(r == 0 || ra_errors_any(&errors));
	}
	ra_errors_clear(&errors);
	ra_config_unref(c);
	return refused;
}

static void
load_each(struct loading_case lc)
{
	failing_each(run_load, &lc, 1);
	free(lc.said);
}

/* --- made-up kinds: every type of option --- */

#define RICH \
	"include: [parts/*.yaml, more.yaml]\n" \
	"daemon:\n" \
	"  socket: {path: /run/x.sock, group: root}\n" \
	"  exec: {allow: [/usr/lib/x, /usr/lib/y]}\n" \
	"  history: {keep: 30d}\n" \
	"access: {run: [root], reload: [ann]}\n" \
	"people: {ann: {user: root}}\n" \
	"product: {name: shop, repository: {url: 'https://git.example.com/shop.git'}}\n" \
	"defaults: {every: 2m, kinds: {alpha: {every: 3m, confirm: 2}}}\n" \
	"services: {api: {repository: {url: /srv/api.git, tag: 'api/v{version}'}}, web: {}}\n" \
	"connections: {hub: {web: {url: \"https://u:p%40q\\x40hub/\", bearer: " \
	"'${file:@/token}'}}}\n" \
	"templates:\n" \
	"  t:\n" \
	"    checks:\n" \
	"      'alpha-${service}':\n" \
	"        web: {connection: hub, url: 'http://${host}/${name}${pad}'}\n" \
	"        for: {host: '${hosts}'}\n" \
	"        list: [one]\n" \
	"      alpha-gone: {web: {url: u}}\n" \
	"environments:\n" \
	"  e:\n" \
	"    rank: 1\n" \
	"    aliases: [ee, eee]\n" \
	"    labels: {a: b, c: '${domain}'}\n" \
	"    owner: ann\n" \
	"    vars: {domain: x.example, pad: '${name}/', name: n}\n" \
	"    use: [{t: {service: api, hosts: [a, b, c]}}, {t: {service: web, hosts: [d]}}]\n" \
	"    checks:\n" \
	"      alpha-gone: null\n" \
	"      alpha-api: {list+: [two], expect: {need: [p, q]}, warn: {version: 1}}\n" \
	"      alpha-full:\n" \
	"        web:\n" \
	"          url: 'http://${domain}/'\n" \
	"          headers: {Authorization: 'Basic abcdefgh', B: '${credential:cred}', C: c}\n" \
	"          bearer: '${env:RA_TEST_SECRET}'\n" \
	"          tls: {ca: /etc/ca/, verify: false}\n" \
	"          method: post\n" \
	"          max-size: 2M\n" \
	"          wait: 2s\n" \
	"          ratio: 5%\n" \
	"        format: tree\n" \
	"        where: /a\n" \
	"        service: api\n" \
	"      beta: {disk: {path: /var, glob: '*'}}\n" \
	"      gamma: {disk: {path: '/var/${check}'}, severity: warning}\n"

static void
write_rich(void)
{
	char parts[100];

	setenv("RA_TEST_SECRET", "hidden-value", 1);
	snprintf(parts, sizeof(parts), "%s/parts", rig_folder);
	assert_int_equal(mkdir(parts, 0700), 0);
	rig_write("main.yaml", RICH);
	rig_write(
	    "parts/a.yaml", "environments: {f: &f {checks: {beta: {disk: {path: /x}}}}, g: *f}\n");
	rig_write("parts/b.yaml", "environments: {h: {rank: 2, checks: {}}}\n");
	rig_write("more.yaml", "\xef\xbb\xbf# nothing but a remark\n");
	rig_write("token", "token-of-the-hub\r\n");
	rig_write("cred", "first line of a key\nsecond line of it\n");
}

static void
test_rich(void **state)
{
	(void)state;
	write_rich();
	load_each((struct loading_case){ .registry = &rig_registry });
}

static void
test_print(void **state)
{
	(void)state;
	write_rich();
	load_each((struct loading_case){ .registry = &rig_registry, .print = "ee/alpha-full" });
	load_each((struct loading_case){ .registry = &rig_registry, .print = "e/alpha-api" });
	load_each(
	    (struct loading_case){ .registry = &rig_registry, .print = "e/alpa-api", .bad = true });
}

static void
test_one_check(void **state)
{
	(void)state;
	rig_write("token", "xxxxxxxx");
	load_each((struct loading_case){ .registry = &rig_registry,
	    .check =
		"{web: {url: u, bearer: '${env:PATH}'}, expect: {count: 1}, list: [a, b]}\n" });
	load_each((struct loading_case){
	    .registry = &rig_registry, .check = "web: {url: [u]}\n", .bad = true });
}

/* What is wrong is said, or that memory is out; never that all is well. */
static void
test_bad(void **state)
{
	static const char *const texts[] = {
		"environments: {e: {checks: {alpha: {web: {url: '${file:@/none}', methd: x}}}}}\n",
		"environments:\n  e: {vars: {a: '${b}', b: '${a}'},\n"
		"      checks: {alpha: {web: {url: '${a}'}, ignored: 1}, other: {web: {url: "
		"u}}}}\n",
		"include: [none.yaml, 'none/*.yaml']\nenvironments: {}\n",
		"environments: {e: {use: [none, {t: {x: 1}}]}}\ntemplates: {t: {checks: {}}}\n",
		"environments: {e: [1\n",
		"a: &a [*a]\n",
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
		rig_write("main.yaml", texts[i]);
		load_each((struct loading_case){ .registry = &rig_registry, .bad = true });
	}
}

/* --- the daemon's own kinds --- */

#define OWN_KEYS \
	"daemon: {exec: {allow: [/usr/lib/x]}}\n" \
	"product: {name: shop, repository: {url: 'https://git.example.com/shop.git', tag: " \
	"'v{version}'}}\n" \
	"services: {api: {}}\n" \
	"environments:\n" \
	"  staging:\n" \
	"    rank: 1\n" \
	"    vars: {domain: s.example, zone: z}\n" \
	"    checks:\n" \
	"      config-api: {file: {path: /etc/shop/staging.env}, format: dotenv}\n" \
	"      version-api: {http: {url: 'https://${domain}/version'}, version: /version}\n" \
	"  production:\n" \
	"    rank: 2\n" \
	"    vars: {domain: p.example, zone: z}\n" \
	"    checks:\n" \
	"      version-api:\n" \
	"        http: {url: 'https://${domain}/version', connect: 'h:443',\n" \
	"          basic: {user: u, password: '${env:RA_TEST_SECRET}'}}\n" \
	"        version: /version\n" \
	"        expect: {version: '>=1.4 <2 || 3.x', tagged: true, not-ahead-of: staging}\n" \
	"      config-api:\n" \
	"        file: {path: /etc/shop/api.env}\n" \
	"        format: dotenv\n" \
	"        secret: ['*_SALT']\n" \
	"        normalize: [environment, domain, zone]\n" \
	"        expect:\n" \
	"          same-as: staging\n" \
	"          differ: [DATABASE_PASSWORD]\n" \
	"          required: [DATABASE_HOST]\n" \
	"          origin: {'*': '/etc/shop/*'}\n" \
	"          baseline:\n" \
	"            git: {repository: 'https://git.example.com/ops.git', ref: m, path: v.yaml}\n" \
	"            format: yaml\n" \
	"            select: /production\n" \
	"      logs-api:\n" \
	"        file: {path: /var/log/x}\n" \
	"        time: '^(?<time>\\S+)'\n" \
	"        expect: {max-age: 5m, forbidden: [Bad, Worse]}\n" \
	"      backup-db: {file: {glob: '/b/*'}, expect: {max-age: 26h, max-shrink: 30%}}\n" \
	"      plugin-disk: {exec: {command: [/usr/lib/x/p, -w], environment: {A_TOKEN: " \
	"abcdefgh}}}\n" \
	"      version-b: {http: {url: 'http://h/'}, format: text, regex: '(?<version>\\d+)'}\n"

static void
test_own(void **state)
{
	(void)state;
	setenv("RA_TEST_SECRET", "hidden-value", 1);
	rig_write("main.yaml", OWN_KEYS);
	load_each((struct loading_case){ .registry = &own_registry });
	load_each(
	    (struct loading_case){ .registry = &own_registry, .print = "production/config-api" });
}

/* --- the list of options, and what a reload changes --- */

static bool
run_describe(void *arg, int at, bool onward)
{
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL text = RA_BUF(0);
	RA_BUF_LOCAL manual = RA_BUF(0);
	bool refused;

	(void)arg;
	failing_arm(at, onward);
	ra_config_describe(&own_registry, "config", &text, &errors);
	ra_config_describe_scdoc(&own_registry, &manual);
	refused = failing_disarm();
	assert_true(text.error < 0 || manual.error < 0 || !refused);
	assert_int_equal(errors.count, 0);
	return refused;
}

static void
test_describe(void **state)
{
	(void)state;
	failing_each(run_describe, NULL, 1);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_rich),
		CASE(test_print),
		CASE(test_one_check),
		CASE(test_bad),
		CASE(test_own),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, fill_registry, NULL);
}
