/* SPDX-License-Identifier: Apache-2.0 */
/* One check: its layers merged, filled in, sorted into kind, source and format, and bound. */
#include <stdio.h>
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/digest.h"
#include "relaudit/model/data.h"
#include "relaudit/model/name.h"

#include "loading.h"

/* --- service, source, format --- */

const struct ra_node *
ra_check_fill_name(
    struct ra_check_build *b, const struct ra_node *node, const struct ra_scope *scope)
{
	struct ra_holes holes = b->holes;

	holes.secrets = NULL;
	return ra_interpolate(&holes, node, scope);
}

static void
find_service(struct ra_check_build *b)
{
	const struct ra_node *said = ra_tree_get(b->merged, "service");
	const char *dash = strchr(b->name, '-');
	const struct ra_entry *e = NULL;
	struct ra_nearest n;
	struct ra_hint hint;

	if (said == NULL) {
		e = dash != NULL ? ra_tree_find(b->l->services, dash + 1) : NULL;
	} else {
		said = ra_check_fill_name(b, said, b->scope);
		if (said == NULL || said->type != RA_NODE_SCALAR)
			return; /* said, or soon */
		e = ra_tree_find(b->l->services, said->text);
		if (e == NULL) {
			ra_nearest_init(&n, said->text);
			for (size_t i = 0; i < b->l->config->service_count; i++)
				ra_nearest_try(&n, b->l->config->services[i].name);
			ra_say(b->l, ra_tree_mark(said), "there is no service '%.80s'%s",
			    said->shown, ra_say_nearest(&n, &hint));
			b->wrong = true;
		}
	}
	if (e != NULL) {
		b->check->service = ra_keep(b->l, e->key);
		b->holes.service = b->check->service;
	}
}

static bool
is_known(const struct ra_check_build *b, const char *key)
{
	const struct ra_registry *r = b->registry;
	bool known = ra_option_find(ra_section_check.options, key) != NULL ||
		     ra_option_find(r->kinds[b->check->kind].type->options, key) != NULL;

	for (size_t i = 0; !known && i < r->format_count; i++)
		known = ra_option_find(r->formats[i].type->options, key) != NULL;
	return known;
}

/* A map under an unknown key was probably meant to be the source: that is said there. */
static bool
may_be_source(const struct ra_check_build *b, const struct ra_entry *e)
{
	const struct ra_scope *scope;

	return ra_unwrap(e->value, &scope)->type == RA_NODE_MAP && !is_known(b, e->key);
}

static int
find_source(struct ra_check_build *b)
{
	bool meant = false;

	for (size_t i = 0; i < b->merged->count; i++) {
		const struct ra_entry *e = &b->merged->entries[i];
		int source = ra_registry_source(b->registry, e->key);

		if (source < 0) {
			meant = meant || may_be_source(b, e);
			continue;
		}
		if (b->source != NULL) {
			ra_say(b->l, e->at, "a check has one source; `%s:` is given already",
			    b->source->key);
			b->wrong = true;
			return -EINVAL;
		}
		b->source = e;
		b->check->source = (uint16_t)source;
	}
	if (b->source != NULL)
		return 0;
	b->wrong = true;
	if (!meant) {
		RA_BUF_LOCAL all = RA_BUF(200);

		for (size_t i = 0; i < b->registry->source_count; i++)
			ra_buf_printf(
			    &all, "%s`%s:`", i > 0 ? ", " : "", b->registry->sources[i].type->name);
		ra_say(b->l, b->at, "check '%s' has no source; give it one of %s", b->name,
		    ra_buf_text(&all));
	}
	return -EINVAL;
}

/* The selector that only the source looks at. */
static const struct ra_entry *
source_selector(const struct ra_check_build *b)
{
	const struct ra_option *o = b->registry->kinds[b->check->kind].type->options;

	for (; o != NULL && o->name != NULL; o++) {
		if ((o->flags & RA_OPT_SOURCE) && ra_tree_get(b->merged, o->name) != NULL)
			return ra_tree_find(b->merged, o->name);
	}
	return NULL;
}

static int
find_format(struct ra_check_build *b)
{
	const struct ra_node *said = ra_tree_get(b->merged, "format");
	const char *name = b->registry->kinds[b->check->kind].format;
	int format;

	b->check->format = RA_NO_FORMAT;
	if (said != NULL) {
		said = ra_check_fill_name(b, said, b->scope);
		if (said == NULL)
			return b->l->fatal;
		if (said->type != RA_NODE_SCALAR) {
			if (said->type != RA_NODE_BROKEN)
				ra_say(b->l, ra_tree_mark(said), "`format:` takes a name, not %s",
				    ra_tree_type_name(said));
			b->wrong = true;
			return -EINVAL;
		}
		name = said->text;
	} else if (source_selector(b) != NULL) {
		name = "text";
	}
	if (name == NULL)
		return 0;
	format = ra_registry_format(b->registry, name);
	if (format < 0) {
		ra_registry_say_format(b->l, said != NULL ? ra_tree_mark(said) : b->at, name);
		b->wrong = true;
		return -EINVAL;
	}
	b->check->format = (uint16_t)format;
	return 0;
}

