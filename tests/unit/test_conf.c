/* SPDX-License-Identifier: Apache-2.0 */
/* What is loaded, by the rules of the manual; what is refused is in test_conf_errors.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>
#include <yaml.h>

#include "relaudit/base/clock.h"

#include "conf_rig.h"

static void
test_defaults(void **state)
{
	struct ra_config *c = rig_good("environments: {e: {checks: {alpha: {web: {url: u}}}}}\n");
	const struct ra_check *check = rig_check(c, "e/alpha");
	const struct web *web = check->instances[0].source_options;
	const struct words *expect = check->expect;

	(void)state;
	assert_int_equal(c->refs, 1);
	assert_string_equal(c->daemon.socket_path, "/run/relaudit/relauditd.sock");
	assert_null(c->daemon.socket_group);
	assert_string_equal(c->daemon.state, "/var/lib/relaudit");
	assert_int_equal(c->daemon.syslog_facility, LOG_DAEMON);
	assert_int_equal(c->daemon.in_flight, 1000);
	assert_int_equal(c->daemon.per_host, 8);
	assert_int_equal(c->daemon.history_keep, 400 * RA_DAY);
	assert_null(c->product);
	assert_int_equal(c->service_count + c->person_count, 0);
	assert_int_equal(strncmp(c->digest, "sha256:", 7), 0);
	assert_int_equal(strlen(c->digest), 7 + 64);
	assert_int_equal(c->environment_count, 1);
	assert_int_equal(c->environments[0]->rank, RA_UNSET);
	assert_null(c->environments[0]->owner);
	assert_string_equal(check->name, "alpha");
	assert_string_equal(check->id, "e/alpha");
	assert_null(check->service);
	assert_int_equal(check->kind, KIND_ALPHA);
	assert_int_equal(check->source, SOURCE_WEB);
	assert_int_equal(check->format, FORMAT_TEXT);
	assert_int_equal(check->severity, RA_CRITICAL);
	assert_true(check->every > 0 && check->timeout > 0 && check->retry > 0);
	assert_true(check->confirm > 0 && check->recover > 0);
	assert_int_equal(check->instance_count, 1);
	assert_null(check->instances[0].name);
	assert_false(check->many);
	assert_int_equal(check->secret_count + check->selector_count, 0);
	assert_null(check->warn);
	assert_null(expect->version.value);
	assert_int_equal(expect->max_age, RA_UNSET);
	/* of the source: what is given, what has a default, what has none */
	assert_string_equal(web->url.value, "u");
	assert_ptr_equal(web->url.value, web->url.shown);
	assert_null(web->bearer.value);
	assert_null(web->tls);
	assert_int_equal(web->method, 0);
	assert_int_equal(web->max_size, 1000000);
	assert_int_equal(web->ratio, RA_UNSET);
	assert_int_equal(web->headers.count, 0);
	assert_int_equal(web->prepared, 1);
	ra_config_unref(c);
	ra_config_unref(NULL);
}

