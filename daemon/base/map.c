/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/base/map.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "relaudit/base/digest.h"

#define CAP_MIN ((size_t)16)
#define REMOVED ((uint64_t)1) /* hash of a slot without key whose entry was removed */

struct ra_map_slot {
	const char *key;
	void *value;
	uint64_t hash;
};

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void
seed_init(void)
{
	struct timespec ts = { 0 };

	if (ra_random(seed, sizeof(seed)) == 0)
		return;
	/* Weak, but a process without random numbers still has a working map. */
	clock_gettime(CLOCK_REALTIME, &ts);
	seed[0] = (uint64_t)ts.tv_nsec ^ (uint64_t)(uintptr_t)&ts;
	seed[1] = (uint64_t)ts.tv_sec ^ (uint64_t)(uintptr_t)&seed_init;
}

static inline uint64_t
rotl(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3. Words in the machine's byte order, as the hash never leaves the process. */
static uint64_t
hash_keyed(const char *key)
{
	uint64_t v[4], word;
	size_t len = strlen(key), left = len;

	pthread_once(&seed_once, seed_init);
	v[0] = seed[0] ^ UINT64_C(0x736f6d6570736575);
	v[1] = seed[1] ^ UINT64_C(0x646f72616e646f6d);
	v[2] = seed[0] ^ UINT64_C(0x6c7967656e657261);
	v[3] = seed[1] ^ UINT64_C(0x7465646279746573);
	for (; left >= 8; left -= 8, key += 8) {
		memcpy(&word, key, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	memcpy(&word, key, left);
	word ^= (uint64_t)len << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void
ra_map_free(struct ra_map *m)
{
	if (m == NULL)
		return;
	free(m->slots);
	*m = (struct ra_map){ 0 };
}

static struct ra_map_slot *
find(const struct ra_map *m, const char *key, uint64_t hash)
{
	/* At least a quarter of the slots was never used, so the walk ends. */
	for (size_t i = (size_t)hash; m->cap != 0; i++) {
		struct ra_map_slot *s = &m->slots[i & (m->cap - 1)];

		if (s->key == NULL && s->hash != REMOVED)
			return NULL;
		/* Two keys with one hash of 64 bits: no test finds them. */
		if (s->key != NULL && s->hash == hash &&
		    strcmp(s->key, key) == 0) /* GCOVR_EXCL_BR_LINE */
			return s;
	}
	return NULL;
}

static struct ra_map_slot *
find_free(struct ra_map_slot *slots, size_t cap, uint64_t hash)
{
	size_t i = (size_t)hash & (cap - 1);

	while (slots[i].key != NULL)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* Twice as large if it is really full, the same size if removed slots fill it. */
static int
rehash(struct ra_map *m)
{
	size_t cap = m->cap == 0 ? CAP_MIN : m->count >= m->cap / 2 ? m->cap * 2 : m->cap;
	struct ra_map_slot *slots = calloc(cap, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++) {
		if (m->slots[i].key != NULL)
			*find_free(slots, cap, m->slots[i].hash) = m->slots[i];
	}
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	m->used = m->count;
	return 0;
}

void *
ra_map_get(const struct ra_map *m, const char *key)
{
	const struct ra_map_slot *s;

	if (m->count == 0)
		return NULL;
	s = find(m, key, hash_keyed(key));
	return s != NULL ? s->value : NULL;
}

int
ra_map_put(struct ra_map *m, const char *key, void *value, void **ret_old)
{
	uint64_t hash = hash_keyed(key);
	struct ra_map_slot *s = find(m, key, hash);
	void *old = s != NULL ? s->value : NULL;

	if (s == NULL) {
		if (m->used >= m->cap - m->cap / 4) {
			int r = rehash(m);

			if (r < 0)
				return r;
		}
		s = find_free(m->slots, m->cap, hash);
		m->count++;
		m->used += s->hash != REMOVED ? 1 : 0;
	}
	/* The new key also where there was one: the old one often dies with the old value. */
	*s = (struct ra_map_slot){ .key = key, .value = value, .hash = hash };
	if (ret_old != NULL)
		*ret_old = old;
	return 0;
}

void *
ra_map_remove(struct ra_map *m, const char *key)
{
	struct ra_map_slot *s = m->count == 0 ? NULL : find(m, key, hash_keyed(key));
	void *old;

	if (s == NULL)
		return NULL;
	old = s->value;
	*s = (struct ra_map_slot){ .hash = REMOVED };
	m->count--;
	return old;
}

bool
ra_map_next(const struct ra_map *m, size_t *i, const char **ret_key, void **ret_value)
{
	while (*i < m->cap) {
		const struct ra_map_slot *s = &m->slots[(*i)++];

		if (s->key == NULL)
			continue;
		if (ret_key != NULL)
			*ret_key = s->key;
		if (ret_value != NULL)
			*ret_value = s->value;
		return true;
	}
	return false;
}

uint64_t
ra_hash_stable(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	/* FNV's high bits are poor for short inputs; MurmurHash3's finaliser spreads them. */
	h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}
