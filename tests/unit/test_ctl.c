/* SPDX-License-Identifier: Apache-2.0 */
/* relauditctl: arguments, exit codes, tables, CSV, YAML, and what ssh is called with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "relaudit/base/escape.h"

#include "../../daemon/ctl/client.h"
#include "../../daemon/ctl/table.h"
#include "../../daemon/ctl/unreachable.h"
#include "../../daemon/ctl/views.h"
#include "../../daemon/ctl/yaml.h"

#define DATA	  RA_SOURCE_ROOT "/tests/data/ctl/"
#define NO_SOCKET "/nothing/here.sock"

/* --- arguments --- */

struct line {
	char text[512];
	char *argv[32];
	int argc;
};

/* Words between blanks; "''" is an empty one. */
static void
line_split(struct line *l, const char *text)
{
	char *rest = l->text, *word;

	snprintf(l->text, sizeof(l->text), "relauditctl %s", text);
	l->argc = 0;
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			l->argv[l->argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	l->argv[l->argc] = NULL;
}

/* What came of a line, in one text: "command [arguments] {options} output". */
static void
parsed(const char *text, struct ra_buf *out)
{
	struct ra_ctl ctl = { 0 };
	struct ra_error err = { 0 };
	struct line l;
	size_t i;

	line_split(&l, text);
	if (ra_ctl_parse(&ctl, l.argc, l.argv, &err) < 0) {
		ra_buf_printf(out, "! %s", err.text);
	} else {
		ra_buf_printf(out, "%s", ctl.command->name);
		for (i = 0; i < ctl.arg_count; i++)
			ra_buf_printf(out, " [%s]", ctl.args[i]);
		for (i = 0; i < ctl.given_count; i++)
			ra_buf_printf(out, " {%s=%s}", ctl.given[i].name,
			    ctl.given[i].value != NULL ? ctl.given[i].value : "");
		if (ctl.output != RA_CTL_TABLE)
			ra_buf_puts(out, ctl.output == RA_CTL_JSON ? " json" : " csv");
		if (ctl.socket != NULL && strcmp(ctl.socket, NO_SOCKET) != 0)
			ra_buf_printf(out, " socket %s", ctl.socket);
		if (ctl.timeout_given)
			ra_buf_printf(out, " timeout %d", (int)ctl.timeout);
	}
	free(ctl.args);
	free(ctl.given);
}

static void
test_arguments(void **state)
{
	static const char *const rows[][2] = {
		{ "status", "status" },
		{ "status one two/three", "status [one] [two/three]" },
		{ "-o json status", "status json" },
		{ "status -ojson", "status json" },
		{ "status --output=csv one", "status [one] csv" },
		{ "status --wait --timeout 5s", "status {wait=} timeout 5000" },
		{ "status -w", "status {watch=}" },
		{ "--socket /x status", "status socket /x" },
		{ "status --socket=/a=b", "status socket /a=b" },
		{ "status -- --wait", "status [--wait]" },
		{ "status -", "status [-]" },
		{ "history -n 5 --since 7d one", "history [one] {limit=5} {since=7d}" },
		{ "history -n5", "history {limit=5}" },
		{ "try http http://x --version /v", "try [http] [http://x] {version=/v}" },
		{ "try http http://x --version=/v --a=b=c",
		    "try [http] [http://x] {version=/v} {a=b=c}" },
		{ "try http http://x --max-age=", "try [http] [http://x] {max-age=}" },
		{ "show", "! 'show' needs more arguments" },
		{ "show one two", "! 'show' takes no more arguments" },
		{ "reload now", "! 'reload' takes no arguments" },
		{ "", "! which command?" },
		{ "''", "! no command ''" },
		{ "statsu", "! no command 'statsu'; did you mean 'status'?" },
		{ "status --wiat", "! no option '--wiat'; did you mean '--wait'?" },
		{ "status --wait=1", "! --wait takes no value" },
		{ "status --output", "! --output takes a value" },
		{ "status -x", "! no option '-x'" },
		{ "status -o xml", "! no output 'xml'; there are table, json, csv" },
		{ "events -o csv", "! 'events' has --output table, json only" },
		{ "help -o json", "! 'help' knows no --output" },
		{ "status --timeout 0s", "! --timeout is between" },
		{ "status --timeout soon", "! --timeout" },
		{ "status --color red", "! --color is auto, always or never" },
		{ "try http http://x --=1", "! '--' is no option" },
		{ "try http http://x --0", "! '--0' is no option" },
	};
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		bool error = rows[i][1][0] == '!';

		parsed(rows[i][0], &out);
		if (error ? strncmp(ra_buf_text(&out), rows[i][1], strlen(rows[i][1])) != 0
			  : strcmp(ra_buf_text(&out), rows[i][1]) != 0)
			fail_msg("'%s': %s", rows[i][0], ra_buf_text(&out));
	}
}

