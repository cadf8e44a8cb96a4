/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "relaudit/base/buf.h"
#include "relaudit/format/format.h"

#include "options.h"

extern const struct ra_format ra_format_dotenv;

struct outcome {
	enum ra_reason reason;
	struct ra_data data;
	struct ra_error err;
};

static struct outcome
read_text(const char *dialect, const char *text, size_t len)
{
	struct ra_arena *arena = ra_arena_new();
	struct ra_conf_place place;
	struct ra_input in = { .bytes = len > 0 ? malloc(len) : NULL, .len = len };
	struct ra_format_call call = { .shape = RA_SHAPE_KEYS, .input = &in };
	struct outcome o = { 0 };
	char options[64];

	snprintf(options, sizeof(options), "dialect: %s", dialect);
	call.options = options_bind(arena, &ra_format_dotenv.type, options, &place);
	/* Without a NUL behind it, so that reading on is seen. */
	if (len > 0)
		memcpy(in.bytes, text, len);
	o.reason = ra_format_dotenv.read(&call, &o.data, &o.err);
	assert_true((o.reason == RA_R_OK) == (o.data.shape == RA_SHAPE_KEYS));
	assert_true((o.reason == RA_R_OK) == (o.err.text[0] == '\0'));
	free(in.bytes);
	ra_arena_free(arena);
	return o;
}

/* "A=1|B=2", of equal names the last, in the order of the last ones. */
static void
describe(const struct ra_data *d, struct ra_buf *out)
{
	size_t count = 0;

	for (size_t i = 0; i < d->keys.count; i++) {
		bool again = false;

		for (size_t j = i + 1; j < d->keys.count; j++)
			again =
			    again || strcmp(ra_data_key_name(d, i), ra_data_key_name(d, j)) == 0;
		if (!again)
			ra_buf_printf(out, "%s%s=%s", count++ > 0 ? "|" : "",
			    ra_data_key_name(d, i), ra_data_key_value(d, i));
	}
}

/* `keys` as describe() has them, or '!' and what the error says. */
struct row {
	const char *text;
	const char *keys;
};

static void
check(const char *dialect, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct outcome o = read_text(dialect, rows[i].text, strlen(rows[i].text));
		RA_BUF_LOCAL got = RA_BUF(0);

		if (rows[i].keys[0] == '!') {
			assert_int_equal(o.reason, RA_R_NOT_DOTENV);
			if (strstr(o.err.text, rows[i].keys + 1) == NULL)
				fail_msg("%s: '%s': %s", dialect, rows[i].text, o.err.text);
		} else {
			if (o.reason != RA_R_OK)
				fail_msg("%s: '%s': %s", dialect, rows[i].text, o.err.text);
			describe(&o.data, &got);
			if (strcmp(ra_buf_text(&got), rows[i].keys) != 0)
				fail_msg("%s: '%s': '%s' is not '%s'", dialect, rows[i].text,
				    ra_buf_text(&got), rows[i].keys);
		}
		ra_data_free(&o.data);
	}
}

