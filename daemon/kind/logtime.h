/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RA_KIND_LOGTIME_H
#define RA_KIND_LOGTIME_H

#include "relaudit/base/macro.h"

/*
 * A time as logs write it, to wall ms: all that ra_time_parse reads, also with blanks or slashes
 * ("2026/11/23 09:14:05 +0100"), "23/Nov/2026:09:14:05 +0000", "Nov 23 09:14:05",
 * "Mon Nov 23 09:14:05 2026", "Mon, 23 Nov 2026 09:14:05 GMT", "1795425245.123". Without an offset
 * it is UTC; without a year it is the last such day before a day from now. 0 or -EINVAL.
 */
int ra_logtime_parse(const char *text, size_t len, int64_t now, int64_t *ret_wall_ms);

#endif
