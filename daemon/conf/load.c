/* SPDX-License-Identifier: Apache-2.0 */
/* From files to a configuration, in order. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/model/name.h"

#include "loading.h"

/* --- begin and end of a load --- */

static void
free_maps(void *arg)
{
	struct ra_config *c = arg;

	ra_map_free(&c->environments_by_name);
	ra_map_free(&c->checks_by_id);
}

static int
begin(struct ra_loading *l, const struct ra_conf_load *load)
{
	struct ra_arena *arena = ra_arena_new();

	*l = (struct ra_loading){ .load = load,
		.nodes_left = RA_NODES_MAX,
		.steps_left = RA_STEPS_MAX,
		.trees = ra_arena_new() };
	if (arena == NULL || l->trees == NULL ||
	    (l->config = ra_arena_alloc(arena, sizeof(*l->config))) == NULL ||
	    (l->kind_defaults = ra_arena_alloc(
		 l->trees, load->registry->kind_count * sizeof(*l->kind_defaults))) == NULL) {
		ra_arena_free(arena);
		l->config = NULL;
		return ra_say_no_memory(l), -ENOMEM;
	}
	l->config->refs = 1;
	l->config->arena = arena;
	l->config->registry = load->registry;
	if (ra_arena_defer(arena, free_maps, l->config) < 0)
		return ra_say_no_memory(l), -ENOMEM;
	return 0;
}

/* Everything but the configuration, which goes to the caller if nothing was said. */
static int
end(struct ra_loading *l, struct ra_config **ret_config, struct ra_errors *errors)
{
	int r = l->fatal != 0 || l->said_count > 0 || l->said_more > 0 ? -EINVAL : 0;

	ra_say_all(l, errors);
	if (r < 0 && !ra_errors_any(errors))
		errors->more++;
	if (r < 0)
		ra_config_unref(RA_TAKE(l->config));
	else
		*ret_config = l->config;
	ra_map_free(&l->inodes);
	ra_map_free(&l->said_index);
	ra_map_free(&l->kept);
	ra_map_free(&l->secrets);
	ra_map_free(&l->contents);
	ra_map_free(&l->watched);
	ra_map_free(&l->bound);
	ra_map_free(&l->templates);
	ra_map_free(&l->peerings);
	ra_map_free(&l->names);
	ra_buf_free(&l->key);
	ra_buf_free(&l->content);
	free(l->files);
	free(l->said);
	ra_arena_free(l->trees);
#ifdef __GLIBC__
	/* The trees are larger than what came of them, and the process lives long. */
	(void)malloc_trim(0);
#endif
	return r;
}

const char *
ra_keep(struct ra_loading *l, const char *text)
{
	const char *kept = ra_map_get(&l->kept, text);

	if (kept != NULL)
		return kept;
	kept = ra_arena_strdup(l->config->arena, text);
	if (kept == NULL || ra_map_put(&l->kept, kept, (void *)(uintptr_t)kept, NULL) < 0)
		return ra_say_no_memory(l);
	return kept;
}

/* --- order and indexes --- */

/* By rank, then name; those without a rank are no part of a promotion and come last. */
static int
compare_environments(const void *a, const void *b)
{
	const struct ra_environment *const *one = a, *const *two = b;
	int64_t x = (*one)->rank == RA_UNSET ? INT64_MAX : (*one)->rank;
	int64_t y = (*two)->rank == RA_UNSET ? INT64_MAX : (*two)->rank;

	if (x != y)
		return x < y ? -1 : 1;
	return strcmp((*one)->name, (*two)->name);
}

static int
index_environment(struct ra_loading *l, const struct ra_environment *e, const char *name)
{
	return ra_map_put(&l->config->environments_by_name, name, (void *)(uintptr_t)e, NULL);
}

