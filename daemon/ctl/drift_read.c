/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "drift.h"

#define DIGEST_SHOWN 11 /* "k1:" and 8 digits */

/* --- sections --- */

static bool
same_sides(const struct ra_drift_section *s, const json_t *row)
{
	const json_t *values = json_object_get(row, "values");
	const char *side;
	json_t *value;
	size_t i = 0;

	if (json_object_size(values) < s->side_count)
		return false;
	json_object_foreach ((json_t *)(uintptr_t)values, side, value) {
		if (i < s->side_count && strcmp(s->sides[i], side) != 0)
			return false;
		i++;
	}
	return i == s->side_count || s->side_count == RA_DRIFT_SIDES_SHOWN;
}

static void
take_sides(struct ra_drift_section *s, const json_t *row)
{
	const json_t *values = json_object_get(row, "values");
	const char *side;
	json_t *value;

	s->side_count = 0;
	json_object_foreach ((json_t *)(uintptr_t)values, side, value) {
		if (s->side_count < RA_DRIFT_SIDES_SHOWN)
			s->sides[s->side_count++] = side;
	}
}

bool
ra_drift_section_next(struct ra_drift_section *s)
{
	const json_t *row = json_array_get(s->rows, s->end);

	if (row == NULL)
		return false;
	s->first = s->end;
	s->check = ra_ctl_json_text(row, "check");
	take_sides(s, row);
	for (; (row = json_array_get(s->rows, s->end)) != NULL; s->end++) {
		const char *check = ra_ctl_json_text(row, "check");

		if ((check == NULL) != (s->check == NULL) ||
		    (check != NULL && strcmp(check, s->check) != 0) || !same_sides(s, row))
			break;
	}
	/* A row that is not understood is one of its own. */
	s->end += s->end == s->first;
	return true;
}

/* --- cells --- */

/* It reads as what stands for a value that is no text, or for none, or its ends cannot be seen. */
static bool
is_ambiguous(const char *text)
{
	static const char *const texts[] = { "-", "(null)", "(list)", "(map)" };
	size_t len = strlen(text);

	if (len == 0 || strchr("\" \t", text[0]) != NULL || strchr(" \t", text[len - 1]) != NULL)
		return true;
	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
		if (strcmp(text, texts[i]) == 0)
			return true;
	}
	return false;
}

void
ra_drift_value(struct ra_buf *out, const json_t *value, bool whole)
{
	const char *digest = ra_ctl_json_text(value, "digest");
	const char *text = ra_ctl_json_text(value, "value"),
		   *type = ra_ctl_json_text(value, "type");
	const char *origin = ra_ctl_json_text(value, "origin");

	if (json_is_null(value))
		ra_buf_putc(out, '-');
	else if (digest != NULL)
		ra_buf_add(out, digest, whole ? strlen(digest) : strnlen(digest, DIGEST_SHOWN));
	else if (type != NULL)
		ra_buf_printf(out, "(%s)", type);
	else if (text != NULL && is_ambiguous(text))
		ra_buf_printf(out, "\"%s\"", text);
	else if (text != NULL)
		ra_buf_puts(out, text);
	if (origin != NULL)
		ra_buf_printf(out, " (%s)", origin);
}

bool
ra_drift_is_wrong(const json_t *row, const char *side)
{
	const json_t *name;
	size_t i;

	json_array_foreach (json_object_get(row, "wrong"), i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), side) == 0)
			return true;
	}
	return false;
}

bool
ra_drift_is_release(const json_t *row)
{
	const char *cause = ra_ctl_json_text(row, "cause");

	return cause != NULL && strcmp(cause, "release") == 0;
}

/* --- beside the rows --- */

static void
remark(const struct ra_ctl_term *t, const char *lead, const char *what, const char *text,
    struct ra_buf *out)
{
	ra_buf_printf(out, "%s%s", lead, what);
	ra_ctl_text(t, out, text != NULL ? text : "?");
}

