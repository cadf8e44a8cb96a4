/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/drift: which keys of the configuration of environments are not as they ought to be. */
#include <string.h>

#include "drift.h"

#define AT_WORK_MOST 2 /* the pool's other threads are for what probes bring */

/* Those that are ready, in the order in which they came. */
static struct {
	struct ra_drift_job *first, **last;
	size_t at_work;
} line = { .last = &line.first };

/* --- life --- */

static void
job_free(struct ra_drift_job *j)
{
	ra_drift_release(j);
	ra_drift_changes_free(j);
	ra_buf_free(&j->unread);
	ra_buf_free(&j->errors);
	ra_buf_free(&j->baselines);
	ra_buf_free(&j->notes);
	ra_buf_free(&j->body);
	if (j->config != NULL)
		ra_config_unref(j->config);
	ra_arena_free(j->arena);
	free(j);
}

static struct ra_drift_job *
job_new(struct ra_request *q)
{
	const struct ra_config *c = ra_engine_config(q->api->engine);
	struct ra_drift_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	*j = (struct ra_drift_job){ .request = q,
		.api = q->api,
		.arena = ra_arena_new(),
		.last = &j->pairings,
		.unread = RA_BUF(RA_DRIFT_BODY_MAX),
		.errors = RA_BUF(RA_DRIFT_BODY_MAX),
		.baselines = RA_BUF(RA_DRIFT_BODY_MAX),
		.notes = RA_BUF(RA_DRIFT_BODY_MAX),
		.body = RA_BUF(RA_DRIFT_BODY_MAX) };
	j->config = ra_config_ref((struct ra_config *)(uintptr_t)c);
	memcpy(j->key, ra_engine_secret_key(q->api->engine), sizeof(j->key));
	if (j->arena != NULL) {
		j->environments = ra_arena_alloc(
		    j->arena, (c->environment_count + 1) * sizeof(struct ra_environment *));
		j->checked =
		    ra_arena_alloc(j->arena, (c->environment_count + 1) * sizeof(*j->checked));
		j->told = ra_arena_alloc(j->arena, c->check_count + 1);
		j->only = ra_arena_alloc(j->arena, (q->param_count + 1) * sizeof(char *));
		j->ignore = ra_arena_alloc(j->arena, (q->param_count + 1) * sizeof(char *));
	}
	if (j->environments != NULL && j->checked != NULL && j->told != NULL && j->only != NULL &&
	    j->ignore != NULL)
		return j;
	job_free(j);
	return NULL;
}

/* --- its turn --- */

static void
answer(struct ra_drift_job *j)
{
	struct ra_request *q = j->request;

	if (q == NULL)
		return;
	if (j->error == 0)
		ra_request_json(q, MHD_HTTP_OK, &j->body);
	else if (j->error == -EMSGSIZE)
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "too-large",
		    "the comparison does not fit; ask for one `check`, for fewer environments, or "
		    "for some keys with `only`");
	else
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory",
		    "not compared: %s; ask again", strerror(-j->error));
}

static void start_next(void);

static void
on_compared(void *arg)
{
	struct ra_drift_job *j = arg;

	line.at_work--;
	answer(j);
	job_free(j);
	start_next();
}

static void
start_next(void)
{
	while (line.first != NULL && line.at_work < AT_WORK_MOST) {
		struct ra_drift_job *j = line.first;
		int r;

		line.first = j->next;
		if (line.first == NULL)
			line.last = &line.first;
		r = ra_work_start(j->api->loop, ra_drift_run, on_compared, j);
		if (r == 0) {
			/* `error` is the worker's already: what it found is not written over. */
			line.at_work++;
			continue;
		}
		j->error = r;
		answer(j);
		job_free(j);
	}
}

void
ra_drift_pass(struct ra_drift_job *j)
{
	if (--j->waiting > 0)
		return;
	if (j->request == NULL) {
		job_free(j);
		return;
	}
	*line.last = j;
	line.last = &j->next;
	start_next();
}

