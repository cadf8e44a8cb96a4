/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

static int reload_run(struct ra_ctl *ctl, struct ra_error *err);

const struct ra_ctl_command ra_ctl_cmd_reload = {
	.name = "reload",
	.usage = "",
	.summary = "load the configuration again, say what changed",
	.details = "A configuration with an error changes nothing: its errors are on stderr, the\n"
		   "exit code is 2. Takes the access right `reload`.\n",
	.outputs = RA_CTL_TABLE | RA_CTL_JSON,
	.run = reload_run,
};

static void
render(const struct ra_ctl *ctl, const json_t *answer, struct ra_buf *out)
{
	const json_t *changes = json_object_get(answer, "changes"), *item;
	size_t i;

	json_array_foreach (changes, i, item) {
		const char *text = json_string_value(item);
		enum ra_ctl_style style = RA_CTL_PLAIN;

		if (text == NULL || *text == '\0')
			continue;
		style = *text == '+'   ? RA_CTL_STYLE_OK
			: *text == '-' ? RA_CTL_STYLE_CRITICAL
			: *text == '!' ? RA_CTL_STYLE_WARNING
				       : RA_CTL_PLAIN;
		ra_ctl_styled(&ctl->term, out, style, text);
		ra_buf_putc(out, '\n');
	}
	ra_buf_printf(out, "reloaded: %zu change%s\n", json_array_size(changes),
	    json_array_size(changes) == 1 ? "" : "s");
}

static int
reload_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	struct ra_ctl_request request = { .path = "/v1/reload", .body = "{}" };
	struct ra_ctl_answer answer = { 0 };
	int code = ra_ctl_ask(ctl, &request, &answer, err);

	if (code != 0)
		return code;
	if (ctl->output == RA_CTL_JSON)
		ra_buf_add(&out, ra_buf_text(&answer.body), answer.body.len);
	else
		render(ctl, answer.json, &out);
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return RA_CTL_DONE;
}
