/* SPDX-License-Identifier: Apache-2.0 */
/* The status of a selection, streamed in slices from one generation. */
#include <stdio.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"
#include "relaudit/engine/store.h"

#include "internal.h"

#define WAIT_MOST (10 * RA_MINUTE)

struct status {
	struct ra_generation *snapshot;
	struct ra_selection selection;
	int64_t started;
	const struct ra_environment *alone; /* the object of one environment only */
	bool with_verdict;
	struct ra_store_stats kept;
	/* where the stream stands */
	size_t env, check;
	bool begun, env_open, ended;
	struct ra_buf buf;
	size_t sent;
	struct ra_jsonw w;
};

static void
status_free(void *arg)
{
	struct status *s = arg;

	ra_generation_unref(s->snapshot);
	free(s->selection.wanted);
	ra_buf_free(&s->buf);
	free(s);
}

/* --- writing --- */

static bool
has_any(const struct status *s, const struct ra_environment *env)
{
	size_t i;

	if (s->selection.wanted == NULL)
		return true;
	for (i = 0; i < env->check_count; i++)
		if (ra_selection_has(&s->selection, env->checks[i]))
			return true;
	return false;
}

/* Counts what it looked at: nothing that is watched is nothing that is OK. */
static size_t
worst_of(const struct status *s, const struct ra_environment *env, enum ra_verdict *state,
    enum ra_verdict *verdict)
{
	enum ra_verdict one_state, one_verdict;
	size_t i, n = 0;

	for (i = 0; i < env->check_count; i++) {
		if (!ra_selection_has(&s->selection, env->checks[i]))
			continue;
		ra_generation_shown(s->snapshot, env->checks[i], &one_state, &one_verdict);
		*state = ra_verdict_worst(*state, one_state);
		*verdict = ra_verdict_worst(*verdict, one_verdict);
		n++;
	}
	return n;
}

/* PENDING is of checks; what they add up to is UNKNOWN. */
static const char *
sum_name(enum ra_verdict v)
{
	return ra_verdict_name(v == RA_PENDING ? RA_UNKNOWN : v);
}

static void
write_head(struct status *s)
{
	const struct ra_config *c = ra_generation_config(s->snapshot);
	enum ra_verdict state = RA_OK, verdict = RA_OK;
	size_t i, n = 0;

	for (i = 0; i < c->environment_count; i++)
		n += worst_of(s, c->environments[i], &state, &verdict);
	if (n == 0)
		state = verdict = RA_UNKNOWN;
	ra_jsonw_object(&s->w, NULL);
	ra_jsonw_text(&s->w, "schema", RA_API_SCHEMA);
	ra_jsonw_time(&s->w, "at", ra_generation_at(s->snapshot));
	ra_jsonw_text(&s->w, "state", sum_name(state));
	if (s->with_verdict)
		ra_jsonw_text(&s->w, "verdict", sum_name(verdict));
	ra_jsonw_object(&s->w, "daemon");
	ra_jsonw_text(&s->w, "version", RA_VERSION);
	ra_jsonw_time(&s->w, "started", s->started);
	ra_jsonw_text(&s->w, "config", c->digest);
	ra_jsonw_int(&s->w, "environments", (int64_t)c->environment_count);
	ra_jsonw_int(&s->w, "checks", (int64_t)c->check_count);
	if (s->kept.failing)
		ra_jsonw_text(&s->w, "problem", s->kept.error);
	ra_jsonw_object_end(&s->w);
	ra_jsonw_array(&s->w, "environments");
}

