/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/perfdata.h"

#include <math.h>
#include <string.h>

#include "relaudit/model/secret.h"

#define LABEL_MAX  200
#define NUMBER_MAX 40
#define PARTS	   5 /* value, warn, crit, min, max */

struct part {
	const char *text;
	size_t len;
};

struct datum {
	char label[LABEL_MAX + 1];
	struct part parts[PARTS];
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

/* Reads a label up to and with its '='; inside quotes '' stands for one quote. */
static bool
read_label(const char **at, const char *end, char label[LABEL_MAX + 1])
{
	const char *p = *at;
	bool quoted = *p == '\'';
	size_t n = 0;

	for (p += quoted; p < end; p++) {
		if (quoted && *p == '\'') {
			if (p + 1 == end || p[1] != '\'')
				break;
			p++;
		} else if (!quoted && (*p == '=' || is_blank(*p))) {
			break;
		}
		if (n == LABEL_MAX || *p == '\0')
			return false;
		label[n++] = *p;
	}
	p += quoted && p < end;
	label[n] = '\0';
	if (n == 0 || p == end || *p != '=')
		return false;
	*at = p + 1;
	return true;
}

static void
read_parts(const char *at, const char *end, struct part parts[PARTS])
{
	size_t i;

	for (i = 0; i < PARTS; i++) {
		const char *semicolon = at < end ? memchr(at, ';', (size_t)(end - at)) : NULL;
		const char *stop = semicolon != NULL ? semicolon : end;

		parts[i] = (struct part){ at, (size_t)(stop - at) };
		at = semicolon != NULL ? semicolon + 1 : end;
	}
}

/*
 * The number that text begins with; *ret_len is how long it is. A comma is its point, as where the
 * plugin is not run under the C locale, if it is the only mark in it.
 */
static bool
read_number(const struct part *part, double *ret, size_t *ret_len)
{
	char text[NUMBER_MAX + 1];
	size_t len = 0;
	char *end, *comma;

	while (len < part->len && len < NUMBER_MAX && strchr("+-.,0123456789eE", part->text[len]))
		len++;
	memcpy(text, part->text, len);
	text[len] = '\0';
	comma = strchr(text, ',');
	if (comma != NULL && strpbrk(comma + 1, ".,") == NULL &&
	    memchr(text, '.', (size_t)(comma - text)) == NULL && comma[1] >= '0' && comma[1] <= '9')
		*comma = '.';
	*ret = strtod(text, &end);
	*ret_len = (size_t)(end - text);
	return *ret_len > 0 && isfinite(*ret);
}

/* "ms", "%", "MB/s", "°C": a text with more in it may be anything. */
static bool
is_unit(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char lower = (char)(text[i] | 0x20);
		bool letter = (lower >= 'a' && lower <= 'z') || (text[i] & 0x80) != 0;

		if (!letter && (text[i] == '\0' || strchr("%/_", text[i]) == NULL))
			return false;
	}
	return len <= 16;
}

/* Of a range or number and nothing else: what is written there is shown. */
static bool
is_range(const struct part *part)
{
	size_t i;

	for (i = 0; i < part->len; i++)
		if (part->text[i] == '\0' || strchr("0123456789.,:~@+-eE", part->text[i]) == NULL)
			return false;
	return part->len > 0 && part->len <= 2 * NUMBER_MAX;
}

static bool
write_datum(const struct datum *d, struct ra_jsonw *w)
{
	static const char *const names[PARTS] = { "value", "warn", "crit", "min", "max" };
	const struct part *value = &d->parts[0];
	bool unknown = value->len == 1 && value->text[0] == 'U';
	double number = 0;
	size_t len = 0, i;

	if (!unknown &&
	    (!read_number(value, &number, &len) || !is_unit(value->text + len, value->len - len)))
		return false;
	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "label", ra_secret_value(d->label, strlen(d->label)) ? "***" : d->label);
	if (!unknown) {
		ra_jsonw_real(w, "value", number);
		if (len < value->len)
			ra_jsonw_textn(w, "unit", value->text + len, value->len - len);
	}
	for (i = 1; i < PARTS; i++) {
		const struct part *part = &d->parts[i];

		if (!is_range(part))
			continue;
		if (i < 3)
			ra_jsonw_textn(w, names[i], part->text, part->len);
		else if (read_number(part, &number, &len))
			ra_jsonw_real(w, names[i], number);
	}
	ra_jsonw_object_end(w);
	return true;
}

size_t
ra_perfdata_write(const char *text, size_t len, struct ra_jsonw *w, const char *key)
{
	const char *at = text, *end = text + len, *stop;
	struct datum d;
	size_t count = 0;

	ra_jsonw_array(w, key);
	while (at < end && count < RA_PERFDATA_MAX) {
		bool labelled;

		if (is_blank(*at)) {
			at++;
			continue;
		}
		labelled = read_label(&at, end, d.label);
		for (stop = at; stop < end && !is_blank(*stop);)
			stop++;
		if (labelled) {
			read_parts(at, stop, d.parts);
			count += write_datum(&d, w);
		}
		at = stop;
	}
	ra_jsonw_array_end(w);
	return count;
}