static const struct row systemd_rows[] = {
	{ "", "" },
	{ "\n \t\r\n", "" },
	{ "A=1", "A=1" },
	{ "A=1\nB=2\n", "A=1|B=2" },
	{ "A=1\r\nB=2\r\n", "A=1|B=2" },
	{ "A=1\rB=2", "A=1|B=2" },
	{ "A=", "A=" },
	{ "A=\nB=1", "A=|B=1" },
	{ "A=1\nA=2", "A=2" },
	{ "  A=1", "A=1" },
	{ "A =1", "A=1" },
	{ "A\t = 1", "A=1" },
	{ "A= 1 2 \t\n", "A=1 2" },
	{ "A=1#2", "A=1#2" },
	{ "A=1 # comment", "A=1 # comment" },
	{ "# A=1\n;B=2\n  # C=3\nD=4", "D=4" },
	{ "A==", "A==" },
	{ "A=a=b", "A=a=b" },
	/* quotes */
	{ "A='1 2 '", "A=1 2 " },
	{ "A=\"1 2 \"", "A=1 2 " },
	{ "A=\"1\"'2' \"3\"", "A=123" },
	{ "A=\"1\" 2 3 ", "A=12 3" },
	{ "A=\"x\"   # comment", "A=x# comment" },
	{ "A=1\"2\"", "A=1\"2\"" },
	{ "A=it's", "A=it's" },
	{ "A='a\nb'\nB=1", "A=a\nb|B=1" },
	{ "A=\"a\nb\"\nB=1", "A=a\nb|B=1" },
	{ "A='a\\'b", "A=a\\b" },
	{ "A='a\nB=1", "A=a\nB=1" },
	{ "A=\"a\nB=1", "A=a\nB=1" },
	{ "A=\"\"", "A=" },
	{ "A=''", "A=" },
	/* escapes */
	{ "A=a\\b", "A=ab" },
	{ "A=a\\\\b", "A=a\\b" },
	{ "A=\\ a", "A= a" },
	{ "A=a\\ ", "A=a " },
	{ "A=a \\", "A=a " },
	{ "A=a \\\n", "A=a " },
	{ "A=a\\\nb", "A=ab" },
	{ "A=a\\\n  b", "A=a  b" },
	{ "A=\\\n  b", "A=  b" },
	{ "A=a\\\r\nb", "A=a" },
	{ "A=\\\"a\\\"", "A=\"a\"" },
	{ "A=\"a\\\"b\"", "A=a\"b" },
	{ "A=\"a\\nb\"", "A=a\\nb" },
	{ "A=\"a\\\\b\\$c\\`d\"", "A=a\\b$c`d" },
	{ "A=\"a\\\nb\"", "A=ab" },
	{ "A=\"a\\", "A=a" },
	{ "A=\\t", "A=t" },
	{ "A=$B ${C}", "A=$B ${C}" },
	/* names that are none: the line is passed over */
	{ "export A=1\nB=2", "B=2" },
	{ "1A=1\nA1=2", "A1=2" },
	{ "A-B=1\nC=2", "C=2" },
	{ "A.B=1\nC=2", "C=2" },
	{ "=1\nC=2", "C=2" },
	{ "==1\nC=2", "C=2" },
	{ "A\nC=2", "C=2" },
	{ "C=2\nA", "C=2" },
	{ "\xc3\xa4=1\nC=2", "C=2" },
	{ "\xef\xbb\xbf"
	  "A=1\nC=2",
	    "C=2" },
	{ "[section]\nC=2", "C=2" },
	/* what is passed over can still hold what counts */
	{ "A B='\nC=2\n'\nD=3", "D=3" },
	{ "A=\x01\x7f", "A=\x01\x7f" },
	{ "A=\xc3\xa4", "A=\xc3\xa4" },
	{ "# \xff\nA=1", "A=1" },
	{ "\xff\nA=1", "A=1" },
	/* refused as a whole */
	{ "A=1\nB=\xff", "!line 2, column 1: not UTF-8" },
	{ "A=1\n\xff=1", "!line 2, column 1: not UTF-8" },
	{ "A=\xed\xa0\x80", "!not UTF-8" },
	{ "A=\xef\xbf\xbf", "!not UTF-8" },
	{ "A=\xef\xb7\x90", "!not UTF-8" },
	{ "A=\xc0\x80", "!not UTF-8" },
	/* not such a file */
	{ "<html>\n<meta charset=\"x\">", "!line 1: not an assignment" },
	{ "{\"A\": 1}", "!line 1: not an assignment" },
	{ "\n\nkey: value", "!line 3: not an assignment" },
};

static void
test_systemd(void **state)
{
	static const struct row of_253[] = {
		{ "# a \\\nB=1\nC=2", "C=2" },
		{ "# a \\\r\nC=2", "C=2" },
		{ "# a \\\\\nC=2", "C=2" },
		{ "C=1\n# a \\", "C=1" },
	};
	static const struct row of_254[] = {
		{ "# a \\\nB=1\nC=2", "B=1|C=2" },
		{ "# a \\\r\nC=2", "C=2" },
		{ "C=1\n# a \\", "C=1" },
	};

	(void)state;
	check("systemd", systemd_rows, RA_ARRAY_SIZE(systemd_rows));
	check("systemd-253", systemd_rows, RA_ARRAY_SIZE(systemd_rows));
	check("systemd", of_254, RA_ARRAY_SIZE(of_254));
	check("systemd-253", of_253, RA_ARRAY_SIZE(of_253));
}

