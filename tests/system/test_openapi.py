# SPDX-License-Identifier: Apache-2.0
"""docs/api.yaml says what the API is: against the daemon's own table of routes, its sources, the
samples that relauditctl is tested with, and answers to every path as documented. (test_api.py has
the requests that go wrong.)"""
import json
import re
import subprocess

import jsonschema
import pytest
import yaml

import support
from support import ROOT

API = yaml.safe_load((ROOT / "docs" / "api.yaml").read_text())
SOURCES = {p.name: p.read_text() for p in sorted((ROOT / "daemon" / "api").glob("*.c"))}
OPERATIONS = [(path, method) for path, item in API["paths"].items() for method in item]
SAMPLES = {"status": "Status", "ok": "Status", "environment": "EnvironmentAlone",
           "versions": "Versions", "history": "History", "reload": "Reload", "refused": "Error",
           "try": "Check", "no-such-environment": "Error"}


def validate(body, schema):
    jsonschema.Draft202012Validator({**API, **schema},
                                    format_checker=jsonschema.FormatChecker()).validate(body)


def resolve(node):
    while "$ref" in node:
        name, here = node["$ref"], API
        for part in name.removeprefix("#/").split("/"):
            here = here[part]
        node = here
    return node


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def routes():
    """{(path, method): parameters} of the table that the daemon itself looks requests up in."""
    text = SOURCES["routes.c"]
    lists = {m[1]: set(re.findall(r'"(\w+)"', m[2]))
             for m in re.finditer(r"static const char \*const (\w+)\[\] = \{(.*?)\};", text, re.S)}
    table = re.search(r"struct ra_route routes\[\] = \{\n(.*?)\n\};", text, re.S)[1].splitlines()
    found = {}
    for line in table:
        m = re.fullmatch(r'\s*\{ "([A-Z]+)", "([^"]+)", (\w+), \w+ \},', line)
        assert m, f"not understood: {line}"
        found[(m[2], m[1].lower())] = lists[m[3]]
    return found


def bare(path):
    """A path with one parameter at its end is a route that ends in a slash."""
    return re.sub(r"\{\w+\}$", "", path)


def parameters(path, method, where):
    return {p["name"]: p for p in map(resolve, API["paths"][path][method].get("parameters", []))
            if p["in"] == where}


def test_every_route_is_documented_and_no_other():
    assert {(bare(p), m) for p, m in OPERATIONS} == set(routes())


@pytest.mark.parametrize("path, method", OPERATIONS)
def test_parameters_are_those_of_the_route(path, method):
    assert set(parameters(path, method, "query")) == routes()[(bare(path), method)]


