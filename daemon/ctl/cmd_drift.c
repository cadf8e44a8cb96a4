/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "relaudit/model/name.h"

#include "client.h"
#include "drift.h"
#include "history.h"

#define EXIT_DRIFT	 2
#define EXIT_UNREAD	 3
#define ENVIRONMENTS_MAX 64

static int drift_run(struct ra_ctl *ctl, struct ra_error *err);

static const struct ra_ctl_option options[] = {
	{ "against", '\0', "ENV", "what the others are compared with, its column first",
	    RA_CTL_ENVIRONMENTS, NULL },
	{ "baseline", '\0', "REF", "of one ENV: what is committed at this branch, tag or commit",
	    RA_CTL_NOTHING, NULL },
	{ "check", '\0', "NAME", "only the checks of this name", RA_CTL_NOTHING, NULL },
	{ "only", '\0', "PATTERN", "only keys that it matches; several: that one of them does",
	    RA_CTL_NOTHING, NULL },
	{ "ignore", '\0', "PATTERN", "not the keys that it matches; may be given several times",
	    RA_CTL_NOTHING, NULL },
	{ "since", '\0', "DURATION", "only keys that changed since; also a time or a date",
	    RA_CTL_NOTHING, NULL },
	{ "strict", '\0', NULL, "what only a release brings counts too", RA_CTL_NOTHING, NULL },
	{ "all", 'a', NULL, "rows for what is fine or ignored too", RA_CTL_NOTHING, NULL },
	{ "wide", 'w', NULL, "a line for each key, and nothing cut", RA_CTL_NOTHING, NULL },
	{ "suggest", '\0', NULL, "the rules that would silence each row, to paste", RA_CTL_NOTHING,
	    NULL },
	{ 0 },
};

const struct ra_ctl_command ra_ctl_cmd_drift = {
	.name = "drift",
	.usage = "[ENV...]",
	.summary = "where configuration is not as it ought to be",
	.details =
	    "Compares checks of kind config as they were last read: of several ENV those that\n"
	    "they have in common, by the rules of all of them; of one ENV each with what is\n"
	    "committed for it (`baseline`); without ENV whatever is configured to be compared\n"
	    "(`same-as`, `baseline`). What a release brings is shown and does not count.\n"
	    "Exits with 0 if there is no drift, 2 if there is, 3 if something could not\n"
	    "be compared and the rest is fine.\n",
	.options = options,
	.most = RA_CTL_MANY,
	.outputs = RA_CTL_TABLE | RA_CTL_JSON | RA_CTL_MARKDOWN | RA_CTL_DIFF,
	.complete = RA_CTL_ENVIRONMENTS,
	.run = drift_run,
};

/* --- asking --- */

static size_t
side_count(const struct ra_ctl *ctl)
{
	return ctl->arg_count + (ra_ctl_has(ctl, "against") ? 1 : 0);
}

static int
refuse(struct ra_error *err, const char *text)
{
	ra_error_set(err, -EINVAL, "%s", text);
	return RA_CTL_USAGE;
}

static int
check_options(const struct ra_ctl *ctl, struct ra_error *err)
{
	const char *against = ra_ctl_value(ctl, "against");
	int code = ra_ctl_check_selectors(ctl, false, err);

	if (code == 0)
		code = ra_ctl_check_time(ctl, "since", err);
	if (code != 0)
		return code;
	if (against != NULL && !ra_name_valid(against, strlen(against)))
		return refuse(err, "--against takes the name of an environment");
	if (against != NULL && ctl->arg_count == 0)
		return refuse(err, "--against: which environment is compared with it?");
	if (side_count(ctl) > ENVIRONMENTS_MAX) {
		ra_error_set(
		    err, -EINVAL, "at most %d environments side by side", ENVIRONMENTS_MAX);
		return RA_CTL_USAGE;
	}
	if (ra_ctl_has(ctl, "baseline") && side_count(ctl) != 1)
		return refuse(err, "--baseline goes with one environment");
	if (ctl->output == RA_CTL_DIFF && side_count(ctl) > 2)
		return refuse(err, "a diff has two sides; name two environments, or one");
	if (ra_ctl_has(ctl, "suggest") && ctl->output != RA_CTL_TABLE && ctl->output != RA_CTL_JSON)
		return refuse(err, "--suggest prints YAML, or JSON with --output json");
	return 0;
}

static void
add_names(const struct ra_ctl *ctl, struct ra_buf *path)
{
	const char *against = ra_ctl_value(ctl, "against");
	RA_CTL_PART names = RA_BUF(0);

	if (against != NULL)
		ra_buf_puts(&names, against);
	for (size_t i = 0; i < ctl->arg_count; i++)
		ra_buf_printf(&names, "%s%s", names.len > 0 ? "," : "", ctl->args[i]);
	if (names.len > 0)
		ra_ctl_query(path, "environments", ra_buf_text(&names));
}

