/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing snapshots. A line of rules ("word KEY", parted by ';'), then sides parted by a line
 * "-", each in the dialect of docker. Every key has one place in the sums, and what is suggested
 * silences what it is suggested for.
 */
#include "fuzz_keys.h"

extern const struct ra_format ra_format_dotenv;

#define SIDES_MAX 4
#define RULES_MAX 16

struct rules {
	struct ra_drift_rule list[RULES_MAX];
	size_t count;
};

static void
parse_rules(char *text, struct rules *rules)
{
	char *save = NULL;

	for (char *p = strtok_r(text, ";", &save); p != NULL && rules->count < RULES_MAX;
	     p = strtok_r(NULL, ";", &save)) {
		char *blank = strchr(p, ' ');

		for (int w = RA_DRIFT_IGNORE; blank != NULL && w <= RA_DRIFT_ORIGIN; w++) {
			const char *name = ra_drift_word_name((enum ra_drift_word)w);

			if (strlen(name) == (size_t)(blank - p) &&
			    memcmp(name, p, strlen(name)) == 0)
				rules->list[rules->count++] =
				    (struct ra_drift_rule){ .word = (enum ra_drift_word)w,
					    .key = blank + 1,
					    .origin = "*x" };
		}
	}
}

static struct ra_snapshot *
take_side(struct fuzz_input *in)
{
	const char *end = in->left > 0 ? memmem(in->at, in->left, "\n-\n", 3) : NULL;
	size_t len = end != NULL ? (size_t)(end - in->at) : in->left;
	int64_t docker = 2;
	struct ra_input input = { .bytes = (char *)in->at, .len = len };
	struct ra_format_call call = {
		.options = &docker, .shape = RA_SHAPE_KEYS, .input = &input
	};
	struct ra_data data = { 0 };
	struct ra_error err;
	struct ra_snapshot *s;

	if (ra_format_dotenv.read(&call, &data, &err) != RA_R_OK)
		data.shape = RA_SHAPE_KEYS;
	s = fuzz_snapshot(&data);
	ra_data_free(&data);
	len += end != NULL ? 3 : 0;
	in->at += len;
	in->left -= len;
	return s;
}

static size_t
distinct(const struct ra_drift *d)
{
	for (size_t i = 1; i < d->row_count; i++) {
		FUZZ_CHECK(strcmp(d->rows[i - 1].key, d->rows[i].key) < 0);
		for (size_t c = 0; c < d->side_count; c++)
			FUZZ_CHECK(!d->rows[i].secret || !d->rows[i].cells[c].present ||
				   memcmp(d->rows[i].cells[c].value, "k1:", 3) == 0);
	}
	return d->row_count;
}

/*
 * Names beside pointers: of a member whose name is empty, "//A", the rest is shown, which as a rule
 * is that of another.
 */
static bool
is_ambiguous(const struct ra_drift *d, const struct ra_drift_row *row)
{
	for (size_t i = 0; i < d->row_count && row->key[0] == '/'; i++)
		if (d->rows[i].key[0] != '/')
			return true;
	return false;
}

static void
check(const struct ra_drift_call *call)
{
	struct ra_drift_call silent = *call;
	struct ra_drift_rule *rules;
	struct ra_drift d, again;
	struct ra_drift_suggestion suggestion = { 0 };
	RA_BUF_LOCAL text = RA_BUF(0);
	size_t bad = 0;

	FUZZ_CHECK(ra_drift_compare(call, &d) == 0);
	rules = calloc(d.row_count + call->rule_count + 1, sizeof(*rules));
	for (size_t i = 0; i < call->rule_count; i++)
		rules[i] = call->rules[i];
	silent.rules = rules;
	for (size_t i = 0; i < d.row_count; i++) {
		const struct ra_drift_row *row = &d.rows[i];

		bad += row->verdict >= RA_DRIFT_MISSING;
		if (row->verdict >= RA_DRIFT_MISSING && !ra_drift_is_pattern(row->key))
			rules[silent.rule_count++] =
			    (struct ra_drift_rule){ .word = RA_DRIFT_IGNORE, .key = row->key };
	}
	FUZZ_CHECK(distinct(&d) == d.same + d.ignored + d.unverifiable + bad);
	ra_drift_suggest_add(&suggestion, &d, call);
	FUZZ_CHECK(ra_drift_suggest_write(&suggestion, &text) == 0);
	ra_drift_suggest_free(&suggestion);
	FUZZ_CHECK((text.len > 0) == d.drift);
	FUZZ_CHECK(ra_drift_compare(&silent, &again) == 0);
	for (size_t i = 0; i < again.row_count; i++)
		FUZZ_CHECK(!again.rows[i].counts || ra_drift_is_pattern(again.rows[i].key) ||
			   is_ambiguous(&again, &again.rows[i]));
	ra_drift_free(&again);
	ra_drift_free(&d);
	free(rules);
}

/* A side of which somebody encrypted what the next one has is the same as before. */
static void
check_veil(const struct ra_drift_side *from, const struct ra_drift_side *next)
{
	struct ra_veil by = { .committed = { next->snapshot },
		.unread = ra_snapshot_count(next->snapshot) % 4 == 3,
		.before = next->committed,
		.key = "k",
		.key_len = 1 };
	struct ra_drift_side sides[2] = { *from, *from };
	struct ra_drift_call call = { .sides = sides, .side_count = 2, .key = "k", .key_len = 1 };
	struct ra_snapshot *veiled;
	struct ra_drift d;

	FUZZ_CHECK(
	    ra_snapshot_veil((struct ra_snapshot *)(uintptr_t)from->snapshot, &by, &veiled) == 0);
	sides[1].snapshot = veiled;
	FUZZ_CHECK(ra_drift_compare(&call, &d) == 0);
	FUZZ_CHECK(d.row_count == 0 && !d.drift);
	ra_drift_free(&d);
	ra_snapshot_unref(veiled);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *line = fuzz_line(&in);
	struct rules rules = { .count = 0 };
	struct ra_drift_side sides[SIDES_MAX] = { 0 };
	struct ra_drift_call call = {
		.sides = sides, .rules = rules.list, .key = "k", .key_len = 1, .all = true
	};

	parse_rules(line, &rules);
	call.rule_count = rules.count;
	do {
		/* Of two commits: some sides run the same one. */
		const char *commit = call.side_count % 2 == 0 ? "c0ffee0" : "c0ffee1";
		struct ra_snapshot *s = take_side(&in);

		sides[call.side_count++] = (struct ra_drift_side){
			.name = "side", .snapshot = s, .committed = s, .commit = commit
		};
	} while (in.left > 0 && call.side_count < SIDES_MAX);
	check(&call);
	for (size_t i = 0; i < call.side_count; i++)
		check_veil(&sides[i], &sides[(i + 1) % call.side_count]);
	/* Each against the next one as what is committed, the last as a baseline. */
	for (size_t i = 0; i < call.side_count; i++)
		sides[i].committed = sides[(i + 1) % call.side_count].snapshot;
	sides[call.side_count - 1].baseline = true;
	check(&call);
	for (size_t i = 0; i < call.side_count; i++)
		ra_snapshot_unref((struct ra_snapshot *)sides[i].snapshot);
	return 0;
}
