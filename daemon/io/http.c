/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/io/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http_private.h"
#include "relaudit/base/clock.h"
#include "relaudit/base/escape.h"
#include "relaudit/io/loop.h"

#define IDLE_MOST 256

static void end_later(struct ra_http_transfer *t);
static void hop(struct ra_http_transfer *t);

static void on_later(void *arg);

int
ra_http_new(struct ra_loop *loop, struct ra_dns *dns, struct ra_http **ret, struct ra_error *err)
{
	struct ra_http *h;
	int r;

	/* curl would write every TLS session's keys there. */
	(void)unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ra_error_set(err, -ENOMEM, "cannot start libcurl");
	h = calloc(1, sizeof(*h));
	if (h == NULL) {
		curl_global_cleanup();
		return ra_error_set(err, -ENOMEM, "out of memory");
	}
	h->loop = loop;
	h->dns = dns;
	r = ra_timer_new(loop, on_later, h, &h->later);
	if (r == 0)
		r = ra_http_loop_open(h);
	if (r < 0) {
		ra_http_free(h);
		return ra_error_set(err, r, "out of memory");
	}
	*ret = h;
	return 0;
}

static void
transfer_free(struct ra_http_transfer *t)
{
	if (t->easy != NULL)
		curl_easy_cleanup(t->easy);
	t->http->stats.handles--;
	free(t);
}

void
ra_http_free(struct ra_http *h)
{
	struct ra_http_transfer *t;

	if (h == NULL)
		return;
	while ((t = h->idle) != NULL) {
		h->idle = t->next;
		transfer_free(t);
	}
	ra_timer_free(h->later);
	ra_http_stores_free(h);
	ra_http_loop_close(h);
	curl_global_cleanup();
}

void
ra_http_stats(const struct ra_http *h, struct ra_http_stats *ret)
{
	*ret = h->stats;
}

