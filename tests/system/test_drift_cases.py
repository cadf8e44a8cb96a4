# SPDX-License-Identifier: Apache-2.0
"""relauditctl drift: every verdict, cause, form and exit code of its contract."""
import contextlib
import json
import re
import sqlite3
import subprocess
import time

import pytest

import support
from repository import Repository


def checks(folder, **files):
    """{environment: text} as files, and a configuration of one check each."""
    environments = {}
    for name, text in files.items():
        (folder / f"{name}.env").write_text(text)
        environments[name] = {"checks": {"config-api": {
            "file": {"path": str(folder / f"{name}.env")}, "format": "dotenv"}}}
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1}, "environments": environments}


def drift(d, *args):
    done = d.ctl("drift", *args, "-o", "json")
    return done.code, json.loads(done.out) if done.out else done.err


def rows(answer):
    return {r["key"]: r["verdict"] for r in answer["rows"]}


@pytest.mark.parametrize("staging, production, rules, wanted, code", [
    ("A=1\n", "A=1\n", {}, {}, 0),
    ("A=1\nB=1\n", "A=1\n", {}, {"B": "missing"}, 2),
    ("A=1\n", "A=2\n", {}, {"A": "differs"}, 2),
    ("A=1\nX_TOKEN=a1b2c3\n", "A=1\nX_TOKEN=a1b2c4\n", {}, {"X_TOKEN": "differs"}, 2),
    ("A=1\n", "A=1\n", {"expect": {"differ": ["A"]}}, {"A": "must-differ"}, 2),
    ("A=1\n", "A=2\n", {"expect": {"differ": ["A"]}}, {}, 0),
    ("A=1\n", "A=2\n", {"expect": {"may-differ": ["A"]}}, {}, 0),
    ("A=1\n", "A=1\n", {"expect": {"required": ["B"]}}, {"B": "required"}, 2),
    ("A=1\nB=1\n", "A=1\n", {"expect": {"required": ["B"]}}, {"B": "required"}, 2),
    ("A=1\nDEBUG=1\n", "A=1\nDEBUG=1\n", {"expect": {"forbidden": ["DEB*"]}},
     {"DEBUG": "forbidden"}, 2),
    ("A=1\nB=1\n", "A=2\nB=1\n", {"ignore": ["A"]}, {}, 0),
])
def test_verdicts(daemon, folder, staging, production, rules, wanted, code):
    c = checks(folder, staging=staging, production=production)
    c["environments"]["production"]["checks"]["config-api"].update(rules)
    d = daemon(c)
    d.ready()
    got, answer = drift(d, "staging", "production")
    assert (got, rows(answer)) == (code, wanted)
    assert answer["drift"] is (code == 2) and answer["compared"] == 1
    assert all(r["cause"] == "drift" and list(r["values"]) == ["staging", "production"]
               for r in answer["rows"])


def test_what_is_configured(daemon, folder):
    """Every same-as once, whichever side names it, with the sides of that comparison."""
    c = checks(folder, dev="A=1\n", staging="A=1\n", production="A=2\n", alone="A=9\n")
    envs = c["environments"]
    envs["production"]["checks"]["config-api"]["expect"] = {"same-as": "staging"}
    envs["staging"]["checks"]["config-api"]["expect"] = {"same-as": "production"}
    envs["dev"]["checks"]["config-api"]["expect"] = {"same-as": "staging"}
    envs["dev"]["checks"]["config-web"] = {
        "file": {"path": f"{folder}/alone.env"}, "format": "dotenv",
        "expect": {"same-as": "dev/config-api"}}
    d = daemon(c)
    d.ready()
    code, answer = drift(d)
    assert code == 2 and answer["compared"] == 3
    assert answer["environments"] == ["dev", "production", "staging"]
    assert [(r["check"], {k: v["value"] for k, v in r["values"].items()}) for r in answer["rows"]] \
        == [("config-web", {"dev/config-api": "1", "dev/config-web": "9"}),
            ("config-api", {"staging": "1", "production": "2"})]
    done = d.ctl("drift")
    assert done.code == 2 and "dev/config-api" in done.out and "production" in done.out
    code, answer = drift(d, "--check", "config-web")
    assert code == 2 and answer["compared"] == 1
    done = d.ctl("drift", "--check", "config-apo")
    assert done.code == 64 and "did you mean 'config-api'" in done.err


def test_rules_under_warn(daemon, folder):
    """What the check warns of is compared by those rules, which are not suggested again."""
    c = checks(folder, staging="A=1\nB=1\nC=1\nD=1\n", production="A=2\nB=2\nC=1\nD=1\n")
    check = c["environments"]["production"]["checks"]["config-api"]
    check["warn"] = {"same-as": "staging", "may-differ": ["A"]}
    check["expect"] = {"may-differ": ["A"], "forbidden": ["Z"]}
    d = daemon(c)
    d.ready()
    assert d.check("production/config-api")["state"] == "WARNING"
    for form in (["staging", "production"], []):
        code, answer = drift(d, *form, "--suggest")
        assert (code, answer["compared"], rows(answer)) == (2, 1, {"B": "differs"}), form
        assert "A" not in answer["suggest"][0]["yaml"]
    check["warn"] |= {"required": ["Y"], "forbidden": ["C"], "origin": {"D": "/nowhere/*"}}
    d.write(c)
    assert d.ctl("reload").code == 0
    d.run("production/config-api", "staging")
    for form in (["staging", "production"], []):
        assert rows(drift(d, *form)[1]) == {"B": "differs", "C": "forbidden", "D": "origin",
                                            "Y": "required"}


