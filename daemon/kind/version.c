/* SPDX-License-Identifier: Apache-2.0 */
/* Which version runs, and which commit. */
#include "version.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "relaudit/base/escape.h"

#include "judge.h"

#define VALUE_MAX  (RA_GIT_TEXT - 1)
#define COMMIT_MIN 7
#define COMMIT_MAX 64

struct version_options {
	struct ra_text version, commit, header;
};

static const struct ra_option options[] = {
	{ .name = "version",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct version_options, version),
	    .flags = RA_OPT_SELECTOR | RA_OPT_NO_SECRET | RA_OPT_EMPTY,
	    .help = "where the version stands in the answer (format json: a JSON Pointer)" },
	{ .name = "commit",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct version_options, commit),
	    .flags = RA_OPT_SELECTOR | RA_OPT_NO_SECRET | RA_OPT_EMPTY,
	    .help = "where the commit stands in the answer" },
	{ .name = "header",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct version_options, header),
	    .flags = RA_OPT_SELECTOR | RA_OPT_SOURCE | RA_OPT_NO_SECRET,
	    .help = "the response header to read in place of the body" },
	{ 0 },
};

static const struct ra_option lag[] = {
	{ .name = "releases",
	    .type = RA_OPT_INT,
	    .offset = offsetof(struct ra_version_lag, releases),
	    .max = 1000000,
	    .help = "newer releases" },
	{ .name = "age",
	    .type = RA_OPT_DURATION,
	    .offset = offsetof(struct ra_version_lag, age),
	    .help = "from the commit of its tag to that of the newest release" },
	{ 0 },
};

static const struct ra_option words[] = {
	{ .name = "version",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct ra_version_words, version),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "the version as text (`1.5.0`), or a range in npm's syntax "
		    "(`>=1.4 <2 || 3.x`), which skips pre-releases" },
	{ .name = "commit",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct ra_version_words, commit),
	    .flags = RA_OPT_NO_SECRET,
	    .help = "the commit, its first 7 hexadecimal digits or more" },
	{ .name = "tagged",
	    .type = RA_OPT_BOOL,
	    .offset = offsetof(struct ra_version_words, tagged),
	    .flags = RA_OPT_REPOSITORY,
	    .help = "`true`: the version has a tag in the repository of its service or product, "
		    "and the commit that the service reports is the tag's" },
	{ .name = "latest-tag",
	    .type = RA_OPT_BOOL,
	    .offset = offsetof(struct ra_version_words, latest_tag),
	    .flags = RA_OPT_REPOSITORY,
	    .help = "`true`: it is the newest release of the repository" },
	{ .name = "max-lag",
	    .type = RA_OPT_TABLE,
	    .offset = offsetof(struct ra_version_words, max_lag),
	    .flags = RA_OPT_REPOSITORY,
	    .table = lag,
	    .table_size = sizeof(struct ra_version_lag),
	    .help = "how far it may be behind the newest release; either limit breaches" },
	{ .name = "same-as",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct ra_version_words, same_as),
	    .flags = RA_OPT_NO_SECRET | RA_OPT_PEER,
	    .help = "the environment, or ENVIRONMENT/CHECK, in which the same version must run, "
		    "and the same commit where both report one" },
	{ .name = "not-ahead-of",
	    .type = RA_OPT_TEXT,
	    .offset = offsetof(struct ra_version_words, not_ahead_of),
	    .flags = RA_OPT_NO_SECRET | RA_OPT_PEER,
	    .help = "the environment, or ENVIRONMENT/CHECK, than whose version none that runs "
		    "here may be newer" },
	RA_OPTION_AGREE_WITHIN(struct ra_version_words, agree_within),
	{ 0 },
};

static const struct ra_fact_def facts[] = {
	{ "version", RA_FACT_TEXT, "the version that runs, as it says itself" },
	{ "commit", RA_FACT_TEXT, "the commit that runs, as it says itself" },
	{ "tag", RA_FACT_TEXT, "its tag in the repository" },
	{ "tag_commit", RA_FACT_TEXT, "the tag's commit" },
	{ "tag_date", RA_FACT_TIME, "when that was committed" },
	{ "behind_releases", RA_FACT_INT, "newer releases in the repository" },
	RA_FACT_DIFFER_SINCE,
	{ 0 },
};

static const char *const fields[] = { "version", "commit", NULL };
static const char *const follow[] = { "tag", "tag_commit", "tag_date", "behind_releases", NULL };

/* --- configuration --- */

