/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments, by the tables of the commands. Options may stand anywhere. */
#include <ctype.h>
#include <string.h>

#include "relaudit/base/units.h"
#include "relaudit/model/name.h"

#include "ctl.h"

#define NAMES_MAX 1000 /* of one question; relauditd takes no more */

const struct ra_ctl_option ra_ctl_globals[] = {
	{ "socket", '\0', "PATH", "relauditd's socket (" RA_CTL_SOCKET ", or $RELAUDIT_SOCKET)",
	    RA_CTL_FILES, NULL },
	{ "host", '\0', "ssh://[USER@]HOST[:PORT]", "the relauditd of another machine, through ssh",
	    RA_CTL_NOTHING, NULL },
	{ "output", 'o', "FORMAT", "table, json, csv ...; each command says which", RA_CTL_WORDS,
	    "table json csv markdown diff" },
	{ "color", '\0', "WHEN", "auto, always or never", RA_CTL_WORDS, "auto always never" },
	{ "timeout", '\0', "DURATION", "how long to wait for relauditd (30s)", RA_CTL_NOTHING,
	    NULL },
	{ "help", 'h', NULL, "this help, or that of the command", RA_CTL_NOTHING, NULL },
	{ "version", 'V', NULL, "the version of relauditctl", RA_CTL_NOTHING, NULL },
	{ 0 },
};

static const struct {
	const char *name;
	enum ra_ctl_output output;
} outputs[] = {
	{ "table", RA_CTL_TABLE },
	{ "json", RA_CTL_JSON },
	{ "csv", RA_CTL_CSV },
	{ "nagios", RA_CTL_NAGIOS },
	{ "markdown", RA_CTL_MARKDOWN },
	{ "diff", RA_CTL_DIFF },
};

struct parse {
	struct ra_ctl *ctl;
	char **argv;
	int argc, at;
	bool help, version;
	struct ra_error *err;
};

const struct ra_ctl_command *
ra_ctl_command(const char *name)
{
	size_t i;

	for (i = 0; ra_ctl_commands[i] != NULL; i++)
		if (strcmp(ra_ctl_commands[i]->name, name) == 0)
			return ra_ctl_commands[i];
	return NULL;
}

bool
ra_ctl_has(const struct ra_ctl *ctl, const char *option)
{
	size_t i;

	for (i = 0; i < ctl->given_count; i++)
		if (strcmp(ctl->given[i].name, option) == 0)
			return true;
	return false;
}

const char *
ra_ctl_value(const struct ra_ctl *ctl, const char *option)
{
	size_t i;

	for (i = ctl->given_count; i > 0; i--)
		if (strcmp(ctl->given[i - 1].name, option) == 0)
			return ctl->given[i - 1].value;
	return NULL;
}

/* --- finding --- */

static const struct ra_ctl_option *
find_in(const struct ra_ctl_option *table, const char *name, size_t len, char letter)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (letter != '\0' && table->letter == letter)
			return table;
		if (letter == '\0' && strlen(table->name) == len &&
		    memcmp(table->name, name, len) == 0)
			return table;
	}
	return NULL;
}

static const struct ra_ctl_option *
find_option(const struct ra_ctl_command *command, const char *name, size_t len, char letter)
{
	const struct ra_ctl_option *o = NULL;

	if (command != NULL)
		o = find_in(command->options, name, len, letter);
	if (o == NULL)
		o = find_in(ra_ctl_globals, name, len, letter);
	/* `try --version /pointer` is the check's, as is all that we do not know. */
	if (o != NULL && letter == '\0' && command != NULL && command->any_option &&
	    strcmp(o->name, "version") == 0)
		return NULL;
	return o;
}

static void
try_names(struct ra_nearest *n, const struct ra_ctl_option *table)
{
	for (; table != NULL && table->name != NULL; table++)
		ra_nearest_try(n, table->name);
}

