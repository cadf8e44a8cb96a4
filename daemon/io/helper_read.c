/* SPDX-License-Identifier: Apache-2.0 */
/* The content of one file: whole and of one moment, or its end. */
#include "helper_look.h"

#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "relaudit/base/clock.h"

#include "helper_wire.h"

#define CHUNK	   ((size_t)1 << 20)
#define FIRST	   ((size_t)16 << 10)
#define TAIL_TRIES 3
#define SETTLED	   (2 * RA_SECOND) /* the coarsest times that file systems keep */
#define NS	   INT64_C(1000000)

struct file {
	struct ra_look *look;
	const char *path;
	int fd;
	size_t max;
	struct stat st;
};

static int
fail(struct file *f, enum ra_reason reason, const char *what)
{
	char shown[RA_ERROR_TEXT / 2];

	return ra_look_fail(f->look, reason, "%s %s", ra_look_shown(f->path, shown), what);
}

/* As much as is wanted, or all up to the end. */
static int
read_at(struct file *f, char *to, size_t want, off_t from, size_t *ret)
{
	size_t got = 0;

	while (got < want) {
		size_t chunk = want - got < CHUNK ? want - got : CHUNK;
		ssize_t n = pread(f->fd, to + got, chunk, from + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ra_look_fail_at(f->look, f->path, -errno);
		if (n == 0)
			break;
		got += (size_t)n;
		if (f->look->enter(f->look->arg, f->path) < 0)
			return ra_look_fail_at(f->look, f->path, -ECANCELED);
	}
	*ret = got;
	return 0;
}

/* Room for so many bytes and a NUL. */
static int
make_room(struct file *f, size_t size)
{
	char *bytes = realloc(f->look->bytes, size + 1);

	if (bytes == NULL)
		return ra_look_fail_at(f->look, f->path, -ENOMEM);
	f->look->bytes = bytes;
	return 0;
}

static int
fail_large(struct file *f)
{
	char shown[RA_ERROR_TEXT / 2];

	return ra_look_fail(f->look, RA_R_BODY_TOO_LARGE, "%s is larger than %zu bytes",
	    ra_look_shown(f->path, shown), f->max);
}

/* A rewrite, or a replacement by rename, which takes the name of what is open. */
static bool
has_changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec || (a->st_nlink > 0 && b->st_nlink == 0);
}

/* --- as it was --- */

static int64_t
to_ns(struct timespec ts)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)ts.tv_sec, 1000 * NS, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)ts.tv_nsec, &ns))
		return 0;
	return ns;
}

static struct ra_file_stamp
stamp_of(const struct stat *st)
{
	return (struct ra_file_stamp){ .device = st->st_dev,
		.inode = st->st_ino,
		.size = (int64_t)st->st_size,
		.modified = to_ns(st->st_mtim),
		.changed = to_ns(st->st_ctim) };
}

static bool
is_stamp(const struct ra_file_stamp *a, const struct ra_file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->modified == b->modified && a->changed == b->changed;
}

/* Below /proc, on FUSE and the like a content changes and nothing tells of it. */
static bool
tells_changes(int fd)
{
	static const uint32_t types[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
		UINT32_C(0x2fc12fc1) /* ZFS */, UINT32_C(0xca451a4e) /* bcachefs */,
		NFS_SUPER_MAGIC, SQUASHFS_MAGIC, EROFS_SUPER_MAGIC_V1, ISOFS_SUPER_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < RA_ARRAY_SIZE(types); i++) {
		if ((uint32_t)fs.f_type == types[i])
			return true;
	}
	return false;
}

/* began: when reading did. What was written shortly before may be written again unnoticed. */
static void
take_stamp(struct file *f, const struct stat *st, int64_t began)
{
	struct ra_file_stamp stamp = stamp_of(st);
	int64_t settled = (began - SETTLED) * NS;

	if (f->look->request->stamp && stamp.modified > 0 && stamp.modified < settled &&
	    stamp.changed > 0 && stamp.changed < settled && tells_changes(f->fd))
		f->look->stamp = stamp;
}

