/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: refused if anyone else could have put things into it, locked, names in it. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "relaudit/base/clock.h"

#include "store_internal.h"

#define LOCK_FILE   "lock"
#define FOLDER_MODE 0750
#define FILE_MODE   0600
#define ASIDE_TRIES 1000

static const char *const journals[] = { "-wal", "-shm", "-journal" };

static const char *const databases[] = { RA_RECORDS_FILE, RA_RECORDS_TMP, RA_RECORDS_NEW,
	RA_RECORDS_LAST, RA_HISTORY_FILE };

static bool
ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

static int
check_file(const struct ra_folder *f, const char *name, struct ra_error *err)
{
	struct stat st;

	if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			   ? 0
			   : ra_error_set(err, -errno, "%s/%s: %s", f->path, name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ra_error_set(err, -EPERM,
		    "%s/%s is a %s; remove it, only a regular file is used", f->path, name,
		    S_ISLNK(st.st_mode)	   ? "symbolic link"
		    : S_ISDIR(st.st_mode)  ? "folder"
		    : S_ISFIFO(st.st_mode) ? "FIFO"
					   : "special file");
	if (!ours(&st))
		return ra_error_set(err, -EPERM,
		    "%s/%s belongs to uid %u; it must belong to root or to relauditd's user",
		    f->path, name, (unsigned)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ra_error_set(err, -EPERM,
		    "%s/%s may be written by others; `chmod go-w` it once you know what is in it",
		    f->path, name);
	return 0;
}

static int
check_files(const struct ra_folder *f, struct ra_error *err)
{
	char name[80];
	int r = check_file(f, LOCK_FILE, err);

	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(databases); i++) {
		r = check_file(f, databases[i], err);
		for (size_t j = 0; r == 0 && j < RA_ARRAY_SIZE(journals); j++) {
			snprintf(name, sizeof(name), "%s%s", databases[i], journals[j]);
			r = check_file(f, name, err);
		}
	}
	return r;
}

/* The folder that holds this one, so that its new entry is synced. */
static int
sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	RA_FREE char *parent = slash == NULL   ? strdup(".")
			       : slash == path ? strdup("/")
					       : strndup(path, (size_t)(slash - path));
	int fd = parent != NULL ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, r = 0;

	if (fd < 0)
		return parent != NULL ? -errno : -ENOMEM;
	if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int
open_folder(struct ra_folder *f, const char *path, struct ra_error *err)
{
	RA_FREE char *real = NULL;
	struct stat st, at;

	if (mkdir(path, FOLDER_MODE) == 0)
		(void)sync_parent(path);
	else if (errno != EEXIST)
		return ra_error_set(err, -errno, "cannot create %s: %s", path, strerror(errno));
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd < 0)
		return ra_error_set(err, -errno,
		    errno == ELOOP || errno == ENOTDIR
			? "state folder %s is not a folder or is a symbolic link (%s); name the "
			  "folder itself"
			: "cannot open the state folder %s: %s",
		    path, strerror(errno));
	if (fstat(f->fd, &st) < 0)
		return ra_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!ours(&st))
		return ra_error_set(err, -EPERM,
		    "state folder %s belongs to uid %u; it must belong to root or to relauditd's "
		    "user",
		    path, (unsigned)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ra_error_set(
		    err, -EPERM, "state folder %s may be written by others; `chmod go-w` it", path);
	/* SQLite takes names, not descriptors: it gets the one that has no link in it any more. */
	real = realpath(path, NULL);
	if (real == NULL || lstat(real, &at) < 0)
		return ra_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (at.st_dev != st.st_dev || at.st_ino != st.st_ino)
		return ra_error_set(err, -EAGAIN, "state folder %s was replaced meanwhile", path);
	if (strlen(real) > sizeof(f->path) - 128)
		return ra_error_set(err, -ENAMETOOLONG, "state folder: path too long");
	snprintf(f->path, sizeof(f->path), "%s", real);
	return 0;
}

