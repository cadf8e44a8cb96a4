# SPDX-License-Identifier: Apache-2.0
"""Rows 45-48: commands that do not end, say too much, look around, are exchanged."""
import json
import os
import pathlib

import faults
import support
from faults import config
from support import wait_for

LOOK = """#!/usr/bin/python3
import json, os, resource, signal
print("OK")
limits = {n: resource.getrlimit(getattr(resource, n)) for n in
          ("RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE")}
status = dict(l.split(":\\t", 1) for l in open("/proc/self/status").read().splitlines() if ":\\t" in l)
json.dump({"environment": dict(os.environ), "cwd": os.getcwd(), "limits": limits,
           "descriptors": sorted(int(f) for f in os.listdir("/proc/self/fd")),
           "stdin": os.readlink("/proc/self/fd/0"), "umask": status["Umask"],
           "blocked": status["SigBlk"], "ignored": status["SigIgn"],
           "group": os.getpgrp() == os.getpid()}, open(%r, "w"))
"""


def script(folder, name, text):
    path = folder / name
    path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return [str(path)]


def commands(scripts, texts, **more):
    made = config({f"plugin-{n}": {"exec": script(scripts, n, text), **more}
                   for n, text in texts.items()})
    made["daemon"] = {"exec": {"allow": [str(scripts)]}}
    return made


def nothing_is_left(d):
    [helper] = d.children()
    left = pathlib.Path(f"/proc/{helper}/task/{helper}/children")
    wait_for(lambda: left.read_text() == "", what="the helper has no child left")


def test_row_45_commands_that_do_not_end(daemon, scripts, folder):
    mark = f"echo $$ >> {folder}/pids"
    d = daemon(commands(scripts, {
        "hangs": f"{mark}; exec sleep 1000",
        "stubborn": f"trap '' TERM HUP INT; {mark}; while :; do sleep 1000; done",
        "children": f"{mark}; sleep 1000 & sleep 1000 & wait",
        "good-forks": f"(setsid sh -c '{mark}; exec sleep 1000' &) ; "
                      f"while ! [ -s {folder}/pids ]; do sleep 0.01; done; echo OK; exit 0",
        "good-doubly": f"((setsid sh -c '{mark}; trap \"\" TERM; sleep 1000 & wait' &) &) ; "
                       f"while ! [ -s {folder}/pids ]; do sleep 0.01; done; echo OK; exit 0",
        "stops": f"{mark}; kill -STOP $$",
    }, timeout="1s"))
    d.expect({"plugin-hangs": "timeout", "plugin-stubborn": "timeout",
              "plugin-children": "timeout", "plugin-stops": "timeout",
              "plugin-good-forks": "ok", "plugin-good-doubly": "ok"})
    nothing_is_left(d)
    for pid in (folder / "pids").read_text().split():
        wait_for(lambda: not support.is_running(int(pid)), what=f"{pid} is ended")


def test_row_46_commands_that_say_too_much_or_end_badly(daemon, scripts):
    d = daemon(commands(scripts, {
        "endless": "echo OK; exec yes",
        "errors": "echo OK; exec yes >&2",
        "zeros": "echo OK; exec cat /dev/zero",
        "lingers": "echo OK; exec >&- 2>&-; exec sleep 1000",
        "not-found": "exit 127", "not-run": "exit 126", "high": "echo OK; exit 255",
        "signal": "echo OK; kill -KILL $$", "silent": "exit 0",
        "good-nul": "printf 'OK\\000rest\\n'",
    }, timeout="2s"), env=faults.FLAT)
    before = d.metric("resident_bytes")
    got = d.expect({
        "plugin-endless": "body-too-large", "plugin-zeros": "body-too-large",
        "plugin-errors": ("timeout", "body-too-large"), "plugin-lingers": "timeout",
        "plugin-not-found": ("plugin-exit", "plugin-silent"),
        "plugin-not-run": ("plugin-exit", "plugin-silent"), "plugin-high": "plugin-exit",
        "plugin-signal": "exec-signal", "plugin-silent": "plugin-silent", "plugin-good-nul": "ok"})
    assert "127" in got["plugin-not-found"]["summary"] + got["plugin-not-found"]["evidence"]
    d.judge_memory(before)
    nothing_is_left(d)


