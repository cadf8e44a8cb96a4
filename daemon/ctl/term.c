/* SPDX-License-Identifier: Apache-2.0 */
#include "term.h"

#include <errno.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/escape.h"
#include "relaudit/base/units.h"

#define DEFAULT_WIDTH  80
#define DEFAULT_HEIGHT 24
#define LABEL_WIDTH    12
#define TAIL_LEAST     30
#define TAIL_INDENT    4

static bool
is_dumb(void)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	return term == NULL || *term == '\0' || strcmp(term, "dumb") == 0 ||
	       (no_color != NULL && *no_color != '\0');
}

void
ra_ctl_term_size(struct ra_ctl_term *t, FILE *out)
{
	struct winsize size = { 0 };
	const char *columns = getenv("COLUMNS");
	int64_t wanted = 0;

	if (!t->tty) {
		t->width = t->height = 0;
		return;
	}
	(void)ioctl(fileno(out), TIOCGWINSZ, &size);
	t->width = size.ws_col > 0 ? size.ws_col : DEFAULT_WIDTH;
	t->height = size.ws_row > 0 ? size.ws_row : DEFAULT_HEIGHT;
	if (size.ws_col == 0 && columns != NULL &&
	    ra_int_parse(columns, strlen(columns), &wanted) == 0 && wanted >= 20 && wanted <= 10000)
		t->width = (unsigned)wanted;
}

void
ra_ctl_term_init(struct ra_ctl_term *t, FILE *out, enum ra_ctl_color color)
{
	int fd = fileno(out);

	memset(t, 0, sizeof(*t));
	t->tty = fd >= 0 && isatty(fd) == 1;
	if (t->tty)
		t->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	t->ascii = t->tty && !t->unicode;
	t->color =
	    color == RA_CTL_COLOR_ALWAYS || (color == RA_CTL_COLOR_AUTO && t->tty && !is_dumb());
	ra_ctl_term_size(t, out);
}

/* --- parts --- */

static bool part_lost;

void
ra_ctl_part_free(struct ra_buf *b)
{
	part_lost = part_lost || b->error == -ENOMEM;
	ra_buf_free(b);
}

void
ra_ctl_parts_begin(void)
{
	part_lost = false;
}

bool
ra_ctl_part_lost(void)
{
	return part_lost;
}

/* --- text --- */

/* What the terminal cannot show, as ra_escape_line writes what it may not show. */
static void
add_ascii(struct ra_buf *out, const char *text, size_t len)
{
	while (len > 0) {
		uint32_t c;
		size_t n = ra_utf8_decode(text, len, &c);

		if (n > 1)
			ra_buf_printf(out, "\\u{%04x}", (unsigned)c);
		else
			ra_buf_putc(out, *text);
		n = n > 0 ? n : 1;
		text += n;
		len -= n;
	}
}

void
ra_ctl_text(const struct ra_ctl_term *t, struct ra_buf *out, const char *text)
{
	RA_CTL_PART escaped = RA_BUF(0);

	if (!t->ascii) {
		ra_escape_line(out, text, strlen(text), 0);
		return;
	}
	ra_escape_line(&escaped, text, strlen(text), 0);
	add_ascii(out, ra_buf_text(&escaped), escaped.len);
}

size_t
ra_ctl_width(const struct ra_ctl_term *t, const char *text)
{
	RA_CTL_PART escaped = RA_BUF(0);

	ra_ctl_text(t, &escaped, text);
	return ra_text_width(ra_buf_text(&escaped), escaped.len);
}

/* Bytes of the longest beginning of an escaped text that takes at most width columns. */
static size_t
fitting(const char *text, size_t len, size_t width)
{
	size_t at = 0, used = 0;

	while (at < len) {
		uint32_t c;
		size_t n = ra_utf8_decode(text + at, len - at, &c);
		size_t columns = n > 0 ? (size_t)ra_char_width(c) : 1;

		if (used + columns > width)
			break;
		used += columns;
		at += n > 0 ? n : 1;
	}
	return at;
}

