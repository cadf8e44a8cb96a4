/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/api/view.h"

static void
write_instances(struct ra_jsonw *w, const struct ra_view *v)
{
	size_t i;

	ra_jsonw_array(w, "instances");
	for (i = 0; i < v->instance_count; i++) {
		const struct ra_instance_result *in = &v->instances[i];

		ra_jsonw_object(w, NULL);
		ra_jsonw_text(w, "name", in->name);
		ra_jsonw_text(w, "verdict", ra_verdict_name(in->verdict));
		ra_jsonw_text(w, "reason", ra_reason_code(in->reason));
		ra_jsonw_text(w, "summary", in->summary);
		ra_facts_write(&in->facts, w, "facts");
		ra_jsonw_object_end(w);
	}
	ra_jsonw_array_end(w);
}

void
ra_api_write_check(struct ra_jsonw *w, const char *key, const struct ra_view *v)
{
	static const struct ra_facts none;

	ra_jsonw_object(w, key);
	ra_jsonw_text(w, "check", v->check->id);
	ra_jsonw_text(w, "name", v->check->name);
	ra_jsonw_text(w, "kind", v->kind);
	ra_jsonw_text(w, "service", v->check->service);
	ra_jsonw_text(w, "source", v->source);
	ra_jsonw_text(w, "state", ra_verdict_name(v->state));
	ra_jsonw_bool(w, "hard", v->hard);
	ra_jsonw_text(w, "verdict", ra_verdict_name(v->verdict));
	ra_jsonw_text(w, "reason", ra_reason_code(v->reason));
	ra_jsonw_text(w, "summary", v->summary);
	ra_jsonw_text(w, "expected", v->expected);
	ra_jsonw_text(w, "evidence", v->evidence);
	ra_jsonw_text(w, "next_step", v->next_step);
	ra_jsonw_time(w, "since", v->since);
	ra_jsonw_time(w, "checked", v->checked);
	ra_jsonw_time(w, "next", v->next);
	if (v->duration_ms >= 0)
		ra_jsonw_int(w, "duration_ms", v->duration_ms);
	else
		ra_jsonw_null(w, "duration_ms");
	ra_facts_write(v->facts != NULL ? v->facts : &none, w, "facts");
	if (v->check->many)
		write_instances(w, v);
	ra_jsonw_int(w, "every_ms", v->check->every);
	ra_jsonw_object_end(w);
}
