"""Every cell of thousands (from whom, to whom, protocol, port) is decided on a real packet as an evaluator decides it that
knows nothing but the documents: NetworkPolicies, the two tables of contention, zones and rules of our own YAML."""

import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter

from lib import capture, scenario
from lib.capture import ETHERNET, Record
from lib.packets import TCP, UDP, frame
from scapy.layers.sctp import SCTP, SCTPChunkInit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from evaluator import network_policy, own  # noqa: E402

WORLDS = 14
SEED = 20260301
CONFIG = "flows: {max: 8192}\nmemory: {mbufs: 4096}\n"
NUMBER = {"TCP": 6, "UDP": 17, "SCTP": 132}


def packet(source, destination, proto, port, index):
    """The first packet of a connection; index: its source port tells it from all others."""
    sport = 1024 + index
    l4 = {6: lambda: TCP(sport=sport, dport=port, flags="S", seq=1), 17: lambda: UDP(sport=sport, dport=port) / b"data",
          132: lambda: SCTP(sport=sport, dport=port) / SCTPChunkInit()}[proto]()
    return bytes(frame(source, destination, l4))


class Cells:
    """cells: (from, to, protocol, port); want: what the evaluator says of each."""

    def __init__(self, name, cells, want):
        self.name, self.cells, self.want = name, cells, want
        scenario.check(0 < len(cells) < 60000, "more cells than source ports")

    def policy(self, _):
        raise NotImplementedError

    def compare(self, cell, want, passed, flow):
        raise NotImplementedError

    def run(self, directory):
        scenario.write(directory, "policy.yaml", self.policy(directory))
        scenario.write(directory, "config.yaml", "policy: policy.yaml\nmode: protect\n" + CONFIG)
        frames = [packet(*c, i) for i, c in enumerate(self.cells)]
        records = [Record(scenario.START + i * 2000000, ETHERNET, f, len(f)) for i, f in enumerate(frames)]
        scenario.write(directory, "in", capture.pcap(records, ETHERNET))
        done = scenario.replay(directory, ["-c", "config.yaml", "-r", "in", "-w", "forwarded", "-e", "eve.json",
                                           "--stats", "stats.json"])
        scenario.check(done.returncode == 0, f"exit code {done.returncode}: {done.stderr}")
        scenario.read_stats(directory)
        passed = {r.data for r in capture.read(os.path.join(directory, "forwarded"))}
        flows = {e["src_port"] - 1024: e for e in scenario.read_events(directory) if e["event_type"] == "flow"}
        wrong = []
        for i, (cell, want) in enumerate(zip(self.cells, self.want)):
            text = self.compare(cell, want, frames[i] in passed, flows.get(i))
            if text:
                wrong.append(f"{cell}: {text}")
        scenario.check(not wrong, f"{len(wrong)} of {len(self.cells)} cells differ:\n" + "\n".join(wrong[:20]))


class Own(Cells):
    def __init__(self, name, policy, cells):
        super().__init__(name, cells, [policy.decide(*c) for c in cells])
        self.drawn = policy

    def policy(self, _):
        return json.dumps(self.drawn.document(), indent=1)

    def compare(self, cell, want, passed, flow):
        if passed != (want.fate == "pass"):
            return f"{'passed' if passed else 'dropped'}, expected {want}"
        if flow is None:
            return f"no record of its flow, expected {want}"
        b = flow["bulkhead"]
        got = own.Decision(want.fate, b["verdict"], b["mode"], b.get("rule_id"), b["reason"])
        return None if got == want else f"recorded {got}, expected {want}"


