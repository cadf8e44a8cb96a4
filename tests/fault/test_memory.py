# SPDX-License-Identifier: Apache-2.0
"""Rows 1, 2: allocations that fail, one or all from one on, in each of scenarios.py's scenarios; ours
with leaks judged, then those of libraries too (alloc.c says which), those of the helper with both.
A short run takes a sample of them, a long one each."""
import os
import shutil

import pytest

import faults
import support
from faults import sample
from scenarios import NONE, SCENARIOS, World, states
from support import wait_for

ENDS = (0, 1, 2)  # of a start without memory: said so, nothing else
MODES = pytest.mark.parametrize("own", [True, False], ids=["own", "libraries"])
REFUSED = (400, 404, 409, 413, 422, 500, 503)
# What a check that was not judged for want of memory may say, when the memory was ours: itself, or
# that another was not read, or that the helper ended, or that there is no tag of a version, of which
# no repository was asked.
REASONS = {"no-memory", "peer-unread", "helper-lost", "tag-missing"}
LIBRARIES = 300  # starts with one of theirs failing, at most
STREAMED = {"status", "selected", "environment", "events", "version", "backup", "logs", "config",
            "baseline", "plugin", "run-all", "save"}


@pytest.fixture
def world(folder, web, scripts):
    return World(folder, web, scripts)


class Case:
    """A scenario of a running daemon, driven again and again with another allocation failing."""

    def __init__(self, world, d, alloc, own, name):
        self.world, self.d, self.alloc, self.own, self.name = world, d, alloc, own, name
        self.prepare, self.usual = SCENARIOS[name]
        self.wrong = []

    def normal(self):
        """It is answered as ever, and every state is what it was; the number of allocations."""
        answers = []

        def usual():
            self.alloc.arm(own=self.own)
            answers.append(self.prepare(self.world, self.d)())
            return answers[-1].status in self.usual
        wait_for(usual, what=lambda: f"{self.name} is as ever: {answers[-1]} {self.d.said()[-3000:]}")
        return self.alloc.disarm()[0]

    def drive(self, k, more=0):
        """(the answer, how many failed); asked again if that was too often."""
        def answered():
            act = self.prepare(self.world, self.d)
            self.alloc.arm(k, more, self.own)
            answer = act(0.3 if more else 30)
            failed = self.alloc.disarm()[1]
            return answer.status != 429 and (answer, failed)
        answer, failed = wait_for(answered, what=f"{self.name} is not asked too often")
        where = (self.name, k, more > 0, answer)
        assert self.d.process.poll() is None, f"{where}: {self.d.said()[-6000:]}"
        if answer is NONE:
            # Where a connection is taken there is nothing yet to answer with, and where a request
            # begins nothing to read its body with; what is written while it is sent ends too
            # early, for all to see.
            self.expect(k <= 1 or more or not self.own or self.name in STREAMED, where)
        elif answer.status not in self.usual:
            self.expect(answer.status in REFUSED, where)
            self.expect("memory" in answer.text or not self.own, where)
        return failed

    def expect(self, true, said):
        if not true:
            self.wrong.append(said)

    def judge(self, k, was, again):
        """Nothing is OK that was not before; what could not be judged says why. Done again, all is
        as before."""
        now = states(self.d)
        for check, (state, reason) in now.items():
            self.expect(state != "OK" or "good" in check, (self.name, k, check, reason))
            if self.own and check in was and now[check] != was[check]:
                self.expect(reason in REASONS, (self.name, k, check, state, reason, [
                    c["summary"] for e in self.d.status()["environments"] for c in e["checks"]
                    if c["check"] == check]))
        if not again:
            return
        # a probe still under way is joined, and may still say what happened to it
        wait_for(lambda: (self.normal(), same(states(self.d), was))[1], what=lambda: (
            f"{self.name}, {k}: all as before: {differences(self.d, was)} {self.d.said()[-3000:]}"))


def same(now, was):
    return all(now.get(check) == state for check, state in was.items())


def differences(d, was):
    return [c for e in d.status()["environments"] for c in e["checks"]
            if c["check"] in was and (c["state"], c["reason"]) != was[c["check"]]]


def settled(d):
    """The states of all but the one that scenarios change."""
    d.ready()
    d.results()
    return {c: s for c, s in states(d).items() if "flip" not in c}


def drive_all(w, d, alloc, own, most, more=0):
    """Cases in which something failed."""
    was, cases, wrong = settled(d), 0, []
    for name in os.environ.get("RELAUDIT_SCENARIOS", " ".join(SCENARIOS)).split():
        case = Case(w, d, alloc, own, name)
        count = case.normal()
        some = sample(count, most)
        for k in some:
            failed = case.drive(k, more)
            cases += failed > 0
            case.judge(k, was, count <= 300 or k % 4 == 0 or k == some[-1])
        wrong += case.wrong
    assert not wrong, "\n".join(map(str, wrong))
    return cases


