/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allow list. What is not on it was not seen on any path of ours; a path that is added and needs
 * more is found by the system tests, which run with RA_SECCOMP_LOG and fail by the name it says.
 */
#include "relaudit/io/seccomp.h"

#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif

/* clone(2)'s first argument; <sched.h> has it, but as an int. */
#define THREAD	UINT64_C(0x10000)
#define EXECUTE ((uint64_t)PROT_EXEC)
#define BOTH	((uint64_t)(PROT_EXEC | PROT_WRITE))

/* Whatever their arguments. */
static const int plain[] = {
	/* memory; mmap and mprotect are below */
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	/* threads and signals; clone and tgkill are below */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack),
	/* the keeper's end */
	SCMP_SYS(pidfd_open),
	SCMP_SYS(wait4),
	/* time */
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(nanosleep),
	SCMP_SYS(time),
	/* who and how much */
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getgroups),
	SCMP_SYS(getppid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(getuid),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	/* descriptors */
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(lseek),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(pselect6),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(select),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	/* files: configuration, certificates, the state folder */
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(fallocate),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(fdatasync),
	SCMP_SYS(flock),
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fsync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(getcwd),
	SCMP_SYS(getdents64),
	SCMP_SYS(lchown),
	SCMP_SYS(lstat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(rmdir),
	SCMP_SYS(stat),
	SCMP_SYS(statfs),
	SCMP_SYS(statx),
	SCMP_SYS(umask),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	/* sockets; socket itself is below */
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(listen),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
#ifdef SANITIZED
	/* Their reports: the leak check stops all threads from a process of its own. */
	SCMP_SYS(clone),
	SCMP_SYS(getdents),
	SCMP_SYS(mincore),
	SCMP_SYS(mprotect),
	SCMP_SYS(prctl),
	SCMP_SYS(prlimit64),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(ptrace),
	SCMP_SYS(tgkill),
#endif
};

/* clang-format off */
#define MASKED(n, mask, value) { (n), SCMP_CMP_MASKED_EQ, (mask), (value) }
/* Of an int: the kernel looks at no more of the register either. */
#define EQUAL(n, value) MASKED(n, UINT32_MAX, (uint32_t)(value))
#define NOTHING(n) { (n), SCMP_CMP_EQ, 0, 0 }
/* clang-format on */

/* Only with this argument; several of one call: any of them. */
static const struct rule {
	int call;
	struct scmp_arg_cmp arg;
} rules[] = {
	{ SCMP_SYS(mmap), MASKED(2, EXECUTE, 0) },
	/* a library that is loaded late (name services) */
	{ SCMP_SYS(mmap), MASKED(2, BOTH, EXECUTE) },
	{ SCMP_SYS(mprotect), MASKED(2, EXECUTE, 0) },
	{ SCMP_SYS(clone), MASKED(0, THREAD, THREAD) },
	{ SCMP_SYS(prctl), EQUAL(0, PR_SET_NAME) },
	/* asked only */
	{ SCMP_SYS(prlimit64), NOTHING(2) },
	{ SCMP_SYS(socket), EQUAL(0, AF_UNIX) },
	{ SCMP_SYS(socket), EQUAL(0, AF_INET) },
	{ SCMP_SYS(socket), EQUAL(0, AF_INET6) },
	{ SCMP_SYS(socketpair), EQUAL(0, AF_UNIX) },
	{ SCMP_SYS(ioctl), EQUAL(1, FIONBIO) },
	{ SCMP_SYS(ioctl), EQUAL(1, FIONREAD) },
	{ SCMP_SYS(ioctl), EQUAL(1, FIOCLEX) },
	{ SCMP_SYS(ioctl), EQUAL(1, TCGETS) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_DUPFD_CLOEXEC) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_GETFD) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_SETFD) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_GETFL) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_SETFL) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_GETLK) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_SETLK) },
	{ SCMP_SYS(fcntl), EQUAL(1, F_SETLKW) },
};

/* Libraries try them, and do without. clone3's flags cannot be seen by a filter, clone's can. */
static const int absent[] = { SCMP_SYS(clone3), SCMP_SYS(io_uring_setup) };

enum ra_seccomp
ra_seccomp_wanted(void)
{
	const char *text = getenv("RELAUDIT_SECCOMP");
	enum ra_seccomp how = RA_SECCOMP_KILL;

	if (text != NULL && strcmp(text, "log") == 0)
		how = RA_SECCOMP_LOG;
	else if (text != NULL && strcmp(text, "off") == 0)
		how = RA_SECCOMP_OFF;
	unsetenv("RELAUDIT_SECCOMP");
	return how;
}

/* --- naming a call, in a signal handler --- */

#define CALLS	  512
#define LINE_ROOM 96

/* Made beforehand: a handler may not. */
static char lines[CALLS][LINE_ROOM];

static void
on_forbidden(int signum, siginfo_t *info, void *context)
{
	static const char none[] = "relauditd: seccomp: forbidden system call\n";
	ucontext_t *at = context;
	unsigned call = (unsigned)info->si_syscall;
	const char *line = call < CALLS ? lines[call] : none;
	int saved = errno;

	(void)!write(STDERR_FILENO, line, strlen(line));
#if defined(__x86_64__)
	at->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
	at->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
	(void)at;
	_exit(EXIT_FAILURE);
#endif
	errno = saved;
}

static int
name_forbidden(void)
{
	struct sigaction action = { .sa_sigaction = on_forbidden,
		.sa_flags = SA_SIGINFO | SA_RESTART };

	for (int i = 0; i < CALLS; i++) {
		RA_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		snprintf(lines[i], LINE_ROOM,
		    "relauditd: seccomp: forbidden system call %.32s (%d)\n",
		    name != NULL ? name : "", i);
	}
	return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}

/* --- the filter --- */

static int
add_rules(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp own = EQUAL(0, getpid());
	int r = 0;

	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(plain); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(rules); i++)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, 1, &rules[i].arg);
	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(absent); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), absent[i], 0);
	/* abort(3): our own threads */
	return r != 0 ? r
		      : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own);
}

static int
load(scmp_filter_ctx filter)
{
	int r;

	if ((r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)) < 0 ||
	    (r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2)) < 0 ||
	    (r = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1)) < 0 ||
	    (r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) < 0 ||
	    (r = add_rules(filter)) < 0)
		return r;
	return seccomp_load(filter);
}

int
ra_seccomp_start(enum ra_seccomp how, struct ra_error *err)
{
	scmp_filter_ctx filter;
	int r;

	if (how == RA_SECCOMP_OFF)
		return 0;
	filter = seccomp_init(how == RA_SECCOMP_LOG ? SCMP_ACT_TRAP : SCMP_ACT_KILL_PROCESS);
	r = filter == NULL ? -ENOMEM : how == RA_SECCOMP_LOG ? name_forbidden() : 0;
	if (r == 0)
		r = load(filter);
	seccomp_release(filter);
	return r < 0 ? ra_error_set(err, r, "cannot filter system calls: %s", strerror(-r)) : 0;
}
