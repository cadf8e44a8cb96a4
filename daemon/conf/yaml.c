/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events to a tree, with every size bounded. The only user of libyaml. */
#include <stdio.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/escape.h"

#include "loading.h"

/* What `&name` stands for. */
struct anchor {
	const struct ra_node *node; /* NULL: still being read */
	size_t size;
	uint32_t height;
};

/* A list or map being read. */
struct frame {
	struct ra_builder builder;
	bool map;
	const char *key; /* read, its value is next; NULL: a key is next */
	struct ra_mark at, key_at;
	struct anchor *anchor;
	size_t size; /* values in it, aliases counted in full */
	uint32_t height;
};

struct reader {
	struct ra_loading *l;
	uint16_t file;
	yaml_parser_t parser;
	struct frame *frames[RA_DEPTH_MAX];
	size_t depth;
	struct ra_map anchors;
	const struct ra_node *root;
	bool failed;
};

/* --- the text before libyaml sees it --- */

static const char *
bad_char(uint32_t c)
{
	if (c == 0)
		return "a NUL byte";
	if (c == 0x85 || c == 0x2028 || c == 0x2029)
		return "a line separator that editors do not show; write it as \"\\N\", \"\\L\" or "
		       "\"\\P\" in double quotes";
	if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f || (c >= 0x80 && c < 0xa0))
		return "a control character; write it as \"\\xNN\" in double quotes";
	return NULL;
}

/* libyaml gives no place for these, and counts lines at separators that nobody sees. */
static bool
is_text(struct ra_loading *l, uint16_t file)
{
	const struct ra_file *f = l->files[file];
	struct ra_mark at = { .line = 1, .col = 1, .file = file };

	for (size_t i = 0; i < f->len;) {
		uint32_t c = (uint8_t)f->text[i];
		size_t n = c < 0x80 ? 1 : ra_utf8_decode(f->text + i, f->len - i, &c);
		const char *bad = n == 0 ? "bytes that are not UTF-8" : bad_char(c);

		if (c == '\r' && i + 1 < f->len && f->text[i + 1] == '\n')
			bad = NULL;
		if (bad != NULL) {
			ra_say(l, at, "the file has %s", bad);
			return false;
		}
		at.col++;
		if (c == '\n') {
			at.line++;
			at.col = 1;
		}
		i += n;
	}
	return true;
}

/* --- errors --- */

static struct ra_mark
mark_of(const struct reader *r, const yaml_mark_t *m)
{
	return (struct ra_mark){
		.line = (uint32_t)m->line + 1, .col = (uint32_t)m->column + 1, .file = r->file
	};
}

static int refuse(struct reader *r, struct ra_mark at, const char *fmt, ...) RA_PRINTF(3, 4);

static int
refuse(struct reader *r, struct ra_mark at, const char *fmt, ...)
{
	char text[RA_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ra_say(r->l, at, "%s", text);
	r->failed = true;
	return -EINVAL;
}

static void
say_parser_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct ra_mark at = mark_of(r, &p->problem_mark);
	const char *problem = p->problem != NULL ? p->problem : "not YAML";

	r->failed = true;
	if (p->error == YAML_MEMORY_ERROR) {
		ra_say_no_memory(r->l);
		return;
	}
	if (p->error == YAML_SCANNER_ERROR &&
	    strcmp(problem, "found character that cannot start any token") == 0)
		problem = "a tab cannot indent, and this character cannot begin a value";
	if (p->context != NULL && p->context_mark.line != p->problem_mark.line)
		ra_say(r->l, at, "not YAML: %s, %s that began on line %zu", problem, p->context,
		    p->context_mark.line + 1);
	else
		ra_say(r->l, at, "not YAML: %s", problem);
}

/* --- values --- */

static bool
is_null(const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;

	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
		   strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0);
}

