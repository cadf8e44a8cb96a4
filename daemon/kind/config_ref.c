/* SPDX-License-Identifier: Apache-2.0 */
/* Where in version control a baseline stands, for the version that runs. */
#include <string.h>

#include "config.h"

const struct ra_gathered *
ra_config_version(const struct ra_judge_call *call)
{
	for (size_t i = 0; i < call->input_count; i++) {
		const struct ra_gathered *g = &call->inputs[i];

		if (g->need.what == RA_NEED_PEER && strcmp(g->peer->option, RA_PEER_VERSION) == 0)
			return g;
	}
	return NULL;
}

/* "{tag}" -> "tag"; the length of it all, 0: it is none. */
static size_t
placeholder(const char *text, const char **ret_fact)
{
	static const char *const facts[] = { "tag", "version" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(facts); i++) {
		size_t len = strlen(facts[i]);

		if (text[0] == '{' && strncmp(text + 1, facts[i], len) == 0 &&
		    text[len + 1] == '}') {
			*ret_fact = facts[i];
			return len + 2;
		}
	}
	return 0;
}

bool
ra_config_ref_fits(const char *ref, bool *ret_wants_version)
{
	bool good = *ref != '\0' && *ref != '-' && strlen(ref) < RA_GIT_REF / 2;
	const char *fact;

	*ret_wants_version = false;
	for (const char *p = ref; *p != '\0';) {
		size_t len = placeholder(p, &fact);

		*ret_wants_version = *ret_wants_version || len > 0;
		good = good &&
		       (len > 0 || (strchr("{}:?*[\\^~", *p) == NULL && (unsigned char)*p > ' '));
		p += len > 0 ? len : 1;
	}
	return good;
}

static enum ra_reason
fact_of(const struct ra_judge_call *call, const char *fact, const char **ret, const char **ret_why)
{
	const struct ra_gathered *version = ra_config_version(call);

	*ret = NULL;
	if (version == NULL || version->reason != RA_R_OK) {
		*ret_why = version != NULL ? version->error : NULL;
		return RA_R_PEER_UNREAD;
	}
	if (version->facts != NULL)
		*ret = ra_facts_text(version->facts, fact);
	if (*ret != NULL)
		return RA_R_OK;
	*ret_why = strcmp(fact, "tag") == 0 ? "no tag is known of the version that runs"
					    : "the version that runs is not known";
	return strcmp(fact, "tag") == 0 ? RA_R_TAG_MISSING : RA_R_VERSION_UNREADABLE;
}

enum ra_reason
ra_config_fill_ref(
    const struct ra_judge_call *call, const char *ref, char out[RA_GIT_REF], const char **ret_why)
{
	size_t used = 0;

	/* A tag's name may be a branch's as well. */
	if (strcmp(ref, "{tag}") == 0)
		ref = "refs/tags/{tag}";
	while (*ref != '\0') {
		const char *fact = NULL, *text = ref;
		size_t len = placeholder(ref, &fact), add = 1;

		if (len > 0) {
			enum ra_reason reason = fact_of(call, fact, &text, ret_why);

			if (reason != RA_R_OK)
				return reason;
			add = strlen(text);
		}
		if (used + add >= RA_GIT_REF) {
			*ret_why = "the name of the ref is too long";
			return RA_R_REF_MISSING;
		}
		memcpy(out + used, text, add);
		used += add;
		ref += len > 0 ? len : 1;
	}
	out[used] = '\0';
	return RA_R_OK;
}
