/* SPDX-License-Identifier: Apache-2.0 */
/* Facts by their names' endings: ages, sizes and times as people say them, the raw value behind. */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "views.h"

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

void
ra_ctl_scalar(struct ra_buf *out, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		ra_buf_puts(out, json_string_value(value));
		return;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
	if (text != NULL)
		ra_buf_puts(out, text);
	else
		out->error = -ENOMEM;
	free(text);
}

static bool
is_time(const json_t *value, int64_t *ret)
{
	const char *text = json_string_value(value);

	return text != NULL && strchr(text, 'T') != NULL &&
	       ra_time_parse(text, strlen(text), ret) == 0;
}

static bool
human_number(struct ra_buf *out, const char *name, int64_t n)
{
	char text[RA_UNIT_TEXT];

	if (ends_with(name, "_s") && n < INT64_MAX / RA_SECOND && n > INT64_MIN / RA_SECOND)
		ra_buf_puts(out, ra_duration_human(n * RA_SECOND, text));
	else if (ends_with(name, "_ms"))
		ra_buf_puts(out, ra_duration_human(n, text));
	else if (strcmp(name, "size") == 0 || ends_with(name, "_size"))
		ra_buf_puts(out, ra_size_human(n, text));
	else
		return false;
	return true;
}

void
ra_ctl_fact(struct ra_buf *out, const char *name, const json_t *value, int64_t now)
{
	bool human = false;
	int64_t wall;

	if (json_is_integer(value)) {
		human = human_number(out, name, json_integer_value(value));
	} else if (is_time(value, &wall)) {
		ra_ctl_moment(out, wall, now);
		human = true;
	}
	if (human)
		ra_buf_puts(out, "  [");
	ra_ctl_scalar(out, value);
	if (human)
		ra_buf_putc(out, ']');
}
