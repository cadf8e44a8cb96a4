/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging one instance: what the kind needs is gathered, the kind says what it makes of it. Of many
 * keys that is done on a worker, with references to all that the call borrows.
 */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "internal.h"

#define KEYS_INLINE 4000 /* more of them in all are judged on a worker */

/* What a call borrows while it is out of the loop's hands. */
struct ra_held {
	struct ra_gathered gathered[RA_GATHERED_MAX];
	struct ra_judge_call call;
	struct ra_config *config; /* the peers' */
	struct ra_result *results[RA_PEERS_MAX];
	struct ra_snapshot *snapshots[RA_PEERS_MAX];
	struct ra_committed_seen *committed[RA_PEERS_MAX];
	struct ra_snapshot *before;
	struct ra_facts history;
	size_t count;
};

/* --- the call --- */

static const struct ra_facts *
history_of(const struct ra_part *part)
{
	const struct ra_track *t = part->probe->track;
	size_t i = (size_t)(part - part->probe->parts);

	return t->history != NULL && i < t->history_count && t->history[i].count > 0
		   ? &t->history[i]
		   : NULL;
}

static int64_t
problem_since(const struct ra_state *s)
{
	bool bad = s->state == RA_WARNING || s->state == RA_CRITICAL;

	return bad && s->problem != 0 ? s->problem_since : 0;
}

void
ra_judge_call(const struct ra_part *part, struct ra_gathered gathered[RA_GATHERED_MAX],
    struct ra_judge_call *ret)
{
	const struct ra_check *c = part->probe->check;
	struct ra_need needs[RA_NEEDS_MAX] = { 0 };
	size_t n = ra_check_kind(c)->needs(c->kind_options, c->expect, needs), i;

	for (i = 0; i < n; i++) {
		gathered[i].need = needs[i];
		switch (needs[i].what) {
		case RA_NEED_SELF:
			gathered[i].input = &part->fetch.input;
			gathered[i].data =
			    part->data.shape != 0 ? &part->data : &part->fetch.input.listing;
			gathered[i].snapshot = part->snapshot;
			break;
		case RA_NEED_HISTORY:
			gathered[i].facts = history_of(part);
			break;
		case RA_NEED_PEER: /* these come after all that is listed */
			break;
		}
	}
	/* Of the present configuration, whose indexes are those of the tracks. */
	n += ra_peers_gather(part->probe->engine, part->probe->track->check, &gathered[n]);
	*ret = (struct ra_judge_call){ .options = c->kind_options,
		.expect = c->expect,
		.warn = c->warn,
		.inputs = gathered,
		.input_count = n,
		.now = ra_clock_wall(),
		.problem_since = problem_since(&part->probe->track->state),
		.service = c->service,
		.variables = &c->variables,
		.secret_key = part->probe->engine->secret_key,
		.secret_key_len = sizeof(part->probe->engine->secret_key),
		.answers = part->asking != NULL ? part->asking->answers : NULL,
		.answer_count = part->asking != NULL ? part->asking->count : 0 };
}

enum ra_reason
ra_judge_snapshot(const struct ra_check *c, const void *secret_key, const struct ra_data *data,
    const char *where, bool committed, struct ra_snapshot **ret)
{
	const struct ra_kind *kind = ra_check_kind(c);
	struct ra_judge_call call = { .options = c->kind_options,
		.expect = c->expect,
		.warn = c->warn,
		.variables = &c->variables,
		.secrets = c->secrets,
		.secret_count = c->secret_count,
		.committed = committed,
		.secret_key = secret_key,
		.secret_key_len = RA_DIGEST_SIZE };

	if (kind->snapshot == NULL || data->shape != RA_SHAPE_KEYS)
		return RA_R_OK;
	switch (kind->snapshot(&call, data, where, ret)) {
	case 0:
		return RA_R_OK;
	case -ENOMEM:
		return RA_R_NO_MEMORY;
	case -EMSGSIZE:
		return RA_R_TOO_MANY_KEYS;
	default:
		return RA_R_INTERNAL;
	}
}

/* --- what is encrypted in version control --- */

/* What was last read of it, over restarts. NULL: nothing. */
static const struct ra_snapshot *
known_of(const struct ra_part *part)
{
	const struct ra_known *known = part->probe->track->known;

	return known != NULL ? known[part - part->probe->parts].snapshot : NULL;
}

/* The words are held against a repository, and it was not read. */
static bool
lacks(const struct ra_kind *kind, const void *words, const struct ra_snapshot *committed)
{
	return words != NULL && kind->committed(words) != NULL && committed == NULL;
}

/* What somebody encrypted is a secret here too: from here on there is no more than its digest. */
static int
veil(struct ra_part *part, const struct ra_judge_call *call, struct ra_gathered *gathered,
    const struct ra_snapshot *before)
{
	const struct ra_check *c = part->probe->check;
	const struct ra_kind *kind = ra_check_kind(c);
	struct ra_veil by = { .key = call->secret_key, .key_len = call->secret_key_len };
	struct ra_snapshot *veiled;
	int r;

	if (part->snapshot == NULL || kind->committed == NULL)
		return 0;
	for (size_t i = 0; i < call->answer_count; i++) {
		if (call->answers[i].snapshot != NULL)
			by.committed[call->answers[i].warn] = call->answers[i].snapshot;
	}
	by.before = before;
	by.unread = part->doubt =
	    lacks(kind, c->expect, by.committed[false]) || lacks(kind, c->warn, by.committed[true]);
	r = ra_snapshot_veil(part->snapshot, &by, &veiled);
	for (size_t i = 0; i < call->input_count; i++) {
		if (gathered[i].need.what == RA_NEED_SELF)
			gathered[i].snapshot = r < 0 ? NULL : veiled;
	}
	ra_snapshot_unref(part->snapshot);
	part->snapshot = r < 0 ? NULL : veiled;
	return r;
}

