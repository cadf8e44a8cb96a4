# SPDX-License-Identifier: Apache-2.0
"""A version for who brings the right token; /hang takes a request and never answers."""
import http.server
import sys
import threading

RELEASED = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang":
            RELEASED.wait()
            return
        good = self.headers.get("Authorization") == f"Bearer {sys.argv[1]}"
        body = b'{"version": "1.0.0"}'
        self.send_response(200 if good else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


server = Server(("127.0.0.1", 0), Handler)
print(f"PORT {server.server_port}", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