static void
add_query(const struct ra_ctl *ctl, struct ra_buf *path)
{
	static const char *const once[] = { "check", "baseline", "strict", "all", "suggest" };

	ra_buf_puts(path, "/v1/drift");
	add_names(ctl, path);
	for (size_t i = 0; i < RA_ARRAY_SIZE(once); i++) {
		const char *value = ra_ctl_value(ctl, once[i]);

		if (ra_ctl_has(ctl, once[i]))
			ra_ctl_query(path, once[i], value != NULL ? value : "true");
	}
	for (size_t i = 0; i < ctl->given_count; i++) {
		const struct ra_ctl_given *given = &ctl->given[i];

		if (strcmp(given->name, "only") == 0 || strcmp(given->name, "ignore") == 0)
			ra_ctl_query(path, given->name, given->value);
	}
}

/* --- the answer --- */

/* No key was held against another, of however many files. */
static void
say_no_key(const struct ra_ctl *ctl, const json_t *answer, struct ra_buf *out)
{
	int64_t ignored = ra_ctl_json_int(answer, "ignored", 0);
	int64_t unverifiable = ra_ctl_json_int(answer, "unverifiable", 0);

	ra_buf_puts(out, "nothing was compared: ");
	if (ignored > 0)
		ra_drift_count(out, ignored, "is ignored", "are ignored");
	if (unverifiable > 0) {
		ra_buf_puts(out, ignored > 0 ? ", " : "");
		ra_drift_count(out, unverifiable, "cannot be verified", "cannot be verified");
	}
	if (ignored == 0 && unverifiable == 0)
		ra_buf_puts(
		    out, ra_ctl_has(ctl, "only") ? "--only matches no key" : "there is no key");
}

/* Says why nothing was compared; false: something was. */
static bool
say_nothing(const struct ra_ctl *ctl, const json_t *answer, struct ra_buf *out)
{
	if (!json_is_false(json_object_get(answer, "drift")))
		return false;
	if (ra_ctl_json_int(answer, "compared", 0) > 0) {
		if (!ra_drift_is_empty(answer))
			return false;
		say_no_key(ctl, answer, out);
	} else if (json_array_size(json_object_get(answer, "unread")) > 0) {
		ra_buf_puts(out, "nothing was compared");
	} else if (side_count(ctl) > 1) {
		ra_buf_puts(
		    out, "nothing was compared: they have no check of a configuration in common");
	} else {
		ra_buf_printf(out, "nothing was compared: no check%s",
		    side_count(ctl) == 1 ? " of this environment has a `baseline`"
					 : " has a `same-as` or a `baseline`");
	}
	return true;
}

/* What was not compared is not fine. */
static int
exit_of(const json_t *answer, bool nothing)
{
	if (!json_is_false(json_object_get(answer, "drift")))
		return EXIT_DRIFT;
	return nothing || json_array_size(json_object_get(answer, "unread")) > 0 ? EXIT_UNREAD
										 : RA_CTL_DONE;
}

static void
render(
    struct ra_ctl *ctl, const struct ra_ctl_answer *answer, const char *nothing, struct ra_buf *out)
{
	struct ra_drift_end end = { .nothing = nothing, .since = ra_ctl_value(ctl, "since") };

	if (nothing != NULL && (ctl->output == RA_CTL_JSON || ctl->output == RA_CTL_DIFF ||
				   (ctl->output == RA_CTL_TABLE && ra_ctl_has(ctl, "suggest"))))
		ra_ctl_complain(ctl, nothing);
	if (ctl->output == RA_CTL_JSON)
		ra_buf_add(out, ra_buf_text(&answer->body), answer->body.len);
	else if (ctl->output == RA_CTL_MARKDOWN)
		ra_drift_markdown(&ctl->term, answer->json, &end, out);
	else if (ctl->output == RA_CTL_DIFF)
		ra_drift_diff(&ctl->term, answer->json, out);
	else if (ra_ctl_has(ctl, "suggest"))
		ra_drift_rules_yaml(&ctl->term, answer->json, out);
	else
		ra_drift_table(&ctl->term, answer->json, ra_ctl_has(ctl, "wide"), &end, out);
}

static int
drift_run(struct ra_ctl *ctl, struct ra_error *err)
{
	RA_BUF_LOCAL path = RA_BUF(65536);
	RA_BUF_LOCAL out = RA_BUF(ctl->answer_max);
	struct ra_ctl_request request = { 0 };
	RA_CTL_PART nothing = RA_BUF(0);
	struct ra_ctl_answer answer = { 0 };
	int code = check_options(ctl, err);
	bool empty;

	if (code != 0)
		return code;
	add_query(ctl, &path);
	if (ra_ctl_has(ctl, "since"))
		ra_ctl_query_time(&path, "since", ra_ctl_value(ctl, "since"));
	request.path = ra_ctl_path(&path);
	code = ra_ctl_ask(ctl, &request, &answer, err);
	if (code != 0) /* what is refused here is a question that makes no sense */
		return code == RA_CTL_REFUSED ? RA_CTL_USAGE : code;
	empty = say_nothing(ctl, answer.json, &nothing);
	code = exit_of(answer.json, empty);
	render(ctl, &answer, empty ? ra_buf_text(&nothing) : NULL, &out);
	ra_ctl_answer_free(&answer);
	(void)ra_ctl_print(ctl, &out);
	return code;
}
