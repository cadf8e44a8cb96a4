/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "client.h"
#include "read.h"
#include "table.h"
#include "views.h"

#define COMMIT_SHOWN 10 /* digits */
#define DATE_WIDTH   96 /* a narrower terminal has no room for the date beside the rest */

static int version_run(struct ra_ctl *ctl, struct ra_error *err);

const struct ra_ctl_command ra_ctl_cmd_version = {
	.name = "version",
	.usage = "[ENV]",
	.summary = "which version of each service runs where",
	.details = "(`relauditctl --version` is that of relauditctl itself.)\n",
	.most = 1,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON | RA_CTL_CSV,
	.complete = RA_CTL_ENVIRONMENTS,
	.run = version_run,
};

/* Columns that may be absent are shown only where there is something in them. */
enum column {
	ENVIRONMENT,
	SERVICE,
	VERSION,
	TAG,
	COMMIT,
	DATE,
	BEHIND,
	CHECKED,
	STATE,
	COLUMN_COUNT,
};

static const struct {
	const char *title;
	const char *key;
	bool optional;
	unsigned least;
} columns[COLUMN_COUNT] = {
	[ENVIRONMENT] = { "ENVIRONMENT", NULL, false, 16 },
	[SERVICE] = { "SERVICE", "service", true, 10 },
	[VERSION] = { "VERSION", "version", false, 10 },
	[TAG] = { "TAG", "tag", true, 10 },
	[COMMIT] = { "COMMIT", "commit", true, 7 },
	[DATE] = { "DATE", "tag_date", true, 0 },
	[BEHIND] = { "BEHIND", "behind_releases", true, 0 },
	[CHECKED] = { "CHECKED", "checked", false, 0 },
	[STATE] = { "STATE", "state", false, 0 },
};

static bool
is_known(const json_t *environments, const char *key)
{
	const json_t *environment, *service;
	size_t i, k;

	json_array_foreach (environments, i, environment) {
		json_array_foreach (json_object_get(environment, "services"), k, service) {
			const json_t *value = json_object_get(service, key);

			if (value != NULL && !json_is_null(value))
				return true;
		}
	}
	return false;
}

static void
add_value(struct ra_buf *out, const json_t *service, enum column column, int64_t now, bool csv)
{
	const json_t *value = json_object_get(service, columns[column].key);
	int64_t wall = ra_ctl_json_time(service, columns[column].key);

	if (value == NULL || json_is_null(value))
		ra_buf_puts(out, csv ? "" : "-");
	else if (!csv && column == CHECKED && wall != 0)
		ra_ctl_relative(out, wall, now);
	else if (!csv && column == DATE && wall != 0)
		ra_ctl_date(out, wall);
	else if (!csv && column == COMMIT)
		ra_buf_printf(out, "%.*s", COMMIT_SHOWN, json_string_value(value));
	else
		ra_ctl_scalar(out, value);
}

static void
add_service(
    struct ra_ctl_table *t, const char *name, const json_t *service, const bool *shown, int64_t now)
{
	struct ra_ctl_cell row[COLUMN_COUNT] = { { name, RA_CTL_BOLD } };
	struct ra_buf texts[COLUMN_COUNT] = { 0 };
	size_t c, n = 1;

	for (c = 1; c < COLUMN_COUNT; c++) {
		if (!shown[c])
			continue;
		add_value(&texts[c], service, (enum column)c, now, false);
		row[n++].text = ra_buf_text(&texts[c]);
	}
	row[n - 1].style = ra_ctl_style_of(ra_ctl_json_verdict(service, "state"));
	ra_ctl_table_row(t, row);
	for (c = 0; c < COLUMN_COUNT; c++)
		ra_buf_free(&texts[c]);
}

static void
render_table(struct ra_ctl *ctl, const json_t *environments, int64_t now, struct ra_buf *out)
{
	struct ra_ctl_column chosen[COLUMN_COUNT];
	const json_t *environment, *service;
	bool shown[COLUMN_COUNT];
	struct ra_ctl_table table;
	size_t i, k, n = 0;

	for (i = 0; i < COLUMN_COUNT; i++) {
		shown[i] = !columns[i].optional || is_known(environments, columns[i].key);
		if (i == DATE && ctl->term.width != 0 && ctl->term.width < DATE_WIDTH)
			shown[i] = false;
		if (shown[i])
			chosen[n++] = (struct ra_ctl_column){ .title = columns[i].title,
				.least = columns[i].least };
	}
	ra_ctl_table_init(&table, &ctl->term, chosen, n);
	json_array_foreach (environments, i, environment) {
		const char *name = ra_ctl_json_text(environment, "name");

		json_array_foreach (json_object_get(environment, "services"), k, service)
			add_service(&table, name, service, shown, now);
	}
	if (table.row_count > 0)
		ra_ctl_table_print(&table, out);
	else
		ra_buf_puts(out, "no checks of kind version\n");
	ra_ctl_table_free(&table);
}

static void
render_csv(const json_t *environments, struct ra_buf *out)
{
	const json_t *environment, *service;
	size_t i, k, c;

	ra_buf_puts(out, "environment,service,version,tag,commit,tag_date,behind_releases,checked,"
			 "state\n");
	json_array_foreach (environments, i, environment) {
		json_array_foreach (json_object_get(environment, "services"), k, service) {
			const char *cells[COLUMN_COUNT] = { ra_ctl_json_text(environment, "name") };
			struct ra_buf texts[COLUMN_COUNT] = { 0 };

			for (c = 1; c < COLUMN_COUNT; c++) {
				add_value(&texts[c], service, (enum column)c, 0, true);
				cells[c] = ra_buf_text(&texts[c]);
			}
			ra_ctl_csv_row(out, cells, COLUMN_COUNT);
			for (c = 0; c < COLUMN_COUNT; c++)
				ra_buf_free(&texts[c]);
		}
	}
}

static int
version_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL path = RA_BUF(4096);
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	struct ra_ctl_request request = { 0 };
	struct ra_ctl_answer answer = { 0 };
	int code = ra_ctl_check_selectors(ctl, false, err);
	const json_t *environments;

	ra_buf_puts(&path, "/v1/versions");
	if (code == 0 && ctl->arg_count > 0)
		ra_ctl_query(&path, "environment", ctl->args[0]);
	request.path = ra_buf_text(&path);
	if (code == 0)
		code = ra_ctl_ask(ctl, &request, &answer, err);
	if (code != 0)
		return code;
	environments = json_object_get(answer.json, "environments");
	if (ctl->output == RA_CTL_JSON)
		ra_buf_add(&out, ra_buf_text(&answer.body), answer.body.len);
	else if (ctl->output == RA_CTL_CSV)
		render_csv(environments, &out);
	else
		render_table(ctl, environments, ra_ctl_now(answer.json), &out);
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return RA_CTL_DONE;
}
