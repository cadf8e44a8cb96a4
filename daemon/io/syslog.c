/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread calls syslog(3), which blocks it for as long as a reader stalls; everyone else only
 * ever adds to a queue. As syslog(3) tells nobody whether there was anyone to listen, that is asked
 * first, by a connect. While there is none, messages wait; a queue that is full drops the newest.
 */
#include "relaudit/io/syslog.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "relaudit/io/thread.h"

#define IDENT	  "relauditd" /* a constant: openlog keeps the pointer */
#define QUEUE_MAX 1000
#define RESERVED  100 /* of it: for who does not ask whether there is room */
#define TEXT_MAX  2048
#define STACK	  ((size_t)256 << 10)
#define TRY_FIRST 250 /* ms until a lost socket is tried again; doubled each time */
#define TRY_MAX	  5000
#define PATH_LOG  "/dev/log"

struct message {
	struct message *next;
	uint64_t number;
	int priority;
	bool echoed;
	char text[];
};

struct ra_syslog {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t ended; /* the queue is empty, nobody listens, or the thread is through */
	pthread_t thread;
	struct message *head, **tail;
	struct ra_syslog_stats stats;
	uint64_t untold; /* dropped and not reported yet */
	uint64_t last; /* number given */
	void (*on_sent)(void *arg);
	void *on_sent_arg;
	bool stop, runs;
	bool echo;
	int facility;
	/* the thread's */
	int64_t try_after;
};

static int64_t
mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until)
{
	struct timespec ts = { .tv_sec = (time_t)(until / 1000),
		.tv_nsec = (long)(until % 1000) * 1000000 };

	pthread_cond_timedwait(cond, lock, &ts);
}

/* --- the thread --- */

static bool
try_connect(int type)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = PATH_LOG };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok;

	if (fd < 0)
		return false;
	/* A stream's backlog may be full: someone listens all the same. */
	ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 || errno == EAGAIN;
	close(fd);
	return ok;
}

static bool
listened_to(void)
{
	return try_connect(SOCK_DGRAM) || (errno == EPROTOTYPE && try_connect(SOCK_STREAM));
}

static void
echo(const char *text)
{
	char line[TEXT_MAX + 32];
	int n = snprintf(line, sizeof(line), "relauditd: %s\n", text);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

/* Whether there was anyone to send to. Under lock, which is left meanwhile. */
static bool
send_one(struct ra_syslog *s, int priority, const char *text)
{
	bool there;

	pthread_mutex_unlock(&s->lock);
	there = listened_to();
	if (there)
		syslog(priority, "%s", text);
	pthread_mutex_lock(&s->lock);
	s->stats.connected = there;
	if (there)
		s->stats.sent++;
	else
		pthread_cond_broadcast(&s->ended);
	return there;
}

static bool
report_drops(struct ra_syslog *s)
{
	uint64_t n = s->untold;
	char text[96];

	snprintf(text, sizeof(text), "dropped=%llu reason=\"more than syslog took\"",
	    (unsigned long long)n);
	if (!send_one(s, LOG_WARNING, text))
		return false;
	s->untold -= n;
	return true;
}

static void
drop_first(struct ra_syslog *s)
{
	struct message *m = s->head;

	s->head = m->next;
	if (s->head == NULL)
		s->tail = &s->head;
	s->stats.queued--;
	free(m);
}

/* The first stays in the queue until it is sent, so that it counts there. */
static bool
send_first(struct ra_syslog *s)
{
	struct message *m = s->head;

	if (s->echo && !m->echoed) {
		m->echoed = true;
		pthread_mutex_unlock(&s->lock);
		echo(m->text);
		pthread_mutex_lock(&s->lock);
	}
	if (!send_one(s, m->priority, m->text))
		return false;
	drop_first(s);
	if (s->head == NULL)
		pthread_cond_broadcast(&s->ended);
	if (s->on_sent != NULL)
		s->on_sent(s->on_sent_arg);
	return s->untold == 0 || report_drops(s);
}

/* Nobody listens: wait, longer each time. */
static void
wait_for_listener(struct ra_syslog *s)
{
	int64_t until = mono() + s->try_after;

	/* A descriptor of the one that went away is of no use to the one that comes. glibc forgets
	   the name with it. */
	closelog();
	openlog(IDENT, LOG_PID, s->facility);
	s->try_after = s->try_after * 2 < TRY_MAX ? s->try_after * 2 : TRY_MAX;
	while (!s->stop && mono() < until)
		wait_until(&s->wake, &s->lock, until);
}

static void *
run(void *arg)
{
	struct ra_syslog *s = arg;

	pthread_setname_np(pthread_self(), "relauditd-log");
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->head == NULL && s->untold == 0 && !s->stop)
			pthread_cond_wait(&s->wake, &s->lock);
		if (s->head == NULL && s->untold == 0)
			break;
		if (s->head != NULL ? send_first(s) : report_drops(s))
			s->try_after = TRY_FIRST;
		else if (s->stop)
			break;
		else
			wait_for_listener(s);
	}
	s->runs = false;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- everyone else --- */

