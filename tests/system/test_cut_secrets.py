# SPDX-License-Identifier: Apache-2.0
"""A secret comes back in a text that is too long to be shown: no part of it is left at the cut."""
import http.server
import json
import threading
import urllib.parse

import pytest

import support

RANDOM = "0b30557a9fc4e90e33587da2c7ec11365b80a5cae7d61f2e4890b7a3c5d1f6082e9b4c7d8a1f3e5b6079c8d2a4f6"
SECRETS = {"short": "KEY-" + RANDOM[:12], "long": "KEY-" + RANDOM,
           "quoted": 'KEY-0b30557"9fc4e9\\0e33587"da2c7ec1\\1365b80a'}
PIECE = 8
# Letters that are in no secret, and blanks, as the words of a text have them.
WORDS = "unsoughtly spoils my quoin now, nil run out " * 30
# Whole excerpts are of 40 and 45 characters, a summary has 400 bytes, an evidence 1024.
EXCERPT, SUMMARY, EVIDENCE = range(0, 48, 3), range(284, 405, 6), range(900, 1024, 15)

SCRIPTS = {
    "plugin": 'printf "%s%s and so on\\n" "$PAD" "$TOKEN"; exit 2',
    "code": 'printf "%s%s and so on\\n" "$PAD" "$TOKEN"; exit 7',
    "data": 'printf "OK|%s=1\\n" "$TOKEN"',
    "errors": 'printf "%s%s and so on\\n" "$PAD" "$TOKEN" >&2; exit 2',
    "output": 'printf "%s%s%0150d" "$PAD" "$TOKEN" 0',
    "json": 'printf \'{"version": "%s%s%0150d"}\' "$PAD" "$TOKEN" 0',
    "lines": 'printf "line\\n%s%s and so on\\nline\\n" "$PAD" "$TOKEN"',
}


def pieces():
    return {s[i:i + PIECE] for s in SECRETS.values() for i in range(len(s) - PIECE + 1)}


def leaks(where, data):
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return [f"{where}: {p} in ...{text[max(0, text.find(p) - 90):text.find(p) + 40]!r}"
            for p in pieces() if p in text][:1]


class Cut:
    def __init__(self, folder, scripts, web):
        self.folder, self.scripts, self.web = folder, scripts, web
        self.secrets = folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        self.checks = {}
        for name, text in SECRETS.items():
            (self.secrets / name).write_text(text)
        for name, text in SCRIPTS.items():
            (scripts / name).write_text(f"#!/bin/sh\n{text}\n")
            (scripts / name).chmod(0o755)

    def secret(self, name):
        return f"${{file:{self.secrets}/{name}}}"

    def add(self, name, check):
        kind = name.partition("-")[0]
        self.checks[f"{kind}-{len(self.checks)}-{name.partition('-')[2]}"] = check

    def http(self, name, at, kind, how, query="", **more):
        headers = {"Authorization": WORDS[:at] + self.secret(name)}
        self.add(f"{kind}-{name}-{at}", {"http": {"url": self.web.url("echo-text" + query),
                                                  "headers": headers}, "format": how, **more})

    def exec(self, name, at, kind, script, **more):
        environment = {"TOKEN": self.secret(name), "PAD": WORDS[:at] or "="}
        self.add(f"{kind}-{name}-{at}", {"exec": {"command": [str(self.scripts / script)],
                                                  "environment": environment}, **more})

    def all(self):
        for name in SECRETS:
            for at in EXCERPT:
                self.http(name, at, "version", "json", version="/version")
                self.http(name, at, "version", "text", regex=r"nothing (?<version>\d)")
                self.http(name, at, "config", "json")
                self.http(name, at, "config", "yaml")
                self.http(name, at, "version", "text", "?key=" + 150 * "x")
            for at in EXCERPT[::4]:
                self.exec(name, at, "version", "json", format="json", version="/versions")
                self.exec(name, at, "version", "json", format="json", version="/version")
                self.exec(name, at, "version", "output", format="text")
            for at in SUMMARY[::2]:
                self.exec(name, at, "plugin", "plugin")
                self.exec(name, at, "plugin", "code")
                self.exec(name, at, "version", "errors", format="text")
                self.exec(name, at - 240, "logs", "lines", expect={"forbidden": "so on"})
            for at in EVIDENCE:
                self.exec(name, at, "logs", "lines", expect={"forbidden": "line"})
                self.exec(name, at, "logs", "lines", expect={"forbidden": "KEY"})
            self.exec(name, 0, "plugin", "data")
        return {"daemon": {"exec": {"allow": [str(self.scripts)]}},
                "defaults": {"every": "1h", "confirm": 1, "timeout": "60s"},
                "environments": {"one": {"checks": self.checks}}}


@pytest.fixture
def cut(folder, scripts, web):
    return Cut(folder, scripts, web)


def test_no_part_is_left(cut, daemon, syslog):
    d, bad = daemon(cut.all(), inside=syslog), []
    d.ready()
    status = d.status()["environments"][0]["checks"]
    summaries = [c["summary"] for c in status]
    # What came back was blackened, not absent.
    for text in ("not JSON but 'unsoughtly spoils my **", "bytes, 'uns**", "exit code 7 ",
                 "exit code 2: ", "in the newest lines: "):
        assert any(text in s and "***" in s for s in summaries), text
    for path in ("/v1/status", "/v1/environments/one", "/v1/versions", "/v1/history"):
        bad += leaks(path, d.api(path, raw=True)[1])
    for check in status:
        name = check["check"]
        bad += leaks(name, d.api(f"/v1/checks/{name}", raw=True)[1])
    for how in ("table", "json"):
        for command in (["status"], ["show", "one"], ["history"]):
            done = d.ctl(*command, "-o", how)
            bad += leaks(f"relauditctl {command} -o {how}", done.out + done.err)
    d.stop()
    bad += leaks("stderr", d.said()) + leaks("syslog", syslog.file.read_bytes())
    bad += [leak for path in d.state.rglob("*") if path.is_file()
            for leak in leaks(str(path), path.read_bytes())]
    assert not bad, "\n".join(bad)


def test_a_secret_that_is_echoed_as_urls_have_it(daemon, folder):
    secret = 'Wq7"zX\\vK=pL+8/mR%41&tY<u>;J'
    (folder / "token").write_text(secret)
    (folder / "token").chmod(0o600)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            told = ("no such token " + urllib.parse.quote(self.headers["X-T"], safe="") +
                    " " * 3 + "y" * 150).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *args):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        d = daemon({"environments": {"one": {"checks": {"version": {
            "http": {"url": f"http://127.0.0.1:{server.server_port}/",
                     "headers": {"X-T": f"${{file:{folder}/token}}"}}, "format": "text"}}}}})
        d.ready()
        said = json.dumps(d.check("one/version"))
        assert "no such token ***" in said
        coded = urllib.parse.quote(secret, safe="")
        assert not any(coded[i:i + 8] in said for i in range(len(coded) - 8)), said
    finally:
        server.shutdown()
        server.server_close()
