/* SPDX-License-Identifier: Apache-2.0 */
#include "unreachable.h"

#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int
ra_ctl_try_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 1 };
	size_t len = strlen(path);
	int fd, r = 0;

	if (len > RA_CTL_SOCKET_MAX)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Where the queue is full it waits for room. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* The group that may: the socket's, or its folder's where that is what keeps us out. */
static bool
owning_group(const char *path, char *out, size_t size, gid_t *ret_gid)
{
	struct group group, *found = NULL;
	char folder[RA_CTL_SOCKET_MAX + 1], buffer[4096];
	struct stat st;
	char *slash;

	if (stat(path, &st) < 0) {
		snprintf(folder, sizeof(folder), "%s", path);
		slash = strrchr(folder, '/');
		if (slash == NULL || slash == folder)
			return false;
		*slash = '\0';
		if (stat(folder, &st) < 0)
			return false;
	}
	*ret_gid = st.st_gid;
	if (getgrgid_r(st.st_gid, &group, buffer, sizeof(buffer), &found) != 0 || found == NULL)
		snprintf(out, size, "%u", (unsigned)st.st_gid);
	else
		snprintf(out, size, "%s", found->gr_name);
	return true;
}

static void
explain_denied(const char *path, struct ra_error *err)
{
	char group[64];
	gid_t gid;

	if (!owning_group(path, group, sizeof(group), &gid))
		ra_error_set(err, -EACCES,
		    "cannot reach relauditd at %.200s: permission denied; be a member of the group "
		    "of its folder, or use sudo",
		    path);
	else if (gid == 0) /* of which nobody should be a member */
		ra_error_set(err, -EACCES,
		    "cannot reach relauditd at %.200s: permission denied; only root may: name a "
		    "group in relauditd's configuration (`daemon: socket: {group: GROUP}`) and "
		    "restart it, or use sudo",
		    path);
	else
		ra_error_set(err, -EACCES,
		    "cannot reach relauditd at %.200s: permission denied; be a member of group "
		    "'%s' (`usermod -aG %s USER`, then log in again), or use sudo",
		    path, group, group);
}

void
ra_ctl_unreachable(const struct ra_ctl *ctl, const char *path, struct ra_error *err)
{
	int r = ra_ctl_try_connect(path);

	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
		ra_error_set(err, r,
		    "cannot reach relauditd at %.200s: no such file; start it (`systemctl start "
		    "relauditd`), or name its socket with --socket or RELAUDIT_SOCKET",
		    path);
		break;
	case -EACCES:
	case -EPERM:
		explain_denied(path, err);
		break;
	case -ECONNREFUSED:
		ra_error_set(err, r,
		    "cannot reach relauditd at %.200s: connection refused, nobody listens there "
		    "any more; start it (`systemctl start relauditd`)",
		    path);
		break;
	case 0:
		ra_error_set(err, -EAGAIN,
		    "cannot reach relauditd at %.200s: connections end at once; too many others "
		    "connect to it, or it is not relauditd; see its log (`journalctl -u "
		    "relauditd`)",
		    path);
		break;
	case -EAGAIN:
		ra_error_set(err, -EAGAIN,
		    "cannot reach relauditd at %.200s: too many others connect to it; try again, "
		    "and see its log (`journalctl -u relauditd`)",
		    path);
		break;
	default:
		ra_error_set(err, r,
		    "cannot reach relauditd at %.200s: %s; see `systemctl status "
		    "relauditd`",
		    path, strerror(-r));
	}
}

void
ra_ctl_closed(const struct ra_ctl *ctl, const char *path, struct ra_error *err)
{
	if (ctl->host != NULL)
		ra_error_set(err, -ECONNRESET,
		    "%.200s: nothing answers at %.200s there; see `systemctl status relauditd` "
		    "and whether you may use its socket",
		    ctl->host, ctl->socket != NULL ? ctl->socket : RA_CTL_SOCKET);
	else
		ra_error_set(err, -ECONNRESET,
		    "relauditd at %.200s closed the connection without a whole answer; see its log "
		    "(`journalctl -u relauditd`)",
		    path);
}
