/* SPDX-License-Identifier: Apache-2.0 */
#include "excerpt.h"

#include <string.h>

#include "relaudit/base/escape.h"

size_t
ra_excerpt_blank(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r'))
		i++;
	return i;
}

const char *
ra_excerpt(const char *text, size_t len, char out[RA_EXCERPT_TEXT])
{
	size_t at = 0;

	for (int chars = 0; at < len && chars < RA_EXCERPT_CHARS; chars++) {
		uint32_t c;
		size_t n = ra_utf8_decode(text + at, len - at, &c);

		at += n > 0 ? n : 1;
	}
	memcpy(out, text, at);
	memcpy(out + at, at < len ? "..." : "", at < len ? 4 : 1);
	return out;
}

void
ra_excerpt_position(const char *text, size_t offset, size_t *ret_line, size_t *ret_column)
{
	*ret_line = *ret_column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			(*ret_line)++;
			*ret_column = 1;
		} else if (((uint8_t)text[i] & 0xc0) != 0x80) {
			(*ret_column)++;
		}
	}
}
