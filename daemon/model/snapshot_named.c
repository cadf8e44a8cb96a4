/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are secret by what stands beside them: variables as lists of names and values, a
 * command's arguments one by one, and all that a Secret of Kubernetes holds.
 */
#include <string.h>

#include "secret_private.h"
#include "snapshot_private.h"

struct part {
	const char *text;
	size_t len;
};

static const char *const names[] = { "name", "key", "parameterkey", "variable", NULL };
static const char *const values[] = { "value", "parametervalue", "default", NULL };

/* The last part of a pointer; what is before it, its slash too, is ret_prefix long. */
static struct part
last_part(const struct ra_data *data, size_t i, size_t *ret_prefix)
{
	const char *name = ra_data_key_name(data, i);
	size_t len = data->keys.list[i].name_len;
	const char *slash = memrchr(name, '/', len);

	*ret_prefix = slash != NULL ? (size_t)(slash + 1 - name) : 0;
	return (struct part){ name + *ret_prefix, len - *ret_prefix };
}

static bool
is_one_of(struct part p, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strlen(*words) == p.len && ra_begins(p.text, p.len, *words))
			return true;
	}
	return false;
}

static bool
is_index(struct part p)
{
	for (size_t i = 0; i < p.len; i++) {
		if (p.text[i] < '0' || p.text[i] > '9')
			return false;
	}
	return p.len > 0;
}

static bool
is_within(const struct ra_data *data, size_t i, const char *prefix, size_t len)
{
	return data->keys.list[i].name_len > len &&
	       memcmp(ra_data_key_name(data, i), prefix, len) == 0;
}

/* Keys from *ret_first on, before *ret_end, are the map's that has the ith: they stand together. */
static void
find_map(const struct ra_data *data, size_t i, size_t prefix, size_t *ret_first, size_t *ret_end)
{
	const char *text = ra_data_key_name(data, i);
	size_t first = i, end = i + 1;

	while (first > 0 && is_within(data, first - 1, text, prefix))
		first--;
	while (end < data->keys.count && is_within(data, end, text, prefix))
		end++;
	*ret_first = first;
	*ret_end = end;
}

/* {name: DB_PASSWORD, value: x}, whatever stands between. */
static bool
has_secret_name(const struct ra_data *data, size_t i, size_t prefix)
{
	size_t first, end, other;

	find_map(data, i, prefix, &first, &end);
	for (size_t k = first; k < end; k++) {
		struct part p = last_part(data, k, &other);

		if (other == prefix && is_one_of(p, names) &&
		    ra_secret_name(ra_data_key_value(data, k), data->keys.list[k].value_len))
			return true;
	}
	return false;
}

/* [--password, x] */
static bool
follows_option(const struct ra_data *data, size_t i, size_t prefix)
{
	size_t other;

	return i > 0 && is_within(data, i - 1, ra_data_key_name(data, i), prefix) &&
	       is_index(last_part(data, i - 1, &other)) && other == prefix &&
	       ra_is_secret_option(ra_data_key_value(data, i - 1), data->keys.list[i - 1].value_len,
		   ra_data_key_value(data, i), data->keys.list[i].value_len);
}

static void
mark_secret(const struct ra_data *data, size_t i, size_t prefix, bool *marks)
{
	size_t first, end;

	find_map(data, i, prefix, &first, &end);
	for (size_t k = first; k < end; k++) {
		const char *rest = ra_data_key_name(data, k) + prefix;
		size_t len = data->keys.list[k].name_len - prefix;

		if ((len > 5 && memcmp(rest, "data/", 5) == 0) ||
		    (len > 11 && memcmp(rest, "stringData/", 11) == 0))
			marks[k] = true;
	}
}

static bool
is_kubernetes_secret(const struct ra_data *data, size_t i, struct part p)
{
	return p.len == 4 && memcmp(p.text, "kind", 4) == 0 && data->keys.list[i].value_len == 6 &&
	       memcmp(ra_data_key_value(data, i), "Secret", 6) == 0;
}

int
ra_snapshot_named(const struct ra_data *data, bool **ret)
{
	bool *marks = NULL;

	*ret = NULL;
	for (size_t i = 0; data->keys.pointers && i < data->keys.count; i++) {
		size_t prefix;
		struct part p = last_part(data, i, &prefix);
		bool kind = is_kubernetes_secret(data, i, p);
		bool found = kind || (is_one_of(p, values) && has_secret_name(data, i, prefix)) ||
			     (is_index(p) && follows_option(data, i, prefix));

		if (!found)
			continue;
		if (marks == NULL)
			marks = calloc(data->keys.count, sizeof(*marks));
		if (marks == NULL)
			return -ENOMEM;
		if (kind)
			mark_secret(data, i, prefix, marks);
		else
			marks[i] = true;
	}
	*ret = marks;
	return 0;
}
