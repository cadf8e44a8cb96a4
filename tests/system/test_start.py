# SPDX-License-Identifier: Apache-2.0
"""Starting: one instance, its socket, its environment, its exit codes."""
import contextlib
import grp
import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

import support
from support import wait_for

EMPTY = {"environments": {}}


def spawn(d):
    """Starts without waiting for ready; (exit code, what it said)."""
    d.spawn()
    code = d.process.wait(timeout=60)
    d.process = None
    assert not support.SANITIZER.search(d.said()), d.said()
    return code, d.said()


def test_second_instance_is_refused_with_the_pid(daemon, folder):
    d = daemon(EMPTY)
    other = support.Daemon(folder, d.config.read_text())
    code, said = spawn(other)
    assert code == 1
    assert f"already running, pid {d.pid}" in said.splitlines()[-1]
    assert d.ctl("status").code == 3, "the first is unharmed"


def test_twenty_at_once_leave_one(folder, things):
    all_of_them = [support.Daemon(folder, EMPTY) for _ in range(20)]
    for d in all_of_them:
        d.spawn()
    wait_for(lambda: sum(d.process.poll() is None for d in all_of_them) == 1, timeout=60)
    [left] = [d for d in all_of_them if d.process.poll() is None]
    things(left)
    assert all(d.process.returncode == 1 for d in all_of_them if d is not left)
    wait_for(lambda: left.ctl("status").code == 3)


def test_a_stale_socket_is_replaced(daemon):
    d = daemon(EMPTY)
    d.kill9()
    assert d.socket.exists()
    d.start()
    assert d.ctl("status").code == 3


def test_a_live_socket_of_another_is_never_stolen(folder):
    d = support.Daemon(folder, EMPTY)
    d.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(d.socket))
        other.listen()
        code, said = spawn(d)
        assert code == 1 and str(d.socket) in said
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(d.socket))


@pytest.mark.parametrize("make", ["nothing", "stale", "no folder"])
def test_a_socket_that_is_lost_is_mended(daemon, syslog, make):
    group = grp.getgrnam("games")
    d = daemon({"daemon": {"socket": {"group": "games"}}, **EMPTY}, inside=syslog)
    with contextlib.closing(support.UnixConnection(d.socket)) as old:
        old.request("GET", "/healthz")
        assert old.getresponse().read()
        d.socket.unlink()
        if make == "stale":
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(d.socket))
        elif make == "no folder":
            d.socket.parent.rmdir()
        [line] = syslog.wait(": socket lost=")
        assert "lost=0" in line and "removed or replaced" in line
        assert d.ctl("status").code == 3
        assert d.socket.stat().st_gid == d.socket.parent.stat().st_gid == group.gr_gid
        assert stat.S_IMODE(d.socket.stat().st_mode) == 0o660
        old.request("GET", "/healthz")
        assert old.getresponse().status == 200, "who was connected is served on"


def test_a_place_that_another_has_taken_is_left_to_it(daemon, syslog):
    d = daemon(EMPTY, inside=syslog)
    d.socket.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(d.socket))
        other.listen()
        [line] = syslog.wait(": socket lost=1")
        assert "another daemon listens there" in line
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(d.socket))
    syslog.wait(": socket lost=0")
    assert d.ctl("status").code == 3


def test_a_stop_removes_no_socket_of_another(daemon):
    d = daemon(EMPTY)
    d.socket.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(d.socket))
        other.listen()
        process, d.process = d.process, None
        process.terminate()
        assert process.wait(timeout=20) == 0
        assert d.socket.is_socket()


