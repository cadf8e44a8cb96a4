# SPDX-License-Identifier: Apache-2.0
"""Nothing acknowledged is lost and nothing damaged believed, whatever happens to the process, the
power and records.db. Records of the states that were announced are what there is to acknowledge."""
import pytest
from store_rounds import driver, pick


def test_row_03_killed_at_random_moments():
    seen = driver("kill", pick(120, 10000), 1)
    assert seen["kills"] > seen["rounds"] / 2
    assert seen["acknowledged"] > seen["rounds"]
    assert seen["early"] > 0, "some died while they recovered, too"


def test_row_04_killed_at_every_call():
    seen = driver("each", "kill", 1, 0)
    assert seen["calls"] > 100


def test_row_05_power_lost():
    """Writes lost, torn, in another order; names too; after some of them once more."""
    seen = driver("power", pick(80, 4000), 1)
    assert seen["of-recoveries"] > 0


def test_row_06_killed_again_while_recovering():
    """At each call of a life, and then at each of the recovery; then whole."""
    seen = driver("each", "kill", pick(9, 1), pick(19, 1))
    assert seen["cases"] > seen["calls"] / 9


def test_row_07_no_room_at_any_call():
    seen = driver("each", "error", 28, pick(3, 1))
    assert seen["refused-puts"] > 0, "what is not saved is not said to be"


def test_row_08_input_output_error_at_any_call():
    seen = driver("each", "error", 5, pick(3, 1))
    assert seen["refused-puts"] > 0


def test_row_08_a_sync_that_failed_is_not_believed_a_second_time():
    """The shim forgets the data of a sync that failed, as the kernel does, and says 0 to the next
    one; here as seen by the process, in row 5 as seen by the disk."""
    seen = driver("each", "sync", 1)
    assert seen["refused-puts"] > 0
    assert driver("power", pick(40, 1000), 77)["states"] >= 40


@pytest.mark.parametrize("how", [("short",), ("error", 4), ("error", 11)],
                         ids=["short", "EINTR", "EAGAIN"])
def test_row_09_written_in_parts(how):
    seen = driver("each", *how, pick(4, 1))
    if how == ("short",):
        assert seen["refused-puts"] == 0, "a short write goes on"


@pytest.mark.parametrize("copy", ["last", "old", "alone"])
def test_row_11_cut_at_every_byte(copy):
    seen = driver("damage", "cut", pick(101, 1), copy)
    assert seen["said"] == seen["cases"], "each is said, and the file set aside"
    if copy == "last":
        assert seen["older"] == seen["gone"] == 0


@pytest.mark.parametrize("copy", ["last", "old", "alone"])
def test_row_11_each_bit_flipped(copy):
    seen = driver("damage", "flip", pick(311, 1), copy)
    assert seen["said"] > 0
    if copy == "last":
        assert seen["older"] == seen["gone"] == 0
