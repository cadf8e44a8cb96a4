/* SPDX-License-Identifier: Apache-2.0 */
/* What a query knows: what git said before, or a run of git that it waits for. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "mirror_internal.h"
#include "relaudit/base/units.h"

#define COMMIT_MIN 4
#define OUTPUT_MAX 65536
#define RUN_TIME   (30 * RA_SECOND)

/* --- saying --- */

enum ra_turn
ra_query_say(struct ra_mirror_query *q, enum ra_reason reason, const char *fmt, ...)
{
	va_list ap;

	q->answer.reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(q->error, sizeof(q->error), fmt, ap);
	va_end(ap);
	return RA_TURN_DONE;
}

enum ra_turn
ra_query_wait_fetch(struct ra_mirror_query *q, bool wanted)
{
	struct ra_clone *c = q->repo->clone;

	ra_query_move(q, &c->waiting);
	ra_mirror_arm(c->mirror, q->deadline);
	ra_clone_refresh(c, wanted);
	return RA_TURN_WAIT;
}

/*
 * A fetch for what is not known: now, with those that wait already, or when the last attempt is
 * long enough ago, so that a storm of what is not known makes no storm of fetches. It comes even
 * if it is too late for this query, which is what false says: for the next one that asks the same.
 */
static bool
wait_for_look(struct ra_mirror_query *q)
{
	struct ra_clone *c = q->repo->clone;
	int64_t next = c->tried + RA_MIRROR_DEMAND;

	if (c->step != RA_CLONE_IDLE || c->tried == 0 || next <= ra_clock_mono()) {
		if (q->late)
			ra_clone_refresh(c, true);
		else
			(void)ra_query_wait_fetch(q, true);
		return !q->late;
	}
	c->due = next;
	ra_mirror_arm(c->mirror, next);
	if (q->late || next >= q->deadline)
		return false;
	ra_query_move(q, &c->waiting);
	return true;
}

/* By a look that is older than what is asked for: it may just not have come. */
static enum ra_turn
say_older(struct ra_mirror_query *q, const char *text)
{
	struct ra_clone *c = q->repo->clone;
	char age[RA_UNIT_TEXT], rest[RA_UNIT_TEXT];
	int64_t left = c->due - ra_clock_mono();
	const char *ago = ra_duration_human(ra_stamp_age(c->fetched), age);

	if (c->step != RA_CLONE_IDLE || left <= 0)
		return ra_query_say(q, RA_R_REPO_LATE,
		    "%.180s as of %s ago, before it was asked for; it is being looked for", text,
		    ago);
	return ra_query_say(q, RA_R_REPO_LATE,
	    "%.180s as of %s ago, before it was asked for; it is looked for again in %s", text, ago,
	    ra_duration_human(left, rest));
}

/* While the last attempt failed, or is older than what is asked for, it may just not have come. */
enum ra_turn
ra_query_missing(struct ra_mirror_query *q, enum ra_reason reason, const char *fmt, ...)
{
	struct ra_clone *c = q->repo->clone;
	bool looked = c->looked != 0 && c->looked >= q->since;
	char text[RA_MIRROR_LINE];
	va_list ap;

	if (!looked && ra_clone_may_refresh(c) && wait_for_look(q))
		return RA_TURN_WAIT;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->remote != RA_R_OK)
		return ra_query_say(q, c->remote, "%.150s as of the last fetch, and now: %.110s",
		    text, c->remote_error);
	if (c->looked < q->settled)
		return say_older(q, text);
	return ra_query_say(q, reason, "%s", text);
}

/* --- what git says --- */

static void
run_unlink(struct ra_run_git *run)
{
	struct ra_mirror *m = run->clone->mirror;
	struct ra_run_git **at = &m->runs;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	m->running--;
}

/* Those that waited for this run look again, and so may those for whom none was free. */
static void
wake(struct ra_run_git *run, bool to_fetch)
{
	struct ra_mirror *m = run->clone->mirror;
	struct ra_mirror_query *q = run->clone->waiting.first, *next;

	for (; q != NULL; q = next) {
		next = q->next;
		if (q->run != run)
			continue;
		q->run = NULL;
		if (!to_fetch)
			ra_query_move(q, &m->ready);
	}
	while ((q = m->held.first) != NULL)
		ra_query_move(q, &m->ready);
	ra_mirror_arm(m, ra_clock_mono());
}

