# SPDX-License-Identifier: Apache-2.0
"""Verdicts of configurations that were OK once without having been earned, and what was shown."""
import json

import pytest
import yaml

from repository import Repository
from support import make_backup, relauditd

TOKEN = "t0ken-7f21b90de3a64c58"


@pytest.fixture
def put(folder):
    (folder / "files").mkdir()

    def write(name, text):
        (folder / "files" / name).write_text(text)
        return {"path": str(folder / "files" / name)}
    return write


def config(**environments):
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
            "environments": {name: {"checks": checks} for name, checks in environments.items()}}


def dotenv(file, **more):
    return {"file": file, "format": "dotenv", **more}


def judged(d, name):
    c = d.check(name)
    return c["state"], c["reason"], c["summary"]


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_a_peer_whose_instances_differ(daemon, put, order, folder):
    put("a", "A=1\nB=1\n")
    put("b", "A=1\nB=2\n")
    d = daemon(config(
        x={"config": dotenv({"path": f"{folder}/files/${{h}}"}, **{"for": {"h": order}})},
        y={"config": dotenv(put("c", "A=1\nB=1\n"), expect={"same-as": "x"})}))
    d.ready()
    assert judged(d, "y/config") == ("UNKNOWN", "peer-unread",
                                     "not compared with x: its instances differ")


def test_a_secret_that_is_echoed(daemon, put, folder):
    """What flowed in as a secret is one wherever it comes back, as a value or in one."""
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "token").chmod(0o600)
    echo = put("echo", f"T={TOKEN}\nU=x{TOKEN}y\n")["path"]
    checks = {"config": {"exec": {"command": ["/bin/cat", echo],
                                  "environment": {"TOKEN": f"${{file:{folder}/token}}"}},
                         "format": "dotenv"}}
    d = daemon({**config(x=checks, y={"config": dotenv(put("o", "T=1\nU=2\n"))}),
                "daemon": {"exec": {"allow": ["/bin", "/usr/bin"]}}})
    d.ready()
    shown = json.dumps(d.api("/v1/drift?environments=x,y")[1]) + d.ctl("drift", "x", "y").out
    rows = {r["key"]: r for r in d.api("/v1/drift?environments=x,y")[1]["rows"]}
    assert rows["T"]["values"]["x"]["secret"] and rows["U"]["values"]["x"]["secret"], rows
    assert TOKEN not in shown
    d.stop()
    for file in d.state.iterdir():
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes(), file


def test_a_program_that_fails_shows_nothing_of_what_it_read(daemon, put):
    script = put("s", "echo DB_PASSWORD=hunter2\n"
                      "echo password=hunter2 https://u:hunter2@h is wrong >&2\nexit 1\n")["path"]
    d = daemon({**config(x={"config": {"exec": ["/bin/sh", script], "format": "dotenv"}}),
                "daemon": {"exec": {"allow": ["/bin", "/usr/bin"]}}})
    d.ready()
    assert judged(d, "x/config") == ("UNKNOWN", "exec-exit",
                                     "exit code 1: password=*** *** is wrong")


def test_a_key_without_quotes(daemon, put):
    pem = "-----BEGIN PRIVATE KEY-----\nQgLEAKaaaa\nQgLEAKcccc=\n-----END PRIVATE KEY-----\n"
    d = daemon(config(x={"config-bad": dotenv(put("a", f"A=1\nPEM={pem}")),
                         "config-good": dotenv(put("b", f'A=1\nPEM="{pem}"\n'))}))
    d.ready()
    assert judged(d, "x/config-bad")[:2] == ("UNKNOWN", "not-dotenv")
    assert "line 2: a key or certificate begins here" in judged(d, "x/config-bad")[2]
    assert judged(d, "x/config-good") == ("OK", "ok", "2 keys")
    assert "LEAK" not in json.dumps(d.status())


def test_names_of_json_need_no_slash(daemon, put):
    file = put("a.json", json.dumps({"DEBUG": True, "db": {"salt": "s4lt-value"}}))
    d = daemon(config(x={"config": {"file": file, "format": "json", "secret": ["salt"],
                                    "expect": {"forbidden": ["DEBUG"], "required": ["db/salt"]}}},
                      y={"config": {"file": put("b.json", "{}"), "format": "json"}}))
    d.ready()
    assert judged(d, "x/config")[:2] == ("CRITICAL", "key-forbidden")
    assert "s4lt-value" not in json.dumps(d.api("/v1/drift?environments=x,y&all=true")[1])


def test_variables_of_a_list(daemon, put):
    file = put("a.yaml", yaml.safe_dump({"env": [{"name": "DB_PASSWORD", "value": "hunter2"},
                                                 {"name": "HOST", "value": "db1"}]}))
    d = daemon(config(x={"config": {"file": file, "format": "yaml"}},
                      y={"config": {"file": put("b.yaml", "env: []\n"), "format": "yaml"}}))
    d.ready()
    rows = {r["key"]: r["values"]["x"] for r in d.api("/v1/drift?environments=x,y")[1]["rows"]
            if r["values"]["x"]}
    assert rows["/env/0/value"]["secret"] and rows["/env/1/value"] == {"value": "db1"}, rows


