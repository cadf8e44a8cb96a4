/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt to bring a clone up to date, a run of git after the other. It ends in finish(), once.
 * A mirror that git cannot read is made anew, once an attempt.
 */
#include <stdio.h>
#include <string.h>

#include "mirror_internal.h"
#include "relaudit/base/units.h"

#define RETRY_FIRST (30 * RA_SECOND)
#define RETRY_MOST  (15 * RA_MINUTE)
#define RETRY_LARGE RA_HOUR /* it would be fetched as far as the limit each time */
#define LOCAL	    (30 * RA_SECOND) /* for what needs no network */
#define REPACK_TIME (5 * RA_MINUTE)
#define LIST_MAX    33554432
#define PACKS_MOST  20 /* then they become one */

static const char *const init_args[] = { "init", "--quiet", "--bare", "--template=", NULL };
static const char *const list_args[] = { "for-each-ref", "--format=%(objectname) %(refname)",
	NULL };
static const char *const date_args[] = { "log", "--no-walk=unsorted", "--tags", "--no-color",
	"--decorate=full", "--decorate-refs=refs/tags/", "--format=%H %ct %D", NULL };
static const char *const check_args[] = { "fsck", "--connectivity-only", "--no-dangling",
	"--no-progress", NULL };
static const char *const size_args[] = { "count-objects", "-v", NULL };
/* Into few, whatever they hold: a commit that no ref leads to any more may still run somewhere. */
static const char *const repack_args[] = { "repack", "--geometric=2", "-d", "-q", NULL };

static void on_done(void *arg, struct ra_child_answer *a);
static void start(struct ra_clone *c);

/* --- the end --- */

static void
start_next(struct ra_mirror *m)
{
	struct ra_clone *c = m->queue;

	if (c == NULL || m->fetching >= RA_MIRROR_FETCHES)
		return;
	m->queue = c->queue;
	c->queue = NULL;
	start(c);
}

/* attempted: they have waited for a fetch, and will not wait for another. */
static void
wake_waiting(struct ra_clone *c, bool attempted)
{
	struct ra_mirror_query *q = c->waiting.first, *next;

	for (; q != NULL; q = next) {
		next = q->next;
		if (q->run != NULL)
			continue;
		q->waited |= attempted;
		ra_query_move(q, &c->mirror->ready);
	}
	ra_mirror_arm(c->mirror, ra_loop_now(c->mirror->io.loop));
}

static void
set_remote(struct ra_clone *c, enum ra_reason reason, const char *error)
{
	int64_t wait = RETRY_FIRST;

	c->remote = reason;
	(void)snprintf(c->remote_error, sizeof(c->remote_error), "%s", error);
	c->failures = reason == RA_R_OK ? 0 : c->failures + 1;
	c->retry = 0;
	if (reason == RA_R_OK)
		return;
	for (unsigned i = 1; i < c->failures && wait < RETRY_MOST; i++)
		wait *= 2;
	if (wait > RETRY_MOST)
		wait = RETRY_MOST;
	c->retry = ra_clock_mono() + (reason == RA_R_REPO_TOO_LARGE ? RETRY_LARGE : wait);
}

static void
finish(struct ra_clone *c, enum ra_reason reason, const char *error)
{
	struct ra_mirror *m = c->mirror;

	ra_git_refs_free(RA_TAKE(c->coming));
	c->step = RA_CLONE_IDLE;
	c->wanted = c->rebuilt = c->doomed = false;
	c->tried = ra_clock_mono();
	c->due = 0; /* whoever still lacks something asks again */
	set_remote(c, reason, error);
	m->fetching--;
	wake_waiting(c, true);
	start_next(m);
}

/* It was there and is fresh enough: there was no attempt. */
static void
finish_opened(struct ra_clone *c)
{
	struct ra_mirror *m = c->mirror;

	c->step = RA_CLONE_IDLE;
	m->fetching--;
	wake_waiting(c, false);
	start_next(m);
}

/* --- the steps --- */

