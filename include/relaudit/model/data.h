/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows from a source through a format to a kind: bytes with where they are from, then data
 * in one of a few neutral shapes. Shapes are what lets any kind take any source and format that
 * can serve it.
 */
#ifndef RELAUDIT_MODEL_DATA_H
#define RELAUDIT_MODEL_DATA_H

#include "relaudit/base/buf.h"
#include "relaudit/base/macro.h"
#include "relaudit/model/verdict.h"

enum ra_shape {
	RA_SHAPE_BYTES = 1 << 0,	/* a source's raw bytes */
	RA_SHAPE_FIELDS = 1 << 1,	/* named single values: version, commit */
	RA_SHAPE_ITEMS = 1 << 2,	/* a list of things with time and size: backups */
	RA_SHAPE_LINES = 1 << 3,	/* the newest lines of a log */
	RA_SHAPE_KEYS = 1 << 4,		/* configuration: keys with their values, in the clear */
	RA_SHAPE_EXIT = 1 << 5,		/* a program's output with its exit code in `status` */
};

struct ra_field {
	const char *name;	/* the kind's selector, static */
	char *value;		/* owned */
};

struct ra_item {
	char *name;		/* owned: path, key, archive name */
	int64_t time;		/* wall ms */
	int64_t size;		/* bytes, RA_UNSET: not known */
};

/* A line inside the bytes of struct ra_input. */
struct ra_line {
	const char *text;
	size_t len;
};

enum ra_key_flag {
	RA_KEY_NULL = 1 << 0,	/* null, or a name without a value; its text is empty */
	RA_KEY_MAP = 1 << 1,	/* an empty map, as "{}" */
	RA_KEY_LIST = 1 << 2,	/* an empty list, as "[]" */
};

/* One key of a configuration. name and value are offsets into the texts, each NUL-terminated. */
struct ra_key {
	uint32_t name, name_len;
	uint32_t value, value_len;
	uint32_t line;		/* where it stands, from 1; 0: not known */
	uint32_t flags;		/* enum ra_key_flag */
};

#define RA_KEYS_MAX		500000
#define RA_KEY_NAME_MAX		4096
#define RA_KEYS_TEXT_MAX	((size_t)64 << 20)

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
			size_t others;	/* names beside them that are no regular files */
		} items;
		struct {
			struct ra_line *list;	/* oldest first; texts borrowed from the input */
			size_t count;
		} lines;
		struct {
			struct ra_key *list;	/* as they stand; of equal names the last counts */
			size_t count;
			char *texts;
			size_t len, room;	/* of texts */
			bool pointers;		/* names are JSON Pointers (RFC 6901) */
			uint32_t skipped;	/* lines that whoever reads the file passes over */
			uint32_t skipped_line;	/* the first of them */
			bool marked;		/* as a byte order mark stands before it */
			struct ra_buf unread;	/* "LINE NAME" with a NUL each */
		} keys;
	};
};

void ra_data_free(struct ra_data *d);	/* wipes the texts of keys */
const char *ra_data_field(const struct ra_data *d, const char *name);	/* NULL: none */
int ra_data_add_field(struct ra_data *d, const char *name, const char *value, size_t len);
int ra_data_add_item(struct ra_data *d, const char *name, int64_t time, int64_t size);
int ra_data_add_line(struct ra_data *d, const char *text, size_t len);
/* Makes d one of keys, with room for so many bytes of texts: a hint. 0, -ENOMEM, -EINVAL. */
int ra_data_reserve_keys(struct ra_data *d, size_t bytes);
/* 0, -ENOMEM, -EMSGSIZE beyond a limit above. */
int ra_data_add_key(struct ra_data *d, const char *name, size_t name_len, const char *value,
    size_t value_len, uint32_t line, unsigned flags);
/*
 * A name, not empty, that stands where no key is read, but that who reads the file may take for
 * one after all. Of very many the last is "", for any. Makes d one of keys. 0, -ENOMEM.
 */
int ra_data_add_unread(struct ra_data *d, const char *name, size_t len, uint32_t line);
const char *ra_data_key_name(const struct ra_data *d, size_t i);
const char *ra_data_key_value(const struct ra_data *d, size_t i);

#define RA_VALIDATOR_MAX	160

/*
 * What one source brought for one instance, or why it did not. On failure `reason` is not RA_R_OK
 * and `error` says what happened, in one line.
 */
struct ra_input {
	enum ra_reason reason;
	char *error;		/* owned; why it was not read, or of a command that was: the
				   first line of its stderr. NULL: nothing */
	char *where;		/* owned: URL or path, without secrets */
	char *bytes;		/* owned, NUL-terminated, len without the NUL */
	size_t len;
	bool cut;		/* bytes are the last part of something longer */
	int64_t modified;	/* wall ms: mtime or Last-Modified; 0 not known */
	int64_t fetched;	/* wall ms when it was read */
	int64_t age;		/* ms since its server said it, to a cache; 0: none, not known */
	int64_t latency_ms;
	int status;		/* HTTP status, exit code; 0 none */
	bool unchanged;		/* what was known before still holds; there are no bytes */
	char validator[RA_VALIDATOR_MAX];	/* what to ask with next time; "": none */
	struct ra_data listing;	/* RA_SHAPE_ITEMS where the source lists by itself, else shape 0 */
};

void ra_input_clear(struct ra_input *in);
/* Records a failure: reason and printf text; keeps `where`. */
void ra_input_fail(struct ra_input *in, enum ra_reason reason, const char *fmt, ...)
    RA_PRINTF(3, 4);

#endif
