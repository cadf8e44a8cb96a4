/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/drift.h"

#define KEY "0123456789abcdef"

/* KEY=VALUE lines; "KEY!" is null. */
static struct ra_snapshot *
build(const char *text, const struct ra_placeholder *ph, const char *origin, bool committed)
{
	struct ra_snapshot_rules rules = { .key = KEY,
		.key_len = 16,
		.placeholders = ph,
		.placeholder_count = ph != NULL ? 1 : 0,
		.templates = committed };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *s = NULL;
	uint32_t line = 1;

	if (text == NULL) {
		ra_snapshot_builder_free(b);
		return NULL;
	}
	assert_int_equal(ra_snapshot_origin(b, origin), 0);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n"), key = strcspn(text, "=!");
		bool null = text[key] == '!';

		assert_int_equal(ra_snapshot_add(b, text, key, null ? "" : text + key + 1,
				     null ? 0 : len - key - 1, line++, null ? RA_KEY_NULL : 0),
		    0);
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	assert_int_equal(ra_snapshot_seal(b, &s), 0);
	return s;
}

/* "word KEY" or "origin KEY PATTERN", parted by ';'. */
static size_t
parse_rules(const char *text, struct ra_drift_rule *rules, char names[][64])
{
	size_t count = 0;

	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ";"), word = strcspn(text, " ");
		struct ra_drift_rule *rule = &rules[count];
		char *blank;

		snprintf(names[count], 64, "%.*s", (int)(len - word - 1), text + word + 1);
		for (rule->word = RA_DRIFT_IGNORE;
		     strlen(ra_drift_word_name(rule->word)) != word ||
		     strncmp(ra_drift_word_name(rule->word), text, word) != 0;)
			rule->word++;
		rule->key = names[count];
		blank = strchr(names[count], ' ');
		if (blank != NULL) {
			*blank = '\0';
			rule->origin = blank + 1;
		}
		count++;
		text += len + (text[len] == ';' ? 1 : 0);
	}
	return count;
}

/*
 * "KEY verdict" per row, parted by ';': '~' for cause release, '?' where it is not known, '=' for
 * the same text, '!' where it does not count.
 */
static void
describe(const struct ra_drift *d, struct ra_buf *out)
{
	for (size_t i = 0; i < d->row_count; i++) {
		const struct ra_drift_row *row = &d->rows[i];

		ra_buf_printf(out, "%s%.*s %s%s%s%s%s", i > 0 ? ";" : "", (int)row->key_len,
		    row->key, ra_drift_verdict_name(row->verdict), row->release ? "~" : "",
		    row->undecided ? "?" : "", row->same_text ? "=" : "",
		    !row->counts && row->verdict >= RA_DRIFT_MISSING ? "!" : "");
	}
}

struct sides {
	const char *text[4]; /* NULL: none */
	const char *committed[4];
	const char *vars[4]; /* value of the placeholder "env" */
	const char *commits[4]; /* NULL: one of its own */
	bool unread[4]; /* what is committed is asked for */
	bool baseline; /* the second side is one */
	bool strict, all;
};

struct rig {
	struct ra_snapshot *snapshots[4], *committed[4];
	struct ra_drift_side sides[4];
	struct ra_drift_rule rules[16];
	char names[16][64];
	struct ra_drift_call call;
	struct ra_drift d;
};

static void
compare(struct rig *rig, const struct sides *in, const char *rules)
{
	static const char *const names[] = { "staging", "production", "qa", "dev" };
	static const char *const origins[] = { "/etc/a", "/etc/b", "/etc/c", "/etc/d" };
	static const char *const commits[] = { "1", "2", "3", "4" };
	size_t n = 0;

	memset(rig, 0, sizeof(*rig));
	for (; n < 4 && in->text[n] != NULL; n++) {
		struct ra_placeholder ph = { "env", in->vars[n] };
		const struct ra_placeholder *p = ph.value != NULL ? &ph : NULL;

		rig->snapshots[n] = build(in->text[n], p, origins[n], in->baseline && n == 1);
		rig->committed[n] = build(in->committed[n], p, "git", true);
		rig->sides[n] = (struct ra_drift_side){ .name = names[n],
			.snapshot = rig->snapshots[n],
			.committed = rig->committed[n],
			.commit = in->commits[n] != NULL ? in->commits[n] : commits[n],
			.unread = in->unread[n],
			.baseline = in->baseline && n == 1 };
	}
	rig->call = (struct ra_drift_call){ .sides = rig->sides,
		.side_count = n,
		.rules = rig->rules,
		.rule_count = parse_rules(rules, rig->rules, rig->names),
		.key = KEY,
		.key_len = 16,
		.strict = in->strict,
		.all = in->all };
	assert_int_equal(ra_drift_compare(&rig->call, &rig->d), 0);
}

static void
rig_free(struct rig *rig)
{
	ra_drift_free(&rig->d);
	for (size_t i = 0; i < 4; i++) {
		ra_snapshot_unref(rig->snapshots[i]);
		ra_snapshot_unref(rig->committed[i]);
	}
}

