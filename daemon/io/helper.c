/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's side: requests out, answers in, each job ended once. */
#include "helper_private.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "relaudit/base/clock.h"

#define JOBS_MAX      UINT32_C(65536)
#define OUT_MAX	      ((size_t)64 << 20)
#define RECEIVES      4
#define REST	      1 /* ms */
#define REST_JOBS     4
#define TICK	      500 /* ms */
#define GRACE	      (1 * RA_SECOND) /* beyond a job's deadline until the helper is given up */
#define RUN_GRACE     (3 * RA_SECOND) /* a child is told to end, then made to, then read out */
#define STABLE	      (10 * RA_SECOND)
#define BACKOFF_FIRST 100
#define BACKOFF_MAX   (5 * RA_SECOND)
#define ANSWER_WAIT   (10 * RA_SECOND) /* of the keeper, which may stand still */

/* --- jobs --- */

static int
grow(struct ra_helper *h)
{
	uint32_t room = h->room == 0 ? 16 : h->room * 2;
	void *p;

	if (room > JOBS_MAX)
		return -EAGAIN;
	if ((p = reallocarray(h->jobs, room, sizeof(*h->jobs))) == NULL)
		return -ENOMEM;
	h->jobs = p;
	if ((p = reallocarray(h->uses, room, sizeof(*h->uses))) == NULL)
		return -ENOMEM;
	h->uses = p;
	if ((p = reallocarray(h->free_slots, room, sizeof(*h->free_slots))) == NULL)
		return -ENOMEM;
	h->free_slots = p;
	while (h->room < room) {
		h->jobs[h->room] = NULL;
		h->uses[h->room] = 0;
		h->free_slots[h->free_count++] = h->room++;
	}
	return 0;
}

static size_t
job_count(const struct ra_helper *h)
{
	return h->room - h->free_count;
}

static int
job_new(struct ra_helper *h, struct ra_helper_job **ret)
{
	struct ra_helper_job *j;
	uint32_t slot;
	int r = h->free_count == 0 ? grow(h) : 0;

	if (r < 0)
		return r;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return -ENOMEM;
	if (job_count(h) == 0)
		ra_timer_start(h->tick, TICK, TICK);
	slot = h->free_slots[--h->free_count];
	h->jobs[slot] = j;
	j->helper = h;
	j->id = (uint64_t)++h->uses[slot] << 32 | slot;
	*ret = j;
	return 0;
}

static void
job_free(struct ra_helper_job *j)
{
	struct ra_helper *h = j->helper;
	uint32_t slot = (uint32_t)j->id;

	h->jobs[slot] = NULL;
	h->free_slots[h->free_count++] = slot;
	free(j);
}

static struct ra_helper_job *
job_find(const struct ra_helper *h, uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	struct ra_helper_job *j = slot < h->room ? h->jobs[slot] : NULL;

	return j != NULL && j->id == id ? j : NULL;
}

static void
job_end(struct ra_helper_job *j, struct ra_file_answer *answer)
{
	void (*done)(void *arg, struct ra_file_answer *answer) = j->done;
	void *arg = j->arg;

	job_free(j);
	done(arg, answer);
}

static void
child_end(struct ra_helper_job *j, struct ra_child_answer *answer)
{
	void (*ran)(void *arg, struct ra_child_answer *answer) = j->ran;
	void *arg = j->arg;

	job_free(j);
	ran(arg, answer);
}

static void
job_lost(struct ra_helper_job *j, const char *why)
{
	struct ra_file_answer answer = { .reason = RA_R_HELPER, .error = why };
	struct ra_child_answer none = { .reason = RA_R_HELPER, .error = why, .errors = "" };

	if (j->child)
		child_end(j, &none);
	else
		job_end(j, &answer);
}

/* --- callbacks may free it --- */

static void
enter(struct ra_helper *h)
{
	h->busy++;
}

static void
leave(struct ra_helper *h)
{
	if (--h->busy == 0 && h->gone)
		free(h);
}

/* --- the process --- */

static void
start_again(struct ra_helper *h)
{
	ra_timer_start(h->again, h->backoff, 0);
	h->backoff = h->backoff == 0		    ? BACKOFF_FIRST
		     : h->backoff * 2 < BACKOFF_MAX ? h->backoff * 2
						    : BACKOFF_MAX;
}

/* What was given to it is lost; what comes meanwhile waits for the next. */
static void
lose(struct ra_helper *h, const char *why)
{
	uint64_t life = h->life;

	ra_helper_process_lose(h);
	h->abandoned_before = h->stats.abandoned;
	h->stats.workers = 0;
	h->life++;
	/* Only of one that ran: one that cannot be started is not tried at once again and again. */
	if (ra_loop_now(h->loop) - h->started >= STABLE)
		h->backoff = 0;
	start_again(h);
	enter(h);
	for (uint32_t i = 0; i < h->room && !h->gone; i++) {
		if (h->jobs[i] != NULL && h->jobs[i]->life <= life)
			job_lost(h->jobs[i], why);
	}
	leave(h);
}

