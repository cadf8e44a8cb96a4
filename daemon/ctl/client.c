/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <curl/curl.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/jsonr.h"
#include "relaudit/base/units.h"

#include "unreachable.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define WAIT_SLACK     5000 /* ms beyond what the daemon was asked to wait */
#define SILENCE_MAX    45L /* s without a byte on a stream; a heartbeat comes every 15 */
#define CONNECTS       10 /* tries, where too many others connect */

/* --- queries --- */

void
ra_ctl_query(struct ra_buf *path, const char *name, const char *value)
{
	const char *at;

	ra_buf_putc(path, strchr(ra_buf_text(path), '?') == NULL ? '?' : '&');
	ra_buf_printf(path, "%s=", name);
	for (at = value; *at != '\0'; at++) {
		bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			     (*at >= '0' && *at <= '9') || strchr("-._~/", *at) != NULL;

		if (plain)
			ra_buf_putc(path, *at);
		else
			ra_buf_printf(path, "%%%02X", (unsigned)(unsigned char)*at);
	}
}

const char *
ra_ctl_path(const struct ra_buf *path)
{
	return path->error == 0 ? ra_buf_text(path) : NULL;
}

void
ra_ctl_query_selectors(const struct ra_ctl *ctl, struct ra_buf *path)
{
	size_t i;

	for (i = 0; i < ctl->arg_count; i++)
		ra_ctl_query(path, "select", ctl->args[i]);
}

const char *
ra_ctl_socket(struct ra_ctl *ctl, int *ret_exit, struct ra_error *err)
{
	if (ctl->host == NULL)
		return ctl->socket != NULL ? ctl->socket : RA_CTL_SOCKET;
	if (ctl->ssh == NULL)
		*ret_exit = ra_ctl_ssh_start(ctl, &ctl->ssh, err);
	return ctl->ssh != NULL ? ra_ctl_ssh_socket(ctl->ssh) : NULL;
}

/* --- transfer --- */

struct transfer {
	struct ra_ctl *ctl;
	const char *socket;
	CURL *curl;
	struct curl_slist *headers;
	struct ra_buf body; /* the answer, of a stream the line begun */
	int (*on_line)(void *arg, const char *line, size_t len);
	void *arg;
	int stopped;
	int64_t began; /* monotonic ms */
	bool heard; /* a stream: the first of it came */
};

static size_t
on_bytes(char *data, size_t one, size_t len, void *arg)
{
	struct transfer *t = arg;

	return ra_buf_add(&t->body, data, len) == 0 ? len : 0;
}

static long
http_status(const struct transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t
on_stream_bytes(char *data, size_t one, size_t len, void *arg)
{
	struct transfer *t = arg;
	const char *end;
	size_t at = 0;

	t->heard = true;
	if (http_status(t) != 200)
		return on_bytes(data, one, len, arg);
	while ((end = memchr(data + at, '\n', len - at)) != NULL) {
		size_t part = (size_t)(end - data) - at;

		if (ra_buf_add(&t->body, data + at, part) < 0)
			return 0;
		t->stopped = t->on_line(t->arg, ra_buf_text(&t->body), t->body.len);
		if (t->stopped != 0)
			return 0;
		ra_buf_clear(&t->body);
		at += part + 1;
	}
	return ra_buf_add(&t->body, data + at, len - at) == 0 ? len : 0;
}

/* About each second: a stream has no end, but it has a beginning to wait for. */
static int
on_progress(void *arg, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up)
{
	const struct transfer *t = arg;

	return !t->heard && ra_clock_mono() - t->began > t->ctl->timeout;
}

static int
set_headers(struct transfer *t, const struct ra_ctl_request *request)
{
	static const char *const headers[] = { "Accept: application/json",
		"Content-Type: application/json", "Expect:" };
	size_t i, count = request->body != NULL ? RA_ARRAY_SIZE(headers) : 1;

	for (i = 0; i < count; i++) {
		struct curl_slist *more = curl_slist_append(t->headers, headers[i]);

		if (more == NULL)
			return -ENOMEM;
		t->headers = more;
	}
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
	if (request->body != NULL)
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, request->body);
	return 0;
}

