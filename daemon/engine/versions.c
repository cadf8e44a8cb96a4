/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each instance was last seen to run, and the events that say so: out of them alone it can be
 * told later what ran where at any time.
 */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

/* Of one version; a tag goes with the version, or with the commit where there is only that. */
static const char *const known_keys[] = { "commit", "tag", "tag_commit", "tag_date" };
static const char *const carried[] = { "tag", "tag_commit", "tag_date" };

static bool
same_fact(const struct ra_fact *a, const struct ra_fact *b)
{
	const struct ra_facts one = { .list = (struct ra_fact *)(uintptr_t)a, .count = a != NULL };
	const struct ra_facts two = { .list = (struct ra_fact *)(uintptr_t)b, .count = b != NULL };

	return ra_facts_equal(&one, &two);
}

static bool
same_text(const struct ra_facts *a, const struct ra_facts *b, const char *name)
{
	return same_fact(ra_facts_get(a, name), ra_facts_get(b, name));
}

/* What was read replaces what was known, but for a version that could not be read this time. */
static bool
is_news(const struct ra_facts *was, const struct ra_facts *now)
{
	return now->count > 0 &&
	       (ra_facts_text(was, "version") == NULL || ra_facts_text(now, "version") != NULL);
}

static int
add(struct ra_facts *to, const struct ra_fact_def *defs, const struct ra_fact *fact)
{
	return fact->def->type == RA_FACT_TEXT
		   ? ra_facts_set_text(to, defs, fact->def->name, fact->text)
		   : ra_facts_set_number(to, defs, fact->def->name, fact->number);
}

/* A repository that is out of reach for a while does not undo what it told of the same version. */
static void
carry(struct ra_facts *known, const struct ra_fact_def *defs, const struct ra_facts *was)
{
	if (!same_text(was, known, "version") || !same_text(was, known, "commit"))
		return;
	for (size_t i = 0; i < RA_ARRAY_SIZE(carried); i++) {
		const struct ra_fact *fact = ra_facts_get(was, carried[i]);

		if (fact != NULL && ra_facts_get(known, carried[i]) == NULL)
			(void)add(known, defs, fact);
	}
}

static bool
is_more_known(const struct ra_facts *was, const struct ra_facts *now)
{
	for (size_t i = 0; i < RA_ARRAY_SIZE(known_keys); i++) {
		const struct ra_fact *fact = ra_facts_get(now, known_keys[i]);

		if (fact != NULL && !same_fact(ra_facts_get(was, known_keys[i]), fact))
			return true;
	}
	return false;
}

/* In what all that have it agree. */
static void
agree(const struct ra_track *t, struct ra_facts *ret)
{
	static const char *const keys[] = { "version", "commit", "tag", "tag_commit", "tag_date" };

	for (size_t k = 0; k < RA_ARRAY_SIZE(keys); k++) {
		const struct ra_fact *first = NULL;
		bool same = true;

		for (size_t i = 0; i < t->history_count && same; i++) {
			const struct ra_fact *fact = ra_facts_get(&t->history[i], keys[k]);

			if (first == NULL)
				first = fact;
			else if (fact != NULL)
				same = same_fact(first, fact);
		}
		if (first != NULL && same)
			(void)add(ret, ra_check_kind(t->check)->facts, first);
	}
}

static void
announce(struct ra_probe *p, size_t i, const struct ra_facts *was, const struct ra_facts *agreed)
{
	const struct ra_facts *now = &p->track->history[i];
	const char *before = ra_facts_text(was, "version"), *after = ra_facts_text(now, "version");
	struct ra_version_change change = { .instance = p->check->instances[i].name,
		.was = before,
		.now = now,
		.agreed = p->check->many ? agreed : NULL };

	if (after == NULL && ra_facts_text(now, "commit") == NULL)
		return;
	if (before != NULL && after != NULL && strcmp(before, after) != 0)
		change.what = RA_VERSION_CHANGED;
	else if (was->count == 0 || (before == NULL && after != NULL))
		change.what = RA_VERSION_FIRST;
	else if (is_more_known(was, now))
		change.what = RA_VERSION_KNOWN;
	else
		return;
	if (change.what == RA_VERSION_CHANGED)
		p->track->changed = ra_clock_wall();
	ra_announce_version(p->engine, p->track, &change);
}

/* --- another definition --- */

static bool
is_same_instance(const struct ra_check *a, size_t i, const struct ra_check *b, size_t k)
{
	if (!a->many || !b->many)
		return a->many == b->many;
	return strcmp(a->instances[i].name, b->instances[k].name) == 0;
}

