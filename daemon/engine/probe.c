/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One probe: gather what the kind needs for each instance, read it, judge it, and hand the one
 * result to the funnel. Whatever fails on the way is a result with its own reason.
 */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define LIMIT_GRACE (2 * RA_SECOND) /* beyond the source's own deadline */

static void probe_free(struct ra_probe *p);

static void
part_clear(struct ra_part *part)
{
	ra_input_clear(&part->fetch.input);
	ra_data_free(&part->data);
	ra_asking_free(RA_TAKE(part->asking));
	ra_result_unref(RA_TAKE(part->result));
	ra_snapshot_unref(RA_TAKE(part->snapshot));
	ra_snapshot_unref(RA_TAKE(part->known));
}

static void
probe_unlink(struct ra_probe *p)
{
	struct ra_engine *e = p->engine;

	if (p->prev != NULL)
		p->prev->next = p->next;
	else if (e->probes == p)
		e->probes = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	p->next = p->prev = NULL;
}

static void
probe_free(struct ra_probe *p)
{
	size_t i;

	probe_unlink(p);
	for (i = 0; i < p->part_count; i++)
		part_clear(&p->parts[i]);
	ra_config_unref(p->config);
	free(p);
}

/* --- judging --- */

/* The shape asked of the source, and whether a format stands between. */
static unsigned
shape_of(const struct ra_check *c)
{
	const struct ra_kind *kind = ra_check_kind(c);
	unsigned serves = ra_check_source(c)->serves;

	if (ra_check_format(c) == NULL)
		return serves & kind->takes;
	return (kind->takes & RA_SHAPE_LINES) && (serves & RA_SHAPE_LINES) ? RA_SHAPE_LINES
									   : RA_SHAPE_BYTES;
}

/* Secrets of a configuration are in the clear no longer than they must. */
static void
wipe(struct ra_part *part)
{
	struct ra_input *in = &part->fetch.input;

	if (!(ra_check_kind(part->probe->check)->takes & RA_SHAPE_KEYS))
		return;
	ra_data_free(&part->data);
	if (in->bytes != NULL)
		explicit_bzero(in->bytes, in->len);
	in->len = 0;
}

static bool
same_snapshot(const struct ra_snapshot *a, const struct ra_snapshot *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return memcmp(ra_snapshot_digest(a), ra_snapshot_digest(b), RA_DIGEST_SIZE) == 0;
}

/*
 * Of kinds without snapshots the facts are what others look at. The first after a start is news
 * even if it is as what was kept: that may have been too old to go by.
 */
static bool
has_news(const struct ra_probe *p, const struct ra_result *was, const struct ra_result *now)
{
	if (p->track->snapshots != NULL || was == NULL || now == NULL)
		return p->news || was == NULL || was->checked_boot == 0;
	return !ra_facts_equal(&was->facts, &now->facts);
}

/* Keeps what the next judgement may want to compare with. */
static void
remember(struct ra_probe *p)
{
	struct ra_track *t = p->track;
	size_t i;

	for (i = 0; t->snapshots != NULL && i < p->part_count; i++) {
		p->news = p->news || !same_snapshot(t->snapshots[i], p->parts[i].snapshot);
		ra_known_take(p, i);
		ra_snapshot_unref(t->snapshots[i]);
		t->snapshots[i] = RA_TAKE(p->parts[i].snapshot);
	}
	p->news = ra_committed_remember(t, &p->parts[0]) || p->news;
	if (t->history != NULL)
		ra_versions_remember(p);
}

static struct ra_result *
probe_result(struct ra_probe *p)
{
	const struct ra_check *c = p->check;
	RA_FREE const char **names = NULL;
	RA_FREE struct ra_result **results = NULL;
	struct ra_result *result;
	size_t i;

	if (!c->many)
		return RA_TAKE(p->parts[0].result);
	names = calloc(p->part_count + 1, sizeof(*names));
	results = calloc(p->part_count + 1, sizeof(*results));
	if (names == NULL || results == NULL)
		return NULL;
	for (i = 0; i < p->part_count; i++) {
		names[i] = c->instances[i].name;
		results[i] = p->parts[i].result;
		if (results[i] == NULL)
			return NULL;
	}
	result = ra_kind_combine(ra_check_kind(c),
	    &(struct ra_combine_call){ .names = names,
		.results = results,
		.count = p->part_count,
		.expect = c->expect,
		.warn = c->warn,
		.before = p->track->latest != NULL ? &p->track->latest->facts : NULL,
		.now = ra_clock_wall(),
		.options = c->kind_options,
		.snapshots = (const struct ra_snapshot *const *)p->track->snapshots });
	if (result != NULL)
		ra_funnel_scrub(result, c);
	return result;
}

