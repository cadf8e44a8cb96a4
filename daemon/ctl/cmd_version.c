/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "relaudit/base/clock.h"

#include "history.h"
#include "read.h"
#include "table.h"
#include "views.h"

#define COMMIT_SHOWN 10 /* digits */

static int version_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "at", '\0', "TIME", "what ran then: a duration ago, an RFC 3339 time or a date (UTC)",
	    RA_CTL_NOTHING, NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_version = {
	.name = "version",
	.usage = "[ENV]",
	.summary = "which version of each service runs where",
	.details = "NEXT is the next environment by rank that has the service. With --at, SINCE "
		   "is when what\n"
		   "is shown was first seen, and PENDING was not known yet.\n"
		   "(`relauditctl --version` is that of relauditctl itself.)\n",
	.options = options,
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
	NEXT,
	CHECKED,
	STATE,
	COLUMN_COUNT,
};

/* `room`: the width a terminal must have for it beside the rest, and if NEXT is one of that. */
static const struct {
	const char *title;
	const char *key;
	bool optional;
	unsigned least, room, room_with_next;
} columns[COLUMN_COUNT] = {
	[ENVIRONMENT] = { "ENVIRONMENT", NULL, false, 16, 0, 0 },
	[SERVICE] = { "SERVICE", "service", true, 10, 0, 0 },
	[VERSION] = { "VERSION", "version", false, 10, 0, 0 },
	[TAG] = { "TAG", "tag", true, 10, 0, 92 },
	[COMMIT] = { "COMMIT", "commit", true, 7, 0, 0 },
	[DATE] = { "DATE", "tag_date", true, 0, 96, 124 },
	[BEHIND] = { "BEHIND", "behind_releases", true, 0, 0, 100 },
	[NEXT] = { "NEXT", "next", true, 18, 0, 0 },
	[CHECKED] = { "CHECKED", "checked", false, 0, 0, 112 },
	[STATE] = { "STATE", "state", false, 0, 0, 0 },
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

/* "2 ahead of production"; of the same version it may be "other commit than production" */
static void
add_next(struct ra_buf *out, const json_t *next)
{
	const char *order = ra_ctl_json_text(next, "order");
	int64_t ahead = ra_ctl_json_int(next, "ahead_releases", 0);

	if (ahead != 0)
		ra_buf_printf(out, "%" PRId64 " ", ahead < 0 ? -ahead : ahead);
	if (json_is_true(json_object_get(next, "other_commit")))
		ra_buf_puts(out, "other commit than ");
	else if (order == NULL)
		ra_buf_puts(out, "? ");
	else if (strcmp(order, "behind") == 0)
		ra_buf_puts(out, "behind ");
	else
		ra_buf_puts(out, strcmp(order, "ahead") == 0 ? "ahead of " : "same as ");
	ra_ctl_scalar(out, json_object_get(next, "environment"));
}

static void
add_value(struct ra_buf *out, const json_t *service, enum column column, int64_t now)
{
	const json_t *value = json_object_get(service, columns[column].key);
	int64_t wall = ra_ctl_json_time(service, columns[column].key);

	if (value == NULL || json_is_null(value))
		ra_buf_puts(out, "-");
	else if (column == CHECKED && wall != 0)
		ra_ctl_relative(out, wall, now);
	else if (column == DATE && wall != 0)
		ra_ctl_date(out, wall);
	else if (column == NEXT)
		add_next(out, value);
	else if (column == COMMIT && json_is_string(value))
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
		add_value(&texts[c], service, (enum column)c, now);
		row[n++].text = ra_buf_text(&texts[c]);
	}
	row[n - 1].style = ra_ctl_style_of(ra_ctl_json_verdict(service, "state"));
	ra_ctl_table_row(t, row);
	for (c = 0; c < COLUMN_COUNT; c++)
		ra_ctl_part_free(&texts[c]);
}

static void
choose(const struct ra_ctl *ctl, const json_t *environments, bool shown[COLUMN_COUNT])
{
	bool next = is_known(environments, "next");

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		unsigned room = next ? columns[i].room_with_next : columns[i].room;

		shown[i] = (!columns[i].optional || is_known(environments, columns[i].key)) &&
			   (ctl->term.width == 0 || ctl->term.width >= room);
	}
}

