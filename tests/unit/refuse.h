/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are refused, one after the other. The linker hands the library's requests over
 * (unit_wraps in tests/unit/meson.build); REFUSE() answers each as it was told.
 */
#ifndef RELAUDIT_TESTS_REFUSE_H
#define RELAUDIT_TESTS_REFUSE_H

#include <errno.h>
#include <stdbool.h>

static int fail_at; /* 0: none */
static bool fail_on; /* and all after it */
static int requests;
static _Thread_local bool armed; /* other threads are not refused anything */

static bool
refused(void)
{
	if (!armed)
		return false;
	requests++;
	if (fail_at == 0 || (fail_on ? requests < fail_at : requests != fail_at))
		return false;
	errno = ENOMEM;
	return true;
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

/* Texts, blocks and libcrypto. With _FORTIFY_SOURCE vsnprintf() has another name. */
#define REFUSE_LIBRARIES \
	REFUSE(int, vsnprintf, (char *out, size_t n, const char *fmt, va_list ap), \
	    (out, n, fmt, ap), (errno = ENOMEM, -1)) \
	REFUSE(int, __vsnprintf_chk, \
	    (char *out, size_t n, int flag, size_t room, const char *fmt, va_list ap), \
	    (out, n, flag, room, fmt, ap), (errno = ENOMEM, -1)) \
	REFUSE(void *, aligned_alloc, (size_t align, size_t size), (align, size), NULL) \
	REFUSE(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL) \
	REFUSE(int, EVP_DigestInit_ex, (EVP_MD_CTX *ctx, const EVP_MD *md, ENGINE *e), \
	    (ctx, md, e), 0) \
	REFUSE(int, EVP_DigestUpdate, (EVP_MD_CTX *ctx, const void *p, size_t n), (ctx, p, n), 0) \
	REFUSE(int, EVP_DigestFinal_ex, (EVP_MD_CTX *ctx, uint8_t *out, unsigned *n), \
	    (ctx, out, n), 0) \
	REFUSE(int, EVP_Digest, \
	    (const void *p, size_t n, uint8_t *out, unsigned *len, const EVP_MD *md, ENGINE *e), \
	    (p, n, out, len, md, e), 0) \
	REFUSE(uint8_t *, HMAC, \
	    (const EVP_MD *md, const void *key, int size, const uint8_t *p, size_t n, \
		uint8_t *out, unsigned *len), \
	    (md, key, size, p, n, out, len), NULL) \
	REFUSE(EVP_MAC *, EVP_MAC_fetch, (OSSL_LIB_CTX *lib, const char *name, const char *how), \
	    (lib, name, how), NULL) \
	REFUSE(EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC *mac), (mac), NULL) \
	REFUSE(int, EVP_MAC_init, \
	    (EVP_MAC_CTX *ctx, const uint8_t *key, size_t n, const OSSL_PARAM params[]), \
	    (ctx, key, n, params), 0) \
	REFUSE(int, EVP_MAC_update, (EVP_MAC_CTX *ctx, const uint8_t *p, size_t n), \
	    (ctx, p, n), 0) \
	REFUSE(int, EVP_MAC_final, (EVP_MAC_CTX *ctx, uint8_t *out, size_t *len, size_t room), \
	    (ctx, out, len, room), 0)

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

/* Asks between arm() and disarm(). What the function said: 0, or a negative errno. */
typedef int asking(void);

struct asked {
	const char *name;
	asking *run;
	bool digests; /* -EIO: libcrypto failed, or there are no random numbers */
};

/* How often it was refused before it was done. */
static inline int
refuse_each(const struct asked *asked, bool all_after)
{
	int at = 0, r;

	fail_on = all_after;
	for (;;) {
		fail_at = ++at;
		r = asked->run();
		if (requests < at)
			break;
		if (r != -ENOMEM && !(asked->digests && r == -EIO))
			fail_msg("%s: request %d refused: %d", asked->name, at, r);
		fail_at = 0;
		assert_int_equal(asked->run(), 0);
	}
	assert_int_equal(r, 0);
	return at - 1;
}

/* Each in turn, and each with all that follow. */
static inline void
refuse_all(const struct asked *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(refuse_each(&list[i], false) > 0);
		assert_true(refuse_each(&list[i], true) > 0);
	}
}

#endif
