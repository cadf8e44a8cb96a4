/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <inttypes.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "read.h"
#include "views.h"

#define CHANGES_MAX  5
#define KEYS_MAX     10
#define COMMIT_SHOWN 10 /* digits */

void
ra_ctl_events_init(
    struct ra_ctl_table *t, const struct ra_ctl_term *term, enum ra_ctl_events_use use)
{
	static const char *const titles[] = { "TIME", "CHECK", "CHANGE", "REASON", "SUMMARY" };
	struct ra_ctl_column columns[RA_ARRAY_SIZE(titles)] = { 0 };
	size_t i;

	for (i = 0; use == RA_CTL_EVENTS_LIST && i < RA_ARRAY_SIZE(titles); i++)
		columns[i].title = titles[i];
	columns[1].least = 20;
	columns[3].least = 12;
	columns[4].tail = true;
	columns[1].optional = columns[3].optional = use != RA_CTL_EVENTS_STREAM;
	if (use == RA_CTL_EVENTS_STREAM) {
		/* One line knows nothing of the next: what most of them need. */
		columns[1].room = 24;
		columns[2].room = 19;
		columns[3].room = 16;
	}
	ra_ctl_table_init(t, term, columns, RA_ARRAY_SIZE(columns));
}

static void
state_row(struct ra_ctl_table *t, const json_t *event, const char *time)
{
	enum ra_verdict was = ra_ctl_json_verdict(event, "was");
	enum ra_verdict now = ra_ctl_json_verdict(event, "now");
	int64_t lasted = ra_ctl_json_int(event, "lasted_s", -1);
	RA_CTL_PART change = RA_BUF(0);
	RA_CTL_PART summary = RA_BUF(0);
	const char *text = ra_ctl_json_text(event, "summary");
	char human[RA_UNIT_TEXT];

	ra_buf_printf(
	    &change, "%s%s%s", ra_verdict_name(was), ra_ctl_arrow(t->term), ra_verdict_name(now));
	ra_buf_puts(&summary, text != NULL ? text : "");
	if (lasted >= 0 && lasted < INT64_MAX / RA_SECOND)
		ra_buf_printf(
		    &summary, " (had lasted %s)", ra_duration_human(lasted * RA_SECOND, human));
	ra_ctl_table_row(t, (struct ra_ctl_cell[]){ { time, RA_CTL_PLAIN },
				{ ra_ctl_json_text(event, "check"), RA_CTL_BOLD },
				{ ra_buf_text(&change), ra_ctl_style_of(now) },
				{ ra_ctl_json_text(event, "reason"), RA_CTL_PLAIN },
				{ ra_buf_text(&summary), RA_CTL_PLAIN } });
}

/* Of events that we have no words for: all their members. */
static void
add_members(const json_t *event, struct ra_buf *out)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)event, name, value) {
		if (strcmp(name, "event") == 0 || strcmp(name, "at") == 0 ||
		    strcmp(name, "check") == 0 || strcmp(name, "schema") == 0 ||
		    strcmp(name, "id") == 0)
			continue;
		ra_buf_printf(out, "%s%s=", out->len > 0 ? " " : "", name);
		ra_ctl_scalar(out, value);
	}
}

/* "b: 1.4.2 -> 1.5.0, tag v1.5.0, commit abc1234" */
static void
add_version(const struct ra_ctl_term *term, const json_t *event, struct ra_buf *out)
{
	static const char *const keys[] = { "tag", "commit" };
	const json_t *instance = json_object_get(event, "instance");
	const json_t *was = json_object_get(event, "was"), *now = json_object_get(event, "now");
	bool any = now != NULL;
	size_t i;

	if (instance != NULL) {
		ra_ctl_scalar(out, instance);
		ra_buf_puts(out, ": ");
	}
	if (was != NULL) {
		ra_ctl_scalar(out, was);
		ra_buf_puts(out, ra_ctl_arrow(term));
	}
	if (now != NULL)
		ra_ctl_scalar(out, now);
	for (i = 0; i < RA_ARRAY_SIZE(keys); i++) {
		const json_t *value = json_object_get(event, keys[i]);

		if (value == NULL)
			continue;
		ra_buf_printf(out, "%s%s ", any ? ", " : "", keys[i]);
		ra_ctl_scalar(out, value);
		any = true;
	}
	if (was == NULL && strcmp(ra_ctl_json_text(event, "event"), "version-changed") == 0)
		ra_buf_puts(out, " (seen for the first time)");
}

/* "v1.5.0: f52c2b2a90 -> 992ba8d0c1" */
static void
add_move(const struct ra_ctl_term *term, const json_t *event, struct ra_buf *out)
{
	const char *was = ra_ctl_json_text(event, "was"), *now = ra_ctl_json_text(event, "now");

	ra_ctl_scalar(out, json_object_get(event, "tag"));
	ra_buf_printf(out, ": %.*s", COMMIT_SHOWN, was != NULL ? was : "?");
	ra_buf_puts(out, ra_ctl_arrow(term));
	ra_buf_printf(out, "%.*s", COMMIT_SHOWN, now != NULL ? now : "?");
}

