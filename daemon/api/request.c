/* SPDX-License-Identifier: Apache-2.0 */
/* One request from its first byte to its answer, which may be long in coming. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "relaudit/base/escape.h"

#include "internal.h"

#define JSON_TYPE      "application/json"
/* Of a connection's memory: MHD's for each parameter, and for headers and what it reads ahead. */
#define PARAM_BYTES    64
#define REST_BYTES     16384

#define BODY_TOO_LARGE "the body is larger than 65536 bytes"
_Static_assert(RA_API_BODY_MAX == 65536, "as the text says");

/* --- answers --- */

void
ra_request_answer(
    struct ra_request *q, unsigned status, struct MHD_Response *response, const char *type)
{
	if (response == NULL)
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	else if (type != NULL)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	q->response = response != NULL ? response : q->api->no_memory;
	q->status = status;
	q->waiting = NULL;
	q->abandon = NULL;
	if (q->stage == RA_STAGE_WAITING && !q->in_handler) {
		MHD_resume_connection(q->connection);
		ra_api_kick(q->api);
	}
	q->stage = RA_STAGE_READY;
}

void
ra_request_json(struct ra_request *q, unsigned status, struct ra_buf *body)
{
	struct MHD_Response *response = NULL;
	size_t len = body->len + 1;
	char *text;

	ra_buf_putc(body, '\n');
	text = ra_buf_take(body);
	if (text != NULL)
		response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text);
	ra_request_answer(q, status, response, JSON_TYPE);
}

void
ra_request_error(struct ra_request *q, unsigned status, const char *code, const char *fmt, ...)
{
	RA_BUF_LOCAL message = RA_BUF(8192);
	struct ra_buf body = RA_BUF(65536);
	struct ra_jsonw w;
	va_list ap;

	va_start(ap, fmt);
	ra_buf_vprintf(&message, fmt, ap);
	va_end(ap);
	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "schema", RA_API_SCHEMA);
	ra_jsonw_object(&w, "error");
	ra_jsonw_text(&w, "code", code);
	ra_jsonw_text(&w, "message", ra_buf_text(&message));
	ra_jsonw_object_end(&w);
	ra_jsonw_object_end(&w);
	ra_request_json(q, status, &body);
}

void
ra_request_wait(struct ra_request *q, void (*abandon)(struct ra_request *q), void *waiting)
{
	if (q->stage == RA_STAGE_READING) {
		q->stage = RA_STAGE_WAITING;
		/* While in the handler the suspension comes at its end, unless it was answered. */
		if (!q->in_handler)
			MHD_suspend_connection(q->connection);
	}
	q->abandon = abandon;
	q->waiting = waiting;
}

void
ra_request_last(struct ra_request *q)
{
	if (q->response != NULL && q->response != q->api->no_memory)
		(void)MHD_add_response_header(q->response, MHD_HTTP_HEADER_CONNECTION, "close");
}

const char *
ra_request_param(const struct ra_request *q, const char *name)
{
	size_t i;

	for (i = 0; i < q->param_count; i++)
		if (strcmp(q->params[i].name, name) == 0)
			return q->params[i].value;
	return NULL;
}

/* --- life --- */

static void
drop_response(struct ra_request *q)
{
	if (q->response != q->api->no_memory)
		MHD_destroy_response(q->response);
	q->response = NULL;
}

static bool
room_for_param(struct ra_request *q)
{
	size_t room = q->param_room != 0 ? 2 * q->param_room : 8;
	struct ra_param *params;

	if (q->param_count < q->param_room)
		return true;
	params = reallocarray(q->params, room, sizeof(*params));
	if (params == NULL)
		return false;
	q->params = params;
	q->param_room = room;
	return true;
}

static enum MHD_Result
on_param(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
	struct ra_request *q = arg;
	struct ra_param *p;

	if (q->param_count >= RA_API_PARAMS_MAX || q->stage != RA_STAGE_READING ||
	    !room_for_param(q))
		return MHD_NO;
	if (strlen(name) != name_len || (value != NULL && strlen(value) != value_len)) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "a query parameter has a NUL byte in it");
		return MHD_NO;
	}
	p = &q->params[q->param_count];
	p->name = strdup(name);
	p->value = strdup(value != NULL ? value : "");
	if (p->name == NULL || p->value == NULL) {
		free(RA_TAKE(p->name));
		free(RA_TAKE(p->value));
		return MHD_NO;
	}
	q->param_count++;
	return MHD_YES;
}

