/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/io/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relaudit/io/dns.h"

#define URL_MOST 8000

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static int
take_port(const char *text, size_t len, struct ra_http_url *ret, const char **ret_why)
{
	unsigned port = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || port > 65535)
			return refuse(ret_why, "the port is not a number from 1 to 65535");
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port < 1 || port > 65535)
		return refuse(ret_why, "the port is not a number from 1 to 65535");
	ret->port = (uint16_t)port;
	return 0;
}

/* RFC 3986 allows more in a name; no host that can be resolved has it. */
static int
take_host(const char *text, size_t len, struct ra_http_url *ret, const char **ret_why)
{
	size_t i;

	if (len == 0)
		return refuse(ret_why, "there is no host");
	if (len >= sizeof(ret->host))
		return refuse(ret_why, "the host is too long");
	for (i = 0; i < len; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		else if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
			 c != '.' && c != '_' && !(ret->ipv6 && c == ':'))
			return refuse(ret_why,
			    "the host may have letters, digits, '-', '_' and '.' only "
			    "(write a name in other letters in its xn-- form)");
		ret->host[i] = c;
	}
	ret->host[len] = '\0';
	ret->numeric = ra_dns_is_numeric(ret->host);
	if (ret->ipv6 && (!ret->numeric || strchr(ret->host, ':') == NULL))
		return refuse(ret_why, "what stands in brackets is not an IPv6 address");
	return 0;
}

static int
take_authority(
    const char *text, size_t len, uint16_t port, struct ra_http_url *ret, const char **ret_why)
{
	const char *host = text, *end = text + len, *colon;

	ret->port = port;
	ret->ipv6 = len > 0 && *host == '[';
	if (ret->ipv6) {
		const char *close = memchr(host, ']', len);

		if (close == NULL)
			return refuse(ret_why, "']' is missing");
		colon = close + 1;
		if (colon < end && *colon != ':')
			return refuse(ret_why, "only a port may follow ']'");
		host++;
		len = (size_t)(close - host);
	} else {
		colon = memchr(host, ':', len);
		if (colon == NULL)
			colon = end;
		len = (size_t)(colon - host);
	}
	if (colon < end) {
		int r = take_port(colon + 1, (size_t)(end - colon - 1), ret, ret_why);

		if (r < 0)
			return r;
	} else if (port == 0) {
		return refuse(ret_why, "the port is missing");
	}
	return take_host(host, len, ret, ret_why);
}

int
ra_http_url_split(const char *url, struct ra_http_url *ret, const char **ret_why)
{
	const char *p;
	size_t len;

	if (strncasecmp(url, "http://", 7) == 0) {
		ret->tls = false;
		p = url + 7;
	} else if (strncasecmp(url, "https://", 8) == 0) {
		ret->tls = true;
		p = url + 8;
	} else {
		return refuse(ret_why, "it does not begin with http:// or https://");
	}
	len = strcspn(p, "/?#");
	if (memchr(p, '@', len) != NULL)
		return refuse(ret_why, "user and password do not belong there: give `basic:`");
	ret->path = p + len;
	for (; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '\\')
			return refuse(ret_why, "blanks, control characters and '\\' must be "
					       "percent-encoded");
	if (p - url > URL_MOST)
		return refuse(ret_why, "it is too long");
	return take_authority(ret->path - len, len, ret->tls ? 443 : 80, ret, ret_why);
}

int
ra_http_address_split(
    const char *text, uint16_t port, struct ra_http_url *ret, const char **ret_why)
{
	ret->tls = false;
	ret->path = "";
	return take_authority(text, strlen(text), port, ret, ret_why);
}

const char *
ra_http_address_format(const struct ra_http_url *url, char out[RA_HTTP_ADDRESS])
{
	(void)snprintf(
	    out, RA_HTTP_ADDRESS, url->ipv6 ? "[%s]:%u" : "%s:%u", url->host, (unsigned)url->port);
	return out;
}

/* Percent-decoded. 0, -EINVAL for a control character, -ENOMEM. */
static int
decode(const char *text, size_t len, char **ret)
{
	char *plain;
	int n = 0, i, r = 0;

	plain = curl_easy_unescape(NULL, text, (int)len, &n);
	if (plain == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if ((unsigned char)plain[i] < 0x20 || plain[i] == 0x7f)
			r = -EINVAL;
	if (r == 0)
		*ret = strdup(plain);
	curl_free(plain);
	return r == 0 && *ret == NULL ? -ENOMEM : r;
}

int
ra_http_proxy_split(const char *proxy, struct ra_http_url *ret, char **ret_user,
    char **ret_password, const char **ret_why)
{
	RA_FREE char *user = NULL;
	RA_FREE char *password = NULL;
	const char *p, *at, *colon;
	size_t len;
	int r;

	if (strncasecmp(proxy, "http://", 7) != 0)
		return refuse(ret_why, "it does not begin with http://");
	p = proxy + 7;
	len = strcspn(p, "/?#");
	if (len > URL_MOST)
		return refuse(ret_why, "it is too long");
	if (p[len] != '\0' && strcmp(p + len, "/") != 0)
		return refuse(ret_why, "nothing may follow its host and port");
	at = memrchr(p, '@', len);
	if (at != NULL) {
		colon = memchr(p, ':', (size_t)(at - p));
		r = decode(p, (size_t)((colon != NULL ? colon : at) - p), &user);
		if (r == 0)
			r = decode(colon != NULL ? colon + 1 : at,
			    colon != NULL ? (size_t)(at - colon - 1) : 0, &password);
		if (r == -EINVAL)
			return refuse(ret_why, "a control character in its user or password");
		if (r < 0)
			return r;
		len -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	ret->tls = false;
	ret->path = "";
	r = take_authority(p, len, 0, ret, ret_why);
	if (r < 0)
		return r;
	*ret_user = RA_TAKE(user);
	*ret_password = RA_TAKE(password);
	return 0;
}
