/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define YEAR_0	   INT64_C(-62167219200000) /* 0000-01-01T00:00:00Z */
#define YEAR_10000 INT64_C(253402300800000)

static int64_t
system_time(clockid_t id)
{
	struct timespec ts = { 0 };

	/* It cannot fail with the three ids used below. */
	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * RA_SECOND + ts.tv_nsec / 1000000;
}

static int64_t
system_mono(void *arg)
{
	(void)arg;
	return system_time(CLOCK_MONOTONIC);
}

static int64_t
system_wall(void *arg)
{
	(void)arg;
	return system_time(CLOCK_REALTIME);
}

static int64_t
system_boot(void *arg)
{
	(void)arg;
	return system_time(CLOCK_BOOTTIME);
}

static const struct ra_clock system_clock = {
	.mono = system_mono,
	.wall = system_wall,
	.boot = system_boot,
};
static const struct ra_clock *_Atomic current = &system_clock;

void
ra_clock_replace(const struct ra_clock *clock)
{
	atomic_store_explicit(
	    &current, clock != NULL ? clock : &system_clock, memory_order_release);
}

int64_t
ra_clock_mono(void)
{
	const struct ra_clock *c = atomic_load_explicit(&current, memory_order_acquire);

	return c->mono(c->arg);
}

int64_t
ra_clock_wall(void)
{
	const struct ra_clock *c = atomic_load_explicit(&current, memory_order_acquire);

	return c->wall(c->arg);
}

int64_t
ra_clock_boot(void)
{
	const struct ra_clock *c = atomic_load_explicit(&current, memory_order_acquire);

	return c->boot(c->arg);
}

struct ra_stamp
ra_stamp_now(void)
{
	return (struct ra_stamp){ .wall = ra_clock_wall(), .boot = ra_clock_boot() };
}

static int64_t
age_of(int64_t now, int64_t then)
{
	int64_t age;

	if (__builtin_sub_overflow(now, then, &age))
		return now > then ? INT64_MAX : 0;
	return age > 0 ? age : 0;
}

int64_t
ra_stamp_age(struct ra_stamp stamp)
{
	int64_t wall = age_of(ra_clock_wall(), stamp.wall);
	int64_t boot = age_of(ra_clock_boot(), stamp.boot);

	return wall > boot ? wall : boot;
}

/*
 * Civil dates after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in
 * March, eras of 400 years have 146097 days. Only for years from 0 on.
 */
static int64_t
days_from_civil(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2 ? 1 : 0);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*ret_day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*ret_month = (int)(m < 10 ? m + 3 : m - 9);
	*ret_year = (int)(y + era * 400 + (m >= 10 ? 1 : 0));
}

