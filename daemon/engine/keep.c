/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States and results as the store keeps them: one JSON body a check. What was announced goes to
 * the records (with lines that are committed and not yet sent), everything to the history.
 */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/jsonr.h"
#include "relaudit/base/units.h"

#include "internal.h"

#define DIRTY_EVERY (10 * RA_SECOND) /* changed facts are handed over this often */
#define SEEN_EVERY  (60 * RA_SECOND) /* and mere times of checking this often */
#define PRUNE_EVERY RA_HOUR
#define PRUNE_OFF   RA_MINUTE /* more than the wall clock gets ahead within that by itself */
#define BODY_MAX    (256 * 1024)

/* --- writing --- */

static void
write_state(struct ra_jsonw *w, const struct ra_state *s)
{
	ra_jsonw_object(w, "state");
	ra_jsonw_text(w, "state", ra_verdict_name(s->state));
	ra_jsonw_text(w, "latest", ra_verdict_name(s->latest));
	ra_jsonw_text(w, "reason", ra_reason_code(s->reason));
	ra_jsonw_bool(w, "confirmed", s->confirmed);
	ra_jsonw_bool(w, "hard", s->hard);
	ra_jsonw_int(w, "run", s->run);
	ra_jsonw_int(w, "since", s->since);
	ra_jsonw_int(w, "latest_since", s->latest_since);
	ra_jsonw_int(w, "bad_since", s->bad_since);
	ra_jsonw_int(w, "problem", (int64_t)s->problem);
	ra_jsonw_int(w, "problem_since", s->problem_since);
	ra_jsonw_object_end(w);
}

static void
write_result(struct ra_jsonw *w, const struct ra_result *r)
{
	size_t i;

	ra_jsonw_object(w, "result");
	ra_jsonw_text(w, "verdict", ra_verdict_name(r->verdict));
	ra_jsonw_text(w, "reason", ra_reason_code(r->reason));
	ra_jsonw_text(w, "summary", r->summary);
	ra_jsonw_text(w, "expected", r->expected);
	ra_jsonw_text(w, "evidence", r->evidence);
	ra_jsonw_text(w, "next", r->next_step);
	ra_jsonw_int(w, "checked", r->checked);
	ra_jsonw_int(w, "duration", r->duration_ms);
	ra_facts_write(&r->facts, w, "facts");
	if (r->instance_count > 0) {
		ra_jsonw_array(w, "instances");
		for (i = 0; i < r->instance_count; i++) {
			const struct ra_instance_result *in = &r->instances[i];

			ra_jsonw_object(w, NULL);
			ra_jsonw_text(w, "name", in->name);
			ra_jsonw_text(w, "verdict", ra_verdict_name(in->verdict));
			ra_jsonw_text(w, "reason", ra_reason_code(in->reason));
			ra_jsonw_text(w, "summary", in->summary);
			ra_facts_write(&in->facts, w, "facts");
			ra_jsonw_object_end(w);
		}
		ra_jsonw_array_end(w);
	}
	ra_jsonw_object_end(w);
}

/* Which configuration was announced last, so that a crash does not tell it again. */
static void
write_told(struct ra_jsonw *w, const struct ra_track *t)
{
	ra_jsonw_array(w, "told");
	for (size_t i = 0; i < t->check->instance_count; i++) {
		if (t->known[i].told == 0)
			continue;
		ra_jsonw_object(w, NULL);
		ra_jsonw_text(w, "instance", t->check->instances[i].name);
		ra_jsonw_int(w, "digest", (int64_t)t->known[i].told);
		ra_jsonw_object_end(w);
	}
	ra_jsonw_array_end(w);
}

static void
write_lines(struct ra_jsonw *w, const struct ra_lines *l)
{
	if (l->unsent == NULL)
		return;
	ra_jsonw_array(w, "unsent");
	for (const struct ra_unsent *u = l->unsent; u != NULL; u = u->next) {
		ra_jsonw_object(w, NULL);
		ra_jsonw_int(w, "priority", u->priority);
		ra_jsonw_text(w, "line", u->line);
		ra_jsonw_object_end(w);
	}
	ra_jsonw_array_end(w);
}

