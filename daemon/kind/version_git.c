/* SPDX-License-Identifier: Apache-2.0 */
/* What runs against the tags of its repository. A repository that cannot answer is UNKNOWN. */
#include "version.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "relaudit/base/units.h"

#include "judge.h"

#define SHORT 12 /* digits of a commit that are shown */

bool
ra_version_wants_git(const struct ra_version_words *w)
{
	return w->tagged == 1 || w->latest_tag == 1 || w->max_lag != NULL;
}

bool
ra_version_is_answer(enum ra_reason reason)
{
	return reason == RA_R_OK || reason == RA_R_TAG_MISSING || reason == RA_R_TAG_NO_COMMIT ||
	       reason == RA_R_COMMIT_UNKNOWN || reason == RA_R_COMMIT_AMBIGUOUS ||
	       reason == RA_R_VERSION_UNREADABLE; /* what it says of its commit is none */
}

int
ra_version_git_facts(
    struct ra_facts *facts, const struct ra_fact_def *defs, const struct ra_git_answer *git)
{
	int r = 0;

	if (git->tag != NULL)
		r = ra_facts_set_text(facts, defs, "tag", git->tag);
	if (r == 0 && git->tag_commit[0] != '\0')
		r = ra_facts_set_text(facts, defs, "tag_commit", git->tag_commit);
	if (r == 0 && git->tag_date != 0)
		r = ra_facts_set_number(facts, defs, "tag_date", git->tag_date);
	if (r == 0 && ra_version_is_answer(git->reason) && git->behind_releases >= 0)
		r = ra_facts_set_number(facts, defs, "behind_releases", git->behind_releases);
	return r;
}

/* --- saying --- */

static void
add_what(struct ra_buf *out, const struct ra_version_seen *seen)
{
	if (seen->version != NULL)
		ra_buf_puts(out, seen->version);
	else
		ra_buf_printf(out, "commit %.*s", SHORT, seen->commit);
	ra_buf_puts(out, " runs");
}

static void
add_count(struct ra_buf *out, int64_t n, const char *what)
{
	ra_buf_printf(out, "%" PRId64 " %s%s", n, what, n == 1 ? "" : "s");
}

/* A mirror that cannot be fetched still answers: with its age. */
static void
add_age(struct ra_buf *out, const struct ra_git_answer *git)
{
	char text[RA_UNIT_TEXT];

	if (git->remote != RA_R_OK && git->fetched != 0)
		ra_buf_printf(out, ", as of %s ago (%s)", ra_duration_human(git->age, text),
		    ra_reason_meaning(git->remote));
}

static void
add_nearest(struct ra_buf *out, const struct ra_git_answer *git)
{
	if (git->nearest == NULL || git->ahead < 0)
		return;
	ra_buf_puts(out, ", ");
	add_count(out, git->ahead, "commit");
	ra_buf_printf(out, " after %s", git->nearest);
}

void
ra_version_lag_text(struct ra_buf *out, const struct ra_version_lag *lag)
{
	char text[RA_UNIT_TEXT];

	ra_buf_puts(out, "max-lag");
	if (lag->releases != RA_UNSET)
		ra_buf_printf(out, " %" PRId64 " releases", lag->releases);
	if (lag->age != RA_UNSET)
		ra_buf_printf(out, "%s %s", lag->releases != RA_UNSET ? " or" : "",
		    ra_duration_format(lag->age, text));
}

void
ra_version_git_say(
    struct ra_buf *out, const struct ra_version_words *w, const struct ra_git_answer *git)
{
	if (git == NULL || !ra_version_is_answer(git->reason))
		return;
	if (git->dirty)
		ra_buf_puts(out, ", built with changes that no commit has");
	else if (git->relation == RA_RELATION_UNTAGGED) {
		ra_buf_puts(out, ", which has no tag");
		add_nearest(out, git);
	} else if (git->tag != NULL && ra_version_wants_git(w))
		ra_buf_printf(out, ", tag %s", git->tag);
	if (ra_version_wants_git(w))
		add_age(out, git);
}

/* text is what follows "1.5.0 runs". False: something worse stands already. */
static bool
say(struct ra_result *r, enum ra_verdict v, enum ra_reason reason,
    const struct ra_version_seen *seen, const struct ra_buf *text, const char *expected)
{
	RA_BUF_LOCAL what = RA_BUF(2048);

	if (!ra_judge_begin(r, v))
		return false;
	add_what(&what, seen);
	ra_buf_puts(&what, ra_buf_text(text));
	if (v != RA_UNKNOWN)
		add_age(&what, seen->git);
	ra_result_say(r, v, reason, "%s", ra_buf_text(&what));
	ra_result_expected(r, "%s", expected);
	return true;
}

/* --- what is wrong --- */

