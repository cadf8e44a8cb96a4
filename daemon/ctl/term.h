/* SPDX-License-Identifier: Apache-2.0 */
/* What the output may look like, and every text that goes into it. */
#ifndef RELAUDIT_CTL_TERM_H
#define RELAUDIT_CTL_TERM_H

#include <stdio.h>

#include "relaudit/base/buf.h"
#include "relaudit/model/verdict.h"

enum ra_ctl_color {
	RA_CTL_COLOR_AUTO,
	RA_CTL_COLOR_ALWAYS,
	RA_CTL_COLOR_NEVER,
};

struct ra_ctl_term {
	bool tty;
	bool unicode; /* marks of ours may be other than ASCII: a terminal in UTF-8 */
	bool ascii; /* nothing else may: a terminal that is not in UTF-8 */
	bool color;
	unsigned width; /* columns; 0: no limit, the output is not a terminal */
	unsigned height;
};

enum ra_ctl_style {
	RA_CTL_PLAIN,
	RA_CTL_BOLD,
	RA_CTL_DIM,
	RA_CTL_STYLE_OK,
	RA_CTL_STYLE_WARNING,
	RA_CTL_STYLE_CRITICAL,
	RA_CTL_STYLE_UNKNOWN,
	RA_CTL_STYLE_PENDING,
};

/*
 * A buffer for a part of an answer. That one was refused memory is remembered: an answer without a
 * part of it is not printed.
 */
#define RA_CTL_PART RA_CLEANUP(ra_ctl_part_free) struct ra_buf
void ra_ctl_part_free(struct ra_buf *b);
void ra_ctl_parts_begin(void); /* forgets */
bool ra_ctl_part_lost(void);

void ra_ctl_term_init(struct ra_ctl_term *t, FILE *out, enum ra_ctl_color color);
/* Asks for the size again. */
void ra_ctl_term_size(struct ra_ctl_term *t, FILE *out);
enum ra_ctl_style ra_ctl_style_of(enum ra_verdict v);

/* A text from outside: escaped, and in ASCII where the terminal knows nothing else. */
void ra_ctl_text(const struct ra_ctl_term *t, struct ra_buf *out, const char *text);
/* The same for its first width columns, the last of them a mark if something was cut; 0: all. */
void ra_ctl_text_cut(
    const struct ra_ctl_term *t, struct ra_buf *out, const char *text, size_t width);
/* Columns of a text that ra_ctl_text would write. */
size_t ra_ctl_width(const struct ra_ctl_term *t, const char *text);
void ra_ctl_style(const struct ra_ctl_term *t, struct ra_buf *out, enum ra_ctl_style style);
void ra_ctl_style_end(const struct ra_ctl_term *t, struct ra_buf *out, enum ra_ctl_style style);
void ra_ctl_styled(
    const struct ra_ctl_term *t, struct ra_buf *out, enum ra_ctl_style style, const char *text);
/* An arrow, with blanks around it. */
const char *ra_ctl_arrow(const struct ra_ctl_term *t);

/* Too little room for a text that ends a line which has `at` columns already. */
bool ra_ctl_tight(const struct ra_ctl_term *t, size_t at);
/*
 * The text that ends such a line, after some blanks that count among the `at`: folded between words
 * below itself, or, where room is tight, on lines of its own.
 */
void ra_ctl_tail(
    const struct ra_ctl_term *t, struct ra_buf *out, const char *text, size_t at, size_t blanks);

/*
 * "label   text", folded between words at the terminal's width with the text's column kept. A
 * newline in it is escaped; in lines it begins another.
 */
void ra_ctl_field(const struct ra_ctl_term *t, struct ra_buf *out, unsigned indent,
    const char *label, const char *text);
void ra_ctl_field_lines(const struct ra_ctl_term *t, struct ra_buf *out, unsigned indent,
    const char *label, const char *text);

/*
 * Times: "2026-11-23 10:14:05 CET"; "2026-11-23"; "2 h ago", "in 5 min"; first and third. "-" for
 * 0, which is unknown.
 */
void ra_ctl_time(struct ra_buf *out, int64_t wall);
void ra_ctl_date(struct ra_buf *out, int64_t wall);
void ra_ctl_relative(struct ra_buf *out, int64_t wall, int64_t now);
void ra_ctl_moment(struct ra_buf *out, int64_t wall, int64_t now);

#endif
