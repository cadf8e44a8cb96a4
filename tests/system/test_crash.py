# SPDX-License-Identifier: Apache-2.0
"""kill -9, again and again: what was announced stays announced, and once."""
import json
import os
import select

import pytest

import support
from support import is_running, make_backups, parse_line, wait_for


def states(status):
    return {c["check"]: (c["state"], c["hard"], c["since"], c["verdict"], c["reason"])
            for e in status["environments"] for c in e["checks"]}


def test_ten_crashes_change_nothing(daemon, web, folder, syslog):
    make_backups(folder / "b", newest=31 * 3600)
    web.put("good", {"version": "1.0.0"})
    web.put("bad", {"version": "2.0.0"})

    def version(name):
        return {"http": {"url": web.url(name)}, "format": "json", "version": "/version",
                "expect": {"version": "1.0.0"}}
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
                "environments": {"one": {"checks": {
                    "version-good": version("good"), "version-bad": version("bad"),
                    "backup": {"file": {"glob": f"{folder}/b/*.dump"},
                               "expect": {"max-age": "26h"}}}}}}, inside=syslog)
    before = states(d.ready())
    lines = syslog.wait("state check=", count=2)
    ids = {dict(parse_line(ln)[4])["check"]: dict(parse_line(ln)[4])["id"] for ln in lines}
    d.stop()
    d.start()
    for n in range(10):
        d.restart()
        assert states(d.status()) == before, f"after crash {n}"
    assert len(syslog.lines("state check=")) == 2, "nothing is announced again"
    # a start's own line is no record: the crash may come before its thread has sent it
    assert 2 <= len(syslog.lines(": start ")) <= 12

    web.put("bad", {"version": "1.0.0"})
    d.run("one/version-bad")
    end = dict(parse_line(syslog.wait("now=OK")[0])[4])
    assert end["id"] == ids["one/version-bad"]

    web.put("good", {"version": "2.0.0"})
    d.run("one/version-good")
    new = dict(parse_line(syslog.wait("check=one/version-good", "now=CRITICAL")[0])[4])
    assert new["id"] not in ids.values(), "an id is never used twice"
    d.ctl("history", "one")  # asked for, what is queued is written; else a crash may lose a second
    d.restart()
    events = json.loads(d.ctl("history", "one", "-o", "json").out)["events"]
    told = [(e["check"], e["now"]) for e in events if e["event"] == "state"]
    assert sorted(told[:2]) == [("one/backup", "CRITICAL"), ("one/version-bad", "CRITICAL")]
    assert ("one/version-bad", "OK") in told


def test_a_problem_right_before_the_crash_is_announced_once_with_its_id(daemon, web, syslog):
    web.put("version", {"version": "1.0.0"})
    d = daemon({"defaults": {"every": "1h", "confirm": 1},
                "environments": {"one": {"checks": {
                    "version": {"http": {"url": web.url("version")}, "format": "json",
                                "version": "/version", "expect": {"version": "1.0.0"}}}}}},
               inside=syslog)
    d.ready()
    for n in range(3):
        web.put("version", {"version": f"2.0.{n}" if n % 2 == 0 else "1.0.0"})
        d.run("one/version")
        d.restart()
        wanted = "CRITICAL" if n % 2 == 0 else "OK"
        if d.check("one/version")["state"] != wanted:
            d.run("one/version")
        syslog.wait(f"now={wanted}", count=n // 2 + 1)
    lines = [dict(parse_line(ln)[4]) for ln in syslog.lines("state check=")]
    seen = [(ln["now"], ln["id"]) for ln in lines]
    ids = [i for _, i in seen]
    unique = list(dict.fromkeys(seen))
    assert [now for now, _ in unique] == ["CRITICAL", "OK", "CRITICAL"], "sent again with its id"
    assert unique[0][1] == unique[1][1] != unique[2][1], ids


def test_the_helper_ends_with_its_daemon_and_comes_back_without(daemon, folder):
    make_backups(folder / "b")
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
                "environments": {"one": {"checks": {
                    "backup": {"file": {"glob": f"{folder}/b/*.dump"},
                               "expect": {"max-age": "26h"}}}}}})
    d.ready()
    helper = d.children()
    assert len(helper) == 1
    os.kill(helper[0], 9)
    wait_for(lambda: d.children() not in ([], helper), what="another helper")
    assert d.run("one/backup")["state"] == "OK"
    again = d.children()
    d.kill9()
    assert not is_running(again[0])
    d.start()


