/* SPDX-License-Identifier: Apache-2.0 */
/* relauditd's life. Above every layer: it owns the loop and every module. */
#ifndef RELAUDIT_APP_H
#define RELAUDIT_APP_H

#include "relaudit/api/api.h"
#include "relaudit/conf/config.h"
#include "relaudit/engine/engine.h"
#include "relaudit/engine/mirror.h"
#include "relaudit/io/io.h"
#include "relaudit/io/notify.h"
#include "relaudit/io/seccomp.h"
#include "relaudit/io/syslog.h"

#define RA_CONFIG_PATH "/etc/relaudit/relauditd.yaml"

/* Exit codes of relauditd. */
enum ra_exit {
	RA_EXIT_OK = 0,
	RA_EXIT_FAILED = 1, /* could not run */
	RA_EXIT_CONFIG = 2, /* the configuration is refused */
	RA_EXIT_USAGE = 64,
};

enum ra_command {
	RA_COMMAND_RUN,
	RA_COMMAND_CHECK_CONFIG,
	RA_COMMAND_PRINT,
	RA_COMMAND_DESCRIBE,
	RA_COMMAND_DESCRIBE_MANUAL,
	RA_COMMAND_DESCRIBE_REASONS,
	RA_COMMAND_TRY,
};

struct ra_arguments {
	enum ra_command command;
	const char *config;
	const char *what; /* --print, --describe, --try */
	bool offline;
};

struct ra_app {
	struct ra_arguments args;
	struct ra_registry registry;
	uint8_t fingerprint_key[32];
	struct ra_io io;
	struct ra_notify *notify;
	struct ra_wake *signals; /* one came */
	struct ra_config *config; /* the one loaded at start; the engine holds its own */
	struct ra_store *store;
	struct ra_mirror *mirror;
	struct ra_syslog *syslog;
	struct ra_engine *engine;
	struct ra_api *api;
	struct ra_reload *reload; /* under way */
	bool reload_again;
	bool reload_refused; /* the last one */
	struct ra_health *health;
	enum ra_seccomp seccomp;
	bool started; /* it was said */
	int exit;
};

/* app.c */
int ra_app_run(struct ra_app *app);
/* A line to syslog, formatted; text from outside must be escaped by the caller. */
void ra_app_log(struct ra_app *app, int priority, const char *fmt, ...) RA_PRINTF(3, 4);
/* Opens what a source needs: loop, helper, names, transfers. */
int ra_app_open_io(struct ra_app *app, struct ra_error *err);
void ra_app_close_io(struct ra_app *app);
void ra_app_prepare_process(void);

/* app_commands.c: everything that is not running */
int ra_app_registry(struct ra_app *app);
struct ra_conf_load ra_app_load(const struct ra_app *app);
/* To standard output. RA_EXIT_OK, or RA_UNKNOWN and said why if it cannot be written. */
int ra_app_say(const char *text);
int ra_app_check_config(struct ra_app *app);
int ra_app_print(struct ra_app *app);
int ra_app_describe(struct ra_app *app);
int ra_app_try(struct ra_app *app);

/* app_reload.c */
int ra_app_reload(void *arg, void (*done)(void *arg, bool ok, const char *text), void *done_arg);
void ra_app_on_hangup(void *arg);

/* app_health.c: secrets that changed, things that fail and recover */
int ra_health_start(struct ra_app *app);
void ra_health_stop(struct ra_app *app);
/* Counts to the service manager; ready: and that all is up. */
void ra_health_say(struct ra_app *app, bool ready);

#endif
