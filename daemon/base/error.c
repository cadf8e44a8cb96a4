/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/escape.h"

#define WINDOW	 ((size_t)160) /* characters kept of a long source line */
#define ELLIPSIS "\xe2\x80\xa6"

/* Takes off the end of a full text that was cut inside a character. */
static void
trim_end(char text[RA_ERROR_TEXT])
{
	size_t len = RA_ERROR_TEXT - 1, start = len;
	uint32_t c;

	while (len - start < 3 && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
		start--;
	if ((uint8_t)text[start - 1] >= 0xc0 &&
	    ra_utf8_decode(text + start - 1, len - (start - 1), &c) == 0)
		text[start - 1] = '\0';
}

static void format_text(char text[RA_ERROR_TEXT], const char *fmt, va_list ap) RA_PRINTF(2, 0);

static void
format_text(char text[RA_ERROR_TEXT], const char *fmt, va_list ap)
{
	int n = vsnprintf(text, RA_ERROR_TEXT, fmt, ap);

	if (n < 0)
		memcpy(text, "error", sizeof("error"));
	else if (n >= RA_ERROR_TEXT)
		trim_end(text);
	for (char *p = text; *p != '\0'; p++) {
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
}

/* By way of a second text, as the arguments may point into err->text. */
int
ra_error_set(struct ra_error *err, int code, const char *fmt, ...)
{
	char text[RA_ERROR_TEXT];
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	format_text(text, fmt, ap);
	va_end(ap);
	memcpy(err->text, text, sizeof(text));
	err->code = code;
	return code;
}

void
ra_error_prefix(struct ra_error *err, const char *fmt, ...)
{
	char text[RA_ERROR_TEXT];
	va_list ap;

	if (err == NULL || err->code == 0)
		return;
	va_start(ap, fmt);
	format_text(text, fmt, ap);
	va_end(ap);
	ra_error_set(err, err->code, "%s: %s", text, err->text);
}

/* Bytes of the first characters of a text, or all of it. */
static size_t
bytes_of(const char *text, size_t len, size_t chars)
{
	size_t at = 0;
	uint32_t c;

	for (; at < len && chars > 0; chars--) {
		size_t n = ra_utf8_decode(text + at, len - at, &c);

		at += n > 0 ? n : 1;
	}
	return at;
}

static size_t
chars_of(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t at = 0; at < len; count++)
		at += bytes_of(text + at, len - at, 1);
	return count;
}

/* Of a long line only what is near col is kept: the input decides how long lines are. */
static char *
source_window(const char *source, size_t col, uint32_t *ret_col)
{
	size_t len = strlen(source), total = chars_of(source, len), skip, from, size;
	struct ra_buf text = RA_BUF(0);

	*ret_col = 1;
	if (total <= WINDOW)
		return strdup(source);
	skip = col > WINDOW / 2 ? col - WINDOW / 2 : 0;
	skip = skip > total - WINDOW ? total - WINDOW : skip;
	from = bytes_of(source, len, skip);
	size = bytes_of(source + from, len - from, WINDOW);
	if (skip > 0) { /* the mark stands in the column before */
		(void)ra_buf_puts(&text, ELLIPSIS);
		*ret_col = (uint32_t)skip;
	}
	(void)ra_buf_add(&text, source + from, size);
	(void)ra_buf_puts(&text, from + size < len ? ELLIPSIS : "");
	return ra_buf_take(&text);
}

static void
item_free(struct ra_errors_item *item)
{
	free((char *)(uintptr_t)item->pos.file);
	free(item->text);
	free(item->source);
}

static bool
item_room(struct ra_errors *list)
{
	struct ra_errors_item *items;
	size_t count = list->count;

	if (count >= RA_ERRORS_MAX)
		return false;
	/* Full at each power of two, so that no capacity need be kept. */
	if ((count & (count - 1)) != 0)
		return true;
	items = reallocarray(list->items, count == 0 ? 1 : count * 2, sizeof(*items));
	if (items == NULL)
		return false;
	list->items = items;
	return true;
}

void
ra_errors_add(struct ra_errors *list, struct ra_pos pos, const char *source, const char *fmt, ...)
{
	struct ra_errors_item item = { .pos = pos };
	char text[RA_ERROR_TEXT];
	va_list ap;

	if (!item_room(list)) {
		list->more++;
		return;
	}
	va_start(ap, fmt);
	format_text(text, fmt, ap);
	va_end(ap);
	item.pos.file = strdup(pos.file != NULL ? pos.file : "-");
	item.text = strdup(text);
	if (source != NULL)
		item.source = source_window(source, pos.col, &item.source_col);
	if (item.pos.file == NULL || item.text == NULL) {
		item_free(&item);
		list->more++;
		return;
	}
	list->items[list->count++] = item;
}

bool
ra_errors_any(const struct ra_errors *list)
{
	return list->count > 0 || list->more > 0;
}

/* Up to the next tab, or the end. */
static size_t
until_tab(const char *text, size_t len)
{
	const char *tab = memchr(text, '\t', len);

	return tab != NULL ? (size_t)(tab - text) : len;
}

static void
print_source(struct ra_buf *out, const char *text, size_t len)
{
	while (len > 0) {
		size_t n = until_tab(text, len);

		ra_escape_line(out, text, n, 0);
		if (n < len) {
			ra_buf_putc(out, '\t');
			n++;
		}
		text += n;
		len -= n;
	}
	ra_buf_putc(out, '\n');
}

/* Blanks as wide as the text is when printed, tabs where it has tabs, then the caret. */
static void
print_caret(struct ra_buf *out, const char *text, size_t len)
{
	RA_BUF_LOCAL shown = RA_BUF(0);

	while (len > 0) {
		size_t n = until_tab(text, len);

		ra_buf_clear(&shown);
		ra_escape_line(&shown, text, n, 0);
		for (size_t w = ra_text_width(ra_buf_text(&shown), shown.len); w > 0; w--)
			ra_buf_putc(out, ' ');
		if (n < len) {
			ra_buf_putc(out, '\t');
			n++;
		}
		text += n;
		len -= n;
	}
	ra_buf_puts(out, "^\n");
}

static void
print_item(const struct ra_errors_item *item, struct ra_buf *out)
{
	const struct ra_pos *pos = &item->pos;
	size_t len;

	ra_escape_line(out, pos->file, strlen(pos->file), 0);
	if (pos->line > 0)
		ra_buf_printf(out, ":%" PRIu32, pos->line);
	if (pos->line > 0 && pos->col > 0)
		ra_buf_printf(out, ":%" PRIu32, pos->col);
	ra_buf_puts(out, ": error: ");
	ra_escape_line(out, item->text, strlen(item->text), 0);
	ra_buf_putc(out, '\n');
	if (pos->line == 0 || item->source == NULL)
		return;
	len = strlen(item->source);
	print_source(out, item->source, len);
	if (pos->col >= item->source_col)
		print_caret(
		    out, item->source, bytes_of(item->source, len, pos->col - item->source_col));
}

void
ra_errors_print(const struct ra_errors *list, struct ra_buf *out)
{
	for (size_t i = 0; i < list->count; i++)
		print_item(&list->items[i], out);
	if (list->more > 0)
		ra_buf_printf(out, "%zu more error%s\n", list->more, list->more == 1 ? "" : "s");
}

void
ra_errors_clear(struct ra_errors *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++)
		item_free(&list->items[i]);
	free(list->items);
	*list = (struct ra_errors){ 0 };
}
