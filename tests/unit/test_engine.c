/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine on a source and a kind of the test's own: every probe ends once, hosts that hang do
 * not hold up the rest, a swap loses nothing, and work per probe does not grow with the checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/clock.h"
#include "relaudit/engine/engine.h"
#include "relaudit/format/format.h"
#include "relaudit/kind/kind.h"
#include "relaudit/source/source.h"

/* --- a source that answers as its options say --- */

enum play { ANSWER, FAIL, HANG, REFUSE_TO_START, LIE_IN_WAIT };

struct options {
	enum play play;
	const char *host;
	const char *value;
};

struct pending {
	struct ra_timer *timer;
	struct ra_fetch *fetch;
};

static size_t started, answered, cancelled, most_at_once, at_once;

static const char *
host(const void *options)
{
	return ((const struct options *)options)->host;
}

static void
on_time(void *arg)
{
	struct pending *p = arg;
	struct ra_fetch *f = p->fetch;
	const struct options *o = f->options;

	ra_timer_free(p->timer);
	free(p);
	f->state = NULL;
	at_once--;
	answered++;
	if (o->play == ANSWER) {
		f->input.bytes = strdup(o->value);
		f->input.len = strlen(o->value);
	} else {
		ra_input_fail(&f->input, o->play == FAIL ? RA_R_REFUSED : RA_R_TIMEOUT, "played");
	}
	f->done(f);
}

static int
start(struct ra_fetch *f)
{
	const struct options *o = f->options;
	struct pending *p;

	if (o->play == REFUSE_TO_START)
		return -EMFILE;
	p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->fetch = f;
	f->state = p;
	started++;
	if (++at_once > most_at_once)
		most_at_once = at_once;
	assert_int_equal(ra_timer_new(f->io->loop, on_time, p, &p->timer), 0);
	if (o->play == HANG)
		ra_timer_start(p->timer, f->deadline - ra_loop_now(f->io->loop), 0);
	else if (o->play != LIE_IN_WAIT)
		ra_timer_start(p->timer, 0, 0);
	return 0;
}

static void
cancel(struct ra_fetch *f)
{
	struct pending *p = f->state;

	ra_timer_free(p->timer);
	free(p);
	at_once--;
	cancelled++;
}

static const struct ra_source source = { .type = { .name = "played" },
	.serves = RA_SHAPE_BYTES,
	.host = host,
	.start = start,
	.cancel = cancel };
const struct ra_source *const ra_sources[] = { &source, NULL };

static enum ra_reason
read_all(const struct ra_format_call *call, struct ra_data *ret, struct ra_error *err)
{
	ret->shape = RA_SHAPE_FIELDS;
	return ra_data_add_field(ret, "value", call->input->bytes, call->input->len) == 0
		   ? RA_R_OK
		   : RA_R_NO_MEMORY;
}

static const struct ra_format format = {
	.type = { .name = "whole" }, .serves = RA_SHAPE_FIELDS, .read = read_all
};
const struct ra_format *const ra_formats[] = { &format, NULL };

static size_t judged;

static size_t
needs(const void *options, const void *expect, struct ra_need list[RA_NEEDS_MAX])
{
	list[0] = (struct ra_need){ RA_NEED_SELF, RA_SHAPE_FIELDS };
	return 1;
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
	const char *value = ra_data_field(call->inputs[0].data, "value");

	judged++;
	if (strcmp(value, "good") == 0)
		ra_result_say(ret, RA_OK, RA_R_OK, "good");
	else
		ra_result_say(ret, RA_CRITICAL, RA_R_VERSION_DIFFERS, "%s", value);
}

static const struct ra_fact_def facts[] = { { .name = NULL } };
static const struct ra_kind kind = { .type = { .name = "plain" },
	.takes = RA_SHAPE_FIELDS,
	.facts = facts,
	.needs = needs,
	.judge = judge };
const struct ra_kind *const ra_kinds[] = { &kind, NULL };

/* --- a configuration by hand --- */

struct plan {
	struct ra_config config;
	struct ra_environment env;
	struct ra_check *checks;
	struct ra_instance_conf *instances;
	struct options *options;
	const struct ra_check **list;
	char (*names)[48];
};

