/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/secret.h"

#include <string.h>

#include "relaudit/base/escape.h"
#include "relaudit/model/data.h"

#include "secret_private.h"

#define SEALED_MIN 684 /* base64 of the 512 bytes a session key is encrypted to */

enum tail {
	ALNUM, /* letters and digits */
	UPPER, /* capitals and digits */
	HEX, /* small hexadecimal digits */
	BASE64, /* letters, digits, - _ + / = */
};

#define MEMBER_MAX 64 /* of a name in a value */
#define TOKEN_MIN  14 /* of what follows, the shortest */

#define TOKEN(prefix, least, tail) \
	{ \
		prefix, sizeof(prefix) - 1, least, tail \
	}

/* What tokens begin with, and the least that follows. */
static const struct {
	char prefix[29];
	uint8_t length;
	uint8_t least;
	uint8_t tail;
} tokens[] = {
	TOKEN("AKIA", 16, UPPER),
	TOKEN("ASIA", 16, UPPER),
	TOKEN("ghp_", 30, ALNUM),
	TOKEN("gho_", 30, ALNUM),
	TOKEN("ghu_", 30, ALNUM),
	TOKEN("ghs_", 30, ALNUM),
	TOKEN("ghr_", 30, ALNUM),
	TOKEN("github_pat_", 22, BASE64),
	TOKEN("glpat-", 20, BASE64),
	TOKEN("gldt-", 20, BASE64),
	TOKEN("glrt-", 20, BASE64),
	TOKEN("glptt-", 20, BASE64),
	TOKEN("glcbt-", 20, BASE64),
	TOKEN("xoxa-", 10, BASE64),
	TOKEN("xoxb-", 10, BASE64),
	TOKEN("xoxe-", 10, BASE64),
	TOKEN("xoxe.", 10, BASE64),
	TOKEN("xoxo-", 10, BASE64),
	TOKEN("xoxp-", 10, BASE64),
	TOKEN("xoxr-", 10, BASE64),
	TOKEN("xoxs-", 10, BASE64),
	TOKEN("xapp-", 10, BASE64),
	TOKEN("hooks.slack.com/services/", 8, BASE64),
	TOKEN("hooks.slack.com/workflows/", 8, BASE64),
	TOKEN("discord.com/api/webhooks/", 8, BASE64),
	TOKEN("sk_live_", 16, ALNUM),
	TOKEN("sk_test_", 16, ALNUM),
	TOKEN("rk_live_", 16, ALNUM),
	TOKEN("rk_test_", 16, ALNUM),
	TOKEN("whsec_", 16, BASE64),
	TOKEN("sk-", 20, BASE64),
	TOKEN("AIza", 35, BASE64),
	TOKEN("ya29.", 20, BASE64),
	TOKEN("GOCSPX-", 20, BASE64),
	TOKEN("SG.", 20, BASE64),
	TOKEN("npm_", 30, ALNUM),
	TOKEN("pypi-", 20, BASE64),
	TOKEN("rubygems_", 32, HEX),
	TOKEN("dckr_pat_", 20, BASE64),
	TOKEN("dop_v1_", 32, HEX),
	TOKEN("hvs.", 20, BASE64),
	TOKEN("hvb.", 20, BASE64),
	TOKEN("hf_", 30, ALNUM),
	TOKEN("shpat_", 32, ALNUM),
	TOKEN("shpss_", 32, ALNUM),
	TOKEN("dapi", 32, HEX),
	TOKEN("lin_api_", 30, ALNUM),
	TOKEN("glsa_", 30, BASE64),
	TOKEN("glc_", 30, BASE64),
	TOKEN("AGE-SECRET-KEY-1", 20, UPPER),
	TOKEN("gAAAA", 60, BASE64), /* Fernet */
	TOKEN("Bearer ", 8, BASE64),
	TOKEN("Basic ", 8, BASE64),
	TOKEN("{SHA}", 24, BASE64), /* of htpasswd, of directories */
	TOKEN("{SSHA}", 28, BASE64),
};

/* Of connection strings and queries: what comes after one of these is a credential. */
static const char *const parameters[] = { "password=", "passwd=", "passphrase=", "pwd=", "secret=",
	"token=", "apikey=", "api_key=", "api-key=", "accesskey=", "access_key=", "accountkey=",
	"sharedaccesskey=", "secretaccesskey=", "secretkey=", "secret_key=", "secret-key=",
	"signature=", "&sig=", "?sig=", "credential=" };

static bool
is_letter(char c)
{
	return ra_is_alnum(c) && c > '9';
}

