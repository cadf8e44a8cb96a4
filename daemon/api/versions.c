/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which version runs where, now or at a time of the past. Of the past the history tells: what was
 * last seen until then. Of a check without any event nothing has changed for as long as events are
 * kept: it was as it is.
 */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/jsonr.h"
#include "relaudit/base/units.h"
#include "relaudit/kind/kind.h"
#include "relaudit/kind/version.h"

#include "internal.h"

/* The events of one check around the time that is asked for; NULL: none. */
struct past {
	int64_t id[2], at[2]; /* of the version: the last until then, the first after */
	json_t *version[2];
	enum ra_verdict state[2]; /* PENDING: no event */
};

struct versions {
	struct ra_engine *engine;
	const struct ra_config *config;
	struct past *past; /* by check->index; NULL: as of now */
	int64_t at;
	/* The first start after that; 0: none. Before it nobody looked since `looked`, 0: ever. */
	int64_t start, looked;
};

/* What is shown of one service. Texts are borrowed, NULL: not known. */
struct running {
	const char *version, *commit, *tag, *tag_commit;
	int64_t tag_date, behind, checked;
	enum ra_verdict state, last; /* last: even if it is too old to go by now */
	bool partly; /* some instances were not read: what all of them run is not known */
};

/* --- looking --- */

static void
look_now(const struct versions *v, const struct ra_check *c, struct running *ret)
{
	const struct ra_facts none = { 0 }, *facts;
	struct ra_view view;

	ra_engine_view(v->engine, c, &view);
	facts = view.facts != NULL ? view.facts : &none;
	*ret = (struct running){ .version = ra_facts_text(facts, "version"),
		.commit = ra_facts_text(facts, "commit"),
		.tag = ra_facts_text(facts, "tag"),
		.tag_commit = ra_facts_text(facts, "tag_commit"),
		.tag_date = ra_facts_number(facts, "tag_date", 0),
		.behind = ra_facts_number(facts, "behind_releases", RA_UNSET),
		.checked = view.checked,
		.state = view.state,
		.last = view.last,
		.partly = view.instance_count > 0 && !ra_view_all_read(&view) };
}

static const char *
text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* Of several instances only what they agreed upon. */
static void
look_at_event(const json_t *event, struct running *ret)
{
	const json_t *agreed = json_object_get(event, "agreed"), *o = agreed ? agreed : event;
	const char *date = text_of(o, "tag_date");

	ret->version = agreed != NULL ? text_of(o, "version") : text_of(o, "now");
	ret->commit = text_of(o, "commit");
	ret->tag = text_of(o, "tag");
	ret->tag_commit = text_of(o, "tag_commit");
	if (date != NULL && ra_time_parse(date, strlen(date), &ret->tag_date) < 0)
		ret->tag_date = 0;
}

/* Only the event after it is kept: that says what ran before, or what runs all the time. */
static void
look_before_event(const json_t *event, struct running *ret)
{
	const char *what = text_of(event, "event");

	if (json_object_get(event, "agreed") != NULL)
		return;
	ret->version = text_of(event, "was");
	if (what != NULL && strcmp(what, "version-known") == 0)
		ret->version = text_of(event, "now");
}

/* The daemon did not run then, and for longer than a result may be old. */
static bool
is_asleep(const struct versions *v, const struct ra_check *c)
{
	return v->start != 0 && v->at - v->looked > ra_stale_after(c);
}

static void
look_then(const struct versions *v, const struct ra_check *c, struct running *ret)
{
	const struct past *p = &v->past[c->index];
	struct running now;

	*ret = (struct running){ .behind = RA_UNSET, .state = RA_PENDING };
	look_now(v, c, &now);
	if (p->version[0] != NULL) {
		look_at_event(p->version[0], ret);
		ret->checked = p->at[0];
	} else if (p->version[1] != NULL) {
		look_before_event(p->version[1], ret);
	} else {
		*ret = now;
		ret->behind = RA_UNSET;
		ret->checked = 0;
	}
	if ((ret->version == NULL && ret->commit == NULL && p->version[0] == NULL) ||
	    (v->start != 0 && v->looked == 0))
		*ret = (struct running){ .behind = RA_UNSET, .state = RA_PENDING };
	else if (is_asleep(v, c))
		ret->state = RA_UNKNOWN;
	else if (p->state[0] != RA_PENDING || p->state[1] != RA_PENDING)
		ret->state = p->state[p->state[0] != RA_PENDING ? 0 : 1];
	else
		ret->state = now.last;
}

