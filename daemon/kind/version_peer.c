/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs against what runs elsewhere. Semantic versions have an order of their own; that of
 * others only the repository knows, and a repository that does not answer leaves it UNKNOWN.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "judge.h"
#include "version.h"

#define SHORT 12 /* digits of a commit that are shown */

/* One word and whom it names. */
struct pair {
	struct ra_result *r;
	enum ra_verdict bad;
	const struct ra_version_seen *seen;
	const struct ra_gathered *peer;
	const char *word, *name; /* of the other, as it is configured */
	const char *version, *commit; /* of the other; NULL: not known */
	const struct ra_git_answer *order; /* NULL: nobody was asked */
	bool same_repository;
};

/* --- saying --- */

static void
add_what(struct ra_buf *out, const char *version, const char *commit)
{
	if (version != NULL)
		ra_buf_puts(out, version);
	else
		ra_buf_printf(out, "commit %.*s", SHORT, commit);
}

static void
add_count(struct ra_buf *out, int64_t n, const char *what)
{
	ra_buf_printf(out, "%" PRId64 " %s%s", n, what, n == 1 ? "" : "s");
}

/* The same, beside another breach that is as bad. */
static const char *
beside(const char *text)
{
	text += strspn(text, ", ");
	return strncmp(text, "but ", 4) == 0 ? text + 4 : text;
}

/* text is what follows "1.5.0 runs". */
static void
say(const struct pair *p, enum ra_verdict v, enum ra_reason reason, const struct ra_buf *text)
{
	RA_BUF_LOCAL what = RA_BUF(2048);

	if (!ra_judge_begin(p->r, v)) {
		if (v == p->r->verdict && v != RA_UNKNOWN)
			ra_result_also(p->r, beside(ra_buf_text(text)));
		return;
	}
	add_what(&what, p->seen->version, p->seen->commit);
	ra_buf_printf(&what, " runs%s", ra_buf_text(text));
	ra_result_say(p->r, v, reason, "%s", ra_buf_text(&what));
	ra_result_expected(p->r, "%s %s", p->word, p->name);
}

static void
say_unread(const struct pair *p)
{
	const struct ra_facts *facts = p->peer->facts;
	const char *why = p->peer->error;
	RA_BUF_LOCAL text = RA_BUF(2048);

	if (p->peer->reason == RA_R_OK)
		why = facts != NULL && ra_facts_get(facts, RA_DIFFER_SINCE) != NULL
			  ? "its instances differ"
			  : "it reports none that could be compared";
	ra_buf_printf(&text, ", but the version of %s is not known: %s", p->name,
	    why != NULL ? why : ra_reason_meaning(RA_R_PEER_UNREAD));
	say(p, RA_UNKNOWN, RA_R_PEER_UNREAD, &text);
}

/* --- comparing --- */

static bool
is_same_version(const char *a, const char *b)
{
	return strcmp(ra_version_bare(a), ra_version_bare(b)) == 0;
}

/* --- how far --- */

/* The releases that it is ahead, as far as both were counted in one repository. */
static struct ra_version_order
order_of(const struct pair *p)
{
	const struct ra_git_answer *git = p->seen->git;
	struct ra_version_place own = { p->seen->version, RA_UNSET, p->seen->commit };
	struct ra_version_place other = { p->version, RA_UNSET, p->commit };
	struct ra_version_order order;

	/* Commits of two repositories have nothing to do with each other. */
	if (!p->same_repository)
		own.commit = NULL;

	if (p->same_repository && git != NULL && ra_version_is_answer(git->reason) &&
	    git->behind_releases >= 0) {
		own.behind_releases = git->behind_releases;
		other.behind_releases =
		    ra_facts_number(p->peer->facts, "behind_releases", RA_UNSET);
	}
	ra_version_compare(&own, &other, &order);
	return order;
}

/* By what both say themselves, without what was counted. */
static struct ra_version_order
own_order(const char *version, const char *commit, const char *other, const char *other_commit)
{
	struct ra_version_order order;

	ra_version_compare(&(struct ra_version_place){ version, RA_UNSET, commit },
	    &(struct ra_version_place){ other, RA_UNSET, other_commit }, &order);
	return order;
}

static bool
both_have_versions(const struct pair *p)
{
	return p->seen->version != NULL && p->version != NULL;
}

/* --- same-as --- */

static void
versions_differ(const struct pair *p)
{
	struct ra_version_order order = order_of(p);
	RA_BUF_LOCAL text = RA_BUF(2048);
	int64_t n = order.ahead_releases;

	ra_buf_printf(&text, ", but %s in %s", p->version, p->name);
	if (order.releases_known && n != 0) {
		ra_buf_puts(&text, ": ");
		add_count(&text, n < 0 ? -n : n, "release");
		ra_buf_puts(&text, n < 0 ? " behind" : " ahead");
	}
	say(p, p->bad, RA_R_VERSION_DIFFERS, &text);
}

