# SPDX-License-Identifier: Apache-2.0
"""The release build as it is installed, under a real systemd: one machine for all of it."""
import os
import pathlib
import signal
import time

import pytest

import machine
import support
from support import wait_for

pytestmark = pytest.mark.skipif(machine.why_not() is not None, reason=str(machine.why_not()))
SLOW = {"defaults": {"every": "1h", "retry": "1h", "confirm": 1}}


@pytest.fixture(scope="module")
def box(module_folder, module_things):
    return module_things(machine.Machine(module_folder)).start()


@pytest.fixture(autouse=True)
def nothing_forbidden(box):
    """Whatever a test did: the filter was on, and no system call was one that it does not know."""
    yield
    assert not [e["MESSAGE"] for e in box.journal()
                if "status=31/SYS" in e["MESSAGE"] or "seccomp" in e["MESSAGE"]]


def config(checks, **more):
    return {**SLOW, **more, "environments": {"one": {"checks": checks}}}


def backups(box, name="backups", age=3600):
    """A folder with one, and the check of it."""
    folder = box.root / "srv" / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shop.dump"
    path.write_bytes(b"x" * 1000)
    os.utime(path, (time.time() - age, time.time() - age))
    return {"file": {"glob": f"/srv/{name}/*.dump"}, "expect": {"max-age": "26h"}}


def script(box, name, text):
    return str(pathlib.Path("/") / box.write(f"usr/local/lib/relaudit/{name}", "#!/bin/sh\n" + text,
                                             0o755).relative_to(box.root))


ALLOW = {"daemon": {"exec": {"allow": ["/usr/local/lib/relaudit"]}}}


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def outside(box, pid):
    """The number that this machine has for a process of the box."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            numbers = status(path.name)["NSpid"].split()
            if numbers[-1] == str(pid) and len(numbers) > 1 and \
                    os.readlink(path / "ns/pid") == os.readlink(f"/proc/{box.leader}/ns/pid"):
                return int(path.name)
        except (OSError, KeyError):
            pass
    raise AssertionError(f"no {pid} in the box")


def test_as_installed(box):
    """The configuration and the unit as they are, nothing changed by hand."""
    box.systemctl("start", "relauditd")
    assert box.show("ActiveState") == "active" and box.show("NRestarts") == "0"
    assert box.show("StatusText") == "0 environments, 0 checks"
    user, group, mode = box.run("stat", "-c", "%U %G %a", "/run/relaudit/relauditd.sock"
                                ).out.split()
    assert (user, group, mode) == ("relaudit", "relaudit", "660")
    assert box.run("stat", "-c", "%U %a", "/run/relaudit", "/var/lib/relaudit"
                   ).out.split() == ["relaudit", "750"] * 2
    done = box.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "relauditctl",
                   "status", code=None)
    assert done.code == 69, "strangers do not get in"
    done = box.run("systemd-analyze", "verify", "relauditd.service")
    assert done.out == "" and done.err == ""


def test_status_text_and_priorities(box):
    check = backups(box, age=40 * 3600)
    box.configure(config({"backup": check, "backup-two": backups(box, "good")}))
    box.ready()
    box.wait_for_message("state check=one/backup ")
    wait_for(lambda: box.show("StatusText") == "1 environment, 2 checks, 1 CRITICAL",
             what=lambda: box.show("StatusText"))
    backups(box)
    box.ctl("run", "one")
    box.wait_for_message("now=OK")
    said = {e["MESSAGE"].split(" ")[0] + " " + e["PRIORITY"]: e for e in
            box.journal("SYSLOG_IDENTIFIER=relauditd")}
    problem, end = said["state 2"], said["state 5"]
    assert "now=CRITICAL" in problem["MESSAGE"] and "now=OK" in end["MESSAGE"]
    assert problem["SYSLOG_FACILITY"] == "3" and problem["SYSLOG_PID"] == problem["_PID"]
    assert said["start 5"]
    wait_for(lambda: box.show("StatusText") == "1 environment, 2 checks")


def test_watchdog(box):
    """One that does not turn is ended and started again, and announces nothing twice."""
    box.configure(config({"backup": backups(box, "old", age=40 * 3600)}),
                  watchdog="[Service]\nWatchdogSec=1s\n")
    box.ready()
    before = box.pid()
    announced = len(box.wait_for_message("state check=one/backup "))
    box.run("kill", "-STOP", before)
    wait_for(lambda: box.show("NRestarts") == "1" and box.show("ActiveState") == "active",
             what="another one")
    assert box.pid() != before
    assert box.wait_for_message("Watchdog timeout")
    assert box.ready()["backup"]["state"] == "CRITICAL"
    assert len(box.wait_for_message("state check=one/backup ")) == announced
    # one that turns is left alone, for longer than the watchdog would
    end = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > end)
    assert box.show("NRestarts") == "1"


def test_reload(box):
    box.configure(config({"backup": backups(box)}))
    pid = box.pid()
    box.reconfigure(config({"backup": backups(box), "backup-two": backups(box, "good")}))
    box.systemctl("reload", "relauditd")
    wait_for(lambda: "2 checks" in box.show("StatusText"))
    box.reconfigure("environments: {one: {chekcs: {}}}\n")
    box.systemctl("reload", "relauditd")
    wait_for(lambda: "refused" in box.show("StatusText"))
    assert box.wait_for_message("did you mean 'checks'")[0]["PRIORITY"] == "3"
    assert box.show("ActiveState") == "active" and box.pid() == pid
    assert "2 checks" in box.show("StatusText"), "the old configuration stays"


def test_credentials(box, things):
    """From a file that only root may read, by systemd, into a header."""
    web = things(support.Server(support.SERVERS / "bearer_server.py", "s3cret-canary",
                                inside=box.inside))
    box.write("etc/relaudit/credentials/loki", "s3cret-canary", 0o600)
    check = {"http": {"url": f"http://127.0.0.1:{web.port}/", "bearer": "${credential:loki}"},
             "format": "json", "version": "/version"}
    with pytest.raises(AssertionError):
        box.configure(config({"version": check}))
    assert [e for e in box.journal() if "loki" in e["MESSAGE"]], "what is missing is said"
    box.configure(config({"version": check}), credentials=None)
    version = box.ready()["version"]
    assert (version["state"], version["facts"]["version"]) == ("OK", "1.0.0"), version
    assert "canary" not in box.ctl("show", "one", "-o", "json").out
    assert not [e for e in box.journal() if "canary" in str(e["MESSAGE"])]


def test_the_sandbox(box):
    """Seen from inside, by a program that the daemon runs: what it tries, and what came of it."""
    (box.root / "home/someone").mkdir(exist_ok=True)
    (box.root / "root/secret").write_text("secret")
    tries = script(box, "tries", """