static void
test_every_type(void **state)
{
	struct ra_config *c =
	    rig_good("environments:\n"
		     "  e:\n"
		     "    checks:\n"
		     "      alpha:\n"
		     "        web:\n"
		     "          url: 1.10\n"
		     "          empty: ''\n"
		     "          headers: {A: 'true', B: 007}\n"
		     "          tls: {ca: /etc/ca.pem, verify: false}\n"
		     "          method: post\n"
		     "          max-size: 2MiB\n"
		     "          ratio: 12.5%\n"
		     "          tries: 9\n"
		     "          wait: 1m\n"
		     "        list: only\n"
		     "        expect: {count: 0, max-age: 1h30m, need: [a, b c]}\n"
		     "        warn: {version: yes}\n"
		     "        severity: warning\n"
		     "        every: 90s\n"
		     "        timeout: 5s\n"
		     "        retry: 7s\n"
		     "        confirm: 3\n"
		     "        recover: 4\n");
	const struct ra_check *check = rig_check(c, "e/alpha");
	const struct web *web = rig_web(c, "e/alpha");
	const struct words *expect = check->expect, *warn = check->warn;
	RA_BUF_LOCAL list = RA_BUF(0);

	(void)state;
	assert_string_equal(web->url.value, "1.10");
	assert_string_equal(web->empty.value, "");
	assert_int_equal(web->headers.count, 2);
	assert_string_equal(rig_pair(&web->headers, "A"), "true");
	assert_string_equal(rig_pair(&web->headers, "B"), "007");
	assert_string_equal(web->tls->ca.value, "/etc/ca.pem");
	assert_int_equal(web->tls->verify, 0);
	assert_int_equal(web->method, 1);
	assert_int_equal(web->max_size, 2 << 20);
	assert_int_equal(web->ratio, 1250);
	assert_int_equal(web->tries, 9);
	assert_int_equal(web->wait, RA_MINUTE);
	assert_string_equal(rig_join(&rig_alpha(c, "e/alpha")->list, &list), "only");
	assert_int_equal(expect->count, 0);
	assert_int_equal(expect->max_age, 90 * RA_MINUTE);
	assert_null(expect->version.value);
	assert_string_equal(warn->version.value, "yes");
	assert_int_equal(warn->count, RA_UNSET);
	assert_int_equal(check->severity, RA_WARNING);
	assert_int_equal(check->every, 90 * RA_SECOND);
	assert_int_equal(check->timeout, 5 * RA_SECOND);
	assert_int_equal(check->retry, 7 * RA_SECOND);
	assert_int_equal(check->confirm, 3);
	assert_int_equal(check->recover, 4);
	ra_config_unref(c);
}

static void
test_sections(void **state)
{
	struct ra_config *c = rig_good(
	    "daemon:\n"
	    "  socket: {path: /tmp/sock, group: adm}\n"
	    "  state: /tmp/state\n"
	    "  syslog: {facility: local3}\n"
	    "access: {run: [bin, sys], reload: [sys]}\n"
	    "people: {alice: {user: bin}, bob: {}}\n"
	    "product: {name: shop, repository: {url: https://g/shop.git, tag: \"v{version}\"}}\n"
	    "services: {api: {repository: {url: https://g/api.git, tag: \"api/v{version}\"}},"
	    " web: {}}\n"
	    "environments:\n"
	    "  zeta: {rank: 1, checks: {}}\n"
	    "  prod:\n"
	    "    rank: 30\n"
	    "    aliases: [live, production]\n"
	    "    owner: team-a\n"
	    "    runbook: https://wiki/x\n"
	    "    labels: {team: a, tier: 1}\n"
	    "    checks:\n"
	    "      beta-x: {disk: {glob: /x}}\n"
	    "      alpha-api: {web: {url: u}}\n"
	    "  acc: {rank: 30, checks: {alpha: {web: {url: u}}}}\n");
	const struct ra_environment *prod = ra_config_environment(c, "prod");
	RA_BUF_LOCAL list = RA_BUF(0);

	(void)state;
	assert_string_equal(c->daemon.socket_path, "/tmp/sock");
	assert_string_equal(c->daemon.socket_group, "adm");
	assert_string_equal(c->daemon.state, "/tmp/state");
	assert_int_equal(c->daemon.syslog_facility, LOG_LOCAL3);
	assert_string_equal(rig_join(&c->access.run, &list), "bin,sys");
	assert_string_equal(rig_join(&c->access.reload, &list), "sys");
	assert_int_equal(c->person_count, 2);
	assert_string_equal(c->product, "shop");
	assert_string_equal(c->product_repository.repository_url, "https://g/shop.git");
	assert_int_equal(c->service_count, 2);
	/* by rank, then name */
	assert_int_equal(c->environment_count, 3);
	assert_string_equal(c->environments[0]->name, "zeta");
	assert_string_equal(c->environments[1]->name, "acc");
	assert_ptr_equal(c->environments[2], prod);
	assert_int_equal(prod->index, 2);
	assert_int_equal(prod->rank, 30);
	assert_string_equal(prod->owner, "team-a");
	assert_string_equal(prod->runbook, "https://wiki/x");
	assert_string_equal(rig_pair(&prod->labels, "tier"), "1");
	/* names and aliases */
	assert_ptr_equal(ra_config_environment(c, "live"), prod);
	assert_ptr_equal(ra_config_environment(c, "production"), prod);
	assert_null(ra_config_environment(c, "pro"));
	assert_ptr_equal(ra_config_check(c, "live/beta-x"), ra_config_check(c, "prod/beta-x"));
	assert_null(ra_config_check(c, "prod"));
	assert_null(ra_config_check(c, "prod/beta"));
	assert_null(ra_config_check(c, "nowhere/beta-x"));
	/* checks by environment, then name */
	assert_int_equal(c->check_count, 3);
	assert_string_equal(c->checks[0]->id, "acc/alpha");
	assert_string_equal(c->checks[1]->id, "prod/alpha-api");
	assert_string_equal(c->checks[2]->id, "prod/beta-x");
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(c->checks[i]->index, i);
	assert_ptr_equal(prod->checks[1], c->checks[2]);
	assert_ptr_equal(c->checks[2]->environment, prod);
	assert_int_equal(c->checks[2]->format, RA_NO_FORMAT);
	ra_config_unref(c);
}

