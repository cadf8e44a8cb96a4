/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd wants to hear (sd_notify's protocol, spoken directly; nothing without
 * NOTIFY_SOCKET).
 */
#ifndef RELAUDIT_IO_NOTIFY_H
#define RELAUDIT_IO_NOTIFY_H

#include "relaudit/base/macro.h"

struct ra_loop;
struct ra_notify;

/*
 * Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment; feeds the watchdog from the loop,
 * so that a loop that does not turn is not fed for.
 */
int ra_notify_new(struct ra_loop *loop, struct ra_notify **ret);
void ra_notify_free(struct ra_notify *n);
/* Whether anyone listens. */
bool ra_notify_heard(const struct ra_notify *n);
/* status: one line for `systemctl status`. */
void ra_notify_ready(struct ra_notify *n, const char *status);
/* Said only if it is another than the last. */
void ra_notify_status(struct ra_notify *n, const char *status);
void ra_notify_reloading(struct ra_notify *n);
void ra_notify_stopping(struct ra_notify *n);

#endif
