/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: YAML files -> positioned trees -> includes united, templates applied,
 * ${...} interpolated -> tables checked -> this immutable, reference-counted value.
 *
 * Loading takes no part in the loop: it may run on a worker. References are taken and dropped on
 * the loop's thread only; workers borrow.
 */
#ifndef RELAUDIT_CONF_CONFIG_H
#define RELAUDIT_CONF_CONFIG_H

#include "relaudit/base/buf.h"
#include "relaudit/base/map.h"
#include "relaudit/conf/option.h"
#include "relaudit/model/verdict.h"

/* --- what may stand in a check; handed down by app from the generated registries --- */

/* `needs` and `serves` are sets of enum ra_shape. */
struct ra_conf_source {
	const struct ra_conf_type *type;
	unsigned serves;		/* RA_SHAPE_BYTES, and ITEMS/LINES where it can by itself */
};

struct ra_conf_format {
	const struct ra_conf_type *type;
	unsigned serves;		/* shapes it can make out of bytes */
	/* Checks a selector's text; NULL: takes none. 0, or -EINVAL with err. */
	int (*selector)(const char *text, struct ra_error *err);
};

struct ra_conf_kind {
	const struct ra_conf_type *type;
	const struct ra_conf_type *expectation;	/* the words under `expect` and `warn` */
	unsigned takes;			/* the shape(s) it judges, any of them will do */
	const char *format;		/* the format when none is given (NULL: the source must
					   serve a shape it takes by itself) */
};

struct ra_registry {
	const struct ra_conf_source *sources;
	size_t source_count;
	const struct ra_conf_format *formats;
	size_t format_count;
	const struct ra_conf_kind *kinds;
	size_t kind_count;
};

/* --- the result --- */

struct ra_selector {			/* an RA_OPT_SELECTOR option of the kind that was set */
	const char *name;		/* "version" */
	const char *text;		/* "/git/commit" */
};

struct ra_instance_conf {
	const char *name;	/* value of `for`; NULL for the only one of a check without it */
	void *source_options;
};

struct ra_environment;

#define RA_PEERS_MAX	8		/* of one check */

/*
 * Another check that this one is held against; or, with the option RA_PEER_VERSION, the one that
 * tells which version of the service runs here.
 */
#define RA_PEER_VERSION	"version"
struct ra_check_peer {
	const char *option;		/* that names it: "same-as" */
	bool warn;			/* under `warn`, not `expect` */
	const struct ra_check *check;	/* of the same kind, but for RA_PEER_VERSION */
};

struct ra_check {
	const char *id;			/* "production/backup-db" */
	const char *name;		/* "backup-db" */
	const struct ra_environment *environment;
	const char *service;		/* NULL: none */
	uint16_t source, format, kind;	/* indexes into the registry; format RA_NO_FORMAT: none */
	uint8_t confirm, recover;
	enum ra_verdict severity;	/* RA_WARNING caps CRITICAL; else RA_CRITICAL */
	void *format_options;
	void *kind_options;
	void *expect;			/* never NULL; all unset where there is none */
	void *warn;			/* NULL where there is none */
	const struct ra_selector *selectors;
	size_t selector_count;
	const struct ra_instance_conf *instances;
	size_t instance_count;
	bool many;			/* has `for` */
	const struct ra_check_peer *peers;
	size_t peer_count;
	const struct ra_check *const *dependents;	/* that have it as peer */
	size_t dependent_count;
	/*
	 * The variables that RA_OPT_VARIABLES names, and those that are named by peers and
	 * dependents: what is compared has them all.
	 */
	struct ra_pairs variables;
	int64_t every, timeout, retry;	/* ms */
	const char *const *secrets;	/* values to keep out of all that is shown, longest first */
	size_t secret_count;
	uint8_t fingerprint[16];	/* of the effective check, contents of secrets counted by
					   keyed digest: equal means "did not change" in this
					   process */
	uint8_t judged[16];		/* the same without when it is run and how often it takes
					   to be confirmed: equal means "is judged alike" */
	uint32_t index;			/* position in ra_config.checks */
};

struct ra_environment {
	const char *name;
	int64_t rank;			/* RA_UNSET: none given */
	struct ra_pairs labels;
	struct ra_texts aliases;
	const char *owner, *runbook;	/* NULL: none */
	const struct ra_check *const *checks;	/* sorted by name */
	size_t check_count;
	uint32_t index;
};

