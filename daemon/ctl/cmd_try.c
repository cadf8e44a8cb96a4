/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A check without a configuration: its options become the YAML of one check, which a relauditd of
 * our own reads from its stdin, probes once and answers. Nothing of it is in an argv but ours.
 */
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/jsonr.h"
#include "relaudit/base/units.h"
#include "relaudit/model/name.h"

#include "program.h"
#include "read.h"
#include "views.h"
#include "yaml.h"

#define YAML_MAX ((size_t)1 << 20)
#define GRACE	 (10 * RA_SECOND) /* beyond the check's own timeout */

static int try_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "kind", '\0', "KIND", "what to judge: version, backup, logs", RA_CTL_WORDS,
	    "version backup logs" },
	{ "format", '\0', "FORMAT", "how to read the answer: json, text", RA_CTL_WORDS,
	    "json text" },
	{ "expect", '\0', "KEY=VALUE", "an expectation; a breach is CRITICAL", RA_CTL_NOTHING,
	    NULL },
	{ "warn", '\0', "KEY=VALUE", "an expectation; a breach is WARNING", RA_CTL_NOTHING, NULL },
	{ "set", '\0', "PATH=VALUE", "any key of the check: expect.max-age=26h", RA_CTL_NOTHING,
	    NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_try = {
	.name = "try",
	.usage = "SOURCE TARGET [--NAME VALUE]...",
	.summary = "what would a check see? without any configuration",
	.details =
	    "SOURCE is http (TARGET a URL) or file (a path, or a pattern of paths). Options go by\n"
	    "their names in relauditd.yaml(5): those of a check (--version /pointer, --regex), of\n"
	    "its expectations (--max-age 26h), or else of the source. One given twice is a list;\n"
	    "--set PATH+=VALUE makes a list of one.\n"
	    "\n"
	    "  relauditctl try http https://shop.example/version --format json --version /version\n"
	    "  relauditctl try file '/backups/shop/*.dump.zst' --max-age 26h --min-size 100M\n"
	    "  relauditctl try file /var/log/shop/app.log --kind logs --max-age 5m\n"
	    "\n"
	    "It runs as you, on this machine, with the relauditd that is installed beside\n"
	    "relauditctl ($RELAUDITD names another). Write secrets as ${file:/PATH} or "
	    "${env:NAME}.\n"
	    "Exit code: the verdict's number.\n",
	.options = options,
	.least = 2,
	.most = 2,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON,
	.any_option = true,
	.complete = RA_CTL_WORDS,
	.words = "http file",
	.run = try_run,
};

/* What TARGET is to a source. */
static const struct {
	const char *source, *key, *pattern;
} targets[] = {
	{ "http", "url", NULL },
	{ "file", "path", "glob" },
};

/* Keys of a check itself, and of its expectations; every other option is the source's. */
static const char *const check_keys[] = { "kind", "service", "format", "every", "retry", "confirm",
	"recover", "severity", "version", "commit", "regex", "header", "time", "search", "lines" };
static const char *const expect_keys[] = { "max-age", "min-size", "max-shrink", "min-count",
	"required", "forbidden", "agree-within" };
static const char *const backup_keys[] = { "min-size", "max-shrink", "min-count" };

#define CONTAINS(list, name) contains(list, RA_ARRAY_SIZE(list), name)

static bool
contains(const char *const *list, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static int
set_at(json_t *root, const char *map, const char *name, const char *value, struct ra_error *err)
{
	char path[160];

	snprintf(path, sizeof(path), "%s%s%.100s", map, *map != '\0' ? "." : "", name);
	return ra_ctl_tree_set(root, path, strlen(path), value, err);
}

/* "--expect KEY=VALUE", "--warn", and "--set PATH=VALUE" with map "". */
static int
set_pair(json_t *root, const char *map, const struct ra_ctl_given *given, struct ra_error *err)
{
	const char *equals = strchr(given->value, '=');
	char name[101];

	if (equals == NULL || equals == given->value ||
	    (size_t)(equals - given->value) >= sizeof(name))
		return ra_error_set(
		    err, -EINVAL, "--%s takes KEY=VALUE, not '%.60s'", given->name, given->value);
	memcpy(name, given->value, (size_t)(equals - given->value));
	name[equals - given->value] = '\0';
	return set_at(root, map, name, equals + 1, err);
}

static int
set_option(json_t *root, const char *source, const struct ra_ctl_given *given, struct ra_error *err)
{
	if (strcmp(given->name, "expect") == 0 || strcmp(given->name, "warn") == 0)
		return set_pair(root, given->name, given, err);
	if (strcmp(given->name, "set") == 0)
		return set_pair(root, "", given, err);
	if (CONTAINS(check_keys, given->name))
		return set_at(root, "", given->name, given->value, err);
	if (CONTAINS(expect_keys, given->name))
		return set_at(root, "expect", given->name, given->value, err);
	return set_at(root, source, given->name, given->value, err);
}

/* Backups are what patterns and sizes are for; else it is a version that is asked for. */
static const char *
guess_kind(const struct ra_ctl *ctl)
{
	const char *kind = ra_ctl_value(ctl, "kind");
	size_t i;

	if (kind != NULL)
		return kind;
	for (i = 0; i < ctl->given_count; i++)
		if (CONTAINS(backup_keys, ctl->given[i].name))
			return "backup";
	if (strcmp(ctl->args[0], "file") == 0 && strpbrk(ctl->args[1], "*?[") != NULL)
		return "backup";
	return "version";
}

static int
set_target(json_t *root, const struct ra_ctl *ctl, struct ra_error *err)
{
	const char *source = ctl->args[0], *target = ctl->args[1];
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(targets); i++) {
		bool pattern = targets[i].pattern != NULL && strpbrk(target, "*?[") != NULL;

		if (strcmp(targets[i].source, source) == 0)
			return set_at(root, source, pattern ? targets[i].pattern : targets[i].key,
			    target, err);
	}
	return ra_error_set(err, -EINVAL, "no source '%.60s'; there are http, file", source);
}

static int
build(const struct ra_ctl *ctl, json_t *root, struct ra_error *err)
{
	char text[RA_UNIT_TEXT];
	size_t i;
	int r = set_target(root, ctl, err);

	if (r == 0 && ra_ctl_value(ctl, "kind") == NULL)
		r = set_at(root, "", "kind", guess_kind(ctl), err);
	if (r == 0 && ctl->timeout_given)
		r = set_at(root, "", "timeout", ra_duration_format(ctl->timeout, text), err);
	for (i = 0; r == 0 && i < ctl->given_count; i++)
		r = set_option(root, ctl->args[0], &ctl->given[i], err);
	return r;
}

/* --- the answer --- */

static void
render(const struct ra_ctl *ctl, const json_t *json, struct ra_buf *out)
{
	struct ra_ctl_check check;

	ra_ctl_check_read(json, &check);
	check.once = true;
	check.state = check.verdict;
	ra_ctl_detail(&ctl->term, &check, ra_ctl_now(json), NULL, out);
}

static int
read_output(struct ra_ctl *ctl, int status, const struct ra_buf *output, struct ra_error *err)
{
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	json_error_t why;
	json_t *json;
	int code;

	if (ra_json_load(ra_buf_text(output), output->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
		&json, &why) == -ENOMEM) {
		ra_error_set(err, -ENOMEM, "out of memory");
		return RA_CTL_UNAVAILABLE;
	}
	if (json_object_get(json, "verdict") == NULL) {
		json_decref(json);
		/* What was wrong with the check it has said on stderr. */
		if (WIFEXITED(status) && WEXITSTATUS(status) == RA_CTL_USAGE)
			return RA_CTL_USAGE;
		ra_error_set(err, -EPROTO, "relauditd --try gave no verdict");
		return RA_CTL_UNAVAILABLE;
	}
	if (ctl->output == RA_CTL_JSON)
		ra_buf_add(&out, ra_buf_text(output), output->len);
	else
		render(ctl, json, &out);
	code = ra_verdict_exit(ra_ctl_json_verdict(json, "verdict"));
	json_decref(json);
	(void)ra_ctl_print(ctl, &out);
	return code;
}

static int
try_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL yaml = RA_BUF(YAML_MAX);
	RA_BUF_LOCAL output = RA_BUF(ctl->answer_max);
	const char *kind = guess_kind(ctl);
	const char *argv[4] = { NULL, "--try", ra_name_valid(kind, strlen(kind)) ? kind : "try",
		NULL };
	json_t *root = json_object();
	char program[PATH_MAX];
	int status, code;

	if (root == NULL) {
		ra_error_set(err, -ENOMEM, "out of memory");
		return RA_CTL_UNAVAILABLE;
	}
	if (build(ctl, root, err) < 0) {
		json_decref(root);
		return RA_CTL_USAGE;
	}
	ra_ctl_yaml_write(&yaml, root);
	json_decref(root);
	if (yaml.error < 0) {
		ra_error_set(err, yaml.error, "the check is too large");
		return RA_CTL_USAGE;
	}
	code = ra_ctl_program(program, sizeof(program), err);
	if (code != 0)
		return code;
	argv[0] = program;
	code = ra_ctl_program_run(argv, &yaml, &output, ctl->timeout + GRACE, &status, err);
	return code != 0 ? code : read_output(ctl, status, &output, err);
}
