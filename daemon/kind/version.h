/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of kind version share. */
#ifndef RA_KIND_VERSION_H
#define RA_KIND_VERSION_H

#include "relaudit/kind/kind.h"
#include "relaudit/kind/version.h"
#include "relaudit/model/release.h"
#include "relaudit/model/semver.h"

struct ra_version_lag {
	int64_t releases, age; /* RA_UNSET: no limit */
};

struct ra_version_words {
	struct ra_text version, commit;
	struct ra_range *range; /* of version; NULL: it is compared as text */
	int64_t tagged, latest_tag;
	struct ra_version_lag *max_lag;
	struct ra_text same_as, not_ahead_of;
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
/* Digits enough to be told from others. */
bool ra_version_is_commit(const char *text);
enum ra_version_same {
	RA_VERSION_UNTOLD,	/* one is no commit, or both have what no commit has */
	RA_VERSION_OTHER,
	RA_VERSION_SAME,
};

/* Either may be the short form of the other. */
enum ra_version_same ra_version_same_commit(const char *a, const char *b);
/* The other reasons say why the repository could not be asked. */
bool ra_version_is_answer(enum ra_reason reason);
/* Judges same-as and not-ahead-of. */
void ra_version_judge_peers(struct ra_result *r, enum ra_verdict bad,
    const struct ra_judge_call *call, const struct ra_version_words *w,
    const struct ra_version_seen *seen);
/* The nth question that they need; ret has what runs here. False: no more. */
bool ra_version_ask_peers(
    const struct ra_judge_call *call, size_t nth, struct ra_git_question *ret);
/* Adds "same-as staging" to what is expected. */
void ra_version_tell_peers(
    struct ra_buf *out, const struct ra_judge_call *call, const struct ra_version_words *w);
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
