/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "relaudit/base/clock.h"
#include "relaudit/io/dns.h"
#include "relaudit/io/http.h"
#include "relaudit/io/loop.h"
#include "servers.h"

#define SECRET "kanarienvogel"

static struct ra_loop *loop;
static struct ra_dns *dns;
static struct ra_http *http;
static struct server plain, second;

/* One answer, kept. */
struct answer {
	bool done;
	enum ra_reason reason;
	int status;
	char error[256];
	char *body;
	size_t len;
	char *header;
	int64_t last_modified, certificate_expires, age;
	char address[64];
};

static void
on_done(void *arg, struct ra_http_response *r)
{
	struct answer *a = arg;

	assert_false(a->done);
	a->done = true;
	a->reason = r->reason;
	a->status = r->status;
	(void)snprintf(a->error, sizeof(a->error), "%s", r->error);
	a->len = r->body.len;
	a->body = ra_buf_take(&r->body);
	a->header = RA_TAKE(r->header);
	a->last_modified = r->last_modified;
	a->age = r->age;
	a->certificate_expires = r->certificate_expires;
	(void)snprintf(a->address, sizeof(a->address), "%s", r->address);
	ra_loop_stop(loop);
}

static void
answer_clear(struct answer *a)
{
	free(a->body);
	free(a->header);
	memset(a, 0, sizeof(*a));
}

/* Asks and waits. What is not set in q: 5 s, 64 KiB. */
static void
ask(struct ra_http_request *q, struct answer *a)
{
	struct ra_http_transfer *t;

	memset(a, 0, sizeof(*a));
	if (q->max_body == 0)
		q->max_body = 65536;
	q->deadline = ra_clock_mono() + (q->deadline != 0 ? q->deadline : 5000);
	assert_int_equal(ra_http_start(http, q, on_done, a, &t), 0);
	assert_false(a->done);
	while (!a->done)
		ra_loop_run(loop);
	if (a->reason != RA_R_OK)
		assert_non_null(strchr(a->error, ':'));
	assert_null(strstr(a->error, SECRET));
}

static char *
url_of(const struct server *s, const char *path)
{
	static char urls[4][512];
	static unsigned next;
	char *url = urls[next++ % 4];

	(void)snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%d%s", s->port, path);
	return url;
}

static void
expect(struct ra_http_request *q, enum ra_reason reason, const char *words)
{
	struct answer a;

	ask(q, &a);
	if (a.reason != reason || (words != NULL && strstr(a.error, words) == NULL))
		fail_msg("%s: got reason %d, \"%s\"; expected %d, \"%s\"", q->url, (int)a.reason,
		    a.error, (int)reason, words != NULL ? words : "");
	answer_clear(&a);
}

static void
test_whole_answer(void **state)
{
	struct ra_http_request q = { .url = url_of(&plain, "/ok") };
	struct answer a;
	char address[64];

	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_string_equal(a.error, "");
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"version\": \"1.2.3\""));
	assert_int_equal(a.len, strlen(a.body));
	assert_true(a.last_modified == INT64_C(1795341600000));
	assert_true(a.certificate_expires == 0);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%d", plain.port);
	assert_string_equal(a.address, address);
	answer_clear(&a);
}

/* For /raw?BYTES of the server. */
#define CRLF	  "%0D%0A"
#define HEAD	  "HTTP/1.1%20200%20OK" CRLF
#define LENGTH(n) "Content-Length:%20" n CRLF
#define CHUNKED	  "Transfer-Encoding:chunked" CRLF
#define CHUNKS	  "5" CRLF "1.2.3" CRLF "0" CRLF CRLF
#define DIFFER	  "two Content-Lengths that differ"

struct plain_case {
	const char *path;
	enum ra_reason reason;
	int status;
	const char *words;
	int64_t deadline;
};

