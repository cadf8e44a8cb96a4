# SPDX-License-Identifier: Apache-2.0
"""Versions of the past, and of environments against each other."""
import contextlib
import datetime
import json
import sqlite3

import pytest

from support import Hole, parse_line, relauditd, wait_for
from test_tagged import Repository, on_terminal, said

VERSION = {"version": "/version"}


@pytest.fixture
def shop(folder):
    """v1.0.0, v1.1.0, v1.2.0."""
    r = Repository(folder / "shop.git")
    r.commits = [r.commit(f"v1.{n}.0") for n in range(3)]
    return r


def now():
    """A moment of its own: what comes after it has another millisecond."""
    at = datetime.datetime.now(datetime.timezone.utc)
    wait_for(lambda: datetime.datetime.now(datetime.timezone.utc) - at >
             datetime.timedelta(milliseconds=2))
    return (at + datetime.timedelta(milliseconds=1)).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z")


def config(url, environments, **more):
    """environments: {name: (rank, {check: definition})}"""
    return {**({"product": {"name": "shop", "repository": {"url": str(url)}}} if url else {}),
            "services": {"api": {}, "web": {}},
            "defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "20s"},
            "environments": {name: {**({"rank": rank} if rank else {}), "checks": checks}
                             for name, (rank, checks) in environments.items()}, **more}


def version(web, name, says=None, **more):
    if says is not None:
        web.put(name, says)
    return {"http": {"url": web.url(name)}, "version": "/version", **more}


def services(d, *args):
    done = d.ctl("version", "-o", "json", *args)
    assert done.code == 0, done
    return {s["check"]: s for e in json.loads(done.out)["environments"] for s in e["services"]}


def events(d, *keys):
    _, body, _ = d.api("/v1/history")
    return [tuple(e.get(k) for k in ("event", *keys)) for e in body["events"]
            if e["event"].startswith("version")]


def test_builds_of_one_version_are_ordered_by_their_commits(daemon, web, shop):
    later = shop.commit()
    environments = {
        "staging": (1, {"version-api": version(web, "s", said("1.2.0+b1", shop.commits[2]),
                                               commit="/commit")}),
        "production": (2, {"version-api": version(web, "p", said("1.2.0+b2", later),
                                                  commit="/commit",
                                                  expect={"not-ahead-of": "staging"})})}
    d = daemon(config(shop.path, environments))
    d.ready()
    c = d.check("production/version-api")
    assert (c["state"], c["reason"]) == ("CRITICAL", "version-ahead"), c
    assert "1 commit ahead of staging (1.2.0+b1)" in c["summary"], c
    web.put("p", said("1.2.0+b2", shop.commits[1]))
    assert d.run("production/version-api")["state"] == "OK"
    web.put("p", said("1.2.0+b2"))
    assert d.run("production/version-api")["state"] == "UNKNOWN"


# --- the past ---

def test_what_ran_then(daemon, web, shop, syslog):
    before = now()
    d = daemon(config(shop.path, {"one": (None, {"version-api": version(
        web, "api", said("1.0.0"), expect={"version": "<1.2"})})}), inside=syslog)
    d.ready()
    first = now()
    web.put("api", said("1.2.0", shop.commits[2]))
    assert d.run("one/version-api")["state"] == "CRITICAL"
    second = now()
    assert len(events(d)) == 2  # so they are on disk
    d.restart()
    web.put("api", said("1.3.0"))
    d.run("one/version-api")
    assert events(d, "was", "now", "tag") == [
        ("version-changed", None, "1.0.0", "v1.0.0"), ("version-changed", "1.0.0", "1.2.0", "v1.2.0"),
        ("version-changed", "1.2.0", "1.3.0", None)]
    assert len(syslog.wait("version-changed", count=2)) == 2, "none for the first sight"
    keys = "version", "tag", "commit", "tag_date", "behind_releases", "state"
    then = services(d, "--at", first)["one/version-api"]
    assert [then[k] for k in keys] == ["1.0.0", "v1.0.0", shop.commits[0],
                                       "2023-11-15T22:13:20.000Z", None, "OK"]
    assert before < then["checked"] < first
    then = services(d, "--at", second)["one/version-api"]
    assert [then[k] for k in keys] == ["1.2.0", "v1.2.0", shop.commits[2],
                                       "2023-11-17T22:13:20.000Z", None, "CRITICAL"]
    assert services(d, "--at", "0s")["one/version-api"]["version"] == "1.3.0"
    assert services(d, "one", "--at", second)["one/version-api"]["version"] == "1.2.0"
    then = services(d, "--at", before)["one/version-api"]
    assert [then[k] for k in keys] == [None] * 5 + ["PENDING"]
    assert then["checked"] is None
    out = d.ctl("version", "--at", second).out.splitlines()
    told = d.ctl("history", "one").out
    assert "1.0.0 -> 1.2.0, tag v1.2.0" in told, told
    assert "1.0.0, tag v1.0.0 (seen for the first time)" in told, told
    assert "SINCE" in out[0].split() and "CHECKED" not in out[0] and "1.2.0" in out[1]


