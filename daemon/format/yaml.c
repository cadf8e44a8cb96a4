/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as configuration: keys are JSON Pointers, scalars are text as they are written (`yes` stays
 * `yes`, 1.10 stays 1.10), but null, ~ and nothing without quotes are null. Aliases stand for what
 * they are of, `<<` merges. YAML's own tags say no more than that; any other counts: `!ENV DB` is
 * the text "!ENV DB", and a map or list that is tagged has a key more, /.../!reference.
 */
#include <string.h>

#include "flatten.h"
#include "yaml_tree.h"

#define VISITS_MAX ((size_t)4 * RA_KEYS_MAX)

struct yaml_options {
	struct ra_text select;
};

struct walk {
	const struct ra_yaml_tree *t;
	struct ra_keys *k;
	struct ra_flatten f;
	size_t visits; /* of nodes: aliases of aliases multiply */
};

static int
yaml_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	const struct yaml_options *o = bound;
	struct ra_error err = { 0 };

	if (o->select.value != NULL && ra_pointer_check(o->select.value, &err) < 0)
		ra_conf_complain(place, "select", "%s", err.text);
	return 0;
}

static const struct ra_option options[] = {
	{ .name = "select",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct yaml_options, select),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "JSON Pointer to the part of the document that counts, as in `/data`" },
	{ 0 },
};

static const struct ra_yaml_node *
node(const struct walk *w, uint32_t at)
{
	const struct ra_yaml_node *n = &w->t->nodes[at];

	while (n->type == RA_YAML_ALIAS)
		n = &w->t->nodes[n->first];
	return n;
}

static enum ra_reason
refuse(struct walk *w, uint32_t line, const char *what)
{
	ra_error_set(w->k->err, -EINVAL, "line %u: %s", line, what);
	return RA_R_NOT_YAML;
}

static bool
is_null(const char *text, size_t len)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
			return true;
	}
	return false;
}

static bool
is_merge(const struct walk *w, const struct ra_yaml_node *name)
{
	return name->type == RA_YAML_SCALAR && name->plain && name->len == 2 &&
	       memcmp(w->t->texts + name->text, "<<", 2) == 0;
}

static enum ra_reason emit(struct walk *w, uint32_t at, uint32_t line);

static enum ra_reason
count_visit(struct walk *w, uint32_t line)
{
	if (w->visits++ < VISITS_MAX)
		return RA_R_OK;
	ra_error_set(
	    w->k->err, -EMSGSIZE, "line %u: aliases make it larger than what is compared", line);
	return RA_R_TOO_MANY_KEYS;
}

/* A name with its value, both as they stand in the map; merged: unless the map has it already. */
static enum ra_reason
emit_member(struct walk *w, uint32_t name_at, bool merged)
{
	const struct ra_yaml_node *name = node(w, name_at);
	uint32_t value = w->t->nodes[name_at].next, line = w->t->nodes[name_at].line;
	enum ra_reason reason = count_visit(w, line);
	const char *text;
	bool has = false;

	if (reason != RA_R_OK)
		return reason;
	if (name->type != RA_YAML_SCALAR)
		return refuse(w, line, "a name that is a map or a list");
	text = w->t->texts + name->text;
	if (merged)
		reason = ra_flatten_has(&w->f, text, name->len, line, &has);
	if (reason != RA_R_OK || has)
		return reason;
	reason = ra_flatten_name(&w->f, text, name->len, line);
	return reason == RA_R_OK ? emit(w, value, line) : reason;
}

/* Behind all members, so that no name of theirs, merged or not, is taken for the tag. */
static enum ra_reason
emit_tag(struct walk *w, const struct ra_yaml_node *n, uint32_t line)
{
	return n->len == 0 ? RA_R_OK : ra_flatten_mark(&w->f, w->t->texts + n->text, n->len, line);
}

static enum ra_reason merge_all(struct walk *w, const struct ra_yaml_node *map, size_t depth);

/* The members of another map, then what that one merges itself. */
static enum ra_reason
merge(struct walk *w, const struct ra_yaml_node *from, size_t depth)
{
	enum ra_reason reason = count_visit(w, from->line);

	if (from->type != RA_YAML_MAP || depth == RA_FLATTEN_DEPTH)
		return refuse(w, from->line, "'<<' takes a map or a list of maps");
	for (uint32_t at = from->first; at != RA_YAML_NONE && reason == RA_R_OK;) {
		if (!is_merge(w, node(w, at)))
			reason = emit_member(w, at, true);
		at = w->t->nodes[w->t->nodes[at].next].next;
	}
	return reason == RA_R_OK ? merge_all(w, from, depth + 1) : reason;
}

