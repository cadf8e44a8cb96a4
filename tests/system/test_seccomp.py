# SPDX-License-Identifier: Apache-2.0
"""The filter on the loop's process. That all else works under it, every other system test shows: they
run with RELAUDIT_SECCOMP=log, and a call that it names fails them."""
import http.client
import pathlib
import signal
import subprocess

import pytest

import support
from support import wait_for

CONFIG = {"environments": {}}


def filtered(pid):
    """{thread: its mode, 2 for a filter}"""
    found = {}
    for path in pathlib.Path(f"/proc/{pid}/task").iterdir():
        text = (path / "status").read_text()
        found[path.name] = [ln.split()[1] for ln in text.splitlines() if ln.startswith("Seccomp:")]
    return found


@pytest.fixture
def make_forbidden(folder):
    """Has the daemon make getpgrp(2), which it never does, in place of its next read of a socket."""
    def make(d):
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(d.pid), "-o", "/dev/null", "-e", "trace=recvfrom", "-e",
             "inject=recvfrom:retval=0:syscall=getpgrp:when=1"], stderr=subprocess.PIPE, text=True)
        try:
            assert "attached" in tracer.stderr.readline()
            with pytest.raises((http.client.HTTPException, OSError)):
                d.api("/healthz")
        finally:
            tracer.kill()  # asked to, it may wait for a process that has died
            tracer.communicate(timeout=20)
    return make


def test_all_threads_but_not_the_helper(daemon, web):
    web.put("version", {"version": "1.0.0"})
    d = daemon({"environments": {"one": {"checks": {"version": {
        "http": {"url": web.url("version")}, "format": "json", "version": "/version"}}}}},
        env={"RELAUDIT_SECCOMP": "kill"})
    assert d.ready()["environments"][0]["checks"][0]["state"] == "OK"
    threads = filtered(d.pid)
    assert len(threads) > 3 and set(map(tuple, threads.values())) == {("2",)}
    for pid in (d.keeper(), *d.children()):
        assert set(map(tuple, filtered(pid).values())) == {("0",)}


def test_a_forbidden_call_ends_it(daemon, make_forbidden):
    d = daemon(CONFIG, env={"RELAUDIT_SECCOMP": "kill"})
    helpers = [d.keeper(), *d.children()]
    make_forbidden(d)
    assert d.process.wait(timeout=20) == -signal.SIGSYS
    d.process = None
    for pid in helpers:
        wait_for(lambda: not support.is_running(pid), what="the helper ends with it")


def test_a_forbidden_call_is_named(daemon, make_forbidden):
    d = daemon(CONFIG, env={"RELAUDIT_SECCOMP": "log"})
    make_forbidden(d)
    assert "relauditd: seccomp: forbidden system call getpgrp (" in d.said()
    assert d.api("/healthz")[0] == 200, "it lives"
    d.stderr.write_text("")


def test_off(daemon):
    d = daemon(CONFIG, env={"RELAUDIT_SECCOMP": "off"})
    assert set(map(tuple, filtered(d.pid).values())) == {("0",)}


def test_it_is_not_inherited(daemon):
    """What starts nothing has no use for it in its environment, and tells nobody."""
    d = daemon(CONFIG, env={"RELAUDIT_SECCOMP": "log"})
    for pid in (d.keeper(), *d.children()):
        assert b"SECCOMP" not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()


def test_where_the_kernel_refuses(folder, things, syslog):
    """In one line, and it goes on: here by a filter around it, as some containers have."""
    d = support.Daemon(folder, CONFIG, {"RELAUDIT_SECCOMP": "kill"},
                       inside=Refusing(syslog))
    things(d).start()
    assert d.said().count("\n") == 1 and "going on without" in d.said(), d.said()
    [line] = syslog.wait("seccomp on=0")
    assert support.parse_line(line)[1] == "warning"
    assert d.api("/healthz")[0] == 200


class Refusing:
    """Within another `inside`: seccomp(2) fails there, by a filter that is on already."""

    PROGRAM = """
import ctypes, os, sys
lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_init.argtypes = [ctypes.c_uint32]
lib.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
lib.seccomp_load.argtypes = [ctypes.c_void_p]
allow, refuse = 0x7fff0000, 0x00050000 | 1
f = lib.seccomp_init(allow)
assert lib.seccomp_rule_add(f, refuse, lib.seccomp_syscall_resolve_name(b"seccomp"), 0) == 0
assert lib.seccomp_load(f) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""

    def __init__(self, inside):
        self.inside = inside

    def command(self, *argv):
        return self.inside.command("/usr/bin/python3", "-c", self.PROGRAM, *argv)
