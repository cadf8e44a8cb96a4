/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the store and the kernel: counts what changes the state folder, dies or fails at the
 * N-th, and keeps a journal of it all in memory that survives the process. The functions of libc
 * that SQLite and the store call are defined here and go to the kernel themselves.
 */
#ifndef RELAUDIT_TESTS_STORE_SHIM_H
#define RELAUDIT_TESTS_STORE_SHIM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SHIM_ENTRIES 8192
#define SHIM_DATA    ((size_t)32 << 20)
#define SHIM_NAME    80
#define SHIM_KEYS    4

enum shim_op {
	SHIM_CREATE,	/* name */
	SHIM_WRITE,	/* file, offset, data */
	SHIM_TRUNCATE,	/* file, offset: the new length */
	SHIM_SYNC,	/* file */
	SHIM_SYNC_FAILED, /* file: what was not synced is lost for good */
	SHIM_SYNC_FOLDER,
	SHIM_RENAME,	/* name, to */
	SHIM_LINK,	/* name, to */
	SHIM_UNLINK,	/* name */
	SHIM_PUT,	/* key, number: said to be put */
	SHIM_ACK,	/* key, number: said to be kept */
};

enum shim_fault {
	SHIM_ERROR,	/* fails with fault_errno */
	SHIM_SHORT,	/* a write takes one byte */
};

struct shim_entry {
	enum shim_op op;
	int file;	/* one for each file that ever was */
	int key;
	unsigned number;
	uint64_t offset;
	size_t len, data;
	char name[SHIM_NAME], to[SHIM_NAME];
};

/* Shared with the children. */
struct shim {
	pthread_mutex_t lock;
	char folder[128];	/* nothing outside it counts */
	unsigned ops;		/* so far */
	unsigned kill_at;	/* dies right before this one; 0: never */
	unsigned fault_at, fault_count;
	enum shim_fault fault;
	int fault_errno;
	bool fault_only_sync;	/* count syncs alone */
	unsigned faults;	/* that were injected */
	bool record;
	int files;
	size_t entries, data_len;
	struct shim_entry entry[SHIM_ENTRIES];
	uint8_t data[SHIM_DATA];
};
extern struct shim *shim;

void shim_new(void);
/* A child died, perhaps with the lock. */
void shim_revive(void);
/* Forgets everything, for this folder. */
void shim_reset(const char *folder);
/* The driver's own entries. */
void shim_note(enum shim_op op, int key, unsigned number);
/* A file of the folder that is already there and safe on disk. */
void shim_add_file(const char *name, const void *data, size_t len);

/* --- store_states.c --- */

/* What a disk may hold after its power went at entry `at`: written as files into folder. */
void states_write(size_t at, bool orderly, const char *folder);
/* What was put and acknowledged before that. */
void states_told(size_t at, unsigned tried[SHIM_KEYS], unsigned acked[SHIM_KEYS]);
uint32_t states_random(void);
void states_seed(uint64_t seed);

#endif
