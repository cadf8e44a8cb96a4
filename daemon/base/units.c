/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/clock.h"

#define DIGITS	    "0123456789"
#define PERCENT_MAX INT64_C(100000000)

/* What is being read: its name and how it is written, for errors. */
struct quantity {
	const char *name;
	const char *examples;
};

static const struct quantity duration = { "duration", "90s, 5m, 26h, 14d" };
static const struct quantity size = { "size", "512, 100k, 1.5G, 2GiB" };
static const struct quantity percentage = { "percentage", "30%, 12.5%" };

struct unit {
	const char *name;
	const char *human;
	int64_t ms;
	uint64_t least; /* so many, if something remains: 26h, not 1d2h; 90s, not 1m30s */
};

static const struct unit units[] = {
	{ "w", NULL, 7 * RA_DAY, UINT64_MAX },
	{ "d", "d", RA_DAY, 2 },
	{ "h", "h", RA_HOUR, 1 },
	{ "m", "min", RA_MINUTE, 2 },
	{ "s", "s", RA_SECOND, 2 },
	{ "ms", "ms", 1, 1 },
};

static int
refuse(struct ra_error *err, int code, const char *text, const struct quantity *q)
{
	bool is_long = strnlen(text, 61) > 60;

	return ra_error_set(err, code, "'%.60s%s' is %s%s; write %s", text, is_long ? "..." : "",
	    code == -ERANGE ? "too large a " : "not a ", q->name, q->examples);
}

int
ra_int_parse(const char *text, size_t len, int64_t *ret)
{
	bool over = false;
	int64_t value = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		over = over || __builtin_mul_overflow(value, 10, &value) ||
		       __builtin_add_overflow(value, text[i] - '0', &value);
	}
	if (over)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* Reads the digits at *p and goes past them. */
static int
take_number(const char **p, int64_t *ret)
{
	size_t len = strspn(*p, DIGITS);
	int r = ra_int_parse(*p, len, ret);

	*p += len;
	return r;
}

/* One number with its unit, which must be smaller than the one before. */
static int
take_duration(const char **p, size_t *next_unit, int64_t *sum)
{
	int64_t value = 0;
	int r = take_number(p, &value);
	size_t len = strspn(*p, "wdhms");

	if (r == -EINVAL)
		return r;
	for (size_t i = *next_unit; i < RA_ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) != len || memcmp(units[i].name, *p, len) != 0)
			continue;
		*p += len;
		*next_unit = i + 1;
		if (r < 0 || __builtin_mul_overflow(value, units[i].ms, &value) ||
		    __builtin_add_overflow(*sum, value, sum))
			return -ERANGE;
		return 0;
	}
	return -EINVAL;
}

int
ra_duration_parse(const char *text, int64_t *ret_ms, struct ra_error *err)
{
	const char *p = text;
	size_t next_unit = 0;
	int64_t sum = 0;

	if (strcmp(text, "0") == 0) {
		*ret_ms = 0;
		return 0;
	}
	do {
		int r = take_duration(&p, &next_unit, &sum);

		if (r < 0)
			return refuse(err, r, text, &duration);
	} while (*p != '\0');
	*ret_ms = sum;
	return 0;
}

static bool
size_unit(const char *p, int64_t *ret_unit)
{
	static const char prefixes[] = "kMGTP";

	*ret_unit = 1;
	if (*p != '\0' && *p != 'B') {
		const char *at = strchr(prefixes, *p == 'K' ? 'k' : *p);
		bool binary = p[1] == 'i';

		if (at == NULL)
			return false;
		for (ptrdiff_t i = at - prefixes; i >= 0; i--)
			*ret_unit *= binary ? 1024 : 1000;
		p += binary ? 2 : 1;
	}
	if (*p == 'B')
		p++;
	return *p == '\0';
}

/* 0.digits of unit, rounded down: from the last digit on, so exact for any number of them. */
static int64_t
fraction_of(int64_t unit, const char *digits, size_t len)
{
	int64_t value = 0;

	while (len-- > 0)
		value = (value + (digits[len] - '0') * unit) / 10;
	return value;
}

int
ra_size_parse(const char *text, int64_t *ret_bytes, struct ra_error *err)
{
	const char *p = text, *fraction = NULL;
	int64_t value = 0, unit;
	int r = take_number(&p, &value);
	size_t len = 0;

	if (r != -EINVAL && *p == '.') {
		fraction = p + 1;
		len = strspn(fraction, DIGITS);
		p = fraction + len;
	}
	if (r == -EINVAL || !size_unit(p, &unit) || (fraction != NULL && (len == 0 || unit == 1)))
		return refuse(err, -EINVAL, text, &size);
	if (r < 0 || __builtin_mul_overflow(value, unit, &value) ||
	    __builtin_add_overflow(value, fraction_of(unit, fraction, len), &value))
		return refuse(err, -ERANGE, text, &size);
	*ret_bytes = value;
	return 0;
}

