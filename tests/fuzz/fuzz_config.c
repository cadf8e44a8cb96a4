/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: as a whole file, and as the one check of `try`. Either it is refused, with places
 * and reasons that may be shown, or what comes of it is whole: names resolve, every check can be
 * printed, and it does not differ from itself.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relaudit/base/escape.h"
#include "relaudit/conf/config.h"
#include "relaudit/format/format.h"
#include "relaudit/kind/kind.h"
#include "relaudit/source/source.h"

#include "fuzz.h"

static const uint8_t key[32] = { 1 };

/* As relauditd hands it down. */
static const struct ra_registry *
registry(void)
{
	static struct ra_conf_source sources[64];
	static struct ra_conf_format formats[64];
	static struct ra_conf_kind kinds[64];
	static struct ra_registry r = { .sources = sources, .formats = formats, .kinds = kinds };

	if (r.kind_count > 0)
		return &r;
	for (; ra_sources[r.source_count] != NULL; r.source_count++)
		sources[r.source_count] =
		    (struct ra_conf_source){ .type = &ra_sources[r.source_count]->type,
			    .serves = ra_sources[r.source_count]->serves };
	for (; ra_formats[r.format_count] != NULL; r.format_count++)
		formats[r.format_count] =
		    (struct ra_conf_format){ .type = &ra_formats[r.format_count]->type,
			    .serves = ra_formats[r.format_count]->serves,
			    .selector = ra_formats[r.format_count]->selector };
	for (; ra_kinds[r.kind_count] != NULL; r.kind_count++)
		kinds[r.kind_count] = (struct ra_conf_kind){ .type = &ra_kinds[r.kind_count]->type,
			.expectation = &ra_kinds[r.kind_count]->expectation,
			.takes = ra_kinds[r.kind_count]->takes,
			.format = ra_kinds[r.kind_count]->format };
	return &r;
}

/* --- what is refused --- */

static void
check_errors(const struct ra_errors *errors)
{
	RA_BUF_LOCAL out = RA_BUF(0);

	FUZZ_CHECK(ra_errors_any(errors));
	for (size_t i = 0; i < errors->count; i++) {
		const struct ra_errors_item *item = &errors->items[i];

		FUZZ_CHECK(item->pos.file != NULL && item->text != NULL && item->text[0] != '\0');
		FUZZ_CHECK((item->pos.line == 0) == (item->pos.col == 0));
		/* in order of position, of one file */
		if (i > 0 && strcmp(item->pos.file, item[-1].pos.file) == 0)
			FUZZ_CHECK(item[-1].pos.line < item->pos.line ||
				   (item[-1].pos.line == item->pos.line &&
				       item[-1].pos.col <= item->pos.col));
	}
	ra_errors_print(errors, &out);
	FUZZ_CHECK(out.error == 0);
	for (size_t i = 0; i < out.len;) {
		uint32_t c;
		size_t n = ra_utf8_decode(out.data + i, out.len - i, &c);

		FUZZ_CHECK(n > 0 && (c == '\n' || c == '\t' || ra_char_printable(c)));
		i += n;
	}
}

/* --- what is loaded --- */

static void
check_check(const struct ra_config *c, const struct ra_check *check)
{
	FUZZ_CHECK(ra_config_check(c, check->id) == check);
	FUZZ_CHECK(check->environment != NULL && check->expect != NULL);
	FUZZ_CHECK(check->source < c->registry->source_count);
	FUZZ_CHECK(check->kind < c->registry->kind_count);
	FUZZ_CHECK(check->format == RA_NO_FORMAT || check->format < c->registry->format_count);
	FUZZ_CHECK(check->confirm > 0 && check->recover > 0);
	FUZZ_CHECK(check->every > 0 && check->timeout > 0 && check->retry > 0);
	FUZZ_CHECK(check->severity == RA_WARNING || check->severity == RA_CRITICAL);
	FUZZ_CHECK(check->instance_count > 0 && (check->many || check->instance_count == 1));
	for (size_t i = 0; i < check->instance_count; i++)
		FUZZ_CHECK((check->instances[i].name != NULL) == check->many);
	for (size_t i = 1; i < check->secret_count; i++)
		FUZZ_CHECK(strlen(check->secrets[i - 1]) >= strlen(check->secrets[i]));
}

static void
check_config(const struct ra_config *c)
{
	RA_BUF_LOCAL out = RA_BUF(0);
	size_t count = 0;

	for (size_t i = 0; i < c->environment_count; i++) {
		const struct ra_environment *e = c->environments[i];

		FUZZ_CHECK(ra_config_environment(c, e->name) == e && e->index == i);
		for (size_t k = 0; k < e->check_count; k++) {
			FUZZ_CHECK(e->checks[k] == c->checks[count]);
			FUZZ_CHECK(e->checks[k]->index == count++);
			FUZZ_CHECK(e->checks[k]->environment == e);
			FUZZ_CHECK(
			    k == 0 || strcmp(e->checks[k - 1]->name, e->checks[k]->name) < 0);
			check_check(c, e->checks[k]);
		}
	}
	FUZZ_CHECK(count == c->check_count);
	ra_config_diff(c, c, &out);
	FUZZ_CHECK(out.len == 0);
}

static void
check_print(const struct ra_conf_load *load, const struct ra_config *c)
{
	for (size_t i = 0; i < c->check_count && i < 4; i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		struct ra_errors errors = { 0 };

		FUZZ_CHECK(ra_config_print(load, c->checks[i]->id, &out, &errors) == 0);
		FUZZ_CHECK(out.len > 0 && !ra_errors_any(&errors));
		ra_errors_clear(&errors);
	}
}

static void
check_loaded(int r, struct ra_config *c, struct ra_errors *errors)
{
	FUZZ_CHECK((r == 0) == (c != NULL));
	if (r < 0) {
		FUZZ_CHECK(r == -EINVAL);
		check_errors(errors);
	} else {
		FUZZ_CHECK(!ra_errors_any(errors));
		check_config(c);
	}
	ra_errors_clear(errors);
}

static void
load_file(const char *bytes, size_t size)
{
	char path[64];
	struct ra_conf_load load = {
		.path = path, .registry = registry(), .offline = true, .fingerprint_key = key
	};
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;
	int fd = memfd_create("config", MFD_CLOEXEC), r;

	FUZZ_CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
	FUZZ_CHECK(write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = ra_config_load(&load, &c, &errors);
	check_loaded(r, c, &errors);
	if (c != NULL)
		check_print(&load, c);
	ra_config_unref(c);
	close(fd);
}

static void
load_check(const char *name, const char *bytes, size_t size)
{
	struct ra_conf_load load = {
		.registry = registry(), .offline = true, .fingerprint_key = key
	};
	struct ra_errors errors = { 0 };
	struct ra_config *c = NULL;
	int r = ra_config_load_check(&load, name, bytes, size, &c, &errors);

	check_loaded(r, c, &errors);
	FUZZ_CHECK(c == NULL || (c->check_count == 1 && c->environment_count == 1));
	ra_config_unref(c);
}

/* An input that begins with "#try NAME" is the one check of that name. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char try[] = "#try ";
	struct fuzz_input in = { (const char *)bytes, size };

	if (size > strlen(try) && memcmp(bytes, try, strlen(try)) == 0) {
		RA_FREE char *name = fuzz_line(&in);
		RA_FREE char *rest = fuzz_rest(&in);

		load_check(name + strlen(try), rest, in.left);
	} else {
		load_file((const char *)bytes, size);
	}
	return 0;
}
