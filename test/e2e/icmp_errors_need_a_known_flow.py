"""ICMP errors pass when they are about a flow that is allowed, and only then."""

import logging

from lib.check import Failed, main, same, until
from lib.gateway import Gateway
from lib.wire import Capture, addr, mac, make, raw, udp

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, IPv6  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402


def closed_port(family):
    """Nobody listens at redis: its kernel says so, and the client hears it."""
    client = udp("web", 0, family, 20)
    client.connect((addr("redis", family), 6379))
    client.send(b"anybody there?")
    try:
        data = client.recv(64)
    except ConnectionRefusedError:
        return
    raise Failed(f"no error from the closed port but {data!r}")


def forged(family):
    """Errors about flows that there are not: never seen, another port, another destination, one denied."""
    web, redis, batch = (addr(h, family) for h in ("web", "redis", "batch"))
    ip = IP if family == 4 else IPv6
    errors = ([ICMP(type=3, code=3), ICMP(type=3, code=4, nexthopmtu=68), ICMP(type=11)] if family == 4 else
              [ICMPv6DestUnreach(code=4), ICMPv6PacketTooBig(mtu=1280)])
    quotes = [ip(src=web, dst=redis) / UDP(sport=4242, dport=53) / b"12345678",
              ip(src=web, dst=redis) / TCP(sport=4243, dport=6379, flags="A"),
              ip(src=batch, dst=redis) / UDP(sport=4244, dport=6379) / b"12345678"]
    for error in errors:
        for quote in quotes:
            yield Ether(src=mac("cde"), dst=mac("shop")) / ip(src=redis, dst=quote.src) / error.copy() / quote


def test():
    make()
    gateway = Gateway().start()
    for family in (4, 6):
        closed_port(family)
        seen = Capture("shop", "icmp" if family == 4 else "icmp6 and ip6[40] < 128")
        before = gateway.dropped("icmp_unsolicited")
        sock, n = raw("cde"), 0
        for frame in forged(family):
            sock.send(bytes(frame))
            n += 1
        until(lambda: gateway.dropped("icmp_unsolicited") >= before + n, f"{n} forged errors are dropped")
        same(len(seen.frames()), 0, "forged errors that reached a client")
    gateway.stop()


main(test)
