/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as tables: a column for each side, or, where those do not fit, who has which value. */
#include <inttypes.h>
#include <string.h>

#include "drift.h"
#include "table.h"

#define COLUMNS_FIXED 3 /* check, key, verdict */
#define COLUMN_LEAST  6 /* of a side */
#define KEY_LEAST     12
#define GROUP_LEAST   24 /* of keys where there are groups, which say how many */
#define FIXED_LEAST   22 /* of what comes before the sides, without the key */
#define WIDTH	      80 /* where none is known */
#define ROWS_MANY     40 /* beyond it rows that are alike become one */
#define ALIKE_LEAST   4

struct view {
	struct ra_ctl_term term;
	bool grouping, listing;
	bool wrong, release; /* some row was */
	size_t grouped;
	struct ra_buf *out;
};

/* --- rows that are alike --- */

/* Bytes up to the first separator in it; 0: none. */
static size_t
prefix_len(const char *key)
{
	size_t lead = strspn(key, "/"), len = lead + strcspn(key + lead, "_./-");

	return key[len] != '\0' && len > lead ? len + 1 : 0;
}

static bool
same_text(const json_t *a, const json_t *b, const char *name)
{
	const char *x = ra_ctl_json_text(a, name), *y = ra_ctl_json_text(b, name);

	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* All but keys and values are the same. */
static bool
are_alike(const struct ra_drift_section *s, const json_t *a, const json_t *b)
{
	const json_t *x = json_object_get(a, "values"), *y = json_object_get(b, "values");

	if (!same_text(a, b, "verdict") || !same_text(a, b, "cause"))
		return false;
	for (size_t i = 0; i < s->side_count; i++) {
		if (json_is_null(json_object_get(x, s->sides[i])) !=
			json_is_null(json_object_get(y, s->sides[i])) ||
		    ra_drift_is_wrong(a, s->sides[i]) != ra_drift_is_wrong(b, s->sides[i]))
			return false;
	}
	return true;
}

/* Where the rows with the prefix of the row at `first` end. */
static size_t
run_end(const struct ra_drift_section *s, size_t first)
{
	const char *key = ra_ctl_json_text(json_array_get(s->rows, first), "key");
	size_t len = key != NULL ? prefix_len(key) : 0, i = first + 1;

	for (; len > 0 && i < s->end; i++) {
		const char *other = ra_ctl_json_text(json_array_get(s->rows, i), "key");

		if (other == NULL || strncmp(other, key, len) != 0)
			break;
	}
	return i;
}

/* --- cells --- */

static const char *
verdict_of(const json_t *row)
{
	return ra_drift_is_release(row) ? "release" : ra_ctl_json_text(row, "verdict");
}

static void
add_value(const struct ra_drift_section *s, size_t side, const json_t *row, size_t alike,
    struct ra_buf *text)
{
	const json_t *value = json_object_get(json_object_get(row, "values"), s->sides[side]);

	if (ra_drift_is_wrong(row, s->sides[side]))
		ra_buf_puts(text, "! ");
	if (alike == 1 || json_is_null(value))
		ra_drift_value(text, value, false);
}

static bool
said_before(const struct ra_drift_section *s, size_t side, const json_t *row)
{
	const json_t *values = json_object_get(row, "values");

	for (size_t i = 0; i < side; i++) {
		if (json_equal(json_object_get(values, s->sides[i]),
			json_object_get(values, s->sides[side])) &&
		    ra_drift_is_wrong(row, s->sides[i]) == ra_drift_is_wrong(row, s->sides[side]))
			return true;
	}
	return false;
}

/* "on: staging, qa; off: production" */
static void
add_list(const struct ra_drift_section *s, const json_t *row, size_t alike, struct ra_buf *text)
{
	const json_t *values = json_object_get(row, "values");

	for (size_t i = 0; alike == 1 && i < s->side_count; i++) {
		if (said_before(s, i, row))
			continue;
		ra_buf_puts(text, text->len > 0 ? "; " : "");
		add_value(s, i, row, alike, text);
		for (size_t k = i; k < s->side_count; k++) {
			if (k == i || (json_equal(json_object_get(values, s->sides[i]),
					   json_object_get(values, s->sides[k])) &&
					  ra_drift_is_wrong(row, s->sides[i]) ==
					      ra_drift_is_wrong(row, s->sides[k])))
				ra_buf_printf(text, "%s%s", k == i ? ": " : ", ", s->sides[k]);
		}
	}
}

static void
add_key(const json_t *row, size_t alike, struct ra_buf *text)
{
	const char *key = ra_ctl_json_text(row, "key");

	if (key == NULL)
		return;
	if (alike == 1)
		ra_buf_puts(text, key);
	else
		ra_buf_printf(text, "%.*s* (%zu keys)", (int)prefix_len(key), key, alike);
}

static void
add_row(struct view *v, struct ra_ctl_table *t, const struct ra_drift_section *s, const json_t *row,
    size_t alike)
{
	struct ra_buf texts[RA_CTL_COLUMNS_MAX] = { 0 };
	struct ra_ctl_cell cells[RA_CTL_COLUMNS_MAX] = { { s->check, RA_CTL_PLAIN } };
	size_t sides = v->listing ? 1 : s->side_count;

	add_key(row, alike, &texts[1]);
	cells[1] = (struct ra_ctl_cell){ ra_buf_text(&texts[1]), RA_CTL_BOLD };
	cells[2] = (struct ra_ctl_cell){ verdict_of(row), RA_CTL_PLAIN };
	for (size_t i = 0; i < sides; i++) {
		struct ra_buf *text = &texts[COLUMNS_FIXED + i];

		if (v->listing)
			add_list(s, row, alike, text);
		else
			add_value(s, i, row, alike, text);
		cells[COLUMNS_FIXED + i] = (struct ra_ctl_cell){ ra_buf_text(text), RA_CTL_PLAIN };
	}
	ra_ctl_table_row(t, cells);
	for (size_t i = 0; i < RA_CTL_COLUMNS_MAX; i++)
		ra_ctl_part_free(&texts[i]);
	v->wrong = v->wrong || json_array_size(json_object_get(row, "wrong")) > 0;
	v->release = v->release || ra_drift_is_release(row);
	v->grouped += alike > 1 ? alike : 0;
}

/* --- tables --- */

/* Rows of one prefix: each alone, or one for all that are alike. */
static void
add_run(struct view *v, struct ra_ctl_table *t, const struct ra_drift_section *s, size_t first,
    size_t end)
{
	RA_FREE bool *done = calloc(end - first, sizeof(*done));

	for (size_t i = first; i < end; i++) {
		const json_t *row = json_array_get(s->rows, i);
		size_t alike = 1;

		if (done != NULL && done[i - first])
			continue;
		for (size_t k = i + 1; done != NULL && k < end; k++)
			alike += !done[k - first] && are_alike(s, row, json_array_get(s->rows, k));
		if (alike < ALIKE_LEAST) {
			add_row(v, t, s, row, 1);
			continue;
		}
		for (size_t k = i + 1; k < end; k++)
			done[k - first] =
			    done[k - first] || are_alike(s, row, json_array_get(s->rows, k));
		add_row(v, t, s, row, alike);
	}
}

static size_t
side_least(const struct view *v, const char *side)
{
	size_t width = ra_ctl_width(&v->term, side);

	return width > COLUMN_LEAST ? width : COLUMN_LEAST;
}

/* Names that are cut would tell nobody apart. */
static bool
is_too_wide(const struct view *v, const struct ra_drift_section *s, size_t width)
{
	for (size_t i = 0; i < s->side_count; i++)
		width += 2 + side_least(v, s->sides[i]);
	return COLUMNS_FIXED + s->side_count > RA_CTL_COLUMNS_MAX ||
	       (v->term.width > 0 && width > v->term.width);
}

static void
print_section(struct view *v, const struct ra_drift_section *s)
{
	struct ra_ctl_column columns[RA_CTL_COLUMNS_MAX] = {
		{ .title = "CHECK", .least = 8 },
		{ .title = "KEY", .least = v->grouping ? GROUP_LEAST : KEY_LEAST },
		{ .title = "VERDICT" },
	};
	size_t count = COLUMNS_FIXED + s->side_count;
	struct ra_ctl_table table;

	v->listing = is_too_wide(v, s, FIXED_LEAST + columns[1].least);
	count = v->listing ? COLUMNS_FIXED + 1 : count;
	for (size_t i = COLUMNS_FIXED; i < count; i++)
		columns[i] = (struct ra_ctl_column){ .title = s->sides[i - COLUMNS_FIXED],
			.least = (unsigned)side_least(v, s->sides[i - COLUMNS_FIXED]) };
	if (v->listing)
		columns[COLUMNS_FIXED] = (struct ra_ctl_column){ .title = "VALUES", .tail = true };
	ra_ctl_table_init(&table, &v->term, columns, count);
	for (size_t i = s->first, end; i < s->end; i = end) {
		end = v->grouping ? run_end(s, i) : i + 1;
		add_run(v, &table, s, i, end);
	}
	if (s->first > 0)
		ra_buf_putc(v->out, '\n');
	ra_ctl_table_print(&table, v->out);
	ra_ctl_table_free(&table);
}

static void
print_legend(const struct view *v)
{
	if (v->wrong)
		ra_buf_puts(v->out, "!: not as committed\n");
	if (v->release)
		ra_buf_puts(v->out, "release: declared only at the version that one side runs\n");
	if (v->grouped > 0)
		ra_buf_printf(v->out,
		    "%zu keys are told in groups; --wide tells each of them with its values\n",
		    v->grouped);
}

/* How old what was compared is. */
static void
print_age(const struct view *v, const json_t *answer)
{
	const json_t *checked = json_object_get(answer, "checked");
	int64_t oldest = 0;
	const char *name, *of = NULL;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)checked, name, value) {
		int64_t at = ra_ctl_json_time(checked, name);

		if (at != 0 && (of == NULL || at < oldest)) {
			oldest = at;
			of = name;
		}
	}
	if (of == NULL)
		return;
	ra_buf_puts(v->out, json_object_size(checked) > 1 ? "read, the oldest " : "read ");
	ra_ctl_relative(v->out, oldest, ra_ctl_now(answer));
	ra_buf_puts(v->out, ": ");
	ra_ctl_text(&v->term, v->out, of);
	ra_buf_putc(v->out, '\n');
}

void
ra_drift_table(const struct ra_ctl_term *t, const json_t *answer, bool wide,
    const struct ra_drift_end *end, struct ra_buf *out)
{
	struct ra_drift_section s = { .rows = json_object_get(answer, "rows") };
	struct view v = { .term = *t, .out = out };

	v.grouping = !wide && json_array_size(s.rows) > ROWS_MANY;
	if (wide)
		v.term.width = 0;
	else if (v.term.width == 0)
		v.term.width = WIDTH;
	while (ra_drift_section_next(&s))
		print_section(&v, &s);
	print_legend(&v);
	if (s.end > 0)
		print_age(&v, answer);
	ra_drift_remarks(t, answer, "", out);
	ra_drift_sum(t, answer, end, out);
}