/* A repository that comes too late for one probe is there for the next. */
static bool
is_late(const struct ra_probe *p)
{
	for (size_t i = 0; i < p->part_count; i++) {
		const struct ra_asking *a = p->parts[i].asking;

		for (size_t k = 0; a != NULL && k < a->count; k++)
			if (a->answers[k].reason == RA_R_REPO_LATE)
				return true;
	}
	return false;
}

static void
probe_end(struct ra_probe *p)
{
	struct ra_engine *e = p->engine;
	struct ra_track *t = p->track;
	struct ra_result *result;

	if (t == NULL) {
		probe_free(p);
		return;
	}
	remember(p);
	result = probe_result(p);
	t->probe = NULL;
	if (has_news(p, t->latest, result))
		ra_peers_tell(e, t); /* they are judged in a later turn of the loop */
	ra_funnel(e, t, result, p->started);
	if (is_late(p))
		ra_schedule_soon(e, t);
	probe_free(p);
}

/* --- parts --- */

static void
part_done(struct ra_part *part)
{
	struct ra_probe *p = part->probe;

	part->stage = RA_PART_DONE;
	wipe(part);
	if (--p->parts_left == 0 && p->workers == 0)
		probe_end(p);
}

void
ra_probe_judged(struct ra_part *part)
{
	if (part->result != NULL)
		ra_funnel_scrub(part->result, part->probe->check);
	part_done(part);
}

/* It has all it will get. Of a cancelled probe nobody wants to know. */
void
ra_probe_answered(struct ra_part *part)
{
	if (part->probe->track == NULL)
		part_done(part);
	else if (!ra_judge_part(part))
		ra_probe_judged(part);
}

/* SELF is there or has failed: what is read may be asked about. */
static void
part_read(struct ra_part *part)
{
	if (part->probe->track == NULL || part->fetch.input.reason != RA_R_OK ||
	    part->read_reason != RA_R_OK || !ra_git_ask(part))
		ra_probe_answered(part);
}

static void
read_part(void *arg)
{
	struct ra_part *part = arg;
	const struct ra_check *c = part->probe->check;
	const struct ra_kind *kind = ra_check_kind(c);
	const struct ra_format *format = ra_check_format(c);
	struct ra_format_call call = { .options = c->format_options,
		.selectors = c->selectors,
		.selector_count = c->selector_count,
		.fields = kind->fields,
		.input = &part->fetch.input };

	call.shape = (enum ra_shape)(kind->takes & format->serves);
	part->read_reason = format->read(&call, &part->data, &part->read_error);
	if (part->read_reason == RA_R_OK)
		part->read_reason = ra_judge_snapshot(c, part->probe->engine->secret_key,
		    &part->data, part->fetch.input.where, false, &part->snapshot);
	if (ra_check_kind(c)->snapshot != NULL)
		wipe(part); /* the snapshot has all that is judged */
}

static void
read_done(void *arg)
{
	struct ra_part *part = arg;
	struct ra_engine *e = part->probe->engine;

	part->probe->workers--;
	part_read(part);
	ra_schedule_pump(e);
}

static bool
is_timeout(enum ra_reason r)
{
	return r == RA_R_TIMEOUT || r == RA_R_CONNECT_TIMEOUT || r == RA_R_DNS_TIMEOUT;
}

/* The source answered, or was made to. */
static void
part_fetched(struct ra_part *part)
{
	struct ra_probe *p = part->probe;
	struct ra_input *in = &part->fetch.input;

	ra_schedule_leave(p->engine, part, is_timeout(in->reason));
	part->stage = RA_PART_READING;
	if (in->fetched == 0)
		in->fetched = ra_clock_wall();
	if (in->unchanged && part->known == NULL)
		ra_input_fail(in, RA_R_INTERNAL, "unchanged since nobody knows when");
	ra_judge_cached(p->check, in);
	p->engine->stats.unchanged += in->unchanged;
	if (in->unchanged && part->known != NULL)
		part->snapshot = ra_snapshot_ref(part->known);
	if (in->reason == RA_R_OK && !in->unchanged && ra_check_format(p->check) != NULL) {
		if (in->len > RA_INLINE_MAX &&
		    ra_work_start(p->engine->io.loop, read_part, read_done, part) == 0) {
			p->workers++;
			return;
		}
		read_part(part);
	}
	part_read(part);
}

