# SPDX-License-Identifier: Apache-2.0
"""docs/api.yaml against the running daemon: every route, every documented status, every shape."""
import json
import re
import socket
import subprocess

import jsonschema
import pytest
import yaml

import support
from support import ROOT, wait_for

DOCUMENT = ROOT / "docs" / "api.yaml"
API = yaml.safe_load(DOCUMENT.read_text()) if DOCUMENT.exists() else {"paths": {}}
METHODS = ("get", "post", "put", "delete", "head")


def strict(schema):
    """Objects that list their properties have no others: what is undocumented is a failure."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    new = {k: strict(v) for k, v in schema.items()}
    if schema.get("type") == "object" and "properties" in schema and "allOf" not in schema:
        new.setdefault("additionalProperties", False)
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        new["type"] = [schema["type"], "null"]
    return new


STRICT = strict(API)


def validate(body, schema):
    resolver = jsonschema.RefResolver("", STRICT)
    checker = jsonschema.FormatChecker()
    jsonschema.Draft202012Validator(strict(schema), resolver=resolver,
                                    format_checker=checker).validate(body)


def resolve(node):
    while "$ref" in node:
        here = API
        for part in node["$ref"].removeprefix("#/").split("/"):
            here = here[part]
        node = here
    return node


def operation_of(path, method):
    """The documented operation for a path as requested, {parameters} and all."""
    bare = path.partition("?")[0]
    for template in sorted(API["paths"], key=lambda t: t.count("{")):
        pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, bare) and method.lower() in API["paths"][template]:
            return template, API["paths"][template][method.lower()]
    return None, None


def conforms(path, method, status, body, headers):
    template, operation = operation_of(path, method)
    assert operation is not None, f"{method} {path} is not documented"
    responses = operation["responses"]
    response = responses.get(str(status)) or responses.get(f"{str(status)[0]}XX") or \
        responses.get("default")
    assert response, f"{method} {template} answered {status}, which is not documented: {body}"
    content = resolve(response).get("content") or {}
    kind = (headers.get("Content-Type") or "").partition(";")[0]
    if not content:
        assert not body
        return template
    assert kind in content, f"{method} {template} {status}: {kind} is not documented"
    if "json" in kind and "ndjson" not in kind:
        validate(body, content[kind]["schema"])
    return template


@pytest.fixture(scope="module")
def shop(module_folder, module_things):
    folder = module_folder
    web = module_things(support.Web(folder / "web"))
    for name in ("pr1", "pr2"):
        web.put(name, {"version": "1.4.2", "commit": "abc1234def"})
    support.make_backups(folder / "b", newest=31 * 3600)
    support.make_log(folder / "app.log", (10, "INFO one"))
    d = module_things(support.Daemon(folder, {
        "defaults": {"every": "1h", "confirm": 1}, "services": {"api": {}},
        "environments": {
            "production": {"rank": 30, "owner": "oncall", "aliases": ["prod"],
                           "labels": {"team": "x"}, "runbook": "https://wiki.example/", "checks": {
                               "version-api": {"http": {"url": web.url("${host}")},
                                               "for": {"host": ["pr1", "pr2"]}, "format": "json",
                                               "version": "/version", "commit": "/commit"},
                               "backup-db": {"file": {"glob": f"{folder}/b/*.dump"},
                                             "expect": {"max-age": "26h"}}}},
            "staging": {"checks": {
                "logs": {"file": {"path": f"{folder}/app.log"}, "time": r"^(?<time>\S+)",
                         "expect": {"max-age": "5h"}},
                "version": {"http": {"url": web.url("none")}, "format": "text"}}},
            "empty": {"checks": {}}}})).start()
    d.ready()
    return d


REQUESTS = [
    ("GET", "/v1/status", None, 200), ("GET", "/v1/status?select=production", None, 200),
    ("GET", "/v1/status?select=production/backup-db&select=staging", None, 200),
    ("GET", "/v1/status?select=prodution", None, 404), ("GET", "/v1/status?selct=x", None, 400),
    ("GET", "/v1/environments/production", None, 200), ("GET", "/v1/environments/prod", None, 200),
    ("GET", "/v1/environments/empty", None, 200), ("GET", "/v1/environments/nowhere", None, 404),
    ("GET", "/v1/versions", None, 200), ("GET", "/v1/versions?at=1h", None, 200),
    ("GET", "/v1/versions?at=soon", None, 400),
    ("GET", "/v1/drift?environments=staging,production", None, 200), ("GET", "/v1/history", None, 200),
    ("GET", "/v1/drift", None, 200), ("GET", "/v1/drift?check=config-none", None, 404),
    ("GET", "/v1/drift?environments=staging,stagign", None, 404),
    ("GET", "/v1/drift?environments=staging,staging", None, 400),
    ("GET", "/v1/drift?baseline=main", None, 400), ("GET", "/v1/drift?strict=yes", None, 400),
    ("GET", "/v1/drift?since=yesterday", None, 400),
    ("GET", "/v1/drift?environments=staging&environments=production", None, 400),
    ("GET", "/v1/drift?check=config-api&check=config-api", None, 400),
    ("GET", "/v1/drift?environments=staging%00,production", None, 400),
    ("GET", "/v1/drift?environments%00=staging,production", None, 400),
    ("GET", "/v1/drift?environments=staging,production&only=%00", None, 400),
    ("GET", "/v1/drift?environments=staging,production&only=A&only=B&ignore=A&ignore=B", None, 200),
    ("GET", "/v1/history?since=1h&since=2h", None, 400),
    ("GET", "/v1/versions?environment=staging&environment=production", None, 400),
    ("GET", "/metrics", None, 200), ("GET", "/healthz", None, 200),
    ("POST", "/v1/run", {"select": ["production"]}, 200),
    ("POST", "/v1/run", {"select": ["nowhere"]}, 404), ("POST", "/v1/run", "{", 400),
    ("POST", "/v1/run", {"selct": []}, 400), ("POST", "/v1/reload", None, 200),
]


@pytest.mark.parametrize("method, path, body, status", REQUESTS,
                         ids=lambda v: str(v).replace("/", "_")[:40])
def test_route(shop, method, path, body, status):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    code, answer, headers = shop.api(path, method, body, headers)
    assert code == status, answer
    conforms(path, method, code, answer, headers)
    if code >= 400:
        assert answer["schema"] == "relaudit/1"
        assert re.fullmatch(r"[a-z][a-z0-9-]*", answer["error"]["code"])
        assert answer["error"]["message"]


def test_every_route_is_asked_for(shop):
    asked = {operation_of(p, m)[0] for m, p, _, _ in REQUESTS} | {"/v1/events"}
    documented = {p for p in API["paths"] if any(m in API["paths"][p] for m in METHODS)}
    unasked = [p for p in documented - asked if not p.startswith(("/v1/try", "/v1/config"))]
    assert not unasked, unasked


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/", 404), ("GET", "/v2/status", 404), ("POST", "/v1/status", 405),
    ("GET", "/v1/run", 405), ("DELETE", "/v1/status", 405), ("GET", "/v1/environments/", 404),
    ("GET", "/v1/environments/" + "x" * 5000, 404), ("GET", "/v1/environments/..%2f..%2fetc", 404),
    ("GET", "/v1/environments/%00", 404), ("GET", "/v1/environments/A%22%0d%0aX:", 404),
])
def test_what_is_not_there(shop, method, path, status):
    code, answer, _ = shop.api(path, method)
    assert code in (status, 400, 414), answer
    assert answer["error"]["code"] and answer["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/environments/staging%00x", "/v1/environments/staging%00?x=1",
                                  "/v1/status%00", "/%00"])
def test_a_path_with_a_nul_byte_is_no_other_path(shop, path):
    code, answer, _ = shop.api(path)
    assert code == 400 and "NUL byte" in answer["error"]["message"], answer
    assert shop.api("/v1/environments/staging")[0] == 200, "the next one is not taken for it"


@pytest.mark.parametrize("count, name, status", [
    (800, "staging", 200), (1000, "production/backup-db", 200), (1024, "staging", 200),
    (1000, "x" * 30 + "/" + "y" * 31, 404), (1025, "staging", 400), (1700, "staging", 400),
    (1000, "x" * 63 + "/" + "y" * 63, 414), (2500, "staging", 414), (5000, "staging", 414)])
def test_many_names_are_answered_or_refused(shop, count, name, status):
    code, answer, _ = shop.api("/v1/status?" + "&".join([f"select={name}"] * count))
    assert code == status, answer
    if status != 200:
        assert answer["error"]["message"]


def test_unknown_names_get_the_nearest(shop):
    _, answer, _ = shop.api("/v1/environments/prodution")
    assert answer["error"]["code"] == "no-such-environment"
    assert "'prodution'" in answer["error"]["message"]
    assert "'production'" in answer["error"]["message"]


def raw(d, data, shut=True, until=None):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(90)
        s.connect(str(d.socket))
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
            answer = b""
            while True:
                piece = s.recv(65536)
                if not piece:
                    return answer
                answer += piece
                if until is not None and answer.endswith(until):
                    return answer
        except (BrokenPipeError, ConnectionResetError):
            return b""


@pytest.mark.parametrize("data", [
    b"", b"\r\n\r\n", b"\0\1\2\3" * 100, b"GET", b"GET / HTTP/9.9\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\n\r\n", b"BREW /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50000 + b"\r\n",
    b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{}",
    b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /v1/run HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"[" * 200000,
], ids=lambda d: repr(d[:24]))
def test_what_is_no_request_harms_nobody(shop, data):
    answer = raw(shop, data)
    assert not answer.startswith(b"HTTP/1.1 200") or b" HTTP/1.1\r\n\r\n" in data
    assert shop.api("/healthz")[0] == 200


def test_body_over_the_cap_is_refused(shop):
    big = json.dumps({"select": ["production"] * 10000})
    code, answer, _ = shop.api("/v1/run", "POST", big, {"Content-Type": "application/json"})
    assert code == 413, answer
    assert answer["error"]["code"]


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_body_over_the_cap_is_not_waited_for(shop, expect):
    answer = raw(shop, b"POST /v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n" + expect +
                 b"\r\n", shut=False, until=b"}}\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ") and b"connection: close" in head.lower(), answer
    assert json.loads(body)["error"]["code"] == "body-too-large"


@pytest.mark.parametrize("size, status", [(60000, 200), (66000, 431), (120000, 431)])
def test_header_fields_have_a_limit(shop, size, status):
    fields = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 5988) for n in range(size // 6000))
    answer = raw(shop, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]


@pytest.mark.parametrize("path", ["/v1/status", "/v1/status?select=staging", "/healthz", "/v1/history"])
def test_what_follows_a_head_is_the_next_answer(shop, path):
    """An answer without a body: not one byte of it may be taken for the next answer's."""
    answer = raw(shop, b"HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
    head, end, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and end and body == b"", answer


def test_pipelined_requests_are_answered_in_order(shop):
    one = b"GET /v1/environments/%s HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(shop, one % b"staging" + one % b"production" + last, shut=False)
    assert answer.count(b"HTTP/1.1 200") == 3
    assert answer.index(b"staging") < answer.index(b"production")


def test_events_stream_as_they_happen(shop):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(shop.socket))
        s.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = s.recv(65536)
        while b"\r\n\r\n" not in answer:
            answer += s.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200")
        assert shop.ctl("reload").code == 0
        while b'"reload"' not in answer:
            piece = s.recv(65536)
            assert piece, answer
            answer += piece
    line = next(ln for ln in re.split(rb"\r?\n", answer) if b'"reload"' in ln)
    event = json.loads(line)
    assert event["event"] == "reload" and support.parse_time(event["at"])


