/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a check, on its way to syslog: a line is committed, sent, and taken out of the
 * record once it has left syslog's queue. A crash in between sends it again, as it was; a store
 * that does not answer in a second does not hold it back, it says so. What finds no room in the
 * queue waits here, and is made less meanwhile (hold.c).
 */
#include <string.h>
#include <syslog.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define SAVE_WAIT  RA_SECOND
#define DRAIN_WAIT (RA_SECOND / 2)
#define ROOM	   400 /* messages: not for each that leaves the checks are walked over */

/* A line in the queue to syslog, and whose it is. */
struct ra_outgoing {
	struct ra_outgoing *next;
	uint64_t number;
	char check[];
};

/* Of whom something is said: a check as it is configured, or one that is not any more. */
struct speaker {
	struct ra_track *track; /* or: */
	struct ra_gone *gone;
	const char *id;
	struct ra_lines *lines;
};

static struct speaker
track_speaker(struct ra_track *t)
{
	return (struct speaker){ .track = t, .id = t->check->id, .lines = &t->lines };
}

static struct speaker
gone_speaker(struct ra_gone *g)
{
	return (struct speaker){ .gone = g, .id = g->id, .lines = &g->lines };
}

static bool
find_speaker(struct ra_engine *e, const char *id, struct speaker *ret)
{
	const struct ra_check *c = ra_map_get(&e->config->checks_by_id, id);
	struct ra_gone *g = c == NULL ? ra_map_get(&e->gone, id) : NULL;

	if (c != NULL)
		*ret = track_speaker(&e->tracks[c->index]);
	else if (g != NULL)
		*ret = gone_speaker(g);
	return c != NULL || g != NULL;
}

void
ra_unsent_free(struct ra_unsent *u)
{
	free(u->line);
	free(u);
}

void
ra_lines_drop(struct ra_lines *l)
{
	struct ra_unsent *u;

	while ((u = l->unsent) != NULL) {
		l->unsent = u->next;
		ra_unsent_free(u);
	}
}

/* --- records --- */

static void
gone_free(struct ra_engine *e, struct ra_gone *g)
{
	(void)ra_map_remove(&e->gone, g->id);
	ra_lines_drop(&g->lines);
	free(g);
}

/* Of who is gone the record goes with the last line. */
static void
keep(struct ra_engine *e, const struct speaker *s, void (*done)(void *arg, int error), void *arg)
{
	if (s->track != NULL)
		ra_keep_state(e, s->track, done, arg);
	else
		ra_keep_lines(e, s->id, s->lines, done, arg);
}

static void
keep_or_end(struct ra_engine *e, const struct speaker *s)
{
	if (s->gone == NULL || s->lines->unsent != NULL) {
		keep(e, s, NULL, NULL);
		return;
	}
	if (e->store != NULL)
		(void)ra_store_remove(e->store, RA_RECORD_STATE, s->id);
	gone_free(e, s->gone);
}

/* --- syslog --- */

