/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transition is committed with its id, sent, marked sent once it has left the queue to syslog. A
 * crash in between sends it again with the same id; a store that does not answer in a second does
 * not hold it back, it says so.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "relaudit/base/clock.h"
#include "relaudit/engine/alert.h"

#include "internal.h"

#define SAVE_WAIT    RA_SECOND
#define OUTGOING_MAX 32 /* lines of one check; while syslog stalls the oldest count as sent */
#define SHORT_LINE   512

/* A line in the queue to syslog, and whose it is. */
struct ra_outgoing {
	struct ra_outgoing *next;
	uint64_t number;
	char check[];
};

static void on_timer(void *arg);

void
ra_announce_free(struct ra_unsent *u)
{
	free(u->line);
	free(u);
}

/* The number it has on its way; 0: it is out. */
static uint64_t
send_line(struct ra_engine *e, int priority, const char *line)
{
	e->stats.alerts++;
	return e->syslog != NULL ? ra_syslog_send(e->syslog, priority, line) : 0;
}

/* Takes out what has left the queue. True: there was some. */
static bool
drop_sent(struct ra_track *t, uint64_t sent)
{
	struct ra_unsent **at = &t->unsent, *u;
	bool any = false;

	while ((u = *at) != NULL) {
		if (u->sent == 0 || u->sent > sent) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		ra_announce_free(u);
		any = true;
	}
	return any;
}

static void
on_sent(void *arg)
{
	struct ra_engine *e = arg;
	uint64_t sent = ra_syslog_sent(e->syslog);
	struct ra_outgoing *o;

	while ((o = e->outgoing) != NULL && o->number <= sent) {
		const struct ra_check *c = ra_map_get(&e->config->checks_by_id, o->check);

		if (c != NULL && drop_sent(&e->tracks[c->index], sent))
			ra_keep_state(e, &e->tracks[c->index], NULL, NULL);
		e->outgoing = o->next;
		if (e->outgoing == NULL)
			e->outgoing_last = &e->outgoing;
		free(o);
	}
}

static void
wake(void *arg)
{
	ra_wake_send(arg);
}

/* To be told when it is out. False: nobody will tell, it counts as out. */
static bool
expect_sent(struct ra_engine *e, const struct ra_track *t, uint64_t number)
{
	size_t len = strlen(t->check->id) + 1;
	struct ra_outgoing *o =
	    number != 0 && e->announce_wake != NULL ? malloc(sizeof(*o) + len) : NULL;

	if (o == NULL)
		return false;
	o->next = NULL;
	o->number = number;
	memcpy(o->check, t->check->id, len);
	*e->outgoing_last = o;
	e->outgoing_last = &o->next;
	return true;
}

/* Of a check that keeps changing while syslog stalls; the queue has a limit as well. */
static void
drop_most(struct ra_track *t)
{
	size_t n = 0;

	struct ra_unsent **at = &t->unsent, *u;

	for (u = t->unsent; u != NULL; u = u->next)
		n += u->sent != 0;
	while (n > OUTGOING_MAX && (u = *at) != NULL) {
		if (u->sent == 0) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		ra_announce_free(u);
		n--;
	}
}

/* Sends what is committed, in order. */
static void
send_saved(struct ra_engine *e, struct ra_track *t)
{
	struct ra_unsent *u;
	bool out = false;

	for (u = t->unsent; u != NULL && (u->saved || u->held); u = u->next) {
		if (u->sent != 0 || u->held)
			continue;
		u->sent = send_line(e, u->priority, u->line);
		if (!expect_sent(e, t, u->sent)) {
			u->sent = UINT64_MAX;
			out = true;
		}
	}
	drop_most(t);
	if (out && drop_sent(t, UINT64_MAX))
		ra_keep_state(e, t, NULL, NULL);
}

/*
 * The record put for the newest line holds the older ones too. By the time it is answered the line
 * may have gone unsaved, or its check: so both are looked up again.
 */
struct waiting {
	struct ra_engine *engine;
	uint64_t seq;
	char check[];
};

static void
on_saved(void *arg, int error)
{
	struct waiting *w = arg;
	struct ra_engine *e = w->engine;
	const struct ra_check *c = ra_map_get(&e->config->checks_by_id, w->check);
	struct ra_unsent *u;

	if (c != NULL && error == 0) {
		for (u = e->tracks[c->index].unsent; u != NULL; u = u->next)
			u->saved |= u->seq <= w->seq;
		send_saved(e, &e->tracks[c->index]);
	}
	free(w);
}

