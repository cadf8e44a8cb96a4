/* SPDX-License-Identifier: Apache-2.0 */
/* relauditd: arguments, then the app's life. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

static const char usage[] =
    "usage: relauditd [-c FILE]\n"
    "       relauditd --check-config [-c FILE] [--offline]\n"
    "       relauditd --print ENVIRONMENT/CHECK [-c FILE]\n"
    "       relauditd --describe [KIND|SOURCE|FORMAT|SECTION]\n"
    "       relauditd --try NAME       a check as YAML on standard input, probed once\n"
    "       relauditd --version | --help\n"
    "\n"
    "  -c, --config FILE   the configuration (" RA_CONFIG_PATH ")\n"
    "      --offline       check without reading secrets\n"
    "\n"
    "See relauditd(8), relauditd.yaml(5).\n";

enum {
	OPT_CHECK = 256,
	OPT_OFFLINE,
	OPT_PRINT,
	OPT_DESCRIBE,
	OPT_MANUAL,
	OPT_REASONS,
	OPT_TRY,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "offline", no_argument, NULL, OPT_OFFLINE },
	{ "print", required_argument, NULL, OPT_PRINT },
	{ "describe", no_argument, NULL, OPT_DESCRIBE },
	{ "describe-manual", no_argument, NULL, OPT_MANUAL },
	{ "describe-reasons", no_argument, NULL, OPT_REASONS },
	{ "try", required_argument, NULL, OPT_TRY },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* -1: go on; else the exit code. */
static int
parse_arguments(int argc, char **argv, struct ra_arguments *args)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			args->config = optarg;
			break;
		case OPT_CHECK:
			args->command = RA_COMMAND_CHECK_CONFIG;
			break;
		case OPT_OFFLINE:
			args->offline = true;
			break;
		case OPT_PRINT:
		case OPT_TRY:
			args->command = c == OPT_TRY ? RA_COMMAND_TRY : RA_COMMAND_PRINT;
			args->what = optarg;
			break;
		case OPT_DESCRIBE:
			args->command = RA_COMMAND_DESCRIBE;
			break;
		case OPT_MANUAL:
			args->command = RA_COMMAND_DESCRIBE_MANUAL;
			break;
		case OPT_REASONS:
			args->command = RA_COMMAND_DESCRIBE_REASONS;
			break;
		case 'V':
			return ra_app_say("relauditd " RA_VERSION "\n");
		case 'h':
			return ra_app_say(usage);
		default:
			(void)fputs(usage, stderr);
			return RA_EXIT_USAGE;
		}
	}
	if (args->command == RA_COMMAND_DESCRIBE && optind < argc)
		args->what = argv[optind++];
	if (optind < argc || (args->offline && args->command == RA_COMMAND_RUN)) {
		fprintf(stderr, "relauditd: %s\n%s",
		    optind < argc ? "too many arguments" : "--offline goes with --check-config",
		    usage);
		return RA_EXIT_USAGE;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	struct ra_app app = { .args = { .config = RA_CONFIG_PATH } };
	int r;

	r = ra_helper_main(argc, argv);
	if (r < 0)
		r = parse_arguments(argc, argv, &app.args);
	if (r >= 0)
		return r;
	ra_app_prepare_process();
	if (ra_app_registry(&app) < 0)
		return RA_EXIT_FAILED;
	switch (app.args.command) {
	case RA_COMMAND_CHECK_CONFIG:
		return ra_app_check_config(&app);
	case RA_COMMAND_PRINT:
		return ra_app_print(&app);
	case RA_COMMAND_DESCRIBE:
	case RA_COMMAND_DESCRIBE_MANUAL:
	case RA_COMMAND_DESCRIBE_REASONS:
		return ra_app_describe(&app);
	case RA_COMMAND_TRY:
		return ra_app_try(&app);
	case RA_COMMAND_RUN:
		break;
	}
	return ra_app_run(&app);
}