static const struct {
	struct sides in;
	const char *rules;
	const char *rows;
	size_t same, ignored, unverifiable;
	const char *unused; /* "word KEY", parted by ';' */
} rows[] = {
	/* key by key */
	{ { .text = { "A=1\nB=2", "A=1\nB=2" } }, NULL, "", 2, 0, 0, "" },
	{ { .text = { "A=1", "A=2" } }, NULL, "A differs", 0, 0, 0, "" },
	{ { .text = { "A=1\nB=1", "B=1\nC=1" } }, NULL, "A missing;C missing", 1, 0, 0, "" },
	{ { .text = { "", "A=1" } }, NULL, "A missing", 0, 0, 0, "" },
	{ { .text = { "", "" } }, NULL, "", 0, 0, 0, "" },
	{ { .text = { "A=", "A!" } }, NULL, "A differs", 0, 0, 0, "" },
	{ { .text = { "A!", "A!" } }, NULL, "", 1, 0, 0, "" },
	{ { .text = { "PASSWORD=a", "PASSWORD=a" } }, NULL, "", 1, 0, 0, "" },
	{ { .text = { "PASSWORD=a", "PASSWORD=b" } }, NULL, "PASSWORD differs", 0, 0, 0, "" },
	{ { .text = { "A=1\nB=2" } }, NULL, "", 2, 0, 0, "" },
	/* names beside pointers */
	{ { .text = { "A=1\nB=\nC=3", "/A=1\n/B!\n/C=4" } }, NULL, "C differs", 2, 0, 0, "" },
	{ { .text = { "A=1", "/a/b=1\n/A=1" } }, NULL, "a/b missing", 1, 0, 0, "" },
	{ { .text = { "/A=1", "/A=2" } }, "ignore /A", "", 0, 1, 0, "" },
	/* ignore */
	{ { .text = { "A=1\nB=1", "A=2" } }, "ignore A;ignore B;ignore C", "", 0, 2, 0,
	    "ignore C" },
	{ { .text = { "FEATURE_A=1\nFEATURE_B=1\nX=1", "X=1" } }, "ignore FEATURE_*", "", 1, 2, 0,
	    "" },
	{ { .text = { "A=1", "A=2" } }, "ignore B*;ignore [!A]", "A differs", 0, 0, 0,
	    "ignore B*;ignore [!A]" },
	/* differ */
	{ { .text = { "H=a", "H=b" } }, "differ H", "", 1, 0, 0, "" },
	{ { .text = { "H=a", "H=a" } }, "differ H", "H must-differ", 0, 0, 0, "" },
	{ { .text = { "H=a", "B=1" } }, "differ H", "B missing;H missing", 0, 0, 0, "" },
	{ { .text = { "PASSWORD=a", "PASSWORD=a" } }, "differ *PASS*", "PASSWORD must-differ", 0, 0,
	    0, "" },
	{ { .text = { "A=1", "A=1" } }, "differ H", "H required", 1, 0, 0, "" },
	{ { .text = { "A=1" } }, "differ H", "", 1, 0, 0, "differ H" },
	/* names of pointers */
	{ { .text = { "/A=1\n/B=1", "/A=1\n/B=2" } }, "ignore B", "", 1, 1, 0, "" },
	{ { .text = { "/A=1\n/T/X=1" } }, "forbidden A;forbidden T*", "/A forbidden;/T/X forbidden",
	    0, 0, 0, "" },
	{ { .text = { "/A=1" } }, "required B", "/B required", 1, 0, 0, "" },
	{ { .text = { "/A=1\n/B=1", "A=1\nB=2" } }, "ignore /B", "", 1, 1, 0, "" },
	{ { .text = { "/A=1\n/B=1", "/A=2\n/B=1" } }, "ignore ;ignore [A]*;ignore ?B;ignore /A", "",
	    0, 2, 0, "ignore ;ignore [A]*" },
	{ { .text = { "/A=1\n/B=1", "A=1\nB=2" } }, "ignore B", "", 1, 1, 0, "" },
	/* two of three are equal */
	{ { .text = { "H=a", "H=b", "H=a" } }, "differ H", "H must-differ", 0, 0, 0, "" },
	{ { .text = { "H=a", "H=b", "H=c" } }, "differ H", "", 1, 0, 0, "" },
	{ { .text = { "H=a", "H=a", "H=b" }, .baseline = true }, "differ H", "", 1, 0, 0, "" },
	{ { .text = { "H=a", "H=c", "H=a" }, .baseline = true }, "differ H", "H must-differ", 0, 0,
	    0, "" },
	{ { .text = { "H=", "H!" } }, "differ H", "", 1, 0, 0, "" },
	{ { .text = { "H=", "/H!" } }, "differ H", "H must-differ", 0, 0, 0, "" },
	/* may-differ */
	{ { .text = { "H=a", "H=b" } }, "may-differ H", "", 1, 0, 0, "" },
	{ { .text = { "H=a", "H=a" } }, "may-differ H", "", 1, 0, 0, "" },
	{ { .text = { "H=a", "" } }, "may-differ H", "H missing", 0, 0, 0, "" },
	/* required, forbidden */
	{ { .text = { "A=1", "B=1" } }, "required A", "A required;B missing", 0, 0, 0, "" },
	{ { .text = { "B=1", "B=1" } }, "required A;required C", "A required;C required", 1, 0, 0,
	    "" },
	{ { .text = { "A=1" } }, "required A;required B", "B required", 1, 0, 0, "" },
	{ { .text = { "" } }, "required A;ignore A", "", 0, 1, 0, "" },
	{ { .text = { "" } }, "required AB;ignore A*", "", 0, 1, 0, "" },
	{ { .text = { "DEBUG=1", "" } }, "forbidden DEBUG", "DEBUG forbidden", 0, 0, 0, "" },
	{ { .text = { "DEBUG=1" } }, "forbidden D*", "DEBUG forbidden", 0, 0, 0, "" },
	{ { .text = { "A=1" } }, "forbidden DEBUG", "", 1, 0, 0, "" },
	{ { .text = { "/debug/x=1" } }, "forbidden /debug", "/debug/x forbidden", 0, 0, 0, "" },
	{ { .text = { "/debug/0/x=1" } }, "forbidden debug", "/debug/0/x forbidden", 0, 0, 0, "" },
	{ { .text = { "/debugger=1" } }, "forbidden /debug", "", 1, 0, 0, "" },
	{ { .text = { "/debug/x=1", "debug=1" } }, "forbidden debug",
	    "debug forbidden;debug/x forbidden", 0, 0, 0, "" },
	{ { .text = { "debug/x=1" } }, "forbidden debug", "", 1, 0, 0, "" },
	/* origin: the first side is /etc/a, the second /etc/b */
	{ { .text = { "A=1" } }, "origin A /etc/*", "", 1, 0, 0, "" },
	{ { .text = { "A=1" } }, "origin A /run/*", "A origin", 0, 0, 0, "" },
	{ { .text = { "A=1", "A=1" } }, "origin * /etc/a", "A origin", 0, 0, 0, "" },
	{ { .text = { "A=1", "A=2" } }, "origin A /etc/a", "A differs", 0, 0, 0, "" },
	{ { .text = { "A=1" } }, "origin A /etc/*;origin A /run/*", "A origin", 0, 0, 0, "" },
	{ { .text = { "A=1" } }, "origin B /etc/*", "", 1, 0, 0, "origin B" },
	{ { .text = { "A=1\nB=1", "A=1\nB=1" }, .baseline = true },
	    "origin A /etc/a;origin B /etc/b", "B origin", 1, 0, 0, "" },
	{ { .text = { "A=1\nB=1" } }, "origin A /etc/*;ignore Q;origin B /run/*", "B origin", 1, 0,
	    0, "ignore Q" },
	/* rules of names that no side has */
	{ { .text = { "B=1" } }, "required A;may-differ A;forbidden A;ignore C*;may-differ A*",
	    "A required", 1, 0, 0, "may-differ A;ignore C*;may-differ A*" },
	/* n side by side */
	{ { .text = { "A=1\nB=1\nC=1", "A=1\nB=2\nC=1", "A=1\nB=1" } }, NULL, "B differs;C missing",
	    1, 0, 0, "" },
	{ { .text = { "", "B=1", "A=1", "C=1" } }, NULL, "A missing;B missing;C missing", 0, 0, 0,
	    "" },
	/* placeholders */
	{ { .text = { "U=https://st.example", "U=https://pr.example" }, .vars = { "st", "pr" } },
	    NULL, "", 1, 0, 0, "" },
	/* the text of one environment in the other points there */
	{ { .text = { "U=https://st.example", "U=https://st.example" }, .vars = { "st", "pr" } },
	    NULL, "U differs=", 0, 0, 0, "" },
	{ { .text = { "PASSWORD=st", "PASSWORD=st" }, .vars = { "st", "pr" } }, NULL,
	    "PASSWORD differs=", 0, 0, 0, "" },
	{ { .text = { "U=st", "U=pr", "U=st" }, .vars = { "st", "pr", "qa" } }, NULL,
	    "U differs=", 0, 0, 0, "" },
	{ { .text = { "U=st", "U=st" }, .vars = { "st", "st" } }, NULL, "", 1, 0, 0, "" },
	{ { .text = { "U=", "U!" }, .vars = { "st", "pr" } }, NULL, "U differs", 0, 0, 0, "" },
	{ { .text = { "U=st.x", "U=pr.y" }, .vars = { "st", "pr" } }, NULL, "U differs", 0, 0, 0,
	    "" },
	{ { .text = { "PASSWORD=st", "PASSWORD=pr" }, .vars = { "st", "pr" } }, NULL, "", 1, 0, 0,
	    "" },
	/* they do differ, whatever stands for the difference */
	{ { .text = { "U=st", "U=pr" }, .vars = { "st", "pr" } }, "differ U", "", 1, 0, 0, "" },
	{ { .text = { "U=st", "U=st" }, .vars = { "st", "pr" } }, "differ U", "U must-differ", 0, 0,
	    0, "" },
	/* against a baseline */
	{ { .text = { "A=1\nB=2", "A=1\nB=3" }, .baseline = true }, NULL, "B differs", 1, 0, 0,
	    "" },
	{ { .text = { "A=1", "A=ENC[x]\nB=ENC[y]" }, .baseline = true }, NULL, "B missing", 0, 0, 1,
	    "" },
	{ { .text = { "A=https://pr.example", "A=https://${env}.example" },
	      .vars = { "pr", "pr" },
	      .baseline = true },
	    NULL, "", 1, 0, 0, "" },
	{ { .text = { "A=https://pr.example", "A=https://{{ .env }}" }, .baseline = true }, NULL,
	    "", 0, 0, 1, "" },
	{ { .text = { "A=${x}", "A=1" }, .baseline = true }, NULL, "A differs", 0, 0, 0, "" },
	/* that runs as it is: nobody filled it in, or decrypted it */
	{ { .text = { "A=${x}\nB=1\nC=ENC[x]", "A=${x}\nB=1\nC=ENC[x]" }, .baseline = true }, NULL,
	    "", 1, 0, 2, "" },
	{ { .text = { "A=1\nB=2", "A=1\nB=2" }, .baseline = true }, NULL, "", 2, 0, 0, "" },
	{ { .text = { "A=${x}", "A=${x}" } }, NULL, "", 1, 0, 0, "" },
	{ { .text = { "A=${env}", "A=${env}" }, .vars = { "pr", "pr" }, .baseline = true }, NULL,
	    "A differs=", 0, 0, 0, "" },
	{ { .text = { "A=pr${x}", "A=${env}${x}" }, .vars = { "pr", "pr" }, .baseline = true },
	    NULL, "", 0, 0, 1, "" },
	{ { .text = { "A=1", "A=${x}" } }, NULL, "A differs", 0, 0, 0, "" },
	{ { .text = { "PASSWORD=1", "PASSWORD=ENC[x]" }, .baseline = true }, NULL, "", 0, 0, 1,
	    "" },
	{ { .text = { "A=1\nB=1", "A=1\nB=2" }, .baseline = true }, "differ A;may-differ B",
	    "B differs", 1, 0, 0, "" },
	{ { .text = { "A=1", "" }, .baseline = true }, "required A", "A missing", 0, 0, 0, "" },
	{ { .text = { "", "A=1" }, .baseline = true }, "forbidden A", "A missing", 0, 0, 0, "" },
	{ { .text = { "A=2", "A=1", "A=2" }, .baseline = true }, NULL, "A differs", 0, 0, 0, "" },
	{ { .text = { "A=2", "A=ENC[x]", "A=3" }, .baseline = true }, NULL, "A differs", 0, 0, 0,
	    "" },
	{ { .text = { "A=2", "A=ENC[x]", "A=2" }, .baseline = true }, NULL, "", 0, 0, 1, "" },
	/* release or drift */
	{ { .text = { "A=1\nN=1", "A=1" }, .committed = { "A=1\nN=1", "A=1" } }, NULL,
	    "N missing~!", 1, 0, 0, "" },
	{ { .text = { "A=1\nN=1", "A=1" }, .committed = { "A=1\nN=1", "A=1" }, .strict = true },
	    NULL, "N missing~", 1, 0, 0, "" },
	{ { .text = { "N=1", "" }, .committed = { "", "" } }, NULL, "N missing", 0, 0, 0, "" },
	{ { .text = { "N=1", "" }, .committed = { "N=1", "N=1" } }, NULL, "N missing", 0, 0, 0,
	    "" },
	{ { .text = { "N=1", "" }, .committed = { "", "N=1" } }, NULL, "N missing", 0, 0, 0, "" },
	{ { .text = { "N=1", "" }, .committed = { "N=1" } }, NULL, "N missing", 0, 0, 0, "" },
	{ { .text = { "N=1", "", "N=1" }, .committed = { "N={{ n }}", "", "N=1" } }, NULL,
	    "N missing~!", 0, 0, 0, "" },
	/* the release brings another value */
	{ { .text = { "N=1", "", "N=1" }, .committed = { "N=0", "", "N=1" } }, NULL, "N missing", 0,
	    0, 0, "" },
	/* one version cannot have it and lack it */
	{ { .text = { "A=1\nN=1", "A=1" },
	      .committed = { "A=1\nN=1", "A=1" },
	      .commits = { "c", "c" } },
	    NULL, "N missing", 1, 0, 0, "" },
	{ { .text = { "N=1", "N=1", "" },
	      .committed = { "N=1", "N=1", "" },
	      .commits = { "c", "c" } },
	    NULL, "N missing~!", 0, 0, 0, "" },
	{ { .text = { "N=1", "N=1", "" },
	      .committed = { "N=1", "N=1", "" },
	      .commits = { "b", "c", "c" } },
	    NULL, "N missing", 0, 0, 0, "" },
	/* not known, where a side's version was not read; but for what is wrong all the same */
	{ { .text = { "A=1\nN=1", "A=2" }, .committed = { "A=1\nN=1" }, .unread = { [1] = true } },
	    NULL, "A differs;N missing?!", 0, 0, 0, "" },
	{ { .text = { "N=1", "" }, .unread = { true, true } }, NULL, "N missing?!", 0, 0, 0, "" },
	{ { .text = { "N=1", "" }, .unread = { true, true }, .strict = true }, NULL, "N missing?",
	    0, 0, 0, "" },
	{ { .text = { "N=1", "" }, .unread = { true } }, NULL, "N missing", 0, 0, 0, "" },
	{ { .text = { "N=1", "" }, .committed = { "" }, .unread = { [1] = true } }, NULL,
	    "N missing", 0, 0, 0, "" },
	{ { .text = { "N=1", "", "" },
	      .committed = { "N=1", "" },
	      .commits = { "c", "c", "c" },
	      .unread = { [2] = true } },
	    NULL, "N missing", 0, 0, 0, "" },
	{ { .text = { "N=1", "" }, .unread = { true, true } }, "required N", "N required", 0, 0, 0,
	    "" },
	{ { .text = { "N=1", "" }, .committed = { "/N=1", "" } }, NULL, "N missing~!", 0, 0, 0,
	    "" },
	/* a release is no excuse for what is required or differs */
	{ { .text = { "N=1", "" }, .committed = { "N=1", "" } }, "required N", "N required", 0, 0,
	    0, "" },
	{ { .text = { "N=1", "N=2" }, .committed = { "N=1", "N=2" } }, NULL, "N differs", 0, 0, 0,
	    "" },
	/* all */
	{ { .text = { "A=1", "A=1" }, .all = true }, NULL, "A same", 1, 0, 0, "" },
	{ { .text = { "A=1\nB=1\nC=1", "A=1\nB=2" }, .all = true }, "ignore C",
	    "A same;B differs;C ignored", 1, 1, 0, "" },
	{ { .text = { "A=1", "A=ENC[x]" }, .baseline = true, .all = true }, NULL, "A unverifiable",
	    0, 0, 1, "" },
};

