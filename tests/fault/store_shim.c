/* SPDX-License-Identifier: Apache-2.0 */
/* Both names of each function are needed, not one in place of the other or of a checking one. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include "store_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS    1024
#define FOLDER (-2) /* a descriptor of the folder itself */

struct shim *shim;

/* Which file of the folder a descriptor is of; 0: none. This process's. */
static _Atomic int fds[FDS];
static struct {
	char name[SHIM_NAME];
	int file;
} names[64];

void
shim_revive(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shim->lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

void
shim_new(void)
{
	shim = mmap(NULL, sizeof(*shim), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shim == MAP_FAILED)
		abort();
	shim_revive();
}

void
shim_reset(const char *folder)
{
	memset(shim, 0, offsetof(struct shim, entry));
	shim_revive();
	memcpy(shim->folder, folder, strlen(folder) + 1);
	memset(names, 0, sizeof(names));
	for (size_t i = 0; i < FDS; i++)
		fds[i] = 0;
}

/* --- names and files; under lock --- */

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/*
 * Its name in the folder; NULL: it is none of the folder's. "" is the folder itself. Shared memory
 * is no part of what is saved; where it cannot be had, SQLite tries for ten seconds.
 */
static const char *
inside(int at, const char *path)
{
	size_t len;

	if (shim == NULL || shim->folder[0] == '\0' || path == NULL)
		return NULL;
	len = strlen(path);
	if (len > 4 && strcmp(path + len - 4, "-shm") == 0)
		return NULL;
	if (path[0] != '/')
		return at >= 0 && at < FDS && fds[at] == FOLDER ? path : NULL;
	len = strlen(shim->folder);
	if (strncmp(path, shim->folder, len) != 0)
		return NULL;
	return path[len] == '\0' ? "" : path[len] == '/' ? last_part(path) : NULL;
}

static int *
slot(const char *name, bool make)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return &names[i].file;
		if (names[i].name[0] == '\0' && make) {
			memcpy(names[i].name, name, strnlen(name, SHIM_NAME - 1));
			return &names[i].file;
		}
	}
	if (make)
		abort();
	return NULL;
}

static int
file_of(const char *name)
{
	const int *file = slot(name, false);

	return file != NULL ? *file : 0;
}

/* --- the journal; under lock --- */

static struct shim_entry *
add(enum shim_op op, int file)
{
	struct shim_entry *e;

	if (!shim->record)
		return NULL;
	if (shim->entries == SHIM_ENTRIES)
		abort();
	e = &shim->entry[shim->entries++];
	*e = (struct shim_entry){ .op = op, .file = file };
	return e;
}

static void
add_names(enum shim_op op, int file, const char *name, const char *to)
{
	struct shim_entry *e = add(op, file);

	if (e == NULL)
		return;
	memcpy(e->name, name, strnlen(name, SHIM_NAME - 1));
	if (to != NULL)
		memcpy(e->to, to, strnlen(to, SHIM_NAME - 1));
}

static void
add_write(int file, const void *data, size_t len, uint64_t offset)
{
	struct shim_entry *e = add(SHIM_WRITE, file);

	if (e == NULL)
		return;
	if (shim->data_len + len > SHIM_DATA)
		abort();
	e->offset = offset;
	e->len = len;
	e->data = shim->data_len;
	memcpy(shim->data + shim->data_len, data, len);
	shim->data_len += len;
}

void
shim_note(enum shim_op op, int key, unsigned number)
{
	struct shim_entry *e;

	pthread_mutex_lock(&shim->lock);
	e = add(op, 0);
	if (e != NULL) {
		e->key = key;
		e->number = number;
	}
	pthread_mutex_unlock(&shim->lock);
}

void
shim_add_file(const char *name, const void *data, size_t len)
{
	int file = ++shim->files;

	*slot(name, true) = file;
	add_names(SHIM_CREATE, file, name, NULL);
	add_write(file, data, len, 0);
	add(SHIM_SYNC, file);
	add(SHIM_SYNC_FOLDER, 0);
}

/* --- faults; under lock --- */

/* 0: go on. SHIM_SHORT is told by *ret_short where that can be. */
static int
gate(bool sync, bool *ret_short)
{
	unsigned n;

	*ret_short = false;
	if (shim->fault_only_sync && !sync)
		return 0;
	n = ++shim->ops;
	if (n == shim->kill_at) {
		kill(getpid(), SIGKILL);
		for (;;)
			pause();
	}
	if (shim->fault_at == 0 || n < shim->fault_at || n - shim->fault_at >= shim->fault_count)
		return 0;
	shim->faults++;
	*ret_short = shim->fault == SHIM_SHORT;
	return *ret_short ? 0 : shim->fault_errno;
}

static bool
refused(void)
{
	bool is_short;
	int error = gate(false, &is_short);

	if (error != 0)
		errno = error;
	return error != 0;
}

/* --- what SQLite and the store call --- */

static int
do_open(int at, const char *path, int flags, unsigned mode)
{
	const char *name = inside(at, path);
	int fd, file = 0;

	if (name == NULL)
		return (int)syscall(SYS_openat, at, path, flags, mode);
	pthread_mutex_lock(&shim->lock);
	file = *name == '\0' ? FOLDER : file_of(name);
	if ((flags & O_CREAT) != 0 && refused()) {
		pthread_mutex_unlock(&shim->lock);
		return -1;
	}
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0 && fd < FDS) {
		if (file == 0) {
			file = ++shim->files;
			*slot(name, true) = file;
			add_names(SHIM_CREATE, file, name, NULL);
		}
		if (file > 0 && (flags & O_TRUNC) != 0)
			add(SHIM_TRUNCATE, file);
		fds[fd] = file;
	}
	pthread_mutex_unlock(&shim->lock);
	return fd;
}