static void
go(struct ra_clone *c, enum ra_clone_step step)
{
	const char *const fetch_args[] = { "fetch", "--quiet", "--prune", "--force", "--no-tags",
		"--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules", "--",
		c->url.bare, "+refs/tags/*:refs/tags/*", "+refs/heads/*:refs/heads/*", NULL };
	const char *const ask_args[] = { "ls-remote", "--quiet", "--", c->url.bare, NULL };
	const struct ra_mirror_setup *setup = &c->mirror->setup;
	struct ra_git_call call = { .max_output = LIST_MAX, .timeout = LOCAL };
	int r;

	c->step = step;
	switch (step) {
	case RA_CLONE_INIT:
		call.args = init_args;
		break;
	case RA_CLONE_FETCH:
		c->started = ra_stamp_now();
		c->began = ra_clock_mono();
		c->mirror->stats.fetches++;
		call.args = fetch_args;
		call.remote = true;
		call.timeout = c->refs != NULL ? setup->fetch_timeout : setup->clone_timeout;
		break;
	case RA_CLONE_OPEN:
	case RA_CLONE_LIST:
		call.args = list_args;
		break;
	case RA_CLONE_ASK:
		call.args = ask_args;
		call.remote = call.trace = true;
		call.timeout = setup->fetch_timeout;
		break;
	case RA_CLONE_OPEN_DATES:
	case RA_CLONE_DATES:
		call.args = date_args;
		break;
	case RA_CLONE_CHECK:
		call.args = check_args;
		call.timeout = setup->clone_timeout;
		break;
	case RA_CLONE_SIZE:
		call.args = size_args;
		break;
	default:
		call.args = repack_args;
		call.timeout = REPACK_TIME;
	}
	if (step == RA_CLONE_REMOVE)
		r = ra_git_remove(c->mirror, &c->path, 1, on_done, c, &c->job);
	else
		r = ra_git_run(c, &call, on_done, c, &c->job);
	if (r < 0)
		finish(c, RA_R_NO_MEMORY, "out of memory");
}

/* What was known of it goes with it, but for the tags that were seen to move. */
static void
drop(struct ra_clone *c)
{
	c->damaged = false;
	c->epoch++;
	ra_memo_clear(&c->memo);
	c->fetched = (struct ra_stamp){ 0 };
	c->looked = 0;
	ra_git_refs_free(RA_TAKE(c->refs));
	ra_git_refs_free(RA_TAKE(c->coming));
	go(c, RA_CLONE_REMOVE);
}

static void
rebuild(struct ra_clone *c)
{
	c->rebuilt = true;
	drop(c);
}

static void
begin_new(struct ra_clone *c)
{
	struct ra_error err = { 0 };
	bool is_new;

	if (ra_clone_make_folder(c, &is_new, &err) < 0)
		finish(c, RA_R_GIT_FAILED, err.text);
	else
		go(c, RA_CLONE_INIT);
}

static void
start(struct ra_clone *c)
{
	struct ra_mirror *m = c->mirror;

	m->fetching++;
	if (c->damaged) {
		rebuild(c);
	} else if (c->refs != NULL) {
		go(c, RA_CLONE_FETCH);
	} else if (!ra_clone_has_folder(c)) {
		c->opened = true;
		begin_new(c);
	} else if (c->opened) {
		rebuild(c); /* an attempt before this one left it half made */
	} else {
		c->opened = true;
		ra_clone_load(c);
		go(c, RA_CLONE_OPEN);
	}
}

/* --- what they bring --- */

static const char *
place_of(const struct ra_git_ref *ref)
{
	return ref->commit[0] != '\0' ? ref->commit : ref->object;
}

static void
note_moves(struct ra_clone *c, const struct ra_git_refs *coming)
{
	const struct ra_git_refs *old = c->refs;

	/* A server that shows nothing at all has moved no tag. */
	if (coming->count == 0)
		return;
	for (size_t i = 0; old != NULL && i < old->count; i++) {
		const struct ra_git_ref *was = &old->list[i], *is;

		if (strncmp(was->name, "refs/tags/", 10) != 0)
			continue;
		is = ra_git_refs_find(coming, was->name);
		if (is == NULL || strcmp(place_of(was), place_of(is)) != 0)
			(void)ra_clone_add_move(c, was->name + 10, place_of(was),
			    is != NULL ? place_of(is) : "", ra_clock_wall());
	}
}

static void
agree(struct ra_clone *c)
{
	c->fetched = c->started;
	c->looked = c->began;
	(void)ra_digest_hex(c->refs->digest, c->agreed);
	/* Lost, it costs a fetch after the next start. */
	(void)ra_clone_save(c);
	wake_waiting(c, true);
}

/* A mirror that git itself made and cannot read: the fault is here, not there. */
static void
fail_local(struct ra_clone *c, const struct ra_child_answer *a)
{
	char line[RA_MIRROR_LINE];
	enum ra_reason reason = ra_git_explain(c, a, line);

	if (a->reason == RA_R_OK && !c->rebuilt && !c->doomed)
		rebuild(c);
	else
		finish(c, a->reason == RA_R_OK ? RA_R_GIT_FAILED : reason, line);
}

