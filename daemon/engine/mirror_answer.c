/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, from refs and what git said. */
#include <stdio.h>
#include <string.h>

#include "mirror_internal.h"
#include "relaudit/base/units.h"

#define TURNS_MAX   40 /* more runs than any question needs */
#define ORDER_MAX   33554432
#define KEY_MAX	    8192
#define VERSION_MAX 256 /* no tag is asked for that is longer */

/* --- releases --- */

static int
load_releases(struct ra_mirror_repo *r)
{
	const struct ra_clone *c = r->clone;
	struct ra_releases *list;

	if (r->releases != NULL && r->generation == c->generation)
		return 0;
	list = ra_releases_new(r->pattern);
	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->refs->count; i++) {
		const struct ra_git_ref *ref = &c->refs->list[i];

		if (strncmp(ref->name, "refs/tags/", 10) == 0 &&
		    ra_releases_add(list, ref->name + 10, ref->commit, ref->date) < 0) {
			ra_releases_free(list);
			return -ENOMEM;
		}
	}
	ra_releases_sort(list);
	ra_releases_free(r->releases);
	r->releases = list;
	r->generation = c->generation;
	r->ordered = false;
	return 0;
}

/* Ancestry, where versions have no order of their own. False: it waits. */
static bool
know_order(struct ra_mirror_query *q, const char *version)
{
	static const char *const args[] = { "log", "--reverse", "--date-order", "--tags",
		"--simplify-by-decoration", "--decorate-refs=refs/tags/", "--format=%H", NULL };
	struct ra_mirror_repo *r = q->repo;
	const struct ra_memo_item *item;
	char key[48];

	if (r->ordered || !ra_releases_want_order(r->releases, version))
		return true;
	(void)snprintf(key, sizeof(key), "order at %llu", (unsigned long long)r->clone->generation);
	item = ra_query_know(
	    q, key, &(struct ra_git_call){ .args = args, .max_output = ORDER_MAX }, false);
	if (item == NULL)
		return false;
	ra_releases_set_order(r->releases, item->output);
	r->ordered = true;
	return true;
}

/* "1.4.0-3-gabc1234" as git describe says it. NULL: it is not that. */
static const char *
described_commit(const char *version)
{
	struct ra_described d;

	if (version == NULL || !ra_described_split(version, strlen(version), &d) ||
	    !ra_is_commit(d.hash))
		return NULL;
	return d.hash;
}

static void
set_tag(struct ra_mirror_side *side, const struct ra_tag *tag)
{
	side->tag = tag->name;
	side->version = tag->version;
	side->tag_commit = tag->commit;
	side->tag_date = tag->date;
}

/* Exactly at a tag, "1.4.0-0-gabc1234", it is the tag's version, at a commit of its own. */
static const struct ra_tag *
find_tag(const struct ra_mirror_query *q, const char *version, const char **ret_commit)
{
	const struct ra_tag *tag = ra_releases_find(q->repo->releases, version);
	char base[VERSION_MAX];
	struct ra_described d;

	if (tag != NULL || !ra_described_split(version, strlen(version), &d) || d.beyond ||
	    d.base_len >= sizeof(base))
		return tag;
	memcpy(base, version, d.base_len);
	base[d.base_len] = '\0';
	tag = ra_releases_find(q->repo->releases, base);
	if (tag != NULL && *ret_commit == NULL)
		*ret_commit = described_commit(version);
	return tag;
}

/*
 * Finds tag and commit of a side. RA_TURN_WAIT: it waits; *ret_over: it is answered. A version
 * without a tag is no reason to stop if there is a commit.
 */
static enum ra_turn
find_side(struct ra_mirror_query *q, size_t i, bool *ret_over)
{
	struct ra_mirror_side *side = &q->answer.side[i];
	const char *version = q->side[i].version, *commit = q->side[i].commit;
	const struct ra_tag *tag;
	enum ra_turn turn;

	*ret_over = true;
	*side = (struct ra_mirror_side){ .tag_commit = "", .dirty = q->side[i].dirty };
	tag = version != NULL ? find_tag(q, version, &commit) : NULL;
	if (tag != NULL)
		set_tag(side, tag);
	if (commit == NULL && tag == NULL)
		commit = described_commit(version);
	if (tag != NULL && commit != NULL && strlen(commit) >= 7 &&
	    strncasecmp(tag->commit, commit, strlen(commit)) == 0) {
		memcpy(side->commit, tag->commit, sizeof(side->commit));
	} else if (commit != NULL) {
		if (ra_query_commit(q, commit, side->commit, &turn) == NULL) {
			side->commit[0] = '\0';
			return turn;
		}
		if (version == NULL)
			tag = ra_releases_at(q->repo->releases, side->commit);
		if (tag != NULL)
			set_tag(side, tag);
	} else if (tag != NULL) {
		memcpy(side->commit, tag->commit, sizeof(side->commit));
	}
	*ret_over = false;
	return RA_TURN_DONE;
}

