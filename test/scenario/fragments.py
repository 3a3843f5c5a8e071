"""Fragments are judged as the datagram they make and leave as they came, in the order they came. Nothing is left to the
receiver's choice: overlap, also an exact duplicate, drops the whole datagram and what follows of it (RFC 5722, 8200
4.5, 7112, 791)."""

from lib.packets import (IP, POLICY, REDIS, REDIS6, TCP, UDP, WEB, WEB6, IPv6, ether, udp)
from lib.scenario import Scenario, no, ok
from lib.tunnels import vxlan
from scapy.layers.inet6 import IPv6ExtHdrFragment

BOTH = ((4, WEB, REDIS), (6, WEB6, REDIS6))


def l4(src, dst, dport=53, size=40):
    """UDP header and payload, with its checksum."""
    p = udp(src, dst, 5353, dport, bytes(i % 251 for i in range(size)))
    return bytes(p[UDP])


def piece(src, dst, data, first, last, ident=77, more=None, proto=17):
    """Bytes [first, last) of the datagram's data as one fragment."""
    more = last < len(data) if more is None else more
    if ":" in src:
        return ether() / IPv6(src=src, dst=dst) / IPv6ExtHdrFragment(
            nh=proto, offset=first // 8, m=int(more), id=ident) / data[first:last]
    return ether() / IP(src=src, dst=dst, proto=proto, id=ident, flags="MF" if more else 0,
                        frag=first // 8) / data[first:last]


def split(src, dst, cuts, dport=53, ident=77, size=40):
    data = l4(src, dst, dport, size)
    ends = [0, *cuts, len(data)]
    return [piece(src, dst, data, a, b, ident) for a, b in zip(ends, ends[1:])]


def orders(src, dst):
    """In order, reversed, mixed: each another datagram of the same flow."""
    a, b, c = (split(src, dst, [16, 32], ident=i) for i in (1, 2, 3))
    return [ok(a), ok(b[::-1]), ok([c[1], c[2], c[0]])]


def interleaved(src, dst):
    a, b = split(src, dst, [16, 32], ident=1), split(src, dst, [24], ident=2)
    return [ok([a[0], b[0], a[1], b[1], udp(src, dst, 5353, 53), a[2]])]


def overlaps(src, dst):
    data = l4(src, dst)
    twice, last_twice, beyond = (split(src, dst, [16, 32], ident=i) for i in (2, 3, 4))
    return [
        # 24..40 takes part of what 16..32 and 32..48 will say.
        no("frag_overlap", [piece(src, dst, data, 0, 16, 1), piece(src, dst, data, 32, 48, 1),
                            piece(src, dst, data, 24, 40, 1, more=True), piece(src, dst, data, 16, 32, 1)]),
        no("frag_overlap", [twice[0], twice[0], twice[1], twice[2]]),
        no("frag_overlap", [last_twice[2], last_twice[2]]),
        no("frag_overlap", [beyond[2], piece(src, dst, data + bytes(16), 48, 56, 4, more=True)]),
        # The same identification in the other direction is another datagram.
        ok(split(dst, src, [16, 32], ident=5)[::-1] + split(src, dst, [16, 32], ident=5)),
    ]


def malformed(src, dst):
    data = l4(src, dst)
    tcp = bytes(TCP(sport=1, dport=6379, flags="S")) + bytes(12)
    return [
        no("frag_length", piece(src, dst, data, 0, 13, 1, more=True)),
        no("frag_length", piece(src, dst, data, 16, 16, 2, more=True)),
        no("frag_too_big", piece(src, dst, bytes(65544), 65528, 65544, 3)),
        no("frag_no_header", piece(src, dst, tcp, 0, 8, 4, proto=6)),
        no("frag_no_header", piece(src, dst, tcp, 0, 16, 5, proto=6)),
    ]


def incomplete(src, dst):
    a, b = split(src, dst, [16, 32], ident=1), split(src, dst, [16, 32], ident=2)
    return [
        no("frag_timeout", a[:2], at=0),
        ok(udp(src, dst, 5353, 53), at=6),
        # What comes too late for the rest waits in vain, until the end.
        no("shutdown", [a[2], b[0]], at=6.5),
    ]


SCENARIOS = []
for v, src, dst in BOTH:
    SCENARIOS += [
        Scenario(f"any order v{v}", orders(src, dst), POLICY, flows=1, events=[
            {"event_type": "flow", "count": 1, "bulkhead.rule_id": "shop-dns", "flow.pkts_toserver": 3}]),
        Scenario(f"interleaved v{v}", interleaved(src, dst), POLICY, flows=1, ordered=False),
        Scenario(f"denied whole v{v}", [no("default_deny", split(src, dst, [16, 32], dport=54)),
                                        no("default_deny", split(src, dst, [16, 32], dport=54, ident=2)[::-1])],
                 POLICY, flows=1, events=[{"event_type": "alert", "dest_port": 54, "count": 1}]),
        Scenario(f"overlap v{v}", overlaps(src, dst), events=[
            {"event_type": "alert", "bulkhead.reason": "frag_overlap", "src_ip": src}], never=[
            {"bulkhead.reason": "frag_overlap", "src_port": 77}]),
        Scenario(f"malformed v{v}", malformed(src, dst), POLICY, flows=0),
        Scenario(f"incomplete v{v}", incomplete(src, dst), POLICY, flows=1),
        Scenario(f"too many v{v}", [no("frag_too_many", split(src, dst, [8, 16, 24, 32])),
                                    ok(split(src, dst, [8, 16, 24], ident=2))], POLICY,
                 config="fragments: {max: 4}"),
        # The sixteen that are held stay; whoever comes later finds no room.
        Scenario(f"table full v{v}", [
            no("shutdown", [split(src, dst, [16, 32], ident=i)[0] for i in range(16)]),
            no("frag_table_full", [split(src, dst, [16, 32], ident=i)[0] for i in range(16, 20)]),
            ok(udp(src, dst, 5353, 53)),
        ], POLICY, config="fragments: {datagrams: 16}"),
    ]

# A quarter of the packet buffers may wait as fragments.
SCENARIOS.append(Scenario("no room to wait", [
    no("shutdown", [split(WEB, REDIS, [16, 32], ident=i)[0] for i in range(256)]),
    no("frag_table_full", [split(WEB, REDIS, [16, 32], ident=i)[0] for i in range(256, 300)]),
], POLICY, config="memory: {mbufs: 1024}\nfragments: {datagrams: 2048}"))

# Frames of 14 + 20 + 8192 bytes in buffers of 512: 17 each, 60 of them in 1024. What finds none is counted as such.
LARGE = l4(WEB, REDIS, size=20000)
SCENARIOS.append(Scenario("no buffers left", [
    no("shutdown", [piece(WEB, REDIS, LARGE, 0, 8192, ident=i) for i in range(60)]),
    no("no_mbuf", [piece(WEB, REDIS, LARGE, 0, 8192, ident=i) for i in range(60, 70)]),
], POLICY, config="memory: {mbufs: 1024, mbuf_size: 512}"))

SCENARIOS.append(Scenario("most pieces of the largest datagram", [
    ok(split(WEB, REDIS, range(1360, 65000, 1360), size=65000)),
]))

# Outer fragments of a tunnel: the inner headers are in the first, and are what is judged.
OUTER = bytes(vxlan(udp(WEB, REDIS, 5353, 53, bytes(1400)), 5)[UDP])
DENIED = bytes(vxlan(udp(WEB, REDIS, 5353, 54, bytes(1400)), 5)[UDP])
SCENARIOS.append(Scenario("outer fragments of a tunnel", [
    ok([piece("10.200.0.1", "10.200.0.2", OUTER, 0, 800, 1), piece("10.200.0.1", "10.200.0.2", OUTER, 800, 1500, 1)]),
    no("default_deny", [piece("10.200.0.1", "10.200.0.2", DENIED, 800, 1500, 2),
                        piece("10.200.0.1", "10.200.0.2", DENIED, 0, 800, 2)]),
], POLICY, flows=2, events=[{"event_type": "flow", "src_ip": WEB, "dest_port": 53, "bulkhead.tunnel": "vxlan"}]))
