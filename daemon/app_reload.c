/* SPDX-License-Identifier: Apache-2.0 */
/* Reload: all of the new configuration is built and checked on a worker, then swapped in one go. */
#include <string.h>
#include <syslog.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/escape.h"

#include "app.h"

struct ra_reload {
	struct ra_app *app;
	struct ra_config *was, *config;
	struct ra_errors errors;
	int error;
	struct ra_buf changes;
	void (*done)(void *arg, bool ok, const char *text);
	void *arg;
};

static void
on_worker(void *arg)
{
	struct ra_reload *r = arg;
	struct ra_conf_load load = ra_app_load(r->app);

	r->error = ra_config_load(&load, &r->config, &r->errors);
	if (r->error == 0)
		ra_config_diff(r->was, r->config, &r->changes);
}

static void
report_errors(struct ra_app *app, const struct ra_errors *errors)
{
	size_t i;

	ra_app_log(app, LOG_ERR, "reload refused=1 errors=%zu; the old configuration stays",
	    errors->count + errors->more);
	for (i = 0; i < errors->count && i < 20; i++) {
		const struct ra_errors_item *item = &errors->items[i];
		RA_BUF_LOCAL text = RA_BUF(1024);

		ra_escape_value(&text, item->text, strlen(item->text), 900);
		ra_app_log(app, LOG_ERR, "reload at=%s:%u:%u error=%s", item->pos.file,
		    item->pos.line, item->pos.col, ra_buf_text(&text));
	}
}

static void
report_change(struct ra_app *app, const struct ra_config *now, const char *changes)
{
	RA_BUF_LOCAL body = RA_BUF(1 << 20);
	const char *at, *end;
	struct ra_jsonw w;
	size_t count = 0;

	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "event", "reload");
	ra_jsonw_time(&w, "at", ra_clock_wall());
	ra_jsonw_text(&w, "config", now->digest);
	ra_jsonw_array(&w, "changes");
	for (at = changes; *at != '\0'; at = end + (*end == '\n')) {
		end = strchrnul(at, '\n');
		if (count++ < 1000)
			ra_jsonw_textn(&w, NULL, at, (size_t)(end - at));
	}
	ra_jsonw_array_end(&w);
	ra_jsonw_object_end(&w);
	ra_app_log(app, LOG_NOTICE, "reload config=%s environments=%zu checks=%zu changes=%zu",
	    now->digest, now->environment_count, now->check_count, count);
	ra_engine_event(app->engine, "reload", body.error == 0 ? body.data : NULL);
}

/* What only a start takes up. */
static void
add_restart_notes(const struct ra_config *was, const struct ra_config *now, struct ra_buf *out)
{
	if (strcmp(was->daemon.socket_path, now->daemon.socket_path) != 0)
		ra_buf_puts(out, "! daemon.socket: takes a restart\n");
	if (strcmp(was->daemon.state, now->daemon.state) != 0)
		ra_buf_puts(out, "! daemon.state: takes a restart\n");
	if (was->daemon.syslog_facility != now->daemon.syslog_facility)
		ra_buf_puts(out, "! daemon.syslog: takes a restart\n");
}

static void
finish(struct ra_reload *r)
{
	struct ra_app *app = r->app;
	RA_BUF_LOCAL text = RA_BUF(0);
	struct ra_error err = { 0 };
	bool ok = false;

	if (r->error < 0) {
		ra_errors_print(&r->errors, &text);
		report_errors(app, &r->errors);
	} else {
		add_restart_notes(app->config, r->config, &r->changes);
		if (ra_engine_swap(app->engine, r->config, &err) == 0) {
			ok = true;
			report_change(app, r->config, ra_buf_text(&r->changes));
		} else {
			ra_buf_puts(&text, err.text);
			ra_app_log(app, LOG_ERR, "reload refused=1 %s", err.text);
		}
	}
	app->reload_refused = !ok;
	if (r->done != NULL)
		r->done(r->arg, ok, ra_buf_text(ok ? &r->changes : &text));
}

static void
on_loaded(void *arg)
{
	struct ra_reload *r = arg;
	struct ra_app *app = r->app;

	finish(r);
	ra_health_say(app, true);
	ra_config_unref(r->was);
	ra_config_unref(r->config);
	ra_buf_free(&r->changes);
	ra_errors_clear(&r->errors);
	free(r);
	app->reload = NULL;
	if (app->reload_again) {
		app->reload_again = false;
		ra_app_on_hangup(app);
	}
}

int
ra_app_reload(void *arg, void (*done)(void *arg, bool ok, const char *text), void *done_arg)
{
	struct ra_app *app = arg;
	struct ra_reload *r;

	if (app->reload != NULL)
		return -EBUSY;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->app = app;
	r->changes = RA_BUF(0);
	r->done = done;
	r->arg = done_arg;
	ra_notify_reloading(app->notify);
	r->was = ra_config_ref((struct ra_config *)(uintptr_t)ra_engine_config(app->engine));
	if (ra_work_start(app->io.loop, on_worker, on_loaded, r) < 0) {
		ra_config_unref(r->was);
		free(r);
		return -ENOMEM;
	}
	app->reload = r;
	return 0;
}

/* A storm of SIGHUPs is one reload, and one more for what came during it. */
void
ra_app_on_hangup(void *arg)
{
	struct ra_app *app = arg;

	if (ra_app_reload(app, NULL, NULL) == -EBUSY)
		app->reload_again = true;
}
