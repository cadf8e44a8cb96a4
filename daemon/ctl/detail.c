/* SPDX-License-Identifier: Apache-2.0 */
/* `show`: everything known of a check, in the order in which it is asked at night. */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "table.h"
#include "views.h"

#define INDENT 2

static void
add_text(const struct ra_ctl_term *t, struct ra_buf *out, const char *label, const char *text)
{
	if (text != NULL && *text != '\0')
		ra_ctl_field(t, out, INDENT, label, text);
}

static void
add_buf(
    const struct ra_ctl_term *t, struct ra_buf *out, const char *label, const struct ra_buf *text)
{
	add_text(t, out, label, ra_buf_text(text));
}

static void
add_title(const struct ra_ctl_term *t, struct ra_buf *out, const struct ra_ctl_check *c)
{
	ra_ctl_styled(t, out, ra_ctl_style_of(c->state), ra_verdict_name(c->state));
	ra_buf_puts(out, "  ");
	ra_ctl_styled(t, out, RA_CTL_BOLD, c->id);
	ra_ctl_tail(t, out, c->summary != NULL ? c->summary : "",
	    strlen(ra_verdict_name(c->state)) + ra_ctl_width(t, c->id) + 4, 2);
	ra_buf_putc(out, '\n');
}

static void
add_state(
    const struct ra_ctl_term *t, struct ra_buf *out, const struct ra_ctl_check *c, int64_t now)
{
	RA_CTL_PART text = RA_BUF(0);

	if (c->once || (c->since == 0 && c->state == RA_PENDING))
		return;
	ra_buf_puts(&text, ra_verdict_name(c->state));
	if (c->since != 0) {
		ra_buf_puts(&text, " since ");
		ra_ctl_moment(&text, c->since, now);
	}
	if (json_object_get(c->json, "hard") != NULL)
		ra_buf_puts(&text, c->hard ? ", confirmed" : ", not confirmed yet");
	add_buf(t, out, "state", &text);
	if (c->verdict != c->state)
		add_text(t, out, "latest", ra_verdict_name(c->verdict));
}

static void
add_reason(const struct ra_ctl_term *t, struct ra_buf *out, const struct ra_ctl_check *c)
{
	RA_CTL_PART text = RA_BUF(0);
	enum ra_reason reason;

	if (c->reason == NULL || strcmp(c->reason, "ok") == 0)
		return;
	ra_buf_puts(&text, c->reason);
	if (ra_reason_parse(c->reason, &reason) == 0)
		ra_buf_printf(&text, ": %s", ra_reason_meaning(reason));
	add_buf(t, out, "reason", &text);
}

static void
add_schedule(
    const struct ra_ctl_term *t, struct ra_buf *out, const struct ra_ctl_check *c, int64_t now)
{
	RA_CTL_PART checked = RA_BUF(0);
	RA_CTL_PART next = RA_BUF(0);
	char text[RA_UNIT_TEXT];

	if (c->checked != 0) {
		ra_ctl_moment(&checked, c->checked, now);
		if (c->duration >= 0)
			ra_buf_printf(&checked, ", took %s", ra_duration_human(c->duration, text));
		add_buf(t, out, "checked", &checked);
	}
	if (c->next != 0 && !c->once) {
		ra_ctl_moment(&next, c->next, now);
		if (c->every > 0)
			ra_buf_printf(&next, ", every %s", ra_duration_format(c->every, text));
		add_buf(t, out, "next", &next);
	}
}

static void
add_facts(const struct ra_ctl_term *t, struct ra_buf *out, const json_t *facts, int64_t now)
{
	const char *name;
	json_t *value;
	bool first = true;
	size_t width = 0;

	json_object_foreach ((json_t *)facts, name, value) {
		size_t w = ra_ctl_width(t, name);

		width = w > width ? w : width;
	}
	json_object_foreach ((json_t *)facts, name, value) {
		RA_CTL_PART line = RA_BUF(0);

		ra_buf_printf(&line, "%s%*s", name, (int)(width - ra_ctl_width(t, name)) + 2, "");
		ra_ctl_fact(&line, name, value, now);
		ra_ctl_field_lines(t, out, INDENT, first ? "facts" : "", ra_buf_text(&line));
		first = false;
	}
}

static void
instance_facts(struct ra_buf *out, const json_t *facts)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)facts, name, value) {
		ra_buf_printf(out, "%s%s ", out->len > 0 ? ", " : "", name);
		ra_ctl_scalar(out, value);
	}
}

