/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/escape.h"

#include <endian.h>
#include <string.h>

#define ELLIPSIS    "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd"
#define ONES	    (UINT64_MAX / 255)
#define TOPS	    (ONES * 0x80)

struct range {
	uint32_t first;
	uint32_t last;
};

/* From Unicode 14: Mn, Me and Hangul vowels and finals; ranges joined over what is unassigned. */
/* clang-format off */
static const struct range zero_width[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x05bf, 0x05bf },
	{ 0x05c1, 0x05c2 }, { 0x05c4, 0x05c5 }, { 0x05c7, 0x05c7 }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x0670, 0x0670 }, { 0x06d6, 0x06dc }, { 0x06df, 0x06e4 },
	{ 0x06e7, 0x06e8 }, { 0x06ea, 0x06ed }, { 0x0711, 0x0711 }, { 0x0730, 0x074a },
	{ 0x07a6, 0x07b0 }, { 0x07eb, 0x07f3 }, { 0x07fd, 0x07fd }, { 0x0816, 0x0819 },
	{ 0x081b, 0x0823 }, { 0x0825, 0x0827 }, { 0x0829, 0x082d }, { 0x0859, 0x085b },
	{ 0x0898, 0x089f }, { 0x08ca, 0x08e1 }, { 0x08e3, 0x0902 }, { 0x093a, 0x093a },
	{ 0x093c, 0x093c }, { 0x0941, 0x0948 }, { 0x094d, 0x094d }, { 0x0951, 0x0957 },
	{ 0x0962, 0x0963 }, { 0x0981, 0x0981 }, { 0x09bc, 0x09bc }, { 0x09c1, 0x09c4 },
	{ 0x09cd, 0x09cd }, { 0x09e2, 0x09e3 }, { 0x09fe, 0x0a02 }, { 0x0a3c, 0x0a3c },
	{ 0x0a41, 0x0a51 }, { 0x0a70, 0x0a71 }, { 0x0a75, 0x0a75 }, { 0x0a81, 0x0a82 },
	{ 0x0abc, 0x0abc }, { 0x0ac1, 0x0ac8 }, { 0x0acd, 0x0acd }, { 0x0ae2, 0x0ae3 },
	{ 0x0afa, 0x0b01 }, { 0x0b3c, 0x0b3c }, { 0x0b3f, 0x0b3f }, { 0x0b41, 0x0b44 },
	{ 0x0b4d, 0x0b56 }, { 0x0b62, 0x0b63 }, { 0x0b82, 0x0b82 }, { 0x0bc0, 0x0bc0 },
	{ 0x0bcd, 0x0bcd }, { 0x0c00, 0x0c00 }, { 0x0c04, 0x0c04 }, { 0x0c3c, 0x0c3c },
	{ 0x0c3e, 0x0c40 }, { 0x0c46, 0x0c56 }, { 0x0c62, 0x0c63 }, { 0x0c81, 0x0c81 },
	{ 0x0cbc, 0x0cbc }, { 0x0cbf, 0x0cbf }, { 0x0cc6, 0x0cc6 }, { 0x0ccc, 0x0ccd },
	{ 0x0ce2, 0x0ce3 }, { 0x0d00, 0x0d01 }, { 0x0d3b, 0x0d3c }, { 0x0d41, 0x0d44 },
	{ 0x0d4d, 0x0d4d }, { 0x0d62, 0x0d63 }, { 0x0d81, 0x0d81 }, { 0x0dca, 0x0dca },
	{ 0x0dd2, 0x0dd6 }, { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e },
	{ 0x0eb1, 0x0eb1 }, { 0x0eb4, 0x0ebc }, { 0x0ec8, 0x0ecd }, { 0x0f18, 0x0f19 },
	{ 0x0f35, 0x0f35 }, { 0x0f37, 0x0f37 }, { 0x0f39, 0x0f39 }, { 0x0f71, 0x0f7e },
	{ 0x0f80, 0x0f84 }, { 0x0f86, 0x0f87 }, { 0x0f8d, 0x0fbc }, { 0x0fc6, 0x0fc6 },
	{ 0x102d, 0x1030 }, { 0x1032, 0x1037 }, { 0x1039, 0x103a }, { 0x103d, 0x103e },
	{ 0x1058, 0x1059 }, { 0x105e, 0x1060 }, { 0x1071, 0x1074 }, { 0x1082, 0x1082 },
	{ 0x1085, 0x1086 }, { 0x108d, 0x108d }, { 0x109d, 0x109d }, { 0x1160, 0x11ff },
	{ 0x135d, 0x135f }, { 0x1712, 0x1714 }, { 0x1732, 0x1733 }, { 0x1752, 0x1753 },
	{ 0x1772, 0x1773 }, { 0x17b4, 0x17b5 }, { 0x17b7, 0x17bd }, { 0x17c6, 0x17c6 },
	{ 0x17c9, 0x17d3 }, { 0x17dd, 0x17dd }, { 0x180b, 0x180d }, { 0x180f, 0x180f },
	{ 0x1885, 0x1886 }, { 0x18a9, 0x18a9 }, { 0x1920, 0x1922 }, { 0x1927, 0x1928 },
	{ 0x1932, 0x1932 }, { 0x1939, 0x193b }, { 0x1a17, 0x1a18 }, { 0x1a1b, 0x1a1b },
	{ 0x1a56, 0x1a56 }, { 0x1a58, 0x1a60 }, { 0x1a62, 0x1a62 }, { 0x1a65, 0x1a6c },
	{ 0x1a73, 0x1a7f }, { 0x1ab0, 0x1b03 }, { 0x1b34, 0x1b34 }, { 0x1b36, 0x1b3a },
	{ 0x1b3c, 0x1b3c }, { 0x1b42, 0x1b42 }, { 0x1b6b, 0x1b73 }, { 0x1b80, 0x1b81 },
	{ 0x1ba2, 0x1ba5 }, { 0x1ba8, 0x1ba9 }, { 0x1bab, 0x1bad }, { 0x1be6, 0x1be6 },
	{ 0x1be8, 0x1be9 }, { 0x1bed, 0x1bed }, { 0x1bef, 0x1bf1 }, { 0x1c2c, 0x1c33 },
	{ 0x1c36, 0x1c37 }, { 0x1cd0, 0x1cd2 }, { 0x1cd4, 0x1ce0 }, { 0x1ce2, 0x1ce8 },
	{ 0x1ced, 0x1ced }, { 0x1cf4, 0x1cf4 }, { 0x1cf8, 0x1cf9 }, { 0x1dc0, 0x1dff },
	{ 0x20d0, 0x20f0 }, { 0x2cef, 0x2cf1 }, { 0x2d7f, 0x2d7f }, { 0x2de0, 0x2dff },
	{ 0x302a, 0x302d }, { 0x3099, 0x309a }, { 0xa66f, 0xa672 }, { 0xa674, 0xa67d },
	{ 0xa69e, 0xa69f }, { 0xa6f0, 0xa6f1 }, { 0xa802, 0xa802 }, { 0xa806, 0xa806 },
	{ 0xa80b, 0xa80b }, { 0xa825, 0xa826 }, { 0xa82c, 0xa82c }, { 0xa8c4, 0xa8c5 },
	{ 0xa8e0, 0xa8f1 }, { 0xa8ff, 0xa8ff }, { 0xa926, 0xa92d }, { 0xa947, 0xa951 },
	{ 0xa980, 0xa982 }, { 0xa9b3, 0xa9b3 }, { 0xa9b6, 0xa9b9 }, { 0xa9bc, 0xa9bd },
	{ 0xa9e5, 0xa9e5 }, { 0xaa29, 0xaa2e }, { 0xaa31, 0xaa32 }, { 0xaa35, 0xaa36 },
	{ 0xaa43, 0xaa43 }, { 0xaa4c, 0xaa4c }, { 0xaa7c, 0xaa7c }, { 0xaab0, 0xaab0 },
	{ 0xaab2, 0xaab4 }, { 0xaab7, 0xaab8 }, { 0xaabe, 0xaabf }, { 0xaac1, 0xaac1 },
	{ 0xaaec, 0xaaed }, { 0xaaf6, 0xaaf6 }, { 0xabe5, 0xabe5 }, { 0xabe8, 0xabe8 },
	{ 0xabed, 0xabed }, { 0xd7b0, 0xd7ff }, { 0xfb1e, 0xfb1e }, { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
	{ 0x1d167, 0x1d169 }, { 0x1d17b, 0x1d182 }, { 0x1d185, 0x1d18b }, { 0x1d1aa, 0x1d1ad },
	{ 0x1d242, 0x1d244 }, { 0x1da00, 0x1da36 }, { 0x1da3b, 0x1da6c }, { 0x1da75, 0x1da75 },
	{ 0x1da84, 0x1da84 }, { 0x1da9b, 0x1daaf }, { 0xe0100, 0xe01ef },
};

