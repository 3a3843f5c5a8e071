"""Overlay headers around packets: outer addresses belong to nobody in the policy."""

from lib.packets import UDP, ether, ip
from scapy.contrib.geneve import GENEVE
from scapy.layers.l2 import GRE
from scapy.layers.vxlan import VXLAN

OUTER = ("10.200.0.1", "10.200.0.2")
OUTER6 = ("2001:db8:200::1", "2001:db8:200::2")


def vxlan(inner, vni, outer=OUTER, **more):
    return ether() / ip(*outer) / UDP(sport=50000, dport=4789) / VXLAN(vni=vni, flags=0x08, **more) / inner


def geneve(inner, vni, proto=0x6558, outer=OUTER, **more):
    return ether() / ip(*outer) / UDP(sport=50000, dport=6081) / GENEVE(vni=vni, proto=proto, **more) / inner


def gre(inner, proto, outer=OUTER, **more):
    """key=... for a network of its own."""
    if "key" in more:
        more["key_present"] = 1
    return ether() / ip(*outer) / GRE(proto=proto, **more) / inner


def ipip(inner, outer=OUTER):
    """inner begins with its IP header."""
    return ether() / ip(*outer) / inner
