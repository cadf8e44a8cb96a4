# SPDX-License-Identifier: Apache-2.0
"""`status -o json` is parsed by pipelines: every key, its order, its type; and exit codes."""
import csv
import io
import json
import re
import time

import pytest

import support
from support import find_check, make_backups, make_log, parse_time

CHECK_KEYS = ["check", "name", "kind", "service", "source", "state", "hard", "verdict", "reason",
              "summary", "expected", "evidence", "next_step", "since", "checked", "next",
              "duration_ms", "facts", "every_ms"]
STATES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3, "PENDING": 3}


@pytest.fixture(scope="module")
def shop(module_folder, module_things):
    """Two environments: staging is well, production is not."""
    folder = module_folder
    web = module_things(support.Web(folder / "web"))
    web.put("staging", {"version": "1.5.0", "git": {"commit": "8f4c1b2e9d0a"}})
    web.put("production", {"version": "1.4.2"})
    web.put("nothing", {"name": "shop"})
    make_backups(folder / "staging", newest=3600)
    make_backups(folder / "production", newest=31 * 3600)
    make_log(folder / "staging.log", (60, "INFO one"), (5, "INFO two"))
    make_log(folder / "production.log", (7200, "INFO one"))

    def checks(env):
        return {
            "version-api": {"http": {"url": web.url(env)}, "format": "json", "version": "/version",
                            "service": "api"},
            "backup-db": {"file": {"glob": f"{folder}/{env}/*.dump"},
                          "expect": {"max-age": "26h"}},
            "logs-web": {"file": {"path": f"{folder}/{env}.log"}, "time": r"^(?<time>\S+)",
                         "expect": {"max-age": "3h"}, "warn": {"max-age": "1h"}},
        }
    production = checks("production")
    production["version-api"]["expect"] = {"version": ">=1.4 <2"}
    staging = checks("staging")
    staging["version-api"]["commit"] = "/git/commit"
    return module_things(support.Daemon(folder, {
        "defaults": {"every": "1h", "timeout": "5s", "confirm": 1},
        "services": {"api": {}, "web": {}},
        "environments": {
            "staging": {"rank": 20, "labels": {"team": "payments"}, "checks": staging},
            "production": {"rank": 30, "owner": "payments-oncall", "aliases": ["prod"],
                           "runbook": "https://wiki.example/shop", "checks": production},
            "canary": {"rank": 25, "checks": {
                "version": {"http": {"url": web.url("nothing")}, "format": "json",
                            "version": "/version"}}},
        }})).start()


