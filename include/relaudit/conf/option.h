/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options are data. A kind, source, format or section of the file describes its options in one
 * table; the table drives parsing with positions and nearest names, `relauditd --describe` and the
 * manual's lists.
 */
#ifndef RELAUDIT_CONF_OPTION_H
#define RELAUDIT_CONF_OPTION_H

#include "relaudit/base/arena.h"
#include "relaudit/base/error.h"

/*
 * A text from configuration. `value` is for use; `shown` is for people: the same pointer, unless a
 * secret flowed in, then with the secret parts as "***".
 */
struct ra_text {
	const char *value;	/* NULL: not set */
	const char *shown;
};

struct ra_texts {
	const struct ra_text *list;
	size_t count;
};

struct ra_pair {
	const char *name;
	struct ra_text text;
};

struct ra_pairs {
	const struct ra_pair *list;
	size_t count;
};

/* Option type -> C type of the member at `offset` (what it holds when not set). */
enum ra_option_type {
	RA_OPT_BOOL,		/* int64_t 0/1 (RA_UNSET) */
	RA_OPT_INT,		/* int64_t (RA_UNSET) */
	RA_OPT_DURATION,	/* int64_t ms (RA_UNSET) */
	RA_OPT_SIZE,		/* int64_t bytes (RA_UNSET) */
	RA_OPT_PERCENT,		/* int64_t hundredths of a percent (RA_UNSET) */
	RA_OPT_CHOICE,		/* int64_t index into choices (RA_UNSET) */
	RA_OPT_TEXT,	/* struct ra_text (value NULL); any scalar, not empty unless RA_OPT_EMPTY */
	RA_OPT_PATH,		/* struct ra_text; absolute, no "..", no trailing slash trouble */
	RA_OPT_TEXTS,	/* struct ra_texts (count 0); a list, or one scalar for a list of one */
	RA_OPT_PAIRS,		/* struct ra_pairs (count 0); a map of scalars */
	RA_OPT_TABLE,		/* pointer to a struct described by `table` (NULL) */
	/*
	 * As RA_OPT_TABLE, of a struct that begins with struct ra_input_conf: a further input of
	 * the check, with a `format:` of its own and that format's options.
	 */
	RA_OPT_INPUT,
};

struct ra_input_conf {
	uint16_t format;		/* index into the registry; RA_NO_FORMAT: as the check */
	void *format_options;
};

#define RA_NO_FORMAT	UINT16_MAX

enum ra_option_flag {
	RA_OPT_REQUIRED = 1 << 0,
	RA_OPT_EMPTY = 1 << 1,		/* an empty text is allowed */
	RA_OPT_SELECTOR = 1 << 2,	/* of a kind: handed to the format (struct ra_selector) */
	RA_OPT_NO_SECRET = 1 << 3,	/* may not hold a secret: it is shown and compared */
	RA_OPT_SOURCE = 1 << 4,		/* a selector for the source (a response header): the
					   format's check of selectors is not called, and the
					   default format is text */
	RA_OPT_CONTENT = 1 << 5,	/* a path whose file counts as part of the configuration (a
					   CA, a key): watched, and in the fingerprint */
	RA_OPT_PEER = 1 << 7,		/* a text of an expectation that names another check to
					   hold this one against: ENV, or ENV/CHECK (struct
					   ra_check_peer) */
	RA_OPT_VARIABLES = 1 << 8,	/* texts of a kind that name variables of the
					   environment (ra_check.variables) */
	RA_OPT_REPOSITORY = 1 << 9,	/* of an expectation: the check's service, or the product,
					   must have a repository */
	RA_OPT_VERSION = 1 << 10,	/* the check looks at the version that runs: its service
					   must have a check of kind version in its environment */
	RA_OPT_INSTANCES = 1 << 11,	/* of an expectation: the check must have `for` */
	RA_OPT_READING = 1 << 12,	/* of a kind: what is made of the same bytes depends on it,
					   so that snapshots by other words are not compared */
	RA_OPT_NEWEST = 1 << 13,	/* of a source: picks one of several files, which is not
					   for kinds that take keys and values */
	RA_OPT_MAIN = 1 << 6,	/* of a source: may stand for the whole map, `exec: [...]` */
};

struct ra_option {
	const char *name;		/* NULL ends a table */
	enum ra_option_type type;
	size_t offset;
	unsigned flags;
	const char *fallback;		/* the default, in configuration's words; NULL: none */
	int64_t min, max;		/* of the number; both 0: no range */
	const char *const *choices;	/* NULL-ended */
	const struct ra_option *table;	/* RA_OPT_TABLE */
	size_t table_size;
	const char *help;		/* one line for the manual */
};

/* Where the options of one thing stand, for errors found by its own `prepare`. */
struct ra_conf_place;

/*
 * Reports an error at the key `name` (NULL: at the map itself; "headers/X" style paths reach into
 * nested maps and lists) of the options being prepared. May be called any number of times.
 */
void ra_conf_complain(struct ra_conf_place *place, const char *name, const char *fmt, ...)
    RA_PRINTF(3, 4);

/*
 * The option `name` (static) wants what RA_OPT_VERSION or RA_OPT_REPOSITORY says: for what only its
 * value tells.
 */
void ra_conf_want(struct ra_conf_place *place, const char *name, unsigned flag);

/* Folders that `daemon: exec: allow:` names, NULL-ended; NULL: commands are off. */
const char *const *ra_conf_exec_allow(const struct ra_conf_place *place);

/*
 * What every kind, source and format begins with. `prepare` (may be NULL) runs once after the
 * options were bound, checks what a table cannot say and compiles what is compiled once (pattern,
 * range); what it makes lives in the arena (ra_arena_defer for what needs freeing). Its complaints
 * refuse the configuration. -ENOMEM is its only error.
 */
struct ra_conf_type {
	const char *name;
	const char *help;		/* one line */
	const struct ra_option *options;
	size_t size;			/* of the struct that `options` fill; 0: none */
	int (*prepare)(void *options, struct ra_arena *arena, struct ra_conf_place *place);
};

#endif