static int
prepare(struct transfer *t, const struct ra_ctl_request *request, struct ra_error *err)
{
	RA_BUF_LOCAL url = RA_BUF((1 << 20) + 100);
	CURL *curl = t->curl;

	ra_buf_printf(&url, "http://relauditd%s", request->path != NULL ? request->path : "");
	if (request->path == NULL || ra_ctl_part_lost() || url.error < 0 || curl == NULL ||
	    set_headers(t, request) < 0)
		return ra_error_set(
		    err, -ENOMEM, "cannot make the request: too large, or no memory");
	curl_easy_setopt(curl, CURLOPT_URL, url.data);
	if (curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, t->socket) != CURLE_OK)
		return ra_error_set(err, -EINVAL, "this libcurl has no Unix sockets");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "relauditctl/" RA_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)t->ctl->timeout);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	if (t->on_line == NULL) {
		int64_t limit = request->wait > 0 ? request->wait + WAIT_SLACK : t->ctl->timeout;

		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)limit);
	} else {
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_stream_bytes);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENCE_MAX);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		t->began = ra_clock_mono();
	}
	return 0;
}

static int
begin(struct transfer *t, struct ra_ctl *ctl, const struct ra_ctl_request *request,
    struct ra_error *err)
{
	int code = RA_CTL_UNAVAILABLE;

	t->ctl = ctl;
	t->socket = ra_ctl_socket(ctl, &code, err);
	if (t->socket == NULL)
		return code;
	if (strlen(t->socket) > RA_CTL_SOCKET_MAX) {
		ra_error_set(err, -ENAMETOOLONG,
		    "the path of a socket has at most %d characters, this one %zu: %.200s",
		    RA_CTL_SOCKET_MAX, strlen(t->socket), t->socket);
		return RA_CTL_USAGE;
	}
	if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK)
		t->curl = curl_easy_init();
	if (prepare(t, request, err) < 0)
		return RA_CTL_UNAVAILABLE;
	return 0;
}

static void
transfer_free(struct transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	ra_buf_free(&t->body);
}

/* --- answers --- */

static int
not_relauditd(const struct transfer *t, const char *what, struct ra_error *err)
{
	ra_error_set(
	    err, -EPROTO, "what answers at %.200s is not relauditd: %.200s", t->socket, what);
	return RA_CTL_UNAVAILABLE;
}

static int64_t
waited(const struct transfer *t)
{
	int64_t timeout = t->ctl->timeout, silence = SILENCE_MAX * 1000;

	return t->on_line == NULL || (!t->heard && timeout < silence) ? timeout : silence;
}

static int
transfer_failed(const struct transfer *t, CURLcode code, const struct ra_ctl_request *request,
    struct ra_error *err)
{
	char text[RA_UNIT_TEXT];

	switch (code) {
	case CURLE_COULDNT_CONNECT:
		ra_ctl_unreachable(t->ctl, t->socket, err);
		break;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_ABORTED_BY_CALLBACK:
		ra_error_set(err, -ETIMEDOUT,
		    "relauditd at %.200s did not answer within %s; see its log (`journalctl -u "
		    "relauditd`), or wait longer with --timeout",
		    t->socket, ra_duration_human(waited(t), text));
		break;
	case CURLE_WRITE_ERROR:
		if (t->body.error == -EMSGSIZE)
			return not_relauditd(t, "its answer is too large", err);
		ra_error_set(err, -ENOMEM, "out of memory for the answer of %.200s", t->socket);
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		ra_ctl_closed(t->ctl, t->socket, err);
		break;
	default:
		return not_relauditd(t, curl_easy_strerror(code), err);
	}
	return RA_CTL_UNAVAILABLE;
}

static void
print_details(struct ra_ctl *ctl, const json_t *details)
{
	RA_CTL_PART out = RA_BUF(0);
	const json_t *item;
	const char *at, *end;
	size_t i;

	json_array_foreach (details, i, item) {
		for (at = json_string_value(item); at != NULL && *at != '\0';
		     at = end + (*end == '\n')) {
			RA_CTL_PART line = RA_BUF(0);

			end = strchrnul(at, '\n');
			ra_buf_add(&line, at, (size_t)(end - at));
			ra_ctl_text(&ctl->term, &out, ra_buf_text(&line));
			ra_buf_putc(&out, '\n');
		}
	}
	(void)fputs(ra_buf_text(&out), ctl->err);
}

