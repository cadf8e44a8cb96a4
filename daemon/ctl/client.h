/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to relauditd over its Unix socket, and what its answers mean. */
#ifndef RELAUDIT_CTL_CLIENT_H
#define RELAUDIT_CTL_CLIENT_H

#include "ctl.h"

struct ra_ctl_request {
	const char *path; /* with its query; NULL: it could not be made */
	const char *body; /* JSON; NULL: GET */
	int64_t wait; /* ms the daemon was asked to wait by itself */
};

struct ra_ctl_answer {
	struct ra_buf body;
	json_t *json;
	long status;
};

/*
 * Asks and reads the answer, an error's too. 0 with *ret_answer filled and json a
 * relaudit/1 object, or the exit code with err; an error's `details` are on stderr then.
 */
int ra_ctl_ask(struct ra_ctl *ctl, const struct ra_ctl_request *request,
    struct ra_ctl_answer *ret_answer, struct ra_error *err);
void ra_ctl_answer_free(struct ra_ctl_answer *a);
/*
 * Reads a stream of lines until it ends (0), on_line returns other than 0 (that is the result), or
 * it breaks (an exit code, with err).
 */
int ra_ctl_stream(struct ra_ctl *ctl, const char *path,
    int (*on_line)(void *arg, const char *line, size_t len), void *arg, struct ra_error *err);

/* "name=value" with what a query needs before it. */
void ra_ctl_query(struct ra_buf *path, const char *name, const char *value);
/* For a request; NULL, which none is made of, where a part of it is missing. */
const char *ra_ctl_path(const struct ra_buf *path);
/* A `select` for each argument. */
void ra_ctl_query_selectors(const struct ra_ctl *ctl, struct ra_buf *path);

/* The socket to connect to, with the tunnel built where there is a --host. NULL with *ret_exit. */
const char *ra_ctl_socket(struct ra_ctl *ctl, int *ret_exit, struct ra_error *err);

/* ssh.c */
struct ra_ctl_ssh;
int ra_ctl_ssh_start(struct ra_ctl *ctl, struct ra_ctl_ssh **ret, struct ra_error *err);
void ra_ctl_ssh_stop(struct ra_ctl_ssh *ssh); /* NULL allowed */
const char *ra_ctl_ssh_socket(const struct ra_ctl_ssh *ssh);

/* cleanup.c: what a signal must undo. */
void ra_ctl_cleanup_install(void);
void ra_ctl_cleanup_child(pid_t pid, const char *socket, const char *folder); /* 0, NULL: none */
void ra_ctl_cleanup_screen(bool taken);

#endif