def kept(d, was):
    """Saved, and there again after kill -9."""
    wait_for(lambda: d.metric("records_unsaved") == 0, what="all is saved")
    d.restart()
    assert {c: d.check(c)["since"] for c in was} == was


def announced(d):
    return {c: d.check(c)["since"] for c in ("one/version-bad", "one/config-bad", "one/logs-bad")}


def expect_announced(d, since):
    """As it was, or the history tells of a probe without memory in between."""
    now = announced(d)
    events = d.api("/v1/history?limit=10000")[1]["events"]
    starved = {e["check"] for e in events if e["event"] == "state" and "no-memory" in str(e)}
    assert not [c for c in since if now[c] != since[c] and (now[c] is None or c not in starved)], (
        now, since, events)


@MODES
def test_row_01_an_allocation_fails_in_a_request(daemon, world, alloc, own, record_property):
    d = daemon(world.config(), env=alloc.environment(leaks=own))
    cases = drive_all(world, d, alloc, own, 6)
    record_property("cases", cases)
    assert cases > 100
    kept(d, announced(d))


@MODES
def test_row_02_all_fail_from_one_on(daemon, world, alloc, own, record_property):
    """While it lasts nothing is answered but errors; then all is as before."""
    d = daemon(world.config(), env=alloc.environment(leaks=own))
    cases = drive_all(world, d, alloc, own, 3, alloc.FOREVER)
    record_property("cases", cases)
    assert cases > 50
    kept(d, announced(d))


# --- start, load, stop ---

def start_and_stop(d, alloc, k, own, more):
    """A start of which an allocation fails: its code, None if it was ready all the same."""
    before = len(d.said())
    alloc.arm(k, more, own)
    code = d.try_start()
    failed = alloc.disarm()[1]
    said = d.said()[before:]
    assert not support.SANITIZER.search(said), (k, said[-6000:])
    assert code is None or (code in ENDS and said), (k, code, said)
    assert code in (None, 0) or not own or "memory" in said, (k, code, said)
    return code, failed


def drive_start(d, alloc, own, most, more=0, prepare=lambda: None, judge=lambda: None):
    """Cases in which something failed; judge() looks at those that were ready all the same."""
    prepare()
    alloc.arm(own=own)
    assert d.try_start() is None
    count, _ = alloc.disarm()
    support.Daemon.stop(d)
    cases = 0
    # those of libraries are thousands, mostly of tables that OpenSSL fills
    for k in sample(count, most, None if own else LIBRARIES):
        prepare()
        code, failed = start_and_stop(d, alloc, k, own, more)
        cases += failed > 0
        if code is None:
            judge()
            support.Daemon.stop(d)
    return cases


@MODES
@pytest.mark.parametrize("more", [0, faults.Alloc.FOREVER], ids=["once", "from-then-on"])
def test_row_01_02_at_the_first_start(daemon, world, alloc, own, more, record_property):
    """It says so and ends with a code, or it goes on."""
    d = daemon(world.config(), env=alloc.environment(leaks=own))
    d.stop()
    record_property("cases", drive_start(
        d, alloc, own, 15, more, lambda: shutil.rmtree(d.state, ignore_errors=True)))
    d.start()


@MODES
@pytest.mark.parametrize("more", [0, faults.Alloc.FOREVER], ids=["once", "from-then-on"])
def test_row_01_02_at_a_start_with_a_state(daemon, world, alloc, own, more, record_property):
    """What was announced is there in each that is ready, and in the end."""
    d = daemon(world.config(), env=alloc.environment(leaks=own))
    d.ready()
    since = announced(d)
    d.stop()
    assert len(since) == 3

    def judge():
        expect_announced(d, since)
    record_property("cases", drive_start(d, alloc, own, 20, more, judge=judge))
    d.start()
    judge()


@pytest.mark.parametrize("more", [0, faults.Alloc.FOREVER], ids=["once", "from-then-on"])
def test_row_01_02_at_stop(daemon, world, alloc, more, record_property):
    d = daemon(world.config(), env=alloc.environment())
    d.ready()
    since = announced(d)
    alloc.arm()
    support.Daemon.stop(d)
    count, _ = alloc.disarm()
    cases = 0
    for k in sample(count, 10):
        assert d.try_start() is None
        alloc.arm(k, more)
        support.Daemon.stop(d)
        cases += alloc.disarm()[1] > 0
    record_property("cases", cases)
    d.start()
    expect_announced(d, since)
