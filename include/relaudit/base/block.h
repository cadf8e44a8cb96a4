/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for one big thing that is filled at once. From some MiB on the kernel is asked for huge
 * pages: by small ones it takes as long to hand the memory out as it takes to fill it.
 */
#ifndef RELAUDIT_BASE_BLOCK_H
#define RELAUDIT_BASE_BLOCK_H

#include "relaudit/base/macro.h"

/* Not zeroed; free() it. NULL: no memory. */
void *ra_block_new(size_t size);

#endif