def test_nothing_to_compare_is_not_fine(daemon, folder):
    c = checks(folder, staging="A=1\n", production="A=1\n")
    c["environments"]["bare"] = {}
    d = daemon(c)
    d.ready()
    done = d.ctl("drift")
    assert done.code == 3 and "no check has a `same-as` or a `baseline`" in done.out
    done = d.ctl("drift", "production")
    assert done.code == 3 and "no check of this environment has a `baseline`" in done.out
    done = d.ctl("drift", "production", "-o", "json")
    assert done.code == 3 and "baseline" in done.err and json.loads(done.out)["rows"] == []
    done = d.ctl("drift", "staging", "bare")
    assert done.code == 3 and "note: config-api: no such check in bare" in done.out
    assert done.out.splitlines()[-1] == ("nothing was compared: they have no check of a "
                                         "configuration in common")
    done = d.ctl("drift", "staging", "production", "--only", "NOTHING*")
    assert done.code == 3 and "--only matches no key" in done.out
    for output in ("table", "markdown", "json", "diff"):
        done = d.ctl("drift", "staging", "production", "--ignore", "*", "-o", output)
        assert done.code == 3 and "as they ought" not in done.out
        assert "nothing was compared: 1 key is ignored" in done.out + done.err
    assert drift(d, "staging", "production", "--ignore", "*", "--all")[0] == 3
    (folder / "production.env").write_text("")
    (folder / "staging.env").write_text("")
    d.run("staging/config-api", "production")
    done = d.ctl("drift", "staging", "production")
    assert (done.code, done.out) == (3, "".join(
        f"not read: {name}/config-api: there is not a single key in it\n"
        for name in ("staging", "production")) + "nothing was compared\n")


def test_an_empty_one_beside_others_is_not_fine(daemon, folder):
    """What writes them is broken on both sides: the rest being the same does not make up for it."""
    c = checks(folder, staging="A=1\n", production="A=1\n")
    for name in ("staging", "production"):
        (folder / f"{name}-web.env").write_text("# nothing\n")
        c["environments"][name]["checks"]["config-web"] = {
            "file": {"path": str(folder / f"{name}-web.env")}, "format": "dotenv"}
    d = daemon(c)
    d.ready()
    code, answer = drift(d, "staging", "production")
    assert (code, answer["compared"]) == (3, 1), answer
    assert answer["unread"] == ["staging/config-web", "production/config-web"]
    (folder / "production-web.env").write_text("B=1\n")
    d.run("production/config-web")
    code, answer = drift(d, "staging", "production")
    assert code == 2 and [r["verdict"] for r in answer["rows"]] == ["missing"]


@pytest.mark.parametrize("output", ["table", "markdown", "diff"])
def test_values_that_look_alike_are_told_apart(daemon, folder, output):
    values = {"empty": ("", '""'), "blank": ("x", "x "), "null": (None, "(null)"),
              "quoted": ('"a"', "a"), "lead": (" y", "y"), "list": ([], "(list)")}
    for i, name in enumerate(("one", "two")):
        (folder / f"{name}.json").write_text(json.dumps({k: v[i] for k, v in values.items()}))
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {n: {"checks": {"config": {
        "file": {"path": str(folder / f"{n}.json")}, "format": "json"}}} for n in ("one", "two")}})
    d.ready()
    done = d.ctl("drift", "one", "two", "-o", output, "--wide" if output == "table" else "--all")
    assert done.code == 2
    for key in values:
        rows = [line for line in done.out.splitlines() if f"/{key}" in line]
        if output == "diff":
            was, now = (next(r[1:] for r in rows if r[0] == mark) for mark in "-+")
            assert was != now, rows
        else:
            row, = rows
            cells = [c for c in re.split(r" \| |\|" if output == "markdown" else r"  +", row.strip())
                     if c.strip()]
            assert cells[-1].strip(" |") != cells[-2].strip(" |"), row


def test_since_a_time_to_come(daemon, folder):
    d = daemon(checks(folder, staging="A=1\n", production="A=2\n"))
    d.ready()
    for command in (("drift", "staging", "production"), ("history",)):
        done = d.ctl(*command, "--since", "2130-01-01")
        assert done.code != 0 and "is in the future" in done.err, done
    assert d.ctl("drift", "staging", "production", "--since", "2130-01-01").code == 64
    status, answer, _ = d.api("/v1/history?since=1h&until=2h")
    assert status == 400 and "before `since`" in json.dumps(answer)


