/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a cap. Always NUL-terminated once something was added. An error
 * sticks: after the first failure (-ENOMEM, or -EMSGSIZE beyond the cap) nothing more is added, so
 * a writer may check once, at the end.
 */
#ifndef RELAUDIT_BASE_BUF_H
#define RELAUDIT_BASE_BUF_H

#include <stdarg.h>

#include "relaudit/base/macro.h"

struct ra_buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;	/* len never exceeds it; 0: 64 MiB */
	int error;
};

#define RA_BUF(limit)	((struct ra_buf){ .max = (limit) })
#define RA_BUF_LOCAL	RA_CLEANUP(ra_buf_free) struct ra_buf

void ra_buf_free(struct ra_buf *b);
void ra_buf_clear(struct ra_buf *b);				/* empty, error gone, memory kept */
int ra_buf_reserve(struct ra_buf *b, size_t more);		/* room for more bytes and a NUL */
int ra_buf_add(struct ra_buf *b, const void *data, size_t len);
int ra_buf_puts(struct ra_buf *b, const char *text);
int ra_buf_putc(struct ra_buf *b, char c);
int ra_buf_printf(struct ra_buf *b, const char *fmt, ...) RA_PRINTF(2, 3);
int ra_buf_vprintf(struct ra_buf *b, const char *fmt, va_list ap) RA_PRINTF(2, 0);
/* The text, never NULL. */
const char *ra_buf_text(const struct ra_buf *b);
/* Hands the memory over (owned, NUL-terminated, NULL on error) and leaves the buffer empty. */
char *ra_buf_take(struct ra_buf *b);

#endif
