/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/events: one JSON object a line, as it happens, and a heartbeat each 15 s. A reader that does
 * not keep up is dropped.
 */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define HEARTBEAT (15 * RA_SECOND)

struct ra_stream {
	struct ra_stream *next;
	struct ra_api *api;
	struct MHD_Connection *connection;
	struct ra_buf buf;
	size_t sent;
	bool suspended, over;
	size_t filter_count;
	char *filters[]; /* names as asked for; "env" or "env/check" */
};

static void
stream_free(void *arg)
{
	struct ra_stream *s = arg, **at;
	size_t i;

	for (at = &s->api->streams; *at != NULL; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	for (i = 0; i < s->filter_count; i++)
		free(s->filters[i]);
	ra_buf_free(&s->buf);
	free(s);
}

static ssize_t
on_read(void *arg, uint64_t at, char *out, size_t max)
{
	struct ra_stream *s = arg;
	size_t n = s->buf.len - s->sent;

	if (n == 0) {
		if (s->over)
			return MHD_CONTENT_READER_END_OF_STREAM;
		/* Returning 0 without this would spin. */
		s->suspended = true;
		MHD_suspend_connection(s->connection);
		return 0;
	}
	n = n < max ? n : max;
	memcpy(out, s->buf.data + s->sent, n);
	s->sent += n;
	if (s->sent == s->buf.len) {
		ra_buf_clear(&s->buf);
		s->sent = 0;
	}
	return (ssize_t)n;
}

static void
wake(struct ra_stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->connection);
	ra_api_kick(s->api);
}

static void
put(struct ra_stream *s, const char *line, size_t len)
{
	if (s->over)
		return;
	ra_buf_add(&s->buf, line, len);
	ra_buf_putc(&s->buf, '\n');
	if (s->buf.error != 0 || s->buf.len - s->sent > RA_API_BACKLOG)
		s->over = true;
	wake(s);
}

/* "production" is every check of it; what is about no check at all goes to everybody. */
static bool
wants(const struct ra_stream *s, const char *check)
{
	size_t i;

	if (s->filter_count == 0 || *check == '\0')
		return true;
	for (i = 0; i < s->filter_count; i++) {
		size_t len = strlen(s->filters[i]);

		if (strncmp(check, s->filters[i], len) == 0 &&
		    (check[len] == '\0' || check[len] == '/'))
			return true;
	}
	return false;
}

void
ra_events_send(struct ra_api *a, const struct ra_history_event *event)
{
	struct ra_stream *s;

	for (s = a->streams; s != NULL; s = s->next)
		if (wants(s, event->check))
			put(s, event->body, strlen(event->body));
}

static void
on_heartbeat(void *arg)
{
	struct ra_api *a = arg;
	RA_BUF_LOCAL line = RA_BUF(256);
	struct ra_stream *s;
	struct ra_jsonw w;

	ra_jsonw_init(&w, &line);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "event", "heartbeat");
	ra_jsonw_time(&w, "at", ra_clock_wall());
	ra_jsonw_object_end(&w);
	for (s = a->streams; s != NULL; s = s->next)
		put(s, ra_buf_text(&line), line.len);
	if (a->streams == NULL)
		ra_timer_stop(a->heartbeat);
}

int
ra_events_init(struct ra_api *a)
{
	return ra_timer_new(a->loop, on_heartbeat, a, &a->heartbeat);
}

void
ra_events_end(struct ra_api *a)
{
	struct ra_stream *s;

	for (s = a->streams; s != NULL; s = s->next) {
		s->over = true;
		wake(s);
	}
}

static bool
add_filter(struct ra_request *q, struct ra_stream *s, const char *name)
{
	const struct ra_environment *env;
	const struct ra_check *c;
	const char *id;

	if (strchr(name, '/') != NULL) {
		if ((c = ra_api_check(q, name)) == NULL)
			return false;
		id = c->id;
	} else {
		if ((env = ra_api_environment(q, name)) == NULL)
			return false;
		id = env->name;
	}
	s->filters[s->filter_count] = strdup(id);
	if (s->filters[s->filter_count] == NULL)
		return false;
	s->filter_count++;
	return true;
}

/* A stream is open for days: with no end of them nobody else would be heard. */
static bool
too_many(const struct ra_api *a)
{
	const struct ra_stream *s;
	size_t n = 0;

	for (s = a->streams; s != NULL; s = s->next)
		n++;
	return n >= RA_API_STREAMS;
}

void
ra_route_events(struct ra_request *q)
{
	struct MHD_Response *response;
	struct ra_stream *s;
	size_t i;

	if (too_many(q->api)) {
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
		    "%d event streams are open, which is all there are; close some, or ask again",
		    RA_API_STREAMS);
		ra_request_last(q);
		return;
	}
	s = calloc(1, sizeof(*s) + q->param_count * sizeof(s->filters[0]));
	if (s == NULL) {
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
		return;
	}
	s->api = q->api;
	s->connection = q->connection;
	s->buf = RA_BUF(2 * RA_API_BACKLOG);
	for (i = 0; i < q->param_count; i++) {
		if (!add_filter(q, s, q->params[i].value)) {
			stream_free(s);
			if (q->response == NULL)
				ra_request_error(
				    q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
			return;
		}
	}
	s->next = q->api->streams;
	q->api->streams = s;
	response =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, s, stream_free);
	if (response == NULL)
		stream_free(s);
	else
		on_heartbeat(q->api); /* the headers go out with the first line */
	ra_timer_start(q->api->heartbeat, HEARTBEAT, HEARTBEAT);
	ra_request_answer(q, MHD_HTTP_OK, response, "application/x-ndjson");
}
