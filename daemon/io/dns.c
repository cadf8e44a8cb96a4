/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/io/dns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "dns_private.h"
#include "relaudit/base/clock.h"
#include "relaudit/base/map.h"
#include "relaudit/io/loop.h"

#define KEEP_MOST    (5 * RA_MINUTE)
#define KEEP_LEAST   (5 * RA_SECOND)
#define KEEP_FAILURE (5 * RA_SECOND)
#define SWEEP_LEAST  1024 /* names, before forgotten ones are looked for */
#define GRAIN	     20 /* ms, so that a thousand deadlines are not a thousand timers */

struct ra_dns_query {
	struct entry *entry;
	int64_t deadline;
	void (*done)(void *arg, const struct ra_dns_answer *answer);
	void *arg;
	struct ra_dns_query *prev, *next; /* of its name */
	struct ra_dns_query *sooner, *later; /* of all, by deadline */
};

/* One name. Its addresses stand one after the other, each with its NUL. */
struct entry {
	struct ra_dns *dns;
	struct ra_dns_query *queries;
	char *addresses;
	int64_t expires;
	uint16_t reason;
	uint8_t count;
	bool asked; /* c-ares has it */
	bool again;
	char *cause;
	char name[];
};

struct ra_dns {
	struct ra_loop *loop;
	struct ra_ares *ares;
	struct ra_map entries;
	struct ra_timer *timer;
	int64_t timer_at; /* 0: not running */
	struct ra_dns_query *soonest, *latest;
	size_t sweep_at;
	struct ra_dns_answer answer;
	unsigned answering; /* callbacks under way: no name may go */
	bool inside; /* ra_dns_resolve: no callback may leave it */
	bool unanswered; /* names answered meanwhile, their queries not yet */
};

