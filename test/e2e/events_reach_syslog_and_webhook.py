"""What is denied is told to a syslog server and a webhook, from inside the sandbox; a server that is away for a while and a gateway
that is started again in between lose nothing."""

import hashlib
import hmac
import http.server
import json
import os
import socket
import threading

from lib.check import check, main, same, until
from lib.gateway import Gateway, policy, write
from lib.wire import attempt, make

SECRET = "a secret of this test"


class Syslog(threading.Thread):
    """RFC 6587 octet counting on TCP; keeps messages."""

    def __init__(self):
        super().__init__(daemon=True)
        self.messages, self.open = [], []
        self.listener = socket.create_server(("127.0.0.1", 5514))
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(peer)
            threading.Thread(target=self.read, args=(peer,), daemon=True).start()

    def read(self, peer):
        data = b""
        while True:
            try:
                more = peer.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while b" " in data and len(data) >= int(data.split(b" ", 1)[0]) + len(data.split(b" ", 1)[0]) + 1:
                size, rest = data.split(b" ", 1)
                self.messages.append(rest[:int(size)].decode())
                data = rest[int(size):]

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.open:
            peer.close()


class Hook(http.server.BaseHTTPRequestHandler):
    got = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Hook.got.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def denied(messages, port):
    return [m for m in messages if f'"dest_port":{port}' in m and '"event_type":"drop"' in m]


def test():
    make()
    syslog = Syslog()
    hooks = http.server.ThreadingHTTPServer(("127.0.0.1", 5580), Hook)
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    gateway = Gateway(policy(), spool={"path": "spool"}, sinks=[
        {"name": "logs", "type": "syslog", "kinds": ["drop"], "to": "tcp://127.0.0.1:5514"},
        {"name": "hook", "type": "webhook", "kinds": ["drop"], "url": "http://127.0.0.1:5580/in", "secret_file": "hook-secret"}])
    write(os.path.join(gateway.dir, "hook-secret"), SECRET + "\n")
    gateway.start()
    with open(f"/proc/{gateway.p.pid}/status", encoding="utf-8") as f:
        check("Seccomp:\t2" in f.read(), "the gateway is confined")

    attempt("web", "cards", 4711)
    until(lambda: denied(syslog.messages, 4711), "the syslog server is told")
    check(denied(syslog.messages, 4711)[0].startswith("<"), "a priority begins it")
    until(lambda: [b for _, b in Hook.got if b'"dest_port":4711' in b], "the webhook is told")
    head, body = next((h, b) for h, b in Hook.got if b'"dest_port":4711' in b)
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    check([v for v in head.values() if digest in v], f"its signature is over its body: {head}")
    json.loads(body)

    # Away, and back after a restart of the gateway: the spool has it.
    syslog.stop()
    for port in (4712, 4713):
        attempt("web", "cards", port)
        gateway.event("drop", dest_port=port)
    gateway.stop()
    gateway.start()
    attempt("web", "cards", 4714)
    syslog = Syslog()
    for port in (4712, 4713, 4714):
        until(lambda: denied(syslog.messages, port), f"what was denied at {port} arrives later", 90)
    stats = {s["name"]: s for s in gateway.stats()["sinks"]}
    same((stats["logs"]["lost"], stats["hook"]["lost"]), (0, 0), "lost")
    gateway.stop()
    check(SECRET not in gateway.log(), "the secret is not in the log")


main(test)
