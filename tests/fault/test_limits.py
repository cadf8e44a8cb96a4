# SPDX-License-Identifier: Apache-2.0
"""Rows 17, 18, 55, 56: no descriptors, no processes, no memory, and system calls that fail."""
import contextlib
import os
import pathlib
import resource
import subprocess

import pytest

import faults
import support
from faults import LONG, config, url, version
from support import make_backup, make_log, wait_for


class Strace(contextlib.AbstractContextManager):
    """System calls of a process and of its threads and children fail while it is attached."""

    def __init__(self, pid, calls, how, follow=True):
        self.process = subprocess.Popen(
            ["strace", *(["-f"] if follow else []), "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
             "-e", f"inject={calls}:{how}", "-e", "signal=none", "-p", str(pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        status = pathlib.Path(f"/proc/{pid}/status")
        wait_for(lambda: f"TracerPid:\t{self.process.pid}\n" in status.read_text(),
                 what="strace is attached")

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stderr.close()


# --- 17 ---

def test_row_17_no_descriptors_left(daemon, server):
    """Probes that may open no connection say so; the operator gets in all the while."""
    d = daemon(config({f"version-good-{i}": version(url(server, "ok")) for i in range(20)}))
    d.ready()
    soft, hard = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)
    used = max(int(p.name) for p in pathlib.Path(f"/proc/{d.pid}/fd").iterdir())
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (used + 20, hard))
    checks = d.results()
    assert {c["reason"] for c in checks.values()} == {"no-descriptors"}
    assert "LimitNOFILE" in checks["version-good-1"]["next_step"]
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert {c["state"] for c in d.results().values()} == {"OK"}


def test_row_17_none_at_all(daemon, server):
    """Not even for the operator: who comes then is answered once there are some again."""
    d = daemon(config({"version-good": version(url(server, "ok"))}))
    d.ready()
    soft, hard = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (0, hard))
    with contextlib.closing(support.UnixConnection(d.socket)) as waiting:
        waiting.request("GET", "/healthz")
        resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert waiting.getresponse().status == 200
    assert d.results()["version-good"]["state"] == "OK"


# --- 18 ---

FORKS = "clone,clone3,fork,vfork"


def test_row_18_a_command_that_cannot_be_started(daemon, scripts):
    path = scripts / "ok"
    path.write_text("#!/bin/sh\necho OK\n")
    path.chmod(0o755)
    made = config({"plugin-good": {"exec": [str(path)]}})
    made["daemon"] = {"exec": {"allow": [str(scripts)]}}
    d = daemon(made)
    d.expect({"plugin-good": "ok"})
    [helper] = d.children()
    for error in ("EAGAIN", "ENOMEM"):
        with Strace(helper, FORKS, f"error={error}"):
            c = d.results()["plugin-good"]
            assert (c["state"], c["reason"]) == ("UNKNOWN", "exec-not-started"), c
        assert d.results()["plugin-good"]["state"] == "OK"


def test_row_18_the_helper_that_cannot_be_started(daemon, folder, server):
    """Its loss is one of files; the loop goes on, and another comes when there may be one."""
    make_backup(folder / "b" / "a.dump")
    d = daemon(config({"version-good": version(url(server, "ok")),
                       "backup-good": {"file": {"glob": f"{folder}/b/*.dump"}, "timeout": "2s"}}))
    d.expect({"version-good": "ok", "backup-good": "ok"})
    [helper] = d.children()
    wait_for(lambda: d.metric("helper_jobs") > 0)
    with Strace(d.keeper(), FORKS, "error=EAGAIN", follow=False):
        os.kill(helper, 9)
        assert d.results("one/version-good")["version-good"]["state"] == "OK"
        c = d.results("one/backup-good")["backup-good"]
        assert c["state"] == "UNKNOWN", c
    wait_for(lambda: len(d.children()) == 1, what="another helper")
    assert d.results()["backup-good"]["state"] == "OK"
    d.held = True  # strace and the death of the helper took their time


# --- 55 ---

CALLS = {
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
    "getrandom": ("EINTR",),
}
# What strace makes fail has no number for as long, which the filter would not let pass.
UNFILTERED = {"RELAUDIT_SECCOMP": "off"}
TIMES = range(1, 13) if LONG else (1, 3)
CASES = [(c, e, n) for c, errors in CALLS.items() for e in errors for n in TIMES]


def everything(web, folder):
    web.put("version", {"version": "1.0.0"})
    make_backup(folder / "b" / "a.dump")
    make_log(folder / "app.log", (5, "INFO one"))
    return config({
        "version-good": version(web.url("version"), timeout="2s"),
        "version-bad": version(web.url("version"), expect={"version": "2.0.0"}, timeout="2s"),
        "backup-good": {"file": {"glob": f"{folder}/b/*.dump"}, "timeout": "2s"},
        "logs-good": {"file": {"path": f"{folder}/app.log"}, "time": r"^(?<time>\S+)",
                      "expect": {"max-age": "1h"}, "timeout": "2s"}})


