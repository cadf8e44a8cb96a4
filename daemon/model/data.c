/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/data.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/block.h"

#include "cut.h"

#define ERROR_MAX  512
#define UNREAD_MAX 65536

void
ra_data_free(struct ra_data *d)
{
	if (d->shape == RA_SHAPE_FIELDS) {
		for (size_t i = 0; i < d->fields.count; i++)
			free(d->fields.list[i].value);
		free(d->fields.list);
	} else if (d->shape == RA_SHAPE_ITEMS) {
		for (size_t i = 0; i < d->items.count; i++)
			free(d->items.list[i].name);
		free(d->items.list);
	} else if (d->shape == RA_SHAPE_LINES) {
		free(d->lines.list);
	} else if (d->shape == RA_SHAPE_KEYS) {
		if (d->keys.texts != NULL)
			explicit_bzero(d->keys.texts, d->keys.len);
		free(d->keys.texts);
		free(d->keys.list);
		ra_buf_free(&d->keys.unread);
	}
	*d = (struct ra_data){ 0 };
}

const char *
ra_data_field(const struct ra_data *d, const char *name)
{
	if (d->shape != RA_SHAPE_FIELDS)
		return NULL;
	for (size_t i = 0; i < d->fields.count; i++) {
		if (strcmp(d->fields.list[i].name, name) == 0)
			return d->fields.list[i].value;
	}
	return NULL;
}

/*
 * Room for one more. How much there is follows from the count: a power of two, at least four. Of
 * another shape than d has nothing can be added.
 */
static int
grow(struct ra_data *d, enum ra_shape shape, void *list, size_t count, size_t size, void **ret)
{
	size_t room = count < 4 ? 4 : count * 2;

	if (d->shape != 0 && d->shape != shape)
		return -EINVAL;
	*ret = list;
	if (count == 0 || (count >= 4 && (count & (count - 1)) == 0))
		*ret = reallocarray(list, room, size);
	return *ret != NULL ? 0 : -ENOMEM;
}

int
ra_data_add_field(struct ra_data *d, const char *name, const char *value, size_t len)
{
	RA_FREE char *copy = strndup(value, len);
	void *list;
	int r;

	if (copy == NULL)
		return -ENOMEM;
	r = grow(
	    d, RA_SHAPE_FIELDS, d->fields.list, d->fields.count, sizeof(struct ra_field), &list);
	if (r < 0)
		return r;
	d->shape = RA_SHAPE_FIELDS;
	d->fields.list = list;
	d->fields.list[d->fields.count++] =
	    (struct ra_field){ .name = name, .value = RA_TAKE(copy) };
	return 0;
}

int
ra_data_add_item(struct ra_data *d, const char *name, int64_t time, int64_t size)
{
	RA_FREE char *copy = strdup(name);
	void *list;
	int r;

	if (copy == NULL)
		return -ENOMEM;
	r = grow(d, RA_SHAPE_ITEMS, d->items.list, d->items.count, sizeof(struct ra_item), &list);
	if (r < 0)
		return r;
	d->shape = RA_SHAPE_ITEMS;
	d->items.list = list;
	d->items.list[d->items.count++] =
	    (struct ra_item){ .name = RA_TAKE(copy), .time = time, .size = size };
	return 0;
}

int
ra_data_add_line(struct ra_data *d, const char *text, size_t len)
{
	void *list;
	int r =
	    grow(d, RA_SHAPE_LINES, d->lines.list, d->lines.count, sizeof(struct ra_line), &list);

	if (r < 0)
		return r;
	d->shape = RA_SHAPE_LINES;
	d->lines.list = list;
	d->lines.list[d->lines.count++] = (struct ra_line){ .text = text, .len = len };
	return 0;
}

