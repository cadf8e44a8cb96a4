/* SPDX-License-Identifier: Apache-2.0 */
/* All files that a pattern matches. */
#include "helper_look.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "relaudit/model/pattern.h"

#define ENTRIES	    100000
#define FOLDERS_MAX 10000
#define DEPTH_MAX   16 /* of components with wildcards: each holds a folder open */
#define LOOK_EVERY  512 /* entries between questions whether it is still wanted */

struct expansion {
	struct ra_look *look;
	char path[RA_LOOK_PATH]; /* of what is being looked at */
	size_t folders, depth;
};

/* One component of the pattern. */
struct part {
	char *pattern;
	const char *rest; /* behind it; "" for the last */
};

static int expand(struct expansion *x, size_t len, const char *rest);

static bool
is_wild(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			i++;
		else if (strchr("*?[", text[i]) != NULL)
			return true;
	}
	return false;
}

static int
too_long(struct expansion *x)
{
	return ra_look_fail_at(x->look, x->path, -ENAMETOOLONG);
}

/* "/name" onto the path of this length, which stays what it was beyond the call of others. */
static int
append(struct expansion *x, size_t len, const char *name, size_t name_len, size_t *ret)
{
	if (len + name_len + 2 > sizeof(x->path))
		return too_long(x);
	x->path[len] = '/';
	memcpy(x->path + len + 1, name, name_len);
	*ret = len + 1 + name_len;
	x->path[*ret] = '\0';
	return 0;
}

/* What counts is a regular file; anything else is no failure. */
static int
add(struct expansion *x, const struct stat *st, bool link)
{
	if (S_ISREG(st->st_mode))
		return ra_look_add(x->look, x->path, st, link);
	x->look->others++;
	return 0;
}

/* A file by its name: gone, or nothing that counts, is no failure. */
static int
add_named(struct expansion *x, bool link)
{
	struct ra_look *l = x->look;
	struct stat st;
	int fd = ra_look_open(l, x->path, l->request->follow, &st);

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) {
		l->others += link; /* to nowhere */
		return 0;
	}
	if (fd < 0)
		return ra_look_fail_at(l, x->path, fd);
	close(fd);
	return add(x, &st, link);
}

/* A matching entry of a folder, for the last component. */
static int
add_entry(struct expansion *x, int folder, const struct dirent *entry)
{
	struct ra_look *l = x->look;
	struct stat st;

	if (entry->d_type == DT_LNK && l->request->follow)
		return add_named(x, true);
	if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN) {
		l->others++;
		return 0;
	}
	if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : ra_look_fail_at(l, x->path, -errno);
	if (S_ISLNK(st.st_mode) && l->request->follow)
		return add_named(x, true);
	return add(x, &st, false);
}

