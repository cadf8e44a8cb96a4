/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a log is still written, and what its newest lines say. */
#include <string.h>

#include "relaudit/base/units.h"
#include "relaudit/kind/kind.h"
#include "relaudit/model/pattern.h"
#include "relaudit/model/secret.h"

#include "judge.h"
#include "logtime.h"

#define LINE_SHOWN 160
#define LINE_READ  4096 /* of a line that is shown */
#define TIME_STEPS 30 /* of the budget: to read one time */

struct logs_options {
	struct ra_text time;
	struct ra_pattern *pattern; /* of time; NULL: the age is the file's */
};

struct logs_words {
	int64_t max_age;
	struct ra_texts required, forbidden;
	struct ra_pattern **required_patterns, **forbidden_patterns;
};

static const struct ra_option options[] = {
	{ .name = "time",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct logs_options, time),
	    .flags = RA_OPT_NO_SECRET,
	    .help =
		"regular expression with a group (?<time>...) for an entry's own time: RFC 3339 "
		"and the like, syslog's and Apache's forms, Unix seconds; without an offset it is "
		"UTC, without a year the last such day. Without `time:` the age is that of the "
		"file's last change" },
	{ 0 },
};

static const struct ra_option words[] = {
	{ .name = "max-age",
	    .type = RA_OPT_DURATION,
	    .offset = offsetof(struct logs_words, max_age),
	    .min = 1,
	    .max = INT64_MAX,
	    .help = "the newest entry is at most so old" },
	{ .name = "required",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct logs_words, required),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "regular expressions that some of the newest lines must match" },
	{ .name = "forbidden",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct logs_words, forbidden),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "regular expressions that none of the newest lines may match" },
	{ 0 },
};

static const struct ra_fact_def facts[] = {
	{ "newest", RA_FACT_TIME, "when the newest entry was written" },
	{ "age_s", RA_FACT_INT, "its age in seconds" },
	{ "entries", RA_FACT_INT, "how many of the newest lines were read" },
	{ "latency_ms", RA_FACT_INT, "how long the source took to answer" },
	{ 0 },
};

/* --- configuration --- */

static void
free_pattern(void *arg)
{
	ra_pattern_free(arg);
}

/* *ret stays NULL where the pattern is refused, which has been said then. */
static int
compile(const char *text, const char *key, struct ra_arena *arena, struct ra_conf_place *place,
    struct ra_pattern **ret)
{
	struct ra_error err = { 0 };
	int r = ra_pattern_new(text, ret, &err);

	if (r == 0)
		return ra_arena_defer(arena, free_pattern, *ret);
	if (r == -ENOMEM)
		return r;
	ra_conf_complain(place, key, "'%.80s': %s", text, err.text);
	return 0;
}

static int
compile_all(const struct ra_texts *texts, const char *key, struct ra_arena *arena,
    struct ra_conf_place *place, struct ra_pattern ***ret)
{
	struct ra_pattern **list =
	    ra_arena_alloc(arena, texts->count * sizeof(struct ra_pattern *));

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < texts->count; i++) {
		int r = compile(texts->list[i].value, key, arena, place, &list[i]);

		if (r < 0)
			return r;
	}
	*ret = list;
	return 0;
}

static int
options_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct logs_options *o = bound;
	int r;

	if (o->time.value == NULL)
		return 0;
	r = compile(o->time.value, "time", arena, place, &o->pattern);
	if (r == 0 && o->pattern != NULL && !ra_pattern_has_group(o->pattern, "time"))
		ra_conf_complain(
		    place, "time", "the pattern has no group (?<time>...) around what is the time");
	return r;
}

static int
words_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct logs_words *w = bound;
	int r = compile_all(&w->required, "required", arena, place, &w->required_patterns);

	return r < 0
		   ? r
		   : compile_all(&w->forbidden, "forbidden", arena, place, &w->forbidden_patterns);
}

/* --- reading --- */

