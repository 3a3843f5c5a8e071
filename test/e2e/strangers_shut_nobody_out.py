"""Ten thousand idle connections, clients that send or read byte by byte, and requests that two readers could take for different
ones: each is bounded or refused as docs/api.md says, whoever has a right is still served, and no packet is lost."""

import os
import resource
import select
import socket
import threading
import time

from lib.check import Failed, check, main, same, say, until
from lib.gateway import TOKEN, Gateway, policy, rule
from lib.pump import Pump
from lib.wire import make

IDLE = 10000
CONNECTIONS = 64  # as docs/api.md has it
SPARE = 16  # those that are about to be closed
AUTH = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
PUT = f"PUT /api/v1/endpoints/10.1.1.1 HTTP/1.1\r\n{AUTH}Content-Type: application/json\r\n"
BODY = '{"labels":{}}'


def dial(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=30)


def front(gateway):
    """The HTTP process."""
    with open(f"/proc/{gateway.p.pid}/task/{gateway.p.pid}/children", encoding="utf-8") as f:
        children = f.read().split()
    for entry in children or filter(str.isdigit, os.listdir("/proc")):
        with open(f"/proc/{entry}/comm", encoding="utf-8") as f:
            if f.read().strip() == "bulkhead-api":
                return entry
    raise Failed("no HTTP process")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def alive(sockets):
    """How many of them has nobody closed?"""
    p = select.poll()
    for s in sockets:
        p.register(s, select.POLLIN | select.POLLRDHUP)
    return len(sockets) - len(p.poll(0))


def served(gateway, what):
    """Who has a right gets his answer, with all of it still there. An attempt may be the one that is closed."""
    def one():
        try:
            return gateway.request("PUT", "/endpoints/10.1.1.1", {"labels": {"a": "b"}})[0] in (200, 201)
        except OSError:
            return False

    until(one, f"served beside {what}", 60)
    gateway.get("/health")


def idle(gateway):
    pid = front(gateway)
    before, sockets = open_files(pid), []
    for n in range(IDLE):
        sockets.append(dial(gateway))
        if n % 2500 == 2499:
            served(gateway, f"{n + 1} connections")
    until(lambda: alive(sockets) <= CONNECTIONS + SPARE, f"all but {CONNECTIONS} are closed", 60)
    check(open_files(pid) <= before + CONNECTIONS + 2 * SPARE, f"open files: {before}, then {open_files(pid)}")
    same(front(gateway), pid, "the HTTP process is the same")
    served(gateway, "idle connections")
    say(f"{IDLE} connections, {alive(sockets)} were left open; open files {before}, then {open_files(pid)}")
    for s in sockets:
        s.close()


class Drip(threading.Thread):
    """Connections that send a byte of this each, in turn, for ever; one that was closed is opened anew."""

    def __init__(self, gateway, text, n):
        super().__init__(daemon=True)
        self.gateway, self.text, self.n, self.sent, self.stopping = gateway, text.encode(), n, 0, False

    def run(self):
        sockets = [[dial(self.gateway), 0] for _ in range(self.n)]
        while not self.stopping:
            for one in sockets:
                try:
                    one[0].send(self.text[one[1] % len(self.text):][:1])
                    one[1] += 1
                    self.sent += 1
                except OSError:
                    one[:] = [dial(self.gateway), 0]
            time.sleep(0.05)
        for one in sockets:
            one[0].close()


def drips(gateway):
    head = f"GET /api/v1/health HTTP/1.1\r\nX: {'a' * 30000}"
    body = f"{PUT}Content-Length: 100000\r\n\r\n{' ' * 90000}"
    for what, text in (("heads that come byte by byte", head), ("bodies that come byte by byte", body)):
        drip = Drip(gateway, text, CONNECTIONS + SPARE)
        drip.start()
        until(lambda: drip.sent > 20 * drip.n, what, 60)
        served(gateway, what)
        drip.stopping = True
        drip.join(60)


def deaf(gateway):
    """Who asks and never reads: what does not fit its socket waits, and nobody else does."""
    sockets = []
    for _ in range(CONNECTIONS - 4):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.settimeout(30)
        s.connect(("127.0.0.1", gateway.port))
        s.sendall(f"GET /api/v1/openapi.json HTTP/1.1\r\n{AUTH}\r\n".encode() * 20)
        sockets.append(s)
    for _ in range(5):
        served(gateway, "clients that never read")
    same(gateway.get("/openapi.json")["openapi"], "3.1.0", "the same answer, for who reads it")
    for s in sockets:
        s.close()


def half_closed(gateway):
    """An end that says it will send no more, in the middle of a request."""
    sockets = []
    for n in range(CONNECTIONS):
        s = dial(gateway)
        s.sendall(PUT.encode()[:20 + n])
        s.shutdown(socket.SHUT_WR)
        sockets.append(s)
    served(gateway, "half-closed connections")
    until(lambda: alive(sockets) == 0, "they are closed", 60)
    for s in sockets:
        s.close()


