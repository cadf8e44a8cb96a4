/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one with a text (ra_error), and a list of positioned ones (ra_errors) for input that is
 * read to its end before it is refused. Neither allocation failure nor length can lose an error:
 * texts are cut, a list that is full says how many more there were.
 */
#ifndef RELAUDIT_BASE_ERROR_H
#define RELAUDIT_BASE_ERROR_H

#include <stdint.h>

#include "relaudit/base/macro.h"

#define RA_ERROR_TEXT	512
#define RA_ERRORS_MAX	200

struct ra_buf;

struct ra_error {
	int code;			/* negative errno, 0: none */
	char text[RA_ERROR_TEXT];	/* what, where, how to mend it; no newline */
};

/* Sets *err (NULL allowed) and returns code, so that `return ra_error_set(err, -EINVAL, ...)`. */
int ra_error_set(struct ra_error *err, int code, const char *fmt, ...) RA_PRINTF(3, 4);

/* Puts "text: " before what *err says. */
void ra_error_prefix(struct ra_error *err, const char *fmt, ...) RA_PRINTF(2, 3);

/* A place in a text file. line and col count from 1; 0: the file as a whole. */
struct ra_pos {
	const char *file;
	uint32_t line;
	uint32_t col;
};

struct ra_errors_item {
	struct ra_pos pos;	/* pos.file is owned by the list */
	char *text;
	char *source;	/* the source line, of a long one what is near pos.col; NULL: not known */
	uint32_t source_col;	/* column of its first character */
};

struct ra_errors {
	struct ra_errors_item *items;
	size_t count;
	size_t more;		/* errors beyond RA_ERRORS_MAX or for which memory failed */
};

/* Adds one error. source is the whole source line without newline, or NULL. Copies everything. */
void ra_errors_add(struct ra_errors *list, struct ra_pos pos, const char *source, const char *fmt,
    ...) RA_PRINTF(4, 5);

/* True if anything was added. */
bool ra_errors_any(const struct ra_errors *list);

/* Prints "file:line:col: error: text", the source line and a caret, in order of addition. */
void ra_errors_print(const struct ra_errors *list, struct ra_buf *out);

void ra_errors_clear(struct ra_errors *list);

#endif
