"""The side a packet came in on: --inside decides by address; else whoever opens is outside, and the pair of addresses
keeps its sides. A server's answer that the capture begins with comes from inside; an ICMP error comes from the side
that what it quotes was going to."""

from lib.packets import CARDS, ICMP, IP, NOBODY, POLICY, REDIS, REDIS6, WEB, WEB6, Tcp, ether
from lib.scenario import Scenario, no, ok


def refused(a, b, port=81, client_port=40000):
    return no("default_deny", Tcp(a, b, port, client_port).syn())


def synack():
    c = Tcp(WEB, REDIS, 6379)
    c.syn()
    return no("tcp_midstream", c.packet(1, "SA"))


def errors():
    """One about an allowed SYN; one about the port next to it, which no flow has."""
    syn, other = Tcp(WEB, REDIS, 6379).syn(), Tcp(WEB, REDIS, 6379, 40001).syn()
    head = ether() / IP(src=NOBODY, dst=WEB) / ICMP(type=3, code=1)
    return [ok([syn, head / bytes(syn[IP])]), no("icmp_unsolicited", head / bytes(other[IP]))]


def came_in(side, src, kind="alert"):
    return {"event_type": kind, "in_iface": side, "src_ip": src}


SCENARIOS = [
    Scenario("who opens is outside", [refused(WEB, REDIS), refused(REDIS, WEB), refused(REDIS6, WEB6)], POLICY, events=[
        came_in("outside", WEB), came_in("inside", REDIS), came_in("outside", REDIS6)]),
    Scenario("capture begins with an answer", [synack(), refused(WEB, REDIS)], POLICY, events=[
        came_in("inside", REDIS, "drop"), came_in("outside", WEB)]),
    Scenario("errors come from the other side", errors(), POLICY, events=[
        {"event_type": "drop", "in_iface": "inside", "src_ip": NOBODY, "drop.reason": "icmp_unsolicited"}]),
    Scenario("by the other address", [synack()], POLICY, arguments=["--inside", WEB], events=[
        came_in("outside", REDIS, "drop")]),
    Scenario("by address", [refused(WEB, REDIS), refused(REDIS, WEB), refused(WEB6, REDIS6), refused(REDIS, CARDS)],
             POLICY, arguments=["--inside", "10.1.0.0/16,2001:db8:2::1"], events=[
                 came_in("inside", WEB), came_in("outside", REDIS), came_in("outside", WEB6)]),
]
