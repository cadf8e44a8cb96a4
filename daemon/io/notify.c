/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/io/notify.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "relaudit/io/loop.h"

#define STATUS_MAX 200

struct ra_notify {
	int fd; /* -1: nobody listens */
	struct ra_timer *watchdog;
	char status[STATUS_MAX]; /* said last */
};

static void
say(const struct ra_notify *n, const char *text)
{
	if (n->fd >= 0)
		(void)!send(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
on_watchdog(void *arg)
{
	say(arg, "WATCHDOG=1");
}

/* *ret_fd: -1 if nobody is there. Negative errno: no socket could be had. */
static int
open_socket(const char *path, int *ret_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	*ret_fd = -1;
	if (len == 0 || len >= sizeof(sun.sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(fd);
		return 0;
	}
	*ret_fd = fd;
	return 0;
}

/* Half of what systemd allows, as sd_watchdog_enabled(3) advises. */
static void
start_watchdog(struct ra_notify *n, struct ra_loop *loop)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long us = usec != NULL ? strtoull(usec, NULL, 10) : 0;

	if (us < 2000 || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
		return;
	if (ra_timer_new(loop, on_watchdog, n, &n->watchdog) == 0)
		ra_timer_start(n->watchdog, 0, (int64_t)(us / 2000));
}

int
ra_notify_new(struct ra_loop *loop, struct ra_notify **ret)
{
	struct ra_notify *n = calloc(1, sizeof(*n));
	const char *path = getenv("NOTIFY_SOCKET");
	int r;

	if (n == NULL)
		return -ENOMEM;
	n->fd = -1;
	r = path != NULL ? open_socket(path, &n->fd) : 0;
	if (r < 0) { /* who waits for READY would wait in vain */
		free(n);
		return r;
	}
	if (n->fd >= 0)
		start_watchdog(n, loop);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	*ret = n;
	return 0;
}

void
ra_notify_free(struct ra_notify *n)
{
	if (n == NULL)
		return;
	ra_timer_free(n->watchdog);
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}

bool
ra_notify_heard(const struct ra_notify *n)
{
	return n->fd >= 0;
}

static void
say_status(struct ra_notify *n, const char *before, const char *status)
{
	char text[STATUS_MAX + 32];

	snprintf(n->status, sizeof(n->status), "%s", status);
	snprintf(text, sizeof(text), "%sSTATUS=%s", before, n->status);
	say(n, text);
}

void
ra_notify_ready(struct ra_notify *n, const char *status)
{
	say_status(n, "READY=1\n", status);
}

void
ra_notify_status(struct ra_notify *n, const char *status)
{
	if (strncmp(n->status, status, sizeof(n->status) - 1) != 0)
		say_status(n, "", status);
}

/* With the time to the microsecond: systemd tells by it whether its own signal was the cause. */
void
ra_notify_reloading(struct ra_notify *n)
{
	struct timespec now;
	char text[96];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	say(n, text);
}

void
ra_notify_stopping(struct ra_notify *n)
{
	say(n, "STOPPING=1");
}
