"""A segment by DNS name has the addresses of answers that pass: allowed, asked for, from a configured resolver; along
aliases, in both families, until their time is over. A forged answer adds none. And names without a star are asked for."""

import socket
import struct
import threading
import time

from lib.check import main, same, until
from lib.gateway import Gateway, policy, rule
from lib.wire import Server, addr, attempt, make, udp

SEGMENTS = {"web": {"selector": "app=web"}, "redis": {"selector": "app=redis"},
            "pay": {"names": ["pay.example.test", "*.bank.test"]}}
RULES = [rule("dns", ["web"], "redis", ["udp/53"]), rule("dns-cards", "web", "any", ["udp/5353"]),
         rule("pay", "web", "pay", ["tcp/8080"])]


def endpoints():
    """cards is nobody: only its name says who it is."""
    return [e for e in policy()["endpoints"] if e["labels"]["app"] in ("web", "redis")]


DOCUMENT = policy(RULES, endpoints(), SEGMENTS)


def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"


def query(id_, asked, kind):
    return struct.pack("!6H", id_, 0x0100, 1, 0, 0, 0) + name(asked) + struct.pack("!2H", kind, 1)


def record(owner, kind, ttl, data):
    return name(owner) + struct.pack("!2HIH", kind, 1, ttl, len(data)) + data


def reply(question, records):
    head = question[:2] + struct.pack("!5H", 0x8180, 1, len(records), 0, 0)
    return head + question[12:] + b"".join(records)


def packed(host, family):
    return socket.inet_pton(socket.AF_INET if family == 4 else socket.AF_INET6, addr(host, family))


class Resolver:
    """Answers by `answer(question)` on a socket, until it is closed."""

    def __init__(self, sock, answer):
        self.sock, self.answer, self.asked = sock, answer, 0
        self.ended = False
        sock.settimeout(0.1)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.ended = True
        self.thread.join()
        self.sock.close()

    def _run(self):
        while not self.ended:
            try:
                q, peer = self.sock.recvfrom(2048)
            except TimeoutError:
                continue
            self.asked += 1
            for a in self.answer(q):
                self.sock.sendto(a, peer)


def plain(q):
    """pay.example.test is an alias of an alias of cards; all.bank.test is cards in both families."""
    kind = q[-4:-2]
    if q[12:-4] == name("pay.example.test") and kind == b"\0\1":
        return [reply(q, [record("pay.example.test", 5, 300, name("a.cdn.test")),
                          record("a.cdn.test", 5, 8, name("b.cdn.test")),
                          record("b.cdn.test", 1, 300, packed("cards", 4)),
                          record("other.test", 1, 300, packed("batch", 4))])]
    if q[12:-4] == name("all.bank.test"):
        data = packed("cards", 4 if kind == b"\0\1" else 6)
        return [reply(q, [record("all.bank.test", int.from_bytes(kind, "big"), 300, data)])]
    return [reply(q, [])]


def forged(q):
    """Another id, another name, another type, nobody's question; and the right one at last, without an address."""
    other = bytes([q[0] ^ 1]) + q[1:]
    elsewhere = query(int.from_bytes(q[:2], "big"), "pay.example.test", 28)
    a = [record("pay.example.test", 1, 300, packed("cards", 4))]
    return [reply(other, a), reply(query(int.from_bytes(q[:2], "big"), "x.bank.test", 1),
                                   [record("x.bank.test", 1, 300, packed("cards", 4))]),
            reply(elsewhere, [record("pay.example.test", 28, 300, packed("cards", 6))]), reply(q, [])]


def ask(client, server, port, asked, kind, answers=1):
    client.sendto(query(int(time.monotonic_ns()) & 0xFFFF, asked, kind), (addr(server), port))
    for _ in range(answers):
        client.recv(2048)


def reached(family=4, seconds=2):
    return attempt("web", "cards", 8080, family, seconds)


def learned(gateway):
    return gateway.log().count("names: seen in an answer")


def seen_on_the_wire(gateway):
    client = udp("web", 0, 4, 10)
    same(reached(), "timeout", "before anybody asked")
    # A resolver that is not configured is believed by nobody.
    sock = udp("cards", 5353)
    other = Resolver(sock, plain)
    ask(client, "cards", 5353, "pay.example.test", 1)
    lie = Resolver(udp("redis", 53), forged)
    ask(client, "redis", 53, "pay.example.test", 1, 4)
    lie.close()
    time.sleep(1)
    same(learned(gateway), 0, "addresses that forged answers taught")
    same(reached(), "timeout", "after forged answers")
    client.close()
    other.close()


def main_part(gateway):
    client = udp("web", 0, 4, 10)
    ask(client, "redis", 53, "pay.example.test", 1)
    until(lambda: learned(gateway) == 1, "the address is learned")
    same(reached(), "open", "after an answer")
    until(lambda: "names: its time is over: pay.example.test" in gateway.log(), "its time is over", 30)
    same(reached(), "timeout", "after its time")
    ask(client, "redis", 53, "all.bank.test", 1)
    ask(client, "redis", 53, "all.bank.test", 28)
    until(lambda: learned(gateway) == 3, "both families are learned")
    same(reached(4, 20), "open", "IPv4")
    same(reached(6, 20), "open", "IPv6")
    gateway.event("bulkhead", b_event="segment_address")
    client.close()


def asked_by_ourselves():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 53))
    server = Resolver(sock, plain)
    gateway = Gateway(DOCUMENT, name="asking", names={"resolvers": ["127.0.0.1"], "min_ttl": "1s", "keep": "0ms"}).start()
    until(lambda: "names: asked for: pay.example.test" in gateway.log(), "the name was asked for")
    until(lambda: reached() == "open", "what was asked for is in force", 30)
    asked = server.asked
    until(lambda: server.asked > asked, "it is asked for again", 30)
    gateway.stop()
    server.close()


def test():
    make()
    servers = [Server("cards", 8080), Server("cards", 8080, 6)]
    gateway = Gateway(DOCUMENT, names={"resolvers": [addr("redis")], "resolve": False, "min_ttl": "1s", "max_ttl": "120s",
                                       "keep": "0ms"}).start()
    seen_on_the_wire(gateway)
    true = Resolver(udp("redis", 53), plain)
    main_part(gateway)
    true.close()
    gateway.stop()
    asked_by_ourselves()
    del servers


if __name__ == "__main__":
    main(test)
