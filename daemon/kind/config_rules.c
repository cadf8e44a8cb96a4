/* SPDX-License-Identifier: Apache-2.0 */
/* The words of kind config as rules of a comparison. */
#include "config.h"

static bool
make_room(struct ra_config_rules *r, size_t count)
{
	struct ra_drift_rule *list;

	if (r->error < 0)
		return false;
	list = reallocarray(r->list, r->count + count, sizeof(*list));
	if (list == NULL) {
		r->error = -ENOMEM;
		return false;
	}
	r->list = list;
	return true;
}

void
ra_config_rules_key(struct ra_config_rules *r, enum ra_drift_word word, const char *key)
{
	if (make_room(r, 1))
		r->list[r->count++] = (struct ra_drift_rule){ .word = word, .key = key };
}

void
ra_config_rules_keys(
    struct ra_config_rules *r, enum ra_drift_word word, const struct ra_texts *keys)
{
	if (keys->count == 0 || !make_room(r, keys->count))
		return;
	for (size_t i = 0; i < keys->count; i++)
		r->list[r->count++] =
		    (struct ra_drift_rule){ .word = word, .key = keys->list[i].value };
}

/* What sops keeps beside the values of an encrypted file is no setting. */
static const struct ra_text sops[] = { { "/sops/*", "/sops/*" }, { "sops_*", "sops_*" },
	{ "sops.*", "sops.*" } };

void
ra_config_rules_sops(struct ra_config_rules *r)
{
	static const struct ra_texts all = { .list = sops, .count = RA_ARRAY_SIZE(sops) };

	ra_config_rules_keys(r, RA_DRIFT_IGNORE, &all);
}

bool
ra_config_rule_is_sops(const struct ra_drift_rule *rule)
{
	for (size_t i = 0; i < RA_ARRAY_SIZE(sops); i++) {
		if (rule->key == sops[i].value)
			return true;
	}
	return false;
}

static void
add_origins(struct ra_config_rules *r, const struct ra_pairs *origin)
{
	if (origin->count == 0 || !make_room(r, origin->count))
		return;
	for (size_t i = 0; i < origin->count; i++)
		r->list[r->count++] = (struct ra_drift_rule){ .word = RA_DRIFT_ORIGIN,
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
	if (c->warn != NULL) {
		const struct config_words *w = c->warn;

		ra_config_rules_keys(r, RA_DRIFT_DIFFER, &w->differ);
		ra_config_rules_keys(r, RA_DRIFT_MAY_DIFFER, &w->may_differ);
	}
}

void
ra_config_rules_warn(struct ra_config_rules *r, const struct ra_check *c)
{
	const struct config_words *w = c->warn;

	if (w == NULL)
		return;
	ra_config_rules_keys(r, RA_DRIFT_REQUIRE, &w->required);
	ra_config_rules_keys(r, RA_DRIFT_FORBID, &w->forbidden);
	add_origins(r, &w->origin);
}
