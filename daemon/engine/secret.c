/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of the digests that stand for secrets. It is made once and stays in the records: without
 * it a digest tells nothing about a secret, not even to who guesses one.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define NAME "secret-key"

static int
unhex(const char *text, uint8_t out[RA_DIGEST_SIZE])
{
	if (strlen(text) != 2 * RA_DIGEST_SIZE ||
	    strspn(text, "0123456789abcdef") != 2 * RA_DIGEST_SIZE)
		return -EINVAL;
	for (size_t i = 0; i < RA_DIGEST_SIZE; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return 0;
}

int
ra_secret_key_load(struct ra_engine *e, struct ra_error *err)
{
	const char *kept = e->store != NULL ? ra_store_get(e->store, RA_RECORD_META, NAME) : NULL;
	char hex[RA_DIGEST_HEX];
	int r;

	if (kept != NULL && unhex(kept, e->secret_key) == 0)
		return 0;
	if (ra_random(e->secret_key, sizeof(e->secret_key)) < 0)
		return ra_error_set(err, -EIO, "no random bytes for the key of secrets' digests");
	if (e->store == NULL)
		return 0;
	ra_digest_hex(e->secret_key, hex);
	r = ra_store_put(e->store, RA_RECORD_META, NAME, hex, strlen(hex), NULL, NULL);
	explicit_bzero(hex, sizeof(hex));
	return r < 0 ? ra_error_set(
			   err, r, "cannot keep the key of secrets' digests: %s", strerror(-r))
		     : 0;
}
