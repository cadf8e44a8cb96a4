/* SPDX-License-Identifier: Apache-2.0 */
/* Java's properties files, as java.util.Properties.load(Reader) says, in UTF-8. */
#include <string.h>

#include "keys.h"

static const struct ra_option options[] = { { 0 } };

/* One key and its value: a line, with those it is continued by. */
struct logical {
	struct ra_keys *k;
	const char *p;
	char *out; /* of k->work */
	enum ra_reason reason;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r';
}

static const char *
pass_newline(const char *p, const char *end)
{
	if (p < end && *p == '\r')
		return p + (end - p > 1 && p[1] == '\n' ? 2 : 1);
	return p + (p < end ? 1 : 0);
}

static const char *
pass_blank(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* Past backslashes before line ends, and the blanks that the next line begins with. */
static void
join(struct logical *l)
{
	const char *end = l->k->end;

	while (end - l->p >= 2 && l->p[0] == '\\' && is_newline(l->p[1]))
		l->p = pass_blank(pass_newline(l->p + 1, end), end);
}

static bool
at_end(struct logical *l)
{
	join(l);
	return l->p == l->k->end || is_newline(*l->p);
}

static void
pass_blanks(struct logical *l)
{
	while (!at_end(l) && is_blank(*l->p))
		l->p++;
}

static bool
take_hex(struct logical *l, uint32_t *ret)
{
	uint32_t n = 0;

	for (int i = 0; i < 4; i++) {
		char c;

		/* Lines are joined before escapes are read. */
		if (at_end(l))
			return false;
		c = *l->p;
		if (c >= '0' && c <= '9')
			n = n * 16 + (uint32_t)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			n = n * 16 + (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return false;
		l->p++;
	}
	*ret = n;
	return true;
}

/* Behind "\u". Halves of a pair come one after the other; alone they are no character. */
static bool
take_unicode(struct logical *l, uint32_t *ret)
{
	uint32_t low;

	if (!take_hex(l, ret) || *ret == 0 || (*ret >= 0xdc00 && *ret <= 0xdfff))
		return false;
	if (*ret < 0xd800 || *ret > 0xdbff)
		return true;
	join(l);
	if (l->k->end - l->p < 2 || l->p[0] != '\\' || l->p[1] != 'u')
		return false;
	l->p += 2;
	if (!take_hex(l, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Behind a backslash that does not join lines. */
static void
take_escape(struct logical *l)
{
	static const char from[] = "tnrf", to[] = "\t\n\r\f";
	const char *start = l->p - 1, *at;
	uint32_t c;

	/* At the very end it stands for nothing. */
	if (l->p == l->k->end)
		return;
	if (*l->p != 'u') {
		at = strchr(from, *l->p);
		*l->out++ = at != NULL ? to[at - from] : *l->p;
		l->p++;
		return;
	}
	l->p++;
	if (take_unicode(l, &c))
		l->out += ra_keys_put_char(l->out, c);
	else
		l->reason = ra_keys_refuse(l->k, RA_R_NOT_PROPERTIES, start,
		    "not \\uXXXX of a character (of a pair both halves, and not \\u0000)");
}

static void
take_char(struct logical *l)
{
	if (*l->p != '\\') {
		*l->out++ = *l->p++;
		return;
	}
	l->p++;
	take_escape(l);
}

/* Up to '=', ':' or a blank that no backslash is before; then past that. */
static size_t
take_name(struct logical *l)
{
	while (
	    l->reason == RA_R_OK && !at_end(l) && *l->p != '=' && *l->p != ':' && !is_blank(*l->p))
		take_char(l);
	return (size_t)(l->out - l->k->work);
}

static enum ra_reason
take_pair(struct ra_keys *k, const char *start, const char **ret_end)
{
	struct logical l = { .k = k, .p = start, .out = k->work, .reason = RA_R_OK };
	size_t name_len = take_name(&l);
	bool some = name_len > 0;

	pass_blanks(&l);
	if (!at_end(&l) && (*l.p == '=' || *l.p == ':')) {
		some = true;
		l.p++;
		pass_blanks(&l);
	}
	while (l.reason == RA_R_OK && !at_end(&l))
		take_char(&l);
	*ret_end = l.p;
	/* Nothing but backslashes that join empty lines is an empty line. */
	if (l.reason != RA_R_OK || !some)
		return l.reason;
	return ra_keys_add(k, k->work, name_len, k->work + name_len,
	    (size_t)(l.out - k->work) - name_len, start, 0);
}

/* A page of HTML, or XML: line for line it would pass for keys. */
static enum ra_reason
check_markup(struct ra_keys *k)
{
	const char *p = k->text;

	while (p < k->end && (is_blank(*p) || is_newline(*p)))
		p++;
	if (k->end - p < 2 || *p != '<' ||
	    (p[1] != '!' && p[1] != '?' && ((p[1] | 0x20) < 'a' || (p[1] | 0x20) > 'z')))
		return RA_R_OK;
	return ra_keys_refuse(
	    k, RA_R_NOT_PROPERTIES, p, "it begins as HTML or XML does, not as properties");
}

static enum ra_reason
take_all(struct ra_keys *k)
{
	enum ra_reason reason = ra_keys_check_text(k, RA_R_NOT_PROPERTIES);
	const char *p = k->text;

	if (reason == RA_R_OK)
		reason = check_markup(k);
	while (reason == RA_R_OK && p < k->end) {
		p = pass_blank(p, k->end);
		if (p < k->end && (*p == '#' || *p == '!')) {
			while (p < k->end && !is_newline(*p))
				p++;
		} else if (p < k->end && !is_newline(*p)) {
			reason = take_pair(k, p, &p);
		}
		p = pass_newline(p, k->end);
	}
	return reason;
}

static enum ra_reason
properties_read(const struct ra_format_call *call, struct ra_data *ret, struct ra_error *err)
{
	struct ra_keys k;
	enum ra_reason reason = ra_keys_begin(&k, call, err);

	return ra_keys_end(&k, reason == RA_R_OK ? take_all(&k) : reason, ret);
}

const struct ra_format ra_format_properties = {
	.type = {
		.name = "properties",
		.help = "Java properties files, in UTF-8",
		.options = options,
	},
	.serves = RA_SHAPE_KEYS,
	.read = properties_read,
};
