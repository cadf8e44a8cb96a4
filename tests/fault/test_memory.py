# SPDX-License-Identifier: Apache-2.0
"""Rows 1, 2: allocations that fail, one or all from one on; ours with leaks judged, then those of
libraries too (alloc.c says which)."""
import http.client
import json

import pytest

import faults
import support
from faults import config, sample, version
from support import make_backups, make_log, wait_for

ENDS = (0, 1, 2)  # of a start without memory: said so, nothing else
MODES = pytest.mark.parametrize("own", [True, False], ids=["own", "libraries"])


def everything(web, folder):
    """Each kind; `good` ones are OK."""
    web.put("version", {"version": "1.0.0", "commit": "abcdef0"})
    make_backups(folder / "b")
    make_log(folder / "app.log", (5, "INFO one"))
    (folder / "env").write_text("A=1\nDATABASE_PASSWORD=hunter2\n")
    http = web.url("version")
    made = config({
        "version-good": {**version(http), "commit": "/commit"},
        "version-bad": version(http, expect={"version": "2.0.0"}),
        "version-hosts": {**version(web.url("${host}")), "for": {"host": ["version", "none"]}},
        "backup-good": {"file": {"glob": f"{folder}/b/*.dump"}, "expect": {"min-count": 2}},
        "logs-good": {"file": {"path": f"{folder}/app.log"}, "time": r"^(?<time>\S+)",
                      "expect": {"max-age": "1h"}},
        "config-good": {"file": {"path": f"{folder}/env"}, "format": "dotenv",
                        "expect": {"required": ["A"]}},
        "config-bad": {"file": {"path": f"{folder}/env"}, "format": "dotenv",
                       "expect": {"required": ["B"]}}})
    made["environments"]["two"] = {"checks": {
        "config-good": {"file": {"path": f"{folder}/app.log"}, "format": "properties"}}}
    return made


REQUESTS = {
    "status": ("GET", "/v1/status", None), "drift": ("GET", "/v1/drift?environments=one,two&all=true", None),
    "environment": ("GET", "/v1/environments/one", None),
    "versions": ("GET", "/v1/versions", None), "history": ("GET", "/v1/history", None),
    "metrics": ("GET", "/metrics?checks=1", None), "healthz": ("GET", "/healthz", None),
    "unknown": ("GET", "/v1/environments/none", None),
    "run": ("POST", "/v1/run", {"select": ["one"]}), "reload": ("POST", "/v1/reload", None),
}
ANSWERS = {"unknown": (404,)}


def ask(d, name, timeout=60):
    """The status, or None: no answer."""
    method, path, body = REQUESTS[name]
    try:
        return d.api(path, method, body, {"Content-Type": "application/json"}, raw=True,
                     timeout=timeout)[0]
    except (http.client.HTTPException, OSError):
        return None


def with_failure(d, alloc, name, k, own, more=0, timeout=60):
    """(answer, how many failed); asked again if that was too often."""
    def answered():
        alloc.arm(k, more, own)
        answer = ask(d, name, timeout)
        _, failed = alloc.disarm()
        return answer != 429 and (answer, failed)
    return wait_for(answered, what=f"{name} is not asked too often")


def bad_states(d):
    return {c["check"]: c["state"] for e in d.status()["environments"] for c in e["checks"]
            if "good" not in c["check"]}


@MODES
def test_row_01_an_allocation_fails_in_a_request(daemon, web, folder, alloc, own):
    d = daemon(everything(web, folder), env=alloc.environment(leaks=own))
    d.ready()
    d.results()
    was = bad_states(d)
    tried = 0
    for name in REQUESTS:
        usual = ANSWERS.get(name, (200,))
        alloc.arm(own=own)
        assert ask(d, name) in usual
        count, _ = alloc.disarm()
        for k in sample(count, 30):
            answer, failed = with_failure(d, alloc, name, k, own)
            tried += failed
            assert answer in (None, *usual, 400, 409, 413, 422, 500, 503), (name, k, answer)
            assert d.process.poll() is None, f"{name}, allocation {k}: {d.said()[-3000:]}"
        wait_for(lambda: ask(d, name) in usual, what=f"{name} is as before")
    assert tried > 100
    d.results()
    assert bad_states(d) == was


@MODES
def test_row_01_an_allocation_fails_at_start(daemon, web, folder, alloc, own):
    """It says so and ends with a code, or it goes on; what was announced is kept."""
    d = daemon(everything(web, folder), env=alloc.environment(leaks=own))
    d.ready()
    since = {c: d.check(c)["since"] for c in ("one/version-bad", "one/config-bad")}
    d.stop()
    alloc.arm(own=own)
    assert d.try_start() is None
    count, _ = alloc.disarm()
    support.Daemon.stop(d)
    for k in sample(count, 40):
        before = len(d.said())
        alloc.arm(k, own=own)
        code = d.try_start()
        alloc.disarm()
        said = d.said()[before:]
        assert not support.SANITIZER.search(said), (k, said[-6000:])
        if code is None:
            support.Daemon.stop(d)
        else:
            assert code in ENDS and said, (k, code, said)
    d.start()
    assert {c: d.check(c)["since"] for c in since} == since


def test_row_01_an_allocation_fails_at_stop(daemon, web, folder, alloc):
    d = daemon(everything(web, folder), env=alloc.environment())
    d.ready()
    alloc.arm()
    support.Daemon.stop(d)
    count, _ = alloc.disarm()
    for k in sample(count, 15):
        assert d.try_start() is None
        alloc.arm(k)
        support.Daemon.stop(d)
        alloc.disarm()
    d.start()


@MODES
def test_row_02_all_fail_from_one_on(daemon, web, folder, alloc, own):
    """While it lasts nothing is answered but errors; then all is as before."""
    d = daemon(everything(web, folder), env=alloc.environment(leaks=own))
    d.ready()
    d.results()
    was = json.dumps(bad_states(d))
    for name in REQUESTS:
        usual = ANSWERS.get(name, (200,))
        alloc.arm(own=own)
        assert ask(d, name) in usual
        count, _ = alloc.disarm()
        for k in sample(count, 2 if name == "run" else 8):
            # a run waits for probes, which wait for memory
            with_failure(d, alloc, name, k, own, alloc.FOREVER, 2)
            assert d.process.poll() is None, f"{name}, from {k} on: {d.said()[-3000:]}"
        wait_for(lambda: ask(d, name) in usual, what=f"{name} is answered again")
    d.ready()
    d.results()
    assert json.dumps(bad_states(d)) == was


@MODES
def test_row_02_all_fail_from_one_on_at_start(daemon, web, folder, alloc, own):
    d = daemon(everything(web, folder), env=alloc.environment(leaks=own))
    d.ready()
    since = d.check("one/version-bad")["since"]
    d.stop()
    alloc.arm(own=own)
    assert d.try_start() is None
    count, _ = alloc.disarm()
    support.Daemon.stop(d)
    for k in sample(count, 25):
        before = len(d.said())
        alloc.arm(k, more=alloc.FOREVER, own=own)
        code = d.try_start()
        alloc.disarm()
        said = d.said()[before:]
        assert not support.SANITIZER.search(said), (k, said[-6000:])
        if code is None:
            support.Daemon.stop(d)
        else:
            assert code in ENDS, (k, code, said)
    d.start()
    assert d.check("one/version-bad")["since"] == since