def test_what_ran_longer_than_events_are_kept(daemon, web):
    d = daemon(config(None, {"one": (None, {"version-api": version(web, "api", said("1.0.0"))})}))
    d.ready()
    d.stop()
    with contextlib.closing(sqlite3.connect(d.state / "history.db")) as db, db:
        db.execute("DELETE FROM event")  # as they are when they are too old
    d.start()
    then = services(d, "--at", "1h")["one/version-api"]
    assert (then["version"], then["checked"], then["state"]) == ("1.0.0", None, "OK")
    web.put("api", said("1.1.0"))
    d.run("one/version-api")
    then = services(d, "--at", "1h")["one/version-api"]
    assert (then["version"], then["checked"], then["state"]) == ("1.0.0", None, "OK")
    assert services(d)["one/version-api"]["version"] == "1.1.0"


def test_a_result_that_is_stale_now_was_not_so_then(daemon, web, things):
    hole = things(Hole())
    c = config(None, {"one": (None, {"version-api": version(web, "api", said("1.0.0"))})})
    d = daemon(c)
    d.ready()
    d.stop()
    with contextlib.closing(sqlite3.connect(d.state / "history.db")) as db, db:
        db.execute("DELETE FROM event")
        db.execute("UPDATE latest SET body = json_set(body, '$.result.checked', "
                   "json_extract(body, '$.result.checked') - 10800000)")  # every: 1h
        db.execute("UPDATE seen SET checked = checked - 10800000")
    # a probe that does not end leaves it as it is
    c["environments"]["one"]["checks"]["version-api"]["http"]["connect"] = f"127.0.0.1:{hole.port}"
    d.write(c)
    d.start()
    assert d.check("one/version-api")["reason"] == "stale"
    assert services(d, "--at", "1h")["one/version-api"]["state"] == "OK"
    assert services(d)["one/version-api"]["state"] == "UNKNOWN"


@pytest.mark.parametrize("at, code, error", [
    ("tomorrow", 64, "--at is a duration ago"), ("2199-01-01", 2, "in the future"),
    ("500d", 2, "is kept for 400d"), ("2020-02-30", 64, "--at is a duration ago")])
def test_times_that_nothing_is_known_of(daemon, web, at, code, error):
    d = daemon(config(None, {"one": (None, {"version-api": version(web, "api", said("1"))})}))
    d.ready()
    done = d.ctl("version", "--at", at)
    assert done.code == code and error in done.err, done
    assert done.out == ""


def test_a_date(daemon, web):
    d = daemon(config(None, {"one": (None, {"version-api": version(web, "api", said("1"))})}))
    d.ready()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    done = d.ctl("version", "--at", today, "-o", "json")
    assert json.loads(done.out)["at"] == f"{today}T00:00:00.000Z", done
    code, body, _ = d.api("/v1/versions?at=1h")
    assert code == 200 and body["environments"][0]["services"][0]["state"] == "PENDING"
    assert d.api("/v1/versions?at=soon")[0] == 400


