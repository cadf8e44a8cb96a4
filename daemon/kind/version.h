/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of kind version share. */
#ifndef RA_KIND_VERSION_H
#define RA_KIND_VERSION_H

#include "relaudit/kind/kind.h"
#include "relaudit/kind/version.h"
#include "relaudit/model/semver.h"

struct ra_version_lag {
	int64_t releases, age; /* RA_UNSET: no limit */
};

struct ra_version_words {
	struct ra_text version, commit;
	struct ra_range *range; /* of version; NULL: it is compared as text */
	int64_t tagged, latest_tag;
	struct ra_version_lag *max_lag;
	int64_t agree_within;
};

/* What one instance says of itself, and what the repository knows of that. */
struct ra_version_seen {
	const char *version, *commit; /* NULL: not read */
	const struct ra_git_answer *git; /* NULL: nobody was asked */
};

/* Without a leading v. */
const char *ra_version_bare(const char *version);
/* False: it is not semantic. */
bool ra_version_parse(const char *version, struct ra_semver *ret);
/* Whether a word needs the repository. */
bool ra_version_wants_git(const struct ra_version_words *w);
/* The facts of an answer. 0 or -ENOMEM. */
int ra_version_git_facts(
    struct ra_facts *facts, const struct ra_fact_def *defs, const struct ra_git_answer *git);
/* Judges tagged, latest-tag and max-lag. */
void ra_version_judge_git(struct ra_result *r, enum ra_verdict bad,
    const struct ra_version_words *w, const struct ra_version_seen *seen);
/* Adds what is worth saying although nothing is breached, as ", tag v1.5.0". */
void ra_version_git_say(
    struct ra_buf *out, const struct ra_version_words *w, const struct ra_git_answer *git);
void ra_version_lag_text(struct ra_buf *out, const struct ra_version_lag *lag);

#endif
