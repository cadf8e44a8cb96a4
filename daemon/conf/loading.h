/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration while it is loaded. */
#ifndef RA_CONF_LOADING_H
#define RA_CONF_LOADING_H

#include "relaudit/conf/config.h"

#include "tree.h"

#define RA_FILE_MAX	((size_t)4 * 1024 * 1024)
#define RA_FILES_MAX	20000
#define RA_DEPTH_MAX	64
#define RA_NODES_MAX	((size_t)2 * 1000 * 1000)	/* of all files, aliases counted in full */
#define RA_STEPS_MAX	((size_t)2 * 1000 * 1000)	/* ${...} looked up */
#define RA_TEXT_MAX	((size_t)64 * 1024)		/* a text, interpolated */
#define RA_SECRET_MAX	((size_t)64 * 1024)

struct ra_file {
	const char *path;
	const char *text;
	size_t len;
	uint64_t device, inode;
	const struct ra_file *parent;	/* that included it */
};

struct ra_said;

struct ra_loading {
	const struct ra_conf_load *load;
	struct ra_config *config;	/* being built; what stays lives in its arena */
	struct ra_arena *trees;		/* what does not */
	int fatal;			/* -ENOMEM, -E2BIG: nothing more can be done */
	size_t nodes_left, steps_left;
	struct ra_file **files;
	size_t file_count;
	struct ra_map inodes;
	/* errors */
	struct ra_said *said;
	size_t said_count, said_more;
	struct ra_map said_index;
	/* what is read or made once */
	struct ra_map kept;		/* texts in the configuration's arena */
	struct ra_map secrets;		/* "file:/path" -> struct ra_secret */
	struct ra_map contents;		/* path of a CA -> digest of its content */
	struct ra_map watched;
	struct ra_map bound;		/* content -> struct ra_bound */
	struct ra_map templates;	/* name -> struct ra_template */
	struct ra_map peerings;		/* id -> struct ra_peering */
	struct ra_map names;		/* environments and aliases -> where they are given */
	struct ra_buf key, content;	/* scratch */
	/* the parts that checks refer to */
	const struct ra_node *defaults;
	const struct ra_node *connections;
	const struct ra_node *services;
	const struct ra_node **kind_defaults;	/* by kind: `defaults` and its `kinds` merged */
	/* what has been built, unsorted */
	struct ra_environment **environments;
	size_t environment_count;
	size_t check_count;
	/* --print: the id asked for, NULL: none */
	const char *print;
	struct ra_buf *print_out;
	bool printed;
};

/* --- say.c --- errors, kept until the end, each mistake once */

void ra_say(struct ra_loading *l, struct ra_mark at, const char *fmt, ...) RA_PRINTF(3, 4);
/* The same for what depends on the environment that a template is used in: told is the first. */
void ra_say_used(struct ra_loading *l, struct ra_mark at, const char *environment,
    const char *fmt, ...) RA_PRINTF(4, 5);
/* "; did you mean 'x'?" or "" */
#define RA_HINT_TEXT	160
struct ra_hint {
	char text[RA_HINT_TEXT];
};
struct ra_nearest;
const char *ra_say_nearest(const struct ra_nearest *n, struct ra_hint *hint);
/* That it is no name; what: "service". */
void ra_say_name(struct ra_loading *l, struct ra_mark at, const char *name, const char *what);
/* Notes that memory is out; returns NULL. */
void *ra_say_no_memory(struct ra_loading *l);
/* All that was said, sorted, into errors. */
void ra_say_all(struct ra_loading *l, struct ra_errors *errors);
/* "file:line:col" */
const char *ra_say_place(const struct ra_loading *l, struct ra_mark at, struct ra_hint *hint);

/* A text in the configuration's arena, each once. */
const char *ra_keep(struct ra_loading *l, const char *text);

/* --- yaml.c --- */

