#!/usr/bin/env python3
"""Bulkhead beside those who forward packets, on the same two memif ports, in one run; rounds take turns.

    rivals.py          QUICK=1: fewer and shorter rounds

Each has one CPU; bench_wire sends and receives on another: 64-byte UDP, 10,000 flows at random, half in each direction.
Bulkhead is the daemon with its defaults and ten rules. Who does not pass what is allowed, or passes what is not, is no rival
(testpmd passes everything: it is what the ports can do). A rate is what came out; latency is measured at half of what
Bulkhead takes, for testpmd and Bulkhead, and what Bulkhead adds is the difference of the same quantile. Suricata does not forward:
it and Bulkhead read captures (lib/replay.py).

    rivals.py replay       captures alone
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import kernel
import replay
import tell
import topology

ROUNDS, MS = (7, 150) if tell.QUICK else (31, 400)
WORST_US = 1310  # of what bench_wire tells apart
QUIET_US = 50  # of testpmd, that passes everything: more is the machine's


def rates(wire):
    out = {d.name: [] for d in wire.duts}
    for i in range(ROUNDS):
        for k in range(len(wire.duts)):
            d = wire.duts[(i + k) % len(wire.duts)]
            wire.turn(d, f"rate {d.pair} {MS // 3}")  # its caches, and what waited in rings
            for _ in range(4):
                r = wire.turn(d, f"rate {d.pair} {MS}")
                if r["received"] != 0:
                    break  # else it was never given the CPU
            else:
                raise SystemExit(f"rivals: nothing came through {d.name}: no figures")
            out[d.name].append(r["received"] / r["seconds"])
    return out


def quantile(answer, share):
    """us[k] is what a share of 1 - 10^(-k/20) did not exceed."""
    k = {0.5: 6, 0.99: 40, 0.999: 60}[share]
    return answer["us"][min(k, len(answer["us"]) - 1)]


def latencies(wire, pps):
    bare, ours = ([next(d for d in wire.duts if d.name == n)] for n in (topology.Testpmd.name, topology.Bulkhead.name))
    all_of = {d.name: [] for d in bare + ours}
    for i in range(ROUNDS):
        for d in (bare + ours)[::1 if i % 2 else -1]:
            wire.turn(d, f"latency {d.pair} {pps:.0f} {MS // 5}")
            all_of[d.name].append(wire.turn(d, f"latency {d.pair} {pps:.0f} {MS}"))
    for name, answers in all_of.items():
        for k in range(101):
            tell.point("latency", name, 10 ** (-k / 20), [a["us"][min(k, len(a["us"]) - 1)] for a in answers])
        for share in (0.5, 0.99, 0.999):
            tell.figure("latency one way at half load", f"{name}, p{share * 100:g}", "us", [quantile(a, share) for a in answers])
    pairs = list(zip(all_of[topology.Bulkhead.name], all_of[topology.Testpmd.name]))
    for key, share in (("LATENCY_P50", 0.5), ("LATENCY_P99", 0.99)):
        # What is added to a wait for the CPU says nothing, of either sign; nor does more than the histogram tells apart.
        quiet = [(a, b) for a, b in pairs if quantile(b, share) <= QUIET_US and quantile(a, share) < WORST_US]
        if 2 * len(quiet) <= len(pairs):
            tell.unmeasured(key, f"other programs had the CPUs: in {len(pairs) - len(quiet)} of {len(pairs)} rounds packets took "
                                 f"more than {QUIET_US} us through testpmd, or more than a millisecond through Bulkhead")
        else:
            tell.claim(key, [quantile(a, share) - quantile(b, share) for a, b in quiet])


def over_memif():
    wire = topology.Wire([topology.Testpmd, topology.Bulkhead, topology.Ovs])
    try:
        for d in wire.duts:
            if d.name != topology.Testpmd.name and d.checked["stopped"] != 5:
                raise SystemExit(f"rivals: {d.name} passes what no rule allows ({d.checked}): no figures")
        for name, why in wire.missing.items():
            print(f"{name} is skipped: {why}")
        names = [d.name for d in wire.duts]
        if topology.Bulkhead.name not in names:
            for key in ("OVER_OVS", "LATENCY_P50", "LATENCY_P99"):
                tell.unmeasured(key, wire.missing[topology.Bulkhead.name])
            return None
        tell.heading("one CPU, memif, 64-byte UDP, 10,000 flows at random")
        got = rates(wire)
        for i, (name, r) in enumerate(got.items()):
            tell.figure("over memif", name, "packets/s", r)
            tell.point("rivals", name, i, [x / 1e6 for x in r])
        ours = got[topology.Bulkhead.name]
        if topology.Ovs.name in got:
            tell.claim("OVER_OVS", [a / b for a, b in zip(ours, got[topology.Ovs.name])])
        else:
            tell.unmeasured("OVER_OVS", wire.missing[topology.Ovs.name])
        if topology.Testpmd.name in got:
            latencies(wire, tell.spread(ours)[0] / 2)
        else:
            for key in ("LATENCY_P50", "LATENCY_P99"):
                tell.unmeasured(key, wire.missing[topology.Testpmd.name])
        return ours
    finally:
        wire.close()


def over_kernel(ours):
    """The kernel's ports can't be memif: compared is CPU time, of the kernel's without what sending to it takes, of Bulkhead's with
    all that memif takes."""
    tell.heading("CPU for a packet forwarded")
    try:
        if not ours:
            raise topology.Missing("Bulkhead was not measured")
        k = kernel.Kernel()
        try:
            theirs = [k.cost_ns(MS) for _ in range(len(ours))]
        finally:
            k.close()
    except topology.Missing as why:
        tell.unmeasured("OVER_NFTABLES", str(why).replace('"', "'").replace("\n", " "))
        return
    tell.figure("CPU for a packet", "nftables with conntrack in the kernel", "ns", theirs)
    tell.figure("CPU for a packet", "Bulkhead, memif included", "ns", [1e9 / r for r in ours])
    tell.claim("OVER_NFTABLES", [t * r / 1e9 for t, r in zip(theirs, ours)])


def main():
    if sys.argv[1:] != ["replay"]:
        over_kernel(over_memif())
    replay.over_suricata()


if __name__ == "__main__":
    main()
