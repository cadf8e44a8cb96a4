/* SPDX-License-Identifier: Apache-2.0 */
/* ${...}: parameters, variables, what is built in, and secrets. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/model/name.h"

#include "loading.h"

#define NAME_MAX_BYTES (PATH_MAX + 16)
#define VARIABLE_MAX   63
#define TRAIL_MAX      16

/* Variables being filled in, innermost first. */
struct ra_trail {
	const struct ra_trail *up;
	const struct ra_node *node;
	size_t depth;
};

bool
ra_variable_valid(const char *text, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char more[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-";

	if (len == 0 || len > VARIABLE_MAX || memchr(letters, text[0], sizeof(letters) - 1) == NULL)
		return false;
	for (size_t i = 1; i < len; i++) {
		if (memchr(more, text[i], sizeof(more) - 1) == NULL)
			return false;
	}
	return true;
}

/*
 * The next hole at or after text: its "${" and the "}". False: none. An escaped "$${" is passed
 * over; *ret_end is NULL where "}" lacks.
 */
static bool
next_hole(const char *text, const char **ret_start, const char **ret_end)
{
	const char *p = text;

	while ((p = strstr(p, "${")) != NULL && p > text && p[-1] == '$')
		p += 2;
	if (p == NULL)
		return false;
	*ret_start = p;
	*ret_end = strchr(p, '}');
	return true;
}

bool
ra_interpolate_names(
    const struct ra_node *node, bool (*fn)(void *arg, const char *name, size_t len), void *arg)
{
	const char *text, *start, *end;
	bool go = true;

	if (!(node->flags & RA_NODE_HOLES))
		return true;
	if (node->type == RA_NODE_LIST) {
		for (size_t i = 0; go && i < node->count; i++)
			go = ra_interpolate_names(node->items[i], fn, arg);
	} else if (node->type == RA_NODE_MAP) {
		for (size_t i = 0; go && i < node->count; i++) {
			text = node->entries[i].key;
			while (go && next_hole(text, &start, &end) && end != NULL) {
				go = fn(arg, start + 2, (size_t)(end - start) - 2);
				text = end + 1;
			}
			go = go && ra_interpolate_names(node->entries[i].value, fn, arg);
		}
	} else if (node->type == RA_NODE_SCALAR) {
		for (text = node->text; go && next_hole(text, &start, &end) && end != NULL;
		     text = end + 1)
			go = fn(arg, start + 2, (size_t)(end - start) - 2);
	}
	return go;
}

/* --- what a name stands for --- */

static void
try_names(struct ra_nearest *n, const struct ra_node *map)
{
	for (size_t i = 0; map != NULL && map->type == RA_NODE_MAP && i < map->count; i++)
		ra_nearest_try(n, map->entries[i].key);
}

static const struct ra_node *
say_undefined(struct ra_holes *h, struct ra_mark at, const char *name, const struct ra_scope *scope)
{
	const struct ra_scope *outer = scope->outer != NULL ? scope->outer : scope;
	struct ra_nearest n;
	struct ra_hint hint;

	ra_nearest_init(&n, name);
	try_names(&n, scope->params);
	try_names(&n, outer->vars);
	if (h->variable != NULL)
		ra_nearest_try(&n, h->variable);
	ra_nearest_try(&n, "environment");
	ra_nearest_try(&n, "service");
	ra_nearest_try(&n, "check");
	if (strcmp(name, "service") == 0 || strcmp(name, "check") == 0)
		ra_say(h->l, at, "`${%s}` has no value here: %s", name,
		    h->check == NULL ? "give it as a parameter or in `vars:`"
				     : "the check belongs to no service");
	else
		ra_say_used(h->l, at, scope->outer != NULL ? scope->environment : NULL,
		    "`${%s}` is not defined%s", name, ra_say_nearest(&n, &hint));
	return ra_tree_broken(h->l, at);
}

/* What a parameter or variable holds, itself filled in. */
static const struct ra_node *
fill_variable(struct ra_holes *h, struct ra_mark at, const char *name, const struct ra_node *node,
    const struct ra_scope *scope)
{
	struct ra_trail trail = {
		.up = h->trail, .node = node, .depth = h->trail != NULL ? h->trail->depth + 1 : 1
	};
	const struct ra_node *filled;

	for (const struct ra_trail *t = h->trail; t != NULL; t = t->up) {
		if (t->node == node) {
			ra_say(h->l, at, "`${%s}` refers to itself", name);
			return ra_tree_broken(h->l, at);
		}
	}
	if (trail.depth > TRAIL_MAX) {
		ra_say(h->l, at, "variables refer to each other more than %d deep", TRAIL_MAX);
		return ra_tree_broken(h->l, at);
	}
	h->trail = &trail;
	filled = ra_interpolate(h, node, scope);
	h->trail = trail.up;
	return filled;
}

static const struct ra_node *
secret(struct ra_holes *h, struct ra_mark at, const char *name)
{
	const char *value;

	if (h->secrets == NULL) {
		ra_say(h->l, at, "`${%s}` is a secret, and what stands here is shown", name);
		return ra_tree_broken(h->l, at);
	}
	value = ra_secret_read(h->l, at, name);
	if (value == NULL)
		return ra_tree_broken(h->l, at);
	if (ra_secrets_add(h->l, h->secrets, value) < 0)
		return NULL;
	return ra_tree_text(h->l, at, value, "***");
}

static const struct ra_node *
built_in(struct ra_holes *h, struct ra_mark at, const char *name, const struct ra_scope *scope)
{
	const char *text = NULL;

	if (strcmp(name, "environment") == 0)
		text = scope->environment;
	else if (strcmp(name, "service") == 0)
		text = h->service;
	else if (strcmp(name, "check") == 0)
		text = h->check;
	return text != NULL ? ra_tree_text(h->l, at, text, text)
			    : say_undefined(h, at, name, scope);
}

static const struct ra_node *
fill_name(struct ra_holes *h, struct ra_mark at, const char *name, const struct ra_scope *scope)
{
	const struct ra_scope *outer = scope->outer != NULL ? scope->outer : scope;
	const struct ra_node *node;

	if (h->l->fatal != 0)
		return NULL;
	if (h->l->steps_left == 0) {
		ra_say(h->l, at, "the configuration is too large: more than %zu `${...}`",
		    RA_STEPS_MAX);
		h->l->fatal = -E2BIG;
		return NULL;
	}
	h->l->steps_left--;
	if (ra_secret_scheme(name))
		return secret(h, at, name);
	if (!ra_variable_valid(name, strlen(name))) {
		ra_say(
		    h->l, at, "`${%.80s}` is not a variable; for a literal `${` write `$${`", name);
		return ra_tree_broken(h->l, at);
	}
	if (h->variable != NULL && strcmp(h->variable, name) == 0) {
		h->used = true;
		if (h->value != NULL)
			return h->value;
		ra_say(h->l, at, "`${%s}` is the variable of `for:`; only the source may hold it",
		    name);
		return ra_tree_broken(h->l, at);
	}
	node = ra_tree_get(scope->params, name);
	if (node == NULL)
		node = ra_tree_get(outer->vars, name);
	if (!ra_tree_is_null(node))
		return fill_variable(h, at, name, node, outer);
	return built_in(h, at, name, scope);
}

/* --- texts --- */

struct filling {
	struct ra_holes *h;
	struct ra_mark at;
	const struct ra_scope *scope;
	struct ra_buf text, shown;
	const struct ra_node *broken;
};

/* Literal text, in which "$${" is "${". */
static void
add_literal(struct filling *f, const char *text, size_t len)
{
	while (len > 0) {
		const char *p = memmem(text, len, "$${", 3);
		size_t n = p != NULL ? (size_t)(p - text) : len;

		ra_buf_add(&f->text, text, n);
		ra_buf_add(&f->shown, text, n);
		n += p != NULL ? 1 : 0; /* without the first $ */
		text += n;
		len -= n;
		if (p != NULL) {
			ra_buf_add(&f->text, text, 2);
			ra_buf_add(&f->shown, text, 2);
			text += 2;
			len -= 2;
		}
	}
}

/* NULL with f->broken NULL too: the load must end. */
static const struct ra_node *
fill_hole(struct filling *f, const char *start, const char *end)
{
	struct ra_holes *h = f->h;
	size_t len = end != NULL ? (size_t)(end - start) - 2 : 0;
	const struct ra_node *node;
	char name[NAME_MAX_BYTES];

	if (end == NULL)
		ra_say(h->l, f->at, "`${` without `}`; for a literal `${` write `$${`");
	else if (len >= sizeof(name))
		ra_say(h->l, f->at, "the name in `${...}` is too long");
	if (end == NULL || len >= sizeof(name)) {
		f->broken = ra_tree_broken(h->l, f->at);
		return NULL;
	}
	memcpy(name, start + 2, len);
	name[len] = '\0';
	if (h->keep && h->variable != NULL && strcmp(h->variable, name) == 0) {
		char *kept = ra_arena_strndup(h->l->trees, start, len + 3);

		return kept != NULL ? ra_tree_text(h->l, f->at, kept, kept)
				    : ra_say_no_memory(h->l);
	}
	node = fill_name(h, f->at, name, f->scope);
	if (node != NULL && (node->flags & RA_NODE_SPOILT)) {
		f->broken = ra_tree_broken(h->l, f->at);
		return NULL;
	}
	return node;
}

static int
add_hole(struct filling *f, const char *start, const char *end)
{
	const struct ra_node *node = fill_hole(f, start, end);

	if (node == NULL)
		return -EINVAL;
	if (node->type != RA_NODE_SCALAR) {
		ra_say(f->h->l, f->at, "`%.*s` is %s and cannot stand inside of a text",
		    (int)(end - start + 1), start, ra_tree_type_name(node));
		f->broken = ra_tree_broken(f->h->l, f->at);
		return -EINVAL;
	}
	ra_buf_puts(&f->text, node->text);
	ra_buf_puts(&f->shown, node->shown);
	return 0;
}

static const struct ra_node *
finish(struct filling *f)
{
	struct ra_loading *l = f->h->l;
	const char *text, *shown;

	if (f->text.error == -EMSGSIZE || f->shown.error == -EMSGSIZE) {
		ra_say(l, f->at, "the text is too long with its variables: more than %zu bytes",
		    RA_TEXT_MAX);
		return ra_tree_broken(l, f->at);
	}
	text = ra_arena_strdup(l->trees, ra_buf_text(&f->text));
	shown = text;
	if (text != NULL && strcmp(ra_buf_text(&f->text), ra_buf_text(&f->shown)) != 0)
		shown = ra_arena_strdup(l->trees, ra_buf_text(&f->shown));
	if (f->text.error < 0 || f->shown.error < 0 || text == NULL || shown == NULL)
		return ra_say_no_memory(l);
	return ra_tree_text(l, f->at, text, shown);
}

static const struct ra_node *
fill_text(struct filling *f, const char *text)
{
	const char *start, *end;

	while (next_hole(text, &start, &end)) {
		add_literal(f, text, (size_t)(start - text));
		/* Goes on after an error, so that all of one text are said. */
		if (add_hole(f, start, end) < 0 &&
		    (f->broken == NULL || end == NULL || f->h->trail != NULL))
			return f->broken;
		text = end + 1;
	}
	add_literal(f, text, strlen(text));
	return f->broken != NULL ? f->broken : finish(f);
}

static const struct ra_node *
fill_scalar(struct ra_holes *h, const struct ra_node *node, const struct ra_scope *scope)
{
	struct filling f = { .h = h,
		.at = ra_tree_mark(node),
		.scope = scope,
		.text = RA_BUF(RA_TEXT_MAX),
		.shown = RA_BUF(RA_TEXT_MAX) };
	const struct ra_node *filled;
	const char *start, *end;

	if (next_hole(node->text, &start, &end) && start == node->text && end != NULL &&
	    end[1] == '\0') {
		/* Exactly one: a list or map stays what it is. */
		filled = fill_hole(&f, start, end);
		if (filled == NULL)
			return f.broken;
		return filled->type == RA_NODE_SCALAR
			   ? ra_tree_text(h->l, f.at, filled->text, filled->shown)
			   : filled;
	}
	filled = fill_text(&f, node->text);
	ra_buf_free(&f.text);
	ra_buf_free(&f.shown);
	return filled;
}

/* --- trees --- */

const char *
ra_interpolate_key(struct ra_holes *h, const struct ra_entry *entry, const struct ra_scope *scope)
{
	struct ra_node text = { .line = entry->at.line,
		.col = entry->at.col,
		.file = entry->at.file,
		.type = RA_NODE_SCALAR,
		.text = entry->key,
		.shown = entry->key };
	struct ra_secrets *secrets = h->secrets;
	const struct ra_node *filled;

	if (strstr(entry->key, "${") == NULL)
		return entry->key;
	h->secrets = NULL; /* keys are shown */
	filled = fill_scalar(h, &text, scope);
	h->secrets = secrets;
	if (filled == NULL || (filled->flags & RA_NODE_SPOILT))
		return NULL;
	if (filled->type != RA_NODE_SCALAR || *filled->text == '\0') {
		ra_say(h->l, entry->at, "a key is a text, not %s",
		    filled->type == RA_NODE_SCALAR ? "an empty one" : ra_tree_type_name(filled));
		return NULL;
	}
	return filled->text;
}

static int
fill_entry(struct ra_holes *h, const struct ra_entry *entry, const struct ra_scope *scope,
    struct ra_builder *out)
{
	struct ra_entry filled = *entry;

	filled.key = ra_interpolate_key(h, entry, scope);
	if (filled.key == NULL)
		return h->l->fatal;
	if (filled.key != entry->key && ra_builder_find(out, filled.key) != NULL) {
		ra_say(h->l, entry->at, "`%.80s` is given twice", filled.key);
		return 0;
	}
	filled.value = ra_interpolate(h, entry->value, scope);
	if (filled.value == NULL)
		return h->l->fatal;
	return ra_builder_add(h->l, out, &filled);
}

static int
fill_item(struct ra_holes *h, const struct ra_node *item, const struct ra_scope *scope,
    struct ra_builder *out)
{
	const struct ra_entry filled = { .value = ra_interpolate(h, item, scope) };

	return filled.value != NULL ? ra_builder_add(h->l, out, &filled) : h->l->fatal;
}

static const struct ra_node *
fill_collection(struct ra_holes *h, const struct ra_node *node, const struct ra_scope *scope)
{
	const struct ra_node *filled = NULL;
	struct ra_builder out;
	bool spoilt = false;
	int r = 0;

	ra_builder_init(&out);
	/* One mistake in a variable is met wherever it is used, and these may be very many. */
	for (size_t i = 0; r == 0 && i < node->count && !(spoilt && h->trail != NULL); i++) {
		r = node->type == RA_NODE_MAP ? fill_entry(h, &node->entries[i], scope, &out)
					      : fill_item(h, node->items[i], scope, &out);
		spoilt = r == 0 && out.count > 0 &&
			 (out.list[out.count - 1].value->flags & RA_NODE_SPOILT);
	}
	if (r == 0)
		filled = node->type == RA_NODE_MAP
			     ? ra_builder_map(h->l, &out, ra_tree_mark(node))
			     : ra_builder_list(h->l, &out, ra_tree_mark(node));
	ra_builder_clear(&out);
	return filled;
}

const struct ra_node *
ra_interpolate(struct ra_holes *h, const struct ra_node *node, const struct ra_scope *scope)
{
	if (node->type == RA_NODE_SCOPED) {
		scope = node->scope;
		node = node->inner;
	}
	if (!(node->flags & RA_NODE_HOLES))
		return node;
	switch ((enum ra_node_type)node->type) {
	case RA_NODE_SCALAR:
		return fill_scalar(h, node, scope);
	case RA_NODE_LIST:
	case RA_NODE_MAP:
		return fill_collection(h, node, scope);
	case RA_NODE_NULL:
	case RA_NODE_SCOPED:
	case RA_NODE_BROKEN:
		break;
	}
	return node;
}
