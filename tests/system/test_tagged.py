# SPDX-License-Identifier: Apache-2.0
"""What runs against the tags of a real git repository."""
import fcntl
import json
import os
import select
import shutil
import struct
import subprocess
import termios

import pytest
import yaml

import support
from repository import Repository
from support import parse_line, relauditd, wait_for

@pytest.fixture
def shop(folder):
    """v1.0.0, v1.1.0 (annotated), v1.2.0, and a commit after it."""
    r = Repository(folder / "shop.git")
    r.commits = [r.commit("v1.0.0"), r.commit("v1.1.0", annotated=True), r.commit("v1.2.0"),
                 r.commit()]
    return r


def config(web, url, checks, tag=None, **product):
    """checks: {name: (what the service says, expect)}"""
    for name, (says, _) in checks.items():
        web.put(name, says)
    return {"product": {"name": "shop", "repository": {
                "url": str(url), **({"tag": tag} if tag else {})}, **product},
            "defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "20s"},
            "environments": {"one": {"checks": {
                f"version-{name}": {"http": {"url": web.url(name)}, "version": "/version",
                                    **({"commit": "/commit"} if "commit" in says else {}),
                                    **({"expect": expect} if expect else {})}
                for name, (says, expect) in checks.items()}}}}


def said(version, commit=None):
    return {"version": version, **({"commit": commit} if commit else {})}


def judged(d, name):
    c = d.check(f"one/version-{name}")
    return c["state"], c["reason"]


def test_facts_without_any_expectation(daemon, web, shop):
    d = daemon(config(web, shop.path, {"old": (said("1.1.0", shop.commits[1][:8]), None)}))
    d.ready()
    c = d.check("one/version-old")
    assert c["state"] == "OK", c
    assert c["facts"] == {"version": "1.1.0", "commit": shop.commits[1][:8], "tag": "v1.1.0",
                          "tag_commit": shop.commits[1], "tag_date": "2023-11-16T22:13:20.000Z",
                          "behind_releases": 1}


def test_tagged(daemon, web, shop):
    one, two, three, four = shop.commits
    t = {"tagged": True}
    d = daemon(config(web, f"file://{shop.path}", {
        "light": (said("1.0.0", one[:7]), t), "annotated": (said("1.1.0", two), t),
        "plain": (said("1.2.0"), t),
        "missing": (said("1.3.0"), t),
        "other": (said("1.2.0", one), t),
        "ahead": (said("1.2.0", four), t),
        "unknown": (said("1.2.0", "1234567890"), t),
        "dirty": (said("1.2.0-dirty", three), t),
        "both": (said("1.3.0", four), {"tagged": True, "version": "1.2.0"})}))
    d.ready()
    for name in "light", "annotated", "plain":
        assert judged(d, name) == ("OK", "ok"), d.check(f"one/version-{name}")
    assert "tag v1.0.0" in d.check("one/version-light")["summary"]
    assert d.check("one/version-plain")["expected"] == "tagged"
    assert judged(d, "missing") == ("CRITICAL", "tag-missing")
    assert "no tag v1.3.0" in d.check("one/version-missing")["summary"]
    assert judged(d, "other") == ("CRITICAL", "commit-differs")
    c = d.check("one/version-other")
    assert c["summary"] == (f"1.2.0 runs at commit {one[:12]}, but tag v1.2.0 is at {three[:12]}: "
                            "2 commits behind"), c
    assert judged(d, "ahead") == ("CRITICAL", "commit-differs")
    assert d.check("one/version-ahead")["summary"].endswith("1 commit ahead")
    assert judged(d, "unknown") == ("CRITICAL", "commit-unknown")
    assert judged(d, "dirty") == ("CRITICAL", "version-dirty")
    assert judged(d, "both") == ("CRITICAL", "version-differs")


