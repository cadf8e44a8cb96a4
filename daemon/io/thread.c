/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/io/thread.h"

#include <signal.h>

int
ra_thread_start(pthread_t *ret, size_t stack, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, was;
	int r = pthread_attr_init(&attr);

	if (r != 0)
		return -r;
	/*
	 * But for what the thread itself may cause (seccomp.c): a fault that is blocked ends the
	 * process without a word, of a sanitizer either.
	 */
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	r = pthread_attr_setstacksize(&attr, stack);
	if (r == 0)
		r = pthread_create(ret, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}
