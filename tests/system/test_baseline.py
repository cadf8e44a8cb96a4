# SPDX-License-Identifier: Apache-2.0
"""Configuration held against what is committed at the version that runs."""
import json
import shutil

import pytest
import yaml

from repository import Repository
from support import relauditd, wait_for

SECRET = "c0mm1tted-7f21b90de3a64c58-or-not"


@pytest.fixture
def shop(folder):
    """v1.0.0 and v1.1.0, which brings SEARCH; a tag without the file; a branch with other formats."""
    r = Repository(folder / "shop.git")
    r.write("deploy/one.env", f"HOST=db1\nDEBUG=off\nDB_PASSWORD={SECRET}\n")
    r.commit("v1.0.0")
    r.write("deploy/one.env", f"HOST=db1\nDEBUG=off\nDB_PASSWORD={SECRET}\nSEARCH=on\n")
    r.commit("v1.1.0")
    r.git("rm", "-q", "deploy/one.env")
    r.commit("v1.2.0")
    return r


@pytest.fixture
def runs(folder):
    """What is there: a file, and the version that the service tells."""
    where = folder / "files"
    where.mkdir()

    def put(name, text):
        (where / name).write_text(text)
        return str(where / name)
    return put


GIT = {"git": {"path": "deploy/one.env"}}


def config(web, url, path, baseline=GIT, version="1.0.0", options=None, expect=None, **more):
    web.put("version", {"version": version})
    return {"product": {"name": "shop", "repository": {"url": str(url)}},
            "defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "20s"},
            "environments": {"one": {"checks": {
                "version": {"http": {"url": web.url("version")}, "version": "/version"},
                "config": {"file": {"path": path}, "format": "dotenv", **(options or {}),
                           "expect": {"baseline": baseline, **(expect or {})}}}}, **more}}


def judged(d):
    c = d.check("one/config")
    return c["state"], c["reason"]


GOOD = f"HOST=db1\nDEBUG=off\nDB_PASSWORD={SECRET}\n"


def test_as_committed(daemon, web, shop, runs):
    d = daemon(config(web, shop.path, runs("env", GOOD)))
    d.ready()
    c = d.check("one/config")
    assert (c["state"], c["reason"]) == ("OK", "ok"), c
    assert c["summary"] == "3 keys, as in v1.0.0:deploy/one.env"
    assert c["expected"] == "baseline {tag}:deploy/one.env"
    assert c["facts"]["drifted"] == 0


def test_drifted(daemon, web, shop, runs):
    d = daemon(config(web, shop.path, runs("env", "HOST=db2\nDB_PASSWORD=other\nMORE=1\n")))
    d.ready()
    c = d.check("one/config")
    assert (c["state"], c["reason"]) == ("CRITICAL", "drift"), c
    assert c["summary"] == ("4 keys differ from v1.0.0:deploy/one.env: "
                            "DB_PASSWORD, DEBUG, HOST, MORE")
    assert c["facts"]["drifted"] == 4
    assert c["evidence"].endswith("/env:2")
    assert SECRET not in str(d.status())


def test_the_version_changes(daemon, web, shop, runs):
    """The baseline is that of what runs now; what the new version needs lacks until it is there."""
    path = runs("env", GOOD)
    d = daemon(config(web, shop.path, path))
    d.ready()
    web.put("version", {"version": "1.1.0"})
    d.run("one/version")
    wait_for(lambda: judged(d) == ("CRITICAL", "drift"), what="the other baseline")
    assert d.check("one/config")["summary"] == "1 key differs from v1.1.0:deploy/one.env: SEARCH"
    runs("env", GOOD + "SEARCH=on\n")
    d.run("one/config")
    assert judged(d) == ("OK", "ok")


def test_instances_of_two_versions_have_no_baseline(daemon, web, shop, runs):
    """The first instance's tag is not that of what runs, even while they may differ."""
    made = config(web, shop.path, runs("env", GOOD))
    for name, version in ("a", "1.0.0"), ("b", "1.1.0"):
        web.put(name, {"version": version})
    made["environments"]["one"]["checks"]["version"] = {
        "http": {"url": web.url("${x}")}, "for": {"x": ["a", "b"]}, "version": "/version",
        "expect": {"agree-within": "5m"}}
    d = daemon(made)
    d.ready()
    c = d.check("one/version")
    assert c["state"] == "OK" and set(c["facts"]) == {"differ_since"}, c
    assert [i["facts"]["tag"] for i in c["instances"]] == ["v1.0.0", "v1.1.0"]
    assert judged(d)[0] == "UNKNOWN", d.check("one/config")
    web.put("b", {"version": "1.0.0"})
    d.run("one/version")
    wait_for(lambda: judged(d) == ("OK", "ok"), what="the baseline of what all run")


