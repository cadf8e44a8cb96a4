/* SPDX-License-Identifier: Apache-2.0 */
/* `status`: the one page that is read at night. */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "table.h"
#include "views.h"

#define KINDS_MAX (RA_CTL_COLUMNS_MAX - 1)

/* Kinds that are known come in this order, others after them as they are met. */
static const char *const known_kinds[] = { "version", "backup", "logs", "config", "stack", "value",
	"plugin" };

struct kinds {
	const char *names[KINDS_MAX];
	size_t count;
};

/* One cell: the worst of the checks of a kind, and how many of them are as bad. */
struct cell {
	enum ra_verdict worst;
	size_t count, bad;
	bool soft;
};

static const char *const short_names[] = {
	[RA_OK] = "OK",
	[RA_WARNING] = "WARN",
	[RA_CRITICAL] = "CRIT",
	[RA_UNKNOWN] = "UNKN",
	[RA_PENDING] = "PEND",
};

static bool
has_kind(const struct ra_ctl_status *s, const char *kind)
{
	size_t i, k;

	for (i = 0; i < s->environment_count; i++)
		for (k = 0; k < s->environments[i].check_count; k++)
			if (strcmp(s->environments[i].checks[k].kind, kind) == 0)
				return true;
	return false;
}

static size_t
find_kind(const struct kinds *kinds, const char *name)
{
	size_t i;

	for (i = 0; i < kinds->count; i++)
		if (strcmp(kinds->names[i], name) == 0)
			break;
	return i;
}

static void
collect_kinds(const struct ra_ctl_status *s, struct kinds *kinds)
{
	size_t i, k;

	kinds->count = 0;
	for (i = 0; i < RA_ARRAY_SIZE(known_kinds); i++)
		if (has_kind(s, known_kinds[i]))
			kinds->names[kinds->count++] = known_kinds[i];
	for (i = 0; i < s->environment_count; i++) {
		for (k = 0; k < s->environments[i].check_count; k++) {
			const char *name = s->environments[i].checks[k].kind;

			if (find_kind(kinds, name) == kinds->count && kinds->count < KINDS_MAX)
				kinds->names[kinds->count++] = name;
		}
	}
}

static void
fill_cells(
    const struct ra_ctl_environment *e, const struct kinds *kinds, bool latest, struct cell *cells)
{
	size_t k;

	memset(cells, 0, KINDS_MAX * sizeof(*cells));
	for (k = 0; k < e->check_count; k++) {
		const struct ra_ctl_check *c = &e->checks[k];
		enum ra_verdict v = ra_ctl_counts(c, latest);
		size_t at = find_kind(kinds, c->kind);
		struct cell *cell = &cells[at];

		if (at == kinds->count)
			continue;
		cell->count++;
		if (cell->count == 1 || ra_verdict_rank(v) > ra_verdict_rank(cell->worst)) {
			cell->worst = v;
			cell->bad = 0;
			cell->soft = false;
		}
		if (v == cell->worst) {
			cell->bad++;
			cell->soft = cell->soft || (!latest && !c->hard && v != RA_PENDING);
		}
	}
}

static void
cell_text(const struct cell *cell, bool brief, char *out, size_t size)
{
	char share[48] = "";

	if (cell->count == 0) {
		snprintf(out, size, "-");
		return;
	}
	if (cell->bad < cell->count && !brief)
		snprintf(share, sizeof(share), " %zu/%zu", cell->bad, cell->count);
	snprintf(out, size, "%s%s%s",
	    brief ? short_names[cell->worst] : ra_verdict_name(cell->worst), cell->soft ? "~" : "",
	    share);
}

static void
add_rows(
    const struct ra_ctl_status *s, const struct kinds *kinds, bool brief, struct ra_ctl_table *t)
{
	struct ra_ctl_cell row[RA_CTL_COLUMNS_MAX];
	struct cell cells[KINDS_MAX];
	char texts[KINDS_MAX][64];
	size_t i, k;

	for (i = 0; i < s->environment_count; i++) {
		const struct ra_ctl_environment *e = &s->environments[i];

		fill_cells(e, kinds, s->latest, cells);
		row[0] = (struct ra_ctl_cell){ e->name, RA_CTL_BOLD };
		for (k = 0; k < kinds->count; k++) {
			cell_text(&cells[k], brief, texts[k], sizeof(texts[k]));
			row[k + 1] = (struct ra_ctl_cell){ texts[k],
				cells[k].count > 0 ? ra_ctl_style_of(cells[k].worst) : RA_CTL_DIM };
		}
		ra_ctl_table_row(t, row);
	}
}