/*
 * An x counts only as a whole part: 1.x is a range, 1.5.0-next is a version. ~, ^ and = count only
 * where a range may have them: 1.5~rc1 is a version.
 */
static bool
is_range(const char *text)
{
	if (strpbrk(text, "<>|* \t") != NULL || strspn(text, "~^=") > 0)
		return true;
	for (const char *p = text; *p != '\0'; p++) {
		if ((*p == 'x' || *p == 'X') && (p == text || p[-1] == '.') &&
		    (p[1] == '\0' || p[1] == '.'))
			return true;
	}
	return false;
}

static void
free_range(void *arg)
{
	ra_range_free(arg);
}

static int
prepare_version(struct ra_version_words *w, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct ra_error err = { 0 };
	int r;

	if (w->version.value == NULL || !is_range(w->version.value))
		return 0;
	r = ra_range_parse(w->version.value, &w->range, &err);
	if (r == 0)
		return ra_arena_defer(arena, free_range, w->range);
	if (r != -ENOMEM)
		ra_conf_complain(place, "version", "%s", err.text);
	return r == -ENOMEM ? r : 0;
}

bool
ra_version_is_commit(const char *text)
{
	size_t len = strspn(text, "0123456789abcdefABCDEF");

	return text[len] == '\0' && len >= COMMIT_MIN && len <= COMMIT_MAX;
}

static int
words_prepare(void *bound, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct ra_version_words *w = bound;

	if (w->commit.value != NULL && !ra_version_is_commit(w->commit.value))
		ra_conf_complain(place, "commit",
		    "'%s' is not a commit; write its first %d to %d hexadecimal digits",
		    w->commit.shown, COMMIT_MIN, COMMIT_MAX);
	if (w->max_lag != NULL && w->max_lag->releases == RA_UNSET && w->max_lag->age == RA_UNSET)
		ra_conf_complain(place, "max-lag", "write `releases:`, `age:` or both");
	return prepare_version(w, arena, place);
}

/* What was read of one field: trimmed, or NULL. */
struct seen {
	char text[VALUE_MAX + 1];
	const char *value;
};

static bool
is_shown(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = ra_utf8_decode(text + i, len - i, &c);

		if (n == 0 || !ra_char_printable(c))
			return false;
		i += n;
	}
	return true;
}

static bool
is_enclosed(const char *text, const char *before, const char *after)
{
	size_t len = strlen(text), b = strlen(before), a = strlen(after);

	return len > b + a && strncmp(text, before, b) == 0 && strcmp(text + len - a, after) == 0;
}

/* What a build did not fill in, or wrote where it knew none. */
static bool
is_placeholder(const char *text)
{
	static const char *const unfilled[] = { "null", "undefined", "unknown", "none", "n/a" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(unfilled); i++) {
		if (strcasecmp(text, unfilled[i]) == 0)
			return true;
	}
	return is_enclosed(text, "${", "}") || is_enclosed(text, "{{", "}}") ||
	       is_enclosed(text, "@", "@");
}

/*
 * Versions are too many things to say what one is. What certainly is none, and comes where one
 * was: a placeholder, a page of a proxy, a whole document, a flag, a sentence without a number.
 * NULL: it may be one.
 */
static const char *
why_none(const char *text)
{
	if (is_placeholder(text))
		return "is a placeholder";
	if (*text == '<')
		return "is markup";
	if (*text == '{' || *text == '[')
		return "is a whole document";
	if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
		return "is a boolean";
	if (strstr(text, "  ") != NULL)
		return "has several blanks in a row";
	if (strchr(text, ' ') != NULL && strpbrk(text, "0123456789") == NULL)
		return "is a sentence without a number";
	return NULL;
}

/* What was read and is no value is said, and counts as not read. */
static void
see(const struct ra_data *data, const char *field, struct seen *ret, struct ra_result *result)
{
	const char *text = ra_data_field(data, field), *why;
	size_t len;

	ret->value = NULL;
	if (text == NULL)
		return;
	text += strspn(text, " \t\r\n\v\f");
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	if (len == 0) {
		ra_result_say(
		    result, RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "the %s is empty", field);
		return;
	}
	if (len > VALUE_MAX || !is_shown(text, len)) {
		ra_result_say(result, RA_UNKNOWN, RA_R_VERSION_UNREADABLE,
		    len > VALUE_MAX ? "the %s has %zu bytes, '%.40s%s'"
				    : "the %s (%zu bytes) is not plain text: '%.40s%s'",
		    field, len, text, len > 40 ? "..." : "");
		return;
	}
	memcpy(ret->text, text, len);
	ret->text[len] = '\0';
	why = why_none(ret->text);
	if (why == NULL)
		ret->value = ret->text;
	else
		ra_result_say(result, RA_UNKNOWN, RA_R_VERSION_UNREADABLE,
		    "the %s %s: '%s'; say where it stands with `%s:`, or with `regex:` in a text",
		    field, why, ret->text, field);
}