static int
unknown_option(const struct parse *p, const char *name, size_t len)
{
	const struct ra_ctl_command *c = p->ctl->command;
	struct ra_nearest nearest;
	char wanted[64];

	if (len >= sizeof(wanted))
		len = sizeof(wanted) - 1;
	memcpy(wanted, name, len);
	wanted[len] = '\0';
	ra_nearest_init(&nearest, wanted);
	if (c != NULL)
		try_names(&nearest, c->options);
	try_names(&nearest, ra_ctl_globals);
	ra_error_set(p->err, -EINVAL, "no option '--%s'; %s%s%ssee `relauditctl help%s%s`", wanted,
	    nearest.name != NULL ? "did you mean '--" : "",
	    nearest.name != NULL ? nearest.name : "", nearest.name != NULL ? "'? " : "",
	    c != NULL ? " " : "", c != NULL ? c->name : "");
	return -EINVAL;
}

static int
unknown_command(const struct parse *p, const char *name)
{
	struct ra_nearest nearest;
	size_t i;

	ra_nearest_init(&nearest, name);
	for (i = 0; ra_ctl_commands[i] != NULL; i++)
		ra_nearest_try(&nearest, ra_ctl_commands[i]->name);
	if (nearest.name != NULL)
		return ra_error_set(p->err, -EINVAL,
		    "no command '%.60s'; did you mean '%s'? see `relauditctl help`", name,
		    nearest.name);
	return ra_error_set(p->err, -EINVAL, "no command '%.60s'; see `relauditctl help`", name);
}

/* --- taking --- */

static int
set_output(struct ra_ctl *ctl, const char *value, struct ra_error *err)
{
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(outputs); i++) {
		if (strcmp(outputs[i].name, value) == 0) {
			ctl->output = outputs[i].output;
			return 0;
		}
	}
	return ra_error_set(err, -EINVAL,
	    "no output '%.60s'; there are table, json, csv, nagios, markdown, diff", value);
}

static int
set_color(struct ra_ctl *ctl, const char *value, struct ra_error *err)
{
	if (strcmp(value, "auto") == 0)
		ctl->color = RA_CTL_COLOR_AUTO;
	else if (strcmp(value, "always") == 0)
		ctl->color = RA_CTL_COLOR_ALWAYS;
	else if (strcmp(value, "never") == 0)
		ctl->color = RA_CTL_COLOR_NEVER;
	else
		return ra_error_set(
		    err, -EINVAL, "--color is auto, always or never, not '%.60s'", value);
	return 0;
}

static int
set_timeout(struct ra_ctl *ctl, const char *value, struct ra_error *err)
{
	int r = ra_duration_parse(value, &ctl->timeout, err);

	if (r < 0) {
		ra_error_prefix(err, "--timeout");
		return r;
	}
	if (ctl->timeout <= 0 || ctl->timeout > 24 * 3600 * INT64_C(1000))
		return ra_error_set(err, -EINVAL, "--timeout is between 1ms and 24h");
	ctl->timeout_given = true;
	return 0;
}

static int
set_socket(struct ra_ctl *ctl, const char *value, struct ra_error *err)
{
	if (*value == '\0')
		return ra_error_set(err, -EINVAL, "--socket is the path of a socket, not ''");
	ctl->socket = value;
	return 0;
}

static int
set_global(struct parse *p, const char *name, const char *value)
{
	struct ra_ctl *ctl = p->ctl;

	if (strcmp(name, "socket") == 0)
		return set_socket(ctl, value, p->err);
	if (strcmp(name, "host") == 0)
		ctl->host = value;
	else if (strcmp(name, "output") == 0)
		return set_output(ctl, value, p->err);
	else if (strcmp(name, "color") == 0)
		return set_color(ctl, value, p->err);
	else if (strcmp(name, "timeout") == 0)
		return set_timeout(ctl, value, p->err);
	else if (strcmp(name, "help") == 0)
		p->help = true;
	else if (strcmp(name, "version") == 0)
		p->version = true;
	return 0;
}

static bool
is_global(const struct ra_ctl_option *o)
{
	return o >= ra_ctl_globals && o < ra_ctl_globals + RA_ARRAY_SIZE(ra_ctl_globals);
}