def test_what_is_not_what_its_tag_has(daemon, web, shop):
    one, _, three, _ = shop.commits
    blob = shop.git("hash-object", "-w", shop.path / ".git" / "HEAD")
    shop.tag("v9.0.0", at=blob)
    latest = {"latest-tag": True}
    c = config(web, shop.path, {
        "blob": (said("9.0.0"), latest), "lag": (said("9.0.0"), {"max-lag": {"releases": 0}}),
        "other": (said("1.2.0", one), latest), "fine": (said("1.2.0", three), latest),
        "word": (said("1.2.0", "refs/heads/main"), {"tagged": True}),
        "g": (said("1.2.0", "g" + three[:9]), {"tagged": True, "latest-tag": True}),
        "at": (said(f"1.2.0-0-g{three[:7]}"), {"tagged": True, "latest-tag": True}),
        "elsewhere": (said(f"1.2.0-0-g{one[:7]}"), {"tagged": True})})
    d = daemon(c)
    d.ready()
    assert judged(d, "blob") == ("CRITICAL", "tag-no-commit"), d.check("one/version-blob")
    assert judged(d, "lag") == ("CRITICAL", "tag-no-commit")
    assert judged(d, "other") == ("CRITICAL", "commit-differs")
    assert d.check("one/version-other")["summary"].endswith(": 2 commits behind")
    assert judged(d, "fine") == ("OK", "ok"), d.check("one/version-fine")
    assert judged(d, "word") == ("UNKNOWN", "version-unreadable")
    assert "mend `commit:`" in d.check("one/version-word")["summary"]
    assert judged(d, "g") == ("UNKNOWN", "version-unreadable")
    assert judged(d, "at") == ("OK", "ok"), d.check("one/version-at")
    assert judged(d, "elsewhere") == ("CRITICAL", "commit-differs")
    assert d.check("one/version-elsewhere")["summary"].endswith("is at "
                                                            f"{three[:12]}: 2 commits behind")


def test_newer_releases_that_are_not_semantic(daemon, web, folder):
    dates, short = Repository(folder / "dates.git"), Repository(folder / "short.git")
    for tag in "v1.0.0", "v2024.11.15", "v2025.01.10", "v2025.02.03":
        dates.commit(tag)
    for tag in "v1.8.0", "v1.8", "v1.9.0", "vnext":
        short.commit(tag)
    latest = {"latest-tag": True}
    c = config(web, dates.path, {
        "date": (said("2024.11.15"), latest), "lag": (said("2024.11.15"),
                                                      {"max-lag": {"releases": 1}}),
        "last": (said("2025.02.03"), latest), "api": (said("1.9.0", short.git("rev-parse", "v1.9.0")), latest),
        "old": (said("1.8.0"), latest)})
    c["services"] = {name: {"repository": {"url": str(short.path)}} for name in ("api", "old")}
    d = daemon(c)
    d.ready()
    for name in "date", "lag":
        assert judged(d, name) == ("CRITICAL", "version-behind"), d.check(f"one/version-{name}")
        assert "2 releases and 2 d behind v2025.02.03" in d.check(f"one/version-{name}")["summary"]
    assert judged(d, "last") == ("OK", "ok")
    assert judged(d, "api") == ("OK", "ok"), d.check("one/version-api")
    assert judged(d, "old") == ("UNKNOWN", "version-unordered")  # v1.8 is later, and no more
    for tag in "v2.0", "v2.1":
        short.commit(tag)
    web.put("api", said("1.9.0", short.git("rev-parse", "v2.1^")))  # it makes it fetch
    d.restart()
    c = d.run("one/version-api")
    assert (c["state"], c["reason"]) == ("CRITICAL", "version-behind"), c
    assert c["summary"].endswith("behind v2.1") and "2 releases" in c["summary"], c


