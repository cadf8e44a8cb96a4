/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions: PCRE2 with match limits, UTF-8 aware but safe on any bytes
 * (PCRE2_MATCH_INVALID_UTF). Compiled once at config load, used on the loop and on workers (match
 * data belongs to the thread).
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
 * *ret_start and *ret_len are where it is in text; a group that did not take part gives len 0 and
 * start NULL. ret_start may be NULL.
 */
int ra_pattern_match(const struct ra_pattern *p, const char *text, size_t len, const char *group,
    const char **ret_start, size_t *ret_len);
/*
 * The same for many texts that share one limit: *budget is in steps of some 30 ns, each match takes
 * from it what it used, and -E2BIG means that it is used up.
 */
int ra_pattern_match_within(const struct ra_pattern *p, const char *text, size_t len,
    const char *group, const char **ret_start, size_t *ret_len, int64_t *budget);
/* For the lines of one log: some 300 ms at the very most. */
#define RA_PATTERN_BUDGET	INT64_C(10000000)

/* Shell-like patterns on one path component or text: * ? [a-z] [!a-z] \x. */
bool ra_glob_match(const char *pattern, const char *text);

#endif
