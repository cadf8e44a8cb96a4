/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API does with a request before the engine is asked: routes, parameters, names, bodies,
 * access; and the JSON of one check.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mhd.h"

/* --- a configuration by hand --- */

static const struct ra_text prod[] = { { "prod", "prod" } };
static struct ra_environment environments[2] = {
	{ .name = "staging", .rank = 20, .index = 0 },
	{ .name = "production", .rank = 30, .aliases = { prod, 1 }, .index = 1 },
};
static const struct ra_check checks[] = {
	{ .id = "staging/version-api", .name = "version-api", .environment = &environments[0] },
	{ .id = "production/backup-db",
	    .name = "backup-db",
	    .environment = &environments[1],
	    .index = 1 },
	{ .id = "production/version-api",
	    .name = "version-api",
	    .environment = &environments[1],
	    .index = 2 },
};
static const struct ra_check *const list[] = { &checks[0], &checks[1], &checks[2] };
static const struct ra_environment *const environment_list[] = { &environments[0],
	&environments[1] };
static struct ra_config config = { .environments = environment_list,
	.environment_count = 2,
	.checks = list,
	.check_count = RA_ARRAY_SIZE(list) };

const struct ra_config *
ra_engine_config(const struct ra_engine *e)
{
	return &config;
}

struct ra_config *
ra_config_ref(struct ra_config *c)
{
	c->refs++;
	return c;
}

void
ra_config_unref(struct ra_config *c)
{
	c->refs--;
}

const struct ra_environment *
ra_config_environment(const struct ra_config *c, const char *name)
{
	return ra_map_get(&c->environments_by_name, name);
}

const struct ra_check *
ra_config_check(const struct ra_config *c, const char *id)
{
	return ra_map_get(&c->checks_by_id, id);
}

static int
setup(void **state)
{
	size_t i;

	environments[0].checks = &list[0];
	environments[0].check_count = 1;
	environments[1].checks = &list[1];
	environments[1].check_count = 2;
	for (i = 0; i < RA_ARRAY_SIZE(environments); i++)
		assert_int_equal(ra_map_put(&config.environments_by_name, environments[i].name,
				     &environments[i], NULL),
		    0);
	assert_int_equal(
	    ra_map_put(&config.environments_by_name, "prod", &environments[1], NULL), 0);
	for (i = 0; i < RA_ARRAY_SIZE(checks); i++)
		assert_int_equal(ra_map_put(&config.checks_by_id, checks[i].id,
				     (void *)(uintptr_t)&checks[i], NULL),
		    0);
	return 0;
}

static int
teardown(void **state)
{
	ra_map_free(&config.environments_by_name);
	ra_map_free(&config.checks_by_id);
	return 0;
}

/* --- routes that say what they were asked --- */

static void
say(struct ra_request *q, const char *what, const char *more)
{
	struct ra_buf body = RA_BUF(0);

	ra_buf_printf(&body, "%s %s", what, more);
	ra_request_json(q, 200, &body);
}

void
ra_route_status(struct ra_request *q)
{
	struct ra_selection s = { 0 };
	char wanted[] = "---";
	size_t i;

	if (!ra_selection_of_query(q, &s)) {
		assert_null(s.wanted);
		return;
	}
	for (i = 0; i < config.check_count; i++)
		if (ra_selection_has(&s, list[i]))
			wanted[i] = '+';
	say(q, wanted, s.wanted == NULL ? "all" : s.count == 1 ? "one" : "some");
	free(s.wanted);
}

void
ra_route_environment(struct ra_request *q)
{
	const struct ra_environment *env = ra_api_environment(q, q->rest);

	if (env != NULL)
		say(q, "environment", env->name);
}

static void
run_allowed(struct ra_request *q)
{
	say(q, "ran", ra_buf_text(&q->body));
}

void
ra_route_run(struct ra_request *q)
{
	ra_access_check(q, &config.access.run, "run", run_allowed);
}

