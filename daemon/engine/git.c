/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second stage of a probe: what the repository knows of what runs. The engine holds the
 * repositories of the present configuration; a probe whose repository a reload took away is begun
 * anew.
 */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define ASK_LEAST (2 * RA_SECOND) /* what a source left of the deadline may be nothing */

/* --- the repositories of a configuration --- */

static int
open_repository(struct ra_mirror *m, const struct ra_service_conf *conf, struct ra_repository *ret)
{
	if (conf->repository_url == NULL)
		return 0;
	return ra_mirror_repo(
	    m, conf->repository_url, conf->repository_tag, &ret->repo, &ret->error);
}

int
ra_git_open(
    struct ra_engine *e, const struct ra_config *config, struct ra_repository **ret, size_t *count)
{
	size_t n = config->service_count + 1, i;
	struct ra_repository *list = calloc(n, sizeof(*list));
	int r = 0;

	if (list == NULL)
		return -ENOMEM;
	for (i = 0; e->mirror != NULL && i < n && r != -ENOMEM; i++)
		r = open_repository(e->mirror,
		    i < config->service_count ? &config->services[i] : &config->product_repository,
		    &list[i]);
	if (r == -ENOMEM) {
		ra_git_close(list, n);
		return r;
	}
	*ret = list;
	*count = n;
	return 0;
}

void
ra_git_close(struct ra_repository *list, size_t count)
{
	size_t i;

	for (i = 0; list != NULL && i < count; i++)
		if (list[i].repo != NULL)
			ra_mirror_unref(list[i].repo);
	free(list);
}

static bool
is_open(const struct ra_repository *r)
{
	return r->repo != NULL || r->error.code != 0;
}

/* The service's, else the product's. NULL: none. */
static const struct ra_repository *
find_repository(const struct ra_engine *e, const struct ra_check *c)
{
	const struct ra_repository *product = &e->repositories[e->repository_count - 1];
	size_t i;

	for (i = 0; c->service != NULL && i < e->config->service_count; i++)
		if (strcmp(e->config->services[i].name, c->service) == 0 &&
		    is_open(&e->repositories[i]))
			return &e->repositories[i];
	return is_open(product) ? product : NULL;
}

bool
ra_git_asks_other(const struct ra_probe *p, const struct ra_repository *list, size_t count)
{
	size_t i, k;

	for (i = 0; i < p->part_count; i++) {
		if (p->parts[i].stage != RA_PART_ASKING)
			continue;
		for (k = 0; k < count && list[k].repo != p->parts[i].repo; k++)
			;
		if (k == count)
			return true;
	}
	return false;
}

/* --- answers --- */

void
ra_git_clear(struct ra_git_answer *a)
{
	free(a->error);
	free(a->remote_error);
	free(a->tag);
	free(a->nearest);
	free(a->latest);
	*a = (struct ra_git_answer){ 0 };
}

static void
answer_nothing(struct ra_git_answer *a, enum ra_reason reason, const char *error)
{
	ra_git_clear(a);
	a->reason = reason;
	a->behind = a->ahead = a->behind_releases = -1;
	a->error = strdup(error);
}

static bool
copy(const char *text, char **ret)
{
	*ret = text != NULL ? strdup(text) : NULL;
	return text == NULL || *ret != NULL;
}

static void
copy_answer(const struct ra_mirror_answer *from, struct ra_git_answer *to)
{
	const struct ra_mirror_side *side = &from->side[0];
	const char *tag_commit = side->tag_commit != NULL ? side->tag_commit : "";

	to->reason = from->reason;
	to->remote = from->remote;
	memcpy(to->tag_commit, tag_commit, strnlen(tag_commit, sizeof(to->tag_commit) - 1));
	memcpy(to->commit, side->commit, sizeof(to->commit));
	to->tag_date = side->tag_date;
	to->latest_date = from->latest_date;
	to->relation = from->relation;
	to->dirty = side->dirty;
	to->behind = from->behind;
	to->ahead = from->ahead;
	to->behind_releases = from->behind_releases;
	to->fetched = from->fetched;
	to->age = from->age;
	if (!copy(from->error, &to->error) || !copy(from->remote_error, &to->remote_error) ||
	    !copy(side->tag, &to->tag) || !copy(from->nearest, &to->nearest) ||
	    !copy(from->latest, &to->latest))
		answer_nothing(to, RA_R_NO_MEMORY, "out of memory");
}

/* --- a part --- */

static void
on_answer(void *arg, const struct ra_mirror_answer *answer)
{
	struct ra_part *part = arg;

	part->query = NULL;
	part->repo = NULL;
	copy_answer(answer, &part->git);
	ra_probe_answered(part);
}

static int
start(struct ra_part *part, struct ra_mirror_repo *repo, const struct ra_git_question *question)
{
	struct ra_probe *p = part->probe;
	int64_t least = ra_loop_now(p->engine->io.loop) + ASK_LEAST;
	struct ra_mirror_question q = { .want = RA_MIRROR_IDENTIFY,
		.side[0] = { .version = question->version, .commit = question->commit },
		.deadline = part->fetch.deadline };
	int r;

	if (q.deadline < least)
		q.deadline = least;
	if (p->limit < q.deadline + ASK_LEAST)
		p->limit = q.deadline + ASK_LEAST;
	r = ra_mirror_ask(repo, &q, on_answer, part, &part->query, NULL);
	if (r < 0)
		return r;
	part->repo = repo;
	part->stage = RA_PART_ASKING;
	return 0;
}

bool
ra_git_ask(struct ra_part *part)
{
	struct ra_engine *e = part->probe->engine;
	const struct ra_check *c = part->probe->check;
	const struct ra_kind *kind = ra_check_kind(c);
	const struct ra_repository *repository =
	    kind->ask != NULL && e->mirror != NULL ? find_repository(e, c) : NULL;
	struct ra_gathered gathered[RA_GATHERED_MAX] = { 0 };
	struct ra_git_question question = { 0 };
	struct ra_judge_call call;

	if (repository == NULL)
		return false;
	ra_probe_call(part, gathered, &call);
	if (!kind->ask(&call, &question))
		return false;
	part->asked = true;
	if (repository->repo == NULL)
		answer_nothing(&part->git, RA_R_REPO_INVALID, repository->error.text);
	else if (start(part, repository->repo, &question) == 0)
		return true;
	else
		answer_nothing(&part->git, RA_R_NO_MEMORY, "out of memory");
	return false;
}

void
ra_git_cancel(struct ra_part *part)
{
	ra_mirror_cancel(RA_TAKE(part->query));
	part->repo = NULL;
}

void
ra_git_expire(struct ra_part *part)
{
	ra_git_cancel(part);
	answer_nothing(&part->git, RA_R_REPO_PENDING, "the repository was not read in time");
	ra_probe_answered(part);
}
