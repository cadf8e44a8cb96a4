# SPDX-License-Identifier: Apache-2.0
"""A state is a verdict that was confirmed; `run` drives it, or the schedule if that is meant."""
import pytest

from support import parse_time, wait_for


@pytest.fixture
def one(daemon, web):
    """one(confirm=...) -> a daemon with one version check; set(version) is what it will see."""
    def begin(**defaults):
        web.put("version", {"version": "1.0.0"})
        d = daemon({"defaults": {"every": "1h", "retry": "1h", "timeout": "5s", **defaults},
                    "environments": {"one": {"checks": {
                        "version": {"http": {"url": web.url("version")}, "format": "json",
                                    "version": "/version", "expect": {"version": "1.0.0"}}}}}})
        d.ready()
        d.set = lambda version: web.put("version", {"version": version})
        return d
    return begin


def seen(c):
    return c["state"], c["hard"], c["verdict"]


def test_confirmed_after_so_many(one):
    d = one(confirm=3)
    was = d.check("one/version")
    assert seen(was) == ("OK", True, "OK")
    d.set("2.0.0")
    first = d.run("one/version")
    assert seen(first) == ("OK", False, "CRITICAL")
    assert first["since"] == was["since"], "of the state, which is still OK"
    assert seen(d.run("one/version")) == ("OK", False, "CRITICAL")
    third = d.run("one/version")
    assert seen(third) == ("CRITICAL", True, "CRITICAL")
    assert third["since"] == first["checked"], "soft results count"
    again = d.run("one/version")
    assert (again["since"], again["hard"]) == (third["since"], True)


def test_a_good_one_between_begins_anew(one):
    d = one(confirm=2)
    d.set("2.0.0")
    d.run("one/version")
    d.set("1.0.0")
    assert seen(d.run("one/version")) == ("OK", True, "OK")
    d.set("2.0.0")
    assert seen(d.run("one/version")) == ("OK", False, "CRITICAL")
    assert seen(d.run("one/version")) == ("CRITICAL", True, "CRITICAL")


def test_recovery_after_so_many(one):
    d = one(confirm=1, recover=2)
    d.set("2.0.0")
    assert seen(d.run("one/version")) == ("CRITICAL", True, "CRITICAL")
    d.set("1.0.0")
    first = d.run("one/version")
    assert seen(first) == ("CRITICAL", False, "OK")
    second = d.run("one/version")
    assert seen(second) == ("OK", True, "OK")
    assert second["since"] == first["checked"]


def test_another_bad_verdict_counts_at_once(one, web):
    d = one(confirm=2)
    d.set("2.0.0")
    d.run("one/version")
    d.run("one/version")
    web.put("version", "{")
    c = d.run("one/version")
    assert seen(c) == ("UNKNOWN", True, "UNKNOWN") and c["reason"] == "not-json"
    assert c["since"] == c["checked"]
    d.set("2.0.0")
    assert seen(d.run("one/version")) == ("CRITICAL", True, "CRITICAL")


def test_a_bad_start_is_shown_and_confirmed(one, daemon, web, folder, things):
    web.put("version", {"version": "9.9.9"})
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 2},
                "environments": {"one": {"checks": {
                    "version": {"http": {"url": web.url("version")}, "format": "json",
                                "version": "/version", "expect": {"version": "1.0.0"}}}}}})
    d.ready()
    first = d.check("one/version")
    assert seen(first) == ("CRITICAL", False, "CRITICAL"), "before any confirmed: the latest"
    second = d.run("one/version")
    assert seen(second) == ("CRITICAL", True, "CRITICAL")
    assert second["since"] == first["checked"]


def test_retry_is_the_pace_while_unconfirmed(one, web):
    d = one(confirm=3, retry="1s")
    assert web.hits("/version") == 1
    d.set("2.0.0")
    c = d.run("one/version")
    assert parse_time(c["next"]) - parse_time(c["checked"]) <= 1.3
    wait_for(lambda: d.check("one/version")["hard"], what="confirmed by the schedule alone")
    c = d.check("one/version")
    assert seen(c) == ("CRITICAL", True, "CRITICAL")
    assert parse_time(c["next"]) - parse_time(c["checked"]) > 1.3, "back to every"
    assert web.hits("/version") == 4


def test_the_schedule_runs_by_itself(one, web):
    d = one(every="1s", retry="1s", confirm=2, recover=2)
    d.set("2.0.0")
    wait_for(lambda: seen(d.check("one/version")) == ("CRITICAL", True, "CRITICAL"))
    d.set("1.0.0")
    wait_for(lambda: seen(d.check("one/version")) == ("OK", True, "OK"))


def test_run_answers_with_a_probe_of_after_the_question(one, web):
    d = one()
    for n in range(5):
        d.set(f"1.0.{n}")
        assert d.run("one/version")["facts"]["version"] == f"1.0.{n}"
    assert web.hits("/version") == 6
