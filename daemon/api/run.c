/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/run: probe now; POST /v1/reload: load the configuration again. */
#include <string.h>

#include "internal.h"

struct run;

struct one {
	struct run *all;
	struct ra_run *run; /* NULL: done */
};

struct run {
	struct ra_request *request;
	struct ra_selection selection;
	struct ra_config *config; /* a reference: its address is no other's meanwhile */
	size_t left, count;
	struct one list[];
};

static void
run_free(struct run *r)
{
	ra_config_unref(r->config);
	free(r->selection.wanted);
	free(r);
}

static void
run_leave(struct ra_request *q)
{
	struct run *r = q->waiting;
	size_t i;

	q->abandon = NULL;
	q->waiting = NULL;
	for (i = 0; i < r->count; i++)
		if (r->list[i].run != NULL)
			ra_engine_run_cancel(r->list[i].run);
	run_free(r);
}

static void
run_end(struct run *r)
{
	struct ra_request *q = r->request;

	q->abandon = NULL;
	q->waiting = NULL;
	if (r->config == ra_engine_config(q->api->engine))
		ra_status_answer(q, &r->selection, true);
	else
		ra_request_error(q, MHD_HTTP_CONFLICT, "reloaded",
		    "the configuration was reloaded meanwhile; ask again");
	run_free(r);
}

static void
on_run(void *arg, int error)
{
	struct one *one = arg;

	one->run = NULL;
	if (--one->all->left == 0)
		run_end(one->all);
}

/* Started ones go on, nobody waits for them: an answer without the others would not be one. */
static void
run_refused(struct ra_request *q, struct run *r, int error)
{
	for (size_t i = 0; i < r->count; i++)
		ra_engine_run_cancel(r->list[i].run);
	run_free(r);
	if (error == -ENOMEM)
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
	else
		ra_request_error(q, MHD_HTTP_TOO_MANY_REQUESTS, "too-often",
		    "asked more than 10 times in a second; wait a second");
}

static void
run_all(struct ra_request *q, struct ra_selection *s)
{
	const struct ra_config *c = ra_engine_config(q->api->engine);
	struct run *r = calloc(1, sizeof(*r) + s->count * sizeof(r->list[0]));
	int error = 0;

	if (r == NULL) {
		free(s->wanted);
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
		return;
	}
	r->request = q;
	r->selection = *s;
	r->config = ra_config_ref((struct ra_config *)(uintptr_t)c);
	for (size_t i = 0; i < c->check_count && error == 0; i++) {
		struct one *one = &r->list[r->count];

		if (!ra_selection_has(s, c->checks[i]))
			continue;
		one->all = r;
		error = ra_engine_run(q->api->engine, c->checks[i], on_run, one, &one->run);
		r->count += error == 0;
	}
	r->left = r->count;
	if (error < 0) {
		run_refused(q, r, error);
	} else if (r->count == 0) {
		run_free(r);
		ra_request_error(q, MHD_HTTP_NOT_FOUND, "no-such-check", "nothing to run");
	} else {
		ra_request_wait(q, run_leave, r);
	}
}

static void
run_allowed(struct ra_request *q)
{
	struct ra_selection s = { 0 };

	if (ra_selection_of_body(q, &s))
		run_all(q, &s);
}

void
ra_route_run(struct ra_request *q)
{
	ra_access_check(q, &ra_engine_config(q->api->engine)->access.run, "run", run_allowed);
}

/* --- reload --- */

struct reload {
	struct ra_request *request; /* NULL: left */
};

static void
reload_leave(struct ra_request *q)
{
	((struct reload *)q->waiting)->request = NULL;
	q->abandon = NULL;
	q->waiting = NULL;
}

static void
write_lines(struct ra_jsonw *w, const char *key, const char *text)
{
	const char *end;

	ra_jsonw_array(w, key);
	for (; *text != '\0'; text = end + (*end == '\n')) {
		end = strchrnul(text, '\n');
		ra_jsonw_textn(w, NULL, text, (size_t)(end - text));
	}
	ra_jsonw_array_end(w);
}

static void
on_reloaded(void *arg, bool ok, const char *text)
{
	struct reload *r = arg;
	struct ra_request *q = r->request;
	struct ra_buf body = RA_BUF(16 * 1024 * 1024);
	struct ra_jsonw w;

	free(r);
	if (q == NULL)
		return;
	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "schema", RA_API_SCHEMA);
	if (ok) {
		ra_jsonw_bool(&w, "reloaded", true);
		write_lines(&w, "changes", text);
	} else {
		ra_jsonw_object(&w, "error");
		ra_jsonw_text(&w, "code", "bad-config");
		ra_jsonw_text(&w, "message", "the new configuration is refused, the old one stays");
		write_lines(&w, "details", text);
		ra_jsonw_object_end(&w);
	}
	ra_jsonw_object_end(&w);
	ra_request_json(q, ok ? MHD_HTTP_OK : MHD_HTTP_UNPROCESSABLE_CONTENT, &body);
}

static void
reload_allowed(struct ra_request *q)
{
	struct reload *r = calloc(1, sizeof(*r));
	int error = r != NULL ? q->api->ops.reload(q->api->ops.arg, on_reloaded, r) : -ENOMEM;

	if (error < 0) {
		free(r);
		ra_request_error(q,
		    error == -EBUSY ? MHD_HTTP_CONFLICT : MHD_HTTP_SERVICE_UNAVAILABLE,
		    error == -EBUSY ? "busy" : "no-memory", "%s",
		    error == -EBUSY ? "a reload is under way; ask again" : "out of memory");
		return;
	}
	r->request = q;
	ra_request_wait(q, reload_leave, r);
}

void
ra_route_reload(struct ra_request *q)
{
	ra_access_check(
	    q, &ra_engine_config(q->api->engine)->access.reload, "reload", reload_allowed);
}