def test_at_a_time_when_nobody_looked(daemon, web):
    """Down from 5 hours ago until now, where a result is good for 2 hours and 20 seconds."""
    d = daemon(config(None, {"one": (None, {"version-api": version(web, "api", said("1.0.0"))})}))
    before = now()
    d.ready()
    assert len(events(d)) == 1
    d.stop()
    with contextlib.closing(sqlite3.connect(d.state / "history.db")) as db, db:
        db.execute("UPDATE latest SET body = json_set(body, '$.result.checked', "
                   "json_extract(body, '$.result.checked') - 18000000)")
        db.execute("UPDATE seen SET checked = checked - 18000000")
        db.execute("UPDATE event SET at = at - 18000000")
    d.start()
    d.run("one/version-api")
    assert len(events(d)) == 1
    for ago, state in (("4h", "OK"), ("150m", "UNKNOWN"), ("1h", "UNKNOWN")):
        then = services(d, "--at", ago)["one/version-api"]
        assert (then["version"], then["state"]) == ("1.0.0", state), ago
    out = d.ctl("version", "--at", "1h").out.splitlines()
    assert out[-1].startswith("nobody looked from ") and "did not run" in out[-1], out
    assert "nobody looked" not in d.ctl("version", "--at", "4h").out + d.ctl("version").out
    gap = d.api("/v1/versions?at=1h")[1]["not_looked"]
    assert gap["since"] < before < gap["until"]
    then = services(d, "--at", "6h")["one/version-api"]
    assert (then["version"], then["state"]) == (None, "PENDING"), "before the first start"


def test_an_instance_that_was_not_read_runs_nobody_knows_what(daemon, web):
    """Nothing is held against what only some of them tell, nor ordered by it."""
    for host in "ab":
        web.put(host, said("1.0.0"))
    d = daemon(config(None, {
        "low": (1, {"version-api": {"http": {"url": web.url("${host}")}, "for": {"host": ["a", "b"]},
                                    **VERSION}}),
        "high": (2, {"version-api": version(web, "a", expect={"not-ahead-of": "low"})}),
        "other": (3, {"version-api": version(web, "a", expect={"same-as": "low"})})}))
    d.ready()
    for name in ("high", "other"):
        wait_for(lambda name=name: d.check(f"{name}/version-api")["state"] == "OK", what=name)
    assert services(d)["low/version-api"]["next"]["order"] == "same"
    web.put("b", [])
    assert d.run("low/version-api")["state"] == "UNKNOWN"
    for name in ("high", "other"):
        c = d.run(f"{name}/version-api")
        assert (c["state"], c["reason"]) == ("UNKNOWN", "peer-unread"), c
        assert "is not known: b: the answer has no element" in c["summary"], c
    low = services(d)["low/version-api"]
    assert (low["state"], low["next"]["order"]) == ("UNKNOWN", None), low


def test_instances_then(daemon, web):
    d = daemon(config(None, {"one": (None, {"version-api": {
        "http": {"url": web.url("${host}")}, "for": {"host": ["a", "b"]}, "version": "/version",
        "commit": "/commit"}})}))
    for host in "ab":
        web.put(host, said("1.0.0", "abc1234"))
    d.run("one/version-api")
    both = now()
    web.put("a", said("1.1.0", "abc1234"))
    d.run("one/version-api")
    mixed = now()
    web.put("b", said("1.1.0", "abc1234"))
    d.run("one/version-api")
    then = [services(d, "--at", t)["one/version-api"] for t in (both, mixed, now())]
    assert [t["version"] for t in then] == ["1.0.0", None, "1.1.0"]
    assert [t["commit"] for t in then] == ["abc1234"] * 3
    assert [t["state"] for t in then] == ["OK", "CRITICAL", "OK"]


def test_a_tag_that_is_pushed_later(daemon, web, shop, syslog):
    d = daemon(config(shop.path, {"one": (None, {"version-api": version(
        web, "api", said("1.3.0"))})}), inside=syslog)
    d.ready()
    untagged = now()
    commit = shop.commit("v1.3.0")

    def is_tagged():
        return d.run("one/version-api")["facts"].get("tag") == "v1.3.0"
    wait_for(is_tagged, timeout=40, what="the tag")
    d.run("one/version-api")
    assert events(d, "was", "now", "tag", "tag_commit") == [
        ("version-changed", None, "1.3.0", None, None),
        ("version-known", None, "1.3.0", "v1.3.0", commit)]
    assert services(d, "--at", untagged)["one/version-api"]["tag"] is None
    then = services(d, "--at", now())["one/version-api"]
    assert (then["version"], then["tag"], then["commit"]) == ("1.3.0", "v1.3.0", commit)
    assert syslog.lines("version-") == []