/* NULL: it is no YAML (said), or the load must end. An empty file is an empty map. */
const struct ra_node *ra_yaml_parse(struct ra_loading *l, uint16_t file);

/* --- files.c --- */

/* Reads the first file and all it includes, and unites them. NULL: an error was said. */
const struct ra_node *ra_files_load(struct ra_loading *l, const char *path);
/* Adds a file that is in memory; -1: none. */
int ra_files_add(struct ra_loading *l, const char *path, const char *text, size_t len);
/* At most max bytes of a regular file. 0, or negative errno with err. *ret is NUL-terminated. */
int ra_files_read(const char *path, size_t max, struct ra_buf *ret, struct ra_error *err);
/* "sha256:..." over all files. */
const char *ra_files_digest(struct ra_loading *l);

/* --- merge.c --- */

/*
 * `over` upon `base` (NULL: nothing): maps merge, else it replaces; `key+` appends, null removes.
 */
const struct ra_node *ra_merge(
    struct ra_loading *l, const struct ra_node *base, const struct ra_node *over);
/* Takes the scope off a node; NULL scope: has none. */
const struct ra_node *ra_unwrap(const struct ra_node *node, const struct ra_scope **ret_scope);

/* --- interpolate.c --- */

struct ra_scope {
	const struct ra_node *params;		/* of a template's use; NULL: none */
	const struct ra_node *vars;		/* NULL: none */
	const struct ra_node *checks;		/* the environment's own; NULL: none */
	const struct ra_scope *outer;		/* in which params are looked up; NULL: itself */
	const char *environment;
};

struct ra_secrets;

struct ra_holes {
	struct ra_loading *l;
	const char *check, *service;		/* NULL: none, or not known yet */
	const char *variable;			/* of `for`; NULL: none */
	const struct ra_node *value;		/* its value; NULL: this is not the source */
	bool used;				/* it stood somewhere, so that instances differ */
	bool keep;				/* ${variable} stays as it is written */
	struct ra_secrets *secrets;		/* collects values; NULL: no secrets here */
	const struct ra_trail *trail;
};

/* The node with all ${...} filled in, no longer SCOPED. NULL: the load must end. */
const struct ra_node *ra_interpolate(
    struct ra_holes *h, const struct ra_node *node, const struct ra_scope *scope);
/* A key; NULL: broken (said), or the load must end. */
const char *ra_interpolate_key(
    struct ra_holes *h, const struct ra_entry *entry, const struct ra_scope *scope);
/* Calls fn for each ${name} in the node. False as soon as fn returns false. */
bool ra_interpolate_names(const struct ra_node *node,
    bool (*fn)(void *arg, const char *name, size_t len), void *arg);
bool ra_variable_valid(const char *text, size_t len);

/* --- secret.c --- */

struct ra_secret {
	const char *value;		/* NULL: could not be read */
	struct ra_error error;
};

struct ra_secrets {
	const char **list;
	size_t count, cap;
};

void ra_secrets_clear(struct ra_secrets *s);
/* name is "env:NAME", "file:/path" or "credential:name". NULL: said, or the load must end. */
const char *ra_secret_read(struct ra_loading *l, struct ra_mark at, const char *name);
bool ra_secret_scheme(const char *name);
/* Blackens all secrets read so far. */
void ra_secret_scrub(const struct ra_loading *l, char *text);
/* value lives in the configuration's arena. */
int ra_secrets_add(struct ra_loading *l, struct ra_secrets *s, const char *value);
/* The forms in which secrets below node go over the wire: user:password in base64. */
int ra_secrets_derive(struct ra_loading *l, struct ra_secrets *s, const struct ra_node *node);
/* Longest first, in the configuration's arena. */
int ra_secrets_keep(struct ra_loading *l, struct ra_secrets *s, struct ra_check *c);
/* A file whose content counts: watched, its digest into out (zeros if it cannot be read). */
int ra_content_digest(struct ra_loading *l, const char *path, uint8_t out[32]);
/* Watched files into the configuration. */
int ra_watched_keep(struct ra_loading *l);

