# SPDX-License-Identifier: Apache-2.0
from fixtures import *  # noqa: F401, F403
from support import BUILD, FUZZ_BUILD, ROOT  # noqa: F401, for tests that take them from conftest
