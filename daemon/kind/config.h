/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of kind config share. */
#ifndef RA_KIND_CONFIG_H
#define RA_KIND_CONFIG_H

#include "relaudit/kind/config.h"
#include "relaudit/kind/kind.h"

struct config_options {
	struct ra_texts ignore, secret, open, normalize;
	const char *const *secrets, *const *opens;	/* the same as snapshots take them */
};

struct config_words {
	struct ra_texts required, forbidden, differ, may_differ;
	struct ra_text same_as;
	int64_t agree_within;
};

/* One comparison, of what was read by itself or with a peer. */
struct config_case {
	const struct ra_judge_call *call;
	const struct config_words *words;
	const struct ra_gathered *peer;		/* NULL: none */
	const struct ra_snapshot *snapshot;
	struct ra_config_rules rules;
	struct ra_drift drift;
};

/* Adds the words that are rules. */
void ra_config_rules_words(struct ra_config_rules *r, const struct config_words *w);

/* What staging/config-api is called here: as it is in the words. */
const char *ra_config_peer_name(const struct config_case *c);
/* Says what is wrong, what was expected and where it stands. */
void ra_config_say_breach(struct ra_result *r, enum ra_verdict bad, const struct config_case *c);
void ra_config_say_unread(struct ra_result *r, const struct config_case *c);
void ra_config_say_fine(struct ra_result *r, const struct config_case *c);

#endif
