/* SPDX-License-Identifier: Apache-2.0 */
/* The API's socket: whose it is, what was there before, what is said where it cannot be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../daemon/api/socket.h"

#define NOBODY 65534

static char folder[32];

static int
setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/test_api.XXXXXX");
	return mkdtemp(folder) != NULL && chmod(folder, 0755) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static int
listen_at(const char *path, const char *group, int *ret_fd, struct ra_error *err)
{
	gid_t gid;
	int file = -1, r = ra_api_find_group(group, &gid, err);

	if (r == 0)
		r = ra_api_listen(path, gid, ret_fd, &file, err);
	if (r == 0) {
		assert_true(ra_api_is_at(path, file));
		assert_int_equal(close(file), 0);
	}
	return r;
}

/* Listens, or says why not: in `wanted`, which NULL is for good. */
static void
listens(const char *path, const char *group, const char *wanted, int error)
{
	struct ra_error err = { 0 };
	int fd = -1, r = listen_at(path, group, &fd, &err);

	if (wanted == NULL) {
		struct stat st;

		if (r != 0)
			fail_msg("%s: %s", path, err.text);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0660);
		assert_int_equal(close(fd), 0);
		return;
	}
	assert_int_equal(fd, -1);
	if (r != -error || strstr(err.text, wanted) == NULL)
		fail_msg("%s: %d '%s'", path, r, err.text);
}

static void
test_what_was_there(void **state)
{
	struct ra_error err = { 0 };
	int fd, file = open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(file >= 0);
	close(file);
	listens("sock", NULL, NULL, 0);
	listens("sock", NULL, NULL, 0); /* a stale one is replaced */
	assert_int_equal(listen_at("sock", NULL, &fd, &err), 0);
	listens("sock", NULL, "another daemon listens there", EADDRINUSE);
	close(fd);
	listens("file", NULL, "is there and is no socket; remove it", EEXIST);
	listens("/dev", NULL, "is there and is no socket; remove it", EEXIST);
	listens("file/sock", NULL, "file/sock: Not a directory", ENOTDIR);
	listens("no/such/folder", NULL, "cannot make no/such", ENOENT);
	listens("new/sock", NULL, NULL, 0);
	unlink("new/sock");
	rmdir("new");
	unlink("file");
	unlink("sock");
}

static void
test_what_cannot_be(void **state)
{
	char path[200];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	listens(path, NULL, "socket path of 199 bytes: 107 are possible", ENAMETOOLONG);
	listens("sock", "no-such-group-here", "no group 'no-such-group-here' here", ENOENT);
	listens("/proc/sock", NULL, "cannot bind /proc/sock", ENOENT);
}

