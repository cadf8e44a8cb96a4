# SPDX-License-Identifier: Apache-2.0
"""Rows 34, 35, 37: answers that are whole, and made to harm who reads them."""
import unicodedata

import pytest

from faults import config, version
from support import parse_line, wait_for

JSON = {
    "deep-33": ('{"version":' + "[" * 33 + "1" + "]" * 33 + "}", ("not-json", "too-deep")),
    "deep-2049": ("[" * 2049 + "]" * 2049, ("not-json", "too-deep")),
    "deep-million": ("[" * 1000000, ("not-json", "too-deep", "body-too-large")),
    "twice": ('{"version":"1","version":"1"}', "not-json"),
    "nul": (b'{"version":"1\x00"}', "not-json"),
    "nul-escaped": (r'{"version":"1\u0000"}', "field-type"),
    "bom": (b'\xef\xbb\xbf{"version":"1"}', "not-json"),
    "huge": ('{"version":1e999}', "not-json"),
    "integer": ('{"version":99999999999999999999}', "not-json"),
    "trailing": ('{"version":"1"} }', "not-json"),
    "two": ('{"version":"1"}{"version":"2"}', "not-json"),
    "object": ('{"version":{"a":1}}', "field-type"), "null": ('{"version":null}', "no-such-field"),
    "array": ('["version"]', "no-such-field"), "text": ('"version"', ("no-such-field", "not-json")),
    "empty": ("", ("empty", "not-json")), "blank": (" \n", ("empty", "not-json")),
    "half": ('{"version":"1', "not-json"), "utf16": ('{"version":"1"}'.encode("utf-16"), "not-json"),
    "surrogate": (r'{"version":"\ud800"}', "not-json"), "latin": (b'{"version":"\xe9"}', "not-json"),
    "comment": ('{"version":"1"} // no', "not-json"), "nan": ('{"version":NaN}', "not-json"),
}


def test_row_34_json(daemon, web):
    for name, (body, _) in JSON.items():
        web.put(name, body)
    web.put("good", "{" + ",".join(f'"k{i}":{i}' for i in range(100000)) + ',"version":"1.0.0"}')
    checks = {f"version-{n}": version(web.url(n), http={"max-size": "4M"}) for n in (*JSON, "good")}
    d = daemon(config(checks))
    got = d.expect({"version-good": "ok", **{f"version-{n}": r for n, (_, r) in JSON.items()}})
    for name in ("twice", "trailing", "half", "comment", "huge", "bom"):
        summary = got[f"version-{name}"]["summary"]
        assert any(ch.isdigit() for ch in summary.replace("JSON", "")), f"no position: {summary}"


EVIL = {
    "escape": "1.0\x1b[31m\x1b]0;title\x07", "lines": "1.0\r\nstate check=one/x now=OK\n\tmore",
    "bidi": "1.0\u202e0.1\u2066\u200f", "formats": "%n%s%x%1000000d%hhn", "csi": "1.0\u009b31m",
    "separator": "1.0\u2028\u2029", "quotes": '1.0" now=OK x="', "long": "1.0." + "9" * 1000000,
    "markup": "<script>alert(1)</script>", "tab": "a\tb", "delete": "1.0\x7f\x08\x08",
    "formula": "=cmd|' /C calc'!A0",
}


