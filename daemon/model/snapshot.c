/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/snapshot.h"

#include <string.h>

#include "snapshot_private.h"

struct ra_snapshot *
ra_snapshot_ref(struct ra_snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
ra_snapshot_unref(struct ra_snapshot *s)
{
	if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		free(s);
}

void
ra_snapshot_unrefp(struct ra_snapshot **s)
{
	ra_snapshot_unref(*s);
}

size_t
ra_snapshot_count(const struct ra_snapshot *s)
{
	return s->count;
}

size_t
ra_snapshot_repeated(const struct ra_snapshot *s, uint32_t *ret_line)
{
	*ret_line = s->repeated_line;
	return s->repeated;
}

size_t
ra_snapshot_skipped(const struct ra_snapshot *s, uint32_t *ret_line)
{
	*ret_line = s->skipped_line;
	return s->skipped;
}

bool
ra_snapshot_marked(const struct ra_snapshot *s)
{
	return s->marked;
}

const char *
ra_snapshot_unread(const struct ra_snapshot *s, const char *last, uint32_t *ret_line)
{
	const char *at = last != NULL ? last + strlen(last) + 1 : s->texts + s->unread;
	char *name;

	if (at >= s->texts + s->unread + s->unread_len)
		return NULL;
	*ret_line = (uint32_t)strtoul(at, &name, 10);
	return name + 1;
}

bool
ra_snapshot_pointers(const struct ra_snapshot *s)
{
	return s->pointers;
}

const uint8_t *
ra_snapshot_digest(const struct ra_snapshot *s)
{
	return s->digest;
}

size_t
ra_snapshot_size(const struct ra_snapshot *s)
{
	return s->size;
}

struct ra_entry
ra_snapshot_at(const struct ra_snapshot *s, size_t i)
{
	const struct ra_slot *slot = &s->slots[i];

	return (struct ra_entry){ .key = s->texts + slot->key,
		.key_len = slot->key_len,
		.value = s->texts + slot->value,
		.value_len = slot->value_len,
		.compared = s->texts + slot->compared,
		.compared_len = slot->compared_len,
		.origin = s->texts + s->origins[slot->origin],
		.line = slot->line,
		.flags = slot->flags & RA_SLOT_TYPES,
		.secret = (slot->flags & RA_SLOT_SECRET) != 0,
		.opaque = (slot->flags & RA_SLOT_ENCRYPTED) != 0  ? RA_OPAQUE_ENCRYPTED
			  : (slot->flags & RA_SLOT_TEMPLATE) != 0 ? RA_OPAQUE_TEMPLATE
								  : RA_OPAQUE_NOT };
}

bool
ra_snapshot_find(const struct ra_snapshot *s, const char *key, struct ra_entry *ret)
{
	size_t low = 0, high = s->count, len = strlen(key);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct ra_slot *slot = &s->slots[middle];
		int r = ra_text_compare(key, len, s->texts + slot->key, slot->key_len);

		if (r == 0) {
			*ret = ra_snapshot_at(s, middle);
			return true;
		}
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

int
ra_secret_digest(struct ra_mac *mac, const char *value, size_t len, char out[RA_SECRET_TEXT])
{
	uint8_t digest[RA_DIGEST_SIZE];
	char hex[RA_DIGEST_HEX];

	if (ra_mac_of(mac, value, len, digest) < 0)
		return -EIO;
	ra_digest_hex(digest, hex);
	memcpy(out, "k1:", 3);
	memcpy(out + 3, hex, RA_SECRET_TEXT - 4);
	out[RA_SECRET_TEXT - 1] = '\0';
	return 0;
}
