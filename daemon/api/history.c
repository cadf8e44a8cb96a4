/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, from the history. */
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

bool
ra_request_since(struct ra_request *q, int64_t *ret)
{
	char text[RA_TIME_TEXT];

	if (!ra_request_time(q, "since", ret))
		return false;
	if (*ret <= ra_clock_wall())
		return true;
	ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
	    "since: %s is in the future; nothing has changed since then",
	    ra_time_format_s(*ret, text));
	return false;
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
	int r;

	if (name != NULL && (env = ra_api_environment(q, name)) == NULL)
		return;
	if (id != NULL && (check = ra_api_check(q, id)) == NULL) {
		if (q->response == NULL)
			ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
			    "check: write ENVIRONMENT/CHECK");
		return;
	}
	if (!ra_request_since(q, &query.since) || !ra_request_time(q, "until", &query.until) ||
	    !limit_param(q, &query.limit))
		return;
	if (query.until != 0 && query.until < query.since) {
		ra_request_error(
		    q, MHD_HTTP_BAD_REQUEST, "bad-request", "until: it is before `since`");
		return;
	}
	query.environment = env != NULL ? env->name : NULL;
	query.check = check != NULL ? check->id : NULL;
	asked = calloc(1, sizeof(*asked));
	r = asked == NULL   ? -ENOMEM
	    : store == NULL ? -ENODATA
			    : ra_store_history(store, &query, on_history, asked);
	if (r < 0) {
		free(asked);
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-history",
		    "the history cannot be asked now: %s", strerror(-r));
		return;
	}
	asked->request = q;
	ra_request_wait(q, leave, asked);
}
