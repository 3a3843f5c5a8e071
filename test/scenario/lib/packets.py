"""Hosts, the policy that most scenarios share, and packets between them."""

import logging

logging.getLogger("scapy").setLevel(logging.ERROR)

# Only what is needed: all of scapy takes seconds to load.
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402,F401
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402,F401

WEB, WEB6 = "10.1.0.1", "2001:db8:1::1"
BATCH, BATCH6 = "10.1.0.2", "2001:db8:1::2"
REDIS, REDIS6 = "10.2.0.1", "2001:db8:2::1"
CARDS, CARDS6 = "10.2.0.2", "2001:db8:2::2"
NOBODY, NOBODY6 = "10.9.9.9", "2001:db8:9::9"  # internal, no endpoint
STRANGER, STRANGER6 = "198.51.100.7", "2001:db8:ffff::7"  # not internal

SEGMENTS = """
segments:
  web: {selector: "app=web"}
  batch: {selector: "app=batch"}
  redis: {selector: "app=redis"}
  cards: {selector: "app=cards"}
  shop: {selector: "zone=shop"}
  cde: {selector: "zone=cde"}
"""

NETWORKS = """
version: 1
networks: {internal: [10.0.0.0/8, "2001:db8::/33"]}
"""

ENDPOINTS = """
endpoints:
  - {address: 10.1.0.1, labels: {app: web, zone: shop}}
  - {address: "2001:db8:1::1", labels: {app: web, zone: shop}}
  - {address: 10.1.0.2, labels: {app: batch, zone: shop}}
  - {address: "2001:db8:1::2", labels: {app: batch, zone: shop}}
  - {address: 10.2.0.1, labels: {app: redis, zone: cde}}
  - {address: "2001:db8:2::1", labels: {app: redis, zone: cde}}
  - {address: 10.2.0.2, labels: {app: cards, zone: cde}}
  - {address: "2001:db8:2::2", labels: {app: cards, zone: cde}}
"""

RULES = """
rules:
  - {id: web-redis, from: web, to: redis, ports: [tcp/6379], action: allow}
  - {id: batch-no-redis, from: batch, to: redis, ports: [tcp/6379], action: deny}
  - {id: batch-no-cards, from: batch, to: cards, ports: [tcp/80, udp/80], action: reject}
  - {id: shop-dns, from: shop, to: cde, ports: [udp/53], action: allow}
  - {id: shop-ping, from: shop, to: cde, ports: [icmp/8, icmpv6/128], action: allow}
  - {id: shop-sctp, from: shop, to: cde, ports: [sctp/3868], action: allow}
"""

POLICY = NETWORKS + ENDPOINTS + SEGMENTS + RULES

MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def ether(**more):
    return Ether(src=MAC_A, dst=MAC_B, **more)


def ip(src, dst, **more):
    return (IPv6 if ":" in src else IP)(src=src, dst=dst, **more)


def frame(src, dst, l4):
    return ether() / ip(src, dst) / l4


def udp(src, dst, sport, dport, data=b"data"):
    return frame(src, dst, UDP(sport=sport, dport=dport) / data)


class Tcp:
    """One connection; each method gives the next packet and moves the sequence numbers on."""

    def __init__(self, client, server, port, client_port=40000, wrap=None):
        self.ends = (client, server)
        self.ports = (client_port, port)
        self.seq = [1000, 5000]
        self.wrap = wrap or (lambda p: ether() / p)

    def packet(self, end, flags, data=b"", **more):
        src, dst = self.ends[end], self.ends[1 - end]
        tcp = TCP(sport=self.ports[end], dport=self.ports[1 - end], flags=flags, seq=self.seq[end],
                  ack=self.seq[1 - end] if "A" in flags else 0, **more)
        self.seq[end] += len(data) + ("S" in flags) + ("F" in flags)
        return self.wrap(ip(src, dst) / tcp / data)

    def syn(self):
        return self.packet(0, "S")

    def handshake(self):
        return [self.packet(0, "S"), self.packet(1, "SA"), self.packet(0, "A")]

    def exchange(self, request=b"PING\r\n", reply=b"+PONG\r\n"):
        return [self.packet(0, "PA", request), self.packet(1, "PA", reply), self.packet(0, "A")]

    def close(self):
        return [self.packet(0, "FA"), self.packet(1, "FA"), self.packet(0, "A")]

    def all(self):
        return self.handshake() + self.exchange() + self.close()
