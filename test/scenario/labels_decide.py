"""A rule from a segment to a segment lets through what it names, in its direction, and nothing else; whoever no rule
names is refused. IPv4 and IPv6 alike."""

from lib.packets import (BATCH, BATCH6, CARDS, CARDS6, ICMP, IP, NOBODY, NOBODY6, POLICY, REDIS, REDIS6, STRANGER,
                         STRANGER6, WEB, WEB6, Tcp, ether, frame, udp)
from lib.scenario import Scenario, no, ok
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest
from scapy.layers.sctp import SCTP, SCTPChunkInit

BOTH = ((4, WEB, BATCH, REDIS, CARDS, NOBODY, STRANGER), (6, WEB6, BATCH6, REDIS6, CARDS6, NOBODY6, STRANGER6))


def allowed(web, redis):
    return [ok(Tcp(web, redis, 6379).all())]


def denied(web, batch, redis, cards, nobody, stranger):
    refused = Tcp(web, cards, 80)
    return [
        no("default_deny", [refused.syn(), refused.syn()]),
        no("default_deny", Tcp(web, redis, 6380).syn()),
        # A rule is not its reverse.
        no("default_deny", Tcp(redis, web, 6379).syn()),
        no("rule_deny", Tcp(batch, redis, 6379).syn()),
        no("rule_reject", Tcp(batch, cards, 80).syn()),
        no("rule_reject", udp(batch, cards, 5000, 80)),
        # Known to be ours, but nobody's labels; and somebody from outside.
        no("unknown_segment", Tcp(nobody, redis, 6379).syn()),
        no("unknown_segment", Tcp(web, nobody, 6379).syn()),
        no("default_deny", Tcp(stranger, redis, 6379).syn()),
    ]


def other_protocols(web, redis, v6):
    if v6:
        echo, reply, other = ICMPv6EchoRequest(id=7), ICMPv6EchoReply(id=7), ICMPv6EchoRequest(id=8)
    else:
        echo, reply, other = ICMP(type=8, id=7), ICMP(type=0, id=7), ICMP(type=8, id=8)
    return [
        ok([udp(web, redis, 5353, 53), udp(redis, web, 53, 5353)]),
        no("default_deny", udp(web, redis, 5353, 54)),
        ok([frame(web, redis, echo), frame(redis, web, reply)]),
        no("default_deny", frame(redis, web, other)),
        ok(frame(web, redis, SCTP(sport=9999, dport=3868) / SCTPChunkInit())),
        no("default_deny", frame(web, redis, SCTP(sport=9999, dport=3869) / SCTPChunkInit())),
    ]


SCENARIOS = []
for version, web, batch, redis, cards, nobody, stranger in BOTH:
    SCENARIOS += [
        Scenario(f"allowed v{version}", allowed(web, redis), POLICY, flows=1, events=[
            {"event_type": "flow", "count": 1, "src_ip": web, "dest_ip": redis, "dest_port": 6379, "proto": "TCP",
             "flow.pkts_toserver": 6, "flow.pkts_toclient": 3, "flow.state": "closed", "bulkhead.verdict": "allow",
             "bulkhead.src_segment": "web", "bulkhead.dst_segment": "redis", "bulkhead.rule_id": "web-redis",
             "bulkhead.reason": "rule_allow"},
        ], never=[{"event_type": "alert"}, {"event_type": "drop"}]),
        Scenario(f"denied v{version}", denied(web, batch, redis, cards, nobody, stranger), POLICY, flows=9, events=[
            # A flow is reported once, however often its SYN comes.
            {"event_type": "alert", "count": 1, "dest_ip": cards, "src_ip": web, "alert.action": "blocked",
             "bulkhead.kind": "violation", "bulkhead.verdict": "deny", "bulkhead.reason": "default_deny"},
            {"event_type": "drop", "count": 1, "dest_ip": cards, "src_ip": web, "drop.syn": True},
            {"event_type": "alert", "count": 1, "bulkhead.rule_id": "batch-no-redis", "bulkhead.verdict": "deny"},
            {"event_type": "alert", "count": 2, "bulkhead.rule_id": "batch-no-cards", "bulkhead.verdict": "reject"},
            {"event_type": "alert", "count": 1, "src_ip": nobody, "bulkhead.src_segment": "unknown"},
            {"event_type": "alert", "count": 1, "src_ip": stranger, "bulkhead.src_segment": "external"},
        ], never=[{"bulkhead.verdict": "allow"}]),
        Scenario(f"other protocols v{version}", other_protocols(web, redis, version == 6), POLICY, flows=6),
    ]

# The same 16 bytes as addresses, the same ports: other families, other flows.
SCENARIOS.append(Scenario("families never share a flow", [
    ok([udp("32.1.13.184", "32.1.13.185", 1, 2), udp("2001:db8::", "2001:db9::", 1, 2)]),
], flows=2))

OTHER = POLICY + "  - {id: esp, from: web, to: redis, ports: [proto/50], action: allow}\n"
SCENARIOS.append(Scenario("protocols by number", [
    ok(ether() / IP(src=WEB, dst=REDIS, proto=50) / b"12345678"),
    no("default_deny", ether() / IP(src=WEB, dst=REDIS, proto=51) / b"12345678"),
], OTHER, flows=2, events=[{"event_type": "flow", "proto": "ESP", "bulkhead.verdict": "allow"},
                           {"event_type": "flow", "proto": "AH", "bulkhead.verdict": "deny"}]))

FIRST = POLICY.replace("rules:", "rules:\n  - {id: stop, from: web, to: cde, ports: [tcp/6000-6400], action: deny}")
SCENARIOS.append(Scenario("the first rule that fits decides", [
    no("rule_deny", Tcp(WEB, REDIS, 6379).syn()),
    no("default_deny", Tcp(WEB, REDIS, 6401).syn()),
], FIRST, events=[{"event_type": "alert", "bulkhead.rule_id": "stop", "dest_port": 6379}]))