static bool
has_room(struct ra_engine *e)
{
	if (e->syslog == NULL || ra_syslog_has_room(e->syslog, 1))
		return true;
	e->lines_full = true;
	return false;
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
drop_sent(struct ra_lines *l, uint64_t sent)
{
	struct ra_unsent **at = &l->unsent, *u;
	bool any = false;

	while ((u = *at) != NULL) {
		if (u->sent == 0 || u->sent > sent) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		ra_unsent_free(u);
		any = true;
	}
	return any;
}

/* To be told when it is out. False: nobody will tell, it counts as out. */
static bool
expect_sent(struct ra_engine *e, const char *id, uint64_t number)
{
	size_t len = strlen(id) + 1;
	struct ra_outgoing *o =
	    number != 0 && e->lines_wake != NULL ? malloc(sizeof(*o) + len) : NULL;

	if (o == NULL)
		return false;
	o->next = NULL;
	o->number = number;
	memcpy(o->check, id, len);
	*e->outgoing_last = o;
	e->outgoing_last = &o->next;
	return true;
}

/* What is committed, in order; the record is put anew if something is out by that. */
static void
send_saved(struct ra_engine *e, const struct speaker *s)
{
	struct ra_unsent *u;
	bool out = false;

	for (u = s->lines->unsent; u != NULL && (u->saved || u->held); u = u->next) {
		if (u->sent != 0 || u->held)
			continue;
		if (!has_room(e))
			break;
		u->sent = send_line(e, u->priority, u->line);
		if (!expect_sent(e, s->id, u->sent)) {
			u->sent = UINT64_MAX;
			out = true;
		}
	}
	if (out && drop_sent(s->lines, UINT64_MAX))
		keep_or_end(e, s);
}

static uint64_t
send_unsaved(struct ra_engine *e, const struct ra_unsent *u)
{
	RA_BUF_LOCAL line = RA_BUF(4096);
	const char *summary = u->saved ? NULL : strstr(u->line, " summary=");

	if (summary != NULL)
		ra_buf_printf(
		    &line, "%.*s unsaved=1%s", (int)(summary - u->line), u->line, summary);
	return send_line(
	    e, u->priority, summary != NULL && line.error == 0 ? ra_buf_text(&line) : u->line);
}

/* Past their second: sent as unsaved. *next is when the next one is, if sooner. */
static void
send_overdue(struct ra_engine *e, const struct speaker *s, int64_t now, int64_t *next)
{
	struct ra_unsent **at = &s->lines->unsent, *u;

	while ((u = *at) != NULL) {
		bool waits = u->sent == 0 && !u->held;

		if (waits && u->deadline > now && u->deadline < *next)
			*next = u->deadline;
		if (!waits || u->deadline > now || !has_room(e)) {
			at = &u->next;
			continue;
		}
		u->sent = send_unsaved(e, u);
		if (expect_sent(e, s->id, u->sent)) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		ra_unsent_free(u);
	}
}

/* What was held back of a check, if it has been long enough and there is room for it. */
static void
end_hold(struct ra_engine *e, struct ra_track *t, enum ra_said what, int64_t now, int64_t *next)
{
	int64_t until = ra_hold_until(&t->lines.paces[what]);
	RA_BUF_LOCAL line = RA_BUF(4096);

	if (until > now) {
		*next = until < *next ? until : *next;
		return;
	}
	if (has_room(e) && ra_hold_end(t, what, now, &line) && line.error == 0)
		send_line(e, LOG_WARNING, ra_buf_text(&line));
}

static void
speak(struct ra_engine *e, const struct speaker *s, int64_t now, int64_t *next)
{
	for (size_t what = 0; s->track != NULL && what < RA_SAID_COUNT; what++)
		end_hold(e, s->track, (enum ra_said)what, now, next);
	if (s->lines->unsent == NULL)
		return;
	send_overdue(e, s, now, next);
	send_saved(e, s); /* the last: it may end the speaker */
}

/* --- when --- */

/* The timer fires by then at the latest. */
static void
look_again(struct ra_engine *e, int64_t when)
{
	int64_t now = ra_loop_now(e->io.loop);

	if (when == INT64_MAX || (e->lines_at != 0 && e->lines_at <= when))
		return;
	e->lines_at = when;
	ra_timer_start(e->lines_timer, when > now ? when - now : 1, 0);
}

/*
 * Only while the store does not answer, syslog's queue is full or a check flaps; then a walk over
 * the checks now and then is cheap.
 */
static void
speak_all(struct ra_engine *e)
{
	int64_t now = ra_loop_now(e->io.loop), next = INT64_MAX;
	struct speaker s;
	void *gone;

	e->lines_full = false;
	for (size_t i = 0; i < e->track_count; i++) {
		s = track_speaker(&e->tracks[i]);
		speak(e, &s, now, &next);
	}
	for (size_t i = 0; ra_map_next(&e->gone, &i, NULL, &gone);) {
		s = gone_speaker(gone);
		speak(e, &s, now, &next);
	}
	look_again(e, next);
}

static void
on_timer(void *arg)
{
	struct ra_engine *e = arg;

	e->lines_at = 0;
	speak_all(e);
}

static void
on_sent(void *arg)
{
	struct ra_engine *e = arg;
	uint64_t sent = ra_syslog_sent(e->syslog);
	struct ra_outgoing *o;
	struct speaker s;

	while ((o = e->outgoing) != NULL && o->number <= sent) {
		if (find_speaker(e, o->check, &s) && drop_sent(s.lines, sent))
			keep_or_end(e, &s);
		e->outgoing = o->next;
		if (e->outgoing == NULL)
			e->outgoing_last = &e->outgoing;
		free(o);
	}
	if (e->lines_full && ra_syslog_has_room(e->syslog, ROOM))
		speak_all(e);
}

static void
wake(void *arg)
{
	ra_wake_send(arg);
}

/* --- adding --- */

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
	struct speaker s;

	if (error == 0 && find_speaker(w->engine, w->check, &s)) {
		for (struct ra_unsent *u = s.lines->unsent; u != NULL; u = u->next)
			u->saved |= u->seq <= w->seq;
		send_saved(w->engine, &s);
	}
	free(w);
}