static enum ra_reason
merge_all(struct walk *w, const struct ra_yaml_node *map, size_t depth)
{
	enum ra_reason reason = RA_R_OK;

	for (uint32_t at = map->first; at != RA_YAML_NONE && reason == RA_R_OK;) {
		uint32_t value = w->t->nodes[at].next;
		const struct ra_yaml_node *from = node(w, value);

		if (is_merge(w, node(w, at))) {
			reason = count_visit(w, map->line);
			if (reason == RA_R_OK && from->type != RA_YAML_LIST)
				reason = merge(w, from, depth);
			for (uint32_t i = from->type == RA_YAML_LIST ? from->first : RA_YAML_NONE;
			     i != RA_YAML_NONE && reason == RA_R_OK; i = w->t->nodes[i].next)
				reason = merge(w, node(w, i), depth);
		}
		at = w->t->nodes[value].next;
	}
	return reason;
}

static enum ra_reason
emit_map(struct walk *w, const struct ra_yaml_node *map, uint32_t line)
{
	enum ra_reason reason = ra_flatten_open(&w->f, false, line);
	size_t merges = 0;

	for (uint32_t at = map->first; at != RA_YAML_NONE && reason == RA_R_OK;) {
		if (!is_merge(w, node(w, at)))
			reason = emit_member(w, at, false);
		else if (merges++ > 0)
			return refuse(w, w->t->nodes[at].line, "'<<' stands twice in one map");
		at = w->t->nodes[w->t->nodes[at].next].next;
	}
	if (reason == RA_R_OK && merges > 0)
		reason = merge_all(w, map, 0);
	if (reason == RA_R_OK)
		reason = emit_tag(w, map, line);
	return reason == RA_R_OK ? ra_flatten_close(&w->f) : reason;
}

static enum ra_reason
emit_list(struct walk *w, const struct ra_yaml_node *list, uint32_t line)
{
	enum ra_reason reason = ra_flatten_open(&w->f, true, line);

	for (uint32_t at = list->first; at != RA_YAML_NONE && reason == RA_R_OK;
	     at = w->t->nodes[at].next)
		reason = emit(w, at, w->t->nodes[at].line);
	if (reason == RA_R_OK)
		reason = emit_tag(w, list, line);
	return reason == RA_R_OK ? ra_flatten_close(&w->f) : reason;
}

/* line is where the name stands or, in a list, the value. */
static enum ra_reason
emit(struct walk *w, uint32_t at, uint32_t line)
{
	const struct ra_yaml_node *n = node(w, at);
	enum ra_reason reason = count_visit(w, line);
	const char *text;

	if (reason != RA_R_OK)
		return reason;
	if (n->type == RA_YAML_MAP)
		return emit_map(w, n, line);
	if (n->type == RA_YAML_LIST)
		return emit_list(w, n, line);
	text = w->t->texts + n->text;
	if (n->plain && is_null(text, n->len))
		return ra_flatten_scalar(&w->f, "", 0, line, RA_KEY_NULL);
	return ra_flatten_scalar(&w->f, text, n->len, line, 0);
}

static enum ra_reason
take_all(struct ra_keys *k, const char *select)
{
	struct ra_yaml_tree t = { 0 };
	struct walk w = { .t = &t, .k = k };
	enum ra_reason reason = ra_keys_check_text(k, RA_R_NOT_YAML);

	if (reason == RA_R_OK)
		reason = ra_yaml_tree_load(&t, k);
	if (reason == RA_R_OK) {
		reason = ra_flatten_begin(&w.f, k, select, RA_R_NOT_YAML);
		if (reason == RA_R_OK)
			reason = emit(&w, 0, t.nodes[0].line);
		reason = ra_flatten_end(&w.f, reason);
	}
	ra_yaml_tree_free(&t);
	return reason;
}

static enum ra_reason
yaml_read(const struct ra_format_call *call, struct ra_data *ret, struct ra_error *err)
{
	const struct yaml_options *o = call->options;
	struct ra_keys k;
	enum ra_reason reason = ra_keys_begin(&k, call, err);

	return ra_keys_end(&k, reason == RA_R_OK ? take_all(&k, o->select.value) : reason, ret);
}

const struct ra_format ra_format_yaml = {
	.type = {
		.name = "yaml",
		.help = "YAML, one document, as keys that are JSON Pointers (RFC 6901)",
		.options = options,
		.size = sizeof(struct yaml_options),
		.prepare = yaml_prepare,
	},
	.serves = RA_SHAPE_KEYS,
	.read = yaml_read,
};
