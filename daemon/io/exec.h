/* SPDX-License-Identifier: Apache-2.0 */
/* One program started: its path looked at, its process made clean. */
#ifndef RA_IO_EXEC_H
#define RA_IO_EXEC_H

#include <sys/types.h>

#include "relaudit/io/helper.h"

/*
 * Starts request->argv in a session of its own with fds as its descriptors 0 to 2. 0 and *ret_pid,
 * or a negative errno with *ret_reason (EXEC_*) and err. Blocks until the program runs or could
 * not.
 */
int ra_exec(const struct ra_child_request *request, const int fds[3], pid_t *ret_pid,
    enum ra_reason *ret_reason, struct ra_error *err);

#endif