/* Of a time at which the daemon did not run. */
static void
add_remark(const json_t *answer, struct ra_buf *out)
{
	const json_t *gap = json_object_get(answer, "not_looked");
	int64_t since = ra_ctl_json_time(gap, "since"), until = ra_ctl_json_time(gap, "until");

	if (since == 0 || until == 0)
		return;
	ra_buf_puts(out, "nobody looked from ");
	ra_ctl_time(out, since);
	ra_buf_puts(out, " to ");
	ra_ctl_time(out, until);
	ra_buf_puts(out, ": relauditd did not run; shown is what it saw last\n");
}

static void
render_table(struct ra_ctl *ctl, const json_t *answer, struct ra_buf *out)
{
	const json_t *environments = json_object_get(answer, "environments");
	int64_t now = ra_ctl_now(answer);
	struct ra_ctl_column chosen[COLUMN_COUNT];
	const json_t *environment, *service;
	bool shown[COLUMN_COUNT];
	struct ra_ctl_table table;
	bool then = ra_ctl_value(ctl, "at") != NULL;
	size_t i, k, n = 0;

	choose(ctl, environments, shown);
	for (i = 0; i < COLUMN_COUNT; i++) {
		if (shown[i])
			chosen[n++] = (struct ra_ctl_column){
				.title = i == CHECKED && then ? "SINCE" : columns[i].title,
				.least = columns[i].least
			};
	}
	ra_ctl_table_init(&table, &ctl->term, chosen, n);
	json_array_foreach (environments, i, environment) {
		const char *name = ra_ctl_json_text(environment, "name");

		json_array_foreach (json_object_get(environment, "services"), k, service)
			add_service(&table, name, service, shown, now);
	}
	if (table.row_count > 0 || table.error < 0)
		ra_ctl_table_print(&table, out);
	else
		ra_buf_puts(out, "no checks of kind version\n");
	ra_ctl_table_free(&table);
	add_remark(answer, out);
}

static void
add_csv_row(struct ra_buf *out, const char *name, const json_t *service)
{
	static const char *const keys[] = { "service", "version", "tag", "commit", "tag_date",
		"behind_releases", "checked", "state" };
	static const char *const of_next[] = { "environment", "order", "ahead_releases" };
	const char *cells[1 + RA_ARRAY_SIZE(keys) + RA_ARRAY_SIZE(of_next)] = { name };
	struct ra_buf texts[RA_ARRAY_SIZE(cells)] = { 0 };

	for (size_t c = 1; c < RA_ARRAY_SIZE(cells); c++) {
		const json_t *value = c <= RA_ARRAY_SIZE(keys)
					  ? json_object_get(service, keys[c - 1])
					  : json_object_get(json_object_get(service, "next"),
						of_next[c - 1 - RA_ARRAY_SIZE(keys)]);

		if (value != NULL && !json_is_null(value))
			ra_ctl_scalar(&texts[c], value);
		cells[c] = ra_buf_text(&texts[c]);
	}
	ra_ctl_csv_row(out, cells, RA_ARRAY_SIZE(cells));
	for (size_t c = 0; c < RA_ARRAY_SIZE(cells); c++)
		ra_ctl_part_free(&texts[c]);
}

static void
render_csv(const json_t *environments, struct ra_buf *out)
{
	const json_t *environment, *service;
	size_t i, k;

	ra_buf_puts(out, "environment,service,version,tag,commit,tag_date,behind_releases,checked,"
			 "state,next,next_order,next_ahead_releases\n");
	json_array_foreach (environments, i, environment) {
		const char *name = ra_ctl_json_text(environment, "name");

		json_array_foreach (json_object_get(environment, "services"), k, service)
			add_csv_row(out, name, service);
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
	if (code == 0)
		code = ra_ctl_check_time(ctl, "at", err);
	if (code == 0 && ra_ctl_has(ctl, "at"))
		ra_ctl_query_time(&path, "at", ra_ctl_value(ctl, "at"));
	request.path = ra_ctl_path(&path);
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
		render_table(ctl, answer.json, &out);
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return RA_CTL_DONE;
}
