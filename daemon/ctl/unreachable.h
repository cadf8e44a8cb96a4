/* SPDX-License-Identifier: Apache-2.0 */
/* Why relauditd could not be asked, and what to do: one line. */
#ifndef RELAUDIT_CTL_UNREACHABLE_H
#define RELAUDIT_CTL_UNREACHABLE_H

#include "ctl.h"

#define RA_CTL_SOCKET_MAX 107

/* No connection: tried once more here, for the reason. */
void ra_ctl_unreachable(const struct ra_ctl *ctl, const char *path, struct ra_error *err);
/* A connection that ended without an answer. */
void ra_ctl_closed(const struct ra_ctl *ctl, const char *path, struct ra_error *err);
/* 0 or a negative errno. */
int ra_ctl_try_connect(const char *path);

#endif
