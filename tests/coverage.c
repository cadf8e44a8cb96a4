/* SPDX-License-Identifier: Apache-2.0 */
/* Of a build for coverage only: the helper, its keeper and what they start end by _exit(), and
   relauditctl that is interrupted by a signal that it raises; their counters would be lost. */
#include <signal.h>
#include <unistd.h>

void __gcov_dump(void);
void __wrap__exit(int status) __attribute__((noreturn));
void __real__exit(int status) __attribute__((noreturn));

void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

int __wrap_raise(int number);
int __real_raise(int number);

int
__wrap_raise(int number)
{
	__gcov_dump();
	return __real_raise(number);
}
