# SPDX-License-Identifier: Apache-2.0
"""What relauditd does when rows 1, 2 and 55 make it fail: a world with every kind of check, and
scenarios of which each goes once along one of the main paths.

start, load and stop are a process's; the others are requests of a running one.
"""
import collections
import contextlib
import http.client
import json
import re
import socket

from faults import config, version
from repository import Repository
from support import UnixConnection, make_backups, make_log, wait_for

JSON = {"Content-Type": "application/json"}
REFS = 64  # tags, each with a file of its own: what is read at one is remembered

Answer = collections.namedtuple("Answer", "status text")
NONE = Answer(None, "")


def ask(d, method, path, body=None, timeout=60):
    """The answer, NONE: the connection ended, or nothing came in time."""
    try:
        return Answer(*d.api(path, method, body, JSON, raw=True, timeout=timeout)[:2])
    except (http.client.HTTPException, OSError, UnicodeError):
        return NONE


class World:
    """Each kind of check; those with "good" in their names are OK, the others never are."""

    def __init__(self, folder, web, scripts):
        self.folder, self.web, self.scripts = folder, web, scripts
        self.turn = 0
        self.repository = Repository(folder / "shop.git")
        for i in range(REFS):
            self.repository.write("deploy/one.env", f"A=1\nB={i}\n")
            self.repository.commit(f"t{i}")
        self.repository.write("deploy/one.env", "A=1\nDATABASE_PASSWORD=hunter2\n")
        self.repository.commit("v1.0.0")
        (folder / "links").mkdir()
        make_backups(folder / "b")
        make_log(folder / "app.log", (5, "INFO one"))
        make_log(folder / "old.log", (7200, "INFO one"))
        (folder / "env").write_text("A=1\nDATABASE_PASSWORD=hunter2\n")
        (folder / "other").write_text("A=2\nMORE=1\n")
        for name, code in (("ok", 0), ("bad", 2)):
            path = scripts / name
            path.write_text(f"#!/bin/sh\necho {name}\nexit {code}\n")
            path.chmod(0o755)
        web.put("version", {"version": "1.0.0", "commit": "abcdef0"})
        web.put("flip", {"version": "1.0.0"})

    def config(self, link=0, more=False):
        """link: which name the repository goes by, a new one is read anew; more: one check more."""
        f = self.folder
        repository = f / "links" / f"{link}.git"
        if not repository.is_symlink():
            repository.symlink_to(self.repository.path)
        env, other = ({"file": {"path": str(f / n)}, "format": "dotenv"} for n in ("env", "other"))
        logs = {"time": r"^(?<time>\S+)", "expect": {"max-age": "1h"}}
        main = {"baseline": {"git": {"path": "deploy/one.env", "ref": "main"}}}
        http_url = self.web.url("version")
        made = config({
            "version-good": {**version(http_url), "commit": "/commit"},
            "version-bad": version(http_url, expect={"version": "2.0.0"}),
            "version-hosts": {**version(self.web.url("${host}")),
                              "for": {"host": ["version", "none"]}},
            "version-flip-good": version(self.web.url("flip"), expect={"version": "1.0.0"}),
            "backup-good": {"file": {"glob": f"{f}/b/*.dump"}, "expect": {"min-count": 2}},
            "backup-bad": {"file": {"glob": f"{f}/b/*.dump"}, "expect": {"min-count": 99}},
            "logs-good": {"file": {"path": f"{f}/app.log"}, **logs},
            "logs-bad": {"file": {"path": f"{f}/old.log"}, **logs},
            "config-good": {**env, "expect": {"required": ["A"]}},
            "config-bad": {**env, "expect": {"required": ["B"]}},
            "config-base-good": {**env, "expect": main},
            "config-base-bad": {**other, "expect": main},
            "plugin-good": {"exec": [str(self.scripts / "ok")]},
            "plugin-bad": {"exec": [str(self.scripts / "bad")]}})
        made["environments"]["two"] = {"checks": {
            "version-good": version(http_url),
            "config-good": {**env, "expect": {"same-as": "one"}},
            "config-bad": {**other, "expect": {"same-as": "one"}},
            "config-tag-good": {**env, "expect": {"baseline": {
                "git": {"path": "deploy/one.env", "ref": "{tag}"}}}}}}
        if more:
            made["environments"]["three"] = {"checks": {"version-new-good": version(http_url)}}
        made["daemon"] = {"exec": {"allow": [str(self.scripts)]}}
        made["product"] = {"name": "shop", "repository": {"url": f"file://{repository}"}}
        return made