def test_a_tag_that_moves_is_told(daemon, web, shop, syslog):
    d = daemon(config(shop.path, {"one": (None, {"version-api": version(
        web, "api", said("1.2.0"))})}), inside=syslog)
    d.ready()
    was, new = shop.commits[2], shop.commit()
    shop.tag("v1.2.0", at=new, force=True)
    shop.tag("v1.3.0", at=new)
    web.put("web", said("1.3.0"))  # what is not known makes it fetch
    c = config(shop.path, {"one": (None, {"version-api": version(web, "api"), "version-web": version(
        web, "web", expect={"tagged": True})})})
    d.write(c)
    assert d.ctl("reload").code == 0
    wait_for(lambda: d.run("one/version-web")["state"] == "OK", timeout=40, what="the fetch")
    assert d.run("one/version-api")["facts"]["tag_commit"] == new
    d.run("one/version-api")
    _, body, _ = d.api("/v1/history")
    assert [{k: v for k, v in e.items() if k != "at"} for e in body["events"]
            if e["event"] == "tag-moved"] == [
        {"event": "tag-moved", "check": "one/version-api", "environment": "one", "service": "api",
         "version": "1.2.0", "tag": "v1.2.0", "was": was, "now": new}]
    _, severity, _, what, pairs = parse_line(syslog.wait("tag-moved")[0])
    assert (severity, what) == ("warning", "tag-moved")
    assert dict(pairs) == {"check": "one/version-api", "environment": "one", "service": "api",
                           "tag": "v1.2.0", "was": was, "now": new}
    told = d.ctl("history", "one/version-api").out
    assert f"v1.2.0: {was[:10]} -> {new[:10]}" in told, told


# --- a check that is defined anew ---

def test_another_definition_is_no_deployment(daemon, web, folder, syslog):
    def checks(**words):
        return {"version-api": version(web, "api", **words), "version-web": {
            "http": {"url": web.url("${h}")}, "for": {"h": ["a", "b"]}, "version": "/version",
            **words}}
    for name in "api", "a", "b":
        web.put(name, said("1.0.0"))
    d = daemon(config(None, {"one": (None, checks(expect={"version": "1.0.0"}))}), inside=syslog)
    d.ready()
    seen = events(d, "was", "now")
    assert len(seen) == 3
    d.write(config(None, {"one": (None, checks())}))
    assert d.ctl("reload").code == 0
    d.ready()
    d.run("one/version-api")
    d.run("one/version-web")
    assert events(d, "was", "now") == seen
    web.put("api", said("1.1.0"))
    web.put("b", said("1.1.0"))
    d.write(config(None, {"one": (None, checks(expect={"version": ">=1"}))}))
    assert d.ctl("reload").code == 0
    d.ready()
    d.run("one/version-api")
    d.run("one/version-web")
    assert {e[1:] for e in events(d, "check", "instance", "was", "now") if e[3] is not None} == {
        ("one/version-api", None, "1.0.0", "1.1.0"), ("one/version-web", "b", "1.0.0", "1.1.0")}
    assert len(events(d)) == 5
    assert len(syslog.wait("version-changed", count=2)) == 2


# --- the next environment ---

def shown(d, width):
    out = on_terminal(d, width, "version")
    assert all(len(line) <= width for line in out), "\n".join(out)
    return out


def test_ahead_of_the_next_environment(daemon, web, shop):
    def checks(name, api, webs):
        return {"version-api": version(web, f"{name}-api", said(api)),
                "version-web": version(web, f"{name}-web", said(webs))}
    d = daemon(config(shop.path, {
        "development": (10, {"version-api": version(web, "dev-api", said("1.1.0"))}),
        "staging": (20, checks("staging", "1.2.0", "nightly-7")),
        "production": (30, checks("production", "1.0.0", "nightly-6")),
        "spare": (None, checks("spare", "1.0.0", "nightly-6"))}))
    d.ready()
    all_ = services(d)
    assert all_["staging/version-api"]["next"] == {
        "environment": "production", "version": "1.0.0", "order": "ahead", "ahead_releases": 2}
    assert all_["development/version-api"]["next"] == {
        "environment": "staging", "version": "1.2.0", "order": "behind", "ahead_releases": -1}
    assert all_["staging/version-web"]["next"] == {
        "environment": "production", "version": "nightly-6", "order": None}
    assert "next" not in all_["production/version-api"] and "next" not in all_["spare/version-api"]
    for width in 80, 100, 130:
        out = shown(d, width)
        assert "NEXT" in out[0] and ("DATE" in out[0]) == (width == 130), out
        assert any("1.2.0" in line and "2 ahead of production" in line for line in out), out
        assert any("1 behind staging" in line for line in out), out
        assert any("? production" in line for line in out), out
    rows = d.ctl("version", "-o", "csv").out.splitlines()
    assert rows[0].endswith(",state,next,next_order,next_ahead_releases")
    assert any(r.startswith("staging,api,1.2.0,") and r.endswith(",OK,production,ahead,2")
               for r in rows), rows
    assert any(r.startswith("production,") and r.endswith(",OK,,,") for r in rows), rows


