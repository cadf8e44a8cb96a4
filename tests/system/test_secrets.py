# SPDX-License-Identifier: Apache-2.0
"""Secrets go to the server they are for and nowhere else, even if it sends them back."""
import base64
import pathlib
import urllib.parse

import pytest

import support

# Long enough that an excerpt may cut them: a piece of a secret is a leak too.
CANARY = {"file": "file-5f1c77aa0b96e4d83c21f7a590de64b1c8", "env": "env-83bd01ce77f2a4951be0c6d83",
          "credential": "credential-09ffe2d4b1a85c37e6602fd94b8e1d7c50a3"}
BASIC = base64.b64encode(f"audit:{CANARY['env']}".encode()).decode()
PIECE = 12
FORBIDDEN = sorted({s[i:i + PIECE] for s in [*(v.partition("-")[2] for v in CANARY.values()), BASIC]
                    for i in range(len(s) - PIECE + 1)})


def config(web, hole, secret):
    def json_check(**http):
        return {"http": http, "format": "json", "version": "/version", "commit": "/commit"}
    file, env, credential = f"${{file:{secret}}}", "${env:CANARY}", "${credential:canary}"
    quoted = urllib.parse.quote(file, safe="${}:/")
    checks = {
        "version-bearer": json_check(url=web.url("echo"), bearer=file),
        "version-basic": json_check(url=web.url("echo"),
                                    basic={"user": "audit", "password": env}),
        "version-header": json_check(url=web.url("echo"), headers={"X-Token": credential}),
        "version-query": json_check(url=web.url("echo") + "?key=" + quoted),
        "version-text": {"http": {"url": web.url("echo-text"), "bearer": file}, "format": "text"},
        "version-pattern": {"http": {"url": web.url("echo-text"), "bearer": file},
                            "format": "text", "regex": r"nothing (?<version>\d)"},
        "version-not-json": json_check(url=web.url("echo-text"), bearer=file,
                                       headers={"X-Token": credential}),
        "version-status": json_check(url=web.url("echo-500"), bearer=file),
        "version-moved": json_check(url=web.url("echo-moved"), bearer=file,
                                    headers={"X-Token": credential}),
        "version-refused": json_check(url=f"http://127.0.0.1:{support.free_port()}/?key={file}",
                                      bearer=file),
        "version-name": json_check(url=f"http://{file}.invalid/"),
        "version-hung": {**json_check(url=f"http://127.0.0.1:{hole.port}/?key={file}"),
                         "timeout": "1s"},
        "version-proxy": json_check(url=web.url("echo"), proxy=f"http://audit:{file}@127.0.0.1:"
                                    f"{support.free_port()}"),
        "version-expected": {**json_check(url=web.url("echo"), bearer=file),
                             "expect": {"version": "1.0.0"}},
    }
    return {"defaults": {"every": "1h", "confirm": 1},
            "environments": {"one": {"checks": checks}}}


@pytest.fixture
def planted(folder, daemon, web, things, syslog):
    secret = folder / "secrets" / "token"
    secret.parent.mkdir(mode=0o700)
    secret.write_text(CANARY["file"] + "\n")
    (secret.parent / "canary").write_text(CANARY["credential"])
    hole = things(support.Hole())
    d = daemon(config(web, hole, secret), inside=syslog,
               env={"CANARY": CANARY["env"], "CREDENTIALS_DIRECTORY": str(secret.parent)})
    d.ready()
    d.secret = secret
    return d


def leaks(what, text):
    return [f"{what}: {s} in ...{text[max(0, text.find(s) - 80):text.find(s) + 80]!r}"
            for s in FORBIDDEN if s in text][:1]


def test_they_are_sent(planted, web):
    """Else the other test would prove nothing: what came back was blackened, not absent."""
    for name in ("bearer", "basic", "header", "query", "text"):
        c = planted.check(f"one/version-{name}")
        assert c["state"] == "OK", c
        assert "***" in c["facts"]["version"] + c["facts"].get("commit", ""), c


def test_the_canary_is_nowhere(planted, syslog, folder):
    d, bad = planted, []
    answers = ["/v1/status", "/v1/status?format=csv", "/v1/environments/one", "/v1/versions",
               "/v1/history", "/metrics", "/healthz"]
    for path in answers:
        bad += leaks(path, d.api(path, raw=True)[1])
    for args in (["status"], ["status", "-o", "json"], ["status", "-o", "csv"], ["show", "one"],
                 ["show", "one", "-o", "json"], ["version"], ["version", "-o", "json"],
                 ["history"], ["history", "-o", "json"], ["run", "one"], ["reload"]):
        done = d.ctl(*args)
        bad += leaks(f"relauditctl {args}", done.out + done.err)
    env = support.clean_environment(**d.env)
    for c in d.status()["environments"][0]["checks"]:
        done = support.relauditd("-c", d.config, "--print", c["check"], env=env)
        assert done.code == 0, done
        bad += leaks(f"--print {c['check']}", done.out + done.err)
    done = support.relauditd("-c", d.config, "--check-config", env=env)
    assert done.code == 0, done
    bad += leaks("--check-config", done.out + done.err)
    for pid in [d.pid, d.keeper(), *d.children()]:
        for name in ("cmdline", "comm"):
            bad += leaks(f"/proc/{pid}/{name}", proc(pid, name))
    for pid in [d.keeper(), *d.children()]:
        bad += leaks(f"environ of the helper {pid}", proc(pid, "environ"))
    d.signal(support.signal.SIGHUP)
    support.wait_for(lambda: len(syslog.lines(": reload ")) >= 2)
    # a mistake beside a secret: the error shows the line as written, never the value
    text = d.config.read_text()
    d.config.write_text(text.replace("bearer: ${file:", "bearrer: ${file:"))
    done = d.ctl("reload")
    assert done.code == 2
    bad += leaks("a refused reload", done.out + done.err)
    d.config.write_text(text)
    d.stop()
    bad += leaks("stderr", d.said())
    bad += leaks("syslog", syslog.file.read_text(errors="replace"))
    for path in d.state.rglob("*"):
        if path.is_file():
            bad += leaks(str(path), path.read_bytes().decode("latin-1"))
    assert not bad, "\n".join(bad)


def test_offline_reads_none(folder, planted):
    planted.secret.unlink()
    done = support.relauditd("-c", planted.config, "--check-config", "--offline")
    assert done.code == 0, done
    done = support.relauditd("-c", planted.config, "--check-config")
    assert done.code == 2 and str(planted.secret) in done.err and "CANARY" in done.err


def test_not_dumpable(planted):
    for pid in [planted.pid, *planted.children()]:
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert "Max core file size        0                    0" in limits


def proc(pid, name):
    return pathlib.Path(f"/proc/{pid}/{name}").read_bytes().decode("latin-1")
