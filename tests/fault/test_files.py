# SPDX-License-Identifier: Apache-2.0
"""Rows 42-44: files and folders that are not what they seem, and file systems that hang."""
import ctypes
import os
import pathlib
import time

import pytest

import faults
from faults import LONG, config
from support import make_backup, make_backups, make_log, run, stamp

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2


def backup(folder, **expect):
    return {"file": {"glob": f"{folder}/*.dump"}, "expect": expect or {"max-age": "26h"}}


def logs(path, **more):
    return {"file": {"path": str(path)}, "time": r"^(?<time>\S+)",
            "expect": {"max-age": "5m"}, **more}


def test_row_42_backups_that_are_none(daemon, folder):
    """What is no fresh regular file with something in it makes no check OK."""
    def make(name):
        (folder / name).mkdir()
        return folder / name / "a.dump"
    good = make_backup(folder / "good" / "a.dump")
    make_backup(make("future"), -86400)
    make_backup(make("epoch"), time.time())
    os.utime(make_backup(make("far"), 0), (2 ** 33, 2 ** 33))
    make_backup(make("empty"), 3600, 0)
    os.symlink(good, make("link"))
    os.symlink("a.dump", make("loop"))
    os.symlink("/nonexistent", make("dangling"))
    os.mkfifo(make("pipe"))
    os.mknod(make("device"), 0o600 | 0o020000, os.makedev(1, 5))
    make("folder").mkdir()
    os.link(good, make("good-hard"))
    names = ("future", "epoch", "far", "empty", "link", "loop", "dangling", "pipe", "device",
             "folder")
    checks = {f"backup-{n}": backup(folder / n) for n in (*names, "good", "good-hard")}
    d = daemon(config(checks))
    wanted = {"future": "backup-future", "far": "backup-future", "epoch": "backup-too-old",
              "empty": "backup-empty"}
    got = d.expect({"backup-good": "ok", "backup-good-hard": "ok",
                    **{f"backup-{n}": wanted.get(n, "backup-none") for n in names}})
    assert all(got[f"backup-{n}"]["state"] == "CRITICAL" for n in names)
    good.unlink()
    assert d.results()["backup-good"]["reason"] == "backup-none"


def test_row_42_touched_and_nothing_else(daemon, folder):
    """The same old file with a new date: its size and time are facts to compare."""
    make_backups(folder / "b", count=2, newest=3600, size=1000)
    d = daemon(config({"backup-good": backup(folder / "b", **{"max-age": "26h",
                                                              "max-shrink": "30%"})}))
    d.expect({"backup-good": "ok"})
    make_backup(folder / "b" / "shop-0.dump", 60, 600)
    c = d.results()["backup-good"]
    assert (c["state"], c["reason"]) == ("CRITICAL", "backup-shrunk")


@pytest.fixture
def hung(folder):
    """A mount that never answers: nobody reads from its /dev/fuse."""
    path = folder / "hung"
    path.mkdir()
    fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
    assert LIBC.mount(b"hung", str(path).encode(), b"fuse", 6, options) == 0, ctypes.get_errno()
    yield path
    LIBC.umount2(str(path).encode(), MNT_DETACH)
    os.close(fuse)
    path.rmdir()


def test_row_43_a_file_system_that_hangs(daemon, folder, hung):
    make_backup(folder / "good" / "a.dump")
    checks = {f"backup-{i}": {**backup(hung), "timeout": "1s"} for i in range(6)}
    checks["logs-hung"] = {**logs(hung / "app.log"), "timeout": "1s"}
    checks |= {f"backup-good-{i}": backup(folder / "good") for i in range(20)}
    d = daemon(config(checks))
    got = d.expect({n: "ok" if "good" in n else "file-hung" for n in checks})
    for name, c in got.items():
        assert c["duration_ms"] < (900 if "good" in name else 3000), name
    for _ in range(5):
        assert d.results("one/backup-good-1")["backup-good-1"]["state"] == "OK"
    assert d.metric("helper_restarts") == 0
    LIBC.umount2(str(hung).encode(), MNT_DETACH)


def test_row_43_very_many_entries(daemon, folder):
    """Beyond 100,000 it is said; many that match cost no other probe anything."""
    make_backup(folder / "good" / "a.dump")
    many = folder / "many"
    many.mkdir()
    run("sh", "-c", f"seq {1000001 if LONG else 100001} | sed s/$/.dump/ | xargs touch", cwd=many)
    d = daemon(config({"backup-many": backup(many), "backup-good": backup(folder / "good")}))
    got = d.expect({"backup-many": "file-too-many", "backup-good": "ok"})
    assert "100000" in got["backup-many"]["summary"]


def test_row_44_logs_that_change_under_the_reader(daemon, folder):
    log = make_log(folder / "good.log", (3, "INFO one"))
    sparse = folder / "sparse.log"
    with open(sparse, "wb") as f:
        f.truncate(10 << 30)
    os.mkfifo(folder / "pipe.log")
    os.symlink(log, folder / "link.log")
    tail = make_log(folder / "good-tail.log")
    with open(tail, "ab") as f:
        f.truncate(10 << 30)
        f.seek(0, 2)
        f.write(f"\n{stamp(1)} INFO after the hole\n".encode())
    d = daemon(config({"logs-good": logs(log), "logs-sparse": logs(sparse),
                       "logs-pipe": logs(folder / "pipe.log"),
                       "logs-link": logs(folder / "link.log"),
                       "logs-good-tail": logs(tail)}), env=faults.FLAT)
    before = d.metric("resident_bytes")
    d.expect({"logs-good": "ok", "logs-good-tail": "ok", "logs-pipe": "file-type",
              "logs-link": "file-type", "logs-sparse": ("logs-no-time", "logs-empty", "not-text")})
    d.judge_memory(before)
    log.rename(folder / "good.log.1")
    log.write_text(f"{stamp(1)} INFO two\n")
    assert d.results()["logs-good"]["state"] == "OK", "rotated"
    log.write_text("")
    assert d.results()["logs-good"]["state"] in ("OK", "CRITICAL"), "truncated"
    log.write_text(f"{stamp(7200)} INFO old\n")
    assert d.results()["logs-good"]["reason"] == "logs-too-old", "replaced by an older one"
    log.unlink()
    assert d.results()["logs-good"]["reason"] == "file-missing"
    assert pathlib.Path(folder / "good.log.1").exists()
