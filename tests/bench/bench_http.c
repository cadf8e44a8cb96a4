/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU per transfer of io/http against a bare libuv + libcurl loop that does as little as can be
 * done (pooled handles, no keep-alive, no DNS cache), in turns, against a server in a process of
 * its own. Only the ratio means anything. usage: bench_http [rounds [transfers a round]]
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "relaudit/base/clock.h"
#include "relaudit/io/dns.h"
#include "relaudit/io/http.h"
#include "relaudit/io/loop.h"

#define HOSTS	1000
#define AT_ONCE 100

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "Content-Length: 64\r\nConnection: close\r\n\r\n"
    "{\"version\": \"1.2.3\", \"commit\": \"0123456789abcdef0123456789abcd\"}\n";

static char urls[HOSTS][64];
static unsigned total, started, ended, failed;

static void
serve(int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd }, got[64];
	int ep = epoll_create1(0), n, i;
	char buf[4096];

	(void)epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	for (;;) {
		n = epoll_wait(ep, got, 64, -1);
		for (i = 0; i < n; i++) {
			int c = got[i].data.fd;

			if (c == fd) {
				c = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
				e.data.fd = c;
				(void)epoll_ctl(ep, EPOLL_CTL_ADD, c, &e);
				continue;
			}
			if (read(c, buf, sizeof(buf)) > 0)
				(void)!write(c, answer, sizeof(answer) - 1);
			(void)close(c);
		}
	}
}

static pid_t
server_start(int *ret_port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		abort();
	*ret_port = ntohs(sin.sin_port);
	pid = fork();
	if (pid == 0)
		serve(fd);
	(void)close(fd);
	return pid;
}

static double
cpu(void)
{
	struct rusage r;

	(void)getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* bare */

struct bare {
	CURL *easy;
	struct bare *next;
	size_t len;
	char body[1024];
};

struct bare_sock {
	uv_poll_t poll;
	curl_socket_t fd;
};

static uv_loop_t *uv;
static CURLM *multi;
static uv_timer_t bare_timer;
static struct bare *idle;

static void bare_fill(void);

static size_t
bare_write(char *data, size_t size, size_t count, void *arg)
{
	struct bare *b = arg;
	size_t len = size * count;

	if (b->len + len < sizeof(b->body)) {
		memcpy(b->body + b->len, data, len);
		b->len += len;
	}
	return len;
}

static void
bare_check(void)
{
	CURLMsg *m;
	struct bare *b = NULL;
	long status;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;

		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)(void *)&b);
		(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (code != CURLE_OK || status != 200)
			failed++;
		(void)curl_multi_remove_handle(multi, easy);
		b->next = idle;
		idle = b;
		ended++;
	}
	if (ended == started)
		bare_fill();
}

static void
bare_on_poll(uv_poll_t *p, int status, int events)
{
	struct bare_sock *s = p->data;
	int running, flags = status < 0 ? CURL_CSELECT_ERR : 0;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	(void)curl_multi_socket_action(multi, s->fd, flags, &running);
	bare_check();
}

static void
bare_closed(uv_handle_t *h)
{
	free(h->data);
}

static int
bare_on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	struct bare_sock *s = sock;

	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			uv_close((uv_handle_t *)&s->poll, bare_closed);
		return 0;
	}
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		s->fd = fd;
		(void)uv_poll_init_socket(uv, &s->poll, fd);
		s->poll.data = s;
		(void)curl_multi_assign(multi, fd, s);
	}
	(void)uv_poll_start(&s->poll,
	    (what != CURL_POLL_IN ? UV_WRITABLE : 0) | (what != CURL_POLL_OUT ? UV_READABLE : 0),
	    bare_on_poll);
	return 0;
}

static void
bare_on_timer(uv_timer_t *t)
{
	int running;

	(void)curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	bare_check();
}

static int
bare_on_timeout(CURLM *m, long ms, void *arg)
{
	if (ms < 0)
		(void)uv_timer_stop(&bare_timer);
	else
		(void)uv_timer_start(&bare_timer, bare_on_timer, (uint64_t)ms, 0);
	return 0;
}

