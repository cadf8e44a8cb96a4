/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/name.h"

#include <string.h>

bool
ra_name_valid(const char *text, size_t len)
{
	if (len == 0 || len > RA_NAME_MAX || text[0] < 'a' || text[0] > 'z')
		return false;
	for (size_t i = 1; i < len; i++) {
		char c = text[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return false;
	}
	return true;
}

void
ra_nearest_init(struct ra_nearest *n, const char *wanted)
{
	*n = (struct ra_nearest){ .wanted = wanted, .distance = UINT32_MAX };
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits, a swap of neighbours counting as one (optimal string alignment); both short. */
static unsigned
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][RA_NAME_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (unsigned j = 0; j <= b_len; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned *spare = before;

		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned cost = a[i - 1] != b[j - 1];

			row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_len];
}

void
ra_nearest_try(struct ra_nearest *n, const char *candidate)
{
	/* What is longer than a name is nobody's slip of the finger. */
	size_t len = strnlen(n->wanted, RA_NAME_MAX + 1);
	size_t other = strnlen(candidate, RA_NAME_MAX + 1);
	unsigned limit = (unsigned)(1 + len / 3), d;

	if (len == 0 || len > RA_NAME_MAX || other > RA_NAME_MAX)
		return;
	d = distance(n->wanted, len, candidate, other);
	if (d > limit && strncmp(n->wanted, candidate, len) == 0)
		d = limit;
	/* Replacing every byte is no likeness. */
	if (d > limit || d >= n->distance || (d >= len && d >= other))
		return;
	n->name = candidate;
	n->distance = d;
}