def test_a_passed_socket_is_left_alone(folder, things, syslog):
    """systemd's, which would listen there anew itself."""
    d = things(support.Daemon(folder, EMPTY, inside=syslog))
    d.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(d.socket))
        passed.listen()
        code = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS='1', "
                "LISTEN_PID=str(os.getpid())); os.execv(sys.argv[2], sys.argv[2:])")
        d.process = subprocess.Popen(
            syslog.command("/usr/bin/python3", "-c", code, str(passed.fileno()),
                           str(support.RELAUDITD), "-c", str(d.config)),
            pass_fds=[passed.fileno()], env=support.clean_environment(), stderr=subprocess.DEVNULL)
        syslog.wait(": start ")
        assert d.ctl("status").code == 3
        moved = d.socket.rename(d.socket.with_suffix(".moved"))
        for pid in d.children():
            os.kill(pid, signal.SIGKILL)
        syslog.wait(": helper restarted=")  # seen in the same turn in which it looks at its socket
        with contextlib.closing(support.UnixConnection(moved)) as client:
            client.request("GET", "/healthz")
            assert client.getresponse().status == 200
        assert not d.socket.exists() and not syslog.lines(": socket ")


@pytest.mark.parametrize("make", ["file", "folder", "link"])
def test_what_is_no_socket_is_not_removed(folder, make):
    d = support.Daemon(folder, EMPTY)
    d.socket.parent.mkdir()
    if make == "file":
        d.socket.write_text("precious")
    elif make == "folder":
        d.socket.mkdir()
    else:
        d.socket.symlink_to("/etc/passwd")
    code, said = spawn(d)
    assert code == 1 and str(d.socket) in said
    assert os.path.lexists(d.socket)


def test_modes(daemon):
    d = daemon(EMPTY)
    mode = stat.S_IMODE(d.socket.stat().st_mode)
    assert mode == 0o660 and stat.S_ISSOCK(d.socket.stat().st_mode)
    assert stat.S_IMODE(d.socket.parent.stat().st_mode) == 0o750
    assert stat.S_IMODE(d.state.stat().st_mode) == 0o750
    for path in d.state.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o027 == 0, path


@pytest.mark.parametrize("length, good", [(107, True), (108, False), (200, False)])
def test_length_of_the_socket_path(folder, length, good):
    path = str(folder) + "/"
    path += "s" * (length - len(path))
    d = support.Daemon(folder, f"daemon: {{socket: {{path: {path}}}, state: {folder}/state}}\n"
                       "environments: {}\n")
    done = support.relauditd("--check-config", "-c", d.config)
    assert done.code == (0 if good else 2), done
    if good:
        d.socket = support.pathlib.Path(path)
        d.start()
        d.stop()
    else:
        assert f"{d.config}:1:" in done.err and "107" in done.err
        assert spawn(d)[0] == 2


def group_of(name, avoid=()):
    for candidate in (name, "daemon", "games", "mail"):
        try:
            if candidate not in avoid:
                return grp.getgrnam(candidate)
        except KeyError:
            pass
    pytest.skip("no group to try with")


def curl_as(d, path, groups, *more):
    done = subprocess.run(["/usr/bin/curl", "-sS", "--unix-socket", d.socket, "-w", "%{http_code}",
                           "-o", "/dev/null", *more, f"http://localhost{path}"],
                          user=65534, group=65534, extra_groups=groups, capture_output=True,
                          text=True)
    return done.stdout


def test_who_may_what(daemon, folder, web):
    """The socket's group may ask; `access` says who may run and reload."""
    web.put("version", {"version": "1.0.0"})
    readers, runners = group_of("daemon"), group_of("games", ("daemon",))
    d = daemon({"daemon": {"socket": {"group": readers.gr_name}},
                "access": {"run": [runners.gr_name]},
                "environments": {"one": {"checks": {
                    "version": {"http": {"url": web.url("version")}, "format": "text"}}}}})
    d.ready()
    assert d.socket.stat().st_gid == readers.gr_gid
    assert d.socket.parent.stat().st_gid == readers.gr_gid
    post = ["-X", "POST", "-H", "Content-Type: application/json", "-d", '{"select":["one"]}']
    reads, runs = [readers.gr_gid], [readers.gr_gid, runners.gr_gid]
    assert curl_as(d, "/v1/status", [65534]) == "000", "others do not even reach the socket"
    assert curl_as(d, "/v1/status", reads) == "200"
    assert curl_as(d, "/v1/run", reads, *post) == "403"
    assert curl_as(d, "/v1/reload", reads, "-X", "POST") == "403"
    assert curl_as(d, "/v1/run", runs, *post) == "200"
    assert curl_as(d, "/v1/reload", runs, "-X", "POST") == "403"


