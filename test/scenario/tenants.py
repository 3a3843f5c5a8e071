"""VLANs and overlay networks are tenants: the same addresses in another one are other hosts, other flows, and may have
other labels. A priority tag is no VLAN."""

from lib.packets import NETWORKS, REDIS, RULES, SEGMENTS, WEB, Tcp, ether, ip, udp
from lib.scenario import Scenario, no, ok
from lib.tunnels import geneve, vxlan
from scapy.layers.l2 import Dot1AD, Dot1Q

TAGS = {
    "untagged": lambda p: ether() / p,
    "vlan 7": lambda p: ether() / Dot1Q(vlan=7) / p,
    "vlan 8": lambda p: ether() / Dot1Q(vlan=8) / p,
    "qinq": lambda p: ether() / Dot1AD(vlan=7) / Dot1Q(vlan=8) / p,
    "stacked 802.1Q": lambda p: ether() / Dot1Q(vlan=8) / Dot1Q(vlan=7) / p,
    "vxlan 7": lambda p: vxlan(ether() / p, 7),
    "vxlan 8": lambda p: vxlan(ether() / p, 8),
    "geneve 7 tagged": lambda p: geneve(ether() / Dot1Q(vlan=7) / p, 7),
}


def everywhere():
    return [ok(Tcp(WEB, REDIS, 6379, wrap=w).handshake()) for w in TAGS.values()]


ENDPOINTS = """
endpoints:
  - {address: 10.1.0.1, vlan: 100, labels: {app: web}}
  - {address: 10.1.0.1, vlan: 200, labels: {app: batch}}
  - {address: 10.1.0.1, vlan: [100, 200], labels: {app: batch}}
  - {address: 10.1.0.1, vni: 5001, labels: {app: web}}
  - {address: 10.1.0.1, vni: 5002, labels: {app: batch}}
  - {address: 10.2.0.1, labels: {app: redis, zone: cde}}
"""
POLICY = NETWORKS + ENDPOINTS + SEGMENTS + RULES


def syn(wrap):
    return Tcp(WEB, REDIS, 6379, wrap=wrap).syn()


SCENARIOS = [
    Scenario("are other flows", everywhere(), flows=len(TAGS), events=[
        {"event_type": "flow", "count": len(TAGS), "src_ip": WEB},
        {"event_type": "flow", "vlan": [7], "bulkhead.tunnel": None, "count": 1},
        {"event_type": "flow", "vlan": [7, 8], "count": 1},
        {"event_type": "flow", "vlan": [8, 7], "count": 1},
        {"event_type": "flow", "bulkhead.vni": 7, "vlan": None, "bulkhead.tunnel": "vxlan", "count": 1},
    ]),
    Scenario("have labels of their own", [
        ok(syn(lambda p: ether() / Dot1Q(vlan=100) / p)),
        no("rule_deny", syn(lambda p: ether() / Dot1Q(vlan=200) / p)),
        no("rule_deny", syn(lambda p: ether() / Dot1AD(vlan=100) / Dot1Q(vlan=200) / p)),
        ok(syn(lambda p: vxlan(ether() / p, 5001))),
        no("rule_deny", syn(lambda p: vxlan(ether() / p, 5002))),
        # In a tenant that nobody described it is unknown, not whoever has the address elsewhere.
        no("unknown_segment", syn(lambda p: ether() / p)),
        no("unknown_segment", syn(lambda p: ether() / Dot1Q(vlan=300) / p)),
    ], POLICY, flows=7, events=[
        {"event_type": "alert", "vlan": [200], "bulkhead.src_segment": "batch", "bulkhead.rule_id": "batch-no-redis"},
        {"event_type": "alert", "vlan": [300], "bulkhead.src_segment": "unknown"},
    ]),
    Scenario("priority tag is no vlan", [
        ok([udp(WEB, REDIS, 5, 6), ether() / Dot1Q(vlan=0, prio=5) / udp(WEB, REDIS, 5, 6).payload,
            ether() / Dot1Q(vlan=0) / ip(REDIS, WEB) / udp(REDIS, WEB, 6, 5).payload.payload]),
    ], flows=1, never=[{"vlan": [0]}]),
]
