/* SPDX-License-Identifier: Apache-2.0 */
/* Plain text: one value, what a pattern finds, or lines. */
#include "relaudit/format/format.h"

#include <string.h>

#include "relaudit/base/escape.h"
#include "relaudit/model/pattern.h"

#include "excerpt.h"
#include "keys.h"

#define VALUE_MAX 256
#define LINES_MAX 10000

struct text_options {
	struct ra_text regex;
	struct ra_pattern *pattern; /* of regex; NULL: none */
};

static const struct ra_option options[] = {
	{ .name = "regex",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct text_options, regex),
	    .flags = RA_OPT_NO_SECRET,
	    .help =
		"regular expression (PCRE2) whose named groups are the fields, as in "
		"`(?<version>\\S+)`; without one of them the whole match is the first field; of a "
		"log, takes only the lines that match" },
	{ 0 },
};

static void
free_pattern(void *arg)
{
	ra_pattern_free(arg);
}

static int
text_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct text_options *o = bound;
	struct ra_error err = { 0 };
	int r;

	if (o->regex.value == NULL)
		return 0;
	r = ra_pattern_new(o->regex.value, &o->pattern, &err);
	if (r == 0)
		return ra_arena_defer(arena, free_pattern, o->pattern);
	if (r == -ENOMEM)
		return r;
	ra_conf_complain(place, "regex", "%s", err.text);
	return 0;
}

static enum ra_reason
no_memory(struct ra_error *err)
{
	ra_error_set(err, -ENOMEM, "out of memory");
	return RA_R_NO_MEMORY;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
trim(const char **text, size_t *len)
{
	if (*len >= 3 && memcmp(*text, RA_BOM, 3) == 0) {
		*text += 3;
		*len -= 3;
	}
	while (*len > 0 && is_blank(**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*text)[*len - 1]))
		(*len)--;
}

static enum ra_reason
add_value(const struct ra_format_call *call, const char *field, const char *text, size_t len,
    struct ra_data *data, struct ra_error *err)
{
	const char *bad = ra_keys_bad_byte(text, text + len);
	char excerpt[RA_EXCERPT_TEXT];
	size_t line, column;

	if (bad == text + len)
		return ra_data_add_field(data, field, text, len) < 0 ? no_memory(err) : RA_R_OK;
	ra_excerpt_position(call->input->bytes, (size_t)(bad - call->input->bytes), &line, &column);
	ra_error_set(err, -EINVAL, "line %zu, column %zu: %s, behind '%s'", line, column,
	    *bad == '\0' ? "a NUL byte" : "a byte that is not UTF-8",
	    ra_excerpt(text, (size_t)(bad - text), excerpt));
	return RA_R_NOT_TEXT;
}

static enum ra_reason
read_body(const struct ra_format_call *call, struct ra_data *data, struct ra_error *err)
{
	const char *text = call->input->bytes;
	size_t len = call->input->len, line = 0;
	char excerpt[RA_EXCERPT_TEXT];

	trim(&text, &len);
	if (len == 0) {
		ra_error_set(err, -EINVAL, "the answer is empty");
		return RA_R_EMPTY;
	}
	while (line < len && text[line] != '\n' && text[line] != '\r')
		line++;
	if (len > VALUE_MAX || line < len) {
		ra_error_set(err, -EINVAL,
		    "not one short line of text but '%s'; say what to take of it with `regex:`, or "
		    "what it is with `format:`",
		    ra_excerpt(text, line, excerpt));
		return RA_R_NOT_TEXT;
	}
	return add_value(call, call->fields[0], text, len, data, err);
}

/* Adds what a group (NULL: the whole) matched; nothing if the group took no part. */
static enum ra_reason
read_group(const struct ra_format_call *call, const char *group, const char *field,
    struct ra_data *data, struct ra_error *err)
{
	const struct text_options *o = call->options;
	const struct ra_input *in = call->input;
	const char *text = in->len > 0 ? in->bytes : "", *start;
	char excerpt[RA_EXCERPT_TEXT];
	size_t len;
	int r = ra_pattern_match(o->pattern, text, in->len, group, &start, &len);

