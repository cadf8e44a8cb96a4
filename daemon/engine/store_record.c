/* SPDX-License-Identifier: Apache-2.0 */
/* Records, keys and queues as values in memory. */
#include <string.h>

#include "relaudit/base/arena.h"

#include "store_internal.h"

static const char *const type_names[RA_RECORD_TYPES] = {
	[RA_RECORD_STATE] = "state",
	[RA_RECORD_META] = "meta",
};

const char *
ra_record_type_name(enum ra_record_type type)
{
	return type_names[type];
}

int
ra_record_type_parse(const char *name, enum ra_record_type *ret)
{
	for (size_t i = 0; i < RA_RECORD_TYPES; i++) {
		if (strcmp(type_names[i], name) == 0) {
			*ret = (enum ra_record_type)i;
			return 0;
		}
	}
	return -EINVAL;
}

struct ra_store_key *
ra_key_new(enum ra_record_type type, const char *text)
{
	size_t len = strlen(text) + 1;
	struct ra_store_key *k = calloc(1, sizeof(*k) + len);

	if (k == NULL)
		return NULL;
	atomic_init(&k->refs, 1);
	k->type = type;
	memcpy(k->text, text, len);
	return k;
}

void
ra_key_unref(struct ra_store_key *k)
{
	if (k != NULL && atomic_fetch_sub(&k->refs, 1) == 1)
		free(k);
}

struct ra_record *
ra_record_new(struct ra_store_key *k, const char *body, size_t len)
{
	struct ra_record *r = malloc(sizeof(*r) + len + 1);

	if (r == NULL)
		return NULL;
	atomic_init(&r->refs, 1);
	atomic_init(&r->settled, false);
	atomic_fetch_add(&k->refs, 1);
	r->key = k;
	r->generation = 0;
	r->len = len;
	memcpy(r->body, body, len);
	r->body[len] = '\0';
	return r;
}

void
ra_record_unref(struct ra_record *r)
{
	if (r == NULL || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	ra_key_unref(r->key);
	free(r);
}

void
ra_queue_init(struct ra_queue *q)
{
	*q = (struct ra_queue){ 0 };
	q->tail = &q->head;
}

void
ra_queue_add(struct ra_queue *q, struct ra_store_item *item)
{
	item->next = NULL;
	*q->tail = item;
	q->tail = &item->next;
	q->count++;
	q->bytes += item->size;
}

void
ra_queue_move(struct ra_queue *to, struct ra_queue *from)
{
	if (from->head == NULL)
		return;
	*to->tail = from->head;
	to->tail = from->tail;
	to->count += from->count;
	to->bytes += from->bytes;
	ra_queue_init(from);
}

struct ra_store_item *
ra_queue_take(struct ra_queue *q)
{
	struct ra_store_item *item = q->head;

	if (item == NULL)
		return NULL;
	q->head = item->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->count--;
	q->bytes -= item->size;
	return item;
}

void
ra_item_free(struct ra_store_item *item)
{
	if (item != NULL && item->kind <= RA_ITEM_REMOVE) {
		struct ra_item_record *p = RA_CONTAINER(item, struct ra_item_record, item);

		ra_record_unref(p->record);
		ra_key_unref(p->key);
	} else if (item != NULL && item->kind == RA_ITEM_SNAPSHOT) {
		ra_snapshot_unref(RA_CONTAINER(item, struct ra_item_snapshot, item)->snapshot);
	}
	free(item);
}

void
ra_query_free(struct ra_query *q)
{
	if (q == NULL)
		return;
	ra_arena_free(q->arena);
	free(q->events);
	free(q->environment);
	free(q->check);
	free(q);
}
