# SPDX-License-Identifier: Apache-2.0
"""What a reviewer once found by using it."""
import json
import os
import socket
import subprocess
import urllib.parse

import pytest
import support
from support import make_backups, parse_line

LITERALS = ("hunter2bear", "hunter2basic", "hunter2proxy", "hunter2head", "ghp_0123456789abcdefghijABCDEFGHIJ012345")


def literal_config(web):
    def check(**http):
        return {"http": {"url": web.url("echo"), **http}, "format": "json", "version": "/version"}
    return {"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "version-bearer": check(bearer=LITERALS[0]),
        "version-basic": check(basic={"user": "bob", "password": LITERALS[1]}),
        "version-proxy": check(proxy=f"http://u:{LITERALS[2]}@127.0.0.1:{support.free_port()}"),
        "version-head": check(headers={"X-Token": LITERALS[3]}),
        "version-shape": check(headers={"X-Plain": LITERALS[4]})}}}}


def test_secrets_in_the_file_itself_are_secrets(daemon, web, syslog):
    d = daemon(literal_config(web), inside=syslog)
    d.ready()
    assert "***" in d.check("one/version-bearer")["facts"]["version"]
    shown = json.dumps(d.status()) + d.ctl("show", "one").out + syslog.file.read_text()
    for check in ("bearer", "basic", "proxy", "head", "shape"):
        done = support.relauditd("--print", f"one/version-{check}", "-c", d.config)
        assert done.code == 0 and "***" in done.out, done
        shown += done.out
    for path in d.state.rglob("*"):
        shown += path.read_bytes().decode(errors="replace")
    import base64
    for secret in (*LITERALS, base64.b64encode(f"bob:{LITERALS[1]}".encode()).decode()):
        assert secret not in shown, secret


def test_an_error_does_not_quote_a_secret(folder):
    path = folder / "relauditd.yaml"
    path.write_text("environments: {one: {checks: {version: {http: {url: 'http://x/', "
                    "bearer: hunter2bear, bearrer: x}}}}}\n")
    done = support.relauditd("--check-config", "-c", path)
    assert done.code == 2 and "hunter2" not in done.err
    shown, caret = done.err.splitlines()[1:3]
    assert shown[caret.index("^"):].startswith("bearrer"), "the caret is where it was"


def test_watching_nothing_is_not_ok(daemon):
    d = daemon({"environments": {"empty": {"checks": {}}}})
    done = d.ctl("status")
    assert done.code == 3 and "nothing is watched" in done.out
    assert d.status()["state"] == "UNKNOWN"
    assert d.ctl("show", "empty").code == 3
    checked = support.relauditd("--check-config", "-c", d.config)
    assert checked.code == 0 and "nothing is watched" in checked.out


def test_a_group_that_is_not_there_is_an_error_with_its_place(folder):
    path = folder / "relauditd.yaml"
    path.write_text("daemon: {socket: {group: nogroupz}}\naccess: {run: [daemon, nogroupx]}\n"
                    "people: {alice: {user: nouserz}}\nenvironments: {}\n")
    done = support.relauditd("--check-config", "-c", path)
    assert done.code == 2
    for place in (":1:26:", ":2:24:", ":3:24:"):
        assert place in done.err, done.err
    assert support.relauditd("--check-config", "--offline", "-c", path).code == 0


def test_a_new_problem_was_pending(daemon, web, syslog):
    web.put("version", {"version": "2"})
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 2},
                "environments": {"one": {"checks": {"version": {
                    "http": {"url": web.url("version")}, "format": "json", "version": "/version",
                    "expect": {"version": "1"}}}}}}, inside=syslog)
    d.ready()
    d.run("one/version")
    line = dict(parse_line(syslog.wait("state check=")[0])[4])
    assert (line["was"], line["now"]) == ("PENDING", "CRITICAL")


