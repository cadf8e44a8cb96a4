/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/clock.h"
#include "relaudit/source/source.h"

#define MAX_SIZE (16 * 1024 * 1024)

struct basic {
	struct ra_text user;
	struct ra_text password;
};

struct certificate {
	struct ra_text file;
	struct ra_text key;
};

struct options {
	struct ra_text url;
	struct ra_text path;
	struct ra_text method;
	struct ra_pairs headers;
	struct ra_text body;
	struct basic *basic;
	struct ra_text bearer;
	struct ra_text ca;
	struct certificate *certificate;
	struct ra_text unix_path;
	struct ra_text connect;
	struct ra_text proxy;
	struct ra_text interface;
	int64_t redirects;
	int64_t max_size;
	/* by prepare */
	struct ra_text whole; /* url and path */
	const char *host;
	const struct ra_http_header *header_list;
};

static const struct ra_option basic_options[] = {
	{ .name = "user",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct basic, user),
	    .flags = RA_OPT_REQUIRED,
	    .help = "user name" },
	{ .name = "password",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct basic, password),
	    .flags = RA_OPT_REQUIRED | RA_OPT_EMPTY,
	    .help = "password; say it as ${credential:NAME}, ${file:PATH} or ${env:NAME}" },
	{ 0 },
};

static const struct ra_option certificate_options[] = {
	{ .name = "file",
	    .type = RA_OPT_PATH,
	    .offset = offsetof(struct certificate, file),
	    .flags = RA_OPT_REQUIRED | RA_OPT_CONTENT,
	    .help = "our certificate and its chain, PEM" },
	{ .name = "key",
	    .type = RA_OPT_PATH,
	    .offset = offsetof(struct certificate, key),
	    .flags = RA_OPT_CONTENT,
	    .help = "its private key, PEM; default: in the same file" },
	{ 0 },
};

#define OPTION(word, kind, member, ...) \
	{ \
		.name = word, .type = kind, .offset = offsetof(struct options, member), \
		__VA_ARGS__ \
	}

static const struct ra_option http_options[] = {
	OPTION("url", RA_OPT_TEXT, url, .flags = RA_OPT_REQUIRED,
	    .help = "http:// or https:// URL, without user and password"),
	OPTION(
	    "path", RA_OPT_TEXT, path, .help = "appended to the URL, which may be a connection's"),
	OPTION("method", RA_OPT_TEXT, method, .help = "default: GET, or POST with a body"),
	OPTION("headers", RA_OPT_PAIRS, headers, .help = "sent with the request"),
	OPTION("body", RA_OPT_TEXT, body, .flags = RA_OPT_EMPTY, .help = "sent with the request"),
	OPTION("basic", RA_OPT_TABLE, basic, .table = basic_options,
	    .table_size = sizeof(struct basic),
	    .help = "user and password for basic authentication"),
	OPTION("bearer", RA_OPT_TEXT, bearer, .help = "token for bearer authentication"),
	OPTION("ca", RA_OPT_PATH, ca, .flags = RA_OPT_CONTENT,
	    .help = "PEM file of the CAs to trust; default: the system's"),
	OPTION("certificate", RA_OPT_TABLE, certificate, .table = certificate_options,
	    .table_size = sizeof(struct certificate), .help = "our client certificate"),
	OPTION("unix", RA_OPT_PATH, unix_path, .help = "socket to connect to"),
	OPTION("connect", RA_OPT_TEXT, connect,
	    .help = "host:port to connect to instead of the URL's; the URL's name stays in force "
		    "for TLS and the Host header"),
	OPTION("proxy", RA_OPT_TEXT, proxy, .help = "http://[user:password@]host:port"),
	OPTION("interface", RA_OPT_TEXT, interface, .help = "local address or interface to use"),
	OPTION("redirects", RA_OPT_INT, redirects, .fallback = "0", .max = 10,
	    .help = "redirects followed at most; credentials, headers and body go to the same host "
		    "and port only"),
	OPTION("max-size", RA_OPT_SIZE, max_size, .fallback = "1M", .min = 1, .max = MAX_SIZE,
	    .help = "size of the answer at most"),
	{ 0 },
};

/* RFC 9110's token. */
static bool
is_token(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= 100 &&
	       strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return true;
	return false;
}

/* A path begins with '/' or, for a query, '?'; the URL it follows may end with a '/'. */
static const char *
join(struct ra_arena *arena, const char *url, const char *path)
{
	size_t len = strlen(url), size;
	char *whole;

	if (len > 0 && url[len - 1] == '/' && path[0] == '/')
		len--;
	size = len + strlen(path) + 1;
	whole = ra_arena_alloc(arena, size);
	if (whole != NULL)
		(void)snprintf(whole, size, "%.*s%s", (int)len, url, path);
	return whole;
}

