/* SPDX-License-Identifier: Apache-2.0 */
#include "helper_look.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relaudit/base/escape.h"

#define ITEMS	  10000
#define NAMES_MAX ((size_t)32 << 20)

int
ra_look_fail(struct ra_look *l, enum ra_reason reason, const char *fmt, ...)
{
	va_list ap;

	if (l->reason == RA_R_OK && !l->gave_up) {
		l->reason = reason;
		va_start(ap, fmt);
		(void)vsnprintf(l->error, sizeof(l->error), fmt, ap);
		va_end(ap);
	}
	return -1;
}

const char *
ra_look_shown(const char *path, char out[RA_ERROR_TEXT / 2])
{
	RA_BUF_LOCAL text = RA_BUF(4 * RA_LOOK_PATH);

	(void)ra_escape_line(&text, path, strlen(path), RA_ERROR_TEXT / 4);
	(void)snprintf(out, RA_ERROR_TEXT / 2, "%s", ra_buf_text(&text));
	return out;
}

static const char *
type_words(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "is a folder, not a regular file; for the files in it say `glob:`";
	case S_IFLNK:
		return "is a symbolic link, which is followed only with `follow: true`";
	case S_IFIFO:
		return "is a FIFO, not a regular file";
	case S_IFSOCK:
		return "is a socket, not a regular file";
	default:
		return "is a device, not a regular file";
	}
}

int
ra_look_fail_type(struct ra_look *l, const char *path, mode_t mode)
{
	char shown[RA_ERROR_TEXT / 2];

	return ra_look_fail(
	    l, RA_R_FILE_TYPE, "%s %s", ra_look_shown(path, shown), type_words(mode));
}

/* --- items --- */

static int64_t
to_ms(struct timespec ts)
{
	int64_t ms;

	if (__builtin_mul_overflow((int64_t)ts.tv_sec, INT64_C(1000), &ms))
		return ts.tv_sec > 0 ? INT64_MAX / 2 : 0;
	return ms + ts.tv_nsec / 1000000;
}

static int
newest_first(const void *a, const void *b)
{
	const struct ra_look_item *x = a, *y = b;

	if (x->time != y->time)
		return x->time > y->time ? -1 : 1;
	return strcmp(y->name, x->name);
}

static bool
is_same_file(const struct ra_look_item *x, const struct ra_look_item *y)
{
	return x->device == y->device && x->inode == y->inode;
}

/* The names of a file together, the one that counts first. */
static int
by_file(const void *a, const void *b)
{
	const struct ra_look_item *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->link != y->link)
		return x->link ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void
drop(struct ra_look *l, struct ra_look_item *item)
{
	l->names -= strlen(item->name) + 1;
	free(item->name);
}

/* A second name, by a link of either sort, is no second file. */
static void
drop_second_names(struct ra_look *l)
{
	size_t kept = 1;

	qsort(l->items, l->count, sizeof(*l->items), by_file);
	for (size_t i = 1; i < l->count; i++) {
		if (is_same_file(&l->items[i], &l->items[kept - 1])) {
			drop(l, &l->items[i]);
			l->matched--;
		} else {
			l->items[kept++] = l->items[i];
		}
	}
	l->count = kept;
}

void
ra_look_sort(struct ra_look *l, size_t max)
{
	if (l->count > 1) {
		drop_second_names(l);
		qsort(l->items, l->count, sizeof(*l->items), newest_first);
	}
	while (l->count > max)
		drop(l, &l->items[--l->count]);
}

static size_t
max_items(const struct ra_look *l)
{
	size_t max = l->request->max_items;

	return max > 0 && max < ITEMS ? max : ITEMS;
}

/* There is room for twice what is kept, so that sorting is not for each. */
static int
make_room(struct ra_look *l)
{
	size_t max = max_items(l), room = l->room < 8 ? 8 : l->room * 2;
	void *list;

	if (l->count >= 2 * max)
		ra_look_sort(l, max);
	if (l->count < l->room)
		return 0;
	list = reallocarray(l->items, room, sizeof(*l->items));
	if (list == NULL)
		return ra_look_fail(l, RA_R_NO_MEMORY, "out of memory in the helper");
	l->items = list;
	l->room = room;
	return 0;
}

int
ra_look_add(struct ra_look *l, const char *path, const struct stat *st, bool link)
{
	char *name;

	if (make_room(l) < 0)
		return -1;
	l->names += strlen(path) + 1;
	if (l->names > NAMES_MAX)
		return ra_look_fail(
		    l, RA_R_FILE_TOO_MANY, "the names of %zu files take too much", l->count);
	name = strdup(path);
	if (name == NULL)
		return ra_look_fail(l, RA_R_NO_MEMORY, "out of memory in the helper");
	l->items[l->count++] = (struct ra_look_item){ .name = name,
		.time = to_ms(st->st_mtim),
		.size = (int64_t)st->st_size,
		.device = st->st_dev,
		.inode = st->st_ino,
		.link = link };
	l->matched++;
	l->inode = st->st_ino;
	return 0;
}

/* --- what is asked --- */

static int
stat_one(struct ra_look *l, const char *path)
{
	struct stat st;
	int fd = ra_look_open(l, path, l->request->follow, &st);

	if (fd < 0)
		return ra_look_fail_at(l, path, fd);
	close(fd);
	if (!S_ISREG(st.st_mode))
		return ra_look_fail_type(l, path, st.st_mode);
	return ra_look_add(l, path, &st, false);
}

static void
keep_only(struct ra_look *l, size_t at)
{
	for (size_t i = 0; i < l->count; i++) {
		if (i != at)
			free(l->items[i].name);
	}
	l->items[0] = l->items[at];
	l->count = 1;
}

/* The newest that is still there. */
static int
read_newest(struct ra_look *l)
{
	size_t found, i;

	if (ra_look_expand(l) < 0)
		return -1;
	ra_look_sort(l, max_items(l));
	found = l->count;
	for (i = 0; i < found; i++) {
		l->reason = RA_R_OK;
		l->error[0] = '\0';
		if (ra_look_read(l, l->items[i].name) == 0) {
			/* As it was when it was read, at the end of the list. */
			keep_only(l, l->count - 1);
			l->matched--;
			return 0;
		}
		if (l->reason != RA_R_FILE_MISSING)
			return -1;
	}
	return found == 0 ? 0 : -1;
}

void
ra_look(struct ra_look *l)
{
	const struct ra_file_request *q = l->request;
	int r;

	if (q->want == RA_FILE_STAT && !q->glob)
		r = stat_one(l, q->path);
	else if (q->want == RA_FILE_STAT)
		r = ra_look_expand(l);
	else if (q->glob)
		r = read_newest(l);
	else
		r = ra_look_read(l, q->path);
	if (r == 0) {
		if (q->want == RA_FILE_STAT)
			ra_look_sort(l, max_items(l));
		return;
	}
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].name);
	l->count = l->matched = 0;
	free(RA_TAKE(l->bytes));
	l->len = 0;
}

void
ra_look_clear(struct ra_look *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].name);
	free(l->items);
	free(l->bytes);
	*l = (struct ra_look){ 0 };
}
