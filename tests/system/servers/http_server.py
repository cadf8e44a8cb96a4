#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP(S) server that keeps to the letter of TCP and TLS and to nothing else.

Prints "PORT <n>" and serves until its standard input ends. What it does is in the path:

  /ok /status/N /redirect/N?URL /loop /header /echo /empty /large?BYTES
  /hang /slow-headers /slow-body /close /reset /short /long
  /endless-chunked /endless-close /gzip-bomb /te-gzip /endless-headers /interim /bad-chunk
  /http09 /http2 /garbage /nul-header /garbled-length /trailer
  /raw?BYTES /raw-notified?BYTES: those, percent-encoded; with TLS the second says that this is all

--log FILE gets the head of every request. --hold accepts and never says a word (nor a handshake).
"""
import argparse
import gzip
import os
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

ANSWER = b'{"version": "1.2.3", "commit": "0123456789abcdef", "name": "shop"}'


def answer(status, body=b"", *headers):
    head = b"HTTP/1.1 %d Said\r\n" % status
    head += b"".join(h + b"\r\n" for h in headers)
    return head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def drip(conn, data, pause=0.05):
    for i in range(len(data)):
        conn.sendall(data[i:i + 1])
        time.sleep(pause)


def endless(conn, head, piece):
    conn.sendall(head)
    while True:
        conn.sendall(piece)


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def bomb():
    data = gzip.compress(bytes(1 << 20))
    return data


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def respond(conn, path, query, request):
    word, _, rest = path.strip("/").partition("/")
    if word == "ok":
        conn.sendall(answer(200, ANSWER, b"Content-Type: application/json",
                            b"Last-Modified: Sun, 22 Nov 2026 10:00:00 GMT"))
    elif word == "status":
        conn.sendall(answer(int(rest), b"the answer to a status"))
    elif word == "redirect":
        conn.sendall(answer(int(rest), b"", b"Location: " + query.encode("latin-1")))
    elif word == "loop":
        conn.sendall(answer(302, b"", b"Location: /loop"))
    elif word == "header":
        conn.sendall(answer(200, ANSWER, b"X-Version:   4.5.6  ", b"X-Empty:"))
    elif word == "echo":
        conn.sendall(answer(200, request))
    elif word == "empty":
        conn.sendall(answer(204))
    elif word == "large":
        conn.sendall(answer(200, b"x" * int(query)))
    elif word == "hang":
        time.sleep(600)
    elif word == "slow-headers":
        drip(conn, b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000)
    elif word == "slow-body":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        drip(conn, b"x" * 100000)
    elif word == "close":
        pass
    elif word == "reset":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin")
        reset(conn)
    elif word == "short":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin")
    elif word == "long":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbegin and more than was said")
    elif word == "endless-chunked":
        endless(conn, CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n")
    elif word == "endless-close":
        endless(conn, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1024)
    elif word == "gzip-bomb":
        conn.sendall(answer(200, bomb(), b"Content-Encoding: gzip"))
    elif word == "te-gzip":
        data = bomb()
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" +
                     b"%x\r\n" % len(data) + data + b"\r\n0\r\n\r\n")
    elif word == "endless-headers":
        endless(conn, b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 200 + b"\r\n")
    elif word == "interim":
        for _ in range(100):
            conn.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" * 1000)
        conn.sendall(answer(200, ANSWER))
    elif word == "bad-chunk":
        conn.sendall(CHUNKED + b"zz\r\nno\r\n")
    elif word == "http09":
        conn.sendall(b"1.2.3\n")
    elif word == "http2":
        conn.sendall(b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff")
    elif word == "garbage":
        conn.sendall(os.urandom(64).replace(b"H", b"h") + b"\r\n\r\n")
    elif word == "nul-header":
        conn.sendall(b"HTTP/1.1 200 OK\r\nX-Ver\0sion: 1\r\nContent-Length: 0\r\n\r\n")
    elif word == "garbled-length":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbody")
    elif word == "trailer":
        conn.sendall(CHUNKED + b"2\r\nok\r\n0\r\nX-Version: 9.9.9\r\n\r\n")
    elif word in ("raw", "raw-notified"):
        conn.sendall(urllib.parse.unquote_to_bytes(query))
        if word == "raw-notified":
            conn.unwrap()
    else:
        conn.sendall(answer(404, b"no such behaviour"))


def read_head(conn):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = conn.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


class Server:
    def __init__(self, args):
        self.args = args
        self.context = None
        self.lock = threading.Lock()
        if args.cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if args.tls == "1.1":
                self.context.set_ciphers("ALL:@SECLEVEL=0")
                self.context.minimum_version = ssl.TLSVersion.TLSv1
                self.context.maximum_version = ssl.TLSVersion.TLSv1_1
            elif args.tls == "1.2":
                self.context.maximum_version = ssl.TLSVersion.TLSv1_2
            self.context.load_cert_chain(args.cert, args.key)
            if args.client_ca:
                self.context.verify_mode = ssl.CERT_REQUIRED
                self.context.load_verify_locations(args.client_ca)

    def log(self, request):
        if not self.args.log:
            return
        with self.lock, open(self.args.log, "ab") as out:
            out.write(request)

    @staticmethod
    def handshake(conn):
        try:
            conn.do_handshake()
        except ssl.SSLError:
            # Closing with something unread would reset, and might take our alert along.
            conn.shutdown(socket.SHUT_WR)
            os.read(conn.fileno(), 65536)
            raise

    def serve(self, conn):
        try:
            if self.args.hold:
                time.sleep(600)
            if self.context:
                conn = self.context.wrap_socket(conn, server_side=True,
                                                do_handshake_on_connect=False)
                self.handshake(conn)
            request = read_head(conn)
            self.log(request)
            if not request:
                return
            target = request.split(b" ")[1].decode("latin-1")
            if target.startswith("http://"):
                target = "/" + target.split("/", 3)[3]
            path, _, query = target.partition("?")
            respond(conn, path, query, request)
        except (OSError, IndexError, ValueError):
            pass
        finally:
            conn.close()


def listen(args):
    if args.unix:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(args.unix)
    elif ":" in args.host:
        sock = socket.socket(socket.AF_INET6)
    else:
        sock = socket.socket()
    if not args.unix:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((args.host, args.port))
    sock.listen(128)
    return sock


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    parser.add_argument("--tls", choices=["1.1", "1.2"])
    parser.add_argument("--log")
    parser.add_argument("--hold", action="store_true")
    args = parser.parse_args()
    server = Server(args)
    sock = listen(args)

    def accept():
        while True:
            conn, _ = sock.accept()
            threading.Thread(target=server.serve, args=(conn,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print("PORT", 0 if args.unix else sock.getsockname()[1], flush=True)
    sys.stdin.read()


main()
