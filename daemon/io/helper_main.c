/* SPDX-License-Identifier: Apache-2.0 */
/* The helper process: its start, and the thread that listens to the loop. */
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relaudit/base/clock.h"

#include "helper_lane.h"
#include "helper_private.h"

#define RECEIVES 64

/* The end of the daemon ends us, by the end of the stream; the terminal's and the service manager's
   signals are the daemon's to act on. */
static void
prepare(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

	for (size_t i = 0; i < RA_ARRAY_SIZE(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NAME, "relaudit-helper");
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	(void)syscall(SYS_close_range, RA_WIRE_FD + 1, ~0U, 0);
	(void)fcntl(RA_WIRE_FD, F_SETFD, FD_CLOEXEC);
	(void)mallopt(M_ARENA_MAX, 2);
}

static int
take_frame(const struct ra_wire_head *head, char *payload)
{
	switch (head->type) {
	case RA_WIRE_FILE:
		return ra_lanes_add(head, payload);
	case RA_WIRE_CANCEL:
		free(payload);
		ra_lanes_cancel(head->id);
		return 0;
	default:
		free(payload);
		return -EPROTO;
	}
}

/* All that has come. */
static int
listen_once(struct ra_wire_reader *in)
{
	struct ra_wire_head head;
	char *payload;
	int r;

	in->receives = RECEIVES;
	while ((r = ra_wire_next(in, RA_WIRE_FD, &head, &payload)) > 0) {
		r = take_frame(&head, payload);
		if (r < 0)
			return r;
	}
	return r;
}

static int
run(void)
{
	struct ra_wire_reader in = { 0 };
	struct pollfd fds[] = { { .fd = RA_WIRE_FD, .events = POLLIN },
		{ .fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), .events = POLLPRI } };
	int r = 0;

	ra_lanes_open(RA_WIRE_FD);
	ra_lanes_remount(fds[1].fd);
	while (r == 0) {
		int64_t now = ra_clock_mono(), due = ra_lanes_expire(now);
		int64_t wait = due - now < INT32_MAX ? due - now : INT32_MAX;

		if (poll(fds, RA_ARRAY_SIZE(fds), due == INT64_MAX ? -1 : (int)wait) < 0)
			continue;
		if (fds[1].revents != 0)
			ra_lanes_remount(fds[1].fd);
		if (fds[0].revents != 0)
			r = listen_once(&in);
	}
	return r == -EPIPE || r == -ECONNRESET ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
ra_helper_main(int argc, char **argv)
{
	int type;
	socklen_t len = sizeof(type);

	if (argc != 1 || strcmp(argv[0], RA_HELPER_NAME) != 0)
		return -1;
	if (getsockopt(RA_WIRE_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		fputs(RA_HELPER_NAME ": started by relauditd only\n", stderr);
		return EXIT_FAILURE;
	}
	prepare();
	/* Without a look at what its threads do: they may be stuck. */
	_exit(run());
}
