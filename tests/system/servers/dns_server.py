#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A name server (UDP and TCP) that answers as the first label of the name says.

Prints "PORT <n>" and serves until its standard input ends.

  one       127.0.0.1, TTL 60            two      127.0.0.2 and 127.0.0.1
  short     127.0.0.1, TTL 0             six      ::1 only
  hundred   100 addresses, over TCP      alias    CNAME to one
  loop      CNAME to loop2 and back      dangling CNAME to nothing
  nx        NXDOMAIN                     servfail SERVFAIL
  refused   REFUSED                      empty    NOERROR without an answer
  silent    no answer                    late     answers after --late seconds
  garbage   random bytes                 liar     a wrong id, then silence
  cut       the header only, saying there are answers

--address A answers `one` with A instead. --log FILE gets a line "name type" for every query.
"""
import argparse
import os
import socket
import struct
import sys
import threading
import time

A, CNAME, AAAA = 1, 5, 28


def name_bytes(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".") if p) + b"\0"


def record(name, kind, data, ttl=60):
    return name_bytes(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def question(data):
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    return ".".join(labels), struct.unpack("!H", data[at + 1:at + 3])[0], data[12:at + 5]


def v4(text):
    return socket.inet_aton(text)


class Server:
    def __init__(self, args):
        self.args = args
        self.lock = threading.Lock()

    def records(self, name, kind):
        word = name.split(".")[0].lower()
        rest = name.partition(".")[2]
        if word == "alias":
            target = "one." + rest
            return [record(name, CNAME, name_bytes(target))] + self.records(target, kind)
        if word == "loop":
            other = "loop2." + rest
            return [record(name, CNAME, name_bytes(other)),
                    record(other, CNAME, name_bytes(name))]
        if word == "dangling":
            return [record(name, CNAME, name_bytes("nothing." + rest))]
        if kind == A:
            found = {"one": [self.args.address], "two": ["127.0.0.2", "127.0.0.1"],
                     "short": ["127.0.0.1"], "late": ["127.0.0.1"],
                     "hundred": ["127.0.1.%d" % i for i in range(1, 101)]}.get(word, [])
            return [record(name, A, v4(a), 0 if word == "short" else 60) for a in found]
        if kind == AAAA and word == "six":
            return [record(name, AAAA, socket.inet_pton(socket.AF_INET6, "::1"))]
        return []

    def answer(self, data, tcp):
        name, kind, asked = question(data)
        word = name.split(".")[0].lower()
        if self.args.log:
            with self.lock, open(self.args.log, "a") as out:
                out.write("%s %d\n" % (name, kind))
        if word == "silent":
            return None
        if word == "late":
            time.sleep(self.args.late)
        if word == "garbage":
            return data[:2] + os.urandom(200)
        ident = data[:2]
        if word == "liar":
            ident = bytes([data[0] ^ 255, data[1]])
        code = {"nx": 3, "servfail": 2, "refused": 5}.get(word, 0)
        records = self.records(name, kind)
        count = len(records)
        body = b"".join(records)
        flags = 0x8180 | code
        if word == "cut":
            count = 5
        if not tcp and len(body) > 400:
            flags, count, body = flags | 0x200, 0, b""
        return ident + struct.pack("!HHHHH", flags, 1, count, 0, 0) + asked + body

    def udp(self, sock):
        while True:
            data, peer = sock.recvfrom(4096)
            threading.Thread(target=self.udp_one, args=(sock, data, peer), daemon=True).start()

    def udp_one(self, sock, data, peer):
        reply = self.answer(data, False)
        if reply:
            sock.sendto(reply, peer)

    def tcp(self, sock):
        while True:
            conn, _ = sock.accept()
            threading.Thread(target=self.tcp_one, args=(conn,), daemon=True).start()

    def tcp_one(self, conn):
        try:
            while True:
                head = conn.recv(2)
                if len(head) < 2:
                    return
                data = conn.recv(struct.unpack("!H", head)[0])
                reply = self.answer(data, True)
                if reply:
                    conn.sendall(struct.pack("!H", len(reply)) + reply)
        except OSError:
            pass
        finally:
            conn.close()


def listen(host, port):
    """The same port for both; what UDP got may be taken for TCP."""
    for _ in range(50):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((host, port))
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind((host, udp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen(64)
        return udp, tcp
    sys.exit("no port is free for UDP and TCP")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--late", type=float, default=0.2)
    parser.add_argument("--log")
    args = parser.parse_args()
    server = Server(args)
    udp, tcp = listen(args.host, args.port)
    for serve, sock in ((server.udp, udp), (server.tcp, tcp)):
        threading.Thread(target=serve, args=(sock,), daemon=True).start()
    print("PORT", udp.getsockname()[1], flush=True)
    sys.stdin.read()


main()
