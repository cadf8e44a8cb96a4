/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${...}: three lines are the variables a, b and c of an environment, the fourth a text of a check.
 * What comes of it is what the few lines of expand() make of it; where they refuse, so does the
 * configuration. Secrets (a ':' in a name) have tests of their own.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relaudit/base/buf.h"
#include "relaudit/conf/config.h"
#include "relaudit/model/data.h"
#include "relaudit/model/secret.h"

#include "fuzz.h"

#define VARIABLES 3
#define TEXT_MAX  65536 /* of a text with its variables */

struct web {
	struct ra_text text;
};

static const struct ra_option web_options[] = {
	{ .name = "text",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct web, text),
	    .flags = RA_OPT_EMPTY,
	    .help = "text" },
	{ 0 },
};
static const struct ra_option no_options[] = { { 0 } };
static const struct ra_conf_type web = { "web", "web", web_options, sizeof(struct web), NULL };
static const struct ra_conf_type lines = { "lines", "lines", no_options, 0, NULL };
static const struct ra_conf_type alpha = { "alpha", "alpha", no_options, 0, NULL };
static const struct ra_conf_source sources[] = { { &web, RA_SHAPE_BYTES } };
static const struct ra_conf_format formats[] = { { &lines, RA_SHAPE_LINES, NULL } };
static const struct ra_conf_kind kinds[] = { { &alpha, &alpha, RA_SHAPE_LINES, "lines" } };
static const struct ra_registry registry = { sources, 1, formats, 1, kinds, 1 };

/* --- the other way to say it --- */

struct variables {
	const char *text[VARIABLES];
	bool open[VARIABLES]; /* being filled in */
};

static bool expand(struct variables *v, const char *text, struct ra_buf *out);

static bool
expand_name(struct variables *v, const char *name, size_t len, struct ra_buf *out)
{
	size_t i = len == 1 ? (size_t)(name[0] - 'a') : VARIABLES;
	bool good;

	if (len == 11 && memcmp(name, "environment", len) == 0)
		return ra_buf_puts(out, "one") == 0;
	if (len == 5 && memcmp(name, "check", len) == 0)
		return ra_buf_puts(out, "alpha") == 0;
	if (i >= VARIABLES || v->open[i])
		return false;
	v->open[i] = true;
	good = expand(v, v->text[i], out);
	v->open[i] = false;
	return good;
}

static bool
expand(struct variables *v, const char *text, struct ra_buf *out)
{
	const char *end;

	while (*text != '\0') {
		if (strncmp(text, "$${", 3) == 0) {
			ra_buf_puts(out, "${");
			text += 3;
		} else if (strncmp(text, "${", 2) == 0) {
			end = strchr(text, '}');
			if (end == NULL || !expand_name(v, text + 2, (size_t)(end - text) - 2, out))
				return false;
			text = end + 1;
		} else {
			ra_buf_putc(out, *text++);
		}
	}
	return out->error == 0;
}

/* --- as configuration --- */

static void
add_quoted(struct ra_buf *out, const char *text)
{
	ra_buf_putc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			ra_buf_putc(out, '\\');
		ra_buf_putc(out, *text);
	}
	ra_buf_putc(out, '"');
}

static struct ra_config *
load(const struct variables *v, const char *text)
{
	static const uint8_t key[32] = { 1 };
	RA_BUF_LOCAL yaml = RA_BUF(0);
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;
	char path[64];
	struct ra_conf_load how = {
		.path = path, .registry = &registry, .offline = true, .fingerprint_key = key
	};
	int fd = memfd_create("config", MFD_CLOEXEC), r;

	ra_buf_puts(&yaml, "environments:\n  one:\n    vars:\n");
	for (int i = 0; i < VARIABLES; i++) {
		ra_buf_printf(&yaml, "      %c: ", 'a' + i);
		add_quoted(&yaml, v->text[i]);
		ra_buf_putc(&yaml, '\n');
	}
	ra_buf_puts(&yaml, "    checks: {alpha: {web: {text: ");
	add_quoted(&yaml, text);
	ra_buf_puts(&yaml, "}}}\n");
	FUZZ_CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
	FUZZ_CHECK(write(fd, yaml.data, yaml.len) == (ssize_t)yaml.len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = ra_config_load(&how, &c, &errors);
	FUZZ_CHECK((r == 0) == (c != NULL) && (r == 0) == !ra_errors_any(&errors));
	ra_errors_clear(&errors);
	close(fd);
	return c;
}

/* Printable, and no ':'. */
static char *
plain_line(struct fuzz_input *in)
{
	char *line = fuzz_line(in), *to = line;

	for (const char *p = line; *p != '\0'; p++)
		if (*p >= ' ' && *p <= '~' && *p != ':')
			*to++ = *p;
	*to = '\0';
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *a = plain_line(&in);
	RA_FREE char *b = plain_line(&in);
	RA_FREE char *c = plain_line(&in);
	RA_FREE char *text = plain_line(&in);
	struct variables v = { .text = { a, b, c } };
	RA_BUF_LOCAL expected = RA_BUF(TEXT_MAX);
	bool good = expand(&v, text, &expected);
	struct ra_config *config = load(&v, text);

	if (expected.error == 0)
		FUZZ_CHECK(good == (config != NULL));
	if (good && config != NULL) {
		const struct web *w = config->checks[0]->instances[0].source_options;

		FUZZ_CHECK(strcmp(w->text.value, ra_buf_text(&expected)) == 0);
		FUZZ_CHECK(strcmp(w->text.shown, w->text.value) == 0 ||
			   ra_secret_value(w->text.value, strlen(w->text.value)));
	}
	ra_config_unref(config);
	return 0;
}
