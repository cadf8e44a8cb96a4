/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/units.h"

#include "client.h"
#include "read.h"
#include "views.h"
#include "watch.h"

static int status_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "wait", '\0', NULL, "until no check is PENDING, at most --timeout", RA_CTL_NOTHING,
	    NULL },
	{ "watch", 'w', NULL, "show again as things change, until interrupted", RA_CTL_NOTHING,
	    NULL },
	{ "verdict", '\0', NULL, "the latest verdict instead of the confirmed state",
	    RA_CTL_NOTHING, NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_status = {
	.name = "status",
	.usage = "[ENV|ENV/CHECK]...",
	.summary = "environments and kinds, worst first; what is not OK",
	.details =
	    "One row an environment, one column a kind of check, and below a line for each\n"
	    "check that is not OK. A state with ~ is not confirmed yet. Exit code: the worst\n"
	    "state's number, 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN or PENDING.\n",
	.options = options,
	.most = RA_CTL_MANY,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON | RA_CTL_CSV | RA_CTL_NAGIOS,
	.complete = RA_CTL_SELECTORS,
	.run = status_run,
};

static int
ask(struct ra_ctl *ctl, struct ra_ctl_answer *answer, struct ra_error *err)
{
	RA_BUF_LOCAL path = RA_BUF(1 << 20);
	struct ra_ctl_request request = { 0 };
	char wait[RA_UNIT_TEXT];

	ra_buf_puts(&path, "/v1/status");
	ra_ctl_query_selectors(ctl, &path);
	if (ra_ctl_has(ctl, "wait")) {
		request.wait = ctl->timeout;
		ra_ctl_query(&path, "wait", ra_duration_format(ctl->timeout, wait));
	}
	request.path = ra_ctl_path(&path);
	return ra_ctl_ask(ctl, &request, answer, err);
}

static void
render(const struct ra_ctl *ctl, const struct ra_ctl_answer *answer,
    const struct ra_ctl_status *status, struct ra_buf *out)
{
	switch (ctl->output) {
	case RA_CTL_JSON:
		ra_buf_add(out, ra_buf_text(&answer->body), answer->body.len);
		break;
	case RA_CTL_CSV:
		ra_ctl_csv_status(out, status);
		break;
	case RA_CTL_NAGIOS:
		ra_ctl_nagios(&ctl->term, status, out);
		break;
	case RA_CTL_TABLE:
	case RA_CTL_MARKDOWN: /* not among those of the table above */
	case RA_CTL_DIFF:
		ra_ctl_matrix(&ctl->term, status, out);
		break;
	}
}

int
ra_ctl_status_once(struct ra_ctl *ctl, struct ra_buf *out, struct ra_error *err)
{
	struct ra_ctl_answer answer = { 0 };
	struct ra_ctl_status status;
	int code = ask(ctl, &answer, err);

	if (code != 0)
		return code;
	code = RA_UNKNOWN;
	if (ra_ctl_status_read(answer.json, ra_ctl_has(ctl, "verdict"), &status) == 0) {
		render(ctl, &answer, &status, out);
		code = ra_ctl_status_exit(&status);
		ra_ctl_status_free(&status);
	} else {
		ra_error_set(err, -ENOMEM, "out of memory");
	}
	ra_ctl_answer_free(&answer);
	return code;
}

static int
status_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	int code = ra_ctl_check_selectors(ctl, true, err);

	if (code != 0)
		return code;
	if (ra_ctl_has(ctl, "watch")) {
		if (ctl->output != RA_CTL_TABLE || ra_ctl_has(ctl, "wait")) {
			ra_error_set(err, -EINVAL,
			    "--watch goes with --output table only, and not with --wait");
			return RA_CTL_USAGE;
		}
		return ra_ctl_watch(ctl, ra_ctl_status_once, err);
	}
	code = ra_ctl_status_once(ctl, &out, err);
	(void)ra_ctl_print(ctl, &out);
	return code;
}