/* Past their second: sent as unsaved. *next is when the next one is, if sooner. */
static void
send_overdue(struct ra_engine *e, struct ra_track *t, int64_t now, int64_t *next)
{
	RA_BUF_LOCAL line = RA_BUF(4096);
	struct ra_unsent **at = &t->unsent, *u;
	const char *summary;

	while ((u = *at) != NULL) {
		if (u->sent == 0 && !u->held && u->deadline < *next && u->deadline > now)
			*next = u->deadline;
		if (u->sent != 0 || u->held || u->deadline > now) {
			at = &u->next;
			continue;
		}
		ra_buf_clear(&line);
		summary = u->saved ? NULL : strstr(u->line, " summary=");
		if (summary != NULL)
			ra_buf_printf(
			    &line, "%.*s unsaved=1%s", (int)(summary - u->line), u->line, summary);
		u->sent = send_line(
		    e, u->priority, summary != NULL && line.error == 0 ? line.data : u->line);
		if (expect_sent(e, t, u->sent)) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		ra_announce_free(u);
	}
	drop_most(t);
}

/* The timer fires by then at the latest. */
static void
look_again(struct ra_engine *e, int64_t when)
{
	int64_t now = ra_loop_now(e->io.loop);

	if (when == INT64_MAX || (e->announce_at != 0 && e->announce_at <= when))
		return;
	e->announce_at = when;
	ra_timer_start(e->announce_timer, when > now ? when - now : 1, 0);
}

/* What was held back of a check that flaps, if it has been long enough. */
static void
end_hold(struct ra_engine *e, struct ra_track *t, int64_t now)
{
	RA_BUF_LOCAL line = RA_BUF(4096);

	if (ra_hold_until(t) > now)
		return;
	ra_hold_end(t, now, &line);
	if (line.error == 0)
		send_line(e, LOG_WARNING, ra_buf_text(&line));
	send_saved(e, t);
}

static void
on_timer(void *arg)
{
	struct ra_engine *e = arg;
	int64_t now = ra_loop_now(e->io.loop), next = INT64_MAX;
	size_t i;

	/*
	 * Only while the store does not answer, or a check flaps; then a walk over the checks once
	 * a second is cheap.
	 */
	for (i = 0; i < e->track_count; i++) {
		struct ra_track *t = &e->tracks[i];

		end_hold(e, t, now);
		send_overdue(e, t, now, &next);
		if (ra_hold_until(t) < next)
			next = ra_hold_until(t);
	}
	e->announce_at = 0;
	look_again(e, next);
}

static struct ra_unsent *
append_line(struct ra_engine *e, struct ra_track *t, int priority, const char *line)
{
	struct ra_unsent **at = &t->unsent, *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->line = strdup(line);
	if (u->line == NULL) {
		free(u);
		return NULL;
	}
	u->priority = priority;
	u->seq = ++e->announce_seq;
	u->deadline = ra_loop_now(e->io.loop) + SAVE_WAIT;
	while (*at != NULL)
		at = &(*at)->next;
	*at = u;
	return u;
}

/* Commits a line, then sends it. tr: NULL, it is of no state. */
static void
announce_line(struct ra_engine *e, struct ra_track *t, int priority, const char *line,
    const struct ra_transition *tr)
{
	size_t len = strlen(t->check->id) + 1;
	bool begins = false, hold = tr != NULL && ra_hold(t, ra_loop_now(e->io.loop));
	struct ra_unsent *u;
	struct waiting *w;

	if (hold && !ra_hold_merge(t, tr, &begins)) {
		look_again(e, ra_hold_until(t));
		ra_keep_state(e, t, NULL, NULL);
		return;
	}
	w = malloc(sizeof(*w) + len);
	u = w != NULL ? append_line(e, t, priority, line) : NULL;
	if (u == NULL) { /* better told than kept */
		free(w);
		send_line(e, priority, line);
		return;
	}
	u->problem = tr != NULL ? tr->id : 0;
	u->held = hold;
	u->begins = begins;
	w->engine = e;
	w->seq = u->seq;
	memcpy(w->check, t->check->id, len);
	look_again(e, hold ? ra_hold_until(t) : u->deadline);
	ra_keep_state(e, t, on_saved, w);
}

void
ra_announce_line(struct ra_engine *e, struct ra_track *t, int priority, const char *line)
{
	announce_line(e, t, priority, line, NULL);
}

