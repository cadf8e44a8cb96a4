/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and HMAC-SHA-256 by OpenSSL's libcrypto. */
#ifndef RELAUDIT_BASE_DIGEST_H
#define RELAUDIT_BASE_DIGEST_H

#include "relaudit/base/macro.h"

#define RA_DIGEST_SIZE	32
#define RA_DIGEST_HEX	(2 * RA_DIGEST_SIZE + 1)

struct ra_digest;	/* one being computed */

struct ra_digest *ra_digest_new(void);		/* NULL: no memory */
void ra_digest_add(struct ra_digest *d, const void *data, size_t len);
/* Ends and frees it. 0 or -ENOMEM: nothing else fails it. */
int ra_digest_end(struct ra_digest *d, uint8_t out[RA_DIGEST_SIZE]);

int ra_digest_of(const void *data, size_t len, uint8_t out[RA_DIGEST_SIZE]);
int ra_digest_keyed(const void *key, size_t key_len, const void *data, size_t len,
    uint8_t out[RA_DIGEST_SIZE]);

struct ra_mac;	/* HMAC-SHA-256 under one key, for many texts; its copy of the key is wiped */

struct ra_mac *ra_mac_new(const void *key, size_t key_len);	/* NULL: no memory */
void ra_mac_free(struct ra_mac *m);
int ra_mac_of(struct ra_mac *m, const void *data, size_t len, uint8_t out[RA_DIGEST_SIZE]);

const char *ra_digest_hex(const uint8_t digest[RA_DIGEST_SIZE], char out[RA_DIGEST_HEX]);
/* len random bytes. 0 or -EIO. */
int ra_random(void *out, size_t len);

#endif
