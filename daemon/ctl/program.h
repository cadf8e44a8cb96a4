/* SPDX-License-Identifier: Apache-2.0 */
/* The relauditd program, for what it does besides running. */
#ifndef RELAUDIT_CTL_PROGRAM_H
#define RELAUDIT_CTL_PROGRAM_H

#include "ctl.h"

/*
 * $RELAUDITD, else relauditd beside our own program or in the sbin beside its bin, else on PATH,
 * else in /usr/local/sbin, /usr/sbin. 0, or RA_CTL_UNAVAILABLE with err.
 */
int ra_ctl_program(char *out, size_t size, struct ra_error *err);
/*
 * Runs it with `input` on its stdin and reads its stdout; its stderr is ours. 0 with *ret_status as
 * waitpid has it, or RA_CTL_UNAVAILABLE with err. Killed at the deadline.
 */
int ra_ctl_program_run(const char *const *argv, const struct ra_buf *input, struct ra_buf *output,
    int64_t timeout, int *ret_status, struct ra_error *err);

#endif
