/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relauditctl as it is called, and a daemon behind its socket that answers what a test hands it: on
 * a thread of its own, one connection after the other.
 */
#ifndef RA_TESTS_CTL_RIG_H
#define RA_TESTS_CTL_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "relaudit/base/escape.h"

#include "../../daemon/ctl/client.h"

#define DATA RA_SOURCE_ROOT "/tests/data/ctl/"

static struct {
	char folder[32], path[48];
	int fd;
	pthread_t thread;
	pthread_mutex_t lock; /* what follows; held while something is answered */
	/* What is answered; one answer for all paths but one that begins with `/v1/history`. */
	unsigned status;
	char *body, *history;
	size_t promised; /* of Content-Length; 0: the body's */
} rig;

static char *
rig_read(const char *name)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	char path[256], part[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), DATA "%s.json", name);
	f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		assert_int_equal(ra_buf_add(&text, part, n), 0);
	fclose(f);
	return ra_buf_take(&text);
}

/* True once `text` is a whole request. */
static bool
rig_is_whole(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
	size_t more = length != NULL ? strtoul(length + 16, NULL, 10) : 0;

	return end != NULL && strlen(end + 4) >= more;
}

static void
rig_answer(int fd)
{
	char request[65536] = "", head[256];
	const char *body;
	size_t len = 0;

	while (!rig_is_whole(request)) {
		ssize_t n = read(fd, request + len, sizeof(request) - len - 1);

		if (n <= 0)
			return;
		len += (size_t)n;
		request[len] = '\0';
	}
	body = strncmp(request, "GET /v1/history", 15) == 0 && rig.history != NULL ? rig.history
										    : rig.body;
	if (rig.status == 0)
		return;
	snprintf(head, sizeof(head),
	    "HTTP/1.1 %u X\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", rig.status,
	    rig.promised > 0 ? rig.promised : strlen(body));
	if (send(fd, head, strlen(head), MSG_NOSIGNAL) > 0)
		(void)!send(fd, body, strlen(body), MSG_NOSIGNAL);
}

static void *
rig_serve(void *arg)
{
	int fd;

	while ((fd = accept(rig.fd, NULL, NULL)) >= 0) {
		pthread_mutex_lock(&rig.lock);
		rig_answer(fd);
		close(fd);
		pthread_mutex_unlock(&rig.lock);
	}
	return NULL;
}

static int
rig_setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(rig.folder, sizeof(rig.folder), "/tmp/test_ctl.XXXXXX");
	if (mkdtemp(rig.folder) == NULL)
		return -1;
	snprintf(rig.path, sizeof(rig.path), "%s/s", rig.folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig.path);
	rig.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setenv("RELAUDIT_SOCKET", rig.path, 1);
	if (bind(rig.fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(rig.fd, 16) < 0)
		return -1;
	pthread_mutex_init(&rig.lock, NULL);
	return pthread_create(&rig.thread, NULL, rig_serve, NULL);
}

static int
rig_teardown(void **state)
{
	shutdown(rig.fd, SHUT_RDWR);
	pthread_join(rig.thread, NULL);
	close(rig.fd);
	free(rig.body);
	free(rig.history);
	(void)unlink(rig.path);
	return rmdir(rig.folder);
}

/* Takes the body. */
static void
rig_say(unsigned status, char *body)
{
	pthread_mutex_lock(&rig.lock);
	free(rig.body);
	rig.body = body;
	rig.status = status;
	rig.promised = 0;
	pthread_mutex_unlock(&rig.lock);
}

/* A line of words between blanks, as relauditctl. */
static int
rig_run(const char *line, char **ret_out, char **ret_err)
{
	char text[1024], *argv[48], *rest = text, *word;
	size_t out_len, err_len;
	FILE *o = open_memstream(ret_out, &out_len), *e = open_memstream(ret_err, &err_len);
	int argc = 0, code;

	snprintf(text, sizeof(text), "relauditctl %s", line);
	while ((word = strsep(&rest, " ")) != NULL)
		argv[argc++] = word;
	argv[argc] = NULL;
	code = ra_ctl_main(argc, argv, o, e);
	fclose(o);
	fclose(e);
	return code;
}

/* What reaches a terminal moves no cursor and hides nothing. */
static void
rig_check_page(const char *what, const char *page)
{
	size_t len = strlen(page), i = 0;

	while (i < len) {
		uint32_t c = 0;
		size_t n = ra_utf8_decode(page + i, len - i, &c);

		if (n == 0 || (!ra_char_printable(c) && c != '\n'))
			fail_msg("%s: byte %zu (%#x) of: %s", what, i, (unsigned)c, page);
		i += n;
	}
}

#endif
