/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/jsonw.h"

#include "client.h"
#include "read.h"
#include "views.h"

static int run_run(struct ra_ctl *ctl, struct ra_error *err);

const struct ra_ctl_command ra_ctl_cmd_run = {
	.name = "run",
	.usage = "ENV|ENV/CHECK...",
	.summary = "probe now, wait, show the fresh result",
	.details = "relauditd probes as it would by its schedule; the result counts as any other.\n"
		   "Exit code: the worst fresh verdict's number. Takes the access right `run`.\n",
	.least = 1,
	.most = RA_CTL_MANY,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON | RA_CTL_CSV,
	.complete = RA_CTL_SELECTORS,
	.run = run_run,
};

static void
write_body(const struct ra_ctl *ctl, struct ra_buf *out)
{
	struct ra_jsonw w;
	size_t i;

	ra_jsonw_init(&w, out);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_array(&w, "select");
	for (i = 0; i < ctl->arg_count; i++)
		ra_jsonw_text(&w, NULL, ctl->args[i]);
	ra_jsonw_array_end(&w);
	ra_jsonw_object_end(&w);
}

static void
render(const struct ra_ctl *ctl, const struct ra_ctl_answer *answer, const struct ra_ctl_status *s,
    struct ra_buf *out)
{
	if (ctl->output == RA_CTL_JSON)
		ra_buf_add(out, ra_buf_text(&answer->body), answer->body.len);
	else if (ctl->output == RA_CTL_CSV)
		ra_ctl_csv_status(out, s);
	else if (s->check_count == 1 && s->environment_count == 1)
		ra_ctl_detail(&ctl->term, &s->environments[0].checks[0], s->at, NULL, out);
	else
		ra_ctl_matrix(&ctl->term, s, out);
}

static int
run_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL body = RA_BUF(1 << 20);
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	struct ra_ctl_request request = { .path = "/v1/run" };
	struct ra_ctl_answer answer = { 0 };
	struct ra_ctl_status status;
	int code = ra_ctl_check_selectors(ctl, true, err);

	write_body(ctl, &body);
	if (body.error < 0)
		request.path = NULL;
	request.body = ra_buf_text(&body);
	if (code == 0)
		code = ra_ctl_ask(ctl, &request, &answer, err);
	/* Refused, as asked too often: there is no fresh verdict, and 2 would be one. */
	if (code != 0)
		return code == RA_CTL_REFUSED ? RA_UNKNOWN : code;
	if (ra_ctl_status_read(answer.json, true, &status) == 0) {
		render(ctl, &answer, &status, &out);
		code = ra_ctl_status_exit(&status);
		ra_ctl_status_free(&status);
	} else {
		ra_error_set(err, -ENOMEM, "out of memory");
		code = RA_UNKNOWN;
	}
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return code;
}