static void
write_body(struct ra_buf *out, const struct ra_track *t, bool lines)
{
	struct ra_jsonw w;
	size_t i;

	ra_jsonw_init(&w, out);
	ra_jsonw_object(&w, NULL);
	write_state(&w, &t->state);
	if (t->latest != NULL)
		write_result(&w, t->latest);
	if (t->changed != 0)
		ra_jsonw_int(&w, "changed", t->changed);
	if (t->history != NULL && !lines) {
		ra_jsonw_array(&w, "history");
		for (i = 0; i < t->history_count; i++)
			ra_facts_write(&t->history[i], &w, NULL);
		ra_jsonw_array_end(&w);
	}
	if (lines && t->known != NULL)
		write_told(&w, t);
	if (lines)
		write_lines(&w, &t->lines);
	ra_jsonw_object_end(&w);
}

void
ra_keep_latest(struct ra_engine *e, struct ra_track *t)
{
	RA_BUF_LOCAL body = RA_BUF(BODY_MAX);

	if (e->store == NULL || t->latest == NULL)
		return;
	write_body(&body, t, false);
	if (body.error != 0)
		return;
	ra_store_latest(e->store, t->check->id, ra_buf_text(&body), body.len);
	t->dirty = t->unseen = false;
}

static void
put_record(struct ra_engine *e, const char *id, struct ra_buf *body,
    void (*done)(void *arg, int error), void *arg)
{
	int r = body->error;

	if (r == 0)
		r = ra_store_put(
		    e->store, RA_RECORD_STATE, id, ra_buf_text(body), body->len, done, arg);
	if (r < 0 && done != NULL)
		done(arg, r);
}

/* Puts the record of what is announced; done as ra_store_put's, at once if there is no store. */
void
ra_keep_state(
    struct ra_engine *e, struct ra_track *t, void (*done)(void *arg, int error), void *arg)
{
	RA_BUF_LOCAL body = RA_BUF(BODY_MAX);

	if (e->store != NULL) {
		write_body(&body, t, true);
		put_record(e, t->check->id, &body, done, arg);
	} else if (done != NULL) {
		done(arg, 0);
	}
}

void
ra_keep_lines(struct ra_engine *e, const char *id, const struct ra_lines *l,
    void (*done)(void *arg, int error), void *arg)
{
	RA_BUF_LOCAL body = RA_BUF(BODY_MAX);
	struct ra_jsonw w;

	if (e->store != NULL) {
		ra_jsonw_init(&w, &body);
		ra_jsonw_object(&w, NULL);
		write_lines(&w, l);
		ra_jsonw_object_end(&w);
		put_record(e, id, &body, done, arg);
	} else if (done != NULL) {
		done(arg, 0);
	}
}

/*
 * Drops events that are older than `daemon: history: keep:`, which cannot be undone: a wall clock
 * that is years ahead for a moment would take all of them. So it is believed only after it went
 * along with the clock that nobody sets for an hour, from the start on or since it jumped ahead.
 */
static void
prune(struct ra_engine *e, int64_t now)
{
	struct ra_stamp last = e->pruned_stamp, present;

	if (now - e->pruned < PRUNE_EVERY)
		return;
	present = ra_stamp_now();
	e->pruned = now;
	e->pruned_stamp = present;
	if (present.wall - last.wall <= present.boot - last.boot + PRUNE_OFF)
		ra_store_prune(e->store, present.wall - e->config->daemon.history_keep);
}

/* Called from the keep timer in portions, so that no turn of the loop is long. */
void
ra_keep_flush(struct ra_engine *e, bool all)
{
	int64_t now = ra_clock_mono();
	size_t steps = all ? e->track_count : e->track_count / 64 + 64;
	bool seen = all || now - e->seen_written >= SEEN_EVERY;

	if (e->store == NULL || e->track_count == 0)
		return;
	prune(e, now);
	for (; steps > 0; steps--) {
		struct ra_track *t = &e->tracks[e->seen_next];

		if (t->dirty)
			ra_keep_latest(e, t);
		else if (t->unseen && seen && t->latest != NULL) {
			ra_store_seen(e->store, t->check->id, t->latest->checked);
			t->unseen = false;
		}
		if (++e->seen_next >= e->track_count) {
			e->seen_next = 0;
			if (seen)
				e->seen_written = now;
			if (!all) {
				ra_timer_start(e->keep_timer, DIRTY_EVERY, 0);
				return;
			}
		}
	}
	if (!all)
		ra_timer_start(e->keep_timer, 20, 0);
}

/* --- reading --- */

static int64_t
get_int(const json_t *o, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(o, key));
}

static enum ra_verdict
get_verdict(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	enum ra_verdict v = RA_PENDING;

	if (text != NULL)
		(void)ra_verdict_parse(text, &v);
	return v;
}

