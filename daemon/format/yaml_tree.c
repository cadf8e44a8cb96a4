/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_tree.h"

#include <string.h>
#include <yaml.h>

#include "relaudit/model/secret.h"

#define DEPTH_MAX   64
#define NODES_MAX   ((size_t)4 * RA_KEYS_MAX)
#define ANCHORS_MAX 1000
#define NAME_MAX_   128

struct anchor {
	char name[NAME_MAX_];
	uint32_t node;
	bool open; /* what it stands for is not at its end yet */
};

struct loader {
	struct ra_yaml_tree *t;
	struct ra_keys *k;
	yaml_parser_t parser;
	struct {
		uint32_t node, last; /* last: its child so far */
		size_t anchor; /* its own, ANCHORS_MAX: none */
	} open[DEPTH_MAX];
	size_t depth;
	struct anchor *anchors;
	size_t anchor_count, anchor_room;
	bool done; /* the document was read */
};

static enum ra_reason
no_memory(struct loader *l)
{
	ra_error_set(l->k->err, -ENOMEM, "out of memory");
	return RA_R_NO_MEMORY;
}

/* libyaml's texts are its own, without any of ours in them. */
static enum ra_reason
refuse(struct loader *l, yaml_mark_t mark, enum ra_reason reason, const char *what)
{
	ra_error_set(
	    l->k->err, -EINVAL, "line %zu, column %zu: %s", mark.line + 1, mark.column + 1, what);
	return reason;
}

void
ra_yaml_tree_free(struct ra_yaml_tree *t)
{
	if (t->texts != NULL)
		explicit_bzero(t->texts, t->len);
	free(t->texts);
	free(t->nodes);
	*t = (struct ra_yaml_tree){ 0 };
}

/* --- nodes --- */

/* By way of a second block, so that what is given back holds no secret. */
static bool
put_text(struct ra_yaml_tree *t, const char *text, size_t len)
{
	size_t room = t->texts_room < 4096 ? 4096 : t->texts_room;
	char *texts;

	while (room < t->len + len)
		room *= 2;
	if (room > t->texts_room) {
		texts = malloc(room);
		if (texts == NULL)
			return false;
		if (t->texts != NULL) {
			memcpy(texts, t->texts, t->len);
			explicit_bzero(t->texts, t->len);
			free(t->texts);
		}
		t->texts = texts;
		t->texts_room = room;
	}
	memcpy(t->texts + t->len, text, len);
	t->len += len;
	return true;
}

/* Goes on with the text of the last node. */
static enum ra_reason
add_text(struct loader *l, const yaml_event_t *e, const char *text, size_t len)
{
	struct ra_yaml_tree *t = l->t;

	if (t->len + len > RA_KEYS_TEXT_MAX)
		return refuse(l, e->start_mark, RA_R_TOO_MANY_KEYS, "more than is compared");
	if (!put_text(t, text, len))
		return no_memory(l);
	t->nodes[t->count - 1].len += (uint32_t)len;
	return RA_R_OK;
}

static enum ra_reason
add_node(struct loader *l, const yaml_event_t *e, enum ra_yaml_type type, uint32_t *ret)
{
	struct ra_yaml_tree *t = l->t;
	uint32_t at = (uint32_t)t->count;

	if (t->count == NODES_MAX)
		return refuse(l, e->start_mark, RA_R_TOO_MANY_KEYS, "more than is compared");
	if (t->count == t->room) {
		size_t room = t->room == 0 ? 256 : t->room * 2;
		void *nodes = reallocarray(t->nodes, room, sizeof(*t->nodes));

		if (nodes == NULL)
			return no_memory(l);
		t->nodes = nodes;
		t->room = room;
	}
	t->nodes[t->count++] = (struct ra_yaml_node){ .type = (uint8_t)type,
		.text = (uint32_t)t->len,
		.line = (uint32_t)e->start_mark.line + 1,
		.first = RA_YAML_NONE,
		.next = RA_YAML_NONE };
	if (l->depth > 0) {
		uint32_t last = l->open[l->depth - 1].last;

		if (last == RA_YAML_NONE)
			t->nodes[l->open[l->depth - 1].node].first = at;
		else
			t->nodes[last].next = at;
		l->open[l->depth - 1].last = at;
	}
	*ret = at;
	return RA_R_OK;
}

/* --- anchors --- */

