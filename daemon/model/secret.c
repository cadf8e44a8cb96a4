/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/secret.h"

#include <string.h>

#define SEALED_MIN 684 /* base64 of the 512 bytes a session key is encrypted to */

enum tail {
	ALNUM, /* letters and digits */
	UPPER, /* capitals and digits */
	HEX, /* small hexadecimal digits */
	BASE64, /* letters, digits, - _ + / = */
};

/* What tokens begin with, and the least that follows. */
static const struct {
	const char *prefix;
	size_t least;
	enum tail tail;
} tokens[] = {
	{ "AKIA", 16, UPPER },
	{ "ASIA", 16, UPPER },
	{ "ghp_", 30, ALNUM },
	{ "gho_", 30, ALNUM },
	{ "ghu_", 30, ALNUM },
	{ "ghs_", 30, ALNUM },
	{ "ghr_", 30, ALNUM },
	{ "github_pat_", 22, BASE64 },
	{ "glpat-", 20, BASE64 },
	{ "gldt-", 20, BASE64 },
	{ "glrt-", 20, BASE64 },
	{ "glptt-", 20, BASE64 },
	{ "glcbt-", 20, BASE64 },
	{ "xoxa-", 10, BASE64 },
	{ "xoxb-", 10, BASE64 },
	{ "xoxe-", 10, BASE64 },
	{ "xoxe.", 10, BASE64 },
	{ "xoxo-", 10, BASE64 },
	{ "xoxp-", 10, BASE64 },
	{ "xoxr-", 10, BASE64 },
	{ "xoxs-", 10, BASE64 },
	{ "xapp-", 10, BASE64 },
	{ "hooks.slack.com/services/", 8, BASE64 },
	{ "hooks.slack.com/workflows/", 8, BASE64 },
	{ "discord.com/api/webhooks/", 8, BASE64 },
	{ "sk_live_", 16, ALNUM },
	{ "sk_test_", 16, ALNUM },
	{ "rk_live_", 16, ALNUM },
	{ "rk_test_", 16, ALNUM },
	{ "whsec_", 16, BASE64 },
	{ "sk-", 20, BASE64 },
	{ "AIza", 35, BASE64 },
	{ "ya29.", 20, BASE64 },
	{ "GOCSPX-", 20, BASE64 },
	{ "SG.", 20, BASE64 },
	{ "npm_", 30, ALNUM },
	{ "pypi-", 20, BASE64 },
	{ "rubygems_", 32, HEX },
	{ "dckr_pat_", 20, BASE64 },
	{ "dop_v1_", 32, HEX },
	{ "hvs.", 20, BASE64 },
	{ "hvb.", 20, BASE64 },
	{ "hf_", 30, ALNUM },
	{ "shpat_", 32, ALNUM },
	{ "shpss_", 32, ALNUM },
	{ "dapi", 32, HEX },
	{ "lin_api_", 30, ALNUM },
	{ "glsa_", 30, BASE64 },
	{ "glc_", 30, BASE64 },
	{ "AGE-SECRET-KEY-1", 20, UPPER },
	{ "Bearer ", 8, BASE64 },
	{ "Basic ", 8, BASE64 },
};

/* Of connection strings and queries: what comes after one of these is a credential. */
static const char *const parameters[] = { "password=", "passwd=", "passphrase=", "pwd=", "secret=",
	"token=", "apikey=", "api_key=", "api-key=", "accesskey=", "access_key=", "accountkey=",
	"sharedaccesskey=", "secretaccesskey=", "signature=", "&sig=", "?sig=", "credential=" };

static const char *const names[] = { "pass", "pwd", "secret", "token", "key", "credential", "dsn",
	"private" };

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Whether the text at p begins with a word that is in small letters. */
static bool
begins(const char *p, size_t len, const char *word)
{
	size_t i = 0;

	while (word[i] != '\0' && i < len && lower(p[i]) == word[i])
		i++;
	return word[i] == '\0';
}

bool
ra_secret_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = lower(name[i]);

		if (c != 'p' && c != 's' && c != 't' && c != 'k' && c != 'c' && c != 'd')
			continue;
		for (size_t n = 0; n < RA_ARRAY_SIZE(names); n++) {
			if (names[n][0] == c && begins(name + i, len - i, names[n]))
				return true;
		}
	}
	return false;
}

/* --- values --- */

static bool
in_tail(char c, enum tail tail)
{
	switch (tail) {
	case ALNUM:
		return is_alnum(c);
	case UPPER:
		return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
	case HEX:
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
	case BASE64:
		break;
	}
	return is_alnum(c) || (c != '\0' && strchr("-_+/=.", c) != NULL);
}

static bool
is_token(const char *p, size_t len)
{
	for (size_t t = 0; t < RA_ARRAY_SIZE(tokens); t++) {
		size_t prefix = strlen(tokens[t].prefix), n = 0;

		if (p[0] != tokens[t].prefix[0] || len < prefix + tokens[t].least ||
		    memcmp(p, tokens[t].prefix, prefix) != 0)
			continue;
		while (n < tokens[t].least && in_tail(p[prefix + n], tokens[t].tail))
			n++;
		if (n == tokens[t].least)
			return true;
	}
	return false;
}

