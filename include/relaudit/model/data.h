/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows from a source through a format to a kind: bytes with where they are from, then data
 * in one of a few neutral shapes. Shapes are what lets any kind take any source and format that
 * can serve it.
 */
#ifndef RELAUDIT_MODEL_DATA_H
#define RELAUDIT_MODEL_DATA_H

#include "relaudit/base/macro.h"
#include "relaudit/model/verdict.h"

enum ra_shape {
	RA_SHAPE_BYTES = 1 << 0,	/* a source's raw bytes */
	RA_SHAPE_FIELDS = 1 << 1,	/* named single values: version, commit */
	RA_SHAPE_ITEMS = 1 << 2,	/* a list of things with time and size: backups */
	RA_SHAPE_LINES = 1 << 3,	/* the newest lines of a log */
	RA_SHAPE_EXIT = 1 << 4,		/* a program's output with its exit code in `status` */
};

struct ra_field {
	const char *name;	/* the kind's selector, static */
	char *value;		/* owned */
};

enum ra_item_flag {
	RA_ITEM_PARTIAL = 1 << 0,	/* still being written, or marked incomplete */
};

struct ra_item {
	char *name;		/* owned: path, key, archive name */
	int64_t time;		/* wall ms */
	int64_t size;		/* bytes, RA_UNSET: not known */
	unsigned flags;
};

/* A line inside the bytes of struct ra_input. */
struct ra_line {
	const char *text;
	size_t len;
};

struct ra_data {
	enum ra_shape shape;
	union {
		struct {
			struct ra_field *list;
			size_t count;
		} fields;
		struct {
			struct ra_item *list;
			size_t count;
		} items;
		struct {
			struct ra_line *list;	/* oldest first; texts borrowed from the input */
			size_t count;
		} lines;
	};
};

void ra_data_free(struct ra_data *d);
const char *ra_data_field(const struct ra_data *d, const char *name);	/* NULL: none */
int ra_data_add_field(struct ra_data *d, const char *name, const char *value, size_t len);
int ra_data_add_item(struct ra_data *d, const char *name, int64_t time, int64_t size, unsigned flags);
int ra_data_add_line(struct ra_data *d, const char *text, size_t len);

/*
 * What one source brought for one instance, or why it did not. On failure `reason` is not RA_R_OK
 * and `error` says what happened, in one line.
 */
struct ra_input {
	enum ra_reason reason;
	char *error;		/* owned; NULL when read */
	char *where;		/* owned: URL or path, without secrets */
	char *bytes;		/* owned, NUL-terminated, len without the NUL */
	size_t len;
	bool cut;		/* bytes are the last part of something longer */
	int64_t modified;	/* wall ms: mtime or Last-Modified; 0 not known */
	int64_t fetched;	/* wall ms when it was read */
	int64_t latency_ms;
	int status;		/* HTTP status, exit code; 0 none */
	struct ra_data listing;	/* RA_SHAPE_ITEMS where the source lists by itself, else shape 0 */
};

void ra_input_clear(struct ra_input *in);
/* Records a failure: reason and printf text; keeps `where`. */
void ra_input_fail(struct ra_input *in, enum ra_reason reason, const char *fmt, ...)
    RA_PRINTF(3, 4);

#endif
