/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/jsonw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/escape.h"

#define INT_TEXT  24
/* Below it a double that is whole has all its digits in an int64. */
#define WHOLE_MAX 1e15

void
ra_jsonw_init(struct ra_jsonw *w, struct ra_buf *out)
{
	*w = (struct ra_jsonw){ .out = out };
}

static void
begin(struct ra_jsonw *w, const char *key)
{
	struct ra_buf *out = w->out;

	if (key == NULL) {
		if (w->comma)
			ra_buf_putc(out, ',');
	} else {
		ra_buf_add(out, w->comma ? ",\"" : "\"", w->comma ? 2 : 1);
		ra_escape_json(out, key, strlen(key));
		ra_buf_add(out, "\":", 2);
	}
	w->comma = true;
}

static void
plain(struct ra_jsonw *w, const char *key, const char *text, size_t len)
{
	begin(w, key);
	ra_buf_add(w->out, text, len);
}

static void
open_with(struct ra_jsonw *w, const char *key, char bracket)
{
	plain(w, key, &bracket, 1);
	w->comma = false;
}

static void
close_with(struct ra_jsonw *w, char bracket)
{
	ra_buf_putc(w->out, bracket);
	w->comma = true;
}

void
ra_jsonw_object(struct ra_jsonw *w, const char *key)
{
	open_with(w, key, '{');
}

void
ra_jsonw_object_end(struct ra_jsonw *w)
{
	close_with(w, '}');
}

void
ra_jsonw_array(struct ra_jsonw *w, const char *key)
{
	open_with(w, key, '[');
}

void
ra_jsonw_array_end(struct ra_jsonw *w)
{
	close_with(w, ']');
}

void
ra_jsonw_text(struct ra_jsonw *w, const char *key, const char *text)
{
	if (text == NULL)
		ra_jsonw_null(w, key);
	else
		ra_jsonw_textn(w, key, text, strlen(text));
}

void
ra_jsonw_textn(struct ra_jsonw *w, const char *key, const char *text, size_t len)
{
	begin(w, key);
	ra_buf_putc(w->out, '"');
	ra_escape_json(w->out, text, len);
	ra_buf_putc(w->out, '"');
}

void
ra_jsonw_raw(struct ra_jsonw *w, const char *key, const char *json, size_t len)
{
	plain(w, key, json, len);
}

/* Written from the end of text backwards; returns where it starts. */
static const char *
int_text(int64_t value, char text[INT_TEXT])
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char *p = text + INT_TEXT;

	do {
		*--p = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (value < 0)
		*--p = '-';
	return p;
}

void
ra_jsonw_int(struct ra_jsonw *w, const char *key, int64_t value)
{
	char text[INT_TEXT];
	const char *p = int_text(value, text);

	plain(w, key, p, (size_t)(text + INT_TEXT - p));
}

void
ra_jsonw_real(struct ra_jsonw *w, const char *key, double value)
{
	char text[32];

	if (!isfinite(value)) {
		ra_jsonw_null(w, key);
		return;
	}
	if (fabs(value) < WHOLE_MAX && value == (double)(int64_t)value) {
		ra_jsonw_int(w, key, (int64_t)value);
		return;
	}
	/* 15 digits where they are enough: 0.1, not 0.10000000000000001. LC_NUMERIC is "C". */
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	plain(w, key, text, strlen(text));
}

void
ra_jsonw_bool(struct ra_jsonw *w, const char *key, bool value)
{
	if (value)
		plain(w, key, "true", 4);
	else
		plain(w, key, "false", 5);
}

void
ra_jsonw_null(struct ra_jsonw *w, const char *key)
{
	plain(w, key, "null", 4);
}

void
ra_jsonw_time(struct ra_jsonw *w, const char *key, int64_t wall_ms)
{
	char text[RA_TIME_TEXT];

	if (wall_ms == 0 || ra_time_format(wall_ms, text)[0] == '-') {
		ra_jsonw_null(w, key);
		return;
	}
	begin(w, key);
	ra_buf_putc(w->out, '"');
	ra_buf_puts(w->out, text);
	ra_buf_putc(w->out, '"');
}