/* A process without a descriptor to spare. */
static void
test_no_descriptor(void **state)
{
	struct rlimit was, none;
	int fd = dup(0);

	assert_true(fd >= 0);
	close(fd);
	listens("sock", NULL, NULL, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	listens("sock", NULL, "socket: Too many open files", EMFILE);
	unlink("sock");
	listens("sock", NULL, "socket: Too many open files", EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

/* Somebody who is not root gives a file to no other's group and takes nothing away. */
static void
test_groups(void **state)
{
	static const struct ra_error none;
	const struct group *g = getgrnam("games");
	struct ra_error err = none;
	struct stat st;
	int fd;

	if (geteuid() != 0 || g == NULL)
		skip();
	assert_int_equal(listen_at("made/sock", "games", &fd, &err), 0);
	close(fd);
	assert_int_equal(lstat("made/sock", &st), 0);
	assert_int_equal(st.st_gid, g->gr_gid);
	assert_int_equal(lstat("made", &st), 0);
	assert_int_equal(st.st_gid, g->gr_gid);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(chmod("made/sock", 0777) | chmod("made", 0755), 0);
	assert_int_equal(mkdir("own", 0755) | chown("own", NOBODY, NOBODY), 0);
	assert_int_equal(setegid(NOBODY) | seteuid(NOBODY), 0);
	listens("made/sock", NULL, "cannot remove the stale made/sock", EACCES);
	listens("own/sock", "games", "cannot give own/sock to the group", EPERM);
	unlink("own/sock");
	listens("own/new/sock", "games", "cannot give own/new to the group", EPERM);
	rmdir("own/new");
	listens("own/sock", "nogroup", NULL, 0);
	assert_int_equal(seteuid(0) | setegid(0), 0);
	unlink("own/sock");
	rmdir("own");
	unlink("made/sock");
	rmdir("made");
}

/* A socket on a name of the kernel's choice; listening or not. */
static int
make_socket(int domain, int type, bool listens)
{
	struct sockaddr_storage any = { .ss_family = (sa_family_t)domain };
	socklen_t len = domain == AF_UNIX ? sizeof(sa_family_t) : sizeof(struct sockaddr_in);
	int fd = socket(domain, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, len), 0);
	assert_int_equal(listens ? listen(fd, 1) : 0, 0);
	return fd;
}

/* What is no Unix stream that listens would never be heard, or could not tell who asks. */
static void
test_inherited_other(void **state)
{
	const int others[] = { make_socket(AF_UNIX, SOCK_STREAM, false),
		make_socket(AF_UNIX, SOCK_DGRAM, false), make_socket(AF_INET, SOCK_STREAM, true) };
	int kept = fcntl(3, F_DUPFD_CLOEXEC, 10), fd;
	char self[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	for (size_t i = 0; i < RA_ARRAY_SIZE(others); i++) {
		struct ra_error err = { 0 };

		assert_int_equal(dup2(others[i], 3), 3);
		setenv("LISTEN_PID", self, 1);
		setenv("LISTEN_FDS", "1", 1);
		assert_int_equal(ra_api_listen_inherited(&fd, &err), -EINVAL);
		assert_int_equal(fd, -1);
		assert_non_null(strstr(err.text, "ListenStream="));
		if (others[i] != 3)
			close(others[i]);
	}
	close(3);
	if (kept >= 0) {
		assert_int_equal(dup2(kept, 3), 3);
		close(kept);
	}
}

/* Of a service manager: only what is meant for this process, and the variables are gone then. */
static void
test_inherited(void **state)
{
	char self[16];
	const struct {
		const char *pid, *fds;
		bool open;
		int fd;
	} rows[] = { { NULL, "1", true, -1 }, { self, NULL, true, -1 }, { "1", "1", true, -1 },
		{ self, "0", true, -1 }, { self, "1", false, -1 }, { self, "1", true, 3 },
		{ self, "2", true, 3 } };
	int kept = fcntl(3, F_DUPFD_CLOEXEC, 10), own, fd;
	struct ra_error err = { 0 };

	own = fcntl(make_socket(AF_UNIX, SOCK_STREAM, true), F_DUPFD_CLOEXEC, 10);
	assert_true(own >= 10);
	snprintf(self, sizeof(self), "%d", (int)getpid());
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		close(3);
		if (rows[i].open)
			assert_int_equal(dup2(own, 3), 3);
		unsetenv("LISTEN_PID");
		unsetenv("LISTEN_FDS");
		if (rows[i].pid != NULL)
			setenv("LISTEN_PID", rows[i].pid, 1);
		if (rows[i].fds != NULL)
			setenv("LISTEN_FDS", rows[i].fds, 1);
		assert_int_equal(ra_api_listen_inherited(&fd, &err), 0);
		assert_int_equal(fd, rows[i].fd);
		assert_null(getenv("LISTEN_PID"));
		assert_null(getenv("LISTEN_FDS"));
		if (rows[i].fd == 3)
			assert_true((fcntl(3, F_GETFD) & FD_CLOEXEC) != 0);
	}
	close(3);
	close(own);
	if (kept >= 0) {
		assert_int_equal(dup2(kept, 3), 3);
		close(kept);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_there),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_inherited_other),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