static void
test_verdicts(void **state)
{
	static struct rig rig;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_BUF_LOCAL got = RA_BUF(0);
		RA_BUF_LOCAL unused = RA_BUF(0);
		size_t undecided = 0;
		bool drift = false;

		compare(&rig, &rows[i].in, rows[i].rules);
		describe(&rig.d, &got);
		for (size_t u = 0; u < rig.d.unused_count; u++)
			ra_buf_printf(&unused, "%s%s %s", u > 0 ? ";" : "",
			    ra_drift_word_name(rig.rules[rig.d.unused[u]].word),
			    rig.rules[rig.d.unused[u]].key);
		if (strcmp(ra_buf_text(&got), rows[i].rows) != 0 ||
		    strcmp(ra_buf_text(&unused), rows[i].unused) != 0 ||
		    rig.d.same != rows[i].same || rig.d.ignored != rows[i].ignored ||
		    rig.d.unverifiable != rows[i].unverifiable)
			fail_msg("row %zu: '%s', unused '%s', %zu same, %zu ignored, %zu "
				 "unverifiable",
			    i, ra_buf_text(&got), ra_buf_text(&unused), rig.d.same, rig.d.ignored,
			    rig.d.unverifiable);
		for (size_t r = 0; r < rig.d.row_count; r++) {
			drift = drift || rig.d.rows[r].counts;
			undecided += rig.d.rows[r].undecided && !rig.d.rows[r].counts;
		}
		assert_int_equal(rig.d.drift, drift);
		assert_int_equal(rig.d.undecided, undecided);
		rig_free(&rig);
	}
}