static void
test_selectors(void **state)
{
	static const struct {
		const char *name;
		bool environment, check;
	} rows[] = {
		{ "production", true, true },
		{ "a", true, true },
		{ "production/backup-db", false, true },
		{ "", false, false },
		{ "Production", false, false },
		{ "production/", false, false },
		{ "/backup", false, false },
		{ "a/b/c", false, false },
		{ "a\033[2J", false, false },
		{ "../etc", false, false },
		{ "-x", false, false },
	};
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		const char *args[] = { rows[i].name };
		struct ra_ctl ctl = { .args = args, .arg_count = 1 };

		if ((ra_ctl_check_selectors(&ctl, false, NULL) == 0) != rows[i].environment ||
		    (ra_ctl_check_selectors(&ctl, true, NULL) == 0) != rows[i].check)
			fail_msg("'%s'", rows[i].name);
	}
}

/* --- exit codes --- */

static int
ran(const char *text, char **out, char **err)
{
	size_t out_len, err_len;
	FILE *o = open_memstream(out, &out_len), *e = open_memstream(err, &err_len);
	struct line l;
	int code;

	line_split(&l, text);
	code = ra_ctl_main(l.argc, l.argv, o, e);
	fclose(o);
	fclose(e);
	return code;
}

static void
test_exit_codes(void **state)
{
	static const struct {
		const char *line;
		int code;
		bool answer; /* on stdout; else one line on stderr */
	} rows[] = {
		{ "help", 0, true },
		{ "help status", 0, true },
		{ "--help", 0, true },
		{ "status --help", 0, true },
		{ "--version", 0, true },
		{ "completion bash", 0, true },
		{ "--describe-commands", 0, true },
		{ "help nothing", 64, false },
		{ "completion csh", 64, false },
		{ "nothing", 64, false },
		{ "status No", 64, false },
		{ "status --watch -o json", 64, false },
		{ "history --since never", 64, false },
		{ "history --limit 0", 64, false },
		{ "try ftp x", 64, false },
		{ "try http http://x --expect nothing", 64, false },
		{ "try http http://x --set a.b=1 --set a=2", 64, false },
		{ "status", 69, false },
		{ "version one", 69, false },
		{ "run one", 69, false },
		{ "events", 69, false },
		{ "reload", 69, false },
		{ "try http http://x", 69, false },
		{ "check-config", 69, false },
		{ "--socket "
		  "/tmp/1234567890123456789012345678901234567890123456789012345678901234567890"
		  "12345678901234567890123456789012345678901234567890 status",
		    64, false },
		{ "--host ssh://-oProxyCommand=x status", 64, false },
	};
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char *out = NULL, *err = NULL;
		int code = ran(rows[i].line, &out, &err);
		const char *end = strchr(err, '\n');
		bool one_line = end != NULL && end[1] == '\0' &&
				strncmp(err, "relauditctl: ", strlen("relauditctl: ")) == 0;

		if (code != rows[i].code || (*out != '\0') != rows[i].answer ||
		    (rows[i].answer ? *err != '\0' : !one_line))
			fail_msg("'%s': %d, '%s', '%s'", rows[i].line, code, out, err);
		free(out);
		free(err);
	}
}

