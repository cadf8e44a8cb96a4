/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/git_url.h"

#include <string.h>

#include "relaudit/base/buf.h"

#define URL_MAX 2048

static const char *const schemes[] = { "https", "http", "ssh", "git", "file" };

void
ra_git_url_clear(struct ra_git_url *u)
{
	if (u->password != NULL)
		explicit_bzero(u->password, strlen(u->password));
	free(u->bare);
	free(u->scope);
	free(u->user);
	free(u->password);
	*u = (struct ra_git_url){ 0 };
}

/* In a list as "https:ssh". */
static bool
is_allowed(const char *protocols, const char *scheme)
{
	size_t len = strlen(scheme);

	for (const char *p = protocols; *p != '\0';) {
		size_t n = strcspn(p, ":");

		if (n == len && strncmp(p, scheme, n) == 0)
			return true;
		p += n + (p[n] == ':' ? 1 : 0);
	}
	return false;
}

static const char *
find_scheme(const char *url, size_t len)
{
	for (size_t i = 0; i < RA_ARRAY_SIZE(schemes); i++)
		if (strlen(schemes[i]) == len && strncmp(schemes[i], url, len) == 0)
			return schemes[i];
	return NULL;
}

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded; what would end a line of git's credential protocol is refused. */
static int
decode(const char *text, size_t len, char **ret, struct ra_error *err)
{
	char *out = malloc(len + 1);
	size_t n = 0;

	if (out == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%' && i + 2 < len && digit_of(text[i + 1]) >= 0 &&
		    digit_of(text[i + 2]) >= 0) {
			c = (char)(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
			i += 2;
		}
		if (c == '\0' || c == '\n' || c == '\r') {
			free(out);
			return ra_error_set(err, -EINVAL,
			    "repository URL: the credentials hold a control character");
		}
		out[n++] = c;
	}
	out[n] = '\0';
	*ret = out;
	return 0;
}

static int
take_credentials(struct ra_git_url *u, const char *info, size_t len, struct ra_error *err)
{
	const char *colon = memchr(info, ':', len);
	size_t user_len = colon != NULL ? (size_t)(colon - info) : len;
	int r = decode(info, user_len, &u->user, err);

	if (r < 0)
		return r;
	if (colon == NULL)
		return decode("", 0, &u->password, err);
	return decode(colon + 1, len - user_len - 1, &u->password, err);
}

/* host begins after the user information. */
static int
check_host(const struct ra_git_url *u, const char *host, size_t len, struct ra_error *err)
{
	bool local = strcmp(u->scheme, "file") == 0;

	if (local && len > 0)
		return ra_error_set(err, -EINVAL,
		    "repository URL: file: needs an absolute path, as in file:///srv/x");
	if (!local && (len == 0 || *host == '-' || *host == ':'))
		return ra_error_set(err, -EINVAL, "repository URL: there is no host in it");
	return 0;
}

static int
check_user(const struct ra_git_url *u, const char *info, size_t len, struct ra_error *err)
{
	if (strcmp(u->scheme, "ssh") != 0)
		return ra_error_set(
		    err, -EINVAL, "repository URL: %s takes no user information", u->scheme);
	if (memchr(info, ':', len) != NULL)
		return ra_error_set(err, -EINVAL,
		    "repository URL: ssh takes no password from a URL; give relauditd's user a "
		    "key");
	if (len == 0 || *info == '-')
		return ra_error_set(err, -EINVAL, "repository URL: not a user name");
	return 0;
}

static int
join(char **ret, const char *url, size_t head, const char *rest, size_t rest_len,
    struct ra_error *err)
{
	struct ra_buf b = RA_BUF(URL_MAX + 1);

	(void)ra_buf_add(&b, url, head);
	(void)ra_buf_add(&b, rest, rest_len);
	*ret = ra_buf_take(&b);
	return *ret != NULL ? 0 : ra_error_set(err, -ENOMEM, "out of memory");
}

static int
parse_full(const char *url, const char *mark, struct ra_git_url *u, struct ra_error *err)
{
	const char *authority = mark + 3, *at = NULL, *host = authority;
	size_t head = (size_t)(authority - url), len = strcspn(authority, "/?#"), info_len;
	int r = 0;

	u->scheme = find_scheme(url, (size_t)(mark - url));
	if (u->scheme == NULL)
		return ra_error_set(
		    err, -EINVAL, "repository URL: write https, http, ssh, git or file before ://");
	at = memrchr(authority, '@', len);
	if (at != NULL)
		host = at + 1;
	info_len = (size_t)(host - authority) - (at != NULL ? 1 : 0);
	r = check_host(u, host, len - (size_t)(host - authority), err);
	if (r < 0)
		return r;
	if (strncmp(u->scheme, "http", 4) == 0) {
		if (at != NULL)
			r = take_credentials(u, authority, info_len, err);
		if (r == 0)
			r = join(&u->scope, url, head, host, len - (size_t)(host - authority), err);
		return r < 0 ? r : join(&u->bare, url, head, host, strlen(host), err);
	}
	if (at != NULL)
		r = check_user(u, authority, info_len, err);
	return r < 0 ? r : join(&u->bare, url, head, authority, strlen(authority), err);
}

