/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/engine/alert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/escape.h"
#include "relaudit/base/units.h"

#define LINE_MAX_BYTES 1900 /* the daemon's name, time and pid come before it; 2 KiB in all */
#define VALUE_MAX      256 /* of any value but the summary */
#define SUMMARY	       " summary="
#define UNSAVED	       " unsaved=1" /* room is kept for it: it is learnt later than the rest */

int
ra_alert_priority(enum ra_verdict state)
{
	switch (state) {
	case RA_CRITICAL:
		return LOG_CRIT;
	case RA_WARNING:
		return LOG_WARNING;
	case RA_OK:
		return LOG_NOTICE;
	case RA_UNKNOWN:
	case RA_PENDING:
		break;
	}
	return LOG_ERR;
}

void
ra_alert_pair(struct ra_buf *out, const char *key, const char *value)
{
	ra_buf_putc(out, ' ');
	ra_buf_puts(out, key);
	ra_buf_putc(out, '=');
	ra_escape_value(out, value, strlen(value), VALUE_MAX);
}

void
ra_alert_pair_time(struct ra_buf *out, const char *key, int64_t wall_ms)
{
	char text[RA_TIME_TEXT];

	ra_alert_pair(out, key, ra_time_format_s(wall_ms, text));
}

static void
add_owner(struct ra_buf *out, const char *owner, const char *service)
{
	if (owner != NULL)
		ra_alert_pair(out, "owner", owner);
	if (service != NULL)
		ra_alert_pair(out, "service", service);
}

void
ra_alert_state(struct ra_buf *out, const struct ra_check *check, const char *kind,
    const struct ra_transition *t, const char *summary, bool unsaved)
{
	const char *text = summary != NULL ? summary : "";
	size_t begin = out->len, used;
	char lasted[RA_UNIT_TEXT];

	ra_buf_puts(out, "state");
	ra_alert_pair(out, "check", check->id);
	ra_alert_pair(out, "environment", check->environment->name);
	ra_alert_pair(out, "kind", kind);
	ra_alert_pair(out, "was", ra_verdict_name(t->was));
	ra_alert_pair(out, "now", ra_verdict_name(t->now));
	ra_alert_pair(out, "reason", ra_reason_code(t->reason));
	ra_alert_pair_time(out, "since", t->since);
	ra_buf_printf(out, " id=%04" PRIx64, t->id);
	add_owner(out, check->environment->owner, check->service);
	if (t->change == RA_CHANGE_RECOVERY)
		ra_alert_pair(
		    out, "lasted", ra_duration_format(t->lasted / RA_SECOND * RA_SECOND, lasted));
	if (unsaved)
		ra_buf_puts(out, UNSAVED);
	ra_buf_puts(out, SUMMARY);
	used = out->len - begin + (unsaved ? 0 : sizeof(UNSAVED) - 1);
	if (used < LINE_MAX_BYTES)
		ra_escape_value(out, text, strlen(text), LINE_MAX_BYTES - used);
}

void
ra_alert_removed(struct ra_buf *out, const char *check, const char *owner, const char *service,
    const struct ra_state *s, int64_t lasted, const char *summary)
{
	char text[RA_UNIT_TEXT];

	ra_buf_puts(out, "removed");
	ra_alert_pair(out, "check", check);
	ra_buf_printf(out, " environment=%.*s", (int)strcspn(check, "/"), check);
	ra_alert_pair(out, "was", ra_verdict_name(s->state));
	ra_buf_printf(out, " id=%04" PRIx64, s->problem);
	add_owner(out, owner, service);
	ra_alert_pair(out, "lasted", ra_duration_format(lasted / RA_SECOND * RA_SECOND, text));
	ra_alert_pair(out, "summary", summary);
}

void
ra_alert_flapping(struct ra_buf *out, const struct ra_check *check, enum ra_verdict now,
    unsigned changes, const char *of)
{
	ra_buf_puts(out, "flapping");
	ra_alert_pair(out, "check", check->id);
	ra_alert_pair(out, "environment", check->environment->name);
	ra_alert_pair(out, "now", ra_verdict_name(now));
	ra_buf_printf(out, " changes=%u", changes);
	add_owner(out, check->environment->owner, check->service);
	ra_buf_printf(out,
	    SUMMARY "\"%u change%s of %s since the last line, not all told; the history has each\"",
	    changes, changes == 1 ? "" : "s", of);
}

/* What changed, and where. */
static void
begin_change(
    struct ra_buf *out, const char *what, const struct ra_check *check, const char *instance)
{
	ra_buf_puts(out, what);
	ra_alert_pair(out, "check", check->id);
	ra_alert_pair(out, "environment", check->environment->name);
	if (instance != NULL)
		ra_alert_pair(out, "instance", instance);
	add_owner(out, check->environment->owner, check->service);
}

void
ra_alert_version(struct ra_buf *out, const struct ra_check *check, const char *instance,
    const char *was, const struct ra_facts *now)
{
	begin_change(out, "version-changed", check, instance);
	ra_alert_pair(out, "was", was);
	ra_alert_pair(out, "now", ra_facts_text(now, "version"));
	if (ra_facts_text(now, "tag") != NULL)
		ra_alert_pair(out, "tag", ra_facts_text(now, "tag"));
}

void
ra_alert_tag(struct ra_buf *out, const struct ra_check *check, const char *tag, const char *was,
    const char *now)
{
	begin_change(out, "tag-moved", check, NULL);
	ra_alert_pair(out, "tag", tag);
	ra_alert_pair(out, "was", was);
	ra_alert_pair(out, "now", now);
}

void
ra_alert_config(struct ra_buf *out, const struct ra_check *check, const char *instance,
    size_t count, const char *keys, size_t more)
{
	size_t begin = out->len, used;

	begin_change(out, "config-changed", check, instance);
	ra_buf_printf(out, " count=%zu", count);
	if (more > 0)
		ra_buf_printf(out, " more=%zu", more);
	ra_buf_puts(out, " keys=");
	used = out->len - begin;
	if (used < LINE_MAX_BYTES)
		ra_escape_value(out, keys, strlen(keys), LINE_MAX_BYTES - used);
}
