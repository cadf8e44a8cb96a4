# SPDX-License-Identifier: Apache-2.0
"""What cannot run as `tests/run --coverage`, `--thread`, `--valgrind` or `--release` run the programs,
and why.

A key is the beginning of a test's id, or a fixture's name in <>. What is here shows as skipped."""
import os

MODE = os.environ.get("RELAUDIT_MODE", "")

NOT_OURS = {
    "tests/lint": "looks at the tree, not at what runs",
    "tests/fuzz": "the fuzzers have a build of their own",
    "tests/bench": "measures time",
    "tests/system/test_extending.py": "builds a tree of its own",
    "tests/system/test_hardening.py": "looks at the release build",
    "tests/system/test_install.py": "installs the release build",
    "tests/system/test_nspawn.py": "boots the release build",
    "tests/system/test_dotenv_systemd.py": "boots the release build",
    "tests/system/test_systemd.py": "a unit's sandbox and watchdog are of the release build",
    "tests/system/test_seccomp.py": "the filter does not know what the tool itself calls",
    "tests/system/test_seeds.py": "the fuzzers have a build of their own",
    "tests/fault/test_limits.py": "limits of memory and descriptors are too small for the tool",
    "tests/fault/test_reloads.py::test_row_57": "measures time",
    "tests/fault/test_store_rounds.py": "thousands of lives of a process without threads",
    "tests/fault/test_table.py": "there is no whole run to tell of",
    "<alloc>": "an allocator of its own, which the tool has too",
    "<clock>": "a clock of its own, which the tool asks too",
    "<plain>": "runs a build without the tool",
    "<shim>": "an allocator of its own, which the tool has too",
}

SKIPPED = {
    "": {},
    "coverage": {
        "tests/fault/test_memory.py": "counters are written at the end, for which gcov needs memory",
        "tests/system/test_seeds.py": NOT_OURS["tests/system/test_seeds.py"],
    },
    "thread": NOT_OURS,
    "release": {
        key: why for key, why in NOT_OURS.items()
        if key.startswith("tests/") and not key.startswith(("tests/fault", "tests/system/test_seccomp"))
    } | {
        "tests/fault/test_store_rounds.py::test_row_03": "it is too quick to die while it recovers",
    },
    "valgrind": {
        **NOT_OURS,
        "tests/system/test_slow_hosts.py": "measures time",
        "tests/system/test_start.py::test_twenty_at_once": "twenty valgrinds at once",
        "tests/unit/test_children.c": "valgrind does not come back from an execve that failed",
        "tests/unit/test_helper.c": "lives of helpers that valgrind cannot follow",
        "tests/unit/test_seccomp.c": "the filter does not know what the tool itself calls",
        "tests/unit/test_memory": "takes the place of malloc, as the tool does",
        "tests/unit/test_ctl_memory": "takes the place of malloc, as the tool does",
        "tests/unit/test_refused_model": "looks for secrets in bytes of a block that nobody wrote",
        "tests/system/test_ctl_programs.py::test_check_config":
            "valgrind does not come back from an execve that failed",
        "tests/system/test_ctl_programs.py::test_where_relauditd":
            "a program's own place is that of the build",
        "tests/system/test_ctl.py::test_a_run_too_often": "runs are too slow to be too often",
        "tests/fault/test_store_daemon.py::test_row_07": "the history is what meets the end of the disk",
        "tests/system/test_git_ssh.py": "valgrind knows no pidfd, by which ssh's end is seen",
    },
}[MODE]


def reason(item):
    for key, why in SKIPPED.items():
        if key.startswith("<"):
            if key[1:-1] in getattr(item, "fixturenames", ()):
                return why
        elif item.nodeid.startswith(key):
            return why
    return None
