/* SPDX-License-Identifier: Apache-2.0 */
#include "read.h"

#include <string.h>

#include "relaudit/base/clock.h"

const char *
ra_ctl_json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t
ra_ctl_json_time(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	int64_t wall;

	if (!json_is_string(value) ||
	    ra_time_parse(json_string_value(value), json_string_length(value), &wall) < 0)
		return 0;
	return wall;
}

int64_t
ra_ctl_json_int(const json_t *object, const char *key, int64_t missing)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : missing;
}

enum ra_verdict
ra_ctl_json_verdict(const json_t *object, const char *key)
{
	const char *text = ra_ctl_json_text(object, key);
	enum ra_verdict v;

	return text != NULL && ra_verdict_parse(text, &v) == 0 ? v : RA_UNKNOWN;
}

int64_t
ra_ctl_now(const json_t *answer)
{
	int64_t at = ra_ctl_json_time(answer, "at");

	return at != 0 ? at : ra_clock_wall();
}

enum ra_verdict
ra_ctl_counts(const struct ra_ctl_check *check, bool latest)
{
	return latest ? check->verdict : check->state;
}

void
ra_ctl_check_read(const json_t *json, struct ra_ctl_check *ret)
{
	const char *slash;

	memset(ret, 0, sizeof(*ret));
	ret->json = json;
	ret->id = ra_ctl_json_text(json, "check");
	if (ret->id == NULL)
		ret->id = "?";
	slash = strchr(ret->id, '/');
	ret->name = ra_ctl_json_text(json, "name");
	if (ret->name == NULL)
		ret->name = slash != NULL ? slash + 1 : ret->id;
	ret->kind = ra_ctl_json_text(json, "kind");
	if (ret->kind == NULL)
		ret->kind = "?";
	ret->service = ra_ctl_json_text(json, "service");
	ret->source = ra_ctl_json_text(json, "source");
	ret->state = ra_ctl_json_verdict(json, "state");
	ret->verdict = ra_ctl_json_verdict(json, "verdict");
	ret->hard = json_is_true(json_object_get(json, "hard"));
	ret->reason = ra_ctl_json_text(json, "reason");
	ret->summary = ra_ctl_json_text(json, "summary");
	ret->expected = ra_ctl_json_text(json, "expected");
	ret->evidence = ra_ctl_json_text(json, "evidence");
	ret->next_step = ra_ctl_json_text(json, "next_step");
	ret->since = ra_ctl_json_time(json, "since");
	ret->checked = ra_ctl_json_time(json, "checked");
	ret->next = ra_ctl_json_time(json, "next");
	ret->duration = ra_ctl_json_int(json, "duration_ms", -1);
	ret->every = ra_ctl_json_int(json, "every_ms", 0);
	ret->facts = json_object_get(json, "facts");
	ret->instances = json_object_get(json, "instances");
}

static int
compare_checks(const void *a, const void *b, void *arg)
{
	const struct ra_ctl_check *ca = a, *cb = b;
	const bool *latest = arg;
	int ra = ra_verdict_rank(ra_ctl_counts(ca, *latest));
	int rb = ra_verdict_rank(ra_ctl_counts(cb, *latest));

	return ra != rb ? rb - ra : strcmp(ca->name, cb->name);
}

static int
compare_environments(const void *a, const void *b)
{
	const struct ra_ctl_environment *ea = a, *eb = b;
	int ra = ra_verdict_rank(ea->worst), rb = ra_verdict_rank(eb->worst);

	if (ra != rb)
		return rb - ra;
	if (ea->rank != eb->rank)
		return ea->rank > eb->rank ? -1 : 1;
	return strcmp(ea->name, eb->name);
}

static int
read_environment(const json_t *json, bool *latest, struct ra_ctl_environment *ret)
{
	const json_t *checks = json_object_get(json, "checks"), *item;
	size_t i, count = json_array_size(checks);

	ret->json = json;
	ret->name = ra_ctl_json_text(json, "name");
	if (ret->name == NULL)
		ret->name = "?";
	ret->owner = ra_ctl_json_text(json, "owner");
	ret->runbook = ra_ctl_json_text(json, "runbook");
	ret->rank = ra_ctl_json_int(json, "rank", RA_UNSET);
	/* No list of checks is not an empty one. */
	ret->worst = json_is_array(checks) ? RA_OK : RA_UNKNOWN;
	if (count == 0)
		return 0;
	ret->checks = calloc(count, sizeof(*ret->checks));
	if (ret->checks == NULL)
		return -ENOMEM;
	json_array_foreach (checks, i, item) {
		struct ra_ctl_check *c = &ret->checks[ret->check_count++];

		ra_ctl_check_read(item, c);
		ret->worst = ra_verdict_worst(ret->worst, ra_ctl_counts(c, *latest));
	}
	qsort_r(ret->checks, ret->check_count, sizeof(*ret->checks), compare_checks, latest);
	return 0;
}

static int
add_environment(struct ra_ctl_status *s, const json_t *json)
{
	struct ra_ctl_environment *e = &s->environments[s->environment_count++];
	int r = read_environment(json, &s->latest, e);

	s->check_count += e->check_count;
	return r;
}

int
ra_ctl_status_read(const json_t *json, bool latest, struct ra_ctl_status *ret)
{
	const json_t *list = json_object_get(json, "environments"), *item;
	const json_t *one = json_object_get(json, "environment");
	size_t i, k, count = json_is_array(list) ? json_array_size(list) : 1;
	int r = 0;

	*ret = (struct ra_ctl_status){ .at = ra_ctl_now(json), .latest = latest };
	ret->state = ra_ctl_json_verdict(json, "state");
	ret->problem = ra_ctl_json_text(json_object_get(json, "daemon"), "problem");
	ret->environments = calloc(count > 0 ? count : 1, sizeof(*ret->environments));
	if (ret->environments == NULL)
		return -ENOMEM;
	if (json_is_array(list)) {
		json_array_foreach (list, i, item) {
			if (r == 0)
				r = add_environment(ret, item);
		}
	} else {
		r = add_environment(ret, json_is_object(one) ? one : json);
	}
	if (r < 0) {
		ra_ctl_status_free(ret);
		return r;
	}
	qsort(ret->environments, ret->environment_count, sizeof(*ret->environments),
	    compare_environments);
	for (i = 0; i < ret->environment_count; i++)
		for (k = 0; k < ret->environments[i].check_count; k++)
			ret->environments[i].checks[k].environment = &ret->environments[i];
	return 0;
}

void
ra_ctl_status_free(struct ra_ctl_status *s)
{
	size_t i;

	for (i = 0; i < s->environment_count; i++)
		free(s->environments[i].checks);
	free(s->environments);
	memset(s, 0, sizeof(*s));
}

int
ra_ctl_status_exit(const struct ra_ctl_status *s)
{
	enum ra_verdict worst = s->latest ? RA_OK : s->state;
	size_t i;

	for (i = 0; i < s->environment_count; i++)
		worst = ra_verdict_worst(worst, s->environments[i].worst);
	return ra_verdict_exit(worst);
}
