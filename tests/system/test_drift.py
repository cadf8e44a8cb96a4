# SPDX-License-Identifier: Apache-2.0
"""Configuration: what is in it, what is not, and that its secrets stay where they are."""
import json

import pytest

import support

# Long enough that a piece of one in an excerpt is a leak too.
CANARY = "c4n4ry-7f21b90de3a64c58-do-not-show"
PIECES = {CANARY[i:i + 12] for i in range(len(CANARY) - 11)}


def config(checks, **more):
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
            "environments": {"one": {"checks": checks}}, **more}


FILES = {
    "env": (f"DATABASE_HOST=db1\nDATABASE_PASSWORD={CANARY}\nURL=https://u:{CANARY}@h/\n"
            "DEBUG=on\n", {"format": "dotenv"}, "", 4),
    "ini": (f"[db]\nhost = db1\npassword = {CANARY}\nDEBUG = on\n", {"format": "ini"}, "db.", 3),
    "properties": (f"db.host=db1\ndb.password={CANARY}\nDEBUG=on\n",
                   {"format": "properties"}, "", 3),
    "yaml": (f"db: {{host: db1, password: {CANARY}}}\nDEBUG: true\n", {"format": "yaml"}, "/", 3),
    "json": (json.dumps({"db": {"host": "db1", "tokens": [CANARY]}, "DEBUG": True}),
             {"format": "json"}, "/", 3),
}


@pytest.fixture
def files(folder):
    where = folder / "files"
    where.mkdir()
    for name, (text, *_) in FILES.items():
        (where / name).write_text(text)
    return where


def test_every_format(daemon, files):
    checks = {}
    for name, (_, options, prefix, _) in FILES.items():
        source = {"file": {"path": str(files / name)}, **options}
        checks[f"config-{name}"] = source
        checks[f"config-{name}-bad"] = {**source, "expect": {"forbidden": [f"{prefix}DEBUG"],
                                                             "required": ["A"]}}
    d = daemon(config(checks))
    d.ready()
    for name, (_, _, prefix, count) in FILES.items():
        good, bad = d.check(f"one/config-{name}"), d.check(f"one/config-{name}-bad")
        assert (good["state"], good["summary"]) == ("OK", f"{count} keys"), good
        assert good["facts"]["keys"] == count and good["facts"]["drifted"] == 0
        assert good["facts"]["digest"].startswith("sha256:")
        assert (bad["state"], bad["reason"]) == ("CRITICAL", "drift"), bad
        top = "/" if prefix == "/" else ""
        assert bad["summary"] == (f"1 required key is missing: {top}A; "
                                  f"1 forbidden key is there: {prefix}DEBUG")
        assert bad["facts"]["drifted"] == 2
        assert bad["evidence"].startswith(str(files / name) + ":")


def test_hosts_must_agree(daemon, web):
    web.put("a", {"x": 1, "host": "a"})
    web.put("b", {"x": 1, "host": "b"})
    web.put("c", {"x": 2, "host": "c"})

    def check(*hosts, **more):
        return {"for": {"host": list(hosts)}, "http": {"url": web.url("${host}")},
                "format": "json", **more}

    d = daemon(config({"config-same": check("a", "b", ignore=["/host"]),
                       "config-host": check("a", "b"),
                       "config-other": check("a", "b", "c", ignore=["/host"])}))
    d.ready()
    assert d.check("one/config-same")["state"] == "OK"
    assert d.check("one/config-host")["reason"] == "instances-differ"
    other = d.check("one/config-other")
    assert (other["state"], other["reason"]) == ("CRITICAL", "instances-differ")
    assert other["summary"] == "instances differ in 1 key (/x): a, b against c"


def test_not_read_is_unknown(daemon, files):
    (files / "broken").write_text(f"A=1\n{CANARY}\n")
    d = daemon(config({
        "config-gone": {"file": {"path": str(files / "gone")}, "format": "dotenv"},
        "config-broken": {"file": {"path": str(files / "broken")}, "format": "json"}}))
    d.ready()
    assert d.check("one/config-gone")["state"] == "UNKNOWN"
    assert d.check("one/config-gone")["reason"] == "file-missing"
    assert d.check("one/config-broken")["reason"] == "not-json"


def leaks(what, text):
    return [f"{what}: {p}" for p in PIECES if p in text][:1]


