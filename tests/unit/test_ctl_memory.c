/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relauditctl when it is refused memory, a process or a file, one request after the other: its
 * answer is whole, or it says that it is not and its exit code does too. The linker hands the
 * library's requests over (tests/unit/meson.build).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../daemon/ctl/program.h"
#include "ctl_rig.h"
#include "refuse.h"

/* --- requests --- */

REFUSE_MEMORY
REFUSE(CURL *, curl_easy_init, (void), (), NULL)
REFUSE(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text),
    (list, text), NULL)
REFUSE(int, pipe2, (int fds[2], int flags), (fds, flags), -1)
REFUSE(char *, mkdtemp, (char *template), (template), NULL)
REFUSE(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t
__wrap_fork(void)
{
	pid_t pid = refused() ? -1 : __real_fork();

	armed = armed && pid != 0;
	return pid;
}

/* --- running --- */

struct done {
	int code;
	char *out, *err;
};

static struct done
run_once(const char *line, int at)
{
	struct done d = { 0 };

	fail_at = at;
	arm();
	d.code = rig_run(line, &d.out, &d.err);
	disarm();
	return d;
}

static void
done_free(struct done *d)
{
	free(d->out);
	free(d->err);
}

static bool
is_same(const struct done *a, const struct done *b)
{
	return a->code == b->code && strcmp(a->out, b->out) == 0;
}

static void
run_all(const char *line)
{
	struct done whole = run_once(line, 0);
	bool more = true, nagios = strstr(line, "nagios") != NULL;
	/* The history of what is shown is not worth an error. */
	bool spares = strncmp(line, "show", 4) == 0;

	for (int at = 1; more; at++) {
		struct done d = run_once(line, at);

		more = requests >= at;
		if (!is_same(&d, &whole) &&
		    (d.code == 0 || (d.err[0] == '\0' && !(nagios && d.code == 3) && !spares)))
			fail_msg("%s, request %d: exit %d\n%s\n%s", line, at, d.code, d.out, d.err);
		if (strstr(line, "--color") == NULL && strstr(line, "completion") == NULL)
			rig_check_page(line, d.out);
		done_free(&d);
	}
	done_free(&whole);
}

static void
test_answers(void **state)
{
	static const struct {
		const char *line, *file;
	} rows[] = {
		{ "status", "status" },
		{ "status --color always", "hostile" },
		{ "status", "ok" },
		{ "status -o json", "ok" },
		{ "status -o csv", "ok" },
		{ "status -o nagios", "ok" },
		{ "show production", "environment" },
		{ "show production/backup-db -o csv", "status" },
		{ "run production", "ok" },
		{ "version", "versions" },
		{ "version -o csv", "versions" },
		{ "history", "events" },
		{ "history -o csv", "events" },
		{ "history -o json --limit 3 --since 2020-01-01", "events" },
		{ "drift staging production", "drift" },
		{ "drift staging production -o markdown", "drift" },
		{ "drift staging production -o diff", "drift" },
		{ "drift --suggest --check a --only B", "drift" },
		{ "reload", "reload" },
		{ "help", "ok" },
		{ "help drift", "ok" },
		{ "completion bash", "ok" },
		{ "completion zsh", "ok" },
		{ "--version", "ok" },
	};

	rig.history = rig_read("history");
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		rig_say(200, rig_read(rows[i].file));
		run_all(rows[i].line);
	}
	free(rig.history);
	rig.history = NULL;
}

/* --- other programs --- */

static void
make_program(char *path, size_t size, const char *name, const char *text)
{
	FILE *f;

	snprintf(path, size, "%s/%s", rig.folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	assert_int_equal(chmod(path, 0700), 0);
}

static void
test_programs(void **state)
{
	char daemon[64], ssh[64];

	make_program(daemon, sizeof(daemon), "relauditd", "cat >/dev/null; cat " DATA "try.json");
	make_program(ssh, sizeof(ssh), "ssh", "exit 1");
	setenv("RELAUDITD", daemon, 1);
	setenv("RELAUDIT_SSH", ssh, 1);
	setenv("XDG_RUNTIME_DIR", rig.folder, 1);
	run_all("try http http://x --version /v --required a --required b --required+ c");
	run_all("try http http://x --set a.b=1 --warn max-age=3h --timeout 30s -o json");
	run_all("--host ssh://me@audit1:22 --socket /x.sock status");
	(void)unlink(daemon);
	(void)unlink(ssh);
}

static void
test_a_program_that_does_not_end(void **state)
{
	static const char *const argv[] = { "/bin/sleep", "600", NULL };
	RA_BUF_LOCAL input = RA_BUF(0);
	RA_BUF_LOCAL output = RA_BUF(0);
	struct ra_error err = { 0 };
	int status = 0;

	assert_int_equal(ra_ctl_program_run(argv, &input, &output, 50, &status, &err), 69);
	assert_non_null(strstr(err.text, "/bin/sleep did not end within 50 ms"));
	assert_true(WIFSIGNALED(status));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_a_program_that_does_not_end),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
