# SPDX-License-Identifier: Apache-2.0
"""docs/extending.md is followed to the letter, in a copy of the tree."""
import json
import os
import re
import shutil
import subprocess

import pytest

import support
from support import ROOT

TEXT = (ROOT / "docs" / "extending.md").read_text()
STEPS = re.compile(r"^New file `([^`]+)`:\n\n```\w+\n(.*?)^```$|"
                   r"^Add `'(\w+)'` to the list `(\w+)` in `([^`]+)`\.$|"
                   r"^```sh\n(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The tree as it is after every step but the commands, configured without sanitizers."""
    path = tmp_path_factory.mktemp("copy") / "relaudit"
    skip = shutil.ignore_patterns("build*", ".git", "__pycache__", ".pytest_cache")
    shutil.copytree(ROOT, path, ignore=skip)
    files, words, commands = [], [], []
    for m in STEPS.finditer(TEXT):
        if m[1]:
            assert not (path / m[1]).exists()
            (path / m[1]).write_text(m[2])
            files.append(m[1])
        elif m[3]:
            target = path / m[5]
            text, count = re.subn(rf"^{m[4]} = \[", rf"{m[4]} = ['{m[3]}', ", target.read_text(),
                                  flags=re.M)
            assert count == 1, f"no list {m[4]} in {m[5]}"
            target.write_text(text.replace(", ]", "]"))
            words.append(m[4])
        else:
            commands += m[6].splitlines()
    assert len(files) == 3 and words == ["kinds", "unit_tests"] and len(commands) == 4
    done = support.run("meson", "setup", "build", "-Doptimization=0", "-Ddebug=false",
                       "-Dman=disabled", "-Dwerror=true", cwd=path, env={**os.environ})
    assert done.code == 0, done.out
    return path, files, commands


def test_the_new_kind_compiles_and_answers(tree, folder):
    path, _, commands = tree
    # only what the commands use: a whole build would build every unit test
    done = support.run("ninja", "-C", "build", "daemon/relauditd", "tests/unit/test_always_ok",
                       cwd=path, timeout=600, env={**os.environ})
    assert done.code == 0, done.out[-4000:]
    assert commands[0] == "ninja -C build"
    for command in commands[1:]:
        done = subprocess.run(command.split(), cwd=path, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    (folder / "MOTTO").write_text("slow and steady\n")
    for limit, code in ((200, 0), (4, 2)):
        done = subprocess.run(
            [path / "build/daemon/relauditd", "--try", "motto"], capture_output=True, text=True,
            input=f"kind: always-ok\nfile: {{path: {folder}/MOTTO}}\n"
                  f"expect: {{max-length: {limit}}}\n")
        assert done.returncode == code, (done.stdout, done.stderr)
        assert json.loads(done.stdout)["facts"] == {"length": 15}


def test_it_keeps_the_house_rules(tree):
    path, files, _ = tree
    if shutil.which("clang-format"):
        c_files = [path / f for f in files if f.endswith(".c")]
        done = support.run("clang-format", "--dry-run", "-Werror", *c_files, cwd=path)
        assert done.code == 0, done.err
    assert all(len(line.expandtabs(8)) <= 100 for f in files
               for line in (path / f).read_text().splitlines())
