"""What the tests of threats share: the list of them, and a shot: one threat provoked, and what came of it."""

import os
import re
import time

from .check import check, same, until
from .wire import Capture

# By test; together, and in any order, they are lib/threat/threat.def.
PACKETS = {
    "syn_flood", "icmp_flood", "session_limit", "invalid_packet", "teardrop", "ping_death", "syn_data", "split_handshake",
    "small_mss", "small_window", "no_client_data", "icmp_tunnel", "port_scan", "address_scan", "address_spoof", "beacon",
    "external_ip"}
APPLICATIONS = {
    "dns_loop", "dns_overflow", "dns_transfer", "dns_null", "dns_tunnel", "ssh_version_1", "heartbleed", "cipher_overflow",
    "ssl_2_3", "tls_1_0", "tls_1_1", "tls_floor", "weak_cipher", "certificate_expiry", "http_negative_length",
    "http_smuggling", "slow_request", "slow_body", "slow_read", "http2_rapid_reset", "http2_continuation",
    "http2_settings", "http2_ping", "mysql_access_denied", "brute_force"}


def complete():
    """The product knows these and no others: a threat without a provocation is a failure."""
    table = os.path.join(os.path.dirname(__file__), "../../../lib/threat/threat.def")
    with open(table, encoding="utf-8") as f:
        known = re.findall(r'^BH_THREAT\(\w+, "[^"]+", "(\w+)"', f.read(), re.M)
    same(set(known), PACKETS | APPLICATIONS, "threats that are provoked by a test")


def told(gateway, since=0):
    """Alerts about threats, without the first so many."""
    return [e for e in gateway.events("alert") if e["bulkhead"].get("sensor", "").startswith("threat.")][since:]


class Shot:
    """While the body runs: one threat is provoked. Then it has been told of, by its name, as blocked, and no other was.

    with_    threats that it is as well
    never    what of the frames that came in at `at` would mean that it was not blocked: frame -> bool
    most     so many of these may come in
    """

    def __init__(self, gateway, key, never=None, **more):
        self.gateway, self.key, self.never = gateway, key, never
        self.more = {"at": "cde", "most": 0, "with_": (), "filter": "", **more}

    def __enter__(self):
        self.since = len(told(self.gateway))
        self.capture = Capture(self.more["at"], self.more["filter"]) if self.never else None
        return self

    def alert(self):
        return next((e for e in told(self.gateway, self.since) if e["bulkhead"]["sensor"] == f"threat.{self.key}"), None)

    def __exit__(self, kind, *_):
        if kind:
            return
        alert = until(self.alert, f"an alert threat.{self.key}, only {self.names()} came", 20)
        same(alert["alert"]["action"], "blocked", f"what was done about {self.key}")
        check(alert["bulkhead"].get("attack_id", "").startswith("T1"), f"{self.key} has an ATT&CK id")
        if self.capture:
            frames = [f for _, f in self.capture.frames() if self.never(f)]
            check(len(frames) <= self.more["most"], f"{self.key}: {len(frames)} frames arrived")
        time.sleep(0.2)
        others = set(self.names()) - {self.key, *self.more["with_"]}
        check(not others, f"{self.key} was also called {others}")

    def names(self):
        return sorted({e["bulkhead"]["sensor"].removeprefix("threat.") for e in told(self.gateway, self.since)})
