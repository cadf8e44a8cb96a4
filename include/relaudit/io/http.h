/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP(S) transfers by libcurl's multi_socket interface on the loop; names by c-ares (io/dns.h).
 * Handles belong to transfers in flight and are pooled. Plain HTTP connections are not kept alive;
 * TLS sessions are shared. Nothing of the process's environment counts (proxy, netrc, HOME).
 * TLS 1.2 at least; peer and host name are always verified. An answer that was cut off, or whose
 * framing contradicts itself, is none. Caches are asked to ask the server (Cache-Control), unless
 * the request has that header itself.
 */
#ifndef RELAUDIT_IO_HTTP_H
#define RELAUDIT_IO_HTTP_H

#include "relaudit/base/buf.h"
#include "relaudit/base/error.h"
#include "relaudit/model/verdict.h"

struct ra_http;
struct ra_http_transfer;
struct ra_loop;
struct ra_dns;

/*
 * A URL taken apart, more strictly than curl does it: http or https, no user information, the host
 * a name or a whole numeric address, no blank or control anywhere.
 */
struct ra_http_url {
	bool tls;
	bool ipv6;		/* the host is one, without its brackets */
	bool numeric;
	uint16_t port;
	char host[254];		/* lower-case */
	const char *path;	/* what follows the authority, points into the text; "" if
				   nothing */
};

/* 0, or -EINVAL and *ret_why (static). */
int ra_http_url_split(const char *url, struct ra_http_url *ret, const char **ret_why);
/* "host", "host:port" or "[address]:port"; port 0 must be given. */
int ra_http_address_split(const char *text, uint16_t port, struct ra_http_url *ret,
    const char **ret_why);
#define RA_HTTP_ADDRESS	264
/* "host:port", "[::1]:443" */
const char *ra_http_address_format(const struct ra_http_url *url, char out[RA_HTTP_ADDRESS]);
/* "http://[user[:password]@]host:port", the only kind of proxy. *ret_user and *ret_password are
   owned, NULL if not given. 0, -EINVAL and *ret_why, or -ENOMEM. */
int ra_http_proxy_split(const char *proxy, struct ra_http_url *ret, char **ret_user,
    char **ret_password, const char **ret_why);

struct ra_http_header {
	const char *name;
	const char *value;
};

/* All borrowed until done or cancelled. NULL or 0: not given. */
struct ra_http_request {
	const char *url;		/* http:// or https:// */
	const char *method;		/* NULL: GET, or POST with a body */
	const struct ra_http_header *headers;
	size_t header_count;
	const char *body;
	size_t body_len;
	const char *user, *password;	/* basic */
	const char *bearer;
	const char *connect;		/* "host:port" to connect to instead of the URL's */
	const char *unix_path;
	const char *interface;
	const char *proxy;		/* http:// URL, credentials in it allowed */
	const char *ca;			/* path of a PEM file; NULL: the system's */
	const char *certificate, *key;	/* client certificate, paths of PEM files */
	int redirects;			/* followed at most; 0: none. Never to another scheme than
					   http/https, never https -> http; headers, body,
					   credentials and certificate only to the same host
					   and port */
	size_t max_body;
	const char *want_header;	/* a response header to keep */
	int64_t deadline;		/* monotonic ms, of the whole */
};

struct ra_http_response {
	enum ra_reason reason;		/* RA_R_OK: a whole answer with status 2xx */
	char error[RA_ERROR_TEXT / 2];	/* one line, without secrets; with reason */
	int status;			/* 0: none came */
	struct ra_buf body;		/* the callback may take it with ra_buf_take */
	char *header;	/* value of want_header, may be taken (set to NULL); NULL: none */
	int64_t last_modified;		/* wall ms, 0: not said */
	int64_t age;			/* ms in caches (RFC 9111, 5.1), 0: none or not said */
	int64_t latency_ms;		/* start to end */
	char address[64];		/* connected to, "" if none */
	int64_t certificate_expires;	/* wall ms, 0: no TLS or not known */
};

int ra_http_new(struct ra_loop *loop, struct ra_dns *dns, struct ra_http **ret,
    struct ra_error *err);
/* Transfers in flight must have ended or been cancelled. */
void ra_http_free(struct ra_http *h);
/*
 * 0, or -ENOMEM/-EMFILE (done is not called). done is called once from the loop, never from inside
 * this call. The response is freed after done returns.
 */
int ra_http_start(struct ra_http *h, const struct ra_http_request *request,
    void (*done)(void *arg, struct ra_http_response *response), void *arg,
    struct ra_http_transfer **ret);
/* done is not called any more. */
void ra_http_cancel(struct ra_http_transfer *t);

struct ra_http_stats {
	uint64_t transfers, handles, in_flight;
	uint64_t bytes_in;
};
void ra_http_stats(const struct ra_http *h, struct ra_http_stats *ret);

#endif
