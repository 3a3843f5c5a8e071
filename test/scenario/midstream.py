"""A TCP packet of a connection whose start was not seen does not pass under protect, unless flows.midstream allows it;
then it is judged as what it is part of. In discover it passes."""

from lib.packets import NETWORKS, POLICY, REDIS, SEGMENTS, WEB, ENDPOINTS, Tcp
from lib.scenario import Scenario, no, ok

WITH_HTTP = NETWORKS + ENDPOINTS + SEGMENTS + """
rules:
  - {id: web-http, from: web, to: redis, ports: [tcp/80, tcp/6379], action: allow}
"""


def late(port):
    """What is left of a connection after its handshake."""
    c = Tcp(WEB, REDIS, port)
    c.handshake()
    return c.exchange() + c.close()


def answer_first(port):
    c = Tcp(WEB, REDIS, port)
    c.handshake()
    return [c.packet(1, "PA", b"+PONG\r\n"), c.packet(0, "A")]


def opened_backwards(port):
    c = Tcp(WEB, REDIS, port)
    return [c.packet(1, "S")]


def synack_first():
    c = Tcp(WEB, REDIS, 6379)
    c.syn()
    return [c.packet(1, "SA"), c.packet(0, "A")]


def reset():
    c = Tcp(WEB, REDIS, 6379)
    return [c.packet(0, "R"), c.packet(0, "RA"), c.packet(0, "FA")]


SCENARIOS = [
    Scenario("protect", [no("tcp_midstream", late(6379) + synack_first() + reset())], POLICY, flows=0,
             events=[{"event_type": "drop", "drop.reason": "tcp_midstream", "drop.psh": True}],
             never=[{"bulkhead.kind": "violation"}]),
    Scenario("allowed by configuration", [ok(late(6379))], WITH_HTTP, config="flows: {max: 1024, midstream: true}",
             flows=1, events=[{"event_type": "flow", "src_ip": WEB, "dest_ip": REDIS, "bulkhead.rule_id": "web-http"}]),
    Scenario("well known port is the server", [ok(answer_first(80))], WITH_HTTP,
             config="flows: {max: 1024, midstream: true}", flows=1,
             events=[{"event_type": "flow", "src_ip": WEB, "dest_port": 80}]),
    Scenario("no port tells the server, the rules do", [ok(answer_first(6379))], WITH_HTTP,
             config="flows: {max: 1024, midstream: true}", flows=1,
             events=[{"event_type": "flow", "src_ip": WEB, "dest_port": 6379}]),
    Scenario("an answer to nothing opens no way back", [ok(answer_first(80)), no("default_deny", opened_backwards(80))],
             WITH_HTTP, config="flows: {max: 1024, midstream: true}", flows=2),
    Scenario("syn ack comes from the server", [ok(synack_first())], WITH_HTTP,
             config="flows: {max: 1024, midstream: true}", flows=1,
             events=[{"event_type": "flow", "src_ip": WEB, "dest_port": 6379}]),
    Scenario("still judged by policy", [no("default_deny", late(6380))], WITH_HTTP,
             config="flows: {max: 1024, midstream: true}", flows=1),
    Scenario("discover", [ok(late(6379) + synack_first())], flows=1),
]
