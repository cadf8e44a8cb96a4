/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>

#include "relaudit/base/jsonr.h"

#include "history.h"
#include "read.h"

#define AGAIN_MS  2000
#define NO_READER (-1) /* on_line's word for: nobody reads what we print */

static int events_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "follow", 'f', NULL, "connect again when relauditd goes away, until interrupted",
	    RA_CTL_NOTHING, NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_events = {
	.name = "events",
	.usage = "[ENV|ENV/CHECK]...",
	.summary = "changes as they happen, until interrupted",
	.details = "Without --follow it ends when relauditd does, with 69. With --output json the\n"
		   "lines are the daemon's own, heartbeats included.\n",
	.options = options,
	.most = RA_CTL_MANY,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON,
	.complete = RA_CTL_SELECTORS,
	.run = events_run,
};

/* A table of one line at a time: columns of a width that most lines keep, nothing cut. */
static void
print_event(struct ra_ctl *ctl, const json_t *event, struct ra_buf *out)
{
	struct ra_ctl_term unlimited = ctl->term;
	struct ra_ctl_table table;

	unlimited.width = 0;
	ra_ctl_events_init(&table, &unlimited, RA_CTL_EVENTS_STREAM);
	ra_ctl_events_row(&table, event);
	ra_ctl_table_print(&table, out);
	ra_ctl_table_free(&table);
}

static int
on_line(void *arg, const char *line, size_t len)
{
	struct ra_ctl *ctl = arg;
	RA_BUF_LOCAL out = RA_BUF(0);
	const char *what;
	json_error_t why;
	json_t *event;

	if (ctl->output == RA_CTL_JSON) {
		ra_buf_add(&out, line, len);
		ra_buf_putc(&out, '\n');
		return ra_ctl_print(ctl, &out) < 0 ? NO_READER : 0;
	}
	if (ra_json_load(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &event, &why) ==
	    -ENOMEM)
		ra_ctl_complain(ctl, "out of memory for an event");
	what = ra_ctl_json_text(event, "event");
	if (what != NULL && strcmp(what, "heartbeat") != 0)
		print_event(ctl, event, &out);
	json_decref(event);
	return ra_ctl_print(ctl, &out) < 0 ? NO_READER : 0;
}

static int
events_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL path = RA_BUF(1 << 20);
	bool follow = ra_ctl_has(ctl, "follow");
	int code = ra_ctl_check_selectors(ctl, true, err);

	ra_buf_puts(&path, "/v1/events");
	ra_ctl_query_selectors(ctl, &path);
	while (code == 0) {
		struct ra_error problem = { 0 };

		code = ra_ctl_stream(ctl, ra_ctl_path(&path), on_line, ctl, &problem);
		if (code == NO_READER)
			return RA_CTL_DONE;
		if (code == 0) {
			ra_error_set(&problem, -EPIPE, "relauditd ended the stream");
			code = RA_CTL_UNAVAILABLE;
		}
		if (!follow || code != RA_CTL_UNAVAILABLE) {
			*err = problem;
			break;
		}
		ra_ctl_complain(ctl, problem.text);
		(void)fflush(ctl->err);
		code = 0;
		(void)poll(NULL, 0, AGAIN_MS);
	}
	return code;
}