/* From Unicode 14: East_Asian_Width W and F. */
static const struct range double_width[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x2329, 0x232a }, { 0x23e9, 0x23ec },
	{ 0x23f0, 0x23f0 }, { 0x23f3, 0x23f3 }, { 0x25fd, 0x25fe }, { 0x2614, 0x2615 },
	{ 0x2648, 0x2653 }, { 0x267f, 0x267f }, { 0x2693, 0x2693 }, { 0x26a1, 0x26a1 },
	{ 0x26aa, 0x26ab }, { 0x26bd, 0x26be }, { 0x26c4, 0x26c5 }, { 0x26ce, 0x26ce },
	{ 0x26d4, 0x26d4 }, { 0x26ea, 0x26ea }, { 0x26f2, 0x26f3 }, { 0x26f5, 0x26f5 },
	{ 0x26fa, 0x26fa }, { 0x26fd, 0x26fd }, { 0x2705, 0x2705 }, { 0x270a, 0x270b },
	{ 0x2728, 0x2728 }, { 0x274c, 0x274c }, { 0x274e, 0x274e }, { 0x2753, 0x2755 },
	{ 0x2757, 0x2757 }, { 0x2795, 0x2797 }, { 0x27b0, 0x27b0 }, { 0x27bf, 0x27bf },
	{ 0x2b1b, 0x2b1c }, { 0x2b50, 0x2b50 }, { 0x2b55, 0x2b55 }, { 0x2e80, 0x303e },
	{ 0x3041, 0x3247 }, { 0x3250, 0x4dbf }, { 0x4e00, 0xa4c6 }, { 0xa960, 0xa97c },
	{ 0xac00, 0xd7a3 }, { 0xf900, 0xfad9 }, { 0xfe10, 0xfe6b }, { 0xff01, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x1b2fb }, { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf }, { 0x1f18e, 0x1f18e },
	{ 0x1f191, 0x1f19a }, { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f335 }, { 0x1f337, 0x1f37c },
	{ 0x1f37e, 0x1f393 }, { 0x1f3a0, 0x1f3ca }, { 0x1f3cf, 0x1f3d3 }, { 0x1f3e0, 0x1f3f0 },
	{ 0x1f3f4, 0x1f3f4 }, { 0x1f3f8, 0x1f43e }, { 0x1f440, 0x1f440 }, { 0x1f442, 0x1f4fc },
	{ 0x1f4ff, 0x1f53d }, { 0x1f54b, 0x1f54e }, { 0x1f550, 0x1f567 }, { 0x1f57a, 0x1f57a },
	{ 0x1f595, 0x1f596 }, { 0x1f5a4, 0x1f5a4 }, { 0x1f5fb, 0x1f64f }, { 0x1f680, 0x1f6c5 },
	{ 0x1f6cc, 0x1f6cc }, { 0x1f6d0, 0x1f6d2 }, { 0x1f6d5, 0x1f6df }, { 0x1f6eb, 0x1f6ec },
	{ 0x1f6f4, 0x1f6fc }, { 0x1f7e0, 0x1f7f0 }, { 0x1f90c, 0x1f93a }, { 0x1f93c, 0x1f945 },
	{ 0x1f947, 0x1f9ff }, { 0x1fa70, 0x1faf6 }, { 0x20000, 0x3fffd },
};
/* clang-format on */

