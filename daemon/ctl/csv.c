/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/escape.h"

#include "views.h"

static void
add_cell(struct ra_buf *out, const char *text)
{
	RA_CTL_PART escaped = RA_BUF(0);
	const char *at;

	ra_escape_line(&escaped, text, strlen(text), 0);
	text = ra_buf_text(&escaped);
	if (strpbrk(text, ",\"") == NULL && text[0] != ' ') {
		ra_buf_puts(out, text);
		return;
	}
	ra_buf_putc(out, '"');
	for (at = text; *at != '\0'; at++) {
		if (*at == '"')
			ra_buf_putc(out, '"');
		ra_buf_putc(out, *at);
	}
	ra_buf_putc(out, '"');
}

void
ra_ctl_csv_row(struct ra_buf *out, const char *const *cells, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (i > 0)
			ra_buf_putc(out, ',');
		add_cell(out, cells[i] != NULL ? cells[i] : "");
	}
	ra_buf_puts(out, "\n");
}

static const char *
time_text(int64_t wall, char out[RA_TIME_TEXT])
{
	return wall != 0 ? ra_time_format(wall, out) : "";
}

static void
add_check(struct ra_buf *out, const struct ra_ctl_check *c)
{
	char since[RA_TIME_TEXT], checked[RA_TIME_TEXT], next[RA_TIME_TEXT], duration[24] = "";
	const char *cells[] = { c->environment->name, c->id, c->kind, c->service, c->source,
		ra_verdict_name(c->state), c->hard ? "true" : "false", ra_verdict_name(c->verdict),
		c->reason, c->summary, c->expected, c->evidence, c->next_step,
		time_text(c->since, since), time_text(c->checked, checked),
		time_text(c->next, next), duration };

	if (c->duration >= 0)
		snprintf(duration, sizeof(duration), "%lld", (long long)c->duration);
	ra_ctl_csv_row(out, cells, RA_ARRAY_SIZE(cells));
}

void
ra_ctl_csv_status(struct ra_buf *out, const struct ra_ctl_status *s)
{
	size_t i, k;

	ra_buf_puts(out, "environment,check,kind,service,source,state,hard,verdict,reason,summary,"
			 "expected,evidence,next_step,since,checked,next,duration_ms\n");
	for (i = 0; i < s->environment_count; i++)
		for (k = 0; k < s->environments[i].check_count; k++)
			add_check(out, &s->environments[i].checks[k]);
}