void
ra_ctl_text_cut(const struct ra_ctl_term *t, struct ra_buf *out, const char *text, size_t width)
{
	RA_CTL_PART escaped = RA_BUF(0);

	ra_ctl_text(t, &escaped, text);
	if (width == 0 || ra_text_width(ra_buf_text(&escaped), escaped.len) <= width) {
		ra_buf_add(out, ra_buf_text(&escaped), escaped.len);
		return;
	}
	ra_buf_add(out, ra_buf_text(&escaped), fitting(escaped.data, escaped.len, width - 1));
	ra_buf_puts(out, t->unicode ? "\u2026" : "~");
}

static const char *const style_codes[] = {
	[RA_CTL_BOLD] = "\033[1m",
	[RA_CTL_DIM] = "\033[2m",
	[RA_CTL_STYLE_OK] = "\033[32m",
	[RA_CTL_STYLE_WARNING] = "\033[33m",
	[RA_CTL_STYLE_CRITICAL] = "\033[1;31m",
	[RA_CTL_STYLE_UNKNOWN] = "\033[35m",
	[RA_CTL_STYLE_PENDING] = "\033[36m",
};

enum ra_ctl_style
ra_ctl_style_of(enum ra_verdict v)
{
	switch (v) {
	case RA_OK:
		return RA_CTL_STYLE_OK;
	case RA_WARNING:
		return RA_CTL_STYLE_WARNING;
	case RA_CRITICAL:
		return RA_CTL_STYLE_CRITICAL;
	case RA_PENDING:
		return RA_CTL_STYLE_PENDING;
	case RA_UNKNOWN:
		break;
	}
	return RA_CTL_STYLE_UNKNOWN;
}

void
ra_ctl_style(const struct ra_ctl_term *t, struct ra_buf *out, enum ra_ctl_style style)
{
	if (t->color && style != RA_CTL_PLAIN)
		ra_buf_puts(out, style_codes[style]);
}

void
ra_ctl_style_end(const struct ra_ctl_term *t, struct ra_buf *out, enum ra_ctl_style style)
{
	if (t->color && style != RA_CTL_PLAIN)
		ra_buf_puts(out, "\033[0m");
}

void
ra_ctl_styled(
    const struct ra_ctl_term *t, struct ra_buf *out, enum ra_ctl_style style, const char *text)
{
	ra_ctl_style(t, out, style);
	ra_ctl_text(t, out, text);
	ra_ctl_style_end(t, out, style);
}

const char *
ra_ctl_arrow(const struct ra_ctl_term *t)
{
	return t->unicode ? " \u2192 " : " -> ";
}

/* --- fields --- */

/* A break in short words in brackets is better made before them: "(since 2 h)". */
static size_t
before_bracket(const char *text, size_t at)
{
	const char *open = memrchr(text, '(', at);
	size_t to = open != NULL ? (size_t)(open - text) : 0;

	if (to < 2 || at - to > 24 || text[to - 1] != ' ' || memchr(open, ')', at - to) != NULL)
		return at;
	return to - 1;
}

/* Bytes of the next piece of at most width columns: up to a blank where there is one. */
static size_t
fold(const char *text, size_t len, size_t width)
{
	size_t fits = fitting(text, len, width), at;

	if (fits == len)
		return len;
	for (at = fits; at > 0; at--)
		if (text[at] == ' ')
			return before_bracket(text, at);
	if (fits > 0)
		return fits;
	return ra_utf8_decode(text, len, &(uint32_t){ 0 }) ?: 1;
}

static void
add_folded(
    const struct ra_ctl_term *t, struct ra_buf *out, const char *text, size_t len, size_t column)
{
	size_t width = t->width > column + 20 ? t->width - column : 0;

	while (len > 0) {
		size_t n = width > 0 ? fold(text, len, width) : len;

		size_t shown = n;

		while (shown > 1 && text[shown - 1] == ' ')
			shown--;
		ra_buf_add(out, text, shown);
		while (n < len && text[n] == ' ')
			n++;
		text += n;
		len -= n;
		if (len > 0)
			ra_buf_printf(out, "\n%*s", (int)column, "");
	}
}

bool
ra_ctl_tight(const struct ra_ctl_term *t, size_t at)
{
	return t->width > 0 && t->width < at + TAIL_LEAST;
}

