/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/kind/version.h"

#include <string.h>

#include "version.h"

const char *
ra_version_bare(const char *version)
{
	return version + (*version == 'v' ? 1 : 0);
}

bool
ra_version_parse(const char *version, struct ra_semver *ret)
{
	const char *bare = ra_version_bare(version);

	return ra_semver_parse(bare, strlen(bare), ret) == 0;
}

/* What is behind a pre-release is counted with pre-releases: no measure for other versions. */
static bool
are_counted_alike(const struct ra_version_place *a, const struct ra_version_place *b)
{
	struct ra_semver v, w;
	bool is_v = ra_version_parse(a->version, &v), is_w = ra_version_parse(b->version, &w);

	if (a->behind_releases == RA_UNSET || b->behind_releases == RA_UNSET || is_v != is_w)
		return false;
	return !is_v || (v.pre != NULL) == (w.pre != NULL);
}

static void
count_releases(const struct ra_version_place *a, const struct ra_version_place *b,
    struct ra_version_order *ret)
{
	int64_t ahead = b->behind_releases - a->behind_releases;
	int sign = (ahead > 0) - (ahead < 0);

	if (!ret->known && sign != 0) {
		ret->known = true;
		ret->order = sign;
	}
	/* Counted at different times they may contradict the order: then they are no measure. */
	if (ret->known && (sign == 0 || sign == (ret->order > 0) - (ret->order < 0))) {
		ret->releases_known = true;
		ret->ahead_releases = ahead;
	}
}

void
ra_version_compare(const struct ra_version_place *a, const struct ra_version_place *b,
    struct ra_version_order *ret)
{
	struct ra_semver v, w;

	*ret = (struct ra_version_order){ 0 };
	if (a->version == NULL || b->version == NULL)
		return;
	if (strcmp(ra_version_bare(a->version), ra_version_bare(b->version)) == 0) {
		ret->known = ret->releases_known = true;
		return;
	}
	if (ra_version_parse(a->version, &v) && ra_version_parse(b->version, &w)) {
		ret->known = true;
		ret->order = ra_semver_compare(&v, &w);
	}
	if (are_counted_alike(a, b))
		count_releases(a, b, ret);
}
