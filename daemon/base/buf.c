/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/buf.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEFAULT ((size_t)64 * 1024 * 1024)
#define MIN_CAP	    ((size_t)64)

void
ra_buf_free(struct ra_buf *b)
{
	if (b == NULL)
		return;
	free(b->data);
	*b = RA_BUF(b->max);
}

void
ra_buf_clear(struct ra_buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

static int
fail(struct ra_buf *b, int error)
{
	b->error = error;
	return error;
}

static int
grow(struct ra_buf *b, size_t more)
{
	size_t max = b->max == 0 ? MAX_DEFAULT : b->max, need, cap;
	char *data;

	if (max > PTRDIFF_MAX - 1)
		max = PTRDIFF_MAX - 1;
	if (more > max || b->len > max - more)
		return fail(b, -EMSGSIZE);
	need = b->len + more + 1;
	cap = b->cap < MIN_CAP ? MIN_CAP : b->cap;
	while (cap < need)
		cap = cap > max / 2 ? max + 1 : cap * 2;
	if (cap > max + 1)
		cap = max + 1;
	data = realloc(b->data, cap);
	if (data == NULL)
		return fail(b, -ENOMEM);
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return 0;
}

/* cap is at most max + 1, so room in the memory at hand is also room below the cap. */
int
ra_buf_reserve(struct ra_buf *b, size_t more)
{
	if (b->error != 0)
		return b->error;
	if (b->cap > b->len && b->cap - b->len > more)
		return 0;
	return grow(b, more);
}

int
ra_buf_add(struct ra_buf *b, const void *data, size_t len)
{
	int r = ra_buf_reserve(b, len);

	if (r < 0)
		return r;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int
ra_buf_puts(struct ra_buf *b, const char *text)
{
	return ra_buf_add(b, text, strlen(text));
}

int
ra_buf_putc(struct ra_buf *b, char c)
{
	int r = ra_buf_reserve(b, 1);

	if (r < 0)
		return r;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
	return 0;
}

int
ra_buf_printf(struct ra_buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = ra_buf_vprintf(b, fmt, ap);
	va_end(ap);
	return r;
}

int
ra_buf_vprintf(struct ra_buf *b, const char *fmt, va_list ap)
{
	int r = ra_buf_reserve(b, 0), n;
	va_list again;

	if (r < 0)
		return r;
	va_copy(again, ap);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	if (n >= 0 && (size_t)n >= b->cap - b->len) {
		b->data[b->len] = '\0';
		r = grow(b, (size_t)n);
		if (r == 0)
			n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
	}
	va_end(again);
	if (n < 0) {
		b->data[b->len] = '\0';
		return fail(b, -errno);
	}
	if (r == 0)
		b->len += (size_t)n;
	return r;
}

const char *
ra_buf_text(const struct ra_buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *
ra_buf_take(struct ra_buf *b)
{
	char *data = NULL;

	if (ra_buf_reserve(b, 0) == 0)
		data = RA_TAKE(b->data);
	ra_buf_free(b);
	return data;
}
