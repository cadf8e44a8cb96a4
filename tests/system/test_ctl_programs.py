# SPDX-License-Identifier: Apache-2.0
"""relauditctl try and check-config: the relauditd that they start, and what may come of it."""
import json
import os
import resource
import shutil
import signal
import subprocess

import pytest
import yaml

import support


def ctl(*args, **env):
    return support.run(support.RELAUDITCTL, *args, env=support.clean_environment(**env))


@pytest.fixture
def program(folder):
    """program(text) -> a relauditd that is this shell script."""
    def make(text, name="relauditd", mode=0o755):
        path = folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(mode)
        return path
    return make


def test_try_reads_what_a_check_would(web, folder):
    url = web.put("version", {"version": "1.4.0", "git": {"commit": "abc1234"}})
    done = ctl("try", "http", url, "--format", "json", "--version", "/version",
               "--commit=/git/commit", "--expect", "version=^1.4", "-o", "json")
    assert done.code == 0, done
    answer = json.loads(done.out)
    assert answer["verdict"] == "OK" and answer["facts"]["version"] == "1.4.0"
    done = ctl("try", "http", url, "--format", "json", "--version", "/version",
               "--warn", "version=2.0.0")
    assert done.code == 1 and "1.4.0" in done.out and not done.err
    done = ctl("try", "http", url, "--format", "json", "--set", "version=/version",
               "--set", "expect.version=2.0.0", "--severity", "critical")
    assert done.code == 2 and done.out.startswith("CRITICAL")
    # what cannot be read is never OK
    assert ctl("try", "http", web.url("s500"), "--kind", "version").code == 3


def test_try_files(folder):
    support.make_backups(folder / "backups", newest=3600)
    done = ctl("try", "file", folder / "backups" / "*.dump", "--max-age", "2h", "--min-size", "1k")
    assert done.code == 0 and "backup" in done.out, done
    assert ctl("try", "file", folder / "backups" / "*.dump", "--max-age", "10m").code == 2
    one = support.make_backup(folder / "one.dump")
    # a size makes a backup of a plain path too
    assert ctl("try", "file", one, "--min-size", "1G").code == 2
    log = support.make_log(folder / "app.log", (1, "fine"), (1, "good"))
    args = ["try", "file", log, "--kind", "logs", "--max-age", "5m", "--timeout", "20s"]
    assert ctl(*args, "--required", "fine", "--required", "good").code == 0
    assert ctl(*args, "--required", "fine", "--required", "missing").code == 2
    assert ctl(*args, "--set", "expect.forbidden+=go+d").code == 2


def test_try_says_what_is_wrong_with_the_check():
    for args, word in ((["--no-such-key", "1"], "no-such-key"), (["--max-age", "soon"], "soon")):
        done = ctl("try", "file", "/nothing", *args)
        assert done.code == 64 and word in done.err and not done.out, done
    for args in (["--expect", "=1"], ["--expect", "x" * 101 + "=1"], ["--set", "version"],
                 ["--warn", "a b=1"], ["--A", "1"], ["--expect"],
                 ["--set", "a=\udcff"], ["--max-age"]):
        done = ctl("try", "file", "/nothing", *args)
        assert done.code == 64 and done.err.count("\n") == 1 and not done.out, done
    big = "x" * 100000
    done = ctl("try", "file", "/nothing", *[f"--{k}{i}={big}" for i in range(12) for k in "k"])
    assert done.code == 64 and "too large" in done.err, done.err[:300]
    done = ctl("try", "dns", "x")
    assert done.code == 64 and "there are http, file" in done.err


def test_try_and_a_relauditd_that_is_none(program, folder):
    good = '{"check":"try/try","verdict":"OK","kind":"version"}'
    cases = [
        ("cat >/dev/null\necho 'no JSON'\n", 69, "gave no verdict"),
        ("exit 0\n", 69, "gave no verdict"),
        ("kill -9 $$\n", 69, "gave no verdict"),
        (f"echo '{good}'\nexit 64\n", 0, ""),  # the verdict is what counts
        ("exit 64\n", 64, ""),
        ('echo \'{"verdict":7}\'\n', 3, ""),
        ('echo \'{"verdict":"FINE","summary":"\\u001b[2J"}\'\n', 3, ""),
        (f"cat >{folder}/asked\nexec 2>&-\nprintf '%s' '{good}'\n", 0, ""),
    ]
    for text, code, said in cases:
        done = ctl("try", "http", "http://x", "--kind", "Kind", RELAUDITD=str(program(text)))
        assert done.code == code and said in done.err and "\033" not in done.out, (text, done)
    # what it was asked is one check in YAML
    asked = yaml.safe_load((folder / "asked").read_text())
    assert asked == {"http": {"url": "http://x"}, "kind": "Kind"}