static const struct plain_case plain_cases[] = {
	{ "/empty", RA_R_OK, 204, "", 0 },
	{ "/long", RA_R_OK, 200, "", 0 },
	{ "/status/404", RA_R_HTTP_STATUS, 404, "HTTP 404", 0 },
	{ "/status/503", RA_R_HTTP_STATUS, 503, "HTTP 503", 0 },
	{ "/status/304", RA_R_HTTP_STATUS, 304, "HTTP 304", 0 },
	{ "/short", RA_R_RESET, 200, "before the answer was whole", 0 },
	{ "/close", RA_R_RESET, 0, "without an answer", 0 },
	{ "/reset", RA_R_RESET, 200, "", 0 },
	{ "/large?65536", RA_R_OK, 200, "", 0 },
	{ "/large?65537", RA_R_BODY_TOO_LARGE, 200, "answer larger than 65536", 0 },
	{ "/endless-chunked", RA_R_BODY_TOO_LARGE, 200, "answer larger than 65536", 0 },
	{ "/endless-close", RA_R_BODY_TOO_LARGE, 200, "answer larger than 65536", 0 },
	{ "/gzip-bomb", RA_R_HTTP_ENCODING, 200, "gzip", 0 },
	{ "/te-gzip", RA_R_HTTP_ENCODING, 200, "gzip", 0 },
	{ "/endless-headers", RA_R_HTTP_MALFORMED, 200, "headers larger than", 0 },
	{ "/interim", RA_R_HTTP_MALFORMED, 103, "headers larger than", 0 },
	{ "/bad-chunk", RA_R_HTTP_MALFORMED, 200, "", 0 },
	{ "/http09", RA_R_HTTP_MALFORMED, 0, "not HTTP", 0 },
	{ "/http2", RA_R_HTTP_MALFORMED, 0, "not HTTP", 0 },
	{ "/garbage", RA_R_HTTP_MALFORMED, 0, "not HTTP", 0 },
	{ "/nul-header", RA_R_HTTP_MALFORMED, 200, "not HTTP", 0 },
	{ "/garbled-length", RA_R_HTTP_MALFORMED, 200, "not HTTP", 0 },
	{ "/raw?" HEAD LENGTH("5") CRLF "1.2.3", RA_R_OK, 200, "", 0 },
	{ "/raw?" HEAD LENGTH("5") LENGTH("05") CRLF "1.2.3", RA_R_OK, 200, "", 0 },
	{ "/raw?" HEAD LENGTH("5,%205") CRLF "1.2.3", RA_R_OK, 200, "", 0 },
	{ "/raw?" HEAD LENGTH("6") LENGTH("5") CRLF "1.2.3", RA_R_HTTP_MALFORMED, 200, DIFFER, 0 },
	{ "/raw?" HEAD LENGTH("5") LENGTH("6") CRLF "1.2.34", RA_R_HTTP_MALFORMED, 200, DIFFER, 0 },
	{ "/raw?" HEAD LENGTH("5,%206") CRLF "1.2.3", RA_R_HTTP_MALFORMED, 200, DIFFER, 0 },
	{ "/raw?" HEAD LENGTH("5,") CRLF "1.2.3", RA_R_HTTP_MALFORMED, 200, "not a number", 0 },
	{ "/raw?" HEAD LENGTH("5x") CRLF "1.2.3", RA_R_HTTP_MALFORMED, 200, "not a number", 0 },
	{ "/raw?" HEAD LENGTH("%2B5") CRLF "1.2.3", RA_R_HTTP_MALFORMED, 200, "", 0 },
	{ "/raw?" HEAD LENGTH("") CRLF "1.2.3", RA_R_HTTP_MALFORMED, 200, "", 0 },
	{ "/raw?" HEAD LENGTH("99999999999999999999") CRLF "1.2.3", RA_R_HTTP_MALFORMED, 200, "",
	    0 },
	{ "/raw?" HEAD CHUNKED CRLF CHUNKS, RA_R_OK, 200, "", 0 },
	{ "/raw?" HEAD CHUNKED LENGTH("5") CRLF CHUNKS, RA_R_HTTP_MALFORMED, 200, "in chunks", 0 },
	{ "/raw?" HEAD LENGTH("15") CHUNKED CRLF CHUNKS, RA_R_HTTP_MALFORMED, 200, "in chunks", 0 },
	{ "/raw?" HEAD "Content-Range:bytes%200-4/6" CRLF LENGTH("5") CRLF "1.2.3",
	    RA_R_HTTP_MALFORMED, 200, "Content-Range", 0 },
	{ "/raw?HTTP/1.1%20206%20Part" CRLF "Content-Range:bytes%200-4/6" CRLF LENGTH("5") CRLF
	    "1.2.3",
	    RA_R_HTTP_STATUS, 206, "only a part", 0 },
	{ "/raw?HTTP/1.1%20103%20Hints" CRLF LENGTH("6") CRLF HEAD LENGTH("5") CRLF "1.2.3",
	    RA_R_OK, 200, "", 0 },
	{ "/raw?" HEAD LENGTH("6") "HTTP/1.1%20200%20OK" CRLF LENGTH("5") CRLF "1.2.3",
	    RA_R_HTTP_MALFORMED, 200, "", 0 },
	{ "/raw?HTTP/1.1%20404%20No" CRLF LENGTH("5") LENGTH("6") CRLF "1.2.34", RA_R_HTTP_STATUS,
	    404, "HTTP 404", 0 },
	{ "/raw?" HEAD "X-Version:%201", RA_R_RESET, 200, "before the answer was whole", 0 },
	{ "/raw?" HEAD "X-Version:%201" CRLF, RA_R_RESET, 200, "before the answer was whole", 0 },
	{ "/raw?HTTP/1.1%20103%20Hints" CRLF CRLF, RA_R_RESET, 103, "without an answer", 0 },
	{ "/raw?HTTP/1.1%20103%20Hints" CRLF CRLF "HTTP/1.1%202", RA_R_RESET, 103, "", 0 },
	{ "/hang", RA_R_TIMEOUT, 0, "no answer in time", 150 },
	{ "/slow-headers", RA_R_TIMEOUT, 0, "", 150 },
	{ "/slow-body", RA_R_TIMEOUT, 200, "not whole in time", 300 },
};

