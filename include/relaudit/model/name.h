/* SPDX-License-Identifier: Apache-2.0 */
/* Names: `[a-z][a-z0-9-]{0,62}`, and the nearest of many for "did you mean". */
#ifndef RELAUDIT_MODEL_NAME_H
#define RELAUDIT_MODEL_NAME_H

#include "relaudit/base/macro.h"

#define RA_NAME_MAX	63

bool ra_name_valid(const char *text, size_t len);
/*
 * Feeds candidates one by one and keeps the nearest (Damerau-Levenshtein over bytes, at most
 * 1 + len/3 edits; a candidate that the text is a prefix of counts as near). best.name is NULL if
 * none is near. Candidates are borrowed.
 */
struct ra_nearest {
	const char *wanted;
	const char *name;
	unsigned distance;
};

void ra_nearest_init(struct ra_nearest *n, const char *wanted);
void ra_nearest_try(struct ra_nearest *n, const char *candidate);

#endif
