/* SPDX-License-Identifier: Apache-2.0 */
/* A check's source: connections, instances, and what each instance asks. */
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/escape.h"
#include "relaudit/model/data.h"
#include "relaudit/model/name.h"

#include "loading.h"

#define INSTANCES_MAX	  1000
#define INSTANCE_NAME_MAX 255

/* --- for --- */

static int
say_for(struct ra_check_build *b, const struct ra_node *node, const char *text)
{
	ra_say(b->l, ra_tree_mark(node), "`for:` %s", text);
	b->wrong = true;
	return -EINVAL;
}

static bool
is_shown(const char *text)
{
	size_t len = strlen(text);
	uint32_t c;

	for (size_t i = 0, n; i < len; i += n) {
		n = ra_utf8_decode(text + i, len - i, &c);
		if (n == 0 || !ra_char_printable(c))
			return false;
	}
	return len > 0 && len <= INSTANCE_NAME_MAX;
}

static int
check_values(struct ra_check_build *b, const struct ra_node *list)
{
	struct ra_map seen = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		const struct ra_node *item = list->items[i];
		void *old = NULL;

		if (item->type != RA_NODE_SCALAR || !is_shown(item->text))
			r = say_for(b, item, "takes names: short texts without control characters");
		else if (ra_map_put(&seen, item->text, (void *)(uintptr_t)item, &old) < 0)
			r = (ra_say_no_memory(b->l), -ENOMEM);
		else if (old != NULL)
			r = say_for(b, item, "names an instance twice");
	}
	ra_map_free(&seen);
	return r;
}

/* *ret_list is the values; NULL: there is no `for`. */
static int
read_for(struct ra_check_build *b, const struct ra_node **ret_list)
{
	const struct ra_node *node = ra_tree_get(b->merged, "for"), *list;

	*ret_list = NULL;
	if (ra_tree_is_null(node))
		return 0;
	node = ra_check_fill_name(b, node, b->scope);
	if (node == NULL)
		return b->l->fatal;
	if (node->flags & RA_NODE_SPOILT) {
		b->wrong = true;
		return -EINVAL;
	}
	if (node->type != RA_NODE_MAP || node->count != 1)
		return say_for(b, node, "has one variable and its values, as in `{host: [a, b]}`");
	if (!ra_variable_valid(node->entries[0].key, strlen(node->entries[0].key)))
		return say_for(b, node, "takes the name of a variable");
	list = node->entries[0].value;
	if (list->type != RA_NODE_LIST || list->count == 0)
		return say_for(b, list, "takes a list that is not empty");
	if (list->count > INSTANCES_MAX)
		return say_for(b, list, "takes 1000 values at most");
	b->holes.variable = node->entries[0].key;
	*ret_list = list;
	return check_values(b, list);
}

/* --- connection --- */

static const struct ra_node *
without_key(struct ra_loading *l, const struct ra_node *map, const char *key)
{
	const struct ra_scope *scope;
	const struct ra_node *rest = NULL;
	struct ra_builder out;
	int r = 0;

	map = ra_unwrap(map, &scope);
	ra_builder_init(&out);
	for (size_t i = 0; r == 0 && i < map->count; i++) {
		struct ra_entry e = map->entries[i];

		e.value = ra_tree_scoped(l, e.value, scope);
		if (e.value == NULL)
			r = l->fatal;
		else if (strcmp(e.key, key) != 0)
			r = ra_builder_add(l, &out, &e);
	}
	if (r == 0)
		rest = ra_builder_map(l, &out, ra_tree_mark(map));
	ra_builder_clear(&out);
	return rest;
}

static const struct ra_node *
find_connection(struct ra_check_build *b, const struct ra_node *name)
{
	const struct ra_node *connection = ra_tree_get(b->l->connections, name->text), *source;
	struct ra_nearest n;
	struct ra_hint hint;

	if (connection == NULL) {
		ra_nearest_init(&n, name->text);
		for (size_t i = 0; b->l->connections != NULL && i < b->l->connections->count; i++)
			ra_nearest_try(&n, b->l->connections->entries[i].key);
		ra_say(b->l, ra_tree_mark(name), "there is no connection '%.80s'%s", name->shown,
		    ra_say_nearest(&n, &hint));
		return NULL;
	}
	source = ra_tree_get(connection, b->source->key);
	if (source == NULL || source->type != RA_NODE_MAP) {
		ra_say(b->l, ra_tree_mark(name), "connection '%.80s' is not for %s", name->shown,
		    b->source->key);
		return NULL;
	}
	return source;
}

/* `exec: [...]` as `exec: {command: [...]}`. NULL: the load must end. */
static const struct ra_node *
spelled_out(struct ra_check_build *b, const struct ra_node *value)
{
	const struct ra_option *o = b->registry->sources[b->check->source].type->options;
	const struct ra_scope *scope;
	struct ra_builder out;
	const struct ra_node *map = NULL;

	if (ra_unwrap(value, &scope)->type != RA_NODE_LIST)
		return value;
	while (o != NULL && o->name != NULL && !(o->flags & RA_OPT_MAIN))
		o++;
	if (o == NULL || o->name == NULL)
		return value;
	ra_builder_init(&out);
	if (ra_builder_add(b->l, &out,
		&(struct ra_entry){ .key = o->name, .value = value, .at = b->source->at }) == 0)
		map = ra_builder_map(b->l, &out, ra_tree_mark(value));
	ra_builder_clear(&out);
	return map;
}

