/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the helper: jobs wait in lanes, one for each file system, and few workers serve each, so
 * that one which hangs takes few of them. A job that turns out to lead to another file system (by a
 * symbolic link, or by a mount below a pattern) moves to that one's lane.
 */
#ifndef RA_IO_HELPER_LANE_H
#define RA_IO_HELPER_LANE_H

#include "relaudit/base/map.h"

#include "helper_wire.h"

#define RA_WORKERS_MAX	8

/* --- mounts, by /proc/self/mountinfo --- */

struct ra_mount {
	struct ra_mount *next;
	char device[24];	/* major:minor */
	char path[];
};

struct ra_mounts {
	struct ra_map by_path;
	struct ra_mount *list;
};

/* Reads all anew from an open mountinfo. On failure it is as it was. */
int ra_mounts_read(struct ra_mounts *m, int fd);
void ra_mounts_clear(struct ra_mounts *m);
/* The mount that a path (without symbolic links) lives on; NULL: not known. Looks at texts only. */
const struct ra_mount *ra_mounts_find(const struct ra_mounts *m, const char *path);

/* --- lanes --- */

/* Answers go to fd. Workers start when there is work. */
void ra_lanes_open(int fd);
/* Mounts have changed (POLLPRI), or were never read. */
void ra_lanes_remount(int mountinfo);
/* One frame, from any thread of the helper. */
void ra_lanes_send(struct iovec *parts, size_t count);
/* A request; takes the payload. -EPROTO if it is none. */
int ra_lanes_add(const struct ra_wire_head *head, char *payload);
void ra_lanes_cancel(uint64_t id);
/* Answers what is due by now; returns when the next one will be, INT64_MAX: none. */
int64_t ra_lanes_expire(int64_t now);

#endif
