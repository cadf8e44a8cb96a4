/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/escape.h"

#include "excerpt.h"

enum ra_reason
ra_keys_begin(struct ra_keys *k, const struct ra_format_call *call, struct ra_error *err)
{
	const struct ra_input *in = call->input;
	size_t len = in->len;

	*k = (struct ra_keys){ .err = err, .line = 1 };
	k->text = len > 0 ? in->bytes : "";
	k->end = k->text + len;
	if (len >= 3 && memcmp(k->text, RA_BOM, 3) == 0)
		k->text += 3;
	k->line_at = k->text;
	k->work = malloc(len + 1);
	/* A name and a value take no more than they take in the text, with what parts them. */
	if (ra_data_reserve_keys(&k->data, len + 1) < 0 || k->work == NULL) {
		ra_error_set(err, -ENOMEM, "out of memory");
		return RA_R_NO_MEMORY;
	}
	return RA_R_OK;
}

enum ra_reason
ra_keys_end(struct ra_keys *k, enum ra_reason reason, struct ra_data *ret)
{
	if (k->work != NULL)
		explicit_bzero(k->work, (size_t)(k->end - k->text));
	free(k->work);
	if (reason == RA_R_OK)
		*ret = k->data;
	else
		ra_data_free(&k->data);
	*k = (struct ra_keys){ 0 };
	return reason;
}

enum ra_reason
ra_keys_add_line(struct ra_keys *k, const char *name, size_t name_len, const char *value,
    size_t value_len, uint32_t line, unsigned flags)
{
	int r = ra_data_add_key(&k->data, name, name_len, value, value_len, line, flags);

	if (r == 0)
		return RA_R_OK;
	if (r == -ENOMEM) {
		ra_error_set(k->err, r, "out of memory");
		return RA_R_NO_MEMORY;
	}
	if (name_len > RA_KEY_NAME_MAX)
		ra_error_set(
		    k->err, r, "line %u: a name longer than %d bytes", line, RA_KEY_NAME_MAX);
	else
		ra_error_set(k->err, r, "line %u: more than %d keys, or than %zu MiB of them", line,
		    RA_KEYS_MAX, RA_KEYS_TEXT_MAX >> 20);
	return RA_R_TOO_MANY_KEYS;
}

enum ra_reason
ra_keys_add(struct ra_keys *k, const char *name, size_t name_len, const char *value,
    size_t value_len, const char *at, unsigned flags)
{
	return ra_keys_add_line(k, name, name_len, value, value_len, ra_keys_line(k, at), flags);
}

void
ra_keys_skip(struct ra_keys *k, const char *at)
{
	if (k->data.keys.skipped++ == 0)
		k->data.keys.skipped_line = ra_keys_line(k, at);
}

size_t
ra_keys_name(const char *p, const char *end)
{
	const char *at = p;

	while (
	    at < end && ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') ||
			    (*at >= '0' && *at <= '9') || *at == '_' || *at == '.' || *at == '-'))
		at++;
	return (size_t)(at - p);
}

enum ra_reason
ra_keys_unread(struct ra_keys *k, const char *name, size_t len, const char *at)
{
	if (len == 0 || len > RA_KEY_NAME_MAX ||
	    ra_data_add_unread(&k->data, name, len, ra_keys_line(k, at)) == 0)
		return RA_R_OK;
	ra_error_set(k->err, -ENOMEM, "out of memory");
	return RA_R_NO_MEMORY;
}

enum ra_reason
ra_keys_pass_over(struct ra_keys *k, const char *line, const char *end)
{
	const char *p = line;
	size_t len;

	ra_keys_skip(k, line);
	if (end - p >= 3 && memcmp(p, RA_BOM, 3) == 0) {
		k->data.keys.marked = k->data.keys.skipped == 1;
		p += 3;
	}
	if (end - p > 6 && memcmp(p, "export", 6) == 0 && (p[6] == ' ' || p[6] == '\t')) {
		for (p += 6; p < end && (*p == ' ' || *p == '\t'); p++)
			;
	}
	len = ra_keys_name(p, end);
	return ra_keys_unread(k, p, len, line);
}

enum ra_reason
ra_keys_refuse(struct ra_keys *k, enum ra_reason reason, const char *at, const char *fmt, ...)
{
	char what[RA_ERROR_TEXT];
	size_t line, column;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	ra_excerpt_position(k->text, (size_t)(at - k->text), &line, &column);
	ra_error_set(k->err, -EINVAL, "line %zu, column %zu: %s", line, column, what);
	return reason;
}

uint32_t
ra_keys_line(struct ra_keys *k, const char *at)
{
	const char *nl;

	while (
	    k->line_at < at && (nl = memchr(k->line_at, '\n', (size_t)(at - k->line_at))) != NULL) {
		k->line_at = nl + 1;
		k->line++;
	}
	/* Else a line of a hundred thousand keys would be looked through for each of them. */
	if (k->line_at < at)
		k->line_at = at;
	return k->line;
}

size_t
ra_keys_put_char(char *out, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(first[n] | c);
	return n;
}

const char *
ra_keys_not_ascii(const char *p, const char *end)
{
	uint64_t eight;

	/* Eight at a time: no byte is 0 or has its highest bit. */
	while (end - p >= 8) {
		memcpy(&eight, p, 8);
		if (((eight | (eight - UINT64_C(0x0101010101010101))) &
			UINT64_C(0x8080808080808080)) != 0)
			break;
		p += 8;
	}
	while (p < end && (int8_t)*p > 0)
		p++;
	return p;
}

const char *
ra_keys_bad_byte(const char *p, const char *end)
{
	while ((p = ra_keys_not_ascii(p, end)) < end) {
		uint32_t c;
		size_t n = ra_utf8_decode(p, (size_t)(end - p), &c);

		if (n == 0 || c == 0)
			return p;
		p += n;
	}
	return end;
}

enum ra_reason
ra_keys_check_text(struct ra_keys *k, enum ra_reason reason)
{
	const char *bad = ra_keys_bad_byte(k->text, k->end);

	if (bad == k->end)
		return RA_R_OK;
	return ra_keys_refuse(
	    k, reason, bad, *bad == '\0' ? "a NUL byte" : "a byte that is not UTF-8");
}
