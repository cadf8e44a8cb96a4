/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/arena.h"

#include <string.h>

#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)256 * 1024)
#define ALIGN	  _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t size;
	size_t used;
	max_align_t data[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *arg);
	void *arg;
};

struct ra_arena {
	struct block *blocks; /* the first is the one being filled */
	struct deferred *deferred;
	size_t next_size;
	size_t size;
};

struct ra_arena *
ra_arena_new(void)
{
	struct ra_arena *a = calloc(1, sizeof(*a));

	if (a != NULL) {
		a->next_size = BLOCK_MIN;
		a->size = sizeof(*a);
	}
	return a;
}

void
ra_arena_free(struct ra_arena *a)
{
	if (a == NULL)
		return;
	/* A deferred function may still allocate and defer. */
	while (a->deferred != NULL) {
		struct deferred *d = a->deferred;

		a->deferred = d->next;
		d->fn(d->arg);
	}
	while (a->blocks != NULL) {
		struct block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	free(a);
}

static struct block *
block_new(struct ra_arena *a, size_t total)
{
	/* calloc: fresh pages are zero already, nothing is cleared twice. */
	struct block *b = calloc(1, total);

	if (b == NULL)
		return NULL;
	b->size = total - sizeof(*b);
	a->size += total;
	return b;
}

static void *
alloc_slow(struct ra_arena *a, size_t size)
{
	bool big = size > (a->next_size - sizeof(struct block)) / 4;
	struct block *b = block_new(a, big ? size + sizeof(*b) : a->next_size);

	if (b == NULL)
		return NULL;
	b->used = size;
	if (big && a->blocks != NULL) {
		/* A block of its own, so that the rest of the current one is not lost. */
		b->next = a->blocks->next;
		a->blocks->next = b;
		return b->data;
	}
	b->next = a->blocks;
	a->blocks = b;
	if (!big && a->next_size < BLOCK_MAX)
		a->next_size *= 2;
	return b->data;
}

void *
ra_arena_alloc(struct ra_arena *a, size_t size)
{
	struct block *b = a->blocks;
	void *p;

	if (size > PTRDIFF_MAX / 2)
		return NULL;
	/* Never of length 0, so that two allocations are never at one address. */
	size = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(ALIGN - 1);
	if (b == NULL || b->size - b->used < size)
		return alloc_slow(a, size);
	p = (char *)b->data + b->used;
	b->used += size;
	return p;
}

void *
ra_arena_memdup(struct ra_arena *a, const void *data, size_t len)
{
	void *p = ra_arena_alloc(a, len);

	if (p != NULL && len > 0)
		memcpy(p, data, len);
	return p;
}

char *
ra_arena_strndup(struct ra_arena *a, const char *text, size_t len)
{
	size_t n = strnlen(text, len);
	char *p = ra_arena_alloc(a, n + 1);

	if (p != NULL)
		memcpy(p, text, n);
	return p;
}

char *
ra_arena_strdup(struct ra_arena *a, const char *text)
{
	return ra_arena_memdup(a, text, strlen(text) + 1);
}

int
ra_arena_defer(struct ra_arena *a, void (*fn)(void *arg), void *arg)
{
	struct deferred *d = ra_arena_alloc(a, sizeof(*d));

	if (d == NULL) {
		fn(arg);
		return -ENOMEM;
	}
	*d = (struct deferred){ .next = a->deferred, .fn = fn, .arg = arg };
	a->deferred = d;
	return 0;
}

size_t
ra_arena_size(const struct ra_arena *a)
{
	return a->size;
}