static struct ra_unsent *
append(struct ra_engine *e, struct ra_lines *l, int priority, const char *line)
{
	struct ra_unsent **at = &l->unsent, *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->line = strdup(line);
	if (u->line == NULL) {
		free(u);
		return NULL;
	}
	u->priority = priority;
	u->seq = ++e->lines_seq;
	u->deadline = ra_loop_now(e->io.loop) + SAVE_WAIT;
	while (*at != NULL)
		at = &(*at)->next;
	*at = u;
	return u;
}

/* For all that was added so far. NULL: no memory, what is added is told unsaved. */
static struct waiting *
waiting_new(struct ra_engine *e, const char *id)
{
	size_t len = strlen(id) + 1;
	struct waiting *w = malloc(sizeof(*w) + len);

	if (w == NULL)
		return NULL;
	w->engine = e;
	w->seq = e->lines_seq;
	memcpy(w->check, id, len);
	return w;
}

void
ra_lines_add(struct ra_engine *e, struct ra_track *t, int priority, const char *line,
    const struct ra_transition *tr)
{
	struct ra_pace *pace = &t->lines.paces[tr != NULL ? RA_SAID_STATE : RA_SAID_OTHER];
	int64_t now = ra_loop_now(e->io.loop);
	bool hold = pace->held > 0 || !has_room(e) || !ra_hold_pay(pace, now);
	struct speaker s = track_speaker(t);
	struct waiting *w = NULL;
	struct ra_unsent *u;
	bool begins = false;

	if (!hold || ra_hold_merge(t, tr, &begins)) {
		u = append(e, &t->lines, priority, line);
		if (u == NULL) {
			send_line(e, priority, line); /* better told than kept */
		} else {
			u->problem = tr != NULL ? tr->id : 0;
			u->held = hold;
			u->begins = begins;
			w = waiting_new(e, s.id);
		}
	}
	keep(e, &s, w != NULL ? on_saved : NULL, w);
	look_again(e, hold ? ra_hold_until(pace) : now + SAVE_WAIT);
}

int
ra_lines_again(struct ra_engine *e, struct ra_lines *l, int priority, const char *line)
{
	struct ra_unsent *u = append(e, l, priority, line);

	if (u == NULL)
		return -ENOMEM;
	/* It was committed before the crash; whether it was sent nobody knows. */
	u->saved = true;
	return 0;
}

void
ra_lines_resend(struct ra_engine *e)
{
	speak_all(e);
}

/* --- who is gone --- */

struct ra_gone *
ra_gone_new(struct ra_engine *e, const char *id)
{
	size_t len = strlen(id) + 1;
	struct ra_gone *g = ra_map_get(&e->gone, id);

	if (g != NULL)
		return g;
	g = calloc(1, sizeof(*g) + len);
	if (g == NULL)
		return NULL;
	memcpy(g->id, id, len);
	if (ra_map_put(&e->gone, g->id, g, NULL) < 0) {
		free(g);
		return NULL;
	}
	return g;
}

