/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening what others may change under our hands. A symbolic link is never followed by the kernel
 * (openat2's RESOLVE_NO_SYMLINKS), but by us, so that each file system that is about to be touched
 * is known before; and nothing but a regular file or a folder is ever opened for reading, as
 * opening a device or a FIFO has effects.
 */
#include "helper_look.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40

/* Kernels before 5.6 and some containers' filters do not know openat2. */
static int
open_exact(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct walk {
	char done[RA_LOOK_PATH]; /* without links */
	size_t len;
	char rest[2 * RA_LOOK_PATH];
	unsigned links;
};

static void
pop(struct walk *w)
{
	while (w->len > 0 && w->done[--w->len] != '/')
		;
	w->done[w->len] = '\0';
}

/* What the link at `done` points to comes before the rest. */
static int
take_link(struct walk *w, const char *target, const char *rest)
{
	size_t len = strlen(target), tail = strlen(rest);

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (len + tail + 2 > sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + len + 1, rest, tail + 1);
	memcpy(w->rest, target, len);
	w->rest[len] = '/';
	if (*target == '/')
		w->len = 0;
	else
		pop(w);
	w->done[w->len] = '\0';
	return 0;
}

/* One component more onto `done`. */
static int
push(struct walk *w, const char *name, size_t len)
{
	if (len == 0 || (len == 1 && name[0] == '.'))
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		pop(w);
		return 0;
	}
	if (w->len + len + 2 > sizeof(w->done))
		return -ENAMETOOLONG;
	w->done[w->len] = '/';
	memcpy(w->done + w->len + 1, name, len);
	w->len += len + 1;
	w->done[w->len] = '\0';
	return 1;
}

static int
step(struct ra_look *l, struct walk *w, bool follow)
{
	size_t len = strcspn(w->rest, "/");
	const char *after = w->rest + len + strspn(w->rest + len, "/");
	char target[RA_LOOK_PATH];
	ssize_t n = -1;
	int r = push(w, w->rest, len);

	if (r < 0)
		return r;
	if (r > 0 && (*after != '\0' || follow)) {
		r = l->enter(l->arg, w->done);
		if (r < 0)
			return r;
		n = readlink(w->done, target, sizeof(target) - 1);
		if (n < 0 && errno != EINVAL)
			return -errno;
	}
	if (n > 0) {
		target[n] = '\0';
		return take_link(w, target, after);
	}
	memmove(w->rest, after, strlen(after) + 1);
	return 0;
}

static int
resolve(struct ra_look *l, const char *path, bool follow, struct walk *w)
{
	int r = 0;

	w->len = 0;
	w->links = 0;
	w->done[0] = '\0';
	if (strlen(path) >= RA_LOOK_PATH)
		return -ENAMETOOLONG;
	memcpy(w->rest, path, strlen(path) + 1);
	while (r == 0 && w->rest[0] != '\0')
		r = step(l, w, follow);
	if (r == 0 && w->len == 0)
		memcpy(w->done, "/", 2);
	return r;
}

/* One try; -ELOOP: there is a link on the way. */
static int
try_open(struct ra_look *l, const char *path, bool follow, struct stat *ret)
{
	int fd = l->enter(l->arg, path);

	if (fd == 0)
		fd = open_exact(path);
	if (fd < 0)
		return fd;
	if (fstat(fd, ret) < 0 || (S_ISLNK(ret->st_mode) && follow)) {
		int r = S_ISLNK(ret->st_mode) ? -ELOOP : -errno;

		close(fd);
		return r;
	}
	return fd;
}

int
ra_look_open(struct ra_look *l, const char *path, bool follow, struct stat *ret)
{
	RA_FREE struct walk *w = NULL;
	int fd, r;

	*ret = (struct stat){ 0 };
	fd = try_open(l, path, follow, ret);
	/* Twice, as a link may just have been replaced. */
	for (int i = 0; i < 2 && fd == -ELOOP; i++) {
		if (w == NULL)
			w = malloc(sizeof(*w));
		if (w == NULL)
			return -ENOMEM;
		r = resolve(l, path, follow, w);
		if (r < 0)
			return r;
		fd = try_open(l, w->done, follow, ret);
	}
	return fd;
}

int
ra_look_reopen(int fd, const struct stat *st)
{
	char path[64];
	int r;

	if (S_ISDIR(st->st_mode)) {
		r = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		r = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	return r < 0 ? -errno : r;
}

/* --- what failed --- */

/* By /etc/group alone: other name services may hang. */
static void
group_name(gid_t gid, char *out, size_t size)
{
	FILE *f = fopen("/etc/group", "re");
	struct group group, *found = NULL;
	char line[4096];

	(void)snprintf(out, size, "%u", (unsigned)gid);
	if (f == NULL)
		return;
	while (fgetgrent_r(f, &group, line, sizeof(line), &found) == 0 && found != NULL) {
		if (found->gr_gid == gid) {
			(void)snprintf(out, size, "%s", found->gr_name);
			break;
		}
	}
	(void)fclose(f);
}

/* The first folder that does not let us through, or the path itself. */
static void
find_barrier(const char *path, char out[RA_LOOK_PATH], bool *ret_folder)
{
	(void)snprintf(out, RA_LOOK_PATH, "%s", path);
	for (char *p = strchr(out + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (faccessat(AT_FDCWD, out, X_OK, AT_EACCESS) < 0 && errno == EACCES) {
			*ret_folder = true;
			return;
		}
		*p = '/';
	}
	*ret_folder = false;
}

static int
fail_denied(struct ra_look *l, const char *path)
{
	char barrier[RA_LOOK_PATH], shown[RA_ERROR_TEXT / 2], group[64];
	bool passing;
	struct stat st;
	mode_t bits;
	const char *mend;

	find_barrier(path, barrier, &passing);
	ra_look_shown(barrier, shown);
	if (stat(barrier, &st) < 0)
		return ra_look_fail(l, RA_R_FILE_DENIED, "%s: permission denied", shown);
	bits = passing ? S_IXGRP : S_ISDIR(st.st_mode) ? S_IRGRP | S_IXGRP : S_IRGRP;
	mend = passing ? "g+x" : S_ISDIR(st.st_mode) ? "g+rx" : "g+r";
	group_name(st.st_gid, group, sizeof(group));
	if ((st.st_mode & bits) == bits)
		return ra_look_fail(l, RA_R_FILE_DENIED,
		    "%s: permission denied (mode %04o, owner %u, group %s): the group %s may",
		    shown, st.st_mode & 07777U, (unsigned)st.st_uid, group, group);
	return ra_look_fail(l, RA_R_FILE_DENIED,
	    "%s: permission denied (mode %04o, owner %u, group %s): not even its group may, which "
	    "`chmod %s` would change",
	    shown, st.st_mode & 07777U, (unsigned)st.st_uid, group, mend);
}

int
ra_look_fail_at(struct ra_look *l, const char *path, int error)
{
	char shown[RA_ERROR_TEXT / 2];

	if (error == -ECANCELED) {
		l->gave_up = true;
		return -1;
	}
	if (error == -EACCES || error == -EPERM)
		return fail_denied(l, path);
	ra_look_shown(path, shown);
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
		return ra_look_fail(l, RA_R_FILE_MISSING, "%s does not exist", shown);
	case -ENOMEM:
		return ra_look_fail(l, RA_R_NO_MEMORY, "%s: out of memory in the helper", shown);
	case -EMFILE:
	case -ENFILE:
		return ra_look_fail(
		    l, RA_R_NO_DESCRIPTORS, "%s: no file descriptors left in the helper", shown);
	default:
		return ra_look_fail(l, RA_R_FILE_ERROR, "%s: %s", shown, strerror(-error));
	}
}
