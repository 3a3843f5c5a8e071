"""Clients that write a request in small pieces and let the kernel wait for acknowledgements (Nagle's algorithm, RFC 896):
each piece by itself is undecided, and every request is answered.
"""

import socket

from lib import services
from lib.check import Skip, main, same
from lib.denied import SERVER, document, rule
from lib.gateway import Gateway
from lib.wire import inside, make

RULES = rule('http: { methods: [GET] }') + rule('redis: { commands: [get, set, ping], keys: ["k*"] }')
GET = [b"GET", b" /fi", b"les/1 HTTP", b"/1.1\r\nHo", b"st: a\r\n", b"\r", b"\n"]
SET = [b"*3\r\n$3\r\nS", b"ET\r\n$2\r\nk1\r\n$5", b"\r\nva", b"lue\r\n*2\r\n$3\r\nGE", b"T\r\n$2\r\nk", b"1\r\n"]


def pieces(port, parts, want, times):
    """Nothing but the kernel's algorithm decides when a piece goes."""
    with inside("shop"):
        s = socket.create_connection((SERVER, port), 30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    with s:
        for _ in range(times):
            for part in parts:
                s.send(part)
            got = b""
            while want not in got:
                data = s.recv(65536)
                same(bool(data), True, f"the connection stands, behind {got!r}")
                got += data


def test():
    apps, gone = services.available([a for a in services.APPS if a.label in ("redis", "http")])
    if gone:
        raise Skip(f"no {gone[0][1]}")
    make()
    services.start(apps)
    with open(f"{services.HOME}/nginx/files/1", "wb") as f:
        f.write(b"the file")
    gateway = Gateway(document(RULES)).start()
    pieces(80, GET, b"the file", 5)
    pieces(6379, SET, b"$5\r\nvalue\r\n", 5)
    pieces(6379, [b"*1\r\n$4\r\nPI", b"NG\r\n"], b"+PONG\r\n", 5)
    same(gateway.events("alert"), [], "alerts")
    gateway.stop()


main(test)