struct ra_daemon_conf {
	const char *socket_path;	/* "/run/relaudit/relauditd.sock" */
	const char *socket_group;	/* NULL: the daemon's own */
	const char *state;		/* "/var/lib/relaudit" */
	int64_t syslog_facility;	/* LOG_DAEMON ... */
	int64_t in_flight;		/* probes at once, default 1000 */
	int64_t per_host;		/* probes at once per host, default 8 */
	const char *const *exec_allow;	/* folders, NULL-ended; NULL: commands are off */
	int64_t history_keep;		/* ms, default 400d */
};

struct ra_access_conf {			/* who may besides uid 0: group names or people */
	struct ra_texts run, reload;
};

struct ra_person {
	const char *name, *user;	/* user: login name, NULL none */
};

struct ra_service_conf {
	const char *name;
	const char *repository_url, *repository_tag;	/* NULL: none */
};

/* A file as it was right before it was read; all 0 where it could not be looked at. */
struct ra_watched {
	const char *path;
	int64_t modified;	/* wall ms */
	int64_t size;
	uint64_t inode;
};

struct ra_config {
	unsigned refs;
	struct ra_arena *arena;
	const struct ra_registry *registry;
	struct ra_daemon_conf daemon;
	struct ra_access_conf access;
	const struct ra_person *people;
	size_t person_count;
	const char *product;		/* NULL: none */
	struct ra_service_conf product_repository;	/* name is the product's; URLs may be
							   NULL */
	const struct ra_service_conf *services;
	size_t service_count;
	const struct ra_environment *const *environments;	/* sorted by rank, then name */
	size_t environment_count;
	const struct ra_check *const *checks;	/* by environment, then name */
	size_t check_count;
	struct ra_map environments_by_name;	/* aliases too */
	struct ra_map checks_by_id;
	const char *digest;		/* "sha256:..." over all files read, hex */
	/*
	 * Files whose content flowed in as a secret, CA or key; a change of one calls for a
	 * reload.
	 */
	const struct ra_watched *watched;
	size_t watched_count;
};

struct ra_conf_load {
	const char *path;		/* the first file */
	const struct ra_registry *registry;
	bool offline;			/* do not read ${env:} ${file:} ${credential:}: "offline" */
	const char *credentials;	/* folder of ${credential:}, NULL: $CREDENTIALS_DIRECTORY */
	const uint8_t *fingerprint_key;	/* 32 bytes, the same for all loads of a process */
};

/*
 * Loads and checks everything; goes on after an error and reports them all, in order of file and
 * position. 0 with *ret_config (one reference), or -EINVAL with at least one error.
 */
int ra_config_load(const struct ra_conf_load *load, struct ra_config **ret_config,
    struct ra_errors *errors);
struct ra_config *ra_config_ref(struct ra_config *c);
void ra_config_unref(struct ra_config *c);

/* NULL: none. Names and aliases; "env/check" with the environment's alias too. */
const struct ra_environment *ra_config_environment(const struct ra_config *c, const char *name);
const struct ra_check *ra_config_check(const struct ra_config *c, const char *id);

/*
 * A check of its own, for `relauditctl try`: `yaml` is the map of one check, named `name` in an
 * environment "try". The same rules and errors (file "<try>").
 */
int ra_config_load_check(const struct ra_conf_load *load, const char *name, const char *yaml,
    size_t len, struct ra_config **ret_config, struct ra_errors *errors);

/*
 * Prints the effective check as YAML, each line with the file:line that set it as a comment;
 * secrets as "***". -ENOENT if there is no such check.
 */
int ra_config_print(const struct ra_conf_load *load, const char *id, struct ra_buf *out,
    struct ra_errors *errors);
/*
 * The whole list of options as text, or as scdoc for the manual: sections, kinds, sources,
 * formats.
 */
void ra_config_describe(const struct ra_registry *registry, const char *what, struct ra_buf *out,
    struct ra_errors *errors);
void ra_config_describe_scdoc(const struct ra_registry *registry, struct ra_buf *out);

/* What a reload would change, one line each ("+ production/x", "- ...", "~ ..."). */
void ra_config_diff(const struct ra_config *was, const struct ra_config *now, struct ra_buf *out);

#endif
