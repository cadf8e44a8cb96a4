/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot as bytes: a head, the lengths of each key's texts, those of the origins, the texts as
 * they lie in memory, and a checksum. Numbers are little-endian. Offsets are not written: they
 * follow from the lengths, so that none can point elsewhere.
 */
#include <endian.h>
#include <string.h>

#include "relaudit/base/block.h"

#include "snapshot_private.h"

#define MAGIC	 UINT32_C(0x6e736172) /* "rasn" */
#define VERSION	 UINT32_C(1)
#define CHECKSUM 16
#define SAME	 UINT32_MAX /* instead of a length: what is compared is the value */

#define SLOT_FLAGS \
	(RA_SLOT_TYPES | RA_SLOT_SECRET | RA_SLOT_OPAQUE | RA_SLOT_VEILED | RA_SLOT_DOUBT)

enum head {
	HEAD_MAGIC,
	HEAD_VERSION,
	HEAD_COUNT,
	HEAD_REPEATED,
	HEAD_REPEATED_LINE,
	HEAD_SKIPPED,
	HEAD_SKIPPED_LINE,
	HEAD_ORIGINS,
	HEAD_WORDS
};

enum slot {
	SLOT_KEY,
	SLOT_VALUE,
	SLOT_COMPARED,
	SLOT_LINE,
	SLOT_REST, /* origin and flags */
	SLOT_WORDS
};

/* --- writing --- */

static int
put_words(struct ra_buf *out, uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		words[i] = htole32(words[i]);
	return ra_buf_add(out, words, count * sizeof(*words));
}

static int
put_slot(struct ra_buf *out, const struct ra_slot *slot)
{
	uint32_t words[SLOT_WORDS] = { [SLOT_KEY] = slot->key_len,
		[SLOT_VALUE] = slot->value_len,
		[SLOT_COMPARED] = slot->compared != slot->value ? slot->compared_len : SAME,
		[SLOT_LINE] = slot->line,
		[SLOT_REST] = (uint32_t)slot->origin << 16 | slot->flags };

	return put_words(out, words, SLOT_WORDS);
}

static int
put_checksum(struct ra_buf *out, size_t begin)
{
	uint8_t digest[RA_DIGEST_SIZE];

	if (out->error < 0)
		return out->error;
	if (ra_digest_of(out->data + begin, out->len - begin, digest) < 0)
		return -ENOMEM;
	return ra_buf_add(out, digest, CHECKSUM);
}

int
ra_snapshot_write(const struct ra_snapshot *s, struct ra_buf *out)
{
	uint32_t head[HEAD_WORDS] = { [HEAD_MAGIC] = MAGIC,
		[HEAD_VERSION] = VERSION,
		[HEAD_COUNT] = s->count,
		[HEAD_REPEATED] = s->repeated,
		[HEAD_REPEATED_LINE] = s->repeated_line,
		[HEAD_SKIPPED] = s->skipped,
		[HEAD_SKIPPED_LINE] = s->skipped_line,
		[HEAD_ORIGINS] = s->origin_count };
	size_t begin = out->len, end = 0;

	(void)put_words(out, head, HEAD_WORDS);
	for (size_t i = 0; i < s->count; i++)
		(void)put_slot(out, &s->slots[i]);
	/* The origins come last in the texts, and there always is one. */
	for (size_t i = 0; i < s->origin_count; i++) {
		uint32_t len = (uint32_t)strlen(s->texts + s->origins[i]);

		end = s->origins[i] + len + 1;
		(void)put_words(out, &len, 1);
	}
	(void)ra_buf_add(out, s->texts, end);
	return put_checksum(out, begin);
}

/* --- reading --- */

struct reader {
	const uint8_t *at;
	size_t left;
};

/* There are so many: their number was held against what is left. */
static void
get_words(struct reader *r, uint32_t *words, size_t count)
{
	memcpy(words, r->at, count * sizeof(*words));
	for (size_t i = 0; i < count; i++)
		words[i] = le32toh(words[i]);
	r->at += count * sizeof(*words);
	r->left -= count * sizeof(*words);
}

/* One text with its NUL; *at moves behind it. */
static bool
take_text(const char *texts, size_t len, size_t *at, uint32_t text_len, uint32_t *ret)
{
	if (len - *at <= text_len || texts[*at + text_len] != '\0')
		return false;
	*ret = (uint32_t)*at;
	*at += (size_t)text_len + 1;
	return true;
}

static bool
is_digest(const char *text, uint32_t len)
{
	return len == RA_SECRET_TEXT - 1 && memcmp(text, "k1:", 3) == 0 &&
	       strspn(text + 3, "0123456789abcdef") == RA_SECRET_TEXT - 4;
}