/* The source's map with what its connection says below it. NULL: said, or the load must end. */
static const struct ra_node *
with_connection(struct ra_check_build *b)
{
	const struct ra_scope *scope;
	const struct ra_node *value = spelled_out(b, b->source->value), *map, *name, *below;

	if (value == NULL)
		return NULL;
	map = ra_unwrap(value, &scope);
	if (map->type != RA_NODE_MAP) {
		ra_say(b->l, ra_tree_mark(value), "`%s:` is a map of options, not %s",
		    b->source->key, ra_tree_type_name(map));
		return NULL;
	}
	name = ra_tree_get(map, "connection");
	if (name == NULL)
		return value;
	name = ra_check_fill_name(b, name, scope != NULL ? scope : b->scope);
	if (name == NULL || (name->flags & RA_NODE_SPOILT))
		return NULL;
	if (name->type != RA_NODE_SCALAR) {
		ra_say(b->l, ra_tree_mark(name), "`connection:` takes a name, not %s",
		    ra_tree_type_name(name));
		return NULL;
	}
	below = find_connection(b, name);
	value = below != NULL ? without_key(b->l, value, "connection") : NULL;
	below = value != NULL ? ra_tree_scoped(b->l, below, b->scope) : NULL;
	return below != NULL ? ra_merge(b->l, below, value) : NULL;
}

/* --- instances --- */

/* The newest of several files is a backup or a log; as a configuration it would be any of them. */
static void
check_newest(
    struct ra_check_build *b, const struct ra_conf_type *type, const struct ra_node *filled)
{
	if (!(b->registry->kinds[b->check->kind].takes & RA_SHAPE_KEYS))
		return;
	for (size_t i = 0; i < filled->count; i++) {
		const struct ra_entry *e = &filled->entries[i];
		const struct ra_option *o = ra_option_find(type->options, e->key);

		if (o == NULL || !(o->flags & RA_OPT_NEWEST))
			continue;
		ra_say(b->l, e->at,
		    "`%s:` would read the newest of several files; a configuration is one: write "
		    "`path:`, and a check for each",
		    o->name);
		b->wrong = true;
	}
}

static int
build_instance(struct ra_check_build *b, const struct ra_node *source, const struct ra_node *value,
    struct ra_instance_conf *to)
{
	const struct ra_conf_type *type = b->registry->sources[b->check->source].type;
	const char role[2] = { 'S', (char)('0' + b->check->source) };
	const struct ra_bound *bound;
	const struct ra_node *filled;
	int r;

	b->holes.value = value;
	filled = ra_interpolate(&b->holes, source, b->scope);
	if (filled != NULL)
		filled = ra_literal_mark(b->l, &b->secrets, filled);
	if (filled == NULL)
		return b->l->fatal;
	if (filled->type != RA_NODE_MAP) {
		b->wrong = true;
		return -EINVAL;
	}
	r = ra_check_bind(b, role, type, filled, b->source->at, &bound);
	if (r < 0)
		return r;
	check_newest(b, type, filled);
	r = ra_secrets_derive(b->l, &b->secrets, filled);
	to->source_options = bound->options;
	if (value != NULL) {
		to->name = ra_keep(b->l, value->text);
		ra_buf_puts(&b->content, to->name != NULL ? to->name : "");
	}
	return r == 0 && value != NULL && to->name == NULL ? -ENOMEM : r;
}

/* Instances that do not differ would be one, asked again and told as several that agree. */
static void
check_used(struct ra_check_build *b)
{
	if (b->wrong || b->holes.used)
		return;
	ra_say(b->l, ra_tree_find(b->merged, "for")->at,
	    "`%s` of `for:` is not used in `%s:`, so all instances would be the same; use `${%s}` "
	    "there",
	    b->holes.variable, b->source->key, b->holes.variable);
	b->wrong = true;
}

int
ra_check_build_source(struct ra_check_build *b, const struct ra_node **ret)
{
	const struct ra_node *list, *source;
	struct ra_instance_conf *instances;
	size_t count;
	int r = read_for(b, &list);

	source = r == 0 ? with_connection(b) : NULL;
	if (source == NULL) {
		b->wrong = true;
		return b->l->fatal != 0 ? b->l->fatal : -EINVAL;
	}
	count = list != NULL ? list->count : 1;
	instances = ra_arena_alloc(b->l->config->arena, count * sizeof(*instances));
	if (instances == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	b->check->many = list != NULL;
	b->check->instances = instances;
	b->check->instance_count = count;
	/* Goes on after an error; what all instances share is said once. */
	for (size_t i = 0; b->l->fatal == 0 && i < count; i++)
		(void)build_instance(
		    b, source, list != NULL ? list->items[i] : NULL, &instances[i]);
	b->holes.value = NULL;
	if (list != NULL && b->l->fatal == 0)
		check_used(b);
	*ret = source;
	return b->l->fatal;
}