static int
prepare_whole(struct options *o, struct ra_arena *arena, struct ra_conf_place *place)
{
	o->whole = o->url;
	if (o->path.value == NULL)
		return 0;
	if (o->path.value[0] != '/' && o->path.value[0] != '?') {
		ra_conf_complain(place, "path", "a path begins with '/' (or '?')");
		return 0;
	}
	if (strpbrk(o->url.value, "?#") != NULL) {
		ra_conf_complain(place, "url", "a URL that a path is appended to has no query");
		return 0;
	}
	o->whole.value = join(arena, o->url.value, o->path.value);
	o->whole.shown = o->whole.value;
	if (o->whole.value != NULL &&
	    (o->url.shown != o->url.value || o->path.shown != o->path.value))
		o->whole.shown = join(arena, o->url.shown, o->path.shown);
	return o->whole.value == NULL || o->whole.shown == NULL ? -ENOMEM : 0;
}

/* The key for the cap per host: whom the connection is made to. */
static int
prepare_host(struct options *o, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct ra_http_url url, connect, *peer = &url;
	char text[RA_HTTP_ADDRESS];
	const char *why;

	if (ra_http_url_split(o->whole.value, &url, &why) < 0) {
		ra_conf_complain(place, "url", "not a URL to ask: %s", why);
		return 0;
	}
	if (o->connect.value != NULL) {
		if (ra_http_address_split(o->connect.value, 0, &connect, &why) < 0) {
			ra_conf_complain(place, "connect", "not host:port: %s", why);
			return 0;
		}
		peer = &connect;
	}
	if (!url.tls && (o->ca.value != NULL || o->certificate != NULL))
		ra_conf_complain(place, o->ca.value != NULL ? "ca" : "certificate",
		    "only an https:// URL has use for it");
	if (o->unix_path.value != NULL)
		o->host = o->unix_path.value;
	else
		o->host = ra_arena_strdup(arena, ra_http_address_format(peer, text));
	return o->host == NULL ? -ENOMEM : 0;
}

static void
check_header(const struct ra_pair *pair, const struct options *o, struct ra_conf_place *place)
{
	static const char *const ours[] = { "Accept-Encoding", "Connection", "Content-Length",
		"Expect", "Transfer-Encoding", "Upgrade" };
	char key[120];
	size_t i;

	(void)snprintf(key, sizeof(key), "headers/%s", pair->name);
	if (!is_token(pair->name)) {
		ra_conf_complain(place, key, "not a header's name");
		return;
	}
	if (has_control(pair->text.value))
		ra_conf_complain(place, key,
		    "a header's value has no line break or other control "
		    "character");
	for (i = 0; i < RA_ARRAY_SIZE(ours); i++)
		if (strcasecmp(pair->name, ours[i]) == 0)
			ra_conf_complain(place, key, "relauditd sets this header itself");
	if (strcasecmp(pair->name, "Authorization") == 0 &&
	    (o->basic != NULL || o->bearer.value != NULL))
		ra_conf_complain(
		    place, key, "`%s:` sets this header", o->basic != NULL ? "basic" : "bearer");
}

