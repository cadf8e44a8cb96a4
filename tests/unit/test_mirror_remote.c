/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories that are odd, gone, silent or closed to us, and mirrors that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "mirror_rig.h"

/* --- odd repositories --- */

static void
test_odd_tags(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
	struct got g = identify(r, "1.1.0", NULL), nested = identify(r, "1.2.0", NULL);

	expect(&nested, RA_R_OK);
	assert_string_equal(nested.tag_commit[0], g.tag_commit[0]);
	g = identify(r, "1,2", NULL);
	expect(&g, RA_R_OK);
	g = identify(r, "blob", NULL);
	expect(&g, RA_R_TAG_NO_COMMIT);
	g = identify(r, "tree", NULL);
	expect(&g, RA_R_TAG_NO_COMMIT);
	g = compare(r, "1.0.0", "tree");
	expect(&g, RA_R_TAG_NO_COMMIT);
	g = blob(r, "odd,\"'$name", "deploy/a.env", 100);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
}

static void
test_empty(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	GIT(scratch, "init", "--quiet", "--bare", "empty.git");
	r = repository(file_url("empty.git"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_EMPTY);
	assert_true(g.a.fetched != 0);
	ra_mirror_unref(r);
}

static void
test_shallow(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	GIT(scratch, "clone", "--quiet", "--bare", "--depth=1", file_url("small.git"),
	    "shallow.git");
	r = repository(file_url("shallow.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_SHALLOW);
	ra_mirror_unref(r);
}

/* As small, and a file that does not get smaller by being packed. */
static void
make_large(const char *name)
{
	static const char head[] = "commit refs/heads/main\n"
				   "committer a <a@example.com> 1700000000 +0000\ndata 1\nx\n"
				   "M 644 inline large\ndata 300000\n";
	static uint8_t noise[300000];
	FILE *f;

	make_small(name);
	assert_int_equal(ra_random(noise, sizeof(noise)), 0);
	f = fopen(stream_path(), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(head, 1, sizeof(head) - 1, f), sizeof(head) - 1);
	assert_int_equal(fwrite(noise, 1, sizeof(noise), f), sizeof(noise));
	assert_int_equal(fclose(f), 0);
	git_in(file("%s", name), stream_path(),
	    (const char *const[]){ "fast-import", "--quiet", "--force", NULL });
}

static void
test_too_large(void **state)
{
	struct ra_mirror_repo *r;
	struct ra_mirror_status status;
	struct got g;

	rig.setup.max_size = 100000;
	reopen();
	make_small("growing.git");
	r = repository(file_url("growing.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	/* What is there stays good. */
	remove_all(file("growing.git"));
	make_large("growing.git");
	leap = 6 * RA_MINUTE;
	g = identify(r, "1.1.0", NULL);
	turn_until(is_idle, r);
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	assert_int_equal(g.a.remote, RA_R_REPO_TOO_LARGE);
	ra_mirror_unref(r);

	/* One that never fitted answers nothing, and is not fetched again and again. */
	assert_int_equal(rename(file("growing.git"), file("large.git")), 0);
	r = repository(file_url("large.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_TOO_LARGE);
	ra_mirror_status(r, &status);
	assert_int_equal(status.tags, 0);
	leap += 20 * RA_MINUTE;
	g = identify(r, "1.1.0", NULL);
	assert_int_equal(fetches(), 3);
	ra_mirror_unref(r);

	/* Nor one whose packs together are too much, though each is not. */
	rig.setup.max_size = 301000;
	leap = 0;
	reopen();
	r = repository(file_url("large.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	turn_until(is_idle, r);
	ra_mirror_status(r, &status);
	assert_int_equal(status.remote, RA_R_REPO_TOO_LARGE);
	assert_int_equal(status.tags, 0);
	ra_mirror_unref(r);
	remove_all(file("large.git"));
}

static void
test_not_there(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("nowhere.git"), "v{version}");
	struct got g = identify(r, "1.0.0", NULL);

	expect(&g, RA_R_REPO_NOT_FOUND);
	assert_int_equal(g.a.fetched, 0);
	/* Not asked again before its time. */
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	assert_int_equal(fetches(), 1);
	leap = 31 * RA_SECOND;
	g = identify(r, "1.0.0", NULL);
	assert_int_equal(fetches(), 2);
	leap += 31 * RA_SECOND; /* the second time it takes longer */
	g = identify(r, "1.0.0", NULL);
	assert_int_equal(fetches(), 2);
	/* And it heals. */
	make_small("nowhere.git");
	leap += RA_MINUTE;
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
	remove_all(file("nowhere.git"));
}

static void
test_not_a_repository(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	(void)mkdir(file("plain"), 0700);
	r = repository(file("plain"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	ra_mirror_unref(r);
}

/* Out of reach it answers from what it has, says how old that is, and stops when it is too old. */
static void
test_vanished(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;
	char path[512];

	make_small("going.git");
	r = repository(file_url("going.git"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	assert_int_equal(rename(file("going.git"), file("gone.git")), 0);
	leap = 10 * RA_MINUTE;
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_OK);
	assert_true(g.a.age >= 10 * RA_MINUTE);
	assert_int_equal(g.a.remote, RA_R_REPO_NOT_FOUND);
	assert_true(g.remote_error[0] != '\0');
	/* It may have been pushed meanwhile: nobody knows. */
	g = identify(r, "4.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	leap = 61 * RA_MINUTE;
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	assert_non_null(strstr(g.error, "ago"));
	/* When it was fetched is not known any more. */
	turn_until(is_idle, r);
	(void)snprintf(path, sizeof(path), "%s/relaudit", mirror_folder());
	assert_int_equal(unlink(path), 0);
	reopen();
	r = repository(file_url("going.git"), "v{version}");
	g = identify(r, "1.0.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	assert_non_null(strstr(g.error, "never fetched"));
	assert_int_equal(g.a.fetched, 0);
	ra_mirror_unref(r);
	remove_all(file("gone.git"));
}

/* --- a mirror that is damaged is made anew --- */

static int
cut_pack(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path);

	if (type == FTW_F && len > 5 && strcmp(path + len - 5, ".pack") == 0) {
		(void)chmod(path, 0600);
		return truncate(path, 40);
	}
	return 0;
}

static void
test_damaged(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
	struct got g = identify(r, "1.0.0", NULL);
	char path[512], commit[RA_COMMIT_TEXT];

	/* Before a start: there is nothing in it. */
	(void)snprintf(commit, sizeof(commit), "%s", g.tag_commit[0]);
	turn_until(is_idle, r);
	(void)snprintf(path, sizeof(path), "%s/HEAD", mirror_folder());
	assert_int_equal(unlink(path), 0);
	reopen();
	r = repository(file_url("small.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	assert_int_equal(fetches(), 1);

	/* At work: the objects are gone, the refs are known. */
	turn_until(is_idle, r);
	assert_int_equal(nftw(mirror_folder(), cut_pack, 16, FTW_PHYS), 0);
	g = identify(r, "1.1.0", commit);
	expect(&g, RA_R_OK);
	assert_int_equal(g.a.relation, RA_RELATION_BEHIND);
	assert_int_equal(g.a.behind, 1);
	assert_int_equal(fetches(), 2);

	/* Once more: it is not made anew again and again. */
	turn_until(is_idle, r);
	assert_int_equal(nftw(mirror_folder(), cut_pack, 16, FTW_PHYS), 0);
	g = blob(r, "main", "deploy/a.env", 100);
	expect(&g, RA_R_GIT_FAILED);
	leap = 16 * RA_MINUTE;
	g = blob(r, "main", "deploy/a.env", 100);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
}

/* It is theirs that is damaged: ours stays. */
static void
test_source_damaged(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	make_small("broken.git");
	r = repository(file_url("broken.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	remove_all(file("broken.git"));
	make_large("broken.git");
	GIT(file("broken.git"), "repack", "-a", "-d", "-q");
	assert_int_equal(nftw(file("broken.git"), cut_pack, 16, FTW_PHYS), 0);
	leap = 6 * RA_MINUTE;
	g = identify(r, "1.1.0", NULL);
	turn_until(is_idle, r);
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	assert_true(g.a.remote != RA_R_OK);
	assert_true(g.a.age >= 6 * RA_MINUTE);
	ra_mirror_unref(r);
	remove_all(file("broken.git"));
}

static bool
is_empty(void *arg)
{
	DIR *d = opendir(file("state/mirrors"));
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n == 0;
}

/* What no configuration names any more goes from the disk. */
static void
test_sweep(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
	struct got g = identify(r, "1.0.0", NULL);

	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	ra_mirror_sweep(rig.mirror);
	assert_false(is_empty(NULL));
	ra_mirror_unref(r);
	ra_mirror_sweep(rig.mirror);
	turn_until(is_empty, NULL);
}

/* A lock and a half-written pack, as a fetch leaves them that was killed. */
static void
test_left_behind(void **state)
{
	struct ra_mirror_repo *r;
	char path[512];
	struct got g;

	make_small("locked.git");
	r = repository(file_url("locked.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	(void)snprintf(path, sizeof(path), "%s/refs/tags/v2.0.0.lock", mirror_folder());
	write_file(path, "", 0);
	GIT(file("locked.git"), "tag", "v2.0.0", "main");
	leap = RA_MINUTE;
	g = identify(r, "2.0.0", NULL);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
	remove_all(file("locked.git"));
}

/* --- servers: a thread that answers HTTP as it is told --- */

static struct {
	int fd, port;
	pthread_t thread;
	enum { SILENT, FILES, PAGE, LINE, EMPTY, FORBIDDEN, REDIRECT } mode;
	char seen[4096]; /* of the last request */
	unsigned requests, authorized, leaks;
} web;

static void
send_text(int fd, const char *status, const char *more, const void *body, size_t len)
{
	char head[512];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status, len, more);

	(void)!send(fd, head, (size_t)n, MSG_NOSIGNAL);
	(void)!send(fd, body, len, MSG_NOSIGNAL);
}

/* Whether the secret stands where everybody can read it, while git is at work. */
static unsigned
count_leaks(void)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(d)) != NULL) {
		char path[300], text[8192];
		int fd;
		ssize_t len;

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		len = read(fd, text, sizeof(text));
		close(fd);
		n += len > 0 && memmem(text, (size_t)len, "s3cr", 4) != NULL;
	}
	closedir(d);
	return n;
}

/* The repository small.git, to whoever is user:s3cr%t (dXNlcjpzM2NyJXQ=). */
static void
serve_file(int fd, const char *request)
{
	char path[512], *end;
	FILE *f;
	static char body[1 << 20];
	size_t len;

	if (strstr(request, "Authorization: Basic dXNlcjpzM2NyJXQ=") == NULL) {
		send_text(
		    fd, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "no", 2);
		return;
	}
	web.authorized++;
	web.leaks += count_leaks();
	(void)snprintf(path, sizeof(path), "%s%.400s", scratch, request + strlen("GET "));
	end = strpbrk(path, " ?");
	if (end != NULL)
		*end = '\0';
	f = fopen(path, "re");
	if (f == NULL) {
		send_text(fd, "404 Not Found", "", "no", 2);
		return;
	}
	len = fread(body, 1, sizeof(body), f);
	fclose(f);
	send_text(fd, "200 OK", "Content-Type: text/plain\r\n", body, len);
}

static void
serve(int fd)
{
	char more[200];
	ssize_t n = recv(fd, web.seen, sizeof(web.seen) - 1, 0);

	web.seen[n > 0 ? n : 0] = '\0';
	web.requests++;
	switch (web.mode) {
	case FILES:
		serve_file(fd, web.seen);
		break;
	case PAGE:
		send_text(fd, "200 OK", "Content-Type: text/html\r\n", "<html>\n<body>\n", 14);
		break;
	case LINE:
		send_text(fd, "200 OK", "Content-Type: text/html\r\n", "<html>hello</html>", 18);
		break;
	case EMPTY:
		send_text(fd, "200 OK",
		    "Content-Type: application/x-git-upload-pack-advertisement\r\n",
		    "001e# service=git-upload-pack\n00000000", 38);
		break;
	case FORBIDDEN:
		send_text(fd, "403 Forbidden", "", "s3cr%t", 6);
		break;
	case REDIRECT:
		(void)snprintf(more, sizeof(more),
		    "Location: http://localhost:%d/small.git/info/refs?service=git-upload-pack\r\n",
		    web.port);
		if (strstr(web.seen, "Host: localhost") != NULL)
			serve_file(fd, web.seen);
		else
			send_text(fd, "302 Found", more, "", 0);
		break;
	case SILENT:
		(void)!recv(fd, web.seen, 1, 0); /* until it hangs up */
	}
}

static void *
serve_all(void *arg)
{
	int fd;

	while ((fd = accept(web.fd, NULL, NULL)) >= 0) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

static int
listen_any(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void
start_web(int mode)
{
	memset(&web, 0, sizeof(web));
	web.mode = (__typeof__(web.mode))mode;
	web.fd = listen_any(&web.port);
	assert_int_equal(pthread_create(&web.thread, NULL, serve_all, NULL), 0);
}

static void
stop_web(void)
{
	shutdown(web.fd, SHUT_RDWR);
	pthread_join(web.thread, NULL);
	close(web.fd);
}

static const char *
web_url(const char *credentials)
{
	(void)snprintf(
	    url_text, sizeof(url_text), "http://%s127.0.0.1:%d/small.git", credentials, web.port);
	return url_text;
}

static int
has_secret(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static char text[1 << 20];
	FILE *f = type == FTW_F ? fopen(path, "re") : NULL;
	size_t len;

	if (f == NULL)
		return 0;
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	return memmem(text, len, "s3cr", 4) != NULL;
}

static void
test_http(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	start_web(FILES);
	r = repository(web_url("user:s3cr%25t@"), "v{version}");
	assert_null(strstr(ra_mirror_url(r), "s3cr"));
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_OK);
	assert_true(web.authorized > 0);
	assert_int_equal(web.leaks, 0);
	turn_until(is_idle, r);
	assert_int_equal(nftw(file("state"), has_secret, 16, FTW_PHYS), 0);
	ra_mirror_unref(r);
}

static void
test_http_auth(void **state)
{
	static const char *const credentials[] = { "", "user:wrong-s3cr@", "wrong-s3cr@" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(credentials); i++) {
		struct ra_mirror_repo *r;
		struct got g;

		start_web(FILES);
		r = repository(web_url(credentials[i]), "v{version}");
		g = identify(r, "1.1.0", NULL);
		stop_web();
		expect(&g, RA_R_REPO_AUTH);
		assert_null(strstr(g.error, "wrong-s3cr"));
		ra_mirror_unref(r);
	}
	start_web(FORBIDDEN);
	{
		struct ra_mirror_repo *r = repository(web_url("user:s3cr%25t@"), "v{version}");
		struct got g = identify(r, "1.1.0", NULL);

		stop_web();
		expect(&g, RA_R_REPO_AUTH);
		assert_null(strstr(g.error, "s3cr%t"));
		/* however long the URL is that git tells as well */
		assert_string_equal(g.error, "The requested URL returned error: 403");
		ra_mirror_unref(r);
	}
}

/* Credentials are for the host that they were given for. */
static void
test_http_redirect(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	start_web(REDIRECT);
	r = repository(web_url("user:s3cr%25t@"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_REPO_AUTH);
	assert_int_equal(web.authorized, 0);
	ra_mirror_unref(r);
}

static void
test_http_page(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	start_web(PAGE);
	r = repository(web_url(""), "v{version}");
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_REPO_INVALID);
	ra_mirror_unref(r);
	/* Without a line end git itself takes it for an empty repository. */
	start_web(LINE);
	r = repository(web_url(""), "v{version}");
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_REPO_INVALID);
	assert_non_null(strstr(g.error, "no git repository"));
	ra_mirror_unref(r);
	start_web(EMPTY);
	r = repository(web_url(""), "v{version}");
	g = identify(r, "1.1.0", NULL);
	stop_web();
	expect(&g, RA_R_REPO_EMPTY);
	ra_mirror_unref(r);
}

/* It hangs: who cannot wait is told so, then the fetch's own deadline ends it. */
static void
test_silent(void **state)
{
	struct ra_mirror_repo *r;
	struct got soon, late;

	rig.setup.clone_timeout = 700;
	reopen();
	start_web(SILENT);
	r = repository(web_url(""), "v{version}");
	(void)start_ask(r,
	    (struct ra_mirror_question){
		.side = { { .version = "1.1.0" } }, .deadline = mono(NULL) + 100 },
	    &soon);
	(void)start_ask(
	    r, (struct ra_mirror_question){ .side = { { .version = "1.1.0" } } }, &late);
	turn_until(is_answered, &soon);
	expect(&soon, RA_R_REPO_PENDING);
	assert_int_equal(late.answers, 0);
	turn_until(is_answered, &late);
	expect(&late, RA_R_REPO_TIMEOUT);
	stop_web();
	ra_mirror_unref(r);
}

/* --- what is missing for good --- */

static struct got
ask_in_a_hurry(struct ra_mirror_repo *r, int64_t settled)
{
	return ask(r, (struct ra_mirror_question){ .want = RA_MIRROR_IDENTIFY,
			  .side = { { .version = "7.7.7" } },
			  .settled = settled,
			  .deadline = mono(NULL) + 100 });
}

static bool
has_fetched_twice(void *arg)
{
	return fetches() == 2 && is_idle(arg);
}

/* One look after it was first asked for settles it, however little time there is for another. */
static void
test_settled(void **state)
{
	struct ra_mirror_repo *r = repository(file_url("small.git"), "v{version}");
	struct got g = identify(r, "1.1.0", NULL);
	int64_t first = mono(NULL);

	expect(&g, RA_R_OK);
	turn_until(is_idle, r);
	g = ask_in_a_hurry(r, first);
	expect(&g, RA_R_REPO_LATE);
	assert_non_null(strstr(g.error, "no tag v7.7.7 as of "));
	assert_non_null(strstr(g.error, "looked for again in "));
	assert_int_equal(fetches(), 1);
	/* The look comes although nobody waits for it. */
	leap += 11 * RA_SECOND;
	(void)identify(r, "1.1.0", NULL); /* so that it looks at the clock */
	turn_until(has_fetched_twice, r);
	for (int i = 0; i < 3; i++) {
		g = ask_in_a_hurry(r, first);
		expect(&g, RA_R_TAG_MISSING);
		assert_string_equal(g.error, "the repository has no tag v7.7.7");
	}
	g = ask_in_a_hurry(r, mono(NULL)); /* another version */
	expect(&g, RA_R_REPO_LATE);
	g = ask_in_a_hurry(r, -1);
	expect(&g, RA_R_TAG_MISSING);
	assert_int_equal(fetches(), 2);
	ra_mirror_unref(r);
}

/* While a fetch hangs, the mirror as it is has the answer. */
static void
test_settled_and_silent(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;
	int64_t first;

	make_small("slow.git");
	r = repository(file_url("slow.git"), "v{version}");
	first = mono(NULL);
	g = identify(r, "7.7.7", NULL);
	expect(&g, RA_R_TAG_MISSING);
	turn_until(is_idle, r);
	assert_int_equal(unlink(file("slow.git/HEAD")), 0);
	assert_int_equal(mkfifo(file("slow.git/HEAD"), 0600), 0); /* its reader waits */
	leap += 11 * RA_SECOND;
	g = ask_in_a_hurry(r, first);
	expect(&g, RA_R_TAG_MISSING);
	g = ask_in_a_hurry(r, mono(NULL));
	expect(&g, RA_R_REPO_LATE);
	assert_non_null(strstr(g.error, "it is being looked for"));
	assert_false(is_idle(r));
	/* As after a night: the mirror is too old to answer anything. */
	leap += 2 * RA_HOUR;
	reopen();
	r = repository(file_url("slow.git"), "v{version}");
	g = ask_in_a_hurry(r, first);
	expect(&g, RA_R_REPO_LATE);
	assert_non_null(strstr(g.error, "last fetched 2 h ago, and still being fetched"));
	ra_mirror_unref(r);
	remove_all(file("slow.git"));
}

static void
test_no_server(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:%d/x.git", "ssh://127.0.0.1:%d/x.git",
		"git://127.0.0.1:%d/x.git" };
	struct ra_mirror_repo *r;
	struct got g;
	char url[100];
	int port, fd = listen_any(&port);

	close(fd);
	for (size_t i = 0; i < RA_ARRAY_SIZE(urls); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(url, sizeof(url), urls[i], port);
#pragma GCC diagnostic pop
		r = repository(url, "v{version}");
		g = identify(r, "1.1.0", NULL);
		expect(&g, RA_R_REPO_REFUSED);
		ra_mirror_unref(r);
	}
	r = repository("http://nowhere.invalid/x.git", "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_DNS);
	ra_mirror_unref(r);
}

static void
on_daemon(void *arg, struct ra_child_answer *answer)
{
	fail_msg("git daemon ended: %s", answer->errors);
}

static bool
is_listening(void *arg)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t) * (int *)arg) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return is;
}

static void
test_git_daemon(void **state)
{
	char port_arg[32], base_arg[96], url[100];
	int port, fd = listen_any(&port);
	const char *const argv[] = { "/usr/lib/git-core/git-daemon", "--listen=127.0.0.1", port_arg,
		base_arg, "--export-all", "--reuseaddr", scratch, NULL };
	const char *const environment[] = { "PATH=/usr/bin:/bin", "HOME=/nonexistent", NULL };
	const char *const allow[] = { "/usr/lib/git-core", NULL };
	struct ra_child_request request = { .argv = argv,
		.environment = environment,
		.allow = allow,
		.max_output = 1000,
		.deadline = INT64_MAX };
	struct ra_helper_job *job = NULL;
	struct ra_mirror_repo *r;
	struct got g;

	close(fd);
	(void)snprintf(port_arg, sizeof(port_arg), "--port=%d", port);
	(void)snprintf(base_arg, sizeof(base_arg), "--base-path=%s", scratch);
	assert_int_equal(ra_helper_run(rig.io.helper, &request, on_daemon, NULL, &job), 0);
	turn_until(is_listening, &port);
	(void)snprintf(url, sizeof(url), "git://127.0.0.1:%d/small.git", port);
	r = repository(url, "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_OK);
	ra_mirror_unref(r);
	(void)snprintf(url, sizeof(url), "git://127.0.0.1:%d/none.git", port);
	r = repository(url, "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_REPO_NOT_FOUND);
	ra_mirror_unref(r);
	ra_helper_cancel(job);
}

static void
test_no_git(void **state)
{
	struct ra_mirror_repo *r;
	struct got g;

	rig.setup.git = "/usr/bin/no-such-git";
	reopen();
	r = repository(file_url("small.git"), "v{version}");
	g = identify(r, "1.1.0", NULL);
	expect(&g, RA_R_GIT_MISSING);
	ra_mirror_unref(r);
}

/* --- URLs --- */

static void
test_urls(void **state)
{
	static const char *const good[][2] = {
		{ "https://git.example.com/shop.git", "https://git.example.com/shop.git" },
		{ "https://u:p%40ss@git.example.com:8443/shop.git",
		    "https://git.example.com:8443/shop.git" },
		{ "https://token@git.example.com/a@b.git", "https://git.example.com/a@b.git" },
		{ "ssh://git@git.example.com:22/shop.git",
		    "ssh://git@git.example.com:22/shop.git" },
		{ "git@git.example.com:shop.git", "git@git.example.com:shop.git" },
		{ "/srv/git/shop.git", "/srv/git/shop.git" },
		{ "file:///srv/git/shop.git", "file:///srv/git/shop.git" },
		{ "http://[::1]:80/x.git", "http://[::1]:80/x.git" },
	};
	static const char *const bad[] = { "", "-x", "--upload-pack=s3cret", "ext::sh -c s3cret",
		"ext::s3cret", "fd::17", "ftp://h/s3cret", "shop.git", "../shop.git",
		"file://host/x", "https:///x", "ssh://-oProxyCommand=s3cret/x",
		"ssh://u:s3cret@h/x", "git://u:s3cret@h/x", "https://u:s3cret%0a@h/x", "git@-h:x",
		"https://h/x y", "https://h/x\n", "ssh://-u@h/x", "HTTPS://h/x" };
	struct ra_mirror_repo *r;
	struct ra_error err;

	for (size_t i = 0; i < RA_ARRAY_SIZE(good); i++) {
		r = repository(good[i][0], "v{version}");
		assert_string_equal(ra_mirror_url(r), good[i][1]);
		ra_mirror_unref(r);
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(bad); i++) {
		if (ra_mirror_repo(rig.mirror, bad[i], "v{version}", &r, &err) == 0)
			fail_msg("'%s' should be refused", bad[i]);
		assert_null(strstr(err.text, "s3cret"));
	}
	rig.setup.protocols = "https:ssh";
	reopen();
	assert_int_equal(ra_mirror_repo(rig.mirror, "/srv/x", "v{version}", &r, &err), -EINVAL);
	assert_int_equal(ra_mirror_repo(rig.mirror, "https://h/x", "v", &r, &err), -EINVAL);
}

static int
make_all(void **state)
{
	if (make_scratch() < 0)
		return -1;
	make_small("small.git");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_odd_tags),
		TEST(test_empty),
		TEST(test_shallow),
		TEST(test_too_large),
		TEST(test_not_there),
		TEST(test_not_a_repository),
		TEST(test_vanished),
		TEST(test_damaged),
		TEST(test_source_damaged),
		TEST(test_sweep),
		TEST(test_left_behind),
		TEST(test_http),
		TEST(test_http_auth),
		TEST(test_http_redirect),
		TEST(test_http_page),
		TEST(test_silent),
		TEST(test_settled),
		TEST(test_settled_and_silent),
		TEST(test_no_server),
		TEST(test_git_daemon),
		TEST(test_no_git),
		TEST(test_urls),
	};

	return cmocka_run_group_tests(tests, make_all, remove_scratch);
}