struct log {
	const struct ra_judge_call *call;
	const struct ra_input *input;
	const struct ra_line *lines; /* oldest first */
	size_t count;
	int64_t newest; /* wall ms, RA_UNSET: not known */
	int64_t age;
	int64_t budget;
};

/* 1 with the newest line that matches, 0, or what ra_pattern_match returns. */
static int
find_newest(struct log *log, const struct ra_pattern *p, const struct ra_line **ret)
{
	for (size_t i = log->count; i-- > 0;) {
		const struct ra_line *line = &log->lines[i];
		int r = ra_pattern_match_within(
		    p, line->text, line->len, NULL, NULL, NULL, &log->budget);

		if (r != 0) {
			*ret = line;
			return r;
		}
	}
	return 0;
}

/* 1 with the entry's own time, 0, or what ra_pattern_match returns. */
static int
line_time(
    const struct log *log, const struct ra_pattern *p, size_t at, int64_t *budget, int64_t *ret)
{
	const struct ra_line *line = &log->lines[at];
	const char *text;
	size_t len;
	int r = ra_pattern_match_within(p, line->text, line->len, "time", &text, &len, budget);

	if (r <= 0 || text == NULL)
		return r < 0 ? r : 0;
	*budget -= TIME_STEPS;
	return ra_logtime_parse(text, len, log->call->now, ret) == 0;
}

/*
 * What stands last need not be newest: a log of several writers is not in order. With half of what
 * is left of the budget, as the words need some too: what is not read then makes a log no younger.
 */
static int
find_later(struct log *log, const struct ra_pattern *p, size_t before)
{
	int64_t share = log->budget / 2, left = share, time = 0;
	int r = 0;

	for (size_t i = before; i-- > 0 && r >= 0;) {
		r = line_time(log, p, i, &left, &time);
		if (r > 0 && time > log->newest && time <= log->call->now + RA_JUDGE_SKEW)
			log->newest = time;
	}
	log->budget -= share - left;
	return r == -ENOMEM ? r : 1;
}

/* Lines without a time (the rest of a stack trace) belong to the entry before. */
static int
find_time(struct log *log, const struct ra_pattern *p)
{
	for (size_t i = log->count; i-- > 0;) {
		int r = line_time(log, p, i, &log->budget, &log->newest);

		if (r != 0)
			return r < 0 ? r : find_later(log, p, i);
	}
	return 0;
}

/* False if it was not to be had in the steps or memory there are, which is said then. */
static bool
could_match(struct ra_result *r, int error, const struct log *log, const char *text)
{
	if (error >= 0)
		return true;
	if (error == -ENOMEM) {
		ra_judge_no_memory(r);
	} else if (ra_judge_begin(r, RA_UNKNOWN)) {
		ra_result_say(r, RA_UNKNOWN, RA_R_REGEX_LIMIT,
		    "'%.80s' needs too many steps on these lines", text);
		ra_result_evidence(r, log->input->where);
	}
	return false;
}

/* The line without what looks like a secret: verdicts go further than logs. False: no memory. */
static bool
show(struct ra_result *r, const struct ra_line *line, struct ra_buf *out)
{
	if (ra_secret_scrub_shapes(
		line->text, line->len < LINE_READ ? line->len : LINE_READ, out) == 0)
		return true;
	ra_judge_no_memory(r);
	return false;
}

static void
say_no_time(struct ra_result *r, const struct log *log, const char *pattern)
{
	RA_BUF_LOCAL last = RA_BUF(0);

	if (show(r, &log->lines[log->count - 1], &last))
		ra_result_say(r, RA_UNKNOWN, RA_R_LOGS_NO_TIME,
		    "none of %zu lines has a time that '%.80s' finds; the last is '%.*s'",
		    log->count, pattern, LINE_SHOWN, ra_buf_text(&last));
}

