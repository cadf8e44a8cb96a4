/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml.h"

#include <string.h>

#include "relaudit/base/escape.h"

#define DEPTH_MAX 8
#define KEY_MAX	  100

/* The map at key, made where there is none. NULL: something else is there, or no memory. */
static json_t *
enter(json_t *map, const char *key)
{
	json_t *next = json_object_get(map, key);

	if (next == NULL) {
		next = json_object();
		if (json_object_set_new(map, key, next) < 0)
			return NULL;
	}
	return json_is_object(next) ? next : NULL;
}

static int
put(json_t *map, const char *key, bool list, json_t *text)
{
	json_t *old = json_object_get(map, key), *items;

	if (old == NULL && !list)
		return json_object_set_new(map, key, text);
	if (json_is_array(old))
		return json_array_append_new(old, text);
	items = json_array();
	if (json_is_object(old) || (old != NULL && json_array_append(items, old) < 0)) {
		json_decref(text);
		json_decref(items);
		return -1;
	}
	if (json_array_append_new(items, text) < 0 || json_object_set(map, key, items) < 0) {
		json_decref(items);
		return -1;
	}
	json_decref(items);
	return 0;
}

static bool
is_key(const char *key, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (strchr("_-", key[i]) == NULL && !(key[i] >= '0' && key[i] <= '9') &&
		    !((key[i] | 0x20) >= 'a' && (key[i] | 0x20) <= 'z'))
			return false;
	return len > 0;
}

static int
bad_path(const char *path, size_t len, struct ra_error *err)
{
	return ra_error_set(err, -EINVAL,
	    "'%.*s' is not a path of keys, or a part of it already has a value",
	    (int)(len < 60 ? len : 60), path);
}

int
ra_ctl_tree_set(json_t *root, const char *path, size_t len, const char *text, struct ra_error *err)
{
	bool list = len > 0 && path[len - 1] == '+';
	const char *at = path, *end = path + len - list, *dot;
	json_t *map = root, *value;
	char key[KEY_MAX + 1];
	int depth = 0;

	do {
		size_t n;

		dot = memchr(at, '.', (size_t)(end - at));
		n = (size_t)((dot != NULL ? dot : end) - at);
		if (map == NULL || n > KEY_MAX || !is_key(at, n) || depth++ == DEPTH_MAX)
			return bad_path(path, len, err);
		memcpy(key, at, n);
		key[n] = '\0';
		if (dot != NULL) {
			map = enter(map, key);
			at = dot + 1;
		}
	} while (dot != NULL);
	value = json_string(text);
	if (value == NULL)
		return ra_error_set(err, -EINVAL, "the value of '%.*s' is not UTF-8",
		    (int)(len < 60 ? len : 60), path);
	return put(map, key, list, value) < 0 ? bad_path(path, len, err) : 0;
}

static void
write_text(struct ra_buf *out, const char *text)
{
	size_t len = strlen(text);

	ra_buf_putc(out, '"');
	while (len > 0) {
		uint32_t c = 0;
		size_t n = ra_utf8_decode(text, len, &c);

		if (c == '"' || c == '\\')
			ra_buf_printf(out, "\\%c", (int)c);
		else if (n > 0 && ra_char_printable(c))
			ra_buf_add(out, text, n);
		else
			ra_buf_printf(out, "\\U%08x", (unsigned)(n > 0 ? c : 0xfffd));
		n = n > 0 ? n : 1;
		text += n;
		len -= n;
	}
	ra_buf_putc(out, '"');
}

static void
write_list(struct ra_buf *out, const json_t *list)
{
	const json_t *item;
	size_t i;

	ra_buf_putc(out, '[');
	json_array_foreach (list, i, item) {
		ra_buf_puts(out, i > 0 ? ", " : "");
		write_text(out, json_string_value(item));
	}
	ra_buf_puts(out, "]\n");
}

static void
write_map(struct ra_buf *out, const json_t *map, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)map, key, value) {
		ra_buf_printf(out, "%*s", indent, "");
		if (is_key(key, strlen(key)) && key[0] >= 'a')
			ra_buf_puts(out, key);
		else
			write_text(out, key);
		if (json_is_object(value)) {
			ra_buf_puts(out, ":\n");
			write_map(out, value, indent + 2);
			continue;
		}
		ra_buf_puts(out, ": ");
		if (json_is_array(value)) {
			write_list(out, value);
			continue;
		}
		write_text(out, json_string_value(value));
		ra_buf_putc(out, '\n');
	}
}

void
ra_ctl_yaml_write(struct ra_buf *out, const json_t *map)
{
	write_map(out, map, 0);
}
