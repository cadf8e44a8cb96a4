/* SPDX-License-Identifier: Apache-2.0 */
/* The words of kind config as rules of a comparison. */
#include "config.h"

void
ra_config_rules_keys(
    struct ra_config_rules *r, enum ra_drift_word word, const struct ra_texts *keys)
{
	struct ra_drift_rule *list;

	if (keys->count == 0 || r->error < 0)
		return;
	list = reallocarray(r->list, r->count + keys->count, sizeof(*list));
	if (list == NULL) {
		r->error = -ENOMEM;
		return;
	}
	r->list = list;
	for (size_t i = 0; i < keys->count; i++)
		list[r->count++] =
		    (struct ra_drift_rule){ .word = word, .key = keys->list[i].value };
}

static void
add_origins(struct ra_config_rules *r, const struct ra_pairs *origin)
{
	struct ra_drift_rule *list;

	if (origin->count == 0 || r->error < 0)
		return;
	list = reallocarray(r->list, r->count + origin->count, sizeof(*list));
	if (list == NULL) {
		r->error = -ENOMEM;
		return;
	}
	r->list = list;
	for (size_t i = 0; i < origin->count; i++)
		list[r->count++] = (struct ra_drift_rule){ .word = RA_DRIFT_ORIGIN,
			.key = origin->list[i].name,
			.origin = origin->list[i].text.value };
}

void
ra_config_rules_words(struct ra_config_rules *r, const struct config_words *w)
{
	ra_config_rules_keys(r, RA_DRIFT_REQUIRE, &w->required);
	ra_config_rules_keys(r, RA_DRIFT_FORBID, &w->forbidden);
	ra_config_rules_keys(r, RA_DRIFT_DIFFER, &w->differ);
	ra_config_rules_keys(r, RA_DRIFT_MAY_DIFFER, &w->may_differ);
	add_origins(r, &w->origin);
}

void
ra_config_rules_add(struct ra_config_rules *r, const struct ra_check *c)
{
	const struct config_options *o = c->kind_options;

	ra_config_rules_keys(r, RA_DRIFT_IGNORE, &o->ignore);
	ra_config_rules_words(r, c->expect);
}
