/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <string.h>

#include "relaudit/base/escape.h"

#define GAP 2

void
ra_ctl_table_init(struct ra_ctl_table *t, const struct ra_ctl_term *term,
    const struct ra_ctl_column *columns, size_t count)
{
	memset(t, 0, sizeof(*t));
	t->term = term;
	t->column_count = count < RA_CTL_COLUMNS_MAX ? count : RA_CTL_COLUMNS_MAX;
	memcpy(t->columns, columns, t->column_count * sizeof(*columns));
	t->arena = ra_arena_new();
	if (t->arena == NULL)
		t->error = -ENOMEM;
}

void
ra_ctl_table_free(struct ra_ctl_table *t)
{
	ra_arena_free(t->arena);
	free(t->cells);
	memset(t, 0, sizeof(*t));
}

static int
reserve_row(struct ra_ctl_table *t)
{
	size_t cap = t->row_cap == 0 ? 64 : 2 * t->row_cap;
	struct ra_ctl_cell *cells;

	if (t->error < 0 || t->row_count < t->row_cap)
		return t->error;
	cells = reallocarray(t->cells, cap * t->column_count, sizeof(*cells));
	if (cells == NULL)
		return t->error = -ENOMEM;
	t->cells = cells;
	t->row_cap = cap;
	return 0;
}

void
ra_ctl_table_row(struct ra_ctl_table *t, const struct ra_ctl_cell *cells)
{
	struct ra_ctl_cell *row;
	size_t i;

	if (reserve_row(t) < 0)
		return;
	row = &t->cells[t->row_count++ * t->column_count];
	for (i = 0; i < t->column_count; i++) {
		row[i] = cells[i];
		row[i].text = ra_arena_strdup(t->arena, cells[i].text != NULL ? cells[i].text : "");
		if (row[i].text == NULL) {
			row[i].text = "";
			t->error = -ENOMEM;
		}
	}
}

static size_t
natural_width(const struct ra_ctl_table *t, size_t column)
{
	const struct ra_ctl_column *c = &t->columns[column];
	size_t i, width = 0;

	for (i = 0; i < t->row_count; i++) {
		size_t w = ra_ctl_width(t->term, t->cells[i * t->column_count + column].text);

		width = w > width ? w : width;
	}
	if (width == 0 && c->optional)
		return 0;
	if (c->title != NULL && ra_ctl_width(t->term, c->title) > width)
		width = ra_ctl_width(t->term, c->title);
	return width > c->room ? width : c->room;
}

/* Columns of all but a tail, gaps counted. A width of 0 is a column that is left out. */
static size_t
measure(const struct ra_ctl_table *t, size_t widths[RA_CTL_COLUMNS_MAX])
{
	size_t i, sum = 0;

	for (i = 0; i < t->column_count; i++) {
		widths[i] = natural_width(t, i);
		if (widths[i] > 0 && !t->columns[i].tail)
			sum += widths[i] + (sum > 0 ? GAP : 0);
	}
	return sum;
}

size_t
ra_ctl_table_width(const struct ra_ctl_table *t)
{
	size_t widths[RA_CTL_COLUMNS_MAX];

	return measure(t, widths);
}

/* Column by column off the widest that may still give. */
static void
fit(const struct ra_ctl_table *t, size_t widths[RA_CTL_COLUMNS_MAX], size_t sum)
{
	while (sum > t->term->width) {
		size_t i, widest = SIZE_MAX;

		for (i = 0; i < t->column_count; i++) {
			unsigned least = t->columns[i].least;

			if (least > 0 && widths[i] > least &&
			    (widest == SIZE_MAX || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == SIZE_MAX)
			return;
		widths[widest]--;
		sum--;
	}
}

static void
print_cell(const struct ra_ctl_table *t, const struct ra_ctl_cell *cell, bool right, size_t width,
    size_t *blanks, struct ra_buf *out)
{
	RA_CTL_PART text = RA_BUF(0);
	size_t used, pad;

	ra_ctl_text_cut(t->term, &text, cell->text, width);
	used = ra_text_width(ra_buf_text(&text), text.len);
	pad = used < width ? width - used : 0;
	*blanks += right ? pad : 0;
	if (text.len > 0) { /* no blanks behind the last */
		ra_buf_printf(out, "%*s", (int)*blanks, "");
		ra_ctl_style(t->term, out, cell->style);
		ra_buf_add(out, text.data, text.len);
		ra_ctl_style_end(t->term, out, cell->style);
		*blanks = 0;
	}
	*blanks += (right ? 0 : pad) + GAP;
}

static size_t
tail_column(const struct ra_ctl_table *t, const size_t *widths)
{
	size_t i, at = t->indent;

	for (i = 0; i < t->column_count; i++)
		at += widths[i] > 0 && !t->columns[i].tail ? widths[i] + GAP : 0;
	return at;
}

static void
print_tail(const struct ra_ctl_table *t, const struct ra_ctl_cell *cell, bool heading,
    const size_t *widths, size_t blanks, struct ra_buf *out)
{
	size_t at = tail_column(t, widths);

	/* A heading is not worth a line. */
	if (!heading || !ra_ctl_tight(t->term, at))
		ra_ctl_tail(t->term, out, cell->text, at, blanks);
}

static void
print_row(const struct ra_ctl_table *t, const struct ra_ctl_cell *row, bool heading,
    const size_t *widths, struct ra_buf *out)
{
	size_t i, blanks = t->indent;

	for (i = 0; i < t->column_count; i++) {
		if (widths[i] > 0 && t->columns[i].tail)
			print_tail(t, &row[i], heading, widths, blanks, out);
		else if (widths[i] > 0)
			print_cell(t, &row[i], t->columns[i].right, widths[i], &blanks, out);
	}
	ra_buf_putc(out, '\n');
}

void
ra_ctl_table_print(const struct ra_ctl_table *t, struct ra_buf *out)
{
	struct ra_ctl_cell titles[RA_CTL_COLUMNS_MAX] = { 0 };
	size_t widths[RA_CTL_COLUMNS_MAX], i, sum = measure(t, widths) + t->indent;
	bool any = false;

	if (t->error < 0) {
		out->error = t->error;
		return;
	}
	if (t->term->width > 0)
		fit(t, widths, sum);
	for (i = 0; i < t->column_count; i++) {
		const char *title = t->columns[i].title;

		titles[i] = (struct ra_ctl_cell){ title != NULL ? title : "", RA_CTL_DIM };
		any = any || title != NULL;
	}
	if (any)
		print_row(t, titles, true, widths, out);
	for (i = 0; i < t->row_count; i++)
		print_row(t, &t->cells[i * t->column_count], false, widths, out);
}