static void
destroy(struct ra_syslog *s)
{
	while (s->head != NULL)
		drop_first(s);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
	closelog();
}

int
ra_syslog_new(int facility, bool echo_too, struct ra_syslog **ret, struct ra_error *err)
{
	struct ra_syslog *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int r;

	if (s == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_cond_init(&s->ended, &attr);
	pthread_condattr_destroy(&attr);
	s->tail = &s->head;
	s->echo = echo_too;
	s->try_after = TRY_FIRST;
	s->runs = true;
	s->facility = facility;
	openlog(IDENT, LOG_PID, facility);
	s->stats.connected = listened_to();
	r = ra_thread_start(&s->thread, STACK, run, s);
	if (r < 0) {
		destroy(s);
		return ra_error_set(err, r, "cannot start the syslog thread: %s", strerror(-r));
	}
	*ret = s;
	return 0;
}

uint64_t
ra_syslog_send(struct ra_syslog *s, int priority, const char *text)
{
	size_t len = strnlen(text, TEXT_MAX - 1);
	struct message *m = malloc(sizeof(*m) + len + 1);
	uint64_t number;

	if (m != NULL) {
		m->next = NULL;
		m->priority = priority;
		m->echoed = false;
		memcpy(m->text, text, len);
		m->text[len] = '\0';
	}
	pthread_mutex_lock(&s->lock);
	number = ++s->last;
	if (m != NULL && s->stats.queued < QUEUE_MAX) {
		m->number = number;
		*s->tail = m;
		s->tail = &m->next;
		s->stats.queued++;
		m = NULL;
	} else {
		s->stats.dropped++;
		s->untold++;
	}
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	free(m);
	return number;
}

bool
ra_syslog_has_room(const struct ra_syslog *syslog, size_t n)
{
	struct ra_syslog_stats stats;

	ra_syslog_stats(syslog, &stats);
	return stats.queued + n <= QUEUE_MAX - RESERVED;
}

uint64_t
ra_syslog_sent(const struct ra_syslog *syslog)
{
	struct ra_syslog *s = (struct ra_syslog *)(uintptr_t)syslog; /* for its lock */
	uint64_t sent;

	pthread_mutex_lock(&s->lock);
	sent = s->head != NULL ? s->head->number - 1 : s->last;
	pthread_mutex_unlock(&s->lock);
	return sent;
}

void
ra_syslog_on_sent(struct ra_syslog *s, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&s->lock);
	s->on_sent = fn;
	s->on_sent_arg = arg;
	pthread_mutex_unlock(&s->lock);
}

void
ra_syslog_drain(struct ra_syslog *s, int64_t wait_ms)
{
	int64_t until = mono() + wait_ms;

	pthread_mutex_lock(&s->lock);
	while (s->head != NULL && s->stats.connected && s->runs && mono() < until)
		wait_until(&s->ended, &s->lock, until);
	pthread_mutex_unlock(&s->lock);
}

void
ra_syslog_free(struct ra_syslog *s, int64_t wait_ms)
{
	int64_t until = mono() + wait_ms;
	bool ended;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	while (s->runs && mono() < until)
		wait_until(&s->ended, &s->lock, until);
	ended = !s->runs;
	pthread_mutex_unlock(&s->lock);
	if (!ended) {
		/* Stuck in syslog(3), with the queue in its hands: all of it stays. */
		pthread_detach(s->thread);
		return;
	}
	pthread_join(s->thread, NULL);
	destroy(s);
}

void
ra_syslog_stats(const struct ra_syslog *syslog, struct ra_syslog_stats *ret)
{
	struct ra_syslog *s = (struct ra_syslog *)(uintptr_t)syslog; /* for its lock */

	pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	pthread_mutex_unlock(&s->lock);
}
