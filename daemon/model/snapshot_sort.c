/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys sorted by merging, eight bytes at a time: what two keys share is looked at once, not in each
 * comparison. Stable, so that of equal keys the last stays the last, and without a bad case that a
 * file could choose.
 */
#include <string.h>

#include "snapshot_private.h"

#define FEW 12 /* inserted one by one */

struct item {
	uint64_t head; /* eight bytes of the key, the first the highest; 0 behind its end */
	uint32_t index;
	uint32_t left; /* bytes of the key from there on */
};

struct sort {
	const struct ra_slot *slots;
	const char *texts;
};

int
ra_text_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int r = len > 0 ? memcmp(a, b, len) : 0;

	return r != 0 ? r : (a_len > b_len) - (a_len < b_len);
}

static bool
before(const struct item *a, const struct item *b)
{
	/* No key holds a NUL, so a head that ends early is the smaller one. */
	return a->head < b->head;
}

static void
load(const struct sort *s, struct item *items, size_t count, size_t depth)
{
	for (size_t i = 0; i < count; i++) {
		const struct ra_slot *slot = &s->slots[items[i].index];
		uint8_t bytes[8] = { 0 };
		uint64_t head = 0;
		size_t left = slot->key_len > depth ? slot->key_len - depth : 0;

		memcpy(bytes, s->texts + slot->key + (left > 0 ? depth : 0), left < 8 ? left : 8);
		for (size_t b = 0; b < 8; b++)
			head = head << 8 | bytes[b];
		items[i].head = head;
		items[i].left = (uint32_t)left;
	}
}

static bool
is_sorted(const struct item *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (before(&items[i], &items[i - 1]))
			return false;
	}
	return true;
}

static void
insert(struct item *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct item item = items[i];
		size_t at = i;

		for (; at > 0 && before(&item, &items[at - 1]); at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
}

static void
merge(struct item *out, const struct item *a, size_t a_count, const struct item *b, size_t b_count)
{
	const struct item *a_end = a + a_count, *b_end = b + b_count;

	while (a < a_end && b < b_end)
		*out++ = before(b, a) ? *b++ : *a++;
	while (a < a_end)
		*out++ = *a++;
	while (b < b_end)
		*out++ = *b++;
}

static void
sort_heads(struct item *items, struct item *spare, size_t count)
{
	size_t half = count / 2;

	if (is_sorted(items, count))
		return;
	if (count <= FEW) {
		insert(items, count);
		return;
	}
	sort_heads(items, spare, half);
	sort_heads(items + half, spare, count - half);
	memcpy(spare, items, half * sizeof(*items));
	merge(items, spare, half, items + half, count - half);
}

/* Bytes from depth on that all of them share, in steps of eight. */
static size_t
shared(const struct sort *s, const struct item *items, size_t count, size_t depth)
{
	const struct ra_slot *first = &s->slots[items[0].index];
	size_t same = first->key_len > depth ? first->key_len - depth : 0;

	for (size_t i = 1; i < count && same >= 8; i++) {
		const struct ra_slot *slot = &s->slots[items[i].index];
		size_t len = slot->key_len > depth ? slot->key_len - depth : 0, n = 0;
		const char *a = s->texts + first->key + depth, *b = s->texts + slot->key + depth;

		while (n < same && n < len && a[n] == b[n])
			n++;
		same = n;
	}
	return same / 8 * 8;
}

static void
sort_from(const struct sort *s, struct item *items, struct item *spare, size_t count, size_t depth)
{
	size_t from = 0;

	depth += shared(s, items, count, depth);
	load(s, items, count, depth);
	sort_heads(items, spare, count);
	/* Those with the same eight bytes are sorted by the next ones; keys that ended are equal. */
	for (size_t i = 1; i <= count; i++) {
		if (i < count && items[i].head == items[from].head)
			continue;
		if (i - from > 1 && items[from].left >= 8)
			sort_from(s, items + from, spare, i - from, depth + 8);
		from = i;
	}
}

int
ra_slots_sort(const struct ra_slot *slots, const char *texts, uint32_t *order, size_t count)
{
	struct sort s = { .slots = slots, .texts = texts };
	RA_FREE struct item *items = calloc(count + count / 2 + 1, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		items[i].index = order[i];
	if (count > 0)
		sort_from(&s, items, items + count, count, 0);
	for (size_t i = 0; i < count; i++)
		order[i] = items[i].index;
	return 0;
}
