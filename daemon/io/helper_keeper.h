/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: the helper's parent, and all that starts processes. It is there so that the loop's
 * process can give up for good the right to start any (seccomp.h) and still have a helper again
 * after one died. It does nothing else, and holds nothing.
 */
#ifndef RA_IO_HELPER_KEEPER_H
#define RA_IO_HELPER_KEEPER_H

#include <sys/types.h>

#include "relaudit/base/macro.h"

#define RA_KEEPER_NAME	"relauditd: keeper"	/* its argv[0], and all of its arguments */
#define RA_HELPER_NAME	"relauditd: helper"	/* the helper's */
#define RA_KEEPER_EXE	4096			/* of a path, its NUL counted */

/* Starts it; *ret_fd is asked below. 0 or negative errno. */
int ra_keeper_start(pid_t *ret_pid, int *ret_fd);
/*
 * Has it end the helper it has, if any, and start another from exe (NULL: its own program), which
 * gets fd. Waits for nothing. -EPIPE: the keeper is gone.
 */
int ra_keeper_ask(int keeper, const char *exe, int fd);
/* Its answer, which takes a millisecond. -ETIMEDOUT: not yet. -EPIPE as above. */
int ra_keeper_answer(int keeper, int wait_ms, pid_t *ret_pid);
/* Has it end the helper it has. Waits for nothing. */
void ra_keeper_kill(int keeper);
/* In the process that ra_keeper_start started: until the other end is closed. The exit code. */
int ra_keeper_main(void);

#endif
