"""Inside VXLAN, Geneve, GRE and IP-in-IP the inner headers are judged; the packet leaves as it came. A tunnel header that
is cut, of an unknown version or around what is no packet is dropped; so is a third tunnel."""

import struct

from lib.packets import CARDS, IP, POLICY, REDIS, REDIS6, UDP, WEB, WEB6, IPv6, Raw, Tcp, ether, ip
from lib.scenario import Scenario, no, ok
from lib.tunnels import OUTER, OUTER6, geneve, gre, ipip, vxlan

IP4, IP6, BRIDGED = 0x0800, 0x86DD, 0x6558

# name, how it is wrapped, in the event
KINDS = [
    ("vxlan", lambda p: vxlan(ether() / p, 5001), {"bulkhead.tunnel": "vxlan", "bulkhead.vni": 5001}),
    ("vxlan over IPv6", lambda p: vxlan(ether() / p, 5001, OUTER6), {"bulkhead.tunnel": "vxlan"}),
    ("geneve", lambda p: geneve(ether() / p, 0xABCDEF), {"bulkhead.tunnel": "geneve", "bulkhead.vni": 0xABCDEF}),
    ("geneve without ethernet", lambda p: geneve(p, 7, IP6 if IPv6 in p else IP4), {"bulkhead.vni": 7}),
    ("geneve with options", lambda p: geneve(ether() / p, 7, options=bytes.fromhex("0102800100000001")),
     {"bulkhead.tunnel": "geneve"}),
    ("gre", lambda p: gre(p, IP6 if IPv6 in p else IP4), {"bulkhead.tunnel": "gre"}),
    ("gre with key", lambda p: gre(p, IP6 if IPv6 in p else IP4, key=300), {"bulkhead.vni": 300}),
    ("gre bridged", lambda p: gre(ether() / p, BRIDGED), {"bulkhead.tunnel": "gre"}),
    ("gre all fields", lambda p: gre(p, IP6 if IPv6 in p else IP4, key=1, chksum_present=1, seqnum_present=1,
                                     seqence_number=9), {"bulkhead.tunnel": "gre"}),
    ("ipip", lambda p: ipip(p), {"bulkhead.tunnel": "ipip"}),
    ("ip in IPv6", lambda p: ipip(p, OUTER6), {"bulkhead.tunnel": "ipip"}),
]

SCENARIOS = []
for name, wrap, words in KINDS:
    for web, redis in ((WEB, REDIS), (WEB6, REDIS6)):
        SCENARIOS.append(Scenario(f"{name} {'v6' if ':' in web else 'v4'}", [
            ok(Tcp(web, redis, 6379, wrap=wrap).all()),
            no("default_deny", Tcp(web, redis, 6380, wrap=wrap).syn()),
        ], POLICY, flows=2, events=[
            {"event_type": "flow", "src_ip": web, "dest_ip": redis, "dest_port": 6379, "flow.pkts_toserver": 6,
             "bulkhead.rule_id": "web-redis", **words},
            {"event_type": "alert", "src_ip": web, "dest_port": 6380, **words},
        ]))

DNS = ip(WEB, REDIS) / UDP(sport=5353, dport=53) / b"question"
DENIED = ip(WEB, CARDS) / UDP(sport=5353, dport=54) / b"question"
TWO = vxlan(ipip(DNS), 1)
THREE = ether() / ip(*OUTER) / vxlan(ipip(DNS), 1)[IP]
SCENARIOS.append(Scenario("two tunnels and no more", [
    ok(TWO),
    no("default_deny", vxlan(ipip(DENIED), 1)),
    no("tunnel_depth", THREE),
], POLICY))


def behind_udp(port, data):
    return ether() / ip(*OUTER) / UDP(sport=50000, dport=port) / data


INNER = bytes(ether() / DNS)
VXLAN5 = bytes.fromhex("0800000000000500")
SCENARIOS.append(Scenario("malformed", [
    ok(behind_udp(4789, VXLAN5 + INNER)),
    no("vxlan_header", behind_udp(4789, VXLAN5[:7])),
    no("vxlan_header", behind_udp(4789, b"\0" + VXLAN5[1:] + INNER)),  # without its VNI flag
    no("tunnel_inner", behind_udp(4789, VXLAN5 + INNER[:13])),
    no("ip4_truncated", behind_udp(4789, VXLAN5 + INNER[:14 + 19])),
    no("tcp_flags", behind_udp(4789, VXLAN5 + bytes(Tcp(WEB, REDIS, 6379).packet(0, "SF")))),
    no("geneve_header", behind_udp(6081, bytes.fromhex("00006558000007"))),
    no("geneve_header", behind_udp(6081, bytes.fromhex("4000655800000700") + INNER)),  # version 1
    no("geneve_header", behind_udp(6081, bytes.fromhex("3f00655800000700") + INNER)),  # options beyond the packet
    no("tunnel_inner", behind_udp(6081, bytes.fromhex("0000123400000700") + INNER)),
    no("gre_header", ether() / IP(src=OUTER[0], dst=OUTER[1], proto=47) / b"\0\0\x08"),
    no("gre_header", ether() / IP(src=OUTER[0], dst=OUTER[1], proto=47) / b"\0\x02\x08\0" / bytes(DNS)),
    no("gre_header", ether() / IP(src=OUTER[0], dst=OUTER[1], proto=47) / b"\x20\0\x08\0\0\0"),  # cut in its key
    no("gre_header", ether() / IP(src=OUTER[0], dst=OUTER[1], proto=47) / b"\x40\0\x08\0" / bytes(8)),  # routing
    no("tunnel_inner", gre(bytes(DNS), IP6)),  # says IPv6, holds IPv4
    no("tunnel_inner", ether() / IP(src=OUTER[0], dst=OUTER[1], proto=4)),  # nothing inside
], POLICY))

# What is not looked into is judged by its outer addresses, which nobody knows.
SCENARIOS += [
    Scenario("switched off", [
        no("unknown_segment", vxlan(ether() / DNS, 5)),
        no("unknown_segment", geneve(ether() / DNS, 5)),
        no("unknown_segment", gre(DNS, IP4)),
        no("unknown_segment", ipip(DNS)),
        no("unknown_segment", ipip(ip(WEB6, REDIS6) / UDP(sport=5353, dport=53))),
    ], POLICY, config="tunnels: {vxlan: [], geneve: [], gre: false, ipip: false}", flows=5),
    Scenario("other ports", [
        ok(behind_udp(4790, VXLAN5 + INNER)),
        no("unknown_segment", behind_udp(4789, VXLAN5 + INNER)),
    ], POLICY, config="tunnels: {vxlan: [4790]}"),
    Scenario("gre around something else", [
        no("unknown_segment", gre(Raw(struct.pack(">I", 1)), 0x88BE)),
    ], POLICY, events=[{"event_type": "flow", "proto": "GRE", "src_ip": OUTER[0]}]),
]