static enum ra_reason
get_reason(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	enum ra_reason r = RA_R_INTERNAL;

	if (text != NULL)
		(void)ra_reason_parse(text, &r);
	return r;
}

static int
read_state(const json_t *o, struct ra_state *ret)
{
	const json_t *s = json_object_get(o, "state");

	if (!json_is_object(s))
		return -EINVAL;
	ra_state_init(ret);
	ret->state = get_verdict(s, "state");
	ret->latest = get_verdict(s, "latest");
	ret->reason = get_reason(s, "reason");
	ret->confirmed = json_is_true(json_object_get(s, "confirmed"));
	ret->hard = json_is_true(json_object_get(s, "hard"));
	ret->run = (uint8_t)get_int(s, "run");
	ret->since = get_int(s, "since");
	ret->latest_since = get_int(s, "latest_since");
	ret->bad_since = get_int(s, "bad_since");
	ret->problem = (uint64_t)get_int(s, "problem");
	ret->problem_since = get_int(s, "problem_since");
	return 0;
}

static void
read_facts(
    struct ra_engine *e, const json_t *o, const struct ra_fact_def *defs, struct ra_facts *ret)
{
	RA_FREE char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text != NULL ? ra_facts_read(text, strlen(text), defs, ret) == -ENOMEM : o != NULL)
		e->load_starved = true;
}

static char *
dup_text(struct ra_engine *e, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		e->load_starved = true;
	return copy;
}

static void
read_instances(
    struct ra_engine *e, const json_t *list, const struct ra_fact_def *defs, struct ra_result *r)
{
	size_t i, n = json_array_size(list);

	if (n == 0)
		return;
	r->instances = calloc(n, sizeof(*r->instances));
	if (r->instances == NULL) {
		e->load_starved = true;
		return;
	}
	r->instance_count = n;
	for (i = 0; i < n; i++) {
		const json_t *o = json_array_get(list, i);
		struct ra_instance_result *in = &r->instances[i];

		in->name = dup_text(e, o, "name");
		in->verdict = get_verdict(o, "verdict");
		in->reason = get_reason(o, "reason");
		in->summary = dup_text(e, o, "summary");
		read_facts(e, json_object_get(o, "facts"), defs, &in->facts);
	}
}

static struct ra_result *
read_result(struct ra_engine *e, const json_t *body, const struct ra_fact_def *defs)
{
	const json_t *o = json_object_get(body, "result");
	struct ra_result *r;

	if (!json_is_object(o))
		return NULL;
	r = ra_result_new();
	if (r == NULL) {
		e->load_starved = true;
		return NULL;
	}
	ra_result_say(r, get_verdict(o, "verdict"), get_reason(o, "reason"), "%s",
	    json_string_value(json_object_get(o, "summary")) != NULL
		? json_string_value(json_object_get(o, "summary"))
		: "");
	r->expected = dup_text(e, o, "expected");
	r->evidence = dup_text(e, o, "evidence");
	r->next_step = dup_text(e, o, "next");
	r->checked = get_int(o, "checked");
	r->duration_ms = get_int(o, "duration");
	read_facts(e, json_object_get(o, "facts"), defs, &r->facts);
	read_instances(e, json_object_get(o, "instances"), defs, r);
	return r;
}

static struct ra_track *
track_of(struct ra_engine *e, const char *id)
{
	const struct ra_check *c = ra_map_get(&e->config->checks_by_id, id);

	return c != NULL ? &e->tracks[c->index] : NULL;
}

/* NULL: no JSON, or no memory: to pass over that would be to forget what was announced. */
static json_t *
parse(struct ra_engine *e, const char *body)
{
	json_error_t why;
	json_t *o;

	if (ra_json_load(body, strlen(body), 0, &o, &why) == -ENOMEM)
		e->load_starved = true;
	return o;
}

static void
on_latest(void *arg, const char *id, const char *body, int64_t checked)
{
	struct ra_engine *e = arg;
	struct ra_track *t = track_of(e, id);
	const struct ra_fact_def *defs;
	json_t *o;
	size_t i;

	if (t == NULL || (o = parse(e, body)) == NULL)
		return;
	defs = ra_check_kind(t->check)->facts;
	if (read_state(o, &t->state) < 0)
		ra_state_init(&t->state);
	t->latest = read_result(e, o, defs);
	t->changed = get_int(o, "changed");
	if (t->latest != NULL && checked > t->latest->checked)
		t->latest->checked = checked;
	for (i = 0; t->history != NULL && i < t->history_count; i++)
		read_facts(
		    e, json_array_get(json_object_get(o, "history"), i), defs, &t->history[i]);
	json_decref(o);
}

