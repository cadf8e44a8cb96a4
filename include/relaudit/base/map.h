/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from strings to pointers. Keys and values are borrowed. The hash is keyed at random
 * per process, so a hostile input cannot choose collisions.
 */
#ifndef RELAUDIT_BASE_MAP_H
#define RELAUDIT_BASE_MAP_H

#include "relaudit/base/macro.h"

struct ra_map {
	struct ra_map_slot *slots;
	size_t cap;
	size_t count;
	size_t used;	/* slots taken, removed ones included */
};

void ra_map_free(struct ra_map *m);	/* keys and values are the caller's */
void *ra_map_get(const struct ra_map *m, const char *key);	/* NULL: none */
/* Sets key (value must not be NULL); *ret_old (NULL allowed) is what it was. 0 or -ENOMEM. */
int ra_map_put(struct ra_map *m, const char *key, void *value, void **ret_old);
void *ra_map_remove(struct ra_map *m, const char *key);	/* the value it had, or NULL */
/* Walks in no order: size_t i = 0; while (ra_map_next(m, &i, &key, &value)). */
bool ra_map_next(const struct ra_map *m, size_t *i, const char **ret_key, void **ret_value);

/* The same on every machine and in every run, for phases and spreading (FNV-1a, finalised). */
uint64_t ra_hash_stable(const void *data, size_t len);

#endif
