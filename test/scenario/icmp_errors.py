"""An ICMP error passes when it speaks of a flow that is allowed now and goes to the end that sent what it quotes; it opens
no flow. All others are dropped under protect (RFC 792, 4443, 5927)."""

from lib.packets import CARDS, CARDS6, ICMP, IP, NOBODY, NOBODY6, POLICY, REDIS, REDIS6, WEB, WEB6, IPv6, Tcp, ether, udp
from lib.scenario import Scenario, no, ok
from lib.tunnels import OUTER, OUTER6, geneve, gre, ipip, vxlan
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded

BOTH = ((4, WEB, REDIS, CARDS, NOBODY), (6, WEB6, REDIS6, CARDS6, NOBODY6))


def error(router, to, quoted, kind="unreachable", keep=None):
    """An error about a frame of ours, with as much of its IP packet as said."""
    data = bytes(quoted.payload)[:keep]
    if ":" in to:
        head = {"unreachable": ICMPv6DestUnreach(code=1), "too big": ICMPv6PacketTooBig(mtu=1280),
                "time": ICMPv6TimeExceeded()}[kind]
        return ether() / IPv6(src=router, dst=to) / head / data
    head = {"unreachable": ICMP(type=3, code=1), "too big": ICMP(type=3, code=4, nexthopmtu=1400),
            "time": ICMP(type=11)}[kind]
    return ether() / IP(src=router, dst=to) / head / data


def known(web, redis, router):
    c = Tcp(web, redis, 6379)
    syn, synack, ack = c.handshake()
    least = (40 if ":" in web else 20) + 8
    return [
        ok(syn),
        ok(error(router, web, syn)),
        ok([synack, ack]),
        ok([error(router, web, ack, "too big"), error(redis, web, ack, "time", keep=least)]),
        ok(error(router, redis, synack)),
        # Who is told must be who sent it.
        no("icmp_unsolicited", error(router, redis, syn)),
        no("icmp_unsolicited", error(redis, router, syn)),
    ]


def unknown(web, redis, cards, router):
    refused, other = Tcp(web, cards, 80).syn(), Tcp(web, redis, 6379, 41000).syn()
    least = 40 if ":" in web else 20
    return [
        no("icmp_unsolicited", error(router, web, other)),
        no("default_deny", refused),
        no("icmp_unsolicited", error(cards, web, refused)),
        ok(udp(web, redis, 5353, 53)),
        # Without the ports nobody can say of which flow it speaks.
        no("icmp_quote", error(redis, web, udp(web, redis, 5353, 53), keep=least)),
        no("icmp_quote", error(redis, web, udp(web, redis, 5353, 53), keep=10)),
        no("icmp_quote", error(redis, web, udp(web, redis, 5353, 53), keep=0)),
    ]


def expired(web, redis):
    p = udp(web, redis, 5353, 53)
    return [ok(p, at=0), ok(error(redis, web, p), at=4), no("icmp_unsolicited", error(redis, web, p), at=5.5)]


def tunnelled(wrap, outer):
    """The router between the tunnel's ends cannot send on what one of them had sent."""
    router = NOBODY6 if ":" in outer[0] else NOBODY
    syn, other = Tcp(WEB, REDIS, 6379, wrap=wrap).syn(), Tcp(WEB, REDIS, 6379, 41000, wrap=wrap).syn()
    return [
        no("icmp_unsolicited", error(router, outer[0], syn, "too big")),
        ok(syn),
        ok([error(router, outer[0], syn, "too big"), error(router, outer[0], syn, "time")]),
        no("icmp_unsolicited", error(router, outer[1], syn, "too big")),
        no("icmp_unsolicited", error(router, outer[0], other, "too big")),
        no("icmp_tunnel_quote", error(router, outer[0], syn, "too big", keep=60 if ":" in outer[0] else 28)),
    ]


SCENARIOS = []
for v, web, redis, cards, router in BOTH:
    SCENARIOS += [
        Scenario(f"known flow v{v}", known(web, redis, router), POLICY, flows=1),
        Scenario(f"unknown flow v{v}", unknown(web, redis, cards, router), POLICY, flows=2, events=[
            {"event_type": "drop", "drop.reason": "icmp_unsolicited", "src_ip": router,
             "icmp_type": 1 if v == 6 else 3, "icmp_code": 1}]),
        # An error keeps no flow alive.
        Scenario(f"expired flow v{v}", expired(web, redis), POLICY, config="flows: {max: 1024, timeouts: {new: 5s}}"),
        Scenario(f"discover v{v}", [ok(error(router, web, Tcp(web, redis, 6379).syn()))], flows=0),
    ]
for name, wrap, outer in (
        ("vxlan", lambda p: vxlan(ether() / p, 5), OUTER),
        ("vxlan over IPv6", lambda p: vxlan(ether() / p, 5, OUTER6), OUTER6),
        ("geneve", lambda p: geneve(ether() / p, 5), OUTER), ("gre", lambda p: gre(p, 0x0800), OUTER),
        ("ipip", ipip, OUTER), ("two tunnels", lambda p: vxlan(ipip(p, ("10.200.1.1", "10.200.1.2")), 5), OUTER)):
    SCENARIOS.append(Scenario(f"about {name}", tunnelled(wrap, outer), POLICY, flows=1))
