/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML document as a tree, by libyaml's events: its own document loader is quadratic in
 * nesting.
 * Aliases are not copied: each points at its anchor's node. Tags that are not YAML's own count.
 */
#ifndef RA_FORMAT_YAML_TREE_H
#define RA_FORMAT_YAML_TREE_H

#include "keys.h"

enum ra_yaml_type {
	RA_YAML_SCALAR,
	RA_YAML_MAP, /* its children are name, value, name, value */
	RA_YAML_LIST,
	RA_YAML_ALIAS,
};

#define RA_YAML_NONE UINT32_MAX

struct ra_yaml_node {
	uint8_t type;
	bool plain; /* a scalar that may be null or `<<`: no quotes and tag, or !!null, !!merge */
	uint32_t text, len; /* of a scalar, its tag before it; of a map or list the tag, 0: none */
	uint32_t line;
	uint32_t first; /* child; of an alias what it stands for */
	uint32_t next;
};

struct ra_yaml_tree {
	struct ra_yaml_node *nodes; /* the first is the root */
	size_t count, room;
	char *texts; /* wiped at the end */
	size_t len, texts_room;
};

/* A reason with k->err set, or RA_R_OK; ra_yaml_tree_free() in any case. */
enum ra_reason ra_yaml_tree_load(struct ra_yaml_tree *t, struct ra_keys *k);
void ra_yaml_tree_free(struct ra_yaml_tree *t);

#endif