/* Kind: the name up to its first dash; service: the whole rest, if there is one of that name. */
static void
test_kind_and_service(void **state)
{
	static const struct {
		const char *check;
		int kind;
		const char *service;
	} rows[] = {
		{ "alpha", KIND_ALPHA, NULL },
		{ "alpha-api", KIND_ALPHA, "api" },
		{ "alpha-web-app", KIND_ALPHA, "web-app" },
		{ "alpha-web", KIND_ALPHA, NULL },
		{ "alpha-api-x", KIND_ALPHA, NULL },
		{ "gamma-api", KIND_GAMMA, "api" },
		{ "motto", KIND_ALPHA, NULL },
		{ "beta-api", KIND_ALPHA, "api" },
		{ "alpha-own", KIND_ALPHA, "api" },
	};
	struct ra_config *c = rig_good("services: {api: {}, web-app: {}}\n"
				       "environments:\n"
				       "  e:\n"
				       "    checks:\n"
				       "      alpha: {web: {url: u}}\n"
				       "      alpha-api: {web: {url: u}}\n"
				       "      alpha-web-app: {web: {url: u}}\n"
				       "      alpha-web: {web: {url: u}}\n"
				       "      alpha-api-x: {web: {url: u}}\n"
				       "      gamma-api: {web: {url: u}}\n"
				       "      motto: {kind: alpha, web: {url: u}}\n"
				       "      beta-api: {kind: alpha, web: {url: u}}\n"
				       "      alpha-own: {service: api, web: {url: u}}\n");

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char id[64];
		const struct ra_check *check;

		snprintf(id, sizeof(id), "e/%s", rows[i].check);
		check = rig_check(c, id);
		assert_int_equal(check->kind, rows[i].kind);
		assert_string_equal(check->service != NULL ? check->service : "-",
		    rows[i].service != NULL ? rows[i].service : "-");
	}
	ra_config_unref(c);
}

/* --- merging --- */

#define BASE \
	"templates:\n" \
	"  t:\n" \
	"    checks:\n" \
	"      alpha:\n" \
	"        web: {url: u, bearer: b, headers: {A: 1, B: 2}}\n" \
	"        format: tree\n" \
	"        where: /v\n" \
	"        list: [x, y]\n" \
	"        every: 5m\n" \
	"        expect: {version: v, count: 7}\n" \
	"  u: {checks: {alpha: {every: 6m, list+: [z], web: {headers: {B: 3}}}}}\n"
#define WITH(use, check) BASE "environments: {e: {use: [" use "], checks: {alpha: " check "}}}\n"

static void
test_maps_merge(void **state)
{
	struct ra_config *c =
	    rig_good(WITH("t", "{web: {headers: {B: 4, C: 5}}, expect: {count: 8}}"));
	const struct web *web = rig_web(c, "e/alpha");
	const struct words *expect = rig_check(c, "e/alpha")->expect;

	(void)state;
	assert_string_equal(web->url.value, "u");
	assert_int_equal(web->headers.count, 3);
	assert_string_equal(rig_pair(&web->headers, "A"), "1");
	assert_string_equal(rig_pair(&web->headers, "B"), "4");
	assert_string_equal(rig_pair(&web->headers, "C"), "5");
	assert_string_equal(expect->version.value, "v");
	assert_int_equal(expect->count, 8);
	ra_config_unref(c);
}