static bool
is_of_version(const struct ra_facts *f)
{
	return ra_facts_text(f, "version") != NULL || ra_facts_text(f, "commit") != NULL;
}

void
ra_versions_move(struct ra_track *from, struct ra_track *to)
{
	if (to->check->kind != from->check->kind)
		return;
	to->changed = from->changed;
	for (size_t i = 0; i < from->history_count; i++) {
		for (size_t k = 0; is_of_version(&from->history[i]) && k < to->history_count; k++) {
			if (!is_same_instance(from->check, i, to->check, k))
				continue;
			to->history[k] = from->history[i];
			to->seen[k] = from->seen[i];
			from->history[i] = (struct ra_facts){ 0 };
			break;
		}
	}
}

/* --- a tag that moves --- */

/* False: that is where it was, or it is another's. */
static bool
find_move(const struct ra_facts *was, const struct ra_facts *now, struct ra_tag_move *ret)
{
	*ret = (struct ra_tag_move){ .version = ra_facts_text(now, "version"),
		.tag = ra_facts_text(now, "tag"),
		.was = ra_facts_text(was, "tag_commit"),
		.now = ra_facts_text(now, "tag_commit") };
	return ret->tag != NULL && ret->was != NULL && ret->now != NULL &&
	       same_text(was, now, "version") && same_text(was, now, "tag") &&
	       strcmp(ret->was, ret->now) != 0;
}

/* Once, however many instances are of it. */
static void
announce_moves(struct ra_probe *p, const struct ra_facts *was, const bool *news, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ra_tag_move move, other;
		bool told = false;

		if (!news[i] || !find_move(&was[i], &p->track->history[i], &move))
			continue;
		for (size_t k = 0; k < i && !told; k++)
			told = news[k] && find_move(&was[k], &p->track->history[k], &other) &&
			       strcmp(other.tag, move.tag) == 0;
		if (!told)
			ra_announce_tag(p->engine, p->track, &move);
	}
}

/* --- since when --- */

static bool
is_text(const struct ra_facts *facts, const char *name, const char *text)
{
	const char *known = ra_facts_text(facts, name);

	return strcmp(known != NULL ? known : "", text) == 0;
}

/* A file has no time of its own: the version that its name is of was looked for before. */
int64_t
ra_versions_seen(const struct ra_part *part, const struct ra_git_question *q)
{
	const struct ra_track *t = part->probe->track;
	size_t i = (size_t)(part - part->probe->parts);

	if (q->want == RA_GIT_BLOB)
		return -1;
	if (i < t->history_count && t->seen[i] != 0 &&
	    is_text(&t->history[i], "version", q->version) &&
	    is_text(&t->history[i], "commit", q->commit))
		return t->seen[i];
	return part->probe->started;
}

static bool
was_answered(const struct ra_track *t, size_t i)
{
	const struct ra_result *r = t->latest;
	enum ra_reason reason = r->reason;

	if (t->check->many)
		reason = i < r->instance_count ? r->instances[i].reason : RA_R_INTERNAL;
	return reason == RA_R_TAG_MISSING || reason == RA_R_VERSION_UNTAGGED ||
	       reason == RA_R_COMMIT_UNKNOWN;
}

void
ra_versions_restore(struct ra_track *t)
{
	for (size_t i = 0; t->latest != NULL && i < t->history_count; i++) {
		if (was_answered(t, i))
			t->seen[i] = -1;
	}
}

void
ra_versions_remember(struct ra_probe *p)
{
	struct ra_track *t = p->track;
	size_t count = p->part_count < t->history_count ? p->part_count : t->history_count, i;
	RA_FREE struct ra_facts *was = calloc(count + 1, sizeof(*was));
	RA_FREE bool *news = calloc(count + 1, sizeof(*news));
	struct ra_facts agreed = { 0 };

	if (was == NULL || news == NULL)
		return;
	for (i = 0; i < count; i++) {
		const struct ra_result *r = p->parts[i].result;

		was[i] = t->history[i];
		news[i] = r != NULL && is_news(&was[i], &r->facts) &&
			  ra_facts_copy(&r->facts, &t->history[i]) == 0;
		if (!news[i])
			continue;
		carry(&t->history[i], ra_check_kind(t->check)->facts, &was[i]);
		if (t->seen[i] == 0 || !same_text(&was[i], &t->history[i], "version") ||
		    !same_text(&was[i], &t->history[i], "commit"))
			t->seen[i] = p->started;
	}
	agree(t, &agreed);
	announce_moves(p, was, news, count);
	for (i = 0; i < count; i++) {
		if (!news[i])
			continue;
		announce(p, i, &was[i], &agreed);
		ra_facts_free(&was[i]);
	}
	ra_facts_free(&agreed);
}
