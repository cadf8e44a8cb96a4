# SPDX-License-Identifier: Apache-2.0
"""Commands: Debian's own monitoring plugins, and scripts that misbehave, through the real daemon."""
import json
import os
import pathlib

import pytest

import support
from support import relauditd, wait_for

PLUGINS = pathlib.Path("/usr/lib/nagios/plugins")


def script(folder, name, text):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def config(checks, *allow, **defaults):
    return {"daemon": {"exec": {"allow": [str(a) for a in (PLUGINS, *allow)]}},
            "defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "20s", **defaults},
            "environments": {"one": {"checks": checks}}}


def test_real_plugins(daemon, web):
    web.put("version", {"version": "1"})
    d = daemon(config({
        "plugin-http": {"exec": [str(PLUGINS / "check_http"), "-I", "127.0.0.1", "-p",
                                 str(web.port), "-u", "/version"]},
        "plugin-refused": {"exec": [str(PLUGINS / "check_tcp"), "-H", "127.0.0.1", "-p",
                                    str(support.free_port())]},
        "plugin-disk": {"exec": [str(PLUGINS / "check_disk"), "-w", "0%", "-c", "0%", "-p", "/"]},
        "plugin-warning": {"exec": [str(PLUGINS / "check_dummy"), "1", "take care"]},
        "plugin-usage": {"exec": [str(PLUGINS / "check_tcp"), "--no-such-option"]}}))
    d.ready()
    http = d.check("one/plugin-http")
    assert (http["state"], http["reason"]) == ("OK", "ok")
    assert http["summary"].startswith("HTTP OK") and "|" not in http["summary"]
    assert http["facts"]["exit"] == 0
    time, size = http["facts"]["perfdata"]
    assert time["label"] == "time" and time["unit"] == "s" and time["value"] >= 0
    assert size["label"] == "size" and size["unit"] == "B" and size["min"] == 0
    assert http["evidence"] == " ".join(
        [str(PLUGINS / "check_http"), "-I 127.0.0.1 -p", str(web.port), "-u /version"])
    refused = d.check("one/plugin-refused")
    assert (refused["state"], refused["reason"]) == ("CRITICAL", "plugin-critical")
    assert "refused" in refused["summary"]
    assert d.check("one/plugin-disk")["facts"]["perfdata"][0]["label"] == "/"
    warning = d.check("one/plugin-warning")
    assert (warning["state"], warning["summary"]) == ("WARNING", "WARNING: take care")
    assert d.check("one/plugin-usage")["state"] == "UNKNOWN"


def test_each_failure_has_its_reason(daemon, scripts, folder):
    big = script(scripts, "big", "yes OK\n")
    writable = script(scripts, "writable", "echo OK\n")
    cases = {
        "silent": ("exit 0", "UNKNOWN", "plugin-silent"),
        "broken": ("echo no module >&2; echo x >&2", "UNKNOWN", "plugin-silent"),
        "four": ("echo OK; exit 4", "UNKNOWN", "plugin-exit"),
        "signal": ("kill -SEGV $$", "UNKNOWN", "exec-signal"),
        "hangs": ("echo OK; sleep 1000", "UNKNOWN", "timeout"),
        "stubborn": ("trap '' TERM; echo OK; while :; do sleep 1000; done", "UNKNOWN", "timeout"),
        "lingers": ("echo OK; exec >&- 2>&-; sleep 1000", "UNKNOWN", "timeout"),
        "nul": ("printf 'OK\\000bad\\n'", "OK", "ok"),
    }
    checks = {f"plugin-{n}": {"exec": [script(scripts, n, text)], "timeout": "1s"}
              for n, (text, _, _) in cases.items()}
    checks["plugin-big"] = {"exec": {"command": [big], "max-size": "10k"}}
    checks["plugin-writable"] = {"exec": [writable]}
    checks["plugin-gone"] = {"exec": [str(scripts / "gone")]}
    checks["plugin-forks"] = {"exec": [script(
        scripts, "forks", f"setsid sh -c 'echo $$ > {folder}/escaped; sleep 1000' & "
        f"while ! [ -s {folder}/escaped ]; do sleep 0.01; done; echo OK forked")]}
    d = daemon(config(checks, scripts))
    d.ready()
    os.chmod(writable, 0o777)
    d.run("one/plugin-writable")
    for name, (_, state, reason) in cases.items():
        c = d.check(f"one/plugin-{name}")
        assert (c["state"], c["reason"]) == (state, reason), c
    for name, reason in (("big", "body-too-large"), ("writable", "exec-unsafe"),
                         ("gone", "exec-not-found")):
        c = d.check(f"one/plugin-{name}")
        assert (c["state"], c["reason"]) == ("UNKNOWN", reason), c
    assert d.check("one/plugin-broken")["summary"].endswith("of a plugin: no module")
    assert d.check("one/plugin-forks")["summary"] == "OK forked"
    escaped = int((folder / "escaped").read_text())
    wait_for(lambda: not support.is_running(escaped), what="what escaped is ended")
    [helper] = d.children()
    left = pathlib.Path(f"/proc/{helper}/task/{helper}/children")
    wait_for(lambda: left.read_text() == "", what="the helper has no child left")


