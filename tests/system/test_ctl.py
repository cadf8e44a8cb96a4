# SPDX-License-Identifier: Apache-2.0
"""relauditctl where there is no daemon, where there is another one, and through ssh."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import pytest

import support


def ctl(*args, **env):
    return support.run(support.RELAUDITCTL, *args, env=support.clean_environment(**env))


@pytest.mark.parametrize("command", [["status"], ["show", "one"], ["run", "one"], ["version"],
                                     ["history"], ["reload"], ["events"]])
def test_no_daemon(folder, command):
    done = ctl("--socket", folder / "nothing.sock", *command)
    assert done.code == 69, done
    assert not done.out and done.err.count("\n") == 1
    assert str(folder / "nothing.sock") in done.err


def test_many_names(daemon, web):
    web.put("a", {"version": "1.0.0"})
    d = daemon({"environments": {"one": {"checks": {"version": {
        "http": {"url": web.url("a")}, "format": "json", "version": "/version",
        "expect": {"version": "1.0.0"}}}}}})
    d.ready()
    names = ["one/version", "one"] * 500
    assert d.ctl("status", *names).code == 0
    done = d.ctl("status", "one", *names)
    assert done.code == 64 and "more than 1000 names" in done.err and "in parts" in done.err


def test_no_daemon_behind_a_socket_that_was_left(folder):
    path = folder / "left.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
    done = ctl("status", RELAUDIT_SOCKET=str(path))
    assert done.code == 69 and str(path) in done.err and done.err.count("\n") == 1


def test_something_else_behind_the_socket(folder, things):
    path = folder / "other.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen()
        child = subprocess.Popen([str(support.RELAUDITCTL), "--socket", str(path), "status"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=support.clean_environment())
        s.settimeout(0.1)
        while child.poll() is None:  # it may come again
            with contextlib.suppress(OSError):
                client, _ = s.accept()
                client.sendall(b"220 mail.example ESMTP\r\n")
                client.close()
        out, err = child.communicate()
    assert child.returncode == 69 and not out and err.count("\n") == 1
    assert "is not relauditd" in err or "closed the connection" in err, err


def test_a_stream_that_does_not_begin(daemon):
    """A daemon that hangs: of a stream --timeout is for its beginning."""
    d = daemon({"environments": {}})
    d.signal(signal.SIGSTOP)
    began = time.monotonic()
    done = d.ctl("--timeout", "2s", "events")
    assert done.code == 69 and "did not answer within 2 s" in done.err, done
    assert time.monotonic() - began < 20, "and not those 45 s that it may be silent later"


def test_no_socket_is_no_path():
    done = ctl("--socket", "", "status")
    assert done.code == 64 and "--socket is the path of a socket" in done.err


def test_nagios_form_never_says_anything_else_than_unknown(folder):
    done = ctl("--socket", folder / "nothing.sock", "-o", "nagios", "status")
    assert done.code in (3, 64)


def test_help_and_version():
    done = ctl("--help")
    assert done.code == 0 and not done.err
    for word in ("status", "show", "version", "history", "run", "try", "events", "reload",
                 "completion"):
        assert word in done.out
        assert ctl(word, "--help").code == 0, word
    assert ctl("--version").out.startswith("relauditctl ")


def test_a_full_disk_and_a_closed_pipe_are_said(daemon):
    d = daemon({"environments": {}})
    argv = [str(support.RELAUDITCTL), "--socket", str(d.socket), "status", "-o", "json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True,
                              env=support.clean_environment())
    assert done.returncode != 0 and done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(argv, stdout=writer, stderr=subprocess.PIPE, text=True,
                          env=support.clean_environment())
    os.close(writer)
    assert not support.SANITIZER.search(done.stderr)


def test_through_ssh(daemon, sshd, web):
    web.put("version", {"version": "2.0.0"})
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "version": {"http": {"url": web.url("version")}, "format": "json", "version": "/version",
                    "expect": {"version": "1.0.0"}}}}}})
    d.ready()
    args = ["--host", "ssh://audit1", "--socket", d.socket]
    done = ctl(*args, "status", "-o", "json", PATH=sshd.path)
    assert done.code == 2, done
    assert json.loads(done.out)["environments"][0]["checks"][0]["reason"] == "version-differs"
    assert ctl(*args, "show", "one/version", PATH=sshd.path).code == 2
    left = subprocess.run(["pgrep", "-f", str(sshd.path.split(":")[0])[:-4] + "/config"],
                          capture_output=True, text=True).stdout
    assert not left, "no ssh is left behind"


def test_ssh_that_does_not_get_there_is_unreachable(sshd, folder):
    done = ctl("--host", "ssh://nowhere.invalid", "status", PATH=sshd.path)
    assert done.code == 69 and not done.out and "nowhere.invalid" in done.err
    done = ctl("--host", "ssh://audit1", "--socket", folder / "nothing.sock", "status",
               PATH=sshd.path)
    assert done.code == 69 and not done.out
    done = ctl("--host", "ssh://-oProxyCommand=touch${IFS}x", "status", PATH=sshd.path)
    assert done.code in (64, 69) and not os.path.exists("x")


def test_a_run_too_often_is_no_verdict(daemon, folder):
    """Not of the check that was asked too often alone, either: what is answered is fresh."""
    support.make_backup(folder / "b" / "a.dump", 3600)
    check = {"file": {"glob": f"{folder}/b/*.dump"}}
    d = daemon({"environments": {"one": {"checks": {"backup-a": check, "backup-b": check}}}})
    d.ready()
    for _ in range(100):
        d.api("/v1/run", method="POST", body={"select": ["one/backup-a"]})
        done = d.ctl("run", "one")
        if done.code:
            break
    assert done.code == 3 and not done.out, done
    assert "asked more than 10 times in a second" in done.err
