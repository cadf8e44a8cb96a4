# SPDX-License-Identifier: Apache-2.0
"""The fixtures of tests/system, and daemons that are judged as every row of docs/faults.md asks."""
import fcntl
import os
import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import faults  # noqa: E402
import support  # noqa: E402
from fixtures import *  # noqa: E402, F401, F403
from support import BUILD, FUZZ_BUILD, ROOT  # noqa: E402, F401, as in tests/system


@pytest.fixture
def daemon(folder, things):
    """daemon(config, ...) -> a relauditd that is ready, and judged when it stops."""
    def begin(config, **more):
        more.setdefault("folder", folder)
        return things(faults.Daemon(config=config, **more)).start()
    return begin


@pytest.fixture
def server(folder, things):
    """The HTTP server that misbehaves as its path says; `log` is what it was asked."""
    log = folder / "asked"
    taken = things(support.Server(support.SERVERS / "http_server.py", "--log", log))
    taken.log = log
    return taken


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    return faults.library(tmp_path_factory.mktemp("shim"), "alloc")


@pytest.fixture
def alloc(folder, things, shim):
    return things(faults.Alloc(folder / "page", shim))


@pytest.fixture(scope="session")
def clock_shim(tmp_path_factory):
    return faults.library(tmp_path_factory.mktemp("shim"), "clock")


@pytest.fixture
def clock(folder, things, clock_shim):
    return things(faults.Clock(folder / "clock", clock_shim))


@pytest.fixture(scope="session")
def plain():
    """A relauditd without sanitizers, which themselves would stumble over a failed system call."""
    folder = BUILD.with_name(BUILD.name + "-plain")
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:  # there may be workers beside this one
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "build.ninja").exists():
            done = support.run("meson", "setup", folder, ROOT, "--buildtype=debug", "-Dtests=false",
                               "-Dman=disabled", "-Dwerror=true", env=dict(os.environ))
            assert done.code == 0, done
        done = support.run("ninja", "-C", folder, "daemon/relauditd", timeout=600,
                           env=dict(os.environ))
        assert done.code == 0, done.out[-4000:]
    return folder / "daemon" / "relauditd"
