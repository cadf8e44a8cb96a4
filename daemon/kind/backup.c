/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there are backups, and whether the newest is young and large enough. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"
#include "relaudit/kind/kind.h"
#include "relaudit/model/pattern.h"

#include "judge.h"

struct backup_options {
	struct ra_texts partial;
	int64_t quiet;
};

struct backup_words {
	int64_t max_age, min_size, max_shrink, min_count;
};

static const char *const partial_names[] = { "*.part", "*.partial", "*.filepart", "*.crdownload",
	"*.incomplete", "*.inprogress", "*.tmp", "*.temp", ".*", "*~" };

static const struct ra_option options[] = {
	{ .name = "partial",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct backup_options, partial),
	    .flags = RA_OPT_NO_SECRET,
	    .help =
		"patterns (* ? [a-z]) of names of files that are still being written and do not "
		"count; without it *.part, *.partial, *.filepart, *.crdownload, *.incomplete, "
		"*.inprogress, *.tmp, *.temp, .* and *~" },
	{ .name = "quiet",
	    .type = RA_OPT_DURATION,
	    .offset = offsetof(struct backup_options, quiet),
	    .fallback = "1s",
	    .max = 7 * RA_DAY,
	    .help =
		"a file that was written to within this time may still be being written and does "
		"not count yet; one of the last second is looked at again before that is said. "
		"More where writing may pause, `0s` where backups get their names only when they "
		"are whole, as by renaming" },
	{ 0 },
};

static const struct ra_option words[] = {
	{ .name = "max-age",
	    .type = RA_OPT_DURATION,
	    .offset = offsetof(struct backup_words, max_age),
	    .min = 1,
	    .max = INT64_MAX,
	    .help = "the newest backup is at most so old" },
	{ .name = "min-size",
	    .type = RA_OPT_SIZE,
	    .offset = offsetof(struct backup_words, min_size),
	    .min = 1,
	    .max = INT64_MAX,
	    .help = "the newest backup has at least this size" },
	{ .name = "max-shrink",
	    .type = RA_OPT_PERCENT,
	    .offset = offsetof(struct backup_words, max_shrink),
	    .max = 10000,
	    .help = "the newest backup is smaller than the one before by so much at most" },
	{ .name = "min-count",
	    .type = RA_OPT_INT,
	    .offset = offsetof(struct backup_words, min_count),
	    .min = 1,
	    .max = 1000000,
	    .help = "there are at least so many backups" },
	{ 0 },
};

static const struct ra_fact_def facts[] = {
	{ "newest", RA_FACT_TIME, "when the newest backup was written" },
	{ "age_s", RA_FACT_INT, "its age in seconds" },
	{ "size", RA_FACT_INT, "its size in bytes" },
	{ "count", RA_FACT_INT, "how many backups there are" },
	{ "previous_size", RA_FACT_INT, "size of the one before in bytes" },
	{ 0 },
};

/* --- what there is --- */

struct backups {
	const struct ra_item *newest, *previous; /* NULL: none */
	size_t count;
	size_t partial, empty, future, writing; /* that do not count */
	int64_t written; /* when one of the last was last written to */
	size_t others; /* names that are no regular files */
	int64_t age;
	int64_t previous_size; /* RA_UNSET: not known */
	char not_counted[192]; /* "; not counted: ..." */
};

static bool
is_partial(const struct backup_options *o, const struct ra_item *item)
{
	const char *slash = strrchr(item->name, '/');
	const char *name = slash != NULL ? slash + 1 : item->name;

	for (size_t i = 0; i < o->partial.count; i++) {
		if (ra_glob_match(o->partial.list[i].value, name))
			return true;
	}
	for (size_t i = 0; o->partial.count == 0 && i < RA_ARRAY_SIZE(partial_names); i++) {
		if (ra_glob_match(partial_names[i], name))
			return true;
	}
	return false;
}

static bool
is_newer(const struct ra_item *a, const struct ra_item *b)
{
	if (b == NULL || a->time != b->time)
		return b == NULL || a->time > b->time;
	return strcmp(a->name, b->name) > 0;
}

static void
count_item(struct backups *b, const struct ra_item *item)
{
	b->count++;
	if (is_newer(item, b->newest)) {
		b->previous = b->newest;
		b->newest = item;
	} else if (is_newer(item, b->previous)) {
		b->previous = item;
	}
}