static void
test_exit_of_a_status(void **state)
{
	/* The state's code, and that of the latest verdict. */
	static const struct {
		const char *json;
		int of_state, of_verdict;
	} rows[] = {
		{ "{'state':'OK','environments':[]}", 0, 0 },
		{ "{'state':'OK','environments':[{'checks':[]}]}", 0, 0 },
		{ "{'state':'OK','environments':[{'checks':[{'state':'OK','verdict':'OK'}]}]}", 0,
		    0 },
		{ "{'state':'OK','environments':[{'checks':[{'state':'OK','verdict':'CRITICAL'}]}]"
		  "}",
		    0, 2 },
		{ "{'state':'WARNING','environments':[{'checks':[{'state':'WARNING','verdict':'OK'}"
		  "]"
		  "}]}",
		    1, 0 },
		{ "{'state':'OK','environments':[{'checks':[{'state':'WARNING','verdict':'OK'}]}]}",
		    1, 0 },
		{ "{'state':'CRITICAL','environments':[]}", 2, 0 },
		{ "{'state':'UNKNOWN','environments':[{'checks':[{'state':'PENDING','verdict':"
		  "'PENDING'}]}]}",
		    3, 3 },
		{ "{'state':'CRITICAL','environments':[{'checks':[{'state':'UNKNOWN','verdict':"
		  "'UNKNOWN'},{'state':'CRITICAL','verdict':'CRITICAL'}]}]}",
		    2, 2 },
		{ "{'name':'one','state':'OK','checks':[{'state':'OK','verdict':'OK'}]}", 0, 0 },
		/* What is not as it should be is never OK. */
		{ "{}", 3, 3 },
		{ "{'state':'FINE','environments':[{'checks':[{'state':'OK','verdict':'OK'}]}]}", 3,
		    0 },
		{ "{'state':'OK','environments':7}", 3, 3 },
		{ "{'state':'OK','environments':[7]}", 3, 3 },
		{ "{'state':'OK','environments':[{'checks':[7]}]}", 3, 3 },
		{ "{'state':'OK','environments':[{'checks':[{}]}]}", 3, 3 },
		{ "{'state':'OK','environments':[{'checks':[{'state':'good','verdict':0}]}]}", 3,
		    3 },
	};
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct ra_ctl_status s;
		char text[256];
		json_t *json;
		int codes[2];
		size_t k;

		snprintf(text, sizeof(text), "%s", rows[i].json);
		for (k = 0; text[k] != '\0'; k++)
			text[k] = text[k] == '\'' ? '"' : text[k];
		json = json_loads(text, 0, NULL);
		for (k = 0; k < 2; k++) {
			assert_int_equal(ra_ctl_status_read(json, k == 1, &s), 0);
			codes[k] = ra_ctl_status_exit(&s);
			ra_ctl_status_free(&s);
		}
		if (codes[0] != rows[i].of_state || codes[1] != rows[i].of_verdict)
			fail_msg("%s: %d, %d", rows[i].json, codes[0], codes[1]);
		json_decref(json);
	}
}

/* --- tables --- */

static const struct ra_ctl_term terminal = { .tty = true, .unicode = true, .width = 80 };
static const struct ra_ctl_term plain = { 0 };

static void
table_of(const struct ra_ctl_term *t, const struct ra_ctl_column *columns, const char *const *cells,
    struct ra_buf *out)
{
	struct ra_ctl_table table;
	struct ra_ctl_cell row[3];
	size_t i, k;

