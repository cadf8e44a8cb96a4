/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/base/escape.h"
#include "relaudit/model/pattern.h"

/* One character, or one byte of what is not UTF-8 (as a character that does not exist). */
static uint32_t
take(const char **p)
{
	uint32_t c;
	size_t len = ra_utf8_decode(*p, strnlen(*p, 4), &c);

	if (len == 0) {
		c = 0x110000 + (uint8_t) * *p;
		len = 1;
	}
	*p += len;
	return c;
}

/* As it stands in a pattern: a backslash before it is taken off. */
static uint32_t
take_literal(const char **p)
{
	if (**p == '\\' && (*p)[1] != '\0')
		(*p)++;
	return take(p);
}

/* Past the bracket that closes the set beginning at p, NULL if none does. */
static const char *
set_end(const char *p)
{
	p += *p == '!' || *p == '^' ? 1 : 0;
	/* A bracket that comes first is one of the set. */
	for (bool first = true; *p != '\0'; first = false) {
		if (*p == ']' && !first)
			return p + 1;
		take_literal(&p);
	}
	return NULL;
}

static bool
in_set(const char *p, const char *end, uint32_t c)
{
	bool inverted = *p == '!' || *p == '^', found = false;

	p += inverted ? 1 : 0;
	while (p < end - 1) {
		uint32_t first = take_literal(&p), last = first;

		if (*p == '-' && p + 1 < end - 1) {
			p++;
			last = take_literal(&p);
		}
		found = found || (c >= first && c <= last);
	}
	return found != inverted;
}

/* One item of the pattern, which is not a star, against one character. */
static bool
match_one(const char **pattern, uint32_t c)
{
	const char *p = *pattern, *end;

	if (*p == '?') {
		*pattern = p + 1;
		return true;
	}
	end = *p == '[' ? set_end(p + 1) : NULL;
	if (end != NULL) {
		*pattern = end;
		return in_set(p + 1, end, c);
	}
	return take_literal(pattern) == c;
}

/* Only the last star is tried again, longer: what came before it is matched for good. */
bool
ra_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text != '\0') {
		const char *p = pattern, *t = text;

		if (*pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (*pattern != '\0' && match_one(&p, take(&t))) {
			pattern = p;
			text = t;
		} else if (star != NULL) {
			take(&again);
			pattern = star;
			text = again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
