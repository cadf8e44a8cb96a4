/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drift costs: files of KEY=VALUE and JSON read, made snapshots of and compared. Beside it
 * what else people use for it, where it is installed: diff on sorted files, jq -S, python. Prints
 * the median of some rounds in ms; `bench_drift FOLDER` keeps the files it makes there.
 */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "relaudit/base/buf.h"
#include "relaudit/format/format.h"
#include "relaudit/model/drift.h"

extern const struct ra_format ra_format_dotenv, ra_format_json, ra_format_yaml;
extern char **environ;

#define ROUNDS 9

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *ms)
{
	qsort(ms, ROUNDS, sizeof(*ms), by_value);
	return ms[ROUNDS / 2];
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_drift: %s\n", what);
	exit(1);
}

/* --- inputs --- */

/* One key in ten is a secret, one in a hundred a URL; `side` changes one value in a thousand. */
static void
put_value(struct ra_buf *out, size_t i, unsigned side)
{
	if (i % 1000 == 0)
		ra_buf_printf(out, "changed-%u", side);
	else if (i % 100 == 1)
		ra_buf_printf(out, "https://service-%zu.shop.example:8443/api/v1", i);
	else
		ra_buf_printf(out, "value-%zu-of-some-length", i * 7919 % 100003);
}

static void
put_key(struct ra_buf *out, size_t i, bool in_order)
{
	static const char *const parts[] = { "SHOP", "DATABASE", "CACHE", "QUEUE", "FEATURE",
		"MAIL", "PAYMENT", "SEARCH" };

	ra_buf_printf(out, "%s_%s_%05zu%s", parts[in_order ? 0 : i % 8],
	    parts[in_order ? 0 : i / 8 % 8], i, i % 10 == 3 ? "_PASSWORD" : "");
}

/* In no order at all. */
static size_t
shuffled(size_t i, size_t count)
{
	return i * 7919 % count;
}

static struct ra_buf
make_dotenv(size_t count, unsigned side, bool in_order)
{
	struct ra_buf out = RA_BUF(0);

	for (size_t i = 0; i < count; i++) {
		size_t n = in_order ? i : shuffled(i, count);

		put_key(&out, n, in_order);
		ra_buf_putc(&out, '=');
		put_value(&out, n, side);
		ra_buf_putc(&out, '\n');
	}
	return out;
}

static struct ra_buf
make_json(size_t count, unsigned side, bool one_line)
{
	struct ra_buf out = RA_BUF(0);

	ra_buf_puts(&out, "{\n");
	for (size_t i = 0; i < count; i++) {
		if (i % 100 == 0)
			ra_buf_printf(&out, "%s\"section-%zu\": {\n", i > 0 ? "},\n" : "", i / 100);
		ra_buf_puts(&out, i % 100 == 0 ? "  \"" : ",  \"");
		put_key(&out, i, false);
		ra_buf_puts(&out, "\": \"");
		put_value(&out, i, side);
		ra_buf_puts(&out, "\"\n");
	}
	ra_buf_puts(&out, "}}\n");
	for (size_t i = 0; one_line && i < out.len; i++)
		out.data[i] = out.data[i] == '\n' ? ' ' : out.data[i];
	return out;
}

/* --- ours --- */

static struct ra_snapshot *
snapshot(const struct ra_format *format, const struct ra_buf *text)
{
	static const struct ra_placeholder ph[] = { { "environment", "production" },
		{ "domain", "shop.example" } };
	struct {
		int64_t zero[4]; /* options of any of the formats, all unset */
	} options = { { 0 } };
	struct ra_snapshot_rules rules = {
		.key = "0123456789abcdef", .key_len = 16, .placeholders = ph, .placeholder_count = 2
	};
	struct ra_input in = { .bytes = text->data, .len = text->len };
	struct ra_format_call call = { .options = &options, .shape = RA_SHAPE_KEYS, .input = &in };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_data data = { 0 };
	struct ra_error err;
	struct ra_snapshot *s = NULL;

	if (format->read(&call, &data, &err) != RA_R_OK)
		die(err.text);
	if (ra_snapshot_add_data(b, &data) < 0 || ra_snapshot_seal(b, &s) < 0)
		die("out of memory");
	ra_data_free(&data);
	return s;
}

static size_t
compare(struct ra_snapshot *const *snapshots, size_t count)
{
	struct ra_drift_side sides[RA_DRIFT_SIDES_MAX];
	struct ra_drift_call call = {
		.sides = sides, .side_count = count, .key = "0123456789abcdef", .key_len = 16
	};
	struct ra_drift d;
	size_t rows;

	for (size_t i = 0; i < count; i++)
		sides[i] = (struct ra_drift_side){ .name = "x", .snapshot = snapshots[i] };
	if (ra_drift_compare(&call, &d) < 0)
		die("out of memory");
	rows = d.row_count;
	ra_drift_free(&d);
	return rows;
}

/* Two texts to snapshots, and those compared; and the comparison alone. */
static void
bench_two(const char *what, const struct ra_format *format, const struct ra_buf text[2])
{
	double all[ROUNDS], one[ROUNDS], only[ROUNDS];
	size_t rows = 0, count = 0, size = 0;

	for (int r = 0; r < ROUNDS; r++) {
		struct ra_snapshot *s[2];
		double t0 = now_ms(), t1, t2;

		s[0] = snapshot(format, &text[0]);
		t1 = now_ms();
		s[1] = snapshot(format, &text[1]);
		t2 = now_ms();
		rows = compare(s, 2);
		only[r] = now_ms() - t2;
		all[r] = now_ms() - t0;
		one[r] = t1 - t0;
		count = ra_snapshot_count(s[0]);
		size = ra_snapshot_size(s[0]);
		ra_snapshot_unref(s[0]);
		ra_snapshot_unref(s[1]);
	}
	printf("%-28s %7zu keys %5zu rows: one file %7.2f ms, comparing %6.2f ms, both files and "
	       "all %7.2f ms; %zu KiB each\n",
	    what, count, rows, median(one), median(only), median(all), size >> 10);
}

