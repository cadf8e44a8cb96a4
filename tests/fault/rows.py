# SPDX-License-Identifier: Apache-2.0
"""The rows of docs/faults.md, which tests they have, and the table of a run.

A row's tests are those named test_row_NN_... in tests/fault and tests/system, and what ELSEWHERE
names beside them. `tests/run --fault-table docs/faults.md` writes the table.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "docs" / "faults.md"

ROWS = {
    1: "an allocation fails once",
    2: "all allocations fail from one on",
    3: "kill -9 at a random moment",
    4: "killed at each write, fsync, rename, unlink of a save",
    5: "power loss: writes lost, reordered, torn",
    6: "killed again during recovery",
    7: "disk full while state is saved",
    8: "EIO on write or fsync",
    9: "short write, EINTR, EAGAIN",
    10: "state file system read-only or frozen",
    11: "state empty, cut at every byte, each bit flipped",
    12: "state of a newer version",
    13: "state path is a link, a pipe, another owner's",
    14: "second instance",
    15: "socket left behind by kill -9",
    16: "socket path of 107, 108, 200 characters",
    17: "no descriptors left",
    18: "no process can be started",
    19: "1,000 idle clients",
    20: "slow reader of a huge answer",
    21: "request a byte at a time, oversized, binary, pipelined",
    22: "client vanishes in the middle of an answer",
    23: "name server that never answers",
    24: "NXDOMAIN, empty answer, 100 addresses, alias loop",
    25: "connection not taken: dropped, backlog full",
    26: "reset, rejected, closed in the middle",
    27: "server that accepts and is stopped",
    28: "a byte at a time in headers, body, handshake",
    29: "endless body, no length, wrong length",
    30: "compressed bomb, unasked",
    31: "endless headers, interim answers, HTTP/0.9, HTTP/2, garbage",
    32: "redirect to another scheme, another host, itself",
    33: "TLS: expired, not yet valid, wrong host, self-signed, unknown CA, old, swapped",
    34: "JSON: deep, duplicate keys, NUL, BOM, huge numbers, trailing garbage, 100,000 keys",
    35: "version with escape sequences, line ends, bidi, invalid UTF-8, 1 MB, formats",
    36: "syslog stopped, absent, restarted",
    37: "endpoint that flaps",
    38: "wall clock jumps",
    39: "suspended for hours",
    40: "loop starved",
    41: "DST change, leap second, zone unset or bad",
    42: "backup: future, empty, link, pipe, hard link, gone while read",
    43: "folder with very many entries, hung file system",
    44: "log rotated, truncated, replaced, unreadable, 10 GB sparse",
    45: "command hangs, ignores SIGTERM, forks, daemonises",
    46: "command: 10 GB of output, NUL, lingers, exit 126, 127, signal",
    47: "command inspects its environment, descriptors, limits",
    48: "command replaced: writable by others, a link",
    49: "configuration: unknown key, duplicate, missing, huge, deep, bad UTF-8, include loop",
    50: "reload storm, reload while probing, environment removed in flight",
    51: "SIGTERM with 500 probes in flight, twice",
    52: "secret in the configuration",
    53: "proxy and TLS variables in the environment",
    54: "forbidden system call",
    55: "every system call of the main paths fails once",
    56: "memory limit reached",
    57: "500 environments with 4 checks, half of them dead",
    58: "72 hours of all of this",
    59: "upgrade and downgrade with live state",
    60: "acknowledged, then kill -9 at once",
}

# Tests that are a row's, under names of their own.
START, SYSLOG, API = (f"tests/system/test_{n}.py::test_" for n in ("start", "syslog", "api"))
SECRETS, SECCOMP = (f"tests/system/test_{n}.py::test_" for n in ("secrets", "seccomp"))
ELSEWHERE = {
    3: ["tests/system/test_crash.py::test_ten_crashes_change_nothing"],
    13: [f"{START}state_folder_that_cannot_be_is_said"],
    14: [f"{START}second_instance_is_refused_with_the_pid", f"{START}twenty_at_once_leave_one"],
    15: [f"{START}a_stale_socket_is_replaced", f"{START}a_live_socket_of_another_is_never_stolen",
         f"{START}what_is_no_socket_is_not_removed", f"{START}a_socket_that_is_lost_is_mended",
         f"{START}a_place_that_another_has_taken_is_left_to_it"],
    16: [f"{START}length_of_the_socket_path"],
    21: [f"{API}what_is_no_request_harms_nobody", f"{API}body_over_the_cap_is_refused",
         f"{API}header_fields_have_a_limit"],
    36: [f"{SYSLOG}without_dev_log_it_runs_and_says_so", f"{SYSLOG}rsyslog_that_comes_later_is_found"],
    51: [f"{START}stop_is_quick_with_probes_in_flight",
         f"{START}signals_during_a_stop_change_nothing"],
    52: [f"{SECRETS}the_canary_is_nowhere", f"{SECRETS}not_dumpable",
         "tests/system/test_attacks.py::test_secrets_in_the_file_itself_are_secrets"],
    53: [f"{START}environment_variables_steer_nothing"],
    54: [f"{SECCOMP}a_forbidden_call_ends_it", f"{SECCOMP}a_forbidden_call_is_named",
         f"{SECCOMP}all_threads_but_not_the_helper"],
}

# Rows without a test, and why.
NOT_YET = {}

# What a row's tests leave out.
NOTES = {
    1: "allocations of libuv and libcrypto themselves are spared; of the other libraries' at a start "
       "a long run takes 300; leaks of the helper are not looked for",
    2: "as in row 1",
    41: "there is no calendar yet",
    55: "not read, write, epoll of the loop's process: libuv ends it when its wake-ups fail",
    58: "seconds in a run of all, ten minutes in a long one (tests/fault/soak.py), not 72 hours",
    59: "0.1.0 is the first release: of formats before it only history.db has one, which is migrated "
        "in one transaction, without a copy, as it is expendable; records.db is in its first",
    60: "of states announced; there are no acks and silences yet",
}


def scan():
    """{row: [test, ...]}: "tests/fault/test_x.py::test_row_NN_words" """
    found = {n: list(ELSEWHERE.get(n, [])) for n in ROWS}
    for folder in ("fault", "system"):
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            for name in re.findall(r"^def (test_row_\w+)", path.read_text(), re.M):
                for n in rows_of(name):
                    found[n].append(f"{path.relative_to(ROOT)}::{name}")
    return found


def rows_of(name):
    """The rows that a test's name names: test_row_25_26_words."""
    numbers = re.match(r"test_row((?:_\d\d)+)_", name + "_")
    return [int(n) for n in numbers[1].split("_")[1:]] if numbers else []


