"""Card numbers over HTTP, WebSocket, SMTP, MySQL and a plain stream, with all that writes switched on: each is found, and none
stands in any output: events, log, evidence, store, API.
"""

import base64
import os
import re
import socket
import struct
import time

from lib.check import check, main, same, say, until
from lib.denied import HEAD, SERVER
from lib.gateway import Gateway
from lib.wire import inside, make, side, addr

ALL = "  - from: web\n    to: orders-db\n    ports: [tcp/1-65535]\n    action: allow\n"
READERS = ("/stats", "/flows?limit=1000", "/conversations", "/learned", "/audit", "/evidence", "/policy?format=yaml",
           "/health", "/endpoints", "/reasons")


def luhn(body):
    digits = [int(d) for d in reversed(body)]
    total = sum(d if i % 2 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits))
    return body + str(-total % 10)


CARDS = [luhn(f"4539{n:04d}{n * 7919 % 10000:04d}{n * 104729 % 1000:03d}") for n in range(11, 31)]


def talk(port, turns):
    """One connection; turns: (who, bytes). Each waits until the other side has all of it."""
    with inside(side("redis")):
        listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((addr("redis"), port))
    listener.listen(1)
    with inside("shop"):
        client = socket.create_connection((SERVER, port), timeout=10)
    server, _ = listener.accept()
    ends = {"c": (client, server), "s": (server, client)}
    for who, data in turns:
        sender, receiver = ends[who]
        receiver.settimeout(20)
        sender.sendall(data)
        got = b""
        while len(got) < len(data):
            more = receiver.recv(65536)
            check(more, f"the connection to port {port} is open")
            got += more
        same(got, data, "what arrives")
    for s in (client, server, listener):
        s.close()


def http(method, target, head=b"", body=b""):
    return (b"%s %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n" % (method, target, head, len(body))) + body


def answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def packet(sequence, data):
    return struct.pack("<I", len(data))[:3] + bytes([sequence]) + data


def text(data):
    return bytes([len(data)]) + data


def mysql(card):
    names = [b"def", b"shop", b"t", b"t", b"card", b"card"]
    column = b"".join(map(text, names)) + b"\x0c\x21\x00\xff\x00\x00\x00\xfd\x00\x00\x00\x00\x00"
    greeting = (b"\x0a8.0.35\0\1\0\0\0abcdefgh\0\xff\xf7\x21\2\0\xff\x80\x15" + bytes(10) + b"ijklmnopqrst\0"
                b"mysql_native_password\0")
    login = struct.pack("<II", 0x000aa685, 1 << 24) + b"\x21" + bytes(23) + b"root\0\0mysql_native_password\0"
    return [("s", packet(0, greeting)), ("c", packet(1, login)), ("s", packet(2, b"\0\0\0\2\0\0\0")),
            ("c", packet(0, b"\x03SELECT card FROM t WHERE card <> '" + card + b"'")),
            ("s", packet(1, b"\1") + packet(2, column) + packet(3, b"\xfe\0\0\2\0") + packet(4, text(card)) +
             packet(5, b"\xfe\0\0\2\0"))]


def socket_frame(data):
    mask = b"\x12\x34\x56\x78"
    return bytes([0x81, 0x80 | len(data)]) + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data))


def mail(card):
    body = base64.encodebytes(b"the number is " + card + b", as agreed\n").replace(b"\n", b"\r\n")
    return [("s", b"220 mx ESMTP\r\n"), ("c", b"EHLO a\r\n"), ("s", b"250 mx\r\n"),
            ("c", b"MAIL FROM:<a@b.example>\r\n"), ("s", b"250 ok\r\n"), ("c", b"RCPT TO:<c@d.example>\r\n"),
            ("s", b"250 ok\r\n"), ("c", b"DATA\r\n"), ("s", b"354 go on\r\n"),
            ("c", b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + b".\r\n"), ("s", b"250 taken\r\n"),
            ("c", b"QUIT\r\n"), ("s", b"221 bye\r\n")]


def conversations(cards):
    c = iter(x.encode() for x in cards)
    spaced = lambda x: b" ".join(x[i:i + 4] for i in range(0, 16, 4))
    upgrade = (b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    yield 8081, [("c", http(b"GET", b"/pay?card=" + next(c))), ("s", answer(b"ok"))]
    yield 8082, [("c", http(b"GET", b"/pay/" + next(c) + b"/x")), ("s", answer(b"ok"))]
    yield 8083, [("c", http(b"GET", b"/", b"X-Card: " + next(c) + b"\r\nUser-Agent: " + next(c) + b"\r\n")),
                 ("s", answer(b"ok"))]
    yield 8084, [("c", http(b"GET", b"/", b"Cookie: card=" + next(c) + b"\r\n")), ("s", answer(b"ok"))]
    yield 8085, [("c", http(b"POST", b"/", b"Content-Type: application/json\r\n", b'{"card": "%s"}' % spaced(next(c)))),
                 ("s", answer(b"your card " + next(c)))]
    yield 8086, [("c", upgrade), ("s", switch), ("c", socket_frame(b"card " + next(c)))]
    yield 25, mail(next(c))
    yield 3306, mysql(next(c))
    yield 6379, [("c", b"*3\r\n$3\r\nSET\r\n$22\r\ncard:%s\r\n$16\r\n%s\r\n" % (b"7" * 17, next(c))), ("s", b"+OK\r\n")]
    yield 9999, [("c", b"hello " + next(c) + b"\n"), ("s", b"bye\n")]


def shows(data, card):
    """Is it in there, with separators or without, as text or in base64?"""
    plain = re.sub(rb"(?<=\d)[ \-+](?=\d)", b"", data)
    return card.encode() in plain or any(
        card.encode() in base64.b64decode(run[:len(run) // 4 * 4])
        for run in re.findall(rb"[A-Za-z0-9+/]{20,}", data.replace(b"\r\n", b"")))


def outputs(gateway):
    for folder, _, files in os.walk(gateway.dir):
        for file in files:
            with open(os.path.join(folder, file), "rb") as f:
                yield os.path.join(folder, file), f.read()
    yield "the log", gateway.log().encode()
    for path in READERS:
        status, data = gateway.request("GET", path)
        check(status in (200, 409), f"GET {path}: {status}")  # 409: kept in a store, which is off
        yield path, data if isinstance(data, bytes) else str(data).encode()


def test():
    make()
    gateway = Gateway(HEAD + ALL, evidence={"path": "evidence", "ring": "1M", "time": "300ms"},
                      inspect={"sensors": "alert"}, applications={"parse": "all"})
    os.makedirs(os.path.join(gateway.dir, "evidence"))
    gateway.start()
    for port, turns in conversations(CARDS):
        talk(port, turns)
        until(lambda: any(e["bulkhead"].get("sensor") == "dlp.card" and port in (e["dest_port"], e["src_port"])
                          for e in gateway.events("alert")), f"the card to port {port} is found")
    say("a number in each conversation is found")
    until(lambda: len(gateway.get("/evidence?limit=1000")["items"]) > 5, "evidence is kept")
    time.sleep(1)
    gateway.quiet()
    n = size = 0
    leaks = []
    for name, data in outputs(gateway):
        n, size = n + 1, size + len(data)
        for card in CARDS:
            if shows(data, card):
                at = data.find(card.encode())
                leaks.append((name[-40:], card, data[max(0, at - 60):at + 20] if at >= 0 else b""))
    check(not leaks, f"{len(leaks)} outputs show a number: {leaks[:12]}")
    say(f"{n} outputs, {size} bytes: none shows one of {len(CARDS)} numbers")
    gateway.stop()


main(test)
