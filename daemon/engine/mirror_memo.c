/* SPDX-License-Identifier: Apache-2.0 */
/* What git said, by what it was asked. A key of what changes with the refs has their generation. */
#include <string.h>

#include "mirror_internal.h"

#define MEMO_MAX 33554432 /* bytes, but the newest is always kept */

static size_t
size_of(const struct ra_memo_item *item)
{
	return sizeof(*item) + strlen(item->key) + item->len + 2;
}

static void
unlink_item(struct ra_memo *m, struct ra_memo_item *item)
{
	*(item->newer != NULL ? &item->newer->older : &m->newest) = item->older;
	*(item->older != NULL ? &item->older->newer : &m->oldest) = item->newer;
}

static void
link_item(struct ra_memo *m, struct ra_memo_item *item)
{
	item->newer = NULL;
	item->older = m->newest;
	*(m->newest != NULL ? &m->newest->newer : &m->oldest) = item;
	m->newest = item;
}

static void
drop(struct ra_memo *m, struct ra_memo_item *item)
{
	(void)ra_map_remove(&m->items, item->key);
	unlink_item(m, item);
	m->bytes -= size_of(item);
	free(item->key);
	free(item->output);
	free(item);
}

const struct ra_memo_item *
ra_memo_get(struct ra_memo *m, const char *key)
{
	struct ra_memo_item *item = ra_map_get(&m->items, key);

	if (item == NULL)
		return NULL;
	unlink_item(m, item);
	link_item(m, item);
	return item;
}

int
ra_memo_put(struct ra_memo *m, const char *key, char *output, size_t len, int exit_code)
{
	struct ra_memo_item *item = ra_map_get(&m->items, key);

	if (item != NULL)
		drop(m, item);
	item = calloc(1, sizeof(*item));
	if (item != NULL)
		item->key = strdup(key);
	if (item == NULL || item->key == NULL || ra_map_put(&m->items, item->key, item, NULL) < 0) {
		if (item != NULL)
			free(item->key);
		free(item);
		free(output);
		return -ENOMEM;
	}
	item->output = output;
	item->len = len;
	item->exit_code = exit_code;
	link_item(m, item);
	m->bytes += size_of(item);
	while (m->bytes > MEMO_MAX && m->oldest != item)
		drop(m, m->oldest);
	return 0;
}

void
ra_memo_clear(struct ra_memo *m)
{
	while (m->oldest != NULL)
		drop(m, m->oldest);
	ra_map_free(&m->items);
	*m = (struct ra_memo){ 0 };
}
