/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/model/pattern.h"

#include "snapshot_private.h"

#define ORIGINS_MAX UINT16_MAX

/*
 * What was added so far: texts of keys, values and digests in the order of their coming. Values that
 * are secret are digested before anything is copied.
 */
struct ra_snapshot_builder {
	struct ra_snapshot_rules rules;
	struct ra_placeholder *placeholders; /* longest value first */
	size_t placeholder_count;
	bool begins[256]; /* bytes that a placeholder's value begins with */
	char **patterns; /* rules.secret in small letters */
	struct ra_mac *mac;
	struct ra_slot *slots;
	size_t count, room;
	char *texts;
	size_t len, texts_room;
	char *work; /* a value with placeholders; wiped after each use */
	size_t work_room;
	uint32_t *origins;
	size_t origin_count;
	bool flat; /* a key is not a pointer */
};

/* Small letters of ASCII; owned. */
static char *
lower_copy(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++)
		copy[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
	copy[len] = '\0';
	return copy;
}

/* Sorted as they come, so that of equally long ones the first stays the first. */
static int
take_placeholders(struct ra_snapshot_builder *b)
{
	const struct ra_snapshot_rules *rules = &b->rules;

	b->placeholders = calloc(rules->placeholder_count + 1, sizeof(*b->placeholders));
	if (b->placeholders == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < rules->placeholder_count; i++) {
		struct ra_placeholder p = rules->placeholders[i];
		size_t at = b->placeholder_count, len = strlen(p.value);

		if (len == 0)
			continue;
		for (; at > 0 && strlen(b->placeholders[at - 1].value) < len; at--)
			b->placeholders[at] = b->placeholders[at - 1];
		b->placeholders[at] = p;
		b->placeholder_count++;
		b->begins[(uint8_t)p.value[0]] = true;
	}
	return 0;
}

struct ra_snapshot_builder *
ra_snapshot_builder_new(const struct ra_snapshot_rules *rules)
{
	struct ra_snapshot_builder *b = calloc(1, sizeof(*b));
	bool failed;

	if (b == NULL)
		return NULL;
	b->rules = *rules;
	b->mac = ra_mac_new(rules->key, rules->key_len);
	b->patterns = calloc(rules->secret_count + 1, sizeof(*b->patterns));
	failed = b->mac == NULL || b->patterns == NULL || take_placeholders(b) < 0;
	for (size_t i = 0; i < rules->secret_count && !failed; i++) {
		b->patterns[i] = lower_copy(rules->secret[i], strlen(rules->secret[i]));
		failed = b->patterns[i] == NULL;
	}
	if (failed || ra_snapshot_origin(b, "") < 0) {
		ra_snapshot_builder_free(b);
		return NULL;
	}
	return b;
}

void
ra_snapshot_builder_free(struct ra_snapshot_builder *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; b->patterns != NULL && i < b->rules.secret_count; i++)
		free(b->patterns[i]);
	free(b->patterns);
	free(b->placeholders);
	ra_mac_free(b->mac);
	free(b->slots);
	free(b->texts);
	free(b->work);
	free(b->origins);
	free(b);
}

/* --- room --- */

/* Room for need things of that size, or NULL; the old block stays as it is then. */
static void *
grow(void *list, size_t *room, size_t need, size_t size)
{
	size_t more = *room < 64 ? 64 : *room;

	if (need <= *room)
		return list;
	while (more < need)
		more *= 2;
	list = reallocarray(list, more, size);
	if (list != NULL)
		*room = more;
	return list;
}

static int
grow_texts(struct ra_snapshot_builder *b, size_t more)
{
	char *texts = grow(b->texts, &b->texts_room, b->len + more, 1);

	if (texts == NULL)
		return -ENOMEM;
	b->texts = texts;
	return 0;
}