/* Where no tag at all is a release, that is to be mended first. */
static void
add_no_release(const struct ra_mirror_query *q, struct ra_buf *out)
{
	size_t tags = q->repo->clone->refs->tags;

	if (ra_releases_count(q->repo->releases) > 0)
		return;
	if (tags == 0)
		ra_buf_puts(out, ": it has no tag at all");
	else
		ra_buf_printf(
		    out, ": none of its %zu tags fits the pattern %.80s", tags, q->repo->pattern);
}

static enum ra_turn
tag_missing(struct ra_mirror_query *q, const char *version)
{
	const char *pattern = q->repo->pattern;
	RA_BUF_LOCAL name = RA_BUF(4096);
	RA_BUF_LOCAL why = RA_BUF(256);

	(void)ra_tag_name(pattern, version, &name);
	if (*version == 'v' && strncmp(pattern, "v{", 2) == 0)
		ra_buf_puts(&why, " (the version has a v of its own: mend the tag pattern)");
	else
		add_no_release(q, &why);
	return ra_query_missing(q, RA_R_TAG_MISSING, "the repository has no tag %.100s%s",
	    ra_buf_text(&name), ra_buf_text(&why));
}

/* --- identify --- */

/* "TAG-COUNT-gCOMMIT" */
static void
take_nearest(struct ra_mirror_query *q, char *text)
{
	const struct ra_tag *tag = NULL;
	const char *version;
	char *dash = strrchr(text, '-');
	int64_t ahead;
	size_t len;

	if (dash == NULL)
		return;
	*dash = '\0';
	dash = strrchr(text, '-');
	if (dash == NULL || ra_int_parse(dash + 1, strlen(dash + 1), &ahead) < 0)
		return;
	*dash = '\0';
	version = ra_tag_version(q->repo->pattern, text, &len);
	if (version != NULL) {
		RA_FREE char *plain = strndup(version, len);

		tag = plain != NULL ? ra_releases_find(q->repo->releases, plain) : NULL;
	}
	if (tag == NULL)
		return;
	q->nearest = tag;
	q->answer.nearest = tag->name;
	q->answer.ahead = ahead;
	q->answer.behind = 0;
}

/* False: it waits. */
static bool
find_nearest(struct ra_mirror_query *q, const char *commit)
{
	RA_BUF_LOCAL glob = RA_BUF(4096);
	RA_BUF_LOCAL key = RA_BUF(KEY_MAX);
	const struct ra_memo_item *item;
	RA_FREE char *text = NULL;

	(void)ra_tag_glob(q->repo->pattern, &glob);
	(void)ra_buf_printf(&key, "nearest %s %s at %llu", commit, ra_buf_text(&glob),
	    (unsigned long long)q->repo->clone->generation);
	if (glob.error == 0 && key.error == 0) {
		const char *const args[] = { "describe", "--tags", "--long", "--candidates=50",
			"--match", ra_buf_text(&glob), commit, NULL };

		item = ra_query_know(
		    q, ra_buf_text(&key), &(struct ra_git_call){ .args = args }, true);
		if (item == NULL)
			return false;
		if (item->exit_code == 0)
			text = strdup(item->output);
	}
	if (text != NULL)
		take_nearest(q, text);
	return true;
}

static enum ra_relation
relation_of(int64_t behind, int64_t ahead)
{
	if (behind < 0 || ahead < 0)
		return RA_RELATION_UNKNOWN;
	if (behind > 0)
		return ahead > 0 ? RA_RELATION_DIVERGED : RA_RELATION_BEHIND;
	return ahead > 0 ? RA_RELATION_AHEAD : RA_RELATION_MATCHING;
}

