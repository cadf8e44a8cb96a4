/* SPDX-License-Identifier: Apache-2.0 */
/* Files: who may have written them, what they include, and all of them as one map. */
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/digest.h"

#include "loading.h"

#define TOTAL_MAX ((size_t)256 * 1024 * 1024) /* bytes of all files */

/* --- one file --- */

static int
read_all(int fd, size_t max, struct ra_buf *out)
{
	char part[16384];

	for (;;) {
		ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return ra_buf_reserve(out, 1);
		if ((size_t)n > max - out->len)
			return -EFBIG;
		if (ra_buf_add(out, part, (size_t)n) < 0)
			return out->error;
	}
}

/* A descriptor. O_NONBLOCK: a pipe that somebody put there must not hold up the load. */
static int
open_file(const char *path, struct stat *st, struct ra_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = 0;

	if (fd < 0 || fstat(fd, st) < 0)
		r = ra_error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	else if (!S_ISREG(st->st_mode))
		r = ra_error_set(err, -EINVAL, "%s is not a regular file", path);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int
read_open(int fd, const char *path, size_t max, struct ra_buf *out, struct ra_error *err)
{
	int r = read_all(fd, max, out);

	if (r == -EFBIG)
		return ra_error_set(err, r, "%s is too large: more than %zu bytes", path, max);
	if (r < 0)
		return ra_error_set(err, r, "cannot read %s: %s", path, strerror(-r));
	return 0;
}

int
ra_files_read(const char *path, size_t max, struct ra_buf *ret, struct ra_error *err)
{
	struct stat st;
	int fd = open_file(path, &st, err), r;

	if (fd < 0)
		return fd;
	r = read_open(fd, path, max, ret, err);
	close(fd);
	return r;
}

/* The folder of a file, with what glob(3) would take for a pattern escaped. */
static void
folder_of(const char *path, bool escape, struct ra_buf *out)
{
	const char *slash = strrchr(path, '/');

	for (const char *p = path; slash != NULL && p <= slash; p++) {
		if (escape && strchr("*?[\\", *p) != NULL)
			ra_buf_putc(out, '\\');
		ra_buf_putc(out, *p);
	}
}

/* Whoever may write the configuration decides what is watched, and with which secrets. */
static int
check_writers(const char *path, const struct stat *st, struct ra_error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ra_error_set(err, -EPERM,
		    "%s belongs to user %u, who could change it; it must be root's or relauditd's",
		    path, st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return ra_error_set(err, -EPERM,
		    "%s may be written by its group or by others; chmod go-w %s", path, path);
	return 0;
}

/* As a volume of Kubernetes is, with mode 0777. */
static bool
is_read_only(const char *folder)
{
	struct statvfs fs;

	return statvfs(folder, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

/*
 * Whoever may write a folder may exchange or take away what is in it, unless it is sticky: then
 * that is for the owners alone, and of whom the files are is looked at.
 */
static int
check_folder(const char *path, struct ra_error *err)
{
	RA_BUF_LOCAL folder = RA_BUF(PATH_MAX);
	struct stat st = { .st_uid = (uid_t)-1 };
	int r;

	folder_of(path, false, &folder);
	r = ra_buf_puts(&folder, ".");
	if (r == 0 && stat(folder.data, &st) < 0)
		r = -errno;
	if (r < 0)
		return ra_error_set(
		    err, r, "cannot look at the folder of %s: %s", path, strerror(-r));
	folder.data[folder.len > 2 ? folder.len - 2 : folder.len] = '\0';
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return ra_error_set(err, -EPERM,
		    "the folder %s belongs to user %u, who could exchange the files in it; it must "
		    "be root's or relauditd's",
		    folder.data, st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX) &&
	    !is_read_only(folder.data))
		return ra_error_set(err, -EPERM,
		    "the folder %s may be written by its group or by others, who could exchange "
		    "the files in it; chmod go-w %s",
		    folder.data, folder.data);
	return 0;
}

/* The folder that names it, and the one where a link leads. */
static int
check_folders(const char *path, struct ra_error *err)
{
	char real[PATH_MAX];
	int r = check_folder(path, err);

	if (r < 0 || realpath(path, real) == NULL || strcmp(real, path) == 0)
		return r;
	return check_folder(real, err);
}

/* Index of the new file, or negative. */
static int
new_file(struct ra_loading *l, const char *path, const char *text, size_t len)
{
	struct ra_file **files, *f;

	if ((l->file_count & (l->file_count - 1)) == 0) {
		files = reallocarray(
		    l->files, l->file_count == 0 ? 1 : 2 * l->file_count, sizeof(*files));
		if (files == NULL)
			return ra_say_no_memory(l), -ENOMEM;
		l->files = files;
	}
	f = ra_arena_alloc(l->trees, sizeof(*f));
	if (f == NULL || (f->path = ra_arena_strdup(l->trees, path)) == NULL ||
	    (f->text = ra_arena_memdup(l->trees, text, len)) == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	f->len = len;
	l->files[l->file_count] = f;
	return (int)l->file_count++;
}

int
ra_files_add(struct ra_loading *l, const char *path, const char *text, size_t len)
{
	struct ra_mark whole = { 0 };
	int file;

	if (len > RA_FILE_MAX) {
		file = new_file(l, path, "", 0);
		if (file >= 0) {
			whole.file = (uint16_t)file;
			ra_say(l, whole, "too large: more than %zu bytes", RA_FILE_MAX);
		}
		return -1;
	}
	/* A byte order mark is no part of the text. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	return new_file(l, path, text, len);
}

/* --- includes --- */

struct united {
	const struct ra_node **list; /* the files' maps, in order */
	size_t count;
	size_t bytes;
	bool failed;
};

static int
add_root(struct ra_loading *l, struct united *u, const struct ra_node *root)
{
	if ((u->count & (u->count - 1)) == 0) {
		const struct ra_node **list =
		    reallocarray(u->list, u->count == 0 ? 1 : 2 * u->count, sizeof(*list));

		if (list == NULL)
			return ra_say_no_memory(l), -ENOMEM;
		u->list = list;
	}
	u->list[u->count++] = root;
	return 0;
}

static void load_file(struct ra_loading *l, struct united *u, const char *path,
    const struct ra_file *parent, const struct ra_mark *at);

/* A folder that is not there holds nothing; one that may not be read is an error. */
static int
on_glob_error(const char *path, int error)
{
	return error != ENOENT && error != ENOTDIR;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
include_pattern(struct ra_loading *l, struct united *u, const char *pattern,
    const struct ra_file *parent, struct ra_mark at)
{
	glob_t found = { 0 };
	int r = glob(pattern, GLOB_NOSORT, on_glob_error, &found);

	if (r == GLOB_NOSPACE) {
		ra_say_no_memory(l);
	} else if (r != 0 && r != GLOB_NOMATCH) {
		ra_say(l, at, "cannot read the folder of %s: %s", pattern, strerror(errno));
		u->failed = true;
	} else if (r == 0) {
		qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), compare_paths);
		for (size_t i = 0; i < found.gl_pathc; i++)
			load_file(l, u, found.gl_pathv[i], parent, &at);
	}
	globfree(&found);
}

static void
include_item(struct ra_loading *l, struct united *u, const struct ra_node *item,
    const struct ra_file *parent)
{
	RA_BUF_LOCAL path = RA_BUF(PATH_MAX);
	struct ra_mark at = ra_tree_mark(item);
	bool pattern;

	if (item->type != RA_NODE_SCALAR || *item->text == '\0') {
		ra_say(l, at, "`include:` is a list of paths and patterns");
		u->failed = true;
		return;
	}
	pattern = strpbrk(item->text, "*?[") != NULL;
	if (*item->text != '/')
		folder_of(parent->path, pattern, &path);
	ra_buf_puts(&path, item->text);
	if (path.error == -ENOMEM) {
		ra_say_no_memory(l);
	} else if (path.error < 0) {
		ra_say(l, at, "the path is too long");
		u->failed = true;
	} else if (pattern) {
		include_pattern(l, u, path.data, parent, at);
	} else {
		load_file(l, u, path.data, parent, &at);
	}
}

static void
include_all(struct ra_loading *l, struct united *u, const struct ra_node *root,
    const struct ra_file *parent)
{
	const struct ra_node *include = ra_tree_get(root, "include");

	if (ra_tree_is_null(include))
		return;
	if (include->type != RA_NODE_LIST) {
		include_item(l, u, include, parent);
		return;
	}
	for (size_t i = 0; i < include->count && l->fatal == 0; i++)
		include_item(l, u, include->items[i], parent);
}

/* Notes the file; an error if it was read before. */
static int
check_seen(struct ra_loading *l, const char *path, const struct stat *st,
    const struct ra_file *parent, struct ra_error *err)
{
	char text[48], *key;

	for (const struct ra_file *f = parent; f != NULL; f = f->parent) {
		if (f->device == st->st_dev && f->inode == st->st_ino)
			return ra_error_set(
			    err, -ELOOP, "an include loop: %s is included by itself", path);
	}
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	if (ra_map_get(&l->inodes, text) != NULL)
		return ra_error_set(err, -EEXIST, "%s is included twice", path);
	if (l->file_count >= RA_FILES_MAX)
		return ra_error_set(err, -E2BIG, "more than %d files", RA_FILES_MAX);
	key = ra_arena_strdup(l->trees, text);
	if (key == NULL || ra_map_put(&l->inodes, key, key, NULL) < 0)
		return ra_error_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int
read_file(struct ra_loading *l, struct united *u, const char *path, const struct ra_file *parent,
    struct ra_error *err)
{
	RA_BUF_LOCAL text = RA_BUF(RA_FILE_MAX + 1);
	struct stat st;
	int fd = open_file(path, &st, err), file, r;

	if (fd < 0)
		return fd;
	r = check_writers(path, &st, err);
	if (r == 0)
		r = check_folders(path, err);
	if (r == 0)
		r = check_seen(l, path, &st, parent, err);
	if (r == 0)
		r = read_open(fd, path, RA_FILE_MAX, &text, err);
	close(fd);
	u->bytes += text.len;
	if (r == 0 && u->bytes > TOTAL_MAX)
		r = ra_error_set(err, -E2BIG, "all files together are too large");
	if (r < 0)
		return r;
	file = ra_files_add(l, path, ra_buf_text(&text), text.len);
	if (file >= 0) {
		l->files[file]->device = st.st_dev;
		l->files[file]->inode = st.st_ino;
		l->files[file]->parent = parent;
	}
	return file;
}

static void
load_file(struct ra_loading *l, struct united *u, const char *path, const struct ra_file *parent,
    const struct ra_mark *at)
{
	struct ra_error err = { 0 };
	const struct ra_node *root;
	int file = read_file(l, u, path, parent, &err);

	if (file < 0) {
		u->failed = true;
		if (at == NULL) /* the first file, which is no file yet */
			(void)new_file(l, path, "", 0);
		if (err.code == -ENOMEM)
			ra_say_no_memory(l);
		else if (l->fatal == 0)
			ra_say(l, at != NULL ? *at : (struct ra_mark){ 0 }, "%s", err.text);
		return;
	}
	root = ra_yaml_parse(l, (uint16_t)file);
	if (root == NULL) {
		u->failed = true;
		return;
	}
	if (root->type != RA_NODE_MAP) {
		ra_say(l, ra_tree_mark(root), "a configuration is a map, not %s",
		    ra_tree_type_name(root));
		u->failed = true;
		return;
	}
	if (add_root(l, u, root) == 0)
		include_all(l, u, root, l->files[file]);
}

/* --- many maps as one --- */

static const struct ra_node *unite(
    struct ra_loading *l, const struct ra_node *const *maps, size_t count, bool top);

/*
 * All values of one key: sections unite, so that each file may add to them. What is in a section
 * may stand only once: an environment that two files describe is a mistake more often than not.
 */
static const struct ra_node *
unite_key(struct ra_loading *l, const struct ra_node *const *maps, size_t count,
    const struct ra_entry *first, bool section)
{
	const struct ra_node **values = calloc(count, sizeof(*values)), *united = NULL;
	size_t n = 0;
	struct ra_hint hint;

	if (values == NULL)
		return ra_say_no_memory(l);
	for (size_t i = 0; i < count; i++) {
		const struct ra_entry *e = ra_tree_find(maps[i], first->key);

		if (e == NULL)
			continue;
		if (e == first ||
		    (section && e->value->type == RA_NODE_MAP && first->value->type == RA_NODE_MAP))
			values[n++] = e->value;
		else
			ra_say(l, e->at, "`%.80s` is given twice, first at %s", e->key,
			    ra_say_place(l, first->at, &hint));
	}
	united = unite(l, values, n, false);
	free(values);
	return united;
}

/* How often each key stands in the maps; the work is linear in their entries. */
static int
count_keys(
    struct ra_loading *l, const struct ra_node *const *maps, size_t count, struct ra_map *counts)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < maps[i]->count; j++) {
			const char *key = maps[i]->entries[j].key;
			uintptr_t n = (uintptr_t)ra_map_get(counts, key);

			if (ra_map_put(counts, key, (void *)(n + 1), NULL) < 0)
				return ra_say_no_memory(l), -ENOMEM;
		}
	}
	return 0;
}

static int
unite_entry(struct ra_loading *l, const struct ra_node *const *maps, size_t count,
    const struct ra_map *counts, const struct ra_entry *e, bool top, struct ra_builder *out)
{
	struct ra_entry united = *e;

	if ((uintptr_t)ra_map_get(counts, e->key) > 1) {
		if (ra_builder_find(out, e->key) != NULL)
			return 0;
		united.value = unite_key(l, maps, count, e, top);
		if (united.value == NULL)
			return l->fatal;
	}
	return ra_builder_add(l, out, &united);
}

static const struct ra_node *
unite(struct ra_loading *l, const struct ra_node *const *maps, size_t count, bool top)
{
	const struct ra_node *united = NULL;
	struct ra_map counts = { 0 };
	struct ra_builder out;
	int r;

	if (count == 1 && !top)
		return maps[0];
	ra_builder_init(&out);
	r = count_keys(l, maps, count, &counts);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; r == 0 && j < maps[i]->count; j++) {
			const struct ra_entry *e = &maps[i]->entries[j];

			/* Each file has its own. */
			if (!top || strcmp(e->key, "include") != 0)
				r = unite_entry(l, maps, count, &counts, e, top, &out);
		}
	}
	if (r == 0)
		united = ra_builder_map(l, &out, ra_tree_mark(maps[0]));
	ra_builder_clear(&out);
	ra_map_free(&counts);
	return united;
}

const struct ra_node *
ra_files_load(struct ra_loading *l, const char *path)
{
	const struct ra_node *root = NULL;
	struct united u = { 0 };

	load_file(l, &u, path, NULL, NULL);
	/* With a file missing, most of what else could be said would be about what it holds. */
	if (!u.failed && l->fatal == 0)
		root = unite(l, u.list, u.count, true);
	free(u.list);
	return root;
}

const char *
ra_files_digest(struct ra_loading *l)
{
	struct ra_digest *d = ra_digest_new();
	char hex[RA_DIGEST_HEX], text[RA_DIGEST_HEX + 8];
	uint8_t out[RA_DIGEST_SIZE];

	for (size_t i = 0; i < l->file_count; i++) {
		uint64_t len = l->files[i]->len;

		ra_digest_add(d, &len, sizeof(len));
		ra_digest_add(d, l->files[i]->text, l->files[i]->len);
	}
	if (ra_digest_end(d, out) < 0)
		return ra_say_no_memory(l);
	snprintf(text, sizeof(text), "sha256:%s", ra_digest_hex(out, hex));
	return ra_keep(l, text);
}
