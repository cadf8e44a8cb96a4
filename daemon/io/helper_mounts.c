/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relaudit/base/buf.h"

#include "helper_lane.h"

#define TEXT_MAX  ((size_t)8 << 20)
#define PATH_SIZE 4096

/* mountinfo writes blanks and the like as \ooo. */
static void
unescape(char *text)
{
	char *to = text;

	while (*text != '\0') {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ =
			    (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /root /mount/point options ...". Of two at one place the later covers the other. */
static int
add_line(struct ra_mounts *m, char *line)
{
	struct ra_mount *mount;
	char *fields[5];

	for (size_t i = 0; i < RA_ARRAY_SIZE(fields); i++) {
		fields[i] = line;
		line = strchr(line, ' ');
		if (line == NULL)
			return 0;
		*line++ = '\0';
	}
	unescape(fields[4]);
	mount = malloc(sizeof(*mount) + strlen(fields[4]) + 1);
	if (mount == NULL)
		return -ENOMEM;
	(void)snprintf(mount->device, sizeof(mount->device), "%s", fields[2]);
	memcpy(mount->path, fields[4], strlen(fields[4]) + 1);
	mount->next = m->list;
	m->list = mount;
	return ra_map_put(&m->by_path, mount->path, mount, NULL);
}

static int
read_text(int fd, struct ra_buf *text)
{
	char part[16384];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, part, sizeof(part), at)) > 0) {
		if (ra_buf_add(text, part, (size_t)n) < 0)
			return text->error;
		at += n;
	}
	return n < 0 ? -errno : 0;
}

int
ra_mounts_read(struct ra_mounts *m, int fd)
{
	RA_CLEANUP(ra_mounts_clear) struct ra_mounts fresh = { 0 };
	RA_BUF_LOCAL text = RA_BUF(TEXT_MAX);
	char *line, *end;
	int r = read_text(fd, &text);

	if (r < 0 || text.len == 0)
		return r < 0 ? r : -ENOENT;
	for (line = text.data; r == 0 && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		r = add_line(&fresh, line);
	}
	if (r < 0)
		return r;
	ra_mounts_clear(m);
	*m = fresh;
	fresh = (struct ra_mounts){ 0 };
	return 0;
}

void
ra_mounts_clear(struct ra_mounts *m)
{
	struct ra_mount *mount;

	while ((mount = m->list) != NULL) {
		m->list = mount->next;
		free(mount);
	}
	ra_map_free(&m->by_path);
	*m = (struct ra_mounts){ 0 };
}

const struct ra_mount *
ra_mounts_find(const struct ra_mounts *m, const char *path)
{
	char prefix[PATH_SIZE];
	size_t len = strlen(path);
	const struct ra_mount *found;

	if (len >= sizeof(prefix))
		return NULL;
	memcpy(prefix, path, len + 1);
	while (len > 0) {
		while (len > 1 && prefix[len - 1] == '/')
			len--;
		prefix[len] = '\0';
		found = ra_map_get(&m->by_path, prefix);
		if (found != NULL || len == 1)
			return found;
		while (len > 0 && prefix[len - 1] != '/')
			len--;
	}
	return NULL;
}
