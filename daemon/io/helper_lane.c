/* SPDX-License-Identifier: Apache-2.0 */
#include "helper_lane.h"

#include <stdio.h>
#include <string.h>

#include "helper_worker.h"

#define SECOND_MAX 4 /* a lane gets its second worker while so many are at work at most */
#define LANE_MAX   2

struct ra_lanes ra_lanes = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.write_lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.due = INT64_MAX };

/* --- jobs and lanes; all under lock --- */

void
ra_lane_job_free(struct ra_lane_job *j)
{
	free(j->payload);
	free(j);
}

static void
link_job(struct ra_lane_job *j)
{
	j->all_next = ra_lanes.all;
	if (ra_lanes.all != NULL)
		ra_lanes.all->all_prev = j;
	ra_lanes.all = j;
	if (j->request.deadline < ra_lanes.due)
		ra_lanes.due = j->request.deadline;
}

void
ra_lane_unlink(struct ra_lane_job *j)
{
	if (j->all_prev != NULL)
		j->all_prev->all_next = j->all_next;
	else
		ra_lanes.all = j->all_next;
	if (j->all_next != NULL)
		j->all_next->all_prev = j->all_prev;
	j->all_prev = j->all_next = NULL;
}

struct ra_lane *
ra_lane_of(const char *path)
{
	const struct ra_mount *m = ra_mounts_find(&ra_lanes.mounts, path);
	const char *device = m != NULL ? m->device : "";
	struct ra_lane **at;

	for (at = &ra_lanes.lanes; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->device, device) == 0)
			return *at;
	}
	*at = calloc(1, sizeof(**at));
	if (*at == NULL)
		return NULL;
	(*at)->tail = &(*at)->head;
	(void)snprintf((*at)->device, sizeof((*at)->device), "%s", device);
	(void)snprintf((*at)->path, sizeof((*at)->path), "%s", m != NULL ? m->path : "?");
	return *at;
}

void
ra_lane_drop_if_unused(struct ra_lane *lane)
{
	struct ra_lane **at = &ra_lanes.lanes;

	if (lane->head != NULL || lane->running + lane->stuck > 0)
		return;
	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	free(lane);
}

void
ra_lane_put(struct ra_lane *lane, struct ra_lane_job *j)
{
	j->lane = lane;
	j->worker = NULL;
	j->next = NULL;
	*lane->tail = j;
	lane->tail = &j->next;
}

static void
lane_remove(struct ra_lane *lane, struct ra_lane_job *j)
{
	struct ra_lane_job **at = &lane->head;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	if (*at == NULL)
		lane->tail = at;
}

/*
 * One worker for each lane that has work; a second one only while enough are left for others, so
 * that several mounts that hang do not take them all.
 */
bool
ra_lane_may_run(const struct ra_lane *lane)
{
	unsigned of_lane = lane->running + lane->stuck;

	if (lane->head == NULL || of_lane >= LANE_MAX)
		return false;
	return of_lane == 0 || ra_lanes.threads - ra_lanes.idle < SECOND_MAX;
}

/* Lanes take turns: the one that was served goes to the end. */
struct ra_lane_job *
ra_lane_next(void)
{
	struct ra_lane **at = &ra_lanes.lanes, *lane;
	struct ra_lane_job *j;

	while (*at != NULL && !ra_lane_may_run(*at))
		at = &(*at)->next;
	lane = *at;
	if (lane == NULL)
		return NULL;
	*at = lane->next;
	while (*at != NULL)
		at = &(*at)->next;
	*at = lane;
	lane->next = NULL;
	j = lane->head;
	lane_remove(lane, j);
	lane->running++;
	return j;
}

struct ra_told
ra_lanes_tell(uint64_t id)
{
	unsigned stuck = 0;

	for (const struct ra_lane *lane = ra_lanes.lanes; lane != NULL; lane = lane->next)
		stuck += lane->stuck;
	return (struct ra_told){
		.id = id, .workers = ra_lanes.threads - stuck, .abandoned = ra_lanes.abandoned
	};
}

/* --- the main thread --- */

void
ra_lanes_open(int fd)
{
	ra_lanes.fd = fd;
}

void
ra_lanes_remount(int mountinfo)
{
	struct ra_mounts fresh = { 0 };

	if (ra_mounts_read(&fresh, mountinfo) < 0)
		return;
	pthread_mutex_lock(&ra_lanes.lock);
	ra_mounts_clear(&ra_lanes.mounts);
	ra_lanes.mounts = fresh;
	pthread_mutex_unlock(&ra_lanes.lock);
}

