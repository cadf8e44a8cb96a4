/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of conf: a folder of its own, and a registry of made-up sources, formats and kinds that
 * has every type of option and every flag.
 */
#ifndef RA_TESTS_CONF_RIG_H
#define RA_TESTS_CONF_RIG_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relaudit/conf/config.h"
#include "relaudit/model/data.h"

/* --- source web: bytes --- */

struct web_tls {
	struct ra_text ca;
	int64_t verify;
};

struct web {
	struct ra_text url, bearer, empty;
	struct ra_pairs headers;
	struct web_tls *tls;
	int64_t method, max_size, ratio, tries, wait;
	int prepared;
};

static const char *const web_methods[] = { "get", "post", NULL };

static const struct ra_option web_tls_options[] = {
	{ .name = "ca", .type = RA_OPT_PATH, .offset = offsetof(struct web_tls, ca), .help = "ca" },
	{ .name = "verify",
	    .type = RA_OPT_BOOL,
	    .offset = offsetof(struct web_tls, verify),
	    .fallback = "true",
	    .help = "verify" },
	{ 0 },
};

static const struct ra_option web_options[] = {
	{ .name = "url",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct web, url),
	    .flags = RA_OPT_REQUIRED,
	    .help = "what to ask" },
	{ .name = "bearer",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct web, bearer),
	    .help = "token" },
	{ .name = "empty",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct web, empty),
	    .flags = RA_OPT_EMPTY,
	    .help = "may be empty" },
	{ .name = "headers",
	    .type = RA_OPT_PAIRS,
	    .offset = offsetof(struct web, headers),
	    .help = "headers" },
	{ .name = "tls",
	    .type = RA_OPT_TABLE,
	    .offset = offsetof(struct web, tls),
	    .table = web_tls_options,
	    .table_size = sizeof(struct web_tls),
	    .help = "tls" },
	{ .name = "method",
	    .type = RA_OPT_CHOICE,
	    .offset = offsetof(struct web, method),
	    .fallback = "get",
	    .choices = web_methods,
	    .help = "method" },
	{ .name = "max-size",
	    .type = RA_OPT_SIZE,
	    .offset = offsetof(struct web, max_size),
	    .fallback = "1M",
	    .min = 1,
	    .max = 1000000000,
	    .help = "size" },
	{ .name = "ratio",
	    .type = RA_OPT_PERCENT,
	    .offset = offsetof(struct web, ratio),
	    .max = 10000,
	    .help = "ratio" },
	{ .name = "tries",
	    .type = RA_OPT_INT,
	    .offset = offsetof(struct web, tries),
	    .min = 1,
	    .max = 9,
	    .help = "tries" },
	{ .name = "wait",
	    .type = RA_OPT_DURATION,
	    .offset = offsetof(struct web, wait),
	    .min = 1000,
	    .max = 60000,
	    .help = "wait" },
	{ 0 },
};

static int
web_prepare(void *options, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct web *w = options;

	w->prepared++;
	if (w->url.value != NULL && strcmp(w->url.value, "refuse") == 0)
		ra_conf_complain(place, "url", "the url is refused by %s", "prepare");
	if (w->url.value != NULL && strcmp(w->url.value, "refuse-all") == 0)
		ra_conf_complain(place, NULL, "all of it is refused");
	for (size_t i = 0; i < w->headers.count; i++) {
		char path[64];

		snprintf(path, sizeof(path), "headers/%s", w->headers.list[i].name);
		if (strcmp(w->headers.list[i].name, "Bad") == 0)
			ra_conf_complain(place, path, "a bad header");
	}
	return 0;
}

/* --- source disk: bytes, lines and items --- */

struct disk {
	struct ra_text path, glob;
};

static const struct ra_option disk_options[] = {
	{ .name = "path", .type = RA_OPT_PATH, .offset = offsetof(struct disk, path), .help = "p" },
	{ .name = "glob", .type = RA_OPT_TEXT, .offset = offsetof(struct disk, glob), .help = "g" },
	{ 0 },
};

/* --- formats --- */

struct text {
	struct ra_text regex;
};

static const struct ra_option text_options[] = {
	{ .name = "regex",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct text, regex),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "regex" },
	{ 0 },
};

