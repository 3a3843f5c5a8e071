"""Frames leave as they came, byte for byte: sizes, padding, VLAN, QinQ, ARP, ND, tunnels, fragments, non-IP."""

import logging
import os

from lib.check import check, main, same, until
from lib.gateway import EVERYTHING, Gateway, policy
from lib.wire import Capture, addr, make, raw

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.dot11 import LLC  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment  # noqa: E402
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, IPv6, IPv6ExtHdrDestOpt, fragment6  # noqa: E402
from scapy.layers.inet6 import IPv6ExtHdrFragment  # noqa: E402
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.layers.sctp import SCTP, SCTPChunkInit  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402

MARK = "02:00:00:00:aa:01"  # no kernel sends from it
PASS_ALL = {k: "pass" for k in ("arp", "nd", "mcast", "lldp", "stp", "other")}


def ip_frames(ether, src, dst, src6, dst6):
    v4, v6 = IP(src=src, dst=dst, id=1), IPv6(src=src6, dst=dst6, fl=0x12345, tc=0xb8)
    yield from (ether / v4 / UDP(sport=1000, dport=2000) / os.urandom(n) for n in range(0, 70))
    yield from (ether / v4 / UDP(sport=1000, dport=2000) / os.urandom(n) for n in (255, 256, 999, 1471, 1472))
    yield from (ether / v6 / UDP(sport=1000, dport=2000) / os.urandom(n) for n in (0, 1, 1451, 1452))
    yield ether / v4 / UDP(sport=1001, dport=2000, chksum=0) / b"without a checksum"
    yield ether / v4 / UDP(sport=1002, dport=2000, chksum=0x1234) / b"with a wrong one, which is the receiver's affair"
    yield ether / v4 / UDP(sport=1003, dport=2000) / b"padded" / bytes(range(1, 30))[:12]
    yield ether / IP(src=src, dst=dst, ttl=1, tos=0xb9, flags="DF") / TCP(
        sport=1004, dport=80, flags="SEC", seq=7, options=[("MSS", 1460), ("WScale", 7), ("SAckOK", b""),
                                                           ("Timestamp", (1, 0))])
    yield ether / v6 / TCP(sport=1005, dport=80, flags="S")
    yield ether / v4 / ICMP(id=77, seq=1) / os.urandom(56)
    yield ether / v6 / ICMPv6EchoRequest(id=77, data=os.urandom(57))
    yield ether / v6 / IPv6ExtHdrDestOpt() / UDP(sport=1006, dport=2000) / b"behind an extension header"
    yield ether / v4 / SCTP(sport=1007, dport=2000) / SCTPChunkInit(init_tag=5)
    yield ether / IP(src=src, dst=dst, proto=89) / os.urandom(44)
    yield from (ether / f for f in fragment(v4 / UDP(sport=1008, dport=2000) / os.urandom(4001), 1480))
    yield from (ether / f for f in fragment6(
        v6 / IPv6ExtHdrFragment(id=99) / UDP(sport=1009, dport=2000) / os.urandom(4001), 1400))
    inner = Ether(src="02:00:00:00:bb:01", dst="02:00:00:00:bb:02") / v4 / UDP(sport=5, dport=6) / b"inner"
    yield ether / v4 / UDP(sport=1010, dport=4789, chksum=0) / VXLAN(vni=77, flags=8) / inner
    yield ether / v4 / GRE(proto=0x800) / v4 / UDP(sport=5, dport=7) / b"inner"
    yield ether / v4 / v4 / UDP(sport=5, dport=8) / b"inner"


def tagged(mark, src, dst):
    packet = IP(src=src, dst=dst, id=2) / UDP(sport=1000, dport=2000)
    for n in (0, 1, 18, 1471, 1472):  # 1518 bytes with the tag
        yield mark / Dot1Q(vlan=100, prio=5, id=1) / packet / os.urandom(n)
    yield mark / Dot1Q(vlan=0, prio=7) / packet / b"priority tag"
    yield mark / Dot1Q(vlan=4094) / ARP(psrc=src, pdst=dst)
    for n in (0, 33, 1464):  # a veth takes one tag beyond its MTU
        yield mark / Dot1AD(vlan=200) / Dot1Q(vlan=100) / packet / os.urandom(n)
        yield mark / Dot1Q(vlan=300) / Dot1Q(vlan=100) / packet / os.urandom(n)


def other(src, dst, dst6, src6):
    yield Ether(src=MARK, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=src, pdst=dst)
    yield Ether(src=MARK, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=src, pdst=dst) / bytes(18)
    yield Ether(src=MARK, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=src, pdst=dst) / b"not only zero bytes"
    yield Ether(src=MARK, dst="33:33:ff:00:00:15") / IPv6(src=src6, dst="ff02::1:ff00:15", hlim=255) / ICMPv6ND_NS(
        tgt=dst6)
    yield Ether(src=MARK, dst="01:80:c2:00:00:0e", type=0x88cc) / os.urandom(60)
    bpdu = LLC(dsap=0x42, ssap=0x42, ctrl=3) / bytes(35)
    from scapy.layers.l2 import Dot3
    yield Dot3(src=MARK, dst="01:80:c2:00:00:00", len=38) / bpdu / bytes(8)
    yield Ether(src=MARK, dst="02:00:00:00:cc:01", type=0x88b5) / os.urandom(46)


def frames(to_cde):
    ends = ("web", "redis") if to_cde else ("redis", "web")
    src, dst = (addr(e) for e in ends)
    src6, dst6 = (addr(e, 6) for e in ends)
    # To nobody's MAC address, so that no kernel answers.
    ether = Ether(src=MARK, dst="02:00:00:00:cc:01")
    for f in (*ip_frames(ether, src, dst, src6, dst6), *tagged(ether, src, dst), *other(src, dst, dst6, src6)):
        yield bytes(f)


def one_way(gateway, sender, receiver):
    before = gateway.quiet()
    seen, sock = Capture(receiver, f"ether src {MARK}"), raw(sender)
    sent = list(frames(sender == "shop"))
    for n, f in enumerate(sent):
        sock.send(f)
        if n % 16 == 15:  # no burst larger than any ring on the way
            until(lambda n=n: seen.count() > n - 64, f"frame {n} of {len(sent)} arrives")
    until(lambda: seen.count() >= len(sent) or gateway.quiet()["dropped"] > before["dropped"],
          f"{len(sent)} frames arrive, not {seen.count()}")
    got = [data for _, data in seen.frames()]
    total = gateway.quiet()
    check(len(got) == len(sent), f"{len(sent)} sent, {len(got)} arrived; missing: "
          f"{[f.hex() for f in sent if f not in got][:3]}; drops: {total['dropped_by_reason']}")
    for n, (a, b) in enumerate(zip(sent, got)):
        check(a == b, f"frame {n} changed:\n  {a.hex()}\n  {b.hex()}")
    return len(sent)


def test():
    make()
    gateway = Gateway(policy(EVERYTHING), frames=PASS_ALL).start()
    n = one_way(gateway, "shop", "cde")
    n += one_way(gateway, "cde", "shop")
    print(f"{n} frames")
    same(gateway.total()["partial_checksums"], 0, "checksums that were thought partial")
    gateway.stop()


main(test)