static bool
find_relation(struct ra_mirror_query *q)
{
	struct ra_mirror_answer *a = &q->answer;
	const struct ra_mirror_side *side = &a->side[0];

	if (side->tag == NULL && side->commit[0] != '\0') {
		if (!find_nearest(q, side->commit))
			return false;
		a->relation = RA_RELATION_UNTAGGED;
	} else if (side->tag_commit[0] != '\0' &&
		   (q->side[0].commit != NULL || described_commit(q->side[0].version) != NULL)) {
		if (!ra_query_count(q, side->commit, side->tag_commit, &a->behind, &a->ahead))
			return false;
		a->relation = relation_of(a->behind, a->ahead);
	}
	if (side->dirty)
		a->relation = RA_RELATION_DIRTY;
	return true;
}

static bool
find_place(struct ra_mirror_query *q)
{
	struct ra_mirror_answer *a = &q->answer;
	const char *version = a->side[0].version;
	const struct ra_tag *latest;

	if (version == NULL && q->side[0].version != NULL)
		version = q->side[0].version;
	if (version == NULL || (a->side[0].tag == NULL && q->nearest != NULL))
		version = q->nearest != NULL ? q->nearest->version : NULL;
	if (!know_order(q, version))
		return false;
	latest = ra_releases_latest(q->repo->releases, version);
	/* Where no release is known, that none is newer says nothing. */
	if (version != NULL && latest != NULL)
		a->behind_releases = ra_releases_behind(q->repo->releases, version);
	a->latest = latest != NULL ? latest->name : NULL;
	a->latest_date = latest != NULL ? latest->date : 0;
	return true;
}

static enum ra_turn
say_identified(struct ra_mirror_query *q)
{
	const struct ra_mirror_side *side = &q->answer.side[0];

	if (side->tag == NULL && q->side[0].version != NULL)
		return tag_missing(q, q->side[0].version);
	if (side->tag == NULL && side->commit[0] != '\0')
		return ra_query_missing(
		    q, RA_R_TAG_MISSING, "no tag is at commit %.12s", side->commit);
	if (side->tag == NULL)
		return ra_query_say(q, RA_R_TAG_MISSING, "neither version nor commit is known");
	if (side->tag_commit[0] == '\0')
		return ra_query_say(
		    q, RA_R_TAG_NO_COMMIT, "tag %.100s does not point at a commit", side->tag);
	return ra_query_say(q, RA_R_OK, "%s", "");
}

static enum ra_turn
identify(struct ra_mirror_query *q)
{
	enum ra_turn turn;
	bool over;

	turn = find_side(q, 0, &over);
	if (turn == RA_TURN_WAIT)
		return turn;
	if (over) /* the commit is not known; what the tag says still is */
		q->answer.relation = RA_RELATION_UNKNOWN;
	else if (!find_relation(q))
		return RA_TURN_WAIT;
	if (!find_place(q))
		return RA_TURN_WAIT;
	return over ? turn : say_identified(q);
}

/* --- compare --- */

static enum ra_turn
need_side(struct ra_mirror_query *q, size_t i, bool *ret_over)
{
	const struct ra_mirror_side *side = &q->answer.side[i];
	enum ra_turn turn = find_side(q, i, ret_over);

	if (turn == RA_TURN_WAIT || *ret_over || side->commit[0] != '\0')
		return turn;
	*ret_over = true;
	if (side->tag != NULL)
		return ra_query_say(
		    q, RA_R_TAG_NO_COMMIT, "tag %.100s does not point at a commit", side->tag);
	if (q->side[i].version != NULL)
		return tag_missing(q, q->side[i].version);
	return ra_query_say(q, RA_R_TAG_MISSING, "neither version nor commit is known");
}

static const char *
version_of(const struct ra_mirror_query *q, size_t i)
{
	return q->side[i].version != NULL ? q->side[i].version : q->answer.side[i].version;
}

/* Releases say their order themselves; of one release, and of what is beyond one, commits do. */
static bool
are_releases(const char *one, const char *other)
{
	return one != NULL && other != NULL && described_commit(one) == NULL &&
	       described_commit(other) == NULL && strcmp(one, other) != 0;
}

static void
set_order(struct ra_mirror_query *q)
{
	struct ra_mirror_answer *a = &q->answer;
	const char *one = version_of(q, 0), *other = version_of(q, 1);
	const struct ra_releases *r = q->repo->releases;

	if (are_releases(one, other)) {
		/* Of equal precedence, build metadata apart, commits tell. */
		a->ordered = ra_releases_compare(r, one, other, &a->order) == 0 && a->order != 0;
		a->lag_known = ra_releases_lag(r, one, other, &a->lag_releases) == 0;
	}
	/* Of two that are not releases one is older if the other has it whole. */
	if (!a->ordered && a->behind >= 0 && (a->behind == 0 || a->ahead == 0)) {
		a->ordered = true;
		a->order = (a->ahead > 0) - (a->behind > 0);
	}
	if (a->side[0].commit_date != 0 && a->side[1].commit_date != 0)
		a->lag_ms = a->side[1].commit_date - a->side[0].commit_date;
}

