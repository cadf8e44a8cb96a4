/* SPDX-License-Identifier: Apache-2.0 */
/* Environments side by side: which keys of their configuration are not as they ought to be. */
#include <stdio.h>
#include <string.h>

#include "relaudit/kind/config.h"

#include "internal.h"

#define BODY_MAX (64 * 1024 * 1024)

struct compared {
	struct ra_request *q;
	const struct ra_environment *environments[RA_DRIFT_SIDES_MAX];
	int64_t checked[RA_DRIFT_SIDES_MAX]; /* the oldest of what took part; 0: none */
	size_t count;
	bool all;
	struct ra_jsonw *w; /* rows */
	struct ra_buf unread; /* "A","B" */
	struct ra_buf unused;
	bool drift;
	size_t same, ignored, unverifiable;
};

/* --- which --- */

static bool
take_environments(struct compared *c, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		RA_FREE char *name = strndup(text, len);
		const struct ra_environment *env = NULL;

		if (name != NULL)
			env = ra_api_environment(c->q, name);
		if (env == NULL)
			return false;
		for (size_t i = 0; i < c->count; i++) {
			if (c->environments[i] != env)
				continue;
			ra_request_error(c->q, MHD_HTTP_BAD_REQUEST, "bad-request",
			    "environment '%s' is given twice", env->name);
			return false;
		}
		if (c->count == RA_DRIFT_SIDES_MAX) {
			ra_request_error(c->q, MHD_HTTP_BAD_REQUEST, "bad-request",
			    "at most %d environments side by side", RA_DRIFT_SIDES_MAX);
			return false;
		}
		c->environments[c->count++] = env;
		text += len + (text[len] == ',' ? 1 : 0);
	}
	return true;
}

static const struct ra_check *
check_of(const struct compared *c, size_t i, const char *name)
{
	const struct ra_environment *env = c->environments[i];

	for (size_t k = 0; k < env->check_count; k++) {
		const struct ra_check *check = env->checks[k];

		if (strcmp(check->name, name) == 0 && ra_engine_reads(check))
			return check;
	}
	return NULL;
}

/* --- one check of all --- */

static void
write_cell(struct ra_jsonw *w, const char *environment, bool secret, const struct ra_drift_cell *e)
{
	if (!e->present) {
		ra_jsonw_null(w, environment);
		return;
	}
	ra_jsonw_object(w, environment);
	if (secret) {
		ra_jsonw_bool(w, "secret", true);
		ra_jsonw_text(w, "digest", e->value);
	} else {
		ra_jsonw_text(w, "value", e->value);
	}
	ra_jsonw_object_end(w);
}

static const char *
cause_of(const struct ra_drift_row *row)
{
	if (row->release)
		return "release";
	return "drift";
}

static void
write_rows(const struct compared *c, const struct ra_drift *d, const struct ra_drift_side *sides,
    const char *check)
{
	for (size_t i = 0; i < d->row_count; i++) {
		const struct ra_drift_row *row = &d->rows[i];

		ra_jsonw_object(c->w, NULL);
		ra_jsonw_text(c->w, "check", check);
		ra_jsonw_text(c->w, "key", row->key);
		ra_jsonw_text(c->w, "verdict", ra_drift_verdict_name(row->verdict));
		ra_jsonw_text(c->w, "cause", cause_of(row));
		ra_jsonw_object(c->w, "values");
		for (size_t k = 0; k < d->side_count; k++)
			write_cell(c->w, sides[k].name, row->secret, &row->cells[k]);
		ra_jsonw_object_end(c->w);
		ra_jsonw_object_end(c->w);
	}
}

static void
write_unused(struct compared *c, const struct ra_drift *d, const struct ra_config_rules *rules)
{
	for (size_t i = 0; i < d->unused_count; i++) {
		const struct ra_drift_rule *rule = &rules->list[d->unused[i]];

		if (rule->word == RA_DRIFT_IGNORE)
			ra_buf_printf(
			    &c->unused, "%s %s%c", ra_drift_word_name(rule->word), rule->key, '\0');
	}
}

static int
compare(struct compared *c, const struct ra_drift_side *sides, size_t count,
    const struct ra_config_rules *rules, const char *check)
{
	struct ra_drift_call call = { .sides = sides,
		.side_count = count,
		.rules = rules->list,
		.rule_count = rules->count,
		.key = ra_engine_secret_key(c->q->api->engine),
		.key_len = RA_DIGEST_SIZE,
		.all = c->all };
	struct ra_drift d;
	int r = rules->error == 0 ? ra_drift_compare(&call, &d) : rules->error;

	if (r < 0)
		return r;
	write_rows(c, &d, sides, check);
	write_unused(c, &d, rules);
	c->drift = c->drift || d.drift;
	c->same += d.same;
	c->ignored += d.ignored;
	c->unverifiable += d.unverifiable;
	ra_drift_free(&d);
	return 0;
}