def ask(gateway, text):
    """The status of each answer until the connection is closed, and the last problem's type."""
    s = dial(gateway)
    try:
        s.sendall(text.encode("latin-1"))
    except OSError:
        pass  # refused before it was all said
    data = b""
    try:
        while chunk := s.recv(65536):
            data += chunk
    except TimeoutError:
        raise Failed(f"the connection stays open after {text[:80]!r}: {data[:200]!r}") from None
    except ConnectionError:
        pass
    s.close()
    statuses, rest = [], data
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        check(head.startswith(b"HTTP/1.1 "), f"well-formed answers to {text[:80]!r}: {data}")
        statuses.append(int(head[9:12]))
        length = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        same(len(length), 1, f"lengths in {head}")
        check(len(rest) >= length[0], f"a whole answer to {text[:80]!r}: {data}")
        rest = rest[length[0]:]
    kind = data.rpartition(b"urn:bulkhead:problem:")[2].split(b'"')[0].decode() if b"urn:bulkhead" in data else None
    return statuses, kind


REFUSED = (
    ("Content-Length twice", f"{PUT}Content-Length: 13\r\nContent-Length: 13\r\n\r\n{BODY}", [400], "framing"),
    ("two lengths", f"{PUT}Content-Length: 13\r\nContent-Length: 0\r\n\r\n{BODY}", [400], "framing"),
    ("a length beside chunks", f"{PUT}Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{BODY}\r\n0\r\n\r\n",
     [400], "framing"),
    ("Transfer-Encoding twice", f"{PUT}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     [400], "framing"),
    ("Host twice", "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", [400], "framing"),
    ("Authorization twice", f"{PUT}Authorization: Bearer x\r\nContent-Length: 13\r\n\r\n{BODY}", [400], "framing"),
    ("a list of lengths", f"{PUT}Content-Length: 13, 13\r\n\r\n{BODY}", [400], "framing"),
    ("a length with a sign", f"{PUT}Content-Length: +13\r\n\r\n{BODY}", [400], "framing"),
    ("no Host", "GET /api/v1/health HTTP/1.1\r\n\r\n", [400], "framing"),
    ("a blank in the target", f"GET /api/v1/health /x HTTP/1.1\r\n{AUTH}\r\n", [400], "framing"),
    ("a body too long", f"{PUT}Content-Length: 99999999999\r\n\r\n{BODY}", [413], "too-large"),
)
# Those that libmicrohttpd answers by itself, in HTML.
BY_LIBRARY = (
    ("a version that is none of ours", f"GET /api/v1/health HTTP/3.0\r\n{AUTH}\r\n", 505),
    ("a head too long", f"GET /api/v1/health HTTP/1.1\r\nX: {'a' * 70000}\r\n{AUTH}\r\n", 431),
)


def framing(gateway):
    for what, text, statuses, kind in REFUSED:
        same(ask(gateway, text), (statuses, kind), what)
    for what, text, status in BY_LIBRARY:
        same(ask(gateway, text), ([status], None), what)
    # What comes behind a request that was refused for its framing is never read as another one.
    smuggled = f"{PUT}Content-Length: 13\r\nContent-Length: 0\r\n\r\n{BODY}DELETE /api/v1/endpoints/10.1.1.1 HTTP/1.1\r\n{AUTH}\r\n"
    same(ask(gateway, smuggled)[0], [400], "a request behind one that is ambiguous")
    same(gateway.request("GET", "/endpoints/10.1.1.1")[0], 200, "what the smuggled request would have deleted")
    # Pipelined requests are answered in their order.
    last = f"GET /api/v1/nothing HTTP/1.1\r\n{AUTH}Connection: close\r\n\r\n"
    same(ask(gateway, f"GET /api/v1/version HTTP/1.1\r\n{AUTH}\r\n{PUT}Content-Length: 13\r\n\r\n{BODY}{last}")[0], [200, 200, 404],
         "three requests at once")


def test():
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 1000, max(IDLE + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    make()
    gateway = Gateway(policy([rule("numbers", "web", "redis", ["udp/7000"])])).start()
    pump = Pump("web", "redis", 7000)
    pump.flowing()
    served(gateway, "nobody")
    for part in (framing, idle, drips, deaf, half_closed):
        began = time.monotonic()
        part(gateway)
        pump.flowing()
        say(f"{part.__name__}: {time.monotonic() - began:.1f} s")
    pump.stop()
    time.sleep(0.5)
    last = pump.sent
    until(lambda: len({n for _, n in pump.arrived}) >= last, f"{last} datagrams, {len(pump.arrived)} of them have arrived", 30)
    say(f"{last} datagrams, none lost")
    gateway.stop()


main(test)
