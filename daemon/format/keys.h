/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats of configuration: text to RA_SHAPE_KEYS. What they say of a text that is not theirs shows
 * names and positions but nothing else of it: it may be a secret.
 */
#ifndef RA_FORMAT_KEYS_H
#define RA_FORMAT_KEYS_H

#include "relaudit/format/format.h"

struct ra_keys {
	const char *text, *end;
	char *work; /* room for any one text of the input, plain or unescaped; wiped at the end */
	struct ra_data data;
	struct ra_error *err;
	const char *line_at; /* up to where lines were counted */
	uint32_t line;
};

/* After a byte order mark. RA_R_OK, RA_R_NO_MEMORY; ra_keys_end() ends it in any case. */
enum ra_reason ra_keys_begin(
    struct ra_keys *k, const struct ra_format_call *call, struct ra_error *err);
/* Hands the keys to *ret if reason is RA_R_OK; returns reason. */
enum ra_reason ra_keys_end(struct ra_keys *k, enum ra_reason reason, struct ra_data *ret);
/* A key that stands in the line of at. */
enum ra_reason ra_keys_add(struct ra_keys *k, const char *name, size_t name_len, const char *value,
    size_t value_len, const char *at, unsigned flags);
enum ra_reason ra_keys_add_line(struct ra_keys *k, const char *name, size_t name_len,
    const char *value, size_t value_len, uint32_t line, unsigned flags);
/* The line of at is passed over. */
void ra_keys_skip(struct ra_keys *k, const char *at);
/* How long the name is that p begins with: letters, digits, '_', '.' and '-'. */
size_t ra_keys_name(const char *p, const char *end);
/* A name that is not read as a key, in the line of at. RA_R_OK, RA_R_NO_MEMORY. */
enum ra_reason ra_keys_unread(struct ra_keys *k, const char *name, size_t len, const char *at);
/* The line is passed over; the name it seems to set, if any, behind `export`, is kept. */
enum ra_reason ra_keys_pass_over(struct ra_keys *k, const char *line, const char *end);
/* Sets the error, "line 3, column 7: ..." before what printf gives; returns reason. */
enum ra_reason ra_keys_refuse(
    struct ra_keys *k, enum ra_reason reason, const char *at, const char *fmt, ...)
    RA_PRINTF(4, 5);
/* From one call to the next at only goes forward. */
uint32_t ra_keys_line(struct ra_keys *k, const char *at);
/* RA_R_OK, or refuses (with reason) a NUL or what is not UTF-8. */
enum ra_reason ra_keys_check_text(struct ra_keys *k, enum ra_reason reason);
/* Writes a character (no surrogate) as UTF-8, at most 4 bytes. Returns how many. */
size_t ra_keys_put_char(char *out, uint32_t c);
/* The first byte that is NUL or not ASCII, or end. */
const char *ra_keys_not_ascii(const char *p, const char *end);
/* The first byte that is not UTF-8 or is NUL, or end. */
const char *ra_keys_bad_byte(const char *p, const char *end);

#endif