class Kubernetes(Cells):
    def __init__(self, name, cluster, cells):
        super().__init__(name, [(a, b, NUMBER[proto], port) for a, b, proto, port in cells],
                         [cluster.allowed(*c) for c in cells])
        self.cluster = cluster

    def policy(self, directory):
        scenario.write(directory, "networkpolicies.yaml", "\n---\n".join(json.dumps(p, indent=1)
                                                                    for p in self.cluster.policies))
        done = subprocess.run([os.path.join(scenario.B, "bulkheadctl"), "import", "networkpolicies.yaml", "--pods",
                               network_policy.PODS], cwd=directory, capture_output=True, text=True, timeout=60)
        # What was drawn may hold peers that nobody can be; nothing else may be left out.
        told = [t for t in done.stderr.splitlines() if not t.endswith((
            "this peer can match nothing: left out", "nothing is left of this rule: left out"))]
        scenario.check(done.returncode in (0, 1) and not told, f"import: {done.returncode} {told}")
        return done.stdout + "\nendpoints: " + json.dumps(self.cluster.endpoints()) + "\n"

    def compare(self, cell, want, passed, flow):
        return None if passed == want else f"{'passed' if passed else 'dropped'}, expected {'' if want else 'not '}to pass"


def own_worlds():
    for world in range(WORLDS):
        rng = random.Random(SEED + world)
        policy, pairs = own.draw(rng)
        services = [(6, 80), (6, 81), (6, 8080), (17, 53), (132, 38412)]
        yield Own(f"own YAML {world}", policy, [(a, b, *s) for a, b in pairs for s in rng.sample(services, 3)])


def kubernetes_worlds():
    for world in range(WORLDS):
        rng = random.Random(SEED + 1000 + world)
        cluster = network_policy.draw(rng)
        services = [("TCP", 80), ("TCP", 81), ("TCP", 83), ("TCP", 443), ("TCP", 30200), ("UDP", 53), ("UDP", 54),
                    ("SCTP", 3868)]
        yield Kubernetes(f"NetworkPolicies {world}", cluster,
                         [(a, b, *s) for a, b in cluster.pairs() for s in rng.sample(services, 4)])


def contention():
    """Each mode against each, named or not, reserved or not, inside and outside of a zone of cardholder data."""
    ends = [None, *own.MODES]
    for strict, override, default in itertools.product((False, True), (None, "monitor"), own.MODES):
        p = own.Policy()
        p.strict, p.override, p.default = strict, override, default
        for i, mode in enumerate(ends):
            for j, kind in enumerate(("plain", "card")):
                p.endpoints.append((f"10.{j}.0.{i + 1}", {"app": f"{kind}{i}"}))
                p.segments[f"{kind}{i}"] = {"selector": [("app", "in", [f"{kind}{i}"])], "mode": mode}
        p.zones["cde"] = {"segments": [f"card{i}" for i in range(len(ends))], "cde": True}
        p.rules = [{"id": "allow", "from": "any", "to": "any", "ports": ["tcp/80"], "action": "allow"},
                   {"id": "reject", "from": "any", "to": "any", "ports": ["tcp/81"], "action": "reject"}]
        everybody = [a for a, _ in p.endpoints] + ["198.51.100.7", "10.9.9.9"]
        cells = [(a, b, 6, port) for a in everybody for b in everybody if a != b for port in (80, 81, 82)]
        yield Own(f"contention {'strict' if strict else 'basic'} override {override} default {default}", p, cells)


class Enough:
    """The cells are many, and of each kind there are some: a world in which all is denied shows nothing."""

    name = "the cells are thousands and of every kind"

    @staticmethod
    def run(_):
        seen = Counter(w for s in SCENARIOS[:-1] for w in s.want if isinstance(s, Kubernetes))
        kinds = Counter((w.verdict, w.mode, w.reason) for s in SCENARIOS[:-1] if isinstance(s, Own) for w in s.want)
        scenario.check(seen[True] > 1000 and seen[False] > 1000, f"NetworkPolicies: {seen}")
        scenario.check(sum(kinds.values()) > 3000, f"own: {kinds}")
        for reason in ("rule_allow", "rule_deny", "rule_reject", "default_deny", "unknown_segment", "zone_boundary",
                       "namespace_boundary"):
            for mode in ("monitor", "protect"):
                n = sum(v for k, v in kinds.items() if k[1] == mode and k[2] == reason)
                scenario.check(n >= 10, f"only {n} cells of {reason} in {mode}")
        print(f"      {sum(seen.values())} cells of NetworkPolicies, {sum(kinds.values())} of our own YAML")


SCENARIOS = [*own_worlds(), *kubernetes_worlds(), *contention(), Enough]
