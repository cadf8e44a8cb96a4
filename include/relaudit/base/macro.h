/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAUDIT_BASE_MACRO_H
#define RELAUDIT_BASE_MACRO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define RA_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define RA_CONTAINER(p, type, member) \
	((type *)(void *)((char *)(p) - offsetof(type, member)))
#define RA_PRINTF(fmt, args)	__attribute__((format(printf, fmt, args)))
#define RA_CLEANUP(fn)		__attribute__((cleanup(fn)))
#define RA_UNUSED		__attribute__((unused))

/* A number that configuration did not set. */
#define RA_UNSET		INT64_MIN

/* free() for a local: RA_FREE char *text = NULL; */
#define RA_FREE			RA_CLEANUP(ra_free_pointer)

static inline void
ra_free_pointer(void *p)
{
	free(*(void **)p);
}

/* Takes the value out of a variable that would be cleaned up. */
#define RA_TAKE(p) __extension__({ \
	__typeof__(p) ra_taken_ = (p); \
	(p) = NULL; \
	ra_taken_; \
})

#endif