static enum ra_turn
compare(struct ra_mirror_query *q)
{
	struct ra_mirror_answer *a = &q->answer;
	bool over;

	for (size_t i = 0; i < 2; i++) {
		enum ra_turn turn = need_side(q, i, &over);

		if (turn == RA_TURN_WAIT || over)
			return turn;
	}
	if (!ra_query_count(q, a->side[0].commit, a->side[1].commit, &a->behind, &a->ahead) ||
	    !ra_query_date(q, a->side[0].commit, &a->side[0].commit_date) ||
	    !ra_query_date(q, a->side[1].commit, &a->side[1].commit_date) ||
	    !know_order(q, version_of(q, 0)) || !know_order(q, version_of(q, 1)))
		return RA_TURN_WAIT;
	a->relation = relation_of(a->behind, a->ahead);
	set_order(q);
	return ra_query_say(q, RA_R_OK, "%s", "");
}

/* --- turning --- */

/* When a mirror that was found on disk was fetched may not be known. */
static enum ra_turn
say_stale(struct ra_mirror_query *q, int64_t age)
{
	const struct ra_clone *c = q->repo->clone;
	char text[RA_UNIT_TEXT];

	if (c->fetched.wall == 0)
		return ra_query_say(q, c->remote == RA_R_OK ? RA_R_REPO_PENDING : c->remote,
		    "never fetched: %.200s", c->remote_error);
	(void)ra_duration_human(age, text);
	if (c->remote == RA_R_OK)
		return ra_query_say(
		    q, RA_R_REPO_LATE, "last fetched %s ago, and still being fetched", text);
	return ra_query_say(q, c->remote, "last fetched %s ago: %.200s", text, c->remote_error);
}

/* The mirror as a whole: RA_TURN_DONE and *ret_over false if it may be asked. */
static enum ra_turn
look_at_clone(struct ra_mirror_query *q, bool *ret_over)
{
	struct ra_clone *c = q->repo->clone;
	const struct ra_mirror_setup *setup = &c->mirror->setup;
	bool known = c->refs != NULL && !c->damaged;
	int64_t age = c->fetched.wall != 0 ? ra_stamp_age(c->fetched) : INT64_MAX;

	*ret_over = true;
	if (!known || age > setup->max_age) {
		if (!q->waited && !q->late && ra_clone_may_refresh(c))
			return ra_query_wait_fetch(q, false);
		if (known)
			return say_stale(q, age);
		if (c->remote != RA_R_OK)
			return ra_query_say(q, c->remote, "%s", c->remote_error);
		return ra_query_say(q, RA_R_GIT_FAILED, "%s", c->local_error);
	}
	if (age >= setup->interval)
		ra_clone_refresh(c, false);
	if (c->refs->count == 0)
		return ra_query_missing(
		    q, RA_R_REPO_EMPTY, "the repository is empty: it has no tag and no branch");
	*ret_over = false;
	return RA_TURN_DONE;
}

static enum ra_turn
turn(struct ra_mirror_query *q)
{
	bool over;
	enum ra_turn turn = look_at_clone(q, &over);

	if (turn == RA_TURN_WAIT || over)
		return turn;
	if (load_releases(q->repo) < 0)
		return ra_query_say(q, RA_R_NO_MEMORY, "out of memory");
	switch (q->want) {
	case RA_MIRROR_IDENTIFY:
		return identify(q);
	case RA_MIRROR_COMPARE:
		return compare(q);
	default:
		return ra_query_blob(q);
	}
}

void
ra_query_turn(struct ra_mirror_query *q)
{
	enum ra_turn r = RA_TURN_DONE;

	if (!q->failed && q->turns++ >= TURNS_MAX) {
		q->answer = (struct ra_mirror_answer){ 0 };
		(void)ra_query_say(q, RA_R_INTERNAL, "asked git without an end");
	} else if (!q->failed) {
		q->nearest = NULL;
		q->answer =
		    (struct ra_mirror_answer){ .behind = -1, .ahead = -1, .behind_releases = -1 };
		r = turn(q);
	}
	if (r == RA_TURN_DONE)
		ra_query_answer(q);
}
