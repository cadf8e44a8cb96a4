/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the servers of tests/system/servers for a unit test; they end with it. */
#ifndef RELAUDIT_TESTS_UNIT_SERVERS_H
#define RELAUDIT_TESTS_UNIT_SERVERS_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relaudit/base/macro.h"

#define SERVERS_ARGS	16

struct server {
	pid_t pid;
	int hold;	/* the server ends when this closes */
	int port;
};

static char servers_scratch[64];

/* A folder of this run's own, with what certificates.sh makes in it once asked for. */
static RA_UNUSED const char *
servers_folder(void)
{
	if (servers_scratch[0] == '\0') {
		(void)snprintf(servers_scratch, sizeof(servers_scratch), "/tmp/relaudit-XXXXXX");
		if (mkdtemp(servers_scratch) == NULL)
			abort();
	}
	return servers_scratch;
}

static RA_UNUSED const char *
servers_file(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", servers_folder(), name);
	return path;
}

static void
servers_script(const char *name, char out[512])
{
	(void)snprintf(out, 512, "%s/tests/system/servers/%s", RA_SOURCE_ROOT, name);
}

/* False: there is no such script to run from here. */
static RA_UNUSED bool
servers_present(void)
{
	char path[512];

	servers_script("http_server.py", path);
	return access(path, X_OK) == 0 && access("/usr/bin/python3", X_OK) == 0;
}

/* Runs the program to its end; its exit code. */
static RA_UNUSED int
servers_run(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static RA_UNUSED void
servers_certificates(void)
{
	char script[512];
	const char *argv[] = { script, servers_folder(), NULL };

	if (access(servers_file("self-signed.pem"), R_OK) == 0)
		return;
	servers_script("certificates.sh", script);
	if (servers_run(argv) != 0)
		abort();
}

static int
read_port(int fd)
{
	char line[64];
	size_t len = 0;
	int port;

	while (len < sizeof(line) - 1 && read(fd, line + len, 1) == 1 && line[len] != '\n')
		len++;
	line[len] = '\0';
	if (sscanf(line, "PORT %d", &port) != 1)
		abort();
	return port;
}

/* args: NULL-ended, without the script. */
static RA_UNUSED void
server_start(struct server *s, const char *name, const char *const *args)
{
	char script[512];
	const char *argv[SERVERS_ARGS + 2] = { script };
	int in[2], out[2];
	size_t i;

	servers_script(name, script);
	for (i = 0; i < SERVERS_ARGS && args[i] != NULL; i++)
		argv[i + 1] = args[i];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		abort();
	s->pid = fork();
	if (s->pid < 0)
		abort();
	if (s->pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)execv(script, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	s->hold = in[1];
	s->port = read_port(out[0]);
	(void)close(out[0]);
}

static RA_UNUSED void
server_stop(struct server *s)
{
	if (s->pid <= 0)
		return;
	(void)close(s->hold);
	(void)waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

/* The whole file, owned; "" if there is none. */
static RA_UNUSED char *
servers_read(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "re");
	size_t len = 0;

	if (text == NULL)
		abort();
	if (f != NULL) {
		len = fread(text, 1, (1 << 20) - 1, f);
		(void)fclose(f);
	}
	text[len] = '\0';
	return text;
}

static RA_UNUSED void
servers_clean(void)
{
	const char *argv[] = { "rm", "-rf", servers_scratch, NULL };

	if (servers_scratch[0] != '\0')
		(void)servers_run(argv);
	servers_scratch[0] = '\0';
}

#endif
