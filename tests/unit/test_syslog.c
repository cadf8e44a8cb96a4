/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog against a reader that listens, stalls, is absent or comes back; each in a child process
 * with a /dev of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "relaudit/io/syslog.h"

#define NOT_PERMITTED 77

/* In a child: a failure ends it, and its status is the test's. */
#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			_exit(1); \
		} \
	} while (0)

static void
in_child(void (*fn)(void))
{
	pid_t pid;
	int status = 0;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", "/dev", "tmpfs", 0, NULL) < 0)
			_exit(NOT_PERMITTED);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED) {
		print_message("skipped: no mount namespace of our own here\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- a reader --- */

static int
listen_at(const char *path, int type)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	CHECK(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
	if (type == SOCK_STREAM)
		CHECK(listen(fd, 5) == 0);
	return fd;
}

/* The next message, without "<29>Nov 23 09:14:05 ". */
static const char *
receive(int fd)
{
	static char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	char *at;

	CHECK(n > 0);
	text[n] = '\0';
	at = strstr(text, "relauditd[");
	CHECK(at != NULL);
	return at;
}

static struct ra_syslog_stats
stats_of(const struct ra_syslog *s)
{
	struct ra_syslog_stats stats;

	ra_syslog_stats(s, &stats);
	return stats;
}

static struct ra_syslog *
start(void)
{
	struct ra_syslog *s = NULL;

	CHECK(ra_syslog_new(LOG_DAEMON, false, &s, NULL) == 0);
	return s;
}

/* --- what happens --- */

static void
listened_to(void)
{
	int fd = listen_at("/dev/log", SOCK_DGRAM);
	struct ra_syslog *s = start();
	char expected[64], longest[5000];
	const char *text;
	char *raw;

	ra_syslog_send(s, LOG_CRIT, "state check=a/b 100%s %n");
	snprintf(expected, sizeof(expected), "relauditd[%ld]: state check=a/b 100%%s %%n",
	    (long)getpid());
	CHECK(strcmp(receive(fd), expected) == 0);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ra_syslog_send(s, LOG_NOTICE, longest);
	text = receive(fd);
	CHECK(strlen(text) < 2048 + 20);
	/* The severity is the message's, the facility ours. */
	ra_syslog_send(s, LOG_WARNING, "x");
	raw = malloc(100);
	CHECK(raw != NULL && recv(fd, raw, 99, 0) > 4);
	CHECK(memcmp(raw, "<28>", 4) == 0);
	free(raw);
	ra_syslog_free(s, 10000);
}

static void
sent_at_the_end(void)
{
	int fd = listen_at("/dev/log", SOCK_DGRAM);
	struct ra_syslog *s = start();

	ra_syslog_send(s, LOG_NOTICE, "stop");
	ra_syslog_free(s, 10000);
	CHECK(strstr(receive(fd), "]: stop") != NULL);
}

/* Nobody reads: the sender goes on, messages are dropped, and afterwards it is said how many. */
static void
stalled(void)
{
	const unsigned total = 3000;
	int fd = listen_at("/dev/log", SOCK_DGRAM);
	struct ra_syslog *s = start();
	struct ra_syslog_stats stats;
	unsigned long dropped = 0, received = 0;
	const char *text;
	char line[64];

	for (unsigned i = 0; i < total; i++) {
		snprintf(line, sizeof(line), "message %u", i);
		ra_syslog_send(s, LOG_NOTICE, line);
	}
	stats = stats_of(s);
	CHECK(stats.queued <= 1000);
	CHECK(stats.dropped > 0);
	while (received + dropped < total) {
		text = strstr(receive(fd), "]: ");
		CHECK(text != NULL);
		if (strncmp(text, "]: dropped=", 11) == 0)
			dropped += strtoul(text + 11, NULL, 10);
		else
			received++;
	}
	CHECK(received + dropped == total);
	CHECK(dropped == stats.dropped);
	ra_syslog_send(s, LOG_NOTICE, "again");
	CHECK(strstr(receive(fd), "]: again") != NULL);
	CHECK(stats_of(s).connected);
	ra_syslog_free(s, 10000);
}

/* The end does not wait for a reader that never reads. */
static void
stalled_at_the_end(void)
{
	int fd = listen_at("/dev/log", SOCK_DGRAM);
	struct ra_syslog *s = start();

	for (int i = 0; i < 1000; i++)
		ra_syslog_send(s, LOG_NOTICE, "x");
	ra_syslog_free(s, 1);
	CHECK(fd >= 0);
}

static void
absent_then_there(void)
{
	struct ra_syslog *s = start();
	int fd;

	CHECK(!stats_of(s).connected);
	ra_syslog_send(s, LOG_CRIT, "early");
	fd = listen_at("/dev/log", SOCK_DGRAM);
	CHECK(strstr(receive(fd), "]: early") != NULL);
	ra_syslog_free(s, 10000);
}

static void
absent_for_good(void)
{
	struct ra_syslog *s = start();
	struct ra_syslog_stats stats;

	for (int i = 0; i < 1100; i++)
		ra_syslog_send(s, LOG_NOTICE, "x");
	stats = stats_of(s);
	CHECK(stats.queued == 1000 && stats.dropped == 100 && stats.sent == 0);
	CHECK(!stats.connected);
	ra_syslog_free(s, 10000); /* at once: there is nothing to wait for */
}

static void
restarted(void)
{
	int fd = listen_at("/dev/log", SOCK_DGRAM);
	struct ra_syslog *s = start();

	ra_syslog_send(s, LOG_NOTICE, "one");
	CHECK(strstr(receive(fd), "]: one") != NULL);
	close(fd);
	CHECK(unlink("/dev/log") == 0);
	ra_syslog_send(s, LOG_NOTICE, "two");
	while (stats_of(s).connected) /* until the thread has noticed */
		sched_yield();
	fd = listen_at("/dev/log", SOCK_DGRAM);
	CHECK(strstr(receive(fd), "]: two") != NULL);
	CHECK(stats_of(s).dropped == 0);
	ra_syslog_free(s, 10000);
}

/* Some receivers listen on a stream. */
static void
stream(void)
{
	int fd = listen_at("/dev/log", SOCK_STREAM), from;
	struct ra_syslog *s = start();
	char text[512];
	ssize_t n = 0;

	ra_syslog_send(s, LOG_NOTICE, "over a stream");
	do { /* connections that only looked whether anyone is there say nothing */
		from = accept(fd, NULL, NULL);
		CHECK(from >= 0);
		n = recv(from, text, sizeof(text) - 1, 0);
	} while (n == 0);
	CHECK(n > 0);
	text[n] = '\0';
	CHECK(strstr(text, "]: over a stream") != NULL);
	ra_syslog_free(s, 10000);
}

#define CASE(name) \
	static void test_##name(void **state) \
	{ \
		in_child(name); \
	}

/* clang-format off */
CASE(listened_to)
CASE(sent_at_the_end)
CASE(stalled)
CASE(stalled_at_the_end)
CASE(absent_then_there)
CASE(absent_for_good)
CASE(restarted)
CASE(stream)
/* clang-format on */

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listened_to),
		cmocka_unit_test(test_sent_at_the_end),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_stalled_at_the_end),
		cmocka_unit_test(test_absent_then_there),
		cmocka_unit_test(test_absent_for_good),
		cmocka_unit_test(test_restarted),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests_name("syslog", tests, NULL, NULL);
}
