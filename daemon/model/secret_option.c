/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets among a program's options, and keys that come without a name. */
#include <string.h>

#include "secret_private.h"

/* What an option's name ends with whose value is one. */
static const char *const names[] = { "password", "passwd", "passphrase", "-pass", "storepass",
	"keypass", "pwd", "pw", "secret", "token", "apikey", "api-key", "api_key", "accesskey",
	"access-key", "access_key", "secretkey", "secret-key", "secret_key", "credential" };

/* --- options --- */

/* Between words; in lists of words there are quotes and commas. */
static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '"' || c == '\'' || c == ',';
}

static size_t
word_length(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && !is_blank(p[n]))
		n++;
	return n;
}

static const char *
next_word(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static bool
is_name(const char *word, size_t len)
{
	for (size_t i = 0; i < RA_ARRAY_SIZE(names) && !ra_begins(word, len, "--no-"); i++) {
		size_t n = strlen(names[i]);

		if (len >= n && ra_begins(word + len - n, n, names[i]))
			return true;
	}
	return false;
}

/* curl's user:password; not a container's user and group, 1000:1000 or www-data:www-data. */
static bool
is_login(const char *p, size_t len)
{
	const char *colon = memchr(p, ':', len), *end = p + len, *rest;

	if (colon == NULL || colon == p || colon + 1 == end || colon[1] == '/')
		return false;
	rest = colon + 1;
	if (end - rest == colon - p && memcmp(p, rest, (size_t)(colon - p)) == 0)
		return false;
	while (rest < end && *rest >= '0' && *rest <= '9')
		rest++;
	return rest < end;
}

/* MySQL's -pPASSWORD; to others -p is a port, a path or a project. */
static bool
is_mysql(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (ra_begins(p, (size_t)(end - p), "mysql") ||
		    ra_begins(p, (size_t)(end - p), "mariadb"))
			return true;
	}
	return false;
}

bool
ra_is_secret_option(const char *word, size_t len, const char *next, size_t next_len)
{
	if (len < 2 || *word != '-' || next_len == 0 || *next == '-')
		return false;
	/* Others may stand before it: -su. */
	if ((len <= 5 && word[len - 1] == 'u') || (len == 6 && memcmp(word, "--user", len) == 0))
		return is_login(next, next_len);
	return is_name(word, len);
}

/* An option with what is its value, or the next word is. */
static bool
is_option(const char *p, size_t n, const char *end)
{
	const char *next = next_word(p + n, end);

	if (n > 2 && p[1] == 'u')
		return is_login(p + 2, n - 2);
	return ra_is_secret_option(p, n, next, word_length(next, end));
}

/* -pPASSWORD is MySQL's where that is named, or has -uNAME in front of it. */
bool
ra_has_secret_option(const char *value, size_t len)
{
	const char *end = value + len;
	bool user = false, password = false;

	for (const char *p = next_word(value, end); p < end;) {
		size_t n = word_length(p, end);
		bool option = n > 1 && *p == '-', joined = option && n > 2;

		if (option && is_option(p, n, end))
			return true;
		if (joined && p[1] == 'p') {
			if (user && (p[2] < '0' || p[2] > '9'))
				return true;
			password = true;
		}
		user = joined && p[1] == 'u';
		p = next_word(p + n, end);
	}
	return password && is_mysql(value, end);
}

/* --- keys --- */

static bool
is_base64(char c)
{
	return ra_is_alnum(c) || c == '/' || c == '+';
}

/* All sorts are mixed; a commit's name has no capitals, a path more slashes. */
static bool
is_access_key(const char *p)
{
	size_t upper = 0, small = 0, digits = 0, slashes = 0, hex = 0;

	for (size_t i = 0; i < RA_ACCESS_KEY; i++) {
		upper += p[i] >= 'A' && p[i] <= 'Z';
		small += p[i] >= 'a' && p[i] <= 'z';
		digits += p[i] >= '0' && p[i] <= '9';
		slashes += p[i] == '/';
		hex += memchr("0123456789abcdefABCDEF", p[i], 22) != NULL;
	}
	return hex < RA_ACCESS_KEY && upper >= 4 && small >= 4 && digits >= 1 && slashes <= 3;
}

/* A part of a longer word, of a name with dashes or dots, or of padded base64 is none. */
bool
ra_has_access_key(const char *value, size_t len)
{
	for (size_t i = 0, n; i < len; i += n + 1) {
		for (n = 0; i + n < len && is_base64(value[i + n]); n++)
			;
		if (n == RA_ACCESS_KEY && (i == 0 || memchr("-_.", value[i - 1], 3) == NULL) &&
		    (i + n == len || memchr("-_.=", value[i + n], 4) == NULL) &&
		    is_access_key(value + i))
			return true;
	}
	return false;
}
