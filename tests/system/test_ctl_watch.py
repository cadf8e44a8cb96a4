# SPDX-License-Identifier: Apache-2.0
"""relauditctl status --watch on a real terminal: its own screen, its size, how it ends."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pytest

import support

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
CONFIG = {"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
    f"backup-{i}": {"file": {"path": "/nothing"}, "expect": {"max-age": "1d"}}
    for i in range(9)}}}}


class Terminal:
    """A program on a terminal of its own, as a shell starts it."""

    def __init__(self, *argv, rows=24, columns=80, **env):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.seen = ""
        self.process = subprocess.Popen(
            list(map(str, argv)), stdin=slave, stdout=slave, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), start_new_session=True,
            env=support.clean_environment(**{"TERM": "xterm", **env}))
        os.close(slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, pattern):
        """Reads on until the pattern has come; what came with it is taken."""
        while not (found := re.search(pattern, self.seen, re.S)):
            assert select.select([self.master], [], [], 20)[0], (pattern, self.seen)
            try:
                self.seen += os.read(self.master, 65536).decode().replace("\r\n", "\n")
            except OSError:  # the other end is gone
                raise AssertionError((pattern, self.seen, self.process.stderr.read())) from None
        taken, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return taken

    def page(self):
        """The next whole page, as it is seen."""
        text = self.wait(r"\x1b\[H.*?\x1b\[J")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text[text.rindex("\x1b[H"):])

    def end(self):
        self.process.wait(timeout=20)
        err = self.process.stderr.read()
        assert not support.SANITIZER.search(err), err
        return self.process.returncode, err

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.master)


@pytest.fixture
def watch(things):
    def start(d, *more, **how):
        return things(Terminal(support.RELAUDITCTL, "--socket", d.socket, "status", "--watch",
                               *more, **how))
    return start


def test_watch(daemon, watch):
    d = daemon(CONFIG)
    d.ready()
    t = watch(d)
    wide = watch(d, rows=40, columns=200)
    low = watch(d, rows=5, columns=30)
    plain = watch(d, "--color", "never", TERM="dumb")
    assert "\x1b[" in t.wait(re.escape(ENTER))
    page = t.page()
    assert page.startswith("CRITICAL  9 checks in 1 environment") and "one/backup-8" in page
    assert max(map(len, page.splitlines())) <= 80
    assert len(wide.page().splitlines()) == len(page.splitlines())
    lines = low.page().splitlines()
    assert len(lines) == 4 and re.fullmatch(r"\.\.\. \d+ more lines", lines[-1]), lines
    low.resize(40, 120)
    assert "\x1b[1;31m" not in plain.wait(r"\x1b\[J")
    # the daemon ends: said on the page, which is left only when it is asked for
    d.stop()
    for terminal in (t, wide, low):
        terminal.wait(r"UNKNOWN\x1b\[0m  cannot reach relauditd at ")
    d.start()
    assert "one/backup-8" in low.wait("one/backup-8")
    t.process.send_signal(signal.SIGINT)
    t.wait(re.escape(LEAVE))
    assert t.end() == (-signal.SIGINT, "")
    os.write(wide.master, b"\x03")  # ^C, as it is typed
    wide.wait(re.escape(LEAVE))
    assert wide.end() == (-signal.SIGINT, "")
    # the terminal goes away: by the signal, or by the page that cannot be written before it comes
    os.close(low.master)
    low.master = os.open("/dev/null", os.O_RDWR)
    assert low.end()[0] in (-signal.SIGHUP, 2, 3)


def test_watch_of_what_there_is_not(daemon, watch):
    d = daemon(CONFIG)
    t = watch(d, "nowhere")
    code, err = t.end()
    assert code == 64 and "no environment 'nowhere'" in err
    for more in (["--wait"], ["-o", "json"]):
        code, err = watch(d, *more).end()
        assert code == 64 and "--watch goes with" in err


def test_watch_without_a_terminal(daemon, things):
    """Each page that is new, until nobody reads."""
    d = daemon(CONFIG)
    d.ready()
    child = subprocess.Popen([str(support.RELAUDITCTL), "--socket", str(d.socket), "status", "-w"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=support.clean_environment())
    assert child.stdout.readline().startswith("CRITICAL  9 checks")
    d.write({**CONFIG, "environments": {"two": CONFIG["environments"]["one"]}})
    assert d.ctl("reload").code == 0
    while not (line := child.stdout.readline()).startswith("two "):
        assert line, child.stderr.read()
    child.stdout.close()
    d.write(CONFIG)
    assert d.ctl("reload").code == 0
    assert child.wait(timeout=20) in (2, 3)
    err = child.stderr.read()
    child.stderr.close()
    assert not err, err
