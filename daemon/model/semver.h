/* SPDX-License-Identifier: Apache-2.0 */
/* What versions and ranges are read with. p goes past what was taken; undefined after false. */
#ifndef RA_MODEL_SEMVER_H
#define RA_MODEL_SEMVER_H

#include "relaudit/model/semver.h"

/* As node-semver has it: the largest whole number of JavaScript. */
#define RA_SEMVER_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

/* Digits without a leading zero. */
bool ra_semver_take_number(const char **p, const char *end, uint64_t *ret);
/* Nothing, or the mark ('-' pre-release, '+' build) and its parts. */
bool ra_semver_take_tail(
    const char **p, const char *end, char mark, const char **ret, size_t *ret_len);

#endif