static void
tell_not_counted(struct backups *b)
{
	const struct {
		size_t count;
		const char *what;
	} rows[] = { { b->partial, "partial" }, { b->writing, "perhaps still being written" },
		{ b->empty, "empty" }, { b->future, "dated in the future" } };
	size_t len = 0;

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		if (rows[i].count > 0)
			len += (size_t)snprintf(b->not_counted + len, sizeof(b->not_counted) - len,
			    "%s %zu %s", len == 0 ? "; not counted:" : ",", rows[i].count,
			    rows[i].what);
	}
}

/* Whether writing went on so lately that it may go on. */
static bool
is_written_to(const struct ra_judge_call *call, struct backups *b, int64_t time)
{
	const struct backup_options *o = call->options;

	if (o->quiet == 0 || time <= call->now - o->quiet)
		return false;
	if (b->writing == 0 || time > b->written)
		b->written = time;
	return true;
}

static void
look(const struct ra_judge_call *call, struct backups *b)
{
	const struct ra_data *data = call->inputs[0].data;

	b->others = data->items.others;
	for (size_t i = 0; i < data->items.count; i++) {
		const struct ra_item *item = &data->items.list[i];

		if (is_partial(call->options, item))
			b->partial++;
		else if (item->time > call->now + RA_JUDGE_SKEW)
			b->future++;
		else if (is_written_to(call, b, item->time))
			b->writing++;
		else if (item->size == 0)
			b->empty++;
		else
			count_item(b, item);
	}
	tell_not_counted(b);
}

/*
 * The one before: in the folder, or, where each backup replaces the last, as seen before. It is
 * kept while there is none, so that one that comes after a gap is compared too.
 */
static int64_t
previous_size(const struct backups *b, const struct ra_facts *history)
{
	int64_t size, seen;

	if (b->previous != NULL)
		return b->previous->size;
	if (history == NULL)
		return RA_UNSET;
	size = ra_facts_number(history, "size", RA_UNSET);
	seen = ra_facts_number(history, "newest", RA_UNSET);
	if (seen == RA_UNSET || (b->newest != NULL && seen == b->newest->time))
		return ra_facts_number(history, "previous_size", RA_UNSET);
	/* One that is older than what was seen did not come after it. */
	return b->newest == NULL || seen < b->newest->time ? size : RA_UNSET;
}

