/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd on our loop: its epoll descriptor is watched, its time-outs are a timer. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relaudit/base/clock.h"

#include "internal.h"
#include "socket.h"

static void
plan(struct ra_api *a)
{
	MHD_UNSIGNED_LONG_LONG ms;

	/* A timer of 0 ms, started from a timer, would be run in the same turn of the loop. */
	if (MHD_get_timeout(a->mhd, &ms) != MHD_YES)
		ra_timer_stop(a->timer);
	else if (ms > 0)
		ra_timer_start(a->timer, (int64_t)ms, 0);
	else
		ra_wake_send(a->wake);
}

static void
serve(struct ra_api *a)
{
	(void)MHD_run(a->mhd);
	plan(a);
}

static void
on_ready(void *arg, int events)
{
	serve(arg);
}

static void
on_timer(void *arg)
{
	serve(arg);
}

void
ra_api_kick(struct ra_api *a)
{
	ra_wake_send(a->wake);
}

/*
 * Connections of one user, uid 0 apart: whoever holds too many is cut off at once, so that nobody
 * can use up what is for all.
 */
static bool
is_one_too_many(struct ra_api *a, struct MHD_Connection *connection, struct ra_client *client)
{
	const struct ra_client *other;
	struct ra_peer peer;
	unsigned mine = 0;

	ra_peer_of(connection, &peer);
	client->uid = peer.uid;
	for (other = a->clients; other != NULL; other = other->next)
		mine += other->uid == peer.uid;
	return peer.uid != 0 && mine >= RA_API_PER_UID;
}

static void
add_client(struct ra_api *a, struct MHD_Connection *connection, void **socket_context)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ra_client *client = calloc(1, sizeof(*client));

	if (info != NULL && (client == NULL || is_one_too_many(a, connection, client)))
		(void)shutdown(info->connect_fd, SHUT_RDWR);
	*socket_context = client;
	if (client == NULL)
		return;
	client->late = a->connections > RA_API_CONNECTIONS;
	client->next = a->clients;
	a->clients = client;
}

static void
drop_client(struct ra_api *a, struct ra_client *client)
{
	struct ra_client **at = &a->clients;

	while (*at != NULL && *at != client)
		at = &(*at)->next;
	if (*at != NULL)
		*at = client->next;
	free(client);
}

static void
accept_again(void *arg)
{
	struct ra_api *a = arg;

	if (a->resting && a->accepting != NULL)
		(void)ra_watch_set(a->accepting, POLLIN);
	a->resting = false;
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
	struct ra_api *a = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		a->connections++;
		add_client(a, connection, socket_context);
	} else if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		a->connections--;
		drop_client(a, *socket_context);
		accept_again(a);
	}
}

/* --- the listening socket, which can be another one in time: MHD cannot change its own --- */

static void
rest_from_accepting(struct ra_api *a)
{
	a->resting = true;
	(void)ra_watch_set(a->accepting, 0);
	ra_timer_start(a->rest, RA_SECOND, 0);
}

static void
on_incoming(void *arg, int events)
{
	struct ra_api *a = arg;
	struct sockaddr_storage peer;
	socklen_t len;
	int fd, i;

	for (i = 0; i < RA_API_ACCEPTS; i++) {
		if (a->connections >= RA_API_CONNECTIONS + RA_API_SPARE) {
			rest_from_accepting(a);
			break;
		}
		len = sizeof(peer);
		fd = accept4(
		    a->listen_fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
				rest_from_accepting(a);
			break;
		}
		/* Where it fails it has closed it. */
		(void)MHD_add_connection(a->mhd, fd, (struct sockaddr *)&peer, len);
	}
	serve(a);
}

static int
start_accepting(struct ra_api *a)
{
	int r = ra_watch_new(a->loop, a->listen_fd, on_incoming, a, &a->accepting);

	return r < 0 ? r : ra_watch_set(a->accepting, POLLIN);
}

static void
end_accepting(struct ra_api *a)
{
	ra_watch_free(RA_TAKE(a->accepting));
	if (a->listen_fd >= 0)
		close(a->listen_fd);
	if (a->listen_file >= 0)
		close(a->listen_file);
	a->listen_fd = -1;
	a->listen_file = -1;
}

int
ra_api_mend_socket(struct ra_api *a, struct ra_error *err)
{
	int r, fd, file;

	if (a->path == NULL || (a->listen_file >= 0 && ra_api_is_at(a->path, a->listen_file)))
		return 0;
	r = ra_api_listen(a->path, a->group, &fd, &file, err);
	if (r < 0)
		return r;
	end_accepting(a);
	a->listen_fd = fd;
	a->listen_file = file;
	if (start_accepting(a) < 0) {
		(void)unlink(a->path);
		end_accepting(a);
		return ra_error_set(err, -ENOMEM, "out of memory for %s", a->path);
	}
	return 1;
}

