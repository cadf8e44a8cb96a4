/* SPDX-License-Identifier: Apache-2.0 */
/* What kind config tells of a comparison: keys by name, never a value. */
#include <string.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/units.h"
#include "relaudit/model/pattern.h"

#include "config.h"
#include "judge.h"

#define NAMES_ROOM 240 /* bytes of names in one text; more of them are counted */

void
ra_config_add_name(struct ra_config_names *n, const char *name)
{
	bool any = n->count > n->left;

	if (any && n->text.len + strlen(name) > NAMES_ROOM)
		n->left++;
	else
		ra_buf_printf(&n->text, "%s%.*s", any ? ", " : "", NAMES_ROOM, name);
	n->count++;
}

const char *
ra_config_all_names(struct ra_config_names *n)
{
	if (n->left > 0)
		ra_buf_printf(&n->text, " and %zu more", n->left);
	n->left = 0;
	return ra_buf_text(&n->text);
}

static const char *
plural(size_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

const char *
ra_config_peer_name(const struct config_case *c)
{
	const struct ra_check *check = c->peer->peer->check;

	return strchr(c->words->same_as.value, '/') != NULL ? check->id : check->environment->name;
}

/* --- rows by what is wrong here --- */

enum group { MISSING, FORBIDDEN, ELSEWHERE, EQUAL, DIFFERENT, COMMITTED, GROUPS };

static const struct {
	const char *one, *many;
	bool other; /* what it is held against follows */
	const char *one_end, *many_end; /* behind that */
} groups[GROUPS] = {
	[MISSING] = { "required key is missing", "required keys are missing", false, "", "" },
	[FORBIDDEN] = { "forbidden key is there", "forbidden keys are there", false, "", "" },
	[ELSEWHERE] = { "key has another origin", "keys have another origin", false, "", "" },
	[EQUAL] = { "key must differ from", "keys must differ from", true, " and is equal",
	    " and are equal" },
	[DIFFERENT] = { "key differs from", "keys differ from", true, "", "" },
	[COMMITTED] = { "key differs from", "keys differ from", true, "", "" },
};

static enum group
group_of(const struct ra_drift_row *row)
{
	bool here = row->cells[0].present;

	if (row->verdict == RA_DRIFT_FORBIDDEN && here)
		return FORBIDDEN;
	if (!here && row->verdict == RA_DRIFT_REQUIRED)
		return MISSING;
	if (row->verdict == RA_DRIFT_OTHER_ORIGIN)
		return ELSEWHERE;
	return row->verdict == RA_DRIFT_MUST_DIFFER ? EQUAL : DIFFERENT;
}

static void
add_names(struct ra_config_names *n, const struct config_case *c, enum group group)
{
	const struct ra_drift *d = group == COMMITTED ? &c->baseline : &c->drift;

	for (size_t i = 0; i < d->row_count; i++) {
		const struct ra_drift_row *row = &d->rows[i];

		if (row->counts && (group == COMMITTED || group_of(row) == group))
			ra_config_add_name(n, row->key);
	}
}

static size_t
tell_group(struct ra_buf *out, const struct config_case *c, enum group group)
{
	const char *other = "";
	struct ra_config_names n = { .text = RA_BUF(0) };

	if (groups[group].other && group == COMMITTED)
		other = c->answer != NULL ? c->answer->where : "";
	else if (groups[group].other && c->peer != NULL)
		other = ra_config_peer_name(c);
	add_names(&n, c, group);
	if (n.count > 0)
		ra_buf_printf(out, "%s%zu %s%s%s%s: %s", out->len > 0 ? "; " : "", n.count,
		    plural(n.count, groups[group].one, groups[group].many), *other ? " " : "",
		    other, plural(n.count, groups[group].one_end, groups[group].many_end),
		    ra_config_all_names(&n));
	ra_buf_free(&n.text);
	return n.count;
}

static void
tell_those(struct ra_buf *out, const struct ra_drift *d,
    bool (*is_one)(const struct ra_drift_row *row, size_t side_count), const char *what)
{
	struct ra_config_names n = { .text = RA_BUF(0) };

	for (size_t i = 0; i < d->row_count; i++) {
		if (d->rows[i].counts && is_one(&d->rows[i], d->side_count))
			ra_config_add_name(&n, d->rows[i].key);
	}
	if (n.count > 0)
		ra_buf_printf(out, "; %s: %s", what, ra_config_all_names(&n));
	ra_buf_free(&n.text);
}

static bool
is_same_text(const struct ra_drift_row *row, size_t side_count)
{
	return row->same_text;
}

/* What answers the next question: why, or who is right. */
static void
tell_remarks(struct ra_buf *out, const struct config_case *c)
{
	tell_those(out, &c->drift, is_same_text,
	    "the same text, but one environment's own by `normalize`");
	tell_those(
	    out, &c->drift, ra_drift_row_as_committed, "each side is as committed at its version");
	tell_those(out, &c->baseline, is_same_text, "a template that nobody filled in");
}

static enum ra_reason
tell_groups(struct ra_buf *out, const struct config_case *c, bool *ret_between)
{
	size_t counts[GROUPS], all = 0;

	for (int i = 0; i < GROUPS; i++)
		all += counts[i] = tell_group(out, c, (enum group)i);
	*ret_between = counts[MISSING] + counts[FORBIDDEN] + counts[ELSEWHERE] == 0;
	if (counts[MISSING] == all)
		return RA_R_KEY_MISSING;
	return counts[FORBIDDEN] == all ? RA_R_KEY_FORBIDDEN : RA_R_DRIFT;
}

/* Both are in the order of keys; against what is committed each row counts. */
size_t
ra_config_drifted(const struct config_case *c)
{
	const struct ra_drift *a = &c->drift, *b = &c->baseline;
	size_t n = a->more + b->more, i = 0, k = 0;

	while (i < a->row_count || k < b->row_count) {
		int order = i == a->row_count	? 1
			    : k == b->row_count ? -1
						: strcmp(a->rows[i].key, b->rows[k].key);

		n += order >= 0 || a->rows[i].counts;
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

/* --- the rest --- */

static void
tell_list(struct ra_buf *out, const char *word, const struct ra_texts *keys)
{
	struct ra_config_names n = { .text = RA_BUF(0) };

	for (size_t i = 0; i < keys->count; i++)
		ra_config_add_name(&n, keys->list[i].shown);
	if (n.count > 0)
		ra_buf_printf(
		    out, "%s%s %s", out->len > 0 ? "; " : "", word, ra_config_all_names(&n));
	ra_buf_free(&n.text);
}

static void
say_expected(struct ra_result *r, const struct config_case *c)
{
	const struct config_words *w = c->words;
	RA_BUF_LOCAL text = RA_BUF(0);

	if (c->peer != NULL)
		ra_buf_printf(&text, "same-as %s", ra_config_peer_name(c));
	if (w->baseline != NULL)
		ra_buf_printf(&text, "%sbaseline %s:%s", text.len > 0 ? "; " : "",
		    w->baseline->committed.ref, w->baseline->committed.path);
	tell_list(&text, "differ", &w->differ);
	tell_list(&text, "may-differ", &w->may_differ);
	tell_list(&text, "required", &w->required);
	tell_list(&text, "forbidden", &w->forbidden);
	for (size_t i = 0; i < w->origin.count; i++)
		ra_buf_printf(&text, "%sorigin of %s %s", text.len > 0 ? "; " : "",
		    w->origin.list[i].name, w->origin.list[i].text.shown);
	if (text.len > 0)
		ra_result_expected(r, "%s", ra_buf_text(&text));
}

static uint32_t
first_line(const struct ra_drift *d)
{
	uint32_t line = 0;

	for (size_t i = 0; line == 0 && i < d->row_count; i++) {
		const struct ra_drift_row *row = &d->rows[i];

		line = row->counts && row->cells[0].present ? row->cells[0].line : 0;
	}
	return line;
}

/* The file, with the line of the first key that is wrong. */
static void
say_evidence(struct ra_result *r, const struct config_case *c)
{
	const char *where = c->call->inputs[0].input->where;
	RA_BUF_LOCAL text = RA_BUF(RA_EVIDENCE_MAX);
	uint32_t line = first_line(&c->drift);

	if (line == 0)
		line = first_line(&c->baseline);
	if (line > 0 && where != NULL)
		ra_buf_printf(&text, where[0] == '/' ? "%s:%u" : "%s, line %u", where, line);
	ra_result_evidence(r, text.len > 0 ? ra_buf_text(&text) : where);
}

/* Rules that met nothing are mistakes, or of another time. */
static void
tell_unused(struct ra_buf *out, const struct config_case *c)
{
	struct ra_config_names n = { .text = RA_BUF(0) };

	for (size_t i = 0; i < c->drift.unused_count; i++) {
		size_t which = c->drift.unused[i];

		if (which < c->rules.own && c->rules.list[which].word == RA_DRIFT_IGNORE)
			ra_config_add_name(&n, c->rules.list[which].key);
	}
	if (n.count > 0)
		ra_buf_printf(out, "; `ignore` meets no key in %s", ra_config_all_names(&n));
	ra_buf_free(&n.text);
}

static void
tell_skipped(struct ra_buf *out, const struct config_case *c)
{
	uint32_t line;
	size_t skipped = ra_snapshot_skipped(c->snapshot, &line);

	if (skipped > 0)
		ra_buf_printf(out, "; %zu %s not read, the first is line %u%s", skipped,
		    plural(skipped, "line is", "lines are"), line,
		    ra_snapshot_marked(c->snapshot) ? ", before which a byte order mark stands"
						    : "");
}

/* The first of the patterns that the name meets, "" meeting all; NULL: none. */
static const char *
meets(const struct ra_texts *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++) {
		if (*name == '\0' || ra_glob_match(patterns->list[i].value, name))
			return patterns->list[i].shown;
	}
	return NULL;
}

/* What was to be warned of still is where something worse is said. */
static void
tell_warned(struct ra_buf *out, const struct config_case *c)
{
	if (c->warned != NULL && strstr(ra_buf_text(out), c->warned) == NULL)
		ra_buf_printf(out, "; warning: %s", c->warned);
}

/* The name itself is not shown: what nobody read as a name may be anything. */
void
ra_config_say_doubt(struct ra_result *r, const struct config_case *c)
{
	const struct config_options *o = c->call->options;
	const char *name = NULL, *pattern = NULL;
	RA_BUF_LOCAL text = RA_BUF(0);
	uint32_t line = 0;

	while (pattern == NULL && (name = ra_snapshot_unread(c->snapshot, name, &line)) != NULL) {
		if (*name == '\0' || meets(&o->ignore, name) == NULL)
			pattern = meets(&c->words->forbidden, name);
	}
	if (pattern == NULL || !ra_judge_begin(r, RA_UNKNOWN))
		return;
	ra_buf_printf(&text,
	    "line %u is not read as a key, and may set one that is forbidden: %s%s", line, pattern,
	    ra_snapshot_marked(c->snapshot) ? " (a byte order mark stands before the first line)"
					    : "");
	tell_warned(&text, c);
	ra_result_say(r, RA_UNKNOWN, RA_R_KEY_UNREAD, "%s", ra_buf_text(&text));
	say_expected(r, c);
}

/* What is committed in a form that nobody can compare. */
static void
tell_unverifiable(struct ra_buf *out, const struct config_case *c)
{
	size_t n = c->baseline.unverifiable;

	if (c->answer != NULL && n > 0)
		ra_buf_printf(out, "; %zu %s unverifiable: encrypted or a template in %s", n,
		    plural(n, "key is", "keys are"), c->answer->where);
}

/* How long a breach is not alerted yet, as the version changed a moment ago; 0: it is. */
static int64_t
settles_for(const struct config_case *c, int64_t *ret_age)
{
	const struct config_options *o = c->call->options;
	const struct ra_gathered *version = ra_config_version(c->call);
	int64_t problem = c->call->problem_since;

	if (o->settle == RA_UNSET || version == NULL || version->changed == 0)
		return 0;
	if (problem != 0 && problem < version->changed)
		return 0; /* the change did not bring it, nor does it end it */
	*ret_age = c->call->now - version->changed;
	return *ret_age >= 0 && *ret_age < o->settle ? o->settle - *ret_age : 0;
}

void
ra_config_say_breach(struct ra_result *r, enum ra_verdict bad, const struct config_case *c)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	bool between; /* environments or versions, not of this one alone */
	enum ra_reason reason = tell_groups(&text, c, &between);
	char age_text[RA_UNIT_TEXT], left_text[RA_UNIT_TEXT];
	int64_t age = 0, left = between ? settles_for(c, &age) : 0;

	tell_remarks(&text, c);
	if (c->unread.len > 0)
		ra_buf_printf(&text, "; %s", ra_buf_text(&c->unread));
	tell_warned(&text, c);
	tell_unverifiable(&text, c);
	tell_unused(&text, c);
	if (left > 0) {
		if (r->verdict != RA_PENDING && r->verdict != RA_OK)
			return;
		ra_result_say(r, RA_OK, RA_R_SETTLING,
		    "the version changed %s ago, for %s more no alert: %s",
		    ra_duration_human(age, age_text), ra_duration_human(left, left_text),
		    ra_buf_text(&text));
	} else {
		if (!ra_judge_begin(r, bad))
			return;
		ra_result_say(r, bad, reason, "%s", ra_buf_text(&text));
	}
	say_expected(r, c);
	say_evidence(r, c);
}

/* --- what was not compared --- */

static void
note(struct config_case *c, enum ra_reason reason)
{
	if (c->unread.len == 0)
		c->unread_reason = reason;
	else
		ra_buf_puts(&c->unread, "; ");
}

void
ra_config_note_unread(
    struct config_case *c, const char *with, enum ra_reason reason, const char *error)
{
	note(c, reason);
	ra_buf_printf(&c->unread, "not compared with %s: %s", with,
	    error != NULL && *error != '\0' ? error : ra_reason_meaning(reason));
}

void
ra_config_note_undecided(struct config_case *c)
{
	struct ra_config_names n = { .text = RA_BUF(0) };

	for (size_t i = 0; i < c->drift.row_count; i++) {
		if (c->drift.rows[i].undecided)
			ra_config_add_name(&n, c->drift.rows[i].key);
	}
	if (n.count > 0) {
		note(c, RA_R_PEER_UNREAD);
		ra_buf_printf(&c->unread,
		    "%zu %s on one side alone, by drift or by the release: %s", n.count,
		    plural(n.count, "key is", "keys are"), ra_config_all_names(&n));
		if (c->peer->unread != NULL)
			ra_buf_printf(&c->unread, "; the baseline of %s is not read: %s",
			    ra_config_peer_name(c), c->peer->unread);
	}
	ra_buf_free(&n.text);
}

void
ra_config_say_unread(struct ra_result *r, const struct config_case *c)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	if (c->unread.len == 0 || !ra_judge_begin(r, RA_UNKNOWN))
		return;
	ra_buf_puts(&text, ra_buf_text(&c->unread));
	tell_warned(&text, c);
	ra_result_say(r, RA_UNKNOWN, c->unread_reason, "%s", ra_buf_text(&text));
	say_expected(r, c);
}

