"""The demo shop's API: GET / asks redis, the orders' PostgreSQL, DNS, and a database outside by the name that DNS gave.
Argument: the address to listen on, and to speak from."""

import http.server
import socket
import subprocess
import sys

ME = sys.argv[1]


def redis():
    with socket.create_connection(("10.99.0.21", 6379), 5, (ME, 0)) as s:
        s.sendall(b"*1\r\n$4\r\nPING\r\n")
        return s.recv(64).decode().strip()


def run(*cmd):
    return subprocess.run(cmd, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def database(host):
    return run("psql", "-h", host, "-U", "shop", "-d", "postgres", "-Atc", "select 2")


def resolve():
    return run("dig", "+short", "+tries=1", "+time=5", "-b", ME, "@10.99.0.24", "db.example.com")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            outside = resolve()
            text = f"ok: redis {redis()}, orders {database('10.99.0.23')}, db.example.com {database(outside)}\n"
            status = 200
        except (OSError, subprocess.SubprocessError) as e:
            text, status = f"broken: {e}\n", 502
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer((ME, 8000), Handler).serve_forever()
