/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic Versioning 2.0.0 and ranges as npm writes them (node-semver 7, not loose). */
#ifndef RELAUDIT_MODEL_SEMVER_H
#define RELAUDIT_MODEL_SEMVER_H

#include "relaudit/base/error.h"

#define RA_SEMVER_MAX	256

struct ra_semver {
	uint64_t major, minor, patch;
	const char *pre;	/* borrowed from the text, NULL: none */
	size_t pre_len;
	const char *build;
	size_t build_len;
};

/* The whole text must be a version; a leading "v" or "=" is not one. 0 or -EINVAL. */
int ra_semver_parse(const char *text, size_t len, struct ra_semver *ret);
/* <0, 0, >0 by precedence; build metadata does not count. */
int ra_semver_compare(const struct ra_semver *a, const struct ra_semver *b);

struct ra_range;

/* "1.5.0", ">=1.4 <2 || 3.x", "^1.2", "~1.2.3", "1.2 - 2.3", "*". Owned by the caller. */
int ra_range_parse(const char *text, struct ra_range **ret, struct ra_error *err);
void ra_range_free(struct ra_range *r);
/* Pre-releases only where a comparator of the same major.minor.patch names one, as npm does. */
bool ra_range_contains(const struct ra_range *r, const struct ra_semver *v);

#endif
