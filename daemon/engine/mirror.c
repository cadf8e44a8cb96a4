/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/engine/mirror.h"

#include <stdio.h>
#include <string.h>

#include "mirror_internal.h"

#define GRAIN	     20 /* ms */
#define LATE	     RA_SECOND /* for what git has to say of the mirror itself */
#define DEFAULT_SIZE INT64_C(2000000000)
#define DEFAULT_GIT  "/usr/bin/git"

static void on_timer(void *arg);

/* --- the whole --- */

static int64_t
or_default(int64_t value, int64_t fallback)
{
	return value > 0 ? value : fallback;
}

static void
set_defaults(struct ra_mirror *m, const struct ra_mirror_setup *setup)
{
	m->setup = *setup;
	m->setup.interval = or_default(setup->interval, 5 * RA_MINUTE);
	m->setup.max_age = or_default(setup->max_age, RA_HOUR);
	m->setup.clone_timeout = or_default(setup->clone_timeout, 2 * RA_MINUTE);
	m->setup.fetch_timeout = or_default(setup->fetch_timeout, 30 * RA_SECOND);
	m->setup.max_size = or_default(setup->max_size, DEFAULT_SIZE);
}

static int
set_texts(struct ra_mirror *m, const char *state, const struct ra_mirror_setup *setup)
{
	struct ra_buf folder = RA_BUF(4096);

	(void)ra_buf_printf(&folder, "%s/mirrors", state);
	m->folder = ra_buf_take(&folder);
	m->git = strdup(setup->git != NULL ? setup->git : DEFAULT_GIT);
	m->home = strdup(setup->home != NULL ? setup->home : state);
	m->protocols = strdup(setup->protocols != NULL ? setup->protocols : RA_GIT_PROTOCOLS);
	return m->folder != NULL && m->git != NULL && m->home != NULL && m->protocols != NULL
		   ? 0
		   : -ENOMEM;
}

int
ra_mirror_new(const struct ra_io *io, const char *state, const struct ra_mirror_setup *setup,
    struct ra_mirror **ret, struct ra_error *err)
{
	static const struct ra_mirror_setup none;
	struct ra_mirror *m = calloc(1, sizeof(*m));
	int r = -ENOMEM;

	if (m != NULL) {
		m->io = *io;
		set_defaults(m, setup != NULL ? setup : &none);
		r = set_texts(m, state, setup != NULL ? setup : &none);
	}
	if (r == 0)
		r = ra_timer_new(io->loop, on_timer, m, &m->timer);
	if (r < 0) {
		ra_mirror_free(m);
		return ra_error_set(err, r, "out of memory");
	}
	*ret = m;
	return 0;
}

static void
drop_list(struct ra_mirror_list *list)
{
	while (list->first != NULL)
		ra_mirror_cancel(list->first);
}

static void
run_drop(struct ra_run_git *run)
{
	struct ra_mirror *m = run->clone->mirror;
	struct ra_run_git **at = &m->runs;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	m->running--;
	if (run->job != NULL)
		ra_helper_cancel(run->job);
	free(run);
}

static void
clone_free(struct ra_clone *c)
{
	struct ra_run_git *run, *next;

	for (run = c->mirror->runs; run != NULL; run = next) {
		next = run->next;
		if (run->clone == c)
			run_drop(run);
	}
	ra_clone_stop(c);
	(void)ra_map_remove(&c->mirror->clones, c->url.bare);
	ra_git_refs_free(c->refs);
	ra_memo_clear(&c->memo);
	for (size_t i = 0; i < c->move_count; i++)
		free(c->moves[i].tag);
	free(c->moves);
	free(c->path);
	ra_git_url_clear(&c->url);
	free(c);
}

static void
repo_free(struct ra_mirror_repo *r)
{
	struct ra_clone *c = r->clone;

	(void)ra_map_remove(&c->mirror->repos, r->key);
	ra_releases_free(r->releases);
	free(r->pattern);
	free(r->key);
	free(r);
	if (--c->repos == 0)
		clone_free(c);
}

