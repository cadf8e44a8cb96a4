/* SPDX-License-Identifier: Apache-2.0 */
/* Judges one input by one kind, options and expectations bound through the kind's own tables. */
#ifndef RA_TESTS_KINDS_H
#define RA_TESTS_KINDS_H

#include "relaudit/base/clock.h"
#include "relaudit/kind/kind.h"

#include "options.h"

#define NOW   INT64_C(1795435200000) /* 2026-11-23T12:00:00Z */
#define WHERE "/somewhere"

/* What is handed to a judge; texts as options_bind takes them, NULL: not given. */
struct given {
	const char *options, *expect, *warn;
	struct ra_data *data;
	struct ra_input input;
	const struct ra_facts *history;
	const struct ra_git_answer *git;
};

/* What is wanted back. */
struct wanted {
	enum ra_verdict verdict;
	enum ra_reason reason;
	const char *summary; /* somewhere in it */
	const char *expected; /* exactly; NULL: none */
	const char *facts; /* as JSON */
};

/* Owned; the input's data is freed. */
RA_UNUSED static struct ra_result *
judged(const struct ra_kind *kind, struct given *g)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_gathered inputs[RA_NEEDS_MAX] = { 0 };
	struct ra_need needs[RA_NEEDS_MAX] = { 0 };
	struct ra_judge_call call = {
		.inputs = inputs, .now = NOW, .secret_key = "k", .secret_key_len = 1
	};
	struct ra_result *r = ra_result_new();
	struct ra_conf_place place;
	struct ra_snapshot *snapshot = NULL;

	assert_non_null(arena);
	assert_non_null(r);
	if (g->input.where == NULL)
		g->input.where = (char *)WHERE;
	call.options = options_bind(arena, &kind->type, g->options, &place);
	assert_string_equal(place.text, "");
	call.expect = options_bind(arena, &kind->expectation, g->expect, &place);
	assert_string_equal(place.text, "");
	if (g->warn != NULL)
		call.warn = options_bind(arena, &kind->expectation, g->warn, &place);
	assert_string_equal(place.text, "");
	call.input_count = kind->needs(call.options, call.expect, needs);
	for (size_t i = 0; i < call.input_count; i++) {
		inputs[i].need = needs[i];
		if (needs[i].what == RA_NEED_HISTORY) {
			inputs[i].facts = g->history;
			continue;
		}
		assert_true((needs[i].shapes & kind->takes) != 0);
		inputs[i].input = &g->input;
		inputs[i].data = g->data;
	}
	call.answers = g->git;
	call.answer_count = g->git != NULL;
	if (kind->snapshot != NULL)
		assert_int_equal(kind->snapshot(&call, g->data, g->input.where, &snapshot), 0);
	inputs[0].snapshot = snapshot;
	kind->judge(&call, r);
	ra_snapshot_unref(snapshot);
	ra_data_free(g->data);
	ra_arena_free(arena);
	return r;
}

static void
facts_text(const struct ra_facts *f, struct ra_buf *out)
{
	struct ra_jsonw w;

	ra_jsonw_init(&w, out);
	ra_facts_write(f, &w, NULL);
}

/* Fails with everything there is to see, takes the result. */
RA_UNUSED static void
check_result(size_t row, struct ra_result *r, const struct wanted *w)
{
	RA_BUF_LOCAL facts = RA_BUF(0);
	const char *expected = r->expected != NULL ? r->expected : "-";

	facts_text(&r->facts, &facts);
	if (r->verdict != w->verdict || r->reason != w->reason || r->summary == NULL ||
	    strstr(r->summary, w->summary) == NULL ||
	    strcmp(expected, w->expected != NULL ? w->expected : "-") != 0 ||
	    (w->facts != NULL && strcmp(ra_buf_text(&facts), w->facts) != 0))
		fail_msg("row %zu: %s %s, '%s', expected '%s', facts %s", row,
		    ra_verdict_name(r->verdict), ra_reason_code(r->reason), r->summary, expected,
		    ra_buf_text(&facts));
	assert_non_null(r->evidence);
	ra_result_unref(r);
}

#endif
