/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/digest.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <sys/random.h>

struct ra_digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct ra_digest *
ra_digest_new(void)
{
	struct ra_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx == NULL) {
		free(d);
		return NULL;
	}
	d->failed = EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1;
	return d;
}

void
ra_digest_add(struct ra_digest *d, const void *data, size_t len)
{
	if (d != NULL && len > 0 && !d->failed)
		d->failed = EVP_DigestUpdate(d->ctx, data, len) != 1;
}

int
ra_digest_end(struct ra_digest *d, uint8_t out[RA_DIGEST_SIZE])
{
	int r = 0;

	if (d == NULL)
		return -ENOMEM;
	if (d->failed || EVP_DigestFinal_ex(d->ctx, out, NULL) != 1)
		r = -ENOMEM;
	EVP_MD_CTX_free(d->ctx);
	free(d);
	return r;
}

int
ra_digest_of(const void *data, size_t len, uint8_t out[RA_DIGEST_SIZE])
{
	const void *bytes = len > 0 ? data : "";

	return EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int
ra_digest_keyed(
    const void *key, size_t key_len, const void *data, size_t len, uint8_t out[RA_DIGEST_SIZE])
{
	const void *k = key_len > 0 ? key : "", *bytes = len > 0 ? data : "";

	if (key_len > INT_MAX)
		return -EIO;
	return HMAC(EVP_sha256(), k, (int)key_len, bytes, len, out, NULL) != NULL ? 0 : -ENOMEM;
}

struct ra_mac {
	EVP_MAC_CTX *ctx;
};

struct ra_mac *
ra_mac_new(const void *key, size_t key_len)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end() };
	struct ra_mac *m = calloc(1, sizeof(*m));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (m != NULL && mac != NULL)
		m->ctx = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (m != NULL && m->ctx != NULL &&
	    EVP_MAC_init(m->ctx, key_len > 0 ? key : (const void *)"", key_len, params) == 1)
		return m;
	ra_mac_free(m);
	return NULL;
}

void
ra_mac_free(struct ra_mac *m)
{
	if (m == NULL)
		return;
	EVP_MAC_CTX_free(m->ctx);
	free(m);
}

int
ra_mac_of(struct ra_mac *m, const void *data, size_t len, uint8_t out[RA_DIGEST_SIZE])
{
	size_t got = 0;

	/* Without a key it begins again with the one it has. */
	if (EVP_MAC_init(m->ctx, NULL, 0, NULL) != 1 ||
	    (len > 0 && EVP_MAC_update(m->ctx, data, len) != 1) ||
	    EVP_MAC_final(m->ctx, out, &got, RA_DIGEST_SIZE) != 1)
		return -EIO;
	return 0;
}

const char *
ra_digest_hex(const uint8_t digest[RA_DIGEST_SIZE], char out[RA_DIGEST_HEX])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < RA_DIGEST_SIZE; i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[RA_DIGEST_HEX - 1] = '\0';
	return out;
}

int
ra_random(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}