static void
look(const struct versions *v, const struct ra_check *c, struct running *ret)
{
	if (v->past != NULL)
		look_then(v, c, ret);
	else
		look_now(v, c, ret);
}

/* --- the next environment --- */

static bool
is_version(const struct ra_check *c)
{
	return strcmp(ra_kinds[c->kind]->type.name, "version") == 0;
}

static bool
is_same_service(const struct ra_check *a, const struct ra_check *b)
{
	if (a->service == NULL || b->service == NULL)
		return a->service == b->service && strcmp(a->name, b->name) == 0;
	return strcmp(a->service, b->service) == 0;
}

/* The first environment of a higher rank: they are sorted by it, and may be thousands of one. */
static size_t
find_above(const struct ra_config *c, int64_t rank)
{
	size_t low = 0, high = c->environment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int64_t its = c->environments[middle]->rank;

		if (its != RA_UNSET && its <= rank)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct ra_check *
find_next(const struct versions *v, const struct ra_check *c)
{
	int64_t rank = c->environment->rank;
	size_t i = rank != RA_UNSET ? find_above(v->config, rank) : v->config->environment_count;

	for (; i < v->config->environment_count; i++) {
		const struct ra_environment *env = v->config->environments[i];

		for (size_t k = 0; env->rank != RA_UNSET && k < env->check_count; k++) {
			if (is_version(env->checks[k]) && is_same_service(env->checks[k], c))
				return env->checks[k];
		}
	}
	return NULL;
}

static void
write_next(struct ra_jsonw *w, const struct versions *v, const struct ra_check *c,
    const struct running *own)
{
	static const char *const orders[] = { "behind", "same", "ahead" };
	const struct ra_check *next = find_next(v, c);
	struct ra_version_order order = { 0 };
	struct running other;

	if (next == NULL)
		return;
	look(v, next, &other);
	if (!own->partly && !other.partly)
		ra_version_compare(
		    &(struct ra_version_place){ own->version, own->behind, own->commit },
		    &(struct ra_version_place){ other.version, other.behind, other.commit },
		    &order);
	ra_jsonw_object(w, "next");
	ra_jsonw_text(w, "environment", next->environment->name);
	ra_jsonw_text(w, "version", other.version);
	ra_jsonw_text(
	    w, "order", order.known ? orders[1 + (order.order > 0) - (order.order < 0)] : NULL);
	if (order.releases_known)
		ra_jsonw_int(w, "ahead_releases", order.ahead_releases);
	if (order.other_commit)
		ra_jsonw_bool(w, "other_commit", true);
	ra_jsonw_object_end(w);
}

/* --- writing --- */

static void
write_number(struct ra_jsonw *w, const char *key, int64_t number)
{
	if (number != RA_UNSET)
		ra_jsonw_int(w, key, number);
	else
		ra_jsonw_null(w, key);
}

/* The tag's commit stands for one that is not reported. */
static void
write_service(struct ra_jsonw *w, const struct versions *v, const struct ra_check *c)
{
	struct running r;

	look(v, c, &r);
	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "service", c->service);
	ra_jsonw_text(w, "version", r.version);
	ra_jsonw_text(w, "tag", r.tag);
	ra_jsonw_text(w, "commit", r.commit != NULL ? r.commit : r.tag_commit);
	ra_jsonw_time(w, "tag_date", r.tag_date);
	write_number(w, "behind_releases", r.behind);
	ra_jsonw_time(w, "checked", r.checked);
	ra_jsonw_text(w, "state", ra_verdict_name(r.state));
	ra_jsonw_text(w, "check", c->id);
	write_next(w, v, c, &r);
	ra_jsonw_object_end(w);
}

