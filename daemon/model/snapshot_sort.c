/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys sorted by merging, eight bytes at a time: what two keys share is looked at once, not in each
 * comparison. Stable, so that of equal keys the last stays the last, and without a bad case that a
 * file could choose.
 */
#include <endian.h>
#include <string.h>

#include "relaudit/base/block.h"

#include "snapshot_private.h"

#define FEW   12 /* inserted one by one */
#define AHEAD 8 /* keys lie anywhere in memory: asked for while others are looked at */

struct item {
	uint64_t head; /* eight bytes of the key, the first the highest; 0 behind its end */
	uint32_t index;
	uint32_t left; /* bytes of the key from there on */
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

static uint64_t
head_of(const char *text, size_t left)
{
	uint64_t head = 0;

	if (left >= sizeof(head)) {
		memcpy(&head, text, sizeof(head));
		return be64toh(head);
	}
	for (size_t i = 0; i < left; i++)
		head |= (uint64_t)(uint8_t)text[i] << (56 - 8 * i);
	return head;
}

static void
load(const struct ra_pending *list, struct item *items, size_t count, size_t depth)
{
	for (size_t i = 0; i < count; i++) {
		const struct ra_pending *p = &list[items[i].index];
		size_t left = p->key_len - depth;

		if (i + 2 * AHEAD < count) {
			__builtin_prefetch(&list[items[i + 2 * AHEAD].index]);
			__builtin_prefetch(list[items[i + AHEAD].index].key);
		}
		items[i].head = head_of(p->key + depth, left);
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

/* Bytes from depth on, which all of them have, that all share: in steps of eight. */
static size_t
shared(const struct ra_pending *list, const struct item *items, size_t count, size_t depth)
{
	const struct ra_pending *first = &list[items[0].index];
	size_t same = first->key_len - depth;

	for (size_t i = 1; i < count && same >= 8; i++) {
		const struct ra_pending *p = &list[items[i].index];
		size_t len = p->key_len - depth, n = 0;

		while (n < same && n < len && first->key[depth + n] == p->key[depth + n])
			n++;
		same = n;
	}
	return same / 8 * 8;
}

static void
sort_from(const struct ra_pending *list, struct item *items, struct item *spare, size_t count,
    size_t depth)
{
	size_t from = 0;

	depth += shared(list, items, count, depth);
	load(list, items, count, depth);
	sort_heads(items, spare, count);
	/* Those with the same eight bytes are sorted by the next ones; if they ended, equal. */
	for (size_t i = 1; i <= count; i++) {
		if (i < count && items[i].head == items[from].head)
			continue;
		if (i - from > 1 && items[from].left >= 8)
			sort_from(list, items + from, spare, i - from, depth + 8);
		from = i;
	}
}

int
ra_pending_sort(const struct ra_pending *list, uint32_t *order, size_t count)
{
	RA_FREE struct item *items = ra_block_new((count + count / 2 + 1) * sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		items[i].index = (uint32_t)i;
	if (count > 0)
		sort_from(list, items, items + count, count, 0);
	for (size_t i = 0; i < count; i++)
		order[i] = items[i].index;
	return 0;
}
