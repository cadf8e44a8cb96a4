/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KEY=VALUE files. Without `dialect:` as systemd reads EnvironmentFile= (systemd.exec(5), and what
 * its parser does where the manual is silent): held against systemd itself in test_dotenv.c.
 */
#include "dotenv.h"

#include <string.h>

#include "relaudit/base/escape.h"

struct dotenv_options {
	int64_t dialect;
};

static const char *const dialects[] = { [RA_DOTENV_SYSTEMD] = "systemd",
	[RA_DOTENV_SYSTEMD_253] = "systemd-253",
	[RA_DOTENV_DOCKER] = "docker",
	[RA_DOTENV_NODE] = "node",
	NULL };

static const struct ra_option options[] = {
	{ .name = "dialect",
	    .type = RA_OPT_CHOICE,
	    .offset = offsetof(struct dotenv_options, dialect),
	    .choices = dialects,
	    .fallback = "systemd",
	    .help =
		"what reads the file: `systemd` (EnvironmentFile=), `systemd-253` (the same up to "
		"that version, where a comment that ends in a backslash goes on), `docker` "
		"(--env-file) or `node` (the package dotenv)" },
	{ 0 },
};

/* --- systemd --- */

struct reader {
	const char *p, *end;
	const char *newline; /* the first at or behind p, or end; found once */
	char *out;
	size_t len;
};

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* To its end, which is a quote; or all there is. */
static void
take_single(struct reader *r)
{
	const char *quote = memchr(r->p, '\'', (size_t)(r->end - r->p));
	size_t n = (size_t)((quote != NULL ? quote : r->end) - r->p);

	memcpy(r->out + r->len, r->p, n);
	r->len += n;
	r->p = quote != NULL ? quote + 1 : r->end;
}

static void
take_double(struct reader *r)
{
	while (r->p < r->end) {
		char c = *r->p++;

		if (c == '"')
			return;
		if (c != '\\') {
			r->out[r->len++] = c;
			continue;
		}
		if (r->p == r->end)
			return;
		c = *r->p++;
		/* As a shell does: only before these it escapes, and before a newline it joins. */
		if (c == '\n')
			continue;
		if (c != '"' && c != '\\' && c != '`' && c != '$')
			r->out[r->len++] = '\\';
		r->out[r->len++] = c;
	}
}

/* Up to the end of the line. Blanks at its end go, unless a backslash came behind them. */
static void
take_bare(struct reader *r)
{
	size_t kept = r->len;

	while (r->p < r->end && !is_newline(*r->p)) {
		char c = *r->p++;

		if (c == '\\') {
			if (r->p < r->end && !is_newline(*r->p))
				r->out[r->len++] = *r->p;
			r->p += r->p < r->end ? 1 : 0;
			kept = r->len;
			continue;
		}
		r->out[r->len++] = c;
		if (!is_blank(c))
			kept = r->len;
	}
	r->len = kept;
}

/* Quoted pieces, blanks between them left out, then the bare rest of the line. */
static void
take_value(struct reader *r)
{
	while (r->p < r->end && !is_newline(*r->p)) {
		char c = *r->p;

		if (c == '\'') {
			r->p++;
			take_single(r);
		} else if (c == '"') {
			r->p++;
			take_double(r);
		} else if (is_blank(c)) {
			r->p++;
		} else {
			take_bare(r);
			return;
		}
	}
}

static const char *
pass_comment(const char *p, const char *end, bool old)
{
	while (p < end && !is_newline(*p)) {
		if (old && *p == '\\' && end - p > 1)
			p++;
		p++;
	}
	return p;
}

static bool
is_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool digit = c >= '0' && c <= '9';

		if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && (!digit || i == 0))
			return false;
	}
	return len > 0;
}

/* What systemd takes for UTF-8: no noncharacters. */
static bool
is_utf8(const char *text, size_t len)
{
	const char *p = text, *end = text + len;

	while ((p = ra_keys_not_ascii(p, end)) < end) {
		uint32_t c;
		size_t n = ra_utf8_decode(p, (size_t)(end - p), &c);

		if (n == 0 || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe)
			return false;
		p += n;
	}
	return true;
}

/* The value at r->p, in a line up to end: in place where it is as it stands, as most are. */
static const char *
value_of(struct reader *r, const char *end)
{
	const char *p = r->p;

	r->len = 0;
	while (p < end && is_blank(*p))
		p++;
	if (p == end || *p == '\'' || *p == '"' || memchr(p, '\\', (size_t)(end - p)) != NULL) {
		take_value(r);
		return r->out;
	}
	r->p = end;
	while (is_blank(end[-1]))
		end--;
	r->len = (size_t)(end - p);
	return p;
}

