# SPDX-License-Identifier: Apache-2.0
"""Configuration over time: what changed, from what to what, told once; and what did not change."""
import json
import os
import sqlite3
import subprocess

import pytest

from support import parse_line, wait_for

CHECK = "production/config-api"
SECRET = "c4n4ry-7f21b90de3a64c58-do-not-show"
OTHER = "0ther-53c2e1f08ab94d67-nor-this-one"
PIECES = {s[i:i + 12] for s in (SECRET, OTHER) for i in range(len(s) - 11)}


def config(folder, **more):
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1}, "services": {"api": {}},
            "environments": {"production": {"owner": "ops", "checks": {"config-api": {
                "file": {"path": str(folder / "env")}, "format": "dotenv", **more}}}}}


@pytest.fixture
def env(folder):
    path = folder / "env"

    def put(text):
        path.write_text(text)

    put(f"A=1\nB=2\nOLD=x\nPASSWORD={SECRET}\n")
    return put


def changes(d, *more):
    done = d.ctl("history", *(more or (CHECK,)), "-o", "json")
    return [e for e in json.loads(done.out)["events"] if e["event"] == "config-changed"]


def kept(d):
    """What is asked for was written before: a crash may lose a second of the history otherwise."""
    return changes(d)


def told(syslog):
    syslog.wait("start", timeout=20)
    return [ln for ln in syslog.lines() if ": config-changed " in ln]


def leaks(d, *texts):
    for path in d.state.rglob("*"):
        if path.is_file():
            texts += (path.read_bytes().decode("latin-1"),)
    return [p for p in PIECES if any(p in t for t in texts)]


def test_what_changed_is_told(daemon, folder, env, syslog):
    d = daemon(config(folder), inside=syslog)
    d.ready()
    assert changes(d) == [], "the first reading is no change"
    env(f"# more\nA=2\nB=2\nNEW=y\nPASSWORD={OTHER}\n")
    d.run(CHECK)
    d.run(CHECK)
    event, = changes(d)
    keys = {k["key"]: k for k in event.pop("keys")}
    assert event.pop("at")
    assert event == {"event": "config-changed", "check": CHECK, "environment": "production",
                     "service": "api", "count": 4}
    assert keys["A"] == {"key": "A", "was": {"value": "1"}, "now": {"value": "2", "line": 2}}
    assert keys["NEW"] == {"key": "NEW", "was": None, "now": {"value": "y", "line": 4}}
    assert keys["OLD"] == {"key": "OLD", "was": {"value": "x"}, "now": None}
    was, now = keys["PASSWORD"]["was"], keys["PASSWORD"]["now"]
    assert was["secret"] and now["secret"] and was["digest"] != now["digest"]
    assert was["digest"].startswith("k1:") and set(was) == {"secret", "digest"}
    line, = syslog.wait(": config-changed ")
    _, severity, _, what, pairs = parse_line(line)
    assert (severity, what) == ("notice", "config-changed")
    assert dict(pairs) == {"check": CHECK, "environment": "production", "owner": "ops",
                           "service": "api", "count": "4", "keys": "A,NEW,OLD,PASSWORD"}
    table = d.ctl("history", CHECK).out
    assert "config-changed" in table and "4 keys: A, +NEW, -OLD, PASSWORD" in table, table
    texts = [table, d.ctl("history", "-o", "json").out, d.ctl("history", "-o", "csv").out]
    d.stop()
    assert len(told(syslog)) == 1
    assert not leaks(d, d.said(), *texts, *syslog.lines())


def test_the_stream_has_it(daemon, folder, env):
    d = daemon(config(folder))
    d.ready()
    with subprocess.Popen(["curl", "-sN", "--unix-socket", str(d.socket),
                           "http://localhost/v1/events"], stdout=subprocess.PIPE,
                          text=True) as stream:
        try:
            assert json.loads(stream.stdout.readline())["event"] == "heartbeat"
            env("A=2\n")
            d.run(CHECK)
            line = json.loads(stream.stdout.readline())
            assert (line["event"], line["count"]) == ("config-changed", 4)
            assert line == changes(d)[0]
        finally:
            stream.kill()


def test_a_restart_between(daemon, folder, env, syslog):
    d = daemon(config(folder), inside=syslog)
    d.ready()
    d.stop()
    env(f"A=1\nB=3\nOLD=x\nPASSWORD={SECRET}\n")
    d.start()
    d.run(CHECK)
    event, = changes(d)
    assert event["keys"] == [{"key": "B", "was": {"value": "2"}, "now": {"value": "3", "line": 2}}]
    d.stop()
    d.start()
    d.run(CHECK)
    assert len(changes(d)) == 1
    d.stop()
    assert len(told(syslog)) == 1


