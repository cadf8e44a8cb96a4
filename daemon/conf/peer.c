/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that are held against others, and the variables that do not count when they are compared.
 * Whom a check names may be built after it, so both are noted and settled at the end.
 */
#include <stdio.h>
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/digest.h"
#include "relaudit/model/name.h"

#include "loading.h"

struct wish {
	const char *option, *text;
	struct ra_mark at;
	bool warn;
	bool from_template;
};

struct ra_peering {
	struct ra_check *check;
	const struct ra_scope *scope;
	const char *service;
	struct wish wishes[RA_PEERS_MAX - 1]; /* the version's check may come to it */
	size_t wish_count;
	const char *version_name; /* the option that looks at the version; NULL: none */
	struct ra_mark version_at;
	size_t own; /* variables that it names itself; the others came from peers */
};

/* --- variables --- */

static int
add_variable(struct ra_loading *l, struct ra_peering *p, struct ra_secrets *secrets,
    struct ra_mark at, const char *name)
{
	struct ra_holes holes = {
		.l = l, .check = p->check->name, .service = p->service, .secrets = secrets
	};
	struct ra_pairs *known = &p->check->variables;
	struct ra_pair *list = ra_arena_alloc(l->config->arena, (known->count + 1) * sizeof(*list));
	struct ra_node hole = {
		.line = at.line, .col = at.col, .file = at.file, .type = RA_NODE_SCALAR
	};
	const struct ra_node *value;
	char text[RA_HINT_TEXT];