def test_many_idle_clients_do_not_keep_others_out_for_good(daemon):
    d = daemon({"environments": {}})
    idle = []
    try:
        for _ in range(300):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(5)
            idle.append(s)
            try:
                s.connect(str(d.socket))
            except (BlockingIOError, socket.timeout):
                break
    finally:
        for s in idle:
            s.close()
    # 3: nothing is watched here
    wait_for(lambda: d.ctl("status").code == 3, what="served again")


def test_a_client_that_vanishes(shop):
    for n in range(30):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(shop.socket))
        s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"[:n * 2 + 1])
        s.close()
    assert shop.api("/healthz")[0] == 200


def test_wait_ends_with_its_client(daemon, things):
    hole = things(support.Hole())
    d = daemon({"environments": {"one": {"checks": {
        "version": {"http": {"url": f"http://127.0.0.1:{hole.port}/"}, "format": "text",
                    "timeout": "60s"}}}}})
    waiting = subprocess.Popen([str(support.RELAUDITCTL), "--socket", str(d.socket), "status",
                                "--wait", "--timeout", "60s"], stdout=subprocess.DEVNULL,
                               env=support.clean_environment())
    wait_for(lambda: d.api("/healthz")[0] == 200)
    waiting.terminate()
    waiting.wait(timeout=20)
    assert d.api("/healthz")[0] == 200


