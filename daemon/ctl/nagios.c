/* SPDX-License-Identifier: Apache-2.0 */
/* `status -o nagios`: relauditctl as a monitoring plugin. One line, then a line a check. */
#include <string.h>

#include "views.h"

/* A '|' would begin performance data. */
static void
add_text(const struct ra_ctl_term *t, struct ra_buf *out, const char *text)
{
	size_t at = out->len;

	ra_ctl_text(t, out, text);
	for (; at < out->len && out->error == 0; at++)
		if (out->data[at] == '|')
			out->data[at] = '/';
}

static void
add_check(const struct ra_ctl_term *t, const struct ra_ctl_check *c, enum ra_verdict v,
    struct ra_buf *out)
{
	ra_buf_printf(out, "%s: ", ra_verdict_name(v));
	add_text(t, out, c->id);
	ra_buf_puts(out, ": ");
	add_text(t, out, c->summary != NULL ? c->summary : c->reason != NULL ? c->reason : "");
	ra_buf_putc(out, '\n');
}

static void
add_checks(const struct ra_ctl_term *t, const struct ra_ctl_status *s, enum ra_verdict wanted,
    struct ra_buf *out)
{
	size_t i, k;

	for (i = 0; i < s->environment_count; i++)
		for (k = 0; k < s->environments[i].check_count; k++)
			if (ra_ctl_counts(&s->environments[i].checks[k], s->latest) == wanted)
				add_check(t, &s->environments[i].checks[k], wanted, out);
}

/* The first line is all that a pager shows, so it has the words of the first of the worst. */
static void
add_worst(const struct ra_ctl_term *t, const struct ra_ctl_status *s, struct ra_buf *out)
{
	const struct ra_ctl_environment *e = s->environments;
	const struct ra_ctl_check *c;

	if (s->environment_count == 0 || e->check_count == 0 ||
	    ra_ctl_counts(&e->checks[0], s->latest) == RA_OK)
		return;
	c = &e->checks[0];
	ra_buf_puts(out, "; ");
	add_text(t, out, c->id);
	ra_buf_puts(out, ": ");
	add_text(t, out, c->summary != NULL ? c->summary : c->reason != NULL ? c->reason : "");
}

void
ra_ctl_nagios(const struct ra_ctl_term *t, const struct ra_ctl_status *s, struct ra_buf *out)
{
	static const enum ra_verdict order[] = { RA_CRITICAL, RA_UNKNOWN, RA_PENDING, RA_WARNING };
	static const char *const names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
	size_t counts[RA_PENDING + 1] = { 0 }, i, k;

	for (i = 0; i < s->environment_count; i++)
		for (k = 0; k < s->environments[i].check_count; k++)
			counts[ra_ctl_counts(&s->environments[i].checks[k], s->latest)]++;
	ra_buf_printf(out, "RELAUDIT %s - %zu of %zu checks are OK", names[ra_ctl_status_exit(s)],
	    counts[RA_OK], s->check_count);
	add_worst(t, s, out);
	ra_buf_printf(out, " | ok=%zu warning=%zu critical=%zu unknown=%zu pending=%zu\n",
	    counts[RA_OK], counts[RA_WARNING], counts[RA_CRITICAL], counts[RA_UNKNOWN],
	    counts[RA_PENDING]);
	for (i = 0; i < RA_ARRAY_SIZE(order); i++)
		add_checks(t, s, order[i], out);
}