	ra_ctl_table_init(&table, t, columns, 3);
	for (i = 0; cells[i] != NULL; i += 3) {
		for (k = 0; k < 3; k++)
			row[k] = (struct ra_ctl_cell){ cells[i + k], RA_CTL_PLAIN };
		ra_ctl_table_row(&table, row);
	}
	ra_ctl_table_print(&table, out);
	ra_ctl_table_free(&table);
}

static void
test_table(void **state)
{
	static const struct ra_ctl_column some[] = { { .title = "NAME" },
		{ .title = "SIZE", .right = true }, { .title = "WHAT" } };
	static const struct ra_ctl_column tight[] = { { .title = "NAME", .least = 4 },
		{ .title = "B" }, { .title = "TEXT", .least = 6 } };
	static const struct ra_ctl_term narrow = { .tty = true, .unicode = true, .width = 20 };
	static const struct ra_ctl_term ascii = { .tty = true, .ascii = true, .width = 20 };
	static const struct {
		const struct ra_ctl_term *term;
		const struct ra_ctl_column *columns;
		const char *cells[7];
		const char *text;
	} rows[] = {
		{ &plain, some, { "a", "1", "x", "long", "22", "" },
		    "NAME  SIZE  WHAT\na        1  x\nlong    22\n" },
		{ &plain, some, { NULL }, "NAME  SIZE  WHAT\n" },
		/* A wide character has two columns. */
		{ &terminal, some, { "日本語", "1", "x", "abcdef", "2", "y" },
		    "NAME    SIZE  WHAT\n日本語     1  x\nabcdef     2  y\n" },
		/* The widest gives way, with a mark. */
		{ &narrow, tight, { "abcdefghijkl", "1", "0123456789" },
		    "NAME     B  TEXT\nabcdef…  1  0123456…\n" },
		{ &narrow, tight, { "日本語日本語", "1", "0123456789" },
		    "NAME     B  TEXT\n日本語…  1  0123456…\n" },
		{ &ascii, tight, { "abcdefghijkl", "1", "é" },
		    "NAME     B  TEXT\nabcdef~  1  \\u{00e9}\n" },
		/* What comes from outside stays one line and moves no cursor. */
		{ &plain, some, { "a\nb", "1", "\033[31mred\r\xff\xe2\x80\xae" },
		    "NAME    SIZE  WHAT\na\\x0ab     1  \\x1b[31mred\\x0d\\xff\\u{202e}\n" },
	};
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);

		table_of(rows[i].term, rows[i].columns, rows[i].cells, &out);
		if (strcmp(ra_buf_text(&out), rows[i].text) != 0)
			fail_msg("%zu:\n%s", i, ra_buf_text(&out));
	}
}

/* Every line fits, nothing in it can move the cursor, none ends with blanks. */
static void
check_page(const char *what, const struct ra_ctl_term *t, const struct ra_buf *page)
{
	const char *at = ra_buf_text(page), *end;

	assert_true(page->len > 0 && page->error == 0);
	for (; *at != '\0'; at = end + 1) {
		size_t i, len;

		end = strchrnul(at, '\n');
		len = (size_t)(end - at);
		if (*end == '\0')
			fail_msg("%s: no end of line", what);
		if (t->width > 0 && ra_text_width(at, len) > t->width)
			fail_msg("%s at %u: too wide: %.*s", what, t->width, (int)len, at);
		if (len > 0 && at[len - 1] == ' ')
			fail_msg(
			    "%s at %u: blanks at the end: '%.*s'", what, t->width, (int)len, at);
		for (i = 0; i < len;) {
			uint32_t c = 0;
			size_t n = ra_utf8_decode(at + i, len - i, &c);

			if (n == 0 || !ra_char_printable(c) || (t->ascii && n > 1))
				fail_msg("%s: byte %zu of: %.*s", what, i, (int)len, at);
			i += n;
		}
	}
}