static void
write_environment(struct ra_jsonw *w, const struct versions *v, const struct ra_environment *env)
{
	ra_jsonw_object(w, NULL);
	ra_jsonw_text(w, "name", env->name);
	write_number(w, "rank", env->rank);
	ra_jsonw_array(w, "services");
	for (size_t i = 0; i < env->check_count; i++) {
		if (is_version(env->checks[i]))
			write_service(w, v, env->checks[i]);
	}
	ra_jsonw_array_end(w);
	ra_jsonw_object_end(w);
}

static bool
some_asleep(const struct versions *v, const struct ra_environment *only)
{
	for (size_t i = 0; v->looked != 0 && i < v->config->check_count; i++) {
		const struct ra_check *c = v->config->checks[i];

		if (is_version(c) && (only == NULL || c->environment == only) && is_asleep(v, c))
			return true;
	}
	return false;
}

static void
answer(struct ra_request *q, const struct versions *v, const struct ra_environment *only)
{
	struct ra_buf body = RA_BUF(64 * 1024 * 1024);
	struct ra_jsonw w;

	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "schema", RA_API_SCHEMA);
	ra_jsonw_time(&w, "at", v->at);
	if (some_asleep(v, only)) {
		ra_jsonw_object(&w, "not_looked");
		ra_jsonw_time(&w, "since", v->looked);
		ra_jsonw_time(&w, "until", v->start);
		ra_jsonw_object_end(&w);
	}
	ra_jsonw_array(&w, "environments");
	for (size_t i = 0; i < v->config->environment_count; i++)
		if (only == NULL || only == v->config->environments[i])
			write_environment(&w, v, v->config->environments[i]);
	ra_jsonw_array_end(&w);
	ra_jsonw_object_end(&w);
	ra_request_json(q, MHD_HTTP_OK, &body);
}

/* --- the past --- */

/* The reader thread answers even if the client left meanwhile. */
struct asked {
	struct ra_request *request; /* NULL: left */
	int64_t at;
};

static void
leave(struct ra_request *q)
{
	((struct asked *)q->waiting)->request = NULL;
	q->abandon = NULL;
	q->waiting = NULL;
}

static enum ra_verdict
verdict_of(const json_t *event, const char *name)
{
	const char *text = text_of(event, name);
	enum ra_verdict v = RA_PENDING;

	if (text != NULL)
		(void)ra_verdict_parse(text, &v);
	return v;
}

/* A change and what became known later come as two: of each side the one next to the time. */
static int
take_event(struct past *p, const struct ra_history_event *event, bool after)
{
	bool is_state = strcmp(event->what, "state") == 0, closer;
	json_error_t why;
	json_t *body;

	if (!is_state && strcmp(event->what, "version-changed") != 0 &&
	    strcmp(event->what, "version-known") != 0)
		return 0;
	closer = p->version[after] == NULL ||
		 (after ? event->id < p->id[after] : event->id > p->id[after]);
	if (!is_state && !closer)
		return 0;
	if (ra_json_load(event->body, strlen(event->body), 0, &body, &why) == -ENOMEM)
		return -ENOMEM;
	if (is_state) {
		p->state[after] = after ? verdict_of(body, "was") : verdict_of(body, "now");
		json_decref(body);
		return 0;
	}
	json_decref(p->version[after]);
	p->version[after] = body;
	p->id[after] = event->id;
	p->at[after] = event->at;
	return 0;
}

/* What began then says when its forerunner last looked. */
static int
take_start(struct versions *v, const struct ra_history_event *event)
{
	const char *looked;
	json_error_t why;
	json_t *body;

	if (v->start != 0)
		return 0;
	if (ra_json_load(event->body, strlen(event->body), 0, &body, &why) == -ENOMEM)
		return -ENOMEM;
	looked = text_of(body, "last_checked");
	if (looked != NULL && ra_time_parse(looked, strlen(looked), &v->looked) < 0)
		v->looked = 0;
	if (json_object_get(body, "last_checked") != NULL) /* null: never */
		v->start = event->at;
	json_decref(body);
	return 0;
}