/* Whether the name ends with a word, as user_pin and userPin do. */
static bool
ends(const char *name, size_t len, const char *word)
{
	size_t n = strlen(word);
	const char *p;

	if (len < n || !ra_begins(name + len - n, n, word))
		return false;
	p = name + len - n;
	return len == n || !is_letter(p[-1]) || (p[-1] >= 'a' && p[0] <= 'Z');
}

/*
 * Of words that are harmless where more follows (COOKIE_DOMAIN, PIN_COUNT, SALT_ROUNDS). A number
 * may: /cookies/0. *PW is of all that ends so (BINDPW).
 */
static bool
has_last_word(const char *name, size_t len)
{
	while (len > 0 && !is_letter(name[len - 1]))
		len--;
	if (len >= 2 && ra_begins(name + len - 2, 2, "pw"))
		return true;
	if (len > 0 && ra_lower(name[len - 1]) == 's')
		len--;
	return ends(name, len, "pin") || ends(name, len, "salt") || ends(name, len, "cookie");
}

static bool
is_border(char c)
{
	return c == '_' || c == '-' || c == '.' || c == '/';
}

/* Whether the word stands at p, and nothing is joined to it: OTP_SEED, not SEEDLINGS. */
static bool
is_whole(const char *name, size_t len, const char *p, const char *word)
{
	const char *rest = p + strlen(word), *end = name + len;

	return ra_begins(p, (size_t)(end - p), word) && (p == name || is_border(p[-1])) &&
	       (rest == end || is_border(*rest));
}

bool
ra_secret_name(const char *name, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++) {
		const char *p = name + i;
		size_t left = len - i;
		bool found = false;

		switch (ra_lower(*p)) {
		case 'p':
			found = ra_begins(p, left, "pass") || ra_begins(p, left, "pwd") ||
				ra_begins(p, left, "private");
			break;
		case 's':
			found = ra_begins(p, left, "secret") || is_whole(name, len, p, "seed") ||
				is_whole(name, len, p, "signing");
			break;
		case 'm':
			found = ra_begins(p, left, "mnemonic");
			break;
		case 't':
			found = ra_begins(p, left, "token");
			break;
		case 'k':
			found = ra_begins(p, left, "key");
			break;
		case 'c':
			found = ra_begins(p, left, "credential");
			break;
		case 'd':
			found = ra_begins(p, left, "dsn");
			break;
		default:
			break;
		}
		if (found)
			return true;
	}
	return has_last_word(name, len);
}

/* As memmem(), which takes longer over short values. */
static const char *
find(const char *p, const char *end, const char *what, size_t len)
{
	while ((p = memchr(p, what[0], (size_t)(end - p))) != NULL) {
		if ((size_t)(end - p) < len)
			return NULL;
		if (memcmp(p, what, len) == 0)
			return p;
		p++;
	}
	return NULL;
}

/* --- values --- */

static bool
in_tail(char c, enum tail tail)
{
	switch (tail) {
	case ALNUM:
		return ra_is_alnum(c);
	case UPPER:
		return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
	case HEX:
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
	case BASE64:
		break;
	}
	return ra_is_alnum(c) || (c != '\0' && strchr("-_+/=.", c) != NULL);
}

