# SPDX-License-Identifier: Apache-2.0
"""Rounds of the store's driver (store_driver.c), and daemons whose state folder is in trouble."""
import contextlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import support  # noqa: E402

LONG = bool(os.environ.get("RELAUDIT_LONG"))
DRIVER = support.BUILD / "tests" / "unit" / "store_driver"


def pick(short, long):
    return long if LONG else short


def driver(*args):
    """{word: number} of what it did; that it ended well is that nothing was lost."""
    done = subprocess.run([str(DRIVER), *map(str, args)], capture_output=True, text=True,
                          errors="replace", timeout=7200 if LONG else 300,
                          env=support.clean_environment())
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert not support.SANITIZER.search(done.stderr), done.stderr[-6000:]
    print("store_driver", *args, done.stdout.strip())
    return {k: int(v) for k, v in re.findall(r"(\S+) (\d+)", done.stdout)}


@pytest.fixture
def place():
    """A folder for a test."""
    with support.new_folder() as path:
        yield path


@pytest.fixture
def take():
    """What is given to it is stopped at the end, latest first."""
    with support.Things() as things:
        yield things


class Mount(contextlib.AbstractContextManager):
    """A small file system of its own at `path`."""

    def __init__(self, path, *options, image=None):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.frozen = False
        self.image = image
        what = ["-o", "loop", image] if image else ["-t", "tmpfs", *options, "none"]
        done = support.run("mount", *what, self.path)
        assert done.code == 0, done
        self.path.chmod(0o750)

    def remount(self, how):
        done = support.run("mount", "-o", f"remount,{how}", self.path)
        assert done.code == 0, done

    def freeze(self, on):
        done = support.run("fsfreeze", "-f" if on else "-u", self.path)
        assert done.code == 0, done
        self.frozen = on

    def fill(self):
        """Until nothing more fits."""
        with open(self.path / "ballast", "ab", buffering=0) as f:
            with contextlib.suppress(OSError):
                while f.write(b"\0" * 512) == 512:
                    pass

    def free(self):
        (self.path / "ballast").unlink()

    def stop(self):
        if self.frozen:
            self.freeze(False)
        support.run("umount", "--lazy", self.path)

    def check(self):
        """What a machine does with a file system that broke, before it is mounted again."""
        support.wait_for(lambda: support.run("losetup", "-j", self.image).out == "",
                         what="nobody has it mounted")
        assert support.run("e2fsck", "-p", self.image).code in (0, 1)

    def __exit__(self, *exc):
        self.stop()


def ext4(path, size="16M"):
    """A real file system with a journal, in a file."""
    image = pathlib.Path(path).with_suffix(".img")
    subprocess.run(["truncate", "-s", size, str(image)], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    return Mount(path, image=image)


def watching(web, **more):
    """One check whose state is put by putting another version."""
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "10s"},
            "environments": {"one": {"checks": {"version": {
                "http": {"url": web.url("version")}, "format": "json", "version": "/version",
                "expect": {"version": "1.0.0"}}}}}, **more}


def set_state(daemon, web, version):
    """Returns the check as it is then."""
    web.put("version", {"version": version})
    return daemon.run("one/version")


def metric(daemon, name):
    found = re.search(rf"^relaudit_{name} ([0-9.]+)$", daemon.metrics(), re.M)
    assert found, name
    return float(found[1])