void
ra_mirror_free(struct ra_mirror *m)
{
	size_t i = 0;
	void *value;

	if (m == NULL)
		return;
	drop_list(&m->ready);
	drop_list(&m->held);
	drop_list(&m->turning);
	while (ra_map_next(&m->clones, &i, NULL, &value))
		drop_list(&((struct ra_clone *)value)->waiting);
	for (i = 0; ra_map_next(&m->repos, &i, NULL, &value); i = 0)
		repo_free(value);
	if (m->sweep != NULL)
		ra_helper_cancel(m->sweep);
	ra_map_free(&m->repos);
	ra_map_free(&m->clones);
	ra_timer_free(m->timer);
	free(m->folder);
	free(m->git);
	free(m->home);
	free(m->protocols);
	free(m);
}

void
ra_mirror_stats(const struct ra_mirror *m, struct ra_mirror_stats *ret)
{
	*ret = m->stats;
}

/* --- repositories --- */

static int
make_path(struct ra_clone *c)
{
	uint8_t digest[RA_DIGEST_SIZE];
	char hex[RA_DIGEST_HEX];
	struct ra_buf path = RA_BUF(4096);

	if (ra_digest_of(c->url.bare, strlen(c->url.bare), digest) < 0)
		return -ENOMEM;
	(void)ra_buf_printf(&path, "%s/%.16s.git", c->mirror->folder, ra_digest_hex(digest, hex));
	c->path = ra_buf_take(&path);
	return c->path != NULL ? 0 : -ENOMEM;
}

/* Takes url. */
static struct ra_clone *
clone_get(struct ra_mirror *m, struct ra_git_url *url)
{
	struct ra_clone *c = ra_map_get(&m->clones, url->bare);

	if (c != NULL) {
		/* What was said last counts: a token that was renewed. */
		if (url->user != NULL) {
			struct ra_git_url old = c->url;

			c->url.user = url->user;
			c->url.password = url->password;
			url->user = old.user;
			url->password = old.password;
		}
		ra_git_url_clear(url);
		return c;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		ra_git_url_clear(url);
		return NULL;
	}
	c->mirror = m;
	c->url = *url;
	*url = (struct ra_git_url){ 0 };
	if (make_path(c) < 0 || ra_map_put(&m->clones, c->url.bare, c, NULL) < 0) {
		free(c->path);
		ra_git_url_clear(&c->url);
		free(c);
		return NULL;
	}
	return c;
}

static struct ra_mirror_repo *
repo_make(struct ra_clone *c, const char *pattern, char *key)
{
	struct ra_mirror_repo *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->pattern = strdup(pattern);
	if (r == NULL || r->pattern == NULL || ra_map_put(&c->mirror->repos, key, r, NULL) < 0) {
		if (r != NULL)
			free(r->pattern);
		free(r);
		return NULL;
	}
	r->key = key;
	r->clone = c;
	c->repos++;
	return r;
}

static int
repo_get(
    struct ra_mirror *m, struct ra_git_url *url, const char *pattern, struct ra_mirror_repo **ret)
{
	struct ra_buf key = RA_BUF(0);
	struct ra_clone *c;
	struct ra_mirror_repo *r;
	RA_FREE char *text = NULL;

	(void)ra_buf_printf(&key, "%s %s", url->bare, pattern);
	text = ra_buf_take(&key);
	if (text == NULL) {
		ra_git_url_clear(url);
		return -ENOMEM;
	}
	c = clone_get(m, url);
	r = c != NULL ? ra_map_get(&m->repos, text) : NULL;
	if (r == NULL && c != NULL) {
		r = repo_make(c, pattern, text);
		if (r != NULL)
			text = NULL; /* its key */
		else if (c->repos == 0)
			clone_free(c);
	}
	if (r == NULL)
		return -ENOMEM;
	r->refs++;
	*ret = r;
	return 0;
}

int
ra_mirror_repo(struct ra_mirror *m, const char *url, const char *pattern,
    struct ra_mirror_repo **ret, struct ra_error *err)
{
	struct ra_git_url parsed = { 0 };
	int r = ra_tag_pattern_check(pattern, err);

	if (r == 0)
		r = ra_git_url_parse(url, m->protocols, &parsed, err);
	if (r < 0)
		return r;
	r = repo_get(m, &parsed, pattern, ret);
	return r == 0 ? 0 : ra_error_set(err, r, "out of memory");
}

