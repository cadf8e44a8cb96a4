/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of the file beside environments and templates. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/clock.h"
#include "relaudit/model/git_url.h"
#include "relaudit/model/name.h"
#include "relaudit/model/release.h"

#include "loading.h"

#define SOCKET_MAX 107 /* bytes of a Unix socket's path */
#define YEAR	   (366 * RA_DAY)

#define OPTION(where, word, kind, member, ...) \
	{ \
		.name = word, .type = kind, .offset = offsetof(struct where, member), __VA_ARGS__ \
	}

/* --- daemon --- */

struct socket_options {
	struct ra_text path, group;
};

struct syslog_options {
	int64_t facility;
};

struct history_options {
	int64_t keep;
};

struct exec_options {
	struct ra_texts allow;
};

struct daemon_options {
	struct socket_options *socket;
	struct ra_text state;
	struct syslog_options *syslog;
	int64_t in_flight, per_host;
	struct history_options *history;
	struct exec_options *exec;
	const char *const *exec_allow; /* by prepare */
};

static const struct ra_option socket_options[] = {
	OPTION(socket_options, "path", RA_OPT_PATH, path,
	    .fallback = "/run/relaudit/relauditd.sock", .flags = RA_OPT_NO_SECRET,
	    .help = "where relauditctl asks"),
	OPTION(socket_options, "group", RA_OPT_TEXT, group, .flags = RA_OPT_NO_SECRET,
	    .help = "the group that may ask; without it the daemon's own"),
	{ 0 },
};

static const char *const facility_names[] = { "daemon", "user", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7", "auth", "authpriv", "cron", "syslog",
	NULL };
static const int facilities[] = { LOG_DAEMON, LOG_USER, LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2,
	LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7, LOG_AUTH, LOG_AUTHPRIV,
	LOG_CRON, LOG_SYSLOG };

static const struct ra_option syslog_options[] = {
	OPTION(syslog_options, "facility", RA_OPT_CHOICE, facility, .choices = facility_names,
	    .fallback = "daemon", .help = "the facility of all messages"),
	{ 0 },
};

static const struct ra_option history_options[] = {
	OPTION(history_options, "keep", RA_OPT_DURATION, keep, .fallback = "400d", .min = RA_DAY,
	    .max = 100 * YEAR, .help = "how long results and events are kept"),
	{ 0 },
};

static const struct ra_option exec_options[] = {
	OPTION(exec_options, "allow", RA_OPT_TEXTS, allow,
	    .flags = RA_OPT_REQUIRED | RA_OPT_NO_SECRET,
	    .help = "folders, absolute; the programs that checks run must be in or below one"),
	{ 0 },
};

static const struct ra_option daemon_options[] = {
	OPTION(daemon_options, "socket", RA_OPT_TABLE, socket, .table = socket_options,
	    .table_size = sizeof(struct socket_options), .help = "the control socket"),
	OPTION(daemon_options, "state", RA_OPT_PATH, state, .fallback = "/var/lib/relaudit",
	    .flags = RA_OPT_NO_SECRET, .help = "the folder for states and history"),
	OPTION(daemon_options, "syslog", RA_OPT_TABLE, syslog, .table = syslog_options,
	    .table_size = sizeof(struct syslog_options), .help = "what is sent to syslog"),
	OPTION(daemon_options, "in-flight", RA_OPT_INT, in_flight, .fallback = "1000", .min = 1,
	    .max = 100000, .help = "probes under way at once, at most"),
	OPTION(daemon_options, "per-host", RA_OPT_INT, per_host, .fallback = "8", .min = 1,
	    .max = 10000, .help = "probes under way at once to one host and port, at most"),
	OPTION(daemon_options, "history", RA_OPT_TABLE, history, .table = history_options,
	    .table_size = sizeof(struct history_options), .help = "what is kept of the past"),
	OPTION(daemon_options, "exec", RA_OPT_TABLE, exec, .table = exec_options,
	    .table_size = sizeof(struct exec_options),
	    .help = "programs that checks may run; without it none"),
	{ 0 },
};