static int
answer_no_memory(uint64_t id)
{
	struct ra_look none = { .reason = RA_R_NO_MEMORY, .error = "out of memory in the helper" };
	struct ra_told told;

	pthread_mutex_lock(&ra_lanes.lock);
	told = ra_lanes_tell(id);
	pthread_mutex_unlock(&ra_lanes.lock);
	ra_worker_answer(&told, &none);
	return 0;
}

int
ra_lanes_add(const struct ra_wire_head *head, char *payload)
{
	struct ra_lane_job *j = calloc(1, sizeof(*j));
	struct ra_lane *lane;
	int r;

	if (j == NULL) {
		free(payload);
		return answer_no_memory(head->id);
	}
	j->id = head->id;
	j->payload = payload;
	r = ra_wire_request(head, payload, &j->request);
	pthread_mutex_lock(&ra_lanes.lock);
	lane = r == 0 ? ra_lane_of(j->request.path) : NULL;
	if (lane != NULL) {
		link_job(j);
		ra_lane_put(lane, j);
		ra_worker_wake();
	}
	pthread_mutex_unlock(&ra_lanes.lock);
	if (lane == NULL) {
		ra_lane_job_free(j);
		return r < 0 ? r : answer_no_memory(head->id);
	}
	return 0;
}

void
ra_lanes_cancel(uint64_t id)
{
	struct ra_lane_job *j;

	pthread_mutex_lock(&ra_lanes.lock);
	for (j = ra_lanes.all; j != NULL && j->id != id;)
		j = j->all_next;
	if (j != NULL && j->worker == NULL) {
		struct ra_lane *lane = j->lane;

		ra_lane_unlink(j);
		lane_remove(lane, j);
		ra_lane_job_free(j);
		ra_lane_drop_if_unused(lane);
	} else if (j != NULL) {
		/* Its worker may be stuck: that is seen at the deadline. */
		j->unwanted = true;
	}
	pthread_mutex_unlock(&ra_lanes.lock);
}

/* Its worker is given up: the lane of what it touched last has it until it comes back. */
static void
abandon(struct ra_lane_job *j)
{
	struct ra_worker *w = j->worker;
	struct ra_lane *lane = ra_lane_of(w->at);

	w->stuck = lane != NULL ? lane : j->lane;
	w->stuck->stuck++;
	j->lane->running--;
	ra_lane_drop_if_unused(j->lane);
	j->lane = NULL;
	ra_lanes.abandoned++;
	ra_worker_wake();
}

static void
say_hung(struct ra_look *answer, const struct ra_lane_job *j)
{
	char shown[RA_ERROR_TEXT / 2];
	const struct ra_lane *lane = j->lane;

	ra_look_shown(j->request.path, shown);
	if (j->worker != NULL)
		(void)ra_look_fail(
		    answer, RA_R_FILE_HUNG, "%s: the file system did not answer in time", shown);
	else if (lane->stuck > 0)
		(void)ra_look_fail(answer, RA_R_FILE_HUNG,
		    "%s: not looked at, as the file system on %s hangs", shown, lane->path);
	else
		(void)ra_look_fail(answer, RA_R_FILE_HUNG,
		    "%s: not looked at in time, as others before it took long", shown);
}

/* The first that is due; it is as good as ended then. */
static bool
expire_one(int64_t now, struct ra_told *told, struct ra_look *answer)
{
	struct ra_lane_job *j = ra_lanes.all;
	bool waited;

	ra_lanes.due = INT64_MAX;
	while (j != NULL && j->request.deadline > now) {
		if (j->request.deadline < ra_lanes.due)
			ra_lanes.due = j->request.deadline;
		j = j->all_next;
	}
	if (j == NULL)
		return false;
	say_hung(answer, j);
	ra_lane_unlink(j);
	waited = j->worker == NULL;
	answer->gave_up = j->unwanted;
	j->unwanted = true;
	if (!waited)
		abandon(j);
	*told = ra_lanes_tell(j->id);
	if (waited) {
		lane_remove(j->lane, j);
		ra_lane_drop_if_unused(j->lane);
		ra_lane_job_free(j);
	}
	return true;
}

int64_t
ra_lanes_expire(int64_t now)
{
	int64_t due;

	pthread_mutex_lock(&ra_lanes.lock);
	while (ra_lanes.due <= now) {
		struct ra_look answer = { 0 };
		struct ra_told told;

		if (!expire_one(now, &told, &answer))
			continue;
		ra_lanes.due = now; /* there may be more */
		pthread_mutex_unlock(&ra_lanes.lock);
		if (!answer.gave_up)
			ra_worker_answer(&told, &answer);
		pthread_mutex_lock(&ra_lanes.lock);
	}
	due = ra_lanes.due;
	pthread_mutex_unlock(&ra_lanes.lock);
	return due;
}