static void
test_cells(void **state)
{
	static struct rig rig;
	const struct ra_drift_row *row;

	(void)state;
	compare(&rig,
	    &(struct sides){ .text = { "X=\nA=1\nPASSWORD=hunter22", "PASSWORD=hunter23\nX!" } },
	    NULL);
	assert_int_equal(rig.d.row_count, 3);
	row = &rig.d.rows[0];
	assert_string_equal(row->key, "A");
	assert_false(row->secret);
	assert_true(row->cells[0].present);
	assert_string_equal(row->cells[0].value, "1");
	assert_int_equal(row->cells[0].line, 2);
	assert_string_equal(row->cells[0].origin, "/etc/a");
	assert_false(row->cells[1].present);
	assert_null(row->cells[1].value);
	row = &rig.d.rows[1];
	assert_string_equal(row->key, "PASSWORD");
	assert_true(row->secret);
	assert_memory_equal(row->cells[0].value, "k1:", 3);
	assert_memory_equal(row->cells[1].value, "k1:", 3);
	assert_string_not_equal(row->cells[0].value, row->cells[1].value);
	assert_int_equal(rig.d.rows[2].cells[1].flags, RA_KEY_NULL);
	rig_free(&rig);
}

/* A secret by its shape on one side only: neither is shown, and equal ones are equal. */
static void
test_secret_on_one_side(void **state)
{
	static struct rig rig;
	static const char *const open[] = { "PASSWORD" }, *const texts[] = { "U=http://u:p@h/",
		"U=http://h/", "U=http://u:p@h/" };
	struct ra_snapshot_rules rules = {
		.key = KEY, .key_len = 16, .open = open, .open_count = 1
	};
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *shown = NULL;

	(void)state;
	for (int i = 0; i < 2; i++) {
		compare(&rig, &(struct sides){ .text = { texts[i], texts[i + 1] } }, NULL);
		assert_int_equal(rig.d.row_count, 1);
		assert_true(rig.d.rows[0].secret);
		assert_memory_equal(rig.d.rows[0].cells[0].value, "k1:", 3);
		assert_memory_equal(rig.d.rows[0].cells[1].value, "k1:", 3);
		rig_free(&rig);
	}
	assert_int_equal(ra_snapshot_add(b, "PASSWORD", 8, "hunter22", 8, 1, 0), 0);
	assert_int_equal(ra_snapshot_seal(b, &shown), 0);
	compare(&rig, &(struct sides){ .text = { "PASSWORD=hunter22", "A=1" } }, NULL);
	ra_drift_free(&rig.d);
	rig.sides[1].snapshot = shown;
	assert_int_equal(ra_drift_compare(&rig.call, &rig.d), 0);
	assert_int_equal(rig.d.row_count, 0);
	assert_int_equal(rig.d.same, 1);
	ra_snapshot_unref(shown);
	rig_free(&rig);
}

