/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of /v1/drift for people. All of it appends to `out`. */
#ifndef RELAUDIT_CTL_DRIFT_H
#define RELAUDIT_CTL_DRIFT_H

#include "read.h"
#include "term.h"

#define RA_DRIFT_SIDES_SHOWN 80

/* Rows of one comparison, one behind the other. */
struct ra_drift_section {
	const json_t *rows;
	size_t first, end; /* indexes into rows */
	const char *check;
	const char *sides[RA_DRIFT_SIDES_SHOWN];
	size_t side_count;
};

/* The next one; false: none. Begins with one that is all 0 but for its rows. */
bool ra_drift_section_next(struct ra_drift_section *s);
/* A value as it is shown, from outside still; "-": absent. whole: digests too. */
void ra_drift_value(struct ra_buf *out, const json_t *value, bool whole);
bool ra_drift_is_wrong(const json_t *row, const char *side);
bool ra_drift_is_release(const json_t *row);
/* What is to be said beside the rows, each line with `lead` before it. */
void ra_drift_remarks(
    const struct ra_ctl_term *t, const json_t *answer, const char *lead, struct ra_buf *out);
/* No key was held against another: there was none, or all are ignored or unverifiable. */
bool ra_drift_is_empty(const json_t *answer);
/* "1 key" and `one`, or "2 keys" and `many`. */
void ra_drift_count(struct ra_buf *out, int64_t count, const char *one, const char *many);

/* What the last line says beside counts. */
struct ra_drift_end {
	const char *nothing; /* why nothing was compared; NULL: something was */
	const char *since; /* as asked; NULL: not */
};
/* "drift, 3 keys are as they ought to be, 1 is ignored" and a line end. */
void ra_drift_sum(const struct ra_ctl_term *t, const json_t *answer, const struct ra_drift_end *end,
    struct ra_buf *out);

/* drift_table.c; wide: a line for each key, nothing cut. */
void ra_drift_table(
    const struct ra_ctl_term *t, const json_t *answer, bool wide, const struct ra_drift_end *end,
    struct ra_buf *out);

/* drift_text.c */
void ra_drift_markdown(const struct ra_ctl_term *t, const json_t *answer,
    const struct ra_drift_end *end, struct ra_buf *out);
void ra_drift_diff(const struct ra_ctl_term *t, const json_t *answer, struct ra_buf *out);
/* Rules to paste, as YAML. */
void ra_drift_rules_yaml(const struct ra_ctl_term *t, const json_t *answer, struct ra_buf *out);

#endif