static bool
is_token(const char *p, size_t len)
{
	for (size_t t = 0; t < RA_ARRAY_SIZE(tokens); t++) {
		size_t prefix = tokens[t].length, n = 0;

		if (p[0] != tokens[t].prefix[0] || len < prefix + tokens[t].least ||
		    memcmp(p, tokens[t].prefix, prefix) != 0)
			continue;
		while (n < tokens[t].least && in_tail(p[prefix + n], (enum tail)tokens[t].tail))
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

#define HASH_MIN 20 /* of what a password became, the shortest */

static bool
is_hash(char c)
{
	return ra_is_alnum(c) || c == '.' || c == '/' || c == '+' || c == '=';
}

/* As crypt() and its kin write passwords: $2y$10$..., $apr1$salt$..., $argon2id$v=19$...$... */
static bool
is_crypt(const char *p, size_t len)
{
	size_t parts = 0, n = 0;

	for (size_t i = 0; i < len && (p[i] == '$' || p[i] == ',' || p[i] == '-' || is_hash(p[i]));
	     i++) {
		parts += p[i] == '$';
		n = p[i] == '$' ? 0 : n + 1;
		if (parts == 1 && p[i] >= 'A' && p[i] <= 'Z')
			return false;
		if (parts > 2 && n >= HASH_MIN)
			return true;
	}
	return false;
}

enum class {
	WORD = 1 << 0, /* letters and digits */
	FIRST = 1 << 1, /* one of what the table begins with, a JWT or a hash */
	AT = 1 << 2,
	EQUALS = 1 << 3,
	DASH = 1 << 4,
	DASHES = DASH << 1, /* two of them in a row */
	COLON = 1 << 6,
};

/* What a character may be a part of, so that most values are looked at once. */
static const uint8_t classes[256] = {
	['0' ... '9'] = WORD,
	['A' ... 'B'] = WORD | FIRST,
	['C' ... 'F'] = WORD,
	['G'] = WORD | FIRST,
	['H' ... 'R'] = WORD,
	['S'] = WORD | FIRST,
	['T' ... 'Z'] = WORD,
	['a' ... 'c'] = WORD,
	['d' ... 'e'] = WORD | FIRST,
	['f'] = WORD,
	['g' ... 'h'] = WORD | FIRST,
	['i' ... 'k'] = WORD,
	['l'] = WORD | FIRST,
	['m'] = WORD,
	['n'] = WORD | FIRST,
	['o'] = WORD,
	['p'] = WORD | FIRST,
	['q'] = WORD,
	['r' ... 's'] = WORD | FIRST,
	['t' ... 'v'] = WORD,
	['w' ... 'y'] = WORD | FIRST,
	['z'] = WORD,
	['$'] = FIRST,
	['{'] = FIRST,
	['@'] = AT,
	['='] = EQUALS,
	['-'] = DASH,
	[':'] = COLON,
};

/* Whether a word is a token. *ret_classes is of all of the value if none is. */
static bool
has_token(const char *value, size_t len, unsigned *ret_classes)
{
	unsigned all = 0, before = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned is = classes[(uint8_t)value[i]];

		if ((is & FIRST) != 0 && (before & WORD) == 0 && i + TOKEN_MIN <= len &&
		    (is_token(value + i, len - i) || is_jwt(value + i, len - i) ||
			is_crypt(value + i, len - i)))
			return true;
		all |= is | (is & before & DASH) << 1;
		before = is;
	}
	*ret_classes = all;
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

/* jdbc:oracle:thin:user/password@host; both are empty where a wallet has them. */
static bool
is_oracle(const char *p, const char *end)
{
	static const char *const drivers[] = { ":oracle:thin:", ":oracle:oci:" };
	const char *user = NULL, *slash, *at;

	for (size_t i = 0; i < RA_ARRAY_SIZE(drivers); i++) {
		if (ra_begins(p, (size_t)(end - p), drivers[i]))
			user = p + strlen(drivers[i]);
	}
	if (user == NULL)
		return false;
	at = memchr(user, '@', (size_t)(end - user));
	slash = memchr(user, '/', (size_t)(end - user));
	return at != NULL && slash != NULL && slash > user && slash + 1 < at;
}

static bool
has_credentials(const char *value, size_t len)
{
	const char *end = value + len;

	for (const char *p = value; (p = memchr(p, ':', (size_t)(end - p))) != NULL; p++) {
		if ((end - p > 3 && p[1] == '/' && p[2] == '/' && has_userinfo(p + 3, end)) ||
		    is_oracle(p, end))
			return true;
	}
	/* As drivers for Go write it: user:password@tcp(host:port)/database. */
	for (const char *p = value; (p = memchr(p, '@', (size_t)(end - p))) != NULL; p++) {
		if (ra_begins(p, (size_t)(end - p), "@tcp(") ||
		    ra_begins(p, (size_t)(end - p), "@unix("))
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
			    ra_begins(p + 1 - n, n, parameters[i]))
				return true;
		}
	}
	return false;
}

/* JSON or YAML in a value, or a file in another format than it is read by: "password": x. */
static bool
has_member(const char *value, size_t len)
{
	const char *end = value + len;

	for (const char *p = value; (p = memchr(p, ':', (size_t)(end - p))) != NULL; p++) {
		bool quoted = p > value && (p[-1] == '"' || p[-1] == '\'');
		const char *last = quoted ? p - 1 : p, *name;

		if (p + 1 == end || (!quoted && p[1] != ' '))
			continue;
		if (quoted && last > value && last[-1] == '\\')
			last--;
		for (name = last; name > value && last - name < MEMBER_MAX; name--) {
			if (!ra_is_alnum(name[-1]) && strchr("_-.", name[-1]) == NULL)
				break;
		}
		if (ra_secret_name(name, (size_t)(last - name)))
			return true;
	}
	return false;
}

