"""TCP, UDP, ICMP and SCTP headers that are cut, lie about their length or carry what no stack sends are dropped, each
form for its own reason, also where policy would allow the packet (RFC 9293, 768, 792, 4443, 4861, 9260)."""

from lib.packets import (ICMP, IP, POLICY, REDIS, REDIS6, TCP, UDP, WEB, WEB6, IPv6, ether, frame, ip)
from lib.scenario import Scenario, no, ok
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr
from scapy.layers.sctp import SCTP

BOTH = ((4, WEB, REDIS), (6, WEB6, REDIS6))


def raw(src, dst, proto, data):
    """An IP packet that says it holds this protocol and exactly these bytes."""
    header = IPv6(src=src, dst=dst, nh=proto) if ":" in src else IP(src=src, dst=dst, proto=proto)
    return bytes(ether() / header / data)


def tcp(**more):
    return bytes(TCP(sport=40000, dport=6379, **more))


def packets(src, dst, v6):
    good = TCP(sport=40000, dport=6379, flags="S")
    return [
        ok(frame(src, dst, good)),
        no("tcp_truncated", raw(src, dst, 6, tcp()[:19])),
        no("tcp_offset", raw(src, dst, 6, tcp(dataofs=4))),
        no("tcp_offset", raw(src, dst, 6, tcp(dataofs=15))),
        *[no("tcp_flags", raw(src, dst, 6, tcp(flags=f))) for f in ("", "F", "P", "SF", "SR", "FR", "FPU", "FSRPAU")],
        no("tcp_port_zero", frame(src, dst, TCP(sport=0, dport=6379, flags="S"))),
        no("tcp_port_zero", frame(src, dst, TCP(sport=40000, dport=0, flags="S"))),
        no("udp_truncated", raw(src, dst, 17, bytes(UDP(sport=1, dport=53))[:7])),
        no("udp_length", raw(src, dst, 17, bytes(UDP(sport=1, dport=53, len=9) / b"1234"))),
        no("udp_length", raw(src, dst, 17, bytes(UDP(sport=1, dport=53, len=13) / b"1234"))),
        no("udp_length", raw(src, dst, 17, bytes(UDP(sport=1, dport=53, len=7)))),
        no("icmp_truncated", raw(src, dst, 58 if v6 else 1, b"\x80\0\0\0\0\0\0" if v6 else b"\x08\0\0\0\0\0\0")),
        no("icmp_family", raw(src, dst, 1, bytes(ICMP())) if v6 else raw(src, dst, 58, bytes(8))),
        no("sctp_truncated", raw(src, dst, 132, bytes(SCTP(sport=1, dport=3868))[:11])),
        no("land", frame(src, src, TCP(sport=99, dport=99, flags="S"))),
        no("land", frame(src, src, UDP(sport=99, dport=99))),
    ]


def solicitation(hop_limit):
    return ether() / IPv6(src="fe80::1", dst="ff02::1:ff00:1", hlim=hop_limit) / ICMPv6ND_NS(
        tgt=REDIS6) / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:0a")


SCENARIOS = [Scenario(f"v{v}", packets(src, dst, v == 6), POLICY, flows=1) for v, src, dst in BOTH]
SCENARIOS.append(Scenario("neighbour discovery from afar", [
    ok(solicitation(255)),
    no("nd_hop_limit", solicitation(254)),
], POLICY))

WRONG = TCP(sport=40000, dport=6379, flags="S", chksum=0x1234)
SCENARIOS += [
    Scenario("checksums are verified when asked", [
        *[ok(frame(src, dst, TCP(sport=40000, dport=6379, flags="S"))) for _, src, dst in BOTH],
        *[no("l4_checksum", frame(src, dst, WRONG)) for _, src, dst in BOTH],
        no("l4_checksum", frame(WEB, REDIS, UDP(sport=1, dport=53, chksum=0x1234) / b"data")),
        ok(frame(WEB, REDIS, UDP(sport=1, dport=53, chksum=0) / b"none")),
        no("l4_checksum", frame(WEB, REDIS, ICMP(chksum=0x1234))),
        no("l4_checksum", frame(WEB6, REDIS6, ICMPv6EchoRequest(cksum=0x1234))),
        # Payload of odd length in many buffers.
        ok(frame(WEB, REDIS, UDP(sport=1, dport=53) / (bytes(range(251)) + b"x" * 9000))),
    ], POLICY, config="checksums: {l4: verify}"),
    Scenario("checksums are the driver's business otherwise", [
        ok(frame(WEB, REDIS, WRONG)),
        ok(ether() / ip(WEB6, REDIS6) / WRONG),
    ], POLICY),
]
