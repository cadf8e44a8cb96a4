# SPDX-License-Identifier: Apache-2.0
"""Rows 17, 18, 56: no descriptors, no processes, no memory."""
import contextlib
import os
import pathlib
import resource

import pytest

import support
from faults import Strace, config, url, version
from support import make_backup, wait_for


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