static void
test_misbehaviour(void **state)
{
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(plain_cases); i++) {
		const struct plain_case *c = &plain_cases[i];
		struct ra_http_request q = { .url = url_of(&plain, c->path),
			.deadline = c->deadline };
		struct answer a;

		ask(&q, &a);
		if (a.reason != c->reason || strstr(a.error, c->words) == NULL ||
		    (c->status != 0 && a.status != c->status))
			fail_msg("%s: got reason %d, status %d, \"%s\"; expected %d, %d, \"%s\"",
			    c->path, (int)a.reason, a.status, a.error, (int)c->reason, c->status,
			    c->words);
		answer_clear(&a);
	}
}

static void
test_age(void **state)
{
	static const struct {
		const char *headers;
		int64_t age;
	} rows[] = {
		{ "", 0 },
		{ "Age:%2090" CRLF, 90 },
		{ "Age:0" CRLF, 0 },
		{ "Age:%2090,%2030" CRLF, 90 },
		{ "age:30" CRLF "Age:90" CRLF, 90 },
		{ "Age:99999999999999999999" CRLF, INT32_MAX },
		{ "Age:-90" CRLF, 0 },
		{ "Age:90s" CRLF, 0 },
		{ "Age:" CRLF, 0 },
		{ "X-Age:90" CRLF, 0 },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char path[300];
		struct ra_http_request q = { 0 };
		struct answer a;

		/* What an interim answer says is not of this one. */
		(void)snprintf(path, sizeof(path), "/raw?%s%s%s%s",
		    "HTTP/1.1%20103%20Hints" CRLF "Age:7" CRLF CRLF, HEAD, rows[i].headers, CRLF);
		q.url = url_of(&plain, path);
		ask(&q, &a);
		assert_int_equal(a.reason, RA_R_OK);
		if (a.age != rows[i].age * RA_SECOND)
			fail_msg("'%s' is %lld", rows[i].headers, (long long)a.age);
		answer_clear(&a);
	}
}

static void
test_caches_are_passed(void **state)
{
	const struct ra_http_header own = { "cache-control", "max-age=5" };
	const struct ra_http_header other = { "X-One", "1" };
	struct ra_http_request q[] = { { .url = url_of(&plain, "/echo") },
		{ .url = url_of(&plain, "/echo"), .headers = &other, .header_count = 1 },
		{ .url = url_of(&plain, "/echo"), .bearer = "x" },
		{ .url = url_of(&plain, "/echo"), .headers = &own, .header_count = 1 },
		{ .url = url_of(&plain, "/echo") } };
	struct answer a;

	for (size_t i = 0; i < RA_ARRAY_SIZE(q); i++) {
		ask(&q[i], &a);
		assert_int_equal(a.reason, RA_R_OK);
		assert_int_equal(strstr(a.body, "\r\nCache-Control: no-cache\r\n") != NULL, i != 3);
		assert_int_equal(
		    strstr(a.body, "\r\ncache-control: max-age=5\r\n") != NULL, i == 3);
		answer_clear(&a);
	}
}

/* What a hostile server may make us take in is bounded by the caps, not by the deadline. */
static void
test_caps_bound_what_is_read(void **state)
{
	static const char *const paths[] = { "/endless-chunked", "/endless-close", "/gzip-bomb",
		"/te-gzip", "/endless-headers", "/interim" };
	struct ra_http_stats before, after;
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(paths); i++) {
		struct ra_http_request q = { .url = url_of(&plain, paths[i]) };
		struct answer a;

		ra_http_stats(http, &before);
		ask(&q, &a);
		ra_http_stats(http, &after);
		assert_true(a.reason != RA_R_OK);
		assert_true(a.len <= 65536);
		assert_true(after.bytes_in - before.bytes_in <= 2 * 65536);
		answer_clear(&a);
	}
}

static void
test_not_listening(void **state)
{
	struct ra_http_request q = { .url = "http://127.0.0.1:1/" };

	expect(&q, RA_R_REFUSED, "http://127.0.0.1:1: Connection refused");
}