@pytest.mark.parametrize("version, state, reason, word", [
    ("1.2.0", "UNKNOWN", "path-missing", "there is no deploy/one.env"),
    ("1.3.0", "UNKNOWN", "tag-missing", "no tag is known"),
    (None, "UNKNOWN", "peer-unread", "its baseline"),
])
def test_nothing_to_compare_with(daemon, web, shop, runs, version, state, reason, word):
    made = config(web, shop.path, runs("env", GOOD), version=version or "1.0.0")
    if version is None:
        made["environments"]["one"]["checks"]["version"]["http"]["url"] = web.url("nowhere")
    d = daemon(made)
    d.ready()
    assert judged(d) == (state, reason), d.check("one/config")
    assert word in d.check("one/config")["summary"]
    assert "drifted" not in d.check("one/config")["facts"]


def test_a_tag_named_like_the_branch(daemon, web, shop, runs):
    """Whoever pushes it does not choose what is the baseline; a tag is told as such."""
    shop.git("tag", "main", "v1.0.0")
    shop.git("branch", "v1.0.0", "v1.1.0")
    made = config(web, shop.path, runs("env", GOOD))
    for name, ref in ("ambiguous", "main"), ("tag", "refs/tags/main"), ("branch", "refs/heads/v1.0.0"):
        made["environments"]["one"]["checks"][name] = {
            **made["environments"]["one"]["checks"]["config"], "kind": "config",
            "expect": {"baseline": {"git": {"path": "deploy/one.env", "ref": ref}}}}
    d = daemon(made)
    d.ready()
    assert judged(d) == ("OK", "ok"), d.check("one/config")
    c = d.check("one/ambiguous")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "ref-ambiguous"), c
    assert "write refs/heads/main or refs/tags/main" in c["summary"]
    assert d.check("one/tag")["state"] == "OK"
    c = d.check("one/branch")
    assert c["summary"] == "1 key differs from refs/heads/v1.0.0:deploy/one.env: SEARCH", c


def test_repository_out_of_reach(daemon, web, folder, runs):
    d = daemon(config(web, folder / "nowhere.git", runs("env", GOOD),
                      {"git": {"path": "deploy/one.env", "ref": "main"}},
                      expect={"required": ["HOST"]}))
    d.ready()
    assert d.check("one/config")["state"] == "UNKNOWN"
    assert d.check("one/config")["reason"].startswith("repo-")
    assert d.check("one/config")["facts"]["keys"] == 3
    assert d.check("one/version")["state"] == "OK"


def test_required_is_judged_without_the_baseline(daemon, web, folder, runs):
    d = daemon(config(web, folder / "nowhere.git", runs("env", GOOD), expect={"required": ["X"]}))
    d.ready()
    assert judged(d) == ("CRITICAL", "key-missing")


def test_another_repository_format_and_part(daemon, web, shop, folder, runs):
    other = Repository(folder / "other.git")
    other.write("values.yaml", yaml.safe_dump({"api": {"env": {"HOST": "db1", "DEBUG": "off"}},
                                               "web": {"HOST": "w"}}))
    other.commit()
    d = daemon(config(web, shop.path, runs("env", "HOST=db1\nDEBUG=off\n"),
                      {"git": {"repository": str(other.path), "ref": "main", "path": "values.yaml"},
                       "format": "yaml", "select": "/api/env"}))
    d.ready()
    c = d.check("one/config")
    assert c["state"] == "OK", c
    assert c["summary"] == "2 keys, as in main:values.yaml"
    other.write("values.yaml", "api: [\n")
    other.commit()
    d.stop()
    shutil.rmtree(d.state / "mirrors")  # a fetch comes every five minutes
    d.start()
    d.ready()
    d.run("one/config")
    assert d.check("one/config")["reason"] == "not-yaml", d.check("one/config")
    assert d.check("one/config")["state"] == "UNKNOWN"


def test_unverifiable(daemon, web, shop, runs):
    """What is encrypted or a template is not compared, and said."""
    shop.write("deploy/one.env", "HOST=db1\nDEBUG={{ debug }}\n"
                                 "DB_PASSWORD=ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,type:str]\n")
    shop.commit("v1.3.0")
    d = daemon(config(web, shop.path, runs("env", GOOD), version="1.3.0"))
    d.ready()
    c = d.check("one/config")
    assert (c["state"], c["reason"]) == ("OK", "ok"), c
    assert "; 2 keys are unverifiable: encrypted or a template in v1.3.0:" in c["summary"]
    assert c["facts"]["unverifiable"] == 2