static const struct ra_option tree_options[] = { { 0 } };

static int
tree_selector(const char *text, struct ra_error *err)
{
	return text[0] == '/' ? 0 : ra_error_set(err, -EINVAL, "'%s' has no slash", text);
}

/* --- kinds --- */

struct alpha {
	struct ra_text where, mark, note;
	struct ra_texts list;
};

static const struct ra_option alpha_options[] = {
	{ .name = "where",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct alpha, where),
	    .flags = RA_OPT_SELECTOR | RA_OPT_EMPTY,
	    .help = "where" },
	{ .name = "mark",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct alpha, mark),
	    .flags = RA_OPT_SELECTOR | RA_OPT_SOURCE,
	    .help = "mark" },
	{ .name = "note",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct alpha, note),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "note" },
	{ .name = "list",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct alpha, list),
	    .help = "list" },
	{ 0 },
};

struct words {
	struct ra_text version;
	int64_t max_age, count;
	struct ra_texts need;
};

static const struct ra_option words_options[] = {
	{ .name = "version",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct words, version),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "version" },
	{ .name = "max-age",
	    .type = RA_OPT_DURATION,
	    .offset = offsetof(struct words, max_age),
	    .min = 1,
	    .max = INT64_MAX,
	    .help = "age" },
	{ .name = "count",
	    .type = RA_OPT_INT,
	    .offset = offsetof(struct words, count),
	    .help = "any number" },
	{ .name = "need",
	    .type = RA_OPT_TEXTS,
	    .offset = offsetof(struct words, need),
	    .help = "need" },
	{ 0 },
};

static const struct ra_option no_options[] = { { 0 } };

static const struct ra_conf_type type_web = { "web", "bytes of the web", web_options,
	sizeof(struct web), web_prepare };
static const struct ra_conf_type type_disk = { "disk", "bytes of a disk", disk_options,
	sizeof(struct disk), NULL };
static const struct ra_conf_type type_text = { "text", "text", text_options, sizeof(struct text),
	NULL };
static const struct ra_conf_type type_tree = { "tree", "a tree", tree_options, 0, NULL };
static const struct ra_conf_type type_alpha = { "alpha", "a value", alpha_options,
	sizeof(struct alpha), NULL };
static const struct ra_conf_type type_beta = { "beta", "things", no_options, 0, NULL };
static const struct ra_conf_type type_gamma = { "gamma", "lines", no_options, 0, NULL };
static const struct ra_conf_type type_words = { "alpha", "words", words_options,
	sizeof(struct words), NULL };

enum { SOURCE_WEB, SOURCE_DISK };
enum { FORMAT_TEXT, FORMAT_TREE };
enum { KIND_ALPHA, KIND_BETA, KIND_GAMMA };

static const struct ra_conf_source rig_sources[] = { { &type_web, RA_SHAPE_BYTES },
	{ &type_disk, RA_SHAPE_BYTES | RA_SHAPE_LINES | RA_SHAPE_ITEMS } };
static const struct ra_conf_format rig_formats[] = {
	{ &type_text, RA_SHAPE_FIELDS | RA_SHAPE_LINES, NULL },
	{ &type_tree, RA_SHAPE_FIELDS, tree_selector }
};
static const struct ra_conf_kind rig_kinds[] = {
	{ &type_alpha, &type_words, RA_SHAPE_FIELDS, "text" },
	{ &type_beta, &type_words, RA_SHAPE_ITEMS, NULL },
	{ &type_gamma, &type_words, RA_SHAPE_LINES, "text" }
};
static const struct ra_registry rig_registry = { rig_sources, 2, rig_formats, 2, rig_kinds, 3 };
static const struct ra_registry *rig_in_use = &rig_registry;

/* --- a folder with the files of one test --- */

static char rig_folder[64], rig_path[80];
static const uint8_t rig_key[32] = { 7 };

static int
rig_setup(void **state)
{
	(void)state;
	snprintf(rig_folder, sizeof(rig_folder), "/tmp/relaudit-conf-XXXXXX");
	if (mkdtemp(rig_folder) == NULL)
		return -1;
	snprintf(rig_path, sizeof(rig_path), "%s/main.yaml", rig_folder);
	return 0;
}

