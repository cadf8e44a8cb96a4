# SPDX-License-Identifier: Apache-2.0
"""`meson install` as a package would run it, and the files that come out."""
import gzip
import os
import re
import shutil
import stat
import subprocess

import pytest

import support
from support import BUILD, ROOT


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("root")
    done = support.run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", path,
                       env={**os.environ})
    assert done.code == 0, done
    return path


@pytest.mark.parametrize("path, mode", [
    ("usr/sbin/relauditd", 0o755), ("usr/bin/relauditctl", 0o755),
    ("usr/lib/systemd/system/relauditd.service", 0o644),
    ("usr/lib/sysusers.d/relauditd.conf", 0o644), ("usr/lib/tmpfiles.d/relauditd.conf", 0o644),
    ("etc/relaudit/relauditd.yaml", 0o640), ("usr/share/doc/relaudit/examples/shop.yaml", 0o644),
    ("usr/share/man/man8/relauditd.8", 0o644), ("usr/share/man/man1/relauditctl.1", 0o644),
    ("usr/share/man/man5/relauditd.yaml.5", 0o644),
    ("usr/share/bash-completion/completions/relauditctl", 0o644),
    ("usr/share/zsh/vendor-completions/_relauditctl", 0o644),
    ("usr/share/fish/vendor_completions.d/relauditctl.fish", 0o644),
    ("usr/share/doc/relaudit/api.yaml", 0o644),
])
def test_files(root, path, mode):
    found = root / path
    if "zsh" in path and not os.path.exists("/etc/debian_version"):
        found = root / "usr/share/zsh/site-functions/_relauditctl"
    if not found.exists() and found.with_name(found.name + ".gz").exists():
        found = found.with_name(found.name + ".gz")
    assert found.exists(), sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    assert stat.S_IMODE(found.stat().st_mode) == mode


def test_nothing_else_is_installed(root):
    files = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    known = ("usr/sbin/relauditd", "usr/bin/relauditctl", "usr/lib/systemd/system/",
             "usr/lib/sysusers.d/", "usr/lib/tmpfiles.d/", "etc/relaudit/",
             "usr/share/doc/relaudit",
             "usr/share/man/man", "usr/share/bash-completion/", "usr/share/zsh/", "usr/share/fish/",
             "usr/share/relaudit/")
    assert [f for f in files if not f.startswith(known)] == []


def test_unit_names_the_installed_program(root):
    text = (root / "usr/lib/systemd/system/relauditd.service").read_text()
    start = re.search(r"^ExecStart=(\S+)", text, re.M)[1]
    assert (root / start.lstrip("/")).exists()
    assert "@" not in re.sub(r"@(system-service|privileged|resources)\b", "", text)


@pytest.mark.parametrize("page", ["man8/relauditd.8", "man5/relauditd.yaml.5",
                                  "man1/relauditctl.1"])
def test_manual_pages_render(root, page):
    path = root / "usr/share/man" / page
    data = path.read_bytes() if path.exists() else gzip.open(str(path) + ".gz").read()
    assert data.startswith(b".") and b"\n.TH " in b"\n" + data
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings=all", "-l", "-"], input=data, capture_output=True,
                              env={**os.environ, "MANWIDTH": "80", "PAGER": "cat"})
        assert done.returncode == 0 and not done.stderr, done.stderr.decode()


def test_manual_names_every_reason_and_option(root):
    path = root / "usr/share/man/man5/relauditd.yaml.5"
    text = path.read_bytes() if path.exists() else gzip.open(str(path) + ".gz").read()
    text = text.decode().replace("\\-", "-")
    header = (ROOT / "include/relaudit/model/verdict.h").read_text()
    codes = re.findall(r'X\([A-Z_]+,\s*"([a-z-]+)"', header)
    assert len(codes) > 40
    eight = (root / "usr/share/man/man8/relauditd.8").read_text().replace("\\-", "-")
    missing = [c for c in codes if c not in text and c not in eight]
    assert not missing, missing
    for word in ("max-shrink", "max-size", "redirects", "forbidden", "confirm", "per-host"):
        assert word in text, word


def test_manual_names_every_command_and_option(root):
    path = root / "usr/share/man/man1/relauditctl.1"
    text = path.read_bytes() if path.exists() else gzip.open(str(path) + ".gz").read()
    text = text.decode().replace("\\-", "-")
    usage = support.run(root / "usr/bin/relauditctl", "help").out
    commands = re.findall(r"^  ([a-z][a-z-]*) ", usage, re.M)
    assert len(commands) > 8
    for command in commands:
        assert f"\n.SS {command}" in text, command
        for option in re.findall(r"--[a-z-]+", support.run(root / "usr/bin/relauditctl", "help",
                                                           command).out):
            assert option in text, (command, option)


@pytest.mark.parametrize("shell, path", [
    ("bash", "usr/share/bash-completion/completions/relauditctl"),
    ("zsh", "usr/share/zsh/*/_relauditctl"),
    ("fish", "usr/share/fish/vendor_completions.d/relauditctl.fish")])
def test_completions_are_those_of_the_program(root, shell, path):
    found = next(root.glob(path))
    assert found.read_text() == support.run(root / "usr/bin/relauditctl", "completion", shell).out
    if shutil.which(shell):
        assert support.run(shell, "-n", found).code == 0


def test_bash_finds_its_completion(root):
    loader = "/usr/share/bash-completion/bash_completion"
    if not os.path.exists(loader):
        pytest.skip("no bash-completion here")
    done = support.run("bash", "-c", f". {loader}; _completion_loader relauditctl;"
                       " complete -p relauditctl",
                       env=support.clean_environment(XDG_DATA_DIRS=str(root / "usr/share")))
    assert "_relauditctl" in done.out, done


def test_user_and_folders(root, tmp_path):
    """What the package's scripts run; into the folder of the test, not onto this machine."""
    if shutil.which("systemd-sysusers") is None or shutil.which("systemd-tmpfiles") is None:
        pytest.skip("no systemd here")
    shutil.copytree(root / "usr/lib", tmp_path / "usr/lib")
    root = tmp_path
    (root / "etc").mkdir()
    done = support.run("systemd-sysusers", f"--root={root}", "relauditd.conf")
    assert done.code == 0, done
    assert re.search(r"^relaudit:", (root / "etc/passwd").read_text(), re.M)
    assert re.search(r"^relaudit:", (root / "etc/group").read_text(), re.M)
    done = support.run("systemd-tmpfiles", f"--root={root}", "--create", "relauditd.conf")
    assert done.code == 0, done