static int
prepare_exec(struct daemon_options *o, struct ra_arena *arena, struct ra_conf_place *place)
{
	const struct ra_texts *allow = &o->exec->allow;
	const char **list = ra_arena_alloc(arena, (allow->count + 1) * sizeof(*list));
	char key[60];

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < allow->count; i++) {
		const char *wrong = ra_value_path_error(allow->list[i].value);

		list[i] = allow->list[i].value;
		(void)snprintf(key, sizeof(key), "exec/allow/%zu", i);
		if (wrong != NULL)
			ra_conf_complain(place, key, "'%.200s': %s", list[i], wrong);
	}
	o->exec_allow = list;
	return 0;
}

static int
prepare_daemon(void *options, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct daemon_options *o = options;

	if (o->socket != NULL && strlen(o->socket->path.value) > SOCKET_MAX)
		ra_conf_complain(
		    place, "socket/path", "a socket's path has at most %d bytes", SOCKET_MAX);
	return o->exec != NULL ? prepare_exec(o, arena, place) : 0;
}

static const struct ra_conf_type section_daemon = { .name = "daemon",
	.help = "the daemon itself",
	.options = daemon_options,
	.size = sizeof(struct daemon_options),
	.prepare = prepare_daemon };

static const char *
value_or(const struct ra_text *text, const char *otherwise)
{
	return text->value != NULL ? text->value : otherwise;
}

static void
take_daemon(struct ra_config *c, const struct daemon_options *o)
{
	struct ra_daemon_conf *d = &c->daemon;

	*d = (struct ra_daemon_conf){ .socket_path = socket_options[0].fallback,
		.state = o->state.value,
		.syslog_facility = LOG_DAEMON,
		.in_flight = o->in_flight,
		.per_host = o->per_host,
		.history_keep = 400 * RA_DAY,
		.exec_allow = o->exec_allow };
	if (o->socket != NULL) {
		d->socket_path = o->socket->path.value;
		d->socket_group = o->socket->group.value;
	}
	if (o->syslog != NULL && o->syslog->facility >= 0)
		d->syslog_facility = facilities[o->syslog->facility];
	if (o->history != NULL)
		d->history_keep = o->history->keep;
}

/* --- access, people --- */

static const struct ra_option access_options[] = {
	OPTION(ra_access_conf, "run", RA_OPT_TEXTS, run, .flags = RA_OPT_NO_SECRET,
	    .help = "groups and people that may have checks probed at once"),
	OPTION(ra_access_conf, "reload", RA_OPT_TEXTS, reload, .flags = RA_OPT_NO_SECRET,
	    .help = "groups and people that may reload the configuration"),
	{ 0 },
};

static const struct ra_conf_type section_access = { .name = "access",
	.help = "who may do more than ask, besides root",
	.options = access_options,
	.size = sizeof(struct ra_access_conf) };

struct person_options {
	struct ra_text user;
};

static const struct ra_option person_options[] = {
	OPTION(person_options, "user", RA_OPT_TEXT, user, .flags = RA_OPT_NO_SECRET,
	    .help = "the login name by which the socket knows the person"),
	{ 0 },
};

static const struct ra_conf_type section_person = { .name = "people",
	.help = "people by name",
	.options = person_options,
	.size = sizeof(struct person_options) };

/* --- product, services --- */

struct repository_options {
	struct ra_text url, tag;
};

struct service_options {
	struct ra_text name; /* the product's only */
	struct repository_options *repository;
};

static const struct ra_option repository_options[] = {
	OPTION(repository_options, "url", RA_OPT_TEXT, url, .flags = RA_OPT_REQUIRED,
	    .help = "the git repository: https, http, ssh, git, file:///, user@host:path or an "
		    "absolute path"),
	OPTION(repository_options, "tag", RA_OPT_TEXT, tag, .flags = RA_OPT_NO_SECRET,
	    .fallback = "v{version}", .help = "how a version's tag is named, as in `v{version}`"),
	{ 0 },
};

