/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <poll.h>
#include <string.h>

#include "client.h"

#define EVERY_MS     2000

#define HOME	     "\033[H"
#define CLEAR_LINE   "\033[K"
#define CLEAR_BELOW  "\033[J"
#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"

static void
put(struct ra_ctl *ctl, const char *text)
{
	(void)fputs(text, ctl->out);
	(void)fflush(ctl->out);
}

/* As many lines as the terminal has; the last one says how many there are more. */
static void
fit_screen(const struct ra_ctl_term *t, const char *text, struct ra_buf *out)
{
	unsigned lines = 0, most = t->height > 2 ? t->height - 1 : 1;
	const char *at, *end;
	unsigned all = 0;

	for (at = text; *at != '\0'; at++)
		all += *at == '\n';
	ra_buf_puts(out, HOME);
	for (at = text; *at != '\0' && lines < most; at = end + 1, lines++) {
		end = strchrnul(at, '\n');
		if (lines + 1 == most && all > most) {
			ra_buf_printf(out, "... %u more lines" CLEAR_LINE "\n", all - lines);
			break;
		}
		ra_buf_add(out, at, (size_t)(end - at));
		ra_buf_puts(out, CLEAR_LINE "\n");
		if (*end == '\0')
			break;
	}
	ra_buf_puts(out, CLEAR_BELOW);
}

static void
add_problem(const struct ra_ctl *ctl, const struct ra_error *err, struct ra_buf *out)
{
	ra_ctl_style(&ctl->term, out, RA_CTL_STYLE_UNKNOWN);
	ra_buf_puts(out, "UNKNOWN");
	ra_ctl_style_end(&ctl->term, out, RA_CTL_STYLE_UNKNOWN);
	ra_buf_puts(out, "  ");
	ra_ctl_text(&ctl->term, out, err->text);
	ra_buf_putc(out, '\n');
}

/*
 * What is compared: without the first line, which has the time in it, and without how long things
 * have been as they are.
 */
static char *
comparable(const char *text)
{
	RA_CTL_PART out = RA_BUF(0);
	const char *at = strchrnul(text, '\n'), *since;

	while ((since = strstr(at, "  (since ")) != NULL) {
		ra_buf_add(&out, at, (size_t)(since - at));
		at = strchrnul(since, '\n');
	}
	ra_buf_puts(&out, at);
	return ra_buf_take(&out);
}

static int
show(struct ra_ctl *ctl, const struct ra_buf *text, char **shown)
{
	RA_BUF_LOCAL screen = RA_BUF(0);
	RA_FREE char *now = NULL;

	if (ctl->term.tty) {
		ra_ctl_term_size(&ctl->term, ctl->out);
		fit_screen(&ctl->term, ra_buf_text(text), &screen);
		return ra_ctl_print(ctl, &screen);
	}
	now = comparable(ra_buf_text(text));
	if (now == NULL)
		return -ENOMEM;
	if (*shown != NULL && strcmp(*shown, now) == 0)
		return 0;
	if (*shown != NULL)
		ra_buf_putc(&screen, '\n');
	ra_buf_add(&screen, ra_buf_text(text), text->len);
	free(*shown);
	*shown = RA_TAKE(now);
	return ra_ctl_print(ctl, &screen);
}

int
ra_ctl_watch(struct ra_ctl *ctl, ra_ctl_render *render, struct ra_error *err)
{
	RA_FREE char *shown = NULL;
	int code;

	for (;;) {
		RA_BUF_LOCAL text = RA_BUF(ctl->answer_max);
		struct ra_error problem = { 0 };

		code = render(ctl, &text, &problem);
		if (code == RA_CTL_USAGE) {
			*err = problem;
			break;
		}
		if (problem.text[0] != '\0')
			add_problem(ctl, &problem, &text);
		/* Not before the first answer: what is asked of a person (ssh) is asked before. */
		if (ctl->term.tty && shown == NULL) {
			put(ctl, ENTER_SCREEN);
			ra_ctl_cleanup_screen(true);
			shown = strdup("");
		}
		if (show(ctl, &text, &shown) < 0)
			break;
		(void)poll(NULL, 0, EVERY_MS);
	}
	if (ctl->term.tty && shown != NULL) {
		put(ctl, LEAVE_SCREEN);
		ra_ctl_cleanup_screen(false);
	}
	return code;
}