/* What somebody encrypted is none to be shown, whatever its key is called. */
static void
test_encrypted_is_secret(void **state)
{
	static struct rig rig;
	static const struct {
		struct sides in;
		bool secret;
	} table[] = {
		{ { .text = { "S=canary", "S=ENC[x]" }, .baseline = true, .all = true }, true },
		{ { .text = { "S=canary", "S={{ s }}" }, .baseline = true, .all = true }, false },
		{ { .text = { "S=canary", "S=other" }, .committed = { "S=ENC[x]" } }, true },
		{ { .text = { "S=canary", "" }, .committed = { NULL, "S=ENC[x]" } }, true },
		{ { .text = { "S=canary", "S=ENC[x]" } }, false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(table); i++) {
		compare(&rig, &table[i].in, NULL);
		assert_int_equal(rig.d.row_count, 1);
		assert_int_equal(rig.d.rows[0].secret, table[i].secret);
		assert_int_equal(
		    strcmp(rig.d.rows[0].cells[0].value, "canary") != 0, table[i].secret);
		rig_free(&rig);
	}
}

/* Who is right? */
static void
test_standing(void **state)
{
	static struct rig rig;
	static const struct {
		const char *a, *b, *committed_a, *committed_b;
		enum ra_drift_standing of_a, of_b;
	} table[] = {
		{ "A=1", "A=2", "A=1", "A=1", RA_DRIFT_AS_COMMITTED, RA_DRIFT_NOT_AS_COMMITTED },
		{ "A=1", "A=2", "A=3", "A=2", RA_DRIFT_NOT_AS_COMMITTED, RA_DRIFT_AS_COMMITTED },
		{ "A=1", "A=2", NULL, "A=2", RA_DRIFT_UNKNOWN, RA_DRIFT_AS_COMMITTED },
		{ "A=1", "A=2", "A=ENC[x]", "A={{ x }}", RA_DRIFT_UNKNOWN, RA_DRIFT_UNKNOWN },
		{ "A={{ x }}", "A=2", "A={{ x }}", "A=2", RA_DRIFT_UNKNOWN, RA_DRIFT_AS_COMMITTED },
		{ "A=1", "", "A=1", "A=1", RA_DRIFT_AS_COMMITTED, RA_DRIFT_NOT_AS_COMMITTED },
		{ "A=1", "", "", "", RA_DRIFT_NOT_AS_COMMITTED, RA_DRIFT_AS_COMMITTED },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(table); i++) {
		compare(&rig,
		    &(struct sides){ .text = { table[i].a, table[i].b },
			.committed = { table[i].committed_a, table[i].committed_b },
			.strict = true },
		    NULL);
		assert_int_equal(rig.d.row_count, 1);
		assert_int_equal(rig.d.rows[0].cells[0].standing, table[i].of_a);
		assert_int_equal(rig.d.rows[0].cells[1].standing, table[i].of_b);
		rig_free(&rig);
	}
}

/* Other keys are as if they were not there: not counted, not required, no drift. */
static void
test_only(void **state)
{
	static const char *const only[] = { "LOG_*", "X" };
	static struct rig rig;
	RA_BUF_LOCAL got = RA_BUF(0);

	(void)state;
	compare(&rig,
	    &(struct sides){ .text = { "A=1\nLOG_A=1\nLOG_B=1\nX=1", "A=2\nLOG_A=2\nLOG_B=1" } },
	    "required B");
	ra_drift_free(&rig.d);
	rig.call.only = only;
	rig.call.only_count = 2;
	assert_int_equal(ra_drift_compare(&rig.call, &rig.d), 0);
	describe(&rig.d, &got);
	assert_string_equal(ra_buf_text(&got), "LOG_A differs;X missing");
	assert_int_equal(rig.d.same, 1);
	ra_drift_free(&rig.d);
	rig.call.only_count = 1;
	rig.call.sides = (struct ra_drift_side[]){ rig.sides[0], rig.sides[0] };
	assert_int_equal(ra_drift_compare(&rig.call, &rig.d), 0);
	assert_false(rig.d.drift);
	assert_int_equal(rig.d.same, 2);
	ra_drift_free(&rig.d);
	rig.call.rule_count = 0;
	assert_int_equal(ra_drift_compare(&rig.call, &rig.d), 0);
	assert_int_equal(rig.d.same, 2);
	rig_free(&rig);
}

static void
test_suggest(void **state)
{
	static struct rig rig;
	static const struct {
		struct sides in;
		const char *rules, *text;
	} table[] = {
		{ { .text = { "A=1", "A=1" } }, NULL, "" },
		{ { .text = { "A=1\nB=1\nC=1\nD=1", "A=2\nB=2" } }, NULL,
		    "ignore: [C, D]\nexpect:\n  may-differ: [A, B]\n" },
		{ { .text = { "A=1", "A=2" }, .baseline = true }, NULL, "ignore: [A]\n" },
		{ { .text = { "H=1\nD=1", "H=1\nD=1" } }, "differ H;forbidden D;required R",
		    "ignore: [D, H, R]\n" },
		{ { .text = { "/a/b*=1\n/x y=1\n12=1\n\"=\n/p/q=1", "" } }, NULL,
		    "ignore: [\"\\\"\", \"/a/b\\\\*\", /p/q, \"/x y\", \"12\"]\n" },
		{ { .text = { "N=1", "" }, .committed = { "N=1", "" } }, NULL, "" },
		{ { .text = { "null=1\nTrue=1\nfalse=1\na_{=1\na@=1\n[=1\na/.-=1\n-a=1", "" } },
		    NULL,
		    "ignore: [\"-a\", \"True\", \"\\\\[\", a/.-, \"a@\", \"a_{\", \"false\", "
		    "\"null\"]\n" },
		{ { .text = { "NULL=1\n$$=1\n${x}=1\n$${x}=1", "" } }, NULL,
		    "ignore: [\"$$\", \"$$${x}\", \"$${x}\", \"NULL\"]\n" },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(table); i++) {
		struct ra_drift_suggestion suggestion = { 0 };
		RA_BUF_LOCAL text = RA_BUF(0);

		compare(&rig, &table[i].in, table[i].rules);
		ra_drift_suggest_add(&suggestion, &rig.d, &rig.call);
		assert_int_equal(ra_drift_suggest_write(&suggestion, &text), 0);
		assert_string_equal(ra_buf_text(&text), table[i].text);
		ra_drift_suggest_free(&suggestion);
		rig_free(&rig);
	}
}

/* Of several comparisons each rule is said once. */
static void
test_suggest_once(void **state)
{
	static struct rig rig;
	static const struct sides between = { .text = { "A=1\nAB=1\nC=1\nx y=1", "A=2\nAB=2" } },
				  committed = { .text = { "A=1\nC=1\nD=1\nx y=1", "A=2\nC=2" },
					  .baseline = true };
	struct ra_drift_suggestion suggestion = { 0 };
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	for (int i = 0; i < 4; i++) {
		compare(&rig, i % 2 == 0 ? &between : &committed, NULL);
		ra_drift_suggest_add(&suggestion, &rig.d, &rig.call);
		rig_free(&rig);
	}
	assert_int_equal(ra_drift_suggest_write(&suggestion, &text), 0);
	assert_string_equal(
	    ra_buf_text(&text), "ignore: [C, \"x y\", A, D]\nexpect:\n  may-differ: [A, AB]\n");
	ra_drift_suggest_free(&suggestion);
}

/* A key that is part of another's name is another key; what is ignored may differ. */
static void
test_suggest_parts(void **state)
{
	static struct rig rig;
	static const struct sides all[] = {
		{ .text = { "Q=1", "Q=2" }, .baseline = true },
		{ .text = { "AB=1\nQ=1", "AB=2\nQ=2" } },
		{ .text = { "A=1\nB=1", "A=2\nB=2" } },
		{ .text = { "A, C, x=1\nC=1", "A, C, x=2\nC=2" } },
	};
	struct ra_drift_suggestion suggestion = { 0 };
	RA_BUF_LOCAL text = RA_BUF(0);

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(all); i++) {
		compare(&rig, &all[i], NULL);
		ra_drift_suggest_add(&suggestion, &rig.d, &rig.call);
		rig_free(&rig);
	}
	assert_int_equal(ra_drift_suggest_write(&suggestion, &text), 0);
	assert_string_equal(
	    ra_buf_text(&text), "ignore: [Q]\nexpect:\n  may-differ: [AB, A, B, \"A, C, x\", C]\n");
	ra_drift_suggest_free(&suggestion);
}