static void
write_event(struct ra_buf *out, const struct ra_check *c, const struct ra_transition *tr,
    const char *summary)
{
	struct ra_jsonw w;
	char id[24];

	snprintf(id, sizeof(id), "%04llx", (unsigned long long)tr->id);
	ra_jsonw_init(&w, out);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "event", "state");
	ra_jsonw_time(&w, "at", tr->at);
	ra_jsonw_text(&w, "check", c->id);
	ra_jsonw_text(&w, "environment", c->environment->name);
	ra_jsonw_text(&w, "kind", ra_check_kind(c)->type.name);
	ra_jsonw_text(&w, "was", ra_verdict_name(tr->was));
	ra_jsonw_text(&w, "now", ra_verdict_name(tr->now));
	ra_jsonw_text(&w, "reason", ra_reason_code(tr->reason));
	ra_jsonw_time(&w, "since", tr->since);
	ra_jsonw_text(&w, "id", id);
	if (tr->change == RA_CHANGE_RECOVERY)
		ra_jsonw_int(&w, "lasted_s", tr->lasted / RA_SECOND);
	ra_jsonw_text(&w, "summary", summary);
	ra_jsonw_object_end(&w);
}

/* What takes no memory: a problem is told even if there is none left. */
static void
say_shortly(char *out, size_t size, const struct ra_check *c, const struct ra_transition *tr)
{
	snprintf(out, size,
	    "state check=%s environment=%s was=%s now=%s reason=%s id=%04llx "
	    "summary=\"(out of memory)\"",
	    c->id, c->environment->name, ra_verdict_name(tr->was), ra_verdict_name(tr->now),
	    ra_reason_code(tr->reason), (unsigned long long)tr->id);
}

void
ra_announce(struct ra_engine *e, struct ra_track *t, const struct ra_transition *tr)
{
	RA_BUF_LOCAL line = RA_BUF(4096);
	RA_BUF_LOCAL body = RA_BUF(16384);
	const struct ra_check *c = t->check;
	const char *summary = t->latest->summary;
	char text[SHORT_LINE];

	ra_alert_state(&line, c, ra_check_kind(c)->type.name, tr, summary, false);
	write_event(&body, c, tr, summary);
	if (body.error == 0) {
		struct ra_history_event event = {
			.at = tr->at, .what = "state", .check = c->id, .body = body.data
		};

		ra_engine_emit(e, &event);
	}
	if (line.error != 0)
		say_shortly(text, sizeof(text), c, tr);
	announce_line(
	    e, t, ra_alert_priority(tr->now), line.error == 0 ? ra_buf_text(&line) : text, tr);
}

static void
write_known(struct ra_jsonw *w, const struct ra_facts *f)
{
	static const char *const texts[] = { "commit", "tag", "tag_commit" };
	int64_t date = ra_facts_number(f, "tag_date", 0);

	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
		if (ra_facts_text(f, texts[i]) != NULL)
			ra_jsonw_text(w, texts[i], ra_facts_text(f, texts[i]));
	}
	if (date != 0)
		ra_jsonw_time(w, "tag_date", date);
}

static void
write_version_event(struct ra_buf *out, const struct ra_check *c, const char *what, int64_t at,
    const struct ra_version_change *change)
{
	const char *version = ra_facts_text(change->now, "version");
	struct ra_jsonw w;

	ra_jsonw_init(&w, out);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "event", what);
	ra_jsonw_time(&w, "at", at);
	ra_jsonw_text(&w, "check", c->id);
	ra_jsonw_text(&w, "environment", c->environment->name);
	if (c->service != NULL)
		ra_jsonw_text(&w, "service", c->service);
	if (change->instance != NULL)
		ra_jsonw_text(&w, "instance", change->instance);
	if (change->what == RA_VERSION_CHANGED)
		ra_jsonw_text(&w, "was", change->was);
	if (version != NULL)
		ra_jsonw_text(&w, "now", version);
	write_known(&w, change->now);
	if (change->agreed != NULL) {
		ra_jsonw_object(&w, "agreed");
		if (ra_facts_text(change->agreed, "version") != NULL)
			ra_jsonw_text(&w, "version", ra_facts_text(change->agreed, "version"));
		write_known(&w, change->agreed);
		ra_jsonw_object_end(&w);
	}
	ra_jsonw_object_end(&w);
}

