/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Nagios plugin says: one line is its exit code, the rest its output. Only 0 with a first
 * line is OK; performance data, whatever it was, is JSON of known members, and a number is one.
 */
#include <jansson.h>

#include "relaudit/kind/kind.h"
#include "relaudit/model/perfdata.h"

#include "fuzz.h"

extern const struct ra_kind ra_kind_plugin;

static void
check_value(json_t *value)
{
	static const char *const texts[] = { "label", "unit", "warn", "crit" };
	static const char *const numbers[] = { "value", "min", "max" };
	size_t known = 0;

	FUZZ_CHECK(json_is_object(value) && json_is_string(json_object_get(value, "label")));
	for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
		json_t *text = json_object_get(value, texts[i]);

		FUZZ_CHECK(text == NULL || json_string_length(text) > 0);
		known += text != NULL;
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(numbers); i++) {
		json_t *number = json_object_get(value, numbers[i]);

		FUZZ_CHECK(number == NULL || json_is_number(number));
		known += number != NULL;
	}
	FUZZ_CHECK(known == json_object_size(value));
}

static void
check_perfdata(const char *text)
{
	json_error_t err;
	json_t *list = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);

	FUZZ_CHECK(json_is_array(list));
	FUZZ_CHECK(json_array_size(list) > 0 && json_array_size(list) <= RA_PERFDATA_MAX);
	for (size_t i = 0; i < json_array_size(list); i++)
		check_value(json_array_get(list, i));
	json_decref(list);
}

static void
check_result(const struct ra_result *r, int code, const char *text, size_t len)
{
	const struct ra_fact *fact = ra_facts_get(&r->facts, "perfdata");
	bool silent = len == 0 || text[0] == '\n' || text[0] == '|';

	FUZZ_CHECK(r->verdict != RA_OK || (code == 0 && !silent));
	FUZZ_CHECK((r->verdict == RA_OK) == (r->reason == RA_R_OK));
	FUZZ_CHECK(r->verdict != RA_WARNING || code == 1);
	FUZZ_CHECK(r->verdict != RA_CRITICAL || code == 2);
	FUZZ_CHECK(r->summary != NULL && r->summary[0] != '\0' && r->evidence != NULL);
	FUZZ_CHECK(ra_facts_number(&r->facts, "exit", -1) == code);
	if (fact != NULL)
		check_perfdata(fact->text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *code = fuzz_line(&in);
	RA_FREE char *rest = fuzz_rest(&in);
	struct ra_input input = {
		.where = (char *)"check_x",
		.bytes = rest,
		.len = in.left,
		.status = (int)(strtoul(code, NULL, 10) & 0xff),
	};
	struct ra_gathered self = { .reason = RA_R_OK, .input = &input };
	struct ra_judge_call call = { .inputs = &self, .input_count = 1 };
	struct ra_result *r = ra_result_new();

	FUZZ_CHECK(r != NULL);
	ra_kind_plugin.judge(&call, r);
	check_result(r, input.status, rest, in.left);
	ra_result_unref(r);
	return 0;
}
