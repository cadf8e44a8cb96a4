/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions and ranges: three lines are versions, the fourth is a range. A version written out is
 * its text again, precedence is a total order, and ranges agree with it.
 */
#include <inttypes.h>

#include "relaudit/model/semver.h"

#include "fuzz.h"

#define VERSIONS   3
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)

static void
check_text(const char *text, const struct ra_semver *v)
{
	char out[RA_SEMVER_MAX + 1];
	int len = snprintf(out, sizeof(out), "%" PRIu64 ".%" PRIu64 ".%" PRIu64 "%s%.*s%s%.*s",
	    v->major, v->minor, v->patch, v->pre != NULL ? "-" : "", (int)v->pre_len,
	    v->pre != NULL ? v->pre : "", v->build != NULL ? "+" : "", (int)v->build_len,
	    v->build != NULL ? v->build : "");

	FUZZ_CHECK(len <= RA_SEMVER_MAX && strcmp(out, text) == 0);
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

static void
check_order(const struct ra_semver v[VERSIONS])
{
	int ab = sign(ra_semver_compare(&v[0], &v[1]));
	int bc = sign(ra_semver_compare(&v[1], &v[2]));
	int ac = sign(ra_semver_compare(&v[0], &v[2]));

	for (int i = 0; i < VERSIONS; i++) {
		FUZZ_CHECK(ra_semver_compare(&v[i], &v[i]) == 0);
		for (int j = 0; j < VERSIONS; j++)
			FUZZ_CHECK(sign(ra_semver_compare(&v[i], &v[j])) ==
				   -sign(ra_semver_compare(&v[j], &v[i])));
	}
	if (ab <= 0 && bc <= 0)
		FUZZ_CHECK(ac <= 0 && (ac < 0) == (ab < 0 || bc < 0));
	if (ab >= 0 && bc >= 0)
		FUZZ_CHECK(ac >= 0 && (ac > 0) == (ab > 0 || bc > 0));
}

/* Whether the range, written with printf, has the version. */
static bool
contains(const struct ra_semver *v, const char *before, const char *text, const char *after)
{
	char range[3 * RA_SEMVER_MAX];
	struct ra_range *r = NULL;
	bool has;

	snprintf(range, sizeof(range), "%s%s%s", before, text, after);
	FUZZ_CHECK(ra_range_parse(range, &r, NULL) == 0);
	has = ra_range_contains(r, v);
	ra_range_free(r);
	return has;
}

/* A version by itself, and what is at or below or above it. */
static void
check_comparators(const char *text, const struct ra_semver *v)
{
	FUZZ_CHECK(contains(v, "", text, ""));
	FUZZ_CHECK(contains(v, "=", text, ""));
	FUZZ_CHECK(contains(v, ">=", text, " || 0.0.0"));
	FUZZ_CHECK(contains(v, " <= ", text, " "));
	FUZZ_CHECK(!contains(v, ">", text, ""));
	FUZZ_CHECK(!contains(v, "<", text, ""));
	FUZZ_CHECK(contains(v, "", "*", "") == (v->pre == NULL));
	/* The next version is out of npm's range of numbers. */
	if (v->major == NUMBER_MAX || v->minor == NUMBER_MAX || v->patch == NUMBER_MAX)
		return;
	FUZZ_CHECK(contains(v, "^", text, ""));
	FUZZ_CHECK(contains(v, "~", text, ""));
}

static void
check_range(const char *text, const struct ra_semver v[VERSIONS], const bool good[VERSIONS])
{
	struct ra_error err = { 0 };
	struct ra_range *r = NULL;
	int error = ra_range_parse(text, &r, &err);

	FUZZ_CHECK((error == 0) == (r != NULL));
	FUZZ_CHECK((error == 0) == (err.text[0] == '\0'));
	for (int i = 0; error == 0 && i < VERSIONS; i++) {
		if (good[i] && strlen(text) < RA_SEMVER_MAX)
			FUZZ_CHECK(
			    ra_range_contains(r, &v[i]) == contains(&v[i], text, " || ", text));
	}
	ra_range_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	struct ra_semver v[VERSIONS];
	char *text[VERSIONS], *range;
	bool good[VERSIONS], all = true;

	for (int i = 0; i < VERSIONS; i++) {
		text[i] = fuzz_line(&in);
		good[i] = ra_semver_parse(text[i], strlen(text[i]), &v[i]) == 0;
		all = all && good[i];
		if (good[i]) {
			check_text(text[i], &v[i]);
			check_comparators(text[i], &v[i]);
		}
	}
	if (all)
		check_order(v);
	range = fuzz_line(&in);
	check_range(range, v, good);
	for (int i = 0; i < VERSIONS; i++)
		free(text[i]);
	free(range);
	return 0;
}
