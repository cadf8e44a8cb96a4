# SPDX-License-Identifier: Apache-2.0
"""What TAB offers: the scripts of `relauditctl completion`, run by the shells themselves."""
import os
import shutil
import subprocess

import pytest

import support

BASH = """
eval "$(relauditctl completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_relauditctl
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
autoload -Uz compinit && compinit -D -u
eval "$(relauditctl completion zsh)"
whence -w _relauditctl
print -l -- ${_comps[relauditctl]}
"""


def shell(*argv, socket="/nothing/here.sock", **env):
    path = f"{support.BUILD}/daemon:{os.environ['PATH']}"
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60,
                          env=support.clean_environment(PATH=path, RELAUDIT_SOCKET=str(socket),
                                                        **env))
    assert done.returncode == 0, done
    assert not done.stderr, done.stderr
    return done.stdout.split("\n")[:-1]


def bash(*words, **more):
    found = shell("bash", "-c", BASH, "bash", "relauditctl", *words, **more)
    return sorted(w for w in found if w)


def fish(line, folder, **more):
    if shutil.which("fish") is None:
        pytest.skip("no fish here")
    found = shell("fish", "--no-config", "-c",
                  f"relauditctl completion fish | source; complete -C 'relauditctl {line}'",
                  HOME=str(folder), **more)
    return sorted(w.split("\t")[0] for w in found if w)


def commands():
    text = support.run(support.RELAUDITCTL, "help").out
    text = text.split("Commands:\n")[1].split("\n\n")[0]
    return sorted(ln.split()[0] for ln in text.splitlines() if ln.startswith("  ") and ln[2] != " ")


def test_bash_offers_commands_options_and_values():
    assert bash("") == commands() and "status" in commands()
    assert bash("sta") == ["status"]
    assert bash("status", "--w") == ["--wait", "--watch"]
    assert bash("-o", "") == bash("status", "--output", "") == ["csv", "diff", "json", "markdown", "table"]
    assert bash("--output", "=", "js") == ["json"]
    assert bash("--output", "=") == ["csv", "diff", "json", "markdown", "table"]
    assert bash("--socket", "=", "/x", "completion", "f") == ["fish"]
    assert bash("help", "rel") == ["reload"]
    assert bash("history", "--since", "") == []


def test_bash_offers_files(folder):
    (folder / "with blank.yaml").touch()
    assert bash("check-config", "--config", f"{folder}/w") == [f"{folder}/with blank.yaml"]


def test_fish_offers_commands_options_and_values(folder):
    assert fish("sta", folder) == ["status"]
    assert set(fish("", folder)) == set(commands())
    assert fish("status --w", folder) == ["--wait", "--watch"]
    assert fish("-o ", folder) == ["csv", "diff", "json", "markdown", "table"]


def test_zsh_takes_its_script(folder):
    if shutil.which("zsh") is None:
        pytest.skip("no zsh here")
    assert shell("zsh", "-f", "-c", ZSH, HOME=str(folder)) == [
        "_relauditctl: function", "_relauditctl"]


def test_nothing_is_offered_or_said_without_a_daemon(folder):
    assert bash("status", "") == []
    assert bash("version", "") == []
    done = support.run(support.RELAUDITCTL, "--socket", "/nothing/here.sock", "completion", "names")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_names_are_those_of_the_daemon(daemon, web, folder):
    check = {"http": {"url": web.url("v")}, "format": "json", "version": "/version"}
    d = daemon({"defaults": {"every": "1h"}, "environments": {
        "production": {"checks": {"version-api": {"kind": "version", **check}}},
        "staging": {"checks": {"version-api": {"kind": "version", **check}}}}})
    assert bash("status", "prod", socket=d.socket) == ["production", "production/version-api"]
    assert bash("show", "staging/", socket=d.socket) == ["staging/version-api"]
    assert bash("version", "", socket=d.socket) == ["production", "staging"]
    if shutil.which("fish") is not None:
        assert fish("run stag", folder, socket=d.socket) == ["staging", "staging/version-api"]