/* It is open by now: one that may not be read any more is not unchanged. */
static bool
is_unchanged(struct file *f)
{
	const struct ra_file_stamp *known = &f->look->request->known;
	struct ra_file_stamp stamp;
	struct stat st;

	if (known->inode == 0 || fstat(f->fd, &st) < 0)
		return false;
	stamp = stamp_of(&st);
	return is_stamp(&stamp, known);
}

/* What the size says is not believed: of many files below /proc it is 0. */
static int
read_whole(struct file *f)
{
	struct ra_look *l = f->look;
	size_t room = (size_t)f->st.st_size < f->max ? (size_t)f->st.st_size + 1 : f->max + 1;
	int64_t began = ra_clock_wall();
	struct stat after;

	if ((uint64_t)f->st.st_size > f->max)
		return fail_large(f);
	room = room < FIRST ? FIRST : room;
	for (;;) {
		size_t got;

		room = room > f->max + 1 ? f->max + 1 : room;
		if (make_room(f, room) < 0 ||
		    read_at(f, l->bytes + l->len, room - l->len, (off_t)l->len, &got) < 0)
			return -1;
		l->len += got;
		if (l->len < room)
			break;
		if (l->len > f->max)
			return fail_large(f);
		room *= 2;
	}
	if (fstat(f->fd, &after) < 0)
		return ra_look_fail_at(l, f->path, -errno);
	if (has_changed(&f->st, &after))
		return fail(f, RA_R_FILE_CHANGED, "changed while it was read");
	take_stamp(f, &after, began);
	return 0;
}

/* From the byte before, to see whether a line begins there. */
static void
cut_to_line(struct ra_look *l)
{
	char *end = memchr(l->bytes, '\n', l->len);
	size_t skip = end != NULL ? (size_t)(end - l->bytes) + 1 : l->len;

	/* One line longer than all that is taken: its end is better than nothing. */
	if (skip >= l->len)
		skip = l->len > 0 ? 1 : 0;
	l->len -= skip;
	memmove(l->bytes, l->bytes + skip, l->len);
	l->cut = true;
}

/* It may grow meanwhile; if it shrinks, once more. */
static int
read_tail(struct file *f)
{
	struct ra_look *l = f->look;

	for (int i = 0; i < TAIL_TRIES; i++) {
		bool cut = f->st.st_size > (off_t)f->max;
		off_t from = cut ? f->st.st_size - (off_t)f->max - 1 : 0;
		size_t want = (size_t)(f->st.st_size - from);

		if (make_room(f, want) < 0 || read_at(f, l->bytes, want, from, &l->len) < 0)
			return -1;
		if (l->len == want) {
			if (cut)
				cut_to_line(l);
			return 0;
		}
		if (fstat(f->fd, &f->st) < 0)
			return ra_look_fail_at(l, f->path, -errno);
	}
	return fail(f, RA_R_FILE_CHANGED, "shrinks while it is read");
}

static int
read_open(struct file *f)
{
	struct ra_look *l = f->look;
	int r;

	if (l->request->want == RA_FILE_READ && is_unchanged(f)) {
		l->unchanged = true;
		l->stamp = l->request->known;
		return ra_look_add(l, f->path, &f->st, false);
	}
	r = l->request->want == RA_FILE_READ ? read_whole(f) : read_tail(f);
	if (r < 0)
		return r;
	l->bytes[l->len] = '\0';
	return ra_look_add(l, f->path, &f->st, false);
}

int
ra_look_read(struct ra_look *l, const char *path)
{
	struct file f = { .look = l, .path = path, .max = l->request->max_bytes };
	int fd = ra_look_open(l, path, l->request->follow, &f.st), r;

	f.max = f.max < RA_WIRE_BYTES_MAX ? f.max : RA_WIRE_BYTES_MAX;
	l->len = 0;
	if (fd < 0)
		return ra_look_fail_at(l, path, fd);
	if (!S_ISREG(f.st.st_mode)) {
		close(fd);
		return ra_look_fail_type(l, path, f.st.st_mode);
	}
	f.fd = ra_look_reopen(fd, &f.st);
	close(fd);
	if (f.fd < 0)
		return ra_look_fail_at(l, path, f.fd);
	r = read_open(&f);
	close(f.fd);
	return r;
}
