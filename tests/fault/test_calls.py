# SPDX-License-Identifier: Apache-2.0
"""Row 55: system calls of the loop's process, of the helper and of its keeper that fail, in scenarios
of scenarios.py. A long run takes all the cases, a short one some of each call, by a seed."""
import os
import random
import signal

import pytest

import support
from faults import LONG, Strace
from scenarios import NONE, SCENARIOS, World, states
from support import wait_for

# What strace makes fail has no number for as long, which the filter would not let pass.
UNFILTERED = {"RELAUDIT_SECCOMP": "off"}
SEED = int(os.environ.get("RELAUDIT_SEED", "55"))

LOOP = {
    # not read, write, epoll_*: they are the loop's own wake-ups, without which libuv ends itself
    "openat": ("EMFILE", "ENOENT", "EIO"),
    "pread64": ("EIO", "EINTR"), "pwrite64": ("EIO", "ENOSPC", "EINTR"), "fsync": ("EIO",),
    "fdatasync": ("EIO", "ENOSPC"), "ftruncate": ("EIO",), "lseek": ("EIO",),
    "newfstatat": ("EACCES", "EIO"), "fstat": ("EIO",), "unlink": ("EIO",),
    "socket": ("EMFILE", "ENOBUFS", "EACCES"), "connect": ("ENETUNREACH", "EACCES", "ENOMEM"),
    "sendto": ("ENOBUFS", "EPIPE", "EINTR"), "recvfrom": ("ENOMEM", "ECONNRESET", "EINTR"),
    "sendmsg": ("ENOBUFS", "EPIPE"), "recvmsg": ("ENOMEM", "ECONNRESET"),
    "getsockopt": ("ENOBUFS",), "setsockopt": ("ENOMEM",), "getpeername": ("ENOBUFS",),
    "getsockname": ("ENOBUFS",), "accept4": ("EMFILE", "ENOMEM", "ECONNABORTED"),
    "fcntl": ("EINVAL",), "getdents64": ("EIO",), "statx": ("EIO",), "poll": ("EINTR",),
    "getrandom": ("EINTR",), "rename": ("EIO",), "close": ("EIO",),
}
LOOP_SCENARIOS = ("run-all", "reload", "baseline", "save", "events", "status", "history",
                  "drift-ref")
HELPER = {
    "openat": ("EMFILE", "ENOENT", "EACCES", "EIO"), "newfstatat": ("EACCES", "EIO"),
    "fstat": ("EIO",), "statx": ("EIO",), "lseek": ("EIO",), "pread64": ("EIO", "EINTR"),
    "read": ("EIO", "EINTR"), "getdents64": ("EIO",), "fcntl": ("EINVAL",),
    "pipe2": ("EMFILE",), "socketpair": ("EMFILE",), "sendto": ("ENOBUFS", "EPIPE", "EINTR"),
    "sendmsg": ("ENOBUFS", "EPIPE"), "recvfrom": ("ENOMEM", "ECONNRESET", "EINTR"),
    "recvmsg": ("ENOMEM", "ECONNRESET"), "poll": ("EINTR", "ENOMEM"), "ppoll": ("EINTR",),
    "clone,clone3,fork,vfork": ("EAGAIN", "ENOMEM"), "execve,execveat": ("ENOENT", "ENOMEM"),
    "pidfd_open": ("EMFILE",), "wait4,waitid": ("EINTR",), "dup2,dup3": ("EBUSY",),
    "prlimit64": ("EPERM",), "setpgid": ("EPERM",), "kill": ("EPERM",), "close": ("EIO",),
    "close_range": ("ENOMEM",), "statfs,fstatfs": ("EIO",),
}
HELPER_SCENARIOS = ("backup", "logs", "config", "plugin", "baseline")
KEEPER = {
    "recvmsg": ("EINTR", "ENOMEM"), "clone,clone3,fork,vfork": ("EAGAIN", "ENOMEM"),
    "pidfd_open": ("EMFILE",), "pidfd_send_signal": ("EPERM",), "sendto": ("ENOBUFS", "EPIPE"),
    "close": ("EIO",), "pipe2": ("EMFILE",), "dup2,dup3": ("EBUSY",), "execve": ("ENOENT",),
    "openat": ("ENOENT",),
}


def cases(calls, scenarios, times, some):
    """(call, error, n, scenario): all of them, or some for each call and error."""
    chosen = []
    pick = random.Random(SEED)
    for call, errors in calls.items():
        for error in errors:
            them = [(call, error, n, s) for s in scenarios for n in times]
            chosen += them if LONG else pick.sample(them, some)
    return chosen


@pytest.fixture
def d(daemon, folder, web, scripts, syslog):
    world = World(folder, web, scripts)
    taken = daemon(world.config(), inside=syslog, held=True, env=UNFILTERED)
    taken.world = world
    taken.ready()
    taken.results()
    taken.was = {c: s for c, s in states(taken).items() if "flip" not in c}
    return taken


def act(d, scenario, timeout=60):
    """The answer; asked again if that was too often."""
    def answered():
        answer = SCENARIOS[scenario][0](d.world, d)(timeout)
        return answer.status != 429 and answer
    return wait_for(answered, what=f"{scenario} is not asked too often")


