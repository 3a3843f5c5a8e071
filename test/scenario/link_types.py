"""Raw IP, Linux cooked and loopback captures are judged like Ethernet and written as they were, also when one pcapng holds
several of them. Packets of a link type that is not known are dropped as such, and only they."""

import struct

from lib.capture import ETHERNET, IPV4, IPV6, LOOP, NULL, RAW, SLL, SLL2
from lib.packets import CARDS, CARDS6, MAC_A, POLICY, REDIS, REDIS6, WEB, WEB6, Tcp, ether
from lib.scenario import Scenario, no, ok

MAC = bytes.fromhex(MAC_A.replace(":", ""))
WIFI = 105


def ethertype(p):
    return 0x86DD if p.version == 6 else 0x0800


def sll(p):
    return struct.pack(">HHH6s2xH", 0, 1, 6, MAC, ethertype(p)) + bytes(p)


def sll2(p):
    return struct.pack(">HHIHBB6s2x", ethertype(p), 0, 3, 1, 0, 6, MAC) + bytes(p)


def null(order, inet6):
    return lambda p: struct.pack(order + "I", inet6 if p.version == 6 else 2) + bytes(p)


WRAPS = [("raw", RAW, bytes), ("ipv4", IPV4, bytes), ("ipv6", IPV6, bytes), ("sll", SLL, sll), ("sll2", SLL2, sll2),
         ("null linux", NULL, null("<", 10)), ("null freebsd", NULL, null("<", 28)), ("null macos", NULL, null("<", 30)),
         ("null big endian", NULL, null(">", 24)), ("loop", LOOP, null(">", 24)), ("ethernet", ETHERNET, None)]


def traffic(wrap, v6):
    web, redis, cards = (WEB6, REDIS6, CARDS6) if v6 else (WEB, REDIS, CARDS)
    wrap = wrap or (lambda p: ether() / p)
    return [ok(Tcp(web, redis, 6379, wrap=wrap).all()), no("default_deny", Tcp(web, cards, 80, wrap=wrap).syn())]


SCENARIOS = []
for name, link, wrap in WRAPS:
    families = [f for f in (False, True) if (link, f) not in ((IPV4, True), (IPV6, False))]
    SCENARIOS.append(Scenario(name, [g for f in families for g in traffic(wrap, f)], POLICY, link=link,
                              flows=2 * len(families)))

# One connection seen on three interfaces is one connection.
MIXED = Tcp(WEB, REDIS, 6379, wrap=lambda p: p).all()
SCENARIOS += [
    Scenario("several interfaces", [
        ok(sll(MIXED[0]), link=SLL), ok(ether() / MIXED[1], link=ETHERNET), ok(bytes(MIXED[2]), link=RAW),
        ok([sll(p) for p in MIXED[3:5]], link=SLL), no("link_type", [b"\x08\0" + bytes(40)] * 3, link=WIFI),
        ok([bytes(p) for p in MIXED[5:]], link=RAW),
    ], POLICY, form="pcapng", flows=1),
    Scenario("pcapng of one interface", traffic(sll2, True), POLICY, link=SLL2, form="pcapng"),
    Scenario("unknown", [no("link_type", [bytes(60), b""])], link=WIFI, flows=0),
    Scenario("cut link headers", [
        no("link_truncated", [b"", b"\x54", b"\x95" + bytes(39)][:1] + [b"\x90" + bytes(39)], link=RAW),
        no("link_truncated", [bytes(15)], link=SLL),
        no("link_truncated", [bytes(19)], link=SLL2),
        no("link_truncated", [bytes(3), struct.pack("<I", 99) + bytes(40)], link=NULL),
    ], form="pcapng"),
]
