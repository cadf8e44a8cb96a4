# SPDX-License-Identifier: Apache-2.0
"""Every cause turns the verdict, and each with a reason of its own. Not read is UNKNOWN; read and
breached is CRITICAL or WARNING."""
import os
import threading
import time

import pytest

import support
from support import make_backup, make_backups, make_log, stamp, wait_for

NAMESERVER = "127.77.5.3"


class Dns(support.Server):
    def __init__(self):
        super().__init__(support.SERVERS / "dns_server.py", "--host", NAMESERVER, "--port", "53",
                         "--late", "30")


def version(url, **more):
    http = {"url": url, **more.pop("http", {})}
    return {"http": http, "format": "json", "version": "/version", **more}


def version_checks(web, hole, certificates):
    tls = web.tls
    ca = {"ca": f"{certificates['ca']}.pem"}

    def https(name, host="localhost"):
        return f"https://{host}:{tls[name]}/version"
    web.put("version", {"version": "1.4.2", "list": [1], "n": 7})
    web.put("big", '{"version": "' + "x" * 3000 + '"}')
    web.put("broken", '{"version": "1.0", }')
    web.put("twice", '{"version": "1.0", "version": "2.0"}')
    web.put("rest", '{"version": "1.0"} and more')
    web.put("nothing", "")
    web.put("binary", b"\xff\xfe\x00\x01")
    web.put("flag", {"version": True})
    web.put("word", {"version": "not a version"})
    web.put("html", "<html>502 Bad Gateway</html>")
    return {
        "good": (version(web.url("version")), "OK", "ok"),
        "refused": (version(f"http://127.0.0.1:{support.free_port()}/"), "UNKNOWN", "refused"),
        "hung": (version(f"http://127.0.0.1:{hole.port}/", timeout="1s"), "UNKNOWN", "timeout"),
        "status": (version(web.url("s500")), "UNKNOWN", "http-status"),
        "missing": (version(web.url("none")), "UNKNOWN", "http-status"),
        "redirect": (version(web.url("moved")), "UNKNOWN", "http-redirect"),
        "followed": (version(web.url("moved"), http={"redirects": 1}), "OK", "ok"),
        "too-large": (version(web.url("big"), http={"max-size": 1000}), "UNKNOWN",
                      "body-too-large"),
        "not-json": (version(web.url("broken")), "UNKNOWN", "not-json"),
        "html": (version(web.url("html")), "UNKNOWN", "not-json"),
        "key-twice": (version(web.url("twice")), "UNKNOWN", "not-json"),
        "trailing": (version(web.url("rest")), "UNKNOWN", "not-json"),
        "empty": (version(web.url("nothing")), "UNKNOWN", ("empty", "not-json")),
        "no-field": (version(web.url("version"), version="/git/version"), "UNKNOWN",
                     "no-such-field"),
        "field-type": (version(web.url("version"), version="/list"), "UNKNOWN", "field-type"),
        "no-match": ({"http": {"url": web.url("version")}, "format": "text",
                      "regex": r"release (?<version>\d+)"}, "UNKNOWN", "no-match"),
        "no-header": ({"http": {"url": web.url("version")}, "header": "X-Version"}, "UNKNOWN",
                      "http-no-header"),
        "not-text": ({"http": {"url": web.url("binary")}, "format": "text"}, "UNKNOWN",
                     "not-text"),
        "differs": (version(web.url("version"), expect={"version": "1.5.0"}), "CRITICAL",
                    "version-differs"),
        "range": (version(web.url("version"), expect={"version": ">=2"}), "CRITICAL",
                  "version-differs"),
        "in-range": (version(web.url("version"), expect={"version": ">=1.4 <2 || 3.x"}), "OK",
                     "ok"),
        "unreadable": (version(web.url("word"), expect={"version": ">=1"}), "UNKNOWN",
                       "version-unreadable"),
        "page": ({"http": {"url": web.url("html")}, "format": "text"}, "UNKNOWN",
                 "version-unreadable"),
        "flag": (version(web.url("flag"), expect={"version": "1.5.0"}), "UNKNOWN",
                 "version-unreadable"),
        "tls-good": (version(https("server"), http=ca), "OK", "ok"),
        "tls-expired": (version(https("expired"), http=ca), "UNKNOWN", "tls-expired"),
        "tls-future": (version(https("future"), http=ca), "UNKNOWN", "tls-not-yet-valid"),
        "tls-host": (version(https("wrong-host"), http=ca), "UNKNOWN", "tls-wrong-host"),
        "tls-self": (version(https("self-signed"), http=ca), "UNKNOWN", "tls-self-signed"),
        "tls-ca": (version(https("unknown-ca"), http=ca), "UNKNOWN", "tls-unknown-ca"),
        "tls-plain": (version(f"https://localhost:{web.port}/version", http=ca), "UNKNOWN",
                      "tls-error"),
        "http-of-tls": (version(f"http://127.0.0.1:{tls['server']}/version"), "UNKNOWN",
                        "http-status"),
        "connect": (version(f"http://no.such.host.test/version",
                            http={"connect": f"127.0.0.1:{web.port}"}), "OK", "ok"),
        "dns-nx": (version("http://nx.test/"), "UNKNOWN", "dns-not-found"),
        "dns-empty": (version("http://empty.test/"), "UNKNOWN", "dns-no-address"),
        "dns-silent": (version("http://silent.test/", timeout="2s"), "UNKNOWN", "dns-timeout"),
        "dns-servfail": (version("http://servfail.test/"), "UNKNOWN", "dns"),
        "dns-good": (version(f"http://one.test:{web.port}/version"), "OK", "ok"),
        "file-missing": ({"file": {"path": "/nonexistent/VERSION"}, "format": "text"}, "UNKNOWN",
                         "file-missing"),
        "file-folder": ({"file": {"path": "/tmp"}, "format": "text"}, "UNKNOWN", "file-type"),
    }