def test_a_check_that_one_side_lacks(daemon, folder):
    """They are compared in what they have in common; the rest is told and no fault."""
    c = checks(folder, staging="A=1\n", production="A=1\n", qa="A=1\n", more="B=1\n")
    more = {"file": {"path": f"{folder}/more.env"}, "format": "dotenv"}
    c["environments"]["staging"]["checks"]["config-web"] = more
    d = daemon(c)
    d.ready()
    code, answer = drift(d, "staging", "production", "qa")
    assert (code, answer["compared"], answer["unread"], answer["errors"]) == (0, 1, [], [])
    assert answer["notes"] == ["config-web: no such check in production, qa"]
    done = d.ctl("drift", "staging", "production")
    assert done.code == 0 and done.out == ("note: config-web: no such check in production\n"
                                           "no drift, 1 key is as it ought to be\n")
    assert drift(d, "staging", "production", "--check", "config-web")[0] == 3
    (folder / "more.env").unlink()
    c["environments"]["qa"]["checks"]["config-web"] = more
    d.write(c)
    assert d.ctl("reload").code == 0
    d.run("staging/config-web", "qa")
    code, answer = drift(d, "staging", "production", "qa")  # what is not read is still no matter
    assert code == 3 and set(answer["unread"]) == {"staging/config-web", "qa/config-web"}


def test_usage(daemon, folder):
    c = checks(folder, staging="A=1\n", production="A=1\n", qa="A=1\n")
    c["environments"]["staging"]["aliases"] = ["stage"]
    d = daemon(c)
    d.ready()
    for args, text in (
            (["--against", "staging"], "which environment"),
            (["staging", "qa", "--baseline", "main"], "one environment"),
            (["staging", "qa", "production", "-o", "diff"], "two sides"),
            (["staging", "qa", "--since", "yesterday"], "--since is a duration"),
            (["staging", "staging"], "given twice"), (["stage", "staging"], "given twice"),
            (["--since", "1h", *[f"e{i}" for i in range(65)]], "at most 64 environments"),
            (["--against", "qa", *[f"e{i}" for i in range(64)]], "at most 64 environments"),
            (["staging", "qa", "--suggest", "-o", "markdown"], "--suggest"),
            (["staging", "prodution"], "did you mean 'production'"),
            (["staging", "--against", "prodution"], "did you mean 'production'")):
        done = d.ctl("drift", *args)
        assert done.code == 64 and text in done.err and not done.out, done
    assert d.ctl("drift", "staging", "qa", "--check", "x", "--check", "config-api",
                 "--all", "--all").code == 0  # the last counts


def test_against(daemon, folder):
    d = daemon(checks(folder, staging="A=1\n", production="A=2\n", qa="A=1\n"))
    d.ready()
    code, answer = drift(d, "production", "qa", "--against", "staging")
    assert code == 2 and answer["environments"] == ["staging", "production", "qa"]


def test_only_and_ignore(daemon, folder):
    d = daemon(checks(folder, staging="LOG_A=1\nLOG_B=1\nLOG_C=1\nX=1\n",
                      production="LOG_A=2\nLOG_B=2\nLOG_C=1\nX=2\n"))
    d.ready()
    code, answer = drift(d, "staging", "production", "--only", "LOG_*", "--ignore", "*_B")
    assert (code, rows(answer), answer["same"], answer["ignored"]) == (2, {"LOG_A": "differs"}, 1, 1)
    code, answer = drift(d, "staging", "production", "--only", "LOG_C", "--only", "LOG_D")
    assert (code, answer["same"]) == (0, 1)
    code, answer = drift(d, "staging", "production", "--ignore", "X", "--ignore", "Y")
    assert (code, answer["ignored"], answer["unused_rules"]) == (2, 1, ["ignore Y"])


def test_instances_that_differ_are_not_compared(daemon, folder):
    """The first one alone would not be the environment."""
    c = checks(folder, staging="A=1\n", one="A=1\n", two="A=2\n")
    c["environments"]["production"] = {"checks": {"config-api": {
        "for": {"host": ["one", "two"]}, "file": {"path": f"{folder}/${{host}}.env"},
        "format": "dotenv"}}}
    d = daemon(c)
    d.ready()
    code, answer = drift(d, "staging", "production")
    assert code == 3 and answer["unread"] == ["production/config-api"]
    assert answer["errors"][0]["check"] == "production/config-api"
    assert answer["errors"][0]["message"].startswith("instances differ")
    (folder / "two.env").write_text("A=1\n")
    d.run("production/config-api")
    assert drift(d, "staging", "production")[0] == 0


def pasted(config, environment, yaml_text):
    """Rules as a person would put them into the check."""
    check = config["environments"][environment]["checks"]["config-api"]
    rules = support.yaml.safe_load(yaml_text)
    check["ignore"] = check.get("ignore", []) + rules.get("ignore", [])
    expect = check.setdefault("expect", {})
    for word, keys in rules.get("expect", {}).items():
        if isinstance(keys, dict):
            expect[word] = {**expect.get(word, {}), **keys}
        else:
            expect[word] = expect.get(word, []) + keys


def test_what_is_suggested_silences(daemon, folder):
    c = checks(folder, staging="A=1\nB=1\nM=1\nN_TOKEN=x1y2z3\nnull=1\n",
               production="A=2\nC=1\nM=1\nN_TOKEN=x1y2z4\nDEBUG=1\nnull=2\n")
    c["environments"]["production"]["checks"]["config-api"]["expect"] = {
        "same-as": "staging", "differ": ["M"], "forbidden": ["DEBUG"], "required": ["Z"]}
    d = daemon(c)
    d.ready()
    code, answer = drift(d, "staging", "production")
    assert code == 2 and set(rows(answer).values()) == {"missing", "differs", "must-differ",
                                                        "forbidden", "required"}
    done = d.ctl("drift", "--suggest")
    assert done.code == 2 and done.out.startswith("# production/config-api")
    code, answer = drift(d, "--suggest")
    assert [s["check"] for s in answer["suggest"]] == ["production/config-api"]
    assert answer["suggest"][0]["yaml"] in done.out
    assert "# \"M\": take it out of `differ`\n" in done.out
    pasted(c, "production", done.out)
    check = c["environments"]["production"]["checks"]["config-api"]
    assert "M" not in check["ignore"] + check["expect"]["may-differ"]
    check["expect"]["differ"] = []
    d.write(c)
    assert d.ctl("reload").code == 0
    d.run("production/config-api", "staging")
    assert drift(d)[0] == 0 and drift(d, "staging", "production")[0] == 0
    assert d.check("production/config-api")["state"] == "OK"
    assert d.ctl("drift", "--suggest").out == "# there is nothing to silence\n"