def test_a_crash_between(daemon, folder, env, syslog):
    """Neither lost, nor told twice, whether the history was written before it or not."""
    d = daemon(config(folder), inside=syslog)
    d.ready()
    kept(d)
    env(f"A=1\nB=2\nOLD=x\nPASSWORD={OTHER}\n")
    d.run(CHECK)
    syslog.wait(": config-changed ")
    d.restart()
    d.run(CHECK)
    event, = changes(d)
    assert [k["key"] for k in event["keys"]] == ["PASSWORD"]
    d.restart()
    d.run(CHECK)
    assert len(changes(d)) == 1
    env("A=1\n")
    d.restart()
    d.run(CHECK)
    assert [e["count"] for e in changes(d)] == [1, 3]
    d.stop()
    # A crash between the sending of a line and the note that it was sent sends it again.
    lines = [dict(parse_line(ln)[4])["keys"] for ln in told(syslog)]
    assert list(dict.fromkeys(lines)) == ["PASSWORD", "B,OLD,PASSWORD"]
    assert lines.count("B,OLD,PASSWORD") == 1
    assert not leaks(d, d.said(), *syslog.lines())


def test_other_rules_are_no_change(daemon, folder, env, syslog):
    d = daemon(config(folder), inside=syslog)
    d.ready()
    for more in ({"secret": ["A"]}, {"public": ["PASSWORD"], "secret": ["*"]},
                 {"normalize": ["environment"]}):
        d.write(config(folder, **more))
        assert d.ctl("reload").code == 0
        d.run(CHECK)
    d.stop()
    d.write(config(folder, secret=["B"]))
    d.start()
    d.run(CHECK)
    assert changes(d) == []
    # Only what it means to others is said otherwise: that hides no change.
    env(f"A=9\nB=2\nOLD=y\nPASSWORD={SECRET}\n")
    d.write(config(folder, secret=["B"], ignore=["OLD"]))
    assert d.ctl("reload").code == 0
    d.run(CHECK)
    event, = changes(d)
    assert [k["key"] for k in event["keys"]] == ["A"]
    d.stop()
    assert len(told(syslog)) == 1


def test_another_key_of_digests_is_no_change(daemon, folder, env, syslog):
    d = daemon(config(folder), inside=syslog)
    d.ready()
    d.stop()
    for path in d.state.glob("records.db*"):
        path.unlink()
    d.start()
    d.run(CHECK)
    assert changes(d) == []
    d.stop()
    assert told(syslog) == []


def test_a_failure_between(daemon, folder, env):
    """What it was before it could not be read is what it is held against."""
    d = daemon(config(folder))
    d.ready()
    (folder / "env").unlink()
    assert d.run(CHECK)["reason"] == "file-missing"
    env("A=1\n")
    d.run(CHECK)
    assert [e["count"] for e in changes(d)] == [3]


def test_instances(daemon, folder):
    """Each has its own, by name, in whatever order they stand."""
    for name in ("h1", "h2"):
        (folder / name).write_text(f"NAME={name}\n")

    def hosts(*names):
        c = config(folder, ignore=["NAME"])
        c["environments"]["production"]["checks"]["config-api"] |= {
            "for": {"host": list(names)}, "file": {"path": str(folder / "${host}")}}
        return c

    d = daemon(hosts("h1", "h2"))
    d.ready()
    (folder / "h2").write_text("NAME=other\nNEW=1\n")
    d.write(hosts("h2", "h1"))
    assert d.ctl("reload").code == 0
    d.run(CHECK)
    event, = changes(d)
    assert event["instance"] == "h2" and [k["key"] for k in event["keys"]] == ["NEW"]
    kept(d)
    d.write(hosts("h3", "h1", "h2"))
    (folder / "h3").write_text("NAME=h3\nNEW=1\n")
    (folder / "h1").write_text("NAME=h1\nNEW=1\n")
    d.restart()
    d.run(CHECK)
    assert [e["instance"] for e in changes(d)] == ["h2", "h1"]


def test_much_and_long(daemon, folder, env):
    d = daemon(config(folder))
    d.ready()
    env("".join(f"K{i:04}={'ä' * 300}\n" for i in range(1500)))
    d.run(CHECK)
    event, = changes(d)
    assert event["count"] == 1504 and event["count"] == len(event["keys"]) + event["more"]
    assert 10 < len(event["keys"]) <= 100
    value = event["keys"][-1]["now"]["value"]
    assert value.endswith("ä…") and len(value.encode()) <= 260
    assert "1504 keys: -A" in d.ctl("history", CHECK).out


