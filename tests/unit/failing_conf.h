/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for memory that are refused: the k-th, or all from the k-th on. The linker hands the
 * library's requests over (unit_wraps in tests/unit/meson.build).
 */
#ifndef RA_TESTS_FAILING_CONF_H
#define RA_TESTS_FAILING_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/digest.h"
#include "relaudit/base/map.h"

static atomic_int failing_at; /* 0: none is refused */
static atomic_int failing_count;
static atomic_bool failing_onward, failing_armed;
static bool failing_own; /* only what the test itself hands in counts */

static bool
failing_refused(void)
{
	int n;

	if (!failing_armed)
		return false;
	n = ++failing_count;
	return n == failing_at || (failing_onward && failing_at > 0 && n > failing_at);
}

#define FAILING(type, name, params, args, refusal) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return !failing_own && failing_refused() ? refusal : __real_##name args; \
	}

FAILING(void *, malloc, (size_t size), (size), NULL)
FAILING(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAILING(void *, realloc, (void *p, size_t size), (p, size), NULL)
FAILING(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL)
FAILING(char *, strdup, (const char *s), (s), NULL)
FAILING(char *, strndup, (const char *s, size_t n), (s, n), NULL)

/* A piece of an arena is seldom a request of its own: each of them is refused too. */
FAILING(void *, ra_arena_alloc, (struct ra_arena * a, size_t size), (a, size), NULL)
FAILING(char *, ra_arena_strdup, (struct ra_arena * a, const char *s), (a, s), NULL)
FAILING(char *, ra_arena_strndup, (struct ra_arena * a, const char *s, size_t n), (a, s, n), NULL)
FAILING(void *, ra_arena_memdup, (struct ra_arena * a, const void *p, size_t n), (a, p, n), NULL)
FAILING(int, ra_map_put, (struct ra_map * m, const char *key, void *value, void **old),
    (m, key, value, old), -ENOMEM)
FAILING(int, ra_digest_of, (const void *data, size_t len, uint8_t out[RA_DIGEST_SIZE]),
    (data, len, out), -ENOMEM)

int __real_ra_arena_defer(struct ra_arena *a, void (*fn)(void *), void *arg);
int __wrap_ra_arena_defer(struct ra_arena *a, void (*fn)(void *), void *arg);

int
__wrap_ra_arena_defer(struct ra_arena *a, void (*fn)(void *), void *arg)
{
	if (failing_own || !failing_refused())
		return __real_ra_arena_defer(a, fn, arg);
	fn(arg);
	return -ENOMEM;
}

static void
failing_arm(int at, bool onward)
{
	failing_at = at;
	failing_onward = onward;
	failing_count = 0;
	failing_armed = true;
}

/* True if a request was refused. */
static bool
failing_disarm(void)
{
	failing_armed = false;
	return failing_at > 0 && failing_count >= failing_at;
}

/*
 * Runs it with no request refused, then with each, or one of so many: `run` arms with what it is
 * given, disarms, looks at what came of it, and returns what failing_disarm() did.
 */
typedef bool failing_run(void *arg, int at, bool onward);

static void
failing_sweep(failing_run *run, void *arg, int step, bool onward)
{
	int at = 1;

	(void)run(arg, 0, false);
	while (run(arg, at, onward))
		at += step;
	assert_true(at > 1);
}

static RA_UNUSED void
failing_each(failing_run *run, void *arg, int step)
{
	failing_sweep(run, arg, step, false);
	failing_sweep(run, arg, step, true);
	(void)run(arg, 0, false);
}

#endif