def test_try_takes_a_large_check_and_a_large_answer(program):
    """More than a pipe holds, both ways, and a child that does not read."""
    reads = program("cat >/dev/null\nhead -c 300000 /dev/zero | tr '\\0' ' '\n"
                    "echo '{\"verdict\":\"OK\"}'\n")
    big = [f"--key{i}={'x' * 60000}" for i in range(4)]
    assert ctl("try", "http", "http://x", *big, RELAUDITD=str(reads)).code == 0
    shuns = program("exec <&-\necho '{\"verdict\":\"WARNING\"}'\n", "shuns")
    assert ctl("try", "http", "http://x", *big, RELAUDITD=str(shuns)).code == 1


def test_where_relauditd_is_looked_for(program, folder):
    cases = [("/nothing/relauditd", "No such file"), (str(folder), "Permission denied"),
             (str(program("exit 0\n", "plain", 0o644)), "Permission denied"),
             ("x" * 5000, "too long")]
    for named, said in cases:
        for command in (["try", "http", "http://x"], ["check-config"]):
            done = ctl(*command, RELAUDITD=named)
            assert done.code == 69 and not done.out, done
            assert "which RELAUDITD names" in done.err and said in done.err, done
    # by no name: beside relauditctl, then on PATH
    alone = folder / "bin"
    alone.mkdir()
    shutil.copy(support.RELAUDITCTL, alone / "relauditctl")
    other = folder / "other"
    other.mkdir()
    (other / "relauditd").write_text("#!/bin/sh\nexit 7\n")
    (other / "relauditd").chmod(0o755)

    def check(path):
        return support.run(alone / "relauditctl", "check-config",
                           env=support.clean_environment(PATH=path, RELAUDITD=""))
    if not any(os.access(f"{f}/relauditd", os.X_OK) for f in ("/usr/local/sbin", "/usr/sbin")):
        done = check("relative:/nothing::")
        assert done.code == 69 and "name it with RELAUDITD" in done.err
    assert check(f"relative:/nothing:{other}:/usr/bin").code == 7
    (folder / "sbin" / "relauditd").mkdir(parents=True)
    assert check(f"{folder}/sbin:{other}").code == 7, "a folder is no program"
    (folder / "sbin" / "relauditd").rmdir()
    (folder / "sbin" / "relauditd").write_text("#!/bin/sh\nexit 8\n")
    (folder / "sbin" / "relauditd").chmod(0o755)
    assert check(str(other)).code == 8, "the one that was installed with it"


def test_check_config(folder, program):
    good = folder / "good.yaml"
    good.write_text("environments: {one: {checks: {version: {http: {url: 'http://x'}, "
                    "format: text}}}}\n")
    bad = folder / "bad.yaml"
    bad.write_text("environmnts: {}\n")
    assert ctl("check-config", "-c", good, "--offline").code == 0
    done = ctl("check-config", "--config", bad)
    assert done.code == 2 and f"{bad}:1:1: error: " in done.err
    # a program that cannot be run after all
    broken = folder / "broken"
    broken.write_text("#!/nothing/sh\n")
    broken.chmod(0o755)
    done = ctl("check-config", RELAUDITD=str(broken))
    assert done.code == 69 and "cannot run" in done.err
    done = ctl("try", "http", "http://x", RELAUDITD=str(broken))
    assert done.code == 69 and "cannot run" in done.err


@pytest.mark.parametrize("command", [["try", "http", "http://x"], ["status"],
                                     ["--host", "ssh://audit1", "status"]])
def test_no_more_files(command, program, folder):
    """Each of them refused in turn: said, and never a good answer."""
    good = program("cat >/dev/null\necho '{\"verdict\":\"CRITICAL\"}'\n")
    for most in range(3, 10):
        done = support.run(
            support.RELAUDITCTL, "--socket", folder / "none.sock", *command,
            env=support.clean_environment(RELAUDITD=str(good), RELAUDIT_SSH="/bin/false"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
        assert done.code in (2, 69, 127), (most, done)
        assert done.code == 2 or done.err, (most, done)


def test_try_ends_with_its_program(program, folder):
    """SIGTERM ends both; so does a program that never answers, in time."""
    fifo = folder / "began"
    os.mkfifo(fifo)
    slow = program(f"echo $$ >{fifo}\nexec sleep 600\n")
    child = subprocess.Popen([str(support.RELAUDITCTL), "try", "http", "http://x"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=support.clean_environment(RELAUDITD=str(slow)))
    pid = int(fifo.read_text())
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=20)
    assert child.returncode == -signal.SIGTERM
    support.wait_for(lambda: not support.is_running(pid), what="the program ends too")
