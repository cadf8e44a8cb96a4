/* SPDX-License-Identifier: Apache-2.0 */
/* Every form is written out as RFC 3339, which ra_time_parse checks to the day of the month. */
#include "logtime.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relaudit/base/clock.h"

#define DIGITS	 "0123456789"
#define TEXT_MAX 64

struct parts {
	int year; /* -1: none */
	int month, day;
	char clock[32]; /* 09:14:05.123 */
	char offset[8]; /* Z, +01:00 */
};

static bool
take_number(const char **p, size_t least, size_t most, int *ret)
{
	size_t len = strspn(*p, DIGITS);
	int value = 0;

	if (len < least || len > most)
		return false;
	for (size_t i = 0; i < len; i++)
		value = value * 10 + ((*p)[i] - '0');
	*p += len;
	*ret = value;
	return true;
}

static bool
take_any(const char **p, const char *set)
{
	if (**p == '\0' || strchr(set, **p) == NULL)
		return false;
	(*p)++;
	return true;
}

/* At least one blank. */
static bool
take_blanks(const char **p)
{
	size_t len = strspn(*p, " \t");

	*p += len;
	return len > 0;
}

static bool
take_month(const char **p, int *ret)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (strncasecmp(*p, names + (size_t)3 * (size_t)i, 3) == 0) {
			*p += 3;
			*ret = i + 1;
			return true;
		}
	}
	return false;
}

/* "Mon " or "Mon, ", if one is there. */
static void
skip_weekday(const char **p)
{
	static const char names[] = "MonTueWedThuFriSatSun";
	const char *q = *p + 3;

	for (size_t i = 0; i < 7; i++) {
		if (strncasecmp(*p, names + 3 * i, 3) == 0) {
			take_any(&q, ",");
			if (take_blanks(&q))
				*p = q;
			return;
		}
	}
}

static bool
take_clock(const char **p, struct parts *parts)
{
	size_t len = strspn(*p, DIGITS ":.,");

	if (len < strlen("09:14:05") || len >= sizeof(parts->clock))
		return false;
	memcpy(parts->clock, *p, len);
	parts->clock[len] = '\0';
	*p += len;
	return true;
}

/* What is left: nothing, a zone's name that is UTC, or an offset. */
static bool
take_offset(const char **p, struct parts *parts)
{
	static const char *const utc[] = { "", "Z", "UTC", "GMT" };

	take_blanks(p);
	for (size_t i = 0; i < RA_ARRAY_SIZE(utc); i++) {
		if (strcasecmp(*p, utc[i]) == 0) {
			memcpy(parts->offset, "Z", 2);
			return true;
		}
	}
	return (**p == '+' || **p == '-') && snprintf(parts->offset, sizeof(parts->offset), "%s",
						 *p) < (int)sizeof(parts->offset);
}

/* 2026-11-23 09:14:05, with slashes too */
static bool
year_first(const char *p, struct parts *parts)
{
	return take_number(&p, 4, 4, &parts->year) && take_any(&p, "-/") &&
	       take_number(&p, 2, 2, &parts->month) && take_any(&p, "-/") &&
	       take_number(&p, 2, 2, &parts->day) && take_any(&p, "Tt ") && take_clock(&p, parts) &&
	       take_offset(&p, parts);
}

/* 23/Nov/2026:09:14:05 +0000, Mon, 23 Nov 2026 09:14:05 GMT */
static bool
day_first(const char *p, struct parts *parts)
{
	skip_weekday(&p);
	return take_number(&p, 1, 2, &parts->day) && take_any(&p, "/- ") &&
	       take_month(&p, &parts->month) && take_any(&p, "/- ") &&
	       take_number(&p, 4, 4, &parts->year) && take_any(&p, ": ") && take_clock(&p, parts) &&
	       take_offset(&p, parts);
}

/* Nov  3 09:14:05, Mon Nov 23 09:14:05 2026 */
static bool
month_first(const char *p, struct parts *parts)
{
	parts->year = -1;
	skip_weekday(&p);
	if (!take_month(&p, &parts->month) || !take_blanks(&p) ||
	    !take_number(&p, 1, 2, &parts->day) || !take_blanks(&p) || !take_clock(&p, parts))
		return false;
	if (take_blanks(&p) && take_number(&p, 4, 4, &parts->year))
		take_blanks(&p);
	return take_offset(&p, parts);
}

static int
in_year(const struct parts *parts, int year, int64_t *ret_wall_ms)
{
	char text[TEXT_MAX * 2];
	int len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%s%s", year, parts->month,
	    parts->day, parts->clock, parts->offset);

	return ra_time_parse(text, (size_t)len, ret_wall_ms);
}

/* Without a year: this one or one before; at least within eight years there is a 29 February. */
static int
guess_year(const struct parts *parts, int64_t now, int64_t *ret_wall_ms)
{
	char text[RA_TIME_TEXT];
	const char *p = ra_time_format(now, text);
	int year;

	if (!take_number(&p, 4, 4, &year))
		return -EINVAL;
	/* A clock that is ahead on New Year's Eve is in the next year. */
	for (int y = year + 1; y >= 0 && y >= year - 8; y--) {
		int64_t time;

		if (in_year(parts, y, &time) == 0 && time <= now + RA_DAY) {
			*ret_wall_ms = time;
			return 0;
		}
	}
	return -EINVAL;
}

/* Unix seconds with a fraction: nginx's $msec, dmesg of some. */
static int
seconds_with_fraction(const char *text, int64_t *ret_wall_ms)
{
	size_t whole = strspn(text, DIGITS), fraction;
	int64_t unit = 100;

	if (whole != 10 || text[whole] != '.')
		return -EINVAL;
	fraction = strspn(text + whole + 1, DIGITS);
	if (fraction == 0 || text[whole + 1 + fraction] != '\0')
		return -EINVAL;
	/* Ten digits it takes for seconds, whichever they are. */
	(void)ra_time_parse(text, whole, ret_wall_ms);
	for (size_t i = 0; i < fraction; i++, unit /= 10)
		*ret_wall_ms += (text[whole + 1 + i] - '0') * unit;
	return 0;
}

int
ra_logtime_parse(const char *text, size_t len, int64_t now, int64_t *ret_wall_ms)
{
	struct parts parts = { 0 };
	char copy[TEXT_MAX];

	if (ra_time_parse(text, len, ret_wall_ms) == 0)
		return 0;
	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (seconds_with_fraction(copy, ret_wall_ms) == 0)
		return 0;
	if (!year_first(copy, &parts) && !day_first(copy, &parts) && !month_first(copy, &parts))
		return -EINVAL;
	if (parts.year < 0)
		return guess_year(&parts, now, ret_wall_ms);
	return in_year(&parts, parts.year, ret_wall_ms);
}