static int
index_all(struct ra_loading *l)
{
	struct ra_config *c = l->config;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->environment_count; i++)
		r = index_environment(l, c->environments[i], c->environments[i]->name);
	for (size_t i = 0; i < c->environment_count; i++) {
		const struct ra_environment *e = c->environments[i];

		for (size_t j = 0; r == 0 && j < e->aliases.count; j++)
			r = index_environment(l, e, e->aliases.list[j].value);
	}
	for (size_t i = 0; r == 0 && i < c->check_count; i++)
		r = ra_map_put(
		    &c->checks_by_id, c->checks[i]->id, (void *)(uintptr_t)c->checks[i], NULL);
	if (r < 0)
		return ra_say_no_memory(l), r;
	ra_peers_resolve(l);
	return l->fatal;
}

/* The arrays of the configuration out of what was built. */
static int
arrange(struct ra_loading *l)
{
	struct ra_config *c = l->config;
	size_t count = l->environment_count, n = 0;
	struct ra_environment **environments;
	const struct ra_check **checks;

	if (count > 1)
		qsort(l->environments, count, sizeof(*l->environments), compare_environments);
	environments = ra_arena_memdup(c->arena, l->environments, count * sizeof(*environments));
	checks = ra_arena_alloc(c->arena, l->check_count * sizeof(const struct ra_check *));
	if (environments == NULL || checks == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct ra_environment *e = environments[i];

		e->index = (uint32_t)i;
		for (size_t j = 0; j < e->check_count; j++) {
			checks[n + j] = e->checks[j];
			((struct ra_check *)(uintptr_t)e->checks[j])->index = (uint32_t)(n + j);
		}
		e->checks = &checks[n];
		n += e->check_count;
	}
	c->environments = (const struct ra_environment *const *)environments;
	c->environment_count = count;
	c->checks = checks;
	c->check_count = n;
	return index_all(l);
}

/* --- loading --- */

static void
build(struct ra_loading *l, const struct ra_node *root)
{
	ra_sections_build(l, root);
	if (l->fatal == 0)
		ra_templates_build(l, ra_tree_get(root, "templates"));
	if (l->fatal == 0)
		ra_environments_build(l, ra_tree_get(root, "environments"));
	if (l->fatal == 0)
		ra_templates_check_unused(l);
	if (l->fatal == 0 && arrange(l) == 0 && ra_watched_keep(l) == 0)
		l->config->digest = ra_files_digest(l);
}

static int
load_files(struct ra_loading *l, struct ra_config **ret_config, struct ra_errors *errors)
{
	const struct ra_node *root = ra_files_load(l, l->load->path);

	if (root != NULL)
		build(l, root);
	else if (l->fatal == 0 && l->said_count == 0)
		ra_say_no_memory(l);
	return end(l, ret_config, errors);
}

int
ra_config_load(
    const struct ra_conf_load *load, struct ra_config **ret_config, struct ra_errors *errors)
{
	struct ra_loading l;

	if (begin(&l, load) < 0)
		return end(&l, ret_config, errors);
	return load_files(&l, ret_config, errors);
}

/* --- try --- */

static void
build_try(struct ra_loading *l, const char *name, const struct ra_node *root)
{
	struct ra_environment *env = ra_arena_alloc(l->config->arena, sizeof(*env));
	struct ra_scope scope = { .environment = "try" };
	struct ra_entry layer = { .value = root };
	const struct ra_node *nothing = ra_tree_node(l, ra_tree_mark(root), RA_NODE_MAP), *layers;
	const struct ra_check **list;
	struct ra_builder b;

	l->environments = ra_arena_alloc(l->trees, sizeof(*l->environments));
	list = ra_arena_alloc(l->trees, sizeof(*list));
	if (env == NULL || l->environments == NULL || list == NULL || nothing == NULL) {
		ra_say_no_memory(l);
		return;
	}
	*env = (struct ra_environment){ .name = "try", .rank = RA_UNSET };
	l->environments[l->environment_count++] = env;
	ra_sections_build(l, nothing);
	ra_builder_init(&b);
	layer.value = ra_tree_scoped(l, root, &scope);
	layers = layer.value != NULL && ra_builder_add(l, &b, &layer) == 0
		     ? ra_builder_list(l, &b, ra_tree_mark(root))
		     : NULL;
	if (layers != NULL)
		list[0] = ra_check_build(l, &scope, env, name, ra_tree_mark(root), layers);
	ra_builder_clear(&b);
	env->checks = list;
	env->check_count = l->check_count = list[0] != NULL;
	if (l->fatal == 0 && arrange(l) == 0 && ra_watched_keep(l) == 0)
		l->config->digest = ra_files_digest(l);
}

