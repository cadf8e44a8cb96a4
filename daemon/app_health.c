/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the app watches about itself: files that hold secrets (a change is a reload), the store, the
 * helper, its socket, the clock. Each says something once when it fails and once when it recovers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "app.h"

#define EVERY	   (5 * RA_SECOND)
#define CLOCK_JUMP (5 * RA_SECOND)

struct ra_health {
	int64_t say_at; /* monotonic ms: the next status */
	struct ra_app *app;
	struct ra_timer *timer;
	bool store_failing, socket_lost;
	uint64_t restarts;
	int64_t wall_offset, sleep_offset; /* wall - boot, boot - monotonic */
	/* the round over the watched files */
	struct ra_config *config; /* whose files are being looked at */
	size_t next;
	bool changed; /* against what the configuration was made of */
	uint64_t seen, tried; /* all files of this round; of the last reload for a change */
	struct ra_helper_job *job;
};

static void
watch_store(struct ra_health *h)
{
	struct ra_store_stats stats;

	ra_store_stats(h->app->store, &stats);
	if (stats.failing && !h->store_failing)
		ra_app_log(h->app, LOG_ERR, "store failing=1 %s", stats.error);
	else if (!stats.failing && h->store_failing)
		ra_app_log(h->app, LOG_NOTICE, "store failing=0 state is saved again");
	h->store_failing = stats.failing;
}

static void
watch_helper(struct ra_health *h)
{
	struct ra_helper_stats stats;

	ra_helper_stats(h->app->io.helper, &stats);
	if (stats.restarts != h->restarts)
		ra_app_log(h->app, LOG_ERR, "helper restarted=%" PRIu64, stats.restarts);
	h->restarts = stats.restarts;
	if (stats.lost) {
		ra_app_log(h->app, LOG_CRIT,
		    "helper lost=1 summary=\"its keeper was ended from outside; the daemon ends, "
		    "to be started again\"");
		h->app->exit = RA_EXIT_FAILED;
		ra_loop_stop(h->app->io.loop);
	}
}

static void
watch_socket(struct ra_health *h)
{
	struct ra_error err = { 0 };
	int r = ra_api_mend_socket(h->app->api, &err);

	if (r > 0)
		ra_app_log(h->app, LOG_WARNING,
		    "socket lost=0 summary=\"it was removed or replaced underneath, and is there "
		    "again\"");
	else if (r == 0 && h->socket_lost)
		ra_app_log(h->app, LOG_NOTICE, "socket lost=0 summary=\"it is there again\"");
	else if (r < 0 && !h->socket_lost)
		ra_app_log(h->app, LOG_ERR,
		    "socket lost=1 summary=\"it was removed or replaced underneath, and nobody can "
		    "ask: %s; it is tried again\"",
		    err.text);
	h->socket_lost = r < 0;
}

static void
watch_clock(struct ra_health *h)
{
	int64_t offset = ra_clock_wall() - ra_clock_boot(), by = offset - h->wall_offset;
	char text[RA_UNIT_TEXT];

	if (by > CLOCK_JUMP || by < -CLOCK_JUMP)
		ra_app_log(h->app, LOG_WARNING, "clock moved=%s%s", by < 0 ? "-" : "",
		    ra_duration_format(by < 0 ? -by : by, text));
	h->wall_offset = offset;
	offset = ra_clock_boot() - ra_clock_mono();
	if (offset - h->sleep_offset > CLOCK_JUMP)
		ra_app_log(h->app, LOG_WARNING, "clock slept=%s",
		    ra_duration_format(offset - h->sleep_offset, text));
	if (by > CLOCK_JUMP || offset - h->sleep_offset > CLOCK_JUMP)
		ra_engine_catch_up(h->app->engine);
	h->sleep_offset = offset;
}

/* --- files that hold secrets --- */

/* A change is tried once: a reload that is refused is not repeated until the next. */
static void
end_round(struct ra_health *h)
{
	if (h->changed && h->seen != h->tried) {
		h->tried = h->seen;
		ra_app_on_hangup(h->app);
	}
	ra_config_unref(RA_TAKE(h->config));
}

static void look_at_next(struct ra_health *h);

static void
mix(struct ra_health *h, const void *data, size_t len)
{
	h->seen = h->seen * UINT64_C(0x100000001b3) ^ ra_hash_stable(data, len);
}

