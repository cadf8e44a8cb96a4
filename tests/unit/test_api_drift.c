/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/drift and /v1/events before and behind the engine, which a test plays: who leaves while he
 * waits, a history that does not answer, a reader that does not read, and memory that is refused,
 * one request after the other (tests/unit/meson.build).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "relaudit/kind/config.h"
#include "relaudit/model/snapshot.h"

#include "mhd.h"
#include "refuse.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

REFUSE_MEMORY

/* --- what is watched --- */

static struct ra_environment environments[3] = {
	{ .name = "staging", .rank = 20, .index = 0 },
	{ .name = "production", .rank = 30, .index = 1 },
	{ .name = "baseline", .rank = 40, .index = 2 },
};
static const struct ra_check checks[];
static const struct ra_check_peer peers[] = { { .option = "same-as", .check = &checks[0] },
	{ .option = "not-ahead-of", .check = &checks[0] },
	{ .option = "same-as", .check = &checks[0] } };
static const struct ra_check checks[] = {
	{ .id = "staging/config-api", .name = "config-api", .environment = &environments[0] },
	{ .id = "production/config-api",
	    .name = "config-api",
	    .environment = &environments[1],
	    .peers = peers,
	    .peer_count = 3,
	    .index = 1 },
	{ .id = "baseline/config-web",
	    .name = "config-web",
	    .environment = &environments[2],
	    .index = 2 },
};
static const struct ra_check *const list[] = { &checks[0], &checks[1], &checks[2] };
static const struct ra_environment *const environment_list[] = { &environments[0], &environments[1],
	&environments[2] };
static struct ra_config config = { .environments = environment_list,
	.environment_count = 3,
	.checks = list,
	.check_count = RA_ARRAY_SIZE(list) };

static struct {
	struct ra_snapshot *snapshots[RA_ARRAY_SIZE(list)];
	struct ra_view views[RA_ARRAY_SIZE(list)];
	struct ra_baseline baseline; /* of the last check and of production's */
	bool has_store;
	int history_error, baseline_error;
	/* what was asked of the history and of a repository */
	struct {
		void (*done)(void *, int, const struct ra_history_event *, size_t);
		void *arg;
		const char *check;
	} asked[8];
	size_t asked_count;
	void (*read)(void *arg, struct ra_snapshot *, enum ra_reason, const char *error);
	void *read_arg;
	size_t cancelled;
} engine;

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
	for (size_t i = 0; i < c->environment_count; i++) {
		if (strcmp(c->environments[i]->name, name) == 0)
			return c->environments[i];
	}
	return NULL;
}

const struct ra_check *
ra_config_check(const struct ra_config *c, const char *id)
{
	for (size_t i = 0; i < c->check_count; i++) {
		if (strcmp(c->checks[i]->id, id) == 0)
			return c->checks[i];
	}
	return NULL;
}

const void *
ra_engine_secret_key(const struct ra_engine *e)
{
	return KEY;
}

struct ra_store *
ra_engine_store(const struct ra_engine *e)
{
	return engine.has_store ? (struct ra_store *)&engine : NULL;
}

void
ra_engine_view(const struct ra_engine *e, const struct ra_check *check, struct ra_view *ret)
{
	*ret = engine.views[check->index];
}

bool
ra_view_instances_differ(const struct ra_view *v)
{
	return false;
}

const struct ra_snapshot *
ra_engine_read(const struct ra_engine *e, const struct ra_check *check, int64_t *ret_checked)
{
	*ret_checked = engine.views[check->index].checked;
	return engine.snapshots[check->index];
}

bool
ra_engine_reads(const struct ra_check *check)
{
	return true;
}

int
ra_engine_baseline(const struct ra_engine *e, const struct ra_check *check, struct ra_baseline *ret)
{
	*ret = engine.baseline;
	return check->index == 0 ? -ENOENT : 0;
}

