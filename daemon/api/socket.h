/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAUDIT_API_SOCKET_H
#define RELAUDIT_API_SOCKET_H

#include "relaudit/base/error.h"

/* Binds path (mode 0660, group NULL: our own) and listens. -EADDRINUSE if somebody does. */
int ra_api_listen(const char *path, const char *group, int *ret_fd, struct ra_error *err);
/* The socket systemd passed, or -1. */
int ra_api_listen_inherited(void);

#endif