static void
on_looked(void *arg, struct ra_file_answer *answer)
{
	struct ra_health *h = arg;
	const struct ra_watched *was = &h->config->watched[h->next];
	struct ra_watched now = { .path = was->path };

	h->job = NULL;
	if (answer->reason == RA_R_OK && answer->item_count > 0) {
		now.modified = answer->items[0].time;
		now.size = answer->items[0].size;
		now.inode = answer->inode;
	}
	mix(h, &now, sizeof(now));
	if (now.modified != was->modified || now.size != was->size || now.inode != was->inode)
		h->changed = true;
	h->next++;
	look_at_next(h);
}

static void
look_at_next(struct ra_health *h)
{
	struct ra_file_request request = { .want = RA_FILE_STAT, .follow = true };

	if (h->next >= h->config->watched_count) {
		end_round(h);
		return;
	}
	request.path = h->config->watched[h->next].path;
	request.deadline = ra_loop_now(h->app->io.loop) + EVERY;
	if (ra_helper_file(h->app->io.helper, &request, on_looked, h, &h->job) < 0)
		ra_config_unref(RA_TAKE(h->config)); /* another round, another time */
}

static void
watch_files(struct ra_health *h)
{
	const struct ra_config *now = ra_engine_config(h->app->engine);

	if (h->config != NULL || now->watched_count == 0)
		return;
	h->config = ra_config_ref((struct ra_config *)(uintptr_t)now);
	h->next = 0;
	h->seen = 0;
	h->changed = false;
	look_at_next(h);
}

/* --- one line for `systemctl status` --- */

static bool
count_states(struct ra_engine *e, size_t counts[RA_PENDING + 1])
{
	struct ra_generation *now = ra_engine_generation(e);
	const struct ra_config *c;
	enum ra_verdict state, verdict;

	if (now == NULL)
		return false;
	c = ra_generation_config(now);
	for (size_t i = 0; i < c->check_count; i++) {
		ra_generation_shown(now, c->checks[i], &state, &verdict);
		counts[state]++;
	}
	ra_generation_unref(now);
	return true;
}

void
ra_health_say(struct ra_app *app, bool ready)
{
	static const enum ra_verdict worst_first[] = { RA_CRITICAL, RA_UNKNOWN, RA_WARNING,
		RA_PENDING };
	RA_BUF_LOCAL text = RA_BUF(256);
	const struct ra_config *c = ra_engine_config(app->engine);
	size_t counts[RA_PENDING + 1] = { 0 };

	if (!ra_notify_heard(app->notify))
		return;
	ra_buf_printf(&text, "%zu environment%s, %zu check%s", c->environment_count,
	    c->environment_count == 1 ? "" : "s", c->check_count, c->check_count == 1 ? "" : "s");
	if (!count_states(app->engine, counts))
		ra_buf_puts(&text, ", not counted: out of memory");
	for (size_t i = 0; i < RA_ARRAY_SIZE(worst_first); i++) {
		if (counts[worst_first[i]] > 0)
			ra_buf_printf(&text, ", %zu %s", counts[worst_first[i]],
			    ra_verdict_name(worst_first[i]));
	}
	if (app->reload_refused)
		ra_buf_puts(&text, "; the last reload was refused, the log says why");
	if (ready)
		ra_notify_ready(app->notify, ra_buf_text(&text));
	else
		ra_notify_status(app->notify, ra_buf_text(&text));
}

static void
on_timer(void *arg)
{
	struct ra_health *h = arg;

	watch_store(h);
	watch_helper(h);
	watch_socket(h);
	watch_clock(h);
	ra_engine_watch_stale(h->app->engine);
	watch_files(h);
	/* All checks are looked at for it: the more there are, the less often. */
	if (ra_clock_mono() >= h->say_at) {
		ra_health_say(h->app, false);
		h->say_at =
		    ra_clock_mono() + (int64_t)ra_engine_config(h->app->engine)->check_count;
	}
}

int
ra_health_start(struct ra_app *app)
{
	struct ra_health *h = calloc(1, sizeof(*h));
	int r;

	if (h == NULL)
		return -ENOMEM;
	h->app = app;
	h->wall_offset = ra_clock_wall() - ra_clock_boot();
	h->sleep_offset = ra_clock_boot() - ra_clock_mono();
	r = ra_timer_new(app->io.loop, on_timer, h, &h->timer);
	if (r < 0) {
		free(h);
		return r;
	}
	ra_timer_start(h->timer, RA_SECOND, EVERY);
	app->health = h;
	return 0;
}

void
ra_health_stop(struct ra_app *app)
{
	struct ra_health *h = app->health;

	if (h == NULL)
		return;
	app->health = NULL;
	ra_timer_free(h->timer);
	if (h->job != NULL)
		ra_helper_cancel(h->job);
	ra_config_unref(h->config);
	free(h);
}
