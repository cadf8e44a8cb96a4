/* SPDX-License-Identifier: Apache-2.0 */
/* What the server sends, counted and looked at as it comes. */
#include "http_private.h"

#include <string.h>
#include <strings.h>

#include "relaudit/base/clock.h"

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

/* The value if the line is that header's, without blanks around it. */
static const char *
header_value(const char *line, size_t len, const char *name, size_t name_len, size_t *ret_len)
{
	const char *p = line + name_len + 1, *end = line + len;

	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
		return NULL;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
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

/* A status line: what an interim answer said does not count. */
static void
begin(struct ra_http_transfer *t)
{
	t->header_end = false;
	free(t->encoding);
	free(t->response.header);
	t->encoding = t->response.header = NULL;
	t->header_twice = false;
	t->response.last_modified = 0;
}

static void
look(struct ra_http_transfer *t, const char *line, size_t len)
{
	const char *want = t->request->want_header, *value;
	size_t n;

	switch (line[0] | 0x20) {
	case 'c':
		value = header_value(line, len, "Content-Encoding", 16, &n);
		if (value != NULL)
			note_encoding(t, value, n, "identity");
		break;
	case 't':
		/* curl would decode any coding of the transfer, asked for or not. */
		value = header_value(line, len, "Transfer-Encoding", 17, &n);
		if (value != NULL)
			note_encoding(t, value, n, "chunked");
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

size_t
ra_http_on_header(char *line, size_t size, size_t count, void *arg)
{
	struct ra_http_transfer *t = arg;
	size_t len = size * count;

	t->http->stats.bytes_in += len;
	t->header_bytes += len;
	if (t->header_bytes > RA_HTTP_HEADERS_MOST)
		return stop(t, RA_R_HTTP_MALFORMED);
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		if (t->at.tls && t->response.certificate_expires == 0)
			ra_http_tls_peer(t);
		begin(t);
	} else if (line[0] == '\r' || line[0] == '\n') {
		t->header_end = true;
	} else if (!t->header_end) {
		look(t, line, len);
	}
	return t->stop == RA_R_OK ? len : 0;
}