static void
take_list(struct ra_clone *c, const struct ra_child_answer *a)
{
	bool opening = c->step == RA_CLONE_OPEN;
	int r = ra_git_refs_parse(a->output, a->len, &c->coming);

	if (r == -ENOMEM) {
		finish(c, RA_R_NO_MEMORY, "out of memory");
	} else if (r < 0) {
		finish(c, RA_R_GIT_FAILED, "git lists refs in a way that is not known");
	} else if (c->coming->count == 0 && !opening && strncmp(c->url.scheme, "http", 4) == 0) {
		go(c, RA_CLONE_ASK);
	} else if (c->refs != NULL &&
		   memcmp(c->refs->digest, c->coming->digest, RA_DIGEST_SIZE) == 0) {
		agree(c);
		finish(c, RA_R_OK, "");
	} else {
		go(c, opening ? RA_CLONE_OPEN_DATES : RA_CLONE_DATES);
	}
}

/* To git any page without a line end is an empty repository, served as files. */
static void
take_asked(struct ra_clone *c, const struct ra_child_answer *a)
{
	char line[RA_MIRROR_LINE];

	if (a->reason != RA_R_OK || a->exit_code != 0) {
		enum ra_reason reason = ra_git_explain(c, a, line);

		finish(c, reason, line);
	} else if (strstr(a->errors, "packet:") == NULL) {
		finish(c, RA_R_REPO_INVALID,
		    "what the server answers is no git repository: it speaks not git's protocol "
		    "and lists no tag or branch");
	} else {
		go(c, RA_CLONE_DATES);
	}
}

static bool
is_fresh(const struct ra_clone *c)
{
	return c->fetched.wall != 0 && ra_stamp_age(c->fetched) < c->mirror->setup.interval;
}

/* What is on disk is not what agreed if refs were lost or changed since. */
static void
forget_unless_agreed(struct ra_clone *c)
{
	char now[RA_DIGEST_HEX];

	if (strcmp(ra_digest_hex(c->refs->digest, now), c->agreed) != 0)
		c->fetched = (struct ra_stamp){ 0 };
}

static void
take_dates(struct ra_clone *c, const struct ra_child_answer *a)
{
	bool opening = c->step == RA_CLONE_OPEN_DATES;
	int r = ra_git_refs_add_dates(c->coming, a->output);

	if (r == -ENOMEM) {
		finish(c, RA_R_NO_MEMORY, "out of memory");
		return;
	}
	if (r < 0) {
		finish(c, RA_R_GIT_FAILED, "git tells dates in a way that is not known");
		return;
	}
	if (!opening)
		note_moves(c, c->coming);
	ra_git_refs_free(c->refs);
	c->refs = RA_TAKE(c->coming);
	c->generation++;
	if (!opening) {
		agree(c);
		go(c, RA_CLONE_SIZE);
		return;
	}
	forget_unless_agreed(c);
	if (!c->wanted && is_fresh(c))
		finish_opened(c);
	else
		go(c, RA_CLONE_FETCH);
}

/* "key: number", in KiB where it is a size. */
static int64_t
number_after(const char *text, const char *key)
{
	const char *p = strstr(text, key);
	int64_t n = 0;

	if (p != NULL && ra_int_parse(p + strlen(key), strcspn(p + strlen(key), "\n"), &n) == 0)
		return n;
	return 0;
}

static void
take_size(struct ra_clone *c, const struct ra_child_answer *a)
{
	int64_t most = c->mirror->setup.max_size;

	c->size =
	    1024 * (number_after(a->output, "\nsize: ") + number_after(a->output, "\nsize-pack: ") +
		       number_after(a->output, "\nsize-garbage: "));
	if (c->size > most) {
		c->doomed = true;
		drop(c);
	} else if (number_after(a->output, "\npacks: ") > PACKS_MOST) {
		go(c, RA_CLONE_REPACK);
	} else {
		finish(c, RA_R_OK, "");
	}
}

static void
finish_large(struct ra_clone *c, int64_t fetched)
{
	char size[RA_UNIT_TEXT], limit[RA_UNIT_TEXT], line[RA_MIRROR_LINE];

	(void)snprintf(line, sizeof(line), "%s and more to fetch, the limit is %s",
	    ra_size_human(fetched, size), ra_size_human(ra_git_pack_limit(c->mirror), limit));
	finish(c, RA_R_REPO_TOO_LARGE, line);
}

