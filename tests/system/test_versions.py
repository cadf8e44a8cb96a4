# SPDX-License-Identifier: Apache-2.0
"""Versions of the past, and of environments against each other."""
import datetime
import json

import pytest

from support import relauditd, wait_for
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
    assert "SINCE" in out[0].split() and "CHECKED" not in out[0] and "1.2.0" in out[1]


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