static void
bench_many(size_t environments, size_t keys)
{
	struct ra_snapshot *s[RA_DRIFT_SIDES_MAX], *same[2];
	double ms[ROUNDS], equal[ROUNDS];
	size_t rows = 0;

	for (size_t i = 0; i < environments; i++) {
		struct ra_buf text = make_dotenv(keys, (unsigned)i, false);

		s[i] = snapshot(&ra_format_dotenv, &text);
		ra_buf_free(&text);
	}
	same[0] = same[1] = s[0];
	for (int r = 0; r < ROUNDS; r++) {
		double t0 = now_ms();

		rows = compare(s, environments);
		ms[r] = now_ms() - t0;
		t0 = now_ms();
		compare(same, 2);
		equal[r] = now_ms() - t0;
	}
	printf(
	    "%zu environments side by side %5zu keys %5zu rows: %.2f ms; two equal ones: %.4f ms\n",
	    environments, keys, rows, median(ms), median(equal));
	for (size_t i = 0; i < environments; i++)
		ra_snapshot_unref(s[i]);
}

/* --- others --- */

static void
write_file(const char *folder, const char *name, const struct ra_buf *text)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	if (f == NULL || fwrite(text->data, 1, text->len, f) != text->len || fclose(f) != 0)
		die("cannot write a file");
}

/* A shell command in the folder. */
static void
bench_other(const char *folder, const char *what, const char *command)
{
	char script[8192];
	char sh[] = "/bin/sh", option[] = "-c", *argv[] = { sh, option, script, NULL };
	double ms[ROUNDS];

	snprintf(script, sizeof(script), "cd '%s' || exit 127; { %s; } >/dev/null 2>&1", folder,
	    command);
	for (int r = 0; r < ROUNDS; r++) {
		double t0 = now_ms();
		int status = 0;
		pid_t pid;

		if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0 ||
		    waitpid(pid, &status, 0) != pid)
			die("cannot run sh");
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
			printf("%-52s is not here\n", what);
			return;
		}
		ms[r] = now_ms() - t0;
	}
	printf("%-52s %8.2f ms\n", what, median(ms));
}

static void
bench_others(const char *folder)
{
	bench_other(folder, "sort and diff, 100,000 KEY=VALUE",
	    "sort a.env >a.sorted; sort b.env >b.sorted; diff a.sorted b.sorted");
	bench_other(folder, "diff alone, of sorted files", "diff a.sorted b.sorted");
	bench_other(folder, "python3, dicts, 100,000 KEY=VALUE",
	    "python3 -c 'r = lambda p: dict(l.rstrip().split(\"=\", 1) for l in open(p)); "
	    "a, b = r(\"a.env\"), r(\"b.env\"); "
	    "print([k for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)])'");
	bench_other(folder, "jq -S and diff, 100,000-key JSON",
	    "command -v jq || exit 127; jq -S . a.json >a.js; jq -S . b.json >b.js; diff a.js "
	    "b.js");
	bench_other(folder, "python3, json, 100,000-key JSON",
	    "python3 -c 'import json; r = lambda p: json.load(open(p)); a, b = r(\"a.json\"), "
	    "r(\"b.json\"); print([(s, k) for s in a for k in a[s] if a[s][k] != b[s].get(k)])'");
}

static void
clean_up(const char *folder)
{
	static const char *const names[] = { "a.env", "b.env", "a.json", "b.json", "a.sorted",
		"b.sorted", "a.js", "b.js" };
	char path[4096];

	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

int
main(int argc, char **argv)
{
	char made[] = "/tmp/bench_drift.XXXXXX";
	char *folder = argc > 1 ? argv[1] : mkdtemp(made);
	struct ra_buf small[2], big[2], sorted[2], json[2], line[2];

	if (folder == NULL)
		die("cannot make a folder");
	for (unsigned i = 0; i < 2; i++) {
		small[i] = make_dotenv(1000, i, false);
		big[i] = make_dotenv(100000, i, false);
		sorted[i] = make_dotenv(100000, i, true);
		json[i] = make_json(100000, i, false);
		line[i] = make_json(100000, i, true);
		write_file(folder, i == 0 ? "a.env" : "b.env", &big[i]);
		write_file(folder, i == 0 ? "a.json" : "b.json", &json[i]);
	}
	bench_two("dotenv", &ra_format_dotenv, small);
	bench_two("dotenv", &ra_format_dotenv, big);
	bench_two("dotenv, in order", &ra_format_dotenv, sorted);
	bench_two("JSON", &ra_format_json, json);
	bench_two("JSON in one line", &ra_format_json, line);
	bench_two("the same as YAML", &ra_format_yaml, json);
	bench_many(20, 2000);
	bench_others(folder);
	for (unsigned i = 0; i < 2; i++) {
		ra_buf_free(&small[i]);
		ra_buf_free(&big[i]);
		ra_buf_free(&sorted[i]);
		ra_buf_free(&json[i]);
		ra_buf_free(&line[i]);
	}
	if (argc < 2)
		clean_up(folder);
	return 0;
}
