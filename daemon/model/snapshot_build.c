/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/block.h"
#include "relaudit/model/pattern.h"

#include "snapshot_private.h"

#define ORIGINS_MAX UINT16_MAX
#define MARK	    '\xff' /* around the name of a placeholder; in UTF-8 it is nowhere */
#define AHEAD	    8 /* texts lie anywhere in memory: asked for while others are copied */

/* What was added so far. Values that are secret are digested before anything is copied. */
struct ra_snapshot_builder {
	struct ra_snapshot_rules rules;
	struct ra_placeholder *placeholders; /* longest value first */
	size_t placeholder_count;
	size_t shortest; /* of their values */
	bool begins[256]; /* bytes that a placeholder's value begins with */
	char **patterns; /* rules.secret in small letters */
	struct ra_mac *mac;
	struct ra_pending *list;
	size_t count, room;
	size_t len; /* of texts that will be kept, NULs counted */
	struct ra_arena *arena; /* those that are not the caller's */
	char *work; /* a value with placeholders; wiped after each use */
	size_t work_room;
	const char **origins;
	size_t origin_count;
	uint32_t skipped, skipped_line;
	bool marked;
	const struct ra_buf *unread; /* NULL: none; the caller's */
	bool flat; /* a key is not a pointer */
	bool replaced; /* a value has placeholders */
};

