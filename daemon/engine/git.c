/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second stage of a probe: what repositories know of what runs, and of how it ought to be, one
 * question after the other. The engine holds the repositories of the present configuration; a
 * probe whose repository a reload took away is begun anew.
 */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define ASK_LEAST   (2 * RA_SECOND) /* what a source left of the deadline may be nothing */
/* What nothing hangs on is not looked for again so soon. */
#define LOOK_RECENT (10 * RA_SECOND)

/* --- the repositories of a configuration --- */

static int
open_one(struct ra_mirror *m, const char *url, const char *pattern, struct ra_repository *ret)
{
	int r;

	if (url == NULL)
		return 0;
	r = ra_mirror_repo(m, url, pattern, &ret->repo, &ret->error);
	return r == -ENOMEM ? r : 0;
}

/* What the words of a check name themselves; NULL: nothing. */
static const char *
named_by(const struct ra_check *c, const void *words)
{
	const struct ra_kind *kind = ra_check_kind(c);
	const struct ra_committed *committed =
	    kind->committed != NULL && words != NULL ? kind->committed(words) : NULL;

	return committed != NULL ? committed->repository : NULL;
}

static size_t
count_named(const struct ra_config *config)
{
	size_t n = 0, i;

	for (i = 0; i < config->check_count; i++) {
		const struct ra_check *c = config->checks[i];

		n += named_by(c, c->expect) != NULL ? 1 : 0;
		n += named_by(c, c->warn) != NULL ? 1 : 0;
	}
	return n;
}

static int
open_named(struct ra_engine *e, const char *url, struct ra_repositories *r)
{
	struct ra_repository *to = &r->list[r->count];
	int error;

	if (url == NULL || ra_map_get(&r->named, url) != NULL)
		return 0;
	error = open_one(e->mirror, url, "v{version}", to);
	if (error == 0) {
		r->count++;
		error = ra_map_put(&r->named, url, to, NULL);
	}
	return error;
}

static int
open_all(struct ra_engine *e, const struct ra_config *config, struct ra_repositories *r)
{
	int error = 0;
	size_t i;

	for (i = 0; i < config->service_count && error == 0; i++)
		error = open_one(e->mirror, config->services[i].repository_url,
		    config->services[i].repository_tag, &r->list[i]);
	if (error == 0)
		error = open_one(e->mirror, config->product_repository.repository_url,
		    config->product_repository.repository_tag, &r->list[i]);
	for (i = 0; i < config->check_count && error == 0; i++) {
		error = open_named(e, named_by(config->checks[i], config->checks[i]->expect), r);
		if (error == 0)
			error =
			    open_named(e, named_by(config->checks[i], config->checks[i]->warn), r);
	}
	return error;
}

int
ra_git_open(struct ra_engine *e, const struct ra_config *config, struct ra_repositories *ret)
{
	struct ra_repositories r = { .services = config->service_count };
	int error = 0;

	r.count = r.services + 1;
	r.list = calloc(r.count + count_named(config), sizeof(*r.list));
	if (r.list == NULL)
		return -ENOMEM;
	if (e->mirror != NULL)
		error = open_all(e, config, &r);
	if (error < 0)
		ra_git_close(&r);
	else
		*ret = r;
	return error;
}

void
ra_git_close(struct ra_repositories *r)
{
	size_t i;

	for (i = 0; r->list != NULL && i < r->count; i++)
		if (r->list[i].repo != NULL)
			ra_mirror_unref(r->list[i].repo);
	ra_map_free(&r->named);
	free(r->list);
	*r = (struct ra_repositories){ 0 };
}

static bool
is_open(const struct ra_repository *r)
{
	return r->repo != NULL || r->error.code != 0;
}

const struct ra_repository *
ra_git_repository(const struct ra_engine *e, const struct ra_check *c, const char *url)
{
	const struct ra_repositories *r = &e->repositories;
	size_t i;

	if (e->mirror == NULL || r->list == NULL)
		return NULL;
	if (url != NULL)
		return ra_map_get(&r->named, url);
	for (i = 0; c->service != NULL && i < r->services; i++)
		if (strcmp(e->config->services[i].name, c->service) == 0 && is_open(&r->list[i]))
			return &r->list[i];
	return is_open(&r->list[r->services]) ? &r->list[r->services] : NULL;
}

bool
ra_git_has(const struct ra_repositories *r, const struct ra_mirror_repo *repo)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (r->list[i].repo == repo)
			return true;
	return false;
}

bool
ra_git_asks_other(const struct ra_probe *p, const struct ra_repositories *r)
{
	size_t i;

	for (i = 0; i < p->part_count; i++) {
		const struct ra_asking *a = p->parts[i].asking;

		if (a != NULL && a->query != NULL && !ra_git_has(r, a->repo))
			return true;
	}
	return false;
}

