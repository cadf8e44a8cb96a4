/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Format json. Two lines are the pointers of version and commit, the rest is the answer. What is
 * read is what jansson has there, and comes through our own writer unchanged.
 */
#include <jansson.h>

#include "relaudit/base/jsonw.h"
#include "relaudit/format/format.h"

#include "fuzz.h"

extern const struct ra_format ra_format_json;

static const char *const fields[] = { "version", "commit", NULL };

static void
check_writer(const char *text)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_jsonw w;
	json_t *root;

	ra_jsonw_init(&w, &out);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "x", text);
	ra_jsonw_object_end(&w);
	FUZZ_CHECK(out.error == 0);
	root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_CHECK(root != NULL);
	FUZZ_CHECK(strcmp(json_string_value(json_object_get(root, "x")), text) == 0);
	json_decref(root);
}

/* A top-level member, the simplest pointer there is, by jansson alone. */
static void
check_member(const json_t *root, const char *pointer, const char *got)
{
	const json_t *value;

	if (pointer[0] != '/' || strpbrk(pointer + 1, "/~") != NULL || !json_is_object(root))
		return;
	value = json_object_get(root, pointer + 1);
	FUZZ_CHECK(value != NULL);
	if (json_is_string(value))
		FUZZ_CHECK(strcmp(json_string_value(value), got) == 0);
	else if (json_is_boolean(value))
		FUZZ_CHECK(strcmp(json_is_true(value) ? "true" : "false", got) == 0);
	else
		FUZZ_CHECK(json_is_integer(value) &&
			   strtoll(got, NULL, 10) == (long long)json_integer_value(value));
}

static void
check_read(const struct ra_format_call *call, const struct ra_data *data)
{
	json_t *root = json_loadb(call->input->bytes, call->input->len,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	FUZZ_CHECK(root != NULL && data->shape == RA_SHAPE_FIELDS);
	FUZZ_CHECK(data->fields.count == call->selector_count);
	for (size_t i = 0; i < call->selector_count; i++) {
		const char *got = ra_data_field(data, call->selectors[i].name);

		FUZZ_CHECK(got != NULL);
		check_member(root, call->selectors[i].text, got);
		check_writer(got);
	}
	json_decref(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *version = fuzz_line(&in);
	RA_FREE char *commit = fuzz_line(&in);
	RA_FREE char *rest = fuzz_rest(&in);
	struct ra_selector selectors[2] = { { "version", version }, { "commit", commit } };
	struct ra_input input = { .bytes = rest, .len = in.left };
	struct ra_format_call call = {
		.shape = RA_SHAPE_FIELDS, .selectors = selectors, .fields = fields, .input = &input
	};
	struct ra_data data = { 0 };
	struct ra_error err = { 0 };
	enum ra_reason reason;

	for (size_t i = 0; i < 2; i++) {
		int r = ra_format_json.selector(selectors[i].text, &err);

		FUZZ_CHECK((r == 0) == (err.text[0] == '\0'));
		if (r < 0)
			return 0;
	}
	call.selector_count = commit[0] != '\0' ? 2 : 1;
	reason = ra_format_json.read(&call, &data, &err);
	FUZZ_CHECK((reason == RA_R_OK) == (err.text[0] == '\0'));
	FUZZ_CHECK((reason == RA_R_OK) == (data.shape != 0));
	if (reason == RA_R_OK)
		check_read(&call, &data);
	ra_data_free(&data);
	return 0;
}