static const char hex[] = "0123456789abcdef";

static inline bool
is_tail(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF. */
static inline size_t
decode(const uint8_t *p, size_t len, uint32_t *c)
{
	if (len >= 1 && p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	if (len < 2 || !is_tail(p[1]) || p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	if (p[0] < 0xe0) {
		*c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
		return 2;
	}
	if (len < 3 || !is_tail(p[2]))
		return 0;
	if (p[0] < 0xf0) {
		*c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
		return *c < 0x800 || (*c >= 0xd800 && *c <= 0xdfff) ? 0 : 3;
	}
	if (len < 4 || !is_tail(p[3]))
		return 0;
	*c = (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
	return *c < 0x10000 || *c > 0x10ffff ? 0 : 4;
}

size_t
ra_utf8_decode(const char *text, size_t len, uint32_t *ret_char)
{
	uint32_t c = 0;
	size_t n = decode((const uint8_t *)text, len, &c);

	if (n > 0)
		*ret_char = c;
	return n;
}

static inline bool
within(uint32_t c, uint32_t first, uint32_t last)
{
	return c - first <= last - first;
}

static inline bool
printable(uint32_t c)
{
	if (c < 0xa0)
		return within(c, 0x20, 0x7e);
	if (c < 0x200b)
		return c != 0x61c && c != 0x180e;
	if (c < 0xd800)
		return !within(c, 0x200b, 0x200f) && !within(c, 0x2028, 0x202e) &&
		       !within(c, 0x2060, 0x206f);
	if (c < 0xf900 || c >= 0xf0000 || (c & 0xfffe) == 0xfffe) /* with the private use areas */
		return false;
	return !within(c, 0xfdd0, 0xfdef) && c != 0xfeff && !within(c, 0xfff9, 0xfffb) &&
	       !within(c, 0x1bca0, 0x1bca3) && !within(c, 0x1d173, 0x1d17a) &&
	       !within(c, 0xe0000, 0xe007f);
}

bool
ra_char_printable(uint32_t c)
{
	return printable(c);
}

size_t
ra_pointer_unescape(const char *part, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool escape = part[i] == '~' && i + 1 < len;

		if (escape)
			i++;
		out[n++] = !escape ? part[i] : part[i] == '1' ? '/' : '~';
	}
	return n;
}

bool
ra_char_space(uint32_t c)
{
	return c == ' ' || within(c, '\t', '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       within(c, 0x2000, 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

static bool
in_ranges(const struct range *table, size_t count, uint32_t c)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c > table[mid].last)
			low = mid + 1;
		else if (c < table[mid].first)
			high = mid;
		else
			return true;
	}
	return false;
}

int
ra_char_width(uint32_t c)
{
	if (c < 0x300)
		return printable(c) ? 1 : 0;
	if (!printable(c) || in_ranges(zero_width, RA_ARRAY_SIZE(zero_width), c))
		return 0;
	return in_ranges(double_width, RA_ARRAY_SIZE(double_width), c) ? 2 : 1;
}

size_t
ra_text_width(const char *text, size_t len)
{
	size_t width = 0;

	while (len > 0) {
		uint32_t c = '?';
		size_t n = decode((const uint8_t *)text, len, &c);

		width += n > 0 ? (size_t)ra_char_width(c) : 1;
		n = n > 0 ? n : 1;
		text += n;
		len -= n;
	}
	return width;
}

/* ra_buf_add without a call where there is room, for the many short pieces. */
static inline void
append(struct ra_buf *out, const char *data, size_t len)
{
	if (out->error != 0 || out->cap <= out->len || out->cap - out->len <= len) {
		ra_buf_add(out, data, len);
		return;
	}
	memcpy(out->data + out->len, data, len);
	out->len += len;
	out->data[out->len] = '\0';
}

/* Bytes that are themselves in every notation here. */
static const bool plain[256] = {
	[0x20 ... '"' - 1] = true,
	['"' + 1 ... '\\' - 1] = true,
	['\\' + 1 ... 0x7e] = true,
};

static inline uint64_t
has_zero(uint64_t word)
{
	return (word - ONES) & ~word & TOPS;
}

/*
 * The top bits of bytes that are not plain, after "Bit Twiddling Hacks" by S. E. Anderson: the
 * lowest is right, those above it may be carried over.
 */
static inline uint64_t
not_plain(uint64_t word)
{
	return (word & TOPS) | ((word - ONES * 0x20) & ~word & TOPS) | has_zero(word ^ ONES * '"') |
	       has_zero(word ^ ONES * '\\') | has_zero(word ^ ONES * 0x7f);
}

/* Length of the plain bytes at text. */
static inline size_t
plain_run(const char *text, size_t len)
{
	size_t n = 0;

	for (; len - n >= 8; n += 8) {
		uint64_t word, found;

		memcpy(&word, text + n, 8);
		found = not_plain(le64toh(word));
		if (found != 0)
			return n + (size_t)__builtin_ctzll(found) / 8;
	}
	while (n < len && plain[(uint8_t)text[n]])
		n++;
	return n;
}

/* What is shown for one character, or for one byte that is none. */
struct piece {
	char text[12];
	size_t len;
	size_t chars;
	size_t from; /* bytes it stands for */
};

static void
piece_set(struct piece *piece, const char *text, size_t len, size_t chars, size_t from)
{
	memcpy(piece->text, text, len);
	piece->len = len;
	piece->chars = chars;
	piece->from = from;
}

static void
piece_byte(struct piece *piece, uint8_t byte)
{
	const char text[4] = { '\\', 'x', hex[byte >> 4], hex[byte & 15] };

	piece_set(piece, text, 4, 4, 1);
}

static void
piece_code(struct piece *piece, uint32_t c, size_t from)
{
	char text[12] = "\\u{";
	size_t len = 3;

	for (int shift = 20; shift >= 0; shift -= 4) {
		if (shift < 16 || c >> shift != 0)
			text[len++] = hex[c >> shift & 15];
	}
	text[len++] = '}';
	piece_set(piece, text, len, len, from);
}

static void
piece_of(struct piece *piece, const char *text, size_t len)
{
	uint32_t c = 0;
	size_t n = decode((const uint8_t *)text, len, &c);

	if (n == 0 || (c < 0x80 && !printable(c)))
		piece_byte(piece, (uint8_t)text[0]);
	else if (!printable(c))
		piece_code(piece, c, n);
	else if (c == '\\')
		piece_set(piece, "\\\\", 2, 2, 1);
	else
		piece_set(piece, text, n, 1, n);
}

int
ra_escape_line(struct ra_buf *out, const char *text, size_t len, size_t max_chars)
{
	size_t left = max_chars == 0 ? SIZE_MAX : max_chars;

	while (len > 0) {
		size_t run = plain_run(text, len < left ? len : left);
		struct piece piece;

		append(out, text, run);
		text += run;
		len -= run;
		left -= run;
		if (len == 0)
			break;
		piece_of(&piece, text, len);
		if (piece.chars > left)
			return ra_buf_puts(out, ELLIPSIS);
		append(out, piece.text, piece.len);
		text += piece.from;
		len -= piece.from;
		left -= piece.chars;
	}
	return out->error;
}

static char *
json_unit(char *p, uint32_t unit)
{
	p[0] = '\\';
	p[1] = 'u';
	for (int i = 2; i < 6; i++, unit <<= 4)
		p[i] = hex[unit >> 12 & 15];
	return p + 6;
}

static const char json_named[256] = {
	['"'] = '"',
	['\\'] = '\\',
	['\b'] = 'b',
	['\f'] = 'f',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
};

/* Adds what stands for the character or bad byte at text; returns how many bytes that was. */
static size_t
json_escape(struct ra_buf *out, const char *text, size_t len)
{
	const char pair[2] = { '\\', json_named[(uint8_t)*text] };
	char units[12], *p = units;
	uint32_t c = 0;
	size_t n;

	if (pair[1] != '\0') {
		append(out, pair, 2);
		return 1;
	}
	n = decode((const uint8_t *)text, len, &c);
	if (n == 0) {
		append(out, REPLACEMENT, 3);
		return 1;
	}
	if (c >= 0x10000) {
		p = json_unit(p, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + (c & 0x3ff);
	}
	append(out, units, (size_t)(json_unit(p, c) - units));
	return n;
}

/* Length of what a JSON string may hold as it is. */
static inline size_t
json_run(const char *text, size_t len)
{
	size_t at = 0;

	while ((at += plain_run(text + at, len - at)) < len && (uint8_t)text[at] >= 0x80) {
		size_t n;

		do {
			uint32_t c = 0;

			n = decode((const uint8_t *)text + at, len - at, &c);
			n = printable(c) ? n : 0;
			at += n;
		} while (n > 0 && at < len && (uint8_t)text[at] >= 0x80);
		if (n == 0)
			break;
	}
	return at;
}

/* Well-formed characters that are not printable are \u escapes: JSON too is shown on terminals. */
int
ra_escape_json(struct ra_buf *out, const char *text, size_t len)
{
	/* No character becomes shorter, so this asks for nothing that is not needed. */
	ra_buf_reserve(out, len);
	while (len > 0) {
		size_t n = json_run(text, len);

		if (n > 0)
			append(out, text, n);
		else
			n = json_escape(out, text, len);
		text += n;
		len -= n;
	}
	return out->error;
}

static bool
is_bare(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)text[i], lower = c | 0x20;

		if (!within(lower, 'a', 'z') && !within(c, '0', '9') &&
		    (c == '\0' || strchr("._:/@+-", c) == NULL))
			return false;
	}
	return len > 0;
}

/* Inside the quotes at most room bytes; what was cut is marked if there is room for the mark. */
static void
quoted(struct ra_buf *out, const char *text, size_t len, size_t room)
{
	const size_t mark = sizeof(ELLIPSIS) - 1;
	size_t begin = out->len, used = 0, cut = 0;

	while (len > 0 && out->error == 0) {
		struct piece piece;

		if (text[0] == '"')
			piece_set(&piece, "\\\"", 2, 2, 1);
		else
			piece_of(&piece, text, len);
		if (piece.len > room - used) {
			if (room >= mark) {
				out->len = begin + cut;
				ra_buf_puts(out, ELLIPSIS);
			}
			return;
		}
		ra_buf_add(out, piece.text, piece.len);
		used += piece.len;
		if (room - used >= mark)
			cut = used;
		text += piece.from;
		len -= piece.from;
	}
}

int
ra_escape_value(struct ra_buf *out, const char *text, size_t len, size_t max_bytes)
{
	size_t limit = max_bytes == 0 ? SIZE_MAX : max_bytes;

	if (len <= limit && is_bare(text, len))
		return ra_buf_add(out, text, len);
	if (limit < 2)
		return out->error;
	ra_buf_putc(out, '"');
	quoted(out, text, len, limit - 2);
	return ra_buf_putc(out, '"');
}