/* To systemd these are variables too. */
static void
test_blocks(void **state)
{
	static const struct row rows[] = {
		{ "A='-----BEGIN X-----\nabc\n-----END X-----'",
		    "A=-----BEGIN X-----\nabc\n-----END X-----" },
		{ "B=1\nA=-----BEGIN X-----abc-----END X-----",
		    "B=1|A=-----BEGIN X-----abc-----END X-----" },
		{ "A=\"-----BEGIN X-----\nabc\"", "A=-----BEGIN X-----\nabc" },
		{ "# -----BEGIN X-----\nA=1", "A=1" },
		{ "B=1\nA=-----BEGIN X-----\nabc=\n-----END X-----\n",
		    "!line 2: a key or certificate begins here and is not in quotes" },
	};

	(void)state;
	check("systemd", rows, RA_ARRAY_SIZE(rows));
}

static void
test_nul(void **state)
{
	static const char *const dialects[] = { "systemd", "docker", "node" };
	static const char text[] = "A=1\n#\0\n";

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(dialects); i++) {
		struct outcome o = read_text(dialects[i], text, sizeof(text) - 1);

		assert_int_equal(o.reason, RA_R_NOT_DOTENV);
		assert_non_null(strstr(o.err.text, "line 2, column 2: a NUL byte"));
	}
}

