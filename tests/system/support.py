# SPDX-License-Identifier: Apache-2.0
"""The real programs and the real servers beside them, as objects that tests drive.

Nothing here sleeps: a started daemon says READY over sd_notify's socket, and
`relauditctl status --wait` returns when nothing is pending. What has no event of its own (a line in
another program's log) goes through wait_for, the only place that polls.
"""
import collections
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import string
import subprocess
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("RELAUDIT_BUILD", ROOT / "build"))
FUZZ_BUILD = pathlib.Path(os.environ.get("RELAUDIT_FUZZ_BUILD", ROOT / "build-fuzz"))
SERVERS = pathlib.Path(__file__).resolve().parent / "servers"
RELAUDITD = BUILD / "daemon" / "relauditd"
RELAUDITCTL = BUILD / "daemon" / "relauditctl"
SANITIZER = re.compile(r"Sanitizer|runtime error:|==\d+==ERROR|Assertion .* failed|"
                       r"forbidden system call|Memcheck report")
# How many times slower the programs are than tests count on (tests/run --thread, --valgrind).
SLOW = float(os.environ.get("RELAUDIT_SLOW", "1"))

Answer = collections.namedtuple("Answer", "code out err")


def wait_for(predicate, timeout=20.0, what=""):
    """Returns the first true value of predicate()."""
    timeout *= SLOW
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            shown = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {shown or predicate}")
        time.sleep(0.02)


def clean_environment(**more):
    keep = ("PATH", "LANG", "TERM", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
            "TSAN_OPTIONS")
    env = {k: os.environ[k] for k in keep if k in os.environ}
    # A forbidden call is named, and fails the test.
    env["RELAUDIT_SECCOMP"] = os.environ.get("RELAUDIT_SECCOMP", "log")
    env.update(more)
    return env


def run(*args, timeout=120, env=None, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, errors="replace",
                          timeout=timeout * SLOW, env=clean_environment() if env is None else env,
                          **more)
    assert not SANITIZER.search(done.stderr), done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def relauditd(*args, **more):
    return run(RELAUDITD, *args, **more)


def free_port(host="127.0.0.1"):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def parse_time(text):
    """RFC 3339, UTC, with milliseconds: nothing else is in the contract."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), text
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def stamp(age=0.0):
    """The time `age` seconds ago, as logs have it."""
    at = datetime.datetime.fromtimestamp(time.time() - age, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def has_secret(text, *secrets):
    return [s for s in secrets if s in text]


class Things(contextlib.AbstractContextManager):
    """What has a stop(): ended in reverse order, each even if another one's end failed."""

    def __init__(self):
        self.started = []

    def __call__(self, thing):
        self.started.append(thing)
        return thing

    def __exit__(self, *exc):
        errors = []
        for thing in reversed(self.started):
            try:
                thing.stop()
            except Exception as e:  # noqa: BLE001
                errors.append(e)
        if errors:
            raise errors[0]


def make_folder(prefix, under):
    """A new one for all to read, its name in capitals: no word that a test looks for is in it."""
    while True:
        name = "".join(random.SystemRandom().choices(string.ascii_uppercase, k=8))
        path = pathlib.Path(under) / f"{prefix}{name}"
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            path.chmod(0o755)
            return path


