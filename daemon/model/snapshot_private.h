/* SPDX-License-Identifier: Apache-2.0 */
/* How a snapshot lies in memory, for what builds and compares them. */
#ifndef RA_MODEL_SNAPSHOT_PRIVATE_H
#define RA_MODEL_SNAPSHOT_PRIVATE_H

#include <stdatomic.h>

#include "relaudit/model/snapshot.h"

#define RA_SLOT_TYPES	  (RA_KEY_NULL | RA_KEY_MAP | RA_KEY_LIST) /* what is no text */
#define RA_SLOT_SECRET	  0x10 /* above enum ra_key_flag */
#define RA_SLOT_ENCRYPTED 0x20
#define RA_SLOT_TEMPLATE  0x40
#define RA_SLOT_VEILED	  0x80 /* secret because it was encrypted in version control */
#define RA_SLOT_DOUBT	  0x100 /* or may be */
#define RA_SLOT_OPAQUE	  (RA_SLOT_ENCRYPTED | RA_SLOT_TEMPLATE)
#define RA_SLOT_SHOWN	  0x1f /* what the digest covers */

/* Texts are offsets; compared is value where no placeholder got in. */
struct ra_slot {
	uint32_t key, value, compared;
	uint32_t key_len, value_len, compared_len;
	uint32_t line;
	uint16_t origin;
	uint16_t flags;
};

/* One block: this, the slots, the texts. */
struct ra_snapshot {
	atomic_uint refs;
	uint32_t count;
	uint32_t repeated;
	uint32_t repeated_line;
	uint32_t skipped;
	uint32_t skipped_line;
	uint32_t origin_count;
	bool pointers;
	bool marked;
	uint32_t unread, unread_len; /* texts that are not written */
	uint8_t digest[RA_DIGEST_SIZE];
	size_t size;
	const uint32_t *origins; /* offsets */
	const char *texts;
	struct ra_slot slots[];
};

/* A key of one that is being built. Texts end with a NUL. */
struct ra_pending {
	const char *key, *value, *compared;
	uint32_t key_len, value_len, compared_len;
	uint32_t line;
	uint16_t origin;
	uint16_t flags;
};

/* Sets order[] to the order of their keys, equal ones as they are. 0 or -ENOMEM. */
int ra_pending_sort(const struct ra_pending *list, uint32_t *order, size_t count);
/* Order of two texts' bytes. */
int ra_text_compare(const char *a, size_t a_len, const char *b, size_t b_len);

/*
 * Which values are secret by what stands beside them, one for each key; NULL: none. The caller
 * frees it. 0 or -ENOMEM.
 */
int ra_snapshot_named(const struct ra_data *data, bool **ret);

#endif
