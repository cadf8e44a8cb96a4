/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The escaper. One byte is a limit, the rest is the text. What comes out may be shown as it is and
 * says what went in; inside JSON it is read by jansson as the same.
 */
#include <jansson.h>

#include "relaudit/base/escape.h"

#include "fuzz.h"

/* Every character may be shown. Returns how many. */
static size_t
check_printable(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t at = 0; at < len; count++) {
		uint32_t c;
		size_t n = ra_utf8_decode(text + at, len - at, &c);

		FUZZ_CHECK(n > 0 && ra_char_printable(c) && c >= 0x20 && c != 0x7f);
		at += n;
	}
	FUZZ_CHECK(ra_text_width(text, len) <= 2 * count);
	return count;
}

static void
put_char(struct ra_buf *out, unsigned long c)
{
	if (c >= 0x10000)
		ra_buf_printf(out, "%c%c%c%c", (int)(0xf0 | c >> 18),
		    (int)(0x80 | (c >> 12 & 0x3f)), (int)(0x80 | (c >> 6 & 0x3f)),
		    (int)(0x80 | (c & 0x3f)));
	else if (c >= 0x800)
		ra_buf_printf(out, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
		    (int)(0x80 | (c & 0x3f)));
	else if (c >= 0x80)
		ra_buf_printf(out, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
	else
		ra_buf_putc(out, (char)c);
}

/* \\, \xNN (a byte) and \u{NNNN} (a character) as what they stand for. */
static void
unescape(const char *text, struct ra_buf *out)
{
	while (*text != '\0') {
		char *end = (char *)text + 1;

		if (*text != '\\') {
			ra_buf_putc(out, *text);
		} else if (text[1] == 'x') {
			char hex[3] = { text[2], text[3], '\0' };

			ra_buf_putc(out, (char)strtoul(hex, &end, 16));
			FUZZ_CHECK(end == hex + 2);
			end = (char *)text + 4;
		} else if (text[1] == 'u') {
			put_char(out, strtoul(text + 3, &end, 16));
			FUZZ_CHECK(text[2] == '{' && *end == '}');
			end++;
		} else {
			FUZZ_CHECK(text[1] == '\\');
			ra_buf_putc(out, '\\');
			end = (char *)text + 2;
		}
		text = end;
	}
}

static void
check_line(const char *text, size_t len, size_t limit)
{
	RA_BUF_LOCAL all = RA_BUF(0), cut = RA_BUF(0), back = RA_BUF(0);

	FUZZ_CHECK(ra_escape_line(&all, text, len, 0) == 0);
	FUZZ_CHECK(ra_escape_line(&cut, text, len, limit) == 0);
	check_printable(all.data, all.len);
	if (limit > 0)
		FUZZ_CHECK(check_printable(cut.data, cut.len) <= limit + 1);
	unescape(ra_buf_text(&all), &back);
	FUZZ_CHECK(back.len == len && (len == 0 || memcmp(back.data, text, len) == 0));
}

static bool
is_utf8(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t n = ra_utf8_decode(text + at, len - at, &c);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

static void
check_json(const char *text, size_t len)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	json_t *value;

	ra_buf_putc(&out, '"');
	FUZZ_CHECK(ra_escape_json(&out, text, len) == 0);
	ra_buf_putc(&out, '"');
	value = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	FUZZ_CHECK(json_is_string(value));
	if (is_utf8(text, len))
		FUZZ_CHECK(json_string_length(value) == len &&
			   (len == 0 || memcmp(json_string_value(value), text, len) == 0));
	json_decref(value);
}

static void
check_value(const char *text, size_t len, size_t limit)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	const char *value;
	size_t end;

	FUZZ_CHECK(ra_escape_value(&out, text, len, limit) == 0);
	value = ra_buf_text(&out);
	FUZZ_CHECK(out.len <= limit || limit == 0);
	if (out.len == 0)
		return;
	check_printable(out.data, out.len);
	if (value[0] != '"') {
		FUZZ_CHECK(strpbrk(value, " =\"\\") == NULL);
		return;
	}
	for (end = 1; end < out.len && value[end] != '"'; end++)
		end += value[end] == '\\' ? 1 : 0;
	FUZZ_CHECK(end == out.len - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes + 1, size > 0 ? size - 1 : 0 };
	RA_FREE char *text = NULL;

	if (size == 0)
		return 0;
	text = fuzz_rest(&in);
	check_line(text, in.left, bytes[0]);
	check_json(text, in.left);
	check_value(text, in.left, bytes[0]);
	return 0;
}
