# SPDX-License-Identifier: Apache-2.0
"""All of a new configuration, or nothing of it."""
import signal

import pytest

import support
from support import parse_line, wait_for


@pytest.fixture
def checks(web):
    web.put("a", {"version": "1.0.0"})
    web.put("b", {"version": "2.0.0"})

    def version(name, **more):
        return {"http": {"url": web.url(name)}, "format": "json", "version": "/version",
                "expect": {"version": "1.0.0"}, **more}
    return version


def config(**environments):
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
            "environments": {n: {"checks": c} for n, c in environments.items()}}


def test_a_bad_one_changes_nothing(daemon, checks, syslog):
    d = daemon(config(one={"version": checks("b")}), inside=syslog)
    was = d.ready()
    good = d.config.read_text()
    d.config.write_text(good + "\nenvironmets: {}\nservices: {api: {repositry: {}}}\n")
    done = d.ctl("reload")
    assert done.code == 2, done
    text = done.out + done.err
    lines = good.count("\n")
    assert f"{d.config}:{lines + 2}:1: error:" in text
    assert f"{d.config}:{lines + 3}:" in text
    assert "environments" in text and "repository" in text
    now = d.status()
    assert now["daemon"]["config"] == was["daemon"]["config"]
    assert now["environments"] == was["environments"]
    d.signal(signal.SIGHUP)
    wait_for(lambda: len(syslog.lines("reload refused=1")) == 2)
    assert any(f"{d.config}:{lines + 2}:1" in ln for ln in syslog.lines("reload at="))
    assert d.status()["environments"] == was["environments"]
    d.config.unlink()
    assert d.ctl("reload").code == 2
    d.config.write_text(good)
    assert d.ctl("reload").code == 0


def test_a_good_one_says_what_changed_and_the_rest_stays(daemon, checks, web, syslog):
    d = daemon(config(one={"version-a": checks("a"), "version-b": checks("b")},
                      gone={"version": checks("b")}), inside=syslog)
    was = d.ready()
    syslog.wait("state check=", count=2)
    hits = web.hits("/b")
    d.write(config(one={"version-a": checks("a", every="2h"), "version-b": checks("b")},
                   new={"version": checks("a")}))
    done = d.ctl("reload")
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert any(ln.startswith("+") and "new" in ln for ln in lines), lines
    assert any(ln.startswith("-") and "gone" in ln for ln in lines), lines
    assert any(ln.startswith("~") and "one/version-a" in ln for ln in lines), lines
    assert not any("one/version-b" in ln for ln in lines), lines
    now = d.ready(ask=False)  # asking runs the whole environment
    assert [e["name"] for e in now["environments"]] == ["new", "one"]
    kept, before = [next(c for e in s["environments"] for c in e["checks"]
                         if c["check"] == "one/version-b") for s in (now, was)]
    assert kept == before, "not even probed again"
    assert web.hits("/b") == hits
    assert now["daemon"]["config"] != was["daemon"]["config"]
    assert d.ctl("status", "gone").code == 64
    syslog.wait(": reload ", "changes=3")
    assert len(syslog.lines("state check=")) == 2


def test_other_times_are_no_other_words(daemon, checks, web, folder, syslog):
    """What is only run at other times, or confirmed later, keeps its result: nothing is PENDING."""
    (folder / "env").write_text("A=1\nB=1\n")
    made = config(one={"version": checks("b"), "config": {
        "file": {"path": str(folder / "env")}, "format": "dotenv", "expect": {"forbidden": ["B"]}}})
    d = daemon(made, inside=syslog)
    was = d.ready()
    syslog.wait("state check=", count=2)
    hits = web.hits("/b")
    made["defaults"] = {"every": "2h", "retry": "30m", "confirm": 3, "timeout": "5s"}
    d.write(made)
    done = d.ctl("reload")
    assert done.code == 0 and done.out.count("~") == 2, done
    for name in ("one/version", "one/config"):
        c = d.check(name)
        assert (c["state"], c["hard"], c["verdict"]) == ("CRITICAL", True, "CRITICAL"), c
        assert c["every_ms"] == 7200000
    assert d.check("one/version")["checked"] == [
        c for c in was["environments"][0]["checks"] if c["check"] == "one/version"][0]["checked"]
    assert web.hits("/b") == hits and d.ctl("status", "one").code == 2
    web.put("b", {"version": "1.0.0"})
    assert d.run("one/version")["state"] == "OK"
    made["environments"]["one"]["checks"]["version"]["severity"] = "warning"
    d.write(made)
    assert d.ctl("reload").code == 0
    assert d.check("one/version")["verdict"] == "PENDING", "that is judged by other words"
    assert len(syslog.lines("state check=one/version")) == 2