def test_ahead_without_a_repository(daemon, web):
    d = daemon(config(None, {
        "staging": (20, {"version-api": version(web, "s", said("v1.10.0"))}),
        "production": (30, {"version-api": version(web, "p", said("1.9.0"))})}))
    d.ready()
    assert services(d)["staging/version-api"]["next"] == {
        "environment": "production", "version": "1.9.0", "order": "ahead"}
    assert any(" ahead of production" in line for line in shown(d, 80))
    web.put("s", said("v1.9.0"))
    d.run("staging/version-api")
    assert services(d)["staging/version-api"]["next"]["order"] == "same"
    assert any("same as production" in line for line in shown(d, 80))
    web.put("p", {})
    d.run("production/version-api")
    assert services(d)["staging/version-api"]["next"] == {
        "environment": "production", "version": None, "order": None}


# --- a rollout ---

def rollout(web, check="version-api", **words):
    for host in "ab":
        web.put(host, said("1.0.0"))
    return {check: {"http": {"url": web.url("${host}")}, "for": {"host": ["a", "b"]},
                    "version": "/version", **words}}


def test_a_rollout_is_tolerated_for_a_while(daemon, web):
    d = daemon(config(None, {"one": (None, rollout(web, expect={"agree-within": "1h"}))}))
    d.ready()
    assert "differ_since" not in d.check("one/version-api")["facts"]
    web.put("a", said("1.1.0"))
    c = d.run("one/version-api")
    assert (c["state"], c["reason"]) == ("OK", "ok"), c
    assert c["summary"].startswith(
        "instances differ in version: 1.1.0 on 1 of 2, 1.0.0 on 1; tolerated for 59 min") or \
        "tolerated for 1 h more" in c["summary"], c
    assert c["expected"] == "all instances agree within 1h"
    since = c["facts"]["differ_since"]
    assert "version" not in c["facts"]
    assert d.run("one/version-api")["facts"]["differ_since"] == since
    (web.www / "b").unlink()
    c = d.run("one/version-api")
    assert (c["state"], c["facts"]["differ_since"]) == ("UNKNOWN", since)
    web.put("b", said("1.0.0"))
    d.run("one/version-api")
    events(d)  # so that all is on disk
    d.restart()
    c = d.run("one/version-api")
    assert (c["state"], c["facts"]["differ_since"]) == ("OK", since)
    web.put("b", said("1.1.0"))
    c = d.run("one/version-api")
    assert (c["state"], c["facts"]) == ("OK", {"version": "1.1.0"})


def test_a_rollout_that_takes_too_long(daemon, web):
    web.put("x", "A=1\n")
    web.put("y", "A=1\n")
    d = daemon(config(None, {"one": (None, {
        **rollout(web, expect={"agree-within": "1s"}),
        **rollout(web, "version-web", expect={"agree-within": "1h"}, warn={"agree-within": "1s"}),
        "config-api": {"http": {"url": web.url("${host}")}, "for": {"host": ["x", "y"]},
                       "format": "dotenv", "expect": {"agree-within": "1s"}}})}))
    d.ready()
    web.put("a", said("1.1.0"))
    web.put("x", "A=2\n")
    for name, state in ("version-api", "CRITICAL"), ("version-web", "WARNING"), \
            ("config-api", "CRITICAL"):
        assert d.run(f"one/{name}")["state"] in ("OK", state)
        wait_for(lambda: d.run(f"one/{name}")["state"] == state, what=f"{name} is {state}")
        c = d.check(f"one/{name}")
        assert c["reason"] == "instances-differ" and c["expected"].endswith("agree within 1s"), c
    d.restart()
    assert d.run("one/version-api")["state"] == "CRITICAL"


