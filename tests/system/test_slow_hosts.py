# SPDX-License-Identifier: Apache-2.0
"""Hosts that hang are their own problem: counted by what the others' server saw, not by a clock."""
import http.server
import threading
import time

import support
from support import parse_line, wait_for

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


def test_results_that_do_not_come_are_told(daemon, syslog):
    """One probe at a time, and eight of nine hang: who was well is stale, a state as others are."""
    hang = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if hang.is_set() and "good" not in self.path:
                time.sleep(60)
                return
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"1.0.0")

        def log_message(self, *args):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    def check(name):
        return {"http": {"url": f"{url}/{name}"}, "format": "text"}
    good = {"version-good": check("good")}
    made = {"daemon": {"in-flight": 1, "per-host": 1},
            "defaults": {"every": "3s", "retry": "3s", "timeout": "3s", "confirm": 1},
            "environments": {"one": {"checks": {
                **good, **{f"version-hung-{i}": check(i) for i in range(8)}}}}}
    try:
        d = daemon(made, inside=syslog)
        wait_for(lambda: {c["state"] for c in d.status()["environments"][0]["checks"]} == {"OK"})
        hang.set()
        line = syslog.wait("check=one/version-good", "now=UNKNOWN", timeout=60)[0]
        begin = dict(parse_line(line)[4])
        assert (begin["was"], begin["reason"]) == ("OK", "stale")
        d.write({**made, "environments": {"one": {"checks": good}}})
        assert d.ctl("reload").code == 0
        line = syslog.wait("check=one/version-good", "now=OK", timeout=30)[0]
        assert dict(parse_line(line)[4])["id"] == begin["id"]
    finally:
        server.shutdown()
        server.server_close()