def test_one_user_cannot_use_up_the_socket(daemon, folder):
    """300 streams of one user; root is answered at once."""
    make_backups(folder / "b", newest=60)
    d = daemon({"defaults": {"every": "1h"}, "environments": {"one": {"checks": {
        "backup": {"file": {"glob": f"{folder}/b/*.dump"}}}}}})
    d.ready()
    os.chmod(folder, 0o755)
    os.chmod(d.socket.parent, 0o755)
    os.chmod(d.socket, 0o666)
    greedy = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               "/usr/bin/python3", "-c", f"""
import socket, sys
held = []
for _ in range(300):
    s = socket.socket(socket.AF_UNIX); s.settimeout(5)
    try:
        s.connect({str(d.socket)!r}); s.sendall(b"GET /v1/events HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    except OSError: pass
    held.append(s)
print("held", flush=True); sys.stdin.read()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert greedy.stdout.readline() == b"held\n"
        for _ in range(5):
            assert d.ctl("--timeout", "5s", "status").code == 0
    finally:
        greedy.stdin.close()
        greedy.wait()


def test_streams_are_counted(daemon):
    """Of root's too: those over the number are told so, and whoever asks is answered."""
    d = daemon({"environments": {"one": {"checks": {}}}})
    held, said = [], []
    try:
        for _ in range(120):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20)
            s.connect(str(d.socket))
            s.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            said.append(s.recv(65536))
            held.append(s)
        assert [b" 200 " in a[:20] for a in said] == [True] * 96 + [False] * 24
        assert all(b'"busy"' in a and b"96 event streams are open" in a for a in said[96:])
        for s in held[96:]:
            while s.recv(65536):
                pass  # and is closed: its place is another's
        assert d.ctl("--timeout", "5s", "status").err == ""
    finally:
        for s in held:
            s.close()
    done = d.ctl("--timeout", "5s", "version")
    assert done.err == "", done


def test_an_answer_that_is_a_part_or_says_two_things(daemon, things):
    """A server of two lines: 206, and a header twice."""
    server = socket.create_server(("127.0.0.1", 0))
    answers = {"part": b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n"
                       b"Content-Range: bytes 0-2/9\r\n\r\n1.5",
               "twice": b"HTTP/1.1 200 OK\r\nX-Version: 1.5\r\nX-Version: 6.6\r\n"
                        b"Content-Length: 0\r\n\r\n",
               "same": b"HTTP/1.1 200 OK\r\nX-Version: 1.5\r\nX-Version: 1.5\r\n"
                       b"Content-Length: 0\r\n\r\n"}
    import threading

    def serve():
        """As often as asked: a connection kept that was closed meanwhile is made again."""
        while True:
            try:
                peer, _ = server.accept()
                with peer:
                    asked = peer.recv(4096)
                    if asked:
                        peer.sendall(answers[asked.split(b" ")[1].decode().strip("/")])
            except OSError:
                return
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    d = daemon({"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        "version-part": {"http": {"url": f"{url}/part"}, "format": "text"},
        "version-twice": {"http": {"url": f"{url}/twice"}, "header": "X-Version"},
        "version-same": {"http": {"url": f"{url}/same"}, "header": "X-Version"}}}}})
    d.ready()
    states = {n: d.check(f"one/version-{n}") for n in answers}
    assert (states["part"]["state"], states["part"]["reason"]) == ("UNKNOWN", "http-status")
    assert (states["twice"]["state"], states["twice"]["reason"]) == ("UNKNOWN", "http-malformed")
    assert states["same"]["state"] == "OK"
    server.close()


RAW = "HTTP/1.1 200 OK\r\n"


def raw(server, answer, word="raw", scheme="http"):
    """The URL at which the server says just that, and ends the connection."""
    return f"{scheme}://127.0.0.1:{server.port}/{word}?{urllib.parse.quote(answer)}"


@pytest.fixture
def server(things):
    return things(support.Server(support.SERVERS / "http_server.py"))


def text_checks(urls, **http):
    return {"defaults": {"every": "1h", "confirm": 1}, "environments": {"one": {"checks": {
        f"version-{n}": {"http": {"url": u, **http}, "format": "text"} for n, u in urls.items()}}}}


def test_a_connection_that_was_cut_makes_no_version(daemon, things, certificates):
    """Half of 1.2.34 is 1.2.3: who cuts cannot say in the server's name that this was all."""
    server = things(support.Server(
        support.SERVERS / "http_server.py", "--cert", f"{certificates['server']}.pem",
        "--key", f"{certificates['server']}.key"))
    answers = {"cut": ("raw", "\r\n1.2.3"), "ended": ("raw-notified", "\r\n1.2.34"),
               "sized": ("raw", "Content-Length: 6\r\n\r\n1.2.34"),
               "short": ("raw", "Content-Length: 6\r\n\r\n1.2.3")}
    d = daemon(text_checks({n: raw(server, RAW + text, word, "https")
                            for n, (word, text) in answers.items()},
                           ca=f"{certificates['ca']}.pem"))
    d.ready()
    checks = {n: d.check(f"one/version-{n}") for n in answers}
    for name in ("cut", "short"):
        c = checks[name]
        assert (c["state"], c["reason"], c["facts"]) == ("UNKNOWN", "reset", {}), c
        assert ("may have been cut off" if name == "cut" else "before the answer was whole"
                ) in c["summary"], c
    for name in ("ended", "sized"):
        assert checks[name]["state"] == "OK", checks[name]
        assert checks[name]["facts"]["version"] == "1.2.34"