static int
take_key(struct reader *r, struct frame *f, const yaml_event_t *e, struct ra_mark at)
{
	const char *text = (const char *)e->data.scalar.value;

	if (e->data.scalar.length == 0)
		return refuse(r, at, "a key is empty");
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(text, "<<") == 0)
		return refuse(r, at, "merge keys (`<<`) are not supported; use `templates:`");
	if (e->data.scalar.anchor != NULL)
		return refuse(r, at, "a key has no anchor");
	f->key = ra_arena_strdup(r->l->trees, text);
	f->key_at = at;
	return f->key != NULL ? 0 : (ra_say_no_memory(r->l), -ENOMEM);
}

/* A finished value into the list or map around it. */
static int
take_value(
    struct reader *r, const struct ra_node *node, struct ra_mark at, size_t size, uint32_t height)
{
	struct frame *f = r->depth > 0 ? r->frames[r->depth - 1] : NULL;
	struct ra_entry entry = { .value = node, .at = at };
	const struct ra_entry *before;
	struct ra_hint hint;

	if (f == NULL) {
		r->root = node;
		return 0;
	}
	f->size += size;
	f->height = height + 1 > f->height ? height + 1 : f->height;
	if (f->map) {
		entry.key = f->key;
		entry.at = f->key_at;
		f->key = NULL;
		before = ra_builder_find(&f->builder, entry.key);
		if (before != NULL) {
			/* Goes on, so that all are found. */
			ra_say(r->l, entry.at, "`%.80s` is given twice, first at %s", entry.key,
			    ra_say_place(r->l, before->at, &hint));
			return 0;
		}
	}
	return ra_builder_add(r->l, &f->builder, &entry);
}

