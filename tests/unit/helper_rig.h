/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's children without its process: they are started and read by the test's own loop. */
#ifndef RELAUDIT_TESTS_UNIT_HELPER_RIG_H
#define RELAUDIT_TESTS_UNIT_HELPER_RIG_H

#include <stdio.h>

#include "relaudit/io/helper.h"
#include "relaudit/io/loop.h"

#include "../../daemon/io/children.h"

struct ra_helper_job {
	struct ra_helper *helper;
	struct ra_helper_job *next;
	uint64_t id;
	void (*done)(void *arg, struct ra_child_answer *answer);
	void *arg;
	enum ra_reason early; /* answered from inside the start; RA_R_OK: not */
	char error[RA_ERROR_TEXT];
};

struct ra_helper {
	struct ra_children *children;
	struct ra_timer *timer;
	struct ra_helper_job *jobs;
	uint64_t next;
	bool starting;
};

static struct ra_helper_job **
rig_find(struct ra_helper *h, uint64_t id)
{
	struct ra_helper_job **at = &h->jobs;

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void
rig_finish(struct ra_helper_job **at, struct ra_child_answer *answer)
{
	struct ra_helper_job *job = *at;

	*at = job->next;
	job->done(job->arg, answer);
	free(job);
}

static void
rig_answer(void *arg, uint64_t id, struct ra_child_answer *answer)
{
	struct ra_helper *h = arg;
	struct ra_helper_job **at = rig_find(h, id);

	if (*at == NULL)
		return;
	if (!h->starting) {
		rig_finish(at, answer);
		return;
	}
	(*at)->early = answer->reason;
	(void)snprintf((*at)->error, sizeof((*at)->error), "%s", answer->error);
}

static void
rig_turn(void *arg)
{
	struct ra_helper *h = arg;
	struct ra_helper_job *job;

	ra_children_turn(h->children);
	do {
		for (job = h->jobs; job != NULL && job->early == RA_R_OK;)
			job = job->next;
		if (job != NULL)
			rig_finish(rig_find(h, job->id),
			    &(struct ra_child_answer){
				.reason = job->early, .error = job->error, .errors = "" });
	} while (job != NULL);
}

static struct ra_helper *
rig_open(struct ra_loop *loop)
{
	struct ra_helper *h = calloc(1, sizeof(*h));

	if (h == NULL || (h->children = ra_children_new(rig_answer, h)) == NULL ||
	    ra_timer_new(loop, rig_turn, h, &h->timer) < 0)
		abort();
	ra_timer_start(h->timer, 1, 1);
	return h;
}

static void
rig_close(struct ra_helper *h)
{
	struct ra_helper_job *job;

	ra_children_free(h->children);
	ra_timer_free(h->timer);
	while ((job = h->jobs) != NULL) {
		h->jobs = job->next;
		free(job);
	}
	free(h);
}

int
ra_helper_run(struct ra_helper *h, const struct ra_child_request *request,
    void (*done)(void *arg, struct ra_child_answer *answer), void *arg, struct ra_helper_job **ret)
{
	struct ra_helper_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return -ENOMEM;
	*job = (struct ra_helper_job){
		.helper = h, .next = h->jobs, .id = ++h->next, .done = done, .arg = arg
	};
	h->jobs = job;
	h->starting = true;
	ra_children_start(h->children, job->id, request);
	h->starting = false;
	*ret = job;
	return 0;
}

void
ra_helper_cancel(struct ra_helper_job *job)
{
	struct ra_helper *h = job->helper;

	ra_children_cancel(h->children, job->id);
	*rig_find(h, job->id) = job->next;
	free(job);
}

#endif
