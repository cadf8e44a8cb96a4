# SPDX-License-Identifier: Apache-2.0
"""Secrets are planted wherever they may stand, and looked for wherever something may be seen."""
import base64
import json
import os
import pathlib
import select
import subprocess
import threading

import pytest
import yaml

import support

# Random, and so long that a piece in an excerpt is found too.
CANARIES = {
    "dotenv": "8c1f5e07b29d4a36e1b0", "changed": "d40b97ce62f158a3c7e9", "url": "5b92e6d1a7f034c8b6d2",
    "json": "f7a3c05d18e9b264a0c5", "yaml": "29e8d6b4f1370ca5e3b8", "file": "b16ad3f9027ce854d9f1",
    "credential": "e05c72a8d39f1b64c2a7", "exec": "73d9b0e64fa1c258f0d4", "git": "a8f42c6d0e5b9173e7c6",
    "argv": "4ce7019fb58d2a63b1e0"}
PIECE = 10
PIECES = {c[i:i + PIECE]: name for name, c in CANARIES.items() for i in range(len(c) - PIECE + 1)}
PIECES |= {base64.b64encode(f"audit:{c}".encode()).decode()[12:]: f"{name} in base64"
           for name, c in CANARIES.items()}
FORMATS = ("table", "json", "csv", "nagios", "yaml", "markdown", "diff")


def leaks(where, text):
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return [f"{where}: {name} in ...{text[max(0, text.find(p) - 60):text.find(p) + 40]!r}"
            for p, name in PIECES.items() if p in text][:1]


class Planted:
    """Two environments whose checks have a secret each; a repository that takes one and hangs."""

    def __init__(self, folder, web, hole):
        self.folder, self.web, self.hole = folder, web, hole
        self.secrets = folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        for name in ("file", "credential", "exec", "git", "argv"):
            (self.secrets / name).write_text(CANARIES[name] + "\n")
        for name in ("staging", "production"):
            self.write(name, CANARIES["dotenv"])
            web.put(f"{name}.json", {"name": name, "db": {"password": CANARIES["json"] + name},
                                     "urls": [f"https://u:{CANARIES['url']}@h/"]})
            (folder / f"{name}.yaml").write_text(f"api: {{token: {CANARIES['yaml']}{name}}}\n")

    def write(self, name, password):
        (self.folder / f"{name}.env").write_text(
            f"NAME={name}\nDATABASE_PASSWORD={password}{name}\n"
            f"BACKEND=postgres://shop:{CANARIES['url']}{name}@db.example/shop\n")

    def secret(self, name):
        return f"${{file:{self.secrets}/{name}}}"

    def checks(self, name, expect):
        login = {"user": "audit", "password": "${credential:credential}"}
        return {
            "config-env": {"file": {"path": f"{self.folder}/{name}.env"}, "format": "dotenv", **expect},
            "config-yaml": {"file": {"path": f"{self.folder}/{name}.yaml"}, "format": "yaml",
                            **expect},
            "config-json": {"http": {"url": self.web.url(f"{name}.json"),
                                     "bearer": self.secret("file")}, "format": "json", **expect},
            "config-login": {"http": {"url": self.web.url(f"{name}.json"), "basic": login},
                             "format": "json", **expect},
            "version-exec": {"exec": {"command": ["/usr/bin/printenv", "TOKEN"],
                                      "environment": {"TOKEN": self.secret("exec")}},
                             "format": "text"},
            "version-echo": {"http": {"url": self.web.url("echo"), "bearer": self.secret("file")},
                             "format": "json", "version": "/version", "expect": {"tagged": True}},
        }

    def config(self):
        repository = f"http://audit:{self.secret('git')}@127.0.0.1:{self.hole.port}/shop.git"
        same = {"expect": {"same-as": "staging"}}
        return {"daemon": {"exec": {"allow": ["/usr/bin"]}},
                "defaults": {"every": "1h", "confirm": 1, "timeout": "2s"},
                "product": {"name": "shop", "repository": {"url": repository}},
                "environments": {"staging": {"checks": self.checks("staging", {})},
                                 "production": {"checks": self.checks("production", same)}}}


@pytest.fixture
def planted(folder, web, things):
    return Planted(folder, web, things(support.Hole()))


@pytest.fixture
def watched(planted, daemon, syslog):
    d = daemon(planted.config(), inside=syslog,
               env={"CREDENTIALS_DIRECTORY": str(planted.secrets)})
    d.ready()
    return d


def read_routes():
    """Each GET of the API's document, with what it needs; a new one is asked without being told."""
    needs = {"/v1/drift": "?environments=staging,production&all=true"}
    document = yaml.safe_load((support.ROOT / "docs" / "api.yaml").read_text())
    return [path.replace("{environment}", "production") + needs.get(path, "")
            for path, methods in document["paths"].items() if "get" in methods]