#define ROUTE(name) \
	void ra_route_##name(struct ra_request *q) \
	{ \
		say(q, #name, ""); \
	}
ROUTE(versions)
ROUTE(drift)
ROUTE(history)
ROUTE(events)
ROUTE(metrics)
ROUTE(healthz)
ROUTE(reload)

/* --- asking --- */

static struct ra_api api;

static void *
begin(struct MHD_Connection *c, const char *method, const char *path, const char *body)
{
	void *state = NULL;
	size_t size = 0;

	assert_int_equal(
	    ra_request_handle(&api, c, path, method, "HTTP/1.1", NULL, &size, &state), MHD_YES);
	assert_int_equal(c->status, 0);
	if (body != NULL) {
		size = strlen(body);
		assert_int_equal(
		    ra_request_handle(&api, c, path, method, "HTTP/1.1", body, &size, &state),
		    MHD_YES);
		assert_int_equal(size, 0);
	}
	assert_int_equal(
	    ra_request_handle(&api, c, path, method, "HTTP/1.1", NULL, &size, &state), MHD_YES);
	return state;
}

static void
ask(struct MHD_Connection *c, const char *method, const char *path, const char *body)
{
	void *state = begin(c, method, path, body);
	size_t size = 0;

	if (c->suspended) {
		mhd_work();
		assert_false(c->suspended);
		assert_int_equal(
		    ra_request_handle(&api, c, path, method, "HTTP/1.1", NULL, &size, &state),
		    MHD_YES);
	}
	assert_int_not_equal(c->status, 0);
	ra_request_completed(&api, c, &state, MHD_REQUEST_TERMINATED_COMPLETED_OK);
	assert_null(state);
	assert_null(api.requests);
}

/* --- routes, parameters, names --- */

static const struct {
	const char *method, *path, *query;
	unsigned status;
	const char *says; /* in the body */
} asked[] = {
	{ "GET", "/v1/status", "", 200, "+++ all" },
	{ "HEAD", "/v1/status", "", 200, "+++ all" },
	{ "GET", "/v1/status", "select=production", 200, "-++ some" },
	{ "GET", "/v1/status", "select=prod", 200, "-++ some" },
	{ "GET", "/v1/status", "select=production/backup-db", 200, "-+- one" },
	{ "GET", "/v1/status", "select=staging&select=production/backup-db", 200, "++- some" },
	{ "GET", "/v1/status", "select=production&select=production/backup-db&select=prod", 200,
	    "-++ some" },
	{ "GET", "/v1/status", "wait=1s&select=staging", 200, "+-- one" },
	{ "GET", "/v1/status", "select=prodution", 404,
	    "\"no-such-environment\",\"message\":\"no environment 'prodution'; did you mean "
	    "'production'?\"" },
	{ "GET", "/v1/status", "select=staging&select=nowhere", 404, "no environment 'nowhere'\"" },
	{ "GET", "/v1/status", "select=production/bakup-db", 404,
	    "\"no-such-check\",\"message\":\"no check 'production/bakup-db'; did you mean "
	    "'production/backup-db'?\"" },
	{ "GET", "/v1/status", "select=nowhere/backup-db", 404, "\"no-such-environment\"" },
	{ "GET", "/v1/status", "select=production/", 404, "\"no-such-check\"" },
	{ "GET", "/v1/status", "select=/x", 404, "\"no-such-environment\"" },
	{ "GET", "/v1/status", "select=", 404, "\"no-such-environment\"" },
	{ "GET", "/v1/status", "select", 404, "\"no-such-environment\"" },
	{ "GET", "/v1/status", "select=a\033[2J\"\n\xff", 404,
	    "no environment 'a\\\\x1b[2J\\\"\\\\x0a\\\\xff'\"" },
	{ "GET", "/v1/status", "selct=staging", 400,
	    "\"bad-request\",\"message\":\"/v1/status takes no parameter 'selct'; did you mean "
	    "'select'?\"" },
	{ "GET", "/v1/versions", "environment=x&environment=y", 400,
	    "/v1/versions takes `environment` once\"" },
	{ "GET", "/v1/status", "select=staging%00x", 400, "has a NUL byte in it\"" },
	{ "GET", "/v1/status", "sel%00ect=staging", 400, "has a NUL byte in it\"" },
	{ "GET", "/healthz", "x=1", 400, "/healthz takes no parameter 'x'\"" },
	{ "GET", "/v1/environments/prod", "", 200, "environment production" },
	{ "GET", "/v1/environments/prodution", "", 404, "'production'" },
	{ "GET", "/v1/environments/staging/x", "", 404, "\"no-such-environment\"" },
	{ "GET", "/v1/environments/", "", 404, "\"no-such-path\"" },
	{ "GET", "/v1/environments", "", 404, "\"no-such-path\"" },
	{ "GET", "/v1/statuses", "", 404, "\"no-such-path\"" },
	{ "GET", "/v1/status/", "", 404, "\"no-such-path\"" },
	{ "GET", "/", "", 404, "\"no-such-path\"" },
	{ "GET", "", "", 404, "\"no-such-path\"" },
	{ "POST", "/v1/status", "", 405, "\"bad-method\",\"message\":\"/v1/status takes GET\"" },
	{ "GET", "/v1/run", "", 405, "\"bad-method\",\"message\":\"/v1/run takes POST\"" },
	{ "HEAD", "/v1/reload", "", 405, "\"bad-method\"" },
	{ "DELETE", "/v1/status", "", 405, "\"bad-method\"" },
	{ "get", "/v1/status", "", 405, "\"bad-method\"" },
	{ "GET", "/v1/versions", "environment=x", 200, "versions" },
	{ "GET", "/v1/history", "check=x&environment=y&since=1&until=2&limit=3", 200, "history" },
	{ "GET", "/v1/events", "select=x", 200, "events" },
	{ "GET", "/metrics", "checks=1", 200, "metrics" },
	{ "GET", "/healthz", "", 200, "healthz" },
	{ "POST", "/v1/reload", "", 200, "reload" },
};

static void
test_requests(void **state)
{
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(asked); i++) {
		struct MHD_Connection c = { .query = asked[i].query };

		c.info.connect_fd = -1;
		ask(&c, asked[i].method, asked[i].path, NULL);
		if (c.status != asked[i].status || strstr(c.body, asked[i].says) == NULL ||
		    strcmp(c.type, "application/json") != 0 ||
		    (c.status == 405) != (c.allow[0] != '\0'))
			fail_msg("%s %s?%s: %u %s", asked[i].method, asked[i].path, asked[i].query,
			    c.status, c.body);
		if (c.status != 200 &&
		    strncmp(c.body, "{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"", 40) != 0)
			fail_msg("%s", c.body);
	}
}

static void
test_too_many_parameters(void **state)
{
	char query[32768] = "";
	size_t i, len = 0;

	for (i = 0; i < 1025; i++) {
		struct MHD_Connection c = { .query = query };

		if (i < 10 || i >= 1023) {
			c.info.connect_fd = -1;
			ask(&c, "GET", "/v1/status", NULL);
			assert_int_equal(c.status, 200);
		}
		len += (size_t)snprintf(query + len, sizeof(query) - len, "&select=staging");
	}
	{
		struct MHD_Connection c = { .query = query };

		c.info.connect_fd = -1;
		ask(&c, "GET", "/v1/status", NULL);
		assert_int_equal(c.status, 400);
		assert_non_null(strstr(c.body, "more than 1024 query parameters"));
	}
}

static void
test_busy_and_stopping(void **state)
{
	struct MHD_Connection busy = { .info.connect_fd = -1 }, late = { .info.connect_fd = -1 };
	struct MHD_Connection early = { .info.connect_fd = -1 };
	struct ra_client client = { .late = true }, first = { .late = false };

	busy.context.socket_context = &client;
	early.context.socket_context = &first;
	api.connections = RA_API_CONNECTIONS + 1;
	ask(&busy, "GET", "/healthz", NULL);
	ask(&early, "GET", "/no-such-path", NULL);
	api.connections = 0;
	assert_int_equal(early.status, 404);
	assert_int_equal(busy.status, 503);
	assert_non_null(strstr(busy.body, "\"busy\""));
	api.closing = true;
	ask(&late, "GET", "/healthz", NULL);
	api.closing = false;
	assert_int_equal(late.status, 503);
	assert_non_null(strstr(late.body, "\"stopping\""));
}

/* --- access --- */

#define NOBODY 65534

/* A socket whose other end is somebody else, as the kernel says it. */
static int
socket_of(uid_t uid, gid_t gid, const gid_t *groups, size_t count, int fds[2])
{
	gid_t own[64];
	int n = getgroups(64, own), r;

	if (setgroups(count, groups) < 0 || setegid(gid) < 0 || seteuid(uid) < 0)
		return -1;
	r = socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	if (seteuid(0) < 0 || setegid(0) < 0 || setgroups((size_t)n, own) < 0)
		return -1;
	return r;
}

static void
test_access(void **state)
{
	/* Names that every Debian has. */
	static const struct ra_text games[] = { { "games", "games" } },
				    two[] = { { "no-such-group", "" }, { "games", "" } },
				    person[] = { { "alice", "alice" } },
				    nobody[] = { { "nobody", "nobody" } };
	static const struct ra_person people[] = { { "bob", "games" }, { "alice", "nobody" },
		{ "carol", NULL } };
	static const struct {
		uid_t uid;
		const char *group; /* supplementary; NULL: none */
		struct ra_texts allowed;
		bool has_people;
		unsigned status;
	} rows[] = {
		{ 0, NULL, { NULL, 0 }, false, 200 },
		{ NOBODY, NULL, { NULL, 0 }, false, 403 },
		{ NOBODY, NULL, { games, 1 }, false, 403 },
		{ NOBODY, "games", { games, 1 }, false, 200 },
		{ NOBODY, "games", { two, 2 }, false, 200 },
		{ NOBODY, "games", { NULL, 0 }, false, 403 },
		{ NOBODY, NULL, { person, 1 }, true, 200 },
		{ NOBODY, NULL, { person, 1 }, false, 403 },
		{ 1, NULL, { person, 1 }, true, 403 },
		/* A login name is no group's and no person's. */
		{ NOBODY, NULL, { nobody, 1 }, true, 403 },
	};
	size_t i;

	if (geteuid() != 0)
		skip();
	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct group *g = rows[i].group != NULL ? getgrnam(rows[i].group) : NULL;
		gid_t gid = g != NULL ? g->gr_gid : 0;
		struct MHD_Connection c = { 0 };
		int fds[2];

		assert_int_equal(
		    socket_of(rows[i].uid, rows[i].uid, &gid, g != NULL ? 1 : 0, fds), 0);
		c.info.connect_fd = fds[0];
		config.access.run = rows[i].allowed;
		config.people = people;
		config.person_count = rows[i].has_people ? RA_ARRAY_SIZE(people) : 0;
		ask(&c, "POST", "/v1/run", "{}");
		if (c.status != rows[i].status)
			fail_msg("%zu: %u %s", i, c.status, c.body);
		if (c.status == 403)
			assert_non_null(strstr(c.body, "\"not-allowed\""));
		assert_int_equal(config.refs, 0);
		close(fds[0]);
		close(fds[1]);
	}
}

static void
test_nobody_who_is_not_known(void **state)
{
	static const struct ra_text games[] = { { "games", "games" } };
	struct MHD_Connection c = { .info.connect_fd = -1 };

	config.access.run = (struct ra_texts){ games, 1 };
	ask(&c, "POST", "/v1/run", "{}");
	assert_int_equal(c.status, 403);
}

/* The lookup ends after the client, or the daemon's will to wait for it. */
static void
test_left_meanwhile(void **state)
{
	static const struct ra_text games[] = { { "games", "games" } };
	struct MHD_Connection c = { 0 };
	int fds[2], round;
	void *request;
	size_t size;

	if (geteuid() != 0)
		skip();
	config.access.run = (struct ra_texts){ games, 1 };
	for (round = 0; round < 2; round++) {
		assert_int_equal(socket_of(NOBODY, NOBODY, NULL, 0, fds), 0);
		c = (struct MHD_Connection){ .info.connect_fd = fds[0] };
		request = begin(&c, "POST", "/v1/run", "{}");
		assert_true(c.suspended);
		if (round == 1) {
			ra_request_end_all(&api);
			assert_false(c.suspended);
			size = 0;
			assert_int_equal(ra_request_handle(&api, &c, "/v1/run", "POST", "HTTP/1.1",
					     NULL, &size, &request),
			    MHD_YES);
			assert_int_equal(c.status, 503);
		}
		ra_request_completed(&api, &c, &request, MHD_REQUEST_TERMINATED_CLIENT_ABORT);
		mhd_work();
		assert_int_equal(c.status, round == 1 ? 503 : 0);
		assert_int_equal(config.refs, 0);
		close(fds[0]);
		close(fds[1]);
	}
}

/* --- bodies --- */

static void
test_bodies(void **state)
{
	static char large[RA_API_BODY_MAX + 2];
	struct MHD_Connection fits = { 0 }, exceeds = { 0 };
	int fds[2];

	if (geteuid() != 0)
		skip();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fits.info.connect_fd = exceeds.info.connect_fd = fds[0];
	memset(large, 'x', RA_API_BODY_MAX);
	ask(&fits, "POST", "/v1/run", large);
	assert_int_equal(fits.status, 200);
	large[RA_API_BODY_MAX] = 'x';
	ask(&exceeds, "POST", "/v1/run", large);
	assert_int_equal(exceeds.status, 413);
	assert_non_null(strstr(exceeds.body, "\"body-too-large\""));
	close(fds[0]);
	close(fds[1]);
}

/* --- one check --- */

static void
test_view(void **state)
{
	static const struct ra_fact_def defs[] = { { "version", RA_FACT_TEXT, "" },
		{ "age_s", RA_FACT_INT, "" }, { "newest", RA_FACT_TIME, "" }, { 0 } };
	struct ra_check one = { .id = "one/version", .name = "version", .every = 60000 };
	struct ra_instance_result instance = {
		.name = (char *)"pr\"1", .verdict = RA_UNKNOWN, .reason = RA_R_TIMEOUT
	};
	struct ra_facts facts = { 0 };
	struct ra_view v = { .check = &one,
		.kind = "version",
		.source = "http",
		.state = RA_PENDING,
		.verdict = RA_PENDING,
		.reason = RA_R_PENDING,
		.duration_ms = -1 };
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_jsonw w;

	ra_jsonw_init(&w, &out);
	ra_api_write_check(&w, NULL, &v);
	assert_string_equal(ra_buf_text(&out),
	    "{\"check\":\"one/version\",\"name\":\"version\",\"kind\":\"version\",\"service\":null,"
	    "\"source\":\"http\",\"state\":\"PENDING\",\"hard\":false,\"verdict\":\"PENDING\","
	    "\"reason\":\"pending\",\"summary\":null,\"expected\":null,\"evidence\":null,"
	    "\"next_step\":null,\"since\":null,\"checked\":null,\"next\":null,\"duration_ms\":null,"
	    "\"facts\":{},\"every_ms\":60000}");
	ra_buf_clear(&out);
	assert_int_equal(ra_facts_set_text(&facts, defs, "version", "1.0\n\xff"), 0);
	assert_int_equal(ra_facts_set_number(&facts, defs, "age_s", -1), 0);
	assert_int_equal(ra_facts_set_number(&facts, defs, "newest", 1763892845123), 0);
	one.many = true;
	one.service = "api";
	v.state = RA_OK;
	v.verdict = RA_CRITICAL;
	v.reason = RA_R_INSTANCES_DIFFER;
	v.hard = true;
	v.summary = "\033[2J";
	v.checked = 1763892845123;
	v.duration_ms = 0;
	v.facts = &facts;
	v.instances = &instance;
	v.instance_count = 1;
	ra_jsonw_init(&w, &out);
	ra_api_write_check(&w, NULL, &v);
	assert_string_equal(ra_buf_text(&out),
	    "{\"check\":\"one/version\",\"name\":\"version\",\"kind\":\"version\",\"service\":"
	    "\"api\",\"source\":\"http\",\"state\":\"OK\",\"hard\":true,\"verdict\":\"CRITICAL\","
	    "\"reason\":\"instances-differ\",\"summary\":\"\\u001b[2J\",\"expected\":null,"
	    "\"evidence\":null,\"next_step\":null,\"since\":null,\"checked\":"
	    "\"2025-11-23T10:14:05.123Z\",\"next\":null,\"duration_ms\":0,\"facts\":{\"version\":"
	    "\"1.0\\n\xef\xbf\xbd\",\"age_s\":-1,\"newest\":\"2025-11-23T10:14:05.123Z\"},"
	    "\"instances\":"
	    "[{\"name\":\"pr\\\"1\",\"verdict\":\"UNKNOWN\",\"reason\":\"timeout\",\"summary\":"
	    "null,"
	    "\"facts\":{}}],\"every_ms\":60000}");
	ra_facts_free(&facts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_too_many_parameters),
		cmocka_unit_test(test_busy_and_stopping),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_nobody_who_is_not_known),
		cmocka_unit_test(test_left_meanwhile),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_view),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
