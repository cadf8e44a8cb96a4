/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind logs. Lines: the `time:` pattern (empty: none), a required and a forbidden pattern, a limit
 * of age; then the log. Whatever stands in it, the verdict is one, and OK only where nothing is in
 * doubt. The first line is also read as a time by itself.
 */
#include <jansson.h>

#include "relaudit/base/clock.h"
#include "relaudit/format/format.h"
#include "relaudit/kind/kind.h"

#include "fuzz_options.h"

#include "../../daemon/kind/logtime.h"

#define NOW INT64_C(1795435200000) /* 2026-11-23T12:00:00Z */

extern const struct ra_format ra_format_text;
extern const struct ra_kind ra_kind_logs;

static void
check_time(const char *text)
{
	char shown[RA_TIME_TEXT];
	int64_t time, again;

	if (ra_logtime_parse(text, strlen(text), NOW, &time) < 0 ||
	    strcmp(ra_time_format(time, shown), "-") == 0)
		return;
	FUZZ_CHECK(ra_logtime_parse(shown, strlen(shown), NOW, &again) == 0 && again == time);
}

/* As they are stored and sent: read back they are the same. */
static void
check_facts(const struct ra_facts *facts)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_facts back = { 0 };
	struct ra_jsonw w;

	ra_jsonw_init(&w, &out);
	ra_facts_write(facts, &w, NULL);
	FUZZ_CHECK(ra_facts_read(out.data, out.len, ra_kind_logs.facts, &back) == 0);
	FUZZ_CHECK(ra_facts_equal(facts, &back));
	ra_facts_free(&back);
}

static void
check_result(const struct ra_result *r, size_t lines, int64_t limit)
{
	int64_t newest = ra_facts_number(&r->facts, "newest", RA_UNSET);
	int64_t age = ra_facts_number(&r->facts, "age_s", RA_UNSET);

	FUZZ_CHECK(r->verdict <= RA_UNKNOWN && (r->verdict == RA_OK) == (r->reason == RA_R_OK));
	FUZZ_CHECK(r->summary != NULL && r->summary[0] != '\0' && r->evidence != NULL);
	FUZZ_CHECK(strlen(r->summary) <= RA_SUMMARY_MAX);
	FUZZ_CHECK(ra_facts_number(&r->facts, "entries", -1) == (int64_t)lines);
	FUZZ_CHECK((newest == RA_UNSET) == (age == RA_UNSET));
	FUZZ_CHECK(newest == RA_UNSET || age >= 0);
	if (r->verdict == RA_OK && limit != RA_UNSET)
		FUZZ_CHECK(newest != RA_UNSET && age <= limit / 1000 && newest <= NOW + RA_HOUR);
	FUZZ_CHECK(r->verdict != RA_OK || lines > 0);
	if (newest == RA_UNSET || (newest > -NOW && newest < 4 * NOW))
		check_facts(&r->facts);
}

static void
check_log(const void *bound, const void *options, const void *expect, const struct ra_input *input,
    int64_t limit)
{
	struct ra_format_call format = {
		.options = bound, .shape = RA_SHAPE_LINES, .input = input
	};
	struct ra_data data = { 0 };
	struct ra_gathered self = { .input = input, .data = &data };
	struct ra_judge_call call = {
		.options = options, .expect = expect, .inputs = &self, .input_count = 1, .now = NOW
	};
	struct ra_result *r = ra_result_new();

	FUZZ_CHECK(ra_format_text.read(&format, &data, NULL) == RA_R_OK);
	ra_kind_logs.judge(&call, r);
	check_result(r, data.lines.count, limit);
	ra_result_unref(r);
	ra_data_free(&data);
}

/* "name: value" for each that is not empty; owned. */
static char *
options_text(const char *const *names, char *const *values, size_t count)
{
	RA_BUF_LOCAL out = RA_BUF(0);

	for (size_t i = 0; i < count; i++) {
		if (values[i][0] != '\0')
			ra_buf_printf(&out, "%s: %s\n", names[i], values[i]);
	}
	return out.len > 0 ? ra_buf_take(&out) : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const names[] = { "time", "required", "forbidden", "max-age" };
	struct fuzz_input in = { (const char *)bytes, size };
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place, words;
	const void *options, *expect;
	char *values[4], *option, *word;
	int64_t limit = RA_UNSET;
	bool slow = false;

	for (size_t i = 0; i < 4; i++)
		values[i] = fuzz_line(&in);
	check_time(values[0]);
	if (ra_duration_parse(values[3], &limit, NULL) < 0)
		values[3][0] = '\0';
	option = options_text(names, values, 1);
	word = options_text(names + 1, values + 1, 3);
	options = options_bind(arena, &ra_kind_logs.type, option, &place);
	expect = options_bind(arena, &ra_kind_logs.expectation, word, &words);
	for (size_t i = 0; i < 3; i++)
		slow = slow || fuzz_is_slow(values[i], in.at, in.left);
	if (place.text[0] == '\0' && words.text[0] == '\0' && !slow) {
		RA_FREE char *rest = fuzz_rest(&in);
		struct ra_input input = { .bytes = rest,
			.len = in.left,
			.where = (char *)"/log",
			.modified = in.left % 2 == 0 ? NOW - RA_MINUTE : 0 };

		check_log(options_bind(arena, &ra_format_text.type, NULL, &place), options, expect,
		    &input, limit);
	}
	ra_arena_free(arena);
	for (size_t i = 0; i < 4; i++)
		free(values[i]);
	free(option);
	free(word);
	return 0;
}
