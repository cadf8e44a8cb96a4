#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Everything of docs/faults.md at random against one daemon with real back ends:

  RELAUDIT_BUILD=$PWD/build-test tests/fault/soak.py --seed 7 --seconds 600

The driver alone changes what the checks look at, so after each event it knows what each of them
must say: OK where it may and soon, and never where it may not. The state shown is the one that
syslog was told last, once, and is there after each crash. No descriptor, thread, child or memory is
left behind, no turn of the loop is long. One seed is one sequence of events.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE), str(HERE.parent / "system")]

import faults  # noqa: E402
import support  # noqa: E402
from store_rounds import Mount  # noqa: E402
from support import parse_line, wait_for  # noqa: E402

ENVIRONMENTS = 6
WARM = 5  # events after a start, until memory is held against what it was
GROWTH = 32 << 20
HOSTILE = ("endless-chunked", "gzip-bomb", "endless-headers", "interim", "garbage", "reset",
           "short", "bad-chunk", "http09", "nul-header", "loop", "empty", "large?3000000", "close")


class Daemon(faults.Daemon):
    """Any check but the hostile ones may have been OK."""

    def may_be_ok(self, check):
        return not check.startswith("hostile/")


class World:
    """What the checks look at, and what each must say of it."""

    VERDICTS = {
        "version": {"good": "OK", "wrong": "CRITICAL", "garbage": "UNKNOWN", "hangs": "UNKNOWN",
                    "dead": "UNKNOWN", "gone": "UNKNOWN"},
        "backup": {"good": "OK", "old": "CRITICAL", "none": "CRITICAL", "gone": "CRITICAL",
                   "empty": "CRITICAL", "future": "CRITICAL"},
        "logs": {"good": "OK", "old": "CRITICAL", "forbidden": "CRITICAL", "empty": "CRITICAL",
                 "gone": "CRITICAL"},
        "config": {"good": "OK", "lacking": "CRITICAL", "garbage": "UNKNOWN", "gone": "UNKNOWN"},
        "plugin": {"good": "OK", "warns": "WARNING", "bad": "CRITICAL", "unknown": "UNKNOWN",
                   "hangs": "UNKNOWN", "killed": "UNKNOWN"},
    }
    SCRIPTS = {"good": "echo fine", "warns": "echo hm; exit 1", "bad": "echo bad; exit 2",
               "unknown": "exit 3", "hangs": "exec sleep 60", "killed": "kill -9 $$"}

    def __init__(self, folder, scripts, web, clock):
        self.folder, self.scripts, self.web, self.clock = folder, scripts, web, clock
        self.offset = 0
        self.now = dict.fromkeys(self.VERDICTS, "good")
        self.lay()

    def verdict(self, kind):
        return self.VERDICTS[kind][self.now[kind]]

    def set(self, kind, state):
        self.now[kind] = state
        getattr(self, kind)(state)

    def lay(self):
        for kind, state in self.now.items():
            getattr(self, kind)(state)

    def jump(self, offset):
        """The daemon's clock, and with it all that is fresh or old."""
        self.offset = offset
        self.clock.set(offset)
        self.lay()

    def version(self, state):
        if self.web.process is not None and state == "dead":
            self.web.stop()
        elif self.web.process is None and state != "dead":
            self.web.start()
        if self.web.process is not None:
            self.web.hang() if state == "hangs" else self.web.go_on()
        if state == "gone":
            (self.web.www / "version").unlink(missing_ok=True)
        else:
            told = {"wrong": {"version": "2.0.0"}, "garbage": '{"version":"1.0'}
            self.web.put("version", told.get(state, {"version": "1.0.0"}))

    def backup(self, state):
        where = self.folder / "b"
        shutil.rmtree(where, ignore_errors=True)
        if state == "gone":
            return
        where.mkdir()
        if state != "none":
            age = {"old": 30 * 3600, "future": -5 * 3600}.get(state, 3600)
            support.make_backup(where / "a.dump", age - self.offset,
                                0 if state == "empty" else 200000)

    def logs(self, state):
        path = self.folder / "app.log"
        age = (5 if state != "old" else 5 * 3600) - self.offset
        if state == "gone":
            path.unlink(missing_ok=True)
            return
        new = support.make_log(path.with_suffix(".new"), *[] if state == "empty" else
                               [(age, "INFO one"),
                                (age, "ERROR two" if state == "forbidden" else "INFO two")])
        new.rename(path)

    def config(self, state):
        path = self.folder / "env"
        path.unlink(missing_ok=True)
        if state != "gone":
            new = path.with_suffix(".new")
            told = {"lacking": "A=1\n", "garbage": "<html>\n"}
            new.write_text(told.get(state, "A=1\nNEEDED=2\n"))
            new.rename(path)

    def plugin(self, state):
        new = self.scripts / "new"
        new.write_text(f"#!/bin/sh\n{self.SCRIPTS[state]}\n")
        new.chmod(0o755)
        new.rename(self.scripts / "plugin")

    def checks(self):
        url = self.web.url("version")
        return {
            "version": faults.version(url, expect={"version": "1.0.0"}),
            "backup": {"file": {"glob": f"{self.folder}/b/*.dump"}, "expect": {"max-age": "26h"}},
            "logs": {"file": {"path": f"{self.folder}/app.log"}, "time": r"^(?<time>\S+)",
                     "expect": {"max-age": "2h", "forbidden": ["ERROR"]}},
            "config": {"file": {"path": f"{self.folder}/env"}, "format": "dotenv",
                       "expect": {"required": ["NEEDED"]}},
            "plugin": {"exec": [str(self.scripts / "plugin")]},
        }


