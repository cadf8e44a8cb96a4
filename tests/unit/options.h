/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets options by name through their tables, as configuration does, and keeps what `prepare` has to
 * complain about.
 */
#ifndef RA_TESTS_OPTIONS_H
#define RA_TESTS_OPTIONS_H

#include <stdio.h>
#include <string.h>

#include "relaudit/base/units.h"
#include "relaudit/conf/option.h"

struct ra_conf_place {
	char text[1024]; /* "name: complaint" of each, a line each */
	unsigned wants; /* flags of ra_conf_want */
};

void
ra_conf_complain(struct ra_conf_place *place, const char *name, const char *fmt, ...)
{
	size_t len = strlen(place->text);
	va_list ap;

	len += (size_t)snprintf(place->text + len, sizeof(place->text) - len, "%s: ",
	    name != NULL ? name : "");
	va_start(ap, fmt);
	vsnprintf(place->text + len, sizeof(place->text) - len, fmt, ap);
	va_end(ap);
}

/* What `daemon: {exec: {allow: ...}}` would say. */
static const char *const *options_exec_allow;

const char *const *
ra_conf_exec_allow(const struct ra_conf_place *place)
{
	return options_exec_allow;
}

void
ra_conf_want(struct ra_conf_place *place, const char *name, unsigned flag)
{
	place->wants |= flag;
}

static const struct ra_option *
options_find(const struct ra_conf_type *type, const char *name, size_t len)
{
	for (const struct ra_option *o = type->options; o->name != NULL; o++) {
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	}
	fail_msg("%s has no option '%.*s'", type->name, (int)len, name);
	return NULL;
}

static void
options_add_text(struct ra_arena *arena, struct ra_texts *texts, const char *value)
{
	struct ra_text *list = ra_arena_alloc(arena, (texts->count + 1) * sizeof(*list));

	for (size_t i = 0; i < texts->count; i++)
		list[i] = texts->list[i];
	list[texts->count] = (struct ra_text){ .value = value, .shown = value };
	texts->list = list;
	texts->count++;
}

static int
options_choose(const struct ra_option *o, const char *value, int64_t *ret)
{
	for (int64_t i = 0; o->choices[i] != NULL; i++) {
		if (strcmp(o->choices[i], value) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* "NAME=value" */
static void
options_add_pair(struct ra_arena *arena, struct ra_pairs *pairs, const char *value)
{
	struct ra_pair *list = ra_arena_alloc(arena, (pairs->count + 1) * sizeof(*list));
	const char *text = strchr(value, '=');

	assert_non_null(text);
	for (size_t i = 0; i < pairs->count; i++)
		list[i] = pairs->list[i];
	list[pairs->count].name = ra_arena_strndup(arena, value, (size_t)(text - value));
	list[pairs->count].text = (struct ra_text){ .value = text + 1, .shown = text + 1 };
	pairs->list = list;
	pairs->count++;
}

static void options_set_table(
    struct ra_arena *arena, const struct ra_option *o, void *at, const char *value);

static void
options_set(struct ra_arena *arena, const struct ra_option *o, void *at, const char *value)
{
	int r = 0;

	switch (o->type) {
	case RA_OPT_BOOL:
		*(int64_t *)at = strcmp(value, "true") == 0;
		break;
	case RA_OPT_DURATION:
		r = ra_duration_parse(value, at, NULL);
		break;
	case RA_OPT_SIZE:
		r = ra_size_parse(value, at, NULL);
		break;
	case RA_OPT_PERCENT:
		r = ra_percent_parse(value, at, NULL);
		break;
	case RA_OPT_INT:
		r = ra_int_parse(value, strlen(value), at);
		break;
	case RA_OPT_CHOICE:
		r = options_choose(o, value, at);
		break;
	case RA_OPT_TEXT:
	case RA_OPT_PATH:
		*(struct ra_text *)at = (struct ra_text){ .value = value, .shown = value };
		break;
	case RA_OPT_PAIRS:
		options_add_pair(arena, at, value);
		break;
	case RA_OPT_TEXTS:
		options_add_text(arena, at, value);
		break;
	case RA_OPT_TABLE:
		options_set_table(arena, o, at, value);
		break;
	default:
		fail_msg("option '%s' is of a type that is not known here", o->name);
	}
	assert_int_equal(r, 0);
}

static void
options_unset(const struct ra_option *options, char *bound)
{
	for (const struct ra_option *o = options; o->name != NULL; o++) {
		if (o->type < RA_OPT_TEXT)
			*(int64_t *)(void *)(bound + o->offset) = RA_UNSET;
		if (o->type == RA_OPT_DURATION && o->fallback != NULL)
			options_set(NULL, o, bound + o->offset, o->fallback);
	}
}

/* "name=value name=value" */
static void
options_set_table(struct ra_arena *arena, const struct ra_option *o, void *at, const char *value)
{
	const struct ra_conf_type type = { .name = o->name, .options = o->table };
	char *table = ra_arena_alloc(arena, o->table_size);

	assert_non_null(table);
	options_unset(o->table, table);
	while (*value != '\0') {
		size_t name = strcspn(value, "="), len = strcspn(value, " ");
		const struct ra_option *inner = options_find(&type, value, name);

		options_set(arena, inner, table + inner->offset,
		    ra_arena_strndup(arena, value + name + 1, len - name - 1));
		value += len + (value[len] == ' ' ? 1 : 0);
	}
	*(void **)at = table;
}

/*
 * `text` is lines of "name: value"; a list's name stands once for each of its values. NULL: unset.
 */
static void *
options_bind(struct ra_arena *arena, const struct ra_conf_type *type, const char *text,
    struct ra_conf_place *place)
{
	char *bound = ra_arena_alloc(arena, type->size);

	assert_non_null(bound);
	options_unset(type->options, bound);
	while (text != NULL && *text != '\0') {
		size_t name = strcspn(text, ":"), len = strcspn(text, "\n");
		const struct ra_option *o = options_find(type, text, name);

		options_set(arena, o, bound + o->offset,
		    ra_arena_strndup(arena, text + name + 2, len - name - 2));
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	place->text[0] = '\0';
	if (type->prepare != NULL)
		assert_int_equal(type->prepare(bound, arena, place), 0);
	return bound;
}

#endif