# --- for people ---

def test_the_table_is_for_80_columns(daemon, folder):
    many = "".join(f"LOG_{i:03d}=1\n" for i in range(300))
    long = "V=" + "x" * 500 + "\n"
    d = daemon(checks(folder, staging=many + long + "EMPTY=\nB=1\n", production="V=y\nB=2\n"))
    d.ready()
    done = d.ctl("drift", "staging", "production")
    lines = done.out.splitlines()
    assert done.code == 2 and all(len(line) <= 80 for line in lines)
    assert len(lines) < 12
    group = next(line for line in lines if "LOG_* (300 keys)" in line)
    assert group.split()[-1] == "-" and "missing" in group
    assert any("300 keys are told in groups; --wide" in line for line in lines)
    assert "xxx" in done.out and "~" in done.out
    wide = d.ctl("drift", "staging", "production", "--wide").out
    assert wide.count("LOG_") == 300 and "x" * 500 in wide


def test_many_sides_are_told_by_value(daemon, folder):
    names = [f"customer-{i:02d}" for i in range(40)]
    d = daemon(checks(folder, **{n: f"A={'odd' if n == names[7] else 'even'}\n" for n in names}))
    d.ready()
    done = d.ctl("drift", *names)
    assert done.code == 2 and all(len(line) <= 80 for line in done.out.splitlines())
    text = " ".join(done.out.split())
    assert f"odd: {names[7]}" in text and f"even: {names[0]}, {names[1]}" in text


@pytest.fixture
def odd(daemon, folder):
    """Values that want to be markup, a command for the terminal, or another line."""
    c = {"defaults": {"every": "1h", "confirm": 1}, "environments": {}}
    for name, value in (("staging", "a|b `c` <b>\n- x\x1b[31m"), ("production", "plain")):
        (folder / f"{name}.json").write_text(json.dumps(
            {"k": value, "only-" + name: None, "same": 1, "empty": {} if name == "staging" else []}))
        c["environments"][name] = {"checks": {"config-api": {
            "file": {"path": f"{folder}/{name}.json"}, "format": "json"}}}
    c["environments"]["production"]["checks"]["config-api"]["expect"] = {"differ": ["/same"]}
    d = daemon(c)
    d.ready()
    return d


def test_markdown(odd):
    done = odd.ctl("drift", "staging", "production", "-o", "markdown")
    lines = done.out.splitlines()
    assert done.code == 2 and lines[:2] == ["| Check | Key | Verdict | staging | production |",
                                            "| --- | --- | --- | --- | --- |"]
    cells = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines[:7]]
    assert cells == [6] * 7 and lines[7] == ""
    row = next(line for line in lines if "| /k |" in line)
    assert "a\\|b \\`c\\` \\<b\\>" in row and "\x1b" not in done.out


def test_diff_is_one_that_tools_apply(odd, folder):
    done = odd.ctl("drift", "staging", "production", "-o", "diff")
    lines = done.out.splitlines()
    assert done.code == 2
    at = lines.index("--- staging/config-api")
    assert lines[at + 1] == "+++ production/config-api"
    body = lines[at + 3:]
    was = [line[1:] for line in body if line[0] in " -"]
    now = [line[1:] for line in body if line[0] in " +"]
    assert lines[at + 2] == f"@@ -1,{len(was)} +1,{len(now)} @@"
    assert "+/k=plain" in body and " /same=1" in body and "# /same: must-differ" in lines[:at]
    file = folder / "staging" / "config-api"
    file.parent.mkdir()
    file.write_text("\n".join(was) + "\n")
    subprocess.run(["git", "apply", "-"], input=done.out.replace("--- staging/", "--- a/staging/")
                   .replace("+++ production/", "+++ b/staging/"), text=True, cwd=folder, check=True,
                   env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(folder.parent)})
    assert file.read_text() == "\n".join(now) + "\n"


SECRET = "Zebra-Quartz-9174"