static struct ra_request *
request_new(
    struct ra_api *a, struct MHD_Connection *connection, const char *url, const char *method)
{
	struct ra_request *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->api = a;
	q->connection = connection;
	q->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	q->method = q->head ? MHD_HTTP_METHOD_GET : method;
	q->body = RA_BUF(RA_API_BODY_MAX);
	q->path = strdup(url);
	q->next = a->requests;
	if (q->next != NULL)
		q->next->prev = q;
	a->requests = q;
	return q;
}

static void
request_free(struct ra_request *q)
{
	size_t i;

	if (q->abandon != NULL)
		q->abandon(q);
	if (q->prev != NULL)
		q->prev->next = q->next;
	else
		q->api->requests = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	for (i = 0; i < q->param_count; i++) {
		free(q->params[i].name);
		free(q->params[i].value);
	}
	free(q->params);
	if (q->response != NULL)
		drop_response(q);
	ra_buf_free(&q->body);
	free(q->path);
	free(q);
}

static struct ra_client *
client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static bool
came_late(struct MHD_Connection *connection)
{
	const struct ra_client *client = client_of(connection);

	return client == NULL || client->late;
}

/* MHD has memory for them, and for the rest of the request. */
static bool
too_long(const char *target)
{
	size_t params = 1;

	for (const char *at = target; (at = strchr(at, '&')) != NULL; at++)
		params++;
	return strlen(target) + params * PARAM_BYTES > RA_API_MEMORY - REST_BYTES;
}

/* An answer that does not wait until MHD asks for one. The connection is not to be used again. */
static int
answer_now(
    struct MHD_Connection *connection, const char *status, const char *code, const char *message)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char body[256], text[512];
	int n = snprintf(body, sizeof(body),
	    "{\"schema\":\"" RA_API_SCHEMA "\",\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n",
	    code, message);

	n = snprintf(text, sizeof(text),
	    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: " JSON_TYPE
	    "\r\nContent-Length: %d\r\n\r\n%s",
	    status, n, body);
	if (info == NULL)
		return -1;
	(void)!send(info->connect_fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return info->connect_fd;
}

/* A connection that has no memory left is closed by MHD without a word, and nobody is asked. */
static void
refuse_too_long(struct MHD_Connection *connection)
{
	int fd = answer_now(connection, "414 URI Too Long", "bad-request",
	    "the query is too long; ask for less at once");

	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
}

/* The target as it came: later a NUL byte in it is its end. */
void *
ra_request_begins(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct ra_client *client = client_of(connection);
	const char *nul = strstr(target, "%00");

	if (too_long(target))
		refuse_too_long(connection);
	if (client != NULL)
		client->nul = nul != NULL && nul < strchrnul(target, '?');
	return NULL; /* the state that a request begins with */
}

static bool
has_nul(struct MHD_Connection *connection)
{
	const struct ra_client *client = client_of(connection);

	return client != NULL && client->nul;
}

static void
begin(struct ra_request *q)
{
	int n = MHD_get_connection_values_n(q->connection, MHD_GET_ARGUMENT_KIND, on_param, q);
	bool all = n >= 0 && (size_t)n == q->param_count;

	if (q->stage != RA_STAGE_READING)
		return;
	if (has_nul(q->connection))
		ra_request_error(
		    q, MHD_HTTP_BAD_REQUEST, "bad-request", "the path has a NUL byte in it");
	else if (all && q->path != NULL)
		q->route = ra_route_find(q);
	else if (!all && q->param_count == RA_API_PARAMS_MAX)
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "more than %d query parameters", RA_API_PARAMS_MAX);
	else
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
}