def test_top_level(shop):
    status = shop.ready(ask=False)
    assert list(status)[:5] == ["schema", "at", "state", "daemon", "environments"]
    assert status["schema"] == "relaudit/1"
    assert abs(parse_time(status["at"]) - time.time()) < 60
    assert status["state"] == "CRITICAL"
    about = status["daemon"]
    assert list(about)[:5] == ["version", "started", "config", "environments", "checks"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["version"])
    assert parse_time(about["started"]) <= parse_time(status["at"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", about["config"])
    assert (about["environments"], about["checks"]) == (3, 7)


def test_environments(shop):
    status = shop.ready()
    by_name = {e["name"]: e for e in status["environments"]}
    assert set(by_name) == {"staging", "canary", "production"}
    for e in by_name.values():
        assert [k for k in e if k in ("name", "rank", "state", "labels", "owner", "checks")] == [
            "name", "rank", "state", "labels", "owner", "checks"]
    assert by_name["staging"]["rank"] == 20 and by_name["production"]["rank"] == 30
    assert by_name["staging"]["labels"] == {"team": "payments"}
    assert by_name["production"]["labels"] == {}
    assert by_name["production"]["owner"] == "payments-oncall"
    assert by_name["staging"]["owner"] is None
    assert {n: e["state"] for n, e in by_name.items()} == {
        "staging": "OK", "canary": "UNKNOWN", "production": "CRITICAL"}
    # by rank, as the product is promoted
    assert [e["name"] for e in status["environments"]] == ["staging", "canary", "production"]


def test_every_check_has_every_key_in_order(shop):
    status = shop.ready()
    for environment in status["environments"]:
        for c in environment["checks"]:
            assert list(c) == CHECK_KEYS, c["check"]
            assert c["check"] == f"{environment['name']}/{c['name']}"
            assert c["kind"] == c["name"].partition("-")[0]
            assert c["source"] == ("http" if c["kind"] == "version" else "file")
            assert c["state"] in STATES and c["verdict"] in STATES
            assert isinstance(c["hard"], bool)
            assert re.fullmatch(r"[a-z][a-z0-9-]*", c["reason"])
            assert isinstance(c["summary"], str) and c["summary"]
            assert c["expected"] is None or isinstance(c["expected"], str)
            assert isinstance(c["evidence"], str) and c["evidence"]
            assert isinstance(c["next_step"], str)
            assert (c["next_step"] != "") == (c["verdict"] != "OK")
            since, checked = parse_time(c["since"]), parse_time(c["checked"])
            assert since <= checked <= parse_time(c["next"])
            assert isinstance(c["duration_ms"], int) and c["duration_ms"] >= 0
            assert isinstance(c["facts"], dict)
    names = {c["name"]: c["service"] for e in status["environments"] for c in e["checks"]}
    assert names == {"version-api": "api", "backup-db": None, "logs-web": "web", "version": None}


def test_version_facts(shop):
    status = shop.ready()
    c = find_check(status, "staging/version-api")
    assert (c["state"], c["reason"]) == ("OK", "ok")
    assert c["facts"] == {"version": "1.5.0", "commit": "8f4c1b2e9d0a"}
    assert c["evidence"].endswith("/staging")
    c = find_check(status, "production/version-api")
    assert (c["state"], c["facts"]) == ("OK", {"version": "1.4.2"})
    assert ">=1.4 <2" in c["expected"]
    c = find_check(status, "canary/version")
    assert (c["state"], c["reason"], c["facts"]) == ("UNKNOWN", "no-such-field", {})


def test_backup_facts(shop):
    status = shop.ready()
    c = find_check(status, "production/backup-db")
    assert (c["state"], c["reason"], c["hard"]) == ("CRITICAL", "backup-too-old", True)
    assert "31 h" in c["summary"] and "26 h" in c["summary"]
    assert "max-age 26h" in c["expected"]
    assert c["evidence"].endswith("production/shop-0.dump")
    facts = c["facts"]
    assert list(facts) == ["newest", "age_s", "size", "count"] or \
        list(facts) == ["newest", "age_s", "size", "count", "previous_size"]
    assert abs(time.time() - 31 * 3600 - parse_time(facts["newest"])) < 120
    assert 31 * 3600 <= facts["age_s"] < 31 * 3600 + 120
    assert (facts["size"], facts["count"]) == (200000, 7)


def test_logs_facts(shop):
    status = shop.ready()
    c = find_check(status, "staging/logs-web")
    assert c["state"] == "OK"
    facts = c["facts"]
    assert list(facts) == [k for k in ("newest", "age_s", "entries", "latency_ms") if k in facts]
    assert facts["entries"] == 2 and 0 <= facts["age_s"] < 120
    assert abs(parse_time(facts["newest"]) - time.time()) < 120
    assert find_check(status, "production/logs-web")["state"] == "WARNING"


@pytest.mark.parametrize("args, code", [
    (["status"], 2), (["status", "staging"], 0), (["status", "production/logs-web"], 1),
    (["status", "production/version-api"], 0), (["status", "canary"], 3),
    (["status", "staging", "canary"], 3), (["status", "canary", "production"], 2),
    (["status", "--verdict"], 2), (["status", "prod"], 2),
    (["show", "staging"], 0), (["show", "production/logs-web"], 1), (["show", "production"], 2),
    (["run", "staging"], 0), (["run", "production/backup-db"], 2), (["run", "canary/version"], 3),
])
def test_exit_codes(shop, args, code):
    shop.ready()
    done = shop.ctl(*args)
    assert done.code == code, done
    assert done.out and not done.err


@pytest.mark.parametrize("args, code, words", [
    (["status", "prodution"], 64, "production"),
    (["show", "production/backup-dv"], 64, "backup-db"),
    (["run", "staging/nothing-at-all"], 64, "nothing-at-all"),
    (["status", "--verdct"], 64, "verdict"),
    (["statsu"], 64, "status"), (["run"], 64, "run"), (["status", "-o", "yaml"], 64, "json"),
    (["status", "../etc"], 64, "etc"), ([], 64, "status"),
])
def test_usage_says_what_was_meant(shop, args, code, words):
    done = shop.ctl(*args)
    assert done.code == code, done
    assert words in done.err and not done.out


def test_selection_is_what_was_asked(shop):
    shop.ready()
    status = json.loads(shop.ctl("status", "staging", "production/backup-db", "-o", "json").out)
    assert [(e["name"], len(e["checks"])) for e in status["environments"]] == [
        ("staging", 3), ("production", 1)]
    assert status["state"] == "CRITICAL"
    shown = json.loads(shop.ctl("status", "prod", "-o", "json").out)
    assert [e["name"] for e in shown["environments"]] == ["production"]


def test_table_puts_the_worst_first(shop):
    shop.ready()
    out = shop.ctl("status").out
    assert "\x1b" not in out, "colour only on a terminal"
    assert out.index("production") < out.index("canary") < out.index("staging")
    for word in ("CRITICAL", "UNKNOWN", "WARNING"):
        assert word in out


def test_csv_and_nagios(shop):
    shop.ready()
    done = shop.ctl("status", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert len(rows) == 7 and done.code == 2
    states = {r["check"]: r["state"] for r in rows}
    assert states["production/backup-db"] == "CRITICAL" and states["canary/version"] == "UNKNOWN"


def test_show_tells_everything(shop):
    shop.ready()
    out = shop.ctl("show", "production/backup-db").out
    for word in ("CRITICAL", "backup-too-old", "31 h", "max-age 26h", "shop-0.dump", "200", "7"):
        assert word in out, word
    out = shop.ctl("show", "production").out
    assert "payments-oncall" in out and "https://wiki.example/shop" in out


def test_version_command(shop):
    shop.ready()
    answer = json.loads(shop.ctl("version", "-o", "json").out)
    assert answer["schema"] == "relaudit/1"
    by_name = {e["name"]: e for e in answer["environments"]}
    service = by_name["staging"]["services"][0]
    assert list(service) == ["service", "version", "tag", "commit", "tag_date", "behind_releases",
                             "checked", "state", "check", "next"]
    assert service["next"] == {"environment": "production", "version": "1.4.2", "order": "ahead"}
    assert (service["service"], service["version"], service["commit"]) == ("api", "1.5.0",
                                                                           "8f4c1b2e9d0a")
    assert service["tag"] is None and service["state"] == "OK"
    assert by_name["production"]["services"][0]["version"] == "1.4.2"
    assert "1.5.0" in shop.ctl("version", "staging").out


def test_verdict_differs_from_state_while_soft(daemon, web):
    url = web.put("version", {"version": "1.0.0"})
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 3},
                "environments": {"one": {"checks": {
                    "version": {"http": {"url": url}, "format": "json", "version": "/version",
                                "expect": {"version": "1.0.0"}}}}}})
    d.ready()
    assert (d.ctl("status").code, d.ctl("status", "--verdict").code) == (0, 0)
    web.put("version", {"version": "2.0.0"})
    assert d.ctl("run", "one").code == 2, "run answers with the fresh verdict"
    c = d.check("one/version")
    assert (c["state"], c["hard"], c["verdict"], c["reason"]) == ("OK", False, "CRITICAL",
                                                                  "version-differs")
    assert (d.ctl("status").code, d.ctl("status", "--verdict").code) == (0, 2)