int
ra_engine_baseline_at(struct ra_engine *e, const struct ra_check *check, const char *ref,
    void (*done)(void *arg, struct ra_snapshot *snapshot, enum ra_reason reason, const char *error),
    void *arg, struct ra_baseline_query **ret, struct ra_error *err)
{
	if (engine.baseline_error < 0)
		return ra_error_set(err, engine.baseline_error, "no ref is called so");
	engine.read = done;
	engine.read_arg = arg;
	*ret = (struct ra_baseline_query *)&engine;
	return 0;
}

void
ra_engine_baseline_cancel(struct ra_baseline_query *q)
{
	engine.cancelled++;
}

int
ra_store_history(struct ra_store *s, const struct ra_history_query *query,
    void (*done)(void *arg, int error, const struct ra_history_event *events, size_t count),
    void *arg)
{
	size_t n = engine.asked_count;

	if (engine.history_error < 0 && n >= (size_t)-engine.history_error - 1)
		return -ENOMEM;
	assert_true(n < RA_ARRAY_SIZE(engine.asked));
	engine.asked[n].done = done;
	engine.asked[n].arg = arg;
	engine.asked[engine.asked_count++].check = query->check;
	return 0;
}

/* Rules: none of a check, those of the question. */
void
ra_config_rules_add(struct ra_config_rules *r, const struct ra_check *c)
{
}

void
ra_config_rules_warn(struct ra_config_rules *r, const struct ra_check *c)
{
}

void
ra_config_rules_sops(struct ra_config_rules *r)
{
}

bool
ra_config_rule_is_sops(const struct ra_drift_rule *rule)
{
	return false;
}

void
ra_config_rules_key(struct ra_config_rules *r, enum ra_drift_word word, const char *key)
{
	struct ra_drift_rule *more = reallocarray(r->list, r->count + 1, sizeof(*more));

	if (more == NULL) {
		r->error = -ENOMEM;
		return;
	}
	r->list = more;
	more[r->count++] = (struct ra_drift_rule){ .word = word, .key = key };
}

int
ra_timer_new(struct ra_loop *l, void (*fn)(void *arg), void *arg, struct ra_timer **ret)
{
	return 0;
}

void
ra_timer_start(struct ra_timer *t, int64_t after, int64_t repeat)
{
}

void
ra_timer_stop(struct ra_timer *t)
{
}

#define ROUTE(name) \
	void ra_route_##name(struct ra_request *q) \
	{ \
		abort(); \
	}
ROUTE(status)
ROUTE(environment)
ROUTE(versions)
ROUTE(run)
ROUTE(metrics)
ROUTE(healthz)
ROUTE(reload)

static struct ra_snapshot *
build(const char *const *pairs)
{
	struct ra_snapshot_rules rules = { .key = KEY, .key_len = 16 };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *s = NULL;

	assert_int_equal(ra_snapshot_origin(b, "file"), 0);
	for (uint32_t line = 1; *pairs != NULL; pairs += 2, line++)
		assert_int_equal(ra_snapshot_add(b, pairs[0], strlen(pairs[0]), pairs[1],
				     strlen(pairs[1]), line, 0),
		    0);
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

static int
setup(void **state)
{
	static const char *const texts[][7] = { { "A", "1", "B", "1", "C", "1" },
		{ "A", "2", "B", "1", "D", "1" }, { "A", "1", "B", "2" } };

	memset(&engine, 0, sizeof(engine));
	engine.has_store = true;
	for (size_t i = 0; i < RA_ARRAY_SIZE(list); i++) {
		engine.snapshots[i] = build(texts[i]);
		engine.views[i] = (struct ra_view){ .check = list[i], .checked = 1000 + (int)i };
		environments[i].checks = &list[i];
		environments[i].check_count = 1;
	}
	engine.baseline = (struct ra_baseline){ .snapshot = engine.snapshots[0],
		.ref = "v1",
		.commit = "1",
		.path = "deploy.env",
		.checked = 1000 };
	return 0;
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < RA_ARRAY_SIZE(list); i++)
		ra_snapshot_unref(engine.snapshots[i]);
	assert_int_equal(config.refs, 0);
	return 0;
}