def states(d):
    """{check: (state, reason)} of all."""
    return {c["check"]: (c["state"], c["reason"])
            for e in d.status()["environments"] for c in e["checks"]}


# --- scenarios: prepare(world, daemon) -> act(timeout) -> Answer ---

def request(method, path, body=None):
    def prepare(w, d):
        return lambda timeout=60: ask(d, method, path, body, timeout)
    return prepare


def probe(*checks):
    return request("POST", "/v1/run", {"select": list(checks)})


def drift_at_a_ref(w, d):
    """Another one each time, whose file is read from the repository."""
    w.turn += 1
    path = f"/v1/drift?environments=one&check=config-base-good&baseline=t{w.turn % REFS}"
    return lambda timeout=60: ask(d, "GET", path, timeout=timeout)


def reload_changed(w, d):
    w.turn += 1
    d.write(w.config(more=w.turn % 2 == 1))
    return lambda timeout=60: ask(d, "POST", "/v1/reload", timeout=timeout)


def new_repository(w, d):
    """Reloaded with another repository, which is fetched, and what hangs on it is probed."""
    w.turn += 1
    d.write(w.config(link=w.turn))

    def act(timeout=60):
        answer = ask(d, "POST", "/v1/reload", timeout=timeout)
        if answer.status != 200:
            return answer
        return ask(d, "POST", "/v1/run", {"select": ["one/config-base-good", "one/config-base-bad",
                                                     "two/config-tag-good"]}, timeout)
    return act


def flip(w, d):
    good = d.check("one/version-flip-good")["state"] == "OK"
    w.web.put("flip", {"version": "2.0.0" if good else "1.0.0"})


def save(w, d):
    """A state changes, which is announced and saved."""
    flip(w, d)
    return lambda timeout=60: ask(d, "POST", "/v1/run", {"select": ["one/version-flip-good"]},
                                  timeout)


def events(w, d):
    """A stream, in which a change comes by, or its connection's end."""
    flip(w, d)

    def act(timeout=60):
        connection = UnixConnection(d.socket, timeout)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/v1/events?select=one")
                answer = connection.getresponse()
                if answer.status != 200:
                    return Answer(answer.status, answer.read().decode())
                run = ask(d, "POST", "/v1/run", {"select": ["one/version-flip-good"]}, timeout)
                return until_changed(answer, min(timeout, 5)) if run.status == 200 else run
            except (http.client.HTTPException, OSError):
                return NONE
    return act


def until_changed(answer, timeout):
    answer.fp.raw._sock.settimeout(timeout)
    while True:
        line = answer.readline()
        if not line:
            break
        if b"version-flip-good" in line:
            return Answer(200, line.decode())
    return NONE


# name: (prepare, usual statuses)
SCENARIOS = {
    "reload": (reload_changed, (200,)),
    "version": (probe("one/version-good", "one/version-bad", "one/version-hosts"), (200,)),
    "backup": (probe("one/backup-good", "one/backup-bad"), (200,)),
    "logs": (probe("one/logs-good", "one/logs-bad"), (200,)),
    "config": (probe("one/config-good", "one/config-bad", "two/config-good", "two/config-bad"),
               (200,)),
    "baseline": (new_repository, (200,)),
    "plugin": (probe("one/plugin-good", "one/plugin-bad"), (200,)),
    "status": (request("GET", "/v1/status"), (200,)),
    "selected": (request("GET", "/v1/status?select=one&select=two/version-good&wait=1s"), (200,)),
    "environment": (request("GET", "/v1/environments/one"), (200,)),
    "unknown": (request("GET", "/v1/environments/none"), (404,)),
    "versions": (request("GET", "/v1/versions"), (200,)),
    "versions-at": (request("GET", "/v1/versions?environment=one&at=1s"), (200,)),
    "history": (request("GET", "/v1/history?environment=one&limit=100"), (200,)),
    "metrics": (request("GET", "/metrics?checks=1"), (200,)),
    "healthz": (request("GET", "/healthz"), (200,)),
    "run-all": (probe("one", "two"), (200,)),
    "refused": (request("POST", "/v1/run", {"selct": ["one"]}), (400,)),
    "drift": (request("GET", "/v1/drift"), (200,)),
    "drift-all": (request("GET", "/v1/drift?environments=one,two&all=true&suggest=true"), (200,)),
    "drift-one": (request("GET", "/v1/drift?environments=two&only=A*&ignore=M*&strict=true"),
                  (200,)),
    "drift-since": (request("GET", "/v1/drift?environments=one,two&since=1h"), (200,)),
    "drift-ref": (drift_at_a_ref, (200,)),
    "events": (events, (200,)),
    "save": (save, (200,)),
}