static void
test_lines(void **state)
{
	static const char text[] = "# one\nA=1\n\nB=\"x\ny\"\nbad line\nC=\\\n3\nworse\nD=4\r\nE=5";
	static const uint32_t lines[] = { 2, 4, 7, 10, 11 };
	struct outcome o = read_text("systemd", text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(o.reason, RA_R_OK);
	assert_int_equal(o.data.keys.count, RA_ARRAY_SIZE(lines));
	for (size_t i = 0; i < RA_ARRAY_SIZE(lines); i++)
		assert_int_equal(o.data.keys.list[i].line, lines[i]);
	assert_int_equal(o.data.keys.skipped, 2);
	assert_int_equal(o.data.keys.skipped_line, 6);
	assert_false(o.data.keys.pointers);
	ra_data_free(&o.data);
}

#define BOM "\xef\xbb\xbf"

/* What nobody reads as a variable may have been meant as one. */
static void
test_unread(void **state)
{
	static const struct {
		const char *dialect, *text, *unread;
		bool marked;
	} rows[] = {
		{ "systemd", "A=1\nexport  DEBUG=1\nexport\tB\n-x y=1\nC\nx.y-z=1\nexport A-B=",
		    "2 DEBUG;3 B;4 -x;5 C;6 x.y-z;7 A-B", false },
		{ "systemd-253", "A=1\nexport DEBUG=1", "2 DEBUG", false },
		{ "systemd", "A=1\nexport\nexports=1\nexported 1\nexport =1\n%=1",
		    "2 export;4 exported", false },
		{ "systemd", BOM "DEBUG=1\nA=1\n", "1 DEBUG", true },
		{ "systemd", BOM "export DEBUG=1\nA=1\n", "1 DEBUG", true },
		{ "systemd", "-\n" BOM "DEBUG=1\nA=1\n", "1 -;2 DEBUG", false },
		{ "systemd", "A=1\nexport \t\n", "", false },
		{ "docker", BOM "A=1\nDEBUG\n", "2 DEBUG", false },
		{ "node", BOM "A=1\nDEBUG\nexport B\n#C\n", "2 DEBUG;3 B", false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		struct outcome o = read_text(rows[i].dialect, rows[i].text, strlen(rows[i].text));

		struct ra_buf *b = &o.data.keys.unread;

		assert_int_equal(o.reason, RA_R_OK);
		assert_int_equal(o.data.keys.marked, rows[i].marked);
		for (size_t at = 0; at + 1 < b->len; at++)
			b->data[at] = b->data[at] != '\0' ? b->data[at] : ';';
		assert_string_equal(ra_buf_text(b), rows[i].unread);
		ra_data_free(&o.data);
	}
}

static void
test_mark_alone(void **state)
{
	static const char text[] = BOM "A=1\n";
	struct outcome o = read_text("systemd", text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(o.reason, RA_R_NOT_DOTENV);
	assert_non_null(strstr(o.err.text, "line 1: not an assignment to systemd, as a byte order "
					   "mark stands before it, and no other line is one"));
}

/* A line that is not what is expected may be a secret: it is not told. */
static void
test_errors_show_nothing(void **state)
{
	static const char *const dialects[] = { "systemd", "docker", "node" };
	static const char *const texts[] = { "hunter22", "hunter22=\xff", "hunter22 x=hunter22",
		"=hunter22", "A=hunter22\xff" };

	(void)state;
	for (size_t d = 0; d < RA_ARRAY_SIZE(dialects); d++) {
		for (size_t i = 0; i < RA_ARRAY_SIZE(texts); i++) {
			struct outcome o = read_text(dialects[d], texts[i], strlen(texts[i]));

			assert_null(strstr(o.err.text, "hunter22"));
			ra_data_free(&o.data);
		}
	}
}

static void
test_docker(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "A=1\nB=2\r\n", "A=1|B=2" },
		{ "A='1'\nB=\"2\"", "A='1'|B=\"2\"" },
		{ "A= 1 ", "A= 1 " },
		{ "  A=1\n\t\nB=2", "A=1|B=2" },
		{ "# A=1\n  #B=2\nC=3 # x", "C=3 # x" },
		{ "A=1\nA=2", "A=2" },
		{ "\xef\xbb\xbf"
		  "A=1",
		    "A=1" },
		{ "A=1\nHOME\nB=", "A=1|B=" },
		{ "a-b.c/d=1", "a-b.c/d=1" },
		{ "A=\\n", "A=\\n" },
		{ "A=1\rB=2", "A=1\rB=2" },
		{ "A=1\n\n\r\nB=2", "A=1|B=2" },
		/* what Go takes for a blank before a name, and what is none */
		{ " \t\v\f\rA=1", "A=1" },
		{ "\xc2\x85\xc2\xa0\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8a\xe2\x80\xa8\xe2\x80\xa9"
		  "A=1",
		    "A=1" },
		{ "\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80#A=1\nB=2", "B=2" },
		{ "\xe2\x80\x8b"
		  "A=1",
		    "\xe2\x80\x8b"
		    "A=1" },
		{ "\xe1\x99\xbf=1", "\xe1\x99\xbf=1" },
		{ "\xe3\x80\x81=1", "\xe3\x80\x81=1" },
		{ "\xc3\xa4=1\n\x0e=2", "\xc3\xa4=1|\x0e=2" },
		{ "export A=1", "!line 1, column 7: a blank in a name" },
		{ "A=1\nB =1", "!line 2, column 2: a blank in a name" },
		{ "A B", "!a blank in a name" },
		{ "=1", "!line 1, column 1: no name" },
		{ "A=\xff", "!line 1, column 3: a byte that is not UTF-8" },
		{ "HOME", "!line 1: not an assignment" },
	};
	static char line[65600];
	struct outcome o;

	(void)state;
	check("docker", rows, RA_ARRAY_SIZE(rows));
	memset(line, 'A', sizeof(line));
	line[1] = '=';
	o = read_text("docker", line, 65535);
	assert_int_equal(o.reason, RA_R_OK);
	ra_data_free(&o.data);
	o = read_text("docker", line, 65536);
	assert_int_equal(o.reason, RA_R_NOT_DOTENV);
}

static void
test_node(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "A=1\nB=2", "A=1|B=2" },
		{ "A=1\r\nB=2\rC=3", "A=1|B=2|C=3" },
		{ " A = 1 ", "A=1" },
		{ "export A=1\nexport\tB=2", "A=1|B=2" },
		{ "export = 1", "export=1" },
		{ "export=1", "export=1" },
		{ "A=1 # x\nB=a#b\n#C=1", "A=1|B=a" },
		{ "A='a # b' # c", "A=a # b" },
		{ "A=\"a\\nb\\rc\"\nB='a\\nb'\nC=a\\nb", "A=a\nb\rc|B=a\\nb|C=a\\nb" },
		{ "A=`a'b\"c`", "A=a'b\"c" },
		{ "A=\"a\nb\"\nB=1", "A=a\nb|B=1" },
		{ "A='a\nB=1", "A='a|B=1" },
		{ "A='a'b'", "A=a'b" },
		{ "A='a' b", "A='a' b" },
		{ "A='a\\'b'", "A=a\\'b" },
		{ "A='a\\'", "A=a\\" },
		{ "A: 1\nB:2", "A=1" },
		{ "A:\nB=1", "A=B=1" },
		{ "A\n=1", "A=1" },
		{ "A=\n'x'", "A=x" },
		{ "A=\nB=1", "A=|B=1" },
		{ "a.b-c=1", "a.b-c=1" },
		{ "1=2", "1=2" },
		{ "A=1\nB", "A=1" },
		{ "A B=1\nC=2", "C=2" },
		{ "\xef\xbb\xbf"
		  "A=1",
		    "A=1" },
		{ "A=\xc2\xa0x\xc2\xa0", "A=x" },
		{ "A=\"\"", "A=" },
		{ "A=\"", "A=\"" },
		{ "A=1\r", "A=1" },
		{ "A=", "A=" },
		{ "A=1\n  ", "A=1" },
		{ "A='a\\", "A='a\\" },
		{ "A='a\\'b", "A='a\\'b" },
		{ "A=\"a\\tb\\", "A=\"a\\tb\\" },
		{ "A=\"a\\tb\\\"", "A=a\\tb\\" },
		/* what JavaScript takes for a blank, and what is none */
		{ "\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8a\xe2\x80\xa8\xe2\x80\xa9"
		  "A=1\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80\xef\xbb\xbf",
		    "A=1" },
		{ "A=\xc3\xa4", "A=\xc3\xa4" },
		{ "A=\xe2\x80\x8b", "A=\xe2\x80\x8b" },
		{ "A=\xe3\x80\x81", "A=\xe3\x80\x81" },
		{ "A=\xf0\x9f\x98\x80", "A=\xf0\x9f\x98\x80" },
		{ "A=1\x0e\x08", "A=1\x0e\x08" },
		{ "A=\xff", "!line 1, column 3: a byte that is not UTF-8" },
		{ "no assignment", "!line 1: not an assignment" },
	};

	(void)state;
	check("node", rows, RA_ARRAY_SIZE(rows));
}

