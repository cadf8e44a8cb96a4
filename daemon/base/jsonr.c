/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/jsonr.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relaudit/base/macro.h"

/* As much as may be read on after a failure; smaller ones cost time. */
#define PIECE	    ((size_t)64)
#define SPARE_LEAST ((size_t)16 * 1024)
#define ALIGNED(n)  (((n) + 15) & ~(size_t)15)

/*
 * A reading under way. Its first allocation that fails ends the input. Until jansson has noticed,
 * what it asks for comes out of `spare`, which holds the buffer of the longest text there can be.
 */
struct reading {
	const char *text;
	size_t left;
	bool failed;
	char *spare;
	size_t size, used;
};

static _Thread_local struct reading *reading;

static void *
take_spare(struct reading *r, size_t size)
{
	void *p = r->spare + r->used;

	r->failed = true;
	if (size > r->size || ALIGNED(size) > r->size - r->used)
		return NULL;
	r->used += ALIGNED(size);
	return p;
}

static void *
allocate(size_t size)
{
	void *p = malloc(size);

	return p != NULL || reading == NULL ? p : take_spare(reading, size);
}

static void
release(void *p)
{
	uintptr_t at = (uintptr_t)p, spare = reading != NULL ? (uintptr_t)reading->spare : 0;

	if (spare == 0 || at < spare || at - spare >= reading->size)
		free(p);
}

/* Before there are threads: jansson keeps the two without a lock. */
__attribute__((constructor)) static void
set_allocator(void)
{
	json_set_alloc_funcs(allocate, release);
}

static size_t
next_piece(void *buffer, size_t size, void *arg)
{
	struct reading *r = arg;
	size_t len = r->left < PIECE ? r->left : PIECE;

	if (r->failed)
		return 0;
	memcpy(buffer, r->text, len);
	r->text += len;
	r->left -= len;
	return len;
}

int
ra_json_load(const char *text, size_t len, size_t flags, json_t **ret, json_error_t *why)
{
	struct reading r = { .text = text, .left = len };

	*ret = NULL;
	*why = (json_error_t){ .text = "out of memory" };
	if (__builtin_mul_overflow(len, 4, &r.size) ||
	    __builtin_add_overflow(r.size, SPARE_LEAST, &r.size) ||
	    (r.spare = malloc(r.size)) == NULL)
		return -ENOMEM;
	reading = &r;
	*ret = json_load_callback(next_piece, &r, flags, why);
	if (r.failed)
		json_decref(RA_TAKE(*ret));
	reading = NULL;
	free(r.spare);
	if (!r.failed)
		return *ret != NULL ? 0 : -EINVAL;
	*why = (json_error_t){ .text = "out of memory" };
	return -ENOMEM;
}