class Soak:
    """One daemon, its world, and the events that happen to them."""

    def __init__(self, folder, things, seed):
        self.rng = random.Random(seed)
        self.events = []
        self.disk = things(Mount(folder / "state", "-o", "size=16m"))
        self.full = self.crashed_full = False
        self.syslog = things(support.Syslog(folder / "syslog"))
        self.hostile = things(support.Server(support.SERVERS / "http_server.py"))
        self.scripts = scripts = support.make_folder("relaudit-test-", "/run")
        self.clock = things(faults.Clock(folder / "clock", faults.library(folder, "clock")))
        self.world = World(folder, scripts, things(support.Web(folder / "web")), self.clock)
        self.extra = 0
        self.heard = 0
        self.last = {}  # of each check: (state, id, reason) as syslog heard it last
        self.again = set()  # may be said again, with its id: its daemon ended right after
        self.lossy = 0  # events for which lines may be lacking
        self.unknown = set()  # was said of a state that was not kept: what comes next counts
        # Freed memory is not kept back, and the clock is loaded before the sanitizer.
        env = {**self.clock.env, "ASAN_OPTIONS": f"{self.clock.env['ASAN_OPTIONS']}:"
               "quarantine_size_mb=1"}
        self.daemon = things(Daemon(folder, self.configuration(), env=env, inside=self.syslog))
        self.daemon.start()
        self.since_start, self.memory = 0, None  # memory is measured anew with each process

    def stop(self):
        """Before the daemon, which is to be healthy at its end."""
        if self.full:
            self.disk.free()
        shutil.rmtree(self.scripts)

    def configuration(self):
        names = [f"e{n}" for n in range(ENVIRONMENTS)] + [f"extra{n}" for n in range(self.extra)]
        checks = self.world.checks()
        hostile = {f"version-{n}": faults.version(faults.url(self.hostile, path))
                   for n, path in enumerate(HOSTILE)}
        return {"defaults": {"every": "2s", "retry": "1s", "confirm": 1, "timeout": "1s"},
                "daemon": {"exec": {"allow": [str(self.scripts)]}},
                "environments": {**{n: {"checks": checks} for n in names},
                                 "hostile": {"checks": hostile}}}

    # --- what happens ---

    def happen(self):
        choices = [name for name in dir(self) if name.startswith("on_")]
        # Half of it to what is looked at.
        name = self.rng.choice(choices + ["on_world"] * len(choices))
        self.events.append(name)
        # What could not be saved is queued for syslog in memory only: if nobody listens, it ends
        # with its process.
        if self.full and self.syslog.process is None:
            self.lossy = 3
        getattr(self, name)()
        self.settle()
        if self.syslog.process is not None:
            self.lossy = max(0, self.lossy - 1)

    def on_world(self):
        for _ in range(self.rng.choice((1, 1, 3))):
            kind = self.rng.choice(list(World.VERDICTS))
            state = self.rng.choice(["good", *World.VERDICTS[kind]])
            self.events[-1] += f" {kind}={state}"
            self.world.set(kind, state)

    def on_flapping(self):
        """Changes that nobody waits for; then one that stays."""
        for _ in range(10):
            self.world.set("version", self.rng.choice(("good", "wrong", "gone")))
            self.daemon.ctl("run", "--timeout", "100ms", "e0/version")

    def on_reload(self):
        if self.syslog.process is not None:
            self.extra = self.rng.randrange(4)
            # Who comes back has no past.
            self.unknown.update(n for n in self.last if n.startswith("extra"))
        self.daemon.write(self.configuration())
        assert self.daemon.ctl("reload").code == 0

    def on_bad_reload(self):
        text = self.daemon.config.read_text()
        self.daemon.write(self.rng.choice(("a: [", text + "\nnonsense: 1\n", "", "\0")))
        done = self.daemon.ctl("reload")
        assert done.code != 0 and done.err, done
        self.daemon.write(text)

    def on_hangup_storm(self):
        for _ in range(50):
            self.daemon.signal(signal.SIGHUP)

    def on_crash(self):
        self.after(self.daemon.kill9)

    def on_restart(self):
        self.after(lambda: support.Daemon.stop(self.daemon))

    def on_keeper_killed(self):
        """Then it ends, for its unit to start it."""
        def end():
            os.kill(self.daemon.keeper(), 9)
            assert self.daemon.process.wait(timeout=30) == 1
            self.daemon.process = None
        # Without its keeper it finds no file any more before it ends, and no program answers.
        self.after(end, ("helper-lost", "timeout"))

    def after(self, end, meanwhile=("helper-lost",)):
        """What was announced and kept is there again, in a world that is as it was."""
        before = self.states()
        saved = not self.full and self.is_saved()
        end()
        self.daemon.start()
        self.since_start, self.memory = 0, None
        (self.again if saved else self.unknown).update(before)
        lost = {n: (before[n], c["state"], c["reason"]) for n, c in self.checks().items()
                if c["state"] not in (before[n], self.expected(n)) and
                c["reason"] not in ("stale", *meanwhile)}
        assert not saved or not lost, f"announced, and not there after a start: {lost}"

    def on_starved(self):
        self.daemon.judge_loop()
        self.daemon.signal(signal.SIGSTOP)
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                s = stack.enter_context(socket.socket(socket.AF_UNIX))
                s.setblocking(False)
                s.connect_ex(str(self.daemon.socket))
            self.on_world()
            self.daemon.signal(signal.SIGCONT)
        self.settle()
        self.on_crash()

    def on_disk(self):
        """Full, or free again."""
        if self.full:
            self.disk.free()
            self.full = False
            wait_for(self.is_saved, what="all is saved once there is room")
        else:
            self.disk.fill()
            self.full = True

    def is_saved(self):
        return (self.daemon.metric("store_failing") == 0 and
                self.daemon.metric("records_unsaved") == 0)

    def on_clients(self):
        """Who floods, who says half of it, who goes before the answer."""
        said = [b"", b"GET /v1/sta", b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n" * 4,
                b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
                self.rng.randbytes(300), b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"]
        with contextlib.ExitStack() as stack:
            for _ in range(60):
                s = stack.enter_context(socket.socket(socket.AF_UNIX))
                with contextlib.suppress(OSError):
                    s.settimeout(5)
                    s.connect(str(self.daemon.socket))
                    s.sendall(self.rng.choice(said))
        assert self.daemon.api("/healthz")[0] in (200, 503)

    def on_syslog(self):
        if self.syslog.process is None:
            self.syslog.start()
        elif self.rng.random() < 0.5:
            self.syslog.stop_rsyslog()
        else:
            self.syslog.hang()
            self.on_world()
            self.settle(told=False)
            self.syslog.go_on()

    def on_clock(self):
        self.world.jump(self.rng.choice((0, -600, 600, 86400, -86400 * 400, 86400 * 400)))
        self.events[-1] += f" {self.world.offset:+d}"

    def on_helper_killed(self):
        for helper in self.daemon.children():
            os.kill(helper, 9)
        wait_for(lambda: len(self.daemon.children()) == 1, what="another helper")

    # --- what must be ---

    def checks(self):
        return {c["check"]: c for e in self.daemon.status()["environments"] for c in e["checks"]}

    def states(self):
        return {name: c["state"] for name, c in self.checks().items()}

    def expected(self, name):
        environment, _, kind = name.partition("/")
        return self.world.verdict(kind) if environment != "hostile" else None

    def judge_verdicts(self):
        """Of results that began after the event. True if all are what they must be."""
        done = self.daemon.ctl("run", *{n.partition("/")[0] for n in self.expectable()})
        assert done.code in (0, 1, 2, 3), done
        if "more than 10 times" in done.err:
            return False
        seen = self.checks()
        unearned = {n: c["summary"] for n, c in seen.items()
                    if c["verdict"] == "OK" and self.expected(n) != "OK"}
        assert not unearned, f"OK, and it was not earned: {unearned} in {self.world.now}"
        self.wrong = {n: (c["state"], c["reason"], c["summary"]) for n, c in seen.items()
                      if self.expected(n) not in (None, c["state"])}
        return not self.wrong

    def expectable(self):
        return [n for n in self.checks() if self.expected(n) is not None]

    def settle(self, told=True):
        # Without its helper, and at the end of a storm, it may take another round.
        wait_for(self.judge_verdicts, timeout=30,
                 what=lambda: f"{self.wrong} in {self.world.now}")
        if told and self.syslog.process is not None:
            wait_for(self.is_told, timeout=30, what=self.tell_untold)
        self.judge_usage()

    def judge_usage(self):
        d = self.daemon
        wait_for(self.is_frugal,
                 what=lambda: f"{d.before} and no more: {d.usage()} {d.open_files()}")
        d.judge_loop()
        self.since_start += 1
        if self.since_start == WARM:
            self.memory = d.metric("resident_bytes")
        if self.memory is not None:
            d.judge_memory(self.memory, GROWTH)

    def is_frugal(self):
        """A probe in flight has its connection."""
        flying = support.in_flight(self.daemon.metrics())
        now, before = self.daemon.usage(), self.daemon.before
        return now[0] <= before[0] + flying and all(n <= b for n, b in zip(now[1:], before[1:]))

    def is_told(self):
        """What syslog heard last of each check is its state."""
        lines = self.syslog.lines("state check=")
        for line in lines[self.heard:]:
            self.hear(dict(parse_line(line)[4]), parse_line(line)[2])
        self.heard = len(lines)
        self.untold = {n: (s, self.last.get(n)) for n, s in self.states().items()
                       if self.last.get(n, ("OK",))[0] != s and n not in self.unknown}
        if self.lossy:
            self.unknown.update(self.untold)
        return self.lossy or not self.untold

    def tell_untold(self):
        name = next(iter(self.untold))
        lines = self.syslog.lines("check=" + name) + self.syslog.lines("lost=")
        return f"{self.untold} are not told; of {name}:\n" + "\n".join(lines[-12:])

    def hear(self, line, pid):
        """Nothing is said twice, and a recovery has its problem's id, but after an end that came
        before it was kept."""
        name, said = line["check"], (line["now"], line["id"], line["reason"])
        last = self.last.get(name)
        if self.lossy:
            pass
        elif "unsaved" in line and pid != self.daemon.pid:
            self.unknown.add(name)
        elif name in self.unknown or "unsaved" in line:
            self.unknown.discard(name)
        else:
            assert said != last or name in self.again, f"said twice: {line}"
            assert line["now"] != "OK" or last[1] == line["id"], f"{line} ends {last}"
        self.again.discard(name)
        self.last[name] = said


def soak(seed, seconds, say=lambda text: None):
    """Returns how often each event happened."""
    with support.new_folder() as folder, support.Things() as things:
        it = things(Soak(folder, things, seed))
        end = time.monotonic() + seconds
        try:
            it.settle()
            while time.monotonic() < end:
                it.happen()
                say(it.events[-1])
        except Exception as e:
            raise AssertionError(f"seed {seed}, after {len(it.events)} events, the last "
                                 f"{it.events[-12:]}: {e}\n{it.daemon.said()[-3000:]}") from e
        if it.syslog.process is None:
            it.syslog.start()
        if it.full:
            it.on_disk()
        it.world.set("version", "good")
        it.settle()
        it.daemon.stop()
        return collections.Counter(e.split()[0] for e in it.events)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--verbose", action="store_true", help="name events as they happen")
    args = parser.parse_args()
    begun = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - begun:7.1f} {text}", flush=True)
    done = soak(args.seed, args.seconds, say if args.verbose else lambda text: None)
    print(f"seed {args.seed}: {sum(done.values())} events in {time.monotonic() - begun:.0f} s,",
          json.dumps(done))


if __name__ == "__main__":
    main()
