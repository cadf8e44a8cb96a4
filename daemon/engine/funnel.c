/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one end of every probe: caps, counts, state, records, alerts, schedule. Nothing of the sort
 * happens anywhere else. Secrets are scrubbed from each instance's result as soon as it is judged,
 * as what is remembered of it comes before this.
 */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/model/secret.h"

#include "internal.h"

/* --- secrets that came back in an answer --- */

#define CUT_MIN	     4 /* of a secret that a cut left in a text that is shown */
#define FACT_CUT_MIN 8 /* of facts we cut none, but a pattern may pick them out of a secret */

static void
scrub(char *text, const struct ra_check *c)
{
	if (text != NULL)
		ra_secret_blacken(text, c->secrets, c->secret_count, CUT_MIN);
}

void
ra_funnel_scrub_text(char *text, size_t len, const struct ra_check *c)
{
	size_t at;

	for (at = 0; at < len; at += strlen(text + at) + 1)
		scrub(text + at, c);
}

/* Blackened JSON might be none any more, so one that holds a secret goes as a whole. */
static void
scrub_json(char *json, const struct ra_check *c)
{
	RA_FREE char *copy = strdup(json);

	if (copy != NULL)
		ra_secret_blacken(copy, c->secrets, c->secret_count, FACT_CUT_MIN);
	if (copy == NULL || strcmp(copy, json) != 0) {
		json[1] = json[0] == '{' ? '}' : ']';
		json[2] = '\0';
	}
}

static void
scrub_facts(struct ra_facts *f, const struct ra_check *c)
{
	size_t i;

	for (i = 0; i < f->count; i++) {
		if (f->list[i].def->type == RA_FACT_TEXT)
			ra_secret_blacken(
			    f->list[i].text, c->secrets, c->secret_count, FACT_CUT_MIN);
		else if (f->list[i].def->type == RA_FACT_JSON)
			scrub_json(f->list[i].text, c);
	}
}

void
ra_funnel_scrub(struct ra_result *r, const struct ra_check *c)
{
	size_t i;

	if (c->secret_count == 0)
		return;
	scrub(r->summary, c);
	scrub(r->evidence, c);
	scrub(r->next_step, c);
	scrub_facts(&r->facts, c);
	for (i = 0; i < r->instance_count; i++) {
		scrub(r->instances[i].summary, c);
		scrub_facts(&r->instances[i].facts, c);
	}
}

/* --- */

static void
run_waiters(struct ra_track *t)
{
	struct ra_run *list = RA_TAKE(t->runs), *run;

	while ((run = list) != NULL) {
		list = run->next;
		if (run->done != NULL)
			run->done(run->arg, 0);
		free(run);
	}
}

static void
tell(struct ra_engine *e, struct ra_track *t)
{
	struct ra_listener *l, *next;

	for (l = e->listeners; l != NULL; l = next) {
		next = l->next;
		if (l->result != NULL)
			l->result(l, t->check);
	}
}

static bool
differs(const struct ra_result *r)
{
	return r != NULL && ra_facts_get(&r->facts, RA_DIFFER_SINCE) != NULL;
}

/* Since when instances differ is not to be later after a crash. */
static void
keep(struct ra_engine *e, struct ra_track *t, const struct ra_result *was, bool same,
    const struct ra_transition *tr)
{
	t->unseen = true;
	if (!same)
		t->dirty = true;
	if (tr->change != RA_CHANGE_NONE || differs(was) != differs(t->latest))
		ra_keep_latest(e, t);
	if (tr->change == RA_CHANGE_NONE)
		return;
	if (tr->change != RA_CHANGE_FIRST)
		ra_announce(e, t, tr, t->latest->summary);
}

void
ra_funnel(struct ra_engine *e, struct ra_track *t, struct ra_result *result, int64_t started)
{
	const struct ra_check *c = t->check;
	struct ra_result *was = t->latest;
	struct ra_transition tr;
	bool same, soft = !t->state.hard;

	if (result == NULL && (result = ra_result_new()) != NULL)
		ra_result_say(result, RA_UNKNOWN, RA_R_NO_MEMORY, "not judged: out of memory");
	if (result == NULL) { /* not even that: the old result goes stale by itself */
		ra_schedule_next(e, t);
		return;
	}
	if (c->severity == RA_WARNING && result->verdict == RA_CRITICAL)
		result->verdict = RA_WARNING;
	result->checked = ra_clock_wall();
	t->heard = ra_loop_now(e->io.loop);
	t->overdue = false;
	result->checked_boot = ra_clock_boot();
	result->duration_ms = ra_loop_now(e->io.loop) - started;
	ra_state_apply(&t->state, result->verdict, result->reason, result->checked, c->confirm,
	    c->recover, e->last_id + 1, &tr);
	if (tr.change == RA_CHANGE_PROBLEM)
		t->state.problem = tr.id = ra_announce_id(e);
	same = was != NULL && was->verdict == result->verdict && soft == !t->state.hard &&
	       ra_result_same(was, result);
	t->latest = result;
	if (was == NULL)
		e->pending--;
	e->stats.probes[ra_verdict_exit(result->verdict)]++;
	ra_view_changed(e);
	keep(e, t, was, same, &tr);
	ra_result_unref(was);
	ra_schedule_next(e, t);
	run_waiters(t);
	tell(e, t);
}

/* --- results that do not come --- */

static void
go_stale(struct ra_engine *e, struct ra_track *t)
{
	struct ra_transition tr;

	ra_state_apply(&t->state, RA_UNKNOWN, RA_R_STALE, ra_clock_wall(), 1, t->check->recover,
	    e->last_id + 1, &tr);
	if (tr.change == RA_CHANGE_PROBLEM)
		t->state.problem = tr.id = ra_announce_id(e);
	ra_view_changed(e);
	if (tr.change != RA_CHANGE_NONE)
		ra_announce(e, t, &tr, ra_reason_meaning(RA_R_STALE));
	tell(e, t);
}

void
ra_engine_watch_stale(struct ra_engine *e)
{
	int64_t now = ra_loop_now(e->io.loop);

	for (size_t i = 0; i < e->track_count; i++) {
		struct ra_track *t = &e->tracks[i];
		bool stale = t->latest != NULL && now - t->heard > ra_stale_after(t->check);

		/* That it is not known needs no other reason. */
		if (stale && t->overdue && t->state.state != RA_UNKNOWN)
			go_stale(e, t);
		t->overdue = stale;
	}
}
