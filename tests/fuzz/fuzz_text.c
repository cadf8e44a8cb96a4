/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Format text. One line is `regex:` (empty: none), the rest is the answer, read as fields and as
 * lines. Fields are text; lines are whole lines of the answer in their order.
 */
#include "relaudit/base/escape.h"
#include "relaudit/format/format.h"

#include "fuzz_options.h"

extern const struct ra_format ra_format_text;

static const char *const fields[] = { "version", "commit", NULL };

static void
check_fields(const struct ra_data *data)
{
	FUZZ_CHECK(data->shape == RA_SHAPE_FIELDS && data->fields.count > 0);
	for (size_t i = 0; i < data->fields.count; i++) {
		const char *text = data->fields.list[i].value;

		for (size_t len = strlen(text), at = 0; at < len;) {
			uint32_t c;
			size_t n = ra_utf8_decode(text + at, len - at, &c);

			FUZZ_CHECK(n > 0);
			at += n;
		}
	}
}

static void
check_lines(const struct ra_input *in, const struct ra_data *data)
{
	const char *at = in->bytes, *end = in->bytes + in->len;

	FUZZ_CHECK(data->shape == RA_SHAPE_LINES && data->lines.count <= 10000);
	for (size_t i = 0; i < data->lines.count; i++) {
		const struct ra_line *line = &data->lines.list[i];
		const char *stop = line->text + line->len;

		FUZZ_CHECK(line->len > 0 && line->text >= at && stop <= end);
		FUZZ_CHECK(line->text == in->bytes || line->text[-1] == '\n');
		FUZZ_CHECK(stop == end || *stop == '\n' || *stop == '\r');
		FUZZ_CHECK(memchr(line->text, '\n', line->len) == NULL);
		at = stop;
	}
}

static void
check_read(struct ra_format_call *call, enum ra_shape shape)
{
	struct ra_data data = { 0 };
	struct ra_error err = { 0 };
	enum ra_reason reason;

	call->shape = shape;
	reason = ra_format_text.read(call, &data, &err);
	FUZZ_CHECK((reason == RA_R_OK) == (err.text[0] == '\0'));
	FUZZ_CHECK((reason == RA_R_OK) == (data.shape != 0));
	if (reason == RA_R_OK && shape == RA_SHAPE_FIELDS)
		check_fields(&data);
	else if (reason == RA_R_OK)
		check_lines(call->input, &data);
	ra_data_free(&data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *regex = fuzz_line(&in);
	RA_FREE char *rest = fuzz_rest(&in);
	struct ra_arena *arena = ra_arena_new();
	char *line = NULL;
	struct ra_input input = { .bytes = rest, .len = in.left };
	struct ra_format_call call = { .fields = fields, .input = &input };
	struct ra_conf_place place;

	if (asprintf(&line, "regex: %s", regex) < 0)
		abort();
	call.options =
	    options_bind(arena, &ra_format_text.type, regex[0] != '\0' ? line : NULL, &place);
	if (place.text[0] == '\0' && !fuzz_is_slow(regex, rest, in.left)) {
		check_read(&call, RA_SHAPE_FIELDS);
		check_read(&call, RA_SHAPE_LINES);
	}
	ra_arena_free(arena);
	free(line);
	return 0;
}