static enum ra_reason
assign(struct ra_keys *k, const char *name, size_t len, struct reader *r, const char *end)
{
	const char *value;

	r->p = name + len + 1;
	/* The line does not begin with one. */
	while (is_blank(name[len - 1]))
		len--;
	value = value_of(r, end);
	if (!is_utf8(name, len) || !is_utf8(value, r->len))
		return ra_keys_refuse(k, RA_R_NOT_DOTENV, name,
		    "not UTF-8 in this assignment; systemd refuses the whole file");
	if (!is_name(name, len))
		return ra_keys_pass_over(k, name, name + len);
	return ra_keys_add(k, name, len, value, r->len, name, 0);
}

/* A line that is no comment; where its value is in quotes or goes on, with those that follow. */
static enum ra_reason
take_line(struct ra_keys *k, struct reader *r)
{
	const char *line = r->p, *end, *cr, *eq;

	if (r->newline == NULL || r->newline < line)
		r->newline = memchr(line, '\n', (size_t)(r->end - line));
	if (r->newline == NULL)
		r->newline = r->end;
	end = r->newline;
	cr = memchr(line, '\r', (size_t)(end - line));
	if (cr != NULL)
		end = cr;
	/* The first byte is of the name, even if it is the sign. */
	eq = memchr(line + 1, '=', (size_t)(end - line - 1));
	if (eq != NULL)
		return assign(k, line, (size_t)(eq - line), r, end);
	r->p = end;
	return ra_keys_pass_over(k, line, end);
}

enum ra_reason
ra_dotenv_systemd(struct ra_keys *k, bool old)
{
	struct reader r = { .p = k->text, .end = k->end, .out = k->work };
	const char *nul = memchr(k->text, '\0', (size_t)(k->end - k->text));
	enum ra_reason reason = RA_R_OK;

	if (nul != NULL)
		return ra_keys_refuse(
		    k, RA_R_NOT_DOTENV, nul, "a NUL byte; systemd refuses the whole file");
	while (r.p < r.end && reason == RA_R_OK) {
		if (is_blank(*r.p) || is_newline(*r.p))
			r.p++;
		else if (*r.p == '#' || *r.p == ';')
			r.p = pass_comment(r.p, r.end, old);
		else
			reason = take_line(k, &r);
	}
	return reason;
}

/* --- the format --- */

#define PEM "-----BEGIN "

/* A key's block without quotes: its lines would be read, and shown, as names of variables. */
static enum ra_reason
check_blocks(struct ra_keys *k, const struct ra_input *in)
{
	const struct ra_data *d = &k->data;

	if (in->len == 0 || memmem(in->bytes, in->len, PEM, strlen(PEM)) == NULL)
		return RA_R_OK;
	for (size_t i = 0; i < d->keys.count; i++) {
		const char *value = ra_data_key_value(d, i);
		size_t len = d->keys.list[i].value_len;

		if (memmem(value, len, PEM, strlen(PEM)) == NULL ||
		    memmem(value, len, "-----END ", 9) != NULL || memchr(value, '\n', len) != NULL)
			continue;
		ra_error_set(k->err, -EINVAL,
		    "line %u: a key or certificate begins here and is not in quotes: its lines "
		    "would be taken for variables",
		    d->keys.list[i].line);
		return RA_R_NOT_DOTENV;
	}
	return RA_R_OK;
}

static enum ra_reason
read_dialect(struct ra_keys *k, const struct dotenv_options *o, const struct ra_input *in)
{
	if (o->dialect == RA_DOTENV_DOCKER)
		return ra_dotenv_docker(k);
	if (o->dialect == RA_DOTENV_NODE)
		return ra_dotenv_node(k);
	/* To systemd a byte order mark is a part of the first name. */
	if (in->len > 0)
		k->text = k->line_at = in->bytes;
	return ra_dotenv_systemd(k, o->dialect == RA_DOTENV_SYSTEMD_253);
}

static enum ra_reason
dotenv_read(const struct ra_format_call *call, struct ra_data *ret, struct ra_error *err)
{
	struct ra_keys k;
	enum ra_reason reason = ra_keys_begin(&k, call, err);

	if (reason == RA_R_OK)
		reason = read_dialect(&k, call->options, call->input);
	if (reason == RA_R_OK)
		reason = check_blocks(&k, call->input);
	if (reason == RA_R_OK && k.data.keys.count == 0 && k.data.keys.skipped > 0) {
		ra_error_set(err, -EINVAL,
		    "line %u: not an assignment%s, and no other line is one; mend `format:` or "
		    "`dialect:`",
		    k.data.keys.skipped_line,
		    k.data.keys.marked ? " to systemd, as a byte order mark stands before it" : "");
		reason = RA_R_NOT_DOTENV;
	}
	return ra_keys_end(&k, reason, ret);
}

const struct ra_format ra_format_dotenv = {
	.type = {
		.name = "dotenv",
		.help = "KEY=VALUE lines, as systemd reads EnvironmentFile=, or docker or node",
		.options = options,
		.size = sizeof(struct dotenv_options),
	},
	.serves = RA_SHAPE_KEYS,
	.read = dotenv_read,
};
