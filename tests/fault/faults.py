# SPDX-License-Identifier: Apache-2.0
"""What every row of docs/faults.md asserts, beside its own: the daemon lives and answers, its loop
was not held, it has no more descriptors, threads and children than before, no sanitizer spoke, and
no verdict turned OK unearned: only checks whose name has "good" in it may ever be OK, and those that
the test adds to `earned`."""
import collections
import contextlib
import mmap
import os
import pathlib
import re
import struct
import subprocess
import tempfile

import support
from support import wait_for

LIMIT = 0.05  # s: a turn of the loop; 10 ms is the goal
LONG = "RELAUDIT_LONG" in os.environ
SANITIZED = "ASAN_OPTIONS" in os.environ or support.SLOW > 1
# Freed memory is not kept back by the sanitizer: for rows that say memory stays flat.
FLAT = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
Usage = collections.namedtuple("Usage", "descriptors threads children")


def config(checks, **more):
    """One environment `one`, probed when asked."""
    defaults = {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "10s",
                **more.pop("defaults", {})}
    return {"defaults": defaults, "environments": {"one": {"checks": checks}}, **more}


def version(url, **more):
    """A version that a JSON body tells."""
    http = {"url": url, **more.pop("http", {})}
    return {"http": http, "format": "json", "version": "/version", **more}


def url(server, path):
    return f"http://127.0.0.1:{server.port}/{path}"


class Daemon(support.Daemon):
    """A daemon that is judged at its end; `held` is for rows that stop it or starve it by design."""

    def __init__(self, folder, config, env=None, inside=None, held=False):
        super().__init__(folder, config, env, inside)
        self.earned = set()
        self.held = held
        self.before = None

    def start(self):
        super().start()
        # What is opened or started once: readers of the history, workers.
        self.api("/v1/history")
        self.ctl("reload")
        self.before = self.usage()
        return self

    def usage(self):
        proc = pathlib.Path(f"/proc/{self.pid}")
        # Connections to the API end by themselves, after 30 s at the latest.
        descriptors = self.usage_of_descriptors() - int(self.metric("connections"))
        return Usage(descriptors, len(list((proc / "task").iterdir())), len(self.children()))

    def usage_of_descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.pid}/fd").iterdir()))

    def restart(self):
        self.judge_verdicts()
        return super().restart()

    def stop(self):
        try:
            if self.process is not None and self.process.poll() is None:
                self.judge()
        finally:
            super().stop()

    # --- the judgement ---

    def judge(self):
        self.signal(support.signal.SIGCONT)
        wait_for(lambda: self.api("/healthz")[0] == 200, what="healthy")
        self.judge_verdicts()
        self.judge_loop()
        if self.before is not None:
            wait_for(lambda: all(now <= before for now, before in zip(self.usage(), self.before)),
                     what=lambda: f"{self.before} and no more: {self.usage()} {self.open_files()}")

    def open_files(self):
        names = []
        for fd in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                names.append(f"{fd.name} {os.readlink(fd)}")
            except OSError:
                pass
        return names

    def may_be_ok(self, check):
        return "good" in check or check in self.earned

    def judge_verdicts(self):
        told = [(c["check"], c[word]) for e in self.status()["environments"] for c in e["checks"]
                for word in ("state", "verdict")]
        history = self.api("/v1/history?limit=10000")[1]["events"]
        told += [(e["check"], e["now"]) for e in history if e["event"] == "state"]
        wrong = {check for check, verdict in told
                 if verdict == "OK" and not self.may_be_ok(check)}
        assert not wrong, f"OK, and it was not earned: {wrong}"

    def judge_loop(self):
        """The longest turn. It counts what others took of the processors too: that much the
        scheduler tells, and is not the daemon's."""
        if self.held or support.SLOW > 1:
            return
        worst = self.metric("loop_worst_seconds")
        stolen = waited(self.pid)
        allowed = LIMIT * (2 if SANITIZED else 1)
        assert worst - stolen <= allowed, f"the loop was held for {worst} s ({stolen} s stolen)"

    def judge_memory(self, before, more=16 << 20):
        if support.SLOW > 1:
            return  # the tool's own memory is not told from ours
        now = self.metric("resident_bytes")
        assert now - before < more, f"memory is flat: {before} before, now {now}"

    def metric(self, name):
        found = re.findall(rf"^relaudit_{name}(?:_total)?(?:\{{[^}}]*\}})? (\S+)", self.metrics(), re.M)
        assert found, f"no metric {name}"
        return sum(float(v) for v in found)

    # --- what rows ask ---

    def results(self, *what):
        """Asks for all (or these) anew: {name: check} of environment `one`."""
        done = self.ctl("run", *(what or ("one",)))
        assert done.code in (0, 1, 2, 3), done
        [one] = [e for e in self.status()["environments"] if e["name"] == "one"]
        return {c["name"]: c for c in one["checks"]}

    def expect(self, reasons):
        """{check: reason or reasons}, once each of them has a result; returns the checks."""
        self.ready("one")
        checks = {c["name"]: c for e in self.status()["environments"] for c in e["checks"]}
        got = {n: checks[n]["reason"] for n in reasons}
        wrong = {n: (got[n], checks[n]["summary"]) for n, want in reasons.items()
                 if got[n] not in ([want] if isinstance(want, str) else want)}
        assert not wrong, wrong
        for name in reasons:
            c = checks[name]
            if c["verdict"] not in ("OK", "PENDING"):
                assert c["summary"] and c["next_step"], f"{name} says what happened"
        return checks


