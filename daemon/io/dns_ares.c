/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_private.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "relaudit/base/clock.h"
#include "relaudit/io/loop.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define LOOK_EVERY  (5 * RA_SECOND)
#define TRY_TIMEOUT 2000
#define TRIES	    2

struct sock {
	struct ra_ares *ares;
	struct ra_watch *watch;
	ares_socket_t fd;
	struct sock *next;
};

struct ra_ares {
	struct ra_loop *loop;
	ares_channel channel;
	struct ra_timer *timer;
	struct sock *socks;
	char *resolv_conf;
	uint16_t port;
	struct stat seen; /* resolv.conf as the channel knows it; all 0: there was none */
	int64_t looked;
	unsigned inside; /* calls into c-ares: the channel may not be replaced */
	bool restarting; /* the channel is being replaced */
	bool ending;
};

struct question {
	struct ra_ares *ares;
	void (*fn)(void *arg, const struct ra_ares_result *result);
	void *arg;
};

static void
rearm(struct ra_ares *a)
{
	struct timeval tv;

	if (ares_timeout(a->channel, NULL, &tv) == NULL)
		ra_timer_stop(a->timer);
	else
		ra_timer_start(a->timer, (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1, 0);
}

static void
on_timer(void *arg)
{
	struct ra_ares *a = arg;

	a->inside++;
	ares_process_fd(a->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	a->inside--;
	rearm(a);
}

static void
on_socket(void *arg, int events)
{
	struct sock *s = arg;
	struct ra_ares *a = s->ares;
	ares_socket_t fd = s->fd;

	/* s may be gone once c-ares closed the descriptor. */
	a->inside++;
	ares_process_fd(a->channel, events & POLLIN ? fd : ARES_SOCKET_BAD,
	    events & POLLOUT ? fd : ARES_SOCKET_BAD);
	a->inside--;
	rearm(a);
}

static void
sock_drop(struct ra_ares *a, ares_socket_t fd)
{
	struct sock **at, *s;

	for (at = &a->socks; (s = *at) != NULL; at = &s->next) {
		if (s->fd == fd) {
			*at = s->next;
			ra_watch_free(s->watch);
			free(s);
			return;
		}
	}
}

static struct sock *
sock_get(struct ra_ares *a, ares_socket_t fd)
{
	struct sock *s;

	for (s = a->socks; s != NULL; s = s->next)
		if (s->fd == fd)
			return s;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->ares = a;
	s->fd = fd;
	if (ra_watch_new(a->loop, fd, on_socket, s, &s->watch) < 0) {
		free(s);
		return NULL;
	}
	s->next = a->socks;
	a->socks = s;
	return s;
}

/* A socket that cannot be watched is one that never answers: its queries time out. */
static void
on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct ra_ares *a = arg;
	struct sock *s;

	if (!readable && !writable) {
		sock_drop(a, fd);
		return;
	}
	s = sock_get(a, fd);
	if (s != NULL)
		(void)ra_watch_set(s->watch, (readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

static int
channel_open(struct ra_ares *a, ares_channel *ret)
{
	struct ares_options o;
	static char lookups[] = "fb";
	int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;

	memset(&o, 0, sizeof(o));
	o.sock_state_cb = on_state;
	o.sock_state_cb_data = a;
	o.timeout = TRY_TIMEOUT;
	o.tries = TRIES;
	o.lookups = lookups;
	if (a->resolv_conf != NULL) {
		o.resolvconf_path = a->resolv_conf;
		mask |= ARES_OPT_RESOLVCONF;
	}
	if (a->port != 0) {
		/* c-ares 1.18 takes these in host order and stores them in network order. */
		o.udp_port = a->port;
		o.tcp_port = a->port;
		mask |= ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT;
	}
	return ares_init_options(ret, &o, mask);
}

static void
resolv_conf_stat(const struct ra_ares *a, struct stat *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (stat(a->resolv_conf != NULL ? a->resolv_conf : RESOLV_CONF, ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Failing to make a new channel keeps the old one; it is tried again at the next look. */
static void
look_at_resolv_conf(struct ra_ares *a)
{
	int64_t now = ra_clock_mono();
	ares_channel fresh, old = a->channel;
	struct stat st;

	if (a->inside > 0 || now - a->looked < LOOK_EVERY)
		return;
	a->looked = now;
	resolv_conf_stat(a, &st);
	if (same_file(&st, &a->seen) || channel_open(a, &fresh) != ARES_SUCCESS)
		return;
	a->seen = st;
	a->restarting = true;
	a->channel = fresh;
	ares_destroy(old);
	a->restarting = false;
}

int
ra_ares_new(struct ra_loop *loop, const struct ra_dns_setup *setup, struct ra_ares **ret,
    struct ra_error *err)
{
	struct ra_ares *a = calloc(1, sizeof(*a));
	int r;

	if (a == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	r = ares_library_init(ARES_LIB_INIT_ALL);
	if (r != ARES_SUCCESS) {
		free(a);
		return ra_error_set(err, -EIO, "cannot start c-ares: %s", ares_strerror(r));
	}
	a->loop = loop;
	a->port = setup->port;
	if (setup->resolv_conf != NULL && (a->resolv_conf = strdup(setup->resolv_conf)) == NULL)
		goto no_memory;
	if (ra_timer_new(loop, on_timer, a, &a->timer) < 0)
		goto no_memory;
	a->looked = ra_clock_mono();
	resolv_conf_stat(a, &a->seen);
	r = channel_open(a, &a->channel);
	if (r != ARES_SUCCESS) {
		a->channel = NULL;
		ra_ares_free(a);
		return ra_error_set(err, r == ARES_ENOMEM ? -ENOMEM : -EIO,
		    "cannot read the name servers from " RESOLV_CONF ": %s", ares_strerror(r));
	}
	*ret = a;
	return 0;
no_memory:
	ra_ares_free(a);
	return ra_error_set(err, -ENOMEM, "out of memory");
}

void
ra_ares_free(struct ra_ares *a)
{
	if (a == NULL)
		return;
	a->ending = true;
	if (a->channel != NULL)
		ares_destroy(a->channel);
	while (a->socks != NULL)
		sock_drop(a, a->socks->fd);
	ra_timer_free(a->timer);
	free(a->resolv_conf);
	free(a);
	ares_library_cleanup();
}

static bool
node_text(const struct ares_addrinfo_node *n, char out[46])
{
	const void *address;

	if (n->ai_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)n->ai_addr)->sin_addr;
	else if (n->ai_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)(const void *)n->ai_addr)->sin6_addr;
	else
		return false;
	return inet_ntop(n->ai_family, address, out, 46) != NULL;
}

static void
take_nodes(struct ra_ares_result *result, const struct ares_addrinfo *info)
{
	const struct ares_addrinfo_node *n;
	int64_t ttl = INT64_MAX;

	for (n = info->nodes; n != NULL && result->count < RA_DNS_ADDRESSES; n = n->ai_next) {
		if (!node_text(n, result->addresses[result->count]))
			continue;
		result->count++;
		if (n->ai_ttl < ttl)
			ttl = n->ai_ttl;
	}
	result->ttl_ms = result->count == 0 ? 0 : ttl * 1000;
}

static void
take_status(struct ra_ares_result *result, int status)
{
	result->cause = ares_strerror(status);
	switch (status) {
	case ARES_SUCCESS:
		result->reason = result->count > 0 ? RA_R_OK : RA_R_DNS_NO_ADDRESS;
		result->cause = result->count > 0 ? "" : "it has no address";
		break;
	case ARES_ENOTFOUND:
		result->reason = RA_R_DNS_NOT_FOUND;
		result->cause = "no such name";
		break;
	case ARES_ENODATA:
		result->reason = RA_R_DNS_NO_ADDRESS;
		result->cause = "it has no address";
		break;
	case ARES_ETIMEOUT:
		result->reason = RA_R_DNS_TIMEOUT;
		result->cause = "the name servers did not answer";
		break;
	case ARES_ECONNREFUSED:
		result->reason = RA_R_DNS;
		/* c-ares 1.18 does not tell these apart once every server was tried. */
		result->cause = "no name server answers it (SERVFAIL, REFUSED or none listens)";
		break;
	case ARES_ENOMEM:
		result->reason = RA_R_NO_MEMORY;
		break;
	default:
		result->reason = RA_R_DNS;
		break;
	}
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct question *q = arg;
	struct ra_ares *a = q->ares;
	struct ra_ares_result result;

	memset(&result, 0, sizeof(result));
	if (info != NULL) {
		take_nodes(&result, info);
		ares_freeaddrinfo(info);
	}
	take_status(&result, status);
	result.again = a->restarting;
	if (!a->ending)
		q->fn(q->arg, &result);
	free(q);
}

void
ra_ares_ask(struct ra_ares *a, const char *name,
    void (*fn)(void *arg, const struct ra_ares_result *result), void *arg)
{
	struct ares_addrinfo_hints hints;
	struct question *q;

	look_at_resolv_conf(a);
	q = calloc(1, sizeof(*q));
	if (q == NULL) {
		struct ra_ares_result result = { .reason = RA_R_NO_MEMORY,
			.cause = "out of memory" };

		fn(arg, &result);
		return;
	}
	q->ares = a;
	q->fn = fn;
	q->arg = arg;
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	a->inside++;
	ares_getaddrinfo(a->channel, name, NULL, &hints, on_answer, q);
	a->inside--;
	rearm(a);
}
