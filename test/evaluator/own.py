"""Our own YAML (docs/policy.md): segments, zones, namespaces, rules, modes; and documents drawn at random."""

import ipaddress
import re
from collections import namedtuple

MODES = ["discover", "monitor", "protect"]
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58}

# fate: "pass" or the reason of a drop; verdict, mode and rule as a flow's record says them
Decision = namedtuple("Decision", "fate verdict mode rule reason")


def met(requirement, labels):
    """One requirement of a selector: (key, operator, values)."""
    key, op, values = requirement
    value = labels.get(key)
    if op == "in":
        return value in values
    if op == "notin":
        return value not in values
    if op == "exists":
        return value is not None
    if op == "absent":
        return value is None
    if op == "prefix":
        return value is not None and any(value.startswith(v) for v in values)
    if op == "contains":
        return value is not None and any(v in value for v in values)
    if op == "~":
        return value is not None and re.search(values[0], value) is not None
    return value is None or re.search(values[0], value) is None  # !~


def selector_text(requirements):
    def one(key, op, values):
        if op in ("exists", "absent"):
            return key if op == "exists" else "!" + key
        if op in ("~", "!~"):
            return f'{key} {op} "{values[0]}"'
        if op in ("in", "notin") and len(values) == 1:
            return f"{key}{'=' if op == 'in' else '!='}{values[0]}"
        return f"{key} {op} ({', '.join(values)})"
    return ", ".join(one(*r) for r in requirements)


class Policy:
    """What a document says. Built by drawing; document() is its text, decide() its meaning."""

    def __init__(self):
        self.internal = ["10.0.0.0/8", "fd00::/8"]
        self.endpoints = []  # (prefix, labels)
        self.segments = {}  # name: {"selector": requirements, "addresses": [...], "mode": ...}
        self.zones = {}  # name: {"segments", "addresses", "intra", "cde"}
        self.boundary = []  # namespaces
        self.rules = []  # {"id", "from", "to", "ports", "action"}
        self.default, self.override, self.strict = "protect", None, False

    # ---- its text ----

    def document(self):
        segments = {}
        for name, s in self.segments.items():
            segments[name] = {k: selector_text(v) if k == "selector" else v for k, v in s.items() if v}
        return {
            "version": 1,
            "networks": {"internal": self.internal},
            "modes": {"default": self.default, "override": self.override or "none",
                      "contention": "strict" if self.strict else "basic"},
            "endpoints": [{"address": a, "labels": labels} for a, labels in self.endpoints],
            "segments": segments,
            "zones": {n: {k: v for k, v in z.items() if v} for n, z in self.zones.items()},
            "namespaces": {"boundary": self.boundary},
            "rules": [dict(r, owner="team", reason="drawn", expires="2199-01-01") for r in self.rules],
        }

    # ---- who is it ----

    def labels(self, address):
        a = ipaddress.ip_address(address)
        best = None
        for prefix, labels in self.endpoints:
            net = ipaddress.ip_network(prefix)
            if a.version == net.version and a in net and (best is None or net.prefixlen > best[0]):
                best = (net.prefixlen, labels)
        return None if best is None else best[1]

    @staticmethod
    def _within(address, prefixes):
        a = ipaddress.ip_address(address)
        return any(a.version == ipaddress.ip_network(p).version and a in ipaddress.ip_network(p) for p in prefixes)

    def member_of(self, address):
        """Names of segments, zones and namespaces that it is in; or the reserved one."""
        labels = self.labels(address)
        found = set()
        for name, s in self.segments.items():
            selector = s.get("selector")
            if selector and labels is not None and all(met(r, labels) for r in selector):
                found.add(name)
            if self._within(address, s.get("addresses") or []):
                found.add(name)
        for name, z in self.zones.items():
            if found & set(z.get("segments") or []) or self._within(address, z.get("addresses") or []):
                found.add("zone:" + name)
        if labels is not None:
            found |= {"namespace:" + n for n in self.boundary if labels.get("namespace") == n}
        if not found and labels is None:
            return {"unknown" if self._within(address, self.internal) else "external"}
        return found

    # ---- may they ----

    @staticmethod
    def _port(text, proto, port):
        if text == "any":
            return True
        name, _, rest = text.partition("/")
        if PROTOCOLS[name] != proto:
            return False
        first, _, last = rest.partition("-")
        return not rest or int(first) <= port <= int(last or first)

    def _side(self, side, member):
        names = [side] if isinstance(side, str) else side
        return "any" in names or bool(member & set(names))

    def _rule(self, src, dst, proto, port):
        for r in self.rules:
            ports = r["ports"] if isinstance(r["ports"], list) else [r["ports"]]
            if self._side(r["from"], src) and self._side(r["to"], dst) and any(self._port(p, proto, port) for p in ports):
                return r
        return None

    def _fences(self, inside, other):
        """Zones and namespaces that keep to themselves, which one end is in and the other is not."""
        zones = {"zone:" + n for n, z in self.zones.items() if z.get("intra") == "only"}
        return ({n for n in inside - other if n in zones},
                {n for n in inside - other if n.startswith("namespace:")})

    def _border(self, rule, src, dst):
        """The reason why what a rule allows stays inside, or None."""
        for side, inside, other in (("from", src, dst), ("to", dst, src)):
            if self._fences(inside, other)[1]:
                return "namespace_boundary"
        for side, inside, other in (("from", src, dst), ("to", dst, src)):
            names = [rule[side]] if isinstance(rule[side], str) else rule[side]
            if self._fences(inside, other)[0] and not all(":" in n for n in names):
                return "zone_boundary"
        return None

    def _mode_of(self, member):
        """None: it has none of its own."""
        if not member or member & {"external", "unknown"}:
            return None
        named = [self.segments[n]["mode"] for n in member if n in self.segments and self.segments[n].get("mode")]
        return max(named, key=MODES.index) if named else self.default

    def mode(self, src, dst):
        a, b = self._mode_of(src), self._mode_of(dst)
        if self.override:
            return self.override
        if a is None or b is None:
            return a or b or self.default
        cde = any("zone:" + n in src | dst for n, z in self.zones.items() if z.get("cde"))
        return (max if self.strict or cde else min)(a, b, key=MODES.index)

    def decide(self, source, destination, proto, port):
        src, dst = self.member_of(source), self.member_of(destination)
        rule = self._rule(src, dst, proto, port)
        mode = self.mode(src, dst)
        if rule is None:
            nobody = any(not m or "unknown" in m for m in (src, dst))
            verdict, reason = "deny", "unknown_segment" if nobody else "default_deny"
        else:
            verdict, reason = rule["action"], "rule_" + rule["action"]
            border = self._border(rule, src, dst) if verdict == "allow" else None
            if border:
                verdict, reason = "deny", border
        name = rule["id"] if rule else None
        if verdict == "allow":
            return Decision("pass", "allow", mode, name, reason)
        if mode == "discover":
            return Decision("pass", "allow", mode, name, "discover")
        return Decision("pass" if mode == "monitor" else reason, "violate" if mode == "monitor" else verdict, mode, name, reason)