@pytest.mark.parametrize("words", ["expect", "warn"])
def test_agreement_is_of_instances(folder, web, words):
    (folder / "c.yaml").write_text(json.dumps(config(None, {"one": (None, {"version-api": version(
        web, "api", **{words: {"agree-within": "1m"}})})}), indent=1))
    done = relauditd("--check-config", "-c", folder / "c.yaml")
    assert done.code == 2
    assert "`agree-within:` is for a check with several instances" in done.err, done.err
    line = next(n for n, text in enumerate((folder / "c.yaml").read_text().splitlines(), 1)
                if "agree-within" in text)
    assert f"c.yaml:{line}:" in done.err, done.err


# --- held against another environment ---

def pair(web, url, here, there, expect=None, check=None, **more):
    """production, held against staging."""
    def one(name, says, **words):
        return {"version-api": version(web, name, says,
                                       **({"commit": "/commit"} if "commit" in says else {}),
                                       **words)}
    staging = one("there", there)
    if check:
        staging = {check: staging["version-api"]}
    return config(url, {"staging": (20, staging),
                        "production": (30, one("here", here, expect=expect, **more))})


def judged(d, name="production/version-api"):
    c = d.check(name)
    return c["state"], c["reason"], c["summary"]


def becomes(d, state, reason, name="production/version-api"):
    wait_for(lambda: judged(d, name)[:2] == (state, reason), what=f"{reason}: {judged(d, name)}")
    return d.check(name)


def test_what_git_describe_says_is_no_pre_release(daemon, web, shop):
    after = [shop.commit(), shop.commit()]
    ahead, further = (f"1.2.0-{n}-g{c[:7]}" for n, c in enumerate(after, 1))
    d = daemon(pair(web, shop.path, said(ahead), said("1.2.0"), {"not-ahead-of": "staging"}))
    d.ready()
    c = becomes(d, "CRITICAL", "version-ahead")
    assert c["summary"] == f"{ahead} runs, ahead of staging (1.2.0)", c
    assert services(d)["staging/version-api"]["next"]["order"] == "behind"
    for there, state, reason in ((further, "OK", "ok"), (ahead + "-dirty", "OK", "ok"),
                                 ("1.2.0-dirty", "CRITICAL", "version-ahead"),
                                 ("1.3.0", "OK", "ok"), ("1.1.0", "CRITICAL", "version-ahead")):
        web.put("there", said(there))
        d.run("staging/version-api")
        becomes(d, state, reason)
    web.put("here", said(further))
    web.put("there", said(ahead))
    d.run("staging/version-api")
    d.run("production/version-api")
    assert "1 commit ahead of staging" in becomes(d, "CRITICAL", "version-ahead")["summary"]
    web.put("here", said("1.2.0-dirty"))
    web.put("there", said("1.2.0"))
    d.run("staging/version-api")
    d.run("production/version-api")
    becomes(d, "UNKNOWN", "version-unordered")
    assert services(d)["staging/version-api"]["next"]["order"] == "behind"


def test_one_version_at_two_commits(daemon, web, shop):
    one, two = shop.commits[2], shop.commit()
    d = daemon(pair(web, shop.path, said("1.2.0", two), said("1.2.0", one),
                    {"not-ahead-of": "staging"}))
    d.ready()
    c = becomes(d, "CRITICAL", "version-ahead")
    assert c["summary"] == (f"1.2.0 runs, 1 commit ahead of staging (1.2.0 at commit {one[:12]})")
    assert services(d)["staging/version-api"]["next"] == {
        "environment": "production", "version": "1.2.0", "order": None, "other_commit": True}
    assert any("other commit" in line for line in shown(d, 80))
    assert "other commit than production" in d.ctl("version").out
    web.put("here", said("1.2.0", shop.commits[1]))
    d.run("production/version-api")
    becomes(d, "OK", "ok")
    web.put("here", said("1.2.0", "1234567890"))
    d.run("production/version-api")
    becomes(d, "UNKNOWN", "version-unordered")


