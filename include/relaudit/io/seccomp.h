/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of system calls that the loop's process may still make once all is up. It starts no
 * process (the helper's keeper was started before), and neither traces, mounts nor loads anything;
 * sockets are Unix and internet ones; no memory is both writable and executable.
 */
#ifndef RELAUDIT_IO_SECCOMP_H
#define RELAUDIT_IO_SECCOMP_H

#include "relaudit/base/error.h"

enum ra_seccomp {
	RA_SECCOMP_KILL,	/* any other call ends the process */
	RA_SECCOMP_LOG,		/* it fails with EPERM and is named on stderr: for tests */
	RA_SECCOMP_OFF,		/* for debugging tools */
};

/* As RELAUDIT_SECCOMP says: "log", "off", else RA_SECCOMP_KILL. Takes it out of the environment. */
enum ra_seccomp ra_seccomp_wanted(void);
/* For all threads, for good. Fails where the kernel has no such filter or may not set it. */
int ra_seccomp_start(enum ra_seccomp how, struct ra_error *err);

#endif