def test_a_secret_is_in_no_output_of_drift(daemon, folder, syslog):
    """In a key's value, in a URL, in JSON, on one side only, or where a line is not understood."""
    env = (f"API_TOKEN={SECRET}\nURL=https://u:{SECRET}@h/\nONE_SIDE_SECRET={SECRET}\n"
           f"NAME=https://u:{SECRET}@h/\n")
    c = checks(folder, staging=env, production=env.replace("ONE_SIDE", "OTHER").replace(
        SECRET, SECRET + "-2").replace(f"NAME=https://u:{SECRET}-2@h/", f"NAME={SECRET[:5]}"))
    for name in ("staging", "production"):
        (folder / f"{name}.json").write_text(json.dumps(
            {"db": {"password": SECRET + name, "urls": [f"pg://a:{SECRET}@{name}/"]}}))
        c["environments"][name]["checks"]["config-json"] = {
            "file": {"path": f"{folder}/{name}.json"}, "format": "json"}
        (folder / f"{name}.bad").write_text(f"{{\"password\": \"{SECRET}\"")
        c["environments"][name]["checks"]["config-bad"] = {
            "file": {"path": f"{folder}/{name}.bad"}, "format": "json"}
    c["environments"]["production"]["checks"]["config-api"]["expect"] = {"same-as": "staging"}
    d = daemon(c, inside=syslog)
    d.ready()
    for form in (["staging", "production"], ["staging", "production", "--all"], []):
        for output in ("table", "json", "markdown", "diff"):
            done = d.ctl("drift", *form, "-o", output)
            assert done.code == 2 and "Quartz" not in done.out + done.err, (form, output)
            assert "API" in done.out
    for more in (["--wide"], ["--suggest"], ["--only", "*TOKEN*"], ["--since", "1h"]):
        done = d.ctl("drift", "staging", "production", *more)
        assert done.code == 2 and "Quartz" not in done.out + done.err, more
    d.stop()
    assert "Quartz" not in d.said() + syslog.file.read_text(errors="replace")


def test_a_client_that_leaves_is_no_matter(daemon, folder):
    many = "".join(f"KEY_{i}=%s\n" for i in range(20000))
    d = daemon(checks(folder, staging=many.replace("%s", "1"), production=many.replace("%s", "2")))
    d.ready()
    for _ in range(10):
        connection = support.UnixConnection(d.socket)
        connection.request("GET", "/v1/drift?environments=staging,production&suggest=true")
        connection.close()
    code, answer = drift(d, "staging", "production")
    assert code == 2 and len(answer["rows"]) == 20000
    connection = support.UnixConnection(d.socket)
    connection.request("GET", "/v1/drift?environments=staging,production")
    d.stop()
    connection.close()


# --- over time ---

def test_since(daemon, folder):
    """A history that does not reach back hides nothing, and says so."""
    d = daemon(checks(folder, staging="A=1\n", production="A=2\n"))
    d.ready()
    code, answer = drift(d, "staging", "production", "--since", "30d")
    assert code == 2 and rows(answer) == {"A": "differs"}
    assert any("does not reach back" in note for note in answer["notes"])
    assert "note: the history does not reach back" in d.ctl(
        "drift", "staging", "production", "--since", "30d").out
    d.restart()
    d.run("staging/config-api", "production")
    start = d.api("/v1/history?limit=1")[1]["events"][0]["at"]
    code, answer = drift(d, "staging", "production", "--since", start)
    assert (code, rows(answer), answer["older"]) == (0, {}, 1)
    done = d.ctl("drift", "staging", "production", "--since", start)
    assert (done.code, done.out) == (0, f"none that changed since {start}, 1 changed before, "
                                        "0 keys are as they ought to be\n")
    assert "no drift" not in d.ctl("drift", "staging", "production", "--since", start, "-o",
                                   "markdown").out
    for since in ("2020-01-01", "2020-01-01T00:00:00Z"):
        assert rows(drift(d, "staging", "production", "--since", since)[1]) == {"A": "differs"}
        assert d.ctl("history", "--since", since).code == 0


# --- what is committed ---

GOOD = "HOST=db1\nDEBUG=off\nDB_PASSWORD=Zebra-Quartz-9174\n"


@pytest.fixture
def shop(daemon, folder, web):
    """staging runs v1.1.0, which brings SEARCH, production v1.0.0; both as committed."""
    r = Repository(folder / "shop.git")
    r.write("deploy/app.env", "HOST={{ h }}\nDEBUG={{ d }}\nDB_PASSWORD={{ p }}\n")
    r.commit("v0.9.0")
    r.write("deploy/app.env", GOOD)
    r.commit("v1.0.0")
    r.write("deploy/app.env", GOOD + "SEARCH=on\n")
    r.commit("v1.1.0")
    c = checks(folder, staging=GOOD + "SEARCH=on\n", production=GOOD)
    c["product"] = {"name": "shop", "repository": {"url": str(r.path)}}
    c["defaults"]["timeout"] = "20s"
    for name, version in (("staging", "1.1.0"), ("production", "1.0.0")):
        web.put(name, {"version": version})
        own = c["environments"][name]["checks"]
        own["version"] = {"http": {"url": web.url(name)}, "version": "/version"}
        own["config-api"]["expect"] = {"baseline": {"git": {"path": "deploy/app.env"}}}
    d = daemon(c)
    d.ready()
    for name in ("staging", "production"):
        support.wait_for(lambda: d.check(f"{name}/config-api")["state"] == "OK",
                         what=lambda: d.check(f"{name}/config-api"))
    d.made, d.repository = c, r
    return d


def put_file(d, name, text):
    (d.folder / f"{name}.env").write_text(text)


def put(d, name, text):
    put_file(d, name, text)
    d.run(f"{name}/config-api")


