# SPDX-License-Identifier: Apache-2.0
"""Rows 36, 49, 50, 57: configurations that are wrong, reloads without end, syslog that stands still,
many environments of which half are dead."""
import re
import signal
import time

import faults
import support
from faults import LONG, SANITIZED, config, url, version
from support import parse_line, wait_for


def fields(line):
    return dict(parse_line(line)[4])


def deep(n):
    return "environments: " + "{a: " * n + "1" + "}" * n


BAD = {
    "unknown": ("environmets: {}", ":1:1:"), "twice": ("environments: {}\nenvironments: {}", ":2:1:"),
    "check-key": ("environments: {one: {checks: {version: {htpp: {url: x}}}}}", ":1:"),
    "type": ("environments: [one]", ":1:"), "name": ("environments: {One!: {}}", ":1:16:"),
    "tab": ("environments:\n\tone: {}", ":2:"), "utf8": (b"environments: {\xff\xfe: {}}", ":1:"),
    "nul": (b"environments: {}\0", ":1:"), "cut": ("environments: {one: ", ":1:"),
    "depth": (deep(100), ":1:"), "deeper": (deep(100000), ":"),
    "include": ("include: [missing.yaml]\nenvironments: {}", "missing.yaml"),
    "loop": ("include: [relauditd.yaml]\nenvironments: {}", "relauditd.yaml"),
    "secret": ("environments: {one: {checks: {version: {http: {url: 'http://x/', "
               "bearer: '${file:/nonexistent/token}'}}}}}", "/nonexistent/token"),
    "aliases": ("x: &a [1,1,1,1,1,1,1,1,1]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                "z: [*b,*b,*b,*b,*b,*b,*b,*b,*b]", ":1:"),
    "duration": ("defaults: {every: -1s}\nenvironments: {}", ":1:"),
    "huge-number": ("defaults: {every: 99999999999999999999d}\nenvironments: {}", ":1:"),
    "empty": ("", ":1:1:"), "comment": ("# being written\n", ":1:1:"), "binary": (bytes(range(256)) * 100, ":1:"),
    "long": ("environments: {" + "x" * 1000000 + ": {}}", ":1:"),
}


def test_row_49_a_wrong_configuration_changes_nothing(daemon, server):
    """Each is refused with its place, at a reload and at a start; the old one stays."""
    d = daemon(config({"version-good": version(url(server, "ok"))}))
    good = d.config.read_text()
    was = d.ready()["daemon"]["config"]
    for name, (text, place) in BAD.items():
        d.config.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = d.ctl("reload")
        assert done.code == 2 and place in done.out + done.err, (name, done.out, done.err)
        checked = support.relauditd("--check-config", "-c", d.config)
        assert checked.code == 2 and place in checked.err, (name, checked)
        assert len(checked.err) < 20000, name
        assert d.status()["daemon"]["config"] == was, name
    with open(d.config, "w") as f:
        f.truncate(1 << 40)
    assert d.ctl("reload").code == 2, "a terabyte of it"
    d.config.unlink()
    assert d.ctl("reload").code == 2
    d.config.mkdir()
    assert d.ctl("reload").code == 2
    d.config.rmdir()
    d.config.write_text(good)
    assert d.ctl("reload").code == 0


def test_row_50_a_storm_of_reloads_with_probes_under_way(daemon, things, server, folder):
    """Environments come and go while their probes run; what stays is not touched."""
    hole = things(support.Hole())

    def made(n):
        slow = {"http": {"url": f"http://127.0.0.1:{hole.port}/"}, "format": "text",
                "timeout": "60s", "every": "100ms"}
        c = config({"version-good": version(url(server, "ok"))})
        c["daemon"] = {"per-host": 100}
        for i in range(n % 5):
            c["environments"][f"env{i}"] = {"checks": {f"version-{k}": slow for k in range(4)}}
        return c
    d = daemon(made(0))
    d.ready()
    since = d.check("one/version-good")["since"]
    for n in range(5000 if LONG else 1000):
        if n % 10 == 0:
            temporary = folder / "new"
            other = support.Daemon(folder, d.config.read_text())
            other.config = temporary
            other.write(made(n // 10))
            temporary.rename(d.config)
        d.signal(signal.SIGHUP)
        if n % 50 == 0:
            d.ctl("status")
    d.write(made(0))
    support.wait_for(lambda: d.ctl("reload").code == 0)
    assert [e["name"] for e in d.status()["environments"]] == ["one"]
    assert d.check("one/version-good")["since"] == since
    wait_for(lambda: d.metric("probes_in_flight") == 0, what="what was removed is dropped")


def test_row_36_a_syslog_that_stands_still(daemon, folder, syslog):
    """The loop is free, the queue has an end, and nothing that is announced is lost: it waits in the
    record until there is room."""
    def checks(path):
        return {f"env{n}": {"checks": {
            f"version-{i}": {"file": {"path": f"{path}/{i}"}, "format": "text"}
            for i in range(100)}} for n in range(25)}
    made = config({})
    made["environments"] = checks("/nonexistent")
    d = daemon(made, inside=syslog, held=SANITIZED)
    d.ready()
    begun = {fields(ln)["check"]: fields(ln)["id"]
             for ln in syslog.wait("state check=", count=2500, timeout=60)}
    assert len(begun) == 2500
    syslog.hang()
    for name in ("gone", "back", "other"):
        made["environments"] = {f"{name}-{e}": c for e, c in checks("/nonexistent").items()}
        d.write(made)
        assert d.ctl("reload").code == 0
        d.ready()
    assert d.metric("syslog_queued") <= 1000, "the queue has an end"
    assert d.api("/healthz")[0] == 200
    syslog.go_on()
    # What is told is whole: whose beginning was told has its end, and what is bad now was told.
    def told(word):
        return [fields(ln) for ln in syslog.lines(word)]
    wait_for(lambda: len([ln for ln in syslog.lines("state check=other-")]) == 2500, timeout=60)
    wait_for(lambda: len(syslog.lines(": removed ")) == len(syslog.lines("state check=")) - 2500,
             timeout=60)
    begun = {f["id"]: f["check"] for f in told("state check=")}
    ended = {f["id"]: f["check"] for f in told(": removed ")}
    assert {i: c for i, c in begun.items() if not c.startswith("other-")} == ended
    assert d.metric("syslog_dropped") == 0


def test_row_36_killed_while_syslog_stands_still(daemon, syslog):
    """What had not left is told after the restart, the ends of checks that are gone too."""
    made = config({f"version-{i}": {"file": {"path": f"/nonexistent/{i}"}, "format": "text"}
                   for i in range(300)})
    d = daemon(made, inside=syslog, held=SANITIZED)
    d.ready()
    begun = {fields(ln)["id"] for ln in syslog.wait("state check=", count=300)}
    syslog.hang()
    made["environments"]["one"]["checks"] = {}
    d.write(made)
    assert d.ctl("reload").code == 0
    wait_for(lambda: d.metric("records_unsaved") == 0, what="the record has the lines")
    d.kill9()
    syslog.go_on()
    d.start()
    syslog.wait(": start ", count=2)
    wait_for(lambda: {fields(ln)["id"] for ln in syslog.lines(": removed ")} == begun,
             what=lambda: len(syslog.lines(": removed ")))
    d.stop()
    d.start()
    syslog.wait(": start ", count=3)
    d.stop()
    assert len(syslog.lines(": removed ")) < 400, "and no more than what was under way twice"


def test_row_36_stopped_while_syslog_is_slow(daemon, syslog):
    """What leaves during a stop is not told again by the next start."""
    made = config({f"version-{i}": {"file": {"path": f"/nonexistent/{i}"}, "format": "text"}
                   for i in range(300)})
    d = daemon(made, inside=syslog, held=SANITIZED)
    d.ready()
    syslog.wait("state check=", count=300)
    syslog.hang()
    made["environments"]["one"]["checks"] = {}
    d.write(made)
    assert d.ctl("reload").code == 0
    wait_for(lambda: d.metric("records_unsaved") == 0, what="the record has the lines")
    syslog.go_on()
    d.stop()
    d.start()
    syslog.wait(": start ", count=2)
    d.stop()
    assert len(syslog.lines(": removed ")) == 300


def test_row_57_many_environments_half_of_them_dead(daemon, things, web):
    """Who is well is probed at its pace, and the operator is answered."""
    hole = things(support.Hole())
    web.put("version", {"version": "1.0.0"})
    count = 500
    environments = {}
    for n in range(count):
        host = f"127.1.{n // 250}.{n % 250 + 1}"
        dead = n % 2
        where = f"http://{host}:{hole.port if dead else web.port}/version?{n}"
        connect = f"127.0.0.1:{hole.port if dead else web.port}"
        environments[f"env{n}"] = {"checks": {
            f"version{'' if dead else '-good'}-{i}": version(
                where + f"-{i}", http={"connect": connect} if not dead else {}, timeout="2s")
            for i in range(4)}}
    every = 10
    d = daemon({"defaults": {"every": f"{every}s", "retry": f"{every}s", "confirm": 1},
                "daemon": {"per-host": 2000, "in-flight": 1000}, "environments": environments},
               held=True, env=faults.FLAT)
    before = d.metric("resident_bytes")
    wanted = count // 2 * 4
    wait_for(lambda: web.hits("/version") >= 2 * wanted, timeout=60, what="two rounds")
    slowest = 0
    for _ in range(20):
        started = time.monotonic()
        assert d.api("/v1/status", raw=True)[0] == 200
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < (1.5 * support.SLOW if SANITIZED else 0.1), slowest
    counts = {}
    for line in web.log.read_text().splitlines():
        counts[line.split()[1]] = counts.get(line.split()[1], 0) + 1
    assert len(counts) == wanted and max(counts.values()) - min(counts.values()) <= 1
    states = {c["state"] for e in d.status()["environments"] for c in e["checks"]
              if "good" in c["name"]}
    assert states == {"OK"}
    d.judge_memory(before, 200 << 20)
    late = re.findall(r'probe_lateness_seconds_bucket\{le="1.0"\} (\d+)', d.metrics())
    total = re.findall(r"probe_lateness_seconds_count (\d+)", d.metrics())
    assert int(late[0]) >= 0.95 * int(total[0]), "the interval is kept"