static struct ra_http_transfer *
transfer_get(struct ra_http *h)
{
	struct ra_http_transfer *t = h->idle;

	if (t != NULL) {
		h->idle = t->next;
		h->idle_count--;
		return t;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->http = h;
	t->easy = curl_easy_init();
	if (t->easy == NULL) {
		free(t);
		return NULL;
	}
	h->stats.handles++;
	return t;
}

/* What belongs to one hop. */
static void
hop_clear(struct ra_http_transfer *t)
{
	free(t->addresses);
	free(t->proxy_user);
	free(t->proxy_password);
	free(t->encoding);
	free(t->response.header);
	ra_buf_free(&t->response.body);
	t->addresses = NULL;
	t->proxy_user = t->proxy_password = t->encoding = t->response.header = NULL;
	t->address = t->address_count = 0;
	ra_http_setup_undo(t);
}

/*
 * A handle whose transfer did not end well is not used again: curl may keep a buffer in it whose
 * size no longer fits its options.
 */
static void
transfer_put(struct ra_http_transfer *t)
{
	struct ra_http *h = t->http;
	bool keep = t->well && !t->failed;

	hop_clear(t);
	free(t->url);
	t->url = NULL;
	t->stage = RA_HTTP_IDLE;
	h->stats.in_flight--;
	if (!keep || h->idle_count >= IDLE_MOST) {
		transfer_free(t);
		return;
	}
	t->next = h->idle;
	h->idle = t;
	h->idle_count++;
}

static void
deliver(struct ra_http_transfer *t)
{
	void (*done)(void *arg, struct ra_http_response *response) = t->done;

	t->stage = RA_HTTP_ENDED;
	t->done = NULL;
	t->response.latency_ms = ra_loop_now(t->http->loop) - t->started;
	done(t->arg, &t->response);
	transfer_put(t);
}

static void
list_add(struct ra_http_transfer **list, struct ra_http_transfer *t)
{
	t->prev = NULL;
	t->next = *list;
	if (t->next != NULL)
		t->next->prev = t;
	*list = t;
}

static void
list_remove(struct ra_http_transfer **list, struct ra_http_transfer *t)
{
	if (t->next != NULL)
		t->next->prev = t->prev;
	*(t->prev != NULL ? &t->prev->next : list) = t->next;
}

/* Takes it out of curl. */
static void
halt(struct ra_http_transfer *t)
{
	list_remove(&t->http->running, t);
	(void)curl_multi_remove_handle(t->http->multi, t->easy);
}

static void
on_later(void *arg)
{
	struct ra_http *h = arg;
	struct ra_http_transfer *t;

	while ((t = h->ended) != NULL) {
		list_remove(&h->ended, t);
		deliver(t);
	}
}

static void
end_later(struct ra_http_transfer *t)
{
	struct ra_http *h = t->http;

	t->stage = RA_HTTP_ENDED;
	list_add(&h->ended, t);
	ra_timer_start(h->later, 0, 0);
}

static void
run(struct ra_http_transfer *t)
{
	t->header_bytes = 0;
	t->discarded = 0;
	t->header_end = t->interim = t->enough = t->notified = t->certificate_asked = false;
	t->length = -1;
	t->chunked = false;
	t->malformed = NULL;
	t->alert = 0;
	t->stop = RA_R_OK;
	t->response.status = 0;
	t->response.last_modified = 0;
	t->response.age = 0;
	t->response.certificate_expires = 0;
	t->response.address[0] = '\0';
	if (ra_http_setup(t) < 0) {
		end_later(t);
		return;
	}
	if (ra_http_loop_open(t->http) < 0 ||
	    curl_multi_add_handle(t->http->multi, t->easy) != CURLM_OK) {
		ra_http_fail(t, RA_R_NO_MEMORY, "out of memory");
		end_later(t);
		return;
	}
	t->stage = RA_HTTP_RUNNING;
	list_add(&t->http->running, t);
	t->well = false;
}

static void
resolved(struct ra_http_transfer *t, const struct ra_dns_answer *answer)
{
	if (answer->reason != RA_R_OK) {
		ra_http_fail(t, answer->reason, "%s", answer->error);
		end_later(t);
		return;
	}
	t->addresses = malloc(answer->count * sizeof(t->addresses[0]));
	if (t->addresses == NULL) {
		ra_http_fail(t, RA_R_NO_MEMORY, "out of memory");
		end_later(t);
		return;
	}
	memcpy(t->addresses, answer->addresses, answer->count * sizeof(t->addresses[0]));
	t->address_count = answer->count;
	run(t);
}

static void
on_resolved(void *arg, const struct ra_dns_answer *answer)
{
	struct ra_http_transfer *t = arg;

	t->query = NULL;
	resolved(t, answer);
}

/* Whom to connect to for this hop. 0, or -EINVAL and *ret_why, or -ENOMEM. */
static int
find_peer(struct ra_http_transfer *t, const char **ret_why)
{
	const struct ra_http_request *q = t->request;
	int r = ra_http_url_split(t->url != NULL ? t->url : q->url, &t->at, ret_why);

	if (r < 0)
		return r;
	if (q->proxy != NULL)
		return ra_http_proxy_split(
		    q->proxy, &t->peer, &t->proxy_user, &t->proxy_password, ret_why);
	if (q->connect != NULL && !t->foreign)
		return ra_http_address_split(q->connect, t->at.port, &t->peer, ret_why);
	t->peer = t->at;
	return 0;
}

static void
hop(struct ra_http_transfer *t)
{
	struct ra_http *h = t->http;
	const struct ra_dns_answer *answer;
	const char *why = "";
	int r = find_peer(t, &why);

	if (r < 0) {
		ra_http_fail(t, r == -ENOMEM ? RA_R_NO_MEMORY : RA_R_CONNECT_ERROR, "%s",
		    r == -ENOMEM ? "out of memory" : why);
		end_later(t);
	} else if (t->request->deadline <= ra_loop_now(h->loop)) {
		ra_http_fail(t, RA_R_TIMEOUT, "no time was left to ask");
		end_later(t);
	} else if (t->request->unix_path != NULL || t->peer.numeric) {
		run(t);
	} else {
		t->stage = RA_HTTP_RESOLVING;
		r = ra_dns_resolve(
		    h->dns, t->peer.host, t->request->deadline, on_resolved, t, &answer, &t->query);
		if (r == 1) {
			resolved(t, answer);
		} else if (r < 0) {
			ra_http_fail(t, RA_R_NO_MEMORY, "out of memory");
			end_later(t);
		}
	}
}

int
ra_http_start(struct ra_http *h, const struct ra_http_request *request,
    void (*done)(void *arg, struct ra_http_response *response), void *arg,
    struct ra_http_transfer **ret)
{
	struct ra_http_transfer *t = transfer_get(h);

	if (t == NULL)
		return -ENOMEM;
	t->request = request;
	t->done = done;
	t->arg = arg;
	t->started = ra_loop_now(h->loop);
	t->redirects = 0;
	t->foreign = t->get = false;
	t->well = true;
	t->response.reason = RA_R_OK;
	t->response.error[0] = '\0';
	h->stats.transfers++;
	h->stats.in_flight++;
	ra_http_loop_watch(h);
	*ret = t;
	hop(t);
	return 0;
}

void
ra_http_cancel(struct ra_http_transfer *t)
{
	if (t == NULL || t->done == NULL)
		return;
	t->done = NULL;
	switch (t->stage) {
	case RA_HTTP_RESOLVING:
		ra_dns_cancel(t->query);
		t->query = NULL;
		break;
	case RA_HTTP_RUNNING:
		halt(t);
		break;
	case RA_HTTP_ENDED:
		list_remove(&t->http->ended, t);
		break;
	case RA_HTTP_IDLE:
		return;
	}
	transfer_put(t);
}

static bool
same_host(const struct ra_http_url *a, const struct ra_http_url *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool
is_method(const struct ra_http_request *q, const char *name)
{
	return q->method != NULL && strcmp(q->method, name) == 0;
}

/* Where a redirect points to, for people: no user information, no query, no surprises. */
static void
describe_target(const char *target, struct ra_buf *out)
{
	const char *p = strstr(target, "://");
	size_t len;

	if (p != NULL) {
		const char *authority = p + 3, *at;

		len = strcspn(authority, "/?#");
		at = memrchr(authority, '@', len);
		(void)ra_escape_line(out, target, (size_t)(authority - target), 20);
		target = at != NULL ? at + 1 : authority;
	}
	(void)ra_escape_line(out, target, strcspn(target, "?#"), 100);
}

/* NULL: followed. Else why not. */
static const char *
follow(struct ra_http_transfer *t, const char *target)
{
	const struct ra_http_request *q = t->request;
	int status = t->response.status;
	struct ra_http_url to;
	const char *why;
	bool foreign, get = t->get;
	char *url;

	if (q->redirects <= 0)
		return "redirects are not followed";
	if (t->redirects >= q->redirects)
		return "that is one redirect too many";
	if (ra_http_url_split(target, &to, &why) < 0)
		return why;
	if (t->at.tls && !to.tls)
		return "it leads from https to http";
	foreign = t->foreign || !same_host(&t->at, &to);
	if (foreign && q->unix_path != NULL)
		return "it leads away from the socket";
	if ((status == 303 && !is_method(q, "HEAD")) ||
	    ((status == 301 || status == 302) &&
		(is_method(q, "POST") || (q->method == NULL && q->body != NULL))))
		get = true;
	if (foreign && q->body != NULL && !get)
		return "the body is not sent to another host";
	url = strdup(target);
	if (url == NULL)
		return "out of memory";
	free(t->url);
	t->url = url;
	t->foreign = foreign;
	t->get = get;
	t->redirects++;
	return NULL;
}

/* True: another hop is under way. */
static bool
redirect(struct ra_http_transfer *t)
{
	RA_BUF_LOCAL text = RA_BUF(1024);
	char *target = NULL;
	const char *why;

	(void)curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &target);
	if (target == NULL)
		return false;
	why = follow(t, target);
	if (why == NULL) {
		hop_clear(t);
		hop(t);
		return true;
	}
	describe_target(target, &text);
	ra_http_fail(t, RA_R_HTTP_REDIRECT, "HTTP %d to %s: %s", t->response.status,
	    ra_buf_text(&text), why);
	return false;
}

/*
 * curl takes the end of the connection for the end of the answer, in the headers and, where no
 * length was said, in the body. With TLS anybody on the way can bring that about, but not the
 * peer's own word for it (RFC 9112, 9.8): without it the answer has no end.
 */
static bool
is_unending(const struct ra_http_transfer *t)
{
	int status = t->response.status;

	return t->at.tls && !t->notified && t->length < 0 && !t->chunked && status >= 200 &&
	       status <= 299 && status != 204 && (t->get || !is_method(t->request, "HEAD"));
}

/* An answer is here. True: it is not the last one. */
static bool
answered(struct ra_http_transfer *t)
{
	int status = t->response.status;

	if (!t->header_end || t->interim) {
		ra_http_fail(
		    t, RA_R_RESET, "the connection was closed before the answer was whole");
		return false;
	}
	if (is_unending(t)) {
		ra_http_fail(t, RA_R_RESET,
		    "the answer may have been cut off: it has neither a Content-Length nor chunks, "
		    "and TLS was not closed (close_notify)");
		return false;
	}
	if (t->header_twice && status >= 200 && status <= 299)
		ra_http_fail(t, RA_R_HTTP_MALFORMED, "the header \"%s\" came with two values",
		    t->request->want_header);
	if (status == 206) /* we never ask for a part */
		ra_http_fail(t, RA_R_HTTP_STATUS, "HTTP 206: only a part of the answer");
	if (status >= 200 && status <= 299)
		return false;
	if (status >= 300 && status <= 399 && redirect(t))
		return true;
	if (t->response.reason != RA_R_OK)
		return false;
	if (status == 407 && t->request->proxy != NULL)
		ra_http_fail(t, RA_R_PROXY, "the proxy wants other credentials (HTTP 407)");
	else
		ra_http_fail(t, RA_R_HTTP_STATUS, "HTTP %d", status);
	return false;
}

static void
note_peer(struct ra_http_transfer *t)
{
	long status = 0, port = 0;
	char *ip = NULL;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
	(void)curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port);
	t->response.status = (int)status;
	if (ip != NULL && *ip != '\0' && t->request->unix_path == NULL)
		(void)snprintf(t->response.address, sizeof(t->response.address),
		    strchr(ip, ':') != NULL ? "[%s]:%ld" : "%s:%ld", ip, port);
}

void
ra_http_ended(struct ra_http_transfer *t, CURLcode code)
{
	struct ra_http *h = t->http;

	note_peer(t);
	halt(t);
	t->well = code == CURLE_OK;
	if (code == CURLE_OK || t->enough) {
		if (answered(t))
			return;
	} else if (ra_http_explain(t, code) && t->address + 1 < t->address_count &&
		   t->request->deadline > ra_loop_now(h->loop)) {
		t->address++;
		t->response.reason = RA_R_OK;
		t->response.error[0] = '\0';
		run(t);
		return;
	}
	deliver(t);
}

void
ra_http_abandon(struct ra_http *h)
{
	struct ra_http_transfer *t;

	while ((t = h->running) != NULL) {
		halt(t);
		ra_http_fail(t, RA_R_NO_MEMORY, "out of memory");
		end_later(t);
	}
}
