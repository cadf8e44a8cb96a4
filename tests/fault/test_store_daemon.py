# SPDX-License-Identifier: Apache-2.0
"""A daemon whose state folder is full, read-only, frozen, newer, someone else's or in use."""
import json
import os
import shutil
import subprocess
import time

import pytest
from store_rounds import (Mount, ext4, metric, pick, place, set_state, support,  # noqa: F401
                          take, watching)

parse_line, wait_for = support.parse_line, support.wait_for


# Before syslog, whose mount namespace is a copy.

@pytest.fixture
def disk(place, take):  # noqa: F811
    return take(Mount(place / "state", "-o", "size=512k"))


@pytest.fixture
def ext4_disk(place, take):  # noqa: F811
    return take(ext4(place / "state"))


@pytest.fixture
def web(place, take):  # noqa: F811
    return take(support.Web(place / "web"))


@pytest.fixture
def syslog(place, take):  # noqa: F811
    return take(support.Syslog(place / "syslog"))


@pytest.fixture
def daemon(place, take, web, syslog):  # noqa: F811
    """One that is ready, its check OK; with the state folder that was made before, if one was."""
    def begin(**more):
        web.put("version", {"version": "1.0.0"})
        d = take(support.Daemon(place, watching(web, **more), inside=syslog))
        d.start()
        d.ready()
        return d
    return begin


def events(d):
    return [(e["check"], e["now"]) for e in json.loads(d.ctl("history", "one", "-o", "json").out)[
        "events"] if e["event"] == "state"]


def announced(syslog):  # noqa: F811
    """[(id, state)]: a line that went out right before a crash may do so again, with its id."""
    lines = [dict(parse_line(ln)[4]) for ln in syslog.lines("state check=")]
    return list(dict.fromkeys((ln["id"], ln["now"]) for ln in lines))


def is_saved(d):
    return metric(d, "store_failing") == 0 and metric(d, "records_unsaved") == 0


def test_row_07_disk_full(place, disk, web, syslog, daemon):  # noqa: F811
    d = daemon()
    assert set_state(d, web, "2.0.0")["state"] == "CRITICAL"
    syslog.wait("state check=one/version", "now=CRITICAL")
    disk.fill()
    assert set_state(d, web, "1.0.0")["state"] == "OK", "auditing goes on"
    syslog.wait("state check=one/version", "now=OK")
    syslog.wait("store failing=1", "state not saved: disk full")
    assert d.api("/healthz")[0] == 503 and metric(d, "store_failing") == 1
    assert metric(d, "records_unsaved") > 0
    assert d.status()["daemon"]["problem"] == "state not saved: disk full"
    assert "relauditd: state not saved: disk full" in d.ctl("status").out.splitlines()
    assert ("one/version", "OK") not in events(d), "it could not be written"
    disk.free()
    wait_for(lambda: is_saved(d), what="state is saved once there is room")
    assert events(d) == [("one/version", "CRITICAL"), ("one/version", "OK")], "nothing is lacking"
    syslog.wait("store failing=0")
    assert "problem" not in d.status()["daemon"]
    d.restart()
    assert d.check("one/version")["state"] == "OK"
    assert len(announced(syslog)) == 2


def test_row_07_started_with_a_full_disk(place, disk, web, syslog, daemon):  # noqa: F811
    d = daemon()
    set_state(d, web, "2.0.0")
    syslog.wait("now=CRITICAL")
    d.kill9()
    disk.fill()
    d.start()
    assert d.check("one/version")["state"] == "CRITICAL", "what was acknowledged is known"
    assert set_state(d, web, "1.0.0")["state"] == "OK"
    syslog.wait("now=OK")
    disk.free()
    wait_for(lambda: is_saved(d), what="state is saved once there is room")
    d.restart()
    assert d.check("one/version")["state"] == "OK"


