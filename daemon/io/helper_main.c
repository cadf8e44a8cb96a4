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

#include "children.h"
#include "helper_keeper.h"
#include "helper_lane.h"
#include "helper_private.h"

#define RECEIVES 64

static const char no_memory[] = "relauditd: out of memory in the helper, which waits for some\n";

/* The end of the daemon ends us, by the end of the stream; the terminal's and the service manager's
   signals are the daemon's to act on. */
static void
prepare(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

	for (size_t i = 0; i < RA_ARRAY_SIZE(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NAME, "relaudit-helper");
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	(void)syscall(SYS_close_range, RA_WIRE_FD + 1, ~0U, 0);
	(void)fcntl(RA_WIRE_FD, F_SETFD, FD_CLOEXEC);
	(void)mallopt(M_ARENA_MAX, 2);
}

static void
on_ran(void *arg, uint64_t id, struct ra_child_answer *answer)
{
	ra_wire_send_ran(id, answer);
}

static int
start_child(struct ra_children *c, const struct ra_wire_head *head, char *payload)
{
	RA_FREE const char **texts = NULL;
	struct ra_child_request request;
	int r = ra_wire_run(head, payload, &request, &texts);

	if (r == 0)
		ra_children_start(c, head->id, &request);
	if (r == -ENOMEM) {
		ra_wire_send_ran(head->id, &(struct ra_child_answer){ .reason = RA_R_NO_MEMORY,
					       .error = "out of memory in the helper" });
		r = 0;
	}
	/* Environment and input may hold secrets. */
	explicit_bzero(payload, head->len);
	free(payload);
	return r;
}

static int
take_frame(struct ra_children *c, const struct ra_wire_head *head, char *payload)
{
	switch (head->type) {
	case RA_WIRE_RUN:
		return start_child(c, head, payload);
	case RA_WIRE_FILE:
		return ra_lanes_add(head, payload);
	case RA_WIRE_CANCEL:
		free(payload);
		ra_lanes_cancel(head->id);
		ra_children_cancel(c, head->id);
		return 0;
	default:
		free(payload);
		return -EPROTO;
	}
}

/* All that has come. */
static int
listen_once(struct ra_wire_reader *in, struct ra_children *c)
{
	struct ra_wire_head head;
	char *payload;
	int r;

	in->receives = RECEIVES;
	while ((r = ra_wire_next(in, RA_WIRE_FD, &head, &payload)) > 0) {
		r = take_frame(c, &head, payload);
		if (r < 0)
			return r;
	}
	return r;
}

/* ms until the sooner of the two, -1: never. */
static int
time_left(int64_t due, int children)
{
	int64_t left = due - ra_clock_mono();

	if (due == INT64_MAX)
		return children;
	left = left < 0 ? 0 : left < INT32_MAX ? left : INT32_MAX;
	return children >= 0 && children < left ? children : (int)left;
}

static int
run(struct ra_children *c)
{
	static struct pollfd fds[2 + RA_CHILDREN_FDS];
	struct ra_wire_reader in = { 0 };
	bool starved = false;
	int r = 0;

	fds[0].events = POLLIN;
	fds[1] = (struct pollfd){ .fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
		.events = POLLPRI };
	ra_lanes_open(RA_WIRE_FD);
	ra_lanes_remount(fds[1].fd);
	while (r == 0) {
		int64_t due = ra_lanes_expire(ra_clock_mono());
		int wait;
		size_t n = ra_children_poll(c, fds + 2, &wait);

		/* What was asked stays where it is until there is memory for it. */
		fds[0].fd = starved ? -1 : RA_WIRE_FD;
		wait = time_left(due, wait);
		if (starved && (wait < 0 || wait > RA_HELPER_STARVED))
			wait = RA_HELPER_STARVED;
		if (poll(fds, 2 + n, wait) < 0)
			continue;
		ra_children_turn(c);
		if (fds[1].revents != 0)
			ra_lanes_remount(fds[1].fd);
		if (!starved && fds[0].revents == 0)
			continue;
		r = listen_once(&in, c);
		if (r == -ENOMEM && !starved)
			(void)!write(STDERR_FILENO, no_memory, sizeof(no_memory) - 1);
		starved = r == -ENOMEM;
		r = starved ? 0 : r;
	}
	ra_children_free(c);
	return r == -EPIPE || r == -ECONNRESET ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
ra_helper_main(int argc, char **argv)
{
	struct ra_children *children;
	int type;
	socklen_t len = sizeof(type);

	if (argc != 1 ||
	    (strcmp(argv[0], RA_HELPER_NAME) != 0 && strcmp(argv[0], RA_KEEPER_NAME) != 0))
		return -1;
	if (getsockopt(RA_WIRE_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		fprintf(stderr, "%s: started by relauditd only\n", argv[0]);
		return EXIT_FAILURE;
	}
	if (strcmp(argv[0], RA_KEEPER_NAME) == 0)
		_exit(ra_keeper_main());
	prepare();
	children = ra_children_new(on_ran, NULL); /* before any thread, for its signal mask */
	if (children == NULL)
		return EXIT_FAILURE;
	/* Without a look at what its threads do: they may be stuck. */
	_exit(run(children));
}
