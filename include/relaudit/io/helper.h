/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper: a small process beside the loop, re-executed from the same binary, that looks at
 * files (and later starts children), so that the loop process never touches a foreign file system
 * and never forks. Files are looked at in at most 8 workers, in lanes per mount: a worker stuck in
 * a dead mount is abandoned, never waited for. If the helper dies it is started again, by a keeper
 * between the two which does nothing else, and what was under way ends with RA_R_HELPER.
 */
#ifndef RELAUDIT_IO_HELPER_H
#define RELAUDIT_IO_HELPER_H

#include "relaudit/base/error.h"
#include "relaudit/model/data.h"

struct ra_loop;
struct ra_helper;
struct ra_helper_job;

enum ra_file_want {
	RA_FILE_STAT,		/* each file: name, mtime, size */
	RA_FILE_READ,		/* the content of one file, from its start, whole or not at all */
	RA_FILE_TAIL,		/* the last max_bytes of one file, from the start of a line */
};

/* A file as it was when it was read: equal where nothing was written since. All 0: not known. */
struct ra_file_stamp {
	uint64_t device, inode;
	int64_t size;
	int64_t modified, changed;	/* ns since the epoch */
};

/* All borrowed until ra_helper_file returns. */
struct ra_file_request {
	enum ra_file_want want;
	const char *path;	/* absolute; a plain path, or a glob: * ? [] in any component */
	bool glob;
	bool follow;		/* follow a symbolic link as the last component */
	size_t max_bytes;	/* READ, TAIL */
	bool stamp;		/* READ: a stamp is wanted, which costs a system call */
	struct ra_file_stamp known;	/* READ: if it is still so, it is opened and not read */
	size_t max_entries;	/* of any folder read; 0: 100,000 */
	size_t max_items;	/* returned; newest by mtime win; 0: 10,000 */
	int64_t deadline;	/* monotonic ms */
};

struct ra_file_answer {
	enum ra_reason reason;	/* RA_R_OK or FILE_* , TIMEOUT -> FILE_HUNG, BODY_TOO_LARGE,
				   HELPER */
	const char *error;	/* one line with path and errno's words */
	const struct ra_item *items;	/* STAT: newest first. READ/TAIL: the one file read */
	size_t item_count;	/* a glob that matches nothing: 0 items, RA_R_OK, if its folder is
				   readable; FILE_MISSING if the folder before the first wildcard
				   does not exist */
	size_t matched;		/* before max_items */
	size_t others;		/* names that a glob matches and that are no regular file */
	char *bytes;		/* READ/TAIL: may be taken (set to NULL) */
	size_t len;
	bool cut;		/* TAIL: there is more before */
	uint64_t inode;
	bool unchanged;		/* READ: as `known` says; there are no bytes */
	/*
	 * READ: of what was read. None if it was written within the last 2 s, as one more change
	 * might not show, nor on file systems whose times do not tell of every change.
	 */
	struct ra_file_stamp stamp;
};

/*
 * Called first thing in main(): if this process was started as the helper or as its keeper, runs it
 * and returns its exit code; else returns -1.
 */
int ra_helper_main(int argc, char **argv);

/* exe: NULL for /proc/self/exe. */
int ra_helper_new(struct ra_loop *loop, const char *exe, struct ra_helper **ret,
    struct ra_error *err);
/* Tells it to end, does not wait for stuck workers, reaps it. */
void ra_helper_free(struct ra_helper *h);
int ra_helper_file(struct ra_helper *h, const struct ra_file_request *request,
    void (*done)(void *arg, struct ra_file_answer *answer), void *arg,
    struct ra_helper_job **ret);
/* All borrowed until ra_helper_run returns. */
struct ra_child_request {
	const char *const *argv;	/* NULL-ended; the first is an absolute path */
	const char *const *environment;	/* NULL-ended, "NAME=value": all that it gets */
	const char *const *allow;	/* NULL-ended folders; the real path must be below one of
					   them */
	const char *folder;		/* to run in; NULL: "/" */
	const void *input;		/* its stdin; NULL: nothing */
	size_t input_len;
	size_t max_output;		/* of stdout; a child that writes more is ended */
	int64_t deadline;		/* monotonic ms; then TERM, a second later KILL */
};

#define RA_CHILD_ERRORS	4096		/* kept of stderr, the first */

struct ra_child_answer {
	enum ra_reason reason;	/* RA_R_OK: it ended by itself, see exit_code. EXEC_*, TIMEOUT,
				   BODY_TOO_LARGE, HELPER, NO_MEMORY, NO_DESCRIPTORS */
	const char *error;	/* one line, with reason */
	int exit_code;
	char *output;		/* NUL-terminated, may be taken (set to NULL) */
	size_t len;
	const char *errors;	/* stderr; NUL-terminated */
};

/*
 * Runs a program in a session of its own under limits (CPU, file size, descriptors, no core), with
 * this environment, descriptors 0 to 2, an empty signal mask, and nothing else of ours.
 * No component of its path may be writable by others than root and us. When it ends, so does
 * everything it started. done as in ra_helper_file.
 */
int ra_helper_run(struct ra_helper *h, const struct ra_child_request *request,
    void (*done)(void *arg, struct ra_child_answer *answer), void *arg,
    struct ra_helper_job **ret);
/*
 * What ra_helper_run asks of a program, here: resolves path and looks at every component. None may
 * be writable by others than root and this user, and it must be below a folder of allow: -EPERM.
 * Any other negative errno: it is not there, or is nothing that we may see or run. ret_path:
 * PATH_MAX bytes.
 */
int ra_exec_check(const char *path, const char *const *allow, char *ret_path,
    enum ra_reason *ret_reason, struct ra_error *err);
/* Of either sort; a child is ended. */
void ra_helper_cancel(struct ra_helper_job *j);
int ra_helper_pid(const struct ra_helper *h);
struct ra_helper_stats {
	uint64_t jobs, restarts, abandoned;
	uint64_t workers;
	bool lost;		/* the keeper is gone: there will be no helper any more */
};
void ra_helper_stats(const struct ra_helper *h, struct ra_helper_stats *ret);

#endif