static void
test_lists_and_scalars(void **state)
{
	static const struct {
		const char *text, *list;
		int64_t every;
	} rows[] = {
		{ WITH("t", "{}"), "x,y", 5 },
		{ WITH("t", "{list: [z]}"), "z", 5 },
		{ WITH("t", "{list: z, every: 1m}"), "z", 1 },
		{ WITH("t", "{list+: [z, z]}"), "x,y,z,z", 5 },
		{ WITH("t", "{list+: z}"), "x,y,z", 5 },
		{ WITH("t", "{list: []}"), "", 5 },
		{ WITH("t", "{list: null}"), "", 5 },
		/* in the order of use, the environment last */
		{ WITH("t, u", "{}"), "x,y,z", 6 },
		{ WITH("u, t", "{}"), "x,y", 5 },
		{ WITH("t, u", "{list+: [w], every: 7m}"), "x,y,z,w", 7 },
		{ "environments: {e: {checks: {alpha: {web: {url: u}, list+: [a], every: 1m}}}}",
		    "a", 1 },
	};
	RA_BUF_LOCAL list = RA_BUF(0);

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_config *c = rig_good(rows[i].text);
		const char *got = rig_join(&rig_alpha(c, "e/alpha")->list, &list);
		int64_t every = rig_check(c, "e/alpha")->every;

		if (strcmp(got, rows[i].list) != 0 || every != rows[i].every * RA_MINUTE)
			fail_msg("row %zu: '%s', every %d", i, got, (int)every);
		ra_config_unref(c);
	}
}

static void
test_null_removes(void **state)
{
	struct ra_config *c = rig_good(
	    WITH("t", "{web: {bearer: null, headers: {A: null}}, expect: null, every: null}"));
	const struct web *web = rig_web(c, "e/alpha");
	const struct words *expect = rig_check(c, "e/alpha")->expect;

	(void)state;
	assert_null(web->bearer.value);
	assert_int_equal(web->headers.count, 1);
	assert_null(expect->version.value);
	assert_int_equal(expect->count, RA_UNSET);
	assert_int_not_equal(rig_check(c, "e/alpha")->every, 5 * RA_MINUTE);
	ra_config_unref(c);
	/* a whole check of the template */
	c = rig_good(WITH("t", "null"));
	assert_int_equal(c->check_count, 0);
	ra_config_unref(c);
}

/* Another source replaces the inherited one with its format and selectors; the rest stays. */
static void
test_another_source(void **state)
{
	struct ra_config *c = rig_good(WITH("t", "{disk: {path: /f}}"));
	const struct ra_check *check = rig_check(c, "e/alpha");
	const struct words *expect = check->expect;
	const struct disk *disk = check->instances[0].source_options;

	(void)state;
	assert_int_equal(check->source, SOURCE_DISK);
	assert_string_equal(disk->path.value, "/f");
	assert_int_equal(check->format, FORMAT_TEXT);
	assert_int_equal(check->selector_count, 0);
	assert_int_equal(check->every, 5 * RA_MINUTE);
	assert_string_equal(expect->version.value, "v");
	ra_config_unref(c);
	/* its own format and selectors are what is said beside it */
	c = rig_good(WITH("t", "{disk: {path: /f}, format: tree, where: /w}"));
	check = rig_check(c, "e/alpha");
	assert_int_equal(check->format, FORMAT_TREE);
	assert_int_equal(check->selector_count, 1);
	assert_string_equal(check->selectors[0].text, "/w");
	ra_config_unref(c);
	/* the same source is merged */
	c = rig_good(WITH("t", "{web: {url: w}}"));
	check = rig_check(c, "e/alpha");
	assert_int_equal(check->format, FORMAT_TREE);
	assert_string_equal(check->selectors[0].text, "/v");
	assert_string_equal(rig_web(c, "e/alpha")->bearer.value, "b");
	ra_config_unref(c);
}