static void
add_instances(const struct ra_ctl_term *t, struct ra_buf *out, const struct ra_ctl_check *c)
{
	static const struct ra_ctl_column columns[] = { { .title = "INSTANCE", .least = 12 },
		{ .title = "VERDICT" }, { .title = "REASON", .least = 12, .optional = true },
		{ .title = "FACTS", .least = 20, .optional = true },
		{ .title = "SUMMARY", .optional = true, .tail = true } };
	struct ra_ctl_table table;
	const json_t *item;
	size_t i;

	if (json_array_size(c->instances) == 0)
		return;
	ra_buf_putc(out, '\n');
	ra_ctl_table_init(&table, t, columns, RA_ARRAY_SIZE(columns));
	table.indent = INDENT;
	json_array_foreach (c->instances, i, item) {
		enum ra_verdict v = ra_ctl_json_verdict(item, "verdict");
		RA_CTL_PART facts = RA_BUF(0);
		const char *name = ra_ctl_json_text(item, "name");

		instance_facts(&facts, json_object_get(item, "facts"));
		ra_ctl_table_row(
		    &table, (struct ra_ctl_cell[]){ { name != NULL ? name : "?", RA_CTL_BOLD },
				{ ra_verdict_name(v), ra_ctl_style_of(v) },
				{ ra_ctl_json_text(item, "reason"), RA_CTL_PLAIN },
				{ ra_buf_text(&facts), RA_CTL_PLAIN },
				{ ra_ctl_json_text(item, "summary"), RA_CTL_PLAIN } });
	}
	ra_ctl_table_print(&table, out);
	ra_ctl_table_free(&table);
}

void
ra_ctl_detail(const struct ra_ctl_term *t, const struct ra_ctl_check *c, int64_t now,
    const struct ra_ctl_environment *owner, struct ra_buf *out)
{
	RA_CTL_PART kind = RA_BUF(0);

	add_title(t, out, c);
	add_state(t, out, c, now);
	add_reason(t, out, c);
	add_text(t, out, "expected", c->expected);
	add_text(t, out, "evidence", c->evidence);
	add_text(t, out, "next step", c->next_step);
	if (owner != NULL) {
		add_text(t, out, "owner", owner->owner);
		add_text(t, out, "runbook", owner->runbook);
	}
	add_facts(t, out, c->facts, now);
	add_schedule(t, out, c, now);
	ra_buf_puts(&kind, c->kind);
	if (c->source != NULL)
		ra_buf_printf(&kind, ", read by %s", c->source);
	if (c->service != NULL)
		ra_buf_printf(&kind, ", service %s", c->service);
	add_buf(t, out, "kind", &kind);
	add_instances(t, out, c);
}

static void
add_labels(const struct ra_ctl_term *t, struct ra_buf *out, const json_t *labels)
{
	RA_CTL_PART text = RA_BUF(0);
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)labels, name, value) {
		ra_buf_printf(&text, "%s%s=", text.len > 0 ? ", " : "", name);
		ra_ctl_scalar(&text, value);
	}
	add_buf(t, out, "labels", &text);
}

static void
add_aliases(const struct ra_ctl_term *t, struct ra_buf *out, const json_t *aliases)
{
	RA_CTL_PART text = RA_BUF(0);
	const json_t *item;
	size_t i;

	json_array_foreach (aliases, i, item) {
		ra_buf_puts(&text, text.len > 0 ? ", " : "");
		ra_ctl_scalar(&text, item);
	}
	add_buf(t, out, "aliases", &text);
}

void
ra_ctl_environment_head(
    const struct ra_ctl_term *t, const struct ra_ctl_environment *e, struct ra_buf *out)
{
	char rank[24];

	ra_ctl_styled(t, out, ra_ctl_style_of(e->worst), ra_verdict_name(e->worst));
	ra_buf_puts(out, "  ");
	ra_ctl_styled(t, out, RA_CTL_BOLD, e->name);
	ra_buf_printf(out, "  %zu check%s\n", e->check_count, e->check_count == 1 ? "" : "s");
	add_text(t, out, "owner", e->owner);
	add_text(t, out, "runbook", e->runbook);
	add_aliases(t, out, json_object_get(e->json, "aliases"));
	add_labels(t, out, json_object_get(e->json, "labels"));
	if (e->rank != RA_UNSET) {
		snprintf(rank, sizeof(rank), "%lld", (long long)e->rank);
		add_text(t, out, "rank", rank);
	}
}