def test_environment_variables_steer_nothing(daemon, folder, things, certificates):
    """No proxy, no netrc, no key log, no other CA than the configured."""
    web = things(support.Web(folder / "web", {"server": certificates["server"]}))
    proxy = things(support.Web(folder / "proxy"))
    home = folder / "home"
    home.mkdir()
    (home / ".netrc").write_text("default login thief password stolen\n")
    (home / ".curlrc").write_text(f"proxy = 127.0.0.1:{proxy.port}\n")
    ca = f"{certificates['ca']}.pem"
    at = f"http://127.0.0.1:{proxy.port}"
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "version": {"http": {"url": web.url("echo")}, "format": "json", "version": "/version"},
        "version-tls": {"http": {"url": f"https://localhost:{web.tls['server']}/", "ca": ca},
                        "format": "text"},
        "version-ca": {"http": {"url": f"https://localhost:{web.tls['server']}/"},
                       "format": "text"}}}}},
        env={"http_proxy": at, "https_proxy": at, "HTTPS_PROXY": at, "ALL_PROXY": at,
             "all_proxy": at, "HOME": str(home), "NETRC": str(home / ".netrc"),
             "CURL_HOME": str(home), "SSLKEYLOGFILE": str(folder / "keys"), "CURL_CA_BUNDLE": ca,
             "SSL_CERT_FILE": ca, "SSL_CERT_DIR": os.path.dirname(ca)})
    checks = {c["name"]: c for c in d.ready()["environments"][0]["checks"]}
    # nginx echoes "Authorization X-Token": both empty, so a blank or nothing at all
    assert "thief" not in json.dumps(checks) and "Basic" not in json.dumps(checks)
    assert checks["version-ca"]["reason"] == "tls-unknown-ca"
    assert checks["version-tls"]["reason"] in ("http-status", "ok"), "TLS itself is fine"
    assert proxy.hits() == 0 and not (folder / "keys").exists()


def test_exit_codes_and_usage():
    assert support.relauditd("--version").out.startswith("relauditd ")
    assert support.relauditd("--help").code == 0
    for bad in (["--nothing"], ["-c"], ["left", "over"], ["--offline"]):
        done = support.relauditd(*bad)
        assert done.code == 64 and done.err and not done.out
    assert support.relauditd("-c", "/nonexistent/relauditd.yaml").code == 2


def test_stop_is_quick_with_probes_in_flight(daemon, things):
    hole = things(support.Hole())
    d = daemon({"daemon": {"per-host": 500},
                "environments": {f"env{n}": {"checks": {f"version-{i}": {
                    "http": {"url": f"http://127.0.0.1:{hole.port}/"}, "format": "text",
                    "timeout": "60s", "every": "1s"} for i in range(10)}} for n in range(30)}})
    wait_for(lambda: support.in_flight(d.metrics()) >= 200, what="probes under way")
    began = support.time.monotonic()
    d.signal(signal.SIGTERM)
    d.signal(signal.SIGTERM)
    assert d.process.wait(timeout=20) == 0
    # 2 s by the contract; sanitizers take their share
    assert support.time.monotonic() - began < 6


@pytest.mark.parametrize("storm", [(signal.SIGTERM,), (signal.SIGHUP,),
                                   (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)])
def test_signals_during_a_stop_change_nothing(daemon, syslog, storm):
    """From the first to the last instant of it: at any distance to the first."""
    d = daemon(EMPTY, inside=syslog)
    syslog.wait(": start ")
    process, d.process = d.process, None
    process.send_signal(signal.SIGTERM)
    while process.poll() is None:
        for number in storm:
            process.send_signal(number)
    assert process.returncode == 0, d.said()
    assert not support.SANITIZER.search(d.said()), d.said()
    syslog.wait(": stop ")
    assert not d.socket.exists()
    assert not list(d.state.glob("*-wal"))


def test_state_folder_that_cannot_be_is_said(folder):
    (folder / "state").write_text("a file")
    code, said = spawn(support.Daemon(folder, EMPTY))
    assert code == 1 and str(folder / "state") in said