def test_drift_at_once_after_a_start(daemon, folder):
    """By what was kept, unless it is too old, or was read by other rules."""
    for name in ("staging", "production"):
        (folder / name).write_text(f"NAME={name}\nPASSWORD={SECRET}\n")

    def both(every="1h", **more):
        return {"defaults": {"every": every, "retry": every, "confirm": 1}, "environments": {
            name: {"checks": {"config-api": {"file": {"path": str(folder / name)},
                                             "format": "dotenv", **more}}}
            for name in ("staging", "production")}}

    d = daemon(both())
    d.ready()
    d.stop()
    d.start()
    done = d.ctl("drift", "staging", "production", "-o", "json")
    answer = json.loads(done.out)
    assert done.code == 2 and answer["unread"] == []
    assert [r["key"] for r in answer["rows"]] == ["NAME"]
    d.stop()
    d.write(both(secret=["NAME"]))
    d.start()
    answer = json.loads(d.ctl("drift", "staging", "production", "-o", "json").out)
    assert sorted(answer["unread"]) == ["production/config-api", "staging/config-api"]
    d.stop()


def age(d, ms):
    """Makes all that the daemon kept older, as if it had been stopped for so long."""
    with sqlite3.connect(d.state / "history.db") as db:
        db.execute("UPDATE seen SET checked = checked - ?", (ms,))
        for check, body in db.execute("SELECT check_id, body FROM latest").fetchall():
            body = json.loads(body)
            body["result"]["checked"] -= ms
            db.execute("UPDATE latest SET body = ? WHERE check_id = ?", (json.dumps(body), check))
    db.close()


@pytest.mark.parametrize("hours, unread", [(0, []), (3, ["one/config-api", "two/config-api"])])
def test_what_was_kept_gets_old(daemon, folder, web, hours, unread):
    for name in ("one", "two"):
        web.put(name, {"name": name})
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 1}, "environments": {
        name: {"checks": {"config-api": {"http": {"url": web.url(name)}, "format": "json"}}}
        for name in ("one", "two")}})
    d.ready()
    d.stop()
    age(d, hours * 3600 * 1000)
    web.hang()
    d.start()
    answer = json.loads(d.ctl("drift", "one", "two", "-o", "json").out)
    assert sorted(answer["unread"]) == unread
    assert [r["key"] for r in answer["rows"]] == ([] if unread else ["/name"])
    web.go_on()


def unchanged(d):
    line, = [ln for ln in d.metrics().splitlines()
             if ln.startswith("relaudit_sources_unchanged_total ")]
    return float(line.split()[1])


def test_what_did_not_change_is_not_read(daemon, folder, env):
    env("A=1\nwhat is this\n")
    d = daemon(config(folder, expect={"required": ["A"]}))
    d.ready()
    first = d.check(CHECK)
    # Written a moment ago it may be written again unnoticed: so it takes two seconds.
    wait_for(lambda: d.run(CHECK) and unchanged(d) > 0)
    again = d.check(CHECK)
    assert {k: again[k] for k in ("state", "summary", "facts", "evidence")} == \
        {k: first[k] for k in ("state", "summary", "facts", "evidence")}
    before = unchanged(d)
    d.run(CHECK)
    assert unchanged(d) == before + 1
    # The same size, and the same time of modification.
    stat = (folder / "env").stat()
    env("B=1\nwhat is this\n")
    os.utime(folder / "env", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert d.run(CHECK)["reason"] == "key-missing"
    assert unchanged(d) == before + 1
    assert [e["count"] for e in changes(d)] == [2]


def test_other_words_judge_what_did_not_change(daemon, folder, env):
    """Without reading it again, what is expected is another thing."""
    other = folder / "other"
    other.write_text("A=1\n")
    c = config(folder, expect={"same-as": "staging"})
    c["environments"]["staging"] = {"checks": {"config-api": {
        "file": {"path": str(other)}, "format": "dotenv"}}}
    env("A=1\n")
    d = daemon(c)
    d.ready()
    wait_for(lambda: d.run(CHECK) and unchanged(d) > 0)
    assert d.check(CHECK)["state"] == "OK"
    other.write_text("A=2\n")
    d.run("staging/config-api")
    wait_for(lambda: d.check(CHECK)["reason"] == "drift")
    assert unchanged(d) >= 2


def test_the_checks_own_secrets_are_blackened(daemon, folder, web, syslog):
    """What opens the door may be told by what is behind it."""
    web.put("c", {"a": "x"})
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"production": {
        "checks": {"config-api": {"http": {"url": web.url("c"), "bearer": "${env:BEARER}"},
                                  "format": "json"}}}}}, env={"BEARER": SECRET}, inside=syslog)
    d.ready()
    web.put("c", {"a": "x" * 250 + SECRET, SECRET: f"{SECRET} and more"})
    d.run(CHECK)
    event, = changes(d)
    assert event["count"] == 2 and event["keys"][0]["key"] == "/a"
    assert all(k["now"]["secret"] for k in event["keys"]), event
    assert event["keys"][1]["key"].startswith("/k1:"), event
    line, = syslog.wait(": config-changed ")
    assert not [p for p in PIECES if p in line + json.dumps(event)]