t() { name=$1; shift; if "$@" >/dev/null 2>&1; then printf '%s=yes ' "$name"; fi; }
t etc touch /etc/x; t usr touch /usr/x; t state-of-others touch /var/x; t tmp touch /tmp/x
t state touch /var/lib/relaudit/x; t home ls /home/someone; t root cat /root/secret
t config touch /etc/relaudit/relauditd.yaml; t read cat /etc/relaudit/relauditd.yaml
t mount mount -t tmpfs none /tmp; t namespace unshare --user true; t device cat /dev/kmsg
t sysctl touch /proc/sys/kernel/hostname; t cgroup mkdir /sys/fs/cgroup/x
t setuid chmod u+s /tmp/x; t init cat /proc/1/status; t chown chown relaudit /tmp/x
t clock date -s 2000-01-01; t clock date -s @0
echo done
""")
    box.configure({**config({"plugin": {"exec": [tries]}, "backup": backups(box)}), **ALLOW})
    checks = box.ready()
    said = checks["plugin"]["summary"]
    assert said == "tmp=yes state=yes read=yes done", said
    assert not (box.root / "etc/x").exists()


def test_processes(box):
    """No capability, none to get, and one filter more on all threads of the loop's process."""
    box.configure(config({"backup": backups(box)}))
    assert box.ready()["backup"]["state"] == "OK"
    pid = outside(box, box.pid())
    [keeper] = support.children(pid)
    [helper] = support.children(keeper)
    for p in (pid, keeper, helper):
        s = status(p)
        assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"
        assert {s[k] for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert "0" not in s["Uid"].split()
    threads = [int(t.name) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    of_unit = int(status(helper)["Seccomp_filters"])
    assert len(threads) > 2
    assert {int(status(t)["Seccomp_filters"]) for t in threads} == {of_unit + 1}
    assert int(status(keeper)["Seccomp_filters"]) == of_unit


def test_backups_of_another_group(box):
    check = backups(box, "theirs")
    box.run("chown", "-R", "root:backup", "/srv/theirs")
    box.run("chmod", "-R", "o=", "/srv/theirs")
    box.configure(config({"backup": check}))
    c = box.ready()["backup"]
    assert (c["state"], c["reason"]) == ("UNKNOWN", "file-denied"), c
    assert "group backup" in c["summary"], c
    assert "SupplementaryGroups=" in c["next_step"], c
    box.configure(config({"backup": check}), backups=None)
    assert box.ready()["backup"]["state"] == "OK"


def test_programs(box):
    """A just-in-time compiler needs one line of the drop-in exec.conf, and no more."""
    run = script(box, "jit", "exec /usr/bin/python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7);"
                 " print(\"OK it may\")' 2>&1\n")
    what = {**config({"plugin": {"exec": [run]}}), **ALLOW}
    box.configure(what)
    assert box.ready()["plugin"]["state"] != "OK"
    example = (box.root / "usr/share/doc/relaudit/systemd/exec.conf").read_text()
    box.configure(what, exec=example.replace("#MemoryDenyWriteExecute", "MemoryDenyWriteExecute"))
    plugin = box.ready()["plugin"]
    assert (plugin["state"], plugin["summary"]) == ("OK", "OK it may"), plugin
    assert box.show("MemoryDenyWriteExecute") == "no"


@pytest.mark.parametrize("name", ["backups", "logs", "credentials", "exec", "socket-group"])
def test_drop_ins(box, name):
    """Each example is one that systemd takes without a word, and that runs."""
    box.run("groupadd", "--force", "sre")
    box.write("etc/relaudit/credentials/loki", "x", 0o600)
    group = {"daemon": {"socket": {"group": "sre"}}} if name == "socket-group" else {}
    box.configure({**config({"backup": backups(box)}), **group}, **{name: None})
    assert box.ready()["backup"]["state"] == "OK"
    done = box.run("systemd-analyze", "verify", "relauditd.service")
    assert done.out == "" and done.err == ""
    if group:
        [sre] = [ln.split(":")[2] for ln in box.run("getent", "group", "sre").out.splitlines()]
        done = box.run("setpriv", "--reuid=65534", f"--regid={sre}", "--clear-groups",
                       "relauditctl", "status", code=None)
        assert done.code == 0, done


def test_stop_with_probes_in_flight(box, things):
    web = things(support.Server(support.SERVERS / "bearer_server.py", "x", inside=box.inside))
    sleeps = script(box, "sleeps", "trap '' TERM; sleep 1000\n")
    checks = {f"version-{n}": {"http": {"url": f"http://127.0.0.1:{web.port}/hang"},
                               "format": "text", "timeout": "60s", "every": "1s"}
              for n in range(200)}
    checks["plugin"] = {"exec": [sleeps], "timeout": "60s", "every": "1s"}
    what = config(checks, daemon={**ALLOW["daemon"], "per-host": 500})
    box.configure(what)
    in_flight = "curl -s --unix-socket /run/relaudit/relauditd.sock http://localhost/metrics"
    wait_for(lambda: support.in_flight(box.run("sh", "-c", in_flight).out) >= 201,
             what="probes under way")
    began = time.monotonic()
    box.systemctl("stop", "relauditd")
    assert time.monotonic() - began < 2
    assert box.show("Result") == "success" and box.show("ExecMainStatus") == "0"
    assert box.run("pgrep", "-c", "-f", "sleep 1000", code=None).out.strip() == "0"


def test_a_crash(box):
    """Up again within a second, and nothing is announced again."""
    box.configure(config({"backup": backups(box, "old", age=40 * 3600)}))
    box.ready()
    announced = len(box.wait_for_message("state check=one/backup "))
    pid = box.pid()
    os.kill(outside(box, pid), signal.SIGKILL)
    wait_for(lambda: box.show("NRestarts") == "1" and box.show("ActiveState") == "active")
    assert box.pid() != pid
    gone = int(box.show("InactiveEnterTimestampMonotonic"))
    assert 0 < int(box.show("ActiveEnterTimestampMonotonic")) - gone < 1_000_000
    c = box.ready()["backup"]
    assert c["state"] == "CRITICAL" and c["hard"]
    assert len(box.wait_for_message("state check=one/backup ")) == announced
