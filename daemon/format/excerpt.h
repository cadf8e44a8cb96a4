/* SPDX-License-Identifier: Apache-2.0 */
/* What formats say about an answer that is not what they read. */
#ifndef RA_FORMAT_EXCERPT_H
#define RA_FORMAT_EXCERPT_H

#include "relaudit/base/macro.h"

#define RA_BOM		 "\xef\xbb\xbf"
#define RA_EXCERPT_CHARS 60
#define RA_EXCERPT_TEXT	 (4 * RA_EXCERPT_CHARS + 4)

/* Bytes of JSON's white space at the start. */
size_t ra_excerpt_blank(const char *text, size_t len);
/* The first characters, "..." behind them if there are more. As it is: escaped on output. */
const char *ra_excerpt(const char *text, size_t len, char out[RA_EXCERPT_TEXT]);
/* Line and column (in characters), from 1, of the byte at offset. */
void ra_excerpt_position(const char *text, size_t offset, size_t *ret_line, size_t *ret_column);

#endif
