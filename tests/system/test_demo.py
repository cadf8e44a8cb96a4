# SPDX-License-Identifier: Apache-2.0
"""The README's first command: what it shows is there, and nothing of it is left running."""
import re

import support


def test_demo():
    done = support.run(support.ROOT / "conf" / "demo" / "run", env=support.clean_environment(
        RELAUDITD=str(support.RELAUDITD), RELAUDITCTL=str(support.RELAUDITCTL)))
    assert done.code == 0, done
    shown = done.out.partition("$ relauditctl drift staging production\n")[2]
    rows = {tuple(line.split()[1:3]) for line in shown.splitlines()
            if line.startswith("config-app ")}
    assert rows == {("FEATURE_SEARCH", "missing"), ("LICENSE_KEY", "differs"),
                    ("PAYMENT_TIMEOUT", "differs")}, done.out
    assert re.search(r"^production +1\.4\.2 .* CRITICAL$", done.out, re.M), done.out
    assert "newest backup is 31 h old" in done.out and "licence-of" not in done.out
    folder = re.search(r"The socket is (\S+)/run/", done.out)[1]
    assert support.run("pgrep", "-f", folder).out == ""