static void
render_all(const struct ra_ctl_term *t, const struct ra_ctl_status *s, struct ra_buf *out)
{
	size_t i, k;

	ra_ctl_matrix(t, s, out);
	for (i = 0; i < s->environment_count; i++) {
		ra_ctl_environment_head(t, &s->environments[i], out);
		for (k = 0; k < s->environments[i].check_count; k++)
			ra_ctl_detail(
			    t, &s->environments[i].checks[k], s->at, &s->environments[i], out);
	}
}

static void
test_pages(void **state)
{
	static const char *const files[] = { "status", "ok", "environment", "hostile", "try" };
	static const unsigned widths[] = { 0, 80, 100, 200 };
	size_t i, k;

	for (i = 0; i < RA_ARRAY_SIZE(files); i++) {
		struct ra_ctl_status s;
		char path[256];
		json_t *json;

		snprintf(path, sizeof(path), DATA "%s.json", files[i]);
		json = json_load_file(path, JSON_ALLOW_NUL, NULL);
		assert_non_null(json);
		for (k = 0; k < 2 * RA_ARRAY_SIZE(widths); k++) {
			struct ra_ctl_term t = { .tty = true,
				.unicode = k % 2 == 0,
				.ascii = k % 2 == 1,
				.width = widths[k / 2] };
			RA_BUF_LOCAL page = RA_BUF(0);

			assert_int_equal(ra_ctl_status_read(json, false, &s), 0);
			render_all(&t, &s, &page);
			check_page(files[i], &t, &page);
			ra_ctl_status_free(&s);
		}
		json_decref(json);
	}
}

static void
test_color_is_asked_for(void **state)
{
	struct ra_ctl_term t = { .color = true };
	RA_BUF_LOCAL out = RA_BUF(0);

	ra_ctl_styled(&t, &out, RA_CTL_STYLE_CRITICAL, "\033[0mX");
	assert_string_equal(ra_buf_text(&out), "\033[1;31m\\x1b[0mX\033[0m");
	ra_buf_clear(&out);
	ra_ctl_styled(&plain, &out, RA_CTL_STYLE_CRITICAL, "X");
	assert_string_equal(ra_buf_text(&out), "X");
}

/* --- CSV --- */

static void
test_csv(void **state)
{
	static const struct {
		const char *cells[3], *text;
	} rows[] = {
		{ { "a", "b", "c" }, "a,b,c\n" },
		{ { "", NULL, "c" }, ",,c\n" },
		{ { "a,b", "say \"x\"", "c" }, "\"a,b\",\"say \"\"x\"\"\",c\n" },
		{ { "two\nlines", "\033[2J", "c\r" }, "two\\x0alines,\\x1b[2J,c\\x0d\n" },
		{ { " a", "b ", "\\" }, "\" a\",b ,\\\\\n" },
		{ { "日本", "\xff", "é" }, "日本,\\xff,é\n" },
	};
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);

		ra_ctl_csv_row(&out, rows[i].cells, 3);
		assert_string_equal(ra_buf_text(&out), rows[i].text);
	}
}

/* --- YAML --- */

