/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of one check: defaults, templates, environment. */
#include <string.h>

#include "relaudit/base/arena.h"

#include "loading.h"

/* --- which kind --- */

static const struct ra_node *
strongest(const struct ra_node *layers, const char *key)
{
	const struct ra_scope *scope;

	for (size_t i = layers->count; i-- > 0;) {
		const struct ra_entry *e = ra_tree_find(ra_unwrap(layers->items[i], &scope), key);

		if (e != NULL)
			return e->value->type == RA_NODE_NULL ? NULL : e->value;
	}
	return NULL;
}

int
ra_layers_kind(struct ra_loading *l, const struct ra_scope *scope, const char *name,
    struct ra_mark at, const struct ra_node *layers)
{
	const struct ra_node *said = strongest(layers, "kind");
	struct ra_holes holes = { .l = l, .check = name };
	size_t len = strcspn(name, "-");
	char first[RA_HINT_TEXT];
	int kind;

	if (said != NULL) {
		said = ra_interpolate(&holes, said, scope);
		if (said == NULL || (said->flags & RA_NODE_SPOILT))
			return -1;
		if (said->type != RA_NODE_SCALAR) {
			ra_say(l, ra_tree_mark(said), "`kind:` takes a text, not %s",
			    ra_tree_type_name(said));
			return -1;
		}
		kind = ra_registry_kind(l->load->registry, said->text, strlen(said->text));
		if (kind < 0)
			ra_registry_say_kind(l, ra_tree_mark(said), said->text);
		return kind;
	}
	kind = ra_registry_kind(l->load->registry, name, len);
	if (kind < 0) {
		len = len < sizeof(first) ? len : sizeof(first) - 1;
		memcpy(first, name, len);
		first[len] = '\0';
		ra_registry_say_kind(l, at, first);
	}
	return kind;
}

/* --- defaults --- */

static const struct ra_node *
known_defaults(struct ra_loading *l, const struct ra_node *map)
{
	const struct ra_node *known = NULL;
	struct ra_builder out;
	int r = 0;

	ra_builder_init(&out);
	for (size_t i = 0; r == 0 && i < map->count; i++) {
		if (ra_option_find(ra_section_kind_defaults.options, map->entries[i].key) != NULL)
			r = ra_builder_add(l, &out, &map->entries[i]);
	}
	if (r == 0)
		known = ra_builder_map(l, &out, ra_tree_mark(map));
	ra_builder_clear(&out);
	return known;
}

/* Made once for each kind. An empty map where there are none. */
static const struct ra_node *
defaults_of(struct ra_loading *l, int kind)
{
	const struct ra_node **made = &l->kind_defaults[kind], *own, *all;

	if (*made != NULL)
		return *made;
	if (l->defaults == NULL)
		return *made = ra_tree_node(l, (struct ra_mark){ 0 }, RA_NODE_MAP);
	own = ra_tree_get(
	    ra_tree_get(l->defaults, "kinds"), l->load->registry->kinds[kind].type->name);
	all = known_defaults(l, l->defaults);
	if (all != NULL && own != NULL && own->type == RA_NODE_MAP) {
		own = known_defaults(l, own);
		all = own != NULL ? ra_merge(l, all, own) : NULL;
	}
	return *made = all;
}

/* --- another source --- */

static bool
goes_with_source(const struct ra_loading *l, int kind, const char *key)
{
	const struct ra_registry *r = l->load->registry;
	const struct ra_option *o = ra_option_find(r->kinds[kind].type->options, key);

	if (strcmp(key, "format") == 0 || ra_registry_source(r, key) >= 0 ||
	    (o != NULL && (o->flags & RA_OPT_SELECTOR)))
		return true;
	for (size_t i = 0; i < r->format_count; i++) {
		if (ra_option_find(r->formats[i].type->options, key) != NULL)
			return true;
	}
	return false;
}

/* True if the layer names a source and what is below has another one. */
static bool
replaces_source(struct ra_loading *l, const struct ra_node *below, const struct ra_node *layer)
{
	const struct ra_registry *r = l->load->registry;
	bool names = false, other = false;

	for (size_t i = 0; i < layer->count; i++) {
		if (layer->entries[i].value->type != RA_NODE_NULL)
			names = names || ra_registry_source(r, layer->entries[i].key) >= 0;
	}
	for (size_t i = 0; names && i < below->count; i++) {
		const char *key = below->entries[i].key;

		if (ra_registry_source(r, key) >= 0)
			other = other || ra_tree_find(layer, key) == NULL;
	}
	return other;
}

/* What is below, without its source and what belongs to that. */
static const struct ra_node *
without_source(struct ra_loading *l, int kind, const struct ra_node *below)
{
	const struct ra_node *rest = NULL;
	struct ra_builder out;
	int r = 0;

	ra_builder_init(&out);
	for (size_t i = 0; r == 0 && i < below->count; i++) {
		if (!goes_with_source(l, kind, below->entries[i].key))
			r = ra_builder_add(l, &out, &below->entries[i]);
	}
	if (r == 0)
		rest = ra_builder_map(l, &out, ra_tree_mark(below));
	ra_builder_clear(&out);
	return rest;
}

const struct ra_node *
ra_layers_merge(
    struct ra_loading *l, const struct ra_scope *scope, int kind, const struct ra_node *layers)
{
	const struct ra_node *merged = defaults_of(l, kind);
	const struct ra_scope *ignored;

	if (merged != NULL)
		merged = ra_tree_scoped(l, merged, scope);
	for (size_t i = 0; merged != NULL && i < layers->count; i++) {
		const struct ra_node *layer = layers->items[i];

		if (i > 0 && replaces_source(l, merged, ra_unwrap(layer, &ignored)))
			merged = without_source(l, kind, merged);
		if (merged != NULL)
			merged = ra_merge(l, merged, layer);
	}
	return merged;
}