def test_the_same_version_as_there(daemon, web, shop):
    d = daemon(pair(web, shop.path, said("1.0.0"), said("1.2.0"), {"same-as": "staging"}))
    d.ready()
    c = becomes(d, "CRITICAL", "version-differs")
    assert c["summary"] == "1.0.0 runs, but 1.2.0 in staging: 2 releases behind"
    assert c["expected"] == "same-as staging"
    web.put("there", said("v1.0.0"))
    d.run("staging/version-api")  # it is judged again by itself
    c = becomes(d, "OK", "ok")
    assert c["expected"] == "same-as staging"
    web.put("there", {})
    d.run("staging/version-api")
    c = becomes(d, "UNKNOWN", "peer-unread")
    assert "1.0.0 runs, but the version of staging is not known: " in c["summary"]


def test_the_same_commit_as_there(daemon, web):
    d = daemon(pair(web, None, said("1.0.0", "abc12345"), said("1.0.0", "abc12345678"), {
        "same-as": "staging/version"}, check="version", warn={"not-ahead-of": "staging/version"}))
    d.ready()
    assert judged(d)[:2] == ("OK", "ok"), judged(d)
    web.put("there", said("1.0.0", "fff1234"))
    d.run("staging/version")
    c = becomes(d, "CRITICAL", "commit-differs")
    assert c["summary"] == \
        "1.0.0 runs at commit abc12345, but commit fff1234 in staging/version", c


def test_not_ahead_by_semantic_version(daemon, web, shop):
    d = daemon(pair(web, shop.path, said("1.2.0"), said("v1.0.0"), {"not-ahead-of": "staging"}))
    d.ready()
    c = becomes(d, "CRITICAL", "version-ahead")
    assert (c["summary"], c["expected"]) == (
        "1.2.0 runs, ahead of staging (v1.0.0)", "not-ahead-of staging"), c
    web.put("there", said("1.0.0"))
    d.run("staging/version-api")
    wait_for(lambda: judged(d)[2] == "1.2.0 runs, 2 releases ahead of staging (1.0.0)",
             what=str(judged(d)))
    for fine in "1.2.0", "1.3.0-rc.1":
        web.put("there", said(fine))
        d.run("staging/version-api")
        becomes(d, "OK", "ok")
        web.put("there", said("1.0.0"))
        d.run("staging/version-api")
        becomes(d, "CRITICAL", "version-ahead")


def test_a_repository_out_of_reach_is_no_matter_to_semantic_versions(daemon, web, folder):
    d = daemon(pair(web, folder / "nowhere.git", said("1.2.0"), said("1.0.0"), {
        "not-ahead-of": "staging"}))
    d.ready()
    assert becomes(d, "CRITICAL", "version-ahead")["summary"].endswith("ahead of staging (1.0.0)")
    for name, says in ("here", "build-2"), ("there", "build-1"):
        web.put(name, said(says))
    d.run("staging/version-api", "production/version-api")
    wait_for(lambda: judged(d)[0] == "UNKNOWN" and judged(d)[1].startswith("repo-"),
             what=str(judged(d)))
    assert "whether that is newer than build-1 of staging is not known" in judged(d)[2]


def test_not_ahead_without_a_repository(daemon, web):
    d = daemon(pair(web, None, said("build-2"), said("build-1"), {"not-ahead-of": "staging"}))
    d.ready()
    assert "no repository was asked" in becomes(d, "UNKNOWN", "version-unordered")["summary"]
    web.put("there", said("build-2"))
    d.run("staging/version-api")
    becomes(d, "OK", "ok")


@pytest.fixture
def builds(folder):
    """build-9, build-10, 2024-11-rc in a line; old-1 on a branch off build-9, dated last."""
    r = Repository(folder / "builds.git")
    r.commits = [r.commit("build-9"), r.commit("build-10"), r.commit(), r.commit("2024-11-rc")]
    r.git("checkout", "--quiet", "-b", "old", "build-9")
    r.commits.append(r.commit("old-1"))
    return r


def of_builds(c, builds):
    c["product"]["repository"].update(url=str(builds.path), tag="{version}")
    return c


