"""Policies drawn at random, with zones, borders, cardholder data and modes, and NetworkPolicies: of the first packets of
hundreds of connections through the running gateway exactly those arrive that an independent evaluator lets through."""

import json
import os
import random
import subprocess
import sys
import time

from lib.check import check, main, same, until
from lib.gateway import BUILD, DIR, Gateway
from lib.wire import Capture, mac, make, raw
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from evaluator import network_policy, own  # noqa: E402

SEED = 20260401
NUMBER = {"TCP": 6, "UDP": 17}


def frame(cell, index):
    source, destination, proto, port = cell
    l4 = TCP(sport=1024 + index, dport=port, flags="S") if proto == 6 else UDP(sport=1024 + index, dport=port) / b"data"
    ip = (IPv6 if ":" in source else IP)(src=source, dst=destination)
    return bytes(Ether(src=mac("shop"), dst=mac("cde")) / ip / l4)


def sources(frames):
    """Source ports: which cells arrived."""
    out = set()
    for _, f in frames:
        at = 14 + (40 if f[12:14] == b"\x86\xdd" else 20)
        out.add(int.from_bytes(f[at:at + 2], "big") - 1024)
    return out


def send(gateway, sock, cells):
    """All of them, and back when the gateway has seen the last."""
    before = gateway.total()["packets"]
    for i, cell in enumerate(cells):
        sock.send(frame(cell, i))
        if i % 16 == 15:
            time.sleep(0.01)
    until(lambda: gateway.total()["packets"] >= before + len(cells), "the gateway took all frames", 60)


def world(gateway, sock, name, document, cells, want):
    same(gateway.put_policy(document)[0], 200, f"policy of {name}")
    seen = Capture("cde", f"ether src {mac('shop')} and (tcp or udp) and not port 5353")
    send(gateway, sock, cells)
    arrived = sources(seen.frames())
    wrong = [(c, "passed" if i in arrived else "held") for i, (c, w) in enumerate(zip(cells, want)) if (i in arrived) != w]
    check(not wrong, f"{name}: {len(wrong)} of {len(cells)} cells differ: {wrong[:5]}")
    check(any(want) and not all(want), f"{name} decides something")
    return len(cells)


def own_world(seed):
    rng = random.Random(seed)
    policy, pairs = own.draw(rng)
    cells = [(a, b, *s) for a, b in pairs for s in rng.sample([(6, 80), (6, 81), (17, 53), (17, 61)], 2)]
    want = [policy.decide(*c).fate == "pass" for c in cells]
    return json.dumps(policy.document()), cells, want


def kubernetes_world(seed):
    rng = random.Random(seed)
    cluster = network_policy.draw(rng)
    path = os.path.join(DIR, f"cluster-{seed}.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n---\n".join(json.dumps(p, indent=1) for p in cluster.policies))
    done = subprocess.run([f"{BUILD}/bulkheadctl", "import", path, "--pods", network_policy.PODS], capture_output=True,
                          text=True, timeout=60)
    check(done.returncode in (0, 1), f"import: {done.stderr}")
    drawn = [(a, b, *s) for a, b in cluster.pairs()
             for s in rng.sample([("TCP", 80), ("TCP", 81), ("TCP", 443), ("UDP", 53)], 2)]
    cells = [(a, b, NUMBER[proto], port) for a, b, proto, port in drawn]
    return done.stdout + "endpoints: " + json.dumps(cluster.endpoints()), cells, [cluster.allowed(*c) for c in drawn]


def mixed(drawn):
    """Worlds in which something passes and something does not."""
    return any(drawn[2]) and not all(drawn[2])


def test():
    make()
    gateway = Gateway().start()
    sock, n = raw("shop"), 0
    for name, draw in (("own", own_world), ("NetworkPolicies", kubernetes_world)):
        worlds = [w for w in map(draw, range(SEED, SEED + 8)) if mixed(w)][:3]
        for i, (document, cells, want) in enumerate(worlds):
            n += world(gateway, sock, f"{name} {i}", document, cells, want)
    check(n > 1000, f"only {n} cells")
    sock.close()
    gateway.stop()


main(test)