static int
set_facts(struct ra_facts *f, const struct backups *b)
{
	const struct ra_item *newest = b->newest;
	const struct {
		const char *name;
		int64_t value; /* RA_UNSET: not known */
	} rows[] = { { "count", (int64_t)b->count },
		{ "newest", newest != NULL ? newest->time : RA_UNSET },
		{ "age_s", newest != NULL ? b->age / 1000 : RA_UNSET },
		{ "size", newest != NULL ? newest->size : RA_UNSET },
		{ "previous_size", b->previous_size } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		int r = rows[i].value != RA_UNSET
			    ? ra_facts_set_number(f, facts, rows[i].name, rows[i].value)
			    : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- judging --- */

/* As configuration writes it: 100M, 2GiB. */
static const char *
size_word(int64_t bytes, char out[RA_UNIT_TEXT])
{
	static const char prefixes[] = "kMGTP";
	int64_t decimal = bytes, binary = bytes;
	int d = 0, b = 0;

	while (d < 5 && decimal % 1000 == 0) {
		decimal /= 1000;
		d++;
	}
	while (b < 5 && binary % 1024 == 0) {
		binary /= 1024;
		b++;
	}
	if (d > 0 && decimal <= binary)
		snprintf(out, RA_UNIT_TEXT, "%" PRId64 "%c", decimal, prefixes[d - 1]);
	else if (b > 0)
		snprintf(out, RA_UNIT_TEXT, "%" PRId64 "%ciB", binary, prefixes[b - 1]);
	else
		snprintf(out, RA_UNIT_TEXT, "%" PRId64, bytes);
	return out;
}

static void
judge_age(struct ra_result *r, enum ra_verdict bad, int64_t limit, const struct backups *b)
{
	char age[RA_UNIT_TEXT], human[RA_UNIT_TEXT], word[RA_UNIT_TEXT];

	if (limit == RA_UNSET || b->age <= limit || !ra_judge_begin(r, bad))
		return;
	ra_result_say(r, bad, RA_R_BACKUP_TOO_OLD, "newest backup is %s old, limit %s%s",
	    ra_duration_human(b->age, age), ra_duration_human(limit, human), b->not_counted);
	ra_result_expected(r, "max-age %s", ra_duration_format(limit, word));
}

/* False where a size that is needed is not known, which is said then. */
static bool
size_known(struct ra_result *r, int64_t size, const char *which, const char *expected)
{
	if (size != RA_UNSET)
		return true;
	if (ra_judge_begin(r, RA_UNKNOWN)) {
		ra_result_say(r, RA_UNKNOWN, RA_R_NO_SUCH_FIELD,
		    "the size of the %s backup is not known", which);
		ra_result_expected(r, "%s", expected);
	}
	return false;
}

static void
judge_size(struct ra_result *r, enum ra_verdict bad, int64_t limit, const struct backups *b)
{
	char size[RA_UNIT_TEXT], human[RA_UNIT_TEXT], word[RA_UNIT_TEXT];
	char expected[RA_UNIT_TEXT * 2];

	if (limit == RA_UNSET)
		return;
	snprintf(expected, sizeof(expected), "min-size %s", size_word(limit, word));
	if (!size_known(r, b->newest->size, "newest", expected) || b->newest->size >= limit ||
	    !ra_judge_begin(r, bad))
		return;
	ra_result_say(r, bad, RA_R_BACKUP_TOO_SMALL, "newest backup has %s, at least %s expected%s",
	    ra_size_human(b->newest->size, size), ra_size_human(limit, human), b->not_counted);
	ra_result_expected(r, "%s", expected);
}

static void
judge_shrink(struct ra_result *r, enum ra_verdict bad, int64_t limit, const struct backups *b)
{
	char by[RA_UNIT_TEXT], size[RA_UNIT_TEXT], before[RA_UNIT_TEXT], word[RA_UNIT_TEXT];
	char expected[RA_UNIT_TEXT * 2];
	int64_t was = b->previous_size, is = b->newest->size, lost;

	/* The first of all has none before it. */
	if (limit == RA_UNSET || (was == RA_UNSET && b->previous == NULL))
		return;
	snprintf(expected, sizeof(expected), "max-shrink %s", ra_percent_format(limit, word));
	if (!size_known(r, is, "newest", expected) || !size_known(r, was, "previous", expected) ||
	    is >= was)
		return;
	/* Rounded up: by a byte more than the limit is more than the limit. */
	lost = (int64_t)(((__int128)(was - is) * 10000 + was - 1) / was);
	if (lost <= limit || !ra_judge_begin(r, bad))
		return;
	ra_result_say(r, bad, RA_R_BACKUP_SHRUNK,
	    "newest backup shrank by %s, to %s from %s, limit %s%s", ra_percent_format(lost, by),
	    ra_size_human(is, size), ra_size_human(was, before), word, b->not_counted);
	ra_result_expected(r, "%s", expected);
}

static void
judge_count(struct ra_result *r, enum ra_verdict bad, int64_t limit, const struct backups *b)
{
	bool may_come = (int64_t)(b->count + b->writing) >= limit;
	enum ra_verdict v = may_come ? RA_UNKNOWN : bad;

	if (limit == RA_UNSET || (int64_t)b->count >= limit || !ra_judge_begin(r, v))
		return;
	ra_result_say(r, v, may_come ? RA_R_BACKUP_UNFINISHED : RA_R_BACKUP_TOO_FEW,
	    "%zu backup%s, at least %" PRId64 " expected%s", b->count, b->count == 1 ? "" : "s",
	    limit, b->not_counted);
	ra_result_expected(r, "min-count %" PRId64, limit);
}

static void
judge_words(
    struct ra_result *r, enum ra_verdict bad, const struct backup_words *w, const struct backups *b)
{
	judge_age(r, bad, w->max_age, b);
	judge_size(r, bad, w->min_size, b);
	judge_shrink(r, bad, w->max_shrink, b);
	judge_count(r, bad, w->min_count, b);
}

static void
say_words(struct ra_result *r, const struct backup_words *w)
{
	RA_BUF_LOCAL all = RA_BUF(256);
	char word[RA_UNIT_TEXT];

	if (w->max_age != RA_UNSET)
		ra_buf_printf(&all, ", max-age %s", ra_duration_format(w->max_age, word));
	if (w->min_size != RA_UNSET)
		ra_buf_printf(&all, ", min-size %s", size_word(w->min_size, word));
	if (w->max_shrink != RA_UNSET)
		ra_buf_printf(&all, ", max-shrink %s", ra_percent_format(w->max_shrink, word));
	if (w->min_count != RA_UNSET)
		ra_buf_printf(&all, ", min-count %" PRId64, w->min_count);
	if (all.len > 2)
		ra_result_expected(r, "%s", all.data + 2);
}

/* max-shrink has said nothing yet, which its word among what is expected would hide. */
static bool
lacks_previous(const struct ra_judge_call *call, const struct backups *b)
{
	const struct backup_words *expect = call->expect, *warn = call->warn;

	return b->previous == NULL && b->previous_size == RA_UNSET &&
	       (expect->max_shrink != RA_UNSET || (warn != NULL && warn->max_shrink != RA_UNSET));
}

static void
say_fine(struct ra_result *r, const struct ra_judge_call *call, const struct backups *b)
{
	char age[RA_UNIT_TEXT], size[RA_UNIT_TEXT] = "size not known";

	if (r->verdict != RA_PENDING)
		return;
	if (b->newest->size != RA_UNSET)
		ra_size_human(b->newest->size, size);
	ra_result_say(r, RA_OK, RA_R_OK, "newest backup is %s old, %s, %zu in all%s%s",
	    ra_duration_human(b->age, age), size, b->count,
	    lacks_previous(call, b) ? "; no earlier backup to compare with yet" : "",
	    b->not_counted);
	say_words(r, call->expect);
}

/* None is finished: when the one last written to counts, if that was the end of it. */
static void
say_unfinished(struct ra_result *r, const struct ra_judge_call *call, const struct backups *b)
{
	const struct backup_options *o = call->options;
	char ago[RA_UNIT_TEXT], quiet[RA_UNIT_TEXT], left[RA_UNIT_TEXT];

	ra_result_say(r, RA_UNKNOWN, RA_R_BACKUP_UNFINISHED,
	    "no finished backup yet: the newest was written to %s ago, and counts after %s "
	    "without (`quiet:`), in %s%s",
	    ra_duration_human(ra_judge_age(call->now, b->written), ago),
	    ra_duration_human(o->quiet, quiet),
	    ra_duration_human(ra_judge_age(b->written + o->quiet, call->now), left),
	    b->not_counted);
}

/* Nothing counts: why, if there is one reason. */
static void
say_none(struct ra_result *r, const struct ra_judge_call *call, const struct backups *b)
{
	if (b->writing > 0)
		say_unfinished(r, call, b);
	else if (b->future > 0 && b->empty + b->partial == 0)
		ra_result_say(r, RA_CRITICAL, RA_R_BACKUP_FUTURE,
		    "no backup counts: %zu found, dated in the future", b->future);
	else if (b->empty > 0 && b->future + b->partial == 0)
		ra_result_say(r, RA_CRITICAL, RA_R_BACKUP_EMPTY,
		    "no backup counts: %zu found, empty", b->empty);
	else if (b->others > 0 && b->empty + b->future + b->partial == 0)
		ra_result_say(r, RA_CRITICAL, RA_R_BACKUP_NONE,
		    "there is no backup: %zu name%s, none a regular file (of links, those with "
		    "`follow: true` count)",
		    b->others, b->others == 1 ? " matches" : "s match");
	else
		ra_result_say(
		    r, RA_CRITICAL, RA_R_BACKUP_NONE, "there is no backup%s", b->not_counted);
	say_words(r, call->expect);
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
	struct backups b = { .previous_size = RA_UNSET };

	ra_result_evidence(ret, call->inputs[0].input->where);
	look(call, &b);
	b.previous_size = previous_size(&b, call->inputs[1].facts);
	if (b.newest != NULL) {
		b.age = ra_judge_age(call->now, b.newest->time);
		ra_result_evidence(ret, b.newest->name);
	}
	if (set_facts(&ret->facts, &b) < 0) {
		ra_judge_no_memory(ret);
		return;
	}
	if (b.newest == NULL) {
		say_none(ret, call, &b);
		return;
	}
	judge_words(ret, RA_CRITICAL, call->expect, &b);
	if (call->warn != NULL)
		judge_words(ret, RA_WARNING, call->warn, &b);
	say_fine(ret, call, &b);
}

static size_t
needs(const void *bound, const void *expect, struct ra_need list[RA_NEEDS_MAX])
{
	list[0] = (struct ra_need){ .what = RA_NEED_SELF, .shapes = RA_SHAPE_ITEMS };
	list[1] = (struct ra_need){ .what = RA_NEED_HISTORY };
	return 2;
}

static enum ra_verdict
failure(enum ra_reason reason)
{
	return reason == RA_R_FILE_MISSING ? RA_CRITICAL : RA_UNKNOWN;
}

const struct ra_kind ra_kind_backup = {
	.type = {
		.name = "backup",
		.help = "how old, how large and how many backups are",
		.options = options,
		.size = sizeof(struct backup_options),
	},
	.expectation = {
		.name = "backup",
		.help = "what backups must be like",
		.options = words,
		.size = sizeof(struct backup_words),
	},
	.takes = RA_SHAPE_ITEMS,
	.facts = facts,
	.needs = needs,
	.judge = judge,
	.failure = failure,
};
