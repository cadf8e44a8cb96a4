/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at files, in a worker of the helper. Whatever is touched is announced first. */
#ifndef RA_IO_HELPER_LOOK_H
#define RA_IO_HELPER_LOOK_H

#include <sys/stat.h>

#include "relaudit/io/helper.h"

#define RA_LOOK_PATH	4096

struct ra_look_item {
	char *name;
	int64_t time, size; /* as in struct ra_item */
	dev_t device;
	ino_t inode;
	bool link; /* the name is a link to it */
};

struct ra_look {
	const struct ra_file_request *request;
	/* Before a path is touched, and now and then in long work. Negative: give up, silently. */
	int (*enter)(void *arg, const char *path);
	void *arg;

	/* the answer; all of it is freed by ra_look_clear */
	bool gave_up;
	enum ra_reason reason;
	char error[RA_ERROR_TEXT];
	struct ra_look_item *items;
	size_t count, room, matched;
	size_t others;		/* that matched and are no regular file */
	size_t names;		/* bytes of all names */
	char *bytes;
	size_t len;
	bool cut;
	uint64_t inode;
	bool unchanged;
	struct ra_file_stamp stamp;
};

void ra_look(struct ra_look *l);
void ra_look_clear(struct ra_look *l);

/* --- between its parts --- */

/* Says why it failed; the first that is said stands. Returns -1. */
int ra_look_fail(struct ra_look *l, enum ra_reason reason, const char *fmt, ...) RA_PRINTF(3, 4);
/* The same by a negative errno of this path. */
int ra_look_fail_at(struct ra_look *l, const char *path, int error);
/* It is of a type that is not read. */
int ra_look_fail_type(struct ra_look *l, const char *path, mode_t mode);
/* A path as it may be shown. */
const char *ra_look_shown(const char *path, char out[RA_ERROR_TEXT / 2]);

/*
 * A descriptor (O_PATH) of what is at path, with its state; links on the way are followed, one at
 * its end if follow. Negative errno; -ECANCELED: gave up.
 */
int ra_look_open(struct ra_look *l, const char *path, bool follow, struct stat *ret);
/* Of such a descriptor one to read from. */
int ra_look_reopen(int fd, const struct stat *st);

int ra_look_add(struct ra_look *l, const char *path, const struct stat *st, bool link);
/* Each file once, newest first, no more than max_items. */
void ra_look_sort(struct ra_look *l, size_t max);
/* All regular files that the request's pattern matches. 0 or -1. */
int ra_look_expand(struct ra_look *l);
/* One file's content, as requested. 0 or -1. */
int ra_look_read(struct ra_look *l, const char *path);

#endif
