/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending the helper's process, by its keeper. */
#include "helper_private.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper_keeper.h"

#define FIRST_WAIT 10000 /* ms, for the keeper to be there, before there is anything to hold up */
#define END_WAIT   500

/* The keeper once: it cannot be had again under the filter, nor need it be. */
static int
start_keeper(struct ra_helper *h)
{
	return h->keeper >= 0 ? 0 : ra_keeper_start(&h->keeper_pid, &h->keeper);
}

/* What was asked for is given up; if it comes all the same, it ends with its socket. */
static void
drop_asked(struct ra_helper *h)
{
	ra_watch_free(RA_TAKE(h->keeper_watch));
	if (h->asked >= 0)
		close(h->asked);
	h->asked = -1;
}

static int
ask(struct ra_helper *h)
{
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	r = ra_keeper_ask(h->keeper, h->exe, fds[1]);
	close(fds[1]);
	if (r < 0)
		close(fds[0]);
	else
		h->asked = fds[0];
	return r;
}

/* It runs. */
static int
take_asked(struct ra_helper *h, pid_t pid)
{
	int r = ra_watch_new(h->loop, h->asked, ra_helper_on_ready, h, &h->watch);

	if (r < 0)
		return r;
	h->pid = pid;
	h->fd = h->asked;
	h->asked = -1;
	h->life++;
	h->started = ra_loop_now(h->loop);
	ra_helper_process_push(h);
	return 0;
}

/* Ends what was asked, well or not. */
static int
answered(struct ra_helper *h, int wait_ms)
{
	pid_t pid;
	int r = ra_keeper_answer(h->keeper, wait_ms, &pid);

	if (r == 0)
		r = take_asked(h, pid);
	h->stats.lost = r == -EPIPE;
	drop_asked(h);
	return r;
}

static void
on_keeper(void *arg, int events)
{
	struct ra_helper *h = arg;

	ra_helper_on_started(h, answered(h, 0));
}

int
ra_helper_process_start(struct ra_helper *h, struct ra_error *err)
{
	int r = start_keeper(h);

	if (r < 0)
		return ra_error_set(err, r, "cannot start the helper's keeper: %s", strerror(-r));
	r = ask(h);
	if (r == 0)
		r = answered(h, FIRST_WAIT);
	if (r < 0)
		return ra_error_set(err, r, "cannot start the helper%s%s: %s",
		    h->exe != NULL ? " " : "", h->exe != NULL ? h->exe : "", strerror(-r));
	return 0;
}

int
ra_helper_process_again(struct ra_helper *h)
{
	int r;

	drop_asked(h);
	r = ask(h);
	if (r == 0)
		r = ra_watch_new(h->loop, h->keeper, on_keeper, h, &h->keeper_watch);
	if (r == 0)
		r = ra_watch_set(h->keeper_watch, POLLIN);
	h->stats.lost = r == -EPIPE;
	if (r < 0)
		drop_asked(h);
	return r;
}

static void
forget(struct ra_helper *h)
{
	ra_watch_free(RA_TAKE(h->watch));
	h->watched = 0;
	h->resting = false;
	if (h->rest != NULL)
		ra_timer_stop(h->rest);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	ra_wire_reader_clear(&h->in);
	ra_buf_clear(&h->out);
	h->sent = 0;
}

void
ra_helper_process_lose(struct ra_helper *h)
{
	forget(h);
	if (h->pid != 0)
		ra_keeper_kill(h->keeper);
	h->pid = 0;
}

void
ra_helper_process_end(struct ra_helper *h)
{
	struct pollfd p = { .events = POLLIN };

	forget(h);
	drop_asked(h);
	h->pid = 0;
	if (h->keeper < 0)
		return;
	close(h->keeper);
	h->keeper = -1;
	/* It waits a little for the helper, which may be stuck where even SIGKILL does not reach
	   it. If it is stopped, our end is its end. */
	p.fd = (int)syscall(SYS_pidfd_open, h->keeper_pid, 0);
	if (p.fd >= 0) {
		(void)poll(&p, 1, END_WAIT);
		close(p.fd);
	}
	(void)waitpid(h->keeper_pid, NULL, WNOHANG);
}

void
ra_helper_process_push(struct ra_helper *h)
{
	int events = (h->resting ? 0 : POLLIN) | (h->out.len > h->sent ? POLLOUT : 0);

	/* libuv asks the kernel each time. */
	if (h->watch != NULL && h->watched != events && ra_watch_set(h->watch, events) == 0)
		h->watched = events;
}
