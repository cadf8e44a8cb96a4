# SPDX-License-Identifier: Apache-2.0
"""A machine with systemd as its init: systemd-nspawn over an overlay of /, on which relaudit is
installed as a package would. What is written there goes with it."""
import json
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess

import yaml

import support
from support import wait_for

RELEASE = pathlib.Path(os.environ.get("RELAUDIT_RELEASE_BUILD", support.ROOT / "build-release"))
TARGET = """[Unit]
Requires=sysinit.target systemd-journald.service
After=sysinit.target systemd-journald.service
"""


def why_not():
    """Why there can be no such machine here; None: there can."""
    if os.geteuid() != 0:
        return "a machine of its own takes root"
    if shutil.which("systemd-nspawn") is None:
        return "no systemd-nspawn here (package systemd-container)"
    if not (RELEASE / "daemon/relauditd").exists():
        return f"no release build in {RELEASE} (RELAUDIT_RELEASE_BUILD)"
    return None


class Machine:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / "root"
        self.console = self.folder / "console"
        self.leader = None
        self.process = None
        self.mounted = []

    # --- life ---

    def mount(self, where, *args):
        where.mkdir(exist_ok=True)
        done = support.run("mount", *args, where)
        assert done.code == 0, done
        self.mounted.append(where)

    def prepare(self):
        """The disk: / with relaudit installed."""
        layer = self.folder / "layer"
        self.mount(layer, "-t", "tmpfs", "tmpfs")
        (layer / "upper").mkdir()
        (layer / "work").mkdir()
        self.mount(self.root, "-t", "overlay", "overlay", "-o",
                   f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work")
        shutil.rmtree(self.root / "etc/relaudit", ignore_errors=True)
        done = support.run("meson", "install", "-C", RELEASE, "--no-rebuild", "--destdir",
                           self.root, env={**os.environ})
        assert done.code == 0, done
        self.write("etc/systemd/system/relaudit-test.target", TARGET)

    def start(self):
        self.prepare()
        at = str(self.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(at)
            with open(self.console, "wb") as console:
                self.process = subprocess.Popen(
                    ["systemd-nspawn", "--register=no", "--keep-unit", "--quiet",
                     "--private-network", "--notify-ready=yes", "--console=pipe",
                     f"--bind-ro={support.ROOT}", f"--directory={self.root}", "--boot",
                     "systemd.unit=relaudit-test.target"],
                    stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                    env=support.clean_environment(NOTIFY_SOCKET=at))
            self.wait_until_up(notify)
        return self

    def wait_until_up(self, notify):
        pidfd = os.pidfd_open(self.process.pid)
        try:
            poll = select.poll()
            poll.register(notify, select.POLLIN)
            poll.register(pidfd, select.POLLIN)
            while True:
                ready = dict(poll.poll(120000))
                if notify.fileno() in ready:
                    said = notify.recv(4096).decode()
                    leader = re.search(r"X_NSPAWN_LEADER_PID=(\d+)", said)
                    self.leader = leader[1] if leader else self.leader
                    if re.search(r"^READY=1", said, re.M):
                        return
                else:
                    raise AssertionError(f"no machine: {self.console.read_text(errors='replace')}")
        finally:
            os.close(pidfd)

    def stop(self):
        if self.process is not None:
            if self.leader is not None:
                os.kill(int(self.leader), 9)
            else:
                self.process.kill()
            self.process.wait()
        for where in reversed(self.mounted):
            subprocess.run(["umount", "--lazy", str(where)], check=True)

    # --- inside ---

    def inside(self, *args):
        return ["nsenter", "--target", self.leader, "--all", "--", *map(str, args)]

    def run(self, *args, code=0):
        done = support.run(*self.inside(*args))
        assert code is None or done.code == code, (args, done)
        return done

    def systemctl(self, *args, **more):
        return self.run("systemctl", "--no-pager", *args, **more)

    def write(self, path, text, mode=0o644):
        at = self.root / path.lstrip("/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
        at.chmod(mode)
        return at

    # --- relauditd ---

    def configure(self, config, **drop_ins):
        """Starts it anew on an empty state. Drop-ins by their names: a text, or None for the example
        of that name."""
        self.systemctl("stop", "relauditd", code=None)
        self.systemctl("reset-failed", "relauditd", code=None)
        self.run("sh", "-c", "rm -rf /etc/systemd/system/relauditd.service.d /var/lib/relaudit")
        for name, text in drop_ins.items():
            if text is None:
                text = (self.root / f"usr/share/doc/relaudit/systemd/{name}.conf").read_text()
            self.write(f"etc/systemd/system/relauditd.service.d/{name}.conf", text)
        self.reconfigure(config)
        self.systemctl("daemon-reload")
        self.systemctl("start", "relauditd")

    def reconfigure(self, config):
        text = config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False)
        self.write("etc/relaudit/relauditd.yaml", text, 0o640)
        self.run("chgrp", "relaudit", "/etc/relaudit/relauditd.yaml")

    def show(self, name):
        return self.systemctl("show", "--property", name, "--value", "relauditd").out.strip()

    def pid(self):
        return int(self.show("MainPID"))

    def ctl(self, *args, code=None):
        return self.run("relauditctl", *args, code=code)

    def ready(self):
        """The first results are there; {name: check}."""
        self.ctl("run", "one")
        done = self.ctl("status", "--wait", "--timeout", "60s", "-o", "json")
        return {c["name"]: c for e in json.loads(done.out)["environments"] for c in e["checks"]}

    def journal(self, *match):
        """Its entries, oldest first."""
        done = self.run("journalctl", "--no-pager", "-o", "json", "-u", "relauditd", *match)
        return [json.loads(line) for line in done.out.splitlines()]

    def wait_for_message(self, text, count=1):
        def found():
            entries = [e for e in self.journal() if text in e["MESSAGE"]]
            return entries if len(entries) >= count else None
        return wait_for(found, what=lambda: f"{text} in {[e['MESSAGE'] for e in self.journal()]}")
