/* SPDX-License-Identifier: Apache-2.0 */
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "../../daemon/io/dns_private.h"
#include "relaudit/base/clock.h"
#include "relaudit/io/http.h"
#include "relaudit/io/loop.h"
#include "servers.h"

static struct ra_loop *loop;
static struct ra_dns *dns;
static struct server names, web;

static int64_t clock_offset;

static int64_t
moved(void *arg)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + clock_offset;
}

static const struct ra_clock moved_clock = { .mono = moved, .wall = moved, .boot = moved };

struct result {
	bool done;
	struct ra_dns_answer answer;
	struct ra_dns_query *query;
};

static unsigned waiting;

static void
on_answer(void *arg, const struct ra_dns_answer *answer)
{
	struct result *r = arg;

	assert_false(r->done);
	r->done = true;
	r->answer = *answer;
	if (--waiting == 0)
		ra_loop_stop(loop);
}

/* 1: answered at once. */
static int
ask(const char *name, int64_t within, struct result *r)
{
	const struct ra_dns_answer *answer;
	int n;

	memset(r, 0, sizeof(*r));
	n = ra_dns_resolve(dns, name, ra_loop_now(loop) + within, on_answer, r, &answer, &r->query);
	assert_true(n >= 0);
	if (n == 0) {
		waiting++;
		return 0;
	}
	r->done = true;
	r->answer = *answer;
	return 1;
}

static void
await(void)
{
	while (waiting > 0)
		ra_loop_run(loop);
}

static void
on_turn(void *arg)
{
	ra_loop_stop(loop);
}

/* The loop's clock goes with its turns. */
static void
turn(void)
{
	struct ra_timer *t;

	assert_int_equal(ra_timer_new(loop, on_turn, NULL, &t), 0);
	ra_timer_start(t, 1, 0);
	ra_loop_run(loop);
	ra_timer_free(t);
}

static size_t
queries_seen(const char *name)
{
	RA_FREE char *log = servers_read(servers_file("dns.log"));
	size_t count = 0;
	const char *p;

	for (p = log; (p = strstr(p, name)) != NULL; p++)
		count++;
	return count;
}

struct name_case {
	const char *name;
	enum ra_reason reason;
	size_t count;
	const char *first;
	const char *words;
};

static const struct name_case cases[] = {
	{ "one.test", RA_R_OK, 1, "127.0.0.1", "" },
	{ "two.test", RA_R_OK, 2, NULL, "" },
	{ "six.test", RA_R_OK, 1, "::1", "" },
	{ "alias.test", RA_R_OK, 1, "127.0.0.1", "" },
	{ "hundred.test", RA_R_OK, 8, NULL, "" },
	{ "localhost", RA_R_OK, 0, NULL, "" }, /* as many as the hosts file says */
	{ "nx.test", RA_R_DNS_NOT_FOUND, 0, NULL, "cannot resolve nx.test: no such name" },
	{ "empty.test", RA_R_DNS_NO_ADDRESS, 0, NULL, "empty.test: it has no address" },
	{ "loop.test", RA_R_DNS_NO_ADDRESS, 0, NULL, "no address" },
	{ "dangling.test", RA_R_DNS_NO_ADDRESS, 0, NULL, "no address" },
	{ "servfail.test", RA_R_DNS, 0, NULL, "SERVFAIL" },
	{ "refused.test", RA_R_DNS, 0, NULL, "" },
	{ "cut.test", RA_R_DNS, 0, NULL, "" },
	{ "no blank.test", RA_R_DNS, 0, NULL, "not a host name" },
	{ "", RA_R_DNS, 0, NULL, "not a host name" },
	{ "a..b", RA_R_DNS, 0, NULL, "not a host name" },
};

static void
test_answers(void **state)
{
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(cases); i++) {
		const struct name_case *c = &cases[i];
		struct result r;

		(void)ask(c->name, 10000, &r);
		await();
		if (r.answer.reason != c->reason ||
		    (r.answer.count != c->count && (c->count > 0 || c->reason != RA_R_OK)) ||
		    strstr(r.answer.error, c->words) == NULL ||
		    (c->first != NULL && strcmp(r.answer.addresses[0], c->first) != 0))
			fail_msg("%s: reason %d, %zu addresses (%s), \"%s\"", c->name,
			    (int)r.answer.reason, r.answer.count, r.answer.addresses[0],
			    r.answer.error);
		assert_true((r.answer.reason == RA_R_OK) == (r.answer.error[0] == '\0'));
	}
}

