/* SPDX-License-Identifier: Apache-2.0 */
/* Showing something again and again. */
#ifndef RELAUDIT_CTL_WATCH_H
#define RELAUDIT_CTL_WATCH_H

#include "ctl.h"

typedef int ra_ctl_render(struct ra_ctl *ctl, struct ra_buf *out, struct ra_error *err);

/*
 * Renders every 2 s: in the terminal's other screen, or, where there is no terminal, whenever the
 * text changed. Goes on while relauditd cannot be reached. Ends by a signal, when nobody reads, or
 * with the exit code of a usage error.
 */
int ra_ctl_watch(struct ra_ctl *ctl, ra_ctl_render *render, struct ra_error *err);
int ra_ctl_status_once(struct ra_ctl *ctl, struct ra_buf *out, struct ra_error *err);

#endif
