# SPDX-License-Identifier: Apache-2.0
"""Rows 34, 35, 37: answers that are whole, and made to harm who reads them."""
import unicodedata

from faults import config, version
from support import parse_line

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


def test_row_37_an_endpoint_that_flaps(daemon, web, syslog):
    """Every change is in the history with its line, and a pair of them has one id."""
    checks = {"version-good": version(web.url("version"), expect={"version": "1.0.0"})}
    web.put("version", {"version": "1.0.0"})
    made = config(checks)
    made["environments"]["one"]["checks"]["version-good"]["every"] = "100ms"
    d = daemon(made, inside=syslog)
    d.ready()
    for n in range(20):
        web.put("version", {"version": "2.0.0" if n % 2 == 0 else "1.0.0"})
        syslog.wait("state check=", count=n + 1)
    events = [e for e in d.api("/v1/history?limit=1000")[1]["events"] if e["event"] == "state"]
    assert [e["now"] for e in events] == ["CRITICAL", "OK"] * 10, "none is lost"
    ids = [dict(parse_line(ln)[4])["id"] for ln in syslog.lines("state check=")]
    assert len(set(ids)) == 10 and ids[::2] == ids[1::2]
