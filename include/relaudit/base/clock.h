/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time, in int64 milliseconds everywhere. Monotonic for schedules; wall for what people and files
 * say; boot counts time asleep. All three can be replaced, which is how tests drive time.
 */
#ifndef RELAUDIT_BASE_CLOCK_H
#define RELAUDIT_BASE_CLOCK_H

#include "relaudit/base/macro.h"

#define RA_SECOND	INT64_C(1000)
#define RA_MINUTE	(60 * RA_SECOND)
#define RA_HOUR		(60 * RA_MINUTE)
#define RA_DAY		(24 * RA_HOUR)

struct ra_clock {
	int64_t (*mono)(void *arg);
	int64_t (*wall)(void *arg);
	int64_t (*boot)(void *arg);
	void *arg;
};

/* NULL: the system's clocks again. Not while another thread reads time. */
void ra_clock_replace(const struct ra_clock *clock);
int64_t ra_clock_mono(void);
int64_t ra_clock_wall(void);	/* since 1970-01-01 UTC */
int64_t ra_clock_boot(void);

/* A moment on both clocks, to tell later how old it is. */
struct ra_stamp {
	int64_t wall;
	int64_t boot;
};

struct ra_stamp ra_stamp_now(void);
/* Age by wall clock or boot time, whichever says older; never negative. */
int64_t ra_stamp_age(struct ra_stamp stamp);

/* "2026-11-23T09:14:05.123Z"; years 0..9999, else "-". out has RA_TIME_TEXT bytes. */
#define RA_TIME_TEXT	32
const char *ra_time_format(int64_t wall_ms, char out[RA_TIME_TEXT]);
/* Without milliseconds, for syslog. */
const char *ra_time_format_s(int64_t wall_ms, char out[RA_TIME_TEXT]);
/*
 * Reads RFC 3339 ("T" or blank between date and time, any fraction with '.' or ',', Z or ±hh:mm or
 * ±hhmm; without an offset it is UTC), or 10, 13, 16 or 19 digits (Unix s, ms, us, ns).
 * 0 or -EINVAL.
 */
int ra_time_parse(const char *text, size_t len, int64_t *ret_wall_ms);

#endif
