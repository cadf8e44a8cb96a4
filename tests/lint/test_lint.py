# SPDX-License-Identifier: Apache-2.0
"""The house rules that a program can check."""
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT

LAYERS = ["base", "model", "conf", "io", "source", "format", "kind", "engine", "release", "api"]
# source and format stand side by side on the same floor
RANK = {"base": 0, "model": 1, "conf": 2, "io": 3, "source": 4, "format": 4, "kind": 5, "engine": 6,
        "release": 7, "api": 8, "app": 9}
CTL_MAY = {"base", "model", "ctl"}
PURE = ["model", "format", "kind"]
C_FILES = sorted(p for d in ("daemon", "include", "tests") for p in (ROOT / d).rglob("*.[ch]"))


def layer_of(path):
    rel = path.relative_to(ROOT).parts
    if rel[0] == "include":
        return rel[2]
    return rel[1] if len(rel) > 2 else "app"


def includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.M)


def production():
    return [p for p in C_FILES if p.relative_to(ROOT).parts[0] in ("daemon", "include")]


def test_layers():
    bad = []
    for path in production():
        own = layer_of(path)
        for name in includes(path):
            other = name.split("/")[1] if name.startswith("relaudit/") else own
            if name.startswith("../"):
                bad.append(f"{path}: {name}: no way around the layers")
            elif own == "ctl":
                if other not in CTL_MAY:
                    bad.append(f"{path}: ctl includes {name}")
            elif other != own and RANK[other] >= RANK[own]:
                bad.append(f"{path}: layer {own} includes {name}")
    assert not bad, "\n".join(bad)


def test_includes_have_no_cycle():
    graph = {}
    for path in production():
        key = str(path.relative_to(ROOT / "include")) if "include" in path.parts else str(path)
        graph[key] = [n for n in includes(path) if n.startswith("relaudit/")]
    state = {}

    def visit(node, trail):
        if state.get(node) == "done":
            return
        assert state.get(node) != "open", " -> ".join(trail + [node])
        state[node] = "open"
        for n in graph.get(node, []):
            visit(n, trail + [node])
        state[node] = "done"

    for node in graph:
        visit(node, [])


def test_libraries_stay_in_their_layers():
    """libuv, libcurl, c-ares only in io; SQLite only in engine/store; libyaml only in conf and format."""
    only = {"uv.h": ["io"], "curl/curl.h": ["io", "ctl"], "ares.h": ["io"], "sqlite3.h": ["engine"],
            "yaml.h": ["conf", "format"], "microhttpd.h": ["api"]}
    bad = []
    for path in production():
        for name in re.findall(r"^\s*#\s*include\s+<([^>]+)>", path.read_text(), re.M):
            if name in only and layer_of(path) not in only[name]:
                bad.append(f"{path}: <{name}>")
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("layer", PURE)
def test_purity(layer):
    """Pure layers have no clock, no I/O, no loop: their objects do not even name such functions."""
    banned = re.compile(
        r"^(uv_.*|curl_.*|ares_.*|sqlite3_.*|open|openat|fopen|read|write|socket|connect|send.*|recv.*|"
        r"time|gettimeofday|clock_gettime|clock|ra_clock_.*|ra_stamp_.*|ra_loop_.*|ra_http_.*|ra_dns_.*|"
        r"ra_helper_.*|fork|execve?|pthread_create|getenv|syslog|printf|fprintf|puts)$")
    objects = list((BUILD / "daemon").rglob(f"librelaudit.a.p/{layer}_*.o"))
    assert objects, f"no objects of {layer} in {BUILD}"
    bad = []
    for obj in objects:
        out = subprocess.run(["nm", "--undefined-only", "--format=just-symbols", obj],
                             capture_output=True, text=True, check=True).stdout
        bad += [f"{obj.name}: {s}" for s in out.split() if banned.match(s)]
    assert not bad, "\n".join(bad)


