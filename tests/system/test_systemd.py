# SPDX-License-Identifier: Apache-2.0
"""The unit as systemd's own tools judge it, and what the daemon says to a service manager. Its life
under a real one is in test_nspawn.py."""
import os
import re
import select
import shutil
import signal
import socket
import time

import pytest

import support
from support import BUILD, ROOT, wait_for

UNIT = "usr/lib/systemd/system/relauditd.service"
tools = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("root")
    done = support.run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", path,
                       env={**os.environ})
    assert done.code == 0, done
    return path


@pytest.fixture
def unit(root, tmp_path):
    """unit(drop-in ...): the installed one, its program where it was installed to."""
    def make(*drop_ins):
        path = tmp_path / "relauditd.service"
        path.write_text((root / UNIT).read_text().replace("=/usr/sbin", f"={root}/usr/sbin"))
        (tmp_path / "relauditd.service.d").mkdir(exist_ok=True)
        for drop_in in drop_ins:
            shutil.copy(drop_in, tmp_path / "relauditd.service.d")
        return path
    return make


def analyze(root, *args):
    return support.run("systemd-analyze", "--no-pager", *args, env=support.clean_environment(
        MANPATH=str(root / "usr/share/man"), MANPAGER="cat"))


EXAMPLES = sorted((ROOT / "systemd/examples").glob("*.conf"))


@tools
@pytest.mark.parametrize("drop_in", [None, *EXAMPLES], ids=lambda p: p.name if p else "alone")
def test_verify_says_nothing(root, unit, drop_in):
    """It exits 0 on a key that it does not know: what it says counts."""
    done = analyze(root, "verify", unit(*([drop_in] if drop_in else [])))
    assert (done.code, done.out, done.err) == (0, "", "")


@tools
def test_security(root, unit):
    done = analyze(root, "security", "--offline=true", "--threshold=13", unit())
    assert done.code == 0, done.out
    bad = re.findall(r"^✗ (\S+)", done.out, re.M)
    assert not [b for b in bad if b.startswith(("Capability", "SystemCall", "NoNew", "Protect"))]


def test_examples_are_installed_and_explained(root):
    """Each says where it goes; what is commented out in it is a key of systemd's."""
    assert len(EXAMPLES) >= 5
    for path in EXAMPLES:
        text = (root / "usr/share/doc/relaudit/systemd" / path.name).read_text()
        assert f"/etc/systemd/system/relauditd.service.d/{path.name}" in text
        assert "\n[Service]\n" in text


@tools
def test_what_is_commented_out_is_good_too(root, unit, tmp_path):
    for path in EXAMPLES:
        text = re.sub(r"^#(?=[A-Z][A-Za-z]+=)", "", path.read_text(), flags=re.M)
        (tmp_path / path.name).write_text(text)
    done = analyze(root, "verify", unit(*(tmp_path / p.name for p in EXAMPLES)))
    assert done.err == ""


# --- what it says ---

class Manager:
    """The other end of sd_notify."""

    def __init__(self, folder):
        self.path = folder / "manager"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.said = []

    def wait(self, key, timeout=20):
        """The next message with that key, as a map."""
        end = time.monotonic() + timeout
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            message = dict(ln.split("=", 1) for ln in self.socket.recv(4096).decode().splitlines())
            self.said.append(message)
            if key in message:
                return message
        return None

    def stop(self):
        self.socket.close()


@pytest.fixture
def managed(folder, things):
    manager = things(Manager(folder))

    def begin(config, **env):
        d = things(support.Daemon(folder, config))
        d.spawn(NOTIFY_SOCKET=str(manager.path), **env)
        assert manager.wait("READY", 60), d.said()
        d.manager = manager
        return d
    return begin


def checks(folder, *ages):
    for age in ages:
        support.make_backups(folder / f"b{age}", count=1, newest=age * 3600)
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
            "environments": {"one": {"checks": {
                f"backup-{age}": {"file": {"glob": f"{folder}/b{age}/*.dump"},
                                  "expect": {"max-age": "26h"}} for age in ages}}}}


def test_ready_status_and_stopping(managed, folder):
    d = managed(checks(folder, 1, 40, 50))
    assert d.manager.said[-1] == {"READY": "1", "STATUS": "1 environment, 3 checks, 3 PENDING"}
    d.ready()
    assert d.manager.wait("STATUS")["STATUS"] == "1 environment, 3 checks, 2 CRITICAL"
    d.signal(signal.SIGTERM)
    assert d.manager.wait("STOPPING") == {"STOPPING": "1"}
    assert d.process.wait(timeout=20) == 0
    assert "READY" not in d.manager.said[-1]


def test_reload(managed, folder):
    d = managed(checks(folder, 1))
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    d.signal(signal.SIGHUP)
    at = int(d.manager.wait("RELOADING")["MONOTONIC_USEC"])
    assert before <= at <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert d.manager.wait("READY")["STATUS"].startswith("1 environment, 1 check")
    good = d.config.read_text()
    d.config.write_text("nonsense: 1\n")
    d.signal(signal.SIGHUP)
    assert d.manager.wait("RELOADING")
    assert d.manager.wait("READY")["STATUS"].endswith("the last reload was refused, "
                                                      "the log says why")
    d.config.write_text(good)
    d.signal(signal.SIGHUP)
    assert d.manager.wait("RELOADING")
    assert "refused" not in d.manager.wait("READY")["STATUS"]


def test_the_watchdog_is_fed_by_a_loop_that_turns(managed, folder):
    d = managed(checks(folder, 1), WATCHDOG_USEC="200000")
    for _ in range(3):
        assert d.manager.wait("WATCHDOG", 5)
    d.signal(signal.SIGSTOP)
    wait_for(lambda: d.manager.wait("WATCHDOG", 0.5) is None, what="what was sent before is read")
    assert d.manager.wait("WATCHDOG", 0.5) is None
    d.signal(signal.SIGCONT)
    assert d.manager.wait("WATCHDOG", 5)


def test_a_watchdog_of_another_process_is_not_fed(managed, folder):
    d = managed(checks(folder, 1), WATCHDOG_USEC="20000", WATCHDOG_PID="1")
    assert d.manager.wait("WATCHDOG", 0.3) is None
