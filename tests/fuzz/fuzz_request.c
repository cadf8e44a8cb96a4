/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of the API says: a line "METHOD PATH?QUERY", then the body. It is routed, its
 * parameters, names and times are read. Whatever is refused is refused with a status and an error
 * in JSON; a selection holds what it counts.
 */
#include <jansson.h>
#include <strings.h>

#include "fuzz.h"

#include "../../daemon/api/internal.h"
#include "../../daemon/engine/internal.h"

static unsigned answers;

struct MHD_Response *__real_MHD_create_response_from_buffer(
    size_t size, void *buffer, enum MHD_ResponseMemoryMode mode);
struct MHD_Response *__wrap_MHD_create_response_from_buffer(
    size_t size, void *buffer, enum MHD_ResponseMemoryMode mode);

/* Every answer passes here on its way to libmicrohttpd. */
struct MHD_Response *
__wrap_MHD_create_response_from_buffer(size_t size, void *buffer, enum MHD_ResponseMemoryMode mode)
{
	json_t *root = json_loadb(buffer, size, JSON_REJECT_DUPLICATES, NULL);
	const char *schema = json_string_value(json_object_get(root, "schema"));
	const json_t *error = json_object_get(root, "error");

	FUZZ_CHECK(schema != NULL && strcmp(schema, RA_API_SCHEMA) == 0);
	FUZZ_CHECK(json_is_string(json_object_get(error, "code")));
	FUZZ_CHECK(json_string_length(json_object_get(error, "message")) > 0);
	json_decref(root);
	answers++;
	return __real_MHD_create_response_from_buffer(size, buffer, mode);
}

/* --- two environments of a check or two --- */

static struct ra_environment environments[] = {
	{ .name = "staging", .index = 0 },
	{ .name = "production", .index = 1 },
};
static const struct ra_check checks[] = {
	{ .id = "staging/version", .name = "version", .environment = &environments[0], .index = 0 },
	{ .id = "production/backup-db",
	    .name = "backup-db",
	    .environment = &environments[1],
	    .index = 1 },
	{ .id = "production/version",
	    .name = "version",
	    .environment = &environments[1],
	    .index = 2 },
};
static const struct ra_check *const check_list[] = { &checks[0], &checks[1], &checks[2] };
static const struct ra_environment *const environment_list[] = { &environments[0],
	&environments[1] };
static struct ra_config config = { .refs = 1,
	.checks = check_list,
	.check_count = 3,
	.environments = environment_list,
	.environment_count = 2 };

static void
make_config(void)
{
	if (config.checks_by_id.count > 0)
		return;
	environments[0].checks = check_list;
	environments[0].check_count = 1;
	environments[1].checks = check_list + 1;
	environments[1].check_count = 2;
	for (size_t i = 0; i < 3; i++)
		ra_map_put(&config.checks_by_id, checks[i].id, (void *)(uintptr_t)&checks[i], NULL);
	for (size_t i = 0; i < 2; i++)
		ra_map_put(
		    &config.environments_by_name, environments[i].name, &environments[i], NULL);
	ra_map_put(&config.environments_by_name, "prod", &environments[1], NULL);
}

/* --- a request as libmicrohttpd hands it over --- */

static void
add_params(struct ra_request *q, char *query)
{
	static struct ra_param params[RA_API_PARAMS_MAX];
	char *next;

	q->params = params;
	for (char *p = query; p != NULL && q->param_count < RA_API_PARAMS_MAX; p = next) {
		struct ra_param *param = &q->params[q->param_count++];
		char *value;

		next = strchr(p, '&');
		if (next != NULL)
			*next++ = '\0';
		value = strchr(p, '=');
		if (value != NULL)
			*value++ = '\0';
		param->name = p;
		param->value = value != NULL ? value : p + strlen(p);
	}
}

static void
check_selection(bool ok, struct ra_selection *s)
{
	size_t count = 0;

	FUZZ_CHECK(ok == (answers == 0));
	for (size_t i = 0; ok && i < 3; i++)
		count += ra_selection_has(s, &checks[i]);
	FUZZ_CHECK(!ok || count == s->count);
	FUZZ_CHECK(ok || s->wanted == NULL);
	free(s->wanted);
}

static void
handle(struct ra_request *q)
{
	struct ra_selection s = { 0 };

	q->route = ra_route_find(q);
	FUZZ_CHECK((q->route == NULL) == (answers == 1));
	if (q->route == NULL)
		return;
	if (q->route->run == ra_route_run) {
		check_selection(ra_selection_of_body(q, &s), &s);
	} else if (q->route->run == ra_route_history) {
		ra_route_history(q);
		FUZZ_CHECK(answers == 1);
	} else if (q->rest != NULL) {
		FUZZ_CHECK((ra_api_environment(q, q->rest) != NULL) == (answers == 0));
	} else {
		check_selection(ra_selection_of_query(q, &s), &s);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *line = fuzz_line(&in);
	struct ra_engine engine = { .config = &config };
	struct ra_api api = { .engine = &engine };
	struct ra_request q = { .api = &api, .body = RA_BUF(RA_API_BODY_MAX) };
	char *path = strchr(line, ' '), *query;

	if (path == NULL)
		return 0;
	make_config();
	*path++ = '\0';
	query = strchr(path, '?');
	if (query != NULL)
		*query++ = '\0';
	q.method = line;
	q.path = path;
	add_params(&q, query);
	answers = 0;
	if (in.left == 0 || ra_buf_add(&q.body, in.at, in.left) == 0)
		handle(&q);
	FUZZ_CHECK(answers == 0 ? q.response == NULL : q.response != NULL && q.status >= 400);
	if (q.response != NULL)
		MHD_destroy_response(q.response);
	ra_buf_free(&q.body);
	return 0;
}