static void
test_deadline(void **state)
{
	static const char *const silent[] = { "silent.test", "liar.test", "garbage.test" };
	struct result r[3], good;
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(silent); i++)
		assert_int_equal(ask(silent[i], 200, &r[i]), 0);
	/* Others do not wait for them. */
	assert_int_equal(ask("one.good.test", 10000, &good), 0);
	waiting -= 3;
	await();
	assert_int_equal(good.answer.reason, RA_R_OK);
	assert_false(r[0].done || r[1].done || r[2].done);
	waiting = 3;
	await();
	for (i = 0; i < RA_ARRAY_SIZE(silent); i++) {
		assert_int_equal(r[i].answer.reason, RA_R_DNS_TIMEOUT);
		assert_non_null(strstr(r[i].answer.error, silent[i]));
	}
}

static void
test_kept(void **state)
{
	struct result r;
	size_t before;

	(void)ask("one.kept.test", 10000, &r);
	await();
	before = queries_seen("one.kept.test");
	assert_true(before > 0);
	assert_int_equal(ask("one.kept.test", 10000, &r), 1);
	assert_string_equal(r.answer.addresses[0], "127.0.0.1");
	(void)ask("nx.kept.test", 10000, &r);
	await();
	before += queries_seen("nx.kept.test");
	assert_int_equal(ask("nx.kept.test", 10000, &r), 1);
	assert_int_equal(r.answer.reason, RA_R_DNS_NOT_FOUND);
	assert_int_equal(before, queries_seen("one.kept.test") + queries_seen("nx.kept.test"));
}

static void
test_kept_no_longer_than_told(void **state)
{
	static const struct {
		const char *name;
		int64_t kept, gone;
	} c[] = { { "one.ttl.test", 59000, 61000 }, { "short.ttl.test", 4000, 6000 },
		{ "nx.ttl.test", 4000, 6000 }, { "servfail.ttl.test", 4000, 6000 } };
	struct result r;
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(c); i++) {
		(void)ask(c[i].name, 10000, &r);
		await();
		clock_offset += c[i].kept;
		assert_int_equal(ask(c[i].name, 10000, &r), 1);
		clock_offset += c[i].gone - c[i].kept;
		assert_int_equal(ask(c[i].name, 10000, &r), 0);
		await();
	}
}

static void
test_shared(void **state)
{
	struct result r[50];
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(r); i++)
		assert_int_equal(ask("one.shared.test", 10000, &r[i]), 0);
	await();
	for (i = 0; i < RA_ARRAY_SIZE(r); i++)
		assert_int_equal(r[i].answer.reason, RA_R_OK);
	/* A and AAAA */
	assert_true(queries_seen("one.shared.test") <= 2);
}

static void
test_cancelled(void **state)
{
	struct result one, other;

	assert_int_equal(ask("one.cancelled.test", 10000, &one), 0);
	assert_int_equal(ask("one.cancelled.test", 10000, &other), 0);
	ra_dns_cancel(one.query);
	waiting--;
	await();
	assert_false(one.done);
	assert_true(other.done);
	/* With nobody left, the answer is kept all the same. */
	assert_int_equal(ask("silent.cancelled.test", 10000, &one), 0);
	ra_dns_cancel(one.query);
	waiting--;
	turn();
	assert_false(one.done);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
test_many_names_are_swept(void **state)
{
	struct result r;
	char name[64];
	int i;

	/* Numbers that no server is asked for: the hosts file and the search end at once. */
	for (i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "one.many%d.test", i);
		(void)ask(name, 10000, &r);
		await();
		assert_int_equal(r.answer.reason, RA_R_OK);
	}
}