static void
write_environment_head(struct status *s, const struct ra_environment *env)
{
	enum ra_verdict state = RA_OK, verdict = RA_OK;
	size_t i;

	if (worst_of(s, env, &state, &verdict) == 0)
		state = RA_UNKNOWN;
	ra_jsonw_object(&s->w, NULL);
	if (s->alone != NULL) {
		ra_jsonw_text(&s->w, "schema", RA_API_SCHEMA);
		ra_jsonw_time(&s->w, "at", ra_generation_at(s->snapshot));
	}
	ra_jsonw_text(&s->w, "name", env->name);
	if (env->rank != RA_UNSET)
		ra_jsonw_int(&s->w, "rank", env->rank);
	else
		ra_jsonw_null(&s->w, "rank");
	ra_jsonw_text(&s->w, "state", sum_name(state));
	ra_jsonw_object(&s->w, "labels");
	for (i = 0; i < env->labels.count; i++)
		ra_jsonw_text(&s->w, env->labels.list[i].name, env->labels.list[i].text.shown);
	ra_jsonw_object_end(&s->w);
	ra_jsonw_text(&s->w, "owner", env->owner);
	ra_jsonw_text(&s->w, "runbook", env->runbook);
	ra_jsonw_array(&s->w, "aliases");
	for (i = 0; i < env->aliases.count; i++)
		ra_jsonw_text(&s->w, NULL, env->aliases.list[i].shown);
	ra_jsonw_array_end(&s->w);
	ra_jsonw_array(&s->w, "checks");
}

/* One piece: a head, a check, or an end. */
static void
step(struct status *s)
{
	const struct ra_config *c = ra_generation_config(s->snapshot);
	const struct ra_environment *env;
	struct ra_view v;

	if (!s->begun) {
		s->begun = true;
		if (s->alone == NULL)
			write_head(s);
		return;
	}
	if (s->env >= c->environment_count) {
		if (s->alone == NULL) {
			ra_jsonw_array_end(&s->w);
			ra_jsonw_object_end(&s->w);
		}
		ra_buf_putc(&s->buf, '\n');
		s->ended = true;
		return;
	}
	env = c->environments[s->env];
	if (!s->env_open) {
		if (s->alone != NULL ? env != s->alone : !has_any(s, env)) {
			s->env++;
			return;
		}
		write_environment_head(s, env);
		s->env_open = true;
		s->check = 0;
		return;
	}
	if (s->check >= env->check_count) {
		ra_jsonw_array_end(&s->w);
		ra_jsonw_object_end(&s->w);
		s->env_open = false;
		s->env++;
		return;
	}
	if (ra_selection_has(&s->selection, env->checks[s->check])) {
		ra_generation_view(s->snapshot, env->checks[s->check], &v);
		ra_api_write_check(&s->w, NULL, &v);
	}
	s->check++;
}

