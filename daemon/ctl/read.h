/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's answers as values. Texts are borrowed from the JSON. What is missing or of another
 * type is NULL or 0; a state that is not known is UNKNOWN, never OK.
 */
#ifndef RELAUDIT_CTL_READ_H
#define RELAUDIT_CTL_READ_H

#include <jansson.h>

#include "relaudit/base/macro.h"
#include "relaudit/model/verdict.h"

struct ra_ctl_environment;

struct ra_ctl_check {
	const struct ra_ctl_environment *environment;
	const char *id, *name, *kind, *service, *source;
	enum ra_verdict state, verdict;
	bool hard;
	const char *reason, *summary, *expected, *evidence, *next_step;
	int64_t since, checked, next; /* wall ms, 0: not known */
	int64_t duration; /* ms, -1: not known */
	int64_t every; /* ms, 0: not known */
	bool once; /* probed for itself: no state, no schedule */
	const json_t *facts, *instances, *json;
};

struct ra_ctl_environment {
	const char *name, *owner, *runbook;
	int64_t rank; /* RA_UNSET: none */
	enum ra_verdict worst;
	struct ra_ctl_check *checks; /* worst first, then by name */
	size_t check_count;
	const json_t *json;
};

struct ra_ctl_status {
	int64_t at;
	enum ra_verdict state; /* as the answer says it; UNKNOWN if it does not */
	const char *problem; /* the daemon's own; NULL: none */
	bool latest; /* `worst` and order are by the latest verdict, not the state */
	struct ra_ctl_environment *environments; /* worst first, then highest rank, then by name */
	size_t environment_count;
	size_t check_count;
};

/* Takes `environments`, `environment` or the object itself. 0 or -ENOMEM. */
int ra_ctl_status_read(const json_t *json, bool latest, struct ra_ctl_status *ret);
void ra_ctl_status_free(struct ra_ctl_status *s);
/* One check alone, as `try` answers it. */
void ra_ctl_check_read(const json_t *json, struct ra_ctl_check *ret);
/* What counts: state, or the latest verdict. */
enum ra_verdict ra_ctl_counts(const struct ra_ctl_check *check, bool latest);
/* The exit code: the worst of all checks, and of what the answer itself says. */
int ra_ctl_status_exit(const struct ra_ctl_status *s);

const char *ra_ctl_json_text(const json_t *object, const char *key); /* NULL: none */
int64_t ra_ctl_json_time(const json_t *object, const char *key); /* 0: none */
int64_t ra_ctl_json_int(const json_t *object, const char *key, int64_t missing);
enum ra_verdict ra_ctl_json_verdict(const json_t *object, const char *key);
/* When the answer was made, by the daemon's clock, which all its times are of. */
int64_t ra_ctl_now(const json_t *answer);

#endif