static void
on_fetched(struct ra_fetch *fetch)
{
	struct ra_part *part = fetch->arg;
	struct ra_engine *e = part->probe->engine;

	part_fetched(part);
	ra_schedule_pump(e);
}

static void
fail_part(struct ra_part *part, enum ra_reason reason, const char *text)
{
	ra_input_fail(&part->fetch.input, reason, "%s", text);
	part_fetched(part);
}

void
ra_probe_fetch(struct ra_part *part)
{
	struct ra_probe *p = part->probe;
	int r;

	part->fetch.deadline = ra_loop_now(p->engine->io.loop) + p->check->timeout;
	p->limit = part->fetch.deadline + LIMIT_GRACE;
	r = ra_check_source(p->check)->start(&part->fetch);
	if (r == -EMFILE || r == -ENFILE)
		fail_part(part, RA_R_NO_DESCRIPTORS, "not run: no file descriptors left");
	else if (r == -ENOMEM)
		fail_part(part, RA_R_NO_MEMORY, "not run: out of memory");
	else if (r < 0)
		fail_part(part, RA_R_INTERNAL, strerror(-r));
}

void
ra_probe_expire(struct ra_probe *p)
{
	size_t i;

	/* part_fetched may free the probe with its last part; parts still queued have not begun. */
	for (i = 0; i < p->part_count; i++) {
		struct ra_part *part = &p->parts[i];
		bool last = p->parts_left == 1 && p->workers == 0;

		if (part->stage == RA_PART_ASKING) {
			ra_git_expire(part);
		} else if (part->stage == RA_PART_FETCHING) {
			ra_check_source(p->check)->cancel(&part->fetch);
			fail_part(part, RA_R_TIMEOUT,
			    "no answer, and its source did not keep the deadline");
		} else {
			continue;
		}
		if (last)
			return;
	}
}

int
ra_probe_start(struct ra_engine *e, struct ra_track *t)
{
	const struct ra_check *c = t->check;
	size_t n = c->instance_count, i;
	struct ra_probe *p = calloc(1, sizeof(*p) + n * sizeof(p->parts[0]));

	if (p == NULL)
		return -ENOMEM;
	p->engine = e;
	p->track = t;
	p->config = ra_config_ref(e->config);
	p->check = c;
	p->started = ra_loop_now(e->io.loop);
	p->limit = INT64_MAX;
	p->part_count = p->parts_left = n;
	p->next = e->probes;
	if (p->next != NULL)
		p->next->prev = p;
	e->probes = p;
	t->probe = p;
	e->stats.started++;
	p->workers = 1; /* keeps it while its parts start, which may end at once */
	for (i = 0; i < n; i++) {
		struct ra_part *part = &p->parts[i];

		part->probe = p;
		part->fetch = (struct ra_fetch){ .io = &e->io,
			.options = c->instances[i].source_options,
			.shape = shape_of(c),
			.selectors = c->selectors,
			.selector_count = c->selector_count,
			.done = on_fetched,
			.arg = part };
		ra_known_offer(part);
		ra_schedule_enter(e, part);
	}
	if (--p->workers == 0 && p->parts_left == 0)
		probe_end(p);
	return 0;
}

void
ra_probe_cancel(struct ra_probe *p)
{
	struct ra_engine *e = p->engine;
	size_t i;

	if (p->track != NULL)
		p->track->probe = NULL;
	p->track = NULL;
	e->stats.cancelled++;
	for (i = 0; i < p->part_count; i++) {
		struct ra_part *part = &p->parts[i];

		if (part->stage == RA_PART_FETCHING)
			ra_check_source(p->check)->cancel(&part->fetch);
		if (part->stage == RA_PART_FETCHING || part->stage == RA_PART_WAITING) {
			ra_schedule_leave(e, part, part->host != NULL && part->host->slow);
			part->stage = RA_PART_DONE;
			p->parts_left--;
		} else if (part->stage == RA_PART_ASKING) {
			ra_git_cancel(part);
			part->stage = RA_PART_DONE;
			p->parts_left--;
		}
	}
	/* What is on a worker comes back by itself. */
	if (p->workers == 0)
		probe_free(p);
}
