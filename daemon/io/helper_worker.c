/* SPDX-License-Identifier: Apache-2.0 */
#include "helper_worker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relaudit/base/buf.h"

#define STACK ((size_t)256 << 10)

/* --- answers --- */

/* The loop always reads, so this waits for it at most. Without a loop there is nothing to do. */
void
ra_lanes_send(struct iovec *parts, size_t count)
{
	pthread_mutex_lock(&ra_lanes.write_lock);
	if (ra_wire_send(ra_lanes.fd, parts, count) < 0)
		_exit(EXIT_FAILURE);
	pthread_mutex_unlock(&ra_lanes.write_lock);
}

static int
add_items(struct ra_buf *out, const struct ra_look *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct ra_look_item *item = &l->items[i];
		struct ra_wire_item wire = {
			.time = item->time, .size = item->size, .name_len = strlen(item->name)
		};

		(void)ra_buf_add(out, &wire, sizeof(wire));
		(void)ra_buf_add(out, item->name, wire.name_len + 1);
	}
	return out->error;
}

void
ra_worker_answer(const struct ra_told *told, const struct ra_look *l)
{
	RA_BUF_LOCAL rest = RA_BUF(RA_WIRE_FRAME_MAX / 2);
	struct ra_wire_answer a = { .len = l->len,
		.error_len = strlen(l->error),
		.item_count = l->count,
		.matched = l->matched,
		.others = l->others,
		.inode = l->inode,
		.workers = told->workers,
		.abandoned = told->abandoned,
		.stamp = l->stamp,
		.reason = (uint32_t)l->reason,
		.cut = l->cut,
		.unchanged = l->unchanged };
	struct ra_wire_head head;
	struct iovec parts[] = { { &head, sizeof(head) }, { l->bytes, l->len }, { NULL, 0 } };

	(void)ra_buf_add(&rest, "", 1);
	(void)ra_buf_add(&rest, l->error, a.error_len + 1);
	(void)add_items(&rest, l);
	if (ra_buf_add(&rest, &a, sizeof(a)) < 0) {
		struct ra_look none = { .reason = RA_R_NO_MEMORY,
			.error = "out of memory in the helper" };

		if (l->reason != RA_R_NO_MEMORY)
			ra_worker_answer(told, &none);
		else
			_exit(EXIT_FAILURE);
		return;
	}
	head = ra_wire_head(RA_WIRE_ANSWER, told->id, l->len + rest.len);
	parts[2] = (struct iovec){ rest.data, rest.len };
	ra_lanes_send(parts, RA_ARRAY_SIZE(parts));
}

/* --- a worker --- */

static bool
has_passed(const struct ra_lane_job *j, const char *device)
{
	for (size_t i = 0; i < j->passed_count; i++) {
		if (strcmp(j->passed[i], device) == 0)
			return true;
	}
	return j->passed_count == RA_PASSED_MAX;
}

/* Before a path is touched: in its own lane, or one it has been through? */
static int
on_enter(void *arg, const char *path)
{
	struct ra_worker *w = arg;
	const struct ra_mount *m;
	int r = 0;

	pthread_mutex_lock(&ra_lanes.lock);
	(void)snprintf(w->at, sizeof(w->at), "%s", path);
	m = ra_mounts_find(&ra_lanes.mounts, path);
	if (w->job->unwanted) {
		r = -ECANCELED;
	} else if (m != NULL && strcmp(m->device, w->job->lane->device) != 0 &&
		   !has_passed(w->job, m->device)) {
		w->moves = true;
		r = -ECANCELED;
	}
	pthread_mutex_unlock(&ra_lanes.lock);
	return r;
}

/* It is to begin again, with a place in the lane of what it came to. */
static bool
move_job(struct ra_worker *w)
{
	struct ra_lane_job *j = w->job;
	struct ra_lane *from = j->lane, *to = ra_lane_of(w->at);

	if (to == NULL)
		return false;
	(void)snprintf(j->passed[j->passed_count++], sizeof(j->passed[0]), "%s", from->device);
	from->running--;
	ra_lane_put(to, j);
	ra_lane_drop_if_unused(from);
	return true;
}

/* It comes back after it was given up. */
static void
come_back(struct ra_worker *w)
{
	struct ra_lane *lane = w->stuck;

	w->stuck = NULL;
	lane->stuck--;
	ra_lane_job_free(w->job);
	ra_lane_drop_if_unused(lane);
}

/* True if there is an answer to send. */
static bool
end_job(struct ra_worker *w, struct ra_told *ret)
{
	struct ra_lane_job *j = w->job;
	struct ra_lane *lane = j->lane;
	bool wanted = !j->unwanted;

	if (w->stuck != NULL) {
		come_back(w);
		return false;
	}
	if (wanted && w->moves && move_job(w))
		return false;
	lane->running--;
	*ret = ra_lanes_tell(j->id);
	ra_lane_unlink(j);
	ra_lane_job_free(j);
	ra_lane_drop_if_unused(lane);
	return wanted;
}

static void
work(struct ra_worker *w)
{
	struct ra_look look = { .request = &w->job->request, .enter = on_enter, .arg = w };
	struct ra_told told = { 0 };
	bool answer;

	w->moves = false;
	w->job->worker = w;
	ra_worker_wake();
	pthread_mutex_unlock(&ra_lanes.lock);
	ra_look(&look);
	pthread_mutex_lock(&ra_lanes.lock);
	answer = end_job(w, &told);
	w->job = NULL;
	pthread_mutex_unlock(&ra_lanes.lock);
	if (answer && look.gave_up) {
		look.gave_up = false;
		(void)ra_look_fail(&look, RA_R_NO_MEMORY, "out of memory in the helper");
	}
	if (answer)
		ra_worker_answer(&told, &look);
	ra_look_clear(&look);
	pthread_mutex_lock(&ra_lanes.lock);
}

static void *
run(void *arg)
{
	struct ra_worker *w = arg;

	pthread_mutex_lock(&ra_lanes.lock);
	for (;;) {
		ra_lanes.idle--;
		while ((w->job = ra_lane_next()) != NULL)
			work(w);
		ra_lanes.idle++;
		pthread_cond_wait(&ra_lanes.work, &ra_lanes.lock);
	}
	return NULL;
}

static int
start_worker(void)
{
	struct ra_worker *w = calloc(1, sizeof(*w));
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
	for (const struct ra_lane *lane = ra_lanes.lanes; lane != NULL; lane = lane->next) {
		if (ra_lane_may_run(lane))
			return true;
	}
	return false;
}

void
ra_worker_wake(void)
{
	if (!any_may_run())
		return;
	if (ra_lanes.idle > 0) {
		pthread_cond_signal(&ra_lanes.work);
	} else if (ra_lanes.threads < RA_WORKERS_MAX && start_worker() == 0) {
		ra_lanes.threads++;
		ra_lanes.idle++;
	} else if (ra_lanes.threads == 0) {
		_exit(EXIT_FAILURE);
	}
}
