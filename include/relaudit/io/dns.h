/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names by c-ares on the loop, with a cache of our own: by TTL (at most 5 min, failures 5 s), one
 * query in flight per name. /etc/hosts counts, nsswitch does not. resolv.conf is read again when it
 * changed.
 */
#ifndef RELAUDIT_IO_DNS_H
#define RELAUDIT_IO_DNS_H

#include "relaudit/base/error.h"
#include "relaudit/model/verdict.h"

struct ra_loop;
struct ra_dns;
struct ra_dns_query;

#define RA_DNS_ADDRESSES	8

struct ra_dns_answer {
	enum ra_reason reason;	/* RA_R_OK, DNS_NOT_FOUND, DNS_NO_ADDRESS, DNS_TIMEOUT, DNS */
	char error[160];
	char addresses[RA_DNS_ADDRESSES][46];	/* numeric, IPv6 without brackets, in order of
						   use */
	size_t count;
};

int ra_dns_new(struct ra_loop *loop, struct ra_dns **ret, struct ra_error *err);
void ra_dns_free(struct ra_dns *d);
/*
 * Answers at once from the cache (returns 1, *ret_answer valid until the loop turns), or later
 * through done (returns 0, *ret_query). Numeric addresses are the caller's to spot
 * (ra_dns_is_numeric). Negative errno: not started.
 */
int ra_dns_resolve(struct ra_dns *d, const char *name, int64_t deadline,
    void (*done)(void *arg, const struct ra_dns_answer *answer), void *arg,
    const struct ra_dns_answer **ret_answer, struct ra_dns_query **ret_query);
void ra_dns_cancel(struct ra_dns_query *q);
bool ra_dns_is_numeric(const char *host);

#endif