static void
add_matrix(const struct ra_ctl_term *term, const struct ra_ctl_status *s, struct ra_buf *out)
{
	struct ra_ctl_column columns[RA_CTL_COLUMNS_MAX] = { { .title = "ENVIRONMENT",
	    .least = 16 } };
	char titles[KINDS_MAX][64];
	struct ra_ctl_table table;
	struct kinds kinds;
	size_t i, k;

	collect_kinds(s, &kinds);
	for (i = 0; i < kinds.count; i++) {
		snprintf(titles[i], sizeof(titles[i]), "%s", kinds.names[i]);
		for (k = 0; titles[i][k] != '\0'; k++)
			if (titles[i][k] >= 'a' && titles[i][k] <= 'z')
				titles[i][k] = (char)(titles[i][k] - 'a' + 'A');
		columns[i + 1] = (struct ra_ctl_column){ .title = titles[i], .least = 4 };
	}
	ra_ctl_table_init(&table, term, columns, kinds.count + 1);
	add_rows(s, &kinds, false, &table);
	if (term->width > 0 && ra_ctl_table_width(&table) > term->width) {
		ra_ctl_table_free(&table);
		ra_ctl_table_init(&table, term, columns, kinds.count + 1);
		add_rows(s, &kinds, true, &table);
	}
	ra_ctl_table_print(&table, out);
	ra_ctl_table_free(&table);
}

/* --- the head --- */

static void
add_head(const struct ra_ctl_term *t, const struct ra_ctl_status *s, struct ra_buf *out)
{
	static const enum ra_verdict order[] = { RA_CRITICAL, RA_UNKNOWN, RA_PENDING, RA_WARNING,
		RA_OK };
	enum ra_verdict worst = s->environment_count == 0 && !s->latest ? s->state : RA_OK;
	size_t counts[RA_PENDING + 1] = { 0 }, i, k;
	const char *comma = "";

	for (i = 0; i < s->environment_count; i++) {
		worst = ra_verdict_worst(worst, s->environments[i].worst);
		for (k = 0; k < s->environments[i].check_count; k++)
			counts[ra_ctl_counts(&s->environments[i].checks[k], s->latest)]++;
	}
	ra_ctl_styled(t, out, ra_ctl_style_of(worst), ra_verdict_name(worst));
	ra_buf_printf(out, "  %zu check%s in %zu environment%s  at ", s->check_count,
	    s->check_count == 1 ? "" : "s", s->environment_count,
	    s->environment_count == 1 ? "" : "s");
	ra_ctl_time(out, s->at);
	ra_buf_putc(out, '\n');
	if (s->check_count == 0) {
		ra_buf_puts(out, "nothing is watched here: see `relauditctl check-config`\n");
		return;
	}
	ra_buf_printf(out, "%*s", (int)strlen(ra_verdict_name(worst)) + 2, "");
	for (i = 0; i < RA_ARRAY_SIZE(order); i++) {
		if (counts[order[i]] == 0)
			continue;
		ra_buf_printf(out, "%s%zu %s", comma, counts[order[i]], ra_verdict_name(order[i]));
		comma = ", ";
	}
	ra_buf_putc(out, '\n');
}

/* --- the lines below --- */

struct line {
	const struct ra_ctl_check *check;
	size_t order;
	int rank;
};

static int
compare_lines(const void *a, const void *b)
{
	const struct line *la = a, *lb = b;

	if (la->rank != lb->rank)
		return lb->rank - la->rank;
	return la->order < lb->order ? -1 : la->order > lb->order;
}

static bool
is_soft(const struct ra_ctl_check *c, bool latest)
{
	return !latest && !c->hard && c->state != RA_PENDING;
}

