/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, from the history; and which version runs where. */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "internal.h"

#define LIMIT_MOST 10000

/* The reader thread answers even if the client left meanwhile. */
struct asked {
	struct ra_request *request; /* NULL: left */
};

static void
leave(struct ra_request *q)
{
	((struct asked *)q->waiting)->request = NULL;
	q->abandon = NULL;
	q->waiting = NULL;
}

static void
on_history(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	struct asked *asked = arg;
	struct ra_request *q = asked->request;
	struct ra_buf body = RA_BUF(64 * 1024 * 1024);
	size_t i;

	free(asked);
	if (q == NULL)
		return;
	if (error < 0) {
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-history",
		    "the history cannot be read: %s", strerror(-error));
		return;
	}
	ra_buf_puts(&body, "{\"schema\":\"" RA_API_SCHEMA "\",\"events\":[");
	for (i = 0; i < count; i++) {
		if (i > 0)
			ra_buf_putc(&body, ',');
		ra_buf_puts(&body, events[i].body);
	}
	ra_buf_puts(&body, "]}");
	ra_request_json(q, MHD_HTTP_OK, &body);
}

bool
ra_request_time(struct ra_request *q, const char *name, int64_t *ret)
{
	const char *text = ra_request_param(q, name);
	struct ra_error err = { 0 };
	int64_t ms;

	if (text == NULL)
		return true;
	if (ra_duration_parse(text, &ms, &err) == 0)
		*ret = ra_clock_wall() - ms;
	else if (ra_time_parse(text, strlen(text), ret) < 0) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "%s: '%.60s' is neither a duration (7d) nor a time (2026-11-23T09:14:05Z)",
		    name, text);
		return false;
	}
	return true;
}

static bool
limit_param(struct ra_request *q, size_t *ret)
{
	const char *text = ra_request_param(q, "limit");
	int64_t n;

	if (text == NULL)
		return true;
	if (ra_int_parse(text, strlen(text), &n) < 0 || n < 1 || n > LIMIT_MOST) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "limit: give a number from 1 to %d", LIMIT_MOST);
		return false;
	}
	*ret = (size_t)n;
	return true;
}

void
ra_route_history(struct ra_request *q)
{
	struct ra_store *store = ra_engine_store(q->api->engine);
	struct ra_history_query query = { 0 };
	const char *name = ra_request_param(q, "environment"), *id = ra_request_param(q, "check");
	const struct ra_environment *env = NULL;
	const struct ra_check *check = NULL;
	struct asked *asked;

	if (name != NULL && (env = ra_api_environment(q, name)) == NULL)
		return;
	if (id != NULL && (check = ra_api_check(q, id)) == NULL) {
		if (q->response == NULL)
			ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
			    "check: write ENVIRONMENT/CHECK");
		return;
	}
	if (!ra_request_time(q, "since", &query.since) ||
	    !ra_request_time(q, "until", &query.until) || !limit_param(q, &query.limit))
		return;
	query.environment = env != NULL ? env->name : NULL;
	query.check = check != NULL ? check->id : NULL;
	asked = calloc(1, sizeof(*asked));
	if (asked == NULL || store == NULL ||
	    ra_store_history(store, &query, on_history, asked) < 0) {
		free(asked);
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-history",
		    "the history cannot be asked now");
		return;
	}
	asked->request = q;
	ra_request_wait(q, leave, asked);
}

/* --- versions --- */

static void
write_number(struct ra_jsonw *w, const char *key, int64_t number)
{
	if (number != RA_UNSET)
		ra_jsonw_int(w, key, number);
	else
		ra_jsonw_null(w, key);
}

/* The tag's commit stands for one that is not reported. */
static void
write_service(struct ra_jsonw *w, const struct ra_view *v)
{
	const struct ra_facts none = { 0 }, *facts = v->facts != NULL ? v->facts : &none;
	const char *commit = ra_facts_text(facts, "commit");

	if (commit == NULL)
		commit = ra_facts_text(facts, "tag_commit");
	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "service", v->check->service);
	ra_jsonw_text(w, "version", ra_facts_text(facts, "version"));
	ra_jsonw_text(w, "tag", ra_facts_text(facts, "tag"));
	ra_jsonw_text(w, "commit", commit);
	ra_jsonw_time(w, "tag_date", ra_facts_number(facts, "tag_date", 0));
	write_number(w, "behind_releases", ra_facts_number(facts, "behind_releases", RA_UNSET));
	ra_jsonw_time(w, "checked", v->checked);
	ra_jsonw_text(w, "state", ra_verdict_name(v->state));
	ra_jsonw_text(w, "check", v->check->id);
	ra_jsonw_object_end(w);
}

static void
write_versions(struct ra_jsonw *w, struct ra_api *a, const struct ra_environment *env)
{
	struct ra_view v;
	size_t i;

	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "name", env->name);
	write_number(w, "rank", env->rank);
	ra_jsonw_array(w, "services");
	for (i = 0; i < env->check_count; i++) {
		ra_engine_view(a->engine, env->checks[i], &v);
		if (strcmp(v.kind, "version") == 0)
			write_service(w, &v);
	}
	ra_jsonw_array_end(w);
	ra_jsonw_object_end(w);
}

void
ra_route_versions(struct ra_request *q)
{
	const struct ra_config *c = ra_engine_config(q->api->engine);
	const char *name = ra_request_param(q, "environment");
	const struct ra_environment *only = NULL;
	struct ra_buf body = RA_BUF(64 * 1024 * 1024);
	struct ra_jsonw w;
	size_t i;

	if (name != NULL && (only = ra_api_environment(q, name)) == NULL)
		return;
	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "schema", RA_API_SCHEMA);
	ra_jsonw_time(&w, "at", ra_clock_wall());
	ra_jsonw_array(&w, "environments");
	for (i = 0; i < c->environment_count; i++)
		if (only == NULL || only == c->environments[i])
			write_versions(&w, q->api, c->environments[i]);
	ra_jsonw_array_end(&w);
	ra_jsonw_object_end(&w);
	ra_request_json(q, MHD_HTTP_OK, &body);
}