/* --- what is fine --- */

/* A mirror that could not be fetched of late still answers: with its age. */
static void
tell_age(struct ra_buf *out, const struct config_case *c)
{
	char text[RA_UNIT_TEXT];

	if (c->answer != NULL && c->answer->remote != RA_R_OK && c->answer->fetched != 0)
		ra_buf_printf(out, ", as of %s ago (%s)", ra_duration_human(c->answer->age, text),
		    ra_reason_meaning(c->answer->remote));
}

/* Not a key was held against the other side, though there are some: "nothing" in words. */
static bool
compared_nothing(const struct ra_drift *d, const char *with, struct ra_buf *out)
{
	if (d->same > 0 || d->released > 0 || d->ignored + d->unverifiable == 0)
		return false;
	ra_buf_puts(out, "nothing was compared: ");
	if (d->ignored > 0)
		ra_buf_printf(
		    out, "%zu %s ignored", d->ignored, plural(d->ignored, "key is", "keys are"));
	if (d->unverifiable > 0)
		ra_buf_printf(out, "%s%zu %s encrypted or templates in %s",
		    d->ignored > 0 ? ", " : "", d->unverifiable,
		    plural(d->unverifiable, "key is", "keys are"), with);
	return true;
}

void
ra_config_say_fine(struct ra_result *r, const struct config_case *c)
{
	size_t count = ra_snapshot_count(c->snapshot);
	RA_BUF_LOCAL text = RA_BUF(0);

	if (((c->answer != NULL && compared_nothing(&c->baseline, c->answer->where, &text)) ||
		(c->with_peer && compared_nothing(&c->drift, ra_config_peer_name(c), &text))) &&
	    ra_judge_begin(r, RA_UNKNOWN)) {
		tell_warned(&text, c);
		ra_result_say(r, RA_UNKNOWN, RA_R_UNVERIFIABLE, "%s", ra_buf_text(&text));
		say_expected(r, c);
	}
	if (r->verdict != RA_PENDING)
		return;
	ra_buf_printf(&text, "%zu %s", count, plural(count, "key", "keys"));
	if (c->with_peer)
		ra_buf_printf(&text, ", as in %s", ra_config_peer_name(c));
	if (c->answer != NULL)
		ra_buf_printf(&text, "%s %s", c->with_peer ? " and" : ", as in", c->answer->where);
	tell_age(&text, c);
	if (c->drift.ignored > 0)
		ra_buf_printf(&text, ", %zu ignored", c->drift.ignored);
	if (c->drift.released > 0)
		ra_buf_printf(&text, ", %zu that the release brings", c->drift.released);
	tell_unverifiable(&text, c);
	tell_skipped(&text, c);
	tell_unused(&text, c);
	ra_result_say(r, RA_OK, RA_R_OK, "%s", ra_buf_text(&text));
	say_expected(r, c);
}
