# SPDX-License-Identifier: Apache-2.0
"""Ten thousand hostile answers, a server that gives them, and another opinion of each.

A case is (probe, label, body or whole HTTP answer). A probe is how a check reads it; its `earned`
says in Python whether OK may be told of such a body: never more than what the daemon may accept.
`exact` probes must be OK where they may: what is good is not refused.
"""
import asyncio
import collections
import copy
import datetime
import itertools
import json
import pathlib
import random
import re
import threading
import time

import yaml

DATA = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "shared" / "data"
SUITE = DATA / "JSONTestSuite" / "test_parsing"
COUNT = 10000
SEED = 20261124
NOW = time.time()

Case = collections.namedtuple("Case", "probe label body whole")
Probe = collections.namedtuple("Probe", "check earned exact")


# --- the other opinion: JSON ---

def no_twins(pairs):
    if len({k for k, _ in pairs}) < len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def refuse(word):
    raise ValueError(word)


def integer(text):
    if not -2**63 <= int(text) < 2**63:
        raise ValueError(text)
    return int(text)


def real(text):
    if abs(float(text)) == float("inf"):
        raise ValueError(text)
    return float(text)


def too_deep(value, limit):
    level = [value]
    for _ in range(limit):
        level = [c for v in level if isinstance(v, (dict, list))
                 for c in (v.values() if isinstance(v, dict) else v)]
    return any(isinstance(v, (dict, list)) for v in level)


def load(body, depth=32, numbers=(integer, real)):
    """What RFC 8259 makes of it, and no more than 64 bits and Unicode hold; else ValueError."""
    try:
        value = json.loads(body.decode(), parse_int=numbers[0], parse_float=numbers[1],
                           parse_constant=refuse, object_pairs_hook=no_twins)
    except RecursionError:
        raise ValueError("deep") from None
    json.dumps(value, ensure_ascii=False).encode()  # half a pair of surrogates is no text
    if too_deep(value, depth) or b"\0" in body:
        raise ValueError("deep")
    if any("\0" in k for k in keys_of(value)):
        raise ValueError("NUL")
    return value


def keys_of(value):
    if isinstance(value, dict):
        return list(value) + [k for v in value.values() for k in keys_of(v)]
    return [k for v in value for k in keys_of(v)] if isinstance(value, list) else []


def at(value, pointer):
    for name in pointer.split("/")[1:]:
        if isinstance(value, dict):
            value = value[name]
        elif isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,8}", name):
            value = value[int(name)]
        else:
            raise KeyError(name)
    return value