static void
commits_differ(const struct pair *p)
{
	RA_BUF_LOCAL text = RA_BUF(2048);

	if (p->seen->version != NULL)
		ra_buf_printf(&text, " at commit %.*s", SHORT, p->seen->commit);
	ra_buf_printf(&text, ", but commit %.*s in %s", SHORT, p->commit, p->name);
	say(p, p->bad, RA_R_COMMIT_DIFFERS, &text);
}

static void
commits_untold(const struct pair *p)
{
	const char *own = p->seen->commit;
	bool is_none = !ra_version_is_commit(own);
	RA_BUF_LOCAL text = RA_BUF(2048);

	if (p->seen->version != NULL)
		ra_buf_printf(&text, " at commit %.40s", own);
	ra_buf_printf(&text,
	    ", which cannot be compared with commit %.40s in %s: '%.40s' is no "
	    "commit; mend `commit:`%s",
	    p->commit, p->name, is_none ? own : p->commit, is_none ? "" : " there");
	say(p, RA_UNKNOWN, RA_R_VERSION_UNREADABLE, &text);
}

static void
judge_same(const struct pair *p)
{
	const struct ra_version_seen *seen = p->seen;
	bool versions = both_have_versions(p);
	bool commits = seen->commit != NULL && p->commit != NULL;
	enum ra_version_same same =
	    commits ? ra_version_same_commit(seen->commit, p->commit) : RA_VERSION_UNTOLD;
	RA_BUF_LOCAL text = RA_BUF(2048);

	if (versions && !is_same_version(seen->version, p->version)) {
		versions_differ(p);
	} else if (same == RA_VERSION_OTHER) {
		commits_differ(p);
	} else if (commits && same == RA_VERSION_UNTOLD) {
		commits_untold(p);
	} else if (!versions && !commits && p->version == NULL && p->commit == NULL) {
		say_unread(p);
	} else if (!versions && !commits) {
		ra_buf_puts(&text, ", which cannot be compared: ");
		add_what(&text, p->version, p->commit);
		ra_buf_printf(&text, " runs in %s", p->name);
		say(p, RA_UNKNOWN, RA_R_VERSION_UNREADABLE, &text);
	}
}

/* --- not-ahead-of --- */

/* The same version is told apart by its commit. */
static void
add_there(struct ra_buf *out, const struct pair *p)
{
	add_what(out, p->version, p->commit);
	if (p->commit != NULL && both_have_versions(p) &&
	    is_same_version(p->seen->version, p->version))
		ra_buf_printf(out, " at commit %.*s", SHORT, p->commit);
}

/* What is ahead may be so because nobody released it. */
static void
add_untagged(struct ra_buf *out, const struct ra_git_answer *git)
{
	if (git != NULL && git->reason == RA_R_TAG_MISSING)
		ra_buf_printf(
		    out, "; %s", git->error != NULL ? git->error : ra_reason_meaning(git->reason));
}

/* n: releases or commits, 0: not known. */
static void
is_ahead(const struct pair *p, int64_t n, const char *what)
{
	RA_BUF_LOCAL text = RA_BUF(2048);

	ra_buf_puts(&text, ", ");
	if (n > 0)
		add_count(&text, n, what);
	ra_buf_printf(&text, "%sahead of %s (", n > 0 ? " " : "", p->name);
	add_there(&text, p);
	ra_buf_puts(&text, ")");
	add_untagged(&text, p->seen->git);
	say(p, p->bad, RA_R_VERSION_AHEAD, &text);
}

static void
is_unordered(const struct pair *p, enum ra_reason reason, const char *why)
{
	RA_BUF_LOCAL text = RA_BUF(2048);

	ra_buf_puts(&text, ", and whether that is newer than ");
	add_there(&text, p);
	ra_buf_printf(&text, " of %s is not known: %s", p->name, why);
	say(p, RA_UNKNOWN, reason, &text);
}

static void
has_diverged(const struct pair *p)
{
	RA_BUF_LOCAL text = RA_BUF(2048);

	ra_buf_puts(&text, ", which has diverged from ");
	add_there(&text, p);
	ra_buf_printf(&text, " of %s: ", p->name);
	add_count(&text, p->order->ahead, "commit");
	ra_buf_puts(&text, " only here, ");
	ra_buf_printf(&text, "%" PRId64 " only there", p->order->behind);
	add_untagged(&text, p->seen->git);
	say(p, p->bad, RA_R_VERSION_DIVERGED, &text);
}

static void
is_dirty(const struct pair *p)
{
	is_unordered(p, RA_R_VERSION_UNORDERED, "it was built with changes that no commit has");
}