static ssize_t
on_read(void *arg, uint64_t at, char *out, size_t max)
{
	struct status *s = arg;
	size_t n;

	if (s->sent == s->buf.len) {
		ra_buf_clear(&s->buf);
		s->sent = 0;
		while (!s->ended && s->buf.len < RA_API_SLICE && s->buf.error == 0)
			step(s);
	}
	if (s->buf.error != 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = s->buf.len - s->sent;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = n < max ? n : max;
	memcpy(out, s->buf.data + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void
answer(struct ra_request *q, struct ra_selection *selection, bool with_verdict,
    const struct ra_environment *alone)
{
	struct status *s = calloc(1, sizeof(*s));
	struct ra_selection taken = *selection;
	struct MHD_Response *response;

	selection->wanted = NULL;
	if (s == NULL || (s->snapshot = ra_engine_generation(q->api->engine)) == NULL) {
		free(taken.wanted);
		free(s);
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
		return;
	}
	s->selection = taken;
	s->with_verdict = with_verdict;
	s->alone = alone;
	s->started = ra_engine_started(q->api->engine);
	if (ra_engine_store(q->api->engine) != NULL)
		ra_store_stats(ra_engine_store(q->api->engine), &s->kept);
	s->buf = RA_BUF(16 * 1024 * 1024);
	ra_jsonw_init(&s->w, &s->buf);
	response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, RA_API_SLICE, on_read, s, status_free);
	if (response == NULL)
		status_free(s);
	ra_request_answer(q, MHD_HTTP_OK, response, "application/json");
}

void
ra_status_answer(struct ra_request *q, struct ra_selection *s, bool with_verdict)
{
	answer(q, s, with_verdict, NULL);
}

/* --- waiting until nothing selected is pending --- */

struct waiter {
	struct ra_selection selection;
	struct ra_config *config; /* a reference: its address is no other's meanwhile */
	struct ra_timer *timer;
	struct ra_request *request;
};

static bool
any_pending(struct ra_api *a, const struct ra_selection *s)
{
	const struct ra_config *c = ra_engine_config(a->engine);
	struct ra_view v;
	size_t i;

	if (ra_engine_pending(a->engine) == 0)
		return false;
	if (s->wanted == NULL)
		return true;
	for (i = 0; i < c->check_count; i++) {
		if (!s->wanted[i])
			continue;
		ra_engine_view(a->engine, c->checks[i], &v);
		if (v.verdict == RA_PENDING)
			return true;
	}
	return false;
}

static void
waiter_free(struct ra_request *q)
{
	struct waiter *wait = q->waiting;

	q->abandon = NULL;
	q->waiting = NULL;
	ra_timer_free(wait->timer);
	ra_config_unref(wait->config);
	free(wait->selection.wanted);
	free(wait);
}

static void
waiter_end(struct ra_request *q)
{
	struct waiter *wait = q->waiting;
	struct ra_selection s = wait->selection;
	bool same = wait->config == ra_engine_config(q->api->engine);

	wait->selection.wanted = NULL;
	waiter_free(q);
	if (!same) { /* a reload came between: look the names up again */
		free(s.wanted);
		if (!ra_selection_of_query(q, &s))
			return;
	}
	ra_status_answer(q, &s, false);
}

static void
on_wait_over(void *arg)
{
	struct waiter *wait = arg;

	waiter_end(wait->request);
}

void
ra_status_result(struct ra_api *a, const struct ra_check *check)
{
	struct ra_request *q, *next;

	for (q = a->requests; q != NULL; q = next) {
		struct waiter *wait = q->waiting;

		next = q->next;
		if (q->abandon != waiter_free)
			continue;
		if (wait->config != ra_engine_config(a->engine) ||
		    (ra_selection_has(&wait->selection, check) &&
			!any_pending(a, &wait->selection)))
			waiter_end(q);
	}
}

static void
wait_for(struct ra_request *q, struct ra_selection *s, int64_t ms)
{
	struct waiter *wait = calloc(1, sizeof(*wait));

	if (wait == NULL || ra_timer_new(q->api->loop, on_wait_over, wait, &wait->timer) < 0) {
		free(wait);
		ra_status_answer(q, s, false);
		return;
	}
	wait->selection = *s;
	wait->config =
	    ra_config_ref((struct ra_config *)(uintptr_t)ra_engine_config(q->api->engine));
	wait->request = q;
	ra_timer_start(wait->timer, ms, 0);
	ra_request_wait(q, waiter_free, wait);
}

void
ra_route_status(struct ra_request *q)
{
	const char *wait = ra_request_param(q, "wait");
	struct ra_error err = { 0 };
	struct ra_selection s = { 0 };
	int64_t ms = 0;

	if (wait != NULL && ra_duration_parse(wait, &ms, &err) < 0) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request", "wait: %s", err.text);
		return;
	}
	if (!ra_selection_of_query(q, &s))
		return;
	if (ms > 0 && any_pending(q->api, &s))
		wait_for(q, &s, ms < WAIT_MOST ? ms : WAIT_MOST);
	else
		ra_status_answer(q, &s, false);
}

void
ra_route_environment(struct ra_request *q)
{
	const struct ra_environment *env = ra_api_environment(q, q->rest);
	struct ra_selection all = { 0 };

	if (env != NULL)
		answer(q, &all, false, env);
}
