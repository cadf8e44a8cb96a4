/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259) by jansson; fields are selected by JSON Pointers (RFC 6901). */
#include "relaudit/format/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/escape.h"
#include "relaudit/base/jsonr.h"
#include "relaudit/model/name.h"

#include "excerpt.h"
#include "flatten.h"
#include "json_keys.h"

#define DEPTH_MAX   32
#define DEPTH_TEXT  "32"
#define POINTER_MAX 512
#define KEYS_SHOWN  5

struct json_options {
	struct ra_text select;
};

/* --- pointers --- */

/* The name between two slashes, with ~1 and ~0 as what they stand for. Returns where it ends. */
static const char *
take_token(const char *p, char token[POINTER_MAX + 1])
{
	size_t len = strcspn(p, "/");

	if (len > POINTER_MAX)
		len = POINTER_MAX;
	token[ra_pointer_unescape(p, len, token)] = '\0';
	return p + len;
}

static const json_t *
element(const json_t *array, const char *token)
{
	size_t len = strspn(token, "0123456789");
	size_t index = 0;

	/* Beyond nine digits there is nothing. */
	if (len == 0 || token[len] != '\0' || len > 9 || (token[0] == '0' && len > 1))
		return NULL;
	for (size_t i = 0; i < len; i++)
		index = index * 10 + (size_t)(token[i] - '0');
	return json_array_get(array, index);
}

static const char *
type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		break;
	}
	return "null";
}

/* What an object has in the place of what was looked for. */
static void
tell_keys(const json_t *object, const char *wanted, struct ra_error *err, const char *where)
{
	RA_BUF_LOCAL list = RA_BUF(256);
	struct ra_nearest near;
	size_t shown = 0;

	ra_nearest_init(&near, wanted);
	for (void *at = json_object_iter((json_t *)object); at != NULL;
	     at = json_object_iter_next((json_t *)object, at)) {
		const char *key = json_object_iter_key(at);

		ra_nearest_try(&near, key);
		if (shown++ < KEYS_SHOWN)
			ra_buf_printf(&list, "%s%.40s", shown > 1 ? ", " : "", key);
	}
	if (near.name != NULL)
		ra_error_set(
		    err, -ENOENT, "%s has no '%s'; did you mean '%s'?", where, wanted, near.name);
	else if (shown == 0)
		ra_error_set(err, -ENOENT, "%s has no '%s', it is empty", where, wanted);
	else
		ra_error_set(err, -ENOENT, "%s has no '%s', it has %s%s", where, wanted,
		    ra_buf_text(&list), shown > KEYS_SHOWN ? ", ..." : "");
}

/* Why there is no `token` in value, which stands at the first `len` bytes of the pointer. */
static void
tell_missing(
    const json_t *value, const char *pointer, size_t len, const char *token, struct ra_error *err)
{
	char where[POINTER_MAX + 16];

	if (len == 0)
		snprintf(where, sizeof(where), "the answer");
	else
		snprintf(where, sizeof(where), "'%.*s'", (int)len, pointer);
	if (json_typeof(value) == JSON_OBJECT)
		tell_keys(value, token, err, where);
	else if (json_typeof(value) == JSON_ARRAY)
		ra_error_set(err, -ENOENT, "%s has no element '%s', it has %zu", where, token,
		    json_array_size(value));
	else
		ra_error_set(
		    err, -ENOENT, "%s is %s, it has no '%s'", where, type_name(value), token);
}

static const json_t *
find(const json_t *root, const char *pointer, struct ra_error *err)
{
	const json_t *value = root;
	const char *p = pointer;

	while (*p == '/') {
		char token[POINTER_MAX + 1];
		const char *end = take_token(p + 1, token);
		const json_t *next = NULL;

		if (json_typeof(value) == JSON_OBJECT)
			next = json_object_get(value, token);
		else if (json_typeof(value) == JSON_ARRAY)
			next = element(value, token);
		if (next == NULL) {
			tell_missing(value, pointer, (size_t)(p - pointer), token, err);
			return NULL;
		}
		value = next;
		p = end;
	}
	return value;
}

/* --- values --- */

static enum ra_reason
add_value(
    struct ra_data *data, const struct ra_selector *s, const json_t *value, struct ra_error *err)
{
	char number[24];
	const char *text = NULL;
	size_t len;

	switch (json_typeof(value)) {
	case JSON_STRING:
		text = json_string_value(value);
		len = json_string_length(value);
		if (memchr(text, '\0', len) != NULL) {
			ra_error_set(err, -EINVAL, "'%s' (%s) holds a NUL", s->text, s->name);
			return RA_R_FIELD_TYPE;
		}
		return ra_data_add_field(data, s->name, text, len) < 0 ? RA_R_NO_MEMORY : RA_R_OK;
	case JSON_INTEGER:
		snprintf(
		    number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = number;
		break;
	case JSON_TRUE:
		text = "true";
		break;
	case JSON_FALSE:
		text = "false";
		break;
	case JSON_NULL:
		ra_error_set(err, -ENOENT, "'%s' (%s) is null", s->text, s->name);
		return RA_R_NO_SUCH_FIELD;
	case JSON_REAL:
		ra_error_set(err, -EINVAL,
		    "'%s' (%s) is a number with a fraction, which would lose digits (1.10 is 1.1); "
		    "let the service send a text",
		    s->text, s->name);
		return RA_R_FIELD_TYPE;
	case JSON_OBJECT:
	case JSON_ARRAY:
	default:
		ra_error_set(err, -EINVAL, "'%s' (%s) is %s, not a single value", s->text, s->name,
		    type_name(value));
		return RA_R_FIELD_TYPE;
	}
	return ra_data_add_field(data, s->name, text, strlen(text)) < 0 ? RA_R_NO_MEMORY : RA_R_OK;
}

static bool
is_wanted(const struct ra_format_call *call, const char *name)
{
	for (const char *const *f = call->fields; f != NULL && *f != NULL; f++) {
		if (strcmp(*f, name) == 0)
			return true;
	}
	return false;
}

static enum ra_reason
select_fields(const struct ra_format_call *call, const json_t *root, struct ra_data *data,
    struct ra_error *err)
{
	const char *first = call->fields != NULL ? call->fields[0] : "version";