void
ra_mirror_unref(struct ra_mirror_repo *r)
{
	if (r != NULL && --r->refs == 0)
		repo_free(r);
}

const char *
ra_mirror_url(const struct ra_mirror_repo *r)
{
	return r->clone->url.bare;
}

void
ra_mirror_status(const struct ra_mirror_repo *r, struct ra_mirror_status *ret)
{
	const struct ra_clone *c = r->clone;

	*ret = (struct ra_mirror_status){ .fetched = c->fetched.wall,
		.remote = c->remote,
		.remote_error = c->remote_error,
		.fetching = c->step != RA_CLONE_IDLE,
		.tags = c->refs != NULL ? c->refs->tags : 0,
		.size = c->size,
		.moves = c->moves,
		.move_count = c->move_count };
}

/* --- queries --- */

void
ra_query_move(struct ra_mirror_query *q, struct ra_mirror_list *to)
{
	if (q->list != NULL) {
		*(q->prev != NULL ? &q->prev->next : &q->list->first) = q->next;
		*(q->next != NULL ? &q->next->prev : &q->list->last) = q->prev;
	}
	q->list = to;
	q->prev = q->next = NULL;
	if (to == NULL)
		return;
	q->prev = to->last;
	*(to->last != NULL ? &to->last->next : &to->first) = q;
	to->last = q;
}

static void
query_free(struct ra_mirror_query *q)
{
	ra_query_move(q, NULL);
	for (size_t i = 0; i < RA_ARRAY_SIZE(q->side); i++) {
		free(q->side[i].version);
		free(q->side[i].commit);
	}
	free(q->ref);
	free(q->path);
	free(q);
}

void
ra_query_answer(struct ra_mirror_query *q)
{
	struct ra_clone *c = q->repo->clone;

	q->answer.fetched = c->fetched.wall;
	q->answer.age = c->fetched.wall != 0 ? ra_stamp_age(c->fetched) : 0;
	q->answer.remote = c->remote;
	q->answer.remote_error = c->remote_error;
	q->answer.error = q->error;
	ra_query_move(q, NULL);
	q->done(q->arg, &q->answer);
	query_free(q);
}

void
ra_mirror_cancel(struct ra_mirror_query *q)
{
	if (q != NULL)
		query_free(q);
}

/* "1.4.0-dirty" and "1.4.0+dirty" are 1.4.0, dirty. */
static int
copy_reported(const char *text, char **ret, bool *ret_dirty)
{
	size_t len, clean;

	*ret = NULL;
	if (text == NULL || *text == '\0')
		return 0;
	len = strlen(text);
	clean = ra_clean_length(text, len);
	if (clean < len)
		*ret_dirty = true;
	*ret = strndup(text, clean);
	return *ret != NULL ? 0 : -ENOMEM;
}

static int
copy_text(const char *text, char **ret)
{
	*ret = text != NULL ? strdup(text) : NULL;
	return text == NULL || *ret != NULL ? 0 : -ENOMEM;
}

static int
check_blob(const struct ra_mirror_question *question, struct ra_error *err)
{
	if (question->want != RA_MIRROR_BLOB)
		return 0;
	if (question->path == NULL || !ra_git_path_fits(question->path))
		return ra_error_set(err, -EINVAL,
		    "path in a repository: write it from the repository's top, without leading '/' "
		    "or "
		    "'-' and without '.' or '..'");
	if (question->ref == NULL && question->side[0].version == NULL)
		return ra_error_set(err, -EINVAL, "a file in a repository needs a ref");
	if (question->max_bytes == 0 || question->max_bytes > RA_MIRROR_BLOB_MAX)
		return ra_error_set(err, -EINVAL, "a file in a repository may have 1 B to 16 MiB");
	return 0;
}

int
ra_mirror_ask(struct ra_mirror_repo *r, const struct ra_mirror_question *question,
    void (*done)(void *arg, const struct ra_mirror_answer *answer), void *arg,
    struct ra_mirror_query **ret, struct ra_error *err)
{
	struct ra_mirror *m = r->clone->mirror;
	struct ra_mirror_query *q;
	int error = check_blob(question, err);

