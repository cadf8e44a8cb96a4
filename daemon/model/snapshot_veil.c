/* SPDX-License-Identifier: Apache-2.0 */
/* What is a secret because somebody encrypted it: a copy of a snapshot without those values. */
#include <string.h>

#include "relaudit/base/block.h"

#include "snapshot_private.h"

/* Another snapshot, gone through beside the one that is to be veiled. */
struct beside {
	const struct ra_snapshot *s; /* NULL: there is none */
	size_t at, skip, own_skip;
};

/* --- which --- */

/* Of names beside pointers the pointers' first slash goes, as in a comparison. */
static struct beside
open_beside(const struct ra_snapshot *s, const struct ra_snapshot *other)
{
	if (other == NULL)
		return (struct beside){ 0 };
	return (struct beside){ .s = other,
		.skip = other->pointers && !s->pointers,
		.own_skip = s->pointers && !other->pointers };
}

/* The flags it has there; negative: it has no such key. */
static int
flags_there(struct beside *b, const char *key, size_t len)
{
	for (; b->s != NULL && b->at < b->s->count; b->at++) {
		const struct ra_slot *slot = &b->s->slots[b->at];
		int r = ra_text_compare(b->s->texts + slot->key + b->skip, slot->key_len - b->skip,
		    key + b->own_skip, len - b->own_skip);

		if (r >= 0)
			return r == 0 ? slot->flags : -1;
	}
	return -1;
}

static bool
has_flag(const struct ra_snapshot *s, unsigned flag)
{
	for (size_t i = 0; s != NULL && i < s->count; i++) {
		if ((s->slots[i].flags & flag) != 0)
			return true;
	}
	return false;
}

/* Somebody encrypts what is committed. */
static bool
encrypts(const struct ra_veil *by)
{
	return has_flag(by->committed[0], RA_SLOT_ENCRYPTED) ||
	       has_flag(by->committed[1], RA_SLOT_ENCRYPTED);
}

/* RA_SLOT_VEILED, RA_SLOT_DOUBT, 0: shown. */
static uint16_t
judge(const struct ra_veil *by, bool encrypted, struct beside committed[2], struct beside *before,
    const char *key, size_t len)
{
	int a = flags_there(&committed[0], key, len), b = flags_there(&committed[1], key, len);
	int last = flags_there(before, key, len);

	if ((a >= 0 && (a & RA_SLOT_ENCRYPTED)) || (b >= 0 && (b & RA_SLOT_ENCRYPTED)))
		return RA_SLOT_VEILED;
	if (a >= 0 || b >= 0)
		return 0;
	if (last >= 0 && (last & RA_SLOT_VEILED))
		return RA_SLOT_VEILED;
	if (by->unread && last >= 0)
		return last & RA_SLOT_SECRET ? RA_SLOT_DOUBT : 0;
	return by->unread || encrypted ? RA_SLOT_DOUBT : 0;
}

/* How many. What is a secret already, and null or an empty list, stay as they are. */
static size_t
mark(const struct ra_snapshot *s, const struct ra_veil *by, uint16_t *hidden)
{
	struct beside committed[2] = { open_beside(s, by->committed[0]),
		open_beside(s, by->committed[1]) };
	struct beside before = open_beside(s, by->before);
	bool encrypted = encrypts(by);
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct ra_slot *slot = &s->slots[i];

		hidden[i] =
		    judge(by, encrypted, committed, &before, s->texts + slot->key, slot->key_len);
		if ((slot->flags & (RA_SLOT_SECRET | RA_SLOT_TYPES)) != 0)
			hidden[i] = 0;
		n += hidden[i] != 0;
	}
	return n;
}

/* --- the copy --- */

struct copy {
	const struct ra_snapshot *from;
	struct ra_snapshot *to;
	struct ra_mac *mac;
	char *texts;
	size_t at;
	int error;
};

static uint32_t
put(struct copy *c, const char *text, size_t len)
{
	uint32_t offset = (uint32_t)c->at;

	memcpy(c->texts + offset, text, len);
	c->at += len;
	return offset;
}

/* The text, or its digest. */
static uint32_t
put_value(struct copy *c, uint32_t offset, bool hide, uint32_t *len)
{
	const char *text = c->from->texts + offset;
	char digest[RA_SECRET_TEXT] = "";

	if (!hide)
		return put(c, text, (size_t)*len + 1);
	if (ra_secret_digest(c->mac, text, *len, digest) < 0)
		c->error = -EIO;
	*len = RA_SECRET_TEXT - 1;
	return put(c, digest, sizeof(digest));
}

