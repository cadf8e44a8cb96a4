/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of what stands in and about checks. */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/model/name.h"

#include "loading.h"

#define YEAR (366 * RA_DAY)

#define OPTION(where, word, kind, member, ...) \
	{ \
		.name = word, .type = kind, .offset = offsetof(struct where, member), __VA_ARGS__ \
	}
/* Read by code of its own. */
#define SPECIAL(word, kind, ...) \
	{ \
		.name = word, .type = kind, .flags = RA_OPT_SPECIAL, __VA_ARGS__ \
	}

static const char *const severities[] = { "warning", "critical", NULL };

#define SCHEDULE \
	OPTION(ra_check_options, "every", RA_OPT_DURATION, every, .fallback = "1m", .min = 100, \
	    .max = YEAR, .help = "time from probe to probe"), \
	    OPTION(ra_check_options, "timeout", RA_OPT_DURATION, timeout, .fallback = "10s", \
		.min = 1, .max = RA_DAY, .help = "time for the whole of a probe"), \
	    OPTION(ra_check_options, "retry", RA_OPT_DURATION, retry, .fallback = "15s", \
		.min = 100, .max = YEAR, \
		.help = "time to the next probe while a bad result is not confirmed"), \
	    OPTION(ra_check_options, "confirm", RA_OPT_INT, confirm, .fallback = "2", .min = 1, \
		.max = 255, .help = "bad results in a row until a state is hard"), \
	    OPTION(ra_check_options, "recover", RA_OPT_INT, recover, .fallback = "1", .min = 1, \
		.max = 255, .help = "good results in a row until it is OK again")

static const struct ra_option defaults_options[] = {
	SCHEDULE,
	SPECIAL("kinds", RA_OPT_TABLE, .help = "the same by kind, as in `{backup: {every: 15m}}`"),
	{ 0 },
};

static const struct ra_option kind_options[] = { SCHEDULE, { 0 } };

static const struct ra_option check_options[] = {
	OPTION(ra_check_options, "kind", RA_OPT_TEXT, kind, .flags = RA_OPT_NO_SECRET,
	    .help = "what is judged; without it the name up to the first dash"),
	OPTION(ra_check_options, "service", RA_OPT_TEXT, service, .flags = RA_OPT_NO_SECRET,
	    .help = "the service; without it the rest of the name, if that is one"),
	OPTION(ra_check_options, "format", RA_OPT_TEXT, format, .flags = RA_OPT_NO_SECRET,
	    .help = "what the answer is; without it the kind's usual one"),
	SPECIAL("for", RA_OPT_TABLE,
	    .help = "one variable and its values: one instance of the check each"),
	SPECIAL("expect", RA_OPT_TABLE, .help = "what must hold, else CRITICAL"),
	SPECIAL("warn", RA_OPT_TABLE, .help = "what must hold, else WARNING"),
	OPTION(ra_check_options, "severity", RA_OPT_CHOICE, severity, .choices = severities,
	    .fallback = "critical", .help = "the worst that a breach can be"),
	SCHEDULE,
	{ 0 },
};

static const struct ra_option environment_options[] = {
	OPTION(ra_environment_options, "rank", RA_OPT_INT, rank, .max = 1000000,
	    .help = "order of promotion: a release goes from lower to higher"),
	OPTION(ra_environment_options, "labels", RA_OPT_PAIRS, labels, .flags = RA_OPT_NO_SECRET,
	    .help = "for showing and selecting"),
	OPTION(ra_environment_options, "aliases", RA_OPT_TEXTS, aliases, .flags = RA_OPT_NO_SECRET,
	    .help = "other names for asking"),
	OPTION(ra_environment_options, "owner", RA_OPT_TEXT, owner, .flags = RA_OPT_NO_SECRET,
	    .help = "who is to be told"),
	OPTION(ra_environment_options, "runbook", RA_OPT_TEXT, runbook, .flags = RA_OPT_NO_SECRET,
	    .help = "where it says what to do"),
	SPECIAL("vars", RA_OPT_PAIRS, .help = "variables for `${...}`; lists and maps may be one"),
	SPECIAL("use", RA_OPT_TEXTS, .help = "templates: `name` or `{name: {parameter: value}}`"),
	SPECIAL("checks", RA_OPT_TABLE, .help = "what is watched, by name"),
	{ 0 },
};

static const struct ra_option template_options[] = {
	SPECIAL("checks", RA_OPT_TABLE,
	    .help = "checks as in an environment; `${...}` also in their names"),
	{ 0 },
};

static int
prepare_environment(void *options, struct ra_arena *arena, struct ra_conf_place *place)
{
	const struct ra_environment_options *o = options;

	for (size_t i = 0; i < o->aliases.count; i++) {
		const char *alias = o->aliases.list[i].value;

		if (!ra_name_valid(alias, strlen(alias)))
			ra_conf_complain(place, "aliases",
			    "'%.80s' is not a name: a-z, 0-9 and dashes, a letter first", alias);
	}
	return 0;
}

const struct ra_conf_type ra_section_defaults = { .name = "defaults",
	.help = "for all checks that do not say otherwise",
	.options = defaults_options,
	.size = sizeof(struct ra_check_options) };
const struct ra_conf_type ra_section_kind_defaults = { .name = "kinds",
	.help = "for all checks of a kind",
	.options = kind_options,
	.size = sizeof(struct ra_check_options) };
const struct ra_conf_type ra_section_check = { .name = "checks",
	.help = "besides these a check has its source's, its format's and its kind's options",
	.options = check_options,
	.size = sizeof(struct ra_check_options) };
const struct ra_conf_type ra_section_environment = { .name = "environments",
	.help = "environments by name",
	.options = environment_options,
	.size = sizeof(struct ra_environment_options),
	.prepare = prepare_environment };
const struct ra_conf_type ra_section_template = { .name = "templates",
	.help = "checks for many environments, by name",
	.options = template_options };

static const struct ra_option connection_options[] = { { 0 } };
const struct ra_conf_type ra_section_connection = { .name = "connections",
	.help =
	    "options of a source by name, as in `{loki: {http: {url: ...}}}`; a check takes them "
	    "with `http: {connection: loki}`",
	.options = connection_options };

static const struct ra_option include_options[] = { { 0 } };
const struct ra_conf_type ra_section_include = { .name = "include",
	.help = "paths and patterns of further files, relative to the file they stand in",
	.options = include_options };