static const char *
error_of(const json_t *answer, const char *check)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(answer, "errors"), i, item) {
		const char *of = ra_ctl_json_text(item, "check");

		if (of != NULL && check != NULL && strcmp(of, check) == 0)
			return ra_ctl_json_text(item, "message");
	}
	return NULL;
}

void
ra_drift_remarks(
    const struct ra_ctl_term *t, const json_t *answer, const char *lead, struct ra_buf *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(answer, "unread"), i, item) {
		const char *why = error_of(answer, json_string_value(item));

		remark(t, lead, "not read: ", json_string_value(item), out);
		if (why != NULL) {
			ra_buf_puts(out, ": ");
			ra_ctl_text(t, out, why);
		}
		ra_buf_putc(out, '\n');
	}
	json_array_foreach (json_object_get(answer, "unused_rules"), i, item) {
		remark(t, lead, "meets no key: ", json_string_value(item), out);
		ra_buf_putc(out, '\n');
	}
	json_array_foreach (json_object_get(answer, "notes"), i, item) {
		remark(t, lead, "note: ", json_string_value(item), out);
		ra_buf_putc(out, '\n');
	}
}

bool
ra_drift_is_empty(const json_t *answer)
{
	static const char *const counts[] = { "same", "older", "more" };
	const json_t *row;
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(counts); i++) {
		if (ra_ctl_json_int(answer, counts[i], 0) != 0)
			return false;
	}
	json_array_foreach (json_object_get(answer, "rows"), i, row) {
		const char *verdict = ra_ctl_json_text(row, "verdict");

		if (verdict == NULL ||
		    (strcmp(verdict, "ignored") != 0 && strcmp(verdict, "unverifiable") != 0))
			return false;
	}
	return true;
}

void
ra_drift_count(struct ra_buf *out, int64_t count, const char *one, const char *many)
{
	ra_buf_printf(
	    out, "%" PRId64 " %s %s", count, count == 1 ? "key" : "keys", count == 1 ? one : many);
}

static void
add_count(
    struct ra_buf *out, const json_t *answer, const char *name, const char *one, const char *many)
{
	int64_t count = ra_ctl_json_int(answer, name, 0);

	if (count > 0)
		ra_buf_printf(out, ", %" PRId64 " %s", count, count == 1 ? one : many);
}

void
ra_drift_sum(const struct ra_ctl_term *t, const json_t *answer, const struct ra_drift_end *end,
    struct ra_buf *out)
{
	int64_t older = ra_ctl_json_int(answer, "older", 0);
	int64_t undecided = ra_ctl_json_int(answer, "undecided", 0);
	bool drift = !json_is_false(json_object_get(answer, "drift"));

	if (end->nothing != NULL) {
		ra_buf_printf(out, "%s\n", end->nothing);
		return;
	}
	if (!drift && older > 0) {
		ra_buf_puts(out, "none that changed since ");
		ra_ctl_text(t, out, end->since != NULL ? end->since : "?");
		ra_buf_printf(out, ", %" PRId64 " changed before", older);
	} else {
		ra_buf_puts(out, drift ? "drift" : undecided > 0 ? "not decided" : "no drift");
	}
	if (undecided > 0) {
		ra_buf_puts(out, ", ");
		ra_drift_count(out, undecided, "may be drift or come with a release",
		    "may be drift or come with a release");
	}
	ra_buf_puts(out, ", ");
	ra_drift_count(out, ra_ctl_json_int(answer, "same", 0), "is as it ought to be",
	    "are as they ought to be");
	add_count(out, answer, "ignored", "is ignored", "are ignored");
	add_count(out, answer, "released", "comes with a release", "come with a release");
	add_count(out, answer, "unverifiable", "cannot be verified", "cannot be verified");
	if (drift)
		add_count(out, answer, "older", "changed before and is left out",
		    "changed before and are left out");
	add_count(out, answer, "more", "more does not fit", "more do not fit");
	ra_buf_putc(out, '\n');
}
