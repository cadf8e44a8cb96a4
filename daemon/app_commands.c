/* SPDX-License-Identifier: Apache-2.0 */
/* Everything relauditd does besides running. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/digest.h"
#include "relaudit/api/view.h"
#include "relaudit/format/format.h"
#include "relaudit/kind/kind.h"
#include "relaudit/source/source.h"

#include "app.h"

#define TRY_INPUT_MAX (1 << 20)

static size_t
count_all(const void *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

/* Hands the generated registries down to conf. They live as long as the process. */
int
ra_app_registry(struct ra_app *app)
{
	size_t ns = count_all((const void *const *)ra_sources);
	size_t nf = count_all((const void *const *)ra_formats);
	size_t nk = count_all((const void *const *)ra_kinds);
	static struct ra_conf_source sources[64];
	static struct ra_conf_format formats[64];
	static struct ra_conf_kind kinds[64];
	size_t i;

	if (ns > RA_ARRAY_SIZE(sources) || nf > RA_ARRAY_SIZE(formats) || nk > RA_ARRAY_SIZE(kinds))
		return -E2BIG;
	for (i = 0; i < ns; i++)
		sources[i] = (struct ra_conf_source){ &ra_sources[i]->type, ra_sources[i]->serves };
	for (i = 0; i < nf; i++)
		formats[i] = (struct ra_conf_format){ .type = &ra_formats[i]->type,
			.serves = ra_formats[i]->serves,
			.selector = ra_formats[i]->selector };
	for (i = 0; i < nk; i++)
		kinds[i] = (struct ra_conf_kind){ .type = &ra_kinds[i]->type,
			.expectation = &ra_kinds[i]->expectation,
			.takes = ra_kinds[i]->takes,
			.format = ra_kinds[i]->format };
	app->registry = (struct ra_registry){ .sources = sources,
		.source_count = ns,
		.formats = formats,
		.format_count = nf,
		.kinds = kinds,
		.kind_count = nk };
	return 0;
}

struct ra_conf_load
ra_app_load(const struct ra_app *app)
{
	return (struct ra_conf_load){ .path = app->args.config,
		.registry = &app->registry,
		.offline = app->args.offline,
		.fingerprint_key = app->fingerprint_key };
}

int
ra_app_say(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return RA_EXIT_OK;
	(void)fprintf(stderr, "relauditd: cannot write the answer: %s\n", strerror(errno));
	return RA_UNKNOWN;
}

static int
print_out(const struct ra_buf *out, const struct ra_errors *errors, int r)
{
	RA_BUF_LOCAL text = RA_BUF(0);

	if (ra_errors_any(errors))
		ra_errors_print(errors, &text);
	(void)fputs(ra_buf_text(&text), stderr);
	if (ra_app_say(ra_buf_text(out)) != RA_EXIT_OK)
		return RA_UNKNOWN;
	return r < 0 || out->error != 0 ? RA_EXIT_CONFIG : RA_EXIT_OK;
}

int
ra_app_check_config(struct ra_app *app)
{
	struct ra_conf_load load = ra_app_load(app);
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_config *config = NULL;
	int r = ra_config_load(&load, &config, &errors);

	if (r == 0)
		ra_buf_printf(&out, "%s: %zu environments, %zu checks: good%s%s\n", load.path,
		    config->environment_count, config->check_count,
		    load.offline ? " (secrets not read)" : "",
		    config->check_count == 0 ? ", but nothing is watched" : "");
	ra_config_unref(config);
	r = print_out(&out, &errors, r);
	ra_errors_clear(&errors);
	return r;
}

int
ra_app_print(struct ra_app *app)
{
	struct ra_conf_load load = ra_app_load(app);
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);
	int r = ra_config_print(&load, app->args.what, &out, &errors);

	r = print_out(&out, &errors, r);
	ra_errors_clear(&errors);
	return r;
}