/* Kept at once: a crash is not to tell it again. */
void
ra_announce_version(struct ra_engine *e, struct ra_track *t, const struct ra_version_change *c)
{
	const char *what = c->what == RA_VERSION_KNOWN ? "version-known" : "version-changed";
	RA_BUF_LOCAL line = RA_BUF(4096);
	RA_BUF_LOCAL body = RA_BUF(16384);
	int64_t at = ra_clock_wall();

	write_version_event(&body, t->check, what, at, c);
	if (body.error == 0) {
		struct ra_history_event event = {
			.at = at, .what = what, .check = t->check->id, .body = body.data
		};

		ra_engine_emit(e, &event);
	}
	ra_keep_latest(e, t);
	if (c->what != RA_VERSION_CHANGED)
		return;
	ra_alert_version(&line, t->check, c->instance, c->was, c->now);
	if (line.error == 0)
		ra_announce_line(e, t, LOG_NOTICE, ra_buf_text(&line));
}

void
ra_announce_removed(struct ra_engine *e, const char *check, const struct ra_state *s)
{
	static const char summary[] = "it is not configured any more; nobody looks at it";
	int64_t at = ra_clock_wall(), lasted = at > s->problem_since ? at - s->problem_since : 0;
	RA_BUF_LOCAL line = RA_BUF(4096);
	RA_BUF_LOCAL body = RA_BUF(4096);
	struct ra_history_event event = { .at = at, .what = "removed", .check = check };
	struct ra_jsonw w;
	char id[24];

	if (s->problem == 0)
		return;
	ra_alert_removed(&line, check, s->state, s->problem, lasted, summary);
	if (line.error == 0)
		send_line(e, LOG_NOTICE, ra_buf_text(&line));
	snprintf(id, sizeof(id), "%04llx", (unsigned long long)s->problem);
	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "event", event.what);
	ra_jsonw_time(&w, "at", at);
	ra_jsonw_text(&w, "check", check);
	ra_jsonw_textn(&w, "environment", check, strcspn(check, "/"));
	ra_jsonw_text(&w, "was", ra_verdict_name(s->state));
	ra_jsonw_text(&w, "id", id);
	ra_jsonw_int(&w, "lasted_s", lasted / RA_SECOND);
	ra_jsonw_text(&w, "summary", summary);
	ra_jsonw_object_end(&w);
	if (body.error != 0)
		return;
	event.body = body.data;
	ra_engine_emit(e, &event);
}

int
ra_announce_again(struct ra_engine *e, struct ra_track *t, int priority, const char *line)
{
	struct ra_unsent *u = append_line(e, t, priority, line);

	if (u == NULL)
		return -ENOMEM;
	/* It was committed before the crash; whether it was sent nobody knows. */
	u->saved = true;
	e->announce_again = true;
	return 0;
}

void
ra_announce_resend(struct ra_engine *e)
{
	size_t i;

	for (i = 0; e->announce_again && i < e->track_count; i++)
		send_saved(e, &e->tracks[i]);
	e->announce_again = false;
}

void
ra_announce_drop(struct ra_track *t)
{
	struct ra_unsent *u;

	while ((u = t->unsent) != NULL) {
		t->unsent = u->next;
		ra_announce_free(u);
	}
}

/* Ids are never used twice, not after a crash either: they are reserved in blocks. */
uint64_t
ra_announce_id(struct ra_engine *e)
{
	char text[24];
	int n;

	e->last_id++;
	if (e->store != NULL && e->last_id > e->id_reserved) {
		e->id_reserved = e->last_id + 1000;
		n = snprintf(text, sizeof(text), "%llu", (unsigned long long)e->id_reserved);
		(void)ra_store_put(
		    e->store, RA_RECORD_META, "last-id", text, (size_t)n, NULL, NULL);
	}
	return e->last_id;
}

int
ra_announce_init(struct ra_engine *e)
{
	int r;

	e->outgoing_last = &e->outgoing;
	r = ra_timer_new(e->io.loop, on_timer, e, &e->announce_timer);
	if (r < 0 || e->syslog == NULL)
		return r;
	r = ra_wake_new(e->io.loop, on_sent, e, &e->announce_wake);
	if (r == 0)
		ra_syslog_on_sent(e->syslog, wake, e->announce_wake);
	return r;
}

void
ra_announce_end(struct ra_engine *e)
{
	struct ra_outgoing *o;

	if (e->announce_wake != NULL) {
		ra_syslog_on_sent(e->syslog, NULL, NULL);
		if (e->config != NULL)
			on_sent(e);
		ra_wake_free(RA_TAKE(e->announce_wake));
	}
	while ((o = e->outgoing) != NULL) {
		e->outgoing = o->next;
		free(o);
	}
	e->outgoing_last = &e->outgoing;
}