@contextlib.contextmanager
def new_folder():
    """Short (a socket's path has 107 characters) and open to other users (access tests)."""
    path = make_folder("relaudit-", "/tmp")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout * SLOW)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """relauditd with a configuration in a folder of its own."""

    def __init__(self, folder, config, env=None, inside=None):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "relauditd.yaml"
        self.socket = self.folder / "run" / "relauditd.sock"
        self.state = self.folder / "state"
        self.stderr = self.folder / "stderr"
        self.env = env or {}
        self.inside = inside
        self.process = None
        self.write(config)

    # --- life ---

    def write(self, config):
        """A map gets the folder's socket and state; a text is taken as it is."""
        if not isinstance(config, str):
            config = dict(config)
            own = dict(config.get("daemon", {}))
            own["socket"] = {"path": str(self.socket), **own.get("socket", {})}
            own.setdefault("state", str(self.state))
            config["daemon"] = own
            config = yaml.safe_dump(config, sort_keys=False)
        self.config.write_text(config)
        self.config.chmod(0o640)

    def start(self):
        """Returns once it is ready; fails with what it said if it ended instead."""
        code = self.try_start()
        assert code is None, f"relauditd ended with {code}: {self.said()}"
        return self

    def try_start(self):
        """None once it is ready, or the code that it ended with instead."""
        notify_path = self.folder / "notify"
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(notify_path))
            notify_path.chmod(0o777)  # some daemons here are another user's
            self.spawn(NOTIFY_SOCKET=str(notify_path))
            pidfd = os.pidfd_open(self.process.pid)
            try:
                poll = select.poll()
                poll.register(notify, select.POLLIN)
                poll.register(pidfd, select.POLLIN)
                while True:
                    ready = dict(poll.poll(60000 * SLOW))
                    if notify.fileno() in ready:
                        if b"READY=1" in notify.recv(4096):
                            return None
                    elif pidfd in ready:
                        process, self.process = self.process, None
                        return process.wait()
                    else:
                        raise AssertionError(f"relauditd is not ready: {self.said()}")
            finally:
                os.close(pidfd)

    def spawn(self, **env):
        argv = [str(RELAUDITD), "-c", str(self.config)]
        if self.inside is not None:
            argv = self.inside.command(*argv)
        with open(self.stderr, "ab") as err:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                            env=clean_environment(**{**self.env, **env}))

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        return self.stderr.read_text(errors="replace") if self.stderr.exists() else ""

    def keeper(self):
        """What starts helpers, the only child."""
        [pid] = children(self.pid)
        return pid

    def children(self):
        """The helper: the keeper's child."""
        return children(self.keeper())

    def kill9(self):
        helpers = [self.keeper(), *self.children()]
        self.process.kill()
        self.process.wait()
        for pid in helpers:
            wait_for(lambda: not is_running(pid), what=f"helper {pid} ends with its daemon")
        self.process = None

    def restart(self):
        self.kill9()
        return self.start()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """A clean stop: exit 0 in time, nothing left, no sanitizer report."""
        if self.process is None:
            return
        process, self.process = self.process, None
        left = []
        if process.poll() is None:
            left = [p for c in children(process.pid) for p in [c, *children(c)]] if SLOW > 1 else []
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            code = process.wait(timeout=20 * SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"SIGTERM did not end it: {self.said()}") from None
        for pid in left:  # what they have to report comes later than the daemon's end
            wait_for(lambda: not is_running(pid), what=f"{pid} ends")
        assert not SANITIZER.search(self.said()), self.said()
        assert code == 0, f"exit {code}: {self.said()}"
        assert not self.socket.exists(), "the socket was left behind"

    # --- asking ---

    def ctl(self, *args, env=None, timeout=120, stdin=None):
        done = subprocess.run([str(RELAUDITCTL), "--socket", str(self.socket), *map(str, args)],
                              input=stdin, capture_output=True, text=True, errors="replace",
                              timeout=timeout * SLOW, env=clean_environment(**(env or {})))
        assert not SANITIZER.search(done.stderr), done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def api(self, path, method="GET", body=None, headers=None, raw=False, timeout=60):
        """(status, the JSON or the text, headers)"""
        connection = UnixConnection(self.socket, timeout)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            data = answer.read().decode("utf-8")
            if not raw and "json" in (answer.getheader("Content-Type") or ""):
                data = json.loads(data)
            return answer.status, data, dict(answer.getheaders())
        finally:
            connection.close()

    def ready(self, *what, timeout="60s", ask=True):
        """Waits for the first results; returns the status. The schedule gives each its first probe
        within 10 s: asked for, they come at once."""
        pending = [e["name"] for e in self.status()["environments"]
                   if any(c["verdict"] == "PENDING" for c in e["checks"])]
        if ask and pending:
            done = self.ctl("run", *pending)
            assert done.code in (0, 1, 2, 3), done
        done = self.ctl("status", "--wait", "--timeout", timeout, "-o", "json", *what)
        assert done.code in (0, 1, 2, 3), done
        return json.loads(done.out)

    def status(self):
        code, body, _ = self.api("/v1/status")
        assert code == 200, body
        return body

    def check(self, name):
        return find_check(self.status(), name)

    def run(self, *what):
        """A fresh probe of each; returns the first one's check as it stands then."""
        done = self.ctl("run", *what)
        assert done.code in (0, 1, 2, 3), done
        return self.check(what[0])

    def metrics(self):
        code, body, _ = self.api("/metrics")
        assert code == 200, body
        return body


