/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the store share: a folder of its own, a loop, waiting for answers. */
#ifndef RELAUDIT_TESTS_STORE_RIG_H
#define RELAUDIT_TESTS_STORE_RIG_H

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../daemon/engine/store_internal.h"

/* Works in children too, where cmocka's asserts do not. */
#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

struct rig {
	char folder[128];
	struct ra_loop *loop;
	struct ra_store *store;
	struct ra_buf notes;
	struct ra_error err;
};

struct answer {
	bool done;
	int error;
};

static inline void
remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

/* A name for a folder that is not there yet; in memory where possible, as much is synced. */
static inline void
rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	snprintf(rig->folder, sizeof(rig->folder), "%s/relaudit-test-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(rig->folder) != NULL);
	CHECK(rmdir(rig->folder) == 0);
	CHECK(ra_loop_new(&rig->loop, NULL) == 0);
}

static inline int
rig_open(struct rig *rig)
{
	ra_buf_free(&rig->notes);
	rig->notes = RA_BUF(65536);
	memset(&rig->err, 0, sizeof(rig->err));
	return ra_store_open(rig->loop, rig->folder, &rig->store, &rig->notes, &rig->err);
}

static inline const char *
rig_notes(const struct rig *rig)
{
	return ra_buf_text(&rig->notes);
}

static inline void
rig_close(struct rig *rig)
{
	ra_store_close(RA_TAKE(rig->store), 20000);
}

static inline void
rig_end(struct rig *rig)
{
	rig_close(rig);
	ra_buf_free(&rig->notes);
	ra_loop_free(rig->loop);
	remove_folder(rig->folder);
}

static inline void
on_answer(void *arg, int error)
{
	struct answer *a = arg;

	CHECK(!a->done);
	a->done = true;
	a->error = error;
}

static inline int
rig_put(struct rig *rig, const char *key, const char *body)
{
	struct answer a = { 0 };

	CHECK(ra_store_put(
		  rig->store, RA_RECORD_STATE, key, body, strlen(body), on_answer, &a) == 0);
	while (!a.done)
		ra_loop_turn(rig->loop);
	return a.error;
}

static inline const char *
rig_get(const struct rig *rig, const char *key)
{
	const char *body = ra_store_get(rig->store, RA_RECORD_STATE, key);

	return body != NULL ? body : "";
}

static inline const char *
rig_path(const struct rig *rig, const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *out = path[next++ % 4];

	snprintf(out, sizeof(path[0]), "%s/%s", rig->folder, name);
	return out;
}

/* Names in the folder that begin so. */
static inline size_t
rig_count(const struct rig *rig, const char *prefix)
{
	DIR *d = opendir(rig->folder);
	struct dirent *e;
	size_t n = 0;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static inline char *
file_read(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *data;

	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	data = malloc((size_t)st.st_size + 1);
	CHECK(data != NULL && read(fd, data, (size_t)st.st_size) == st.st_size);
	close(fd);
	*ret_len = (size_t)st.st_size;
	return data;
}

static inline void
file_write(const char *path, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

#endif