class Events:
    """What both streams of events say from now on."""

    def __init__(self, d):
        self.api = subprocess.Popen(["curl", "-sSN", "--unix-socket", d.socket,
                                     "http://localhost/v1/events"], stdout=subprocess.PIPE)
        self.ctl = subprocess.Popen([support.RELAUDITCTL, "--socket", d.socket, "events"],
                                    stdout=subprocess.PIPE, env=support.clean_environment())
        self.said, self.threads = {}, []
        for name in ("api", "ctl"):
            pipe = getattr(self, name).stdout
            self.said[name] = bytearray()
            self.threads.append(threading.Thread(target=self.read, args=(name, pipe)))
            self.threads[-1].start()

    def read(self, name, pipe):
        while part := os.read(pipe.fileno(), 65536):
            self.said[name] += part

    def stop(self):
        for process in (self.api, self.ctl):
            process.kill()
            process.wait()
        for thread in self.threads:
            thread.join()
        self.api.stdout.close()
        self.ctl.stdout.close()


def descendants(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [p for child in text.split() for p in [int(child), *descendants(int(child))]]


def proc(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it ended
        return b""


def on_disk(folder):
    return [leak for path in folder.rglob("*") if path.is_file()
            for leak in leaks(str(path), path.read_bytes())]


def test_answers(watched, planted, things):
    d, bad = watched, []
    events = things(Events(d))
    planted.write("production", CANARIES["changed"])
    d.run("production/config-env", "production/config-json")
    # It is compared, so the values were really there.
    drift = d.api("/v1/drift?environments=staging,production")[1]
    rows = {(r["check"], r["key"]): r["values"] for r in drift["rows"]}
    for key in (("config-env", "DATABASE_PASSWORD"), ("config-env", "BACKEND"),
                ("config-json", "/db/password"), ("config-yaml", "/api/token")):
        cells = [rows[key][e] for e in ("staging", "production")]
        assert all(c["secret"] for c in cells) and cells[0]["digest"] != cells[1]["digest"]
    assert set(d.check("staging/version-exec")["facts"]["version"]) == {"*"}
    for path in read_routes():
        if path.startswith("/v1/events"):
            continue
        code, text, _ = d.api(path, raw=True)
        assert code == 200, (path, text)
        bad += leaks(path, text)
    # What cannot be read is no longer what it was, and says why.
    (planted.folder / "production.env").write_text(f"A_TOKEN='{CANARIES['changed']}\0'\n")
    d.run("production/config-env")
    for said in events.said.values():
        support.wait_for(lambda said=said: b"production/config-env" in said, what="an event")
    commands = [["status"], ["show", "production"], ["version"], ["drift", "staging", "production"],
                ["drift", "staging", "production", "--all"], ["history"],
                ["run", "production/config-env", "production/config-json"], ["reload"], *[["show", f"{e}/{c}"] for e in ("staging", "production")
                              for c in planted.checks(e, {})]]
    for command in commands:
        for how in FORMATS:
            done = d.ctl(*command, "-o", how)
            bad += leaks(f"relauditctl {command} -o {how}", done.out + done.err)
    d.stop()
    events.stop()
    bad += leaks("/v1/events", bytes(events.said["api"])) + leaks("events", bytes(events.said["ctl"]))
    bad += leaks("stderr", d.said()) + on_disk(d.state)
    assert not bad, "\n".join(bad)


def test_disk_and_syslog(watched, planted, syslog):
    """After a kill: what was not yet in its place in the databases is in their logs."""
    d = watched
    planted.write("production", CANARIES["changed"])
    d.run("production/config-env")
    syslog.wait("state check=production/config-env")
    d.kill9()
    bad = on_disk(d.state)
    d.start()
    d.run("production/config-env", "staging/config-env")
    d.stop()
    bad += on_disk(d.state) + leaks("stderr", d.said())
    bad += leaks("syslog", syslog.file.read_bytes())
    assert not bad, "\n".join(bad)


def test_processes(daemon, planted):
    """While git waits for a server: its password is in no command line, and only it has it."""
    d = daemon(planted.config(), env={"CREDENTIALS_DIRECTORY": str(planted.secrets)})
    assert select.select([planted.hole.socket], [], [], 30)[0], "git does not ask the server"
    ours = [d.pid, *descendants(d.pid)]
    names = {pid: proc(pid, "comm").decode().strip() for pid in ours}
    assert any(name.startswith("git") for name in names.values()), names
    bad = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        bad += leaks(f"cmdline of {path.name}", proc(path.name, "cmdline"))
    for pid in ours:
        bad += leaks(f"comm of {pid}", proc(pid, "comm"))
        if not names[pid].startswith(("git", "sh", "printenv")):
            bad += leaks(f"environ of {names[pid]}", proc(pid, "environ"))
    assert not bad, "\n".join(bad)


SECRET = {
    "DB_PW": "@", "LDAP_BINDPW": "@", "CARD_PIN": "@", "AUTH_SALT": "@", "WALLET_MNEMONIC": "@ wool",
    "COOKIE": "session=@", "DUMP": "mysqldump -h db -p@ shop", "ASK": "curl -su user:@ http://h/",
    "ASK_AS": "curl -s -u user:@ http://h/", "RUN": "run --password @", "RUN_AS": "run --password=@",
    "FERNET": "gAAAAABl" + 3 * "@", "AWS": "wJalrXUtnFEMI/K7MDEN@"}
PLAIN = {"COOKIE_DOMAIN": "@.example", "SALT_ROUNDS": "@", "PINNED": "@", "SHA": 2 * "@",
         "PORTS": "-u 1000:1000 -p 80:80 @", "BUILD": "gcc -pthread -pipe @"}


def test_drift_of_keys_and_options(daemon, folder):
    """What a person would call a secret is shown by no command, and what is harmless by all."""
    parts = {"one": "8c1f5e07b29d4a36e1b0", "two": "d40b97ce62f158a3c7e9"}
    for name, part in parts.items():
        (folder / f"{name}.env").write_text("".join(
            f"{key}={text.replace('@', part)}\n" for key, text in {**SECRET, **PLAIN}.items()))
    d = daemon({"environments": {name: {"checks": {"config": {
        "file": {"path": f"{folder}/{name}.env"}, "format": "dotenv"}}} for name in parts}})
    d.ready()
    done = d.ctl("drift", "one", "two", "--wide")
    said = {line.split()[1]: line for line in done.out.splitlines() if len(line.split()) > 2}
    for key in SECRET:
        assert not any(part in said[key] for part in parts.values()), said[key]
    for key in PLAIN:
        assert all(part in done.out for part in parts.values()) and parts["one"] in said[key], said


@pytest.mark.parametrize("check", [
    {"exec": ["/usr/bin/printf", "@secret@"]},
    {"exec": {"command": ["/usr/bin/printf", "x@secret@"]}},
    {"file": {"path": "/etc/@secret@"}},
    {"http": {"url": "http://audit:@secret@@127.0.0.1/"}},
])
def test_refused_without_being_shown(planted, folder, check):
    """In a command line, a path or a URL it would be seen by everybody."""
    config = planted.config()
    text = json.dumps(check).replace("@secret@", planted.secret("argv"))
    config["environments"]["staging"]["checks"]["version-argv"] = {**json.loads(text),
                                                                   "format": "text"}
    file = folder / "relauditd.yaml"
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)
    env = support.clean_environment(CREDENTIALS_DIRECTORY=str(planted.secrets))
    done = support.relauditd("-c", file, "--check-config", env=env)
    assert done.code == 2 and ("secret" in done.err or "`basic:`" in done.err), done
    assert not leaks("--check-config", done.out + done.err)


def test_what_is_in_effect(planted, folder):
    file = folder / "relauditd.yaml"
    file.write_text(yaml.safe_dump(planted.config()))
    file.chmod(0o600)
    env, bad = support.clean_environment(CREDENTIALS_DIRECTORY=str(planted.secrets)), []
    for name in planted.checks("production", {}):
        done = support.relauditd("-c", file, "--print", f"production/{name}", env=env)
        assert done.code == 0, done
        bad += leaks(f"--print {name}", done.out + done.err)
    done = support.run(support.RELAUDITCTL, "check-config", file, env=env)
    bad += leaks("check-config", done.out + done.err)
    assert not bad, "\n".join(bad)


class OtherGroup:
    """/proc's files of a process are of its group, but of root's if it may not be dumped."""

    @staticmethod
    def command(*argv):
        return ["setpriv", "--regid=65534", "--clear-groups", *map(str, argv)]


def test_no_dump(planted, daemon, web):
    """Neither the daemon nor its helper leaves a core, nor lets its user look at its memory."""
    check = {"http": {"url": web.url("x"), "bearer": planted.secret("file")}, "format": "text"}
    d = daemon({"environments": {"one": {"checks": {"version": check}}}}, inside=OtherGroup)
    # So that it is known to say something:
    other = subprocess.Popen(OtherGroup.command("cat"), stdin=subprocess.PIPE)
    support.wait_for(lambda: proc(other.pid, "comm") == b"cat\n")
    assert os.stat(f"/proc/{other.pid}/maps").st_gid == 65534
    other.communicate()
    for pid in [d.pid, *d.children()]:
        # A helper that is only being started has been told nothing as yet.
        support.wait_for(lambda pid=pid: os.stat(f"/proc/{pid}/maps").st_gid == 0)
        assert "Max core file size        0                    0" in proc(pid, "limits").decode()
    assert "LimitCORE=0" in (support.ROOT / "systemd" / "relauditd.service").read_text()