#define REPOSITORY \
	OPTION(service_options, "repository", RA_OPT_TABLE, repository, \
	    .table = repository_options, .table_size = sizeof(struct repository_options), \
	    .help = "where its source is")

static const struct ra_option product_options[] = {
	OPTION(service_options, "name", RA_OPT_TEXT, name, .flags = RA_OPT_NO_SECRET,
	    .help = "the product's name"),
	REPOSITORY,
	{ 0 },
};

static const struct ra_option service_options[] = { REPOSITORY, { 0 } };

static int
prepare_service(void *options, struct ra_arena *arena, struct ra_conf_place *place)
{
	const struct service_options *o = options;
	const struct repository_options *r = o->repository;
	struct ra_error err = { 0 };
	int error = 0;

	if (r != NULL && r->tag.value != NULL && ra_tag_pattern_check(r->tag.value, &err) < 0)
		ra_conf_complain(place, "repository/tag", "%s", err.text);
	if (r != NULL && r->url.value != NULL)
		error = ra_git_url_check(r->url.value, r->url.shown, &err);
	if (error == -EINVAL)
		ra_conf_complain(place, "repository/url", "%s", err.text);
	return error == -ENOMEM ? error : 0;
}

static const struct ra_conf_type section_product = { .name = "product",
	.help = "what is watched",
	.options = product_options,
	.size = sizeof(struct service_options),
	.prepare = prepare_service };
static const struct ra_conf_type section_service = { .name = "services",
	.help = "the product's services by name; leave it out if the product is one service",
	.options = service_options,
	.size = sizeof(struct service_options),
	.prepare = prepare_service };

static void
take_repository(struct ra_service_conf *to, const char *name, const struct service_options *o)
{
	to->name = name;
	if (o->repository != NULL) {
		to->repository_url = o->repository->url.value;
		to->repository_tag = o->repository->tag.value;
	}
}

const struct ra_conf_type *const ra_sections[] = { &ra_section_include, &section_daemon,
	&section_access, &section_person, &ra_section_defaults, &ra_section_connection,
	&section_product, &section_service, &ra_section_template, &ra_section_environment,
	&ra_section_check, NULL };

/* --- building --- */

bool
ra_section_is_map(struct ra_loading *l, const struct ra_node *node, const char *name)
{
	if (ra_tree_is_null(node) || node->type == RA_NODE_MAP)
		return true;
	ra_say(l, ra_tree_mark(node), "`%s:` is a map, not %s", name, ra_tree_type_name(node));
	return false;
}

/* The product's and the services' texts may hold ${file:...} and the like. NULL: l->fatal. */
static const struct ra_node *
fill(struct ra_loading *l, const struct ra_node *node)
{
	const struct ra_scope scope = { 0 };
	struct ra_secrets secrets = { 0 };
	struct ra_holes holes = { .l = l, .secrets = &secrets };
	const struct ra_node *filled = ra_interpolate(&holes, node, &scope);

	ra_secrets_clear(&secrets);
	return filled;
}

/* A section that is a struct; NULL: wrong (said). */
static const void *
bind_section(struct ra_loading *l, const struct ra_conf_type *type, const struct ra_node *root)
{
	const struct ra_entry *e = ra_tree_find(root, type->name);
	const struct ra_node *map = e != NULL ? e->value : NULL;
	struct ra_bound bound;

	if (e != NULL && !ra_section_is_map(l, e->value, type->name))
		return NULL;
	if (map != NULL && type == &section_product && (map = fill(l, map)) == NULL)
		return NULL;
	if (ra_bind(l, type, map != NULL && map->type == RA_NODE_MAP ? map : NULL,
		e != NULL ? e->at : ra_tree_mark(root), &bound) < 0)
		return NULL;
	return bound.options;
}

