/* SPDX-License-Identifier: Apache-2.0 */
#include "flatten.h"

#include <stdio.h>
#include <string.h>

#include "relaudit/model/secret.h"

#define POINTER_MAX 512

int
ra_pointer_check(const char *text, struct ra_error *err)
{
	if (strnlen(text, POINTER_MAX + 1) > POINTER_MAX)
		return ra_error_set(
		    err, -EINVAL, "the JSON Pointer is longer than %d bytes", POINTER_MAX);
	if (text[0] != '\0' && text[0] != '/')
		return ra_error_set(
		    err, -EINVAL, "a JSON Pointer begins with '/': did you mean '/%s'?", text);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '~' && p[1] != '0' && p[1] != '1')
			return ra_error_set(err, -EINVAL,
			    "in a JSON Pointer '~' is written '~0', and '/' in a name '~1'");
	}
	return 0;
}

/* Where it is, for an error. */
static const char *
shown(const char *path)
{
	return ra_secret_key(path, strlen(path)) ? "***" : path;
}

static enum ra_reason
no_memory(struct ra_flatten *f)
{
	ra_error_set(f->k->err, -ENOMEM, "out of memory");
	return RA_R_NO_MEMORY;
}

enum ra_reason
ra_flatten_begin(
    struct ra_flatten *f, struct ra_keys *k, const char *select, enum ra_reason refused)
{
	*f = (struct ra_flatten){ .k = k,
		.select = select != NULL ? select : "",
		.refused = refused,
		.path = RA_BUF(2 * RA_KEY_NAME_MAX) };
	f->select_len = strlen(f->select);
	f->arena = ra_arena_new();
	k->data.keys.pointers = true;
	return f->arena != NULL && ra_buf_reserve(&f->path, 1) == 0 ? RA_R_OK : no_memory(f);
}

enum ra_reason
ra_flatten_end(struct ra_flatten *f, enum ra_reason reason)
{
	if (reason == RA_R_OK && !f->found) {
		ra_error_set(f->k->err, -ENOENT, "there is nothing at '%s' (select)", f->select);
		reason = RA_R_NO_SUCH_FIELD;
	}
	ra_buf_free(&f->path);
	ra_map_free(&f->names);
	ra_arena_free(f->arena);
	return reason;
}

/* --- where it is --- */

static enum ra_reason
check_path(struct ra_flatten *f, uint32_t line)
{
	if (f->path.error == -ENOMEM)
		return no_memory(f);
	if (f->path.error == 0)
		return RA_R_OK;
	ra_error_set(f->k->err, -EMSGSIZE, "line %u: a pointer longer than %d bytes", line,
	    2 * RA_KEY_NAME_MAX);
	return RA_R_TOO_MANY_KEYS;
}

/* In a list the index comes behind the list's pointer; in a map the name is there already. */
static enum ra_reason
enter(struct ra_flatten *f, uint32_t line)
{
	if (f->depth == 0 || !f->open[f->depth - 1].list)
		return RA_R_OK;
	ra_buf_printf(&f->path, "/%zu", f->open[f->depth - 1].count);
	return check_path(f, line);
}

/* To where the map or list is. */
static void
back(struct ra_flatten *f)
{
	f->path.len = f->open[f->depth - 1].path;
	f->path.data[f->path.len] = '\0';
}

static void
leave(struct ra_flatten *f)
{
	if (f->depth == 0)
		return;
	f->open[f->depth - 1].count++;
	back(f);
}

/* The key of what is at the path, NULL: it is outside of what is selected. */
static const char *
selected(const struct ra_flatten *f)
{
	const char *path = ra_buf_text(&f->path);

	if (f->path.len < f->select_len || memcmp(path, f->select, f->select_len) != 0 ||
	    (path[f->select_len] != '\0' && path[f->select_len] != '/'))
		return NULL;
	return path + f->select_len;
}

static enum ra_reason
add(struct ra_flatten *f, const char *text, size_t len, uint32_t line, unsigned flags)
{
	const char *key = selected(f);

	if (key == NULL)
		return RA_R_OK;
	if (key[0] == '\0') {
		ra_error_set(f->k->err, -EINVAL,
		    "line %u: %s%s is a single value, not a map or a list", line,
		    f->select_len > 0 ? f->select : "the document",
		    f->select_len > 0 ? " (select)" : "");
		return RA_R_FIELD_TYPE;
	}
	return ra_keys_add_line(f->k, key, strlen(key), text, len, line, flags);
}