/* "/srv/git/x.git", "git@host:x.git" */
static int
parse_short(const char *url, struct ra_git_url *u, struct ra_error *err)
{
	const char *colon = strchr(url, ':'), *slash = strchr(url, '/'), *at;

	if (*url == '/') {
		u->scheme = "file";
		return join(&u->bare, url, strlen(url), "", 0, err);
	}
	if (colon == NULL || (slash != NULL && slash < colon) || colon[1] == '\0' || colon == url)
		return ra_error_set(err, -EINVAL,
		    "repository URL: write https://..., ssh://..., user@host:path or an absolute "
		    "path");
	/* "http:/x" lacks a slash; whoever has a host of that name may say so. */
	if (find_scheme(url, (size_t)(colon - url)) != NULL)
		return ra_error_set(err, -EINVAL,
		    "repository URL: two slashes follow %.*s:, as in https://host/path and "
		    "file:///srv/x; for a host of that name write user@%.*s:path",
		    (int)(colon - url), url, (int)(colon - url), url);
	at = memchr(url, '@', (size_t)(colon - url));
	if (at != NULL && (at == url || at[1] == '-' || at + 1 == colon))
		return ra_error_set(err, -EINVAL, "repository URL: there is no host in it");
	u->scheme = "ssh";
	return join(&u->bare, url, strlen(url), "", 0, err);
}

static int
check_text(const char *url, struct ra_error *err)
{
	if (*url == '\0' || *url == '-' || strlen(url) > URL_MAX)
		return ra_error_set(
		    err, -EINVAL, "repository URL: empty, too long, or it begins with '-'");
	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return ra_error_set(
			    err, -EINVAL, "repository URL: it holds a blank or control character");
	if (strstr(url, "::") != NULL && strchr(url, '[') == NULL && strstr(url, "://") == NULL)
		return ra_error_set(err, -EINVAL,
		    "repository URL: git's remote helpers (name::address) are not allowed");
	return 0;
}

int
ra_git_url_parse(
    const char *url, const char *protocols, struct ra_git_url *ret, struct ra_error *err)
{
	struct ra_git_url u = { 0 };
	const char *mark = strstr(url, "://");
	int r = check_text(url, err);

	if (r < 0)
		return r;
	/* "host:path/with://" is short. */
	if (mark != NULL && strcspn(url, ":/") == (size_t)(mark - url))
		r = parse_full(url, mark, &u, err);
	else
		r = parse_short(url, &u, err);
	if (r == 0 && !is_allowed(protocols, u.scheme))
		r = ra_error_set(err, -EINVAL,
		    "repository URL: %s is not one of the protocols allowed (%s)", u.scheme,
		    protocols);
	if (r < 0) {
		ra_git_url_clear(&u);
		return r;
	}
	*ret = u;
	return 0;
}

/* Where what git gets in argv begins, after a scheme and credentials that it does not. */
static const char *
after_credentials(const char *url)
{
	const char *mark = strstr(url, "://"), *at;

	if (mark == NULL || strncmp(url, "http", 4) != 0)
		return url;
	at = memrchr(mark + 3, '@', strcspn(mark + 3, "/?#"));
	return at != NULL ? at + 1 : mark + 3;
}

int
ra_git_url_check(const char *url, const char *shown, struct ra_error *err)
{
	struct ra_git_url u;
	int r;

	if (shown != url && strcmp(after_credentials(url), after_credentials(shown)) != 0)
		return ra_error_set(err, -EINVAL,
		    "repository URL: a secret may stand only before the host of http and https, as "
		    "in https://user:${file:...}@host/path; elsewhere it would be seen in the list "
		    "of processes");
	r = ra_git_url_parse(url, RA_GIT_PROTOCOLS, &u, err);
	if (r == 0)
		ra_git_url_clear(&u);
	return r;
}

bool
ra_git_path_fits(const char *path)
{
	const char *p = path;

	if (*path == '\0' || *path == '/' || *path == '-' || strlen(path) > RA_GIT_PATH_MAX ||
	    strpbrk(path, "\n\r") != NULL)
		return false;
	for (;;) {
		size_t len = strcspn(p, "/");

		if (len == 0 || (len == 1 && p[0] == '.') || (len == 2 && memcmp(p, "..", 2) == 0))
			return false;
		if (p[len] == '\0')
			return true;
		p += len + 1;
	}
}
