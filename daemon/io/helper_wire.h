/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop and its helper say to each other over a stream socket: frames of a head and `len`
 * bytes. Both ends are the same program, so numbers are as the machine has them. Neither end
 * believes the other: a head that cannot be ends the connection.
 */
#ifndef RA_IO_HELPER_WIRE_H
#define RA_IO_HELPER_WIRE_H

#include <sys/uio.h>

#include "relaudit/base/buf.h"
#include "relaudit/io/helper.h"

#define RA_WIRE_FD		3	/* the helper's end, in the helper */
#define RA_WIRE_BYTES_MAX	((size_t)32 << 20)	/* of one file's content */
#define RA_WIRE_FRAME_MAX	((size_t)64 << 20)
#define RA_HELPER_STARVED  100 /* ms until what found no memory is read again */

enum ra_wire_type {
	RA_WIRE_FILE = 1,	/* to the helper: struct ra_wire_file, path, NUL */
	RA_WIRE_CANCEL,		/* to the helper: nothing more */
	RA_WIRE_ANSWER,		/* back: content, NUL, error, NUL, items, struct ra_wire_answer */
	RA_WIRE_RUN,	/* to the helper: struct ra_wire_run, texts (each with its NUL), input */
	RA_WIRE_RAN,		/* back: output, NUL, error, NUL, stderr, NUL, struct ra_wire_ran */
};

struct ra_wire_head {
	uint32_t magic;
	uint32_t type;
	uint64_t id;
	uint64_t len;
};

struct ra_wire_file {
	int64_t deadline;
	uint64_t max_bytes, max_entries, max_items;
	struct ra_file_stamp known;
	uint32_t want;
	uint8_t glob, follow, stamp, zero;
};

/* At the end, so that the content is where memory of its own begins. */
struct ra_wire_answer {
	uint64_t len, error_len, item_count, matched, others, inode;
	uint64_t workers, abandoned;	/* of the helper, by now */
	struct ra_file_stamp stamp;
	uint32_t reason;
	uint16_t cut, unchanged;
};

/* Followed by its name and a NUL. */
struct ra_wire_item {
	int64_t time, size;
	uint64_t name_len;
};

/* Texts are those of argv, environment, allow, then the folder, "" for none. */
struct ra_wire_run {
	int64_t deadline;
	uint64_t max_output, input_len;
	uint32_t args, variables, allowed, zero;
};

#define RA_WIRE_TEXTS_MAX	1000	/* of a run */

struct ra_wire_ran {
	uint64_t len, error_len, errors_len;
	uint32_t reason;
	int32_t exit_code;
};

/* Cuts a stream into frames. Zeroed to begin with. */
struct ra_wire_reader {
	char *buf;
	size_t at, len;
	struct ra_wire_head head;
	char *payload;	/* of the frame that is being read */
	size_t got;
	int receives;	/* left of this turn, so that one never takes long */
};

void ra_wire_reader_clear(struct ra_wire_reader *r);
/*
 * 1 with a frame (its payload owned by the caller, NUL-terminated), 0: no more for now; -EPIPE at
 * the end of the stream, -EPROTO if it is no such stream, or what recv or malloc said.
 */
int ra_wire_next(struct ra_wire_reader *r, int fd, struct ra_wire_head *ret, char **ret_payload);

struct ra_wire_head ra_wire_head(enum ra_wire_type type, uint64_t id, size_t len);
/* All of it, waiting for room. 0 or negative errno. */
int ra_wire_send(int fd, struct iovec *parts, size_t count);

/* Takes a request out of a payload, which it borrows. 0 or -EPROTO. */
int ra_wire_request(const struct ra_wire_head *head, const char *payload,
    struct ra_file_request *ret);
/*
 * Takes an answer out of a payload, which it borrows; *ret_items is the caller's to free. content
 * begins where the payload does. 0, -EPROTO or -ENOMEM.
 */
int ra_wire_take(const struct ra_wire_head *head, char *payload, struct ra_wire_answer *ret_wire,
    struct ra_file_answer *ret, struct ra_item **ret_items);

/* --- helper_run.c --- */

/* Adds head and body of a request to out. 0, -ENOMEM, -EMSGSIZE, -E2BIG: too many texts. */
int ra_wire_put_run(struct ra_buf *out, uint64_t id, const struct ra_child_request *q);
/*
 * Takes a run out of a payload, which it borrows; *ret_texts is the caller's to free and holds what
 * the request points to. 0, -EPROTO or -ENOMEM.
 */
int ra_wire_run(const struct ra_wire_head *head, const char *payload,
    struct ra_child_request *ret, const char ***ret_texts);
/* Sends an answer, in the helper. */
void ra_wire_send_ran(uint64_t id, const struct ra_child_answer *answer);
/* Takes an answer out of a payload, which it borrows; the output begins where the payload does. */
int ra_wire_ran(const struct ra_wire_head *head, char *payload, struct ra_child_answer *ret);

#endif
