# SPDX-License-Identifier: Apache-2.0
"""The API while something else goes on: waiting, running and streaming across a reload."""
import http.client
import json
import threading

import support


def config(hole, web, **checks):
    return {"defaults": {"every": "1h", "timeout": "10s", "confirm": 1}, "environments": {
        "one": {"checks": {"version": {"http": {"url": web.url("version")}, "format": "text"},
                           **checks}},
        "slow": {"checks": {"version": {"http": {"url": f"http://127.0.0.1:{hole.port}/"},
                                        "format": "text"}}},
        "empty": {}}}


class Asked:
    """A request that is under way; `answer()` waits for what came of it."""

    def __init__(self, d, path, method="GET", body=None):
        self.connection = support.UnixConnection(d.socket)
        self.connection.request(method, path, body=body)

    def answer(self):
        answer = self.connection.getresponse()
        data = answer.read()
        self.connection.close()
        return answer.status, json.loads(data)


def test_wait_for_some(daemon, things, web):
    web.put("version", "1.0.0")
    hole = things(support.Hole())
    d = daemon(config(hole, web))
    assert d.ctl("run", "one").code == 0
    # of what is selected nothing is pending: at once, though something else is
    code, body, _ = d.api("/v1/status?wait=50s&select=one&select=empty")
    assert code == 200 and [e["name"] for e in body["environments"]] == ["one"]
    code, body, _ = d.api("/v1/status?wait=1ms&select=slow")
    assert body["environments"][0]["checks"][0]["verdict"] == "PENDING"
    assert d.api("/v1/status?wait=soon")[0] == 400
    assert d.ctl("status", "--wait", "--timeout", "100ms").code == 3


def test_a_reload_while_somebody_waits(daemon, things, web):
    web.put("version", "1.0.0")
    hole = things(support.Hole())
    d = daemon(config(hole, web))
    d.ctl("run", "one")
    # each is asked for something that the reload takes away, keeps, or says nothing of
    gone = Asked(d, "/v1/status?wait=60s&select=slow&select=one/version")
    all_of_it = Asked(d, "/v1/status?wait=60s")
    run = Asked(d, "/v1/run", "POST", '{"select":["slow"]}')
    stream = support.UnixConnection(d.socket)
    stream.request("GET", "/v1/events?select=one")
    lines = stream.getresponse()
    assert json.loads(lines.readline())["event"] == "heartbeat"

    def in_flight():
        return support.in_flight(d.metrics()) > 0
    support.wait_for(in_flight, what="the slow one is asked")
    fine = config(hole, web)
    del fine["environments"]["slow"]
    for _ in range(2):  # the second one's configuration may stand where the first one's stood
        d.write(fine)
        assert d.ctl("reload").code == 0
        fine = json.loads(json.dumps(fine))
        fine["environments"]["one"]["checks"]["version-b"] = \
            fine["environments"]["one"]["checks"]["version"]
    assert d.ctl("run", "one").code == 0, "a result lets those go who wait"
    code, body = gone.answer()
    assert code == 404 and body["error"]["code"] == "no-such-environment"
    code, body = all_of_it.answer()
    assert code == 200 and {e["name"] for e in body["environments"]} == {"one", "empty"}
    code, body = run.answer()
    assert code == 409 and body["error"]["code"] == "reloaded"
    events = [json.loads(lines.readline()) for _ in range(2)]
    assert {e["event"] for e in events} <= {"reload", "state", "version-changed"}
    stream.close()


def test_what_is_selected_to_run(daemon, things, web):
    web.put("version", "1.0.0")
    d = daemon(config(things(support.Hole()), web))
    for body, code, word in (
            ('{"select":["empty"]}', 404, "nothing to run"),
            ('{"select":[]}', 400, "no list of 1 to 1000 names"),
            ('{"select":7}', 400, "no list of 1 to 1000 names"),
            ("{}", 400, "no list of 1 to 1000 names"),
            ('{"select":["one"', 400, "send {"),
            (json.dumps({"select": ["one"] * 1001}), 400, "no list of 1 to 1000 names"),
            ('{"select":["one",7]}', 400, "which are strings"),
            ('{"select":["one","nowhere"]}', 404, "no environment 'nowhere'"),
            ('{"select":["one/version","one/versio"]}', 404, "did you mean 'one/version'")):
        status, answer, _ = d.api("/v1/run", "POST", body)
        assert status == code and word in json.dumps(answer), (body, status, answer)


def test_questions_to_the_history(daemon, web, things):
    web.put("version", "1.0.0")
    d = daemon(config(things(support.Hole()), web))
    assert d.ctl("run", "one").code == 0
    for query, code, word in (
            ("limit=0", 400, "a number from 1"), ("limit=1000000", 400, "a number from 1"),
            ("limit=many", 400, "a number from 1"), ("check=one", 400, "write ENVIRONMENT/CHECK"),
            ("check=one/versio", 404, "did you mean"), ("environment=on", 404, "did you mean"),
            ("until=then", 400, "neither a duration"), ("since=then", 400, "neither a duration"),
            ("limit=3&since=1h&until=1ms&environment=one&check=one/version", 200, "events")):
        status, answer, _ = d.api(f"/v1/history?{query}")
        assert status == code and word in json.dumps(answer), (query, status, answer)
    for query, code, word in (
            ("environment=on", 404, "did you mean"), ("environment=on&at=1s", 404, "did you mean"),
            ("at=2999-01-01T00:00:00Z", 400, "in the future"), ("at=then", 400, "neither"),
            ("at=1970-01-01T00:00:01Z", 400, "cannot go back beyond"),
            ("at=1s&environment=one", 200, "services")):
        status, answer, _ = d.api(f"/v1/versions?{query}")
        assert status == code and word in json.dumps(answer), (query, status, answer)


def test_too_many_at_once(daemon, web, things):
    """Who asks for the same again and again is told to wait; the others are served."""
    web.put("version", "1.0.0")
    d = daemon(config(things(support.Hole()), web))
    codes = []

    def ask():
        codes.append(d.api("/v1/run", "POST", '{"select":["one/version"]}')[0])
    for _ in range(4):
        threads = [threading.Thread(target=ask) for _ in range(10)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert set(codes) <= {200, 429} and 200 in codes, codes
    assert d.api("/healthz", raw=True)[0] == http.client.OK
