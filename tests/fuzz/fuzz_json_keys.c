/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Format json as keys. One line is `select:` (empty: none), the rest is the document. What our
 * scanner takes jansson takes too, and the other way round but for NULs and single values.
 */
#include <jansson.h>

#include "fuzz_keys.h"

extern const struct ra_format ra_format_json;

static bool
has_nul(const json_t *value)
{
	const char *name;
	json_t *v;
	size_t i;

	if (json_is_string(value))
		return memchr(json_string_value(value), '\0', json_string_length(value)) != NULL;
	if (json_is_object(value)) {
		json_object_foreach ((json_t *)value, name, v) {
			if (has_nul(v))
				return true;
		}
	}
	json_array_foreach (value, i, v) {
		if (has_nul(v))
			return true;
	}
	return false;
}

static int
depth(const json_t *value)
{
	const char *name;
	json_t *v;
	size_t i;
	int most = 0, d;

	if (json_is_object(value)) {
		json_object_foreach ((json_t *)value, name, v) {
			d = depth(v);
			most = d > most ? d : most;
		}
	}
	json_array_foreach (value, i, v) {
		d = depth(v);
		most = d > most ? d : most;
	}
	return json_is_object(value) || json_is_array(value) ? most + 1 : 0;
}

/* jansson refuses numbers too large for its types; texts of digits are the same to us. */
static bool
is_range(const json_error_t *e)
{
	return json_error_code(e) == json_error_numeric_overflow;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	json_error_t e;
	json_t *root;
	RA_FREE char *text = malloc(size + 1);
	bool taken;

	fuzz_keys_of_part(&ra_format_json, bytes, size);
	memcpy(text, bytes, size);
	taken = fuzz_keys(&ra_format_json, NULL, text, size);
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
	if (taken)
		FUZZ_CHECK(root != NULL || is_range(&e));
	else if (root != NULL)
		FUZZ_CHECK(has_nul(root) || depth(root) > 64 || memchr(text, '\0', size) != NULL ||
			   size > RA_KEY_NAME_MAX);
	json_decref(root);
	return 0;
}
