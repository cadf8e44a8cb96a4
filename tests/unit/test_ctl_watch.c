/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `status --watch` on a terminal of any size and where there is none. The linker hands its waiting
 * over (tests/unit/meson.build), so no time passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../daemon/ctl/client.h"
#include "../../daemon/ctl/watch.h"

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define LINE  "\033[K\n"
#define BELOW "\033[J"

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

static unsigned waits;

int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	assert_int_equal(count, 0);
	assert_true(timeout > 0);
	waits++;
	return 0;
}

/* --- what is watched: one page after the other, then it is refused --- */

static const struct page {
	const char *text, *problem; /* both NULL: the end */
	void (*before)(void);
} * pages;

static int
render(struct ra_ctl *ctl, struct ra_buf *out, struct ra_error *err)
{
	const struct page *p = pages++;

	if (p->before != NULL)
		p->before();
	if (p->problem != NULL)
		ra_error_set(err, -ECONNREFUSED, "%s", p->problem);
	if (p->text != NULL)
		ra_buf_puts(out, p->text);
	if (p->text != NULL || p->problem != NULL)
		return p->problem != NULL ? RA_CTL_UNAVAILABLE : RA_CTL_DONE;
	ra_error_set(err, -EINVAL, "no environment 'x'");
	return RA_CTL_USAGE;
}

static void
watch_on(FILE *out, const struct page *shown)
{
	struct ra_ctl ctl = { .out = out, .err = stderr };
	struct ra_error err = { 0 };

	pages = shown;
	waits = 0;
	ra_ctl_term_init(&ctl.term, out, RA_CTL_COLOR_AUTO);
	assert_int_equal(ra_ctl_watch(&ctl, render, &err), RA_CTL_USAGE);
	assert_string_equal(err.text, "no environment 'x'");
	fflush(out);
}

/* --- no terminal --- */

static void
test_what_is_new_is_printed(void **state)
{
	static const struct page shown[] = {
		{ "OK  1 check  at 10:00\n\na  fine  (since 5 s)\nb  fine  (since 2 s)\n", NULL,
		    NULL },
		{ "OK  1 check  at 10:02\n\na  fine  (since 7 s)\nb  fine  (since 4 s)\n", NULL,
		    NULL },
		{ "OK  1 check  at 10:04\n\na  bad  (since 9 s)\nb  fine  (since 6 s)\n", NULL,
		    NULL },
		{ NULL, "gone \033[2J", NULL },
		{ NULL, "gone \033[2J", NULL },
		{ "one line", NULL, NULL },
		{ NULL, NULL, NULL },
	};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	watch_on(out, shown);
	fclose(out);
	assert_int_equal(waits, 6);
	assert_string_equal(text,
	    "OK  1 check  at 10:00\n\na  fine  (since 5 s)\nb  fine  (since 2 s)\n"
	    "\nOK  1 check  at 10:04\n\na  bad  (since 9 s)\nb  fine  (since 6 s)\n"
	    "\nUNKNOWN  gone \\x1b[2J\n"
	    "\none line");
	free(text);
}

/* --- a terminal --- */

static struct {
	int master;
	FILE *slave;
} terminal;

static void
resize(unsigned short rows, unsigned short columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	assert_int_equal(ioctl(terminal.master, TIOCSWINSZ, &size), 0);
}

