/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of maps and lists, told in its order, to keys that are JSON Pointers (RFC 6901), or what
 * is left of them behind `select:`. Empty maps and lists become keys too: they are not the same as
 * nothing. A name that stands twice in one map is refused.
 */
#ifndef RA_FORMAT_FLATTEN_H
#define RA_FORMAT_FLATTEN_H

#include "relaudit/base/map.h"

#include "keys.h"

#define RA_FLATTEN_DEPTH 64

/* 0, or -EINVAL with err: what is wrong with a pointer. */
int ra_pointer_check(const char *text, struct ra_error *err);

struct ra_flatten {
	struct ra_keys *k;
	const char *select; /* "": all */
	size_t select_len;
	enum ra_reason refused; /* what a text that is not of this format is */
	struct ra_buf path;
	struct ra_map names; /* pointers of all names so far */
	struct ra_arena *arena;
	bool found; /* select was met */
	size_t depth;
	struct {
		size_t path; /* its pointer's length */
		uint32_t line;
		bool list;
		size_t count;
	} open[RA_FLATTEN_DEPTH];
};

/* select NULL: all. RA_R_NO_MEMORY, else RA_R_OK; ra_flatten_end() ends it in any case. */
enum ra_reason ra_flatten_begin(struct ra_flatten *f, struct ra_keys *k, const char *select,
    enum ra_reason refused);
/* What reason says, or that `select:` was not met. */
enum ra_reason ra_flatten_end(struct ra_flatten *f, enum ra_reason reason);

enum ra_reason ra_flatten_open(struct ra_flatten *f, bool list, uint32_t line);
enum ra_reason ra_flatten_close(struct ra_flatten *f);
/* In a map, before each value. */
enum ra_reason ra_flatten_name(struct ra_flatten *f, const char *name, size_t len, uint32_t line);
/* Whether the map has it already; RA_R_OK, and *ret set, or no memory. */
enum ra_reason ra_flatten_has(
    struct ra_flatten *f, const char *name, size_t len, uint32_t line, bool *ret);
/* A key of this name with an empty value, in a map or list, which may be empty for all that. */
enum ra_reason ra_flatten_mark(struct ra_flatten *f, const char *name, size_t len, uint32_t line);
enum ra_reason ra_flatten_scalar(
    struct ra_flatten *f, const char *text, size_t len, uint32_t line, unsigned flags);

#endif