/* Whether this source and format can give the kind what it judges. */
static void
check_shapes(struct ra_check_build *b)
{
	const struct ra_conf_kind *kind = &b->registry->kinds[b->check->kind];
	const struct ra_conf_source *source = &b->registry->sources[b->check->source];
	const struct ra_conf_format *format =
	    b->check->format != RA_NO_FORMAT ? &b->registry->formats[b->check->format] : NULL;
	const struct ra_node *said = ra_tree_get(b->merged, "format");
	struct ra_hint takes, gives;

	ra_registry_shapes(kind->takes, &takes);
	if (format == NULL) {
		if (source->serves & kind->takes)
			return;
		ra_say(b->l, b->source->at,
		    "source %s cannot serve kind %s, which takes %s; it gives %s",
		    source->type->name, kind->type->name, takes.text,
		    ra_registry_shapes(source->serves, &gives));
	} else if (!(format->serves & kind->takes)) {
		ra_say(b->l, said != NULL ? ra_tree_mark(said) : b->at,
		    "format %s cannot serve kind %s, which takes %s; it gives %s",
		    format->type->name, kind->type->name, takes.text,
		    ra_registry_shapes(format->serves, &gives));
	} else if (!(source->serves & (RA_SHAPE_BYTES | RA_SHAPE_LINES))) {
		ra_say(b->l, b->source->at, "source %s has nothing that format %s could read",
		    source->type->name, format->type->name);
	} else {
		return;
	}
	b->wrong = true;
}

/* --- which option is whose --- */

static void
try_options(struct ra_nearest *n, const struct ra_option *o)
{
	for (; o != NULL && o->name != NULL; o++)
		ra_nearest_try(n, o->name);
}

static void
say_unknown(struct ra_check_build *b, const struct ra_entry *e)
{
	const struct ra_registry *r = b->registry;
	struct ra_nearest n;
	struct ra_hint hint;

	b->wrong = true;
	if (b->check->format == RA_NO_FORMAT && is_known(b, e->key)) {
		/* The format's, and it is not known which that is: said there. */
		if (ra_tree_get(b->merged, "format") == NULL)
			ra_say(b->l, e->at, "`%s:` is a format's option, and there is no `format:`",
			    e->key);
		return;
	}
	for (size_t i = 0; i < r->format_count; i++) {
		if (ra_option_find(r->formats[i].type->options, e->key) == NULL)
			continue;
		ra_say(b->l, e->at, "`%s:` is an option of format %s; the format here is %s",
		    e->key, r->formats[i].type->name, r->formats[b->check->format].type->name);
		return;
	}
	ra_nearest_init(&n, e->key);
	try_options(&n, ra_section_check.options);
	try_options(&n, r->kinds[b->check->kind].type->options);
	if (b->check->format != RA_NO_FORMAT)
		try_options(&n, r->formats[b->check->format].type->options);
	for (size_t i = 0; i < r->source_count; i++)
		ra_nearest_try(&n, r->sources[i].type->name);
	ra_say(b->l, e->at, "unknown key '%.80s' for a check of kind %s%s", e->key,
	    r->kinds[b->check->kind].type->name, ra_say_nearest(&n, &hint));
}

static int
sort_words(struct ra_check_build *b, const struct ra_entry *e)
{
	bool warn = strcmp(e->key, "warn") == 0;
	struct ra_builder *to = warn ? &b->warn : &b->expect;
	const struct ra_node *words = ra_interpolate(&b->holes, e->value, b->scope);
	int r = 0;

	if (words == NULL)
		return b->l->fatal;
	if (warn)
		b->warn_at = e->at;
	else
		b->expect_at = e->at;
	if (words->type == RA_NODE_BROKEN) {
		b->wrong = true;
	} else if (!ra_section_is_map(b->l, words, e->key)) {
		b->wrong = true;
	} else {
		for (size_t i = 0; r == 0 && i < words->count; i++)
			r = ra_builder_add(b->l, to, &words->entries[i]);
	}
	return r;
}

static int
sort_entry(struct ra_check_build *b, const struct ra_entry *e)
{
	const struct ra_registry *registry = b->registry;
	const struct ra_option *common = ra_option_find(ra_section_check.options, e->key);
	struct ra_entry filled = *e;
	bool found = false;
	int r = 0;

	if (e == b->source || strcmp(e->key, "for") == 0)
		return 0;
	if (common != NULL && (common->flags & RA_OPT_SPECIAL))
		return sort_words(b, e);
	filled.value = ra_interpolate(&b->holes, e->value, b->scope);
	if (filled.value == NULL)
		return b->l->fatal;
	if (common != NULL)
		return ra_builder_add(b->l, &b->common, &filled);
	if (ra_option_find(registry->kinds[b->check->kind].type->options, e->key) != NULL) {
		found = true;
		r = ra_builder_add(b->l, &b->kind, &filled);
	}
	if (r == 0 && b->check->format != RA_NO_FORMAT &&
	    ra_option_find(registry->formats[b->check->format].type->options, e->key) != NULL) {
		found = true;
		r = ra_builder_add(b->l, &b->format, &filled);
	}
	if (!found)
		say_unknown(b, e);
	return r;
}

