/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers upon each other. A value that has ${...} takes its scope along, since a template's and the
 * environment's are looked up differently.
 */
#include <string.h>

#include "relaudit/base/arena.h"

#include "loading.h"

const struct ra_node *
ra_unwrap(const struct ra_node *node, const struct ra_scope **ret_scope)
{
	*ret_scope = NULL;
	if (node->type != RA_NODE_SCOPED)
		return node;
	*ret_scope = node->scope;
	return node->inner;
}

static int
add_items(struct ra_loading *l, const struct ra_node *node, struct ra_builder *out)
{
	const struct ra_scope *scope;
	const struct ra_node *inner = ra_unwrap(node, &scope);
	struct ra_entry item = { 0 };
	int r = 0;

	if (inner->type != RA_NODE_LIST) {
		item.value = node;
		return ra_builder_add(l, out, &item);
	}
	for (size_t i = 0; r == 0 && i < inner->count; i++) {
		item.value = ra_tree_scoped(l, inner->items[i], scope);
		r = item.value != NULL ? ra_builder_add(l, out, &item) : l->fatal;
	}
	return r;
}

static const struct ra_node *
append(struct ra_loading *l, const struct ra_entry *base, const struct ra_entry *over)
{
	const struct ra_scope *scope;
	const struct ra_node *list = NULL, *inner = ra_unwrap(over->value, &scope);
	struct ra_builder out;

	if (inner->type == RA_NODE_MAP ||
	    (base != NULL && ra_unwrap(base->value, &scope)->type == RA_NODE_MAP)) {
		ra_say(l, over->at, "`%.80s` appends to a list, and this is a map", over->key);
		return ra_tree_broken(l, over->at);
	}
	ra_builder_init(&out);
	if ((base == NULL || add_items(l, base->value, &out) == 0) &&
	    add_items(l, over->value, &out) == 0)
		list = ra_builder_list(l, &out, ra_tree_mark(over->value));
	ra_builder_clear(&out);
	return list;
}

/* The key without the + of `key+`; NULL: no memory. */
static const char *
bare_key(struct ra_loading *l, const char *key)
{
	const char *bare = ra_arena_strndup(l->trees, key, strlen(key) - 1);

	return bare != NULL ? bare : ra_say_no_memory(l);
}

static bool
is_append(const char *key)
{
	size_t len = strlen(key);

	return len > 1 && key[len - 1] == '+';
}

static int
merge_entry(struct ra_loading *l, struct ra_builder *out, const struct ra_entry *over)
{
	bool appends = is_append(over->key);
	struct ra_entry entry = *over, *base;

	if (appends && (entry.key = bare_key(l, over->key)) == NULL)
		return l->fatal;
	base = ra_builder_find(out, entry.key);
	if (over->value->type == RA_NODE_NULL) {
		if (base != NULL)
			base->value = NULL;
		return 0;
	}
	if (base != NULL && base->value == NULL) {
		entry.value = appends ? append(l, NULL, over) : ra_merge(l, NULL, over->value);
		*base = entry;
		return entry.value != NULL ? 0 : l->fatal;
	}
	if (appends)
		entry.value = append(l, base, over);
	else
		entry.value = ra_merge(l, base != NULL ? base->value : NULL, over->value);
	if (entry.value == NULL)
		return l->fatal;
	if (base == NULL)
		return ra_builder_add(l, out, &entry);
	*base = entry;
	return 0;
}

static int
merge_entries(struct ra_loading *l, struct ra_builder *out, const struct ra_node *map)
{
	const struct ra_scope *scope;
	int r = 0;

	map = ra_unwrap(map, &scope);
	for (size_t i = 0; r == 0 && i < map->count; i++) {
		struct ra_entry entry = map->entries[i];

		entry.value = ra_tree_scoped(l, entry.value, scope);
		r = entry.value != NULL ? merge_entry(l, out, &entry) : l->fatal;
	}
	return r;
}

/* The base has been merged before: its entries are taken as they are. */
static int
take_entries(struct ra_loading *l, struct ra_builder *out, const struct ra_node *map)
{
	const struct ra_scope *scope;
	int r = 0;

	map = ra_unwrap(map, &scope);
	for (size_t i = 0; r == 0 && i < map->count; i++) {
		struct ra_entry entry = map->entries[i];

		entry.value = ra_tree_scoped(l, entry.value, scope);
		r = entry.value != NULL ? ra_builder_add(l, out, &entry) : l->fatal;
	}
	return r;
}

const struct ra_node *
ra_merge(struct ra_loading *l, const struct ra_node *base, const struct ra_node *over)
{
	const struct ra_scope *scope;
	const struct ra_node *merged = NULL, *over_map = ra_unwrap(over, &scope);
	bool both;
	struct ra_builder out;

	if (over_map->type != RA_NODE_MAP)
		return over;
	both = base != NULL && ra_unwrap(base, &scope)->type == RA_NODE_MAP;
	if (!both && !(over->flags & RA_NODE_MARKS))
		return over;
	ra_builder_init(&out);
	if ((!both || take_entries(l, &out, base) == 0) && merge_entries(l, &out, over) == 0)
		merged = ra_builder_map(l, &out, ra_tree_mark(over));
	ra_builder_clear(&out);
	return merged;
}
