/* SPDX-License-Identifier: Apache-2.0 */
/* What kind config knows of its checks, for comparing them outside of a probe. */
#ifndef RELAUDIT_KIND_CONFIG_H
#define RELAUDIT_KIND_CONFIG_H

#include "relaudit/conf/config.h"
#include "relaudit/model/drift.h"

/* Its own come first. Texts are borrowed from the configuration; the list is to be freed. */
struct ra_config_rules {
	struct ra_drift_rule *list;
	size_t count, own;
	int error;			/* -ENOMEM: some are missing */
};

/*
 * Adds the rules of a check of kind config: `ignore`, those under `expect`, and what may differ by
 * `warn`.
 */
void ra_config_rules_add(struct ra_config_rules *r, const struct ra_check *c);
/* Adds the rest of `warn`: what it says of the keys of one side by itself. */
void ra_config_rules_warn(struct ra_config_rules *r, const struct ra_check *c);
/* Adds keys under one word; one key or pattern, borrowed. */
void ra_config_rules_keys(struct ra_config_rules *r, enum ra_drift_word word,
    const struct ra_texts *keys);
void ra_config_rules_key(struct ra_config_rules *r, enum ra_drift_word word, const char *key);
/* Adds `ignore` for what sops keeps beside the values: for what is committed. */
void ra_config_rules_sops(struct ra_config_rules *r);
/* One of those, which nobody wrote. */
bool ra_config_rule_is_sops(const struct ra_drift_rule *rule);

#endif
