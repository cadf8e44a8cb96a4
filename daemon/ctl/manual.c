/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of relauditctl(1) that follow from the tables of the commands, in scdoc. */
#include <ctype.h>
#include <string.h>

#include "ctl.h"

/* One line of text, where `code` becomes bold and nothing else means anything. */
static void
add_text(struct ra_buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '`') {
			ra_buf_putc(out, '*');
			continue;
		}
		if (strchr("\\*_#[|", text[i]) != NULL || (i == 0 && text[i] == '-'))
			ra_buf_putc(out, '\\');
		ra_buf_putc(out, text[i]);
	}
}

static void
add_word(struct ra_buf *out, char mark, const char *word)
{
	ra_buf_putc(out, mark);
	add_text(out, word, strlen(word));
	ra_buf_putc(out, mark);
}

static void
add_options(struct ra_buf *out, const struct ra_ctl_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		if (o->letter != '\0')
			ra_buf_printf(out, "*-%c*, ", o->letter);
		ra_buf_printf(out, "*--%s*", o->name);
		if (o->value != NULL) {
			ra_buf_putc(out, ' ');
			add_word(out, '_', o->value);
		}
		ra_buf_puts(out, "\n\t");
		add_text(out, o->help, strlen(o->help));
		ra_buf_puts(out, "\n\n");
	}
}

/* Paragraphs; indented lines are what people type. */
static void
add_details(struct ra_buf *out, const char *text)
{
	bool typed = false;
	const char *end;

	for (; text != NULL && *text != '\0'; text = end + 1) {
		end = strchrnul(text, '\n');
		if ((text[0] == ' ') != typed) {
			ra_buf_puts(out, "```\n");
			typed = !typed;
		}
		if (typed)
			ra_buf_add(out, text + 2, (size_t)(end - text) - 2);
		else
			add_text(out, text, (size_t)(end - text));
		ra_buf_putc(out, '\n');
		if (*end == '\0')
			break;
	}
	ra_buf_puts(out, typed ? "```\n\n" : "\n");
}

static void
add_outputs(struct ra_buf *out, unsigned outputs)
{
	if (outputs == 0)
		return;
	ra_buf_puts(out, "Output: ");
	if ((outputs & RA_CTL_TABLE) != 0)
		ra_buf_puts(out, "table");
	if ((outputs & RA_CTL_JSON) != 0)
		ra_buf_puts(out, ", json");
	if ((outputs & RA_CTL_CSV) != 0)
		ra_buf_puts(out, ", csv");
	ra_buf_puts(out, ".\n\n");
}

static void
add_command(struct ra_buf *out, const struct ra_ctl_command *c)
{
	const char *summary = c->summary;

	/* scdoc takes a heading as it stands. */
	ra_buf_printf(out, "## %s%s%s\n\n", c->name, c->usage[0] != '\0' ? " " : "", c->usage);
	ra_buf_putc(out, (char)toupper((unsigned char)*summary++));
	add_text(out, summary, strlen(summary));
	ra_buf_puts(out, ".\n\n");
	if (c->details != NULL)
		add_details(out, c->details);
	add_outputs(out, c->outputs);
	add_options(out, c->options);
}

bool
ra_ctl_manual(const char *argument, struct ra_buf *out)
{
	size_t i;

	if (strcmp(argument, "--describe-options") == 0) {
		add_options(out, ra_ctl_globals);
		return true;
	}
	if (strcmp(argument, "--describe-commands") != 0)
		return false;
	for (i = 0; ra_ctl_commands[i] != NULL; i++)
		add_command(out, ra_ctl_commands[i]);
	return true;
}
