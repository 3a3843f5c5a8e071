"""A day of ordinary traffic, in capture time, raises none of all threats, and nothing of it is blocked, though each is on and
blocks. An hour of it with a scan and a flood in the middle raises just these two."""

import struct
import time

from lib import scenario
from lib.capture import ETHERNET, Record, pcap
from lib.conversation import RST, ACK, Tcp
from lib.day import CLIENTS, HOUR, MONITOR, WEB, Day
from lib.scenario import START, check

POLICY = """
version: 1
segments:
  office: {addresses: [10.1.0.0/16]}
  servers: {addresses: [10.2.0.0/16]}
rules:
  - {id: inside, from: [office, servers], to: [office, servers], action: allow}
  - {id: out, from: [office, servers], to: external, action: allow}
  - {id: in, from: external, to: servers, ports: [tcp/25], action: allow}
  - {id: multicast, from: office, to: any, ports: [udp/5353, udp/1900], action: allow}
"""
CONFIG = """
policy: policy.yaml
mode: protect
threats: {all: drop}
watching: {external_ips: [192.0.2.1]}
flows: {max: 65536}
memory: {mbufs: 16384}
checksums: {ip4: false, l4: ignore}
frames: {arp: pass, nd: pass, mcast: pass}
"""
SECONDS = 60


def scan(day):
    """A hundred closed ports of one server."""
    for port in range(100):
        c = Tcp(day.frames, 1800 + port * 0.01, CLIENTS[3], WEB, (50000 + port, 7000 + port))
        c.segment(1, RST | ACK)


def flood(day):
    for i in range(2000):
        day.frames.ip(2400 + i * 0.0005, CLIENTS[5], MONITOR, 1, struct.pack("!BBHHH", 8, 0, 0, 9, i) + bytes(56))


class Replay:
    def __init__(self, name, hours, attacks=(), raises=()):
        self.name, self.hours, self.attacks, self.raises = name, hours, attacks, set(raises)

    def run(self, directory):
        day = Day(1, self.hours)
        for attack in self.attacks:
            attack(day)
        records = [Record(START + round(at * 1e9), ETHERNET, f, len(f)) for at, f in day.records()]
        check(self.hours < 24 or records[-1].time - records[0].time > 23.5 * HOUR * 1e9, "the capture covers a day")
        check(len(records) > 8000 * self.hours, f"{len(records)} packets")
        scenario.write(directory, "policy.yaml", POLICY)
        scenario.write(directory, "config.yaml", CONFIG)
        scenario.write(directory, "in", pcap(records, ETHERNET))
        began = time.monotonic()
        done = scenario.replay(directory, ["-c", "config.yaml", "-r", "in", "-e", "eve.json", "--stats", "stats.json",
                                           "--inside", "10.2.0.0/16"])
        took = time.monotonic() - began
        check(done.returncode == 0, done.stderr)
        check(took < SECONDS, f"took {took:.0f} s")
        stats = scenario.read_stats(directory)
        check(stats["events_lost"] == 0, f"{stats['events_lost']} events were lost")
        raised = {}
        for e in scenario.read_events(directory):
            sensor = e["bulkhead"].get("sensor", "")
            if sensor.startswith("threat."):
                raised.setdefault(sensor.removeprefix("threat."), []).append(e)
        check(set(raised) == self.raises, "threats raised: " + "; ".join(
            f"{k} {len(v)} times, first {v[0]}" for k, v in raised.items()) + f"; expected {self.raises}")
        if not self.raises:
            check(stats["dropped"] == {}, f"ordinary packets were dropped: {stats['dropped']}")


SCENARIOS = [
    Replay("a whole day", 24),
    Replay("an hour with a scan and a flood", 1, [scan, flood], ["port_scan", "icmp_flood"]),
]
