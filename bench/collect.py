#!/usr/bin/env python3
"""Makes of what the programs of bench/ wrote, a JSON object a line:

    results.json   an array of claims: claim, measured, target, op, unit, ok, rival, command, spread, ...
    figures.json   an array of what else was measured, and the points of the pictures
    machine.json   where and with what versions

and prints the table. A claim of claim.def that no program answered is in results.json with ok false and why.

    collect.py LINES FOLDER [--check]   --check: exit 1 when a claim does not hold
"""
import json
import pathlib
import platform
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LINE = re.compile(
    r'^BH_CLAIM\((\w+), (\w+), "([^"]*)", (AT_MOST|AT_LEAST), ([\d.]+), "([^"]*)", "([^"]*)"\)$')
NEEDED = {"claim": str, "measured": (int, float, type(None)), "target": (int, float), "unit": str, "ok": bool,
          "rival": str, "command": str, "spread": dict, "op": str}


def words(command, pattern=None):
    """First line that a command prints, or the pattern's group in its output; "-": it is not there."""
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "-"
    if out.returncode != 0:
        return "-"
    text = out.stdout + out.stderr
    if pattern:
        found = re.search(pattern, text)
        return found.group(1) if found else "-"
    return text.strip().splitlines()[0] if text.strip() else "-"


def package(name):
    return words(["dpkg-query", "-W", "-f", "${Version}", name])


def first(path, pattern, default="-"):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(errors="replace"), re.M)
    except OSError:
        return default
    return found.group(1) if found else default


def machine():
    pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
    return {
        "cpu": first("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "mhz": first("/proc/cpuinfo", r"^cpu MHz\s*: (.*)$"),
        "cores": len(re.findall(r"^processor", pathlib.Path("/proc/cpuinfo").read_text(), re.M)),
        "memory_gib": round(int(first("/proc/meminfo", r"^MemTotal:\s*(\d+)", "0")) / 2 ** 20, 1),
        "kernel": platform.release(),
        "hugepages_2m": first(pages + "nr_hugepages", r"(\d+)", "0"),
        "load": first("/proc/loadavg", r"^(\S+)"),
        "versions": {
            "bulkhead": words(["git", "-C", str(HERE), "describe", "--always", "--dirty", "--tags"]),
            "dpdk": package("libdpdk-dev"),
            "hyperscan": package("libhyperscan-dev"),
            "gcc": words(["gcc", "-dumpfullversion"]),
            "debian": first("/etc/debian_version", r"(\S+)"),
            "openvswitch-switch-dpdk": package("openvswitch-switch-dpdk"),
            "nftables": package("nftables"),
            "libmodsecurity3": package("libmodsecurity3"),
            "modsecurity-crs": package("modsecurity-crs"),
            "suricata": package("suricata"),
        },
    }


def claims_of_def():
    out = {}
    for line in (HERE / "claim.def").read_text().splitlines():
        if not line.startswith("BH_CLAIM("):
            continue
        m = LINE.match(line)
        if not m:
            raise SystemExit(f"collect: claim.def: can't read: {line}")
        out[m[1]] = {"id": m[1], "program": m[2], "claim": m[3], "op": "<=" if m[4] == "AT_MOST" else ">=",
                     "target": float(m[5]), "unit": m[6], "rival": m[7]}
    return out


def validate(results):
    """What a reader of results.json may rely on; ok is computed here once more."""
    for r in results:
        for key, kind in NEEDED.items():
            if not isinstance(r.get(key), kind) or (kind is not bool and isinstance(r.get(key), bool)):
                raise SystemExit(f"collect: {key} of {r.get('claim')!r} is {r.get(key)!r}")
        m = r["measured"]
        ok = m is not None and (m <= r["target"] if r["op"] == "<=" else m >= r["target"])
        if ok != r["ok"]:
            raise SystemExit(f"collect: {r['claim']!r} says ok {r['ok']}, {m} {r['op']} {r['target']} is {ok}")


def gather(lines):
    wanted, results, figures, why = claims_of_def(), {}, [], {}
    for line in lines:
        r = json.loads(line)
        kind = r.pop("kind")
        if kind == "unmeasured":
            why[r["id"]] = (r["why"], r["command"])
        elif kind == "claim":
            # A program may be run twice: what it said last counts.
            results[r.get("id", r["claim"])] = r
        else:
            figures.append(dict(r, kind=kind))
    named = []
    for key, claim in wanted.items():
        reason, command = why.get(key, (f"{claim['program']} did not run or ended early", ""))
        r = results.pop(key, None) or dict(claim, measured=None, ok=False, spread={}, command=command, why=reason)
        named.append(dict(r, program=claim["program"]))
    return named + list(results.values()), figures


def number(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def table(results, head):
    v = head["versions"]
    print(f"\n{head['cpu']}, {head['cores']} CPUs, {head['mhz']} MHz, {head['memory_gib']} GiB, "
          f"{head['hugepages_2m']} huge pages; Linux {head['kernel']}, Debian {v['debian']}; load {head['load']}")
    print(", ".join(f"{k} {x}" for k, x in v.items() if x != "-"))
    print(f"\n{'claim':<80} {'measured':>11} {'target':>13} {'unit':<9} {'ok':<4} rival; command")
    for r in results:
        print(f"{r['claim']:<80.80} {number(r['measured']):>11} {r['op'] + ' ' + number(r['target']):>13} "
              f"{r['unit']:<9} {'yes' if r['ok'] else 'NO':<4} "
              f"{'; '.join(x for x in (r.get('why'), r['rival'], r['command']) if x)}")
    print(f"\n{sum(r['ok'] for r in results)} of {len(results)} claims hold")


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(args) != 2:
        raise SystemExit(__doc__)
    folder = pathlib.Path(args[1])
    results, figures = gather(pathlib.Path(args[0]).read_text().splitlines())
    validate(results)
    head = machine()
    for name, data in (("results", results), ("figures", figures), ("machine", head)):
        (folder / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    table(results, head)
    print(f"in {folder}/results.json, figures.json, machine.json")
    if "--check" in sys.argv and not all(r["ok"] for r in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