/* The repository could not be asked, or not answer this. */
static void
cannot_tell(struct ra_result *r, enum ra_reason reason, const struct ra_version_seen *seen,
    const char *what, const char *expected)
{
	RA_BUF_LOCAL text = RA_BUF(2048);
	const char *error = seen->git->error;

	ra_buf_printf(&text, ", %s is not known: %s", what,
	    error != NULL && *error != '\0' ? error : ra_reason_meaning(reason));
	(void)say(r, RA_UNKNOWN, reason, seen, &text, expected);
}

static void
is_dirty(struct ra_result *r, enum ra_verdict bad, const struct ra_version_seen *seen,
    const char *expected)
{
	RA_BUF_LOCAL text = RA_BUF(2048);

	ra_buf_puts(&text, ", built with changes that no commit has");
	(void)say(r, bad, RA_R_VERSION_DIRTY, seen, &text, expected);
}

static void
has_no_tag(struct ra_result *r, enum ra_verdict bad, const struct ra_version_seen *seen,
    const char *expected)
{
	const struct ra_git_answer *git = seen->git;
	enum ra_reason reason = git->reason;
	RA_BUF_LOCAL text = RA_BUF(2048);

	if (reason == RA_R_TAG_MISSING && seen->version == NULL) {
		reason = RA_R_VERSION_UNTAGGED;
		ra_buf_puts(&text, ", which has no tag");
	} else {
		ra_buf_printf(&text, ", but %s",
		    git->error != NULL && git->error[0] != '\0' ? git->error
								: ra_reason_meaning(reason));
	}
	add_nearest(&text, git);
	if (reason == RA_R_COMMIT_AMBIGUOUS || reason == RA_R_VERSION_UNREADABLE)
		bad = RA_UNKNOWN;
	(void)say(r, bad, reason, seen, &text, expected);
}

static void
commit_differs(struct ra_result *r, enum ra_verdict bad, const struct ra_version_seen *seen,
    const char *expected)
{
	const struct ra_git_answer *git = seen->git;
	RA_BUF_LOCAL text = RA_BUF(2048);

	ra_buf_printf(&text, " at commit %.*s, but tag %s is at %.*s", SHORT,
	    seen->commit != NULL ? seen->commit : git->commit, git->tag, SHORT, git->tag_commit);
	if (git->behind > 0) {
		ra_buf_puts(&text, ": ");
		add_count(&text, git->behind, "commit");
		ra_buf_puts(&text, " behind");
	}
	if (git->ahead > 0) {
		ra_buf_puts(&text, git->behind > 0 ? ", " : ": ");
		add_count(&text, git->ahead, "commit");
		ra_buf_puts(&text, " ahead");
	}
	(void)say(r, bad, RA_R_COMMIT_DIFFERS, seen, &text, expected);
}

static void
cannot_be_told(struct ra_result *r, const struct ra_version_seen *seen, const char *expected)
{
	RA_BUF_LOCAL text = RA_BUF(2048);

	ra_buf_printf(&text, " at commit %s, whose %zu digits do not tell it from others",
	    seen->commit, strlen(seen->commit));
	if (say(r, RA_UNKNOWN, RA_R_COMMIT_AMBIGUOUS, seen, &text, expected))
		ra_result_next(r, "let the service report the whole commit, or 7 digits of it");
}

/* --- the words --- */

/* Too few digits that are not the tag's are another commit's; that they are the tag's is luck. */
static bool
is_by_luck(const struct ra_version_seen *seen)
{
	const struct ra_git_answer *git = seen->git;

	if (seen->commit == NULL || git->tag == NULL || ra_version_is_commit(seen->commit))
		return false;
	return strncasecmp(git->tag_commit, seen->commit, strlen(seen->commit)) == 0;
}

/* What it runs is what the tag of its version has. git describe tells its commit too. */
static bool
is_at_tag(struct ra_result *r, enum ra_verdict bad, const struct ra_version_seen *seen,
    const char *expected)
{
	const struct ra_git_answer *git = seen->git;

	if (git->dirty)
		is_dirty(r, bad, seen, expected);
	else if (is_by_luck(seen))
		cannot_be_told(r, seen, expected);
	else if (git->tag == NULL || git->reason != RA_R_OK)
		has_no_tag(r, bad, seen, expected);
	else if (strcmp(git->commit, git->tag_commit) != 0)
		commit_differs(r, bad, seen, expected);
	else
		return true;
	return false;
}

static void
is_behind(struct ra_result *r, enum ra_verdict bad, const struct ra_version_seen *seen,
    const char *expected)
{
	const struct ra_git_answer *git = seen->git;
	RA_BUF_LOCAL text = RA_BUF(2048);
	char age[RA_UNIT_TEXT];

	ra_buf_puts(&text, ", ");
	add_count(&text, git->behind_releases, "release");
	if (git->tag_date != 0 && git->latest_date > git->tag_date)
		ra_buf_printf(
		    &text, " and %s", ra_duration_human(git->latest_date - git->tag_date, age));
	ra_buf_printf(&text, " behind %s", git->latest != NULL ? git->latest : "the newest");
	(void)say(r, bad, RA_R_VERSION_BEHIND, seen, &text, expected);
}

