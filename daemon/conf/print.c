/* SPDX-License-Identifier: Apache-2.0 */
/* The effective check as YAML, each line with the place that set it. */
#include <inttypes.h>
#include <string.h>

#include "relaudit/base/escape.h"
#include "relaudit/model/name.h"

#include "loading.h"

struct printer {
	struct ra_loading *l;
	struct ra_buf *out;
};

/* Words that need no quotes to stay text. */
static bool
is_plain(const char *text)
{
	static const char *const special[] = { "null", "Null", "NULL", "true", "false", "yes", "no",
		"on", "off" };

	if (*text == '\0' || strchr("-.", *text) != NULL ||
	    text[strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")] != '\0')
		return false;
	for (size_t i = 0; i < RA_ARRAY_SIZE(special); i++) {
		if (strcmp(text, special[i]) == 0)
			return false;
	}
	return true;
}

static void
print_text(struct printer *p, const char *text)
{
	if (is_plain(text)) {
		ra_buf_puts(p->out, text);
		return;
	}
	ra_buf_putc(p->out, '"');
	ra_escape_json(p->out, text, strlen(text));
	ra_buf_putc(p->out, '"');
}

static void
print_place(struct printer *p, struct ra_mark at)
{
	const char *path = at.file < p->l->file_count ? p->l->files[at.file]->path : "-";

	ra_buf_puts(p->out, "  # ");
	ra_escape_line(p->out, path, strlen(path), 0);
	ra_buf_printf(p->out, ":%" PRIu32 "\n", at.line);
}

static void
print_indent(struct printer *p, unsigned depth)
{
	while (depth-- > 0)
		ra_buf_puts(p->out, "  ");
}

/* What stands after "key:" or "-", its end of line included. at: of the key. */
static void
print_value(struct printer *p, const struct ra_node *node, struct ra_mark at, unsigned depth)
{
	bool map = node->type == RA_NODE_MAP;

	if (node->type == RA_NODE_SCALAR) {
		ra_buf_putc(p->out, ' ');
		print_text(p, node->shown);
		print_place(p, ra_tree_mark(node));
		return;
	}
	if ((!map && node->type != RA_NODE_LIST) || node->count == 0) {
		ra_buf_puts(p->out, map ? " {}" : node->type == RA_NODE_LIST ? " []" : " null");
		print_place(p, at);
		return;
	}
	print_place(p, at);
	for (size_t i = 0; i < node->count; i++) {
		print_indent(p, depth);
		if (map) {
			print_text(p, node->entries[i].key);
			ra_buf_putc(p->out, ':');
			print_value(p, node->entries[i].value, node->entries[i].at, depth + 1);
		} else {
			ra_buf_putc(p->out, '-');
			print_value(p, node->items[i], ra_tree_mark(node->items[i]), depth + 1);
		}
	}
}

static void
print_entry(struct printer *p, const struct ra_entry *e, const struct ra_node *value)
{
	print_text(p, e->key);
	ra_buf_putc(p->out, ':');
	print_value(p, value, e->at, 1);
}

static void
print_head(struct ra_check_build *b, struct ra_buf *out)
{
	const struct ra_check *c = b->check;

	ra_buf_printf(out, "# %s: kind %s", c->id, b->registry->kinds[c->kind].type->name);
	if (c->service != NULL)
		ra_buf_printf(out, ", service %s", c->service);
	ra_buf_printf(out, ", source %s", b->registry->sources[c->source].type->name);
	if (c->format != RA_NO_FORMAT)
		ra_buf_printf(out, ", format %s", b->registry->formats[c->format].type->name);
	ra_buf_putc(out, '\n');
}

/* What the check was built of: the same nodes, filled in, or the words of one map. */
static const struct ra_node *
filled(struct ra_check_build *b, const struct ra_entry *e)
{
	struct ra_builder *options[] = { &b->common, &b->kind, &b->format };
	const struct ra_entry *found;

	for (size_t i = 0; i < RA_ARRAY_SIZE(options); i++) {
		found = ra_builder_find(options[i], e->key);
		if (found != NULL)
			return found->value;
	}
	return ra_interpolate(&b->holes, e->value, b->scope);
}

/* "production/x", with the environment's name or an alias of it. */
static bool
is_asked(const struct ra_check_build *b)
{
	const char *id = b->l->print, *slash = id != NULL ? strchr(id, '/') : NULL;
	const struct ra_environment *env = b->environment;
	size_t len;

	if (slash == NULL || strcmp(slash + 1, b->name) != 0)
		return false;
	len = (size_t)(slash - id);
	if (strncmp(env->name, id, len) == 0 && env->name[len] == '\0')
		return true;
	for (size_t i = 0; i < env->aliases.count; i++) {
		const char *alias = env->aliases.list[i].value;

		if (strncmp(alias, id, len) == 0 && alias[len] == '\0')
			return true;
	}
	return false;
}

void
ra_print_check(struct ra_check_build *b, const struct ra_node *source)
{
	struct printer p = { .l = b->l, .out = b->l->print_out };

	if (!is_asked(b))
		return;
	b->l->printed = true;
	b->holes.keep = true;
	print_head(b, p.out);
	for (size_t i = 0; i < b->merged->count; i++) {
		const struct ra_entry *e = &b->merged->entries[i];
		const struct ra_node *value;

		value = e == b->source ? ra_interpolate(&b->holes, source, b->scope) : filled(b, e);
		if (value != NULL && e == b->source)
			value = ra_literal_mark(b->l, NULL, value);
		if (value != NULL)
			print_entry(&p, e, value);
	}
	if (p.out->error < 0)
		ra_say_no_memory(b->l);
}
