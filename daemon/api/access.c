/* SPDX-License-Identifier: Apache-2.0 */
/* Who may: uid 0, groups, people. Names may come from a directory far away: never on the loop. */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

void
ra_peer_of(struct MHD_Connection *connection, struct ra_peer *ret)
{
	const union MHD_ConnectionInfo *info;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	memset(ret, 0, sizeof(*ret));
	ret->uid = (uid_t)-1;
	ret->gid = (gid_t)-1;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info == NULL || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return;
	ret->uid = cred.uid;
	ret->gid = cred.gid;
	ret->known = true;
	len = sizeof(ret->groups);
	if (getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERGROUPS, ret->groups, &len) == 0)
		ret->group_count = len / sizeof(ret->groups[0]);
}

struct access {
	struct ra_request *request; /* NULL: left */
	struct ra_config *config; /* whose texts these are */
	const struct ra_texts *allowed;
	const char *what;
	void (*then)(struct ra_request *q);
	struct ra_peer peer;
	bool may;
};

static bool
in_group(const struct ra_peer *p, gid_t gid)
{
	size_t i;

	if (p->gid == gid)
		return true;
	for (i = 0; i < p->group_count; i++)
		if (p->groups[i] == gid)
			return true;
	return false;
}

static bool
is_group(const struct ra_peer *p, const char *name)
{
	char space[16384];
	struct group group, *found = NULL;

	return getgrnam_r(name, &group, space, sizeof(space), &found) == 0 && found != NULL &&
	       in_group(p, found->gr_gid);
}

static bool
is_person(const struct access *x, const char *name)
{
	char space[16384];
	struct passwd passwd, *found = NULL;
	size_t i;

	for (i = 0; i < x->config->person_count; i++) {
		const struct ra_person *person = &x->config->people[i];

		if (strcmp(person->name, name) == 0)
			return person->user != NULL &&
			       getpwnam_r(person->user, &passwd, space, sizeof(space), &found) ==
				   0 &&
			       found != NULL && found->pw_uid == x->peer.uid;
	}
	return false;
}

static void
on_worker(void *arg)
{
	struct access *x = arg;
	size_t i;

	for (i = 0; i < x->allowed->count && !x->may; i++) {
		const char *name = x->allowed->list[i].value;

		x->may = is_person(x, name) || is_group(&x->peer, name);
	}
}

static void
refuse(struct ra_request *q, const struct ra_peer *p, const char *what)
{
	ra_request_error(q, MHD_HTTP_FORBIDDEN, "not-allowed",
	    "uid %ld may not %s; add one of its groups to `access: {%s: [...]}`", (long)p->uid,
	    what, what);
}

static void
on_checked(void *arg)
{
	struct access *x = arg;
	struct ra_request *q = x->request;

	if (q != NULL) {
		q->abandon = NULL;
		q->waiting = NULL;
		if (x->may)
			x->then(q);
		else
			refuse(q, &x->peer, x->what);
	}
	ra_config_unref(x->config);
	free(x);
}

static void
leave(struct ra_request *q)
{
	((struct access *)q->waiting)->request = NULL;
	q->abandon = NULL;
	q->waiting = NULL;
}

void
ra_access_check(struct ra_request *q, const struct ra_texts *allowed, const char *what,
    void (*then)(struct ra_request *q))
{
	struct access *x;
	struct ra_peer peer;

	ra_peer_of(q->connection, &peer);
	if (peer.known && peer.uid == 0) {
		then(q);
		return;
	}
	if (!peer.known || allowed->count == 0) {
		refuse(q, &peer, what);
		return;
	}
	x = calloc(1, sizeof(*x));
	if (x != NULL) {
		*x = (struct access){
			.request = q, .allowed = allowed, .what = what, .then = then, .peer = peer
		};
		x->config =
		    ra_config_ref((struct ra_config *)(uintptr_t)ra_engine_config(q->api->engine));
		if (ra_work_start(q->api->loop, on_worker, on_checked, x) == 0) {
			ra_request_wait(q, leave, x);
			return;
		}
		ra_config_unref(x->config);
		free(x);
	}
	ra_request_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "out of memory");
}
