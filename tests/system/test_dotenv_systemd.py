# SPDX-License-Identifier: Apache-2.0
"""EnvironmentFile= held against systemd itself: it boots in a container, reads the same files for
units of its own, and gives programs that environment; a check of kind config reads them too."""
import os
import random
import re
import shutil

import pytest

import support
from reading import read_keys

# What systemd gives every program; no file here has these names.
ITS_OWN = {"LANG", "PATH", "INVOCATION_ID", "SYSTEMD_EXEC_PID"}
SEED = 20261124

BY_HAND = [
    b"", b"\n", b" \t\r\n", b"# nothing\n; nothing\n", b"A=1", b"A=1\n", b"A=1\nB=2\nA=3\n",
    b"A=1\r\nB=2\r\n", b"A=1\rB=2", b"A='1'\r\nB=\"2\"\r\n", b"A=1\\\r\nB=2\r\n", b"A=\nB=\n",
    b"  A=1\n\tB = 2 \t\n", b"A =1\nB\t=\t2", b"=1\nB=2", b"==\nB=2", b"A==", b"A=b=c",
    b"export A=1\nB=2\n", b"export\nB=2", b"1A=1\nA1=2", b"A-B=1\nA.B=2\nC=3", b"[x]\nC=3",
    b"\xef\xbb\xbfA=1\nB=2", b"A=1\n\xef\xbb\xbfB=2\nC=3", b"\xff\xfeA\x00=\x001\x00",
    # comments
    b"A=1 # no comment\nB=2#3", b"#A=1\n #B=2\n;C=3\n\t;D=4\nE=5", b"# on \\\nA=1\nB=2",
    b"; on \\\n; and on \\\nA=1\nB=2", b"# on \\\\\nA=1", b"#\\", b"A=1\n# end \\",
    b"# 'quote\nA=1\n# \"quote\nB=2", b"# \xff\xfe\nA=1",
    # quotes
    b"A='1 2 '\nB=\" 3\"", b"A=\"1\"'2' \"3\" 4", b"A='a\nb'\nB=1", b"A=\"a\nb\"\nB=1",
    b"A=\"a\r\nb\"\nB='c\r\nd'", b"A='unclosed\nB=1\n", b"A=\"unclosed\nB=1\n", b"A=it's\nB=1'",
    b"A=1\"2\"3", b"A=''\nB=\"\"", b"A=\"x\"# c\nB='y' # c", b"A='\\'\nB=1", b"A=\"\\\"\"\nB=1",
    b"A='\"'\nB=\"'\"", b"A=\"'\nB='\"", b"A=`ls`\nB=\"`ls`\"", b"A=$'a\\nb'\nB=$\"x\"",
    # escapes
    b"A=a\\b\nB=a\\\\b", b"A=\\ a\nB=a\\ \nC=a \\", b"A=a\\\nb\nB=\\\n\\\nc", b"A=a\\\n\nB=1",
    b"A=\\\nB=1\nC=2", b"A=\\\n#B=1\nC=2", b"A=\"a\\nb\\tc\\x41\\101\\u00e4\"\nB=a\\nb",
    b"A=\"\\$B \\`c\\` \\\\ \\'\"\nB='\\$B'", b"A=\"a\\\nb\"\nB='a\\\nb'", b"A=x\\", b"A=\\",
    b"A=\"x\\", b"A='x\\", b"A=\"x\"\\", b"A=\"x\"\\\ny", b"A=\"x\" \\\n \"y\"", b"A=%h %% %n",
    b"A=\"\\\r\n\"\nB=1", b"A\\\n=1\nB=2", b"\\A=1\nB=2", b"A=1\n\\\nB=2",
    b"A=$B ${C} $(d) $$\nB=1\nC=2\n",
    # names that do not count, whose values do
    b"A B='\nC=2\n'\nD=3", b"A B=\"\nC=2\n\"\nD=3", b"A-B=\\\nC=2\nD=3", b"'A'=1\nB=2",
    b"\"A\"=1\nB=2", b"A\nB=2", b"A\n=2\nB=3", b"A B\nC=1", b"A+=1\nB=2", b"a=1\n_=2\n_a9=3",
    # beyond ASCII
    "A=gr\u00fc\u00dfe \u20ac \U0001f600\n\u00c4=1\nB=2\n".encode(), b"A=\xc3\xa4\nB=\xff\n",
    b"A=1\n\xff=2\nB=3", b"A=1\n\xff\nB=2", b"A=\xc0\x80", b"A=\xed\xa0\x80", b"A=\xef\xbf\xbf",
    b"A=\xef\xb7\x90", b"A=\xf4\x90\x80\x80", b"A=\xc3", b"A='\xc3\n'\nB=1", b"A=\xc2\xa0x\xc2\xa0",
    b"A=\xc2\x85\nB=\xe2\x80\xa8", b"A=\x01\x07\x1b[0m\x7f\nB=\x0b\x0c", b"\x0bA=1\nB=2",
    b"A=1\x00\nB=2", b"A=1\nB=2\n\x00", b"\x00", b"# \x00\nA=1",
    # long ones
    b"A=" + b"x" * 100000 + b"\nB=1\n", b"A" * 4096 + b"=1\nB=2\n",
    b"A='" + b"y\n" * 30000 + b"'\nB=1", b"A=" + b"z\\\n" * 30000 + b"\nB=1",
    b"# " + b"c" * 200000 + b"\nA=1\n", b"".join(b"A%d=%d\n" % (i, i * i) for i in range(3000)),
]