void
ra_gone_leave(struct ra_engine *e, struct ra_track *t, const char *line)
{
	struct ra_unsent **at;
	struct ra_gone *g;

	if (ra_hold_forget(t))
		line = NULL;
	if (line == NULL && t->lines.unsent == NULL) {
		if (e->store != NULL)
			(void)ra_store_remove(e->store, RA_RECORD_STATE, t->check->id);
		return;
	}
	g = ra_gone_new(e, t->check->id);
	if (g == NULL) { /* its lines are lost: said at least */
		if (line != NULL)
			send_line(e, LOG_NOTICE, line);
		return;
	}
	for (at = &g->lines.unsent; *at != NULL;)
		at = &(*at)->next;
	*at = RA_TAKE(t->lines.unsent);
	ra_gone_end(e, g, line);
}

void
ra_gone_end(struct ra_engine *e, struct ra_gone *g, const char *line)
{
	struct speaker s = gone_speaker(g);
	struct waiting *w;

	/* While nobody was their speaker some may have left. */
	if (e->syslog != NULL)
		(void)drop_sent(&g->lines, ra_syslog_sent(e->syslog));
	for (struct ra_unsent *u = g->lines.unsent; u != NULL; u = u->next) {
		u->held = false;
		u->deadline = ra_loop_now(e->io.loop) + SAVE_WAIT;
	}
	if (line != NULL && append(e, &g->lines, LOG_NOTICE, line) == NULL)
		send_line(e, LOG_NOTICE, line); /* better told than kept */
	if (g->lines.unsent == NULL || (w = waiting_new(e, g->id)) == NULL)
		keep_or_end(e, &s);
	else
		keep(e, &s, on_saved, w);
	look_again(e, ra_loop_now(e->io.loop) + SAVE_WAIT);
}

void
ra_gone_return(struct ra_engine *e)
{
	const struct ra_check *c;
	struct ra_unsent *u;
	void *value;

	for (size_t i = 0; ra_map_next(&e->gone, &i, NULL, &value);) {
		struct ra_gone *g = value;

		c = ra_map_get(&e->config->checks_by_id, g->id);
		if (c == NULL)
			continue;
		for (u = g->lines.unsent; u != NULL && u->next != NULL;)
			u = u->next;
		if (u != NULL) {
			u->next = e->tracks[c->index].lines.unsent;
			e->tracks[c->index].lines.unsent = RA_TAKE(g->lines.unsent);
		}
		gone_free(e, g);
	}
}

/* --- life --- */

int
ra_lines_init(struct ra_engine *e)
{
	int r;

	e->outgoing_last = &e->outgoing;
	r = ra_timer_new(e->io.loop, on_timer, e, &e->lines_timer);
	if (r < 0 || e->syslog == NULL)
		return r;
	r = ra_wake_new(e->io.loop, on_sent, e, &e->lines_wake);
	if (r == 0)
		ra_syslog_on_sent(e->syslog, wake, e->lines_wake);
	return r;
}

void
ra_lines_end(struct ra_engine *e)
{
	struct ra_outgoing *o;

	if (e->lines_timer != NULL)
		ra_timer_stop(e->lines_timer);
	if (e->lines_wake != NULL) {
		/* What leaves after this is told again by the next start. */
		if (e->outgoing != NULL)
			ra_syslog_drain(e->syslog, DRAIN_WAIT);
		ra_syslog_on_sent(e->syslog, NULL, NULL);
		if (e->config != NULL)
			on_sent(e);
		ra_wake_free(RA_TAKE(e->lines_wake));
	}
	while ((o = e->outgoing) != NULL) {
		e->outgoing = o->next;
		free(o);
	}
	e->outgoing_last = &e->outgoing;
}

void
ra_lines_free(struct ra_engine *e)
{
	void *gone;

	for (size_t i = 0; ra_map_next(&e->gone, &i, NULL, &gone);)
		gone_free(e, gone);
	ra_map_free(&e->gone);
	ra_timer_free(e->lines_timer);
}
