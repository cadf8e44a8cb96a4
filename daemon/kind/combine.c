/* SPDX-License-Identifier: Apache-2.0 */
/* One result out of those of the instances. */
#include <string.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/units.h"
#include "relaudit/kind/kind.h"

#include "judge.h"

struct instances {
	const char *const *names;
	struct ra_result *const *results;
	size_t count;
	struct ra_buf difference; /* in what they differ, if the kind tells */
};

static int
copy_text(const char *text, char **ret)
{
	*ret = text != NULL ? strdup(text) : NULL;
	return text == NULL || *ret != NULL ? 0 : -ENOMEM;
}

static int
copy_instance(const char *name, const struct ra_result *from, struct ra_instance_result *to)
{
	to->verdict = from->verdict;
	to->reason = from->reason;
	if (copy_text(name, &to->name) < 0 || copy_text(from->summary, &to->summary) < 0)
		return -ENOMEM;
	return ra_facts_copy(&from->facts, &to->facts);
}

static int
copy_instances(const struct instances *all, struct ra_result *r)
{
	r->instances = calloc(all->count, sizeof(*r->instances));
	if (r->instances == NULL)
		return -ENOMEM;
	r->instance_count = all->count;
	for (size_t i = 0; i < all->count; i++) {
		if (copy_instance(all->names[i], all->results[i], &r->instances[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- the worst --- */

/* The first of the worst speaks. */
static size_t
speaker(const struct instances *all)
{
	size_t worst = 0;

	for (size_t i = 1; i < all->count; i++) {
		if (ra_verdict_rank(all->results[i]->verdict) >
		    ra_verdict_rank(all->results[worst]->verdict))
			worst = i;
	}
	return worst;
}

static bool
all_say_the_same(const struct instances *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->results[i]->summary == NULL ||
		    strcmp(all->results[i]->summary, all->results[0]->summary) != 0)
			return false;
	}
	return true;
}

static size_t
count_bad(const struct instances *all)
{
	size_t bad = 0;

	for (size_t i = 0; i < all->count; i++)
		bad += all->results[i]->verdict != RA_OK;
	return bad;
}

static int
speak(const struct instances *all, struct ra_result *r)
{
	size_t which = speaker(all), bad = count_bad(all);
	const struct ra_result *worst = all->results[which];
	const char *summary =
	    worst->summary != NULL ? worst->summary : ra_reason_meaning(worst->reason);

	if (all->count > 1 && all_say_the_same(all))
		ra_result_say(
		    r, worst->verdict, worst->reason, "%s (all %zu)", summary, all->count);
	else if (bad > 1)
		ra_result_say(r, worst->verdict, worst->reason, "%s: %s (%zu of %zu are not OK)",
		    all->names[which], summary, bad, all->count);
	else
		ra_result_say(
		    r, worst->verdict, worst->reason, "%s: %s", all->names[which], summary);
	if (copy_text(worst->expected, &r->expected) < 0 ||
	    copy_text(worst->evidence, &r->evidence) < 0)
		return -ENOMEM;
	return copy_text(worst->next_step, &r->next_step);
}

/* --- agreement --- */

static bool
same_value(const struct ra_fact *a, const struct ra_fact *b)
{
	const struct ra_facts one = { .list = (struct ra_fact *)a, .count = 1 };
	const struct ra_facts two = { .list = (struct ra_fact *)b, .count = 1 };

	return ra_facts_equal(&one, &two);
}

/* The first instance whose fact is not as that of the first that has it; count: none. */
static size_t
find_other(const struct instances *all, const char *name, const struct ra_fact **ret_first)
{
	const struct ra_fact *first = NULL;
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct ra_fact *fact = ra_facts_get(&all->results[i]->facts, name);

		if (first == NULL)
			first = fact;
		else if (fact != NULL && !same_value(first, fact))
			break;
	}
	*ret_first = first;
	return i;
}

/* "1.5.0 on pr1, pr2": those that have the value of instance `of`. */
static void
tell_group(const struct instances *all, const char *name, size_t of, struct ra_buf *out)
{
	const struct ra_fact *value = ra_facts_get(&all->results[of]->facts, name);

	if (value->def->type == RA_FACT_TEXT && all->difference.len == 0)
		ra_buf_printf(out, "%s on ", value->text);
	for (size_t i = 0, told = 0; i < all->count; i++) {
		const struct ra_fact *fact = ra_facts_get(&all->results[i]->facts, name);

		if (fact != NULL && same_value(fact, value))
			ra_buf_printf(out, "%s%s", told++ > 0 ? ", " : "", all->names[i]);
	}
}

/* Each value with those who have it; where the kind told in what they differ, only those. */
static void
tell_groups(const struct instances *all, const char *name, struct ra_buf *out)
{
	const char *between = all->difference.len > 0 ? " against " : "; ";
	bool first = true;

	for (size_t i = 0; i < all->count; i++) {
		const struct ra_fact *fact = ra_facts_get(&all->results[i]->facts, name);
		bool told = fact == NULL;

		for (size_t j = 0; j < i && !told; j++) {
			const struct ra_fact *before = ra_facts_get(&all->results[j]->facts, name);

			told = before != NULL && same_value(before, fact);
		}
		if (told)
			continue;
		ra_buf_puts(out, first ? "" : between);
		tell_group(all, name, i, out);
		first = false;
	}
}

static const char *
difference(struct instances *all, const char *name)
{
	return all->difference.len > 0 ? ra_buf_text(&all->difference) : name;
}

static void
tell_differing(struct instances *all, const char *name, enum ra_verdict bad, struct ra_result *r)
{
	RA_BUF_LOCAL text = RA_BUF(4 * RA_SUMMARY_MAX);

	tell_groups(all, name, &text);
	ra_result_say(r, bad, RA_R_INSTANCES_DIFFER, "instances differ in %s: %s",
	    difference(all, name), ra_buf_text(&text));
	ra_result_expected(r, "all instances agree");
}

static const char *
place_of(const struct instances *all, size_t i)
{
	const char *evidence = all->results[i]->evidence;

	return evidence != NULL ? evidence : "what was read";
}

/* The first of them with the first that differs from it. */
static void
say_next(const struct instances *all, const char *name, size_t other, struct ra_result *r)
{
	size_t first = 0;

	while (ra_facts_get(&all->results[first]->facts, name) == NULL)
		first++;
	ra_result_next(r,
	    "compare %s (%s) with %s (%s), make them the same, or `ignore` keys that may differ",
	    place_of(all, first), all->names[first], place_of(all, other), all->names[other]);
}

static bool
is_among(const char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

/* --- how long they may differ --- */

/* RA_UNSET: not said. */
static int64_t
agree_within(const struct ra_kind *kind, const void *words)
{
	for (const struct ra_option *o = kind->expectation.options;
	     words != NULL && o != NULL && o->name != NULL; o++) {
		if (strcmp(o->name, RA_AGREE_WITHIN) == 0)
			return *(const int64_t *)(const void *)((const char *)words + o->offset);
	}
	return RA_UNSET;
}

/* "1.5.0 on 2 of 3, 1.4.0 on 1" */
static void
tell_counts(const struct instances *all, const char *name, struct ra_buf *out)
{
	for (size_t i = 0, told = 0; i < all->count; i++) {
		const struct ra_fact *fact = ra_facts_get(&all->results[i]->facts, name);
		size_t before = 0, same = 0;

		for (size_t j = 0; fact != NULL && j < all->count; j++) {
			const struct ra_fact *other = ra_facts_get(&all->results[j]->facts, name);

			if (other == NULL || !same_value(fact, other))
				continue;
			same++;
			before += j < i;
		}
		if (fact == NULL || before > 0)
			continue;
		ra_buf_printf(out, "%s%s on %zu", told > 0 ? ", " : "",
		    fact->def->type == RA_FACT_TEXT ? fact->text : "one", same);
		if (told++ == 0)
			ra_buf_printf(out, " of %zu", all->count);
	}
}

/* Nothing else is wrong: what is going on, and for how long it may. */
static void
say_tolerated(
    struct instances *all, const char *name, int64_t within, int64_t left, struct ra_result *r)
{
	RA_BUF_LOCAL text = RA_BUF(4 * RA_SUMMARY_MAX);
	char human[RA_UNIT_TEXT];

	if (r->verdict != RA_OK)
		return;
	ra_buf_printf(&text, "instances differ in %s: ", difference(all, name));
	if (all->difference.len > 0)
		tell_groups(all, name, &text);
	else
		tell_counts(all, name, &text);
	ra_buf_printf(&text, "; tolerated for %s more", ra_duration_human(left, human));
	r->verdict = RA_PENDING; /* so that it is replaced */
	ra_result_say(r, RA_OK, RA_R_OK, "%s", ra_buf_text(&text));
	ra_result_expected(r, "%s%sall instances agree within %s",
	    r->expected != NULL ? r->expected : "", r->expected != NULL ? ", " : "",
	    ra_duration_format(within, human));
}

static void
say_breach(struct instances *all, const char *name, size_t other, enum ra_verdict bad,
    int64_t within, struct ra_result *r)
{
	char text[RA_UNIT_TEXT];

	if (!ra_judge_begin(r, bad))
		return;
	tell_differing(all, name, bad, r);
	if (within != RA_UNSET)
		ra_result_expected(
		    r, "all instances agree within %s", ra_duration_format(within, text));
	/* Not the speaker's, which may be one that was not read. */
	ra_result_evidence(r, all->results[other]->evidence);
	if (all->difference.len > 0)
		say_next(all, name, other, r);
}

/* Of the first fact in which they differ. */
static int
judge_difference(const struct ra_kind *kind, const struct ra_combine_call *call,
    struct instances *all, const char *name, size_t other, int64_t since, struct ra_result *r)
{
	int64_t age = ra_judge_age(call->now, since);
	int64_t within = agree_within(kind, call->expect), warn = agree_within(kind, call->warn);

	if (kind->tell_difference != NULL && call->snapshots != NULL &&
	    kind->tell_difference(call->options, call->snapshots, all->count, &all->difference) < 0)
		return -ENOMEM;
	if (within == RA_UNSET || age >= within)
		say_breach(all, name, other, RA_CRITICAL, within, r);
	else if (warn != RA_UNSET && age >= warn)
		say_breach(all, name, other, RA_WARNING, warn, r);
	else
		say_tolerated(all, name, within, within - age, r);
	return 0;
}

static bool
is_unread(const struct ra_kind *kind, const struct ra_result *r)
{
	for (const char *const *a = kind->agree; a != NULL && *a != NULL; a++) {
		if (ra_facts_get(&r->facts, *a) != NULL)
			return false;
	}
	return r->verdict == RA_UNKNOWN;
}

static bool
any_unread(const struct ra_kind *kind, const struct instances *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (is_unread(kind, all->results[i]))
			return true;
	}
	return false;
}

/*
 * They began to differ when they were first seen to. One that is not read does not begin it anew:
 * only all of them together end it.
 */
static int
judge_agreement(const struct ra_kind *kind, const struct ra_combine_call *call,
    struct instances *all, struct ra_result *r)
{
	int64_t since =
	    call->before != NULL ? ra_facts_number(call->before, RA_DIFFER_SINCE, 0) : 0;
	bool differ = false;

	if (since > call->now)
		since = call->now;
	for (const char *const *a = kind->agree; a != NULL && *a != NULL; a++) {
		const struct ra_fact *first;
		size_t other = find_other(all, *a, &first);

		if (other == all->count)
			continue;
		if (since == 0)
			since = call->now;
		if (!differ && judge_difference(kind, call, all, *a, other, since, r) < 0)
			return -ENOMEM;
		differ = true;
	}
	if (since == 0 || (!differ && !any_unread(kind, all)))
		return 0;
	return ra_facts_set_number(&r->facts, kind->facts, RA_DIFFER_SINCE, since);
}

/* --- facts --- */

static int
add_fact(struct ra_facts *facts, const struct ra_fact_def *defs, const struct ra_fact *fact)
{
	switch (fact->def->type) {
	case RA_FACT_TEXT:
	case RA_FACT_JSON:
		return ra_facts_set_text(facts, defs, fact->def->name, fact->text);
	case RA_FACT_REAL:
		return ra_facts_set_real(facts, defs, fact->def->name, fact->real);
	case RA_FACT_INT:
	case RA_FACT_TIME:
		break;
	}
	return ra_facts_set_number(facts, defs, fact->def->name, fact->number);
}

static bool
all_agree(const struct ra_kind *kind, const struct instances *all)
{
	const struct ra_fact *first;

	for (const char *const *a = kind->agree; a != NULL && *a != NULL; a++) {
		if (find_other(all, *a, &first) < all->count)
			return false;
	}
	return true;
}

/* The fact of all instances together; NULL: there is none. */
static const struct ra_fact *
fact_of_all(const struct ra_kind *kind, const struct instances *all, const char *name, bool agreed)
{
	const struct ra_fact *first;
	bool follows = is_among(kind->follow, name);

	if (follows && !agreed)
		return NULL;
	if (follows || is_among(kind->agree, name)) {
		if (find_other(all, name, &first) < all->count)
			return NULL;
		if (!follows)
			return first;
	}
	return ra_facts_get(&all->results[speaker(all)]->facts, name);
}

/* Those in which all that were read agree; what need not agree is the speaker's. */
static int
combine_facts(const struct ra_kind *kind, const struct instances *all, struct ra_result *r)
{
	bool agreed = all_agree(kind, all);

	for (const struct ra_fact_def *def = kind->facts; def->name != NULL; def++) {
		const struct ra_fact *fact = fact_of_all(kind, all, def->name, agreed);
		int error = fact != NULL ? add_fact(&r->facts, kind->facts, fact) : 0;

		if (error < 0)
			return error;
	}
	return 0;
}

struct ra_result *
ra_kind_combine(const struct ra_kind *kind, const struct ra_combine_call *call)
{
	struct instances all = { call->names, call->results, call->count, RA_BUF(0) };
	struct ra_result *r = ra_result_new();

	if (r == NULL || speak(&all, r) < 0 || combine_facts(kind, &all, r) < 0 ||
	    copy_instances(&all, r) < 0 || judge_agreement(kind, call, &all, r) < 0) {
		ra_result_unref(r);
		r = NULL;
	}
	ra_buf_free(&all.difference);
	return r;
}