/* --- literal.c --- */

/*
 * A source's options, filled in, with what is a secret by its key or shape marked as one; s (NULL
 * allowed) collects them. NULL: the load must end.
 */
const struct ra_node *ra_literal_mark(
    struct ra_loading *l, struct ra_secrets *s, const struct ra_node *node);
/* Blackens such in a source line that is to be shown. */
void ra_literal_blacken(char *line);

/* --- bind.c --- */

/* In a section's table: known, described, and read by other code than bind.c. */
#define RA_OPT_SPECIAL	(1u << 30)

#define RA_WANTS_MAX	4

struct ra_bound {
	void *options;			/* NULL: the type has none */
	struct ra_want {
		const char *name;	/* of the option that does */
		unsigned flag;
	} wants[RA_WANTS_MAX];		/* of ra_conf_want */
	size_t want_count;
	bool has_content;
	uint8_t content[32];		/* digest of the files named with RA_OPT_CONTENT */
	const struct ra_selector *selectors;	/* of a kind's options */
	size_t selector_count;
};

/*
 * Binds a map (NULL: empty) into a new struct in the configuration's arena and prepares it. at is
 * what a missing option is reported at. 0, -EINVAL (said), or l->fatal.
 */
int ra_bind(struct ra_loading *l, const struct ra_conf_type *type, const struct ra_node *map,
    struct ra_mark at, struct ra_bound *ret);
const struct ra_option *ra_option_find(const struct ra_option *table, const char *name);
/* Says unknown keys of a map that is not bound as it stands. */
void ra_bind_check_keys(
    struct ra_loading *l, const struct ra_conf_type *type, const struct ra_node *map);

/* --- value.c --- */

/* What a number, duration, choice ... says. 0, or -EINVAL with err. */
int ra_value_number(const struct ra_option *o, const char *text, int64_t *ret,
    struct ra_error *err);
/* What is wrong with a path; NULL: nothing. */
const char *ra_value_path_error(const char *text);
/* "duration", "size": for errors and the manual. */
const char *ra_value_type_name(const struct ra_option *o);
/* "1 to 255"; "" without a range. */
const char *ra_value_range(const struct ra_option *o, struct ra_hint *hint);

/* --- tables.c, sections.c --- */

struct ra_environment_options {
	int64_t rank;
	struct ra_pairs labels;
	struct ra_texts aliases;
	struct ra_text owner, runbook;
};

struct ra_check_options {
	int64_t every, timeout, retry, confirm, recover, severity;
	struct ra_text kind, service, format;
};

extern const struct ra_conf_type ra_section_include;
extern const struct ra_conf_type ra_section_connection;
extern const struct ra_conf_type ra_section_template;
extern const struct ra_conf_type ra_section_environment;
extern const struct ra_conf_type ra_section_check;
extern const struct ra_conf_type ra_section_defaults;
extern const struct ra_conf_type ra_section_kind_defaults;
extern const struct ra_conf_type *const ra_sections[];	/* NULL-ended */

/* Everything but environments and templates. */
void ra_sections_build(struct ra_loading *l, const struct ra_node *root);
/* Says so, and returns false, unless it is a map; NULL and null are an empty one. */
bool ra_section_is_map(struct ra_loading *l, const struct ra_node *node, const char *name);

/* --- environment.c --- */

void ra_templates_build(struct ra_loading *l, const struct ra_node *templates);
void ra_templates_check_unused(struct ra_loading *l);
void ra_environments_build(struct ra_loading *l, const struct ra_node *environments);

/* --- registry.c --- */