/* Small letters of ASCII; owned. */
static char *
lower_copy(const char *text, size_t len)
{
	char *copy = strndup(text, len);

	for (char *p = copy; p != NULL && *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	return copy;
}

/* Sorted as they come, so that of equally long ones the first stays the first. */
static void
take_placeholder(struct ra_snapshot_builder *b, struct ra_placeholder p)
{
	size_t at = b->placeholder_count, len = strlen(p.value);

	if (len == 0)
		return;
	for (; at > 0 && strlen(b->placeholders[at - 1].value) < len; at--)
		b->placeholders[at] = b->placeholders[at - 1];
	b->placeholders[at] = p;
	b->placeholder_count++;
	b->shortest = strlen(b->placeholders[b->placeholder_count - 1].value);
	b->begins[(uint8_t)p.value[0]] = true;
}

static int
take_placeholders(struct ra_snapshot_builder *b)
{
	const struct ra_snapshot_rules *rules = &b->rules;

	b->placeholders = calloc(2 * rules->placeholder_count + 1, sizeof(*b->placeholders));
	if (b->placeholders == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < rules->placeholder_count; i++) {
		struct ra_placeholder p = rules->placeholders[i];
		size_t size = strlen(p.name) + 4;
		char *template;

		take_placeholder(b, p);
		if (!rules->templates)
			continue;
		template = ra_arena_alloc(b->arena, size);
		if (template == NULL)
			return -ENOMEM;
		snprintf(template, size, "${%s}", p.name);
		take_placeholder(b, (struct ra_placeholder){ .name = p.name, .value = template });
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
	b->arena = ra_arena_new();
	b->patterns = calloc(rules->secret_count + 1, sizeof(*b->patterns));
	failed =
	    b->mac == NULL || b->arena == NULL || b->patterns == NULL || take_placeholders(b) < 0;
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
	free(b->list);
	ra_arena_free(b->arena);
	free(b->work);
	free(b->origins);
	free(b);
}

int
ra_snapshot_origin(struct ra_snapshot_builder *b, const char *origin)
{
	size_t len = strlen(origin);
	const char **list;

	if (b->origin_count >= ORIGINS_MAX || len > RA_KEY_NAME_MAX)
		return -EMSGSIZE;
	list = reallocarray(b->origins, b->origin_count + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	b->origins = list;
	list[b->origin_count] = ra_arena_strdup(b->arena, origin);
	if (list[b->origin_count] == NULL)
		return -ENOMEM;
	b->origin_count++;
	b->len += len + 1;
	return 0;
}

/* Room for so many more. */
static int
grow(struct ra_snapshot_builder *b, size_t more)
{
	size_t need = b->count + more, room = b->room < 64 ? 64 : b->room;
	struct ra_pending *list;

	if (need <= b->room)
		return 0;
	if (need > room)
		room = need > 2 * room ? need : 2 * room;
	list = ra_block_new(room * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	if (b->count > 0)
		memcpy(list, b->list, b->count * sizeof(*list));
	free(b->list);
	b->list = list;
	b->room = room;
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

	for (; b->placeholder_count > 0 && (size_t)(end - p) >= b->shortest; p++) {
		const struct ra_placeholder *ph = placeholder_at(b, p, end);

		if (ph == NULL)
			continue;
		need += strlen(ph->name) + 2;
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
		/* In no text of a file: "${name}" there is a value that nobody filled in. */
		b->work[at] = MARK;
		memcpy(b->work + at + 1, ph->name, strlen(ph->name));
		at += strlen(ph->name) + 2;
		b->work[at - 1] = MARK;
		p += strlen(ph->value);
	}
	*ret_len = at;
	return 1;
}

/* What comes after the last slash or dot: `secret: [salt]` is for /db/salt as well. */
static const char *
last_part(const char *name)
{
	const char *part = name;

	for (; *name != '\0'; name++) {
		if (*name == '/' || *name == '.')
			part = name + 1;
	}
	return part;
}

static bool
has_known(const struct ra_snapshot_builder *b, const char *value, size_t len)
{
	for (size_t i = 0; i < b->rules.known_count; i++) {
		const char *known = b->rules.known[i];

		if (*known != '\0' && memmem(value, len, known, strlen(known)) != NULL)
			return true;
	}
	return false;
}

/* 1, 0, -ENOMEM. */
static int
is_secret(const struct ra_snapshot_builder *b, const char *key, size_t key_len, const char *value,
    size_t value_len)
{
	RA_FREE char *lower = NULL;

	if (has_known(b, value, value_len))
		return 1;
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
		if (ra_glob_match(b->patterns[i], lower) ||
		    ra_glob_match(b->patterns[i], last_part(lower)))
			return 1;
	}
	return 0;
}

/* Texts may be the caller's until the end. */
static int
keep(struct ra_snapshot_builder *b, const struct ra_pending *p)
{
	bool same = p->compared == p->value;
	size_t need = (size_t)p->key_len + p->value_len + 2 + (same ? 0 : p->compared_len + 1);

	if (memchr(p->key, '\0', p->key_len) != NULL)
		return -EINVAL;
	if (b->count >= RA_KEYS_MAX || b->len + need > 2 * RA_KEYS_TEXT_MAX)
		return -EMSGSIZE;
	if (grow(b, 1) < 0)
		return -ENOMEM;
	b->list[b->count] = *p;
	b->list[b->count++].origin = (uint16_t)(b->origin_count - 1);
	b->len += need;
	b->replaced = b->replaced || !same;
	b->flat = b->flat || p->key_len == 0 || p->key[0] != '/';
	return 0;
}

/* The digest as a text of ours; what has a type is none of the texts. */
static int
digest(struct ra_snapshot_builder *b, unsigned flags, const char **text, uint32_t *len)
{
	const char typed[] = { MARK, (char)('0' + (flags & RA_SLOT_TYPES)) };
	char out[RA_SECRET_TEXT];
	int r = (flags & RA_SLOT_TYPES) != 0 ? ra_secret_digest(b->mac, typed, sizeof(typed), out)
					     : ra_secret_digest(b->mac, *text, *len, out);

	if (r < 0)
		return r;
	*len = RA_SECRET_TEXT - 1;
	*text = ra_arena_memdup(b->arena, out, sizeof(out));
	return *text != NULL ? 0 : -ENOMEM;
}

static int
hide(struct ra_snapshot_builder *b, struct ra_pending *p)
{
	bool same = p->compared == p->value;
	int r = same ? 0 : digest(b, p->flags, &p->compared, &p->compared_len);

	if (r == 0)
		r = digest(b, p->flags, &p->value, &p->value_len);
	if (same) {
		p->compared = p->value;
		p->compared_len = p->value_len;
	}
	p->flags |= RA_SLOT_SECRET;
	return r;
}

static int
copy(struct ra_snapshot_builder *b, const char **text, size_t len)
{
	char *own = ra_arena_alloc(b->arena, len + 1);

	if (own == NULL)
		return -ENOMEM;
	memcpy(own, *text, len);
	*text = own;
	return 0;
}

/* In place of a key that has a secret in it, a pointer if it was one; NULL: no memory. */
static const char *
hidden_key(struct ra_snapshot_builder *b, const char *key, size_t *len)
{
	char out[RA_SECRET_TEXT + 1] = "/";
	size_t slash = key[0] == '/' ? 1 : 0;

	if (ra_secret_digest(b->mac, key, *len, out + slash) < 0)
		return NULL;
	*len = slash + RA_SECRET_TEXT - 1;
	return ra_arena_memdup(b->arena, out, *len + 1);
}

/* lent: key and value stay where they are until the end. named: by what stands beside it. */
static int
add(struct ra_snapshot_builder *b, const char *key, size_t key_len, const char *value,
    size_t value_len, uint32_t line, unsigned flags, bool lent, bool named)
{
	struct ra_pending p = { .key = key,
		.value = value,
		.compared = value,
		.key_len = (uint32_t)key_len,
		.value_len = (uint32_t)value_len,
		.compared_len = (uint32_t)value_len,
		.line = line,
		.flags = (uint16_t)flags };
	enum ra_opaque opaque = ra_opaque_value(value, value_len);
	int secret = named ? 1 : is_secret(b, key, key_len, value, value_len), r;
	size_t work_len = 0;

	if (secret < 0)
		return secret;
	if (has_known(b, key, key_len) || ra_secret_key(key, key_len)) {
		p.key = hidden_key(b, key, &key_len);
		p.key_len = (uint32_t)key_len;
		if (p.key == NULL)
			return -ENOMEM;
	}
	r = put_placeholders(b, value, value_len, &work_len);
	if (r < 0)
		return r;
	if (r > 0) {
		p.compared = b->work;
		p.compared_len = (uint32_t)work_len;
		if (opaque == RA_OPAQUE_TEMPLATE) /* all of it may be known */
			opaque = ra_opaque_value(b->work, work_len);
	}
	if (opaque != RA_OPAQUE_NOT)
		p.flags |= opaque == RA_OPAQUE_ENCRYPTED ? RA_SLOT_ENCRYPTED : RA_SLOT_TEMPLATE;
	r = secret ? hide(b, &p) : 0;
	if (r == 0 && p.compared == b->work)
		r = copy(b, &p.compared, work_len);
	if (work_len > 0)
		explicit_bzero(b->work, work_len);
	if (r == 0 && !lent)
		r = copy(b, &p.key, key_len);
	if (r == 0 && !lent && !secret) {
		bool same = p.compared == p.value;

		r = copy(b, &p.value, value_len);
		p.compared = same ? p.value : p.compared;
	}
	return r < 0 ? r : keep(b, &p);
}

int
ra_snapshot_add(struct ra_snapshot_builder *b, const char *key, size_t key_len, const char *value,
    size_t value_len, uint32_t line, unsigned flags)
{
	if (key_len > RA_KEY_NAME_MAX || value_len > RA_KEYS_TEXT_MAX)
		return -EMSGSIZE;
	return add(b, key, key_len, value, value_len, line, flags, false, false);
}

int
ra_snapshot_add_data(struct ra_snapshot_builder *b, const struct ra_data *data)
{
	RA_FREE bool *named = NULL;

	if (grow(b, data->keys.count) < 0 || ra_snapshot_named(data, &named) < 0)
		return -ENOMEM;
	b->skipped = data->keys.skipped;
	b->skipped_line = data->keys.skipped_line;
	b->marked = data->keys.marked;
	b->unread = data->keys.unread.len > 0 ? &data->keys.unread : NULL;
	for (size_t i = 0; i < data->keys.count; i++) {
		const struct ra_key *key = &data->keys.list[i];
		int r = add(b, ra_data_key_name(data, i), key->name_len, ra_data_key_value(data, i),
		    key->value_len, key->line, key->flags, true, named != NULL && named[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

int
ra_snapshot_add_entry(struct ra_snapshot_builder *b, const struct ra_entry *entry)
{
	struct ra_pending p = { .key = entry->key,
		.value = entry->value,
		.compared = entry->compared,
		.key_len = (uint32_t)entry->key_len,
		.value_len = (uint32_t)entry->value_len,
		.compared_len = (uint32_t)entry->compared_len,
		.line = entry->line,
		.flags = (uint16_t)entry->flags };

	if (entry->secret)
		p.flags |= RA_SLOT_SECRET;
	if (entry->opaque != RA_OPAQUE_NOT)
		p.flags |=
		    entry->opaque == RA_OPAQUE_ENCRYPTED ? RA_SLOT_ENCRYPTED : RA_SLOT_TEMPLATE;
	return keep(b, &p);
}

/* --- sealing --- */

static uint32_t
move_text(char *texts, size_t *at, const char *text, size_t len)
{
	uint32_t offset = (uint32_t)*at;

	memcpy(texts + offset, text, len + 1);
	*at += len + 1;
	return offset;
}

/* Of equal keys, which come one after the other, the last one takes the place of those before. */
static void
forget_equal(struct ra_snapshot *s, const char *texts, const struct ra_pending *next, size_t *at)
{
	const struct ra_slot *last = &s->slots[s->count - 1];

	if (last->key_len != next->key_len ||
	    memcmp(texts + last->key, next->key, last->key_len) != 0)
		return;
	if (s->repeated++ == 0 || last->line < s->repeated_line)
		s->repeated_line = last->line;
	*at = last->key - 1;
	s->count--;
}

/* Flags, key and value of each in order, which is what the digest is of. Returns their length. */
static size_t
lay_out(const struct ra_snapshot_builder *b, uint32_t *order, struct ra_snapshot *s, char *texts)
{
	size_t at = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct ra_pending *from = &b->list[order[i]];
		struct ra_slot *to;

		if (i + 2 * AHEAD < b->count) {
			__builtin_prefetch(&b->list[order[i + 2 * AHEAD]]);
			__builtin_prefetch(b->list[order[i + AHEAD]].key);
		}
		if (s->count > 0)
			forget_equal(s, texts, from, &at);
		order[s->count] = order[i];
		to = &s->slots[s->count++];
		*to = (struct ra_slot){ .key_len = from->key_len,
			.value_len = from->value_len,
			.compared_len = from->compared_len,
			.line = from->line,
			.origin = from->origin,
			.flags = from->flags };
		texts[at++] = (char)(from->flags & RA_SLOT_SHOWN);
		to->key = move_text(texts, &at, from->key, from->key_len);
		to->value = move_text(texts, &at, from->value, from->value_len);
		to->compared = to->value;
	}
	return at;
}

/* Behind that what has placeholders, the origins, and what was not read. */
static void
lay_out_rest(const struct ra_snapshot_builder *b, const uint32_t *order, struct ra_snapshot *s,
    char *texts, size_t at, uint32_t *origins)
{
	for (size_t i = 0; b->replaced && i < s->count; i++) {
		const struct ra_pending *from = &b->list[order[i]];

		if (from->compared != from->value)
			s->slots[i].compared =
			    move_text(texts, &at, from->compared, from->compared_len);
	}
	for (size_t i = 0; i < b->origin_count; i++)
		origins[i] = move_text(texts, &at, b->origins[i], strlen(b->origins[i]));
	if (b->unread == NULL)
		return;
	memcpy(texts + at, b->unread->data, b->unread->len);
	s->unread = (uint32_t)at;
	s->unread_len = (uint32_t)b->unread->len;
}

static int
seal(struct ra_snapshot_builder *b, struct ra_snapshot **ret)
{
	RA_FREE uint32_t *order = calloc(b->count + 1, sizeof(*order));
	size_t head = sizeof(struct ra_snapshot) + b->count * sizeof(struct ra_slot);
	size_t origins = b->origin_count * sizeof(uint32_t);
	/* A flag's byte each; what repeated keys had stays unused. */
	size_t size = head + origins + b->count + b->len + (b->unread != NULL ? b->unread->len : 0);
	RA_FREE struct ra_snapshot *s = NULL;
	char *texts;
	size_t covered;

	if (order == NULL)
		return -ENOMEM;
	if (ra_pending_sort(b->list, order, b->count) < 0)
		return -ENOMEM;
	s = ra_block_new(size);
	if (s == NULL)
		return -ENOMEM;
	*s = (struct ra_snapshot){ .refs = 1,
		.size = size,
		.skipped = b->skipped,
		.skipped_line = b->skipped_line,
		.marked = b->marked,
		.origin_count = (uint32_t)b->origin_count,
		.pointers = !b->flat && b->count > 0,
		.origins = (uint32_t *)(void *)((char *)s + head) };
	texts = (char *)s + head + origins;
	s->texts = texts;
	covered = lay_out(b, order, s, texts);
	lay_out_rest(b, order, s, texts, covered, (uint32_t *)(void *)((char *)s + head));
	if (ra_digest_of(texts, covered, s->digest) < 0)
		return -ENOMEM;
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
