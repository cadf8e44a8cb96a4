/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the loop's. */
#ifndef RELAUDIT_IO_THREAD_H
#define RELAUDIT_IO_THREAD_H

#include <pthread.h>

#include "relaudit/base/macro.h"

/* Signals stay the loop's. stack in bytes. 0 or a negative errno. */
int ra_thread_start(pthread_t *ret, size_t stack, void *(*run)(void *), void *arg);

#endif
