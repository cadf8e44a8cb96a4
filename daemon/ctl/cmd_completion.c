/* SPDX-License-Identifier: Apache-2.0 */
/* Completions are made from the same tables as the help, so they cannot lag behind. */
#include <string.h>

#include "relaudit/model/name.h"

#include "client.h"
#include "complete.h"
#include "read.h"

#define NAMES_TIMEOUT 2000 /* ms; nobody waits longer for a key */

static int completion_run(struct ra_ctl *ctl, struct ra_error *err);

const struct ra_ctl_command ra_ctl_cmd_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.summary = "the completion script for a shell",
	.details =
	    "Put `eval \"$(relauditctl completion bash)\"` into ~/.bashrc where the package did\n"
	    "not install it. `completion names` prints environments and checks, for the\n"
	    "scripts.\n",
	.least = 1,
	.most = 1,
	.complete = RA_CTL_WORDS,
	.words = "bash zsh fish",
	.run = completion_run,
};

/* Shells expand what they are offered, so a name is a name or left out. */
static void
add_name(struct ra_buf *out, const char *name)
{
	const char *slash = strchrnul(name, '/');

	if (!ra_name_valid(name, (size_t)(slash - name)) ||
	    (*slash != '\0' && !ra_name_valid(slash + 1, strlen(slash + 1))))
		return;
	ra_buf_puts(out, name);
	ra_buf_putc(out, '\n');
}

/* Environments and checks, one a line; nothing at all where they cannot be had. */
static void
add_names(struct ra_ctl *ctl, struct ra_buf *out)
{
	struct ra_ctl_request request = { .path = "/v1/status" };
	struct ra_ctl_answer answer = { 0 };
	struct ra_error ignored = { 0 };
	struct ra_ctl_status s;
	size_t i, k;

	if (!ctl->timeout_given)
		ctl->timeout = NAMES_TIMEOUT;
	if (ra_ctl_ask(ctl, &request, &answer, &ignored) != 0)
		return;
	if (ra_ctl_status_read(answer.json, false, &s) == 0) {
		for (i = 0; i < s.environment_count; i++) {
			add_name(out, s.environments[i].name);
			for (k = 0; k < s.environments[i].check_count; k++)
				add_name(out, s.environments[i].checks[k].id);
		}
		ra_ctl_status_free(&s);
	}
	ra_ctl_answer_free(&answer);
}

static int
completion_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	const char *shell = ctl->args[0];

	if (strcmp(shell, "bash") == 0) {
		ra_ctl_complete_bash(&out);
	} else if (strcmp(shell, "zsh") == 0) {
		ra_ctl_complete_zsh(&out);
	} else if (strcmp(shell, "fish") == 0) {
		ra_ctl_complete_fish(&out);
	} else if (strcmp(shell, "names") == 0) {
		add_names(ctl, &out);
	} else {
		ra_error_set(
		    err, -EINVAL, "no completion for '%.60s'; there are bash, zsh, fish", shell);
		return RA_CTL_USAGE;
	}
	(void)ra_ctl_print(ctl, &out);
	return RA_CTL_DONE;
}
