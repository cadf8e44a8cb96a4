/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as configuration. Not by jansson, which keeps neither the line of a value nor the digits of
 * a number as they were written (1.10 would be 1.1), and quotes what it does not understand, which
 * may be a secret, in its errors.
 */
#include "json_keys.h"

#include <string.h>

#include "excerpt.h"
#include "flatten.h"

struct scan {
	const char *p, *end;
	struct ra_keys *k;
	struct ra_flatten f;
};

static enum ra_reason
refuse(struct scan *s, const char *what)
{
	return ra_keys_refuse(s->k, RA_R_NOT_JSON, s->p, "%s", what);
}

static void
pass_blank(struct scan *s)
{
	s->p += ra_excerpt_blank(s->p, (size_t)(s->end - s->p));
}

static bool
take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* --- strings --- */

static bool
take_hex(struct scan *s, uint32_t *ret)
{
	uint32_t n = 0;

	if (s->end - s->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *s->p;

		if (c >= '0' && c <= '9')
			n = n * 16 + (uint32_t)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			n = n * 16 + (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return false;
		s->p++;
	}
	*ret = n;
	return true;
}

/* Behind "\u". Two halves of a pair are one character; one half alone is none. */
static bool
take_unicode(struct scan *s, uint32_t *ret)
{
	uint32_t low;

	if (!take_hex(s, ret) || (*ret >= 0xdc00 && *ret <= 0xdfff))
		return false;
	if (*ret < 0xd800 || *ret > 0xdbff)
		return true;
	if (!take(s, '\\') || !take(s, 'u') || !take_hex(s, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static bool
take_escape(struct scan *s, char *out, size_t *len)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	uint32_t c;

	if (s->p == s->end)
		return false;
	at = strchr(from, *s->p); /* never NUL: the text was looked through */
	if (at != NULL) {
		s->p++;
		out[(*len)++] = to[at - from];
		return true;
	}
	if (!take(s, 'u') || !take_unicode(s, &c))
		return false;
	*len += ra_keys_put_char(out + *len, c);
	return true;
}

/* Behind the quote; the text is where *ret_text points, at most until the next one is taken. */
static enum ra_reason
take_string(struct scan *s, const char **ret_text, size_t *ret_len)
{
	const char *start = s->p;
	char *out = s->k->work;
	size_t len = 0;

	while (s->p < s->end && *s->p != '"' && *s->p != '\\' && (uint8_t)*s->p >= ' ')
		s->p++;
	*ret_text = start;
	*ret_len = (size_t)(s->p - start);
	if (take(s, '"'))
		return RA_R_OK;
	len = *ret_len;
	memcpy(out, start, len);
	while (s->p < s->end && *s->p != '"') {
		if ((uint8_t)*s->p < ' ')
			return refuse(s, "a control character in a text");
		if (!take(s, '\\'))
			out[len++] = *s->p++;
		else if (!take_escape(s, out, &len))
			return refuse(s, "not an escape that JSON has");
	}
	if (!take(s, '"'))
		return refuse(s, "a text that does not end");
	*ret_text = out;
	*ret_len = len;
	return RA_R_OK;
}

/* --- values --- */

static size_t
digits(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - start);
}

static enum ra_reason
take_number(struct scan *s)
{
	const char *start = s->p;

	take(s, '-');
	if (!take(s, '0') && digits(s) == 0)
		return refuse(s, "not a value");
	if (take(s, '.') && digits(s) == 0)
		return refuse(s, "a number without digits behind the point");
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		if (digits(s) == 0)
			return refuse(s, "a number without digits in its exponent");
	}
	return ra_flatten_scalar(
	    &s->f, start, (size_t)(s->p - start), ra_keys_line(s->k, start), 0);
}

static enum ra_reason
take_word(struct scan *s, const char *word, unsigned flags)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return refuse(s, "not a value");
	s->p += len;
	return ra_flatten_scalar(
	    &s->f, word, flags == RA_KEY_NULL ? 0 : len, ra_keys_line(s->k, s->p), flags);
}

static enum ra_reason take_value(struct scan *s);

static enum ra_reason
take_member(struct scan *s)
{
	const char *name;
	size_t len;
	enum ra_reason reason;

	pass_blank(s);
	if (!take(s, '"'))
		return refuse(s, "a name in quotes was expected");
	reason = take_string(s, &name, &len);
	if (reason == RA_R_OK)
		reason = ra_flatten_name(&s->f, name, len, ra_keys_line(s->k, s->p));
	if (reason != RA_R_OK)
		return reason;
	pass_blank(s);
	return take(s, ':') ? take_value(s) : refuse(s, "':' was expected");
}

static enum ra_reason
take_container(struct scan *s, bool list)
{
	char close = list ? ']' : '}';
	enum ra_reason reason = ra_flatten_open(&s->f, list, ra_keys_line(s->k, s->p));

	s->p++;
	pass_blank(s);
	if (reason == RA_R_OK && take(s, close))
		return ra_flatten_close(&s->f);
	while (reason == RA_R_OK) {
		reason = list ? take_value(s) : take_member(s);
		pass_blank(s);
		if (reason != RA_R_OK)
			break;
		if (take(s, close))
			return ra_flatten_close(&s->f);
		if (!take(s, ','))
			reason =
			    refuse(s, list ? "',' or ']' was expected" : "',' or '}' was expected");
	}
	return reason;
}

/* As deep as ra_flatten_open() allows. */
static enum ra_reason
take_value(struct scan *s)
{
	const char *text;
	size_t len;
	enum ra_reason reason;
	uint32_t line;

	pass_blank(s);
	if (s->p == s->end)
		return refuse(s, "a value was expected, but here it ends");
	switch (*s->p) {
	case '{':
	case '[':
		return take_container(s, *s->p == '[');
	case '"':
		line = ra_keys_line(s->k, s->p++);
		reason = take_string(s, &text, &len);
		return reason != RA_R_OK ? reason : ra_flatten_scalar(&s->f, text, len, line, 0);
	case 't':
		return take_word(s, "true", 0);
	case 'f':
		return take_word(s, "false", 0);
	case 'n':
		return take_word(s, "null", RA_KEY_NULL);
	default:
		return take_number(s);
	}
}

static enum ra_reason
take_all(struct scan *s, const struct ra_format_call *call)
{
	enum ra_reason reason;

	pass_blank(s);
	if (s->p == s->end) {
		ra_error_set(s->k->err, -EINVAL, "the answer is empty");
		return RA_R_EMPTY;
	}
	if (s->k->text != call->input->bytes) {
		s->p = s->k->text;
		return refuse(s, "a byte order mark, which JSON must not have");
	}
	reason = ra_keys_check_text(s->k, RA_R_NOT_JSON);
	if (reason == RA_R_OK)
		reason = take_value(s);
	pass_blank(s);
	if (reason == RA_R_OK && s->p < s->end)
		reason = refuse(s, "the end was expected");
	return reason;
}

enum ra_reason
ra_json_keys(const struct ra_format_call *call, const char *select, struct ra_data *ret,
    struct ra_error *err)
{
	struct ra_keys k;
	struct scan s = { .k = &k };
	enum ra_reason reason = ra_keys_begin(&k, call, err);

	if (reason == RA_R_OK)
		reason = ra_flatten_begin(&s.f, &k, select, RA_R_NOT_JSON);
	if (reason == RA_R_OK) {
		s.p = k.text;
		s.end = k.end;
		reason = take_all(&s, call);
	}
	if (s.f.k != NULL)
		reason = ra_flatten_end(&s.f, reason);
	return ra_keys_end(&k, reason, ret);
}
