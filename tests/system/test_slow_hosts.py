# SPDX-License-Identifier: Apache-2.0
"""Hosts that hang are their own problem: counted by what the others' server saw, not by a clock."""
import support
from support import wait_for

GOOD, HUNG = 36, 4


def test_a_hanging_tenth_disturbs_nobody(daemon, web, things):
    """Eight probes at once, four hosts that keep theirs for five periods."""
    holes = [things(support.Hole()) for _ in range(HUNG)]
    checks = {}
    for i in range(GOOD):
        web.put(f"host{i}", {"version": f"1.0.{i}"})
        checks[f"version-good-{i}"] = {"http": {"url": web.url(f"host{i}")}, "format": "json",
                                       "version": "/version"}
    for i, hole in enumerate(holes):
        checks[f"version-hung-{i}"] = {"http": {"url": f"http://127.0.0.1:{hole.port}/"},
                                       "format": "text", "timeout": "5s"}
    d = daemon({"daemon": {"in-flight": 8, "per-host": 8},
                "defaults": {"every": "1s", "retry": "1s", "timeout": "2s", "confirm": 1},
                "environments": {"one": {"checks": checks}}})

    def hits():
        if not web.log.exists():
            return [0]
        seen = [line.split()[1] for line in web.log.read_text().splitlines()]
        return [seen.count(f"/host{i}") for i in range(GOOD)]
    wait_for(lambda: min(hits()) >= 8, timeout=60, what="eight rounds")
    counts = hits()
    assert max(counts) - min(counts) <= 3, counts
    states = {c["name"]: c["state"] for c in d.status()["environments"][0]["checks"]}
    assert {s for n, s in states.items() if "good" in n} == {"OK"}
    assert {s for n, s in states.items() if "hung" in n} <= {"UNKNOWN", "PENDING"}
    wait_for(lambda: all(d.check(f"one/version-hung-{i}")["reason"] == "timeout"
                         for i in range(HUNG)), timeout=40)