/* By ancestry. */
static void
judge_order(const struct pair *p)
{
	const struct ra_git_answer *git = p->order;
	const char *error;

	if (git == NULL) {
		is_unordered(p, RA_R_VERSION_UNORDERED,
		    p->same_repository ? "no repository was asked"
				       : "it is another service, with another repository");
		return;
	}
	error =
	    git->error != NULL && *git->error != '\0' ? git->error : ra_reason_meaning(git->reason);
	if (!ra_version_is_answer(git->reason))
		is_unordered(p, git->reason, error);
	else if (git->reason != RA_R_OK)
		is_unordered(p, RA_R_VERSION_UNORDERED, error);
	else if (git->behind > 0 && git->ahead > 0)
		has_diverged(p);
	else if (!git->ordered)
		is_unordered(p, RA_R_VERSION_UNORDERED, ra_reason_meaning(RA_R_VERSION_UNORDERED));
	else if (git->order > 0 && git->lag_known && git->lag_releases < 0)
		is_ahead(p, -git->lag_releases, "release");
	else if (git->order > 0)
		is_ahead(p, git->ahead, "commit");
	else if (git->order == 0 && git->dirty)
		is_dirty(p);
}

static void
judge_ahead(const struct pair *p)
{
	struct ra_version_order order = own_order(
	    p->seen->version, p->same_repository ? p->seen->commit : NULL, p->version, p->commit);

	if (p->version == NULL && p->commit == NULL)
		say_unread(p);
	else if (order.dirty)
		is_dirty(p);
	else if (!order.known)
		judge_order(p);
	else if (order.order > 0)
		is_ahead(p, order_of(p).ahead_releases, "release");
}

/* --- both --- */

static bool
is_ahead_word(const struct ra_check_peer *peer)
{
	return strcmp(peer->option, "not-ahead-of") == 0;
}

static bool
is_same_service(const struct ra_judge_call *call, const struct ra_check_peer *peer)
{
	const char *other = peer->check->service;

	if (call->service == NULL || other == NULL)
		return call->service == other;
	return strcmp(call->service, other) == 0;
}

/* What was asked of the word beside what runs here, which is asked first. */
static const struct ra_git_answer *
find_answer(const struct ra_judge_call *call, bool warn)
{
	for (size_t i = 1; i < call->answer_count; i++) {
		if (call->answers[i].warn == warn)
			return &call->answers[i];
	}
	return NULL;
}

void
ra_version_judge_peers(struct ra_result *r, enum ra_verdict bad, const struct ra_judge_call *call,
    const struct ra_version_words *w, const struct ra_version_seen *seen)
{
	bool warn = w == call->warn;

	for (size_t i = 0; i < call->input_count; i++) {
		const struct ra_gathered *g = &call->inputs[i];
		struct pair p = { .r = r, .bad = bad, .seen = seen, .peer = g };
		bool ahead;

		if (g->need.what != RA_NEED_PEER || g->peer->warn != warn ||
		    (seen->version == NULL && seen->commit == NULL))
			continue;
		ahead = is_ahead_word(g->peer);
		p.word = g->peer->option;
		p.name = ahead ? w->not_ahead_of.value : w->same_as.value;
		if (g->reason != RA_R_OK || g->facts == NULL) {
			say_unread(&p);
			continue;
		}
		p.version = ra_facts_text(g->facts, "version");
		p.commit = ra_facts_text(g->facts, "commit");
		p.order = find_answer(call, warn);
		p.same_repository = is_same_service(call, g->peer);
		if (ahead)
			judge_ahead(&p);
		else
			judge_same(&p);
	}
}

/* Of the peers whose order only the repository knows, the nth. */
bool
ra_version_ask_peers(const struct ra_judge_call *call, size_t nth, struct ra_git_question *ret)
{
	for (size_t i = 0; i < call->input_count; i++) {
		const struct ra_gathered *g = &call->inputs[i];
		const char *own = *ret->version != '\0' ? ret->version : NULL;
		const char *own_commit = *ret->commit != '\0' ? ret->commit : NULL;
		const char *other, *other_commit;
		struct ra_version_order order;

		if (g->need.what != RA_NEED_PEER || !is_ahead_word(g->peer) ||
		    g->reason != RA_R_OK || g->facts == NULL || !is_same_service(call, g->peer))
			continue;
		other = ra_facts_text(g->facts, "version");
		other_commit = ra_facts_text(g->facts, "commit");
		order = own_order(own, own_commit, other, other_commit);
		if ((other == NULL && other_commit == NULL) || order.known || order.dirty ||
		    nth-- > 0)
			continue;
		ret->want = RA_GIT_COMPARE;
		ret->fresh = true;
		ret->warn = g->peer->warn;
		snprintf(ret->other_version, sizeof(ret->other_version), "%s",
		    other != NULL ? other : "");
		snprintf(ret->other_commit, sizeof(ret->other_commit), "%s",
		    other_commit != NULL ? other_commit : "");
		return true;
	}
	return false;
}

void
ra_version_tell_peers(
    struct ra_buf *out, const struct ra_judge_call *call, const struct ra_version_words *w)
{
	for (size_t i = 0; i < call->input_count; i++) {
		const struct ra_gathered *g = &call->inputs[i];

		if (g->need.what == RA_NEED_PEER && g->peer->warn == (w == call->warn))
			ra_buf_printf(out, "%s%s %s", out->len > 0 ? ", " : "", g->peer->option,
			    is_ahead_word(g->peer) ? w->not_ahead_of.value : w->same_as.value);
	}
}