PIECES = [
    b"A", b"B", b"C_1", b"x", b"0", b" ", b"  ", b"\t", b"=", b"=", b"=", b"'", b"\"", b"'", b"\"",
    b"\\", b"\\", b"\\\n", b"\\\\", b"\\'", b"\\\"", b"\\n", b"\n", b"\n", b"\n", b"\r\n", b"\r",
    b"#", b";", b"$", b"${A}", b"`", b"%n", b"\nA=", b"\nB=", b"\nexport C=", b"\n#", b"\xc3\xa4",
    b"a-b", b".", b"\nD =", b"word", b"\x01",
]
RARE = [b"\xff", b"\xef\xbb\xbf", b"\x00", b"\xed\xa0\x80", b"\xef\xbf\xbf"]


def at_random(count):
    rng = random.Random(SEED)
    for _ in range(count):
        pieces = rng.choices(PIECES, k=rng.randrange(1, 40))
        if rng.random() < 0.1:
            pieces.insert(rng.randrange(len(pieces) + 1), rng.choice(RARE))
        yield b"".join(pieces)


def files():
    return [*BY_HAND, *at_random(300)]


# --- systemd's answer ---

def write_units(folder, count):
    folder.mkdir(parents=True)
    (folder / "read@.service").write_text(
        "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n"
        "[Service]\nType=oneshot\nEnvironmentFile=/work/files/%i\nExecStart=/usr/bin/env -0\n"
        "StandardOutput=truncate:/work/seen/%i\nStandardError=null\n")
    lines = [f"Wants=read@{i}.service\nAfter=read@{i}.service\n" for i in range(count)]
    (folder / "end.service").write_text(
        "[Unit]\nDefaultDependencies=no\nSuccessAction=exit-force\nFailureAction=exit-force\n"
        + "".join(lines) +
        "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /work/done\nStandardOutput=null\n")


def boot(folder, count):
    """What is said on its console."""
    for name in ("unshare", "systemd-nspawn"):
        if shutil.which(name) is None:
            pytest.skip(f"there is no {name}")
    if os.getuid() != 0:
        pytest.skip("only root boots a container")
    write_units(folder / "root" / "etc" / "systemd" / "system", count)
    done = support.run("unshare", "--mount", "--propagation", "private",
                       support.SERVERS / "boot.sh", folder / "root", folder, "end.service")
    said = done.out + done.err
    if not (folder / "done").exists():
        if re.search(r"read@|Detected virtualization|System is tainted", said):
            pytest.fail(f"systemd did not come to its end:\n{said[-4000:]}")
        pytest.skip(f"systemd-nspawn does not run here: {said[-600:]}")
    return said


def seen_by_systemd(folder, said, i):
    """{name: value}, or None where it refused the file."""
    path = folder / "seen" / str(i)
    if not path.exists():
        assert re.search(rf"read@{i}\.service: Failed to load environment files", said), (i, said)
        return None
    pairs = [p.partition(b"=") for p in path.read_bytes().split(b"\0") if p]
    return {k.decode(): v.decode() for k, _, v in pairs if k.decode() not in ITS_OWN}


def dialect():
    version = support.run("systemd-nspawn", "--version").out.split()[1]
    return "systemd-253" if int(version) < 254 else "systemd"


# --- relauditd's ---

def agrees(theirs, ours):
    """A file in which systemd finds nothing at all but lines it passes over is not read as empty."""
    if isinstance(ours, str):
        return ours.startswith("not-dotenv") and (
            theirs is None or (theirs == {} and "no other line is one" in ours))
    return theirs == ours


def test_as_systemd_reads_them(folder, daemon):
    contents = files()
    for name in ("files", "seen"):
        (folder / name).mkdir()
    for i, content in enumerate(contents):
        (folder / "files" / str(i)).write_bytes(content)
    said = boot(folder, len(contents))
    ours = read_keys(daemon, [{"file": {"path": f"{folder}/files/{i}"}, "format": "dotenv",
                               "dialect": dialect()} for i in range(len(contents))])
    bad, refused, keys = [], 0, 0
    for i, content in enumerate(contents):
        theirs = seen_by_systemd(folder, said, i)
        refused += theirs is None
        keys += len(theirs or {})
        if not agrees(theirs, ours[i]):
            bad.append(f"{content[:300]!r}\n  systemd:   {str(theirs)[:300]}\n"
                       f"  relauditd: {str(ours[i])[:300]}")
    assert not bad, f"{len(bad)} of {len(contents)} files:\n" + "\n".join(bad[:20])
    # Else it would be a comparison of nothing with nothing.
    assert refused > 10 and keys > 3300