/* The rules that are suggested silence what they are suggested for. */
static void
test_suggestion_silences(void **state)
{
	struct ra_drift_suggestion suggestion = { 0 };
	static struct rig rig;
	RA_BUF_LOCAL text = RA_BUF(0);

	compare(&rig, &(struct sides){ .text = { "A=1\nB[x=1\nC=1", "A=2\nC=1\nE=1" } },
	    "ignore B\\[x;ignore E;may-differ A");
	assert_false(rig.d.drift);
	assert_int_equal(rig.d.unused_count, 0);
	ra_drift_suggest_add(&suggestion, &rig.d, &rig.call);
	assert_int_equal(ra_drift_suggest_write(&suggestion, &text), 0);
	assert_string_equal(ra_buf_text(&text), "");
	rig_free(&rig);
}

/* What is committed may come first. */
static void
test_baseline_first(void **state)
{
	static const struct {
		struct sides in;
		const char *rows;
		size_t unverifiable;
	} table[] = {
		{ { .text = { "A=ENC[x]\nB=1", "A=1\nB=2" } }, "B differs", 1 },
		{ { .text = { "A=ENC[x]", "A=1", "A=2" } }, "A differs", 0 },
	};
	static struct rig rig;

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(table); i++) {
		RA_BUF_LOCAL got = RA_BUF(0);

		compare(&rig, &table[i].in, NULL);
		ra_drift_free(&rig.d);
		rig.sides[0].baseline = true;
		assert_int_equal(ra_drift_compare(&rig.call, &rig.d), 0);
		describe(&rig.d, &got);
		assert_string_equal(ra_buf_text(&got), table[i].rows);
		assert_int_equal(rig.d.unverifiable, table[i].unverifiable);
		rig_free(&rig);
	}
}