/* Who waits for the old name server is asked for at the new one. */
static void
test_resolv_conf_changes(void **state)
{
	const char *conf = servers_file("resolv.conf");
	struct result one, other;

	write_file(conf, "nameserver 127.0.0.3\noptions changed\n");
	clock_offset += 6000;
	/* Nothing listens there: an error at once, and soon forgotten. */
	(void)ask("one.changed.test", 10000, &one);
	await();
	assert_int_equal(one.answer.reason, RA_R_DNS);
	assert_non_null(strstr(one.answer.error, "no name server answers it"));

	write_file(conf, "nameserver 127.0.0.1\n");
	clock_offset += 6000;
	(void)ask("one.changed.test", 10000, &one);
	await();
	assert_int_equal(one.answer.reason, RA_R_OK);

	assert_int_equal(ask("late.changed.test", 10000, &one), 0);
	write_file(conf, "nameserver 127.0.0.1\nnameserver 127.0.0.3\n");
	clock_offset += 6000;
	assert_int_equal(ask("one.after.test", 10000, &other), 0);
	await();
	assert_int_equal(one.answer.reason, RA_R_OK);
	assert_int_equal(other.answer.reason, RA_R_OK);
	write_file(conf, "nameserver 127.0.0.1\n");
	clock_offset += 6000;
}

/* A whole transfer by name: the first address refuses, the next one answers. */
static struct {
	bool done;
	enum ra_reason reason;
	char error[256], address[64];
} got;

static void
on_web(void *arg, struct ra_http_response *response)
{
	got.done = true;
	got.reason = response->reason;
	(void)snprintf(got.error, sizeof(got.error), "%s", response->error);
	(void)snprintf(got.address, sizeof(got.address), "%s", response->address);
	ra_loop_stop(loop);
}

static void
web_ask(struct ra_http *http, const char *name, int port, int64_t within)
{
	char url[128];
	struct ra_http_request q = { .url = url, .max_body = 65536 };
	struct ra_http_transfer *t;

	(void)snprintf(url, sizeof(url), "http://%s:%d/ok", name, port);
	memset(&got, 0, sizeof(got));
	q.deadline = ra_loop_now(loop) + within;
	assert_int_equal(ra_http_start(http, &q, on_web, NULL, &t), 0);
	assert_false(got.done);
	while (!got.done)
		ra_loop_run(loop);
}

static void
test_transfer_by_name(void **state)
{
	struct ra_http *http;
	char address[64];

	assert_int_equal(ra_http_new(loop, dns, &http, NULL), 0);
	web_ask(http, "one.test", web.port, 10000);
	assert_int_equal(got.reason, RA_R_OK);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%d", web.port);
	assert_string_equal(got.address, address);
	web_ask(http, "two.test", web.port, 10000);
	assert_int_equal(got.reason, RA_R_OK);
	assert_string_equal(got.address, address);
	web_ask(http, "two.test", 1, 10000);
	assert_int_equal(got.reason, RA_R_REFUSED);
	assert_non_null(strstr(got.error, "http://two.test:1 (127.0.0."));
	web_ask(http, "nx.test", web.port, 10000);
	assert_int_equal(got.reason, RA_R_DNS_NOT_FOUND);
	assert_non_null(strstr(got.error, "cannot resolve nx.test"));
	web_ask(http, "silent.web.test", web.port, 200);
	assert_int_equal(got.reason, RA_R_DNS_TIMEOUT);
	ra_http_free(http);
}

static int
start_dns(const char *conf, int port)
{
	struct ra_dns_setup setup = { .resolv_conf = conf, .port = (uint16_t)port };

	return ra_dns_new_with(loop, &setup, &dns, NULL);
}

static int
set_up(void **state)
{
	const char *args[] = { "--log", servers_file("dns.log"), NULL };
	const char *none[] = { NULL };

	ra_clock_replace(&moved_clock);
	server_start(&names, "dns_server.py", args);
	server_start(&web, "http_server.py", none);
	write_file(servers_file("resolv.conf"), "nameserver 127.0.0.1\n");
	if (ra_loop_new(&loop, NULL) < 0)
		return -1;
	return start_dns(servers_file("resolv.conf"), names.port);
}

static int
tear_down(void **state)
{
	ra_dns_free(dns);
	ra_loop_free(loop);
	server_stop(&names);
	server_stop(&web);
	servers_clean();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_kept_no_longer_than_told),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_many_names_are_swept),
		cmocka_unit_test(test_resolv_conf_changes),
		cmocka_unit_test(test_transfer_by_name),
	};

	if (!servers_present()) {
		(void)fprintf(stderr, "skipped: no python3 or no servers here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
