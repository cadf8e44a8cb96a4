/* SPDX-License-Identifier: Apache-2.0 */
#include "http_private.h"

#include <uv.h>

#include "relaudit/io/loop.h"

#define SPARE_MOST  256
#define OVERDUE	    100 /* ms beyond a deadline */
#define WATCH	    250 /* ms between looks for such */
#define ERRORS_MOST 8 /* of one socket, so that an error that stays cannot spin */

struct ra_http_sock {
	uv_poll_t poll;
	struct ra_http *http;
	curl_socket_t fd;
	int events;
	unsigned errors;
	struct ra_http_sock *next;
};

/*
 * The one error is that curl had no memory to note a socket. It then leaves an entry behind that
 * divides by zero when it is used again (7.88, singlesocket), and tells no next timeout. So the
 * multi handle goes, with all that is in it.
 */
static void
run_curl(struct ra_http *h, curl_socket_t fd, int flags)
{
	int running;

	if (h->multi == NULL || curl_multi_socket_action(h->multi, fd, flags, &running) == CURLM_OK)
		return;
	ra_http_abandon(h);
	(void)curl_multi_cleanup(h->multi);
	h->multi = NULL;
}

/* A done callback may start and cancel others: each message is copied before its handle goes. */
static void
take_ended(struct ra_http *h)
{
	CURLMsg *m;
	int left;

	while (h->multi != NULL && (m = curl_multi_info_read(h->multi, &left)) != NULL) {
		CURLcode code = m->data.result;
		char *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		ra_http_ended((struct ra_http_transfer *)(void *)t, code);
	}
}

static void on_poll(uv_poll_t *p, int status, int events);

/*
 * libuv stops a handle whose descriptor is in error. curl, told of an error, would not look at the
 * socket any more; but there may be a last TLS alert in it, or the system's own words.
 */
static int
on_error(struct ra_http_sock *s)
{
	if (++s->errors > ERRORS_MOST)
		return CURL_CSELECT_ERR;
	(void)uv_poll_start(&s->poll, s->events, on_poll);
	return CURL_CSELECT_IN | CURL_CSELECT_OUT;
}

static void
on_poll(uv_poll_t *p, int status, int events)
{
	struct ra_http_sock *s = p->data;
	struct ra_http *h = s->http;
	int flags = 0;

	if (status < 0)
		flags = on_error(s);
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	run_curl(h, s->fd, flags);
	take_ended(h);
}

static void
on_timer(void *arg)
{
	struct ra_http *h = arg;

	run_curl(h, CURL_SOCKET_TIMEOUT, 0);
	take_ended(h);
}

static void
on_sock_closed(uv_handle_t *handle)
{
	struct ra_http_sock *s = handle->data;
	struct ra_http *h = s->http;

	if (!h->freed && h->spare_count < SPARE_MOST) {
		s->next = h->socks;
		h->socks = s;
		h->spare_count++;
		return;
	}
	free(s);
	if (--h->sock_count == 0 && h->freed)
		free(h);
}

static struct ra_http_sock *
sock_new(struct ra_http *h, curl_socket_t fd)
{
	struct ra_http_sock *s = h->socks;

	if (s != NULL) {
		h->socks = s->next;
		h->spare_count--;
	} else {
		s = malloc(sizeof(*s));
		if (s == NULL)
			return NULL;
		h->sock_count++;
	}
	s->http = h;
	s->fd = fd;
	s->errors = 0;
	if (uv_poll_init_socket(ra_loop_uv(h->loop), &s->poll, fd) < 0) {
		s->next = h->socks;
		h->socks = s;
		h->spare_count++;
		return NULL;
	}
	s->poll.data = s;
	return s;
}

/*
 * -1 would abort every transfer of the multi handle for ever, so a socket that cannot be watched is
 * left to its transfer's deadline.
 */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	struct ra_http *h = arg;
	struct ra_http_sock *s = sock;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (s != NULL) {
			(void)curl_multi_assign(h->multi, fd, NULL);
			uv_close((uv_handle_t *)&s->poll, on_sock_closed);
		}
		return 0;
	}
	if (s == NULL) {
		s = sock_new(h, fd);
		if (s == NULL)
			return 0;
		(void)curl_multi_assign(h->multi, fd, s);
	}
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	s->events = events;
	(void)uv_poll_start(&s->poll, events, on_poll);
	return 0;
}

static int
on_timeout(CURLM *multi, long ms, void *arg)
{
	struct ra_http *h = arg;

	if (ms < 0)
		ra_timer_stop(h->timer);
	else
		ra_timer_start(h->timer, ms, 0);
	return 0;
}

/*
 * curl (7.88) drops a time-out that it meets a fraction of a millisecond early, and then has none.
 * So what has outlived its deadline is ended here. A done callback may start and cancel others.
 */
static void
on_watch(void *arg)
{
	struct ra_http *h = arg;
	int64_t late = ra_loop_now(h->loop) - OVERDUE;
	struct ra_http_transfer *t = h->running;

	while (t != NULL) {
		if (t->request->deadline <= late) {
			ra_http_ended(t, CURLE_OPERATION_TIMEDOUT);
			t = h->running;
		} else {
			t = t->next;
		}
	}
	if (h->stats.in_flight == 0)
		ra_timer_stop(h->watch);
}

void
ra_http_loop_watch(struct ra_http *h)
{
	if (h->stats.in_flight == 1)
		ra_timer_start(h->watch, WATCH, WATCH);
}

int
ra_http_loop_open(struct ra_http *h)
{
	if (h->timer == NULL && ra_timer_new(h->loop, on_timer, h, &h->timer) < 0)
		return -ENOMEM;
	if (h->watch == NULL && ra_timer_new(h->loop, on_watch, h, &h->watch) < 0)
		return -ENOMEM;
	if (h->multi != NULL)
		return 0;
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		return -ENOMEM;
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return 0;
}

void
ra_http_loop_close(struct ra_http *h)
{
	struct ra_http_sock *s;

	h->freed = true;
	if (h->multi != NULL)
		curl_multi_cleanup(h->multi);
	ra_timer_free(h->timer);
	ra_timer_free(h->watch);
	while ((s = h->socks) != NULL) {
		h->socks = s->next;
		h->sock_count--;
		free(s);
	}
	if (h->sock_count == 0)
		free(h);
}