/* It could not be run: each is told, at its next turn. */
static void
fail_run(struct ra_run_git *run, enum ra_reason reason, const char *line)
{
	struct ra_mirror_query *q;

	for (q = run->clone->waiting.first; q != NULL; q = q->next) {
		if (q->run != run)
			continue;
		q->answer.reason = reason;
		(void)snprintf(q->error, sizeof(q->error), "%s", line);
		q->failed = true;
	}
}

static void
on_run(void *arg, struct ra_child_answer *a)
{
	struct ra_run_git *run = arg;
	struct ra_clone *c = run->clone;
	char line[RA_MIRROR_LINE];
	bool to_fetch = false;

	run_unlink(run);
	if (run->epoch != c->epoch) {
		wake(run, c->step != RA_CLONE_IDLE);
		free(run);
		return;
	}
	if (a->reason != RA_R_OK) {
		enum ra_reason reason = ra_git_explain(c, a, line);

		/* Nobody but git itself was asked. */
		if (reason == RA_R_REPO_TIMEOUT)
			reason = RA_R_GIT_FAILED;
		fail_run(run, reason, line);
	} else if (a->exit_code == 0 || run->may_fail) {
		if (ra_memo_put(&c->memo, run->key, RA_TAKE(a->output), a->len, a->exit_code) < 0)
			fail_run(run, RA_R_NO_MEMORY, "out of memory");
	} else if (c->step != RA_CLONE_IDLE) {
		to_fetch = true; /* what is there is being changed */
	} else {
		(void)ra_git_explain(c, a, line);
		if (!ra_clone_doubt(c, line))
			fail_run(run, RA_R_GIT_FAILED, line);
	}
	wake(run, to_fetch);
	free(run);
}

static struct ra_run_git *
find_run(const struct ra_clone *c, const char *key)
{
	struct ra_run_git *run;

	for (run = c->mirror->runs; run != NULL; run = run->next)
		if (run->clone == c && strcmp(run->key, key) == 0)
			return run;
	return NULL;
}

static struct ra_run_git *
start_run(struct ra_clone *c, const char *key, const struct ra_git_call *call, bool may_fail)
{
	struct ra_mirror *m = c->mirror;
	size_t len = strlen(key) + 1;
	struct ra_run_git *run = calloc(1, sizeof(*run) + len);

	if (run == NULL)
		return NULL;
	memcpy(run->key, key, len);
	run->clone = c;
	run->epoch = c->epoch;
	run->may_fail = may_fail;
	if (ra_git_run(c, call, on_run, run, &run->job) < 0) {
		free(run);
		return NULL;
	}
	run->next = m->runs;
	m->runs = run;
	m->running++;
	m->stats.runs++;
	return run;
}

const struct ra_memo_item *
ra_query_know(
    struct ra_mirror_query *q, const char *key, const struct ra_git_call *call, bool may_fail)
{
	struct ra_clone *c = q->repo->clone;
	struct ra_mirror *m = c->mirror;
	const struct ra_memo_item *item = ra_memo_get(&c->memo, key);
	struct ra_git_call own = *call;

	if (item != NULL)
		return item;
	if (own.timeout == 0)
		own.timeout = RUN_TIME;
	if (own.max_output == 0)
		own.max_output = OUTPUT_MAX;
	q->run = find_run(c, key);
	if (q->run == NULL && m->running < RA_MIRROR_RUNS) {
		q->run = start_run(c, key, &own, may_fail);
		q->failed = q->run == NULL;
	}
	if (q->failed)
		(void)ra_query_say(q, RA_R_NO_MEMORY, "out of memory");
	ra_query_move(q, q->failed ? &m->ready : q->run != NULL ? &c->waiting : &m->held);
	ra_mirror_arm(m, q->failed ? ra_clock_mono() : q->deadline);
	return NULL;
}

/* --- commits --- */

bool
ra_is_commit(const char *text)
{
	size_t len = strspn(text, "0123456789abcdefABCDEF");

	return text[len] == '\0' && len >= COMMIT_MIN && len < RA_COMMIT_TEXT;
}

/* A branch of this name would be taken for the commit. */
static bool
is_ref_too(const struct ra_clone *c, const char *text)
{
	char name[RA_COMMIT_TEXT + 16];

	(void)snprintf(name, sizeof(name), "refs/heads/%s", text);
	if (ra_git_refs_find(c->refs, name) != NULL)
		return true;
	(void)snprintf(name, sizeof(name), "refs/tags/%s", text);
	return ra_git_refs_find(c->refs, name) != NULL;
}