/* defaults, then those of the kind, then templates, then the environment. */
static void
test_defaults_of_kinds(void **state)
{
	struct ra_config *c =
	    rig_good("defaults: {every: 2m, timeout: 3s, confirm: 5,"
		     " kinds: {alpha: {every: 4m}, beta: {confirm: 1}}}\n"
		     "templates: {t: {checks: {alpha-t: {web: {url: u}, every: 5m}}}}\n"
		     "environments: {e: {use: [t], checks: {alpha: {web: {url: u}},"
		     " gamma: {web: {url: u}}, beta: {disk: {glob: g}}}}}\n");
	static const struct {
		const char *id;
		int64_t every;
		int confirm;
	} rows[] = { { "e/alpha", 4, 5 }, { "e/alpha-t", 5, 5 }, { "e/gamma", 2, 5 },
		{ "e/beta", 2, 1 } };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		const struct ra_check *check = rig_check(c, rows[i].id);

		assert_int_equal(check->every, rows[i].every * RA_MINUTE);
		assert_int_equal(check->confirm, rows[i].confirm);
		assert_int_equal(check->timeout, 3 * RA_SECOND);
	}
	ra_config_unref(c);
}

static void
test_selectors(void **state)
{
	struct ra_config *c =
	    rig_good("environments: {e: {checks: {\n"
		     "  alpha: {web: {url: u}, format: tree, where: /v},\n"
		     "  alpha-header: {web: {url: u}, mark: X-Version},\n"
		     "  alpha-regex: {web: {url: u}, format: text, regex: '(?<where>x)'},\n"
		     "  gamma: {disk: {path: /l}, regex: y}}}}\n");
	const struct ra_check *check = rig_check(c, "e/alpha");
	const struct text *text;

	(void)state;
	assert_int_equal(check->selector_count, 1);
	assert_string_equal(check->selectors[0].name, "where");
	assert_string_equal(check->selectors[0].text, "/v");
	check = rig_check(c, "e/alpha-header");
	assert_int_equal(check->selector_count, 1);
	assert_string_equal(check->selectors[0].name, "mark");
	assert_string_equal(check->selectors[0].text, "X-Version");
	assert_int_equal(check->format, FORMAT_TEXT);
	text = rig_check(c, "e/alpha-regex")->format_options;
	assert_string_equal(text->regex.value, "(?<where>x)");
	text = rig_check(c, "e/gamma")->format_options;
	assert_string_equal(text->regex.value, "y");
	ra_config_unref(c);
}

/* --- templates, parameters, variables --- */