def exists(test):
    path, _, name = test.partition("::")
    path = ROOT / path
    if not path.exists():
        return False
    text = path.read_text()
    return re.search(rf"^def {name}\(" if path.suffix == ".py" else rf"^{name}\(", text, re.M)


def table(results):
    """The page; results: {"tests/..py::name": [outcome, ...]} of a run."""
    lines = [
        "# Faults", "",
        "What happens around relauditd, and to it, and the tests that bring it about. In every row",
        "the daemon lives, nothing acknowledged is lost, no verdict turns OK by mistake, and one",
        "line says what happened. Beside its own each test asserts: no report of a sanitizer, no",
        "more descriptors, threads and children than before, no turn of the loop over 50 ms.", "",
        "Written by `tests/run --fault-table docs/faults.md`: a test's result is what that run saw",
        "(times it ran with other values).", "",
        "| # | fault | tests | result |", "| --- | --- | --- | --- |"]
    for n, tests in scan().items():
        shown = "<br>".join(f"`{t.removeprefix('tests/')}`" for t in tests) or "none"
        said = "<br>".join(result(results.get(t, [])) for t in tests)
        if not tests:
            said = "not automated: " + NOT_YET.get(n, "not yet")
        if n in NOTES:
            said += f"<br>{NOTES[n]}"
        lines.append(f"| {n} | {ROWS[n]} | {shown} | {said} |")
    return "\n".join(lines) + "\n"


def result(outcomes):
    for word in ("failed", "skipped", "passed"):
        if word in outcomes:
            return word + (f" ({outcomes.count(word)})" if outcomes.count(word) > 1 else "")
    return "not run"


class Plugin:
    """Collects outcomes of a run and writes the table at its end."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.results = {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            path, _, name = report.nodeid.partition("::")
            # as seen from here, wherever pytest takes its root to be
            path = path[path.find("tests/"):]
            test = f"{path}::{name.partition('[')[0]}"
            self.results.setdefault(test, []).append(report.outcome)

    def pytest_sessionfinish(self, session):
        self.path.write_text(table(self.results))
