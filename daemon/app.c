/* SPDX-License-Identifier: Apache-2.0 */
/* Starts every module in order, stops in exact reverse. */
#include "app.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/digest.h"
#include "relaudit/engine/alert.h"

#define STOP_WAIT   (2 * RA_SECOND)
#define DESCRIPTORS 65536

/* Nothing of the caller's environment may steer a transfer, a resolver or a library. */
static void
clear_environment(void)
{
	static const char *const drop[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
		"HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSLKEYLOGFILE",
		"NETRC", "HOME", "CURL_HOME", "XDG_CONFIG_HOME", "CURL_CA_BUNDLE", "SSL_CERT_FILE",
		"SSL_CERT_DIR", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "HOSTALIASES",
		"LOCALDOMAIN", "RES_OPTIONS", "SQLITE_TMPDIR" };
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(drop); i++)
		unsetenv(drop[i]);
}

void
ra_app_prepare_process(void)
{
	struct rlimit limit;

	clear_environment();
	/* Calls that libuv makes through a ring would pass by any filter. */
	(void)setenv("UV_USE_IO_URING", "0", 1);
	(void)signal(SIGPIPE, SIG_IGN);
	umask(027);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void
ra_app_log(struct ra_app *app, int priority, const char *fmt, ...)
{
	RA_BUF_LOCAL line = RA_BUF(2048);
	va_list ap;

	va_start(ap, fmt);
	ra_buf_vprintf(&line, fmt, ap);
	va_end(ap);
	if (app->syslog != NULL && line.len > 0)
		ra_syslog_send(app->syslog, priority, line.data);
}

int
ra_app_open_io(struct ra_app *app, struct ra_error *err)
{
	int r;

	if ((r = ra_loop_new(&app->io.loop, err)) < 0 ||
	    (r = ra_helper_new(app->io.loop, NULL, &app->io.helper, err)) < 0 ||
	    (r = ra_dns_new(app->io.loop, &app->io.dns, err)) < 0)
		return r;
	return ra_http_new(app->io.loop, app->io.dns, &app->io.http, err);
}

void
ra_app_close_io(struct ra_app *app)
{
	ra_http_free(RA_TAKE(app->io.http));
	ra_dns_free(RA_TAKE(app->io.dns));
	ra_helper_free(RA_TAKE(app->io.helper));
	ra_loop_free(RA_TAKE(app->io.loop));
}

/*
 * Signals. Handlers of our own rather than libuv's, which exist only as long as a loop does: a
 * hangup may come before there is one, and a second SIGTERM until the process is gone.
 */
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2, "for a handler");
static atomic_bool hangup_came, stop_came; /* any thread may be the one that is interrupted */
static struct ra_wake *_Atomic signal_wake;

static void
on_signal(int signum)
{
	struct ra_wake *wake = signal_wake;
	int saved = errno;

	if (signum == SIGHUP)
		hangup_came = true;
	else
		stop_came = true;
	if (wake != NULL)
		ra_wake_send(wake);
	errno = saved;
}

/* What is started later keeps none of them: an exec resets a handler. */
static void
handle(int signum, void (*handler)(int signum))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigemptyset(&action.sa_mask);
	(void)sigaction(signum, &action, NULL);
}

static void
on_signalled(void *arg)
{
	struct ra_app *app = arg;

	if (stop_came) {
		ra_loop_stop(app->io.loop);
	} else if (atomic_exchange(&hangup_came, false)) {
		ra_app_on_hangup(app);
	}
}

static int
start_signals(struct ra_app *app)
{
	int r = ra_wake_new(app->io.loop, on_signalled, app, &app->signals);

	if (r < 0)
		return r;
	signal_wake = app->signals;
	handle(SIGTERM, on_signal);
	handle(SIGINT, on_signal);
	/* The configuration may have changed after it was read. */
	if (hangup_came)
		ra_wake_send(app->signals);
	return 0;
}

/* To the end: a second one is to neither hasten nor cut off what a stop has to save. */
static void
end_signals(void)
{
	handle(SIGTERM, SIG_IGN);
	handle(SIGINT, SIG_IGN);
	handle(SIGHUP, SIG_IGN);
	signal_wake = NULL;
}

static int
load_config(struct ra_app *app)
{
	struct ra_conf_load load = ra_app_load(app);
	RA_BUF_LOCAL text = RA_BUF(0);
	struct ra_errors errors = { 0 };
	int r = ra_config_load(&load, &app->config, &errors);

	if (r < 0) {
		ra_errors_print(&errors, &text);
		(void)fputs(ra_buf_text(&text), stderr);
		if (errors.count == 0 || text.error != 0)
			(void)fputs("relauditd: out of memory for the configuration\n", stderr);
	}
	ra_errors_clear(&errors);
	return r;
}

/* Lines the store has to say about damage it found. */
static void
log_notes(struct ra_app *app, const struct ra_buf *notes)
{
	const char *at = ra_buf_text(notes), *end;

	for (; *at != '\0'; at = end + (*end == '\n')) {
		end = strchrnul(at, '\n');
		fprintf(stderr, "relauditd: %.*s\n", (int)(end - at), at);
		ra_app_log(app, LOG_ERR, "store %.*s", (int)(end - at), at);
	}
}