bool
ra_secret_value(const char *value, size_t len)
{
	unsigned has = 0;

	/* Nothing that counts is shorter than "a://b@". */
	if (len < 6)
		return false;
	return has_token(value, len, &has) || ((has & AT) != 0 && has_credentials(value, len)) ||
	       ((has & EQUALS) != 0 && has_parameter(value, len)) ||
	       ((has & COLON) != 0 && has_member(value, len)) ||
	       ((has & DASH) != 0 && ra_has_secret_option(value, len)) ||
	       (len >= RA_ACCESS_KEY && ra_has_access_key(value, len)) ||
	       ((has & DASHES) != 0 && find(value, value + len, "-----BEGIN ", 11) != NULL);
}

bool
ra_secret_key(const char *key, size_t len)
{
	const char *end = key + len;

	if (len == 0 || key[0] != '/')
		return ra_secret_value(key, len);
	for (const char *part = key + 1, *next; part < end; part = next + 1) {
		char text[RA_KEY_NAME_MAX];
		size_t n;

		next = memchr(part, '/', (size_t)(end - part));
		next = next != NULL ? next : end;
		n = (size_t)(next - part);
		if (n > sizeof(text))
			return true;
		if (memchr(part, '~', n) == NULL
			? ra_secret_value(part, n)
			: ra_secret_value(text, ra_pointer_unescape(part, n, text)))
			return true;
	}
	return false;
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
		if (!ra_is_alnum(value[i]) && value[i] != '+' && value[i] != '/' && value[i] != '=')
			return false;
	}
	return true;
}

/* Whether all of it stands between the two, and is not empty. */
static bool
is_between(const char *value, size_t len, const char *before, const char *after)
{
	size_t n = strlen(after);

	return len > strlen(before) + n && starts(value, len, before) &&
	       memcmp(value + len - n, after, n) == 0;
}

static bool
is_name(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!ra_is_alnum(p[i]) && p[i] != '_')
			return false;
	}
	return len > 0 && (is_letter(p[0]) || p[0] == '_');
}

/* $NAME, $(...), <% ... %>, %(X)s, @X@, __X__: as values, not within others. */
static bool
is_whole_template(const char *value, size_t len)
{
	if (is_between(value, len, "@", "@"))
		return is_name(value + 1, len - 2);
	if (is_between(value, len, "__", "__"))
		return is_name(value + 2, len - 4);
	if (is_between(value, len, "$(", ")") || is_between(value, len, "<%", "%>") ||
	    is_between(value, len, "%(", ")s"))
		return true;
	return starts(value, len, "$") && is_name(value + 1, len - 1);
}

/* It says where the value is to be had: op://..., ref+vault://..., vault:secret/data/x#y. */
static bool
is_reference(const char *value, size_t len)
{
	if (starts(value, len, "op://"))
		return true;
	if (starts(value, len, "ref+"))
		return find(value, value + len, "://", 3) != NULL;
	/* No host and port. */
	return len > 6 && starts(value, len, "vault:") && is_letter(value[6]) &&
	       (memchr(value, '/', len) != NULL || memchr(value, '#', len) != NULL);
}

static bool
is_template(const char *value, size_t len)
{
	const char *end = value + len;
	const char *p = find(value, end, "${", 2);

	if (p != NULL && memchr(p + 2, '}', (size_t)(end - p - 2)) != NULL)
		return true;
	p = find(value, end, "{{", 2);
	if (p != NULL && find(p + 2, end, "}}", 2) != NULL)
		return true;
	return is_whole_template(value, len);
}

/* sops, jasypt, Spring Cloud, Ansible, Vault's transit, age, PGP, sealed secrets */
static bool
is_encrypted(const char *value, size_t len)
{
	static const char *const begins[] = { "$ANSIBLE_VAULT;", "{cipher}",
		"vault:v1:", "age-encryption.org/", "-----BEGIN AGE ENCRYPTED FILE-----",
		"-----BEGIN PGP MESSAGE-----" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(begins); i++) {
		if (starts(value, len, begins[i]))
			return true;
	}
	return is_between(value, len, "ENC[", "]") || is_between(value, len, "ENC(", ")") ||
	       is_sealed(value, len);
}

enum ra_opaque
ra_opaque_value(const char *value, size_t len)
{
	if (is_encrypted(value, len) || is_reference(value, len))
		return RA_OPAQUE_ENCRYPTED;
	return is_template(value, len) ? RA_OPAQUE_TEMPLATE : RA_OPAQUE_NOT;
}
