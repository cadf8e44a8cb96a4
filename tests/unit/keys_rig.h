/* SPDX-License-Identifier: Apache-2.0 */
/* Reads texts as configuration and holds what comes of them against tables. */
#ifndef RA_TESTS_KEYS_RIG_H
#define RA_TESTS_KEYS_RIG_H

#include <stdio.h>
#include <string.h>

#include "relaudit/base/buf.h"
#include "relaudit/format/format.h"

#include "options.h"

struct outcome {
	enum ra_reason reason;
	struct ra_data data;
	struct ra_error err;
};

static struct outcome
read_keys(const struct ra_format *format, const char *select, const char *text, size_t len)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place = { 0 };
	struct ra_input in = { .bytes = len > 0 ? malloc(len) : NULL, .len = len };
	struct ra_format_call call = { .shape = RA_SHAPE_KEYS, .input = &in };
	struct outcome o = { 0 };
	char option[128];

	snprintf(option, sizeof(option), "select: %s", select != NULL ? select : "");
	call.options = options_bind(arena, &format->type, select != NULL ? option : NULL, &place);
	assert_string_equal(place.text, "");
	/* Without a NUL behind it, so that reading on is seen. */
	if (len > 0)
		memcpy(in.bytes, text, len);
	o.reason = format->read(&call, &o.data, &o.err);
	assert_true((o.reason == RA_R_OK) == (o.data.shape == RA_SHAPE_KEYS));
	assert_true((o.reason == RA_R_OK) == (o.err.text[0] == '\0'));
	free(in.bytes);
	ra_arena_free(arena);
	return o;
}

RA_UNUSED static struct outcome
read_text(const struct ra_format *format, const char *text)
{
	return read_keys(format, NULL, text, strlen(text));
}

/* Names that are not read as keys, as "LINE NAME;LINE NAME". Takes o. */
RA_UNUSED static void
check_unread(struct outcome *o, const char *wanted)
{
	struct ra_buf *b = &o->data.keys.unread;

	assert_int_equal(o->reason, RA_R_OK);
	for (size_t i = 0; i + 1 < b->len; i++)
		b->data[i] = b->data[i] != '\0' ? b->data[i] : ';';
	assert_string_equal(ra_buf_text(b), wanted);
	ra_data_free(&o->data);
}

/* "/a=1|/b!" with '!' for null; of empty maps and lists the value is a word of flags. */
static void
describe(const struct ra_data *d, struct ra_buf *out)
{
	for (size_t i = 0; i < d->keys.count; i++) {
		unsigned flags = d->keys.list[i].flags;

		ra_buf_printf(out, "%s%s", i > 0 ? "|" : "", ra_data_key_name(d, i));
		if (flags == RA_KEY_NULL)
			ra_buf_puts(out, "!");
		else
			ra_buf_printf(out, "%s%s", flags != 0 ? "#" : "=", ra_data_key_value(d, i));
	}
}

/* `keys` as describe() has them, or '!' and what the error says. */
struct row {
	const char *text;
	const char *keys;
	enum ra_reason reason; /* 0: none, or what `refused` says */
	const char *select;
};

static void
check(const struct ra_format *format, enum ra_reason refused, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		struct outcome o = read_keys(format, row->select, row->text, strlen(row->text));
		RA_BUF_LOCAL got = RA_BUF(0);
		bool bad = row->keys[0] == '!' && row->keys[1] != '\0';

		describe(&o.data, &got);
		if (bad ? o.reason != (row->reason != 0 ? row->reason : refused) ||
			      strstr(o.err.text, row->keys + 1) == NULL
			: o.reason != RA_R_OK || strcmp(ra_buf_text(&got), row->keys) != 0)
			fail_msg("%s: '%s': %s '%s' %s", format->type.name, row->text,
			    ra_reason_code(o.reason), ra_buf_text(&got), o.err.text);
		ra_data_free(&o.data);
	}
}

#endif
