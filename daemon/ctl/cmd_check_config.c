/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

static int check_config_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "config", 'c', "FILE", "the configuration (/etc/relaudit/relauditd.yaml)", RA_CTL_FILES,
	    NULL },
	{ "offline", '\0', NULL, "without reading secrets", RA_CTL_NOTHING, NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_check_config = {
	.name = "check-config",
	.usage = "",
	.summary = "check a configuration without using it",
	.details =
	    "This is `relauditd --check-config`: all that a start does, short of running. Exit\n"
	    "code: 0, or 2 with every error as file:line:col on stderr.\n",
	.options = options,
	.run = check_config_run,
};

static int
check_config_run(struct ra_ctl *ctl, struct ra_error *err)
{
	const char *argv[8], *config = ra_ctl_value(ctl, "config");
	char program[PATH_MAX];
	size_t n = 0;
	int code = ra_ctl_program(program, sizeof(program), err);

	if (code != 0)
		return code;
	argv[n++] = program;
	argv[n++] = "--check-config";
	if (config != NULL) {
		argv[n++] = "--config";
		argv[n++] = config;
	}
	if (ra_ctl_has(ctl, "offline"))
		argv[n++] = "--offline";
	argv[n] = NULL;
	(void)fflush(NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	execv(program, (char *const *)argv);
	ra_error_set(err, -errno, "cannot run %.200s: %s", program, strerror(errno));
	return RA_CTL_UNAVAILABLE;
}