static bool
is_order_known(struct ra_result *r, const struct ra_version_seen *seen, const char *expected)
{
	const struct ra_git_answer *git = seen->git;

	if (git->behind_releases >= 0)
		return true;
	cannot_tell(r, git->reason != RA_R_OK ? git->reason : RA_R_VERSION_UNORDERED, seen,
	    "how far it is behind", expected);
	return false;
}

static void
judge_latest(struct ra_result *r, enum ra_verdict bad, const struct ra_version_seen *seen)
{
	const struct ra_git_answer *git = seen->git;

	if (!git->dirty && git->behind_releases > 0)
		is_behind(r, bad, seen, "latest-tag");
	else if (!git->dirty && git->latest == NULL) /* whether one is newer nobody knows */
		(void)is_order_known(r, seen, "latest-tag");
	else if (is_at_tag(r, bad, seen, "latest-tag"))
		(void)is_order_known(r, seen, "latest-tag");
}

/* From its own tag to the newest; the newest is none behind. */
static bool
is_age_known(const struct ra_git_answer *git)
{
	return git->tag != NULL &&
	       (git->behind_releases == 0 || (git->tag_date != 0 && git->latest_date != 0));
}

/* How far the version is behind is not how far the commit is that lacks some of its tag. */
static bool
is_commit_behind(const struct ra_git_answer *git)
{
	if (git->reason != RA_R_OK)
		return git->reason != RA_R_TAG_MISSING;
	return git->tag != NULL && strcmp(git->commit, git->tag_commit) != 0 && git->behind != 0;
}

static void
judge_lag(struct ra_result *r, enum ra_verdict bad, const struct ra_version_lag *lag,
    const struct ra_version_seen *seen)
{
	const struct ra_git_answer *git = seen->git;
	RA_BUF_LOCAL expected = RA_BUF(256);

	ra_version_lag_text(&expected, lag);
	if (!is_order_known(r, seen, ra_buf_text(&expected)))
		return;
	if ((lag->releases != RA_UNSET && git->behind_releases > lag->releases) ||
	    (lag->age != RA_UNSET && git->behind_releases > 0 && git->tag_date != 0 &&
		git->latest_date - git->tag_date > lag->age))
		is_behind(r, bad, seen, ra_buf_text(&expected));
	else if (git->reason == RA_R_TAG_NO_COMMIT)
		has_no_tag(r, bad, seen, ra_buf_text(&expected));
	else if (is_commit_behind(git))
		cannot_tell(r, git->reason != RA_R_OK ? git->reason : RA_R_COMMIT_DIFFERS, seen,
		    "how far its commit is behind", ra_buf_text(&expected));
	else if (lag->age != RA_UNSET && !is_age_known(git))
		cannot_tell(r, git->reason != RA_R_OK ? git->reason : RA_R_VERSION_UNORDERED, seen,
		    "how old its tag is", ra_buf_text(&expected));
}

/* What is said of a repository that does not answer: of the first word that needs it. */
static void
judge_unanswered(
    struct ra_result *r, const struct ra_version_words *w, const struct ra_version_seen *seen)
{
	RA_BUF_LOCAL expected = RA_BUF(256);

	if (w->tagged == 1)
		ra_buf_puts(&expected, "tagged");
	else if (w->latest_tag == 1)
		ra_buf_puts(&expected, "latest-tag");
	else
		ra_version_lag_text(&expected, w->max_lag);
	if (seen->git != NULL) {
		cannot_tell(r, seen->git->reason, seen, "its tag", ra_buf_text(&expected));
	} else if (ra_judge_begin(r, RA_UNKNOWN)) {
		ra_result_say(r, RA_UNKNOWN, RA_R_REPO_NOT_FOUND,
		    "no repository was asked for the tag; give its service or the product one");
		ra_result_expected(r, "%s", ra_buf_text(&expected));
	}
}

void
ra_version_judge_git(struct ra_result *r, enum ra_verdict bad, const struct ra_version_words *w,
    const struct ra_version_seen *seen)
{
	if (!ra_version_wants_git(w) || (seen->version == NULL && seen->commit == NULL))
		return;
	if (seen->git == NULL || !ra_version_is_answer(seen->git->reason)) {
		judge_unanswered(r, w, seen);
		return;
	}
	if (w->tagged == 1)
		(void)is_at_tag(r, bad, seen, "tagged");
	if (w->latest_tag == 1)
		judge_latest(r, bad, seen);
	if (w->max_lag != NULL)
		judge_lag(r, bad, w->max_lag, seen);
}