static void
build_people(struct ra_loading *l, const struct ra_node *people)
{
	struct ra_person *list;
	struct ra_bound bound;

	if (!ra_section_is_map(l, people, "people") || ra_tree_is_null(people))
		return;
	list = ra_arena_alloc(l->config->arena, people->count * sizeof(*list));
	for (size_t i = 0; list != NULL && i < people->count; i++) {
		const struct ra_entry *e = &people->entries[i];
		const struct person_options *o;

		if (!ra_section_is_map(l, e->value, e->key) ||
		    ra_bind(l, &section_person, e->value->type == RA_NODE_MAP ? e->value : NULL,
			e->at, &bound) < 0)
			continue;
		o = bound.options;
		list[l->config->person_count++] = (struct ra_person){ .name = ra_keep(l, e->key),
			.user = value_or(&o->user, NULL) };
	}
	l->config->people = list != NULL ? list : ra_say_no_memory(l);
}

static void
build_services(struct ra_loading *l, const struct ra_node *services)
{
	struct ra_service_conf *list;
	struct ra_bound bound;

	if (!ra_section_is_map(l, services, "services") || ra_tree_is_null(services))
		return;
	l->services = services;
	list = ra_arena_alloc(l->config->arena, services->count * sizeof(*list));
	for (size_t i = 0; list != NULL && i < services->count; i++) {
		const struct ra_entry *e = &services->entries[i];
		const struct ra_node *map = fill(l, e->value);

		if (!ra_name_valid(e->key, strlen(e->key)))
			ra_say_name(l, e->at, e->key, "service");
		if (map == NULL || !ra_section_is_map(l, map, e->key) ||
		    ra_bind(l, &section_service, map->type == RA_NODE_MAP ? map : NULL, e->at,
			&bound) < 0)
			continue;
		take_repository(
		    &list[l->config->service_count++], ra_keep(l, e->key), bound.options);
	}
	l->config->services = list != NULL ? list : ra_say_no_memory(l);
}

/* Sources' options that are shared. Their values are checked where they are used. */
static void
check_connections(struct ra_loading *l, const struct ra_node *connections)
{
	const struct ra_registry *registry = l->load->registry;

	if (!ra_section_is_map(l, connections, "connections") || ra_tree_is_null(connections))
		return;
	l->connections = connections;
	for (size_t i = 0; i < connections->count; i++) {
		const struct ra_entry *e = &connections->entries[i], *source;

		if (e->value->type != RA_NODE_MAP || e->value->count != 1) {
			ra_say(l, e->at,
			    "a connection is a map of one source, as in `{http: {url: ...}}`");
			continue;
		}
		source = &e->value->entries[0];
		if (ra_registry_source(l->load->registry, source->key) < 0)
			ra_registry_say_source(l, source);
		else if (ra_section_is_map(l, source->value, source->key))
			ra_bind_check_keys(l,
			    registry->sources[ra_registry_source(registry, source->key)].type,
			    source->value);
	}
}

static void
build_defaults(struct ra_loading *l, const struct ra_node *defaults)
{
	const struct ra_registry *registry = l->load->registry;
	const struct ra_node *kinds;
	struct ra_bound bound;

	if (!ra_section_is_map(l, defaults, "defaults") || ra_tree_is_null(defaults))
		return;
	l->defaults = defaults;
	/* Values with ${...} are an environment's matter; without, they are said once, here. */
	if (defaults->flags & RA_NODE_HOLES)
		ra_bind_check_keys(l, &ra_section_defaults, defaults);
	else
		(void)ra_bind(l, &ra_section_defaults, defaults, ra_tree_mark(defaults), &bound);
	kinds = ra_tree_get(defaults, "kinds");
	if (!ra_section_is_map(l, kinds, "kinds") || ra_tree_is_null(kinds))
		return;
	for (size_t i = 0; i < kinds->count; i++) {
		const struct ra_entry *e = &kinds->entries[i];

		if (ra_registry_kind(registry, e->key, strlen(e->key)) < 0)
			ra_registry_say_kind(l, e->at, e->key);
		else if (ra_section_is_map(l, e->value, e->key) && !ra_tree_is_null(e->value) &&
			 !(e->value->flags & RA_NODE_HOLES))
			(void)ra_bind(l, &ra_section_kind_defaults, e->value, e->at, &bound);
	}
}