static char *
put_digits(char *p, int value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		p[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return p + width;
}

static const char *
format(int64_t wall_ms, bool with_ms, char out[RA_TIME_TEXT])
{
	int year, month, day, ms;
	char *p = out;

	if (wall_ms < YEAR_0 || wall_ms >= YEAR_10000)
		return memcpy(out, "-", 2);
	/* From year 0, so that the division does not see negative numbers. */
	civil_from_days((wall_ms - YEAR_0) / RA_DAY + YEAR_0 / RA_DAY, &year, &month, &day);
	ms = (int)((wall_ms - YEAR_0) % RA_DAY);
	p = put_digits(p, year, 4);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	p = put_digits(p, day, 2);
	*p++ = 'T';
	p = put_digits(p, ms / 3600000, 2);
	*p++ = ':';
	p = put_digits(p, ms / 60000 % 60, 2);
	*p++ = ':';
	p = put_digits(p, ms / 1000 % 60, 2);
	if (with_ms) {
		*p++ = '.';
		p = put_digits(p, ms % 1000, 3);
	}
	*p++ = 'Z';
	*p = '\0';
	return out;
}

const char *
ra_time_format(int64_t wall_ms, char out[RA_TIME_TEXT])
{
	return format(wall_ms, true, out);
}

const char *
ra_time_format_s(int64_t wall_ms, char out[RA_TIME_TEXT])
{
	return format(wall_ms, false, out);
}

struct scan {
	const char *p;
	const char *end;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly width digits, of a number from min to max. */
static bool
scan_number(struct scan *s, int width, int min, int max, int64_t *ret)
{
	int value = 0;

	if (s->end - s->p < width)
		return false;
	for (int i = 0; i < width; i++) {
		if (!is_digit(s->p[i]))
			return false;
		value = value * 10 + (s->p[i] - '0');
	}
	s->p += width;
	*ret = value;
	return value >= min && value <= max;
}

static bool
scan_any(struct scan *s, const char *set)
{
	if (s->p == s->end || *s->p == '\0' || strchr(set, *s->p) == NULL)
		return false;
	s->p++;
	return true;
}

static int
days_in_month(int64_t year, int64_t month)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
scan_date(struct scan *s, int64_t *ret_ms)
{
	int64_t year, month, day;

	if (!scan_number(s, 4, 0, 9999, &year) || !scan_any(s, "-") ||
	    !scan_number(s, 2, 1, 12, &month) || !scan_any(s, "-") ||
	    !scan_number(s, 2, 1, days_in_month(year, month), &day))
		return false;
	*ret_ms = days_from_civil(year, month, day) * RA_DAY;
	return true;
}

/* Second 60, with any fraction, is the next minute's start: Unix time has no leap seconds. */
static bool
scan_clock(struct scan *s, int64_t *ret_ms)
{
	int64_t hour, minute, second, ms = 0;

	if (!scan_number(s, 2, 0, 23, &hour) || !scan_any(s, ":") ||
	    !scan_number(s, 2, 0, 59, &minute) || !scan_any(s, ":") ||
	    !scan_number(s, 2, 0, 60, &second))
		return false;
	if (scan_any(s, ".,")) {
		if (s->p == s->end || !is_digit(*s->p))
			return false;
		for (int unit = 100; s->p < s->end && is_digit(*s->p); s->p++, unit /= 10)
			ms += (*s->p - '0') * unit;
	}
	*ret_ms = hour * RA_HOUR + minute * RA_MINUTE + second * RA_SECOND + (second < 60 ? ms : 0);
	return true;
}

static bool
scan_offset(struct scan *s, int64_t *ret_ms)
{
	bool west = s->p < s->end && *s->p == '-';
	int64_t hours, minutes;

	*ret_ms = 0;
	if (s->p == s->end || scan_any(s, "Zz"))
		return true;
	if (!scan_any(s, "+-") || !scan_number(s, 2, 0, 23, &hours))
		return false;
	scan_any(s, ":");
	if (!scan_number(s, 2, 0, 59, &minutes))
		return false;
	*ret_ms = (hours * RA_HOUR + minutes * RA_MINUTE) * (west ? -1 : 1);
	return true;
}

/* Of 13 digits and more only the milliseconds count: 19 digits need not fit in an int64. */
static bool
scan_unix(struct scan *s, int64_t *ret_ms)
{
	ptrdiff_t len = s->end - s->p;
	int64_t value = 0;

	if (len != 10 && len != 13 && len != 16 && len != 19)
		return false;
	for (ptrdiff_t i = 0; i < len; i++) {
		if (!is_digit(s->p[i]))
			return false;
		if (i < 13)
			value = value * 10 + (s->p[i] - '0');
	}
	*ret_ms = len == 10 ? value * RA_SECOND : value;
	return true;
}

int
ra_time_parse(const char *text, size_t len, int64_t *ret_wall_ms)
{
	struct scan s = { .p = text, .end = text + len };
	int64_t date, clock, offset;

	if (scan_unix(&s, ret_wall_ms))
		return 0;
	if (!scan_date(&s, &date) || !scan_any(&s, "Tt ") || !scan_clock(&s, &clock) ||
	    !scan_offset(&s, &offset) || s.p != s.end)
		return -EINVAL;
	*ret_wall_ms = date + clock - offset;
	return 0;
}