static void
plan_make(struct plan *p, size_t count, int64_t every, int64_t timeout)
{
	size_t i;

	memset(p, 0, sizeof(*p));
	p->checks = calloc(count, sizeof(*p->checks));
	p->instances = calloc(count, sizeof(*p->instances));
	p->options = calloc(count, sizeof(*p->options));
	p->list = calloc(count, sizeof(*p->list));
	p->names = calloc(count, sizeof(*p->names));
	p->env.name = "test";
	p->config.refs = 1000000; /* never freed by the engine: it is the test's */
	p->config.daemon.in_flight = 100;
	p->config.daemon.per_host = 8;
	p->config.checks = p->list;
	p->config.check_count = count;
	for (i = 0; i < count; i++) {
		struct ra_check *c = &p->checks[i];

		snprintf(p->names[i], sizeof(p->names[i]), "test/c%zu", i);
		p->options[i] = (struct options){ ANSWER, NULL, "good" };
		p->instances[i].source_options = &p->options[i];
		*c = (struct ra_check){ .id = p->names[i],
			.name = p->names[i] + 5,
			.environment = &p->env,
			.confirm = 1,
			.recover = 1,
			.severity = RA_CRITICAL,
			.instances = &p->instances[i],
			.instance_count = 1,
			.every = every,
			.timeout = timeout,
			.retry = every,
			.index = (uint32_t)i };
		p->list[i] = c;
		assert_int_equal(ra_map_put(&p->config.checks_by_id, c->id, c, NULL), 0);
	}
}

static void
plan_free(struct plan *p)
{
	ra_map_free(&p->config.checks_by_id);
	free(p->checks);
	free(p->instances);
	free(p->options);
	free(p->list);
	free(p->names);
}

/* --- a run of the engine until `want` results came --- */

struct bed {
	struct ra_io io;
	struct ra_engine *engine;
	struct ra_listener listener;
	size_t results, want;
	struct ra_timer *guard;
};

static void
on_result(struct ra_listener *l, const struct ra_check *check)
{
	struct bed *b = RA_CONTAINER(l, struct bed, listener);

	b->results++;
	if (b->want > 0 ? b->results == b->want : ra_engine_pending(b->engine) == 0)
		ra_loop_stop(b->io.loop);
}

static void
on_guard(void *arg)
{
	struct bed *b = arg;

	fail_msg("only %zu of %zu results came", b->results, b->want);
}

static void
bed_open(struct bed *b, struct plan *p)
{
	memset(b, 0, sizeof(*b));
	started = answered = cancelled = judged = most_at_once = at_once = 0;
	assert_int_equal(ra_loop_new(&b->io.loop, NULL), 0);
	assert_int_equal(ra_engine_new(&b->io, NULL, NULL, &b->engine, NULL), 0);
	b->listener.result = on_result;
	ra_engine_listen(b->engine, &b->listener);
	assert_int_equal(ra_timer_new(b->io.loop, on_guard, b, &b->guard), 0);
	assert_int_equal(ra_engine_start(b->engine, &p->config, NULL), 0);
}

static void
bed_run(struct bed *b, size_t want)
{
	b->results = 0;
	b->want = want;
	ra_timer_start(b->guard, 60 * RA_SECOND, 0);
	ra_loop_run(b->io.loop);
}

static void
bed_close(struct bed *b)
{
	ra_engine_stop(b->engine);
	ra_engine_unlisten(b->engine, &b->listener);
	ra_engine_free(b->engine);
	ra_timer_free(b->guard);
	ra_loop_free(b->io.loop);
	assert_int_equal(at_once, 0);
	assert_int_equal(started, answered + cancelled);
}

/* --- tests --- */

static void
test_every_end_is_one_result(void **unused)
{
	static const struct {
		enum play play;
		const char *value;
		enum ra_verdict verdict;
		enum ra_reason reason;
	} rows[] = {
		{ ANSWER, "good", RA_OK, RA_R_OK },
		{ ANSWER, "bad", RA_CRITICAL, RA_R_VERSION_DIFFERS },
		{ FAIL, "", RA_UNKNOWN, RA_R_REFUSED },
		{ HANG, "", RA_UNKNOWN, RA_R_TIMEOUT },
		{ REFUSE_TO_START, "", RA_UNKNOWN, RA_R_NO_DESCRIPTORS },
		{ LIE_IN_WAIT, "", RA_UNKNOWN, RA_R_TIMEOUT },
	};
	struct plan p;
	struct bed b;
	size_t i;

	plan_make(&p, RA_ARRAY_SIZE(rows), 10 * RA_SECOND, 200);
	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		p.options[i].play = rows[i].play;
		p.options[i].value = rows[i].value;
	}
	bed_open(&b, &p);
	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_run *run;

		assert_int_equal(ra_engine_run(b.engine, &p.checks[i], NULL, NULL, &run), 0);
	}
	bed_run(&b, 0); /* until each has one */
	assert_int_equal(ra_engine_pending(b.engine), 0);
	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_view v;

		ra_engine_view(b.engine, &p.checks[i], &v);
		assert_int_equal(v.verdict, rows[i].verdict);
		assert_int_equal(v.reason, rows[i].reason);
		/* 0 while its next probe, whose time may have come meanwhile, is under way. */
		if (v.next != 0)
			assert_in_range(v.next, v.checked - RA_SECOND, v.checked + 12 * RA_SECOND);
	}
	bed_close(&b);
	plan_free(&p);
}

