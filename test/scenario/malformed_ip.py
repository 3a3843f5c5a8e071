"""IPv4 and IPv6 headers that contradict themselves are dropped, each form for its own reason (RFC 791, 8200, 2675,
5095). Each event is an anomaly that names it."""

import struct

from lib.packets import IP, POLICY, REDIS, REDIS6, UDP, WEB, WEB6, IPv6, ether
from lib.scenario import Scenario, no, ok
from scapy.layers.inet import IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_SSRR
from scapy.layers.inet6 import (HBHOptUnknown, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Jumbo, PadN)

DNS = UDP(sport=5353, dport=53) / b"question"
GOOD4 = bytes(ether() / IP(src=WEB, dst=REDIS) / DNS)
GOOD6 = bytes(ether() / IPv6(src=WEB6, dst=REDIS6) / DNS)
# Ethernet is 14 bytes; the IPv4 header 20, the IPv6 header 40.


def patched(frame, at, data):
    return frame[:at] + data + frame[at + len(data):]


def ip4(**more):
    """Header checksum right for whatever else is wrong."""
    return bytes(ether() / IP(src=WEB, dst=REDIS, **more) / DNS)


def ext(*headers):
    p = ether() / IPv6(src=WEB6, dst=REDIS6)
    for h in headers:
        p /= h
    return bytes(p / DNS)


def options(raw):
    """A hop-by-hop header with these option bytes, padded to 8 with zeros (Pad1)."""
    body = raw + bytes(-(len(raw) + 2) % 8)
    header = bytes([17, (len(body) + 2) // 8 - 1]) + body
    udp = GOOD6[54:]
    fixed = patched(GOOD6[:54], 18, struct.pack(">HB", len(header) + len(udp), 0))
    return fixed + header + udp


V4 = [
    ok(GOOD4),
    no("ip4_truncated", GOOD4[:14 + 19]),
    no("ip4_version", patched(GOOD4, 14, b"\x65")),
    no("ip4_ihl", ip4(ihl=4)),
    no("ip4_ihl", ip4(ihl=15)),  # 60 bytes of 36
    no("ip4_length", ip4(len=19)),
    no("ip4_length", ip4(len=len(GOOD4) - 14 + 1)),
    no("ip4_checksum", patched(GOOD4, 24, b"\x00\x00")),
    no("ip4_option", ip4(options=b"\x07\x01\x00\x00")),  # a length that does not even hold itself
    no("ip4_option", ip4(options=b"\x07\x09\x04\x00")),  # longer than the header
    no("ip4_source_route", ip4(options=[IPOption_LSRR(routers=["10.3.0.1"])])),
    no("ip4_source_route", ip4(options=[IPOption_NOP(), IPOption_SSRR(routers=["10.3.0.1"])])),
    ok(ip4(options=[IPOption_RR(routers=["0.0.0.0"])])),
    no("ip4_flags", ip4(flags="evil")),
    no("ip4_flags", ip4(flags="DF+MF")),
    # Ethernet padding is no part of the packet.
    ok(GOOD4 + bytes(30)),
]

V6 = [
    ok(GOOD6),
    no("ip6_truncated", GOOD6[:14 + 39]),
    no("ip6_version", patched(GOOD6, 14, b"\x50")),
    no("ip6_length", patched(GOOD6, 18, struct.pack(">H", len(GOOD6) - 54 + 1))),
    no("ip6_jumbo", bytes(ether() / IPv6(src=WEB6, dst=REDIS6, plen=0) / IPv6ExtHdrHopByHop(
        options=[Jumbo(jumboplen=70000)]) / DNS)),
    no("ip6_ext_truncated", patched(GOOD6, 20, b"\x3c")),  # a header of 1872 bytes in 16
    no("ip6_ext_count", ext(*[IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]) for _ in range(9)])),
    no("ip6_ext_order", ext(IPv6ExtHdrDestOpt(), IPv6ExtHdrHopByHop())),
    no("ip6_ext_order", ext(IPv6ExtHdrHopByHop(), IPv6ExtHdrHopByHop())),
    no("ip6_ext_order", ext(*[IPv6ExtHdrDestOpt() for _ in range(3)])),
    ok(ext(IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x1E, optdata=b"abcd")]), IPv6ExtHdrDestOpt())),
    no("ip6_option", options(b"\x1e\x20ab")),  # an option of 32 bytes in a header of 8
    no("ip6_option", options(b"\x1e\x00" * 33)),
    ok(options(b"\x1e\x00" * 3)),
    no("ip6_routing0", ext(IPv6ExtHdrRouting(addresses=["2001:db8:3::1"]))),
]


def each_named(groups):
    reasons = sorted({p.fate for g in groups for p in g} - {"pass"})
    return [{"event_type": "alert", "bulkhead.kind": "anomaly", "alert.action": "blocked", "bulkhead.reason": r}
            for r in reasons]


SCENARIOS = [
    Scenario("ipv4", V4, POLICY, flows=1, events=each_named(V4)),
    Scenario("ipv6", V6, POLICY, flows=1, events=each_named(V6)),
    Scenario("checksums of captures may be left to the card", [ok(patched(GOOD4, 24, b"\x00\x00"))], POLICY,
             config="checksums: {ip4: false}"),
]
