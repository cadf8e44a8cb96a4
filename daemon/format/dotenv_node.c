/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As node's package dotenv (16) reads it, which is by one regular expression: a name, '=' or ": ",
 * a value in quotes of three kinds that may span lines, or up to '#' or the end of the line. What
 * does not match is passed over.
 */
#include <string.h>

#include "relaudit/base/escape.h"

#include "dotenv.h"

/* JavaScript's \s. Returns its length, 0: none. */
static size_t
space_at(const char *p, const char *end)
{
	uint32_t c = 0;
	size_t n;

	if (p == end)
		return 0;
	if ((uint8_t)*p < 0x80)
		return *p == ' ' || (*p >= '\t' && *p <= '\r') ? 1 : 0;
	n = ra_utf8_decode(p, (size_t)(end - p), &c);
	return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
		       c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff
		   ? n
		   : 0;
}

static const char *
pass_space(const char *p, const char *end)
{
	size_t n;

	while ((n = space_at(p, end)) > 0)
		p += n;
	return p;
}

static const char *
pass_name(const char *p, const char *end)
{
	while (p < end && ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
			      (*p >= '0' && *p <= '9') || *p == '_' || *p == '.' || *p == '-'))
		p++;
	return p;
}

/* Whether nothing but blanks and a comment is left of the line. Blanks may be line ends. */
static bool
is_tail(const char *p, const char *end)
{
	const char *after = pass_space(p, end);

	return after == end || *after == '#' || memchr(p, '\n', (size_t)(after - p)) != NULL;
}

/* Past the value in quotes at p, or NULL if it is not one with a tail behind it. */
static const char *
quoted(const char *p, const char *end)
{
	char quote = *p;
	const char *close = p + 1;

	while (close < end && *close != quote)
		close += *close == '\\' && end - close > 1 && close[1] == quote ? 2 : 1;
	if (close < end && is_tail(close + 1, end))
		return close + 1;
	/* Or an escaped quote was the last one after all. */
	while (--close > p) {
		if (*close == quote && is_tail(close + 1, end))
			return close + 1;
	}
	return NULL;
}

/* The value with quotes and blanks at p: *ret_end is where it ends. */
static const char *
take_value(const char *p, const char *end, const char **ret_end)
{
	const char *start = pass_space(p, end), *stop = NULL;

	if (start < end && (*start == '\'' || *start == '"' || *start == '`'))
		stop = quoted(start, end);
	if (stop == NULL) {
		start = p;
		for (stop = p; stop < end && *stop != '#' && *stop != '\n';)
			stop++;
	}
	*ret_end = stop;
	return start;
}

static void
trim(const char **start, const char **stop)
{
	const char *p = pass_space(*start, *stop), *kept = p;

	*start = p;
	while (p < *stop) {
		size_t n = space_at(p, *stop);

		p += n > 0 ? n : 1;
		if (n == 0)
			kept = p;
	}
	*stop = kept;
}

/* In double quotes \n and \r are what they say. */
static size_t
expand(char *out, const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\\' && i + 1 < len && (p[i + 1] == 'n' || p[i + 1] == 'r'))
			out[n++] = p[++i] == 'n' ? '\n' : '\r';
		else
			out[n++] = p[i];
	}
	return n;
}

static enum ra_reason
add(struct ra_keys *k, const char *name, size_t name_len, const char *value, const char *stop,
    char *work)
{
	bool expands;
	size_t len;

	trim(&value, &stop);
	expands = value < stop && *value == '"';
	len = (size_t)(stop - value);
	if (len >= 2 && strchr("'\"`", value[0]) != NULL && value[0] == value[len - 1]) {
		value++;
		len -= 2;
	}
	if (expands) {
		len = expand(work, value, len);
		value = work;
	}
	return ra_keys_add(k, name, name_len, value, len, name, 0);
}

/*
 * Past a name at p and the sign behind it, or NULL. Between the two there may be line ends, and one
 * after ':'.
 */
static const char *
take_sign(const char *p, const char *end, const char **ret_name_end)
{
	const char *name_end = pass_name(p, end), *sign;

	if (name_end == p)
		return NULL;
	*ret_name_end = name_end;
	sign = pass_space(name_end, end);
	if (sign < end && *sign == '=')
		return sign + 1;
	if (name_end < end && *name_end == ':' && space_at(name_end + 1, end) > 0)
		return name_end + 1 + space_at(name_end + 1, end);
	return NULL;
}

/* Line ends as one byte each; wiped with the rest. */
static char *
unify(const struct ra_keys *k, char **ret_end)
{
	char *text = malloc((size_t)(k->end - k->text) + 1), *out = text;

	if (text == NULL)
		return NULL;
	for (const char *p = k->text; p < k->end; p++) {
		if (*p == '\r' && p + 1 < k->end && p[1] == '\n')
			continue;
		*out++ = *p == '\r' ? '\n' : *p;
	}
	*ret_end = out;
	return text;
}

static const char *
next_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl != NULL ? nl + 1 : end;
}

static enum ra_reason
read_all(struct ra_keys *k, const char *end)
{
	const char *p = k->text;
	enum ra_reason reason = RA_R_OK;

	while (p < end && reason == RA_R_OK) {
		const char *name = pass_space(p, end), *name_end = name, *value = NULL, *stop;

		if (end - name > 6 && memcmp(name, "export", 6) == 0 &&
		    space_at(name + 6, end) > 0) {
			const char *after = pass_space(name + 6, end);

			value = take_sign(after, end, &name_end);
			if (value != NULL)
				name = after;
		}
		if (value == NULL)
			value = take_sign(name, end, &name_end);
		if (value == NULL) {
			p = next_line(name, end);
			if (name < end && *name != '#')
				reason = ra_keys_pass_over(k, name, p);
			continue;
		}
		value = take_value(value, end, &stop);
		reason = add(k, name, (size_t)(name_end - name), value, stop, k->work);
		p = next_line(stop, end);
	}
	return reason;
}

enum ra_reason
ra_dotenv_node(struct ra_keys *k)
{
	enum ra_reason reason = ra_keys_check_text(k, RA_R_NOT_DOTENV);
	const char *text = k->text, *line_at = k->line_at;
	char *end = NULL, *own;

	if (reason != RA_R_OK)
		return reason;
	own = unify(k, &end);
	if (own == NULL) {
		ra_error_set(k->err, -ENOMEM, "out of memory");
		return RA_R_NO_MEMORY;
	}
	/* Positions are the same in lines and columns. */
	k->text = k->line_at = own;
	reason = read_all(k, end);
	explicit_bzero(own, (size_t)(end - own));
	free(own);
	k->text = text;
	k->line_at = line_at;
	return reason;
}