def waited(pid):
    """Seconds for which the loop's thread was ready to run and others ran."""
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text()
    return int(text.split()[1]) / 1e9


def library(folder, name):
    """A C file of this folder, to be preloaded."""
    path = folder / f"{name}.so"
    done = support.run("gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra",
                       "-Wno-unused-parameter", "-fPIC", "-shared", "-fno-builtin", "-o", path,
                       pathlib.Path(__file__).parent / f"{name}.c")
    assert done.code == 0, done
    return path


class Page:
    """Words that a library preloaded into a daemon reads while it runs."""

    def __init__(self, path, shim, name):
        path.write_bytes(bytes(4096))
        path.chmod(0o666)
        self.file = open(path, "r+b")
        self.page = mmap.mmap(self.file.fileno(), 4096)
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.env = {"LD_PRELOAD": str(shim), name: str(path), "ASAN_OPTIONS": options}

    def stop(self):
        self.page.close()
        self.file.close()


class Clock(Page):
    """The clocks of a daemon started with `env` (clock.c)."""

    def __init__(self, path, shim):
        super().__init__(path, shim, "CLOCK_PAGE")

    def set(self, wall):
        """Seconds ahead of the real time; at once, as a step of a time server is."""
        self.page[0:8] = struct.pack("q", wall)

    def _add(self, *seconds):
        was = struct.unpack("3q", self.page[0:24])
        self.page[0:24] = struct.pack("3q", *(w + s for w, s in zip(was, seconds)))

    def sleep(self, seconds):
        """The machine was suspended for so long."""
        self._add(seconds, seconds, 0)

    def pass_by(self, seconds):
        """So much time has passed."""
        self._add(seconds, seconds, seconds)


class Alloc(Page):
    """Makes allocations of a daemon started with `env` fail (alloc.c)."""

    FOREVER = 1 << 60

    def __init__(self, path, shim):
        super().__init__(path, shim, "ALLOC_PAGE")
        # libseccomp does not live without memory, and what a sanitizer does then is not on the list
        self.env["RELAUDIT_SECCOMP"] = "off"

    def environment(self, leaks=True):
        """Libraries leak when their own allocations fail; only ours are judged for that."""
        options = self.env["ASAN_OPTIONS"] + ("" if leaks else ":detect_leaks=0")
        return {**self.env, "ASAN_OPTIONS": options}

    def arm(self, skip=FOREVER, more=0, own=True):
        """The allocation after `skip` others fails, and the `more` after it."""
        self.page[0:56] = struct.pack("7q", 0, own, skip, more, 0, 0, "ALLOC_TRACE" in os.environ)
        self.page[0:8] = struct.pack("q", 1)

    def disarm(self):
        """(how many allocations there were, how many of them failed)"""
        self.page[0:8] = struct.pack("q", 0)
        return struct.unpack("2q", self.page[32:48])


def sample(count, most, long=None):
    """`most` of count indexes, evenly and with both ends; `long` or all of them in a long run."""
    most = (long or count) if LONG else most
    if count <= most:
        return list(range(count))
    return sorted({i * (count - 1) // (most - 1) for i in range(most)})


class Strace(contextlib.AbstractContextManager):
    """System calls of a process and of its threads and children fail while it is attached; `fired`
    is how many did."""

    def __init__(self, pid, calls, how, follow=True):
        self.log = tempfile.NamedTemporaryFile(prefix="relaudit-strace-")
        self.fired = 0
        self.process = subprocess.Popen(
            ["strace", *(["-f"] if follow else []), "-qq", "-o", self.log.name, "-e",
             f"trace={calls}", "-e", f"inject={calls}:{how}", "-e", "signal=none", "-p", str(pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        status = pathlib.Path(f"/proc/{pid}/status")
        wait_for(lambda: f"TracerPid:\t{self.process.pid}\n" in status.read_text(),
                 what="strace is attached")

    def __exit__(self, *exc):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it waits for a thread that is on its way out
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        self.fired = self.log.read().count(b"(INJECTED)")
        self.log.close()
