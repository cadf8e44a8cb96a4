/* SPDX-License-Identifier: Apache-2.0 */
/* All options, from the tables: as text for a terminal, as scdoc for the manual. */
#include <stdio.h>
#include <string.h>

#include "relaudit/model/name.h"

#include "loading.h"

struct describer {
	struct ra_buf *out;
	bool scdoc;
};

static void
put(struct describer *d, const char *text)
{
	for (; *text != '\0'; text++) {
		if (d->scdoc && strchr("\\*_#`~<>@[]", *text) != NULL)
			ra_buf_putc(d->out, '\\');
		ra_buf_putc(d->out, *text);
	}
}

static void
put_title(struct describer *d, const char *what, const char *name, const char *help)
{
	ra_buf_puts(d->out, d->scdoc ? "## " : "");
	put(d, what);
	put(d, name);
	ra_buf_puts(d->out, d->scdoc ? "\n\n" : "\n  ");
	put(d, help);
	ra_buf_puts(d->out, ".\n\n");
}

static void
put_limits(struct describer *d, const struct ra_option *o)
{
	struct ra_hint range;

	if (o->flags & RA_OPT_REQUIRED)
		put(d, " Required.");
	if (o->type == RA_OPT_CHOICE) {
		put(d, " One of ");
		for (size_t i = 0; o->choices[i] != NULL; i++) {
			put(d, i > 0 ? ", " : "");
			put(d, o->choices[i]);
		}
		put(d, ".");
	}
	if (*ra_value_range(o, &range) != '\0') {
		put(d, " ");
		put(d, range.text);
		put(d, ".");
	}
	if (o->fallback != NULL) {
		put(d, " Default: ");
		put(d, o->fallback);
		put(d, ".");
	}
}

static void
put_option(struct describer *d, const char *prefix, const struct ra_option *o)
{
	ra_buf_puts(d->out, d->scdoc ? "*" : "  ");
	put(d, prefix);
	put(d, o->name);
	ra_buf_puts(d->out, d->scdoc ? "* (" : " (");
	put(d, ra_value_type_name(o));
	ra_buf_puts(d->out, d->scdoc ? ")\n\t" : ")\n      ");
	put(d, o->help != NULL ? o->help : "");
	put(d, ".");
	put_limits(d, o);
	ra_buf_puts(d->out, "\n\n");
}

static void
put_options(struct describer *d, const char *prefix, const struct ra_option *table)
{
	char inner[100];

	for (const struct ra_option *o = table; o != NULL && o->name != NULL; o++) {
		put_option(d, prefix, o);
		if (o->table == NULL)
			continue;
		snprintf(inner, sizeof(inner), "%s%s: ", prefix, o->name);
		put_options(d, inner, o->table);
	}
}

static bool
is_wanted(const char *what, const char *name)
{
	return what == NULL || strcmp(what, name) == 0;
}

static size_t
describe_type(
    struct describer *d, const char *title, const struct ra_conf_type *type, const char *what)
{
	if (!is_wanted(what, type->name))
		return 0;
	put_title(d, title, type->name, type->help);
	put_options(d, "", type->options);
	return 1;
}

static size_t
describe_all(struct describer *d, const struct ra_registry *r, const char *what)
{
	size_t found = 0;

	for (const struct ra_conf_type *const *s = ra_sections; *s != NULL; s++)
		found += describe_type(d, "", *s, what);
	for (size_t i = 0; i < r->kind_count; i++) {
		if (describe_type(d, "Kind ", r->kinds[i].type, what) == 0)
			continue;
		found++;
		put_options(d, "expect, warn: ", r->kinds[i].expectation->options);
	}
	for (size_t i = 0; i < r->source_count; i++)
		found += describe_type(d, "Source ", r->sources[i].type, what);
	for (size_t i = 0; i < r->format_count; i++)
		found += describe_type(d, "Format ", r->formats[i].type, what);
	return found;
}

static void
say_nothing_such(const struct ra_registry *r, const char *what, struct ra_errors *errors)
{
	struct ra_nearest n;
	struct ra_hint hint;

	ra_nearest_init(&n, what);
	for (const struct ra_conf_type *const *s = ra_sections; *s != NULL; s++)
		ra_nearest_try(&n, (*s)->name);
	for (size_t i = 0; i < r->kind_count; i++)
		ra_nearest_try(&n, r->kinds[i].type->name);
	for (size_t i = 0; i < r->source_count; i++)
		ra_nearest_try(&n, r->sources[i].type->name);
	for (size_t i = 0; i < r->format_count; i++)
		ra_nearest_try(&n, r->formats[i].type->name);
	ra_errors_add(errors, (struct ra_pos){ .file = "--describe" }, NULL,
	    "there is no kind, source, format or section '%s'%s", what, ra_say_nearest(&n, &hint));
}

void
ra_config_describe(const struct ra_registry *registry, const char *what, struct ra_buf *out,
    struct ra_errors *errors)
{
	struct describer d = { .out = out };

	if (describe_all(&d, registry, what) == 0)
		say_nothing_such(registry, what, errors);
}

void
ra_config_describe_scdoc(const struct ra_registry *registry, struct ra_buf *out)
{
	struct describer d = { .out = out, .scdoc = true };

	(void)describe_all(&d, registry, NULL);
}
