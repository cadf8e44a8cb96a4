# SPDX-License-Identifier: Apache-2.0
"""Rows 19-22: clients of the control socket that are many, slow, garbled or gone."""
import socket

import pytest

import faults
from faults import LONG, config
from support import wait_for

STATUS = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(d, timeout=10):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(str(d.socket))
    return s


def answer_of(s):
    """All that comes until the end, or until it is reset."""
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except (ConnectionResetError, TimeoutError):
        pass
    return data


def whole_answer(s):
    """One answer in chunks."""
    data = b""
    while not data.endswith(b"\r\n0\r\n\r\n") and (piece := s.recv(65536)):
        data += piece
    return data


@pytest.fixture
def held():
    """Sockets that are closed at the end."""
    taken = []
    yield taken
    for s in taken:
        s.close()


def large(folder):
    """A daemon whose status is some megabytes."""
    checks = {f"version-{i}": {"file": {"path": f"{folder}/none/{i}" + "x" * 200},
                               "format": "text"} for i in range(100)}
    made = config(checks)
    for n in range(20):
        made["environments"][f"env{n}"] = {"checks": checks}
    return made


def test_row_19_a_thousand_idle_clients(daemon, held):
    """Those beyond the limit are told so; who was there is served on; idle ones are dropped."""
    d = daemon(config({}))
    old = connect(d)
    held.append(old)
    old.sendall(STATUS)
    assert whole_answer(old).startswith(b"HTTP/1.1 200")
    busy = 0
    for _ in range(1000):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        held.append(s)
        busy += s.connect_ex(str(d.socket)) != 0
    old.sendall(STATUS)
    assert whole_answer(old).startswith(b"HTTP/1.1 200"), "served on"
    assert d.usage_of_descriptors() < 400
    told = 0
    for s in held[1:400]:
        try:
            s.send(STATUS)
            s.settimeout(1)
            told += b" 503 " in s.recv(65536).partition(b"\r\n")[0]
        except OSError:
            continue
        if told:
            break
    assert busy > 0 and told > 0, "the limit is said"
    if LONG:
        wait_for(lambda: d.ctl("status").code == 3, timeout=60, what="idle ones are dropped")
    for s in held:
        s.close()
    wait_for(lambda: d.ctl("status").code == 3, what="served again")


def test_row_20_a_reader_that_does_not_read(daemon, folder, held):
    """Of what is streamed nothing is piled up for it; who lets events pile up is dropped."""
    d = daemon(large(folder), env=faults.FLAT)
    d.ready()
    before = d.metric("resident_bytes")
    for _ in range(20):
        s = connect(d)
        held.append(s)
        s.sendall(STATUS)
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    listener = connect(d)
    held.append(listener)
    listener.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
    assert listener.recv(200).startswith(b"HTTP/1.1 200")
    for _ in range(3):
        d.ctl("run", "env0", "env1", "env2")
    d.judge_memory(before, 32 << 20)
    assert d.ctl("status").code == 3


def test_row_21_requests_that_come_in_pieces_or_are_none(daemon, held):
    d = daemon(config({}))
    s = connect(d)
    held.append(s)
    for i in range(len(STATUS)):
        s.sendall(STATUS[i:i + 1])
    assert s.recv(65536).startswith(b"HTTP/1.1 200"), "a byte at a time"
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    s = connect(d)
    held.append(s)
    s.sendall((health + b"\r\n") * 99 + health + b"Connection: close\r\n\r\n")
    assert answer_of(s).count(b"HTTP/1.1 200") == 100, "pipelined"
    for data in (b"\0\1\2\xff" * 1000, b"GET /" + b"a" * 100000, b"GET / HTTP/1.1\r\n" * 10000,
                 b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" +
                 b"x" * 100000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0"):
        s = connect(d)
        held.append(s)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            continue
        s.settimeout(0.3)  # an answer comes at once; the connection's end may take 30 s
        assert not answer_of(s).startswith(b"HTTP/1.1 200"), data[:40]


def test_row_22_clients_that_vanish_in_the_middle(daemon, folder):
    d = daemon(large(folder), env=faults.FLAT)
    d.ready()
    before = d.metric("resident_bytes")
    for n in range(100):
        s = connect(d)
        s.sendall(STATUS[:n % len(STATUS)] if n % 3 == 0 else STATUS)
        if n % 3 == 1:
            s.recv(1000)
        s.close()
    d.judge_memory(before)
    wait_for(lambda: d.metric("connections") <= 1, what="they are let go")