static size_t
find_anchor(const struct loader *l, const char *name)
{
	/* The last of a name counts. */
	for (size_t i = l->anchor_count; i-- > 0;) {
		if (strcmp(l->anchors[i].name, name) == 0)
			return i;
	}
	return ANCHORS_MAX;
}

/* A second anchor of a name takes the first one's place, so that there are not more than names. */
static enum ra_reason
set_anchor(struct loader *l, const yaml_event_t *e, const yaml_char_t *name, uint32_t node,
    bool open, size_t *ret)
{
	const char *text = (const char *)name;
	size_t at;

	*ret = ANCHORS_MAX;
	if (name == NULL)
		return RA_R_OK;
	if (strlen(text) >= NAME_MAX_)
		return refuse(l, e->start_mark, RA_R_NOT_YAML, "an anchor's name is too long");
	at = find_anchor(l, text);
	if (at == ANCHORS_MAX) {
		if (l->anchor_count == ANCHORS_MAX)
			return refuse(l, e->start_mark, RA_R_TOO_MANY_KEYS, "too many anchors");
		if (l->anchor_count == l->anchor_room) {
			size_t room = l->anchor_room == 0 ? 8 : l->anchor_room * 2;
			void *list = reallocarray(l->anchors, room, sizeof(*l->anchors));

			if (list == NULL)
				return no_memory(l);
			l->anchors = list;
			l->anchor_room = room;
		}
		at = l->anchor_count++;
		memcpy(l->anchors[at].name, text, strlen(text) + 1);
	}
	l->anchors[at].node = node;
	l->anchors[at].open = open;
	*ret = at;
	return RA_R_OK;
}

static enum ra_reason
take_alias(struct loader *l, const yaml_event_t *e)
{
	size_t at = find_anchor(l, (const char *)e->data.alias.anchor);
	uint32_t node;
	enum ra_reason reason;

	if (at == ANCHORS_MAX)
		return refuse(l, e->start_mark, RA_R_NOT_YAML, "an alias without its anchor");
	if (l->anchors[at].open)
		return refuse(
		    l, e->start_mark, RA_R_NOT_YAML, "an alias of what it stands in itself");
	reason = add_node(l, e, RA_YAML_ALIAS, &node);
	if (reason == RA_R_OK)
		l->t->nodes[node].first = l->anchors[at].node;
	return reason;
}

/* --- tags --- */

/* What is behind YAML's own prefix, NULL: it is another. */
static const char *
after_yaml(const char *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	size_t len = sizeof(prefix) - 1;

	return strncmp(tag, prefix, len) == 0 ? tag + len : NULL;
}

/*
 * One of YAML's types: values are texts whatever type they are of. Programs have types of their
 * own behind its prefix, as in !!python/tuple and !!com.example.Pool.
 */
