# SPDX-License-Identifier: Apache-2.0
"""Where the built programs are, and the unit programs as tests of their own."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent))
import modes  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("RELAUDIT_BUILD", ROOT / "build"))
FUZZ_BUILD = pathlib.Path(os.environ.get("RELAUDIT_FUZZ_BUILD", ROOT / "build-fuzz"))
SLOW = float(os.environ.get("RELAUDIT_SLOW", "1"))
DATA = ROOT.parent / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption("--fault-table", metavar="FILE", help="write docs/faults.md of this run")


def pytest_configure(config):
    if config.getoption("--fault-table") and not hasattr(config, "workerinput"):
        sys.path.insert(1, str(ROOT / "tests" / "fault"))
        import rows
        config.pluginmanager.register(rows.Plugin(config.getoption("--fault-table")))


def pytest_collection_modifyitems(items):
    for item in items:
        why = modes.reason(item)
        if why is not None:
            item.add_marker(pytest.mark.skip(reason=f"--{modes.MODE}: {why}"))


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".c" and file_path.name.startswith("test_"):
        if file_path.parent.name == "unit":
            return UnitFile.from_parent(parent, path=file_path)
    return None


class UnitFile(pytest.File):
    def collect(self):
        yield UnitItem.from_parent(self, name=self.path.stem)


class UnitItem(pytest.Item):
    """One cmocka program; each of its cases is named when it fails."""

    def runtest(self):
        binary = BUILD / "tests" / "unit" / self.name
        if not binary.exists():
            pytest.fail(f"{binary} was not built: is its word in tests/unit/meson.build?")
        done = subprocess.run([binary], cwd=ROOT, capture_output=True, text=True, errors="replace",
                              timeout=300 * SLOW)
        text = done.stdout + done.stderr
        # Of a helper, whose code is not the program's.
        if re.search(r"WARNING: ThreadSanitizer|Memcheck report", text):
            pytest.fail(f"a report of the tool:\n{text[-6000:]}", pytrace=False)
        if done.returncode != 0:
            bad = re.findall(r"\[  FAILED  \] (\S+)", text)
            pytest.fail(f"exit {done.returncode}, failed: {bad}\n{text[-6000:]}", pytrace=False)
        assert re.search(r"\[==========\] \d+ test\(s\) run|PASSED", text), "no test ran"

    def reportinfo(self):
        return self.path, 0, self.name
