/* SPDX-License-Identifier: Apache-2.0 */
/* Between dns.c (cache, who waits for what) and dns_ares.c (c-ares on the loop). */
#ifndef RELAUDIT_IO_DNS_PRIVATE_H
#define RELAUDIT_IO_DNS_PRIVATE_H

#include "relaudit/io/dns.h"

struct ra_ares;

/* What one name came to. Texts are borrowed until the callback returns. */
struct ra_ares_result {
	enum ra_reason reason;
	const char *cause;
	char addresses[RA_DNS_ADDRESSES][46];
	size_t count;
	int64_t ttl_ms;
	bool again;	/* the name servers changed under the query: ask again */
};

/* resolv_conf NULL: /etc/resolv.conf; port 0: 53. Tests set both. */
struct ra_dns_setup {
	const char *resolv_conf;
	uint16_t port;
};

int ra_dns_new_with(struct ra_loop *loop, const struct ra_dns_setup *setup, struct ra_dns **ret,
    struct ra_error *err);

int ra_ares_new(struct ra_loop *loop, const struct ra_dns_setup *setup, struct ra_ares **ret,
    struct ra_error *err);
/* Queries under way get no callback any more. */
void ra_ares_free(struct ra_ares *a);
/*
 * fn may be called from inside (an answer from the hosts file). resolv.conf is looked at first, at
 * most each 5 s: if it changed, the callbacks of all queries under way are called with `again`.
 */
void ra_ares_ask(struct ra_ares *a, const char *name,
    void (*fn)(void *arg, const struct ra_ares_result *result), void *arg);

#endif