static void
test_connect_timeout(void **state)
{
	/* A full backlog drops what comes. */
	int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[4];
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	struct ra_http_request q = { .deadline = 200 };
	char url[64];
	size_t i;

	assert_int_equal(bind(full, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(full, 0), 0);
	assert_int_equal(getsockname(full, (struct sockaddr *)&sin, &len), 0);
	for (i = 0; i < RA_ARRAY_SIZE(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&sin, sizeof(sin));
	}
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(sin.sin_port));
	q.url = url;
	expect(&q, RA_R_CONNECT_TIMEOUT, "no connection within");
	for (i = 0; i < RA_ARRAY_SIZE(fill); i++)
		(void)close(fill[i]);
	(void)close(full);
}

static void
test_bad_urls_are_not_asked(void **state)
{
	static const char *const urls[] = { "ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1",
		"http://", "http://a:b@127.0.0.1/", "http://127.0.0.1:0/",
		"http://127.0.0.1:99999/", "http://127.0.0.1:8o/", "http://[::1/", "http://[::1]x/",
		"http://[127.0.0.1]/", "http://a b/", "http://a/\r\nX: y",
		"http://127.0.0.1\\@evil/", "http://b\xc3\xbc/" };
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(urls); i++) {
		struct ra_http_url url;
		const char *why = NULL;

		if (ra_http_url_split(urls[i], &url, &why) != -EINVAL)
			fail_msg("%s was taken as host %s", urls[i], url.host);
		assert_non_null(why);
	}
}

static void
test_urls_are_taken_apart(void **state)
{
	struct ra_http_url url;
	const char *why;
	char text[RA_HTTP_ADDRESS];

	assert_int_equal(ra_http_url_split("HTTPS://Shop.Example/a?b#c", &url, &why), 0);
	assert_true(url.tls);
	assert_false(url.numeric);
	assert_string_equal(url.path, "/a?b#c");
	assert_string_equal(ra_http_address_format(&url, text), "shop.example:443");
	assert_int_equal(ra_http_url_split("http://[::1]:8080", &url, &why), 0);
	assert_true(url.ipv6 && url.numeric);
	assert_string_equal(ra_http_address_format(&url, text), "[::1]:8080");
	assert_int_equal(ra_http_url_split("http://10.0.0.1?x", &url, &why), 0);
	assert_true(url.numeric);
	assert_int_equal(url.port, 80);
	assert_int_equal(ra_http_address_split("host", 0, &url, &why), -EINVAL);
	assert_int_equal(ra_http_address_split("host:443", 0, &url, &why), 0);
	assert_string_equal(url.host, "host");
}

static void
test_request(void **state)
{
	const struct ra_http_header headers[] = { { "X-One", "1" }, { "X-Empty", "" },
		{ "Host", "shop.example" } };
	struct ra_http_request q = { .url = url_of(&plain, "/echo"),
		.headers = headers,
		.header_count = 3,
		.body = "{\"a\": 1}",
		.body_len = 8,
		.user = "alice",
		.password = "secret" };
	struct answer a;

	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_non_null(strstr(a.body, "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(a.body, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(a.body, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(a.body, "\r\nHost: shop.example\r\n"));
	assert_non_null(strstr(a.body, "\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n"));
	assert_non_null(strstr(a.body, "\r\n\r\n{\"a\": 1}"));
	assert_null(strstr(a.body, "Accept-Encoding"));
	answer_clear(&a);

	/* The handle is used again; nothing of the first request is left in it. */
	q = (struct ra_http_request){ .url = url_of(&plain, "/echo") };
	ask(&q, &a);
	assert_non_null(strstr(a.body, "GET /echo HTTP/1.1\r\n"));
	assert_null(strstr(a.body, "X-One"));
	assert_null(strstr(a.body, "Authorization"));
	assert_null(strstr(a.body, "Cookie"));
	answer_clear(&a);

	q = (struct ra_http_request){ .url = url_of(&plain, "/echo"), .bearer = SECRET };
	ask(&q, &a);
	assert_non_null(strstr(a.body, "\r\nAuthorization: Bearer " SECRET "\r\n"));
	answer_clear(&a);
}

static void
test_methods(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH" };
	struct answer a;
	char line[64];
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(methods); i++) {
		struct ra_http_request q = { .url = url_of(&plain, "/echo"), .method = methods[i] };

		ask(&q, &a);
		assert_int_equal(a.reason, RA_R_OK);
		(void)snprintf(line, sizeof(line), "%s /echo HTTP/1.1\r\n", methods[i]);
		assert_non_null(strstr(a.body, line));
		answer_clear(&a);
	}
}

static void
test_header_wanted(void **state)
{
	struct ra_http_request q = { .url = url_of(&plain, "/header"), .want_header = "x-version" };
	struct answer a;

	ask(&q, &a);
	assert_string_equal(a.header, "4.5.6");
	answer_clear(&a);
	q.deadline = 0;
	q.want_header = "X-Empty";
	ask(&q, &a);
	assert_string_equal(a.header, "");
	answer_clear(&a);
	q.deadline = 0;
	q.want_header = "X-Other";
	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_null(a.header);
	answer_clear(&a);
	/* A trailer is no header. */
	q.deadline = 0;
	q.want_header = "X-Version";
	q.url = url_of(&plain, "/trailer");
	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_string_equal(a.body, "ok");
	assert_null(a.header);
	answer_clear(&a);
}

static void
test_redirect_is_not_followed(void **state)
{
	static const char *const targets[] = { "file:///etc/passwd", "ftp://127.0.0.1/",
		"gopher://x/", "http://" SECRET ":" SECRET "@127.0.0.1:1/", "//", "http://[",
		"/ok" };
	char path[600];
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(targets); i++) {
		struct ra_http_request q = { .url = path };

		(void)snprintf(
		    path, sizeof(path), "%s?%s", url_of(&plain, "/redirect/302"), targets[i]);
		expect(&q, RA_R_HTTP_REDIRECT, "HTTP 302 to ");
		q.redirects = i < 6 ? 5 : 0;
		q.deadline = 0;
		expect(&q, RA_R_HTTP_REDIRECT, "HTTP 302 to ");
	}
}

