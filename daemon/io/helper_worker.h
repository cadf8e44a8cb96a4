/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes and workers, between their two files. What is in them is under one lock. */
#ifndef RA_IO_HELPER_WORKER_H
#define RA_IO_HELPER_WORKER_H

#include <pthread.h>

#include "helper_lane.h"
#include "helper_look.h"

#define RA_PASSED_MAX	8

struct ra_lane {
	struct ra_lane *next;
	struct ra_lane_job *head, **tail; /* waiting */
	unsigned running, stuck;
	char device[24];
	char path[128]; /* where it is mounted, for people */
};

struct ra_lane_job {
	struct ra_lane_job *next; /* in its lane */
	struct ra_lane_job *all_prev, *all_next; /* of those that are to be answered */
	uint64_t id;
	char *payload;
	struct ra_file_request request;
	struct ra_lane *lane;
	struct ra_worker *worker; /* NULL: waits */
	bool unwanted; /* answered or cancelled: whatever comes of it is thrown away */
	/* file systems that it has been through without getting stuck */
	char passed[RA_PASSED_MAX][24];
	size_t passed_count;
};

struct ra_worker {
	struct ra_lane_job *job;
	struct ra_lane *stuck; /* where it was given up; NULL: it was not */
	char at[RA_LOOK_PATH]; /* what it last touched */
	bool moves; /* its job belongs to the lane of `at` */
};

struct ra_lanes {
	pthread_mutex_t lock, write_lock;
	pthread_cond_t work;
	int fd;
	struct ra_mounts mounts;
	struct ra_lane *lanes;
	struct ra_lane_job *all;
	unsigned threads, idle;
	uint64_t abandoned;
	int64_t due;	/* nothing is before; INT64_MAX: nothing at all */
};

extern struct ra_lanes ra_lanes;

/* What goes with an answer. */
struct ra_told {
	uint64_t id, workers, abandoned;
};

/* --- lanes; called under the lock --- */

/* The lane of the file system that a path is on; of all that are not known one. NULL: no memory. */
struct ra_lane *ra_lane_of(const char *path);
void ra_lane_drop_if_unused(struct ra_lane *lane);
void ra_lane_put(struct ra_lane *lane, struct ra_lane_job *j);
bool ra_lane_may_run(const struct ra_lane *lane);
/* The job to do next, NULL: none. It counts as running from then on. */
struct ra_lane_job *ra_lane_next(void);
void ra_lane_unlink(struct ra_lane_job *j);
void ra_lane_job_free(struct ra_lane_job *j);
struct ra_told ra_lanes_tell(uint64_t id);

/* --- workers --- */

/*
 * Under the lock: finds a worker for what may run; with its first job in hand that one does the
 * same. A worker that cannot be started is missed only if there is none.
 */
void ra_worker_wake(void);
/* Not under the lock. */
void ra_worker_answer(const struct ra_told *told, const struct ra_look *l);

#endif