/* A key with its value, which must come after the one before. */
static bool
take_slot(struct reader *r, struct ra_snapshot *s, size_t i, size_t len, size_t *at)
{
	struct ra_slot *slot = &s->slots[i], *last = i > 0 ? slot - 1 : NULL;
	uint32_t words[SLOT_WORDS];

	get_words(r, words, SLOT_WORDS);
	*slot = (struct ra_slot){ .key_len = words[SLOT_KEY],
		.value_len = words[SLOT_VALUE],
		.compared_len = words[SLOT_COMPARED],
		.line = words[SLOT_LINE],
		.origin = (uint16_t)(words[SLOT_REST] >> 16),
		.flags = (uint16_t)words[SLOT_REST] };
	if (slot->origin >= s->origin_count || (slot->flags & ~SLOT_FLAGS) != 0 ||
	    slot->key_len > RA_KEY_NAME_MAX || *at >= len ||
	    s->texts[*at] != (char)(slot->flags & RA_SLOT_SHOWN))
		return false;
	++*at;
	if (!take_text(s->texts, len, at, slot->key_len, &slot->key) ||
	    strlen(s->texts + slot->key) != slot->key_len ||
	    !take_text(s->texts, len, at, slot->value_len, &slot->value))
		return false;
	if ((slot->flags & (RA_SLOT_VEILED | RA_SLOT_DOUBT)) && !(slot->flags & RA_SLOT_SECRET))
		return false;
	s->pointers = s->pointers && s->texts[slot->key] == '/';
	if ((slot->flags & RA_SLOT_SECRET) && !is_digest(s->texts + slot->value, slot->value_len))
		return false;
	return last == NULL || ra_text_compare(s->texts + last->key, last->key_len,
				   s->texts + slot->key, slot->key_len) < 0;
}

/* What has placeholders stands behind all keys. */
static bool
take_compared(struct ra_snapshot *s, size_t len, size_t *at)
{
	for (size_t i = 0; i < s->count; i++) {
		struct ra_slot *slot = &s->slots[i];

		if (slot->compared_len == SAME) {
			slot->compared = slot->value;
			slot->compared_len = slot->value_len;
			continue;
		}
		if (!take_text(s->texts, len, at, slot->compared_len, &slot->compared) ||
		    ((slot->flags & RA_SLOT_SECRET) &&
			!is_digest(s->texts + slot->compared, slot->compared_len)))
			return false;
	}
	return true;
}

static bool
take_origins(struct reader *r, uint32_t *origins, struct ra_snapshot *s, size_t len, size_t *at)
{
	for (size_t i = 0; i < s->origin_count; i++) {
		uint32_t text_len;

		get_words(r, &text_len, 1);
		if (!take_text(s->texts, len, at, text_len, &origins[i]) ||
		    strlen(s->texts + origins[i]) != text_len)
			return false;
	}
	return *at == len;
}

/* head is believed as far as memory goes; r is at the lengths, with all of the texts behind. */
static int
take_rest(struct reader *r, const uint32_t head[HEAD_WORDS], struct ra_snapshot **ret)
{
	size_t lengths = head[HEAD_COUNT] * sizeof(uint32_t) * SLOT_WORDS +
			 head[HEAD_ORIGINS] * sizeof(uint32_t);
	size_t slots = sizeof(struct ra_snapshot) + head[HEAD_COUNT] * sizeof(struct ra_slot);
	size_t origins = head[HEAD_ORIGINS] * sizeof(uint32_t), at = 0, len, covered;
	RA_FREE struct ra_snapshot *s = NULL;
	uint32_t *places;

	if (r->left < lengths)
		return -EBADMSG;
	len = r->left - lengths;
	s = ra_block_new(slots + origins + len);
	if (s == NULL)
		return -ENOMEM;
	places = (uint32_t *)(void *)((char *)s + slots);
	memcpy((char *)s + slots + origins, r->at + lengths, len);
	*s = (struct ra_snapshot){ .refs = 1,
		.count = head[HEAD_COUNT],
		.repeated = head[HEAD_REPEATED],
		.repeated_line = head[HEAD_REPEATED_LINE],
		.skipped = head[HEAD_SKIPPED],
		.skipped_line = head[HEAD_SKIPPED_LINE],
		.origin_count = head[HEAD_ORIGINS],
		.pointers = head[HEAD_COUNT] > 0,
		.size = slots + origins + len,
		.origins = places,
		.texts = (char *)s + slots + origins };
	r->left = lengths;
	for (size_t i = 0; i < s->count; i++) {
		if (!take_slot(r, s, i, len, &at))
			return -EBADMSG;
	}
	covered = at;
	if (!take_compared(s, len, &at) || !take_origins(r, places, s, len, &at))
		return -EBADMSG;
	if (ra_digest_of(s->texts, covered, s->digest) < 0)
		return -ENOMEM;
	*ret = RA_TAKE(s);
	return 0;
}

int
ra_snapshot_read(const void *bytes, size_t len, struct ra_snapshot **ret)
{
	struct reader r = { .at = bytes, .left = len };
	uint32_t head[HEAD_WORDS];
	uint8_t digest[RA_DIGEST_SIZE];

	if (len < sizeof(head) + CHECKSUM || len > UINT32_MAX)
		return -EBADMSG;
	r.left -= CHECKSUM;
	if (ra_digest_of(bytes, r.left, digest) < 0)
		return -ENOMEM;
	if (memcmp(digest, (const uint8_t *)bytes + r.left, CHECKSUM) != 0)
		return -EBADMSG;
	get_words(&r, head, HEAD_WORDS);
	if (head[HEAD_MAGIC] != MAGIC)
		return -EBADMSG;
	if (head[HEAD_VERSION] != VERSION)
		return -EPROTONOSUPPORT;
	if (head[HEAD_COUNT] > RA_KEYS_MAX || head[HEAD_ORIGINS] == 0 ||
	    head[HEAD_ORIGINS] > (uint32_t)UINT16_MAX + 1)
		return -EBADMSG;
	return take_rest(&r, head, ret);
}
