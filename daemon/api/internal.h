/* SPDX-License-Identifier: Apache-2.0 */
/* What the API's files share. */
#ifndef RELAUDIT_API_INTERNAL_H
#define RELAUDIT_API_INTERNAL_H

#include <microhttpd.h>
#include <sys/types.h>

#include "relaudit/api/api.h"
#include "relaudit/api/view.h"

#define RA_API_SCHEMA	   "relaudit/1"
#define RA_API_CONNECTIONS 128 /* beyond it: 503 */
#define RA_API_SPARE	   64 /* accepted all the same, so that they can be told */
#define RA_API_ACCEPTS	   32 /* in one turn of the loop */
#define RA_API_PER_UID	   64 /* uid 0 is not counted */
#define RA_API_STREAMS	   96 /* of /v1/events, of anybody: the rest is for who asks and goes */
#define RA_API_IDLE	   30 /* s */
#define RA_API_BODY_MAX	   65536
#define RA_API_FIELDS_MAX  65536
#define RA_API_SELECT_MAX  1000
#define RA_API_PARAMS_MAX  1024
#define RA_API_SLICE	   32768 /* of a streamed answer */
#define RA_API_MEMORY	   (5 * RA_API_SLICE) /* of a connection */
#define RA_API_BACKLOG	   (256 * 1024) /* unread events; then the reader is dropped */

struct ra_request;

/* An open connection. */
struct ra_client {
	struct ra_client *next;
	uid_t uid;
	bool late; /* came when there were too many: told so as long as there are */
	bool nul; /* the path of its request has a NUL byte in it, which would end it */
};

struct ra_api {
	struct ra_loop *loop;
	struct ra_engine *engine;
	struct ra_api_ops ops;
	struct MHD_Daemon *mhd;
	int listen_fd, listen_file; /* file -1: it is systemd's, not ours to mend and remove */
	char *path;
	gid_t group;
	struct ra_watch *accepting;
	struct ra_timer *rest; /* from accepting: no descriptor is left, or there are too many */
	struct ra_watch *watch;
	struct ra_timer *timer; /* MHD's own time-outs */
	struct ra_wake *wake; /* to call MHD in the next turn: it has more to do, or something
			         resumed */
	struct ra_timer *heartbeat;
	struct ra_listener listener;
	struct ra_client *clients;
	struct ra_request *requests; /* all under way */
	struct ra_stream *streams; /* open /v1/events */
	struct MHD_Response *no_memory; /* made beforehand: an answer when none can be made */
	unsigned connections;
	bool resting, closing;
};

/* Who asks, from the socket. */
struct ra_peer {
	uid_t uid;
	gid_t gid;
	gid_t groups[256];
	size_t group_count;
	bool known;
};

struct ra_param {
	char *name, *value;
};

enum ra_stage {
	RA_STAGE_READING,
	RA_STAGE_WAITING, /* suspended: something else goes on */
	RA_STAGE_READY, /* `response` is to be queued */
};

struct ra_route;

struct ra_request {
	struct ra_api *api;
	struct MHD_Connection *connection;
	struct ra_request *next, *prev;
	const struct ra_route *route;
	const char *method;
	bool head; /* as GET, without the body */
	char *path;
	const char *rest; /* of the path, behind the route's prefix */
	struct ra_param *params;
	size_t param_count, param_room;
	struct ra_buf body;
	enum ra_stage stage;
	bool in_handler;
	bool answered; /* already: only the rest of it is to be read */
	struct MHD_Response *response;
	unsigned status;
	/* while waiting: leaves nothing behind that would call back */
	void (*abandon)(struct ra_request *q);
	void *waiting;
};

/* --- request.c --- */

/* Answers with JSON, takes the buffer's memory. */
void ra_request_json(struct ra_request *q, unsigned status, struct ra_buf *body);
/* The connection is closed after the answer, which there is: its place is another's. */
void ra_request_last(struct ra_request *q);
void ra_request_error(struct ra_request *q, unsigned status, const char *code, const char *fmt, ...)
    RA_PRINTF(4, 5);
