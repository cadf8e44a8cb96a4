/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 + JSON over the Unix socket (libmicrohttpd on the loop). docs/api.yaml describes it. */
#ifndef RELAUDIT_API_API_H
#define RELAUDIT_API_API_H

#include "relaudit/engine/engine.h"

struct ra_api;

/* What the API asks of the app. */
struct ra_api_ops {
	/*
	 * Loads the configuration again. done comes once from the loop: ok, and a text with what
	 * changed, or all errors. Returns -EBUSY if a reload is under way.
	 */
	int (*reload)(void *arg, void (*done)(void *done_arg, bool ok, const char *text),
	    void *done_arg);
	void *arg;
};

/*
 * Binds daemon.socket (a stale socket is replaced, a live one is -EADDRINUSE; path <= 107 bytes;
 * mode 0660, group as configured, its folder created 0750 if only the last part is missing) and
 * serves. A socket passed by systemd is taken instead.
 */
int ra_api_new(struct ra_loop *loop, struct ra_engine *engine, const struct ra_api_ops *ops,
    struct ra_api **ret, struct ra_error *err);
/*
 * Where the socket's file was removed or replaced, listens there anew, with the same rights; not
 * where another does. 1 if so, 0 if all is as it was, negative if it cannot: to be called again.
 */
int ra_api_mend_socket(struct ra_api *a, struct ra_error *err);
/* Answers what is waiting with 503, ends streams, unlinks the socket. */
void ra_api_free(struct ra_api *a);

#endif