static void
add_given(struct ra_ctl *ctl, const char *name, const char *value)
{
	ctl->given[ctl->given_count++] = (struct ra_ctl_given){ name, value };
}

/* The value of an option: what follows '=', or the next argument. */
static int
take_value(struct parse *p, const char *shown, const char *attached, const char **ret)
{
	if (attached == NULL && p->at >= p->argc)
		return ra_error_set(p->err, -EINVAL, "%s takes a value", shown);
	*ret = attached != NULL ? attached : p->argv[p->at++];
	return 0;
}

/* An option that is passed on: its name is cut out of the argument in place. */
static int
take_any(struct parse *p, char *arg)
{
	char *equals = strchr(arg, '=');
	const char *value = NULL;
	int r;

	r = take_value(p, arg, equals != NULL ? equals + 1 : NULL, &value);
	if (equals != NULL)
		*equals = '\0';
	if (arg[2] == '\0' || !islower((unsigned char)arg[2]))
		return ra_error_set(p->err, -EINVAL, "'%.60s' is no option", arg);
	if (r == 0)
		add_given(p->ctl, arg + 2, value);
	return r;
}

static int
take_found(struct parse *p, const struct ra_ctl_option *o, const char *attached)
{
	const char *value = NULL;
	char shown[64];
	int r;

	snprintf(shown, sizeof(shown), "--%s", o->name);
	if (o->value == NULL && attached != NULL)
		return ra_error_set(p->err, -EINVAL, "%s takes no value", shown);
	if (o->value != NULL && (r = take_value(p, shown, attached, &value)) < 0)
		return r;
	if (is_global(o))
		return set_global(p, o->name, value);
	add_given(p->ctl, o->name, value);
	return 0;
}

static int
take_long(struct parse *p, char *arg)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals != NULL ? (size_t)(equals - arg) - 2 : strlen(arg + 2);
	const struct ra_ctl_option *o = find_option(p->ctl->command, arg + 2, len, '\0');

	if (o != NULL)
		return take_found(p, o, equals != NULL ? equals + 1 : NULL);
	if (p->ctl->command != NULL && p->ctl->command->any_option)
		return take_any(p, arg);
	return unknown_option(p, arg + 2, len);
}

/* "-o json", "-ojson"; flags one behind the other. */
static int
take_short(struct parse *p, const char *arg)
{
	const char *at;
	int r = 0;

	for (at = arg + 1; *at != '\0' && r == 0; at++) {
		const struct ra_ctl_option *o = find_option(p->ctl->command, NULL, 0, *at);

		if (o == NULL)
			return ra_error_set(p->err, -EINVAL,
			    "no option '-%c'; see `relauditctl help`",
			    isprint((unsigned char)*at) ? *at : '?');
		if (o->value != NULL)
			return take_found(p, o, at[1] != '\0' ? at + 1 : NULL);
		r = take_found(p, o, NULL);
	}
	return r;
}

static int
take_argument(struct parse *p, char *arg)
{
	struct ra_ctl *ctl = p->ctl;

	if (ctl->command != NULL) {
		ctl->args[ctl->arg_count++] = arg;
		return 0;
	}
	ctl->command = ra_ctl_command(arg);
	return ctl->command != NULL ? 0 : unknown_command(p, arg);
}

static int
take_all(struct parse *p)
{
	bool only_arguments = false;
	int r = 0;

	while (r == 0 && p->at < p->argc) {
		char *arg = p->argv[p->at++];

		if (only_arguments || arg[0] != '-' || arg[1] == '\0')
			r = take_argument(p, arg);
		else if (strcmp(arg, "--") == 0)
			only_arguments = true;
		else if (arg[1] == '-')
			r = take_long(p, arg);
		else
			r = take_short(p, arg);
	}
	return r;
}

/* --- judging --- */