int
ra_percent_parse(const char *text, int64_t *ret_hundredths, struct ra_error *err)
{
	int64_t whole = 0, part = 0;
	const char *p = text;
	int r = take_number(&p, &whole);

	if (r != -EINVAL && *p == '.') {
		const char *fraction = p + 1;

		p = fraction;
		if (take_number(&p, &part) < 0 || p - fraction > 2)
			return refuse(err, -EINVAL, text, &percentage);
		part *= p - fraction == 1 ? 10 : 1;
	}
	if (r == -EINVAL || strcmp(p, "%") != 0)
		return refuse(err, -EINVAL, text, &percentage);
	if (r < 0 || whole > PERCENT_MAX / 100 || whole * 100 + part > PERCENT_MAX)
		return refuse(err, -ERANGE, text, &percentage);
	*ret_hundredths = whole * 100 + part;
	return 0;
}

static uint64_t
magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

const char *
ra_duration_format(int64_t ms, char out[RA_UNIT_TEXT])
{
	uint64_t rest = magnitude(ms);
	bool begun = false;
	size_t len = 0;

	if (ms == 0)
		return memcpy(out, "0", 2);
	if (ms < 0)
		out[len++] = '-';
	for (size_t i = 0; rest > 0; i++) {
		/* cppcheck-suppress zerodivcond; no unit is 0 */
		uint64_t unit = (uint64_t)units[i].ms, count = rest / unit;

		if (count == 0 || (!begun && rest % unit != 0 && count < units[i].least))
			continue;
		len += (size_t)snprintf(
		    out + len, RA_UNIT_TEXT - len, "%" PRIu64 "%s", count, units[i].name);
		rest %= unit;
		begun = true;
	}
	return out;
}

/* The unit to begin with; one and nothing of the next worth saying is "1 min", not "60 s". */
static size_t
human_unit(uint64_t ms)
{
	size_t last = RA_ARRAY_SIZE(units) - 1;

	for (size_t i = 1; i < last; i++) {
		uint64_t unit = (uint64_t)units[i].ms;

		if (ms / unit >= units[i].least ||
		    (ms >= unit && ms % unit < (uint64_t)units[i + 1].ms))
			return i;
	}
	return ms == 0 ? last - 1 : last;
}

const char *
ra_duration_human(int64_t ms, char out[RA_UNIT_TEXT])
{
	uint64_t value = magnitude(ms), unit, count, more = 0;
	size_t i = human_unit(value);
	const char *sign = ms < 0 ? "-" : "";

	unit = (uint64_t)units[i].ms;
	count = value / unit;
	/* Beside ten and more of the larger unit the smaller one says nothing. */
	if (count < 10 && unit > 1)
		more = value % unit / (uint64_t)units[i + 1].ms;
	if (more > 0)
		snprintf(out, RA_UNIT_TEXT, "%s%u %s %u %s", sign, (unsigned)count, units[i].human,
		    (unsigned)more, units[i + 1].human);
	else
		snprintf(out, RA_UNIT_TEXT, "%s%" PRIu64 " %s", sign, count, units[i].human);
	return out;
}

const char *
ra_size_human(int64_t bytes, char out[RA_UNIT_TEXT])
{
	static const char *const names[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t value = magnitude(bytes), unit = 1000, tenths;
	const char *sign = bytes < 0 ? "-" : "";
	size_t i = 0;

	if (value < 1000) {
		snprintf(out, RA_UNIT_TEXT, "%s%u B", sign, (unsigned)value);
		return out;
	}
	/* Rounded first: 999,950 bytes are 1 MB, not 1000 kB. */
	while ((value + unit / 2) / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	tenths = (value + unit / 20) / (unit / 10);
	if (tenths < 1000 && tenths % 10 != 0)
		snprintf(out, RA_UNIT_TEXT, "%s%u.%u %s", sign, (unsigned)(tenths / 10),
		    (unsigned)(tenths % 10), names[i]);
	else
		snprintf(out, RA_UNIT_TEXT, "%s%" PRIu64 " %s", sign, (value + unit / 2) / unit,
		    names[i]);
	return out;
}

const char *
ra_percent_format(int64_t hundredths, char out[RA_UNIT_TEXT])
{
	uint64_t value = magnitude(hundredths);
	const char *sign = hundredths < 0 ? "-" : "";
	unsigned part = (unsigned)(value % 100);

	if (part == 0)
		snprintf(out, RA_UNIT_TEXT, "%s%" PRIu64 "%%", sign, value / 100);
	else if (part % 10 == 0)
		snprintf(out, RA_UNIT_TEXT, "%s%" PRIu64 ".%u%%", sign, value / 100, part / 10);
	else
		snprintf(out, RA_UNIT_TEXT, "%s%" PRIu64 ".%02u%%", sign, value / 100, part);
	return out;
}
