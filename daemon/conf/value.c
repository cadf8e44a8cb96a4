/* SPDX-License-Identifier: Apache-2.0 */
/* What single values say. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/units.h"
#include "relaudit/model/name.h"

#include "loading.h"

static const char *
write_number(const struct ra_option *o, int64_t value, char out[RA_UNIT_TEXT])
{
	if (o->type == RA_OPT_DURATION)
		return ra_duration_format(value, out);
	if (o->type == RA_OPT_PERCENT)
		return ra_percent_format(value, out);
	snprintf(out, RA_UNIT_TEXT, "%" PRId64, value);
	return out;
}

const char *
ra_value_range(const struct ra_option *o, struct ra_hint *hint)
{
	char least[RA_UNIT_TEXT], most[RA_UNIT_TEXT];

	hint->text[0] = '\0';
	if (o->min == 0 && o->max == 0)
		return hint->text;
	if (o->max == INT64_MAX)
		snprintf(
		    hint->text, sizeof(hint->text), "%s or more", write_number(o, o->min, least));
	else
		snprintf(hint->text, sizeof(hint->text), "%s to %s", write_number(o, o->min, least),
		    write_number(o, o->max, most));
	return hint->text;
}

const char *
ra_value_type_name(const struct ra_option *o)
{
	switch (o->type) {
	case RA_OPT_BOOL:
		return "true or false";
	case RA_OPT_INT:
		return "number";
	case RA_OPT_DURATION:
		return "duration";
	case RA_OPT_SIZE:
		return "size";
	case RA_OPT_PERCENT:
		return "percentage";
	case RA_OPT_CHOICE:
		return "word";
	case RA_OPT_TEXT:
		return "text";
	case RA_OPT_PATH:
		return "path";
	case RA_OPT_TEXTS:
		return "list of texts";
	case RA_OPT_PAIRS:
		return "map of texts";
	case RA_OPT_TABLE:
	case RA_OPT_INPUT:
		return "map";
	}
	return "value";
}

static int
read_bool(const char *text, int64_t *ret, struct ra_error *err)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return ra_error_set(err, -EINVAL, "'%.80s' is not true or false", text);
	*ret = strcmp(text, "true") == 0;
	return 0;
}

static int
read_choice(const struct ra_option *o, const char *text, int64_t *ret, struct ra_error *err)
{
	RA_BUF_LOCAL all = RA_BUF(400);
	struct ra_nearest n;
	struct ra_hint hint;

	ra_nearest_init(&n, text);
	for (int64_t i = 0; o->choices[i] != NULL; i++) {
		if (strcmp(o->choices[i], text) == 0) {
			*ret = i;
			return 0;
		}
		ra_nearest_try(&n, o->choices[i]);
		ra_buf_printf(&all, "%s%s", i > 0 ? ", " : "", o->choices[i]);
	}
	return ra_error_set(err, -EINVAL, "'%.80s' is none of %s%s", text, ra_buf_text(&all),
	    ra_say_nearest(&n, &hint));
}

static int
read_number(const struct ra_option *o, const char *text, int64_t *ret, struct ra_error *err)
{
	struct ra_hint range;
	int r;

	switch (o->type) {
	case RA_OPT_BOOL:
		return read_bool(text, ret, err);
	case RA_OPT_CHOICE:
		return read_choice(o, text, ret, err);
	case RA_OPT_DURATION:
		return ra_duration_parse(text, ret, err);
	case RA_OPT_SIZE:
		return ra_size_parse(text, ret, err);
	case RA_OPT_PERCENT:
		return ra_percent_parse(text, ret, err);
	case RA_OPT_INT:
	case RA_OPT_TEXT:
	case RA_OPT_PATH:
	case RA_OPT_TEXTS:
	case RA_OPT_PAIRS:
	case RA_OPT_TABLE:
	case RA_OPT_INPUT:
		break;
	}
	r = ra_int_parse(text, strlen(text), ret);
	if (r < 0)
		return ra_error_set(err, r, "'%.80s' is %s%s%s", text,
		    r == -ERANGE ? "too large a number" : "not a whole number",
		    *ra_value_range(o, &range) != '\0' ? ": " : "", range.text);
	return 0;
}

int
ra_value_number(const struct ra_option *o, const char *text, int64_t *ret, struct ra_error *err)
{
	struct ra_hint hint;
	int64_t value = 0;
	int r = read_number(o, text, &value, err);

	if (r < 0)
		return r;
	if ((o->min != 0 || o->max != 0) && (value < o->min || value > o->max))
		return ra_error_set(
		    err, -ERANGE, "%.80s is out of range: %s", text, ra_value_range(o, &hint));
	*ret = value;
	return 0;
}

const char *
ra_value_path_error(const char *text)
{
	if (*text != '/')
		return "is not an absolute path: begin it with '/'";
	if (strlen(text) >= PATH_MAX)
		return "is too long for a path";
	for (const char *p = text; p != NULL; p = strchr(p + 1, '/')) {
		if (strncmp(p, "/..", 3) == 0 && (p[3] == '/' || p[3] == '\0'))
			return "has a '..' in it: write the path that is meant";
	}
	return NULL;
}