static void
test_redirect_to_another_host(void **state)
{
	const struct ra_http_header headers[] = { { "X-Token", SECRET }, { "Cookie", SECRET } };
	char path[600];
	struct ra_http_request q = { .url = path,
		.headers = headers,
		.header_count = 2,
		.user = "alice",
		.password = SECRET };
	RA_FREE char *none = NULL;
	RA_FREE char *seen = NULL;

	(void)snprintf(
	    path, sizeof(path), "%s?%s", url_of(&plain, "/redirect/302"), url_of(&second, "/ok"));
	expect(&q, RA_R_HTTP_REDIRECT, "redirects are not followed");
	none = servers_read(servers_file("second.log"));
	assert_string_equal(none, "");

	q.redirects = 1;
	q.deadline = 0;
	expect(&q, RA_R_OK, NULL);
	seen = servers_read(servers_file("second.log"));
	assert_non_null(strstr(seen, "GET /ok"));
	assert_null(strstr(seen, SECRET));
	assert_null(strstr(seen, "Authorization"));

	/* Nor a body. */
	(void)snprintf(
	    path, sizeof(path), "%s?%s", url_of(&plain, "/redirect/307"), url_of(&second, "/ok"));
	q.body = SECRET;
	q.body_len = strlen(SECRET);
	q.deadline = 0;
	expect(&q, RA_R_HTTP_REDIRECT, "not sent to another host");
}

static void
test_redirect_followed_on_the_same_host(void **state)
{
	char path[600];
	struct ra_http_request q = { .url = path, .redirects = 2, .bearer = "kept" };
	struct answer a;

	(void)snprintf(
	    path, sizeof(path), "%s?/redirect/301?/echo", url_of(&plain, "/redirect/302"));
	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_non_null(strstr(a.body, "GET /echo"));
	assert_non_null(strstr(a.body, "Bearer kept"));
	answer_clear(&a);

	q.url = url_of(&plain, "/loop");
	q.redirects = 10;
	q.deadline = 0;
	expect(&q, RA_R_HTTP_REDIRECT, "one redirect too many");
}

/* What a redirect itself says is not of the answer. */
static void
test_redirect_that_contradicts_itself(void **state)
{
	struct ra_http_request q = { .url = url_of(&plain,
					 "/raw?HTTP/1.1%20302%20Found" CRLF "Location:/header" CRLF
					 "X-Version:1" CRLF "X-Version:2" CRLF "Age:90" CRLF
					 "Content-Range:bytes%200-4/6" CRLF CHUNKED LENGTH("5")
					     CRLF CHUNKS),
		.redirects = 1,
		.want_header = "X-Version" };
	struct answer a;

	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_string_equal(a.header, "4.5.6");
	assert_true(a.age == 0);
	answer_clear(&a);
}

static void
test_post_redirected_becomes_get(void **state)
{
	char path[600];
	struct ra_http_request q = { .url = path, .redirects = 1, .body = "x=1", .body_len = 3 };
	struct answer a;

	(void)snprintf(path, sizeof(path), "%s?/echo", url_of(&plain, "/redirect/303"));
	ask(&q, &a);
	assert_non_null(strstr(a.body, "GET /echo"));
	assert_null(strstr(a.body, "x=1"));
	answer_clear(&a);
	(void)snprintf(path, sizeof(path), "%s?/echo", url_of(&plain, "/redirect/307"));
	q.deadline = 0;
	ask(&q, &a);
	assert_non_null(strstr(a.body, "POST /echo"));
	assert_non_null(strstr(a.body, "x=1"));
	answer_clear(&a);
}