int ra_registry_source(const struct ra_registry *r, const char *name);
int ra_registry_format(const struct ra_registry *r, const char *name);
int ra_registry_kind(const struct ra_registry *r, const char *name, size_t len);
/* Says that there is none such, and which there are. */
void ra_registry_say_source(struct ra_loading *l, const struct ra_entry *entry);
void ra_registry_say_format(struct ra_loading *l, struct ra_mark at, const char *name);
void ra_registry_say_kind(struct ra_loading *l, struct ra_mark at, const char *name);
/* True if it may stand in a check of any kind. */
bool ra_registry_knows(const struct ra_registry *r, const char *key);
/* "lines", "fields or items" */
const char *ra_registry_shapes(unsigned shapes, struct ra_hint *hint);

/* --- check.c, check_source.c, check_bind.c --- */

struct ra_check_build {
	struct ra_loading *l;
	const struct ra_registry *registry;
	const struct ra_scope *scope;		/* the environment's */
	const struct ra_environment *environment;
	const char *name;
	struct ra_mark at;			/* of its name */
	const struct ra_node *merged;		/* all layers */
	struct ra_holes holes;
	struct ra_secrets secrets;
	struct ra_check *check;
	const struct ra_entry *source;		/* in merged */
	struct ra_builder kind, format, common, expect, warn;	/* options, filled in */
	struct ra_mark expect_at, warn_at;
	const char *version_name;		/* the option that looks at the version that runs */
	struct ra_mark version_at;
	bool wrong;				/* something was said */
	struct ra_buf content;			/* all that the fingerprint is of */
	size_t times, times_end;		/* what of it says when it is run */
};

/*
 * Of content that begins with the load's key, or of such a fingerprint and what comes to it: with
 * the key first and only half of the digest coming out as good as an HMAC. 0 or -ENOMEM.
 */
int ra_fingerprint(const struct ra_buf *content, uint8_t out[16]);
/*
 * layers: a list of maps, from weak to strong. NULL back where it is wrong (said) or the load must
 * end.
 */
struct ra_check *ra_check_build(struct ra_loading *l, const struct ra_scope *scope,
    const struct ra_environment *environment, const char *name, struct ra_mark at,
    const struct ra_node *layers);
/* Instances and what each asks; *ret is the source as it is printed. */
int ra_check_build_source(struct ra_check_build *b, const struct ra_node **ret);
/* A name in which no secret may stand, as it is said in errors. NULL: the load must end. */
const struct ra_node *ra_check_fill_name(
    struct ra_check_build *b, const struct ra_node *node, const struct ra_scope *scope);
/* Binds once what has the same content. role keeps apart what is not the same thing. */
int ra_check_bind(struct ra_check_build *b, const char role[2], const struct ra_conf_type *type,
    const struct ra_node *map, struct ra_mark at, const struct ra_bound **ret);

/* The sorted options into the check. 0, -EINVAL (said), or l->fatal. */
int ra_check_bind_kind(struct ra_check_build *b);
int ra_check_bind_format(struct ra_check_build *b);
int ra_check_bind_words(struct ra_check_build *b);
int ra_check_bind_common(struct ra_check_build *b);

/* --- peer.c --- */

struct ra_peering;
/* Notes what a check wants of others; they may not be built yet. 0, -EINVAL (said), or fatal. */
int ra_peers_note(struct ra_check_build *b);
/* Finds them, once all are built and indexed. */
void ra_peers_resolve(struct ra_loading *l);

/* --- layers.c --- */

/* The kind's index by `kind:` of the strongest layer that has it, else by name; -1: none (said). */
int ra_layers_kind(struct ra_loading *l, const struct ra_scope *scope, const char *name,
    struct ra_mark at, const struct ra_node *layers);
/* Defaults and layers merged. NULL: the load must end. */
const struct ra_node *ra_layers_merge(struct ra_loading *l, const struct ra_scope *scope, int kind,
    const struct ra_node *layers);

/* --- print.c --- */

/* If it is the one asked for. source: with its connection, not yet filled in. */
void ra_print_check(struct ra_check_build *b, const struct ra_node *source);

#endif
