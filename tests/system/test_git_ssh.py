# SPDX-License-Identifier: Apache-2.0
"""A repository behind a real sshd, reached with the user's own key and known hosts."""
import os
import pathlib
import pwd

import pytest

from repository import Repository


class Home:
    """Runs a command where the user's ~/.ssh is a folder of the test's."""

    def __init__(self, ssh):
        self.ssh = ssh
        self.at = pathlib.Path(pwd.getpwuid(os.getuid()).pw_dir) / ".ssh"
        self.made = not self.at.exists()
        self.at.mkdir(mode=0o700, exist_ok=True)

    def command(self, *argv):
        return ["unshare", "--mount", "sh", "-c", f'mount --bind {self.ssh} {self.at} && exec "$@"',
                "sh", *argv]

    def stop(self):
        if self.made:
            self.at.rmdir()


def config(web, shop):
    web.put("version", {"version": "1.0.0"})
    return {"product": {"name": "shop", "repository": {"url": f"audit1:{shop.path}"}},
            "defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "20s"},
            "environments": {"one": {"checks": {
                "version": {"http": {"url": web.url("version")}, "version": "/version",
                            "expect": {"tagged": True}}}}}}


@pytest.fixture
def shop(folder):
    r = Repository(folder / "shop.git")
    r.head = r.commit("v1.0.0")
    return r


def test_with_the_user_s_key(daemon, web, shop, sshd, things):
    d = daemon(config(web, shop), inside=things(Home(sshd.folder)))
    d.ready()
    c = d.check("one/version")
    assert (c["state"], c["facts"]["tag_commit"]) == ("OK", shop.head), c


def test_with_a_key_that_nobody_knows(daemon, web, shop, sshd, things):
    (sshd.folder / "authorized").write_text("")
    d = daemon(config(web, shop), inside=things(Home(sshd.folder)))
    d.ready()
    c = d.check("one/version")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "repo-auth"), c


def test_a_host_that_is_not_known(daemon, web, shop, sshd, things):
    (sshd.folder / "known").write_text("")
    d = daemon(config(web, shop), inside=things(Home(sshd.folder)))
    d.ready()
    c = d.check("one/version")
    assert (c["state"], c["reason"]) == ("UNKNOWN", "repo-host-key"), c