int
open64(const char *path, int flags, ...)
{
	unsigned mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, unsigned);
	va_end(ap);
	return do_open(AT_FDCWD, path, flags, mode);
}

int
openat64(int at, const char *path, int flags, ...)
{
	unsigned mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, unsigned);
	va_end(ap);
	return do_open(at, path, flags, mode);
}

int open(const char *path, int flags, ...) __attribute__((alias("open64")));
int openat(int at, const char *path, int flags, ...) __attribute__((alias("openat64")));

int
close(int fd)
{
	if (fd >= 0 && fd < FDS)
		fds[fd] = 0;
	return (int)syscall(SYS_close, fd);
}

static int
file_at(int fd)
{
	return fd >= 0 && fd < FDS ? fds[fd] : 0;
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	int file = file_at(fd), error;
	bool is_short;
	ssize_t n;

	if (file <= 0)
		return syscall(SYS_pwrite64, fd, data, len, offset);
	pthread_mutex_lock(&shim->lock);
	error = gate(false, &is_short);
	if (error != 0) {
		n = -1;
	} else {
		n = syscall(SYS_pwrite64, fd, data, is_short && len > 1 ? 1 : len, offset);
		error = errno;
		if (n > 0)
			add_write(file, data, (size_t)n, (uint64_t)offset);
	}
	pthread_mutex_unlock(&shim->lock);
	if (n < 0)
		errno = error;
	return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
    __attribute__((alias("pwrite64")));

int
ftruncate64(int fd, off_t len)
{
	int file = file_at(fd), r = -1;
	struct shim_entry *e;

	if (file <= 0)
		return (int)syscall(SYS_ftruncate, fd, len);
	pthread_mutex_lock(&shim->lock);
	if (!refused()) {
		r = (int)syscall(SYS_ftruncate, fd, len);
		e = r == 0 ? add(SHIM_TRUNCATE, file) : NULL;
		if (e != NULL)
			e->offset = (uint64_t)len;
	}
	pthread_mutex_unlock(&shim->lock);
	return r;
}

int ftruncate(int fd, off_t len) __attribute__((alias("ftruncate64")));

/*
 * A failed sync is the last that is heard of those pages: the kernel calls them clean, so that a
 * second sync says 0 and nothing is on disk.
 */
static int
do_sync(int fd, long call)
{
	int file = file_at(fd), r, error;
	bool is_short;

	if (file == 0)
		return (int)syscall(call, fd);
	pthread_mutex_lock(&shim->lock);
	error = gate(true, &is_short);
	r = error != 0 ? -1 : (int)syscall(call, fd);
	if (file == FOLDER && r == 0)
		add(SHIM_SYNC_FOLDER, 0);
	else if (file != FOLDER)
		add(r == 0 ? SHIM_SYNC : SHIM_SYNC_FAILED, file);
	pthread_mutex_unlock(&shim->lock);
	if (error != 0)
		errno = error;
	return r;
}

int
fsync(int fd)
{
	return do_sync(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return do_sync(fd, SYS_fdatasync);
}

static int
moved(enum shim_op op, const char *name, const char *to, int r)
{
	int file = file_of(name);

	if (r != 0)
		return r;
	if (op == SHIM_RENAME)
		*slot(name, true) = 0;
	*slot(to, true) = file;
	add_names(op, file, name, to);
	return r;
}

int
renameat2(int at, const char *name, int to_at, const char *to, unsigned flags)
{
	int r = -1;

	if (inside(at, name) == NULL)
		return (int)syscall(SYS_renameat2, at, name, to_at, to, flags);
	pthread_mutex_lock(&shim->lock);
	if (!refused())
		r = moved(SHIM_RENAME, last_part(name), last_part(to),
		    (int)syscall(SYS_renameat2, at, name, to_at, to, flags));
	pthread_mutex_unlock(&shim->lock);
	return r;
}

int
renameat(int at, const char *name, int to_at, const char *to)
{
	return renameat2(at, name, to_at, to, 0);
}

int
linkat(int at, const char *name, int to_at, const char *to, int flags)
{
	int r = -1;

	if (inside(at, name) == NULL)
		return (int)syscall(SYS_linkat, at, name, to_at, to, flags);
	pthread_mutex_lock(&shim->lock);
	if (!refused())
		r = moved(SHIM_LINK, last_part(name), last_part(to),
		    (int)syscall(SYS_linkat, at, name, to_at, to, flags));
	pthread_mutex_unlock(&shim->lock);
	return r;
}

int
unlinkat(int at, const char *path, int flags)
{
	const char *name = inside(at, path);
	int r = -1;

	if (name == NULL)
		return (int)syscall(SYS_unlinkat, at, path, flags);
	pthread_mutex_lock(&shim->lock);
	if (!refused())
		r = (int)syscall(SYS_unlinkat, at, path, flags);
	if (r == 0) {
		add_names(SHIM_UNLINK, file_of(name), name, NULL);
		*slot(name, true) = 0;
	}
	pthread_mutex_unlock(&shim->lock);
	return r;
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}
