/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <string.h>

#include "relaudit/base/arena.h"

#include "loading.h"

/* --- building --- */

void
ra_builder_init(struct ra_builder *b)
{
	b->list = b->few;
	b->count = 0;
	b->cap = RA_BUILDER_FEW;
	b->index = (struct ra_map){ 0 };
}

void
ra_builder_clear(struct ra_builder *b)
{
	if (b->list != b->few)
		free(b->list);
	ra_map_free(&b->index);
	ra_builder_init(b);
}

struct ra_entry *
ra_builder_find(struct ra_builder *b, const char *key)
{
	if (b->count > RA_BUILDER_FEW) {
		size_t position = (size_t)(uintptr_t)ra_map_get(&b->index, key);

		return position > 0 ? &b->list[position - 1] : NULL;
	}
	for (size_t i = 0; i < b->count; i++) {
		if (b->list[i].key != NULL && strcmp(b->list[i].key, key) == 0)
			return &b->list[i];
	}
	return NULL;
}

static int
grow(struct ra_builder *b)
{
	struct ra_entry *list =
	    reallocarray(b->list == b->few ? NULL : b->list, b->cap * 2, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	if (b->list == b->few)
		memcpy(list, b->few, sizeof(b->few));
	b->list = list;
	b->cap *= 2;
	return 0;
}

/* Positions from `from` on into the index. */
static int
index_from(struct ra_builder *b, size_t from)
{
	for (size_t i = from; i < b->count; i++) {
		if (b->list[i].key != NULL &&
		    ra_map_put(&b->index, b->list[i].key, (void *)(uintptr_t)(i + 1), NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

int
ra_builder_add(struct ra_loading *l, struct ra_builder *b, const struct ra_entry *entry)
{
	if (b->count == b->cap && grow(b) < 0) {
		ra_say_no_memory(l);
		return -ENOMEM;
	}
	b->list[b->count++] = *entry;
	if (b->count > RA_BUILDER_FEW &&
	    index_from(b, b->count == RA_BUILDER_FEW + 1 ? 0 : b->count - 1) < 0) {
		ra_say_no_memory(l);
		return -ENOMEM;
	}
	return 0;
}

struct ra_node
ra_builder_view(const struct ra_builder *b, struct ra_mark at)
{
	return (struct ra_node){ .line = at.line,
		.col = at.col,
		.file = at.file,
		.type = RA_NODE_MAP,
		.count = (uint32_t)b->count,
		.entries = b->list };
}

/* --- nodes --- */

struct ra_node *
ra_tree_node(struct ra_loading *l, struct ra_mark at, enum ra_node_type type)
{
	struct ra_node *n;

	if (l->fatal != 0)
		return NULL;
	if (l->nodes_left == 0) {
		ra_say(l, at, "the configuration is too large: more than %zu values", RA_NODES_MAX);
		l->fatal = -E2BIG;
		return NULL;
	}
	l->nodes_left--;
	n = ra_arena_alloc(l->trees, sizeof(*n));
	if (n == NULL)
		return ra_say_no_memory(l);
	n->line = at.line;
	n->col = at.col;
	n->file = at.file;
	n->type = (uint8_t)type;
	return n;
}

const struct ra_node *
ra_tree_text(struct ra_loading *l, struct ra_mark at, const char *text, const char *shown)
{
	struct ra_node *n = ra_tree_node(l, at, RA_NODE_SCALAR);

	if (n == NULL)
		return NULL;
	n->text = text;
	n->shown = shown;
	n->flags = text != shown ? RA_NODE_SECRET : 0;
	return n;
}

const struct ra_node *
ra_tree_broken(struct ra_loading *l, struct ra_mark at)
{
	struct ra_node *n = ra_tree_node(l, at, RA_NODE_BROKEN);

	if (n != NULL)
		n->flags = RA_NODE_SPOILT;
	return n;
}

const struct ra_node *
ra_tree_scoped(struct ra_loading *l, const struct ra_node *node, const struct ra_scope *scope)
{
	struct ra_node *n;

	if (scope == NULL || node->type == RA_NODE_SCOPED || !(node->flags & RA_NODE_HOLES))
		return node;
	n = ra_tree_node(l, ra_tree_mark(node), RA_NODE_SCOPED);
	if (n == NULL)
		return NULL;
	n->flags = node->flags;
	n->inner = node;
	n->scope = scope;
	return n;
}

static uint8_t
key_flags(const struct ra_entry *e)
{
	size_t len = strlen(e->key);
	uint8_t flags = strstr(e->key, "${") != NULL ? RA_NODE_HOLES : 0;

	if ((len > 1 && e->key[len - 1] == '+') || e->value->type == RA_NODE_NULL)
		flags |= RA_NODE_MARKS;
	return flags;
}

static void
free_index(void *arg)
{
	ra_map_free(arg);
}

static int
index_map(struct ra_loading *l, struct ra_node *map)
{
	struct ra_map *index = ra_arena_alloc(l->trees, sizeof(*index));

	if (index == NULL || ra_arena_defer(l->trees, free_index, index) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < map->count; i++) {
		if (ra_map_put(
			index, map->entries[i].key, (void *)(uintptr_t)&map->entries[i], NULL) < 0)
			return -ENOMEM;
	}
	map->index = index;
	return 0;
}

const struct ra_node *
ra_builder_map(struct ra_loading *l, const struct ra_builder *b, struct ra_mark at)
{
	struct ra_node *map = ra_tree_node(l, at, RA_NODE_MAP);
	struct ra_entry *entries;

	if (map == NULL)
		return NULL;
	entries = ra_arena_alloc(l->trees, b->count * sizeof(*entries));
	if (entries == NULL)
		return ra_say_no_memory(l);
	for (size_t i = 0; i < b->count; i++) {
		const struct ra_entry *e = &b->list[i];

		if (e->value == NULL)
			continue;
		map->flags |= (uint8_t)(e->value->flags | key_flags(e));
		entries[map->count++] = *e;
	}
	map->entries = entries;
	if (map->count > RA_BUILDER_FEW && index_map(l, map) < 0)
		return ra_say_no_memory(l);
	return map;
}

const struct ra_node *
ra_builder_list(struct ra_loading *l, const struct ra_builder *b, struct ra_mark at)
{
	struct ra_node *list = ra_tree_node(l, at, RA_NODE_LIST);
	const struct ra_node **items;

	if (list == NULL)
		return NULL;
	items = ra_arena_alloc(l->trees, b->count * sizeof(*items));
	if (items == NULL)
		return ra_say_no_memory(l);
	for (size_t i = 0; i < b->count; i++) {
		items[i] = b->list[i].value;
		list->flags |= (uint8_t)(items[i]->flags & ~RA_NODE_MARKS);
	}
	list->items = items;
	list->count = (uint32_t)b->count;
	return list;
}

/* --- looking --- */

const struct ra_entry *
ra_tree_find(const struct ra_node *map, const char *key)
{
	if (map == NULL || map->type != RA_NODE_MAP)
		return NULL;
	if (map->index != NULL)
		return ra_map_get(map->index, key);
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->entries[i].key, key) == 0)
			return &map->entries[i];
	}
	return NULL;
}

const struct ra_node *
ra_tree_get(const struct ra_node *map, const char *key)
{
	const struct ra_entry *e = ra_tree_find(map, key);

	return e != NULL ? e->value : NULL;
}

bool
ra_tree_is_null(const struct ra_node *node)
{
	return node == NULL || node->type == RA_NODE_NULL;
}

struct ra_mark
ra_tree_mark(const struct ra_node *node)
{
	return (struct ra_mark){ .line = node->line, .col = node->col, .file = node->file };
}

const char *
ra_tree_type_name(const struct ra_node *node)
{
	switch ((enum ra_node_type)node->type) {
	case RA_NODE_NULL:
		return "nothing";
	case RA_NODE_LIST:
		return "a list";
	case RA_NODE_MAP:
		return "a map";
	case RA_NODE_SCOPED:
		return ra_tree_type_name(node->inner);
	case RA_NODE_SCALAR:
	case RA_NODE_BROKEN:
		break;
	}
	return "a text";
}

/* --- one text per content --- */

#define SORT_FEW 64

static void
write_part(struct ra_buf *out, char tag, const char *text)
{
	size_t len = strlen(text), rest = len, n = sizeof(size_t) * 3;
	char head[sizeof(size_t) * 3 + 2];

	/* Its length goes before it, so that no two contents give one text. */
	head[n] = ':';
	do {
		head[--n] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	ra_buf_putc(out, tag);
	ra_buf_add(out, head + n, sizeof(head) - 1 - n);
	ra_buf_add(out, text, len);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct ra_entry *const *one = a, *const *two = b;

	return strcmp((*one)->key, (*two)->key);
}

static void
write_map(struct ra_buf *out, const struct ra_node *map)
{
	const struct ra_entry *few[SORT_FEW], **order = few;

	if (map->count > SORT_FEW)
		order = calloc(map->count, sizeof(const struct ra_entry *));
	if (order == NULL) {
		out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < map->count; i++) {
		size_t at = i;

		for (; map->count <= SORT_FEW && at > 0 &&
		       strcmp(order[at - 1]->key, map->entries[i].key) > 0;
		     at--)
			order[at] = order[at - 1];
		order[at] = &map->entries[i];
	}
	if (order != few)
		qsort(order, map->count, sizeof(const struct ra_entry *), compare_keys);
	ra_buf_putc(out, '{');
	for (size_t i = 0; i < map->count; i++) {
		if (order[i]->value->type == RA_NODE_NULL)
			continue;
		write_part(out, 'k', order[i]->key);
		ra_tree_write(out, order[i]->value);
	}
	ra_buf_putc(out, '}');
	if (order != few)
		free(order);
}

void
ra_tree_write(struct ra_buf *out, const struct ra_node *node)
{
	switch ((enum ra_node_type)node->type) {
	case RA_NODE_SCALAR:
		write_part(out, 's', node->text);
		if (node->shown != node->text)
			write_part(out, 'x', node->shown);
		break;
	case RA_NODE_LIST:
		ra_buf_putc(out, '[');
		for (size_t i = 0; i < node->count; i++)
			ra_tree_write(out, node->items[i]);
		ra_buf_putc(out, ']');
		break;
	case RA_NODE_MAP:
		write_map(out, node);
		break;
	case RA_NODE_SCOPED:
		ra_tree_write(out, node->inner);
		break;
	case RA_NODE_NULL:
	case RA_NODE_BROKEN:
		ra_buf_putc(out, 'n');
		break;
	}
}
