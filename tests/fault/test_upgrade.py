# SPDX-License-Identifier: Apache-2.0
"""Row 59: state that earlier versions left (tests/data/state) is taken up, that of later ones is
not touched."""
import contextlib
import json
import shutil
import sqlite3
import sys

import pytest

import support
from support import parse_line

STATE = support.ROOT / "tests" / "data" / "state"
sys.path.insert(1, str(STATE))

import make  # noqa: E402

MADE = sorted(p.parent.name for p in STATE.glob("*/known.json"))
assert MADE, f"no state in {STATE}"


class Kept:
    """A daemon, not started yet, on a copy of what a version left, in the world as it was."""

    def __init__(self, name, folder, web, syslog, begin):
        self.known = json.loads((STATE / name / "known.json").read_text())
        self.state = folder / "state"
        self.state.mkdir(mode=0o750)
        for file in make.FILES:
            shutil.copyfile(STATE / name / file, self.state / file)
            (self.state / file).chmod(0o640)
        make.lay(web, folder)
        make.mount(syslog, folder)
        self.made = make.config(web)
        self.begin = lambda: self.start(begin, syslog)

    def start(self, begin, syslog):
        d = begin(self.made, inside=syslog)
        d.earned.update(self.known["checks"])
        return d

    def history(self, sql):
        """Runs it on history.db."""
        with contextlib.closing(sqlite3.connect(self.state / "history.db")) as db:
            db.executescript(sql)


@pytest.fixture(params=MADE)
def kept(request, folder, web, syslog, daemon):
    return Kept(request.param, folder, web, syslog, daemon)


def judge_taken_up(d, known, syslog):
    """In a world that is as it was everything is as it was, and nothing is said again."""
    d.ctl("run", "production")
    now = make.life(d.status())
    for name, was in known["checks"].items():
        for word in ("state", "hard", "since", "reason"):
            assert now[name][word] == was[word], (name, word)
    d.stop()  # all lines are out
    for what in ("state check=", ": config-changed ", ": version-changed "):
        assert not syslog.lines(what), what


def events_of(d):
    return d.api("/v1/history?limit=1000")[1]["events"]


def test_row_59_state_of_each_version_is_taken_up(kept, syslog, web):
    d = kept.begin()
    old = [e for e in events_of(d) if e["event"] != "reload"]
    assert [e for e in old if e in kept.known["events"]] == kept.known["events"]
    judge_taken_up(d, kept.known, syslog)
    # Problems end with the ids that they were announced with, by the daemon that ends them.
    d.start()
    web.put("bad", {"version": "1.0.0"})
    d.run("production/version-bad")
    line = dict(parse_line(syslog.wait("state check=production/version-bad")[0])[4])
    assert [line["now"], line["id"]] == ["OK", kept.known["announced"]["production/version-bad"][1]]


def test_row_59_what_changed_meanwhile_is_told_against_what_was_known(kept, folder, web, syslog):
    """Snapshots and versions of the time before are what is compared with."""
    (folder / "env").write_text("A=3\nNEW=y\nPASSWORD=0ther-53c2e1f08ab94d67\n")
    web.put("good", {"version": "1.2.0"})
    d = kept.begin()
    d.ctl("run", "production")
    line = dict(parse_line(syslog.wait(": config-changed ")[0])[4])
    assert (line["count"], line["keys"]) == ("1", "A")
    line = syslog.wait(": version-changed ", "version-good")[0]
    assert "1.1.0" in line and "1.2.0" in line
    assert len(syslog.lines(": config-changed ")) == 1


def test_row_59_a_history_of_the_first_format_is_migrated(kept, syslog):
    """That format had no snapshots: the next reading is the first. Nothing else is lost."""
    kept.history("DROP TABLE snapshot; PRAGMA user_version=1")
    d = kept.begin()
    assert [e for e in events_of(d) if e in kept.known["events"]] == kept.known["events"]
    judge_taken_up(d, kept.known, syslog)
    with contextlib.closing(sqlite3.connect(kept.state / "history.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] > 1
    assert not list(kept.state.glob("*bad*")), "nothing was set aside"


def make_newer(path):
    """Says in its head that a later version wrote it; returns what it is then."""
    data = bytearray(path.read_bytes())
    data[60:64] = (7).to_bytes(4, "big")
    path.write_bytes(data)
    return bytes(data)


def test_row_59_a_downgrade_is_refused(kept):
    make_newer(kept.state / "records.db")
    before = {p.name: p.read_bytes() for p in kept.state.iterdir()}
    d = support.Daemon(kept.state.parent, kept.made)
    done = support.relauditd("-c", d.config)
    assert done.code == 1 and "records.db is of a newer relauditd (version 7" in done.err, done
    assert before == {p.name: p.read_bytes() for p in kept.state.iterdir() if p.name != "lock"}


def test_row_59_a_newer_history_is_set_aside_whole(kept, syslog):
    """It is expendable: what was announced does not hang on it. Its file stays for its version."""
    data = make_newer(kept.state / "history.db")
    d = kept.begin()
    assert "history.db is of another version: kept as " in d.said()
    [aside] = [p for p in kept.state.glob("history.db*") if p.read_bytes() == data]
    assert aside.name in d.said()
    judge_taken_up(d, kept.known, syslog)
