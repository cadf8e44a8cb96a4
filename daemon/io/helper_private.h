/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's side of the helper, between its files. */
#ifndef RA_IO_HELPER_PRIVATE_H
#define RA_IO_HELPER_PRIVATE_H

#include <sys/types.h>

#include "relaudit/base/buf.h"
#include "relaudit/io/helper.h"
#include "relaudit/io/loop.h"

#include "helper_wire.h"

struct ra_helper_job {
	struct ra_helper *helper;
	uint64_t id;		/* where in `jobs` below, how often it was used above */
	uint64_t life;		/* of the helper it was given to */
	int64_t deadline;
	bool overdue;
	bool content;		/* is wanted */
	bool child;		/* ran is its call-back, not done */
	union {
		void (*done)(void *arg, struct ra_file_answer *answer);
		void (*ran)(void *arg, struct ra_child_answer *answer);
	};
	void *arg;
};

struct ra_helper {
	struct ra_loop *loop;
	char *exe;
	struct ra_timer *tick;		/* while there are jobs: for those that it forgets */
	struct ra_timer *again;		/* to start it */
	struct ra_timer *rest;		/* between looks at answers, while many are to come */
	bool resting;
	unsigned busy;			/* in callbacks, which may free it */
	bool gone;

	/* the process */
	pid_t pid;			/* 0: there is none */
	int fd;
	struct ra_watch *watch;
	int watched;			/* events */
	struct ra_wire_reader in;
	struct ra_buf out;
	size_t sent;			/* of out */
	uint64_t life;
	int64_t started, backoff;
	pid_t keeper_pid;
	int keeper;			/* its descriptor */
	struct ra_watch *keeper_watch;	/* while it is asked for another helper */
	int asked;			/* our end of that one's socket; -1: none is asked for */

	/* jobs by the low half of their ids */
	struct ra_helper_job **jobs;
	uint32_t *uses, *free_slots;
	uint32_t room, free_count;
	struct ra_helper_stats stats;
	uint64_t abandoned_before;	/* by the helpers that are gone */
};

/* Starts the first one and waits for it. 0 or negative errno, with err. */
int ra_helper_process_start(struct ra_helper *h, struct ra_error *err);
/* Asks for another, anew if one was asked for already. Waits for nothing: see below. */
int ra_helper_process_again(struct ra_helper *h);
/* It runs, or cannot be started: negative errno. */
void ra_helper_on_started(struct ra_helper *h, int error);
/* Kills what is left of it and forgets all that was on its way. */
void ra_helper_process_lose(struct ra_helper *h);
/* Tells it to end and waits a little. */
void ra_helper_process_end(struct ra_helper *h);
/* Sends what there is to send when there is room. */
void ra_helper_process_push(struct ra_helper *h);
/* The socket is ready; what came of it. */
void ra_helper_on_ready(void *arg, int events);

#endif