def test_what_is_to_differ_has_to_be_there(daemon, put):
    d = daemon(config(x={"config": dotenv(put("a", "A=1\n"))},
                      y={"config": dotenv(put("b", "A=1\n"), expect={"same-as": "x",
                                                                     "differ": ["DATABSE_HOST"]})}))
    d.ready()
    assert judged(d, "y/config")[:2] == ("CRITICAL", "key-missing")


def test_a_placeholder_that_nobody_filled_in(daemon, put):
    made = config(x={"config": dotenv(put("a", "V=${domain}\n"))},
                  y={"config": dotenv(put("b", "V=y.example\n"), normalize=["domain"],
                                      expect={"same-as": "x"})})
    for name, e in made["environments"].items():
        e["vars"] = {"domain": f"{name}.example"}
    d = daemon(made)
    d.ready()
    assert judged(d, "y/config")[:2] == ("CRITICAL", "drift")


@pytest.mark.parametrize("form", ["dotenv", "ini", "properties"])
def test_empty(daemon, put, form):
    d = daemon(config(x={"config": {"file": put("a", ""), "format": form,
                                    "expect": {"forbidden": ["DEBUG"]}}}))
    d.ready()
    assert judged(d, "x/config")[:2] == ("UNKNOWN", "empty")


def test_one_of_several_files(folder):
    (folder / "c.yaml").write_text(yaml.safe_dump(config(
        x={"config": {"file": {"glob": "/etc/shop/conf.d/*.env"}, "format": "dotenv"}})))
    done = relauditd("--check-config", "-c", folder / "c.yaml")
    assert done.code == 2 and "`glob:` would read the newest of several files" in done.err, done.err


def committed(web, shop, file, **more):
    web.put("version", {"version": "1.0.0"})
    return {"product": {"name": "shop", "repository": {"url": str(shop.path)}},
            **config(x={"version": {"http": {"url": web.url("version")}, "version": "/version"},
                        "config": dotenv(file, **more, expect={
                            "baseline": {"git": {"path": "a.env"}}, **more.get("expect", {})})})}


def test_nothing_verified(daemon, web, put, folder):
    shop = Repository(folder / "shop.git")
    shop.write("a.env", "A=ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,type:str]\nsops_version=3.7\n")
    shop.commit("v1.0.0")
    d = daemon(committed(web, shop, put("a", "A=1\n")))
    d.ready()
    assert judged(d, "x/config")[:2] == ("UNKNOWN", "unverifiable")
    answer = d.api("/v1/drift?environments=x")[1]
    assert (answer["rows"], answer["unverifiable"], answer["unused_rules"]) == ([], 1, []), answer


def test_settle_does_not_hide_what_is_forbidden(daemon, web, put, folder):
    shop = Repository(folder / "shop.git")
    shop.write("a.env", "A=1\nDEBUG=on\n")
    shop.commit("v1.0.0")
    shop.write("a.env", "A=2\nDEBUG=on\n")
    shop.commit("v1.1.0")
    made = committed(web, shop, put("a", "A=1\nDEBUG=on\n"), settle="15m")
    made["environments"]["x"]["checks"]["config"]["expect"]["forbidden"] = ["DEBUG"]
    d = daemon(made)
    d.ready()
    web.put("version", {"version": "1.1.0"})
    d.run("x/version")
    d.run("x/config")
    assert judged(d, "x/config")[:2] == ("CRITICAL", "drift")


@pytest.mark.parametrize("form, text, line", [
    ("ini", "[a]\nx=1\n  debug=1\n", 3), ("dotenv", "A=1\nexport DEBUG=1\n", 2),
    ("dotenv", "\ufeffDEBUG=1\nA=1\n", 1)])
def test_a_forbidden_key_that_is_not_read_as_one(daemon, put, form, text, line):
    """Nobody knows what whoever reads the file makes of it; looked at again as the first time."""
    file = put("a", text)
    d = daemon(config(x={
        "config": {"file": file, "format": form,
                   "expect": {"forbidden": ["*debug*" if form == "ini" else "DEBUG"]}},
        "config-other": {"file": file, "format": form, "expect": {"forbidden": ["TRACE"]}}}))
    d.ready()
    for _ in range(2):
        state, reason, summary = judged(d, "x/config")
        assert (state, reason) == ("UNKNOWN", "key-unread")
        assert f"line {line} is not read as a key" in summary
        assert ("byte order mark" in summary) == text.startswith("\ufeff")
        assert judged(d, "x/config-other")[0] == "OK"
        d.run("x/config")
    d.stop()
    d.start()
    d.ready()
    assert judged(d, "x/config")[:2] == ("UNKNOWN", "key-unread")


def test_a_backup_with_lines_in_its_name(daemon, folder):
    """What a file is called cannot pass for a line of ours."""
    make_backup(folder / "b" / "zz\x1b[31m\nstate check=one")
    d = daemon(config(x={"backup": {"file": {"glob": f"{folder}/b/*"}}}))
    d.ready()
    shown = d.ctl("show", "x/backup").out
    (line,) = [each for each in shown.splitlines() if "evidence" in each]
    assert line.endswith("/b/zz\\x1b[31m\\x0astate check=one") and "\x1b[31m" not in shown, shown
