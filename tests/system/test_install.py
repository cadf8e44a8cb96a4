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
    ("usr/share/zsh/site-functions/_relauditctl", 0o644),
    ("usr/share/zsh/vendor-completions/_relauditctl", 0o644),
    ("usr/share/fish/vendor_completions.d/relauditctl.fish", 0o644),
])
def test_files(root, path, mode):
    found = root / path
    if "zsh" in path:   # distributions differ; one of the two will do
        found = next((p for p in (root / "usr/share/zsh").rglob("_relauditctl")), found)
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


def test_unit_is_verified(root, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "relauditd.service"
    text = (root / "usr/lib/systemd/system/relauditd.service").read_text()
    unit.write_text(text.replace("/usr/sbin/relauditd", str(root / "usr/sbin/relauditd"))
                    .replace("man:relauditd(8) man:relauditd.yaml(5)", "https://example.com"))
    done = support.run("systemd-analyze", "verify", unit)
    own = [ln for ln in done.err.splitlines() if "relauditd" in ln]
    assert not own, done.err


@pytest.mark.parametrize("path", ["usr/sbin/relauditd", "usr/bin/relauditctl"])
def test_hardening(root, path):
    def readelf(*args):
        return support.run("readelf", "-W", *args, root / path).out
    assert re.search(r"Type:\s+DYN", readelf("-h")), "position independent"
    headers, dynamic = readelf("-l"), readelf("-d")
    assert "GNU_RELRO" in headers
    assert re.search(r"\(FLAGS_1\).*NOW|BIND_NOW", dynamic)
    assert re.search(r"GNU_STACK.* RW ", headers), "no executable stack"
    assert "__stack_chk_fail" in readelf("-s"), "stack protector"
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert "TEXTREL" not in dynamic


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


def test_completions_are_valid_shell(root):
    bash = root / "usr/share/bash-completion/completions/relauditctl"
    assert support.run("bash", "-n", bash).code == 0