def test_commit_alone(daemon, web, shop):
    checks = config(web, shop.path, {"tagged": ({"commit": shop.commits[1]}, {"tagged": True}),
                                     "not": ({"commit": shop.commits[3]}, {"tagged": True}),
                                     "told": ({"commit": shop.commits[3]}, None)})
    for c in checks["environments"]["one"]["checks"].values():
        del c["version"]
    d = daemon(checks)
    d.ready()
    assert judged(d, "tagged") == ("OK", "ok")
    assert d.check("one/version-tagged")["facts"]["tag"] == "v1.1.0"
    assert judged(d, "not") == ("CRITICAL", "version-untagged")
    assert "which has no tag, 1 commit after v1.2.0" in d.check("one/version-not")["summary"]
    c = d.run("one/version-told")  # what it does not expect it does not wait for
    assert (c["state"], c["reason"]) == ("OK", "ok")
    assert "which has no tag, 1 commit after v1.2.0" in c["summary"]


def test_latest_and_lag(daemon, web, shop):
    d = daemon(config(web, shop.path, {
        "newest": (said("1.2.0"), {"latest-tag": True, "max-lag": {"releases": 0, "age": "1h"}}),
        "old": (said("1.1.0"), {"latest-tag": True}),
        "releases": (said("1.0.0"), {"max-lag": {"releases": 1}}),
        "within": (said("1.0.0"), {"max-lag": {"releases": 2, "age": "2d"}}),
        "age": (said("1.0.0"), {"max-lag": {"releases": 2, "age": "47h"}}),
        "untagged": (said("1.9.0"), {"latest-tag": True}),
        "odd": (said("nightly"), {"max-lag": {"releases": 2}})}))
    d.ready()
    c = d.check("one/version-newest")
    assert (c["state"], c["expected"]) == ("OK", "latest-tag, max-lag 0 releases or 1h"), c
    assert judged(d, "old") == ("CRITICAL", "version-behind")
    assert d.check("one/version-old")["summary"].startswith("1.1.0 runs, 1 release and ")
    assert d.check("one/version-old")["summary"].endswith(" behind v1.2.0")
    assert judged(d, "releases") == ("CRITICAL", "version-behind")
    assert judged(d, "within") == ("OK", "ok"), d.check("one/version-within")
    assert judged(d, "age") == ("CRITICAL", "version-behind")
    assert judged(d, "untagged") == ("CRITICAL", "tag-missing")
    assert judged(d, "odd") == ("UNKNOWN", "tag-missing")


def test_no_release_is_known(daemon, web, shop, folder):
    """That none is newer says nothing where there is none, and the version stands nowhere."""
    bare = Repository(folder / "bare.git")
    bare.commit()
    shop.git("tag", "-d", "v1.0.0", "v1.1.0", "v1.2.0")
    for n, at in enumerate(shop.commits[:3]):
        shop.tag(f"1.{n}.0", at=at)
    lag = {"max-lag": {"releases": 0, "age": "1s"}}
    c = config(web, shop.path, {"pattern": (said("1.0.0"), lag), "newest": (said("1.0.0"),
                                                                            {"latest-tag": True}),
                                "bare": (said("1.0.0"), {"max-lag": {"releases": 0}})})
    c["services"] = {"bare": {"repository": {"url": str(bare.path)}}}
    d = daemon(c)
    d.ready()
    for name in "pattern", "newest", "bare":
        assert judged(d, name) == ("UNKNOWN", "tag-missing"), d.check(f"one/version-{name}")
        assert d.check(f"one/version-{name}")["facts"] == {"version": "1.0.0"}
    assert "none of its 3 tags fits the pattern v{version}" in d.check(
        "one/version-pattern")["summary"]
    assert "it has no tag at all" in d.check("one/version-bare")["summary"]
    rows = json.loads(d.ctl("version", "-o", "json").out)["environments"][0]["services"]
    assert [r["behind_releases"] for r in rows] == [None] * len(rows)


