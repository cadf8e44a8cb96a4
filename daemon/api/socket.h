/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAUDIT_API_SOCKET_H
#define RELAUDIT_API_SOCKET_H

#include <sys/types.h>

#include "relaudit/base/error.h"

/* Of NULL: (gid_t)-1, our own. Asks the name services. */
int ra_api_find_group(const char *name, gid_t *ret, struct ra_error *err);
/*
 * Binds path (mode 0660) and listens. -EADDRINUSE if somebody does. *ret_file is the socket's file
 * (O_PATH): while it is held no other file has its inode.
 */
int ra_api_listen(
    const char *path, gid_t group, int *ret_fd, int *ret_file, struct ra_error *err);
/* Is path still that file? */
bool ra_api_is_at(const char *path, int file);
/* The socket systemd passed, or -1. */
int ra_api_listen_inherited(void);

#endif