static void
test_connect_elsewhere(void **state)
{
	char connect[64];
	struct ra_http_request q = { .url = "http://shop.example/echo", .connect = connect };
	struct answer a;

	(void)snprintf(connect, sizeof(connect), "127.0.0.1:%d", plain.port);
	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_non_null(strstr(a.body, "\r\nHost: shop.example\r\n"));
	assert_string_equal(a.address, connect);
	answer_clear(&a);
	/* The handle forgets it. */
	q = (struct ra_http_request){ .url = "http://127.0.0.1:1/" };
	expect(&q, RA_R_REFUSED, "127.0.0.1:1");
}

static void
test_proxy(void **state)
{
	char proxy[128];
	struct ra_http_request q = { .url = "http://shop.example/echo", .proxy = proxy };
	struct answer a;

	(void)snprintf(proxy, sizeof(proxy), "http://bob:" SECRET "%%21@127.0.0.1:%d", plain.port);
	ask(&q, &a);
	assert_int_equal(a.reason, RA_R_OK);
	assert_non_null(strstr(a.body, "GET http://shop.example/echo HTTP/1.1"));
	assert_non_null(strstr(a.body, "Proxy-Authorization: Basic Ym9iOmthbmFyaWVudm9nZWwh"));
	answer_clear(&a);
	q.url = "http://shop.example/status/407";
	q.deadline = 0;
	expect(&q, RA_R_PROXY, "407");
	q.url = "https://shop.example/";
	q.deadline = 0;
	expect(&q, RA_R_PROXY, "by the proxy 127.0.0.1");
	(void)snprintf(proxy, sizeof(proxy), "http://bob:" SECRET "@127.0.0.1:1");
	q.deadline = 0;
	expect(&q, RA_R_PROXY, "refused");
}

/* Nothing of the environment counts. */
static void
test_environment_is_ignored(void **state)
{
	struct ra_http_request q = { .url = url_of(&plain, "/ok") };

	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	expect(&q, RA_R_OK, NULL);
	(void)unsetenv("http_proxy");
	(void)unsetenv("ALL_PROXY");
}

static void
test_unix_socket(void **state)
{
	const char *path = servers_file("http.sock");
	const char *args[] = { "--unix", path, NULL };
	struct ra_http_request q = { .url = "http://localhost/ok", .unix_path = path };
	struct server s;

	server_start(&s, "http_server.py", args);
	expect(&q, RA_R_OK, NULL);
	server_stop(&s);
	q.deadline = 0;
	expect(&q, RA_R_REFUSED, "http.sock");
	(void)unlink(path);
	q.deadline = 0;
	expect(&q, RA_R_REFUSED, "No such file");
}

/* TLS */

struct tls_case {
	const char *certificate;
	const char *tls; /* NULL: any version */
	const char *client_ca;
	const char *ca;
	const char *client;
	enum ra_reason reason;
};

static const struct tls_case tls_cases[] = {
	{ "server", NULL, NULL, "ca.pem", NULL, RA_R_OK },
	{ "server", "1.2", NULL, "ca.pem", NULL, RA_R_OK },
	{ "server", NULL, NULL, NULL, NULL, RA_R_TLS_UNKNOWN_CA },
	{ "server", NULL, NULL, "missing.pem", NULL, RA_R_TLS_CA_FILE },
	{ "server", NULL, NULL, "ca.key", NULL, RA_R_TLS_CA_FILE },
	{ "server", NULL, NULL, "ca.pem", "missing", RA_R_TLS_CA_FILE },
	{ "expired", NULL, NULL, "ca.pem", NULL, RA_R_TLS_EXPIRED },
	{ "future", NULL, NULL, "ca.pem", NULL, RA_R_TLS_NOT_YET_VALID },
	{ "wrong-host", NULL, NULL, "ca.pem", NULL, RA_R_TLS_WRONG_HOST },
	{ "self-signed", NULL, NULL, "ca.pem", NULL, RA_R_TLS_SELF_SIGNED },
	{ "self-signed", NULL, NULL, "self-signed.pem", NULL, RA_R_OK },
	{ "unknown-ca", NULL, NULL, "ca.pem", NULL, RA_R_TLS_UNKNOWN_CA },
	{ "server", "1.1", NULL, "ca.pem", NULL, RA_R_TLS_VERSION },
	{ "server", NULL, "ca.pem", "ca.pem", NULL, RA_R_TLS_CLIENT_CERT },
	{ "server", NULL, "ca.pem", "ca.pem", "self-signed", RA_R_TLS_CLIENT_CERT },
	{ "server", NULL, "ca.pem", "ca.pem", "client", RA_R_OK },
};