	if (r == -ENOMEM)
		return no_memory(err);
	if (r < 0) {
		ra_error_set(
		    err, r, "`regex:` needs too many steps on an answer of %zu bytes", in->len);
		return RA_R_REGEX_LIMIT;
	}
	if (r == 0) {
		ra_error_set(err, -ENOENT, "`regex:` matches nothing in '%s'",
		    ra_excerpt(text, in->len, excerpt));
		return RA_R_NO_MATCH;
	}
	if (start == NULL)
		return RA_R_OK;
	return add_value(call, field, start, len, data, err);
}

static enum ra_reason
read_groups(const struct ra_format_call *call, struct ra_data *data, struct ra_error *err)
{
	const struct text_options *o = call->options;
	bool named = false;

	for (const char *const *field = call->fields; *field != NULL; field++) {
		enum ra_reason reason;

		if (!ra_pattern_has_group(o->pattern, *field))
			continue;
		named = true;
		reason = read_group(call, *field, *field, data, err);
		if (reason != RA_R_OK)
			return reason;
	}
	if (!named)
		return read_group(call, NULL, call->fields[0], data, err);
	if (data->shape == 0) {
		ra_error_set(err, -ENOENT, "`regex:` matches, but none of its named groups does");
		return RA_R_NO_MATCH;
	}
	return RA_R_OK;
}

/* --- lines --- */

/* Where the newest LINES_MAX lines begin, of one byte or more. */
static const char *
newest(const char *text, size_t len)
{
	const char *p = text + len;

	/* The newline at the very end ends a line and begins none. */
	if (p[-1] == '\n')
		p--;
	for (size_t lines = 0; lines < LINES_MAX; lines++) {
		p = memrchr(text, '\n', (size_t)(p - text));
		if (p == NULL)
			return text;
	}
	return p + 1;
}

static enum ra_reason
add_line(const struct text_options *o, struct ra_data *data, const char *text, size_t len,
    int64_t *budget, struct ra_error *err)
{
	int r = 1;

	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len == 0)
		return RA_R_OK;
	if (o->pattern != NULL)
		r = ra_pattern_match_within(o->pattern, text, len, NULL, NULL, NULL, budget);
	if (r == 1)
		r = ra_data_add_line(data, text, len);
	if (r == -E2BIG) {
		ra_error_set(err, r, "`regex:` needs too many steps on these lines");
		return RA_R_REGEX_LIMIT;
	}
	return r < 0 ? no_memory(err) : RA_R_OK;
}

static enum ra_reason
read_lines(const struct ra_format_call *call, struct ra_data *data, struct ra_error *err)
{
	const struct ra_input *in = call->input;
	int64_t budget = RA_PATTERN_BUDGET;
	const char *end;

	data->shape = RA_SHAPE_LINES;
	if (in->len == 0)
		return RA_R_OK;
	end = in->bytes + in->len;
	for (const char *p = newest(in->bytes, in->len); p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		enum ra_reason reason;

		stop = stop != NULL ? stop : end;
		reason = add_line(call->options, data, p, (size_t)(stop - p), &budget, err);
		if (reason != RA_R_OK)
			return reason;
		p = stop + 1;
	}
	return RA_R_OK;
}

static enum ra_reason
text_read(const struct ra_format_call *call, struct ra_data *ret, struct ra_error *err)
{
	const struct text_options *o = call->options;
	RA_CLEANUP(ra_data_free) struct ra_data data = { 0 };
	enum ra_reason reason;

	if (call->shape == RA_SHAPE_LINES)
		reason = read_lines(call, &data, err);
	else if (o->pattern != NULL)
		reason = read_groups(call, &data, err);
	else
		reason = read_body(call, &data, err);
	if (reason != RA_R_OK)
		return reason;
	*ret = data;
	data = (struct ra_data){ 0 };
	return RA_R_OK;
}

const struct ra_format ra_format_text = {
	.type = {
		.name = "text",
		.help = "plain text: the trimmed answer is the value, or what `regex:` finds in it",
		.options = options,
		.size = sizeof(struct text_options),
		.prepare = text_prepare,
	},
	.serves = RA_SHAPE_FIELDS | RA_SHAPE_LINES,
	.read = text_read,
};