def test_every_error_code_is_documented_and_used():
    code = API["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]
    text = "\n".join(SOURCES.values())
    said = set(re.findall(r'MHD_HTTP_(?!HEADER_)[A-Z_]+,\s*"([a-z-]+)"', text))
    said |= set(re.findall(r'"(no-such-\w+)"', text))
    said |= set(re.findall(r'"code", "([a-z-]+)"', text))
    said |= {c for m in re.finditer(r'\? "([a-z-]+)"\s*: "([a-z-]+)"', text) for c in m.groups()}
    assert said == set(code["enum"])


def test_references_lead_somewhere_and_all_parts_are_used():
    used = set(references(API))
    for reference in used:
        resolve({"$ref": reference})
    parts = {f"#/components/{kind}/{name}" for kind, all_of in API["components"].items()
             for name in all_of}
    assert parts - used == set()


def test_schemas_are_schemas():
    for schema in API["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert API["info"]["version"] in (ROOT / "meson.build").read_text()


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples_of_relauditctl_are_answers_of_the_api(sample):
    body = json.loads((ROOT / "tests" / "data" / "ctl" / f"{sample}.json").read_text())
    validate(body, {"$ref": f"#/components/schemas/{SAMPLES[sample]}"})


@pytest.mark.parametrize("change", [
    lambda s: s.pop("at"), lambda s: s.update(state="PENDING"), lambda s: s.update(more=1),
    lambda s: s["environments"][0]["checks"][0].update(verdict="GOOD"),
    lambda s: s["environments"][0]["checks"][0].pop("reason"),
    lambda s: s["environments"][0]["checks"][0].update(checked="yesterday")])
def test_the_document_refuses_what_is_wrong(change):
    body = json.loads((ROOT / "tests" / "data" / "ctl" / "status.json").read_text())
    change(body)
    with pytest.raises(jsonschema.ValidationError):
        validate(body, {"$ref": "#/components/schemas/Status"})


# --- the daemon ---

@pytest.fixture(scope="module")
def shop(module_folder, module_things):
    """One check of each kind, in each state: fine, bad, with instances, and never probed."""
    folder = module_folder
    web = module_things(support.Web(folder / "web"))
    hole = module_things(support.Hole())
    web.put("pr1", {"version": "1.4.2", "commit": "abc1234def"})
    web.put("pr2", {"version": "1.5.0", "commit": "abc1234def"})
    support.make_backups(folder / "b", newest=31 * 3600)
    support.make_log(folder / "app.log", (10, "INFO one"))
    (folder / "staging.env").write_text("A=1\nB=1\nA_TOKEN=x\n")
    (folder / "production.env").write_text("A=2\nA_TOKEN=y\n")
    version = {"http": {"url": web.url("${host}")}, "for": {"host": ["pr1", "pr2"]},
               "format": "json", "version": "/version", "commit": "/commit"}
    d = module_things(support.Daemon(folder, {
        "defaults": {"every": "1h", "confirm": 1}, "services": {"api": {}},
        "environments": {
            "production": {"rank": 30, "owner": "oncall", "aliases": ["prod"],
                           "labels": {"team": "x"}, "runbook": "https://wiki.example/",
                           "checks": {"version-api": version, "config-api": {
                               "file": {"path": f"{folder}/production.env"}, "format": "dotenv",
                               "ignore": ["NONE"]}, "backup-db": {
                               "file": {"glob": f"{folder}/b/*.dump"},
                               "expect": {"max-age": "26h"}}}},
            "staging": {"checks": {
                "config-api": {"file": {"path": f"{folder}/staging.env"}, "format": "dotenv"},
                "logs": {"file": {"path": f"{folder}/app.log"}, "time": r"^(?<time>\S+)",
                         "expect": {"max-age": "5h"}},
                "version": {"http": {"url": web.url("none")}, "format": "text"}}},
            "slow": {"checks": {"version": {"http": {"url": f"http://127.0.0.1:{hole.port}/"},
                                            "format": "text", "timeout": "60s"}}}}})).start()
    assert d.ctl("run", "production", "staging").code == 2
    return d


# What goes into a parameter, by its name: more than one where there is more than one shape.
VALUES = {"environment": ["production", "prod"], "check": ["production/backup-db"],
          "select": ["production", "staging/logs", "slow"], "wait": ["1ms"],
          "since": ["7d", "2020-01-01T00:00:00Z"], "until": ["1ms"], "limit": ["1"],
          "checks": ["0", "1"], "environments": ["production,staging", "slow,prod"],
          **{flag: ["true", "false"] for flag in ("all", "strict", "suggest")},
          "only": ["*", "A&only=B&since=1h"], "ignore": ["NONE"],
          "at": ["1h", "0s"], "baseline": ["main&environments=production"]}
SPECIAL = {("/v1/drift", "check"): ["config-api"]}
BODIES = {"/v1/run": {"select": ["production", "staging/logs"]}}


def requests(path, method):
    """The path bare, then with each documented parameter."""
    known = parameters(path, method, "query")
    always = [f"{n}={VALUES[n][0]}" for n in known if known[n].get("required")]
    for rest in VALUES["environment"] if "{environment}" in path else [""]:
        yield path.replace("{environment}", rest) + "?" * bool(always) + "&".join(always)
    for name in known:
        for value in SPECIAL.get((path, name), VALUES[name]):
            others = [a for a in always if not a.startswith(name + "=")]
            yield f"{bare(path)}?" + "&".join([f"{name}={value}", *others])


def answered(shop, path, method, url):
    body = BODIES.get(path)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    status, answer, headers = shop.api(url, method.upper(), body, headers)
    response = resolve(API["paths"][path][method]["responses"][str(status)])
    kind = headers["Content-Type"].partition(";")[0]
    assert kind in response["content"], (url, kind)
    if kind == "application/json":
        validate(answer, response["content"][kind]["schema"])
    return status, answer


@pytest.mark.parametrize("path, method", [o for o in OPERATIONS if o[0] != "/v1/events"])
def test_answers_are_as_documented(shop, path, method):
    for url in requests(path, method):
        status, answer = answered(shop, path, method, url)
        assert status == 200, (url, answer)


@pytest.mark.parametrize("path, method", OPERATIONS)
def test_refusals_are_as_documented(shop, path, method):
    url = path.replace("{environment}", "production") + "?nonsense=1"
    assert answered(shop, path, method, url)[0] == 400
    if "{" in path:
        assert answered(shop, path, method, path.replace("{environment}", "nowhere"))[0] == 404
    for name in {"select", "environment"} & set(parameters(path, method, "query")):
        assert answered(shop, path, method, f"{path}?{name}=nowhere")[0] == 404


def test_all_facts_are_documented(shop):
    known = set(API["components"]["schemas"]["Facts"]["properties"])
    seen = {f for e in shop.status()["environments"] for c in e["checks"] for f in c["facts"]}
    assert seen and seen <= known, seen - known


class Stream:
    def __init__(self, d):
        self.process = subprocess.Popen(
            ["curl", "-sN", "--unix-socket", str(d.socket), "http://localhost/v1/events"],
            stdout=subprocess.PIPE, text=True)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_lines_of_the_stream_are_as_documented(shop, module_things):
    schema = API["paths"]["/v1/events"]["get"]["responses"]["200"]["content"]
    stream = module_things(Stream(shop))
    seen = []
    while "reload" not in seen:
        line = json.loads(stream.process.stdout.readline())
        validate(line, schema["application/x-ndjson"]["schema"])
        if not seen:    # it listens: now there is something to hear
            assert line["event"] == "heartbeat" and shop.ctl("reload").code == 0
        seen.append(line["event"])