static void
test_yaml(void **state)
{
	static const struct {
		const char *paths[8]; /* path and text in turn */
		const char *text; /* NULL: the last is refused */
	} rows[] = {
		{ { "kind", "version" }, "kind: \"version\"\n" },
		{ { "http.url", "http://x/ # y", "format", "json" },
		    "http:\n  url: \"http://x/ # y\"\nformat: \"json\"\n" },
		{ { "a", "null", "b", "${x}" }, "a: \"null\"\nb: \"${x}\"\n" },
		{ { "a", "x\"\\\n- y: z", "b", "\x01\xc2\x85\xe2\x80\xae" },
		    "a: \"x\\\"\\\\\\U0000000a- y: z\"\nb: "
		    "\"\\U00000001\\U00000085\\U0000202e\"\n" },
		{ { "required", "a", "required", "b", "required", "c" },
		    "required: [\"a\", \"b\", \"c\"]\n" },
		{ { "required+", "a" }, "required: [\"a\"]\n" },
		{ { "1", "a", "Key", "b" }, "\"1\": \"a\"\n\"Key\": \"b\"\n" },
		{ { "a.b.c.d", "e" }, "a:\n  b:\n    c:\n      d: \"e\"\n" },
		{ { "a", "", "b", " " }, "a: \"\"\nb: \" \"\n" },
		{ { "a b", "c" }, NULL },
		{ { "", "c" }, NULL },
		{ { ".a", "c" }, NULL },
		{ { "a.", "c" }, NULL },
		{ { "+", "c" }, NULL },
		{ { "a: b", "c" }, NULL },
		{ { "a.b.c.d.e.f.g.h.i", "c" }, NULL },
		{ { "a", "1", "a.b", "2" }, NULL },
		{ { "a.b", "1", "a", "2" }, NULL },
		{ { "a", "\xff" }, NULL },
	};
	size_t i, k;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		json_t *root = json_object();
		struct ra_error err = { 0 };
		int r = 0;

		for (k = 0; k < RA_ARRAY_SIZE(rows[i].paths) && rows[i].paths[k] != NULL; k += 2)
			r = ra_ctl_tree_set(root, rows[i].paths[k], strlen(rows[i].paths[k]),
			    rows[i].paths[k + 1], &err);
		ra_ctl_yaml_write(&out, root);
		json_decref(root);
		if (rows[i].text == NULL ? r == 0 || err.text[0] == '\0'
					 : r < 0 || strcmp(ra_buf_text(&out), rows[i].text) != 0)
			fail_msg("%s: %d\n%s", rows[i].paths[0], r, ra_buf_text(&out));
	}
}

/* --- ssh --- */

static char folder[64], script[96], record[96];

static int
ssh_setup(void **state)
{
	FILE *f;

	snprintf(folder, sizeof(folder), "/tmp/test_ctl.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(script, sizeof(script), "%s/ssh", folder);
	snprintf(record, sizeof(record), "%s/record", folder);
	f = fopen(script, "w");
	if (f == NULL)
		return -1;
	/* An ssh that only says what it was called with, one argument a line. */
	fprintf(f, "#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s\n", record);
	fclose(f);
	setenv("RELAUDIT_SSH", script, 1);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	return chmod(script, 0700);
}

static int
ssh_teardown(void **state)
{
	unsetenv("RELAUDIT_SSH");
	unsetenv("XDG_RUNTIME_DIR");
	(void)unlink(script);
	(void)unlink(record);
	return rmdir(folder); /* nothing else was left in it */
}

/* The arguments behind the forwarding, joined by blanks; NULL: ssh was not called. */
static char *
called_with(const char *host, const char *socket, int *ret_code)
{
	struct ra_ctl ctl = { .out = stdout, .err = stderr, .host = host, .socket = socket };
	struct ra_ctl_ssh *ssh = NULL;
	struct ra_error err = { 0 };
	char text[4096], *at;
	size_t n;
	FILE *f;

	(void)unlink(record);
	ctl.timeout = 60000;
	*ret_code = ra_ctl_ssh_start(&ctl, &ssh, &err);
	assert_null(ssh);
	assert_true(err.text[0] != '\0');
	f = fopen(record, "r");
	if (f == NULL)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strstr(text, "/s:");
	assert_non_null(at);
	for (n = 0; at[n] != '\0'; n++)
		at[n] = at[n] == '\n' ? (char)(at[n + 1] == '\0' ? '\0' : ' ') : at[n];
	return strdup(at + strlen("/s:"));
}

static void
test_ssh(void **state)
{
	static const struct {
		const char *host, *socket, *arguments; /* NULL: refused, and ssh never started */
	} rows[] = {
		{ "ssh://audit1", NULL, RA_CTL_SOCKET " -- audit1" },
		{ "ssh://audit1/", "/x.sock", "/x.sock -- audit1" },
		{ "ssh://audit1?socket=/y.sock", "/x.sock", "/y.sock -- audit1" },
		{ "ssh://me@audit1:2222", NULL, RA_CTL_SOCKET " -p 2222 -l me -- audit1" },
		{ "ssh://[2001:db8::1]:22", NULL, RA_CTL_SOCKET " -p 22 -- 2001:db8::1" },
		{ "ssh://me@corp@audit1", NULL, RA_CTL_SOCKET " -l me@corp -- audit1" },
		{ "ssh://-oProxyCommand=touch${IFS}x", NULL, NULL },
		{ "ssh://-x", NULL, NULL },
		{ "ssh://me@-x", NULL, NULL },
		{ "ssh://-l@audit1", NULL, NULL },
		{ "ssh://[-x]", NULL, NULL },
		{ "ssh://$(touch x)", NULL, NULL },
		{ "ssh://`touch`", NULL, NULL },
		{ "ssh://a;b", NULL, NULL },
		{ "ssh://a'b@c", NULL, NULL },
		{ "ssh://a b", NULL, NULL },
		{ "ssh://a\nb", NULL, NULL },
		{ "ssh://", NULL, NULL },
		{ "ssh://@audit1", NULL, NULL },
		{ "ssh://audit1:", NULL, NULL },
		{ "ssh://audit1:0", NULL, NULL },
		{ "ssh://audit1:65536", NULL, NULL },
		{ "ssh://audit1:22;x", NULL, NULL },
		{ "ssh://audit1/path", NULL, NULL },
		{ "ssh://audit1?socket=relative", NULL, NULL },
		{ "ssh://audit1", "relative", NULL },
		{ "ssh://audit1", "/a b", NULL },
		{ "http://audit1", NULL, NULL },
		{ "audit1", NULL, NULL },
	};
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		int code = 0;
		char *text = called_with(rows[i].host, rows[i].socket, &code);
		bool refused = rows[i].arguments == NULL;

		if (code != (refused ? RA_CTL_USAGE : RA_CTL_UNAVAILABLE) ||
		    (refused ? text != NULL : text == NULL || strcmp(text, rows[i].arguments) != 0))
			fail_msg("%s: %d, %s", rows[i].host, code, text != NULL ? text : "-");
		free(text);
	}
}