def test_what_a_release_brings_is_shown_and_does_not_count(shop):
    code, answer = drift(shop, "staging", "production")
    row, = answer["rows"]
    assert (code, answer["drift"], answer["released"]) == (0, False, 1)
    assert (row["key"], row["verdict"], row["cause"]) == ("SEARCH", "missing", "release")
    assert row["values"] == {"staging": {"value": "on", "committed": True}, "production": None}
    assert "wrong" not in row
    done = shop.ctl("drift", "staging", "production")
    assert done.code == 0 and any(line.split()[:3] == ["config-api", "SEARCH", "release"]
                                  for line in done.out.splitlines())
    assert "release: declared only at" in done.out and "1 comes with a release" in done.out
    assert drift(shop, "staging", "production", "--strict")[0] == 2


def test_one_version_brings_nothing(shop, web):
    """Both sides run v1.1.0, by a file each: what one of them lacks is no release's."""
    r, c = shop.repository, shop.made
    r.write("deploy/staging.env", GOOD + "URL=x\n")
    r.write("deploy/production.env", GOOD)
    r.commit("v1.2.0")
    for name in ("staging", "production"):
        web.put(name, {"version": "1.2.0"})
        own = c["environments"][name]["checks"]["config-api"]
        own["expect"] = {"baseline": {"git": {"path": f"deploy/{name}.env"}}}
    c["environments"]["production"]["checks"]["config-api"]["expect"]["same-as"] = "staging"
    shop.stop()
    put_file(shop, "staging", GOOD + "URL=x\n")
    put_file(shop, "production", GOOD)
    shop.write(c)
    shop.start()
    shop.run("staging/version", "production/version", "staging/config-api", "production")
    support.wait_for(lambda: shop.check("production/config-api")["state"] == "CRITICAL",
                     what=lambda: shop.check("production/config-api"))
    assert shop.check("production/config-api")["summary"] == "1 key differs from staging: URL"
    code, answer = drift(shop, "staging", "production")
    assert code == 2 and [(r["key"], r["cause"]) for r in answer["rows"]] == [("URL", "drift")]


def test_a_release_brings_what_is_committed(shop):
    """Another value than that is somebody's hand."""
    put(shop, "staging", GOOD + "SEARCH=evil\n")
    code, answer = drift(shop, "staging", "production")
    row, = answer["rows"]
    assert (code, row["key"], row["cause"], row["wrong"]) == (2, "SEARCH", "drift", ["staging"])


def test_a_version_that_is_not_read_leaves_the_cause_open(shop, web):
    c = shop.made
    c["environments"]["production"]["checks"]["config-api"]["expect"]["same-as"] = "staging"
    shop.write(c)
    assert shop.ctl("reload").code == 0
    shop.run("production/config-api", "staging")
    support.wait_for(lambda: shop.check("production/config-api")["state"] == "OK",
                     what=lambda: shop.check("production/config-api"))
    web.put("staging", {"version": "7.0.0"})
    shop.run("staging/version")
    support.wait_for(lambda: shop.check("production/config-api")["state"] == "UNKNOWN",
                     what=lambda: shop.check("production/config-api"))
    told = shop.check("production/config-api")
    assert told["reason"] == "peer-unread" and "drifted" not in told["facts"]
    assert told["summary"].startswith("1 key is on one side alone, by drift or by the release: "
                                      "SEARCH; the baseline of staging is not read: ")
    code, answer = drift(shop, "staging", "production")
    row, = answer["rows"]
    assert (code, answer["drift"], answer["undecided"]) == (3, False, 1)
    assert (row["key"], row["verdict"], "cause" in row) == ("SEARCH", "missing", False)
    assert answer["unread"] == ["staging/config-api"] and "its baseline" in \
        answer["errors"][0]["message"]
    done = shop.ctl("drift", "staging", "production")
    assert done.code == 3 and "not read: staging/config-api: its baseline" in done.out
    assert "not decided, 1 key may be drift or come with a release, " in done.out
    assert drift(shop, "staging", "production", "--strict")[0] == 2
    put(shop, "production", GOOD.replace("off", "on"))
    told = shop.check("production/config-api")
    assert told["state"] == "CRITICAL" and "DEBUG" in told["summary"]
    assert "; 1 key is on one side alone" in told["summary"]
    assert drift(shop, "staging", "production")[0] == 2


def test_either_side_is_as_committed(shop, web):
    shop.repository.write("deploy/app.env", GOOD.replace("db1", "db3"))
    shop.repository.commit("v1.2.0")
    shop.made["environments"]["staging"]["checks"]["config-api"]["expect"]["same-as"] = "production"
    shop.stop()
    put_file(shop, "staging", GOOD.replace("db1", "db3"))
    web.put("staging", {"version": "1.2.0"})
    shop.write(shop.made)
    shop.start()
    shop.run("staging/version", "production/version", "production/config-api", "staging/config-api")
    support.wait_for(lambda: shop.check("staging/config-api")["summary"] == (
        "1 key differs from production: HOST; each side is as committed at its version: HOST"),
                     what=lambda: shop.check("staging/config-api"))
    code, answer = drift(shop, "staging", "production")
    assert code == 2 and "wrong" not in answer["rows"][0]
    assert answer["notes"] == ["config-api: each side is as committed at its version: HOST"]