/* By way of a second block, so that what is given back holds no secret. */
static int
grow_texts(struct ra_data *d, size_t more)
{
	size_t need = d->keys.len + more, room = d->keys.room < 4096 ? 4096 : d->keys.room;
	char *texts;

	if (need <= d->keys.room)
		return 0;
	while (room < need)
		room *= 2;
	texts = ra_block_new(room);
	if (texts == NULL)
		return -ENOMEM;
	if (d->keys.texts != NULL) {
		memcpy(texts, d->keys.texts, d->keys.len);
		explicit_bzero(d->keys.texts, d->keys.len);
		free(d->keys.texts);
	}
	d->keys.texts = texts;
	d->keys.room = room;
	return 0;
}

int
ra_data_reserve_keys(struct ra_data *d, size_t bytes)
{
	if (d->shape != 0 && d->shape != RA_SHAPE_KEYS)
		return -EINVAL;
	d->shape = RA_SHAPE_KEYS;
	return grow_texts(d, bytes < RA_KEYS_TEXT_MAX ? bytes : RA_KEYS_TEXT_MAX);
}

static uint32_t
put_text(struct ra_data *d, const char *text, size_t len)
{
	size_t at = d->keys.len;

	if (len > 0)
		memcpy(d->keys.texts + at, text, len);
	d->keys.texts[at + len] = '\0';
	d->keys.len += len + 1;
	return (uint32_t)at;
}

int
ra_data_add_key(struct ra_data *d, const char *name, size_t name_len, const char *value,
    size_t value_len, uint32_t line, unsigned flags)
{
	struct ra_key *key;
	void *list;
	int r;

	if (name_len > RA_KEY_NAME_MAX || value_len > RA_KEYS_TEXT_MAX ||
	    d->keys.len + name_len + value_len + 2 > RA_KEYS_TEXT_MAX ||
	    d->keys.count >= RA_KEYS_MAX)
		return -EMSGSIZE;
	r = grow(d, RA_SHAPE_KEYS, d->keys.list, d->keys.count, sizeof(*key), &list);
	if (r < 0)
		return r;
	d->shape = RA_SHAPE_KEYS;
	d->keys.list = list;
	r = grow_texts(d, name_len + value_len + 2);
	if (r < 0)
		return r;
	key = &d->keys.list[d->keys.count++];
	*key = (struct ra_key){ .name_len = (uint32_t)name_len,
		.value_len = (uint32_t)value_len,
		.line = line,
		.flags = flags };
	key->name = put_text(d, name, name_len);
	key->value = put_text(d, value, value_len);
	return 0;
}

int
ra_data_add_unread(struct ra_data *d, const char *name, size_t len, uint32_t line)
{
	struct ra_buf *b = &d->keys.unread;
	bool full = b->len >= UNREAD_MAX;

	d->shape = RA_SHAPE_KEYS;
	if (full && b->data[b->len - 2] == ' ')
		return 0;
	(void)ra_buf_printf(b, "%u %.*s", line, full ? 0 : (int)len, name);
	return ra_buf_putc(b, '\0');
}

const char *
ra_data_key_name(const struct ra_data *d, size_t i)
{
	return d->keys.texts + d->keys.list[i].name;
}

const char *
ra_data_key_value(const struct ra_data *d, size_t i)
{
	return d->keys.texts + d->keys.list[i].value;
}

void
ra_input_clear(struct ra_input *in)
{
	free(in->error);
	free(in->where);
	free(in->bytes);
	ra_data_free(&in->listing);
	*in = (struct ra_input){ 0 };
}

void
ra_input_fail(struct ra_input *in, enum ra_reason reason, const char *fmt, ...)
{
	char *error;
	va_list ap;

	va_start(ap, fmt);
	error = ra_cut_vprintf(ERROR_MAX, fmt, ap);
	va_end(ap);
	for (char *p = error; p != NULL && *p != '\0'; p++) {
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	/* By way of a second text, as the arguments may point into the first. */
	free(in->error);
	in->error = error;
	in->reason = reason;
}