def test_what_is_encrypted_there_is_not_shown(daemon, web, shop, runs):
    """Somebody made a secret of it, whatever its key is called."""
    shop.write("deploy/one.env", "HOST=db1\nSALUTE=ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,"
                                 "type:str]\n")
    shop.commit("v1.3.0")
    d = daemon(config(web, shop.path, runs("env", "HOST=db1\nSALUTE=canary-7f\n"), version="1.3.0"))
    d.ready()
    for output in ("table", "json", "markdown"):
        done = d.ctl("drift", "one", "--all", "-o", output)
        assert done.code == 0 and "SALUTE" in done.out and "canary" not in done.out, done


def test_what_is_encrypted_there_is_a_secret(daemon, web, shop, runs, syslog, folder):
    """From then on it is nowhere in the clear, also while the repository is out of reach."""
    shop.write("deploy/one.env", "HOST=db1\nSALUTE=ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,"
                                 "type:str]\n")
    shop.commit("v1.3.0")
    path, other = runs("env", "HOST=db1\nSALUTE=canary-1\n"), runs("other", "SALUTE=canary-1\n")
    made = config(web, shop.path, path, version="1.3.0")
    made["environments"]["two"] = {"checks": {"config": {
        "file": {"path": other}, "format": "dotenv", "ignore": "HOST",
        "expect": {"same-as": "one"}}}}
    d = daemon(made, inside=syslog)
    d.ready()
    assert d.check("one/config")["state"] == d.check("two/config")["state"] == "OK", d.status()

    def change(to, count):
        runs("env", f"HOST=db1\nSALUTE=canary-{to}\n")
        d.run("one/config")
        syslog.wait("config-changed", "check=one/config", "keys=SALUTE", count=count)
        done = d.ctl("history", "one/config", "-o", "json")
        told = [e for e in json.loads(done.out)["events"] if e["event"] == "config-changed"]
        assert len(told) == count
        return told[-1]["keys"]

    first = change(2, 1)
    assert [k["key"] for k in first] == ["SALUTE"], first
    assert first[0]["was"]["secret"] and first[0]["now"]["digest"].startswith("k1:"), first
    shop.path.rename(folder / "gone.git")
    d.stop()
    shutil.rmtree(d.state / "mirrors")
    d.start()
    d.ready()
    d.run("one/config")
    assert d.check("one/config")["state"] == "UNKNOWN"
    second = change(3, 2)
    assert second[0]["was"]["digest"] == first[0]["now"]["digest"] != second[0]["now"]["digest"]
    done = d.ctl("drift", "one", "two", "-o", "json")
    assert done.code == 2 and "SALUTE" in done.out, done
    d.stop()
    for text in [done.out, *syslog.lines()] + [
            p.read_text(errors="replace") for p in d.state.rglob("*") if p.is_file()]:
        # The other's key is no secret of its own; its values are not this one's.
        assert "canary-2" not in text and "canary-3" not in text, text


def test_what_may_be_encrypted_there_is_not_shown(daemon, web, shop, runs, folder, syslog):
    """Until the repository was read for the first time; then it is shown, and nothing has changed."""
    shop.write("deploy/one.env", "HOST=db1\nSALUTE=ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,"
                                 "type:str]\n")
    shop.commit("v1.3.0")
    shop.path.rename(folder / "away.git")
    path = runs("env", "HOST=canary-db\nSALUTE=canary-1\n")
    other = runs("other", "HOST=canary-db\nSALUTE=canary-2\n")
    made = config(web, shop.path, path, version="1.3.0")
    made["environments"]["two"] = {"checks": {"config": {
        **made["environments"]["one"]["checks"]["config"], "file": {"path": other},
        "expect": {"baseline": {"git": {"path": "deploy/one.env", "ref": "v1.3.0"}}}}}}
    d = daemon(made, inside=syslog)
    d.ready()
    assert judged(d)[0] == "UNKNOWN"
    done = d.ctl("drift", "one", "two", "--all", "-o", "json")
    assert {r["key"]: r["verdict"] for r in json.loads(done.out)["rows"]} == {
        "HOST": "same", "SALUTE": "differs"}
    runs("env", "HOST=canary-db\nSALUTE=canary-3\n")
    d.run("one/config")
    texts = [done.out, d.ctl("history", "one", "-o", "json").out]
    d.stop()
    texts += [p.read_text(errors="replace") for p in d.state.rglob("*") if p.is_file()]
    assert "SALUTE" in texts[1] and not [t for t in texts if "canary" in t]
    (folder / "away.git").rename(shop.path)
    shutil.rmtree(d.state / "mirrors")
    d.start()
    for check in ("one/version", "one/config", "two/config"):
        d.run(check)
    wait_for(lambda: "canary-db" in d.ctl("drift", "one", "two", "--all").out, what="shown again")
    done = d.ctl("drift", "one", "--all", "-o", "json")
    assert "canary-db" in done.out and "canary-3" not in done.out, done
    assert len(syslog.lines("config-changed", "check=one/config")) == 1


