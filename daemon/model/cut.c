/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <stdio.h>
#include <string.h>

#include "relaudit/base/escape.h"

/* len, less the beginning of a character that does not end before len. Never near the start. */
static size_t
border(const char *text, size_t len)
{
	size_t start = len;
	uint32_t c;

	while (len - start < 3 && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
		start--;
	if ((uint8_t)text[start - 1] >= 0xc0 &&
	    ra_utf8_decode(text + start - 1, len - (start - 1), &c) == 0)
		return start - 1;
	return len;
}

char *
ra_cut_vprintf(size_t max, const char *fmt, va_list ap)
{
	char text[RA_CUT_MAX + 1] = "";
	int n = vsnprintf(text, max + 1, fmt, ap);

	return strndup(text, n > (int)max ? border(text, max) : max);
}

char *
ra_cut_text(size_t max, const char *text)
{
	size_t len = strnlen(text, max + 1);

	return strndup(text, len > max ? border(text, max) : len);
}