def test_other_kinds_take_commands_too(daemon, scripts):
    d = daemon(config({
        "version": {"exec": [script(scripts, "worker", "echo 'worker 1.4.2 (linux)'\n")],
                    "format": "text", "regex": r"(?<version>\d+\.\d+\.\d+)",
                    "expect": {"version": "^1.4"}},
        "version-fails": {"exec": [script(scripts, "fails", "echo 1.4.2; echo broken >&2; exit 1\n")],
                          "format": "text"}}, scripts))
    d.ready()
    assert d.check("one/version")["facts"]["version"] == "1.4.2"
    fails = d.check("one/version-fails")
    assert (fails["state"], fails["reason"]) == ("UNKNOWN", "exec-exit")
    assert "broken" in fails["summary"]


def test_a_secret_goes_through_the_environment(daemon, scripts, folder):
    secret = folder / "secret"
    secret.write_text("canary-4711-secret\n")
    show = script(scripts, "show", 'echo "OK $PASSWORD|a=1;$PASSWORD"; tr "\\0" " " < /proc/$$/cmdline'
                  f' > {folder}/argv; env | cut -d= -f1 | sort > {folder}/names\n')
    d = daemon(config({"plugin-show": {"exec": {
        "command": [show], "environment": {"PASSWORD": f"${{file:{secret}}}"}}}}, scripts))
    d.ready()
    c = d.check("one/plugin-show")
    assert c["state"] == "OK" and c["summary"].startswith("OK ***"), c
    assert "canary" not in json.dumps(d.status())
    assert "canary" not in (folder / "argv").read_text()
    assert set((folder / "names").read_text().split()) <= {"HOME", "LANG", "PASSWORD", "PATH", "PWD",
                                                           "SHLVL", "OLDPWD", "_"}
    for path in d.state.rglob("*"):
        assert b"canary" not in path.read_bytes(), path


@pytest.mark.parametrize("allow", ["/usr/bin", "/usr/bin/", "/usr//", "/"])
def test_folders_that_allow(folder, allow):
    path = folder / "relauditd.yaml"
    path.write_text(json.dumps({"daemon": {"exec": {"allow": [allow]}}, "environments": {"one": {
        "checks": {"plugin-x": {"exec": ["/usr/bin/true"]}}}}}))
    path.chmod(0o600)
    done = relauditd("--check-config", "-c", path)
    assert done.code == 0, done


@pytest.mark.parametrize("allow, command, words", [
    (None, ["/usr/lib/nagios/plugins/check_http"], "commands are off"),
    (["/usr/lib/nagios/plugins"], ["/bin/true"], "is not in a folder"),
    (["/usr/lib/nagios/plugins"], ["check_http"], "not an absolute path"),
    (["/usr/lib/nagios/plugins"], "check_http -I x", "not an absolute path"),
    (["/usr/lib/nagios/plugins"], ["/usr/lib/nagios/plugins/../x"], "has a '..' in it"),
    (["/usr"], ["/a/../b"], "has a '..' in it"),
    (["/usr"], ["/usr/.."], "has a '..' in it"),
    (["/usr"], ["/usr/lib/..no-such"], None),
    (["relative"], ["/bin/true"], "relative"),
])
def test_what_may_not_run_is_refused_at_load(folder, allow, command, words):
    path = folder / "relauditd.yaml"
    path.write_text(json.dumps({
        **({"daemon": {"exec": {"allow": allow}}} if allow else {}),
        "environments": {"one": {"checks": {"plugin": {"exec": {"command": command}}}}}}))
    done = support.relauditd("--check-config", "-c", path)
    if words is None:
        assert done.code == 0, done
    else:
        assert done.code == 2 and words in done.err, done


