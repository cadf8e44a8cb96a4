/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any monitoring plugin (Monitoring Plugins Development Guidelines): its exit code is the verdict,
 * its first line the summary, what follows '|' the performance data.
 */
#include <string.h>

#include "relaudit/base/escape.h"
#include "relaudit/kind/kind.h"
#include "relaudit/model/perfdata.h"
#include "relaudit/model/secret.h"

#include "judge.h"

#define PERFDATA_MAX (32 * 1024)

static const struct ra_option none[] = { { 0 } };

static const struct ra_fact_def facts[] = {
	{ "exit", RA_FACT_INT, "the exit code" },
	{ "perfdata", RA_FACT_JSON, "performance data: label, value, unit, warn, crit, min, max" },
	{ 0 },
};

/* An output taken apart: the first line, and everything that is performance data. */
struct output {
	const char *line;
	size_t line_len;
	struct ra_buf perfdata;
};

static void
add_perfdata(struct output *o, const char *text, size_t len)
{
	(void)ra_buf_putc(&o->perfdata, ' ');
	(void)ra_buf_add(&o->perfdata, text, len);
}

/* After the first line's own data long text may follow, and after another '|' only data. */
static void
take_apart(const char *text, size_t len, struct output *o)
{
	const char *end = text + len, *line_end = memchr(text, '\n', len), *bar;

	if (line_end == NULL)
		line_end = end;
	bar = memchr(text, '|', (size_t)(line_end - text));
	o->line = text;
	/* A text ends at a NUL; a line that begins with one says nothing. */
	o->line_len = strnlen(text, (size_t)((bar != NULL ? bar : line_end) - text));
	while (o->line_len > 0 && strchr(" \t\r", text[o->line_len - 1]) != NULL)
		o->line_len--;
	if (bar != NULL)
		add_perfdata(o, bar + 1, (size_t)(line_end - bar - 1));
	bar = line_end < end ? memchr(line_end, '|', (size_t)(end - line_end)) : NULL;
	if (bar != NULL)
		add_perfdata(o, bar + 1, (size_t)(end - bar - 1));
}

static int
set_perfdata(struct ra_result *r, const struct output *o)
{
	RA_BUF_LOCAL json = RA_BUF(4 * PERFDATA_MAX);
	struct ra_jsonw w;

	if (o->perfdata.len == 0)
		return 0;
	ra_jsonw_init(&w, &json);
	if (ra_perfdata_write(o->perfdata.data, o->perfdata.len, &w, NULL) == 0)
		return 0;
	if (json.error != 0)
		return json.error;
	return ra_facts_set_text(&r->facts, facts, "perfdata", ra_buf_text(&json));
}

/* Braille without a dot and fillers of Hangul show no more than white space does. */
static bool
is_blank(uint32_t c)
{
	return ra_char_space(c) || c == 0x2800 || c == 0x3164 || c == 0xffa0;
}

/* Whether there is a character to be seen in it. */
static bool
says_anything(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		uint32_t c = 0;
		size_t n = ra_utf8_decode(text, len, &c);

		if (n > 0 && ra_char_width(c) > 0 && !is_blank(c))
			return true;
		n = n > 0 ? n : 1;
		text += n;
		len -= n;
	}
	return false;
}

/* Both without what looks like a secret; error: of stderr, which tells more only of an odd end. */
static void
judge_exit(struct ra_result *r, int code, const char *line, const char *error)
{
	static const struct {
		enum ra_verdict verdict;
		enum ra_reason reason;
	} codes[] = { { RA_OK, RA_R_OK }, { RA_WARNING, RA_R_PLUGIN_WARNING },
		{ RA_CRITICAL, RA_R_PLUGIN_CRITICAL }, { RA_UNKNOWN, RA_R_PLUGIN_UNKNOWN } };
	bool said = says_anything(line);
	const char *more = said ? line : error != NULL ? error : "";
	const char *colon = *more != '\0' ? ": " : "";

	if (code < 0 || (size_t)code >= RA_ARRAY_SIZE(codes))
		ra_result_say(r, RA_UNKNOWN, RA_R_PLUGIN_EXIT,
		    "exit code %d is not one of 0 to 3%s%s", code, colon, more);
	else if (!said) /* a plugin says something, always: exit 0 with nothing proves nothing */
		ra_result_say(r, RA_UNKNOWN, RA_R_PLUGIN_SILENT,
		    "exit code %d and no first line, not the answer of a plugin%s%s", code, colon,
		    more);
	else
		ra_result_say(r, codes[code].verdict, codes[code].reason, "%s", line);
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
	const struct ra_input *in = call->inputs[0].input;
	struct output o = { .perfdata = RA_BUF(PERFDATA_MAX) };
	RA_BUF_LOCAL line = RA_BUF(0);
	int r;

	ra_result_evidence(ret, in->where);
	take_apart(in->bytes, in->len, &o);
	r = ra_secret_scrub_shapes(o.line, o.line_len, &line);
	if (r == 0)
		judge_exit(ret, in->status, ra_buf_text(&line), in->error);
	if (r == 0)
		r = ra_facts_set_number(&ret->facts, facts, "exit", in->status);
	if (r == 0)
		r = set_perfdata(ret, &o);
	if (r == -ENOMEM || o.perfdata.error == -ENOMEM)
		ra_judge_no_memory(ret);
	ra_buf_free(&o.perfdata);
}

static size_t
needs(const void *bound, const void *expect, struct ra_need list[RA_NEEDS_MAX])
{
	list[0] = (struct ra_need){ .what = RA_NEED_SELF, .shapes = RA_SHAPE_EXIT };
	return 1;
}

const struct ra_kind ra_kind_plugin = {
	.type = {
		.name = "plugin",
		.help = "any Nagios plugin: exit code, first line, performance data",
		.options = none,
	},
	.expectation = {
		.name = "plugin",
		.help = "nothing: a plugin judges by itself",
		.options = none,
	},
	.takes = RA_SHAPE_EXIT,
	.facts = facts,
	.needs = needs,
	.judge = judge,
};