/* An answer that is there already. Takes the reference. */
void ra_request_answer(
    struct ra_request *q, unsigned status, struct MHD_Response *response, const char *type);
/* Suspends until one of the above is called. */
void ra_request_wait(struct ra_request *q, void (*abandon)(struct ra_request *q), void *waiting);
/* The first value of a query parameter, or NULL. */
const char *ra_request_param(const struct ra_request *q, const char *name);
void *ra_request_begins(void *arg, const char *target, struct MHD_Connection *connection);
enum MHD_Result ra_request_handle(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **state);
void ra_request_completed(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code);
/* Ends all that wait with 503. */
void ra_request_end_all(struct ra_api *a);

/* --- server.c --- */
void ra_api_kick(struct ra_api *a); /* something was resumed */

/* --- routes.c --- */
struct ra_route {
	const char *method;
	const char *path; /* one that ends in '/' takes a rest */
	const char *const *params; /* NULL-ended; any other is refused */
	void (*run)(struct ra_request *q);
};

/* NULL: answered with an error. */
const struct ra_route *ra_route_find(struct ra_request *q);

/* --- selection.c --- */
struct ra_selection {
	uint8_t *wanted; /* by check->index; NULL: all */
	size_t count; /* checks wanted */
};

/* Adds ENV or ENV/CHECK. False: answered with no-such-... */
bool ra_selection_add(struct ra_request *q, struct ra_selection *s, const char *name);
/* All `select` parameters of the query; none is all. False: answered with an error. */
bool ra_selection_of_query(struct ra_request *q, struct ra_selection *s);
/* Of the body {"select": ["production", "staging/version-api"]}. False: answered with an error. */
bool ra_selection_of_body(struct ra_request *q, struct ra_selection *s);
bool ra_selection_has(const struct ra_selection *s, const struct ra_check *c);
/* Looks a name up; an unknown one is answered with the nearest. NULL then. */
const struct ra_environment *ra_api_environment(struct ra_request *q, const char *name);
const struct ra_check *ra_api_check(struct ra_request *q, const char *id);

/* --- status.c --- */
/* Streams the status of a selection from one generation; takes the selection. */
void ra_status_answer(struct ra_request *q, struct ra_selection *s, bool with_verdict);
void ra_route_status(struct ra_request *q);
void ra_route_environment(struct ra_request *q);
void ra_status_result(struct ra_api *a, const struct ra_check *check);

/* --- events.c --- */
void ra_route_events(struct ra_request *q);
void ra_events_send(struct ra_api *a, const struct ra_history_event *event);
int ra_events_init(struct ra_api *a);
void ra_events_end(struct ra_api *a);

/* --- metrics.c, history.c, versions.c, run.c --- */
/*
 * A parameter that is a duration back from now, or a time; *ret stays where it is not given. False:
 * answered with an error.
 */
bool ra_request_time(struct ra_request *q, const char *name, int64_t *ret);
/* The parameter `since`, which is not in the future. */
bool ra_request_since(struct ra_request *q, int64_t *ret);
void ra_route_metrics(struct ra_request *q);
void ra_route_healthz(struct ra_request *q);
void ra_route_history(struct ra_request *q);
void ra_route_versions(struct ra_request *q);
void ra_route_run(struct ra_request *q);
void ra_route_reload(struct ra_request *q);

/* --- drift.c --- */
void ra_route_drift(struct ra_request *q);

/* --- access.c --- */
void ra_peer_of(struct MHD_Connection *connection, struct ra_peer *ret);
/*
 * Asks whether the peer may, by uid 0, a group or a person of `allowed`; names are looked up on a
 * worker. then(q) is called if so, else the request is answered 403. Suspends q meanwhile.
 */
void ra_access_check(struct ra_request *q, const struct ra_texts *allowed, const char *what,
    void (*then)(struct ra_request *q));

#endif