static void
test_variables(void **state)
{
	/* vars of the environment, parameters of the use, the text, and what comes of it */
	static const struct {
		const char *vars, *params, *url, *wanted;
	} rows[] = {
		{ "{}", "", "${environment}/${check}", "e/alpha-api" },
		{ "{}", "", "${service}", "api" },
		{ "{a: 1}", "", "x${a}y", "x1y" },
		{ "{a: 1}", "", "${a}${a}", "11" },
		{ "{a: 1}", "a: 2", "${a}", "2" },
		{ "{environment: mine}", "", "${environment}", "mine" },
		{ "{check: c}", "check: d", "${check}", "d" },
		{ "{}", "", "$${a}", "${a}" },
		{ "{a: 1}", "", "$${a}${a}$", "${a}1$" },
		{ "{}", "", "$a $ 5$", "$a $ 5$" },
		{ "{a: '$${b}'}", "", "${a}", "${b}" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char text[512];
		struct ra_config *c;

		snprintf(text, sizeof(text),
		    "services: {api: {}}\n"
		    "templates: {t: {checks: {alpha-api: {web: {url: '%s'}}}}}\n"
		    "environments: {e: {vars: %s, use: [{t: {%s}}]}}\n",
		    rows[i].url, rows[i].vars, rows[i].params);
		c = rig_good(text);
		if (strcmp(rig_web(c, "e/alpha-api")->url.value, rows[i].wanted) != 0)
			fail_msg("row %zu: %s", i, rig_web(c, "e/alpha-api")->url.value);
		ra_config_unref(c);
	}
}

/* A text that is exactly one ${x} keeps its list or map. */
static void
test_whole_values(void **state)
{
	struct ra_config *c =
	    rig_good("environments: {e: {vars: {l: [a, b], m: {X: 1}, n: 3},\n"
		     "  checks: {alpha: {web: {url: 'u${n}', headers: '${m}', tries: '${n}'},\n"
		     "    list: '${l}'}}}}\n");
	const struct web *web = rig_web(c, "e/alpha");
	RA_BUF_LOCAL list = RA_BUF(0);

	(void)state;
	assert_string_equal(web->url.value, "u3");
	assert_int_equal(web->tries, 3);
	assert_string_equal(rig_pair(&web->headers, "X"), "1");
	assert_string_equal(rig_join(&rig_alpha(c, "e/alpha")->list, &list), "a,b");
	ra_config_unref(c);
}

/* One template twice, names of checks made of parameters. */
static void
test_template_twice(void **state)
{
	struct ra_config *c =
	    rig_good("services: {api: {}, web: {}}\n"
		     "templates: {t: {checks: {'alpha-${service}': {web: {url: "
		     "'http://${service}/${p}'}}}}}\n"
		     "environments:\n"
		     "  e: {use: [{t: {service: api, p: 1}}, {t: {service: web, p: 2}}]}\n"
		     "  f: {use: [{t: {service: api, p: 3}}],"
		     " checks: {alpha-api: {web: {bearer: b}}}}\n");

	(void)state;
	assert_int_equal(c->check_count, 3);
	assert_string_equal(rig_web(c, "e/alpha-api")->url.value, "http://api/1");
	assert_string_equal(rig_check(c, "e/alpha-api")->service, "api");
	assert_string_equal(rig_web(c, "e/alpha-web")->url.value, "http://web/2");
	assert_string_equal(rig_web(c, "f/alpha-api")->url.value, "http://api/3");
	assert_string_equal(rig_web(c, "f/alpha-api")->bearer.value, "b");
	ra_config_unref(c);
}

static void
test_for(void **state)
{
	struct ra_config *c =
	    rig_good("environments: {e: {vars: {hosts: [h2, h1]}, checks: {\n"
		     "  alpha: {web: {url: 'http://${h}/'}, for: {h: '${hosts}'}},\n"
		     "  alpha-one: {web: {url: 'http://${h}/'}, for: {h: [h9]}}}}}\n");
	const struct ra_check *check = rig_check(c, "e/alpha");
	const struct web *web;

	(void)state;
	assert_true(check->many);
	assert_int_equal(check->instance_count, 2);
	assert_string_equal(check->instances[0].name, "h2");
	assert_string_equal(check->instances[1].name, "h1");
	web = check->instances[1].source_options;
	assert_string_equal(web->url.value, "http://h1/");
	assert_int_equal(web->prepared, 1);
	check = rig_check(c, "e/alpha-one");
	assert_true(check->many);
	assert_int_equal(check->instance_count, 1);
	assert_string_equal(check->instances[0].name, "h9");
	ra_config_unref(c);
}

/* What a connection says is what the check does not say itself. */
static void
test_connections(void **state)
{
	struct ra_config *c =
	    rig_good("connections: {x: {web: {url: cu, bearer: cb, headers: {A: 1}}}}\n"
		     "environments: {e: {checks: {alpha: {web: {connection: x, url: u,"
		     " headers: {B: 2}}}}}}\n");
	const struct web *web = rig_web(c, "e/alpha");

	(void)state;
	assert_string_equal(web->url.value, "u");
	assert_string_equal(web->bearer.value, "cb");
	assert_string_equal(rig_pair(&web->headers, "A"), "1");
	assert_string_equal(rig_pair(&web->headers, "B"), "2");
	ra_config_unref(c);
}

/* --- includes --- */

static void
test_includes(void **state)
{
	char path[128];
	struct ra_config *c;

	(void)state;
	snprintf(path, sizeof(path), "%s/sub", rig_folder);
	assert_int_equal(mkdir(path, 0700), 0);
	rig_write("sub/a.yaml", "environments: {a: {checks: {alpha: {web: {url: ua}}}}}\n"
				"include: [more/*.yaml, next.yml]\n");
	rig_write("sub/b.yaml", "environments: {b: {checks: {}}}\ntemplates: {t: {checks: {}}}\n");
	rig_write("sub/next.yml", "services: {api: {}}\n");
	c = rig_good("include: [sub/*.yaml, 'none-*.yaml']\n"
		     "environments: {m: {use: [t], checks: {}}}\n");
	assert_int_equal(c->environment_count, 3);
	assert_int_equal(c->service_count, 1);
	assert_string_equal(rig_web(c, "a/alpha")->url.value, "ua");
	ra_config_unref(c);
}

/* --- lines as they may end and begin --- */

static void
test_encodings(void **state)
{
	static const char *const texts[] = {
		("\xef\xbb\xbf"
		 "environments: {e: {checks: {alpha: {web: {url: u}}}}}\n"),
		"environments:\r\n  e:\r\n    checks: {alpha: {web: {url: u}}}\r\n",
		"# caf\xc3\xa9\nenvironments: {e: {checks: {alpha: {web: {url: u}}}}}",
		"---\nenvironments: {e: {checks: {alpha: {web: {url: u}}}}}\n...\n",
		"environments: {e: {checks: {alpha: {web: &w {url: u}}, alpha-b: {web: *w}}}}\n",
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
		struct ra_config *c = rig_good(texts[i]);

		assert_string_equal(rig_web(c, "e/alpha")->url.value, "u");
		ra_config_unref(c);
	}
}

/* --- try --- */

static void
test_load_check(void **state)
{
	static const char good[] = "web: {url: '${environment}'}\nexpect: {count: 1}\n";
	static const char bad[] = "web: {url: u}\nexpct: {}\n";
	struct ra_conf_load load = rig_conf_load();
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;

	(void)state;
	assert_int_equal(
	    ra_config_load_check(&load, "alpha-x", good, strlen(good), &c, &errors), 0);
	assert_int_equal(c->check_count, 1);
	assert_string_equal(c->checks[0]->id, "try/alpha-x");
	assert_string_equal(rig_web(c, "try/alpha-x")->url.value, "try");
	ra_config_unref(c);
	c = NULL;
	assert_int_equal(
	    ra_config_load_check(&load, "alpha", bad, strlen(bad), &c, &errors), -EINVAL);
	assert_null(c);
	assert_string_equal(errors.items[0].pos.file, "<try>");
	assert_int_equal(errors.items[0].pos.line, 2);
	assert_int_equal(errors.items[0].pos.col, 1);
	assert_non_null(strstr(errors.items[0].text, "expect"));
	ra_errors_clear(&errors);
	assert_int_equal(
	    ra_config_load_check(&load, "No Name", good, strlen(good), &c, &errors), -EINVAL);
	ra_errors_clear(&errors);
}

/* --- print, describe, diff --- */

static bool
is_yaml(const char *text, size_t len)
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool good = true, end = false;

	assert_true(yaml_parser_initialize(&parser));
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (good && !end) {
		good = yaml_parser_parse(&parser, &event);
		end = good && event.type == YAML_STREAM_END_EVENT;
		if (good)
			yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return good;
}

/* The line of a text with the words in it, up to its end; fails if there is none. */
static void
line_with(const char *text, const char *words, char line[256])
{
	const char *at = strstr(text, words), *begin = at;

	if (at == NULL)
		fail_msg("no '%s' in:\n%s", words, text);
	while (begin > text && begin[-1] != '\n')
		begin--;
	snprintf(line, 256, "%.*s", (int)strcspn(begin, "\n"), begin);
}

static void
test_print(void **state)
{
	static const struct {
		const char *words, *place;
	} rows[] = { { "http://e/x", "main.yaml:5" }, { "timeout", "main.yaml:1" },
		{ "format: tree", "main.yaml:6" }, { "/value/v1", "main.yaml:7" },
		{ "yes please", "main.yaml:12" }, { "#hash-sign: x", "main.yaml:13" },
		{ "x ***", "main.yaml:14" } };
	struct ra_conf_load load = rig_conf_load();
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);
	char line[256];

	(void)state;
	rig_write("token", "s3cr3t-value");
	ra_config_unref(rig_good("defaults: {timeout: 7s}\n"
				 "templates:\n"
				 "  t:\n"
				 "    checks:\n"
				 "      alpha: {web: {url: 'http://${environment}/x'},\n"
				 "        format: tree,\n"
				 "        where: /value/v1}\n"
				 "environments:\n"
				 "  e:\n"
				 "    use: [t]\n"
				 "    checks:\n"
				 "      alpha: {expect: {version: 'yes please'},\n"
				 "        note: '#hash-sign: x',\n"
				 "        web: {bearer: 'x ${file:@/token}'}}\n"));
	assert_int_equal(ra_config_print(&load, "e/alpha", &out, &errors), 0);
	assert_false(ra_errors_any(&errors));
	assert_true(is_yaml(out.data, out.len));
	assert_null(strstr(out.data, "s3cr3t"));
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		line_with(out.data, rows[i].words, line);
		if (strstr(line, rows[i].place) == NULL)
			fail_msg("not of %s: %s", rows[i].place, line);
	}
	ra_buf_clear(&out);
	assert_int_equal(ra_config_print(&load, "e/beta", &out, &errors), -ENOENT);
	ra_errors_clear(&errors);
}