def test_pending_counts_as_unknown(daemon, things):
    hole = things(support.Hole())
    d = daemon({"defaults": {"every": "1s", "timeout": "60s"},
                "environments": {"one": {"checks": {
                    "version": {"http": {"url": f"http://127.0.0.1:{hole.port}/"},
                                "format": "text"}}}}})
    c = d.check("one/version")
    assert (c["state"], c["verdict"], c["reason"]) == ("PENDING", "PENDING", "pending")
    assert (c["since"], c["checked"], c["facts"]) == (None, None, {})
    assert list(c) == CHECK_KEYS
    status = d.status()
    assert status["state"] == "UNKNOWN" and status["environments"][0]["state"] == "UNKNOWN"
    assert d.ctl("status").code == 3
    done = d.ctl("status", "--wait", "--timeout", "1s")
    assert done.code in (3, 69) and done.err.count("\n") <= 1


def test_severity_caps_and_warn_words(daemon, folder):
    make_backups(folder / "b", newest=10 * 3600)
    make = {"file": {"glob": f"{folder}/b/*.dump"}}
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "backup-capped": {**make, "expect": {"max-age": "1h"}, "severity": "warning"},
        "backup-warned": {**make, "expect": {"max-age": "20h"}, "warn": {"max-age": "5h"}},
        "backup-both": {**make, "expect": {"max-age": "6h"}, "warn": {"max-age": "5h"}},
        "version": {"file": {"path": "/nonexistent/VERSION"}, "format": "text",
                    "severity": "warning"}}}}})
    status = d.ready()
    states = {c["name"]: (c["state"], c["reason"]) for c in status["environments"][0]["checks"]}
    assert states == {"backup-capped": ("WARNING", "backup-too-old"),
                      "backup-warned": ("WARNING", "backup-too-old"),
                      "backup-both": ("CRITICAL", "backup-too-old"),
                      "version": ("UNKNOWN", "file-missing")}
