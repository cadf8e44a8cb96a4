/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The releases of one repository: its tags that follow a pattern, and their order. Versions that
 * are semantic are ordered by precedence; a version that is not is ordered by ancestry, which is
 * handed in.
 */
#ifndef RELAUDIT_MODEL_RELEASE_H
#define RELAUDIT_MODEL_RELEASE_H

#include "relaudit/base/buf.h"
#include "relaudit/base/error.h"
#include "relaudit/model/semver.h"

#define RA_COMMIT_TEXT	65	/* SHA-1 or SHA-256 in hexadecimal, and a NUL */

/* "v{version}", "api/v{version}": {version} once, the rest as it stands. 0 or -EINVAL. */
int ra_tag_pattern_check(const char *pattern, struct ra_error *err);
/* The version in a tag's name, points into it; NULL: the name does not follow the pattern. */
const char *ra_tag_version(const char *pattern, const char *name, size_t *ret_len);
/* The tag's name of a version. */
int ra_tag_name(const char *pattern, const char *version, struct ra_buf *out);
/* A glob, as git takes it, for all names that follow the pattern. */
int ra_tag_glob(const char *pattern, struct ra_buf *out);

/* "1.2.0-3-gabc1234", as git describe says what has no tag. */
struct ra_described {
	size_t base_len;	/* of the tag that it is built on */
	const char *hash;	/* of its commit, 4 digits at least */
	size_t hash_len;
	bool beyond;		/* the tag is not at that commit */
};

/* The length without "-dirty", "+dirty" or ".dirty" at the end: what no commit has. */
size_t ra_clean_length(const char *text, size_t len);
/* False: the text does not end so. */
bool ra_described_split(const char *text, size_t len, struct ra_described *ret);

struct ra_tag {
	char *name;
	char *version;
	char commit[RA_COMMIT_TEXT];	/* peeled; "": it points at something else */
	int64_t date;			/* of the commit by its committer, wall ms */
	bool is_semver;
	struct ra_semver semver;
	uint32_t rank;			/* by ancestry, from 1; 0: not known */
	bool is_alias;			/* not semantic, and at the commit of a release that is */
};

/* What runs against the tag of its version. */
enum ra_relation {
	RA_RELATION_NONE,	/* no commit was reported, or there is neither tag nor commit */
	RA_RELATION_MATCHING,	/* the commit is the tag's */
	RA_RELATION_BEHIND,	/* the tag has commits that it lacks */
	RA_RELATION_AHEAD,	/* it has commits beyond the tag */
	RA_RELATION_DIVERGED,	/* both */
	RA_RELATION_UNTAGGED,	/* no tag; see nearest */
	RA_RELATION_DIRTY,	/* reported as -dirty or +dirty: it is no commit's state */
	RA_RELATION_UNKNOWN,	/* the commit is not in the repository, or stands for several */
};

struct ra_releases;

struct ra_releases *ra_releases_new(const char *pattern);	/* a checked one; NULL: no memory */
void ra_releases_free(struct ra_releases *r);
/* A name that does not follow the pattern is left out. commit "": none. 0 or -ENOMEM. */
int ra_releases_add(struct ra_releases *r, const char *name, const char *commit, int64_t date);
/* After the last was added, before anything is asked. */
void ra_releases_sort(struct ra_releases *r);
/*
 * True if ancestry is needed for a whole order of the version: it, or a release that is numbered
 * (2.0, 2025.01.10), is not semantic. NULL: whatever runs.
 */
bool ra_releases_want_order(const struct ra_releases *r, const char *version);
/*
 * Commits of all tags, one a line, ancestors first. One that is left out comes before all: git
 * leaves out a root that has no files.
 */
void ra_releases_set_order(struct ra_releases *r, const char *lines);

size_t ra_releases_count(const struct ra_releases *r);
/* By exact version; NULL: none. */
const struct ra_tag *ra_releases_find(const struct ra_releases *r, const char *version);
/* The highest release at a commit; NULL: none. */
const struct ra_tag *ra_releases_at(const struct ra_releases *r, const char *commit);
/*
 * How many newer releases there are; -1: not known. Of several tags on one commit each counts.
 * Pre-releases count only if version is one. A semantic version needs no tag of its own. Where
 * number and ancestry of one that is numbered and not semantic contradict each other: -1.
 */
int64_t ra_releases_behind(const struct ra_releases *r, const char *version);
/* The newest release, as above; version NULL: whatever runs. NULL: there is none, or no order. */
const struct ra_tag *ra_releases_latest(const struct ra_releases *r, const char *version);
/* *ret <0, 0, >0. 0, or -ENOENT: no order is known between these. */
int ra_releases_compare(const struct ra_releases *r, const char *a, const char *b, int *ret);
/* Releases after a up to b, counted as above (a runs); negative if b is before a. As compare. */
int ra_releases_lag(const struct ra_releases *r, const char *a, const char *b, int64_t *ret);

#endif
