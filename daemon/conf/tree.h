/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What YAML says, as an immutable tree in which every value and key knows its place. All scalars
 * are text. Nodes are shared freely: merging and interpolation make new ones only where something
 * changes.
 */
#ifndef RA_CONF_TREE_H
#define RA_CONF_TREE_H

#include "relaudit/base/buf.h"
#include "relaudit/base/map.h"

struct ra_loading;
struct ra_scope;

/* A place: file is an index into the files of the load; line 0 is a file as a whole. */
struct ra_mark {
	uint32_t line, col;
	uint16_t file;
};

enum ra_node_type {
	RA_NODE_NULL,
	RA_NODE_SCALAR,
	RA_NODE_LIST,
	RA_NODE_MAP,
	RA_NODE_SCOPED,		/* a value with the scope in which its ${...} are looked up */
	RA_NODE_BROKEN,		/* what could not be interpolated; that was said */
};

enum ra_node_flag {
	RA_NODE_HOLES = 1 << 0,		/* "${" in it, or below */
	RA_NODE_MARKS = 1 << 1,		/* null or `key+` in it, or below: for merging */
	RA_NODE_SECRET = 1 << 2,	/* a secret flowed in, or below */
	RA_NODE_SPOILT = 1 << 3,	/* BROKEN, or below */
};

struct ra_node {
	uint32_t line, col;
	uint16_t file;
	uint8_t type, flags;
	uint32_t count;			/* of items or entries */
	union {
		struct {
			const char *text;
			const char *shown;	/* the same pointer unless secret */
		};
		const struct ra_node *const *items;
		struct {
			const struct ra_entry *entries;
			const struct ra_map *index;	/* key -> entry; NULL: few */
		};
		struct {
			const struct ra_node *inner;
			const struct ra_scope *scope;
		};
	};
};

struct ra_entry {
	const char *key;
	const struct ra_node *value;
	struct ra_mark at;		/* of the key */
};

/* Collects the entries of a map, or (keys NULL) the items of a list. */
#define RA_BUILDER_FEW	16

struct ra_builder {
	struct ra_entry few[RA_BUILDER_FEW];
	struct ra_entry *list;		/* few, or owned */
	size_t count, cap;
	struct ra_map index;		/* once there are more than a few: key -> position + 1 */
};

void ra_builder_init(struct ra_builder *b);
void ra_builder_clear(struct ra_builder *b);
/* NULL: none. An entry whose value is NULL was removed. Valid until the next add. */
struct ra_entry *ra_builder_find(struct ra_builder *b, const char *key);
int ra_builder_add(struct ra_loading *l, struct ra_builder *b, const struct ra_entry *entry);
/* A map that is the builder's own, as long as nothing is added. */
struct ra_node ra_builder_view(const struct ra_builder *b, struct ra_mark at);

/* All of these return NULL when the load must end (l->fatal says why). */
const struct ra_node *ra_builder_map(
    struct ra_loading *l, const struct ra_builder *b, struct ra_mark at);
const struct ra_node *ra_builder_list(
    struct ra_loading *l, const struct ra_builder *b, struct ra_mark at);
struct ra_node *ra_tree_node(struct ra_loading *l, struct ra_mark at, enum ra_node_type type);
/* text and shown are borrowed from an arena that lives as long. */
const struct ra_node *ra_tree_text(
    struct ra_loading *l, struct ra_mark at, const char *text, const char *shown);
const struct ra_node *ra_tree_broken(struct ra_loading *l, struct ra_mark at);
const struct ra_node *ra_tree_scoped(
    struct ra_loading *l, const struct ra_node *node, const struct ra_scope *scope);

/* NULL: no such key, no map, or node is NULL. */
const struct ra_entry *ra_tree_find(const struct ra_node *map, const char *key);
const struct ra_node *ra_tree_get(const struct ra_node *map, const char *key);
/* True for NULL too: a key without value is as good as none. */
bool ra_tree_is_null(const struct ra_node *node);
struct ra_mark ra_tree_mark(const struct ra_node *node);
/* "a map", "a list" ... for errors. */
const char *ra_tree_type_name(const struct ra_node *node);
/* One text per content: the same whatever the order of keys and wherever it stands. */
void ra_tree_write(struct ra_buf *out, const struct ra_node *node);

#endif
