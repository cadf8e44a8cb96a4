/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor that relauditd is held against: the least that probes N hosts with libuv and libcurl.
 * Pooled handles, no keep-alive, libcurl's DNS cache off, due probes taken each 100 ms, status and
 * version compared. No schedule, state, store or socket.
 *
 * usage: floor COUNT PERIOD_MS PORT    host i is 127.1.(i/250).(i%250+1)
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define TICK 100

struct probe {
	uint64_t due;
	size_t len;
	char url[64];
	char body[1024];
};

struct socket {
	uv_poll_t poll;
	curl_socket_t fd;
};

static uv_loop_t *loop;
static CURLM *multi;
static uv_timer_t curl_timer, tick_timer;
static struct probe *probes;
static size_t count, next_probe, idle_count;
static uint64_t period;
static CURL **idle;
static unsigned long good, bad;

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct probe *p = arg;

	if (p->len + n * size < sizeof(p->body)) {
		memcpy(p->body + p->len, data, n * size);
		p->len += n * size;
	}
	return n * size;
}

static CURL *
take_handle(void)
{
	CURL *h;

	if (idle_count > 0)
		return idle[--idle_count];
	h = curl_easy_init();
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, 4096L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(h, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "floor");
	return h;
}

static void
reap(void)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		CURL *h = m->easy_handle;
		struct probe *p;
		long status = 0;

		curl_easy_getinfo(h, CURLINFO_PRIVATE, (char **)&p);
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
		if (m->data.result == CURLE_OK && status == 200 &&
		    memmem(p->body, p->len, "\"1.2.3\"", 7) != NULL)
			good++;
		else
			bad++;
		curl_multi_remove_handle(multi, h);
		idle[idle_count++] = h;
	}
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct socket *s = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0, left;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(multi, s->fd, flags, &left);
	reap();
}

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

static int
on_socket(CURL *h, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct socket *s = assigned;

	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			uv_close((uv_handle_t *)&s->poll, on_closed);
		return 0;
	}
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		s->fd = fd;
		uv_poll_init(loop, &s->poll, fd);
		s->poll.data = s;
		curl_multi_assign(multi, fd, s);
	}
	uv_poll_start(&s->poll,
	    (what != CURL_POLL_IN ? UV_WRITABLE : 0) | (what != CURL_POLL_OUT ? UV_READABLE : 0),
	    on_poll);
	return 0;
}

static void
on_curl_timer(uv_timer_t *t)
{
	int left;

	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &left);
	reap();
}

static int
on_timeout(CURLM *m, long ms, void *arg)
{
	if (ms < 0)
		uv_timer_stop(&curl_timer);
	else
		uv_timer_start(&curl_timer, on_curl_timer, (uint64_t)ms, 0);
	return 0;
}

static void
on_tick(uv_timer_t *t)
{
	uint64_t now = uv_now(loop);
	size_t i;

	for (i = 0; i < count && probes[next_probe].due <= now; i++) {
		struct probe *p = &probes[next_probe];
		CURL *h = take_handle();

		p->due += period;
		p->len = 0;
		curl_easy_setopt(h, CURLOPT_URL, p->url);
		curl_easy_setopt(h, CURLOPT_WRITEDATA, p);
		curl_easy_setopt(h, CURLOPT_PRIVATE, p);
		curl_multi_add_handle(multi, h);
		next_probe = (next_probe + 1) % count;
	}
}

int
main(int argc, char **argv)
{
	size_t i;

	if (argc != 4)
		return 64;
	count = strtoul(argv[1], NULL, 10);
	period = strtoul(argv[2], NULL, 10);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	loop = uv_default_loop();
	multi = curl_multi_init();
	probes = calloc(count, sizeof(*probes));
	idle = calloc(count + 1, sizeof(CURL *));
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 64L);
	uv_timer_init(loop, &curl_timer);
	uv_timer_init(loop, &tick_timer);
	for (i = 0; i < count; i++) {
		snprintf(probes[i].url, sizeof(probes[i].url), "http://127.1.%zu.%zu:%s/version",
		    i / 250, i % 250 + 1, argv[3]);
		probes[i].due = uv_now(loop) + period * i / count;
	}
	uv_timer_start(&tick_timer, on_tick, 0, TICK);
	return uv_run(loop, UV_RUN_DEFAULT);
}
