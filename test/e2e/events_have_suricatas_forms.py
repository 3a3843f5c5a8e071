"""Every event has the members and types that Suricata's schema of EVE gives them, and no others; what is ours stands in `bulkhead`.
The scenarios hold theirs against the same, operations too. SURICATA_SCHEMA=FILE (Suricata's etc/schema.json) holds them against that file, too."""

import json
import os

import jsonschema

from lib.check import check, main, same, say
from lib.gateway import Gateway, policy
from lib.wire import Server, addr, attempt, connect, make

# The members that our events have, as Suricata 8 and its main branch have them.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "eve.schema.json"), encoding="utf-8") as file:
    SCHEMA = json.load(file)
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
    events = gateway.events()
    check({e["event_type"] for e in events} >= set(TYPES), f"types that were seen: { {e['event_type'] for e in events} }")
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