def test_a_template_that_runs_as_it_is(daemon, web, shop, runs):
    """Nobody filled it in: nothing is known of that value, and it is said."""
    shop.write("deploy/one.env", "HOST=db1\nPORT=${PORT}\n")
    shop.commit("v1.3.0")
    d = daemon(config(web, shop.path, runs("env", "HOST=db1\nPORT=${PORT}\n"), version="1.3.0"))
    d.ready()
    c = d.check("one/config")
    assert "; 1 key is unverifiable: encrypted or a template in v1.3.0:" in c["summary"], c
    assert c["facts"]["unverifiable"] == 1


def test_what_was_wrong_before_does_not_settle(daemon, web, shop, runs, syslog):
    """A new version ends no problem that it did not bring: nothing recovers."""
    d = daemon(config(web, shop.path, runs("env", GOOD.replace("db1", "db2")),
                      options={"settle": "15m"}), inside=syslog)
    d.ready()
    assert judged(d) == ("CRITICAL", "drift")
    syslog.wait("state check=one/config", "now=CRITICAL")
    since = d.check("one/config")["since"]
    web.put("version", {"version": "1.1.0"})
    d.run("one/version")
    wait_for(lambda: "v1.1.0:" in d.check("one/config")["summary"], what="the other baseline")
    assert judged(d) == ("CRITICAL", "drift") and d.check("one/config")["since"] == since
    runs("env", GOOD + "SEARCH=on\n")  # what is mended is; what is new since then settles
    d.run("one/config")
    assert judged(d) == ("OK", "ok")
    mended = syslog.wait("state check=one/config", "now=OK")
    assert len(mended) == 1 and "reason=ok" in mended[0], mended
    runs("env", GOOD)
    d.run("one/config")
    assert judged(d) == ("OK", "settling")


def test_settle(daemon, web, shop, runs):
    path = runs("env", GOOD)
    made = config(web, shop.path, path, options={"settle": "15m"})
    d = daemon(made)
    d.ready()
    assert judged(d) == ("OK", "ok")
    web.put("version", {"version": "1.1.0"})
    d.run("one/version")
    wait_for(lambda: judged(d) == ("OK", "settling"), what="the version to change")
    c = d.check("one/config")
    assert c["summary"].startswith("the version changed ")
    assert c["summary"].endswith(" more no alert: 1 key differs from v1.1.0:deploy/one.env: SEARCH")
    assert c["facts"]["drifted"] == 1
    d.stop()  # when it changed is kept
    d.start()
    d.ready()
    d.run("one/config")
    assert judged(d) == ("OK", "settling")
    runs("env", "HOST=db2\n")
    del made["environments"]["one"]["checks"]["config"]["settle"]
    d.write(made)
    assert d.ctl("reload").code == 0
    d.ready()
    assert judged(d) == ("CRITICAL", "drift")


def test_both_words_and_a_peer(daemon, web, shop, runs):
    """same-as and baseline in one check; what only the newer version declares is no drift."""
    made = config(web, shop.path, runs("env", GOOD), expect={"same-as": "two"})
    web.put("version2", {"version": "1.1.0"})
    two = {"version": {"http": {"url": web.url("version2")}, "version": "/version"},
           "config": {"file": {"path": runs("env2", GOOD + "SEARCH=on\n")}, "format": "dotenv",
                      "expect": {"baseline": GIT}}}
    made["environments"]["two"] = {"checks": two}
    d = daemon(made)
    d.ready()
    wait_for(lambda: judged(d)[0] == "OK", what="both baselines")
    c = d.check("one/config")
    assert c["summary"] == ("3 keys, as in two and v1.0.0:deploy/one.env, "
                            "1 that the release brings"), c
    runs("env", GOOD.replace("HOST=db1", "HOST=db3"))
    d.run("one/config")
    assert d.check("one/config")["summary"] == ("1 key differs from two: HOST; "
                                                "1 key differs from v1.0.0:deploy/one.env: HOST")
    assert d.check("one/config")["facts"]["drifted"] == 1