static int
grow_slots(struct ra_snapshot_builder *b)
{
	struct ra_slot *slots = grow(b->slots, &b->room, b->count + 1, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	b->slots = slots;
	return 0;
}

static uint32_t
put_text(struct ra_snapshot_builder *b, const char *text, size_t len)
{
	uint32_t at = (uint32_t)b->len;

	if (len > 0)
		memcpy(b->texts + at, text, len);
	b->texts[at + len] = '\0';
	b->len += len + 1;
	return at;
}

int
ra_snapshot_origin(struct ra_snapshot_builder *b, const char *origin)
{
	size_t len = strlen(origin);
	uint32_t *list;

	if (b->origin_count >= ORIGINS_MAX || len > RA_KEY_NAME_MAX)
		return -EMSGSIZE;
	list = reallocarray(b->origins, b->origin_count + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	b->origins = list;
	if (grow_texts(b, len + 1) < 0)
		return -ENOMEM;
	b->origins[b->origin_count++] = put_text(b, origin, len);
	return 0;
}

/* --- one key --- */

static const struct ra_placeholder *
placeholder_at(const struct ra_snapshot_builder *b, const char *p, const char *end)
{
	if (!b->begins[(uint8_t)*p])
		return NULL;
	for (size_t i = 0; i < b->placeholder_count; i++) {
		const char *value = b->placeholders[i].value;
		size_t len = strlen(value);

		if ((size_t)(end - p) >= len && memcmp(p, value, len) == 0)
			return &b->placeholders[i];
	}
	return NULL;
}

/* The value with placeholders in b->work. 1, 0: it has none, -ENOMEM, -EMSGSIZE. */
static int
put_placeholders(struct ra_snapshot_builder *b, const char *value, size_t len, size_t *ret_len)
{
	const char *p = value, *end = value + len;
	size_t need = len + 1, at = 0, found = 0;

	for (; b->placeholder_count > 0 && p < end; p++) {
		const struct ra_placeholder *ph = placeholder_at(b, p, end);

		if (ph == NULL)
			continue;
		need += strlen(ph->name) + 3;
		p += strlen(ph->value) - 1;
		found++;
	}
	if (found == 0)
		return 0;
	if (need > RA_KEYS_TEXT_MAX)
		return -EMSGSIZE;
	if (need > b->work_room) {
		/* Empty between two uses: nothing to keep, nothing left behind. */
		free(b->work);
		b->work_room = 0;
		b->work = malloc(need);
		if (b->work == NULL)
			return -ENOMEM;
		b->work_room = need;
	}
	for (p = value; p < end;) {
		const struct ra_placeholder *ph = placeholder_at(b, p, end);

		if (ph == NULL) {
			b->work[at++] = *p++;
			continue;
		}
		memcpy(b->work + at, "${", 2);
		memcpy(b->work + at + 2, ph->name, strlen(ph->name));
		at += strlen(ph->name) + 3;
		b->work[at - 1] = '}';
		p += strlen(ph->value);
	}
	*ret_len = at;
	return 1;
}

/* 1, 0, -ENOMEM. */
static int
is_secret(const struct ra_snapshot_builder *b, const char *key, size_t key_len, const char *value,
    size_t value_len)
{
	RA_FREE char *lower = NULL;

	for (size_t i = 0; i < b->rules.open_count; i++) {
		if (strlen(b->rules.open[i]) == key_len &&
		    memcmp(b->rules.open[i], key, key_len) == 0)
			return 0;
	}
	if (ra_secret_name(key, key_len) || ra_secret_value(value, value_len))
		return 1;
	if (b->rules.secret_count == 0)
		return 0;
	lower = lower_copy(key, key_len);
	if (lower == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->rules.secret_count; i++) {
		if (ra_glob_match(b->patterns[i], lower))
			return 1;
	}
	return 0;
}

struct kept {
	const char *value, *compared;
	size_t value_len, compared_len;
};

/* value_len and the like may be 0 only with a pointer that is not NULL. */
static int
keep(struct ra_snapshot_builder *b, const char *key, size_t key_len, const struct kept *k,
    uint32_t line, unsigned flags)
{
	bool same = k->compared == k->value;
	size_t need = key_len + k->value_len + 2 + (same ? 0 : k->compared_len + 1);
	struct ra_slot *slot;

	if (memchr(key, '\0', key_len) != NULL)
		return -EINVAL;
	if (b->count >= RA_KEYS_MAX || b->len + need > 2 * RA_KEYS_TEXT_MAX)
		return -EMSGSIZE;
	if (grow_slots(b) < 0 || grow_texts(b, need) < 0)
		return -ENOMEM;
	slot = &b->slots[b->count++];
	*slot = (struct ra_slot){ .key_len = (uint32_t)key_len,
		.value_len = (uint32_t)k->value_len,
		.compared_len = (uint32_t)k->compared_len,
		.line = line,
		.origin = (uint16_t)(b->origin_count - 1),
		.flags = (uint16_t)flags };
	slot->key = put_text(b, key, key_len);
	slot->value = put_text(b, k->value, k->value_len);
	slot->compared = same ? slot->value : put_text(b, k->compared, k->compared_len);
	b->flat = b->flat || key_len == 0 || key[0] != '/';
	return 0;
}

static int
keep_secret(struct ra_snapshot_builder *b, const char *key, size_t key_len,
    const struct kept *clear, uint32_t line, unsigned flags)
{
	char value[RA_SECRET_TEXT], compared[RA_SECRET_TEXT];
	struct kept k = { value, value, RA_SECRET_TEXT - 1, RA_SECRET_TEXT - 1 };
	int r = ra_secret_digest(b->mac, clear->value, clear->value_len, value);

	if (r == 0 && clear->compared != clear->value) {
		r = ra_secret_digest(b->mac, clear->compared, clear->compared_len, compared);
		k.compared = compared;
	}
	return r < 0 ? r : keep(b, key, key_len, &k, line, flags | RA_SLOT_SECRET);
}

int
ra_snapshot_add(struct ra_snapshot_builder *b, const char *key, size_t key_len, const char *value,
    size_t value_len, uint32_t line, unsigned flags)
{
	struct kept k = { value, value, value_len, value_len };
	enum ra_opaque opaque = ra_opaque_value(value, value_len);
	int secret = is_secret(b, key, key_len, value, value_len), r;
	size_t work_len = 0;

	if (secret < 0)
		return secret;
	if (key_len > RA_KEY_NAME_MAX || value_len > RA_KEYS_TEXT_MAX)
		return -EMSGSIZE;
	r = put_placeholders(b, value, value_len, &work_len);
	if (r < 0)
		return r;
	if (r > 0) {
		k.compared = b->work;
		k.compared_len = work_len;
	}
	if (opaque != RA_OPAQUE_NOT)
		flags |= opaque == RA_OPAQUE_ENCRYPTED ? RA_SLOT_ENCRYPTED : RA_SLOT_TEMPLATE;
	r = secret ? keep_secret(b, key, key_len, &k, line, flags)
		   : keep(b, key, key_len, &k, line, flags);
	if (work_len > 0)
		explicit_bzero(b->work, work_len);
	return r;
}

int
ra_snapshot_add_data(struct ra_snapshot_builder *b, const struct ra_data *data)
{
	for (size_t i = 0; i < data->keys.count; i++) {
		const struct ra_key *key = &data->keys.list[i];
		int r = ra_snapshot_add(b, ra_data_key_name(data, i), key->name_len,
		    ra_data_key_value(data, i), key->value_len, key->line, key->flags);

		if (r < 0)
			return r;
	}
	return 0;
}

int
ra_snapshot_add_entry(struct ra_snapshot_builder *b, const struct ra_entry *entry)
{
	struct kept k = { entry->value, entry->compared, entry->value_len, entry->compared_len };
	unsigned flags = entry->flags;

	if (entry->secret)
		flags |= RA_SLOT_SECRET;
	if (entry->opaque != RA_OPAQUE_NOT)
		flags |=
		    entry->opaque == RA_OPAQUE_ENCRYPTED ? RA_SLOT_ENCRYPTED : RA_SLOT_TEMPLATE;
	return keep(b, entry->key, entry->key_len, &k, entry->line, flags);
}

/* --- sealing --- */

/* Drops all but the last of equal keys from order. Returns how many are left. */
static size_t
drop_repeated(const struct ra_snapshot_builder *b, uint32_t *order, struct ra_snapshot *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct ra_slot *slot = &b->slots[order[i]];
		const struct ra_slot *next = i + 1 < b->count ? &b->slots[order[i + 1]] : NULL;

		if (next == NULL || next->key_len != slot->key_len ||
		    memcmp(b->texts + next->key, b->texts + slot->key, slot->key_len) != 0) {
			order[kept++] = order[i];
			continue;
		}
		if (s->repeated++ == 0 || slot->line < s->repeated_line)
			s->repeated_line = slot->line;
	}
	return kept;
}

static uint32_t
move_text(char *texts, size_t *at, const char *text, size_t len)
{
	uint32_t offset = (uint32_t)*at;

	memcpy(texts + offset, text, len + 1);
	*at += len + 1;
	return offset;
}

/*
 * Lays the kept texts out in order: flags, key, value of each, which is what the digest is of; then
 * what has placeholders, and the origins. Returns the length of the first part.
 */
static size_t
lay_out(const struct ra_snapshot_builder *b, const uint32_t *order, struct ra_snapshot *s,
    char *texts, uint32_t *origins)
{
	size_t at = 0, covered;

	for (size_t i = 0; i < s->count; i++) {
		const struct ra_slot *from = &b->slots[order[i]];
		struct ra_slot *to = &s->slots[i];

		*to = *from;
		texts[at++] = (char)(from->flags & RA_SLOT_SHOWN);
		to->key = move_text(texts, &at, b->texts + from->key, from->key_len);
		to->value = move_text(texts, &at, b->texts + from->value, from->value_len);
		to->compared = to->value;
	}
	covered = at;
	for (size_t i = 0; i < s->count; i++) {
		const struct ra_slot *from = &b->slots[order[i]];

		if (from->compared != from->value)
			s->slots[i].compared =
			    move_text(texts, &at, b->texts + from->compared, from->compared_len);
	}
	for (size_t i = 0; i < b->origin_count; i++) {
		const char *origin = b->texts + b->origins[i];

		origins[i] = move_text(texts, &at, origin, strlen(origin));
	}
	return covered;
}

static int
seal(struct ra_snapshot_builder *b, struct ra_snapshot **ret)
{
	RA_FREE uint32_t *order = calloc(b->count + 1, sizeof(*order));
	size_t head = sizeof(struct ra_snapshot) + b->count * sizeof(struct ra_slot);
	size_t origins = b->origin_count * sizeof(uint32_t);
	/* A flag's byte each; what repeated keys had stays unused. */
	size_t size = head + origins + b->count + b->len;
	RA_FREE struct ra_snapshot *s = NULL;
	char *texts;
	size_t covered;

	if (order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->count; i++)
		order[i] = (uint32_t)i;
	if (ra_slots_sort(b->slots, b->texts, order, b->count) < 0)
		return -ENOMEM;
	s = malloc(size);
	if (s == NULL)
		return -ENOMEM;
	*s = (struct ra_snapshot){ .refs = 1,
		.size = size,
		.pointers = !b->flat && b->count > 0,
		.origins = (uint32_t *)(void *)((char *)s + head) };
	s->count = (uint32_t)drop_repeated(b, order, s);
	texts = (char *)s + head + origins;
	s->texts = texts;
	covered = lay_out(b, order, s, texts, (uint32_t *)(void *)((char *)s + head));
	if (ra_digest_of(texts, covered, s->digest) < 0)
		return -EIO;
	*ret = RA_TAKE(s);
	return 0;
}

int
ra_snapshot_seal(struct ra_snapshot_builder *b, struct ra_snapshot **ret)
{
	int r = seal(b, ret);

	ra_snapshot_builder_free(b);
	return r;
}