def field(value):
    """A field's text; None where it is no value of a field, or certainly no version."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    text = value.strip(" \t\r\n\v\f")
    none = re.match(r"[<{\[]|(true|false)\Z|[^0-9]* [^0-9]*\Z", text, re.I) or "  " in text
    return text if 0 < len(text.encode()) <= 128 and text.isprintable() and not none else None


def fields(body, *pointers):
    try:
        value = load(body)
        return [field(at(value, p)) for p in pointers]
    except (ValueError, KeyError, IndexError):
        return [None] * len(pointers)


def is_between(version):
    """>=1.4.0 <2.0.0, of releases only"""
    m = re.fullmatch(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:\+[0-9A-Za-z.-]+)?",
                     version or "", re.A)
    return m is not None and m[1] == "1" and int(m[2]) >= 4


def is_commit(text):
    return re.fullmatch("[0-9a-fA-F]{7,64}", text or "") and all(
        a == b for a, b in zip(text.lower(), COMMIT))


COMMIT = "0123456789abcdef0123456789abcdef01234567"
ANSWER = {"name": "sh\u00f6p \U0001f600", "up": True, "load": 0.25, "none": None, "build": [
    {"number": 7, "version": "1.5.0", "git": {"commit": COMMIT, "tags": ["v1.5.0", "latest"]}}],
    "version": "1.5.0", "uptime": 86400}
FLAT = {"feature": {"search": "on", "limit": 10, "off": False, "none": None},
        "hosts": ["db1", "db2"], "ratio": 0.5, "LAST": "1"}


def json_earned(body):
    return fields(body, "/version")[0] is not None


def nested_earned(body):
    version, commit = fields(body, "/build/0/version", "/build/0/git/commit")
    return is_between(version) and bool(is_commit(commit))


# --- of text ---

def text_earned(body):
    return body.removeprefix(b"\xef\xbb\xbf").strip(b" \t\n\v\f\r") == b"1.5.0"


REGEX = r"shop (?<version>\d+\.\d+\.\d+) \((?<commit>[0-9a-f]{7,40})\)"


def regex_earned(body):
    m = re.search(REGEX.replace("?<", "?P<").encode(), body)
    return bool(m) and is_between(m["version"].decode()) and bool(is_commit(m["commit"].decode()))


# --- of logs: the newest time that any line has, by its own pattern ---

def log_earned(pattern, body):
    lines = [ln for ln in re.split(b"\r?\n", body) if ln]
    times = [m[1] for ln in lines for m in [re.search(pattern, ln)] if m]
    return (any(b"started" in ln for ln in lines) and not any(b"ERROR" in ln for ln in lines) and
            any(is_young(t) for t in times))


def is_young(text):
    text = text.decode(errors="replace")
    try:
        if re.fullmatch(r"\d{10}|\d{13}", text):
            then = int(text[:10])
        else:
            then = datetime.datetime.fromisoformat(
                re.sub("[zZ]$", "+00:00", text.replace("/", "-"))).replace(
                    tzinfo=datetime.timezone.utc).timestamp()
    except ValueError:
        return not re.fullmatch(r"[\d:.TtZz+ -]*", text) or len(text) > 19
    return abs(NOW - then) < 25 * 3600


def stamp(age):
    when = datetime.datetime.fromtimestamp(NOW - age, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


PLAIN_TIME, LOKI_TIME = r"^(?<time>\S+)", r'\["(?<time>\d{10})\d{9}","'
LINES_TIME = r'"_time":"(?<time>[^"]+)"'
SAID = ["started", "INFO ready", "WARN slow \u00fc", "INFO done"]
PLAIN = "".join(f"{stamp(60 - i)} {s}\n" for i, s in enumerate(SAID)).encode()
LOKI = json.dumps({"status": "success", "data": {"resultType": "streams", "result": [
    {"stream": {"app": "shop"}, "values": [[f"{int(NOW) - 60 + i}{'0' * 9}", s]
                                           for i, s in enumerate(SAID)]}],
    "stats": {"summary": {"execTime": 0.05}}}}, separators=(",", ":")).encode()
VICTORIA = "".join(json.dumps({"_msg": s, "_stream": '{app="shop"}', "_time": stamp(60 - i)},
                              separators=(",", ":")) + "\n" for i, s in enumerate(SAID)).encode()


def python_pattern(text):
    return text.replace("?<", "?P<").encode()


# --- of configurations: what is required is there, what is forbidden is not ---

def keys_earned(body):
    """Numbers are as they are written; a NUL is in no text."""
    try:
        value = load(body, 64, (str, str))
        return wanted(value) and not any("\0" in t for t in dict(leaves(value)).values())
    except ValueError:
        return False


def leaves(value, at=""):
    """(pointer, text) of each scalar and each empty map or list."""
    if isinstance(value, (dict, list)) and value:
        for k, v in (value.items() if isinstance(value, dict) else enumerate(value)):
            yield from leaves(v, f"{at}/{k}")
    else:
        yield at, value if isinstance(value, str) else ""


def wanted(value):
    keys = dict(leaves(value))
    return isinstance(value, dict) and "/feature/search" in keys and "/LAST" in keys and (
        "/DEBUG" not in keys)


def yaml_earned(body):
    if body.count(b"[") + body.count(b"{") > 1000:
        return False  # PyYAML's stack has an end, and nothing good here is so deep
    try:
        nodes = list(yaml.compose_all(body, Loader=yaml.CBaseLoader))
        return len(nodes) == 1 and wanted(plain(nodes[0]))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return False


def plain(node):
    if isinstance(node, yaml.MappingNode):
        return no_twins([(k.value, plain(v)) for k, v in node.value if
                         isinstance(k, yaml.ScalarNode)])
    return [plain(n) for n in node.value] if isinstance(node, yaml.SequenceNode) else node.value


def lines_earned(body):
    """Of all formats of lines: the name of each stands in a line, which is no comment."""
    def has(name):
        return re.search(rb"(?:^|[\n\r\0])[ \t\f\v]*(?:export[ \t]+)?" + name +
                         rb"[ \t\f]*(?:[=: \n\r\t]|$)", body)
    return bool(has(b"FIRST") and has(b"LAST")) and not re.search(rb"(?:^|\n)DEBUG *[=:]", body)


def properties_earned(body):
    """Java takes a backslash before a letter for nothing, and one at a line's end to go on, but
    in a comment: either reading may have earned it."""
    other = re.sub(rb"\\(?:\r\n|\n|\r)[ \t\f]*", b"", body)
    other = re.sub(rb"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)).encode(errors="replace"),
                   other)
    return lines_earned(body + b"\n" + re.sub(rb"\\(.)", rb"\1", other))


DOTENV = b"""# of the shop
FIRST=1
DATABASE_HOST="db1 \\"x\\"
second line"
export PATHS='/a:/b'
EMPTY=
GREETING=gr\xc3\xbc\xc3\x9fe # not a comment
LAST=1
"""
INI = b"""; of the shop
[shop]
FIRST = 1
host = db1
  db2