def judge(d, where):
    """The daemon lives, nothing is OK unearned; the same is done as ever, and all is as before."""
    assert d.process.poll() is None, f"{where}: {d.said()[-6000:]}"
    unearned = [c for c, (state, _) in states(d).items() if state == "OK" and "good" not in c]
    assert not unearned, (where, unearned)
    usual = SCENARIOS[where[3]][1]
    wait_for(lambda: act(d, where[3]).status in usual, what=f"{where}: as ever")

    def same():
        now = states(d)
        if all(now[c] == s for c, s in d.was.items()):
            return True
        return d.ctl("run", "one", "two") and False
    wait_for(same, what=lambda: f"{where}: {states(d)}")


def drive(d, pid, chosen, record_property):
    """Each case once; then everything is saved, and there again after kill -9."""
    fired = 0
    for where in chosen:
        call, error, n, scenario = where
        once = SCENARIOS[scenario][0](d.world, d)
        with Strace(pid(), call, f"error={error}:when={n}") as strace:
            answer = once(5)
        fired += strace.fired > 0
        assert answer is NONE or answer.status < 600, (where, answer)
        judge(d, where)
    record_property("cases", len(chosen))
    record_property("injected", fired)
    assert fired > len(chosen) // 10
    kept(d)


def kept(d):
    wait_for(lambda: d.metric("records_unsaved") == 0, what="all is saved")
    bad = [c for c, (state, _) in d.was.items() if state == "CRITICAL"]
    since = {c: d.check(c)["since"] for c in bad}
    d.restart()
    assert {c: d.check(c)["since"] for c in bad} == since


def test_row_55_system_calls_of_the_loop(d, record_property):
    drive(d, lambda: d.pid, cases(LOOP, LOOP_SCENARIOS, (1, 3), 1), record_property)


def test_row_55_system_calls_of_the_helper(d, record_property):
    def helper():
        [pid] = wait_for(lambda: len(d.children()) == 1 and d.children(), what="a helper")
        return pid
    drive(d, helper, cases(HELPER, HELPER_SCENARIOS, (1, 3), 1), record_property)


def test_row_55_system_calls_of_the_keeper(d, record_property):
    """While it starts another helper."""
    chosen = cases(KEEPER, ("backup",), (1, 2, 3), 1)
    fired = 0
    for where in chosen:
        call, error, n, scenario = where
        [helper] = wait_for(lambda: len(d.children()) == 1 and d.children(), what="a helper")
        with Strace(d.keeper(), call, f"error={error}:when={n}", follow=False) as strace:
            os.kill(helper, signal.SIGKILL)
            act(d, scenario, 5)
        fired += strace.fired > 0
        judge(d, where)
    record_property("cases", len(chosen))
    record_property("injected", fired)
    kept(d)


START = {
    "openat": ("EMFILE", "EIO"), "pread64": ("EIO",), "pwrite64": ("EIO", "ENOSPC"),
    "fsync": ("EIO",), "fdatasync": ("EIO",), "ftruncate": ("EIO",), "unlink": ("EACCES",),
    "rename,renameat": ("EIO",), "mkdir,mkdirat": ("EACCES",), "socket": ("EMFILE",),
    "socketpair": ("EMFILE",), "bind": ("EADDRINUSE",), "listen": ("EADDRINUSE",),
    "newfstatat": ("EACCES",), "fcntl": ("EBADF", "EAGAIN"), "flock": ("EIO",),
    "clone,clone3,vfork": ("EAGAIN",), "prlimit64": ("EPERM",), "chown,lchown": ("EPERM",),
}
START_TIMES = range(1, 1000) if LONG else (1, 4)  # a long run ends with the first that did not come


class Injected:
    """A start of another relauditd under strace, detached: its process is relauditd's own."""

    def __init__(self, binary, log):
        self.binary = binary
        self.log = log
        self.inject = None

    def command(self, *argv):
        if self.inject is None:
            return [str(self.binary), *argv[1:]]
        calls, error, n = self.inject
        self.log.unlink(missing_ok=True)
        return ["strace", "-D", "-f", "-qq", "-o", self.log, "-e", f"trace={calls}",
                "-e", f"inject={calls}:error={error}:when={n}", str(self.binary), *argv[1:]]

    def fired(self):
        return self.log.exists() and "(INJECTED)" in self.log.read_text()


def start_and_stop(d, where):
    """A start that goes on all the same, or ends with a code and a word."""
    before = len(d.said())
    code = d.try_start()
    said = d.said()[before:]
    if code is None:
        d.process.terminate()
        code = d.process.wait(timeout=20)
        d.process = None
        assert code in (0, 1), (where, code, said)
    else:
        # 127: a library could not be loaded
        assert code in (1, 2, 127) and said, (where, code, said)


def test_row_55_system_calls_that_fail_at_start(daemon, folder, web, scripts, plain,
                                                record_property):
    """It is ready all the same, or it ends with a code and a word; what was announced is kept."""
    inside = Injected(plain, folder / "strace")
    d = daemon(World(folder, web, scripts).config(), inside=inside, held=True, env=UNFILTERED)
    d.ready()
    since = d.check("one/version-bad")["since"]
    wait_for(lambda: d.metric("records_unsaved") == 0)
    support.Daemon.stop(d)
    cases = fired = 0
    for call, error in ((c, e) for c, errors in START.items() for e in errors):
        for n in START_TIMES:
            inside.inject = call, error, n
            start_and_stop(d, inside.inject)
            cases += 1
            fired += inside.fired()
            if LONG and not inside.fired():
                break
    record_property("cases", cases)
    record_property("injected", fired)
    assert fired >= len(START)
    inside.inject = None
    d.start()
    assert d.check("one/version-bad")["since"] == since
