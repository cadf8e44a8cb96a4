/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads JSON with jansson, whose lexer does not look whether its buffer could grow: where memory
 * ended, a text loses a byte, is read as another, or ends the process (akheron/jansson#362). With
 * this, memory that ends is an error, never another value.
 */
#ifndef RELAUDIT_BASE_JSONR_H
#define RELAUDIT_BASE_JSONR_H

#include <jansson.h>

/*
 * As json_loadb(), with its flags. ret: the value, to be given back with json_decref(); NULL if
 * there is none. -EINVAL: not JSON, `why` says where and what is wrong; -ENOMEM: `why` says so.
 */
int ra_json_load(const char *text, size_t len, size_t flags, json_t **ret, json_error_t *why);

#endif
