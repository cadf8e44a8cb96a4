/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a mirror beside git's own files: when it last agreed with its repository, with
 * which refs, and the tags that were seen to move. Text, a line each; it can be lost without harm.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror_internal.h"
#include "relaudit/base/units.h"

#define STATE_FILE "relaudit"
#define STATE_MAX  262144
#define WORDS	   5

bool
ra_clone_has_folder(const struct ra_clone *c)
{
	struct stat st;

	return lstat(c->path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
make(const char *path, struct ra_error *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return ra_error_set(err, -errno, "cannot create %s: %s", path, strerror(errno));
	return 0;
}

int
ra_clone_make_folder(struct ra_clone *c, bool *ret_new, struct ra_error *err)
{
	int r = make(c->mirror->folder, err);

	*ret_new = !ra_clone_has_folder(c);
	return r < 0 ? r : make(c->path, err);
}

int
ra_clone_add_move(
    struct ra_clone *c, const char *tag, const char *from, const char *to, int64_t seen)
{
	struct ra_mirror_move move = { .seen = seen, .tag = strdup(tag) };

	if (c->moves == NULL)
		c->moves = calloc(RA_MIRROR_MOVES, sizeof(*c->moves));
	if (move.tag == NULL || c->moves == NULL) {
		free(move.tag);
		return -ENOMEM;
	}
	(void)snprintf(move.from, sizeof(move.from), "%s", from);
	(void)snprintf(move.to, sizeof(move.to), "%s", to);
	if (c->move_count == RA_MIRROR_MOVES) {
		free(c->moves[0].tag);
		memmove(c->moves, c->moves + 1, (RA_MIRROR_MOVES - 1) * sizeof(*c->moves));
		c->move_count--;
	}
	c->moves[c->move_count++] = move;
	return 0;
}

/* --- reading --- */

/* Cuts at each blank. */
static size_t
split(char *line, char *words[WORDS])
{
	size_t n = 0;

	while (*line != '\0' && n < WORDS) {
		size_t len = strcspn(line, " ");

		words[n++] = line;
		line += len;
		if (*line != '\0')
			*line++ = '\0';
	}
	return n;
}

static void
load_line(struct ra_clone *c, char *line)
{
	char *words[WORDS];
	size_t n = split(line, words);
	int64_t when;

	if (n < 2 || ra_int_parse(words[1], strlen(words[1]), &when) < 0)
		return;
	if (n == 3 && strcmp(words[0], "fetched") == 0) {
		int64_t age = ra_clock_wall() - when;

		(void)snprintf(c->agreed, sizeof(c->agreed), "%s", words[2]);
		/* From the future: the clock was wrong, then or now. */
		if (age >= 0)
			c->fetched =
			    (struct ra_stamp){ .wall = when, .boot = ra_clock_boot() - age };
	} else if (n == 5 && strcmp(words[0], "moved") == 0) {
		(void)ra_clone_add_move(
		    c, words[4], words[2], strcmp(words[3], "-") == 0 ? "" : words[3], when);
	}
}

static int
open_state(const struct ra_clone *c, const char *name, int flags)
{
	int folder = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), fd;

	if (folder < 0)
		return -errno;
	fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		fd = -errno;
	close(folder);
	return fd;
}

void
ra_clone_load(struct ra_clone *c)
{
	RA_FREE char *text = malloc(STATE_MAX + 1);
	int fd = open_state(c, STATE_FILE, O_RDONLY);
	char *line, *next;
	ssize_t n = 0;

	if (fd >= 0 && text != NULL)
		n = read(fd, text, STATE_MAX);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	for (line = text; (next = strchr(line, '\n')) != NULL; line = next + 1) {
		*next = '\0';
		load_line(c, line);
	}
}

/* --- writing --- */

static int
write_all(int fd, const struct ra_buf *b)
{
	ssize_t n = write(fd, b->data, b->len);

	return n == (ssize_t)b->len ? 0 : -EIO;
}

int
ra_clone_save(const struct ra_clone *c)
{
	RA_BUF_LOCAL b = RA_BUF(STATE_MAX);
	RA_BUF_LOCAL from = RA_BUF(4096);
	RA_BUF_LOCAL to = RA_BUF(4096);
	int fd, r;

	(void)ra_buf_printf(&b, "fetched %lld %s\n", (long long)c->fetched.wall, c->agreed);
	for (size_t i = 0; i < c->move_count; i++) {
		const struct ra_mirror_move *move = &c->moves[i];

		(void)ra_buf_printf(&b, "moved %lld %s %s %s\n", (long long)move->seen, move->from,
		    move->to[0] != '\0' ? move->to : "-", move->tag);
	}
	(void)ra_buf_printf(&from, "%s/" STATE_FILE ".new", c->path);
	(void)ra_buf_printf(&to, "%s/" STATE_FILE, c->path);
	if (b.error != 0 || from.error != 0 || to.error != 0)
		return -ENOMEM;
	fd = open_state(c, STATE_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0)
		return fd;
	r = write_all(fd, &b);
	close(fd);
	if (r == 0 && rename(from.data, to.data) < 0)
		r = -errno;
	return r;
}

static int64_t
tidy_folder(DIR *folder)
{
	struct dirent *entry;
	int64_t most = 0;
	struct stat st;

	while ((entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "tmp_", 4) != 0 ||
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		most = st.st_size > most ? st.st_size : most;
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	}
	return most;
}

int64_t
ra_clone_tidy(const struct ra_clone *c)
{
	int fd = open_state(c, "objects/pack", O_RDONLY | O_DIRECTORY);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	int64_t most = 0;

	if (folder != NULL) {
		most = tidy_folder(folder);
		closedir(folder);
	} else if (fd >= 0) {
		close(fd);
	}
	return most;
}

/* --- mirrors that nobody asks any more --- */

static bool
is_used(struct ra_mirror *m, const char *path)
{
	size_t i = 0;
	void *value;

	while (ra_map_next(&m->clones, &i, NULL, &value))
		if (strcmp(((struct ra_clone *)value)->path, path) == 0)
			return true;
	return false;
}

static size_t
list_unused(struct ra_mirror *m, DIR *folder, char *paths[RA_REMOVE_MAX])
{
	struct dirent *entry;
	size_t n = 0;

	while (n < RA_REMOVE_MAX && (entry = readdir(folder)) != NULL) {
		struct ra_buf path = RA_BUF(4096);
		size_t len = strlen(entry->d_name);

		/* Ours are named so; anything else is left alone. */
		if (len != 20 || strspn(entry->d_name, "0123456789abcdef") != 16 ||
		    strcmp(entry->d_name + 16, ".git") != 0)
			continue;
		(void)ra_buf_printf(&path, "%s/%s", m->folder, entry->d_name);
		paths[n] = ra_buf_take(&path);
		if (paths[n] != NULL && is_used(m, paths[n]))
			free(RA_TAKE(paths[n]));
		n += paths[n] != NULL;
	}
	return n;
}

static void
on_swept(void *arg, struct ra_child_answer *answer)
{
	struct ra_mirror *m = arg;

	m->sweep = NULL;
}

void
ra_mirror_sweep(struct ra_mirror *m)
{
	DIR *folder = m->sweep == NULL ? opendir(m->folder) : NULL;
	char *paths[RA_REMOVE_MAX];
	size_t n;

	if (folder == NULL)
		return;
	n = list_unused(m, folder, paths);
	closedir(folder);
	/* What is left this time goes the next time. */
	if (n > 0 && ra_git_remove(m, paths, n, on_swept, m, &m->sweep) < 0)
		m->sweep = NULL;
	while (n > 0)
		free(paths[--n]);
}