static int
open_store(struct ra_app *app, struct ra_error *err)
{
	RA_BUF_LOCAL notes = RA_BUF(65536);
	int r;

	r = ra_store_open(app->io.loop, app->config->daemon.state, &app->store, &notes, err);
	if (r < 0)
		return r;
	r = ra_syslog_new((int)app->config->daemon.syslog_facility, false, &app->syslog, err);
	if (r < 0)
		return r;
	log_notes(app, &notes);
	return 0;
}

/* All is up, and nothing from outside was read yet. */
static void
confine(struct ra_app *app)
{
	struct ra_error err = { 0 };

	if (ra_seccomp_start(app->seccomp, &err) == 0)
		return;
	fprintf(stderr, "relauditd: %s; going on without\n", err.text);
	ra_app_log(app, LOG_WARNING, "seccomp on=0 summary=\"%s; going on without\"", err.text);
}

static void
say_start(struct ra_app *app)
{
	RA_BUF_LOCAL body = RA_BUF(4096);
	const struct ra_config *c = app->config;
	struct ra_jsonw w;

	ra_app_log(app, LOG_NOTICE, "start version=%s config=%s environments=%zu checks=%zu",
	    RA_VERSION, c->digest, c->environment_count, c->check_count);
	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "event", "start");
	ra_jsonw_time(&w, "at", ra_clock_wall());
	ra_jsonw_text(&w, "version", RA_VERSION);
	ra_jsonw_text(&w, "config", c->digest);
	ra_jsonw_time(&w, "last_checked", ra_engine_last_checked(app->engine));
	ra_jsonw_object_end(&w);
	ra_engine_event(app->engine, "start", body.error == 0 ? body.data : NULL);
	ra_health_say(app, true);
}

static int
start(struct ra_app *app, struct ra_error *err)
{
	struct ra_api_ops ops = { .reload = ra_app_reload, .arg = app };
	int r;

	if ((r = open_store(app, err)) < 0 ||
	    (r = ra_mirror_new(&app->io, app->config->daemon.state, NULL, &app->mirror, err)) < 0 ||
	    (r = ra_engine_new(&app->io, app->store, app->syslog, &app->engine, err)) < 0)
		return r;
	ra_engine_use_mirror(app->engine, app->mirror);
	if ((r = ra_engine_start(app->engine, app->config, err)) < 0 ||
	    (r = ra_api_new(app->io.loop, app->engine, &ops, &app->api, err)) < 0)
		return r;
	if ((r = start_signals(app)) < 0 || (r = ra_health_start(app)) < 0)
		return ra_error_set(err, r, "cannot start: %s", strerror(-r));
	return 0;
}

/* False if a thread is stuck in the file system. */
static bool
stop(struct ra_app *app)
{
	bool whole;

	end_signals();
	if (app->notify != NULL)
		ra_notify_stopping(app->notify);
	ra_health_stop(app);
	while (app->reload != NULL) /* a worker still reads it */
		ra_loop_turn(app->io.loop);
	ra_api_free(RA_TAKE(app->api));
	if (app->engine != NULL)
		ra_engine_stop(app->engine);
	ra_mirror_free(RA_TAKE(app->mirror));
	whole = ra_store_close(RA_TAKE(app->store), STOP_WAIT);
	/* After the lines that waited for what they say to be saved. */
	if (app->started)
		ra_app_log(app, LOG_NOTICE, "stop version=%s", RA_VERSION);
	ra_engine_free(RA_TAKE(app->engine));
	ra_syslog_free(RA_TAKE(app->syslog), STOP_WAIT / 2);
	ra_notify_free(RA_TAKE(app->notify));
	ra_config_unref(RA_TAKE(app->config));
	ra_wake_free(RA_TAKE(app->signals));
	ra_app_close_io(app);
	return whole;
}

int
ra_app_run(struct ra_app *app)
{
	struct ra_error err = { 0 };
	int r;

	handle(SIGHUP, on_signal);
	app->seccomp = ra_seccomp_wanted();
	/* The helper first: it is to inherit nothing. */
	if ((r = ra_random(app->fingerprint_key, sizeof(app->fingerprint_key))) < 0 ||
	    (r = ra_app_open_io(app, &err)) < 0 ||
	    (r = ra_notify_new(app->io.loop, &app->notify)) < 0) {
		(void)(err.code != 0 || ra_error_set(&err, r, "cannot start: %s", strerror(-r)));
		fprintf(stderr, "relauditd: %s\n", err.text);
		app->exit = RA_EXIT_FAILED;
	} else if (load_config(app) < 0) {
		app->exit = RA_EXIT_CONFIG;
	} else if (start(app, &err) < 0) {
		fprintf(stderr, "relauditd: %s\n", err.text);
		app->exit = RA_EXIT_FAILED;
	} else {
		confine(app);
		say_start(app);
		app->started = true;
		ra_loop_run(app->io.loop);
	}
	if (!stop(app)) {
		/* It may come loose: what exit() tears down (OpenSSL's tables) it still uses. */
		(void)fflush(NULL);
		_exit(app->exit);
	}
	return app->exit;
}
