/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of an easy handle. Constants are set once per handle; what a plain request changes is the
 * URL and at most the times and the address; anything more marks the handle, and curl_easy_reset
 * takes it (and the secrets in it) away again.
 */
#include "http_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relaudit/io/loop.h"

/* Values were checked before, so a failure means memory. */
#define SET(t, option, value) \
	((t)->failed |= curl_easy_setopt((t)->easy, (option), (value)) != CURLE_OK)

/* The last descriptors are left to the operator: who asks what is wrong must get in. */
#define RESERVE 64

/* curl would not say why there was none. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct ra_http_transfer *t = arg;
	struct rlimit limit;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	t->socket_error = fd < 0 ? errno : 0;
	if (fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    (rlim_t)fd + RESERVE >= limit.rlim_cur) {
		close(fd);
		fd = -1;
		t->socket_error = EMFILE;
	}
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* What a cache on the way has kept says what was. */
#define NO_CACHE "Cache-Control: no-cache"

static struct curl_slist no_cache = { .data = (char[]){ NO_CACHE } };

static void
configure(struct ra_http_transfer *t)
{
	SET(t, CURLOPT_PRIVATE, t);
	SET(t, CURLOPT_ERRORBUFFER, t->cause);
	SET(t, CURLOPT_WRITEFUNCTION, ra_http_on_body);
	SET(t, CURLOPT_WRITEDATA, t);
	SET(t, CURLOPT_HEADERFUNCTION, ra_http_on_header);
	SET(t, CURLOPT_HEADERDATA, t);
	SET(t, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(t, CURLOPT_OPENSOCKETDATA, t);
	SET(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(t, CURLOPT_NOSIGNAL, 1L);
	SET(t, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(t, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	SET(t, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(t, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(t, CURLOPT_BUFFERSIZE, 4096L);
	SET(t, CURLOPT_USERAGENT, "relauditd/" RA_VERSION);
	SET(t, CURLOPT_HTTPHEADER, &no_cache);
	SET(t, CURLOPT_PROXY, "");
	SET(t, CURLOPT_NOPROXY, "");
	/* A cache of names would cost O(hosts) a transfer, idle connections too; and a connection
	   that is made anew shows the certificate that is served now. */
	SET(t, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	SET(t, CURLOPT_FORBID_REUSE, 1L);
	SET(t, CURLOPT_FRESH_CONNECT, 1L);
	SET(t, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(t, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(t, CURLOPT_SSL_VERIFYHOST, 2L);
	/* The store is ours, read once and not for each connection. curl's cache of stores must be
	   off: it would hand one check's CA to all others. */
	SET(t, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	SET(t, CURLOPT_CAINFO, NULL);
	SET(t, CURLOPT_CAPATH, NULL);
	SET(t, CURLOPT_SSL_CTX_FUNCTION, ra_http_tls_context);
	SET(t, CURLOPT_SSL_CTX_DATA, t);
	t->configured = true;
	t->timeout_ms = t->connect_ms = -1;
	t->connect_set = false;
}

static void
set_times(struct ra_http_transfer *t)
{
	int64_t left = t->request->deadline - ra_loop_now(t->http->loop);
	long whole = left < 1 ? 1 : left > 86400000 ? 86400000 : (long)left;
	long connect = whole < RA_HTTP_CONNECT_MOST ? whole : RA_HTTP_CONNECT_MOST;

	if (whole != t->timeout_ms)
		SET(t, CURLOPT_TIMEOUT_MS, whole);
	if (connect != t->connect_ms)
		SET(t, CURLOPT_CONNECTTIMEOUT_MS, connect);
	t->timeout_ms = whole;
	t->connect_ms = connect;
}

/* curl never resolves a name: it is told the address for whatever host and port it would take. */
static void
set_connect(struct ra_http_transfer *t)
{
	const struct ra_http_request *q = t->request;
	const char *ip = t->addresses != NULL ? t->addresses[t->address] : t->peer.host;
	bool needed =
	    q->unix_path == NULL && (t->addresses != NULL || (q->connect != NULL && !t->foreign));

	if (q->proxy != NULL) {
		needed = q->connect != NULL && !t->foreign;
		(void)snprintf(
		    t->connect_text, sizeof(t->connect_text), "::%s", needed ? q->connect : "");
	} else if (needed) {
		(void)snprintf(t->connect_text, sizeof(t->connect_text),
		    strchr(ip, ':') != NULL ? "::[%s]:%u" : "::%s:%u", ip, (unsigned)t->peer.port);
	}
	if (needed == t->connect_set)
		return;
	t->connect_to.data = t->connect_text;
	SET(t, CURLOPT_CONNECT_TO, needed ? &t->connect_to : NULL);
	t->connect_set = needed;
}

static void
set_proxy(struct ra_http_transfer *t)
{
	const char *ip = t->addresses != NULL ? t->addresses[t->address] : t->peer.host;
	char text[RA_HTTP_ADDRESS + 10];

	(void)snprintf(text, sizeof(text),
	    strchr(ip, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u", ip,
	    (unsigned)t->peer.port);
	SET(t, CURLOPT_PROXY, text);
	if (t->proxy_user != NULL) {
		SET(t, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
		SET(t, CURLOPT_PROXYUSERNAME, t->proxy_user);
		SET(t, CURLOPT_PROXYPASSWORD, t->proxy_password);
	}
}

static void
set_method(struct ra_http_transfer *t)
{
	const struct ra_http_request *q = t->request;
	const char *method = q->method;
	bool body = q->body != NULL && !t->get;

	if (t->get)
		method = NULL;
	if (method == NULL)
		method = body ? "POST" : "GET";
	if (strcmp(method, "HEAD") == 0 && !body) {
		SET(t, CURLOPT_NOBODY, 1L);
		return;
	}
	if (body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	    strcmp(method, "PATCH") == 0) {
		SET(t, CURLOPT_POSTFIELDSIZE_LARGE, body ? (curl_off_t)q->body_len : (curl_off_t)0);
		SET(t, CURLOPT_POSTFIELDS, body ? q->body : "");
		if (strcmp(method, "POST") != 0)
			SET(t, CURLOPT_CUSTOMREQUEST, method);
	} else if (strcmp(method, "GET") != 0) {
		SET(t, CURLOPT_CUSTOMREQUEST, method);
	}
}

static void
add_header(struct ra_http_transfer *t, const char *line)
{
	struct curl_slist *list = line != NULL ? curl_slist_append(t->headers, line) : NULL;

	if (list == NULL)
		t->failed = true;
	else
		t->headers = list;
}

static void
set_headers(struct ra_http_transfer *t)
{
	const struct ra_http_request *q = t->request;
	bool own = false;
	size_t i;

	for (i = 0; i < q->header_count && !t->failed; i++) {
		RA_BUF_LOCAL line = RA_BUF(64 * 1024);
		bool empty = *q->headers[i].value == '\0';

		(void)ra_buf_puts(&line, q->headers[i].name);
		(void)ra_buf_puts(&line, empty ? ";" : ": ");
		(void)ra_buf_puts(&line, q->headers[i].value);
		add_header(t, line.error != 0 ? NULL : line.data);
		own = own || strcasecmp(q->headers[i].name, "Cache-Control") == 0;
	}
	if (q->header_count > 0 && !own && !t->failed)
		add_header(t, NO_CACHE);
	if (t->headers != NULL)
		SET(t, CURLOPT_HTTPHEADER, t->headers);
}

static void
set_credentials(struct ra_http_transfer *t)
{
	const struct ra_http_request *q = t->request;

	if (q->user != NULL) {
		SET(t, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(t, CURLOPT_USERNAME, q->user);
		SET(t, CURLOPT_PASSWORD, q->password != NULL ? q->password : "");
	} else if (q->bearer != NULL) {
		SET(t, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		SET(t, CURLOPT_XOAUTH2_BEARER, q->bearer);
	}
	if (q->certificate != NULL) {
		SET(t, CURLOPT_SSLCERT, q->certificate);
		SET(t, CURLOPT_SSLKEY, q->key != NULL ? q->key : q->certificate);
	}
}

/* An address or an interface's name; left to itself curl would try it as a host's name too. */
static void
set_interface(struct ra_http_transfer *t)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "%s!%s",
	    ra_dns_is_numeric(t->request->interface) ? "host" : "if", t->request->interface);
	SET(t, CURLOPT_INTERFACE, text);
}

static bool
is_plain(const struct ra_http_request *q)
{
	return q->method == NULL && q->body == NULL && q->header_count == 0 && q->user == NULL &&
	       q->bearer == NULL && q->unix_path == NULL && q->interface == NULL &&
	       q->proxy == NULL && q->certificate == NULL;
}

static void
set_extras(struct ra_http_transfer *t)
{
	const struct ra_http_request *q = t->request;

	t->dirty = true;
	set_method(t);
	if (!t->foreign) {
		set_headers(t);
		set_credentials(t);
	}
	if (q->unix_path != NULL)
		SET(t, CURLOPT_UNIX_SOCKET_PATH, q->unix_path);
	if (q->interface != NULL)
		set_interface(t);
	if (q->proxy != NULL)
		set_proxy(t);
}

/* curl 7.88 leaks the sessions of a handle's own when it is given a share: it needs a fresh one. */
static int
renew(struct ra_http_transfer *t)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL) {
		ra_http_fail(t, RA_R_NO_MEMORY, "out of memory");
		return -ENOMEM;
	}
	curl_easy_cleanup(t->easy);
	t->easy = easy;
	t->configured = t->own_sessions = false;
	return 0;
}

static int
set_tls(struct ra_http_transfer *t)
{
	struct ra_error err;
	CURLSH *share;
	int r;

	r = ra_http_store_get(t->http, t->request->ca, &t->store, &err);
	if (r < 0) {
		ra_http_fail(t, r == -ENOMEM ? RA_R_NO_MEMORY : RA_R_TLS_CA_FILE, "%s", err.text);
		return r;
	}
	share = ra_http_store_share(t->store, &t->at);
	SET(t, CURLOPT_SHARE, share);
	t->own_sessions = share == NULL;
	return 0;
}

int
ra_http_setup(struct ra_http_transfer *t)
{
	const struct ra_http_request *q = t->request;
	int r;

	ra_http_setup_undo(t);
	if (t->at.tls && t->own_sessions) {
		r = renew(t);
		if (r < 0)
			return r;
	}
	if (!t->configured)
		configure(t);
	SET(t, CURLOPT_URL, t->url != NULL ? t->url : q->url);
	set_times(t);
	set_connect(t);
	if (!is_plain(q))
		set_extras(t);
	if (t->at.tls) {
		r = set_tls(t);
		if (r < 0)
			return r;
	} else {
		t->own_sessions = true;
	}
	t->cause[0] = '\0';
	if (!t->failed)
		return 0;
	t->configured = false;
	ra_http_fail(t, RA_R_NO_MEMORY, "out of memory");
	return -ENOMEM;
}

void
ra_http_setup_undo(struct ra_http_transfer *t)
{
	if (t->store != NULL) {
		(void)curl_easy_setopt(t->easy, CURLOPT_SHARE, NULL);
		ra_http_store_put(t->store);
		t->store = NULL;
	}
	if (t->dirty || t->failed) {
		curl_easy_reset(t->easy);
		t->configured = t->dirty = t->failed = false;
	}
	curl_slist_free_all(t->headers);
	t->headers = NULL;
}