static void
look(struct log *log, struct ra_result *r)
{
	const struct logs_options *o = log->call->options;
	char ahead[RA_UNIT_TEXT];

	if (o->pattern != NULL && log->count > 0) {
		int found = find_time(log, o->pattern);

		if (could_match(r, found, log, o->time.value) && found == 0)
			say_no_time(r, log, o->time.value);
	} else if (o->pattern == NULL && log->input->modified != 0) {
		log->newest = log->input->modified;
	}
	if (log->newest == RA_UNSET)
		return;
	log->age = ra_judge_age(log->call->now, log->newest);
	if (log->newest > log->call->now + RA_JUDGE_SKEW)
		ra_result_say(r, RA_UNKNOWN, RA_R_LOGS_FUTURE,
		    "newest entry is dated %s in the future",
		    ra_duration_human(log->newest - log->call->now, ahead));
}

static int
set_facts(struct ra_facts *f, const struct log *log)
{
	const struct ra_input *in = log->input;
	bool known = log->newest != RA_UNSET, took = in->status != 0 || in->latency_ms > 0;
	const struct {
		const char *name;
		int64_t value; /* RA_UNSET: not known */
	} rows[] = { { "entries", (int64_t)log->count }, { "newest", log->newest },
		{ "age_s", known ? log->age / 1000 : RA_UNSET },
		{ "latency_ms", took ? in->latency_ms : RA_UNSET } };

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

static void
judge_age(struct ra_result *r, enum ra_verdict bad, int64_t limit, const struct log *log)
{
	char age[RA_UNIT_TEXT], human[RA_UNIT_TEXT], word[RA_UNIT_TEXT];
	bool known = log->newest != RA_UNSET;
	enum ra_verdict v = known ? bad : RA_UNKNOWN;

	if (limit == RA_UNSET || (known && log->age <= limit) || !ra_judge_begin(r, v))
		return;
	if (known)
		ra_result_say(r, v, RA_R_LOGS_TOO_OLD, "newest entry is %s old, limit %s",
		    ra_duration_human(log->age, age), ra_duration_human(limit, human));
	else
		ra_result_say(r, v, RA_R_LOGS_NO_TIME,
		    "the age of the log is not known: its source gives no time of last change, and "
		    "`time:` is not set");
	ra_result_expected(r, "max-age %s", ra_duration_format(limit, word));
}

static void
judge_required(
    struct ra_result *r, enum ra_verdict bad, const struct logs_words *w, struct log *log)
{
	for (size_t i = 0; i < w->required.count; i++) {
		const char *text = w->required.list[i].value;
		const struct ra_line *line;
		int found = find_newest(log, w->required_patterns[i], &line);

		if (!could_match(r, found, log, text))
			return;
		if (found > 0 || !ra_judge_begin(r, bad))
			continue;
		ra_result_say(r, bad, RA_R_LOGS_REQUIRED,
		    "none of the newest %zu lines matches '%s'", log->count, text);
		ra_result_expected(r, "required %s", text);
	}
}

static void
judge_forbidden(
    struct ra_result *r, enum ra_verdict bad, const struct logs_words *w, struct log *log)
{
	for (size_t i = 0; i < w->forbidden.count; i++) {
		RA_BUF_LOCAL evidence = RA_BUF(2 * RA_EVIDENCE_MAX);
		RA_BUF_LOCAL shown = RA_BUF(0);
		const char *text = w->forbidden.list[i].value;
		const struct ra_line *line;
		int found = find_newest(log, w->forbidden_patterns[i], &line);

		if (!could_match(r, found, log, text))
			return;
		if (found == 0 || !ra_judge_begin(r, bad))
			continue;
		if (!show(r, line, &shown))
			return;
		ra_result_say(r, bad, RA_R_LOGS_FORBIDDEN, "'%s' is in the newest lines: %.*s",
		    text, LINE_SHOWN, ra_buf_text(&shown));
		ra_result_expected(r, "forbidden %s", text);
		if (log->input->where != NULL)
			ra_buf_printf(&evidence, "%.256s: ", log->input->where);
		ra_buf_printf(&evidence, "%.*s", RA_EVIDENCE_MAX, ra_buf_text(&shown));
		ra_result_evidence(r, ra_buf_text(&evidence));
	}
}

static bool
any_word(const struct logs_words *w)
{
	return w != NULL && (w->max_age != RA_UNSET || w->required.count + w->forbidden.count > 0);
}

/* Nothing in it is never fine: nobody writes, or it is the wrong log. */
static void
say_empty(struct ra_result *r, const struct ra_judge_call *call)
{
	enum ra_verdict bad =
	    any_word(call->warn) && !any_word(call->expect) ? RA_WARNING : RA_CRITICAL;

	if (ra_judge_begin(r, bad))
		ra_result_say(r, bad, RA_R_LOGS_EMPTY, "the log is empty");
}

static void
judge_words(struct ra_result *r, enum ra_verdict bad, const struct logs_words *w, struct log *log)
{
	/* Of a time that is wrong or was not found more cannot be said. */
	if (r->verdict != RA_UNKNOWN)
		judge_age(r, bad, w->max_age, log);
	judge_forbidden(r, bad, w, log);
	judge_required(r, bad, w, log);
}

static void
say_fine(struct ra_result *r, const struct logs_words *w, const struct log *log)
{
	RA_BUF_LOCAL all = RA_BUF(RA_EVIDENCE_MAX);
	char age[RA_UNIT_TEXT];

	if (r->verdict != RA_PENDING)
		return;
	if (log->newest != RA_UNSET)
		ra_result_say(
		    r, RA_OK, RA_R_OK, "newest entry is %s old", ra_duration_human(log->age, age));
	else
		ra_result_say(r, RA_OK, RA_R_OK, "%zu lines read", log->count);
	if (w->max_age != RA_UNSET)
		ra_buf_printf(&all, ", max-age %s", ra_duration_format(w->max_age, age));
	for (size_t i = 0; i < w->required.count; i++)
		ra_buf_printf(&all, ", required %s", w->required.list[i].value);
	for (size_t i = 0; i < w->forbidden.count; i++)
		ra_buf_printf(&all, ", forbidden %s", w->forbidden.list[i].value);
	if (all.len > 2)
		ra_result_expected(r, "%s", all.data + 2);
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
	const struct ra_gathered *self = &call->inputs[0];
	struct log log = { .call = call,
		.input = self->input,
		.lines = self->data->lines.list,
		.count = self->data->lines.count,
		.newest = RA_UNSET,
		.budget = RA_PATTERN_BUDGET };

	ra_result_evidence(ret, log.input->where);
	look(&log, ret);
	if (set_facts(&ret->facts, &log) < 0) {
		ra_judge_no_memory(ret);
		return;
	}
	if (log.count == 0) {
		say_empty(ret, call);
		return;
	}
	judge_words(ret, RA_CRITICAL, call->expect, &log);
	if (call->warn != NULL)
		judge_words(ret, RA_WARNING, call->warn, &log);
	say_fine(ret, call->expect, &log);
}

static size_t
needs(const void *bound, const void *expect, struct ra_need list[RA_NEEDS_MAX])
{
	list[0] = (struct ra_need){ .what = RA_NEED_SELF, .shapes = RA_SHAPE_LINES };
	return 1;
}

static enum ra_verdict
failure(enum ra_reason reason)
{
	return reason == RA_R_FILE_MISSING ? RA_CRITICAL : RA_UNKNOWN;
}

const struct ra_kind ra_kind_logs = {
	.type = {
		.name = "logs",
		.help = "how old the newest entry of a log is, and what its newest lines say",
		.options = options,
		.size = sizeof(struct logs_options),
		.prepare = options_prepare,
	},
	.expectation = {
		.name = "logs",
		.help = "what the log must be like",
		.options = words,
		.size = sizeof(struct logs_words),
		.prepare = words_prepare,
	},
	.takes = RA_SHAPE_LINES,
	.format = "text",
	.facts = facts,
	.needs = needs,
	.judge = judge,
	.failure = failure,
};
