/* SPDX-License-Identifier: Apache-2.0 */
/* Environments and the templates they use. */
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/model/name.h"

#include "loading.h"

/* --- templates --- */

struct ra_template {
	const struct ra_node *checks;
	struct ra_map names; /* of the ${...} in it */
	bool used;
	struct ra_loading *l;
};

static bool
add_name(void *arg, const char *name, size_t len)
{
	struct ra_template *t = arg;
	char *kept = ra_arena_strndup(t->l->trees, name, len);

	if (kept != NULL && ra_map_put(&t->names, kept, kept, NULL) == 0)
		return true;
	ra_say_no_memory(t->l);
	return false;
}

static void
free_names(void *arg)
{
	ra_map_free(arg);
}

static void
build_template(struct ra_loading *l, const struct ra_entry *e)
{
	struct ra_template *t = ra_arena_alloc(l->trees, sizeof(*t));

	if (t == NULL || ra_arena_defer(l->trees, free_names, &t->names) < 0 ||
	    ra_map_put(&l->templates, e->key, t, NULL) < 0) {
		ra_say_no_memory(l);
		return;
	}
	t->l = l;
	if (!ra_name_valid(e->key, strlen(e->key)))
		ra_say_name(l, e->at, e->key, "a template");
	if (!ra_section_is_map(l, e->value, e->key) || ra_tree_is_null(e->value))
		return;
	ra_bind_check_keys(l, &ra_section_template, e->value);
	t->checks = ra_tree_get(e->value, "checks");
	if (!ra_section_is_map(l, t->checks, "checks") || ra_tree_is_null(t->checks))
		t->checks = NULL;
	else
		(void)ra_interpolate_names(t->checks, add_name, t);
}

void
ra_templates_build(struct ra_loading *l, const struct ra_node *templates)
{
	if (!ra_section_is_map(l, templates, "templates") || ra_tree_is_null(templates))
		return;
	for (size_t i = 0; l->fatal == 0 && i < templates->count; i++)
		build_template(l, &templates->entries[i]);
}

/* A template that nobody uses is not filled in, but its keys are what they are. */
static void
check_unused(struct ra_loading *l, const struct ra_node *check)
{
	const struct ra_registry *r = l->load->registry;

	for (size_t i = 0; check->type == RA_NODE_MAP && i < check->count; i++) {
		const struct ra_entry *e = &check->entries[i];
		int source = ra_registry_source(r, e->key);
		size_t len = strlen(e->key);

		if (source >= 0 && ra_tree_get(e->value, "connection") == NULL)
			ra_bind_check_keys(l, r->sources[source].type, e->value);
		else if (!ra_registry_knows(r, e->key) && e->key[len - 1] != '+')
			ra_say(l, e->at, "unknown key '%.80s' for a check", e->key);
	}
}

void
ra_templates_check_unused(struct ra_loading *l)
{
	struct ra_template *t;
	void *value;
	size_t i = 0;

	while (ra_map_next(&l->templates, &i, NULL, &value)) {
		t = value;
		for (size_t j = 0; !t->used && t->checks != NULL && j < t->checks->count; j++)
			check_unused(l, t->checks->entries[j].value);
	}
}

/* --- an environment --- */

struct environment {
	struct ra_loading *l;
	struct ra_environment *environment;
	struct ra_scope *scope; /* in the trees: what checks refer to is looked up late */
	struct ra_builder drafts; /* name -> list of layers */
};

