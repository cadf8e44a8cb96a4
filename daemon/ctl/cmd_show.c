/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/model/name.h"

#include "history.h"
#include "read.h"
#include "views.h"

#define CHANGES "5" /* the newest of them that are shown */

static int show_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "verdict", '\0', NULL, "exit by the latest verdict instead of the confirmed state",
	    RA_CTL_NOTHING, NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_show = {
	.name = "show",
	.usage = "ENV[/CHECK]",
	.summary = "everything known: facts, evidence, expectation, next step",
	.details = "Exit code: the worst state's number, as of `status`.\n",
	.options = options,
	.least = 1,
	.most = 1,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON | RA_CTL_CSV,
	.complete = RA_CTL_SELECTORS,
	.run = show_run,
};

/* A check alone comes in the shape of `status`; an environment in its own, which has more. */
static int
ask(struct ra_ctl *ctl, bool whole, struct ra_ctl_answer *answer, struct ra_error *err)
{
	RA_BUF_LOCAL path = RA_BUF(4096);
	struct ra_ctl_request request = { 0 };

	if (whole) {
		const char *selector = ctl->args[0];

		ra_buf_printf(
		    &path, "/v1/environments/%.*s", (int)strcspn(selector, "/"), selector);
	} else {
		ra_buf_puts(&path, "/v1/status");
		ra_ctl_query_selectors(ctl, &path);
	}
	request.path = ra_ctl_path(&path);
	return ra_ctl_ask(ctl, &request, answer, err);
}

/* The last changes, where the history can be had: it is not worth an error. */
static void
add_changes(struct ra_ctl *ctl, const char *selector, struct ra_buf *out)
{
	struct ra_ctl_answer answer = { 0 };
	struct ra_error ignored = { 0 };
	struct ra_ctl_table table;
	const json_t *events, *event;
	size_t i;

	if (ra_ctl_ask_history(ctl, selector, NULL, CHANGES, &answer, &ignored) != 0)
		return;
	events = ra_ctl_events_of(answer.json);
	if (json_array_size(events) > 0) {
		ra_ctl_events_init(&table, &ctl->term, RA_CTL_EVENTS_PART);
		table.indent = 2;
		json_array_foreach (events, i, event)
			ra_ctl_events_row(&table, event);
		ra_buf_putc(out, '\n');
		ra_ctl_styled(&ctl->term, out, RA_CTL_DIM, "last changes");
		ra_buf_putc(out, '\n');
		ra_ctl_table_print(&table, out);
		ra_ctl_table_free(&table);
	}
	ra_ctl_answer_free(&answer);
}

/* The environment may have been named by an alias, the check never. */
static const struct ra_ctl_check *
find_check(const struct ra_ctl_status *s, const char *selector, struct ra_error *err)
{
	const char *name = strchr(selector, '/') + 1;
	struct ra_nearest nearest;
	size_t i, k;

	ra_nearest_init(&nearest, name);
	for (i = 0; i < s->environment_count; i++) {
		for (k = 0; k < s->environments[i].check_count; k++) {
			if (strcmp(s->environments[i].checks[k].name, name) == 0)
				return &s->environments[i].checks[k];
			ra_nearest_try(&nearest, s->environments[i].checks[k].name);
		}
	}
	ra_error_set(err, -ENOENT, "no check '%.130s'%s%.63s%s", selector,
	    nearest.name != NULL ? "; did you mean '" : "",
	    nearest.name != NULL ? nearest.name : "", nearest.name != NULL ? "'?" : "");
	return NULL;
}

static void
render_check(struct ra_ctl *ctl, const struct ra_ctl_status *s, const struct ra_ctl_check *c,
    struct ra_buf *out)
{
	ra_ctl_detail(&ctl->term, c, s->at, c->environment, out);
	add_changes(ctl, c->id, out);
}

static void
render_environment(struct ra_ctl *ctl, const struct ra_ctl_status *s, struct ra_buf *out)
{
	size_t i, k;

	for (i = 0; i < s->environment_count; i++) {
		const struct ra_ctl_environment *e = &s->environments[i];

		ra_ctl_environment_head(&ctl->term, e, out);
		for (k = 0; k < e->check_count; k++) {
			ra_buf_putc(out, '\n');
			ra_ctl_detail(&ctl->term, &e->checks[k], s->at, NULL, out);
		}
		add_changes(ctl, e->name, out);
	}
}

static int
render(struct ra_ctl *ctl, const struct ra_ctl_answer *answer, const struct ra_ctl_status *s,
    struct ra_buf *out, struct ra_error *err)
{
	const char *selector = ctl->args[0];
	const struct ra_ctl_check *c;
	int code = ra_ctl_status_exit(s);

	if (ctl->output == RA_CTL_JSON) {
		ra_buf_add(out, ra_buf_text(&answer->body), answer->body.len);
	} else if (ctl->output == RA_CTL_CSV) {
		ra_ctl_csv_status(out, s);
	} else if (strchr(selector, '/') == NULL) {
		render_environment(ctl, s, out);
	} else if ((c = find_check(s, selector, err)) == NULL) {
		code = RA_CTL_USAGE;
	} else {
		render_check(ctl, s, c, out);
		code = ra_verdict_exit(ra_ctl_counts(c, s->latest));
	}
	return code;
}

static int
show_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	struct ra_ctl_answer answer = { 0 };
	struct ra_ctl_status status;
	bool whole = ctl->output == RA_CTL_TABLE;
	int code = ra_ctl_check_selectors(ctl, true, err);

	if (code == 0)
		code = ask(ctl, whole || strchr(ctl->args[0], '/') == NULL, &answer, err);
	if (code != 0)
		return code;
	if (ra_ctl_status_read(answer.json, ra_ctl_has(ctl, "verdict"), &status) == 0) {
		code = render(ctl, &answer, &status, &out, err);
		ra_ctl_status_free(&status);
	} else {
		ra_error_set(err, -ENOMEM, "out of memory");
		code = RA_UNKNOWN;
	}
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return code;
}
