/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are refused, one after the other. The linker hands the library's requests over
 * (unit_wraps in tests/unit/meson.build); REFUSE() answers each as it was told.
 */
#ifndef RELAUDIT_TESTS_REFUSE_H
#define RELAUDIT_TESTS_REFUSE_H

#include <stdbool.h>

static int fail_at; /* 0: none */
static bool fail_on; /* and all after it */
static int requests;
static bool armed;

static bool
refused(void)
{
	if (!armed)
		return false;
	requests++;
	return fail_at > 0 && (fail_on ? requests >= fail_at : requests == fail_at);
}

#define REFUSE(type, name, params, args, refusal) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return refused() ? refusal : __real_##name args; \
	}

#define REFUSE_MEMORY \
	REFUSE(void *, malloc, (size_t size), (size), NULL) \
	REFUSE(void *, calloc, (size_t n, size_t size), (n, size), NULL) \
	REFUSE(void *, realloc, (void *p, size_t size), (p, size), NULL) \
	REFUSE(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL) \
	REFUSE(char *, strdup, (const char *s), (s), NULL) \
	REFUSE(char *, strndup, (const char *s, size_t n), (s, n), NULL)

static inline void
arm(void)
{
	requests = 0;
	armed = true;
}

static inline void
disarm(void)
{
	armed = false;
}

#endif