static void
test_describe(void **state)
{
	static const char *const words[] = { "web", "disk", "text", "tree", "alpha", "beta",
		"gamma", "max-size", "regex", "where", "environments" };
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0), manual = RA_BUF(0);

	(void)state;
	ra_config_describe(&rig_registry, NULL, &out, &errors);
	ra_config_describe_scdoc(&rig_registry, &manual);
	assert_false(ra_errors_any(&errors));
	for (size_t i = 0; i < RA_ARRAY_SIZE(words); i++) {
		if (strstr(ra_buf_text(&out), words[i]) == NULL ||
		    strstr(ra_buf_text(&manual), words[i]) == NULL)
			fail_msg("'%s' is not described", words[i]);
	}
	ra_buf_clear(&out);
	ra_config_describe(&rig_registry, "web", &out, &errors);
	assert_non_null(strstr(ra_buf_text(&out), "max-size"));
	assert_null(strstr(ra_buf_text(&out), "regex"));
	ra_config_describe(&rig_registry, "wbe", &out, &errors);
	assert_true(ra_errors_any(&errors));
	assert_non_null(strstr(errors.items[0].text, "web"));
	ra_errors_clear(&errors);
}

#define ONE(name, url) name ": {checks: {alpha: {web: {url: " url "}}}}"

