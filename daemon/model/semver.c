/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/semver.h"

#include <string.h>

#include "semver.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
ra_semver_take_number(const char **p, const char *end, uint64_t *ret)
{
	const char *start = *p;
	uint64_t value = 0;

	while (*p < end && is_digit(**p)) {
		value = value * 10 + (uint64_t)(**p - '0');
		if (value > RA_SEMVER_NUMBER_MAX)
			return false;
		(*p)++;
	}
	*ret = value;
	return *p > start && (*start != '0' || *p == start + 1);
}

/* One of the parts between dots: [0-9A-Za-z-]+; a number without leading zero where it says so. */
static bool
take_part(const char **p, const char *end, bool strict)
{
	const char *start = *p;
	bool number = true;

	for (; *p < end; (*p)++) {
		char c = **p, lower = (char)(c | 0x20);

		if (is_digit(c))
			continue;
		if ((lower < 'a' || lower > 'z') && c != '-')
			break;
		number = false;
	}
	return *p > start && !(strict && number && *start == '0' && *p > start + 1);
}

bool
ra_semver_take_tail(const char **p, const char *end, char mark, const char **ret, size_t *ret_len)
{
	const char *start = *p + 1;

	*ret = NULL;
	*ret_len = 0;
	if (*p == end || **p != mark)
		return true;
	do {
		(*p)++;
		if (!take_part(p, end, mark == '-'))
			return false;
	} while (*p < end && **p == '.');
	*ret = start;
	*ret_len = (size_t)(*p - start);
	return true;
}

static bool
take_dot(const char **p, const char *end)
{
	if (*p == end || **p != '.')
		return false;
	(*p)++;
	return true;
}

int
ra_semver_parse(const char *text, size_t len, struct ra_semver *ret)
{
	const char *p = text, *end = text + len;
	struct ra_semver v;

	if (len > RA_SEMVER_MAX || !ra_semver_take_number(&p, end, &v.major) ||
	    !take_dot(&p, end) || !ra_semver_take_number(&p, end, &v.minor) || !take_dot(&p, end) ||
	    !ra_semver_take_number(&p, end, &v.patch) ||
	    !ra_semver_take_tail(&p, end, '-', &v.pre, &v.pre_len) ||
	    !ra_semver_take_tail(&p, end, '+', &v.build, &v.build_len) || p != end)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Numbers by value, which without leading zeros is by length first; and below everything else. */
static int
compare_parts(const char *a, size_t a_len, const char *b, size_t b_len)
{
	bool a_number = true, b_number = true;
	int r;

	for (size_t i = 0; i < a_len; i++)
		a_number = a_number && is_digit(a[i]);
	for (size_t i = 0; i < b_len; i++)
		b_number = b_number && is_digit(b[i]);
	if (a_number != b_number)
		return a_number ? -1 : 1;
	if (a_number && a_len != b_len)
		return a_len < b_len ? -1 : 1;
	r = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return r != 0 ? r : compare_numbers(a_len, b_len);
}

static size_t
part_length(const char *p, const char *end)
{
	const char *dot = memchr(p, '.', (size_t)(end - p));

	return (size_t)((dot != NULL ? dot : end) - p);
}

static int
compare_pre(const struct ra_semver *a, const struct ra_semver *b)
{
	const char *p = a->pre, *q = b->pre, *p_end, *q_end;

	if (p == NULL || q == NULL)
		return (p == NULL) - (q == NULL);
	p_end = p + a->pre_len;
	q_end = q + b->pre_len;
	for (;;) {
		size_t p_len = part_length(p, p_end), q_len = part_length(q, q_end);
		int r = compare_parts(p, p_len, q, q_len);

		if (r != 0)
			return r;
		p += p_len;
		q += q_len;
		if (p == p_end || q == q_end)
			return (p != p_end) - (q != q_end);
		p++;
		q++;
	}
}

int
ra_semver_compare(const struct ra_semver *a, const struct ra_semver *b)
{
	int r = compare_numbers(a->major, b->major);

	if (r == 0)
		r = compare_numbers(a->minor, b->minor);
	if (r == 0)
		r = compare_numbers(a->patch, b->patch);
	return r != 0 ? r : compare_pre(a, b);
}