static int
error_answer(const struct transfer *t, const struct ra_ctl_answer *a, struct ra_error *err)
{
	const json_t *error = json_object_get(a->json, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));
	char text[64];

	if (code == NULL || message == NULL) {
		snprintf(text, sizeof(text), "HTTP status %ld", a->status);
		return not_relauditd(t, text, err);
	}
	print_details(t->ctl, json_object_get(error, "details"));
	ra_error_set(err, -EREMOTEIO, "%s", message);
	if (strcmp(code, "no-such-environment") == 0 || strcmp(code, "no-such-check") == 0)
		return RA_CTL_USAGE;
	return a->status == 503 ? RA_CTL_UNAVAILABLE : RA_CTL_REFUSED;
}

static int
read_answer(const struct transfer *t, struct ra_ctl_answer *a, struct ra_error *err)
{
	json_error_t where;
	const char *schema;

	if (ra_json_load(ra_buf_text(&a->body), a->body.len,
		JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &a->json, &where) == -ENOMEM) {
		ra_error_set(err, -ENOMEM, "out of memory for the answer of %.200s", t->socket);
		return RA_CTL_UNAVAILABLE;
	}
	if (!json_is_object(a->json))
		return not_relauditd(t, a->json != NULL ? "no JSON object" : where.text, err);
	schema = json_string_value(json_object_get(a->json, "schema"));
	if (schema == NULL)
		return not_relauditd(t, "its JSON has no schema", err);
	if (strcmp(schema, RA_CTL_SCHEMA) != 0) {
		ra_error_set(err, -EPROTONOSUPPORT,
		    "relauditd at %.200s answers in %.40s, this relauditctl knows " RA_CTL_SCHEMA
		    ": install the one that goes with it",
		    t->socket, schema);
		return RA_CTL_UNAVAILABLE;
	}
	return a->status == 200 ? 0 : error_answer(t, a, err);
}

void
ra_ctl_answer_free(struct ra_ctl_answer *a)
{
	ra_buf_free(&a->body);
	json_decref(a->json);
	a->json = NULL;
}

/* Again where too many others came first, once there is room. */
static CURLcode
perform(struct transfer *t)
{
	CURLcode r = curl_easy_perform(t->curl);

	for (int i = 0; i < CONNECTS && r == CURLE_COULDNT_CONNECT; i++) {
		if (ra_ctl_try_connect(t->socket) != 0)
			break;
		r = curl_easy_perform(t->curl);
	}
	return r;
}

int
ra_ctl_ask(struct ra_ctl *ctl, const struct ra_ctl_request *request,
    struct ra_ctl_answer *ret_answer, struct ra_error *err)
{
	struct transfer t = { .body = RA_BUF(ctl->answer_max) };
	struct ra_ctl_answer a = { 0 };
	int code = begin(&t, ctl, request, err);
	CURLcode curl;

	if (code == 0) {
		curl = perform(&t);
		if (curl != CURLE_OK)
			code = transfer_failed(&t, curl, request, err);
	}
	if (code == 0) {
		a.status = http_status(&t);
		a.body = t.body;
		t.body = (struct ra_buf){ 0 };
		code = read_answer(&t, &a, err);
	}
	if (code == 0)
		*ret_answer = a;
	else
		ra_ctl_answer_free(&a);
	transfer_free(&t);
	return code;
}

int
ra_ctl_stream(struct ra_ctl *ctl, const char *path,
    int (*on_line)(void *arg, const char *line, size_t len), void *arg, struct ra_error *err)
{
	struct ra_ctl_request request = { .path = path };
	struct transfer t = { .body = RA_BUF(LINE_MAX_BYTES), .on_line = on_line, .arg = arg };
	int code = begin(&t, ctl, &request, err);
	CURLcode curl;

	if (code == 0) {
		curl = perform(&t);
		if (t.stopped != 0) {
			code = t.stopped;
		} else if (curl != CURLE_OK) {
			code = transfer_failed(&t, curl, &request, err);
		} else if (http_status(&t) != 200) {
			struct ra_ctl_answer a = { .status = http_status(&t), .body = t.body };

			t.body = (struct ra_buf){ 0 };
			code = read_answer(&t, &a, err);
			ra_ctl_answer_free(&a);
		}
	}
	transfer_free(&t);
	return code;
}