enum ra_turn
ra_query_lost(struct ra_mirror_query *q)
{
	static const char why[] = "the mirror lacks objects that it must have";

	if (q->waited || q->late || !ra_clone_doubt(q->repo->clone, why))
		return ra_query_say(q, RA_R_GIT_FAILED, "%s", why);
	return ra_query_wait_fetch(q, false);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Three lines: as a commit, as anything, and a thing that must be there. */
static const char *
take_commit(struct ra_mirror_query *q, const char *text, const struct ra_memo_item *item,
    char out[RA_COMMIT_TEXT], enum ra_turn *ret)
{
	size_t len = strcspn(item->output, " ");

	if (ends_with(item->output, " missing\n")) {
		*ret = ra_query_lost(q);
		return NULL;
	}
	if (len == 40 || len == 64) {
		memcpy(out, item->output, len);
		out[len] = '\0';
		return out;
	}
	if (strstr(item->output, " ambiguous\n") != NULL)
		*ret = ra_query_say(q, RA_R_COMMIT_AMBIGUOUS,
		    "commit %s stands for several things in the repository", text);
	else
		*ret = ra_query_missing(
		    q, RA_R_COMMIT_UNKNOWN, "commit %s is not in the repository", text);
	return NULL;
}

const char *
ra_query_commit(
    struct ra_mirror_query *q, const char *text, char out[RA_COMMIT_TEXT], enum ra_turn *ret)
{
	static const char *const args[] = { "cat-file", "--batch-check=%(objectname) %(objecttype)",
		NULL };
	const struct ra_clone *c = q->repo->clone;
	char input[3 * RA_COMMIT_TEXT + 16], key[RA_COMMIT_TEXT + 48], lower[RA_COMMIT_TEXT];
	const struct ra_memo_item *item;
	size_t i;

	*ret = RA_TURN_WAIT;
	if (!ra_is_commit(text)) {
		*ret = ra_query_say(q, RA_R_VERSION_UNREADABLE,
		    "'%.80s' is not a commit, 4 to 64 hexadecimal digits: mend `commit:`", text);
		return NULL;
	}
	for (i = 0; text[i] != '\0'; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	lower[i] = '\0';
	if (is_ref_too(c, lower)) {
		*ret = ra_query_say(q, RA_R_COMMIT_AMBIGUOUS,
		    "%s may be a commit, and is a branch or tag too", text);
		return NULL;
	}
	(void)snprintf(
	    input, sizeof(input), "%s^{commit}\n%s\n%s\n", lower, lower, c->refs->list[0].object);
	(void)snprintf(
	    key, sizeof(key), "commit %s at %llu", lower, (unsigned long long)c->generation);
	item = ra_query_know(q, key, &(struct ra_git_call){ .args = args, .input = input }, false);
	return item != NULL ? take_commit(q, text, item, out, ret) : NULL;
}

bool
ra_query_count(struct ra_mirror_query *q, const char *a, const char *b, int64_t *ret_behind,
    int64_t *ret_ahead)
{
	char range[2 * RA_COMMIT_TEXT + 4];
	const char *const args[] = { "rev-list", "--left-right", "--count", range, "--", NULL };
	const struct ra_memo_item *item;
	size_t len;

	*ret_behind = *ret_ahead = 0;
	if (strcmp(a, b) == 0)
		return true;
	(void)snprintf(range, sizeof(range), "%s...%s", a, b);
	item = ra_query_know(q, range, &(struct ra_git_call){ .args = args }, false);
	if (item == NULL)
		return false;
	len = strcspn(item->output, "\t");
	if (ra_int_parse(item->output, len, ret_ahead) < 0 || item->output[len] == '\0' ||
	    ra_int_parse(
		item->output + len + 1, strcspn(item->output + len + 1, "\n"), ret_behind) < 0)
		*ret_behind = *ret_ahead = -1;
	return true;
}

bool
ra_query_date(struct ra_mirror_query *q, const char *commit, int64_t *ret)
{
	const char *const args[] = { "log", "-1", "--no-walk", "--format=%ct", commit, "--", NULL };
	char key[RA_COMMIT_TEXT + 8];
	const struct ra_memo_item *item;
	int64_t seconds;

	(void)snprintf(key, sizeof(key), "date %s", commit);
	item = ra_query_know(q, key, &(struct ra_git_call){ .args = args }, false);
	if (item == NULL)
		return false;
	if (ra_int_parse(item->output, strcspn(item->output, "\n"), &seconds) < 0 ||
	    seconds > INT64_MAX / RA_SECOND)
		seconds = 0;
	*ret = seconds * RA_SECOND;
	return true;
}
