/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload would change. */
#include <string.h>

#include "relaudit/conf/config.h"

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_texts(const struct ra_texts *a, const struct ra_texts *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = same_text(a->list[i].value, b->list[i].value);
	return same;
}

static bool
same_pairs(const struct ra_pairs *a, const struct ra_pairs *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = same_text(a->list[i].name, b->list[i].name) &&
		       same_text(a->list[i].text.value, b->list[i].text.value);
	return same;
}

static bool
same_environment(const struct ra_environment *a, const struct ra_environment *b)
{
	return a->rank == b->rank && same_pairs(&a->labels, &b->labels) &&
	       same_texts(&a->aliases, &b->aliases) && same_text(a->owner, b->owner) &&
	       same_text(a->runbook, b->runbook);
}

/* The environment of this very name, not of an alias. */
static const struct ra_environment *
find(const struct ra_config *c, const char *name)
{
	const struct ra_environment *e = ra_map_get(&c->environments_by_name, name);

	return e != NULL && strcmp(e->name, name) == 0 ? e : NULL;
}

static void
diff_environments(const struct ra_config *was, const struct ra_config *now, struct ra_buf *out)
{
	for (size_t i = 0; i < was->environment_count; i++) {
		const struct ra_environment *e = was->environments[i];

		/* One with checks is told by them. */
		if (find(now, e->name) == NULL && e->check_count == 0)
			ra_buf_printf(out, "- %s\n", e->name);
	}
	for (size_t i = 0; i < now->environment_count; i++) {
		const struct ra_environment *e = now->environments[i], *before = find(was, e->name);

		if (before == NULL && e->check_count == 0)
			ra_buf_printf(out, "+ %s\n", e->name);
		else if (before != NULL && !same_environment(before, e))
			ra_buf_printf(
			    out, "~ %s: rank, labels, aliases, owner or runbook\n", e->name);
	}
}

static void
diff_checks(const struct ra_config *was, const struct ra_config *now, struct ra_buf *out)
{
	for (size_t i = 0; i < was->check_count; i++) {
		if (ra_map_get(&now->checks_by_id, was->checks[i]->id) == NULL)
			ra_buf_printf(out, "- %s\n", was->checks[i]->id);
	}
	for (size_t i = 0; i < now->check_count; i++) {
		const struct ra_check *c = now->checks[i];
		const struct ra_check *before = ra_map_get(&was->checks_by_id, c->id);

		if (before == NULL)
			ra_buf_printf(out, "+ %s\n", c->id);
		else if (memcmp(before->fingerprint, c->fingerprint, sizeof(c->fingerprint)) != 0)
			ra_buf_printf(out, "~ %s\n", c->id);
	}
}

static void
diff_rest(const struct ra_config *was, const struct ra_config *now, struct ra_buf *out)
{
	const struct ra_daemon_conf *a = &was->daemon, *b = &now->daemon;

	if (!same_texts(&was->access.run, &now->access.run) ||
	    !same_texts(&was->access.reload, &now->access.reload))
		ra_buf_puts(out, "~ access\n");
	if (a->in_flight != b->in_flight || a->per_host != b->per_host ||
	    a->history_keep != b->history_keep)
		ra_buf_puts(out, "~ daemon\n");
}

void
ra_config_diff(const struct ra_config *was, const struct ra_config *now, struct ra_buf *out)
{
	diff_rest(was, now, out);
	diff_environments(was, now, out);
	diff_checks(was, now, out);
}
