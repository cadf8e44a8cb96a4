# SPDX-License-Identifier: Apache-2.0
"""`for`: several instances of one check."""
import json

import pytest

from support import make_backups, relauditd


@pytest.fixture
def hosts(daemon, web):
    for name in ("pr1", "pr2", "pr3"):
        web.put(f"{name}/version", {"version": "1.4.2", "commit": "abc1234"})
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
                "environments": {"production": {"vars": {"all": ["pr1", "pr2", "pr3"]}, "checks": {
                    "version": {"http": {"url": web.url("${host}/version")},
                                "for": {"host": "${all}"}, "format": "json",
                                "version": "/version", "commit": "/commit",
                                "expect": {"version": ">=1.4 <2"}}}}}})
    d.ready()
    return d


def test_agreeing(hosts):
    c = hosts.check("production/version")
    assert (c["state"], c["reason"]) == ("OK", "ok")
    assert list(c)[-2:] == ["instances", "every_ms"]
    assert [i["name"] for i in c["instances"]] == ["pr1", "pr2", "pr3"]
    for i in c["instances"]:
        assert [k for k in i if k != "summary"] == ["name", "verdict", "reason", "facts"]
        assert (i["verdict"], i["reason"]) == ("OK", "ok")
        assert i["facts"]["version"] == "1.4.2"
    assert c["facts"]["version"] == "1.4.2"


def test_differing(hosts, web):
    web.put("pr2/version", {"version": "1.5.0", "commit": "abc1234"})
    c = hosts.run("production/version")
    assert (c["state"], c["reason"]) == ("CRITICAL", "instances-differ")
    assert "1.4.2" in c["summary"] and "1.5.0" in c["summary"] and "pr2" in c["summary"]
    assert [i["facts"]["version"] for i in c["instances"]] == ["1.4.2", "1.5.0", "1.4.2"]
    assert {i["verdict"] for i in c["instances"]} == {"OK"}
    web.put("pr2/version", {"version": "1.4.2", "commit": "abc1234"})
    assert hosts.run("production/version")["state"] == "OK"


def test_one_unread_is_unknown(hosts, web):
    (web.www / "pr3" / "version").unlink()
    c = hosts.run("production/version")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "http-status")
    assert "pr3" in c["summary"] and "pr3" in c["evidence"]
    assert [i["verdict"] for i in c["instances"]] == ["OK", "OK", "UNKNOWN"]
    assert "version" not in c["instances"][2]["facts"]


def test_a_breach_of_one_is_a_breach(hosts, web):
    for name in ("pr1", "pr2", "pr3"):
        web.put(f"{name}/version", {"version": "2.0.0", "commit": "abc1234"})
    c = hosts.run("production/version")
    assert (c["state"], c["reason"]) == ("CRITICAL", "version-differs")
    (web.www / "pr3" / "version").unlink()
    assert hosts.run("production/version")["state"] == "CRITICAL", "worse than UNKNOWN"


def test_backups_give_their_worst(daemon, folder):
    make_backups(folder / "db1", newest=3600)
    make_backups(folder / "db2", newest=31 * 3600)
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "backup": {"file": {"glob": str(folder) + "/${db}/*.dump"},
                   "for": {"db": ["db1", "db2"]}, "expect": {"max-age": "26h"}}}}}})
    c = d.ready()["environments"][0]["checks"][0]
    assert (c["state"], c["reason"]) == ("CRITICAL", "backup-too-old")
    assert "db2" in c["evidence"]
    assert [i["verdict"] for i in c["instances"]] == ["OK", "CRITICAL"]


def test_a_check_without_for_has_no_instances(daemon, web):
    web.put("version", {"version": "1"})
    d = daemon({"environments": {"one": {"checks": {
        "version": {"http": {"url": web.url("version")}, "format": "json",
                    "version": "/version"}}}}})
    assert "instances" not in d.ready()["environments"][0]["checks"][0]


def test_keys_that_differ_are_named(daemon, folder):
    """A secret's value is not: neither in what is told, nor in the state."""
    (folder / "a.env").write_text("A=1\nAPI_TOKEN=canary-one\nSAME=1\n")
    (folder / "b.env").write_text("A=2\nAPI_TOKEN=canary-two\nSAME=1\n")
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "config": {"file": {"path": str(folder) + "/${f}.env"}, "format": "dotenv",
                   "for": {"f": ["a", "b"]}}}}}})
    c = d.ready()["environments"][0]["checks"][0]
    assert (c["state"], c["reason"]) == ("CRITICAL", "instances-differ")
    assert c["summary"] == "instances differ in 2 keys (A, API_TOKEN): a against b"
    assert c["next_step"].startswith(f"compare {folder}/a.env (a) with {folder}/b.env (b), ")
    (folder / "b.env").write_text("A=1\nAPI_TOKEN=canary-one\nSAME=1\n")
    assert d.run("one/config")["state"] == "OK"


@pytest.mark.parametrize("source, good", [
    ({"url": "http://shop.example/version"}, False),
    ({"url": "http://shop.example/", "headers": {"X-Host": "$${host}"}}, False),
    ({"url": "http://${host}/version"}, True),
    ({"url": "http://${where}/version"}, True),
    ({"url": "https://shop.example/version", "connect": "${host}:443"}, True),
    ({"url": "https://shop.example/version", "headers": {"X-Host": "${host}"}}, True),
    ({"connection": "shop", "path": "/version"}, True),
    ({"connection": "shop", "connect": "10.0.0.1:443"}, False),
])
def test_instances_that_would_all_be_the_same_are_refused(folder, source, good):
    """One that is asked twice would be told as two that agree."""
    path = folder / "relauditd.yaml"
    path.write_text(json.dumps({
        "connections": {"shop": {"http": {"url": "https://shop.example", "connect": "${host}:443"}}},
        "templates": {"t": {"checks": {"version": {"for": {"host": "${hosts}"}, "format": "text"}}}},
        "environments": {"one": {
            "vars": {"hosts": ["pr1", "pr2"], "where": "${host}.example"}, "use": ["t"],
            "checks": {"version": {"http": source}}}}}))
    done = relauditd("--check-config", "-c", path)
    assert done.code == (0 if good else 2), done
    if not good:
        assert "error: `host` of `for:` is not used in `http:`" in done.err
        assert f"{path}:1:" in done.err and "${host}" in done.err