@pytest.fixture
def loads(scripts, folder):
    """loads(command) -> what --check-config says of it, None if it is good."""
    def load(command):
        path = folder / "relauditd.yaml"
        path.write_text(f"daemon: {{exec: {{allow: [{scripts}, {folder}/open]}}}}\n"
                        "environments:\n  one:\n    checks:\n      plugin:\n"
                        f"        exec:\n          command: [{command}, -w]\n")
        done = support.relauditd("--check-config", "-c", path)
        if done.code == 0:
            return None
        assert done.code == 2 and f"{path}:7:11: error: `command:` " in done.err, done
        return done.err
    return load


@pytest.mark.parametrize("mode, owner", [(0o777, 0), (0o666, 0), (0o775, 0), (0o755, 65534)])
def test_a_command_that_others_may_change_is_refused_at_load(scripts, loads, mode, owner):
    command = script(scripts, "command", "exit 0\n")
    assert loads(command) is None
    os.chmod(command, mode)
    os.chown(command, owner, -1)
    said = loads(command)
    assert f"{command}: others than root may change it (owner {owner}, mode {mode:04o})" in said
    assert "chmod go-w" in said


def test_a_command_is_refused_at_load_for_its_folders(scripts, folder, loads):
    inner = scripts / "inner"
    inner.mkdir()
    command = script(inner, "command", "exit 0\n")
    assert loads(command) is None
    inner.chmod(0o1777)
    assert f"{inner}: others than root may change it (owner 0, mode 1777)" in loads(command)
    inner.chmod(0o755)
    (folder / "open").mkdir()
    said = loads(script(folder / "open", "command", "exit 0\n"))
    assert "/tmp: others than root may change it" in said and "move the command" in said


def test_a_link_to_a_command_is_followed_at_load(scripts, folder, loads):
    link = scripts / "link"
    link.symlink_to(script(scripts, "command", "exit 0\n"))
    assert loads(link) is None
    link.unlink()
    link.symlink_to("/bin/true")
    real = os.path.realpath("/bin/true")
    assert f"{link} leads to {real}, which is in no folder that is allowed by `" in loads(link)


def test_what_is_not_there_is_for_the_run_to_tell(scripts, loads):
    """A package may be just being upgraded, or the configuration another machine's."""
    assert loads(scripts / "gone") is None
    assert loads(scripts / "gone" / "too") is None
    (scripts / "dangles").symlink_to(scripts / "gone")
    assert loads(scripts / "dangles") is None
    (scripts / "loops").symlink_to(scripts / "loops")
    assert loads(scripts / "loops") is None


def test_we_are_a_plugin_too(daemon, scripts):
    d = daemon(config({"plugin": {"exec": [script(scripts, "x", "echo 'bad | a=1'; exit 2\n")]},
                       "plugin-good": {"exec": [script(scripts, "good", "echo fine\n")]}}, scripts))
    d.ready()
    done = d.ctl("status", "-o", "nagios")
    assert done.code == 2
    first, *more = done.out.splitlines()
    assert first == ("RELAUDIT CRITICAL - 1 of 2 checks are OK; one/plugin: bad"
                     " | ok=1 warning=0 critical=1 unknown=0 pending=0")
    assert more == ["CRITICAL: one/plugin: bad"]
    d.stop()
    gone = d.ctl("status", "-o", "nagios")
    assert gone.code == 3 and gone.out.startswith("RELAUDIT UNKNOWN - cannot reach relauditd")
    assert not gone.err
