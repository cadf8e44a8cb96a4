/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of io/http: http.c (life of a transfer, pool), http_loop.c (curl's sockets and timer on
 * the loop), http_setup.c (options), http_result.c (what became of it, in our reasons),
 * http_tls.c (CA stores, sessions, expiry).
 */
#ifndef RELAUDIT_IO_HTTP_PRIVATE_H
#define RELAUDIT_IO_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "relaudit/io/dns.h"
#include "relaudit/io/http.h"

#define RA_HTTP_HEADERS_MOST	(64 * 1024)	/* bytes, interim answers and trailers included */
#define RA_HTTP_CONNECT_MOST	5000		/* ms for one address */

struct ra_timer;
struct ra_http_sock;
struct ra_http_store;

struct ra_http {
	struct ra_loop *loop;
	struct ra_dns *dns;
	CURLM *multi;
	struct ra_timer *timer;		/* curl's */
	struct ra_timer *watch;		/* while any is in flight: for those that curl forgets */
	struct ra_timer *later;		/* for what ended inside ra_http_start */
	struct ra_http_transfer *ended;	/* waiting for it */
	struct ra_http_transfer *running;
	struct ra_http_transfer *idle;
	size_t idle_count;
	struct ra_http_sock *socks;	/* closed, for the next */
	size_t sock_count;		/* all that exist */
	size_t spare_count;
	struct ra_http_store *stores;
	struct ra_http_stats stats;
	bool freed;			/* lives on until its sockets' handles have closed */
};

enum ra_http_stage {
	RA_HTTP_IDLE,
	RA_HTTP_RESOLVING,
	RA_HTTP_RUNNING,	/* curl has it */
	RA_HTTP_ENDED,		/* on http->ended, or being delivered */
};

/* A transfer and its easy handle, pooled together. */
struct ra_http_transfer {
	struct ra_http *http;
	CURL *easy;
	struct ra_http_transfer *prev, *next;	/* on ended, running or idle (next only) */
	enum ra_http_stage stage;
	const struct ra_http_request *request;
	void (*done)(void *arg, struct ra_http_response *response);
	void *arg;
	struct ra_http_response response;
	int64_t started;

	/* this hop */
	char *url;			/* owned after a redirect; NULL: the request's */
	struct ra_http_url at;
	int redirects;			/* followed so far */
	bool foreign;	/* not the host and port that was asked for: nothing of ours */
	bool get;			/* a redirect made it a GET without body */
	struct ra_http_url peer;	/* to connect to: the URL's host, `connect` or the proxy */
	char *proxy_user, *proxy_password;
	struct ra_dns_query *query;
	char (*addresses)[46];		/* owned; NULL: peer is numeric, or nothing to resolve */
	size_t address_count, address;	/* the one in use */
	size_t header_bytes;
	bool header_end;		/* of the final answer so far */
	bool interim;			/* what ended was a 1xx answer; another one follows */
	bool header_twice;		/* the one wanted came with two values */
	int64_t length;			/* the Content-Length, -1: none */
	bool chunked;
	const char *malformed;		/* why its headers cannot be true; static, NULL: they can */
	char *encoding;			/* that we did not ask for */
	size_t discarded;		/* body bytes of an answer that is no good */
	bool enough;			/* of them */
	uint8_t alert;			/* the TLS alert we got, 0: none */
	bool notified;			/* the peer said by TLS that nothing more comes */
	bool certificate_asked;		/* for ours, by the server */
	int socket_error;		/* errno of the last socket that could not be had, or 0 */
	enum ra_reason stop;		/* why a callback of ours stopped curl; RA_R_OK: none did */

	/* what the easy handle has been told */
	bool configured, dirty, connect_set, failed;
	bool well;			/* nothing went wrong in curl */
	bool own_sessions;		/* it ran without a share */
	long timeout_ms, connect_ms;
	struct ra_http_store *store;
	struct curl_slist connect_to;
	struct curl_slist *headers;
	char connect_text[RA_HTTP_ADDRESS + 4];
	char cause[CURL_ERROR_SIZE];
};

/* http.c */
void ra_http_ended(struct ra_http_transfer *t, CURLcode code);
/* Ends all that curl has for want of memory. */
void ra_http_abandon(struct ra_http *h);

/* http_loop.c. Opening is for anew too, after curl was given up. */
int ra_http_loop_open(struct ra_http *h);
void ra_http_loop_close(struct ra_http *h);
/* One more is in flight. */
void ra_http_loop_watch(struct ra_http *h);

/* http_answer.c */
size_t ra_http_on_body(char *data, size_t size, size_t count, void *arg);
size_t ra_http_on_header(char *line, size_t size, size_t count, void *arg);

/* http_setup.c: 0, or negative with reason and error set. */
int ra_http_setup(struct ra_http_transfer *t);
void ra_http_setup_undo(struct ra_http_transfer *t);

/* http_result.c */
void ra_http_fail(struct ra_http_transfer *t, enum ra_reason reason, const char *fmt, ...)
    RA_PRINTF(3, 4);
/* curl failed: sets reason and error; true if another address may do better. */
bool ra_http_explain(struct ra_http_transfer *t, CURLcode code);

/* http_tls.c */
/* 0 and *ret with a reference; negative: err says why. path NULL: the system's. */
int ra_http_store_get(struct ra_http *h, const char *path, struct ra_http_store **ret,
    struct ra_error *err);
void ra_http_store_put(struct ra_http_store *s);
void ra_http_stores_free(struct ra_http *h);
/* Where sessions with that peer are kept; NULL: none (no memory). */
CURLSH *ra_http_store_share(struct ra_http_store *s, const struct ra_http_url *url);
CURLcode ra_http_tls_context(CURL *easy, void *context, void *arg);
/* Notes when the peer's certificate expires. */
void ra_http_tls_peer(struct ra_http_transfer *t);

#endif
