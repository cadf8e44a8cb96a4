/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --host: the other machine's socket, forwarded by the OpenSSH client to one of ours in a folder
 * that only we may enter. One connection of our own (no shared one, which would keep the
 * forwarding after us), ended with us.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "client.h"
#include "unreachable.h"

#define POLL_MS 20
#define END_MS	2000
#define SHELL	"'`\"$\\;&<>|(){}*?~!#"

struct target {
	char user[64];
	char host[256];
	char port[8];
	char socket[RA_CTL_SOCKET_MAX + 1]; /* over there */
};

struct ra_ctl_ssh {
	pid_t pid;
	int pidfd;
	char folder[96];
	char socket[RA_CTL_SOCKET_MAX + 1];
};

/* --- the target --- */

static bool
is_good(const char *text, size_t len, size_t size)
{
	size_t i;

	if (len == 0 || len >= size || text[0] == '-')
		return false;
	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static int
copy_part(char *out, size_t size, const char *text, size_t len)
{
	if (!is_good(text, len, size))
		return -EINVAL;
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

/* host, host:port, [2001:db8::1]:port */
static int
parse_host(const char *text, size_t len, struct target *ret)
{
	const char *end = memrchr(text, ':', len), *bracket;
	int64_t port;

	if (len > 0 && text[0] == '[') {
		bracket = memchr(text, ']', len);
		if (bracket == NULL || (bracket + 1 < text + len && bracket[1] != ':'))
			return -EINVAL;
		end = bracket + 1 < text + len ? bracket + 1 : NULL;
		if (copy_part(
			ret->host, sizeof(ret->host), text + 1, (size_t)(bracket - text) - 1) < 0)
			return -EINVAL;
	} else if (copy_part(ret->host, sizeof(ret->host), text,
		       end != NULL ? (size_t)(end - text) : len) < 0) {
		return -EINVAL;
	}
	if (end == NULL)
		return 0;
	end++;
	if (ra_int_parse(end, (size_t)(text + len - end), &port) < 0 || port < 1 || port > 65535)
		return -EINVAL;
	snprintf(ret->port, sizeof(ret->port), "%d", (int)port);
	return 0;
}

static int
parse_target(const char *url, struct target *ret)
{
	const char *text = url + strlen("ssh://"), *end, *at, *query = strchr(url, '?');
	size_t len;

	if (strncmp(url, "ssh://", strlen("ssh://")) != 0)
		return -EINVAL;
	if (query != NULL) {
		if (strncmp(query, "?socket=/", strlen("?socket=/")) != 0)
			return -EINVAL;
		query += strlen("?socket=");
		if (copy_part(ret->socket, sizeof(ret->socket), query, strlen(query)) < 0)
			return -EINVAL;
	}
	end = text + strcspn(text, "/?");
	if (end[0] == '/' && end[1] != '\0' && end[1] != '?')
		return -EINVAL;
	at = memrchr(text, '@', (size_t)(end - text));
	if (at != NULL) {
		/* A password would stand in ssh's argument list. */
		if (memchr(text, ':', (size_t)(at - text)) != NULL ||
		    copy_part(ret->user, sizeof(ret->user), text, (size_t)(at - text)) < 0)
			return -EINVAL;
		text = at + 1;
	}
	len = (size_t)(end - text);
	if (parse_host(text, len, ret) < 0)
		return -EINVAL;
	/* ssh hands them to a shell where its configuration has a ProxyCommand with %h or %r. */
	return strpbrk(ret->user, SHELL) != NULL || strpbrk(ret->host, SHELL) != NULL ? -EINVAL : 0;
}

static int
read_target(const struct ra_ctl *ctl, struct target *ret, struct ra_error *err)
{
	const char *socket = ctl->socket != NULL ? ctl->socket : RA_CTL_SOCKET;

	if (parse_target(ctl->host, ret) < 0)
		return ra_error_set(err, -EINVAL,
		    "--host is ssh://[USER@]HOST[:PORT][?socket=/PATH], not '%.200s'", ctl->host);
	if (ret->socket[0] == '\0' &&
	    (socket[0] != '/' ||
		copy_part(ret->socket, sizeof(ret->socket), socket, strlen(socket)) < 0))
		return ra_error_set(err, -EINVAL,
		    "with --host the socket is an absolute path of at most %d characters there, "
		    "not '%.200s'",
		    RA_CTL_SOCKET_MAX, socket);
	return 0;
}

/* --- the tunnel --- */

static int
make_folder(struct ra_ctl_ssh *ssh, struct ra_error *err)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (base == NULL || base[0] != '/' || strlen(base) > 60 || stat(base, &st) < 0 ||
	    st.st_uid != geteuid())
		base = "/tmp";
	snprintf(ssh->folder, sizeof(ssh->folder), "%s/relauditctl.XXXXXX", base);
	if (mkdtemp(ssh->folder) == NULL) {
		int r = -errno;

		ra_error_set(err, r, "cannot make a folder %s: %s", ssh->folder, strerror(errno));
		ssh->folder[0] = '\0';
		return r;
	}
	snprintf(ssh->socket, sizeof(ssh->socket), "%s/s", ssh->folder);
	return 0;
}

static void
run_ssh(const struct ra_ctl_ssh *ssh, const struct target *target)
{
	const char *program = getenv("RELAUDIT_SSH");
	const char *argv[24], *name;
	char forward[2 * RA_CTL_SOCKET_MAX + 8];
	size_t n = 0;
	int null;

	name = program != NULL && *program != '\0' ? program : "ssh";
	snprintf(forward, sizeof(forward), "%s:%s", ssh->socket, target->socket);
	argv[n++] = name;
	argv[n++] = "-o";
	argv[n++] = "ExitOnForwardFailure=yes";
	argv[n++] = "-o";
	argv[n++] = "ControlPath=none";
	argv[n++] = "-o";
	argv[n++] = "StreamLocalBindMask=0177";
	argv[n++] = "-aTxN";
	argv[n++] = "-L";
	argv[n++] = forward;
	if (target->port[0] != '\0') {
		argv[n++] = "-p";
		argv[n++] = target->port;
	}
	if (target->user[0] != '\0') {
		argv[n++] = "-l";
		argv[n++] = target->user;
	}
	argv[n++] = "--";
	argv[n++] = target->host;
	argv[n] = NULL;
	/* Nothing of what we print may come from there; what ssh has to say is for stderr. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
	}
	(void)signal(SIGPIPE, SIG_DFL);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	execvp(name, (char *const *)argv);
	dprintf(STDERR_FILENO, "relauditctl: cannot run %s: %s\n", name, strerror(errno));
	_exit(127);
}

/* Until its socket accepts, it ended, or the deadline passed. */
static int
wait_ready(struct ra_ctl *ctl, struct ra_ctl_ssh *ssh, struct ra_error *err)
{
	int64_t deadline = ra_clock_mono() + ctl->timeout;
	struct pollfd ended = { .fd = ssh->pidfd, .events = POLLIN };
	char text[RA_UNIT_TEXT];

	while (ra_ctl_try_connect(ssh->socket) < 0) {
		if (poll(&ended, 1, POLL_MS) > 0)
			return ra_error_set(err, -ECONNREFUSED,
			    "no tunnel to %.200s: ssh ended, see what it says above; try `ssh` to "
			    "that host by hand",
			    ctl->host);
		if (ra_clock_mono() >= deadline)
			return ra_error_set(err, -ETIMEDOUT,
			    "no tunnel to %.200s within %s; try `ssh` to that host by hand, or "
			    "wait longer with --timeout",
			    ctl->host, ra_duration_human(ctl->timeout, text));
	}
	return 0;
}

static int
start(struct ra_ctl *ctl, struct ra_ctl_ssh *ssh, const struct target *target, struct ra_error *err)
{
	int r = make_folder(ssh, err);

	if (r < 0)
		return r;
	(void)fflush(ctl->out);
	(void)fflush(ctl->err);
	ssh->pid = fork();
	if (ssh->pid < 0)
		return ra_error_set(err, -errno, "cannot start ssh: %s", strerror(errno));
	if (ssh->pid == 0)
		run_ssh(ssh, target);
	ra_ctl_cleanup_child(ssh->pid, ssh->socket, ssh->folder);
	ssh->pidfd = (int)syscall(SYS_pidfd_open, ssh->pid, 0);
	if (ssh->pidfd < 0)
		return ra_error_set(err, -errno, "cannot watch ssh: %s", strerror(errno));
	return wait_ready(ctl, ssh, err);
}

int
ra_ctl_ssh_start(struct ra_ctl *ctl, struct ra_ctl_ssh **ret, struct ra_error *err)
{
	struct target target = { 0 };
	struct ra_ctl_ssh *ssh;

	if (read_target(ctl, &target, err) < 0)
		return RA_CTL_USAGE;
	ssh = calloc(1, sizeof(*ssh));
	if (ssh == NULL) {
		ra_error_set(err, -ENOMEM, "out of memory");
		return RA_CTL_UNAVAILABLE;
	}
	ssh->pidfd = -1;
	if (start(ctl, ssh, &target, err) < 0) {
		ra_ctl_ssh_stop(ssh);
		return RA_CTL_UNAVAILABLE;
	}
	*ret = ssh;
	return 0;
}

static void
end_ssh(const struct ra_ctl_ssh *ssh)
{
	struct pollfd ended = { .fd = ssh->pidfd, .events = POLLIN };

	(void)kill(ssh->pid, SIGTERM);
	if (ssh->pidfd < 0 || poll(&ended, 1, END_MS) <= 0)
		(void)kill(ssh->pid, SIGKILL);
	while (waitpid(ssh->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void
ra_ctl_ssh_stop(struct ra_ctl_ssh *ssh)
{
	if (ssh == NULL)
		return;
	if (ssh->pid > 0)
		end_ssh(ssh);
	ra_ctl_cleanup_child(0, NULL, NULL);
	if (ssh->socket[0] != '\0')
		(void)unlink(ssh->socket);
	if (ssh->folder[0] != '\0')
		(void)rmdir(ssh->folder);
	if (ssh->pidfd >= 0)
		close(ssh->pidfd);
	free(ssh);
}

const char *
ra_ctl_ssh_socket(const struct ra_ctl_ssh *ssh)
{
	return ssh->socket;
}