static struct bare *
bare_new(void)
{
	struct bare *b = calloc(1, sizeof(*b));

	b->easy = curl_easy_init();
	(void)curl_easy_setopt(b->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(b->easy, CURLOPT_WRITEFUNCTION, bare_write);
	(void)curl_easy_setopt(b->easy, CURLOPT_WRITEDATA, b);
	(void)curl_easy_setopt(b->easy, CURLOPT_PRIVATE, b);
	(void)curl_easy_setopt(b->easy, CURLOPT_TIMEOUT_MS, 5000L);
	(void)curl_easy_setopt(b->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(b->easy, CURLOPT_BUFFERSIZE, 4096L);
	(void)curl_easy_setopt(b->easy, CURLOPT_USERAGENT, "floor");
	(void)curl_easy_setopt(b->easy, CURLOPT_FORBID_REUSE, 1L);
	(void)curl_easy_setopt(b->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	return b;
}

static void
bare_fill(void)
{
	unsigned i;

	if (started == total) {
		uv_stop(uv);
		return;
	}
	for (i = 0; i < AT_ONCE && started < total; i++) {
		struct bare *b = idle;

		if (b != NULL)
			idle = b->next;
		else
			b = bare_new();
		b->len = 0;
		(void)curl_easy_setopt(b->easy, CURLOPT_URL, urls[started++ % HOSTS]);
		(void)curl_multi_add_handle(multi, b->easy);
	}
}

static double
bare_run(void)
{
	double begin = cpu();

	started = ended = 0;
	bare_fill();
	(void)uv_run(uv, UV_RUN_DEFAULT);
	return cpu() - begin;
}

/* ours */

static struct ra_loop *loop;
static struct ra_http *http;
static struct ra_http_request requests[AT_ONCE];

static void ours_fill(void);

static void
ours_done(void *arg, struct ra_http_response *r)
{
	if (r->reason != RA_R_OK || r->status != 200)
		failed++;
	if (++ended == started)
		ours_fill();
}

static void
ours_fill(void)
{
	struct ra_http_transfer *t;
	unsigned i;

	if (started == total) {
		ra_loop_stop(loop);
		return;
	}
	for (i = 0; i < AT_ONCE && started < total; i++) {
		struct ra_http_request *q = &requests[i];

		*q = (struct ra_http_request){ .url = urls[started++ % HOSTS],
			.max_body = 1 << 20,
			.deadline = ra_loop_now(loop) + 5000 };
		if (ra_http_start(http, q, ours_done, NULL, &t) < 0)
			abort();
	}
}

static double
ours_run(void)
{
	double begin = cpu();

	started = ended = 0;
	ours_fill();
	ra_loop_run(loop);
	return cpu() - begin;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 9, port, i;
	double *ratios = calloc((size_t)(rounds > 0 ? rounds : 1), sizeof(*ratios));
	struct ra_dns *dns;
	pid_t server = server_start(&port);

	total = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5000;
	for (i = 0; i < HOSTS; i++)
		(void)snprintf(urls[i], sizeof(urls[i]), "http://127.1.%d.%d:%d/version", i / 250,
		    i % 250 + 1, port);
	if (ratios == NULL || rounds < 1 || ra_loop_new(&loop, NULL) < 0 ||
	    ra_dns_new(loop, &dns, NULL) < 0 || ra_http_new(loop, dns, &http, NULL) < 0)
		return 1;
	uv = uv_default_loop();
	multi = curl_multi_init();
	(void)uv_timer_init(uv, &bare_timer);
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, bare_on_socket);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, bare_on_timeout);
	(void)bare_run();
	(void)ours_run();
	for (i = 0; i < rounds; i++) {
		double bare = bare_run();

		ratios[i] = ours_run() / bare;
	}
	qsort(ratios, (size_t)rounds, sizeof(*ratios), compare);
	(void)printf("io/http / bare loop: median %.3f, least %.3f, most %.3f (%d rounds of %u, "
		     "%u failed)\n",
	    ratios[rounds / 2], ratios[0], ratios[rounds - 1], rounds, total, failed);
	(void)kill(server, SIGKILL);
	ra_http_free(http);
	ra_dns_free(dns);
	ra_loop_free(loop);
	free(ratios);
	return failed > 0;
}