static void
answer_past(struct ra_request *q, int64_t at, const struct ra_history_event *events, size_t count)
{
	struct ra_engine *engine = q->api->engine;
	const struct ra_config *c = ra_engine_config(engine);
	const char *name = ra_request_param(q, "environment");
	const struct ra_environment *only = NULL;
	RA_FREE struct past *past = calloc(c->check_count + 1, sizeof(*past));
	struct versions v = { .engine = engine, .config = c, .past = past, .at = at };
	int r = past != NULL ? 0 : -ENOMEM;
	size_t i;

	if (name != NULL && (only = ra_api_environment(q, name)) == NULL)
		return;
	for (i = 0; r == 0 && i < c->check_count; i++)
		past[i].state[0] = past[i].state[1] = RA_PENDING;
	for (i = 0; r == 0 && i < count; i++) {
		const struct ra_check *check = ra_map_get(&c->checks_by_id, events[i].check);

		if (strcmp(events[i].what, "start") == 0 && events[i].at > at)
			r = take_start(&v, &events[i]);
		else if (check != NULL && is_version(check))
			r = take_event(&past[check->index], &events[i], events[i].at > at);
	}
	if (r == 0)
		answer(q, &v, only);
	else
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
	for (i = 0; past != NULL && i < c->check_count; i++) {
		json_decref(past[i].version[0]);
		json_decref(past[i].version[1]);
	}
}

static void
on_history(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	struct asked *asked = arg;
	struct ra_request *q = asked->request;
	int64_t at = asked->at;

	free(asked);
	if (q == NULL)
		return;
	if (error == -EMSGSIZE)
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-history",
		    "the history of so many checks is more than can be looked at at once");
	else if (error < 0)
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-history",
		    "the history cannot be read: %s", strerror(-error));
	else
		answer_past(q, at, events, count);
}

static bool
check_time(struct ra_request *q, int64_t at)
{
	int64_t keep = ra_engine_config(q->api->engine)->daemon.history_keep;
	int64_t now = ra_clock_wall();
	char text[RA_UNIT_TEXT], begin[RA_TIME_TEXT];

	if (at > now)
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "at: %s is in the future; what will run nobody knows",
		    ra_time_format_s(at, begin));
	else if (at < now - keep)
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "at: the history is kept for %s (`daemon: history: keep:`), so that it cannot "
		    "go back beyond %s",
		    ra_duration_format(keep, text), ra_time_format_s(now - keep, begin));
	else
		return true;
	return false;
}

static void
ask_past(struct ra_request *q, int64_t at)
{
	struct ra_store *store = ra_engine_store(q->api->engine);
	struct ra_history_query query = { .around = at }; /* of all: the next one is shown too */
	struct asked *asked = calloc(1, sizeof(*asked));
	int r = asked == NULL	? -ENOMEM
		: store == NULL ? -ENODATA
				: ra_store_history(store, &query, on_history, asked);

	if (r < 0) {
		free(asked);
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-history",
		    "the history cannot be asked now: %s", strerror(-r));
		return;
	}
	asked->request = q;
	asked->at = at;
	ra_request_wait(q, leave, asked);
}

void
ra_route_versions(struct ra_request *q)
{
	const char *name = ra_request_param(q, "environment");
	const struct ra_environment *only = NULL;
	int64_t at = RA_UNSET;

	if (name != NULL && (only = ra_api_environment(q, name)) == NULL)
		return;
	if (!ra_request_time(q, "at", &at))
		return;
	if (at == RA_UNSET) {
		answer(q,
		    &(struct versions){ .engine = q->api->engine,
			.config = ra_engine_config(q->api->engine),
			.at = ra_clock_wall() },
		    only);
	} else if (check_time(q, at)) {
		ask_past(q, at);
	}
}
