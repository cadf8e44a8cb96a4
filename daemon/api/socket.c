/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket: right from its first instant, a stale one replaced, a live one never. */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "socket.h"

#define BACKLOG 128

static int
set_address(const char *path, struct sockaddr_un *ret, struct ra_error *err)
{
	size_t len = strlen(path);

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	if (len >= sizeof(ret->sun_path))
		return ra_error_set(err, -ENAMETOOLONG,
		    "socket path of %zu bytes: %zu are possible: %s", len,
		    sizeof(ret->sun_path) - 1, path);
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

/* Is somebody there? A path that is no socket at all is not ours to remove. */
static int
clear_stale(const char *path, const struct sockaddr_un *sun, struct ra_error *err)
{
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0
				       : ra_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return ra_error_set(err, -EEXIST, "%s is there and is no socket; remove it", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ra_error_set(err, -errno, "socket: %s", strerror(errno));
	r = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? errno : 0;
	close(fd);
	if (r != ECONNREFUSED)
		return ra_error_set(err, -EADDRINUSE, "%s: another daemon listens there", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return ra_error_set(
		    err, -errno, "cannot remove the stale %s: %s", path, strerror(errno));
	return 0;
}

/* Not asked for where it is so already: the unit's sandbox has no chown. */
static int
give(const char *path, gid_t group, struct ra_error *err)
{
	struct stat st;

	if (group == (gid_t)-1 || (lstat(path, &st) == 0 && st.st_gid == group) ||
	    lchown(path, (uid_t)-1, group) == 0)
		return 0;
	return ra_error_set(err, -errno,
	    "cannot give %s to the group of daemon.socket.group: %s; under systemd this takes the "
	    "drop-in socket-group.conf",
	    path, strerror(errno));
}

static int
make_folder(const char *path, gid_t group, struct ra_error *err)
{
	RA_FREE char *folder = strdup(path);
	char *slash = folder != NULL ? strrchr(folder, '/') : NULL;

	if (folder == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	if (mkdir(folder, 0750) < 0)
		return errno == EEXIST ? 0
				       : ra_error_set(err, -errno, "cannot make %s: %s", folder,
					     strerror(errno));
	return give(folder, group, err);
}

int
ra_api_find_group(const char *name, gid_t *ret, struct ra_error *err)
{
	const struct group *g;

	*ret = (gid_t)-1;
	if (name == NULL)
		return 0;
	errno = 0;
	g = getgrnam(name);
	if (g == NULL)
		return ra_error_set(err, -ENOENT, "daemon.socket.group: no group '%s' here", name);
	*ret = g->gr_gid;
	return 0;
}

/*
 * The mask is the whole process's, whose other threads may make a folder just now: it takes away no
 * more than that of always does from their modes, and adds nothing for those who are not the group.
 */
static int
bind_and_listen(
    int fd, const char *path, const struct sockaddr_un *sun, gid_t group, struct ra_error *err)
{
	mode_t mask;
	int r;

	if (fchmod(fd, 0660) < 0) /* the file that bind makes has it, too */
		return ra_error_set(err, -errno, "socket: %s", strerror(errno));
	mask = umask(007);
	r = bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? errno : 0;
	umask(mask);
	if (r != 0)
		return ra_error_set(err, -r, "cannot bind %s: %s", path, strerror(r));
	if ((r = give(path, group, err)) < 0)
		return r;
	if (listen(fd, BACKLOG) < 0)
		return ra_error_set(err, -errno, "cannot listen on %s: %s", path, strerror(errno));
	return 0;
}

int
ra_api_listen(const char *path, gid_t group, int *ret_fd, int *ret_file, struct ra_error *err)
{
	struct sockaddr_un sun;
	int fd, file, r;

	if ((r = set_address(path, &sun, err)) < 0 || (r = make_folder(path, group, err)) < 0 ||
	    (r = clear_stale(path, &sun, err)) < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ra_error_set(err, -errno, "socket: %s", strerror(errno));
	r = bind_and_listen(fd, path, &sun, group, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0) {
		r = ra_error_set(err, -errno, "cannot hold %s: %s", path, strerror(errno));
		close(fd);
		return r;
	}
	*ret_fd = fd;
	*ret_file = file;
	return 0;
}

bool
ra_api_is_at(const char *path, int file)
{
	struct stat at, st;

	return lstat(path, &at) == 0 && fstat(file, &st) == 0 && at.st_dev == st.st_dev &&
	       at.st_ino == st.st_ino;
}

static bool
has_option(int fd, int option, int wanted)
{
	socklen_t len = sizeof(int);
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

int
ra_api_listen_inherited(int *ret_fd, struct ra_error *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	bool ours = pid != NULL && fds != NULL && strtol(pid, NULL, 10) == getpid() &&
		    strtol(fds, NULL, 10) >= 1;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	*ret_fd = -1;
	if (!ours || fcntl(3, F_SETFD, FD_CLOEXEC) < 0 || fcntl(3, F_SETFL, O_NONBLOCK) < 0)
		return 0;
	/* Who asks is told by a Unix socket alone. */
	if (!has_option(3, SO_DOMAIN, AF_UNIX) || !has_option(3, SO_TYPE, SOCK_STREAM) ||
	    !has_option(3, SO_ACCEPTCONN, 1))
		return ra_error_set(err, -EINVAL,
		    "what systemd passed as a socket is no Unix stream that listens; see "
		    "ListenStream= of its unit");
	*ret_fd = 3;
	return 0;
}
