/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk may hold after its power went. POSIX promises little: data is safe once its file is
 * synced, a name once its folder is. What is not may be there, in any order, whole, in part by
 * sectors, or not at all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_shim.h"

#define SECTOR 512
#define FILES  256
#define NAMES  64

struct file {
	uint8_t *data;
	size_t len, room;
	size_t *pending, count, pending_room; /* entries not synced */
};

struct disk {
	struct file files[FILES];
	struct {
		char name[SHIM_NAME];
		int file;
	} names[NAMES];
	size_t pending[SHIM_ENTRIES], count; /* changes of names not synced */
	unsigned chance; /* of 4, that what is not synced is there */
};

static uint64_t seed = 1;

void
states_seed(uint64_t value)
{
	seed = value * 2 + 1;
}

uint32_t
states_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32);
}

static bool
lucky(const struct disk *d)
{
	return states_random() % 4 < d->chance;
}

static void *
grown(void *p, size_t size)
{
	p = realloc(p, size);
	if (p == NULL)
		abort();
	return p;
}

/* --- data --- */

static void
resize(struct file *f, size_t len)
{
	if (len > f->room) {
		f->data = grown(f->data, 2 * len);
		f->room = 2 * len;
	}
	if (len > f->len)
		memset(f->data + f->len, 0, len - f->len);
	f->len = len;
}

static void
apply(struct file *f, const struct shim_entry *e)
{
	if (e->op == SHIM_TRUNCATE) {
		resize(f, e->offset);
		return;
	}
	if (e->offset + e->len > f->len)
		resize(f, e->offset + e->len);
	if (e->len > 0)
		memcpy(f->data + e->offset, shim->data + e->data, e->len);
}

/* Some of its sectors; where the file grew, the others read as zeros. */
static void
apply_torn(const struct disk *d, struct file *f, const struct shim_entry *e)
{
	size_t at, n;

	if (e->offset + e->len > f->len)
		resize(f, e->offset + e->len);
	for (at = 0; at < e->len; at += n) {
		n = SECTOR - (e->offset + at) % SECTOR;
		n = n < e->len - at ? n : e->len - at;
		if (lucky(d))
			memcpy(f->data + e->offset + at, shim->data + e->data + at, n);
	}
}

static void
flush(struct file *f)
{
	for (size_t i = 0; i < f->count; i++)
		apply(f, &shim->entry[f->pending[i]]);
	f->count = 0;
}

static void
gamble(const struct disk *d, struct file *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct shim_entry *e = &shim->entry[f->pending[i]];

		if (e->op == SHIM_WRITE && states_random() % 4 == 0)
			apply_torn(d, f, e);
		else if (lucky(d))
			apply(f, e);
	}
	f->count = 0;
}

static void
wait_for_sync(struct file *f, size_t i)
{
	if (f->count == f->pending_room) {
		f->pending_room = 2 * f->count + 16;
		f->pending = grown(f->pending, f->pending_room * sizeof(*f->pending));
	}
	f->pending[f->count++] = i;
}

/* --- names --- */

static void
name_file(struct disk *d, const char *name, int file)
{
	size_t i, hole = NAMES;

	for (i = 0; i < NAMES && strcmp(d->names[i].name, name) != 0; i++)
		if (d->names[i].name[0] == '\0' && hole == NAMES)
			hole = i;
	i = i < NAMES ? i : hole;
	if (i == NAMES)
		abort();
	memcpy(d->names[i].name, name, strlen(name) + 1);
	d->names[i].file = file;
}

static void
apply_name(struct disk *d, const struct shim_entry *e)
{
	if (e->op == SHIM_CREATE)
		name_file(d, e->name, e->file);
	else if (e->op == SHIM_UNLINK)
		name_file(d, e->name, 0);
	if (e->op == SHIM_RENAME)
		name_file(d, e->name, 0);
	if (e->op == SHIM_RENAME || e->op == SHIM_LINK)
		name_file(d, e->to, e->file);
}

static void
sync_names(struct disk *d)
{
	for (size_t i = 0; i < d->count; i++)
		apply_name(d, &shim->entry[d->pending[i]]);
	d->count = 0;
}

/* A journal of the file system keeps their order; without one, each is on its own. */
static void
gamble_names(struct disk *d, bool orderly)
{
	size_t kept = d->count != 0 ? states_random() % (d->count + 1) : 0;

	if (orderly)
		d->count = kept;
	for (size_t i = 0; i < d->count; i++)
		if (orderly || lucky(d))
			apply_name(d, &shim->entry[d->pending[i]]);
}

/* --- the whole --- */

static void
step(struct disk *d, size_t i)
{
	const struct shim_entry *e = &shim->entry[i];
	struct file *f;

	if (e->file < 0 || e->file >= FILES)
		abort();
	f = &d->files[e->file];
	switch (e->op) {
	case SHIM_WRITE:
	case SHIM_TRUNCATE:
		wait_for_sync(f, i);
		break;
	case SHIM_SYNC:
		flush(f);
		break;
	case SHIM_SYNC_FAILED:
		gamble(d, f);
		break;
	case SHIM_SYNC_FOLDER:
		sync_names(d);
		break;
	case SHIM_CREATE:
	case SHIM_RENAME:
	case SHIM_LINK:
	case SHIM_UNLINK:
		d->pending[d->count++] = i;
		break;
	case SHIM_PUT:
	case SHIM_ACK:
		break;
	}
}

static void
write_file(const char *folder, const char *name, const struct file *f)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || pwrite(fd, f->data, f->len, 0) != (ssize_t)f->len)
		abort();
	close(fd);
}

void
states_write(size_t at, bool orderly, const char *folder)
{
	struct disk *d = calloc(1, sizeof(*d));
	size_t i;

	if (d == NULL)
		abort();
	d->chance = states_random() % 5;
	for (i = 0; i < at; i++)
		step(d, i);
	gamble_names(d, orderly);
	for (i = 0; i < FILES; i++)
		gamble(d, &d->files[i]);
	for (i = 0; i < NAMES; i++)
		if (d->names[i].file != 0)
			write_file(folder, d->names[i].name, &d->files[d->names[i].file]);
	for (i = 0; i < FILES; i++) {
		free(d->files[i].data);
		free(d->files[i].pending);
	}
	free(d);
}

void
states_told(size_t at, unsigned tried[SHIM_KEYS], unsigned acked[SHIM_KEYS])
{
	for (size_t i = 0; i < at; i++) {
		const struct shim_entry *e = &shim->entry[i];

		if (e->op == SHIM_PUT)
			tried[e->key] = e->number;
		else if (e->op == SHIM_ACK)
			acked[e->key] = e->number;
	}
}