def test_row_47_what_a_command_finds(daemon, scripts, folder):
    secrets = {"AWS_SECRET": "x", "HOME": "/root", "http_proxy": "http://x", "LC_ALL": "xx"}
    d = daemon(commands(scripts, {"good-looks": LOOK % str(folder / "seen")}),
               env={**secrets, "CANARY": "hunter2"})
    d.expect({"plugin-good-looks": "ok"})
    seen = json.loads((folder / "seen").read_text())
    assert set(seen["environment"]) <= {"PATH", "LANG", "HOME", "LC_CTYPE"}, seen["environment"]
    assert "hunter2" not in str(seen) and seen["environment"].get("HOME") != "/root"
    # one more while it lists them
    assert seen["descriptors"][:3] == [0, 1, 2] and len(seen["descriptors"]) <= 4
    assert seen["stdin"] == "/dev/null"
    assert int(seen["blocked"], 16) == 0
    # python ignores SIGPIPE and SIGXFSZ by itself; above 31 are the C library's own
    assert int(seen["ignored"], 16) & 0x7fffffff & ~(1 << 12 | 1 << 24) == 0
    assert seen["limits"]["RLIMIT_CORE"] == [0, 0] and seen["group"]
    for name in ("RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE"):
        assert seen["limits"][name][1] > 0, f"{name} is limited"
    assert int(seen["umask"], 8) & 0o022 == 0o022


def test_row_48_a_command_that_others_may_change(daemon, scripts, folder):
    d = daemon(commands(scripts, {"good-one": "echo OK"}))
    d.expect({"plugin-good-one": "ok"})
    path = scripts / "good-one"

    def refused(words, reason="exec-unsafe"):
        c = d.results()["plugin-good-one"]
        assert (c["state"], c["reason"]) == ("UNKNOWN", reason), words
        done = d.ctl("reload")
        assert done.code != 0 and "error: `command:`" in done.err and words in done.err, done
        done = support.relauditd("--check-config", "-c", d.config)
        assert done.code == 2 and words in done.err, done
    for mode in (0o777, 0o757, 0o775):
        path.chmod(mode)
        refused(f"mode {mode:04o}")
    path.chmod(0o755)
    assert d.results()["plugin-good-one"]["state"] == "OK"
    os.chown(path, 65534, 65534)
    refused("owner 65534")
    os.chown(path, 0, 0)
    scripts.chmod(0o777)
    refused(f"{scripts}: others than root")
    scripts.chmod(0o755)
    evil = folder / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {folder}/ran\necho OK\n")
    evil.chmod(0o755)
    os.chown(evil, 65534, 65534)
    path.unlink()
    path.symlink_to(evil)
    refused(f"{path} leads to {evil}, which is in no folder", "exec-denied")
    assert not (folder / "ran").exists()
    path.unlink()
    assert d.results()["plugin-good-one"]["reason"] == "exec-not-found"
    assert d.ctl("reload").code == 0, "what is not there may come"


def test_row_48_exchanged_again_and_again(daemon, scripts, folder):
    """A link that points in turn at the good one and at one that others own: that never runs."""
    evil = folder / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {folder}/ran\necho OK\n")
    evil.chmod(0o755)
    os.chown(evil, 65534, 65534)
    d = daemon(commands(scripts, {"good-one": "echo OK"}))
    good = scripts / "good-two"
    (scripts / "good-one").rename(good)
    path, other = scripts / "good-one", scripts / "other"

    def exchange(target):
        other.symlink_to(target)
        other.rename(path)
    exchange(good)
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            for _ in range(2000):
                exchange(evil)
                exchange(good)
            os._exit(0)
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            d.ctl("run", "one")
    assert not (folder / "ran").exists()
