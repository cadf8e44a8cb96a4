/* SPDX-License-Identifier: Apache-2.0 */
/* Files of repositories: what is committed for a check, and for whoever asks for another ref. */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define QUERY_TIMEOUT (20 * RA_SECOND)

int
ra_blob_take(struct ra_blob *b, const struct ra_mirror_answer *answer, const char *where)
{
	b->input.where = strdup(where);
	b->input.bytes = malloc(answer->len + 1);
	if (b->input.where == NULL || b->input.bytes == NULL) {
		ra_blob_clear(b);
		return -ENOMEM;
	}
	memcpy(b->input.bytes, answer->bytes, answer->len);
	b->input.bytes[answer->len] = '\0';
	b->input.len = answer->len;
	return 0;
}

void
ra_blob_read(struct ra_blob *b)
{
	const struct ra_input_conf *in = b->committed->input;
	bool own = in->format != RA_NO_FORMAT;
	const struct ra_format *format = own ? ra_formats[in->format] : ra_check_format(b->check);
	struct ra_format_call call = { .options =
					   own ? in->format_options : b->check->format_options,
		.shape = RA_SHAPE_KEYS,
		.input = &b->input };
	struct ra_data data = { 0 };

	if (format == NULL) {
		b->reason = RA_R_INTERNAL;
		return;
	}
	b->reason = format->read(&call, &data, &b->error);
	if (b->reason == RA_R_OK) {
		b->reason = ra_judge_snapshot(
		    b->check, b->secret_key, &data, b->input.where, true, &b->snapshot);
		if (b->reason != RA_R_OK)
			ra_error_set(&b->error, -EINVAL, "%s", ra_reason_meaning(b->reason));
	}
	ra_data_free(&data);
}

void
ra_blob_clear(struct ra_blob *b)
{
	if (b->input.bytes != NULL)
		explicit_bzero(b->input.bytes, b->input.len);
	ra_input_clear(&b->input);
	ra_snapshot_unref(RA_TAKE(b->snapshot));
	*b = (struct ra_blob){ 0 };
}

/* --- what is known --- */

void
ra_committed_unref(struct ra_committed_seen *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	ra_snapshot_unref(c->snapshot);
	free(c->error);
	free(c->ref);
	free(c);
}

static const struct ra_git_answer *
answer_of(const struct ra_part *part)
{
	const struct ra_asking *a = part->asking;
	size_t i;

	for (i = 0; a != NULL && i < a->count; i++)
		if (a->answers[i].where != NULL && !a->answers[i].warn)
			return &a->answers[i];
	for (i = 0; a != NULL && i < a->count; i++)
		if (!a->answers[i].warn)
			return &a->answers[i];
	return NULL;
}

/* "v1.4.2" of "v1.4.2:deploy/production.env" */
static char *
ref_of(const struct ra_git_answer *a)
{
	return a->where != NULL ? strndup(a->where, strcspn(a->where, ":")) : strdup("");
}

static void
remember(struct ra_track *t, const struct ra_part *part)
{
	const struct ra_git_answer *a;
	struct ra_committed_seen *seen;

	ra_committed_unref(RA_TAKE(t->committed));
	a = answer_of(part);
	seen = calloc(1, sizeof(*seen));
	if (a == NULL || seen == NULL) {
		free(seen);
		return;
	}
	if (a->snapshot != NULL)
		seen->snapshot = ra_snapshot_ref(a->snapshot);
	else
		seen->error =
		    strdup(a->error != NULL && a->error[0] != '\0' ? a->error
								   : ra_reason_meaning(a->reason));
	seen->ref = ref_of(a);
	if (seen->snapshot != NULL)
		memcpy(seen->commit, a->commit, sizeof(seen->commit));
	seen->refs = 1;
	t->committed = seen;
}

bool
ra_committed_remember(struct ra_track *t, const struct ra_part *part)
{
	const struct ra_kind *kind = ra_check_kind(t->check);
	char was[RA_COMMIT_TEXT] = "";

	if (kind->committed == NULL || kind->committed(t->check->expect) == NULL)
		return false;
	if (t->committed != NULL)
		memcpy(was, t->committed->commit, sizeof(was));
	remember(t, part);
	return strcmp(was, t->committed != NULL ? t->committed->commit : "") != 0;
}

int
ra_engine_baseline(const struct ra_engine *e, const struct ra_check *check, struct ra_baseline *ret)
{
	const struct ra_track *t = &e->tracks[check->index];
	const struct ra_kind *kind = ra_check_kind(check);
	const struct ra_committed *committed =
	    kind->committed != NULL ? kind->committed(check->expect) : NULL;
	struct ra_view v;

	if (committed == NULL)
		return -ENOENT;
	ra_engine_view(e, check, &v);
	*ret = (struct ra_baseline){ .path = committed->path,
		.ref = "",
		.checked = v.checked,
		.error = "the version that runs is not known" };
	if (t->committed == NULL || v.reason == RA_R_STALE) {
		if (v.reason == RA_R_STALE || t->latest == NULL)
			ret->error = ra_reason_meaning(v.reason);
		return 0;
	}
	ret->snapshot = t->committed->snapshot;
	ret->error = t->committed->error;
	ret->ref = t->committed->ref != NULL ? t->committed->ref : "";
	ret->commit = t->committed->commit;
	return 0;
}

