# SPDX-License-Identifier: Apache-2.0
"""Rows 38-41: the wall clock jumps, the machine sleeps, the loop is starved. (The helper has the real
time: nothing of the environment reaches it.)"""
import re
import time

import pytest

import support
from faults import LONG, config, version
from support import make_backup, parse_time, wait_for

HOUR, YEAR = 3600, 365 * 86400
JUMPS = {"hour back": -HOUR, "1970": 1000 - int(time.time()),
         "2038": (1 << 31) + HOUR - int(time.time()),
         "hour ahead": HOUR, "year ahead": YEAR, "year back": -YEAR,
         "2100": 4102444800 - int(time.time())}
if not LONG:
    JUMPS = dict(list(JUMPS.items())[:3])


@pytest.mark.parametrize("by", JUMPS.values(), ids=[n.replace(" ", "-") for n in JUMPS])
def test_row_38_the_wall_clock_jumps(daemon, clock, folder, web, syslog, by):
    """It is said; probes go on at their pace; no age is negative and nothing is fresh by it."""
    web.put("version", {"version": "1.0.0"})
    made = config({"version-good": {**version(web.url("version")), "every": "1s"},
                   "backup-good": {"file": {"glob": f"{folder}/b/*.dump"},
                                   "expect": {"max-age": "26h"}}})
    make_backup(folder / "b" / "a.dump", 7200)
    d = daemon(made, env=clock.env, inside=syslog)
    d.ready()
    syslog.wait(": start ")
    hits = web.hits("/version")
    clock.set(by)
    line = syslog.wait("clock moved=")[0]
    assert ("moved=-" in line) == (by < 0), line
    wait_for(lambda: web.hits("/version") >= hits + 4, timeout=10, what="the schedule goes on")
    assert web.hits("/version") < hits + 15, "and makes up for nothing"
    c = d.results("one/backup-good")["backup-good"]
    assert c["facts"].get("age_s", 0) >= 0
    if by > 86400:
        assert c["reason"] == "backup-too-old"
    if by < -7200:
        assert c["reason"] == "backup-future"
    at = parse_time(d.status()["at"])
    assert abs(at - time.time() - by) < 60
    for text in (d.ctl("status").out, d.ctl("show", "one").out, d.ctl("history").out):
        assert not re.search(r"-\d+ ?(s|min|h|d)\b", text), text
    clock.set(0)
    syslog.wait("clock moved=", count=2)
    assert d.results("one/backup-good")["backup-good"]["state"] == "OK"


def test_row_38_no_history_is_lost_by_a_start_in_the_future(daemon, clock, web):
    """What is old is dropped, but not by a clock that is years ahead for a moment."""
    web.put("version", {"version": "1.0.0"})
    d = daemon(config({"version-good": {**version(web.url("version")), "every": "1s"}}),
               env=clock.env)
    d.ready()
    d.results()
    known = d.ctl("history", "one").out
    assert "version-good" in known
    d.stop()
    clock.set(20 * YEAR)
    d.start()
    d.ready()
    hits = web.hits("/version")
    wait_for(lambda: web.hits("/version") >= hits + 4, timeout=10, what="some turns of its timers")
    d.stop()
    clock.set(0)
    d.start()
    assert d.ctl("history", "one").out.startswith(known)


def test_row_39_asleep_for_hours(daemon, clock, web, syslog):
    """What is too old is not shown as OK; each probe is made up for once."""
    web.put("version", {"version": "1.0.0"})
    checks = {f"version-good-{i}": version(web.url("version")) for i in range(10)}
    d = daemon(config(checks), env=clock.env, inside=syslog, held=True)
    d.ready()
    syslog.wait(": start ")
    hits = web.hits("/version")
    d.signal(support.signal.SIGSTOP)
    clock.sleep(6 * HOUR)
    d.signal(support.signal.SIGCONT)
    stale = d.status()["environments"][0]["checks"]
    assert {(c["state"], c["reason"]) for c in stale} <= {("UNKNOWN", "stale"), ("OK", "ok")}
    assert any(c["reason"] == "stale" for c in stale), "never its old OK"
    wait_for(lambda: all(c["state"] == "OK" for c in d.status()["environments"][0]["checks"]),
             timeout=30, what=lambda: f"a catch-up each: {d.results()} {d.said()[-2000:]}")
    assert syslog.wait("clock slept=6h")
    # One that was under way when it fell asleep is begun again: no burst of what was left out.
    assert hits + 10 <= web.hits("/version") <= hits + 20


def test_row_39_down_for_hours(daemon, clock, web):
    """What is stale at a start is probed soon, not when its hour comes."""
    web.put("version", {"version": "1.0.0"})
    checks = {f"version-good-{i}": {**version(web.url("version")), "every": "1h"} for i in range(5)}
    d = daemon(config(checks), env=clock.env, held=True)
    d.ready()
    d.stop()
    clock.pass_by(5 * HOUR)
    d.start()
    wait_for(lambda: all(c["state"] == "OK" for c in d.status()["environments"][0]["checks"]))


def test_row_40_a_loop_that_was_starved(daemon, web):
    """Stopped for many intervals: one probe each comes of it, not all that were left out."""
    web.put("version", {"version": "1.0.0"})
    made = config({f"version-good-{i}": {**version(web.url("version")), "every": "100ms",
                                         "timeout": "1s"} for i in range(5)})
    d = daemon(made, held=True)
    d.ready()
    d.signal(support.signal.SIGSTOP)
    stopped = time.monotonic()
    wait_for(lambda: time.monotonic() - stopped > 1.5, what="fifteen intervals")
    hits = web.hits("/version")
    d.signal(support.signal.SIGCONT)
    checks = d.status()["environments"][0]["checks"]
    assert {c["reason"] for c in checks} <= {"ok", "stale", "timeout", "connect-timeout"}
    wait_for(lambda: web.hits("/version") >= hits + 5, what="probes go on")
    assert web.hits("/version") <= hits + 25, "not what was left out at once"
    wait_for(lambda: all(c["state"] == "OK" for c in d.status()["environments"][0]["checks"]))


@pytest.mark.parametrize("zone", ["", "UTC", "Europe/Berlin", "Pacific/Kiritimati", "Nowhere/Bad",
                                  ":/etc/passwd", "../../etc/passwd", "X" * 4000])
def test_row_41_the_zone_of_the_environment_changes_nothing(daemon, folder, zone):
    """Times are UTC whatever TZ is; a leap second in a log is no reason to stumble."""
    now = time.gmtime()
    leap = time.strftime("%Y-%m-%dT%H:%M:60Z", now)
    (folder / "leap.log").write_text(f"{leap} INFO one\n{support.stamp(1)} INFO two\n")
    (folder / "only-leap.log").write_text("2016-12-31T23:59:60Z INFO one\n")
    expect = {"time": r"^(?<time>\S+)", "expect": {"max-age": "10m"}}
    d = daemon(config({"logs-good": {"file": {"path": f"{folder}/leap.log"}, **expect},
                       "logs-leap": {"file": {"path": f"{folder}/only-leap.log"}, **expect}}),
               env={"TZ": zone})
    got = d.expect({"logs-good": "ok", "logs-leap": ("logs-too-old", "logs-no-time")})
    assert abs(parse_time(d.status()["at"]) - time.time()) < 60
    assert got["logs-good"]["facts"]["newest"].endswith("Z")
