/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/escape.h"
#include "relaudit/model/drift.h"

/* What YAML takes as a text without quotes, in a list between brackets. */
static bool
is_plain(const char *key, size_t len)
{
	bool letter = false;

	for (size_t i = 0; i < len; i++) {
		char c = key[i];
		bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

		letter = letter || is_letter;
		if (!is_letter && !(c >= '0' && c <= '9') && (i == 0 || strchr("./-", c) == NULL) &&
		    !(i == 0 && c == '/'))
			return false;
	}
	return letter && strcasecmp(key, "null") != 0 && strcasecmp(key, "true") != 0 &&
	       strcasecmp(key, "false") != 0;
}

static void
add_key(struct ra_buf *out, const char *key, size_t len)
{
	RA_BUF_LOCAL pattern = RA_BUF(0);

	if (is_plain(key, len)) {
		ra_buf_add(out, key, len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (ra_drift_is_pattern((const char[]){ key[i], '\0' }))
			ra_buf_putc(&pattern, '\\');
		if (key[i] == '$' && key[i + 1] == '{') /* "${" would be a variable */
			ra_buf_putc(&pattern, '$');
		ra_buf_putc(&pattern, key[i]);
	}
	if (pattern.error < 0)
		out->error = pattern.error;
	ra_buf_putc(out, '"');
	ra_escape_json(out, ra_buf_text(&pattern), pattern.len);
	ra_buf_putc(out, '"');
}

/* Between environments another value may be allowed; all else can only be left out. */
static enum ra_drift_word
silencer(const struct ra_drift_row *row, bool between)
{
	return between && row->verdict == RA_DRIFT_DIFFERS ? RA_DRIFT_MAY_DIFFER : RA_DRIFT_IGNORE;
}

static size_t
count_environments(const struct ra_drift_call *call)
{
	size_t count = 0;

	for (size_t i = 0; i < call->side_count; i++)
		count += !call->sides[i].baseline;
	return count;
}

/* Once; what is ignored needs no other rule. */
static void
suggest(struct ra_drift_suggestion *s, enum ra_drift_word word, const struct ra_drift_row *row)
{
	struct ra_buf *list = word == RA_DRIFT_IGNORE ? &s->ignore : &s->may_differ;
	const struct ra_buf *has = ra_map_get(&s->listed, row->key);
	const char *key;

	if (has == list || has == &s->ignore)
		return;
	if (s->keys == NULL)
		s->keys = ra_arena_new();
	key = s->keys != NULL ? ra_arena_strdup(s->keys, row->key) : NULL;
	if (key == NULL || ra_map_put(&s->listed, key, list, NULL) < 0) {
		list->error = -ENOMEM;
		return;
	}
	if (list->len > 0)
		ra_buf_puts(list, ", ");
	add_key(list, row->key, row->key_len);
}

void
ra_drift_suggest_add(
    struct ra_drift_suggestion *s, const struct ra_drift *d, const struct ra_drift_call *call)
{
	bool between = count_environments(call) > 1;

	for (size_t i = 0; i < d->row_count; i++) {
		if (d->rows[i].counts)
			suggest(s, silencer(&d->rows[i], between), &d->rows[i]);
	}
}

int
ra_drift_suggest_write(const struct ra_drift_suggestion *s, struct ra_buf *out)
{
	if (s->ignore.error < 0 || s->may_differ.error < 0)
		out->error = s->ignore.error < 0 ? s->ignore.error : s->may_differ.error;
	if (s->ignore.len > 0)
		ra_buf_printf(out, "ignore: [%s]\n", ra_buf_text(&s->ignore));
	if (s->may_differ.len > 0)
		ra_buf_printf(out, "expect:\n  may-differ: [%s]\n", ra_buf_text(&s->may_differ));
	return out->error;
}

void
ra_drift_suggest_free(struct ra_drift_suggestion *s)
{
	ra_buf_free(&s->ignore);
	ra_buf_free(&s->may_differ);
	ra_map_free(&s->listed);
	ra_arena_free(RA_TAKE(s->keys));
}