def backup_checks(folder):
    def make(name, *sizes_and_ages):
        for i, (age, size) in enumerate(sizes_and_ages):
            make_backup(folder / name / f"{i}.dump", age, size)

    def check(name, glob="*.dump", **expect):
        return {"file": {"glob": f"{folder}/{name}/{glob}"}, "expect": expect}
    day = 86400
    make("good", (3600, 1000), (day, 1000))
    make("old", (2 * day, 1000))
    make("future", (-day, 1000))
    make("empty", (3600, 0))
    make("small", (3600, 10), (day, 1000))
    make("shrunk", (3600, 600), (day, 1000))
    make("few", (3600, 1000), (day, 1000))
    (folder / "none").mkdir()
    make_backup(folder / "partial" / "a.dump.part", 3600, 1000)
    make("mixed", (3600, 1000), (-day, 5000), (60, 0))
    make("writing", (-120, 1000))
    os.symlink(folder / "good" / "0.dump", folder / "none" / "link.dump")
    os.mkfifo(folder / "none" / "pipe.dump")
    return {
        "good": (check("good", **{"max-age": "26h", "min-size": 500, "min-count": 2,
                                  "max-shrink": "30%"}), "OK", "ok"),
        "old": (check("old", **{"max-age": "26h"}), "CRITICAL", "backup-too-old"),
        "none": (check("none", **{"max-age": "26h"}), "CRITICAL", "backup-none"),
        "future": (check("future", **{"max-age": "26h"}), "CRITICAL", "backup-future"),
        "empty": (check("empty", **{"max-age": "26h"}), "CRITICAL", "backup-empty"),
        "small": (check("small", **{"min-size": 500}), "CRITICAL", "backup-too-small"),
        "shrunk": (check("shrunk", **{"max-shrink": "30%"}), "CRITICAL", "backup-shrunk"),
        "shrunk-little": (check("shrunk", **{"max-shrink": "50%"}), "OK", "ok"),
        "few": (check("few", **{"min-count": 3}), "CRITICAL", "backup-too-few"),
        "partial": (check("partial", "*", **{"max-age": "26h"}), "CRITICAL", "backup-none"),
        "mixed": (check("mixed", **{"max-age": "26h"}), "OK", "ok"),
        "writing": (check("writing", **{"max-age": "26h"}), "UNKNOWN", "backup-unfinished"),
        "missing": (check("nowhere", **{"max-age": "26h"}), "CRITICAL", "file-missing"),
    }