# ---- drawing -----------------------------------------------------------------------------------------------------

APPS = ["web-1", "web-2", "api", "db", "cards"]
NAMESPACES = ["shop", "pay", "ops"]
SERVICES = ["any", "tcp", "tcp/80", "tcp/75-85", "udp/53", "udp/50-60", "sctp/38412"]


def _requirements(rng):
    drawn, keys = [], rng.sample(["app", "tier", "namespace"], rng.randint(1, 2))
    for key in keys:
        values = {"app": APPS, "tier": ["front", "back"], "namespace": NAMESPACES}[key]
        op = rng.choice(["in", "in", "in", "notin", "exists", "absent", "prefix", "contains", "~", "!~"])
        few = rng.sample(values, rng.randint(1, 2))
        if op == "prefix":
            few = sorted({v[:rng.randint(1, 3)] for v in few})
        elif op == "contains":
            few = sorted({v[1:3] for v in few})
        elif op in ("~", "!~"):
            few = [rng.choice(["^web-[0-9]$", "a", "^(api|db)$", "[-ct]", "^s.*p$"])]
        drawn.append((key, op, [] if op in ("exists", "absent") else few))
    return drawn


def _draw_ends(rng, p):
    for i in range(1, 9):
        labels = {"namespace": rng.choice(NAMESPACES)}
        if rng.random() < 0.9:
            labels["app"] = rng.choice(APPS)
        if rng.random() < 0.6:
            labels["tier"] = rng.choice(["front", "back"])
        p.endpoints.append((f"10.1.0.{i}" if i < 6 else f"fd00:1::{i}", labels))
    p.endpoints.append(("10.2.0.0/28", {"app": "db", "namespace": rng.choice(NAMESPACES)}))


def _draw_segments(rng, p):
    for i in range(rng.randint(3, 7)):
        s = {"mode": rng.choice([None, None, *MODES])}
        if rng.random() < 0.85:
            s["selector"] = _requirements(rng)
        if rng.random() < 0.2 or "selector" not in s:
            s["addresses"] = [rng.choice(["10.1.0.0/30", "192.0.2.0/28", "10.2.0.0/24", "fd00:1::/125", "2001:db8::/64"])]
        p.segments[f"s{i}"] = s
    for i in range(rng.randint(0, 3)):
        z = {"segments": rng.sample(sorted(p.segments), rng.randint(1, 2)), "intra": rng.choice(["any", "only"]),
             "cde": rng.random() < 0.3}
        if rng.random() < 0.4:
            z["addresses"] = [rng.choice(["192.0.2.0/30", "10.1.0.4/31", "2001:db8::/127"])]
        p.zones[f"z{i}"] = z
    if rng.random() < 0.3:
        p.boundary = [rng.choice(NAMESPACES)]


def draw(rng):
    """A policy, and addresses of whoever may be an end: endpoints, segments by address, nobody, strangers."""
    p = Policy()
    _draw_ends(rng, p)
    _draw_segments(rng, p)
    names = list(p.segments) + ["zone:" + z for z in p.zones] * 2 + ["external", "unknown", "any"]
    names += ["namespace:" + n for n in p.boundary]
    for i in range(rng.randint(4, 14)):
        def side():
            drawn = rng.sample(names, rng.choice([1, 1, 2]))
            return "any" if "any" in drawn else sorted(set(drawn))
        p.rules.append({"id": f"r{i}", "from": side(), "to": side(), "ports": rng.sample(SERVICES, rng.choice([1, 1, 2])),
                        "action": rng.choice(["allow", "allow", "allow", "deny", "reject"])})
        if "any" in p.rules[-1]["ports"]:
            p.rules[-1]["ports"] = "any"
    p.default = rng.choice(["protect", "protect", *MODES])
    p.override = rng.choice([None] * 5 + MODES)
    p.strict = rng.random() < 0.5
    v4 = [a for a, _ in p.endpoints if "/" not in a and ":" not in a] + ["10.2.0.3", "10.9.9.9", "192.0.2.2", "198.51.100.7"]
    v6 = [a for a, _ in p.endpoints if ":" in a] + ["fd00:9::9", "2001:db8::1", "2001:db8:ffff::7"]
    return p, [(a, b) for ends in (v4, v6) for a in ends for b in ends if a != b]