def descendants(pid):
    return [p for child in support.children(pid) for p in (child, *descendants(child))]


def test_git_and_what_it_started_end_with_the_daemon(daemon, web, things):
    hole = things(support.Hole())
    web.put("api", {"version": "1.0.0"})
    d = daemon({"product": {"name": "shop",
                            "repository": {"url": f"http://127.0.0.1:{hole.port}/shop.git"}},
                "defaults": {"every": "1h", "retry": "1h", "timeout": "20s"},
                "environments": {"one": {"checks": {"version": {
                    "http": {"url": web.url("api")}, "version": "/version",
                    "expect": {"tagged": True}}}}}})
    d.ctl("run", "--timeout", "1s", "one")
    assert select.select([hole.socket], [], [], 20)[0], "git does not ask the server"
    [helper] = d.children()
    left = descendants(helper)
    assert len(left) > 1, "git has started what asks the server"
    d.kill9()
    for pid in left:
        wait_for(lambda: not is_running(pid), what=f"process {pid} ends with the daemon")
    d.start()


def test_without_a_keeper_it_ends_to_be_started_again(daemon, folder, syslog):
    """Under the filter it cannot start another: the service manager does, whole."""
    make_backups(folder / "b")
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
                "environments": {"one": {"checks": {
                    "backup": {"file": {"glob": f"{folder}/b/*.dump"},
                               "expect": {"max-age": "26h"}}}}}}, inside=syslog)
    d.ready()
    [helper] = d.children()
    os.kill(d.keeper(), 9)
    assert d.process.wait(timeout=30) == 1
    d.process = None
    assert parse_line(syslog.wait("helper lost=1")[0])[1] == "crit"
    assert not is_running(helper)
    d.start()
    assert d.check("one/backup")["state"] == "OK"


def test_a_damaged_history_is_begun_anew_and_said(daemon, web, folder, syslog):
    web.put("version", {"version": "2.0.0"})
    d = daemon({"defaults": {"every": "1h", "confirm": 1},
                "environments": {"one": {"checks": {
                    "version": {"http": {"url": web.url("version")}, "format": "json",
                                "version": "/version", "expect": {"version": "1.0.0"}}}}}},
               inside=syslog)
    d.ready()
    since = d.check("one/version")["since"]
    syslog.wait("now=CRITICAL")
    d.stop()
    for path in d.state.glob("history.db*"):
        path.write_bytes(b"this is no database" * 1000)
    d.start()
    assert d.check("one/version")["since"] == since, "records do not hang on the history"
    assert "history.db" in d.said()
    assert len(syslog.lines("now=CRITICAL")) == 1


@pytest.mark.parametrize("wal", [False, True])
def test_a_history_that_was_emptied_is_said(daemon, web, syslog, wal):
    web.put("version", {"version": "1.0.0"})
    d = daemon({"environments": {"one": {"checks": {"version": {
        "http": {"url": web.url("version")}, "format": "json", "version": "/version"}}}}},
        inside=syslog)
    d.ready()
    if wal:
        d.kill9()
        assert (d.state / "history.db-wal").exists()
    else:
        d.stop()
    (d.state / "history.db").write_bytes(b"")
    d.start()
    assert "history.db is empty, what was in it is lost" in d.said()
    syslog.wait("history.db is empty")
