/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, sizes, percentages: as configuration writes them and as people read them. */
#ifndef RELAUDIT_BASE_UNITS_H
#define RELAUDIT_BASE_UNITS_H

#include "relaudit/base/error.h"

/*
 * "90s" "5m" "26h" "14d" "1w" "250ms", several together ("1h30m"), or "0". In ms; no sign, no
 * fraction.
 */
int ra_duration_parse(const char *text, int64_t *ret_ms, struct ra_error *err);
/* "100" "100k" "100M" (10^8) "2GiB" (2^31) "10TB"; one fraction allowed ("1.5G"). In bytes. */
int ra_size_parse(const char *text, int64_t *ret_bytes, struct ra_error *err);
/* "30%" or "12.5%", in hundredths of a percent (3000, 1250); 0..100000000. */
int ra_percent_parse(const char *text, int64_t *ret_hundredths, struct ra_error *err);

#define RA_UNIT_TEXT	32
/* As configuration writes it: the largest units that lose nothing ("26h", "90s", "1h30m"). */
const char *ra_duration_format(int64_t ms, char out[RA_UNIT_TEXT]);
/* For people, two significant units at most: "31 h", "5 min", "3 d 4 h", "12 s", "300 ms". */
const char *ra_duration_human(int64_t ms, char out[RA_UNIT_TEXT]);
/* For people, decimal: "123 MB", "1.5 GB", "512 B". */
const char *ra_size_human(int64_t bytes, char out[RA_UNIT_TEXT]);
/* "30%", "12.5%". */
const char *ra_percent_format(int64_t hundredths, char out[RA_UNIT_TEXT]);

/* Whole decimal number without sign or blanks. 0, -EINVAL or -ERANGE. */
int ra_int_parse(const char *text, size_t len, int64_t *ret);

#endif