static void
test_caps_hold(void **unused)
{
	struct plan p;
	struct bed b;
	size_t i;

	plan_make(&p, 300, 1 * RA_SECOND, 5 * RA_SECOND);
	for (i = 0; i < 300; i++)
		p.options[i].host = "one:80";
	bed_open(&b, &p);
	bed_run(&b, 600);
	assert_in_range(most_at_once, 1, 8);
	bed_close(&b);
	plan_free(&p);
}

/* A tenth hangs for longer than the period; the rest keeps its period and its places. */
static void
test_slow_lane(void **unused)
{
	struct plan p;
	struct bed b;
	struct ra_engine_stats stats;
	char hosts[400][16];
	size_t i;

	plan_make(&p, 400, 1 * RA_SECOND, 2 * RA_SECOND);
	p.config.daemon.in_flight = 40;
	for (i = 0; i < 400; i++) {
		snprintf(hosts[i], sizeof(hosts[i]), "h%zu", i);
		p.options[i].host = hosts[i];
		if (i % 10 == 0)
			p.options[i].play = HANG;
	}
	bed_open(&b, &p);
	bed_run(&b, 2000);
	ra_engine_stats(b.engine, &stats);
	assert_true(stats.probes[RA_OK] >= 1900);
	assert_true(stats.slow_in_flight <= 20);
	bed_close(&b);
	plan_free(&p);
}

static void
test_work_does_not_grow(void **unused)
{
	static const size_t sizes[] = { 100, 10000 };
	double per_probe[2];
	size_t i;

	for (i = 0; i < 2; i++) {
		struct ra_engine_stats before, after;
		struct plan p;
		struct bed b;

		plan_make(&p, sizes[i], 2 * RA_SECOND, 1 * RA_SECOND);
		p.config.daemon.in_flight = 1000;
		bed_open(&b, &p);
		ra_engine_stats(b.engine, &before);
		bed_run(&b, sizes[i] + sizes[i] / 2);
		ra_engine_stats(b.engine, &after);
		per_probe[i] = (double)(after.work - before.work) / (double)b.results;
		bed_close(&b);
		plan_free(&p);
	}
	/* The heap's logarithm and nothing else: log2(10000) / log2(100) = 2. */
	assert_true(per_probe[1] < 2.5 * per_probe[0] + 4);
	assert_true(per_probe[1] < 40);
}

static void
test_swap_keeps_what_did_not_change(void **unused)
{
	struct plan was, now;
	struct ra_view v;
	struct bed b;

	plan_make(&was, 3, 1 * RA_SECOND, 5 * RA_SECOND);
	plan_make(&now, 2, 1 * RA_SECOND, 5 * RA_SECOND);
	was.options[1].value = "bad";
	now.checks[0].fingerprint[0] = 1; /* other times only */
	now.checks[1].fingerprint[0] = now.checks[1].judged[0] = 1; /* changed; c2 is gone */
	was.options[2].play = LIE_IN_WAIT;
	bed_open(&b, &was);
	bed_run(&b, 4);
	ra_engine_view(b.engine, &was.checks[1], &v);
	assert_int_equal(v.state, RA_CRITICAL);
	assert_int_equal(ra_engine_swap(b.engine, &now.config, NULL), 0);
	assert_int_equal(cancelled, at_once == 0 ? cancelled : 1);
	ra_engine_view(b.engine, &now.checks[0], &v);
	assert_int_equal(v.state, RA_OK);
	assert_true(v.since > 0);
	ra_engine_view(b.engine, &now.checks[1], &v);
	assert_int_equal(v.state, RA_PENDING); /* judged by other words: not believed */
	bed_run(&b, 4);
	ra_engine_view(b.engine, &now.checks[1], &v);
	assert_int_equal(v.state, RA_OK);
	bed_close(&b);
	plan_free(&was);
	plan_free(&now);
}

static void
on_run(void *arg, int error)
{
	*(int *)arg = error;
}

static void
test_run_is_joined_and_limited(void **unused)
{
	struct ra_run *run;
	struct plan p;
	struct bed b;
	int got[12], i;

	plan_make(&p, 1, 3600 * RA_SECOND, 5 * RA_SECOND);
	bed_open(&b, &p);
	for (i = 0; i < 10; i++) {
		got[i] = 1;
		assert_int_equal(ra_engine_run(b.engine, &p.checks[0], on_run, &got[i], &run), 0);
	}
	assert_int_equal(ra_engine_run(b.engine, &p.checks[0], on_run, &got[10], &run), -EBUSY);
	bed_run(&b, 1);
	for (i = 0; i < 10; i++)
		assert_int_equal(got[i], 0);
	assert_int_equal(started, 1);
	bed_close(&b);
	plan_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_end_is_one_result),
		cmocka_unit_test(test_caps_hold),
		cmocka_unit_test(test_slow_lane),
		cmocka_unit_test(test_work_does_not_grow),
		cmocka_unit_test(test_swap_keeps_what_did_not_change),
		cmocka_unit_test(test_run_is_joined_and_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
