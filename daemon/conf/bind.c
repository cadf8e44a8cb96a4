/* SPDX-License-Identifier: Apache-2.0 */
/* A map to a struct, as an option table says. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/digest.h"
#include "relaudit/base/units.h"
#include "relaudit/model/data.h"
#include "relaudit/model/name.h"

#include "loading.h"

struct ra_conf_place {
	struct ra_loading *l;
	const struct ra_node *map; /* NULL: nothing was set */
	struct ra_mark at;
	struct ra_bound *bound;
	bool complained;
};

struct binding {
	struct ra_loading *l;
	bool wrong; /* something was said */
	bool incomplete; /* a value lacks: `prepare` would meet half of what was meant */
	struct ra_bound *bound;
};

const struct ra_option *
ra_option_find(const struct ra_option *table, const char *name)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

static int bind_table(struct binding *b, const struct ra_option *table, const struct ra_node *map,
    struct ra_mark at, char *base);

/* What `--offline` did not read cannot be judged. */
static bool
is_unread(const struct ra_loading *l, const struct ra_node *node)
{
	return l->load->offline && (node->flags & RA_NODE_SECRET);
}

static void
say_wrong(struct binding *b, const struct ra_node *node, const char *text)
{
	if (node->flags & RA_NODE_SECRET)
		ra_say(
		    b->l, ra_tree_mark(node), "the secret that stands here: not a fitting value");
	else
		ra_say(b->l, ra_tree_mark(node), "%s", text);
	b->wrong = b->incomplete = true;
}

static void
say_type(struct binding *b, const struct ra_option *o, const struct ra_node *node)
{
	ra_say(b->l, ra_tree_mark(node), "`%s:` takes a %s, not %s", o->name, ra_value_type_name(o),
	    ra_tree_type_name(node));
	b->wrong = b->incomplete = true;
}

/* --- one value --- */

static int
bind_number(struct binding *b, const struct ra_option *o, const struct ra_node *node, int64_t *to)
{
	struct ra_error err = { 0 };

	if (node->type != RA_NODE_SCALAR)
		say_type(b, o, node);
	else if (!is_unread(b->l, node) && ra_value_number(o, node->text, to, &err) < 0)
		say_wrong(b, node, err.text);
	return 0;
}

static bool
text_is_good(struct binding *b, const struct ra_option *o, const struct ra_node *node)
{
	char text[200];

	if ((o->flags & RA_OPT_NO_SECRET) && (node->flags & RA_NODE_SECRET))
		snprintf(text, sizeof(text), "`%s:` may not hold a secret: it is shown", o->name);
	else if (*node->text == '\0' && !(o->flags & RA_OPT_EMPTY))
		snprintf(text, sizeof(text), "`%s:` is empty", o->name);
	else
		return true;
	ra_say(b->l, ra_tree_mark(node), "%s", text);
	b->wrong = b->incomplete = true;
	return false;
}