@pytest.mark.parametrize("here, there, state, reason, summary", [
    ("build-10", "build-10", "OK", "ok", "build-10 runs"),
    ("build-10", "2024-11-rc", "OK", "ok", "build-10 runs"),
    ("build-10", "build-9", "CRITICAL", "version-ahead",
     "build-10 runs, 1 release ahead of staging (build-9)"),
    ("2024-11-rc", "build-9", "CRITICAL", "version-ahead", "ahead of staging (build-9)"),
    ("old-1", "build-10", "CRITICAL", "version-diverged",
     "old-1 runs, which has diverged from build-10 of staging: 1 commit only here, 1 only there"),
    ("build-10", "build-11", "UNKNOWN", "version-unordered", "no tag build-11")])
def test_order_by_ancestry(daemon, web, builds, here, there, state, reason, summary):
    d = daemon(of_builds(pair(web, "/x", said(here), said(there), {"not-ahead-of": "staging"}),
                         builds))
    d.ready()
    assert summary in becomes(d, state, reason)["summary"], judged(d)


def test_order_of_commits_alone(daemon, web, builds):
    c = of_builds(pair(web, "/x", {"commit": builds.commits[3]}, {"commit": builds.commits[1]},
                       {"not-ahead-of": "staging"}), builds)
    for env in c["environments"].values():
        del env["checks"]["version-api"]["version"]
    d = daemon(c)
    d.ready()
    c = becomes(d, "CRITICAL", "version-ahead")
    assert c["summary"] == (f"commit {builds.commits[3][:12]} runs, 1 release ahead of staging "
                            f"(commit {builds.commits[1][:12]})"), c


@pytest.mark.parametrize("runs, expect, state, reason, behind, summary", [
    ("2024-11-rc", {"latest-tag": True}, "OK", "ok", 0, "2024-11-rc runs"),
    ("build-10", {"latest-tag": True}, "CRITICAL", "version-behind", 1,
     "1 release and 2 d behind 2024-11-rc"),
    ("build-9", {"max-lag": {"releases": 1}}, "CRITICAL", "version-behind", 2,
     "2 releases and 3 d behind 2024-11-rc"),
    ("build-9", {"max-lag": {"releases": 2}}, "OK", "ok", 2, "build-9 runs"),
    ("build-11", {"latest-tag": True}, "CRITICAL", "tag-missing", None, "no tag build-11")])
def test_lag_of_builds(daemon, web, builds, runs, expect, state, reason, behind, summary):
    builds.git("checkout", "--quiet", "main")
    builds.git("tag", "-d", "old-1")
    builds.git("branch", "-D", "old")
    d = daemon(of_builds(config("/x", {"one": (None, {"version-api": version(
        web, "api", said(runs), expect=expect)})}), builds))
    d.ready()
    assert judged(d, "one/version-api")[:2] == (state, reason), judged(d, "one/version-api")
    c = d.check("one/version-api")
    assert summary in c["summary"] and c["facts"].get("behind_releases") == behind, c


@pytest.mark.parametrize("word", ["same-as", "not-ahead-of"])
@pytest.mark.parametrize("names, error", [
    ("stagin", "there is no environment 'stagin'; did you mean 'staging'?"),
    ("staging/version-web", "environment staging has no check 'version-web'"),
    ("production", "production/version-api cannot be held against itself"),
    ("staging/value", "staging/value is of kind backup")])
def test_peers_that_are_not_there(folder, web, word, names, error):
    c = pair(web, None, said("1"), said("1"), {word: names})
    c["environments"]["staging"]["checks"]["value"] = {
        "kind": "backup", "file": {"glob": "/x/*"}}
    (folder / "c.yaml").write_text(json.dumps(c, indent=1))
    done = relauditd("--check-config", "-c", folder / "c.yaml")
    assert done.code == 2 and f"`{word}:` {error}" in done.err, done.err
    line = next(n for n, text in enumerate((folder / "c.yaml").read_text().splitlines(), 1)
                if word in text)
    assert f"c.yaml:{line}:" in done.err, done.err


def test_of_a_template_it_does_not_hold_where_it_points(daemon, web):
    c = pair(web, None, said("2.0.0"), said("1.0.0"))
    c["templates"] = {"checked": {"checks": {"version-api": {
        "expect": {"not-ahead-of": "staging"}}}}}
    for env in c["environments"].values():
        env["checks"]["version-api"].pop("expect", None)
        env["use"] = ["checked"]
    d = daemon(c)
    d.ready()
    becomes(d, "CRITICAL", "version-ahead")
    assert d.check("staging/version-api")["state"] == "OK"
    assert d.check("staging/version-api")["expected"] is None