def find_check(status, name):
    for environment in status["environments"]:
        for check in environment["checks"]:
            if check["check"] == name:
                return check
    raise AssertionError(f"no {name} in {json.dumps(status)[:2000]}")


def children(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(p) for p in text.split()]


def in_flight(metrics):
    m = re.search(r"^relaudit_\w*in_flight(?:\{[^}]*\})? (\S+)", metrics, re.M)
    return float(m[1]) if m else 0


def is_running(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


class Web:
    """A real nginx on a free loopback port; its files are what it answers."""

    ERRORS = """
        location = /s500 { return 500 "broken"; }
        location = /s404 { return 404 "none"; }
        location = /moved { return 302 /version; }
        location = /echo {
            return 200 '{"version":"v$http_authorization $http_x_token","commit":"c$arg_key"}';
        }
        location = /echo-text { return 200 '$http_authorization $http_x_token $arg_key'; }
        location = /echo-500 { return 500 '$http_authorization $http_x_token'; }
        location = /echo-moved { return 302 "/$http_x_token?$http_authorization"; }
        location = /token {
            if ($http_x_token = "second") { return 200 '{"version":"2.0.0"}'; }
            return 200 '{"version":"1.0.0"}';
        }
"""

    def __init__(self, folder, certificates=None):
        self.folder = pathlib.Path(folder)
        self.www = self.folder / "www"
        self.www.mkdir(parents=True)
        self.port = free_port()
        self.log = self.folder / "access.log"
        self.tls = {}
        self.process = None
        servers = [f"server {{ listen 127.0.0.1:{self.port} backlog=4096; root {self.www};"
                   f"{self.ERRORS} }}"]
        for name in certificates or {}:
            self.tls[name] = free_port()
            servers.append(
                f"server {{ listen 127.0.0.1:{self.tls[name]} ssl; root {self.www};"
                f" ssl_certificate {certificates[name]}.pem;"
                f" ssl_certificate_key {certificates[name]}.key; }}")
        temporary = "".join(f"{t}_temp_path {self.folder}/{t};\n"
                            for t in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {self.folder}/nginx.pid;\n"
            f"error_log {self.folder}/error.log;\n"
            "events { worker_connections 8192; }\n"
            "http { default_type application/json; keepalive_timeout 0;\n"
            "log_format one '$request_method $request_uri $status';\n"
            f"access_log {self.log} one;\n{temporary}" + "\n".join(servers) + "\n}\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["nginx", "-c", str(self.folder / "nginx.conf"), "-e", str(self.folder / "error.log")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def listens():
            assert self.process.poll() is None, (self.folder / "error.log").read_text()
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for(listens, what="nginx listens")
        return self

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def put(self, name, content):
        """At once or not at all: a probe never sees half of it."""
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        path = self.www / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.rename(path)
        return self.url(name)

    def url(self, name=""):
        return f"http://127.0.0.1:{self.port}/{name}"

    def hits(self, prefix="/"):
        if not self.log.exists():
            return 0
        lines = self.log.read_text().splitlines()
        return sum(line.split()[1].startswith(prefix) for line in lines)


class Hole:
    """Takes connections and never says a word; it needs no process for that."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(4096)
        self.port = self.socket.getsockname()[1]

    def stop(self):
        self.socket.close()


class Server:
    """A program of tests/system/servers: prints its port, ends with its standard input."""

    def __init__(self, *argv, inside=lambda *argv: argv):
        self.process = subprocess.Popen(inside("/usr/bin/python3", *map(str, argv)),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("PORT "), f"{argv} said {line!r}"
        self.port = int(line.split()[1])

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Namespace:
    """A mount namespace with a /dev of its own, and a resolv.conf if wanted (namespace.sh)."""

    def __init__(self, folder, resolv=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = ["unshare", "--mount", "--propagation", "private", str(SERVERS / "namespace.sh"),
                str(self.folder / "dev")]
        if resolv is not None:
            (self.folder / "resolv.conf").write_text(resolv)
            argv.append(str(self.folder / "resolv.conf"))
        self.holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
        assert self.holder.stdout.readline() == "ready\n"

    def command(self, *argv):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--", *map(str, argv)]

    def stop(self):
        self.holder.stdin.close()
        self.holder.wait(timeout=10)
        self.holder.stdout.close()


class Syslog(Namespace):
    """A real rsyslog behind /dev/log of a namespace; `lines` is what it wrote."""

    def __init__(self, folder, resolv=None, start=True):
        super().__init__(folder, resolv)
        self.file = self.folder / "messages"
        self.process = None
        (self.folder / "rsyslog.conf").write_text(
            'module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0"'
            ' SysSock.Annotate="off")\n'
            'template(name="line" type="string"'
            ' string="%syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\\n")\n'
            f'*.* action(type="omfile" file="{self.file}" template="line" fileCreateMode="0644")\n'
            f'global(workDirectory="{self.folder}" maxMessageSize="16k")\n')
        if start:
            self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command("rsyslogd", "-n", "-f", self.folder / "rsyslog.conf",
                         "-i", self.folder / "rsyslog.pid"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        def listens():
            assert self.process.poll() is None, self.process.stderr.read()
            return run(*self.command("test", "-S", "/dev/log")).code == 0
        wait_for(listens, what="rsyslog listens")

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def lines(self, *words):
        """relauditd's own lines with all the words in them."""
        if not self.file.exists():
            return []
        text = self.file.read_text(errors="replace")
        own = [ln for ln in text.splitlines() if re.match(r"\w+\.\w+ relauditd\[", ln)]
        return [ln for ln in own if all(w in ln for w in words)]

    def wait(self, *words, count=1, timeout=20):
        wait_for(lambda: len(self.lines(*words)) >= count, timeout,
                 lambda: f"{count} lines with {words} in:\n" + "\n".join(self.lines()))
        return self.lines(*words)

    def stop_rsyslog(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process.stderr.close()
            self.process = None

    def stop(self):
        self.stop_rsyslog()
        super().stop()


def parse_line(line):
    """("daemon", "crit", pid, "state", [(key, value), ...]) of a syslog line."""
    m = re.fullmatch(r"(\w+)\.(\w+) relauditd\[(\d+)\]: (\S+)(.*)", line)
    assert m, line
    pairs, rest = [], m[5]
    while rest:
        p = re.match(r' ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)', rest)
        assert p, f"{rest!r} in {line!r}"
        value = p[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        pairs.append((p[1], value))
        rest = rest[p.end():]
    return m[1], m[2], int(m[3]), m[4], pairs


def make_backup(path, age=3600.0, size=200000):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as f:
        f.truncate(size)
    at = time.time() - age
    os.utime(path, (at, at))
    return path


def make_backups(folder, count=7, newest=3600.0, step=86400.0, size=200000):
    return [make_backup(pathlib.Path(folder) / f"shop-{i}.dump", newest + i * step, size)
            for i in range(count)]


def make_log(path, *entries):
    """entries: text, or (age in seconds, text) for a line that begins with its time."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as f:
        for entry in entries:
            f.write(entry + "\n" if isinstance(entry, str) else f"{stamp(entry[0])} {entry[1]}\n")
    return path