def test_a_problem_outlives_a_changed_definition(daemon, checks, web, syslog):
    d = daemon(config(one={"version": checks("b")}), inside=syslog)
    d.ready()
    begin = dict(parse_line(syslog.wait("now=CRITICAL")[0])[4])
    d.write(config(one={"version": checks("a")}))
    assert d.ctl("reload").code == 0
    d.ready()
    end = dict(parse_line(syslog.wait("now=OK")[0])[4])
    assert end["id"] == begin["id"]


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_a_problem_of_a_check_that_goes_has_an_end(daemon, checks, syslog, how):
    """Once; and when the check comes back its problem is another one."""
    with_it = config(one={"version": checks("b"), "other": {**checks("a"), "kind": "version"}})
    d = daemon(with_it, inside=syslog)
    d.ready()
    begin = dict(parse_line(syslog.wait("now=CRITICAL")[0])[4])
    d.write(config(one={"other": {**checks("a"), "kind": "version"}}))
    if how == "reload":
        assert d.ctl("reload").code == 0
    else:
        d.stop()
        d.start()
    line = parse_line(syslog.wait(": removed ")[0])
    end = dict(line[4])
    assert (end["check"], end["environment"]) == ("one/version", "one")
    assert (end["was"], end["id"]) == ("CRITICAL", begin["id"]) and "lasted" in end
    event = d.api("/v1/history")[1]["events"]
    event = next(e for e in event if e["event"] == "removed")
    assert (event["check"], event["was"], event["id"]) == ("one/version", "CRITICAL", begin["id"])
    assert "removed" in d.ctl("history").out
    d.stop()
    d.start()
    d.write(with_it)
    assert d.ctl("reload").code == 0
    d.ready()
    again = dict(parse_line(syslog.wait("now=CRITICAL", count=2)[1])[4])
    assert again["id"] != begin["id"]
    assert len(syslog.lines(": removed ")) == 1


def test_many_that_go_and_come_back_at_once(daemon, checks, syslog):
    count = 500  # more than are let go of in one turn of the loop
    one = {"version": checks("a")}
    many = {f"version-{i}": checks("b") for i in range(count)}
    d = daemon(config(one=one, many=many), inside=syslog)
    d.ready(timeout="120s")
    syslog.wait("state check=many/", count=count, timeout=60)
    d.write(config(one=one))
    assert d.ctl("reload").code == 0
    d.write(config(one=one, many=many))
    assert d.ctl("reload").code == 0
    syslog.wait(": removed ", count=count, timeout=60)
    d.ready(timeout="120s")
    syslog.wait("state check=many/", count=2 * count, timeout=60)
    d.ctl("history", "one")  # asked for, what is queued is written
    d.restart()
    d.ready(timeout="120s")
    lines = [dict(parse_line(ln)[4]) for ln in syslog.lines("state check=many/")]
    assert len({ln["id"] for ln in lines}) == 2 * count, "nothing of the second time was removed"
    assert {dict(parse_line(ln)[4])["id"] for ln in syslog.lines(": removed ")} == {
        ln["id"] for ln in lines[:count]}
    [now] = [e for e in d.status()["environments"] if e["name"] == "many"]
    assert {c["state"] for c in now["checks"]} == {"CRITICAL"}


def test_a_storm_of_hangups(daemon, checks, web):
    d = daemon(config(one={"version": checks("a")}))
    d.ready()
    for n in range(200):
        if n % 20 == 0:
            d.write(config(one={"version": checks("a")}, **{f"env{n}": {"version": checks("b")}}))
            d.ctl("status")
        d.signal(signal.SIGHUP)
    wait_for(lambda: {e["name"] for e in d.status()["environments"]} == {"one", "env180"})
    d.ready()
    assert d.check("one/version")["state"] == "OK"


def test_an_environment_that_goes_while_its_probe_is_under_way(daemon, checks, things, web):
    import support
    hole = things(support.Hole())
    slow = {"http": {"url": f"http://127.0.0.1:{hole.port}/"}, "format": "text", "timeout": "60s",
            "every": "1s"}
    d = daemon(config(one={"version": checks("a")}, slow={"version": slow}))
    wait_for(lambda: d.check("one/version")["state"] == "OK")
    for _ in range(5):
        d.write(config(one={"version": checks("a")}))
        assert d.ctl("reload").code == 0
        d.write(config(one={"version": checks("a")}, slow={"version": slow}))
        assert d.ctl("reload").code == 0
    assert d.check("one/version")["state"] == "OK"


def test_a_secret_that_changed_on_disk_is_taken_up(daemon, folder, web, syslog):
    secret = folder / "token"
    secret.write_text("first\n")
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "version": {"http": {"url": web.url("token"),
                             "headers": {"X-Token": f"${{file:{secret}}}"}},
                    "format": "json", "version": "/version"}}}}}, inside=syslog)
    d.ready()
    assert d.check("one/version")["facts"]["version"] == "1.0.0"
    syslog.wait(": start ")
    secret.with_suffix(".new").write_text("second\n")
    secret.with_suffix(".new").rename(secret)
    # every: 1h, so it is the change that has it probed again
    wait_for(lambda: d.check("one/version")["facts"].get("version") == "2.0.0", timeout=30,
             what="the new token is sent without a reload by hand")
    assert "second" not in syslog.file.read_text()


def test_a_hangup_before_it_is_up_is_a_reload(folder, things, checks, syslog):
    """The configuration may be edited after it was read: the hangup is kept until it can be obeyed."""
    d = support.Daemon(folder, config(one={"version": checks("a")}), inside=syslog)
    things(d).spawn()
    wait_for(lambda: support.children(d.pid), what="its first child: it has begun")
    d.signal(signal.SIGSTOP)
    assert not d.socket.exists(), "and is not up"
    d.write(config(two={"version": checks("a")}))
    for _ in range(3):
        d.signal(signal.SIGHUP)
    d.signal(signal.SIGCONT)
    syslog.wait(": start ")
    syslog.wait(": reload ")
    assert [e["name"] for e in d.status()["environments"]] == ["two"]
    assert len(syslog.lines(": reload ")) == 1