def test_an_answer_that_contradicts_itself_is_none(daemon, server):
    answers = {"differ": "Content-Length: 6\r\nContent-Length: 5\r\n\r\n1.2.34",
               "list": "Content-Length: 6, 5\r\n\r\n1.2.34",
               "letters": "Content-Length: 5x\r\n\r\n1.2.34",
               "chunks": "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "5\r\n1.2.3\r\n0\r\n\r\n",
               "range": "Content-Range: bytes 0-4/6\r\nContent-Length: 5\r\n\r\n1.2.3",
               "equal": "Content-Length: 6\r\nContent-Length: 6\r\n\r\n1.2.34"}
    d = daemon(text_checks({n: raw(server, RAW + text) for n, text in answers.items()}))
    d.ready()
    checks = {n: d.check(f"one/version-{n}") for n in answers}
    assert checks.pop("equal")["state"] == "OK"
    for c in checks.values():
        assert (c["state"], c["reason"], c["facts"]) == ("UNKNOWN", "http-malformed", {}), c
        assert "Content-" in c["summary"] and c["next_step"]


def test_what_a_cache_kept_for_days_is_not_what_runs(daemon, server):
    """An answer may be as old as a result may be: two intervals and the timeout."""
    ages = {"old": "864000", "late": "7300", "fresh": "7100", "odd": "ten days", "none": None}
    answers = {n: RAW + (f"Age: {a}\r\n" if a else "") + "Content-Length: 6\r\n\r\n1.2.34"
               for n, a in ages.items()}
    config = text_checks({n: raw(server, text) for n, text in answers.items()})
    config["defaults"]["timeout"] = "10s"
    d = daemon(config)
    d.ready()
    checks = {n: d.check(f"one/version-{n}") for n in ages}
    for name in ("fresh", "odd", "none"):
        assert checks[name]["state"] == "OK", checks[name]
    for name in ("old", "late"):
        c = checks[name]
        assert (c["state"], c["reason"], c["facts"]) == ("UNKNOWN", "stale", {}), c
        assert "past the cache" in c["next_step"]
        assert c["evidence"].startswith(f"http://127.0.0.1:{server.port}/raw")
    assert checks["old"]["summary"] == "the answer came out of a cache and is 10 d old"
    for name, code in (("old", 3), ("none", 0)):
        done = support.run(support.RELAUDITCTL, "try", "http", raw(server, answers[name]),
                           "--kind", "version", "--format", "text")
        assert done.code == code and ("out of a cache" in done.out) == (name == "old"), done


def test_caches_are_asked_to_ask(daemon, things, folder):
    log = folder / "requests.log"
    server = things(support.Server(support.SERVERS / "http_server.py", "--log", log))
    config = text_checks({n: f"http://127.0.0.1:{server.port}/ok?{n}" for n in ("plain", "own")})
    config["environments"]["one"]["checks"]["version-own"]["http"]["headers"] = {
        "cache-control": "max-age=5"}
    daemon(config).ready()
    requests = {r.split(b" ")[1]: r.lower() for r in log.read_bytes().split(b"\r\n\r\n") if r}
    for path, value in ((b"/ok?plain", b"no-cache"), (b"/ok?own", b"max-age=5")):
        assert requests[path].count(b"cache-control:") == 1
        assert b"\r\ncache-control: " + value + b"\r\n" in requests[path] + b"\r\n"


TRIED = b"file: {path: /etc/hostname}\nexpect: {max-age: 9999d}\n"


@pytest.mark.parametrize("words", [["--describe"], ["--help"], ["--version"], ["--try", "backup"]])
def test_full_output_is_an_error(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([support.RELAUDITD, *words], stdout=full, input=TRIED,
                              stderr=subprocess.PIPE, env=support.clean_environment())
    assert done.returncode == 3 and b"cannot write" in done.stderr
