/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

extern const struct ra_ctl_command ra_ctl_cmd_status, ra_ctl_cmd_show, ra_ctl_cmd_version,
    ra_ctl_cmd_drift, ra_ctl_cmd_history, ra_ctl_cmd_run, ra_ctl_cmd_try, ra_ctl_cmd_events,
    ra_ctl_cmd_reload, ra_ctl_cmd_check_config, ra_ctl_cmd_completion, ra_ctl_cmd_help;

const struct ra_ctl_command *const ra_ctl_commands[] = {
	&ra_ctl_cmd_status,
	&ra_ctl_cmd_show,
	&ra_ctl_cmd_version,
	&ra_ctl_cmd_drift,
	&ra_ctl_cmd_history,
	&ra_ctl_cmd_run,
	&ra_ctl_cmd_try,
	&ra_ctl_cmd_events,
	&ra_ctl_cmd_reload,
	&ra_ctl_cmd_check_config,
	&ra_ctl_cmd_completion,
	&ra_ctl_cmd_help,
	NULL,
};