def test_a_secret_is_found_nowhere(daemon, files, syslog):
    """Not in an answer, not in a log, not on disk, whether it is read well or not."""
    (files / "broken").write_text(f"A=1\nMY_PASSWORD: {CANARY}\n'{CANARY}\n")
    checks, bad = {}, []
    for name, (_, options, _, _) in FILES.items():
        checks[f"config-{name}"] = {"file": {"path": str(files / name)}, **options,
                                    "expect": {"forbidden": ["*password*", "*PASSWORD*", "*token*"]}}
        for other in FILES:
            checks[f"config-{name}-as-{other}"] = {"file": {"path": str(files / name)},
                                                   **FILES[other][1]}
        checks[f"config-broken-as-{name}"] = {"file": {"path": str(files / "broken")}, **options}
    d = daemon(config(checks), inside=syslog)
    d.ready()
    for path in ("/v1/status", "/v1/status?format=csv", "/v1/environments/one", "/v1/history",
                 "/metrics"):
        bad += leaks(path, d.api(path, raw=True)[1])
    for args in (["status"], ["status", "-o", "json"], ["show", "one"], ["show", "one/config-env"],
                 ["history"], ["run", "one"]):
        done = d.ctl(*args)
        bad += leaks(f"relauditctl {args}", done.out + done.err)
    assert d.check("one/config-env")["summary"].startswith("1 forbidden key is there: DATABASE_P")
    for pid in [d.pid, *d.children()]:
        with open(f"/proc/{pid}/cmdline") as f:
            bad += leaks("a command line", f.read())
    d.stop()
    bad += leaks("stderr", d.said())
    bad += leaks("syslog", syslog.file.read_text(errors="replace"))
    for path in d.state.rglob("*"):
        if path.is_file():
            bad += leaks(str(path), path.read_bytes().decode("latin-1"))
    assert not bad, "\n".join(bad)


def test_a_digest_outlives_a_restart(daemon, files):
    """Else every secret would seem changed after each start."""
    d = daemon(config({"config-env": {"file": {"path": str(files / "env")}, "format": "dotenv"}}))
    d.ready()
    before = d.check("one/config-env")["facts"]["digest"]
    d.restart()
    assert d.ctl("run", "one/config-env").code == 0
    assert d.check("one/config-env")["facts"]["digest"] == before
    text = (files / "env").read_text()
    (files / "env").write_text(text.replace(CANARY + "\n", CANARY + "x\n"))
    assert d.ctl("run", "one/config-env").code == 0
    assert d.check("one/config-env")["facts"]["digest"] != before


def pair(folder, staging, production, **more):
    """Two environments, production held against staging."""
    for name, text in (("staging", staging), ("production", production)):
        (folder / f"{name}.env").write_text(text)
    expect = {"same-as": "staging", **more.pop("expect", {})}

    def check(name):
        return {"file": {"path": str(folder / f"{name}.env")}, "format": "dotenv"}

    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1}, "environments": {
        "staging": {"aliases": ["stage"], "vars": {"domain": "st.example"},
                    "checks": {"config-api": check("staging")}},
        "production": {"vars": {"domain": "shop.example"},
                       "checks": {"config-api": {**check("production"), "expect": expect,
                                                 **more}}}}}


def settled(d, name, **wanted):
    """A check may be judged before what it is held against is read, and is judged again."""
    def look():
        seen = d.check(name)
        return seen if all(seen[k] == v for k, v in wanted.items()) else None
    try:
        return support.wait_for(look, timeout=30)
    except AssertionError:
        raise AssertionError((wanted, d.check(name))) from None


STAGING = "HOST=db.st.example\nMODE=on\nPORT=5432\nDATABASE_PASSWORD=one-secret\nNAME=staging\n"
PRODUCTION = ("HOST=db.shop.example\nMODE=off\nPORT=5432\nDATABASE_PASSWORD=two-secret\n"
              "NAME=production\nEXTRA=1\n")


@pytest.mark.parametrize("more, state, reason, summary", [
    ({}, "CRITICAL", "drift",
     "5 keys differ from staging: DATABASE_PASSWORD, EXTRA, HOST, MODE, NAME"),
    ({"normalize": ["environment", "domain"]}, "CRITICAL", "drift",
     "3 keys differ from staging: DATABASE_PASSWORD, EXTRA, MODE"),
    ({"normalize": ["environment", "domain"], "ignore": ["EXTRA", "GONE"],
      "expect": {"differ": ["DATABASE_PASSWORD"], "may-differ": ["MODE"]}}, "OK", "ok",
     "6 keys, as in staging, 1 ignored; `ignore` meets no key in GONE"),
    ({"normalize": ["environment", "domain"], "ignore": ["EXTRA"],
      "expect": {"differ": ["DATABASE_PASSWORD", "PORT"], "may-differ": ["MODE"]}},
     "CRITICAL", "drift", "1 key must differ from staging and is equal: PORT"),
    ({"ignore": ["*"], "expect": {"same-as": "stage"}}, "UNKNOWN", "unverifiable", None),
    ({"severity": "warning"}, "WARNING", "drift", None),
])
def test_same_as(daemon, folder, more, state, reason, summary):
    d = daemon(pair(folder, STAGING, PRODUCTION, **more))
    c = settled(d, "production/config-api", state=state, reason=reason)
    assert summary in (None, c["summary"])
    if reason == "drift" and not more:
        assert c["facts"]["drifted"] == 5 and c["expected"] == "same-as staging"
        assert c["evidence"] == f"{folder}/production.env:4"
        assert "secret" not in json.dumps(d.status())
    if state == "OK":
        assert c["facts"]["drifted"] == 0
    assert d.check("staging/config-api")["state"] == "OK"