static void
tls_server(const struct tls_case *c, struct server *s)
{
	char name[64];
	const char *args[SERVERS_ARGS];
	size_t n = 0;

	(void)snprintf(name, sizeof(name), "%s.pem", c->certificate);
	args[n++] = "--cert";
	args[n++] = servers_file(name);
	(void)snprintf(name, sizeof(name), "%s.key", c->certificate);
	args[n++] = "--key";
	args[n++] = servers_file(name);
	if (c->tls != NULL) {
		args[n++] = "--tls";
		args[n++] = c->tls;
	}
	if (c->client_ca != NULL) {
		args[n++] = "--client-ca";
		args[n++] = servers_file(c->client_ca);
	}
	args[n] = NULL;
	server_start(s, "http_server.py", args);
}

static void
tls_ask(const struct tls_case *c, const struct server *s, struct answer *a)
{
	char url[64], name[2][64];
	struct ra_http_request q = { .url = url };

	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/ok", s->port);
	if (c->ca != NULL)
		q.ca = servers_file(c->ca);
	if (c->client != NULL) {
		(void)snprintf(name[0], sizeof(name[0]), "%s.pem", c->client);
		(void)snprintf(name[1], sizeof(name[1]), "%s.key", c->client);
		q.certificate = servers_file(name[0]);
		q.key = servers_file(name[1]);
	}
	ask(&q, a);
}

static void
test_tls(void **state)
{
	struct answer a;
	size_t i;

	servers_certificates();
	for (i = 0; i < RA_ARRAY_SIZE(tls_cases); i++) {
		const struct tls_case *c = &tls_cases[i];
		struct server s;
		int round;

		tls_server(c, &s);
		/* The second time with what the first left: sessions, stores, handles. */
		for (round = 0; round < 2; round++) {
			tls_ask(c, &s, &a);
			if (a.reason != c->reason)
				fail_msg(
				    "case %zu (%s), round %d: got reason %d, \"%s\"; expected %d",
				    i, c->certificate, round, (int)a.reason, a.error,
				    (int)c->reason);
			if (a.reason == RA_R_OK)
				assert_true(a.certificate_expires > ra_clock_wall());
			answer_clear(&a);
		}
		server_stop(&s);
	}
}

static void
test_tls_misbehaviour(void **state)
{
	const char *hold[] = { "--hold", NULL };
	char url[64];
	struct ra_http_request q = { .url = url, .deadline = 200 };
	struct server s;

	server_start(&s, "http_server.py", hold);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/", s.port);
	q.deadline = 200;
	expect(&q, RA_R_TIMEOUT, "TLS handshake");
	server_stop(&s);
}

/* Who cuts a connection cannot say in its peer's name that this was all. */
static void
test_tls_cut(void **state)
{
	static const struct {
		const char *path;
		enum ra_reason reason;
		const char *words, *body, *method;
	} rows[] = {
		{ "raw?" HEAD CRLF "1.2.3", RA_R_RESET, "may have been cut off", NULL, NULL },
		{ "raw-notified?" HEAD CRLF "1.2.3", RA_R_OK, "", "1.2.3", NULL },
		{ "raw?" HEAD LENGTH("5") CRLF "1.2.3", RA_R_OK, "", "1.2.3", NULL },
		{ "raw?" HEAD LENGTH("6") CRLF "1.2.3", RA_R_RESET, "before the answer was whole",
		    NULL, NULL },
		{ "raw-notified?" HEAD LENGTH("6") CRLF "1.2.3", RA_R_RESET,
		    "before the answer was whole", NULL, NULL },
		{ "raw?" HEAD CHUNKED CRLF CHUNKS, RA_R_OK, "", "1.2.3", NULL },
		{ "raw?" HEAD CHUNKED CRLF "5" CRLF "1.2.3" CRLF, RA_R_RESET,
		    "before the answer was whole", NULL, NULL },
		{ "raw?" HEAD "X-Version:", RA_R_RESET, "before the answer was whole", NULL, NULL },
		{ "raw-notified?" HEAD "X-Version:", RA_R_RESET, "before the answer was whole",
		    NULL, NULL },
		{ "raw?", RA_R_RESET, "without an answer", NULL, NULL },
		{ "raw-notified?", RA_R_RESET, "without an answer", NULL, NULL },
		{ "raw?HTTP/1.1%20204%20None" CRLF CRLF, RA_R_OK, "", NULL, NULL },
		{ "raw?" HEAD CRLF, RA_R_OK, "", NULL, "HEAD" },
		{ "raw?" HEAD CRLF, RA_R_RESET, "may have been cut off", NULL, NULL },
		{ "raw?" HEAD "Transfer-Encoding:" CRLF CRLF "1.2.3", RA_R_RESET,
		    "may have been cut off", NULL, NULL },
		{ "raw?HTTP/1.1%20500%20No" CRLF CRLF "because", RA_R_HTTP_STATUS, "", NULL, NULL },
	};
	static const char *const versions[] = { "1.2", NULL };

	servers_certificates();
	for (size_t i = 0; i < 2 * RA_ARRAY_SIZE(rows); i++) {
		struct tls_case c = { .certificate = "server", .tls = versions[i % 2] };
		struct ra_http_request q = { .ca = servers_file("ca.pem"),
			.method = rows[i / 2].method };
		char url[300];
		struct server s;
		struct answer a;

		tls_server(&c, &s);
		(void)snprintf(
		    url, sizeof(url), "https://127.0.0.1:%d/%s", s.port, rows[i / 2].path);
		q.url = url;
		ask(&q, &a);
		server_stop(&s);
		if (a.reason != rows[i / 2].reason || strstr(a.error, rows[i / 2].words) == NULL)
			fail_msg(
			    "%s: got reason %d, \"%s\"", rows[i / 2].path, (int)a.reason, a.error);
		if (rows[i / 2].body != NULL)
			assert_string_equal(a.body, rows[i / 2].body);
		answer_clear(&a);
	}
}

