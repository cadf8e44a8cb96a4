/* SPDX-License-Identifier: Apache-2.0 */
/* What is a secret because somebody encrypted it: a copy of a snapshot without those values. */
#include <string.h>

#include "relaudit/base/block.h"

#include "snapshot_private.h"

#define TYPES (RA_KEY_NULL | RA_KEY_MAP | RA_KEY_LIST)

/* Keys that have a flag elsewhere; gone through beside those of the snapshot. */
struct marks {
	const struct ra_snapshot *s;
	size_t at, skip, other_skip;
	unsigned flag;
};

/* --- which --- */

static bool
has_flag(const struct ra_snapshot *s, unsigned flag)
{
	for (size_t i = 0; i < s->count; i++) {
		if ((s->slots[i].flags & flag) != 0)
			return true;
	}
	return false;
}

/* Of names beside pointers the pointers' first slash goes, as in a comparison. */
static size_t
open_marks(const struct ra_snapshot *s, const struct ra_veil *by, struct marks out[3])
{
	const struct ra_snapshot *const all[] = { by->committed[0], by->committed[1], by->before };
	size_t n = 0;

	for (size_t i = 0; i < RA_ARRAY_SIZE(all); i++) {
		unsigned flag = i < 2 ? RA_SLOT_ENCRYPTED : RA_SLOT_VEILED;

		if (all[i] != NULL && has_flag(all[i], flag))
			out[n++] = (struct marks){ .s = all[i],
				.skip = all[i]->pointers && !s->pointers,
				.other_skip = s->pointers && !all[i]->pointers,
				.flag = flag };
	}
	return n;
}

static bool
is_marked(struct marks *m, const char *key, size_t len)
{
	for (; m->at < m->s->count; m->at++) {
		const struct ra_slot *slot = &m->s->slots[m->at];
		int r = ra_text_compare(m->s->texts + slot->key + m->skip, slot->key_len - m->skip,
		    key + m->other_skip, len - m->other_skip);

		if (r >= 0)
			return r == 0 && (slot->flags & m->flag) != 0;
	}
	return false;
}

/* How many. What is a secret already, and null or an empty list, stay as they are. */
static size_t
mark(const struct ra_snapshot *s, struct marks *marks, size_t count, bool *hidden)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct ra_slot *slot = &s->slots[i];

		for (size_t k = 0; k < count; k++)
			hidden[i] |= is_marked(&marks[k], s->texts + slot->key, slot->key_len);
		hidden[i] &= (slot->flags & (RA_SLOT_SECRET | TYPES)) == 0;
		n += hidden[i];
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
copy_texts(struct copy *c, const bool *hidden, uint32_t *origins)
{
	const struct ra_snapshot *from = c->from;
	struct ra_snapshot *to = c->to;
	size_t covered;

	for (size_t i = 0; i < from->count; i++) {
		const struct ra_slot *was = &from->slots[i];
		struct ra_slot *slot = &to->slots[i];

		*slot = *was;
		if (hidden[i])
			slot->flags |= RA_SLOT_SECRET | RA_SLOT_VEILED;
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
texts_size(const struct ra_snapshot *s, const bool *hidden)
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
copy_without(const struct ra_snapshot *s, const struct ra_veil *by, const bool *hidden,
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
	struct marks marks[3];
	size_t count = open_marks(s, by, marks), n = 0;
	RA_FREE bool *hidden = NULL;

	if (count > 0) {
		hidden = calloc(s->count + 1, sizeof(*hidden));
		if (hidden == NULL)
			return -ENOMEM;
		n = mark(s, marks, count, hidden);
	}
	if (n > 0)
		return copy_without(s, by, hidden, ret);
	*ret = ra_snapshot_ref(s);
	return 0;
}