def test_lag_of_what_has_no_tag(daemon, web, shop):
    d = daemon(config(web, shop.path, {
        "age": (said("1.2.1"), {"max-lag": {"age": "1d"}}),
        "releases": (said("1.2.1"), {"max-lag": {"releases": 0}}),
        "both": (said("1.0.1"), {"max-lag": {"releases": 1, "age": "900d"}})}))
    d.ready()
    assert judged(d, "age") == ("UNKNOWN", "tag-missing"), d.check("one/version-age")
    assert judged(d, "releases") == ("OK", "ok")
    assert judged(d, "both") == ("CRITICAL", "version-behind")


def test_a_tag_pushed_right_before_its_version_runs(daemon, web, shop):
    """Although the last fetch is too fresh for another one at once."""
    d = daemon(config(web, shop.path, {"api": (said("1.2.0"), {"tagged": True})}))
    d.ready()
    shop.tag("v1.3.0")
    web.put("api", said("1.3.0"))
    c = d.run("one/version-api")
    assert (c["state"], c["reason"], c["facts"]["tag"]) == ("OK", "ok", "v1.3.0"), c


def test_a_tag_that_there_is_no_time_to_look_for(daemon, web, shop):
    c = config(web, shop.path, {"api": (said("1.2.0"), {"tagged": True})})
    c["defaults"]["timeout"] = "2s"
    d = daemon(c)
    d.ready()
    web.put("api", said("1.3.0"))
    c = d.run("one/version-api")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "repo-late"), c
    assert "no tag v1.3.0 as of" in c["summary"] and "looked for again in" in c["summary"], c
    assert "within seconds" in c["next_step"]
    wait_for(lambda: judged(d, "api") == ("CRITICAL", "tag-missing"), what="a look of its own")


def test_a_tag_that_is_missing_stays_so(daemon, web, shop):
    """However little time there is for another look, and whoever else asks the repository."""
    c = config(web, shop.path, {name: (said(version), {"tagged": True}) for name, version in (
        ("a", "7.7.7"), ("b", "7.7.7"), ("c", "8.8.8"), ("d", "1.2.0"))})
    c["defaults"]["timeout"] = "2s"
    missing = [f"one/version-{name}" for name in "abc"]
    d = daemon(c)
    d.ready()
    wait_for(lambda: all(d.check(name)["reason"] == "tag-missing" for name in missing),
             what="all looks")
    for _ in range(3):
        for name in missing:
            c = d.run(name)
            assert (c["verdict"], c["reason"]) == ("CRITICAL", "tag-missing"), c
            assert c["summary"].endswith("runs, but the repository has no tag v" +
                                         c["facts"]["version"]), c
    d.stop()
    d.start()  # nor is it forgotten over that
    for name in missing:
        assert d.run(name)["reason"] == "tag-missing"


def test_a_moved_tag_is_seen(daemon, web, shop):
    d = daemon(config(web, shop.path, {"api": (said("1.2.0", shop.commits[2]),
                                               {"tagged": True})}))
    d.ready()
    assert judged(d, "api") == ("OK", "ok")
    shop.tag("v1.2.0", at=shop.commits[0], force=True)
    new = shop.commit()
    web.put("api", said("1.2.0", new))  # what is not known makes it fetch, and the tags with it
    d.restart()  # the last fetch is too fresh for another one, for this process
    c = d.run("one/version-api")
    assert (c["state"], c["reason"]) == ("CRITICAL", "commit-differs"), c
    assert c["facts"]["tag_commit"] == shop.commits[0]


def test_a_repository_that_went_away(daemon, web, shop):
    checks = config(web, shop.path, {
        "api": (said("1.2.0", shop.commits[2]), {"tagged": True}),
        "plain": (said("1.2.0"), {"version": "1.2.0"})})
    d = daemon(checks)
    d.ready()
    gone = shop.path.rename(shop.path.with_name("gone"))
    web.put("api", said("1.3.0", shop.commits[2]))  # asks for a fetch
    d.restart()
    c = d.run("one/version-api")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "repo-not-found"), c
    assert "no tag v1.3.0 as of the last fetch" in c["summary"]
    web.put("api", said("1.2.0", shop.commits[2]))
    c = d.run("one/version-api")
    assert c["state"] == "OK" and "as of" in c["summary"], c
    # without what was mirrored: only what needs git is not known
    d.stop()
    shutil.rmtree(d.state / "mirrors")
    d.start()
    assert d.run("one/version-api")["reason"] == "repo-not-found"
    assert judged(d, "api")[0] == "UNKNOWN"
    c = d.run("one/version-plain")
    assert c["state"] == "OK" and c["facts"] == {"version": "1.2.0"}
    gone.rename(shop.path)