/* Life */

static void
test_cancel(void **state)
{
	struct ra_http_request hang = {
		.url = url_of(&plain, "/hang"), .max_body = 100, .deadline = ra_clock_mono() + 60000
	};
	struct ra_http_request bad = {
		.url = "nonsense", .max_body = 100, .deadline = ra_clock_mono() + 60000
	};
	struct ra_http_request q = { .url = url_of(&plain, "/ok") };
	struct ra_http_transfer *one, *two;
	struct ra_http_stats stats;
	struct answer never = { 0 };

	assert_int_equal(ra_http_start(http, &hang, on_done, &never, &one), 0);
	assert_int_equal(ra_http_start(http, &bad, on_done, &never, &two), 0);
	ra_http_cancel(two);
	expect(&q, RA_R_OK, NULL);
	ra_http_cancel(one);
	q.deadline = 0;
	expect(&q, RA_R_OK, NULL);
	assert_false(never.done);
	ra_http_stats(http, &stats);
	assert_int_equal(stats.in_flight, 0);
}

static unsigned pending;

static void
on_many(void *arg, struct ra_http_response *r)
{
	assert_int_equal(r->reason, RA_R_OK);
	if (--pending == 0)
		ra_loop_stop(loop);
}

static void
test_many_at_once(void **state)
{
	struct ra_http_request q = {
		.url = url_of(&plain, "/ok"), .max_body = 1000, .deadline = ra_clock_mono() + 30000
	};
	struct ra_http_transfer *t;
	struct ra_http_stats stats;

	for (pending = 0; pending < 100; pending++)
		assert_int_equal(ra_http_start(http, &q, on_many, NULL, &t), 0);
	while (pending > 0)
		ra_loop_run(loop);
	ra_http_stats(http, &stats);
	assert_int_equal(stats.in_flight, 0);
	assert_true(stats.handles <= 100);
}

static int
set_up(void **state)
{
	const char *none[] = { NULL };
	const char *log[] = { "--log", servers_file("second.log"), NULL };

	if (ra_loop_new(&loop, NULL) < 0 || ra_dns_new(loop, &dns, NULL) < 0 ||
	    ra_http_new(loop, dns, &http, NULL) < 0)
		return -1;
	server_start(&plain, "http_server.py", none);
	server_start(&second, "http_server.py", log);
	return 0;
}

/* ra_loop_free asserts that every handle was closed. */
static int
tear_down(void **state)
{
	ra_http_free(http);
	ra_dns_free(dns);
	ra_loop_free(loop);
	server_stop(&plain);
	server_stop(&second);
	servers_clean();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_answer),
		cmocka_unit_test(test_misbehaviour),
		cmocka_unit_test(test_caps_bound_what_is_read),
		cmocka_unit_test(test_not_listening),
		cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_bad_urls_are_not_asked),
		cmocka_unit_test(test_urls_are_taken_apart),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_header_wanted),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_caches_are_passed),
		cmocka_unit_test(test_redirect_is_not_followed),
		cmocka_unit_test(test_redirect_to_another_host),
		cmocka_unit_test(test_redirect_followed_on_the_same_host),
		cmocka_unit_test(test_redirect_that_contradicts_itself),
		cmocka_unit_test(test_post_redirected_becomes_get),
		cmocka_unit_test(test_connect_elsewhere),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_environment_is_ignored),
		cmocka_unit_test(test_unix_socket),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_misbehaviour),
		cmocka_unit_test(test_tls_cut),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_many_at_once),
	};

	if (!servers_present()) {
		(void)fprintf(stderr, "skipped: no python3 or no servers here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
