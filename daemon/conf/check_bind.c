/* SPDX-License-Identifier: Apache-2.0 */
/* A check's options, once they are sorted, into structs. */
#include <string.h>

#include "relaudit/base/arena.h"

#include "loading.h"

/* --- binding what has the same content once --- */

static int
bind_new(struct ra_check_build *b, const struct ra_conf_type *type, const struct ra_node *map,
    struct ra_mark at, const struct ra_bound **ret)
{
	struct ra_loading *l = b->l;
	struct ra_bound *bound = ra_arena_alloc(l->trees, sizeof(*bound));
	char *key = ra_arena_strdup(l->trees, ra_buf_text(&l->key));
	int r;

	if (bound == NULL || key == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	r = ra_bind(l, type, map, at, bound);
	if (r < 0) {
		b->wrong = true;
		return r;
	}
	/* Not what was wrong: the same mistake elsewhere is another one. */
	if (ra_map_put(&l->bound, key, bound, NULL) < 0)
		return ra_say_no_memory(l), -ENOMEM;
	*ret = bound;
	return 0;
}

int
ra_check_bind(struct ra_check_build *b, const char role[2], const struct ra_conf_type *type,
    const struct ra_node *map, struct ra_mark at, const struct ra_bound **ret)
{
	struct ra_loading *l = b->l;
	const struct ra_bound *bound;
	int r = 0;

	ra_buf_clear(&l->key);
	ra_buf_add(&l->key, role, 2);
	ra_tree_write(&l->key, map);
	if (l->key.error < 0)
		return ra_say_no_memory(l), -ENOMEM;
	bound = ra_map_get(&l->bound, l->key.data);
	if (bound == NULL)
		r = bind_new(b, type, map, at, &bound);
	if (r < 0)
		return r;
	ra_buf_add(&b->content, l->key.data, l->key.len);
	if (bound->has_content)
		ra_buf_add(&b->content, bound->content, sizeof(bound->content));
	*ret = bound;
	return 0;
}

/* --- selectors --- */

static int
check_selector(struct ra_check_build *b, const struct ra_option *o, const struct ra_node *node)
{
	const struct ra_conf_format *format =
	    b->check->format != RA_NO_FORMAT ? &b->registry->formats[b->check->format] : NULL;
	struct ra_error err = { 0 };

	if (node->flags & RA_NODE_SECRET)
		ra_say(
		    b->l, ra_tree_mark(node), "`%s:` may not hold a secret: it is shown", o->name);
	else if (o->flags & RA_OPT_SOURCE)
		return 0;
	else if (format == NULL || format->selector == NULL)
		ra_say(b->l, ra_tree_mark(node), "`%s:` selects, and format %s takes no selectors",
		    o->name, format != NULL ? format->type->name : "(none)");
	else if (format->selector(node->text, &err) < 0)
		ra_say(b->l, ra_tree_mark(node), "`%s:` %s", o->name, err.text);
	else
		return 0;
	b->wrong = true;
	return -EINVAL;
}

static int
build_selectors(struct ra_check_build *b, struct ra_bound *bound)
{
	const struct ra_conf_type *kind = b->registry->kinds[b->check->kind].type;
	struct ra_selector *list =
	    ra_arena_alloc(b->l->config->arena, b->kind.count * sizeof(*list));
	int r = 0;

	if (list == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	for (size_t i = 0; i < b->kind.count; i++) {
		const struct ra_node *node = b->kind.list[i].value;
		const struct ra_option *o = ra_option_find(kind->options, b->kind.list[i].key);

		if (!(o->flags & RA_OPT_SELECTOR) || node->type != RA_NODE_SCALAR)
			continue;
		if (check_selector(b, o, node) < 0)
			r = -EINVAL;
		list[bound->selector_count++] =
		    (struct ra_selector){ .name = o->name, .text = ra_keep(b->l, node->text) };
	}
	bound->selectors = list;
	return r;
}

/* --- binding all --- */

static bool
has_repository(const struct ra_check_build *b)
{
	const struct ra_config *c = b->l->config;

	for (size_t i = 0; b->check->service != NULL && i < c->service_count; i++)
		if (strcmp(c->services[i].name, b->check->service) == 0 &&
		    c->services[i].repository_url != NULL)
			return true;
	return c->product_repository.repository_url != NULL;
}

static unsigned
wants_of(const struct ra_bound *bound, const char *name)
{
	unsigned flags = 0;

	for (size_t i = 0; i < bound->want_count; i++)
		if (strcmp(bound->wants[i].name, name) == 0)
			flags |= bound->wants[i].flag;
	return flags;
}

/* Options that need more than their own map: a repository, or to know which version runs. */
static void
note_wants(struct ra_check_build *b, const struct ra_conf_type *type, const struct ra_node *map,
    const struct ra_bound *bound)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct ra_entry *e = &map->entries[i];
		const struct ra_option *o = ra_option_find(type->options, e->key);
		unsigned flags = o != NULL ? o->flags | wants_of(bound, o->name) : 0;

		if (flags & RA_OPT_VERSION) {
			b->version_name = o->name;
			b->version_at = e->at;
		}
		if (!(flags & RA_OPT_REPOSITORY) || has_repository(b))
			continue;
		ra_say(b->l, e->at,
		    "`%s:` needs a git repository: write `repository: {url: ...}` under `%s%s:`",
		    o->name, b->check->service != NULL ? "services: " : "product",
		    b->check->service != NULL ? b->check->service : "");
		b->wrong = true;
	}
}