static int
new_anchor(struct reader *r, const yaml_char_t *name, struct anchor **ret)
{
	struct anchor *a;
	char *key;

	*ret = NULL;
	if (name == NULL)
		return 0;
	a = ra_arena_alloc(r->l->trees, sizeof(*a));
	key = ra_arena_strdup(r->l->trees, (const char *)name);
	if (a == NULL || key == NULL || ra_map_put(&r->anchors, key, a, NULL) < 0) {
		ra_say_no_memory(r->l);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

static int
on_scalar(struct reader *r, const yaml_event_t *e)
{
	struct ra_mark at = mark_of(r, &e->start_mark);
	struct frame *f = r->depth > 0 ? r->frames[r->depth - 1] : NULL;
	struct ra_node *node;
	struct anchor *anchor;
	char *text;

	if (e->data.scalar.tag != NULL)
		return refuse(r, at, "tags (`!...`) are not supported: every scalar is text");
	if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
		return refuse(r, at, "a text holds a NUL");
	if (f != NULL && f->map && f->key == NULL)
		return take_key(r, f, e, at);
	node = ra_tree_node(r->l, at, is_null(e) ? RA_NODE_NULL : RA_NODE_SCALAR);
	if (node == NULL || new_anchor(r, e->data.scalar.anchor, &anchor) < 0)
		return -ENOMEM;
	if (node->type == RA_NODE_SCALAR) {
		text =
		    ra_arena_memdup(r->l->trees, e->data.scalar.value, e->data.scalar.length + 1);
		if (text == NULL)
			return ra_say_no_memory(r->l), -ENOMEM;
		node->text = node->shown = text;
		node->flags = strstr(text, "${") != NULL ? RA_NODE_HOLES : 0;
	}
	if (anchor != NULL)
		*anchor = (struct anchor){ .node = node, .size = 1 };
	return take_value(r, node, at, 1, 0);
}

static int
on_alias(struct reader *r, const yaml_event_t *e)
{
	struct ra_mark at = mark_of(r, &e->start_mark);
	const struct anchor *a = ra_map_get(&r->anchors, (const char *)e->data.alias.anchor);
	struct frame *f = r->depth > 0 ? r->frames[r->depth - 1] : NULL;

	if (f != NULL && f->map && f->key == NULL)
		return refuse(r, at, "a key is a text, not an alias");
	if (a == NULL)
		return refuse(r, at, "no anchor '%.80s' stands before this alias",
		    (const char *)e->data.alias.anchor);
	if (a->node == NULL)
		return refuse(r, at, "an alias inside of what it stands for");
	if (r->depth + a->height >= RA_DEPTH_MAX)
		return refuse(r, at, "nested more than 64 deep by this alias");
	if (a->size > r->l->nodes_left)
		return refuse(r, at, "aliases make the configuration too large");
	r->l->nodes_left -= a->size;
	return take_value(r, a->node, at, a->size, a->height);
}

static int
on_start(struct reader *r, const yaml_event_t *e, bool map)
{
	struct ra_mark at = mark_of(r, &e->start_mark);
	const yaml_char_t *name =
	    map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
	const yaml_char_t *tag = map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
	struct frame *f = r->depth > 0 ? r->frames[r->depth - 1] : NULL;

	if (tag != NULL)
		return refuse(r, at, "tags (`!...`) are not supported");
	if (f != NULL && f->map && f->key == NULL)
		return refuse(r, at, "a key is a text, not a list or map");
	if (r->depth == RA_DEPTH_MAX)
		return refuse(r, at, "nested more than 64 deep");
	f = malloc(sizeof(*f));
	if (f == NULL)
		return ra_say_no_memory(r->l), -ENOMEM;
	ra_builder_init(&f->builder);
	f->map = map;
	f->key = NULL;
	f->at = at;
	f->size = 1;
	f->height = 0;
	r->frames[r->depth++] = f;
	return new_anchor(r, name, &f->anchor);
}

static void
frame_free(struct frame *f)
{
	ra_builder_clear(&f->builder);
	free(f);
}

static int
on_end(struct reader *r)
{
	struct frame *f = r->frames[--r->depth];
	const struct ra_node *node = f->map ? ra_builder_map(r->l, &f->builder, f->at)
					    : ra_builder_list(r->l, &f->builder, f->at);
	int error = node == NULL ? -ENOMEM : 0;

	if (error == 0) {
		if (f->anchor != NULL)
			*f->anchor = (struct anchor){
				.node = node, .size = f->size, .height = f->height + 1
			};
		error = take_value(r, node, f->at, f->size, f->height);
	}
	frame_free(f);
	return error;
}

static int
on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_ALIAS_EVENT:
		return on_alias(r, e);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_start(r, e, e->type == YAML_MAPPING_START_EVENT);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(r);
	case YAML_DOCUMENT_START_EVENT:
		if (r->root != NULL)
			return refuse(r, mark_of(r, &e->start_mark), "a second document (`---`)");
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return 0;
}

static void
read_events(struct reader *r)
{
	bool done = false;
	int error = 0;

	while (!done && error == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(&r->parser, &event)) {
			say_parser_error(r);
			return;
		}
		error = on_event(r, &event);
		done = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
}

/* An included file may be empty. The first one is not: it is being written, or was cut off. */
static const struct ra_node *
empty_map(struct ra_loading *l, uint16_t file)
{
	struct ra_mark at = { .line = 1, .col = 1, .file = file };

	if (file > 0)
		return ra_tree_node(l, at, RA_NODE_MAP);
	ra_say(l, at, "nothing is in this file; to watch nothing write: environments: {}");
	return NULL;
}

const struct ra_node *
ra_yaml_parse(struct ra_loading *l, uint16_t file)
{
	struct reader r = { .l = l, .file = file };
	const struct ra_file *f = l->files[file];

	if (!is_text(l, file))
		return NULL;
	if (!yaml_parser_initialize(&r.parser))
		return ra_say_no_memory(l);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)f->text, f->len);
	read_events(&r);
	yaml_parser_delete(&r.parser);
	while (r.depth > 0)
		frame_free(r.frames[--r.depth]);
	ra_map_free(&r.anchors);
	if (r.failed || l->fatal != 0)
		return NULL;
	return ra_tree_is_null(r.root) ? empty_map(l, file) : r.root;
}