def test_row_10_read_only_from_the_start(place, ext4_disk, web, syslog, daemon):  # noqa: F811
    disk = ext4_disk
    d = daemon()
    set_state(d, web, "2.0.0")
    syslog.wait("now=CRITICAL")
    assert events(d) == [("one/version", "CRITICAL")]  # asked for, it is written
    d.kill9()  # with a journal that is not in the file yet
    disk.remount("ro")
    d.start()
    assert d.check("one/version")["state"] == "CRITICAL"
    assert events(d) == [("one/version", "CRITICAL")], "what is there can be read"
    assert "state not saved: file system is read-only" in d.said()
    syslog.wait("store failing=1", "read-only")
    assert d.api("/healthz")[0] == 503
    assert set_state(d, web, "1.0.0")["state"] == "OK", "auditing goes on in memory"
    (place / "other").mkdir()
    other = support.Daemon(place / "other", watching(web, daemon={"state": str(d.state)}))
    done = support.relauditd("-c", other.config)
    assert done.code == 1 and "already running" in done.err, done
    disk.remount("rw")
    wait_for(lambda: is_saved(d), what="state is saved once it can be")
    assert events(d)[-1] == ("one/version", "OK"), "the history of that time is not lacking"
    d.restart()
    assert d.check("one/version")["state"] == "OK"
    assert len(announced(syslog)) == 2


def test_row_10_read_only_and_never_used(place, ext4_disk, web, syslog, daemon):  # noqa: F811
    disk = ext4_disk
    disk.remount("ro")
    d = daemon()
    assert set_state(d, web, "2.0.0")["state"] == "CRITICAL"
    syslog.wait("now=CRITICAL")
    assert "Read-only file system" in d.ctl("history", "one").err
    d.stop()  # in time, with 0
    d.start()
    assert set_state(d, web, "2.0.0")["state"] == "CRITICAL"
    disk.remount("rw")
    wait_for(lambda: is_saved(d), what="state is saved once it can be")
    d.restart()
    assert d.check("one/version")["state"] == "CRITICAL"


def test_row_10_turned_read_only_by_its_own_errors(place, take, ext4_disk, web, syslog, daemon):  # noqa: F811
    disk = ext4_disk
    d = daemon()
    set_state(d, web, "2.0.0")
    syslog.wait("now=CRITICAL")
    disk.remount("abort")
    assert set_state(d, web, "1.0.0")["state"] == "OK"
    syslog.wait("now=OK")
    syslog.wait("store failing=1", "state not saved")
    d.kill9()
    syslog.stop()
    d.inside = None
    disk.stop()
    disk.check()
    take(Mount(place / "state", image=place / "state.img"))
    d.start()
    assert d.check("one/version")["state"] in ("CRITICAL", "OK"), "an acknowledged one, or newer"


def test_row_10_frozen(place, ext4_disk, web, syslog, daemon):  # noqa: F811
    disk = ext4_disk
    d = daemon()
    disk.freeze(True)
    began = time.monotonic()
    assert set_state(d, web, "2.0.0")["state"] == "CRITICAL", "auditing goes on in memory"
    d.status()
    assert time.monotonic() - began < 5, "the loop does not wait for the disk"
    syslog.wait("store failing=1", "disk does not answer", timeout=30)
    assert d.api("/healthz")[0] == 503
    assert metric(d, "loop_worst_seconds") < 0.5
    disk.freeze(False)
    wait_for(lambda: is_saved(d), what="state is saved once the disk answers")
    syslog.wait("now=CRITICAL")
    d.restart()
    assert d.check("one/version")["state"] == "CRITICAL"


def test_row_11_folder_removed_underneath(place, take, web, syslog):  # noqa: F811
    web.put("version", {"version": "1.0.0"})
    d = take(support.Daemon(place, watching(web), {"RELAUDIT_SECCOMP": "kill"}, inside=syslog))
    d.start()
    d.ready()
    set_state(d, web, "2.0.0")
    syslog.wait("state check=one/version", "now=CRITICAL")
    shutil.rmtree(place / "state")
    syslog.wait("store failing=1", "state not saved: its files were removed")
    assert d.api("/healthz")[0] == 503, "seen although nothing was written"
    wait_for(lambda: is_saved(d), what="state is saved in a new folder")
    syslog.wait("store failing=0")
    shutil.rmtree(place / "state")
    set_state(d, web, "1.0.0")
    syslog.wait("state check=one/version", "now=OK", "unsaved=1")
    wait_for(lambda: is_saved(d), what="state is saved once more")
    d.kill9()
    d.start()
    d.ready()
    set_state(d, web, "2.0.0")
    wait_for(lambda: len(announced(syslog)) == 3, what="the next problem")
    numbers = [i for i, _ in announced(syslog)]
    assert numbers[0] == numbers[1] < numbers[2], "none is another problem's, none is told twice"


