/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people: columns as wide as what is in them; where that is wider than the terminal,
 * flexible ones give way, the widest first, and what does not fit is cut with a mark. Cells are
 * texts as they came: they are escaped here.
 */
#ifndef RELAUDIT_CTL_TABLE_H
#define RELAUDIT_CTL_TABLE_H

#include "relaudit/base/arena.h"

#include "term.h"

#define RA_CTL_COLUMNS_MAX 32

struct ra_ctl_column {
	const char *title; /* NULL in all: no heading */
	bool right; /* numbers */
	unsigned least; /* columns it keeps when space is short; 0: all it needs */
	unsigned room; /* columns it has even when less is in it */
	bool optional; /* left out when nothing is in it */
	bool tail; /* the last one: folded, not cut */
};

struct ra_ctl_cell {
	const char *text; /* NULL: empty */
	enum ra_ctl_style style;
};

struct ra_ctl_table {
	const struct ra_ctl_term *term;
	struct ra_arena *arena;
	struct ra_ctl_column columns[RA_CTL_COLUMNS_MAX];
	size_t column_count;
	struct ra_ctl_cell *cells; /* row by row */
	size_t row_count, row_cap;
	unsigned indent;
	int error;
};

void ra_ctl_table_init(struct ra_ctl_table *t, const struct ra_ctl_term *term,
    const struct ra_ctl_column *columns, size_t count);
void ra_ctl_table_free(struct ra_ctl_table *t);
/* One row, a cell a column; copied. */
void ra_ctl_table_row(struct ra_ctl_table *t, const struct ra_ctl_cell *cells);
/* Columns it would take if there were no limit. */
size_t ra_ctl_table_width(const struct ra_ctl_table *t);
void ra_ctl_table_print(const struct ra_ctl_table *t, struct ra_buf *out);

#endif
