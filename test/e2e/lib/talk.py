"""Conversations that have to go on: requests and answers on one connection; and flows by the thousand."""

import struct
import threading
import time

from .check import check, same, until
from .wire import Server, addr, connect, raw

PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: cards\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answers(Server):
    """For each request of so many bytes the same answer."""

    def __init__(self, host, port, request, answer):
        self.request, self.answer = len(request), answer
        super().__init__(host, port)

    def _serve(self, peer):
        try:
            while data := peer.sock.recv(65536):
                peer.received += data
                whole, rest = divmod(len(peer.received), self.request)
                if whole:
                    del peer.received[:len(peer.received) - rest]
                    peer.sock.sendall(self.answer * whole)
        except OSError:
            pass
        peer.closed = True


class Talk:
    """Requests on one connection, each after the answer to the one before."""

    def __init__(self, src, dst, port, request, answer):
        self.request, self.answer, self.n, self.error, self.stopping = request, answer, 0, None, False
        self.sock = connect(src, dst, port)
        self.sock.settimeout(90)
        threading.Thread(target=self._talk, daemon=True).start()

    def _talk(self):
        try:
            while not self.stopping:
                self.sock.sendall(self.request)
                got = b""
                while len(got) < len(self.answer):
                    data = self.sock.recv(len(self.answer) - len(got))
                    if not data:
                        raise OSError("closed")
                    got += data
                check(got == self.answer, f"the answer is whole: {got!r}")
                self.n += 1
                time.sleep(0.002)
        except OSError as e:
            self.error = self.error or (None if self.stopping else e)

    def flowing(self, what):
        before = self.n
        until(lambda: self.n > before + 5 or self.error, f"{what}: answers come", 90)
        same(self.error, None, what)


def crowd(gateway, n):
    """One datagram of each of n flows from web to cards, UDP ports 10000 to 14999, from a socket that sends frames; what was lost
    on the way is sent again."""
    out = raw("shop")
    ends = bytes(map(int, (addr("web") + "." + addr("cards")).split(".")))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + ends
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[12:]
    # To nobody's address: the receiver's kernel has no work with it.
    frame = b"\x02\0\0\0\0\x77" + b"\x02\0\0\0\0\x76" + b"\x08\0" + head
    ports = [struct.pack("!HHHH", 20000 + i // 5000, 10000 + i % 5000, 8, 0) for i in range(n)]
    deadline, want = time.monotonic() + 200, gateway.total()["flows"] + n
    while gateway.total()["flows"] < want and time.monotonic() < deadline:
        for i, p in enumerate(ports):
            try:
                out.send(frame + p)
            except OSError:  # more than the queues take: it is sent again
                time.sleep(0.005)
            if i % 1000 == 999:
                time.sleep(0.002)
        time.sleep(0.5)
    check(gateway.total()["flows"] >= want, f"{want} flows are open: {gateway.total()['flows']}")