int
ra_config_load_check(const struct ra_conf_load *load, const char *name, const char *yaml,
    size_t len, struct ra_config **ret_config, struct ra_errors *errors)
{
	const struct ra_node *root = NULL;
	struct ra_loading l;
	int file;

	if (begin(&l, load) < 0)
		return end(&l, ret_config, errors);
	file = ra_files_add(&l, "<try>", yaml, len);
	if (file >= 0)
		root = ra_yaml_parse(&l, (uint16_t)file);
	if (root != NULL && root->type != RA_NODE_MAP)
		ra_say(&l, ra_tree_mark(root), "a check is a map, not %s", ra_tree_type_name(root));
	else if (root != NULL && !ra_name_valid(name, strlen(name)))
		ra_say_name(&l, ra_tree_mark(root), name, "a check");
	else if (root != NULL)
		build_try(&l, name, root);
	return end(&l, ret_config, errors);
}

/* --- print --- */

static void
say_no_check(const struct ra_config *c, const char *id, struct ra_errors *errors)
{
	struct ra_nearest n;
	struct ra_hint hint;

	ra_nearest_init(&n, id);
	for (size_t i = 0; i < c->check_count; i++)
		ra_nearest_try(&n, c->checks[i]->id);
	ra_errors_add(errors, (struct ra_pos){ .file = "--print" }, NULL,
	    "there is no check '%s'%s", id, ra_say_nearest(&n, &hint));
}

int
ra_config_print(
    const struct ra_conf_load *load, const char *id, struct ra_buf *out, struct ra_errors *errors)
{
	struct ra_config *c = NULL;
	struct ra_loading l;
	bool printed;
	int r;

	if (begin(&l, load) < 0)
		return end(&l, &c, errors);
	l.print = id;
	l.print_out = out;
	r = load_files(&l, &c, errors);
	printed = l.printed;
	if (r == 0 && !printed) {
		say_no_check(c, id, errors);
		r = -ENOENT;
	}
	if (r < 0)
		ra_buf_clear(out);
	ra_config_unref(c);
	return r;
}

/* --- a configuration's life --- */

struct ra_config *
ra_config_ref(struct ra_config *c)
{
	c->refs++;
	return c;
}

void
ra_config_unref(struct ra_config *c)
{
	if (c != NULL && --c->refs == 0)
		ra_arena_free(c->arena);
}

const struct ra_environment *
ra_config_environment(const struct ra_config *c, const char *name)
{
	return ra_map_get(&c->environments_by_name, name);
}

const struct ra_check *
ra_config_check(const struct ra_config *c, const char *id)
{
	const struct ra_check *check = ra_map_get(&c->checks_by_id, id);
	const char *slash = strchr(id, '/');
	const struct ra_environment *env;
	char name[RA_NAME_MAX + 1], whole[2 * (RA_NAME_MAX + 1)];

	if (check != NULL || slash == NULL || (size_t)(slash - id) > RA_NAME_MAX ||
	    strlen(slash + 1) > RA_NAME_MAX)
		return check;
	memcpy(name, id, (size_t)(slash - id));
	name[slash - id] = '\0';
	env = ra_config_environment(c, name);
	if (env == NULL)
		return NULL;
	snprintf(whole, sizeof(whole), "%s%s", env->name, slash);
	return ra_map_get(&c->checks_by_id, whole);
}
