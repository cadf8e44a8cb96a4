/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds, sources and formats there are. */
#include <string.h>

#include "relaudit/model/data.h"
#include "relaudit/model/name.h"

#include "loading.h"

int
ra_registry_source(const struct ra_registry *r, const char *name)
{
	for (size_t i = 0; i < r->source_count; i++) {
		if (strcmp(r->sources[i].type->name, name) == 0)
			return (int)i;
	}
	return -1;
}

int
ra_registry_format(const struct ra_registry *r, const char *name)
{
	for (size_t i = 0; i < r->format_count; i++) {
		if (strcmp(r->formats[i].type->name, name) == 0)
			return (int)i;
	}
	return -1;
}

int
ra_registry_kind(const struct ra_registry *r, const char *name, size_t len)
{
	for (size_t i = 0; i < r->kind_count; i++) {
		const char *kind = r->kinds[i].type->name;

		if (strncmp(kind, name, len) == 0 && kind[len] == '\0')
			return (int)i;
	}
	return -1;
}

bool
ra_registry_knows(const struct ra_registry *r, const char *key)
{
	bool known = ra_option_find(ra_section_check.options, key) != NULL ||
		     ra_registry_source(r, key) >= 0;

	for (size_t i = 0; !known && i < r->kind_count; i++)
		known = ra_option_find(r->kinds[i].type->options, key) != NULL;
	for (size_t i = 0; !known && i < r->format_count; i++)
		known = ra_option_find(r->formats[i].type->options, key) != NULL;
	return known;
}

/* --- there is none such --- */

struct choice {
	struct ra_nearest nearest;
	struct ra_buf all;
};

static void
choice_add(struct choice *c, const char *name)
{
	ra_nearest_try(&c->nearest, name);
	ra_buf_printf(&c->all, "%s%s", c->all.len > 0 ? ", " : "", name);
}

static void
choice_say(struct ra_loading *l, struct ra_mark at, const char *what, struct choice *c)
{
	struct ra_hint hint;

	ra_say(l, at, "there is no %s '%.80s'%s%s%s", what, c->nearest.wanted,
	    ra_say_nearest(&c->nearest, &hint),
	    c->nearest.name != NULL ? " There are " : "; there are ", ra_buf_text(&c->all));
	ra_buf_free(&c->all);
}

void
ra_registry_say_source(struct ra_loading *l, const struct ra_entry *entry)
{
	const struct ra_registry *r = l->load->registry;
	struct choice c = { .all = RA_BUF(300) };

	ra_nearest_init(&c.nearest, entry->key);
	for (size_t i = 0; i < r->source_count; i++)
		choice_add(&c, r->sources[i].type->name);
	choice_say(l, entry->at, "source", &c);
}

void
ra_registry_say_format(struct ra_loading *l, struct ra_mark at, const char *name)
{
	const struct ra_registry *r = l->load->registry;
	struct choice c = { .all = RA_BUF(300) };

	ra_nearest_init(&c.nearest, name);
	for (size_t i = 0; i < r->format_count; i++)
		choice_add(&c, r->formats[i].type->name);
	choice_say(l, at, "format", &c);
}

void
ra_registry_say_kind(struct ra_loading *l, struct ra_mark at, const char *name)
{
	const struct ra_registry *r = l->load->registry;
	struct choice c = { .all = RA_BUF(300) };

	ra_nearest_init(&c.nearest, name);
	for (size_t i = 0; i < r->kind_count; i++)
		choice_add(&c, r->kinds[i].type->name);
	choice_say(l, at, "kind", &c);
}

const char *
ra_registry_shapes(unsigned shapes, struct ra_hint *hint)
{
	static const struct {
		unsigned shape;
		const char *name;
	} names[] = { { RA_SHAPE_FIELDS, "fields" }, { RA_SHAPE_ITEMS, "a list of files" },
		{ RA_SHAPE_LINES, "lines" }, { RA_SHAPE_BYTES, "bytes" },
		{ RA_SHAPE_KEYS, "keys with values" }, { RA_SHAPE_EXIT, "an exit code" } };
	RA_BUF_LOCAL all = RA_BUF(sizeof(hint->text));

	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++) {
		if (shapes & names[i].shape)
			ra_buf_printf(&all, "%s%s", all.len > 0 ? " or " : "", names[i].name);
	}
	strncpy(hint->text, ra_buf_text(&all), sizeof(hint->text) - 1);
	hint->text[sizeof(hint->text) - 1] = '\0';
	return hint->text;
}