static int
add_layer(struct environment *env, const char *name, struct ra_mark at, const struct ra_node *layer)
{
	struct ra_loading *l = env->l;
	struct ra_entry *draft = ra_builder_find(&env->drafts, name);
	const struct ra_node *before = draft != NULL ? draft->value : NULL;
	struct ra_node *layers = ra_tree_node(l, at, RA_NODE_LIST);
	size_t count = before != NULL ? before->count : 0;
	const struct ra_node **items;

	if (layers == NULL || layer == NULL)
		return l->fatal;
	items = ra_arena_alloc(l->trees, (count + 1) * sizeof(*items));
	if (items == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	for (size_t i = 0; i < count; i++)
		items[i] = before->items[i];
	items[count] = layer;
	layers->items = items;
	layers->count = (uint32_t)count + 1;
	if (draft == NULL)
		return ra_builder_add(
		    l, &env->drafts, &(struct ra_entry){ .key = name, .value = layers, .at = at });
	draft->value = layers;
	draft->at = at;
	return 0;
}

static int
add_check(struct environment *env, const struct ra_entry *e, const struct ra_scope *scope)
{
	struct ra_loading *l = env->l;
	struct ra_holes holes = { .l = l };
	const char *name = ra_interpolate_key(&holes, e, scope);
	struct ra_entry *draft;

	if (name == NULL)
		return l->fatal;
	if (!ra_name_valid(name, strlen(name))) {
		ra_say_name(l, e->at, name, "a check");
		return 0;
	}
	if (e->value->type == RA_NODE_NULL) {
		draft = ra_builder_find(&env->drafts, name);
		if (draft == NULL || draft->value == NULL)
			ra_say(l, e->at,
			    "'%s' is empty, which removes a template's check, and none has one",
			    name);
		else
			draft->value = NULL;
		return 0;
	}
	if (e->value->type != RA_NODE_MAP) {
		ra_say(l, ra_tree_mark(e->value), "a check is a map, not %s",
		    ra_tree_type_name(e->value));
		return 0;
	}
	return add_layer(env, name, e->at, ra_tree_scoped(l, e->value, scope));
}

static int
add_checks(struct environment *env, const struct ra_node *checks, const struct ra_scope *scope)
{
	int r = 0;

	if (checks == NULL || checks->type != RA_NODE_MAP)
		return 0;
	for (size_t i = 0; r == 0 && i < checks->count; i++)
		r = add_check(env, &checks->entries[i], scope);
	return r;
}

/* --- use --- */

static void
say_no_template(struct ra_loading *l, struct ra_mark at, const char *name)
{
	struct ra_nearest n;
	struct ra_hint hint;
	const char *other;
	size_t i = 0;

	ra_nearest_init(&n, name);
	while (ra_map_next(&l->templates, &i, &other, NULL))
		ra_nearest_try(&n, other);
	ra_say(l, at, "there is no template '%.80s'%s", name, ra_say_nearest(&n, &hint));
}

static void
check_params(struct ra_loading *l, const struct ra_template *t, const char *name,
    const struct ra_node *params)
{
	for (size_t i = 0; params != NULL && i < params->count; i++) {
		const struct ra_entry *e = &params->entries[i];
		struct ra_nearest n;
		struct ra_hint hint;
		const char *other;
		size_t at = 0;

		if (ra_map_get(&t->names, e->key) != NULL)
			continue;
		ra_nearest_init(&n, e->key);
		while (ra_map_next(&t->names, &at, &other, NULL))
			ra_nearest_try(&n, other);
		ra_say(l, e->at, "template '%s' does not use a parameter '%.80s'%s", name, e->key,
		    ra_say_nearest(&n, &hint));
	}
}

static int
use_template(
    struct environment *env, struct ra_mark at, const char *name, const struct ra_node *params)
{
	struct ra_loading *l = env->l;
	struct ra_template *t = ra_map_get(&l->templates, name);
	struct ra_scope *scope;

	if (t == NULL) {
		say_no_template(l, at, name);
		return 0;
	}
	if (!ra_tree_is_null(params) && params->type != RA_NODE_MAP) {
		ra_say(l, ra_tree_mark(params), "parameters are a map, not %s",
		    ra_tree_type_name(params));
		return 0;
	}
	if (ra_tree_is_null(params))
		params = NULL;
	t->used = true;
	check_params(l, t, name, params);
	scope = ra_arena_alloc(l->trees, sizeof(*scope));
	if (scope == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	*scope = (struct ra_scope){
		.params = params, .outer = env->scope, .environment = env->scope->environment
	};
	return add_checks(env, t->checks, scope);
}

static int
use_item(struct environment *env, const struct ra_node *item)
{
	if (item->type == RA_NODE_SCALAR)
		return use_template(env, ra_tree_mark(item), item->text, NULL);
	if (item->type == RA_NODE_MAP && item->count == 1)
		return use_template(
		    env, item->entries[0].at, item->entries[0].key, item->entries[0].value);
	ra_say(env->l, ra_tree_mark(item),
	    "`use:` is a list of templates, each `name` or `{name: {parameter: value}}`");
	return 0;
}

static int
use_all(struct environment *env, const struct ra_node *use)
{
	int r = 0;

	if (ra_tree_is_null(use))
		return 0;
	if (use->type != RA_NODE_LIST)
		return use_item(env, use);
	for (size_t i = 0; r == 0 && i < use->count; i++)
		r = use_item(env, use->items[i]);
	return r;
}

/* --- its own options --- */

static void
check_vars(struct ra_loading *l, const struct ra_node *vars)
{
	for (size_t i = 0; vars != NULL && i < vars->count; i++) {
		const struct ra_entry *e = &vars->entries[i];

		if (!ra_variable_valid(e->key, strlen(e->key)))
			ra_say(l, e->at,
			    "'%.80s' is not a variable's name: a letter or _, then letters, "
			    "digits, _ and -",
			    e->key);
	}
}

static int
fill_options(struct environment *env, const struct ra_node *map, struct ra_builder *out)
{
	struct ra_holes holes = { .l = env->l };
	int r = 0;

	for (size_t i = 0; r == 0 && i < map->count; i++) {
		struct ra_entry e = map->entries[i];
		const struct ra_option *o = ra_option_find(ra_section_environment.options, e.key);

		if (o != NULL && (o->flags & RA_OPT_SPECIAL))
			continue;
		if (o != NULL)
			e.value = ra_interpolate(&holes, e.value, env->scope);
		r = e.value != NULL ? ra_builder_add(env->l, out, &e) : env->l->fatal;
	}
	return r;
}

static void
take_options(struct ra_environment *to, const struct ra_environment_options *o)
{
	to->rank = o->rank;
	to->labels = o->labels;
	to->aliases = o->aliases;
	to->owner = o->owner.value;
	to->runbook = o->runbook.value;
}

static int
build_options(struct environment *env, const struct ra_entry *e)
{
	struct ra_builder own;
	struct ra_bound bound;
	int r;

	ra_builder_init(&own);
	r = fill_options(env, e->value, &own);
	if (r == 0) {
		const struct ra_node map = ra_builder_view(&own, e->at);

		if (ra_bind(env->l, &ra_section_environment, &map, e->at, &bound) == 0)
			take_options(env->environment, bound.options);
	}
	ra_builder_clear(&own);
	return env->l->fatal;
}

/* Two environments of one name would be one too few. */
static void
check_aliases(struct environment *env, const struct ra_node *map)
{
	const struct ra_texts *aliases = &env->environment->aliases;
	const struct ra_entry *e = ra_tree_find(map, "aliases"), *other;
	struct ra_hint hint;

	for (size_t i = 0; e != NULL && i < aliases->count; i++) {
		const char *alias = aliases->list[i].value;

		other = ra_map_get(&env->l->names, alias);
		if (other != NULL)
			ra_say(env->l, e->at, "'%.80s' is given twice, first at %s", alias,
			    ra_say_place(env->l, other->at, &hint));
		else if (ra_map_put(&env->l->names, alias, (void *)(uintptr_t)e, NULL) < 0)
			ra_say_no_memory(env->l);
	}
}

/* --- building --- */

static int
compare_checks(const void *a, const void *b)
{
	const struct ra_check *const *one = a, *const *two = b;

	return strcmp((*one)->name, (*two)->name);
}

static int
build_checks(struct environment *env)
{
	struct ra_loading *l = env->l;
	size_t count = env->drafts.count, n = 0;
	const struct ra_check **list =
	    ra_arena_alloc(l->trees, count * sizeof(const struct ra_check *));

	if (list == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	for (size_t i = 0; l->fatal == 0 && i < count; i++) {
		const struct ra_entry *draft = &env->drafts.list[i];
		const struct ra_check *c;

		if (draft->value == NULL)
			continue;
		c = ra_check_build(
		    l, env->scope, env->environment, draft->key, draft->at, draft->value);
		if (c != NULL)
			list[n++] = c;
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), compare_checks);
	env->environment->checks = list;
	env->environment->check_count = n;
	l->check_count += n;
	return l->fatal;
}

static int
build_environment(struct ra_loading *l, const struct ra_entry *e)
{
	struct environment env = { .l = l };
	const struct ra_node *vars;
	int r;

	if (!ra_name_valid(e->key, strlen(e->key)))
		ra_say_name(l, e->at, e->key, "an environment");
	env.environment = ra_arena_alloc(l->config->arena, sizeof(*env.environment));
	env.scope = ra_arena_alloc(l->trees, sizeof(*env.scope));
	if (env.environment == NULL || env.scope == NULL ||
	    (env.environment->name = ra_keep(l, e->key)) == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	env.environment->rank = RA_UNSET;
	l->environments[l->environment_count++] = env.environment;
	if (!ra_section_is_map(l, e->value, e->key) || ra_tree_is_null(e->value))
		return 0;
	vars = ra_tree_get(e->value, "vars");
	if (ra_section_is_map(l, vars, "vars") && !ra_tree_is_null(vars))
		env.scope->vars = vars;
	check_vars(l, env.scope->vars);
	env.scope->checks = ra_tree_get(e->value, "checks");
	env.scope->environment = env.environment->name;
	ra_builder_init(&env.drafts);
	(void)ra_section_is_map(l, ra_tree_get(e->value, "checks"), "checks");
	r = build_options(&env, e);
	check_aliases(&env, e->value);
	if (r == 0)
		r = use_all(&env, ra_tree_get(e->value, "use"));
	if (r == 0)
		r = add_checks(&env, ra_tree_get(e->value, "checks"), env.scope);
	if (r == 0)
		r = build_checks(&env);
	ra_builder_clear(&env.drafts);
	return r;
}

void
ra_environments_build(struct ra_loading *l, const struct ra_node *environments)
{
	if (!ra_section_is_map(l, environments, "environments") || ra_tree_is_null(environments))
		return;
	l->environments =
	    ra_arena_alloc(l->trees, environments->count * sizeof(struct ra_environment *));
	if (l->environments == NULL) {
		ra_say_no_memory(l);
		return;
	}
	for (size_t i = 0; l->fatal == 0 && i < environments->count; i++) {
		const struct ra_entry *e = &environments->entries[i];

		if (ra_map_put(&l->names, e->key, (void *)(uintptr_t)e, NULL) < 0)
			ra_say_no_memory(l);
	}
	for (size_t i = 0; l->fatal == 0 && i < environments->count; i++)
		(void)build_environment(l, &environments->entries[i]);
}