static void
describe_reasons(struct ra_buf *out)
{
	int i;

	for (i = 0; i < RA_REASON_COUNT; i++) {
		const char *next = ra_reason_next((enum ra_reason)i);

		ra_buf_printf(out, "*%s*\n\t%s.", ra_reason_code((enum ra_reason)i),
		    ra_reason_meaning((enum ra_reason)i));
		ra_buf_printf(out, "%s%s\n\n", *next != '\0' ? " Next: " : "", next);
	}
}

int
ra_app_describe(struct ra_app *app)
{
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL out = RA_BUF(0);
	int r;

	if (app->args.command == RA_COMMAND_DESCRIBE_MANUAL)
		ra_config_describe_scdoc(&app->registry, &out);
	else if (app->args.command == RA_COMMAND_DESCRIBE_REASONS)
		describe_reasons(&out);
	else
		ra_config_describe(&app->registry, app->args.what, &out, &errors);
	r = print_out(&out, &errors, ra_errors_any(&errors) ? -EINVAL : 0);
	ra_errors_clear(&errors);
	return r;
}

/* --- try --- */

static int
read_input(struct ra_buf *in)
{
	char part[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0)
		ra_buf_add(in, part, (size_t)n);
	return n < 0 ? -errno : in->error;
}

static void
on_tried(void *arg, int error)
{
	struct ra_app *app = arg;

	app->exit = error == 0 ? RA_EXIT_OK : RA_UNKNOWN;
	ra_loop_stop(app->io.loop);
}

static int
try_check(struct ra_app *app, struct ra_buf *out, struct ra_error *err)
{
	const struct ra_check *check = app->config->checks[0];
	struct ra_run *run;
	struct ra_jsonw w;
	struct ra_view v;
	int r;

	if ((r = ra_app_open_io(app, err)) < 0 ||
	    (r = ra_engine_new(&app->io, NULL, NULL, &app->engine, err)) < 0 ||
	    (r = ra_engine_start(app->engine, app->config, err)) < 0)
		return r;
	if ((r = ra_engine_run(app->engine, check, on_tried, app, &run)) < 0)
		return ra_error_set(err, r, "cannot probe: %s", strerror(-r));
	ra_loop_run(app->io.loop);
	ra_engine_view(app->engine, check, &v);
	ra_jsonw_init(&w, out);
	ra_api_write_check(&w, NULL, &v);
	ra_buf_putc(out, '\n');
	return ra_verdict_exit(v.verdict);
}

int
ra_app_try(struct ra_app *app)
{
	struct ra_conf_load load = ra_app_load(app);
	struct ra_errors errors = { 0 };
	RA_BUF_LOCAL in = RA_BUF(TRY_INPUT_MAX);
	RA_BUF_LOCAL out = RA_BUF(0);
	struct ra_error err = { 0 };
	int r;

	if (read_input(&in) < 0) {
		(void)fputs("relauditd: cannot read the check from standard input\n", stderr);
		return RA_EXIT_USAGE;
	}
	r = ra_config_load_check(
	    &load, app->args.what, ra_buf_text(&in), in.len, &app->config, &errors);
	if (r == 0) {
		r = try_check(app, &out, &err);
		if (r < 0)
			fprintf(stderr, "relauditd: %s\n", err.text);
		r = r < 0 ? RA_UNKNOWN : r;
		if (ra_app_say(ra_buf_text(&out)) != RA_EXIT_OK)
			r = RA_UNKNOWN;
	} else {
		r = print_out(&out, &errors, r) == RA_EXIT_OK ? RA_EXIT_OK : RA_EXIT_USAGE;
	}
	ra_errors_clear(&errors);
	if (app->engine != NULL)
		ra_engine_stop(app->engine);
	ra_engine_free(RA_TAKE(app->engine));
	ra_config_unref(RA_TAKE(app->config));
	ra_app_close_io(app);
	return r;
}
