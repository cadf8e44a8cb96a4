/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/kind/version.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "relaudit/model/release.h"

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

/* Either may be the short form of the other. */
static bool
is_same_start(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return strncasecmp(a, b, a_len < b_len ? a_len : b_len) == 0;
}

static bool
is_commit(const char *text, size_t len)
{
	char clean[RA_COMMIT_TEXT];

	if (len >= sizeof(clean))
		return false;
	memcpy(clean, text, len);
	clean[len] = '\0';
	return ra_version_is_commit(clean);
}

/* That two say the same of what is no commit, "unknown", tells nothing. */
enum ra_version_same
ra_version_same_commit(const char *a, const char *b)
{
	size_t a_len = ra_clean_length(a, strlen(a)), b_len = ra_clean_length(b, strlen(b));
	bool a_dirty = a[a_len] != '\0', b_dirty = b[b_len] != '\0';

	if (!is_commit(a, a_len) || !is_commit(b, b_len))
		return RA_VERSION_UNTOLD;
	if (a_dirty != b_dirty || !is_same_start(a, a_len, b, b_len))
		return RA_VERSION_OTHER;
	return a_dirty ? RA_VERSION_UNTOLD : RA_VERSION_SAME;
}

/* --- what git describe says --- */

/* "v1.2.0-3-gabc1234-dirty": what it is built on, and what is beyond that. */
struct parts {
	const char *base, *hash; /* hash NULL: it says none */
	size_t base_len, hash_len;
	bool beyond; /* that is not the base's commit */
	bool dirty;
};

/* False: nothing was cut. */
static bool
cut_hash(struct parts *p)
{
	struct ra_described d;

	if (!ra_described_split(p->base, p->base_len, &d) || d.base_len == 0)
		return false;
	p->base_len = d.base_len;
	p->hash = d.hash;
	p->beyond = d.beyond;
	p->hash_len = d.hash_len;
	return true;
}

/* It may be the name of a tag, with what stands there before the version. */
static void
cut_prefix(struct parts *p)
{
	size_t skip = 0;
	struct ra_semver v;

	while (skip < p->base_len && !isdigit((unsigned char)p->base[skip]))
		skip++;
	if (ra_semver_parse(p->base + skip, p->base_len - skip, &v) < 0)
		return;
	p->base += skip;
	p->base_len -= skip;
}

static void
split(const char *version, struct parts *ret)
{
	bool described;
	size_t len;

	*ret = (struct parts){ .base = ra_version_bare(version) };
	len = strlen(ret->base);
	ret->base_len = ra_clean_length(ret->base, len);
	ret->dirty = ret->base_len < len;
	described = cut_hash(ret);
	if (described || ret->dirty)
		cut_prefix(ret);
}

/* Of equal precedence: what differs in build metadata may be of another commit. */
static bool
is_other_base(const struct parts *a, const struct parts *b)
{
	return a->base_len != b->base_len || strncmp(a->base, b->base, a->base_len) != 0;
}

static bool
is_other_hash(const struct parts *a, const struct parts *b)
{
	return a->hash != NULL && b->hash != NULL && a->beyond == b->beyond &&
	       !is_same_start(a->hash, a->hash_len, b->hash, b->hash_len);
}

/* Of equal precedence; same: by the commits that both report. */
static void
order_beyond(const struct parts *a, const struct parts *b, enum ra_version_same same,
    struct ra_version_order *ret)
{
	bool ahead = a->beyond && !b->beyond, behind = b->beyond && !a->beyond;

	ret->dirty = a->dirty && !ahead;
	if (!ret->dirty && same != RA_VERSION_SAME)
		ret->other_commit = is_other_base(a, b) || is_other_hash(a, b) ||
				    (same == RA_VERSION_OTHER && !ahead && !behind && !b->dirty);
	ret->known = !ret->dirty && !ret->other_commit;
	if (ret->known)
		ret->order = ahead ? 1 : behind || b->dirty ? -1 : 0;
}

/* UNTOLD: not both report one. What is no commit is in doubt another's. */
static enum ra_version_same
same_reported(const struct ra_version_place *a, const struct ra_version_place *b)
{
	if (a->commit == NULL || b->commit == NULL)
		return RA_VERSION_UNTOLD;
	return ra_version_same_commit(a->commit, b->commit) == RA_VERSION_SAME ? RA_VERSION_SAME
									       : RA_VERSION_OTHER;
}

/* False: how many releases are newer may tell. */
static bool
order_by_text(const struct ra_version_place *a, const struct ra_version_place *b,
    struct ra_version_order *ret)
{
	struct ra_semver v, w;
	struct parts x, y;

	split(a->version, &x);
	split(b->version, &y);
	if (ra_semver_parse(x.base, x.base_len, &v) == 0 &&
	    ra_semver_parse(y.base, y.base_len, &w) == 0)
		ret->order = ra_semver_compare(&v, &w);
	else if (x.base_len != y.base_len || strncmp(x.base, y.base, x.base_len) != 0)
		return false;
	ret->known = true;
	if (ret->order == 0)
		order_beyond(&x, &y, same_reported(a, b), ret);
	return true;
}

/* --- releases --- */

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
	*ret = (struct ra_version_order){ 0 };
	if (a->version == NULL || b->version == NULL)
		return;
	if (strcmp(ra_version_bare(a->version), ra_version_bare(b->version)) == 0) {
		ret->other_commit = same_reported(a, b) == RA_VERSION_OTHER;
		ret->known = ret->releases_known = !ret->other_commit;
		return;
	}
	if ((!order_by_text(a, b, ret) || ret->known) && are_counted_alike(a, b))
		count_releases(a, b, ret);
}