/* --- answers --- */

static void
answer_clear(struct ra_git_answer *a)
{
	free(a->error);
	free(a->remote_error);
	free(a->tag);
	free(a->nearest);
	free(a->latest);
	free(a->where);
	ra_snapshot_unref(a->snapshot);
	*a = (struct ra_git_answer){ 0 };
}

void
ra_asking_free(struct ra_asking *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < RA_ARRAY_SIZE(a->answers); i++)
		answer_clear(&a->answers[i]);
	ra_blob_clear(&a->blob);
	free(a);
}

static void
answer_nothing(struct ra_git_answer *a, enum ra_reason reason, const char *error)
{
	answer_clear(a);
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
	to->ordered = from->ordered;
	to->order = from->order;
	to->lag_known = from->lag_known;
	to->lag_releases = from->lag_releases;
	to->lag_ms = from->lag_ms;
	to->fetched = from->fetched;
	to->age = from->age;
	if (!copy(from->error, &to->error) || !copy(from->remote_error, &to->remote_error) ||
	    !copy(side->tag, &to->tag) || !copy(from->nearest, &to->nearest) ||
	    !copy(from->latest, &to->latest))
		answer_nothing(to, RA_R_NO_MEMORY, "out of memory");
}

/* --- one question after the other --- */

static struct ra_git_answer *
present_answer(struct ra_asking *a)
{
	return &a->answers[a->count];
}

static void
go_on(struct ra_part *part)
{
	part->asking->answers[part->asking->count++].warn = part->asking->question.warn;
	if (part->probe->track == NULL || !ra_git_ask(part))
		ra_probe_answered(part);
}

static void
blob_work(void *arg)
{
	ra_blob_read(&((struct ra_part *)arg)->asking->blob);
}

static void
blob_done(void *arg)
{
	struct ra_part *part = arg;
	struct ra_git_answer *a = present_answer(part->asking);
	struct ra_blob *b = &part->asking->blob;

	a->snapshot = RA_TAKE(b->snapshot);
	if (b->reason != RA_R_OK) {
		free(a->error);
		a->reason = b->reason;
		a->error = strdup(b->error.text);
	}
	ra_blob_clear(b);
	part->probe->workers--;
	go_on(part);
}

/* "v1.4.2" of "{tag}", which is looked for as a whole name. */
static const char *
shown_ref(const struct ra_git_question *q)
{
	static const char tags[] = "refs/tags/";
	const size_t len = sizeof(tags) - 1;

	if (strncmp(q->ref, tags, len) == 0 && strncmp(q->committed->ref, tags, len) != 0)
		return q->ref + len;
	return q->ref;
}

/* What is committed is read and made a snapshot of, large files on a worker. */
static void
take_blob(struct ra_part *part, const struct ra_mirror_answer *answer)
{
	struct ra_asking *a = part->asking;
	struct ra_git_answer *to = present_answer(a);
	RA_BUF_LOCAL where = RA_BUF(8192);

	ra_buf_printf(&where, "%s:%s", shown_ref(&a->question), a->question.committed->path);
	a->blob = (struct ra_blob){ .check = part->probe->check,
		.committed = a->question.committed,
		.secret_key = part->probe->engine->secret_key };
	to->where = strdup(ra_buf_text(&where));
	memcpy(to->commit, answer->ref_commit, sizeof(to->commit));
	if (to->where == NULL || ra_blob_take(&a->blob, answer, to->where) < 0) {
		answer_nothing(to, RA_R_NO_MEMORY, "out of memory");
		go_on(part);
		return;
	}
	part->probe->workers++;
	part->stage = RA_PART_READING;
	if (answer->len > RA_INLINE_MAX &&
	    ra_work_start(part->probe->engine->io.loop, blob_work, blob_done, part) == 0)
		return;
	blob_work(part);
	blob_done(part);
}

static void
on_answer(void *arg, const struct ra_mirror_answer *answer)
{
	struct ra_part *part = arg;
	struct ra_asking *a = part->asking;

	a->query = NULL;
	a->repo = NULL;
	copy_answer(answer, present_answer(a));
	if (a->question.want == RA_GIT_BLOB && present_answer(a)->reason == RA_R_OK)
		take_blob(part, answer);
	else
		go_on(part);
}

