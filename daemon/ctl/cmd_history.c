/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/base/units.h"

#include "history.h"
#include "views.h"

#define DEFAULT_SINCE "7d"
#define SUMMARY	      11 /* of the columns of csv */

static int history_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "since", '\0', "DURATION", "how far back; also a time or a date (" DEFAULT_SINCE ")",
	    RA_CTL_NOTHING, NULL },
	{ "limit", 'n', "N", "at most the newest N (1000)", RA_CTL_NOTHING, NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_history = {
	.name = "history",
	.usage = "[ENV|ENV/CHECK]",
	.summary = "what changed, oldest first",
	.details =
	    "Of a configuration that changed the keys are named, new ones with +, those that are\n"
	    "gone with -; --output json has what they were and are.\n",
	.options = options,
	.most = 1,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON | RA_CTL_CSV,
	.complete = RA_CTL_SELECTORS,
	.run = history_run,
};

static int
check_options(const struct ra_ctl *ctl, struct ra_error *err)
{
	const char *limit = ra_ctl_value(ctl, "limit");
	int code = ra_ctl_check_time(ctl, "since", err);
	int64_t value;

	if (code != 0)
		return code;
	if (limit != NULL && (ra_int_parse(limit, strlen(limit), &value) < 0 || value < 1)) {
		ra_error_set(err, -EINVAL, "--limit is a number from 1, not '%.60s'", limit);
		return RA_CTL_USAGE;
	}
	return 0;
}

static void
render_table(const struct ra_ctl *ctl, const json_t *events, struct ra_buf *out)
{
	struct ra_ctl_table table;
	const json_t *event;
	size_t i;

	if (json_array_size(events) == 0) {
		const char *since = ra_ctl_value(ctl, "since");

		ra_buf_puts(out, "nothing changed since ");
		ra_ctl_text(&ctl->term, out, since != NULL ? since : DEFAULT_SINCE);
		ra_buf_puts(out, "\n");
		return;
	}
	ra_ctl_events_init(&table, &ctl->term, RA_CTL_EVENTS_LIST);
	json_array_foreach (events, i, event)
		ra_ctl_events_row(&table, event);
	ra_ctl_table_print(&table, out);
	ra_ctl_table_free(&table);
}

static void
render_csv(const json_t *events, struct ra_buf *out)
{
	static const char *const keys[] = { "at", "event", "check", "environment", "kind", "was",
		"now", "reason", "since", "id", "lasted_s", "summary" };
	const json_t *event;
	size_t i, k;

	ra_buf_puts(
	    out, "at,event,check,environment,kind,was,now,reason,since,id,lasted_s,summary\n");
	json_array_foreach (events, i, event) {
		const char *what = ra_ctl_json_text(event, "event");
		const char *cells[RA_ARRAY_SIZE(keys)];
		struct ra_buf texts[RA_ARRAY_SIZE(keys)] = { 0 };

		for (k = 0; k < RA_ARRAY_SIZE(keys); k++) {
			const json_t *value = json_object_get(event, keys[k]);

			if (value != NULL && !json_is_null(value))
				ra_ctl_scalar(&texts[k], value);
			else if (k == SUMMARY && what != NULL &&
				 strcmp(what, "config-changed") == 0)
				ra_ctl_event_keys(event, &texts[k]);
			cells[k] = ra_buf_text(&texts[k]);
		}
		ra_ctl_csv_row(out, cells, RA_ARRAY_SIZE(keys));
		for (k = 0; k < RA_ARRAY_SIZE(keys); k++)
			ra_ctl_part_free(&texts[k]);
	}
}

static int
history_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	struct ra_ctl_answer answer = { 0 };
	const char *since = ra_ctl_value(ctl, "since");
	int code = ra_ctl_check_selectors(ctl, true, err);

	if (code == 0)
		code = check_options(ctl, err);
	if (code == 0)
		code = ra_ctl_ask_history(ctl, ctl->arg_count > 0 ? ctl->args[0] : NULL,
		    since != NULL ? since : DEFAULT_SINCE, ra_ctl_value(ctl, "limit"), &answer,
		    err);
	if (code != 0)
		return code;
	if (ctl->output == RA_CTL_JSON)
		ra_buf_add(&out, ra_buf_text(&answer.body), answer.body.len);
	else if (ctl->output == RA_CTL_CSV)
		render_csv(ra_ctl_events_of(answer.json), &out);
	else
		render_table(ctl, ra_ctl_events_of(answer.json), &out);
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return RA_CTL_DONE;
}
