# SPDX-License-Identifier: Apache-2.0
"""Row 58: all faults at random (soak.py), some of each run the same and one that no run had before."""
import time

import pytest

import soak
import support
from faults import LONG


@pytest.mark.parametrize("seed", [4, int(time.time())] if LONG else [4])
def test_row_58_everything_at_random(seed):
    done = soak.soak(seed, 600 if LONG else 35)
    print(f"seed {seed}: {dict(done)}")
    assert sum(done.values()) > 10 / support.SLOW