def logs_checks(folder):
    def check(name, **more):
        more.setdefault("time", r"^(?<time>\S+)")
        return {"file": {"path": f"{folder}/{name}.log"}, **more}

    def drop(key, check):
        del check[key]
        return check
    make_log(folder / "fresh.log", (50, "INFO start"), (5, "INFO order paid"))
    make_log(folder / "old.log", (7200, "INFO start"), (3600, "INFO order paid"))
    make_log(folder / "bad.log", (50, "INFO start"), (5, "FATAL OutOfMemoryError"))
    make_log(folder / "future.log", (-86400, "INFO start"))
    make_log(folder / "timeless.log", "no time here", "nor here")
    make_log(folder / "none.log")
    rotated = make_log(folder / "rotated.log.1", (50, "INFO start"))
    make_log(folder / "rotated.log", (5, "INFO begun anew"))
    mtime = make_log(folder / "mtime.log", "without any time")
    at = time.time() - 3600
    os.utime(mtime, (at, at))
    assert rotated.exists()
    limit = {"max-age": "5m"}
    return {
        "fresh": (check("fresh", expect=limit), "OK", "ok"),
        "old": (check("old", expect=limit), "CRITICAL", "logs-too-old"),
        "required": (check("fresh", expect={"required": ["order paid"]}), "OK", "ok"),
        "required-missing": (check("fresh", expect={"required": ["heartbeat"]}), "CRITICAL",
                             "logs-required-missing"),
        "forbidden": (check("bad", expect={"forbidden": ["OutOfMemoryError"]}), "CRITICAL",
                      "logs-forbidden"),
        "missing": (check("nowhere", expect=limit), "CRITICAL", "file-missing"),
        "no-time": (check("timeless", expect=limit), "UNKNOWN", "logs-no-time"),
        "empty": (check("none", expect=limit), "CRITICAL", "logs-empty"),
        "future": (check("future", expect=limit), ("UNKNOWN", "CRITICAL"), "logs-future"),
        "rotated": (check("rotated", expect=limit), "OK", "ok"),
        "mtime": (drop("time", check("mtime", expect=limit)), "CRITICAL", "logs-too-old"),
        "folder": ({"file": {"path": str(folder)}, "expect": limit}, "UNKNOWN", "file-type"),
    }


@pytest.fixture(scope="module")
def causes(module_folder, module_things, certificates):
    """All at once in one daemon: {check: (as it is, verdict wanted, reason wanted)}."""
    take, folder = module_things, module_folder
    take(Dns())
    hole = take(support.Hole())
    web = take(support.Web(folder / "web", certificates={
        n: certificates[n] for n in ("server", "expired", "future", "wrong-host", "self-signed",
                                     "unknown-ca")}))
    inside = take(support.Namespace(folder / "ns", resolv=f"nameserver {NAMESERVER}\n"))
    wanted = {"versions": version_checks(web, hole, certificates),
              "backups": backup_checks(folder / "backups"), "logs": logs_checks(folder / "logs")}
    kinds = {"versions": "version", "backups": "backup", "logs": "logs"}
    environments = {env: {"checks": {f"{kinds[env]}-{name}": item[0]
                                     for name, item in checks.items()}}
                    for env, checks in wanted.items()}
    d = take(support.Daemon(folder, {
        "defaults": {"every": "1h", "timeout": "10s", "confirm": 1},
        "environments": environments}, inside=inside)).start()
    status = d.ready()
    return {f"{env}/{kinds[env]}-{name}": (support.find_check(status, f"{env}/{kinds[env]}-{name}"),
                                           item[1], item[2])
            for env, checks in wanted.items() for name, item in checks.items()}


VERSIONS = """good refused hung status missing redirect followed too-large not-json html key-twice
trailing empty no-field field-type no-match no-header not-text differs range in-range unreadable page flag
tls-good tls-expired tls-future tls-host tls-self tls-ca tls-plain http-of-tls connect dns-nx
dns-empty dns-silent dns-servfail dns-good file-missing file-folder""".split()
BACKUPS = """good old none future empty small shrunk shrunk-little few partial mixed
writing missing""".split()
LOGS = """fresh old required required-missing forbidden missing no-time empty future rotated mtime
folder""".split()