/* --- building --- */

int
ra_fingerprint(const struct ra_buf *content, uint8_t out[16])
{
	uint8_t digest[RA_DIGEST_SIZE];

	if (content->error < 0 || ra_digest_of(content->data, content->len, digest) < 0)
		return -ENOMEM;
	memcpy(out, digest, 16);
	return 0;
}

/* Content is used up. */
static int
set_fingerprint(struct ra_check_build *b)
{
	struct ra_check *c = b->check;
	struct ra_buf *content = &b->content;
	int r;

	ra_buf_printf(content, "|%u %u %u %d %d %s", c->kind, c->source, c->format, c->many,
	    (int)c->severity, c->service != NULL ? c->service : "");
	r = ra_fingerprint(content, c->fingerprint);
	if (r == 0) {
		memmove(content->data + b->times, content->data + b->times_end,
		    content->len - b->times_end);
		content->len -= b->times_end - b->times;
		r = ra_fingerprint(content, c->judged);
	}
	return r < 0 ? (ra_say_no_memory(b->l), r) : 0;
}

static int
set_id(struct ra_check_build *b)
{
	size_t size = strlen(b->environment->name) + strlen(b->name) + 2;
	char *id = ra_arena_alloc(b->l->config->arena, size);

	b->check->name = ra_keep(b->l, b->name);
	b->check->environment = b->environment;
	if (id == NULL || b->check->name == NULL)
		return ra_say_no_memory(b->l), -ENOMEM;
	snprintf(id, size, "%s/%s", b->environment->name, b->name);
	b->check->id = id;
	return 0;
}

static int
build(struct ra_check_build *b)
{
	const struct ra_node *source = NULL;
	int r;

	find_service(b);
	if (find_source(b) == 0)
		(void)ra_check_build_source(b, &source);
	r = find_format(b);
	if (r == 0 && b->source != NULL)
		check_shapes(b);
	/* All of the rest, whatever was wrong so far, so that every mistake is said. */
	for (size_t i = 0; b->l->fatal == 0 && i < b->merged->count; i++) {
		if (ra_registry_source(b->registry, b->merged->entries[i].key) < 0)
			(void)sort_entry(b, &b->merged->entries[i]);
	}
	if (b->l->fatal == 0)
		(void)ra_check_bind_words(b);
	if (b->l->fatal == 0)
		(void)ra_check_bind_common(b);
	if (b->l->fatal == 0 && r == 0) {
		(void)ra_check_bind_format(b);
		(void)ra_check_bind_kind(b);
	}
	if (b->l->fatal != 0 || b->wrong)
		return -EINVAL;
	if (set_id(b) < 0 || ra_peers_note(b) < 0 || set_fingerprint(b) < 0 ||
	    ra_secrets_keep(b->l, &b->secrets, b->check) < 0)
		return -EINVAL;
	ra_print_check(b, source);
	return 0;
}

static void
clear(struct ra_check_build *b)
{
	ra_builder_clear(&b->kind);
	ra_builder_clear(&b->format);
	ra_builder_clear(&b->common);
	ra_builder_clear(&b->expect);
	ra_builder_clear(&b->warn);
	ra_secrets_clear(&b->secrets);
}

struct ra_check *
ra_check_build(struct ra_loading *l, const struct ra_scope *scope,
    const struct ra_environment *environment, const char *name, struct ra_mark at,
    const struct ra_node *layers)
{
	struct ra_check_build b = { .l = l,
		.registry = l->load->registry,
		.scope = scope,
		.environment = environment,
		.name = name,
		.at = at };
	int kind = ra_layers_kind(l, scope, name, at, layers), r = -EINVAL;

	if (kind < 0)
		return NULL;
	b.merged = ra_layers_merge(l, scope, kind, layers);
	b.check = ra_arena_alloc(l->config->arena, sizeof(*b.check));
	if (b.merged == NULL || b.check == NULL)
		return ra_say_no_memory(l);
	b.check->kind = (uint16_t)kind;
	b.holes = (struct ra_holes){ .l = l, .check = name, .secrets = &b.secrets };
	ra_builder_init(&b.kind);
	ra_builder_init(&b.format);
	ra_builder_init(&b.common);
	ra_builder_init(&b.expect);
	ra_builder_init(&b.warn);
	b.content = l->content;
	ra_buf_clear(&b.content);
	if (l->load->fingerprint_key != NULL)
		ra_buf_add(&b.content, l->load->fingerprint_key, 32);
	r = build(&b);
	l->content = b.content;
	clear(&b);
	return r == 0 ? b.check : NULL;
}