/* Three parts of base64 between dots, the first two of them JSON objects: eyJ is '{"'. */
static bool
is_jwt(const char *p, size_t len)
{
	const char *dot;

	if (len < 16 || memcmp(p, "eyJ", 3) != 0)
		return false;
	dot = memchr(p, '.', len);
	return dot != NULL && (size_t)(p + len - dot) > 4 && memcmp(dot + 1, "eyJ", 3) == 0;
}

/* One of what the table begins with, or a JWT. */
static bool
is_first(char c)
{
	switch (c) {
	case 'A':
	case 'B':
	case 'G':
	case 'S':
	case 'd':
	case 'e':
	case 'g':
	case 'h':
	case 'l':
	case 'n':
	case 'p':
	case 'r':
	case 's':
	case 'w':
	case 'x':
	case 'y':
		return true;
	default:
		return false;
	}
}

static bool
has_token(const char *value, size_t len)
{
	for (size_t i = 0; i + 8 < len; i++) {
		if (!is_first(value[i]) || (i > 0 && is_alnum(value[i - 1])))
			continue;
		if (is_token(value + i, len - i) || is_jwt(value + i, len - i))
			return true;
	}
	return false;
}

/*
 * Credentials between "://" and '@'. A slash may stand in a password that nobody escaped; in a path
 * an '@' is harmless, unless what looks like host and port has a port that is none.
 */
static bool
has_userinfo(const char *p, const char *end)
{
	bool path = false, colon = false, number = true;

	for (; p < end && (uint8_t)*p > ' ' && *p != '"' && *p != '\''; p++) {
		if (*p == '@')
			return !path || (colon && !number);
		if (*p == '/' || *p == '?' || *p == '#')
			path = true;
		else if (!path && *p == ':')
			colon = true;
		else if (!path && colon && *p != ']')
			number = number && *p >= '0' && *p <= '9';
	}
	return false;
}

static bool
has_credentials(const char *value, size_t len)
{
	const char *end = value + len;

	for (const char *p = value; (p = memchr(p, ':', (size_t)(end - p))) != NULL; p++) {
		if (end - p > 3 && p[1] == '/' && p[2] == '/' && has_userinfo(p + 3, end))
			return true;
	}
	/* As drivers for Go write it: user:password@tcp(host:port)/database. */
	for (const char *p = value; (p = memchr(p, '@', (size_t)(end - p))) != NULL; p++) {
		if (begins(p, (size_t)(end - p), "@tcp(") || begins(p, (size_t)(end - p), "@unix("))
			return true;
	}
	return false;
}

static bool
has_parameter(const char *value, size_t len)
{
	const char *end = value + len;

	for (const char *p = value; (p = memchr(p, '=', (size_t)(end - p))) != NULL; p++) {
		for (size_t i = 0; i < RA_ARRAY_SIZE(parameters); i++) {
			size_t n = strlen(parameters[i]);

			if ((size_t)(p + 1 - value) >= n && p + 1 < end &&
			    begins(p + 1 - n, n, parameters[i]))
				return true;
		}
	}
	return false;
}

bool
ra_secret_value(const char *value, size_t len)
{
	/* Nothing that counts is shorter than "a://b@". */
	if (len < 6)
		return false;
	return has_credentials(value, len) || has_parameter(value, len) || has_token(value, len) ||
	       memmem(value, len, "-----BEGIN ", 11) != NULL;
}

/* --- values that say nothing --- */

static bool
starts(const char *value, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(value, with, n) == 0;
}

/* The length of an RSA block of 512 bytes, then base64 to the end. */
static bool
is_sealed(const char *value, size_t len)
{
	if (len < SEALED_MIN || !starts(value, len, "Ag") || value[2] < 'A' || value[2] > 'D')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alnum(value[i]) && value[i] != '+' && value[i] != '/' && value[i] != '=')
			return false;
	}
	return true;
}

static bool
is_template(const char *value, size_t len)
{
	const char *end = value + len;
	const char *p = memmem(value, len, "${", 2);

	if (p != NULL && memchr(p + 2, '}', (size_t)(end - p - 2)) != NULL)
		return true;
	p = memmem(value, len, "{{", 2);
	return p != NULL && memmem(p + 2, (size_t)(end - p - 2), "}}", 2) != NULL;
}

enum ra_opaque
ra_opaque_value(const char *value, size_t len)
{
	if ((starts(value, len, "ENC[") && value[len - 1] == ']') ||
	    starts(value, len, "$ANSIBLE_VAULT;") || starts(value, len, "age-encryption.org/") ||
	    starts(value, len, "-----BEGIN AGE ENCRYPTED FILE-----") ||
	    starts(value, len, "-----BEGIN PGP MESSAGE-----") || is_sealed(value, len))
		return RA_OPAQUE_ENCRYPTED;
	return is_template(value, len) ? RA_OPAQUE_TEMPLATE : RA_OPAQUE_NOT;
}