static int
take_entry(struct expansion *x, size_t len, DIR *dir, const struct dirent *e, const struct part *p)
{
	size_t longer = len;

	if (!ra_glob_match(p->pattern, e->d_name))
		return 0;
	if (append(x, len, e->d_name, strlen(e->d_name), &longer) < 0)
		return -1;
	if (*p->rest == '\0')
		return add_entry(x, dirfd(dir), e);
	if (e->d_type != DT_DIR && e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return 0;
	return expand(x, longer, p->rest);
}

/* Names that begin with a dot are matched by patterns that do. */
static bool
is_hidden(const char *name, const struct part *p)
{
	return name[0] == '.' &&
	       (p->pattern[0] != '.' || name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int
fail_too_many(struct expansion *x, size_t len, size_t max)
{
	char shown[RA_ERROR_TEXT / 2];

	x->path[len] = '\0';
	return ra_look_fail(x->look, RA_R_FILE_TOO_MANY, "%s has more than %zu entries",
	    ra_look_shown(len > 0 ? x->path : "/", shown), max);
}

static int
read_entries(struct expansion *x, size_t len, DIR *dir, const struct part *p)
{
	struct ra_look *l = x->look;
	size_t max = l->request->max_entries > 0 ? l->request->max_entries : ENTRIES, count = 0;
	struct dirent *entry;
	int r = 0;

	for (errno = 0; r == 0 && (entry = readdir(dir)) != NULL; errno = 0) {
		if (++count > max + 2) /* "." and ".." */
			return fail_too_many(x, len, max);
		if (is_hidden(entry->d_name, p))
			continue;
		if (count % LOOK_EVERY == 0) {
			x->path[len] = '\0';
			if (l->enter(l->arg, len > 0 ? x->path : "/") < 0)
				return ra_look_fail_at(l, x->path, -ECANCELED);
		}
		r = take_entry(x, len, dir, entry, p);
	}
	x->path[len] = '\0';
	return r == 0 && errno != 0 ? ra_look_fail_at(l, x->path, -errno) : r;
}

/*
 * A folder that is not there, or is none: of a pattern like "a/x*" that is a failure, while one
 * that was found by a pattern may just have gone.
 */
static int
fail_folder(struct expansion *x, int error)
{
	if (x->depth > 0 && (error == -ENOENT || error == -ENOTDIR || error == -ELOOP))
		return 0;
	return ra_look_fail_at(x->look, x->path[0] != '\0' ? x->path : "/", error);
}

/* *ret stays NULL if there is no such folder. */
static int
open_folder(struct expansion *x, DIR **ret)
{
	struct stat st;
	int fd, dir;

	if (++x->folders > FOLDERS_MAX)
		return ra_look_fail(x->look, RA_R_FILE_TOO_MANY,
		    "the pattern matches more than %d folders", FOLDERS_MAX);
	fd = ra_look_open(x->look, x->path[0] != '\0' ? x->path : "/", true, &st);
	if (fd < 0)
		return fail_folder(x, fd);
	dir = S_ISDIR(st.st_mode) ? ra_look_reopen(fd, &st) : -ENOTDIR;
	close(fd);
	if (dir < 0)
		return fail_folder(x, dir);
	*ret = fdopendir(dir);
	if (*ret == NULL) {
		close(dir);
		return fail_folder(x, -ENOMEM);
	}
	return 0;
}

static int
expand_wild(struct expansion *x, size_t len, const struct part *p)
{
	DIR *dir = NULL;
	int r;

	if (x->depth >= DEPTH_MAX)
		return ra_look_fail(x->look, RA_R_FILE_TOO_MANY,
		    "a pattern has at most %d components with wildcards", DEPTH_MAX);
	r = open_folder(x, &dir);
	if (r < 0 || dir == NULL)
		return r;
	x->depth++;
	r = read_entries(x, len, dir, p);
	x->depth--;
	closedir(dir);
	return r;
}

/* A pattern without wildcards still wants its folder. */
static int
expand_plain(struct expansion *x, size_t len, const struct part *p)
{
	char *to = p->pattern;
	DIR *dir = NULL;
	size_t longer = len;

	for (const char *from = p->pattern; *from != '\0'; from++) {
		if (*from == '\\' && from[1] != '\0')
			from++;
		*to++ = *from;
	}
	*to = '\0';
	if (*p->rest == '\0' && x->depth == 0) {
		if (open_folder(x, &dir) < 0)
			return -1;
		closedir(dir);
	}
	if (append(x, len, p->pattern, strlen(p->pattern), &longer) < 0)
		return -1;
	return *p->rest == '\0' ? add_named(x, false) : expand(x, longer, p->rest);
}

static int
expand(struct expansion *x, size_t len, const char *rest)
{
	RA_FREE char *pattern = NULL;
	struct part part;
	size_t n;

	rest += strspn(rest, "/");
	n = strcspn(rest, "/");
	pattern = strndup(rest, n);
	if (pattern == NULL)
		return ra_look_fail_at(x->look, x->path, -ENOMEM);
	part = (struct part){ .pattern = pattern, .rest = rest + n + strspn(rest + n, "/") };
	return is_wild(rest, n) ? expand_wild(x, len, &part) : expand_plain(x, len, &part);
}

int
ra_look_expand(struct ra_look *l)
{
	RA_FREE struct expansion *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return ra_look_fail(l, RA_R_NO_MEMORY, "out of memory in the helper");
	x->look = l;
	return expand(x, 0, l->request->path);
}