def test_wrong_pattern_and_empty_repository(daemon, web, shop, folder):
    shop.tag("api/v1.2.0", at=shop.commits[2])
    empty = Repository(folder / "empty.git")
    t = {"tagged": True}
    wrong = config(web, shop.path, {"v": (said("1.2.0"), t), "api": (said("1.2.0"), t),
                                    "empty": (said("1.2.0"), t), "none": (said("1.2.0"), t)},
                   tag="release-{version}")
    wrong["services"] = {"api": {"repository": {"url": str(shop.path), "tag": "api/v{version}"}},
                         "empty": {"repository": {"url": str(empty.path)}},
                         "none": {"repository": {"url": f"file://{folder}/nothing"}}}
    d = daemon(wrong)
    d.ready()
    assert judged(d, "v") == ("CRITICAL", "tag-missing")
    assert "no tag release-1.2.0" in d.check("one/version-v")["summary"]
    assert d.check("one/version-api")["facts"]["tag"] == "api/v1.2.0"
    assert judged(d, "empty") == ("UNKNOWN", "repo-empty")
    assert judged(d, "none") == ("UNKNOWN", "repo-not-found")


def test_instances(daemon, web, shop):
    c = config(web, shop.path, {"a": (said("1.2.0"), None), "b": (said("1.2.0", "1234567"), None)})
    check = c["environments"]["one"]["checks"]
    check.clear()
    check["version"] = {"http": {"url": web.url("${x}")}, "for": {"x": ["a", "b"]},
                        "version": "/version", "expect": {"tagged": True}}
    d = daemon(c)
    d.ready()
    c = d.check("one/version")
    assert c["state"] == "OK", c
    assert [i["facts"]["tag"] for i in c["instances"]] == ["v1.2.0", "v1.2.0"]


def hung(web, hole):
    """What is asked of a repository that takes connections and never answers."""
    return config(web, f"http://127.0.0.1:{hole.port}/shop.git",
                  {"api": (said("1.2.0"), {"tagged": True}),
                   "plain": (said("1.2.0"), {"version": "1.2.0"})})


def begin_to_ask(d, hole):
    """Returns while both probes wait for git."""
    done = d.ctl("run", "--timeout", "1s", "one")
    assert done.code != 0, done
    assert select.select([hole.socket], [], [], 20)[0], "git does not ask the server"


def test_reload_while_a_question_is_under_way(daemon, web, shop, things):
    hole = things(support.Hole())
    c = hung(web, hole)
    d = daemon(c)
    begin_to_ask(d, hole)
    c["product"]["repository"]["url"] = str(shop.path)
    d.write(c)
    assert d.ctl("reload").code == 0
    d.ready()
    assert judged(d, "api") == ("OK", "ok"), d.check("one/version-api")
    assert d.check("one/version-plain")["facts"]["tag"] == "v1.2.0"


def test_reload_that_drops_the_check_asking(daemon, web, things):
    hole = things(support.Hole())
    c = hung(web, hole)
    d = daemon(c)
    begin_to_ask(d, hole)
    del c["environments"]["one"]["checks"]["version-api"]
    d.write(c)
    assert d.ctl("reload").code == 0
    assert [x["name"] for x in d.status()["environments"][0]["checks"]] == ["version-plain"]


def test_stop_while_a_question_is_under_way(daemon, web, things):
    hole = things(support.Hole())
    d = daemon(hung(web, hole))
    begin_to_ask(d, hole)
    d.stop()