static int
prepare_headers(struct options *o, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct ra_http_header *list;
	size_t i;

	if (o->headers.count == 0)
		return 0;
	list = ra_arena_alloc(arena, o->headers.count * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (i = 0; i < o->headers.count; i++) {
		check_header(&o->headers.list[i], o, place);
		list[i].name = o->headers.list[i].name;
		list[i].value = o->headers.list[i].text.value;
	}
	o->header_list = list;
	return 0;
}

static void
check_credentials(const struct options *o, struct ra_conf_place *place)
{
	const struct basic *b = o->basic;

	if (b != NULL && o->bearer.value != NULL)
		ra_conf_complain(place, "bearer", "either `basic:` or `bearer:`");
	if (b != NULL && b->user.value != NULL &&
	    (has_control(b->user.value) || strchr(b->user.value, ':') != NULL))
		ra_conf_complain(place, "basic/user", "a user has no ':' and no control character");
	if (b != NULL && b->password.value != NULL && has_control(b->password.value))
		ra_conf_complain(place, "basic/password",
		    "a password has no control character "
		    "(a line break at its end?)");
	if (o->bearer.value != NULL &&
	    (has_control(o->bearer.value) || strpbrk(o->bearer.value, " \t") != NULL))
		ra_conf_complain(place, "bearer",
		    "a token has no blank and no control character "
		    "(a line break at its end?)");
}

static void
check_proxy(const struct options *o, struct ra_conf_place *place)
{
	RA_FREE char *user = NULL;
	RA_FREE char *password = NULL;
	struct ra_http_url url;
	const char *why = "out of memory";

	if (o->proxy.value == NULL)
		return;
	if (ra_http_proxy_split(o->proxy.value, &url, &user, &password, &why) < 0)
		ra_conf_complain(place, "proxy", "not an http:// proxy: %s", why);
}

static void
check_way(const struct options *o, struct ra_conf_place *place)
{
	if (o->unix_path.value != NULL &&
	    (o->connect.value != NULL || o->proxy.value != NULL || o->interface.value != NULL))
		ra_conf_complain(
		    place, "unix", "not together with `connect:`, `proxy:` or `interface:`");
	if (o->unix_path.value != NULL && strlen(o->unix_path.value) > 107)
		ra_conf_complain(place, "unix", "a socket's path has at most 107 bytes");
	if (o->interface.value != NULL && !ra_dns_is_numeric(o->interface.value) &&
	    (strlen(o->interface.value) > 15 || strpbrk(o->interface.value, "/! \t") != NULL))
		ra_conf_complain(
		    place, "interface", "neither a numeric address nor an interface's name");
	if (o->method.value != NULL &&
	    (!is_token(o->method.value) || strcmp(o->method.value, "CONNECT") == 0))
		ra_conf_complain(place, "method", "not a method to ask with");
	check_proxy(o, place);
}

static int
prepare(void *options, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct options *o = options;
	int r;

	if (o->url.value == NULL)
		return 0;
	r = prepare_whole(o, arena, place);
	if (r == 0)
		r = prepare_host(o, arena, place);
	if (r == 0)
		r = prepare_headers(o, arena, place);
	check_credentials(o, place);
	check_way(o, place);
	return r;
}

static const char *
host(const void *options)
{
	const struct options *o = options;

	return o->host;
}

static void
where(const void *options, struct ra_buf *out)
{
	const struct options *o = options;

	if (o == NULL || o->whole.shown == NULL)
		return;
	(void)ra_buf_puts(out, o->whole.shown);
	if (o->unix_path.value != NULL)
		(void)ra_buf_printf(out, " on %s", o->unix_path.shown);
	else if (o->connect.value != NULL)
		(void)ra_buf_printf(out, " at %s", o->connect.shown);
}

struct state {
	struct ra_fetch *fetch;
	struct ra_http_transfer *transfer;
	struct ra_http_request request;
	const char *want_header;
};

static void
take_body(struct ra_fetch *f, struct ra_http_response *r)
{
	size_t len = r->body.len;

	f->input.bytes = len > 0 ? ra_buf_take(&r->body) : strdup("");
	if (f->input.bytes == NULL)
		ra_input_fail(&f->input, RA_R_NO_MEMORY, "out of memory");
	else
		f->input.len = len;
}

static void
take_header(struct ra_fetch *f, const char *name, struct ra_http_response *r)
{
	if (r->header == NULL) {
		ra_input_fail(
		    &f->input, RA_R_HTTP_NO_HEADER, "the answer has no header \"%s\"", name);
		return;
	}
	f->input.len = strlen(r->header);
	f->input.bytes = RA_TAKE(r->header);
}

static void
on_done(void *arg, struct ra_http_response *r)
{
	struct state *s = arg;
	struct ra_fetch *f = s->fetch;
	RA_BUF_LOCAL text = RA_BUF(16 * 1024);

	where(f->options, &text);
	f->input.where = ra_buf_take(&text);
	f->input.status = r->status;
	f->input.latency_ms = r->latency_ms;
	f->input.fetched = ra_clock_wall();
	f->input.modified = r->last_modified;
	f->input.age = r->age;
	if (r->reason != RA_R_OK)
		ra_input_fail(&f->input, r->reason, "%s", r->error);
	else if (s->want_header != NULL)
		take_header(f, s->want_header, r);
	else
		take_body(f, r);
	f->state = NULL;
	free(s);
	f->done(f);
}

static void
fill(struct ra_http_request *q, const struct options *o)
{
	q->url = o->whole.value;
	q->method = o->method.value;
	q->headers = o->header_list;
	q->header_count = o->headers.count;
	q->body = o->body.value;
	q->body_len = o->body.value != NULL ? strlen(o->body.value) : 0;
	if (o->basic != NULL) {
		q->user = o->basic->user.value;
		q->password = o->basic->password.value;
	}
	q->bearer = o->bearer.value;
	q->connect = o->connect.value;
	q->unix_path = o->unix_path.value;
	q->interface = o->interface.value;
	q->proxy = o->proxy.value;
	q->ca = o->ca.value;
	if (o->certificate != NULL) {
		q->certificate = o->certificate->file.value;
		q->key = o->certificate->key.value;
	}
	q->redirects = (int)o->redirects;
	q->max_body = (size_t)o->max_size;
}

static int
start(struct ra_fetch *f)
{
	struct state *s = calloc(1, sizeof(*s));
	size_t i;
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->fetch = f;
	fill(&s->request, f->options);
	s->request.deadline = f->deadline;
	for (i = 0; i < f->selector_count; i++)
		if (strcmp(f->selectors[i].name, "header") == 0)
			s->want_header = f->selectors[i].text;
	s->request.want_header = s->want_header;
	r = ra_http_start(f->io->http, &s->request, on_done, s, &s->transfer);
	if (r < 0) {
		free(s);
		return r;
	}
	f->state = s;
	return 0;
}

static void
cancel(struct ra_fetch *f)
{
	struct state *s = f->state;

	if (s == NULL)
		return;
	ra_http_cancel(s->transfer);
	f->state = NULL;
	free(s);
}

const struct ra_source ra_source_http = {
	.type = { .name = "http",
	    .help = "asks a URL",
	    .options = http_options,
	    .size = sizeof(struct options),
	    .prepare = prepare },
	.serves = RA_SHAPE_BYTES | RA_SHAPE_LINES,
	.host = host,
	.start = start,
	.cancel = cancel,
	.where = where,
};
