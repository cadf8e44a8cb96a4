/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "client.h"
#include "read.h"
#include "table.h"
#include "views.h"

#define EXIT_DRIFT    2
#define EXIT_UNREAD   3
#define DIGEST_SHOWN  11 /* "k1:" and 8 digits */
#define COLUMNS_FIXED 3 /* check, key, verdict; then one for each environment */

static int drift_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "check", '\0', "NAME", "only the checks of this name", RA_CTL_NOTHING, NULL },
	{ "all", 'a', NULL, "rows for what is fine or ignored too", RA_CTL_NOTHING, NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_drift = {
	.name = "drift",
	.usage = "ENV ENV...",
	.summary = "where the configuration of environments differs",
	.details = "Compares the checks of kind config that the environments have in common, by\n"
		   "the rules of all of them, as they were last read.\n"
		   "Exits with 0 if there is no drift, 2 if there is, 3 if something could not\n"
		   "be compared and the rest is fine.\n",
	.options = options,
	.least = 2,
	.most = RA_CTL_COLUMNS_MAX - COLUMNS_FIXED,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON,
	.complete = RA_CTL_ENVIRONMENTS,
	.run = drift_run,
};

/* The first of a digest tells two apart; whole ones are in the JSON. */
static void
add_cell(struct ra_arena *arena, const json_t *value, struct ra_ctl_cell *cell)
{
	const char *digest = ra_ctl_json_text(value, "digest");

	if (value == NULL)
		return;
	cell->text = ra_ctl_json_text(value, "value");
	if (json_is_null(value))
		cell->text = "-";
	else if (digest != NULL)
		cell->text = ra_arena_strndup(arena, digest, strnlen(digest, DIGEST_SHOWN));
}

static void
add_row(struct ra_ctl_table *t, const json_t *row, const json_t *environments)
{
	struct ra_ctl_cell cells[RA_CTL_COLUMNS_MAX] = {
		{ ra_ctl_json_text(row, "check"), RA_CTL_PLAIN },
		{ ra_ctl_json_text(row, "key"), RA_CTL_BOLD },
		{ ra_ctl_json_text(row, "verdict"), RA_CTL_PLAIN },
	};
	const json_t *values = json_object_get(row, "values"), *name;
	size_t i;

	json_array_foreach (environments, i, name) {
		if (COLUMNS_FIXED + i < RA_CTL_COLUMNS_MAX)
			add_cell(t->arena, json_object_get(values, json_string_value(name)),
			    &cells[COLUMNS_FIXED + i]);
	}
	ra_ctl_table_row(t, cells);
}

static void
render_rows(struct ra_ctl *ctl, const json_t *answer, struct ra_buf *out)
{
	struct ra_ctl_column columns[RA_CTL_COLUMNS_MAX] = {
		{ .title = "CHECK", .least = 8 },
		{ .title = "KEY", .least = 12 },
		{ .title = "VERDICT" },
	};
	const json_t *environments = json_object_get(answer, "environments"), *item;
	size_t count = COLUMNS_FIXED + json_array_size(environments), i;
	struct ra_ctl_table table;

	if (count > RA_CTL_COLUMNS_MAX)
		count = RA_CTL_COLUMNS_MAX;
	for (i = COLUMNS_FIXED; i < count; i++)
		columns[i] = (struct ra_ctl_column){ .least = 6,
			.title =
			    json_string_value(json_array_get(environments, i - COLUMNS_FIXED)) };
	ra_ctl_table_init(&table, &ctl->term, columns, count);
	json_array_foreach (json_object_get(answer, "rows"), i, item)
		add_row(&table, item, environments);
	if (table.row_count > 0)
		ra_ctl_table_print(&table, out);
	ra_ctl_table_free(&table);
}

static void
render_list(struct ra_ctl *ctl, const json_t *list, const char *what, struct ra_buf *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		ra_buf_puts(out, what);
		ra_ctl_text(&ctl->term, out, json_string_value(item));
		ra_buf_putc(out, '\n');
	}
}

static void
render_table(struct ra_ctl *ctl, const json_t *answer, struct ra_buf *out)
{
	int64_t ignored = ra_ctl_json_int(answer, "ignored", 0);

	if (!json_is_true(json_object_get(answer, "drift")) && ignored == 0 &&
	    ra_ctl_json_int(answer, "same", 0) == 0 &&
	    ra_ctl_json_int(answer, "unverifiable", 0) == 0) {
		render_list(ctl, json_object_get(answer, "unread"), "not read: ", out);
		ra_buf_puts(out, "nothing was compared\n");
		return;
	}
	render_rows(ctl, answer, out);
	render_list(ctl, json_object_get(answer, "unread"), "not read: ", out);
	render_list(ctl, json_object_get(answer, "unused_rules"), "meets no key: ", out);
	ra_buf_printf(out, "%s, %" PRId64 " keys are as they ought to be",
	    json_is_true(json_object_get(answer, "drift")) ? "drift" : "no drift",
	    ra_ctl_json_int(answer, "same", 0));
	if (ignored > 0)
		ra_buf_printf(out, ", %" PRId64 " are ignored", ignored);
	ra_buf_putc(out, '\n');
}

/* What was not compared is not fine. */
static int
exit_of(const json_t *answer)
{
	if (!json_is_false(json_object_get(answer, "drift")))
		return EXIT_DRIFT;
	return json_array_size(json_object_get(answer, "unread")) > 0 ||
		       json_object_size(json_object_get(answer, "checked")) == 0
		   ? EXIT_UNREAD
		   : RA_CTL_DONE;
}

static int
drift_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL path = RA_BUF(16384);
	RA_BUF_LOCAL names = RA_BUF(8192);
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	struct ra_ctl_request request = { 0 };
	struct ra_ctl_answer answer = { 0 };
	int code = ra_ctl_check_selectors(ctl, false, err);

	for (size_t i = 0; i < ctl->arg_count; i++)
		ra_buf_printf(&names, "%s%s", i > 0 ? "," : "", ctl->args[i]);
	ra_buf_puts(&path, "/v1/drift");
	ra_ctl_query(&path, "environments", ra_buf_text(&names));
	if (ra_ctl_value(ctl, "check") != NULL)
		ra_ctl_query(&path, "check", ra_ctl_value(ctl, "check"));
	if (ra_ctl_has(ctl, "all"))
		ra_ctl_query(&path, "all", "true");
	request.path = ra_buf_text(&path);
	if (code == 0)
		code = ra_ctl_ask(ctl, &request, &answer, err);
	if (code != 0)
		return code;
	code = exit_of(answer.json);
	if (ctl->output == RA_CTL_JSON)
		ra_buf_add(&out, ra_buf_text(&answer.body), answer.body.len);
	else
		render_table(ctl, answer.json, &out);
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return code;
}
