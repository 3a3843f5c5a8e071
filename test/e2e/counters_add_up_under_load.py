"""Under mixed load, allowed, denied, rejected and malformed, every packet is forwarded or dropped for a reason."""

import json
import logging
import time

from lib.check import check, main, same, say
from lib.gateway import RULES, Gateway, policy, rule
from lib.pump import Iperf, Pump
from lib.wire import addr, mac, make, raw, run

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402


def received_by(ns):
    """Packets that the host's own interface has counted."""
    link = json.loads(run("ip", "-s", "-j", "link", "show", "dev", "eth0", ns=ns))[0]
    return link["stats64"]["rx"]["packets"]


def malformed():
    good = bytes(Ether(src=mac("shop"), dst=mac("cde")) / IP(src=addr("web"), dst=addr("redis")) /
                 UDP(sport=1, dport=6379) / b"payload")
    for n in range(14, len(good)):
        yield good[:n]
    for at in range(14, 34):
        yield good[:at] + bytes([good[at] ^ 0xff]) + good[at + 1:]


def test():
    make()
    rules = [rule("load", "web", "redis", ["tcp/5201", "udp/5000"]),
             rule("no", "batch", "redis", ["udp/5001"], "reject"), *RULES]
    gateway = Gateway(policy(rules), reject={"rate": 10}).start()
    before = {ns: received_by(ns) for ns in ("shop", "cde")}
    loads = [Iperf("web", "redis", 5201, 6), Iperf("web", "redis", 5201, 6, "-R", family=6)]
    pumps = [Pump("web", "redis", 5000), Pump("batch", "redis", 5001), Pump("admin", "cards", 5002)]
    sock = raw("shop")
    for frame in malformed():
        sock.send(frame)
    while any(load.client.poll() is None for load in loads):
        t = gateway.total()
        check(t["forwarded"] + t["dropped"] <= t["packets"] + 4096, f"never more out than in: {t}")
        time.sleep(0.1)
    for load in loads:
        load.result()
    for p in pumps:
        p.stop()
    total = gateway.quiet()
    same(total["packets"], total["forwarded"] + total["dropped"], "packets at rest")
    same(sum(r["packets"] for r in total["dropped_by_reason"].values()), total["dropped"], "sum of the reasons")
    ports = gateway.stats()["ports"]
    same(sum(p["rx_packets"] for p in ports), total["packets"], "sum of the ports' received packets")
    same(sum(p["tx_packets"] for p in ports), total["forwarded"] + total["answers"], "sum of what the ports sent")
    same(sum(p["dropped"] for p in ports), total["dropped"], "sum of the ports' drops")
    reasons = total["dropped_by_reason"]
    check(reasons.get("default_deny") and reasons.get("rule_reject"), f"denials of both kinds: {reasons}")
    check(any(r["group"] == "malformed" for r in reasons.values()), f"malformed ones: {reasons}")
    check(total["answers_suppressed"] > 0, "answers beyond the configured rate were not sent")
    # Nobody received a packet that the gateway does not know of.
    for port in ports:
        received = received_by(port["name"]) - before[port["name"]]
        check(received <= port["tx_packets"], f"{port['name']} got {received}, {port['tx_packets']} were sent")
    say(f"{total['packets']} packets, {total['dropped']} dropped: {({k: v['packets'] for k, v in reasons.items()})}")
    gateway.stop()


main(test)