static void
test_refused(void **state)
{
	static struct ra_drift_side many[RA_DRIFT_SIDES_MAX + 1];
	struct ra_drift d;

	(void)state;
	assert_int_equal(ra_drift_compare(&(struct ra_drift_call){ .sides = many }, &d), -EINVAL);
	assert_int_equal(
	    ra_drift_compare(
		&(struct ra_drift_call){ .sides = many, .side_count = RA_DRIFT_SIDES_MAX + 1 }, &d),
	    -EINVAL);
}

/* More cells than are kept: the rest is counted. */
static void
test_too_many_rows(void **state)
{
	enum { SIDES = 64, KEYS = RA_DRIFT_CELLS_MAX / SIDES + 10 };
	static struct ra_drift_side sides[SIDES];
	struct ra_snapshot_rules rules = { .key = KEY, .key_len = 16 };
	struct ra_snapshot_builder *b = ra_snapshot_builder_new(&rules);
	struct ra_snapshot *full = NULL, *empty = build("", NULL, "", false);
	struct ra_drift d;

	(void)state;
	for (uint32_t i = 0; i < KEYS; i++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "A%06u", i);

		assert_int_equal(ra_snapshot_add(b, key, (size_t)len, "", 0, i, 0), 0);
	}
	assert_int_equal(ra_snapshot_seal(b, &full), 0);
	for (size_t i = 0; i < SIDES; i++)
		sides[i].snapshot = i == 0 ? full : empty;
	assert_int_equal(
	    ra_drift_compare(&(struct ra_drift_call){ .sides = sides, .side_count = SIDES }, &d),
	    0);
	assert_int_equal(d.row_count, RA_DRIFT_CELLS_MAX / SIDES);
	assert_int_equal(d.more, 10);
	assert_true(d.drift);
	ra_drift_free(&d);
	ra_snapshot_unref(full);
	ra_snapshot_unref(empty);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_secret_on_one_side),
		cmocka_unit_test(test_encrypted_is_secret),
		cmocka_unit_test(test_standing),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_suggest),
		cmocka_unit_test(test_suggest_once),
		cmocka_unit_test(test_suggest_parts),
		cmocka_unit_test(test_suggestion_silences),
		cmocka_unit_test(test_baseline_first),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
