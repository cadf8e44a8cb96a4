/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relauditctl: what its files share. One command is one file, cmd_NAME.c, with its table entry on
 * top. Commands return the exit code; what went wrong is in a struct ra_error and printed once, by
 * ra_ctl_main.
 */
#ifndef RELAUDIT_CTL_CTL_H
#define RELAUDIT_CTL_CTL_H

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/error.h"

#include "term.h"

#define RA_CTL_SOCKET	  "/run/relaudit/relauditd.sock"
#define RA_CTL_SCHEMA	  "relaudit/1"
#define RA_CTL_TIMEOUT	  (30 * INT64_C(1000))
#define RA_CTL_ANSWER_MAX ((size_t)256 << 20)

/* Beside 0..3, the numbers of verdicts. */
enum ra_ctl_exit {
	RA_CTL_DONE = 0,
	RA_CTL_REFUSED = 2,
	RA_CTL_USAGE = 64,
	RA_CTL_UNAVAILABLE = 69,
};

enum ra_ctl_output {
	RA_CTL_TABLE = 1 << 0,
	RA_CTL_JSON = 1 << 1,
	RA_CTL_CSV = 1 << 2,
	RA_CTL_NAGIOS = 1 << 3,
	RA_CTL_MARKDOWN = 1 << 4,
	RA_CTL_DIFF = 1 << 5,
};

/* What the shell may offer in a place. */
enum ra_ctl_complete {
	RA_CTL_NOTHING,
	RA_CTL_WORDS, /* those of `words` */
	RA_CTL_SELECTORS, /* ENV and ENV/CHECK, asked of the daemon */
	RA_CTL_ENVIRONMENTS,
	RA_CTL_COMMANDS,
	RA_CTL_FILES,
};

struct ra_ctl_option {
	const char *name; /* NULL ends a table */
	char letter; /* '\0': none */
	const char *value; /* what it takes, as the help calls it; NULL: nothing */
	const char *help;
	enum ra_ctl_complete complete;
	const char *words;
};

/* An option as it was given. value is NULL if it takes none. */
struct ra_ctl_given {
	const char *name;
	const char *value;
};

struct ra_ctl;

struct ra_ctl_command {
	const char *name;
	const char *usage; /* the arguments; "" for none */
	const char *summary;
	const char *details; /* paragraphs for the help; NULL: none */
	const struct ra_ctl_option *options; /* NULL: none of its own */
	unsigned least, most; /* arguments */
	unsigned outputs; /* set of enum ra_ctl_output */
	bool any_option; /* --NAME VALUE is passed on for any name */
	enum ra_ctl_complete complete;
	const char *words;
	int (*run)(struct ra_ctl *ctl, struct ra_error *err);
};

#define RA_CTL_MANY UINT_MAX

extern const struct ra_ctl_command *const ra_ctl_commands[]; /* NULL-ended, in order of use */
extern const struct ra_ctl_option ra_ctl_globals[];

struct ra_ctl {
	FILE *out, *err;
	struct ra_ctl_term term;
	/* from the arguments */
	const struct ra_ctl_command *command;
	const char **args;
	size_t arg_count;
	struct ra_ctl_given *given;
	size_t given_count;
	enum ra_ctl_output output;
	enum ra_ctl_color color;
	const char *socket; /* as given, or the default */
	const char *host; /* NULL: this machine */
	int64_t timeout;
	bool timeout_given;
	/* the connection */
	struct ra_ctl_ssh *ssh;
	size_t answer_max;
	int lost; /* negative errno: an answer was not whole, so it was not printed */
};

/* main.c's only call. Returns the exit code. */
int ra_ctl_main(int argc, char **argv, FILE *out, FILE *err);

/* args.c */
/*
 * Reads the arguments into ctl. 0: run ctl->command; else -ECANCELED (help or version was printed)
 * or -EINVAL with err.
 */
int ra_ctl_parse(struct ra_ctl *ctl, int argc, char **argv, struct ra_error *err);
const struct ra_ctl_command *ra_ctl_command(const char *name); /* NULL: none */
bool ra_ctl_has(const struct ra_ctl *ctl, const char *option);
const char *ra_ctl_value(const struct ra_ctl *ctl, const char *option); /* the last; NULL: none */
/* 0, or RA_CTL_USAGE if an argument is not ENV (or ENV/CHECK, where checks is set). */
int ra_ctl_check_selectors(const struct ra_ctl *ctl, bool checks, struct ra_error *err);

/* cmd_help.c */
void ra_ctl_usage(struct ra_buf *out);
void ra_ctl_command_help(const struct ra_ctl_command *command, struct ra_buf *out);

/* manual.c */
/* What docs/man/page asks for: not in the tables, so neither help nor completions offer it. */
bool ra_ctl_manual(const char *argument, struct ra_buf *out);

/* ctl.c */
/* Prints and flushes, for as far as there is somebody reading. -EPIPE, -EIO. */
int ra_ctl_print(struct ra_ctl *ctl, const struct ra_buf *text);
/* "relauditctl: text" on stderr; what came from outside in it is escaped here. */
void ra_ctl_complain(struct ra_ctl *ctl, const char *text);

#endif