@pytest.mark.parametrize("name", [f"versions/version-{n}" for n in VERSIONS] +
                         [f"backups/backup-{n}" for n in BACKUPS] +
                         [f"logs/logs-{n}" for n in LOGS])
def test_cause(causes, name):
    check, verdict, reason = causes[name]
    assert check["verdict"] in ([verdict] if isinstance(verdict, str) else verdict), check
    assert check["reason"] in ([reason] if isinstance(reason, str) else reason), check
    if check["verdict"] == "UNKNOWN" and check["reason"] != "version-unreadable":
        assert "version" not in check["facts"], "what was not read is no fact"
    if check["verdict"] != "OK":
        assert check["next_step"] and check["evidence"]


def test_no_cause_is_left_out(causes):
    assert len(causes) == len(VERSIONS) + len(BACKUPS) + len(LOGS)


def test_timeout_is_kept(causes):
    assert 900 <= causes["versions/version-hung"][0]["duration_ms"] < 3000


def test_good_backup_beside_bad_ones_names_them(causes):
    summary = causes["backups/backup-mixed"][0]["summary"]
    assert "future" in summary and "empty" in summary


def test_a_server_that_stops_hangs_and_comes_back(daemon, web):
    url = web.put("version", {"version": "1.0.0"})
    d = daemon({"defaults": {"every": "1h", "timeout": "1s", "confirm": 1},
                "environments": {"one": {"checks": {"version": version(url)}}}})
    assert support.find_check(d.ready(), "one/version")["state"] == "OK"
    web.hang()
    c = d.run("one/version")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "timeout")
    web.go_on()
    assert d.run("one/version")["state"] == "OK"
    web.stop()
    c = d.run("one/version")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "refused")
    assert "version" not in c["facts"], "never the old version as if it were read"
    web.start()
    assert d.run("one/version")["state"] == "OK"
    web.put("version", {"version": "1.0.1"})
    assert d.run("one/version")["facts"]["version"] == "1.0.1"


def test_backups_as_they_come_and_go(daemon, folder):
    make_backups(folder / "b", count=3, size=1000)
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "backup": {"file": {"glob": f"{folder}/b/*.dump"},
                   "expect": {"max-age": "26h", "max-shrink": "30%", "min-count": 3}}}}}})
    c = support.find_check(d.ready(), "one/backup")
    assert (c["state"], c["facts"]["count"]) == ("OK", 3)
    make_backup(folder / "b" / "new.dump", 90, 500)
    c = d.run("one/backup")
    assert (c["state"], c["reason"]) == ("CRITICAL", "backup-shrunk")
    assert (c["facts"]["size"], c["facts"]["previous_size"]) == (500, 1000)
    for path in (folder / "b").iterdir():
        path.unlink()
    assert d.run("one/backup")["reason"] == "backup-none"
    (folder / "b").rmdir()
    c = d.run("one/backup")
    assert (c["state"], c["reason"]) == ("CRITICAL", "file-missing")


def test_a_backup_that_is_still_being_written(daemon, folder):
    """It counts when nothing was written to it for a while, and hides nothing before."""
    make_backup(folder / "b" / "a.dump", 7200, 1000)
    make_backup(folder / "b" / "b.dump", 3600, 100)
    check = {"file": {"glob": f"{folder}/b/*.dump"}, "expect": {"max-shrink": "10%"}}
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "backup": check, "backup-renamed": {**check, "quiet": "0s"}}}}})
    d.ready()
    grows = folder / "b" / "grows.dump"
    written = threading.Event()

    def write():
        with open(grows, "ab", buffering=0) as f:
            while not written.wait(0.05):
                f.write(b"x" * 5000)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: grows.exists() and grows.stat().st_size > 10000)
        c = d.run("one/backup")
        assert (c["state"], c["reason"]) == ("CRITICAL", "backup-shrunk")
        assert c["summary"].endswith("; not counted: 1 perhaps still being written")
        assert d.run("one/backup-renamed")["facts"]["size"] > 10000
        for name in "ab":
            (folder / "b" / f"{name}.dump").unlink()
        c = d.run("one/backup")
        assert (c["state"], c["reason"]) == ("UNKNOWN", "backup-unfinished")
        assert c["summary"].startswith("no finished backup yet: the newest was written to ")
    finally:
        written.set()
        writer.join()
    # What was finished just now counts: it is looked at until that is known.
    c = d.run("one/backup")
    assert (c["state"], c["facts"]["size"]) == ("OK", grows.stat().st_size)