def test_a_peer_is_followed(daemon, folder):
    """What changes at one end is judged at the other, without waiting for its interval."""
    d = daemon(pair(folder, "A=1\n", "A=1\n"))
    settled(d, "production/config-api", state="OK")
    (folder / "staging.env").write_text("A=2\n")
    d.run("staging/config-api")
    settled(d, "production/config-api", state="CRITICAL", reason="drift",
            summary="1 key differs from staging: A")
    (folder / "staging.env").unlink()
    d.run("staging/config-api")
    c = settled(d, "production/config-api", state="UNKNOWN", reason="peer-unread")
    assert c["summary"].startswith("not compared with staging: ") and "drifted" not in c["facts"]
    (folder / "staging.env").write_text("A=1\n")
    d.run("staging/config-api")
    settled(d, "production/config-api", state="OK", summary="1 key, as in staging")
    d.restart()
    d.run("production/config-api")
    settled(d, "production/config-api", state="OK", summary="1 key, as in staging")


def test_two_that_watch_each_other_come_to_rest(daemon, folder):
    c = pair(folder, "A=1\n", "A=2\n")
    c["environments"]["staging"]["checks"]["config-api"]["expect"] = {"same-as": "production"}
    d = daemon(c)
    settled(d, "production/config-api", reason="drift")
    settled(d, "staging/config-api", reason="drift")

    def started():
        return sum(float(line.split()[-1]) for line in d.metrics().splitlines()
                   if line.startswith("relaudit_probes_total"))

    before = started()
    d.run("staging/config-api")
    d.run("staging/config-api")
    assert started() - before == 2


@pytest.mark.parametrize("same_as, error", [
    ("stagign", "there is no environment 'stagign'; did you mean 'staging'?"),
    ("staging/config-app", "environment staging has no check 'config-app'; did you mean "
                           "'config-api'?"),
    ("production", "production/config-api cannot be held against itself"),
    ("staging/logs-api", "staging/logs-api is of kind logs; only what is of one kind is compared"),
])
def test_a_wrong_name_is_said(folder, same_as, error):
    c = pair(folder, "A=1\n", "A=1\n", expect={"same-as": same_as})
    c["environments"]["staging"]["checks"]["logs-api"] = {"file": {"path": "/x"}}
    file = folder / "x.yaml"
    file.write_text(json.dumps(c, indent=1))
    done = support.relauditd("-c", file, "--check-config")
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "same-as" in text)
    assert done.code == 2 and f"{file}:{line}:" in done.err and error in done.err, done


def test_a_template_may_name_one_that_uses_it(daemon, folder):
    c = pair(folder, "A=1\n", "A=2\n")
    c["templates"] = {"t": {"checks": {"config-api": {
        "file": {"path": str(folder / "${environment}.env")}, "format": "dotenv",
        "expect": {"same-as": "stage"}}}}}
    for env in c["environments"].values():
        env["use"] = ["t"]
        env["checks"] = {}
    d = daemon(c)
    settled(d, "production/config-api", reason="drift")
    assert d.check("staging/config-api")["state"] == "OK"


def test_a_restart_does_not_turn_a_comparison_unknown(daemon, folder, syslog):
    """Whichever of the two comes first: neither is UNKNOWN for want of the other."""
    checks = {}
    for env in ("staging", "production"):
        (folder / f"{env}.env").write_text("A=1\nB=2\n")
        checks[env] = {"checks": {"config": {"file": {"path": f"{folder}/{env}.env"},
                                             "format": "dotenv"}}}
    checks["production"]["checks"]["config"]["expect"] = {"same-as": "staging"}
    d = daemon({"defaults": {"every": "5s", "confirm": 1}, "environments": checks}, inside=syslog)
    for _ in range(4):
        d.ready(ask=False)
        assert d.check("production/config")["state"] == "OK"
        d.stop()
        d.start()
    assert not syslog.lines("state check=")


def test_production_that_points_at_staging(daemon, folder):
    """One text on both sides is no equal, where it is staging's own: it differs, and why is told."""
    d = daemon(pair(folder, "URL=db.st.example\nENV=staging\nA=1\n",
                    "URL=db.st.example\nENV=staging\nA=1\n", normalize=["environment", "domain"]))
    c = settled(d, "production/config-api", state="CRITICAL", reason="drift")
    assert c["summary"] == ("2 keys differ from staging: ENV, URL; the same text, but one "
                            "environment's own by `normalize`: ENV, URL")
    code, answer = drift(d, "staging", "production")
    assert code == 2 and [r["key"] for r in answer["rows"]] == ["ENV", "URL"]
    note = "config-api: the same text, but staging's own by `normalize`: ENV, URL"
    assert answer["notes"] == [note]
    assert f"note: {note}" in d.ctl("drift", "staging", "production", "--wide").out


