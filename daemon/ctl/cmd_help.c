/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ctl.h"

static int help_run(struct ra_ctl *ctl, struct ra_error *err);

const struct ra_ctl_command ra_ctl_cmd_help = {
	.name = "help",
	.usage = "[COMMAND]",
	.summary = "this help, or a command's",
	.most = 1,
	.complete = RA_CTL_COMMANDS,
	.run = help_run,
};

#define SUMMARY_COLUMN 34

static void
add_line(struct ra_buf *out, const char *text, const char *help)
{
	int pad = SUMMARY_COLUMN - 2 - (int)strlen(text);

	ra_buf_printf(out, "  %s", text);
	if (pad < 2)
		ra_buf_printf(out, "\n%*s%s\n", SUMMARY_COLUMN, "", help);
	else
		ra_buf_printf(out, "%*s%s\n", pad, "", help);
}

static void
add_options(struct ra_buf *out, const struct ra_ctl_option *o)
{
	char text[96];

	for (; o != NULL && o->name != NULL; o++) {
		char letter[8] = "";

		if (o->letter != '\0')
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(text, sizeof(text), "%s--%s%s%s", letter, o->name,
		    o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
		add_line(out, text, o->help);
	}
}

void
ra_ctl_usage(struct ra_buf *out)
{
	char text[96];
	size_t i;

	ra_buf_puts(out, "usage: relauditctl [OPTION]... COMMAND [ARGUMENT]...\n\n"
			 "Asks relauditd what runs where, how fresh backups are, and whether logs "
			 "can be reached.\n\nCommands:\n");
	for (i = 0; ra_ctl_commands[i] != NULL; i++) {
		const struct ra_ctl_command *c = ra_ctl_commands[i];

		snprintf(
		    text, sizeof(text), "%s%s%s", c->name, *c->usage != '\0' ? " " : "", c->usage);
		add_line(out, text, c->summary);
	}
	ra_buf_puts(out, "\nOptions:\n");
	add_options(out, ra_ctl_globals);
	ra_buf_puts(out,
	    "\nExit code: 0 OK or done, 1 WARNING, 2 CRITICAL or refused, 3 UNKNOWN, 64 usage or\n"
	    "unknown name, 69 relauditd unreachable. See relauditctl(1).\n");
}

void
ra_ctl_command_help(const struct ra_ctl_command *c, struct ra_buf *out)
{
	ra_buf_printf(out, "usage: relauditctl %s %s%s%s\n\n%s\n", c->name,
	    c->options != NULL ? "[OPTION]..." : "",
	    c->options != NULL && *c->usage != '\0' ? " " : "", c->usage, c->summary);
	if (c->details != NULL)
		ra_buf_printf(out, "\n%s", c->details);
	if (c->options != NULL)
		ra_buf_puts(out, "\nOptions:\n");
	add_options(out, c->options);
	ra_buf_puts(out, "\nOptions of every command:\n");
	add_options(out, ra_ctl_globals);
}

static int
help_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	if (ctl->arg_count == 0) {
		ra_ctl_usage(&text);
	} else {
		const struct ra_ctl_command *c = ra_ctl_command(ctl->args[0]);

		if (c == NULL) {
			ra_error_set(err, -EINVAL, "no command '%.60s'; see `relauditctl help`",
			    ctl->args[0]);
			return RA_CTL_USAGE;
		}
		ra_ctl_command_help(c, &text);
	}
	(void)ra_ctl_print(ctl, &text);
	return RA_CTL_DONE;
}