/* --- against systemd itself --- */

struct systemd {
	void *library;
	int (*load)(FILE *f, const char *path, char ***ret);
	char **(*clean)(char **env, void *callback, void *arg);
	const char *dialect;
};

/* The parser is in a library that is private to systemd; so it may not be there one day. */
static bool
systemd_open(struct systemd *s)
{
	glob_t found = { 0 };
	void (*set_level)(int level);
	unsigned version = 0;
	const char *name;

	if (glob("/usr/lib/*/systemd/libsystemd-shared-*.so", 0, NULL, &found) != 0)
		return false;
	name = strstr(found.gl_pathv[0], "shared-");
	if (sscanf(name, "shared-%u", &version) != 1)
		version = 0;
	s->dialect = version < 254 ? "systemd-253" : "systemd";
	s->library = dlopen(found.gl_pathv[0], RTLD_NOW);
	globfree(&found);
	if (s->library == NULL)
		return false;
	*(void **)&s->load = dlsym(s->library, "load_env_file");
	*(void **)&s->clean = dlsym(s->library, "strv_env_clean_with_callback");
	/* It logs what it refuses. */
	*(void **)&set_level = dlsym(s->library, "log_set_max_level");
	if (set_level != NULL)
		set_level(0);
	return s->load != NULL && s->clean != NULL;
}

/* As describe() does, sorted by nothing: systemd keeps the place of the first of equal names. */
static bool
systemd_read(const struct systemd *s, int fd, const char *text, size_t len, struct ra_buf *out)
{
	char path[64], **env = NULL;
	int r;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, len, 0), (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = s->load(NULL, path, &env);
	if (r < 0)
		return false;
	env = s->clean(env, NULL, NULL);
	for (char **e = env; e != NULL && *e != NULL; e++) {
		ra_buf_printf(out, "%s|", *e);
		free(*e);
	}
	free(env);
	return true;
}

/* The same, of ours: the last value in the place of the first. */
static void
describe_like_systemd(const struct ra_data *d, struct ra_buf *out)
{
	for (size_t i = 0; i < d->keys.count; i++) {
		const char *name = ra_data_key_name(d, i);
		size_t last = i;
		bool seen = false;

		for (size_t j = 0; j < i; j++)
			seen = seen || strcmp(name, ra_data_key_name(d, j)) == 0;
		for (size_t j = i + 1; j < d->keys.count; j++)
			last = strcmp(name, ra_data_key_name(d, j)) == 0 ? j : last;
		if (!seen)
			ra_buf_printf(out, "%s=%s|", name, ra_data_key_value(d, last));
	}
}

