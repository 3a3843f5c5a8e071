"""Frames that are not IP have no labels: each class passes or not as `frames` says; ARP and neighbour discovery pass
by default, since nothing works without. A frame cut inside its own header is dropped whatever it is."""

from lib.packets import MAC_A, POLICY, REDIS, WEB, Ether, ether, udp
from lib.scenario import Scenario, no, ok
from scapy.layers.inet6 import ICMPv6MLReport2, ICMPv6ND_NA, IPv6
from scapy.layers.inet import IP
from scapy.layers.l2 import ARP, LLC, STP, Dot1Q, Dot3

ARP_REQUEST = ether() / ARP(hwsrc=MAC_A, psrc=WEB, hwdst="00:00:00:00:00:00", pdst=REDIS)
ND = ether() / IPv6(src="fe80::1", dst="fe80::2", hlim=255) / ICMPv6ND_NA(tgt="fe80::1")
IGMP = ether() / IP(src=WEB, dst="224.0.0.22", ttl=1, proto=2) / bytes.fromhex("2200f9fd00000001040000000e000001")
MLD = ether() / IPv6(src="fe80::1", dst="ff02::16", hlim=1) / ICMPv6MLReport2()
LLDP = Ether(src=MAC_A, dst="01:80:c2:00:00:0e", type=0x88CC) / bytes.fromhex("0207040200000000 0a0403 0100 0602 0078 0000")
BPDU = Dot3(src=MAC_A, dst="01:80:c2:00:00:00") / LLC() / STP()
PVST = Dot3(src=MAC_A, dst="01:00:0c:cc:cc:cd") / bytes.fromhex("aaaa0300000c010b") / STP()
IPX = ether(type=0x8137) / bytes(46)
LLC_OTHER = Dot3(src=MAC_A, dst="01:80:c2:00:00:14") / bytes.fromhex("fefe03") / bytes(40)
TAGGED_ARP = ether() / Dot1Q(vlan=7) / ARP(hwsrc=MAC_A, psrc=WEB, pdst=REDIS, hwdst="00:00:00:00:00:00")

CLASSES = {"arp": [ARP_REQUEST, TAGGED_ARP], "nd": [ND], "mcast": [IGMP, MLD], "lldp": [LLDP], "stp": [BPDU, PVST],
           "other": [IPX, LLC_OTHER]}

DEFAULT = [
    ok(CLASSES["arp"] + CLASSES["nd"]),
    no("l2_deny", CLASSES["mcast"] + CLASSES["lldp"] + CLASSES["stp"] + CLASSES["other"]),
]

SCENARIOS = [
    Scenario("default", DEFAULT, POLICY, flows=0, events=[
        {"event_type": "drop", "drop.reason": "l2_deny", "ether.ether_type": 0x88CC, "bulkhead.frame": "lldp"},
        {"event_type": "drop", "drop.reason": "l2_deny", "bulkhead.frame": "stp", "count": 2},
    ], never=[{"bulkhead.frame": "arp"}]),
]
for name, members in CLASSES.items():
    others = [p for c in CLASSES if c != name for p in CLASSES[c]]
    words = {c: "pass" if c == name else "drop" for c in CLASSES}
    text = ", ".join(f"{c}: {w}" for c, w in words.items())
    SCENARIOS.append(Scenario(f"only {name}", [ok(members), no("l2_deny", others)], POLICY,
                              config=f"frames: {{{text}}}"))

IP_FRAME = bytes(udp(WEB, REDIS, 5353, 53))
SCENARIOS.append(Scenario("cut below IP", [
    no("eth_runt", IP_FRAME[:13]),
    no("eth_runt", IP_FRAME[:1]),
    no("vlan_truncated", bytes(ether() / Dot1Q(vlan=7))[:17]),
    no("vlan_depth", ether() / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / udp(WEB, REDIS, 5353, 53)[IP]),
], POLICY))