enum ra_reason
ra_flatten_scalar(struct ra_flatten *f, const char *text, size_t len, uint32_t line, unsigned flags)
{
	enum ra_reason reason = enter(f, line);

	if (reason == RA_R_OK && memchr(text, '\0', len) != NULL) {
		ra_error_set(f->k->err, -EINVAL, "line %u: '%.*s' holds a NUL", line, 200,
		    shown(ra_buf_text(&f->path)));
		return f->refused;
	}
	if (reason == RA_R_OK)
		reason = add(f, text, len, line, flags);
	leave(f);
	return reason;
}

enum ra_reason
ra_flatten_open(struct ra_flatten *f, bool list, uint32_t line)
{
	enum ra_reason reason = enter(f, line);

	if (reason != RA_R_OK)
		return reason;
	if (f->depth == RA_FLATTEN_DEPTH) {
		ra_error_set(f->k->err, -EINVAL, "line %u: nested more than %d deep", line,
		    RA_FLATTEN_DEPTH);
		return RA_R_TOO_DEEP;
	}
	/* Before anything in it. */
	f->found = f->found || selected(f) != NULL;
	f->open[f->depth].path = f->path.len;
	f->open[f->depth].line = line;
	f->open[f->depth].list = list;
	f->open[f->depth].count = 0;
	f->depth++;
	return RA_R_OK;
}

enum ra_reason
ra_flatten_close(struct ra_flatten *f)
{
	bool list = f->open[f->depth - 1].list, empty = f->open[f->depth - 1].count == 0;
	uint32_t line = f->open[--f->depth].line;
	const char *key = selected(f);
	enum ra_reason reason = RA_R_OK;

	/* What is selected may be empty: then there are no keys. */
	if (empty && key != NULL && key[0] != '\0')
		reason = add(f, list ? "[]" : "{}", 2, line, list ? RA_KEY_LIST : RA_KEY_MAP);
	leave(f);
	return reason;
}

/* --- names --- */

static enum ra_reason
put_name(struct ra_flatten *f, const char *name, size_t len, uint32_t line)
{
	const char *end = name + len;

	if (memchr(name, '\0', len) != NULL) {
		ra_error_set(f->k->err, -EINVAL, "line %u: a name holds a NUL", line);
		return f->refused;
	}
	ra_buf_putc(&f->path, '/');
	while (name < end) {
		size_t plain = 0;

		while (name + plain < end && name[plain] != '/' && name[plain] != '~')
			plain++;
		ra_buf_add(&f->path, name, plain);
		name += plain;
		if (name < end)
			ra_buf_puts(&f->path, *name++ == '~' ? "~0" : "~1");
	}
	return check_path(f, line);
}

enum ra_reason
ra_flatten_has(struct ra_flatten *f, const char *name, size_t len, uint32_t line, bool *ret)
{
	enum ra_reason reason = put_name(f, name, len, line);

	if (reason != RA_R_OK)
		return reason;
	*ret = ra_map_get(&f->names, ra_buf_text(&f->path)) != NULL;
	back(f);
	return RA_R_OK;
}

enum ra_reason
ra_flatten_name(struct ra_flatten *f, const char *name, size_t len, uint32_t line)
{
	enum ra_reason reason = put_name(f, name, len, line);
	char *own;
	void *old;

	if (reason != RA_R_OK)
		return reason;
	if (ra_arena_size(f->arena) > 2 * RA_KEYS_TEXT_MAX) {
		ra_error_set(f->k->err, -EMSGSIZE, "line %u: more names than are compared", line);
		return RA_R_TOO_MANY_KEYS;
	}
	own = ra_arena_strndup(f->arena, ra_buf_text(&f->path), f->path.len);
	if (own == NULL || ra_map_put(&f->names, own, f, &old) < 0)
		return no_memory(f);
	if (old == NULL)
		return RA_R_OK;
	ra_error_set(
	    f->k->err, -EINVAL, "line %u: '%.*s' stands twice in one map", line, 200, shown(own));
	return RA_R_DUPLICATE_KEY;
}

enum ra_reason
ra_flatten_mark(struct ra_flatten *f, const char *name, size_t len, uint32_t line)
{
	enum ra_reason reason = ra_flatten_name(f, name, len, line);

	if (reason == RA_R_OK)
		reason = add(f, "", 0, line, 0);
	back(f);
	return reason;
}