def test_who_is_right(shop):
    """The side that is not as committed is named, where it has a value and where it has none."""
    put(shop, "production", "HOST=db2\nDB_PASSWORD=Zebra-Quartz-9174-x\n")
    code, answer = drift(shop, "staging", "production")
    found = {r["key"]: r for r in answer["rows"]}
    assert code == 2 and set(found) == {"DB_PASSWORD", "DEBUG", "HOST", "SEARCH"}
    for key in ("DB_PASSWORD", "DEBUG", "HOST"):
        assert found[key]["wrong"] == ["production"] and found[key]["cause"] == "drift"
        assert found[key]["values"]["staging"]["committed"] is True
    assert found["HOST"]["values"]["production"] == {"value": "db2", "committed": False}
    assert found["DEBUG"]["values"]["production"] is None
    assert found["SEARCH"]["cause"] == "release"
    done = shop.ctl("drift", "staging", "production")
    assert "! db2" in done.out and "!: not as committed" in done.out
    assert "db2 (not as committed)" in shop.ctl("drift", "staging", "production", "-o",
                                                "markdown").out
    assert "# HOST: differs, production is not as committed" in shop.ctl(
        "drift", "staging", "production", "-o", "diff").out


def test_against_its_baseline(shop):
    code, answer = drift(shop, "production")
    assert (code, answer["rows"], answer["environments"]) == (0, [], ["production"])
    assert answer["baselines"] == [{"check": "production/config-api", "ref": "v1.0.0",
                                    "path": "deploy/app.env"}]
    put(shop, "production", "HOST=db2\nDEBUG=off\nMORE=1\n")
    code, answer = drift(shop, "production")
    assert code == 2 and rows(answer) == {"DB_PASSWORD": "missing", "HOST": "differs",
                                          "MORE": "missing"}
    assert all(list(r["values"]) == ["baseline", "production"] and r["cause"] == "drift"
               for r in answer["rows"])
    done = shop.ctl("drift", "production", "-o", "diff")
    assert done.code == 2 and "--- baseline/config-api\n+++ production/config-api\n" in done.out
    assert "-HOST=db1\n+HOST=db2\n" in done.out
    done = shop.ctl("drift", "production")
    assert done.code == 2 and "baseline" in done.out.splitlines()[0]
    code, answer = drift(shop)
    assert (code, answer["compared"]) == (2, 2)
    assert [list(r["values"])[1] for r in answer["rows"]] == ["production"] * 3
    expect = shop.made["environments"]["production"]["checks"]["config-api"]["expect"]
    expect["same-as"] = "staging"
    shop.write(shop.made)
    assert shop.ctl("reload").code == 0
    shop.run("production/config-api", "production/version", "staging")
    support.wait_for(lambda: drift(shop)[1]["compared"] == 3)
    suggested, = drift(shop, "--suggest")[1]["suggest"]  # of two comparisons, in one piece
    pasted(shop.made, "production", suggested["yaml"])
    shop.write(shop.made)
    assert shop.ctl("reload").code == 0
    shop.run("production/config-api", "production/version", "staging")
    support.wait_for(lambda: drift(shop)[0] == 0)
    assert drift(shop)[1]["compared"] == 3


def test_what_cannot_be_verified_was_not_compared(shop):
    for output in ("table", "markdown"):
        done = shop.ctl("drift", "production", "--baseline", "v0.9.0", "-o", output)
        assert done.code == 3 and "as they ought" not in done.out, done
        assert "nothing was compared: 3 keys cannot be verified" in done.out
    assert drift(shop, "production", "--baseline", "v0.9.0", "--all")[0] == 3


def test_its_baseline_at_another_ref(shop):
    code, answer = drift(shop, "production", "--baseline", "v1.1.0")
    assert code == 2 and rows(answer) == {"SEARCH": "missing"}
    assert answer["rows"][0]["values"] == {"baseline": {"value": "on"}, "production": None}
    assert answer["baselines"][0]["ref"] == "v1.1.0"
    assert drift(shop, "production", "--baseline", "v1.0.0")[0] == 0
    code, answer = drift(shop, "production", "--baseline", "v9.9.9", "--since", "1h")
    assert code == 3 and answer["unread"] == ["production/config-api"]
    assert "its baseline is not read" in answer["errors"][0]["message"]
    done = shop.ctl("drift", "production", "--baseline", "v9.9.9")
    assert done.code == 3 and "not read: production/config-api: its baseline" in done.out
    assert "no drift" not in done.out
    for _ in range(5):  # clients that do not wait for it
        connection = support.UnixConnection(shop.socket)
        connection.request("GET", "/v1/drift?environments=production&baseline=main&since=1h")
        connection.close()
    assert drift(shop, "production", "--baseline", "main")[0] == 2


def test_a_baseline_that_is_not_read_is_not_fine(shop, web):
    web.put("production", {"version": "7.0.0"})
    shop.run("production/version")
    support.wait_for(lambda: shop.check("production/config-api")["reason"] == "tag-missing")
    code, answer = drift(shop, "production")
    assert code == 3 and answer["unread"] == ["production/config-api"] and answer["compared"] == 0
    assert "baseline" in answer["errors"][0]["message"]
    put(shop, "staging", GOOD)
    assert drift(shop)[0] == 2
    code, answer = drift(shop, "staging", "production")  # who is right is not known of one
    assert code == 0 and "SEARCH" not in rows(answer)


