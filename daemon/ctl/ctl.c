/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <curl/curl.h>
#include <string.h>

#include "client.h"

int
ra_ctl_print(struct ra_ctl *ctl, const struct ra_buf *text)
{
	if (text->error < 0 || ra_ctl_part_lost())
		return ctl->lost = text->error < 0 ? text->error : -ENOMEM;
	errno = EIO;
	if (fwrite(ra_buf_text(text), 1, text->len, ctl->out) != text->len || fflush(ctl->out) != 0)
		return errno == EPIPE ? -EPIPE : -EIO;
	return 0;
}

void
ra_ctl_complain(struct ra_ctl *ctl, const char *text)
{
	RA_BUF_LOCAL line = RA_BUF(0);

	ra_buf_puts(&line, "relauditctl: ");
	ra_ctl_text(&ctl->term, &line, text);
	ra_buf_putc(&line, '\n');
	(void)fputs(line.error < 0 || ra_ctl_part_lost() ? "relauditctl: out of memory\n"
							 : ra_buf_text(&line),
	    ctl->err);
}

/* An answer that nobody could read is no answer: never an exit code that says all is well. */
static int
check_output(struct ra_ctl *ctl, int code)
{
	int error = -ctl->lost;

	if (error == 0) {
		if (fflush(ctl->out) == 0 && !ferror(ctl->out))
			return code;
		error = errno;
	}
	if (error == EPIPE)
		return code;
	fprintf(ctl->err, "relauditctl: cannot write the answer: %s\n", strerror(error));
	return code == RA_CTL_DONE ? RA_UNKNOWN : code;
}

static int
run_command(struct ra_ctl *ctl, int argc, char **argv, struct ra_error *err)
{
	int r = ra_ctl_parse(ctl, argc, argv, err);

	if (r == -ECANCELED)
		return RA_CTL_DONE;
	if (r < 0)
		return RA_CTL_USAGE;
	ra_ctl_term_init(&ctl->term, ctl->out, ctl->color);
	return ctl->command->run(ctl, err);
}

/* A monitoring system reads the first line of stdout, and knows the exit codes 0 to 3 only. */
static int
plugin_end(struct ra_ctl *ctl, int code, struct ra_error *error)
{
	RA_BUF_LOCAL line = RA_BUF(0);

	if (code == RA_CTL_DONE || error->text[0] == '\0')
		return code;
	ra_buf_puts(&line, "RELAUDIT UNKNOWN - ");
	ra_ctl_text(&ctl->term, &line, error->text);
	ra_buf_putc(&line, '\n');
	(void)ra_ctl_print(ctl, &line);
	error->text[0] = '\0';
	return RA_UNKNOWN;
}

int
ra_ctl_main(int argc, char **argv, FILE *out, FILE *err)
{
	struct ra_ctl ctl = { .out = out, .err = err, .answer_max = RA_CTL_ANSWER_MAX };
	struct ra_error error = { 0 };
	int code;

	ra_ctl_parts_begin();
	ra_ctl_term_init(&ctl.term, out, RA_CTL_COLOR_AUTO);
	code = run_command(&ctl, argc, argv, &error);
	if (ctl.output == RA_CTL_NAGIOS)
		code = plugin_end(&ctl, code, &error);
	code = check_output(&ctl, code);
	if (error.text[0] != '\0')
		ra_ctl_complain(&ctl, error.text);
	ra_ctl_ssh_stop(ctl.ssh);
	curl_global_cleanup();
	free(ctl.args);
	free(ctl.given);
	return code;
}
