/* SPDX-License-Identifier: Apache-2.0 */
/* Variables as Kubernetes lists them: the name is a value, too. */
#include <string.h>

#include "snapshot_private.h"

#define NEAR 8 /* members of a map, so far apart at most */

bool
ra_snapshot_named_secret(const struct ra_data *data, size_t i)
{
	static const char value[] = "/value", name[] = "/name";
	const struct ra_key *key = &data->keys.list[i];
	size_t prefix = key->name_len - (sizeof(value) - 1);
	const char *text = ra_data_key_name(data, i);
	size_t first = i > NEAR ? i - NEAR : 0, last = i + NEAR;

	if (!data->keys.pointers || key->name_len < sizeof(value) - 1 ||
	    memcmp(text + prefix, value, sizeof(value) - 1) != 0)
		return false;
	for (size_t k = first; k <= last && k < data->keys.count; k++) {
		const char *other = ra_data_key_name(data, k);

		if (data->keys.list[k].name_len == prefix + sizeof(name) - 1 &&
		    memcmp(other, text, prefix) == 0 &&
		    memcmp(other + prefix, name, sizeof(name) - 1) == 0)
			return ra_secret_name(
			    ra_data_key_value(data, k), data->keys.list[k].value_len);
	}
	return false;
}