[more]
flag = on : off
[end]
LAST = 1
"""
PROPERTIES = b"""# of the shop
! too
FIRST=1
host: db1\\
   db2
path=C\\:\\\\x \\u00fc
LAST = 1
"""


def http(check, **expect):
    made = {"http": {"url": "http://127.0.0.1:%d/${environment}"}, **check}
    return {**made, "expect": expect} if expect else made


def logs(time_pattern):
    return http({"time": time_pattern}, **{"max-age": "24h", "required": ["started"],
                                           "forbidden": ["ERROR"]})


def settings(form, first, last, forbidden, **more):
    return http({"format": form, **more}, required=[first, last], forbidden=[forbidden])


RANGE = ">=1.4.0 <2.0.0"
PROBES = {
    "json": Probe({"version": http({"version": "/version"})}, json_earned, True),
    "nested": Probe({"version": http(
        {"version": "/build/0/version", "commit": "/build/0/git/commit"},
        version=RANGE, commit=COMMIT)}, nested_earned, True),
    "text": Probe({"version": http({"format": "text"}, version="1.5.0")}, text_earned, True),
    "regex": Probe({"version": http({"format": "text", "regex": REGEX}, version=RANGE,
                                    commit=COMMIT)}, regex_earned, True),
    **{name: Probe({"logs": logs(pattern)},
                   lambda body, p=python_pattern(pattern): log_earned(p, body), False)
       for name, pattern in (("plain", PLAIN_TIME), ("loki", LOKI_TIME), ("victoria", LINES_TIME))},
    "keys": Probe({"config": settings("json", "/feature/search", "/LAST", "/DEBUG")}, keys_earned,
                  True),
    "yaml": Probe({"config": settings("yaml", "/feature/search", "/LAST", "/DEBUG")}, yaml_earned,
                  False),
    "dotenv": Probe({"config": settings("dotenv", "FIRST", "LAST", "DEBUG")}, lines_earned, False),
    "ini": Probe({"config": settings("ini", "shop.FIRST", "end.LAST", "DEBUG")}, lines_earned,
                 False),
    "properties": Probe({"config": settings("properties", "FIRST", "LAST", "DEBUG")},
                        properties_earned, False),
}
COMPACT = json.dumps(ANSWER, separators=(",", ":")).encode()
GOOD = {
    "json": COMPACT, "nested": json.dumps(ANSWER, ensure_ascii=False, indent=1).encode(),
    "text": b"\xef\xbb\xbf 1.5.0\r\n",
    "regex": b"<b>shop 1.5.0 (" + COMMIT.encode() + b")</b>\n", "plain": PLAIN, "loki": LOKI,
    "victoria": VICTORIA, "keys": json.dumps(FLAT, indent=1).encode(),
    "yaml": yaml.safe_dump(FLAT, sort_keys=False).encode(), "dotenv": DOTENV, "ini": INI,
    "properties": PROPERTIES,
}
READ_AS_JSON = {"json": ANSWER, "nested": ANSWER, "keys": FLAT, "yaml": FLAT}

# In the place of any value; None of them is what was there.
WRONG = [
    "null", "true", "false", "0", "-0", "1", "1.5", "1e0", "1e999", "-1e999", "1" * 400,
    "99999999999999999999", "9223372036854775807", "-9223372036854775809", '""', '" "', '"x"',
    '"\\u0000"', '"1.5.0\\u0000"', '"\\ud800"', '"\\u202e1.5.0"', '"\\u001b[31m1.5.0"', "[]", "{}",
    "[1]", '["1.5.0"]', '{"a":1}', '{"":""}', "[" * 40 + "]" * 40, '{"a":' * 40 + "1" + "}" * 40,
    '{"a":1,"a":1}', "NaN", "Infinity", "undefined", "'1.5.0'", '"1.5.0" "1.5.0"', "01", "+1", ".5",
    "1.", "0x10", '"' + "9" * 100000 + '"', '"1.5.0\n"', '"\xff"', "", "1.5.0",
]
BYTES = b'\0\xff\xc0\x80"\\{}[],:=\n\r #\x1b\x7f'


# --- the cases ---

def of_suite():
    """Each file as a body, as a value in one, and as what stands before or after a good one."""
    for path in sorted(SUITE.glob("*.json")):
        body = path.read_bytes()
        for probe in ("json", "keys", "yaml", "text", "plain"):
            yield Case(probe, f"suite {path.name}", body, False)
        yield Case("json", f"suite {path.name} as the version", b'{"version":' + body + b"}", False)
        yield Case("nested", f"suite {path.name} before", body + GOOD["nested"], False)
        yield Case("keys", f"suite {path.name} after", GOOD["keys"] + body, False)


def truncated():
    for probe, body in GOOD.items():
        for n in range(len(body) + 1):
            yield Case(probe, f"{n} of {len(body)} bytes", body[:n], False)


def spots(value, path=()):
    yield path
    if isinstance(value, (dict, list)):
        for k in (value if isinstance(value, dict) else range(len(value))):
            yield from spots(value[k], (*path, k))


def put(value, path, new):
    """The JSON with other text in one place."""
    mark = "\ue000"
    if not path:
        return new
    value = copy.deepcopy(value)
    spot = value
    for k in path[:-1]:
        spot = spot[k]
    spot[path[-1]] = mark
    return json.dumps(value, ensure_ascii=False).replace(f'"{mark}"', new)


def wrong_types():
    for probe, value in READ_AS_JSON.items():
        for path in spots(value):
            for new in WRONG:
                yield Case(probe, f"{new[:30]} at {path}", put(value, path, new).encode(), False)


def cut_answers():
    """The HTTP answer itself, closed after each of its bytes."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(COMPACT)}"
    whole = head.encode() + b"\r\n\r\n" + COMPACT
    for n in range(len(whole) + 1):
        yield Case("json", f"answer cut at {n} of {len(whole)}", whole[:n], True)


