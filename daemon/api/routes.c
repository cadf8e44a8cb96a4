/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/model/name.h"

#include "internal.h"

static const char *const none[] = { NULL };
static const char *const of_status[] = { "select", "wait", NULL };
static const char *const of_versions[] = { "environment", "at", NULL };
static const char *const of_drift[] = { "environments", "check", "all", "strict", "suggest", "only",
	"ignore", "since", "baseline", NULL };
static const char *const of_history[] = { "environment", "check", "since", "until", "limit", NULL };
static const char *const of_events[] = { "select", NULL };
static const char *const of_metrics[] = { "checks", NULL };

/* All others are given once. */
static const char *const many_times[] = { "select", "only", "ignore", NULL };

/* The whole of the API; docs/api.yaml says what each takes and answers. */
static const struct ra_route routes[] = {
	{ "GET", "/v1/status", of_status, ra_route_status },
	{ "GET", "/v1/environments/", none, ra_route_environment },
	{ "GET", "/v1/versions", of_versions, ra_route_versions },
	{ "GET", "/v1/drift", of_drift, ra_route_drift },
	{ "GET", "/v1/history", of_history, ra_route_history },
	{ "GET", "/v1/events", of_events, ra_route_events },
	{ "GET", "/metrics", of_metrics, ra_route_metrics },
	{ "GET", "/healthz", none, ra_route_healthz },
	{ "POST", "/v1/run", none, ra_route_run },
	{ "POST", "/v1/reload", none, ra_route_reload },
};

static bool
matches(const struct ra_route *r, struct ra_request *q)
{
	size_t len = strlen(r->path);

	if (r->path[len - 1] != '/')
		return strcmp(r->path, q->path) == 0;
	if (strncmp(r->path, q->path, len) != 0 || q->path[len] == '\0')
		return false;
	q->rest = q->path + len;
	return true;
}

/* Of two values one would be dropped, and the answer would be to another question. */
static bool
params_once(const struct ra_route *r, struct ra_request *q)
{
	for (size_t i = 0; i < q->param_count; i++) {
		const char *name = q->params[i].name;
		bool many = false;

		for (size_t k = 0; many_times[k] != NULL && !many; k++)
			many = strcmp(many_times[k], name) == 0;
		for (size_t k = 0; k < i && !many; k++) {
			if (strcmp(q->params[k].name, name) != 0)
				continue;
			ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
			    "%s takes `%s` once", r->path, name);
			return false;
		}
	}
	return true;
}

static bool
params_known(const struct ra_route *r, struct ra_request *q)
{
	struct ra_nearest near;
	size_t i, k;

	for (i = 0; i < q->param_count; i++) {
		ra_nearest_init(&near, q->params[i].name);
		for (k = 0; r->params[k] != NULL; k++) {
			if (strcmp(r->params[k], q->params[i].name) == 0)
				break;
			ra_nearest_try(&near, r->params[k]);
		}
		if (r->params[k] != NULL)
			continue;
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "%s takes no parameter '%.60s'%s%s%s", r->path, q->params[i].name,
		    near.name != NULL ? "; did you mean '" : "", near.name != NULL ? near.name : "",
		    near.name != NULL ? "'?" : "");
		return false;
	}
	return params_once(r, q);
}

const struct ra_route *
ra_route_find(struct ra_request *q)
{
	const struct ra_route *other = NULL;
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(routes); i++) {
		if (!matches(&routes[i], q))
			continue;
		if (strcmp(routes[i].method, q->method) == 0)
			return params_known(&routes[i], q) ? &routes[i] : NULL;
		other = &routes[i];
	}
	if (other == NULL) {
		ra_request_error(
		    q, MHD_HTTP_NOT_FOUND, "no-such-path", "no such path; /v1/status is one");
		return NULL;
	}
	ra_request_error(q, MHD_HTTP_METHOD_NOT_ALLOWED, "bad-method", "%s takes %s", other->path,
	    other->method);
	/* The other answer there may be, that of no memory, is not this request's alone. */
	if (q->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(q->response, MHD_HTTP_HEADER_ALLOW, other->method);
	return NULL;
}