static void
read_told(const json_t *o, struct ra_track *t)
{
	const struct ra_check *c = t->check;
	const json_t *item;
	size_t k, i;

	json_array_foreach (json_object_get(o, "told"), k, item) {
		const char *name = json_string_value(json_object_get(item, "instance"));

		for (i = 0; t->known != NULL && i < c->instance_count; i++)
			if (c->many ? name != NULL && strcmp(c->instances[i].name, name) == 0
				    : name == NULL)
				t->known[i].told = (uint64_t)get_int(item, "digest");
	}
}

/* The history is behind, and what it has of configurations with it. */
static void
drop_snapshots(struct ra_track *t)
{
	for (size_t i = 0; t->snapshots != NULL && i < t->check->instance_count; i++)
		ra_snapshot_unref(RA_TAKE(t->snapshots[i]));
}

static void
read_lines(struct ra_engine *e, const json_t *o, struct ra_lines *l)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(o, "unsent"), i, item) {
		const char *line = json_string_value(json_object_get(item, "line"));

		if (line != NULL && ra_lines_again(e, l, (int)get_int(item, "priority"), line) < 0)
			e->load_starved = true;
	}
}

/* What was announced is believed over the history, which may be behind or gone. */
static void
take_record(struct ra_engine *e, const json_t *o, struct ra_track *t)
{
	struct ra_state state;
	struct ra_result *r;

	if (read_state(o, &state) < 0)
		return;
	t->recorded = true;
	r = read_result(e, o, ra_check_kind(t->check)->facts);
	if (r != NULL && (t->latest == NULL || r->checked > t->latest->checked)) {
		ra_result_unref(t->latest);
		t->latest = ra_result_ref(r);
		t->state = state;
		drop_snapshots(t);
	} else if (t->state.problem != state.problem) {
		t->state = state;
	}
	ra_result_unref(r);
	read_told(o, t);
}

/* Of a check that is not configured any more: what is yet to be said of it. */
static void
take_gone(struct ra_engine *e, const json_t *o, const char *id)
{
	struct ra_gone *g = ra_gone_new(e, id);

	if (g == NULL) {
		e->load_starved = true;
		return;
	}
	if (read_state(o, &g->state) < 0)
		g->state.problem = 0;
	read_lines(e, o, &g->lines);
}

static void
on_record(void *arg, const char *id, const char *body)
{
	struct ra_engine *e = arg;
	struct ra_track *t = track_of(e, id);
	struct ra_state state;
	json_t *o;

	if ((o = parse(e, body)) == NULL)
		return;
	if (read_state(o, &state) == 0 && state.problem > e->last_id)
		e->last_id = state.problem;
	if (t != NULL) {
		take_record(e, o, t);
		read_lines(e, o, &t->lines);
	} else {
		take_gone(e, o, id);
	}
	json_decref(o);
}

/*
 * A problem that only the history knows was never committed, so it may never have been announced:
 * the crash came between the two. It is seen, and announced, anew.
 */
static void
forget_unrecorded(struct ra_engine *e)
{
	for (size_t i = 0; i < e->track_count; i++) {
		struct ra_track *t = &e->tracks[i];

		if (t->recorded || t->state.problem == 0)
			continue;
		ra_state_init(&t->state);
		ra_result_unref(RA_TAKE(t->latest));
	}
}

int
ra_keep_load(struct ra_engine *e, struct ra_error *err)
{
	const char *last;
	int64_t id = 0;
	int r;

	if (e->store == NULL)
		return 0;
	r = ra_store_load_latest(e->store, on_latest, e, err);
	if (r == 0)
		r = ra_known_load(e, err);
	if (r < 0)
		return r;
	last = ra_store_get(e->store, RA_RECORD_META, "last-id");
	if (last != NULL && ra_int_parse(last, strlen(last), &id) == 0)
		e->last_id = (uint64_t)id;
	ra_store_each(e->store, RA_RECORD_STATE, on_record, e);
	if (e->load_starved)
		return ra_error_set(err, -ENOMEM, "out of memory for the state");
	forget_unrecorded(e);
	for (size_t i = 0; i < e->track_count; i++) {
		const struct ra_result *latest = e->tracks[i].latest;

		ra_versions_restore(&e->tracks[i]);
		if (latest != NULL && latest->checked > e->last_checked)
			e->last_checked = latest->checked;
	}
	return 0;
}
