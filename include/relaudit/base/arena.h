/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed all at once, for immutable things such as a configuration. Not for threads
 * in parallel. Allocations are zeroed and aligned for any type; NULL when memory is out.
 */
#ifndef RELAUDIT_BASE_ARENA_H
#define RELAUDIT_BASE_ARENA_H

#include "relaudit/base/macro.h"

struct ra_arena;

struct ra_arena *ra_arena_new(void);
/* Calls what was deferred, last first, then frees everything. NULL allowed. */
void ra_arena_free(struct ra_arena *a);
void *ra_arena_alloc(struct ra_arena *a, size_t size);
char *ra_arena_strdup(struct ra_arena *a, const char *text);
char *ra_arena_strndup(struct ra_arena *a, const char *text, size_t len);
void *ra_arena_memdup(struct ra_arena *a, const void *data, size_t len);
/* fn(arg) is called when the arena is freed. 0 or -ENOMEM (then fn was called at once). */
int ra_arena_defer(struct ra_arena *a, void (*fn)(void *arg), void *arg);
/* Bytes taken from the system. */
size_t ra_arena_size(const struct ra_arena *a);

#endif
