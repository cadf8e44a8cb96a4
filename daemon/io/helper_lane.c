/* SPDX-License-Identifier: Apache-2.0 */
#include "helper_lane.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relaudit/base/buf.h"

#include "helper_look.h"

#define STACK	   ((size_t)256 << 10)
#define SECOND_MAX 4 /* a lane gets its second worker while so many are at work at most */
#define LANE_MAX   2
#define PASSED_MAX 8

struct lane {
	struct lane *next;
	struct job *head, **tail; /* waiting */
	unsigned running, stuck;
	char device[24];
	char path[128]; /* where it is mounted, for people */
};

struct job {
	struct job *next; /* in its lane */
	struct job *all_prev, *all_next; /* of those that are to be answered */
	uint64_t id;
	char *payload;
	struct ra_file_request request;
	struct lane *lane;
	struct worker *worker; /* NULL: waits */
	bool unwanted; /* answered or cancelled: whatever comes of it is thrown away */
	/* file systems that it has been through without getting stuck */
	char passed[PASSED_MAX][24];
	size_t passed_count;
};

struct worker {
	struct job *job;
	struct lane *stuck; /* where it was given up; NULL: it was not */
	char at[RA_LOOK_PATH]; /* what it last touched */
	bool moves; /* its job belongs to the lane of `at` */
};

static struct {
	pthread_mutex_t lock, write_lock;
	pthread_cond_t work;
	int fd;
	struct ra_mounts mounts;
	struct lane *lanes;
	struct job *all;
	unsigned threads, idle;
	uint64_t abandoned;
	int64_t due;
} h = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.write_lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.due = INT64_MAX };

/* --- answers --- */

/* The loop always reads, so this waits for it at most. Without a loop there is nothing to do. */
static void
send_parts(struct iovec *parts, size_t count)
{
	pthread_mutex_lock(&h.write_lock);
	if (ra_wire_send(h.fd, parts, count) < 0)
		_exit(EXIT_FAILURE);
	pthread_mutex_unlock(&h.write_lock);
}

static int
add_items(struct ra_buf *out, const struct ra_look *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct ra_item *item = &l->items[i];
		struct ra_wire_item wire = {
			.time = item->time, .size = item->size, .name_len = strlen(item->name)
		};

		(void)ra_buf_add(out, &wire, sizeof(wire));
		(void)ra_buf_add(out, item->name, wire.name_len + 1);
	}
	return out->error;
}

/* What goes with an answer. */
struct told {
	uint64_t id, workers, abandoned;
};

static void
send_answer(const struct told *told, const struct ra_look *l)
{
	RA_BUF_LOCAL rest = RA_BUF(RA_WIRE_FRAME_MAX / 2);
	struct ra_wire_answer a = { .len = l->len,
		.error_len = strlen(l->error),
		.item_count = l->count,
		.matched = l->matched,
		.inode = l->inode,
		.workers = told->workers,
		.abandoned = told->abandoned,
		.reason = (uint32_t)l->reason,
		.cut = l->cut };
	struct ra_wire_head head;
	struct iovec parts[] = { { &head, sizeof(head) }, { l->bytes, l->len }, { NULL, 0 } };

	(void)ra_buf_add(&rest, "", 1);
	(void)ra_buf_add(&rest, l->error, a.error_len + 1);
	(void)add_items(&rest, l);
	if (ra_buf_add(&rest, &a, sizeof(a)) < 0) {
		struct ra_look none = { .reason = RA_R_NO_MEMORY,
			.error = "out of memory in the helper" };

		if (l->reason != RA_R_NO_MEMORY)
			send_answer(told, &none);
		else
			_exit(EXIT_FAILURE);
		return;
	}
	head = ra_wire_head(RA_WIRE_ANSWER, told->id, l->len + rest.len);
	parts[2] = (struct iovec){ rest.data, rest.len };
	send_parts(parts, RA_ARRAY_SIZE(parts));
}

/* --- jobs and lanes; all under lock --- */

static void
job_free(struct job *j)
{
	free(j->payload);
	free(j);
}

static void
link_job(struct job *j)
{
	j->all_next = h.all;
	if (h.all != NULL)
		h.all->all_prev = j;
	h.all = j;
	if (j->request.deadline < h.due)
		h.due = j->request.deadline;
}

static void
unlink_job(struct job *j)
{
	if (j->all_prev != NULL)
		j->all_prev->all_next = j->all_next;
	else
		h.all = j->all_next;
	if (j->all_next != NULL)
		j->all_next->all_prev = j->all_prev;
	j->all_prev = j->all_next = NULL;
}