def test_row_12_state_of_a_newer_version(place, web, syslog, daemon):  # noqa: F811
    d = daemon()
    set_state(d, web, "2.0.0")
    d.stop()
    path = d.state / "records.db"
    data = bytearray(path.read_bytes())
    data[60:64] = (7).to_bytes(4, "big")
    path.write_bytes(data)
    before = {p.name: p.read_bytes() for p in d.state.iterdir()}
    done = support.relauditd("-c", d.config)
    assert done.code == 1, done
    assert "records.db is of a newer relauditd (version 7" in done.err
    after = {p.name: p.read_bytes() for p in d.state.iterdir()}
    before.pop("lock"), after.pop("lock")
    assert after == before, "nothing is touched"


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "owner", "folder-link", "folder-owner",
                                  "folder-mode", "file"])
def test_row_13_state_that_is_not_ours(what, place, web, daemon):  # noqa: F811
    d = daemon()
    d.stop()
    path = named = d.state / "records.db"
    away = place / "away"
    if what == "link":
        path.rename(away)
        path.symlink_to(away)
    elif what == "pipe":
        path.unlink()
        os.mkfifo(path)
    elif what == "folder":
        path.unlink()
        path.mkdir()
    elif what == "owner":
        os.chown(path, 12345, 12345)
    else:
        named = d.state
        if what == "folder-link":
            d.state.rename(away)
            d.state.symlink_to(away)
        elif what == "folder-owner":
            os.chown(d.state, 12345, 12345)
        elif what == "folder-mode":
            d.state.chmod(0o777)
        else:
            d.state.rename(away)
            d.state.write_text("")
    done = support.relauditd("-c", d.config, timeout=20)
    assert done.code == 1, done
    assert str(named) in done.err, done


def test_row_14_many_second_instances(place, web, daemon):  # noqa: F811
    d = daemon()
    argv = [str(support.RELAUDITD), "-c", str(d.config)]
    others = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True,
                               env=support.clean_environment()) for _ in range(pick(12, 100))]
    for other in others:
        said = other.communicate(timeout=120)[1]
        assert other.returncode == 1, said
        assert f"already running, pid {d.pid}" in said
    assert set_state(d, web, "2.0.0")["state"] == "CRITICAL", "the first is unharmed"
    d.restart()
    assert d.check("one/version")["state"] == "CRITICAL"


def test_row_15_sockets_of_the_dead_and_of_the_living(place, web, daemon):  # noqa: F811
    d = daemon()
    d.kill9()
    assert d.socket.exists()
    d.start()
    assert d.status()["environments"], "the stale one is replaced"
    inode = d.socket.stat().st_ino
    where = place / "other"
    where.mkdir()
    other = support.Daemon(where, watching(web, daemon={"socket": {"path": str(d.socket)}}))
    done = support.relauditd("-c", other.config)
    assert done.code == 1 and str(d.socket) in done.err, done
    assert d.socket.stat().st_ino == inode
    assert d.status()["environments"], "the living one is not stolen"


def test_row_60_what_was_announced_is_kept(place, web, syslog, daemon):  # noqa: F811
    """States are what is acknowledged today: their line goes out once the record is synced. Acks
    and silences come later."""
    d = daemon()
    restarts = []
    for n in range(pick(5, 100)):
        wanted = ("CRITICAL", "OK")[n % 2]
        web.put("version", {"version": ("2.0.0", "1.0.0")[n % 2]})
        d.ctl("run", "one/version")
        wait_for(lambda: len(announced(syslog)) > n, what="the line")
        d.kill9()  # at once
        assert announced(syslog)[n][1] == wanted
        began = time.monotonic()
        d.start()
        restarts.append(time.monotonic() - began)
        assert d.check("one/version")["state"] == wanted
    seen = announced(syslog)
    assert len(seen) == len(restarts)
    assert len({i for i, _ in seen}) == (len(seen) + 1) // 2, "no id is used for two problems"
    assert min(restarts) < 1 * support.SLOW, restarts
