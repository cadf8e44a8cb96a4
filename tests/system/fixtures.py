# SPDX-License-Identifier: Apache-2.0
"""Fixtures of system and fault tests: all that a test started is ended, a daemon's end is judged."""
import os
import pwd
import shutil
import socket
import subprocess

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
    path = support.make_folder("relaudit-test-", "/run")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def sshd(folder, things):
    """A real sshd on loopback with keys of its own; what `ssh` needs to get there by one name."""
    if shutil.which("sshd", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no sshd here")
    home = folder / "ssh"
    home.mkdir(mode=0o700)
    for name in ("host", "user"):
        done = support.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name)
        assert done.code == 0, done
    port = support.free_port()
    (home / "authorized").write_text((home / "user.pub").read_text())
    (home / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nPidFile none\n"
        f"AuthorizedKeysFile {home}/authorized\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        f"SetEnv PATH={support.BUILD}/daemon:/usr/bin:/bin\n")
    me = pwd.getpwuid(os.getuid()).pw_name
    (home / "known").write_text("audit1 " + (home / "host.pub").read_text())
    (home / "config").write_text(
        f"Host audit1\n HostName 127.0.0.1\n Port {port}\n User {me}\n IdentityFile {home}/user\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {home}/known\n HostKeyAlias audit1\n"
        " StrictHostKeyChecking yes\n")
    # relauditctl calls `ssh`; this one finds our config without touching the caller's home
    (home / "bin").mkdir()
    (home / "bin" / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {home}/config "$@"\n')
    (home / "bin" / "ssh").chmod(0o755)
    os.makedirs("/run/sshd", exist_ok=True)

    class Sshd:
        folder = home
        user = me
        process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(home / "sshd_config")],
                                   stderr=open(home / "log", "w"))
        path = f"{home}/bin:{os.environ['PATH']}"

        @classmethod
        def stop(cls):
            cls.process.terminate()
            cls.process.wait()

    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    support.wait_for(listens, what=lambda: (home / "log").read_text())
    return things(Sshd)