/* --- asking --- */

/* As the server makes it, for when there is no memory for another. */
static char no_memory_text[] = "no memory for this answer";
static struct MHD_Response no_memory = {
	.text = no_memory_text, .len = sizeof(no_memory_text) - 1, .refs = 1
};
static struct ra_api api = { .no_memory = &no_memory };

static void *
begin(struct MHD_Connection *c, const char *path, const char *query)
{
	void *state = NULL;
	size_t size = 0;

	*c = (struct MHD_Connection){ .query = query, .info.connect_fd = -1 };
	for (int i = 0; i < 2 && c->status == 0; i++)
		assert_int_equal(
		    ra_request_handle(&api, c, path, "GET", "HTTP/1.1", NULL, &size, &state),
		    MHD_YES);
	return state;
}

static void
end(struct MHD_Connection *c, void *state)
{
	size_t size = 0;

	if (c->status == 0 && !c->suspended)
		(void)ra_request_handle(&api, c, "", "GET", "HTTP/1.1", NULL, &size, &state);
	ra_request_completed(&api, c, &state, MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

/* The history has these of each check, and something from before. */
static void
history_answers(int error, const struct ra_history_event *events, size_t count)
{
	static const struct ra_history_event before = {
		.what = "start", .check = "", .body = "{}"
	};

	while (engine.asked_count > 0) {
		size_t n = --engine.asked_count;

		if (engine.asked[n].check == NULL)
			engine.asked[n].done(engine.asked[n].arg, 0, &before, 1);
		else
			engine.asked[n].done(engine.asked[n].arg, error, events, count);
	}
}

static const struct ra_history_event changes[] = {
	{ .what = "state", .check = "x", .body = "{}", .at = 1 },
	{ .what = "config-changed",
	    .check = "x",
	    .body = "{\"keys\":[{\"key\":\"A\"},{\"no\":1},{\"key\":\"D\"}]}",
	    .at = 2 },
};

static void
asks(const char *query, unsigned status, const char *says)
{
	struct MHD_Connection c;
	void *state = begin(&c, "/v1/drift", query);

	history_answers(0, changes, RA_ARRAY_SIZE(changes));
	mhd_work();
	end(&c, state);
	if (c.status != status || strstr(c.body, says) == NULL)
		fail_msg("%s: %u %s", query, c.status, c.body);
}

static void
test_questions(void **state)
{
	asks("environments=staging,production", 200, "\"drift\":true");
	asks("environments=staging,production,", 200, "\"compared\":1");
	asks("", 200, "\"environments\":[\"staging\",\"production\",\"baseline\"]");
	asks("environments=staging,production&since=1h", 200, "\"older\":1");
	asks("environments=staging,production&only=A&ignore=B&check=config-api&all=true", 200,
	    "\"rows\":[{\"check\":\"config-api\",\"key\":\"A\"");
	asks("environments=baseline", 200, "\"values\":{\"committed\":");
	asks("environments=production&suggest=true", 200, "\"suggest\":[{");
	asks("check=config-wob", 404, "did you mean 'config-web'?");
	asks("all=maybe", 400, "`all` is true or false");
	asks("strict=1", 400, "`strict` is true or false");
	asks("suggest=yes", 400, "`suggest` is true or false");
	asks("environments=nowhere", 404, "no environment 'nowhere'");
	asks("environments=staging,staging", 400, "given twice");
	asks("environments=staging,production&baseline=main", 400, "goes with one environment");
	asks("since=yesterday", 400, "neither a duration");
}

static void
test_not_read(void **state)
{
	engine.baseline.snapshot = engine.snapshots[2];
	ra_snapshot_unref(engine.snapshots[0]);
	engine.snapshots[0] = NULL;
	engine.views[0].verdict = RA_PENDING;
	asks("environments=staging,production", 200, "\"not read yet\"");
	engine.views[0].verdict = RA_UNKNOWN;
	asks("environments=staging,production", 200, "\"not read since the start\"");
	engine.views[0].summary = "timeout";
	asks("environments=staging,production", 200, "\"message\":\"timeout\"");
	engine.views[0].verdict = RA_OK;
	asks("environments=staging,production", 200, "\"not read since the start\"");
	engine.views[0].reason = RA_R_STALE;
	asks("environments=staging,production", 200, "\"message\":\"timeout\"");
	engine.baseline.snapshot = NULL;
	asks("environments=production", 200, "its baseline is not read: ?");
	engine.baseline.error = "no \033 ref";
	asks("environments=production", 200, "its baseline is not read: no \\\\x1b ref");
}

/* Without a history, or of a broken one, no row is left out silently. */
static void
test_history(void **state)
{
	static const struct ra_history_event broken[] = {
		{ .what = "config-changed", .check = "x", .body = "{\"keys\":", .at = 2 },
	};
	static const struct ra_history_event more[] = {
		{ .what = "config-changed",
		    .check = "x",
		    .body = "{\"keys\":[{\"key\":\"A\"}],\"more\":3}",
		    .at = 2 },
	};
	static const struct {
		int error;
		const struct ra_history_event *events;
	} rows[] = { { 0, broken }, { 0, more }, { -EIO, NULL } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct MHD_Connection c;
		void *q = begin(&c, "/v1/drift", "environments=staging,production&since=1h");

		assert_int_equal(engine.asked_count, 3);
		history_answers(rows[i].error, rows[i].events, rows[i].events != NULL);
		mhd_work();
		end(&c, q);
		assert_non_null(strstr(c.body, "more changed since then than the history names"));
		assert_non_null(strstr(c.body, "\"older\":0"));
	}
	for (int n = 1; n <= 3; n++) {
		engine.history_error = -n;
		asks("environments=staging,production&since=1h", 503, "\"no-history\"");
	}
	engine.has_store = false;
	asks("environments=staging,production&since=1h", 503, "\"no-history\"");
}

/* --- who leaves --- */

static void
test_leaving_the_line(void **state)
{
	struct MHD_Connection c[6];
	void *q[6];

	/* Two are at work, the others wait: the last of the line leaves, then one within it. */
	for (size_t i = 0; i < RA_ARRAY_SIZE(c); i++)
		q[i] = begin(&c[i], "/v1/drift", "environments=staging,production");
	assert_int_equal(mhd_job_count, 2);
	ra_request_completed(&api, &c[5], &q[5], MHD_REQUEST_TERMINATED_CLIENT_ABORT);
	ra_request_completed(&api, &c[3], &q[3], MHD_REQUEST_TERMINATED_CLIENT_ABORT);
	/* One that is at work is not answered, the others in the order in which they came. */
	ra_request_completed(&api, &c[0], &q[0], MHD_REQUEST_TERMINATED_CLIENT_ABORT);
	mhd_work();
	mhd_work();
	assert_true(c[2].suspended && !c[1].suspended);
	mhd_work();
	assert_true(c[4].suspended && !c[2].suspended);
	mhd_work();
	assert_int_equal(mhd_job_count, 0);
	for (size_t i = 1; i < 5; i++) {
		if (i == 3)
			continue;
		end(&c[i], q[i]);
		assert_int_equal(c[i].status, 200);
	}
	assert_null(api.requests);
}

static void
test_another_ref(void **state)
{
	struct MHD_Connection c;
	void *q = begin(&c, "/v1/drift", "environments=production&baseline=main");

	engine.read(engine.read_arg, engine.snapshots[0], RA_R_OK, NULL);
	mhd_work();
	end(&c, q);
	assert_non_null(strstr(c.body, "\"ref\":\"main\""));
	q = begin(&c, "/v1/drift", "environments=production&baseline=main");
	engine.read(engine.read_arg, NULL, RA_R_TIMEOUT, "too slow");
	mhd_work();
	end(&c, q);
	assert_non_null(strstr(c.body, "its baseline is not read: too slow"));
	q = begin(&c, "/v1/drift", "environments=production&baseline=main");
	ra_request_completed(&api, &c, &q, MHD_REQUEST_TERMINATED_CLIENT_ABORT);
	assert_int_equal(engine.cancelled, 1);
	assert_int_equal(mhd_job_count, 0);
	/* Left after one answer came: what was asked and is answered is not taken back. */
	q = begin(&c, "/v1/drift", "environments=production&baseline=main&since=1h");
	engine.read(engine.read_arg, engine.snapshots[0], RA_R_OK, NULL);
	ra_request_completed(&api, &c, &q, MHD_REQUEST_TERMINATED_CLIENT_ABORT);
	assert_int_equal(engine.cancelled, 1);
	history_answers(0, NULL, 0);
	assert_int_equal(mhd_job_count, 0);
	engine.baseline_error = -EINVAL;
	asks("environments=production&baseline=main", 200, "not read: no ref is called so");
	engine.baseline_error = -ENOMEM;
	asks("environments=production&baseline=main", 200, "not read: out of memory");
}

/* --- events --- */

static struct ra_history_event
event_of(const char *check, const char *body)
{
	return (struct ra_history_event){ .what = "state", .check = check, .body = body };
}

/* What a reader gets now; each line ends with a blank. */
static void
check_stream(struct MHD_Connection *c, struct MHD_Response *r, const char *wanted)
{
	char text[4096], all[8192] = "";
	ssize_t n;

	while (!c->suspended && (n = r->read(r->arg, 0, text, 7)) > 0) {
		text[n] = '\0';
		strncat(all, text, sizeof(all) - strlen(all) - 1);
	}
	for (char *at = all; (at = strchr(at, '\n')) != NULL;)
		*at = ' ';
	if (wanted == NULL ? strstr(all, "\"event\":\"heartbeat\"") == NULL
			   : strcmp(all, wanted) != 0)
		fail_msg("'%s'", all);
}

static void
test_streams(void **state)
{
	static const struct {
		const char *query, *gets;
	} rows[] = { { "", "a b c d e " }, { "select=production", "b e " },
		{ "select=staging/config-api", "a e " },
		{ "select=baseline&select=staging", "a c e " } };
	static const char *const sent[][2] = { { "staging/config-api", "a" },
		{ "production/config-api", "b" }, { "baseline/config-web", "c" },
		{ "production-old/config-api", "d" }, { "", "e" } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct MHD_Connection c;
		void *q = begin(&c, "/v1/events", rows[i].query);
		struct MHD_Response *r = mhd_stream;

		assert_int_equal(c.status, 200);
		check_stream(&c, r, NULL); /* a heartbeat brings the headers */
		assert_true(c.suspended);
		for (size_t k = 0; k < RA_ARRAY_SIZE(sent); k++) {
			struct ra_history_event e = event_of(sent[k][0], sent[k][1]);

			ra_events_send(&api, &e);
		}
		check_stream(&c, r, rows[i].gets);
		ra_events_end(&api);
		assert_false(c.suspended);
		assert_int_equal(
		    r->read(r->arg, 0, (char[8]){ 0 }, 8), MHD_CONTENT_READER_END_OF_STREAM);
		end(&c, q);
		MHD_destroy_response(r);
		assert_null(api.streams);
	}
}

static void
test_streams_of_nothing(void **state)
{
	static const struct {
		const char *query;
		unsigned status;
		const char *says;
	} rows[] = { { "select=nowhere", 404, "no environment 'nowhere'" },
		{ "select=staging&select=production/config-ap", 404, "did you mean" } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct MHD_Connection c;
		void *q = begin(&c, "/v1/events", rows[i].query);

		end(&c, q);
		assert_int_equal(c.status, rows[i].status);
		assert_non_null(strstr(c.body, rows[i].says));
		assert_null(api.streams);
	}
}

/* A reader that does not read is dropped, and others are not kept waiting. */
static void
test_a_reader_that_sleeps(void **state)
{
	struct MHD_Connection c, other;
	void *q = begin(&c, "/v1/events", ""), *q_other;
	struct MHD_Response *r = mhd_stream, *r_other;
	char *big = malloc(60001);
	struct ra_history_event e = event_of("staging/config-api", big);
	ssize_t n;

	assert_non_null(big);
	memset(big, 'x', 60000);
	big[60000] = '\0';
	q_other = begin(&other, "/v1/events", "select=production");
	r_other = mhd_stream;
	for (int i = 0; i < 9; i++)
		ra_events_send(&api, &e);
	while ((n = r->read(r->arg, 0, (char[8192]){ 0 }, 8192)) > 0)
		;
	assert_int_equal(n, MHD_CONTENT_READER_END_OF_STREAM);
	check_stream(&other, r_other, NULL);
	assert_true(other.suspended);
	ra_events_end(&api);
	end(&c, q);
	end(&other, q_other);
	MHD_destroy_response(r);
	MHD_destroy_response(r_other);
	free(big);
	assert_null(api.streams);
}

/* --- memory that is refused --- */

/* True: it was answered as if there were enough. */
static bool
ask_once(const char *path, const char *query, int at, char *ret_body, size_t size)
{
	struct MHD_Connection c;
	void *q;
	bool good;

	mhd_stream = NULL;
	fail_at = at;
	arm();
	q = begin(&c, path, query);
	if (strstr(query, "baseline=") != NULL && engine.read != NULL)
		engine.read(engine.read_arg, engine.snapshots[0], RA_R_OK, NULL);
	engine.read = NULL;
	history_answers(0, changes, RA_ARRAY_SIZE(changes));
	mhd_work();
	end(&c, q);
	disarm();
	if (mhd_stream != NULL)
		MHD_destroy_response(mhd_stream);
	good = c.status == 200;
	if (!good && c.status != 503)
		fail_msg("%s?%s, request %d: %u %s", path, query, at, c.status, c.body);
	snprintf(ret_body, size, "%s", c.body);
	assert_null(api.requests);
	assert_null(api.streams);
	if (config.refs != 0)
		fail_msg("%s?%s, request %d: a job is left", path, query, at);
	assert_int_equal(mhd_job_count, 0);
	return good;
}

static void
test_memory(void **state)
{
	static const struct {
		const char *path, *query;
	} rows[] = {
		{ "/v1/drift", "environments=staging,production&all=true" },
		{ "/v1/drift", "environments=staging,production&since=1h&only=A&ignore=B&check="
			       "config-api" },
		{ "/v1/drift", "suggest=true" },
		{ "/v1/drift", "environments=production&baseline=main&suggest=true" },
		{ "/v1/events", "select=production&select=staging/config-api" },
	};
	static char whole[8192], body[8192];

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		assert_true(ask_once(rows[i].path, rows[i].query, 0, whole, sizeof(whole)));
		for (int at = 1; at == 1 || requests >= at - 1; at++) {
			if (ask_once(rows[i].path, rows[i].query, at, body, sizeof(body)) &&
			    strcmp(body, whole) != 0 && strstr(body, "\"unread\":[\"") == NULL &&
			    strstr(body, "more changed since then") == NULL)
				fail_msg("%s?%s, request %d:\n%s\n%s", rows[i].path, rows[i].query,
				    at, body, whole);
		}
	}
}

int
main(void)
{
#define IN_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_RIG(test_questions),
		IN_RIG(test_not_read),
		IN_RIG(test_history),
		IN_RIG(test_leaving_the_line),
		IN_RIG(test_another_ref),
		IN_RIG(test_streams),
		IN_RIG(test_streams_of_nothing),
		IN_RIG(test_a_reader_that_sleeps),
		IN_RIG(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