/* What only some of them have is named as not read in the others: it was not compared there. */
static int
compare_check(struct compared *c, const char *name)
{
	struct ra_drift_side sides[RA_DRIFT_SIDES_MAX] = { 0 };
	struct ra_config_rules rules = { 0 };
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct ra_check *check = check_of(c, i, name);
		int64_t checked = 0;

		if (check == NULL) {
			ra_buf_printf(&c->unread, "%s/%s%c", c->environments[i]->name, name, '\0');
			continue;
		}
		sides[count].name = c->environments[i]->name;
		sides[count].snapshot = ra_engine_read(c->q->api->engine, check, &checked);
		if (sides[count].snapshot == NULL) {
			ra_buf_printf(&c->unread, "%s%c", check->id, '\0');
			continue;
		}
		if (c->checked[i] == 0 || checked < c->checked[i])
			c->checked[i] = checked;
		ra_config_rules_add(&rules, check);
		count++;
	}
	if (count > 1)
		r = compare(c, sides, count, &rules, name);
	free(rules.list);
	return r;
}

/* In the order in which the environments have them. */
static int
compare_all(struct compared *c, const char *only)
{
	int r = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct ra_environment *env = c->environments[i];

		for (size_t k = 0; r == 0 && k < env->check_count; k++) {
			const char *name = env->checks[k]->name;
			bool before = false;

			for (size_t j = 0; j < i && !before; j++)
				before = check_of(c, j, name) != NULL;
			if (!before && ra_engine_reads(env->checks[k]) &&
			    (only == NULL || strcmp(only, name) == 0))
				r = compare_check(c, name);
		}
	}
	return r;
}

/* --- the answer --- */

static void
write_texts(struct ra_jsonw *w, const char *key, const struct ra_buf *texts)
{
	ra_jsonw_array(w, key);
	for (size_t at = 0; at < texts->len; at += strlen(texts->data + at) + 1)
		ra_jsonw_text(w, NULL, texts->data + at);
	ra_jsonw_array_end(w);
}

static void
write_tail(struct compared *c)
{
	ra_jsonw_array_end(c->w);
	ra_jsonw_bool(c->w, "drift", c->drift);
	write_texts(c->w, "unread", &c->unread);
	ra_jsonw_object(c->w, "checked");
	for (size_t i = 0; i < c->count; i++) {
		if (c->checked[i] != 0)
			ra_jsonw_time(c->w, c->environments[i]->name, c->checked[i]);
	}
	ra_jsonw_object_end(c->w);
	ra_jsonw_int(c->w, "same", (int64_t)c->same);
	ra_jsonw_int(c->w, "ignored", (int64_t)c->ignored);
	ra_jsonw_int(c->w, "unverifiable", (int64_t)c->unverifiable);
	write_texts(c->w, "unused_rules", &c->unused);
	ra_jsonw_object_end(c->w);
}

static void
answer(struct compared *c)
{
	struct ra_buf body = RA_BUF(BODY_MAX);
	struct ra_jsonw w;
	int r;

	ra_jsonw_init(&w, &body);
	c->w = &w;
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "schema", RA_API_SCHEMA);
	ra_jsonw_array(&w, "environments");
	for (size_t i = 0; i < c->count; i++)
		ra_jsonw_text(&w, NULL, c->environments[i]->name);
	ra_jsonw_array_end(&w);
	ra_jsonw_array(&w, "rows");
	r = compare_all(c, ra_request_param(c->q, "check"));
	write_tail(c);
	if (r == 0 && body.error == 0 && c->unread.error == 0 && c->unused.error == 0) {
		ra_request_json(c->q, MHD_HTTP_OK, &body);
		return;
	}
	ra_buf_free(&body);
	ra_request_error(c->q, MHD_HTTP_SERVICE_UNAVAILABLE, "too-large",
	    "the comparison does not fit; ask for one `check`, or for fewer environments");
}

void
ra_route_drift(struct ra_request *q)
{
	const char *names = ra_request_param(q, "environments"), *all = ra_request_param(q, "all");
	struct compared c = { .q = q, .unread = RA_BUF(BODY_MAX), .unused = RA_BUF(BODY_MAX) };

	if (all != NULL && strcmp(all, "true") != 0 && strcmp(all, "false") != 0) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request", "`all` is true or false");
		return;
	}
	c.all = all != NULL && strcmp(all, "true") == 0;
	if (names != NULL && !take_environments(&c, names))
		return;
	if (c.count < 2)
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "`environments` takes two or more, parted by commas");
	else
		answer(&c);
	ra_buf_free(&c.unread);
	ra_buf_free(&c.unused);
}