def mutated(rng):
    """Good ones with some bytes of theirs others: without an end."""
    while True:
        probe = rng.choice(list(GOOD))
        body = bytearray(GOOD[probe])
        for _ in range(rng.randint(1, 3)):
            where = rng.randrange(len(body) + 1)
            body[where:where + rng.choice((0, 1, 1, 1, 7))] = bytes(
                rng.choice(BYTES) for _ in range(rng.choice((0, 1, 1, 4))))
        yield Case(probe, "mutated", bytes(body), False)


def cases(count=COUNT, seed=SEED):
    """All of suite and truncations, and of the rest as much as goes into `count`."""
    rng = random.Random(seed)
    taken = [*of_suite(), *truncated(), *cut_answers()]
    types = list(wrong_types())
    rng.shuffle(types)
    # Where an expectation reads, every wrong type; elsewhere as many as there is room for.
    types.sort(key=lambda c: not re.search("'version'|'commit'|'search'|'LAST'|at \\(\\)", c.label))
    taken += types[:max(0, count - len(taken) - 500)]
    return taken + list(itertools.islice(mutated(rng), count - len(taken)))


def earned(case):
    if case.whole:
        _, end, body = case.body.partition(b"\r\n\r\n")
        return bool(end) and body == COMPACT
    return bool(PROBES[case.probe].earned(case.body))


def configuration(port, taken):
    """An environment a case: its template is the probe, its name the path."""
    templates = {name: {"checks": json.loads(json.dumps(p.check).replace("%d", str(port)))}
                 for name, p in PROBES.items()}
    return {"defaults": {"every": "1h", "retry": "1h", "confirm": 1, "timeout": "30s"},
            "daemon": {"per-host": 64, "in-flight": 64}, "templates": templates,
            "environments": {f"e{n}": {"use": [c.probe]} for n, c in enumerate(taken)}}


# --- the server ---

class Answering(asyncio.Protocol):
    """Of /eN the Nth case."""

    cases = ()
    served = None

    def connection_made(self, transport):
        self.transport = transport
        self.data = b""

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            self.answer(int(re.match(rb"GET /e(\d+) ", head)[1]))

    def answer(self, number):
        case = self.cases[number]
        self.served[number] += 1
        if case.whole:
            self.transport.write(case.body)
            self.transport.close()
            return
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(case.body) +
                             case.body)


class Server:
    """Serves cases from a thread of its own; `served` is how often each was asked for."""

    def __init__(self, taken):
        self.served = [0] * len(taken)
        self.loop = asyncio.new_event_loop()
        protocol = type("Of", (Answering,), {"cases": taken, "served": self.served})
        server = self.loop.run_until_complete(
            self.loop.create_server(protocol, "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