static int
refuse_second(int fd, const char *path, struct ra_error *err)
{
	char text[16] = "", proc[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	/* Between its lock and its pid the other one's file may still name a dead process. (Not by
	   kill, which the filter of system calls has not.) */
	snprintf(proc, sizeof(proc), "/proc/%ld", pid);
	if (pid <= 0 || access(proc, F_OK) < 0)
		return ra_error_set(err, -EBUSY, "already running (state folder %s)", path);
	return ra_error_set(err, -EBUSY, "already running, pid %ld (state folder %s)", pid, path);
}

/* -1 with errno; where no file can be made, one that is there is as good. */
static int
open_lock(const struct ra_folder *f)
{
	int fd = openat(
	    f->fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);

	if (fd < 0 && errno == EROFS)
		fd = openat(f->fd, LOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd;
}

static int
lock(struct ra_folder *f, int fd, struct ra_error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? refuse_second(f->lock, f->path, err)
				    : ra_error_set(err, -errno, "cannot lock %s/" LOCK_FILE ": %s",
					  f->path, strerror(errno));
}

/*
 * The folder is locked beside the file: on a full or read-only disk there may be no file yet. (Not
 * the folder alone: NFS locks no folders.)
 */
static int
take_lock(struct ra_folder *f, struct ra_error *err)
{
	char text[16];
	int n, r;

	f->lock = open_lock(f);
	if (f->lock < 0 && !ra_disk_is_unwritable(-errno) && errno != ENOENT)
		return ra_error_set(
		    err, -errno, "cannot open %s/" LOCK_FILE ": %s", f->path, strerror(errno));
	r = lock(f, f->fd, err);
	if (f->lock < 0 || r == -EBUSY)
		return r;
	r = lock(f, f->lock, err);
	/* The lock counts, not the text: a full disk is no reason to refuse. */
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (r < 0 || ftruncate(f->lock, 0) < 0 || pwrite(f->lock, text, (size_t)n, 0) < 0)
		return r;
	return 0;
}

int
ra_folder_open(struct ra_folder *f, const char *path, struct ra_error *err)
{
	RA_FREE char *plain = strdup(path);
	size_t len = strlen(path);
	int r;

	*f = (struct ra_folder){ .fd = -1, .lock = -1 };
	if (plain == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	while (len > 1 && plain[len - 1] == '/') /* "link/" would be followed */
		plain[--len] = '\0';
	r = open_folder(f, plain, err);
	if (r == 0)
		r = check_files(f, err);
	if (r == 0)
		r = take_lock(f, err);
	if (r < 0)
		ra_folder_close(f);
	return r;
}

void
ra_folder_close(struct ra_folder *f)
{
	if (f->lock >= 0)
		close(f->lock);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = f->lock = -1;
}

bool
ra_folder_is_lost(const struct ra_folder *f)
{
	struct stat at, st;

	return lstat(f->path, &at) < 0 || fstat(f->fd, &st) < 0 || at.st_dev != st.st_dev ||
	       at.st_ino != st.st_ino;
}

/* The reader may use f->fd meanwhile: it is never closed, nor another for a moment. */
int
ra_folder_again(struct ra_folder *f, struct ra_error *err)
{
	struct ra_folder now;
	int r = 0;

	if (!ra_folder_is_lost(f))
		return 0;
	r = ra_folder_open(&now, f->path, err);
	/* It may be another's to make: the service manager's, as a rule. */
	if (r < 0 && access(f->path, F_OK) < 0 && errno == ENOENT)
		return ra_error_set(err, r,
		    "the folder %s is gone and cannot be made (%s): make it, or restart relauditd",
		    f->path, strerror(-r));
	if (r < 0)
		return r;
	if (f->lock < 0)
		f->lock = now.lock;
	else if (now.lock >= 0 && dup3(now.lock, f->lock, O_CLOEXEC) < 0)
		r = -errno;
	if (f->lock == now.lock)
		now.lock = -1;
	if (r == 0 && dup3(now.fd, f->fd, O_CLOEXEC) < 0)
		r = -errno;
	ra_folder_close(&now); /* locks are the duplicates' as well */
	return r == 0 ? 0 : ra_error_set(err, r, "%s: %s", f->path, strerror(-r));
}

void
ra_folder_path(const struct ra_folder *f, const char *name, char out[RA_STORE_PATH])
{
	if (snprintf(out, RA_STORE_PATH, "%s/%s", f->path, name) >= RA_STORE_PATH)
		out[0] = '\0';
}

bool
ra_folder_has(const struct ra_folder *f, const char *name)
{
	struct stat st;

	return fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int64_t
ra_folder_age(const struct ra_folder *f, const char *name)
{
	struct stat st;
	int64_t age;

	if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	age = ra_clock_wall() - (int64_t)st.st_mtim.tv_sec * RA_SECOND;
	return age > 0 ? age : 0;
}

int
ra_folder_create(const struct ra_folder *f, const char *name)
{
	int fd =
	    openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int
ra_folder_sync_file(const struct ra_folder *f, const char *name)
{
	int fd = openat(f->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

int
ra_folder_sync(const struct ra_folder *f)
{
	return fsync(f->fd) < 0 ? -errno : 0;
}

int
ra_folder_rename(const struct ra_folder *f, const char *from, const char *to)
{
	return renameat(f->fd, from, f->fd, to) < 0 ? -errno : 0;
}

int
ra_folder_unlink(const struct ra_folder *f, const char *name)
{
	return unlinkat(f->fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int
ra_folder_drop_journals(const struct ra_folder *f, const char *name)
{
	char path[80];
	int r = 0;

	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(journals); i++) {
		snprintf(path, sizeof(path), "%s%s", name, journals[i]);
		r = ra_folder_unlink(f, path);
	}
	return r;
}

/* Never over another file. Some file systems have no links, some no renameat2. */
static int
second_name(const struct ra_folder *f, const char *from, const char *to, bool keep)
{
	if (keep && linkat(f->fd, from, f->fd, to, 0) == 0)
		return 0;
	if (keep && errno == EEXIST)
		return -EEXIST;
	if (renameat2(f->fd, from, f->fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return ra_folder_has(f, to) ? -EEXIST : ra_folder_rename(f, from, to);
}

int
ra_folder_set_aside(const struct ra_folder *f, const char *name, bool keep, char ret_name[80])
{
	time_t now = (time_t)(ra_clock_wall() / RA_SECOND);
	char stamp[24], from[80], to[80];
	struct tm tm;
	int r = -EEXIST;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
		snprintf(stamp, sizeof(stamp), "unknown");
	for (int i = 1; r == -EEXIST && i <= ASIDE_TRIES; i++) {
		if (i == 1)
			snprintf(to, sizeof(to), "%s.damaged-%s", name, stamp);
		else
			snprintf(to, sizeof(to), "%s.damaged-%s-%d", name, stamp, i);
		r = second_name(f, name, to, keep);
	}
	if (r < 0)
		return r;
	snprintf(ret_name, 80, "%s", to);
	/* What SQLite would look for beside it goes with it; a journal left behind would be applied
	   to the file that comes next. */
	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(journals); i++) {
		snprintf(from, sizeof(from), "%s%s", name, journals[i]);
		snprintf(to, sizeof(to), "%.60s%s", ret_name, journals[i]);
		if (!ra_folder_has(f, from))
			continue;
		r = ra_folder_rename(f, from, to);
	}
	return r;
}