/* --- at another ref --- */

struct ra_baseline_query {
	struct ra_engine *engine;
	struct ra_config *config;
	struct ra_baseline_query *next, *prev; /* of the engine, while it waits */
	struct ra_mirror_repo *repo;
	struct ra_mirror_query *query; /* NULL: answered */
	struct ra_blob blob;
	char *ref;
	void (*done)(
	    void *arg, struct ra_snapshot *snapshot, enum ra_reason reason, const char *error);
	void *arg;
	bool working, cancelled;
};

static void
query_unlink(struct ra_baseline_query *q)
{
	q->query = NULL;
	if (q->prev != NULL)
		q->prev->next = q->next;
	else
		q->engine->baseline_queries = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
}

static void
query_free(struct ra_baseline_query *q)
{
	ra_blob_clear(&q->blob);
	ra_config_unref(q->config);
	free(q->ref);
	free(q);
}

static void
query_end(struct ra_baseline_query *q, enum ra_reason reason, const char *error)
{
	if (!q->cancelled)
		q->done(q->arg, reason == RA_R_OK ? q->blob.snapshot : NULL, reason,
		    error != NULL && error[0] != '\0' ? error : ra_reason_meaning(reason));
	query_free(q);
}

static void
query_work(void *arg)
{
	ra_blob_read(&((struct ra_baseline_query *)arg)->blob);
}

static void
query_worked(void *arg)
{
	struct ra_baseline_query *q = arg;

	q->working = false;
	query_end(q, q->blob.reason, q->blob.error.text);
}

static void
query_answered(void *arg, const struct ra_mirror_answer *answer)
{
	struct ra_baseline_query *q = arg;
	RA_BUF_LOCAL where = RA_BUF(8192);

	query_unlink(q);
	if (answer->reason != RA_R_OK) {
		query_end(q, answer->reason, answer->error);
		return;
	}
	ra_buf_printf(&where, "%s:%s", q->ref, q->blob.committed->path);
	if (ra_blob_take(&q->blob, answer, ra_buf_text(&where)) < 0) {
		query_end(q, RA_R_NO_MEMORY, NULL);
		return;
	}
	q->working = true;
	if (answer->len > RA_INLINE_MAX &&
	    ra_work_start(q->engine->io.loop, query_work, query_worked, q) == 0)
		return;
	query_work(q);
	query_worked(q);
}

static int
query_start(struct ra_baseline_query *q, struct ra_error *err)
{
	struct ra_engine *e = q->engine;
	struct ra_mirror_question question = { .want = RA_MIRROR_BLOB,
		.ref = q->ref,
		.path = q->blob.committed->path,
		.max_bytes = RA_MIRROR_BLOB_MAX,
		.deadline = ra_loop_now(e->io.loop) + QUERY_TIMEOUT };
	int r = ra_mirror_ask(q->repo, &question, query_answered, q, &q->query, err);

	if (r < 0)
		return r;
	q->next = e->baseline_queries;
	if (q->next != NULL)
		q->next->prev = q;
	e->baseline_queries = q;
	return 0;
}

int
ra_engine_baseline_at(struct ra_engine *e, const struct ra_check *check, const char *ref,
    void (*done)(void *arg, struct ra_snapshot *snapshot, enum ra_reason reason, const char *error),
    void *arg, struct ra_baseline_query **ret, struct ra_error *err)
{
	const struct ra_kind *kind = ra_check_kind(check);
	const struct ra_committed *committed =
	    kind->committed != NULL ? kind->committed(check->expect) : NULL;
	const struct ra_repository *repository =
	    committed != NULL ? ra_git_repository(e, check, committed->repository) : NULL;
	struct ra_baseline_query *q;
	int r;

	if (repository == NULL)
		return ra_error_set(err, -ENOENT, "%s has no baseline", check->id);
	if (repository->repo == NULL)
		return ra_error_set(err, -EINVAL, "%s", repository->error.text);
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	*q = (struct ra_baseline_query){ .engine = e,
		.config = ra_config_ref(e->config),
		.repo = repository->repo,
		.blob = { .check = check, .committed = committed, .secret_key = e->secret_key },
		.ref = strdup(ref),
		.done = done,
		.arg = arg };
	r = q->ref != NULL ? query_start(q, err) : ra_error_set(err, -ENOMEM, "out of memory");
	if (r < 0)
		query_free(q);
	else
		*ret = q;
	return r;
}

void
ra_engine_baseline_cancel(struct ra_baseline_query *q)
{
	if (q == NULL)
		return;
	q->cancelled = true;
	if (q->query != NULL) {
		ra_mirror_cancel(q->query);
		query_unlink(q);
		query_free(q);
	}
}

void
ra_baselines_end(struct ra_engine *e, const struct ra_repositories *stay)
{
	struct ra_baseline_query *q, *next;

	for (q = e->baseline_queries; q != NULL; q = next) {
		next = q->next;
		if (stay != NULL && ra_git_has(stay, q->repo))
			continue;
		ra_mirror_cancel(q->query);
		query_unlink(q);
		query_end(q, RA_R_REPO_LATE, "the configuration was loaded anew meanwhile");
	}
}