static int
set_text(struct binding *b, const struct ra_node *node, struct ra_text *to)
{
	struct ra_arena *arena = b->l->config->arena;

	to->value = to->shown = ra_arena_strdup(arena, node->text);
	if (node->shown != node->text)
		to->shown = ra_arena_strdup(arena, node->shown);
	if (to->value == NULL || to->shown == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	return 0;
}

static int
bind_text(
    struct binding *b, const struct ra_option *o, const struct ra_node *node, struct ra_text *to)
{
	if (node->type != RA_NODE_SCALAR) {
		say_type(b, o, node);
		return 0;
	}
	return text_is_good(b, o, node) ? set_text(b, node, to) : 0;
}

/* One file more into the digest of all. */
static int
add_content(struct binding *b, const char *path)
{
	uint8_t both[2 * RA_DIGEST_SIZE];
	int r = ra_content_digest(b->l, path, both + RA_DIGEST_SIZE);

	if (r < 0)
		return r;
	memcpy(both, b->bound->content, RA_DIGEST_SIZE);
	b->bound->has_content = true;
	return ra_digest_of(both, sizeof(both), b->bound->content);
}

static int
bind_path(
    struct binding *b, const struct ra_option *o, const struct ra_node *node, struct ra_text *to)
{
	const char *wrong;
	char text[300], *end;
	int r = bind_text(b, o, node, to);

	if (r < 0 || to->value == NULL || is_unread(b->l, node))
		return r;
	wrong = ra_value_path_error(to->value);
	if (wrong != NULL) {
		snprintf(text, sizeof(text), "'%.100s' %s", to->value, wrong);
		say_wrong(b, node, text);
		*to = (struct ra_text){ 0 };
		return 0;
	}
	/* "/a/" and "/a" are one path. The texts are ours. */
	for (end = strchr(to->value, '\0'); end > to->value + 1 && end[-1] == '/'; end--)
		end[-1] = '\0';
	return (o->flags & RA_OPT_CONTENT) ? add_content(b, to->value) : 0;
}

static int
bind_texts(
    struct binding *b, const struct ra_option *o, const struct ra_node *node, struct ra_texts *to)
{
	const struct ra_node *const *items = node->type == RA_NODE_LIST ? node->items : &node;
	size_t count = node->type == RA_NODE_LIST ? node->count : 1;
	struct ra_text *list;
	int r = 0;

	if (node->type == RA_NODE_MAP) {
		say_type(b, o, node);
		return 0;
	}
	list = ra_arena_alloc(b->l->config->arena, count * sizeof(*list));
	if (list == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = bind_text(b, o, items[i], &list[to->count]);
		to->count += list[to->count].value != NULL;
	}
	to->list = list;
	return r;
}

static int
bind_pairs(
    struct binding *b, const struct ra_option *o, const struct ra_node *node, struct ra_pairs *to)
{
	struct ra_pair *list;
	int r = 0;

	if (node->type != RA_NODE_MAP) {
		say_type(b, o, node);
		return 0;
	}
	list = ra_arena_alloc(b->l->config->arena, node->count * sizeof(*list));
	if (list == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	for (size_t i = 0; r == 0 && i < node->count; i++) {
		const struct ra_entry *e = &node->entries[i];
		struct ra_pair *pair = &list[to->count];

		if (e->value->type == RA_NODE_NULL)
			continue;
		pair->name = ra_keep(b->l, e->key);
		r = pair->name != NULL ? bind_text(b, o, e->value, &pair->text) : -ENOMEM;
		to->count += pair->text.value != NULL;
	}
	to->list = list;
	return r;
}

static void
unset_all(const struct ra_option *table, char *base)
{
	for (; table->name != NULL; table++) {
		if (table->type < RA_OPT_TEXT && !(table->flags & RA_OPT_SPECIAL))
			*(int64_t *)(void *)(base + table->offset) = RA_UNSET;
	}
}

static int
bind_map(struct binding *b, const struct ra_option *o, const struct ra_node *node,
    struct ra_mark at, void **to)
{
	char *base;

	if (node->type != RA_NODE_MAP) {
		say_type(b, o, node);
		return 0;
	}
	base = ra_arena_alloc(b->l->config->arena, o->table_size);
	if (base == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	*to = base;
	return bind_table(b, o->table, node, at, base);
}

/* --- a further input --- */

/* *ret: index of the format that the map names; RA_NO_FORMAT: none. False: it is wrong, said. */
static bool
find_format(struct binding *b, const struct ra_node *map, uint16_t *ret)
{
	const struct ra_registry *registry = b->l->load->registry;
	const struct ra_node *said = ra_tree_get(map, "format");
	struct ra_hint gives;
	int format;

	*ret = RA_NO_FORMAT;
	if (ra_tree_is_null(said))
		return true;
	format = said->type == RA_NODE_SCALAR ? ra_registry_format(registry, said->text) : -1;
	if (said->type != RA_NODE_SCALAR)
		ra_say(b->l, ra_tree_mark(said), "`format:` takes a name, not %s",
		    ra_tree_type_name(said));
	else if (format < 0)
		ra_registry_say_format(b->l, ra_tree_mark(said), said->text);
	else if (!(registry->formats[format].serves & RA_SHAPE_KEYS))
		ra_say(b->l, ra_tree_mark(said), "format %s gives %s; keys and values are wanted",
		    said->text, ra_registry_shapes(registry->formats[format].serves, &gives));
	else
		*ret = (uint16_t)format;
	if (*ret == RA_NO_FORMAT)
		b->wrong = b->incomplete = true;
	return *ret != RA_NO_FORMAT;
}

static void
say_not_of_input(struct binding *b, const struct ra_option *o, const struct ra_option *format,
    const struct ra_entry *e)
{
	const struct ra_registry *registry = b->l->load->registry;
	const struct ra_option *tables[] = { o->table, format };
	struct ra_nearest n;
	struct ra_hint hint;

	b->wrong = true;
	for (size_t i = 0; format == NULL && i < registry->format_count; i++) {
		if (ra_option_find(registry->formats[i].type->options, e->key) == NULL)
			continue;
		ra_say(b->l, e->at, "`%s:` is an option of format %s; write `format:` beside it",
		    e->key, registry->formats[i].type->name);
		return;
	}
	ra_nearest_init(&n, e->key);
	ra_nearest_try(&n, "format");
	for (size_t i = 0; i < RA_ARRAY_SIZE(tables); i++) {
		for (o = tables[i]; o != NULL && o->name != NULL; o++)
			ra_nearest_try(&n, o->name);
	}
	ra_say(b->l, e->at, "unknown key '%.80s'%s", e->key, ra_say_nearest(&n, &hint));
}

static int
bind_format(struct binding *b, const struct ra_builder *options, struct ra_mark at,
    struct ra_input_conf *in)
{
	const struct ra_node view = ra_builder_view(options, at);
	struct ra_bound bound;
	int r;

	if (in->format == RA_NO_FORMAT)
		return 0;
	r = ra_bind(b->l, b->l->load->registry->formats[in->format].type, &view, at, &bound);
	in->format_options = bound.options;
	if (r == -EINVAL && b->l->fatal == 0) {
		b->wrong = b->incomplete = true;
		return 0;
	}
	return r;
}

static int
sort_input(struct binding *b, const struct ra_option *o, const struct ra_node *map,
    const struct ra_option *format, struct ra_builder *own, struct ra_builder *options)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < map->count; i++) {
		const struct ra_entry *e = &map->entries[i];

		if (strcmp(e->key, "format") == 0)
			continue;
		if (ra_option_find(o->table, e->key) != NULL)
			r = ra_builder_add(b->l, own, e);
		else if (ra_option_find(format, e->key) != NULL)
			r = ra_builder_add(b->l, options, e);
		else
			say_not_of_input(b, o, format, e);
	}
	return r;
}

static int
bind_input(struct binding *b, const struct ra_option *o, const struct ra_node *node,
    struct ra_mark at, void **to)
{
	struct ra_builder own, options;
	struct ra_input_conf *in;
	int r;

	if (node->type != RA_NODE_MAP) {
		say_type(b, o, node);
		return 0;
	}
	in = ra_arena_alloc(b->l->config->arena, o->table_size);
	if (in == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	*to = in;
	if (!find_format(b, node, &in->format))
		return 0;
	ra_builder_init(&own);
	ra_builder_init(&options);
	r = sort_input(b, o, node,
	    in->format != RA_NO_FORMAT ? b->l->load->registry->formats[in->format].type->options
				       : NULL,
	    &own, &options);
	if (r == 0) {
		const struct ra_node view = ra_builder_view(&own, at);

		r = bind_table(b, o->table, &view, at, (char *)in);
	}
	if (r == 0)
		r = bind_format(b, &options, at, in);
	ra_builder_clear(&own);
	ra_builder_clear(&options);
	return r;
}

static int
bind_value(struct binding *b, const struct ra_option *o, const struct ra_node *node,
    struct ra_mark at, void *to)
{
	if (node->flags & RA_NODE_SPOILT) { /* said where it broke */
		b->wrong = b->incomplete = true;
		return 0;
	}
	switch (o->type) {
	case RA_OPT_TEXT:
		return bind_text(b, o, node, to);
	case RA_OPT_PATH:
		return bind_path(b, o, node, to);
	case RA_OPT_TEXTS:
		return bind_texts(b, o, node, to);
	case RA_OPT_PAIRS:
		return bind_pairs(b, o, node, to);
	case RA_OPT_TABLE:
		return bind_map(b, o, node, at, to);
	case RA_OPT_INPUT:
		return bind_input(b, o, node, at, to);
	case RA_OPT_BOOL:
	case RA_OPT_INT:
	case RA_OPT_DURATION:
	case RA_OPT_SIZE:
	case RA_OPT_PERCENT:
	case RA_OPT_CHOICE:
		break;
	}
	return bind_number(b, o, node, to);
}

/* --- a map --- */

/* The table's own word: a mistake in it is a defect, and its test's to find. */
static void
set_fallback(const struct ra_option *o, void *to)
{
	if (o->type == RA_OPT_TEXT || o->type == RA_OPT_PATH)
		*(struct ra_text *)to = (struct ra_text){ o->fallback, o->fallback };
	else if (o->type < RA_OPT_TEXT)
		(void)ra_value_number(o, o->fallback, to, NULL);
}

static void
say_unknown(struct binding *b, const struct ra_option *table, const struct ra_entry *e)
{
	struct ra_nearest n;
	struct ra_hint hint;
	RA_BUF_LOCAL all = RA_BUF(300);

	ra_nearest_init(&n, e->key);
	for (const struct ra_option *o = table; o->name != NULL; o++) {
		ra_nearest_try(&n, o->name);
		ra_buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", o->name);
	}
	if (n.name != NULL || all.len == 0)
		ra_say(b->l, e->at, "unknown key '%.80s'%s", e->key, ra_say_nearest(&n, &hint));
	else
		ra_say(
		    b->l, e->at, "unknown key '%.80s'; known here: %s", e->key, ra_buf_text(&all));
	b->wrong = true;
}

void
ra_bind_check_keys(struct ra_loading *l, const struct ra_conf_type *type, const struct ra_node *map)
{
	struct binding b = { .l = l };

	for (size_t i = 0; map->type == RA_NODE_MAP && i < map->count; i++) {
		const struct ra_entry *e = &map->entries[i];

		if (ra_option_find(type->options, e->key) == NULL && strstr(e->key, "${") == NULL)
			say_unknown(&b, type->options, e);
	}
}

static void
check_required(
    struct binding *b, const struct ra_option *table, const struct ra_node *map, struct ra_mark at)
{
	for (const struct ra_option *o = table; o->name != NULL; o++) {
		if ((o->flags & RA_OPT_REQUIRED) && ra_tree_is_null(ra_tree_get(map, o->name))) {
			ra_say(b->l, at, "`%s:` is missing: %s", o->name, o->help);
			b->wrong = b->incomplete = true;
		}
	}
}

static int
bind_table(struct binding *b, const struct ra_option *table, const struct ra_node *map,
    struct ra_mark at, char *base)
{
	int r = 0;

	unset_all(table, base);
	for (const struct ra_option *o = table; o->name != NULL; o++) {
		if (o->fallback != NULL && !(o->flags & RA_OPT_SPECIAL))
			set_fallback(o, base + o->offset);
	}
	for (size_t i = 0; map != NULL && r == 0 && i < map->count; i++) {
		const struct ra_entry *e = &map->entries[i];
		const struct ra_option *o = ra_option_find(table, e->key);

		if (o == NULL)
			say_unknown(b, table, e);
		else if (!(o->flags & RA_OPT_SPECIAL) && e->value->type != RA_NODE_NULL)
			r = bind_value(b, o, e->value, e->at, base + o->offset);
	}
	check_required(b, table, map, at);
	return r;
}

static const struct ra_option no_options[] = { { 0 } };

int
ra_bind(struct ra_loading *l, const struct ra_conf_type *type, const struct ra_node *map,
    struct ra_mark at, struct ra_bound *ret)
{
	const struct ra_option *table = type->options != NULL ? type->options : no_options;
	struct binding b = { .l = l, .bound = ret };
	struct ra_conf_place place = { .l = l, .map = map, .at = at, .bound = ret };
	int r;

	*ret = (struct ra_bound){ 0 };
	if (type->size > 0) {
		ret->options = ra_arena_alloc(l->config->arena, type->size);
		if (ret->options == NULL)
			return ra_say_no_memory(l), -ENOMEM;
	}
	r = bind_table(&b, table, map, at, ret->options);
	if (r == 0 && !b.incomplete && type->prepare != NULL)
		r = type->prepare(ret->options, l->config->arena, &place);
	if (r < 0) {
		ra_say_no_memory(l);
		return l->fatal;
	}
	return b.wrong || place.complained ? -EINVAL : 0;
}

/* --- what `prepare` finds --- */

/* "headers/X", "aliases/2": the key itself may hold a slash, so the whole name is tried first. */
static const struct ra_node *
find_path(const struct ra_node *node, const char *name, struct ra_mark *ret_at)
{
	const char *slash = strchr(name, '/');
	const struct ra_entry *e = NULL;
	RA_FREE char *first = NULL;
	int64_t i;

	if (node->type == RA_NODE_LIST && ra_int_parse(name, strlen(name), &i) == 0 &&
	    i < (int64_t)node->count) {
		*ret_at = ra_tree_mark(node->items[i]);
		return node->items[i];
	}
	if (node->type == RA_NODE_MAP)
		e = ra_tree_find(node, name);
	if (e == NULL && node->type == RA_NODE_MAP && slash != NULL) {
		first = strndup(name, (size_t)(slash - name));
		e = first != NULL ? ra_tree_find(node, first) : NULL;
	}
	if (e == NULL)
		return NULL;
	*ret_at = e->at;
	if (first == NULL)
		return e->value;
	node = find_path(e->value, slash + 1, ret_at);
	return node != NULL ? node : e->value;
}

void
ra_conf_complain(struct ra_conf_place *place, const char *name, const char *fmt, ...)
{
	struct ra_mark at = place->at;
	const struct ra_node *node = name != NULL ? find_path(place->map, name, &at) : NULL;
	char text[RA_ERROR_TEXT];
	va_list ap;

	if (node != NULL && is_unread(place->l, node))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ra_secret_scrub(place->l, text);
	ra_say(place->l, at, "%s%s%s%s", name != NULL ? "`" : "", name != NULL ? name : "",
	    name != NULL ? ":` " : "", text);
	place->complained = true;
}

void
ra_conf_want(struct ra_conf_place *place, const char *name, unsigned flag)
{
	struct ra_bound *b = place->bound;

	if (b->want_count < RA_WANTS_MAX)
		b->wants[b->want_count++] = (struct ra_want){ name, flag };
}

const char *const *
ra_conf_exec_allow(const struct ra_conf_place *place)
{
	return place->l->config->daemon.exec_allow;
}
