/* SPDX-License-Identifier: Apache-2.0 */
/* What the server sends, counted and looked at as it comes. */
#include "http_private.h"

#include <string.h>
#include <strings.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

static size_t
stop(struct ra_http_transfer *t, enum ra_reason reason)
{
	t->stop = reason;
	return 0;
}

/* The body of an answer that is no good is read up to the cap, for politeness, and not kept. */
static size_t
discard(struct ra_http_transfer *t, size_t len)
{
	t->discarded += len;
	if (t->discarded <= t->request->max_body)
		return len;
	t->enough = true;
	return 0;
}

size_t
ra_http_on_body(char *data, size_t size, size_t count, void *arg)
{
	struct ra_http_transfer *t = arg;
	size_t len = size * count;
	long status = 0;

	t->http->stats.bytes_in += len;
	if (t->response.body.len == 0) {
		(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		if (status < 200 || status > 299)
			return discard(t, len);
		if (t->encoding != NULL)
			return stop(t, RA_R_HTTP_ENCODING);
	}
	if (len > t->request->max_body - t->response.body.len)
		return stop(t, RA_R_BODY_TOO_LARGE);
	if (ra_buf_add(&t->response.body, data, len) < 0)
		return stop(t, RA_R_NO_MEMORY);
	return len;
}

static void
trim(const char **p, const char **end)
{
	while (*p < *end && strchr(" \t", **p) != NULL)
		(*p)++;
	while (*end > *p && strchr(" \t\r\n", (*end)[-1]) != NULL)
		(*end)--;
}

/* The value if the line is that header's, without blanks around it. */
static const char *
header_value(const char *line, size_t len, const char *name, size_t name_len, size_t *ret_len)
{
	const char *p = line + name_len + 1, *end = line + len;

	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
		return NULL;
	trim(&p, &end);
	*ret_len = (size_t)(end - p);
	return p;
}

static char *
copy_value(struct ra_http_transfer *t, const char *value, size_t len)
{
	char *copy = strndup(value, len);

	if (copy == NULL)
		t->stop = RA_R_NO_MEMORY;
	return copy;
}

static void
note_encoding(struct ra_http_transfer *t, const char *value, size_t len, const char *fine)
{
	if (t->encoding != NULL || len == 0 ||
	    (len == strlen(fine) && strncasecmp(value, fine, len) == 0))
		return;
	t->encoding = copy_value(t, value, len < 40 ? len : 40);
}

static void
note_modified(struct ra_http_transfer *t, const char *value, size_t len)
{
	char text[64];
	time_t when;

	if (len >= sizeof(text))
		return;
	memcpy(text, value, len);
	text[len] = '\0';
	when = curl_getdate(text, NULL);
	if (when > 0)
		t->response.last_modified = (int64_t)when * RA_SECOND;
}

/* Takes the next one of a list; *value is NULL behind the last. As ra_int_parse. */
static int
take_number(const char **value, const char *end, int64_t *ret)
{
	const char *p = *value, *comma = memchr(p, ',', (size_t)(end - p));

	if (comma != NULL)
		end = comma;
	*value = comma != NULL ? comma + 1 : NULL;
	trim(&p, &end);
	return ra_int_parse(p, (size_t)(end - p), ret);
}

/* A list of equal values is one (RFC 9112, 6.3). */
static void
note_length(struct ra_http_transfer *t, const char *value, size_t len)
{
	const char *end = value + len;
	int64_t length;

	while (value != NULL) {
		if (take_number(&value, end, &length) < 0)
			t->malformed = "the answer's Content-Length is not a number";
		else if (t->length >= 0 && t->length != length)
			t->malformed = "the answer has two Content-Lengths that differ";
		else
			t->length = length;
	}
}

/* In seconds. If there are several, the highest; what is no number is as if it were not there. */
static void
note_age(struct ra_http_transfer *t, const char *value, size_t len)
{
	const char *end = value + len;

	while (value != NULL) {
		int64_t seconds = 0;
		int r = take_number(&value, end, &seconds);

		if (r == -ERANGE || seconds > INT32_MAX)
			seconds = INT32_MAX;
		if (seconds * RA_SECOND > t->response.age)
			t->response.age = seconds * RA_SECOND;
	}
}

/* A status line: what an interim answer said does not count. */
static void
begin(struct ra_http_transfer *t)
{
	t->header_end = t->interim = t->chunked = false;
	t->length = -1;
	t->malformed = NULL;
	t->response.age = 0;
	free(t->encoding);
	free(t->response.header);
	t->encoding = t->response.header = NULL;
	t->header_twice = false;
	t->response.last_modified = 0;
}

static void
look_at_content(struct ra_http_transfer *t, const char *line, size_t len)
{
	const char *value;
	size_t n;

	value = header_value(line, len, "Content-Encoding", 16, &n);
	if (value != NULL)
		note_encoding(t, value, n, "identity");
	value = header_value(line, len, "Content-Length", 14, &n);
	if (value != NULL)
		note_length(t, value, n);
	value = header_value(line, len, "Content-Range", 13, &n);
	if (value != NULL)
		t->malformed = "the answer is a part (Content-Range), but its status is not 206";
}

static void
look(struct ra_http_transfer *t, const char *line, size_t len)
{
	const char *want = t->request->want_header, *value;
	size_t n;

	switch (line[0] | 0x20) {
	case 'a':
		value = header_value(line, len, "Age", 3, &n);
		if (value != NULL)
			note_age(t, value, n);
		break;
	case 'c':
		look_at_content(t, line, len);
		break;
	case 't':
		/* curl would decode any coding of the transfer, asked for or not. */
		value = header_value(line, len, "Transfer-Encoding", 17, &n);
		if (value == NULL)
			break;
		note_encoding(t, value, n, "chunked");
		t->chunked = t->chunked || (n == 7 && strncasecmp(value, "chunked", n) == 0);
		break;
	case 'l':
		value = header_value(line, len, "Last-Modified", 13, &n);
		if (value != NULL)
			note_modified(t, value, n);
		break;
	}
	value = want != NULL ? header_value(line, len, want, strlen(want), &n) : NULL;
	if (value == NULL)
		return;
	if (t->response.header == NULL)
		t->response.header = copy_value(t, value, n);
	else if (strlen(t->response.header) != n || memcmp(t->response.header, value, n) != 0)
		t->header_twice = true;
}

/* Who stands between may have understood another answer than curl does (RFC 9112, 6.3). */
static void
end(struct ra_http_transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->header_end = true;
	t->interim = status < 200;
	if (t->chunked && t->length >= 0)
		t->malformed = "the answer has a Content-Length and comes in chunks";
	/* Of others the status alone counts; to 206 a range belongs, and it is refused as such. */
	if (t->malformed != NULL && status >= 200 && status <= 299 && status != 206)
		t->stop = RA_R_HTTP_MALFORMED;
}

/* One among the headers or in a trailer is none. */
static bool
is_status_line(const struct ra_http_transfer *t, const char *line, size_t len)
{
	return (t->header_bytes == len || t->interim) && len >= 5 && memcmp(line, "HTTP/", 5) == 0;
}

size_t
ra_http_on_header(char *line, size_t size, size_t count, void *arg)
{
	struct ra_http_transfer *t = arg;
	size_t len = size * count;

	t->http->stats.bytes_in += len;
	t->header_bytes += len;
	if (t->header_bytes > RA_HTTP_HEADERS_MOST)
		return stop(t, RA_R_HTTP_MALFORMED);
	if (is_status_line(t, line, len)) {
		if (t->at.tls && t->response.certificate_expires == 0)
			ra_http_tls_peer(t);
		begin(t);
	} else if (line[0] == '\r' || line[0] == '\n') {
		end(t);
	} else if (!t->header_end) {
		look(t, line, len);
	}
	return t->stop == RA_R_OK ? len : 0;
}