static void
fill_question(const struct ra_git_question *from, struct ra_mirror_question *to)
{
	static const enum ra_mirror_want wants[] = { [RA_GIT_IDENTIFY] = RA_MIRROR_IDENTIFY,
		[RA_GIT_COMPARE] = RA_MIRROR_COMPARE,
		[RA_GIT_BLOB] = RA_MIRROR_BLOB };

	to->want = wants[from->want];
	to->side[0].version = from->version;
	to->side[0].commit = from->commit;
	to->side[1].version = from->other_version;
	to->side[1].commit = from->other_commit;
	if (from->want == RA_GIT_BLOB) {
		to->ref = from->ref;
		to->path = from->committed->path;
		to->max_bytes = RA_MIRROR_BLOB_MAX;
	}
}

static int
start(struct ra_part *part, struct ra_mirror_repo *repo, struct ra_error *err)
{
	struct ra_probe *p = part->probe;
	int64_t least = ra_loop_now(p->engine->io.loop) + ASK_LEAST;
	struct ra_mirror_question q = { .deadline = part->fetch.deadline };
	int r;

	fill_question(&part->asking->question, &q);
	q.since = p->started;
	q.settled = ra_versions_seen(part, &part->asking->question);
	if (!part->asking->question.fresh) /* it need not be waited for */
		q.since = q.since > LOOK_RECENT ? q.since - LOOK_RECENT : 1;
	if (q.deadline < least)
		q.deadline = least;
	if (p->limit < q.deadline + ASK_LEAST)
		p->limit = q.deadline + ASK_LEAST;
	r = ra_mirror_ask(repo, &q, on_answer, part, &part->asking->query, err);
	if (r < 0)
		return r;
	part->asking->repo = repo;
	part->stage = RA_PART_ASKING;
	return 0;
}

/* False: no such repository, nothing is asked. */
static bool
ask_this(struct ra_part *part, const struct ra_repository *repository, bool *ret_waits)
{
	struct ra_git_answer *a = present_answer(part->asking);
	struct ra_error err = { 0 };
	int r;

	*ret_waits = false;
	if (repository == NULL)
		return false;
	if (repository->repo == NULL) {
		answer_nothing(a, RA_R_REPO_INVALID, repository->error.text);
		return true;
	}
	r = start(part, repository->repo, &err);
	*ret_waits = r == 0;
	if (r == -ENOMEM)
		answer_nothing(a, RA_R_NO_MEMORY, "out of memory");
	else if (r < 0)
		answer_nothing(a, RA_R_REF_MISSING, err.text);
	return true;
}

/* So that most probes need no question made up. */
static bool
may_ask(const struct ra_engine *e, const struct ra_check *c)
{
	const struct ra_kind *kind = ra_check_kind(c);

	if (kind->ask == NULL || e->mirror == NULL)
		return false;
	if (kind->committed == NULL)
		return ra_git_repository(e, c, NULL) != NULL;
	return kind->committed(c->expect) != NULL ||
	       (c->warn != NULL && kind->committed(c->warn) != NULL);
}

static bool
next_question(const struct ra_part *part, size_t nth, struct ra_git_question *ret)
{
	struct ra_gathered gathered[RA_GATHERED_MAX] = { 0 };
	struct ra_judge_call call;

	if (nth == RA_QUESTIONS_MAX)
		return false;
	ra_judge_call(part, gathered, &call);
	return ra_check_kind(part->probe->check)->ask(&call, nth, ret);
}

/* NULL: no memory. Unsaid, it would be judged as if there were no repository. */
static struct ra_asking *
asking_of(struct ra_part *part)
{
	if (part->asking == NULL)
		part->asking = calloc(1, sizeof(*part->asking));
	if (part->asking == NULL) {
		part->read_reason = RA_R_NO_MEMORY;
		(void)ra_error_set(&part->read_error, -ENOMEM, "out of memory");
	}
	return part->asking;
}

bool
ra_git_ask(struct ra_part *part)
{
	struct ra_engine *e = part->probe->engine;
	const struct ra_check *c = part->probe->check;
	struct ra_git_question q = { 0 };
	struct ra_asking *a;
	bool waits = false;

	if (part->asking == NULL && !may_ask(e, c))
		return false;
	while (next_question(part, part->asking != NULL ? part->asking->count : 0, &q) &&
	       (a = asking_of(part)) != NULL) {
		const char *url = q.committed != NULL ? q.committed->repository : NULL;

		a->question = q;
		if (!ask_this(part, ra_git_repository(e, c, url), &waits))
			break;
		if (waits)
			return true;
		a->answers[a->count++].warn = q.warn;
		q = (struct ra_git_question){ 0 };
	}
	return false;
}

void
ra_git_cancel(struct ra_part *part)
{
	ra_mirror_cancel(RA_TAKE(part->asking->query));
	part->asking->repo = NULL;
}

void
ra_git_expire(struct ra_part *part)
{
	ra_git_cancel(part);
	answer_nothing(
	    present_answer(part->asking), RA_R_REPO_LATE, "the repository was not read in time");
	go_on(part);
}