def test_a_repository_that_hangs(daemon, web, things):
    c = hung(web, things(support.Hole()))
    c["defaults"]["timeout"] = "2s"
    d = daemon(c)
    d.ready()
    assert judged(d, "api") == ("UNKNOWN", "repo-pending")
    assert judged(d, "plain") == ("OK", "ok")


def on_terminal(d, width, *args):
    """The lines relauditctl prints on a terminal so wide."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    subprocess.run([support.RELAUDITCTL, "--socket", d.socket, "--color", "never", *args],
                   stdout=its, env=support.clean_environment(TERM="xterm"), check=True, timeout=60)
    os.close(its)
    data = b""
    try:
        while part := os.read(ours, 65536):
            data += part
    except OSError:  # all was read
        pass
    os.close(ours)
    return data.decode().splitlines()


def test_version_command(daemon, web, shop):
    c = config(web, shop.path, {"api": (said("1.1.0"), None),
                                "web": (said("1.2.0", shop.commits[2]), None),
                                "odd": (said("0.0.1-a-rather-long-pre-release+build.4711"), None)})
    c["services"] = {"api": {}, "web": {}, "odd": {}}
    c["environments"]["production-europe"] = c["environments"].pop("one")
    d = daemon(c)
    d.ready()
    answer = json.loads(d.ctl("version", "-o", "json").out)
    [environment] = answer["environments"]
    services = {s["service"]: s for s in environment["services"]}
    api = services["api"]
    del api["checked"]
    assert api == {"service": "api", "version": "1.1.0", "tag": "v1.1.0",
                   "commit": shop.commits[1], "tag_date": "2023-11-16T22:13:20.000Z",
                   "behind_releases": 1, "state": "OK", "check": "production-europe/version-api"}
    assert services["web"]["behind_releases"] == 0
    assert services["odd"]["tag"] is None and services["odd"]["tag_date"] is None
    columns = ["ENVIRONMENT", "SERVICE", "VERSION", "TAG", "COMMIT", "DATE", "BEHIND", "CHECKED",
               "STATE"]
    out = on_terminal(d, 80, "version")
    assert all(len(line) <= 80 for line in out), "\n".join(out)
    assert out[0].split() == [c for c in columns if c != "DATE"]
    out = d.ctl("version").out.splitlines()
    assert out[0].split() == columns
    row = next(line.split() for line in out if " api " in line)
    assert row[2:7] == ["1.1.0", "v1.1.0", shop.commits[1][:10], "2023-11-16", "1"], out
    rows = d.ctl("version", "-o", "csv").out.splitlines()
    assert f"production-europe,api,1.1.0,v1.1.0,{shop.commits[1]},2023-11-16T22:13:20.000Z,1," in \
        "\n".join(rows)


def changes(d):
    code, body, _ = d.api("/v1/history")
    assert code == 200
    return [{k: v for k, v in e.items() if k != "at"} for e in body["events"]
            if e["event"] == "version-changed" and "was" in e]


def test_a_change_of_version_is_told_once(daemon, web, shop, syslog):
    c = config(web, shop.path, {"api": (said("1.1.0"), None), "a": (said("1.1.0"), None),
                                "b": (said("1.1.0"), None)})
    c["services"] = {"api": {}}
    checks = c["environments"]["one"]["checks"]
    del checks["version-b"]
    checks["version-a"] = {"http": {"url": web.url("${x}")}, "for": {"x": ["a", "b"]},
                           "version": "/version"}
    d = daemon(c, inside=syslog)
    d.ready()
    d.run("one/version-api")
    assert changes(d) == []
    web.put("api", said("1.2.0"))
    d.run("one/version-api")
    line = {"check": "one/version-api", "environment": "one", "service": "api", "was": "1.1.0",
            "now": "1.2.0", "tag": "v1.2.0"}
    known = {"tag": "v1.2.0", "tag_commit": shop.commits[2],
             "tag_date": "2023-11-17T22:13:20.000Z"}
    wanted = {"event": "version-changed", **line, **known}
    assert changes(d) == [wanted]
    facility, severity, _, what, pairs = parse_line(syslog.wait("version-changed")[0])
    assert (facility, severity, what) == ("daemon", "notice", "version-changed")
    assert dict(pairs) == line
    web.put("api", {"version": ""})  # not read: that is no change, nor is it forgotten
    d.run("one/version-api")
    d.restart()
    web.put("api", said("1.2.0"))
    d.run("one/version-api")
    assert changes(d) == [wanted]
    web.put("api", said("1.2.1"))
    d.run("one/version-api")
    assert [(e["was"], e["now"], e.get("tag")) for e in changes(d) if e != wanted] == [
        ("1.2.0", "1.2.1", None)]
    web.put("b", said("1.2.0"))
    d.run("one/version-a")
    assert [e for e in changes(d) if e["check"] == "one/version-a"] == [
        {"event": "version-changed", "check": "one/version-a", "environment": "one",
         "instance": "b", "was": "1.1.0", "now": "1.2.0", **known, "agreed": {}}]
    assert "version-changed" in d.ctl("history", "one/version-api").out


def test_a_secret_in_a_version_is_not_told(daemon, web, folder, syslog):
    (folder / "secret").write_text("canary-4711-secret\n")
    web.put("api", said("1-canary-4711-secret"))
    d = daemon({"defaults": {"every": "1h"}, "environments": {"one": {"checks": {"version-api": {
        "http": {"url": web.url("api"), "headers": {"X-Token": f"${{file:{folder}/secret}}"}},
        "version": "/version"}}}}}, inside=syslog)
    d.ready()
    web.put("api", said("2-canary-4711-secret"))
    d.run("one/version-api")
    [event] = changes(d)
    assert (event["was"], event["now"]) == ("1-" + "*" * 18, "2-" + "*" * 18)
    assert "canary" not in syslog.wait("version-changed")[0]
    d.stop()
    for path in d.state.rglob("*"):
        assert path.is_dir() or b"canary" not in path.read_bytes(), path


def test_a_password_in_the_url_stays_unseen(daemon, web, folder, syslog):
    (folder / "secret").write_text("canary-4711-secret\n")
    c = config(web, f"http://me:${{file:{folder}/secret}}@127.0.0.1:{web.port}/shop.git",
               {"api": (said("1.2.0"), {"tagged": True})})
    d = daemon(c, inside=syslog)
    d.ready()
    c = d.check("one/version-api")
    assert c["state"] == "UNKNOWN" and c["reason"].startswith("repo-"), c["summary"]
    assert web.hits("/shop.git") > 0
    for answer in (d.api("/v1/status", raw=True)[1], d.ctl("show", "one").out, d.said(),
                   relauditd("--print", "one/version-api", "-c", d.config).out,
                   "\n".join(syslog.lines())):
        assert "canary" not in answer
    d.stop()
    for path in d.state.rglob("*"):
        assert path.is_dir() or b"canary" not in path.read_bytes(), path


@pytest.mark.parametrize("expect", [{"tagged": True}, {"latest-tag": True},
                                    {"max-lag": {"releases": 1}}])
def test_expectations_need_a_repository(web, folder, expect):
    c = config(web, "/x", {"api": (said("1"), expect)})
    del c["product"]
    (folder / "c.yaml").write_text(yaml.safe_dump(c))
    done = relauditd("--check-config", "-c", folder / "c.yaml")
    assert done.code == 2
    assert f"`{next(iter(expect))}:` needs a git repository" in done.err, done.err


def test_a_wrong_tag_pattern_is_refused(web, folder):
    c = config(web, "/x", {}, tag="release")
    (folder / "c.yaml").write_text(yaml.safe_dump(c))
    done = relauditd("--check-config", "-c", folder / "c.yaml")
    assert done.code == 2 and "repository/tag" in done.err, done.err