/* --- a socket that cannot be reached --- */

static void
says(const char *path, const char *wanted)
{
	struct ra_ctl ctl = { 0 };
	struct ra_error err = { 0 };

	ra_ctl_unreachable(&ctl, path, &err);
	if (strstr(err.text, wanted) == NULL)
		fail_msg("%s: '%s'", path, err.text);
}

static int
listen_at(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* One that waits in the queue of who listens, or in vain for a place there. */
static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	(void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
	return fd;
}

/* Which group to be a member of: the socket's, or that of the folder that keeps us out. */
static void
test_who_may_not(void **state)
{
	static const uid_t nobody = 65534;
	char base[] = "/tmp/test_ctl.XXXXXX";
	int fds[4], others[4];
	const struct group *games = getgrnam("games");

	if (geteuid() != 0 || games == NULL)
		skip();
	assert_non_null(mkdtemp(base));
	assert_int_equal(chdir(base) | chmod(base, 0755), 0);
	assert_int_equal(mkdir("shut", 0700) | mkdir("shut/in", 0700), 0);
	fds[0] = listen_at("mine", SOCK_STREAM);
	fds[1] = listen_at("shut/s", SOCK_STREAM);
	fds[2] = listen_at("packets", SOCK_DGRAM);
	fds[3] = listen_at("root", SOCK_STREAM);
	assert_int_equal(chmod("root", 0600) | chown("root", 0, 0), 0);
	assert_int_equal(chmod("mine", 0660) | chown("mine", 0, games->gr_gid), 0);
	assert_int_equal(chown("shut", 0, 54321), 0);
	says("mine", "connections end at once");
	for (size_t i = 0; i < 4; i++)
		others[i] = connect_to("mine");
	says("mine", "too many others connect to it; try again");
	for (size_t i = 0; i < 4; i++)
		close(others[i]);
	says("packets", "see `systemctl status relauditd`");
	assert_int_equal(seteuid(nobody), 0);
	says("mine", "be a member of group 'games' (`usermod -aG games USER`");
	says("shut/s", "be a member of group '54321'");
	says(
	    "root", "name a group in relauditd's configuration (`daemon: socket: {group: GROUP}`)");
	says("shut/in/s", "be a member of the group of its folder");
	assert_int_equal(seteuid(0), 0);
	says("mine/s", "no such file");
	for (size_t i = 0; i < RA_ARRAY_SIZE(fds); i++)
		close(fds[i]);
	says("mine", "nobody listens there any more");
	unlink("mine");
	unlink("packets");
	unlink("root");
	unlink("shut/s");
	rmdir("shut/in");
	rmdir("shut");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(base), 0);
}

