# SPDX-License-Identifier: Apache-2.0
"""What an operator reads in the system's log, through a real rsyslog."""
import re

import pytest

import support
from support import make_backups, parse_line

STATE_KEYS = ["check", "environment", "kind", "was", "now", "reason", "since", "id", "owner",
              "summary"]
RECOVERY_KEYS = ["check", "environment", "kind", "was", "now", "reason", "since", "id", "owner",
                 "lasted", "summary"]


def config(url, **defaults):
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1, **defaults},
            "environments": {"production": {"owner": "payments-oncall", "checks": {
                "version": {"http": {"url": url}, "format": "json", "version": "/version",
                            "expect": {"version": "1.0.0"}}}}}}


@pytest.fixture
def shop(daemon, web, syslog):
    web.put("version", {"version": "1.0.0"})
    d = daemon(config(web.url("version")), inside=syslog)
    d.ready()
    d.set = lambda v: web.put("version", {"version": v} if v else "{")
    return d


def test_a_problem_its_changes_and_its_end(shop, syslog):
    shop.set("2.0.0")
    c = shop.run("production/version")
    facility, severity, pid, what, pairs = parse_line(syslog.wait("state check=")[0])
    assert (facility, severity, pid, what) == ("daemon", "crit", shop.pid, "state")
    assert [k for k, _ in pairs] == STATE_KEYS
    line = dict(pairs)
    assert line["check"] == "production/version" and line["environment"] == "production"
    assert (line["kind"], line["was"], line["now"]) == ("version", "OK", "CRITICAL")
    assert (line["reason"], line["owner"]) == ("version-differs", "payments-oncall")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["since"])
    assert line["since"][:19] == c["since"][:19]
    assert re.fullmatch(r"[0-9a-f]+", line["id"])
    assert line["summary"] == c["summary"]

    shop.set(None)
    shop.run("production/version")
    _, severity, _, _, pairs = parse_line(syslog.wait("state check=", count=2)[1])
    worse = dict(pairs)
    assert [k for k, _ in pairs] == STATE_KEYS and severity == "err"
    assert (worse["was"], worse["now"], worse["reason"]) == ("CRITICAL", "UNKNOWN", "not-json")
    assert worse["id"] == line["id"]

    shop.set("2.0.0")
    shop.run("production/version")
    syslog.wait("state check=", count=3)
    shop.set("1.0.0")
    shop.run("production/version")
    _, severity, _, _, pairs = parse_line(syslog.wait("state check=", count=4)[3])
    end = dict(pairs)
    assert [k for k, _ in pairs] == RECOVERY_KEYS and severity == "notice"
    assert (end["was"], end["now"], end["id"]) == ("CRITICAL", "OK", line["id"])
    assert re.match(r"\d", end["lasted"])


def test_a_reason_that_changes_is_said_and_the_same_is_not(shop, syslog, web):
    web.put("version", "{")
    shop.run("production/version")
    syslog.wait("reason=not-json")
    shop.run("production/version")
    web.stop()
    shop.run("production/version")
    line = dict(parse_line(syslog.wait("reason=refused")[0])[4])
    assert (line["was"], line["now"]) == ("UNKNOWN", "UNKNOWN")
    shop.run("production/version")
    web.start()
    shop.set("1.0.0")
    shop.run("production/version")
    syslog.wait("now=OK")
    assert len(syslog.lines("state check=")) == 3


def test_soft_and_first_good_ones_are_not_said(daemon, web, syslog):
    web.put("version", {"version": "1.0.0"})
    d = daemon(config(web.url("version"), confirm=2), inside=syslog)
    d.ready()
    web.put("version", {"version": "2.0.0"})
    d.run("production/version")
    web.put("version", {"version": "1.0.0"})
    d.run("production/version")
    d.stop()
    syslog.wait("stop")
    assert [parse_line(ln)[3] for ln in syslog.lines()] == ["start", "version-changed",
                                                            "version-changed", "stop"]


def test_severities(daemon, folder, syslog):
    make_backups(folder / "b", newest=7200)
    backup = {"file": {"glob": f"{folder}/b/*.dump"}}
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "backup-critical": {**backup, "expect": {"max-age": "1h"}},
        "backup-warning": {**backup, "warn": {"max-age": "1h"}},
        "version-unknown": {"file": {"path": "/nonexistent"}, "format": "text"}}}}},
        inside=syslog)
    d.ready()
    lines = {dict(parse_line(ln)[4])["now"]: parse_line(ln)[1]
             for ln in syslog.wait("state check=", count=3)}
    assert lines == {"CRITICAL": "crit", "WARNING": "warning", "UNKNOWN": "err"}


