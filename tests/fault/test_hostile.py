# SPDX-License-Identifier: Apache-2.0
"""Ten thousand environments in one daemon, and every one of them answers something hostile: every
case of JSONTestSuite, every truncation, every wrong type (hostile.py)."""
import collections
import json

import pytest

import faults
import hostile
import support
from test_answers import not_printable

SHOWN = 12


@pytest.fixture
def big(folder, things, syslog):
    """A daemon that is judged, with a configuration written faster than YAML's writer would."""
    def begin(made):
        made["daemon"].update(socket={"path": str(folder / "run" / "relauditd.sock")},
                              state=str(folder / "state"))
        return things(faults.Daemon(folder, json.dumps(made), inside=syslog)).start()
    return begin


def results(d, taken):
    """The check of each case, in their order; what JSON could not print is escaped in it."""
    text = d.api("/v1/status", raw=True)[1]
    assert not not_printable(text)
    found = {e["name"]: e["checks"] for e in json.loads(text)["environments"]}
    assert len(found) == len(taken)
    return [found[f"e{n}"][0] for n in range(len(taken))]


def wrong(case, check, earned):
    """What is wrong with a result; None: nothing."""
    verdict = check["verdict"]
    if verdict not in ("OK", "CRITICAL", "UNKNOWN"):
        return f"is {verdict}"
    if verdict == "OK" and not earned:
        return "OK, and it was not earned"
    if verdict != "OK" and earned and hostile.PROBES[case.probe].exact:
        return "refused, and it is good"
    if (check["reason"] == "ok") != (verdict == "OK"):
        return "its reason is another"
    if not check["summary"] or (verdict != "OK" and not check["next_step"]):
        return "nothing is said"
    return None


def test_the_whole_suite_is_among_them():
    if not hostile.SUITE.is_dir():
        pytest.skip(f"{hostile.SUITE} is not here")
    names = {path.name for path in hostile.SUITE.glob("*.json")}
    told = collections.Counter(c.label.split()[1] for c in hostile.cases() if "suite" in c.label)
    assert len(names) == 318 and told.keys() == names and set(told.values()) == {8}


@pytest.mark.parametrize("seed", range(hostile.SEED, hostile.SEED + (20 if faults.LONG else 1)))
def test_ten_thousand_hostile_answers(big, things, syslog, seed):
    taken = hostile.cases(seed=seed)
    assert len(taken) == hostile.COUNT
    earned = [hostile.earned(c) for c in taken]
    server = things(hostile.Server(taken))
    d = big(hostile.configuration(server.port, taken))
    d.ready(timeout="300s", ask=False)
    checks = results(d, taken)
    assert all(server.served), "every one was asked for"
    d.earned = {check["check"] for check, may in zip(checks, earned) if may}
    found = [(w, c.probe, c.label, c.body[:200], check["verdict"], check["reason"],
              check["summary"]) for c, check, may in zip(taken, checks, earned)
             for w in [wrong(c, check, may)] if w]
    assert not found, f"{len(found)} of {len(taken)}: {found[:SHOWN]}"
    # What is whole is read, or all of this says nothing.
    for probe, good in hostile.GOOD.items():
        [check] = [r for c, r in zip(taken, checks)
                   if c.probe == probe and c.body == good and not c.whole][:1]
        assert check["verdict"] == "OK", (probe, check)
    for line in syslog.lines("state check="):
        assert len(line) < 3000 and not not_printable(line), line
        support.parse_line(line)
    for args in (["status"], ["history"], ["status", "-o", "nagios"]):
        done = d.ctl(*args)
        assert done.out and not not_printable(done.out), args