static void
add_changes(const json_t *event, struct ra_buf *out)
{
	const json_t *changes = json_object_get(event, "changes"), *item;
	size_t i, count = json_array_size(changes);

	ra_buf_printf(out, "%zu change%s", count, count == 1 ? "" : "s");
	json_array_foreach (changes, i, item) {
		if (i == CHANGES_MAX) {
			ra_buf_puts(out, ", ...");
			break;
		}
		ra_buf_puts(out, i == 0 ? ": " : ", ");
		ra_ctl_scalar(out, item);
	}
}

void
ra_ctl_event_keys(const json_t *event, struct ra_buf *out)
{
	const json_t *keys = json_object_get(event, "keys"), *item;
	int64_t count = ra_ctl_json_int(event, "count", 0);
	const char *instance = ra_ctl_json_text(event, "instance");
	size_t i;

	if (instance != NULL)
		ra_buf_printf(out, "%s: ", instance);
	ra_buf_printf(out, "%" PRId64 " key%s", count, count == 1 ? "" : "s");
	json_array_foreach (keys, i, item) {
		const char *key = ra_ctl_json_text(item, "key");

		if (i == KEYS_MAX)
			break;
		ra_buf_puts(out, i == 0 ? ": " : ", ");
		if (json_is_null(json_object_get(item, "was")))
			ra_buf_putc(out, '+');
		else if (json_is_null(json_object_get(item, "now")))
			ra_buf_putc(out, '-');
		ra_buf_puts(out, key != NULL ? key : "?");
	}
	if (count > (int64_t)i)
		ra_buf_printf(out, " and %" PRId64 " more", count - (int64_t)i);
}

void
ra_ctl_events_row(struct ra_ctl_table *t, const json_t *event)
{
	const char *what = ra_ctl_json_text(event, "event");
	RA_CTL_PART time = RA_BUF(0);
	RA_CTL_PART members = RA_BUF(0);

	ra_ctl_time(&time, ra_ctl_json_time(event, "at"));
	if ((what == NULL || strcmp(what, "state") == 0) && json_object_get(event, "now") != NULL) {
		state_row(t, event, ra_buf_text(&time));
		return;
	}
	if (what != NULL && strcmp(what, "reload") == 0)
		add_changes(event, &members);
	else if (what != NULL && strncmp(what, "version-", 8) == 0)
		add_version(t->term, event, &members);
	else if (what != NULL && strcmp(what, "tag-moved") == 0)
		add_move(t->term, event, &members);
	else if (what != NULL && strcmp(what, "config-changed") == 0)
		ra_ctl_event_keys(event, &members);
	else
		add_members(event, &members);
	ra_ctl_table_row(t, (struct ra_ctl_cell[]){ { ra_buf_text(&time), RA_CTL_PLAIN },
				{ ra_ctl_json_text(event, "check"), RA_CTL_BOLD },
				{ what != NULL ? what : "?", RA_CTL_PLAIN }, { NULL, RA_CTL_PLAIN },
				{ ra_buf_text(&members), RA_CTL_PLAIN } });
}

const json_t *
ra_ctl_events_of(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "events");

	return list != NULL ? list : json_object_get(answer, "history");
}

/* False: it is no date. */
static bool
date_begins(const char *text, struct ra_buf *ret_time)
{
	int64_t value;

	ra_buf_printf(ret_time, "%.60sT00:00:00Z", text);
	return ra_time_parse(ra_buf_text(ret_time), ret_time->len, &value) == 0;
}

int
ra_ctl_check_time(const struct ra_ctl *ctl, const char *option, struct ra_error *err)
{
	const char *text = ra_ctl_value(ctl, option);
	RA_BUF_LOCAL midnight = RA_BUF(128);
	int64_t value;

	if (text == NULL || ra_duration_parse(text, &value, NULL) == 0 ||
	    ra_time_parse(text, strlen(text), &value) == 0 || date_begins(text, &midnight))
		return 0;
	ra_error_set(err, -EINVAL,
	    "--%s is a duration ago (90s, 5m, 26h, 14d), a time (2026-11-23T09:14:05Z) or a date "
	    "(2026-11-23), not '%.60s'",
	    option, text);
	return RA_CTL_USAGE;
}

void
ra_ctl_query_time(struct ra_buf *path, const char *name, const char *value)
{
	RA_BUF_LOCAL midnight = RA_BUF(128);

	ra_ctl_query(path, name, date_begins(value, &midnight) ? ra_buf_text(&midnight) : value);
}

int
ra_ctl_ask_history(struct ra_ctl *ctl, const char *selector, const char *since, const char *limit,
    struct ra_ctl_answer *answer, struct ra_error *err)
{
	RA_BUF_LOCAL path = RA_BUF(4096);
	struct ra_ctl_request request = { 0 };

	ra_buf_puts(&path, "/v1/history");
	if (selector != NULL)
		ra_ctl_query(
		    &path, strchr(selector, '/') != NULL ? "check" : "environment", selector);
	if (since != NULL)
		ra_ctl_query_time(&path, "since", since);
	if (limit != NULL)
		ra_ctl_query(&path, "limit", limit);
	request.path = ra_ctl_path(&path);
	return ra_ctl_ask(ctl, &request, answer, err);
}
