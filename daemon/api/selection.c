/* SPDX-License-Identifier: Apache-2.0 */
/* Which checks a request is about, by the one registry of names. */
#include <string.h>

#include "relaudit/base/escape.h"
#include "relaudit/base/jsonr.h"
#include "relaudit/model/name.h"

#include "internal.h"

static void
unknown(
    struct ra_request *q, const char *code, const char *what, const char *name, const char *nearest)
{
	RA_BUF_LOCAL shown = RA_BUF(512);

	ra_escape_line(&shown, name, strlen(name), 100);
	if (nearest != NULL)
		ra_request_error(q, MHD_HTTP_NOT_FOUND, code, "no %s '%s'; did you mean '%s'?",
		    what, ra_buf_text(&shown), nearest);
	else
		ra_request_error(
		    q, MHD_HTTP_NOT_FOUND, code, "no %s '%s'", what, ra_buf_text(&shown));
}

const struct ra_environment *
ra_api_environment(struct ra_request *q, const char *name)
{
	const struct ra_config *c = ra_engine_config(q->api->engine);
	const struct ra_environment *env = ra_config_environment(c, name);
	struct ra_nearest near;
	const char *key;
	void *value;
	size_t i = 0;

	if (env != NULL)
		return env;
	ra_nearest_init(&near, name);
	while (ra_map_next(&c->environments_by_name, &i, &key, &value))
		ra_nearest_try(&near, key);
	unknown(q, "no-such-environment", "environment", name, near.name);
	return NULL;
}

const struct ra_check *
ra_api_check(struct ra_request *q, const char *id)
{
	const struct ra_config *c = ra_engine_config(q->api->engine);
	const struct ra_check *check = ra_config_check(c, id);
	const struct ra_environment *env;
	struct ra_nearest near;
	RA_FREE char *name = NULL;
	const char *slash = strchr(id, '/');
	RA_BUF_LOCAL nearest = RA_BUF(256);
	size_t i;

	if (check != NULL || slash == NULL)
		return check;
	name = strndup(id, (size_t)(slash - id));
	if (name == NULL || (env = ra_api_environment(q, name)) == NULL)
		return NULL;
	ra_nearest_init(&near, slash + 1);
	for (i = 0; i < env->check_count; i++)
		ra_nearest_try(&near, env->checks[i]->name);
	if (near.name != NULL)
		ra_buf_printf(&nearest, "%s/%s", env->name, near.name);
	unknown(q, "no-such-check", "check", id, near.name != NULL ? nearest.data : NULL);
	return NULL;
}

static void
want(struct ra_selection *s, const struct ra_check *c)
{
	s->count += !s->wanted[c->index];
	s->wanted[c->index] = 1;
}

bool
ra_selection_add(struct ra_request *q, struct ra_selection *s, const char *name)
{
	const struct ra_environment *env;
	const struct ra_check *c;
	size_t i;

	if (s->wanted == NULL) {
		s->wanted = calloc(ra_engine_config(q->api->engine)->check_count + 1, 1);
		s->count = 0;
		if (s->wanted == NULL) {
			ra_request_error(
			    q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
			return false;
		}
	}
	if (strchr(name, '/') != NULL) {
		if ((c = ra_api_check(q, name)) == NULL)
			return false;
		want(s, c);
		return true;
	}
	if ((env = ra_api_environment(q, name)) == NULL)
		return false;
	for (i = 0; i < env->check_count; i++)
		want(s, env->checks[i]);
	return true;
}

bool
ra_selection_of_query(struct ra_request *q, struct ra_selection *s)
{
	size_t i;

	s->wanted = NULL;
	s->count = ra_engine_config(q->api->engine)->check_count;
	for (i = 0; i < q->param_count; i++) {
		if (strcmp(q->params[i].name, "select") != 0)
			continue;
		if (!ra_selection_add(q, s, q->params[i].value)) {
			free(RA_TAKE(s->wanted));
			return false;
		}
	}
	return true;
}

bool
ra_selection_of_body(struct ra_request *q, struct ra_selection *s)
{
	json_error_t err;
	const json_t *list, *item;
	json_t *body;
	size_t i;

	if (ra_json_load(ra_buf_text(&q->body), q->body.len, JSON_REJECT_DUPLICATES, &body, &err) ==
	    -ENOMEM) {
		ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
		return false;
	}
	list = json_object_get(body, "select");
	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > RA_API_SELECT_MAX) {
		ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
		    "%s; send {\"select\": [\"ENVIRONMENT\", \"ENVIRONMENT/CHECK\"]}",
		    body == NULL ? err.text : "no list of 1 to 1000 names under \"select\"");
		json_decref(body);
		return false;
	}
	json_array_foreach (list, i, item) {
		if (!json_is_string(item))
			ra_request_error(q, MHD_HTTP_BAD_REQUEST, "bad-request",
			    "\"select\" takes names, which are strings");
		if (!json_is_string(item) || !ra_selection_add(q, s, json_string_value(item))) {
			if (q->response == NULL)
				ra_request_error(
				    q, MHD_HTTP_BAD_REQUEST, "bad-request", "no such name");
			free(RA_TAKE(s->wanted));
			json_decref(body);
			return false;
		}
	}
	json_decref(body);
	return true;
}

bool
ra_selection_has(const struct ra_selection *s, const struct ra_check *c)
{
	return s->wanted == NULL || s->wanted[c->index];
}