	snprintf(text, sizeof(text), "${%s}", name);
	hole.text = hole.shown = text;
	hole.flags = RA_NODE_HOLES;
	value = ra_interpolate(&holes, &hole, p->scope);
	if (list == NULL || value == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	if (value->flags & RA_NODE_SPOILT)
		return -EINVAL;
	if (value->type != RA_NODE_SCALAR) {
		ra_say(l, at, "'%.80s' is %s; what is normalized is a text", name,
		    ra_tree_type_name(value));
		return -EINVAL;
	}
	for (size_t i = 0; i < known->count; i++)
		list[i] = known->list[i];
	list[known->count] = (struct ra_pair){ .name = ra_keep(l, name),
		.text = { .value = ra_keep(l, value->text), .shown = ra_keep(l, value->shown) } };
	if (l->fatal != 0)
		return l->fatal;
	known->list = list;
	known->count++;
	return 0;
}

static bool
has_variable(const struct ra_check *c, const char *name)
{
	for (size_t i = 0; i < c->variables.count; i++) {
		if (strcmp(c->variables.list[i].name, name) == 0)
			return true;
	}
	return false;
}

static int
note_variable(struct ra_check_build *b, struct ra_peering *p, const struct ra_node *node)
{
	if (node->type != RA_NODE_SCALAR) /* said when it was bound */
		return 0;
	if (!ra_variable_valid(node->text, strlen(node->text)) ||
	    strlen(node->text) > RA_NAME_MAX) {
		ra_say(
		    b->l, ra_tree_mark(node), "'%.80s' is not the name of a variable", node->shown);
		return -EINVAL;
	}
	if (has_variable(p->check, node->text))
		return 0;
	return add_variable(b->l, p, &b->secrets, ra_tree_mark(node), node->text);
}

static int
note_variables(struct ra_check_build *b, struct ra_peering *p, const struct ra_node *names)
{
	int r = 0;

	if (names->type != RA_NODE_LIST)
		return note_variable(b, p, names);
	for (size_t i = 0; r == 0 && i < names->count; i++)
		r = note_variable(b, p, names->items[i]);
	return r;
}

/* They decide what is compared, so they are part of what the check is. */
static void
write_variables(struct ra_buf *content, const struct ra_pairs *v, size_t from)
{
	for (size_t i = from; i < v->count; i++)
		ra_buf_printf(content, "|%s=%zu:%s", v->list[i].name, strlen(v->list[i].text.value),
		    v->list[i].text.value);
}

/* --- noting --- */

/* What the environment does not say of the check itself comes from a template. */
static bool
is_from_template(const struct ra_check_build *b, const char *words, const char *option)
{
	const struct ra_node *own = ra_tree_get(b->scope->checks, b->name);

	return ra_tree_get(ra_tree_get(own, words), option) == NULL;
}

static void
note_wishes(struct ra_check_build *b, struct ra_peering *p, const struct ra_builder *words,
    const char *name)
{
	const struct ra_option *table = b->registry->kinds[b->check->kind].expectation->options;

	for (size_t i = 0; i < words->count; i++) {
		const struct ra_entry *e = &words->list[i];
		const struct ra_option *o = ra_option_find(table, e->key);

		if (o == NULL || !(o->flags & RA_OPT_PEER) || e->value->type != RA_NODE_SCALAR ||
		    p->wish_count == RA_ARRAY_SIZE(p->wishes))
			continue;
		p->wishes[p->wish_count++] = (struct wish){ .option = o->name,
			.text = e->value->text,
			.at = ra_tree_mark(e->value),
			.warn = strcmp(name, "warn") == 0,
			.from_template = is_from_template(b, name, e->key) };
	}
}

static bool
has_flag(const struct ra_option *o, unsigned flag)
{
	for (; o != NULL && o->name != NULL; o++) {
		if (o->flags & flag)
			return true;
	}
	return false;
}

int
ra_peers_note(struct ra_check_build *b)
{
	const struct ra_conf_kind *kind = &b->registry->kinds[b->check->kind];
	struct ra_peering *p;
	int r = 0;

	if (!has_flag(kind->expectation->options, RA_OPT_PEER))
		return 0;
	p = ra_arena_alloc(b->l->trees, sizeof(*p));
	if (p == NULL || ra_map_put(&b->l->peerings, b->check->id, p, NULL) < 0)
		return ra_say_no_memory(b->l), -ENOMEM;
	p->check = b->check;
	p->scope = b->scope;
	p->service = b->check->service;
	p->version_name = b->version_name;
	p->version_at = b->version_at;
	note_wishes(b, p, &b->expect, "expect");
	note_wishes(b, p, &b->warn, "warn");
	for (size_t i = 0; r == 0 && i < b->kind.count; i++) {
		const struct ra_option *o =
		    ra_option_find(kind->type->options, b->kind.list[i].key);

		if (o->flags & RA_OPT_VARIABLES)
			r = note_variables(b, p, b->kind.list[i].value);
	}
	p->own = b->check->variables.count;
	write_variables(&b->content, &b->check->variables, 0);
	return r;
}

/* --- finding --- */

static void
say_no_environment(struct ra_loading *l, const struct wish *w, const char *name)
{
	const struct ra_config *c = l->config;
	struct ra_nearest n;
	struct ra_hint hint;

	ra_nearest_init(&n, name);
	for (size_t i = 0; i < c->environment_count; i++)
		ra_nearest_try(&n, c->environments[i]->name);
	ra_say(l, w->at, "`%s:` there is no environment '%.80s'%s", w->option, name,
	    ra_say_nearest(&n, &hint));
}

static void
say_no_check(struct ra_loading *l, const struct wish *w, const struct ra_environment *env,
    const struct ra_peering *p, const char *name)
{
	struct ra_nearest n;
	struct ra_hint hint;

	ra_nearest_init(&n, name);
	for (size_t i = 0; i < env->check_count; i++) {
		if (env->checks[i]->kind == p->check->kind)
			ra_nearest_try(&n, env->checks[i]->name);
	}
	ra_say(l, w->at, "`%s:` environment %s has no check '%.80s'%s", w->option, env->name, name,
	    ra_say_nearest(&n, &hint));
}

/* NULL: there is none (said), or it is not meant here. */
static const struct ra_check *
find(struct ra_loading *l, const struct ra_peering *p, const struct wish *w, bool spoilt)
{
	const char *slash = strchr(w->text, '/');
	const char *name = slash != NULL ? slash + 1 : p->check->name;
	size_t len = slash != NULL ? (size_t)(slash - w->text) : strlen(w->text);
	char env_name[RA_NAME_MAX + 1], id[2 * (RA_NAME_MAX + 1)];
	const struct ra_environment *env;
	const struct ra_check *c;

	snprintf(env_name, sizeof(env_name), "%.*s", (int)(len < RA_NAME_MAX ? len : RA_NAME_MAX),
	    w->text);
	env = len <= RA_NAME_MAX ? ra_config_environment(l->config, env_name) : NULL;
	if (env == NULL)
		return say_no_environment(l, w, env_name), NULL;
	if (env == p->check->environment && w->from_template)
		return NULL;
	snprintf(id, sizeof(id), "%s/%.*s", env->name, RA_NAME_MAX, name);
	c = ra_map_get(&l->config->checks_by_id, id);
	if (c == NULL && !spoilt) /* else it may be there, and wrong */
		say_no_check(l, w, env, p, name);
	else if (c == p->check)
		ra_say(l, w->at, "`%s:` %s cannot be held against itself", w->option, c->id);
	else if (c != NULL && c->kind != p->check->kind)
		ra_say(l, w->at, "`%s:` %s is of kind %s; only what is of one kind is compared",
		    w->option, c->id, l->load->registry->kinds[c->kind].type->name);
	else
		return c;
	return NULL;
}

static bool
tells_version(const struct ra_loading *l, const struct ra_peering *p, const struct ra_check *c)
{
	const char *a = c->service, *b = p->service;

	return strcmp(l->load->registry->kinds[c->kind].type->name, "version") == 0 &&
	       (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0));
}