/* A state of OK that the latest result contradicts is worth a line too. */
static bool
needs_line(const struct ra_ctl_check *c, bool latest)
{
	return ra_ctl_counts(c, latest) != RA_OK || (is_soft(c, latest) && c->verdict != RA_OK);
}

static bool
any_soft(const struct ra_ctl_status *s)
{
	size_t i, k;

	for (i = 0; i < s->environment_count; i++)
		for (k = 0; k < s->environments[i].check_count; k++)
			if (is_soft(&s->environments[i].checks[k], s->latest))
				return true;
	return false;
}

static size_t
collect_lines(const struct ra_ctl_status *s, struct line *lines)
{
	size_t i, k, n = 0;

	for (i = 0; i < s->environment_count; i++) {
		for (k = 0; k < s->environments[i].check_count; k++) {
			const struct ra_ctl_check *c = &s->environments[i].checks[k];

			if (needs_line(c, s->latest)) {
				lines[n] = (struct line){ c, n,
					ra_verdict_rank(ra_ctl_counts(c, s->latest)) };
				n++;
			}
		}
	}
	qsort(lines, n, sizeof(*lines), compare_lines);
	return n;
}

static void
line_text(const struct ra_ctl_status *s, const struct ra_ctl_check *c, struct ra_buf *out)
{
	enum ra_verdict v = ra_ctl_counts(c, s->latest);
	char age[RA_UNIT_TEXT];

	if (!s->latest && c->state != c->verdict)
		ra_buf_printf(out, "latest %s: ", ra_verdict_name(c->verdict));
	ra_buf_puts(out, c->summary != NULL ? c->summary : c->reason != NULL ? c->reason : "");
	/* Of a state that the latest result contradicts it would be taken for the latest's. */
	if (c->since != 0 && s->at >= c->since && v == c->state &&
	    (v != RA_OK || c->verdict == RA_OK))
		ra_buf_printf(out, "  (since %s)",
		    ra_duration_human((s->at - c->since) / RA_SECOND * RA_SECOND, age));
}

static void
add_line(const struct ra_ctl_status *s, const struct ra_ctl_check *c, struct ra_ctl_table *t)
{
	enum ra_verdict v = ra_ctl_counts(c, s->latest);
	RA_CTL_PART text = RA_BUF(0);
	char state[16];

	snprintf(
	    state, sizeof(state), "%s%s", ra_verdict_name(v), is_soft(c, s->latest) ? "~" : "");
	line_text(s, c, &text);
	ra_ctl_table_row(t, (struct ra_ctl_cell[]){ { state, ra_ctl_style_of(v) },
				{ c->id, RA_CTL_BOLD }, { ra_buf_text(&text), RA_CTL_PLAIN } });
}

static void
add_lines(const struct ra_ctl_term *term, const struct ra_ctl_status *s, struct ra_buf *out)
{
	static const struct ra_ctl_column columns[] = { { .room = 8 }, { .least = 20 },
		{ .tail = true } };
	RA_FREE struct line *lines = calloc(s->check_count + 1, sizeof(*lines));
	struct ra_ctl_table table;
	size_t i, n;

	if (lines == NULL) {
		out->error = -ENOMEM;
		return;
	}
	n = collect_lines(s, lines);
	if (n == 0)
		return;
	ra_ctl_table_init(&table, term, columns, RA_ARRAY_SIZE(columns));
	for (i = 0; i < n; i++)
		add_line(s, lines[i].check, &table);
	ra_buf_putc(out, '\n');
	ra_ctl_table_print(&table, out);
	ra_ctl_table_free(&table);
}

void
ra_ctl_matrix(const struct ra_ctl_term *t, const struct ra_ctl_status *s, struct ra_buf *out)
{
	add_head(t, s, out);
	if (s->problem != NULL) {
		ra_buf_puts(out, "relauditd: ");
		ra_ctl_text(t, out, s->problem);
		ra_buf_putc(out, '\n');
	}
	if (s->environment_count == 0)
		return;
	ra_buf_putc(out, '\n');
	add_matrix(t, s, out);
	add_lines(t, s, out);
	if (any_soft(s)) {
		ra_buf_putc(out, '\n');
		ra_ctl_styled(t, out, RA_CTL_DIM, "~ not confirmed yet: the next results decide");
		ra_buf_putc(out, '\n');
	}
}