	for (size_t i = 0; i < call->selector_count; i++) {
		const struct ra_selector *s = &call->selectors[i];
		const json_t *value;
		enum ra_reason reason;

		if (!is_wanted(call, s->name))
			continue;
		value = find(root, s->text, err);
		if (value == NULL)
			return RA_R_NO_SUCH_FIELD;
		reason = add_value(data, s, value, err);
		if (reason != RA_R_OK)
			return reason;
	}
	if (data->shape != 0)
		return RA_R_OK;
	ra_error_set(err, -EINVAL, "no field is selected; write `%s: /%s`", first, first);
	return RA_R_NO_SUCH_FIELD;
}

/* --- reading --- */

/*
 * The offset where nesting exceeds DEPTH_MAX, or len. Before jansson builds anything; whether the
 * brackets match is for jansson to say.
 */
static size_t
too_deep(const char *text, size_t len)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > DEPTH_MAX)
				return i;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return len;
}

static enum ra_reason
refuse(const char *text, size_t len, const json_error_t *e, struct ra_error *err)
{
	size_t blank = ra_excerpt_blank(text, len);
	char excerpt[RA_EXCERPT_TEXT];

	if (strchr("{[\"-0123456789tfn", text[blank]) == NULL)
		ra_error_set(err, -EINVAL, "line %d, column %d: not JSON but '%s'", e->line,
		    e->column, ra_excerpt(text + blank, len - blank, excerpt));
	else
		ra_error_set(err, -EINVAL, "line %d, column %d: %s", e->line, e->column, e->text);
	return RA_R_NOT_JSON;
}

static enum ra_reason
refuse_at(
    const char *text, size_t offset, enum ra_reason reason, const char *what, struct ra_error *err)
{
	size_t line, column;

	ra_excerpt_position(text, offset, &line, &column);
	ra_error_set(err, -EINVAL, "line %zu, column %zu: %s", line, column, what);
	return reason;
}

static enum ra_reason
load(const char *text, size_t len, json_t **ret, struct ra_error *err)
{
	const char *nul;
	size_t deep;
	json_error_t e;
	int r;

	if (ra_excerpt_blank(text, len) == len) {
		ra_error_set(err, -EINVAL, "the answer is empty");
		return RA_R_EMPTY;
	}
	if (len >= 3 && memcmp(text, RA_BOM, 3) == 0)
		return refuse_at(
		    text, 0, RA_R_NOT_JSON, "a byte order mark, which JSON must not have", err);
	/* To jansson it would be the end, whatever comes after it. */
	nul = memchr(text, '\0', len);
	if (nul != NULL)
		return refuse_at(text, (size_t)(nul - text), RA_R_NOT_JSON, "a NUL byte", err);
	deep = too_deep(text, len);
	if (deep < len)
		return refuse_at(
		    text, deep, RA_R_TOO_DEEP, "nested more than " DEPTH_TEXT " deep", err);
	r = ra_json_load(
	    text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, ret, &e);
	if (r == -ENOMEM) {
		ra_error_set(err, -ENOMEM, "out of memory");
		return RA_R_NO_MEMORY;
	}
	return r == 0 ? RA_R_OK : refuse(text, len, &e, err);
}

static enum ra_reason
json_read(const struct ra_format_call *call, struct ra_data *ret, struct ra_error *err)
{
	RA_CLEANUP(ra_data_free) struct ra_data data = { 0 };
	const struct json_options *o = call->options;
	const char *select = o != NULL ? o->select.value : NULL;
	const json_t *part;
	json_t *root = NULL;
	enum ra_reason reason;

	if (call->shape == RA_SHAPE_KEYS)
		return ra_json_keys(call, select, ret, err);
	reason = load(call->input->bytes, call->input->len, &root, err);
	if (reason == RA_R_OK) {
		part = select != NULL ? find(root, select, err) : root;
		reason = part != NULL ? select_fields(call, part, &data, err) : RA_R_NO_SUCH_FIELD;
	}
	json_decref(root);
	if (reason == RA_R_NO_MEMORY)
		ra_error_set(err, -ENOMEM, "out of memory");
	if (reason != RA_R_OK)
		return reason;
	*ret = data;
	data = (struct ra_data){ 0 };
	return RA_R_OK;
}

static int
json_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	const struct json_options *o = bound;
	struct ra_error err = { 0 };

	if (o->select.value != NULL && ra_pointer_check(o->select.value, &err) < 0)
		ra_conf_complain(place, "select", "%s", err.text);
	return 0;
}

static const struct ra_option options[] = {
	{ .name = "select",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct json_options, select),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "JSON Pointer to the part of the document that counts, as in `/spec/env`" },
	{ 0 },
};

const struct ra_format ra_format_json = {
	.type = {
		.name = "json",
		.help = "JSON; selectors are JSON Pointers (RFC 6901), as in "
			"`version: /build/version`",
		.options = options,
		.size = sizeof(struct json_options),
		.prepare = json_prepare,
	},
	.serves = RA_SHAPE_FIELDS | RA_SHAPE_KEYS,
	.selector = ra_pointer_check,
	.read = json_read,
};
