/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as text. All of them append to `out`. */
#ifndef RELAUDIT_CTL_VIEWS_H
#define RELAUDIT_CTL_VIEWS_H

#include "ctl.h"
#include "read.h"

/* matrix.c: environments by kinds, then a line for each check that is not OK. */
void ra_ctl_matrix(const struct ra_ctl_term *t, const struct ra_ctl_status *s, struct ra_buf *out);

/* detail.c: everything known of a check (with its owner, NULL: none); of an environment alone. */
void ra_ctl_detail(const struct ra_ctl_term *t, const struct ra_ctl_check *c, int64_t now,
    const struct ra_ctl_environment *owner, struct ra_buf *out);
void ra_ctl_environment_head(
    const struct ra_ctl_term *t, const struct ra_ctl_environment *e, struct ra_buf *out);

/* facts.c: a fact for people, with its JSON text behind it where that is another. */
void ra_ctl_fact(struct ra_buf *out, const char *name, const json_t *value, int64_t now);
/* A JSON scalar as text; other JSON as JSON. */
void ra_ctl_scalar(struct ra_buf *out, const json_t *value);

/* nagios.c: the output of a monitoring plugin, performance data in its first line. */
void ra_ctl_nagios(const struct ra_ctl_term *t, const struct ra_ctl_status *s, struct ra_buf *out);

/* csv.c: quoted as RFC 4180 says, lines ended by \n, what is not printable escaped. */
void ra_ctl_csv_row(struct ra_buf *out, const char *const *cells, size_t count);
void ra_ctl_csv_status(struct ra_buf *out, const struct ra_ctl_status *s);

#endif
