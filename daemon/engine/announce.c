/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a check: an event for the history and who listens, a line for syslog. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "relaudit/base/clock.h"
#include "relaudit/engine/alert.h"

#include "internal.h"

#define SHORT_LINE 512

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
ra_announce(
    struct ra_engine *e, struct ra_track *t, const struct ra_transition *tr, const char *summary)
{
	RA_BUF_LOCAL line = RA_BUF(4096);
	RA_BUF_LOCAL body = RA_BUF(16384);
	const struct ra_check *c = t->check;
	char text[SHORT_LINE];

	ra_alert_state(&line, c, ra_check_kind(c)->type.name, tr, summary, false);
	write_event(&body, c, tr, summary);
	if (body.error == 0)
		ra_engine_emit(e, tr->at, "state", c->id, body.data);
	if (line.error != 0)
		say_shortly(text, sizeof(text), c, tr);
	ra_lines_add(
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

void
ra_event_begin(
    struct ra_jsonw *w, struct ra_buf *out, const char *what, int64_t at, const struct ra_check *c)
{
	ra_jsonw_init(w, out);
	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "event", what);
	ra_jsonw_time(w, "at", at);
	ra_jsonw_text(w, "check", c->id);
	ra_jsonw_text(w, "environment", c->environment->name);
	if (c->service != NULL)
		ra_jsonw_text(w, "service", c->service);
}

static void
write_version_event(struct ra_buf *out, const struct ra_check *c, const char *what, int64_t at,
    const struct ra_version_change *change)
{
	const char *version = ra_facts_text(change->now, "version");
	struct ra_jsonw w;

	ra_event_begin(&w, out, what, at, c);
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
	if (body.error == 0)
		ra_engine_emit(e, at, what, t->check->id, body.data);
	ra_keep_latest(e, t);
	if (c->what != RA_VERSION_CHANGED)
		return;
	ra_alert_version(&line, t->check, c->instance, c->was, c->now);
	if (line.error == 0)
		ra_lines_add(e, t, LOG_NOTICE, ra_buf_text(&line), NULL);
}

void
ra_announce_tag(struct ra_engine *e, struct ra_track *t, const struct ra_tag_move *move)
{
	const struct ra_check *c = t->check;
	RA_BUF_LOCAL line = RA_BUF(4096);
	RA_BUF_LOCAL body = RA_BUF(16384);
	int64_t at = ra_clock_wall();
	struct ra_jsonw w;

	ra_event_begin(&w, &body, "tag-moved", at, c);
	if (move->version != NULL)
		ra_jsonw_text(&w, "version", move->version);
	ra_jsonw_text(&w, "tag", move->tag);
	ra_jsonw_text(&w, "was", move->was);
	ra_jsonw_text(&w, "now", move->now);
	ra_jsonw_object_end(&w);
	if (body.error == 0)
		ra_engine_emit(e, at, "tag-moved", c->id, body.data);
	ra_alert_tag(&line, c, move->tag, move->was, move->now);
	if (line.error == 0)
		ra_lines_add(e, t, LOG_WARNING, ra_buf_text(&line), NULL);
}

/* --- a check that goes --- */

static const char gone_summary[] = "it is not configured any more; nobody looks at it";

static void
emit_removed(
    struct ra_engine *e, const char *check, const struct ra_state *s, int64_t at, int64_t lasted)
{
	RA_BUF_LOCAL body = RA_BUF(4096);
	struct ra_jsonw w;
	char id[24];

	snprintf(id, sizeof(id), "%04llx", (unsigned long long)s->problem);
	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "event", "removed");
	ra_jsonw_time(&w, "at", at);
	ra_jsonw_text(&w, "check", check);
	ra_jsonw_textn(&w, "environment", check, strcspn(check, "/"));
	ra_jsonw_text(&w, "was", ra_verdict_name(s->state));
	ra_jsonw_text(&w, "id", id);
	ra_jsonw_int(&w, "lasted_s", lasted / RA_SECOND);
	ra_jsonw_text(&w, "summary", gone_summary);
	ra_jsonw_object_end(&w);
	if (body.error == 0)
		ra_engine_emit(e, at, "removed", check, body.data);
}

/* The history has the end; returns the line that tells it. NULL: there is none. */
static const char *
end_problem(struct ra_engine *e, const char *check, const char *owner, const char *service,
    const struct ra_state *s, struct ra_buf *line)
{
	int64_t at = ra_clock_wall(), lasted = at > s->problem_since ? at - s->problem_since : 0;

	if (e->store != NULL)
		ra_store_forget(e->store, check);
	if (s->problem == 0)
		return NULL;
	ra_alert_removed(line, check, owner, service, s, lasted, gone_summary);
	emit_removed(e, check, s, at, lasted);
	return line->error == 0 ? ra_buf_text(line) : NULL;
}

void
ra_announce_removed(struct ra_engine *e, struct ra_track *t)
{
	RA_BUF_LOCAL line = RA_BUF(4096);
	const struct ra_check *c = t->check;

	ra_gone_leave(
	    e, t, end_problem(e, c->id, c->environment->owner, c->service, &t->state, &line));
}

void
ra_announce_gone(struct ra_engine *e)
{
	void *value;

	for (size_t i = 0; ra_map_next(&e->gone, &i, NULL, &value);) {
		RA_BUF_LOCAL line = RA_BUF(4096);
		struct ra_gone *g = value;

		ra_gone_end(e, g, end_problem(e, g->id, NULL, NULL, &g->state, &line));
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