static void
check_against(const struct systemd *s, int fd, const char *text, size_t len)
{
	RA_BUF_LOCAL theirs = RA_BUF(0);
	RA_BUF_LOCAL ours = RA_BUF(0);
	bool read = systemd_read(s, fd, text, len, &theirs);
	struct outcome o = read_text(s->dialect, text, len);

	if (o.reason == RA_R_OK)
		describe_like_systemd(&o.data, &ours);
	/* Where nothing is set it is an empty file to systemd, to us not such a file. */
	if ((o.reason == RA_R_OK) != read &&
	    !(theirs.len == 0 && strstr(o.err.text, "no other line") != NULL))
		fail_msg("'%s': systemd %s it, %s", text, read ? "takes" : "refuses", o.err.text);
	if (strcmp(ra_buf_text(&ours), ra_buf_text(&theirs)) != 0)
		fail_msg("'%s': '%s' is not systemd's '%s'", text, ra_buf_text(&ours),
		    ra_buf_text(&theirs));
	ra_data_free(&o.data);
}

static void
test_against_systemd(void **state)
{
	static const char alphabet[] = "AAB1_ =='\"\\\\\n\n\r\t#;`$ab\xc3\xa4\xff";
	struct systemd s = { 0 };
	uint32_t seed = 20261123;
	char text[64];
	int fd;

	(void)state;
	if (!systemd_open(&s)) {
		print_message("systemd's parser is not here: not held against it\n");
		skip();
	}
	fd = memfd_create("env", MFD_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t i = 0; i < RA_ARRAY_SIZE(systemd_rows); i++)
		check_against(&s, fd, systemd_rows[i].text, strlen(systemd_rows[i].text));
	for (size_t i = 0; i < 20000; i++) {
		size_t len;

		seed = seed * 1103515245U + 12345U;
		len = (seed >> 16) % (sizeof(text) - 1);
		for (size_t c = 0; c < len; c++) {
			seed = seed * 1103515245U + 12345U;
			text[c] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		text[len] = '\0';
		check_against(&s, fd, text, len);
	}
	close(fd);
	dlclose(s.library);
}

/* --- against dotenv's own test files --- */

static char *
read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *text = malloc(65536);

	if (f == NULL) {
		free(text);
		return NULL;
	}
	*ret_len = fread(text, 1, 65536, f);
	fclose(f);
	return text;
}

static void
test_node_files(void **state)
{
	static const struct {
		const char *file, *name, *value;
	} rows[] = {
		{ ".env", "BASIC", "basic" },
		{ ".env", "EXPAND_NEWLINES", "expand\nnew\nlines" },
		{ ".env", "RETAIN_INNER_QUOTES", "{\"foo\": \"bar\"}" },
		{ ".env", "SPACED_KEY", "parsed" },
		{ ".env", "INLINE_COMMENTS", "inline comments" },
		{ ".env.multiline", "MULTI_BACKTICKED", "THIS\nIS\nA\n\"MULTILINE'S\"\nSTRING" },
		{ ".env.multiline", "MULTI_SINGLE_QUOTED", "THIS\nIS\nA\nMULTILINE\nSTRING" },
		{ ".env.bom", "BASIC", "basic" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char path[512];
		size_t len = 0, at = 0;
		char *text;
		struct outcome o;

		snprintf(path, sizeof(path), RA_SOURCE_ROOT "/../shared/data/dotenv-js/tests/%s",
		    rows[i].file);
		text = read_file(path, &len);
		if (text == NULL) {
			print_message("%s is not here\n", path);
			skip();
		}
		o = read_text("node", text, len);
		free(text);
		assert_int_equal(o.reason, RA_R_OK);
		while (at < o.data.keys.count &&
		       strcmp(ra_data_key_name(&o.data, at), rows[i].name) != 0)
			at++;
		if (at == o.data.keys.count)
			fail_msg("%s has no %s", rows[i].file, rows[i].name);
		assert_string_equal(ra_data_key_value(&o.data, at), rows[i].value);
		ra_data_free(&o.data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_systemd),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_mark_alone),
		cmocka_unit_test(test_errors_show_nothing),
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_against_systemd),
		cmocka_unit_test(test_node_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
