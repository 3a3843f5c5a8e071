"""Alerts, flows, drops and statistics have the members and types that Suricata's schema of EVE gives them; what is ours stands in
`bulkhead`. SURICATA_SCHEMA=FILE (Suricata's etc/schema.json) holds them against that file, too."""

import json
import os

import jsonschema

from lib.check import check, main, same, say
from lib.gateway import Gateway, policy
from lib.wire import Server, addr, attempt, connect, make

TEXT, NUMBER, TRUTH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+\-]\d+$"}


def members(text=(), number=(), truth=(), **more):
    """An object of just these."""
    return {"type": "object", "additionalProperties": False,
            "properties": {**dict.fromkeys(text, TEXT), **dict.fromkeys(number, NUMBER), **dict.fromkeys(truth, TRUTH), **more}}


# What Suricata 7 and 8 say of the types that it has, too.
SCHEMA = members(
    text=("event_type", "app_proto", "community_id", "src_ip", "dest_ip", "proto", "in_iface"),
    number=("flow_id", "src_port", "dest_port", "icmp_type", "icmp_code"),
    timestamp=TIME,
    vlan={"type": "array", "items": NUMBER},
    alert=members(text=("action", "category", "signature"), number=("gid", "rev", "severity", "signature_id")),
    flow=members(text=("action", "reason", "state", "start", "end"), truth=("alerted",),
                 number=("age", "bytes_toclient", "bytes_toserver", "pkts_toclient", "pkts_toserver")),
    tcp=members(text=("state", "tcp_flags", "tcp_flags_tc", "tcp_flags_ts"),
                truth=("ack", "cwr", "ecn", "fin", "psh", "rst", "syn", "urg")),
    drop=members(text=("reason",), truth=("ack", "fin", "psh", "rst", "syn", "urg"),
                 number=("len", "ttl", "tos", "ipid", "hoplimit", "tc", "flowlbl", "tcpseq", "tcpack", "tcpwin", "tcpres", "tcpurgp")),
    ether=members(text=("src_mac", "dest_mac"), number=("ether_type",)),
    stats={"type": "object", "properties": {"uptime": NUMBER, "decoder": members(number=("pkts", "bytes"))}})
TYPES = ("alert", "flow", "drop", "stats")


def wrong(schema, event):
    """What the schema says against an event without our object, as texts."""
    plain = {k: v for k, v in event.items() if k != "bulkhead"}
    return [f"{event['event_type']}.{'.'.join(map(str, e.absolute_path))}: {e.message}"
            for e in jsonschema.Draft7Validator(schema).iter_errors(plain)]


def test():
    make()
    gateway = Gateway(policy()).start()
    Server("cards", 8080)
    connect("web", "cards", 8080).close()
    attempt("batch", "cards", 8080)
    for family in (4, 6):
        attempt("web", "cards", 4711, family)
        gateway.event("drop", dest_port=4711, dest_ip=addr("cards", family))
    gateway.stop()
    events = [e for e in gateway.events() if e["event_type"] in TYPES]
    same({e["event_type"] for e in events}, set(TYPES), "types that were seen")
    check(any(":" in e.get("src_ip", "") for e in events), "IPv6 was seen")
    check(wrong(SCHEMA, {**events[0], "surprise": 1}), "a member that Suricata has not is found")
    same(sorted({w for e in events for w in wrong(SCHEMA, e)}), [], "differences")
    path = os.environ.get("SURICATA_SCHEMA", "")
    if not path:
        say("SURICATA_SCHEMA names no file: against the members that this test knows alone")
        return
    with open(path, encoding="utf-8") as f:
        whole = json.load(f)
    same(sorted({w for e in events for w in wrong(whole, e)}), [], f"differences to {path}")


main(test)
