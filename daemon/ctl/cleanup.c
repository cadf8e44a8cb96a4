/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must not be left behind when a signal ends us: the ssh we started, its folder, a terminal in
 * its other screen. Only async-signal-safe calls in the handler.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

static volatile sig_atomic_t child;
static volatile sig_atomic_t screen;
static char socket_path[128];
static char folder_path[128];

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static const char leave_screen[] = "\033[?25h\033[?1049l";

static void
on_signal(int number)
{
	int kept = errno;

	if (screen != 0)
		(void)!write(STDOUT_FILENO, leave_screen, sizeof(leave_screen) - 1);
	if (child > 0)
		(void)kill((pid_t)child, SIGTERM);
	if (socket_path[0] != '\0')
		(void)unlink(socket_path);
	if (folder_path[0] != '\0')
		(void)rmdir(folder_path);
	/* SA_RESETHAND: this one ends us, with the status that a shell expects. */
	(void)raise(number);
	errno = kept;
}

void
ra_ctl_cleanup_install(void)
{
	struct sigaction action = { .sa_handler = on_signal,
		.sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
	struct sigaction was;
	size_t i;

	for (i = 0; i < RA_ARRAY_SIZE(signals); i++) {
		/* What nohup and a shell's & switched off stays off. */
		if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL);
	}
}

static void
block(int how)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < RA_ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	(void)sigprocmask(how, &set, NULL);
}

void
ra_ctl_cleanup_child(pid_t pid, const char *socket, const char *folder)
{
	block(SIG_BLOCK);
	child = pid;
	snprintf(socket_path, sizeof(socket_path), "%s", socket != NULL ? socket : "");
	snprintf(folder_path, sizeof(folder_path), "%s", folder != NULL ? folder : "");
	block(SIG_UNBLOCK);
}

void
ra_ctl_cleanup_screen(bool taken)
{
	screen = taken;
}