def try_all(d):
    """Requests, some of which may be answered with an error or not at all."""
    for method, path, body in (("POST", "/v1/run", '{"select":["one"]}'),
                               ("GET", "/v1/status", None), ("GET", "/v1/history", None)):
        with contextlib.suppress(OSError, support.http.client.HTTPException):
            d.api(path, method, body, {"Content-Type": "application/json"}, raw=True, timeout=5)


def test_row_55_system_calls_that_fail_in_a_running_daemon(daemon, web, folder, syslog):
    """Each fails a few times; the daemon lives, and then all is as it was."""
    d = daemon(everything(web, folder), inside=syslog, held=True, env=UNFILTERED)
    d.ready()
    for call, error, n in CASES:
        with Strace(d.pid, call, f"error={error}:when={n}"):
            try_all(d)
        assert d.process.poll() is None, f"{call} {error} {n}: {d.said()[-3000:]}"
    wait_for(lambda: d.results()["version-good"]["state"] == "OK")
    assert {n: c["state"] for n, c in d.results().items()} == {
        "version-good": "OK", "backup-good": "OK", "logs-good": "OK", "version-bad": "CRITICAL"}
    wait_for(lambda: d.metric("records_unsaved") == 0, what="all is saved")
    d.restart()
    assert d.check("one/version-bad")["state"] == "CRITICAL"


START_CALLS = {
    "openat": ("EMFILE", "EIO"), "pread64": ("EIO",), "pwrite64": ("EIO", "ENOSPC"),
    "fsync": ("EIO",), "fdatasync": ("EIO",), "ftruncate": ("EIO",), "unlink": ("EACCES",),
    "rename,renameat": ("EIO",), "mkdir,mkdirat": ("EACCES",), "socket": ("EMFILE",),
    "socketpair": ("EMFILE",), "bind": ("EADDRINUSE",), "listen": ("EADDRINUSE",),
    "newfstatat": ("EACCES",), "fcntl": ("EBADF", "EAGAIN"), "flock": ("EIO",),
    "clone,clone3,vfork": ("EAGAIN",), "prlimit64": ("EPERM",), "chown,lchown": ("EPERM",),
}
START_TIMES = range(1, 40) if LONG else (1, 4)


class Injected:
    """A start of another relauditd under strace, detached: its process is relauditd's own."""

    def __init__(self, binary):
        self.binary = binary
        self.inject = None

    def command(self, *argv):
        if self.inject is None:
            return [str(self.binary), *argv[1:]]
        calls, error, n = self.inject
        return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
                "-e", f"inject={calls}:error={error}:when={n}", str(self.binary), *argv[1:]]


def test_row_55_system_calls_that_fail_at_start(daemon, web, folder, plain):
    """It is ready all the same, or it ends with a code and a word; what was announced is kept."""
    inside = Injected(plain)
    d = daemon(everything(web, folder), inside=inside, held=True, env=UNFILTERED)
    d.ready()
    since = d.check("one/version-bad")["since"]
    wait_for(lambda: d.metric("records_unsaved") == 0)
    support.Daemon.stop(d)
    for calls, errors in START_CALLS.items():
        for inside.inject in [(calls, e, n) for e in errors for n in START_TIMES]:
            before = len(d.said())
            code = d.try_start()
            said = d.said()[before:]
            if code is None:
                d.process.terminate()
                code = d.process.wait(timeout=20)
                d.process = None
                assert code in (0, 1), (inside.inject, code, said)
            else:
                # 127: a library could not be loaded
                assert code in (1, 2, 127) and said, (inside.inject, code, said)
    inside.inject = None
    d.start()
    assert d.check("one/version-bad")["since"] == since


# --- 56 ---

@pytest.fixture
def memory_group(folder):
    """A control group whose memory can be limited: limit(bytes)."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                        ("/sys/fs/cgroup", "memory.max")):
        path = pathlib.Path(root) / folder.name
        try:
            path.mkdir()
        except OSError:
            continue
        if (path / limit).exists():
            break
        path.rmdir()
    else:
        pytest.skip("no control group for memory here")
    yield path, path / limit
    path.rmdir()


def test_row_56_the_memory_limit_is_reached(daemon, server, folder, memory_group):
    """The kernel ends it; its unit starts it again, and what was announced is kept."""
    d = daemon(config({"version-bad": version(url(server, "ok"), expect={"version": "7"}),
                       **{f"version-{i}": version(url(server, "large?15000000"),
                                                  http={"max-size": "16M"}) for i in range(16)}}))
    d.results("one/version-bad")
    before = d.check("one/version-bad")
    wait_for(lambda: d.metric("records_unsaved") == 0)
    group, limit = memory_group
    (group / "cgroup.procs").write_text(str(d.pid))
    limit.write_text(str(int(d.metric("resident_bytes")) + (16 << 20)))
    with contextlib.suppress(OSError, support.http.client.HTTPException):
        d.api("/v1/run", "POST", '{"select":["one"]}', {"Content-Type": "application/json"})
    assert d.process.wait(timeout=60) == -9
    d.process = None
    d.start()
    after = d.check("one/version-bad")
    assert (after["state"], after["since"]) == (before["state"], before["since"])
