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
#define AGAIN_WAIT 50
#define END_WAIT   500

/* The keeper once: it cannot be had again under the filter, nor need it be. */
static int
start_keeper(struct ra_helper *h)
{
	return h->keeper >= 0 ? 0 : ra_keeper_start(&h->keeper_pid, &h->keeper);
}

int
ra_helper_process_start(struct ra_helper *h, struct ra_error *err)
{
	int fds[2], r;

	r = start_keeper(h);
	if (r < 0)
		return ra_error_set(err, r, "cannot start the helper's keeper: %s", strerror(-r));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return ra_error_set(
		    err, -errno, "cannot make a socket for the helper: %s", strerror(errno));
	r = ra_watch_new(h->loop, fds[0], ra_helper_on_ready, h, &h->watch);
	if (r == 0)
		r = ra_keeper_ask(
		    h->keeper, h->exe, fds[1], h->life == 0 ? FIRST_WAIT : AGAIN_WAIT, &h->pid);
	close(fds[1]);
	if (r < 0) {
		ra_watch_free(RA_TAKE(h->watch));
		close(fds[0]);
		h->pid = 0;
		h->stats.lost = r == -EPIPE;
		return ra_error_set(err, r, "cannot start the helper%s%s: %s",
		    h->exe != NULL ? " " : "", h->exe != NULL ? h->exe : "", strerror(-r));
	}
	h->fd = fds[0];
	h->life++;
	h->started = ra_loop_now(h->loop);
	ra_helper_process_push(h);
	return 0;
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
