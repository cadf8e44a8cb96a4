/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of configuration: what holds for the keys of all of them, and for snapshots of them. */
#ifndef RA_TESTS_FUZZ_KEYS_H
#define RA_TESTS_FUZZ_KEYS_H

#include "relaudit/base/escape.h"
#include "relaudit/format/format.h"
#include "relaudit/model/drift.h"

#include "fuzz_options.h"

static void
fuzz_check_text(const char *text, size_t len)
{
	FUZZ_CHECK(strlen(text) == len);
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t n = ra_utf8_decode(text + at, len - at, &c);

		FUZZ_CHECK(n > 0);
		at += n;
	}
}

static void
fuzz_check_keys(const struct ra_input *in, const struct ra_data *d)
{
	uint32_t lines = 1;

	FUZZ_CHECK(d->shape == RA_SHAPE_KEYS && d->keys.count <= RA_KEYS_MAX);
	for (size_t i = 0; i < in->len; i++)
		lines += in->bytes[i] == '\n' || in->bytes[i] == '\r';
	/* libyaml counts some more characters as line ends. */
	for (size_t i = 0; i + 1 < in->len; i++)
		lines += memchr("\x85\xa8\xa9", in->bytes[i + 1], 3) != NULL;
	for (size_t i = 0; i < d->keys.count; i++) {
		const struct ra_key *key = &d->keys.list[i];

		FUZZ_CHECK(key->line >= 1 && key->line <= lines);
		FUZZ_CHECK(!d->keys.pointers || ra_data_key_name(d, i)[0] == '/');
		fuzz_check_text(ra_data_key_name(d, i), key->name_len);
		fuzz_check_text(ra_data_key_value(d, i), key->value_len);
	}
}

static struct ra_snapshot *
fuzz_snapshot(const struct ra_data *d)
{
	static const struct ra_placeholder ph = { "x", "a" };
	struct ra_snapshot_rules rules = {
		.key = "k", .key_len = 1, .placeholders = &ph, .placeholder_count = 1
	};
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *s = NULL;

	FUZZ_CHECK(b != NULL && ra_snapshot_add_data(b, d) == 0);
	FUZZ_CHECK(ra_snapshot_seal(b, &s) == 0);
	return s;
}

/* In order, each found again, secrets as digests; and the same as itself. */
static void
fuzz_check_snapshot(const struct ra_data *d)
{
	struct ra_snapshot *s = fuzz_snapshot(d);
	size_t count = ra_snapshot_count(s);
	struct ra_drift_side sides[2] = { { .snapshot = s }, { .snapshot = s } };
	struct ra_drift_call call = {
		.sides = sides, .side_count = 2, .key = "k", .key_len = 1, .all = true
	};
	struct ra_drift drift;
	struct ra_entry before = { 0 }, found;

	for (size_t i = 0; i < count; i++) {
		struct ra_entry e = ra_snapshot_at(s, i);

		FUZZ_CHECK(i == 0 || strcmp(before.key, e.key) < 0);
		FUZZ_CHECK(ra_snapshot_find(s, e.key, &found) && found.value == e.value);
		FUZZ_CHECK(!e.secret || memcmp(e.value, "k1:", 3) == 0);
		before = e;
	}
	FUZZ_CHECK(ra_drift_compare(&call, &drift) == 0);
	FUZZ_CHECK(!drift.drift && drift.same == count && drift.row_count == count);
	ra_drift_free(&drift);
	ra_snapshot_unref(s);
}

/* options: lines of "name: value", NULL none. Whether the format took the text. */
RA_UNUSED static bool
fuzz_keys(const struct ra_format *format, const char *options, const char *text, size_t len)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place = { 0 };
	struct ra_input input = { .bytes = (char *)text, .len = len };
	struct ra_format_call call = { .shape = RA_SHAPE_KEYS, .input = &input };
	struct ra_data data = { 0 };
	struct ra_error err = { 0 };
	enum ra_reason reason;

	call.options = options_bind(arena, &format->type, options, &place);
	if (place.text[0] != '\0') {
		ra_arena_free(arena);
		return false;
	}
	reason = format->read(&call, &data, &err);
	FUZZ_CHECK((reason == RA_R_OK) == (err.text[0] == '\0'));
	FUZZ_CHECK((reason == RA_R_OK) == (data.shape != 0));
	if (reason == RA_R_OK) {
		fuzz_check_keys(&input, &data);
		fuzz_check_snapshot(&data);
	}
	ra_data_free(&data);
	ra_arena_free(arena);
	return reason == RA_R_OK;
}

/* The same with one line for `select:` before the text (empty: none). */
RA_UNUSED static void
fuzz_keys_of_part(const struct ra_format *format, const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *select = fuzz_line(&in);
	RA_FREE char *rest = fuzz_rest(&in);
	RA_FREE char *option = NULL;

	if (asprintf(&option, "select: %s", select) < 0)
		abort();
	fuzz_keys(format, select[0] != '\0' ? option : NULL, rest, in.left);
}

#endif