static int
check_counts(const struct ra_ctl *ctl, struct ra_error *err)
{
	const struct ra_ctl_command *c = ctl->command;
	const char *lead = ctl->arg_count < c->least ? "needs more" : "takes no more";

	if (ctl->arg_count >= c->least && ctl->arg_count <= c->most)
		return 0;
	if (c->most == 0)
		return ra_error_set(err, -EINVAL, "'%s' takes no arguments", c->name);
	return ra_error_set(
	    err, -EINVAL, "'%s' %s arguments: relauditctl %s %s", c->name, lead, c->name, c->usage);
}

static int
check_output(const struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL list = RA_BUF(0);
	size_t i;

	if ((ctl->command->outputs & ctl->output) != 0 || ctl->output == RA_CTL_TABLE)
		return 0;
	for (i = 0; i < RA_ARRAY_SIZE(outputs); i++)
		if ((ctl->command->outputs & outputs[i].output) != 0)
			ra_buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", outputs[i].name);
	if (list.len == 0)
		return ra_error_set(err, -EINVAL, "'%s' knows no --output", ctl->command->name);
	return ra_error_set(
	    err, -EINVAL, "'%s' has --output %s only", ctl->command->name, ra_buf_text(&list));
}

static int
show_help(struct ra_ctl *ctl, bool version)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	if (version)
		ra_buf_puts(&text, "relauditctl " RA_VERSION "\n");
	else if (ctl->command != NULL)
		ra_ctl_command_help(ctl->command, &text);
	else
		ra_ctl_usage(&text);
	(void)ra_ctl_print(ctl, &text);
	return -ECANCELED;
}

static bool
show_manual(struct ra_ctl *ctl, const char *argument)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	if (!ra_ctl_manual(argument, &text))
		return false;
	(void)ra_ctl_print(ctl, &text);
	return true;
}

int
ra_ctl_parse(struct ra_ctl *ctl, int argc, char **argv, struct ra_error *err)
{
	struct parse p = { .ctl = ctl, .argv = argv, .argc = argc, .at = 1, .err = err };
	const char *socket = getenv("RELAUDIT_SOCKET");
	size_t most = argc > 0 ? (size_t)argc : 1;
	int r;

	ctl->socket = socket != NULL && *socket != '\0' ? socket : NULL;
	ctl->output = RA_CTL_TABLE;
	ctl->timeout = RA_CTL_TIMEOUT;
	ctl->args = calloc(most, sizeof(*ctl->args));
	ctl->given = calloc(most, sizeof(*ctl->given));
	if (ctl->args == NULL || ctl->given == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	if (argc == 2 && show_manual(ctl, argv[1]))
		return -ECANCELED;
	r = take_all(&p);
	if (p.help || (r == 0 && p.version))
		return show_help(ctl, !p.help);
	if (r < 0)
		return r;
	if (ctl->command == NULL)
		return ra_error_set(err, -EINVAL,
		    "which command? `relauditctl status` tells how things are; see `relauditctl "
		    "help`");
	r = check_counts(ctl, err);
	return r < 0 ? r : check_output(ctl, err);
}

int
ra_ctl_check_selectors(const struct ra_ctl *ctl, bool checks, struct ra_error *err)
{
	size_t i;

	if (ctl->arg_count > NAMES_MAX) {
		ra_error_set(err, -EINVAL,
		    "more than %d names; ask for environments instead of their checks, for all by "
		    "naming none, or in parts",
		    NAMES_MAX);
		return RA_CTL_USAGE;
	}
	for (i = 0; i < ctl->arg_count; i++) {
		const char *arg = ctl->args[i], *slash = strchrnul(arg, '/');
		bool good = ra_name_valid(arg, (size_t)(slash - arg));

		if (*slash == '/')
			good = good && checks && ra_name_valid(slash + 1, strlen(slash + 1));
		if (good)
			continue;
		ra_error_set(err, -EINVAL,
		    "'%.130s' is not an environment%s: names are a-z, then a-z, 0-9 and '-'", arg,
		    checks ? " or ENVIRONMENT/CHECK" : "'s name");
		return RA_CTL_USAGE;
	}
	return 0;
}