bool
ra_dns_is_numeric(const char *host)
{
	uint8_t address[16];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static void on_deadline(void *arg);

int
ra_dns_new_with(struct ra_loop *loop, const struct ra_dns_setup *setup, struct ra_dns **ret,
    struct ra_error *err)
{
	struct ra_dns *d = calloc(1, sizeof(*d));
	int r;

	if (d == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	d->loop = loop;
	d->sweep_at = SWEEP_LEAST;
	r = ra_timer_new(loop, on_deadline, d, &d->timer);
	if (r < 0)
		(void)ra_error_set(err, r, "out of memory");
	else
		r = ra_ares_new(loop, setup, &d->ares, err);
	if (r < 0) {
		ra_dns_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

int
ra_dns_new(struct ra_loop *loop, struct ra_dns **ret, struct ra_error *err)
{
	static const struct ra_dns_setup setup;

	return ra_dns_new_with(loop, &setup, ret, err);
}

static void
entry_free(struct entry *e)
{
	free(e->addresses);
	free(e->cause);
	free(e);
}

void
ra_dns_free(struct ra_dns *d)
{
	size_t i = 0;
	void *value;

	if (d == NULL)
		return;
	ra_ares_free(d->ares);
	while (ra_map_next(&d->entries, &i, NULL, &value)) {
		struct entry *e = value;

		while (e->queries != NULL)
			ra_dns_cancel(e->queries);
		entry_free(e);
	}
	ra_map_free(&d->entries);
	ra_timer_free(d->timer);
	free(d);
}

/* Names that nobody asks for any more go when the map has doubled since the last time. */
static void
sweep(struct ra_dns *d)
{
	int64_t now = ra_clock_mono();
	size_t i = 0;
	const char *key;
	void *value;

	while (ra_map_next(&d->entries, &i, &key, &value)) {
		struct entry *e = value;

		if (e->asked || e->queries != NULL || e->expires > now)
			continue;
		(void)ra_map_remove(&d->entries, key);
		entry_free(e);
	}
	d->sweep_at = d->entries.count * 2 < SWEEP_LEAST ? SWEEP_LEAST : d->entries.count * 2;
}

static struct entry *
entry_get(struct ra_dns *d, const char *name)
{
	struct entry *e = ra_map_get(&d->entries, name);
	size_t len;

	if (e != NULL)
		return e;
	if (d->entries.count >= d->sweep_at && d->answering == 0)
		sweep(d);
	len = strlen(name) + 1;
	e = calloc(1, sizeof(*e) + len);
	if (e == NULL)
		return NULL;
	memcpy(e->name, name, len);
	e->dns = d;
	if (ra_map_put(&d->entries, e->name, e, NULL) < 0) {
		free(e);
		return NULL;
	}
	return e;
}

static const struct ra_dns_answer *
answer_of(struct ra_dns *d, const struct entry *e)
{
	struct ra_dns_answer *a = &d->answer;
	const char *p = e->addresses;
	size_t count = p != NULL ? e->count : 0, len;

	a->reason = e->reason;
	a->error[0] = '\0';
	for (a->count = 0; a->count < count; a->count++) {
		len = strlen(p) + 1;
		memcpy(a->addresses[a->count], p, len);
		p += len;
	}
	if (e->reason != RA_R_OK)
		(void)snprintf(a->error, sizeof(a->error), "cannot resolve %.100s: %s", e->name,
		    e->cause != NULL ? e->cause : "out of memory");
	return a;
}

static void
entry_keep(struct entry *e, const struct ra_ares_result *result)
{
	int64_t ttl = result->reason == RA_R_OK ? result->ttl_ms : KEEP_FAILURE;
	char text[RA_DNS_ADDRESSES * 46];
	size_t i, len = 0;

	if (ttl < KEEP_LEAST)
		ttl = KEEP_LEAST;
	if (ttl > KEEP_MOST)
		ttl = KEEP_MOST;
	free(e->addresses);
	free(e->cause);
	e->addresses = e->cause = NULL;
	e->count = 0;
	e->reason = (uint16_t)result->reason;
	e->expires = result->reason == RA_R_NO_MEMORY ? 0 : ra_clock_mono() + ttl;
	if (result->reason != RA_R_OK) {
		e->cause = strdup(result->cause);
		return;
	}
	for (i = 0; i < result->count; i++) {
		size_t n = strlen(result->addresses[i]) + 1;

		memcpy(text + len, result->addresses[i], n);
		len += n;
	}
	e->addresses = malloc(len + 1);
	if (e->addresses == NULL) {
		e->reason = RA_R_NO_MEMORY;
		return;
	}
	memcpy(e->addresses, text, len);
	e->count = (uint8_t)result->count;
}

static void
link_query(struct ra_dns *d, struct ra_dns_query *q)
{
	struct ra_dns_query *at = d->latest;

	q->next = q->entry->queries;
	if (q->next != NULL)
		q->next->prev = q;
	q->entry->queries = q;

	/* Deadlines mostly come in order. */
	while (at != NULL && at->deadline > q->deadline)
		at = at->sooner;
	q->sooner = at;
	q->later = at != NULL ? at->later : d->soonest;
	*(q->later != NULL ? &q->later->sooner : &d->latest) = q;
	*(at != NULL ? &at->later : &d->soonest) = q;
}

static void
unlink_query(struct ra_dns_query *q)
{
	struct ra_dns *d = q->entry->dns;

	if (q->next != NULL)
		q->next->prev = q->prev;
	*(q->prev != NULL ? &q->prev->next : &q->entry->queries) = q->next;
	*(q->later != NULL ? &q->later->sooner : &d->latest) = q->sooner;
	*(q->sooner != NULL ? &q->sooner->later : &d->soonest) = q->later;
}

/* Each query leaves its lists before its callback, which may ask, cancel and so on as it likes. */
static void
answer_query(struct ra_dns_query *q, const struct ra_dns_answer *answer)
{
	struct ra_dns *d = q->entry->dns;

	unlink_query(q);
	d->answering++;
	q->done(q->arg, answer);
	d->answering--;
	free(q);
}

static void
answer_queries(struct ra_dns *d, struct entry *e)
{
	struct ra_dns_answer answer = *answer_of(d, e);

	d->answering++;
	while (e->queries != NULL && !e->asked)
		answer_query(e->queries, &answer);
	d->answering--;
}

static void arm(struct ra_dns *d, int64_t deadline);

static void
on_result(void *arg, const struct ra_ares_result *result)
{
	struct entry *e = arg;
	struct ra_dns *d = e->dns;

	e->asked = false;
	if (result->again) {
		e->again = e->queries != NULL;
		return;
	}
	entry_keep(e, result);
	if (!d->inside) {
		answer_queries(d, e);
	} else if (e->queries != NULL) {
		d->unanswered = true;
		arm(d, 0);
	}
}

static void
ask(struct ra_dns *d, struct entry *e)
{
	e->asked = true;
	e->again = false;
	ra_ares_ask(d->ares, e->name, on_result, e);
}

/* After the name servers changed: whoever still waits is asked for anew. */
static void
ask_again(struct ra_dns *d)
{
	size_t i = 0;
	void *value;

	while (ra_map_next(&d->entries, &i, NULL, &value)) {
		struct entry *e = value;

		if (e->again && !e->asked)
			ask(d, e);
	}
}

static void
arm(struct ra_dns *d, int64_t deadline)
{
	int64_t now = ra_loop_now(d->loop);

	if (deadline < now + GRAIN)
		deadline = now + GRAIN;
	if (d->timer_at != 0 && d->timer_at <= deadline)
		return;
	d->timer_at = deadline;
	ra_timer_start(d->timer, deadline - now, 0);
}

static void
answer_rest(struct ra_dns *d)
{
	size_t i = 0;
	void *value;

	/* The walk ends with the first name answered: its callbacks may change the map. */
	while (ra_map_next(&d->entries, &i, NULL, &value)) {
		struct entry *e = value;

		if (e->queries != NULL && !e->asked) {
			answer_queries(d, e);
			i = 0;
		}
	}
}

static void
on_deadline(void *arg)
{
	struct ra_dns *d = arg;
	struct ra_dns_query *q;
	struct ra_dns_answer answer = { .reason = RA_R_DNS_TIMEOUT };

	d->timer_at = 0;
	if (d->unanswered) {
		d->unanswered = false;
		answer_rest(d);
	}
	while ((q = d->soonest) != NULL && q->deadline <= ra_loop_now(d->loop)) {
		(void)snprintf(answer.error, sizeof(answer.error),
		    "cannot resolve %.100s: no answer within the deadline", q->entry->name);
		answer_query(q, &answer);
	}
	if (d->soonest != NULL)
		arm(d, d->soonest->deadline);
}

static bool
name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= 253 && name[0] != '.' && strstr(name, "..") == NULL &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		   len;
}

int
ra_dns_resolve(struct ra_dns *d, const char *name, int64_t deadline,
    void (*done)(void *arg, const struct ra_dns_answer *answer), void *arg,
    const struct ra_dns_answer **ret_answer, struct ra_dns_query **ret_query)
{
	struct ra_dns_query *q;
	struct entry *e;

	if (!name_valid(name)) {
		d->answer = (struct ra_dns_answer){ .reason = RA_R_DNS };
		(void)snprintf(
		    d->answer.error, sizeof(d->answer.error), "cannot resolve: not a host name");
		*ret_answer = &d->answer;
		return 1;
	}
	e = entry_get(d, name);
	if (e == NULL)
		return -ENOMEM;
	if (!e->asked && e->expires <= ra_clock_mono()) {
		d->inside = true;
		ask(d, e);
		ask_again(d);
		d->inside = false;
	}
	if (!e->asked) {
		*ret_answer = answer_of(d, e);
		return 1;
	}
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	*q = (struct ra_dns_query){ .entry = e, .deadline = deadline, .done = done, .arg = arg };
	link_query(d, q);
	arm(d, deadline);
	*ret_query = q;
	return 0;
}

void
ra_dns_cancel(struct ra_dns_query *q)
{
	if (q == NULL)
		return;
	unlink_query(q);
	free(q);
}