/* --- the judgement --- */

static void
judge_failure(struct ra_part *part, enum ra_reason reason, const char *error)
{
	const struct ra_kind *kind = ra_check_kind(part->probe->check);
	enum ra_verdict v = kind->failure != NULL ? kind->failure(reason) : RA_UNKNOWN;

	ra_result_say(part->result, v, reason, "%s",
	    error != NULL && *error != '\0' ? error : ra_reason_meaning(reason));
	ra_result_evidence(part->result, part->fetch.input.where);
	if (reason == RA_R_STALE)
		ra_result_next(part->result,
		    "ask the server itself, past the cache (another `url:`, `connect:`), or see "
		    "that the cache does not keep this answer");
}

void
ra_judge_cached(const struct ra_check *c, struct ra_input *in)
{
	char age[RA_UNIT_TEXT];

	if (in->reason == RA_R_OK && in->age > ra_stale_after(c))
		ra_input_fail(in, RA_R_STALE, "the answer came out of a cache and is %s old",
		    ra_duration_human(in->age, age));
}

/* On either thread; gathered is what call->inputs are. */
static void
judge(struct ra_part *part, const struct ra_judge_call *call, struct ra_gathered *gathered,
    const struct ra_snapshot *before)
{
	int r = veil(part, call, gathered, before);

	if (r < 0)
		judge_failure(part, r == -ENOMEM ? RA_R_NO_MEMORY : RA_R_INTERNAL, NULL);
	else
		ra_check_kind(part->probe->check)->judge(call, part->result);
}

/* --- on a worker --- */

/* Keys that are looked at. */
static size_t
count_keys(const struct ra_judge_call *call)
{
	size_t n = 0, i;

	for (i = 0; i < call->input_count; i++)
		if (call->inputs[i].snapshot != NULL)
			n += ra_snapshot_count(call->inputs[i].snapshot);
	for (i = 0; i < call->answer_count; i++)
		if (call->answers[i].snapshot != NULL)
			n += ra_snapshot_count(call->answers[i].snapshot);
	return n;
}

static void
held_free(struct ra_held *h)
{
	size_t i;

	for (i = 0; i < h->count; i++) {
		ra_result_unref(h->results[i]);
		ra_snapshot_unref(h->snapshots[i]);
		ra_committed_unref(h->committed[i]);
	}
	ra_snapshot_unref(h->before);
	ra_facts_free(&h->history);
	ra_config_unref(h->config);
	free(h);
}

static struct ra_snapshot *
hold_snapshot(const struct ra_snapshot *s)
{
	return s != NULL ? ra_snapshot_ref((struct ra_snapshot *)(uintptr_t)s) : NULL;
}

static void
hold_peer(struct ra_engine *e, struct ra_held *h, const struct ra_gathered *g)
{
	const struct ra_track *t = &e->tracks[g->peer->check->index];

	h->results[h->count] = t->latest != NULL ? ra_result_ref(t->latest) : NULL;
	h->snapshots[h->count] = hold_snapshot(g->snapshot);
	h->committed[h->count] = t->committed;
	if (t->committed != NULL)
		t->committed->refs++;
	h->count++;
}

/* NULL: no memory. */
static struct ra_held *
hold(struct ra_part *part)
{
	struct ra_engine *e = part->probe->engine;
	struct ra_held *h = calloc(1, sizeof(*h));
	size_t i;

	if (h == NULL)
		return NULL;
	ra_judge_call(part, h->gathered, &h->call);
	h->config = ra_config_ref(e->config);
	h->before = hold_snapshot(known_of(part));
	for (i = 0; i < h->call.input_count; i++) {
		struct ra_gathered *g = &h->gathered[i];

		if (g->need.what == RA_NEED_PEER) {
			hold_peer(e, h, g);
		} else if (g->need.what == RA_NEED_HISTORY && g->facts != NULL) {
			if (ra_facts_copy(g->facts, &h->history) < 0) {
				held_free(h);
				return NULL;
			}
			g->facts = &h->history;
		}
	}
	return h;
}

static void
work(void *arg)
{
	struct ra_part *part = arg;
	struct ra_held *h = part->held;

	judge(part, &h->call, h->gathered, h->before);
}

static void
work_done(void *arg)
{
	struct ra_part *part = arg;

	held_free(RA_TAKE(part->held));
	part->probe->workers--;
	ra_probe_judged(part);
}

static bool
judge_on_worker(struct ra_part *part)
{
	part->held = hold(part);
	if (part->held == NULL)
		return false;
	part->stage = RA_PART_JUDGING;
	part->probe->workers++;
	if (ra_work_start(part->probe->engine->io.loop, work, work_done, part) == 0)
		return true;
	part->probe->workers--;
	held_free(RA_TAKE(part->held));
	return false;
}

/* --- a part --- */

bool
ra_judge_part(struct ra_part *part)
{
	const struct ra_input *in = &part->fetch.input;
	struct ra_gathered gathered[RA_GATHERED_MAX] = { 0 };
	struct ra_judge_call call;

	part->result = ra_result_new();
	if (part->result == NULL)
		return false;
	if (in->reason != RA_R_OK) {
		judge_failure(part, in->reason, in->error);
		return false;
	}
	if (part->read_reason != RA_R_OK) {
		judge_failure(part, part->read_reason, part->read_error.text);
		return false;
	}
	ra_judge_call(part, gathered, &call);
	if (count_keys(&call) > KEYS_INLINE && judge_on_worker(part))
		return true;
	judge(part, &call, gathered, known_of(part));
	return false;
}