# --- relauditctl drift ---

def drift(d, *args):
    done = d.ctl("drift", *args, "-o", "json")
    return done.code, json.loads(done.out) if done.out else done.err


def test_drift_side_by_side(daemon, folder):
    c = pair(folder, STAGING, PRODUCTION, normalize=["environment", "domain"],
             ignore=["EXTRA", "GONE"])
    d = daemon(c)
    settled(d, "production/config-api", state="CRITICAL")
    code, answer = drift(d, "stage", "production")
    assert code == 2 and answer["environments"] == ["staging", "production"]
    assert answer["drift"] is True and answer["unread"] == []
    assert set(answer["checked"]) == {"staging", "production"}
    secret, mode = answer["rows"]
    assert (mode["check"], mode["key"], mode["verdict"], mode["cause"]) == (
        "config-api", "MODE", "differs", "drift")
    assert mode["values"] == {"staging": {"value": "on"}, "production": {"value": "off"}}
    assert secret["key"] == "DATABASE_PASSWORD"
    digests = [secret["values"][e]["digest"] for e in ("staging", "production")]
    assert all(x.startswith("k1:") for x in digests) and digests[0] != digests[1]
    assert (answer["same"], answer["ignored"]) == (3, 1)
    assert answer["unused_rules"] == ["ignore GONE"]
    done = d.ctl("drift", "staging", "production")
    assert done.code == 2 and "MODE" in done.out and "secret" not in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert done.out.splitlines()[-1] == "drift, 3 keys are as they ought to be, 1 is ignored"
    code, everything = drift(d, "staging", "production", "--all")
    assert {r["key"]: r["verdict"] for r in everything["rows"]}["EXTRA"] == "ignored"
    assert len(everything["rows"]) == 6


def test_drift_exit_codes(daemon, folder):
    c = pair(folder, "A=1\n", "A=1\n")
    c["environments"]["third"] = {"checks": {"config-api": {
        "file": {"path": str(folder / "third.env")}, "format": "dotenv"}}}
    c["environments"]["bare"] = {}
    d = daemon(c)
    settled(d, "production/config-api", state="OK")
    assert drift(d, "staging", "production")[0] == 0
    code, answer = drift(d, "staging", "production", "third")
    assert (code, answer["drift"], answer["unread"]) == (3, False, ["third/config-api"])
    assert drift(d, "staging", "bare")[0] == 3
    (folder / "production.env").write_text("A=2\n")
    d.run("production/config-api")
    assert drift(d, "staging", "production", "third")[0] == 2
    assert d.ctl("drift", "staging", "nowhere").code == 64
    assert d.ctl("drift", "staging", "stage").code != 0
    assert d.ctl("drift", "staging").code == 3


def test_what_was_not_compared_is_not_fine(daemon, folder):
    (folder / "a.env").write_text("A=1\n")
    check = {"file": {"path": f"{folder}/a.env"}, "format": "dotenv"}
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {
        "one": {"checks": {"config-a": check, "config-b": check}},
        "two": {"checks": {"config-a": check}}, "none": {"checks": {}}}})
    d.ready()
    done = d.ctl("drift", "one", "two")
    assert done.code == 0 and "note: config-b: no such check in two" in done.out, done
    assert d.ctl("drift", "one", "two", "--check", "config-a").code == 0
    done = d.ctl("drift", "two", "none")
    assert done.code == 3 and "no drift" not in done.out, done


def test_what_is_no_text_is_told_from_texts(daemon, folder):
    """Also of a secret, and in the table; and how old it is stands below."""
    for name, value in (("a", None), ("b", "(null)"), ("c", "")):
        (folder / f"{name}.json").write_text(json.dumps({"x": value, "apikey": value}))
    checks = {"config": {"file": {"path": str(folder) + "/${environment}.json"},
                         "format": "json"}}
    d = daemon({"defaults": {"every": "1h", "confirm": 1},
                "environments": {name: {"checks": checks} for name in "abc"}})
    d.ready()
    table = d.ctl("drift", "a", "b").out
    assert '(null)       "(null)"' in table and "read, the oldest " in table
    rows = {r["key"]: r for r in json.loads(d.ctl("drift", "a", "c", "-o", "json").out)["rows"]}
    digests = {v["digest"] for v in rows["/apikey"]["values"].values()}
    assert rows["/apikey"]["verdict"] == "differs" and len(digests) == 2