def test_warn(daemon, web, shop, runs):
    made = config(web, shop.path, runs("env", "HOST=db2\n"))
    c = made["environments"]["one"]["checks"]["config"]
    c["warn"] = c.pop("expect")
    d = daemon(made)
    d.ready()
    assert judged(d) == ("WARNING", "drift")


def test_origin(daemon, runs):
    path = runs("app.env", "DATABASE_HOST=x\nA=1\n")
    checks = {name: {"file": {"path": path}, "format": "dotenv", "expect": {"origin": rule}}
              for name, rule in (("config-good", {"*": "*.env"}),
                                 ("config-bad", {"DATABASE_*": "/etc/shop/*"}))}
    d = daemon({"defaults": {"every": "1h", "confirm": 1},
                "environments": {"one": {"checks": checks}}})
    d.ready()
    assert d.check("one/config-good")["state"] == "OK"
    bad = d.check("one/config-bad")
    assert (bad["state"], bad["reason"]) == ("CRITICAL", "drift")
    assert bad["summary"] == "1 key has another origin: DATABASE_HOST"


def test_many_keys(daemon, web, shop, runs):
    """Beyond some thousands of keys it is judged off the loop."""
    text = "".join(f"KEY_{i}={i}\n" for i in range(30000))
    shop.write("deploy/one.env", text)
    shop.commit("v2.0.0")
    d = daemon(config(web, shop.path, runs("env", text.replace("KEY_77=77", "KEY_77=78")),
                      version="2.0.0"))
    d.ready()
    assert d.check("one/config")["summary"] == "1 key differs from v2.0.0:deploy/one.env: KEY_77"
    for _ in range(3):  # a reload while it is on a worker
        d.ctl("reload")
        d.run("one/config")
    assert judged(d) == ("CRITICAL", "drift")


@pytest.mark.parametrize("change, error", [
    (lambda e: e["checks"].pop("version"),
     "`baseline:` needs to know which version runs here: environment one has no check of kind "
     "version for it"),
    (lambda e: e["checks"].update({"version-b": e["checks"]["version"]}),
     "`baseline:` both one/version and one/version-b tell which version runs here; keep one"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"]["git"].update(path="../x"),
     "'../x' is not a path within a repository"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"]["git"].update(ref="a b"),
     "'a b' cannot be a ref"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"]["git"].update(ref="{tags}"),
     "'{tags}' cannot be a ref"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"].update(format="dotnev"),
     "there is no format 'dotnev'; did you mean 'dotenv'?"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"].update(format="text"),
     "format text gives fields"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"].update(select="/a"),
     "`select:` is an option of format"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"].update(format="dotenv", dialcet="node"),
     "unknown key 'dialcet'; did you mean 'dialect'?"),
    (lambda e: e["checks"]["config"]["expect"]["baseline"].pop("git"), "`git:` is missing"),
    (lambda e: e["checks"].update(version={"kind": "config", "settle": "5m",
                                           "file": {"path": "/x"}, "format": "dotenv"}),
     "`settle:` needs to know which version runs here"),
])
def test_wrong(folder, web, shop, change, error):
    made = yaml.safe_load(yaml.safe_dump(config(web, shop.path, "/etc/shop/env",
                                                {"git": dict(GIT["git"])})))
    change(made["environments"]["one"])
    (folder / "c.yaml").write_text(yaml.safe_dump(made))
    done = relauditd("--check-config", "-c", folder / "c.yaml")
    assert done.code == 2
    assert error in done.err, done.err


def test_no_repository(folder, web, shop):
    made = config(web, shop.path, "/etc/shop/env")
    del made["product"]["repository"]
    (folder / "c.yaml").write_text(yaml.safe_dump(made))
    done = relauditd("--check-config", "-c", folder / "c.yaml")
    assert done.code == 2 and "`baseline:` needs a git repository" in done.err, done.err
    made["environments"]["one"]["checks"]["config"]["expect"]["baseline"]["git"].update(
        repository=str(shop.path), ref="main")
    (folder / "c.yaml").write_text(yaml.safe_dump(made))
    assert relauditd("--check-config", "-c", folder / "c.yaml").code == 0
