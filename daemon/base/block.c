/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/block.h"

#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define BIG	  (2 * HUGE_PAGE)

void *
ra_block_new(size_t size)
{
	void *p;

	if (size < BIG || size > PTRDIFF_MAX - HUGE_PAGE)
		return malloc(size > 0 ? size : 1);
	size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	p = aligned_alloc(HUGE_PAGE, size);
	/* Where there are none it goes on with small ones. */
	if (p != NULL)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
}
