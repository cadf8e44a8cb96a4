# SPDX-License-Identifier: Apache-2.0
"""Fixtures of system and fault tests: all that a test started is ended, a daemon's end is judged."""
import pathlib
import shutil
import tempfile

import pytest

import support


@pytest.fixture
def folder():
    with support.new_folder() as path:
        yield path


@pytest.fixture
def things():
    with support.Things() as take:
        yield take


@pytest.fixture(scope="module")
def module_folder():
    with support.new_folder() as path:
        yield path


@pytest.fixture(scope="module")
def module_things():
    with support.Things() as take:
        yield take


@pytest.fixture
def daemon(folder, things):
    """daemon(config) -> a relauditd that is ready."""
    def begin(config, env=None, inside=None, where=None):
        where = folder if where is None else where
        where.mkdir(exist_ok=True)
        return things(support.Daemon(where, config, env, inside)).start()
    return begin


@pytest.fixture
def web(folder, things):
    return things(support.Web(folder / "web"))


@pytest.fixture
def syslog(folder, things):
    return things(support.Syslog(folder / "syslog"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """{name: path without its ending} of certificates.sh."""
    path = tmp_path_factory.mktemp("certificates")
    done = support.run("sh", support.SERVERS / "certificates.sh", path)
    assert done.code == 0, done
    return {p.stem: p.with_suffix("") for p in path.glob("*.key")}


@pytest.fixture
def scripts():
    """A folder that only root may write, on the way too: /tmp would be refused."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="relaudit-test-", dir="/run"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