static bool
leave_line(struct ra_drift_job *j)
{
	for (struct ra_drift_job **at = &line.first; *at != NULL; at = &(*at)->next) {
		if (*at != j)
			continue;
		*at = j->next;
		if (j->next == NULL)
			line.last = at;
		return true;
	}
	return false;
}

/* What still calls back ends the job then. */
static void
leave(struct ra_request *q)
{
	struct ra_drift_job *j = q->waiting;
	size_t taken_back;

	q->abandon = NULL;
	q->waiting = NULL;
	j->request = NULL;
	taken_back = ra_drift_cancel(j);
	j->waiting -= taken_back;
	if (leave_line(j) || (taken_back > 0 && j->waiting == 0))
		job_free(j);
}

/* --- parameters --- */

static bool
flag_param(struct ra_request *q, const char *name, bool *ret)
{
	const char *text = ra_request_param(q, name);

	*ret = text != NULL && strcmp(text, "true") == 0;
	if (text == NULL || *ret || strcmp(text, "false") == 0)
		return true;
	ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request", "`%s` is true or false", name);
	return false;
}

static bool
add_environment(struct ra_drift_job *j, struct ra_request *q, const struct ra_environment *env)
{
	for (size_t i = 0; i < j->environment_count; i++) {
		if (j->environments[i] != env)
			continue;
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "environment '%s' is given twice", env->name);
		return false;
	}
	if (j->environment_count == RA_DRIFT_SIDES_MAX) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "at most %d environments side by side", RA_DRIFT_SIDES_MAX);
		return false;
	}
	j->environments[j->environment_count++] = env;
	return true;
}

static bool
take_environments(struct ra_drift_job *j, struct ra_request *q)
{
	const char *text = ra_request_param(q, "environments");

	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ",");
		RA_FREE char *name = strndup(text, len);
		const struct ra_environment *env;

		if (name == NULL) {
			ra_request_error(
			    q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
			return false;
		}
		env = ra_api_environment(q, name);
		if (env == NULL || !add_environment(j, q, env))
			return false;
		text += len + (text[len] == ',' ? 1 : 0);
	}
	return true;
}

/* The request may end before the job does: copies. */
static bool
take_texts(struct ra_drift_job *j, const struct ra_request *q)
{
	const char *check = ra_request_param(q, "check"), *ref = ra_request_param(q, "baseline");

	j->check = check != NULL ? ra_arena_strdup(j->arena, check) : NULL;
	j->ref = ref != NULL ? ra_arena_strdup(j->arena, ref) : NULL;
	if ((check != NULL && j->check == NULL) || (ref != NULL && j->ref == NULL))
		return false;
	for (size_t i = 0; i < q->param_count; i++) {
		bool only = strcmp(q->params[i].name, "only") == 0;
		const char *text;

		if (!only && strcmp(q->params[i].name, "ignore") != 0)
			continue;
		text = ra_arena_strdup(j->arena, q->params[i].value);
		if (text == NULL)
			return false;
		if (only)
			j->only[j->only_count++] = text;
		else
			j->ignore[j->ignore_count++] = text;
	}
	return true;
}

static bool
take_params(struct ra_drift_job *j, struct ra_request *q)
{
	if (!flag_param(q, "all", &j->all) || !flag_param(q, "strict", &j->strict) ||
	    !flag_param(q, "suggest", &j->suggest) || !take_environments(j, q) ||
	    !ra_request_since(q, &j->since))
		return false;
	j->by_time = ra_request_param(q, "since") != NULL;
	if (ra_request_param(q, "baseline") != NULL && j->environment_count != 1) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "`baseline` goes with one environment, whose baseline is read there");
		return false;
	}
	if (take_texts(j, q))
		return true;
	ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
	return false;
}

void
ra_route_drift(struct ra_request *q)
{
	struct ra_drift_job *j = job_new(q);

	if (j == NULL) {
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
		return;
	}
	j->waiting = 1;
	if (!take_params(j, q) || !ra_drift_gather(j, q) ||
	    (j->by_time && !ra_drift_ask_changes(j, q)))
		j->request = NULL;
	else
		ra_request_wait(q, leave, j);
	ra_drift_pass(j);
}
