/* SPDX-License-Identifier: Apache-2.0 */
/* Events of /v1/history and /v1/events as lines. */
#ifndef RELAUDIT_CTL_HISTORY_H
#define RELAUDIT_CTL_HISTORY_H

#include "client.h"
#include "table.h"

enum ra_ctl_events_use {
	RA_CTL_EVENTS_LIST, /* a table with a heading */
	RA_CTL_EVENTS_PART, /* without, below something else */
	RA_CTL_EVENTS_STREAM, /* line by line */
};

void ra_ctl_events_init(
    struct ra_ctl_table *t, const struct ra_ctl_term *term, enum ra_ctl_events_use use);
void ra_ctl_events_row(struct ra_ctl_table *t, const json_t *event);
/* Of config-changed, what changed: "2 keys: A, +NEW", "1 key: -GONE". */
void ra_ctl_event_keys(const json_t *event, struct ra_buf *out);
/* The list in an answer of /v1/history; NULL: none. */
const json_t *ra_ctl_events_of(const json_t *answer);
/* 0, or RA_CTL_USAGE if the option is given and is no duration, time or date. */
int ra_ctl_check_time(const struct ra_ctl *ctl, const char *option, struct ra_error *err);
/* Adds it to a query, a date as its beginning. */
void ra_ctl_query_time(struct ra_buf *path, const char *name, const char *value);
/* Asks for the history of one selector; since may be NULL. */
int ra_ctl_ask_history(struct ra_ctl *ctl, const char *selector, const char *since,
    const char *limit, struct ra_ctl_answer *answer, struct ra_error *err);

#endif