static int
terminal_open(void **state)
{
	int fd;

	terminal.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal.master < 0 || grantpt(terminal.master) < 0 || unlockpt(terminal.master) < 0)
		return -1;
	fd = open(ptsname(terminal.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	terminal.slave = fd >= 0 ? fdopen(fd, "r+") : NULL;
	return terminal.slave != NULL ? 0 : -1;
}

static int
terminal_close(void **state)
{
	fclose(terminal.slave);
	return close(terminal.master);
}

/* What came there, each end of a line as it was written. */
static void
check_screen(const char *wanted)
{
	struct pollfd come = { .fd = terminal.master, .events = POLLIN };
	char text[8192] = "", *at;
	size_t len = 0;

	while (len < strlen(wanted) && __real_poll(&come, 1, 5000) > 0) {
		ssize_t n = read(terminal.master, text + len, sizeof(text) - len - 1);

		assert_true(n > 0);
		text[len + (size_t)n] = '\0';
		while ((at = strchr(text, '\r')) != NULL)
			memmove(at, at + 1, strlen(at));
		len = strlen(text);
	}
	assert_string_equal(text, wanted);
}

static void
shrink(void)
{
	resize(3, 40);
}

static void
shrink_more(void)
{
	resize(1, 10);
}

static void
grow(void)
{
	resize(0, 0);
}

static void
test_a_terminal_that_changes(void **state)
{
	static const struct page shown[] = {
		{ "a\nb\nc\nd\n", NULL, NULL },
		{ "a\nb\nc\nd\n", NULL, shrink },
		{ "a\nb\nc\nd\n", NULL, shrink_more },
		{ "a\nb\nc\nd\n", NULL, grow },
		{ NULL, "gone", NULL },
		{ "no end", NULL, NULL },
		{ NULL, NULL, NULL },
	};

	setenv("TERM", "dumb", 1);
	resize(24, 80);
	watch_on(terminal.slave, shown);
	check_screen(ENTER HOME
	    "a" LINE "b" LINE "c" LINE "d" LINE BELOW HOME "a" LINE
	    "... 3 more lines" LINE BELOW HOME "... 4 more lines" LINE BELOW HOME "a" LINE "b" LINE
	    "c" LINE "d" LINE BELOW HOME "UNKNOWN  gone" LINE BELOW HOME "no end" LINE BELOW LEAVE);
}

/* What a person is asked before (ssh) stays in sight, and a refusal needs no other screen. */
static void
test_refused_at_once(void **state)
{
	static const struct page shown[] = { { NULL, NULL, NULL } };

	watch_on(terminal.slave, shown);
	fputs("end\n", terminal.slave);
	fflush(terminal.slave);
	check_screen("end\n");
}

static void
test_colors(void **state)
{
	static const struct page shown[] = { { NULL, "gone", NULL }, { NULL, NULL, NULL } };
	static const struct {
		const char *term, *no_color;
		bool colored;
	} rows[] = { { "xterm", NULL, true }, { "xterm", "", true }, { "xterm", "1", false },
		{ "dumb", NULL, false }, { "", NULL, false }, { NULL, NULL, false } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		unsetenv("NO_COLOR");
		unsetenv("TERM");
		if (rows[i].term != NULL)
			setenv("TERM", rows[i].term, 1);
		if (rows[i].no_color != NULL)
			setenv("NO_COLOR", rows[i].no_color, 1);
		watch_on(terminal.slave, shown);
		check_screen(rows[i].colored ? ENTER HOME
				 "\033[35mUNKNOWN\033[0m  gone" LINE BELOW LEAVE
					     : ENTER HOME "UNKNOWN  gone" LINE BELOW LEAVE);
	}
	unsetenv("NO_COLOR");
}

/* The size that nobody told: 80 by 24, or $COLUMNS. */
static void
test_size(void **state)
{
	static const struct {
		const char *columns;
		unsigned width;
	} rows[] = { { NULL, 80 }, { "120", 120 }, { "19", 80 }, { "10001", 80 }, { "wide", 80 },
		{ "", 80 } };
	struct ra_ctl_term t;

	resize(0, 0);
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		unsetenv("COLUMNS");
		if (rows[i].columns != NULL)
			setenv("COLUMNS", rows[i].columns, 1);
		ra_ctl_term_init(&t, terminal.slave, RA_CTL_COLOR_NEVER);
		assert_true(t.tty && !t.color);
		assert_int_equal(t.width, rows[i].width);
		assert_int_equal(t.height, 24);
	}
	resize(50, 100);
	ra_ctl_term_size(&t, terminal.slave);
	assert_int_equal(t.width, 100);
	assert_int_equal(t.height, 50);
	unsetenv("COLUMNS");
}

/* In UTF-8 as it is, else all in ASCII. */
static void
test_characters(void **state)
{
	struct ra_ctl_term t;
	RA_BUF_LOCAL out = RA_BUF(0);

	setlocale(LC_CTYPE, "C");
	ra_ctl_term_init(&t, terminal.slave, RA_CTL_COLOR_AUTO);
	assert_true(t.ascii && !t.unicode);
	ra_ctl_text(&t, &out, "\u00e9");
	assert_string_equal(ra_buf_text(&out), "\\u{00e9}");
	assert_string_equal(ra_ctl_arrow(&t), " -> ");
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return;
	ra_ctl_term_init(&t, terminal.slave, RA_CTL_COLOR_AUTO);
	assert_true(t.unicode && !t.ascii);
	ra_buf_clear(&out);
	ra_ctl_text(&t, &out, "\u00e9");
	assert_string_equal(ra_buf_text(&out), "\u00e9");
	assert_string_equal(ra_ctl_arrow(&t), " \u2192 ");
	setlocale(LC_CTYPE, "C");
}

/* --- a reader that is gone --- */

static void
test_nobody_reads(void **state)
{
	static const struct page shown[] = { { "a\nb\n", NULL, NULL }, { NULL, NULL, NULL } };
	struct ra_ctl ctl = { .err = stderr };
	struct ra_error err = { 0 };
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ctl.out = fdopen(fd, "w");
	assert_non_null(ctl.out);
	pages = shown;
	waits = 0;
	ra_ctl_term_init(&ctl.term, ctl.out, RA_CTL_COLOR_AUTO);
	assert_int_equal(ra_ctl_watch(&ctl, render, &err), RA_CTL_DONE);
	assert_int_equal(waits, 0);
	fclose(ctl.out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_new_is_printed),
		cmocka_unit_test_setup_teardown(
		    test_a_terminal_that_changes, terminal_open, terminal_close),
		cmocka_unit_test_setup_teardown(
		    test_refused_at_once, terminal_open, terminal_close),
		cmocka_unit_test_setup_teardown(test_colors, terminal_open, terminal_close),
		cmocka_unit_test_setup_teardown(test_size, terminal_open, terminal_close),
		cmocka_unit_test_setup_teardown(test_characters, terminal_open, terminal_close),
		cmocka_unit_test(test_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
