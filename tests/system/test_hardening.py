# SPDX-License-Identifier: Apache-2.0
"""What the compiler and the linker put into the programs as they are released."""
import platform
import re
import shutil

import pytest

import machine
import support

RELEASE = machine.RELEASE / "daemon"

pytestmark = pytest.mark.skipif(not (RELEASE / "relauditd").exists(),
                                reason=f"no release build in {RELEASE} (RELAUDIT_RELEASE_BUILD)")
x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="of x86-64's code")
PROBE = re.compile(r"orq\s+\$0x0,(0x[0-9a-f]+)?\(%rsp\)")
PROGRAMS = pytest.mark.parametrize("program", ["relauditd", "relauditctl"])


def readelf(path, *args):
    done = support.run("readelf", "-W", *args, path)
    assert done.code == 0, done
    return done.out


@PROGRAMS
def test_loading(program):
    """At a random place, with nothing of the linker's left writable, no text changed, no stack run."""
    path = RELEASE / program
    headers, dynamic = readelf(path, "-l"), readelf(path, "-d")
    assert re.search(r"Type:\s+DYN \(Position-Independent", readelf(path, "-h"))
    assert "GNU_RELRO" in headers
    assert re.search(r"\(FLAGS\).*BIND_NOW", dynamic) and re.search(r"\(FLAGS_1\).*NOW", dynamic)
    assert re.search(r"GNU_STACK\s.* RW ", headers)
    assert not re.search(r"LOAD\s.* RWE ", headers)
    for word in ("TEXTREL", "RPATH", "RUNPATH"):
        assert word not in dynamic


@PROGRAMS
def test_stack_protector_and_fortify(program):
    symbols = readelf(RELEASE / program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert "__vsnprintf_chk" in symbols and "__snprintf_chk" in symbols
    assert not re.search(r"\s(vsnprintf|fprintf)@", symbols), "all of them are checked"


@x86
def test_control_flow_protection():
    """In each of our objects; the program's own mark takes those of the C library too."""
    notes = readelf(RELEASE / "librelaudit.a", "-n")
    marks = re.findall(r"^File: .*?(?=^File: |\Z)", notes, re.M | re.S)
    assert len(marks) > 100
    assert [m.splitlines()[0] for m in marks if "IBT, SHSTK" not in m] == []


@x86
@PROGRAMS
def test_stack_clash(program):
    """Frames of two pages and more are touched page by page."""
    if shutil.which("objdump") is None:
        pytest.skip("no objdump here")
    code = support.run("objdump", "-d", "--no-show-raw-insn", RELEASE / program).out
    functions = code.split("\n\n")
    bare = [f.splitlines()[0] for f in functions
            if re.search(r"sub\s+\$0x([2-9a-f][0-9a-f]{3}|[0-9a-f]{5,7}),%rsp", f)
            and not PROBE.search(f)]
    assert not bare, bare
    assert sum(bool(PROBE.search(f)) for f in functions) >= 3
