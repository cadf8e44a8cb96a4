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
/* *ret_fd: the socket that systemd passed, -1: none. -EINVAL: it is no listening Unix stream. */
int ra_api_listen_inherited(int *ret_fd, struct ra_error *err);

#endif
