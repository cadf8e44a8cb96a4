# SPDX-License-Identifier: Apache-2.0
"""docs/faults.md names every row, and only tests that are there."""
import re

import rows

LINES = {int(m[1]): m[0] for m in re.finditer(r"^\| (\d+) \|.*$", rows.TABLE.read_text(), re.M)}


def test_every_row_is_in_the_table():
    assert list(LINES) == list(rows.ROWS) == list(range(1, 61))


def test_tests_that_are_named_exist():
    for n, line in LINES.items():
        named = re.findall(r"`([^`]+::[^`]+)`", line)
        assert named or "not automated: " in line, f"row {n}"
        assert not [t for t in named if not rows.exists(f"tests/{t}")], f"row {n}"


def test_nothing_in_the_table_failed():
    results = [line.rsplit("|", 2)[1] for line in LINES.values()]
    assert not [r for r in results if "failed" in r or "not run" in r]


def test_rows_of_a_name():
    assert rows.rows_of("test_row_25_26_firewalls") == [25, 26]
    assert rows.rows_of("test_row_07_full_disk") == [7]
    assert rows.rows_of("test_rows") == rows.rows_of("test_row_words") == []
