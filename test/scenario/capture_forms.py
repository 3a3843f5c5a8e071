"""Byte orders, time units, lengths: a capture is read for what it is, judged by what was on the wire and written as it
was. What is cut short gives all before the cut; what is no capture is refused with exit code 2."""

from lib import capture
from lib.packets import POLICY, REDIS, WEB, Tcp, ether, udp
from lib.scenario import Scenario, no, ok

DNS = bytes(udp(WEB, REDIS, 5353, 53, bytes(500)))
TCP_DATA = Tcp(WEB, REDIS, 6379)
HANDSHAKE = TCP_DATA.handshake()
LONG = bytes(TCP_DATA.packet(0, "PA", bytes(1000)))


def formed(name, packets, make, **more):
    """A scenario whose file is made by `make` of its records."""
    s = Scenario(name, packets, **more)
    s.file = make([p.record for p in s.packets])
    return s


def exact():
    return [ok(Tcp(WEB, REDIS, 6379).all(), at=0.123456), ok(Tcp(WEB, REDIS, 6379).all(), at=7.000001)]


def fine():
    """Times that no microsecond holds."""
    return [ok(p, at=i + 1e-9) for i, p in enumerate(Tcp(WEB, REDIS, 6379).all())]


CUT = [
    ok(HANDSHAKE),
    # 54 bytes: headers and nothing else.
    ok(LONG[:54], wire=len(LONG)),
    no("tcp_truncated", LONG[:53], wire=len(LONG)),
    no("tcp_truncated", LONG[:35], wire=len(LONG)),
    no("ip4_truncated", LONG[:33], wire=len(LONG)),
    no("eth_runt", LONG[:13], wire=len(LONG)),
    no("eth_runt", b"", wire=len(LONG)),
    ok(DNS[:60], wire=len(DNS)),
    # On the wire, too, this one ended early.
    no("ip4_length", DNS[:60]),
]

SCENARIOS = [
    formed("big endian", exact(), lambda r: capture.pcap(r, 1, big=True), policy=POLICY, flows=2),
    formed("nanoseconds", fine(), lambda r: capture.pcap(r, 1, nanoseconds=True), policy=POLICY, flows=1),
    formed("nanoseconds big endian", fine(), lambda r: capture.pcap(r, 1, nanoseconds=True, big=True), policy=POLICY),
    formed("pcapng big endian", fine(), lambda r: capture.pcapng(r, big=True), policy=POLICY),
    Scenario("cut by a snap length", CUT, POLICY, flows=2),
    Scenario("checksums of cut packets cannot be verified", [ok(HANDSHAKE), ok(LONG[:60], wire=len(LONG))], POLICY,
             config="checksums: {l4: verify}"),
    Scenario("larger than a buffer", [ok(udp(WEB, REDIS, 5353, 53, bytes(i % 251 for i in range(n)))) for n in
                                      (2020, 2021, 2048, 4096, 8972, 65000)], POLICY, flows=1),
    Scenario("largest frame", [ok(bytes(ether(type=0x1234)) + bytes(262144 - 14))], config="frames: {other: pass}"),
    # Each takes half of the buffers: a burst goes on when the next frame finds none.
    Scenario("largest frames in few buffers", [ok([bytes(ether(type=0x1234)) + bytes(262144 - 14)] * 5)],
             config="frames: {other: pass}\nmemory: {mbufs: 1024, mbuf_size: 512}"),
    Scenario("no packets", [], flows=0),
]

WHOLE = Scenario("", exact()).image()
NG = Scenario("", exact(), form="pcapng").image()
FIRST = [ok(Tcp(WEB, REDIS, 6379).all(), at=0.123456), ok(Tcp(WEB, REDIS, 6379).all()[:-1], at=7.000001)]
SCENARIOS += [
    Scenario("file cut in the last packet", FIRST, POLICY, file=WHOLE[:-1], warning="broken after packet 17"),
    Scenario("file cut in the last header", FIRST, POLICY, file=WHOLE[:-60], warning="broken after packet 17"),
    Scenario("pcapng cut in the last block", FIRST, POLICY, file=NG[:-1], warning="broken after packet 17"),
    Scenario("empty file", [], file=b"", status=2, warning="empty"),
    Scenario("no capture", [], file=b"This is a text about captures, not one.\n" * 9, status=2, warning="not a capture"),
    Scenario("pcap header cut", [], file=WHOLE[:23], status=2, warning="not a capture"),
    Scenario("pcapng header cut", [], file=NG[:20], status=2, warning="not a capture"),
    Scenario("bad policy", [], "version: 1\nrules:\n  - {from: any, to: nowhere, action: allow}\n", status=2,
             warning=r"policy.yaml:3:\d+: .*nowhere"),
    Scenario("bad configuration", [], config="flow: {max: 5}", status=2, warning=r"config.yaml:\d+:\d+: .*flow"),
    Scenario("bad inside", [], status=2, arguments=["--inside", "10.0.0.1/8"], warning="10.0.0.0/8"),
]