/* --- judging --- the breach that is worst speaks, with the word that it breaches */

static void
version_differs(
    struct ra_result *r, enum ra_verdict bad, const struct ra_version_words *w, const char *version)
{
	const char *expected = w->version.value;

	if (!ra_judge_begin(r, bad))
		return;
	ra_result_say(r, bad, RA_R_VERSION_DIFFERS, "%s runs, expected %s", version, expected);
	ra_result_expected(r, "version %s", expected);
	if (w->range == NULL && strcmp(ra_version_bare(version), ra_version_bare(expected)) == 0)
		ra_result_next(r,
		    "only the leading v differs: write `version: \"%s\"`, or `\"=%s\"`, which does "
		    "not mind it",
		    version, ra_version_bare(expected));
}

static void
unreadable(struct ra_result *r, const struct ra_version_words *w, const char *version)
{
	if (!ra_judge_begin(r, RA_UNKNOWN))
		return;
	if (version == NULL)
		ra_result_say(r, RA_UNKNOWN, RA_R_VERSION_UNREADABLE,
		    "no version was read, expected %s; say where it stands with `version:`",
		    w->version.value);
	else
		ra_result_say(r, RA_UNKNOWN, RA_R_VERSION_UNREADABLE,
		    "%s runs, which is not a semantic version: it cannot be compared with %s",
		    version, w->version.value);
	ra_result_expected(r, "version %s", w->version.value);
}

static void
judge_version(
    struct ra_result *r, enum ra_verdict bad, const struct ra_version_words *w, const char *version)
{
	struct ra_semver v;

	if (version == NULL) {
		unreadable(r, w, version);
	} else if (w->range == NULL) {
		if (strcmp(version, w->version.value) != 0)
			version_differs(r, bad, w, version);
	} else if (!ra_version_parse(version, &v)) {
		unreadable(r, w, version);
	} else if (!ra_range_contains(w->range, &v)) {
		version_differs(r, bad, w, version);
	}
}

/* Either commit may be the short form of the other. */
static void
judge_commit(
    struct ra_result *r, enum ra_verdict bad, const struct ra_version_words *w, const char *commit)
{
	const char *expected = w->commit.value;
	bool comparable = commit != NULL && ra_version_is_commit(commit);
	enum ra_verdict v = comparable ? bad : RA_UNKNOWN;

	if ((comparable && ra_version_same_commit(commit, expected) == RA_VERSION_SAME) ||
	    !ra_judge_begin(r, v))
		return;
	if (commit == NULL)
		ra_result_say(r, v, RA_R_VERSION_UNREADABLE,
		    "no commit was read, expected %s; say where it stands with `commit:`",
		    expected);
	else if (!comparable)
		ra_result_say(r, v, RA_R_VERSION_UNREADABLE,
		    "commit %s runs, which is not %d to %d hexadecimal digits: it cannot be "
		    "compared with %s",
		    commit, COMMIT_MIN, COMMIT_MAX, expected);
	else
		ra_result_say(
		    r, v, RA_R_COMMIT_DIFFERS, "commit %s runs, expected %s", commit, expected);
	ra_result_expected(r, "commit %s", expected);
}

static void
judge_words(struct ra_result *r, enum ra_verdict bad, const struct ra_judge_call *call,
    const struct ra_version_words *w, const struct ra_version_seen *seen)
{
	if (w->version.value != NULL)
		judge_version(r, bad, w, seen->version);
	if (w->commit.value != NULL)
		judge_commit(r, bad, w, seen->commit);
	ra_version_judge_git(r, bad, w, seen);
	ra_version_judge_peers(r, bad, call, w, seen);
}

static void
add_word(struct ra_buf *out, const char *word, const char *value)
{
	ra_buf_printf(out, "%s%s%s", out->len > 0 ? ", " : "", word, value);
}

static void
add_words(struct ra_buf *out, const struct ra_version_words *w)
{
	if (w->version.value != NULL)
		add_word(out, "version ", w->version.value);
	if (w->commit.value != NULL)
		add_word(out, "commit ", w->commit.value);
	if (w->tagged == 1)
		add_word(out, "tagged", "");
	if (w->latest_tag == 1)
		add_word(out, "latest-tag", "");
	if (w->max_lag != NULL) {
		add_word(out, "", "");
		ra_version_lag_text(out, w->max_lag);
	}
}