def test_no_output_has_what_is_committed_in_secret(shop):
    put(shop, "production", GOOD.replace("9174", "9175"))
    for form in (["production"], [], ["staging", "production"],
                 ["production", "--baseline", "v1.1.0"]):
        for output in ("table", "json", "markdown", "diff"):
            done = shop.ctl("drift", *form, "-o", output)
            assert done.code == 2 and "Quartz" not in done.out + done.err
            assert "PASSWORD" in done.out


def test_origin(daemon, folder):
    c = checks(folder, staging="A=1\nB=1\n", production="A=1\nB=1\n")
    c["environments"]["production"]["checks"]["config-api"]["expect"] = {
        "origin": {"A": "/etc/shop/*"}}
    d = daemon(c)
    d.ready()
    code, answer = drift(d, "staging", "production")
    assert code == 2 and rows(answer) == {"A": "origin"}
    assert answer["rows"][0]["values"]["production"] == {"value": "1",
                                                         "origin": f"{folder}/production.env"}
    yaml = drift(d, "staging", "production", "--suggest")[1]["suggest"][0]["yaml"]
    assert yaml == (f"# \"A\": give its entry of `origin` a pattern that matches "
                    f"\"{folder}/staging.env\" and \"{folder}/production.env\"\n")


def test_an_origin_is_suggested_in_place(daemon, folder):
    """The other rules of the key go on; a rule of a key that is nowhere is told, once."""
    (folder / "[a].env").write_text("A=1\nB=1\n")
    own = {"file": {"path": f"{folder}/[a].env"}, "format": "dotenv"}
    ruled = {**own, "ignore": ["GONE"], "expect": {
        "same-as": "staging", "origin": {"A": "/etc/shop/*", "NOWHERE": "/etc/*"}}}
    c = {"defaults": {"every": "1h", "confirm": 1}, "environments": {
        "staging": {"checks": {"config-api": {**own, "ignore": ["GONE"]}}},
        "production": {"checks": {"config-api": ruled, "config-web": {
            **own, "ignore": ["GONE"], "expect": {"same-as": "staging/config-api"}}}}}}
    d = daemon(c)
    d.ready()
    code, answer = drift(d, "--suggest", "--ignore", "GONE", "--ignore", "LOST", "--ignore", "B")
    assert code == 2 and rows(answer) == {"A": "origin"} and answer["compared"] == 2
    assert answer["unused_rules"] == ["ignore GONE", "origin NOWHERE", "ignore LOST"]
    yaml = answer["suggest"][0]["yaml"]
    assert "ignore" not in yaml and "in place of the one it has" in yaml
    pasted(c, "production", yaml)
    d.write(c)
    assert d.ctl("reload").code == 0
    d.run("production/config-api", "staging/config-api")
    assert drift(d)[0] == 0
    assert d.ctl("drift").out.count("meets no key: ignore GONE") == 1


def remember(d, check, at, keys, more=0):
    """A change of configuration as the history keeps it."""
    body = {"event": "config-changed", "check": check, "keys": [
        {"key": k, "was": {"value": "1"}, "now": None} for k in keys], "more": more,
            "count": len(keys) + more}
    with contextlib.closing(sqlite3.connect(d.state / "history.db")) as db, db:
        db.execute("INSERT INTO event(at, what, environment, check_id, body) VALUES(?,?,?,?,?)",
                   (int(at * 1000), "config-changed", check.partition("/")[0], check,
                    json.dumps(body)))


def test_since_by_what_changed(daemon, folder):
    """Rows whose key changed on any side, with the time; of others the number."""
    d = daemon(checks(folder, staging="A=1\nB=1\nC=1\nD=1\n", production="A=2\nB=2\nC=2\n"))
    d.stop()
    now = time.time()
    remember(d, "staging/config-api", now - 30 * 86400, ["C"])
    remember(d, "staging/config-api", now - 7200, ["A", "D"])
    remember(d, "production/config-api", now - 3600, ["A"])
    remember(d, "production/config-api", now - 10 * 86400, ["E"], more=7)
    d.start()
    d.run("staging/config-api", "production")
    code, answer = drift(d, "staging", "production", "--since", "7d")
    assert code == 2 and rows(answer) == {"A": "differs", "D": "missing"}
    assert answer["older"] == 2 and answer["notes"] == []
    line, = [s for s in d.ctl("history", "-o", "csv").out.splitlines() if "-A, -D" in s]
    assert line.endswith(',"2 keys: -A, -D"') and ",config-changed,staging/config-api," in line
    a, missing = answer["rows"]
    times = [support.parse_time(v["changed"]) for v in a["values"].values()]
    assert times == [pytest.approx(now - 7200, abs=1), pytest.approx(now - 3600, abs=1)]
    assert a["changed"] == a["values"]["production"]["changed"]
    assert missing["values"]["production"] is None and "changed" in missing["values"]["staging"]
    done = d.ctl("drift", "staging", "production", "--since", "7d")
    assert done.out.splitlines()[-1] == ("drift, 0 keys are as they ought to be, 2 changed before "
                                         "and are left out")
    code, answer = drift(d, "staging", "production", "--since", "90m")
    assert rows(answer) == {"A": "differs"}
    code, answer = drift(d, "staging", "production", "--since", "14d")
    assert code == 2 and set(rows(answer)) == {"A", "B", "C", "D"}
    assert answer["notes"][0].startswith("production/config-api: more changed")
    assert set(rows(drift(d, "staging", "production", "--since", "365d")[1])) == {
        "A", "B", "C", "D"}
