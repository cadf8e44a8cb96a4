/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions: PCRE2 with match limits, UTF-8 aware but safe on any bytes
 * (PCRE2_MATCH_INVALID_UTF). Compiled once at config load, used on the loop and on workers (each
 * call brings its own match data).
 */
#ifndef RELAUDIT_MODEL_PATTERN_H
#define RELAUDIT_MODEL_PATTERN_H

#include "relaudit/base/error.h"

struct ra_pattern;

/* err says what is wrong and at which offset. */
int ra_pattern_new(const char *text, struct ra_pattern **ret, struct ra_error *err);
void ra_pattern_free(struct ra_pattern *p);
const char *ra_pattern_text(const struct ra_pattern *p);
bool ra_pattern_has_group(const struct ra_pattern *p, const char *name);
/*
 * 1 match, 0 none, -E2BIG the limit was reached, -ENOMEM. With group (NULL: whole match)
 * *ret_start/*ret_len are where it is in text; a group that did not take part gives len 0 and
 * start NULL.
 */
int ra_pattern_match(const struct ra_pattern *p, const char *text, size_t len, const char *group,
    const char **ret_start, size_t *ret_len);

/* Shell-like patterns on one path component or text: * ? [a-z] [!a-z] \x. */
bool ra_glob_match(const char *pattern, const char *text);

#endif