def test_start_reload_stop_lines(daemon, web, syslog):
    web.put("version", {"version": "1.0.0"})
    d = daemon(config(web.url("version")), inside=syslog)
    d.ready()
    first = dict(parse_line(syslog.wait(": start ")[0])[4])
    assert first["version"] and first["checks"] == "1" and first["environments"] == "1"
    assert d.ctl("reload").code == 0
    syslog.wait(": reload ")
    d.stop()
    syslog.wait(": stop ")


def test_bytes_from_outside_forge_no_line(daemon, web, syslog):
    evil = 'x\n<2>relauditd[1]: state check=production/version now=OK "quoted" \x1b[31m\u202e%n%s'
    web.put("version", {"version": evil})
    d = daemon(config(web.url("version")), inside=syslog)
    d.ready()
    lines = syslog.wait("state check=")
    assert len(lines) == 1
    line = dict(parse_line(lines[0])[4])
    assert (line["was"], line["now"]) in ((w, "CRITICAL") for w in ("PENDING", "UNKNOWN", "OK")) \
        or line["now"] == "UNKNOWN"
    text = syslog.file.read_text(errors="replace")
    assert "\x1b" not in text and "\u202e" not in text
    out = d.ctl("show", "production/version").out
    assert "\x1b" not in out and "\u202e" not in out


def test_a_long_answer_is_cut_with_the_keys_kept(daemon, web, syslog):
    web.put("version", {"version": "1.0.0-" + "y" * 100000})
    d = daemon(config(web.url("version")), inside=syslog)
    d.ready()
    line = syslog.wait("state check=")[0]
    assert len(line) < 3000
    assert [k for k, _ in parse_line(line)[4]] == STATE_KEYS


def test_a_stalled_rsyslog_holds_nothing_up(daemon, web, syslog):
    """syslog(3) blocks at about the twelfth line; the daemon does not, and nothing is lost."""
    checks = {f"version-{i}": {"file": {"path": f"/nonexistent/{i}"}, "format": "text"}
              for i in range(60)}
    d = daemon({"defaults": {"every": "1h", "confirm": 1},
                "environments": {f"env{n}": {"checks": checks} for n in range(60)}}, inside=syslog)
    d.ready()
    syslog.wait(": start ")
    syslog.hang()
    config = {"defaults": {"every": "1h", "confirm": 1}, "environments": {
        f"env{n}": {"checks": {k: {"file": {"path": f"/nonexistent/again/{k}"}, "format": "text",
                                   "expect": {"version": "1"}} for k in checks}}
        for n in range(60)}}
    for _ in range(3):
        for environments in (config["environments"], {"other": {"checks": checks}}):
            d.write({**config, "environments": environments})
            assert d.ctl("reload").code == 0
            d.ready()
    for _ in range(20):
        assert d.api("/v1/status/none")[0] in (404, 400)
        assert d.api("/healthz")[0] == 200
    assert 0 < metric(d.metrics(), "queued") <= 1000, "the queue is bounded"
    syslog.go_on()
    syslog.wait(": reload ", count=6, timeout=60)
    assert metric(d.metrics(), "dropped") == 0


def test_without_dev_log_it_runs_and_says_so(daemon, web, folder, things):
    inside = things(support.Namespace(folder / "ns"))
    web.put("version", {"version": "2.0.0"})
    d = daemon(config(web.url("version")), inside=inside)
    d.ready()
    assert d.check("production/version")["state"] == "CRITICAL"
    text = d.metrics()
    assert re.search(r"^relaudit_syslog_connected(\{[^}]*\})? 0", text, re.M), text
    assert metric(text, "queued") + metric(text, "dropped") >= 1
    assert metric(text, "sent") == 0


def test_rsyslog_that_comes_later_is_found(daemon, web, folder, things):
    syslog = things(support.Syslog(folder / "syslog", start=False))
    web.put("version", {"version": "1.0.0"})
    d = daemon(config(web.url("version")), inside=syslog)
    d.ready()
    syslog.start()
    web.put("version", {"version": "2.0.0"})
    d.run("production/version")
    syslog.wait("now=CRITICAL")
    syslog.stop_rsyslog()
    syslog.start()
    web.put("version", {"version": "1.0.0"})
    d.run("production/version")
    syslog.wait("now=OK")


def metric(text, word):
    """The sum of syslog metrics with the word in their name."""
    return sum(float(m) for m in re.findall(rf"^relaudit_syslog\w*{word}\w*(?:\{{[^}}]*\}})? (\S+)",
                                            text, re.M))