def not_printable(text):
    """Characters that steer a terminal."""
    return {hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in
            ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")}


def test_row_35_versions_that_steer_terminals_and_logs(daemon, web, syslog):
    for name, text in EVIL.items():
        web.put(name, {"version": text})
    web.put("utf8", b"\xff\xfe 1.0 \xc0\xaf\n")
    checks = {f"version-{n}": version(web.url(n), expect={"version": "7"},
                                      http={"max-size": "4M"}) for n in EVIL}
    checks["version-utf8"] = {"http": {"url": web.url("utf8")}, "format": "text"}
    d = daemon(config(checks), inside=syslog)
    d.ready()
    lines = syslog.wait("state check=", count=len(checks))
    assert len(lines) == len(checks), "no line is forged"
    for line in lines:
        assert len(line) < 3000 and not not_printable(line), line
        fields = dict(parse_line(line)[4])
        assert fields["check"].startswith("one/version-") and fields["now"] != "OK"
    for args in (["status"], ["show", "one"], ["version"], ["history"], ["status", "-o", "nagios"],
                 ["status", "-o", "json"], ["show", "one", "-o", "csv"], ["--color", "never", "show",
                                                                        "one/version-long"]):
        done = d.ctl(*args)
        assert done.out and not not_printable(done.out.replace("\r\n", "\n")), args
        assert len(done.out) < 200000, args


def test_row_37_an_endpoint_that_flaps(daemon, web, syslog, clock):
    """Every change is in the history; the lines of so many are held back, and then tell it all."""
    checks = {"version-good": version(web.url("version"), expect={"version": "1.0.0"})}
    web.put("version", {"version": "1.0.0"})
    made = config(checks)
    made["environments"]["one"]["checks"]["version-good"]["every"] = "100ms"
    d = daemon(made, env=clock.env, inside=syslog, held=True)  # by the time that passes
    d.ready()

    def changes():
        return [e for e in d.api("/v1/history?limit=1000")[1]["events"] if e["event"] == "state"]

    def change(n, to=None):
        web.put("version", {"version": to or ("2.0.0", "1.0.0")[n % 2]})
        wait_for(lambda: len(changes()) == n + 1)
    for n in range(30):
        change(n)
    syslog.wait("state check=", count=30)
    for n in range(30, 37):
        change(n)
    assert [e["now"] for e in changes()[:36]] == ["CRITICAL", "OK"] * 18, "none is lost"
    change(37, to=["none"])
    assert len(syslog.lines("state check=")) == 30
    clock.pass_by(20)
    line = dict(parse_line(syslog.wait("flapping check=")[0])[4])
    assert (line["now"], line["changes"]) == ("UNKNOWN", "8")
    # What is told ends with how things are, and each problem with its own end.
    syslog.wait("state check=", count=31)
    change(38, to="2.0.0")
    change(39)
    clock.pass_by(20)
    syslog.wait("flapping check=", count=2)
    syslog.wait("state check=", count=32)
    told = [dict(parse_line(ln)[4]) for ln in syslog.lines("state check=")]
    assert [t["now"] for t in told] == ["CRITICAL", "OK"] * 15 + ["UNKNOWN", "OK"]
    ids = [t["id"] for t in told]
    assert len(set(ids)) == 16 and ids[::2] == ids[1::2]
    assert ids[-1] == changes()[-1]["id"]


def test_row_37_killed_while_lines_are_held(daemon, web, syslog):
    """A problem nobody was told of is told after the restart, and once."""
    checks = {"version-good": version(web.url("version"), expect={"version": "1.0.0"})}
    web.put("version", {"version": "1.0.0"})
    made = config(checks)
    d = daemon(made, inside=syslog)
    d.ready()
    for n in range(31):
        web.put("version", {"version": "2.0.0" if n % 2 == 0 else "1.0.0"})
        wait_for(lambda n=n: d.ctl("run", "one/version-good", "-o", "json").out,
                 what="not more than ten times in a second")
    syslog.wait("state check=", count=30)
    wait_for(lambda: d.api("/v1/history?limit=1")[1]["events"][0]["now"] == "CRITICAL")
    d.kill9()
    d.start()
    told = [dict(parse_line(ln)[4]) for ln in syslog.wait("state check=", count=31)]
    assert told[-1]["now"] == "CRITICAL" and told[-1]["id"] not in {t["id"] for t in told[:-1]}
    web.put("version", {"version": "1.0.0"})
    assert d.ctl("run", "one/version-good").code == 0
    told = [dict(parse_line(ln)[4]) for ln in syslog.wait("state check=", count=32)]
    assert told[-1]["now"] == "OK" and told[-1]["id"] == told[-2]["id"]


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_row_37_taken_out_while_lines_are_held(daemon, web, syslog, how):
    """What was told to begin has its end, and nothing ends that nobody was told of."""
    web.put("version", {"version": "2.0.0"})
    made = config({"version-good": version(web.url("version"), expect={"version": "1.0.0"})})
    d = daemon(made, inside=syslog)
    d.ready()
    syslog.wait("state check=")
    for n in range(1, 31):  # the 30th line is a recovery's, then there is one that waits
        web.put("version", {"version": "2.0.0" if n % 2 == 0 else "1.0.0"})
        wait_for(lambda n=n: d.ctl("run", "one/version-good", "-o", "json").out)
    syslog.wait("state check=", count=30)
    made["environments"]["one"]["checks"] = {}
    d.write(made)
    if how == "reload":
        assert d.ctl("reload").code == 0
    else:
        d.stop()
        d.start()
    wait_for(lambda: any(e["event"] == "removed" for e in d.api("/v1/history")[1]["events"]))
    d.stop()
    told = [dict(parse_line(ln)[4]) for ln in syslog.lines("state check=")]
    begun, ended = ({t["id"] for t in told if (t["now"] == "OK") == ok} for ok in (False, True))
    ended |= {dict(parse_line(ln)[4])["id"] for ln in syslog.lines(": removed ")}
    assert begun == ended and len(begun) in (15, 16)
