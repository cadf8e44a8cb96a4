# SPDX-License-Identifier: Apache-2.0
"""A git repository that a test makes."""
import os
import subprocess

DAY = 86400
START = 1700000000


class Repository:
    """One commit a day on main."""

    def __init__(self, path):
        self.path = path
        self.count = 0
        self.git("init", "--quiet", "--initial-branch=main", path, where=path.parent)

    def git(self, *args, where=None):
        when = f"{START + self.count * DAY} +0000"
        env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null",
               "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
               "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_AUTHOR_DATE": when,
               "GIT_COMMITTER_DATE": when}
        done = subprocess.run(["git", *map(str, args)], cwd=where or self.path, env=env, check=True,
                              capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, tag=None, annotated=False):
        self.count += 1
        self.git("commit", "--quiet", "--allow-empty", "-m", f"change {self.count}")
        if tag:
            self.tag(tag, annotated)
        return self.git("rev-parse", "HEAD")

    def tag(self, tag, annotated=False, at="HEAD", force=False):
        self.git("tag", *(["-f"] if force else []), *(["-a", "-m", tag] if annotated else []), tag,
                 at)

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.git("add", name)