	if (error < 0)
		return error;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	q->repo = r;
	q->want = question->want;
	q->max_bytes = question->max_bytes;
	q->since = question->since != 0 ? question->since : ra_clock_mono();
	q->settled = question->settled != 0 ? question->settled : q->since;
	q->deadline = question->deadline;
	q->done = done;
	q->arg = arg;
	for (size_t i = 0; error == 0 && i < RA_ARRAY_SIZE(q->side); i++) {
		error = copy_reported(
		    question->side[i].version, &q->side[i].version, &q->side[i].dirty);
		if (error == 0)
			error = copy_reported(
			    question->side[i].commit, &q->side[i].commit, &q->side[i].dirty);
	}
	if (error == 0)
		error = copy_text(question->ref, &q->ref);
	if (error == 0)
		error = copy_text(question->path, &q->path);
	if (error < 0) {
		query_free(q);
		return ra_error_set(err, error, "out of memory");
	}
	m->stats.questions++;
	ra_query_move(q, &m->ready);
	ra_mirror_arm(m, ra_clock_mono());
	*ret = q;
	return 0;
}

/* --- time --- */

void
ra_mirror_arm(struct ra_mirror *m, int64_t at)
{
	int64_t now = ra_clock_mono();

	if (m->timer_at != 0 && m->timer_at <= at)
		return;
	m->timer_at = at > now ? at : now;
	ra_timer_start(m->timer, at > now ? at - now : 0, 0);
}

/* What it waited for a fetch for did not come: the mirror as it is may still have an answer. */
static void
overdue(struct ra_mirror_query *q)
{
	const struct ra_clone *c = q->repo->clone;
	bool known = c->refs != NULL && !c->damaged;
	enum ra_reason reason = c->remote;

	if (known && q->run == NULL && !q->late) {
		q->late = true;
		q->deadline = ra_clock_mono() + LATE;
		ra_query_turn(q);
		return;
	}
	if (q->run != NULL || reason == RA_R_OK) {
		(void)snprintf(q->error, sizeof(q->error), "%s",
		    q->run != NULL
			? "git is still at work on the mirror"
			: "the repository is still being fetched, or git is busy with others");
		reason = known ? RA_R_REPO_LATE : RA_R_REPO_PENDING;
	} else {
		(void)snprintf(q->error, sizeof(q->error), "%s", c->remote_error);
	}
	q->answer = (struct ra_mirror_answer){ .reason = reason };
	ra_query_answer(q);
}

/* Those that are overdue are to be told so; the soonest of the rest is when to come back. */
static void
check_deadlines(struct ra_mirror *m, struct ra_mirror_list *list, int64_t *soonest)
{
	struct ra_mirror_query *q = list->first, *next;
	int64_t now = ra_clock_mono();

	for (; q != NULL; q = next) {
		next = q->next;
		if (q->deadline <= now)
			ra_query_move(q, &m->turning);
		else if (q->deadline < *soonest)
			*soonest = q->deadline;
	}
}

/* What was not known, and came too soon after another fetch. */
static void
start_due(struct ra_clone *c, int64_t *soonest)
{
	if (c->due == 0)
		return;
	if (c->due > ra_clock_mono()) {
		*soonest = c->due < *soonest ? c->due : *soonest;
		return;
	}
	c->due = 0;
	ra_clone_refresh(c, true);
}

static void
turn_ready(struct ra_mirror *m)
{
	struct ra_mirror_query *q;

	/* What comes meanwhile is for the next turn. */
	while ((q = m->ready.first) != NULL)
		ra_query_move(q, &m->turning);
	while ((q = m->turning.first) != NULL)
		ra_query_turn(q);
}

static void
on_timer(void *arg)
{
	struct ra_mirror *m = arg;
	int64_t soonest = INT64_MAX;
	size_t i = 0;
	void *value;
	struct ra_mirror_query *q;

	m->timer_at = 0;
	turn_ready(m);
	check_deadlines(m, &m->held, &soonest);
	while (ra_map_next(&m->clones, &i, NULL, &value)) {
		check_deadlines(m, &((struct ra_clone *)value)->waiting, &soonest);
		start_due(value, &soonest);
	}
	while ((q = m->turning.first) != NULL)
		overdue(q);
	if (soonest != INT64_MAX)
		ra_mirror_arm(m, soonest + GRAIN);
}
