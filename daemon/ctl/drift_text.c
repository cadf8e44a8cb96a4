/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as Markdown, as a unified diff, and as rules to paste. */
#include <string.h>

#include "drift.h"

/* --- markdown, as GitHub reads it --- */

/* What would be markup gets a backslash; control characters are escaped before. */
static void
add_marked(const struct ra_ctl_term *t, struct ra_buf *out, const char *text)
{
	RA_CTL_PART shown = RA_BUF(0);

	ra_ctl_text(t, &shown, text);
	for (const char *at = ra_buf_text(&shown); *at != '\0'; at++) {
		if (strchr("\\`*_[]<>|~#&@", *at) != NULL)
			ra_buf_putc(out, '\\');
		ra_buf_putc(out, *at);
	}
}

static void
markdown_cell(const struct ra_ctl_term *t, struct ra_buf *out, const json_t *row, const char *side)
{
	RA_CTL_PART text = RA_BUF(0);

	ra_drift_value(&text, json_object_get(json_object_get(row, "values"), side), false);
	ra_buf_putc(out, ' ');
	add_marked(t, out, ra_buf_text(&text));
	ra_buf_puts(out, ra_drift_is_wrong(row, side) ? " (not as committed) |" : " |");
}

static void
markdown_row(const struct ra_ctl_term *t, struct ra_buf *out, const struct ra_drift_section *s,
    const json_t *row)
{
	const char *cells[] = { s->check, ra_ctl_json_text(row, "key"),
		ra_drift_is_release(row) ? "release" : ra_ctl_json_text(row, "verdict") };

	ra_buf_putc(out, '|');
	for (size_t i = 0; i < RA_ARRAY_SIZE(cells); i++) {
		ra_buf_putc(out, ' ');
		add_marked(t, out, cells[i] != NULL ? cells[i] : "?");
		ra_buf_puts(out, " |");
	}
	for (size_t i = 0; i < s->side_count; i++)
		markdown_cell(t, out, row, s->sides[i]);
	ra_buf_putc(out, '\n');
}

void
ra_drift_markdown(const struct ra_ctl_term *t, const json_t *answer, const struct ra_drift_end *end,
    struct ra_buf *out)
{
	struct ra_drift_section s = { .rows = json_object_get(answer, "rows") };
	RA_CTL_PART remarks = RA_BUF(0);
	const char *line;

	while (ra_drift_section_next(&s)) {
		ra_buf_puts(out, "| Check | Key | Verdict |");
		for (size_t i = 0; i < s.side_count; i++) {
			ra_buf_putc(out, ' ');
			add_marked(t, out, s.sides[i]);
			ra_buf_puts(out, " |");
		}
		ra_buf_puts(out, "\n| --- | --- | --- |");
		for (size_t i = 0; i < s.side_count; i++)
			ra_buf_puts(out, " --- |");
		ra_buf_putc(out, '\n');
		for (size_t i = s.first; i < s.end; i++)
			markdown_row(t, out, &s, json_array_get(s.rows, i));
		ra_buf_putc(out, '\n');
	}
	ra_drift_remarks(t, answer, "- ", &remarks);
	for (line = ra_buf_text(&remarks); *line != '\0'; line++) {
		if (strchr("`*_[]<>|~#&@", *line) != NULL)
			ra_buf_putc(out, '\\');
		ra_buf_putc(out, *line);
	}
	ra_buf_puts(out, remarks.len > 0 ? "\n" : "");
	ra_drift_sum(t, answer, end, out);
}

/* --- unified diff --- */

struct hunk {
	struct ra_buf remarks, lines;
	size_t was, now; /* lines of either side */
};

static void
diff_line(
    const struct ra_ctl_term *t, struct hunk *h, char mark, const json_t *row, const json_t *value)
{
	RA_CTL_PART text = RA_BUF(0);
	const char *key = ra_ctl_json_text(row, "key");
	const char *plain = ra_ctl_json_text(value, "value");

	ra_buf_printf(&text, "%s=", key != NULL ? key : "?");
	if (plain == NULL || plain[0] == '(') /* null, a list, or what reads like it */
		ra_drift_value(&text, value, true);
	else
		ra_buf_puts(&text, plain);
	ra_buf_putc(&h->lines, mark);
	ra_ctl_text(t, &h->lines, ra_buf_text(&text));
	ra_buf_putc(&h->lines, '\n');
	h->was += mark != '+';
	h->now += mark != '-';
}