# --- metrics ---

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)"
                    r'(\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})?'
                    r" (-?[0-9.e+-]+|[+-]Inf|NaN)( [0-9.]+)?$")
ENDINGS = {"counter": ["_total", "_created"], "gauge": [""], "info": ["_info"], "unknown": [""],
           "histogram": ["_bucket", "_count", "_sum", "_created"], "stateset": [""],
           "summary": ["", "_count", "_sum"]}


def parse_openmetrics(text):
    """{family: (type, {(name, labels): value})}, or an assertion about the line that is wrong."""
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""], "ends with # EOF and a line end"
    families, current, seen = {}, None, set()
    for line in lines[:-2]:
        if line.startswith("# "):
            word, name, rest = line[2:].split(" ", 2)
            assert word in ("TYPE", "HELP", "UNIT"), line
            if current != name:
                assert name not in families, f"{name} is not in one piece"
                families[name] = ["unknown", {}]
                current = name
            if word == "TYPE":
                assert rest in ENDINGS, line
                families[name][0] = rest
            continue
        m = SAMPLE.fullmatch(line)
        assert m, f"no sample: {line!r}"
        kind = families[current][0]
        assert any(m[1] == current + e for e in ENDINGS[kind]), f"{line} in {current} ({kind})"
        key = (m[1], m[3] or "")
        assert key not in seen, f"twice: {line}"
        seen.add(key)
        families[current][1][key] = float(m[4])
    return families


def test_metrics_are_openmetrics(shop):
    code, text, headers = shop.api("/metrics")
    assert code == 200
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = parse_openmetrics(text)
    for name, (kind, samples) in families.items():
        assert name.startswith("relaudit") or name.startswith("process_"), name
        assert f"# HELP {name} " in text and samples, name
        if kind == "histogram":
            buckets = [v for (n, _), v in samples.items() if n.endswith("_bucket")]
            assert buckets == sorted(buckets)
            assert 'le="+Inf"' in list(k for (n, k) in samples if n.endswith("_bucket"))[-1]
    for needed in ("syslog", "loop", "probes"):
        assert any(needed in n for n in families), needed


def test_metrics_tell_the_states(shop):
    assert "relaudit_check_state" not in shop.metrics()
    code, text, _ = shop.api("/metrics?checks=1")
    assert code == 200
    assert 'relaudit_check_state{environment="production",check="backup-db",kind="backup"} 2\n' \
        in text
    parse_openmetrics(text)
