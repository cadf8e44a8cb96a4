#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the state folder that tests/fault/test_upgrade.py starts later versions on, from the life
of a daemon: problems announced, one that ended, a version and a configuration that changed, a history,
snapshots. Run once for each version that changes what is kept, never to mend a test:

  RELAUDIT_BUILD=$PWD/build tests/data/state/make.py 0.1.0
"""
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent.parent / "system"))

import support  # noqa: E402

FILES = ("records.db", "records.db.last", "history.db")


def mount(syslog, folder):
    """Where a configuration stands is part of what is known of it: the daemon sees it in /mnt."""
    assert support.run(*syslog.command("mount", "--bind", folder, "/mnt")).code == 0


def config(web):
    """The checks of that life."""
    def version(name, expected):
        return {"http": {"url": web.url(name)}, "format": "json", "version": "/version",
                "expect": {"version": expected}}
    return {
        "defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "10s"},
        "daemon": {"history": {"keep": "36500d"}},
        "services": {"api": {}},
        "environments": {"production": {"owner": "ops", "checks": {
            "version-good": version("good", ">=1.0.0"),
            "version-bad": version("bad", "1.0.0"),
            "version-was-bad": version("was-bad", "1.0.0"),
            "backup-db": {"file": {"glob": "/mnt/none/*.dump"}, "expect": {"max-age": "26h"}},
            "config-api": {"file": {"path": "/mnt/env"}, "format": "dotenv"},
            "logs-each": {"for": {"host": ["h1", "h2"]}, "time": r"^(?<time>\S+)",
                          "file": {"path": "/mnt/${host}.log"}, "expect": {"max-age": "1h"}},
        }}}}


def lay(web, folder):
    """The world as it is at the end of that life."""
    web.put("good", {"version": "1.1.0"})
    web.put("bad", {"version": "2.0.0"})
    web.put("was-bad", {"version": "1.0.0"})
    (folder / "env").write_text("A=2\nNEW=y\nPASSWORD=0ther-53c2e1f08ab94d67\n")
    support.make_log(folder / "h1.log", (5, "INFO one"))


def live(d, web, folder, syslog):
    lay(web, folder)
    web.put("good", {"version": "1.0.0"})
    web.put("was-bad", {"version": "2.0.0"})
    (folder / "env").write_text("A=1\nOLD=x\nPASSWORD=0ther-53c2e1f08ab94d67\n")
    d.ready()
    syslog.wait("state check=", count=4)
    lay(web, folder)
    d.ctl("run", "production")
    syslog.wait("check=production/version-was-bad", "now=OK")
    syslog.wait(": config-changed ")
    syslog.wait(": version-changed ", "version-good")


def ids(syslog):
    """{check: [now, id]} of what was announced last of each."""
    lines = [dict(support.parse_line(ln)[4]) for ln in syslog.lines("state check=")]
    return {ln["check"]: [ln["now"], ln["id"]] for ln in lines}


def life(status):
    """Of each check what a later version has to know."""
    return {c["check"]: {k: c.get(k) for k in ("state", "hard", "since", "reason")}
            for e in status["environments"] for c in e["checks"]}


def main(name):
    with support.new_folder() as folder, support.Things() as things:
        web = things(support.Web(folder / "web"))
        syslog = things(support.Syslog(folder / "syslog"))
        mount(syslog, folder)
        d = things(support.Daemon(folder, config(web), inside=syslog)).start()
        live(d, web, folder, syslog)
        events = d.api("/v1/history?limit=1000")[1]["events"]
        known = {"checks": life(d.status()), "announced": ids(syslog), "events": events}
        d.stop()
        made = HERE / name
        made.mkdir()
        for file in FILES:
            shutil.copyfile(d.state / file, made / file)
        (made / "known.json").write_text(json.dumps(known, indent=1) + "\n")
        print(sorted(p.name for p in d.state.iterdir()))


if __name__ == "__main__":
    main(sys.argv[1])
