# SPDX-License-Identifier: Apache-2.0
"""Rows 23, 24, 32, 33: name servers, redirects and certificates that lie or fail."""
import socket

import pytest

import faults
import support
from faults import config, url, version

SILENT, ODD = "127.77.6.1", "127.77.6.2"
DNS = ("dns", "dns-not-found", "dns-no-address", "dns-timeout")


def resolver(things, folder, address):
    return things(support.Namespace(folder / "ns", resolv=f"nameserver {address}\n"))


def test_row_23_a_name_server_that_never_answers(daemon, things, folder, server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((SILENT, 53))
        checks = {f"version-{n}": version(f"http://{n}.test/", timeout="1s") for n in "abcdefgh"}
        checks["version-good"] = version(url(server, "ok"))
        d = daemon(config(checks), inside=resolver(things, folder, SILENT))
        got = d.expect({n: "ok" if n == "version-good" else "dns-timeout" for n in checks})
    for name, c in got.items():
        assert c["duration_ms"] < 3000, name


def test_row_24_answers_that_lead_nowhere(daemon, things, folder, server):
    things(support.Server(support.SERVERS / "dns_server.py", "--host", ODD, "--port", "53"))
    port = support.free_port("127.0.1.1")
    wanted = {"nx": "dns-not-found", "empty": "dns-no-address", "loop": DNS, "dangling": DNS,
              "servfail": "dns", "refused": "dns", "garbage": DNS, "liar": DNS, "cut": DNS,
              "hundred": "refused"}
    checks = {f"version-{n}": version(f"http://{n}.test:{port}/", timeout="2s") for n in wanted}
    checks["version-good"] = version(f"http://one.test:{server.port}/ok")
    d = daemon(config(checks), inside=resolver(things, folder, ODD))
    got = d.expect({"version-good": "ok", **{f"version-{n}": r for n, r in wanted.items()}})
    assert all(c["duration_ms"] < 4000 for c in got.values()), "tries are bounded"


SECRET = {"bearer": "hunter2bear", "headers": {"X-Token": "hunter2head"}}


@pytest.fixture
def thief(things, folder):
    taken = things(support.Server(support.SERVERS / "http_server.py", "--host", "127.0.0.2",
                                  "--log", folder / "stolen"))
    taken.log = folder / "stolen"
    return taken


def redirects(server, thief, folder, **http):
    (folder / "file").write_text('{"version": "6.6.6"}')
    there = {"other": f"http://127.0.0.2:{thief.port}/ok", "file": f"file://{folder}/file",
             "ftp": f"ftp://127.0.0.2:{thief.port}/ok", "nowhere": "http:///", "none": "",
             "userinfo": f"http://u:p@127.0.0.2:{thief.port}/ok",
             "gopher": f"gopher://127.0.0.2:{thief.port}/ok"}
    checks = {f"version-{n}": version(url(server, "redirect/302") + "?" + target,
                                      http={**SECRET, **http}) for n, target in there.items()}
    checks["version-loop"] = version(url(server, "loop"), http={**SECRET, **http})
    checks["version-good"] = version(url(server, "ok"), http=SECRET)
    return checks


def test_row_32_redirects_are_not_followed(daemon, folder, server, thief):
    checks = redirects(server, thief, folder)
    d = daemon(config(checks))
    d.expect({n: {"version-good": "ok", "version-none": "http-status"}.get(n, "http-redirect")
              for n in checks})
    assert not thief.log.exists(), thief.log.read_bytes()
    assert "hunter2" not in str(d.status())


def test_row_32_redirects_that_are_allowed_carry_nothing_away(daemon, folder, server, thief):
    checks = redirects(server, thief, folder, redirects=3)
    d = daemon(config(checks))
    d.earned.add("one/version-other")
    d.expect({n: {"version-good": "ok", "version-none": "http-status",
                  "version-other": "ok"}.get(n, ("http-redirect", "http-malformed"))
              for n in checks})
    stolen = thief.log.read_bytes()
    assert stolen.count(b"GET /ok ") == 1
    for word in (b"hunter2", b"Authorization", b"X-Token"):
        assert word not in stolen, stolen
    assert server.log.read_bytes().count(b"GET /loop ") % 4 == 0


TLS = {"expired": "tls-expired", "future": "tls-not-yet-valid", "wrong-host": "tls-wrong-host",
       "self-signed": "tls-self-signed", "unknown-ca": "tls-unknown-ca", "server": "ok"}


@pytest.fixture
def https(things):
    def begin(certificate, *more):
        return things(support.Server(support.SERVERS / "http_server.py", "--cert",
                                     f"{certificate}.pem", "--key", f"{certificate}.key", *more))
    return begin


def test_row_33_each_flaw_of_a_certificate_is_its_own_cause(daemon, https, certificates):
    ca = {"ca": f"{certificates['ca']}.pem"}
    checks = {f"version-{n}": version(f"https://localhost:{https(certificates[n]).port}/ok",
                                      http=ca) for n in TLS}
    old = https(certificates["server"], "--tls", "1.1")
    checks["version-old"] = version(f"https://localhost:{old.port}/ok", http=ca)
    d = daemon(config(checks))
    d.earned.add("one/version-server")
    d.expect({**{f"version-{n}": r for n, r in TLS.items()}, "version-old": "tls-version"})


def test_row_33_a_certificate_that_is_swapped(daemon, https, certificates):
    """No session and no connection of before lets it pass."""
    first = https(certificates["server"])
    d = daemon(config({"version-good": version(f"https://localhost:{first.port}/ok",
                                               http={"ca": f"{certificates['ca']}.pem"})}))
    assert d.results()["version-good"]["state"] == "OK"
    for name in ("unknown-ca", "expired", "server"):
        first.stop()
        first = https(certificates[name], "--port", first.port)
        assert d.results()["version-good"]["reason"] == TLS[name]