int
ra_check_bind_kind(struct ra_check_build *b)
{
	const struct ra_node map = ra_builder_view(&b->kind, b->at);
	/* With the format, as it is the format that checks selectors. */
	const char role[2] = { (char)('0' + b->check->kind),
		(char)(b->check->format == RA_NO_FORMAT ? 'N' : 'a' + b->check->format) };
	const struct ra_bound *bound;
	int r =
	    ra_check_bind(b, role, b->registry->kinds[b->check->kind].type, &map, b->at, &bound);

	if (r == 0 && b->kind.count > 0 && bound->selectors == NULL)
		r = build_selectors(b, (struct ra_bound *)(uintptr_t)bound);
	if (r < 0)
		return r;
	note_wants(b, b->registry->kinds[b->check->kind].type, &map, bound);
	b->check->kind_options = bound->options;
	b->check->selectors = bound->selectors;
	b->check->selector_count = bound->selector_count;
	return 0;
}

int
ra_check_bind_format(struct ra_check_build *b)
{
	const char role[2] = { 'F', (char)('0' + b->check->format) };
	const struct ra_node map = ra_builder_view(&b->format, b->at);
	const struct ra_bound *bound;
	int r;

	if (b->check->format == RA_NO_FORMAT)
		return 0;
	r = ra_check_bind(
	    b, role, b->registry->formats[b->check->format].type, &map, b->at, &bound);
	if (r == 0)
		b->check->format_options = bound->options;
	return r;
}

/* Words that instances have, where there are none. */
static void
check_instances(
    struct ra_check_build *b, const struct ra_conf_type *type, const struct ra_node *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct ra_option *o = ra_option_find(type->options, map->entries[i].key);

		if (o == NULL || !(o->flags & RA_OPT_INSTANCES) ||
		    ra_tree_get(b->merged, "for") != NULL)
			continue;
		ra_say(b->l, map->entries[i].at,
		    "`%s:` is for a check with several instances: this one has no `for:`", o->name);
		b->wrong = true;
	}
}

int
ra_check_bind_words(struct ra_check_build *b)
{
	const struct ra_conf_type *type = b->registry->kinds[b->check->kind].expectation;
	const char role[2] = { 'E', (char)('0' + b->check->kind) };
	const struct ra_node expect = ra_builder_view(&b->expect, b->expect_at);
	const struct ra_node warn = ra_builder_view(&b->warn, b->warn_at);
	const struct ra_bound *bound;
	int r = ra_check_bind(
	    b, role, type, &expect, b->expect_at.line > 0 ? b->expect_at : b->at, &bound);

	if (r == 0) {
		b->check->expect = bound->options;
		note_wants(b, type, &expect, bound);
	}
	check_instances(b, type, &expect);
	check_instances(b, type, &warn);
	if (b->l->fatal != 0 || b->warn_at.line == 0)
		return b->l->fatal;
	ra_buf_putc(&b->content, 'W');
	r = ra_check_bind(b, role, type, &warn, b->warn_at, &bound);
	if (r == 0) {
		b->check->warn = bound->options;
		note_wants(b, type, &warn, bound);
	}
	return b->l->fatal;
}

int
ra_check_bind_common(struct ra_check_build *b)
{
	const struct ra_node map = ra_builder_view(&b->common, b->at);
	const struct ra_check_options *o;
	const struct ra_bound *bound;
	struct ra_check *c = b->check;
	int r;

	b->times = b->content.len;
	r = ra_check_bind(b, "C0", &ra_section_check, &map, b->at, &bound);
	b->times_end = b->content.len;
	if (r < 0)
		return r;
	o = bound->options;
	c->every = o->every;
	c->timeout = o->timeout;
	c->retry = o->retry;
	c->confirm = (uint8_t)o->confirm;
	c->recover = (uint8_t)o->recover;
	c->severity = o->severity == 0 ? RA_WARNING : RA_CRITICAL;
	return 0;
}