static void
take_fetch(struct ra_clone *c, const struct ra_child_answer *a)
{
	char line[RA_MIRROR_LINE];
	enum ra_reason reason = ra_git_explain(c, a, line);
	int64_t left;

	/* A shallow repository's refs are left out with a warning and exit code 0. */
	if (a->reason == RA_R_OK && a->exit_code == 0 && reason != RA_R_REPO_SHALLOW) {
		go(c, RA_CLONE_LIST);
		return;
	}
	left = ra_clone_tidy(c);
	if (left > 0 && left >= ra_git_pack_limit(c->mirror)) {
		finish_large(c, left);
		return;
	}
	/* Not a failure of the repository that is known: perhaps of the mirror. */
	if (reason != RA_R_GIT_FAILED || a->reason != RA_R_OK || c->refs == NULL || c->rebuilt) {
		finish(c, reason, line);
	} else if (strstr(a->errors, ".lock': File exists") != NULL) {
		rebuild(c); /* nobody else is at work here: it was left behind */
	} else {
		memcpy(c->local_error, line, sizeof(c->local_error));
		go(c, RA_CLONE_CHECK);
	}
}

static void
finish_doomed(struct ra_clone *c)
{
	char size[RA_UNIT_TEXT], limit[RA_UNIT_TEXT], line[RA_MIRROR_LINE];

	(void)snprintf(line, sizeof(line), "the mirror had %s, the limit is %s",
	    ra_size_human(c->size, size), ra_size_human(c->mirror->setup.max_size, limit));
	c->size = 0;
	finish(c, RA_R_REPO_TOO_LARGE, line);
}

static void
take(struct ra_clone *c, const struct ra_child_answer *a)
{
	switch (c->step) {
	case RA_CLONE_REMOVE:
		if (c->doomed)
			finish_doomed(c);
		else
			begin_new(c);
		break;
	case RA_CLONE_INIT:
		go(c, RA_CLONE_FETCH);
		break;
	case RA_CLONE_OPEN:
	case RA_CLONE_LIST:
		take_list(c, a);
		break;
	case RA_CLONE_OPEN_DATES:
	case RA_CLONE_DATES:
		take_dates(c, a);
		break;
	case RA_CLONE_CHECK:
		finish(c, RA_R_GIT_FAILED, c->local_error); /* the mirror is sound */
		break;
	case RA_CLONE_SIZE:
		take_size(c, a);
		break;
	default:
		finish(c, RA_R_OK, "");
	}
}

static void
on_done(void *arg, struct ra_child_answer *a)
{
	struct ra_clone *c = arg;

	c->job = NULL;
	if (c->step == RA_CLONE_FETCH)
		take_fetch(c, a);
	else if (c->step == RA_CLONE_ASK)
		take_asked(c, a);
	else if (a->reason == RA_R_OK && a->exit_code == 0)
		take(c, a);
	else if (c->step == RA_CLONE_REPACK)
		finish(c, RA_R_OK, ""); /* it stays as it is; the next fetch tries again */
	else
		fail_local(c, a);
}

/* --- from outside --- */

bool
ra_clone_doubt(struct ra_clone *c, const char *why)
{
	(void)snprintf(c->local_error, sizeof(c->local_error), "%s", why);
	if (c->doubted != 0 && ra_clock_mono() - c->doubted < RETRY_MOST)
		return false;
	c->doubted = ra_clock_mono();
	c->damaged = true;
	return true;
}

bool
ra_clone_may_refresh(const struct ra_clone *c)
{
	return c->step != RA_CLONE_IDLE || c->retry <= ra_clock_mono();
}

void
ra_clone_refresh(struct ra_clone *c, bool wanted)
{
	struct ra_mirror *m = c->mirror;
	struct ra_clone **at = &m->queue;

	if (c->step == RA_CLONE_QUEUED || c->step == RA_CLONE_OPEN ||
	    c->step == RA_CLONE_OPEN_DATES)
		c->wanted |= wanted;
	if (c->step != RA_CLONE_IDLE || c->retry > ra_clock_mono())
		return;
	c->wanted = wanted;
	c->step = RA_CLONE_QUEUED;
	while (*at != NULL)
		at = &(*at)->queue;
	*at = c;
	start_next(m);
}

void
ra_clone_stop(struct ra_clone *c)
{
	struct ra_mirror *m = c->mirror;

	if (c->step == RA_CLONE_QUEUED) {
		struct ra_clone **at = &m->queue;

		while (*at != c)
			at = &(*at)->queue;
		*at = c->queue;
	} else if (c->step != RA_CLONE_IDLE) {
		if (c->job != NULL)
			ra_helper_cancel(RA_TAKE(c->job));
		m->fetching--;
	}
	c->step = RA_CLONE_IDLE;
	ra_git_refs_free(RA_TAKE(c->coming));
}