static void
test_closed_there(void **state)
{
	struct ra_ctl ctl = { .host = "ssh://audit1" };
	struct ra_error err = { 0 };

	ra_ctl_closed(&ctl, "/tmp/x/s", &err);
	assert_non_null(strstr(err.text, "ssh://audit1: nothing answers at " RA_CTL_SOCKET));
	ctl.socket = "/there.sock";
	ra_ctl_closed(&ctl, "/tmp/x/s", &err);
	assert_non_null(strstr(err.text, "nothing answers at /there.sock there"));
}

/* --- narrow places --- */

/* Folded at blanks where there are any, and within a word where there is none. */
static void
test_fields(void **state)
{
	static const struct ra_ctl_term narrow = { .tty = true, .unicode = true, .width = 40 };
	static const struct {
		const char *label, *text, *wanted;
	} rows[] = {
		{ "reason", "one two", "  reason      one two\n" },
		{ "reason", "one two three four five six (since 2 h)",
		    "  reason      one two three four five\n              six (since 2 h)\n" },
		{ "reason", "aaaaaaaaaaaaaaaaaa bbb (since 2 h)",
		    "  reason      aaaaaaaaaaaaaaaaaa bbb\n              (since 2 h)\n" },
		{ "reason", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    "  reason      aaaaaaaaaaaaaaaaaaaaaaaaaa\n              aaaaaaaaa\n" },
		{ "a label of its own", "x", "  a label of its own  x\n" },
		{ "evidence", "a\nstate", "  evidence    a\\x0astate\n" },
		{ "reason", "", "  reason      \n" },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL out = RA_BUF(0);

		ra_ctl_field(&narrow, &out, 2, rows[i].label, rows[i].text);
		assert_string_equal(ra_buf_text(&out), rows[i].wanted);
		ra_buf_clear(&out);
		ra_ctl_field_lines(&narrow, &out, 2, "facts", "a\nb\n");
		assert_string_equal(ra_buf_text(&out), "  facts       a\n              b\n");
	}
}

static void
test_times(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(0);

	ra_ctl_time(&out, 0);
	ra_ctl_date(&out, 0);
	ra_ctl_relative(&out, 0, 5000);
	ra_ctl_relative(&out, 4500, 5000);
	ra_ctl_relative(&out, 65000, 5000);
	ra_ctl_relative(&out, 5000, 65000);
	ra_ctl_moment(&out, 0, 5000);
	assert_string_equal(ra_buf_text(&out), "---nowin 1 min1 min ago-");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_exit_of_a_status),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_color_is_asked_for),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_yaml),
		cmocka_unit_test_setup_teardown(test_ssh, ssh_setup, ssh_teardown),
		cmocka_unit_test(test_who_may_not),
		cmocka_unit_test(test_closed_there),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_times),
	};

	setenv("RELAUDIT_SOCKET", NO_SOCKET, 1);
	setenv("RELAUDITD", "/nothing/relauditd", 1);
	(void)unsetenv("XDG_RUNTIME_DIR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