/* Too many at once: said so rather than left waiting. Who was there before is served on. */
static bool
too_busy(struct ra_request *q)
{
	const struct ra_api *a = q->api;

	if (a->closing) {
		ra_request_error(
		    q, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping", "relauditd is stopping");
		return true;
	}
	if (a->connections <= RA_API_CONNECTIONS || !came_late(q->connection))
		return false;
	ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
	    "too many connections; close some, or ask again");
	ra_request_last(q);
	return true;
}

static void
refuse_body(struct ra_request *q)
{
	ra_request_error(q, MHD_HTTP_CONTENT_TOO_LARGE, "body-too-large", BODY_TOO_LARGE);
}

static enum MHD_Result
add_size(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
	size_t *size = arg;

	*size += name_len + value_len;
	return MHD_YES;
}

static bool
too_many_fields(struct ra_request *q)
{
	size_t size = 0;

	MHD_get_connection_values_n(q->connection, MHD_HEADER_KIND, add_size, &size);
	if (size <= RA_API_FIELDS_MAX)
		return false;
	ra_request_error(q, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "bad-request",
	    "the header fields are larger than %d bytes", RA_API_FIELDS_MAX);
	ra_request_last(q);
	return true;
}

static const char *
field(const struct ra_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

/*
 * Said before it comes. True: it need not come at all. Who sends it unasked may read the answer
 * only then, and would find a closed connection: it is read and dropped.
 */
static bool
body_too_large(struct ra_request *q)
{
	const char *length = field(q, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (length == NULL || strtoull(length, NULL, 10) <= RA_API_BODY_MAX)
		return false;
	if (field(q, MHD_HTTP_HEADER_EXPECT) != NULL) {
		refuse_body(q);
		ra_request_last(q);
		return true;
	}
	(void)answer_now(q->connection, "413 Content Too Large", "body-too-large", BODY_TOO_LARGE);
	q->answered = true;
	q->stage = RA_STAGE_READY;
	return false;
}

static enum MHD_Result
queue(struct ra_request *q)
{
	enum MHD_Result r;

	/* Who had no memory for a question had none to answer it with. */
	if (q->response == NULL) {
		q->response = q->api->no_memory;
		q->status = MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	/* Of a stream MHD would send the last chunk, which is the next answer's beginning then. */
	if (q->head && q->response != q->api->no_memory) {
		(void)MHD_set_response_options(
		    q->response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
		ra_request_last(q);
	}
	r = MHD_queue_response(q->connection, q->status, q->response);
	drop_response(q);
	return r;
}

static bool
take_body(struct ra_request *q, const char *upload, size_t *size)
{
	int r = q->stage == RA_STAGE_READING ? ra_buf_add(&q->body, upload, *size) : 0;

	if (r == -ENOMEM)
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
	else if (r < 0)
		refuse_body(q);
	*size = 0;
	return true;
}

enum MHD_Result
ra_request_handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct ra_request *q = *state;

	if (q == NULL) {
		q = request_new(arg, connection, url, method);
		if (q == NULL)
			return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			    ((struct ra_api *)arg)->no_memory);
		*state = q;
		if (too_many_fields(q) || body_too_large(q))
			return queue(q);
		if (!q->answered && !too_busy(q))
			begin(q);
		return MHD_YES;
	}
	if (*upload_size > 0)
		return take_body(q, upload, upload_size) ? MHD_YES : MHD_NO;
	if (q->answered)
		return MHD_NO;
	if (q->stage == RA_STAGE_READING) {
		q->in_handler = true;
		q->route->run(q);
		q->in_handler = false;
		if (q->stage == RA_STAGE_WAITING) {
			MHD_suspend_connection(connection);
			return MHD_YES;
		}
	}
	return queue(q);
}

void
ra_request_completed(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	if (*state != NULL)
		request_free(*state);
	*state = NULL;
}

void
ra_request_end_all(struct ra_api *a)
{
	struct ra_request *q, *next;

	for (q = a->requests; q != NULL; q = next) {
		next = q->next;
		if (q->stage != RA_STAGE_WAITING)
			continue;
		if (q->abandon != NULL)
			q->abandon(q);
		ra_request_error(
		    q, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping", "relauditd is stopping");
	}
}
