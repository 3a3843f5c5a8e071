"""What a Python program of bench/ found: the same lines that report.h writes, with the same rules."""
import json
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
QUICK = os.environ.get("QUICK", "0") not in ("", "0")
CLAIM = re.compile(
    r'^BH_CLAIM\((\w+), (\w+), "([^"]*)", (AT_MOST|AT_LEAST), ([\d.]+), "([^"]*)", "([^"]*)"\)$', re.M)
CLAIMS = {m[1]: {"id": m[1], "program": m[2], "claim": m[3], "op": "<=" if m[4] == "AT_MOST" else ">=", "target": float(m[5]),
                 "unit": m[6], "rival": m[7]} for m in CLAIM.finditer((HERE / "claim.def").read_text())}


def spread(samples):
    v = sorted(samples)
    n = len(v)
    return v[n // 2], {"min": v[0], "p25": v[n // 4], "p75": v[n * 3 // 4]}


def write(obj):
    path = os.environ.get("BENCH_JSON")
    if not path:
        return
    obj["command"] = ("QUICK=1 " if QUICK else "") + " ".join(sys.argv)
    with open(path, "a") as f:
        f.write(json.dumps(obj) + "\n")


def line(text, median, s, goal, unit):
    print(f"{text:<70} {median:>10,.4g} {s['min']:>10,.4g} {s['p25']:>10,.4g} {s['p75']:>10,.4g} {goal:>9}  {unit}", flush=True)


def heading(text):
    print(f"\n{text:<70} {'median':>10} {'min':>10} {'p25':>10} {'p75':>10} {'target':>9}")


def claim(key, samples, rival=None):
    """rival: what it was this time, with its version."""
    c = dict(CLAIMS[key])
    del c["program"]
    median, s = spread(samples)
    c.update(kind="claim", measured=median, spread=s, ok=median <= c["target"] if c["op"] == "<=" else median >= c["target"])
    if rival:
        c["rival"] = rival
    line(c["claim"], median, s, f"{c['op']} {c['target']:g}", c["unit"])
    print("  holds" if c["ok"] else "  DOES NOT HOLD")
    write(c)


def unmeasured(key, why):
    print(f"{CLAIMS[key]['claim']}: not measured: {why}", flush=True)
    write({"kind": "unmeasured", "id": key, "why": why})


def figure(group, text, unit, samples):
    median, s = spread(samples)
    line(text, median, s, "-", unit)
    write({"kind": "figure", "claim": f"{group}: {text}", "unit": unit, "rival": "", "measured": median, "spread": s})


def point(plot, series, x, samples):
    median, s = spread(samples)
    write({"kind": "point", "plot": plot, "series": series, "x": x, "measured": median, "spread": s})