static int
rig_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
rig_teardown(void **state)
{
	(void)state;
	return nftw(rig_folder, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file in the folder; '@' in the text is the folder. */
static void
rig_write(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", rig_folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '@')
			fputs(rig_folder, f);
		else
			fputc(*p, f);
	}
	assert_int_equal(fclose(f), 0);
}

static struct ra_conf_load
rig_conf_load(void)
{
	return (struct ra_conf_load){ .path = rig_path,
		.registry = rig_in_use,
		.credentials = rig_folder,
		.fingerprint_key = rig_key };
}

/* Loads main.yaml as it is. */
static int
rig_load_file(struct ra_config **ret, struct ra_errors *errors)
{
	struct ra_conf_load load = rig_conf_load();
	int r;

	*ret = NULL;
	r = ra_config_load(&load, ret, errors);
	assert_true(r == 0 || r == -EINVAL);
	assert_true((r == 0) == (*ret != NULL));
	assert_true((r == 0) == !ra_errors_any(errors));
	return r;
}

/* Writes main.yaml; fails if it is refused. */
RA_UNUSED static struct ra_config *
rig_good(const char *text)
{
	struct ra_errors errors = { 0 };
	struct ra_config *c;

	rig_write("main.yaml", text);
	if (rig_load_file(&c, &errors) < 0) {
		RA_BUF_LOCAL shown = RA_BUF(0);

		ra_errors_print(&errors, &shown);
		fail_msg("refused:\n%s\n%s", text, ra_buf_text(&shown));
	}
	ra_errors_clear(&errors);
	return c;
}

/*
 * Writes main.yaml; fails unless it is refused with an error at line (and col; 0: any) of that file
 * (NULL: main.yaml) whose text has the words in any case.
 */
RA_UNUSED static void
rig_bad(const char *text, const char *file, uint32_t line, uint32_t col, const char *words)
{
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL shown = RA_BUF(0);
	struct ra_config *c;
	bool found = false;

	rig_write("main.yaml", text);
	if (rig_load_file(&c, &errors) == 0)
		fail_msg("not refused (%s):\n%s", words, text);
	for (size_t i = 0; i < errors.count; i++) {
		const struct ra_errors_item *e = &errors.items[i];
		size_t len = strlen(e->pos.file), end = strlen(file != NULL ? file : "main.yaml");

		found = found ||
			((line == 0 || e->pos.line == line) && (col == 0 || e->pos.col == col) &&
			    strcasestr(e->text, words) != NULL && len > end &&
			    strcmp(e->pos.file + len - end,
				file != NULL ? file : "main.yaml") == 0);
	}
	ra_errors_print(&errors, &shown);
	if (!found)
		fail_msg("no error %u:%u '%s':\n%s\n%s", line, col, words, text,
		    ra_buf_text(&shown));
	ra_errors_clear(&errors);
}

/* --- what is in it --- */

RA_UNUSED static const struct ra_check *
rig_check(const struct ra_config *c, const char *id)
{
	const struct ra_check *check = ra_config_check(c, id);

	if (check == NULL)
		fail_msg("no check %s", id);
	return check;
}

RA_UNUSED static const struct web *
rig_web(const struct ra_config *c, const char *id)
{
	const struct ra_check *check = rig_check(c, id);

	assert_int_equal(check->source, SOURCE_WEB);
	return check->instances[0].source_options;
}

RA_UNUSED static const struct alpha *
rig_alpha(const struct ra_config *c, const char *id)
{
	const struct ra_check *check = rig_check(c, id);

	assert_int_equal(check->kind, KIND_ALPHA);
	return check->kind_options;
}

/* The values of a list, joined by commas. */
RA_UNUSED static const char *
rig_join(const struct ra_texts *t, struct ra_buf *out)
{
	ra_buf_clear(out);
	for (size_t i = 0; i < t->count; i++)
		ra_buf_printf(out, "%s%s", i > 0 ? "," : "", t->list[i].value);
	return ra_buf_text(out);
}

RA_UNUSED static const char *
rig_pair(const struct ra_pairs *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++) {
		if (strcmp(p->list[i].name, name) == 0)
			return p->list[i].text.value;
	}
	return "-";
}

#endif
