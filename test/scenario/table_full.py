"""A full flow table refuses new flows and keeps the established ones; flows that nobody has answered make room. A slow
scan does not lock anyone out."""

from lib.packets import NETWORKS, REDIS, WEB, Tcp
from lib.scenario import Scenario, no, ok

ALL = NETWORKS + "rules:\n  - {id: all, from: any, to: any, action: allow}\n"
SMALL = "flows: {max: 1024}"


def connections(n, first=10000):
    return [Tcp(WEB, REDIS, 6379, client_port=first + i) for i in range(n)]


def established():
    all_of_them = connections(1024)
    return [
        *[ok(c.handshake()) for c in all_of_them],
        no("flow_table_full", [c.syn() for c in connections(20, 50000)]),
        *[ok(c.exchange()) for c in all_of_them[::100]],
    ]


def embryonic():
    old = Tcp(WEB, REDIS, 6379)
    return [
        ok(old.handshake()),
        *[ok(c.syn()) for c in connections(1023)],
        *[ok(c.syn()) for c in connections(300, 50000)],
        ok(old.exchange() + old.close()),
    ]


SCENARIOS = [
    Scenario("established flows stay", established(), ALL, config=SMALL, flows=1024, events=[
        {"event_type": "drop", "drop.reason": "flow_table_full", "drop.syn": True}]),
    Scenario("unanswered flows make room", embryonic(), ALL, config=SMALL, flows=1324, events=[
        {"event_type": "flow", "bulkhead.end": "evicted", "flow.reason": "forced", "flow.pkts_toserver": 1, "count": 300},
        {"event_type": "flow", "src_port": 40000, "flow.state": "closed", "flow.pkts_toserver": 6, "count": 1},
    ]),
]
