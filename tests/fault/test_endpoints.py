# SPDX-License-Identifier: Apache-2.0
"""Rows 25-31: servers that are slow, silent, endless or no servers at all."""
import socket
import subprocess

import pytest

import faults
import support
from faults import config, url, version

SLOW = {"defaults": {"timeout": "1s"}}


def good(server):
    return {"version-good": version(url(server, "ok"))}



@pytest.fixture
def full():
    """A listener whose backlog is full: further SYNs are dropped."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    held = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(listener.getsockname())
        held.append(s)
    yield listener.getsockname()[1]
    for s in (*held, listener):
        s.close()


def test_row_25_connections_that_are_not_taken(daemon, server, full):
    """The time of a connection is told from the time of an answer."""
    d = daemon(config({**good(server),
                       "version-full": version(f"http://127.0.0.1:{full}/", timeout="2s")}))
    c = d.expect({"version-full": "connect-timeout", "version-good": "ok"})["version-full"]
    assert c["duration_ms"] < 4000


class NetworkNamespace:
    """A network of its own with lo up, and what else `setup` says."""

    def __init__(self, setup):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-euc",
             f"ip link set lo up\n{setup}\necho ready; exec cat >/dev/null"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.holder.stdout.readline()
        assert line == "ready\n", self.holder.stderr.read()

    def command(self, *argv):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--", *map(str, argv)]

    def stop(self):
        self.holder.stdin.close()
        self.holder.wait(timeout=10)
        self.holder.stdout.close()
        self.holder.stderr.close()


def test_row_25_26_firewalls(daemon, things):
    """DROP, REJECT, a reset, no route: four causes."""
    net = things(NetworkNamespace("""
iptables -A OUTPUT -p tcp --dport 81 -j DROP
iptables -A OUTPUT -p tcp --dport 82 -j REJECT --reject-with tcp-reset
iptables -A OUTPUT -p tcp --dport 83 -j REJECT --reject-with icmp-host-unreachable
iptables -A OUTPUT -p tcp --dport 84 -j REJECT --reject-with icmp-port-unreachable"""))
    d = daemon(config({
        "version-drop": version("http://127.0.0.1:81/"),
        "version-reset": version("http://127.0.0.1:82/"),
        "version-host": version("http://127.0.0.1:83/"),
        "version-port": version("http://127.0.0.1:84/"),
        "version-closed": version("http://127.0.0.1:85/"),
        "version-route": version("http://192.0.2.1/")}, **SLOW), inside=net)
    d.expect({"version-drop": "connect-timeout", "version-reset": "refused",
              "version-host": "unreachable", "version-port": "refused",
              "version-closed": "refused", "version-route": "unreachable"})


def test_row_26_closed_in_the_middle(daemon, server):
    d = daemon(config({**good(server), **{
        f"version-{n}": version(url(server, n)) for n in ("close", "reset", "short")}}))
    checks = d.expect({"version-good": "ok", "version-close": "reset", "version-reset": "reset",
                       "version-short": "reset"})
    assert all(not checks[f"version-{n}"]["facts"] for n in ("close", "reset", "short"))


def test_row_27_a_server_that_is_stopped(daemon, web, server):
    url_of_web = web.put("version", {"version": "1.0.0"})
    web.hang()
    d = daemon(config({**good(server), "version-stopped": version(url_of_web)}, **SLOW))
    c = d.expect({"version-stopped": "timeout", "version-good": "ok"})["version-stopped"]
    assert 900 <= c["duration_ms"] < 3000
    web.go_on()
    d.earned.add("one/version-stopped")
    assert d.results("one/version-stopped")["version-stopped"]["state"] == "OK"


def test_row_28_a_byte_at_a_time(daemon, things, server, certificates):
    """In the headers, in the body, in the handshake: the deadline holds."""
    hold = things(support.Server(support.SERVERS / "http_server.py", "--hold"))
    d = daemon(config({
        **good(server),
        "version-headers": version(url(server, "slow-headers")),
        "version-body": version(url(server, "slow-body")),
        "version-hang": version(url(server, "hang")),
        "version-handshake": version(f"https://127.0.0.1:{hold.port}/",
                                     http={"ca": f"{certificates['ca']}.pem"})}, **SLOW))
    checks = d.expect({"version-good": "ok", "version-headers": "timeout",
                       "version-body": "timeout", "version-hang": "timeout",
                       "version-handshake": "timeout"})
    for name in ("headers", "body", "hang", "handshake"):
        assert 900 <= checks[f"version-{name}"]["duration_ms"] < 3000


def test_row_29_endless_and_lying_bodies(daemon, server):
    d = daemon(config({**good(server), **{
        f"version-{n}": version(url(server, n)) for n in
        ("endless-chunked", "endless-close", "long", "short", "garbled-length")},
        "version-large": version(url(server, "large?2000000"))}), env=faults.FLAT)
    before = d.metric("resident_bytes")
    checks = d.expect({
        "version-good": "ok", "version-endless-chunked": "body-too-large",
        "version-endless-close": "body-too-large", "version-large": "body-too-large",
        "version-long": "not-json", "version-short": "reset",
        "version-garbled-length": ("http-malformed", "reset", "not-json")})
    assert "1" in checks["version-large"]["summary"]
    for _ in range(3):
        d.results()
    d.judge_memory(before)


def test_row_30_compressed_unasked(daemon, server):
    d = daemon(config({**good(server), "version-gzip": version(url(server, "gzip-bomb")),
                       "version-te": version(url(server, "te-gzip"))}),
               env=faults.FLAT)
    before = d.metric("resident_bytes")
    d.expect({"version-good": "ok", "version-gzip": "http-encoding",
              "version-te": ("http-encoding", "http-malformed")})
    d.judge_memory(before)


def test_row_31_no_http(daemon, server):
    names = ("endless-headers", "interim", "http09", "http2", "garbage", "nul-header", "bad-chunk")
    d = daemon(config({**good(server), **{
        f"version-{n}": version(url(server, n)) for n in names}}), env=faults.FLAT)
    before = d.metric("resident_bytes")
    checks = d.expect({"version-good": "ok"})
    for name in names:
        c = checks[f"version-{name}"]
        assert c["verdict"] == "UNKNOWN" and not c["facts"], c
        assert c["reason"] in ("http-malformed", "body-too-large", "reset"), c
    for _ in range(3):
        d.results()
    d.judge_memory(before)