static void
check_top(struct ra_loading *l, const struct ra_node *root)
{
	for (size_t i = 0; i < root->count; i++) {
		const struct ra_entry *e = &root->entries[i];
		struct ra_nearest n;
		struct ra_hint hint;
		bool known = false;

		ra_nearest_init(&n, e->key);
		for (const struct ra_conf_type *const *s = ra_sections; *s != NULL; s++) {
			if (*s == &ra_section_check) /* inside of environments */
				continue;
			known = known || strcmp((*s)->name, e->key) == 0;
			ra_nearest_try(&n, (*s)->name);
		}
		if (!known)
			ra_say(l, e->at, "unknown section '%.80s'%s", e->key,
			    ra_say_nearest(&n, &hint));
	}
}

/* --- names of the system's users and groups --- */

/* Only a name that is surely not there: a directory that does not answer proves nothing. */
static bool
lacks_group(const char *name)
{
	char space[16384];
	struct group group, *found = NULL;

	return getgrnam_r(name, &group, space, sizeof(space), &found) == 0 && found == NULL;
}

static bool
lacks_user(const char *name)
{
	char space[16384];
	struct passwd passwd, *found = NULL;

	return getpwnam_r(name, &passwd, space, sizeof(space), &found) == 0 && found == NULL;
}

static void
check_allowed(struct ra_loading *l, const struct ra_node *node, const struct ra_node *people)
{
	if (node->type == RA_NODE_SCALAR) {
		if (ra_tree_find(people, node->text) == NULL && lacks_group(node->text))
			ra_say(l, ra_tree_mark(node),
			    "'%.80s' is neither a group here nor in `people:`", node->shown);
		return;
	}
	for (size_t i = 0; node->type == RA_NODE_LIST && i < node->count; i++)
		check_allowed(l, node->items[i], people);
}

static void
check_names(struct ra_loading *l, const struct ra_node *root)
{
	const struct ra_node *people = ra_tree_get(root, "people"),
			     *access = ra_tree_get(root, "access"),
			     *group = ra_tree_get(
				 ra_tree_get(ra_tree_get(root, "daemon"), "socket"), "group");

	if (group != NULL && group->type == RA_NODE_SCALAR && lacks_group(group->text))
		ra_say(l, ra_tree_mark(group), "there is no group '%.80s' here", group->shown);
	for (size_t i = 0; access != NULL && access->type == RA_NODE_MAP && i < access->count; i++)
		check_allowed(l, access->entries[i].value, people);
	for (size_t i = 0; people != NULL && people->type == RA_NODE_MAP && i < people->count;
	     i++) {
		const struct ra_node *user = ra_tree_get(people->entries[i].value, "user");

		if (user != NULL && user->type == RA_NODE_SCALAR && lacks_user(user->text))
			ra_say(l, ra_tree_mark(user), "there is no user '%.80s' here", user->shown);
	}
}

void
ra_sections_build(struct ra_loading *l, const struct ra_node *root)
{
	const struct daemon_options *daemon = bind_section(l, &section_daemon, root);
	const struct ra_access_conf *access = bind_section(l, &section_access, root);
	const struct service_options *product = bind_section(l, &section_product, root);

	check_top(l, root);
	if (!l->load->offline)
		check_names(l, root);
	if (daemon != NULL)
		take_daemon(l->config, daemon);
	if (access != NULL)
		l->config->access = *access;
	if (product != NULL) {
		l->config->product = product->name.value;
		take_repository(&l->config->product_repository, product->name.value, product);
	}
	build_people(l, ra_tree_get(root, "people"));
	build_services(l, ra_tree_get(root, "services"));
	check_connections(l, ra_tree_get(root, "connections"));
	build_defaults(l, ra_tree_get(root, "defaults"));
}