static bool
is_type(const char *tag)
{
	static const char *const types[] = { "binary", "bool", "float", "int", "map", "merge",
		"null", "omap", "pairs", "seq", "set", "str", "timestamp" };
	const char *name = after_yaml(tag);

	for (size_t i = 0; name != NULL && i < RA_ARRAY_SIZE(types); i++) {
		if (strcmp(name, types[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_null_or_merge(const yaml_char_t *tag)
{
	const char *name = tag != NULL ? after_yaml((const char *)tag) : NULL;

	return name != NULL && (strcmp(name, "null") == 0 || strcmp(name, "merge") == 0);
}

/* As it is written without a handle of the document's own; nothing for one that says nothing. */
static enum ra_reason
add_tag(struct loader *l, const yaml_event_t *e, const yaml_char_t *tag)
{
	const char *text = (const char *)tag, *name, *before = "", *behind = "";
	enum ra_reason reason;

	if (text == NULL || strcmp(text, "!") == 0 || is_type(text))
		return RA_R_OK;
	name = after_yaml(text);
	if (name != NULL) {
		before = "!!";
		text = name;
	} else if (text[0] != '!') {
		before = "!<";
		behind = ">";
	}
	reason = add_text(l, e, before, strlen(before));
	if (reason == RA_R_OK)
		reason = add_text(l, e, text, strlen(text));
	return reason == RA_R_OK ? add_text(l, e, behind, strlen(behind)) : reason;
}

/* --- events --- */

static enum ra_reason
take_scalar(struct loader *l, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length, anchor;
	uint32_t node;
	enum ra_reason reason = add_node(l, e, RA_YAML_SCALAR, &node);
	struct ra_yaml_node *n;

	if (reason != RA_R_OK)
		return reason;
	n = &l->t->nodes[node];
	n->plain =
	    (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && e->data.scalar.plain_implicit) ||
	    is_null_or_merge(e->data.scalar.tag);
	/* By what it begins with it is known as encrypted: `!vault $ANSIBLE_VAULT;...` */
	if (ra_opaque_value(text, len) != RA_OPAQUE_ENCRYPTED)
		reason = add_tag(l, e, e->data.scalar.tag);
	if (reason == RA_R_OK && n->len > 0 && len > 0)
		reason = add_text(l, e, " ", 1);
	if (reason == RA_R_OK)
		reason = add_text(l, e, text, len);
	return reason == RA_R_OK ? set_anchor(l, e, e->data.scalar.anchor, node, false, &anchor)
				 : reason;
}

static enum ra_reason
open_node(struct loader *l, const yaml_event_t *e, enum ra_yaml_type type, const yaml_char_t *name,
    const yaml_char_t *tag)
{
	size_t anchor;
	uint32_t node;
	enum ra_reason reason = add_node(l, e, type, &node);

	if (reason == RA_R_OK)
		reason = add_tag(l, e, tag);
	if (reason == RA_R_OK)
		reason = set_anchor(l, e, name, node, true, &anchor);
	if (reason != RA_R_OK)
		return reason;
	if (l->depth == DEPTH_MAX)
		return refuse(l, e->start_mark, RA_R_TOO_DEEP, "nested more than 64 deep");
	l->open[l->depth].node = node;
	l->open[l->depth].last = RA_YAML_NONE;
	l->open[l->depth].anchor = anchor;
	l->depth++;
	return RA_R_OK;
}

static void
close_node(struct loader *l)
{
	size_t anchor = l->open[--l->depth].anchor;

	/* Unless the name was given away inside. */
	if (anchor != ANCHORS_MAX && l->anchors[anchor].node == l->open[l->depth].node)
		l->anchors[anchor].open = false;
}

static enum ra_reason
take_event(struct loader *l, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (l->done)
			return refuse(l, e->start_mark, RA_R_NOT_YAML,
			    "a second document; only one is compared");
		l->done = true;
		return RA_R_OK;
	case YAML_ALIAS_EVENT:
		return take_alias(l, e);
	case YAML_SCALAR_EVENT:
		return take_scalar(l, e);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(
		    l, e, RA_YAML_LIST, e->data.sequence_start.anchor, e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return open_node(
		    l, e, RA_YAML_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_node(l);
		return RA_R_OK;
	default:
		return RA_R_OK;
	}
}

/* Of a character that it does not take libyaml knows where it stands as an offset alone. */
static enum ra_reason
refuse_text(struct loader *l)
{
	const char *what = l->parser.problem != NULL ? l->parser.problem : "not YAML";

	if (l->parser.error == YAML_MEMORY_ERROR)
		return no_memory(l);
	if (l->parser.error == YAML_READER_ERROR)
		return ra_keys_refuse(
		    l->k, RA_R_NOT_YAML, l->k->text + l->parser.problem_offset, "%s", what);
	return refuse(l, l->parser.problem_mark, RA_R_NOT_YAML, what);
}

static enum ra_reason
take_all(struct loader *l)
{
	enum ra_reason reason = RA_R_OK;
	bool end = false;

	while (reason == RA_R_OK && !end) {
		yaml_event_t e;

		if (yaml_parser_parse(&l->parser, &e) != 1)
			return refuse_text(l);
		end = e.type == YAML_STREAM_END_EVENT;
		reason = take_event(l, &e);
		yaml_event_delete(&e);
	}
	if (reason == RA_R_OK && l->t->count == 0) {
		ra_error_set(l->k->err, -EINVAL, "the answer is empty");
		reason = RA_R_EMPTY;
	}
	return reason;
}

enum ra_reason
ra_yaml_tree_load(struct ra_yaml_tree *t, struct ra_keys *k)
{
	struct loader *l = calloc(1, sizeof(*l));
	enum ra_reason reason;

	if (l == NULL || yaml_parser_initialize(&l->parser) != 1) {
		free(l);
		ra_error_set(k->err, -ENOMEM, "out of memory");
		return RA_R_NO_MEMORY;
	}
	l->t = t;
	l->k = k;
	yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &l->parser, (const yaml_char_t *)k->text, (size_t)(k->end - k->text));
	reason = take_all(l);
	yaml_parser_delete(&l->parser);
	free(l->anchors);
	free(l);
	return reason;
}