def test_one_backup_that_is_overwritten(daemon, folder):
    """The one before is the one seen before, over a restart too; a link to it is not another."""
    dump = folder / "b" / "nightly.dump"
    make_backup(dump, 3600, 1000)
    os.symlink(dump, folder / "b" / "latest.dump")
    expect = {"max-age": "26h", "max-shrink": "30%"}
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "path": {"kind": "backup", "file": {"path": str(dump)}, "expect": expect},
        "glob": {"kind": "backup", "expect": expect,
                 "file": {"glob": f"{folder}/b/*.dump", "follow": True}}}}}})
    status = d.ready()
    for name in ("one/path", "one/glob"):
        c = support.find_check(status, name)
        assert (c["state"], c["facts"]["count"]) == ("OK", 1)
        assert "no earlier backup to compare with yet" in c["summary"]
        assert "previous_size" not in c["facts"]
    make_backup(dump, 300, 500)
    for name in ("one/path", "one/glob"):
        for _ in range(2):
            c = d.run(name)
            assert (c["state"], c["reason"]) == ("CRITICAL", "backup-shrunk")
            assert c["facts"]["previous_size"] == 1000
    d.stop()
    make_backup(dump, 90, 100)
    d.start()
    d.ready()
    for name in ("one/path", "one/glob"):
        c = d.run(name)
        assert (c["reason"], c["facts"]["previous_size"]) == ("backup-shrunk", 500)


def test_logs_through_rotation(daemon, folder):
    log = make_log(folder / "app.log", (3, "INFO one"))
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "logs": {"file": {"path": str(log)}, "time": r"^(?<time>\S+)",
                 "expect": {"max-age": "5m"}}}}}})
    assert support.find_check(d.ready(), "one/logs")["state"] == "OK"
    log.rename(folder / "app.log.1")
    c = d.run("one/logs")
    assert (c["state"], c["reason"]) == ("CRITICAL", "file-missing")
    log.write_text("")
    assert d.run("one/logs")["state"] in ("OK", "CRITICAL")
    with open(log, "a") as f:
        f.write(f"{stamp(1)} INFO anew\n")
    assert d.run("one/logs")["state"] == "OK"
    # a line a hundred megabytes long is not read whole
    with open(log, "a") as f:
        f.truncate(100 << 20)
    with open(log, "a") as f:
        f.write(f"\n{stamp(1)} INFO after the hole\n")
    assert d.run("one/logs")["state"] == "OK"


def test_a_path_that_may_not_be_read_names_the_group(daemon, folder):
    """As root nothing is denied, so this one asks another user's daemon if there is setpriv."""
    secret = folder / "denied"
    secret.mkdir(mode=0o700)
    make_backup(secret / "a.dump")
    os.chmod(secret, 0o000)
    config = {"defaults": {"every": "1h"}, "environments": {"one": {"checks": {
        "backup": {"file": {"glob": f"{secret}/*.dump"}, "expect": {"max-age": "26h"}},
        "logs": {"file": {"path": f"{secret}/a.log"}, "expect": {"max-age": "26h"}}}}}}
    if os.access(support.RELAUDITD, os.X_OK) and _others_may_run():
        os.chmod(folder, 0o1777)

        class Unprivileged:
            @staticmethod
            def command(*argv):
                return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--",
                        *map(str, argv)]
        # A process that may not be traced cannot be searched for leaks without root.
        d = support.Daemon(folder, config, {"ASAN_OPTIONS": "detect_leaks=0"}, Unprivileged)
        os.chmod(d.config, 0o644)
        d.stderr.touch()
        try:
            d.start()
            for c in d.ready()["environments"][0]["checks"]:
                assert (c["state"], c["reason"]) == ("UNKNOWN", "file-denied"), c
                assert "SupplementaryGroups" in c["next_step"]
        finally:
            d.stop()
    else:
        pytest.skip("the build folder is closed to other users")


def _others_may_run():
    path = support.RELAUDITD
    return all(os.stat(p).st_mode & 0o001 for p in [path, *path.parents])
