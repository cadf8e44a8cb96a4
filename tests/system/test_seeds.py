# SPDX-License-Identifier: Apache-2.0
"""Every seed of every fuzz target, once more."""
import os
import subprocess

import pytest

from support import FUZZ_BUILD, ROOT, clean_environment

SEEDS = ROOT / "tests" / "fuzz" / "seeds"
TARGETS = sorted(p.name for p in SEEDS.iterdir()) if SEEDS.is_dir() else []
PROGRAMS = sorted(p.name[5:] for p in (FUZZ_BUILD / "tests" / "fuzz").glob("fuzz_*")
                  if os.access(p, os.X_OK) and p.is_file())


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_pass(target):
    program = FUZZ_BUILD / "tests" / "fuzz" / f"fuzz_{target}"
    if not FUZZ_BUILD.is_dir():
        pytest.skip("no fuzz build")
    assert program.exists(), f"seeds without a target: {program}"
    assert any((SEEDS / target).iterdir())
    done = subprocess.run([program, "-runs=0", SEEDS / target], capture_output=True, text=True,
                          errors="replace", timeout=300, env=clean_environment())
    assert done.returncode == 0, done.stderr[-4000:]


def test_each_target_has_seeds():
    assert [p for p in PROGRAMS if p not in TARGETS] == []
