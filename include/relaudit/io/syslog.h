/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog(3) on a thread of its own behind a bounded queue, because it blocks its caller when the
 * reader stalls. A queue that is full (1,000 messages) drops the newest and counts; the count is
 * sent once there is room, as `dropped=N reason=...`. Without /dev/log messages wait in the queue
 * while it is tried again, after 250 ms, then longer, at most 5 s. At exit a stuck thread is
 * abandoned. One at a time: syslog(3) is the process's.
 */
#ifndef RELAUDIT_IO_SYSLOG_H
#define RELAUDIT_IO_SYSLOG_H

#include "relaudit/base/error.h"

struct ra_syslog;

/* Messages are mirrored to stderr if `echo` (a terminal, or systemd's journal without syslog). */
int ra_syslog_new(int facility, bool echo, struct ra_syslog **ret, struct ra_error *err);
/*
 * From any thread. priority LOG_CRIT ...; text is one line, already escaped; cut at 2 KiB. Returns
 * the message's number, from 1.
 */
uint64_t ra_syslog_send(struct ra_syslog *s, int priority, const char *text);
/* Whether n messages more would find room, and some of others beside them. */
bool ra_syslog_has_room(const struct ra_syslog *s, size_t n);
/* All up to this number are sent, or dropped. */
uint64_t ra_syslog_sent(const struct ra_syslog *s);
/* fn is called from the thread when that number has grown; NULL: no more. */
void ra_syslog_on_sent(struct ra_syslog *s, void (*fn)(void *arg), void *arg);
/* Waits at most wait_ms for the queue to drain; not at all where nobody listens. */
void ra_syslog_drain(struct ra_syslog *s, int64_t wait_ms);
/* Waits at most wait_ms for the queue to drain, then frees or abandons. */
void ra_syslog_free(struct ra_syslog *s, int64_t wait_ms);

struct ra_syslog_stats {
	uint64_t sent, dropped, queued;
	bool connected;		/* /dev/log was there at the last message */
};
void ra_syslog_stats(const struct ra_syslog *s, struct ra_syslog_stats *ret);

#endif
