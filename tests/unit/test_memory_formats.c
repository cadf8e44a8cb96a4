/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats whose memory is refused: they say so, hand over nothing in part, and the next call is as
 * if nothing had been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/buf.h"
#include "relaudit/format/format.h"

#include "failing_formats.h"
#include "options.h"

extern const struct ra_format ra_format_dotenv, ra_format_ini, ra_format_json, ra_format_properties,
    ra_format_text, ra_format_yaml;

struct row {
	const struct ra_format *format;
	const char *options; /* as options_bind takes them */
	enum ra_shape shape;
	const char *text;
	enum ra_reason reason; /* with memory */
};

struct outcome {
	enum ra_reason reason;
	struct ra_error err;
	struct ra_buf told; /* what was read, as text */
};

static void
tell(const struct ra_data *d, struct ra_buf *out)
{
	if (d->shape == RA_SHAPE_KEYS) {
		for (size_t i = 0; i < d->keys.count; i++)
			ra_buf_printf(out, "%u %s=%s|%u;", d->keys.list[i].line,
			    ra_data_key_name(d, i), ra_data_key_value(d, i), d->keys.list[i].flags);
		ra_buf_printf(out, "%u skipped", d->keys.skipped);
	} else if (d->shape == RA_SHAPE_FIELDS) {
		for (size_t i = 0; i < d->fields.count; i++)
			ra_buf_printf(
			    out, "%s=%s;", d->fields.list[i].name, d->fields.list[i].value);
	} else if (d->shape == RA_SHAPE_LINES) {
		for (size_t i = 0; i < d->lines.count; i++)
			ra_buf_printf(
			    out, "%.*s;", (int)d->lines.list[i].len, d->lines.list[i].text);
	}
}

static struct outcome
read_row(const struct row *row, int at, bool on)
{
	static const char *const fields[] = { "version", "commit", NULL };
	static const struct ra_selector selectors[] = { { "version", "/version" },
		{ "commit", "/commit" } };
	struct ra_arena *arena = ra_arena_new();
	size_t len = strlen(row->text);
	struct ra_input in = { .bytes = len > 0 ? malloc(len) : NULL, .len = len };
	struct ra_format_call call = { .shape = row->shape,
		.fields = fields,
		.selectors = selectors,
		.selector_count = RA_ARRAY_SIZE(selectors),
		.input = &in };
	struct outcome o = { .told = RA_BUF(0) };
	struct ra_conf_place place;
	struct ra_data data = { 0 };

	if (row->format->type.size > 0)
		call.options = options_bind(arena, &row->format->type, row->options, &place);
	if (len > 0)
		memcpy(in.bytes, row->text, len);
	fail_at = at;
	fail_on = on;
	arm();
	o.reason = row->format->read(&call, &data, &o.err);
	disarm();
	assert_true((o.reason == RA_R_OK) == (data.shape != 0));
	assert_true((o.reason == RA_R_OK) == (o.err.text[0] == '\0'));
	tell(&data, &o.told);
	ra_data_free(&data);
	free(in.bytes);
	ra_arena_free(arena);
	return o;
}

/* What could be done without what was refused is as it ever is; else it is said what was lacking.*/
static void
check_refused(const struct row *row, const struct outcome *o, const struct outcome *fine, int at)
{
	if (o->reason == RA_R_NO_MEMORY) {
		assert_string_equal(o->err.text, "out of memory");
		assert_true(was_refused());
	} else if (o->reason != fine->reason ||
		   strcmp(ra_buf_text(&o->told), ra_buf_text(&fine->told)) != 0) {
		fail_msg("%s '%.40s', request %d: %s '%s'", row->format->type.name, row->text, at,
		    ra_reason_code(o->reason), o->err.text);
	}
}

static void
check_row(const struct row *row)
{
	struct outcome fine = read_row(row, 0, false);

	if (fine.reason != row->reason)
		fail_msg("%s '%.40s': %s '%s'", row->format->type.name, row->text,
		    ra_reason_code(fine.reason), fine.err.text);
	for (int on = 0; on < 2; on++) {
		int at = 0, lacked = 0;
		struct outcome o;

		do {
			bool was;

			o = read_row(row, ++at, on);
			was = was_refused();
			check_refused(row, &o, &fine, at);
			lacked += o.reason == RA_R_NO_MEMORY;
			ra_buf_free(&o.told);
			o = read_row(row, 0, false);
			assert_int_equal(o.reason, fine.reason);
			assert_string_equal(o.err.text, fine.err.text);
			assert_string_equal(ra_buf_text(&o.told), ra_buf_text(&fine.told));
			ra_buf_free(&o.told);
			if (!was)
				break;
		} while (true);
		assert_true(lacked > 0);
	}
	ra_buf_free(&fine.told);
}

#define KEYS   RA_SHAPE_KEYS
#define FIELDS RA_SHAPE_FIELDS
#define LINES  RA_SHAPE_LINES
#define LONG   "1234567890123456789012345678901234567890123456789012345678901"

