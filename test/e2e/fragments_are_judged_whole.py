"""Fragments pass or fall with their datagram; overlapping ones drop it; none passes before it is judged."""

import logging
import os
import time

from lib.check import check, main, same, until
from lib.gateway import Gateway
from lib.wire import Capture, addr, mac, make, raw, silent, udp

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import IP, UDP, fragment  # noqa: E402
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402

ETHER = Ether(src=mac("shop"), dst=mac("cde"))


def from_real_senders(gateway, family):
    """The kernel fragments what is larger than the MTU."""
    server = udp("redis", 6379, family, 20)
    for size in (1600, 8000, 60000):
        data = os.urandom(size)
        client = udp("web", 0, family)
        client.sendto(data, (addr("redis", family), 6379))
        same(server.recv(65536) == data, True, f"a datagram of {size} bytes")
    seen = Capture("cde", f"src host {addr('batch', family)}")
    udp("batch", 0, family).sendto(os.urandom(8000), (addr("redis", family), 6379))
    silent(server, "a denied datagram in fragments")
    same([f for _, f in seen.frames() if f[12:14] != b"\x08\x06"
          and not (f[12:14] == b"\x86\xdd" and f[20] == 58)], [], "its fragments on the other side")
    gateway.event("alert", src_ip=addr("batch", family), dest_ip=addr("redis", family), dest_port=6379,
                  proto="UDP", b_verdict="deny")


def pieces(family, ident, size=3000):
    data = os.urandom(size)
    if family == 4:
        whole = IP(src=addr("web"), dst=addr("redis"), id=ident) / UDP(sport=999, dport=6379) / data
        return data, fragment(whole, 1480)
    whole = IPv6(src=addr("web", 6), dst=addr("redis", 6)) / IPv6ExtHdrFragment(id=ident) / UDP(
        sport=999, dport=6379) / data
    return data, fragment6(whole, 1400)


def by_hand(gateway, family):
    server, sock = udp("redis", 6379, family, 20), raw("shop")
    data, parts = pieces(family, 1)
    for p in reversed(parts):
        sock.send(bytes(ETHER / p))
    same(server.recv(65536) == data, True, "a datagram whose last fragment came first")

    seen = Capture("cde", f"src host {addr('web', family)}")
    _, parts = pieces(family, 2)
    for p in parts[:-1]:
        sock.send(bytes(ETHER / p))
    until(lambda: gateway.total()["held"] == len(parts) - 1, "all but the last are held")
    silent(server, "an incomplete datagram")
    same(len(seen.frames()), 0, "fragments that left before the datagram was whole")

    overlaps(gateway, family, server, sock)
    until(lambda: gateway.dropped("frag_timeout") > 0, "what never became whole is dropped in time")


def overlaps(gateway, family, server, sock):
    """The second says other bytes for the same place than the first (RFC 5722, and the same for IPv4)."""
    before = gateway.dropped("frag_overlap")
    _, parts = pieces(family, 3)
    _, others = pieces(family, 3)
    for p in (parts[0], parts[1], others[1], *parts[2:]):
        sock.send(bytes(ETHER / p))
    if family == 4:
        first = IP(src=addr("web"), dst=addr("redis"), id=4, flags="MF", proto=17)
        sock.send(bytes(ETHER / first / bytes(UDP(sport=999, dport=6379, len=48, chksum=0) / bytes(24))))
        sock.send(bytes(ETHER / IP(src=addr("web"), dst=addr("redis"), id=4, frag=2, proto=17) / os.urandom(32)))
    silent(server, "a datagram with an overlap")
    until(lambda: gateway.dropped("frag_overlap") > before, "drops for overlap")


def test():
    make()
    gateway = Gateway(fragments={"timeout": "5s"}).start()
    for family in (4, 6):
        from_real_senders(gateway, family)
        by_hand(gateway, family)
    time.sleep(0.1)
    check(gateway.quiet()["held"] == 0, "nothing is held at the end")
    gateway.stop()


main(test)