/* The lane of the file system that a path is on; of all that are not known one. NULL: no memory. */
static struct lane *
lane_of(const char *path)
{
	const struct ra_mount *m = ra_mounts_find(&h.mounts, path);
	const char *device = m != NULL ? m->device : "";
	struct lane **at;

	for (at = &h.lanes; *at != NULL; at = &(*at)->next) {
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

static void
lane_drop_if_unused(struct lane *lane)
{
	struct lane **at = &h.lanes;

	if (lane->head != NULL || lane->running + lane->stuck > 0)
		return;
	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	free(lane);
}

static void
lane_put(struct lane *lane, struct job *j)
{
	j->lane = lane;
	j->worker = NULL;
	j->next = NULL;
	*lane->tail = j;
	lane->tail = &j->next;
}

static void
lane_remove(struct lane *lane, struct job *j)
{
	struct job **at = &lane->head;

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
static bool
may_run(const struct lane *lane)
{
	unsigned of_lane = lane->running + lane->stuck;

	if (lane->head == NULL || of_lane >= LANE_MAX)
		return false;
	return of_lane == 0 || h.threads - h.idle < SECOND_MAX;
}

/* Lanes take turns: the one that was served goes to the end. */
static struct job *
next_job(void)
{
	struct lane **at = &h.lanes, *lane;
	struct job *j;

	while (*at != NULL && !may_run(*at))
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

static void *run(void *arg);

static int
start_worker(void)
{
	struct worker *w = calloc(1, sizeof(*w));
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (w == NULL)
		return -ENOMEM;
	pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, run, w);
	pthread_attr_destroy(&attr);
	if (r != 0)
		free(w);
	return -r;
}

static bool
any_may_run(void)
{
	for (const struct lane *lane = h.lanes; lane != NULL; lane = lane->next) {
		if (may_run(lane))
			return true;
	}
	return false;
}

/*
 * Finds a worker for what may run; with its first job in hand that one does the same. A worker that
 * cannot be started is missed only if there is none.
 */
static void
pump(void)
{
	if (!any_may_run())
		return;
	if (h.idle > 0) {
		pthread_cond_signal(&h.work);
	} else if (h.threads < RA_WORKERS_MAX && start_worker() == 0) {
		h.threads++;
		h.idle++;
	} else if (h.threads == 0) {
		_exit(EXIT_FAILURE);
	}
}

/* --- a worker --- */

static bool
has_passed(const struct job *j, const char *device)
{
	for (size_t i = 0; i < j->passed_count; i++) {
		if (strcmp(j->passed[i], device) == 0)
			return true;
	}
	return j->passed_count == PASSED_MAX;
}

/* Before a path is touched: in its own lane, or one it has been through? */
static int
on_enter(void *arg, const char *path)
{
	struct worker *w = arg;
	const struct ra_mount *m;
	int r = 0;

	pthread_mutex_lock(&h.lock);
	(void)snprintf(w->at, sizeof(w->at), "%s", path);
	m = ra_mounts_find(&h.mounts, path);
	if (w->job->unwanted) {
		r = -ECANCELED;
	} else if (m != NULL && strcmp(m->device, w->job->lane->device) != 0 &&
		   !has_passed(w->job, m->device)) {
		w->moves = true;
		r = -ECANCELED;
	}
	pthread_mutex_unlock(&h.lock);
	return r;
}

/* It is to begin again, with a place in the lane of what it came to. */
static bool
move_job(struct worker *w)
{
	struct job *j = w->job;
	struct lane *from = j->lane, *to = lane_of(w->at);

	if (to == NULL)
		return false;
	(void)snprintf(j->passed[j->passed_count++], sizeof(j->passed[0]), "%s", from->device);
	from->running--;
	lane_put(to, j);
	lane_drop_if_unused(from);
	return true;
}

/* It comes back after it was given up. */
static void
come_back(struct worker *w)
{
	struct lane *lane = w->stuck;

	w->stuck = NULL;
	lane->stuck--;
	job_free(w->job);
	lane_drop_if_unused(lane);
}

static struct told
tell(uint64_t id)
{
	unsigned stuck = 0;

	for (const struct lane *lane = h.lanes; lane != NULL; lane = lane->next)
		stuck += lane->stuck;
	return (struct told){ .id = id, .workers = h.threads - stuck, .abandoned = h.abandoned };
}

/* True if there is an answer to send. */
static bool
end_job(struct worker *w, struct told *ret)
{
	struct job *j = w->job;
	struct lane *lane = j->lane;
	bool wanted = !j->unwanted;

	if (w->stuck != NULL) {
		come_back(w);
		return false;
	}
	if (wanted && w->moves && move_job(w))
		return false;
	lane->running--;
	*ret = tell(j->id);
	unlink_job(j);
	job_free(j);
	lane_drop_if_unused(lane);
	return wanted;
}

static void
work(struct worker *w)
{
	struct ra_look look = { .request = &w->job->request, .enter = on_enter, .arg = w };
	struct told told = { 0 };
	bool answer;

	w->moves = false;
	w->job->worker = w;
	pump();
	pthread_mutex_unlock(&h.lock);
	ra_look(&look);
	pthread_mutex_lock(&h.lock);
	answer = end_job(w, &told);
	w->job = NULL;
	pthread_mutex_unlock(&h.lock);
	if (answer && look.gave_up) {
		look.gave_up = false;
		(void)ra_look_fail(&look, RA_R_NO_MEMORY, "out of memory in the helper");
	}
	if (answer)
		send_answer(&told, &look);
	ra_look_clear(&look);
	pthread_mutex_lock(&h.lock);
}

static void *
run(void *arg)
{
	struct worker *w = arg;

	pthread_mutex_lock(&h.lock);
	for (;;) {
		h.idle--;
		while ((w->job = next_job()) != NULL)
			work(w);
		h.idle++;
		pthread_cond_wait(&h.work, &h.lock);
	}
	return NULL;
}

/* --- the main thread --- */

void
ra_lanes_open(int fd)
{
	h.fd = fd;
}

void
ra_lanes_remount(int mountinfo)
{
	struct ra_mounts fresh = { 0 };

	if (ra_mounts_read(&fresh, mountinfo) < 0)
		return;
	pthread_mutex_lock(&h.lock);
	ra_mounts_clear(&h.mounts);
	h.mounts = fresh;
	pthread_mutex_unlock(&h.lock);
}

int
ra_lanes_add(const struct ra_wire_head *head, char *payload)
{
	struct job *j = calloc(1, sizeof(*j));
	struct lane *lane;
	int r;

	if (j == NULL) {
		free(payload);
		return -ENOMEM;
	}
	j->id = head->id;
	j->payload = payload;
	r = ra_wire_request(head, payload, &j->request);
	pthread_mutex_lock(&h.lock);
	lane = r == 0 ? lane_of(j->request.path) : NULL;
	if (lane != NULL) {
		link_job(j);
		lane_put(lane, j);
		pump();
	}
	pthread_mutex_unlock(&h.lock);
	if (lane == NULL) {
		job_free(j);
		return r < 0 ? r : -ENOMEM;
	}
	return 0;
}

void
ra_lanes_cancel(uint64_t id)
{
	struct job *j;

	pthread_mutex_lock(&h.lock);
	for (j = h.all; j != NULL && j->id != id;)
		j = j->all_next;
	if (j != NULL && j->worker == NULL) {
		struct lane *lane = j->lane;

		unlink_job(j);
		lane_remove(lane, j);
		job_free(j);
		lane_drop_if_unused(lane);
	} else if (j != NULL) {
		/* Its worker may be stuck: that is seen at the deadline. */
		j->unwanted = true;
	}
	pthread_mutex_unlock(&h.lock);
}

/* Its worker is given up: the lane of what it touched last has it until it comes back. */
static void
abandon(struct job *j)
{
	struct worker *w = j->worker;
	struct lane *lane = lane_of(w->at);

	w->stuck = lane != NULL ? lane : j->lane;
	w->stuck->stuck++;
	j->lane->running--;
	lane_drop_if_unused(j->lane);
	j->lane = NULL;
	h.abandoned++;
	pump();
}

static void
say_hung(struct ra_look *answer, const struct job *j)
{
	char shown[RA_ERROR_TEXT / 2];
	const struct lane *lane = j->lane;

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
expire_one(int64_t now, struct told *told, struct ra_look *answer)
{
	struct job *j = h.all;
	bool waited;

	h.due = INT64_MAX;
	while (j != NULL && j->request.deadline > now) {
		if (j->request.deadline < h.due)
			h.due = j->request.deadline;
		j = j->all_next;
	}
	if (j == NULL)
		return false;
	say_hung(answer, j);
	unlink_job(j);
	waited = j->worker == NULL;
	answer->gave_up = j->unwanted;
	j->unwanted = true;
	if (!waited)
		abandon(j);
	*told = tell(j->id);
	if (waited) {
		lane_remove(j->lane, j);
		lane_drop_if_unused(j->lane);
		job_free(j);
	}
	return true;
}

int64_t
ra_lanes_expire(int64_t now)
{
	int64_t due;

	pthread_mutex_lock(&h.lock);
	while (h.due <= now) {
		struct ra_look answer = { 0 };
		struct told told;

		if (!expire_one(now, &told, &answer))
			continue;
		h.due = now; /* there may be more */
		pthread_mutex_unlock(&h.lock);
		if (!answer.gave_up)
			send_answer(&told, &answer);
		pthread_mutex_lock(&h.lock);
	}
	due = h.due;
	pthread_mutex_unlock(&h.lock);
	return due;
}