/* What a diff alone does not tell stands before it, where tools pass it over. */
static void
diff_remark(const struct ra_ctl_term *t, struct hunk *h, const struct ra_drift_section *s,
    const json_t *row)
{
	const char *verdict = ra_ctl_json_text(row, "verdict"), *key = ra_ctl_json_text(row, "key");
	bool wrong = false;

	for (size_t i = 0; i < s->side_count; i++)
		wrong = wrong || ra_drift_is_wrong(row, s->sides[i]);
	if (verdict != NULL && !ra_drift_is_release(row) && !wrong &&
	    (strcmp(verdict, "differs") == 0 || strcmp(verdict, "missing") == 0 ||
		strcmp(verdict, "same") == 0))
		return;
	ra_buf_puts(&h->remarks, "# ");
	ra_ctl_text(t, &h->remarks, key != NULL ? key : "?");
	ra_buf_puts(&h->remarks, ": ");
	ra_ctl_text(t, &h->remarks,
	    ra_drift_is_release(row) ? "release"
	    : verdict != NULL	     ? verdict
				     : "?");
	for (size_t i = 0; i < s->side_count; i++) {
		if (!ra_drift_is_wrong(row, s->sides[i]))
			continue;
		ra_buf_puts(&h->remarks, ", ");
		ra_ctl_text(t, &h->remarks, s->sides[i]);
		ra_buf_puts(&h->remarks, " is not as committed");
	}
	ra_buf_putc(&h->remarks, '\n');
}

static void
diff_row(const struct ra_ctl_term *t, struct hunk *h, const struct ra_drift_section *s,
    const json_t *row)
{
	const json_t *values = json_object_get(row, "values");
	const json_t *was = json_object_get(values, s->sides[0]);
	const json_t *now = json_object_get(values, s->sides[1]);
	RA_CTL_PART before = RA_BUF(0), after = RA_BUF(0);

	diff_remark(t, h, s, row);
	ra_drift_value(&before, was, true);
	ra_drift_value(&after, now, true);
	if (json_is_object(was) && json_is_object(now) &&
	    strcmp(ra_buf_text(&before), ra_buf_text(&after)) == 0) {
		diff_line(t, h, ' ', row, was);
		return;
	}
	if (json_is_object(was))
		diff_line(t, h, '-', row, was);
	if (json_is_object(now))
		diff_line(t, h, '+', row, now);
}

static void
diff_file(const struct ra_ctl_term *t, struct ra_buf *out, const char *mark, const char *side,
    const char *check)
{
	ra_buf_printf(out, "%s ", mark);
	ra_ctl_text(t, out, side);
	if (strchr(side, '/') == NULL) {
		ra_buf_putc(out, '/');
		ra_ctl_text(t, out, check);
	}
	ra_buf_putc(out, '\n');
}

static void
diff_section(const struct ra_ctl_term *t, const struct ra_drift_section *s, struct ra_buf *out)
{
	struct hunk h = { 0 };

	for (size_t i = s->first; i < s->end; i++)
		diff_row(t, &h, s, json_array_get(s->rows, i));
	ra_buf_puts(out, ra_buf_text(&h.remarks));
	if (h.lines.len > 0) {
		diff_file(t, out, "---", s->sides[0], s->check);
		diff_file(t, out, "+++", s->sides[1], s->check);
		ra_buf_printf(out, "@@ -%d,%zu +%d,%zu @@\n%s", h.was > 0 ? 1 : 0, h.was,
		    h.now > 0 ? 1 : 0, h.now, ra_buf_text(&h.lines));
	}
	ra_ctl_part_free(&h.remarks);
	ra_ctl_part_free(&h.lines);
}

void
ra_drift_diff(const struct ra_ctl_term *t, const json_t *answer, struct ra_buf *out)
{
	struct ra_drift_section s = { .rows = json_object_get(answer, "rows") };

	ra_drift_remarks(t, answer, "# ", out);
	while (ra_drift_section_next(&s)) {
		if (s.side_count == 2 && s.check != NULL)
			diff_section(t, &s, out);
	}
}

/* --- rules --- */

/* As it is, to be pasted, but for what a daemon of ours never puts in it. */
static void
add_yaml(const struct ra_ctl_term *t, struct ra_buf *out, const char *text)
{
	while (*text != '\0') {
		RA_CTL_PART part = RA_BUF(0);
		size_t len = strcspn(text, "\\\n");

		ra_buf_add(&part, text, len);
		ra_ctl_text(t, out, ra_buf_text(&part));
		text += len;
		if (*text != '\0')
			ra_buf_putc(out, *text++);
	}
}

void
ra_drift_rules_yaml(const struct ra_ctl_term *t, const json_t *answer, struct ra_buf *out)
{
	const json_t *list = json_object_get(answer, "suggest"), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *check = ra_ctl_json_text(item, "check");
		const char *yaml = ra_ctl_json_text(item, "yaml");

		ra_buf_puts(out, "# ");
		ra_ctl_text(t, out, check != NULL ? check : "?");
		ra_buf_puts(out, ", beside what it has:\n");
		add_yaml(t, out, yaml != NULL ? yaml : "");
	}
	if (json_array_size(list) == 0)
		ra_buf_puts(out, "# there is nothing to silence\n");
	ra_drift_remarks(t, answer, "# ", out);
}