def test_banned_calls():
    banned = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|alloca|system|popen|"
                        r"usleep|json_load\w*)\s*\(")
    bad = []
    for path in production():
        for n, line in enumerate(path.read_text().splitlines(), 1):
            if path.name == "jsonr.c" and "json_load_callback" in line:
                continue  # the one place that knows what jansson does without memory
            if not re.match(r"\s*(\*|/\*|//)", line) and banned.search(line):
                bad.append(f"{path}:{n}: {line.strip()}")
    assert not bad, "\n".join(bad)


def test_shape():
    bad = []
    for path in C_FILES:
        text = path.read_text()
        lines = text.splitlines()
        if "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
            bad.append(f"{path}:1: no SPDX line")
        if len(lines) > 600 and "tests" not in path.parts:
            bad.append(f"{path}: {len(lines)} lines")
        for n, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > 100:
                bad.append(f"{path}:{n}: {len(line.expandtabs(8))} columns")
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                bad.append(f"{path}:{n}: {line.strip()}")
        start = None
        for n, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = n
            if line.startswith("}") and start and "tests" not in path.parts:
                if n - start > 100:
                    bad.append(f"{path}:{start}: a function of {n - start} lines")
                start = None
    assert not bad, "\n".join(bad)


def test_clang_format():
    if shutil.which("clang-format") is None:
        pytest.fail("clang-format is not installed")
    files = [str(p) for p in C_FILES if p.suffix == ".c"]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], capture_output=True,
                          text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[:4000]


def test_top_level():
    known = {"daemon", "include", "conf", "systemd", "tests", "meson.build", "meson_options.txt",
             "README.md", "LICENSE", "docs", "CHANGELOG.md", "SECURITY.md"}
    names = subprocess.run(["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True,
                           text=True).stdout.split()
    assert [n for n in names if n not in known and not n.startswith(".")] == []


def test_version_is_one():
    """meson, CHANGELOG and the built programs name the same version."""
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
    assert re.search(rf"^## \[{re.escape(version)}\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    for program in ("relauditd", "relauditctl"):
        out = subprocess.run([BUILD / "daemon" / program, "--version"], capture_output=True, text=True)
        assert out.stdout.strip() == f"{program} {version}"


def words(folder):
    text = (ROOT / "daemon" / folder / "meson.build").read_text()
    return re.findall(r"'(\w+)'", re.search(rf"^{folder}s = \[(.*?)\]", text, re.M | re.S)[1])


@pytest.mark.parametrize("folder", ["kind", "source", "format"])
def test_each_is_documented_shown_and_tested(folder):
    """A kind, source or format without a manual section, an example, a unit test or (formats) a
    fuzz seed is not finished."""
    out = subprocess.run([BUILD / "daemon" / "relauditd", "--describe-manual"], capture_output=True,
                         text=True, check=True).stdout
    examples = "\n".join(p.read_text() for p in (ROOT / "conf" / "examples").glob("*.yaml"))
    tests = "\n".join(p.read_text() for p in (ROOT / "tests" / "unit").glob("test_*.c"))
    lacks = []
    for symbol in words(folder):
        word = symbol.replace("_", "-")
        if not re.search(rf"^##? .*\b{word}\b", out, re.M | re.I):
            lacks.append(f"{folder} {word}: no section in the manual")
        shown = {"kind": rf"(^|[\s\"{{,]){word}(-[\w$-]+)?[\w${{}}-]*\"?:|kind: {word}",
                 "source": rf"\b{word}:", "format": rf"format: {word}\b"}[folder]
        if not re.search(shown, examples, re.M):
            lacks.append(f"{folder} {word}: not in any of conf/examples")
        if f"ra_{folder}_{symbol}" not in tests:
            lacks.append(f"{folder} {word}: no unit test uses ra_{folder}_{symbol}")
        if folder == "format" and not list((ROOT / "tests/fuzz/seeds" / word).glob("*")):
            lacks.append(f"{folder} {word}: no fuzz seed")
    assert not lacks, "\n".join(lacks)