static void
test_formats(void **state)
{
	static const struct row rows[] = {
		{ &ra_format_dotenv, "dialect: systemd", KEYS, "A=1\nB='2'\nC\nD=\\\n3\nE=4\n", 0 },
		{ &ra_format_dotenv, "dialect: systemd", KEYS, "", 0 },
		{ &ra_format_dotenv, "dialect: docker", KEYS, "A=1\nB\nC=3\n", 0 },
		{ &ra_format_dotenv, "dialect: node", KEYS, "A=1\nB: \"2\\n\"\nC\n", 0 },
		{ &ra_format_ini, NULL, KEYS, "[s]\na=1\n x=2\nb\nc=3\nd=4\ne=5\n", 0 },
		{ &ra_format_properties, NULL, KEYS, "a=1\nb\\\n c=\\u00e4\nd=e\nf=g\nh=i\n", 0 },
		{ &ra_format_json, NULL, KEYS, "{\"a\":[1,{},[]],\"b\":{\"\\n/~\":\"\\u00e4\"}}",
		    0 },
		{ &ra_format_json, "select: /a", KEYS, "{\"b\":1}", RA_R_NO_SUCH_FIELD },
		{ &ra_format_json, NULL, KEYS, "{\"a\":1,\"a\":1}", RA_R_DUPLICATE_KEY },
		{ &ra_format_json, NULL, FIELDS, "{\"version\":\"1.5.0\",\"commit\":17}", 0 },
		{ &ra_format_json, NULL, FIELDS, "{\"version\":true,\"commits\":17}",
		    RA_R_NO_SUCH_FIELD },
		{ &ra_format_yaml, NULL, KEYS,
		    "a: &a {x: 1, y: [~, {}, []]}\n&b b: {<<: [*a], y: 2}\nc: {<<: *a}\nd: *b\n",
		    0 },
		{ &ra_format_yaml, NULL, KEYS, "a: {b: 1}\nc: 1\na: 2\n", RA_R_DUPLICATE_KEY },
		{ &ra_format_json, NULL, KEYS,
		    "{\"" LONG "\":{\"" LONG "\":[[1]]},\"b\":[" LONG "]}", 0 },
		{ &ra_format_yaml, NULL, KEYS, "a: !" LONG " [!e 1]\nb: !!" LONG " {}\n", 0 },
		{ &ra_format_yaml, NULL, KEYS, "m: &m {" LONG ": 1}\n" LONG ": {<<: *m}\n", 0 },
		{ &ra_format_text, NULL, FIELDS, "1.5.0\n", 0 },
		{ &ra_format_text, "regex: (?<version>\\S+) (?<commit>\\S+)", FIELDS, "1.5.0 abc",
		    0 },
		{ &ra_format_text, "regex: \\d", FIELDS, "x", RA_R_NO_MATCH },
		{ &ra_format_text, NULL, LINES, "a\nb\n", 0 },
		{ &ra_format_text, "regex: [a-e]", LINES, "a\nb\nc\nd\ne\nf\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

/* Blocks that have to grow: texts, nodes, anchors and names in their hundreds. */
static void
test_many(void **state)
{
	RA_BUF_LOCAL lines = RA_BUF(0), flow = RA_BUF(0), anchors = RA_BUF(0);
	const struct row rows[] = {
		{ &ra_format_yaml, NULL, KEYS, NULL, 0 },
		{ &ra_format_json, NULL, KEYS, NULL, 0 },
		{ &ra_format_yaml, NULL, KEYS, NULL, 0 },
		{ &ra_format_ini, NULL, KEYS, NULL, 0 },
	};
	const struct ra_buf *texts[] = { &flow, &flow, &anchors, &lines };

	(void)state;
	ra_buf_puts(&flow, "{");
	for (int i = 0; i < 150; i++) {
		ra_buf_printf(&flow, "%s\"name-%03d\": \"%040d\"", i > 0 ? ", " : "", i, i);
		ra_buf_printf(&lines, "name-%03d = %040d\n", i, i);
	}
	ra_buf_puts(&flow, "}");
	for (int i = 0; i < 20; i++)
		ra_buf_printf(&anchors, "a%d: &a%d %d\n", i, i, i);
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct row row = rows[i];

		row.text = ra_buf_text(texts[i]);
		check_row(&row);
	}
}

/* A failure of libyaml's that it has no words for. */
static void
test_yaml_wordless(void **state)
{
	static const struct row row = { &ra_format_yaml, NULL, KEYS, "a: 1", RA_R_NOT_YAML };
	struct outcome o;

	(void)state;
	wordless = true;
	o = read_row(&row, 0, false);
	wordless = false;
	assert_int_equal(o.reason, RA_R_NOT_YAML);
	assert_string_equal(o.err.text, "line 1, column 1: not YAML");
}

/* The pattern and what frees it: what was made before goes with the arena. */
static void
test_prepare(void **state)
{
	struct ra_conf_type bare = ra_format_text.type;
	int lacked = 0;

	(void)state;
	bare.prepare = NULL;
	for (int on = 0; on < 2; on++) {
		for (int at = 1;; at++) {
			struct ra_arena *arena = ra_arena_new();
			struct ra_conf_place place;
			void *bound = options_bind(arena, &bare, "regex: x", &place);
			int r;

			fail_at = at;
			fail_on = on;
			arm();
			r = ra_format_text.type.prepare(bound, arena, &place);
			disarm();
			assert_true(r == 0 || (r == -ENOMEM && was_refused()));
			assert_string_equal(place.text, "");
			lacked += r < 0;
			ra_arena_free(arena);
			if (!was_refused())
				break;
		}
	}
	assert_true(lacked > 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_yaml_wordless),
		cmocka_unit_test(test_prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