static void
on_again(void *arg)
{
	struct ra_helper *h = arg;

	if (ra_helper_process_again(h) < 0)
		start_again(h);
	else
		ra_timer_start(h->again, ANSWER_WAIT, 0);
}

void
ra_helper_on_started(struct ra_helper *h, int error)
{
	if (error < 0) {
		start_again(h);
		return;
	}
	ra_timer_stop(h->again);
	h->stats.restarts++;
}

static void
flush(struct ra_helper *h)
{
	while (h->sent < h->out.len) {
		ssize_t n = send(h->fd, h->out.data + h->sent, h->out.len - h->sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* if it is gone, reading says so */
		h->sent += (size_t)n;
	}
	if (h->sent == h->out.len) {
		ra_buf_clear(&h->out);
		h->sent = 0;
	}
	ra_helper_process_push(h);
}

static int
take_answer(struct ra_helper *h, const struct ra_wire_head *head, char *payload)
{
	RA_FREE struct ra_item *items = NULL;
	struct ra_file_answer answer;
	struct ra_wire_answer wire;
	struct ra_helper_job *j;
	bool content;
	int r = head->type == RA_WIRE_ANSWER ? ra_wire_take(head, payload, &wire, &answer, &items)
					     : -EPROTO;

	if (r == -ENOMEM) {
		free(payload);
		j = job_find(h, head->id);
		if (j != NULL && !j->child)
			job_end(j, &(struct ra_file_answer){ .reason = RA_R_NO_MEMORY,
				       .error = "out of memory for the helper's answer" });
		return 0;
	}
	if (r < 0) {
		free(payload);
		return r;
	}
	h->stats.workers = wire.workers;
	h->stats.abandoned = h->abandoned_before + wire.abandoned;
	j = job_find(h, head->id);
	content = j != NULL && j->content && answer.reason == RA_R_OK;
	answer.bytes = content ? payload : NULL;
	if (j != NULL && !j->child)
		job_end(j, &answer);
	/* The content is where the payload begins, unless it was taken. */
	if (!content || answer.bytes != NULL)
		free(payload);
	return 0;
}

static int
take_ran(struct ra_helper *h, const struct ra_wire_head *head, char *payload)
{
	struct ra_helper_job *j = job_find(h, head->id);
	struct ra_child_answer answer;
	int r = ra_wire_ran(head, payload, &answer);

	if (r == 0 && j != NULL && j->child)
		child_end(j, &answer);
	/* The output is where the payload begins, unless it was taken. */
	if (r < 0 || j == NULL || answer.output != NULL)
		free(payload);
	return r;
}

/* How many there were. */
static int
read_answers(struct ra_helper *h)
{
	struct ra_wire_head head;
	char *payload;
	int r, count = 0;

	h->in.receives = RECEIVES;
	while (!h->gone && (r = ra_wire_next(&h->in, h->fd, &head, &payload)) != 0) {
		if (r > 0)
			r = head.type == RA_WIRE_RAN ? take_ran(h, &head, payload)
						     : take_answer(h, &head, payload);
		if (r < 0)
			return r;
		count++;
	}
	return count;
}

static const char *
loss_words(int error)
{
	switch (error) {
	case -EPROTO:
		return "the helper process sent what is no answer, and was ended";
	default:
		return "the helper process ended";
	}
}

/* To wake up for each of many answers costs more than what is in them. */
static void
rest(struct ra_helper *h, int answers)
{
	h->resting = answers > 0 && job_count(h) >= REST_JOBS;
	if (h->resting)
		ra_timer_start(h->rest, REST, 0);
	ra_helper_process_push(h);
}

/* What is there stays there until there is memory for it: what runs is not lost. */
static void
starve(struct ra_helper *h)
{
	h->resting = true;
	ra_timer_start(h->rest, RA_HELPER_STARVED, 0);
	ra_helper_process_push(h);
}

void
ra_helper_on_ready(void *arg, int events)
{
	struct ra_helper *h = arg;
	int r = 0;

	enter(h);
	if (events & POLLOUT)
		flush(h);
	if (events & POLLIN)
		r = read_answers(h);
	if (r == -ENOMEM && !h->gone)
		starve(h);
	else if (r < 0 && !h->gone)
		lose(h, loss_words(r));
	else if ((events & POLLIN) && !h->gone)
		rest(h, r);
	leave(h);
}

static void
on_rested(void *arg)
{
	ra_helper_on_ready(arg, POLLIN);
}

/*
 * The helper keeps deadlines. If it does not, it hangs itself, or there is none. A job is given two
 * looks, as after a sleep of all of us the answers may be there, unread.
 */
static void
on_tick(void *arg)
{
	struct ra_helper *h = arg;
	int64_t now = ra_loop_now(h->loop);
	bool hangs = false;

	enter(h);
	for (uint32_t i = 0; i < h->room && !h->gone; i++) {
		struct ra_helper_job *j = h->jobs[i];

		if (j == NULL || j->deadline + GRACE > now)
			continue;
		if (!j->overdue)
			j->overdue = true;
		else if (h->pid == 0)
			job_lost(j, "the helper process is not running");
		else
			hangs = true;
	}
	if (hangs && !h->gone)
		lose(h, "the helper process did not answer, and was ended");
	if (!h->gone && job_count(h) == 0)
		ra_timer_stop(h->tick);
	leave(h);
}

/* --- for others --- */

int
ra_helper_new(struct ra_loop *loop, const char *exe, struct ra_helper **ret, struct ra_error *err)
{
	struct ra_helper *h = calloc(1, sizeof(*h));
	int r;

	if (h == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	h->loop = loop;
	h->fd = -1;
	h->keeper = h->asked = -1;
	h->out = RA_BUF(OUT_MAX);
	h->exe = exe != NULL ? strdup(exe) : NULL;
	if ((exe != NULL && h->exe == NULL) || ra_timer_new(loop, on_tick, h, &h->tick) < 0 ||
	    ra_timer_new(loop, on_again, h, &h->again) < 0 ||
	    ra_timer_new(loop, on_rested, h, &h->rest) < 0)
		r = ra_error_set(err, -ENOMEM, "out of memory");
	else
		r = ra_helper_process_start(h, err);
	if (r < 0) {
		ra_helper_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

void
ra_helper_free(struct ra_helper *h)
{
	if (h == NULL)
		return;
	ra_helper_process_end(h);
	ra_timer_free(h->tick);
	ra_timer_free(h->again);
	ra_timer_free(h->rest);
	for (uint32_t i = 0; i < h->room; i++)
		free(h->jobs[i]);
	free(h->jobs);
	free(h->uses);
	free(h->free_slots);
	ra_buf_free(&h->out);
	free(h->exe);
	h->room = h->free_count = 0;
	h->gone = true;
	if (h->busy == 0)
		free(h);
}

static int
put_frame(struct ra_helper *h, const struct ra_wire_head *head, const void *body, size_t len,
    const char *path)
{
	size_t path_len = head->len - len;
	int r = ra_buf_reserve(&h->out, sizeof(*head) + head->len);

	if (r < 0) {
		/* What is in it is whole. */
		h->out.error = 0;
		return r == -EMSGSIZE ? -EAGAIN : r;
	}
	(void)ra_buf_add(&h->out, head, sizeof(*head));
	(void)ra_buf_add(&h->out, body, len);
	(void)ra_buf_add(&h->out, path, path_len);
	ra_helper_process_push(h);
	return 0;
}

int
ra_helper_file(struct ra_helper *h, const struct ra_file_request *q,
    void (*done)(void *arg, struct ra_file_answer *answer), void *arg, struct ra_helper_job **ret)
{
	struct ra_wire_file file = { .deadline = q->deadline,
		.max_bytes = q->max_bytes,
		.known = q->known,
		.stamp = q->stamp,
		.max_entries = q->max_entries,
		.max_items = q->max_items,
		.want = q->want,
		.glob = q->glob,
		.follow = q->follow };
	struct ra_wire_head head;
	struct ra_helper_job *j;
	int r;

	if (q->path[0] != '/')
		return -EINVAL;
	r = job_new(h, &j);
	if (r < 0)
		return r;
	head = ra_wire_head(RA_WIRE_FILE, j->id, sizeof(file) + strlen(q->path) + 1);
	r = put_frame(h, &head, &file, sizeof(file), q->path);
	if (r < 0) {
		job_free(j);
		return r;
	}
	j->life = h->life;
	j->deadline = q->deadline;
	j->content = q->want != RA_FILE_STAT;
	j->done = done;
	j->arg = arg;
	h->stats.jobs++;
	*ret = j;
	return 0;
}

int
ra_helper_run(struct ra_helper *h, const struct ra_child_request *q,
    void (*done)(void *arg, struct ra_child_answer *answer), void *arg, struct ra_helper_job **ret)
{
	struct ra_helper_job *j;
	int r = job_new(h, &j);

	if (r < 0)
		return r;
	r = ra_wire_put_run(&h->out, j->id, q);
	if (r < 0) {
		job_free(j);
		return r == -EMSGSIZE ? -EAGAIN : r;
	}
	ra_helper_process_push(h);
	j->life = h->life;
	j->deadline = q->deadline + RUN_GRACE;
	j->child = true;
	j->ran = done;
	j->arg = arg;
	h->stats.jobs++;
	*ret = j;
	return 0;
}

void
ra_helper_cancel(struct ra_helper_job *j)
{
	struct ra_helper *h;
	struct ra_wire_head head;

	if (j == NULL)
		return;
	h = j->helper;
	head = ra_wire_head(RA_WIRE_CANCEL, j->id, 0);
	/* If it cannot be said, its answer comes, to nobody. */
	(void)put_frame(h, &head, NULL, 0, NULL);
	job_free(j);
}

int
ra_helper_pid(const struct ra_helper *h)
{
	return (int)h->pid;
}

void
ra_helper_stats(const struct ra_helper *h, struct ra_helper_stats *ret)
{
	*ret = h->stats;
}
