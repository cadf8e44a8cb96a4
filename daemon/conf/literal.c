/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that stand in the configuration itself. They are told by the key or by the value's shape,
 * and treated as those that come by ${...}: shown as ***, and blackened where an answer echoes
 * them.
 */
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/model/secret.h"

#include "loading.h"

static bool
is_secret_key(const char *above, const char *key)
{
	if (strcmp(key, "bearer") == 0 || strcmp(key, "password") == 0)
		return true;
	if (above == NULL || (strcmp(above, "headers") != 0 && strcmp(above, "environment") != 0))
		return false;
	return strcasecmp(key, "Authorization") == 0 || strcasecmp(key, "Cookie") == 0 ||
	       ra_secret_name(key, strlen(key));
}

static const struct ra_node *
mark_text(struct ra_loading *l, struct ra_secrets *s, const struct ra_node *node, bool by_key)
{
	const char *kept;

	if ((node->flags & RA_NODE_SECRET) || *node->text == '\0' ||
	    (!by_key && !ra_secret_value(node->text, strlen(node->text))))
		return node;
	kept = ra_keep(l, node->text);
	if (kept == NULL || (s != NULL && ra_secrets_add(l, s, kept) < 0))
		return NULL;
	return ra_tree_text(l, ra_tree_mark(node), kept, "***");
}

static const struct ra_node *
mark(struct ra_loading *l, struct ra_secrets *s, const struct ra_node *node, const char *above,
    const char *key)
{
	const struct ra_node *out = node;
	struct ra_builder b;
	bool changed = false;
	int r = 0;

	if (node->type == RA_NODE_SCALAR)
		return mark_text(l, s, node, key != NULL && is_secret_key(above, key));
	if (node->type != RA_NODE_MAP && node->type != RA_NODE_LIST)
		return node;
	ra_builder_init(&b);
	for (size_t i = 0; r == 0 && i < node->count; i++) {
		bool map = node->type == RA_NODE_MAP;
		struct ra_entry e =
		    map ? node->entries[i] : (struct ra_entry){ .value = node->items[i] };
		const struct ra_node *value = mark(l, s, e.value, key, map ? e.key : key);

		if (value == NULL) {
			r = -ENOMEM;
			break;
		}
		changed = changed || value != e.value;
		e.value = value;
		r = ra_builder_add(l, &b, &e);
	}
	if (r == 0 && changed)
		out = node->type == RA_NODE_MAP ? ra_builder_map(l, &b, ra_tree_mark(node))
						: ra_builder_list(l, &b, ra_tree_mark(node));
	ra_builder_clear(&b);
	return r < 0 ? ra_say_no_memory(l) : out;
}

const struct ra_node *
ra_literal_mark(struct ra_loading *l, struct ra_secrets *s, const struct ra_node *node)
{
	return mark(l, s, node, NULL, NULL);
}

/* --- source lines --- */

static bool
is_word(char c)
{
	return c != '\0' && strchr(" \t\"'{}[],", c) == NULL;
}

/* Blackens a word in place, so that the caret stays where it is. */
static void
blacken(char *at, size_t len)
{
	memset(at, '*', len);
}

static bool
is_loud(const char *word, size_t len)
{
	static const char *const names[] = { "bearer", "password", "Authorization", "Cookie" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++)
		if (len == strlen(names[i]) && strncasecmp(word, names[i], len) == 0)
			return true;
	return ra_secret_name(word, len);
}

void
ra_literal_blacken(char *line)
{
	bool secret = false; /* what comes is the value of a key that says so */

	for (char *at = line; *at != '\0';) {
		size_t len = 0;

		while (is_word(at[len]))
			len++;
		if (len == 0) {
			secret = secret && *at != ',' && *at != '}';
			at++;
			continue;
		}
		if (len > 1 && at[len - 1] == ':')
			secret = is_loud(at, len - 1);
		else if ((secret && strncmp(at, "${", 2) != 0) || ra_secret_value(at, len))
			blacken(at, len);
		at += len;
	}
}