static void
say_fine(struct ra_result *r, const struct ra_judge_call *call, const struct ra_version_seen *seen)
{
	const struct ra_version_words *w = call->expect;
	RA_BUF_LOCAL text = RA_BUF(4096);
	RA_BUF_LOCAL expected = RA_BUF(4096);

	if (r->verdict != RA_PENDING)
		return;
	if (seen->version != NULL)
		ra_buf_printf(&text, "%s runs", seen->version);
	else
		ra_buf_printf(&text, "commit %s runs", seen->commit);
	ra_version_git_say(&text, w, seen->git);
	ra_result_say(r, RA_OK, RA_R_OK, "%s", ra_buf_text(&text));
	add_words(&expected, w);
	ra_version_tell_peers(&expected, call, w);
	if (expected.len > 0)
		ra_result_expected(r, "%s", ra_buf_text(&expected));
}

static int
set_facts(struct ra_facts *to, const struct ra_version_seen *seen)
{
	int r = 0;

	if (seen->version != NULL)
		r = ra_facts_set_text(to, facts, "version", seen->version);
	if (r == 0 && seen->commit != NULL)
		r = ra_facts_set_text(to, facts, "commit", seen->commit);
	if (r == 0 && seen->git != NULL)
		r = ra_version_git_facts(to, facts, seen->git);
	return r;
}

static void
judge(const struct ra_judge_call *call, struct ra_result *ret)
{
	const struct ra_gathered *self = &call->inputs[0];
	struct ra_version_seen all = { .git = call->answer_count > 0 ? &call->answers[0] : NULL };
	struct seen version, commit;

	ra_result_evidence(ret, self->input->where);
	see(self->data, "version", &version, ret);
	see(self->data, "commit", &commit, ret);
	all.version = version.value;
	all.commit = commit.value;
	if (set_facts(&ret->facts, &all) < 0) {
		ra_judge_no_memory(ret);
		return;
	}
	if (version.value == NULL && commit.value == NULL)
		ra_result_say(ret, RA_UNKNOWN, RA_R_VERSION_UNREADABLE, "no version was read");
	judge_words(ret, RA_CRITICAL, call, call->expect, &all);
	if (call->warn != NULL)
		judge_words(ret, RA_WARNING, call, call->warn, &all);
	say_fine(ret, call, &all);
}

/* First what runs here, then how that stands to others; what cannot be read the judge says. */
static bool
ask(const struct ra_judge_call *call, size_t nth, struct ra_git_question *ret)
{
	const struct ra_data *data = call->inputs[0].data;
	struct ra_result *nowhere = ra_result_new();
	struct seen version, commit;

	if (nowhere == NULL)
		return false;
	ret->want = RA_GIT_IDENTIFY;
	ret->fresh = ra_version_wants_git(call->expect) ||
		     (call->warn != NULL && ra_version_wants_git(call->warn));
	see(data, "version", &version, nowhere);
	see(data, "commit", &commit, nowhere);
	ra_result_unref(nowhere);
	if (version.value != NULL)
		memcpy(ret->version, version.text, sizeof(ret->version));
	if (commit.value != NULL)
		memcpy(ret->commit, commit.text, sizeof(ret->commit));
	if (version.value == NULL && commit.value == NULL)
		return false;
	return nth == 0 || ra_version_ask_peers(call, nth - 1, ret);
}

static size_t
needs(const void *bound, const void *expect, struct ra_need list[RA_NEEDS_MAX])
{
	list[0] = (struct ra_need){ .what = RA_NEED_SELF, .shapes = RA_SHAPE_FIELDS };
	list[1] = (struct ra_need){ .what = RA_NEED_HISTORY }; /* to see that it changes */
	return 2;
}

const struct ra_kind ra_kind_version = {
	.type = {
		.name = "version",
		.help = "which version and commit run",
		.options = options,
		.size = sizeof(struct version_options),
	},
	.expectation = {
		.name = "version",
		.help = "what must run",
		.options = words,
		.size = sizeof(struct ra_version_words),
		.prepare = words_prepare,
	},
	.takes = RA_SHAPE_FIELDS,
	.format = "json",
	.fields = fields,
	.facts = facts,
	.agree = fields,
	.follow = follow,
	.needs = needs,
	.ask = ask,
	.judge = judge,
};