static void
on_result(struct ra_listener *l, const struct ra_check *check)
{
	struct ra_api *a = RA_CONTAINER(l, struct ra_api, listener);

	if (a->requests != NULL)
		ra_status_result(a, check);
}

static void
on_event(struct ra_listener *l, const struct ra_history_event *event)
{
	ra_events_send(RA_CONTAINER(l, struct ra_api, listener), event);
}

static int
make_no_memory(struct ra_api *a)
{
	static char text[] = "{\"schema\":\"" RA_API_SCHEMA "\",\"error\":{\"code\":\"no-memory\","
			     "\"message\":\"out of memory\"}}\n";

	a->no_memory =
	    MHD_create_response_from_buffer(sizeof(text) - 1, text, MHD_RESPMEM_PERSISTENT);
	return a->no_memory != NULL &&
		       MHD_add_response_header(a->no_memory, MHD_HTTP_HEADER_CONTENT_TYPE,
			   "application/json") == MHD_YES
		   ? 0
		   : -ENOMEM;
}

static int
start_mhd(struct ra_api *a, struct ra_error *err)
{
	const union MHD_DaemonInfo *info;

	if (make_no_memory(a) < 0)
		return ra_error_set(err, -ENOMEM, "out of memory for the HTTP server");
	a->mhd =
	    MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0,
		NULL, NULL, ra_request_handle, a, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)(RA_API_CONNECTIONS + RA_API_SPARE), MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)RA_API_IDLE, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)RA_API_MEMORY,
		MHD_OPTION_URI_LOG_CALLBACK, ra_request_begins, a, MHD_OPTION_NOTIFY_COMPLETED,
		ra_request_completed, a, MHD_OPTION_NOTIFY_CONNECTION, on_connection, a,
		MHD_OPTION_END);
	if (a->mhd == NULL)
		return ra_error_set(err, -EIO, "cannot start the HTTP server");
	info = MHD_get_daemon_info(a->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL || info->epoll_fd < 0)
		return ra_error_set(err, -EIO, "libmicrohttpd has no epoll here");
	if (ra_watch_new(a->loop, info->epoll_fd, on_ready, a, &a->watch) < 0 ||
	    ra_watch_set(a->watch, POLLIN) < 0 || start_accepting(a) < 0)
		return ra_error_set(err, -ENOMEM, "cannot watch the HTTP server: out of memory");
	return 0;
}

static int
open_socket(struct ra_api *a, struct ra_error *err)
{
	const struct ra_daemon_conf *d = &ra_engine_config(a->engine)->daemon;
	RA_FREE char *path = NULL;
	int r;

	r = ra_api_listen_inherited(&a->listen_fd, err);
	if (r < 0 || a->listen_fd >= 0)
		return r;
	path = strdup(d->socket_path);
	if (path == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	r = ra_api_find_group(d->socket_group, &a->group, err);
	if (r == 0)
		r = ra_api_listen(path, a->group, &a->listen_fd, &a->listen_file, err);
	if (r < 0)
		return r;
	a->path = RA_TAKE(path);
	return 0;
}

int
ra_api_new(struct ra_loop *loop, struct ra_engine *engine, const struct ra_api_ops *ops,
    struct ra_api **ret, struct ra_error *err)
{
	struct ra_api *a = calloc(1, sizeof(*a));
	int r;

	if (a == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	a->loop = loop;
	a->engine = engine;
	a->ops = *ops;
	a->listen_fd = -1;
	a->listen_file = -1;
	a->listener.result = on_result;
	a->listener.event = on_event;
	if (ra_timer_new(loop, on_timer, a, &a->timer) < 0 ||
	    ra_wake_new(loop, on_timer, a, &a->wake) < 0 ||
	    ra_timer_new(loop, accept_again, a, &a->rest) < 0 || ra_events_init(a) < 0)
		r = ra_error_set(err, -ENOMEM, "out of memory");
	else if ((r = open_socket(a, err)) == 0)
		r = start_mhd(a, err);
	ra_engine_listen(engine, &a->listener);
	if (r < 0) {
		ra_api_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void
ra_api_free(struct ra_api *a)
{
	int turns;

	if (a == NULL)
		return;
	a->closing = true;
	ra_engine_unlisten(a->engine, &a->listener);
	if (a->mhd != NULL) {
		/* A suspended connection would make MHD_stop_daemon abort. */
		ra_request_end_all(a);
		ra_events_end(a);
		for (turns = 0; turns < 3; turns++)
			(void)MHD_run(a->mhd);
		ra_watch_free(a->watch);
		MHD_stop_daemon(a->mhd);
	}
	if (a->no_memory != NULL)
		MHD_destroy_response(a->no_memory);
	if (a->listen_file >= 0 && ra_api_is_at(a->path, a->listen_file))
		(void)unlink(a->path);
	end_accepting(a);
	free(a->path);
	ra_timer_free(a->timer);
	ra_wake_free(a->wake);
	ra_timer_free(a->rest);
	ra_timer_free(a->heartbeat);
	free(a);
}