/* As a builder lays it out: keys with their values, values with placeholders, the rest. */
static int
copy_texts(struct copy *c, const uint16_t *hidden, uint32_t *origins)
{
	const struct ra_snapshot *from = c->from;
	struct ra_snapshot *to = c->to;
	size_t covered;

	for (size_t i = 0; i < from->count; i++) {
		const struct ra_slot *was = &from->slots[i];
		struct ra_slot *slot = &to->slots[i];

		*slot = *was;
		if (hidden[i] != 0)
			slot->flags |= RA_SLOT_SECRET | hidden[i];
		c->texts[c->at++] = (char)(slot->flags & RA_SLOT_SHOWN);
		slot->key = put(c, from->texts + was->key, (size_t)was->key_len + 1);
		slot->value = put_value(c, was->value, hidden[i], &slot->value_len);
		slot->compared = slot->value;
		if (was->compared == was->value)
			slot->compared_len = slot->value_len;
	}
	covered = c->at;
	for (size_t i = 0; i < from->count; i++) {
		const struct ra_slot *was = &from->slots[i];
		struct ra_slot *slot = &to->slots[i];

		if (was->compared != was->value)
			slot->compared =
			    put_value(c, was->compared, hidden[i], &slot->compared_len);
	}
	for (size_t i = 0; i < from->origin_count; i++) {
		const char *origin = from->texts + from->origins[i];

		origins[i] = put(c, origin, strlen(origin) + 1);
	}
	to->unread = put(c, from->texts + from->unread, from->unread_len);
	if (c->error == 0 && ra_digest_of(c->texts, covered, to->digest) < 0)
		c->error = -ENOMEM;
	return c->error;
}

/* What its texts take then. */
static size_t
texts_size(const struct ra_snapshot *s, const uint16_t *hidden)
{
	size_t size = s->unread_len;

	for (size_t i = 0; i < s->count; i++) {
		const struct ra_slot *slot = &s->slots[i];
		bool same = slot->compared == slot->value;

		size += 1 + (size_t)slot->key_len + 1;
		size += hidden[i] ? RA_SECRET_TEXT : (size_t)slot->value_len + 1;
		if (!same)
			size += hidden[i] ? RA_SECRET_TEXT : (size_t)slot->compared_len + 1;
	}
	for (size_t i = 0; i < s->origin_count; i++)
		size += strlen(s->texts + s->origins[i]) + 1;
	return size;
}

static int
copy_without(const struct ra_snapshot *s, const struct ra_veil *by, const uint16_t *hidden,
    struct ra_snapshot **ret)
{
	size_t size = sizeof(*s) + s->count * sizeof(struct ra_slot) +
		      s->origin_count * sizeof(uint32_t) + texts_size(s, hidden);
	struct copy c = { .from = s, .to = ra_block_new(size) };
	uint32_t *origins;
	int r = -ENOMEM;

	if (c.to == NULL)
		return -ENOMEM;
	origins = (uint32_t *)(void *)&c.to->slots[s->count];
	c.texts = (char *)&origins[s->origin_count];
	*c.to = (struct ra_snapshot){ .refs = 1,
		.count = s->count,
		.repeated = s->repeated,
		.repeated_line = s->repeated_line,
		.skipped = s->skipped,
		.skipped_line = s->skipped_line,
		.origin_count = s->origin_count,
		.pointers = s->pointers,
		.marked = s->marked,
		.unread_len = s->unread_len,
		.size = size,
		.origins = origins,
		.texts = c.texts };
	c.mac = ra_mac_new(by->key, by->key_len);
	if (c.mac != NULL)
		r = copy_texts(&c, hidden, origins);
	ra_mac_free(c.mac);
	if (r < 0)
		free(c.to);
	else
		*ret = c.to;
	return r;
}

int
ra_snapshot_veil(struct ra_snapshot *s, const struct ra_veil *by, struct ra_snapshot **ret)
{
	RA_FREE uint16_t *hidden = NULL;
	size_t n = 0;

	if (by->unread || encrypts(by) || has_flag(by->before, RA_SLOT_VEILED)) {
		hidden = calloc(s->count + 1, sizeof(*hidden));
		if (hidden == NULL)
			return -ENOMEM;
		n = mark(s, by, hidden);
	}
	if (n > 0)
		return copy_without(s, by, hidden, ret);
	*ret = ra_snapshot_ref(s);
	return 0;
}