void
ra_ctl_tail(
    const struct ra_ctl_term *t, struct ra_buf *out, const char *text, size_t at, size_t blanks)
{
	RA_CTL_PART escaped = RA_BUF(0);

	ra_ctl_text(t, &escaped, text);
	if (escaped.len == 0)
		return;
	if (ra_ctl_tight(t, at) &&
	    at + ra_text_width(ra_buf_text(&escaped), escaped.len) > t->width) {
		ra_buf_putc(out, '\n');
		at = blanks = TAIL_INDENT;
	}
	ra_buf_printf(out, "%*s", (int)blanks, "");
	add_folded(t, out, ra_buf_text(&escaped), escaped.len, at);
}

/* Returns the column behind it. */
static size_t
add_label(const struct ra_ctl_term *t, struct ra_buf *out, unsigned indent, const char *label)
{
	size_t column = indent + LABEL_WIDTH, used = ra_ctl_width(t, label);

	if (used + 2 > LABEL_WIDTH)
		column = indent + used + 2;
	ra_buf_printf(out, "%*s", (int)indent, "");
	ra_ctl_styled(t, out, RA_CTL_DIM, label);
	ra_buf_printf(out, "%*s", (int)(column - indent - used), "");
	return column;
}

static void
add_line(const struct ra_ctl_term *t, struct ra_buf *out, size_t column, const char *text)
{
	RA_CTL_PART escaped = RA_BUF(0);

	ra_ctl_text(t, &escaped, text);
	add_folded(t, out, ra_buf_text(&escaped), escaped.len, column);
	ra_buf_putc(out, '\n');
}

void
ra_ctl_field(const struct ra_ctl_term *t, struct ra_buf *out, unsigned indent, const char *label,
    const char *text)
{
	add_line(t, out, add_label(t, out, indent, label), text);
}

void
ra_ctl_field_lines(const struct ra_ctl_term *t, struct ra_buf *out, unsigned indent,
    const char *label, const char *text)
{
	size_t column = add_label(t, out, indent, label);
	const char *end;

	for (;; text = end + 1) {
		RA_CTL_PART line = RA_BUF(0);

		end = strchrnul(text, '\n');
		ra_buf_add(&line, text, (size_t)(end - text));
		add_line(t, out, column, ra_buf_text(&line));
		if (end[0] == '\0' || end[1] == '\0')
			return;
		ra_buf_printf(out, "%*s", (int)column, "");
	}
}

/* --- times --- */

static bool
local_time(int64_t wall, struct tm *ret)
{
	time_t seconds = (time_t)(wall / RA_SECOND);

	return wall != 0 && localtime_r(&seconds, ret) != NULL;
}

void
ra_ctl_time(struct ra_buf *out, int64_t wall)
{
	char text[64];
	struct tm tm;

	if (!local_time(wall, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		ra_buf_putc(out, '-');
	else
		ra_buf_puts(out, text);
}

void
ra_ctl_date(struct ra_buf *out, int64_t wall)
{
	char text[64];
	struct tm tm;

	if (!local_time(wall, &tm) || strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 0)
		ra_buf_putc(out, '-');
	else
		ra_buf_puts(out, text);
}

void
ra_ctl_relative(struct ra_buf *out, int64_t wall, int64_t now)
{
	int64_t age = now - wall;
	char text[RA_UNIT_TEXT];

	if (wall == 0)
		ra_buf_putc(out, '-');
	else if (age > -RA_SECOND && age < RA_SECOND)
		ra_buf_puts(out, "now");
	else if (age > 0)
		ra_buf_printf(out, "%s ago", ra_duration_human(age / RA_SECOND * RA_SECOND, text));
	else
		ra_buf_printf(out, "in %s", ra_duration_human(-age / RA_SECOND * RA_SECOND, text));
}

void
ra_ctl_moment(struct ra_buf *out, int64_t wall, int64_t now)
{
	ra_ctl_time(out, wall);
	if (wall == 0)
		return;
	ra_buf_puts(out, " (");
	ra_ctl_relative(out, wall, now);
	ra_buf_putc(out, ')');
}