/* The one check that tells which version of the service runs here. NULL: said. */
static const struct ra_check *
find_version(struct ra_loading *l, const struct ra_peering *p, bool spoilt)
{
	const struct ra_environment *env = p->check->environment;
	const char *service = p->service != NULL ? p->service : "", *of = *service ? " of " : "";
	const struct ra_check *found = NULL;

	for (size_t i = 0; i < env->check_count; i++) {
		if (!tells_version(l, p, env->checks[i]))
			continue;
		if (found != NULL) {
			ra_say(l, p->version_at,
			    "`%s:` both %s and %s tell which version%s%s runs here; keep one",
			    p->version_name, found->id, env->checks[i]->id, of, service);
			return NULL;
		}
		found = env->checks[i];
	}
	if (found == NULL && !spoilt)
		ra_say(l, p->version_at,
		    "`%s:` needs to know which version%s%s runs here: environment %s has no check "
		    "of kind version for it",
		    p->version_name, of, service, env->name);
	return found;
}

static void
find_all(struct ra_loading *l, struct ra_peering *p, bool spoilt)
{
	struct ra_check_peer *list =
	    ra_arena_alloc(l->config->arena, (p->wish_count + 1) * sizeof(*list));

	if (list == NULL) {
		ra_say_no_memory(l);
		return;
	}
	p->check->peers = list;
	for (size_t i = 0; i < p->wish_count; i++) {
		const struct wish *w = &p->wishes[i];
		const struct ra_check *c = find(l, p, w, spoilt);

		if (c != NULL)
			list[p->check->peer_count++] = (struct ra_check_peer){
				.option = w->option, .warn = w->warn, .check = c
			};
	}
	if (p->version_name != NULL) {
		const struct ra_check *c = find_version(l, p, spoilt);

		if (c != NULL)
			list[p->check->peer_count++] =
			    (struct ra_check_peer){ .option = RA_PEER_VERSION, .check = c };
	}
}

/* --- what both sides need --- */

static bool
is_defined(const struct ra_peering *p, const char *name)
{
	return ra_tree_get(p->scope->vars, name) != NULL || strcmp(name, "environment") == 0 ||
	       strcmp(name, "check") == 0 || (strcmp(name, "service") == 0 && p->service != NULL);
}

/* True if something was new. */
static bool
lend(struct ra_loading *l, const struct ra_check *from, struct ra_peering *to)
{
	struct ra_secrets secrets = {
		0
	}; /* they are not shown by the check: it does not use them */
	bool more = false;

	for (size_t i = 0; l->fatal == 0 && i < from->variables.count; i++) {
		const char *name = from->variables.list[i].name;

		if (has_variable(to->check, name) || !is_defined(to, name))
			continue;
		more = add_variable(l, to, &secrets, (struct ra_mark){ 0 }, name) == 0 || more;
	}
	ra_secrets_clear(&secrets);
	return more;
}

static bool
lend_all(struct ra_loading *l)
{
	bool more = false;
	void *value;
	size_t i = 0;

	while (l->fatal == 0 && ra_map_next(&l->peerings, &i, NULL, &value)) {
		struct ra_peering *p = value, *other;

		for (size_t j = 0; j < p->check->peer_count; j++) {
			other = ra_map_get(&l->peerings, p->check->peers[j].check->id);
			if (other == NULL || other->check->kind != p->check->kind)
				continue;
			more = lend(l, p->check, other) || more;
			more = lend(l, other->check, p) || more;
		}
	}
	return more;
}

static void
add_dependent(struct ra_loading *l, const struct ra_check *of, const struct ra_check *c)
{
	struct ra_check *peer = (struct ra_check *)(uintptr_t)of;
	size_t n = peer->dependent_count, room = n == 0 ? 4 : 2 * n;
	const struct ra_check **list = (const struct ra_check **)(uintptr_t)peer->dependents;

	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) { /* full at each power of two */
		list = ra_arena_alloc(l->config->arena, room * sizeof(*list));
		if (list == NULL) {
			ra_say_no_memory(l);
			return;
		}
		for (size_t i = 0; i < n; i++)
			list[i] = peer->dependents[i];
		peer->dependents = list;
	}
	list[peer->dependent_count++] = c;
}

/* Those of others, to a fingerprint. */
static int
add_variables(const struct ra_peering *p, uint8_t fingerprint[16])
{
	RA_BUF_LOCAL content = RA_BUF(0);

	ra_buf_add(&content, fingerprint, 16);
	write_variables(&content, &p->check->variables, p->own);
	return ra_fingerprint(&content, fingerprint);
}

static void
finish(struct ra_loading *l, struct ra_peering *p)
{
	struct ra_check *c = p->check;

	for (size_t i = 0; i < c->peer_count; i++)
		add_dependent(l, c->peers[i].check, c);
	if (c->variables.count == p->own)
		return;
	if (add_variables(p, c->fingerprint) < 0 || add_variables(p, c->judged) < 0)
		ra_say_no_memory(l);
}

void
ra_peers_resolve(struct ra_loading *l)
{
	bool spoilt = l->said_count > 0;
	void *value;
	size_t i = 0;

	while (l->fatal == 0 && ra_map_next(&l->peerings, &i, NULL, &value))
		find_all(l, value, spoilt);
	while (l->fatal == 0 && lend_all(l))
		continue;
	for (i = 0; l->fatal == 0 && ra_map_next(&l->peerings, &i, NULL, &value);)
		finish(l, value);
}
