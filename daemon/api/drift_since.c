/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys changed since a time, by the events config-changed of the history. */
#include <string.h>

#include "relaudit/base/jsonr.h"

#include "drift.h"

#define EVENT	    "config-changed"
#define EVENTS_MOST 1000 /* of one check; older ones are not known then */
#define CHECKS_MOST 1000

/* --- asking --- */

static void
take_event(struct ra_drift_changes *c, const struct ra_history_event *event)
{
	char *body;

	if (strcmp(event->what, EVENT) != 0)
		return;
	body = ra_arena_strdup(c->job->arena, event->body);
	if (body == NULL) {
		c->partial = true;
		return;
	}
	c->bodies[c->count] = body;
	c->times[c->count++] = event->at;
}

static void
on_events(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	struct ra_drift_changes *c = arg;
	struct ra_arena *arena = c->job->arena;

	c->bodies = ra_arena_alloc(arena, (count + 1) * sizeof(*c->bodies));
	c->times = ra_arena_alloc(arena, (count + 1) * sizeof(*c->times));
	c->partial = error < 0 || count >= EVENTS_MOST || c->bodies == NULL || c->times == NULL;
	for (size_t i = 0; i < count && c->bodies != NULL && c->times != NULL; i++)
		take_event(c, &events[i]);
	ra_drift_pass(c->job);
}

/* A history that has anything from before the time has all since. */
static void
on_oldest(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	struct ra_drift_job *j = arg;

	j->begun_later = error < 0 || count == 0;
	ra_drift_pass(j);
}

static int
ask_check(struct ra_drift_job *j, struct ra_store *store, const struct ra_check *check)
{
	struct ra_history_query query = {
		.check = check->id, .since = j->since, .limit = EVENTS_MOST
	};
	struct ra_drift_changes *c;
	int r;

	if (j->changes[check->index] != NULL)
		return 0;
	c = ra_arena_alloc(j->arena, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->job = j;
	c->check = check;
	r = ra_store_history(store, &query, on_events, c);
	if (r < 0)
		return r;
	j->changes[check->index] = c;
	j->waiting++;
	return 0;
}

static int
ask_all(struct ra_drift_job *j, struct ra_store *store)
{
	struct ra_history_query oldest = { .until = j->since, .limit = 1 };
	int r = ra_store_history(store, &oldest, on_oldest, j);

	if (r < 0)
		return r;
	j->waiting++;
	for (struct ra_drift_pairing *p = j->pairings; p != NULL && r == 0; p = p->next) {
		for (size_t i = 0; i < p->count && r == 0; i++)
			r = ask_check(j, store, p->checks[i]);
	}
	return r;
}

bool
ra_drift_ask_changes(struct ra_drift_job *j, struct ra_request *q)
{
	struct ra_store *store = ra_engine_store(j->api->engine);
	int r;

	if (j->pairing_count > CHECKS_MOST) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "`since` looks at %d comparisons at most; name environments, or a `check`",
		    CHECKS_MOST);
		return false;
	}
	j->changes = ra_arena_alloc(
	    j->arena, (j->config->check_count + 1) * sizeof(struct ra_drift_changes *));
	r = j->changes == NULL ? -ENOMEM : store == NULL ? -ENODATA : ask_all(j, store);
	if (r == 0)
		return true;
	ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-history",
	    "the history cannot be asked now: %s", strerror(-r));
	return false;
}

/* --- reading --- */

static int
read_event(struct ra_drift_changes *c, const char *body, int64_t at)
{
	json_error_t why;
	json_t *event;
	const json_t *keys, *more, *item;
	size_t i;
	int r = 0;

	if (ra_json_load(body, strlen(body), JSON_REJECT_DUPLICATES, &event, &why) == -ENOMEM)
		return -ENOMEM;
	keys = json_object_get(event, "keys");
	more = json_object_get(event, "more");
	c->partial = c->partial || !json_is_array(keys) || json_integer_value(more) > 0;
	json_array_foreach (keys, i, item) {
		const char *name = json_string_value(json_object_get(item, "key"));
		char *key = name != NULL ? ra_arena_strdup(c->job->arena, name) : NULL;
		int64_t *time = ra_arena_memdup(c->job->arena, &at, sizeof(at));

		if (name == NULL)
			continue;
		if (key == NULL || time == NULL)
			r = -ENOMEM;
		else if (r == 0)
			r = ra_map_put(&c->keys, key, time, NULL);
	}
	json_decref(event);
	return r;
}

static void
note(struct ra_drift_job *j, const struct ra_drift_changes *c)
{
	ra_buf_printf(&j->notes,
	    "%s: more changed since then than the history names; none of its rows is left out%c",
	    c->check->id, '\0');
}

int
ra_drift_read_changes(struct ra_drift_job *j)
{
	int r = 0;

	if (j->changes == NULL)
		return 0;
	if (j->begun_later)
		ra_buf_printf(&j->notes,
		    "the history does not reach back to then; no row is left out%c", '\0');
	for (size_t i = 0; i < j->config->check_count && r == 0; i++) {
		struct ra_drift_changes *c = j->changes[i];

		/* Oldest first: of several changes the latest stays. */
		for (size_t k = 0; c != NULL && k < c->count && r == 0; k++)
			r = read_event(c, c->bodies[k], c->times[k]);
		if (c != NULL && c->partial && !j->begun_later)
			note(j, c);
	}
	return r;
}

void
ra_drift_changes_free(struct ra_drift_job *j)
{
	for (size_t i = 0; j->changes != NULL && i < j->config->check_count; i++) {
		if (j->changes[i] != NULL)
			ra_map_free(&j->changes[i]->keys);
	}
}

/* --- rows --- */

/* Beside names, "/NAME" is NAME. */
int64_t
ra_drift_changed(const struct ra_drift_job *j, const struct ra_check *c, const char *key)
{
	const struct ra_drift_changes *changes = j->changes != NULL ? j->changes[c->index] : NULL;
	RA_BUF_LOCAL pointer = RA_BUF(0);
	const int64_t *time;

	if (changes == NULL)
		return 0;
	time = ra_map_get(&changes->keys, key);
	if (time == NULL) {
		ra_buf_printf(&pointer, "/%s", key);
		time = ra_map_get(&changes->keys, ra_buf_text(&pointer));
	}
	return time != NULL ? *time : 0;
}

static bool
is_kept(const struct ra_drift_job *j, const struct ra_drift_pairing *p, const char *key)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct ra_drift_changes *c = j->changes[p->checks[i]->index];

		if (j->begun_later || c == NULL || c->partial ||
		    ra_drift_changed(j, p->checks[i], key) != 0)
			return true;
	}
	return false;
}

size_t
ra_drift_keep_changed(
    const struct ra_drift_job *j, const struct ra_drift_pairing *p, struct ra_drift *d)
{
	size_t count = 0, older = 0;

	if (j->changes == NULL)
		return 0;
	d->drift = d->more > 0 && d->drift;
	if (d->more == 0)
		d->undecided = 0;
	for (size_t i = 0; i < d->row_count; i++) {
		if (!is_kept(j, p, d->rows[i].key)) {
			older += d->rows[i].verdict >= RA_DRIFT_MISSING;
			continue;
		}
		d->drift = d->drift || d->rows[i].counts;
		d->undecided += d->more == 0 && d->rows[i].undecided && !d->rows[i].counts;
		d->rows[count++] = d->rows[i];
	}
	d->row_count = count;
	return older;
}
