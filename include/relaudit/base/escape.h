/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where bytes from outside become text that may be shown. What is not printable,
 * well-formed UTF-8 (controls, bidi and zero-width format characters, line separators included) is
 * written as \xNN or \u{NNNN}; a backslash that was there is doubled.
 */
#ifndef RELAUDIT_BASE_ESCAPE_H
#define RELAUDIT_BASE_ESCAPE_H

#include "relaudit/base/buf.h"

/*
 * Decodes one character of well-formed UTF-8 (RFC 3629) at text. Returns its length, 0 if there is
 * none (the caller treats one byte as bad).
 */
size_t ra_utf8_decode(const char *text, size_t len, uint32_t *ret_char);
/* A character that may be shown as it is. */
bool ra_char_printable(uint32_t c);
/*
 * A JSON Pointer's part, with ~1 and ~0 as what they stand for; out has room for len bytes. Returns
 * how many there are; no NUL is added.
 */
size_t ra_pointer_unescape(const char *part, size_t len, char *out);
/* White space as Unicode has it, line ends included. */
bool ra_char_space(uint32_t c);
/* Columns a terminal gives it: 0, 1 or 2. */
int ra_char_width(uint32_t c);
/* Columns of a text that was escaped before. */
size_t ra_text_width(const char *text, size_t len);

/* For a terminal or one line of text. At most max_chars characters, then "…"; 0: no limit. */
int ra_escape_line(struct ra_buf *out, const char *text, size_t len, size_t max_chars);
/* The inside of a JSON string; bytes that are not UTF-8 become U+FFFD. */
int ra_escape_json(struct ra_buf *out, const char *text, size_t len);
/*
 * A key=value value for syslog: bare where it is [A-Za-z0-9._:/@+-]+, else in double quotes with
 * backslash before quote and backslash, ra_escape_line for the rest. At most max_bytes bytes.
 */
int ra_escape_value(struct ra_buf *out, const char *text, size_t len, size_t max_bytes);

#endif