static void
test_diff(void **state)
{
	struct ra_config *was =
	    rig_good("environments: {" ONE("a", "u") ", " ONE("b", "u") ", " ONE("c", "u") "}\n");
	struct ra_config *now = rig_good(
	    "# moved\nenvironments: {" ONE("c", "u") ", " ONE("b", "w") ", " ONE("d", "u") "}\n");
	RA_BUF_LOCAL out = RA_BUF(0);
	char line[256];

	(void)state;
	ra_config_diff(was, was, &out);
	assert_string_equal(ra_buf_text(&out), "");
	ra_config_diff(was, now, &out);
	line_with(ra_buf_text(&out), "a/alpha", line);
	assert_int_equal(line[0], '-');
	line_with(ra_buf_text(&out), "b/alpha", line);
	assert_int_equal(line[0], '~');
	line_with(ra_buf_text(&out), "d/alpha", line);
	assert_int_equal(line[0], '+');
	assert_null(strstr(ra_buf_text(&out), "c/alpha"));
	ra_config_unref(was);
	ra_config_unref(now);
}

static void
test_references(void **state)
{
	struct ra_config *c = rig_good("environments: {" ONE("a", "u") "}\n");

	(void)state;
	assert_ptr_equal(ra_config_ref(c), c);
	assert_int_equal(c->refs, 2);
	ra_config_unref(c);
	assert_string_equal(c->checks[0]->id, "a/alpha");
	ra_config_unref(c);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_defaults),
		CASE(test_every_type),
		CASE(test_sections),
		CASE(test_kind_and_service),
		CASE(test_maps_merge),
		CASE(test_lists_and_scalars),
		CASE(test_null_removes),
		CASE(test_another_source),
		CASE(test_defaults_of_kinds),
		CASE(test_selectors),
		CASE(test_variables),
		CASE(test_whole_values),
		CASE(test_template_twice),
		CASE(test_for),
		CASE(test_connections),
		CASE(test_includes),
		CASE(test_encodings),
		CASE(test_load_check),
		CASE(test_print),
		CASE(test_describe),
		CASE(test_diff),
		CASE(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
